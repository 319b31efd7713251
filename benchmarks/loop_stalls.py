"""Measure how long an event loop stands still, beside an idle loop at the same time.

Not a script: `upload.py` and `bulk.py` import it. On a busy machine any process waits for its turn,
so a stall means something only beside that of an idle loop in another process in the same seconds.
The work of the loop's own thread between two turns is free of that noise. Python's garbage
collector is told apart: a full collection looks at every object of the process, the caller's too,
and stops all threads meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

_PAUSE_S = 0.001


@dataclass(slots=True)
class Stalls:
    """What a loop suffered."""

    longest_ms: float = 0.0
    """Longest time for which a task that wanted to run did not come to its turn."""
    work_ms: float = 0.0
    """Longest work of the loop's thread between two turns of that task, collections left out."""
    collection_ms: float = 0.0
    """Longest garbage collection."""
    _begun: float = field(default=0.0, repr=False)
    _collected: float = field(default=0.0, repr=False)

    async def watch(self) -> None:
        """Take a turn every millisecond, until cancelled, and write down the longest delays."""
        last, worked = time.perf_counter(), time.thread_time()
        while True:
            self._collected = 0.0
            await asyncio.sleep(_PAUSE_S)
            now, work = time.perf_counter(), time.thread_time()
            self.longest_ms = max(self.longest_ms, (now - last - _PAUSE_S) * 1000)
            self.work_ms = max(self.work_ms, (work - worked - self._collected) * 1000)
            last, worked = now, work

    def collection(self, phase: str, _info: Mapping[str, int]) -> None:
        """Take the time of a garbage collection, in whatever thread it happens."""
        if phase == "start":
            self._begun = time.thread_time()
            return
        took = time.thread_time() - self._begun
        self._collected += took
        self.collection_ms = max(self.collection_ms, took * 1000)


async def watched(work: Callable[[], Awaitable[object]]) -> Stalls:
    """Do some work beside a task that watches."""
    stalls = Stalls()
    gc.callbacks.append(stalls.collection)
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(stalls.watch())
            await work()
            watching.cancel()
    finally:
        gc.callbacks.remove(stalls.collection)
    return stalls


@contextmanager
def idle_loop() -> Iterator[Stalls]:
    """Run a loop that does nothing in another process; its stalls are known afterwards."""
    found = Stalls()
    command = [sys.executable, __file__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        if process.stdout is None or process.stdin is None:
            sys.exit("the idle process has no pipes")
        process.stdout.readline()  # it is ready
        try:
            yield found
        finally:
            process.stdin.close()
            found.longest_ms = float(process.stdout.readline())


def main() -> None:
    """Be the idle loop: run until the standard input is closed."""
    print("ready", flush=True)
    stalls = asyncio.run(watched(lambda: asyncio.to_thread(sys.stdin.read)))
    print(stalls.longest_ms, flush=True)


if __name__ == "__main__":
    main()
