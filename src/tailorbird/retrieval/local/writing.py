"""Write segments: of chunks that are new, and of older segments put together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.local import segment as columns
from tailorbird.retrieval.local.codes import CODED_FROM, encode
from tailorbird.retrieval.local.merging import Merger
from tailorbird.retrieval.local.postings import Postings
from tailorbird.storage.arrays import Section, write_arrays

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

    from tailorbird.retrieval.local.segment import Segment
    from tailorbird.storage.arrays import Seal

_COPIED = 512  # vectors read at once: 3 MB at 1,536 dimensions


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChunk:
    """What a segment holds of a chunk, besides its vector."""

    row: int
    """Number of the chunk in its table."""
    document: int
    """Number of its document in its table."""
    seal: int
    """Checksum of what the table holds."""
    title: str
    """Title to search in."""
    text: str
    """Text to search in."""
    metadata: str
    """Metadata as JSON with sorted keys."""


def write_new(
    file: BinaryIO, chunks: Sequence[NewChunk], vectors: NDArray[np.float32] | None
) -> Seal:
    """Write a segment of new chunks.

    Args:
        file: Open for writing, empty.
        chunks: At least one.
        vectors: n × d float32 of unit length; None in an index without an embedding model.
    """
    kinds: dict[str, int] = {}
    places = [kinds.setdefault(one.metadata, len(kinds)) for one in chunks]
    postings = Postings.of(f"{one.title}\n{one.text}" for one in chunks)
    sections: list[Section[np.generic]] = []
    if vectors is not None:
        sections.append(Section(column=columns.VECTORS, parts=[vectors], width=vectors.shape[1]))
        if vectors.shape[1] >= CODED_FROM:
            sections.append(_codes(encode(vectors)))
    sections += [
        Section(column=columns.ROWS, parts=[np.array([one.row for one in chunks])]),
        Section(column=columns.DOCUMENTS, parts=[np.array([one.document for one in chunks])]),
        Section(
            column=columns.SEALS, parts=[np.array([one.seal for one in chunks], dtype=np.uint32)]
        ),
        Section(column=columns.KINDS, parts=[np.array(places, dtype=np.int32)]),
        _metadata(kinds),
        Section(column=columns.TEXTS, parts=[postings.texts]),
        Section(column=columns.COUNTS, parts=[postings.counts]),
        *_terms(postings),
    ]
    return write_arrays(file, sections, facts={"chunks": len(chunks)})


def write_merged(file: BinaryIO, parts: Sequence[tuple[Segment, NDArray[np.bool_]]]) -> Seal:
    """Write the chunks of several segments into one.

    Args:
        file: Open for writing, empty.
        parts: Segments, each with a truth value for each chunk: whether it stays.

    Raises:
        StorageError: What is read of them is damaged.
    """
    kept = sum(int(keep.sum()) for _, keep in parts)
    return write_arrays(file, _merged(parts), facts={"chunks": kept})


def _merged(parts: Sequence[tuple[Segment, NDArray[np.bool_]]]) -> Iterator[Section[np.generic]]:
    first = parts[0][0]
    if first.dimensions:
        yield Section(column=columns.VECTORS, parts=_vectors(parts), width=first.dimensions)
    if first.has_codes:
        yield _merged_codes(parts)
    yield Section(column=columns.ROWS, parts=[one.rows[keep] for one, keep in parts])
    yield Section(column=columns.DOCUMENTS, parts=[one.documents[keep] for one, keep in parts])
    yield Section(column=columns.SEALS, parts=[one.seals[keep] for one, keep in parts])
    kinds: dict[str, int] = {}
    yield Section(column=columns.KINDS, parts=[_kinds(one, keep, kinds) for one, keep in parts])
    yield _metadata(kinds)
    merger = Merger([(one.postings, keep) for one, keep in parts])
    yield Section(column=columns.TEXTS, parts=merger.texts())
    yield Section(column=columns.COUNTS, parts=merger.counts())
    yield from _terms(merger.rest())


def _vectors(
    parts: Sequence[tuple[Segment, NDArray[np.bool_]]],
) -> Iterator[NDArray[np.float32]]:
    for one, keep in parts:
        for start in range(0, one.chunks, _COPIED):
            stop = min(start + _COPIED, one.chunks)
            vectors, kept = one.vectors_within(start, stop), keep[start:stop]
            yield vectors if kept.all() else vectors[kept]


def _merged_codes(parts: Sequence[tuple[Segment, NDArray[np.bool_]]]) -> Section[np.uint64]:
    """Give the codes of several segments, word by word."""
    rows = (
        np.concatenate([one.codes[word, keep] for one, keep in parts])[np.newaxis]
        for word in range(len(parts[0][0].codes))
    )
    return Section(column=columns.CODES, parts=rows, width=sum(int(k.sum()) for _, k in parts))


def _kinds(one: Segment, keep: NDArray[np.bool_], kinds: dict[str, int]) -> NDArray[np.int32]:
    """Give the metadata that stay their numbers in `kinds`, which takes those that are new."""
    old = one.kinds[keep]
    used = np.unique(old)
    texts = one.metadata_texts
    numbers = [kinds.setdefault(texts[place], len(kinds)) for place in map(int, used)]
    moved = np.zeros(len(texts), dtype=np.int32)
    moved[used] = numbers
    return moved[old]


def _codes(codes: NDArray[np.uint64]) -> Section[np.uint64]:
    return Section(column=columns.CODES, parts=[codes], width=codes.shape[1])


def _metadata(kinds: Iterable[str]) -> Section[np.uint8]:
    told = json.dumps(list(kinds), ensure_ascii=False).encode("utf-8")
    return Section(column=columns.METADATA, parts=[np.frombuffer(told, dtype=np.uint8)])


def _terms(postings: Postings) -> Iterator[Section[np.generic]]:
    """Give all of some postings but the texts and their counts."""
    yield Section(column=columns.LENGTHS, parts=[postings.lengths])
    yield Section(column=columns.STARTS, parts=[postings.terms.starts])
    yield Section(column=columns.SHORT, parts=[postings.terms.short])
    yield Section(column=columns.LETTERS, parts=[postings.terms.words.letters])
    yield Section(column=columns.ENDS, parts=[postings.terms.words.ends])
