"""Responses over the wire."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import openai
import pytest
from pydantic import BaseModel

from tailorbird.providers.fake import Cut, Fault, Says, Script
from tailorbird.types.chat import FinishReason, Reply, ToolCall
from tailorbird.types.ids import ModelId

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""


TOOL: dict[str, Any] = {
    "type": "function",
    "name": "book",
    "description": "Book a room.",
    "parameters": {
        "type": "object",
        "properties": {"room": {"type": "string"}},
        "required": ["room"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Order(BaseModel):
    """A form."""

    name: str


@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_an_answer_comes_whole_and_in_typed_events(serve: Serve, flavor: str) -> None:
    """The events add up to the whole answer, and are numbered."""
    wire = await serve(flavor)
    whole = await wire.sdk.responses.create(
        model=wire.chat_model, input="How are you?", instructions="Be brief.", store=False
    )
    assert whole.status == "completed"
    stream = await wire.sdk.responses.create(
        model=wire.chat_model, input="How are you?", instructions="Be brief.", stream=True
    )
    events = [event async for event in stream]
    assert [one.sequence_number for one in events] == list(range(len(events)))
    kinds = [one.type for one in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    text = "".join(one.delta for one in events if one.type == "response.output_text.delta")
    assert text == whole.output_text == events[-1].response.output_text


async def test_a_response_is_stored_unless_told_not_to(serve: Serve) -> None:
    """A stored response can be fetched, gone on from, and deleted."""
    wire = await serve(script=Script().on("chat.complete", Says("yes"), times=3))
    first = await wire.sdk.responses.create(model=wire.chat_model, input="One?")
    assert (await wire.sdk.responses.retrieve(first.id)).output_text == "yes"
    second = await wire.sdk.responses.create(
        model=wire.chat_model, input="Two?", previous_response_id=first.id, metadata={"a": "b"}
    )
    assert second.previous_response_id == first.id
    assert second.metadata == {"a": "b"}
    assert wire.provider.calls[-1].facts["messages"] == 3
    await wire.sdk.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        await wire.sdk.responses.retrieve(first.id)
    kept_not = await wire.sdk.responses.create(model=wire.chat_model, input="x", store=False)
    assert (await wire.refused("GET", f"/responses/{kept_not.id}"))[0] == 404
    body = {"model": wire.chat_model, "input": "x", "previous_response_id": "resp_0"}
    assert await wire.refused("POST", "/responses", body) == (
        400,
        "previous_response_not_found",
        "previous_response_id",
    )


async def test_the_oldest_stored_response_makes_room(serve: Serve) -> None:
    """As many as a thousand are kept."""
    wire = await serve(script=Script().on("chat.complete", Says("yes"), times=None), latency_s=0)
    wire.judge = None
    body = {"model": wire.chat_model, "input": "x"}
    ids = [(await wire.call("POST", "/responses", body)).json()["id"] for _ in range(1_001)]
    assert (await wire.call("GET", f"/responses/{ids[0]}")).status_code == 404
    assert (await wire.call("GET", f"/responses/{ids[1]}")).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_structured_answer_fits_its_schema(serve: Serve, *, stream: bool) -> None:
    """The official helper reads its form back."""
    wire = await serve()
    if stream:
        async with wire.sdk.responses.stream(
            model=wire.chat_model, input="name: Aki", text_format=Order
        ) as events:
            found = await events.get_final_response()
    else:
        found = await wire.sdk.responses.parse(
            model=wire.chat_model, input="name: Aki", text_format=Order
        )
    assert found.output_parsed == Order(name="Aki")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_function_is_called_and_answered(serve: Serve, *, stream: bool) -> None:
    """Functions work with reasoning here; the answer goes back as an item."""
    wire = await serve()
    body: dict[str, Any] = {
        "model": wire.chat_model,
        "input": [{"role": "user", "content": "room: Cedar"}],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "name": "book"},
    }
    if stream:
        events = [event async for event in await wire.sdk.responses.create(**body, stream=True)]
        done = [one for one in events if one.type == "response.function_call_arguments.done"]
        found = events[-1].response
        assert done[0].arguments == found.output[0].arguments
    else:
        found = await wire.sdk.responses.create(**body)
    call = found.output[0]
    assert (call.type, call.name, json.loads(call.arguments)) == (
        "function_call",
        "book",
        {"room": "Cedar"},
    )
    after = [
        *body["input"],
        {
            "type": "function_call",
            "call_id": call.call_id,
            "name": call.name,
            "arguments": call.arguments,
        },
        {"type": "function_call_output", "call_id": call.call_id, "output": "booked"},
    ]
    final = await wire.sdk.responses.create(
        model=wire.chat_model, input=after, tools=[TOOL], tool_choice="auto"
    )
    assert final.output_text


async def test_text_and_calls_come_in_one_stream(serve: Serve) -> None:
    """A message comes first, the calls stand behind it."""
    reply = Reply[None](
        text="Booking.",
        output=None,
        tool_calls=(ToolCall(id="call_9", name="book", arguments='{"room": "x"}'),),
        finish_reason=FinishReason.TOOL_CALLS,
        raw_finish_reason="tool_calls",
        model=ModelId("m"),
    )
    wire = await serve(script=Script().on("chat.stream", Says(reply)))
    stream = await wire.sdk.responses.create(
        model=wire.chat_model, input="x", tools=[TOOL], stream=True
    )
    final = [event async for event in stream][-1].response
    assert [one.type for one in final.output] == ["message", "function_call"]
    assert final.usage is None


async def test_refusals_come_whole_and_streamed(serve: Serve) -> None:
    """A refusal is a part of its own kind."""
    refusal = Reply[None](text="", output=None, refusal="No.", model=ModelId("m"))
    script = Script().on("chat.complete", Says(refusal)).on("chat.stream", Says(refusal))
    wire = await serve(script=script)
    whole = await wire.sdk.responses.create(model=wire.chat_model, input="x")
    assert whole.output[0].content[0].refusal == "No."
    stream = await wire.sdk.responses.create(model=wire.chat_model, input="x", stream=True)
    events = [event async for event in stream]
    assert "response.refusal.done" in [one.type for one in events]
    assert events[-1].response.output[0].content[0].refusal == "No."


async def test_what_was_cut_is_incomplete(serve: Serve) -> None:
    """The reason is told: the length, the filter."""
    script = Script().on("chat.complete", Fault.filtered(stage="completion"), occurrence=2)
    wire = await serve(script=script)
    body = {"model": wire.chat_model, "input": "x", "max_output_tokens": 16}
    await wire.call("POST", "/responses", body)
    filtered = (await wire.call("POST", "/responses", body)).json()
    assert filtered["status"] == "incomplete"
    assert filtered["incomplete_details"] == {"reason": "content_filter"}
    script = (
        Script().on("chat.stream", Says("word " * 60)).on("chat.stream", Cut(after=2), occurrence=2)
    )
    wire = await serve(script=script)
    streamed = await wire.call("POST", "/responses", {**body, "stream": True})
    assert "event: response.incomplete" in streamed.text
    cut = await wire.call("POST", "/responses", {**body, "stream": True})
    assert "response.completed" not in cut.text


async def test_probabilities_and_formats_are_taken(serve: Serve) -> None:
    """Logarithms come where they are included; a plain format and parts are read."""
    wire = await serve("plain")
    content = [
        {"type": "input_text", "text": "Answer in JSON."},
        {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
    ]
    found = await wire.sdk.responses.create(
        model=wire.chat_model,
        input=[{"role": "user", "content": content}],
        include=["message.output_text.logprobs"],
        top_logprobs=1,
        temperature=0.5,
        top_p=0.5,
        tool_choice="none",
        text={"format": {"type": "json_object"}},
    )
    assert found.output[0].content[0].logprobs[0].top_logprobs
    assert isinstance(json.loads(found.output_text), dict)
    assert found.text.format.type == "json_object"


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"temperature": 0.2}, "unsupported_value", "temperature"),
        ({"max_output_tokens": 4}, "integer_below_min_value", "max_output_tokens"),
        ({"max_tokens": 4}, "unknown_parameter", "max_tokens"),
        ({"reasoning": {"effort": "huge"}}, "invalid_value", "reasoning.effort"),
        ({"input": []}, "invalid_value", "input"),
        ({"input": [{"content": "x"}]}, "missing_required_parameter", "input[0].role"),
        ({"input": [{"role": "user"}]}, "missing_required_parameter", "input[0].content"),
        ({"input": [{"type": "function_call"}]}, "missing_required_parameter", "input[0].call_id"),
        (
            {"input": [{"type": "function_call_output"}]},
            "missing_required_parameter",
            "input[0].output",
        ),
        (
            {"text": {"format": {"type": "json_schema", "name": "f"}}},
            "missing_required_parameter",
            "text.format.schema",
        ),
        (
            {
                "text": {
                    "format": {"type": "json_schema", "name": "f", "strict": True, "schema": {}}
                }
            },
            "invalid_json_schema",
            "text.format.schema",
        ),
        ({"tools": [{"type": "web_search"}]}, "invalid_value", "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].name"),
        ({"tool_choice": {"type": "mcp"}}, "invalid_value", "tool_choice.type"),
        ({"input": [{"role": "user", "content": []}]}, "empty_array", "input[0].content"),
        ({"background": True, "store": False}, None, "background"),
    ],
)
async def test_a_wrong_request_is_refused(
    serve: Serve, change: dict[str, Any], code: str | None, param: str | None
) -> None:
    """The refusal names the parameter."""
    wire = await serve()
    body = {"model": wire.chat_model, "input": "x", **change}
    assert await wire.refused("POST", "/responses", body) == (400, code, param)


async def test_a_schema_that_is_not_strict_is_echoed(serve: Serve) -> None:
    """The format comes back with the answer."""
    wire = await serve()
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    shape = {"type": "json_schema", "name": "f", "schema": schema}
    body = {"model": wire.chat_model, "input": "x", "text": {"format": shape}}
    found = (await wire.call("POST", "/responses", body)).json()
    assert found["text"]["format"]["schema"] == schema


async def test_a_required_function_is_called_instead_of_a_form(serve: Serve) -> None:
    """A form and a function that must be called in one request give the call, also streamed."""
    wire = await serve()
    body: dict[str, Any] = {
        "model": wire.chat_model,
        "input": "room: Cedar",
        "tools": [TOOL],
        "tool_choice": "required",
    }
    found = await wire.sdk.responses.parse(**body, text_format=Order)
    assert [one.type for one in found.output] == ["function_call"]
    async with wire.sdk.responses.stream(**body, text_format=Order) as events:
        final = await events.get_final_response()
    assert [one.name for one in final.output] == ["book"]


async def test_allowed_functions_are_the_only_ones(serve: Serve) -> None:
    """Of two functions the one is called that is allowed."""
    wire = await serve()
    other = {**TOOL, "name": "cancel"}
    found = await wire.sdk.responses.create(
        model=wire.chat_model,
        input="room: Cedar",
        tools=[TOOL, other],
        tool_choice={
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "cancel"}],
        },
    )
    assert [one.name for one in found.output] == ["cancel"]
    assert len(found.tools) == 2
    assert found.tool_choice.mode == "required"


async def test_a_function_may_answer_in_parts(serve: Serve) -> None:
    """The texts of the parts are what it gave."""
    wire = await serve()
    parts: list[Any] = [
        {"type": "input_text", "text": "booked "},
        {"type": "input_text", "text": "twice"},
    ]
    found = await wire.sdk.responses.create(
        model=wire.chat_model,
        input=[
            {"role": "user", "content": "room: Cedar"},
            {"type": "function_call", "call_id": "call_1", "name": "book", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": parts},
        ],
        tools=[TOOL],
    )
    assert "booked twice" in found.output_text


@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_the_items_that_were_answered_are_listed(serve: Serve, flavor: str) -> None:
    """The newest first, those of the earlier response included, each with its id."""
    wire = await serve(flavor)
    first = await wire.sdk.responses.create(model=wire.chat_model, input="One?")
    second = await wire.sdk.responses.create(
        model=wire.chat_model, input="Two?", instructions="Brief.", previous_response_id=first.id
    )
    items = wire.sdk.responses.input_items
    listed = [one async for one in items.list(second.id, limit=2)]
    assert [one.role for one in listed] == ["user", "assistant", "user"]
    assert listed[0].content[0].text == "Two?"
    assert listed[1].id == first.output[0].id
    oldest = await items.list(second.id, order="asc", limit=1)
    assert oldest.data[0].id == listed[2].id
    assert (await wire.refused("GET", "/responses/resp_0/input_items"))[0] == 404


async def test_tokens_are_counted_beforehand_as_they_are_used(serve: Serve) -> None:
    """The count is what the response says that it read."""
    wire = await serve()
    first = await wire.sdk.responses.create(model=wire.chat_model, input="Good day to you.")
    body: dict[str, Any] = {
        "model": wire.chat_model,
        "input": "And now?",
        "instructions": "Be brief.",
        "previous_response_id": first.id,
        "tools": [TOOL],
    }
    counted = await wire.sdk.responses.input_tokens.count(**body)
    used = await wire.sdk.responses.create(**body)
    assert counted.input_tokens == used.usage.input_tokens
    assert (await wire.sdk.responses.input_tokens.count()).input_tokens < counted.input_tokens


async def test_a_response_in_the_background_is_fetched_when_it_is_there(serve: Serve) -> None:
    """It is queued, then in progress, then completed, as time passes with the look-ups."""
    wire = await serve()
    begun = await wire.sdk.responses.create(model=wire.chat_model, input="x", background=True)
    assert (begun.status, begun.output, begun.background) == ("queued", [], True)
    statuses = []
    found = begun
    while found.status in {"queued", "in_progress"}:
        found = await wire.sdk.responses.retrieve(begun.id)
        statuses.append(found.status)
    assert statuses == ["in_progress", "completed"]
    assert found.output_text
    assert (await wire.sdk.responses.cancel(begun.id)).status == "completed"
    stream = await wire.sdk.responses.create(
        model=wire.chat_model, input="x", background=True, stream=True
    )
    assert [event async for event in stream][-1].response.status == "completed"


async def test_a_response_in_the_background_can_be_cancelled(serve: Serve) -> None:
    """It stays without an answer; one that was waited for cannot be cancelled."""
    wire = await serve()
    begun = await wire.sdk.responses.create(model=wire.chat_model, input="x", background=True)
    assert (await wire.sdk.responses.cancel(begun.id)).status == "cancelled"
    for _ in range(3):
        assert (await wire.sdk.responses.retrieve(begun.id)).status == "cancelled"
    plain = await wire.sdk.responses.create(model=wire.chat_model, input="x")
    assert (await wire.refused("POST", f"/responses/{plain.id}/cancel"))[0] == 400
    again = await wire.refused("GET", f"/responses/{begun.id}?stream=true")
    assert again == (400, "invalid_value", "stream")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stored_response_is_streamed_again(serve: Serve, *, stream: bool) -> None:
    """From the beginning, or from behind an event that was seen, with the same numbers."""
    wire = await serve()
    made = await wire.sdk.responses.create(model=wire.chat_model, input="x", stream=stream)
    name = [one async for one in made][-1].response.id if stream else made.id
    every = [one async for one in await wire.sdk.responses.retrieve(name, stream=True)]
    assert every[-1].response.output_text
    rest = await wire.sdk.responses.retrieve(name, stream=True, starting_after=3)
    assert [one async for one in rest] == every[4:]
    wrong = await wire.refused("GET", f"/responses/{name}?stream=true&starting_after=x")
    assert wrong == (400, "invalid_value", "starting_after")
