"""Passages in a prompt: fenced, numbered, and never taken for instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DECLINED = "NOT_IN_THE_PASSAGES"
"""What a model is told to answer, and nothing else, when its passages do not hold the answer."""

_FENCED = re.compile(
    r"<<passages (?P<marker>[0-9a-f]{8,})>>\n(?P<body>.*?)\n<<end (?P=marker)>>", re.DOTALL
)
_HEAD = re.compile(r"^\[(?P<number>\d+)\] (?P<title>.*)$", re.MULTILINE)


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
    blocks = [f"[{one.number}] {_one_line(one.title)}\n{_escaped(one.text)}" for one in passages]
    body = "\n\n".join(blocks)
    return f"<<passages {marker}>>\n{body}\n<<end {marker}>>"


def unfence(prompt: str) -> tuple[Passage, ...] | None:
    """Read the last fenced passages of a prompt back; None when there are none."""
    found = list(_FENCED.finditer(prompt))
    if not found:
        return None
    body = found[-1]["body"]
    heads = list(_HEAD.finditer(body))
    ends = [head.start() for head in heads[1:]] + [len(body)] * bool(heads)
    return tuple(
        Passage(int(head["number"]), head["title"], body[head.end() : end].strip("\n"))
        for head, end in zip(heads, ends, strict=True)
    )


def _escaped(text: str) -> str:
    # A document must not open or close a fence, nor begin a line like a numbered passage.
    return re.sub(r"^\[(?=\d+\] )", "［", text.replace("<<", "‹‹"), flags=re.MULTILINE)


def _one_line(title: str) -> str:
    return " ".join(_escaped(title).split())
