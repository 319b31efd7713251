"""Records of an index: what is written for a chunk, a document and a state, and what is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, ValidationError
from pydantic_core import to_json

from tailorbird._openai_sdk.answers import Wire
from tailorbird.exceptions import InvalidInputError
from tailorbird.protocols.index_documents import checked_documents
from tailorbird.providers.azure.search_filter import MARKS, marks_of
from tailorbird.text import search_terms
from tailorbird.types.base import Frozen
from tailorbird.types.ids import DocumentId
from tailorbird.types.retrieval import Chunk, IndexedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tailorbird.types.retrieval import ChunkedDocument, IndexSpec

STATE_KEY = "state"
"""Key of the record that says which writing was the last."""

_HASH_DIGITS = 32  # 128 bits: no two documents of any index share them
_SHARD_BITS = 31
_DECIMALS = 8  # of numbers below 1: finer than the 24 bits of a 32-bit float


class DocumentNote(Frozen):
    """What an index remembers of a document."""

    id: DocumentId
    """The document."""
    content_hash: str
    """Its hash as it was given."""
    chunks: int = Field(ge=0)
    """How many chunks it has."""

    @property
    def indexed(self) -> IndexedDocument:
        """The same as a caller gets it."""
        return IndexedDocument(id=self.id, content_hash=self.content_hash, chunks=self.chunks)


class Row(Wire):
    """A record that was found."""

    id: str
    """Its key."""
    document: str | None = None
    """Hash of the document's id."""
    generation: str | None = None
    """Which writing it belongs to."""
    shard: int | None = None
    """What it is paged by."""
    text: str | None = None
    """A chunk's text."""
    payload: str | None = None
    """The rest of it, as JSON."""
    score: float = Field(default=0.0, validation_alias="@search.score", allow_inf_nan=False)
    """How well it fits."""
    reranker_score: float | None = Field(
        default=None, validation_alias="@search.rerankerScore", allow_inf_nan=False
    )
    """The same as the semantic ranker sees it; None where it did not look."""


class RowPage(Wire):
    """What a query found."""

    value: list[Row]
    """The records, in order."""
    count: int | None = Field(default=None, validation_alias="@odata.count")
    """How many there are in all; None when nobody asked."""
    semantic_reason: str | None = Field(
        default=None, validation_alias="@search.semanticPartialResponseReason"
    )
    """Why the semantic ranker did not do all its work; None when it did, or was not asked."""


class WriteResult(Wire):
    """What became of one record that was sent."""

    key: str
    """Its key."""
    status: bool
    """Whether it was taken."""
    status_code: int = Field(validation_alias="statusCode")
    """Why not, as an HTTP status."""


class WriteAnswer(Wire):
    """What became of the records of one request."""

    value: list[WriteResult]
    """One a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One record to be written or deleted."""

    key: str
    """Its key."""
    body: bytes
    """What is sent, as JSON."""
    document: str
    """The document it belongs to, for messages; empty for records of the index itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """All records of one `upsert`."""

    generation: str
    """Their mark."""
    chunks: tuple[Action, ...]
    """Written first."""
    documents: tuple[Action, ...]
    """Written when the chunks are visible: from then on the new chunks count."""


def document_hash(document: DocumentId) -> str:
    """Give what stands for a document's id in keys and filters: 32 hexadecimal digits."""
    encoded = document.encode("utf-8", errors="surrogatepass")
    return hashlib.sha256(encoded).hexdigest()[:_HASH_DIGITS]


def document_key(document_hash_: str) -> str:
    """Give the key of a document's record."""
    return f"d-{document_hash_}"


def prepare(documents: Sequence[ChunkedDocument], *, spec: IndexSpec, generation: str) -> Writing:
    """Check documents, all of them before any is written, and make their records.

    Raises:
        InvalidInputError: Vectors are missing, not finite or not one for each chunk; a chunk
            belongs to another document or its id comes twice; a tenant is missing; a number is not
            finite; a text cannot be written as UTF-8.
        IndexMismatchError: The vectors have another width.
    """
    latest = {one.document.id: one for one in documents}
    checked = checked_documents(tuple(latest.values()), spec=spec)
    return Writing(
        generation=generation,
        chunks=tuple(action for one in checked for action in _chunks(one, generation)),
        documents=tuple(_document(one, generation) for one in checked),
    )


def state_action(generation: str) -> Action:
    """Write down which writing was the last."""
    row = {"id": STATE_KEY, "kind": "state", "generation": generation}
    return _upload(row, document="")


def deletion(key: str) -> Action:
    """Delete a record."""
    body = to_json({"@search.action": "delete", "id": key})
    return Action(key=key, body=body, document="")


def chunk_of(row: Row) -> Chunk | None:
    """Give the chunk that a record holds; None when it holds none."""
    try:
        found = _ChunkNote.model_validate_json(row.payload or "")
    except ValidationError:
        return None
    return Chunk.model_validate({**dict(found), "text": row.text or ""})


def note_of(row: Row) -> DocumentNote | None:
    """Give what a document's record says; None when it says nothing."""
    try:
        return DocumentNote.model_validate_json(row.payload or "")
    except ValidationError:
        return None


def numbers_of(vector: NDArray[np.float32]) -> list[float]:
    """Give a vector's numbers with as many digits as it holds."""
    found: list[float] = np.round(vector.astype(np.float64), _DECIMALS).tolist()
    return found


class _ChunkNote(Chunk):
    """A chunk without its text, which has a field of its own."""

    text: str = ""


def _chunks(given: ChunkedDocument, generation: str) -> list[Action]:
    hashed = document_hash(given.document.id)
    actions: list[Action] = []
    for place, chunk in enumerate(given.chunks):
        row: dict[str, object] = {
            "id": f"c-{hashed}-{generation}-{place}",
            "kind": "chunk",
            "document": hashed,
            "generation": generation,
            "title": chunk.title,
            "text": chunk.text,
            "terms": " ".join(terms_of(f"{chunk.title}\n{chunk.text}")),
            MARKS: marks_of(chunk.metadata),
            "payload": _json(chunk.model_dump(exclude={"text"}), given).decode(),
        }
        if given.vectors is not None:
            row["vector"] = numbers_of(given.vectors[place])
        actions.append(_upload(row, document=given.document.id))
    return actions


def terms_of(text: str) -> list[str]:
    """Cut a text into terms that the query syntax of the service leaves alone.

    Signs such as those of `C++` are written as their code points, in documents and questions alike.
    """
    return [
        term
        if term.isalnum()
        else "".join(char if char.isalnum() else f"u{ord(char):x}u" for char in term)
        for term in search_terms(text)
    ]


def _document(given: ChunkedDocument, generation: str) -> Action:
    hashed = document_hash(given.document.id)
    note = DocumentNote(
        id=given.document.id, content_hash=given.content_hash, chunks=len(given.chunks)
    )
    row = {
        "id": document_key(hashed),
        "kind": "document",
        "document": hashed,
        "generation": generation,
        "shard": int(hashed, 16) >> (_HASH_DIGITS * 4 - _SHARD_BITS),
        "payload": _json(note.model_dump(), given).decode(),
    }
    return _upload(row, document=given.document.id)


def _upload(row: Mapping[str, object], *, document: str) -> Action:
    body = _json({"@search.action": "upload", **row}, None, document=document)
    return Action(key=str(row["id"]), body=body, document=document)


def _json(value: object, given: ChunkedDocument | None, *, document: str = "") -> bytes:
    try:
        return to_json(value)
    except ValueError as exc:
        named = document if given is None else given.document.id
        message = (
            f"document {named!r} holds a lone surrogate, which cannot be written as UTF-8: read the"
            " file with the right encoding"
        )
        raise InvalidInputError(message) from exc
