"""What a workbench is put together from, each part made when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tailorbird.exceptions import ConfigError
from tailorbird.workflow.answer import Answerer
from tailorbird.workflow.compare import Comparer
from tailorbird.workflow.index import Indexer
from tailorbird.workflow.search import Embedder, Searcher
from tailorbird.workflow.shots import ShotPicker
from tailorbird.workflow.tune import Tuner

if TYPE_CHECKING:
    from tailorbird.config import Profile
    from tailorbird.journal import Workspace
    from tailorbird.protocols import Provider, Retrieval
    from tailorbird.types.models import RoleModel


@dataclass(frozen=True)
class Parts:
    """Joins a provider, a workspace and a profile into what each step of the workflow needs."""

    provider: Provider
    """Where models, jobs and files are."""
    workspace: Workspace
    """Where everything is remembered."""
    profile: Profile
    """Which model plays which role, and which engine keeps indexes."""

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

    @cached_property
    def retrieval(self) -> Retrieval:
        """The engine in which indexes are kept.

        Raises:
            ConfigError: The profile names no known engine.
        """
        # Engines load numpy, which not every use of a workbench needs.
        from tailorbird.retrieval.engines import open_engine  # noqa: PLC0415

        return open_engine(self.profile.retrieval.engine, folder=self.workspace.index_folder)

    @cached_property
    def embedder(self) -> Embedder:
        """Makes vectors with the model of the role `embedding`."""
        return Embedder(
            embeddings=self.provider.embeddings,
            model=self.role("embedding").callable_id,
            journal=self.workspace.journal,
            identity=self.provider.identity,
        )

    @cached_property
    def index_embedder(self) -> Embedder | None:
        """The embedder, for engines that need vectors; None for those that embed by themselves."""
        return self.embedder if self.retrieval.traits.needs_vectors else None

    @cached_property
    def indexer(self) -> Indexer:
        """Builds indexes."""
        return Indexer(retrieval=self.retrieval, embedder=self.index_embedder)

    @cached_property
    def searcher(self) -> Searcher:
        """Searches indexes."""
        return Searcher(retrieval=self.retrieval, embedder=self.index_embedder)

    @cached_property
    def answerer(self) -> Answerer:
        """Answers questions."""
        shots = ShotPicker(embedder=self.embedder if self.find_role("embedding") else None)
        return Answerer(
            chat=self.provider.chat,
            clock=self.provider.clock,
            searcher=self.searcher,
            shots=shots,
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

    def comparer(self, *, concurrency: int) -> Comparer:
        """Compares arms, so many answers at a time."""
        return Comparer(
            answerer=self.answerer,
            journal=self.workspace.journal,
            clock=self.provider.clock,
            capabilities=self.provider.capabilities,
            identity=self.provider.identity,
            prices=self.provider.prices,
            concurrency=concurrency,
        )
