"""What tests of judging share: a small shop, its answers, and a judge that says what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tailorbird.text.judged import unfence_parts
from tailorbird.types import Message, Question
from tailorbird.types.judgements import GradeReply, PreferenceReply

Decide = Callable[[dict[str, str]], int | str]


def is_judging(messages: Sequence[Message]) -> bool:
    """Say whether a conversation asks for a judgement."""
    return messages[0].text.startswith("You judge")


@pytest.fixture
def judging() -> Callable[[Decide], Callable[[Sequence[Message]], str]]:
    """Makes what a scripted fake says: judgements by a function of the parts, else an answer."""

    def make(decide: Decide) -> Callable[[Sequence[Message]], str]:
        def say(messages: Sequence[Message]) -> str:
            if not is_judging(messages):
                return f"{messages[-1].text} 10 years."
            decided = decide(dict(unfence_parts(messages[-1].text)))
            if isinstance(decided, int):
                return GradeReply(reason="so", level=decided).model_dump_json()
            if decided in {"A", "B", "tie"}:
                return PreferenceReply.model_validate(
                    {"reason": "so", "better": decided}
                ).model_dump_json()
            return decided

        return say

    return make


@pytest.fixture
def questions() -> list[Question]:
    """Eight questions with an accepted answer."""
    return [
        Question(id=f"q{at}", text=f"How long is warranty {at}?", answers=(f"{at} is 10 years.",))
        for at in range(8)
    ]
