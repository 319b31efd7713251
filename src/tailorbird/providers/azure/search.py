"""Azure AI Search as a retrieval engine.

A document is replaced in three steps. Its new chunks are written under keys of their own; then its
record names their generation; then the old chunks are deleted. A search gives chunks of the
generation that the record names, so it sees a document's old chunks or its new ones, also while
another process writes, and what a killed process left behind is never seen.

Of two processes that replace the same document at once, the one whose record comes last wins.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import IndexMismatchError, IndexMissingError
from tailorbird.protocols import Retrieval
from tailorbird.protocols.index_arguments import (
    check_filter,
    check_same,
    check_spec,
    chosen_mode,
)
from tailorbird.protocols.index_documents import query_vector
from tailorbird.providers.azure.identity import NAME
from tailorbird.providers.azure.search_filter import any_of, equals
from tailorbird.providers.azure.search_index import definition
from tailorbird.providers.azure.search_query import RANKED, plan, scored
from tailorbird.providers.azure.search_rows import (
    STATE_KEY,
    chunk_of,
    deletion,
    document_hash,
    document_key,
    note_of,
    prepare,
    state_action,
)
from tailorbird.providers.azure.search_service import PAGE, missing
from tailorbird.types.filters import holds
from tailorbird.types.retrieval import EngineTraits, Hit, IndexInfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.providers.azure.search_index import Bound
    from tailorbird.providers.azure.search_query import Plan
    from tailorbird.providers.azure.search_rows import Row
    from tailorbird.providers.azure.search_service import SearchService
    from tailorbird.types.ids import DocumentId, IndexName
    from tailorbird.types.retrieval import (
        ChunkedDocument,
        IndexedDocument,
        IndexSpec,
        SearchQuery,
    )

_TRUSTED_S = 60.0  # how long a specification is taken as it was: another process may replace it
_LEFT_BEHIND_S = 900.0  # a writing that takes longer has ended: what it left can go
_ASKED = 500  # hashes in one condition, 16 KB
_CHUNKS = equals("kind", "chunk")
_DOCUMENTS = equals("kind", "document")


@dataclass(frozen=True, slots=True)
class _Known:
    bound: Bound
    at: float


class AzureSearch(Retrieval):
    """Indexes in one Azure AI Search service."""

    def __init__(self, service: SearchService, *, semantic_configuration: str | None) -> None:
        """Share a service.

        Args:
            service: The service.
            semantic_configuration: Name of the semantic configuration that new indexes get and
                `hybrid` searches are ranked by; None for none.
        """
        self._service = service
        self._semantic = semantic_configuration
        self._known: dict[IndexName, _Known] = {}
        self._current: dict[tuple[IndexName, str], str] = {}

    @property
    @override
    def traits(self) -> EngineTraits:
        return EngineTraits(
            name=NAME,
            modes=("hybrid", "vector", "lexical"),
            needs_vectors=True,
            keeps_spans=True,
            filters=True,
        )

    @override
    async def create(self, spec: IndexSpec) -> IndexInfo:
        check_spec(spec)
        if await self._look_up(spec.name) is None:
            self._forget(spec.name)
            made = definition(
                spec,
                created_at=self._service.clock.now(),
                semantic_configuration=self._semantic,
            )
            await self._service.create(spec.name, made)
        bound = await self._find(spec.name)
        check_same(bound.spec, spec)
        return await self._info(bound)

    @override
    async def get(self, name: IndexName) -> IndexInfo:
        return await self._info(await self._find(name))

    @override
    async def list(self) -> AsyncIterator[IndexInfo]:
        found = [one.bound async for one in self._service.indexes()]
        ours = sorted((one for one in found if one is not None), key=lambda one: one.spec.name)
        for bound in ours:
            yield await self._info(bound)

    @override
    async def delete(self, name: IndexName) -> None:
        await self._find(name)
        await self._service.delete(name)
        self._forget(name)

    @override
    async def upsert(self, name: IndexName, documents: Sequence[ChunkedDocument]) -> None:
        spec = (await self._bound(name)).spec
        if not documents:
            return
        operation = "retrieval.upsert"
        generation = self._new_generation()
        # Terms, vectors and JSON of many chunks take seconds.
        writing = await asyncio.to_thread(
            lambda: prepare(documents, spec=spec, generation=generation)
        )
        hashes = [document_hash(one) for one in {given.document.id for given in documents}]
        earlier = await self._generations(name, hashes)
        await self._service.write(name, writing.chunks, operation=operation)
        written = f"{_CHUNKS} and {equals('generation', generation)}"
        await self._until(name, written, count=len(writing.chunks), what="what was added")
        records = (*writing.documents, state_action(generation))
        await self._service.write(name, records, operation=operation)
        current = f"{_DOCUMENTS} and {equals('generation', generation)}"
        await self._until(name, current, count=len(writing.documents), what="what was added")
        self._remember(name, dict.fromkeys(hashes, generation))
        await self._drop_chunks(name, hashes, keep=generation, drop=frozenset(earlier.values()))

    @override
    async def remove(self, name: IndexName, documents: Sequence[DocumentId]) -> int:
        await self._bound(name)
        hashes = [document_hash(one) for one in set(documents)]
        present = await self._generations(name, hashes)
        if not present:
            return 0
        operation = "retrieval.remove"
        records = [deletion(document_key(one)) for one in present]
        records.append(state_action(self._new_generation()))
        await self._service.write(name, records, operation=operation)
        for part in _parts(list(present)):
            gone = f"{_DOCUMENTS} and {any_of('document', part)}"
            await self._until(name, gone, count=0, what="what was removed")
        self._remember(name, dict.fromkeys(present, ""))
        await self._drop_chunks(name, list(present), keep="", drop=frozenset(present.values()))
        return len(present)

    @override
    async def contents(self, name: IndexName) -> AsyncIterator[IndexedDocument]:
        await self._find(name)
        found: dict[str, IndexedDocument] = {}
        async for row in self._documents(name):
            note = note_of(row)
            if note is not None:
                found[note.id] = note.indexed
        for _, one in sorted(found.items()):
            yield one

    @override
    async def search(
        self,
        name: IndexName,
        query: SearchQuery,
        *,
        vector: NDArray[np.float32] | None = None,
    ) -> tuple[Hit, ...]:
        spec = (await self._bound(name)).spec
        mode = chosen_mode(query, spec=spec)
        check_filter(query.filter, tenant_field=spec.tenant_field)
        unit = None if mode == "lexical" else query_vector(vector, spec=spec)
        planned = plan(query, mode=mode, vector=unit, semantic_configuration=self._semantic)
        hits = () if planned is None else await self._hits(name, planned)
        if not hits and not await self._count(name, _CHUNKS):
            message = f"index {name!r} is empty: add documents to it first"
            raise IndexMissingError(message)
        least = query.min_score
        return tuple(hit for hit in hits if least is None or hit.score >= least)

    @override
    async def close(self) -> None:
        self._known.clear()
        self._current.clear()

    async def _hits(self, name: IndexName, planned: Plan) -> tuple[Hit, ...]:
        """Ask, and ask for more where chunks that do not count any more took the place."""
        wanted = planned.query.top_k
        top = wanted
        while True:
            page = await self._service.query(name, planned.sized(top), operation="retrieval.search")
            kind, rows = scored(page, planned)
            counting = await self._counting(name, [row for row, _ in rows])
            hits = [
                Hit(chunk=chunk, score=score, score_kind=kind)
                for row, score in rows
                if row.id in counting
                and (chunk := chunk_of(row)) is not None
                and _passes(planned.query, chunk.metadata)
            ]
            if len(hits) >= wanted or len(page.value) < top or top >= PAGE:
                break
            top = min(PAGE, max(RANKED, 4 * top))
        hits.sort(key=lambda hit: (-hit.score, hit.chunk.id))
        return tuple(hits[:wanted])

    async def _counting(self, name: IndexName, rows: Sequence[Row]) -> frozenset[str]:
        """Give the keys of the chunks that belong to what their document is now."""
        seen: dict[str, set[str]] = {}
        for row in rows:
            seen.setdefault(row.document or "", set()).add(row.generation or "")
        unsure = [
            one for one, found in seen.items() if found != {self._current.get((name, one), "")}
        ]
        if unsure:
            known = await self._generations(name, unsure)
            self._remember(name, {one: known.get(one, "") for one in unsure})
        return frozenset(
            row.id
            for row in rows
            if row.generation and row.generation == self._current.get((name, row.document or ""))
        )

    async def _generations(self, name: IndexName, hashes: Sequence[str]) -> dict[str, str]:
        """Give which generation each document has; one that is not there is left out."""
        found: dict[str, str] = {}
        for part in _parts(hashes):
            rows = await self._service.rows(
                name,
                any_of("id", [document_key(one) for one in part]),
                select="id,document,generation",
                operation="retrieval.get",
            )
            found |= {row.document or "": row.generation or "" for row in rows}
        return found

    async def _documents(self, name: IndexName) -> AsyncIterator[Row]:
        """Give the records of all documents, page by page in the order of their shards."""
        seen: set[str] = set()
        start = 0
        while True:
            body = {
                "filter": f"{_DOCUMENTS} and shard ge {start}",
                "orderby": "shard asc",
                "select": "id,shard,payload",
                "top": PAGE,
            }
            page = await self._service.query(name, body, operation="retrieval.contents")
            new = [row for row in page.value if row.id not in seen]
            for row in new:
                yield row
            if len(page.value) < PAGE or not new:
                return
            seen = {row.id for row in page.value}  # those of the last shard come again
            start = page.value[-1].shard or 0

    async def _drop_chunks(
        self, name: IndexName, hashes: Sequence[str], *, keep: str, drop: frozenset[str]
    ) -> None:
        """Delete chunks of generations that count no more; those of a writer at work stay."""
        for part in _parts(hashes):
            condition = f"{_CHUNKS} and generation ne '{keep}' and {any_of('document', part)}"
            while True:
                rows = await self._service.rows(
                    name, condition, select="id,generation", operation="retrieval.remove"
                )
                old = [row for row in rows if self._is_old(row.generation or "", drop)]
                if not old:
                    break
                await self._service.write(
                    name, [deletion(row.id) for row in old], operation="retrieval.remove"
                )
                keys = [row.id for row in old]
                for some in _parts(keys):
                    await self._until(name, any_of("id", some), count=0, what="what was replaced")

    def _is_old(self, generation: str, drop: frozenset[str]) -> bool:
        made_at = int(generation.partition("-")[0] or "0", 16) / 1000
        return (
            generation in drop or made_at < self._service.clock.now().timestamp() - _LEFT_BEHIND_S
        )

    def _new_generation(self) -> str:
        """Give a mark that nobody has, with the time in front."""
        made_at = round(self._service.clock.now().timestamp() * 1000)
        return f"{made_at:x}-{secrets.token_hex(6)}"

    async def _info(self, bound: Bound) -> IndexInfo:
        name = bound.spec.name
        state = await self._service.rows(
            name, any_of("id", [STATE_KEY]), select="id,generation", operation="retrieval.get"
        )
        return IndexInfo(
            spec=bound.spec,
            documents=await self._count(name, _DOCUMENTS),
            chunks=await self._count(name, _CHUNKS),
            version=(state[0].generation or "") if state else "",
            created_at=bound.created_at,
        )

    async def _count(self, name: IndexName, condition: str) -> int:
        return await self._service.count(name, condition, operation="retrieval.get")

    async def _until(self, name: IndexName, condition: str, *, count: int, what: str) -> None:
        async def looks_right() -> bool:
            return await self._count(name, condition) == count

        await self._service.until(looks_right, what=what, operation="retrieval.upsert")

    async def _bound(self, name: IndexName) -> Bound:
        """Give what an index is bound to, as it was a minute ago at most.

        Raises:
            IndexMissingError: There is none of that name.
        """
        known = self._known.get(name)
        if known is not None and self._service.clock.monotonic() - known.at < _TRUSTED_S:
            return known.bound
        return await self._find(name)

    async def _find(self, name: IndexName) -> Bound:
        bound = await self._look_up(name)
        if bound is None:
            self._forget(name)
            raise missing(name)
        self._known[name] = _Known(bound, self._service.clock.monotonic())
        return bound

    async def _look_up(self, name: IndexName) -> Bound | None:
        """Give what an index is bound to; None when there is none.

        Raises:
            IndexMismatchError: There is one of that name that is not this library's.
        """
        found = await self._service.get(name)
        if found is None:
            return None
        bound = found.bound
        if bound is None or bound.spec.name != name:
            message = (
                f"the search service has an index {found.name!r} that this library did not make:"
                " take another name, or delete it there"
            )
            raise IndexMismatchError(message)
        return bound

    def _remember(self, name: IndexName, generations: Mapping[str, str]) -> None:
        self._current |= {(name, one): mark for one, mark in generations.items()}

    def _forget(self, name: IndexName) -> None:
        self._known.pop(name, None)
        self._current = {key: mark for key, mark in self._current.items() if key[0] != name}


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _ASKED] for start in range(0, len(values), _ASKED))


def _passes(query: SearchQuery, metadata: Mapping[str, str | bool | int | float]) -> bool:
    """Check the filter once more: no mistake in its translation may show a tenant's chunk."""
    return query.filter is None or holds(query.filter, metadata) is True
