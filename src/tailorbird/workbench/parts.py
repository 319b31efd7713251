"""What a workbench is put together from, each part made when it is first needed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tailorbird.data import read_examples, training_rules
from tailorbird.exceptions import ConfigError, JobOutcomeUnknownError
from tailorbird.retrieval.engines import open_engine
from tailorbird.workflow.answer import Answerer
from tailorbird.workflow.finish import Finisher
from tailorbird.workflow.handle import JobHandle, Ticket
from tailorbird.workflow.index import Indexer
from tailorbird.workflow.search import Embedder, Searcher
from tailorbird.workflow.shots import ShotPicker
from tailorbird.workflow.training import Preparer, worked_examples
from tailorbird.workflow.tune import TunePlan, Tuner

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tailorbird.config import Profile
    from tailorbird.journal import RunRecord, Workspace
    from tailorbird.protocols import Provider, Retrieval
    from tailorbird.types.ids import JobId
    from tailorbird.types.models import RoleModel
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workflow.compare import Comparer
    from tailorbird.workflow.progress import OnProgress
    from tailorbird.workflow.results import Arm


@dataclass(frozen=True)
class Parts:
    """Joins a provider, a workspace and a profile into what each step of the workflow needs."""

    provider: Provider
    """Where models, jobs and files are."""
    workspace: Workspace
    """Where everything is remembered."""
    profile: Profile
    """Which model plays which role, and which engine keeps indexes."""
    examples: dict[str, tuple[Question, ...]] = field(
        default_factory=dict[str, "tuple[Question, ...]"]
    )
    """Rows that runs of this workspace were trained on, as far as they were needed so far."""
    opened: dict[str, Retrieval] = field(default_factory=dict[str, "Retrieval"])
    """The engine, once it was needed."""

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
            ConfigError: The profile names no known engine.
        """
        if "engine" not in self.opened:
            # In a thread: importing an engine reads files, and brings numpy along.
            self.opened["engine"] = await asyncio.to_thread(
                open_engine, self.profile.retrieval.engine, folder=self.workspace.index_folder
            )
        return self.opened["engine"]

    @cached_property
    def embedder(self) -> Embedder:
        """Makes vectors with the model of the role `embedding`."""
        return Embedder(
            embeddings=self.provider.embeddings,
            model=self.role("embedding").callable_id,
            journal=self.workspace.journal,
            identity=self.provider.identity,
        )

    def embedder_for(self, engine: Retrieval) -> Embedder | None:
        """Give the embedder for an engine; None for one that embeds by itself."""
        return self.embedder if engine.traits.needs_vectors else None

    async def indexer(self) -> Indexer:
        """Give what builds indexes."""
        engine = await self.retrieval()
        return Indexer(retrieval=engine, embedder=self.embedder_for(engine))

    async def searcher(self) -> Searcher:
        """Give what searches indexes."""
        engine = await self.retrieval()
        return Searcher(retrieval=engine, embedder=self.embedder_for(engine))

    async def answerer(self, arms: Sequence[Arm]) -> Answerer:
        """Give what answers questions by these arms; an engine is opened only if one needs it."""
        searched = any(arm.index is not None for arm in arms)
        return Answerer(
            chat=self.provider.chat,
            clock=self.provider.clock,
            searcher=await self.searcher() if searched else None,
            shots=ShotPicker(embedder=self.embedder if self.find_role("embedding") else None),
        )

    @cached_property
    def tuner(self) -> Tuner:
        """Starts jobs."""
        return Tuner(
            files=self.provider.files,
            jobs=self.provider.jobs,
            capabilities=self.provider.capabilities,
            clock=self.provider.clock,
            journal=self.workspace.journal,
            identity=self.provider.identity,
        )

    @cached_property
    def preparer(self) -> Preparer:
        """Writes and checks training files."""
        return Preparer(
            folder=self.workspace.training_folder,
            rules=training_rules(self.provider.capabilities.rules),
        )

    async def comparer(self, arms: Sequence[Arm], *, concurrency: int) -> Comparer:
        """Give what compares these arms, so many answers at a time."""
        # Scoring and statistics cost 20 ms that `import tailorbird` does not pay.
        from tailorbird.workflow.compare import Comparer  # noqa: PLC0415

        return Comparer(
            answerer=await self.answerer(arms),
            journal=self.workspace.journal,
            clock=self.provider.clock,
            capabilities=self.provider.capabilities,
            identity=self.provider.identity,
            prices=self.provider.prices,
            concurrency=concurrency,
        )

    def handle(self, name: str, job_id: JobId) -> JobHandle:
        """Give a handle on a job."""
        ticket = Ticket(
            name=name, profile=self.profile.name, provider=self.provider.name, job_id=job_id
        )
        return JobHandle(ticket=ticket, jobs=self.provider.jobs, clock=self.provider.clock)

    async def resume(self, name: str) -> JobHandle:
        """Find a run that was started before; see `Workbench.resume`."""
        run = await self.workspace.journal.get_run(name, identity=self.provider.identity)
        if run.job_id is None:
            message = (
                f"run {name!r} was begun, and no job of it is known: start it again with the same"
                " rows; the provider is asked for the job before one is created"
            )
            raise JobOutcomeUnknownError(message, name=name)
        return self.handle(name, run.job_id)

    async def runs(self) -> tuple[RunRecord, ...]:
        """Give the runs of this account, newest first."""
        return await self.workspace.journal.list_runs(identity=self.provider.identity)

    async def finish(
        self, name: str, *, timeout_s: float | None, on_progress: OnProgress
    ) -> TunedModel:
        """Wait for a run and make its model callable; see `Workbench.finish`."""
        handle = await self.resume(name)
        job = await handle.wait(timeout_s=timeout_s, on_progress=on_progress)
        mine = await self.workspace.list_tuned(identity=self.provider.identity)
        known = {one.name: one for one in mine}
        if name in known and known[name].job == job.id:
            return known[name]
        run = await self.workspace.journal.get_run(name, identity=self.provider.identity)
        plan = TunePlan.model_validate_json(run.plan)
        tuned = await Finisher(provider=self.provider).finish(plan, job)
        await self.workspace.save_tuned(tuned)
        return tuned

    async def tuned(self, name: str) -> TunedModel:
        """Give a tuned model that was finished before, and remember what it was trained on."""
        tuned = await self.workspace.load_tuned(name, identity=self.provider.identity)
        if name not in self.examples:
            run = await self.workspace.journal.get_run(name, identity=self.provider.identity)
            path = TunePlan.model_validate_json(run.plan).request.training.path
            self.examples[name] = await asyncio.to_thread(_worked_examples, path)
        return tuned


def _worked_examples(path: Path) -> tuple[Question, ...]:
    # A workspace that was tidied up has no training file any more: then there is nothing to show.
    return worked_examples(read_examples(path)) if path.is_file() else ()
