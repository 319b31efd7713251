"""Code that is not async has the same methods."""

from __future__ import annotations

import asyncio
import gc
import inspect
import resource
import subprocess
import sys
import threading
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from typing_extensions import override

import tailorbird
from tailorbird import JudgeOptions, Progress, QuestionSet, SyncWorkbench, Workbench
from tailorbird.exceptions import InvalidInputError, TailorbirdError
from tailorbird.sync.loop import start
from tailorbird.types import Document, DocumentId, Question

ROWS = QuestionSet.from_rows(
    [
        (f"What stands on shelf {number}?", f"Shelf {number} holds item {number * 7}.")
        for number in range(12)
    ]
)


def public(owner: type) -> dict[str, inspect.Signature]:
    """Give the public methods of a class with their signatures."""
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(owner, inspect.isfunction)
        if not name.startswith("_")
    }


def test_both_workbenches_have_the_same_methods() -> None:
    """Names, parameters, defaults and results of the twins never drift apart."""
    twin = public(SyncWorkbench)
    twin.pop("call")
    bench = {
        # A block is entered by `with` there.
        name: one.replace(
            return_annotation=one.return_annotation.replace("AbstractAsync", "Abstract")
        )
        for name, one in public(Workbench).items()
    }
    assert twin == bench


def test_the_whole_way_works_without_async() -> None:
    """Every step of the workflow can be taken by plain calls."""
    with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
        assert bench.role("chat").model in [card.id for card in bench.models()]
        assert bench.estimate(ROWS).examples == 12
        handle = bench.start_fine_tune(ROWS, name="shelves")
        assert bench.resume("shelves").ticket == handle.ticket
        assert bench.call(handle.status).id == handle.job_id
        tuned = bench.finish("shelves")
        assert bench.fine_tune(ROWS, name="shelves") == bench.tuned("shelves") == tuned
        assert [run.name for run in bench.jobs()] == ["shelves"]
        library = [Document(id=DocumentId("a"), text="Item 99 is in the cellar.")]
        assert bench.estimate_index(library, name="library").texts == 1
        index = bench.build_index(library, name="library")
        assert bench.index("library").info == index.info
        bench.build_index(library, name="gone")
        bench.delete_index("gone")
        assert [one.name for one in bench.indexes()] == ["library"]
        assert bench.search("item 99", index=index)[0].chunk.document == "a"
        assert "cellar" in bench.ask("Where is item 99?", index=index).text
        asked = [Question(id="1", text="Where is item 99?", sources=("a",))]
        assert bench.evaluate_retrieval(index, asked).misses == ()
        assert len(bench.make_questions(train=ROWS, documents=library)) > 0
        arms = bench.arms(tuned=tuned, index=index)
        assert bench.estimate_comparison(arms, ROWS[:2]).answers == 10
        result = bench.compare(arms, ROWS[:2])
        assert len(result.outcomes) == 10
        options = JudgeOptions(questions=2, repeat=0)
        estimate = bench.estimate_judging(result.arms, ROWS[:2], judge=options)
        assert estimate.judgements > 0
        assert bench.judge_pairs(result, "tuned", "base", options=options).n == 2
        assert bench.reports() == (result.data.name,)
        assert bench.report(result.data.name).data.arms == result.data.arms
        assert bench.diff(result, result).only_after == ()
        steps = bench.checkpoint_arms("shelves", index=index)
        assert steps[-1].name == "tuned + retrieval"
        assert bench.undeploy("shelves") == tuned
        with bench.deployed("shelves") as again:
            assert again == tuned
        paid = {one.what for one in bench.spending()}
        assert paid == {"training", "chat", "embeddings"}
        assert bench.reserved() == ()
        with pytest.raises(InvalidInputError, match="nothing is held under 'x'"):
            bench.drop_reserved("x")
        assert bench.diagnose().ok


def test_a_model_is_taken_along_without_async(tmp_path: Path) -> None:
    """The way out has its plain twins, too."""
    with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
        tuned = bench.fine_tune(ROWS, name="shelves")
        assert bench.export_tuned("shelves", to=tmp_path / "b").tuned == tuned
        assert bench.record("shelves", ROWS[:3], bundle=tmp_path / "b").recorded == 3
        moved = bench.retrain(tmp_path / "b", name="moved")
        found = bench.check_successor(tmp_path / "b", bench.arms(tuned=moved)[-1:])
        assert found.baseline == "recorded tuned"


def test_it_works_inside_a_running_loop(blocking_detector: BlockBuster) -> None:
    """A notebook has a loop of its own already; there, waiting is what the caller wants."""

    async def cell() -> str:
        with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
            return bench.ask("Hello?").text

    blocking_detector.deactivate()
    try:
        assert asyncio.run(cell())
    finally:
        blocking_detector.activate()


def test_a_closed_workbench_says_so(tmp_path: Path) -> None:
    """Calls outside of the `with` block are refused, and errors of opening come through."""
    bench = tailorbird.open_sync("fake", workspace=None, environ={})
    with pytest.raises(InvalidInputError, match="open_sync"):
        bench.ask("Hello?")
    with bench:
        assert bench.ask("Hello?").text
    with pytest.raises(InvalidInputError, match="open_sync"):
        bench.ask("Hello?")
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(tailorbird.StorageError),
        tailorbird.open_sync("fake", workspace=tmp_path / "file", environ={}),
    ):
        pass


FORKED = """
import os, sys, tailorbird

with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
    bench.ask("Hello?")
    child = os.fork()
    if not child:
        try:
            bench.ask("Hello?")
        except tailorbird.InvalidInputError as error:
            sys.exit(7 if "behind a fork" in str(error) else 8)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert bench.ask("Hello?").text
print("left")
kept = tailorbird.open_sync("fake", workspace=None, environ={}).__enter__()
print(bool(kept.ask("Hello?").text))
"""


def test_the_process_ends_whatever_becomes_of_the_workbench() -> None:
    """A fork is told that it has no loop, and ends; so does who never leaves the block."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        capture_output=True,
        text=True,
        timeout=18,
        check=False,
    )
    assert (ended.returncode, ended.stdout.split()) == (0, ["left", "True"]), ended.stderr


def _loops() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tailorbird"]


def test_leaving_twice_closes_once() -> None:
    """A workbench that was left is left alone, and its loop is gone."""
    with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
        assert len(_loops()) == 1
    assert not _loops()
    bench.__exit__(None, None, None)


def test_a_workbench_that_nobody_holds_ends_its_loop(tmp_path: Path) -> None:
    """Dropped without leaving the block, it leaves no thread behind."""
    bench = tailorbird.open_sync("fake", workspace=tmp_path, environ={})
    bench.__enter__()
    [loop] = _loops()
    del bench
    gc.collect()
    assert not loop.is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_cannot_begin_is_told() -> None:
    """Where the system gives no more handles, opening raises instead of waiting."""
    with tailorbird.open_sync("fake", workspace=None, environ={}):
        handles = len(list(Path("/dev/fd").iterdir()))  # and everything is imported
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (handles - 4, hard))
    try:
        with (
            pytest.raises(OSError, match="Too many open files"),
            tailorbird.open_sync("fake", workspace=None, environ={}),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    gc.collect()  # a loop that was half made complains when it is thrown away


async def _leave_from_a_task() -> None:
    async def leave() -> None:
        sys.exit(3)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(leave())
        tasks.create_task(asyncio.Event().wait())


def test_a_callback_that_exits_ends_its_own_call_only() -> None:
    """`sys.exit()` reaches whoever called; other threads and later calls keep their loop."""
    told = threading.Event()
    answers: list[str] = []

    async def other() -> None:
        go_on = asyncio.Event()
        told.set()
        asyncio.get_running_loop().call_later(0.2, go_on.set)
        await go_on.wait()
        answers.append("mine")

    with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
        thread = threading.Thread(target=bench.call, args=(other,))
        thread.start()
        assert told.wait(10)
        with pytest.raises(SystemExit) as exited:
            bench.call(_leave_from_a_task)
        assert exited.value.code == 3
        thread.join(10)
        assert answers == ["mine"]
        assert bench.ask("Hello?").text
    assert not _loops()


def test_calls_of_a_loop_that_ended_say_what_ended_it(tmp_path: Path) -> None:
    """Whoever waits is told what ended the loop and what to do; so is whoever calls later."""

    async def stop() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.Event().wait()

    with tailorbird.open_sync("fake", workspace=tmp_path, environ={}) as bench:
        bench.fine_tune(ROWS, name="shelves")
        block = bench.deployed("shelves")
        block.__enter__()
        with pytest.raises(
            TailorbirdError, match=r"ended by RuntimeError.*open the workbench again"
        ):
            bench.call(stop)
        with pytest.raises(TailorbirdError, match=r"ended by RuntimeError.*may have been done"):
            block.__exit__(None, None, None)
        with pytest.raises(InvalidInputError, match="ended by RuntimeError"):
            bench.ask("Hello?")


def test_a_call_whose_workbench_is_closed_by_another_thread_says_so() -> None:
    """A call that is cut off by a block that failed elsewhere ends in an error of ours."""
    told = threading.Event()
    errors: list[Exception] = []
    threads: list[threading.Thread] = []

    async def wait() -> None:
        told.set()
        await asyncio.Event().wait()

    def call(bench: SyncWorkbench) -> None:
        try:
            bench.call(wait)
        except TailorbirdError as exc:
            errors.append(exc)

    def fail_meanwhile() -> None:
        with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
            threads.append(threading.Thread(target=call, args=(bench,)))
            threads[0].start()
            assert told.wait(10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_meanwhile()
    threads[0].join(10)
    assert "another thread closes the workbench" in str(errors[0])


def test_a_call_to_a_loop_that_takes_no_more_says_so() -> None:
    """Between the closing and the end of what others wait for, a new call is refused in words."""
    loop = start()
    begun, go_on = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.to_thread(go_on.wait, 60)

    async def nothing() -> None:
        """Do nothing."""

    other = threading.Thread(target=loop.call, args=(work,))
    other.start()
    assert begun.wait(60)
    loop.portal.call(loop.portal.stop)
    assert loop.is_alive
    with pytest.raises(TailorbirdError, match="another thread closes the workbench"):
        loop.call(nothing)
    go_on.set()
    other.join(60)
    loop.thread.join(60)
    assert not loop.is_alive


def test_what_runs_on_the_loop_cannot_wait_for_it() -> None:
    """A callback that calls the workbench is told why it cannot, instead of waiting for ever."""
    with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:

        def ask(_step: Progress) -> None:
            bench.jobs()

        with pytest.raises(InvalidInputError, match="on_progress"):
            bench.fine_tune(ROWS, name="shelves", on_progress=ask)


def test_an_error_of_a_door_of_ones_own_comes_as_it_is() -> None:
    """What opening raises is not taken for the end of the loop, whatever its class."""

    class Jammed(AbstractAsyncContextManager[Workbench]):
        @override
        async def __aenter__(self) -> Workbench:
            message = "jammed"
            raise RuntimeError(message)

        @override
        async def __aexit__(self, *_ended: object) -> None:
            """Do nothing: it was never opened."""

    with pytest.raises(RuntimeError, match="jammed"), SyncWorkbench(Jammed()):
        pass
