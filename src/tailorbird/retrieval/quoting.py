"""Verify what a model says against the text that it says it from."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from tailorbird.text.number_words import numbers_in_words
from tailorbird.text.numbers import numbers
from tailorbird.text.scripts import has_spaced_words
from tailorbird.text.terms import search_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORTEST_QUOTE = 2  # letters and digits: 十日 is a quotation, a single letter stands anywhere
_FEWEST_TERMS = 2  # "Yes" says nothing that could be looked up
_SMALL = frozenset({"0", "1"})
_HALF_DAY = 12
_AROUND = " \t\n\r'\"“”‘’「」『』«»"
_ONLY_HIRAGANA = re.compile("[\u3041-\u309fー]+")  # です, ました: grammar, which any text has
_LEFT_OUT = re.compile(r"[\[(]?(?:…|\.{3})+[\])]?")
_CLOCK = re.compile(r"[ap]\.?m\b|午[前後]|\d:[0-5]\d|\d時", re.IGNORECASE)
# Typographic forms of one sign, and what models add for emphasis.
_SAME = str.maketrans(dict.fromkeys("‘’‚‛`´′", "'") | dict.fromkeys("“”„‟″«»", '"')
                      | dict.fromkeys("‐‑‒–—―−", "-") | {"‹": "<", "›": ">"}
                      | dict.fromkeys("*_"))  # fmt: skip


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """Find where a text holds a quotation, and give its span; None where it does not.

    Width, case, white space, emphasis, invisible characters, and the forms of quotation marks and
    dashes make no difference. `…` stands for anything that was left out: the parts must follow each
    other. Marks around the quotation do not belong to it. It needs two letters or digits at least.
    """
    folded, places = _folded(text)
    start, end = -1, 0
    for part in _LEFT_OUT.split(quote):
        wanted, _ = _folded(part)
        at = folded.find(wanted, end)
        if at < 0:
            wanted, _ = _folded(part.strip(_AROUND))
            at = folded.find(wanted, end)
        if not wanted:
            continue
        if at < 0:
            return None
        start, end = (at if start < 0 else start), at + len(wanted)
    if sum(map(str.isalnum, folded[max(0, start) : end])) < _SHORTEST_QUOTE:
        return None
    return places[start], places[end - 1] + 1


def bears_out(statement: str, texts: Sequence[str], *, question: str = "") -> bool:
    """Say whether texts can be what a statement rests on, as far as words and numbers tell.

    They cannot when the statement has a number that stands neither in them nor in the question (0
    and 1 aside; numbers in words, and hours of the other half of the day, count as standing there),
    or when statement and texts are written alike (both with spaces between words, or both without)
    and share not one term. A statement of a single term, such as "Yes", is believed.
    """
    if _unknown_numbers(statement, [*texts, question]):
        return False
    terms = {one for one in search_terms(statement) if not _ONLY_HIRAGANA.fullmatch(one)}
    spaced = has_spaced_words(statement)
    alike = [text for text in texts if has_spaced_words(text) == spaced]
    if len(terms) < _FEWEST_TERMS or len(alike) < len(texts):
        return True
    return any(not terms.isdisjoint(_terms(text)) for text in alike)


def _unknown_numbers(statement: str, texts: Sequence[str]) -> set[str]:
    unknown = (numbers(statement).keys() - _SMALL).difference(*map(_known_numbers, texts))
    if not unknown or not _CLOCK.search(statement):
        return unknown
    known = {number for text in texts for number in _known_numbers(text)}
    hours = [int(number) for number in known if number.isdecimal() and len(number) < 3]  # noqa: PLR2004 - digits of an hour
    return unknown - {str(hour + other) for hour in hours for other in (-_HALF_DAY, _HALF_DAY)}


# The memos change no result: many answers rest on the same passages.
@lru_cache(maxsize=1 << 10)
def _known_numbers(text: str) -> frozenset[str]:
    return numbers_in_words(text).union(numbers(text))


@lru_cache(maxsize=1 << 10)
def _terms(text: str) -> frozenset[str]:
    return frozenset(search_terms(text))


@lru_cache(maxsize=1 << 8)
def _folded(text: str) -> tuple[str, list[int]]:
    """Give the characters that count, decomposed, and where in the text each of them comes from."""
    chars: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for one in unicodedata.normalize("NFKD", char).casefold().translate(_SAME):
            if not one.isspace() and unicodedata.category(one) != "Cf":
                chars.append(one)
                places.append(place)
    return "".join(chars), places
