"""The local engine keeps, changes and finds documents, in memory and in a folder."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typing_extensions import override

from tailorbird.exceptions import (
    IndexMismatchError,
    IndexMissingError,
    InvalidInputError,
    StorageError,
)
from tailorbird.protocols import SystemClock
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.types import (
    Among,
    ChunkedDocument,
    Compare,
    Document,
    DocumentId,
    Hit,
    IndexName,
    IndexSpec,
    Junction,
    Negation,
    ScoreKind,
    SearchMode,
    SearchQuery,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.retrieval.conftest import Library

NAME = IndexName("library")
MODES: tuple[SearchMode, ...] = ("vector", "lexical", "hybrid")


@pytest.fixture(params=["memory", "folder"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LocalRetrieval]:
    """An engine in memory and one in a folder."""
    async with LocalRetrieval(tmp_path / "in" if request.param == "folder" else None) as opened:
        yield opened


@pytest.fixture
async def shop(engine: LocalRetrieval, library: Library) -> LocalRetrieval:
    """An engine with an index of three documents."""
    await engine.create(library.spec)
    await engine.upsert(
        NAME,
        [
            library.document(
                "hours", "The shop opens at nine.", "It closes at six.", title="Hours"
            ),
            library.document("rent", "Cargo bikes are rented for 30 euros a day.", title="Rental"),
            library.document("保証", "フレームの保証期間は十年です。", title="保証"),
        ],
    )
    return engine


def names(hits: tuple[Hit, ...]) -> list[str]:
    """Give the ids of the chunks that were found."""
    return [hit.chunk.id for hit in hits]


async def find(
    engine: LocalRetrieval, library: Library, text: str, **options: object
) -> tuple[Hit, ...]:
    """Search with the text's vector."""
    query = SearchQuery.model_validate({"text": text, **options})
    return await engine.search(NAME, query, vector=library.vector(text))


class OldClock(SystemClock):
    """A clock that stands still."""

    @override
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 9, tzinfo=UTC)


async def test_index_is_made_once(library: Library) -> None:
    """Making an index again with the same specification gives it as it is."""
    async with LocalRetrieval(None, clock=OldClock()) as engine:
        made = await engine.create(library.spec)
        await engine.upsert(NAME, [library.document("a", "one")])
        again = await engine.create(library.spec)
    assert (made.documents, made.chunks) == (0, 0)
    assert (again.documents, again.chunks) == (1, 1)
    assert made.created_at == again.created_at == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert made.spec == library.spec


async def test_other_specification_is_refused(engine: LocalRetrieval, library: Library) -> None:
    """An index of the name with another specification is an error that shows the difference."""
    await engine.create(library.spec)
    other = library.spec.model_copy(update={"dimensions": 8, "chunking": "small"})
    with pytest.raises(
        IndexMismatchError, match=r"dimensions is 256, wanted 8; chunking is '', wanted 'small'"
    ):
        await engine.create(other)


@pytest.mark.parametrize("missing", ["embedding_model", "dimensions"])
async def test_model_and_width_belong_together(
    engine: LocalRetrieval, library: Library, missing: str
) -> None:
    """A specification with only one of model and width is refused."""
    with pytest.raises(InvalidInputError, match="belong together"):
        await engine.create(library.spec.model_copy(update={missing: None}))


async def test_absent_index_is_named(shop: LocalRetrieval) -> None:
    """Asking for an index that is not there names a near one, or says to build it."""
    with pytest.raises(IndexMissingError, match=r"no index 'librari': did you mean 'library'\?"):
        await shop.get(IndexName("librari"))
    with pytest.raises(IndexMissingError, match=r"no index 'x': build it first"):
        await shop.delete(IndexName("x"))


async def test_nothing_is_written_before_the_first_index(tmp_path: Path, library: Library) -> None:
    """Reading from a folder that does not exist finds nothing and makes nothing."""
    folder = tmp_path / "indexes"
    async with LocalRetrieval(folder) as engine:
        assert [info async for info in engine.list()] == []
        with pytest.raises(IndexMissingError):
            await engine.search(NAME, SearchQuery(text="a"))
        assert not folder.exists()
        await engine.create(library.spec)
    made = {path.name for path in folder.iterdir()}
    assert made == {".gitignore", "indexes.commits", "indexes.sqlite"}


async def test_indexes_are_listed_by_name(engine: LocalRetrieval) -> None:
    """All indexes are given, sorted by name."""
    for name in ("b", "a", "C"):
        await engine.create(IndexSpec(name=IndexName(name)))
    assert [info.spec.name async for info in engine.list()] == ["C", "a", "b"]


async def test_deleted_index_is_gone(shop: LocalRetrieval, library: Library) -> None:
    """A deleted index is not found any more, and a new one of its name begins empty."""
    before = await find(shop, library, "bikes")
    await shop.delete(NAME)
    with pytest.raises(IndexMissingError):
        await find(shop, library, "bikes")
    await shop.create(library.spec)
    with pytest.raises(IndexMissingError, match="is empty"):
        await find(shop, library, "bikes")
    await shop.upsert(NAME, [library.document("rent", "Nothing else.")])
    assert before
    assert names(await find(shop, library, "bikes")) == ["rent#0"]


async def test_deleting_gives_room_back(tmp_path: Path, library: Library) -> None:
    """The file shrinks when an index is deleted."""
    file = tmp_path / "indexes.sqlite"
    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(library.spec)
        await engine.upsert(
            NAME, [library.document(str(number), "word " * 500) for number in range(300)]
        )
    full = file.stat().st_size
    async with LocalRetrieval(tmp_path) as engine:
        await engine.delete(NAME)
    assert file.stat().st_size < full / 4


async def test_hits_carry_the_whole_chunk(shop: LocalRetrieval, library: Library) -> None:
    """A hit has the chunk exactly as it was given, with its place and metadata."""
    given = library.document(
        "long", "One. ", "Two.", title="Title", metadata={"year": 2026, "draft": False, "who": "私"}
    )
    await shop.upsert(NAME, [given])
    hits = await find(shop, library, "Two.", top_k=50)
    assert {hit.chunk.id: hit.chunk for hit in hits}["long#1"] == given.chunks[1]


async def test_chunks_may_differ_from_their_document(
    engine: LocalRetrieval, library: Library
) -> None:
    """A chunk's own title, source and metadata are kept, and searched and filtered by."""
    given = library.document("a", "text", title="Title", metadata={"part": 0})
    chunk = given.chunks[0].model_copy(
        update={"title": "Aardvark", "source": "b.md", "metadata": {"part": 1}}
    )
    await engine.create(library.spec)
    await engine.upsert(NAME, [dataclasses.replace(given, chunks=(chunk,))])
    hits = await find(
        engine, library, "aardvark", mode="lexical", filter=Compare(type="eq", key="part", value=1)
    )
    assert [hit.chunk for hit in hits] == [chunk]


async def test_document_is_replaced_whole(shop: LocalRetrieval, library: Library) -> None:
    """A document that is added again has its new chunks only, in every mode."""
    await find(shop, library, "opens")
    await shop.upsert(NAME, [library.document("hours", "Open all day, every day.")])
    assert (await shop.get(NAME)).chunks == 3
    for mode in MODES:
        hits = await find(shop, library, "opens at nine, open all day", mode=mode, top_k=50)
        assert "hours#1" not in names(hits)
        assert all("nine" not in hit.chunk.text for hit in hits)
        assert "hours#0" in names(hits)


async def test_removed_documents_are_gone(shop: LocalRetrieval, library: Library) -> None:
    """Removing says how many documents were there, and none of their chunks is found."""
    await find(shop, library, "opens")
    removed = await shop.remove(NAME, [DocumentId("hours"), DocumentId("absent")])
    assert removed == 1
    info = await shop.get(NAME)
    assert (info.documents, info.chunks) == (2, 2)
    for mode in MODES:
        assert "hours#0" not in names(await find(shop, library, "opens", mode=mode, top_k=50))


async def test_contents_are_sorted(shop: LocalRetrieval) -> None:
    """What is remembered of the documents comes sorted by id."""
    held = [document async for document in shop.contents(NAME)]
    assert [(one.id, one.chunks) for one in held] == [("hours", 2), ("rent", 1), ("保証", 1)]
    assert held[1].content_hash.startswith("Rental|Cargo bikes")


async def test_version_follows_the_content(shop: LocalRetrieval, library: Library) -> None:
    """The version changes with the content, and comes back with it, in whatever order."""
    first = (await shop.get(NAME)).version
    await shop.upsert(NAME, [library.document("new", "Fresh.")])
    second = (await shop.get(NAME)).version
    await shop.upsert(NAME, [library.document("rent", "Changed.")])
    third = (await shop.get(NAME)).version
    assert len({first, second, third}) == 3
    await shop.remove(NAME, [DocumentId("new"), DocumentId("rent")])
    await shop.upsert(
        NAME,
        [library.document("rent", "Cargo bikes are rented for 30 euros a day.", title="Rental")],
    )
    assert (await shop.get(NAME)).version == first


async def test_document_without_chunks(shop: LocalRetrieval, library: Library) -> None:
    """A document may have no chunks; it counts and is remembered, and is found by nothing."""
    empty = library.document("empty", "text")
    await shop.upsert(NAME, [dataclasses.replace(empty, chunks=(), vectors=None)])
    assert (await shop.get(NAME)).documents == 4
    for text in ("text", "rent"):
        assert "empty#0" not in names(await find(shop, library, text, top_k=50))


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("vector", ScoreKind.COSINE), ("lexical", ScoreKind.BM25), ("hybrid", ScoreKind.FUSED)],
)
async def test_modes_have_their_scores(
    shop: LocalRetrieval, library: Library, mode: SearchMode, kind: ScoreKind
) -> None:
    """Each mode finds the right chunk first, with scores of its kind in falling order."""
    hits = await find(shop, library, "how much are cargo bikes a day", mode=mode)
    assert hits[0].chunk.id == "rent#0"
    assert {hit.score_kind for hit in hits} == {kind}
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


async def test_hybrid_tells_its_legs(shop: LocalRetrieval, library: Library) -> None:
    """A fused hit carries the scores of both legs, as the single modes give them."""
    legs: dict[str, dict[str, float]] = {
        mode: {
            hit.chunk.id: hit.score for hit in await find(shop, library, "保証は何年", mode=mode)
        }
        for mode in ("vector", "lexical")
    }
    hits = await find(shop, library, "保証は何年")
    assert hits[0].chunk.id == "保証#0"
    assert 0 <= hits[0].score <= 1
    for hit in hits:
        assert hit.legs["cosine"] == pytest.approx(legs["vector"][hit.chunk.id])
        assert hit.legs["bm25"] == pytest.approx(legs["lexical"].get(hit.chunk.id, 0.0))
    single = await find(shop, library, "保証は何年", mode="vector")
    assert single[0].legs == {}


async def test_words_of_the_title_count(shop: LocalRetrieval, library: Library) -> None:
    """A word that stands in the title only finds the document's chunks."""
    assert names(await find(shop, library, "rental", mode="lexical")) == ["rent#0"]


async def test_words_that_stand_nowhere_find_nothing(
    shop: LocalRetrieval, library: Library
) -> None:
    """A query without any known word, or without any word, finds nothing by words."""
    for text in ("xyzzy", "the", "。", "犬猫"):
        assert await find(shop, library, text, mode="lexical") == ()


async def test_number_of_hits(shop: LocalRetrieval, library: Library) -> None:
    """No more hits come than were asked for, and they are the best ones."""
    every = await find(shop, library, "the shop opens", top_k=50)
    assert len(every) == 4
    assert await find(shop, library, "the shop opens", top_k=2) == every[:2]


@pytest.mark.parametrize("mode", MODES)
async def test_equal_scores_are_ordered_by_id(
    engine: LocalRetrieval, library: Library, mode: SearchMode
) -> None:
    """Equal chunks have equal scores wherever they stand, and come in the order of their ids."""
    await engine.create(library.spec)
    other = [library.document(f"x{number}", f"something else {number}") for number in range(40)]
    same = [library.document(name, "the very same words") for name in "qcxamzbk"]
    await engine.upsert(NAME, [*same[:3], *other, *same[3:]])
    hits = await find(engine, library, "the very same words", mode=mode, top_k=8)
    assert names(hits) == [f"{name}#0" for name in "abckmqxz"]
    assert len({hit.score for hit in hits}) == 1
    few = await find(engine, library, "the very same words", mode=mode, top_k=3)
    assert names(few) == ["a#0", "b#0", "c#0"]


async def test_low_scores_are_left_out(shop: LocalRetrieval, library: Library) -> None:
    """Hits below the least score do not come, the one that has it does."""
    for mode in MODES:
        every = await find(shop, library, "the shop opens", mode=mode, top_k=50)
        best = every[0].score
        kept = await find(shop, library, "the shop opens", mode=mode, min_score=best)
        assert [hit.score for hit in kept] == [best]


@pytest.mark.parametrize(
    ("mode", "score"),
    [("vector", -2.0), ("vector", 2.0), ("lexical", -0.1), ("hybrid", -0.1), ("hybrid", 1.1)],
)
async def test_least_score_has_a_range(
    shop: LocalRetrieval, library: Library, mode: SearchMode, score: float
) -> None:
    """A least score outside of the mode's range is refused with the range."""
    with pytest.raises(InvalidInputError, match=rf"min_score is {score}.*{mode}"):
        await find(shop, library, "a", mode=mode, min_score=score)


@pytest.fixture
async def years(engine: LocalRetrieval, library: Library) -> LocalRetrieval:
    """An index of documents of several years, one without a year."""
    await engine.create(library.spec)
    await engine.upsert(
        NAME,
        [
            *(
                library.document(
                    f"y{year}", "Same text.", metadata={"year": year, "open": year > 3}
                )
                for year in range(1, 7)
            ),
            library.document("none", "Same text.", metadata={"open": True}),
        ],
    )
    return engine


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (Compare(type="eq", key="year", value=2), ["y2#0"]),
        (Compare(type="gte", key="year", value=5), ["y5#0", "y6#0"]),
        (Compare(type="ne", key="year", value=2), ["y1#0", "y3#0", "y4#0", "y5#0", "y6#0"]),
        (Among(type="in", key="year", values=(1, 9)), ["y1#0"]),
        (Negation(filter=Compare(type="lt", key="year", value=6)), ["y6#0"]),
        (
            Junction(
                type="and",
                filters=(
                    Compare(type="eq", key="open", value=True),
                    Compare(type="lt", key="year", value=5),
                ),
            ),
            ["y4#0"],
        ),
        (
            Junction(
                type="or",
                filters=(
                    Compare(type="eq", key="year", value=1),
                    Compare(type="eq", key="open", value=True),
                ),
            ),
            ["none#0", "y1#0", "y4#0", "y5#0", "y6#0"],
        ),
        (Compare(type="eq", key="absent", value=1), []),
    ],
)
@pytest.mark.parametrize("mode", MODES)
async def test_filter_decides_who_is_looked_at(
    years: LocalRetrieval,
    library: Library,
    mode: SearchMode,
    condition: Compare | Among | Junction | Negation,
    found: list[str],
) -> None:
    """Only chunks for which the filter is true are found; a missing field makes it unknown."""
    hits = await find(years, library, "same text", mode=mode, filter=condition, top_k=50)
    assert names(hits) == found


async def test_filter_comes_before_the_ranking(years: LocalRetrieval, library: Library) -> None:
    """A filter does not cost hits: the best of those that pass are given."""
    condition = Compare(type="eq", key="year", value=6)
    hits = await find(years, library, "same text", filter=condition, top_k=1)
    assert names(hits) == ["y6#0"]


async def test_a_filter_is_evaluated_once(library: Library) -> None:
    """Where each chunk has metadata of its own, only the first search with a filter asks all."""
    async with LocalRetrieval(None) as engine:
        await engine.create(
            library.spec.model_copy(update={"embedding_model": None, "dimensions": None})
        )
        texts = [f"row {number}" for number in range(5_000)]
        made = library.document("table", *texts, embedded=False)
        rows = tuple(
            chunk.model_copy(update={"metadata": {"row": number, "even": number % 2 == 0}})
            for number, chunk in enumerate(made.chunks)
        )
        await engine.upsert(NAME, [dataclasses.replace(made, chunks=rows)])
        even = Compare(type="eq", key="even", value=True)
        slow = Among(type="not_in", key="row", values=tuple(range(-200, 0)))
        condition = Junction(type="and", filters=(even, slow))
        took: list[float] = []
        for number in (2, 4, 6, 8):
            started = time.process_time()
            [hit] = await engine.search(NAME, SearchQuery(text=str(number), filter=condition))
            took.append(time.process_time() - started)
            assert hit.chunk.text == f"row {number}"
        assert min(took[1:]) * 5 < took[0]
        assert await engine.search(NAME, SearchQuery(text="3", filter=condition)) == ()
        for value, found in ((True, 1), (1, 0), (1.0, 0)):
            same = Compare(type="eq", key="even", value=value)
            query = SearchQuery(text="2", filter=same)
            assert len(await engine.search(NAME, query)) == found


async def test_filter_that_cannot_be_evaluated(years: LocalRetrieval, library: Library) -> None:
    """An order comparison with a text is refused."""
    with pytest.raises(InvalidInputError, match="'gt' on 'year' needs a number"):
        await find(years, library, "a", filter=Compare(type="gt", key="year", value="2"))


async def test_tenants_are_kept_apart(engine: LocalRetrieval, library: Library) -> None:
    """An index with tenants refuses queries and documents that do not name one."""
    await engine.create(library.spec.model_copy(update={"tenant_field": "customer"}))
    await engine.upsert(
        NAME,
        [
            library.document(name, "Secret plans.", metadata={"customer": name})
            for name in ("acme", "umbrella")
        ],
    )
    mine = Compare(type="eq", key="customer", value="acme")
    assert names(await find(engine, library, "secret", filter=mine)) == ["acme#0"]
    for condition in (None, Compare(type="ne", key="customer", value="umbrella")):
        with pytest.raises(InvalidInputError, match="keeps tenants apart by 'customer'"):
            await find(engine, library, "secret", filter=condition)
    with pytest.raises(InvalidInputError, match="metadata of chunk 'x#0' has no such field"):
        await engine.upsert(NAME, [library.document("x", "Whose?")])


async def test_query_needs_its_vector(shop: LocalRetrieval) -> None:
    """Without a vector only words can be searched, and nothing takes its place silently."""
    for mode in (None, "vector", "hybrid"):
        with pytest.raises(InvalidInputError, match=r"needs the query's vector, made by 'hash'"):
            await shop.search(NAME, SearchQuery(text="a", mode=mode))
    hits = await shop.search(NAME, SearchQuery(text="cargo", mode="lexical"))
    assert names(hits) == ["rent#0"]


async def test_query_vector_is_checked(shop: LocalRetrieval, library: Library) -> None:
    """A query's vector of another width, not finite or not of unit length is refused."""
    query = SearchQuery(text="a")
    good = library.vector("a")
    with pytest.raises(IndexMismatchError, match="255 dimensions, the index has 256"):
        await shop.search(NAME, query, vector=good[1:])
    with pytest.raises(InvalidInputError, match="not finite"):
        await shop.search(NAME, query, vector=np.where(good == good[0], np.nan, good))
    with pytest.raises(InvalidInputError, match=r"query of index 'library': .*has the length 2"):
        await shop.search(NAME, query, vector=2 * good)


async def test_document_vectors_are_checked(shop: LocalRetrieval, library: Library) -> None:
    """Documents are refused, all of the call, when one has vectors that do not fit."""
    good, bad = library.document("good", "fine"), library.document("bad", "one", "two")
    vectors = bad.vectors
    assert vectors is not None
    nothing = np.zeros_like(vectors)
    for wrong, error, message in (
        (None, InvalidInputError, "'bad' comes without vectors, and index 'library' needs"),
        (vectors[:1], InvalidInputError, r"2 vector\(s\) are needed, got .* \(1, 256\)"),
        (vectors[:, :9], IndexMismatchError, "9 dimensions, the index has 256"),
        (vectors + math.inf, InvalidInputError, "not finite"),
        (nothing, InvalidInputError, "vector 0 has the length 0"),
    ):
        given = dataclasses.replace(bad, vectors=wrong)
        with pytest.raises(error, match=message):
            await shop.upsert(NAME, [good, given])
    assert (await shop.get(NAME)).documents == 3


async def test_rounding_of_vectors_is_mended(shop: LocalRetrieval, library: Library) -> None:
    """Vectors that lost precision on the way are taken, and count as unit vectors."""
    given = library.document("rounded", "half precision")
    assert given.vectors is not None
    rounded = (given.vectors.astype(np.float16) * np.float16(1.003)).astype(np.float32)
    await shop.upsert(NAME, [dataclasses.replace(given, vectors=rounded)])
    [best] = await find(shop, library, "half precision", mode="vector", top_k=1)
    assert best.score == pytest.approx(1.0, abs=1e-4)
    assert best.score <= 1.0


async def test_chunks_must_fit_their_document(shop: LocalRetrieval, library: Library) -> None:
    """Chunks of another document, and ids that come twice or are taken, are refused."""
    good = library.document("a", "one", "two")
    stranger = good.chunks[0].model_copy(update={"document": DocumentId("b")})
    with pytest.raises(InvalidInputError, match="chunk 'a#0' belongs to document 'b'"):
        await shop.upsert(NAME, [dataclasses.replace(good, chunks=(stranger, good.chunks[1]))])
    with pytest.raises(InvalidInputError, match="the chunk id 'a#0' comes twice"):
        await shop.upsert(NAME, [good, good])
    taken = good.chunks[0].model_copy(update={"id": "rent#0"})
    with pytest.raises(InvalidInputError, match=r"'rent#0' is used by document 'rent'"):
        await shop.upsert(NAME, [dataclasses.replace(good, chunks=(taken, good.chunks[1]))])
    assert (await shop.get(NAME)).documents == 3


async def test_text_that_cannot_be_stored(shop: LocalRetrieval, library: Library) -> None:
    """Half of a surrogate pair is refused, and the whole call has no effect."""
    with pytest.raises(InvalidInputError, match="half of a surrogate pair"):
        await shop.upsert(NAME, [library.document("ok", "fine"), library.document("no", "\ud83e")])
    assert (await shop.get(NAME)).documents == 3


async def test_index_of_words_only(engine: LocalRetrieval, library: Library) -> None:
    """An index without an embedding model takes no vectors and is searched by words."""
    await engine.create(IndexSpec(name=NAME))
    await engine.upsert(NAME, [library.document("a", "plain words", embedded=False)])
    hits = await engine.search(NAME, SearchQuery(text="words"))
    assert (names(hits), hits[0].score_kind) == (["a#0"], ScoreKind.BM25)
    with pytest.raises(InvalidInputError, match="made without an embedding model: leave them out"):
        await engine.upsert(NAME, [library.document("b", "more")])
    with pytest.raises(IndexMismatchError, match="cannot be searched in the mode 'hybrid'"):
        await engine.search(NAME, SearchQuery(text="words", mode="hybrid"))


async def test_too_many_chunks_are_refused(engine: LocalRetrieval, library: Library) -> None:
    """More chunks than the numbering holds are refused before anything is written."""
    await engine.create(library.spec)
    given = library.document("a", "x", embedded=False)
    many = dataclasses.replace(given, chunks=given.chunks * ((1 << 21) + 1))
    with pytest.raises(InvalidInputError, match="above the 2,097,152 that a local index can hold"):
        await engine.upsert(NAME, [many])


async def test_restart_gives_the_same_results(tmp_path: Path, library: Library) -> None:
    """Another process on the folder finds exactly the same, in every mode."""
    queries = [("bikes a day", mode) for mode in MODES]
    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(library.spec)
        await engine.upsert(
            NAME,
            [library.document(f"d{n}", f"Bike number {n} costs {n} a day.") for n in range(60)],
        )
        await engine.remove(NAME, [DocumentId("d7")])
        await engine.upsert(NAME, [library.document("d3", "No bikes today.")])
        info = await engine.get(NAME)
        before = [await find(engine, library, text, mode=mode) for text, mode in queries]
    async with LocalRetrieval(tmp_path) as engine:
        assert await engine.get(NAME) == info
        after = [await find(engine, library, text, mode=mode) for text, mode in queries]
    assert after == before


async def test_changes_of_others_are_seen(tmp_path: Path, library: Library) -> None:
    """What another process adds, replaces, removes and deletes is seen by the next search."""
    async with LocalRetrieval(tmp_path) as reader, LocalRetrieval(tmp_path) as writer:
        await writer.create(library.spec)
        await writer.upsert(NAME, [library.document(name, f"text {name}") for name in "abc"])
        assert len(await find(reader, library, "text")) == 3
        await writer.upsert(NAME, [library.document("d", "text d"), library.document("a", "new")])
        await writer.remove(NAME, [DocumentId("b")])
        every = await find(reader, library, "text", top_k=50)
        assert {hit.chunk.text for hit in every} == {"text c", "text d", "new"}
        await writer.delete(NAME)
        with pytest.raises(IndexMissingError):
            await find(reader, library, "text")


async def test_incremental_and_full_reading_agree(tmp_path: Path, library: Library) -> None:
    """After many changes an engine that followed them ranks like one that reads everything."""
    async with LocalRetrieval(tmp_path) as follower:
        await follower.create(library.spec)
        for step in range(12):
            await follower.upsert(
                NAME,
                [
                    library.document(f"d{(step * 5 + n) % 17}", f"Text {n} of step {step}: 縫う{n}")
                    for n in range(5)
                ],
            )
            if step % 3 == 2:
                await follower.remove(NAME, [DocumentId(f"d{step}"), DocumentId("d0")])
            followed = [await find(follower, library, "text 縫う3", mode=mode) for mode in MODES]
            async with LocalRetrieval(tmp_path) as fresh:
                assert followed == [
                    await find(fresh, library, "text 縫う3", mode=mode) for mode in MODES
                ]


async def test_searches_see_whole_documents(tmp_path: Path, library: Library) -> None:
    """While a document is replaced again and again, a search sees one version of it."""
    async with LocalRetrieval(tmp_path) as writer, LocalRetrieval(tmp_path) as reader:
        await writer.create(library.spec)

        async def write() -> None:
            for version in range(30):
                texts = [f"version {version} part {part}" for part in range(1 + version % 3)]
                await writer.upsert(NAME, [library.document("d", *texts)])

        async def read() -> None:
            for _ in range(60):
                try:
                    hits = await find(reader, library, "version part", top_k=50)
                except IndexMissingError:
                    continue
                versions = {hit.chunk.text.split()[1] for hit in hits}
                assert len(versions) == 1
                assert len(hits) == 1 + int(versions.pop()) % 3

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            group.create_task(read())


async def test_many_searches_at_once(shop: LocalRetrieval, library: Library) -> None:
    """Searches that run at the same time find what they find alone."""
    texts = ["bikes a day", "opens at nine", "保証期間", "closes"] * 8
    alone = [await find(shop, library, text) for text in texts]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(find(shop, library, text)) for text in texts]
    assert [task.result() for task in tasks] == alone


async def test_cancelled_call_leaves_nothing_half_done(
    shop: LocalRetrieval, library: Library
) -> None:
    """A call that is cancelled has happened or not, and the engine goes on working."""
    for number in range(20):
        task = asyncio.ensure_future(  # noqa: TID251 - this test is about being cancelled
            shop.upsert(NAME, [library.document("c", *[f"run {number}"] * 3)])
        )
        for _ in range(number % 3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        held = {one.id: one.chunks async for one in shop.contents(NAME)}
        assert held.get(DocumentId("c")) in {None, 3}
    assert await find(shop, library, "cargo bikes")


async def test_closed_engine_opens_again(tmp_path: Path, library: Library) -> None:
    """Closing twice does no harm, and an engine of a folder can be used again after it."""
    engine = LocalRetrieval(tmp_path)
    await engine.close()
    await engine.create(library.spec)
    await engine.upsert(NAME, [library.document("a", "text")])
    await engine.close()
    await engine.close()
    assert names(await find(engine, library, "text")) == ["a#0"]
    await engine.close()


async def test_foreign_file_is_told(tmp_path: Path) -> None:
    """A damaged file is an error that names it."""
    (tmp_path / "indexes.sqlite").write_bytes(b"damaged" * 1000)
    async with LocalRetrieval(tmp_path) as engine:
        with pytest.raises(StorageError, match=r"indexes\.sqlite"):
            await engine.get(NAME)


async def test_traits() -> None:
    """The engine says that it needs vectors, and that hybrid search is its best."""
    traits = LocalRetrieval(None).traits
    assert traits.modes == ("hybrid", "vector", "lexical")
    assert (traits.needs_vectors, traits.keeps_spans, traits.filters) == (True, True, True)
    assert traits.name == "local"


def of_vectors(library: Library, vectors: NDArray[np.float32]) -> ChunkedDocument:
    """Make a document that has a chunk "x" for each vector."""
    document = Document(id=DocumentId("d"), text="x" * len(vectors))
    return ChunkedDocument(
        document=document,
        chunks=library.cut(document, document.text),
        content_hash="h",
        vectors=vectors,
    )


def random_vectors(count: int, dimensions: int) -> NDArray[np.float32]:
    """Draw vectors of unit length."""
    vectors = np.random.default_rng(3).standard_normal((count, dimensions), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


async def test_no_group_hides_a_near_one(library: Library) -> None:
    """Of thousands of chunks those with the largest cosines come, in their order, however many."""
    vectors = random_vectors(3000, 8)
    # Neighbors, so that the best of all stand in few groups.
    vectors = vectors[np.argsort(vectors[:, 0])]
    vectors[500:520] = vectors[0]
    async with LocalRetrieval(None) as engine:
        await engine.create(library.spec.model_copy(update={"dimensions": 8}))
        await engine.upsert(NAME, [of_vectors(library, vectors)])
        for place, top_k in ((0, 1), (0, 10), (2999, 10), (510, 11), (1500, 50)):
            cosines = vectors.astype(np.float64) @ vectors[place].astype(np.float64)
            query = SearchQuery(text="x", mode="vector", top_k=top_k)
            hits = await engine.search(NAME, query, vector=vectors[place])
            assert [hit.score for hit in hits] == pytest.approx(np.sort(cosines)[: -top_k - 1 : -1])
            assert [cosines[int(hit.chunk.id[2:])] for hit in hits] == pytest.approx(
                [hit.score for hit in hits]
            )


@pytest.mark.slow
async def test_threads_check_what_they_read(tmp_path: Path, library: Library) -> None:
    """Above the size from which two threads compare, a changed vector is told wherever it is."""
    vectors = random_vectors(4200, 4096)
    query = SearchQuery(text="x", mode="vector", top_k=1)
    async with LocalRetrieval(tmp_path) as engine:
        await engine.create(library.spec.model_copy(update={"dimensions": vectors.shape[1]}))
        await engine.upsert(NAME, [of_vectors(library, vectors)])
        assert await engine.search(NAME, query, vector=vectors[7])
    [file] = (tmp_path / "segments").iterdir()
    for row in (0, 1023, 1024, 4199):
        with file.open("r+b") as content:
            content.seek(64 + row * 4 * 4096)
            byte = content.read(1)
            content.seek(-1, 1)
            content.write(bytes([byte[0] ^ 1]))
        async with LocalRetrieval(tmp_path) as engine:
            with pytest.raises(StorageError, match="have changed"):
                await engine.search(NAME, query, vector=vectors[7])
        with file.open("r+b") as content:
            content.seek(64 + row * 4 * 4096)
            content.write(byte)
    async with LocalRetrieval(tmp_path) as engine:
        [best] = await engine.search(NAME, query, vector=vectors[7])
        assert best.chunk.id == "d#7"


@pytest.mark.slow
async def test_large_matrix_is_searched_alike(library: Library) -> None:
    """Above the size from which several processors work, the same chunks are found."""
    vectors = random_vectors(4200, 4096)
    async with LocalRetrieval(None) as engine:
        await engine.create(library.spec.model_copy(update={"dimensions": vectors.shape[1]}))
        await engine.upsert(NAME, [of_vectors(library, vectors)])
        for place in (0, 17, 4199):
            query = SearchQuery(text="x", mode="vector", top_k=1)
            [best] = await engine.search(NAME, query, vector=vectors[place])
            assert (best.chunk.id, best.score) == (f"d#{place}", pytest.approx(1.0))


WRITER = """
import asyncio, sys
from pathlib import Path
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.text import hash_embedding
from tailorbird.types import *

async def main():
    engine = LocalRetrieval(Path(sys.argv[1]))
    await engine.create(IndexSpec(name="library", embedding_model="hash", dimensions=256))
    for number in range(100_000):
        document = Document(id=f"d{number % 50}", text="x" * 50)
        chunks = tuple(
            Chunk(id=f"{document.id}#{n}", document=document.id, text=f"run {number}",
                  span=Span(start=n, end=n + 1))
            for n in range(5)
        )
        vectors = hash_embedding([chunk.text for chunk in chunks], dimensions=256)
        await engine.upsert("library", [ChunkedDocument(
            document=document, chunks=chunks, content_hash=str(number), vectors=vectors)])
        print(number, flush=True)

asyncio.run(main())
"""


def kill_writer(folder: Path, *, after: int) -> None:
    """Let another process add documents, and kill it when so many are in."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in range(after):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)


@pytest.mark.slow
async def test_kill_keeps_whole_documents(tmp_path: Path, library: Library) -> None:
    """However often a writer is killed, the index opens and holds whole documents only."""
    for count in (1, 20, 70):
        await asyncio.to_thread(kill_writer, tmp_path, after=count)
        async with LocalRetrieval(tmp_path) as engine:
            held = [one async for one in engine.contents(NAME)]
            assert len(held) >= min(count, 50)
            assert {one.chunks for one in held} == {5}
            hits = await find(engine, library, "run", mode="vector", top_k=50)
            assert len(hits) == min(50, 5 * len(held))


@pytest.mark.parametrize("mode", MODES)
async def test_the_same_search_again(
    shop: LocalRetrieval, library: Library, mode: SearchMode
) -> None:
    """It finds the same, until the index changes; another limit or vector is another search."""
    query = SearchQuery(text="When does the shop open?", mode=mode, top_k=2)
    vector = library.vector(query.text)
    first = await shop.search(NAME, query, vector=vector)
    assert await shop.search(NAME, query, vector=vector) == first
    fewer = query.model_copy(update={"top_k": 1})
    assert await shop.search(NAME, fewer, vector=vector) == first[:1]
    if mode != "lexical":
        others = await shop.search(NAME, query, vector=library.vector("フレームの保証"))
        assert others != first
    await shop.upsert(NAME, [library.document("new", "When does the shop open? At ten.")])
    assert names(await shop.search(NAME, query, vector=vector))[0].startswith("new")


async def test_a_search_for_true_is_none_for_one(engine: LocalRetrieval, library: Library) -> None:
    """Python's `True == 1`: searches that differ in that only must not share their hits."""
    await engine.create(library.spec)
    await engine.upsert(
        NAME,
        [
            library.document("flag", "The shop opens at nine.", metadata={"new": True}),
            library.document("number", "The shop opens at nine.", metadata={"new": 1}),
        ],
    )
    for value, found in ((True, "flag"), (1, "number"), (1.0, "number"), (True, "flag")):
        where = Compare(type="eq", key="new", value=value)
        query = SearchQuery(text="shop", mode="lexical", filter=where)
        [hit] = await engine.search(NAME, query)
        assert hit.chunk.document == found
