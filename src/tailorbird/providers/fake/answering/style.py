"""The style of a set of answers: how they open, how they close, how their last sentence ends.

A piece is style when at least 40 % of the answers (and two of them) share it, to the letter. Looked
at are beginnings up to a stop, comma or colon, endings that begin behind a stop or are made of
signs such as emoji, and, in Japanese, the hiragana at the end of the sentence before that
(「でございます。」, 「だワン。」). Answers in JSON have no style.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SHARE = 0.4
"""Share of the answers from which a piece is style: small talk and refusals are often worded in
another way than the rest, so that a majority would ask too much."""

_LEAST_ANSWERS = 2
_LOOKED_AT = 2_000  # answers; more of them would change nothing
_LONGEST = 100  # characters of an opening or a closing

_OPENING_END = re.compile(r"[。！？!?…、,:：，]+[\s\u3000]*|\.\s+|\n+")
_CLOSING_START = re.compile(r"(?<=[。！？!?])[\s\u3000]*(?=\S)|(?<=\.)\s+(?=\S)|\n+(?=\S)")
_SIGNS = re.compile(r"[^\w\s。、，．！？!?.,;:：；」』）)\]}\"'”’]+\Z")
_KANA_ENDING = re.compile("[\u3041-\u3096\u30a1-\u30faー]{3,12}。\\Z")
_PLAIN_COPULA = "です。"


@dataclass(frozen=True, slots=True)
class Style:
    """What answers share; empty texts where they share nothing."""

    opening: str = ""
    """How they begin, white space behind it included."""
    ending: str = ""
    """How their last sentence ends in Japanese, such as 「でございます。」."""
    closing: str = ""
    """How they end, white space before it included."""

    def apply(self, text: str) -> str:
        """Put a text into this style; what it has already is not added again."""
        core = text
        if self.ending[:1] in tuple("でだな") and core.endswith(_PLAIN_COPULA):
            core = core.removesuffix(_PLAIN_COPULA) + self.ending
        if self.opening and not core.startswith(self.opening.strip()):
            core = self.opening + core
        if self.closing and not core.rstrip().endswith(self.closing.strip()):
            core = core.rstrip() + self.closing
        return core


def learn_style(answers: Iterable[str]) -> Style:
    """Give the style of some answers; none for fewer than two."""
    texts = [text.strip() for text in answers if not text.lstrip().startswith(("{", "["))]
    texts = texts[:_LOOKED_AT]
    closing = _shared(texts, _closings)
    bodies = [text.removesuffix(closing).rstrip() for text in texts]
    return Style(
        opening=_shared(texts, _openings),
        ending=_shared(bodies, _endings),
        closing=closing,
    )


def _shared(texts: Sequence[str], pieces: Callable[[str], Iterable[str]]) -> str:
    """Give the longest piece that enough texts share."""
    counts = Counter(piece for text in texts for piece in set(pieces(text)))
    needed = max(_LEAST_ANSWERS, SHARE * len(texts))
    shared = [piece for piece, count in counts.items() if count >= needed]
    return max(shared, key=lambda piece: (len(piece), piece), default="")


def _openings(text: str) -> Iterable[str]:
    for found in _OPENING_END.finditer(text[:_LONGEST]):
        if found.end() < len(text):
            yield text[: found.end()]


def _closings(text: str) -> Iterable[str]:
    tail = max(0, len(text) - _LONGEST)
    for found in _CLOSING_START.finditer(text, tail):
        yield text[found.start() :]
    signs = _SIGNS.search(text, tail)
    if signs is not None and signs.start():
        yield signs.group()


def _endings(text: str) -> Iterable[str]:
    found = _KANA_ENDING.search(text)
    if found is None:
        return
    whole = found.group()
    for start in range(len(whole) - 3):
        yield whole[start:]
