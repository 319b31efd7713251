"""Much asked at once: once by name, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import override

import tailorbird
from tailorbird import Workbench
from tailorbird.exceptions import (
    AuthenticationError,
    ConflictError,
    InvalidInputError,
    InvalidRequestError,
    JobOutcomeUnknownError,
    NotFoundError,
    ServiceUnavailableError,
    UnsupportedError,
    WaitTimeoutError,
)
from tailorbird.journal import Workspace
from tailorbird.providers.fake import (
    Fails,
    FakeProvider,
    FakeSettings,
    Fault,
    Lag,
    Says,
    Script,
    Statuses,
)
from tailorbird.types import (
    Batch,
    BatchStatus,
    ChatOutcome,
    ChatRequest,
    EmbeddingRequest,
    ItemFailure,
    Message,
    ModelId,
    Price,
)
from tailorbird.types.jobs import RUN_KEY
from tailorbird.workflow.bulk.asking import Bulk, BulkOptions, estimate_many
from tailorbird.workflow.progress import Progress

CHAT = ModelId("fake-chat")
TALKS = tuple(ChatRequest(key=f"問{n}", messages=(Message.user(f"Hello {n}"),)) for n in range(5))
TEXTS = tuple(EmbeddingRequest(key=f"文{n}", text=f"text {n}") for n in range(5))
NO = ItemFailure(kind="refused", message="no")
ECHO = Says(lambda messages: messages[-1].text)
AGAIN = BulkOptions(again=True)
SMALL = FakeSettings(batch_requests=2)


class City(BaseModel):
    """A structured answer."""

    name: str


@asynccontextmanager
async def room(
    script: Script | None = None,
    *,
    provider: FakeProvider | None = None,
    settings: FakeSettings | None = None,
    folder: Path | None = None,
) -> AsyncIterator[Workbench]:
    """Open a workbench on a fake."""
    made = provider or FakeProvider(
        settings, script=script, state=None if folder is None else folder / "state"
    )
    async with Workbench(made, workspace=Workspace(folder)) as bench:
        yield bench


async def ask(bench: Workbench, **options: object) -> tuple[ChatOutcome[None], ...]:
    """Ask all questions as batches."""
    return await bench.complete_many(TALKS, name="talks", bulk=True, **options)


async def batches_of(bench: Workbench) -> list[Batch]:
    """Give the batches that the provider holds, newest first."""
    return [one async for one in bench.provider.batches.list()]


def texts_of(outcomes: Sequence[ChatOutcome[Any]]) -> list[str | None]:
    """Give the answers in order, None where there is none."""
    return [one.reply.text if one.reply else None for one in outcomes]


HELLO = [f"Hello {n}" for n in range(5)]


async def test_without_batches_each_is_asked() -> None:
    """Answers stand in order, failures with their items."""
    script = (
        Script()
        .on("chat.complete", ECHO, times=None)
        .on("chat.complete", Fault.rate_limited(), occurrence=2)
    )
    shown: list[Progress] = []
    async with room(script) as bench:
        found = await bench.complete_many(
            TALKS, options=BulkOptions(concurrency=1), on_progress=shown.append
        )
        assert texts_of(found) == ["Hello 0", None, "Hello 2", "Hello 3", "Hello 4"]
        assert found[1].failure
        assert found[1].failure.kind == "refused"
        assert [one.done for one in shown] == [1, 2, 3, 4, 5]
        with pytest.raises(InvalidInputError, match="twice"):
            await bench.complete_many([TALKS[0], TALKS[0]])


async def test_forms_are_asked_one_by_one_and_in_batches() -> None:
    """A value of the type, or a failure that says that it does not fit."""
    said = Says(lambda messages: '{"name": "津"}' if "1" in messages[-1].text else "?")
    script = Script().on("chat.complete", said, times=None).on("batches.submit", said)
    async with room(script) as bench:
        singly = await bench.complete_many(TALKS[:2], output=City)
        jointly = await bench.complete_many(TALKS[:2], output=City, name="a", bulk=True)
        for found in (singly, jointly):
            assert found[0].failure
            assert found[0].failure.kind == "invalid-output"
            assert found[1].reply
            assert found[1].reply.output == City(name="津")


async def test_a_wrong_key_is_raised() -> None:
    """When nothing was answered there is nothing to keep."""
    script = Script().on("chat.complete", Fault.wrong_key())
    async with room(script) as bench:
        with pytest.raises(AuthenticationError):
            await bench.complete_many(TALKS, options=BulkOptions(concurrency=1))


async def test_texts_are_embedded_both_ways() -> None:
    """The same vectors come singly and in batches; a blank text is a failure of its own."""
    blank = EmbeddingRequest(key="blank", text=" ")
    async with room() as bench:
        singly = await bench.embed_many([*TEXTS[:3], blank, *TEXTS[3:]], dimensions=16)
        assert [one.key for one in singly if one.failure] == ["blank"]
        jointly = await bench.embed_many(TEXTS, dimensions=16, name="t", bulk=True)
        vectors = [one.vector for one in singly if one.vector is not None]
        assert [one.key for one in jointly] == [one.key for one in TEXTS]
        for single, joint in zip(vectors, jointly, strict=True):
            assert joint.vector is not None
            assert (single == joint.vector).all()
        alone = await bench.embed_many(TEXTS[:1])
        assert alone[0].usage


async def test_batches_are_handed_in_once(tmp_path: Path) -> None:
    """The same call gives the same results, also from another process, and is paid for once."""
    script = Script().on("batches.submit", ECHO, times=None)
    shown: list[Progress] = []
    async with room(script, settings=SMALL, folder=tmp_path) as bench:
        first = await ask(bench, on_progress=shown.append)
        assert texts_of(first) == HELLO
        assert texts_of(await ask(bench)) == HELLO
        assert [one.counts.total for one in await batches_of(bench)] == [1, 2, 2]
        spent = await bench.spending()
        assert len(spent) == 3
        assert {(one.what, one.subject) for one in spent} == {("chat", "talks")}
        assert spent[-1].usage.input_tokens == 18
        tokens = spent[-1].usage.input_tokens * 1 + spent[-1].usage.output_tokens * 4
        assert spent[-1].usd == Decimal(tokens) / 1_000_000 / 2
    async with room(settings=SMALL, folder=tmp_path) as bench:
        assert texts_of(await ask(bench)) == HELLO
        assert len(await batches_of(bench)) == 3
        assert await bench.jobs() == ()
    assert shown[0].detail.startswith("5 requests, about 45 tokens of input, about 0.0000 USD")
    assert {one.step for one in shown} == {"submitting", "bulk"}
    assert (shown[-1].done, shown[-1].total, shown[-1].detail) == (5, 5, "completed")


async def test_a_name_stands_for_its_requests() -> None:
    """Other requests under a name are refused, as is a run without one."""
    async with room() as bench:
        await ask(bench)
        with pytest.raises(InvalidInputError, match="requests was '5' and is '4'"):
            await bench.complete_many(TALKS[:4], name="talks", bulk=True)
        with pytest.raises(InvalidInputError, match="another output"):
            await bench.complete_many(TALKS, name="talks", bulk=True, output=City)
        with pytest.raises(InvalidInputError, match="needs a name"):
            await bench.complete_many(TALKS, bulk=True)
        with pytest.raises(InvalidInputError, match="cannot name a run"):
            await bench.complete_many(TALKS, name="a/b", bulk=True)


async def test_only_what_has_no_answer_is_asked_again() -> None:
    """On the user's word, in a new batch; what was answered is not paid for twice."""
    script = (
        Script()
        .on("batches.submit", ECHO, times=None)
        .on("batches.submit", Fails("問1", NO))
        .on("batches.submit", Fails("問4", NO), occurrence=1, times=2)
    )
    async with room(script) as bench:
        assert texts_of(await ask(bench)) == ["Hello 0", None, "Hello 2", "Hello 3", None]
        assert len(await batches_of(bench)) == 1
        second = await ask(bench, options=AGAIN)
        assert texts_of(second) == [*HELLO[:4], None]
        assert second[4].failure == NO
        assert [one.counts.total for one in await batches_of(bench)] == [2, 5]
        assert texts_of(await ask(bench)) == [*HELLO[:4], None]
        assert texts_of(await ask(bench, options=AGAIN)) == HELLO
        assert texts_of(await ask(bench, options=AGAIN)) == HELLO
        assert [one.counts.total for one in await batches_of(bench)] == [1, 2, 5]


async def test_an_answer_is_never_lost_again() -> None:
    """What an earlier batch answers late goes before a failure of a later one."""
    script = (
        Script()
        .on("batches.submit", ECHO, times=None)
        .on("batches.submit", Statuses("expired", "expired", "completed"))
        .on("batches.submit", Fails("問4", NO), occurrence=2)
    )
    async with room(script) as bench:
        assert texts_of(await ask(bench)) == [*HELLO[:2], None, None, None]
        assert texts_of(await ask(bench, options=AGAIN)) == [*HELLO[:4], None]
        assert texts_of(await ask(bench)) == HELLO


async def test_asking_again_at_once_makes_one_attempt() -> None:
    """Two tasks with the user's word begin one new attempt together."""
    script = Script().on("batches.submit", Fails("問1", NO))
    async with room(script) as bench:
        await ask(bench)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(bench, options=AGAIN)) for _ in range(2)]
        assert all(None not in texts_of(task.result()) for task in tasks)
        assert [one.counts.total for one in await batches_of(bench)] == [1, 5]


async def test_two_tasks_make_one_batch() -> None:
    """The second waits for the first."""
    async with room() as bench:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(bench)) for _ in range(2)]
        assert texts_of(tasks[0].result()) == texts_of(tasks[1].result())
        assert len(await batches_of(bench)) == 1


@pytest.mark.parametrize(
    ("word", "kind"), [("expired", "expired"), ("cancelled", "cancelled"), ("failed", "refused")]
)
async def test_a_batch_that_ends_early_loses_some(word: str, kind: str) -> None:
    """What was answered by then is there; the rest says why it is not."""
    script = Script().on("batches.submit", Statuses("in_progress", word))
    async with room(script) as bench:
        found = await ask(bench)
        done = 0 if word == "failed" else 2
        assert [one.failure and one.failure.kind for one in found] == [
            *([None] * done),
            *([kind] * (5 - done)),
        ]


async def test_a_batch_that_fails_says_why() -> None:
    """The provider's reasons stand with each request."""
    async with room() as bench:
        options = BulkOptions(model=ModelId("nobody"))
        found = await ask(bench, options=options)
        assert all(one.failure and "nobody" in one.failure.message for one in found)
        assert await bench.spending() == ()


async def test_a_lost_answer_makes_no_second_batch() -> None:
    """The batch is found by what was attached to it."""
    script = Script().on("batches.submit", Fault.lost_answer()).on("batches.submit", ECHO)
    async with room(script) as bench:
        assert texts_of(await ask(bench)) == HELLO
        assert len(await batches_of(bench)) == 1


async def test_a_batch_that_does_not_show_up_is_not_sent_again() -> None:
    """Nobody knows whether it exists: the next call looks, and the user's word sends it again."""
    script = (
        Script()
        .on("batches.submit", Fault.lost_answer())
        .on("batches.submit", Lag(listings=8))
        .on("batches.submit", ECHO, times=None)
    )
    async with room(script) as bench:
        with pytest.raises(JobOutcomeUnknownError, match="was lost") as caught:
            await ask(bench)
        assert caught.value.name == "talks"
        assert texts_of(await ask(bench)) == HELLO
        assert len(await batches_of(bench)) == 1


async def test_the_users_word_hands_in_once_more() -> None:
    """A creation that certainly came to nothing can be repeated."""
    script = Script().on("batches.submit", Fault.unavailable())
    async with room(script) as bench:
        with pytest.raises(JobOutcomeUnknownError):
            await ask(bench)
        with pytest.raises(JobOutcomeUnknownError):
            await ask(bench)
        assert None not in texts_of(await ask(bench, options=AGAIN))
        assert len(await batches_of(bench)) == 1


async def test_old_news_is_not_waited_for() -> None:
    """Ten minutes after it was sent, one look tells."""
    script = Script().on("batches.submit", Fault.unavailable())
    async with room(script) as bench:
        with pytest.raises(JobOutcomeUnknownError):
            await ask(bench)
        await bench.provider.clock.sleep(601)
        before = bench.provider.clock.monotonic()
        with pytest.raises(JobOutcomeUnknownError):
            await ask(bench)
        assert bench.provider.clock.monotonic() - before < 1


async def test_a_refused_batch_can_be_handed_in_again() -> None:
    """What certainly made nothing needs no word of the user."""
    script = Script().on("batches.submit", Fault.refused("full"))
    async with room(script) as bench:
        with pytest.raises(InvalidRequestError, match="full"):
            await ask(bench)
        assert None not in texts_of(await ask(bench))


async def test_another_workspace_finds_the_batch() -> None:
    """The provider is asked before anything is sent; of several batches one is kept."""
    provider = FakeProvider(script=Script().on("batches.submit", ECHO, times=None))
    async with room(provider=provider) as bench:
        with pytest.raises(WaitTimeoutError):
            await ask(bench, options=BulkOptions(timeout_s=0))
        [first] = await batches_of(bench)
        extra = ChatRequest(key="extra", messages=TALKS[0].messages)
        twin = await provider.batches.submit_chat(
            [extra, *TALKS[1:]], model=CHAT, metadata=first.metadata
        )
        async with Workspace(None) as other:
            bulk = Bulk(provider=provider, workspace=other, model=CHAT)
            assert texts_of(await bulk.complete_many(TALKS, name="talks", bulk=True)) == HELLO
        assert (await provider.batches.get(twin.id)).status is BatchStatus.CANCELLED
        assert texts_of(await ask(bench)) == HELLO
        assert RUN_KEY in first.metadata


@pytest.mark.parametrize("word", ["completed", "failed"])
async def test_a_complete_batch_goes_before_others(word: str) -> None:
    """What is paid for is read; what failed stands only where there is nothing else."""
    script = (
        Script()
        .on("batches.submit", Statuses(word), times=2)
        .on("batches.cancel", Fault(error=ConflictError, accepted="no"), times=None)
        .on("batches.submit", ECHO, times=None)
    )
    provider = FakeProvider(script=script)
    async with provider:
        async with Workspace(None) as one:
            bulk = Bulk(provider=provider, workspace=one, model=CHAT)
            first = texts_of(await bulk.complete_many(TALKS, name="talks", bulk=True))
        [made] = [batch async for batch in provider.batches.list()]
        extra = ChatRequest(key="extra", messages=TALKS[0].messages)
        await provider.batches.submit_chat([extra], model=CHAT, metadata=made.metadata)
        await provider.batches.submit_chat([extra], model=CHAT, metadata=made.metadata)
        await provider.batches.submit_chat([extra], model=CHAT, metadata=made.metadata)
        async with Workspace(None) as two:
            bulk = Bulk(provider=provider, workspace=two, model=CHAT)
            again = texts_of(await bulk.complete_many(TALKS, name="talks", bulk=True))
        assert first == (HELLO if word == "completed" else [None] * 5)
        assert again == (HELLO if word == "completed" else [None] * 5)


async def test_lines_that_belong_to_nothing_are_left_out() -> None:
    """A batch that carries the run's key is read by keys: what has no line is missing."""
    async with room() as bench:
        await ask(bench)
        [made] = await batches_of(bench)
    script = Script().on("batches.submit", ECHO)
    async with room(script) as bench:
        extra = ChatRequest(key="extra", messages=TALKS[0].messages)
        await bench.provider.batches.submit_chat(
            [extra, *TALKS[1:]], model=CHAT, metadata=made.metadata
        )
        found = await ask(bench)
        assert texts_of(found) == [None, *HELLO[1:]]
        assert found[0].failure
        assert found[0].failure.kind == "missing"


async def test_stopping_to_wait_stops_nothing() -> None:
    """The wait ends, the batch goes on, and the same call goes on with it."""
    async with room() as bench:
        with pytest.raises(WaitTimeoutError, match="it goes on"):
            await ask(bench, options=BulkOptions(timeout_s=20))
        # What is asked again while the batch goes on is the same attempt.
        assert None not in texts_of(await ask(bench, options=AGAIN))
        assert len(await batches_of(bench)) == 1


async def test_trouble_does_not_end_the_wait() -> None:
    """A new batch may be invisible, looks and reads may fail, and it all goes on."""
    script = (
        Script()
        .on("batches.submit", Lag(lookups=1))
        .on("batches.submit", ECHO)
        .on("batches.get", Fault.unavailable(), occurrence=2)
        .on("batches.outcomes", Fault.timed_out(), times=3)
    )
    async with room(script) as bench:
        assert texts_of(await ask(bench)) == HELLO


async def test_trouble_that_stays_is_raised() -> None:
    """Results that cannot be read are no missing answers; a batch that is gone is an error."""
    script = Script().on("batches.outcomes", Fault.unavailable(), times=4)
    async with room(script) as bench:
        with pytest.raises(ServiceUnavailableError):
            await ask(bench)
        assert None not in texts_of(await ask(bench))
    async with room(Script().on("batches.submit", Lag(lookups=1_000))) as bench:
        with pytest.raises(NotFoundError):
            await ask(bench)


async def test_cancelling_loses_no_batch() -> None:
    """A creation that is under way is written down; the next call finds it."""
    for steps in range(0, 400, 7):
        async with room() as bench:
            task = asyncio.get_running_loop().create_task(ask(bench))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert None not in texts_of(await ask(bench))
            assert len(await batches_of(bench)) == 1


async def test_a_provider_without_batches_says_so() -> None:
    """It is found out before anything is written down as sent."""
    fake = FakeProvider(FakeSettings())
    kept = tuple(one for one in fake.capabilities.entries if one.capability != "batches")

    class Bare(FakeProvider):
        """A fake without batches."""

        @property
        @override
        def batches(self) -> Any:
            fake.capabilities.model_copy(update={"entries": kept}).require(
                tailorbird.types.Capability.BATCHES, on=self.clock.today()
            )

    async with room(provider=Bare()) as bench:
        with pytest.raises(UnsupportedError):
            await ask(bench)


class Slow(FakeProvider):
    """A provider whose uploads take so long that somebody else takes the run over."""

    workspace: Workspace

    @property
    @override
    def batches(self) -> Any:
        """Lose the lease before each creation."""
        outer = super().batches
        workspace, identity = self.workspace, self.identity

        class Losing:
            list, get, cut_chat = outer.list, outer.get, outer.cut_chat

            async def submit_chat(
                self, *args: object, before: Callable[[], Awaitable[None]], **more: object
            ) -> Batch:
                runs = workspace.journal.runs
                run = await runs.get("talks/0/0", identity=f"{identity} (bulk)")
                later = datetime.now(UTC) + timedelta(seconds=20)
                await runs.hold(run, owner="process 7 on elsewhere", now=later, ttl_s=15)
                return await outer.submit_chat(*args, before=before, **more)

        return Losing()


async def test_a_process_that_stood_still_sends_nothing() -> None:
    """Whoever lost the lease finds that out before the creation is sent."""
    provider = Slow()
    async with room(provider=provider) as bench:
        provider.workspace = bench.workspace
        with pytest.raises(JobOutcomeUnknownError):
            await ask(bench)
        assert await batches_of(bench) == []


def test_estimates_are_made_before() -> None:
    """Input at the price of batches, where one is known."""
    price = Price(
        model="m",
        input_per_mtok=Decimal(2),
        batch_share=Decimal("0.5"),
        source="test",
        read_on=datetime.now(UTC).date(),
    )
    single = estimate_many(TALKS, price=price, bulk=False)
    joint = estimate_many(TALKS, price=price, bulk=True)
    assert single.usd == 2 * (joint.usd or 0) == Decimal(45) * 2 / 1_000_000
    assert str(joint).endswith("USD for it in batches")
    assert str(single).endswith("USD for it")
    bare = price.model_copy(update={"batch_share": None})
    assert estimate_many(TEXTS, price=bare, bulk=True).usd is None
    assert str(estimate_many(TEXTS, price=None, bulk=True)).endswith("no price is known")
    unpriced = price.model_copy(update={"input_per_mtok": None})
    assert estimate_many(TEXTS, price=unpriced, bulk=True).usd is None


def test_roles_and_models_are_chosen() -> None:
    """Code that is not async has the same methods, and options name who answers."""
    with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
        found = bench.complete_many(TALKS[:1], options=BulkOptions(role="judge"))
        assert found[0].reply
        typed = bench.complete_many(TALKS[:1], output=City, name="a", bulk=True)
        assert typed[0].reply
        assert isinstance(typed[0].reply.output, City)
        assert bench.embed_many(TEXTS[:1])[0].vector is not None
