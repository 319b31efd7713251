"""Filters in SQL let the same chunks through as filters in Python."""

from __future__ import annotations

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Jsonb

from tailorbird.retrieval.postgres.filters import exact, where
from tailorbird.types.filters import Among, Compare, Filter, FilterValue, Junction, Negation, holds

KEYS = st.sampled_from(["a", "b", "日付", "it's", '"%s"', "0"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5)
LARGE = st.sampled_from([2**53 + 1, float(2**53), 2**63 - 1, 2.0**63, -(2**63), 1e23, 1e300])
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | LARGE
VALUES: st.SearchStrategy[FilterValue] = (
    st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "1", "", "%s"]) | NUMBERS | TEXTS
)
COMPARISONS = st.builds(
    Compare, type=st.sampled_from(["eq", "ne"]), key=KEYS, value=VALUES
) | st.builds(Compare, type=st.sampled_from(["gt", "gte", "lt", "lte"]), key=KEYS, value=NUMBERS)
AMONG = st.builds(
    Among,
    type=st.sampled_from(["in", "not_in"]),
    key=KEYS,
    values=st.lists(VALUES, min_size=1, max_size=4).map(tuple),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    COMPARISONS | AMONG,
    lambda inner: (
        st.builds(Negation, filter=inner)
        | st.builds(
            Junction,
            type=st.sampled_from(["and", "or"]),
            filters=st.lists(inner, min_size=1, max_size=3).map(tuple),
        )
    ),
    max_leaves=6,
)


def test_the_server_agrees_with_the_contract(postgres_dsn: str) -> None:
    """For any filter and any metadata the server says true exactly where `holds` does."""
    with psycopg.connect(postgres_dsn) as connection:

        @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
        @given(FILTERS, st.dictionaries(KEYS, VALUES, max_size=4))
        def agree(condition: Filter, metadata: dict[str, FilterValue]) -> None:
            made = where(condition)
            statement = sql.SQL("SELECT {} FROM (SELECT %(m)s AS metadata) AS one").format(made.sql)
            kept = Jsonb({key: exact(value) for key, value in metadata.items()})
            row = connection.execute(statement, {**made.values, "m": kept}).fetchone()
            assert row is not None
            assert (row[0] is True) == (holds(condition, metadata) is True)

        agree()


def test_large_numbers_are_kept_as_they_are() -> None:
    """What JSON would write in decimal with an exponent is written as the number that it is."""
    assert exact(1e23) == 99999999999999991611392
    assert [repr(exact(one)) for one in (2024.0, 0.1, 7, True, "1")] == [
        *("2024.0", "0.1", "7", "True", "'1'")
    ]


def test_values_are_no_part_of_the_statement() -> None:
    """Keys and values travel beside the statement, whatever they hold."""
    made = where(Compare(type="ne", key="'; DROP TABLE x; --", value="') OR true --"))
    text = made.sql.as_string(None)
    assert "DROP" not in text
    assert "OR true" not in text
