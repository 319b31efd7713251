"""Compare what our calls cost with what the bare `openai` SDK's cost.

    python benchmarks/client_calls.py [rounds]

Both call the same server on loopback, which runs in another process and answers with fixed bytes,
so that the CPU measured is the client's alone. Rows: a chat call with a short answer at 1, 32 and
256 calls at a time; a chunk of a streamed answer; an embedded text (1,536 numbers, 100 texts a
request, 8 requests at a time). The SDK is used as its documentation shows, without retries; ours
with every check. The two take turns within a round, and begin in turn. The table shows the medians
of the rounds in microseconds of CPU, and the median of ours divided by the SDK's. Compare the
figures of one run with each other, never with another machine's.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import multiprocessing
import statistics
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import openai

from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.chat.chat import SdkChat
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.embeddings import SdkEmbeddings
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird.protocols import SystemClock
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.types import Availability, Capabilities, Capability, Message, ModelId
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from multiprocessing.connection import Connection as Pipe

ROUNDS = 9
CHUNKS = 500
TEXTS = 100
WIDTH = 1536
CHAT = "gpt-4.1-mini"
EMBEDDING = "text-embedding-3-small"
KEY = "sk-benchmark-0123456789"
SYSTEM = "You answer questions about the handbook in one or two sentences."
QUESTION = "How many days before my leave begins must I hand in the application? 有給休暇の申請は？"
ANSWER = "Hand it in at least five working days before the first day of leave, to your manager."


def completion() -> bytes:
    """Return a whole answer, as OpenAI sends it."""
    message = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    details = {"cached_tokens": 0, "audio_tokens": 0}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_795_305_600,
            "model": f"{CHAT}-2025-04-14",
            "choices": [choice],
            "usage": {
                "prompt_tokens": 49,
                "completion_tokens": 19,
                "total_tokens": 68,
                "prompt_tokens_details": details,
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
            },
            "service_tier": "default",
            "system_fingerprint": "fp_1",
        }
    ).encode()


def stream() -> list[bytes]:
    """Return the events of a streamed answer, as OpenAI sends them."""
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_795_305_600,
        "model": f"{CHAT}-2025-04-14",
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }

    def event(delta: dict[str, object], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return b"data: " + json.dumps(head | {"choices": [choice]}).encode() + b"\n\n"

    first = event({"role": "assistant", "content": "", "refusal": None})
    texts = [event({"content": f" word{number}"}) for number in range(CHUNKS)]
    return [first, *texts, event({}, "stop"), b"data: [DONE]\n\n"]


def vectors(*, floats: bool = False) -> bytes:
    """Return the vectors of one request, as OpenAI sends them: in base64 when asked for it."""
    drawn = np.random.default_rng(7).standard_normal((TEXTS, WIDTH)).astype("<f4")
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    items = [
        {
            "object": "embedding",
            "index": place,
            "embedding": row.tolist() if floats else base64.b64encode(row.tobytes()).decode(),
        }
        for place, row in enumerate(drawn)
    ]
    usage = {"prompt_tokens": 1200, "total_tokens": 1200}
    return json.dumps(
        {"object": "list", "data": items, "model": EMBEDDING, "usage": usage}
    ).encode()


def serve(pipe: Pipe) -> None:
    """Run the server until it is ended, and say its port through the pipe."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Pipe) -> None:
    json_head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    whole = {
        kind: json_head % len(body) + body
        for kind, body in (
            ("chat", completion()),
            ("embeddings", vectors()),
            ("floats", vectors(floats=True)),
        )
    }
    stream_head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    events = [b"%x\r\n%s\r\n" % (len(event), event) for event in stream()]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = next(
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            body = await reader.readexactly(length)
            if b"/embeddings" in head:
                writer.write(whole["embeddings" if b'"base64"' in body else "floats"])
            elif b'"stream":true' not in body:
                writer.write(whole["chat"])
            else:
                writer.write(stream_head)
                for event in events:  # one at a time, as a model writes
                    writer.write(event)
                    await asyncio.sleep(0)
                writer.write(b"0\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    async with server:
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@dataclass(frozen=True)
class Row:
    """One thing that is measured."""

    name: str
    """What the table calls it."""
    bare: Callable[[], Awaitable[None]]
    """One call of the SDK."""
    ours: Callable[[], Awaitable[None]]
    """One call of ours."""
    calls: int
    """Calls in a round."""
    at_once: int
    """Calls at a time."""
    units: int = 1
    """Things in a call by which its cost is divided."""


async def cost(call: Callable[[], Awaitable[None]], row: Row) -> float:
    """Return microseconds of CPU a unit."""
    left = row.calls

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await call()

    start = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(row.at_once):
            group.create_task(worker())
    return (time.process_time() - start) / row.calls / row.units * 1e6


async def pair(row: Row, *, ours_first: bool) -> tuple[float, float]:
    """Return what a unit costs with the SDK and with ours, measured one after the other."""
    gc.collect()
    if ours_first:
        own = await cost(row.ours, row)
        return await cost(row.bare, row), own
    return await cost(row.bare, row), await cost(row.ours, row)


def table(url: str, connection: Connection) -> tuple[openai.AsyncOpenAI, list[Row]]:
    """Return the rows, and the SDK's client to close."""
    bare = openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0)
    offered = tuple(Availability(capability=one) for one in Capability)
    capabilities = Capabilities(provider="openai", entries=offered)
    chat = SdkChat(connection, capabilities=capabilities, traits=traits_of)
    embeddings = SdkEmbeddings(connection, capabilities=capabilities)
    model, embedding = ModelId(CHAT), ModelId(EMBEDDING)
    texts = [f"{QUESTION} {number}" for number in range(TEXTS)]

    async def bare_chat() -> None:
        answer = await bare.chat.completions.create(
            model=CHAT,
            messages=[
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": QUESTION},
            ],
        )
        assert answer.choices[0].message.content == ANSWER  # noqa: S101 - else nothing is measured

    async def our_chat() -> None:
        messages = [Message.system(SYSTEM), Message.user(QUESTION)]
        assert (await chat.complete(messages, model=model)).text == ANSWER  # noqa: S101 - as above

    async def bare_stream() -> None:
        pieces = await bare.chat.completions.create(
            model=CHAT, messages=[{"role": "user", "content": QUESTION}], stream=True
        )
        found = [piece.choices[0].delta.content async for piece in pieces]
        assert len(found) >= CHUNKS  # noqa: S101 - as above

    async def our_stream() -> None:
        async with chat.stream([Message.user(QUESTION)], model=model) as pieces:
            found = [piece.text async for piece in pieces]
        assert len(found) >= CHUNKS  # noqa: S101 - as above

    async def bare_embeddings() -> None:
        answer = await bare.embeddings.create(model=EMBEDDING, input=texts)
        assert len(answer.data) == TEXTS  # noqa: S101 - as above

    async def our_embeddings() -> None:
        answer = await embeddings.embed(texts, model=embedding)
        assert answer.vectors.shape == (TEXTS, WIDTH)  # noqa: S101 - as above

    rows = [
        Row(f"chat call, {at_once} at a time", bare_chat, our_chat, max(100, at_once), at_once)
        for at_once in (1, 32, 256)
    ]
    rows.append(Row("streamed chunk", bare_stream, our_stream, 2, 1, CHUNKS))
    rows.append(Row("embedded text", bare_embeddings, our_embeddings, 16, 8, TEXTS))
    return bare, rows


async def measure(port: int, rounds: int) -> None:
    """Print the medians and their ratios."""
    url = f"http://127.0.0.1:{port}/v1"
    connection = Connection(
        Endpoint(provider="openai", base_url=url, key=Secret(KEY, source="benchmark")),
        retrier=Retrier(RetryPolicy(), SystemClock(), Random(7), RetryBudget(100)),  # noqa: S311 - spreads waits
        http=HttpSettings(),
    )
    async with AsyncExitStack() as stack:
        await connection.open()
        stack.push_async_callback(connection.close)
        bare, rows = table(url, connection)
        stack.push_async_callback(bare.close)
        print(f"{'µs of CPU':28}{'openai':>10}{'ours':>10}{'ratio':>8}")
        for row in rows:
            await cost(row.bare, row)  # the first round opens connections and builds models
            await cost(row.ours, row)
            pairs = [(await cost(row.bare, row), await cost(row.ours, row)) for _ in range(rounds)]
            sdk, own = (statistics.median(found) for found in zip(*pairs, strict=True))
            ratio = statistics.median(ours / theirs for theirs, ours in pairs)
            print(f"{row.name:28}{sdk:10.1f}{own:10.1f}{ratio:8.2f}")


def main(rounds: int) -> None:
    """Start the server and measure."""
    processes = multiprocessing.get_context("spawn")
    here, there = processes.Pipe()
    server = processes.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        asyncio.run(measure(here.recv(), rounds))
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
