"""The fake's hosted retrieval: it embeds by itself, and searches exactly."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import (
    IndexMissingError,
)
from tailorbird.protocols import Retrieval
from tailorbird.protocols.index_arguments import check_filter, check_same
from tailorbird.providers.fake.cloud import NAME, Request
from tailorbird.providers.fake.state import DocumentRecord, IndexRecord
from tailorbird.text import hash_embedding, search_terms
from tailorbird.types.capabilities import Capability
from tailorbird.types.filters import holds
from tailorbird.types.retrieval import (
    EngineTraits,
    Hit,
    IndexedDocument,
    IndexInfo,
    ScoreKind,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.operations import Operation
    from tailorbird.providers.fake.script import Turn
    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import Chunk, ChunkedDocument, IndexSpec, SearchQuery

DIMENSIONS = 1536
"""Width of the vectors it makes for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Searchable:
    """The chunks of one version of an index, ready to be searched."""

    made_of: tuple[datetime, int]
    chunks: tuple[Chunk, ...]
    vectors: NDArray[np.float32]
    terms: tuple[frozenset[str], ...]
    rarity: Mapping[str, float]


class FakeRetrieval(Retrieval):
    """Hosted retrieval of one fake."""

    def __init__(self, cloud: Cloud) -> None:
        """Share the state of a fake."""
        self._cloud = cloud
        self._searchable: dict[IndexName, _Searchable] = {}

    @property
    @override
    def traits(self) -> EngineTraits:
        return EngineTraits(
            name=NAME,
            modes=("hybrid", "vector", "lexical"),
            needs_vectors=False,
            keeps_spans=True,
            filters=True,
        )

    @override
    async def create(self, spec: IndexSpec) -> IndexInfo:
        async def effect(_: Turn) -> IndexInfo:
            indexes = self._cloud.state.indexes
            found = indexes.get(spec.name)
            if found is None:
                found = indexes[spec.name] = IndexRecord(spec=spec, created_at=self._cloud.now())
                self._cloud.changed()
            check_same(found.spec, spec)
            return _info(found)

        return await self._cloud.call(_request("retrieval.create", index=spec.name), effect)

    @override
    async def get(self, name: IndexName) -> IndexInfo:
        async def effect(_: Turn) -> IndexInfo:
            return _info(self._find(name))

        return await self._cloud.call(_request("retrieval.get", index=name), effect)

    @override
    async def list(self) -> AsyncIterator[IndexInfo]:
        async def effect(_: Turn) -> list[IndexInfo]:
            return [_info(one) for _, one in sorted(self._cloud.state.indexes.items())]

        for info in await self._cloud.call(_request("retrieval.list"), effect):
            yield info

    @override
    async def delete(self, name: IndexName) -> None:
        async def effect(_: Turn) -> None:
            self._find(name)
            del self._cloud.state.indexes[name]
            self._searchable.pop(name, None)
            self._cloud.changed()

        await self._cloud.call(_request("retrieval.delete", index=name), effect)

    @override
    async def upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        copied = tuple(documents)

        async def effect(_: Turn) -> None:
            index = self._find(name)
            for one in copied:
                index.documents[one.document.id] = DocumentRecord(
                    content_hash=one.content_hash, chunks=one.chunks
                )
            if copied:
                self._touch(index)

        request = _request("retrieval.upsert", index=name, documents=len(copied))
        await self._cloud.call(request, effect)

    @override
    async def remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        wanted = frozenset(documents)

        async def effect(_: Turn) -> int:
            index = self._find(name)
            present = wanted & index.documents.keys()
            for document in present:
                del index.documents[document]
            if present:
                self._touch(index)
            return len(present)

        request = _request("retrieval.remove", index=name, documents=len(wanted))
        return await self._cloud.call(request, effect)

    @override
    async def contents(self, name: IndexName) -> AsyncIterator[IndexedDocument]:
        async def effect(_: Turn) -> list[IndexedDocument]:
            documents = sorted(self._find(name).documents.items())
            return [
                IndexedDocument(id=key, content_hash=one.content_hash, chunks=len(one.chunks))
                for key, one in documents
            ]

        for found in await self._cloud.call(_request("retrieval.contents", index=name), effect):
            yield found

    @override
    async def search(
        self,
        name: IndexName,
        query: SearchQuery,
        *,
        vector: NDArray[np.float32] | None = None,
    ) -> tuple[Hit, ...]:
        async def effect(_: Turn) -> tuple[Hit, ...]:
            index = self._find(name)
            check_filter(query.filter, tenant_field=index.spec.tenant_field)
            if not any(one.chunks for one in index.documents.values()):
                message = f"index {name!r} is empty: add documents first"
                raise IndexMissingError(message)
            searchable = await self._prepared(name, index)
            return _searched(searchable, query)

        request = Request(
            operation="retrieval.search",
            facts={"index": name, "top_k": query.top_k, "mode": query.mode},
            needs=(
                Capability.RETRIEVAL,
                *((Capability.RETRIEVAL_FILTERS,) if query.filter is not None else ()),
                *((Capability.RETRIEVAL_HYBRID,) if query.mode == "hybrid" else ()),
            ),
        )
        return await self._cloud.call(request, effect)

    @override
    async def close(self) -> None:
        return None  # everything is the fake's

    def _find(self, name: IndexName) -> IndexRecord:
        index = self._cloud.state.indexes.get(name)
        if index is None:
            message = f"there is no index {name!r}: build it first"
            raise IndexMissingError(message)
        return index

    def _touch(self, index: IndexRecord) -> None:
        index.version += 1
        self._cloud.changed()

    async def _prepared(self, name: IndexName, index: IndexRecord) -> _Searchable:
        kept = self._searchable.get(name)
        made_of = (index.created_at, index.version)
        if kept is None or kept.made_of != made_of:
            chunks = tuple(chunk for one in index.documents.values() for chunk in one.chunks)
            kept = await self._cloud.in_thread(lambda: _prepare(chunks, made_of))
            self._searchable[name] = kept
        return kept


def _prepare(chunks: tuple[Chunk, ...], made_of: tuple[datetime, int]) -> _Searchable:
    texts = [f"{chunk.title}\n{chunk.text}" for chunk in chunks]
    terms = tuple(frozenset(search_terms(text)) for text in texts)
    counts = Counter(term for one in terms for term in one)
    return _Searchable(
        made_of=made_of,
        chunks=chunks,
        vectors=hash_embedding(texts, dimensions=DIMENSIONS),
        terms=terms,
        rarity={term: math.log(1 + len(chunks) / count) for term, count in counts.items()},
    )


def _searched(searchable: _Searchable, query: SearchQuery) -> tuple[Hit, ...]:
    mode = query.mode or "hybrid"
    kind = ScoreKind.COSINE if mode == "vector" else ScoreKind.PROVIDER
    cosine = searchable.vectors @ hash_embedding([query.text], dimensions=DIMENSIONS)[0]
    lexical = _lexical(searchable, query.text)
    hits: list[Hit] = []
    for place, chunk in enumerate(searchable.chunks):
        if query.filter is not None and holds(query.filter, chunk.metadata) is not True:
            continue
        legs = {"cosine": float(cosine[place]), "lexical": lexical[place]}
        score = {
            "vector": legs["cosine"],
            "lexical": legs["lexical"],
            "hybrid": (max(0.0, legs["cosine"]) + legs["lexical"]) / 2,
        }[mode]
        if query.min_score is None or score >= query.min_score:
            hits.append(
                Hit(
                    chunk=chunk,
                    score=score,
                    score_kind=kind,
                    legs=legs if mode == "hybrid" else {},
                )
            )
    if mode == "lexical":
        hits = [hit for hit in hits if hit.score > 0]
    hits.sort(key=lambda hit: (-hit.score, hit.chunk.id))
    return tuple(hits[: query.top_k])


def _lexical(searchable: _Searchable, text: str) -> list[float]:
    """Give the share of the question's terms that each chunk holds, rare terms counting more."""
    unseen = math.log(1 + len(searchable.chunks) / 0.5)
    weights = {term: searchable.rarity.get(term, unseen) for term in set(search_terms(text))}
    whole = sum(weights.values()) or 1.0
    return [
        sum(weight for term, weight in weights.items() if term in one) / whole
        for one in searchable.terms
    ]


def _info(index: IndexRecord) -> IndexInfo:
    return IndexInfo(
        spec=index.spec,
        documents=len(index.documents),
        chunks=sum(len(one.chunks) for one in index.documents.values()),
        version=str(index.version),
        created_at=index.created_at,
    )


def _request(operation: Operation, **facts: str | int) -> Request:
    return Request(operation=operation, facts=facts, needs=(Capability.RETRIEVAL,))
