"""A workbench whose loop runs in a thread of its own, and calls that wait for what runs on it."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from types import TracebackType
    from typing import Self

    from tailorbird.sync.loop import Loop
    from tailorbird.workbench import Workbench

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_NOT_OPEN = (
    "the workbench is not open in this process; use it inside `with tailorbird.open_sync(…)`,"
    " behind a fork inside one of its own"
)


class Caller:
    """An open workbench whose loop runs in a thread of its own."""

    def __init__(self, door: AbstractAsyncContextManager[Workbench]) -> None:
        """Take what opens a workbench: `tailorbird.open(…)`, or a `Workbench` of one's own."""
        self._door = door
        self._stack = ExitStack()
        self._opened: tuple[Loop, Workbench] | None = None

    @property
    def bench(self) -> Workbench:
        """The workbench inside, for everything that has no twin here.

        Raises:
            InvalidInputError: The workbench is not open, or was opened before a fork, or its loop
                was ended.
        """
        return self._open[1]

    @property
    def _open(self) -> tuple[Loop, Workbench]:
        if self._opened is None:
            raise InvalidInputError(_NOT_OPEN)
        if not self._opened[0].is_alive:
            raise InvalidInputError(self._opened[0].end_told() or _NOT_OPEN)
        return self._opened

    def __enter__(self) -> Self:
        """Start the loop and open the workbench; errors are those of the async one."""
        # asyncio costs 20 ms that `import tailorbird` does not pay.
        from tailorbird.sync.loop import start  # noqa: PLC0415

        loop = start()
        # Who never leaves the block, as in the cells of a notebook, has it ended for them: when
        # nobody holds the workbench any more, or the interpreter ends.
        weakref.finalize(self, loop.end, cancel=True)
        with ExitStack() as stack:
            stack.push(loop.leave)
            bench = stack.enter_context(loop.block(self._door))
            self._opened, self._stack = (loop, bench), stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the workbench and end the loop. Jobs and deployments go on."""
        opened, self._opened = self._opened, None
        if opened is not None and opened[0].is_alive:  # a fork has nothing to close
            self._stack.__exit__(kind, error, traceback)

    def call(self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run any async function on the workbench's loop and wait for its result.

        Raises:
            InvalidInputError: The workbench is not open, or was opened before a fork, or its loop
                was ended, or this is called from the loop itself, as by an `on_progress`.
            TailorbirdError: The loop ended, or another thread closed the workbench, while this
                waited: what was sent may have been done and paid for.
        """
        loop, _ = self._open
        return loop.call(partial(function, *args, **kwargs))

    def _block(self, block: AbstractAsyncContextManager[T]) -> AbstractContextManager[T]:
        """Give the plain twin of an async block: it opens and closes on the workbench's loop."""
        loop, _ = self._open
        return loop.block(block)
