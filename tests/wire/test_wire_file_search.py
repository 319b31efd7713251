"""Responses that search vector stores before they answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest
from pydantic import BaseModel

from tailorbird.providers.fake import Says, Script

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""
Wire: TypeAlias = Any
"""A served fake: see `conftest.py`."""
Tool: TypeAlias = Any
"""A tool, as the SDK takes it."""

QUESTION = "How many days of paid leave are there?"


class Days(BaseModel):
    """A form."""

    days: list[int]


async def store_of(wire: Wire, **texts: str) -> str:
    """Make a vector store of files, and give its id."""
    store = await wire.sdk.vector_stores.create(name="handbook")
    for name, text in texts.items():
        await wire.sdk.vector_stores.files.upload_and_poll(
            vector_store_id=store.id,
            file=(f"{name}.txt", text.encode()),
            attributes={"kind": name},
            poll_interval_ms=1,
        )
    made: str = store.id
    return made


def search(*stores: str, **more: object) -> Tool:
    """Give the tool."""
    return {"type": "file_search", "vector_store_ids": list(stores), **more}


@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_an_answer_comes_from_the_files_and_cites_them(serve: Serve, flavor: str) -> None:
    """The call stands before the message, and the message says which file it is from."""
    wire = await serve(flavor)
    store = await store_of(wire, leave="Paid leave is 20 days a year.", cats="Cats purr.")
    found = await wire.sdk.responses.create(
        model=wire.chat_model,
        input=QUESTION,
        tools=[search(store)],
        include=["file_search_call.results"],
    )
    call, message = found.output
    assert (call.type, call.status, call.queries) == ("file_search_call", "completed", [QUESTION])
    assert call.results[0].text == "Paid leave is 20 days a year."
    assert "20 days" in found.output_text
    assert "[1]" not in found.output_text
    note = message.content[0].annotations[0]
    assert (note.type, note.filename) == ("file_citation", "leave.txt")
    assert 0 < note.index <= len(found.output_text)
    assert found.tools[0].vector_store_ids == [store]


async def test_a_search_is_streamed(serve: Serve) -> None:
    """Its steps come before the text, and the citations after it."""
    wire = await serve()
    store = await store_of(wire, leave="Paid leave is 20 days a year.")
    body: dict[str, Any] = {
        "model": wire.chat_model,
        "input": QUESTION,
        "tools": [search(store)],
        "tool_choice": {"type": "file_search"},
    }
    events = [one async for one in await wire.sdk.responses.create(**body, stream=True)]
    kinds = [one.type for one in events]
    assert kinds[2:7] == [
        "response.output_item.added",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.file_search_call.completed",
        "response.output_item.done",
    ]
    assert "response.output_text.annotation.added" in kinds
    final = events[-1].response
    assert "".join(one.delta for one in events if one.type.endswith("text.delta")) == (
        final.output_text
    )
    assert final.output[0].results is None
    assert {one.output_index for one in events if one.type.endswith("text.delta")} == {1}


async def test_what_the_files_do_not_hold_is_answered_without_them(serve: Serve) -> None:
    """No file is cited; the same when nothing at all is found, or nothing is asked."""
    wire = await serve()
    store = await store_of(wire, cats="Cats purr.")
    body: dict[str, Any] = {"model": wire.chat_model, "tools": [search(store)]}
    found = await wire.sdk.responses.create(**body, input=QUESTION)
    assert found.output_text
    assert "NOT_IN_THE_PASSAGES" not in found.output_text
    assert found.output[1].content[0].annotations == []
    empty = await store_of(wire)
    found = await wire.sdk.responses.create(
        model=wire.chat_model, tools=[search(empty)], input=QUESTION
    )
    assert [one.type for one in found.output] == ["file_search_call", "message"]
    unasked = await wire.sdk.responses.create(
        **body, input=[{"role": "developer", "content": "Greet."}]
    )
    assert [one.type for one in unasked.output] == ["message"]
    forbidden = await wire.sdk.responses.create(**body, input=QUESTION, tool_choice="none")
    assert [one.type for one in forbidden.output] == ["message"]


async def test_a_search_is_bounded_and_filtered(serve: Serve) -> None:
    """Number, least score and filter go to the search; several stores are searched as one."""
    wire = await serve()
    first = await store_of(wire, leave="Paid leave is 20 days.", old="Paid leave was 10 days.")
    second = await store_of(wire, other="Paid leave is told by the office.")
    body: dict[str, Any] = {
        "model": wire.chat_model,
        "input": QUESTION,
        "include": ["file_search_call.results"],
        "tool_choice": "required",
    }
    kind: dict[str, Any] = {"type": "eq", "key": "kind", "value": "old"}
    found = await wire.sdk.responses.create(**body, tools=[search(first, filters=kind)])
    assert [one.filename for one in found.output[0].results] == ["old.txt"]
    found = await wire.sdk.responses.create(**body, tools=[search(first, max_num_results=1)])
    assert len(found.output[0].results) == 1
    found = await wire.sdk.responses.create(**body, tools=[search(first, second)])
    assert len(found.output[0].results) == 3
    found = await wire.sdk.responses.create(
        **body, tools=[search(first, ranking_options={"score_threshold": 1.0})]
    )
    assert found.output[0].results == []


async def test_marks_that_cite_nothing_stay(serve: Serve) -> None:
    """Only numbers of passages are citations, and a form is not looked at for them."""
    script = (
        Script()
        .on("chat.complete", Says("20 days [1], as in [7]."))
        .on("chat.complete", Says('{"days": [1]}'), occurrence=2)
    )
    wire = await serve(script=script)
    store = await store_of(wire, leave="Paid leave is 20 days a year.")
    body: dict[str, Any] = {
        "model": wire.chat_model,
        "input": QUESTION,
        "tools": [search(store)],
    }
    found = await wire.sdk.responses.create(**body)
    assert found.output_text == "20 days, as in [7]."
    assert [one.index for one in found.output[1].content[0].annotations] == [7]
    parsed = await wire.sdk.responses.parse(**body, text_format=Days)
    assert parsed.output_parsed == Days(days=[1])


async def test_a_conversation_goes_on_from_a_search(serve: Serve) -> None:
    """The call goes back as it came, and says nothing to the model."""
    wire = await serve()
    store = await store_of(wire, leave="Paid leave is 20 days a year.")
    first = await wire.sdk.responses.create(
        model=wire.chat_model, input=QUESTION, tools=[search(store)]
    )
    after: list[Any] = [{"role": "user", "content": QUESTION}]
    after += [json.loads(one.model_dump_json(exclude_none=True)) for one in first.output]
    after += [{"type": "reasoning", "id": "rs_1", "summary": [], "content": []}]
    after += [{"role": "user", "content": "Thank you."}]
    second = await wire.sdk.responses.create(model=wire.chat_model, input=after)
    assert second.output_text
    assert wire.provider.calls[-1].facts["messages"] == 3


async def test_a_store_that_is_not_there_is_told(serve: Serve) -> None:
    """The request is refused and nothing is answered."""
    wire = await serve()
    body = {"model": wire.chat_model, "input": QUESTION, "tools": [search("vs_0")]}
    assert (await wire.refused("POST", "/responses", body))[0] == 404
