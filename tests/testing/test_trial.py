"""What the suite makes at a provider or in an engine, waits for, and takes away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tailorbird.exceptions import NotFoundError
from tailorbird.protocols import Provider
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.testing.conformance import Embedder, SuiteOptions
from tailorbird.testing.conformance.job_life import hold
from tailorbird.testing.conformance.shelf import Shelf
from tailorbird.testing.conformance.trial import Trial
from tailorbird.types import Job, JobId, ModelId, RoleModel


class Hiding:
    """Jobs that show a new one only when they are asked for the second time."""

    def __init__(self, provider: Provider) -> None:
        self.inner = provider.jobs
        self.seen: set[JobId] = set()

    async def get(self, job_id: JobId) -> Job:
        """Give a job that was asked for before."""
        if job_id in self.seen:
            return await self.inner.get(job_id)
        self.seen.add(job_id)
        raise NotFoundError("not there yet", provider="fake", operation="jobs.get")


class Hidden:
    """A provider with such jobs."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.jobs = Hiding(inner)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


class Slow:
    """An engine that says a given number of times that an index is not ready."""

    def __init__(self, inner: LocalRetrieval, times: int) -> None:
        self.inner = inner
        self.times = times

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def get(self, name: str) -> object:
        """Say that the index is not ready, until it was asked often enough."""
        self.times -= 1
        found = await self.inner.get(name)
        return found.model_copy(update={"ready": self.times < 0})


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    """An open fake."""
    async with FakeProvider(FakeSettings(), clock=VirtualClock()) as opened:
        yield opened


@pytest.fixture
def embed(provider: FakeProvider) -> Embedder:
    """The fake's embeddings."""
    model = provider.roles["embedding"].callable_id
    return Embedder(embeddings=provider.embeddings, model=model, clock=provider.clock)


@pytest.mark.parametrize("flavor", ["plain", "azure"])
async def test_trial_takes_away_what_it_made(flavor: str) -> None:
    """Afterwards there are no more files, deployments, models or running jobs than before."""
    async with FakeProvider(FakeSettings(flavor=flavor), clock=VirtualClock()) as provider:
        deployed = [one async for one in provider.deployments.list()]
        async with Trial(provider, SuiteOptions()) as trial:
            job, model = await trial.train()
            await trial.start()
            await trial.deploy(model)
            assert [one async for one in provider.files.list(purpose="fine-tune")]
        assert [one async for one in provider.files.list(purpose="fine-tune")] == []
        assert [one async for one in provider.deployments.list()] == deployed
        assert all([one.status.is_final async for one in provider.jobs.list()])
        left = {card.id async for card in provider.models.list()}
        assert (job.fine_tuned_model in left) == (flavor == "azure")  # it offers no way to delete


async def test_role_from_the_options(provider: FakeProvider) -> None:
    """A role of the options goes before the provider's own."""
    own = RoleModel(model=ModelId("mine"))
    trial = Trial(provider, SuiteOptions(roles={"chat": own, "sampling": own}))
    assert trial.model("chat") == "mine"
    assert trial.sampling_model == "mine"
    assert trial.model("embedding") == provider.roles["embedding"].callable_id


async def test_role_that_nobody_plays(provider: FakeProvider) -> None:
    """A role without a model fails the test and says where to name one."""
    with pytest.raises(pytest.fail.Exception, match=r"no model plays 'critic': set `options"):
        Trial(provider, SuiteOptions()).model("critic")


async def test_wait_has_an_end(provider: FakeProvider) -> None:
    """A job that never gets there fails the test, by the provider's clock."""
    options = SuiteOptions(wait_s=100.0, poll_s=10.0)
    async with Trial(provider, options) as trial:
        started = await trial.start()
        since = provider.clock.monotonic()
        with pytest.raises(pytest.fail.Exception, match=r"was not perfect within 100 s"):
            await trial.until(started.id, lambda _: False, what="perfect")
        assert 100.0 <= provider.clock.monotonic() - since < 120.0


async def test_new_job_may_be_invisible(provider: FakeProvider) -> None:
    """A job that is not found yet is looked for again."""
    async with Trial(Hidden(provider), SuiteOptions()) as trial:
        started = await Trial(provider, SuiteOptions()).start()
        found = await trial.until(started.id, lambda _: True, what="visible")
        assert found.id == started.id


async def test_hold_waits_for_the_first_step() -> None:
    """A job is held only after it has made a step, and a job that ends before fails the test."""
    settings = FakeSettings(training_s=1000.0, training_steps=10)
    async with FakeProvider(settings, clock=VirtualClock()) as provider:
        async with Trial(provider, SuiteOptions(poll_s=1.0)) as trial:
            held = await hold(trial, (await trial.start()).id)
            events = [event async for event in provider.jobs.events(held.id)]
            assert "metrics" in {event.type for event in events}
        async with Trial(provider, SuiteOptions(poll_s=10_000.0)) as trial:
            started = await trial.start()
            with pytest.raises(AssertionError):
                await hold(trial, started.id)


async def test_index_is_waited_for(embed: Embedder) -> None:
    """An index that is not ready at once is looked at again."""
    engine = Slow(LocalRetrieval(None), times=3)
    async with Shelf(engine, embed) as shelf:
        name = await shelf.index({"a": "本"})
        assert (await engine.get(name)).ready


async def test_index_that_is_never_ready(embed: Embedder) -> None:
    """An index that never gets ready fails the test."""
    async with Shelf(Slow(LocalRetrieval(None), times=10**9), embed) as shelf:
        with pytest.raises(pytest.fail.Exception, match="was not ready within 600 s"):
            await shelf.index({"a": "本"})


async def test_shelf_takes_away_what_it_made(embed: Embedder) -> None:
    """Afterwards there are no more indexes than before, also when one was deleted already."""
    engine = LocalRetrieval(None)
    async with Shelf(engine, embed) as shelf:
        kept, gone = await shelf.index(), await shelf.index()
        await engine.delete(gone)
        assert [info.spec.name async for info in engine.list()] == [kept]
    assert [info async for info in engine.list()] == []
