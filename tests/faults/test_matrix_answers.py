"""Row C of the fault matrix: answers that arrive and are not what was promised."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tailorbird.exceptions import (
    ContentFilteredError,
    EmptyAnswerError,
    ProviderError,
    UnexpectedResponseError,
)
from tailorbird.testing.faults import (
    BadGzip,
    EndlessBody,
    InvalidUtf8,
    Oversize,
    Status,
    Step,
    TruncatedJson,
    WireFault,
    WrongContentType,
)
from tailorbird.types import FinishReason, Message, ModelId

if TYPE_CHECKING:
    from conftest import MakeSite, Site

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ASKS = "/v1/chat/completions"
JOBS = "/v1/fine_tuning/jobs"
REASONING = ModelId("gpt-6-luna")  # asked on Responses
QUESTION = [Message.user("春の詩を一つ")]
Json = dict[str, Any]


@pytest.mark.parametrize("fault", [TruncatedJson(), BadGzip()])
async def test_spoiled_answers_to_questions_are_asked_for_again(
    site: Site, fault: WireFault
) -> None:
    """C1, C13: half a document, or compression that is none, costs one more attempt."""
    account = await site.openai()
    site.break_next(Step(fault=fault, path=ASKS, commit=True))
    assert (await site.ask(account)).text
    assert len(site.server.seen) == 2


@pytest.mark.parametrize("fault", [TruncatedJson(), BadGzip()])
async def test_spoiled_answers_to_reading_are_asked_for_again(site: Site, fault: WireFault) -> None:
    """C1: the same holds for everything that only reads."""
    account = await site.openai()
    site.break_next(Step(fault=fault, path="/v1/models", commit=True))
    assert [card async for card in account.models.list()]
    assert len(site.seen("GET", "/models")) == 2


SPOILED = [
    TruncatedJson(),
    InvalidUtf8(),
    BadGzip(),
    Oversize(64 << 20),
    Status(200, b"null"),
    Status(200, b"7"),
    Status(200, b"[]"),
    Status(200, b"{}"),
    Status(200, b'{"id": 5, "object": "fine_tuning.job"}'),
    Status(200, b'{"id": "", "object": "fine_tuning.job"}'),
    Status(200, "<!doctype html><title>サインイン</title>"),
    Status(200, b""),
    Status(204),
]


@pytest.mark.parametrize("fault", SPOILED, ids=range(len(SPOILED)))
async def test_spoiled_answer_to_a_creation_is_an_unknown_outcome(
    site: Site, fault: WireFault
) -> None:
    """C1, C10, C12, C13: the job exists, nobody got its id: sent once, `accepted` unknown."""
    account, spec = await site.openai(), await site.make_spec()
    site.break_next(Step(fault=fault, path=JOBS, commit=True))
    with pytest.raises(UnexpectedResponseError) as caught:
        await account.jobs.create(spec)
    assert caught.value.accepted == "unknown"
    assert (caught.value.provider, caught.value.operation) == ("openai", "jobs.create")
    assert len(site.seen("POST", "/fine_tuning/jobs")) == 1
    assert site.app.live_jobs() == 1


PAGES = [
    b"null",
    b"7",
    b'"text"',
    b"[]",
    b"{}",
    b'{"choices": 3}',
    "<html>ログイン</html>",
    b"{" * 9999,
]


@pytest.mark.parametrize("body", PAGES, ids=range(len(PAGES)))
@pytest.mark.parametrize("model", ["gpt-4.1-mini-2025-04-14", REASONING])
async def test_other_shapes_are_never_answers(site: Site, body: object, model: ModelId) -> None:
    """C1: another shape with status 200 is a typed error that holds nothing of its content."""
    account = await site.openai(retry={"attempts": 1})
    site.break_next(Step(fault=Status(200, body, {"x-request-id": "req-5"})))
    with pytest.raises(UnexpectedResponseError) as caught:
        await account.chat.complete(QUESTION, model=model)
    assert (caught.value.status_code, caught.value.request_id) == (200, "req-5")
    assert "ログイン" not in str(caught.value)
    assert len(site.server.seen) == 1


async def test_answer_without_choices_is_empty(site: Site) -> None:
    """C3: `choices: []` is an empty answer, and no more is asked for (it was paid for)."""
    account = await site.openai()
    site.edit_next(ASKS, lambda document: document.update(choices=[]))
    with pytest.raises(EmptyAnswerError) as caught:
        await site.ask(account)
    assert caught.value.accepted == "yes"
    assert len(site.server.seen) == 1


def spoken(document: Json) -> Json:
    """Give the message of an answer."""
    return document["choices"][0]["message"]


async def test_answer_without_content_is_empty(site: Site) -> None:
    """C4: null, an empty text and a missing one are an empty answer."""
    account = await site.openai()
    edits: list[Callable[[Json], object]] = [
        lambda document: spoken(document).update(content=None),
        lambda document: spoken(document).update(content=""),
        lambda document: spoken(document).pop("content"),
    ]
    for edit in edits:
        site.edit_next(ASKS, edit)
        with pytest.raises(EmptyAnswerError):
            await site.ask(account)
    assert len(site.server.seen) == len(edits)


async def test_refusal_is_a_result_of_its_own(site: Site) -> None:
    """C4: words of refusal are kept apart from the text, which stays empty."""
    account = await site.openai()
    site.edit_next(
        ASKS, lambda document: spoken(document).update(content=None, refusal="I cannot say.")
    )
    reply = await site.ask(account)
    assert (reply.text, reply.refusal) == ("", "I cannot say.")


async def test_empty_answer_on_responses(site: Site) -> None:
    """C3, C4: no output at all is an empty answer on Responses, too."""
    account = await site.openai()
    site.edit_next("/v1/responses", lambda document: document.update(output=[]))
    with pytest.raises(EmptyAnswerError):
        await account.chat.complete(QUESTION, model=REASONING)


@pytest.mark.parametrize(
    ("named", "is_foreign"),
    [("gpt-4o-2024-08-06", True), ("gpt-4.1-mini", False), ("gpt-4.1-mini-2025-04-14", False)],
)
async def test_foreign_model_is_told(site: Site, named: str, *, is_foreign: bool) -> None:
    """C6: an answer by another model carries a warning; snapshots of the same one do not."""
    account = await site.openai()
    site.edit_next(ASKS, lambda document: document.update(model=named))
    reply = await site.ask(account)
    assert reply.model == named
    assert bool(reply.warnings) is is_foreign


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"prompt_tokens": -1, "completion_tokens": 2}, {"prompt_tokens": 1e99}, "many"],
)
async def test_unusable_usage_is_not_known(site: Site, usage: object) -> None:
    """C7: missing or senseless numbers of tokens are None and never 0; the text is kept."""
    account = await site.openai()
    site.edit_next(ASKS, lambda document: document.update(usage=usage))
    reply = await site.ask(account)
    assert reply.text
    assert reply.usage is None


async def test_json_under_another_name_is_read_and_noted_once(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """C9: `text/plain` with good JSON is an answer; the log says so once, without content."""
    account = await site.openai()
    site.break_next(Step(fault=WrongContentType(), path=ASKS, commit=True, times=3))
    with caplog.at_level("WARNING", logger="tailorbird"):
        replies = [await site.ask(account) for _ in range(3)]
    assert all(reply.text for reply in replies)
    [note] = [one.getMessage() for one in caplog.records if "text/plain" in one.getMessage()]
    assert replies[0].text not in note


async def test_invalid_utf8_is_no_answer(site: Site) -> None:
    """C10: bytes that are no UTF-8 are a typed error, not a crash and not mojibake."""
    account = await site.openai()
    site.break_next(Step(fault=InvalidUtf8(), path=ASKS))
    with pytest.raises(UnexpectedResponseError) as caught:
        await site.ask(account)
    assert (caught.value.status_code, caught.value.operation) == (200, "chat.complete")
    assert len(site.server.seen) == 1
    assert (await site.ask(account)).text


LARGE = [Oversize(64 << 20), Oversize(64 << 20, announced=False), EndlessBody()]


@pytest.mark.parametrize("fault", LARGE)
async def test_large_answers_are_dropped_early(site: Site, fault: WireFault) -> None:
    """C12: 64 MiB or no end: a typed error, little memory, and the connection is closed."""
    account = await site.openai(http={"max_answer_bytes": 1 << 20})
    site.break_next(Step(fault=fault, path=ASKS))
    gc.collect()
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedResponseError, match="max_answer_bytes"):
            await site.ask(account)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    await site.server.until_disconnected()
    assert len(site.server.seen) == 1
    assert (await site.ask(account)).text


async def test_large_error_is_read_in_part(site: Site) -> None:
    """C12: of an error's 64 MiB only the beginning is read; the status decides."""
    account = await site.openai(retry={"attempts": 1})
    site.break_next(Step(fault=Status(500, b"x" * (64 << 20)), path=ASKS))
    with pytest.raises(ProviderError) as caught:
        await site.ask(account)
    assert caught.value.status_code == 500
    await site.server.until_disconnected()


async def test_unknown_end_of_an_answer_is_kept_raw(site: Site) -> None:
    """C4: a finish reason that nobody knows is kept as it came, and the answer is given."""
    account = await site.openai()
    site.edit_next(ASKS, lambda document: document["choices"][0].update(finish_reason="tired"))
    reply = await site.ask(account)
    assert (reply.finish_reason, reply.raw_finish_reason) == (FinishReason.OTHER, "tired")


async def test_cut_by_a_filter_is_an_error(make_site: MakeSite) -> None:
    """C4: an answer that Azure's content filter has cut is told as such, with what it found."""
    site = await make_site(flavor="azure")
    account = await site.azure()

    def cut(document: Json) -> None:
        found = {"violence": {"filtered": True, "severity": "high"}}
        document["choices"][0].update(finish_reason="content_filter", content_filter_results=found)

    site.edit_next("/openai/v1/chat/completions", cut)
    with pytest.raises(ContentFilteredError) as caught:
        await account.chat.complete(QUESTION, model=site.roles["azure"]["chat"].callable_id)
    assert (caught.value.stage, caught.value.categories) == ("completion", ("violence",))
    assert caught.value.request_id


VECTORS: list[Callable[[Json], object]] = [
    lambda document: document["data"].pop(),
    lambda document: document.update(data=[]),
    lambda document: document["data"][0].update(index=1),
    lambda document: document["data"][0].update(index=-1),
    lambda document: document["data"][0].update(embedding="AAAA"),
    lambda document: document["data"][0].update(embedding="not base64!"),
    lambda document: document["data"][0].update(embedding="AADAfwAAwH8="),
    lambda document: document["data"][0].pop("embedding"),
    lambda document: document.pop("data"),
]


@pytest.mark.parametrize("edit", VECTORS, ids=range(len(VECTORS)))
async def test_vectors_are_never_mispaired(site: Site, edit: Callable[[Json], object]) -> None:
    """C1: a missing, doubled, cut or infinite vector makes the whole answer unusable."""
    account = await site.openai()
    model = site.roles["openai"]["embedding"].callable_id
    site.edit_next("/v1/embeddings", edit)
    with pytest.raises(UnexpectedResponseError) as caught:
        await account.embeddings.embed(["一つ", "二つ", "三つ"], model=model)
    assert caught.value.operation.startswith("embeddings")


async def test_shuffled_vectors_are_put_in_order(site: Site) -> None:
    """C1: vectors are assigned by their index, in whatever order they come."""
    account = await site.openai()
    model = site.roles["openai"]["embedding"].callable_id
    texts = ["一つ", "二つ", "三つ"]
    good = await account.embeddings.embed(texts, model=model)
    site.edit_next("/v1/embeddings", lambda document: document["data"].reverse())
    shuffled = await account.embeddings.embed(texts, model=model)
    assert (good.vectors == shuffled.vectors).all()
