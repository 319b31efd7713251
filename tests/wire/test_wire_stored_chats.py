"""Chat completions that are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import openai
import pytest

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""

PARTS: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "How are you?"}]},
]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stored_completion_can_be_fetched_changed_and_deleted(
    serve: Serve, *, stream: bool
) -> None:
    """It is the answer that was given, whole or streamed, and it goes when it is deleted."""
    wire = await serve()
    chat = wire.sdk.chat.completions
    body = {"model": wire.chat_model, "messages": PARTS, "store": True, "metadata": {"a": "b"}}
    if stream:
        pieces = [one async for one in await chat.create(**body, stream=True)]
        name = pieces[0].id
        text = "".join(one.choices[0].delta.content or "" for one in pieces)
    else:
        whole = await chat.create(**body)
        name, text = whole.id, whole.choices[0].message.content
    found = await chat.retrieve(name)
    assert (found.id, found.choices[0].message.content) == (name, text)
    assert found.model_dump()["metadata"] == {"a": "b"}
    changed = await chat.update(name, metadata={"c": "d"})
    assert changed.model_dump()["metadata"] == {"c": "d"}
    assert (await chat.delete(name)).deleted
    with pytest.raises(openai.NotFoundError):
        await chat.retrieve(name)


async def test_only_what_asked_for_it_is_kept(serve: Serve) -> None:
    """The list has the oldest first, and can be narrowed by model and metadata."""
    wire = await serve()
    chat = wire.sdk.chat.completions
    for number in range(3):
        await chat.create(
            model=wire.chat_model, messages=PARTS, store=True, metadata={"number": f"{number}"}
        )
    await chat.create(model=wire.chat_model, messages=PARTS)
    every = [one async for one in chat.list(limit=2)]
    assert [one.model_dump()["metadata"]["number"] for one in every] == ["0", "1", "2"]
    newest = await chat.list(order="desc", limit=1)
    assert newest.data[0].id == every[2].id
    one = [one.id async for one in chat.list(metadata={"number": "1"})]
    assert one == [every[1].id]
    assert [one async for one in chat.list(model="another")] == []


async def test_the_messages_of_a_stored_completion_are_listed(serve: Serve) -> None:
    """Each has an id; parts stand beside the text."""
    wire = await serve()
    chat = wire.sdk.chat.completions
    made = await chat.create(model=wire.chat_model, messages=PARTS, store=True)
    listed = (await wire.call("GET", f"/chat/completions/{made.id}/messages")).json()["data"]
    assert [one["role"] for one in listed] == ["system", "user"]
    assert [one["content"] for one in listed] == ["Be brief.", None]
    assert listed[0]["content_parts"] is None
    assert listed[1]["content_parts"] == [{"type": "text", "text": "How are you?"}]
    rest = await chat.messages.list(made.id, after=listed[0]["id"])
    assert [one.id for one in rest.data] == [listed[1]["id"]]


async def test_the_oldest_stored_completion_makes_room(serve: Serve) -> None:
    """As many as a thousand are kept."""
    wire = await serve(latency_s=0)
    body = {"model": wire.chat_model, "messages": [{"role": "user", "content": "x"}], "store": True}
    made = [(await wire.call("POST", "/chat/completions", body)).json() for _ in range(1_001)]
    statuses = [
        (await wire.call("GET", f"/chat/completions/{one['id']}")).status_code for one in made[:2]
    ]
    assert statuses == [404, 200]


async def test_azure_keeps_no_completions(serve: Serve) -> None:
    """Its description has no such routes, and what asks to be stored is answered all the same."""
    wire = await serve("azure")
    made = await wire.sdk.chat.completions.create(model="chat", messages=PARTS, store=True)
    assert (await wire.refused("GET", f"/chat/completions/{made.id}"))[0] == 404
