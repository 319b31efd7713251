"""The lines of a batch: checked before it runs, and what comes of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import JsonValue  # noqa: TC002 - a model reads it at run time
from pydantic_core import to_json

from tailorbird.exceptions import TailorbirdError
from tailorbird.testing._wire import embeddings
from tailorbird.testing._wire.bodies import WireModel, parsed
from tailorbird.testing._wire.chat import completions as chat
from tailorbird.testing._wire.chat import responses
from tailorbird.testing._wire.errors import WireError, error_body, told_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from tailorbird.testing._wire.world import World

    Answered: TypeAlias = Callable[[World, bytes], Awaitable[dict[str, JsonValue]]]

_MOST_ERRORS = 20  # of a file; more would tell nobody more

_ANSWERED: Mapping[str, Answered] = {
    "/chat/completions": chat.answered,
    "/embeddings": embeddings.answered,
    "/responses": responses.answered,
}


class Line(WireModel):
    """One request of a batch."""

    custom_id: str
    """Ties the answer to the request."""
    method: Literal["POST"]
    """HTTP method."""
    url: str
    """The endpoint."""
    body: dict[str, JsonValue]
    """The request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found out about the file of a batch."""

    total: int
    """Its lines."""
    model: str | None
    """The model that they name."""
    errors: list[JsonValue]
    """What is wrong; the batch fails when there is anything."""


def endpoint_of(url: str) -> str | None:
    """Give the name of an endpoint, `/v1` or not; None for one that batches do not take."""
    name = url.removeprefix("/v1")
    return name if name in _ANSWERED else None


def read_lines(path: Path) -> Iterator[bytes]:
    """Give the lines that are not blank; it blocks."""
    with path.open("rb") as file:
        for line in file:
            text = line.removeprefix(b"\xef\xbb\xbf").strip()
            if text:
                yield text


def checked(path: Path, endpoint: str, *, most: int) -> Checked:
    """Check a file of at most so many lines as a whole; it blocks."""
    errors: list[JsonValue] = []
    seen: set[str] = set()
    model: str | None = None
    total = 0
    for total, text in enumerate(read_lines(path), start=1):
        try:
            line = parsed(text, Line)
        except WireError as exc:
            code = "invalid_json_line" if exc.told.param is None else exc.told.code
            errors.append(_problem(code, exc.told.message, total, exc.told.param))
            continue
        named = line.body.get("model")
        model = named if model is None and isinstance(named, str) else model
        for code, is_wrong, message, param in (
            ("duplicate_custom_id", line.custom_id in seen, "is used twice", "custom_id"),
            ("mismatched_url", endpoint_of(line.url) != endpoint, "is not the batch's", "url"),
            ("mismatched_model", named != model, "is another than in the first line", "model"),
        ):
            if is_wrong:
                errors.append(_problem(code, f"The {param} of this line {message}.", total, param))
        seen.add(line.custom_id)
    if not total:
        errors.append(_problem("empty_file", "The input file is empty.", None, "input_file_id"))
    if total > most:
        message = f"The batch has {total} requests, allowed are {most}."
        errors.append(_problem("too_many_requests", message, None, "input_file_id"))
    return Checked(total=total, model=model, errors=errors[:_MOST_ERRORS])


async def result_of(world: World, line: Line) -> tuple[bool, bytes]:
    """Run one line; say whether it succeeded, and give its line of the output."""
    answered = _ANSWERED[endpoint_of(line.url) or "/chat/completions"]
    try:
        body = await answered(world, to_json(line.body))
    except (WireError, TailorbirdError) as exc:
        told = told_of(exc)
        return False, _line(world, line.custom_id, told.status, error_body(told, world))
    return True, _line(world, line.custom_id, 200, body)


def expired_line(world: World, line: Line) -> bytes:
    """Give the line of a request that was not run in time."""
    message = "This request could not be executed before the completion window expired."
    return to_json(
        {
            "id": world.new_id("batch_req_"),
            "custom_id": line.custom_id,
            "response": None,
            "error": {"code": "batch_expired", "message": message},
        }
    )


def _line(world: World, custom_id: str, status: int, body: dict[str, JsonValue]) -> bytes:
    return to_json(
        {
            "id": world.new_id("batch_req_"),
            "custom_id": custom_id,
            "response": {
                "status_code": status,
                "request_id": world.new_id("req_", digits=32),
                "body": body,
            },
            "error": None,
        }
    )


def _problem(code: str | None, message: str, line: int | None, param: str | None) -> JsonValue:
    return {"code": code, "message": message, "line": line, "param": param}
