"""The arms that a user names."""

from __future__ import annotations

from tailorbird.exceptions import InvalidInputError
from tailorbird.problem import nearest

ARMS = ("base", "prompted", "few-shot", "retrieval", "tuned", "tuned + retrieval")
"""The usual arms, the simplest first."""


def read_arms(text: str | None, *, has_documents: bool) -> tuple[str, ...]:
    """Give the arms that are wanted, in the order in which they are named.

    Args:
        text: Names between commas; blanks within a name do not matter. None means all.
        has_documents: Whether there is anything to retrieve from.

    Raises:
        InvalidInputError: A name is no arm's, none is given, or one needs documents.
    """
    possible = tuple(arm for arm in ARMS if has_documents or not needs_documents(arm))
    if text is None:
        return possible
    names = {_plain(arm): arm for arm in ARMS}
    wanted = [_plain(piece) for piece in text.split(",") if piece.strip()]
    for name in wanted:
        if name not in names:
            near = nearest(name, names)
            hint = (
                f"there are: {', '.join(ARMS)}"
                if near is None
                else f"did you mean {names[near]!r}?"
            )
            message = f"there is no arm {name!r}; {hint}"
            raise InvalidInputError(message)
    arms = tuple(dict.fromkeys(names[name] for name in wanted))
    if not arms:
        message = f"--arms names no arm; there are: {', '.join(ARMS)}"
        raise InvalidInputError(message)
    lacking = [arm for arm in arms if arm not in possible]
    if lacking:
        message = f"the arm {lacking[0]!r} needs documents: add --documents DIR"
        raise InvalidInputError(message)
    return arms


def needs_documents(arm: str) -> bool:
    """Say whether an arm takes passages from an index."""
    return arm.endswith("retrieval")


def needs_tuning(arm: str) -> bool:
    """Say whether an arm asks a tuned model."""
    return arm.startswith("tuned")


def _plain(name: str) -> str:
    return "".join(name.split()).lower()
