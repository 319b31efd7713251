"""Sources of questions are recognized among the names of documents."""

from __future__ import annotations

import time

import pytest

from tailorbird.workflow.searching.sources import found_among, is_among


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("returns.md", "returns.md"),
        ("returns.md", "handbook/returns.md"),
        ("handbook/returns.md", "returns.md"),
        ("returns", "handbook/returns.md"),
        ("./handbook\\returns.md", "handbook/returns.md"),
        ("規程/返品.pdf", "規程／返品.ＰＤＦ"),
        ("returns.pdf", "returns.pdf#page=3"),
        ("returns.pdf#page=3", "handbook/returns.pdf#page=3"),
        ("returns#page=3", "handbook/returns.pdf#page=3"),
    ],
)
def test_names_of_one_document(source: str, name: str) -> None:
    """Paths and their ends, with and without ending, are one; a page counts where one is named."""
    assert is_among([source], "other.md", name)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("returns.md", "no-returns.md"),
        ("returns.md", "returns.md/a.md"),
        ("returns.md", "returns.pdf"),
        ("returns.pdf#page=3", "returns.pdf#page=2"),
        ("returns.pdf#page=3", "returns.pdf"),
        ("returns.pdf", ""),
    ],
)
def test_names_of_two_documents(source: str, name: str) -> None:
    """A part of a name, another ending, another page or an empty name is not the same."""
    assert not is_among([source], name)


def test_many_sources_among_many_names() -> None:
    """Looking for many names takes about as long as reading them, whatever is found."""
    sources = [f"規程/none{number}.md" for number in range(2_000)]
    names = [f"規程/folder/{number}.md" for number in range(2_000)]
    started = time.process_time()
    assert found_among([*sources, "7.md", "folder/8"], names) == {"7.md", "folder/8"}
    assert time.process_time() - started < 5  # pair by pair it takes 40 s
