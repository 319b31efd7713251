"""Find the files of a folder that hold documents, and get the text out of one."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data.files.encoding_guess import utf16_without_mark
from tailorbird.data.files.encodings import open_text, raw_blocks
from tailorbird.data.problems import Problems
from tailorbird.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data.files.encodings import TextFile
    from tailorbird.exceptions import Problem, Severity

TEXT_SUFFIXES = (".txt", ".md", ".markdown")
"""Endings of files that hold one document; capitals are alike."""

ROW_SUFFIXES = (".jsonl", ".ndjson")
"""Endings of files that hold one document in each line."""

SUFFIXES = (*TEXT_SUFFIXES, *ROW_SUFFIXES)
"""Endings of files that are read without a loader."""

_NAMED = 20  # files of one ending that are named one by one; the others are counted
_SHOWN = 3
_HIDDEN = (".", "~$")  # Office keeps a file beginning with ~$ beside each one that is open
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_LEFT_OUT = {
    "document.hidden": "{} hidden files or folders are left out",
    "document.link": "{} links are not followed",
}


@dataclass(slots=True)
class _Walk:
    """What a walk through a folder has met."""

    names: list[str] = field(default_factory=list[str])
    hidden: list[str] = field(default_factory=list[str])
    links: list[str] = field(default_factory=list[str])
    folders: list[str] = field(default_factory=list[str])


def find_files(
    folder: Path, *, suffixes: tuple[str, ...], max_files: int, problems: Problems
) -> list[str]:
    """List the files that have one of the endings: paths within the folder, with `/`, sorted.

    Links are not followed, so that nothing outside the folder is read and no loop is entered; they
    and what is hidden are counted. A file in a format that is not read is reported by name.

    Raises:
        DataError: There are more than `max_files` files, or the folder cannot be read.
    """
    walk = _Walk(folders=[""])
    while walk.folders:
        _visit(folder, walk.folders.pop(), walk, max_files, problems)
        if len(walk.names) > max_files:
            reason = f"the folder holds more than {max_files:,} files; nothing was read"
            fix = "name a smaller folder, or give max_files=…"
            problems.add("error", "document.too-many", reason, fix)
            problems.raise_errors()
    readable = sorted(name for name in walk.names if has_suffix(name, suffixes))
    unread = sorted(set(walk.names).difference(readable))
    _report_unread(folder, unread, suffixes, problems)
    _report_count(folder, walk.hidden, "note", "document.hidden", problems)
    _report_count(folder, walk.links, "warning", "document.link", problems)
    return readable


def has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Say whether a file name has one of the endings."""
    return name.lower().endswith(suffixes)


def _visit(folder: Path, inner: str, walk: _Walk, max_files: int, problems: Problems) -> None:
    """Sort the entries of one folder; stop when there are too many files."""
    try:
        with os.scandir(folder / inner) as entries:
            for entry in entries:
                name = f"{inner}{entry.name}"
                if len(walk.names) > max_files:
                    return
                if entry.name.startswith(_HIDDEN):
                    walk.hidden.append(name)
                elif entry.is_symlink():
                    walk.links.append(name)
                elif entry.is_dir():
                    walk.folders.append(f"{name}/")
                elif entry.is_file():
                    walk.names.append(name)
                else:
                    reason = "neither a file nor a folder: left out"
                    _report(problems, folder / name, "warning", "document.no-file", reason)
    except OSError as exc:
        reason = f"the folder cannot be read: {exc.strerror}"
        fix = "allow reading it, or move it out of the way"
        _report(problems, folder / inner, "error", "document.unreadable", reason, fix)


def report_unread(
    path: Path, severity: Severity, suffixes: tuple[str, ...], problems: Problems
) -> None:
    """Report a file in a format that is not read."""
    ending = f"{path.suffix!r} files are" if path.suffix else "files without an ending are"
    reason = f"{ending} not read: left out; documents are read from {', '.join(suffixes)}"
    fix = "save it in one of these formats, or give a loader: loaders={…}"
    _report(problems, path, severity, "document.no-loader", reason, fix)


def _report_unread(
    folder: Path, names: Sequence[str], suffixes: tuple[str, ...], problems: Problems
) -> None:
    """Name the files that are not read, up to some of each ending."""
    count: Counter[str] = Counter()
    for name in names:
        ending = Path(name).suffix.lower()
        count[ending] += 1
        if count[ending] <= _NAMED:
            report_unread(folder / name, "warning", suffixes, problems)
    for ending, number in count.items():
        if number > _NAMED:
            what = f"{ending!r} files" if ending else "files without an ending"
            reason = f"{number - _NAMED:,} further {what} are not read"
            _report(problems, folder, "warning", "document.no-loader", reason)


def _report_count(
    folder: Path, names: list[str], severity: Severity, code: str, problems: Problems
) -> None:
    """Report left-out entries of one kind together, the first ones by name."""
    if names:
        first = ", ".join(repr(name) for name in sorted(names)[:_SHOWN])
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        reason = f"{_LEFT_OUT[code].format(len(names))}: {first}{more}"
        _report(problems, folder, severity, code, reason)


def _report(
    problems: Problems, path: Path, severity: Severity, code: str, reason: str, fix: str = ""
) -> None:
    """Report what is wrong with one file or folder."""
    one = Problems(shown_path(path))
    one.add(severity, code, reason, fix)
    problems.extend(one.found)


def shown_path(path: Path) -> str:
    """Give a path as it can be printed: odd characters in names are escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in str(path)
    )


def open_document_file(
    path: Path, *, encoding: str, max_bytes: int | None, problems: Problems
) -> TextFile | None:
    """Open a file for reading; None when it cannot be, or is empty, which has been reported.

    Places that cannot be decoded are reported line by line; the file is still given.
    """
    if max_bytes is not None and not fits(path, max_bytes, problems):
        return None
    try:
        if (at := _first_nul(path)) is not None:
            reason = f"binary data, not text: the first NUL byte stands at offset {at:,}"
            fix = "save its text as UTF-8, or give it the ending of its format"
            problems.add("error", "document.binary", reason, fix)
            return None
    except OSError as exc:
        report_loss(exc, problems)
        return None
    found = Problems(problems.source)
    try:
        return open_text(path, encoding=encoding, problems=found)
    except DataError:
        return None
    finally:
        problems.extend(map(_reworded, found.found))


def fits(path: Path, max_bytes: int, problems: Problems) -> bool:
    """Say whether a file is there, not empty, and no larger than that; else it is reported."""
    try:
        size = path.stat().st_size
    except OSError as exc:
        report_loss(exc, problems)
        return False
    if not size:
        problems.add("note", "document.empty", "the file is empty and is left out")
        return False
    if size <= max_bytes:
        return True
    reason = f"the file has {size:,} bytes, more than {max_bytes:,}: left out"
    problems.add("error", "document.too-large", reason, "split it, or give max_file_bytes=…")
    return False


def _first_nul(path: Path) -> int | None:
    """Find the first NUL byte of a file; None without one, and for UTF-16 and UTF-32."""
    offset = 0
    for block in raw_blocks(path):
        if not offset and (block.startswith(_WIDE_MARKS) or _is_utf16(block)):
            return None
        if (at := block.find(0)) >= 0:
            return offset + at
        offset += len(block)
    return None


def _is_utf16(block: bytes) -> bool:
    """Say whether the first bytes of a file without a mark are UTF-16, and not binary data."""
    enough = b"\n" in block or block.count(0) * 4 >= len(block)
    return enough and utf16_without_mark(block) is not None


def report_loss(exc: OSError, problems: Problems) -> None:
    """Report a file that could not be read."""
    if isinstance(exc, FileNotFoundError):
        reason, fix = "the file vanished before it could be read", "read again when it is back"
        problems.add("error", "document.vanished", reason, fix)
        return
    if exc.errno is None:  # not of the system: parsers raise it for what they do not understand
        report_broken(f"its text cannot be taken out ({type(exc).__name__})", problems)
        return
    reason, fix = f"the file cannot be read: {exc.strerror}", "allow reading it"
    problems.add("error", "document.unreadable", reason, fix)


def report_broken(what: str, problems: Problems) -> None:
    """Report a file that cannot be understood."""
    reason = f"the file is damaged, or is not what its name says: {what}"
    fix = "open it in its own program, and save it again"
    problems.add("error", "document.broken", reason, fix)


def report_encrypted(problems: Problems) -> None:
    """Report a file that needs a password."""
    reason = "the file is encrypted: it opens only with a password"
    problems.add("error", "document.encrypted", reason, "save a copy without a password")


def _reworded(problem: Problem) -> Problem:
    """Say for a document what the reader of text files says for a table."""
    if problem.code == "file.empty":
        reason = "the file is empty and is left out"
        return replace(problem, severity="note", code="document.empty", reason=reason, fix="")
    if problem.code == "file.kind":
        fix = "give it the ending of its format, or save its text as .txt or .md in UTF-8"
        return replace(problem, code="document.binary", fix=fix)
    return replace(problem, fix=problem.fix.replace("'CSV UTF-8'", "UTF-8"))
