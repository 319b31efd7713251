"""Keep keys out of sight."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.data.secrets import find_sensitive

if TYPE_CHECKING:
    from collections.abc import Iterable

_MASK = "***"

_SHORTEST = 4
# A shorter "secret" would also be found within ordinary words.

_NAMED = re.compile(
    r"(?i)\b(bearer|basic|api[-_ ]?key|access[-_]?token|password|secret|sig)\b"
    r"(\s*[:=]\s*|\s+)[\"']?(?:bearer\s+)?[\"']?(?=\S*[0-9*])[^\s\"',;&<>]{8,}"
)
# What stands behind such a word, when it holds a digit or the stars of a half hidden key.

_USER_INFO = re.compile(r"(?<=://)[^\s/@]+@")

_HALF_HIDDEN = re.compile(r"\bsk-[A-Za-z0-9_*-]{8,}")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask what must not be seen in a text that somebody else wrote.

    Args:
        text: An error message, a header, an address.
        secrets: Keys and tokens that are known; those under 4 characters are left alone.

    Returns:
        The text with the known secrets, and everything that looks like a key, a token or the
        password of an address, replaced by `***`.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, _MASK)
    text = _USER_INFO.sub(f"{_MASK}@", text)
    text = _NAMED.sub(rf"\1\2{_MASK}", text)
    text = _HALF_HIDDEN.sub(_MASK, text)
    found = [place for place in find_sensitive(text) if place.kind == "secret"]
    for place in reversed(found):
        text = text[: place.start] + _MASK + text[place.end :]
    return text
