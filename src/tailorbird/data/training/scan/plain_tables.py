"""Tables over bytes and characters for the scan of training files."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    ByteSet = npt.NDArray[np.bool_]

_ALNUM = (string.ascii_letters + string.digits).encode("ascii")


def _set_of(members: bytes) -> ByteSet:
    table = np.zeros(256, np.bool_)
    table[list(members)] = True
    return table


DIGIT = _set_of(b"0123456789")
"""ASCII digits."""

LOWER_CASE = _set_of(string.ascii_lowercase.encode("ascii"))
"""ASCII letters in lower case."""

LETTER = _set_of(string.ascii_letters.encode("ascii"))
"""ASCII letters."""

MATH_SIGN = _set_of(b"+/=")
"""What sums are written with, and base64, but no other key."""

NUMBER_CHARACTER = _set_of(b"0123456789 -")
"""What long numbers are written with."""

KEY_CHARACTER = _set_of(_ALNUM + b"+/=_-")
"""What keys, tokens and base64 are written with."""

BEFORE_AT = _set_of(_ALNUM + b"._%+-")
"""What stands before the `@` of a mail address."""

AFTER_AT = _set_of(_ALNUM + b"-")
"""What stands behind the `@` of a mail address."""

PLAIN_ESCAPE = _set_of(b'"\\nrt')
"""What may follow a backslash without a second look. `\\/` is legal too, but it cuts long keys."""

BEGINS_BLANK = np.zeros(0x10000, np.bool_)
"""Which two bytes, as a number, lowest first, a content may begin with that is empty or blank: a
quote, a space, a backslash, or the first bytes of other white space."""
for _first in b'" \\':
    BEGINS_BLANK[_first::0x100] = True
for _pair in (b"\xc2\x85", b"\xc2\xa0", b"\xe1\x9a", b"\xe2\x80", b"\xe2\x81", b"\xe3\x80"):
    BEGINS_BLANK[int.from_bytes(_pair, "little")] = True

ENDS_BLANK = _set_of(b" nrt0\x85\xa0\xa8\xa9\xaf\x9f" + bytes(range(0x80, 0x8B)))
"""Last bytes of white space: of its UTF-8, and of the escapes `\\n`, `\\r`, `\\t`, `\\u3000`."""

WITHIN_BLANK = ENDS_BLANK | _set_of(b"\\u3\xc2\xe1\x9a\xe2\x81\xe3")
"""Every byte of a JSON string that holds nothing but white space is in here."""

NO_HEX = 0x100
"""What `HEX_PAIR` gives, or more, for what is no pair of hexadecimal digits."""

_HEX_DIGIT = np.full(256, NO_HEX, np.uint16)
for _digit in string.hexdigits:
    _HEX_DIGIT[ord(_digit)] = int(_digit, 16)

# The second digit is the high byte of the number, and so the row of the table.
HEX_PAIR: npt.NDArray[np.uint16] = np.minimum(
    _HEX_DIGIT[:, np.newaxis] + (_HEX_DIGIT << 4), NO_HEX
).ravel()
"""Value of each two hexadecimal digits, by the number that they are as bytes, lowest first."""

DOUBTFUL_CODE_POINT = np.zeros(0x10000, np.bool_)
"""Characters that a line must be looked at for when they are written as `\\uXXXX`: ASCII (it may
hide a key or a blank text), white space but U+3000, halves of pairs, full width digits, and
everything in `lines.UNUSUAL`."""
for _first, _last in (
    (0x0000, 0x00A0),
    (0x00AD, 0x00AD),
    (0x0300, 0x036F),
    (0x061C, 0x061C),
    (0x1680, 0x1680),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x3099, 0x309A),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
    (0xFF0D, 0xFF0D),
    (0xFF10, 0xFF19),
    (0xFFF9, 0xFFFD),
):
    DOUBTFUL_CODE_POINT[_first : _last + 1] = True
