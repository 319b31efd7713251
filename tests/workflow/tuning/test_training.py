"""Rows become a checked training file and a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tailorbird
from tailorbird import ExampleSet, QuestionSet, TuneOptions, Workbench
from tailorbird.exceptions import DataError, InvalidInputError
from tailorbird.types import DirectPreference
from tailorbird.workflow.tuning.training import Preparer, worked_examples

ROOT = Path(__file__).parents[3]


async def uploaded(bench: Workbench) -> list[dict[str, Any]]:
    """Read the training file that reached the provider."""
    [file] = [one async for one in bench.provider.files.list(purpose="fine-tune")]
    content = b"".join([piece async for piece in bench.provider.files.content(file.id)])
    return [json.loads(line) for line in content.decode().split("\n") if line]


async def test_questions_become_conversations(bench: Workbench, rows: QuestionSet) -> None:
    """Each row is system prompt, question and answer."""
    tuned = await bench.fine_tune(rows, name="shop", system="Be brief.")
    lines = await uploaded(bench)
    assert len(lines) == len(rows) == tuned.examples
    assert lines[0] == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": rows[0].text},
            {"role": "assistant", "content": rows[0].reference},
        ]
    }
    assert tuned.system == "Be brief."


async def test_conversations_are_taken_as_they_are(bench: Workbench) -> None:
    """Whole dialogues keep their own system prompt, which becomes the model's."""
    train = tailorbird.read_examples(ROOT / "examples/expense/train.jsonl")
    tuned = await bench.fine_tune(train, name="clerk")
    assert tuned.system == train[0].messages[0].text
    assert not worked_examples(train)


async def test_a_prompt_is_put_before_conversations_without_one(
    bench: Workbench, tmp_path: Path
) -> None:
    """A system prompt that is given goes in front of every conversation."""
    turns = [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Ho."}]
    path = tmp_path / "t.jsonl"
    path.write_text(
        "\n".join(
            json.dumps({"messages": [{**turns[0], "content": f"Hi {number}?"}, turns[1]]})
            for number in range(10)
        )
    )
    train = tailorbird.read_examples(path)
    tuned = await bench.fine_tune(train, name="a", system="Be brief.")
    assert (await uploaded(bench))[3]["messages"][0]["content"] == "Be brief."
    assert tuned.system == "Be brief."
    assert len(worked_examples(train)) == 10


async def test_two_prompts_are_refused(bench: Workbench) -> None:
    """A system prompt that contradicts the file's own is not silently dropped."""
    train = tailorbird.read_examples(ROOT / "examples/expense/train.jsonl")
    with pytest.raises(InvalidInputError, match="line 1 has a system prompt of its own"):
        await bench.fine_tune(train, name="clerk", system="Be brief.")
    tuned = await bench.fine_tune(train, name="clerk", system=train[0].messages[0].text)
    assert tuned.system == train[0].messages[0].text


async def test_rows_without_an_answer_cannot_be_trained_on(
    bench: Workbench, rows: QuestionSet
) -> None:
    """Missing answers are counted and the first one is named."""
    broken = [rows[0].model_copy(update={"answers": (), "line": 7}), *rows[1:]]
    with pytest.raises(InvalidInputError, match=r"1 of 12 rows have no answer.*line 7"):
        await bench.estimate(broken)  # type: ignore[arg-type]  # a list will do


async def test_too_few_rows_are_refused_before_anything_is_sent(
    bench: Workbench, rows: QuestionSet
) -> None:
    """A provider's rule is checked here, and the file it broke does not stay behind."""
    with pytest.raises(DataError, match="10"):
        await bench.fine_tune(rows[:9], name="shop")
    assert not [file async for file in bench.provider.files.list()]
    assert not list(bench.workspace.training_folder.iterdir())


async def test_training_and_validation_must_not_share_rows(
    bench: Workbench, rows: QuestionSet
) -> None:
    """A row in both sets is refused."""
    with pytest.raises(InvalidInputError, match="2 rows stand in both"):
        await bench.fine_tune(rows, name="shop", validation=rows[10:])
    tuned = await bench.fine_tune(rows[:10], name="shop", validation=rows[10:])
    assert tuned.validation_hash
    assert tuned.metrics.valid_loss is not None


async def test_a_run_needs_a_name_that_can_be_a_file(bench: Workbench, rows: QuestionSet) -> None:
    """Names that could leave the workspace are refused."""
    for name in ("", "../up", "a/b", "x" * 65, "名前"):
        with pytest.raises(InvalidInputError, match="cannot name a run"):
            await bench.fine_tune(rows, name=name)
    assert not list(bench.workspace.training_folder.iterdir())


def test_a_plan_needs_a_base(tmp_path: Path, rows: QuestionSet) -> None:
    """The base model is the caller's choice."""
    preparer = Preparer(folder=tmp_path, rules=tailorbird.training_rules("generic"))
    with pytest.raises(InvalidInputError, match=r"options\.base"):
        preparer.prepare(rows, name="a", system=None, validation=None, options=TuneOptions())


async def test_preferences_are_trained_with_dpo(bench: Workbench, tmp_path: Path) -> None:
    """Preference pairs are written and trained by their own method."""
    path = tmp_path / "p.jsonl"
    path.write_text(
        "\n".join(
            json.dumps(
                {
                    "input": {"messages": [{"role": "user", "content": f"Say {number}"}]},
                    "preferred_output": [{"role": "assistant", "content": "Gladly."}],
                    "non_preferred_output": [{"role": "assistant", "content": "No."}],
                }
            )
            for number in range(10)
        )
    )
    train = tailorbird.read_examples(path)
    assert isinstance(train, ExampleSet)
    options = TuneOptions(method=DirectPreference(beta=0.2))
    estimate = await bench.estimate(train, options=options)
    assert estimate.examples == 10
    tuned = await bench.fine_tune(train, name="polite", options=options)
    assert tuned.method.type == "dpo"
