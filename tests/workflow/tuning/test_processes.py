"""Processes that share a workspace make one job, also when one of them is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import JobOutcomeUnknownError
from tailorbird.journal import Workspace
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock

ROWS = QuestionSet.from_rows(
    [
        (f"What stands on shelf {number}?", f"Shelf {number} holds item {number * 7}. Bye!")
        for number in range(12)
    ]
)

# Starts the run `shelves`; at the moment named by the third argument it says so and waits.
STARTER = """
import asyncio, sys, threading
from pathlib import Path
from tailorbird import QuestionSet, Workbench
from tailorbird.journal import Workspace
from tailorbird.protocols import SystemClock
from tailorbird.providers.fake import FakeProvider, FakeSettings

folder, flavor, stop = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
ROWS = QuestionSet.from_rows(
    [
        (f"What stands on shelf {number}?", f"Shelf {number} holds item {number * 7}. Bye!")
        for number in range(12)
    ]
)


class Stopping:
    def __init__(self, inner, name):
        self.inner, self.name = inner, name

    def __getattr__(self, name):
        return getattr(self.inner, name)

    async def create(self, *args, **options):
        if stop == f"before {self.name}":
            await self.wait()
        made = await self.inner.create(*args, **options)
        if stop == f"after {self.name}":
            await self.wait()
        return made

    async def wait(self):
        print("here", flush=True)
        await asyncio.Event().wait()


class Provider(FakeProvider):
    files = property(lambda self: Stopping(super().files, "upload"))
    jobs = property(lambda self: Stopping(super().jobs, "creation"))


async def main():
    settings = FakeSettings(flavor=flavor, latency_s=0.0)
    provider = Provider(settings, state=folder / "state")
    async with Workbench(provider, workspace=Workspace(folder / "room")) as bench:
        print("ready", flush=True)
        sys.stdin.readline()
        handle = await bench.start_fine_tune(ROWS, name="shelves", system="Be brief.")
        print(handle.job_id, flush=True)

asyncio.run(main())
"""


def starter(folder: Path, *, flavor: str = "plain", stop: str = "") -> subprocess.Popen[str]:
    """Start a process that waits for a line before it starts the run."""
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder), flavor, stop],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    """Let it start the run."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def killed_at(folder: Path, *, flavor: str, stop: str) -> None:
    """Run a process up to a moment and kill it there."""
    with starter(folder, flavor=flavor, stop=stop) as process:
        go(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)


async def counts(bench: Workbench) -> tuple[int, int]:
    """Count jobs and training files at the provider."""
    jobs = [job async for job in bench.provider.jobs.list()]
    files = [file async for file in bench.provider.files.list(purpose="fine-tune")]
    return len(jobs), len(files)


@pytest.mark.slow
@pytest.mark.parametrize("flavor", ["plain", "azure"])
@pytest.mark.parametrize(
    "stop", ["before upload", "after upload", "after creation", "before creation"]
)
def test_a_killed_process_is_followed_by_one_job(tmp_path: Path, stop: str, flavor: str) -> None:
    """Whatever was sent before the kill is found again; only what nobody can know is asked."""
    killed_at(tmp_path, flavor=flavor, stop=stop)
    asyncio.run(_restart(tmp_path, flavor=flavor, sent=stop != "before creation"))


async def _restart(folder: Path, *, flavor: str, sent: bool) -> None:
    # The lease of the dead process ends by the machine's clock: this one only jumps ahead of it.
    later = VirtualClock(datetime.now(UTC) + timedelta(seconds=1))
    provider = FakeProvider(FakeSettings(flavor=flavor), state=folder / "state")
    room = Workspace(folder / "room", clock=later)
    async with Workbench(provider, workspace=room) as bench:
        if not sent:
            # A creation that was about to be sent may have been: nobody pays twice unasked.
            with pytest.raises(JobOutcomeUnknownError):
                await bench.start_fine_tune(ROWS, name="shelves", system="Be brief.")
            assert await counts(bench) == (0, 1)
        handle = await bench.start_fine_tune(
            ROWS, name="shelves", system="Be brief.", again=not sent
        )
        assert await counts(bench) == (1, 1)
        assert (await bench.resume("shelves")).job_id == handle.job_id
        assert (await bench.finish("shelves")).job == handle.job_id


@pytest.mark.slow
def test_two_processes_make_one_job(tmp_path: Path) -> None:
    """Both get the same handle."""
    processes = [starter(tmp_path) for _ in range(2)]
    for process in processes:
        go(process)
    ids = {process.communicate(timeout=90)[0].strip() for process in processes}
    assert len(ids) == 1
    assert next(iter(ids)).startswith("ftjob-")

    async def check() -> None:
        provider = FakeProvider(state=tmp_path / "state")
        async with Workbench(provider, workspace=Workspace(tmp_path / "room")) as bench:
            assert await counts(bench) == (1, 1)

    asyncio.run(check())
