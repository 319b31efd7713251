"""Write questions and answers as training conversations, straight from a file or from a set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data.problems import Problems
from tailorbird.data.tables.options import ReadOptions
from tailorbird.exceptions import InvalidInputError, Problem
from tailorbird.storage import AtomicFile
from tailorbird.types.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data.tables.options import Limit
    from tailorbird.types.questions import Example, Question

_MARK = b"\xef\xbb\xbf"
_WRITTEN_AT_ONCE = 1000


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
    # Reading tables costs 40 ms of `import tailorbird`, conversations 4 ms; so in what follows.
    from tailorbird.data.conversations import ConversationLines  # noqa: PLC0415
    from tailorbird.data.questions.rows import FileRows  # noqa: PLC0415

    lines, options = ConversationLines(system), options or ReadOptions()
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
    from tailorbird.data.conversations import ConversationLines, check_answers  # noqa: PLC0415

    lines = ConversationLines(system)
    check_answers(questions)
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
    from tailorbird.data.conversations import conversations  # noqa: PLC0415

    return conversations(questions, system)


def _check_size(size: int, limit: Limit | None, problems: Problems) -> None:
    if limit is not None and size > limit.value:
        reason = (
            f"the training file would have {size:,} bytes, the limit is {limit.value:,}"
            f" ({limit.source})"
        )
        problems.add("error", "file.too-large", reason, "take fewer rows, or split the file")
        problems.raise_errors()
