"""Batches over the wire."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import openai
import pytest

from tailorbird.providers.fake import Fault, Script
from tailorbird.testing.wire import WireSettings

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""

Wire: TypeAlias = Any
"""A served fake, or an object of the official client."""


def line(number: int, body: dict[str, Any], url: str = "/v1/chat/completions") -> str:
    """Give a line of a batch."""
    return json.dumps({"custom_id": f"r{number}", "method": "POST", "url": url, "body": body})


def chat(model: str, text: str = "How are you?", **more: object) -> dict[str, Any]:
    """Give the body of a chat call."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


async def started(
    wire: Wire, lines: list[str], endpoint: str = "/v1/chat/completions", **more: object
) -> Wire:
    """Upload the lines and make a batch."""
    content = "\n".join(lines).encode() or b"\n"
    file = await wire.sdk.files.create(file=("in.jsonl", content), purpose="batch")
    return await wire.sdk.batches.create(
        input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more
    )


async def finished(wire: Wire, batch: Wire) -> tuple[Wire, list[str]]:
    """Look until a batch has ended; give it and the statuses that were seen."""
    seen = [batch.status]
    while batch.status not in {"completed", "failed", "expired", "cancelled"}:
        batch = await wire.sdk.batches.retrieve(batch.id)
        seen.append(batch.status)
    return batch, seen


async def lines_of(wire: Wire, file_id: str) -> dict[str, Any]:
    """Read a result file by the ids of the requests."""
    text = (await wire.sdk.files.content(file_id)).text
    return {one["custom_id"]: one for one in map(json.loads, text.splitlines())}


async def test_a_batch_runs_through_its_states(serve: Serve) -> None:
    """Good lines stand in one file, bad ones in the other, each by its own id."""
    wire = await serve("plain")
    model = wire.chat_model
    lines = [line(1, chat(model)), line(2, chat(model, temperature=9.0)), line(3, chat(model))]
    batch = await started(wire, lines, metadata={"run": "x"})
    batch, seen = await finished(wire, batch)
    assert list(dict.fromkeys(seen)) == ["validating", "in_progress", "finalizing", "completed"]
    counts = batch.request_counts
    assert (counts.total, counts.completed, counts.failed) == (3, 2, 1)
    assert batch.model == model
    assert batch.metadata == {"run": "x"}
    good = await lines_of(wire, batch.output_file_id)
    assert list(good) == ["r3", "r1"]
    assert good["r1"]["response"]["body"]["object"] == "chat.completion"
    bad = await lines_of(wire, batch.error_file_id)
    assert bad["r2"]["response"]["status_code"] == 400
    assert bad["r2"]["response"]["body"]["error"]["param"] == "temperature"
    shown = await wire.sdk.files.retrieve(batch.output_file_id)
    assert shown.purpose == "batch_output"
    assert [one.id async for one in wire.sdk.batches.list()] == [batch.id]
    with pytest.raises(openai.ConflictError):
        await wire.sdk.batches.cancel(batch.id)


@pytest.mark.parametrize("kind", ["embeddings", "responses"])
async def test_other_endpoints_are_served(serve: Serve, kind: str) -> None:
    """Embeddings and responses run in batches too."""
    wire = await serve("azure")
    body = {"model": wire.embedding_model if kind == "embeddings" else "chat", "input": "x"}
    if kind == "embeddings":
        body["encoding_format"] = "base64"
    batch = await started(
        wire,
        [line(1, body, f"/{kind}")],
        f"/v1/{kind}",
        output_expires_after={"anchor": "created_at", "seconds": 3600},
    )
    batch, _ = await finished(wire, batch)
    found = await lines_of(wire, batch.output_file_id)
    assert found["r1"]["response"]["body"]["model"]
    assert batch.error_file_id is None
    assert (await wire.sdk.files.retrieve(batch.output_file_id)).expires_at


async def test_a_bad_file_fails_the_batch(serve: Serve) -> None:
    """Each problem has its code and its line."""
    wire = await serve("plain")
    body = chat(wire.chat_model)
    lines = [
        line(1, body),
        line(1, body),
        "{",
        line(2, body, "/v1/embeddings"),
        line(3, chat("other")),
        json.dumps({"method": "POST", "url": "/v1/chat/completions", "body": body}),
        json.dumps({"custom_id": "r9", "method": "GET", "url": "/x", "body": {}}),
    ]
    batch, _ = await finished(wire, await started(wire, lines))
    assert batch.status == "failed"
    assert [(one.code, one.line) for one in batch.errors.data] == [
        ("duplicate_custom_id", 2),
        ("invalid_json_line", 3),
        ("mismatched_url", 4),
        ("mismatched_model", 5),
        ("missing_required_parameter", 6),
        ("invalid_value", 7),
    ]
    empty, _ = await finished(wire, await started(wire, []))
    assert [one.code for one in empty.errors.data] == ["empty_file"]


async def test_too_many_lines_fail_the_batch(serve: Serve) -> None:
    """The fake's settings say how many are allowed."""
    wire = await serve("plain", batch_requests=3)
    lines = [line(n, {"model": "m", "input": "x"}, "/embeddings") for n in range(4)]
    batch, _ = await finished(wire, await started(wire, lines, "/v1/embeddings"))
    assert [one.code for one in batch.errors.data] == ["too_many_requests"]


async def test_a_long_batch_takes_several_look_ups(serve: Serve) -> None:
    """Each look-up runs a thousand lines."""
    wire = await serve("plain", latency_s=0)
    body = {"model": wire.embedding_model, "input": "x", "dimensions": 1}
    lines = [line(n, body, "/embeddings") for n in range(1_100)]
    batch = await started(wire, lines, "/v1/embeddings")
    first = await wire.sdk.batches.retrieve(batch.id)
    assert first.request_counts.completed == 1_000
    batch, _ = await finished(wire, first)
    assert len(await lines_of(wire, batch.output_file_id)) == 1_100


async def test_a_batch_can_be_cancelled(serve: Serve) -> None:
    """What was done by then is kept."""
    wire = await serve("plain", batch_s=3_600)
    batch = await started(wire, [line(1, chat(wire.chat_model))])
    while batch.status != "in_progress" or not batch.request_counts.completed:
        batch = await wire.sdk.batches.retrieve(batch.id)
    assert (await wire.sdk.batches.cancel(batch.id)).status == "cancelling"
    batch = await wire.sdk.batches.retrieve(batch.id)
    assert batch.status == "cancelled"
    assert batch.output_file_id


async def test_a_batch_that_takes_a_day_expires(serve: Serve) -> None:
    """Lines that were not run are told apart."""
    wire = await serve("plain", wire=WireSettings(seconds_per_request=6))
    batch = await started(wire, [line(1, chat(wire.chat_model))])
    await wire.provider.clock.sleep(86_400)
    batch, _ = await finished(wire, batch)
    assert batch.status == "expired"
    found = await lines_of(wire, batch.error_file_id)
    assert found["r1"]["error"]["code"] == "batch_expired"


async def test_steps_wait_for_their_time(serve: Serve) -> None:
    """Without time that passes a batch stands still."""
    wire = await serve("plain", wire=WireSettings(seconds_per_request=0), latency_s=0)
    batch = await started(wire, [line(1, chat(wire.chat_model))])
    clock = wire.provider.clock
    seen = []
    for wait_s in (0, 5, 0, 60, 0, 5):
        clock.advance(wait_s)
        seen.append((await wire.sdk.batches.retrieve(batch.id)).status)
    assert seen == [
        "validating",
        "in_progress",
        "in_progress",
        "finalizing",
        "finalizing",
        "completed",
    ]


async def test_a_failure_at_the_end_can_be_repeated(serve: Serve) -> None:
    """When a result file cannot be stored the next look-up tries again."""
    script = Script().on("files.create", Fault.unavailable(), occurrence=3)
    wire = await serve("plain", script=script)
    lines = [line(1, chat(wire.chat_model)), line(2, chat(wire.chat_model, temperature=9.0))]
    batch = await started(wire, lines)
    statuses = [(await wire.call("GET", f"/batches/{batch.id}")).status_code for _ in range(8)]
    assert statuses.count(503) == 1
    assert (await wire.sdk.batches.retrieve(batch.id)).status == "completed"


async def test_a_wrong_batch_is_refused(serve: Serve) -> None:
    """The file must be for batches, the endpoint and the window known."""
    wire = await serve("plain")
    other = await wire.sdk.files.create(file=("a.txt", b"x"), purpose="assistants")
    body = {
        "input_file_id": other.id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    for change, status, param in (
        ({}, 400, "input_file_id"),
        ({"input_file_id": "file-0"}, 404, None),
        ({"endpoint": "/v1/moderations"}, 400, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
    ):
        assert (await wire.refused("POST", "/batches", {**body, **change}))[::2] == (status, param)
    assert (await wire.refused("GET", "/batches/batch_0"))[0] == 404
