"""Whether a provider, an engine or a reranker of somebody's own gave back what it promised."""

from __future__ import annotations

from typing import TypeVar

from tailorbird.exceptions import UnexpectedResponseError

T = TypeVar("T")


def promised(value: object, kind: type[T], *, by: str, operation: str, about: str = "") -> T:
    """Give back what a part gave when it is of the class that its contract names.

    Types alone do not hold it: nobody checks those of code that is loaded by its name. Only the
    class of what came is told, because the rest may be content.

    Args:
        value: What it gave.
        kind: What it promised.
        by: Name of the provider or of the engine.
        operation: What was called, e.g. `chat.complete`.
        about: What it was called for, e.g. a model; empty for nothing.

    Raises:
        UnexpectedResponseError: It is of another class.
    """
    if isinstance(value, kind):
        return value
    came = "nothing (None)" if value is None else f"a value of class {type(value).__qualname__!r}"
    called = f"for {about!r}" if about else "here"
    message = (
        f"it must give a {kind.__name__}, and gave {came} {called}: mend the class behind"
        f" {by!r}, or leave it out; tailorbird.testing.conformance shows what is promised"
    )
    raise UnexpectedResponseError(message, provider=by, operation=operation, accepted="yes")
