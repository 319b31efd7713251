"""The fake's embeddings: hashed character n-grams, so that texts with common wording come close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.data.tokens import estimate_tokens
from tailorbird.exceptions import InvalidInputError
from tailorbird.protocols import Embeddings
from tailorbird.providers.fake.cloud import Request
from tailorbird.text import hash_embedding
from tailorbird.types.capabilities import Capability
from tailorbird.types.embeddings import EmbeddingResult
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.providers.fake.catalog import Catalog
    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.flavors import ModelFacts
    from tailorbird.providers.fake.script import Turn
    from tailorbird.types.ids import ModelId

# Limits of a request: OpenAI's description of CreateEmbeddingRequest and Azure OpenAI quotas and
# limits, read 2026-11-22.
MOST_TEXTS = 2_048
"""Texts in one request."""
MOST_TOKENS = 300_000
"""Tokens in one request."""
MOST_TOKENS_A_TEXT = 8_192
"""Tokens in one text."""

_IN_THREAD = 64  # texts from which embedding would hold up the event loop for milliseconds


class FakeEmbeddings(Embeddings):
    """Embeddings of one fake."""

    def __init__(self, cloud: Cloud, catalog: Catalog) -> None:
        """Share the state of a fake."""
        self._cloud = cloud
        self._catalog = catalog

    @override
    async def embed(
        self,
        texts: Sequence[str],
        *,
        model: ModelId,
        dimensions: int | None = None,
        timeout_s: float | None = None,
    ) -> EmbeddingResult:
        self._cloud.require_open("embeddings.embed")
        copied = _copied(texts)
        sizes = [text_tokens(text, position) for position, text in enumerate(copied)]
        needs = [Capability.EMBEDDINGS]
        facts = self._catalog.facts_of(model)
        if dimensions is not None:
            needs.append(Capability.EMBEDDINGS_DIMENSIONS)
            check_width(dimensions, facts)

        async def effect(_: Turn) -> EmbeddingResult:
            found = await self._catalog.reach(model, "embedding", "embeddings.embed")
            width = dimensions or found.facts.dimensions
            if len(copied) < _IN_THREAD:
                vectors = hash_embedding(copied, dimensions=width)
            else:
                vectors = await self._cloud.in_thread(
                    lambda: hash_embedding(copied, dimensions=width)
                )
            usage = Usage(input_tokens=sum(sizes))
            self._cloud.count_usage(usage)
            return EmbeddingResult(vectors=vectors, model=found.model, usage=usage)

        requests = _requests(sizes)
        request = Request(
            operation="embeddings.embed",
            facts={"model": model, "texts": len(copied), "requests": requests},
            needs=tuple(needs),
            timeout_s=timeout_s,
            stateful=False,
            count=requests,
        )
        return await self._cloud.call(request, effect)


def _copied(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        message = "texts is a single str: give a list of texts"
        raise InvalidInputError(message)
    copied = list(texts)
    if not copied:
        message = "there is no text to embed"
        raise InvalidInputError(message)
    return copied


def text_tokens(text: str, position: int) -> int:
    """Count the tokens of a text.

    Raises:
        InvalidInputError: It is blank or too long; the message names its position.
    """
    if not text.strip():
        message = f"text {position} (counted from 0) is blank: leave it out"
        raise InvalidInputError(message)
    tokens = estimate_tokens(text)
    if tokens > MOST_TOKENS_A_TEXT:
        message = (
            f"text {position} (counted from 0) has about {tokens} tokens, the model takes"
            f" {MOST_TOKENS_A_TEXT}: cut it"
        )
        raise InvalidInputError(message)
    return tokens


def check_width(dimensions: int, facts: ModelFacts | None) -> None:
    """Do nothing when a model offers vectors of that width; nothing is known of an unknown one.

    Raises:
        InvalidInputError: It does not.
    """
    most = None if facts is None else facts.most_dimensions
    if dimensions < 1 or (most is not None and dimensions > most):
        message = f"dimensions must be 1 to {most or 'the largest that the model has'}, got"
        raise InvalidInputError(f"{message} {dimensions!r}")


def _requests(sizes: Sequence[int]) -> int:
    """Count the requests that texts of these sizes take, filled in order."""
    requests, texts, tokens = 1, 0, 0
    for size in sizes:
        if texts == MOST_TEXTS or tokens + size > MOST_TOKENS:
            requests, texts, tokens = requests + 1, 0, 0
        texts, tokens = texts + 1, tokens + size
    return requests
