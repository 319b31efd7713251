"""What a model says is believed when the text that it names bears it out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.retrieval.quoting import bears_out, find_quote
from tailorbird.text.number_words import numbers_in_words

RULES = "Employees get ten days. The gym opens at 17:00 and costs 1,200 yen; “guests” pay double."
LEAVE = "第一条　年次有給休暇は十日とする。ｶﾞﾝ検診は無料です。"


@pytest.mark.parametrize(
    ("quote", "text", "found"),
    [
        ("The gym opens at 17:00", RULES, "The gym opens at 17:00"),
        ("the GYM\n opens  at 17：00", RULES, "The gym opens at 17:00"),
        ("**The gym** opens", RULES, "The gym opens"),
        ('"guests" pay double', RULES, "“guests” pay double"),
        ("「年次有給休暇は十日とする。」", LEAVE, "年次有給休暇は十日とする。"),
        ("ガン検診", LEAVE, "ｶﾞﾝ検診"),
        ("The gym … 1,200 yen", RULES, "The gym opens at 17:00 and costs 1,200 yen"),
        ("The gym [...] costs", RULES, "The gym opens at 17:00 and costs"),
        ("十日", LEAVE, "十日"),
        ("The gym opens at 18:00", RULES, None),
        ("costs … The gym", RULES, None),
        ("g", RULES, None),
        ("…", RULES, None),
        ("", RULES, None),
        ("“ ”", RULES, None),
    ],
)
def test_find_quote(quote: str, text: str, found: str | None) -> None:
    """A quotation is found whatever its typography, and its span is the text's own."""
    span = find_quote(quote, text)
    assert (None if span is None else text[slice(*span)]) == found


@given(text=st.text(min_size=2, max_size=80), start=st.integers(0, 40), length=st.integers(1, 40))
def test_pieces_of_a_text_are_found(text: str, start: int, length: int) -> None:
    """What is copied out is found, and what is found reads the same."""
    quote = text[start : start + length]
    span = find_quote(quote, text)
    if span is not None:
        assert find_quote(text[slice(*span)], quote) is not None or "…" in quote or "..." in quote
    elif sum(map(str.isalnum, quote)) > 3:
        assert any(mark in quote for mark in "….")


@pytest.mark.parametrize(
    ("statement", "texts", "holds"),
    [
        ("Staff get 10 days.", [RULES], True),
        ("Staff get 12 days.", [RULES], False),
        ("It opens at 5 p.m.", [RULES], True),
        ("It opens at 6 p.m.", [RULES], False),
        ("午後5時に開きます。", [RULES], True),
        ("It costs 1200 yen.", [RULES], True),
        ("休暇は10日です。", [LEAVE], True),
        ("休暇は20日です。", [LEAVE], False),
        ("The gym costs 1200 yen and leave is 10 days.", [RULES, LEAVE], True),
        ("Bicycles rust overnight.", [RULES], False),
        ("駐車場は満車です", [LEAVE], False),
        ("Annual leave is 10 days.", [LEAVE], True),
        ("Yes.", [RULES], True),
        ("", [RULES], True),
        ("In the 1990s employees got ten days.", [RULES], False),
    ],
)
def test_bears_out(statement: str, texts: list[str], *, holds: bool) -> None:
    """Numbers must stand in the texts, and some term must be shared by texts of one script."""
    assert bears_out(statement, texts) is holds


def test_the_question_s_numbers_are_known() -> None:
    """A number that was asked about is nobody's invention."""
    assert bears_out("In 2031 employees get ten days.", [RULES], question="And in 2031?")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("twelve or Twenty-five, forty people", {"12", "25", "40"}),
        ("十日、三百五十円、二〇二六年、一億二千万", {"10", "350", "2026", "120000000"}),
        ("百、万一", {"100", "10001"}),
        ("fourteenth someone 12", set[str]()),
    ],
)
def test_numbers_in_words(text: str, found: set[str]) -> None:
    """Number words below a hundred and Chinese numerals are found."""
    assert numbers_in_words(text) == found
