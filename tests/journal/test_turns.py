"""One at a time does what two would pay for, among tasks and among processes."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tailorbird.exceptions import StorageError, StoreBusyError
from tailorbird.journal import Workspace
from tailorbird.providers.fake import VirtualClock

HOLDER = """
import asyncio, sys
from pathlib import Path
from tailorbird.journal import Workspace

async def main():
    async with Workspace(Path(sys.argv[1])) as workspace, workspace.turns.of("index 'a'"):
        print("mine", flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Start a process that has the turn until a line comes."""
    started = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "mine\n"
    return started


async def test_cancelled_again_it_is_given_back(tmp_path: Path) -> None:
    """Whoever is cancelled, and once more while leaving, keeps nobody waiting."""
    async with Workspace(tmp_path / "room") as workspace:

        async def work() -> None:
            async with workspace.turns.of("a"):
                await asyncio.Event().wait()

        ended: list[asyncio.Task[None]] = []  # as long as one is kept, so is what it held
        loop = asyncio.get_running_loop()
        for number in range(40):
            task = loop.create_task(work())
            ended.append(task)
            for _ in range(number % 20):
                await asyncio.to_thread(int)
            for _ in range(2):
                task.cancel()
                await asyncio.sleep(0)
            await asyncio.wait([task])
            async with workspace.turns.of("a", wait_s=10):
                pass
        assert all(one.cancelled() for one in ended)


@pytest.mark.parametrize("on_disk", [True, False])
async def test_tasks_take_turns(tmp_path: Path, *, on_disk: bool) -> None:
    """Of ten tasks one at a time is in its block; another name waits for nobody."""
    inside: list[int] = []
    async with Workspace(tmp_path / "room" if on_disk else None) as workspace:

        async def work(number: int) -> None:
            async with workspace.turns.of("a/b"):
                inside.append(number)
                await asyncio.sleep(0)
                assert inside == [number]
                inside.clear()

        async with workspace.turns.of("c"), asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(work(number))
    assert inside == []


@pytest.mark.parametrize("killed", [True, False])
async def test_a_process_that_ends_lets_go(tmp_path: Path, *, killed: bool) -> None:
    """Whether it is done or dead: the next one has the turn at once, without any lease to end."""
    other = await asyncio.to_thread(holder, tmp_path)
    async with Workspace(tmp_path, clock=VirtualClock()) as workspace:
        with pytest.raises(StoreBusyError, match=r"at work on index 'a' for more than 3 s"):
            async with workspace.turns.of("index 'a'", wait_s=3):
                raise AssertionError
        if killed:
            other.kill()
        await asyncio.to_thread(other.communicate, "\n")
        async with workspace.turns.of("index 'a'", wait_s=0):
            assert other.returncode == (-9 if killed else 0)


async def test_whoever_stops_waiting_holds_nothing(tmp_path: Path) -> None:
    """Cancelled at any moment, a wait leaves the turn to others."""
    async with Workspace(tmp_path) as workspace:

        async def wait() -> None:
            async with workspace.turns.of("a"):
                await asyncio.Event().wait()

        for turns in range(12):
            task = asyncio.get_running_loop().create_task(wait())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            async with workspace.turns.of("a", wait_s=30):
                pass


async def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """A file in place of the folder, and what is no lock in place of one."""
    async with Workspace(tmp_path) as workspace:
        (tmp_path / "turns").write_bytes(b"")
        with pytest.raises(StorageError, match="turns"):
            async with workspace.turns.of("a"):
                raise AssertionError
        (tmp_path / "turns").unlink()
        async with workspace.turns.of("a"):
            [lock] = (tmp_path / "turns").iterdir()
        lock.unlink()
        lock.mkdir()
        with pytest.raises(StorageError, match="cannot be used"):
            async with workspace.turns.of("a"):
                raise AssertionError


async def test_locks_stay_empty(tmp_path: Path) -> None:
    """Nothing is ever written into them, so nothing can break in them."""
    async with Workspace(tmp_path) as workspace, workspace.turns.of("a"):
        [lock] = (tmp_path / "turns").iterdir()
        assert lock.stat().st_size == 0
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            sqlite3.connect(lock, timeout=0).execute("BEGIN EXCLUSIVE")
