"""Two comparisons held against each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import InvalidInputError, StorageError
from tailorbird.providers.fake import FakeProvider, Says, Script
from tailorbird.report import Comparison
from tailorbird.workflow.answering.results import EarlyStopping
from tailorbird.workflow.comparing.changes import compare_runs
from tailorbird.workflow.statistics import (
    difference_interval,
    mcnemar,
    watched_difference,
    watched_p,
)

ROWS = QuestionSet.from_rows(
    [
        {
            "question": f"What does part {n} cost?",
            "answer": f"{n} euros",
            "kind": kind,
            "id": str(n),
        }
        for n, kind in enumerate(["verbatim"] * 12 + ["unseen"] * 2, start=100)
    ]
)


async def asked(said: str, *, rows: QuestionSet = ROWS, name: str = "run") -> Comparison:
    """Compare a model that says the same to everything."""
    provider = FakeProvider(script=Script().on("chat.complete", Says(said), times=len(rows)))
    async with Workbench(provider) as bench:
        return await bench.compare(bench.arms()[:1], rows, name=name)


async def test_a_better_run_is_called_so(bench: Workbench) -> None:
    """Fourteen questions that were wrong and are right are more than chance."""
    every = " ".join(one.reference for one in ROWS)
    worse, better = await asked("Nothing.", name="monday"), await asked(every, name="tuesday")
    changes = await bench.diff(worse, better)
    whole = changes.arms[0]
    assert (whole.arm, whole.kind, whole.n, whole.wins, whole.losses) == ("base", "all", 14, 14, 0)
    assert (whole.before, whole.after, whole.word) == (0, 1, "better")
    assert whole.low > 0
    assert whole.high == pytest.approx(1)
    assert [(one.kind, one.word) for one in changes.arms[1:]] == [
        ("verbatim", "better"),
        ("unseen", "too few questions"),
    ]
    back = await bench.diff(better, worse)
    assert [one.word for one in back.arms][:2] == ["worse", "worse"]
    lines = str(back).splitlines()
    assert lines[0] == "tuesday -> monday: 14 questions in both"
    assert lines[1] == "base: 1.00 -> 0.00, worse (0 won, 14 lost of 14, p < 0.001)"
    assert lines[2].startswith("  verbatim: ")
    assert "lost by base: 100" in lines
    assert lines[-1] == "… and 4 more"


async def test_runs_that_might_have_stopped_early_know_of_the_looks() -> None:
    """Where one of the runs was looked at on the way, test and interval hold all the same."""
    every = " ".join(one.reference for one in ROWS)
    worse, better = await asked("Nothing.", name="monday"), await asked(every, name="tuesday")
    early = EarlyStopping(
        given=20, asked=14, block=7, looks=2, planned=3, seed=7, leader="base", shown=()
    )
    plain = compare_runs(worse.data, better.data).arms[0]
    assert (plain.low, plain.high) == difference_interval(14, 0, 14)
    assert plain.p_adjusted == mcnemar(14, 0)
    stopped = better.data.model_copy(update={"early_stop": early})
    for changes in (compare_runs(worse.data, stopped), compare_runs(stopped, worse.data)):
        whole = changes.arms[0]
        assert (whole.low, whole.high) == watched_difference(whole.wins, whole.losses, 14)
        assert whole.p_adjusted == watched_p(14, 0)


async def test_only_what_both_runs_have_is_compared(bench: Workbench) -> None:
    """Questions of another text and arms of one run only are left out, and named."""
    other = QuestionSet.from_rows(
        [
            {"question": one.text if one.id < "105" else "?", "answer": "x", "id": one.id}
            for one in ROWS
        ]
    )
    first = await asked("105 euros", name="first")
    second = await asked("x", rows=other, name="second")
    renamed = second.data.arms[0].model_copy(update={"name": "new"})
    wider = Comparison(second.data.model_copy(update={"arms": (*second.data.arms, renamed)}))
    changes = await bench.diff(first, wider)
    same = await bench.diff(first, first)
    assert len(same.arms) == 3
    assert str(same).count("\n") == 1  # kinds in which nothing changed are not shown
    assert changes.shared == 5
    assert changes.only_after == ("new",)
    assert str(changes).endswith("only in second: new")
    assert [one.word for one in changes.arms] == ["too few questions"]
    with pytest.raises(InvalidInputError, match="no arm with scored answers"):
        await bench.diff(first, await asked("x", rows=other[6:], name="third"))


async def test_comparisons_are_kept_by_name(tmp_path: Path) -> None:
    """A later process finds them, the latest first, and asks nothing."""
    place = tmp_path / "w"
    async with tailorbird.open("fake", workspace=place, environ={}) as bench:
        first = await bench.compare(bench.arms(), ROWS[:2], name="one")
        await bench.compare(bench.arms(), ROWS[:3], name="二/2")
    async with tailorbird.open("fake", workspace=place, environ={}) as bench:
        assert await bench.reports() == ("二/2", "one")
        assert (await bench.report("one")).data == first.data
        assert (await bench.diff("one", "二/2")).shared == 2
        with pytest.raises(InvalidInputError, match="no run 'three'; the latest ones are '二/2'"):
            await bench.report("three")
        for name in ("", "x" * 300):
            with pytest.raises(InvalidInputError, match="cannot name a comparison"):
                await bench.compare(bench.arms(), ROWS[:2], name=name)
        (place / "reports" / "one.json").write_bytes(b"\xff")
        with pytest.raises(StorageError, match="cannot read"):
            await bench.report("one")


async def test_comparisons_are_kept_in_memory_too(bench: Workbench) -> None:
    """Without a workspace they live as long as the workbench."""
    for name in ("a", "b", "a"):
        await bench.compare(bench.arms(), ROWS[:2], name=name)
    assert await bench.reports() == ("a", "b")
    assert (await bench.report("b")).data.name == "b"


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The answers are in the journal; the report says why it could not be kept."""
    async with tailorbird.open("fake", workspace=tmp_path / "w", environ={}) as bench:
        await asyncio.to_thread((tmp_path / "w" / "reports").write_text, "in the way")
        with pytest.raises(StorageError, match="cannot keep the report"):
            await bench.compare(bench.arms(), ROWS[:2])
