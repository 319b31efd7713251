"""Indexes in PostgreSQL: the same answers as the local engine, whole documents, several writers."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest

import tailorbird
from tailorbird.exceptions import IndexMismatchError, IndexMissingError, InvalidInputError
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.retrieval.postgres import PostgresRetrieval
from tailorbird.text import hash_embedding
from tailorbird.types import (
    Among,
    Chunk,
    ChunkedDocument,
    ChunkId,
    Compare,
    Document,
    DocumentId,
    IndexName,
    IndexSpec,
    ModelId,
    SearchQuery,
    Span,
)

if TYPE_CHECKING:
    from tests.retrieval.conftest import Library
    from tests.retrieval.postgres.conftest import OpenEngine

NAME = IndexName("library")
BOOKS = {
    "travel": ("出張の日当は2,800円です。", "交通費は毎月25日までに精算します。"),
    "leave": ("年次有給休暇は入社半年後に十日付きます。", "忌引きは七日まで取れます。"),
    "bikes": ("A rented bicycle is returned at any station.", "A helmet costs nothing extra."),
    "shop": ("The shop opens at nine. The shop is in the station.", "Gift cards never expire."),
}
QUESTIONS = ("交通費の精算はいつまで", "忌引きは何日", "bicycle station", "gift cards", "🌸")


@pytest.fixture
async def shop(open_postgres: OpenEngine, library: Library) -> PostgresRetrieval:
    """An engine with an index of a few documents."""
    engine = open_postgres()
    await engine.create(library.spec)
    await engine.upsert(NAME, [library.document(name, *texts) for name, texts in BOOKS.items()])
    return engine


@pytest.fixture
async def same_in_memory(library: Library) -> AsyncIterator[LocalRetrieval]:
    """The local engine with the same content."""
    async with LocalRetrieval(None) as engine:
        await engine.create(library.spec)
        await engine.upsert(NAME, [library.document(name, *texts) for name, texts in BOOKS.items()])
        yield engine


async def find(
    engine: PostgresRetrieval, library: Library, text: str, **query: object
) -> list[str]:
    """Search and give the texts that were found."""
    wanted = SearchQuery.model_validate({"text": text, **query})
    hits = await engine.search(NAME, wanted, vector=library.vector(text))
    return [hit.chunk.text for hit in hits]


@pytest.mark.parametrize("mode", ["vector", "lexical", "hybrid"])
async def test_answers_are_those_of_the_local_engine(
    shop: PostgresRetrieval, same_in_memory: LocalRetrieval, library: Library, mode: str
) -> None:
    """Equal content gives the same hits in the same order with the same scores."""
    for text in QUESTIONS:
        query = SearchQuery.model_validate({"text": text, "mode": mode, "top_k": 50})
        vector = library.vector(text)
        here = await shop.search(NAME, query, vector=vector)
        there = await same_in_memory.search(NAME, query, vector=vector)
        assert [hit.chunk for hit in here] == [hit.chunk for hit in there]
        assert [hit.score_kind for hit in here] == [hit.score_kind for hit in there]
        for one, other in zip(here, there, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-5)
            assert one.legs == pytest.approx(dict(other.legs), abs=1e-5)


async def test_version_depends_on_the_content_alone(
    shop: PostgresRetrieval, same_in_memory: LocalRetrieval, library: Library
) -> None:
    """Replacing and removing leave the version that the same content has anywhere."""
    wanted = (await same_in_memory.get(NAME)).version
    assert (await shop.get(NAME)).version == wanted
    await shop.upsert(
        NAME, [library.document("shop", "閉店しました。"), library.document("x", "y")]
    )
    assert (await shop.get(NAME)).version != wanted
    await shop.upsert(NAME, [library.document("shop", *BOOKS["shop"])])
    assert await shop.remove(NAME, [DocumentId("x")]) == 1
    assert (await shop.get(NAME)).version == wanted


async def test_restart_finds_everything(
    shop: PostgresRetrieval, open_postgres: OpenEngine, library: Library
) -> None:
    """Another process opens the same schema and gives the same answers."""
    before = await shop.search(NAME, SearchQuery(text="精算"), vector=library.vector("精算"))
    info = await shop.get(NAME)
    await shop.close()
    again = open_postgres()
    assert await again.get(NAME) == info
    assert (
        await again.search(NAME, SearchQuery(text="精算"), vector=library.vector("精算")) == before
    )
    assert [one.spec.name async for one in again.list()] == [NAME]


async def test_two_writers(open_postgres: OpenEngine, library: Library) -> None:
    """Two processes that write the same documents at once leave one of each, and right sums."""
    writers = [open_postgres(), open_postgres()]
    await writers[0].create(library.spec)
    documents = [
        [library.document(f"d{number}", f"本棚の本 {number} {who}") for number in range(15)]
        for who in "ab"
    ]

    async def write(engine: PostgresRetrieval, own: list[ChunkedDocument]) -> None:
        async with asyncio.TaskGroup() as group:
            for one in own:
                group.create_task(engine.upsert(NAME, [one]))

    async with asyncio.TaskGroup() as group:
        group.create_task(write(writers[0], documents[0]))
        group.create_task(write(writers[1], documents[1][::-1]))
    info = await writers[0].get(NAME)
    assert (info.documents, info.chunks) == (15, 15)
    assert len([one async for one in writers[1].contents(NAME)]) == 15
    left = await find(writers[0], library, "本棚の本", top_k=50)
    for engine in writers:
        await engine.remove(NAME, [DocumentId(f"d{number}") for number in range(15)])
    await writers[0].upsert(NAME, [library.document("only", *sorted(left))])
    async with LocalRetrieval(None) as fresh:
        await fresh.create(library.spec)
        await fresh.upsert(NAME, [library.document("only", *sorted(left))])
        query = SearchQuery(text="本棚 3", mode="lexical", top_k=50)
        wanted = [(hit.chunk.text, hit.score) for hit in await fresh.search(NAME, query)]
        found = [(hit.chunk.text, hit.score) for hit in await writers[0].search(NAME, query)]
    assert [text for text, _ in found] == [text for text, _ in wanted]
    # Counts of terms that were changed by both are right to the last one, or scores would differ.
    assert [score for _, score in found] == pytest.approx([score for _, score in wanted], abs=1e-5)


WRITER = """
    import asyncio, os, sys
    import numpy as np
    from tailorbird.retrieval.engines import open_engine
    from tailorbird.text import hash_embedding
    from tailorbird.types import *

    async def main():
        engine = open_engine("postgres", folder=None, environ=os.environ,
            options={"dsn_env": "PG_DSN", "schema": sys.argv[1]})
        texts = ["the new shop"] * 200
        document = Document(id=DocumentId("shop"), text="".join(texts))
        chunks = tuple(Chunk(id=ChunkId(f"shop#{n}"), document=document.id, text=text,
            span=Span(start=12 * n, end=12 * n + 12)) for n, text in enumerate(texts))
        await engine.upsert(IndexName("library"), [ChunkedDocument(document=document,
            chunks=chunks, content_hash="new", vectors=hash_embedding(texts, dimensions=256))])

    asyncio.run(main())
"""


async def wait_for_lock(admin: psycopg.AsyncConnection) -> None:
    """Wait until one of the engine's statements waits for a lock."""
    while True:
        await admin.execute("SELECT pg_stat_clear_snapshot()")
        cursor = await admin.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND application_name = 'tailorbird'"
        )
        [(found,)] = await cursor.fetchall()
        if found:
            return
        await asyncio.sleep(0.01)


async def test_kill_amid_an_upsert_leaves_the_old_document(
    shop: PostgresRetrieval,
    library: Library,
    admin: psycopg.AsyncConnection,
    postgres_dsn: str,
    postgres_schema: str,
) -> None:
    """A process that is killed when all but the last statement is done has changed nothing."""
    before = await shop.get(NAME)
    async with admin.transaction():
        await admin.execute(f"SELECT FROM {postgres_schema}.indexes FOR NO KEY UPDATE")
        writer = subprocess.Popen(  # noqa: ASYNC220 - it is not waited for
            [sys.executable, "-c", textwrap.dedent(WRITER), postgres_schema],
            env={"PG_DSN": postgres_dsn, "PATH": ""},
        )
        await wait_for_lock(admin)
        writer.send_signal(signal.SIGKILL)
        assert await asyncio.to_thread(writer.wait) == -signal.SIGKILL
    assert await shop.get(NAME) == before
    assert "Gift cards never expire." in await find(shop, library, "gift cards")
    await shop.upsert(NAME, [library.document("shop", "閉店しました。")])
    assert (await shop.get(NAME)).chunks == 7


async def test_cancelled_upsert_leaves_the_old_document(
    shop: PostgresRetrieval, library: Library, admin: psycopg.AsyncConnection, postgres_schema: str
) -> None:
    """A call that is cancelled in the midst of it changes nothing, and the engine goes on."""
    before = await shop.get(NAME)
    async with admin.transaction():
        await admin.execute(f"SELECT FROM {postgres_schema}.indexes FOR NO KEY UPDATE")
        async with asyncio.TaskGroup() as group:
            call = group.create_task(shop.upsert(NAME, [library.document("shop", "閉店")]))
            await wait_for_lock(admin)
            call.cancel()
    assert await shop.get(NAME) == before


async def test_documents_before_a_wrong_one_are_not_written(
    shop: PostgresRetrieval, library: Library
) -> None:
    """All documents of a call are checked before the first one is written."""
    before = await shop.get(NAME)
    for text in ("nul \x00", "half \ud800"):
        with pytest.raises(InvalidInputError, match=r"document 'b', chunk 'b#0': character"):
            await shop.upsert(NAME, [library.document("a", "new"), library.document("b", text)])
    with pytest.raises(InvalidInputError, match=r"chunk 'b#0': character 0 is U\+0000"):
        await shop.upsert(NAME, [library.document("b", "x", metadata={"\x00": 1})])
    with pytest.raises(InvalidInputError, match=r"chunk 'b#0': character 1 is U\+0000"):
        await shop.upsert(NAME, [library.document("b", "x", metadata={"n": 7, "key": "v\x00"})])
    with pytest.raises(InvalidInputError, match=r"document 'b\\x00': character 1 is U\+0000"):
        await shop.upsert(NAME, [library.document("b\x00", "x")])
    with pytest.raises(InvalidInputError, match="a document's id: character 0"):
        await shop.remove(NAME, [DocumentId("\x00")])
    assert await shop.get(NAME) == before


async def test_chunk_with_too_many_terms(shop: PostgresRetrieval, library: Library) -> None:
    """A chunk that the server cannot hold is named."""
    words = " ".join(f"w{number}" for number in range(9_000))
    with pytest.raises(InvalidInputError, match=r"chunk 'long#0' has 18,\d\d\d different terms"):
        await shop.upsert(NAME, [library.document("long", words)])


async def test_chunk_ids_are_unique(shop: PostgresRetrieval, library: Library) -> None:
    """A chunk's id that another document uses is refused, and nothing of the document is kept."""
    before = await shop.get(NAME)
    cut = library.document("other", "x")
    stolen = ChunkedDocument(
        document=cut.document,
        chunks=(cut.chunks[0].model_copy(update={"id": ChunkId("shop#0")}),),
        content_hash="",
        vectors=cut.vectors,
    )
    with pytest.raises(InvalidInputError, match="'shop#0' is used by document 'shop'"):
        await shop.upsert(NAME, [stolen])
    assert await shop.get(NAME) == before


async def test_document_without_chunks(shop: PostgresRetrieval, library: Library) -> None:
    """A document may have nothing to search in, and gets or loses its chunks later."""
    await shop.upsert(NAME, [library.document("shop")])
    assert (await shop.get(NAME)).chunks == 6
    await shop.upsert(NAME, [library.document("shop", "Gift cards never expire.")])
    assert (await shop.get(NAME)).chunks == 7


async def test_index_of_words_only(open_postgres: OpenEngine, library: Library) -> None:
    """An index without an embedding model is searched by words, and by nothing else."""
    engine = open_postgres()
    await engine.create(IndexSpec(name=NAME))
    await engine.upsert(NAME, [library.document("a", "本棚の本", embedded=False)])
    [hit] = await engine.search(NAME, SearchQuery(text="本棚"))
    assert hit.score_kind == "bm25"
    with pytest.raises(IndexMismatchError):
        await engine.search(NAME, SearchQuery(text="本棚", mode="vector"))
    await engine.delete(NAME)
    with pytest.raises(IndexMissingError, match="build it first"):
        await engine.get(NAME)


async def test_absent_index_is_named(shop: PostgresRetrieval) -> None:
    """The error names the nearest index that there is."""
    with pytest.raises(IndexMissingError, match="no index 'librari': did you mean 'library'"):
        await shop.get(IndexName("librari"))


@pytest.mark.parametrize("width", [3, 1951, 4001])
async def test_vectors_of_any_width(
    open_postgres: OpenEngine, library: Library, width: int
) -> None:
    """Narrow and wide vectors are kept as they are; only the widest are never searched by HNSW."""
    engine = open_postgres(hnsw_above=0)
    spec = IndexSpec(name=NAME, embedding_model=ModelId("m"), dimensions=width)
    await engine.create(spec)
    cut = library.document("a", "x", "y")
    vectors = np.eye(2, width, dtype=np.float32)
    given = ChunkedDocument(
        document=cut.document, chunks=cut.chunks, content_hash="", vectors=vectors
    )
    await engine.upsert(NAME, [given])
    query = SearchQuery(text="?", mode="vector")
    hits = await engine.search(NAME, query, vector=vectors[1])
    assert [(hit.chunk.text, hit.score) for hit in hits] == [("y", 1.0), ("x", 0.0)]


async def test_filter_with_a_value_that_nobody_has(
    shop: PostgresRetrieval, library: Library
) -> None:
    """What no metadata can hold cannot be asked for."""
    for value, reason in (("\x00", "U\\+0000"), (float("nan"), "nan"), (float("inf"), "inf")):
        condition = Compare(type="eq", key="k", value=value)
        with pytest.raises(InvalidInputError, match=reason):
            await find(shop, library, "x", filter=condition)
    with pytest.raises(InvalidInputError, match="a filter's key: character 1"):
        await find(shop, library, "x", filter=Among(type="in", key="k\x00", values=("a",)))


def many(count: int) -> ChunkedDocument:
    """Make a document of chunks that share common words and differ in rare ones."""
    texts = [f"common text number{n} group{n % 7}" + " rare" * (n % 400 == 3) for n in range(count)]
    document = Document(id=DocumentId("many"), text="\n".join(texts))
    chunks = tuple(
        Chunk(
            id=ChunkId(f"{n:05}"),
            document=document.id,
            text=text,
            span=Span(start=0, end=len(text)),
            metadata={"group": n % 7, "number": n},
        )
        for n, text in enumerate(texts)
    )
    return ChunkedDocument(
        document=document,
        chunks=chunks,
        content_hash="",
        vectors=hash_embedding(texts, dimensions=256),
    )


async def test_rare_and_common_terms_find_the_best(
    open_postgres: OpenEngine, library: Library
) -> None:
    """Chunks that are looked up by rare terms first are the best ones of all."""
    engine, document = open_postgres(), many(1100)
    await engine.create(library.spec)
    await engine.upsert(NAME, [document])
    async with LocalRetrieval(None) as local:
        await local.create(library.spec)
        await local.upsert(NAME, [document])
        for text in ("common rare", "common group3 number33", "text", "rare", "rare text number3"):
            for top_k in (1, 5, 50):
                query = SearchQuery(text=text, mode="lexical", top_k=top_k)
                found = [hit.chunk.id for hit in await engine.search(NAME, query)]
                assert found == [hit.chunk.id for hit in await local.search(NAME, query)]


async def test_hnsw_takes_over(
    open_postgres: OpenEngine,
    library: Library,
    admin: psycopg.AsyncConnection,
    postgres_schema: str,
) -> None:
    """Above the limit an index is built once, finds what is nearest, and filters still hold."""
    document = many(1200)
    exact, near = open_postgres(), open_postgres(hnsw_above=300)
    await near.create(library.spec)
    await near.upsert(NAME, [document])
    cursor = await admin.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND indexdef LIKE '%%hnsw%%'",
        (postgres_schema,),
    )
    assert [name for (name,) in await cursor.fetchall()] == ["hnsw_1"]
    await near.upsert(NAME, [library.document("more", "one more")])
    conditions = (
        None,
        Compare(type="lt", key="number", value=900),
        Compare(type="eq", key="group", value=3),
        Compare(type="eq", key="number", value=17),
    )
    for condition in conditions:
        for mode in ("vector", "hybrid"):
            wanted = await find(exact, library, "number17", mode=mode, filter=condition)
            found = await find(near, library, "number17", mode=mode, filter=condition)
            assert found[0] == wanted[0]
            assert len(found) == len(wanted)


async def test_hnsw_that_gives_up_is_not_the_last_word(
    open_postgres: OpenEngine, library: Library, postgres_dsn: str
) -> None:
    """Where HNSW meets too few chunks that pass the filter, all that pass are compared."""
    # A planner that shuns sorting takes HNSW, also where it knows better.
    dsn = f"{postgres_dsn}&options=-c%20enable_sort%3Doff"
    engine = open_postgres(dsn, hnsw_above=20, hnsw_scan=1)
    await engine.create(library.spec)
    await engine.upsert(NAME, [many(900)])
    condition = Compare(type="gte", key="number", value=840)
    found = await find(engine, library, "number1", mode="vector", filter=condition, top_k=50)
    assert len(found) == 50


async def test_broken_hnsw_is_built_anew(
    open_postgres: OpenEngine,
    library: Library,
    admin: psycopg.AsyncConnection,
    postgres_schema: str,
) -> None:
    """An index that was left behind half built is not used, and built anew by the next upsert."""
    engine = open_postgres(hnsw_above=5)
    await engine.create(library.spec)
    await engine.upsert(NAME, [many(10)])
    await admin.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass",
        (f"{postgres_schema}.hnsw_1",),
    )
    assert len(await find(engine, library, "number3", mode="vector", top_k=50)) == 10
    await engine.upsert(NAME, [library.document("more", "one more")])
    cursor = await admin.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass",
        (f"{postgres_schema}.hnsw_1",),
    )
    assert await cursor.fetchall() == [(True,)]


async def test_only_one_process_builds(
    open_postgres: OpenEngine,
    library: Library,
    admin: psycopg.AsyncConnection,
    postgres_schema: str,
) -> None:
    """While somebody else builds the index, an upsert leaves it at that."""
    engine = open_postgres(hnsw_above=5)
    await engine.create(library.spec)
    await admin.execute(
        "SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"tailorbird {postgres_schema} 1",)
    )
    await engine.upsert(NAME, [many(10)])
    cursor = await admin.execute("SELECT to_regclass(%s)", (f"{postgres_schema}.hnsw_1",))
    assert await cursor.fetchall() == [(None,)]


async def test_a_profile_names_the_engine(
    tmp_path: Path, postgres_dsn: str, postgres_schema: str
) -> None:
    """With the profile alone, the lines that work with the local engine work here."""
    config = tmp_path / "tailorbird.toml"
    config.write_text(
        "[profiles.fake]\nprovider = 'fake'\n[profiles.fake.retrieval]\nengine = 'postgres'\n"
        f"dsn_env = 'PG_DSN'\nschema = '{postgres_schema}'\n"
    )
    document = Document(id=DocumentId("a"), text="交通費は毎月25日までに精算します。")
    environ = {"PG_DSN": postgres_dsn}
    async with tailorbird.open("fake", config=config, workspace=None, environ=environ) as bench:
        await bench.build_index([document], name="handbook")
        [hit] = await bench.search("交通費の精算", index="handbook")
    assert hit.chunk.text == document.text
