"""Characters that should not be in a question or an answer, or that nobody sees there."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.data.files.lines import UNUSUAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.exceptions import Severity

LINE_SEPARATORS = re.compile("[\x85\u2028\u2029]")
"""Line ends for `str.splitlines`, and for some other readers of JSON Lines: written escaped."""

# Joiners belong to emoji and to the scripts of India and the Near East, direction marks to Hebrew
# and Arabic: they are reported only away from those.
_RIGHT_TO_LEFT = "\u0590-\u08ff"
_JOINING = f"{_RIGHT_TO_LEFT}\u0900-\u1fff\u2600-\u27bf\ufe0f\U0001f000-\U0001faff"

_UNSEEN_ONLY = re.compile(
    "[\\s\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]*"
)

_MARKED = re.compile("[^\u0300-\u036f\u3099\u309a][\u0300-\u036f\u3099\u309a]")


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of unusual character in a text."""

    severity: Severity
    """How bad it is."""
    code: str
    """The problem's code."""
    reason: str
    """What it is."""
    fix: str
    """What to do."""
    at: int
    """Where the first one is, from 0."""


_RULES: tuple[tuple[re.Pattern[str], Severity, str, str, str], ...] = (
    (
        re.compile("\ufffd"),
        "error",
        "text.replacement",
        "U+FFFD stands where another program lost characters",
        "restore the text from its origin",
    ),
    (re.compile("\x00"), "error", "text.nul", "a NUL character", "remove it"),
    (
        re.compile("[\ud800-\udfff]"),
        "error",
        "text.surrogate",
        "half of a character (a lone surrogate): another program cut it in two",
        "write the character (often an emoji) again",
    ),
    (
        re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]"),
        "warning",
        "text.control",
        "a control character",
        "remove it",
    ),
    (
        re.compile(
            "[\xad\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
            f"|(?<![{_JOINING}])[\u200c\u200d]"
            f"|(?<![{_RIGHT_TO_LEFT}])[\u061c\u200e\u200f](?![{_RIGHT_TO_LEFT}])"
        ),
        "warning",
        "text.invisible",
        "an invisible character",
        "remove it: no reader sees it, and a model does",
    ),
    (
        re.compile("[\u202a-\u202e\u2066-\u2069]"),
        "warning",
        "text.direction",
        "a character that changes the direction of writing",
        "remove it: what is read may not be what is shown",
    ),
)


def findings(text: str, *, surrogates: bool = True) -> Iterator[Finding]:
    """Give each kind of unusual character in a text, once.

    Line separators (`LINE_SEPARATORS`) are none: they are accepted, and escaped when written.
    `surrogates=False` leaves lone surrogates out, for texts whose bytes were reported already.
    """
    if UNUSUAL.search(text) is None:
        return
    for pattern, severity, code, reason, fix in _RULES:
        if (found := pattern.search(text)) and (surrogates or code != "text.surrogate"):
            shown = f"{reason} (U+{ord(found[0]):04X})" if severity == "warning" else reason
            yield Finding(severity, code, shown, fix, found.start())
    if (at := _decomposed(text)) is not None:
        reason = "characters and their marks are stored apart (not in NFC): か + ゛ is not が"
        yield Finding("warning", "text.decomposed", reason, "normalize='nfc'", at)


def is_blank(text: str) -> bool:
    """Say whether a reader sees nothing of a text: it is empty, or holds blanks and marks only."""
    return _UNSEEN_ONLY.fullmatch(text) is not None


def _decomposed(text: str) -> int | None:
    """Find a mark that would melt into the character before it."""
    for found in _MARKED.finditer(text):
        if len(unicodedata.normalize("NFC", found[0])) == 1:
            return found.start()
    return None
