"""A comparison as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import Decimal

import pytest

from tailorbird.exceptions import InvalidInputError
from tailorbird.report.document import KEYS, from_json, json_pieces, to_json, to_object
from tailorbird.workflow.answering.results import ComparisonData


def test_json_has_exactly_its_keys(data: ComparisonData) -> None:
    """The top-level keys are the documented ones, in their order."""
    assert tuple(json.loads(to_json(data))) == KEYS


def test_json_holds_what_tools_need(data: ComparisonData) -> None:
    """Answers, figures with n and interval, pairs and verdict can be read by other programs."""
    found = json.loads(to_json(data))
    assert len(found["answers"]) == len(found["arms"]) * len(found["questions"])
    answer = found["answers"][3 * 39]
    assert (answer["arm"], answer["question"]) == ("retrieval", "q2")
    assert answer["scores"]["correct"] == 1
    assert answer["answer"]["citations"][0]["source"] == "handbook/shugyo-kisoku.md"
    cell = found["summary"][0]
    assert set(cell) == {"arm", "kind", "metric", "n", "value", "low", "high"}
    assert {"arm", "baseline", "kind", "n", "wins", "losses", "p_value", "word"} <= set(
        found["pairwise"][0]
    )
    assert set(found["verdict"]) == {
        "headline",
        "recommended",
        "reasons",
        "caveats",
        "decision",
        "next_steps",
    }
    assert found["created_at"] == "2026-11-22T04:05:06Z"
    assert found["settings"] == {"held_out": 0.25, "seed": 7}
    assert Decimal(found["figures"][0]["usd_per_1000"]) == Decimal("0.0315")


def test_json_in_pieces_is_that_of_the_whole(data: ComparisonData) -> None:
    """Piece by piece the text is what the standard library writes, and no piece holds it all."""
    for one in (data, data.model_copy(update={"outcomes": ()})):
        whole = json.dumps(to_object(one), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        assert to_json(one) == whole
    pieces = list(json_pieces(data))
    assert len(pieces) > len(data.outcomes)
    assert max(map(len, pieces)) < len(to_json(data)) / 2


def test_json_is_readable_japanese(data: ComparisonData) -> None:
    """Japanese stands as it is, not as escapes, and lines are indented."""
    text = to_json(data)
    assert '\n  "name": "社内FAQ",\n' in text
    assert text.endswith("}\n")


def test_reading_gives_what_was_written(make_comparison: Callable[..., ComparisonData]) -> None:
    """What was written is read back equal, tuned models, costs and hostile texts included."""
    for hostile in ("", '</script>"\\ \u2028\x00\x1f 😀'):
        data = make_comparison(per_kind=2, hostile=hostile)
        assert from_json(to_json(data)) == data
        assert from_json(to_json(data).encode()) == data


def test_objects_and_text_agree(data: ComparisonData) -> None:
    """The values are those that the text holds."""
    assert to_object(data) == json.loads(to_json(data))


def test_answers_must_have_their_questions(data: ComparisonData) -> None:
    """A file with answers to questions that it does not hold is refused."""
    text = to_json(data.model_copy(update={"questions": data.questions[1:]}))
    with pytest.raises(InvalidInputError, match=r"'r\.json' has answers to questions"):
        from_json(text, source="r.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "'r.json' is not JSON"),
        (b"\xff\xfe{", "'r.json' is not JSON"),
        ("[]", "'r.json' is not a comparison: give a file"),
        ('{"name": "x"}', "'r.json' is not a comparison: give a file"),
        ('{"answers": []}', "'r.json' is not a comparison: name: Field required"),
        ('{"answers": 5, "name": "secret"}', "'r.json' is not a comparison: "),
    ],
)
def test_other_files_are_refused(text: str | bytes, message: str) -> None:
    """A file that is no comparison is refused by name, without its content."""
    with pytest.raises(InvalidInputError, match=message) as caught:
        from_json(text, source="r.json")
    assert "secret" not in str(caught.value)


def test_numbers_that_json_does_not_have_are_refused(data: ComparisonData) -> None:
    """A score that is no number is an error and no `null`; the words themselves are text."""
    first, *rest = data.outcomes
    scores = first.scores.model_copy(update={"extra": {"mine": math.nan}})
    broken = first.model_copy(update={"scores": scores})
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(data.model_copy(update={"outcomes": (broken, *rest)}))
    named = first.model_copy(update={"error": "NaN, -Infinity"})
    said = data.model_copy(update={"outcomes": (named, *rest)})
    assert from_json(to_json(said)) == said
