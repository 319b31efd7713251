"""Find what should not be in training data: keys, mail addresses, My Numbers, payment cards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tailorbird.data.problems import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SensitiveKind = Literal["secret", "email", "my-number", "card"]
"""What something looks like."""

REMARKS: Mapping[SensitiveKind, tuple[str, str, str]] = {
    "secret": (
        "privacy.secret",
        "this looks like a key or a token",
        "replace it, and revoke it if it is real: a tuned model can repeat what it has seen",
    ),
    "email": (
        "privacy.email",
        "this looks like a mail address",
        "replace it by one at example.com if it belongs to a person",
    ),
    "my-number": (
        "privacy.my-number",
        "this looks like a Japanese Individual Number (My Number)",
        "remove it: the law restricts what such numbers may be used for",
    ),
    "card": (
        "privacy.card",
        "this looks like the number of a payment card",
        "replace it by a number that no issuer gives out, such as 0000 0000 0000 0000",
    ),
}
"""Code, reason and fix of the problem that each kind is."""

# A digit keeps words and file names out: real keys of these lengths have one, all but never not.
_DIGIT_AHEAD = r"(?=[A-Za-z0-9_-]*[0-9])"
# Sources: the issuers' own descriptions of their formats, as collected in the rules of gitleaks,
# https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml (read 2026-11-22).
_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    rf"sk-{_DIGIT_AHEAD}[A-Za-z0-9_-]{{20,}}"  # OpenAI, Anthropic, Stripe
    rf"|gh[pousr]_{_DIGIT_AHEAD}[A-Za-z0-9]{{30,}}"  # GitHub
    rf"|github_pat_{_DIGIT_AHEAD}[A-Za-z0-9_]{{22,}}"
    r"|A[KS]IA[0-9A-Z]{16}"  # Amazon
    rf"|AIza{_DIGIT_AHEAD}[A-Za-z0-9_-]{{35}}"  # Google
    rf"|xox[abprs]-{_DIGIT_AHEAD}[A-Za-z0-9-]{{20,}}"  # Slack
    rf"|eyJ{_DIGIT_AHEAD}[A-Za-z0-9_-]{{20,}}\.[A-Za-z0-9_-]+"  # JSON web token
    r")"
)
_KEY_SIGNS = ("sk-", "_", "AKIA", "ASIA", "AIza", "xox", "eyJ")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*(?=[A-Za-z+/]*[0-9])[A-Za-z0-9+/=]{40,}"
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
# Names that belong to nobody: RFC 2606, sections 2 and 3, and JPRS for .jp.
_NOBODY = re.compile(r"@(?:[A-Za-z0-9.-]+\.)?example(?:\.[A-Za-z.]+)?$|\.(?:test|invalid)$")
# The look behind comes second, so that the search can skip to the next digit.
_NUMBER = re.compile(r"[0-9](?<![0-9]{2})(?:[ -]?[0-9]){11,18}(?![0-9])")
_MY_NUMBER_SHAPE = re.compile(r"[0-9]{12}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}")
_CARD_SHAPE = re.compile(
    r"[3-6][0-9]{12,18}"
    r"|[3-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}"
    r"|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5}"
)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９－　", "0123456789- ")
_FULL_WIDTH_DIGIT = re.compile("[０-９]")
_SHOWN = 2


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A place that looks like something to keep out of a model."""

    kind: SensitiveKind
    """What it looks like."""
    start: int
    """Where it begins, from 0."""
    end: int
    """Where it ends, exclusive."""

    def hint(self, text: str) -> str:
        """Give as much of the place as may be shown."""
        return text[self.start : self.start + _SHOWN] + "…"


def find_sensitive(text: str) -> Iterator[Sensitive]:
    """Give the places of a text that look like a secret, an address, a My Number or a card.

    Numbers count only when their check digit is right, and full width digits are read like half
    width ones. A false alarm stays possible: about one number in ten is right by chance.
    """
    # Plain searches first: they cost a hundredth of the expression.
    if any(sign in text for sign in _KEY_SIGNS):
        for found in _KEY.finditer(text):
            yield Sensitive("secret", *found.span())
    if "PRIVATE KEY" in text:
        for found in _PRIVATE_KEY.finditer(text):
            yield Sensitive("secret", *found.span())
    if "@" in text:
        for found in _EMAIL.finditer(text):
            if not _NOBODY.search(found[0]):
                yield Sensitive("email", *found.span())
    yield from _numbers(text)


def hide_sensitive(text: str) -> str:
    """Replace all but the first two characters of sensitive places by `*`; the length stays."""
    for found in find_sensitive(text):
        hidden = "*" * (found.end - found.start - _SHOWN)
        text = text[: found.start + _SHOWN] + hidden + text[found.end :]
    return text


def safe_excerpt(text: str, at: int = 0) -> str:
    """Give at most 40 printable characters around position `at`, sensitive places hidden."""
    start = max(0, at - 200)
    return excerpt(hide_sensitive(text[start : at + 200]), at - start)


def _numbers(text: str) -> Iterator[Sensitive]:
    if not text.isascii() and _FULL_WIDTH_DIGIT.search(text):
        text = text.translate(_FULL_WIDTH)
    for found in _NUMBER.finditer(text):
        digits = [int(char) for char in found[0] if char.isdigit()]
        if _MY_NUMBER_SHAPE.fullmatch(found[0]) and _is_my_number(digits):
            yield Sensitive("my-number", *found.span())
        elif _CARD_SHAPE.fullmatch(found[0]) and _is_luhn(digits):
            yield Sensitive("card", *found.span())


def _is_my_number(digits: list[int]) -> bool:
    # Weights from the right 2 to 7, then 2 to 6: 平成26年総務省令第85号, article 5,
    # https://laws.e-gov.go.jp/law/426M60000008085 (read 2026-11-22).
    *number, check = digits
    total = sum(digit * (2 + place % 6) for place, digit in enumerate(reversed(number)))
    rest = total % 11
    return check == (0 if rest <= 1 else 11 - rest)


def _is_luhn(digits: list[int]) -> bool:
    # ISO/IEC 7812-1:2017, annex B.
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * (1 + place % 2)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0
