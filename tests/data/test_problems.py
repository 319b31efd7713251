"""Problems are collected, counted, and safe to print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.problems import Problems, excerpt
from tailorbird.exceptions import DataError, Problem


@given(st.text(max_size=200), st.integers(min_value=0, max_value=250))
def test_an_excerpt_is_short_and_printable(text: str, at: int) -> None:
    """Whatever stands in a file, at most 40 printable characters of it are shown."""
    shown = excerpt(text, at)
    assert len(shown) <= 40
    assert shown.isprintable()


def test_an_excerpt_never_shows_a_key() -> None:
    """What looks like an access key is masked, wherever the excerpt begins."""
    shown = excerpt("the key is sk-abcdefghijklmnop, keep it", 12)
    assert "abcdefgh" not in shown
    assert "sk-…" in shown


def test_problems_beyond_the_limit_are_counted() -> None:
    """The first ones are kept, all of them are counted, and errors come first."""
    problems = Problems("f", limit=2)
    other = Problems("f", limit=9)
    for line in range(5):
        other.add("warning", "w", "odd", line=line)
    other.add("error", "e", "wrong", "mend it", line=9)
    problems.extend(other.found)
    assert problems.total == 6
    assert [one.code for one in problems.found] == ["e", "w", "w"]
    with pytest.raises(DataError) as error:
        problems.raise_errors()
    assert error.value.total == 6
    assert "and 3 more" in str(error.value)


def test_warnings_can_be_made_errors() -> None:
    """A caller that wants no warnings gets them as errors, otherwise unchanged."""
    problems = Problems("f")
    problems.add("note", "n", "fine")
    problems.add("warning", "w", "odd", line=3)
    problems.raise_errors()
    problems.promote_warnings()
    assert problems.error_count == 1
    assert problems.found[0] == Problem(
        code="w", severity="error", source="f", reason="odd", fix="", line=3
    )
