"""The fake provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.protocols import Provider
from tailorbird.providers.fake.batches.batches import FakeBatches
from tailorbird.providers.fake.catalog import Catalog
from tailorbird.providers.fake.chat import FakeChat
from tailorbird.providers.fake.clock import VirtualClock
from tailorbird.providers.fake.cloud import NAME, Cloud, Parts
from tailorbird.providers.fake.deployments import FakeDeployments
from tailorbird.providers.fake.embeddings import FakeEmbeddings
from tailorbird.providers.fake.examination import Examiner
from tailorbird.providers.fake.files import FakeFiles
from tailorbird.providers.fake.flavors import find_flavor, prices_of
from tailorbird.providers.fake.jobs import FakeJobs
from tailorbird.providers.fake.library import Library
from tailorbird.providers.fake.models import FakeModels
from tailorbird.providers.fake.retrieval import FakeRetrieval
from tailorbird.providers.fake.script import Player, Script
from tailorbird.providers.fake.settings import FakeSettings, read_settings
from tailorbird.providers.fake.store import Store
from tailorbird.types.capabilities import Availability, Capabilities, Capability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tailorbird.protocols import (
        Batches,
        Chat,
        Clock,
        Deployments,
        Embeddings,
        Files,
        FineTuningJobs,
        Models,
        ProviderContext,
        Retrieval,
    )
    from tailorbird.providers.fake.flavors import Flavor
    from tailorbird.providers.fake.operations import Call, Totals
    from tailorbird.types.models import RoleModel
    from tailorbird.types.usage import Price


CAVEAT = (
    "These answers come from the fake: the scores prove the plumbing and nothing about any model."
)
"""What every report about the fake says."""


class FakeProvider(Provider):
    """A provider that lives in this process: no key, no network, no cost, no waiting.

    It keeps every contract that a cloud's provider keeps, by the rules of the flavor that its
    settings name. Its models really reflect what they were trained on and what passages they are
    given, but what they score says nothing about any real model (see `persona`).

    With a `state` folder, files, jobs, tuned models, deployments and indexes outlive the process.
    """

    def __init__(
        self,
        settings: FakeSettings | None = None,
        *,
        script: Script | None = None,
        clock: Clock | None = None,
        state: Path | None = None,
        roles: Mapping[str, RoleModel] | None = None,
    ) -> None:
        """Make a closed provider.

        Args:
            settings: How it behaves; None takes the defaults.
            script: What it is told to do; None leaves it to itself.
            clock: The clock it goes by; None makes a `VirtualClock`.
            state: Folder to keep its state in; None keeps it in memory.
            roles: A profile's roles: deployments that they name stand from the start.

        Raises:
            ConfigError: The settings name a flavor that does not exist.
        """
        chosen = settings or FakeSettings()
        self._flavor = find_flavor(chosen.flavor)
        self._settings = chosen
        self._clock = clock or VirtualClock()
        self._capabilities = _capabilities(self._flavor, chosen)
        self._cloud = Cloud(
            Parts(
                settings=chosen,
                flavor=self._flavor,
                capabilities=self._capabilities,
                clock=self._clock,
                player=Player(script or Script()),
                store=Store(state, flavor=self._flavor.name),
            )
        )
        examiner = Examiner(self._cloud)
        catalog = Catalog(self._cloud, roles or {})
        self._files = FakeFiles(self._cloud, examiner)
        self._jobs = FakeJobs(self._cloud, catalog, examiner)
        self._chat = FakeChat(self._cloud, catalog, Library(self._cloud))
        self._embeddings = FakeEmbeddings(self._cloud, catalog)
        self._batches = FakeBatches(self._cloud, catalog, self._chat)
        self._retrieval = FakeRetrieval(self._cloud)
        self._deployments = FakeDeployments(self._cloud, catalog, self._chat)
        self._models = FakeModels(self._cloud, catalog)

    @property
    @override
    def name(self) -> str:
        return NAME

    @property
    @override
    def identity(self) -> str:
        return f"{NAME}/{self._flavor.name}/seed-{self._settings.seed}"

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @property
    @override
    def clock(self) -> Clock:
        return self._clock

    @property
    @override
    def prices(self) -> Sequence[Price]:
        return prices_of(self._flavor) if self._settings.prices else ()

    @property
    @override
    def roles(self) -> Mapping[str, RoleModel]:
        return self._flavor.roles

    @property
    @override
    def files(self) -> Files:
        return self._files

    @property
    @override
    def jobs(self) -> FineTuningJobs:
        return self._jobs

    @property
    @override
    def chat(self) -> Chat:
        return self._chat

    @property
    @override
    def embeddings(self) -> Embeddings:
        return self._embeddings

    @property
    @override
    def batches(self) -> Batches:
        return self._batches

    @property
    @override
    def retrieval(self) -> Retrieval:
        return self._retrieval

    @property
    @override
    def deployments(self) -> Deployments:
        return self._deployments

    @property
    @override
    def models(self) -> Models:
        return self._models

    @property
    def settings(self) -> FakeSettings:
        """How it behaves."""
        return self._settings

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that came in (the latest 100,000), oldest first, without content."""
        return tuple(self._cloud.calls)

    def live_jobs(self) -> int:
        """Count the jobs that somebody pays for: all but the cancelled and the failed ones.

        Jobs whose creation was never answered count as well. Nothing is recorded as a call.
        """
        return self._cloud.live_jobs()

    def usage(self) -> Totals:
        """Give what was asked for so far: tokens, requests by operation, trained tokens."""
        return self._cloud.totals()

    @override
    async def __aenter__(self) -> Self:
        await self._cloud.open()
        return self

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._cloud.close()
        # Another exception is on its way: it explains why the script was not played to its end.
        if kind is None:
            self._cloud.require_script_played()


def open_provider(options: Mapping[str, object], *, context: ProviderContext) -> FakeProvider:
    """Make a fake from a profile: see `ProviderFactory`.

    Raises:
        ConfigError: An option is unknown or wrong; the message names it and the fix.
    """
    return FakeProvider(
        read_settings(options),
        clock=context.clock,
        state=context.state,
        roles=context.roles,
    )


def _capabilities(flavor: Flavor, settings: FakeSettings) -> Capabilities:
    """Give the flavor's capabilities with the user's training dates."""
    entries = tuple(
        _dated(entry, settings) if entry.capability is Capability.JOBS_CREATE else entry
        for entry in flavor.capabilities
    )
    return Capabilities(provider=NAME, entries=entries, rules=flavor.rules, caveat=CAVEAT)


def _dated(entry: Availability, settings: FakeSettings) -> Availability:
    if settings.training_since is None and settings.training_until is None:
        return entry
    return entry.model_copy(
        update={
            "since": settings.training_since or entry.since,
            "until": settings.training_until or entry.until,
            "reason": entry.reason or "the settings of this fake end it",
            "source": "settings",
        }
    )
