"""Lay questions and answers out as training conversations."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING

from tailorbird.data.problems import Problems
from tailorbird.data.unusual_text import LINE_SEPARATORS, findings
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.questions import Example, TrainingMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.questions import Question

# The lines are put together from fixed pieces and escaped texts: `json.dumps` spends most of a row
# on building dictionaries and choosing an encoder, and gives the same bytes.
_BETWEEN = b'}, {"role": "assistant", "content": '
_END = b"}]}\n"


class ConversationLines:
    """Writes rows as lines of chat JSON: system where there is one, user, assistant."""

    def __init__(self, system: str | None) -> None:
        """Write `system` into rows without a prompt of their own; None writes none.

        Raises:
            InvalidInputError: The system prompt is blank, or holds a broken character.
        """
        _check_system(system)
        self._system = system

    def of(
        self,
        questions: list[str],
        answers: list[str],
        systems: list[str] | None,
        *,
        unusual: bool,
    ) -> bytes:
        """Give one line for each row; a row without own system prompt gets the shared one.

        With `unusual=False` the caller knows that there is no line separator to escape.
        """
        if not questions:
            return b""
        count = len(questions)
        # Whole columns are escaped, encoded and laid between the fixed pieces at C speed.
        pieces = [_BETWEEN] * (4 * count)
        pieces[1::4] = _escaped(questions, unusual=unusual)
        pieces[3::4] = _escaped(answers, unusual=unusual)
        if systems is None:
            pieces[0::4] = [_END + _start(self._system)] * count
        else:
            starts = {system: _END + _start(system or self._system) for system in set(systems)}
            pieces[0::4] = [starts[system] for system in systems]
        pieces.append(_END)
        return b"".join(pieces)[len(_END) :]


def _start(system: str | None) -> bytes:
    if system is None:
        return b'{"messages": [{"role": "user", "content": '
    [told] = _escaped([system], unusual=True)
    return b'{"messages": [{"role": "system", "content": %b}, {"role": "user", "content": ' % told


def _escaped(texts: list[str], *, unusual: bool) -> list[bytes]:
    """Write texts as JSON strings in UTF-8."""
    # An escaped text holds no line feed, so one conversion does for all.
    joined = "\n".join(map(encode_basestring, texts))
    if unusual:
        # A reader that cuts with str.splitlines would cut a record in two at these.
        joined = LINE_SEPARATORS.sub(lambda found: f"\\u{ord(found[0]):04x}", joined)
    return joined.encode().split(b"\n")


def conversations(questions: Sequence[Question], system: str | None) -> list[Example]:
    """Turn questions into examples; see `questions_to_examples`.

    Raises:
        InvalidInputError: As for `questions_to_examples`.
        DataError: As for `questions_to_examples`.
    """
    _check_system(system)
    check_answers(questions)
    return [_example(question, question.system or system) for question in questions]


def _check_system(system: str | None) -> None:
    if system is None:
        return
    if not system.strip():
        message = "the system prompt is blank: give a text, or None for no system message"
        raise InvalidInputError(message)
    if any(one.severity == "error" for one in findings(system)):
        message = "the system prompt holds a broken character: write it again"
        raise InvalidInputError(message)


def check_answers(questions: Sequence[Question]) -> None:
    """Make sure that every question has an answer, and whole characters only.

    Raises:
        DataError: One has not.
    """
    problems = Problems("<questions>")
    for record, one in enumerate(questions, start=1):
        if not one.reference.strip():
            reason = f"the question {one.id!r} has no answer, so there is nothing to learn"
            fix = "leave it out: train on [q for q in questions if q.answers]"
            problems.add("error", "row.no-answer", reason, fix, line=one.line, record=record)
        for text in (one.text, one.reference, one.system or ""):
            for found in findings(text):
                if found.severity == "error":
                    remark = (found.code, found.reason, found.fix)
                    problems.add("error", *remark, line=one.line, record=record)
    problems.raise_errors()


def _example(question: Question, system: str | None) -> Example:
    turns = [
        TrainingMessage(role="user", content=question.text),
        TrainingMessage(role="assistant", content=question.reference),
    ]
    if system is not None:
        turns.insert(0, TrainingMessage(role="system", content=system))
    return Example(messages=tuple(turns), line=question.line)
