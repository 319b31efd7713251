"""Turn texts into vectors once, and search an index with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tailorbird.exceptions import IndexMismatchError, InvalidInputError
from tailorbird.types.retrieval import SearchQuery
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.journal import Journal
    from tailorbird.protocols import Embeddings, Retrieval
    from tailorbird.types.filters import Filter
    from tailorbird.types.ids import IndexName, ModelId
    from tailorbird.types.retrieval import Hit, SearchMode
    from tailorbird.workflow.searching.selection import Selection


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


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of some texts, and what they cost."""

    vectors: NDArray[np.float32]
    """n × d float32 of unit length, in the order of the texts."""
    fresh: int
    """How many texts were sent to the provider; the others were known."""
    usage: Usage = field(default_factory=Usage)
    """Tokens of the texts that were sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedder:
    """Embeds texts with one model and remembers the vectors: no text is paid for twice."""

    embeddings: Embeddings
    """Where vectors come from."""
    model: ModelId
    """What makes them."""
    journal: Journal
    """Where they are remembered."""
    identity: str
    """Provider and account: vectors of another account's model are never reused."""
    dimensions: int | None = None
    """Width; None takes the model's own."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Give one vector for each text; known ones are read, the rest is embedded and kept.

        Raises:
            InvalidInputError: A text is blank or too long.
            ProviderError: What the provider said; vectors of earlier batches are kept.
        """
        import numpy as np  # noqa: PLC0415 - keeps 160 ms out of `import tailorbird`

        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
        cache = f"{self.identity}/{self.model}/{self.dimensions or ''}"
        known = dict(await self.journal.get_vectors(cache, sorted(set(keys))))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        usage = Usage()
        waiting = list(missing.items())
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            result = await self.embeddings.embed(
                [text for _, text in batch], model=self.model, dimensions=self.dimensions
            )
            usage += result.usage
            fresh = {
                key: row.tobytes() for (key, _), row in zip(batch, result.vectors, strict=True)
            }
            await self.journal.put_vectors(cache, fresh)
            known.update(fresh)
        joined = b"".join(known[key] for key in keys)
        vectors = np.frombuffer(joined, dtype=np.float32).reshape(len(keys), -1)
        return Embedded(vectors, len(missing), usage)


# Below every limit of a single request, so that a crash loses at most one paid request:
# 2,048 inputs (facts of OpenAI's OpenAPI description, CreateEmbeddingRequest, read 2026-11-22).
_BATCH = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Searcher:
    """Searches the indexes of one engine."""

    retrieval: Retrieval
    """The engine."""
    embedder: Embedder | None
    """Makes query vectors; None for engines that embed by themselves."""

    async def search(self, name: IndexName, query: SearchQuery) -> tuple[Hit, ...]:
        """Give the best chunks, best first.

        Raises:
            IndexMissingError: There is no such index, or it is empty.
            IndexMismatchError: The index was built with another embedding model.
            RetrievalError: The engine cannot serve the query.
        """
        if self.embedder is None or query.mode == "lexical":
            return await self.retrieval.search(name, query)
        await self._check_model(name, self.embedder)
        embedded = await self.embedder.embed([query.text])
        return await self.retrieval.search(name, query, vector=embedded.vectors[0])

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
        info = await self.retrieval.get(name)
        if info.spec.embedding_model != embedder.model:
            message = (
                f"index {name!r} was built with the embedding model"
                f" {info.spec.embedding_model!r}, the profile's is {embedder.model!r}:"
                " use the same model, or build the index again under another name"
            )
            raise IndexMismatchError(message)

    async def select(
        self, name: IndexName, query: SearchQuery, selection: Selection
    ) -> tuple[Hit, ...]:
        """Give the best chunks that a selection leaves, neighbors joined; best first.

        The least score is the selection's. The errors are those of `search`.
        """
        update = {"top_k": selection.wanted(query.top_k), "min_score": selection.query_score}
        hits = await self.search(name, query.model_copy(update=update))
        return selection.choose(hits, top_k=query.top_k)
