"""Recognize the documents that a question names as its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.text.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    return any(_fits(_path(source), _path(name)) for source in sources for name in names if name)


def without_page(source: str) -> str:
    """Give a source without the page that it may name."""
    return source.partition("#")[0]


def _path(name: str) -> str:
    return normalize(name).replace("\\", "/").removeprefix("./")


def _fits(source: str, name: str) -> bool:
    if "#" not in source:
        name = without_page(name)
    if "." not in source.rpartition("/")[2]:
        name = _without_ending(name)
    return name == source or name.endswith(f"/{source}") or source.endswith(f"/{name}")


def _without_ending(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    stem, dot, _ = last.rpartition(".")
    return f"{folder}{slash}{stem if dot else last}"
