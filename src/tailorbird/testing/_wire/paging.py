"""Lists in pages, by the last id that was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from tailorbird.testing._wire.bodies import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import JsonValue
    from starlette.requests import Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a list is asked for."""

    limit: int
    """How many items at most."""
    after: str | None = None
    """The item behind which it begins; None begins at the first."""
    before: str | None = None
    """The item before which it ends; None ends where the limit says."""
    ascending: bool = False
    """Whether the oldest comes first."""


def window_of(
    request: Request, *, default: int, most: int, order: Literal["asc", "desc"] = "desc"
) -> Window:
    """Read which part of a list is asked for; `order` is how it stands unless that is said.

    Raises:
        WireError: `limit` is no number within 1..`most`, or `order` is no known word.
    """
    query = request.query_params
    text = query.get("limit", str(default))
    if not (text.isascii() and text.lstrip("-").isdigit()):
        raise invalid(
            "limit", f"Invalid type for 'limit': expected an integer, got {text[:20]!r}.",
            code="invalid_type",
        )  # fmt: skip
    limit = int(text)
    if limit < 1:
        raise invalid("limit", "'limit' must be at least 1.", code="integer_below_min_value")
    if limit > most:
        raise invalid("limit", f"'limit' must be at most {most}.", code="integer_above_max_value")
    wanted = query.get("order", order)
    if wanted not in {"asc", "desc"}:
        raise invalid("order", "'order' must be 'asc' or 'desc'.")
    return Window(
        limit=limit,
        after=query.get("after"),
        before=query.get("before"),
        ascending=wanted == "asc",
    )


def page_of(
    items: Sequence[T],
    window: Window,
    *,
    key: Callable[[T], str],
    show: Callable[[T], Mapping[str, JsonValue]],
) -> dict[str, JsonValue]:
    """Give one page of a list that stands newest first.

    Raises:
        WireError: `after` or `before` names nothing in the list.
    """
    ordered = list(reversed(items)) if window.ascending else list(items)
    keys = [key(one) for one in ordered]
    start = 0 if window.after is None else _place(keys, window.after, "after") + 1
    end = len(ordered) if window.before is None else _place(keys, window.before, "before")
    wanted = ordered[start:end]
    shown = wanted[: window.limit]
    return {
        "object": "list",
        "data": [dict(show(one)) for one in shown],
        "first_id": key(shown[0]) if shown else None,
        "last_id": key(shown[-1]) if shown else None,
        "has_more": len(wanted) > len(shown),
    }


def _place(keys: Sequence[str], wanted: str, param: str) -> int:
    if wanted not in keys:
        raise invalid(param, f"There is nothing with the id {wanted[:80]!r} in this list.")
    return keys.index(wanted)
