"""Vector stores over the wire."""

from __future__ import annotations

import codecs
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import openai
import pytest

from tailorbird.providers.fake import Fault, Script
from tailorbird.testing.wire import WireSettings

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""

Wire: TypeAlias = Any
"""A served fake, or an object of the official client."""


OWLS = b"# Owls\n\nOwls hunt at night.\n"
FISH = "魚は水の中で泳ぎます。川と海に住んでいます。".encode()


async def filed(wire: Wire, content: bytes, name: str = "a.md") -> str:
    """Upload a document."""
    made = await wire.sdk.files.create(file=(name, content), purpose="assistants")
    return made.id


async def filled(wire: Wire, **more: object) -> tuple[str, str, str]:
    """Make a store of two documents that are ready."""
    owls, fish = await filed(wire, OWLS, "owls.md"), await filed(wire, FISH, "魚.txt")
    stores = wire.sdk.vector_stores
    store = await stores.create(name="animals", **more)
    await stores.files.create_and_poll(
        owls, vector_store_id=store.id, attributes={"kind": "bird", "legs": 2}, poll_interval_ms=1
    )
    await stores.files.create_and_poll(
        fish, vector_store_id=store.id, attributes={"kind": "fish", "legs": 0}, poll_interval_ms=1
    )
    return store.id, owls, fish


async def test_documents_are_found(serve: Serve) -> None:
    """A question finds its document, with its attributes and a score within 0..1."""
    wire = await serve()
    store, _, fish = await filled(wire)
    found = [
        one async for one in await wire.sdk.vector_stores.search(store, query="魚はどこに住む？")
    ]
    assert found[0].file_id == fish
    assert found[0].filename == "魚.txt"
    assert found[0].attributes == {"kind": "fish", "legs": 0}
    assert found[0].content[0].text == FISH.decode()
    assert 0 < found[0].score <= 1
    two = (
        await wire.call(
            "POST",
            f"/vector_stores/{store}/search",
            {"query": ["owls", "魚", "owls"], "max_num_results": 1, "rewrite_query": True},
        )
    ).json()
    assert two["search_query"] == ["owls", "魚", "owls"]
    assert len(two["data"]) == 1


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ({"type": "eq", "key": "kind", "value": "bird"}, ["owls.md"]),
        ({"type": "ne", "key": "kind", "value": "bird"}, ["魚.txt"]),
        ({"type": "gte", "key": "legs", "value": 0}, ["owls.md", "魚.txt"]),
        ({"type": "in", "key": "kind", "value": ["fish"]}, ["魚.txt"]),
        ({"type": "nin", "key": "kind", "value": ["fish", "bird"]}, []),
        (
            {
                "type": "or",
                "filters": [
                    {"type": "eq", "key": "kind", "value": "fish"},
                    {"type": "and", "filters": [{"type": "lt", "key": "legs", "value": 1}]},
                ],
            },
            ["魚.txt"],
        ),
    ],
)
async def test_filters_hold(serve: Serve, condition: dict[str, Any], names: list[str]) -> None:
    """Comparisons and their combinations are understood."""
    wire = await serve()
    store, _, _ = await filled(wire)
    body = {"query": "animals", "filters": condition}
    found = (await wire.call("POST", f"/vector_stores/{store}/search", body)).json()
    assert sorted(one["filename"] for one in found["data"]) == names


def nested(depth: int) -> dict[str, Any]:
    """Give a filter of some depth."""
    condition: dict[str, Any] = {"type": "eq", "key": "a", "value": 1}
    for _ in range(depth):
        condition = {"type": "and", "filters": [condition]}
    return condition


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"query": ""}, "query"),
        ({"query": ["a", ""]}, "query"),
        ({"max_num_results": 51}, "max_num_results"),
        ({"ranking_options": {"score_threshold": 2.0}}, "ranking_options.score_threshold"),
        ({"filters": {"type": "like"}}, "filters"),
        ({"filters": {"type": {"a": 1}}}, "filters"),
        ({"filters": {"type": ["and"], "filters": []}}, "filters"),
        ({"filters": {"type": "and", "filters": []}}, "filters"),
        ({"filters": {"type": "in", "key": "a", "value": 1}}, "filters.value"),
        ({"filters": {"type": "eq", "key": "a", "value": [1]}}, "filters.value"),
        (
            {"filters": {"type": "or", "filters": [{"type": "eq"}]}},
            "filters.filters[0]",
        ),
        ({"filters": nested(22)}, "filters" + ".filters[0]" * 21),
        ({"filters": {"type": "gt", "key": "kind", "value": "x"}}, None),
    ],
)
async def test_a_wrong_search_is_refused(
    serve: Serve, change: dict[str, Any], param: str | None
) -> None:
    """The refusal names the part."""
    wire = await serve()
    store, _, _ = await filled(wire)
    body = {"query": "x", **change}
    assert (await wire.refused("POST", f"/vector_stores/{store}/search", body))[::2] == (400, param)


async def test_a_threshold_leaves_out_what_is_far(serve: Serve) -> None:
    """And an empty store finds nothing."""
    wire = await serve()
    store, _, _ = await filled(wire)
    options = {"ranker": "auto", "score_threshold": 1.0}
    body = {"query": "unrelated", "ranking_options": options}
    assert (await wire.call("POST", f"/vector_stores/{store}/search", body)).json()["data"] == []
    empty = await wire.sdk.vector_stores.create()
    assert [one async for one in await wire.sdk.vector_stores.search(empty.id, query="x")] == []


async def test_stores_are_listed_changed_and_deleted(serve: Serve) -> None:
    """Names, pairs and expiry can change; the files stay."""
    for flavor in ("openai", "azure"):
        wire = await serve(flavor)
        stores = wire.sdk.vector_stores
        file = await filed(wire, OWLS)
        first = await stores.create(
            name="one",
            file_ids=[file],
            chunking_strategy={
                "type": "static",
                "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 10},
            },
            expires_after={"anchor": "last_active_at", "days": 3},
        )
        second = await stores.create(name="two", metadata={"a": "b"})
        assert (first.status, first.file_counts.in_progress) == ("in_progress", 1)
        assert first.expires_at == first.last_active_at + 3 * 86_400
        assert [one.id async for one in stores.list(limit=1)] == [second.id, first.id]
        ready = await stores.retrieve(first.id)
        assert (ready.status, ready.usage_bytes) == ("completed", len(OWLS))
        changed = await stores.update(
            first.id,
            name="uno",
            metadata={"c": "d"},
            expires_after={"anchor": "last_active_at", "days": 5},
        )
        assert (changed.name, changed.metadata, changed.expires_after.days) == (
            "uno",
            {"c": "d"},
            5,
        )
        same = (
            await wire.call("POST", f"/vector_stores/{first.id}", {"expires_after": None})
        ).json()
        assert (same["name"], "expires_at" in same) == ("uno", False)
        assert (await stores.delete(first.id)).deleted is True
        with pytest.raises(openai.NotFoundError):
            await stores.retrieve(first.id)
        assert (await wire.sdk.files.retrieve(file)).id == file


async def test_a_store_without_use_expires(serve: Serve) -> None:
    """It says so, and is not searched any more."""
    wire = await serve()
    store, _, _ = await filled(wire, expires_after={"anchor": "last_active_at", "days": 1})
    await wire.provider.clock.sleep(2 * 86_400)
    assert (await wire.sdk.vector_stores.retrieve(store)).status == "expired"
    assert (await wire.refused("POST", f"/vector_stores/{store}/search", {"query": "x"}))[0] == 400


async def test_files_of_a_store_have_a_life_of_their_own(serve: Serve) -> None:
    """They are listed, read, given other attributes, and taken out."""
    wire = await serve()
    store, owls, fish = await filled(wire)
    files = wire.sdk.vector_stores.files
    assert [one.id async for one in files.list(store, limit=1)] == [fish, owls]
    assert [one.id async for one in files.list(store, filter="completed", order="asc")] == [
        owls,
        fish,
    ]
    assert (await wire.refused("GET", f"/vector_stores/{store}/files?filter=odd"))[::2] == (
        400,
        "filter",
    )
    read = [one async for one in await files.content(owls, vector_store_id=store)]
    assert "".join(one.text for one in read).startswith("# Owls")
    await files.update(owls, vector_store_id=store, attributes={"kind": "owl"})
    body = {"query": "owls", "filters": {"type": "eq", "key": "kind", "value": "owl"}}
    found = (await wire.call("POST", f"/vector_stores/{store}/search", body)).json()
    assert [one["file_id"] for one in found["data"]] == [owls]
    assert (await files.delete(owls, vector_store_id=store)).deleted is True
    with pytest.raises(openai.NotFoundError):
        await files.retrieve(owls, vector_store_id=store)
    await wire.sdk.files.delete(fish)
    assert [one.id async for one in files.list(store)] == []


async def test_a_file_that_cannot_be_read_fails(serve: Serve) -> None:
    """The reason is told: the type, the encoding, the size, or that it is gone."""
    wire = await serve()
    store = (await wire.sdk.vector_stores.create()).id
    files = wire.sdk.vector_stores.files
    for content, name, code in (
        (b"a,b", "table.csv", "unsupported_file"),
        (b"\xff\xff", "broken.txt", "invalid_file"),
        (b"a\0b", "binary.txt", "invalid_file"),
        (b"a" * (21 << 20), "huge.txt", "invalid_file"),
        (codecs.BOM_UTF16_LE + "鳥".encode("utf-16-le"), "wide.txt", None),
        (codecs.BOM_UTF8 + b"x", "marked.txt", None),
    ):
        file = await filed(wire, content, name)
        made = await files.create_and_poll(file, vector_store_id=store, poll_interval_ms=1)
        assert (made.last_error and made.last_error.code) == code
    late = await filed(wire, OWLS)
    await files.create(vector_store_id=store, file_id=late)
    await wire.provider.files.delete(late)
    gone = await files.retrieve(late, vector_store_id=store)
    assert (gone.status, gone.last_error.code) == ("failed", "server_error")
    await files.update(late, vector_store_id=store, attributes={})
    with pytest.raises(openai.NotFoundError):
        await files.create(vector_store_id=store, file_id="file-0")


async def test_files_are_attached_in_batches(serve: Serve) -> None:
    """A batch counts its files; both of its forms are taken."""
    wire = await serve()
    store = (await wire.sdk.vector_stores.create()).id
    ids = [await filed(wire, OWLS, f"{n}.md") for n in range(3)]
    batches = wire.sdk.vector_stores.file_batches
    batch = await batches.create_and_poll(
        store, file_ids=ids[:2], attributes={"a": 1}, poll_interval_ms=1
    )
    assert (batch.status, batch.file_counts.completed) == ("completed", 2)
    assert [one.id async for one in batches.list_files(batch.id, vector_store_id=store)] == [
        ids[1],
        ids[0],
    ]
    other = await batches.create(store, files=[{"file_id": ids[2], "attributes": {"a": 2}}])
    assert other.status == "in_progress"
    assert (await batches.cancel(other.id, vector_store_id=store)).status == "cancelled"
    again = await batches.cancel(batch.id, vector_store_id=store)
    assert again.status == "completed"
    path = f"/vector_stores/{store}/file_batches"
    assert (await wire.refused("POST", path, {}))[::2] == (400, "file_ids")
    assert (await wire.refused("GET", f"{path}/vsfb_0"))[0] == 404


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"attributes": {f"k{n}": 1 for n in range(17)}}, "attributes"),
        ({"attributes": {"k": "x" * 513}}, "attributes.k"),
        ({"attributes": {"k" * 65: 1}}, "attributes." + "k" * 64),
        ({"attributes": {"k": [1]}}, "attributes.k"),
        ({"chunking_strategy": {"type": "static"}}, "chunking_strategy.static"),
        (
            {
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 51},
                }
            },
            "chunking_strategy.static.chunk_overlap_tokens",
        ),
    ],
)
async def test_a_wrong_attachment_is_refused(
    serve: Serve, change: dict[str, Any], param: str
) -> None:
    """The refusal names the parameter."""
    wire = await serve()
    store = (await wire.sdk.vector_stores.create()).id
    body = {"file_id": "file-0", **change}
    assert (await wire.refused("POST", f"/vector_stores/{store}/files", body))[::2] == (400, param)


async def test_an_index_that_is_gone_is_missing(serve: Serve) -> None:
    """When the fake has lost the index of a store the answer is 404."""
    wire = await serve()
    store = (await wire.sdk.vector_stores.create()).id
    other = (await wire.sdk.vector_stores.create()).id
    file = await filed(wire, OWLS)
    await wire.sdk.vector_stores.files.create(vector_store_id=store, file_id=file)
    await wire.provider.retrieval.delete(store)
    assert (await wire.refused("GET", f"/vector_stores/{store}"))[0] == 404
    await wire.provider.retrieval.delete(other)
    assert (await wire.refused("DELETE", f"/vector_stores/{other}"))[0] == 404


async def test_a_file_is_forgotten_where_it_stands(serve: Serve) -> None:
    """Deleting a file takes it out of its stores and leaves the others alone."""
    wire = await serve()
    store, owls, _ = await filled(wire)
    other = (await wire.sdk.vector_stores.create(metadata={"a": "b"})).id
    await wire.sdk.files.delete(owls)
    assert (await wire.sdk.vector_stores.retrieve(store)).file_counts.total == 1
    renamed = await wire.sdk.vector_stores.update(other, name="new")
    assert (renamed.name, renamed.metadata) == ("new", {"a": "b"})


async def test_scripted_faults_of_retrieval_reach_the_search(serve: Serve) -> None:
    """The index behind a store is the fake's own."""
    script = Script().on("retrieval.search", Fault.unavailable())
    wire = await serve(script=script, wire=WireSettings(indexing_s=0))
    store, _, _ = await filled(wire)
    assert (await wire.refused("POST", f"/vector_stores/{store}/search", {"query": "x"}))[0] == 503
