"""Find the sentences of a text, in Japanese and in English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.text.graphemes import grapheme_boundary
from tailorbird.text.memo import memo
from tailorbird.text.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDE_STOPS = "。！？｡"
_STOPS = _WIDE_STOPS + ".．!?…‥"
_LINE_ENDS = "\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
_CLOSING = "」』）】〉》〕］｝”’\"')\\]}»*_"  # with Markdown's marks of emphasis
# It begins with one class of characters, which lets the regular expression skip to the next one.
_CANDIDATE = lazy_pattern(
    rf"[{_STOPS}{_LINE_ENDS}](?:(?<=[{_LINE_ENDS}])\s*|[{_STOPS}]*(?P<closing>[{_CLOSING}]*))"
)
# What goes on behind a quotation inside a sentence: 「はい。」と答えた, 「終了。」のように.
_GOES_ON = re.compile("[とっはがをにのもでやかな、，。]")
_MAY_FOLLOW_STOP = lazy_pattern(r"\s+|(?=[\u3041-\u30ff\u3400-\u9fff])|\Z")
_LAST_TOKEN = re.compile(r"[^\s(（「『\"“‘']*$")
_NUMBERING = re.compile(r"(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})")
_INITIALS = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]|[A-HJ-Z]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Abbreviations without their last stop, lower case. Our choice.
_NEVER_LAST = _words("""
mr mrs ms mx dr prof st rev hon gen col sgt capt lt sen rep gov pres messrs mme mlle e.g i.e cf vs
viz ca approx resp incl excl fig figs eq eqs ref refs sec secs chap tab vol ed eds
""")
_BEFORE_DIGIT = _words("""
no nos nr p pp art par para jan feb mar apr jun jul aug sep sept oct nov dec tel ext c al
""")
_BEFORE_CODE = _words("no nos nr")
_BEFORE_SMALL_LETTER = _words("etc inc ltd co corp jr sr a.m p.m al est ave blvd dept")
_TIMES = _words("a.m p.m")

# What belongs to a time of day: 1:00 p.m. Central Time, 5 p.m. (CET), 9 a.m. - 5 p.m., 8 a.m.
# Monday. Our choice.
_OF_A_TIME = lazy_pattern(
    r"[-–—~〜～]\s*\d"
    r"|\(?(?:(?:[A-Z][a-z]+ ){1,3}Time"
    r"|(?:Atlantic|Eastern|Central|Mountain|Pacific)(?=[.,;:/)]|\s(?:and|on|or|to)\b|\Z)"
    r"|[ECMP][SD]?T|AK?[SD]T|HST|UTC|GMT|BST|IST|WES?T|CES?T|EES?T|JST|KST|HKT|SGT|AE[SD]T|NZ[SD]T"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\."
    r"|January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.)(?!\w)"
)
# What begins a sentence even behind initials: the U.S. However, …; K. He is a name.
_BEGINS = re.compile(
    r"(?:The|This|These|Those|It|Its|They|We|She|There|However|If|When|Also|Our|Their|You|In)\s"
)
_CODE = re.compile(r"[#(]?[A-Z]{0,4}-?\d")

_FIRST_MARK = "\u0300"
_JOINED_LETTERS = frozenset("\uff9e\uff9f\u0e33\u0eb3")  # letters that belong to the one before
_LOOK_BACK = 40
_WRAPPED_LINE = 40  # prose is wrapped at 60 characters and more; shorter lines are meant as lines


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Give the spans of the sentences of `text`, in order.

    A span `(start, end)` holds `text[start:end]`, without white space at its ends (unless a
    combining mark sits on it); spans do not overlap, break no visible character, and hold each
    character that is not white space exactly once.

    A sentence ends behind `。！？` with the brackets that close there (unless a particle goes on
    behind the bracket: 「はい。」と答えた); behind `.!?` followed by white space or an East Asian
    character (unless the stop belongs to an abbreviation such as `Dr.`, `e.g.`, `No. 5`,
    `1 p.m. Central Time`, to initials or to a list number, or a small letter follows); and at a
    line end (unless the line has 40 characters or more and is wrapped in midst of a sentence: a
    Latin letter or comma before it, a small letter behind it).
    """
    return list(_spans(text))


@memo(longest=4_000, most=1 << 10)
def _spans(text: str) -> tuple[tuple[int, int], ...]:
    spans: list[tuple[int, int]] = []
    start = 0
    for border in (*_borders(text), len(text)):
        piece = text[start:border]
        if core := piece.strip():
            end = start + len(piece.rstrip())
            begin = end - len(core)
            spans.append((begin if begin == start else _unbroken(text, begin, start), end))
        start = border
    return tuple(spans)


def _borders(text: str) -> Iterator[int]:
    """Give the positions at which a sentence ends."""
    for found in _CANDIDATE().finditer(text):
        stop = found.group().rstrip()
        if not stop:
            ends = not _is_wrapped(text, found.start(), found.end())
        elif any(char in _WIDE_STOPS for char in stop):
            ends = not (found["closing"] and _GOES_ON.match(text, found.end()))
        else:
            ends = _latin_stop_ends(text, found)
        border = _unbroken(text, found.end(), found.start())
        if ends and border > found.start():
            yield border


def _unbroken(text: str, at: int, start: int) -> int:
    """Move back from a combining mark to the character it sits on."""
    after = text[at : at + 1]
    if after < _FIRST_MARK or (after.isalnum() and after not in _JOINED_LETTERS):
        return at
    return grapheme_boundary(text, at, start=start)


def _is_wrapped(text: str, end: int, following: int) -> bool:
    """Say whether the line that ends at `end` goes on in the next one."""
    if not text[following : following + 1].islower():
        return False
    line = text[max(0, end - _WRAPPED_LINE) : end]
    before = line.rstrip()[-1:]
    return (
        len(line) == _WRAPPED_LINE
        and "\n" not in line
        and text.count("\n", end, following) == 1
        and before.isascii()
        and (before.isalnum() or before in {",", ";"})
    )


def _latin_stop_ends(text: str, found: re.Match[str]) -> bool:
    """Say whether `.`, `!`, `?` or an ellipsis ends a sentence."""
    follows = _MAY_FOLLOW_STOP().match(text, found.end())
    if follows is None:
        return False
    after = text[follows.end() : follows.end() + 1]
    stop = found.group().rstrip(_CLOSING)
    if stop in {".", "．"}:
        return not after.islower() and _is_full_stop(text, found.start(), follows.end())
    spaced = follows.end() > follows.start() or not after
    return not after.islower() and (spaced or stop[-1] not in "…‥")


def _is_full_stop(text: str, at: int, following: int) -> bool:
    """Say whether the stop at `at` is more than the end of an abbreviation or of a list number."""
    before = text[max(0, at - _LOOK_BACK) : at]
    lines = before.rsplit("\n", 1)
    if (len(lines) > 1 or at <= _LOOK_BACK) and _NUMBERING.fullmatch(lines[-1].strip()):
        return False
    found = _LAST_TOKEN.search(before)
    token = found.group() if found else ""
    word = token.lower()
    if word in _BEFORE_SMALL_LETTER:
        return not _is_inside(text, word, following)
    if word in _NEVER_LAST or (word in _BEFORE_DIGIT and text[following : following + 1].isdigit()):
        return False
    if word in _BEFORE_CODE and _CODE.match(text, following):
        return False
    return _INITIALS.fullmatch(token) is None or _BEGINS.match(text, following) is not None


def _is_inside(text: str, word: str, following: int) -> bool:
    """Say whether an abbreviation that may end a sentence is inside one, by what follows."""
    if word in _TIMES:
        return _OF_A_TIME().match(text, following) is not None
    if word in _BEFORE_DIGIT and text[following : following + 1].isdigit():
        return True
    # Google Inc. は
    return _GOES_ON.match(text, following) is not None
