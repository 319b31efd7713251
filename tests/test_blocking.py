"""The detector of blocking calls, which conftest.py turns on for all tests."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from blockbuster import BlockingError

import tailorbird


def list_folder_as(module: Path) -> Callable[[], object]:
    """Return a function that lists a folder and whose code claims to stand in `module`."""
    names: dict[str, Callable[[], object]] = {}
    code = compile("import os\ndef list_folder(): return os.listdir('.')", str(module), "exec")
    exec(code, names)  # noqa: S102 - the only way to own a code object with another file's name
    return names["list_folder"]


def waiting_for(lock: threading.Lock, module: Path) -> Callable[[], object]:
    """Return a function of the library that waits for a lock in code that stands in `module`."""
    names: dict[str, Callable[[], object]] = {}
    wait = "def lock_data(): return lock.acquire(timeout=0.001)"
    exec(compile(wait, str(module), "exec"), {"lock": lock}, names)  # noqa: S102 - see above
    call = "def call(): return lock_data()"
    exec(compile(call, str(library_module()), "exec"), {"lock_data": names["lock_data"]}, names)  # noqa: S102 - see above
    return names["call"]


def library_module() -> Path:
    """Return a path inside the installed library."""
    return Path(str(tailorbird.__file__)).with_name("imagined.py")


async def test_blocking_call_of_the_library_raises() -> None:
    """A blocking call made by library code on the event loop fails the test."""
    with pytest.raises(BlockingError, match="listdir"):
        list_folder_as(library_module())()


async def test_wait_of_the_coverage_tracer_passes() -> None:
    """The measuring of coverage may wait for a thread in the midst of library code."""
    lock = threading.Lock()
    lock.acquire()
    with pytest.raises(BlockingError, match="acquire"):
        waiting_for(lock, library_module())()
    assert not waiting_for(lock, Path("/site-packages/coverage/collector.py"))()


async def test_blocking_call_in_a_thread_passes() -> None:
    """The same call in a worker thread is let through."""
    assert await asyncio.to_thread(list_folder_as(library_module()))


async def test_blocking_call_of_a_test_passes() -> None:
    """A blocking call that a test makes itself is let through."""
    assert os.listdir(Path(__file__).parent)  # noqa: PTH208 - this is the call that is watched
