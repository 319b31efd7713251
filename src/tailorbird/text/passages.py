"""Passages in a prompt: fenced, numbered, and never taken for instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.text.memo import memo

if TYPE_CHECKING:
    from collections.abc import Sequence

DECLINED = "NOT_IN_THE_PASSAGES"
"""What a model is told to answer, and nothing else, when its passages do not hold the answer."""

_BEGIN = re.compile(r"<<passages (?P<marker>[0-9a-f]{8,})>>\n")
_HEAD = re.compile(r"^\[(?P<number>\d+)\] (?P<title>.*)$", re.MULTILINE)

# What a document must not bring along. Speakers and tags are those of common chat templates.
_LINE_END = re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_ROLES = r"(?:system|developer|user|assistant|tool|human|instructions?)"
_TAG = re.compile(rf"<(?=\||/?\s*{_ROLES}\b)", re.IGNORECASE)
_BRACKET = re.compile(r"(^[ \t]*)\[(?=[ \t]*\d+[ \t]*\])|\[(?=/?(?:INST|SYS)\b)", re.MULTILINE)
_SPEAKER = re.compile(
    rf"^(?:[^\w\n]|_)*(?:{_ROLES}|question|質問|指示|命令|システム|ユーザー|アシスタント)[ \t*_]*:",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Passage:
    """One numbered piece of a source."""

    number: int
    """What an answer cites, from 1."""
    title: str
    """Where it comes from, on one line."""
    text: str
    """The piece."""


def fence(passages: Sequence[Passage], *, marker: str) -> str:
    """Write passages into a prompt between two lines that carry the marker.

    Args:
        passages: What to show; numbers are given by the caller.
        marker: At least 8 hexadecimal digits that are random for each call, so that no document
            can hold the closing line.
    """
    blocks = [f"[{one.number}] {_one_line(one.title)}\n{shown_text(one.text)}" for one in passages]
    body = "\n\n".join(blocks)
    return f"<<passages {marker}>>\n{body}\n<<end {marker}>>"


def unfence(prompt: str) -> tuple[Passage, ...] | None:
    """Read the last fenced passages of a prompt back; None when there are none."""
    body = _last_body(prompt)
    if body is None:
        return None
    heads = list(_HEAD.finditer(body))
    ends = [head.start() for head in heads[1:]] + [len(body)] * bool(heads)
    return tuple(
        Passage(int(head["number"]), head["title"], body[head.end() : end].strip("\n"))
        for head, end in zip(heads, ends, strict=True)
    )


def _last_body(prompt: str) -> str | None:
    """Give what stands in the last fence of a prompt; None when there is none."""
    body: str | None = None
    at = 0
    while (begin := _BEGIN.search(prompt, at)) is not None:
        # Looked for as it stands: a lazy pattern would go character by character.
        end = f"\n<<end {begin['marker']}>>"
        stop = prompt.find(end, begin.end())
        if stop < 0:
            at = begin.start() + 1
        else:
            body = prompt[begin.end() : stop]
            at = stop + len(end)
    return body


@memo(longest=4_000, most=1 << 10)
def shown_text(text: str) -> str:
    """Give what a model is shown of a text: as long as the text, character by character.

    Signs that could close a fence, open another passage, or look like another speaker's turn
    (`<<`, `[2] `, `system:`, `<|im_start|>`, `[INST]`, `</system>`) are replaced by ones that look
    alike; line ends of all kinds become plain ones; characters that no reader sees and a model does
    (Unicode tags) or that turn the writing round become U+FFFD.
    """
    text = _HIDDEN.sub("\ufffd", _LINE_END.sub("\n", text.replace("\r\n", " \n")))
    text = _TAG.sub("‹", text.replace("<<", "‹‹"))
    text = _BRACKET.sub(r"\1［", text)
    return _SPEAKER.sub(lambda found: found[0][:-1] + "：", text)


def _one_line(title: str) -> str:
    return " ".join(shown_text(title).split())
