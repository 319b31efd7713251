"""The fake's batches: time, script, and state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from tailorbird.exceptions import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    ScriptError,
    ServiceUnavailableError,
    UnsupportedError,
)
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
    BatchId,
    BatchStatus,
    Capability,
    ChatOptions,
    ChatRequest,
    EmbeddingRequest,
    FinishReason,
    ItemFailure,
    Message,
    ModelId,
    Reply,
)

CHAT = ModelId("fake-chat")
EMBEDDING = ModelId("fake-embedding")
TALKS = [ChatRequest(key=str(n), messages=(Message.user(f"Hello {n}"),)) for n in range(4)]
TEXTS = [EmbeddingRequest(key=str(n), text=f"text {n}") for n in range(4)]
NO = ItemFailure(kind="refused", message="no", code="bad", status_code=400)


class City(BaseModel):
    """A structured answer."""

    name: str


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    """An open fake."""
    async with FakeProvider(FakeSettings(latency_s=0)) as opened:
        yield opened


async def ended(fake: FakeProvider, batch: Batch) -> Batch:
    """Wait for the end of a batch."""
    while not batch.status.is_final:
        await fake.clock.sleep(1)
        batch = await fake.batches.get(batch.id)
    return batch


async def test_a_batch_takes_its_time(fake: FakeProvider) -> None:
    """The states follow each other by the clock, and requests are done evenly."""
    batch = await fake.batches.submit_chat(TALKS, model=CHAT)
    seen = [(batch.raw_status, batch.counts.completed)]
    for seconds in (5, 30, 30, 5):
        await fake.clock.sleep(seconds)
        found = await fake.batches.get(batch.id)
        seen.append((found.raw_status, found.counts.completed))
    assert seen == [
        ("validating", 0),
        ("in_progress", 0),
        ("in_progress", 2),
        ("finalizing", 4),
        ("completed", 4),
    ]


async def test_a_cancelled_batch_keeps_what_was_done(fake: FakeProvider) -> None:
    """Requests run by then have answers, the others have no line; cancelling twice is fine."""
    batch = await fake.batches.submit_chat(TALKS, model=CHAT)
    await fake.clock.sleep(36)
    first = await fake.batches.cancel(batch.id)
    await fake.clock.sleep(1)
    assert (await fake.batches.cancel(batch.id)).status is first.status is BatchStatus.CANCELLING
    await ended(fake, batch)
    outcomes = [one async for one in fake.batches.chat_outcomes(batch.id)]
    assert sorted(one.key for one in outcomes) == ["0", "1"]


async def test_single_requests_fail_by_script() -> None:
    """A scripted failure, a filtered and an empty answer each lose their own item only."""
    replies = {
        "Hello 1": Reply[None](
            text="", output=None, model=CHAT, finish_reason=FinishReason.CONTENT_FILTER
        ),
        "Hello 2": "",
    }
    said = Says(lambda messages: replies.get(messages[-1].text, '{"name": "Nara"}'))
    script = Script().on("batches.submit", said).on("batches.submit", Fails("0", NO))
    async with FakeProvider(script=script) as fake:
        batch = await ended(fake, await fake.batches.submit_chat(TALKS, model=CHAT, output=City))
        assert (batch.counts.completed, batch.counts.failed) == (1, 3)
        plain = {one.key: one async for one in fake.batches.chat_outcomes(batch.id)}
        assert plain["0"].failure == NO
        kinds = [one.failure and one.failure.kind for _, one in sorted(plain.items())]
        assert kinds == ["refused", "filtered", "unreadable", None]
        typed = {one.key: one async for one in fake.batches.chat_outcomes(batch.id, output=City)}
        assert typed["3"].reply
        assert typed["3"].reply.output == City(name="Nara")


async def test_forms_that_do_not_fit_are_failures() -> None:
    """A declined and a wrong structured answer are failures of their items."""
    declined = Reply[None](text="", output=None, model=CHAT, refusal="I would rather not")
    said = Says(lambda messages: declined if "0" in messages[-1].text else "no JSON")
    async with FakeProvider(script=Script().on("batches.submit", said)) as fake:
        batch = await ended(fake, await fake.batches.submit_chat(TALKS[:2], model=CHAT))
        outcomes = fake.batches.chat_outcomes(batch.id, output=City)
        kinds = {one.key: one.failure and one.failure.kind async for one in outcomes}
        assert kinds == {"0": "declined", "1": "invalid-output"}


@pytest.mark.parametrize("kind", ["chat", "embeddings"])
async def test_an_expired_batch_says_so_of_each_request(kind: str) -> None:
    """What was not run has the failure `batch_expired`."""
    script = Script().on("batches.submit", Statuses("in_progress", "expired"))
    async with FakeProvider(script=script) as fake:
        if kind == "chat":
            batch = await ended(fake, await fake.batches.submit_chat(TALKS, model=CHAT))
            outcomes = [one async for one in fake.batches.chat_outcomes(batch.id)]
        else:
            batch = await fake.batches.submit_embeddings(TEXTS, model=EMBEDDING)
            batch = await ended(fake, batch)
            outcomes = [one async for one in fake.batches.embedding_outcomes(batch.id)]
        assert batch.status is BatchStatus.EXPIRED
        codes = {one.key: one.failure and one.failure.code for one in outcomes}
        assert codes == {"0": None, "1": None, "2": "batch_expired", "3": "batch_expired"}


async def test_texts_fail_by_script_too() -> None:
    """A scripted failure of a text leaves the other vectors as they are."""
    script = Script().on("batches.submit", Fails("2", NO))
    async with FakeProvider(script=script) as fake:
        batch = await fake.batches.submit_embeddings(TEXTS, model=EMBEDDING, dimensions=64)
        await ended(fake, batch)
        outcomes = {one.key: one async for one in fake.batches.embedding_outcomes(batch.id)}
        assert outcomes["2"].failure == NO
        assert outcomes["3"].vector is not None
        assert outcomes["3"].vector.shape == (64,)
        assert outcomes["3"].usage


@pytest.mark.parametrize("model", ["nobody", "fake-embedding"])
async def test_a_batch_of_a_wrong_model_fails_as_a_whole(fake: FakeProvider, model: str) -> None:
    """It says why, and has no outcomes."""
    batch = await fake.batches.submit_chat(TALKS, model=ModelId(model))
    assert batch.problems == ()
    batch = await ended(fake, batch)
    assert batch.status is BatchStatus.FAILED
    assert model in batch.problems[0]
    assert [one async for one in fake.batches.chat_outcomes(batch.id)] == []


async def test_unknown_words_and_lags_are_scripted() -> None:
    """A batch may be invisible at first, and have a status that nobody knows."""
    script = (
        Script()
        .on("batches.submit", Lag(lookups=1, listings=1))
        .on("batches.submit", Statuses("dreaming", "completed"))
    )
    async with FakeProvider(script=script) as fake:
        batch = await fake.batches.submit_chat(TALKS, model=CHAT)
        assert [one async for one in fake.batches.list()] == []
        assert [one.id async for one in fake.batches.list()] == [batch.id]
        with pytest.raises(NotFoundError):
            await fake.batches.get(batch.id)
        found = await fake.batches.get(batch.id)
        assert (found.status, found.raw_status) == (BatchStatus.OTHER, "dreaming")
        assert (await fake.batches.get(batch.id)).counts.completed == len(TALKS)


async def test_nothing_is_made_before_its_time() -> None:
    """`before` is awaited right before the batch is made; what it raises makes none."""
    script = Script().on("batches.submit", Fault.lost_answer(), occurrence=2)
    async with FakeProvider(script=script) as fake:
        steps: list[str] = []

        async def before() -> None:
            steps.append("before")
            assert [one async for one in fake.batches.list()] == []

        async def never() -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fake.batches.submit_embeddings(TEXTS, model=EMBEDDING, before=never)
        await fake.batches.submit_chat(TALKS, model=CHAT, before=before)
        assert steps == ["before"]
        with pytest.raises(ServiceUnavailableError):
            await fake.batches.submit_chat(TALKS, model=CHAT)
        assert len([one async for one in fake.batches.list()]) == 2


async def test_arguments_are_checked_before_anything_is_sent(fake: FakeProvider) -> None:
    """Options that the model does not take, and widths that it does not offer, are refused."""
    with pytest.raises(InvalidInputError, match="dimensions"):
        await fake.batches.cut_embeddings(TEXTS, model=EMBEDDING, dimensions=0)
    luna = FakeProvider(FakeSettings(flavor="openai"))
    warm = TALKS[0].model_copy(update={"options": ChatOptions(temperature=1.0)})
    async with luna:
        with pytest.raises(UnsupportedError, match="temperature"):
            await luna.batches.submit_chat([warm], model=ModelId("gpt-6-luna"))
    assert fake.usage().requests == {}


async def test_cuts_follow_the_settings() -> None:
    """`batch_requests` says how many go into one batch."""
    async with FakeProvider(FakeSettings(batch_requests=3)) as fake:
        assert fake.batches.most_requests == 3
        assert await fake.batches.cut_chat(TALKS, model=CHAT, output=City) == (3, 1)
        assert await fake.batches.cut_embeddings(TEXTS, model=EMBEDDING, dimensions=8) == (3, 1)


async def test_what_has_not_ended_is_a_conflict(fake: FakeProvider) -> None:
    """Outcomes come at the end, of what was asked for; what has ended cannot be cancelled."""
    batch = await fake.batches.submit_chat(TALKS, model=CHAT)
    with pytest.raises(ConflictError, match="wait"):
        await anext(fake.batches.chat_outcomes(batch.id))
    await ended(fake, batch)
    with pytest.raises(ConflictError, match="asks for chat"):
        await anext(fake.batches.embedding_outcomes(batch.id))
    with pytest.raises(ConflictError, match="completed"):
        await fake.batches.cancel(batch.id)


async def test_batches_outlive_the_process(tmp_path: Path) -> None:
    """With a state folder another process reads what came of a batch."""
    async with FakeProvider(state=tmp_path) as fake:
        batch = await fake.batches.submit_chat(TALKS, model=CHAT, metadata={"run": "a"})
    async with FakeProvider(state=tmp_path) as fake:
        [found] = [one async for one in fake.batches.list(metadata={"run": "a"})]
        assert found.id == batch.id
        await ended(fake, found)
        file = await fake.files.create(b"{}", name="a.jsonl", purpose="batch")
        await fake.files.delete(file.id)  # takes contents away that nobody needs
        assert len([one async for one in fake.batches.chat_outcomes(batch.id)]) == len(TALKS)


async def test_long_contents_come_page_by_page(fake: FakeProvider) -> None:
    """More than is read at once comes whole, also where a page ends within a line."""
    texts = [EmbeddingRequest(key=str(n), text="本" * 3000) for n in range(300)]
    batch = await ended(
        fake, await fake.batches.submit_embeddings(texts, model=EMBEDDING, dimensions=8)
    )
    keys = [one.key async for one in fake.batches.embedding_outcomes(batch.id)]
    assert sorted(keys, key=int) == [one.key for one in texts]


def test_failures_of_items_fit_batches_only() -> None:
    """A step that cannot happen is refused when the script is written."""
    with pytest.raises(ScriptError, match="Fails"):
        Script().on("chat.complete", Fails("0", NO))


async def test_calls_are_recorded_without_content(fake: FakeProvider) -> None:
    """What was asked stands in no record."""
    await fake.batches.submit_chat(TALKS, model=CHAT)
    with pytest.raises(NotFoundError):
        await fake.batches.get(BatchId("batch_x"))
    assert [call.operation for call in fake.calls] == ["batches.submit", "batches.get"]
    assert fake.calls[0].facts == {"model": CHAT, "requests": 4, "kind": "chat"}
    assert fake.capabilities.find(Capability.BATCHES).available
