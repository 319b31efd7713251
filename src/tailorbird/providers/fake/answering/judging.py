"""Judge answers by the words and numbers that they share with what the judge is shown.

How good an answer is, 0..1, goes by the first of these that stands in the prompt:

1. passages: the share of the answer's sentences of which the passages hold all numbers and at least
   half of the terms;
2. accepted answers: the share of the best one's terms that the answer has; half of that when the
   answer has not all of its numbers;
3. examples of a style: how much the answer is written like them, by characters and length;
4. nothing: one half.

That becomes the nearest of the levels. Of two answers the better one is better by at least 0.05.
What an answer says about its own grade makes no difference: only shared words count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.text import numbers, search_terms, split_sentences
from tailorbird.text.dates import plain_dates
from tailorbird.text.judged import unfence_parts
from tailorbird.text.profiles import CharacterProfile
from tailorbird.types.judgements import GradeReply, PreferenceReply

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from tailorbird.providers.fake.answering.forms import Schema

_CLOSE = 0.05
_CITATION = re.compile(r"\[\d+\]")
_UNKNOWN = 0.5
_SUPPORTED = 0.5


def judged_form(schema: Schema, said: str) -> str | None:
    """Fill the form of a judge, in JSON; None for a form of another kind.

    Args:
        schema: The form.
        said: What the user said last: the material, and a line for each level (`level 0: …`).
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return None
    if properties.keys() == GradeReply.model_fields.keys():
        return _grade(said).model_dump_json()
    if properties.keys() == PreferenceReply.model_fields.keys():
        return _preference(said).model_dump_json()
    return None


def _grade(said: str) -> GradeReply:
    parts = unfence_parts(said)
    fit = _fit("".join(_named(parts, "answer")), parts)
    outside = said.partition("<<")[0]
    highest = max(0, sum(line.startswith("level ") for line in outside.splitlines()) - 1)
    reason = f"{fit:.2f} of what is needed stands in the answer"
    return GradeReply(reason=reason, level=int(fit * highest + 0.5))


def _preference(said: str) -> PreferenceReply:
    parts = unfence_parts(said)
    first, second = (_fit("".join(_named(parts, name)), parts) for name in ("a", "b"))
    reason = f"{first:.2f} against {second:.2f}"
    if abs(first - second) < _CLOSE:
        return PreferenceReply(reason=reason, better="tie")
    return PreferenceReply(reason=reason, better="A" if first > second else "B")


def _fit(answer: str, parts: Sequence[tuple[str, str]]) -> float:
    answer = _CITATION.sub("", answer)
    passages = _named(parts, "passage")
    accepted = _named(parts, "accepted")
    profile = CharacterProfile.of(_named(parts, "example"))
    if passages:
        return _supported(answer, "\n".join(passages))
    if accepted:
        return max(_covered(answer, one) for one in accepted)
    return _UNKNOWN if profile is None else profile.likeness(answer)


def _named(parts: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [text for found, text in parts if found == name]


def _supported(answer: str, passages: str) -> float:
    known, figures = set(search_terms(passages)), _numbers(passages)
    sentences = [answer[start:end] for start, end in split_sentences(answer)]
    held = sum(
        _numbers(one) <= figures and len(terms & known) >= _SUPPORTED * len(terms)
        for one in sentences
        for terms in [set(search_terms(one))]
    )
    return held / len(sentences) if sentences else 0.0


def _covered(answer: str, accepted: str) -> float:
    wanted = set(search_terms(accepted))
    if not wanted:
        return float(accepted in answer)
    covered = len(wanted.intersection(search_terms(answer))) / len(wanted)
    return covered if _numbers(accepted) <= _numbers(answer) else covered / 2


def _numbers(text: str) -> Counter[str]:
    return numbers(plain_dates(text))
