"""The detector of blocking calls, which conftest.py turns on for all tests."""

from __future__ import annotations

import asyncio
import os
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


def library_module() -> Path:
    """Return a path inside the installed library."""
    return Path(str(tailorbird.__file__)).with_name("imagined.py")


async def test_blocking_call_of_the_library_raises() -> None:
    """A blocking call made by library code on the event loop fails the test."""
    with pytest.raises(BlockingError, match="listdir"):
        list_folder_as(library_module())()


async def test_blocking_call_in_a_thread_passes() -> None:
    """The same call in a worker thread is let through."""
    assert await asyncio.to_thread(list_folder_as(library_module()))


async def test_blocking_call_of_a_test_passes() -> None:
    """A blocking call that a test makes itself is let through."""
    assert os.listdir(Path(__file__).parent)  # noqa: PTH208 - this is the call that is watched
