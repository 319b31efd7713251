"""Remember what was found out about texts that come again and again."""

from __future__ import annotations

from functools import lru_cache, wraps
from threading import Lock
from typing import TYPE_CHECKING, Concatenate, Generic, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")
K = TypeVar("K")
V = TypeVar("V")


def memo(
    *, longest: int, most: int
) -> Callable[[Callable[Concatenate[str, P], R]], Callable[Concatenate[str, P], R]]:
    """Let a function of a text remember its results for short texts; it must be a pure one.

    A comparison shows the same passages and meets the same answers thousands of times. Nobody may
    change a result. Long texts are not remembered, so that what is held in memory has a bound.

    Args:
        longest: Characters of the longest text that is remembered.
        most: Texts that are remembered at a time; the ones used longest ago go first.
    """

    def remembering(
        function: Callable[Concatenate[str, P], R],
    ) -> Callable[Concatenate[str, P], R]:
        kept = cast("Callable[Concatenate[str, P], R]", lru_cache(maxsize=most)(function))

        @wraps(function)
        def remembered(text: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
            chosen = kept if len(text) <= longest else function
            return chosen(text, *args, **kwargs)

        return remembered

    return remembering


class Recent(Generic[K, V]):
    """Values by their keys, of which only so many are kept, the newest ones.

    What a comparison finds out for one arm, the next arm needs a moment later. Threads may share
    it.
    """

    __slots__ = ("_kept", "_lock", "_most")

    def __init__(self, most: int) -> None:
        """Begin empty; keep `most` values, at least 1."""
        self._kept: dict[K, V] = {}
        self._lock = Lock()
        self._most = most

    def get(self, key: K) -> V | None:
        """Give the value of a key; None when it is not kept."""
        return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep a value; the one that came first goes when there are too many."""
        with self._lock:
            self._kept[key] = value
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
