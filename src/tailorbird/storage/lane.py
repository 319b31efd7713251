"""Short blocking work of many tasks, done beside the event loop in few hops."""

from __future__ import annotations

import contextvars
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

R = TypeVar("R")

HOP_S = 0.05
"""Seconds after which a hop begins no other piece, where nothing is said: handing over takes a
thousandth of that, and a reader does not notice it."""


class Lane:
    """Does blocking work in a thread, one piece after the other.

    What is asked for while a thread is at work goes together into the next hop: handing over to a
    thread and back takes longer than a short piece of work, and threads that share one lock gain
    nothing by being several. Each piece has its own result or error. A hop does not last much
    longer than its longest piece, so that nobody waits for the work of all others to be told of
    their own.

    One lane may serve several event loops; each has its own queue.
    """

    def __init__(
        self,
        together: Callable[[], AbstractContextManager[None]] | None = None,
        *,
        hop_s: float = HOP_S,
    ) -> None:
        """Begin with nothing to do.

        Args:
            together: Makes a context in which the pieces of one hop are done, such as a
                transaction. When one of them or the end of the context fails, the context must
                undo them all; they are done again, each in a context of its own. None takes no
                context.
            hop_s: Seconds, at least 0, after which a hop begins no other piece, unless all of them
                share one context: what is left goes in the next one.
        """
        self._together = together
        self._hop_s = hop_s
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = WeakKeyDictionary()

    async def run(self, work: Callable[[], R]) -> R:
        """Do a piece of work and give its result; it begins after those that came before.

        Work whose caller is cancelled before its hop begins is not done; else it goes on to its
        end.

        Raises:
            RuntimeError: The work raised `StopIteration`, or the loop has let its threads go.
            Exception: What else the work raises.
        """
        # asyncio costs 20 ms that `import tailorbird` does not pay: whoever awaits has loaded it.
        import asyncio  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault(loop, _Queue())
        piece = _Piece(work, loop.create_future(), contextvars.copy_context())
        queue.waiting.append(piece)
        if not queue.busy:
            queue.busy = True
            # At the end of this turn of the loop: what other tasks ask for in it comes along.
            loop.call_soon(self._set_out, loop, queue)
        return cast("R", await piece.done)

    def _set_out(self, loop: asyncio.AbstractEventLoop, queue: _Queue) -> None:
        pieces = [one for one in queue.waiting if not one.done.done()]
        queue.waiting.clear()
        queue.busy = bool(pieces)
        if not pieces:
            return

        def come_back(hop: asyncio.Future[Sequence[_Outcome]]) -> None:
            queue.waiting[:0] = _settle(pieces, hop)
            self._set_out(loop, queue)

        try:
            hop = loop.run_in_executor(None, self._do, pieces)
        except RuntimeError as exc:  # the loop is closing and has let its threads go
            hop = loop.create_future()
            hop.set_exception(exc)
        hop.add_done_callback(come_back)

    def _do(self, pieces: Sequence[_Piece]) -> Sequence[_Outcome]:
        """Give the outcomes of the first pieces, of one at least."""
        together = self._together or nullcontext
        if len(pieces) > 1 and self._together is not None:
            # What went wrong shows again below, for the piece that it belongs to.
            with suppress(Exception), together():
                return [_Outcome(piece.run()) for piece in pieces]
        ends = time.monotonic() + self._hop_s
        found = [_alone(pieces[0], together)]
        while len(found) < len(pieces) and time.monotonic() < ends:
            found.append(_alone(pieces[len(found)], together))
        return found


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of work that was asked for."""

    work: Callable[[], object]
    done: asyncio.Future[object]
    context: contextvars.Context

    def run(self) -> object:
        return self.context.copy().run(self.work)


@dataclass(slots=True)
class _Queue:
    """What one event loop has asked for."""

    waiting: list[_Piece] = field(default_factory=list["_Piece"])
    busy: bool = False
    """Whether a hop is under way, or about to set out."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a piece of work."""

    value: object = None
    error: BaseException | None = None


def _alone(piece: _Piece, context: Callable[[], AbstractContextManager[None]]) -> _Outcome:
    try:
        with context():
            value = piece.run()
    except StopIteration as exc:
        error = RuntimeError("the work raised StopIteration, which no task can be told of")
        error.__cause__ = exc
        return _Outcome(error=error)
    except Exception as exc:  # noqa: BLE001 - raised in the task that waits for it
        return _Outcome(error=exc)
    return _Outcome(value)


def _settle(pieces: Sequence[_Piece], hop: asyncio.Future[Sequence[_Outcome]]) -> Sequence[_Piece]:
    """Tell the tasks that wait what came of their work; give the pieces that were not begun."""
    if hop.cancelled():
        for piece in pieces:
            piece.done.cancel()
        return ()
    failure = hop.exception()
    outcomes = hop.result() if failure is None else [_Outcome(error=failure)] * len(pieces)
    for piece, outcome in zip(pieces, outcomes, strict=False):
        _tell(piece.done, outcome)
    return pieces[len(outcomes) :]


def _tell(done: asyncio.Future[object], outcome: _Outcome) -> None:
    if done.done():
        return  # who asked was cancelled meanwhile
    if outcome.error is None:
        done.set_result(outcome.value)
    else:
        done.set_exception(outcome.error)
