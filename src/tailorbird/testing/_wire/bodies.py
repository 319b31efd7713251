"""Bodies of requests: bounded, read as JSON, checked, and refused in the clouds' words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import from_json, to_json

from tailorbird.testing._wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails
    from starlette.requests import Request

    from tailorbird.testing._wire.world import World

_IN_THREAD_BYTES = 1 << 20  # JSON from which parsing would hold up the event loop for milliseconds

_JSON = "application/json"

_TYPE_NAMES = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "mapping_type": "an object",
}
_TOO_LOW = frozenset({"greater_than", "greater_than_equal"})
_TOO_HIGH = frozenset({"less_than", "less_than_equal"})


class WireModel(BaseModel):
    """A request's body, or a part of one; types are taken by the letter."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        strict=True,
        allow_inf_nan=False,
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    ignored: ClassVar[frozenset[str]] = frozenset()
    """Parameters that the cloud takes and that change nothing here."""


M = TypeVar("M", bound=WireModel)


async def read_body(request: Request, world: World) -> bytes:
    """Read a body of JSON and of bounded size.

    Raises:
        WireError: It is said to be something else, or is larger than
            `WireSettings.max_body_bytes` (413).
    """
    most = world.settings.max_body_bytes
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise too_large(most)
    said = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if body and said != _JSON:
        raise WireError(
            f"Unsupported content type: {said[:80]!r}. This API method only accepts {_JSON!r}"
            " requests.",
            code="unsupported_content_type",
        )
    return bytes(body)


async def read_asked(request: Request, world: World) -> bytes:
    """Read the body of a call of a model; a deployment that the path names is the model.

    Raises:
        WireError: It is larger than `WireSettings.max_body_bytes` (413).
    """
    body = await read_body(request, world)
    deployment = request.path_params.get("deployment")
    if deployment is None:
        return body
    if len(body) > _IN_THREAD_BYTES:
        return await world.in_thread(lambda: _addressed(body, deployment))
    return _addressed(body, deployment)


def _addressed(body: bytes, deployment: str) -> bytes:
    try:
        found = from_json(body)
    except ValueError:
        return body  # whoever checks it tells what is wrong
    return to_json({**found, "model": deployment}) if isinstance(found, dict) else body


async def read_model(request: Request, world: World, kind: type[M]) -> M:
    """Read a body as JSON of one kind.

    Raises:
        WireError: It is too large, no JSON, or wrong; the error names the parameter.
    """
    body = await read_body(request, world)
    return await parsed_in_turn(body, world, kind)


async def parsed_in_turn(body: bytes, world: World, kind: type[M]) -> M:
    """Parse a body, a large one beside the event loop.

    Raises:
        WireError: As for `parsed`.
    """
    if len(body) > _IN_THREAD_BYTES:
        return await world.in_thread(lambda: parsed(body, kind))
    return parsed(body, kind)


def parsed(body: bytes, kind: type[M]) -> M:
    """Parse a body.

    Raises:
        WireError: It is no JSON object, lacks a parameter, has an unknown or a wrong one.
    """
    try:
        found = kind.model_validate_json(body or b"{}")
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False)
    else:
        unknown = sorted((found.model_extra or {}).keys() - kind.ignored)
        if unknown:
            raise WireError(
                f"Unknown parameter: {unknown[0]!r}.", code="unknown_parameter", param=unknown[0]
            )
        return found
    raise _wrong(errors, body)


def too_large(most_bytes: int) -> WireError:
    """Make the refusal of a body above a size."""
    return WireError(
        f"Maximum content size limit ({most_bytes}) exceeded.", status=413, code="content_too_large"
    )


def invalid(param: str, message: str, *, code: str | None = "invalid_value") -> WireError:
    """Make the refusal of a parameter's value."""
    return WireError(message, code=code, param=param)


def _wrong(errors: Sequence[ErrorDetails], body: bytes) -> WireError:
    if errors[0]["type"] == "json_invalid":
        return WireError(
            "We could not parse the JSON body of your request. The API expects a JSON payload, but"
            " what was sent is not valid JSON."
        )
    data = cast("JsonValue", from_json(body or b"{}"))
    if not isinstance(data, dict):
        return WireError("The body of the request must be a JSON object.", code="invalid_type")
    error, param = _telling([(one, _path(one, data)) for one in errors])
    kind = error["type"]
    if kind == "missing":
        return invalid(
            param,
            f"Missing required parameter: {param!r}.",
            code="missing_required_parameter",
        )
    if kind in _TYPE_NAMES:
        return invalid(
            param,
            f"Invalid type for {param!r}: expected {_TYPE_NAMES[kind]}, but got"
            f" {_named(error['input'])} instead.",
            code="invalid_type",
        )
    code = "invalid_value"
    if kind in _TOO_LOW | _TOO_HIGH:
        number = "decimal" if isinstance(error["input"], float) else "integer"
        code = f"{number}_{'below_min' if kind in _TOO_LOW else 'above_max'}_value"
    return invalid(param, f"Invalid value for {param!r}: {_lower(error['msg'])}.", code=code)


def _telling(found: Sequence[tuple[ErrorDetails, str]]) -> tuple[ErrorDetails, str]:
    """Choose the error that tells most: where several forms are taken, each one complains.

    The deepest one at the place of the first is of the form that was meant; at the same depth one
    that is not about the type.
    """
    first = found[0][1]
    near = [(error, path) for error, path in found if path.startswith(first)]
    return max(near, key=lambda one: (len(one[1]), one[0]["type"] not in _TYPE_NAMES))


def _path(error: ErrorDetails, data: JsonValue) -> str:
    """Write where an error stands; names of choices, which are no keys of the data, are left out.

    The last place may be a key that is missing.
    """
    places, lacks = error["loc"], error["type"] == "missing"
    path, here = "", data
    for number, place in enumerate(places):
        if isinstance(place, int):
            path += f"[{place}]"
            here = here[place] if isinstance(here, list) else None
        elif isinstance(here, dict) and (place in here or (lacks and number == len(places) - 1)):
            path += f".{place}" if path else place
            here = here.get(place)
    return path


def _named(value: object) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {str: "a string", bool: "a boolean", int: "an integer",
                              float: "a decimal", list: "an array"}  # fmt: skip
    return names.get(type(value), "an object")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
