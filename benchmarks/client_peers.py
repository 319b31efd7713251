"""Compare what calls cost with other libraries: litellm, langchain-openai, any-llm.

    python benchmarks/client_peers.py [rounds]

The rows, the server and the units are those of `client_calls.py`. Each library that can be imported
has a column, and is called as its documentation shows, with one client kept where it has any. All
take turns within a round. The table shows medians in microseconds of CPU, and in brackets the
median of each divided by the bare `openai` SDK's in the same round. Put the libraries into an
environment of their own: they pin older versions of the SDK, which is replaced by the one we
measure with:

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install litellm langchain-openai \
        'any-llm-sdk[openai]' && /tmp/peers/bin/pip install . && \
        /tmp/peers/bin/pip install --no-deps 'openai>=3,<4' && \
        /tmp/peers/bin/python benchmarks/client_peers.py
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import statistics
import sys
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.metadata import version
from random import Random
from typing import TYPE_CHECKING, Any

from client_calls import (
    ANSWER,
    CHAT,
    CHUNKS,
    EMBEDDING,
    KEY,
    QUESTION,
    SYSTEM,
    TEXTS,
    WIDTH,
    Row,
    cost,
    serve,
    table,
)

from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird.protocols import SystemClock
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Call = Callable[[], Awaitable[None]]
    Calls = Mapping[str, Call]

ROUNDS = 5
TALK = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
ASK = TALK[1:]
INPUT = [f"{QUESTION} {number}" for number in range(TEXTS)]


def require(*, holds: bool) -> None:
    """Fail when a call did not do its work: then nothing is measured."""
    if not holds:
        message = "the answer is not the one that was sent"
        raise RuntimeError(message)


def litellm_calls(url: str) -> Calls:
    """Return the calls of litellm."""
    litellm: Any = import_module("litellm")
    common = {"api_base": url, "api_key": KEY, "max_retries": 0}

    async def chat() -> None:
        answer = await litellm.acompletion(model=f"openai/{CHAT}", messages=TALK, **common)
        require(holds=answer.choices[0].message.content == ANSWER)

    async def stream() -> None:
        pieces = await litellm.acompletion(
            model=f"openai/{CHAT}", messages=ASK, stream=True, **common
        )
        found = [piece.choices[0].delta.content async for piece in pieces]
        require(holds=len(found) >= CHUNKS)

    async def embed() -> None:
        answer = await litellm.aembedding(model=f"openai/{EMBEDDING}", input=INPUT, **common)
        require(holds=len(answer.data[-1]["embedding"]) == WIDTH)

    return {"chat": chat, "stream": stream, "embed": embed}


def langchain_calls(url: str) -> Calls:
    """Return the calls of langchain-openai."""
    langchain: Any = import_module("langchain_openai")
    model = langchain.ChatOpenAI(model=CHAT, base_url=url, api_key=KEY, max_retries=0)
    embeddings = langchain.OpenAIEmbeddings(
        model=EMBEDDING,
        base_url=url,
        api_key=KEY,
        max_retries=0,
        check_embedding_ctx_length=False,  # else it counts tokens, and fetches a table for that
    )

    async def chat() -> None:
        answer = await model.ainvoke([("system", SYSTEM), ("human", QUESTION)])
        require(holds=answer.content == ANSWER)

    async def stream() -> None:
        found = [piece.content async for piece in model.astream([("human", QUESTION)])]
        require(holds=len(found) >= CHUNKS)

    async def embed() -> None:
        answer = await embeddings.aembed_documents(INPUT)
        require(holds=len(answer[-1]) == WIDTH)

    return {"chat": chat, "stream": stream, "embed": embed}


def any_llm_calls(url: str) -> Calls:
    """Return the calls of any-llm."""
    any_llm: Any = import_module("any_llm")
    client = any_llm.AnyLLM.create("openai", api_key=KEY, api_base=url)

    async def chat() -> None:
        answer = await client.acompletion(model=CHAT, messages=TALK)
        require(holds=answer.choices[0].message.content == ANSWER)

    async def stream() -> None:
        pieces = await client.acompletion(model=CHAT, messages=ASK, stream=True)
        found = [piece.choices[0].delta.content async for piece in pieces]
        require(holds=len(found) >= CHUNKS)

    async def embed() -> None:
        answer = await client.aembedding(model=EMBEDDING, inputs=INPUT)
        require(holds=len(answer.data[-1].embedding) == WIDTH)

    return {"chat": chat, "stream": stream, "embed": embed}


PEERS = {
    "litellm": ("litellm", litellm_calls),
    "langchain-openai": ("langchain_openai", langchain_calls),
    "any-llm-sdk": ("any_llm", any_llm_calls),
}


def importable(url: str) -> dict[str, Calls]:
    """Return the calls of each library that is installed."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches prices when imported
    found: dict[str, Calls] = {}
    for name, (module, make) in PEERS.items():
        try:
            import_module(module)
        except ImportError as exc:
            print(f"{name} is left out: {exc}")
        else:
            found[name] = make(url)
    return found


def kind_of(row: Row) -> str:
    """Return which of its calls a library makes for a row."""
    return {"s": "stream", "e": "embed"}.get(row.name[0], "chat")


async def turns(calls: Calls, row: Row, rounds: int) -> dict[str, list[float]]:
    """Return what a unit cost with each library, round by round."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for at in range(rounds + 1):
        for name in list(calls) if at % 2 else list(calls)[::-1]:
            gc.collect()
            spent = await cost(calls[name], row)
            if at:  # the first round opens connections and builds models
                found[name].append(spent)
    return found


async def measure(port: int, rounds: int) -> None:
    """Print the medians and their ratios."""
    url = f"http://127.0.0.1:{port}/v1"
    retrier = Retrier(RetryPolicy(), SystemClock(), Random(7), RetryBudget(100))  # noqa: S311 - spreads waits
    connection = Connection(
        Endpoint(provider="openai", base_url=url, key=Secret(KEY, source="benchmark")),
        retrier=retrier,
        http=HttpSettings(),
    )
    peers = importable(url)
    columns = ("openai", "ours", *peers)
    print(", ".join(f"{name} {version(name)}" for name in ("openai", *peers)))
    async with AsyncExitStack() as stack:
        await connection.open()
        stack.push_async_callback(connection.close)
        bare, rows = table(url, connection)
        stack.push_async_callback(bare.close)
        print(f"{'µs of CPU (× openai)':24}" + "".join(f"{name:>20}" for name in columns))
        for row in rows:
            kind = kind_of(row)
            calls = {"openai": row.bare, "ours": row.ours}
            calls |= {name: peer[kind] for name, peer in peers.items()}
            found = await turns(calls, row, rounds)
            shown = [told(found[name], found["openai"]) for name in columns]
            print(f"{row.name:24}" + "".join(f"{one:>20}" for one in shown), flush=True)


def told(own: list[float], bare: list[float]) -> str:
    """Return a median, and the median of the ratios."""
    ratio = statistics.median(one / base for one, base in zip(own, bare, strict=True))
    return f"{statistics.median(own):.1f} ({ratio:.2f})"


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
