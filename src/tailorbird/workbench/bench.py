"""The workbench itself."""

from __future__ import annotations

import math
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tailorbird.config import Profile
from tailorbird.exceptions import InvalidInputError
from tailorbird.journal import Workspace
from tailorbird.journal.workspace import check_report_name
from tailorbird.types.secrets import Environment
from tailorbird.workbench.arguments import check_arms, check_questions
from tailorbird.workbench.asking import Asker
from tailorbird.workbench.finding import Finder
from tailorbird.workbench.judging import Judging, make_appraiser
from tailorbird.workbench.leaving import Leaver
from tailorbird.workbench.parts import Parts, check_question
from tailorbird.workbench.questioning import Questioner
from tailorbird.workbench.reporting import Reporter
from tailorbird.workbench.spending import Payer, metered
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY
from tailorbird.workflow.answering.arms import ArmOptions
from tailorbird.workflow.comparing.options import check_asking, chosen_stop
from tailorbird.workflow.money.subject import spending_on
from tailorbird.workflow.progress import OnProgress, silent
from tailorbird.workflow.searching.index import Index

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from tailorbird.protocols import Provider, Reranker
    from tailorbird.report import Comparison
    from tailorbird.types.answers import Answer
    from tailorbird.types.models import ModelCard, RoleModel
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench.diagnosis import Diagnosis
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.bulk.asking import BulkOptions
    from tailorbird.workflow.comparing.appraising import AnyScorer
    from tailorbird.workflow.comparing.options import StopEarly
    from tailorbird.workflow.judging.options import JudgeOptions


class Workbench(Leaver, Finder, Questioner, Judging, Asker, Payer, Reporter):
    """A provider, a workspace and roles; made by `open`, or from a provider of one's own."""

    def __init__(
        self,
        provider: Provider,
        *,
        profile: Profile | None = None,
        workspace: Workspace | None = None,
        environ: Mapping[str, str] | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        """Put a workbench together; the provider is opened and closed with it.

        Without a profile the provider's own roles and the local engine are taken; without a
        workspace everything is kept in memory. `environ` is what `diagnose` explains the profile
        by; None takes no variable. `reranker` stands in for a model wherever hits are reranked.
        """
        self.profile = profile or Profile(name=provider.name, provider=provider.name)
        """The profile it was opened with."""
        self.workspace = workspace or Workspace(None)
        """Where things are kept."""
        self._metered = metered(provider, self.workspace, self.profile)
        self.provider: Provider = provider if self.profile.budget is None else self._metered
        """The provider: its eight interfaces can be used on their own, within the budget."""
        self._environ = Environment(environ or {})
        self._parts = Parts(
            self._metered,
            self.workspace,
            self.profile,
            environ=self._environ,
            own_reranker=reranker,
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open provider and workspace."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.workspace)
            await stack.enter_async_context(self._metered)
            await stack.enter_async_context(self._parts.closing)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close whatever was opened; jobs and deployments go on."""
        await self._stack.__aexit__(kind, error, traceback)

    def role(self, name: str) -> RoleModel:
        """Give the model that plays a role, `ConfigError` when none is named for it."""
        return self._parts.role(name)

    async def models(self) -> tuple[ModelCard, ...]:
        """Give the models of the account, sorted by id."""
        return tuple([card async for card in self.provider.models.list()])

    async def diagnose(self, *, horizon_days: int | None = None) -> Diagnosis:
        """Look whether the profile works: keys, cheap calls, models of the roles, dates, indexes.

        Nothing is changed or paid for; what is wrong is a finding and no error. What ends within
        `horizon_days` is wrong; None makes that a warning.

        Raises:
            InvalidInputError: `horizon_days` is below 0.
        """
        from tailorbird.workbench.diagnosis import diagnose  # noqa: PLC0415 - 2 ms, seldom needed

        return await diagnose(self._parts, horizon_days=horizon_days)

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
        check_question(question, options, searched=index is not None)
        return await self._parts.ask(
            question,
            tuned=await self.tuned(tuned) if isinstance(tuned, str) else tuned,
            index=await self.index(index) if isinstance(index, str) else index,
            system=system,
            options=options,
        )

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
        check_questions(examples, name="examples")
        return self._parts.arms(
            tuned=tuned, index=index, system=system, examples=examples, options=options
        )

    async def compare(  # noqa: PLR0913 - what is compared, by what, and how
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        name: str | None = None,
        settings: Mapping[str, str | int | float | bool] | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        scorers: Sequence[AnyScorer] = (),
        judge: JudgeOptions | None = None,
        bulk: BulkOptions | bool = False,
        stream: bool = False,
        stop_early: StopEarly | bool = False,
        on_progress: OnProgress = silent,
    ) -> Comparison:
        """Ask every arm every question, score the answers, and say what to do.

        Answers are kept as they come: what broke off goes on, and nothing is asked twice.

        Args:
            arms: What to compare, as `arms` gives them or of one's own making.
            questions: Test questions with accepted answers; ids must be unique.
            name: Name of the run; None makes one.
            settings: What else the run depends on, such as `held_out` and `seed`; for the report.
            concurrency: How many answers to ask for at once.
            scorers: Figures of your own (`Scorer`, `BatchScorer`); `"similarity"`: of embeddings.
            judge: How the model of the role `judge` judges the answers; None asks none.
            bulk: Ask arms and judge as batches: at a part of the price, each within a day. The same
                call finds them again; `BulkOptions(again=True)` asks again what had no answer.
            stream: Stream plain answers, to measure the time to the first token; forms come whole.
            stop_early: Ask in blocks, look after each, and stop when the rest would decide nothing;
                p-values hold however often one looks. It needs two arms, and excludes `bulk`.
            on_progress: Called after each answer, and while answers are scored and judged.

        Raises:
            InvalidInputError: There is no arm or question, a name or setting is wrong or stands
                twice, a scorer or the judge cannot be asked, or asking cannot stop early.
            ScorerError: A scorer failed; the answers are kept.
            ProviderError: All further calls would fail too; what came is kept.
        """
        _check_run(arms, questions, name, settings or {}, bulk=bool(bulk), stream=stream)
        batches = await self._parts.batches(bulk, on_progress=on_progress) if bulk else None
        comparer = await self._parts.comparer(
            arms,
            concurrency=concurrency,
            appraiser=make_appraiser(self._parts, scorers, judge, batches=batches),
            stream=stream,
            batches=batches,
        )
        await self._metered.flush()  # the costs of the arms are what the journal knows
        with spending_on(name or "comparison"):
            data = await comparer.compare(
                arms,
                questions,
                name=name,
                settings=settings,
                stop_early=chosen_stop(stop_early),
                on_progress=on_progress,
            )
        return await self._kept(data)


def _check_run(
    arms: object,
    questions: object,
    name: str | None,
    settings: Mapping[str, object],
    *,
    bulk: bool,
    stream: bool,
) -> None:
    """Do nothing for a run that can be kept and asked.

    Raises:
        InvalidInputError: These are no arms or questions, the name is no name of a run, a setting
            cannot stand in a report, or a batch shall be streamed.
    """
    check_arms(arms)
    check_questions(questions, name="questions")
    for key, value in settings.items():
        is_plain = isinstance(value, str | int | float)
        if not is_plain or (isinstance(value, float) and not math.isfinite(value)):
            message = f"settings[{key!r}] is {value!r}: give a text, a finite number, True or False"
            raise InvalidInputError(message)
    if name is not None:
        check_report_name(name)
    check_asking(bulk=bulk, stream=stream)
