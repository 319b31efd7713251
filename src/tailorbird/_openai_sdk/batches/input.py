"""The file with a batch's requests: written line by line, and cut where a limit is reached."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
from pydantic_core import to_json

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.batches import ChatRequest, EmbeddingRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from tailorbird.types.ids import ModelId

R = TypeVar("R", ChatRequest, EmbeddingRequest)

BodyOf = Callable[[R], tuple[str, Mapping[str, object]]]
"""Gives the path that a request goes to, and its body."""

TURN = 32
"""Lines between two looks at other tasks: some milliseconds of work."""

_PIECE_BYTES = 1 << 20  # what is written to disk at once


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesDialect:
    """In what batches of one provider differ from those of another; the defaults are OpenAI's.

    Source: OpenAI, guide "Batch", developers.openai.com/api/docs/guides/batch, read 2026-11-22.
    """

    most_requests: int = 50_000
    """Requests in one batch."""
    most_bytes: int = 200_000_000
    """Size of its file."""
    endpoint_prefix: str = "/v1"
    """What stands before the endpoint when a batch is created."""
    input_expiry_s: int | None = None
    """Life of the file with the requests; None leaves it to the provider."""
    keeps_metadata: bool = True
    """Whether batches keep what was attached; else they are found by the name of their file."""
    newest_first: bool = True
    """Whether listings come newest first; else they are read whole and sorted."""
    check_model: Callable[[ModelId, str], None] | None = None
    """Refuses names that cannot answer; it is given the name and the operation."""


def input_name(metadata: Mapping[str, str]) -> str:
    """Name the file of a batch so that it can be found by it where metadata are not kept."""
    text = to_json(dict(sorted(metadata.items())))
    return f"batch-{hashlib.sha256(text).hexdigest()[:32]}.jsonl"


@dataclass(frozen=True, slots=True)
class Draft(Generic[R]):
    """The requests of one batch, or of several, before they are written."""

    requests: Sequence[R]
    """What to ask, at least one."""
    body_of: BodyOf[R]
    """How each is asked."""
    dialect: BatchesDialect
    """Which limits there are."""

    async def cut(self) -> tuple[int, ...]:
        """Say how many requests go into each batch, in their order.

        Raises:
            InvalidInputError: As for `write`, but for the size of all together.
        """
        counts, size = [0], 0
        async for _, line in self._lines():
            size += len(line)
            if counts[-1] == self.dialect.most_requests or size > self.dialect.most_bytes:
                counts.append(0)
                size = len(line)
            counts[-1] += 1
        return tuple(counts)

    async def write(self, spool: Path) -> str:
        """Write the lines to disk and give the path that all of them go to.

        Raises:
            InvalidInputError: A request is wrong or too large, goes to another path than the
                first one, or they are too large together.
        """
        waiting = bytearray()
        total, asked = 0, ""
        async for path, line in self._lines():
            asked = path
            waiting += line
            total += len(line)
            if total > self.dialect.most_bytes:
                message = (
                    f"the requests are larger than {self.dialect.most_bytes} bytes together, the"
                    " limit of one batch: hand them in in parts, as `cut_chat` says"
                )
                raise InvalidInputError(message)
            if len(waiting) > _PIECE_BYTES:
                await asyncio.to_thread(_append, spool, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(_append, spool, bytes(waiting))
        return asked

    async def _lines(self) -> AsyncIterator[tuple[str, bytes]]:
        first = ""
        for place, one in enumerate(self.requests):
            if place % TURN == TURN - 1:
                await asyncio.sleep(0)
            path, body = self.body_of(one)
            first = first or path
            if path != first:
                message = (
                    f"one batch asks one endpoint: request {self.requests[0].key!r} goes to"
                    f" {first}, request {one.key!r} to {path} by its options; hand them in apart"
                )
                raise InvalidInputError(message)
            line = _line(one.key, path, body)
            if len(line) > self.dialect.most_bytes:
                message = f"request {one.key!r} is larger than any batch may be: cut it"
                raise InvalidInputError(message)
            yield path, line


def _line(key: str, path: str, body: Mapping[str, object]) -> bytes:
    line = {"custom_id": key, "method": "POST", "url": f"/v1{path}", "body": body}
    return to_json(line) + b"\n"


@asynccontextmanager
async def temporary_file() -> AsyncGenerator[Path]:
    """Give an empty file that nobody else can read, and remove it at the end."""
    path = await asyncio.to_thread(_new_file)
    try:
        yield path
    finally:
        # Also when the caller was cancelled: the file holds the user's data.
        with anyio.CancelScope(shield=True):
            await asyncio.to_thread(path.unlink)


def _new_file() -> Path:
    handle, name = tempfile.mkstemp(prefix="tailorbird-", suffix=".jsonl")
    os.close(handle)
    return Path(name)


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
