"""Filters in the words of Azure AI Search, evaluated as the service does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.exceptions import InvalidInputError
from tailorbird.providers.azure.search_filter import MARKS, any_of, equals, marks_of, odata_filter
from tailorbird.testing._wire.search.filters import SearchFilter
from tailorbird.types import Among, Compare, Filter, Junction, Negation
from tailorbird.types.filters import FilterValue, holds

FIELDS = {MARKS: "Collection(Edm.String)"}
KEYS = st.sampled_from(["a", "b'c", "年", "x=y?", "k" * 200])
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 0.5, -0.5, 2.0**53 - 1, 1e308, -1e308, 5e-324]),
)
TEXTS = st.one_of(st.sampled_from(["", "a", "O'Brien", "a|b", "経理", "x" * 300]), st.text())
VALUES = st.one_of(NUMBERS, st.booleans(), TEXTS)
ORDERED = st.builds(
    Compare, type=st.sampled_from(["gt", "gte", "lt", "lte"]), key=KEYS, value=NUMBERS
)
EQUAL = st.builds(Compare, type=st.sampled_from(["eq", "ne"]), key=KEYS, value=VALUES)
AMONG = st.builds(
    Among,
    type=st.sampled_from(["in", "not_in"]),
    key=KEYS,
    values=st.lists(VALUES, min_size=1, max_size=4).map(tuple),
)


def combined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    """Make filters of filters."""
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Junction, type=st.sampled_from(["and", "or"]), filters=several),
        st.builds(Negation, filter=inner),
    )


FILTERS: st.SearchStrategy[Filter] = st.recursive(
    st.one_of(ORDERED, EQUAL, AMONG), combined, max_leaves=6
)


def found(condition: Filter, metadata: Mapping[str, FilterValue]) -> bool:
    """Say whether the service would find a document with the metadata."""
    return SearchFilter(odata_filter(condition), FIELDS).holds({MARKS: marks_of(metadata)})


@given(FILTERS, st.dictionaries(KEYS, VALUES, max_size=4))
def test_service_finds_what_is_certainly_true(
    condition: Filter, metadata: Mapping[str, FilterValue]
) -> None:
    """The service finds a document when, and only when, the whole filter is true for it."""
    certain = holds(condition, metadata) is True
    assert found(condition, metadata) is certain or _is_huge(metadata, condition)


def _is_huge(metadata: Mapping[str, FilterValue], condition: Filter) -> bool:
    """Say whether numbers beyond 2**53 are in play, where too much may be found."""
    numbers = [one for one in metadata.values() if isinstance(one, (int, float))]
    return any(abs(one) >= 2**53 for one in numbers) and holds(condition, metadata) is not True


@given(st.integers(-(2**70), 2**70), st.integers(-2, 2))
def test_large_numbers_are_never_missed(number: int, beside: int) -> None:
    """Beyond 2**53 a comparison may find too much, and never misses what is true."""
    for word in ("gt", "gte", "lt", "lte"):
        condition = Compare.model_validate({"type": word, "key": "n", "value": number})
        metadata = {"n": number + beside}
        if holds(condition, metadata):
            assert found(condition, metadata)
    same = Compare(type="eq", key="n", value=number)
    assert found(same, {"n": number + beside}) is (beside == 0)


@given(st.text(min_size=1), st.text())
def test_nothing_of_the_user_is_syntax(key: str, value: str) -> None:
    """Keys and texts of any kind stand in the filter in a form that cannot end a constant."""
    condition = Compare(type="eq", key=key, value=value)
    text = odata_filter(condition)
    inner = text.removeprefix(f"{MARKS}/any(m: search.in(m, '").removesuffix("', '|'))")
    assert set(inner) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~%=+"
    )
    assert found(condition, {key: value})


def test_infinite_limits_are_limits() -> None:
    """Every number lies between the infinities; a whole number too large for a float does not."""
    everything = Compare(type="gt", key="n", value=float("-inf"))
    assert found(everything, {"n": -1e308})
    assert not found(Compare(type="gt", key="n", value=10**400), {"n": 1e308})
    assert found(Compare(type="lt", key="n", value=10**400), {"n": 1})
    assert found(Compare(type="gt", key="n", value=-(10**400)), {"n": 1})
    assert not found(Compare(type="eq", key="n", value=10**9000), {"n": 1})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 10**400])
def test_metadata_must_be_finite(number: float) -> None:
    """A number that is not finite, or too large for a float, cannot be kept."""
    with pytest.raises(InvalidInputError, match="finite"):
        marks_of({"n": number})


def test_not_a_number_cannot_be_compared() -> None:
    """Nothing is larger or smaller than what is not a number."""
    with pytest.raises(InvalidInputError, match="finite"):
        odata_filter(Compare(type="gt", key="n", value=float("nan")))
    with pytest.raises(InvalidInputError, match="number"):
        odata_filter(Compare(type="gt", key="n", value="2025"))


def test_constants_are_escaped() -> None:
    """An apostrophe within a constant is doubled."""
    assert equals("kind", "O'Brien") == "kind eq 'O''Brien'"
    assert any_of("id", ["a", "b"]) == "search.in(id, 'a|b', '|')"


def test_marks_are_documented() -> None:
    """The marks of a value are those of the page."""
    marks = marks_of({"lang": "ja", "open": True, "year": 2024})
    assert {"lang?", "lang=sja", "open?", "open=b1", "year?", "year=n7e8"} < set(marks)
    assert {"year<c", "year<c0", "year<c09fa00000000000"} < set(marks)
