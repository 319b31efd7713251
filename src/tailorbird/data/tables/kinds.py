"""Understand the words that users write for the kind of a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tailorbird.problem import nearest
from tailorbird.text.normalize import normalize
from tailorbird.types.questions import QUESTION_KINDS, QuestionKind

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND_NAMES: Final[Mapping[str, QuestionKind]] = {
    **{kind: kind for kind in QUESTION_KINDS},
    "そのまま": "verbatim",
    "原文": "verbatim",
    "言い換え": "paraphrase",
    "言いかえ": "paraphrase",
    "未学習": "unseen",
    "文体": "style",
    "口調": "style",
    "回答不能": "unanswerable",
    "回答不可": "unanswerable",
    "矛盾": "conflict",
}
"""Words for the kinds of question, after `normalize`."""


def kind_of(word: str) -> QuestionKind | None:
    """Give the kind that a word names; None for an unknown word."""
    return KIND_NAMES.get(normalize(word))


def kind_fix(word: str) -> str:
    """Say what to write instead of a word that names no kind."""
    near = nearest(word, KIND_NAMES)
    advice = "" if near is None else f"did you mean {KIND_NAMES[near]!r}? "
    return (
        f"{advice}take one of {', '.join(QUESTION_KINDS)}; if the column means something else,"
        " leave it out: columns={'question': …, 'answer': …}"
    )
