"""How long a provider asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird._http import retry_after_s

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after-ms": "50"}, 0.05),
        ({"retry-after-ms": "50", "retry-after": "1"}, 0.05),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 21:00:30 +0900"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
    ],
)
def test_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """B1, B2: milliseconds count before seconds, a date is compared with the time of day."""
    assert retry_after_s(headers, now=NOW) == seconds


def test_date_is_compared_with_the_clock_of_the_provider() -> None:
    """A clock that is an hour wrong here does not change the wait."""
    headers = {
        "retry-after": "Sun, 22 Nov 2026 13:00:30 GMT",
        "date": "Sun, 22 Nov 2026 13:00:00 GMT",
    }
    assert retry_after_s(headers, now=NOW) == 30.0


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-1",
        "nan",
        "inf",
        "1e300",
        "99999999999",
        "9999999",
        "５",
        "٣",
        "1_000",
        "soon",
        "1 s",
        "Sun, 99 Nov 2026 99:00:00 GMT",
        "Sun, 22 Nov 2026 12:00:30 +9999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ],
)
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
def test_nonsense_counts_as_nothing(name: str, value: str) -> None:
    """B4: what is not a time, or beyond all sense, is as good as not said."""
    wait = retry_after_s({name: value}, now=NOW)
    assert wait is None or (name == "retry-after-ms" and value == "9999999")


@given(st.text(), st.text(), st.text())
def test_wait_is_never_negative(after: str, after_ms: str, date: str) -> None:
    """Whatever the headers hold, there is a wait of 0 to 31 days, or none."""
    headers = {"retry-after": after, "retry-after-ms": after_ms, "date": date}
    wait = retry_after_s(headers, now=NOW)
    assert wait is None or 0 <= wait <= 31 * 86400
