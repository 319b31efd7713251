"""Find the numbers in a text, however they are written."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal

from tailorbird.text.memo import memo
from tailorbird.text.normalize import fold_width

_UNITS = {"千": 10**3, "万": 10**4, "億": 10**8, "兆": 10**12}
_AMOUNT = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_SHORT_AMOUNT = r"(?:\d{1,3}(?:,\d{3}){1,4}(?!\d)|\d{1,15})(?:\.\d{1,9})?"  # exact as a Decimal
_NUMBER = re.compile(
    r"\d+(?:\.\d+){2,}"  # dates and versions: each part is a number
    rf"|(?:{_SHORT_AMOUNT}[千万億兆]+)+(?:{_SHORT_AMOUNT}(?![\d.,]))?"
    rf"|{_AMOUNT}"
)
_SCALED = re.compile(r"([\d,.]+)([千万億兆]*)")
_NEGATIVE = re.compile(r"(?:^|[\s(\[「『（:=])[-−▲△]$")


@memo(longest=400, most=1 << 11)
def numbers(text: str) -> Counter[str]:
    """Count the numbers of a text in one common form, e.g. `1200`, `0.5`, `-3`.

    Full width digits and circled numerals count; `1,200` is `1200`, `03` is `3`, `2.50` is `2.5`;
    `5万円` and `1億2,000万` are `50000` and `120000000`. A date gives its parts: `2026年3月1日` and
    `2026.3.1` give `2026`, `3`, `1`. Currency and percent signs are not part of the number. A minus
    sign (`▲` and `△` as in Japanese accounts too) counts at the start, behind white space, an
    opening bracket, a colon or an equals sign. Numbers in words and in Chinese numerals are not
    found. Nobody may change the counts.
    """
    folded = fold_width(text)
    found: Counter[str] = Counter()
    for match in _NUMBER.finditer(folded):
        written, at = match.group(), match.start()
        if written.count(".") > 1 and not _UNITS.keys() & set(written):
            found.update(map(_plain, written.split(".")))
            continue
        value = _plain(written) if written[-1].isdigit() and written.isascii() else _scaled(written)
        negative = value != "0" and _NEGATIVE.search(folded[max(0, at - 2) : at])
        found[f"-{value}" if negative else value] += 1
    return found


def _plain(written: str) -> str:
    """Drop separators, leading zeros, and zeros behind the point."""
    whole, _, fraction = written.replace(",", "").partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def _scaled(written: str) -> str:
    """Add up the parts of a number with units: `1億2,000万` is 120000000."""
    total = Decimal(0)
    for digits, units in _SCALED.findall(written):
        amount = Decimal(digits.replace(",", ""))
        for unit in units:
            amount *= _UNITS[unit]
        total += amount
    return _plain(format(total, "f"))
