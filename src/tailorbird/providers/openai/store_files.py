"""Documents as files of a vector store: what is attached to them, and how they are told apart."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.protocols.index_arguments import is_unicode, wrong_number
from tailorbird.types.ids import DocumentId, FileId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tailorbird.providers.openai.store_answers import AttributeValue, StoreFileAnswer
    from tailorbird.types.retrieval import ChunkedDocument, MetadataValue

# At most 16 attributes, key of 64 and text of 512 characters (OpenAPI description of OpenAI,
# VectorStoreFileAttributes; openai/openai-openapi f85dbe2). The guide says 256 for texts.
ATTRIBUTE_LIMIT = 16
KEY_LENGTH = 64
TEXT_LENGTH = 512

# Numbers are numbers of JSON, which a service may keep as 64-bit floats (RFC 8259, 6).
_EXACT = 2**53

OWN = "tailorbird_"
"""Attributes whose names begin so are ours."""

_DOCUMENT = f"{OWN}document"
_HASH = f"{OWN}hash"
_TITLE = f"{OWN}title"
_SOURCE = f"{OWN}source"
_VERSION = f"{OWN}version"
_UNSAFE = re.compile(r"[^\w.\- ]+")
_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A document as a store holds it."""

    id: DocumentId
    """The document."""
    file: FileId
    """The file that holds it."""
    content_hash: str
    """The hash it was added with."""
    title: str
    """Its title."""
    source: str
    """Its source."""
    version: int
    """Later additions of one document have larger numbers."""
    metadata: Mapping[str, MetadataValue]
    """The user's own attributes."""

    @classmethod
    def of(cls, file: StoreFileAnswer) -> StoredDocument | None:
        """Read a file of a store; None for one that was not added as a document."""
        return cls.read(FileId(file.id), file.attributes)

    @classmethod
    def read(
        cls, file: FileId, attributes: Mapping[str, AttributeValue] | None
    ) -> StoredDocument | None:
        """Read a file's attributes; None for one that was not added as a document."""
        given = attributes or {}
        if _DOCUMENT not in given:
            return None
        return cls(
            id=DocumentId(str(given[_DOCUMENT])),
            file=file,
            content_hash=str(given.get(_HASH, "")),
            title=str(given.get(_TITLE, "")),
            source=str(given.get(_SOURCE, "")),
            version=int(str(given.get(_VERSION, "0"))),
            metadata={key: value for key, value in given.items() if not key.startswith(OWN)},
        )


def latest(found: Iterable[StoredDocument]) -> dict[DocumentId, StoredDocument]:
    """Give the latest version of each document: while one is replaced there are two."""
    newest: dict[DocumentId, StoredDocument] = {}
    for one in found:
        other = newest.get(one.id)
        if other is None or one.version > other.version:
            newest[one.id] = one
    return newest


def attributes_of(one: ChunkedDocument) -> dict[str, MetadataValue]:
    """Give what is attached to a document's file.

    Raises:
        InvalidInputError: Id, metadata or their number are beyond what the service takes, or a text
            cannot be written in UTF-8.
    """
    document = one.document
    texts = (document.id, document.title, document.source, document.text, *document.metadata)
    values = (value for value in document.metadata.values() if isinstance(value, str))
    if not all(map(is_unicode, (*texts, *values))):
        message = (
            f"document {document.id!r} holds half of a surrogate pair, which has no UTF-8: read it"
            " again with its right encoding"
        )
        raise InvalidInputError(message)
    own: dict[str, MetadataValue] = {
        _DOCUMENT: document.id,
        _HASH: one.content_hash,
        # The time orders versions also across processes; as text, because numbers may be rounded.
        _VERSION: str(time.time_ns()),
    }
    if document.title:
        own[_TITLE] = document.title[:TEXT_LENGTH]
    if document.source:
        own[_SOURCE] = document.source[:TEXT_LENGTH]
    attributes = own | dict(document.metadata)
    if len(attributes) > ATTRIBUTE_LIMIT:
        message = (
            f"document {document.id!r} has {len(document.metadata)} metadata fields, and"
            f" {ATTRIBUTE_LIMIT - len(own)} fit beside our own; leave some out, or take another"
            " engine"
        )
        raise InvalidInputError(message)
    for key, value in attributes.items():
        _check(document.id, key, value, own=key in own and key not in document.metadata)
    return attributes


def _check(document: DocumentId, key: str, value: MetadataValue, *, own: bool) -> None:
    if not own and (key.startswith(OWN) or not 0 < len(key) <= KEY_LENGTH):
        message = (
            f"document {document!r}: the metadata field {key!r} must have 1 to {KEY_LENGTH}"
            f" characters and must not begin with {OWN!r}"
        )
        raise InvalidInputError(message)
    if isinstance(value, str) and len(value) > TEXT_LENGTH:
        message = (
            f"document {document!r}: {key.removeprefix(OWN)!r} has {len(value)} characters,"
            f" OpenAI's vector stores take {TEXT_LENGTH}; shorten it"
        )
        raise InvalidInputError(message)
    wrong = wrong_number(value)
    if wrong is None and isinstance(value, int) and abs(value) > _EXACT:
        wrong = f"is {value}, and the service may round whole numbers beyond 2**53"
    if wrong is not None:
        message = f"document {document!r}: the metadata field {key!r} {wrong}; give it as text"
        raise InvalidInputError(message)


def file_name_of(document: DocumentId) -> str:
    """Give a file name that says which document it is; the service reads it as plain text."""
    name = _UNSAFE.sub("_", document)[-_NAME_LENGTH:].strip(" .")
    return f"{name or 'document'}.txt"
