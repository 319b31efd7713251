"""What answers on the wire have in common, and how one is read: once, strictly, from its bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import PydanticCustomError

from tailorbird._openai_sdk.parsing import Source, validated
from tailorbird.exceptions import InvalidInputError
from tailorbird.protocols.arguments import check_id

if TYPE_CHECKING:
    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.received import Received


class Wire(BaseModel):
    """A piece of an answer: nothing is converted, unknown fields are dropped.

    Only fields that are read stand in a model, and each that some provider nulls or leaves out is
    optional: a field that nobody needs must not make an answer unreadable.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


T = TypeVar("T")
WireT = TypeVar("WireT", bound=Wire)

LAST_SECOND = 253_402_300_799
"""The last second of the year 9999, since 1970 in UTC: more cannot be written as a date."""

Text = Annotated[str, Field(min_length=1)]
"""A text that must not be empty, such as an id."""


_LONGEST_ID = 1024
# Characters of an id: our own bound, many times what any provider gives. What is longer fits into
# no address, and would fill messages and journals.


def _usable(value: str) -> str:
    if len(value) > _LONGEST_ID:
        raise PydanticCustomError("id", "it can be no id: it is too long")
    try:
        check_id(value, what="usable")
    except InvalidInputError:
        pass
    else:
        return value
    raise PydanticCustomError("id", "it can be no id: it could name another path")


Id = Annotated[str, AfterValidator(_usable)]
"""An id that can stand in an address, as `protocols.arguments.check_id` demands of a caller's: what
names another path is not taken from a server either."""

Seconds = Annotated[float, Field(ge=0, le=LAST_SECOND, allow_inf_nan=False)]
"""Seconds since 1970 in UTC, as all times come."""


class Page(Wire, Generic[T]):
    """One page of a listing."""

    data: list[T]
    """What stands on it."""
    has_more: bool | None = None
    """Whether another follows; a server that does not page leaves it out."""
    last_id: str | None = None
    """Where the next page begins; None where that is the last item's id."""


class Deleted(Wire):
    """The answer to a deletion."""

    deleted: bool
    """Whether it is gone."""


class _ErrorOnly(Wire):
    """An error in place of an answer; what failed and is an answer has an id."""

    error: dict[str, JsonValue] | Text
    id: None = None


def moment(seconds: float) -> datetime:
    """Give a time as the rest of the package has it: aware, UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: float | None) -> datetime | None:
    """Give a time that may be missing."""
    return None if seconds is None else moment(seconds)


def read(
    model: type[WireT], received: Received, *, connection: Connection, operation: str
) -> WireT:
    """Validate an answer.

    Args:
        model: Its shape.
        received: The answer.
        connection: Makes the error.
        operation: What was called.

    Raises:
        UnexpectedResponseError: It is no JSON, or not of that shape; the message names the first
            field that is wrong and never what stood in it.
        ProviderError: It is an error that a gateway sent with the status of a success.
    """
    try:
        return validated(model.model_validate_json, received.content)
    except ValidationError as exc:
        reason = _reason(exc)
    # Outside of the handler: the validation's error holds the answer's content.
    error = _reported(received.content)
    if error is None:
        raise connection.unexpected(operation, reason, received)
    raise Source(connection, operation, received).failed(error)


def _reported(content: bytes) -> object:
    try:
        return _ErrorOnly.model_validate_json(content).error
    except ValidationError:
        return None


def require_id(
    found: str, wanted: str, *, received: Received, connection: Connection, operation: str
) -> None:
    """Do nothing when an answer is about what was asked for.

    Args:
        found: The id in the answer.
        wanted: The id that was asked for.
        received: The answer.
        connection: Makes the error.
        operation: What was called.

    Raises:
        UnexpectedResponseError: It is about something else.
    """
    if found != wanted:
        reason = f"{wanted!r} was asked for, and it is about {found!r}"
        raise connection.unexpected(operation, reason, received)


def _reason(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
