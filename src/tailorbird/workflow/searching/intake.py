"""Read a source step by step, and cut the documents that have changed; memory stays flat."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tailorbird.data.documents.checks import unusable
from tailorbird.data.documents.chunks import ChunkOptions, chunk_document
from tailorbird.data.documents.files import shown_path
from tailorbird.data.documents.reading import none_left, sorted_problems
from tailorbird.data.documents.streaming import DocumentStream
from tailorbird.data.problems import Problems, excerpt
from tailorbird.data.unusual_text import findings
from tailorbird.exceptions import InvalidInputError, Problem
from tailorbird.types.ids import DocumentId
from tailorbird.types.retrieval import Chunk, Document

Source: TypeAlias = Path | str | Iterable[Document] | AsyncIterable[Document]
"""A folder or a file, or documents."""

CHUNKS_A_STEP = 256
"""Chunks that are written together, unless one document has more: our own choice, as many as one
embedding call takes."""

_DOCUMENTS_A_STEP = 1_000  # looked at in one go, so that progress is told where nothing changed
_TAKEN_AT_ONCE = 64  # documents of an async source that are cut together
_SHOWN_IDS = 5
_HIDDEN = ("text.invisible", "text.direction")


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document that is new or has changed, with its chunks."""

    document: Document
    """The document."""
    chunks: tuple[Chunk, ...]
    """Its pieces, in order."""
    content_hash: str
    """What an engine remembers of it."""


@dataclass(frozen=True, slots=True)
class Step:
    """Documents that are written together."""

    documents: tuple[CutDocument, ...]
    """What to write; empty where nothing has changed."""
    read: int
    """How many documents were read by then."""

    def texts(self) -> list[str]:
        """Give what is embedded, in the order of documents and chunks; it blocks for a moment."""
        return [embedding_text(chunk) for one in self.documents for chunk in one.chunks]


class Intake:
    """Takes the documents of a source, compares them with an index, and cuts what has changed.

    Beside the documents of a step it holds the ids of the source and of the index, with a hash
    each: about 300 bytes a document.
    """

    def __init__(
        self,
        source: Source,
        *,
        options: ChunkOptions,
        tenant_field: str | None = None,
        held: Mapping[DocumentId, str] | None = None,
    ) -> None:
        """Name the source.

        Args:
            source: What to read, once.
            options: How documents are cut.
            tenant_field: Key that each document needs in its metadata; None for none.
            held: The hash of each document that the index holds.
        """
        self.added = 0
        """Documents so far that are new."""
        self.changed = 0
        """Documents so far whose content has changed."""
        self.read = 0
        """Documents so far."""
        self.total = len(source) if isinstance(source, Sequence) else None
        """How many documents there are; None where that is not known beforehand."""
        self._options = options
        self._tenant_field = tenant_field
        self._gone = dict(held or {})
        self._seen: set[str] = set()
        self._source: Iterable[Document] | AsyncIterable[Document]
        self._stream: DocumentStream | None = None
        if isinstance(source, (str, Path)):
            self.total = None
            self._problems = Problems(shown_path(Path(source)))
            self._source = self._stream = DocumentStream(source, problems=self._problems)
        else:
            self._problems = Problems("<data>")
            self._source = source

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found while reading, the worst first; complete once all steps were taken."""
        return sorted_problems(self._problems)

    @property
    def unchanged(self) -> int:
        """Documents so far that the index holds as they are."""
        return self.read - self.added - self.changed

    @property
    def whole(self) -> bool:
        """Whether everything was seen, but for the files of `unread`."""
        return self._stream is None or self._stream.whole

    def gone(self) -> tuple[list[DocumentId], list[DocumentId]]:
        """Give the documents that the index holds and the source did not give, once it was read.

        Returns:
            Those that are gone, and those whose file could not be read.
        """
        unread = set[str]() if self._stream is None else self._stream.unread
        gone = [one for one in self._gone if one not in unread]
        return gone, [one for one in self._gone if one in unread]

    async def steps(self) -> AsyncGenerator[Step]:
        """Give what has changed, step by step; each is read and cut in a thread when asked for.

        Raises:
            InvalidInputError: There is no document, two have one id, one names no tenant, or no
                engine could keep one. In a sequence that is found before the first step.
            DataError: A folder or file gives no document; every problem is listed.
            Exception: What a source of the caller's raises.
        """
        if isinstance(self._source, Sequence):
            await asyncio.to_thread(self._check_all, self._source)
        async with aclosing(self._parts()) as parts:
            async for documents in parts:
                while (step := await asyncio.to_thread(self._take, documents)) is not None:
                    yield step
        if not self.read:
            raise await asyncio.to_thread(self._empty)

    async def _parts(self) -> AsyncGenerator[Iterator[Document]]:
        if not isinstance(self._source, AsyncIterable):
            yield iter(self._source)
            return
        taken: list[Document] = []
        async for document in self._source:
            taken.append(document)
            if len(taken) == _TAKEN_AT_ONCE:
                yield iter(taken)
                taken = []
        yield iter(taken)

    def _take(self, documents: Iterator[Document]) -> Step | None:
        """Read and cut up to a step; None at the end. Blocks."""
        cut: list[CutDocument] = []
        size = looked = 0
        for document in documents:
            looked += 1
            if not document.text.strip():
                reason = f"the document {excerpt(document.id)!r} has no text and is left out"
                self._problems.add("note", "document.empty", reason)
                continue
            changed = self._compare(document)
            if changed is not None:
                cut.append(changed)
                size += len(changed.chunks)
            if size >= CHUNKS_A_STEP or looked == _DOCUMENTS_A_STEP:
                break
        return Step(tuple(cut), self.read) if looked else None

    def _compare(self, document: Document) -> CutDocument | None:
        """Cut a document; None when the index holds it as it is."""
        self._check(document)
        self.read += 1
        found = content_hash(document, self._options)
        held = self._gone.pop(document.id, None)
        if held == found:
            return None
        if held is None:
            self.added += 1
        else:
            self.changed += 1
        return CutDocument(document, chunk_document(document, self._options), found)

    def _check(self, document: Document) -> None:
        if self._stream is None:
            # The reader of files has done these three things itself.
            if document.id in self._seen:
                raise _twice(document)
            self._seen.add(document.id)
            if not isinstance(self._source, Sequence):
                _refuse_unusable(document)
            _report_hidden(document, self.read + 1, self._problems)
        if self._tenant_field is not None and self._tenant_field not in document.metadata:
            raise _lost([document.id], self._tenant_field)

    def _check_all(self, documents: Sequence[Document]) -> None:
        """Find what is wrong with documents before any is written."""
        seen: set[str] = set()
        for document in documents:
            if document.id in seen:
                raise _twice(document)
            seen.add(document.id)
            _refuse_unusable(document)
        field = self._tenant_field
        lost = [one.id for one in documents if field is not None and field not in one.metadata]
        if field is not None and lost:
            raise _lost(lost, field)

    def _empty(self) -> InvalidInputError:
        if self._stream is not None:
            return none_left(self._problems)
        message = "there is no document to index; give a folder with texts, pages, tables or slides"
        return InvalidInputError(message)


def embedding_text(chunk: Chunk) -> str:
    """Give what is embedded for a chunk: its document's title and section lead the text."""
    heads = [head for head in (chunk.title, chunk.section) if head and head not in chunk.text]
    return "\n".join([*dict.fromkeys(heads), chunk.text])


def content_hash(document: Document, options: ChunkOptions) -> str:
    """Give a hash that changes with anything that would change the document's chunks."""
    parts = [
        document.text,
        document.title,
        document.source,
        json.dumps(dict(document.metadata), sort_keys=True, ensure_ascii=False),
        options.fingerprint,
    ]
    if document.marks:
        # Headings, pages and sheets go along with each chunk, also where the text is the same.
        marks = [mark.model_dump(mode="json") for mark in document.marks]
        parts.append(json.dumps(marks, sort_keys=True, ensure_ascii=False))
    joined = json.dumps(parts, ensure_ascii=True)
    return hashlib.sha256(joined.encode("ascii")).hexdigest()


def _report_hidden(document: Document, record: int, problems: Problems) -> None:
    """Report characters that no reader sees and a model does."""
    for text in (document.title, document.text):
        for one in findings(text):
            if one.code in _HIDDEN:
                problems.add(
                    one.severity,
                    one.code,
                    f"document {excerpt(document.id)!r}: {one.reason}",
                    one.fix,
                    record=record,
                    excerpt=excerpt(text, one.at),
                )


def _refuse_unusable(document: Document) -> None:
    if (fault := unusable(document)) is not None:
        raise InvalidInputError(f"document {excerpt(document.id)!r} cannot be indexed: {fault}")


def _twice(document: Document) -> InvalidInputError:
    message = f"two documents have the id {document.id!r}; ids must be unique"
    return InvalidInputError(message)


def _lost(documents: Sequence[DocumentId], field: str) -> InvalidInputError:
    more = ", …" if len(documents) > _SHOWN_IDS else ""
    shown = ", ".join(map(repr, documents[:_SHOWN_IDS])) + more
    count = "1 document names" if len(documents) == 1 else f"{len(documents)} documents name"
    message = (
        f"{count} no tenant, so that nobody could find them: {shown}; give each the key {field!r}"
        " in its metadata"
    )
    return InvalidInputError(message)
