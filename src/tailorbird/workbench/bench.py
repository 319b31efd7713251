"""The workbench itself."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.config import Profile
from tailorbird.data import read_documents
from tailorbird.exceptions import InvalidInputError
from tailorbird.journal import Workspace
from tailorbird.types.ids import IndexName
from tailorbird.workbench.parts import Parts
from tailorbird.workflow.arms import ArmOptions, ArmPlan, plan_arms, single_arm
from tailorbird.workflow.estimate import estimate_training
from tailorbird.workflow.index import Index, read_index
from tailorbird.workflow.progress import OnProgress, silent
from tailorbird.workflow.results import DEFAULT_CONCURRENCY
from tailorbird.workflow.search import make_query
from tailorbird.workflow.training import TuneOptions, worked_examples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from tailorbird.data import ChunkOptions, ExampleSet, QuestionSet, TokenCounter
    from tailorbird.exceptions import Problem
    from tailorbird.journal import RunRecord
    from tailorbird.protocols import Provider
    from tailorbird.report import Comparison
    from tailorbird.types.answers import Answer
    from tailorbird.types.filters import Filter
    from tailorbird.types.models import ModelCard, RoleModel
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import Document, Hit, SearchMode
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workflow.estimate import Estimate
    from tailorbird.workflow.handle import JobHandle
    from tailorbird.workflow.results import Arm


class Workbench:
    """A provider, a workspace and roles; made by `open`, or from a provider of one's own."""

    def __init__(
        self,
        provider: Provider,
        *,
        profile: Profile | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        """Put a workbench together; the provider is opened and closed with it.

        Without a profile the provider's own roles and the local engine are taken; without a
        workspace everything is kept in memory.
        """
        self.provider = provider
        """The provider: its seven interfaces can be used on their own."""
        self.profile = profile or Profile(name=provider.name, provider=provider.name)
        """The profile it was opened with."""
        self.workspace = workspace or Workspace(None)
        """Where things are kept."""
        self._parts = Parts(provider, self.workspace, self.profile)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open provider and workspace."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.workspace)
            await stack.enter_async_context(self.provider)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close both; jobs and deployments go on."""
        await self._stack.__aexit__(kind, error, traceback)

    def role(self, name: str) -> RoleModel:
        """Give the model that plays a role, `ConfigError` when none is named for it."""
        return self._parts.role(name)

    async def models(self) -> tuple[ModelCard, ...]:
        """Give the models of the account, sorted by id."""
        return tuple([card async for card in self.provider.models.list()])

    async def estimate(
        self,
        train: QuestionSet | ExampleSet,
        *,
        system: str | None = None,
        options: TuneOptions | None = None,
        count: TokenCounter | None = None,
    ) -> Estimate:
        """Say what training on these rows would use and cost; nothing is sent.

        Args:
            train: Training rows.
            system: System prompt of each row; None uses the rows' own.
            options: Base model and method; None takes the role `tune_base`, supervised.
            count: Counts the tokens of a text, e.g. `exact_counter()`; None estimates them.
        """
        options = options or TuneOptions()
        role = self._parts.find_role("tune_base")
        base = options.base or (None if role is None else role.model)
        return await asyncio.to_thread(
            estimate_training,
            train,
            system=system,
            options=options,
            base=base,
            prices=self.provider.prices,
            count=count,
        )

    async def start_fine_tune(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None = None,
        validation: QuestionSet | ExampleSet | None = None,
        options: TuneOptions | None = None,
        again: bool = False,
    ) -> JobHandle:
        """Start a run, or find the one of this name that was started before.

        The same name with the same rows and options is the same run, from whatever process.

        Args:
            train: Training rows.
            name: Name of the run: 1 to 64 letters, digits, `_`, `.`, `-`.
            system: System prompt of each row, and of every later use of the model; None uses the
                rows' own.
            validation: Rows to validate on; none of them may be in `train`.
            options: Base model, method and so on.
            again: Start anew although the run's earlier job failed or was cancelled.

        Raises:
            DataError: The rows break a rule of the provider; nothing was sent.
            UnsupportedError: The provider does not tune (any more); nothing was left behind.
            InvalidInputError: The name stands for other rows or options.
            JobOutcomeUnknownError: The creation's answer was lost; call the same again later.
        """
        base = (options and options.base) or self.role("tune_base").model
        options = (options or TuneOptions()).model_copy(update={"base": base})
        prepared = await asyncio.to_thread(
            self._parts.preparer.prepare,
            train,
            name=name,
            system=system,
            validation=validation,
            options=options,
        )
        self._parts.examples[name] = worked_examples(prepared.rows)
        job = await self._parts.tuner.start(prepared.plan, again=again)
        return self._parts.handle(name, job.id)

    async def fine_tune(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None = None,
        validation: QuestionSet | ExampleSet | None = None,
        options: TuneOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> TunedModel:
        """Start a run (or find it), wait for it, and give its model once it answers.

        The arguments are those of `start_fine_tune`; `on_progress` is called whenever the job's
        status changes. The errors are those of `start_fine_tune` and `finish`.
        """
        await self.start_fine_tune(
            train, name=name, system=system, validation=validation, options=options
        )
        return await self.finish(name, on_progress=on_progress)

    async def resume(self, name: str) -> JobHandle:
        """Find a run that was started before, in this process or another one.

        Raises:
            InvalidInputError: The workspace knows no run of that name.
            JobOutcomeUnknownError: Its creation's answer was lost: start it again by the same call.
        """
        return await self._parts.resume(name)

    async def jobs(self) -> tuple[RunRecord, ...]:
        """Give the runs that this workspace knows, newest first."""
        return await self._parts.runs()

    async def finish(
        self, name: str, *, timeout_s: float | None = None, on_progress: OnProgress = silent
    ) -> TunedModel:
        """Wait for a run and give its model, deployed where that is needed, once it answers.

        `timeout_s` limits the wait for the job; None waits as long as jobs can take.

        Raises:
            JobFailedError: The provider ended the job.
            JobCancelledError: The job was cancelled.
            WaitTimeoutError: The time is over; the job goes on.
            InvalidInputError: The workspace knows no run of that name.
        """
        return await self._parts.finish(name, timeout_s=timeout_s, on_progress=on_progress)

    async def tuned(self, name: str) -> TunedModel:
        """Give a tuned model that was finished before.

        Raises:
            InvalidInputError: The workspace has none of that name; the message lists them.
        """
        return await self._parts.tuned(name)

    async def build_index(
        self,
        documents: Path | str | Sequence[Document],
        *,
        name: str,
        chunking: ChunkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> Index:
        """Make an index hold these documents; only what changed is cut and embedded again.

        Args:
            documents: A folder, a file (`.md`, `.txt`, `.jsonl`), or documents.
            name: Name of the index: 1 to 64 letters, digits, `-`, `_`.
            chunking: How documents are cut; None takes the default.
            on_progress: Called after each group of documents.

        Raises:
            DataError: No document could be read; every file's problem is listed.
            IndexMismatchError: An index of that name exists with another model or cut.
            ProviderError: What the embedding model said; what was done so far is kept.
        """
        found: Sequence[Document]
        problems: tuple[Problem, ...] = ()
        if isinstance(documents, (str, Path)):
            read = await asyncio.to_thread(read_documents, Path(documents))
            found, problems = read, read.problems
        else:
            found = tuple(documents)
        indexer = await self._parts.indexer()
        return await indexer.build(
            found,
            name=IndexName(name),
            chunking=chunking,
            problems=problems,
            on_progress=on_progress,
        )

    async def index(self, name: str) -> Index:
        """Give an index that was built before.

        Raises:
            IndexMissingError: There is none of that name.
        """
        return await read_index(await self._parts.retrieval(), IndexName(name))

    async def search(
        self,
        query: str,
        *,
        index: Index | str,
        top_k: int = 5,
        mode: SearchMode | None = None,
        where: Filter | None = None,
    ) -> tuple[Hit, ...]:
        """Find the chunks of an index that fit a question best, best first.

        Args:
            query: Question or words, not empty.
            index: The index, or its name.
            top_k: How many hits at most, 1..50.
            mode: `vector`, `lexical` or `hybrid`; None takes the best the engine offers.
            where: Which chunks to look at; None looks at all.

        Raises:
            InvalidInputError: An argument is outside its range.
            IndexMissingError: There is no such index, or it is empty.
            IndexMismatchError: The index was built with another embedding model.
        """
        wanted = make_query(query, top_k=top_k, mode=mode, where=where)
        name = IndexName(index) if isinstance(index, str) else index.name
        searcher = await self._parts.searcher()
        return await searcher.search(name, wanted)

    async def ask(
        self,
        question: str,
        *,
        tuned: TunedModel | str | None = None,
        index: Index | str | None = None,
        system: str | None = None,
        options: ArmOptions | None = None,
    ) -> Answer:
        """Answer one question.

        Args:
            question: The question, not blank.
            tuned: Tuned model, or its name; None asks the role `chat`.
            index: Index to take passages from, or its name; None sends none.
            system: System prompt; None takes the one the tuned model was trained with.
            options: How to ask; `only_from_data` needs `index`.

        Raises:
            InvalidInputError: The question is blank, or `only_from_data` stands without `index`.
            IndexMissingError: There is no such index.
            ProviderError: What the provider said.
        """
        options = options or ArmOptions()
        if not question.strip():
            message = "the question is blank; there is nothing to ask"
            raise InvalidInputError(message)
        if options.only_from_data and index is None:
            message = "only_from_data needs an index to take the answer from: give index=…"
            raise InvalidInputError(message)
        plan = ArmPlan(
            model=self.role("chat").callable_id,
            system=system,
            tuned=await self.tuned(tuned) if isinstance(tuned, str) else tuned,
            index=await self.index(index) if isinstance(index, str) else index,
            options=options,
        )
        arm = single_arm(plan)
        answerer = await self._parts.answerer([arm])
        return await answerer.answer(arm, question)

    def arms(
        self,
        *,
        tuned: TunedModel | None = None,
        index: Index | None = None,
        system: str | None = None,
        examples: Sequence[Question] | None = None,
        options: ArmOptions | None = None,
    ) -> tuple[Arm, ...]:
        """Make the usual arms from what there is, the simplest first.

        `base` always; `prompted` with a system prompt; `few-shot` with examples; `retrieval` with
        an index; `tuned` with a tuned model; `tuned + retrieval` with both.

        Args:
            tuned: Tuned model, or None.
            index: Index, or None.
            system: System prompt; None takes the one the tuned model was trained with.
            examples: Rows for the few-shot arm; None takes the rows that the tuned model was
                trained on, where this workspace knows them.
            options: How arms are asked.
        """
        if examples is None:
            examples = () if tuned is None else self._parts.examples.get(tuned.name, ())
        plan = ArmPlan(
            model=self.role("chat").callable_id,
            system=system,
            tuned=tuned,
            index=index,
            examples=examples,
            options=options or ArmOptions(),
        )
        return plan_arms(plan)

    async def compare(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        name: str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        on_progress: OnProgress = silent,
    ) -> Comparison:
        """Ask every arm every question, score the answers, and say what to do.

        Answers are kept as they come: the same arms and questions are never asked again in this
        workspace, and a run that was broken off goes on where it stopped.

        Args:
            arms: What to compare, as `arms` gives them or of one's own making.
            questions: Test questions with accepted answers; ids must be unique.
            name: Name of the run; None makes one.
            concurrency: How many answers to ask for at once.
            on_progress: Called after each answer.

        Raises:
            InvalidInputError: There is no arm or question, or a name stands twice.
            ProviderError: All further calls would fail too; what came is kept.
        """
        comparer = await self._parts.comparer(arms, concurrency=concurrency)
        data = await comparer.compare(arms, questions, name=name, on_progress=on_progress)
        from tailorbird.report import Comparison  # noqa: PLC0415 - 15 ms of `import tailorbird`

        return Comparison(data)
