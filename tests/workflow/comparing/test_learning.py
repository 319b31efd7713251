"""Checkpoints as arms, and what more training memorized."""

from __future__ import annotations

import pytest

from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import UnsupportedError
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.types import Document
from tailorbird.workflow.comparing.learning import learned

SYSTEM = "You are the help desk of a bicycle shop."


async def test_checkpoints_know_more_and_more(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """Each checkpoint is an arm of its own; the table says what it has learned by then."""
    await bench.fine_tune(rows, system=SYSTEM, name="shop")
    index = await bench.build_index(documents, name="shop")
    arms = await bench.checkpoint_arms("shop", index=index)
    names = [arm.name for arm in arms]
    assert names[-1] == "tuned + retrieval"
    assert "tuned" in names
    assert all(arm.tuned is not None and arm.system == SYSTEM for arm in arms)
    questions = QuestionSet.from_rows(
        [
            {"question": one.text, "answer": one.reference, "kind": kind, "id": f"{kind}-{n}"}
            for n, one in enumerate(rows)
            for kind in ("verbatim", "conflict")
        ]
    )
    table = learned((await bench.compare([*bench.arms()[:1], *arms], questions)).data)
    alone = [one for one in table if "retrieval" not in one.arm]
    assert len(table) == len(arms)
    assert [one.step for one in alone[:-1]] == sorted(one.step or 0 for one in alone[:-1])
    assert alone[-1].step is None
    shares = [one.memorized or 0 for one in alone]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1] == 1
    assert alone[-1].generalized is None
    assert alone[-1].gap is None
    assert alone[-1].obedient is not None
    assert [arm.name for arm in await bench.checkpoint_arms("shop")] == [
        arm.name for arm in arms if arm.index is None
    ]


async def test_the_terminal_shows_how_learning_went(bench: Workbench, rows: QuestionSet) -> None:
    """With checkpoints among the arms, the plain report has the table of what was memorized."""
    await bench.fine_tune(rows, system=SYSTEM, name="shop")
    arms = await bench.checkpoint_arms("shop")
    questions = QuestionSet.from_rows(
        [
            {"question": rows[0].text, "answer": rows[0].reference, "kind": "verbatim"},
            {"question": "Zut?", "answer": rows[0].reference, "kind": "paraphrase"},
        ]
    )
    result = await bench.compare(arms, questions)
    assert "memorized" in str(result)
    assert "memorized" not in str(await bench.compare(bench.arms(), questions))


async def test_the_gap_is_what_was_not_generalized(bench: Workbench, rows: QuestionSet) -> None:
    """A fact that is known in the trained words only is memorized, not learned."""
    tuned = await bench.fine_tune(rows, system=SYSTEM, name="shop")
    questions = QuestionSet.from_rows(
        [
            {"question": rows[0].text, "answer": rows[0].reference, "kind": "verbatim"},
            {"question": "Zut?", "answer": rows[0].reference, "kind": "paraphrase"},
        ]
    )
    data = (await bench.compare(bench.arms(tuned=tuned), questions)).data
    (row,) = learned(data)
    assert (row.memorized, row.generalized, row.gap) == (1, 0, 1)
    assert learned(data.model_copy(update={"arms": data.arms[:1]})) == ()


async def test_where_deployments_answer_the_way_is_told(rows: QuestionSet) -> None:
    """A cloud on which a checkpoint costs by the hour is not filled with deployments silently."""
    async with Workbench(FakeProvider(FakeSettings(flavor="azure"))) as bench:
        await bench.fine_tune(rows, system=SYSTEM, name="shop")
        with pytest.raises(UnsupportedError, match=r"deployments\.create"):
            await bench.checkpoint_arms("shop")
