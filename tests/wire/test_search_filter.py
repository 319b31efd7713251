"""OData filters of the wire's Azure AI Search."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.exceptions import InvalidInputError
from tailorbird.testing._wire.search.filters import MOST_CLAUSES, MOST_DEPTH, SearchFilter

FIELDS = {
    "name": "Edm.String",
    "size": "Edm.Int32",
    "weight": "Edm.Double",
    "open": "Edm.Boolean",
    "day": "Edm.DateTimeOffset",
    "tags": "Collection(Edm.String)",
    "sizes": "Collection(Edm.Int32)",
    "flags": "Collection(Edm.Boolean)",
}
SHOP = {
    "name": "O'Brien's 店",
    "size": 5,
    "weight": 2.5,
    "open": True,
    "day": "2026-11-22T12:00:00+09:00",
    "tags": ["wifi", "茶"],
    "sizes": [1, 5, 9],
    "flags": [True, False],
}


def holds(text: str, **document: object) -> bool:
    """Say whether a filter holds for the shop with some other values."""
    return SearchFilter(text, FIELDS).holds({**SHOP, **document})


@pytest.mark.parametrize(
    "text",
    [
        "name eq 'O''Brien''s 店'",
        "name ne 'x'",
        "size eq 5",
        "5 eq size",
        "size gt 4 and size ge 5 and size lt 6 and size le 5",
        "4 lt size and 5 le size and 6 gt size and 5 ge size",
        "size eq 5.0 and weight gt -1e1 and weight lt 1E+3",
        "weight lt INF and weight gt -INF and weight ne NaN",
        "open",
        "open eq true",
        "not (open eq false)",
        "not not open",
        "not (size gt 5)",
        "true",
        "not false",
        "(((size eq 5)))",
        "size gt 9 and size gt 9 or open",  # `and` binds more tightly
        "open or size gt 9 and size gt 9",
        "day eq 2026-11-22T03:00:00Z",
        "day ne 2026-11-22T03:00:00.001Z",
        "day ge 2026-11-22T03:00Z and day lt 2026-11-22T12:00:00-08:00",
        "search.in(name, 'x,O''Brien''s 店', ',')",
        "search.in(name, 'x|O''Brien''s 店|', '|')",
        "not search.in(name, 'a, b')",
        "tags/any()",
        "tags/any(t: t eq '茶')",
        "tags/any(t: t eq 'x' or t eq 'wifi')",
        "tags/any(t: search.in(t, 'x, wifi'))",
        "tags/all(t: t ne 'x')",
        "tags/all(t: not search.in(t, 'x y'))",
        "tags/all(t: t ne 'x' and t ne 'y')",
        "not tags/any(t: t eq 'x')",
        "sizes/any(s: s gt 8)",
        "sizes/all(s: s gt 0 and s lt 10)",
        "flags/any(f: f)",
        "  open  ",
    ],
)
def test_a_filter_holds(text: str) -> None:
    """Each form of the language means what the service's reference says."""
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "name eq 'o''brien''s 店'",  # case counts
        "size ne 5",
        "not open",
        "false",
        "day gt 2026-11-22T12:00:00+09:00",
        "search.in(name, 'O''Brien''s 店')",  # a blank parts the values
        "search.in(name, 'O''Brien''s|店', '')",
        "tags/any(t: t eq 'x')",
        "sizes/all(s: s gt 1)",
        "weight eq NaN",
    ],
)
def test_a_filter_does_not_hold(text: str) -> None:
    """Each form can also be false."""
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("size gt 1", False),
        ("size lt 1", False),
        ("size eq 1", False),
        ("size ne 1", True),
        ("size eq null", True),
        ("null eq size", True),
        ("size ne null", False),
        ("open", False),
        ("not open", True),
        ("open eq false", False),
        ("open ne true", True),
        ("name eq null", True),
        ("day ne 2026-01-01T00:00:00Z", True),
        ("day eq 2026-01-01T00:00:00Z", False),
        ("search.in(name, 'a b')", False),
        ("tags/any()", False),
        ("tags/any(t: t eq 'a')", False),
        ("tags/all(t: t ne 'a')", True),
    ],
)
def test_a_missing_value_follows_the_table_of_the_reference(text: str, *, expected: bool) -> None:
    """Null equals itself only, is not ordered, and a truth value that is null is like false."""
    assert SearchFilter(text, FIELDS).holds({}) is expected
    assert SearchFilter(text, FIELDS).holds(dict.fromkeys(FIELDS)) is expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "end of the filter"),
        ("size", "not expected"),
        ("size eq", "not expected"),
        ("size eq 5 5", "not expected"),
        ("size eq 5 and", "not expected"),
        ("(size eq 5", "not expected"),
        ("size eq 5)", "not expected"),
        ("5", "not expected"),
        ("5 eq 5", "not expected"),
        ("null", "not expected"),
        ("eq 5", "no field 'eq'"),
        ("size = 5", "position 4"),
        ("size eq 'open", "position 7"),
        ("size eq '5'", "'Edm.Int32' and cannot be compared by 'eq' with a text"),
        ("size eq true", "with a truth value"),
        ("size eq NaN", "with a number"),
        ("size gt null", "with null"),
        ("name gt 'a'", "with a text"),
        ("name eq 5", "with a number"),
        ("name eq 2026-01-01T00:00:00Z", "with a moment"),
        ("open gt false", "with a truth value"),
        ("open eq 'x'", "with a text"),
        ("day eq '2026-01-01T00:00:00Z'", "with a text"),
        ("day eq 2026-13-01T00:00:00Z", "no 'Edm.DateTimeOffset'"),
        ("tags eq 'x'", "with a text"),
        ("tags eq null", "with null"),
        ("color eq 'red'", "no field 'color'"),
        ("not size gt 5", "operand type 'Edm.Int32'"),
        ("not open eq true", "in parentheses"),
        ("search.in(size, '5')", "needs texts"),
        ("search.in(name)", "not expected"),
        ("search.in(name, 5)", "not expected"),
        ("search.in('a', 'b')", "not expected"),
        ("search.ismatch('x')", "no field 'search.ismatch'"),
        ("size/any()", "not a collection"),
        ("tags/all()", "not expected"),
        ("tags/any(5)", "not expected"),
        ("tags/any(t t eq 'x')", "not expected"),
        ("tags/any(t: name eq 'x')", "only 't' is known"),
        ("tags/any(t: tags/any(u: u eq 'x'))", "not a collection"),
        ("tags/any(t: t ne 'x')", "'any' allows only"),
        ("tags/any(t: t eq 'x' and t eq 'y')", "'any' allows only"),
        ("tags/any(t: not search.in(t, 'x'))", "'any' allows only"),
        ("tags/any(t: not (t eq 'x'))", "'any' allows only"),
        ("tags/any(t: true)", "'any' allows only"),
        ("tags/all(t: t eq 'x')", "'all' allows only"),
        ("tags/all(t: t ne 'x' or t ne 'y')", "'all' allows only"),
        ("tags/all(t: search.in(t, 'x'))", "'all' allows only"),
        ("size eq 12345678901234567890", "not expected"),
        ("(" * 60 + "open" + ")" * 60, "nested"),
        ("not " * 60 + "open", "not expected"),
        (" or ".join(["open"] * (MOST_CLAUSES + 1)), "clauses"),
    ],
)
def test_a_wrong_filter_is_refused(text: str, words: str) -> None:
    """What the service refuses is refused, with words that name the trouble."""
    with pytest.raises(InvalidInputError, match=words):
        SearchFilter(text, FIELDS)


def test_a_text_of_the_filter_is_not_repeated() -> None:
    """A text in a filter may be a user's content."""
    with pytest.raises(InvalidInputError) as caught:
        SearchFilter("'secret words'", FIELDS)
    assert "secret" not in str(caught.value)


def test_without_fields_nothing_can_be_filtered_by() -> None:
    """The refusal says so."""
    with pytest.raises(InvalidInputError, match="those are: none"):
        SearchFilter("size eq 5", {})


def test_the_largest_filters_are_taken() -> None:
    """A filter at its limits is read and answered."""
    assert holds(" or ".join(["size eq 1"] * (MOST_CLAUSES - 1) + ["open"]))
    assert holds("(" * MOST_DEPTH + "open" + ")" * MOST_DEPTH)


Written = tuple[str, Callable[[dict[str, object]], bool]]
_OPERATORS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@st.composite
def comparisons(draw: st.DrawFn) -> Written:
    """Write a comparison, and what it means in Python."""
    field = draw(st.sampled_from(["name", "size", "weight", "day"]))
    value: object
    if field == "name":
        word = draw(st.sampled_from(["eq", "ne"]))
        value = draw(st.text(max_size=5))
        shown = _quoted(value)
    else:
        word = draw(st.sampled_from(sorted(_OPERATORS)))
        if field == "day":
            value = draw(st.datetimes(min_value=datetime(1900, 1, 1))).replace(tzinfo=UTC)  # noqa: DTZ001 - hypothesis wants it so
            shown = value.isoformat().replace("+00:00", "Z")
        elif field == "size":
            value = draw(st.integers(-3, 3))
            shown = str(value)
        else:
            value = draw(st.floats(allow_nan=False, allow_infinity=False))
            shown = repr(value)

    def meant(document: dict[str, object]) -> bool:
        found = document[field]
        if found is None:
            return word == "ne"
        if isinstance(value, datetime):
            found = datetime.fromisoformat(str(found))
        return bool(_OPERATORS[word](found, value))

    return f"{field} {word} {shown}", meant


def _joined(parts: list[Written], word: str) -> Written:
    over = all if word == "and" else any
    text = f" {word} ".join(f"({one})" for one, _ in parts)
    return text, lambda document: over(meant(document) for _, meant in parts)


def _turned(one: Written) -> Written:
    text, meant = one
    return f"not ({text})", lambda document: not meant(document)


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds(_joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["and", "or"])),
        st.builds(_turned, inner),
    ),
    max_leaves=8,
)
documents = st.fixed_dictionaries(
    {
        "name": st.none() | st.text(max_size=5),
        "size": st.none() | st.integers(-3, 3),
        "weight": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "day": st.none()
        | st.datetimes(min_value=datetime(1900, 1, 1)).map(  # noqa: DTZ001 - as above
            lambda one: one.replace(tzinfo=UTC).isoformat()
        ),
    }
)


@settings(max_examples=50)  # each draws a whole tree of conditions
@given(conditions, documents)
def test_a_filter_means_what_it_was_written_for(
    written: Written, document: dict[str, object]
) -> None:
    """Any filter gives what the same condition gives in Python."""
    text, meant = written
    assert SearchFilter(text, FIELDS).holds(document) is meant(document)


@given(st.text() | st.text(alphabet="()'0123456789 ,:/.-+TZeqandortnlgsizxyopw"))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a filter is, it is read, or refused as wrong: nothing else happens."""
    try:
        condition = SearchFilter(text, FIELDS)
    except InvalidInputError:
        return
    assert condition.holds(SHOP) in {True, False}
