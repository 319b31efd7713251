"""What the answers of both chat surfaces have in common, and what one of them came to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, NotRequired, TypeVar, cast

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import to_json
from typing_extensions import TypedDict, TypeIs

from tailorbird._http import read_refusal, refusal_error
from tailorbird.types.chat import TokenLogprob, ToolCall
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.received import Received
    from tailorbird.exceptions import ProviderError

T = TypeVar("T")

STRICT = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)
"""How answers are validated: nothing is converted, unknown fields are not even built."""

_MOST_REASONS = 3  # of a wrong shape, in one message

# Which status a failure would have had, had it come before the answer began. Codes and types of
# errors within streams, read in the openai SDK 3.54.0 and in OpenAPI document 2.3.0, ResponseError.
_STATUS: Mapping[str, int] = {
    "authentication_error": 401,
    "content_filter": 400,
    "context_length_exceeded": 400,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "model_not_found": 404,
    "not_found_error": 404,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
}
_IN_TROUBLE = 500
# An escaped backslash and a pair of halves are passed over; what is left is half of a pair.
_SURROGATES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_ERROR_STATUS = re.compile(r"[45][0-9]{2}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where an answer comes from: makes the errors about it."""

    connection: Connection
    """Who received it."""
    operation: str
    """What was called."""
    received: Received
    """The answer; of a stream, its headers."""

    def unexpected(self, reason: str) -> ProviderError:
        """Make the error for an answer that does not have the promised shape."""
        return self.connection.unexpected(self.operation, reason, self.received)

    def failed(self, error: object) -> ProviderError:
        """Make the error for a failure that came within a successful answer.

        Args:
            error: What stood in the field `error`.
        """
        refusal = read_refusal(
            _IN_TROUBLE, self.received.headers, to_json({"error": error}, fallback=str)
        )
        words = (refusal.code or "", refusal.type or "")
        known = (_STATUS.get(word) or _status_of(word) for word in words)
        status = next((one for one in known if one is not None), _IN_TROUBLE)
        return refusal_error(
            replace(refusal, status_code=status),
            provider=self.connection.provider,
            operation=self.operation,
            host=self.connection.host,
            now=self.connection.clock.now(),
        )

    def read(self, adapter: TypeAdapter[T], content: bytes) -> T:
        """Validate JSON once, from its bytes.

        Raises:
            UnexpectedResponseError: It is no JSON, or not of that shape.
        """
        try:
            return validated(adapter.validate_json, content)
        except ValidationError as exc:
            reason = reasons(exc)
        if content.lstrip()[:1] == b"<":
            reason = "it is a web page, not JSON"
        # Outside of the handler: the validation's error holds the answer's content.
        raise self.unexpected(reason)

    def check(self, adapter: TypeAdapter[T], value: object) -> T:
        """Validate a part that was left as it came.

        Raises:
            UnexpectedResponseError: It is not of that shape.
        """
        try:
            return adapter.validate_python(value)
        except ValidationError as exc:
            reason = reasons(exc)
        raise self.unexpected(reason)


def validated(validate: Callable[[bytes], T], content: bytes) -> T:
    """Validate JSON from its bytes, also where it escapes half of a surrogate pair.

    Some programs cut a text between the two halves of a character. The parser refuses all of such
    an answer, which is paid for: what stands for no character is replaced by U+FFFD, as in
    `types.base.SaidText`.

    Raises:
        ValueError: What `validate` raises: it is no JSON, or not of its shape.
    """
    try:
        return validate(content)
    except ValueError:
        mended = _SURROGATES.sub(_mended, content)
        if mended == content:
            raise
    return validate(mended)


def _mended(found: re.Match[bytes]) -> bytes:
    return found[0] if found[1] is None else rb"\ufffd"


def _status_of(code: str) -> int | None:
    """Read a code that is a status itself, as those of vLLM, llama.cpp and some gateways are."""
    return int(code) if _ERROR_STATUS.fullmatch(code) else None


def reasons(exc: ValidationError) -> str:
    """Say what is wrong with an answer, and where, without the answer."""
    details = exc.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}" if one["loc"] else one["msg"]
        for one in details[:_MOST_REASONS]
    )


@dataclass(slots=True)
class Said:
    """What an answer came to, whichever way it came."""

    text: str = ""
    """The text."""
    refusal: str | None = None
    """The words of refusal."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The calls."""
    word: str = ""
    """The provider's word for why it ended; empty when it gave none."""
    model: str = ""
    """The model that answered; empty when it was not named."""
    id: str = ""
    """The answer's id; empty when it has none."""
    usage: Usage | None = None
    """Tokens used."""
    logprobs: tuple[TokenLogprob, ...] | None = None
    """Probabilities."""
    filtered: tuple[str, ...] = ()
    """What a content filter acted on."""
    warnings: list[str] = field(default_factory=list[str])
    """What looked odd."""


@dataclass(frozen=True, slots=True)
class UsageNames:
    """How a surface calls the numbers of a usage."""

    input: str
    output: str

    @property
    def input_details(self) -> str:
        """The table with `cached_tokens`."""
        return f"{self.input}_details"

    @property
    def output_details(self) -> str:
        """The table with `reasoning_tokens`."""
        return f"{self.output}_details"


_MOST_TOKENS = 2**53  # beyond it, JSON numbers are not exact


def read_usage(given: object, names: UsageNames, warnings: list[str]) -> Usage | None:
    """Read how many tokens were used.

    A count that cannot be true must not lose a paid answer: then the usage is not known.

    Args:
        given: What stood in the answer; None when nothing did.
        names: What the numbers are called.
        warnings: Gets a line when they cannot be true.
    """
    if given is None:
        return None
    table = table_of(given)
    read, wrote = table.get(names.input), table.get(names.output)
    cached = table_of(table.get(names.input_details)).get("cached_tokens") or 0
    thought = table_of(table.get(names.output_details)).get("reasoning_tokens") or 0
    if (
        _is_count(read, _MOST_TOKENS)
        and _is_count(wrote, _MOST_TOKENS)
        and _is_count(cached, read)
        and _is_count(thought, wrote)
    ):
        return Usage(
            input_tokens=read,
            output_tokens=wrote,
            cached_input_tokens=cached,
            reasoning_tokens=thought,
        )
    warnings.append("the provider's token counts cannot be true and were left out")
    return None


def read_count(value: object) -> int:
    """Give a number of tokens, and 0 for what cannot be one."""
    return value if _is_count(value, _MOST_TOKENS) else 0


def table_of(value: object) -> Mapping[str, object]:
    """Give a JSON object as it is, and anything else as an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _is_count(value: object, most: int) -> TypeIs[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


_Logarithm = Annotated[float, Field(allow_inf_nan=False)]


@with_config(STRICT)
class _Alternative(TypedDict):
    token: NotRequired[str | None]
    logprob: NotRequired[_Logarithm | None]


@with_config(STRICT)
class _Token(TypedDict):
    token: str
    logprob: _Logarithm
    top_logprobs: NotRequired[list[_Alternative] | None]


_TOKENS = TypeAdapter(list[_Token])


def read_logprobs(given: object, source: Source) -> tuple[TokenLogprob, ...]:
    """Read the probabilities of tokens.

    Raises:
        UnexpectedResponseError: They are not of the promised shape.
    """
    # A logarithm above 0 by the rounding of half precision counts as 0.
    return tuple(
        TokenLogprob(
            token=one["token"],
            logprob=min(0.0, one["logprob"]),
            alternatives={
                token: min(0.0, logarithm)
                for other in one.get("top_logprobs") or ()
                if (token := other.get("token")) is not None
                and (logarithm := other.get("logprob")) is not None
            },
        )
        for one in source.check(_TOKENS, given)
    )
