"""Tell arguments of another kind before anything is done: a notebook checks no types."""

from __future__ import annotations

from pathlib import Path

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.questions import Question
from tailorbird.types.retrieval import Document
from tailorbird.workflow.answering.arm import Arm

_QUESTIONS = "read_questions(path) and QuestionSet.from_rows(rows) give questions"
_ARMS = "`bench.arms(…)` gives arms"
_DOCUMENTS = "give a path, or a list of Document(id=…, text=…)"


def check_questions(given: object, *, name: str) -> None:
    """Do nothing for questions.

    Args:
        given: What somebody gave; lists and tuples are looked through.
        name: What the argument is called.

    Raises:
        InvalidInputError: It is a path, or holds something else than questions.
    """
    if isinstance(given, str | Path):
        message = f"{name} is {str(given)!r} and no questions: {_QUESTIONS}"
        raise InvalidInputError(message)
    _check_items(given, Question, name=name, way=_QUESTIONS)


def check_arms(given: object) -> None:
    """Do nothing for arms.

    Raises:
        InvalidInputError: It is one arm, or holds something else than arms.
    """
    if isinstance(given, Arm | str):
        message = f"arms is of the type {type(given).__name__!r}: give a list; {_ARMS}"
        raise InvalidInputError(message)
    _check_items(given, Arm, name="arms", way=_ARMS)


def check_documents(given: object) -> None:
    """Do nothing for a path or for documents.

    Raises:
        InvalidInputError: It is nothing to be read one by one, or a list of something else.
    """
    # A model of pydantic can be iterated, too: it gives its fields.
    is_source = any(hasattr(given, one) for one in ("__fspath__", "__iter__", "__aiter__"))
    if isinstance(given, Document) or not is_source:
        message = f"documents is of the type {type(given).__name__!r}: {_DOCUMENTS}"
        raise InvalidInputError(message)
    _check_items(given, Document, name="documents", way=_DOCUMENTS)


def _check_items(given: object, kind: type[object], *, name: str, way: str) -> None:
    items: list[object] = [*given] if isinstance(given, list | tuple) else []
    for at, one in enumerate(items):
        if not isinstance(one, kind):
            message = f"{name}[{at}] is of the type {type(one).__name__!r}: {way}"
            raise InvalidInputError(message)
