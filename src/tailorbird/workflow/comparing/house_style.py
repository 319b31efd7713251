"""What the reference answers of a question set share: their house style, apart from their facts.

Reference answers often open or close alike, with "Happy trails from Lark & Reed!" or with
「…でございます。ご不明な点は…お尋ねくださいませ。」. Left in place, that part alone makes any two
answers look alike: a wrong fact in the right tone would score, and a right fact in plain words
would not. So facts are compared without it, and tone is measured by it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.text.normalize import normalize, normalize_for_match
from tailorbird.text.profiles import CharacterProfile
from tailorbird.text.scripts import has_spaced_words
from tailorbird.text.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tailorbird.types.questions import Question

SHARED_BY = 0.4
"""Share of the distinct references from which a piece counts as style.

Small talk and refusals often have another wording, so a majority is too much to ask; a fact that
two answers in five share is hardly a fact any more. On both sets in `examples/` every value from
0.2 to 0.9 finds the same sentence and the same ending.
"""

_MIN_REFERENCES = 3  # fewer distinct answers can share a piece by chance
_MIN_LETTERS = 6  # "でございます" is style, "です" and "ます" are grammar
_MIN_SPACED_LETTERS = 8  # the same for words: "Thank you", and not "the" or "days"
_LONGEST = 80  # characters of a shared opening or closing that are looked at
_CITATION = re.compile(r"[ \t]*\[\d+(?:\s*,\s*\d+)*\]")
_LIST_MARK = re.compile(
    r"^[ \t\u3000]*(?:[\u2460-\u2473\u2776-\u277f]|\d{1,2}[.)．）、](?!\d)|[-*•・‣])[ \t\u3000]*",
    re.MULTILINE,
)
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_ENDS = " 。.!?、,…"


def plain_text(text: str) -> str:
    """Take `[n]` citation marks and the marks of list items (`-`, `・`, `1.`, `①`) off a text."""
    return _LIST_MARK.sub("", _CITATION.sub("", text)).strip()


@dataclass(frozen=True, slots=True)
class ReferenceProfile:
    """The house style of a set of references; empty when they share none.

    Looked for are whole sentences, and behind or before these the longest common ending and
    beginning, in at least 40 % of the distinct references (three at least). A piece holds 6 letters
    or more (8, and two words, in scripts with spaces) and no digit, because numbers are facts.
    """

    sentences: frozenset[str] = frozenset()
    """Shared sentences, normalized, without punctuation at their ends."""
    opening: str = ""
    """What the other sentences share at the beginning of the answer, normalized; may be empty."""
    closing: str = ""
    """What the other sentences share at the end of the answer, normalized; may be empty."""
    tone: CharacterProfile | None = None
    """How the answers that were learned from are written; None where they are too few."""

    @classmethod
    def of(cls, questions: Iterable[Question], *, learned: Sequence[str] = ()) -> ReferenceProfile:
        """Find what the first accepted answers of the questions share; equal ones count once.

        Refusals are left out: they share their wording because they say the same.

        Args:
            questions: The test questions.
            learned: Answers of the training rows, whose tone is taken; where these are fewer than
                three, the tone is that of the references.
        """
        references = {
            normalize_for_match(one.reference): one.reference
            for one in questions
            if one.kind != "unanswerable"
        }
        split = [_sentences(text) for whole, text in references.items() if whole]
        needed = max(_MIN_REFERENCES, SHARED_BY * len(split))
        counts = Counter(sentence for one in split for sentence in set(one))
        shared = frozenset(
            text for text, count in counts.items() if count >= needed and _is_telling(text)
        )
        rest = [[one for one in sentences if one not in shared] for sentences in split]
        kept = [one for one in rest if one]
        return cls(
            sentences=shared,
            opening=_longest([one[0] for one in kept], needed, at_end=False),
            closing=_longest([one[-1] for one in kept], needed, at_end=True),
            tone=CharacterProfile.of(learned) or CharacterProfile.of(references.values()),
        )

    @property
    def is_empty(self) -> bool:
        """Whether the references share no piece of text."""
        return not (self.sentences or self.opening or self.closing)

    def facts(self, text: str) -> tuple[str, ...]:
        """Give the sentences of a text without what is style, normalized; citations go too.

        Empty for a text that is nothing but style.
        """
        bare = (self._bare(one) for one in _sentences(text) if one not in self.sentences)
        return tuple(one for one in bare if one)

    def carries(self, text: str) -> bool | None:
        """Say whether a text has the house style; None when the references share none.

        It has it with any of the shared sentences; where there are none, with the shared opening
        or closing.
        """
        if self.is_empty:
            return None
        whole = normalize(plain_text(text))
        if self.sentences:
            return any(one in whole for one in self.sentences)
        sentences = _sentences(text)
        return any(
            (self.opening and one.startswith(self.opening))
            or (self.closing and one.endswith(self.closing))
            for one in sentences
        )

    def _bare(self, sentence: str) -> str:
        if self.opening:
            sentence = sentence.removeprefix(self.opening)
        if self.closing:
            sentence = sentence.removesuffix(self.closing)
        return sentence.strip(_ENDS)


def _sentences(text: str) -> tuple[str, ...]:
    plain = plain_text(text)
    found = (normalize_for_match(plain[start:end]) for start, end in split_sentences(plain))
    return tuple(one for one in found if one)


def _is_telling(piece: str) -> bool:
    letters = len(_LETTER.findall(piece))
    if _DIGIT.search(piece):
        return False
    if has_spaced_words(piece):
        return letters >= _MIN_SPACED_LETTERS and " " in piece.strip()
    return letters >= _MIN_LETTERS


def _longest(texts: Sequence[str], needed: float, *, at_end: bool) -> str:
    """Give the longest piece that enough texts begin (or end) with, none of them whole."""
    counts: Counter[str] = Counter()
    for text in texts:
        sizes = range(1, min(_LONGEST, len(text) - 1) + 1)
        pieces = (_cut(text, size, at_end=at_end) for size in sizes)
        counts.update(piece for piece in pieces if piece)
    shared = [one for one, count in counts.items() if count >= needed and _is_telling(one)]
    return max(shared, key=lambda one: (len(one), one), default="")


def _cut(text: str, size: int, *, at_end: bool) -> str:
    """Give the first or last characters; nothing where the cut would go through a word."""
    at = len(text) - size if at_end else size
    if text[at - 1].isalnum() and text[at].isalnum() and has_spaced_words(text[at - 1 : at + 1]):
        return ""
    return text[at:] if at_end else text[:at]
