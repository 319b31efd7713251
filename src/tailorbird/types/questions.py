"""Test questions and training examples: a user's rows once they have been read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import Field, JsonValue

from tailorbird.types.base import Frozen
from tailorbird.types.chat import Message, Tool
from tailorbird.types.ids import DocumentId
from tailorbird.types.retrieval import Span

QuestionKind = Literal["verbatim", "paraphrase", "unseen", "style", "unanswerable", "conflict"]
"""What a question tests.

`verbatim`: asked as in the training data; `paraphrase`: a trained fact in other words; `unseen`: a
fact that is only in the documents; `style`: only the tone counts; `unanswerable`: neither rows nor
documents hold the answer, so that declining is right; `conflict`: the documents contradict what
was trained, and they are right.
"""

QUESTION_KINDS: tuple[QuestionKind, ...] = get_args(QuestionKind)
"""All kinds, in the order in which tables show them."""


class Origin(Frozen):
    """What a question was made from, when a model wrote it."""

    model: str
    """The model that wrote it."""
    row: str | None = None
    """Id of the training row that it rests on; None for one from documents alone."""
    document: DocumentId | None = None
    """Document that it rests on; None for one from a training row alone."""
    span: Span | None = None
    """Characters of the document's text that answer it; None where nothing does."""


class Swap(Frozen):
    """A fact that is changed in every passage an arm is shown, to see which one it follows."""

    old: str = Field(min_length=1)
    """What stands in the document, exactly."""
    new: str
    """What is shown in its place."""


class Question(Frozen):
    """One test item, and one training row when its answer is used to train."""

    id: str
    """Unique within its set: given in the data, or made from line number and text."""
    text: str
    """What is asked."""
    answers: tuple[str, ...] = ()
    """Accepted answers, the reference first; empty for a question without a known answer."""
    kind: QuestionKind | None = None
    """What it tests; None when the data does not say."""
    sources: tuple[str, ...] = ()
    """Documents that hold the answer; empty when the data does not say."""
    system: str | None = None
    """System prompt of this row; None when the data has none."""
    line: int | None = None
    """Physical line it came from, from 1; None when it came from no file."""
    origin: Origin | None = None
    """What it was made from; None for a question that nobody made from something."""
    swap: Swap | None = None
    """For a conflict that was made: what arms with retrieval read instead of the document's words,
    so that the accepted answers stand in no document; None for every other question."""

    @property
    def reference(self) -> str:
        """The first accepted answer; empty when there is none."""
        return self.answers[0] if self.answers else ""


class TrainingMessage(Message):
    """A turn of a training conversation."""

    weight: Literal[0, 1] | None = None
    """Whether an assistant's turn is learned (1) or only read (0); None means learned."""


class Example(Frozen):
    """One training conversation (SFT)."""

    messages: tuple[TrainingMessage, ...]
    """The turns; at least one of the assistant."""
    tools: tuple[Tool, ...] = ()
    """Functions the assistant could call."""
    parallel_tool_calls: bool | None = None
    """Whether one turn may hold several calls; None when the data does not say."""
    line: int | None = None
    """Physical line it came from, from 1; None when it came from no file."""


class PreferencePair(Frozen):
    """One preferred and one rejected answer to the same conversation (DPO)."""

    messages: tuple[TrainingMessage, ...]
    """The conversation up to the answers; does not end with the assistant."""
    preferred: TrainingMessage
    """The better answer."""
    rejected: TrainingMessage
    """The worse answer."""
    tools: tuple[Tool, ...] = ()
    """Functions the assistant could call."""
    parallel_tool_calls: bool | None = None
    """Whether one turn may hold several calls; None when the data does not say."""
    line: int | None = None
    """Physical line it came from, from 1; None when it came from no file."""


class GradedPrompt(Frozen):
    """One prompt whose answers a grader scores (RFT)."""

    messages: tuple[TrainingMessage, ...]
    """The conversation up to the answer; does not end with the assistant."""
    item: Mapping[str, JsonValue] = Field(default_factory=dict)
    """Further keys of the row, which the grader reads as `item.…`."""
    tools: tuple[Tool, ...] = ()
    """Functions the assistant could call."""
    line: int | None = None
    """Physical line it came from, from 1; None when it came from no file."""
