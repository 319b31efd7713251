"""What the routes of one mounted fake share: the fake, its clock, and what was asked of the server.

The clock of a fake is virtual, and a program on the other side of a socket cannot move it. So time
moves on with what a program does while it waits: each request that reads (GET), and each answer
that something is not there or not ready (404, 409), advances a virtual clock by
`WireSettings.seconds_per_request`. With the default of 20 seconds a job of the flavor `plain`
succeeds within four look-ups, one of `openai` or `azure` within nine. A clock that is not virtual
is left alone, and 0 leaves it to whoever owns the clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import Field

from tailorbird.providers.fake import VirtualClock
from tailorbird.providers.fake.flavors import find_flavor
from tailorbird.providers.fake.lifecycle import make_id
from tailorbird.testing._wire.dialect import dialect_of
from tailorbird.types.base import Settings
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from tailorbird.providers.fake import FakeProvider
    from tailorbird.providers.fake.flavors import ModelFacts
    from tailorbird.testing._wire.spool import Spool
    from tailorbird.types.ids import FileId

R = TypeVar("R")


class WireSettings(Settings):
    """How the wire application behaves."""

    api_keys: tuple[str, ...] = Field(default=("test-key",), repr=False)
    """Keys that are taken as `Authorization: Bearer`, on Azure also as `api-key`."""
    bearer_tokens: tuple[str, ...] = Field(default=(), repr=False)
    """Tokens that are taken as `Authorization: Bearer` by the OpenAI routes, besides the keys."""
    search_keys: tuple[str, ...] = Field(default=("test-search-key",), repr=False)
    """Keys that Azure AI Search takes as `api-key`."""
    search_tokens: tuple[str, ...] = Field(default=("test-search-token",), repr=False)
    """Tokens that Azure AI Search takes as `Authorization: Bearer`."""
    arm_tokens: tuple[str, ...] = Field(default=("test-arm-token",), repr=False)
    """Tokens that Azure's management routes take as `Authorization: Bearer`."""
    subscription_id: str = "00000000-0000-0000-0000-000000000000"
    """The one subscription that Azure's management routes know."""
    resource_group: str = "test-group"
    """The one resource group in it."""
    account: str = "test-account"
    """The one account in the group; its deployments are the fake's."""
    seconds_per_request: float = Field(default=20.0, ge=0, allow_inf_nan=False)
    """Seconds by which a virtual clock moves on with each look-up, as the module says."""
    asynchronous_filter: bool = False
    """Whether Azure's content filter tells its findings after a streamed answer and not with it."""
    indexing_s: float = Field(default=5.0, ge=0, allow_inf_nan=False)
    """Seconds that a file of a vector store is `in_progress`, by the fake's clock."""
    max_body_bytes: int = Field(default=32 << 20, ge=1)
    """Largest body of a request that carries no file."""
    max_upload_bytes: int = Field(default=512 << 20, ge=1)
    """Largest file that is taken in one request."""
    seen_requests: int = Field(default=1_000, ge=0)
    """How many requests are remembered, the latest ones."""
    seen_body_bytes: int = Field(default=64 << 10, ge=0)
    """How many bytes of each body are remembered with it; 0 remembers none."""


@dataclass(slots=True, kw_only=True, eq=False)
class Seen:
    """A request that reached the server, also one that was refused."""

    method: str
    """`GET`, `POST` and so on."""
    path: str
    """Its path, the base included."""
    query: str
    """What stood behind the `?`; empty when nothing."""
    operation: str
    """What it asks for, e.g. `jobs.create`; `unknown` for a path or method that is not served."""
    headers: Mapping[str, str]
    """Its headers in lower case, without keys and tokens."""
    at: datetime
    """When it came; aware, UTC, by the fake's clock."""
    body: bytearray = field(default_factory=bytearray)
    """The first bytes of its body, at most `WireSettings.seen_body_bytes`."""
    size_bytes: int = 0
    """How many bytes of its body were read."""
    status: int | None = None
    """The status it was answered with; None while it is not, and for an answer that was lost."""

    def take(self, piece: bytes, *, most_bytes: int) -> None:
        """Add a piece of the body, and keep of it what there is room for."""
        self.size_bytes += len(piece)
        self.body += piece[: max(0, most_bytes - len(self.body))]


class World:
    """One fake behind its routes."""

    def __init__(
        self,
        provider: FakeProvider,
        settings: WireSettings,
        *,
        seen: deque[Seen],
        spool: Spool,
    ) -> None:
        """Stand before an opened provider, which stays the caller's."""
        self.provider = provider
        self.settings = settings
        self.seen = seen
        self.spool = spool
        self.flavor = find_flavor(provider.settings.flavor)
        self.dialect = dialect_of(self.flavor.name)
        self.purposes: dict[FileId, str] = {}
        """What files are shown to be for, as far as they were shown; outputs of batches are kept
        by the fake under another purpose."""
        self.file_gone: list[Callable[[FileId], Awaitable[None]]] = []
        """Who wants to know of deleted files."""
        self._counts: Counter[str] = Counter()
        self._kept: dict[object, object] = {}
        self._facts: dict[str, ModelFacts] = {model.id: model for model in self.flavor.models}

    def now(self) -> datetime:
        """Give the present moment, by the fake's clock."""
        return self.provider.clock.now()

    def epoch(self) -> int:
        """Give the present moment in seconds since 1970."""
        return int(self.now().timestamp())

    def pass_time(self) -> None:
        """Move a virtual clock on, as the module says."""
        clock = self.provider.clock
        if isinstance(clock, VirtualClock):
            clock.advance(self.settings.seconds_per_request)

    def new_id(self, prefix: str, *, digits: int = 24) -> str:
        """Give an id that was not given before; equal worlds give equal ones."""
        self._counts[prefix] += 1
        seed = self.provider.settings.seed
        return make_id(prefix, "wire", seed, self._counts[prefix], digits=digits)

    def kept(self, kind: Callable[[World], R]) -> R:
        """Give the one thing of a kind that all routes of this world share."""
        if kind not in self._kept:
            self._kept[kind] = kind(self)
        return cast("R", self._kept[kind])

    def facts_of(self, name: str) -> ModelFacts | None:
        """Give what is known of the model that a name calls; None when nothing is."""
        role = next((one for one in self.flavor.roles.values() if one.deployment == name), None)
        return self._facts.get(self.flavor.own_id(ModelId(name)) if role is None else role.model)

    async def in_thread(self, work: Callable[[], R]) -> R:
        """Do blocking work beside the event loop, while virtual time stands still."""
        clock = self.provider.clock
        with clock.hold() if isinstance(clock, VirtualClock) else nullcontext():
            return await asyncio.to_thread(work)
