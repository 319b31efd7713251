"""What looks like a key, a mail address, a My Number or a payment card."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.secrets import find_sensitive, hide_sensitive, safe_excerpt

# None of these opens anything: they are made up, or stand in the issuers' own descriptions.
KEY = "sk-proj-" + "Ab3dEf6hIj9lMn2pQr5t"
PRIVATE_KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEow1BAAKCAQEA" * 4


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"use {KEY} here", "secret"),
        ("ghp_" + "a1B2" * 9, "secret"),
        ("github_pat_" + "a1B2" * 6, "secret"),
        ("AKIAIOSFODNN7EXAMPLE", "secret"),
        ("AIza" + "Sy1" * 12, "secret"),
        ("xoxb-" + "123456789012-abcdefgh", "secret"),
        ("eyJhbGciOiJIUzI1NiIsInR5.eyJzdWIi", "secret"),
        (PRIVATE_KEY, "secret"),
        ("mail hanako.suzuki@contoso.co.jp now", "email"),
        ("番号は123456789018です", "my-number"),
        ("1234-5678-9018", "my-number"),
        ("１２３４　５６７８　９０１８", "my-number"),
        ("100000000005", "my-number"),
        ("4111 1111 1111 1111", "card"),
        ("4111111111111111", "card"),
        ("3782-822463-10005", "card"),
    ],
)
def test_sensitive_text_is_found(text: str, kind: str) -> None:
    """Each kind is found once, wherever it stands."""
    assert [one.kind for one in find_sensitive(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-is-a-library-for-machines",
        "ghp_ is a prefix, and so is eyJ",
        "the task_for_the_day is done",
        "write to name@example.com, @home or a@b",
        "info@service.example.org or root@host.test",
        "123456789012",
        "4111 1111 1111 1112",
        "03-1234-5678 and 2026-11-22 10:30:00",
        "1 2 3 4 5 6 7 8 9 0 1 8",
        "1234567890181234567890",
        "the words PRIVATE KEY alone",
        "",
    ],
)
def test_harmless_text_is_left_alone(text: str) -> None:
    """Words, prefixes, reserved addresses and numbers with wrong check digits are not found."""
    assert list(find_sensitive(text)) == []


def test_hidden_text_keeps_its_length_and_two_characters() -> None:
    """What is hidden shows two characters, and everything behind it stays in its place."""
    text = f"key {KEY} mail a.b@contoso.com end"
    hidden = hide_sensitive(text)
    assert hidden == f"key sk{'*' * (len(KEY) - 2)} mail a.{'*' * 13} end"
    assert len(hidden) == len(text)


def test_excerpt_hides_what_it_shows() -> None:
    """An excerpt around a card number does not show the number."""
    shown = safe_excerpt("x" * 300 + " 4111 1111 1111 1111 " + "y" * 300, 305)
    assert "1111 1111" not in shown
    assert "41***" in shown
    assert len(shown) <= 40


def digits_with_check(number: list[int]) -> str:
    """Append the check digit of a My Number, computed the long way of the ordinance."""
    total = 0
    for n in range(1, 12):
        weight = n + 1 if n <= 6 else n - 5
        total += number[11 - n] * weight
    rest = total % 11
    return "".join(map(str, [*number, 0 if rest <= 1 else 11 - rest]))


@given(st.lists(st.integers(0, 9), min_size=11, max_size=11), st.integers(1, 9))
def test_my_number_needs_its_check_digit(number: list[int], change: int) -> None:
    """A number with the right last digit is found; with any other last digit it is not."""
    right = digits_with_check(number)
    wrong = right[:-1] + str((int(right[-1]) + change) % 10)
    assert [one.kind for one in find_sensitive(right)] == ["my-number"]
    assert list(find_sensitive(wrong)) == []
