"""The contract for a provider: eight interfaces, what it can do, and its clock."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tailorbird.protocols.batches import Batches
    from tailorbird.protocols.chat import Chat
    from tailorbird.protocols.clock import Clock
    from tailorbird.protocols.deployments import Deployments
    from tailorbird.protocols.embeddings import Embeddings
    from tailorbird.protocols.files import Files
    from tailorbird.protocols.jobs import FineTuningJobs
    from tailorbird.protocols.models import Models
    from tailorbird.protocols.retrieval import Retrieval
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.models import RoleModel
    from tailorbird.types.usage import Price


class Provider(Protocol):
    """A cloud, or the fake. Clauses `P…` of `docs/contract/provider.md`.

    A provider is opened with `async with`; whatever it opened itself is closed at the end, what
    was handed in is not. It belongs to one event loop.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the provider, e.g. `openai`; used in messages, never to decide anything."""
        ...

    @property
    @abstractmethod
    def identity(self) -> str:
        """Which account or resource this is: host and project, never a secret."""
        ...

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What it can do, and between which dates."""
        ...

    @property
    @abstractmethod
    def clock(self) -> Clock:
        """The clock that waits and deadlines go by."""
        ...

    @property
    @abstractmethod
    def prices(self) -> Sequence[Price]:
        """Dated prices that are known for its models; empty where nothing is known."""
        ...

    @property
    @abstractmethod
    def roles(self) -> Mapping[str, RoleModel]:
        """Models for roles that a profile leaves out; empty where none should be guessed."""
        ...

    @property
    @abstractmethod
    def files(self) -> Files:
        """Upload and read files."""
        ...

    @property
    @abstractmethod
    def jobs(self) -> FineTuningJobs:
        """Make and follow fine-tuning jobs."""
        ...

    @property
    @abstractmethod
    def chat(self) -> Chat:
        """Ask a model."""
        ...

    @property
    @abstractmethod
    def embeddings(self) -> Embeddings:
        """Turn texts into vectors."""
        ...

    @property
    @abstractmethod
    def batches(self) -> Batches:
        """Ask for much at once and cheaply; its methods raise where batches are not offered."""
        ...

    @property
    @abstractmethod
    def retrieval(self) -> Retrieval:
        """The provider's own hosted retrieval.

        Raises:
            UnsupportedError: It has none.
        """
        ...

    @property
    @abstractmethod
    def deployments(self) -> Deployments:
        """Make models callable."""
        ...

    @property
    @abstractmethod
    def models(self) -> Models:
        """Look up models."""
        ...

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Environment variables from which keys were read, the usual ones included, sorted.

        The keys themselves are told by nobody. A provider without keys needs not say so.
        """
        return ()

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open it; calls before that raise `InvalidInputError`.

        Raises:
            InvalidInputError: It is open already.
        """
        ...

    @abstractmethod
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it. Jobs and deployments at the provider go on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderContext:
    """What surrounds a provider that is made from a profile."""

    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Environment variables: the only place where keys are read from."""
    roles: Mapping[str, RoleModel] = field(default_factory=dict[str, "RoleModel"])
    """Which model plays which role, as the profile says."""
    state: Path | None = None
    """Folder in which the provider may keep state between runs; None keeps it in memory."""
    clock: Clock | None = None
    """The clock to go by; None takes the provider's own."""


class ProviderFactory(Protocol):
    """Makes a provider from a profile; what `registry.py` names for each provider."""

    def __call__(self, options: Mapping[str, object], *, context: ProviderContext) -> Provider:
        """Check the profile's options and make the provider; opens no connection.

        Args:
            options: The profile's table without `provider` and `models`.
            context: What surrounds the provider.

        Raises:
            ConfigError: An option is unknown, missing or wrong; the message names it and the fix.
        """
        ...
