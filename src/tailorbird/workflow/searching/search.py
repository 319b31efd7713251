"""Search an index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import ValidationError

from tailorbird.exceptions import ConfigError, IndexMismatchError, InvalidInputError
from tailorbird.protocols.returned import promised
from tailorbird.retrieval.reranking import check_reranked
from tailorbird.types.retrieval import Hit, IndexInfo, Reranked, SearchQuery
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tailorbird.protocols import Reranker, Retrieval
    from tailorbird.types.filters import Filter
    from tailorbird.types.ids import IndexName, ModelId
    from tailorbird.types.retrieval import SearchMode
    from tailorbird.workflow.searching.embedder import Embedder
    from tailorbird.workflow.searching.selection import Rerank, Selection

T = TypeVar("T")


def make_query(
    text: str, *, top_k: int, mode: SearchMode | None, where: Filter | None
) -> SearchQuery:
    """Check a search's arguments.

    Raises:
        InvalidInputError: One is outside its range; the message names it.
    """
    if not text.strip():
        message = "the query is blank; give a question or words to look for"
        raise InvalidInputError(message)
    try:
        return SearchQuery(text=text, top_k=top_k, mode=mode, filter=where)
    except ValidationError as exc:
        found = exc.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in found["loc"])
        message = f"{field}: {found['msg'].lower()}"
        raise InvalidInputError(message) from exc


class SearchResult(tuple["Hit", ...]):  # noqa: SLOT001 - only an empty tuple of slots can be named
    """Hits, best first, and what putting them into order cost."""

    usage: Usage
    """Tokens that reranking took; the vector of the query is not counted."""
    rerank_model: ModelId | None
    """The model whose tokens they are; None where none reranked."""

    def __new__(
        cls,
        hits: Iterable[Hit] = (),
        *,
        usage: Usage | None = None,
        rerank_model: ModelId | None = None,
    ) -> Self:
        """Take the hits in their order."""
        made = super().__new__(cls, hits)
        made.usage, made.rerank_model = usage or Usage(), rerank_model
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Searcher:
    """Searches the indexes of one engine."""

    retrieval: Retrieval
    """The engine."""
    embedder: Embedder | None
    """Makes query vectors; None for engines that embed by themselves."""
    reranker: Callable[[Rerank], Reranker] | None = None
    """Gives what puts hits into a better order, where that is asked for; None for nothing."""

    async def search(self, name: IndexName, query: SearchQuery) -> tuple[Hit, ...]:
        """Give the best chunks, best first.

        Raises:
            IndexMissingError: There is no such index, or it is empty.
            IndexMismatchError: The index was built with another embedding model.
            RetrievalError: The engine cannot serve the query.
            UnexpectedResponseError: An engine of somebody's own gave something else than hits.
        """
        if self.embedder is None or query.mode == "lexical":
            hits = await self.retrieval.search(name, query)
        else:
            await self._check_model(name, self.embedder)
            embedded = await self.embedder.embed([query.text])
            hits = await self.retrieval.search(name, query, vector=embedded.vectors[0])
        self._promised(hits, tuple, "search", name)
        for hit in hits:
            self._promised(hit, Hit, "search", name)
        return hits

    async def prepare(self, name: IndexName, texts: Sequence[str]) -> None:
        """Make the vectors of many queries at once; searches for them find theirs in the journal.

        Raises:
            IndexMissingError: There is no such index.
            IndexMismatchError: The index was built with another embedding model.
            ProviderError: What the embedding model said.
        """
        if self.embedder is not None:
            await self._check_model(name, self.embedder)
            await self.embedder.embed(texts)

    async def _check_model(self, name: IndexName, embedder: Embedder) -> None:
        info = self._promised(await self.retrieval.get(name), IndexInfo, "get", name)
        if info.spec.embedding_model != embedder.model:
            message = (
                f"index {name!r} was built with the embedding model"
                f" {info.spec.embedding_model!r}, the profile's is {embedder.model!r}:"
                " use the same model, or build the index again under another name"
            )
            raise IndexMismatchError(message)

    def _promised(self, value: object, kind: type[T], operation: str, name: IndexName) -> T:
        engine = type(self.retrieval).__name__
        return promised(value, kind, by=engine, operation=operation, about=name)

    async def select(
        self,
        name: IndexName,
        query: SearchQuery,
        selection: Selection,
        *,
        rerank: Rerank | None = None,
    ) -> SearchResult:
        """Give the best chunks that a selection leaves, neighbors joined; best first.

        The least score is the selection's. With `rerank`, the best of what is near enough are put
        into a new order before the best `top_k` of them are taken.

        Raises:
            ConfigError: Hits are to be reranked, and nothing does that.
            InvalidInputError: The reranker gave something else than the hits that it was given.
            AnswerError: The model's answer does not order the hits.
            ProviderError: What the provider said; the other errors are those of `search`.
        """
        most = selection.wanted(query.top_k)
        if rerank is not None:
            most = max(most, rerank.window)
        update = {"top_k": most, "min_score": selection.query_score}
        hits = await self.search(name, query.model_copy(update=update))
        reranked = Reranked(hits=hits)
        if rerank is not None:
            window = max(rerank.window, query.top_k)
            reranked = await self._reranked(
                query.text, selection.candidates(hits)[:window], settings=rerank
            )
        chosen = selection.choose(reranked.hits, top_k=query.top_k)
        return SearchResult(chosen, usage=reranked.usage, rerank_model=reranked.model)

    async def _reranked(self, query: str, hits: Sequence[Hit], *, settings: Rerank) -> Reranked:
        if self.reranker is None:
            message = "hits are to be reranked, and there is no reranker: give Searcher one"
            raise ConfigError(message)
        if not hits:
            return Reranked(hits=())
        reranker = self.reranker(settings)
        reranked = await reranker.rerank(query, hits)
        promised(reranked, Reranked, by=reranker.identity, operation="rerank")
        check_reranked(hits, reranked, by=reranker.identity)
        return reranked
