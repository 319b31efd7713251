"""Batches over the SDK: files of requests, files of results, and what can be wrong with them."""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from pydantic import BaseModel

from tailorbird._openai_sdk.batches import results as batch_results
from tailorbird._openai_sdk.batches.batches import SdkBatches
from tailorbird._openai_sdk.batches.input import BatchesDialect, input_name
from tailorbird._openai_sdk.chat.calls import ChatDialect
from tailorbird._openai_sdk.chat.planning import ChatPlanner
from tailorbird._openai_sdk.embeddings import SdkEmbeddings
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird._openai_sdk.settings import CallSettings
from tailorbird.exceptions import (
    ConflictError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnsupportedError,
)
from tailorbird.types import (
    Availability,
    BatchId,
    BatchStatus,
    Capabilities,
    Capability,
    ChatOptions,
    ChatRequest,
    EmbeddingRequest,
    Message,
    ModelId,
    Tool,
)

MODEL = ModelId("gpt-4.1-mini-2025-04-14")
LUNA = ModelId("gpt-6-luna")
EMBEDDING = ModelId("text-embedding-3-small")
BATCH = BatchId("batch_1")
TALKS = [
    ChatRequest(key="a", messages=(Message.user("本"),)),
    ChatRequest(key="b", messages=(Message.user("文"),), options=ChatOptions(temperature=0.5)),
]
TEXTS = [EmbeddingRequest(key="a", text="本"), EmbeddingRequest(key="b", text="文")]


class City(BaseModel):
    """A structured answer."""

    name: str


def batches(
    cloud: object, dialect: BatchesDialect | None = None, *without: Capability
) -> SdkBatches:
    """Give the batches of an account at a server in this process."""
    kept = tuple(Availability(capability=one) for one in Capability if one not in without)
    offered = Capabilities(provider="openai", entries=kept)
    connection = cloud.connection
    return SdkBatches(
        connection,
        files=cloud.files(),
        chat=ChatPlanner(connection, capabilities=offered, traits=traits_of, dialect=ChatDialect()),
        embeddings=SdkEmbeddings(connection, capabilities=offered),
        capabilities=offered,
        calls=CallSettings(),
        dialect=dialect,
    )


def spooled() -> set[Path]:
    """Give the files that wait in the temporary folder."""
    return set(Path(tempfile.gettempdir()).glob("tailorbird-*.jsonl"))


def batch(**changes: object) -> dict[str, object]:
    """Make a batch as OpenAI sends it when it is new."""
    return {
        "id": "batch_1",
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "errors": None,
        "input_file_id": "file-in",
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": 1_795_305_600,
        "expires_at": None,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": {},
    } | changes


def completion(text: str, **changes: object) -> dict[str, object]:
    """Make an answer of Chat Completions."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": text}}
    return {"id": "c-1", "model": MODEL, "choices": [choice | changes]}


def response(text: str) -> dict[str, object]:
    """Make an answer of Responses."""
    part = {"type": "output_text", "text": text}
    output = [{"type": "message", "content": [part]}]
    return {"id": "r-1", "model": LUNA, "status": "completed", "output": output}


def line(key: str, body: object, status: int = 200) -> str:
    """Make a line of the results."""
    answer = {"status_code": status, "request_id": "req-1", "body": body}
    return json.dumps({"id": "x", "custom_id": key, "response": answer, "error": None})


def serve(cloud: object, *lines: str, **changes: object) -> None:
    """Serve a batch that has ended, with these lines as its output."""
    done = batch(status="completed", output_file_id="file-out", error_file_id="", **changes)
    cloud.on("GET /batches/batch_1", done)
    cloud.on("GET /files/file-out/content", "\n".join(lines).encode())


@pytest.fixture
def stored(cloud: object, tools: object) -> None:
    """A server that takes files for batches."""
    cloud.on(
        "POST /files",
        lambda taken: tools.file(
            id="file-in", purpose="batch", bytes=len(taken.form.content), filename="x.jsonl"
        ),
    )
    cloud.on("GET /files/file-in", tools.file(id="file-in", purpose="batch"))
    cloud.on("POST /batches", batch(metadata={"run": "r"}))


@pytest.mark.usefixtures("stored")
async def test_conversations_become_lines(cloud: object) -> None:
    """Each line is the request that the chat would send, with the key as its id."""
    made = await batches(cloud).submit_chat(TALKS, model=MODEL, output=City, metadata={"run": "r"})
    assert (made.id, made.kind, made.status) == (BATCH, "chat", BatchStatus.VALIDATING)
    [upload] = cloud.sent("POST /files")
    assert upload.form.fields == {"purpose": "batch"}
    assert upload.form.file_name == input_name({"run": "r"})
    lines = [json.loads(one) for one in upload.form.content.splitlines()]
    assert [one["custom_id"] for one in lines] == ["a", "b"]
    assert {(one["method"], one["url"]) for one in lines} == {("POST", "/v1/chat/completions")}
    assert lines[0]["body"]["messages"] == [{"role": "user", "content": "本"}]
    assert lines[0]["body"]["store"] is False
    assert lines[0]["body"]["response_format"]["json_schema"]["strict"] is True
    assert lines[1]["body"]["temperature"] == 0.5
    [created] = cloud.sent("POST /batches")
    assert created.json == {
        "input_file_id": "file-in",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"run": "r"},
    }


@pytest.mark.usefixtures("stored")
async def test_the_endpoint_follows_the_model(cloud: object) -> None:
    """Models that are called on Responses are asked there; a server may want no `/v1`."""
    dialect = BatchesDialect(endpoint_prefix="", input_expiry_s=3_600)
    await batches(cloud, dialect).submit_chat(TALKS[:1], model=LUNA)
    [created] = cloud.sent("POST /batches")
    assert created.json["endpoint"] == "/responses"
    assert "metadata" not in created.json
    assert cloud.sent("POST /files")[0].form.fields["expires_after[seconds]"] == "3600"


@pytest.mark.usefixtures("stored")
async def test_one_batch_asks_one_endpoint(cloud: object) -> None:
    """Requests that need different endpoints by their options are refused before anything."""
    stops = TALKS[0].model_copy(update={"key": "c", "options": ChatOptions(seed=7)})
    with pytest.raises(InvalidInputError, match=r"one endpoint.*'a'.*'c'"):
        await batches(cloud).submit_chat([TALKS[0], stops], model=LUNA)
    assert cloud.taken == []


@pytest.mark.usefixtures("stored")
async def test_texts_become_lines(cloud: object) -> None:
    """Vectors are asked for as base64, of the wanted width."""
    await batches(cloud).submit_embeddings(TEXTS, model=EMBEDDING, dimensions=8)
    [upload] = cloud.sent("POST /files")
    first = json.loads(upload.form.content.splitlines()[0])
    assert first["url"] == "/v1/embeddings"
    assert first["body"] == {
        "model": EMBEDDING,
        "input": "本",
        "encoding_format": "base64",
        "dimensions": 8,
    }


async def test_batches_are_cut_by_number_and_size(cloud: object) -> None:
    """Both limits hold, and a request that fits into no batch is refused."""
    many = [TEXTS[0].model_copy(update={"key": str(number)}) for number in range(70)]
    by_number = batches(cloud, BatchesDialect(most_requests=32))
    assert await by_number.cut_embeddings(many, model=EMBEDDING) == (32, 32, 6)
    by_size = batches(cloud, BatchesDialect(most_bytes=400))
    assert await by_size.cut_embeddings(many[:5], model=EMBEDDING) == (2, 2, 1)
    with pytest.raises(InvalidInputError, match="larger than 400 bytes together"):
        await by_size.submit_embeddings(many[:5], model=EMBEDDING)
    long = EmbeddingRequest(key="long", text="本" * 200)
    with pytest.raises(InvalidInputError, match="'long' is larger"):
        await by_size.cut_embeddings([long], model=EMBEDDING)
    with pytest.raises(InvalidInputError, match="text of request 'blank' is blank"):
        await by_size.cut_embeddings([EmbeddingRequest(key="blank", text=" ")], model=EMBEDDING)
    assert cloud.taken == []


@pytest.mark.usefixtures("stored")
async def test_large_inputs_are_written_piece_by_piece(cloud: object) -> None:
    """Megabytes arrive whole, and no file is left in the temporary folder."""
    before = spooled()
    many = [
        ChatRequest(key=str(number), messages=(Message.user("本" * 20_000),))
        for number in range(50)
    ]
    await batches(cloud).submit_chat(many, model=MODEL)
    [upload] = cloud.sent("POST /files")
    assert len(upload.form.content.splitlines()) == 50
    assert spooled() <= before


async def test_a_lost_upload_made_no_batch(cloud: object) -> None:
    """Whatever becomes of the file: nothing was asked for, and the error says so."""
    cloud.on("POST /files", httpx2.ReadError("gone"), {"id": "x"})
    steps: list[str] = []

    async def before() -> None:
        steps.append("before")

    with pytest.raises(ServiceUnavailableError) as caught:
        await batches(cloud).submit_chat(TALKS, model=MODEL, before=before)
    assert caught.value.accepted == "no"
    assert steps == []


@pytest.mark.usefixtures("stored")
async def test_before_comes_after_the_upload(cloud: object) -> None:
    """`before` stands between the upload and the creation; what it raises makes no batch."""

    async def before() -> None:
        assert cloud.sent("POST /files")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await batches(cloud).submit_chat(TALKS, model=MODEL, before=before)
    assert cloud.sent("POST /batches") == []


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("deleted", [True, False])
async def test_a_refused_batch_takes_its_file_back(
    cloud: object, tools: object, *, deleted: bool
) -> None:
    """The file is deleted; where that fails, the refusal says so and stays what is raised."""
    cloud.on("POST /batches", tools.refusal(400, "invalid_request"))
    if deleted:
        cloud.on("DELETE /files/file-in", {"id": "file-in", "deleted": True})
    with pytest.raises(InvalidRequestError) as caught:
        await batches(cloud).submit_chat(TALKS, model=MODEL)
    assert len(cloud.sent("DELETE /files/file-in")) == 1
    assert bool(getattr(caught.value, "__notes__", [])) is not deleted


@pytest.mark.usefixtures("stored")
async def test_a_lost_creation_keeps_its_file(cloud: object) -> None:
    """Nobody knows whether the batch exists: it is sent once, and its file stays."""
    cloud.on("POST /batches", httpx2.ReadError("gone"))
    with pytest.raises(ServiceUnavailableError) as caught:
        await batches(cloud).submit_chat(TALKS, model=MODEL)
    assert caught.value.accepted == "unknown"
    assert len(cloud.sent("POST /batches")) == 1
    assert cloud.sent("DELETE /files/file-in") == []


async def test_names_that_cannot_answer_are_refused(cloud: object) -> None:
    """A provider may check names, and may have no batches at all."""

    def check(model: ModelId, operation: str) -> None:
        raise NotFoundError(f"{model} {operation}", provider="openai", operation=operation)

    with pytest.raises(NotFoundError, match=r"batches\.submit"):
        await batches(cloud, BatchesDialect(check_model=check)).cut_chat(TALKS, model=MODEL)
    bare = batches(cloud, None, Capability.BATCHES)
    with pytest.raises(UnsupportedError):
        await bare.cut_embeddings(TEXTS, model=EMBEDDING)
    with pytest.raises(UnsupportedError):
        await bare.get(BATCH)
    assert cloud.taken == []


async def test_a_batch_is_read_as_loosely_as_it_comes(cloud: object) -> None:
    """Azure nulls the endpoint; unknown words are kept; problems name their lines."""
    cloud.on(
        "GET /batches/batch_1",
        batch(
            endpoint=None,
            status="daydreaming",
            request_counts=None,
            metadata=None,
            expires_at=1_795_392_000,
            errors={"data": [{"code": "bad", "message": "no", "line": 3}, {}]},
        ),
        batch(endpoint="/v1/moderations", errors={"data": None}),
        batch(id="batch_2"),
        {"id": "batch_1"},
    )
    one = batches(cloud)
    found = await one.get(BATCH)
    assert (found.kind, found.status, found.raw_status) == (
        *(None, BatchStatus.OTHER, "daydreaming"),
    )
    assert found.problems == ("bad: no (line 3)", "error: no reason given")
    assert (found.counts.total, found.metadata) == (0, {})
    assert found.expires_at
    assert (await one.get(BATCH)).kind is None
    with pytest.raises(UnexpectedResponseError, match="'batch_1' was asked for"):
        await one.get(BATCH)
    with pytest.raises(UnexpectedResponseError):
        await one.get(BATCH)


async def test_listings_are_filtered_on_our_side(cloud: object, tools: object) -> None:
    """Batches are found by what was attached, over pages."""
    mine, other = batch(id="b1", metadata={"run": "r", "x": "y"}), batch(id="b2", metadata=None)
    cloud.on("GET /batches", tools.page(other, more=True, last_id="b2"), tools.page(mine))
    found = [one.id async for one in batches(cloud).list(metadata={"run": "r"})]
    assert found == ["b1"]
    assert [dict(one.query) for one in cloud.sent("GET /batches")] == [
        {"limit": "100"},
        {"limit": "100", "after": "b2"},
    ]


async def test_batches_are_found_by_their_files(cloud: object, tools: object) -> None:
    """Where metadata are not kept, the name of the input tells; listings are sorted."""
    wanted = {"run": "r"}
    named = tools.file(id="file-in", purpose="batch", filename=input_name(wanted))
    cloud.on("GET /files", tools.page(named, tools.file(id="file-x", purpose="batch")))
    old = batch(id="b1", metadata=None)
    new = batch(id="b2", metadata=None, created_at=1_795_305_700, input_file_id="file-x")
    cloud.on("GET /batches", tools.page(old, new))
    dialect = BatchesDialect(keeps_metadata=False, newest_first=False)
    found = [one async for one in batches(cloud, dialect).list(metadata=wanted)]
    assert [(one.id, one.metadata) for one in found] == [("b1", wanted)]
    assert [one.id async for one in batches(cloud, dialect).list()] == ["b2", "b1"]


@pytest.mark.parametrize("status", ["completed", "in_progress"])
async def test_a_refused_cancellation_is_explained(
    cloud: object, tools: object, status: str
) -> None:
    """A server that answers 400 for a batch that has ended means a conflict."""
    cloud.on("POST /batches/batch_1/cancel", tools.refusal(400))
    cloud.on("GET /batches/batch_1", batch(status=status))
    expected = ConflictError if status == "completed" else InvalidRequestError
    with pytest.raises(expected):
        await batches(cloud).cancel(BATCH)


@pytest.mark.parametrize("refused", [409, 400])
@pytest.mark.parametrize("status", ["cancelling", "cancelled"])
async def test_a_lost_cancellation_is_looked_up(
    cloud: object, tools: object, status: str, refused: int
) -> None:
    """Where the answer was lost and the next attempt meets a stopped batch, the first did it."""
    lost = httpx2.ReadError("gone")
    cloud.on("POST /batches/batch_1/cancel", lost, tools.refusal(refused))
    cloud.on("GET /batches/batch_1", batch(status=status))
    stopped = await batches(cloud).cancel(BATCH)
    assert (stopped.id, stopped.raw_status) == (BATCH, status)
    assert len(cloud.sent("POST /batches/batch_1/cancel")) == 2


@pytest.mark.parametrize("status", ["completed", "expired", "in_progress"])
async def test_a_lost_cancellation_that_did_nothing_is_told(
    cloud: object, tools: object, status: str
) -> None:
    """A batch that ended by itself, or that goes on, was not stopped by anybody."""
    cloud.on("POST /batches/batch_1/cancel", httpx2.ReadError("gone"), tools.refusal(409))
    cloud.on("GET /batches/batch_1", batch(status=status))
    with pytest.raises(ConflictError, match="status 409" if status == "in_progress" else status):
        await batches(cloud).cancel(BATCH)


async def test_a_conflict_without_doubt_needs_no_second_look(cloud: object, tools: object) -> None:
    """A batch that somebody else cancelled is a conflict, also after a refusal for the rate."""
    cloud.on("POST /batches/batch_1/cancel", tools.refusal(429, "rate_limit"), tools.refusal(409))
    with pytest.raises(ConflictError):
        await batches(cloud).cancel(BATCH)
    assert cloud.sent("GET /batches/batch_1") == []


async def test_cancelling_gives_the_batch(cloud: object) -> None:
    """A batch that goes on is stopped."""
    cloud.on("POST /batches/batch_1/cancel", batch(status="cancelling"))
    assert (await batches(cloud).cancel(BATCH)).status is BatchStatus.CANCELLING


async def test_answers_of_both_surfaces_are_read(cloud: object) -> None:
    """Azure does not say which one a batch asked; the answer itself does."""
    serve(cloud, line("a", completion("one")), "", line("b", response("two")), endpoint=None)
    outcomes = {one.key: one.reply async for one in batches(cloud).chat_outcomes(BATCH)}
    assert [one and one.text for one in outcomes.values()] == ["one", "two"]
    assert outcomes["a"]
    assert outcomes["a"].request_id == "req-1"


async def test_failures_stay_with_their_items(cloud: object) -> None:
    """Whatever is wrong with one line is a failure of one request."""
    refused = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    filtered = {"error": {"message": "no", "code": "content_filter"}}
    lost = {"custom_id": "expired", "response": None}
    serve(
        cloud,
        line("refused", refused, 400),
        line("silent", {}, 500),
        line("filtered", filtered, 400),
        line("cut", completion("x", finish_reason="content_filter")),
        line("empty", completion("")),
        line("broken", {"choices": 3}),
        line("nothing", None),
        json.dumps(lost | {"error": {"code": "batch_expired", "message": "late"}}),
        json.dumps(lost | {"custom_id": "stopped", "error": {"code": "batch_cancelled"}}),
        json.dumps(lost | {"custom_id": "silence"}),
        "no JSON",
        line("fine", completion("yes")),
    )
    found = {one.key: one async for one in batches(cloud).chat_outcomes(BATCH)}
    kinds = {key: one.failure and one.failure.kind for key, one in found.items()}
    assert kinds == {
        "refused": "refused",
        "silent": "refused",
        "filtered": "filtered",
        "cut": "filtered",
        "empty": "unreadable",
        "broken": "unreadable",
        "nothing": "unreadable",
        "expired": "expired",
        "stopped": "cancelled",
        "silence": "refused",
        "fine": None,
    }
    failure = found["refused"].failure
    assert failure
    assert (failure.message, failure.code, failure.status_code) == (
        *("too long", "context_length_exceeded", 400),
    )
    assert "status 500" in found["silent"].failure.message


async def test_forms_are_validated_one_by_one(cloud: object) -> None:
    """A value of the type, or a failure that says why there is none."""
    refusal = {"message": {"content": None, "refusal": "no"}}
    serve(
        cloud,
        line("fits", completion('{"name": "奈良"}')),
        line("misfits", completion('{"name": 3}')),
        line("cut", completion('{"na', finish_reason="length")),
        line("declined", completion("", **refusal)),
    )
    found = {one.key: one async for one in batches(cloud).chat_outcomes(BATCH, output=City)}
    assert found["fits"].reply
    assert found["fits"].reply.output == City(name="奈良")
    kinds = [found[key].failure.kind for key in ("misfits", "cut", "declined")]
    assert kinds == ["invalid-output", "invalid-output", "declined"]


async def test_half_a_character_loses_no_line(cloud: object) -> None:
    """A line whose answer was cut within a character is paid for, and read all the same."""
    serve(cloud, line("torn", completion("奈良\ud83d")))
    [torn] = [one async for one in batches(cloud).chat_outcomes(BATCH)]
    assert torn.reply
    assert torn.reply.text == "奈良\ufffd"
    for text in ('{"name": "奈良\\ud83d"}', '{"name": "奈良\ud83d"}'):
        serve(cloud, line("form", completion(text)))
        [form] = [one async for one in batches(cloud).chat_outcomes(BATCH, output=City)]
        assert form.reply
        assert form.reply.output == City(name="奈良\ufffd")
    for text in ('{"value": ["奈良\\ud83d"]}', '{"value": [3]}'):
        serve(cloud, line("list", completion(text)))
        [many] = [one async for one in batches(cloud).chat_outcomes(BATCH, output=list[str])]
        assert (many.failure is None) == ("奈" in text)


async def test_vectors_are_read_in_both_forms(cloud: object) -> None:
    """Base64 and lists, scaled to length 1; what is no vector is a failure."""
    packed = base64.b64encode(np.array([3.0, 4.0], dtype="<f4").tobytes()).decode()

    def body(vector: object) -> dict[str, object]:
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        return {"data": [{"index": 0, "embedding": vector}], "usage": usage}

    serve(
        cloud,
        line("packed", body(packed)),
        line("list", body([0.0, 2.0])),
        line("zero", body([0.0, 0.0])),
        line("refused", {"error": {"message": "no"}}, 400),
        endpoint="/v1/embeddings",
    )
    found = {one.key: one async for one in batches(cloud).embedding_outcomes(BATCH)}
    np.testing.assert_allclose(found["packed"].vector, [0.6, 0.8], atol=1e-6)
    np.testing.assert_allclose(found["list"].vector, [0.0, 1.0])
    assert found["list"].usage
    assert found["list"].usage.input_tokens == 5
    assert found["zero"].failure.kind == "unreadable"
    assert found["refused"].failure.kind == "refused"


async def test_results_are_read_at_the_end_only(cloud: object) -> None:
    """A batch that goes on, or that asks for something else, is a conflict."""
    cloud.on("GET /batches/batch_1", batch(status="in_progress"), batch(status="completed"))
    one = batches(cloud)
    with pytest.raises(ConflictError, match="in_progress"):
        await anext(one.chat_outcomes(BATCH))
    with pytest.raises(ConflictError, match="asks for chat"):
        await anext(one.embedding_outcomes(BATCH))
    assert [item async for item in one.chat_outcomes(BATCH)] == []


async def test_many_lines_come_in_pieces(cloud: object, tools: object) -> None:
    """Lines may be cut anywhere; both files are read; the loop is not held up."""
    whole = "\n".join(line(str(number), completion("本")) for number in range(70)).encode()
    pieces = [whole[start : start + 1_000] for start in range(0, len(whole), 1_000)]
    done = batch(status="expired", output_file_id="file-out", error_file_id="file-err")
    cloud.on("GET /batches/batch_1", done)
    cloud.on("GET /files/file-out/content", tools.trickle(*pieces))
    late = {"custom_id": "late", "error": {"code": "batch_expired", "message": "late"}}
    cloud.on("GET /files/file-err/content", json.dumps(late).encode() + b"\n")
    keys = [one.key async for one in batches(cloud).chat_outcomes(BATCH)]
    assert keys == [*(str(number) for number in range(70)), "late"]


async def test_a_line_without_end_is_refused(cloud: object) -> None:
    """A file that never ends its line is no file of results."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * (16 << 20)

    lines = batch_results.split_lines(endless(), connection=cloud.connection)
    with pytest.raises(UnexpectedResponseError, match="more than"):
        await anext(lines)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
async def test_lines_are_the_same_however_they_are_cut(cloud: object, size: int) -> None:
    """Lines are put together from pieces of any size; blank ones are left out."""
    whole = b'\n\n{"a": 1}\n  \n' + b"x" * 50 + b"\r\n\nrest"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), size):
            yield whole[start : start + size]

    lines = batch_results.split_lines(pieces(), connection=cloud.connection)
    assert [line.strip() async for line in lines] == [b'{"a": 1}', b"x" * 50, b"rest"]


async def test_long_line_is_not_copied_again_and_again(cloud: object) -> None:
    """The cost of a line grows with its length, not with the square of it."""
    piece = b"x" * 1024

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(32 << 10):
            yield piece

    lines = batch_results.split_lines(pieces(), connection=cloud.connection)
    begun = time.process_time()
    assert [len(line) async for line in lines] == [32 << 20]
    # Copied for every piece, 32 MiB in pieces of a KiB are 512 GiB: minutes.
    assert time.process_time() - begun < 20


async def test_functions_go_where_they_work(cloud: object) -> None:
    """Tools are planned as in a call of their own."""
    tool = Tool(name="look_up")
    asks = TALKS[0].model_copy(update={"options": ChatOptions(tools=(tool,))})
    assert await batches(cloud).cut_chat([asks], model=MODEL) == (1,)
