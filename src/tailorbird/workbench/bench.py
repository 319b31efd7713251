"""The workbench itself."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from tailorbird.config import Profile
from tailorbird.journal import Workspace
from tailorbird.types.secrets import Environment
from tailorbird.workbench.asking import Asker
from tailorbird.workbench.finding import Finder
from tailorbird.workbench.parts import Parts, check_question
from tailorbird.workflow.answering.arms import ArmOptions
from tailorbird.workflow.answering.results import DEFAULT_CONCURRENCY
from tailorbird.workflow.progress import OnProgress, silent
from tailorbird.workflow.searching.index import Index
from tailorbird.workflow.tuning.training import TuneOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from tailorbird.data import ExampleSet, QuestionSet, TokenCounter
    from tailorbird.journal import RunRecord, Spending
    from tailorbird.protocols import Provider
    from tailorbird.report import Comparison
    from tailorbird.types.answers import Answer
    from tailorbird.types.models import ModelCard, RoleModel
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench.diagnosis import Diagnosis
    from tailorbird.workflow.answering.results import Arm
    from tailorbird.workflow.tuning.estimate import Estimate
    from tailorbird.workflow.tuning.handle import JobHandle


class Workbench(Finder, Asker):
    """A provider, a workspace and roles; made by `open`, or from a provider of one's own."""

    def __init__(
        self,
        provider: Provider,
        *,
        profile: Profile | None = None,
        workspace: Workspace | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Put a workbench together; the provider is opened and closed with it.

        Without a profile the provider's own roles and the local engine are taken; without a
        workspace everything is kept in memory. `environ` is what `diagnose` explains the profile
        by; None takes no variable.
        """
        self.provider = provider
        """The provider: its eight interfaces can be used on their own."""
        self.profile = profile or Profile(name=provider.name, provider=provider.name)
        """The profile it was opened with."""
        self.workspace = workspace or Workspace(None)
        """Where things are kept."""
        self._environ = Environment(environ or {})
        self._parts = Parts(provider, self.workspace, self.profile, environ=self._environ)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open provider and workspace."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.workspace)
            await stack.enter_async_context(self.provider)
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
        return await self._parts.estimate(
            train, system=system, options=options or TuneOptions(), count=count
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
        return await self._parts.tuning.start(
            train,
            name=name,
            system=system,
            validation=validation,
            options=options,
            again=again,
        )

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
        return await self._parts.tuning.resume(name)

    async def jobs(self) -> tuple[RunRecord, ...]:
        """Give the runs that this workspace knows, newest first."""
        return await self._parts.tuning.runs()

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
        return await self._parts.tuning.finish(name, timeout_s=timeout_s, on_progress=on_progress)

    async def tuned(self, name: str) -> TunedModel:
        """Give a tuned model that was finished before.

        Raises:
            InvalidInputError: The workspace has none of that name; the message lists them.
        """
        return await self._parts.tuning.tuned(name)

    async def undeploy(self, name: str) -> TunedModel:
        """Take a tuned model's deployment away, so that hosting costs nothing any more.

        The model stays; `finish` deploys it again. Nothing happens where nothing is deployed.

        Raises:
            InvalidInputError: The workspace has no tuned model of that name.
            ProviderError: What the provider said; it may still stand and cost money.
        """
        return await self._parts.tuning.undeploy(name)

    async def spending(self) -> tuple[Spending, ...]:
        """Give what this workspace paid for training and hosting at the account, newest first.

        Hosting is written down when its deployment ends.
        """
        return await self.workspace.journal.ledger.list(identity=self.provider.identity)

    async def diagnose(self) -> Diagnosis:
        """Look whether the profile works: keys, one cheap call, models of the roles, dates.

        Nothing is changed or paid for; what is wrong is a finding and no error.
        """
        from tailorbird.workbench.diagnosis import diagnose  # noqa: PLC0415 - 2 ms, seldom needed

        return await diagnose(self.profile, self.provider, environ=self._environ)

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
        return self._parts.arms(
            tuned=tuned, index=index, system=system, examples=examples, options=options
        )

    async def compare(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        name: str | None = None,
        settings: Mapping[str, str | int | float | bool] | None = None,
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
            settings: What else the run depends on, such as `held_out` and `seed`; for the report.
            concurrency: How many answers to ask for at once.
            on_progress: Called after each answer.

        Raises:
            InvalidInputError: There is no arm or question, or a name stands twice.
            ProviderError: All further calls would fail too; what came is kept.
        """
        comparer = await self._parts.comparer(arms, concurrency=concurrency)
        data = await comparer.compare(
            arms, questions, name=name, settings=settings, on_progress=on_progress
        )
        from tailorbird.report import Comparison  # noqa: PLC0415 - 15 ms of `import tailorbird`

        return Comparison(data)
