"""The loop in a thread of its own, and calls that wait for what runs on it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from types import TracebackType
    from typing import Self

    from anyio.from_thread import BlockingPortal

    from tailorbird.workbench import Workbench

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Caller:
    """An open workbench whose loop runs in a thread of its own."""

    def __init__(self, door: AbstractAsyncContextManager[Workbench]) -> None:
        """Take what opens a workbench: `tailorbird.open(…)`, or a `Workbench` of one's own."""
        self._door = door
        self._stack = ExitStack()
        self._opened: tuple[BlockingPortal, Workbench] | None = None

    @property
    def bench(self) -> Workbench:
        """The workbench inside, for everything that has no twin here.

        Raises:
            InvalidInputError: The workbench is not open.
        """
        return self._open[1]

    @property
    def _open(self) -> tuple[BlockingPortal, Workbench]:
        if self._opened is None:
            message = "the workbench is not open; use it inside `with tailorbird.open_sync(…)`"
            raise InvalidInputError(message)
        return self._opened

    def __enter__(self) -> Self:
        """Start the loop and open the workbench; errors are those of the async one."""
        # anyio costs 60 ms that the async way of working does not need.
        from anyio.from_thread import start_blocking_portal  # noqa: PLC0415

        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            bench = stack.enter_context(portal.wrap_async_context_manager(self._door))
            self._opened = (portal, bench)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the workbench and end the loop. Jobs and deployments go on."""
        self._opened = None
        self._stack.__exit__(kind, error, traceback)

    def call(self, function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run any async function on the workbench's loop and wait for its result.

        Raises:
            InvalidInputError: The workbench is not open.
        """
        portal, _ = self._open
        return portal.call(partial(function, *args, **kwargs))

    def _block(self, block: AbstractAsyncContextManager[T]) -> AbstractContextManager[T]:
        """Give the plain twin of an async block: it opens and closes on the workbench's loop."""
        portal, _ = self._open
        return portal.wrap_async_context_manager(block)
