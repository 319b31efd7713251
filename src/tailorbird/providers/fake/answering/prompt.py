"""What a conversation holds for a model that is to go on with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.text.passages import unfence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.text.passages import Passage
    from tailorbird.types.chat import Message

_FENCE_BEGIN = re.compile(r"<<passages ([0-9a-f]{8,})>>")
_LABEL = re.compile(r"\A(?:question|質問)\s*[:：]\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A conversation, taken apart."""

    systems: tuple[str, ...]
    """Instructions, in their order."""
    question: str
    """What the user said last, without passages."""
    said: tuple[str, ...]
    """All that the user said, the last of it included."""
    examples: tuple[tuple[str, str], ...]
    """What the user said before, each with the answer it got."""
    passages: tuple[Passage, ...] | None
    """The passages to answer from; None when there are none to answer from."""
    tool_result: str | None
    """What a tool gave, when that is the last thing said."""

    @property
    def system(self) -> str:
        """All instructions together."""
        return "\n".join(self.systems)


def read_prompt(messages: Sequence[Message]) -> Prompt:
    """Take a conversation apart."""
    said = [one.text for one in messages if one.role == "user"]
    examples: list[tuple[str, str]] = []
    asked = ""
    for one in messages:
        if one.role == "user":
            asked = one.text
        elif one.role == "assistant" and asked and one.text:
            examples.append((asked, one.text))
            asked = ""
    fenced = (unfence(one.text) for one in reversed(messages))
    last = messages[-1]
    asked_for = tuple(map(_question, said))
    return Prompt(
        systems=tuple(one.text for one in messages if one.role in {"system", "developer"}),
        question=asked_for[-1] if asked_for else "",
        said=asked_for,
        examples=tuple(examples),
        passages=next((one for one in fenced if one is not None), None),
        tool_result=last.text if last.role == "tool" else None,
    )


def _question(text: str) -> str:
    """Give the question of a message that may hold passages and instructions beside it."""
    pieces = _outside(text)
    if len(pieces) == 1:
        return text.strip()
    *_, before, after = pieces
    if after.strip():
        return _LABEL.sub("", after.strip())
    return _LABEL.sub("", before.strip().rsplit("\n\n", 1)[-1])


def _outside(text: str) -> list[str]:
    """Give what stands outside the fences of a text: one piece more than there are fences."""
    pieces: list[str] = []
    done = at = 0
    while (begin := _FENCE_BEGIN.search(text, at)) is not None:
        # Looked for as it stands: a lazy pattern would go character by character.
        end = f"<<end {begin[1]}>>"
        stop = text.find(end, begin.end())
        if stop < 0:
            at = begin.end()
        else:
            pieces.append(text[done : begin.start()])
            done = at = stop + len(end)
    return [*pieces, text[done:]]
