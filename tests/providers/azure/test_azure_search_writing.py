"""Writing into Azure AI Search: in parts, checked one by one, seen before it counts."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import numpy as np
import pytest

from tailorbird.exceptions import (
    DeadlineError,
    IndexMismatchError,
    IndexMissingError,
    InvalidInputError,
    InvalidRequestError,
)
from tailorbird.providers.azure.search_rows import Action
from tailorbird.providers.azure.search_service import batches
from tailorbird.types import ChunkedDocument, Document, DocumentId, SearchQuery

from .conftest import AzureWorld
from .search_bench import EAST, NAME, SPEC, Bench, Between, document, reply


@pytest.fixture
def bench(world: AzureWorld) -> Bench:
    """An engine over the wire app."""
    return Bench(world, Between(world.app))


class Killed:
    """Lets the first writes through and nothing after: what a killed process leaves behind."""

    def __init__(self, between: Between) -> None:
        self._between = between
        self._before = len(between.seen)

    def __call__(self, request: httpx2.Request, _: httpx2.Response) -> httpx2.Response | None:
        """Refuse every search once something was written."""
        new = self._between.seen[self._before :]
        wrote = any(one.url.path.endswith("/docs/index") for one in new)
        broken = wrote and request.url.path.endswith("/docs/search")
        return reply({"error": {"code": "Killed"}}, 400) if broken else None


def test_batches_keep_both_limits() -> None:
    """No request holds more records or bytes than allowed; one that is larger goes alone."""
    actions = [Action(key=str(n), body=b"x" * size, document="d") for n, size in enumerate(
        [10, 10, 10, 50, 10, 10]
    )]  # fmt: skip
    cut = [[one.key for one in batch] for batch in batches(actions, most_actions=2, most_bytes=30)]
    assert cut == [["0", "1"], ["2"], ["3"], ["4", "5"]]
    assert list(batches([])) == []


async def test_large_uploads_go_in_parts(bench: Bench) -> None:
    """More chunks than one request takes are sent in several, and all are there."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        await engine.upsert(NAME, [document("long", *(f"段落 {n}" for n in range(600)))])
        info = await engine.get(NAME)
    assert (info.documents, info.chunks) == (1, 600)
    sizes = [len(one["value"]) for one in bench.between.bodies("/docs/index")]
    assert sizes == [512, 88, 2]


async def test_records_that_pass_later_are_sent_again(bench: Bench) -> None:
    """Only the records that were not taken are sent again, and only while that can help."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        refusals = iter([503, 409])

        def partly(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
            if not request.url.path.endswith("/docs/index"):
                return None
            value = answer.json()["value"]
            status = next(refusals, None)
            if status is None:
                return None
            value[0] = {**value[0], "status": False, "statusCode": status, "errorMessage": "busy"}
            return reply({"value": value}, 207)

        bench.between.change = partly
        await engine.upsert(NAME, [document("a", "一", "二", "三")])
        sizes = [len(one["value"]) for one in bench.between.bodies("/docs/index")]
        assert sizes == [3, 1, 1, 2]
        assert (await engine.get(NAME)).chunks == 3


async def test_refused_records_name_their_documents(bench: Bench) -> None:
    """Records that the service refuses for good end in an error that names the documents."""
    async with bench.opened() as engine:
        await engine.create(SPEC)

        def refuse(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
            if not request.url.path.endswith("/docs/index"):
                return None
            value = [
                {**one, "status": False, "statusCode": 400, "errorMessage": "secret text"}
                for one in answer.json()["value"]
            ]
            return reply({"value": value}, 207)

        bench.between.change = refuse
        many = [document(f"doc-{n}", "text") for n in range(7)]
        with pytest.raises(InvalidRequestError) as caught:
            await engine.upsert(NAME, many)
        assert "'doc-0'" in str(caught.value)
        assert "and 2 more" in str(caught.value)
        assert "secret text" not in str(caught.value)
        with pytest.raises(InvalidRequestError, match="'doc-0' \\(status 400\\)"):
            await engine.upsert(NAME, many[:1])


async def test_records_that_nobody_answers_for(bench: Bench) -> None:
    """A record without an answer is sent again; one that was never sent cannot be blamed on us."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        first = iter([True])

        def forget(request: httpx2.Request, _: httpx2.Response) -> httpx2.Response | None:
            if request.url.path.endswith("/docs/index") and next(first, False):
                foreign = {"key": "foreign", "status": False, "statusCode": 503}
                return reply({"value": [foreign]}, 207)
            return None

        bench.between.change = forget
        await engine.upsert(NAME, [document("a", "一")])
        assert (await engine.get(NAME)).documents == 1


async def test_index_that_goes_while_it_is_written(bench: Bench) -> None:
    """Who writes into an index that was just deleted elsewhere is told so."""
    async with bench.opened() as engine, bench.opened() as other:
        await engine.create(SPEC)
        await engine.upsert(NAME, [])
        await other.delete(NAME)
        with pytest.raises(IndexMissingError):
            await engine.upsert(NAME, [document("a", "一")])
        bench.between.change = lambda request, _: (
            reply({"error": {"code": "ResourceNotFound"}}, 404)
            if request.url.path.endswith("/docs/index")
            else None
        )
        await other.create(SPEC)
        with pytest.raises(IndexMissingError):
            await engine.upsert(NAME, [document("a", "一")])


class Lagging:
    """Hides what was written for a number of looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.hidden = 0

    def __call__(self, request: httpx2.Request, _: httpx2.Response) -> httpx2.Response | None:
        """Answer counts of new chunks with nothing."""
        if not request.url.path.endswith("/docs/search"):
            return None
        asked = json.loads(request.content)
        if "generation eq" in asked.get("filter", "") and self.hidden < self.looks:
            self.hidden += 1
            return reply({"@odata.count": 0, "value": []})
        return None


async def test_writes_wait_until_they_are_seen(bench: Bench) -> None:
    """After a write the service is asked until searches see it."""
    lag = Lagging(3)
    async with bench.opened() as engine:
        await engine.create(SPEC)
        bench.between.change = lag
        begun = bench.world.fake.clock.monotonic()
        await engine.upsert(NAME, [document("a", "一")])
        assert bench.world.fake.clock.monotonic() > begun
        assert len(await engine.search(NAME, SearchQuery(text="一"), vector=EAST)) == 1
    assert lag.hidden == 3


async def test_writes_that_are_never_seen_end(bench: Bench) -> None:
    """A write that stays unseen is an error that says that it was taken."""
    async with bench.opened(visible_s=5.0) as engine:
        await engine.create(SPEC)
        bench.between.change = Lagging(1_000_000)
        with pytest.raises(DeadlineError, match="visible_s") as caught:
            await engine.upsert(NAME, [document("a", "一")])
    assert caught.value.accepted == "yes"


async def test_what_a_killed_process_left_is_never_seen(bench: Bench) -> None:
    """Chunks whose document was never completed are not found, and go when they are old."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        await engine.upsert(NAME, [document("a", "机の本")])
        bench.between.change = Killed(bench.between)
        with pytest.raises(InvalidRequestError):
            await engine.upsert(NAME, [document("a", "棚の本"), document("b", "床の本")])
        bench.between.change = None
    async with bench.opened() as engine:
        hits = await engine.search(NAME, SearchQuery(text="本", top_k=50), vector=EAST)
        assert [hit.chunk.text for hit in hits] == ["机の本"]
        assert (await engine.get(NAME)).chunks == 3
        await engine.upsert(NAME, [document("a", "机の本")])
        assert (await engine.get(NAME)).chunks == 3  # what may be at work is left alone
        await bench.world.fake.clock.sleep(3600)
        await engine.upsert(NAME, [document("a", "机の本"), document("b", "壁の本")])
        assert (await engine.get(NAME)).chunks == 2


async def test_first_hits_may_all_be_old(bench: Bench) -> None:
    """Where chunks that do not count take the first places, more are asked for."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        await engine.upsert(NAME, [document("b", "一番の本")])
        bench.between.change = Killed(bench.between)
        with pytest.raises(InvalidRequestError):
            await engine.upsert(NAME, [document("a", *(f"残り {n}" for n in range(40)))])
        bench.between.change = None
        query = SearchQuery(text="本", mode="vector", top_k=1)
        hits = await engine.search(NAME, query, vector=EAST)
        assert [hit.chunk.text for hit in hits] == ["一番の本"]
    asked = [one["top"] for one in bench.between.bodies("/docs/search") if "vectorQueries" in one]
    assert asked[0] == 1
    assert asked == sorted(asked)


async def test_documents_without_chunks_are_kept(bench: Bench) -> None:
    """A document may have no chunk: it is remembered, and an index of such is empty."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        await engine.upsert(NAME, [document("empty")])
        bare = document("bare")
        plain = ChunkedDocument(document=bare.document, chunks=(), content_hash="h", vectors=None)
        await engine.upsert(NAME, [plain])
        assert [one.id async for one in engine.contents(NAME)] == ["bare", "empty"]
        with pytest.raises(IndexMissingError, match="empty"):
            await engine.search(NAME, SearchQuery(text="一"), vector=EAST)


async def test_documents_of_one_shard_are_all_given(bench: Bench) -> None:
    """Pages that begin with what the last one ended with give each document once."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        await engine.upsert(NAME, [document(f"{n}", "一") for n in range(3)])
        row = {"id": "d-0", "shard": 7, "payload": '{"id":"x","content_hash":"h","chunks":1}'}
        odd = {"id": "d-1", "shard": None, "payload": "not json"}
        full = [{**row, "id": f"d-{n}", "payload": row["payload"]} for n in range(999)]

        def paged(request: httpx2.Request, _: httpx2.Response) -> httpx2.Response | None:
            asked = json.loads(request.content or b"{}")
            if asked.get("orderby") != "shard asc":
                return None
            return reply({"value": [*full, odd] if "shard ge 0" in asked["filter"] else full})

        bench.between.change = paged
        assert [one.id async for one in engine.contents(NAME)] == ["x"]


@pytest.mark.parametrize(
    ("spoiled", "error", "words"),
    [
        ({"vectors": np.ones((1, 3), dtype=np.float32)}, InvalidInputError, "length"),
        ({"vectors": np.ones((1, 4), dtype=np.float32)}, IndexMismatchError, "dimensions"),
        ({"vectors": np.ones(3, dtype=np.float32)}, InvalidInputError, "shape"),
        ({"metadata": {"n": float("nan")}}, InvalidInputError, "finite"),
    ],
)
async def test_wrong_documents_are_refused(
    bench: Bench, spoiled: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Whatever is wrong with one document is found before any is written."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        with pytest.raises(error, match=words):
            await engine.upsert(NAME, [document("good", "一"), document("bad", "二", **spoiled)])
    assert bench.between.bodies("/docs/index") == []


async def test_chunks_belong_to_their_document(bench: Bench) -> None:
    """A chunk of another document, an id that comes twice, and broken text are refused."""
    one, two = document("a", "一"), document("b", "二")
    mixed = ChunkedDocument(
        document=one.document, chunks=two.chunks, content_hash="h", vectors=two.vectors
    )
    twice = ChunkedDocument(
        document=one.document,
        chunks=one.chunks * 2,
        content_hash="h",
        vectors=np.stack([EAST, EAST]),
    )
    async with bench.opened() as engine:
        await engine.create(SPEC)
        with pytest.raises(InvalidInputError, match="belongs to document 'b'"):
            await engine.upsert(NAME, [mixed])
        with pytest.raises(InvalidInputError, match="comes twice"):
            await engine.upsert(NAME, [twice])
        with pytest.raises(InvalidInputError, match="surrogate"):
            await engine.upsert(NAME, [document("c", "\ud800")])
        named = ChunkedDocument(
            document=Document(id=DocumentId("\ud800"), text=""),
            chunks=(),
            content_hash="h",
            vectors=None,
        )
        with pytest.raises(InvalidInputError, match="surrogate"):
            await engine.upsert(NAME, [named])


async def test_tenants_must_be_named(bench: Bench) -> None:
    """A chunk without its tenant is not taken by an index that keeps tenants apart."""
    spec = SPEC.model_copy(update={"tenant_field": "tenant"})
    async with bench.opened() as engine:
        await engine.create(spec)
        with pytest.raises(InvalidInputError, match="tenant"):
            await engine.upsert(NAME, [document("a", "一")])
        await engine.upsert(NAME, [document("a", "一", metadata={"tenant": "x"})])
