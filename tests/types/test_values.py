"""Data that crosses a border is immutable, tolerant of new fields, and never guessed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tailorbird.exceptions import InvalidInputError, Problem
from tailorbird.protocols import SystemClock
from tailorbird.types import (
    Among,
    Answer,
    Compare,
    DeploymentStatus,
    FileStatus,
    FinishReason,
    ImagePart,
    JobStatus,
    Junction,
    Message,
    ModelCard,
    ModelId,
    Negation,
    TextPart,
    Usage,
    holds,
)


@pytest.mark.parametrize(
    ("parsed", "expected"),
    [
        (JobStatus.parse("running"), JobStatus.RUNNING),
        (JobStatus.parse("canceled"), JobStatus.CANCELLED),
        (JobStatus.parse("polishing"), JobStatus.OTHER),
        (JobStatus.parse("other"), JobStatus.OTHER),
        (FileStatus.parse("processed"), FileStatus.PROCESSED),
        (FileStatus.parse("melting"), FileStatus.OTHER),
        (DeploymentStatus.parse("Succeeded"), DeploymentStatus.SUCCEEDED),
        (DeploymentStatus.parse("Dancing"), DeploymentStatus.OTHER),
        (FinishReason.parse("length"), FinishReason.LENGTH),
        (FinishReason.parse("bored"), FinishReason.OTHER),
    ],
)
def test_unknown_words_are_kept_apart(parsed: object, expected: object) -> None:
    """A word of a provider that is not known is neither an error nor taken for another one."""
    assert parsed is expected


def test_an_unknown_status_is_neither_final_nor_held() -> None:
    """Nothing is concluded from a word that is not known."""
    assert not JobStatus.OTHER.is_final
    assert not JobStatus.OTHER.is_held
    assert JobStatus.PAUSING.is_held


def test_the_text_of_a_message_is_joined_from_its_parts() -> None:
    """Images leave nothing in the text."""
    parts = (TextPart(text="a"), ImagePart(url="data:,"), TextPart(text="b"))
    assert Message.user(parts).text == "ab"
    assert Message(role="assistant").text == ""
    assert Message.assistant("c").text == "c"
    assert Message.tool("d", tool_call_id="1").tool_call_id == "1"


def test_values_cannot_be_changed_and_ignore_new_fields() -> None:
    """A newer provider's field does no harm, and nobody changes a value under another's feet."""
    card = ModelCard.model_validate({"id": "m", "brand_new": 1})
    with pytest.raises(ValidationError):
        card.id = ModelId("n")  # type: ignore[misc]


def test_usage_adds_up_field_by_field() -> None:
    """Two usages make one."""
    one = Usage(input_tokens=1, output_tokens=2, cached_input_tokens=1, reasoning_tokens=1)
    both = one + one
    assert both == Usage(input_tokens=2, output_tokens=4, cached_input_tokens=2, reasoning_tokens=2)
    assert both.total_tokens == 6


async def test_the_systems_clock_is_aware_and_goes_forward() -> None:
    """Times are UTC, and a wait of nothing returns at once."""
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.now().utcoffset() is not None
    await clock.sleep(-1)
    assert clock.monotonic() >= before
    assert clock.today() == clock.now().date()


FIELDS = {"year": 2026, "price": 1.5, "draft": False, "team": "sales"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Compare(type="eq", key="team", value="sales"), True),
        (Compare(type="ne", key="team", value="sales"), False),
        (Compare(type="eq", key="draft", value=0), False),
        (Compare(type="eq", key="year", value=True), False),
        (Compare(type="gt", key="year", value=2025), True),
        (Compare(type="gte", key="price", value=1.5), True),
        (Compare(type="lt", key="price", value=1), False),
        (Compare(type="lte", key="year", value=2026), True),
        (Compare(type="gt", key="team", value=1), None),
        (Compare(type="ne", key="nothing", value=1), None),
        (Compare(type="gt", key="nothing", value=1), None),
        (Among(type="in", key="year", values=(2025, 2026)), True),
        (Among(type="not_in", key="year", values=(2025,)), True),
        (Among(type="not_in", key="nothing", values=(1,)), None),
        (Negation(filter=Compare(type="eq", key="team", value="it")), True),
        (Negation(filter=Compare(type="eq", key="nothing", value=1)), None),
    ],
)
def test_a_filter_holds_does_not_or_is_unknown(condition: object, expected: object) -> None:
    """A missing field, or one of another type, makes an order unknown rather than false."""
    assert holds(condition, FIELDS) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "parts", "expected"),
    [
        ("and", "tt", True),
        ("and", "tu", None),
        ("and", "uf", False),
        ("or", "ff", False),
        ("or", "fu", None),
        ("or", "ut", True),
    ],
)
def test_junctions_follow_three_valued_logic(kind: str, parts: str, expected: object) -> None:
    """One false part decides `and`, one true part decides `or`, whatever is unknown."""
    part = {
        "t": Compare(type="eq", key="year", value=2026),
        "f": Compare(type="eq", key="year", value=1),
        "u": Compare(type="eq", key="nothing", value=1),
    }
    junction = Junction.model_validate(
        {"type": kind, "filters": [part[one].model_dump() for one in parts]}
    )
    assert holds(junction, FIELDS) is expected


@pytest.mark.parametrize("value", ["a", True])
def test_an_order_needs_a_number(value: object) -> None:
    """Comparing the order of texts or truth values is refused: every engine does it differently."""
    condition = Compare.model_validate({"type": "gt", "key": "year", "value": value})
    with pytest.raises(InvalidInputError, match="needs a number"):
        holds(condition, FIELDS)


def test_a_problem_is_one_readable_line() -> None:
    """Place, reason, excerpt and fix stand on one line."""
    bare = Problem(code="x", severity="note", source="f", reason="odd", fix="")
    assert str(bare) == "f: note: odd"
    full = Problem(
        code="x",
        severity="error",
        source="f",
        reason="wrong",
        fix="do it",
        line=3,
        record=2,
        column="answer",
        field="a.b",
        excerpt="…",
    )
    assert str(full) == "f:3 (record 2, column answer, a.b): error: wrong […] Fix: do it"


def test_answers_of_earlier_versions_are_read() -> None:
    """What was retrieved was once kept by the names of documents; other things are refused."""
    answer = Answer.model_validate({"text": "x", "retrieved": ["a.pdf", "b.pdf", "a.pdf"]})
    assert answer.retrieved_documents == ("a.pdf", "b.pdf")
    assert answer.retrieved[0].score is None
    assert Answer.model_validate_json(answer.model_dump_json()) == answer
    with pytest.raises(ValidationError, match="retrieved"):
        Answer.model_validate({"text": "x", "retrieved": 7})
