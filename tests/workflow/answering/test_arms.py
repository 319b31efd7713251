"""The usual arms are made from what there is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tailorbird import ArmOptions, ChatOptions, QuestionSet, Workbench
from tailorbird.exceptions import InvalidInputError
from tailorbird.types import Document
from tailorbird.workflow.answering.arms import pick_arms


def names(arms: object) -> list[str]:
    """List the names of arms."""
    return [arm.name for arm in arms]  # type: ignore[attr-defined]


async def test_missing_ingredients_leave_their_arms_out(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """Without prompt, examples, index and tuned model only the base is left."""
    index = await bench.build_index(documents, name="shop")
    assert names(bench.arms()) == ["base"]
    assert names(bench.arms(system="Be brief.")) == ["base", "prompted"]
    assert names(bench.arms(index=index)) == ["base", "retrieval"]
    assert names(bench.arms(examples=rows)) == ["base", "few-shot"]


async def test_the_tuned_arm_keeps_its_training_prompt(bench: Workbench, rows: QuestionSet) -> None:
    """Another system prompt for the other arms does not change the tuned model's."""
    tuned = await bench.fine_tune(rows, name="shop", system="Be brief.")
    by_name = {arm.name: arm for arm in bench.arms(tuned=tuned, system="Be kind.")}
    assert by_name["tuned"].system == "Be brief."
    assert by_name["tuned"].model == tuned.callable_id
    assert by_name["prompted"].system == "Be kind."
    assert by_name["few-shot"].nearest_shots == 4
    assert len(by_name["few-shot"].shots) == len(rows)


async def test_options_reach_the_arms(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """How arms are asked can be set for all of them."""
    index = await bench.build_index(documents, name="shop")
    options = ArmOptions(
        shots=2,
        nearest=False,
        top_k=3,
        mode="lexical",
        only_from_data=True,
        chat=ChatOptions(max_output_tokens=50),
    )
    arms = bench.arms(index=index, examples=rows, options=options)
    by_name = {arm.name: arm for arm in arms}
    assert [shot.question for shot in by_name["few-shot"].shots] == [one.text for one in rows[:2]]
    assert by_name["few-shot"].nearest_shots == 0
    retrieval = by_name["retrieval"]
    assert (retrieval.top_k, retrieval.mode, retrieval.only_from_data) == (3, "lexical", True)
    assert retrieval.index_version == index.info.version
    assert {arm.options.max_output_tokens for arm in arms} == {50}
    with pytest.raises(ValidationError):
        ArmOptions(shots=0)


async def test_arms_are_picked_by_name(bench: Workbench) -> None:
    """An unknown name is answered with those there are."""
    arms = bench.arms(system="Be brief.")
    assert names(pick_arms(arms, ["prompted", "base", "base"])) == ["prompted", "base"]
    with pytest.raises(InvalidInputError, match="no arm 'tuned'; there are: base, prompted"):
        pick_arms(arms, ["tuned"])
