"""Azure AI Search: indexes, what is asked, and what its scores mean."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import httpx2
import numpy as np
import pytest

from tailorbird.exceptions import (
    AuthenticationError,
    IndexMismatchError,
    IndexMissingError,
    InvalidInputError,
    InvalidRequestError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)
from tailorbird.protocols import Retrieval
from tailorbird.providers.azure.search_index import service_name
from tailorbird.types import (
    ChunkedDocument,
    Compare,
    IndexName,
    IndexSpec,
    ModelId,
    ScoreKind,
    SearchQuery,
)

from .conftest import AzureWorld
from .search_bench import (
    EAST,
    NAME,
    NORTH,
    SEARCH,
    SPEC,
    WORDS_ONLY,
    Bench,
    Between,
    Change,
    document,
    reply,
)


@pytest.fixture
def bench(world: AzureWorld) -> Bench:
    """An engine over the wire app."""
    return Bench(world, Between(world.app))


@pytest.mark.parametrize("name", ["handbook", "hand-book-2", "a1", "0"])
def test_names_that_fit_are_taken(name: str) -> None:
    """A name that the service allows is the index's name there, so that people find it."""
    expected = name if len(name) > 1 else f"{name}-x{service_name(IndexName(name))[-16:]}"
    assert service_name(IndexName(name)) == expected


def test_other_names_are_told_apart() -> None:
    """Names that the service does not allow are changed without ever becoming the same."""
    names = ["Handbook", "handbook", "HANDBOOK", "hand_book", "hand-book", "hand--book", "a-", "a"]
    coded = service_name(IndexName("Handbook"))
    made = [service_name(IndexName(name)) for name in [*names, coded, "9_" * 32]]
    assert len(set(made)) == len(made)
    for one in made:
        assert one.strip("-") == one
        assert len(one) <= 128
        assert set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


async def test_key_goes_into_its_header(bench: Bench) -> None:
    """With a key, requests carry `api-key` and no token."""
    async with bench.opened(api_key_env="SEARCH_KEY") as engine:
        await engine.create(SPEC)
    assert {one.headers.get("api-key") for one in bench.between.seen} == {"test-search-key"}
    assert all("authorization" not in one.headers for one in bench.between.seen)
    assert bench.world.credential.asked == []


async def test_tokens_are_for_search(bench: Bench) -> None:
    """Without a key, requests carry a token for search's own audience."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
    assert bench.world.credential.asked == ["https://search.azure.com/.default"]
    assert {one.url.params["api-version"] for one in bench.between.seen} == {"2026-04-01"}


async def test_wrong_key_is_told(bench: Bench) -> None:
    """A refused token is asked for anew once, and then an error."""
    bench.world.credential.tokens = {"https://search.azure.com/.default": "wrong"}
    async with bench.opened() as engine:
        with pytest.raises(AuthenticationError):
            await engine.get(NAME)
    assert len(bench.between.seen) == 1  # the credential had no other token to try


async def test_index_has_fields_for_all_modes(bench: Bench) -> None:
    """An index is made once, with a vector field for its model, and semantics if wanted."""
    async with bench.opened(semantic_configuration="sem") as engine:
        await engine.create(SPEC)
    [put] = [one for one in bench.between.seen if one.method == "PUT"]
    assert put.headers["if-none-match"] == "*"
    made = json.loads(put.content)
    vector = next(one for one in made["fields"] if one["name"] == "vector")
    assert (vector["dimensions"], vector["stored"]) == (3, False)
    assert made["semantic"]["configurations"][0]["name"] == "sem"
    assert "handbook" in made["description"]


async def test_index_without_model_has_no_vectors(bench: Bench) -> None:
    """Without an embedding model there is no vector field, and only words can be searched."""
    async with bench.opened() as engine:
        info = await engine.create(WORDS_ONLY)
        assert info.spec == WORDS_ONLY
        plain = document("a", "交通費の精算")
        bare = ChunkedDocument(
            document=plain.document, chunks=plain.chunks, content_hash="h", vectors=None
        )
        await engine.upsert(NAME, [bare])
        [hit] = await engine.search(NAME, SearchQuery(text="交通費"))
        assert hit.score_kind is ScoreKind.BM25
        with pytest.raises(IndexMismatchError, match="lexical"):
            await engine.search(NAME, SearchQuery(text="交通費", mode="vector"), vector=EAST)
        with pytest.raises(InvalidInputError, match="without an embedding model"):
            await engine.upsert(NAME, [plain])
    [put] = [one for one in bench.between.seen if one.method == "PUT"]
    assert "vectorSearch" not in json.loads(put.content)


@pytest.mark.parametrize(
    "spec",
    [
        IndexSpec(name=NAME, embedding_model=ModelId("embed")),
        IndexSpec(name=NAME, dimensions=3),
    ],
)
async def test_half_a_specification_is_refused(bench: Bench, spec: IndexSpec) -> None:
    """Model and width belong together."""
    async with bench.opened() as engine:
        with pytest.raises(InvalidInputError, match="belong together"):
            await engine.create(spec)
    assert bench.between.seen == []


async def test_index_of_somebody_else_is_left_alone(bench: Bench) -> None:
    """An index that this library did not make is neither listed, changed nor deleted."""
    foreign = {"name": "handbook", "fields": [{"name": "id", "type": "Edm.String", "key": True}]}
    spoiled = {**foreign, "name": "spoiled", "description": "tailorbird index {}"}
    async with httpx2.AsyncClient(transport=bench.between) as client:
        for one in (foreign, spoiled):
            await client.put(
                f"{SEARCH}/indexes/{one['name']}?api-version=2026-04-01",
                json=one,
                headers={"api-key": "test-search-key"},
            )
    async with bench.opened() as engine:
        assert [one async for one in engine.list()] == []
        for call in (lambda: engine.create(SPEC), lambda: engine.delete(NAME)):
            with pytest.raises(IndexMismatchError, match="did not make"):
                await call()
        with pytest.raises(IndexMismatchError):
            await engine.get(IndexName("spoiled"))


async def test_two_creators_get_one_index(bench: Bench) -> None:
    """Who comes second gets the index of the first, or is told the difference."""

    def race(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
        return (
            reply({"error": {"code": "PreconditionFailed"}}, 412)
            if (request.method == "PUT" and answer.status_code == 201)
            else None
        )

    bench.between.change = race
    async with bench.opened() as engine:
        assert (await engine.create(SPEC)).spec == SPEC
    bench.between.change = None
    async with bench.opened() as engine:
        with pytest.raises(IndexMismatchError, match="chunking"):
            await engine.create(SPEC.model_copy(update={"chunking": "other"}))


async def test_refused_definition_is_told(bench: Bench) -> None:
    """A definition that the service does not take is an error."""
    bench.between.change = lambda request, _: (
        reply({"error": {"code": "QuotaOfIndexes", "message": "3 indexes"}}, 400)
        if request.method == "PUT"
        else None
    )
    async with bench.opened() as engine:
        with pytest.raises(InvalidRequestError, match="3 indexes"):
            await engine.create(SPEC)


async def test_deletion_twice_at_once_is_fine(bench: Bench) -> None:
    """An index that is gone when the deletion comes is deleted."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        bench.between.change = lambda request, _: (
            reply({"error": {"code": "ResourceNotFound"}}, 404)
            if request.method == "DELETE"
            else None
        )
        await engine.delete(NAME)


async def test_pages_of_indexes_are_followed(bench: Bench) -> None:
    """All pages of a listing are read, at the same address only, and not for ever."""
    async with bench.opened() as engine:
        await engine.create(SPEC)

        def paged(link: str) -> Change:
            def change(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
                if request.url.path != "/indexes":
                    return None
                if "page" in request.url.params and link == "page=2":
                    return None
                url = link if "://" in link else f"{SEARCH}/indexes?api-version=2026-04-01&{link}"
                return reply({**answer.json(), "value": [], "@odata.nextLink": url})

            return change

        bench.between.change = paged("page=2")
        assert [one.spec.name async for one in engine.list()] == [NAME]
        bench.between.change = paged("https://evil.example/indexes")
        with pytest.raises(UnexpectedResponseError, match="another address"):
            _ = [one async for one in engine.list()]
        bench.between.change = paged("again=1")
        with pytest.raises(UnexpectedResponseError, match="run in a circle"):
            _ = [one async for one in engine.list()]


async def filled(engine: Retrieval) -> None:
    """Make an index of two documents."""
    await engine.create(SPEC)
    near = (EAST + NORTH) / np.float32(np.sqrt(2))
    await engine.upsert(
        NAME,
        [
            document("east", "東の本", metadata={"n": 1}),
            document("near", "北東の本", vectors=near[np.newaxis]),
        ],
    )


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("vector", ScoreKind.COSINE),
        ("lexical", ScoreKind.BM25),
        ("hybrid", ScoreKind.RRF),
    ],
)
async def test_scores_say_what_they_are(bench: Bench, mode: str, kind: ScoreKind) -> None:
    """Each mode gives one kind of score."""
    async with bench.opened() as engine:
        await filled(engine)
        query = SearchQuery.model_validate({"text": "東の本", "mode": mode})
        hits = await engine.search(NAME, query, vector=EAST)
        assert {hit.score_kind for hit in hits} == {kind}


async def test_cosines_are_cosines(bench: Bench) -> None:
    """A score of the mode `vector` is the cosine, whatever the service makes of it."""
    async with bench.opened() as engine:
        await filled(engine)
        hits = await engine.search(NAME, SearchQuery(text="x", mode="vector"), vector=EAST)
        assert [round(hit.score, 4) for hit in hits] == [1.0, 0.7071]
        far = await engine.search(NAME, SearchQuery(text="x", mode="vector"), vector=-EAST)
        assert round(far[-1].score, 4) == -1.0


async def test_semantic_ranking(bench: Bench) -> None:
    """With a semantic configuration, `hybrid` is ranked by it, and by the question as it is."""
    async with bench.opened(semantic_configuration="sem") as engine:
        await filled(engine)
        hits = await engine.search(NAME, SearchQuery(text="東の本？"), vector=EAST)
        assert {hit.score_kind for hit in hits} == {ScoreKind.RERANKER}
        assert all(0 <= hit.score <= 4 for hit in hits)
        sent = bench.between.bodies("/docs/search")
        asked = next(one for one in sent if one.get("queryType") == "semantic")
        assert asked["semanticQuery"] == "東の本？"
        assert asked["vectorQueries"][0]["k"] == 50


class Degraded:
    """Makes the semantic ranker give up."""

    def __call__(self, request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
        """Take its scores away, and say why."""
        if "semanticQuery" not in json.loads(request.content or b"{}"):
            return None
        body = answer.json()
        for one in body["value"]:
            one["@search.rerankerScore"] = None
        return reply({**body, "@search.semanticPartialResponseReason": "capacityOverloaded"})


async def test_semantic_ranking_that_fails(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Where the ranker gave up, the scores are the fusion's and a note says so."""
    async with bench.opened(semantic_configuration="sem") as engine:
        await filled(engine)
        bench.between.change = Degraded()
        with caplog.at_level(logging.WARNING, logger="tailorbird.azure"):
            hits = await engine.search(NAME, SearchQuery(text="東の本"), vector=EAST)
        assert {hit.score_kind for hit in hits} == {ScoreKind.RRF}
        assert "capacityOverloaded" in caplog.text
        assert "東" not in caplog.text
        with pytest.raises(ServiceUnavailableError, match="min_score"):
            await engine.search(NAME, SearchQuery(text="東の本", min_score=2.0), vector=EAST)


async def test_words_without_terms(bench: Bench) -> None:
    """A text of signs finds nothing by words, and by both only what its vector finds."""
    async with bench.opened() as engine:
        await filled(engine)
        assert await engine.search(NAME, SearchQuery(text="。。。", mode="lexical")) == ()
        hits = await engine.search(NAME, SearchQuery(text="。。。"), vector=EAST)
        assert [hit.score for hit in hits] == [1 / 61, 1 / 62]
        assert {hit.score_kind for hit in hits} == {ScoreKind.RRF}


async def test_signs_of_words_are_no_operators(bench: Bench) -> None:
    """Signs that belong to a term are searched and never read as operators."""
    async with bench.opened() as engine:
        await engine.create(SPEC)
        await engine.upsert(NAME, [document("a", "C++ guide"), document("b", "Java guide")])
        hits = await engine.search(NAME, SearchQuery(text="C++ -Java", mode="lexical"))
        assert {hit.chunk.document for hit in hits} == {"a", "b"}
        asked = bench.between.bodies("/docs/search")
        words = [one["search"] for one in asked if "search" in one]
        assert all(word.replace(" ", "").isalnum() for word in words)


@pytest.mark.parametrize(("mode", "least"), [("vector", 2.0), ("lexical", -1.0), ("hybrid", 1.5)])
async def test_least_scores_have_ranges(bench: Bench, mode: str, least: float) -> None:
    """A least score outside of the range of its kind is refused."""
    async with bench.opened() as engine:
        await filled(engine)
        query = SearchQuery.model_validate({"text": "本", "mode": mode, "min_score": least})
        with pytest.raises(InvalidInputError, match="lie within"):
            await engine.search(NAME, query, vector=EAST)


async def test_filters_are_checked_once_more(bench: Bench) -> None:
    """A chunk that does not pass the filter is not given, even if the service gives it."""

    def ignoring(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response | None:
        asked = json.loads(request.content or b"{}")
        if "marks" not in asked.get("filter", ""):
            return None
        assert answer.status_code == 200
        return reply(everything[0])

    async with bench.opened() as engine:
        await filled(engine)
        query = SearchQuery(text="本", mode="vector", top_k=2)
        await engine.search(NAME, query, vector=EAST)
        everything: list[Any] = []

        def keep(request: httpx2.Request, answer: httpx2.Response) -> None:
            if b"vectorQueries" in request.content:
                everything.append(answer.json())

        bench.between.change = keep
        await engine.search(NAME, query, vector=EAST)
        bench.between.change = ignoring
        narrow = query.model_copy(update={"filter": Compare(type="eq", key="n", value=1)})
        hits = await engine.search(NAME, narrow, vector=EAST)
        assert [hit.chunk.document for hit in hits] == ["east"]


@pytest.mark.parametrize(
    "row",
    [
        {"@search.score": 1.0, "id": "c-1"},
        {"@search.score": 1.0, "id": "c-1", "document": "x", "generation": "1-a", "payload": "{"},
        {"@search.score": 0.0, "id": "c-1", "document": "x", "generation": "1-a"},
    ],
)
async def test_foreign_records_are_left_out(bench: Bench, row: dict[str, Any]) -> None:
    """A record that is no chunk of ours is not given."""

    def foreign(request: httpx2.Request, _: httpx2.Response) -> httpx2.Response | None:
        asked = json.loads(request.content or b"{}")
        if "vectorQueries" in asked:
            return reply({"value": [row]})
        if asked.get("select") == "id,document,generation":
            return reply({"value": [{"id": "d-x", "document": "x", "generation": "1-a"}]})
        return None

    async with bench.opened() as engine:
        await filled(engine)
        bench.between.change = foreign
        assert await engine.search(NAME, SearchQuery(text="本", mode="vector"), vector=EAST) == ()


@pytest.mark.parametrize("body", [[], {"value": 7}, {"value": [{"id": 1}]}])
async def test_wrong_shapes_are_unexpected(bench: Bench, body: object) -> None:
    """An answer of another shape is no answer."""
    async with bench.opened() as engine:
        await filled(engine)
        bench.between.change = lambda request, _: (
            reply(body) if request.url.path.endswith("/docs/search") else None
        )
        with pytest.raises(UnexpectedResponseError):
            await engine.search(NAME, SearchQuery(text="本"), vector=EAST)


async def test_missing_count_is_an_error(bench: Bench) -> None:
    """A count that the service does not give is not taken for nothing."""
    async with bench.opened() as engine:
        await filled(engine)
        bench.between.change = lambda request, _: (
            reply({"value": []}) if request.url.path.endswith("/docs/search") else None
        )
        with pytest.raises(UnexpectedResponseError, match="count"):
            await engine.get(NAME)


async def test_specification_is_looked_at_again(bench: Bench) -> None:
    """An index that another process made anew is noticed within a minute."""
    async with bench.opened() as engine, bench.opened() as other:
        await filled(engine)
        await other.delete(NAME)
        with pytest.raises(IndexMissingError):
            await engine.search(NAME, SearchQuery(text="本"), vector=EAST)
        wide = IndexSpec(name=NAME, embedding_model=ModelId("embed"), dimensions=4)
        await other.create(wide)
        await bench.world.fake.clock.sleep(61)
        with pytest.raises(IndexMismatchError, match="dimensions"):
            await engine.search(NAME, SearchQuery(text="本"), vector=EAST)


async def test_closing_lets_go_of_what_was_remembered(bench: Bench) -> None:
    """After closing the engine, the service is asked anew."""
    async with bench.opened() as engine:
        await filled(engine)
        await engine.close()
        seen = len(bench.between.seen)
        assert await engine.search(NAME, SearchQuery(text="本"), vector=EAST)
        gets = [one for one in bench.between.seen[seen:] if one.method == "GET"]
        assert len(gets) == 1


async def test_engine_stays_in_its_loop(bench: Bench) -> None:
    """A provider that was opened in one event loop cannot be used in another."""
    async with bench.opened() as engine:
        await engine.create(SPEC)

        def elsewhere() -> None:
            asyncio.run(_get(engine))

        with pytest.raises(InvalidInputError, match="another event loop"):
            await asyncio.to_thread(elsewhere)


async def _get(engine: Retrieval) -> None:
    await engine.get(NAME)
