"""The fake as a provider: opening, closing, settings, capabilities, prices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import ConfigError, InvalidInputError
from tailorbird.protocols import Provider, ProviderContext, ProviderFactory, SystemClock
from tailorbird.providers.fake import (
    FakeProvider,
    FakeSettings,
    VirtualClock,
    forbid_network,
    open_provider,
)
from tailorbird.types import (
    Capability,
    DeploymentName,
    DeploymentSpec,
    FileId,
    IndexName,
    IndexSpec,
    JobId,
    JobSpec,
    Message,
    ModelId,
    RoleModel,
)

if TYPE_CHECKING:
    from conftest import Tools

CHAT = ModelId("fake-chat")
NAME = IndexName("x")


def every_call(tools: Tools, provider: FakeProvider) -> list[Awaitable[object]]:
    """Make one call of every method."""
    spec = DeploymentSpec(model=CHAT, name=DeploymentName("x"))
    return [
        provider.files.create(b"x", name="x"),
        provider.files.get(FileId("x")),
        tools.drain(provider.files.list()),
        provider.files.delete(FileId("x")),
        tools.drain(provider.files.content(FileId("x"))),
        provider.files.wait_ready(FileId("x")),
        provider.jobs.create(JobSpec(model=CHAT, training_file=FileId("x"))),
        provider.jobs.get(JobId("x")),
        tools.drain(provider.jobs.list()),
        provider.jobs.cancel(JobId("x")),
        provider.jobs.pause(JobId("x")),
        provider.jobs.resume(JobId("x")),
        tools.drain(provider.jobs.events(JobId("x"))),
        tools.drain(provider.jobs.checkpoints(JobId("x"))),
        provider.chat.complete([Message.user("x")], model=CHAT),
        provider.chat.stream([Message.user("x")], model=CHAT).__aenter__(),
        provider.embeddings.embed(["x"], model=CHAT),
        provider.retrieval.create(IndexSpec(name=NAME)),
        provider.retrieval.get(NAME),
        tools.drain(provider.retrieval.list()),
        provider.deployments.quote(spec),
        provider.deployments.create(spec),
        provider.deployments.get(spec.name),
        tools.drain(provider.deployments.list()),
        provider.deployments.wait_ready(spec.name),
        provider.deployments.delete(spec.name),
        tools.drain(provider.models.list()),
        provider.models.get(CHAT),
        provider.models.delete(CHAT),
    ]


async def test_closed_providers_refuse_every_call(tools: Tools) -> None:
    """Before it is opened and after it is closed every call is refused, with what to do."""
    provider = FakeProvider()
    for _ in range(2):
        for call in every_call(tools, provider):
            with pytest.raises(InvalidInputError, match="async with provider"):
                await call
        async with provider as opened:
            assert opened is provider
    assert provider.calls == ()


async def test_open_providers_are_not_opened_again() -> None:
    """Opening an open provider is refused, and it stays open."""
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match="open already"):
            await provider.__aenter__()
        assert (await provider.chat.complete([Message.user("Hello?")], model=CHAT)).text


def test_it_is_a_provider() -> None:
    """The fake keeps the protocol, and its maker the factory's."""
    provider: Provider = FakeProvider(FakeSettings(flavor="azure", seed=3))
    factory: ProviderFactory = open_provider
    assert provider.name == "fake"
    assert provider.identity == "fake/azure/seed-3"
    assert factory({}, context=ProviderContext()).name == "fake"


async def test_nothing_needs_the_network(tools: Tools, socket_enabled: None) -> None:
    """With the network shut, everything from upload to answer works."""
    assert socket_enabled is None
    with forbid_network():
        async with FakeProvider() as provider:
            model = await tools.tune(provider)
            reply = await provider.chat.complete([Message.user("Hello?")], model=model)
    assert reply.text


def test_options_become_settings(tmp_path: Path) -> None:
    """A profile's options, clock, state folder and roles reach the provider."""
    clock = SystemClock()
    roles = {"chat": RoleModel(model=CHAT, deployment=DeploymentName("mine"))}
    provider = open_provider(
        {"flavor": "azure", "seed": 5, "training_until": "2027-01-01", "prices": False},
        context=ProviderContext(clock=clock, state=tmp_path, roles=roles),
    )
    assert provider.clock is clock
    assert provider.identity == "fake/azure/seed-5"
    assert provider.prices == ()
    assert str(provider.capabilities.find(Capability.JOBS_CREATE).until) == "2027-01-01"


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({"flavour": "azure"}, ["unknown key 'flavour'", "did you mean 'flavor'?"]),
        ({"colour": 1}, ["unknown key 'colour'", "known are flavor, seed"]),
        ({"flavor": "azur"}, ["no flavor 'azur'", "did you mean 'azure'?"]),
        ({"flavor": "???"}, ["there are: plain, openai, azure"]),
        ({"seed": -1}, ["'seed'", "greater than or equal to 0"]),
        ({"latency_s": float("nan")}, ["'latency_s'"]),
        ({"training_s": 0, "seed": "x"}, ["'training_s'", "'seed'"]),
    ],
)
def test_wrong_options_are_explained(options: dict[str, object], texts: list[str]) -> None:
    """A wrong option is an error that names the key, the nearest one or the values it takes."""
    with pytest.raises(ConfigError) as caught:
        open_provider(options, context=ProviderContext())
    for text in texts:
        assert text in str(caught.value)


def test_values_of_wrong_options_are_not_shown() -> None:
    """The value under a mistyped key, which may be a secret, is nowhere in the error."""
    with pytest.raises(ConfigError) as caught:
        open_provider({"api_key": "sk-very-secret"}, context=ProviderContext())
    assert "very-secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("flavor", ["plain", "openai", "azure"])
async def test_flavors_are_complete(flavor: str) -> None:
    """Each flavor has a model for each role, dated prices for them, and a source for each entry."""
    async with FakeProvider(FakeSettings(flavor=flavor)) as provider:
        assert set(provider.roles) == {"chat", "judge", "tune_base", "embedding"}
        priced = {price.model: price for price in provider.prices}
        for role in provider.roles.values():
            price = priced[role.model]
            assert price.source == "fake"
            assert price.read_on.isoformat() == "2026-11-22"
            assert price.input_per_mtok is not None
        base = priced[provider.roles["tune_base"].model]
        assert base.training_per_mtok is not None
        entries = provider.capabilities.entries
        assert all(entry.source for entry in entries)
        assert len({entry.capability for entry in entries}) == len(entries)
        chat = provider.roles["chat"].callable_id
        assert (await provider.chat.complete([Message.user("Hello?")], model=chat)).text
        vectors = provider.roles["embedding"].callable_id
        assert (await provider.embeddings.embed(["x"], model=vectors)).vectors.shape == (1, 1536)


def test_plain_flavor_offers_everything() -> None:
    """The plain flavor lacks nothing, and needs no deployments."""
    provider = FakeProvider()
    offered = {entry.capability for entry in provider.capabilities.entries}
    assert set(Capability) - offered == {Capability.DEPLOYMENTS_REQUIRED}
    today = provider.clock.today()
    assert all(entry.on(today) for entry in provider.capabilities.entries)


async def test_users_clock_is_used() -> None:
    """Latency passes by the clock that was handed in."""
    clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
    async with FakeProvider(FakeSettings(latency_s=2), clock=clock) as provider:
        await provider.chat.complete([Message.user("Hello?")], model=CHAT)
    assert clock.monotonic() == 2
    assert provider.clock is clock


async def test_calls_run_side_by_side() -> None:
    """Calls that run at the same time take no longer than one."""
    async with FakeProvider(FakeSettings(latency_s=1)) as provider:
        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(provider.chat.complete([Message.user("Hi?")], model=CHAT))
        assert provider.clock.monotonic() == 1
    totals = provider.usage()
    assert totals.requests == {"chat.complete": 100}
    assert totals.usage.input_tokens > 100
    assert totals.trained_tokens == 0
