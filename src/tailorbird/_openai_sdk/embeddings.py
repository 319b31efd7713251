"""Embeddings over the SDK: as many requests as the limits ask for, a few of them at a time."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from tailorbird._openai_sdk.connection import CALL_TIMEOUT_S
from tailorbird._openai_sdk.model_traits import model_itself, widths_of
from tailorbird._openai_sdk.parsing import Source
from tailorbird._openai_sdk.vectors import read_vectors
from tailorbird.data.tokens import estimate_tokens
from tailorbird.exceptions import InvalidInputError, UnexpectedResponseError
from tailorbird.protocols import Embeddings
from tailorbird.types.capabilities import Capability
from tailorbird.types.embeddings import EmbeddingResult
from tailorbird.types.ids import ModelId
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.vectors import Batch
    from tailorbird.data.tokens import TokenCounter
    from tailorbird.types.capabilities import Capabilities

PATH = "/embeddings"
"""Where requests go, from the base URL."""

_OPERATION = "embeddings.embed"

_UNKNOWN_WIDTH = 4096  # for the size of an answer; wider vectors are rare
_BYTES_A_FLOAT = {True: 5.4, False: 24.0}  # in base64; as the longest decimal number
_IN_THREAD_BYTES = 4 << 20  # reading more would hold up the event loop for ten milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingLimits:
    """What one request may hold; the defaults are those of OpenAI and Azure.

    Sources: OpenAPI document 2.3.0, CreateEmbeddingRequest; Azure OpenAI quotas and limits,
    learn.microsoft.com (both read 2026-11-22).
    """

    texts: int = 2_048
    """Texts in one request."""
    tokens: int = 300_000
    """Tokens in one request."""
    tokens_a_text: int = 8_192
    """Tokens in one text."""
    answer_bytes: int = 24 << 20
    """Bytes of one answer, below what the HTTP client takes: our own choice."""
    in_flight: int = 4
    """Requests at a time: our own choice."""
    base64: bool = True
    """Whether the server knows `encoding_format: base64`; lists of numbers are read either way."""


class SdkEmbeddings(Embeddings):
    """Embeddings of one account."""

    def __init__(
        self,
        connection: Connection,
        *,
        capabilities: Capabilities,
        model_of: Callable[[ModelId], ModelId | None] | None = None,
        limits: EmbeddingLimits | None = None,
        count_tokens: TokenCounter | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:
        """Embed over a connection.

        Args:
            connection: Carries the requests; opened and closed by its owner.
            capabilities: What the provider offers.
            model_of: Gives the model behind a callable name, None where nobody knows; left out
                where names are models.
            limits: What one request may hold; None for OpenAI's limits.
            count_tokens: Counts tokens exactly. None takes the bytes of a text, of which a token
                has at least one, to fill requests, and an estimate to refuse long texts.
            timeout_s: Seconds for each request of a call that names none.
        """
        self._connection = connection
        self._capabilities = capabilities
        self._model_of: Callable[[ModelId], ModelId | None] = model_of or model_itself
        self._timeout_s = timeout_s
        self._limits = limits or EmbeddingLimits()
        self._count = count_tokens

    @override
    async def embed(
        self,
        texts: Sequence[str],
        *,
        model: ModelId,
        dimensions: int | None = None,
        timeout_s: float | None = None,
    ) -> EmbeddingResult:
        copied = _copied(texts)
        sizes = [self.check_text(text, place) for place, text in enumerate(copied)]
        plan = self.plan(model, dimensions=dimensions)
        asking = _Asking(
            connection=self._connection,
            plan=plan,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
        )
        spans = list(self._spans(sizes, plan.width or _UNKNOWN_WIDTH))
        batches = await _all_batches(asking, copied, spans, in_flight=self._limits.in_flight)
        return self._joined(batches, self._model_of(model) or model)

    def plan(self, model: ModelId, *, dimensions: int | None) -> EmbeddingPlan:
        """Check what all requests of a call, or of a batch, have in common.

        Raises:
            InvalidInputError: The model is no name, or does not offer that width.
            UnsupportedError: The provider does not offer embeddings, or a choice of width.
        """
        if not model.strip():
            message = f"model cannot be {model!r}: name a model or a deployment"
            raise InvalidInputError(message)
        self._require(Capability.EMBEDDINGS)
        known = widths_of(self._model_of(model) or model)
        if dimensions is not None:
            self._require(Capability.EMBEDDINGS_DIMENSIONS)
            _check_width(dimensions, known)
        return EmbeddingPlan(
            model=model,
            width=dimensions or (known[0] if known else None),
            # A model that offers its own width alone does not take the parameter.
            dimensions=dimensions if known is None or known[1] else None,
            base64=self._limits.base64,
        )

    def _require(self, capability: Capability) -> None:
        self._capabilities.require(capability, on=self._connection.clock.today())

    def check_text(self, text: object, place: int | str) -> int:
        """Give an upper bound of the tokens of a text.

        Args:
            text: The text.
            place: Its number within the call, from 0, or the key of its request.

        Raises:
            InvalidInputError: It is no text, cannot be sent, is blank, or is too long.
        """
        if not isinstance(text, str):
            message = f"{_named(place)} is a {type(text).__name__}: give a str"
            raise InvalidInputError(message)
        if not text or text.isspace():
            message = f"{_named(place)} is blank: leave it out"
            raise InvalidInputError(message)
        try:
            size = len(text) if text.isascii() else len(text.encode())
        except UnicodeEncodeError as exc:
            message = f"{_named(place)} holds half a character: remove it"
            raise InvalidInputError(message) from exc
        most = self._limits.tokens_a_text
        if self._count is not None:
            size = tokens = self._count(text)
        else:
            tokens = estimate_tokens(text) if size > most else size
        if tokens > most:
            about = "about " if self._count is None else ""
            message = f"{_named(place)} has {about}{tokens} tokens, the model takes {most}: cut it"
            raise InvalidInputError(message)
        return min(size, most)

    def _spans(self, sizes: Sequence[int], width: int) -> Iterator[slice]:
        """Cut the texts into requests, filled in order."""
        limits = self._limits
        fitting = int(limits.answer_bytes / (width * _BYTES_A_FLOAT[limits.base64]))
        most = max(1, min(limits.texts, fitting))
        start, tokens = 0, 0
        for place, size in enumerate(sizes):
            if place - start == most or (tokens + size > limits.tokens and place > start):
                yield slice(start, place)
                start, tokens = place, 0
            tokens += size
        yield slice(start, len(sizes))

    def _joined(self, batches: Sequence[Batch], expected: ModelId) -> EmbeddingResult:
        """Put the requests' vectors together.

        Raises:
            UnexpectedResponseError: They are not all of one width.
        """
        widths = {batch.vectors.shape[1] for batch in batches}
        if len(widths) > 1:
            raise UnexpectedResponseError(
                f"requests of one call got vectors of different widths: {sorted(widths)}",
                provider=self._connection.provider,
                operation=_OPERATION,
            )
        many = len(batches) > 1
        vectors: NDArray[np.float32] = (
            np.concatenate([batch.vectors for batch in batches]) if many else batches[0].vectors
        )
        return EmbeddingResult(
            vectors=vectors,
            model=ModelId(batches[0].model) if batches[0].model else expected,
            usage=Usage(input_tokens=sum(batch.tokens for batch in batches)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingPlan:
    """What all requests of one call, or of one batch, have in common."""

    model: ModelId
    """What they name as their model."""
    width: int | None
    """How wide the vectors must be; None when nobody knows."""
    dimensions: int | None
    """The width that is asked for; None asks for none."""
    base64: bool
    """Whether vectors are wanted as base64."""

    def body(self, given: str | Sequence[str]) -> dict[str, object]:
        """Make the body of a request."""
        body: dict[str, object] = {"model": self.model, "input": given}
        if self.base64:
            body["encoding_format"] = "base64"
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """How the requests of one call go."""

    connection: Connection
    plan: EmbeddingPlan
    timeout_s: float

    async def batch(self, texts: Sequence[str]) -> Batch:
        """Embed the texts of one request."""
        received = await self.connection.post(
            PATH,
            operation=_OPERATION,
            repeat="safe",
            body=self.plan.body(texts),
            timeout_s=self.timeout_s,
        )
        source = Source(self.connection, _OPERATION, received)
        read = functools.partial(
            read_vectors, received.content, source, texts=len(texts), width=self.plan.width
        )
        if len(received.content) > _IN_THREAD_BYTES:
            return await asyncio.to_thread(read)
        return read()


async def _all_batches(
    asking: _Asking, texts: Sequence[str], spans: Sequence[slice], *, in_flight: int
) -> list[Batch]:
    """Send all requests, a few at a time; the first failure ends the others."""
    if len(spans) == 1:
        return [await asking.batch(texts)]
    places = asyncio.Semaphore(in_flight)

    async def limited(span: slice) -> Batch:
        async with places:
            return await asking.batch(texts[span])

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(limited(span)) for span in spans]
    except BaseExceptionGroup as exc:
        # A caller asked for one thing and gets one error.
        raise exc.exceptions[0] from exc.exceptions[0].__cause__
    return [task.result() for task in tasks]


def _named(place: int | str) -> str:
    if isinstance(place, str):
        return f"the text of request {place!r}"
    return f"text {place} (counted from 0)"


def _copied(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str | bytes):
        message = f"texts is a single {type(texts).__name__}: give a list of texts"
        raise InvalidInputError(message)
    copied = list(texts)
    if not copied:
        message = "there is no text to embed"
        raise InvalidInputError(message)
    return copied


def _check_width(dimensions: int, known: tuple[int, bool] | None) -> None:
    """Do nothing when the model offers vectors of that width; the server knows unknown models.

    Raises:
        InvalidInputError: It does not.
    """
    most, narrower = known or (None, True)
    if dimensions < 1 or (most is not None and dimensions > most):
        offered = f"1 to {most}" if most else "at least 1"
        raise InvalidInputError(f"dimensions must be {offered}, got {dimensions!r}")
    if not narrower and dimensions != most:
        raise InvalidInputError(f"dimensions: this model offers {most} only, got {dimensions!r}")
