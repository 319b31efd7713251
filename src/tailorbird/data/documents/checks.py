"""Check what a document must hold, wherever it came from."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

from typing_extensions import override

from tailorbird.data.problems import excerpt
from tailorbird.data.unusual_text import findings
from tailorbird.text.normalize import normalize
from tailorbird.types.ids import DocumentId
from tailorbird.types.retrieval import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.data.problems import Problems
    from tailorbird.exceptions import Severity
    from tailorbird.types.retrieval import Mark, MetadataValue

ID_CHARACTERS = 512
"""Longest id, in characters: our own bound; ids are keys in every index and stand in citations."""

KEY_CHARACTERS = 128
"""Longest key in metadata, in characters: our own bound."""

VALUE_BYTES = 32_766
"""Longest text in metadata, in bytes of UTF-8: the longest term of Lucene, by which Azure AI Search
and others filter (`MAX_TERM_LENGTH` in
https://lucene.apache.org/core/10_3_0/core/org/apache/lucene/index/IndexWriter.html, read
2026-11-22). A provider may allow less."""

RUN_CHARACTERS = 20_000
"""Text without white space and punctuation of this length is no writing: our own bound."""

_LARGEST_INT = 2**63  # what SQLite and most services hold
_SHORT = 1_000  # texts up to this length may consist of characters that nobody sees
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAK = re.compile(r"[\s。．！？｡.!?、，,;:]")
# What would spoil a training row, a long document survives.
_SEVERITIES: dict[str, Severity] = {"text.replacement": "warning", "text.decomposed": "note"}
_FIXES = {
    "date": "write it as text: value.isoformat()",
    "datetime": "write it as text: value.isoformat()",
    "bytes": "write it as text",
    "dict": "give each value inside a key of its own",
    "list": "join it into one text, or give each value a key of its own",
    "set": "join it into one text, or give each value a key of its own",
    "tuple": "join it into one text, or give each value a key of its own",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a document stands in its source, and where its problems go."""

    problems: Problems
    """Collects what is wrong."""
    line: int | None = None
    """Physical line, from 1; None where lines do not tell documents apart."""
    record: int | None = None
    """Row, from 1; None where there are no rows."""

    @override
    def __str__(self) -> str:
        """Show the place as a citation of the source would."""
        at = self.line if self.line is not None else self.record
        return self.problems.source if at is None else f"{self.problems.source}:{at}"

    def report(
        self,
        severity: Severity,
        code: str,
        reason: str,
        fix: str = "",
        *,
        field: str | None = None,
        shown: str | None = None,
    ) -> None:
        """Report a problem of the document that stands here."""
        self.problems.add(
            severity,
            code,
            reason,
            fix,
            line=self.line,
            record=self.record,
            field=field,
            excerpt=shown,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document before it is checked."""

    id: str
    """As given, or made from the place."""
    text: str
    """As given."""
    title: str
    """As given; may be empty."""
    source: str
    """As given, or the place."""
    metadata: Mapping[str, object]
    """As given; values may be of any type."""
    marks: tuple[Mark, ...] = ()
    """As the loader found them."""

    @classmethod
    def of(cls, document: Document) -> Self:
        """Take a document apart, to check it."""
        return cls(
            id=document.id,
            text=document.text,
            title=document.title,
            source=document.source,
            metadata=document.metadata,
            marks=document.marks,
        )


class DocumentChecker:
    """Turns drafts into documents; knows the ids that are taken."""

    def __init__(self) -> None:
        """Start without any id."""
        self._places: dict[str, str] = {}

    def accept(self, draft: Draft, place: Place) -> Document | None:
        """Make a document of a draft; None when it is blank or refused, which has been reported."""
        if not draft.text.strip() or (len(draft.text) <= _SHORT and not normalize(draft.text)):
            reason = f"the document {excerpt(draft.id)!r} has no text and is left out"
            place.report("note", "document.empty", reason)
            return None
        before = place.problems.error_count
        self._check_id(draft.id, place)
        if place.problems.error_count == before:  # a file's title and source repeat its name
            _check_short_texts(draft, place)
        metadata = checked_metadata(draft.metadata, draft.id, place)
        check_text(draft.text, place)
        if place.problems.error_count > before:
            return None
        self._places[draft.id] = str(place)
        return Document(
            id=DocumentId(draft.id),
            text=draft.text,
            title=draft.title,
            source=draft.source,
            metadata=metadata,
            marks=draft.marks,
        )

    def _check_id(self, name: str, place: Place) -> None:
        wrong = _wrong_id(name)
        if wrong is not None:
            reason = f"the id {excerpt(name)!r} {wrong}"
            fix = "give a short name, or a relative path such as 'rules/leave.md'"
            place.report("error", "document.id", reason, fix, field="id")
        elif name in self._places:
            reason = f"the id {excerpt(name)!r} is taken by the document of {self._places[name]}"
            fix = "give each document an id of its own"
            place.report("error", "document.id-twice", reason, fix, field="id")


def checked_metadata(
    metadata: Mapping[str, object], document: str, place: Place
) -> dict[str, MetadataValue]:
    """Give the values that a document may carry; report the others. None means not given."""
    kept: dict[str, MetadataValue] = {}
    for key, value in metadata.items():
        wrong = _wrong_key(key) or wrong_value(value)
        if wrong is not None:
            kind = type(value).__name__
            reason = f"document {excerpt(document)!r}: metadata {excerpt(str(key))!r} {wrong}"
            fix = _FIXES.get(kind, "give text, True or False, or a finite number")
            place.report("error", "document.metadata", reason, fix, field=f"metadata.{key!s:.40}")
        elif value is not None:
            kept[key] = cast("MetadataValue", value)
    return kept


def wrong_value(value: object) -> str | None:
    """Say why metadata cannot hold a value; None when it can, or when there is no value."""
    if isinstance(value, str):
        if _SURROGATE.search(value):
            return "cannot be written in UTF-8"
        size = len(value.encode("utf-8"))
        return None if size <= VALUE_BYTES else f"has {size:,} bytes, more than {VALUE_BYTES:,}"
    if isinstance(value, int):
        return None if abs(value) < _LARGEST_INT else "is a number of more than 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"is {value}, not a finite number"
    return None if value is None else f"is of the type {type(value).__name__!r}"


def check_text(text: str, place: Place) -> None:
    """Report characters that should not be in a text, and text that is no writing."""
    for finding in findings(text):
        place.problems.add(
            _SEVERITIES.get(finding.code, finding.severity),
            finding.code,
            finding.reason,
            finding.fix if finding.code not in _SEVERITIES else "",
            line=place.line or text.count("\n", 0, finding.at) + 1,
            record=place.record,
            field=None if place.record is None else "text",
            excerpt=excerpt(text, finding.at),
        )
    run = _longest_run(text)
    if run > RUN_CHARACTERS:
        reason = (
            f"{run:,} characters without white space or punctuation: it is cut by size, and is"
            " hardly worth searching"
        )
        fix = "leave it out, if it is encoded data or a minified program"
        place.report("warning", "document.long-run", reason, fix)


def _check_short_texts(draft: Draft, place: Place) -> None:
    for field, value in (("title", draft.title), ("source", draft.source)):
        if _SURROGATE.search(value):
            reason = f"the {field} cannot be written in UTF-8: it holds half of a character"
            place.report("error", "text.surrogate", reason, "write it again", field=field)


def unusable(document: Document) -> str | None:
    """Say why no engine could keep a document that a program made; None when it can be kept."""
    wrong = "is blank" if not document.id.strip() else _unusable_id(document.id)
    if wrong is not None:
        return f"its id {wrong}"
    texts = {"title": document.title, "source": document.source, "text": document.text}
    for field, text in texts.items():
        if found := _SURROGATE.search(text):
            place = f"character {found.start():,} of its {field}"
            return f"{place} is half of a surrogate pair: read it again with its right encoding"
    for key, value in document.metadata.items():
        wrong = _wrong_key(key) or wrong_value(value)
        if wrong is not None:
            return f"its metadata {excerpt(key)!r} {wrong}"
    return None


def _wrong_id(name: str) -> str | None:
    """Say what is wrong with an id; None when nothing is."""
    if not name or name != name.strip():
        return "is empty, or begins or ends with white space"
    if (wrong := _unusable_id(name)) is not None:
        return wrong
    if any(part in {"", ".", ".."} for part in name.split("/")):
        return "has a slash but is no plain relative path"
    return None


def _unusable_id(name: str) -> str | None:
    if len(name) > ID_CHARACTERS:
        return f"has {len(name):,} characters, more than {ID_CHARACTERS}"
    if _CONTROL.search(name):
        return "holds a control character"
    if _SURROGATE.search(name):
        return "cannot be written in UTF-8"
    return None


def _wrong_key(key: object) -> str | None:
    if not isinstance(key, str):
        return f"has a key of the type {type(key).__name__!r}, not text"
    if not key or len(key) > KEY_CHARACTERS or _CONTROL.search(key) or _SURROGATE.search(key):
        return f"has a key that is empty, longer than {KEY_CHARACTERS} or holds control characters"
    return None


def _longest_run(text: str) -> int:
    """Give the length of the longest run without white space or punctuation, 0 for a short one."""
    longest = at = 0
    # A run that is too long covers a whole step; so most of the text need not be looked at.
    step = RUN_CHARACTERS // 2
    while at < len(text):
        if _BREAK.search(text, at, at + step):
            at += step
            continue
        begin = max((one.end() for one in _BREAK.finditer(text, max(0, at - step), at)), default=0)
        stop = _BREAK.search(text, at)
        end = stop.start() if stop else len(text)
        longest = max(longest, end - begin)
        at = end + 1
    return longest
