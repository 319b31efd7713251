"""Measure what the upload of a large file costs: memory, stalls of the event loop, and time.

Runs, in turn and each in a fresh process, the upload of one file by tailorbird, in one request and
in parts, and by the openai package on its own (`files.create` and `uploads.upload_file_chunked`),
to a server in another process on the loopback interface that throws the bytes away. Prints the
growth of the process's peak memory; the longest time for which a task that wanted to run did not
come to its turn; the same of an idle loop in another process at the same time, which is what the
machine does by itself; the longest work of the event loop's thread in between, which a busy machine
does not blur; CPU and wall-clock seconds. The line `nothing` shows a loop without an upload.

    python benchmarks/upload.py [--megabytes 300] [--rounds 3]

The file is sparse: it takes no room and is read as zeros. Our side also hashes it when it goes in
parts. Compare the figures of one run with each other, never with those of another machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import openai
from loop_stalls import idle_loop, watched

from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird._openai_sdk.files.files import FilesDialect, SdkFiles
from tailorbird._openai_sdk.settings import CallSettings
from tailorbird.protocols import SystemClock
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.types import Availability, Capabilities, Capability
from tailorbird.types.secrets import Secret

SMALL_BYTES = 1 << 20
"""Uploaded first, so that imports and the connection are not measured."""


async def serve(size: int) -> None:
    """Throw bodies away and answer as OpenAI would, until the process is ended."""
    file = {"id": "file-1", "created_at": 1, "filename": "a.jsonl", "purpose": "fine-tune"}
    upload = {
        "id": "upload_1",
        "bytes": size,
        "created_at": 1,
        "expires_at": 2,
        "filename": "a",
        "object": "upload",
        "purpose": "fine-tune",
        "status": "completed",
    }

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            path, length = head
            left = length
            while left:
                left -= len(await reader.read(min(left, 1 << 20)))
            # Only the small file is small, and what surrounds a file is short.
            is_small = path.endswith("/files") and length < 2 * SMALL_BYTES
            sent = SMALL_BYTES if is_small else size
            whole = {**file, "bytes": sent, "object": "file", "status": "processed"}
            answer = whole if path.endswith("/files") else {**upload, "file": whole}
            body = json.dumps(answer).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(f"content-length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _head(reader: asyncio.StreamReader) -> tuple[str, int] | None:
    """Read the head of a request: its path and the length of its body; None at the end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    lines = head.split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:])
    }
    if "chunked" in headers.get("transfer-encoding", ""):
        sys.exit("a body of unknown length: this server does not read them")
    return lines[0].split(" ")[1], int(headers.get("content-length", "0"))


class Account:
    """Our files at the server."""

    def __init__(self, port: int, dialect: FilesDialect) -> None:
        """Make it closed."""
        self._connection = Connection(
            Endpoint(
                provider="openai",
                base_url=f"http://127.0.0.1:{port}/v1",
                key=Secret("sk-none-0", source="this script"),
            ),
            retrier=Retrier(RetryPolicy(), SystemClock(), Random(7), RetryBudget(100)),  # noqa: S311 - spreads waits
            http=HttpSettings(),
        )
        entries = tuple(Availability(capability=one) for one in Capability)
        self._files = SdkFiles(
            self._connection,
            dialect=dialect,
            capabilities=Capabilities(provider="openai", entries=entries),
            calls=CallSettings(),
        )

    async def __aenter__(self) -> Self:
        await self._connection.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.close()

    async def upload(self, path: Path) -> None:
        """Upload a file."""
        await self._files.create(path)


async def ours_whole(port: int, small: Path, large: Path) -> tuple[float, ...]:
    """Upload in one request."""
    async with Account(port, FilesDialect(single_bytes=8 << 30)) as account:
        await account.upload(small)
        return await measured(lambda: account.upload(large))


async def ours_in_parts(port: int, small: Path, large: Path) -> tuple[float, ...]:
    """Upload in parts."""
    async with Account(port, FilesDialect(single_bytes=SMALL_BYTES)) as account:
        await account.upload(small)
        return await measured(lambda: account.upload(large))


async def sdk_whole(port: int, small: Path, large: Path) -> tuple[float, ...]:
    """Upload in one request with the openai package."""
    async with _sdk(port) as client:
        await client.files.create(file=small, purpose="fine-tune")

        async def upload() -> None:
            await client.files.create(file=large, purpose="fine-tune")

        return await measured(upload)


async def sdk_in_parts(port: int, small: Path, large: Path) -> tuple[float, ...]:
    """Upload in parts with the openai package."""
    async with _sdk(port) as client:
        await client.files.create(file=small, purpose="fine-tune")

        async def upload() -> None:
            await client.uploads.upload_file_chunked(
                file=large, mime_type="text/jsonl", purpose="fine-tune"
            )

        return await measured(upload)


def _sdk(port: int) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="sk-none-0", base_url=f"http://127.0.0.1:{port}/v1")


async def nothing(_port: int, _small: Path, _large: Path) -> tuple[float, ...]:
    """Wait for two seconds: what stalls then is the machine."""
    return await measured(lambda: asyncio.sleep(2.0))


WAYS: dict[str, Callable[[int, Path, Path], Awaitable[tuple[float, ...]]]] = {
    "tailorbird, one request": ours_whole,
    "tailorbird, parts": ours_in_parts,
    "openai, one request": sdk_whole,
    "openai, parts": sdk_in_parts,
    "nothing": nothing,
}


async def measured(upload: Callable[[], Awaitable[None]]) -> tuple[float, ...]:
    """Give growth in MiB, stalls of this and an idle loop, work, CPU and wall-clock seconds."""
    with idle_loop() as idle:
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        stalls = await watched(upload)
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    unit = 1 if platform.system() == "Darwin" else 1024
    growth = (after.ru_maxrss - before.ru_maxrss) * unit / 2**20
    return growth, stalls.longest_ms, idle.longest_ms, stalls.work_ms, cpu, wall


def main() -> None:
    """Make the file, start the server, run the uploads in turn, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", type=int, metavar="BYTES", help=argparse.SUPPRESS)
    parser.add_argument(
        "--measure", nargs=3, metavar=("WAY", "PORT", "FOLDER"), help=argparse.SUPPRESS
    )
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve(args.serve))
        return
    if args.measure:
        way, port, folder = args.measure
        files = Path(folder) / "small.jsonl", Path(folder) / "large.jsonl"
        print(json.dumps(asyncio.run(WAYS[way](int(port), *files))))
        return
    size = args.megabytes * 10**6
    with tempfile.TemporaryDirectory() as folder:
        for name, length in (("small", SMALL_BYTES), ("large", size)):
            with (Path(folder) / f"{name}.jsonl").open("wb") as file:
                file.truncate(length)
        compare(folder, size, args.rounds)


def compare(folder: str, size: int, rounds: int) -> None:
    """Run all ways in turn and print a line for each."""
    script = [sys.executable, __file__]
    with subprocess.Popen([*script, "--serve", str(size)], stdout=subprocess.PIPE) as server:
        if server.stdout is None:
            sys.exit("the server has no output")
        port = server.stdout.readline().decode().strip()
        found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        try:
            for _ in range(rounds):
                for way, figures in found.items():
                    command = [*script, "--measure", way, port, folder]
                    figures.append(json.loads(subprocess.check_output(command)))
        finally:
            server.terminate()
    print(f"{size / 1e6:.0f} MB, medians of {rounds}, and the worst behind them")
    heads = ("growth MiB", "stall ms", "idle loop ms", "work ms")
    print(f"{'':24}" + "".join(f"{one:>17}" for one in heads) + f"{'CPU s':>7}{'wall s':>7}")
    for way, figures in found.items():
        *spread, cpu, wall = zip(*figures, strict=True)
        shown = [f"{statistics.median(one):.1f} ≤ {max(one):.1f}" for one in spread]
        times = [f"{statistics.median(one):.2f}" for one in (cpu, wall)]
        print(f"{way:24}" + "".join(f"{one:>17}" for one in shown), *(f"{one:>6}" for one in times))


if __name__ == "__main__":
    main()
