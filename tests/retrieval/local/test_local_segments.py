"""Segments: how they are put together, chosen from, and made of what an older version wrote."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tailorbird.exceptions import IndexMissingError, StorageError
from tailorbird.retrieval.local import LocalRetrieval, LocalSettings
from tailorbird.retrieval.local.schema import STEPS
from tailorbird.storage import Database
from tailorbird.text import hash_embedding, search_terms
from tailorbird.types import (
    Chunk,
    ChunkedDocument,
    ChunkId,
    Compare,
    Document,
    DocumentId,
    IndexName,
    IndexSpec,
    ModelId,
    SearchMode,
    SearchQuery,
    Span,
)

if TYPE_CHECKING:
    from tests.retrieval.conftest import Library

NAME = IndexName("library")
MODES: tuple[SearchMode, ...] = ("vector", "lexical", "hybrid")
WIDTH = 128
WORDS = ["sew", "nest", "leaf", "VPN-200", "縫う", "休暇", "巣", "日本"]
SPEC = IndexSpec(name=NAME, embedding_model=ModelId("hash"), dimensions=WIDTH)
identifiers = st.sampled_from([f"d{number}" for number in range(12)])
texts_of_words = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), max_size=4
)


def document(name: str, texts: list[str], year: int) -> ChunkedDocument:
    """Make a document whose chunks are these texts."""
    return ChunkedDocument(
        document=Document(id=DocumentId(name), text="x", metadata={"year": year}),
        chunks=tuple(
            Chunk(
                id=ChunkId(f"{name}#{number}"),
                document=DocumentId(name),
                text=text,
                span=Span(start=0, end=1),
                metadata={"year": year},
            )
            for number, text in enumerate(texts)
        ),
        content_hash=json.dumps([texts, year]),
        vectors=hash_embedding(texts, dimensions=WIDTH) if texts else None,
    )


def naive_cosines(chunks: Mapping[str, str], query: str) -> dict[str, float]:
    """Compare all vectors, one at a time."""
    wanted = hash_embedding([query], dimensions=WIDTH)[0].astype(np.float64)
    return {
        name: float(hash_embedding([text], dimensions=WIDTH)[0].astype(np.float64) @ wanted)
        for name, text in chunks.items()
    }


def naive_bm25(every: Mapping[str, str], query: str) -> dict[str, float]:
    """Score by the formula; texts without any term of the query are left out."""
    counted = {name: Counter(search_terms(f"\n{text}")) for name, text in every.items()}
    mean = max(1.0, sum(one.total() for one in counted.values()) / max(1, len(counted)))
    scores: dict[str, float] = {}
    for name, one in counted.items():
        for term in search_terms(query):
            if tf := one[term]:
                df = sum(term in other for other in counted.values())
                idf = math.log(1 + (len(counted) - df + 0.5) / (df + 0.5))
                weight = tf / (tf + 1.5 * (1 - 0.75 + 0.75 * one.total() / mean))
                scores[name] = scores.get(name, 0.0) + idf * weight
    return scores


class IndexMachine(RuleBasedStateMachine):
    """An index in a folder beside a dictionary."""

    @initialize()
    def start(self) -> None:
        """Make an empty index."""
        self.folder = Path(tempfile.mkdtemp(prefix="tailorbird-index-"))
        self.held: dict[str, tuple[list[str], int]] = {}
        self.engine = LocalRetrieval(self.folder)
        asyncio.run(self.engine.create(SPEC))

    @rule(names=st.lists(identifiers, min_size=1, max_size=3, unique=True), data=st.data())
    def put(self, names: list[str], data: st.DataObject) -> None:
        """Add documents, or replace them."""
        given = {
            name: (data.draw(texts_of_words), data.draw(st.integers(2024, 2026))) for name in names
        }
        asyncio.run(self.engine.upsert(NAME, [document(name, *one) for name, one in given.items()]))
        self.held |= given

    @rule(names=st.lists(identifiers, max_size=5, unique=True))
    def remove(self, names: list[str]) -> None:
        """Remove documents, some of which are not there."""
        removed = asyncio.run(self.engine.remove(NAME, [DocumentId(name) for name in names]))
        assert removed == sum(name in self.held for name in names)
        self.held = {name: one for name, one in self.held.items() if name not in names}

    @rule()
    def compact(self) -> None:
        """Put everything together."""
        asyncio.run(self.engine.compact(NAME))
        assert len(list(self.folder.glob("segments/*"))) <= 1

    @rule(codes=st.booleans())
    def reopen(self, codes: bool) -> None:  # noqa: FBT001 - drawn
        """Close and open, with codes or without."""
        asyncio.run(self.engine.close())
        self.engine = LocalRetrieval(
            self.folder, settings=LocalSettings(codes_above=0 if codes else None)
        )

    @rule()
    def look(self) -> None:
        """Compare what is remembered, and read everything."""

        async def contents() -> dict[str, str]:
            await self.engine.verify(NAME)
            return {one.id: one.content_hash async for one in self.engine.contents(NAME)}

        assert asyncio.run(contents()) == {
            name: json.dumps(list(one)) for name, one in self.held.items()
        }

    @rule(
        text=st.lists(st.sampled_from([*WORDS, "unknown"]), min_size=1, max_size=3).map(" ".join),
        mode=st.sampled_from(["vector", "lexical"]),
        year=st.none() | st.integers(2024, 2026),
    )
    def search(self, text: str, mode: SearchMode, year: int | None) -> None:
        """Search in one of two ways, and compare with doing it by hand."""
        every = {
            f"{name}#{number}": line
            for name, (texts, _) in self.held.items()
            for number, line in enumerate(texts)
        }
        some = {
            chunk: line
            for chunk, line in every.items()
            if year is None or self.held[chunk.partition("#")[0]][1] == year
        }
        condition = None if year is None else Compare(type="eq", key="year", value=year)
        query = SearchQuery(text=text, mode=mode, top_k=50, filter=condition)
        vector = hash_embedding([text], dimensions=WIDTH)[0]
        if not every:
            with pytest.raises(IndexMissingError, match="is empty"):
                asyncio.run(self.engine.search(NAME, query, vector=vector))
            return
        hits = asyncio.run(self.engine.search(NAME, query, vector=vector))
        scores = naive_cosines(some, text) if mode == "vector" else naive_bm25(every, text)
        right = {name: score for name, score in scores.items() if name in some}
        assert {hit.chunk.id: hit.chunk.text for hit in hits} == {
            name: some[name] for name in right
        } or len(right) > 50
        for hit in hits:
            assert hit.score == pytest.approx(right[hit.chunk.id], rel=1e-5, abs=1e-6)
        order = [(-hit.score, hit.chunk.id) for hit in hits]
        assert order == sorted(order)

    def teardown(self) -> None:
        """Delete the folder."""
        if hasattr(self, "engine"):
            asyncio.run(self.engine.close())
            shutil.rmtree(self.folder)


IndexMachine.TestCase.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
test_index_is_like_a_dictionary = IndexMachine.TestCase


def segments(folder: Path) -> int:
    """Count the files of segments."""
    return len(names(folder))


def names(folder: Path) -> set[str]:
    """Give the names of the files of segments."""
    return {path.name for path in folder.glob("segments/*")}


def stored(folder: Path) -> int:
    """Give the bytes of all segments."""
    return sum(path.stat().st_size for path in folder.glob("segments/*"))


async def test_small_segments_become_one(tmp_path: Path, library: Library) -> None:
    """However many additions there were, there are few files, and everything is found."""
    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(library.spec)
        for number in range(40):
            await engine.upsert(NAME, [library.document(f"d{number}", f"number {number}")])
        assert segments(tmp_path) <= 12
        for number in (0, 7, 8, 39):
            query = SearchQuery(text=f"number {number}", mode="lexical", top_k=1)
            [hit] = await engine.search(NAME, query)
            assert hit.chunk.id == f"d{number}#0"


async def test_room_of_what_is_gone_comes_back(tmp_path: Path, library: Library) -> None:
    """A segment of which most is gone is written anew, and one of which all is gone is deleted."""
    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(library.spec)
        given = [library.document(f"d{number}", f"text {number}" * 50) for number in range(100)]
        await engine.upsert(NAME, given)
        size = stored(tmp_path)
        await engine.remove(NAME, [DocumentId(f"d{number}") for number in range(60)])
        assert segments(tmp_path) == 1
        assert stored(tmp_path) < size * 0.6
        await engine.remove(NAME, [DocumentId(f"d{number}") for number in range(100)])
        assert segments(tmp_path) == 0
        await engine.upsert(NAME, given[:1])
        await engine.delete(NAME)
        assert segments(tmp_path) == 0


async def test_compacting_keeps_what_is_found(tmp_path: Path, library: Library) -> None:
    """After putting everything together one file is left, and every score is the same."""
    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(library.spec)
        for number in range(5):
            await engine.upsert(
                NAME,
                [
                    library.document(f"d{number}", f"text 縫う {number}", metadata={"n": number}),
                    library.document("same", f"version {number}"),
                ],
            )
        found = []
        for _ in range(2):
            for mode in MODES:
                query = SearchQuery(
                    text="text 縫う 3 version",
                    mode=mode,
                    top_k=50,
                    filter=Compare(type="gt", key="n", value=0) if mode == "hybrid" else None,
                )
                hits = await engine.search(NAME, query, vector=library.vector(query.text))
                found.append([(hit.chunk, pytest.approx(hit.score)) for hit in hits])
            await engine.compact(NAME)
            await engine.verify(NAME)
        assert found[:3] == found[3:]
        assert segments(tmp_path) == 1
        before = names(tmp_path)
        await engine.compact(NAME)
        assert names(tmp_path) == before
        with pytest.raises(IndexMissingError):
            await engine.compact(IndexName("absent"))


def clusters(count: int, *, spread: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Make vectors of unit length that stand in clusters of 20."""
    draw = np.random.default_rng(5)
    centers = np.repeat(draw.standard_normal((count // 20, 256)), 20, axis=0)
    vectors = centers + draw.standard_normal(centers.shape) * spread
    unit: np.ndarray[tuple[int, int], np.dtype[np.float32]] = (
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ).astype(np.float32)
    return unit


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize("spread", [0.3, 100.0])
async def test_codes_find_what_comparing_all_finds(
    tmp_path: Path, library: Library, *, folder: bool, spread: float
) -> None:
    """Vectors chosen by codes are the nearest, whether they stand in clusters or anyhow."""
    vectors = clusters(4000, spread=spread)
    place = tmp_path if folder else None
    source = Document(id=DocumentId("d"), text="x")
    texts = [f"word{number} text" for number in range(len(vectors))]
    given = ChunkedDocument(
        document=source, chunks=library.cut(source, texts), content_hash="h", vectors=vectors
    )
    engines = [
        LocalRetrieval(place, settings=LocalSettings(codes_above=above)) for above in (0, None)
    ]
    found = []
    for engine in engines:
        async with engine:
            await engine.create(library.spec)
            await engine.upsert(NAME, [given])
            await engine.remove(NAME, [DocumentId("nobody")])
            for number in (3, 1234, 3999):
                for mode in ("vector", "hybrid"):
                    query = SearchQuery(text=f"word{number} text", mode=mode, top_k=10)
                    hits = await engine.search(NAME, query, vector=vectors[number])
                    found.append([hit.chunk.id for hit in hits])
                    assert hits[0].chunk.id == f"d#{number}"
    half = len(found) // 2
    for coded, exact in zip(found[:half:2], found[half::2], strict=True):
        assert len(set(coded) & set(exact)) >= 9


async def test_codes_of_few_chunks(library: Library) -> None:
    """Where there are few chunks all are compared, with codes as without."""
    async with LocalRetrieval(None, settings=LocalSettings(codes_above=0)) as engine:
        await engine.create(library.spec)
        await engine.upsert(NAME, [library.document(f"d{n}", f"number {n}") for n in range(9)])
        query = SearchQuery(text="number 7", mode="vector", top_k=1)
        [hit] = await engine.search(NAME, query, vector=library.vector("number 7"))
        assert hit.chunk.id == "d7#0"


@pytest.mark.parametrize("dimensions", [None, 8])
async def test_vectors_without_codes(tmp_path: Path, dimensions: int | None) -> None:
    """Short vectors have no codes, an index of words no vectors; both are put together alike."""
    spec = IndexSpec(name=NAME)
    if dimensions:
        spec = SPEC.model_copy(update={"dimensions": dimensions})
    async with LocalRetrieval(tmp_path, settings=LocalSettings(codes_above=0)) as engine:
        await engine.create(spec)
        for number in range(3):
            given = document(f"d{number}", [f"text {number}"], number)
            vectors = None
            if dimensions:
                vectors = np.eye(dimensions, dtype=np.float32)[number : number + 1]
            await engine.upsert(NAME, [dataclasses.replace(given, vectors=vectors)])
        await engine.compact(NAME)
        assert segments(tmp_path) == 1
        vector = np.eye(8, dtype=np.float32)[1] if dimensions else None
        mode: SearchMode = "vector" if dimensions else "lexical"
        query = SearchQuery(text="text 1", mode=mode, top_k=1)
        [hit] = await engine.search(NAME, query, vector=vector)
        assert hit.chunk.id == "d1#0"


async def test_large_additions_are_cut(tmp_path: Path) -> None:
    """What is added at once may become several segments; a filter finds the few that pass."""
    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(IndexSpec(name=NAME))
        given = [document(name, ["leaf"] * 9000, year) for name, year in (("a", 1), ("b", 2))]
        given.append(document("c", ["leaf nest", "nest"], 3))
        await engine.upsert(NAME, [dataclasses.replace(one, vectors=None) for one in given])
        assert segments(tmp_path) == 2
        condition = Compare(type="eq", key="year", value=3)
        query = SearchQuery(text="leaf", filter=condition)
        hits = await engine.search(NAME, query)
        assert [hit.chunk.id for hit in hits] == ["c#0"]


async def test_filter_that_few_pass(library: Library) -> None:
    """Where a filter leaves few of many chunks, only their vectors are compared."""
    async with LocalRetrieval(None) as engine:
        await engine.create(library.spec)
        texts = [f"number {number}" for number in range(100)]
        await engine.upsert(
            NAME,
            [
                library.document("many", *texts, metadata={"few": False}),
                library.document("few", "number 7", metadata={"few": True}),
            ],
        )
        query = SearchQuery(
            text="number 7", mode="vector", filter=Compare(type="eq", key="few", value=True)
        )
        hits = await engine.search(NAME, query, vector=library.vector("number 7"))
        assert [(hit.chunk.id, hit.score) for hit in hits] == [("few#0", pytest.approx(1.0))]


def write_version_1(file: Path, library: Library) -> list[ChunkedDocument]:
    """Write an index as version 1 of the tables kept it, and give what it holds."""
    given = [
        library.document(f"d{number}", f"Bike {number}.", f"縫う{number}", metadata={"n": number})
        for number in range(5)
    ]
    given.append(library.document("own", "text"))
    database = Database(file, steps=STEPS[:1])
    database.execute(
        "INSERT INTO indexes (name, spec, created_at, digest, documents, chunks)"
        " VALUES ('library', ?, '2026-11-22T09:00:00+00:00', ?, 7, 11)",
        (library.spec.model_dump_json(), f"{digest(given):x}"),
    )
    for number, one in enumerate(given, 1):
        metadata = json.dumps(dict(one.document.metadata))
        database.execute(
            "INSERT INTO documents VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
            (
                *(number, one.document.id, one.content_hash, one.document.title),
                *(one.document.source, metadata, len(one.chunks)),
            ),
        )
        for ordinal, chunk in enumerate(one.chunks):
            database.execute(
                "INSERT INTO chunks (index_id, document_id, ordinal, name, text, span_start,"
                " span_end, section, page) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(number, ordinal, chunk.id, chunk.text),
                    *(chunk.span.start, chunk.span.end, chunk.section, chunk.page),
                ),
            )
        assert one.vectors is not None
        database.execute("INSERT INTO vectors VALUES (?, ?)", (number, one.vectors.tobytes()))
    database.execute(
        "INSERT INTO documents VALUES (7, 1, 'empty', 'e', '', '', '{}', 0)",
    )
    database.close()
    return given


def digest(given: list[ChunkedDocument]) -> int:
    """Give the digest of an index with these documents and an empty one."""
    from tailorbird.retrieval.content_version import (  # noqa: PLC0415 - for this only
        MODULUS,
        document_digest,
    )

    every = [(one.document.id, one.content_hash) for one in given]
    return sum(document_digest(*one) for one in [*every, (DocumentId("empty"), "e")]) % MODULUS


async def test_older_index_is_brought_up_to_date(tmp_path: Path, library: Library) -> None:
    """What version 1 wrote is found as before, and a copy of the old file is kept."""
    given = await asyncio.to_thread(write_version_1, tmp_path / "indexes.sqlite", library)
    async with LocalRetrieval(None) as fresh, LocalRetrieval(tmp_path) as engine:
        await fresh.create(library.spec)
        await fresh.upsert(NAME, given)
        info = await engine.get(NAME)
        assert (info.documents, info.chunks) == (7, 11)
        assert segments(tmp_path) == 1
        await engine.verify(NAME)
        for mode in MODES:
            query = SearchQuery(text="Bike 3 縫う2", mode=mode, top_k=50)
            vector = library.vector(query.text)
            hits = await engine.search(NAME, query, vector=vector)
            assert hits == await fresh.search(NAME, query, vector=vector)
        await engine.upsert(NAME, [library.document("d0", "new")])
        assert await engine.remove(NAME, [DocumentId("empty"), DocumentId("own")]) == 2
        await engine.verify(NAME)
    assert (tmp_path / "indexes.sqlite.v1.bak").exists()
    async with LocalRetrieval(tmp_path) as engine:
        assert (await engine.get(NAME)).documents == 5


def write_words_of_version_1(file: Path) -> None:
    """Write an index without vectors and an empty one as version 1 of the tables kept them."""
    database = Database(file, steps=STEPS[:1])
    for number, (name, count) in enumerate((("words", 18_001), ("empty", 0)), 1):
        spec = IndexSpec(name=IndexName(name)).model_dump_json()
        database.execute(
            "INSERT INTO indexes (id, name, spec, created_at, documents, chunks)"
            " VALUES (?, ?, ?, '2026-11-22T09:00:00+00:00', ?, ?)",
            (number, name, spec, 3 if count else 1, count),
        )
    database.execute("INSERT INTO documents VALUES (9, 2, 'a', 'h', '', '', '{}', 0)")
    database.execute("INSERT INTO documents VALUES (1, 1, 'a', 'h', 'Title', 's', '{}', 1)")
    database.execute(
        "INSERT INTO chunks (index_id, document_id, ordinal, name, text, span_start, span_end)"
        " VALUES (1, 1, 0, 'a#0', 'plain words', 0, 11)"
    )
    for number, name in ((2, "b"), (3, "c")):
        database.execute(
            "INSERT INTO documents VALUES (?, 1, ?, 'h', 'Many', 's', '{}', 9000)", (number, name)
        )
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 8999)"
            " INSERT INTO chunks (index_id, document_id, ordinal, name, text, span_start, span_end)"
            " SELECT 1, ?, i, ? || i, 'x', 0, 1 FROM n",
            (number, name),
        )
    database.close()


async def test_older_index_of_words_only(tmp_path: Path) -> None:
    """An old index without vectors, and one that is empty, are brought up to date as well."""
    await asyncio.to_thread(write_words_of_version_1, tmp_path / "indexes.sqlite")
    async with LocalRetrieval(tmp_path) as engine:
        [hit] = await engine.search(IndexName("words"), SearchQuery(text="title"))
        assert (hit.chunk.id, hit.chunk.title, hit.chunk.source) == ("a#0", "Title", "s")
        assert (await engine.get(IndexName("empty"))).chunks == 0
        assert segments(tmp_path) == 1


async def test_older_index_that_lost_its_vectors(tmp_path: Path, library: Library) -> None:
    """Bringing a damaged old index up to date is an error, and leaves it closed."""
    await asyncio.to_thread(write_version_1, tmp_path / "indexes.sqlite", library)
    with closing(sqlite3.connect(tmp_path / "indexes.sqlite")) as tables, tables:
        tables.execute("DELETE FROM vectors WHERE document_id = 2")
    async with LocalRetrieval(tmp_path) as engine:
        for _ in range(2):
            with pytest.raises(StorageError, match="lacks vectors"):
                await engine.get(NAME)
