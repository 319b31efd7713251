"""Clauses `R1` to `R22`: keeping indexes, and what they hold."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tailorbird.exceptions import IndexMismatchError, IndexMissingError, InvalidInputError
from tailorbird.testing.conformance.clauses import clause
from tailorbird.testing.conformance.shelf import Shelf
from tailorbird.types import DocumentId, IndexName, SearchQuery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from numpy.typing import NDArray

    from tailorbird.protocols import Retrieval
    from tailorbird.testing.conformance.shelf import Embedder
    from tailorbird.types import ChunkedDocument, IndexedDocument, IndexInfo

NOBODYS = ("conformance-missing", "規程", "../up", "a\x00b", "\ud83d")
MANY = 120
TEXT = "経費の精算は毎月25日までに申請します。\n\n領収書は必ず添えてください。"
OTHER = "The bicycle can be returned at any station.\n\nLate returns cost two euros."


class RetrievalConformance:
    """How `Retrieval` keeps indexes; needs the fixtures `engine` and `embed` (an `Embedder`)."""

    @clause("R1")
    async def test_create_gives_an_empty_index(self, engine: Retrieval, embed: Embedder) -> None:
        """A created index holds nothing, and `get` gives it with its specification."""
        async with Shelf(engine, embed) as shelf:
            spec = await shelf.spec(chunking="paragraphs")
            made = await shelf.create(spec)
            assert made.spec == spec
            assert made.documents == 0
            assert made.chunks in {None, 0}
            assert await engine.get(spec.name) == made
            assert made.created_at is None or made.created_at.utcoffset() == timedelta(0)

    @clause("R2")
    async def test_create_again_keeps_the_content(self, engine: Retrieval, embed: Embedder) -> None:
        """Creating an index again with the same specification gives it with what it holds."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({"a": TEXT})
            before = await engine.get(name)
            assert await engine.create(before.spec) == before
            assert before.documents == 1

    @clause("R3")
    async def test_create_with_another_specification(
        self, engine: Retrieval, embed: Embedder
    ) -> None:
        """Another specification under the same name is refused, and the error shows both."""
        async with Shelf(engine, embed) as shelf:
            spec = await shelf.spec(chunking="paragraphs")
            made = await shelf.create(spec)
            with pytest.raises(IndexMismatchError) as caught:
                await engine.create(await shelf.spec(spec.name, chunking="sentences"))
            assert "paragraphs" in str(caught.value)
            assert "sentences" in str(caught.value)
            assert await engine.get(spec.name) == made

    @clause("R4")
    @pytest.mark.parametrize("name", NOBODYS, ids=ascii)
    async def test_missing_index(self, engine: Retrieval, embed: Embedder, name: str) -> None:
        """A name that nobody has raises `IndexMissingError` from every method that takes one."""
        async with Shelf(engine, embed) as shelf:
            await assert_missing(shelf, IndexName(name))

    @clause("R5")
    async def test_delete_takes_the_index_away(self, engine: Retrieval, embed: Embedder) -> None:
        """A deleted index is gone with its content; one made anew under its name is empty."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({"a": TEXT})
            spec = (await engine.get(name)).spec
            await engine.delete(name)
            await assert_missing(shelf, name)
            assert name not in [info.spec.name for info in await listed(engine)]
            assert (await shelf.create(spec)).documents == 0
            assert await contents_of(engine, name) == []

    @clause("R6")
    async def test_list_is_sorted(self, engine: Retrieval, embed: Embedder) -> None:
        """`list` gives each index once, sorted by name, as `get` gives it."""
        async with Shelf(engine, embed) as shelf:
            made = [await shelf.index() for _ in range(3)]
            found = await listed(engine)
            names = [info.spec.name for info in found]
            assert names == sorted(set(names))
            assert set(made) <= set(names)
            for info in found:
                assert await engine.get(info.spec.name) == info

    @clause("R7")
    async def test_upsert_adds(self, engine: Retrieval, embed: Embedder) -> None:
        """Added documents are counted, found, and change the version where there is one."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index()
            before = await engine.get(name)
            await shelf.add(name, [await shelf.cut("a", TEXT), await shelf.cut("b", OTHER)])
            after = await engine.get(name)
            assert after.documents == 2  # noqa: PLR2004 - two were added
            assert after.chunks is None or after.chunks > 0
            assert after.version == "" or after.version != before.version
            assert (await shelf.search(name, "経費の精算"))[0].chunk.document == "a"

    @clause("R8")
    async def test_upsert_replaces_whole(self, engine: Retrieval, embed: Embedder) -> None:
        """A document that is added again replaces the earlier one with all its chunks."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({"a": f"{TEXT}\n\n{OTHER}", "b": TEXT})
            before = await engine.get(name)
            new = await shelf.cut("a", "駐車場の利用には届け出が要ります。")
            await shelf.add(name, [new])
            after = await engine.get(name)
            assert after.documents == before.documents
            assert after.version == "" or after.version != before.version
            hits = await shelf.search(name, SearchQuery(text="bicycle station", top_k=50))
            texts = {hit.chunk.text for hit in hits if hit.chunk.document == "a"}
            assert not any("bicycle" in text for text in texts)
            assert {one.id: one.content_hash for one in await contents_of(engine, name)}[
                DocumentId("a")
            ] == new.content_hash

    @clause("R9")
    async def test_upsert_of_nothing(self, engine: Retrieval, embed: Embedder) -> None:
        """Adding no documents and removing none changes nothing."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({"a": TEXT})
            before = await engine.get(name)
            await engine.upsert(name, [])
            assert await engine.remove(name, []) == 0
            assert await engine.get(name) == before

    @clause("R10")
    async def test_remove_counts(self, engine: Retrieval, embed: Embedder) -> None:
        """`remove` takes the named documents away and counts the ones that were there."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({"a": TEXT, "b": OTHER, "c": TEXT})
            gone = [DocumentId("a"), DocumentId("never"), DocumentId("c")]
            assert await engine.remove(name, gone) == 2  # noqa: PLR2004 - two of three were there
            assert [one.id for one in await contents_of(engine, name)] == ["b"]
            hits = await shelf.search(name, SearchQuery(text="経費の精算", top_k=50))
            assert {hit.chunk.document for hit in hits} <= {"b"}
            assert await engine.remove(name, gone) == 0

    @clause("R11")
    async def test_contents_are_sorted(self, engine: Retrieval, embed: Embedder) -> None:
        """`contents` gives each document once, sorted by id, with the hash it was added with."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index()
            ids = ["規程/経費.md", "b c", "a", "B", "a/b.txt"]
            added = [await shelf.cut(one, f"{one}: {TEXT}") for one in ids]
            await shelf.add(name, added)
            found = await contents_of(engine, name)
            assert [(one.id, one.content_hash) for one in found] == sorted(
                (one.document.id, one.content_hash) for one in added
            )

    @clause("R12")
    async def test_contents_go_over_pages(self, engine: Retrieval, embed: Embedder) -> None:
        """`contents` gives each of many documents once, however many fit on a page."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({f"{number:04}": f"{number}番" for number in range(MANY)})
            found = [one.id for one in await contents_of(engine, name)]
            assert found == [f"{number:04}" for number in range(MANY)]
            assert (await engine.get(name)).documents == MANY

    @clause("R13")
    async def test_indexes_do_not_mix(self, engine: Retrieval, embed: Embedder) -> None:
        """A search finds nothing of another index, also for documents of the same id."""
        async with Shelf(engine, embed) as shelf:
            one, two = await shelf.index({"a": TEXT}), await shelf.index({"a": OTHER})
            for name, text in ((one, TEXT), (two, OTHER)):
                hits = await shelf.search(name, SearchQuery(text="経費 bicycle", top_k=50))
                assert {hit.chunk.text in text for hit in hits} <= {True}
            await engine.remove(one, [DocumentId("a")])
            assert [info.id for info in await contents_of(engine, two)] == ["a"]

    @clause("R14")
    async def test_empty_index_is_missing(self, engine: Retrieval, embed: Embedder) -> None:
        """Searching an index that holds nothing (any more) raises `IndexMissingError`."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index()
            with pytest.raises(IndexMissingError):
                await shelf.search(name, "経費")
            await shelf.add(name, [await shelf.cut("a", TEXT)])
            await engine.remove(name, [DocumentId("a")])
            with pytest.raises(IndexMissingError):
                await shelf.search(name, "経費")

    @clause("R15")
    async def test_search_changes_nothing(self, engine: Retrieval, embed: Embedder) -> None:
        """A search leaves the index as it is and says the same when it is repeated."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({"a": TEXT, "b": OTHER})
            before = await engine.get(name)
            hits = await shelf.search(name, "領収書")
            assert await shelf.search(name, "領収書") == hits
            assert await engine.get(name) == before

    @clause("R16")
    async def test_vectors_of_another_width(self, engine: Retrieval, embed: Embedder) -> None:
        """Vectors of another width raise `IndexMismatchError`, and nothing is added."""
        needs_vectors(engine)
        await assert_not_added(engine, embed, lambda vectors: vectors[:, :-1], IndexMismatchError)

    @clause("R17")
    @pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf], ids=str)
    async def test_vectors_that_are_not_finite(
        self, engine: Retrieval, embed: Embedder, number: float
    ) -> None:
        """A vector with a number that is not finite is refused, and nothing is added."""
        needs_vectors(engine)

        def spoil(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
            vectors = vectors.copy()
            vectors[-1, 0] = number
            return vectors

        await assert_not_added(engine, embed, spoil, InvalidInputError)

    @clause("R18")
    async def test_vectors_for_each_chunk(self, engine: Retrieval, embed: Embedder) -> None:
        """One vector too few or too many is refused, and nothing is added."""
        needs_vectors(engine)
        await assert_not_added(engine, embed, lambda vectors: vectors[:-1], InvalidInputError)
        await assert_not_added(
            engine, embed, lambda vectors: np.concatenate([vectors, vectors]), InvalidInputError
        )

    @clause("R19")
    async def test_vectors_that_are_missing(self, engine: Retrieval, embed: Embedder) -> None:
        """Chunks without vectors are refused where the engine needs them."""
        needs_vectors(engine)
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({"a": TEXT})
            cut = await shelf.cut("b", OTHER)
            bare = type(cut)(
                document=cut.document, chunks=cut.chunks, content_hash=cut.content_hash
            )
            with pytest.raises(InvalidInputError):
                await engine.upsert(name, [bare])
            assert [one.id for one in await contents_of(engine, name)] == ["a"]

    @clause("R20")
    async def test_query_vector_of_another_width(self, engine: Retrieval, embed: Embedder) -> None:
        """A query vector of another width raises `IndexMismatchError`."""
        await assert_not_searched(engine, embed, lambda vector: vector[:-1], IndexMismatchError)

    @clause("R21")
    async def test_query_vector_that_is_not_finite(
        self, engine: Retrieval, embed: Embedder
    ) -> None:
        """A query vector with a number that is not finite is refused."""
        await assert_not_searched(
            engine, embed, lambda vector: vector * np.float32(np.nan), InvalidInputError
        )

    @clause("R22")
    async def test_query_vector_that_is_missing(self, engine: Retrieval, embed: Embedder) -> None:
        """Searching by meaning without a vector is refused where the engine needs one."""
        await assert_not_searched(engine, embed, lambda _: None, InvalidInputError)


def needs_vectors(engine: Retrieval) -> None:
    """Skip the running test where the engine embeds by itself."""
    if not engine.traits.needs_vectors:
        pytest.skip(f"{engine.traits.name} needs no vectors")


async def listed(engine: Retrieval) -> list[IndexInfo]:
    """Give all indexes."""
    return [info async for info in engine.list()]


async def contents_of(engine: Retrieval, name: IndexName) -> list[IndexedDocument]:
    """Give what an index holds."""
    return [one async for one in engine.contents(name)]


async def assert_missing(shelf: Shelf, name: IndexName) -> None:
    """Expect that no method knows the index."""
    engine = shelf.engine
    documents: Sequence[ChunkedDocument] = [await shelf.cut("a", TEXT)]
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: engine.get(name),
        lambda: engine.delete(name),
        lambda: engine.upsert(name, documents),
        lambda: engine.remove(name, [DocumentId("a")]),
        lambda: contents_of(engine, name),
        lambda: shelf.search(name, "経費"),
    ]
    for call in calls:
        with pytest.raises(IndexMissingError):
            await call()


async def assert_not_added(
    engine: Retrieval,
    embed: Embedder,
    spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    error: type[Exception],
) -> None:
    """Expect that a document with spoiled vectors is refused and its index stays as it is."""
    async with Shelf(engine, embed) as shelf:
        name = await shelf.index({"a": TEXT})
        before = await engine.get(name)
        good = (await shelf.cut("b", OTHER)).vectors
        assert good is not None
        spoiled = await shelf.cut("b", OTHER, vectors=spoil(good))
        with pytest.raises(error):
            await engine.upsert(name, [spoiled])
        assert await engine.get(name) == before
        assert [one.id for one in await contents_of(engine, name)] == ["a"]


async def assert_not_searched(
    engine: Retrieval,
    embed: Embedder,
    spoil: Callable[[NDArray[np.float32]], NDArray[np.float32] | None],
    error: type[Exception],
) -> None:
    """Expect that a search by meaning with a spoiled vector is refused, in every such mode."""
    needs_vectors(engine)
    async with Shelf(engine, embed) as shelf:
        name = await shelf.index({"a": TEXT})
        [vector] = await embed.vectors(["経費"])
        for mode in engine.traits.modes:
            if mode != "lexical":
                query = SearchQuery(text="経費", mode=mode)
                with pytest.raises(error):
                    await engine.search(name, query, vector=spoil(vector))
