"""Measure what asking in bulk costs the event loop.

Asks many short conversations as one batch, and embeds many short texts as one, by the workbench and
the `openai` provider, from a server in another process on the loopback interface that answers at
once. Prints the longest time for which a task that wanted to run did not come to its turn; the
same of an idle loop in another process at the same time, which is what the machine does by itself;
the longest work of the loop's thread between two turns; the longest garbage collection, which looks
at all requests and results and counts in the stall, not in the work; and wall-clock seconds.

    python benchmarks/bulk.py [--requests 50000] [--rounds 3]

Compare the figures of one run with each other, never with those of another machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from loop_stalls import idle_loop, watched

import tailorbird
from tailorbird import Workbench
from tailorbird.types import ChatRequest, EmbeddingRequest, Message

WARM = 10  # requests asked first, so that imports and the connection are not measured
MODEL = "gpt-test"
PROFILE = """
[profiles.bench]
provider = "openai"
base_url = "http://127.0.0.1:{port}/v1"

[profiles.bench.models]
chat = "gpt-test"
embedding = "embedding-test"

[profiles.bench.server]
capabilities = ["batches", "chat", "embeddings", "files"]
"""
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Three days ahead. " * 5},
        }
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 20, "total_tokens": 40},
}
VECTOR = {
    "object": "list",
    "model": "embedding-test",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25] * 16}],
    "usage": {"prompt_tokens": 9, "total_tokens": 9},
}


class Server:
    """One batch at a time, answered before it is asked."""

    def __init__(self, count: int) -> None:
        """Write the results of `count` requests."""
        self._results: dict[str, bytes] = {}
        for path, body in (("/v1/chat/completions", ANSWER), ("/v1/embeddings", VECTOR)):
            answer = json.dumps({"status_code": 200, "request_id": "r", "body": body})
            self._results[path] = b"".join(
                f'{{"custom_id": "q{n}", "response": {answer}, "error": null}}\n'.encode()
                for n in range(count)
            )
        self._path = ""
        self._file: dict[str, object] = {}

    async def serve(self) -> None:
        """Answer until the process is ended."""
        server = await asyncio.start_server(self._client, "127.0.0.1", 0, limit=1 << 20)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                method, path, _ = head.split(" ", 2)
                answer = self._answer(method, path.partition("?")[0], body)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(f"content-length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, method: str, path: str, body: bytes) -> bytes:
        if path == "/v1/files/file-out/content":
            return self._results[self._path]
        if path.startswith("/v1/files"):
            if method == "POST":
                self._file = _file(body)
            return json.dumps(self._file).encode()
        if method == "POST":
            self._path = json.loads(body)["endpoint"]
        if method == "GET" and path == "/v1/batches":
            return json.dumps({"object": "list", "data": [], "has_more": False}).encode()
        batch = {
            "id": "batch-1",
            "object": "batch",
            "status": "completed",
            "created_at": 1,
            "endpoint": self._path,
            "input_file_id": "file-in",
            "output_file_id": "file-out",
        }
        return json.dumps(batch).encode()


def _file(body: bytes) -> dict[str, object]:
    """Describe a file as it came: the longest part of the form is its content."""
    boundary = body.partition(b"\r\n")[0]
    parts = [part.partition(b"\r\n\r\n") for part in body.split(boundary)]
    name = next(
        (re.search(rb'filename="([^"]*)"', head) for head, _, _ in parts if b"filename" in head),
        None,
    )
    content = max((content for _, _, content in parts), key=len)
    return {
        "id": "file-in",
        "object": "file",
        "bytes": len(content) - 2,
        "created_at": 1,
        "filename": name[1].decode() if name else "a.jsonl",
        "purpose": "batch",
        "status": "processed",
    }


async def ask(bench: Workbench, count: int) -> None:
    """Ask many conversations."""
    requests = [
        ChatRequest(key=f"q{n}", messages=(Message.user(f"How many days of leave has {n}?"),))
        for n in range(count)
    ]
    await bench.complete_many(requests[:WARM], name="warm", bulk=True)
    await measure(lambda: bench.complete_many(requests, name="bench", bulk=True))


async def embed(bench: Workbench, count: int) -> None:
    """Embed many texts."""
    requests = [EmbeddingRequest(key=f"q{n}", text=f"Leave of {n}") for n in range(count)]
    await bench.embed_many(requests[:WARM], name="warm", bulk=True)
    await measure(lambda: bench.embed_many(requests, name="bench", bulk=True))


WAYS: dict[str, Callable[[Workbench, int], Awaitable[None]]] = {
    "conversations": ask,
    "texts": embed,
}


async def measure(work: Callable[[], Awaitable[tuple[object, ...]]]) -> None:
    """Print the stalls of this process's loop and of an idle one, what it did, and the seconds."""
    with idle_loop() as idle:
        start = time.perf_counter()
        stalls = await watched(work)
        wall = time.perf_counter() - start
    figures = stalls.longest_ms, idle.longest_ms, stalls.work_ms, stalls.collection_ms, wall
    print(json.dumps(figures))


async def run(way: str, port: str, count: int) -> None:
    """Open a workbench and measure one way."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "tailorbird.toml"
        config.write_text(PROFILE.format(port=port))
        async with tailorbird.open("bench", config=config, workspace=Path(folder) / "w") as bench:
            await WAYS[way](bench, count)


def main() -> None:
    """Start the server, run both in turn, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "PORT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(Server(args.requests).serve())
    elif args.measure:
        asyncio.run(run(*args.measure, args.requests))
    else:
        compare(args.requests, args.rounds)


def compare(count: int, rounds: int) -> None:
    """Run all ways in turn and print a line for each."""
    script = [sys.executable, __file__, "--requests", str(count)]
    with subprocess.Popen([*script, "--serve"], stdout=subprocess.PIPE) as server:
        if server.stdout is None:
            sys.exit("the server has no output")
        port = server.stdout.readline().decode().strip()
        found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        try:
            for _ in range(rounds):
                for way, figures in found.items():
                    command = [*script, "--measure", way, port]
                    figures.append(json.loads(subprocess.check_output(command)))
        finally:
            server.terminate()
    print(f"{count:,} requests in one batch, medians of {rounds}, and the worst behind them")
    heads = ("stall ms", "idle loop ms", "work ms", "collection ms")
    print(f"{'':16}" + "".join(f"{one:>17}" for one in heads) + f"{'wall s':>8}")
    for way, figures in found.items():
        *spread, wall = zip(*figures, strict=True)
        shown = [f"{statistics.median(one):.1f} ≤ {max(one):.1f}" for one in spread]
        print(
            f"{way:16}" + "".join(f"{one:>17}" for one in shown), f"{statistics.median(wall):7.2f}"
        )


if __name__ == "__main__":
    main()
