"""Find the numbers that a text writes in words."""

from __future__ import annotations

import re

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_UNITS)} | {
    word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)
}
_ENGLISH = re.compile(
    rf"\b(?:({'|'.join(_TENS)})[- ])?({'|'.join(reversed(_UNITS))})\b|\b({'|'.join(_TENS)})\b",
    re.IGNORECASE,
)
_DIGITS = {"零": 0, "〇": 0} | {char: value for value, char in enumerate("一二三四五六七八九", 1)}
_SCALES = {"十": 10, "百": 100, "千": 1000}
_LARGE_SCALES = {"万": 10**4, "億": 10**8}
_CHINESE = re.compile(f"[{''.join([*_DIGITS, *_SCALES, *_LARGE_SCALES])}]+")


def numbers_in_words(text: str) -> frozenset[str]:
    """Give the numbers that stand in a text as words, in the form of `numbers`, e.g. `12`.

    Found are English words below 100 (`twelve`, `twenty-five`) and Chinese numerals below 10^12
    (`三百五十`, `二〇二六`). What only looks like a numeral (`一般`) is found too.
    """
    english = {
        _VALUES.get((one[1] or "").lower(), 0) + _VALUES.get((one[2] or one[3] or "").lower(), 0)
        for one in _ENGLISH.finditer(text)
    }
    chinese = {chinese_number(one[0]) for one in _CHINESE.finditer(text)}
    return frozenset(str(value) for value in english | chinese)


def chinese_number(numeral: str) -> int:
    """Give the value of a Chinese numeral below 10^12, such as 350 for `三百五十`."""
    total = part = digits = 0
    for char in numeral:
        if char in _DIGITS:
            digits = digits * 10 + _DIGITS[char]
        elif char in _SCALES:
            part += (digits or 1) * _SCALES[char]
            digits = 0
        else:
            total += (part + digits or 1) * _LARGE_SCALES[char]
            part = digits = 0
    return total + part + digits
