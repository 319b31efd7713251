"""The fake's hosted retrieval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    IndexMismatchError,
    IndexMissingError,
    InvalidInputError,
)
from tailorbird.providers.fake import FakeProvider
from tailorbird.types import (
    Chunk,
    ChunkedDocument,
    ChunkId,
    Compare,
    Document,
    DocumentId,
    Hit,
    IndexName,
    IndexSpec,
    Junction,
    MetadataValue,
    Negation,
    ScoreKind,
    SearchQuery,
    Span,
)

if TYPE_CHECKING:
    from conftest import Tools

NAME = IndexName("handbook")
SPEC = IndexSpec(name=NAME)


def document(
    name: str, *texts: str, content_hash: str = "1", **metadata: MetadataValue
) -> ChunkedDocument:
    """Make a document of chunks."""
    chunks = tuple(
        Chunk(
            id=ChunkId(f"{name}#{number}"),
            document=DocumentId(name),
            text=text,
            span=Span(start=0, end=len(text)),
            metadata=metadata,
        )
        for number, text in enumerate(texts)
    )
    whole = Document(id=DocumentId(name), text="".join(texts), metadata=metadata)
    return ChunkedDocument(document=whole, chunks=chunks, content_hash=content_hash)


TRAVEL = document(
    "travel", "出張の日当は1日2,500円です。", "宿泊費は実費です。", tenant="a", year=2025
)
BOOTS = document("boots", "Boots have a warranty of 18 months.", tenant="b", year=2026)


async def filled(provider: FakeProvider, spec: IndexSpec = SPEC) -> None:
    """Make an index of two documents."""
    await provider.retrieval.create(spec)
    await provider.retrieval.upsert(NAME, [TRAVEL, BOOTS])


def ids(hits: tuple[Hit, ...]) -> list[str]:
    """Give the ids of what was found."""
    return [hit.chunk.id for hit in hits]


async def test_index_is_made_once() -> None:
    """Creating an index again gives it as it is; another specification is refused by difference."""
    async with FakeProvider() as provider:
        made = await provider.retrieval.create(SPEC)
        assert (made.documents, made.chunks, made.ready) == (0, 0, True)
        await provider.retrieval.upsert(NAME, [BOOTS])
        again = await provider.retrieval.create(SPEC)
        assert again == await provider.retrieval.get(NAME)
        assert again.documents == 1
        assert again.version != made.version
        with pytest.raises(IndexMismatchError, match="chunking is '', wanted 'b'"):
            await provider.retrieval.create(IndexSpec(name=NAME, chunking="b"))


async def test_indexes_are_listed_by_name() -> None:
    """Indexes are listed by name, and a deleted one is gone."""
    async with FakeProvider() as provider:
        for name in ("b", "a"):
            await provider.retrieval.create(IndexSpec(name=IndexName(name)))
        assert [one.spec.name async for one in provider.retrieval.list()] == ["a", "b"]
        await provider.retrieval.delete(IndexName("a"))
        assert [one.spec.name async for one in provider.retrieval.list()] == ["b"]


async def test_missing_index_is_told(tools: Tools) -> None:
    """Everything that needs an index says that there is none, and what to do."""
    async with FakeProvider() as provider:
        nobody = IndexName("nobody")
        for call in (
            provider.retrieval.get(nobody),
            provider.retrieval.delete(nobody),
            provider.retrieval.upsert(nobody, [BOOTS]),
            provider.retrieval.remove(nobody, [DocumentId("boots")]),
            provider.retrieval.search(nobody, SearchQuery(text="x")),
        ):
            with pytest.raises(IndexMissingError, match="build it first"):
                await call
        with pytest.raises(IndexMissingError):
            await tools.drain(provider.retrieval.contents(nobody))
        await provider.retrieval.create(SPEC)
        with pytest.raises(IndexMissingError, match="empty"):
            await provider.retrieval.search(NAME, SearchQuery(text="x"))


async def test_documents_are_replaced_and_removed() -> None:
    """A document of the same id replaces the old one whole; removed ones are counted."""
    async with FakeProvider() as provider:
        await filled(provider)
        assert (await provider.retrieval.get(NAME)).chunks == 3
        await provider.retrieval.upsert(NAME, [document("travel", "新しい規程", content_hash="2")])
        contents = [one async for one in provider.retrieval.contents(NAME)]
        assert [(one.id, one.content_hash, one.chunks) for one in contents] == [
            *(("boots", "1", 1), ("travel", "2", 1)),
        ]
        found = await provider.retrieval.search(NAME, SearchQuery(text="日当", mode="lexical"))
        assert ids(found) == []
        version = (await provider.retrieval.get(NAME)).version
        await provider.retrieval.upsert(NAME, [])
        assert await provider.retrieval.remove(NAME, [DocumentId("nobody")]) == 0
        assert (await provider.retrieval.get(NAME)).version == version
        wanted = [DocumentId("boots"), DocumentId("nobody")]
        assert await provider.retrieval.remove(NAME, wanted) == 1
        assert (await provider.retrieval.get(NAME)).documents == 1


@pytest.mark.parametrize(
    ("mode", "kind", "legs"),
    [
        (None, ScoreKind.PROVIDER, {"cosine", "lexical"}),
        ("hybrid", ScoreKind.PROVIDER, {"cosine", "lexical"}),
        ("vector", ScoreKind.COSINE, set()),
        ("lexical", ScoreKind.PROVIDER, set()),
    ],
)
async def test_search_finds_the_right_chunk(mode: str, kind: ScoreKind, legs: set[str]) -> None:
    """Each mode finds the right chunk first, in Japanese and English, with its kind of score."""
    async with FakeProvider() as provider:
        await filled(provider)
        for text, first in (("出張の日当はいくら", "travel#0"), ("boots warranty?", "boots#0")):
            query = SearchQuery.model_validate({"text": text, "mode": mode})
            hits = await provider.retrieval.search(NAME, query)
            assert ids(hits)[0] == first
            scores = [hit.score for hit in hits]
            assert scores == sorted(scores, reverse=True)
            assert {hit.score_kind for hit in hits} == {kind}
            assert set(hits[0].legs) == legs
    assert provider.retrieval.traits.needs_vectors is False


async def test_scores_can_be_limited() -> None:
    """`top_k` and `min_score` limit what is found; equal scores are ordered by id."""
    async with FakeProvider() as provider:
        await provider.retrieval.create(SPEC)
        same = [document(name, "the same text") for name in ("c", "a", "b")]
        await provider.retrieval.upsert(NAME, same)
        found = await provider.retrieval.search(NAME, SearchQuery(text="same text", top_k=2))
        assert ids(found) == ["a#0", "b#0"]
        high = SearchQuery(text="same text", min_score=1.5)
        assert await provider.retrieval.search(NAME, high) == ()
        nothing = SearchQuery(text="…", mode="lexical")
        assert await provider.retrieval.search(NAME, nothing) == ()


async def test_filters_choose_what_is_looked_at() -> None:
    """Only chunks for which the filter is true are found."""
    async with FakeProvider() as provider:
        await filled(provider)
        late = SearchQuery(text="boots", filter=Compare(type="gte", key="year", value=2026))
        assert ids(await provider.retrieval.search(NAME, late)) == ["boots#0"]
        unknown = SearchQuery(
            text="boots", filter=Negation(filter=Compare(type="eq", key="color", value="red"))
        )
        assert await provider.retrieval.search(NAME, unknown) == ()


async def test_tenants_must_be_named() -> None:
    """An index with tenants refuses a query that does not name one, however it is hidden."""
    spec = IndexSpec(name=NAME, tenant_field="tenant")
    tenant = Compare(type="eq", key="tenant", value="b")
    other = Compare(type="gt", key="year", value=2000)
    async with FakeProvider() as provider:
        await filled(provider, spec)
        for refused in (
            None,
            other,
            Compare(type="ne", key="tenant", value="b"),
            Junction(type="or", filters=(tenant, other)),
            Negation(filter=tenant),
        ):
            with pytest.raises(InvalidInputError, match="keeps tenants apart"):
                await provider.retrieval.search(NAME, SearchQuery(text="x", filter=refused))
        for allowed in (tenant, Junction(type="and", filters=(other, tenant))):
            hits = await provider.retrieval.search(NAME, SearchQuery(text="日当", filter=allowed))
            assert ids(hits) == ["boots#0"]


async def test_index_can_be_made_again() -> None:
    """A new index of an old name holds nothing of the old one."""
    async with FakeProvider() as provider:
        await filled(provider)
        await provider.retrieval.search(NAME, SearchQuery(text="boots"))
        await provider.retrieval.delete(NAME)
        await provider.retrieval.create(SPEC)
        await provider.retrieval.upsert(NAME, [document("new", "boots of another kind")])
        hits = await provider.retrieval.search(NAME, SearchQuery(text="boots"))
        assert ids(hits) == ["new#0"]
