"""Clauses `P…`: the provider around the eight interfaces."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import InvalidInputError, NotFoundError, UnsupportedError
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.trial import SuiteOptions
from tailorbird.types import (
    BatchId,
    Capability,
    DeploymentName,
    FileId,
    IndexName,
    JobId,
    Message,
    ModelId,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tailorbird.protocols import Provider

ROLES = {"chat", "tune_base", "embedding", "judge"}
MODEL = ModelId(data.UNKNOWN)
HELLO = (Message.user("こんにちは"),)


CALLS: Mapping[str, tuple[Capability, Callable[[Provider], Awaitable[object]]]] = {
    "files.get": (Capability.FILES, lambda one: one.files.get(FileId(data.UNKNOWN))),
    "files.list": (Capability.FILES, lambda one: anext(one.files.list(), None)),
    "jobs.get": (Capability.JOBS_READ, lambda one: one.jobs.get(JobId(data.UNKNOWN))),
    "jobs.list": (Capability.JOBS_READ, lambda one: anext(one.jobs.list(), None)),
    "chat.complete": (Capability.CHAT, lambda one: one.chat.complete(HELLO, model=MODEL)),
    "embeddings.embed": (
        Capability.EMBEDDINGS,
        lambda one: one.embeddings.embed(("本",), model=MODEL),
    ),
    "batches.get": (Capability.BATCHES, lambda one: one.batches.get(BatchId(data.UNKNOWN))),
    "deployments.get": (
        Capability.DEPLOYMENTS_REQUIRED,
        lambda one: one.deployments.get(DeploymentName(data.UNKNOWN)),
    ),
    "models.get": (Capability.MODELS, lambda one: one.models.get(MODEL)),
    "models.list": (Capability.MODELS, lambda one: anext(one.models.list(), None)),
    "retrieval.get": (
        Capability.RETRIEVAL,
        lambda one: one.retrieval.get(IndexName("conformance")),
    ),
}
"""One harmless call of each interface, with the capability it belongs to."""


class ProviderConformance:
    """What every `Provider` promises.

    Needs a fixture `make_provider` that gives a function without arguments; each call of it makes
    a provider that was not opened yet.
    """

    options = SuiteOptions()

    @clause("P1")
    @pytest.mark.parametrize("name", CALLS)
    async def test_calls_before_opening(
        self, make_provider: Callable[[], Provider], name: str
    ) -> None:
        """A call before the provider is opened raises `InvalidInputError`."""
        capability, call = CALLS[name]
        provider = make_provider()
        needs(provider, capability)
        with pytest.raises(InvalidInputError):
            await call(provider)

    @clause("P2")
    @pytest.mark.parametrize("name", CALLS)
    async def test_calls_after_closing(
        self, make_provider: Callable[[], Provider], name: str
    ) -> None:
        """A call after the provider was closed raises `InvalidInputError`."""
        capability, call = CALLS[name]
        provider = make_provider()
        needs(provider, capability)
        async with provider:
            pass
        with pytest.raises(InvalidInputError):
            await call(provider)

    @clause("P3")
    async def test_opening_gives_the_provider(self, make_provider: Callable[[], Provider]) -> None:
        """`async with` gives the provider itself, and tells what it is before that."""
        provider = make_provider()
        before = (provider.name, provider.identity, provider.capabilities)
        async with provider as opened:
            assert opened is provider
            assert (opened.name, opened.identity, opened.capabilities) == before

    @clause("P4")
    async def test_open_provider_is_not_opened_again(
        self, make_provider: Callable[[], Provider]
    ) -> None:
        """Opening an open provider raises `InvalidInputError`, and it stays open."""
        async with make_provider() as provider:
            with pytest.raises(InvalidInputError):
                await provider.__aenter__()
            await self.assert_open(provider)

    @clause("P5")
    async def test_errors_pass_through(self, make_provider: Callable[[], Provider]) -> None:
        """An error in the block passes through, and the provider is closed."""
        provider = make_provider()
        with pytest.raises(ZeroDivisionError, match="mine"):
            async with provider:
                raise ZeroDivisionError("mine")
        for call in self.offered(provider):
            with pytest.raises(InvalidInputError):
                await call(provider)

    @clause("P6")
    async def test_names_are_plain(self, make_provider: Callable[[], Provider]) -> None:
        """Name and identity are texts of one line that are not empty."""
        provider = make_provider()
        for text in (provider.name, provider.identity):
            assert text.strip()
            assert text.isprintable()

    @clause("P7")
    async def test_secrets_stay_secret(self, make_provider: Callable[[], Provider]) -> None:
        """A secret stands in no name, no representation and no message of an error."""
        async with make_provider() as provider:
            texts = [provider.name, provider.identity, repr(provider), str(provider)]
            texts += [repr(provider.capabilities), repr(provider.roles), repr(provider.prices)]
            for call in self.offered(provider):
                with pytest.raises(NotFoundError) as caught:
                    await call(provider)
                texts += [str(caught.value), repr(caught.value)]
            for secret in self.options.secrets:
                assert [text for text in texts if secret in text] == []

    @clause("P8")
    async def test_capabilities_say_why(self, make_provider: Callable[[], Provider]) -> None:
        """Each capability is listed at most once; one that is missing or ends says why."""
        provider = make_provider()
        entries = provider.capabilities.entries
        assert provider.capabilities.provider == provider.name
        assert len({entry.capability for entry in entries}) == len(entries)
        for entry in entries:
            assert entry.reason or (entry.available and entry.until is None), entry
            assert entry.since is None or entry.until is None or entry.since < entry.until

    @clause("P9")
    async def test_capabilities_agree(self, make_provider: Callable[[], Provider]) -> None:
        """A special capability is offered only together with the general one it belongs to."""
        provider = make_provider()
        today = provider.clock.today()
        offered = {one for one in Capability if provider.capabilities.supports(one, on=today)}
        general = {one for one in Capability if "." not in one.value}
        for one in offered:
            for wide in general:
                assert wide in offered or not one.value.startswith(f"{wide.value}."), one
        assert Capability.JOBS_CREATE not in offered or Capability.JOBS_READ in offered
        kinds = {Capability.TUNE_SUPERVISED, Capability.TUNE_DPO, Capability.TUNE_REINFORCEMENT}
        assert Capability.JOBS_CREATE not in offered or kinds & offered

    @clause("P10")
    async def test_roles_can_be_played(self, make_provider: Callable[[], Provider]) -> None:
        """Each role that the provider fills is a known one, and its model can play it."""
        async with make_provider() as provider:
            assert set(provider.roles) <= ROLES
            for role, player in provider.roles.items():
                if role == "embedding":
                    await provider.embeddings.embed(("本",), model=player.callable_id)
                elif role == "tune_base":
                    await provider.models.get(player.model)
                else:
                    await provider.chat.complete(HELLO, model=player.callable_id)

    @clause("P11")
    async def test_prices_are_dated(self, make_provider: Callable[[], Provider]) -> None:
        """Each price is 0 or more, says where and when it was read, and stands once a model."""
        provider = make_provider()
        assert len({price.model for price in provider.prices}) == len(provider.prices)
        for price in provider.prices:
            assert price.source
            assert price.read_on <= provider.clock.today()
            for amount in (
                *(price.input_per_mtok, price.cached_input_per_mtok, price.output_per_mtok),
                *(price.training_per_mtok, price.hosting_per_hour),
            ):
                assert amount is None or amount >= 0

    @clause("P12")
    async def test_clock_goes_on(self, make_provider: Callable[[], Provider]) -> None:
        """The clock is aware, in UTC, never goes back, and sleeps at least as long as asked."""
        clock = make_provider().clock
        moment, since = clock.now(), clock.monotonic()
        assert moment.utcoffset() == timedelta(0)
        assert clock.today() >= moment.date()
        await clock.sleep(0.0)
        await clock.sleep(-1.0)
        assert clock.monotonic() >= since
        await clock.sleep(0.25)
        assert clock.monotonic() >= since + 0.25 - 0.02  # a machine's clock has coarse ticks
        assert clock.now() > moment

    @clause("P13")
    async def test_retrieval_has_traits(self, make_provider: Callable[[], Provider]) -> None:
        """Where retrieval is offered, its engine has a name and at least one mode."""
        async with make_provider() as provider:
            needs(provider, Capability.RETRIEVAL)
            traits = provider.retrieval.traits
            assert traits.name
            assert traits.modes
            today = provider.clock.today()
            for capability, offered in (
                (Capability.RETRIEVAL_HYBRID, "hybrid" in traits.modes),
                (Capability.RETRIEVAL_FILTERS, traits.filters),
            ):
                assert provider.capabilities.supports(capability, on=today) == offered

    @clause("P14")
    async def test_missing_retrieval_is_unsupported(
        self, make_provider: Callable[[], Provider]
    ) -> None:
        """Where retrieval is not offered, asking for the engine raises `UnsupportedError`."""
        async with make_provider() as provider:
            lacks(provider, Capability.RETRIEVAL)
            with pytest.raises(UnsupportedError):
                _ = provider.retrieval

    @clause("P15")
    async def test_keys_are_told_by_the_names_of_their_variables(
        self, make_provider: Callable[[], Provider]
    ) -> None:
        """The variables from which keys were read are told by name, sorted, each once."""
        provider = make_provider()
        names = provider.key_variables
        assert list(names) == sorted(set(names))
        assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in names)

    async def assert_open(self, provider: Provider) -> None:
        """Expect that a call of each offered interface gets through to the provider."""
        for call in self.offered(provider):
            with pytest.raises(NotFoundError):
                await call(provider)

    def offered(self, provider: Provider) -> list[Callable[[Provider], Awaitable[object]]]:
        """Give the calls for an unknown object whose capability is offered today."""
        today = provider.clock.today()
        return [
            call
            for name, (capability, call) in CALLS.items()
            if name.endswith((".get", ".complete", ".embed"))
            and capability is not Capability.RETRIEVAL
            and provider.capabilities.supports(capability, on=today)
        ]
