"""Indexes that were built: what they are called, what they hold, and what building them takes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from typing_extensions import override

from tailorbird.exceptions import Problem
from tailorbird.types.base import Frozen, Settings
from tailorbird.types.ids import IndexName
from tailorbird.types.retrieval import IndexInfo
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from tailorbird.protocols import Retrieval

Removal = Literal["guarded", "all", "none"]
"""What becomes of documents that are in an index and not in its source any more."""

EMBEDDING_CALLS = 4
"""Embedding calls at a time, unless the caller says otherwise: our own choice, as many as a large
call of the clouds is cut into requests that go out together."""


class IndexOptions(Settings):
    """How an index is built."""

    removal: Removal = "guarded"
    """What becomes of documents that the source does not have any more.

    `guarded` removes them, but for those that may be there unseen: of a file that cannot be read
    the index keeps what it has, and nothing at all is removed when a folder cannot be seen or a row
    is refused. When more than half of an index of 20 documents or more would go, `IndexShrinkError`
    is raised and nothing is removed. `all` removes whatever did not come; `none` removes nothing,
    which also lets several sources fill one index.
    """
    concurrency: int = Field(default=EMBEDDING_CALLS, ge=1, le=64)
    """How many embedding calls to make at a time, 1..64, of at most 256 texts each."""


class Index(Frozen):
    """An index that was built, and what building it took."""

    name: IndexName
    """Its name; give it, or this object, wherever an index is asked for."""
    info: IndexInfo
    """How it stands now."""
    added: int = Field(default=0, ge=0)
    """Documents that were new."""
    changed: int = Field(default=0, ge=0)
    """Documents whose content had changed."""
    unchanged: int = Field(default=0, ge=0)
    """Documents that were left as they were."""
    removed: int = Field(default=0, ge=0)
    """Documents that are gone from the source."""
    kept: int = Field(default=0, ge=0)
    """Documents that did not come from the source and are in the index all the same."""
    embedded: int = Field(default=0, ge=0)
    """Texts that were sent to the embedding model; the same text is sent once."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens that were embedded."""
    problems: tuple[Problem, ...] = ()
    """What was found while reading: skipped files, notes."""


class IndexEstimate(Frozen):
    """What building an index would do, before anything is sent or written."""

    documents: int = Field(ge=0)
    """Documents in the source."""
    added: int = Field(ge=0)
    """Documents that are new."""
    changed: int = Field(ge=0)
    """Documents whose content has changed."""
    unchanged: int = Field(ge=0)
    """Documents that would be left as they are."""
    gone: int = Field(ge=0)
    """Documents of the index that did not come from the source."""
    chunks: int = Field(ge=0)
    """Chunks of the documents that are new or changed."""
    texts: int = Field(ge=0)
    """Texts that would be sent to the embedding model: of these chunks, those whose vector is not
    known, each once."""
    input_tokens: int = Field(ge=0)
    """Their tokens, by estimate (within about 15 %)."""
    usd: Decimal | None = None
    """US dollars for them; None when no price is known."""
    problems: tuple[Problem, ...] = ()
    """What was found while reading."""

    @override
    def __str__(self) -> str:
        """Say it in one line."""
        text = (
            f"{self.documents:,} documents ({self.added:,} new, {self.changed:,} changed,"
            f" {self.unchanged:,} unchanged, {self.gone:,} gone), {self.chunks:,} chunks to write,"
            f" {self.texts:,} texts of about {self.input_tokens:,} tokens to embed"
        )
        return f"{text}; no price is known" if self.usd is None else f"{text}, {self.usd:,.4f} USD"


def name_of(index: Index | str) -> IndexName:
    """Give the name of an index that is given as itself or by its name."""
    return IndexName(index) if isinstance(index, str) else index.name


async def read_index(retrieval: Retrieval, name: IndexName) -> Index:
    """Give an index that was built before.

    Raises:
        IndexMissingError: There is none of that name.
    """
    info = await retrieval.get(name)
    return Index(name=name, info=info, unchanged=info.documents)
