"""The system prompt of a command that was given none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.text.scripts import HANGUL, KANA, script_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.cli.screen import Screen
    from tailorbird.types.questions import Question

# Neutral on purpose: a prompt that asks for a style would take from the arms that only prompt what
# the comparison wants to measure.
_JAPANESE = "質問に正確かつ簡潔に答えてください。"
_KOREAN = "질문에 정확하고 간결하게 답하세요."
_CHINESE = "请准确、简洁地回答问题。"
_OTHERS = "Answer the question correctly and briefly, in the language of the question."


@dataclass(frozen=True, slots=True)
class Prompt:
    """A system prompt, and why it is this one."""

    text: str | None
    """What training and later calls send; None leaves each row its own."""
    origin: str
    """`given`, `from the data`, `differs by row`, or `default`."""


def choose_prompt(given: str | None, rows: Sequence[Question]) -> Prompt:
    """Take the given prompt, the data's own, or a neutral one in the language of the questions.

    Args:
        given: What the user asked for; None when nothing.
        rows: The questions.
    """
    if given is not None:
        return Prompt(given, "given")
    own = {row.system for row in rows}
    if own <= {None}:
        return Prompt(neutral_prompt(" ".join(row.text for row in rows)), "default")
    if len(own) == 1:
        return Prompt(own.pop(), "from the data")
    return Prompt(None, "differs by row")


def show_prompt(screen: Screen, prompt: Prompt) -> None:
    """Say which system prompt is used, and why."""
    text = "each row its own" if prompt.text is None else prompt.text
    screen.note(f"system prompt ({prompt.origin}): {text}")


def neutral_prompt(sample: str) -> str:
    """Give a prompt that asks for nothing but an answer, in the language of a sample of text."""
    if script_of(sample) != "cjk":
        return _OTHERS
    # Kana are written in Japanese only, and Korean hardly uses Han characters any more.
    if re.search(f"[{KANA}]", sample):
        return _JAPANESE
    return _KOREAN if re.search(f"[{HANGUL}]", sample) else _CHINESE
