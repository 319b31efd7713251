"""The workbench for code that is not async: the same methods, each waits for its result.

One event loop runs in a thread of its own for as long as the workbench is open, so connections are
kept between calls, and it works in scripts, threads and notebooks alike.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar, overload

from tailorbird.exceptions import InvalidInputError
from tailorbird.workbench import WORKSPACE
from tailorbird.workbench import open as open_async
from tailorbird.workflow.answering.results import DEFAULT_CONCURRENCY
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from anyio.from_thread import BlockingPortal

    from tailorbird.data import ChunkOptions, ExampleSet, QuestionSet, TokenCounter
    from tailorbird.journal import RunRecord, Spending
    from tailorbird.protocols import Clock
    from tailorbird.report import Comparison
    from tailorbird.types.answers import Answer
    from tailorbird.types.batches import (
        ChatOutcome,
        ChatRequest,
        EmbeddingOutcome,
        EmbeddingRequest,
    )
    from tailorbird.types.filters import Filter
    from tailorbird.types.models import ModelCard, RoleModel
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import Document, Hit, SearchMode
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench import Diagnosis, Workbench
    from tailorbird.workflow.answering.arms import ArmOptions
    from tailorbird.workflow.answering.results import Arm
    from tailorbird.workflow.bulk.asking import BulkOptions
    from tailorbird.workflow.searching.index import Index
    from tailorbird.workflow.searching.retrieval_quality import RetrievalQuality
    from tailorbird.workflow.searching.selection import Selection
    from tailorbird.workflow.tuning.estimate import Estimate
    from tailorbird.workflow.tuning.handle import JobHandle
    from tailorbird.workflow.tuning.training import TuneOptions

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def open_sync(
    profile: str | None = None,
    *,
    config: Path | str | None = None,
    workspace: Path | str | None = WORKSPACE,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
) -> SyncWorkbench:
    """Make a workbench for code that is not async; enter it with `with`.

    Arguments and errors are those of `tailorbird.open`.
    """
    return SyncWorkbench(
        open_async(profile, config=config, workspace=workspace, clock=clock, environ=environ)
    )


class SyncWorkbench:
    """A workbench whose methods wait for their results; see `Workbench` for what each one does.

    Calls from several threads run at the same time. What is passed as `on_progress` is called
    from the loop's thread.
    """

    def __init__(self, door: AbstractAsyncContextManager[Workbench]) -> None:
        """Take what opens a workbench: `tailorbird.open(…)`, or a `Workbench` of one's own."""
        self._door = door
        self._stack = ExitStack()
        self._opened: tuple[BlockingPortal, Workbench] | None = None

    @property
    def bench(self) -> Workbench:
        """The workbench inside, for everything that has no twin here.

        Raises:
            InvalidInputError: The workbench is not open.
        """
        return self._open[1]

    @property
    def _open(self) -> tuple[BlockingPortal, Workbench]:
        if self._opened is None:
            message = "the workbench is not open; use it inside `with tailorbird.open_sync(…)`"
            raise InvalidInputError(message)
        return self._opened

    def __enter__(self) -> Self:
        """Start the loop and open the workbench; errors are those of the async one."""
        # anyio costs 60 ms that the async way of working does not need.
        from anyio.from_thread import start_blocking_portal  # noqa: PLC0415

        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            bench = stack.enter_context(portal.wrap_async_context_manager(self._door))
            self._opened = (portal, bench)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the workbench and end the loop. Jobs and deployments go on."""
        self._opened = None
        self._stack.__exit__(kind, error, traceback)

    def call(self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run any async function on the workbench's loop and wait for its result.

        Raises:
            InvalidInputError: The workbench is not open.
        """
        portal, _ = self._open
        return portal.call(partial(function, *args, **kwargs))

    def role(self, name: str) -> RoleModel:
        """Give the model that plays a role."""
        return self.bench.role(name)

    def models(self) -> tuple[ModelCard, ...]:
        """Give the models of the account, sorted by id."""
        return self.call(self.bench.models)

    def estimate(
        self,
        train: QuestionSet | ExampleSet,
        *,
        system: str | None = None,
        options: TuneOptions | None = None,
        count: TokenCounter | None = None,
    ) -> Estimate:
        """Say what training on these rows would use and cost; nothing is sent."""
        return self.call(self.bench.estimate, train, system=system, options=options, count=count)

    def start_fine_tune(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None = None,
        validation: QuestionSet | ExampleSet | None = None,
        options: TuneOptions | None = None,
        again: bool = False,
    ) -> JobHandle:
        """Start a run, or find the one of this name that was started before."""
        return self.call(
            self.bench.start_fine_tune,
            train,
            name=name,
            system=system,
            validation=validation,
            options=options,
            again=again,
        )

    def fine_tune(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None = None,
        validation: QuestionSet | ExampleSet | None = None,
        options: TuneOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> TunedModel:
        """Start a run (or find it), wait for it, and give its model once it answers."""
        return self.call(
            self.bench.fine_tune,
            train,
            name=name,
            system=system,
            validation=validation,
            options=options,
            on_progress=on_progress,
        )

    def resume(self, name: str) -> JobHandle:
        """Find a run that was started before, in this process or another one."""
        return self.call(self.bench.resume, name)

    def jobs(self) -> tuple[RunRecord, ...]:
        """Give the runs that this workspace knows, newest first."""
        return self.call(self.bench.jobs)

    def finish(
        self, name: str, *, timeout_s: float | None = None, on_progress: OnProgress = silent
    ) -> TunedModel:
        """Wait for a run and give its model, deployed where that is needed, once it answers."""
        return self.call(self.bench.finish, name, timeout_s=timeout_s, on_progress=on_progress)

    def tuned(self, name: str) -> TunedModel:
        """Give a tuned model that was finished before."""
        return self.call(self.bench.tuned, name)

    def undeploy(self, name: str) -> TunedModel:
        """Take a tuned model's deployment away, so that hosting costs nothing any more."""
        return self.call(self.bench.undeploy, name)

    def spending(self) -> tuple[Spending, ...]:
        """Give what this workspace paid for training and hosting at the account, newest first."""
        return self.call(self.bench.spending)

    def diagnose(self) -> Diagnosis:
        """Look whether the profile works: keys, one cheap call, models of the roles, dates."""
        return self.call(self.bench.diagnose)

    def build_index(
        self,
        documents: Path | str | Sequence[Document],
        *,
        name: str,
        chunking: ChunkOptions | None = None,
        tenant_field: str | None = None,
        on_progress: OnProgress = silent,
    ) -> Index:
        """Make an index hold these documents; only what changed is cut and embedded again."""
        return self.call(
            self.bench.build_index,
            documents,
            name=name,
            chunking=chunking,
            tenant_field=tenant_field,
            on_progress=on_progress,
        )

    def index(self, name: str) -> Index:
        """Give an index that was built before."""
        return self.call(self.bench.index, name)

    def search(
        self,
        query: str,
        *,
        index: Index | str,
        top_k: int = 5,
        mode: SearchMode | None = None,
        where: Filter | None = None,
        selection: Selection | None = None,
    ) -> tuple[Hit, ...]:
        """Find the chunks of an index that fit a question best, best first."""
        find = self.bench.search
        return self.call(
            find, query, index=index, top_k=top_k, mode=mode, where=where, selection=selection
        )

    def evaluate_retrieval(
        self,
        index: Index | str,
        questions: Sequence[Question],
        *,
        modes: Sequence[SearchMode] | None = None,
        where: Filter | None = None,
        on_progress: OnProgress = silent,
    ) -> RetrievalQuality:
        """Measure how often searches find the documents that hold the answers, by mode."""
        measure = self.bench.evaluate_retrieval
        return self.call(
            measure, index, questions, modes=modes, where=where, on_progress=on_progress
        )

    def ask(
        self,
        question: str,
        *,
        tuned: TunedModel | str | None = None,
        index: Index | str | None = None,
        system: str | None = None,
        options: ArmOptions | None = None,
    ) -> Answer:
        """Answer one question."""
        return self.call(
            self.bench.ask, question, tuned=tuned, index=index, system=system, options=options
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
        """Make the usual arms from what there is, the simplest first."""
        return self.bench.arms(
            tuned=tuned, index=index, system=system, examples=examples, options=options
        )

    def compare(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        name: str | None = None,
        settings: Mapping[str, str | int | float | bool] | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        on_progress: OnProgress = silent,
    ) -> Comparison:
        """Ask every arm every question, score the answers, and say what to do."""
        return self.call(
            self.bench.compare,
            arms,
            questions,
            name=name,
            settings=settings,
            concurrency=concurrency,
            on_progress=on_progress,
        )

    @overload
    def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: None = None,
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[ChatOutcome[None], ...]: ...

    @overload
    def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: type[T],
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[ChatOutcome[T], ...]: ...

    def complete_many(
        self,
        requests: Sequence[ChatRequest],
        *,
        output: type[T] | None = None,
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[ChatOutcome[T], ...] | tuple[ChatOutcome[None], ...]:
        """Answer many conversations; what became of each stands at its place."""
        many = self.bench.complete_many
        if output is None:
            return self.call(
                many, requests, name=name, bulk=bulk, options=options, on_progress=on_progress
            )
        return self.call(
            many,
            requests,
            output=output,
            name=name,
            bulk=bulk,
            options=options,
            on_progress=on_progress,
        )

    def embed_many(
        self,
        requests: Sequence[EmbeddingRequest],
        *,
        dimensions: int | None = None,
        name: str | None = None,
        bulk: bool = False,
        options: BulkOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> tuple[EmbeddingOutcome, ...]:
        """Embed many texts; what became of each stands at its place."""
        return self.call(
            self.bench.embed_many,
            requests,
            dimensions=dimensions,
            name=name,
            bulk=bulk,
            options=options,
            on_progress=on_progress,
        )
