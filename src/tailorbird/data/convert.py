"""Write questions and answers as training conversations, straight from a file or from a set."""

from __future__ import annotations

from json.encoder import encode_basestring
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data.problems import Problems
from tailorbird.data.table_options import ReadOptions
from tailorbird.data.unusual_text import LINE_SEPARATORS, findings
from tailorbird.exceptions import InvalidInputError, Problem
from tailorbird.storage import AtomicFile
from tailorbird.types.base import Frozen
from tailorbird.types.questions import Example, TrainingMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data.table_options import Limit
    from tailorbird.types.questions import Question

# The lines are put together from fixed pieces and escaped texts: `json.dumps` spends most of a row
# on building dictionaries and choosing an encoder, and gives the same bytes.
_MARK = b"\xef\xbb\xbf"
_WRITTEN_AT_ONCE = 1000
_BETWEEN = b'}, {"role": "assistant", "content": '
_END = b"}]}\n"


class ConvertReport(Frozen):
    """What was written."""

    rows: int
    """Conversations in the file, one a line."""
    sha256: str
    """Hash of exactly the bytes in the file, in hexadecimal."""
    size_bytes: int
    """Length of the file."""
    problems: tuple[Problem, ...] = ()
    """Warnings and notes about what was read."""
    encoding: str | None = None
    """Encoding of the file that was read; None when the rows came from no file."""


def convert_questions(
    source: Path | str,
    target: Path | str,
    *,
    system: str | None = None,
    bom: bool = False,
    options: ReadOptions | None = None,
) -> ConvertReport:
    """Turn a file of questions and answers into a training file, with every check on the way.

    Reads what `read_questions` reads and applies the same rules, in flat memory: a million rows are
    no more than a thousand. Each row becomes one line `{"messages": [system, user, assistant]}`;
    of several answers the first one. UTF-8, LF, and no line separator unescaped within a line. The
    target appears when all rows are written and sound; until then, and when there is an error, what
    was there before stays.

    Args:
        source: CSV, TSV, semicolon-separated text or JSON Lines.
        target: The file to write; its folder must exist.
        system: System prompt of the rows that have none of their own; None writes no system message
            for them.
        bom: Whether to begin with a byte-order mark, for backends that ask for one.
        options: How to read the source; `limits.max_bytes` counts the bytes written.

    Returns:
        What was written, with its hash, and the warnings and notes about the source.

    Raises:
        InvalidInputError: An argument cannot be meant: a blank system prompt, source and target are
            the same file.
        DataError: The source cannot be read or has errors; nothing was written.
        StorageError: The target cannot be written.
    """
    if Path(source).resolve() == Path(target).resolve():
        message = f"source and target are the same file {str(source)!r}: name another target"
        raise InvalidInputError(message)
    lines = _Lines(system)
    options = options or ReadOptions()
    # The reader of tables costs 40 ms that `import tailorbird` does not pay.
    from tailorbird.data.question_rows import FileRows  # noqa: PLC0415

    rows = FileRows(source, options, to_train=True)
    with AtomicFile(target) as file:
        file.write(_MARK if bom else b"")
        count = 0
        for batch in rows:
            count += len(batch)
            if not rows.problems.error_count:
                data = lines.of(
                    batch.questions, batch.answers, batch.systems, unusual=batch.unusual
                )
                file.write(data)
        _check_size(file.size_bytes, options.limits.max_bytes, rows.problems)
    return ConvertReport(
        rows=count,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        problems=rows.problems.found,
        encoding=rows.file.encoding,
    )


def write_training_file(
    questions: Sequence[Question],
    target: Path | str,
    *,
    system: str | None = None,
    bom: bool = False,
) -> ConvertReport:
    """Write questions and their reference answers as a training file.

    The bytes are the ones that `convert_questions` writes for the same rows.

    Args:
        questions: What to train on; each needs an answer.
        target: The file to write; its folder must exist.
        system: System prompt of the questions that have none of their own; None writes no system
            message for them.
        bom: Whether to begin with a byte-order mark.

    Raises:
        InvalidInputError: The system prompt is blank.
        DataError: A question has no answer, or a text holds half a character; nothing was written.
        StorageError: The target cannot be written.
    """
    lines = _Lines(system)
    _check_answers(questions)
    with AtomicFile(target) as file:
        file.write(_MARK if bom else b"")
        for start in range(0, len(questions), _WRITTEN_AT_ONCE):
            some = questions[start : start + _WRITTEN_AT_ONCE]
            data = lines.of(
                [one.text for one in some],
                [one.reference for one in some],
                [one.system or "" for one in some],
                unusual=True,
            )
            file.write(data)
    return ConvertReport(rows=len(questions), sha256=file.sha256, size_bytes=file.size_bytes)


def questions_to_examples(
    questions: Sequence[Question], *, system: str | None = None
) -> list[Example]:
    """Turn questions and their reference answers into training conversations.

    Args:
        questions: What to train on; each needs an answer.
        system: System prompt of the questions that have none of their own; None for no system
            message.

    Raises:
        InvalidInputError: The system prompt is blank.
        DataError: A question has no answer, or a text holds half a character.
    """
    _check_system(system)
    _check_answers(questions)
    return [_example(question, question.system or system) for question in questions]


class _Lines:
    """Writes rows as lines of chat JSON: system where there is one, user, assistant."""

    def __init__(self, system: str | None) -> None:
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


def _check_system(system: str | None) -> None:
    if system is None:
        return
    if not system.strip():
        message = "the system prompt is blank: give a text, or None for no system message"
        raise InvalidInputError(message)
    if any(one.severity == "error" for one in findings(system)):
        message = "the system prompt holds a broken character: write it again"
        raise InvalidInputError(message)


def _check_answers(questions: Sequence[Question]) -> None:
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


def _check_size(size: int, limit: Limit | None, problems: Problems) -> None:
    if limit is not None and size > limit.value:
        reason = (
            f"the training file would have {size:,} bytes, the limit is {limit.value:,}"
            f" ({limit.source})"
        )
        problems.add("error", "file.too-large", reason, "take fewer rows, or split the file")
        problems.raise_errors()
