"""A crash, a full disk, a second writer or a flipped bit never makes a wrong hit."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    RetrievalError,
    StorageError,
    StorageFullError,
    StoreVersionError,
)
from tailorbird.retrieval.local import LocalRetrieval, LocalSettings
from tailorbird.types import DocumentId, Hit, IndexName, SearchMode, SearchQuery

if TYPE_CHECKING:
    from tests.retrieval.conftest import Library

NAME = IndexName("library")
MODES: tuple[SearchMode, ...] = ("vector", "lexical", "hybrid")
KILLS = int(os.environ.get("TAILORBIRD_KILLS", "4"))

WRITER = """
import asyncio, random, sys
from pathlib import Path
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.text import hash_embedding
from tailorbird.types import *

def document(name, version):
    # What a document holds follows from its name and version, so that whoever reads can tell.
    count = 1 + (int(name) * 7 + version) % 9
    texts = [f"doc{name} version{version} part{n} 縫う{n}" for n in range(count)]
    chunks = tuple(
        Chunk(id=f"{name}#{n}", document=name, text=text, span=Span(start=0, end=len(text)))
        for n, text in enumerate(texts)
    )
    return ChunkedDocument(
        document=Document(id=name, text="x"), chunks=chunks, content_hash=str(version),
        vectors=hash_embedding(texts, dimensions=256),
    )

async def main():
    seed = int(sys.argv[2])
    draw = random.Random(seed)
    engine = LocalRetrieval(Path(sys.argv[1]))
    await engine.create(IndexSpec(name="library", embedding_model="hash", dimensions=256))
    for step in range(100_000):
        version = seed * 100_000 + step
        names = draw.sample([str(n) for n in range(60)], draw.choice((1, 2, 12)))
        kind = draw.random()
        print("begin", version, kind < 0.15, *names, flush=True)
        if kind < 0.15:
            await engine.remove("library", names)
        else:
            await engine.upsert("library", [document(name, version) for name in names])
        print("done", version, flush=True)
        if kind > 0.97:
            await engine.compact("library")

asyncio.run(main())
"""


def run_and_kill(folder: Path, seed: int, held: dict[str, int]) -> list[dict[str, int]]:
    """Let another process change documents, and kill it at a random moment.

    Returns:
        What the index may hold, as the version of each document: with and without the last change.
    """
    draw = random.Random(seed)  # noqa: S311 - nothing depends on nobody guessing it
    after = draw.randrange(2, 60)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(seed)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        states = [held]
        for number, line in enumerate(writer.stdout):
            states = follow(states, line.split())
            if number == after:
                # Somewhere within what it does next: a loop that takes a random time.
                for _ in range(draw.randrange(200_000)):
                    pass
                writer.send_signal(signal.SIGKILL)
                break
        for line in writer.stdout:
            if line.endswith("\n"):
                states = follow(states, line.split())
    return states


def follow(states: list[dict[str, int]], words: list[str]) -> list[dict[str, int]]:
    """Give the states that are possible after a line that the writer printed."""
    if words[0] == "done":
        return states[-1:]
    version, removes, names = int(words[1]), words[2] == "True", words[3:]
    before = states[-1]
    left = {name: known for name, known in before.items() if name not in names}
    return [before, left if removes else {**left, **dict.fromkeys(names, version)}]


def expected_text(name: str, version: int) -> set[str]:
    """Give the texts of a document's chunks as the writer makes them."""
    count = 1 + (int(name) * 7 + version) % 9
    return {f"doc{name} version{version} part{n} 縫う{n}" for n in range(count)}


async def read_state(folder: Path, library: Library) -> dict[str, int]:
    """Give the version of each document, having compared every hit with what it must be."""
    async with LocalRetrieval(folder) as engine:
        state = {one.id: int(one.content_hash) async for one in engine.contents(NAME)}
        await engine.verify(NAME)
        for name, version in state.items():
            text = f"doc{name}"
            for mode in MODES:
                query = SearchQuery(text=text, mode=mode, top_k=50)
                hits = await engine.search(NAME, query, vector=library.vector(text))
                found = {hit.chunk.text for hit in hits if hit.chunk.document == name}
                if mode == "lexical":
                    assert found == expected_text(name, version)
                for hit in hits:
                    other = str(hit.chunk.document)
                    assert hit.chunk.text in expected_text(other, state[other])
        info = await engine.get(NAME)
        assert info.documents == len(state)
        assert info.chunks == sum(len(expected_text(*one)) for one in state.items())
    return state


@pytest.mark.slow
@pytest.mark.timeout(20 * KILLS + 60)
async def test_killed_writer_leaves_the_last_commit(tmp_path: Path, library: Library) -> None:
    """However often a writer is killed, the index holds what was committed last, and no rest."""
    folder = tmp_path / "indexes"
    held: dict[str, int] = {}
    for seed in range(1, KILLS + 1):
        possible = await asyncio.to_thread(run_and_kill, folder, seed, held)
        held = await read_state(folder, library)
        assert held in possible
        async with LocalRetrieval(folder) as engine:
            # The next writer sweeps up what the killed one left.
            await engine.remove(NAME, [DocumentId("nobody")])
        with closing(sqlite3.connect(folder / "indexes.sqlite")) as tables:
            named = {file for (file,) in tables.execute("SELECT file FROM segments")}
        assert {path.name for path in (folder / "segments").iterdir()} == named


async def filled(folder: Path, library: Library, *, documents: int = 12) -> list[tuple[Hit, ...]]:
    """Fill an index, close it, and give what searches in it find."""
    async with LocalRetrieval(folder) as engine:
        await engine.create(library.spec)
        for number in range(documents):
            await engine.upsert(
                NAME,
                [
                    library.document(
                        f"d{number}",
                        f"Bike {number} is rented for {number} euros.",
                        f"自転車{number}号の保証",
                        metadata={"number": number},
                    )
                ],
            )
        await engine.remove(NAME, [DocumentId("d1")])
    return await searched(folder, library)


async def searched(
    folder: Path, library: Library, *, settings: LocalSettings | None = None
) -> list[tuple[Hit, ...]]:
    """Open an index and give what searches in it find."""
    text = "bike rented 自転車7号"
    async with LocalRetrieval(folder, settings=settings) as engine:
        return [
            await engine.search(
                NAME, SearchQuery(text=text, mode=mode, top_k=30), vector=library.vector(text)
            )
            for mode in MODES
        ]


def stored(folder: Path) -> list[Path]:
    """Give all files of an index, sorted by size."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore"]
    return sorted(files, key=lambda path: path.stat().st_size)


def flips(size: int, count: int) -> Iterator[tuple[int, int]]:
    """Give places and bits to flip, spread over a file, its beginning and end among them."""
    draw = random.Random(size)  # noqa: S311 - nothing depends on nobody guessing it
    for place in {0, 8, 9, 24, size - 1, *(draw.randrange(size) for _ in range(count))}:
        if place < size:
            yield place, 1 << draw.randrange(8)


@pytest.mark.parametrize("flips_a_file", [30])
async def test_flipped_bit_is_told_or_harmless(
    tmp_path: Path, library: Library, flips_a_file: int
) -> None:
    """With any bit of any file flipped, a search finds the same, or says what is wrong."""
    folder = tmp_path / "indexes"
    right = await filled(folder, library, documents=4)
    told = 0
    for file in stored(folder):
        content = file.read_bytes()
        for place, bit in flips(len(content), flips_a_file):
            damaged = bytearray(content)
            damaged[place] ^= bit
            file.write_bytes(damaged)
            try:
                found = await searched(folder, library)
            except (StorageError, RetrievalError):
                told += 1
            else:
                assert found == right
            file.write_bytes(content)
    assert told
    assert await searched(folder, library) == right


async def test_truncated_file_is_told(tmp_path: Path, library: Library) -> None:
    """A segment that lost its end, or everything, is an error that names it."""
    folder = tmp_path / "indexes"
    await filled(folder, library, documents=2)
    for file in (folder / "segments").iterdir():
        content = file.read_bytes()
        for size in (0, 10, len(content) // 2, len(content) - 1):
            file.write_bytes(content[:size])
            with pytest.raises(StorageError, match=file.name):
                await searched(folder, library)
        file.write_bytes(content + b"x")
        with pytest.raises(StorageError, match=file.name):
            await searched(folder, library)
        file.unlink()
        with pytest.raises(StorageError, match="is missing"):
            await searched(folder, library)
        async with LocalRetrieval(folder) as engine:
            with pytest.raises(StorageError, match="is missing"):
                await engine.verify(NAME)
            with pytest.raises(StorageError, match="is missing"):
                await engine.remove(NAME, [DocumentId("d0")])
        file.write_bytes(content)
    assert await searched(folder, library)


async def test_verify_reads_what_searches_did_not(tmp_path: Path, library: Library) -> None:
    """A flipped bit in a text that nobody looked for is found by `verify`."""
    folder = tmp_path / "indexes"
    await filled(folder, library)
    change_text(folder, "Bike 9 is", "Bike 8 is")
    async with LocalRetrieval(folder) as engine:
        query = SearchQuery(text="保証", mode="lexical", top_k=1)
        assert await engine.search(NAME, query)
        with pytest.raises(StorageError, match="is not as it was written"):
            await engine.verify(NAME)
    change_text(folder, "Bike 8 is rented for 9", "Bike 9 is rented for 9")
    async with LocalRetrieval(folder) as engine:
        await engine.verify(NAME)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE indexes SET chunks = 99", "row of index 'library' is not as it was written"),
        ("UPDATE segments SET dead = x'00'", "segment's row of index 'library' has changed"),
        ("DELETE FROM segments", "segments of index 'library' hold 0 chunks, not 6"),
        ("UPDATE indexes SET seal = NULL", "row of index 'library' is not as it was written"),
        ("UPDATE indexes SET seal = NULL, spec = x'00'", "'library' is not as it was written"),
        ("DELETE FROM state", "does not say how often it was changed"),
        ("UPDATE state SET commits = x'00'", "does not say how often it was changed"),
        (
            "UPDATE chunks SET name = CAST(name AS BLOB)",
            "of the table of chunks is not as it was written",
        ),
    ],
)
async def test_changed_rows_are_told(
    tmp_path: Path, library: Library, statement: str, message: str
) -> None:
    """A row that somebody or something changed is an error that says which."""
    folder = tmp_path / "indexes"
    await filled(folder, library, documents=4)
    run_statement(folder, statement)
    with pytest.raises(StorageError, match=message):
        await searched(folder, library)


async def test_changed_list_of_documents_is_told(tmp_path: Path, library: Library) -> None:
    """What is remembered of documents must fit the index, and what is taken out its segments."""
    folder = tmp_path / "indexes"
    await filled(folder, library, documents=4)
    run_statement(folder, "UPDATE documents SET chunks = 3 WHERE name = 'd2'")
    async with LocalRetrieval(folder) as engine:
        with pytest.raises(StorageError, match="list of documents of index 'library' has changed"):
            assert [one async for one in engine.contents(NAME)]
        with pytest.raises(StorageError, match="segments of index 'library' lack 1 chunks"):
            await engine.remove(NAME, [DocumentId("d2")])
    run_statement(folder, "UPDATE documents SET chunks = x'00' WHERE name = 'd2'")
    async with LocalRetrieval(folder) as engine:
        with pytest.raises(StorageError, match="a row of the table of documents is not as it was"):
            assert [one async for one in engine.contents(NAME)]
        with pytest.raises(StorageError, match="row of document 'd2' is not as it was written"):
            await engine.remove(NAME, [DocumentId("d2")])


async def test_verify_looks_at_lists_of_sqlite(tmp_path: Path, library: Library) -> None:
    """Wherever the file of tables holds the id of a chunk, a change of it is found."""
    folder = tmp_path / "indexes"
    await filled(folder, library, documents=3)
    async with LocalRetrieval(folder) as engine:
        await engine.verify(NAME)
    file = folder / "indexes.sqlite"
    content = file.read_bytes()
    places = [found.start() for found in re.finditer(b"d2#1", content)]
    told: list[str] = []
    for place in places:
        file.write_bytes(content[:place] + b"d2#7" + content[place + 4 :])
        async with LocalRetrieval(folder) as engine:
            try:
                await engine.verify(NAME)
            except StorageError as exc:
                told.append(str(exc))
    # One place is the table, one the list by names; others are left over from older pages.
    assert any("indexes.sqlite' is damaged" in one for one in told)


async def test_folder_that_cannot_be_made(tmp_path: Path, library: Library) -> None:
    """Something else in the place of the segments' folder is an error that names it."""
    (tmp_path / "segments").write_text("mine")
    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(library.spec)
        with pytest.raises(StorageError, match=r"cannot make the folder .*segments"):
            await engine.upsert(NAME, [library.document("a", "text")])


def run_statement(folder: Path, statement: str) -> None:
    """Change the tables behind the engine's back."""
    with closing(sqlite3.connect(folder / "indexes.sqlite")) as tables, tables:
        tables.execute(statement)


def change_text(folder: Path, old: str, new: str) -> None:
    """Change what stands in a chunk, behind the engine's back."""
    with closing(sqlite3.connect(folder / "indexes.sqlite")) as tables, tables:
        tables.execute("UPDATE chunks SET text = replace(text, ?, ?)", (old, new))


def flip_in_log(file: Path) -> None:
    """Damage the last frame of a write-ahead log."""
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)


async def test_commits_that_the_log_lost_are_told(tmp_path: Path, library: Library) -> None:
    """When SQLite drops the end of a damaged log without a word, opening tells it."""
    folder, copied = tmp_path / "indexes", tmp_path / "copied"
    async with LocalRetrieval(folder) as engine:
        await engine.create(library.spec)
        await engine.upsert(NAME, [library.document("a", "first")])
        # As a kill would leave it: closing would move the log into the file.
        await asyncio.to_thread(shutil.copytree, folder, copied)
    flip_in_log(copied / "indexes.sqlite-wal")
    async with LocalRetrieval(copied) as engine:
        with pytest.raises(StorageError, match=r"holds 1 changes, 2 were committed.*-wal"):
            await engine.get(NAME)
    (copied / "indexes.commits").unlink()
    async with LocalRetrieval(copied) as engine:
        assert (await engine.get(NAME)).documents == 0


async def test_damaged_note_of_commits_is_no_reason_to_stop(
    tmp_path: Path, library: Library
) -> None:
    """The number of commits only warns; where it cannot be read, the tables are believed."""
    folder = tmp_path / "indexes"
    right = await filled(folder, library, documents=2)
    note = folder / "indexes.commits"
    for content in (b"", b"x" * 12, struct.pack("<QI", 10**6, 1)):
        note.write_bytes(content)
        assert await searched(folder, library) == right
    note.unlink()
    note.mkdir()
    async with LocalRetrieval(folder) as engine:
        await engine.upsert(NAME, [library.document("d0", "new")])
    assert await searched(folder, library) != right


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
async def test_full_disk_changes_nothing(tmp_path: Path, library: Library) -> None:
    """Where no file may grow any more, adding is an error, and the index is as it was."""
    import resource  # noqa: PLC0415 - not on every system

    folder = tmp_path / "indexes"
    right = await filled(folder, library)
    large = library.document("large", *(f"text {number} " * 50 for number in range(400)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (20_000, 60_000, 200_000):
        async with LocalRetrieval(folder) as engine:
            await engine.get(NAME)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
            try:
                with pytest.raises(StorageFullError):
                    await engine.upsert(NAME, [large])
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert (await engine.get(NAME)).documents == 11
        assert await searched(folder, library) == right
    async with LocalRetrieval(folder) as engine:
        await engine.upsert(NAME, [large])
        assert (await engine.get(NAME)).documents == 12


async def test_two_writers_take_turns(tmp_path: Path, library: Library) -> None:
    """What two engines write at the same time is all there in the end."""

    async def write(who: str) -> None:
        async with LocalRetrieval(tmp_path) as engine:
            for number in range(12):
                await engine.upsert(NAME, [library.document(f"{who}{number}", f"text of {who}")])

    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(library.spec)
        async with asyncio.TaskGroup() as group:
            for who in "ab":
                group.create_task(write(who))
        held = [one.id async for one in engine.contents(NAME)]
        assert held == sorted(f"{who}{number}" for who in "ab" for number in range(12))
        await engine.verify(NAME)
        assert len(await searched(tmp_path, library)) == len(MODES)


async def test_reader_keeps_its_files(tmp_path: Path, library: Library) -> None:
    """Who has opened segments goes on when another puts them together, and finds the same."""
    folder = tmp_path / "indexes"
    right = await filled(folder, library)
    async with LocalRetrieval(folder) as reader, LocalRetrieval(folder) as writer:
        text = "bike rented 自転車7号"
        query = SearchQuery(text=text, mode="vector", top_k=30)
        assert await reader.search(NAME, query, vector=library.vector(text)) == right[0]
        await writer.compact(NAME)
        assert len(list((folder / "segments").iterdir())) == 1
        assert await reader.search(NAME, query, vector=library.vector(text)) == right[0]


async def test_newer_segment_is_refused(tmp_path: Path, library: Library) -> None:
    """A segment in a format of the future is an error that says to install the newer version."""
    folder = tmp_path / "indexes"
    await filled(folder, library, documents=1)
    async with LocalRetrieval(folder) as engine:
        await engine.compact(NAME)
    [file] = (folder / "segments").iterdir()
    content = bytearray(file.read_bytes())
    struct.pack_into("<I", content, 8, 99)
    rewrite(folder, file, bytes(content))
    with pytest.raises(StoreVersionError, match="has format 99"):
        await searched(folder, library)


def rewrite(folder: Path, file: Path, content: bytes) -> None:
    """Write a segment anew with a seal and a row that fit it, as another version would."""
    import hashlib  # noqa: PLC0415 - for this only

    from tailorbird.retrieval.local.sealing import row_seal  # noqa: PLC0415 - for this only

    start, length = struct.unpack("<QQ", content[-16:])
    told = content[:64] + content[start : start + length] + content[-16:]
    checksum = hashlib.blake2b(told, digest_size=16).hexdigest()
    file.write_bytes(content)
    with closing(sqlite3.connect(folder / "indexes.sqlite")) as tables, tables:
        row = tables.execute(
            "SELECT index_id, file, size, checksum, chunks, gone, dead FROM segments"
        ).fetchone()
        row = (*row[:3], checksum, *row[4:])
        tables.execute("UPDATE segments SET checksum = ?, seal = ?", (checksum, row_seal(row)))
