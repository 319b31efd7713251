"""Recognize the documents that a question names as its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.text.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def place_names(document: str, source: str = "", *, page: int | None = None) -> tuple[str, ...]:
    """Give the names that a place in a document goes by: its id, its source, both with the page."""
    bare = [name for name in dict.fromkeys((document, source)) if name]
    paged = [] if page is None else [f"{name}#page={page}" for name in bare]
    return (*bare, *paged)


def is_among(sources: Sequence[str], *names: str) -> bool:
    """Say whether one of the names of a place is one of the expected sources.

    Equal are the same path, a path and its end (`handbook/returns.md`, `returns.md`), and a name
    with and without its ending (`returns`); a page (`#page=3`) counts when the source names one.
    """
    return bool(found_among(sources, names))


def found_among(sources: Iterable[str], names: Iterable[str]) -> set[str]:
    """Give the sources that are the source of one of the names, as `is_among` says.

    Every name is looked at once, however many sources there are.
    """
    whole: dict[_Form, set[str]] = {}
    ends: dict[_Form, set[str]] = {}
    for source in sources:
        path, page = _parts(source)
        is_ended = "." in path.rpartition("/")[2]
        whole.setdefault((is_ended, path, page), set()).add(source)
        for end in _ends(path):
            ends.setdefault((is_ended, end, page), set()).add(source)
    nothing: set[str] = set()
    found: set[str] = set()
    for path, page in map(_parts, filter(None, names)):
        for is_ended, form in ((True, path), (False, _without_ending(path))):
            for asked in {page, ""}:
                found |= ends.get((is_ended, form, asked), nothing)
                for end in _ends(form):
                    found |= whole.get((is_ended, end, asked), nothing)
    return found


def without_page(source: str) -> str:
    """Give a source without the page that it may name."""
    return source.partition("#")[0]


_Form = tuple[bool, str, str]
"""Whether a path has its ending, the path, and the page, empty for none."""


def _parts(name: str) -> tuple[str, str]:
    """Give the path of a name, and the page, empty for none."""
    path, _, page = normalize(name).replace("\\", "/").removeprefix("./").partition("#")
    return path, page


def _ends(path: str) -> Iterator[str]:
    """Give a path, and what is left of it without its first folders."""
    yield path
    at = path.find("/")
    while at >= 0:
        yield path[at + 1 :]
        at = path.find("/", at + 1)


def _without_ending(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    stem, dot, _ = last.rpartition(".")
    return f"{folder}{slash}{stem if dot else last}"
