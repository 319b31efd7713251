"""Where the journal blocks: SQLite has no asynchronous interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function that blocks in a thread of its own."""
    # asyncio costs 20 ms that `import tailorbird` does not pay: whoever awaits has loaded it.
    import asyncio  # noqa: PLC0415

    return await asyncio.to_thread(function, *args, **kwargs)
