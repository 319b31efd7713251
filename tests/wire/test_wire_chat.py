"""Chat completions over the wire."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import openai
import pytest
from pydantic import BaseModel

from tailorbird.data.tokens import estimate_tokens
from tailorbird.providers.fake import Cut, Fault, Says, Script
from tailorbird.providers.fake.operations import Operation
from tailorbird.testing.wire import WireSettings
from tailorbird.types.chat import FinishReason, Reply, ToolCall
from tailorbird.types.ids import ModelId

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""


HELLO: list[Any] = [{"role": "user", "content": "How are you?"}]
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Book a room.",
        "parameters": {
            "type": "object",
            "properties": {"room": {"type": "string"}},
            "required": ["room"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class Price(BaseModel):
    """A part of a form."""

    yen: float


class Order(BaseModel):
    """A form with a reference."""

    name: str
    price: Price
    note: str | None


def said(text: str, *, times: int | None = None, operation: Operation = "chat.complete") -> Script:
    """Script an answer."""
    return Script().on(operation, Says(text), times=times)


@pytest.mark.parametrize("flavor", ["plain", "openai", "azure"])
async def test_an_answer_comes_whole_and_in_pieces(serve: Serve, flavor: str) -> None:
    """The pieces of a stream are the whole answer, and the tokens come last."""
    wire = await serve(flavor)
    chat = wire.sdk.chat.completions
    whole = await chat.create(model=wire.chat_model, messages=HELLO)
    stream = await chat.create(
        model=wire.chat_model,
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    deltas = [one.delta for chunk in chunks for one in chunk.choices if one.delta is not None]
    assert "".join(one.content or "" for one in deltas) == whole.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert whole.choices[0].finish_reason == "stop"


async def test_without_being_asked_a_stream_tells_no_tokens(serve: Serve) -> None:
    """Usage comes only where it was asked for; padding can be left out."""
    wire = await serve()
    body = {"model": wire.chat_model, "messages": HELLO, "stream": True}
    plain = await wire.call("POST", "/chat/completions", body)
    assert plain.text.endswith("data: [DONE]\n\n")
    assert '"usage"' not in plain.text
    assert '"obfuscation"' in plain.text
    bare = await wire.call(
        "POST",
        "/chat/completions",
        {**body, "stream_options": {"include_obfuscation": False}},
    )
    assert '"obfuscation"' not in bare.text


async def test_azure_tells_findings_with_each_piece(serve: Serve) -> None:
    """The first chunk has no choices; every other choice has a delta, and says what was found."""
    wire = await serve("azure")
    body = {"model": "chat", "messages": HELLO, "stream": True}
    response = await wire.call("POST", "/chat/completions", body)
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    first, *pieces = [json.loads(line) for line in lines]
    assert (first["id"], first["choices"]) == ("", [])
    assert first["prompt_filter_results"][0]["prompt_index"] == 0
    choices = [one["choices"][0] for one in pieces]
    assert all("delta" in one for one in choices)
    safe = {"filtered": False, "severity": "safe"}
    found = [one["content_filter_results"] for one in choices if one["delta"].get("content")]
    assert len(found) > 1
    assert all(one["hate"] == safe for one in found)
    assert (choices[-1]["finish_reason"], choices[-1]["content_filter_results"]) == ("stop", {})


async def test_azures_asynchronous_filter_tells_findings_late(serve: Serve) -> None:
    """They come after the answer has ended, in a choice without a delta."""
    wire = await serve("azure", wire=WireSettings(asynchronous_filter=True))
    body = {"model": "chat", "messages": HELLO, "stream": True}
    response = await wire.call("POST", "/chat/completions", body)
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    late, last = json.loads(lines[-2]), json.loads(lines[-3])
    assert "delta" not in late["choices"][0]
    assert late["choices"][0]["content_filter_results"]["hate"] == {
        "filtered": False,
        "severity": "safe",
    }
    assert last["choices"][0]["finish_reason"] == "stop"
    assert "content_filter_results" not in last["choices"][0]


async def test_a_required_function_is_called_instead_of_a_form(serve: Serve) -> None:
    """A form and a function that must be called in one request give the call, also streamed."""
    wire = await serve("plain")
    body: dict[str, Any] = {
        "model": wire.chat_model,
        "messages": [{"role": "user", "content": "room: Cedar"}],
        "tools": [TOOL],
        "tool_choice": "required",
        "response_format": Order,
    }
    found = await wire.sdk.chat.completions.parse(**body)
    assert found.choices[0].message.tool_calls[0].function.name == "book"
    async with wire.sdk.chat.completions.stream(**body) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].finish_reason == "tool_calls"
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == {
        "room": "Cedar"
    }


async def test_allowed_functions_are_the_only_ones(serve: Serve) -> None:
    """Of two functions the one is called that is allowed."""
    wire = await serve("plain")
    other = {"type": "function", "function": {**TOOL["function"], "name": "cancel"}}
    named = {"type": "function", "function": {"name": "cancel"}}
    found = await wire.sdk.chat.completions.create(
        model=wire.chat_model,
        messages=HELLO,
        tools=[TOOL, other],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [named]},
        },
    )
    assert [one.function.name for one in found.choices[0].message.tool_calls] == ["cancel"]


async def test_a_structured_answer_fits_its_schema(serve: Serve) -> None:
    """The official helper reads its form back, whole and streamed."""
    wire = await serve()
    messages: list[Any] = [{"role": "user", "content": "name: Aki\nprice 1,200 yen"}]
    reply = await wire.sdk.chat.completions.parse(
        model=wire.chat_model, messages=messages, response_format=Order
    )
    parsed = reply.choices[0].message.parsed
    assert parsed == Order(name="Aki", price=Price(yen=1200), note="")
    async with wire.sdk.chat.completions.stream(
        model=wire.chat_model, messages=messages, response_format=Order
    ) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.parsed == parsed


async def test_a_json_object_can_be_asked_for(serve: Serve) -> None:
    """`json_object` needs the word JSON, and an answer that is none is put into one."""
    wire = await serve(script=said('{"a": 1}').on("chat.complete", Says("plain"), occurrence=2))
    shape = {"type": "json_object"}
    messages = [{"role": "user", "content": "Answer in JSON."}]
    body = {"model": wire.chat_model, "messages": messages, "response_format": shape}
    contents = [
        (await wire.call("POST", "/chat/completions", body)).json()["choices"][0]["message"][
            "content"
        ]
        for _ in range(2)
    ]
    assert [json.loads(one) for one in contents] == [{"a": 1}, {"content": "plain"}]
    refused = await wire.refused("POST", "/chat/completions", {**body, "messages": HELLO})
    assert refused == (400, None, "messages")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_json_object_has_the_form_that_the_instructions_tell(
    serve: Serve, *, stream: bool
) -> None:
    """A schema that stands in a message is kept to; a scripted answer may leave it."""
    wire = await serve(script=said("plain") if stream else None)
    schema = json.dumps(Order.model_json_schema())
    told = f"Not {{this}}, nor {{}}. Answer in JSON that fits {schema}, and nothing else."
    messages: list[Any] = [
        {"role": "system", "content": told},
        {"role": "user", "content": "name: Aki\nprice 1,200 yen"},
    ]
    shape: Any = {"type": "json_object"}
    answer = await wire.sdk.chat.completions.create(
        model=wire.chat_model, messages=messages, response_format=shape, stream=stream
    )
    if stream:
        pieces = [one.choices[0].delta.content or "" async for one in answer]
        assert json.loads("".join(pieces)) == {"content": "plain"}
        return
    found = Order.model_validate_json(answer.choices[0].message.content)
    assert found == Order(name="Aki", price=Price(yen=1200), note="")
    response = await wire.sdk.responses.create(
        model=wire.chat_model, instructions=told, input="name: Aki", text={"format": shape}
    )
    assert Order.model_validate_json(response.output_text).name == "Aki"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_function_is_called(serve: Serve, *, stream: bool) -> None:
    """A forced function comes as a call, whole or in pieces, and its answer is taken."""
    wire = await serve("plain")
    body: dict[str, Any] = {
        "model": wire.chat_model,
        "messages": [{"role": "user", "content": "room: Cedar"}],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "book"}},
    }
    if stream:
        chunks = await wire.sdk.chat.completions.create(**body, stream=True)
        calls = [
            call
            async for chunk in chunks
            for one in chunk.choices
            for call in one.delta.tool_calls or ()
        ]
        assert calls[0].function.name == "book"
        call_id, arguments = calls[0].id, "".join(one.function.arguments for one in calls)
    else:
        reply = await wire.sdk.chat.completions.create(**body)
        assert reply.choices[0].finish_reason == "tool_calls"
        call = reply.choices[0].message.tool_calls[0]
        call_id, arguments = call.id, call.function.arguments
    assert json.loads(arguments) == {"room": "Cedar"}
    function = {"name": "book", "arguments": arguments}
    after = [
        *body["messages"],
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call_id, "content": "booked"},
    ]
    final = await wire.sdk.chat.completions.create(model=wire.chat_model, messages=after)
    assert final.choices[0].finish_reason == "stop"


async def test_probabilities_come_with_their_bytes(serve: Serve) -> None:
    """Each token has its logarithm, its alternatives and its bytes."""
    wire = await serve("plain")
    reply = await wire.sdk.chat.completions.create(
        model=wire.chat_model, messages=HELLO, logprobs=True, top_logprobs=2, max_tokens=5
    )
    choice = reply.choices[0]
    assert choice.finish_reason == "length"
    first = choice.logprobs.content[0]
    assert bytes(first.bytes).decode() == first.token
    assert len(first.top_logprobs) == 2
    bare = await wire.sdk.chat.completions.create(
        model=wire.chat_model, messages=HELLO, logprobs=True, stop="z", seed=1
    )
    assert bare.choices[0].logprobs.content[0].top_logprobs == []


async def test_parts_of_a_message_are_read(serve: Serve) -> None:
    """Texts, images and refusals may stand in parts."""
    wire = await serve("plain", script=said("seen"))
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
    ]
    before = {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot."}]}
    reply = await wire.sdk.chat.completions.create(
        model=wire.chat_model, messages=[before, {"role": "user", "content": parts}]
    )
    assert reply.choices[0].message.content == "seen"


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_filter_cut_is_an_answer(serve: Serve, *, stream: bool) -> None:
    """A completion that was filtered comes with status 200 and its reason."""
    operation = "chat.stream" if stream else "chat.complete"
    script = Script().on(operation, Fault.filtered(stage="completion"))
    wire = await serve("azure", script=script)
    body = {"model": "chat", "messages": HELLO, "stream": stream}
    response = await wire.call("POST", "/chat/completions", body)
    assert response.status_code == 200
    assert '"finish_reason":"content_filter"' in response.text


@pytest.mark.parametrize("operation", ["chat.complete", "chat.stream"])
async def test_an_empty_answer_is_sent_as_it_is(serve: Serve, operation: str) -> None:
    """The wire sends what a model said, also when that is nothing."""
    wire = await serve(script=said("", operation=operation))
    body = {"model": wire.chat_model, "messages": HELLO, "stream": operation == "chat.stream"}
    response = await wire.call("POST", "/chat/completions", body)
    assert response.status_code == 200
    assert '"finish_reason":"stop"' in response.text


@pytest.mark.parametrize("stream", [False, True])
async def test_a_blocked_prompt_is_refused_with_what_was_found(
    serve: Serve, *, stream: bool
) -> None:
    """Azure tells the categories within `innererror`, OpenAI the code alone."""
    operation = "chat.stream" if stream else "chat.complete"
    fault = Fault.filtered(categories=("violence", "jailbreak"))
    for flavor in ("azure", "openai"):
        wire = await serve(flavor, script=Script().on(operation, fault))
        body = {"model": wire.chat_model, "messages": HELLO, "stream": stream}
        response = await wire.call("POST", "/chat/completions", body)
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (
            400,
            "content_filter",
            "prompt",
        )
        if flavor == "azure":
            assert error["innererror"]["code"] == "ResponsibleAIPolicyViolation"
            found = error["innererror"]["content_filter_result"]
            assert found["violence"] == {"filtered": True, "severity": "high"}
            assert found["jailbreak"] == {"filtered": True, "detected": True}


async def test_a_stream_can_break_off(serve: Serve) -> None:
    """A stream that is cut has neither a reason nor an end mark."""
    wire = await serve(script=Script().on("chat.stream", Cut(after=2)))
    body = {"model": wire.chat_model, "messages": HELLO, "stream": True}
    text = (await wire.call("POST", "/chat/completions", body)).text
    assert "[DONE]" not in text
    assert '"finish_reason":"stop"' not in text
    assert text.count("data: ") == 2


async def test_refusals_and_wrong_forms_are_answers_too(serve: Serve) -> None:
    """A refusal has its own field, and a form that does not fit comes as the model wrote it."""
    refusal = Reply[None](text="", output=None, refusal="No.", model=ModelId("gpt-6-luna"))
    script = (
        Script()
        .on("chat.complete", Says(refusal))
        .on("chat.complete", Says("not a form"), occurrence=2)
        .on("chat.complete", Says('{"name": "a very long name indeed"}'), occurrence=3)
        .on("chat.complete", Says(refusal), occurrence=4)
        .on("chat.stream", Says(refusal))
    )
    wire = await serve(script=script)
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    shape = {"type": "json_schema", "json_schema": {"name": "form", "schema": schema}}
    body = {"model": wire.chat_model, "messages": HELLO, "response_format": shape}
    answers = [
        (await wire.call("POST", "/chat/completions", one)).json()["choices"][0]
        for one in (body, body, {**body, "max_completion_tokens": 3})
    ]
    assert answers[0]["message"]["refusal"] == "No."
    assert (answers[1]["message"]["content"], answers[1]["finish_reason"]) == ("not a form", "stop")
    assert answers[2]["finish_reason"] == "length"
    streamed = await wire.call("POST", "/chat/completions", {**body, "stream": True})
    assert '"refusal":"No."' in streamed.text
    free = {"model": wire.chat_model, "messages": HELLO, "stream": True}
    assert '"refusal":"No."' in (await wire.call("POST", "/chat/completions", free)).text


async def test_a_scripted_call_without_tokens_is_sent_without(serve: Serve) -> None:
    """A reply that calls a function and counts nothing has `usage` from the fake or null."""
    call = ToolCall(id="call_1", name="f", arguments="{}")
    reply = Reply[None](
        text="",
        output=None,
        tool_calls=(call,),
        finish_reason=FinishReason.TOOL_CALLS,
        raw_finish_reason="tool_calls",
        model=ModelId("m"),
    )
    wire = await serve(script=Script().on("chat.complete", Says(reply)))
    answer = await wire.sdk.chat.completions.create(model=wire.chat_model, messages=HELLO)
    assert answer.usage is None
    wire = await serve(script=Script().on("chat.stream", Says(reply)))
    body = {
        "model": wire.chat_model,
        "messages": HELLO,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert '"usage":{' not in (await wire.call("POST", "/chat/completions", body)).text
    assert answer.choices[0].message.tool_calls[0].id == "call_1"


def strict(schema: object) -> dict[str, Any]:
    """Give a strict format."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "form", "strict": True, "schema": schema},
    }


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"temperature": 0.2}, "unsupported_value", "temperature"),
        ({"top_p": 0.2}, "unsupported_value", "top_p"),
        ({"logprobs": True}, "unsupported_value", "logprobs"),
        ({"stop": ["x"]}, "unsupported_value", "stop"),
        ({"max_tokens": 5}, "unsupported_parameter", "max_tokens"),
        ({"tools": [TOOL]}, None, "reasoning_effort"),
        ({"reasoning_effort": "huge"}, "invalid_value", "reasoning_effort"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"n": 129}, "integer_above_max_value", "n"),
        ({"presence_penalty": 2.5}, "decimal_above_max_value", "presence_penalty"),
        ({"temperature": 3.0}, "decimal_above_max_value", "temperature"),
        ({"temperature": -1.0}, "decimal_below_min_value", "temperature"),
        ({"max_completion_tokens": 0}, "integer_below_min_value", "max_completion_tokens"),
        ({"temperature": "hot"}, "invalid_type", "temperature"),
        ({"model": None}, "invalid_type", "model"),
        ({"messages": []}, "invalid_value", "messages"),
        ({"messages": [{"content": "x"}]}, "missing_required_parameter", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, None, "messages.[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, None, "messages.[0].role"),
        ({"messages": ["x"]}, "invalid_type", "messages[0]"),
        ({"messages": [{"role": "user", "content": 3}]}, "invalid_type", "messages[0].content"),
        ({"messages": [{"role": "user", "content": "a\u0000b"}]}, "invalid_value", None),
        ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
        ({"stream_options": {}}, "invalid_value", "stream_options"),
        ({"max_output_tokens": 5}, "unknown_parameter", "max_output_tokens"),
        ({"tool_choice": "required"}, "invalid_value", None),
        ({"tool_choice": {"type": "mcp"}}, "invalid_value", "tool_choice.type"),
        (
            {"tool_choice": {"type": "function"}},
            "missing_required_parameter",
            "tool_choice.function",
        ),
        (
            {"tool_choice": {"type": "allowed_tools"}},
            "missing_required_parameter",
            "tool_choice.allowed_tools",
        ),
        ({"functions": [{"name": "book"}]}, "unsupported_parameter", "functions"),
        (
            {"response_format": {"type": "json_schema"}},
            "missing_required_parameter",
            "response_format.json_schema",
        ),
        ({"response_format": strict({"type": "string"})}, None, "response_format"),
        (
            {"response_format": strict({"type": "object", "properties": {}})},
            None,
            "response_format",
        ),
        (
            {
                "response_format": strict(
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"a": {"type": "string"}},
                    }
                )
            },
            None,
            "response_format",
        ),
    ],
)
async def test_a_wrong_call_is_refused(
    serve: Serve, change: dict[str, Any], code: str | None, param: str | None
) -> None:
    """The refusal names the parameter, with the code that the cloud gives."""
    wire = await serve()
    body = {"model": wire.chat_model, "messages": HELLO, **change}
    assert await wire.refused("POST", "/chat/completions", body) == (400, code, param)


async def test_a_strict_function_keeps_the_rules(serve: Serve) -> None:
    """A strict function with an open object is refused."""
    wire = await serve("plain")
    function = {"name": "f", "strict": True, "parameters": {"type": "object"}}
    body = {
        "model": wire.chat_model,
        "messages": HELLO,
        "tools": [{"type": "function", "function": function}],
    }
    assert await wire.refused("POST", "/chat/completions", body) == (
        400,
        "invalid_function_parameters",
        "tools[0].function.parameters",
    )


async def test_without_reasoning_a_reasoning_model_takes_all(serve: Serve) -> None:
    """With the effort `none` functions and sampling are taken."""
    wire = await serve()
    reply = await wire.sdk.chat.completions.create(
        model=wire.chat_model,
        messages=HELLO,
        reasoning_effort="none",
        temperature=0.3,
        tools=[{"type": "function", "function": {"name": "f"}}],
    )
    assert reply.choices[0].message.content


async def test_a_model_of_the_wrong_kind_or_name_is_refused(serve: Serve) -> None:
    """An embedding model does not chat, and a missing one has its code."""
    wire = await serve()
    body = {"model": "text-embedding-3-small", "messages": HELLO}
    assert await wire.refused("POST", "/chat/completions", body) == (400, "wrong_model_kind", None)
    body["model"] = "gone"
    assert await wire.refused("POST", "/chat/completions", body) == (
        404,
        "model_not_found",
        "model",
    )
    azure = await serve("azure")
    assert (await azure.refused("POST", "/chat/completions", body))[0] == 404


async def test_calls_carry_rate_headers(serve: Serve) -> None:
    """Resets are durations at OpenAI and plain numbers on Azure."""
    for flavor, reset in (("openai", "6ms"), ("azure", "1")):
        wire = await serve(flavor)
        body = {"model": wire.chat_model, "messages": HELLO}
        response = await wire.call("POST", "/chat/completions", body)
        assert response.headers["x-ratelimit-reset-requests"] == reset
        assert response.headers["x-ratelimit-limit-tokens"]


async def test_the_sdk_raises_its_own_errors(serve: Serve) -> None:
    """A refusal reaches the official client as the error it knows."""
    wire = await serve(script=Script().on("chat.complete", Fault.rate_limited(retry_after_s=1.5)))
    with pytest.raises(openai.RateLimitError) as caught:
        await wire.sdk.chat.completions.create(model=wire.chat_model, messages=HELLO)
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.type == "requests"
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.response.headers["retry-after-ms"] == "1500"
    assert caught.value.request_id is not None


@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_several_answers_are_choices(serve: Serve, flavor: str) -> None:
    """`n` answers come with their numbers, whole and in pieces; the question is paid once."""
    several = said("one", times=1).on("chat.complete", Says("two words"), occurrence=2)
    wire = await serve(flavor, script=several)
    chat = wire.sdk.chat.completions
    whole = await chat.create(model=wire.chat_model, messages=HELLO, n=2)
    assert [one.index for one in whole.choices] == [0, 1]
    assert [one.message.content for one in whole.choices] == ["one", "two words"]
    single = await chat.create(model=wire.chat_model, messages=HELLO)
    assert whole.usage.prompt_tokens == single.usage.prompt_tokens
    assert whole.usage.completion_tokens == sum(map(estimate_tokens, ("one", "two words")))


async def test_several_answers_are_streamed(serve: Serve) -> None:
    """Each piece says which answer it belongs to, and the tokens of all come at the end."""
    wire = await serve()
    chat = wire.sdk.chat.completions
    whole = await chat.create(model=wire.chat_model, messages=HELLO, n=2)
    stream = await chat.create(
        model=wire.chat_model,
        messages=HELLO,
        n=2,
        stream=True,
        stream_options={"include_usage": True},
    )
    texts = {0: "", 1: ""}
    async for chunk in stream:
        for one in chunk.choices:
            texts[one.index] += one.delta.content or ""
        usage = chunk.usage
    assert texts == {one.index: one.message.content for one in whole.choices}
    assert usage == whole.usage


async def test_a_number_that_json_has_not_is_refused(serve: Serve) -> None:
    """NaN, which other parsers take, is told as what it is."""
    wire = await serve()
    content = b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "top_p": NaN}'
    answer = await wire.call("POST", "/chat/completions", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "top_p"
