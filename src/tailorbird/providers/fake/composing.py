"""Make a complete reply of what a model says: cut, counted, with probabilities where wanted."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from tailorbird.data.tokens import estimate_tokens, message_tokens
from tailorbird.exceptions import InvalidInputError, OutputInvalidError, RefusedError
from tailorbird.providers.fake.answering.forms import fill_form
from tailorbird.providers.fake.lifecycle import make_id
from tailorbird.providers.fake.training import chance
from tailorbird.types.chat import (
    AnyReply,
    FinishReason,
    PlainReply,
    TokenLogprob,
    ToolCall,
    ToolName,
)
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from pydantic import JsonValue

    from tailorbird.providers.fake.answering.forms import Schema
    from tailorbird.types.chat import ChatOptions, Message, Reply, Tool
    from tailorbird.types.ids import ModelId

T = TypeVar("T")

_TOKEN = re.compile(r"\s?[A-Za-z0-9]+|\s?.", re.DOTALL)


def compose(
    text: str,
    *,
    messages: Sequence[Message],
    options: ChatOptions,
    model: ModelId,
    number: int,
) -> Reply[None]:
    """Make the reply for a text: stop texts and the length limit cut it."""
    cut, reason = _limited(_stopped(text, options.stop), options.max_output_tokens)
    return PlainReply(
        text=cut,
        output=None,
        finish_reason=reason,
        raw_finish_reason=reason.value,
        model=model,
        usage=_usage(messages, cut),
        logprobs=_logprobs(cut, options.logprobs),
        id=make_id("chatcmpl-", model, number),
        request_id=make_id("req_", model, number),
    )


def compose_tool_call(
    tool: Tool, *, messages: Sequence[Message], model: ModelId, number: int
) -> Reply[None]:
    """Make the reply that calls a tool, its arguments filled from what the user said."""
    said = [one.text for one in messages if one.role == "user"]
    arguments = json.dumps(fill_form(tool.parameters, said) or {}, ensure_ascii=False)
    call = ToolCall(id=make_id("call_", model, number), name=tool.name, arguments=arguments)
    return PlainReply(
        text="",
        output=None,
        tool_calls=(call,),
        finish_reason=FinishReason.TOOL_CALLS,
        raw_finish_reason=FinishReason.TOOL_CALLS.value,
        model=model,
        usage=_usage(messages, tool.name + arguments),
        id=make_id("chatcmpl-", model, number),
        request_id=make_id("req_", model, number),
    )


def forced_tool(options: ChatOptions, messages: Sequence[Message]) -> Tool | None:
    """Give the tool that the options oblige a model to call; None when it is free.

    Of several, the first one that was not called since the user spoke last, so that a program which
    runs tools until one of them gives the answer comes to an end.
    """
    choice = options.tool_choice
    if isinstance(choice, ToolName):
        return next(tool for tool in options.tools if tool.name == choice.name)
    if choice != "required":
        return None
    called = {
        call.name
        for one in takewhile(lambda one: one.role != "user", reversed(messages))
        for call in one.tool_calls
    }
    return next((tool for tool in options.tools if tool.name not in called), options.tools[-1])


def check_output(output: type[T]) -> None:
    """Do nothing when an answer can have that type.

    Raises:
        InvalidInputError: It has no JSON schema.
    """
    try:
        form_schema(output)
    except PydanticUserError as exc:
        message = f"no JSON schema can be made of {output!r}: {exc}"
        raise InvalidInputError(message) from exc


def form_schema(output: type[T]) -> Schema:
    """Give the JSON schema of a structured answer; nobody may change it."""
    if _is_class(output):
        return _kept_schema(cast("Hashable", output))
    return _schema(output)


def form_text(output: type[T], said: Sequence[str], remembered: str | None) -> str:
    """Give a structured answer as JSON: the remembered one if it fits, else a filled form."""
    if remembered is not None and _fits(_adapter(output), remembered):
        return remembered
    filled: JsonValue = fill_form(form_schema(output), said)
    return json.dumps(filled, ensure_ascii=False)


def with_output(reply: Reply[None], output: type[T]) -> Reply[T]:
    """Read the structured output of a reply.

    Raises:
        RefusedError: The model declined.
        OutputInvalidError: The answer was cut off, or does not fit the type.
    """
    if reply.refusal is not None:
        raise RefusedError(reply.refusal)
    if reply.finish_reason is FinishReason.LENGTH:
        message = "the structured answer was cut off: raise max_output_tokens"
        raise OutputInvalidError(message, text=reply.text)
    try:
        value = _adapter(output).validate_json(reply.text)
    except ValidationError as exc:
        details = exc.errors(include_input=False, include_url=False, include_context=False)
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}" for one in details
        )
        message = f"the structured answer does not fit {output.__name__}: {problems}"
    else:
        fields = {**dict(reply), "output": value}
        return cast("Reply[T]", AnyReply.model_validate(fields))
    raise OutputInvalidError(message, text=reply.text)


def pieces_of(text: str) -> list[str]:
    """Cut a text into what counts as tokens here: words, and single signs."""
    return _TOKEN.findall(text)


def _is_class(output: object) -> bool:
    """Tell a class from what stands for a type, such as `Annotated`, and may have no hash."""
    return isinstance(output, type)


def _adapter(output: type[T]) -> TypeAdapter[T]:
    if _is_class(output):
        return cast("TypeAdapter[T]", _kept_adapter(cast("Hashable", output)))
    return TypeAdapter(output)


def _schema(output: type[object]) -> Schema:
    return cast("Schema", TypeAdapter(output).json_schema())


# A comparison asks for the same forms thousands of times, and making a schema or a validator takes
# longer than filling or reading one.
_kept_schema = lru_cache(maxsize=64)(_schema)
_kept_adapter = lru_cache(maxsize=64)(TypeAdapter[object])


def _fits(adapter: TypeAdapter[T], text: str) -> bool:
    try:
        adapter.validate_json(text)
    except ValidationError:
        return False
    return True


def _stopped(text: str, stops: Sequence[str]) -> str:
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def _limited(text: str, most: int | None) -> tuple[str, FinishReason]:
    """Cut a text to a number of tokens, by estimate."""
    if most is None or estimate_tokens(text) <= most:
        return text, FinishReason.STOP
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(text[:middle]) <= most:
            low = middle
        else:
            high = middle - 1
    return text[:low], FinishReason.LENGTH


def _usage(messages: Sequence[Message], text: str) -> Usage:
    return Usage(input_tokens=message_tokens(messages), output_tokens=estimate_tokens(text))


def _logprobs(text: str, alternatives: int | None) -> tuple[TokenLogprob, ...] | None:
    if alternatives is None:
        return None
    return tuple(
        TokenLogprob(
            token=token,
            logprob=-chance(text, place) / 2,
            alternatives={
                f"{token}{number}": -1.0 - number - chance(text, place, number)
                for number in range(1, alternatives + 1)
            },
        )
        for place, token in enumerate(pieces_of(text))
    )
