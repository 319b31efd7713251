"""A comparison as JSON, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.answering.results import ComparisonData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import JsonValue

    from tailorbird.workflow.answering.results import Outcome

KEYS = (
    "name",
    "provider",
    "created_at",
    "settings",
    "arms",
    "questions",
    "answers",
    "summary",
    "pairwise",
    "contrasts",
    "figures",
    "costs",
    "early_stop",
    "verdict",
    "judge",
    "scorers",
    "leaks",
)
"""The keys of the JSON, in this order.

`answers` holds one object for each arm and question (`arm`, `question`, `answer` with `text` and
`citations`, `scores`, `error`, `reused`); `summary` one for each arm, kind and metric with `n`,
`value`, `low`, `high`; `pairwise` one for each two arms and kind; `contrasts` one for each two arms
and each metric but `correct`; `figures` one for each arm; `costs` says what
each arm costs a month, by volume, and what judging cost, or is null; `early_stop` says how one
looked while the questions were asked, or is null; `verdict` has `headline`, `recommended`,
`reasons`, `caveats`, `decision`, `next_steps`; `judge` says who judged, or is null; `scorers` gives
the lowest and highest value of each figure in `scores.extra`; `leaks` names test questions that a
training row gives away. Amounts of money are decimal numbers
as text, times are ISO 8601 in UTC.
"""


_NO_NUMBERS = ("NaN", "Infinity")


def to_object(data: ComparisonData) -> dict[str, JsonValue]:
    """Give the comparison as JSON values, with exactly the keys of `KEYS`."""
    dumped = data.model_dump(mode="json")
    dumped["answers"] = dumped.pop("outcomes")
    return {key: dumped[key] for key in KEYS}


def to_json(data: ComparisonData) -> str:
    """Write the comparison as JSON, indented, UTF-8 without escapes."""
    return "".join(json_pieces(data))


def json_pieces(data: ComparisonData) -> Iterator[str]:
    """Give what `to_json` gives piece by piece, so that it never has to be held as a whole."""
    dumped = data.model_dump(mode="json", exclude={"outcomes"})
    before = "{"
    for key in KEYS:
        yield f'{before}\n  "{key}": '
        if key == "answers":
            yield from _answer_pieces(data.outcomes)
        else:
            yield _indented(dumped[key], by=2)
        before = ","
    yield "\n}\n"


def _answer_pieces(outcomes: Sequence[Outcome]) -> Iterator[str]:
    before = "["
    for one in outcomes:
        yield f"{before}\n    {_answer_text(one)}"
        before = ","
    yield "\n  ]" if outcomes else "[]"


def _answer_text(outcome: Outcome) -> str:
    # There are tens of thousands; the standard library takes twenty times as long to indent one.
    text = outcome.model_dump_json(indent=2)
    if any(word in text for word in _NO_NUMBERS):
        # Which of them stand in a text, and which are no JSON, the standard library knows.
        return _indented(outcome.model_dump(mode="json"), by=4)
    return text.replace("\n", "\n    ")


def _indented(value: JsonValue, *, by: int) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    return text.replace("\n", "\n" + " " * by)  # within a string it is escaped


def from_json(text: str | bytes, *, source: str = "<data>") -> ComparisonData:
    """Read a comparison that `to_json` wrote.

    Args:
        text: The JSON, as text or UTF-8.
        source: Name of the file, for messages.

    Raises:
        InvalidInputError: It is no JSON, or not that of a comparison.
    """
    try:
        found = json.loads(text)
    except ValueError as exc:
        message = f"{source!r} is not JSON: {exc}; give a file that `write_json` wrote"
        raise InvalidInputError(message) from exc
    if not isinstance(found, dict) or "answers" not in found:
        message = f"{source!r} is not a comparison: give a file that `write_json` wrote"
        raise InvalidInputError(message)
    try:
        data = ComparisonData.model_validate({**found, "outcomes": found["answers"]})
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{source!r} is not a comparison: {place}: {first['msg']}"
        raise InvalidInputError(message) from exc
    asked = {(arm.name, one.id) for arm in data.arms for one in data.questions}
    if not asked.issuperset((one.arm, one.question) for one in data.outcomes):
        message = f"{source!r} has answers to questions, or of arms, that it does not hold"
        raise InvalidInputError(message)
    return data
