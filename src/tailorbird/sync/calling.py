"""The loop in a thread of its own, and calls that wait for what runs on it."""

from __future__ import annotations

import weakref
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
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
        self._opened: tuple[_Loop, Workbench] | None = None

    @property
    def bench(self) -> Workbench:
        """The workbench inside, for everything that has no twin here.

        Raises:
            InvalidInputError: The workbench is not open, or was opened before a fork.
        """
        return self._open[1]

    @property
    def _open(self) -> tuple[_Loop, Workbench]:
        if self._opened is None or not self._opened[0].is_alive:
            message = (
                "the workbench is not open in this process; use it inside"
                " `with tailorbird.open_sync(…)`, behind a fork inside one of its own"
            )
            raise InvalidInputError(message)
        return self._opened

    def __enter__(self) -> Self:
        """Start the loop and open the workbench; errors are those of the async one."""
        loop = _start()
        # Who never leaves the block, as in the cells of a notebook, has it ended for them: when
        # nobody holds the workbench any more, or the interpreter ends.
        weakref.finalize(self, loop.end, cancel=True)
        with ExitStack() as stack:
            stack.push(loop.leave)
            bench = stack.enter_context(loop.portal.wrap_async_context_manager(self._door))
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
            InvalidInputError: The workbench is not open, or was opened before a fork.
        """
        loop, _ = self._open
        return loop.portal.call(partial(function, *args, **kwargs))

    def _block(self, block: AbstractAsyncContextManager[T]) -> AbstractContextManager[T]:
        """Give the plain twin of an async block: it opens and closes on the workbench's loop."""
        loop, _ = self._open
        return loop.portal.wrap_async_context_manager(block)


@dataclass(frozen=True, slots=True)
class _Loop:
    """A loop in a thread, and the way to it.

    anyio's own `start_blocking_portal` is a generator: whoever drops it while the interpreter ends,
    or behind a fork, waits for a thread that is gone.
    """

    portal: BlockingPortal
    thread: Thread

    @property
    def is_alive(self) -> bool:
        """Whether the loop runs; behind a fork it does not, because threads do not come along."""
        return self.thread.is_alive()

    def leave(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """End it behind a block; what other threads wait for is cancelled when the block failed."""
        self.end(cancel=kind is not None)

    def end(self, *, cancel: bool) -> None:
        """End the loop; do nothing where it has ended.

        Args:
            cancel: Whether to cancel what other threads still wait for.
        """
        if not self.is_alive:
            return
        # It says so when it ends just now, or when this is the loop's own thread.
        with suppress(RuntimeError):
            self.portal.call(self.portal.stop, cancel)
            self.thread.join()


def _start() -> _Loop:
    """Start a loop in a thread that keeps no interpreter from ending."""
    from concurrent.futures import Future  # noqa: PLC0415 - 10 ms, as below

    started: Future[BlockingPortal] = Future()
    thread = Thread(target=_run, args=(started,), name="tailorbird", daemon=True)
    thread.start()
    return _Loop(started.result(), thread)


def _run(started: Future[BlockingPortal]) -> None:
    """Run a loop until it is stopped."""
    # anyio costs 60 ms that the async way of working does not need.
    import anyio  # noqa: PLC0415
    from anyio.from_thread import BlockingPortal  # noqa: PLC0415

    async def serve() -> None:
        async with BlockingPortal() as portal:
            started.set_result(portal)
            await portal.sleep_until_stopped()

    try:
        anyio.run(serve)
    except BaseException as exc:  # noqa: BLE001 - a border: whoever waits for the loop gets it
        started.set_exception(exc)
