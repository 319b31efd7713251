"""Searching a vector store, and finding the places of what it found."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from tailorbird._openai_sdk.answers import read
from tailorbird._openai_sdk.connection import checked_path
from tailorbird.exceptions import NotFoundError
from tailorbird.providers.openai.store_answers import ContentAnswer, SearchAnswer
from tailorbird.providers.openai.store_files import StoredDocument, latest
from tailorbird.providers.openai.store_filter import is_negative, to_store_filter
from tailorbird.types.filters import holds
from tailorbird.types.ids import ChunkId, FileId
from tailorbird.types.retrieval import Chunk, Hit, ScoreKind, Span

if TYPE_CHECKING:
    from tailorbird._openai_sdk.connection import Connection
    from tailorbird.providers.openai.store_answers import FoundAnswer
    from tailorbird.types.retrieval import SearchQuery

# OpenAPI description of OpenAI, VectorStoreSearchRequest (openai/openai-openapi f85dbe2).
_MOST_RESULTS = 50
KEPT_CHARACTERS = 16_000_000
"""How much is kept of the texts of documents to find places in: our own bound on memory."""
_OPERATION = "retrieval.search"


class StoreSearch:
    """Searches the stores of one account."""

    def __init__(self, connection: Connection, *, kept_characters: int = KEPT_CHARACTERS) -> None:
        """Share an account's connection.

        Args:
            connection: The account.
            kept_characters: How much is kept of the texts that were fetched to find places in.
        """
        self._most = kept_characters
        self._connection = connection
        self._texts: OrderedDict[FileId, str] = OrderedDict()
        self._removed: set[FileId] = set()

    def forget(self, file: FileId) -> None:
        """Leave a removed file out: the service may go on finding it for a while."""
        self._removed.add(file)
        self._texts.pop(file, None)

    async def run(self, store: str, query: SearchQuery) -> tuple[Hit, ...]:
        """Search; hits carry the span where their text is found again in the document.

        Args:
            store: Id of the store.
            query: What to look for.

        Raises:
            ProviderError: What the provider or the network said.
        """
        answer = await self._ask(store, query)
        found = [
            (one, document)
            for one in answer.data
            if (document := StoredDocument.read(FileId(one.file_id), one.attributes)) is not None
        ]
        current = {one.file for one in latest(document for _, document in found).values()}
        hits = [
            await self._hit(store, one, document)
            for one, document in found
            if document.file in current and _wanted(query, one.score, document)
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.chunk.id))
        return tuple(hits[: query.top_k])

    async def _ask(self, store: str, query: SearchQuery) -> SearchAnswer:
        # Files that are gone, replaced, or only seem to fit take places of others: ask for more.
        doubtful = bool(self._removed) or (query.filter is not None and is_negative(query.filter))
        most = _MOST_RESULTS if doubtful else min(2 * query.top_k, _MOST_RESULTS)
        body: dict[str, object] = {
            "query": query.text,
            "max_num_results": most,
            "rewrite_query": False,
        }
        if query.filter is not None:
            body["filters"] = to_store_filter(query.filter)
        if query.min_score is not None:
            body["ranking_options"] = {"score_threshold": min(1.0, max(0.0, query.min_score))}
        received = await self._connection.post(
            checked_path("/vector_stores/{store}/search", store=store),
            operation=_OPERATION,
            repeat="safe",
            body=body,
        )
        answer = read(SearchAnswer, received, connection=self._connection, operation=_OPERATION)
        # More than was asked for is not looked at: each document costs a request of its own.
        found = answer.data[:most]
        kept = tuple(one for one in found if FileId(one.file_id) not in self._removed)
        return answer.model_copy(update={"data": kept})

    async def _hit(self, store: str, one: FoundAnswer, document: StoredDocument) -> Hit:
        text = "\n".join(piece.text for piece in one.content if piece.type == "text")
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        return Hit(
            chunk=Chunk(
                id=ChunkId(f"{document.id}#{digest}"),
                document=document.id,
                text=text,
                span=await self._place(store, document.file, text),
                title=document.title,
                source=document.source,
                metadata=document.metadata,
            ),
            score=one.score,
            score_kind=ScoreKind.PROVIDER,
        )

    async def _place(self, store: str, file: FileId, text: str) -> Span:
        """Find a text in its document; an empty span at 0 says that it is not there literally."""
        start = (await self._text(store, file)).find(text)
        return Span(start=0, end=0) if start < 0 else Span(start=start, end=start + len(text))

    async def _text(self, store: str, file: FileId) -> str:
        if file in self._texts:
            self._texts.move_to_end(file)
            return self._texts[file]
        path = checked_path("/vector_stores/{store}/files/{file}/content", store=store, file=file)
        try:
            received = await self._connection.get(path, operation=_OPERATION)
        except NotFoundError:
            return ""  # removed since it was found
        answer = read(ContentAnswer, received, connection=self._connection, operation=_OPERATION)
        whole = "".join(piece.text for piece in answer.data if piece.type == "text")
        self._texts[file] = whole
        while sum(map(len, self._texts.values())) > self._most and len(self._texts) > 1:
            self._texts.popitem(last=False)
        return whole


def _wanted(query: SearchQuery, score: float, document: StoredDocument) -> bool:
    if query.min_score is not None and score < query.min_score:
        return False
    return query.filter is None or holds(query.filter, document.metadata) is True
