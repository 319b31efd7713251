"""What a workbench is put together from, each part made when it is first needed."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from tailorbird.config import HOSTED
from tailorbird.exceptions import ConfigError, InvalidInputError
from tailorbird.journal.threads import in_thread
from tailorbird.retrieval.engines import open_engine
from tailorbird.types.capabilities import Capability
from tailorbird.types.models import RoleModel
from tailorbird.workbench.reranking import Reranking
from tailorbird.workflow.answering.arms import ArmOptions, ArmPlan, plan_arms, single_arm
from tailorbird.workflow.money.pricing import find_price
from tailorbird.workflow.searching.selection import Rerank, Selection
from tailorbird.workflow.tuning.estimate import estimate_training

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from tailorbird.config import Profile
    from tailorbird.data import ExampleSet, QuestionSet, TokenCounter
    from tailorbird.journal import Workspace
    from tailorbird.protocols import Provider, Reranker, Retrieval
    from tailorbird.types.answers import Answer
    from tailorbird.types.filters import Filter
    from tailorbird.types.ids import IndexName, ModelId
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import SearchMode
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench.tuning import Tuning
    from tailorbird.workflow.answering.answer import Answerer
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.bulk.asking import Bulk, BulkOptions
    from tailorbird.workflow.bulk.collecting import Batches
    from tailorbird.workflow.comparing.appraising import Appraiser
    from tailorbird.workflow.comparing.compare import Comparer
    from tailorbird.workflow.progress import OnProgress
    from tailorbird.workflow.searching.embedder import Embedder
    from tailorbird.workflow.searching.index import Index
    from tailorbird.workflow.searching.retrieval_quality import RetrievalQuality
    from tailorbird.workflow.searching.search import Searcher, SearchResult
    from tailorbird.workflow.tuning.estimate import Estimate
    from tailorbird.workflow.tuning.training import TuneOptions


def _new_lock() -> asyncio.Lock:
    # asyncio costs 20 ms that `import tailorbird` does not pay.
    import asyncio  # noqa: PLC0415

    return asyncio.Lock()


@dataclass(frozen=True)
class Parts:
    """Joins a provider, a workspace and a profile into what each step of the workflow needs."""

    provider: Provider
    """Where models, jobs and files are; of a workbench, with the meter before it."""
    workspace: Workspace
    """Where everything is remembered."""
    profile: Profile
    """Which model plays which role, and which engine keeps indexes."""
    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Environment variables, for the secrets that an engine's options name."""
    own_reranker: Reranker | None = None
    """What reranks in place of a model; None takes the model of the role `reranker`."""
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Closes what was opened on the way; the workbench enters it."""
    opened: dict[str, Retrieval] = field(default_factory=dict[str, "Retrieval"])
    """The engine, once it was needed."""
    opening: asyncio.Lock = field(default_factory=_new_lock)
    """Keeps two searches from opening the engine twice."""

    def find_role(self, name: str) -> RoleModel | None:
        """Give the model that plays a role; None when neither profile nor provider names one."""
        return self.profile.roles.get(name) or self.provider.roles.get(name)

    def role(self, name: str) -> RoleModel:
        """Give the model that plays a role.

        Raises:
            ConfigError: Neither the profile nor the provider names one.
        """
        found = self.find_role(name)
        if found is None:
            message = (
                f"profile {self.profile.name!r} names no model for the role {name!r}; add"
                f' {name} = "…" to [profiles.{self.profile.name}.models]'
            )
            raise ConfigError(message)
        return found

    async def retrieval(self) -> Retrieval:
        """Give the engine in which indexes are kept.

        Raises:
            ConfigError: The profile names no known engine, or wrong options for it.
            UnsupportedError: It names the provider's own, and the provider has none.
        """
        retrieval = self.profile.retrieval
        if retrieval.engine == HOSTED:
            if retrieval.options:
                message = (
                    f"[profiles.{self.profile.name}.retrieval]: the engine {HOSTED!r} has no"
                    f" options, got {', '.join(map(repr, retrieval.options))}: leave them out"
                )
                raise ConfigError(message)
            return self.provider.retrieval
        async with self.opening:
            return self.opened.get("engine") or await self._open_engine()

    async def _open_engine(self) -> Retrieval:
        # In a thread: importing an engine reads files, and brings numpy along.
        engine = await in_thread(
            open_engine,
            self.profile.retrieval.engine,
            folder=self.workspace.index_folder,
            options=self.profile.retrieval.options,
            environ=self.environ,
        )
        self.closing.push_async_callback(engine.close)
        self.opened["engine"] = engine
        return engine

    @cached_property
    def tuning(self) -> Tuning:
        """What is done with runs of fine-tuning."""
        # It waits, and so brings asyncio, for whose 20 ms `import tailorbird` does not pay.
        from tailorbird.workbench.tuning import Tuning  # noqa: PLC0415

        return Tuning(self.provider, self.workspace, self.profile)

    async def estimate(
        self,
        train: QuestionSet | ExampleSet,
        *,
        system: str | None,
        options: TuneOptions,
        count: TokenCounter | None,
    ) -> Estimate:
        """Say what training on these rows would use and cost; see `Workbench.estimate`."""
        role = self.find_role("tune_base")
        return await in_thread(
            estimate_training,
            train,
            system=system,
            options=options,
            base=options.base or (None if role is None else role.model),
            prices=self.provider.prices,
            count=count,
        )

    @cached_property
    def embedder(self) -> Embedder:
        """Makes vectors with the model of the role `embedding`."""
        # Searching costs 2 ms that `import tailorbird` does not pay; so in `searcher`.
        from tailorbird.workflow.searching.embedder import Embedder  # noqa: PLC0415

        return Embedder(
            embeddings=self.provider.embeddings,
            model=self.role("embedding").callable_id,
            journal=self.workspace.journal,
            identity=self.provider.identity,
        )

    def embedder_for(self, engine: Retrieval) -> Embedder | None:
        """Give the embedder for an engine; None for one that embeds by itself."""
        return self.embedder if engine.traits.needs_vectors else None

    @cached_property
    def reranking(self) -> Reranking:
        """Who puts hits into a better order, and when."""
        return Reranking(
            chat=self.provider.chat,
            role=self.find_role,
            require=self.role,
            own=self.own_reranker,
            always=self.profile.retrieval.rerank,
        )

    async def searcher(self, *, reranker: Callable[[Rerank], Reranker] | None = None) -> Searcher:
        """Give what searches indexes; `reranker` makes what reranks in place of the usual one."""
        from tailorbird.workflow.searching.search import Searcher  # noqa: PLC0415

        engine = await self.retrieval()
        return Searcher(
            retrieval=engine,
            embedder=self.embedder_for(engine),
            reranker=reranker or self.reranking.make,
        )

    async def search(  # noqa: PLR0913 - those of `Workbench.search`
        self,
        query: str,
        *,
        name: IndexName,
        top_k: int,
        mode: SearchMode | None,
        where: Filter | None,
        selection: Selection | None,
        rerank: bool | Rerank | Reranker | None,
    ) -> SearchResult:
        """Find the chunks of an index that fit a question best; see `Workbench.search`."""
        from tailorbird.workflow.searching.search import make_query  # noqa: PLC0415 - as in `searcher`

        wanted = make_query(query, top_k=top_k, mode=mode, where=where)
        settings, reranker = self.reranking.chosen(rerank)
        searcher = await self.searcher(reranker=reranker)
        chosen = selection or Selection(distinct=False, join=False)
        return await searcher.select(name, wanted, chosen, rerank=settings)

    async def evaluate_retrieval(
        self,
        name: IndexName,
        questions: Sequence[Question],
        *,
        modes: Sequence[SearchMode] | None,
        where: Filter | None,
        on_progress: OnProgress,
    ) -> RetrievalQuality:
        """Measure how well an index is searched; see `Workbench.evaluate_retrieval`."""
        # Statistics cost 5 ms that `import tailorbird` does not pay.
        from tailorbird.workflow.searching.retrieval_quality import measure_retrieval  # noqa: PLC0415

        return await measure_retrieval(
            await self.searcher(),
            name,
            questions,
            modes=modes,
            where=where,
            on_progress=on_progress,
        )

    def arms(
        self,
        *,
        tuned: TunedModel | None,
        index: Index | None,
        system: str | None,
        examples: Sequence[Question] | None,
        options: ArmOptions | None,
    ) -> tuple[Arm, ...]:
        """Make the usual arms from what there is; see `Workbench.arms`."""
        if examples is None:
            examples = () if tuned is None else self.tuning.examples.get(tuned.name, ())
        plan = self._plan(tuned=tuned, index=index, system=system, options=options or ArmOptions())
        return plan_arms(replace(plan, examples=examples))

    def _plan(
        self,
        *,
        tuned: TunedModel | None,
        index: Index | None,
        system: str | None,
        options: ArmOptions,
    ) -> ArmPlan:
        rerank = None if index is None else self.reranking.settings(options.rerank)
        return ArmPlan(
            model=self.role("chat").callable_id,
            system=system,
            tuned=tuned,
            index=index,
            options=options.model_copy(update={"rerank": rerank}),
            reranker=self.reranking.identity(rerank),
        )

    async def answerer(self, arms: Sequence[Arm]) -> Answerer:
        """Give what answers questions by these arms; an engine is opened only if one needs it."""
        # Scripts and sentences behind grounding cost 10 ms that `import tailorbird` does not pay.
        from tailorbird.workflow.answering.answer import Answerer  # noqa: PLC0415
        from tailorbird.workflow.answering.shots import ShotPicker  # noqa: PLC0415

        searched = any(arm.index is not None for arm in arms)
        return Answerer(
            chat=self.provider.chat,
            clock=self.provider.clock,
            searcher=await self.searcher() if searched else None,
            shots=ShotPicker(embedder=self.embedder if self.find_role("embedding") else None),
            forms=self.provider.capabilities.supports(
                Capability.CHAT_STRUCTURED, on=self.provider.clock.now().date()
            ),
        )

    async def ask(
        self,
        question: str,
        *,
        tuned: TunedModel | None,
        index: Index | None,
        system: str | None,
        options: ArmOptions,
    ) -> Answer:
        """Answer one question; see `Workbench.ask`."""
        plan = self._plan(tuned=tuned, index=index, system=system, options=options)
        arm = single_arm(plan)
        answerer = await self.answerer([arm])
        return await answerer.answer(arm, question)

    def bulk(self, role: str, options: BulkOptions | None, *, on_progress: OnProgress) -> Bulk:
        """Give what asks many things of the model of a role, unless the options name another."""
        # As in `answerer`: a step of its own, which `import tailorbird` does not pay for.
        from tailorbird.workflow.bulk.asking import Bulk, BulkOptions  # noqa: PLC0415

        options = options or BulkOptions()
        named = options.model
        player = self.role(options.role or role) if named is None else RoleModel(model=named)
        return Bulk(
            provider=self.provider,
            workspace=self.workspace,
            model=player.callable_id,
            price=find_price(player.model, self.provider.prices),
            options=options,
            on_progress=on_progress,
        )

    async def batches(
        self, options: BulkOptions | Literal[True], *, on_progress: OnProgress
    ) -> Batches:
        """Give what asks a comparison's questions as batches."""
        from tailorbird.workflow.bulk.asking import BulkOptions  # noqa: PLC0415 - as in `bulk`
        from tailorbird.workflow.bulk.collecting import (  # noqa: PLC0415 - as in `bulk`
            Batches,
            Collector,
        )

        wanted = BulkOptions() if options is True else options

        def bulk(model: ModelId) -> Bulk:
            chosen = wanted.model_copy(update={"model": model, "role": None})
            return self.bulk("chat", chosen, on_progress=on_progress)

        return Batches(
            collector=lambda: Collector(bulk=bulk, direct=self.provider.chat),
            secret=await self.workspace.secret(),
        )

    async def comparer(
        self,
        arms: Sequence[Arm],
        *,
        concurrency: int,
        appraiser: Appraiser | None = None,
        batches: Batches | None = None,
        stream: bool = False,
    ) -> Comparer:
        """Give what compares these arms, so many answers at a time."""
        # Scoring and statistics cost 20 ms that `import tailorbird` does not pay.
        from tailorbird.workflow.comparing.appraising import Appraiser  # noqa: PLC0415
        from tailorbird.workflow.comparing.compare import Comparer  # noqa: PLC0415

        return Comparer(
            answerer=replace(await self.answerer(arms), streamed=stream),
            journal=self.workspace.journal,
            clock=self.provider.clock,
            capabilities=self.provider.capabilities,
            identity=self.provider.identity,
            prices=self.provider.prices,
            trained=[
                row
                for name in dict.fromkeys(arm.tuned.name for arm in arms if arm.tuned is not None)
                for row in self.tuning.examples.get(name, ())
            ],
            appraiser=appraiser or Appraiser(),
            concurrency=concurrency,
            batches=batches,
        )


def check_question(question: str, options: ArmOptions, *, searched: bool) -> None:
    """Do nothing for a question that can be asked.

    Raises:
        InvalidInputError: It is blank, or wants its answer from data and no index is searched.
    """
    if not question.strip():
        message = "the question is blank; there is nothing to ask"
        raise InvalidInputError(message)
    if options.only_from_data and not searched:
        message = "only_from_data needs an index to take the answer from: give index=…"
        raise InvalidInputError(message)
