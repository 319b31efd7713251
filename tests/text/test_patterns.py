"""Regular expressions that are compiled when they are first used."""

from __future__ import annotations

import re

import pytest

from tailorbird.text.patterns import lazy_pattern


def test_a_pattern_is_compiled_once_with_its_flags() -> None:
    """Each call gives the same compiled pattern."""
    pattern = lazy_pattern("^b", re.MULTILINE)
    assert pattern() is pattern()
    assert pattern().findall("a\nb") == ["b"]


def test_a_pattern_is_not_compiled_before_it_is_used() -> None:
    """A wrong one is found out on first use, so nothing was compiled before."""
    pattern = lazy_pattern("(")
    with pytest.raises(re.error):
        pattern()
