"""Turn texts into vectors, and pay for each text once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.exceptions import UnexpectedResponseError
from tailorbird.text.memo import Recent
from tailorbird.types.usage import Usage
from tailorbird.workflow.once.shielding import carry_through

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.journal import Journal
    from tailorbird.protocols import Embeddings
    from tailorbird.types.embeddings import EmbeddingResult
    from tailorbird.types.ids import ModelId

TEXTS_A_CALL = 256
"""Texts in one call at most: what a killed process may have paid for in vain, for each call that
was under way. OpenAI and Azure take 2,048 (OpenAPI document 2.3.0, CreateEmbeddingRequest, read
2026-11-22); fuller calls are hardly faster."""

_BYTES_A_CALL = 300_000
"""UTF-8 bytes in one call. A token has at least one byte, so that a call is one request: those take
300,000 tokens (OpenAPI document 2.3.0, CreateEmbeddingRequest, read 2026-11-22)."""

_RECENT = 128
"""Vectors that are kept at hand, 1 MB: arms that search, or show the nearest examples, ask for the
vector of one question."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of some texts, and what they cost."""

    vectors: NDArray[np.float32]
    """n × d float32 of unit length, in the order of the texts."""
    fresh: int
    """How many texts were sent to the provider; the others were known."""
    usage: Usage = field(default_factory=Usage)
    """Tokens of the texts that were sent."""


@dataclass(frozen=True, slots=True)
class _Made:
    """Vectors by the keys of their texts, how many of them were embedded, and what that cost."""

    vectors: dict[str, bytes]
    fresh: int
    usage: Usage


def text_key(text: str) -> str:
    """Give the name under which the vector of a text is remembered: 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


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
    _recent: Recent[str, bytes] = field(
        init=False, repr=False, compare=False, default_factory=lambda: Recent(_RECENT)
    )
    """The vectors that were given last, by the keys of their texts."""
    _asked: dict[str, asyncio.Event] = field(
        init=False, repr=False, compare=False, default_factory=dict[str, asyncio.Event]
    )

    @property
    def space(self) -> str:
        """Under which name the journal keeps the vectors: account, model and width."""
        return f"{self.identity}/{self.model}/{self.dimensions or ''}"

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Give one vector for each text; known ones are read, the rest is embedded and kept.

        What another task has asked for is waited for, and not asked for again.

        Raises:
            InvalidInputError: A text is blank or too long.
            ProviderError: What the provider said; vectors of earlier calls are kept.
            UnexpectedResponseError: Another model answers to the name than before.
        """
        import numpy as np  # noqa: PLC0415 - keeps 160 ms out of `import tailorbird`

        keys = [text_key(text) for text in texts]
        known = {key: vector for key in keys if (vector := self._recent.get(key)) is not None}
        left = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        usage, fresh = Usage(), 0
        while left:
            others = [self._asked[key] for key in left if key in self._asked]
            mine = {key: text for key, text in left.items() if key not in self._asked}
            made = await self._claimed(mine) if mine else _Made({}, 0, Usage())
            known |= made.vectors
            usage, fresh = usage + made.usage, fresh + made.fresh
            for other in others:
                await other.wait()
            # The others' are known by now; where they failed, it is this task's turn.
            left = {key: text for key, text in left.items() if key not in known}
        self._check_widths({len(known[key]) for key in keys})
        joined = b"".join(known[key] for key in keys)
        for key in keys[:_RECENT]:
            self._recent.put(key, known[key])
        vectors = np.frombuffer(joined, dtype=np.float32).reshape(len(keys), -1)
        return Embedded(vectors, fresh, usage)

    async def _claimed(self, texts: Mapping[str, str]) -> _Made:
        """Read or embed texts by their keys, which nobody else asks for meanwhile."""
        done = asyncio.Event()
        self._asked.update(dict.fromkeys(texts, done))
        try:
            return await self._made(texts)
        finally:
            done.set()
            for key in texts:
                del self._asked[key]

    async def _made(self, texts: Mapping[str, str]) -> _Made:
        vectors = dict(await self.journal.get_vectors(self.space, sorted(texts)))
        missing = {key: text for key, text in texts.items() if key not in vectors}
        usage = Usage()
        for batch in batches(missing.items()):
            result = await self.embeddings.embed(
                [text for _, text in batch], model=self.model, dimensions=self.dimensions
            )
            usage += result.usage
            rows = self._rows(result, len(batch))
            fresh = {key: row.tobytes() for (key, _), row in zip(batch, rows, strict=True)}
            # They are paid for: written down also when nobody waits for them any more.
            await carry_through(self.keep(fresh))
            vectors.update(fresh)
        return _Made(vectors, len(missing), usage)

    def _rows(self, result: EmbeddingResult, count: int) -> NDArray[np.float32]:
        """Give the vectors, as far as a provider of somebody's own made them as promised.

        Raises:
            UnexpectedResponseError: There is not one for each text, or they are no float32.
        """
        vectors = result.vectors
        kind, shape = (getattr(vectors, name, None) for name in ("dtype", "shape"))
        if kind == "float32" and shape is not None and shape[:-1] == (count,):
            return vectors
        raise self._unexpected(
            f"{count} texts must give an array of as many rows of float32, not shape {shape} of"
            f" {kind}; see EmbeddingResult"
        )

    def _check_widths(self, sizes: set[int]) -> None:
        """Do nothing where vectors have one width.

        Raises:
            UnexpectedResponseError: They have several.
        """
        if len(sizes) > 1:
            widths = " and ".join(str(size // 4) for size in sorted(sizes))
            raise self._unexpected(
                f"the vectors of {self.model!r} have {widths} dimensions: another model answers to"
                " the name than before; give it another name, or take a new workspace"
            )

    def _unexpected(self, reason: str) -> UnexpectedResponseError:
        return UnexpectedResponseError(
            reason,
            provider=self.identity.partition("/")[0],
            operation="embeddings.embed",
            accepted="yes",
        )

    async def missing(self, texts: Iterable[str]) -> Mapping[str, str]:
        """Give the texts whose vectors are not known, each once, by their keys."""
        asked = {text_key(text): text for text in texts}
        known = await self.journal.get_vectors(self.space, sorted(asked))
        return {key: text for key, text in asked.items() if key not in known}

    async def keep(self, vectors: Mapping[str, bytes]) -> None:
        """Remember vectors, as float32 bytes, by the keys of their texts."""
        await self.journal.put_vectors(self.space, vectors)


@dataclass(frozen=True, slots=True)
class LimitedEmbedder:
    """Embeds the texts of one run, a few calls at a time."""

    embedder: Embedder
    """Makes and remembers the vectors."""
    turns: asyncio.Semaphore
    """How many calls may be under way."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Give one vector for each text; any number may be asked for at the same time.

        Raises:
            TailorbirdError: The errors of `Embedder.embed`; calls that were under way then are
                brought to their end, so that what they cost is not lost.
        """
        import numpy as np  # noqa: PLC0415 - as above

        parts = [texts[at : at + TEXTS_A_CALL] for at in range(0, len(texts), TEXTS_A_CALL)]
        if len(parts) == 1:
            return await self._part(texts)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._settled(part)) for part in parts]
        found: list[Embedded] = []
        for task in tasks:
            result = task.result()
            if isinstance(result, Exception):
                raise result
            found.append(result)
        return Embedded(
            np.concatenate([one.vectors for one in found]),
            sum(one.fresh for one in found),
            sum((one.usage for one in found), start=Usage()),
        )

    async def _settled(self, texts: Sequence[str]) -> Embedded | Exception:
        try:
            return await self._part(texts)
        except Exception as exc:  # noqa: BLE001 - raised by `embed`, when all parts have ended
            return exc

    async def _part(self, texts: Sequence[str]) -> Embedded:
        async with self.turns:
            return await self.embedder.embed(texts)


def batches(items: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Cut keys with their texts into what one call takes."""
    batch: list[tuple[str, str]] = []
    size = 0
    for key, text in items:
        added = len(text.encode("utf-8", "surrogatepass"))
        if batch and (len(batch) == TEXTS_A_CALL or size + added > _BYTES_A_CALL):
            yield batch
            batch, size = [], 0
        batch.append((key, text))
        size += added
    if batch:
        yield batch
