"""What OpenAI's vector stores answer, as far as it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from tailorbird._openai_sdk.answers import Id, Seconds, Wire
from tailorbird._openai_sdk.paging import Listed

AttributeValue = str | bool | int | float
"""What an attribute of a stored file may hold."""


class FileCounts(Wire):
    """How far the files of a store are."""

    in_progress: int = Field(default=0, ge=0)
    """Files that are being cut and embedded."""
    completed: int = Field(default=0, ge=0)
    """Files that can be searched."""
    failed: int = Field(default=0, ge=0)
    """Files that could not be read."""


class StoreAnswer(Listed):
    """A vector store."""

    created_at: Seconds
    """When it was made."""
    status: str
    """`expired`, `in_progress`, `completed`, or a newer word."""
    file_counts: FileCounts
    """How far its files are."""
    metadata: Mapping[str, str] | None = None
    """What its maker attached."""


class StoreFileError(Wire):
    """Why a file could not be read."""

    code: str | None = None
    """`server_error`, `unsupported_file`, `invalid_file`, or a newer word."""
    message: str = ""
    """The service's explanation."""


class StoreFileAnswer(Listed):
    """A file in a vector store."""

    status: str
    """`in_progress`, `completed`, `cancelled`, `failed`, or a newer word."""
    last_error: StoreFileError | None = None
    """Why it failed; None while it has not."""
    attributes: Mapping[str, AttributeValue] | None = None
    """What was attached to it."""


class FileBatchAnswer(Wire):
    """Files that were added to a store together."""

    id: Id
    """The batch's id."""
    status: str
    """`in_progress`, `completed`, `cancelled`, `failed`, or a newer word."""


class TextPiece(Wire):
    """A piece of a file's text."""

    type: str = "text"
    """`text`, or a newer word."""
    text: str = ""
    """The text."""


class FoundAnswer(Wire):
    """One hit."""

    file_id: Id
    """The file it was found in."""
    score: float = Field(allow_inf_nan=False)
    """How well it fits, 0..1."""
    attributes: Mapping[str, AttributeValue] | None = None
    """What was attached to the file."""
    content: tuple[TextPiece, ...]
    """What was found."""


class SearchAnswer(Wire):
    """All hits of a query; `has_more` and `next_page` are not used: 50 hits are the most."""

    object: Literal["vector_store.search_results.page"]
    """Says that this is an answer of the search."""
    data: tuple[FoundAnswer, ...]
    """The hits, best first."""


class ContentAnswer(Wire):
    """The text of a stored file as the service read it."""

    data: tuple[TextPiece, ...]
    """Its pieces, in order."""
