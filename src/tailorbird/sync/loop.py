"""A loop in a thread of its own: how it is started, called and ended."""

from __future__ import annotations

from asyncio import CancelledError as AsyncCancelledError
from asyncio import Runner
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, InvalidStateError, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread, current_thread
from typing import TYPE_CHECKING, TypeVar, cast

from typing_extensions import override

from tailorbird.exceptions import InvalidInputError, TailorbirdError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from anyio.from_thread import BlockingPortal

R = TypeVar("R")
T = TypeVar("T")

_AGAIN = "open the workbench again: the same call goes on from what its workspace keeps"


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop in a thread, and the way to it.

    anyio's own `start_blocking_portal` is a generator: whoever drops it while the interpreter ends,
    or behind a fork, waits for a thread that is gone.
    """

    portal: BlockingPortal
    thread: Thread
    over: Future[None]
    """Done when the loop has ended, at the latest; holds what ended it before it was told to."""

    @property
    def is_alive(self) -> bool:
        """Whether the loop runs; behind a fork it does not, because threads do not come along."""
        return self.thread.is_alive() and not self.over.done()

    def end_told(self) -> str:
        """Say what ended the loop before it was told to; empty when nothing did."""
        error = self.over.exception() if self.over.done() else None
        return (
            "" if error is None else f"the loop of this workbench was ended by {error!r}; {_AGAIN}"
        )

    def call(self, function: Callable[[], Awaitable[R]]) -> R:
        """Run a function on the loop and wait for its result; see `Caller.call` for the errors."""
        self._refuse_itself()
        result: Future[R] = Future()
        with self.told():
            try:
                self.portal.start_task_soon(partial(_carry, function, result))
            except RuntimeError as exc:  # closed just now, while calls of others go on
                raise CancelledError from exc
            first = cast("tuple[Future[object], ...]", (result, self.over))
            wait(first, return_when=FIRST_COMPLETED)
            if not result.done() or result.cancelled():
                raise CancelledError
        return result.result()

    def block(self, block: AbstractAsyncContextManager[T]) -> AbstractContextManager[T]:
        """Give the plain twin of an async block, which one task of the loop opens and closes."""
        self._refuse_itself()
        return _Block(self, self.portal.wrap_async_context_manager(block))

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
        if not self.thread.is_alive():
            return
        # It says so when it ends just now, or when this is the loop's own thread.
        with suppress(RuntimeError, CancelledError):
            self.portal.call(self.portal.stop, cancel)
            self.thread.join()

    def _refuse_itself(self) -> None:
        if current_thread() is self.thread:
            message = (
                "this is the workbench's own loop, as in `on_progress`: it cannot wait for itself;"
                " collect what is wanted here, and call the workbench after it returned"
            )
            raise InvalidInputError(message)

    @contextmanager
    def told(self) -> Generator[None]:
        """Say it in our words when the loop does not carry a call, or not to its end."""
        try:
            yield
        except (CancelledError, RuntimeError) as exc:
            if isinstance(exc, RuntimeError) and not self.over.done():
                raise  # of what was called
            cancelled = (
                f"the call was cancelled, as when another thread closes the workbench; {_AGAIN}"
            )
            message = self.end_told() or cancelled
            waited = "what this call had sent may have been done and paid for"
            raise TailorbirdError(f"{message}; {waited}") from exc


@dataclass(frozen=True, slots=True)
class _Block(AbstractContextManager[T]):
    """The plain twin of an async block.

    It is no generator: one that is dropped while the interpreter ends would wait for the loop.
    """

    loop: Loop
    inner: AbstractContextManager[T]

    @override
    def __enter__(self) -> T:
        with self.loop.told():
            return self.inner.__enter__()

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        with self.loop.told():
            return self.inner.__exit__(kind, error, traceback)


async def _carry(function: Callable[[], Awaitable[R]], result: Future[R]) -> None:
    """Hand over what a function gives or raises, `SystemExit` included, past the loop."""
    try:
        value = await function()
    except AsyncCancelledError:
        result.cancel()
        raise
    except BaseException as exc:  # noqa: BLE001 - a border: it is raised where the call was made
        result.set_exception(exc)
    else:
        result.set_result(value)


def start() -> Loop:
    """Start a loop in a thread that keeps no interpreter from ending."""
    started: Future[BlockingPortal] = Future()
    over: Future[None] = Future()
    thread = Thread(target=_run, args=(started, over), name="tailorbird", daemon=True)
    thread.start()
    return Loop(started.result(), thread, over)


def _run(started: Future[BlockingPortal], over: Future[None]) -> None:
    """Run a loop until it is stopped; who waits for its start, or for a call, is told its end."""
    # anyio costs 60 ms that the async way of working does not need.
    from anyio.from_thread import BlockingPortal  # noqa: PLC0415

    async def serve() -> None:
        async with BlockingPortal() as portal:
            started.set_result(portal)
            await portal.sleep_until_stopped()

    # What ends the loop is known before the runner cancels what is left, so that it can be told.
    with _telling(started, over), Runner() as runner, _telling(started, over):
        _keep_on(runner, serve)
    with suppress(InvalidStateError):  # something ended it before
        over.set_result(None)


@contextmanager
def _telling(started: Future[BlockingPortal], over: Future[None]) -> Generator[None]:
    """Hand what is raised to whoever waits for the loop to start, or to end."""
    try:
        yield
    except BaseException as exc:  # noqa: BLE001 - a border: it is raised by who waits
        with suppress(InvalidStateError):  # the first error is the one to tell
            (over if started.done() else started).set_exception(exc)


def _keep_on(runner: Runner, serve: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a loop to its end, whatever is raised in one of its tasks.

    `SystemExit` and `KeyboardInterrupt`, as a callback's `sys.exit()` raises them, leave a loop at
    once; the task has kept them for whoever waits for it, and the other tasks have done nothing.
    """
    loop = runner.get_loop()
    task = loop.create_task(serve())
    while not task.done():
        with suppress(SystemExit, KeyboardInterrupt):
            loop.run_until_complete(task)
