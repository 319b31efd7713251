"""How numbers are found in texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200円 １，２００ 1200.00", "1200 1200 1200"),
        ("2026年3月1日と2026.03.01", "2026 3 1 2026 3 1"),
        ("5万円、1.5万、3千人", "50000 15000 3000"),
        ("1億2,000万", "120000000"),
        ("2千万と1兆", "20000000 1000000000000"),
        ("1万2000", "12000"),
        ("3.50 007 0 00 .5", "3.5 7 0 0 5"),
        ("①10,000円 10² 6½", "1 10000 10 2 6 1 2"),
        ("-5 ▲3 （-2.5） 差:-7", "-5 -3 -2.5 -7"),
        ("3-5日 A-7 −4", "3 5 7 -4"),
        ("-0", "0"),
        ("50%、¥500、9:30", "50 500 9 30"),
        ("v1.2.3.", "1 2 3"),
        ("1,2,3 と 12,34 と 1,2345", "1 2 3 12 34 1 2345"),
        ("03-1234-5678", "3 1234 5678"),
        ("٣٤ と १२", "34 12"),
        ("三十日 thirty", ""),
        ("", ""),
    ],
)
def test_numbers_come_in_one_form(text: str, expected: str) -> None:
    """Width, separators, units and signs of numbers are told from what surrounds them."""
    assert sorted(numbers(text).elements()) == sorted(expected.split())


def test_codes_of_a_hundred_digits_keep_their_digits() -> None:
    """No digit is rounded away, with a unit behind the last one or without."""
    code = "9" * 100
    assert numbers(code) == {code: 1}
    assert numbers(f"{code}万")


@given(number=st.integers(min_value=0, max_value=10**15), separated=st.booleans())
def test_a_number_is_found_as_it_is_written(number: int, *, separated: bool) -> None:
    """Thousands separators make no difference."""
    written = f"{number:,}" if separated else str(number)
    assert numbers(f"合計{written}円") == {str(number): 1}


@given(st.text(alphabet=st.sampled_from("0123456789,.千万億兆-−▲ ：年円①")))
def test_any_mixture_gives_plain_decimals(text: str) -> None:
    """What comes out can be read as a decimal number, without needless zeros."""
    for found in numbers(text):
        whole, _, fraction = found.removeprefix("-").partition(".")
        assert whole.isdecimal()
        assert whole == "0" or not whole.startswith("0")
        assert not fraction.endswith("0")
