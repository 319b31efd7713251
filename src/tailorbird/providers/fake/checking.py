"""Arguments that are refused before anything is sent."""

from __future__ import annotations

import re

from tailorbird.exceptions import InvalidInputError

_BAD_IN_ID = re.compile(r"[/\\?#%\s\x00-\x1f\x7f]")
_BAD_IN_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")


def check_id(value: str, *, what: str) -> None:
    """Do nothing when an id can stand in an address.

    Raises:
        InvalidInputError: It is empty, is `.` or `..`, or holds `/`, `?`, `#`, `%`, blanks or
            control characters.
    """
    if value in {"", ".", ".."} or _BAD_IN_ID.search(value):
        message = (
            f"{value!r} is no {what} id: give it as the provider gave it, without blanks and"
            " without / \\ ? # %"
        )
        raise InvalidInputError(message)


def check_file_name(name: str) -> None:
    """Do nothing when a name can be the base name of a file.

    Raises:
        InvalidInputError: It is blank, or holds a separator or a control character.
    """
    if not name.strip() or name in {".", ".."} or _BAD_IN_NAME.search(name):
        message = f"{name!r} is no file name: give a base name such as 'training.jsonl'"
        raise InvalidInputError(message)
