"""Conversations over the wire, and what refers to earlier items."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import openai
import pytest

from tailorbird.providers.fake import Says, Script

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""

HELLO: list[Any] = [
    {"type": "message", "role": "user", "content": "I am Aki."},
    {"role": "assistant", "content": "Good day."},
]


async def test_a_conversation_is_kept_changed_and_deleted(serve: Serve) -> None:
    """Its metadata can be replaced; after it is deleted it is gone."""
    wire = await serve()
    talks = wire.sdk.conversations
    made = await talks.create(metadata={"a": "b"})
    assert made.id.startswith("conv_")
    assert (await talks.retrieve(made.id)).metadata == {"a": "b"}
    assert (await talks.update(made.id, metadata={"c": "d"})).metadata == {"c": "d"}
    assert (await talks.delete(made.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await talks.retrieve(made.id)
    assert (await wire.refused("DELETE", f"/conversations/{made.id}"))[0] == 404


async def test_items_are_added_listed_and_removed(serve: Serve) -> None:
    """The newest comes first; each has an id of its own."""
    wire = await serve()
    items = wire.sdk.conversations.items
    made = await wire.sdk.conversations.create(items=HELLO)
    content: list[Any] = [
        {"type": "input_text", "text": "See."},
        {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
        {"type": "input_text", "text": "So?"},
    ]
    refusal: list[Any] = [{"type": "refusal", "refusal": "No."}]
    added = await items.create(
        made.id,
        items=[
            {"role": "user", "content": content},
            {"role": "assistant", "content": refusal, "type": "message"},
        ],
    )
    assert [one.role for one in added.data] == ["user", "assistant"]
    assert (await items.create(made.id, items=[])).first_id is None
    listed = [one async for one in items.list(made.id, limit=2)]
    assert [one.content[0].type for one in listed] == [
        "refusal",
        "input_text",
        "output_text",
        "input_text",
    ]
    assert len({one.id for one in listed}) == 4
    found = await items.retrieve(listed[1].id, conversation_id=made.id)
    assert [part.type for part in found.content] == ["input_text", "input_image", "input_text"]
    await items.delete(listed[1].id, conversation_id=made.id)
    with pytest.raises(openai.NotFoundError):
        await items.retrieve(listed[1].id, conversation_id=made.id)


async def test_a_response_goes_on_with_a_conversation(serve: Serve) -> None:
    """It reads what was said before, and becomes a part of it; also one that is not stored."""
    wire = await serve(script=Script().on("chat.complete", Says("yes"), times=2))
    made = await wire.sdk.conversations.create(items=HELLO)
    first = await wire.sdk.responses.create(
        model=wire.chat_model, input="Who am I?", conversation=made.id
    )
    assert first.conversation.id == made.id
    assert wire.provider.calls[-1].facts["messages"] == 3
    await wire.sdk.responses.create(
        model=wire.chat_model, input="And you?", conversation={"id": made.id}, store=False
    )
    assert wire.provider.calls[-1].facts["messages"] == 5
    listed = [one async for one in wire.sdk.conversations.items.list(made.id, order="asc")]
    assert [one.role for one in listed] == ["user", "assistant"] * 3
    assert listed[3].id == first.output[0].id


async def test_a_response_goes_on_from_one_thing_only(serve: Serve) -> None:
    """A conversation and an earlier response exclude each other, and both must be there."""
    wire = await serve()
    made = await wire.sdk.conversations.create()
    body = {"model": wire.chat_model, "input": "x", "conversation": made.id}
    assert await wire.refused("POST", "/responses", {**body, "previous_response_id": "resp_0"}) == (
        400,
        "mutually_exclusive_parameters",
        "previous_response_id",
    )
    missing = await wire.refused("POST", "/responses", {**body, "conversation": "conv_0"})
    assert missing[0] == 404


async def test_earlier_items_are_referred_to(serve: Serve) -> None:
    """By their id alone, or by the word; from responses and from conversations."""
    wire = await serve(script=Script().on("chat.complete", Says("yes"), times=2))
    made = await wire.sdk.conversations.create(items=HELLO)
    listed = [one async for one in wire.sdk.conversations.items.list(made.id)]
    first = await wire.sdk.responses.create(model=wire.chat_model, input="One?")
    await wire.sdk.responses.create(
        model=wire.chat_model,
        input=[
            {"type": "item_reference", "id": listed[1].id},
            {"id": first.output[0].id},
            {"role": "user", "content": "Two?"},
        ],
    )
    assert wire.provider.calls[-1].facts["messages"] == 3
    body = {"model": wire.chat_model, "input": [{"type": "item_reference", "id": "msg_0"}]}
    assert await wire.refused("POST", "/responses", body) == (400, "invalid_value", "input[0].id")
    body = {"model": wire.chat_model, "input": [{"type": "item_reference"}]}
    assert (await wire.refused("POST", "/responses", body))[2] == "input[0].id"


async def test_the_oldest_conversation_makes_room(serve: Serve) -> None:
    """As many as a thousand are kept."""
    wire = await serve(latency_s=0)
    made = [(await wire.call("POST", "/conversations", {})).json() for _ in range(1_001)]
    statuses = [
        (await wire.call("GET", f"/conversations/{one['id']}")).status_code for one in made[:2]
    ]
    assert statuses == [404, 200]


async def test_azure_keeps_no_conversations(serve: Serve) -> None:
    """The routes are not there."""
    wire = await serve("azure")
    assert (await wire.refused("POST", "/conversations", {}))[0] == 404
    assert (await wire.refused("POST", "/responses/input_tokens", {}))[0] == 404
