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

ENDS_BLANK = _set_of(b" nrt0\x85\xa0\xa8\xa9\xaf\x9f" + bytes(range(0x80, 0x8B)))
"""Last bytes of white space: of its UTF-8, and of the escapes `\\n`, `\\r`, `\\t`, `\\u3000`."""

WITHIN_BLANK = ENDS_BLANK | _set_of(b"\\u3\xc2\xe1\x9a\xe2\x81\xe3")
"""Every byte of a JSON string that holds nothing but white space is in here."""

NO_HEX = 0x1000
"""What `HEX_VALUE` gives for bytes that are no hexadecimal digit."""

HEX_VALUE: npt.NDArray[np.int64] = np.full(256, NO_HEX, np.int64)
"""Value of each hexadecimal digit."""
for _digit in string.hexdigits:
    HEX_VALUE[ord(_digit)] = int(_digit, 16)

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
