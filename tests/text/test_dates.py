"""Dates, however they are written."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text.dates import Day, dates, plain_dates
from tailorbird.text.normalize import fold_width

DAY = Day(2027, 1, 6)


@pytest.mark.parametrize(
    "written",
    [
        "2027-01-06",
        "2027/1/6",
        "2027.1.6",
        "２０２７年１月６日",
        "2027 年 1 月 6 日",
        "令和9年1月6日",
        "令和九年一月六日",
        "二〇二七年一月六日",
        "R9.1.6",
        "r9/1/6",
        "Jan 6 2027",
        "Jan. 6, 2027",
        "January 6th, 2027",
        "JANUARY 06 2027",
        "6 January 2027",
        "the 6th of January, 2027",
        "6.1.2027",
    ],
)
def test_one_day_is_written_in_many_ways(written: str) -> None:
    """Every usual way of writing a day gives the same day, and one plain form."""
    (found,) = dates(f"It ends on {written}.")
    assert found.readings == (DAY,)
    assert plain_dates(f"until {written}, then").endswith("2027年1月6日, then")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("明治元年9月8日", Day(1868, 9, 8)),
        ("大正15年12月24日", Day(1926, 12, 24)),
        ("昭和64年1月7日", Day(1989, 1, 7)),
        ("平成30年4月1日", Day(2018, 4, 1)),
        ("H30/4/1", Day(2018, 4, 1)),
        ("令和元年5月1日", Day(2019, 5, 1)),
        ("平成30年度", Day(2018, None, None)),
        ("令和9年1月", Day(2027, 1, None)),
        ("2027年1月", Day(2027, 1, None)),
        ("January 2027", Day(2027, 1, None)),
        ("1月6日", Day(None, 1, 6)),
        ("十二月二十五日", Day(None, 12, 25)),
        ("December 25th", Day(None, 12, 25)),
        ("25 Dec", Day(None, 12, 25)),
        ("may 6", Day(None, 5, 6)),
        ("2028年2月29日", Day(2028, 2, 29)),
        ("2月29日", Day(None, 2, 29)),
        ("13/1/2027", Day(2027, 1, 13)),
        ("1/13/2027", Day(2027, 1, 13)),
    ],
)
def test_eras_and_parts_of_dates(written: str, day: Day) -> None:
    """Years of an era count from its first; a year or a day may be missing."""
    (found,) = dates(written)
    assert found.readings == (day,)


def test_a_date_may_have_two_readings() -> None:
    """Where both orders are possible both are kept, month first, and the text stays."""
    (found,) = dates("6/1/2027")
    assert found.readings == (Day(2027, 6, 1), Day(2027, 1, 6))
    assert plain_dates("until 6/1/2027") == "until 6/1/2027"
    (twice,) = dates("5/5/2027")
    assert twice.readings == (Day(2027, 5, 5),)
    (other,) = dates("2027-01-06")
    assert found.fits(other)
    assert not found.fits(twice)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2027-02-29",
        "2月30日",
        "13月1日",
        "31/31/2027",
        "0999-01-01",
        "2027-00-10",
        "version 2027.1.6.3",
        "2027-1-6-9",
        "1/6",
        "12-24",
        "March 3:30",
        "march on",
        "03-1234-5678",
        "1年半",
        "六月",
        "x9.1.6",
        "令和99999年",
        "令和0年1月6日",
        "R0.1.6",
    ],
)
def test_what_is_no_date(text: str) -> None:
    """Days that no calendar has, versions, times and fractions are no dates."""
    assert [one for one in dates(text) if one.readings[0].day] == []


def test_days_fit_where_nothing_differs() -> None:
    """What only one of two dates says does not matter."""
    assert DAY.fits(Day(None, 1, 6))
    assert DAY.fits(Day(2027, None, None))
    assert not DAY.fits(Day(2026, 1, 6))
    assert not DAY.fits(Day(None, 2, 6))
    assert not DAY.fits(Day(None, 1, 7))


def test_places_are_those_of_the_folded_text() -> None:
    """A date says where it stands, and the rest of the text stays as it is."""
    text = "From １月６日 to Jan 8."
    first, second = dates(text)
    assert fold_width(text)[first.start : first.end] == "1月6日"
    assert (second.start, second.end) == (13, 18)
    assert plain_dates(text) == "From 1月6日 to 1月8日."


@given(st.dates(min_value=date(1000, 1, 1)))
def test_iso_dates_come_back(day: date) -> None:
    """Every day in the ISO form is found as that day."""
    if day.year > 2999:
        assert dates(day.isoformat()) == ()
    else:
        (found,) = dates(day.isoformat())
        assert found.readings == (Day(day.year, day.month, day.day),)


@given(st.text(alphabet="0123456789/-.年月日令和R Jan,6二〇", max_size=30))
def test_plain_dates_stay_plain(text: str) -> None:
    """The first date that names a month is the same in the plain form."""
    first, plain = (
        next((one.readings for one in dates(form) if one.readings[0].month), None)
        for form in (text, plain_dates(text))
    )
    assert first == plain
