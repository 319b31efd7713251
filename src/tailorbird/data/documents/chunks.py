"""How documents are cut into pieces that can be searched, embedded and quoted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from tailorbird.data.tokens import exact_counter
from tailorbird.types.base import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.data.tokens import TokenCounter
    from tailorbird.types.retrieval import Chunk, Document

_VERSION = 3  # part of the fingerprint: raise it with every change that moves a border


class ChunkOptions(Settings):
    """How documents are cut.

    The defaults found the right page of company documents most often among 128 to 512 tokens: 64 %
    first by BM25, against 63 % for 200 words with 40 shared and 59 % for whole pages (Contoso's 201
    questions with ground truth; `tests/data/documents/test_chunks.py` holds the floor).
    """

    target_tokens: int = Field(default=350, ge=16, le=8192)
    """Size that a chunk does not exceed, in tokens, 16..8,192.

    350 are about 270 words of English or 470 characters of Japanese.
    """
    overlap_tokens: int = Field(default=80, ge=0)
    """What neighbors in a section share, in tokens, rounded to whole sentences.

    At most half of the target; 0 shares nothing.
    """
    encoding: str | None = None
    """Name of an encoding such as `o200k_base` by which tokens are counted; None estimates them.

    Counting needs the extra `tokens`. The estimate is 4 to 6 % off on prose.
    """

    @model_validator(mode="after")
    def _check_overlap(self) -> Self:
        if self.overlap_tokens * 2 > self.target_tokens:
            msg = (
                f"overlap_tokens={self.overlap_tokens} is more than half of"
                f" target_tokens={self.target_tokens}: give at most {self.target_tokens // 2}"
            )
            raise ValueError(msg)
        return self

    @property
    def fingerprint(self) -> str:
        """How documents are cut, in a stable form for `IndexSpec.chunking`.

        Equal fingerprints cut alike in every version of this package.
        """
        counted = "" if self.encoding is None else f":{self.encoding}"
        return f"structure-{_VERSION}:{self.target_tokens}/{self.overlap_tokens}{counted}"


def chunk_document(
    document: Document,
    options: ChunkOptions | None = None,
    *,
    count: TokenCounter | None = None,
) -> tuple[Chunk, ...]:
    """Cut a document along its structure: sections, paragraphs, lines, sentences.

    A chunk takes as many sentences as fit into the target, then ends at the best border in its last
    part: before a heading, else a paragraph, else a line, else a sentence; never between a heading
    and what it heads, if that can be avoided. A row of a table counts as one sentence. A sentence
    longer than the target is cut at white space or punctuation, else between two visible
    characters. Neighbors share sentences unless a section or a sheet ends between them. A document
    that fits into one chunk is one chunk.

    For each chunk, `document.text[chunk.span.start : chunk.span.end] == chunk.text`; none is blank,
    and each character that is not white space lies in at least one. Sections are those of the
    document's marks; else the headings of Markdown for `.md` and `.markdown`; for other texts those
    of Japanese office documents (`■ 申請`, `第3条（休暇）`), else of Markdown, unless the document
    has other marks or its name ends in `.txt`. A chunk's page is that of its first character, by
    the marks, else the whole number under the metadata key `page`. Chunks of a table have its name
    under the metadata key `sheet`, and their first row under `row`.

    Args:
        document: What to cut.
        options: How; None takes the default.
        count: Counts tokens in place of `options.encoding`, for models with a tokenizer of their
            own. A single visible character may exceed the target.

    Returns:
        The chunks in order; none for a blank document.

    Raises:
        MissingExtraError: `options.encoding` is given, and tiktoken is not installed.
        ConfigError: There is no encoding of that name, or its table cannot be loaded.
    """
    return tuple(iter_chunks(document, options, count=count))


def iter_chunks(
    document: Document,
    options: ChunkOptions | None = None,
    *,
    count: TokenCounter | None = None,
) -> Iterator[Chunk]:
    """Cut a document chunk by chunk, for texts of any length; see `chunk_document`.

    Memory beside the document holds a few chunks and the places of its headings, and time grows
    with the length of the text, not faster.

    Raises:
        MissingExtraError: As for `chunk_document`.
        ConfigError: As for `chunk_document`.
    """
    # Headings, sentences and the scripts behind them cost 15 ms that `import tailorbird` does not
    # pay.
    from tailorbird.data.documents.cutting import cut  # noqa: PLC0415

    options = options or ChunkOptions()
    if count is None and options.encoding is not None:
        count = exact_counter(options.encoding)
    return cut(document, options, count)
