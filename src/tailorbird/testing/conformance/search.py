"""Clauses `R23` to `R41`: searching an index, and closing the engine."""

from __future__ import annotations

import asyncio
import math
from itertools import product
from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import ValidationError

from tailorbird.exceptions import InvalidInputError, UnsupportedError
from tailorbird.testing.conformance.clauses import clause
from tailorbird.testing.conformance.shelf import Shelf, documents_of
from tailorbird.types import (
    Among,
    Compare,
    IndexSpec,
    Junction,
    Negation,
    SearchQuery,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.protocols import Retrieval
    from tailorbird.testing.conformance.shelf import Embedder
    from tailorbird.types import Filter, Hit, IndexName, MetadataValue, SearchMode

ABOVE = 0.001
MODES: tuple[SearchMode, ...] = ("vector", "lexical", "hybrid")
LIBRARY: Mapping[str, str] = {
    "経費.md": "出張の日当は一日2,800円です。\n\n交通費は毎月25日までに精算します。",
    "休暇.md": "年次有給休暇は入社半年後に十日付きます。\n\n忌引きは七日まで取れます。",
    "防災.md": "地震のときは机の下に入ります。\n\n避難場所は中央公園です。",
    "bikes.txt": "A rented bicycle is returned at any station.\n\nA helmet costs nothing extra.",
    "shop.txt": "The shop opens at nine in the morning.\n\nGift cards never expire.",
}
QUESTIONS: Mapping[str, str] = {
    "交通費の精算はいつまでですか": "経費.md",
    "忌引きは何日取れますか": "休暇.md",
    "地震が来たらどうする": "防災.md",
    "where is a rented bicycle returned": "bikes.txt",
    "when do gift cards expire": "shop.txt",
}
ODD_QUERIES = (
    *('"', "'", "*", "(", "経費 AND", "NOT 経費", "NEAR(経費)", "経費^2", "text:経費", "経費*"),
    *("a; DROP TABLE chunks", "--", "%", "_", "\\", "🌸", "費", "。", " ", "経\x00費"),
)
LABELS: Mapping[str, Mapping[str, MetadataValue]] = {
    "a": {"lang": "ja", "year": 2024, "open": True, "section": "経理"},
    "b": {"lang": "en", "year": 2025, "open": False},
    "c": {"lang": "ja", "year": 2025.5, "section": "総務"},
    "d": {},
}
ORDERS: tuple[Literal["gt", "gte", "lt", "lte"], ...] = ("gt", "gte", "lt", "lte")
NO_NUMBERS: tuple[str | bool | float, ...] = ("2025", True, math.nan, math.inf)
_JA = Compare(type="eq", key="lang", value="ja")
_OLD = Compare(type="lt", key="year", value=2025)
_OPEN = Compare(type="eq", key="open", value=True)
FILTERS: Mapping[str, tuple[Filter, set[str]]] = {
    "eq text": (_JA, {"a", "c"}),
    "eq japanese": (Compare(type="eq", key="section", value="経理"), {"a"}),
    "eq number": (Compare(type="eq", key="year", value=2025), {"b"}),
    "eq fraction": (Compare(type="eq", key="year", value=2025.5), {"c"}),
    "eq true": (_OPEN, {"a"}),
    "eq false": (Compare(type="eq", key="open", value=False), {"b"}),
    "eq nothing": (Compare(type="eq", key="lang", value="fr"), set()),
    "ne leaves out missing": (Compare(type="ne", key="section", value="経理"), {"c"}),
    "gt": (Compare(type="gt", key="year", value=2025), {"c"}),
    "gte": (Compare(type="gte", key="year", value=2025), {"b", "c"}),
    "lt": (_OLD, {"a"}),
    "lte": (Compare(type="lte", key="year", value=2025), {"a", "b"}),
    "in": (Among(type="in", key="section", values=("経理", "総務")), {"a", "c"}),
    "not in leaves out missing": (Among(type="not_in", key="section", values=("経理",)), {"c"}),
    "and": (Junction(type="and", filters=(_JA, _OLD)), {"a"}),
    "or": (
        Junction(type="or", filters=(_OLD, Compare(type="eq", key="lang", value="en"))),
        {"a", "b"},
    ),
    "or with missing": (Junction(type="or", filters=(_OPEN, _JA)), {"a", "c"}),
    "not": (Negation(filter=_JA), {"b"}),
    "not of missing": (Negation(filter=Compare(type="eq", key="section", value="経理")), {"c"}),
    "not of and with missing": (Negation(filter=Junction(type="and", filters=(_JA, _OPEN))), {"b"}),
    "nested": (
        Junction(
            type="and",
            filters=(
                Negation(filter=_OLD),
                Junction(type="or", filters=(_JA, Compare(type="eq", key="open", value=False))),
            ),
        ),
        {"b", "c"},
    ),
    "unknown key": (Compare(type="ne", key="nobody", value="x"), set()),
}


class SearchConformance:
    """How `Retrieval` searches; needs the fixtures `engine` and `embed` (an `Embedder`)."""

    @clause("R23")
    @pytest.mark.parametrize("mode", MODES)
    async def test_right_document_comes_first(
        self, engine: Retrieval, embed: Embedder, mode: SearchMode
    ) -> None:
        """A Japanese question finds the Japanese document and an English one the English."""
        needs_mode(engine, mode)
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index(LIBRARY)
            for question, document in QUESTIONS.items():
                hits = await shelf.search(name, question, mode=mode)
                assert documents_of(hits)[:1] == [document], question

    @clause("R24")
    @pytest.mark.parametrize("mode", MODES)
    async def test_missing_mode_is_unsupported(
        self, engine: Retrieval, embed: Embedder, mode: SearchMode
    ) -> None:
        """A mode that the engine does not offer raises `UnsupportedError`."""
        if mode in engine.traits.modes:
            pytest.skip(f"{engine.traits.name} offers the mode {mode!r}")
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index(LIBRARY)
            with pytest.raises(UnsupportedError):
                await shelf.search(name, "経費", mode=mode)

    @clause("R25")
    async def test_first_mode_is_the_default(self, engine: Retrieval, embed: Embedder) -> None:
        """A query without a mode is searched by the first mode of the traits."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index(LIBRARY)
            for question in QUESTIONS:
                best = await shelf.search(name, question, mode=engine.traits.modes[0])
                assert await shelf.search(name, question) == best

    @clause("R26")
    @pytest.mark.parametrize("mode", MODES)
    async def test_hits_are_in_order(
        self, engine: Retrieval, embed: Embedder, mode: SearchMode
    ) -> None:
        """Hits come best first with one kind of score; equal scores are ordered by chunk id."""
        needs_mode(engine, mode)
        twins = dict.fromkeys(("twin-c", "twin-a", "twin-b"), LIBRARY["経費.md"])
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({**LIBRARY, **twins})
            query = SearchQuery(text="交通費の精算", top_k=50, mode=mode)
            hits = await shelf.search(name, query)
            assert set(twins) <= {hit.chunk.document for hit in hits}
            assert hits == tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id)))
            assert len({hit.chunk.id for hit in hits}) == len(hits)
            assert len({hit.score_kind for hit in hits}) == 1

    @clause("R27")
    async def test_hits_are_whole_chunks(self, engine: Retrieval, embed: Embedder) -> None:
        """A hit names its document with title, source and metadata, and holds text of it."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index()
            cut = await shelf.cut("経費.md", LIBRARY["経費.md"], metadata={"lang": "ja"})
            await shelf.add(name, [cut])
            hits = await shelf.search(name, "交通費の精算")
            assert hits
            for chunk in (hit.chunk for hit in hits):
                assert (chunk.document, chunk.title, chunk.source) == (
                    *(cut.document.id, cut.document.title, cut.document.source),
                )
                assert dict(chunk.metadata) == {"lang": "ja"}
                assert chunk.text.split()[0] in cut.document.text

    @clause("R28")
    async def test_hits_have_their_place(self, engine: Retrieval, embed: Embedder) -> None:
        """Where spans are kept, a hit is the chunk as it was given, with its exact place."""
        if not engine.traits.keeps_spans:
            pytest.skip(f"{engine.traits.name} keeps no spans")
        text = "🌸 " + "\n\n".join(LIBRARY.values())
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index()
            cut = await shelf.cut("all.md", text)
            await shelf.add(name, [cut])
            hits = await shelf.search(name, SearchQuery(text="交通費の精算", top_k=50))
            assert hits
            for chunk in (hit.chunk for hit in hits):
                assert text[chunk.span.start : chunk.span.end] == chunk.text
                assert chunk in cut.chunks

    @clause("R29")
    @pytest.mark.parametrize("top_k", [0, -1, 51, True, "5", 1.5], ids=repr)
    async def test_number_of_hits_has_limits(self, top_k: object) -> None:
        """A query for fewer than 1 or more than 50 hits, or no whole number, cannot be made."""
        with pytest.raises(ValidationError):
            SearchQuery.model_validate({"text": "経費", "top_k": top_k})

    @clause("R30")
    @pytest.mark.parametrize("top_k", [1, 3, 50])
    async def test_number_of_hits(self, engine: Retrieval, embed: Embedder, top_k: int) -> None:
        """A search gives at most `top_k` hits, and fewer ones are the first of more."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({f"{place:02}": f"本棚の本 {place}" for place in range(60)})
            hits = await shelf.search(name, SearchQuery(text="本棚の本", top_k=top_k))
            assert len(hits) == top_k

    @clause("R31")
    async def test_low_scores_are_left_out(self, engine: Retrieval, embed: Embedder) -> None:
        """With `min_score` exactly the hits of at least that score are given."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index(LIBRARY)
            question = next(iter(QUESTIONS))
            hits = await shelf.search(name, question)
            for limit in {hit.score for hit in hits}:
                wanted = tuple(hit for hit in hits if hit.score >= limit)
                query = SearchQuery(text=question, min_score=limit)
                assert await shelf.search(name, query) == wanted
            above = SearchQuery(text=question, min_score=hits[0].score + ABOVE)
            assert await shelf.search(name, above) == ()

    @clause("R32")
    async def test_words_need_no_vector(self, engine: Retrieval, embed: Embedder) -> None:
        """Searching by words needs no vector, and finds nothing where no word is shared."""
        needs_mode(engine, "lexical")
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index(LIBRARY)
            found = SearchQuery(text="中央公園", mode="lexical")
            hits = await engine.search(name, found)
            assert documents_of(hits)[:1] == ["防災.md"]
            nothing = SearchQuery(text="xylophone", mode="lexical")
            assert await engine.search(name, nothing) == ()

    @clause("R33")
    @pytest.mark.parametrize("mode", MODES)
    async def test_query_is_plain_text(
        self, engine: Retrieval, embed: Embedder, mode: SearchMode
    ) -> None:
        """Signs of a query language are searched as text: they never fail and change nothing."""
        needs_mode(engine, mode)
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index(LIBRARY)
            before = await engine.get(name)
            [vector] = await embed.vectors(["経費"])
            for text in ODD_QUERIES:
                query = SearchQuery(text=text, mode=mode)
                hits = await engine.search(name, query, vector=vector)
                assert {hit.chunk.document for hit in hits} <= set(LIBRARY), text
            assert await engine.get(name) == before

    @clause("R34")
    async def test_filter(self, engine: Retrieval, embed: Embedder) -> None:
        """Exactly the chunks for which the whole filter is true are looked at, in every mode."""
        needs_filters(engine)
        async with Shelf(engine, embed) as shelf:
            name = await labelled(shelf, LABELS)
            for (case, (condition, wanted)), mode in product(FILTERS.items(), engine.traits.modes):
                hits = await filtered(shelf, name, condition, mode=mode)
                assert {str(hit.chunk.document) for hit in hits} == wanted, (case, mode)

    @clause("R35")
    async def test_truth_is_no_number(self, engine: Retrieval, embed: Embedder) -> None:
        """A truth value and the number 1 are different values for a filter."""
        needs_filters(engine)
        async with Shelf(engine, embed) as shelf:
            name = await labelled(shelf, {"truth": {"flag": True}, "number": {"flag": 1}})
            for value, document in ((True, "truth"), (1, "number")):
                condition = Compare(type="eq", key="flag", value=value)
                assert documents_of(await filtered(shelf, name, condition)) == [document]

    @clause("R36")
    async def test_order_needs_numbers(self, engine: Retrieval, embed: Embedder) -> None:
        """An order comparison with what is no finite number raises `InvalidInputError`."""
        needs_filters(engine)
        async with Shelf(engine, embed) as shelf:
            name = await labelled(shelf, LABELS)
            for operator, value in product(ORDERS, NO_NUMBERS):
                condition = Compare(type=operator, key="nobody", value=value)
                with pytest.raises(InvalidInputError):
                    await filtered(shelf, name, Negation(filter=condition))

    @clause("R37")
    async def test_filter_comes_before_the_number(self, engine: Retrieval, embed: Embedder) -> None:
        """A filter is applied before the best are taken: a rare match is found among many."""
        needs_filters(engine)
        async with Shelf(engine, embed) as shelf:
            labels: dict[str, Mapping[str, MetadataValue]] = {
                f"{place:03}": {"rare": place == 0} for place in range(80)
            }
            name = await labelled(shelf, labels)
            condition = Compare(type="eq", key="rare", value=True)
            for mode in engine.traits.modes:
                hits = await filtered(shelf, name, condition, mode=mode)
                assert documents_of(hits) == ["000"]

    @clause("R38")
    async def test_missing_filters_are_unsupported(
        self, engine: Retrieval, embed: Embedder
    ) -> None:
        """Where the engine does not filter, a query with a filter raises `UnsupportedError`."""
        if engine.traits.filters:
            pytest.skip(f"{engine.traits.name} filters")
        async with Shelf(engine, embed) as shelf:
            name = await labelled(shelf, LABELS)
            with pytest.raises(UnsupportedError):
                await filtered(shelf, name, _JA)

    @clause("R39")
    async def test_tenants_are_kept_apart(self, engine: Retrieval, embed: Embedder) -> None:
        """An index with tenants is searched only with a filter that settles on one of them."""
        needs_filters(engine)
        async with Shelf(engine, embed) as shelf:
            plain = await shelf.spec()
            spec = IndexSpec.model_validate({**plain.model_dump(), "tenant_field": "lang"})
            await shelf.create(spec)
            await fill(shelf, spec.name, {one: LABELS[one] for one in ("a", "b", "c")})
            with pytest.raises(InvalidInputError):
                await shelf.search(spec.name, "本棚")
            with pytest.raises(InvalidInputError):
                await filtered(shelf, spec.name, _OPEN)
            with pytest.raises(InvalidInputError):
                await filtered(shelf, spec.name, Junction(type="or", filters=(_JA, _OPEN)))
            for condition in (_JA, Junction(type="and", filters=(_OLD, _JA))):
                hits = await filtered(shelf, spec.name, condition)
                assert {str(hit.chunk.document) for hit in hits} <= {"a", "c"}
                assert hits

    @clause("R40")
    async def test_document_is_replaced_at_once(self, engine: Retrieval, embed: Embedder) -> None:
        """A search while a document is replaced sees its old chunks or its new ones, never both."""
        async with Shelf(engine, embed) as shelf:
            name = await shelf.index({"a": "本棚の本 旧\n\n本棚の棚 旧"})
            old = await shelf.cut("a", "本棚の本 旧\n\n本棚の棚 旧")
            new = await shelf.cut("a", "本棚の本 新\n\n本棚の棚 新")
            seen: list[set[str]] = []

            async def look() -> None:
                hits = await shelf.search(name, SearchQuery(text="本棚", top_k=50))
                seen.append({hit.chunk.text[-1] for hit in hits})

            async def watch() -> None:
                for _ in range(20):
                    await look()

            async with asyncio.TaskGroup() as group:
                group.create_task(watch())
                for version in (new, old) * 5:
                    await engine.upsert(name, [version])
                    await look()
            assert all(len(versions) == 1 for versions in seen)

    @clause("R41")
    async def test_close_and_go_on(self, engine: Retrieval, embed: Embedder) -> None:
        """An engine can be closed twice, and used again afterwards."""
        async with Shelf(engine, embed) as shelf:
            await shelf.index({"a": "本棚の本"})
            await engine.close()
            await engine.close()
            assert (await engine.get(await shelf.index({"b": "本棚の本"}))).documents == 1


def needs_mode(engine: Retrieval, mode: SearchMode) -> None:
    """Skip the running test where the engine does not offer the mode."""
    if mode not in engine.traits.modes:
        pytest.skip(f"{engine.traits.name} does not offer the mode {mode!r}")


def needs_filters(engine: Retrieval) -> None:
    """Skip the running test where the engine does not filter."""
    if not engine.traits.filters:
        pytest.skip(f"{engine.traits.name} does not filter")


async def labelled(shelf: Shelf, labels: Mapping[str, Mapping[str, MetadataValue]]) -> IndexName:
    """Make an index of documents that differ in their metadata and hardly in their text."""
    name = await shelf.index()
    await fill(shelf, name, labels)
    return name


async def fill(
    shelf: Shelf, name: IndexName, labels: Mapping[str, Mapping[str, MetadataValue]]
) -> None:
    """Add documents that differ in their metadata and hardly in their text."""
    cut = [await shelf.cut(one, f"本棚の本 {one}", metadata=labels[one]) for one in labels]
    await shelf.add(name, cut)


async def filtered(
    shelf: Shelf, name: IndexName, condition: Filter, *, mode: SearchMode | None = None
) -> tuple[Hit, ...]:
    """Search for what all documents of `labelled` share, with a filter."""
    query = SearchQuery(text="本棚の本", top_k=50, filter=condition, mode=mode)
    return await shelf.search(name, query)
