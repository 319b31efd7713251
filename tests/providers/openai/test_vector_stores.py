"""OpenAI's vector stores as an engine: what the conformance suite cannot provoke."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from random import Random

import httpx2
import numpy as np
import pytest

from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird.exceptions import (
    DeadlineError,
    IndexMismatchError,
    IndexMissingError,
    InvalidInputError,
    InvalidRequestError,
    ServiceUnavailableError,
    UnsupportedError,
)
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.providers.openai import OpenAIProvider
from tailorbird.providers.openai.store_filter import is_negative, to_store_filter
from tailorbird.providers.openai.vector_stores import VectorStores
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.testing.wire import WireApp, WireSettings, wire_app
from tailorbird.types import (
    Among,
    Chunk,
    ChunkedDocument,
    ChunkId,
    Compare,
    Document,
    DocumentId,
    IndexName,
    IndexSpec,
    Junction,
    MetadataValue,
    Negation,
    SearchQuery,
    Span,
)
from tailorbird.types.secrets import Secret

NAME = IndexName("handbook")
KEY = Secret("test-key", source="test")


class Between(httpx2.AsyncBaseTransport):
    """Stands between the provider and the wire app: loses or changes single answers."""

    def __init__(self, app: WireApp) -> None:
        self.inner = httpx2.ASGITransport(app=app)
        self.lost: set[str] = set()
        self.refused: set[bytes] = set()
        self.closed: set[str] = set()
        self.bodies: dict[str, object] = {}
        self.sent: list[tuple[str, str, bytes]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on, and what came back unless it is to be lost."""
        key = f"{request.method} {request.url.path.removeprefix('/v1')}"
        body = await request.aread()
        self.sent.append((request.method, request.url.path, body))
        if request.method in self.closed or any(text in body for text in self.refused):
            return httpx2.Response(400, json={"error": {"message": "no"}}, request=request)
        answer = await self.inner.handle_async_request(request)
        if key in self.lost:
            self.lost.discard(key)
            await answer.aread()
            raise httpx2.ReadError("the answer was lost", request=request)
        changed = self.bodies.get(key)
        if changed is not None:
            await answer.aread()
            return httpx2.Response(200, json=changed, request=request)
        return answer


class Bench:
    """An engine over a fake cloud."""

    def __init__(self, fake: FakeProvider, between: Between, provider: OpenAIProvider) -> None:
        self.fake = fake
        self.between = between
        self.provider = provider
        self.engine = provider.retrieval

    def another(self) -> OpenAIProvider:
        """Make a second provider at the same cloud, as another process would."""
        return OpenAIProvider(key=KEY, clock=self.fake.clock, transport=self.between)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """An engine with nothing in it."""
    async with (
        FakeProvider(FakeSettings(flavor="openai"), clock=VirtualClock()) as fake,
        wire_app(fake, settings=WireSettings()) as app,
    ):
        between = Between(app)
        provider = OpenAIProvider(key=KEY, clock=fake.clock, transport=between)
        async with provider:
            yield Bench(fake, between, provider)


def document(
    name: str, text: str, *, title: str = "", **metadata: MetadataValue
) -> ChunkedDocument:
    """Make a document of one chunk."""
    source = Document(
        id=DocumentId(name), text=text, title=title, source=f"dir/{name}", metadata=metadata
    )
    chunk = Chunk(
        id=ChunkId(f"{name}#0"),
        document=source.id,
        text=text,
        span=Span(start=0, end=len(text)),
        metadata=metadata,
    )
    return ChunkedDocument(document=source, chunks=(chunk,), content_hash=f"hash of {text}")


async def test_spans_are_found_again(bench: Bench) -> None:
    """A hit says where its text stands in the document."""
    await bench.engine.create(IndexSpec(name=NAME))
    await bench.engine.upsert(NAME, [document("a.md", "駐輪場は北側です。", title="場所")])
    for _ in range(2):  # the second time the text is remembered
        [hit] = await bench.engine.search(NAME, SearchQuery(text="駐輪場はどこ"))
        span = hit.chunk.span
        assert "駐輪場は北側です。"[span.start : span.end] == hit.chunk.text
    assert hit.chunk.title == "場所"
    assert bench.engine.traits.keeps_spans is False


async def test_texts_are_kept_within_a_bound(bench: Bench) -> None:
    """Of the texts that places were found in, the latest stay; others are fetched again."""
    connection = Connection(
        Endpoint(provider="openai", base_url="https://api.openai.com/v1", key=KEY),
        retrier=Retrier(RetryPolicy(), bench.fake.clock, Random(7), RetryBudget(100)),  # noqa: S311
        http=HttpSettings(),
        transport=bench.between,
    )
    await connection.open()
    engine = VectorStores(connection, bench.provider.files, kept_characters=10)
    await engine.create(IndexSpec(name=NAME))
    await engine.upsert(NAME, [document("a", "apples and pears"), document("b", "boats, ships")])
    for _ in range(2):
        assert len(await engine.search(NAME, SearchQuery(text="apples"))) == 2
    await connection.close()
    fetched = [path for _, path, _ in bench.between.sent if path.endswith("/content")]
    assert len(fetched) > len(set(fetched))


async def test_store_that_is_deleted_meanwhile_is_deleted(bench: Bench) -> None:
    """A store that is gone when its turn comes is gone as wanted, and its files go, too."""
    await bench.engine.create(IndexSpec(name=NAME))
    await bench.engine.upsert(NAME, [document("a", "one")])

    class Gone(Between):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            """Say of the store that it is not there."""
            if request.method == "DELETE" and "/vector_stores/" in request.url.path:
                return httpx2.Response(404, json={"error": {"message": "no"}}, request=request)
            return await super().handle_async_request(request)

    assert isinstance(bench.between.inner.app, WireApp)
    provider = OpenAIProvider(
        key=KEY, clock=bench.fake.clock, transport=Gone(bench.between.inner.app)
    )
    async with provider:
        await provider.retrieval.delete(NAME)
    assert [one async for one in bench.provider.files.list(purpose="assistants")] == []


async def test_lost_creation_is_found_again(bench: Bench) -> None:
    """A store whose creation was never answered is taken, not made twice."""
    bench.between.lost.add("POST /vector_stores")
    made = await bench.engine.create(IndexSpec(name=NAME, chunking="a"))
    assert made.spec.chunking == "a"
    assert sum(method == "POST" for method, *_ in bench.between.sent) == 1
    assert [one.spec.name async for one in bench.engine.list()] == [NAME]


async def test_refused_creation_is_an_error(bench: Bench) -> None:
    """When nothing was made, the provider's own error is raised."""

    class Down(Between):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            """Refuse what creates."""
            if request.method == "POST":
                return httpx2.Response(500, request=request)
            return await super().handle_async_request(request)

    assert isinstance(bench.between.inner.app, WireApp)
    provider = OpenAIProvider(
        key=KEY, clock=bench.fake.clock, transport=Down(bench.between.inner.app)
    )
    async with provider:
        with pytest.raises(ServiceUnavailableError):
            await provider.retrieval.create(IndexSpec(name=NAME))


async def test_failed_upload_is_one_plain_error(bench: Bench) -> None:
    """Of several uploads at a time the first failure is raised by itself, and all are deleted."""
    await bench.engine.create(IndexSpec(name=NAME))
    bench.between.refused = {b"text of 2", b"text of 3"}
    many = [document(str(number), f"text of {number}") for number in range(6)]
    with pytest.raises(InvalidRequestError):
        await bench.engine.upsert(NAME, many)
    assert [one async for one in bench.provider.files.list(purpose="assistants")] == []
    bench.between.refused.clear()
    await bench.engine.upsert(NAME, many)
    assert (await bench.engine.get(NAME)).documents == 6


async def test_upload_that_cannot_be_taken_back_is_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """What went wrong first is raised, and the file that stays, and costs, is named in the log."""
    await bench.engine.create(IndexSpec(name=NAME))
    bench.between.refused = {b'"attributes"'}
    bench.between.closed = {"DELETE"}
    with pytest.raises(InvalidRequestError) as caught:
        await bench.engine.upsert(NAME, [document("a", "text")])
    assert caught.value.operation == "retrieval.upsert"
    [kept] = [one async for one in bench.provider.files.list(purpose="assistants")]
    assert [str(kept.id) in line for line in caplog.messages if "paid for" in line] == [True]


async def test_store_deleted_elsewhere_is_missing(bench: Bench) -> None:
    """What another process deleted is missing here, and can be made anew."""
    await bench.engine.create(IndexSpec(name=NAME))
    async with bench.another() as other:
        await other.retrieval.delete(NAME)
    with pytest.raises(IndexMissingError):
        await bench.engine.get(NAME)
    assert (await bench.engine.create(IndexSpec(name=NAME))).documents == 0


async def test_deleting_takes_the_files_along(bench: Bench) -> None:
    """No file of a deleted index, and none of a replaced document, is left at the provider."""
    await bench.engine.create(IndexSpec(name=NAME))
    await bench.engine.upsert(NAME, [document("a", "one"), document("b", "two")])
    await bench.engine.upsert(NAME, [document("a", "three")])
    files = [one async for one in bench.provider.files.list(purpose="assistants")]
    assert len(files) == 2
    await bench.engine.delete(NAME)
    assert [one async for one in bench.provider.files.list(purpose="assistants")] == []


async def test_file_that_somebody_deleted_does_not_stop_the_removal(bench: Bench) -> None:
    """A document can be removed when its file is gone already."""
    await bench.engine.create(IndexSpec(name=NAME))
    await bench.engine.upsert(NAME, [document("a", "one"), document("b", "two")])
    files = [one async for one in bench.provider.files.list(purpose="assistants")]
    for file in files:
        if file.name.startswith("a"):
            bench.between.bodies[f"DELETE /files/{file.id}"] = {"id": file.id, "deleted": True}
    assert await bench.engine.remove(NAME, [DocumentId("a")]) == 1


async def test_unreadable_document_replaces_nothing(bench: Bench) -> None:
    """When a document cannot be read, the error names it and nothing that was added stays."""
    await bench.engine.create(IndexSpec(name=NAME))
    await bench.engine.upsert(NAME, [document("a", "good")])

    class Failing(Between):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            """Say of every file of a batch that it could not be read."""
            answer = await super().handle_async_request(request)
            if request.url.path.endswith("/files") and "file_batches" in request.url.path:
                page = json.loads(await answer.aread())
                for number, one in enumerate(page["data"]):
                    one["status"] = "failed"
                    one["last_error"] = (
                        {"code": "invalid_file", "message": "broken"} if number else None
                    )
                return httpx2.Response(200, json=page, request=request)
            return answer

    assert isinstance(bench.between.inner.app, WireApp)
    provider = OpenAIProvider(
        key=KEY, clock=bench.fake.clock, transport=Failing(bench.between.inner.app)
    )
    async with provider:
        with pytest.raises(InvalidRequestError, match="'b'") as caught:
            await provider.retrieval.upsert(NAME, [document("a", "bad"), document("b", "bad")])
    assert "broken" in str(caught.value)
    assert "status 'failed'" in str(caught.value)
    [hit] = await bench.engine.search(NAME, SearchQuery(text="good"))
    assert hit.chunk.text == "good"
    assert (await bench.engine.get(NAME)).documents == 1


async def test_reading_that_never_ends_is_ended(bench: Bench) -> None:
    """The wait for the service has a limit by the clock."""
    await bench.engine.create(IndexSpec(name=NAME))

    class Busy(Between):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            """Say of every batch that it goes on."""
            answer = await super().handle_async_request(request)
            if "file_batches" in request.url.path:
                batch = json.loads(await answer.aread())
                return httpx2.Response(
                    200, json={**batch, "status": "in_progress"}, request=request
                )
            return answer

    assert isinstance(bench.between.inner.app, WireApp)
    provider = OpenAIProvider(
        key=KEY, clock=bench.fake.clock, transport=Busy(bench.between.inner.app)
    )
    async with provider:
        with pytest.raises(DeadlineError, match="within 1800 s") as caught:
            await provider.retrieval.upsert(NAME, [document("a", "text")])
        assert caught.value.accepted == "yes"
        assert [one async for one in provider.retrieval.contents(NAME)] == []
        assert [one async for one in provider.files.list()] == []


async def test_passing_trouble_does_not_end_the_reading(bench: Bench) -> None:
    """Looks that fail, and words that nobody knows yet, are waited out: what was sent is kept."""
    await bench.engine.create(IndexSpec(name=NAME))

    class Troubled(Between):
        looks = 0

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            """Fail the first nine looks at a batch, and answer the tenth with a new word."""
            answer = await super().handle_async_request(request)
            if request.method != "GET" or "/file_batches/" not in request.url.path:
                return answer
            self.looks += 1
            batch = json.loads(await answer.aread())
            if self.looks < 10:
                return httpx2.Response(503, json={"error": {"message": "busy"}}, request=request)
            if self.looks == 10:
                return httpx2.Response(200, json={**batch, "status": "odd"}, request=request)
            return answer

    assert isinstance(bench.between.inner.app, WireApp)
    troubled = Troubled(bench.between.inner.app)
    async with OpenAIProvider(key=KEY, clock=bench.fake.clock, transport=troubled) as provider:
        await provider.retrieval.upsert(NAME, [document("a", "text")])
        assert [one.id async for one in provider.retrieval.contents(NAME)] == ["a"]
    assert troubled.looks > 10


@pytest.mark.parametrize(
    "bad",
    [
        document("x", "t", **{f"k{number}": number for number in range(20)}),
        document("x", "t", tailorbird_mine="1"),
        document("x", "t", **{"k" * 65: "1"}),
        document("x", "t", k="v" * 513),
        document("x" * 600, "t"),
        document("x", "t", size=float("nan")),
        document("x", "t", size=2**53 + 1),
        document("x", "t", k="\ud83d"),
        document("x", "t \ud83d"),
    ],
    ids=[
        *("too many", "ours", "long key", "long value", "long id"),
        *("not finite", "may be rounded", "no UTF-8 in metadata", "no UTF-8 in the text"),
    ],
)
async def test_metadata_beyond_the_limits_is_refused_before_anything_is_sent(
    bench: Bench, bad: ChunkedDocument
) -> None:
    """The service's limits are told with the document's id."""
    await bench.engine.create(IndexSpec(name=NAME))
    before = len(bench.between.sent)
    with pytest.raises(InvalidInputError, match="'x"):
        await bench.engine.upsert(NAME, [bad])
    assert {method for method, *_ in bench.between.sent[before:]} == {"GET"}


async def test_long_titles_are_cut_and_odd_names_sent(bench: Bench) -> None:
    """Titles are for show; a document's id may be any text."""
    await bench.engine.create(IndexSpec(name=NAME))
    odd = document("../規程/経費 (2026)?.md", "経費の規程", title="長" * 600)
    empty = document("...", "まったく別の話")
    await bench.engine.upsert(NAME, [odd, empty])
    found = await bench.engine.search(NAME, SearchQuery(text="経費の規程"))
    assert found[0].chunk.document == odd.document.id
    assert found[0].chunk.title == "長" * 512


async def test_long_specification_is_refused(bench: Bench) -> None:
    """A specification that does not fit into the store's metadata is told."""
    with pytest.raises(InvalidInputError, match="chunking"):
        await bench.engine.create(IndexSpec(name=NAME, chunking="x" * 5000))
    long = IndexSpec(name=NAME, chunking="x" * 2000)
    assert (await bench.engine.create(long)).spec == long
    assert (await bench.engine.get(NAME)).spec == long


async def test_other_modes_are_unsupported(bench: Bench) -> None:
    """The service decides how it searches."""
    await bench.engine.create(IndexSpec(name=NAME))
    with pytest.raises(UnsupportedError):
        await bench.engine.search(NAME, SearchQuery(text="x", mode="lexical"))
    await bench.engine.close()


async def test_strangers_in_a_store_are_no_documents(bench: Bench) -> None:
    """Files that somebody else put into the store, and other stores, are left alone."""
    await bench.engine.create(IndexSpec(name=NAME))
    await bench.engine.upsert(NAME, [document("a", "ours")])
    found = {
        "object": "vector_store.search_results.page",
        "search_query": ["x"],
        "data": [
            {
                "file_id": "file-stranger",
                "filename": "s.txt",
                "score": 0.9,
                "attributes": None,
                "content": [{"type": "text", "text": "theirs"}],
            },
            {
                "file_id": "file-gone",
                "filename": "g.txt",
                "score": 0.8,
                "attributes": {"tailorbird_document": "gone"},
                "content": [
                    {"type": "text", "text": "one"},
                    {"type": "image", "text": ""},
                    {"type": "text", "text": "two"},
                ],
            },
        ],
        "has_more": False,
        "next_page": None,
    }
    [store] = [path for _, path, _ in bench.between.sent if path.endswith("/file_batches")][:1]
    base = store.removeprefix("/v1").removesuffix("/file_batches")
    bench.between.bodies[f"POST {base}/search"] = found
    [hit] = await bench.engine.search(NAME, SearchQuery(text="x", min_score=0.5))
    assert (hit.chunk.document, hit.chunk.text) == ("gone", "one\ntwo")
    assert hit.chunk.span == Span(start=0, end=0)
    files = {"object": "list", "data": [{"id": "file-s", "status": "completed"}], "has_more": False}
    bench.between.bodies[f"GET {base}/files"] = files
    assert [one async for one in bench.engine.contents(NAME)] == []
    assert await bench.engine.search(NAME, SearchQuery(text="x", min_score=0.95)) == ()


async def test_more_hits_than_were_asked_for_are_not_looked_at(bench: Bench) -> None:
    """A server that gives thousands of hits causes no thousands of requests for their texts."""
    await bench.engine.create(IndexSpec(name=NAME))
    await bench.engine.upsert(NAME, [document("a", "ours")])
    [base] = [
        path.removeprefix("/v1").removesuffix("/file_batches")
        for _, path, _ in bench.between.sent
        if path.endswith("/file_batches")
    ]
    hits = [
        {
            "file_id": f"file-{number}",
            "score": 0.9,
            "attributes": {"tailorbird_document": f"d{number}"},
            "content": [{"type": "text", "text": "x"}],
        }
        for number in range(40)
    ]
    found = {"object": "vector_store.search_results.page", "data": hits, "has_more": False}
    bench.between.bodies[f"POST {base}/search"] = found
    assert len(await bench.engine.search(NAME, SearchQuery(text="x", top_k=2))) == 2
    fetched = [path for _, path, _ in bench.between.sent if path.endswith("/content")]
    assert len(fetched) == 4


async def test_two_stores_of_one_name_are_the_oldest(bench: Bench) -> None:
    """Two processes that made a store at the same time agree on the older one."""
    await bench.engine.create(IndexSpec(name=NAME))
    posted = next(body for method, _, body in bench.between.sent if method == "POST")
    async with httpx2.AsyncClient(
        transport=bench.between, headers={"authorization": "Bearer test-key"}
    ) as client:
        url = "https://api.openai.com/v1/vector_stores"
        await client.post(url, content=posted, headers={"content-type": "application/json"})
        await client.post(url, json={"name": "somebody else's"})
    async with bench.another() as other:
        await other.retrieval.upsert(NAME, [document("a", "text")])
        assert len([one async for one in other.retrieval.list()]) == 1
    assert (await bench.engine.get(NAME)).documents == 1


async def test_vectors_are_not_needed(bench: Bench) -> None:
    """The service embeds by itself; a vector that comes along changes nothing."""
    await bench.engine.create(IndexSpec(name=NAME))
    await bench.engine.upsert(NAME, [document("a", "text")])
    vector = np.ones(4, np.float32)
    assert await bench.engine.search(NAME, SearchQuery(text="text"), vector=vector)


def test_not_is_carried_down_to_the_comparisons() -> None:
    """The service knows no `not`: De Morgan's laws take its place."""
    year = Compare(type="gte", key="year", value=2020)
    kinds = Among(type="in", key="kind", values=("a", "b"))
    both = Junction(type="and", filters=(year, Negation(filter=kinds)))
    assert to_store_filter(Negation(filter=both)) == {
        "type": "or",
        "filters": [
            {"type": "lt", "key": "year", "value": 2020},
            {"type": "in", "key": "kind", "value": ["a", "b"]},
        ],
    }
    assert to_store_filter(both)["filters"] == [
        {"type": "gte", "key": "year", "value": 2020},
        {"type": "nin", "key": "kind", "value": ["a", "b"]},
    ]
    assert is_negative(both)
    assert is_negative(Compare(type="ne", key="a", value=1))
    assert not is_negative(Negation(filter=Among(type="not_in", key="a", values=(1,))))
    assert not is_negative(year)


@pytest.mark.parametrize(
    "metadata",
    [
        {"tailorbird_index": "handbook"},
        {"tailorbird_index": "handbook", "tailorbird_spec_0": "{"},
        {"tailorbird_index": "handbook", "tailorbird_spec_0": '{"name": "other"}'},
    ],
)
async def test_store_whose_metadata_was_changed_is_told(
    bench: Bench, metadata: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """What others did to a store in the vendor's pages hides no other index, and can be ended."""
    name, other = IndexName("handbook"), IndexName("rules")
    await bench.engine.create(IndexSpec(name=name))
    await bench.engine.create(IndexSpec(name=other))
    async with httpx2.AsyncClient(transport=bench.between) as client:
        head = {"authorization": f"Bearer {KEY.reveal()}"}
        answer = await client.get("https://api.openai.com/v1/vector_stores", headers=head)
    listed = answer.json()["data"]
    store = next(one for one in listed if one["name"] == name)
    bench.between.bodies[f"GET /vector_stores/{store['id']}"] = {**store, "metadata": metadata}
    for call in (bench.engine.get(name), bench.engine.search(name, SearchQuery(text="x"))):
        with pytest.raises(IndexMismatchError, match="no longer says how index 'handbook'"):
            await call
    stores = [one if one["id"] != store["id"] else {**one, "metadata": metadata} for one in listed]
    page = {"object": "list", "data": stores, "has_more": False}
    bench.between.bodies["GET /vector_stores"] = page
    assert [one.spec.name async for one in bench.engine.list()] == [other]
    assert "left out of the list" in caplog.text
    await bench.engine.delete(name)
