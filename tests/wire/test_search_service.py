"""The wire's Azure AI Search: indexes, documents, queries; answers judged by its description."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Script
from tailorbird.testing._wire.app import WireApp, wire_app
from tailorbird.types import ModelId

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "azure-ai-search-2026-04-01.json"
VERSION = {"api-version": "2026-04-01"}
KEY = {"api-key": "test-search-key"}


def field(name: str, kind: str = "Edm.String", **more: object) -> dict[str, object]:
    """Give a field of an index."""
    return {"name": name, "type": kind, **more}


def definition(**changes: object) -> dict[str, Any]:
    """Give the definition of a good index, with some changes."""
    return {
        "name": "handbook",
        "fields": [
            field("id", key=True),
            field("title"),
            field("content", filterable=False, sortable=False, facetable=False),
            field("tags", "Collection(Edm.String)"),
            field("size", "Edm.Int32"),
            field("big", "Edm.Int64"),
            field("weight", "Edm.Double"),
            field("open", "Edm.Boolean"),
            field("day", "Edm.DateTimeOffset"),
            field(
                "vector",
                "Collection(Edm.Single)",
                searchable=True,
                dimensions=2,
                vectorSearchProfile="p",
                retrievable=False,
                stored=False,
            ),
            field(
                "place",
                "Collection(Edm.Single)",
                searchable=True,
                dimensions=2,
                vectorSearchProfile="e",
            ),
        ],
        "vectorSearch": {
            "algorithms": [
                {"name": "h", "kind": "hnsw", "hnswParameters": {"metric": "cosine"}},
                {
                    "name": "x",
                    "kind": "exhaustiveKnn",
                    "exhaustiveKnnParameters": {"metric": "euclidean"},
                },
                {"name": "d", "kind": "hnsw"},
            ],
            "profiles": [
                {"name": "p", "algorithm": "h"},
                {"name": "e", "algorithm": "x"},
                {"name": "d", "algorithm": "d"},
            ],
        },
        "semantic": {
            "defaultConfiguration": "sem",
            "configurations": [
                {
                    "name": "sem",
                    "prioritizedFields": {
                        "titleField": {"fieldName": "title"},
                        "prioritizedContentFields": [{"fieldName": "content"}],
                        "prioritizedKeywordsFields": [{"fieldName": "tags"}],
                    },
                },
                {"name": "title-only", "prioritizedFields": {"titleField": {"fieldName": "title"}}},
                {
                    "name": "content-only",
                    "prioritizedFields": {"prioritizedContentFields": [{"fieldName": "content"}]},
                },
            ],
        },
        **changes,
    }


DOCUMENTS: list[dict[str, object]] = [
    {
        "id": "a",
        "title": "Leave",
        "content": "Paid leave is 20 days. Ask your manager for paid leave early.",
        "tags": ["hr", "time"],
        "size": 1,
        "open": True,
        "day": "2026-01-01T00:00:00Z",
        "vector": [1.0, 0.0],
        "place": [0.0, 0.0],
    },
    {
        "id": "b",
        "title": "Refunds",
        "content": "A refund takes five days. Leave the box closed.",
        "tags": ["shop"],
        "size": 2,
        "open": False,
        "vector": [0.6, 0.8],
        "place": [3.0, 4.0],
    },
    {
        "id": "c",
        "title": "休暇",
        "content": "有給休暇は年に二十日です。早めに申請してください。",
        "size": 3,
        "vector": [0.0, 2.0],
    },
    {"id": "d", "title": "Nothing", "vector": [0.0, 0.0]},
]


class Service:
    """Calls the service as a program does."""

    def __init__(self, app: WireApp) -> None:
        """Call an application in this process."""
        self.app = app
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://search.test"
        )

    async def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> httpx2.Response:
        """Make a call with key and version."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if body is None else json.dumps(body)
        return await self.client.request(
            method, path, params=VERSION, content=content, headers={**KEY, **named}
        )

    async def search(self, **body: object) -> dict[str, Any]:
        """Search the handbook."""
        answer = await self.call("POST", "/indexes('handbook')/docs/search.post.search", body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def keys(self, **body: object) -> list[str]:
        """Search the handbook, and give the keys in their order."""
        return [one["id"] for one in (await self.search(**body))["value"]]

    async def refusal(self, **body: object) -> str:
        """Search the handbook in vain, and give the reason."""
        answer = await self.call("POST", "/indexes('handbook')/docs/search.post.search", body)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"]["message"])


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """An empty service."""
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        service = Service(wire_app(provider))
        async with service.client:
            yield service


@pytest.fixture
async def loaded(service: Service) -> Service:
    """A service with an index of four documents."""
    made = await service.call("PUT", "/indexes('handbook')", definition())
    assert made.status_code == 201, made.text
    sent = await service.call(
        "POST", "/indexes('handbook')/docs/search.index", {"value": DOCUMENTS}
    )
    assert sent.status_code == 200, sent.text
    return service


async def test_an_index_is_made_shown_listed_changed_and_deleted(service: Service) -> None:
    """Its whole life, in both forms of the address."""
    made = await service.call("PUT", "/indexes('handbook')", definition())
    assert made.status_code == 201
    shown = await service.call("GET", "/indexes/handbook")
    assert shown.json() == made.json()
    assert shown.json()["fields"][9]["dimensions"] == 2
    listed = await service.call("GET", "/indexes")
    assert [one["name"] for one in listed.json()["value"]] == ["handbook"]
    wider = definition()
    wider["fields"].append(field("section"))
    changed = await service.call("PUT", "/indexes/handbook", wider, prefer="return=representation")
    assert changed.status_code == 200
    assert changed.json()["@odata.etag"] != made.json()["@odata.etag"]
    silent = await service.call("PUT", "/indexes('handbook')", changed.json())
    assert (silent.status_code, silent.content) == (204, b"")
    gone = await service.call("DELETE", "/indexes('handbook')")
    assert gone.status_code == 204
    for method in ("GET", "DELETE"):
        missing = await service.call(method, "/indexes('handbook')")
        assert missing.status_code == 404
        assert missing.json()["error"]["code"] == "ResourceNotFound"


async def test_a_changed_index_keeps_its_documents(loaded: Service) -> None:
    """Adding a field deletes nothing."""
    wider = definition()
    wider["fields"].append(field("section"))
    changed = await loaded.call("PUT", "/indexes('handbook')", wider)
    assert changed.status_code == 204
    assert await loaded.keys() == ["a", "b", "c", "d"]


async def test_an_index_can_be_made_once_by_post(service: Service) -> None:
    """A second creation is refused."""
    first = await service.call("POST", "/indexes", definition())
    assert first.status_code == 201
    second = await service.call("POST", "/indexes", definition())
    assert second.status_code == 400
    assert second.json()["error"]["code"] == "ResourceNameAlreadyInUse"


async def test_a_list_can_be_cut_to_some_properties(service: Service) -> None:
    """`$select` gives the names alone."""
    await service.call("POST", "/indexes", definition())
    listed = await service.client.get(
        "/indexes", params={**VERSION, "$select": "name"}, headers=KEY
    )
    assert listed.json()["value"] == [{"name": "handbook"}]


async def test_conditions_in_headers_are_kept(service: Service) -> None:
    """An entity tag guards against changes by others."""
    path = "/indexes('handbook')"
    early = await service.call("PUT", path, definition(), if_match="*")
    assert early.status_code == 412
    made = await service.call("PUT", path, definition(), if_none_match="*")
    assert made.status_code == 201
    again = await service.call("PUT", path, definition(), if_none_match="*")
    assert again.status_code == 412
    assert again.json()["error"]["code"] == "PreconditionFailed"
    foreign = await service.call("DELETE", path, if_match='"0x0"')
    assert foreign.status_code == 412
    etag = made.json()["@odata.etag"]
    changed = await service.call("PUT", path, definition(), if_match=etag)
    assert changed.status_code == 204
    gone = await service.call("DELETE", path, if_match="*")
    assert gone.status_code == 204


async def test_the_key_of_a_vectorizer_is_not_shown(service: Service) -> None:
    """Definitions come back without secrets."""
    made = await service.call("POST", "/indexes", vectorizing(apiKey="secret-key"))
    assert made.status_code == 201
    assert "secret-key" not in made.text
    assert "<redacted>" in made.text


def vectorizing(**more: object) -> dict[str, Any]:
    """Give the definition of an index that embeds queries by itself."""
    one = definition()
    one["fields"][9]["dimensions"] = 8
    one["vectorSearch"]["vectorizers"] = [
        {
            "name": "aoai",
            "kind": "azureOpenAI",
            "azureOpenAIParameters": {
                "resourceUri": "https://contoso.openai.azure.com",
                "deploymentId": "embed",
                "modelName": "text-embedding-3-small",
                **more,
            },
        }
    ]
    one["vectorSearch"]["profiles"][0]["vectorizer"] = "aoai"
    return one


def changed_field(name: str, **changes: object) -> dict[str, Any]:
    """Give the definition with a field that is changed; None takes a key out."""
    one = definition()
    for found in one["fields"]:
        if found["name"] == name:
            found.update(changes)
            for key in [key for key, value in found.items() if value is None]:
                del found[key]
    return one


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (definition(name="Handbook"), "Invalid index name"),
        (definition(name="-x"), "Invalid index name"),
        (definition(name="x" * 129), "Invalid index name"),
        (definition(fields=[]), "at least 1"),
        (definition(fields=[field("id")]), "exactly one key"),
        (definition(fields=[field("id", key=True), field("ID")]), "unique"),
        (definition(fields=[field("id", key=True), field("1x")]), "Invalid field name"),
        (definition(fields=[field("id", key=True), field("azureSearchX")]), "Invalid field name"),
        (definition(fields=[field("id", key=True, retrievable=False)]), "retrievable"),
        (definition(fields=[field("id", "Edm.Int32", key=True)]), "retrievable"),
        (definition(fields=[field("id", key=True), field("x", "Edm.ComplexType")]), "not offered"),
        (definition(unknown=1), "unknown: Extra inputs"),
        (definition(scoringProfiles=[{"name": "x"}]), "scoringProfiles"),
        (changed_field("vector", dimensions=None), "'dimensions'"),
        (changed_field("vector", dimensions=1), "greater than or equal to 2"),
        (changed_field("vector", dimensions=5000), "less than or equal to 4096"),
        (changed_field("vector", vectorSearchProfile=None), "'vectorSearchProfile'"),
        (changed_field("vector", vectorSearchProfile="q"), "no vector profile 'q'"),
        (changed_field("vector", searchable=None), "must be searchable"),
        (changed_field("vector", filterable=True), "nothing but retrievable"),
        (changed_field("size", dimensions=2), "only vector fields"),
        (changed_field("size", stored=False), "only vector fields"),
        (changed_field("size", searchable=True), "cannot be searchable"),
        (
            definition(
                vectorSearch={"algorithms": [], "profiles": [{"name": "p", "algorithm": "h"}]},
                fields=[field("id", key=True)],
            ),
            "no algorithm 'h'",
        ),
        (
            definition(
                vectorSearch={
                    "algorithms": [{"name": "h", "kind": "hnsw"}],
                    "profiles": [{"name": "p", "algorithm": "h", "vectorizer": "v"}],
                },
                fields=[field("id", key=True)],
            ),
            "no vectorizer 'v'",
        ),
        (
            definition(
                vectorSearch={
                    "algorithms": [
                        {"name": "h", "kind": "hnsw", "hnswParameters": {"metric": "hamming"}}
                    ]
                },
            ),
            "metric",
        ),
        (definition(semantic={"defaultConfiguration": "x"}), "no semantic configuration 'x'"),
        (
            definition(
                semantic={
                    "configurations": [
                        {
                            "name": "s",
                            "prioritizedFields": {
                                "prioritizedContentFields": [{"fieldName": "size"}]
                            },
                        }
                    ]
                }
            ),
            "'size' is not a field that is searched",
        ),
        (
            definition(
                semantic={
                    "configurations": [
                        {"name": "s", "prioritizedFields": {"titleField": {"fieldName": "x"}}}
                    ]
                }
            ),
            "'x' is not a field that is searched",
        ),
        ("text", "body: Input should be"),
    ],
)
async def test_a_wrong_definition_is_refused(service: Service, wrong: object, words: str) -> None:
    """Nothing is made of a definition that the service would refuse, or that is not offered."""
    answer = await service.call("POST", "/indexes", wrong)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert (await service.call("GET", "/indexes")).json()["value"] == []


async def test_existing_fields_stay_as_they_are(loaded: Service) -> None:
    """Fields cannot be changed or left out, ways of searching vectors neither."""
    fewer = definition()
    del fewer["fields"][4]
    other = definition()
    other["vectorSearch"]["algorithms"][0]["hnswParameters"]["metric"] = "euclidean"
    for wrong in (changed_field("size", filterable=False), fewer, other):
        answer = await loaded.call("PUT", "/indexes('handbook')", wrong)
        assert answer.status_code == 400
        assert "cannot be changed or deleted" in answer.json()["error"]["message"]


async def test_the_name_must_be_that_of_the_address(service: Service) -> None:
    """A definition cannot be put under another name."""
    answer = await service.call("PUT", "/indexes('other')", definition())
    assert answer.status_code == 400
    assert "not that of the address" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"api-key": "test-search-key"}, 200),
        ({"authorization": "Bearer test-search-token"}, 200),
        ({}, 401),
        ({"api-key": "test-key"}, 403),
        ({"authorization": "Bearer test-arm-token"}, 401),
        ({"authorization": "Bearer test-search-key"}, 401),
    ],
)
async def test_only_keys_and_tokens_for_search_are_taken(
    service: Service, headers: dict[str, str], status: int
) -> None:
    """Keys of other services and tokens for other audiences open nothing."""
    answer = await service.client.get("/indexes", params=VERSION, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("version", "code"),
    [(None, "MissingApiVersionParameter"), ("2020-06-30", "InvalidApiVersionParameter")],
)
async def test_the_version_must_be_named(service: Service, version: str | None, code: str) -> None:
    """Without `api-version`, or with another one, nothing is answered."""
    query = {} if version is None else {"api-version": version}
    answer = await service.client.get("/indexes", params=query, headers=KEY)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


async def test_requests_are_written_down(loaded: Service) -> None:
    """The application remembers what was asked, without keys."""
    seen = loaded.app.seen[-1]
    assert seen.operation == "search.documents.index"
    assert "api-key" not in seen.headers


async def upload(service: Service, *documents: object) -> httpx2.Response:
    """Send documents, in the documentation's form of the address."""
    return await service.call("POST", "/indexes/handbook/docs/index", {"value": list(documents)})


def statuses(answer: httpx2.Response) -> list[tuple[str, bool, int]]:
    """Give what became of each action."""
    return [(one["key"], one["status"], one["statusCode"]) for one in answer.json()["value"]]


async def test_each_action_does_what_its_name_says(loaded: Service) -> None:
    """`upload` replaces, `merge` adds, `delete` removes, each with a status of its own."""
    answer = await upload(
        loaded,
        {"id": "a", "title": "New"},
        {"@search.action": "merge", "id": "b", "size": 20, "title": None},
        {"@search.action": "mergeOrUpload", "id": "c", "size": 30},
        {"@search.action": "mergeOrUpload", "id": "e=_-9", "size": 40},
        {"@search.action": "delete", "id": "d"},
        {"@search.action": "delete", "id": "never"},
        {"@search.action": "upload", "id": "f"},
    )
    assert answer.status_code == 200
    assert statuses(answer) == [
        ("a", True, 200),
        ("b", True, 200),
        ("c", True, 200),
        ("e=_-9", True, 201),
        ("d", True, 200),
        ("never", True, 200),
        ("f", True, 201),
    ]
    got = {
        key: (await loaded.call("GET", f"/indexes('handbook')/docs('{key}')")).json()
        for key in ("a", "b", "c", "e=_-9")
    }
    assert (got["a"]["title"], got["a"]["content"], got["a"]["tags"]) == ("New", None, [])
    assert (got["b"]["title"], got["b"]["size"], got["b"]["tags"]) == (None, 20, ["shop"])
    assert (got["c"]["title"], got["c"]["size"]) == ("休暇", 30)
    assert got["e=_-9"]["size"] == 40
    count = await loaded.call("GET", "/indexes('handbook')/docs/$count")
    assert (count.text, count.headers["content-type"]) == ("5", "text/plain; charset=utf-8")


async def test_what_fails_alone_does_not_stop_the_others(loaded: Service) -> None:
    """A batch with failures answers 207, and every action tells its own end."""
    answer = await upload(
        loaded,
        {"@search.action": "merge", "id": "never", "size": 1},
        {"id": "long", "title": "x" * 32_767},
        {"id": "longer", "tags": ["x", "茶" * 10_923]},
        {"id": "fine", "content": "x" * 40_000, "title": "x" * 32_766},
    )
    assert answer.status_code == 207
    assert statuses(answer) == [
        ("never", False, 404),
        ("long", False, 400),
        ("longer", False, 400),
        ("fine", True, 201),
    ]
    assert "not found" in answer.json()["value"][0]["errorMessage"]
    assert "too large" in answer.json()["value"][1]["errorMessage"]
    assert answer.json()["value"][3]["errorMessage"] is None


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        ({"title": "x"}, "MissingKeyField", "missing or empty"),
        ({"id": ""}, "MissingKeyField", "missing or empty"),
        ({"id": 5}, "MissingKeyField", "missing or empty"),
        ({"id": "a/b"}, "InvalidDocumentKey", "'a/b'"),
        ({"id": "_a"}, "InvalidDocumentKey", "underscore"),
        ({"id": "茶"}, "InvalidDocumentKey", "Encode it"),
        ({"id": "x" * 1025}, "InvalidDocumentKey", "1024"),
        ({"id": "x", "color": "red"}, "InvalidRequestParameter", "'color' does not exist"),
        ({"id": "x", "title": 5}, "InvalidRequestParameter", "'Edm.String'"),
        ({"id": "x", "size": "5"}, "InvalidRequestParameter", "'Edm.Int32'"),
        ({"id": "x", "size": 5.5}, "InvalidRequestParameter", "'Edm.Int32'"),
        ({"id": "x", "size": True}, "InvalidRequestParameter", "'Edm.Int32'"),
        ({"id": "x", "size": 1 << 31}, "InvalidRequestParameter", "'Edm.Int32'"),
        ({"id": "x", "big": 1 << 63}, "InvalidRequestParameter", "'Edm.Int64'"),
        ({"id": "x", "weight": "heavy"}, "InvalidRequestParameter", "'Edm.Double'"),
        ({"id": "x", "open": 1}, "InvalidRequestParameter", "'Edm.Boolean'"),
        ({"id": "x", "day": "today"}, "InvalidRequestParameter", "'Edm.DateTimeOffset'"),
        ({"id": "x", "day": "2026-01-01"}, "InvalidRequestParameter", "'Edm.DateTimeOffset'"),
        ({"id": "x", "tags": None}, "InvalidRequestParameter", "'tags'"),
        ({"id": "x", "tags": "hr"}, "InvalidRequestParameter", "'tags'"),
        ({"id": "x", "tags": ["hr", None]}, "InvalidRequestParameter", "'tags'"),
        ({"id": "x", "vector": [1, 2, 3]}, "InvalidRequestParameter", "a length of '3'"),
        ({"id": "x", "vector": [1, "2"]}, "InvalidRequestParameter", "'vector'"),
        ({"id": "x", "vector": [1, 1e39]}, "InvalidRequestParameter", "'vector'"),
        ({"id": "x", "vector": "1,2"}, "InvalidRequestParameter", "'vector'"),
        ({"id": "x", "@search.action": "drop"}, "InvalidRequestParameter", "unknown action"),
        ({"id": "x", "@search.action": ["upload"]}, "InvalidRequestParameter", "unknown action"),
        ("x", "InvalidRequestParameter", "must be an object"),
    ],
)
async def test_a_document_that_does_not_fit_refuses_the_batch(
    loaded: Service, document: object, code: str, words: str
) -> None:
    """Nothing of such a batch is kept; the message names the place."""
    answer = await upload(loaded, {"id": "before"}, document)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], words in error["message"]) == (code, True)
    assert "1:" in error["message"]
    assert (await loaded.call("GET", "/indexes/handbook/docs/before")).status_code == 404


async def test_values_at_their_limits_are_taken(loaded: Service) -> None:
    """The largest and smallest numbers, a whole number as a double, empty lists, no vector."""
    answer = await upload(
        loaded,
        {
            "id": "x",
            "size": -(1 << 31) + 1,
            "big": (1 << 63) - 1,
            "weight": 5,
            "tags": [],
            "vector": None,
            "day": "2026-01-01T00:00:00+09:00",
        },
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, [], {"value": {}}, {"value": []}, {"value": [{"id": "x"}] * 1001}, {"value": [], "x": 1}],
)
async def test_what_is_no_batch_is_refused(loaded: Service, body: object) -> None:
    """A batch has 1 to 1000 documents under `value`."""
    answer = await loaded.call("POST", "/indexes('handbook')/docs/search.index", body)
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"{", b'{"value": [{"id": "x", "weight": NaN}]}', b"\xff"])
async def test_what_is_no_json_is_refused(loaded: Service, body: bytes) -> None:
    """Neither are numbers that JSON does not know."""
    answer = await loaded.client.post(
        "/indexes('handbook')/docs/search.index", params=VERSION, headers=KEY, content=body
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidRequestContent"


async def test_a_body_above_16_mb_is_refused(loaded: Service) -> None:
    """As the service's limits say; one below is taken."""
    room = 16 << 20
    document = {"id": "x", "content": ""}
    frame = len(json.dumps({"value": [document]}))
    fits = await upload(loaded, {**document, "content": "x" * (room - frame)})
    assert fits.status_code == 200
    large = await upload(loaded, {**document, "content": "x" * (room - frame + 1)})
    assert large.status_code == 413


async def test_a_document_shows_what_may_be_shown(loaded: Service) -> None:
    """A field that is not retrievable stays hidden, and `$select` chooses among the others."""
    whole = await loaded.call("GET", "/indexes/handbook/docs/a")
    assert "vector" not in whole.json()
    assert whole.json()["place"] == [0.0, 0.0]
    path = "/indexes('handbook')/docs('a')"
    part = await loaded.client.get(path, params={**VERSION, "$select": "id, title"}, headers=KEY)
    assert part.json() == {"id": "a", "title": "Leave"}
    hidden = await loaded.client.get(path, params={**VERSION, "$select": "vector"}, headers=KEY)
    assert hidden.status_code == 400
    missing = await loaded.call("GET", "/indexes('handbook')/docs('z')")
    assert missing.status_code == 404


async def test_statistics_count_documents_and_sizes(loaded: Service) -> None:
    """What the service reports of an index."""
    for path in ("/indexes('handbook')/search.stats", "/indexes/handbook/stats"):
        found = (await loaded.call("GET", path)).json()
        assert found["documentCount"] == 4
        assert found["vectorIndexSize"] == 4 * 4 * 4
        assert found["storageSize"] > 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/docs('a')"),
        ("GET", "/docs/$count"),
        ("GET", "/search.stats"),
        ("POST", "/docs/search.index"),
        ("POST", "/docs/search.post.search"),
    ],
)
async def test_an_index_that_is_not_there_is_not_found(
    service: Service, method: str, path: str
) -> None:
    """Everything within it answers 404."""
    answer = await service.call(method, f"/indexes('none'){path}", {})
    assert answer.status_code == 404
    assert "'none'" in answer.json()["error"]["message"]


async def test_everything_is_found_without_a_query(loaded: Service) -> None:
    """No words, and `*`, find all with the score 1, by key."""
    for body in ({}, {"search": "*"}, {"search": " "}):
        found = await loaded.search(**body)
        assert [one["id"] for one in found["value"]] == ["a", "b", "c", "d"]
        assert {one["@search.score"] for one in found["value"]} == {1.0}


async def test_words_are_scored_by_rarity(loaded: Service) -> None:
    """The document with more and rarer words comes first; one without any does not come."""
    found = await loaded.search(search="paid leave")
    assert [one["id"] for one in found["value"]] == ["a", "b"]
    assert found["value"][0]["@search.score"] > found["value"][1]["@search.score"] > 0
    assert await loaded.keys(search="有給休暇") == ["c"]
    assert await loaded.keys(search="paid leave", searchMode="all") == ["a"]
    assert await loaded.keys(search="leave", searchFields="title") == ["a"]
    assert await loaded.keys(search="shop", searchFields="title, tags") == ["b"]
    assert await loaded.keys(search="zebra") == []


async def test_vectors_are_scored_by_distance(loaded: Service) -> None:
    """`1 / (1 + distance)`, for cosines and for straight distances; k bounds the answer."""
    query = {"kind": "vector", "vector": [1, 0], "fields": "vector", "k": 3}
    found = await loaded.search(vectorQueries=[query])
    scores = {one["id"]: one["@search.score"] for one in found["value"]}
    assert list(scores) == ["a", "b", "c"]
    assert scores["a"] == pytest.approx(1.0)
    assert scores["b"] == pytest.approx(1 / 1.4)
    assert scores["c"] == pytest.approx(0.5)
    straight = {"kind": "vector", "vector": [0, 0], "fields": "place"}
    found = await loaded.search(vectorQueries=[straight])
    assert [(one["id"], one["@search.score"]) for one in found["value"]] == [
        ("a", 1.0),
        ("b", pytest.approx(1 / 6)),
    ]


async def test_an_empty_index_finds_nothing(service: Service) -> None:
    """By words, by a vector, by both."""
    await service.call("PUT", "/indexes('handbook')", definition())
    query = {"kind": "vector", "vector": [1, 0], "fields": "vector"}
    for body in (
        {"search": "x"},
        {"vectorQueries": [query]},
        {"search": "x", "vectorQueries": [query]},
    ):
        assert await service.keys(**body) == []


async def test_rankings_are_fused_by_reciprocal_rank(loaded: Service) -> None:
    """Words and a vector, or two vectors, give the sum of `weight / (60 + rank)`."""
    query = {"kind": "vector", "vector": [0, 1], "fields": "vector", "k": 2}
    found = await loaded.search(search="paid leave", vectorQueries=[query])
    scores = {one["id"]: one["@search.score"] for one in found["value"]}
    assert scores == {
        "b": pytest.approx(1 / 62 + 1 / 62),
        "a": pytest.approx(1 / 61),
        "c": pytest.approx(1 / 61),
    }
    assert list(scores) == ["b", "a", "c"]
    weighted = await loaded.search(search="paid leave", vectorQueries=[{**query, "weight": 2.0}])
    assert weighted["value"][0]["@search.score"] == pytest.approx(1 / 62 + 2 / 62)
    both = await loaded.search(
        vectorQueries=[{**query, "vector": [1, 0], "fields": "vector,place", "k": 1}]
    )
    assert [(one["id"], one["@search.score"]) for one in both["value"]] == [
        ("a", pytest.approx(2 / 61))
    ]


async def test_a_filter_comes_before_or_behind_the_vectors(loaded: Service) -> None:
    """`preFilter` finds k documents that fit, `postFilter` those of the k nearest that fit."""
    query = {"kind": "vector", "vector": [1, 0], "fields": "vector", "k": 1}
    body = {"vectorQueries": [query], "filter": "size gt 1"}
    assert await loaded.keys(**body) == ["b"]
    assert await loaded.keys(**body, vectorFilterMode="preFilter") == ["b"]
    assert await loaded.keys(**body, vectorFilterMode="postFilter") == []
    assert await loaded.keys(search="leave", filter="size gt 1") == ["b"]
    assert await loaded.keys(filter="tags/any(t: t eq 'hr')") == ["a"]
    assert await loaded.keys(filter="size eq null") == ["d"]
    assert await loaded.keys(search="leave", filter="") == ["a", "b"]


async def test_answers_are_cut_into_pages(loaded: Service) -> None:
    """`top` and `skip` cut, `count` counts all."""
    found = await loaded.search(search="*", top=2, skip=1, count=True)
    assert [one["id"] for one in found["value"]] == ["b", "c"]
    assert found["@odata.count"] == 4
    assert "@odata.nextLink" not in found
    assert "@odata.count" not in await loaded.search(top=0)
    assert await loaded.keys(top=0) == []


async def test_long_answers_say_how_they_go_on(loaded: Service) -> None:
    """50 documents without `top`, 1000 with a larger one, and the rest on request."""
    many = [{"id": f"m{number:04}", "title": "tea"} for number in range(1100)]
    for start in (0, 1000):
        assert (await upload(loaded, *many[start : start + 1000])).status_code == 200
    body: dict[str, Any] = {"search": "tea", "select": "id"}
    first = await loaded.search(**body)
    assert len(first["value"]) == 50
    assert first["@search.nextPageParameters"] == {**body, "skip": 50}
    assert "/docs/search.post.search" in first["@odata.nextLink"]
    large = await loaded.search(**body, top=1050)
    assert len(large["value"]) == 1000
    rest = await loaded.search(**large["@search.nextPageParameters"])
    assert [one["id"] for one in rest["value"]] == [f"m{number:04}" for number in range(1000, 1050)]
    assert "@search.nextPageParameters" not in rest


async def test_the_order_can_be_chosen(loaded: Service) -> None:
    """By fields, several of them, up or down; documents without a value come first going up."""
    assert await loaded.keys(orderby="size desc") == ["c", "b", "a", "d"]
    assert await loaded.keys(orderby="size") == ["d", "a", "b", "c"]
    assert await loaded.keys(orderby="open desc, title asc") == ["a", "b", "d", "c"]
    assert await loaded.keys(search="leave", orderby="search.score() asc") == ["b", "a"]


async def test_fields_can_be_chosen(loaded: Service) -> None:
    """`select` shows some fields, in the order of the index."""
    found = await loaded.search(select="title,id", top=1)
    assert found["value"] == [{"@search.score": 1.0, "id": "a", "title": "Leave"}]
    assert "vector" not in (await loaded.search(select="*"))["value"][0]


async def test_the_semantic_ranker_orders_anew(loaded: Service) -> None:
    """Scores of 0 to 4, the best sentence as caption, words of the question marked."""
    found = await loaded.search(
        search="refund days",
        queryType="semantic",
        semanticConfiguration="sem",
        captions="extractive|highlight-true",
        answers="extractive|count-2",
    )
    first = found["value"][0]
    assert first["id"] == "b"
    assert first["@search.rerankerScore"] == pytest.approx(4.0)
    assert first["@search.captions"] == [
        {
            "text": "A refund takes five days.",
            "highlights": "A <em>refund</em> takes five <em>day</em>s.",
        }
    ]
    assert [one["key"] for one in found["@search.answers"]] == ["b", "a"]
    assert found["@search.answers"][0]["score"] == pytest.approx(1.0)
    scores = [one["@search.rerankerScore"] for one in found["value"]]
    assert scores == sorted(scores, reverse=True)


async def test_the_semantic_ranker_reads_japanese(loaded: Service) -> None:
    """Marks stand around the words, not around the whole sentence."""
    found = await loaded.search(
        search="有給休暇は何日", queryType="semantic", captions="extractive"
    )
    caption = found["value"][0]["@search.captions"][0]
    assert caption["text"] == "有給休暇は年に二十日です。"
    assert caption["highlights"].startswith("<em>有給休暇は</em>年に")


async def test_semantic_ranking_of_a_vector_search(loaded: Service) -> None:
    """The question comes as `semanticQuery`; documents without its words get no caption."""
    query = {"kind": "vector", "vector": [1, 0], "fields": "vector"}
    found = await loaded.search(
        vectorQueries=[query],
        queryType="semantic",
        semanticQuery="refund",
        semanticConfiguration="title-only",
        captions="extractive",
    )
    assert found["value"][0]["id"] == "b"
    assert found["value"][0]["@search.captions"][0]["text"] == "Refunds"
    assert found["value"][1]["@search.captions"] == []
    assert found["value"][1]["@search.rerankerScore"] == 0.0


async def test_the_ranker_reads_only_what_is_configured(loaded: Service) -> None:
    """A title that is not configured counts for nothing."""
    body = {"search": "refunds", "queryType": "semantic", "filter": "size eq 2"}
    await upload(loaded, {"@search.action": "merge", "id": "b", "content": "Nothing else."})
    read = await loaded.search(**body, semanticConfiguration="title-only")
    assert read["value"][0]["@search.rerankerScore"] == pytest.approx(4.0)
    unread = await loaded.search(**body, semanticConfiguration="content-only")
    assert unread["value"][0]["@search.rerankerScore"] == 0.0


async def test_only_fifty_documents_are_ranked_anew(loaded: Service) -> None:
    """The others follow in their order, without a reranker score."""
    many = [{"id": f"m{number:02}", "title": "tea"} for number in range(60)]
    await upload(loaded, *many)
    found = await loaded.search(search="tea", queryType="semantic", top=60)
    scores = [one["@search.rerankerScore"] for one in found["value"]]
    assert scores == [pytest.approx(4.0)] * 50 + [None] * 10


async def test_a_question_without_words_ranks_nothing(loaded: Service) -> None:
    """Stop words carry nothing."""
    query = {"kind": "vector", "vector": [1, 0], "fields": "vector"}
    found = await loaded.search(vectorQueries=[query], queryType="semantic", semanticQuery="the of")
    assert {one["@search.rerankerScore"] for one in found["value"]} == {0.0}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"unknown": 1}, "Extra inputs"),
        ({"facets": ["tags"]}, "facets"),
        ({"queryType": "full"}, "queryType"),
        ({"select": ["id"]}, "select"),
        ({"select": "vector"}, "'vector'"),
        ({"select": "color"}, "'color'"),
        ({"filter": "color eq 'x'"}, "'color'"),
        ({"filter": "content eq 'x'"}, "'content'"),
        ({"filter": "size eq"}, "Invalid expression"),
        ({"top": -1}, "top"),
        ({"skip": 100_001}, "skip"),
        ({"search": "x", "searchFields": "size"}, "'size' is not a searchable"),
        ({"orderby": "content"}, "'content'"),
        ({"orderby": "tags"}, "'tags'"),
        ({"orderby": "size up"}, "'size up'"),
        ({"captions": "extractive"}, "need the query type"),
        ({"search": "x", "queryType": "semantic", "captions": "many"}, "captions must be"),
        ({"search": "x", "queryType": "semantic", "answers": "many"}, "answers must be"),
        ({"search": "x", "queryType": "semantic", "answers": "extractive|count-x"}, "a number"),
        ({"search": "x", "queryType": "semantic", "semanticConfiguration": "y"}, "'y'"),
        ({"queryType": "semantic"}, "needs 'search'"),
        ({"search": "*", "queryType": "semantic"}, "needs 'search'"),
        ({"search": "x", "queryType": "semantic", "orderby": "size"}, "orderby"),
        ({"vectorQueries": [{"kind": "vector", "vector": [1], "fields": "vector"}]}, "dimensions"),
        ({"vectorQueries": [{"kind": "vector", "vector": [1, 2], "fields": "title"}]}, "'title'"),
        ({"vectorQueries": [{"kind": "vector", "vector": [1, 2], "fields": "none"}]}, "'none'"),
        (
            {"vectorQueries": [{"kind": "vector", "vector": [1, 2], "fields": "vector", "k": 0}]},
            "k",
        ),
        ({"vectorQueries": [{"kind": "imageUrl", "url": "x", "fields": "vector"}]}, "kind"),
        ({"vectorQueries": [{"kind": "text", "text": "x", "fields": "vector"}]}, "no vectorizer"),
    ],
)
async def test_a_wrong_query_is_refused(
    loaded: Service, body: dict[str, object], words: str
) -> None:
    """What the service would refuse, and what is not offered here, is not passed over."""
    assert words in await loaded.refusal(**body)


async def test_an_index_without_semantics_refuses_the_semantic_ranker(service: Service) -> None:
    """It must be configured first."""
    await service.call("PUT", "/indexes('handbook')", definition(semantic=None))
    assert "Unknown semantic configuration" in await service.refusal(
        search="x", queryType="semantic"
    )


async def test_a_vectorizer_embeds_the_text_of_a_query(service: Service) -> None:
    """The fake's deployment that the index names makes the vector, as wide as the field."""
    await service.call("PUT", "/indexes('handbook')", vectorizing())
    provider = service.app.worlds[0].provider
    embedded = await provider.embeddings.embed(
        ["paid leave", "a refund"], model=ModelId("embed"), dimensions=8
    )
    vectors = embedded.vectors.tolist()
    await upload(service, {"id": "a", "vector": vectors[0]}, {"id": "b", "vector": vectors[1]})
    query = {"kind": "text", "text": "a refund", "fields": "vector"}
    found = await service.search(vectorQueries=[query])
    assert found["value"][0]["id"] == "b"
    assert found["value"][0]["@search.score"] == pytest.approx(1.0)


async def test_what_the_fake_raises_is_told_in_azures_shape() -> None:
    """A scripted refusal of the embedding reaches the caller of the search."""
    script = Script().on("embeddings.embed", Fault.rate_limited(retry_after_s=2.0))
    async with FakeProvider(FakeSettings(flavor="azure"), script=script) as provider:
        service = Service(wire_app(provider))
        async with service.client:
            await service.call("PUT", "/indexes('handbook')", vectorizing())
            query = {"kind": "text", "text": "x", "fields": "vector"}
            answer = await service.call(
                "POST", "/indexes/handbook/docs/search", {"vectorQueries": [query]}
            )
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"
    assert set(answer.json()["error"]) == {"code", "message"}


class Described:
    """Judges answers by the reduced description of the service."""

    def __init__(self) -> None:
        """Read it."""
        self.schemas = json.loads(SPEC.read_text(encoding="utf-8"))["schemas"]

    def judge(self, value: object, kind: str, *, at: str = "") -> None:
        """Fail unless a value has a kind of the description, in its Python words."""
        if value is None:
            return
        simple = {"str": str, "bool": bool, "int": int, "float": (int, float)}
        if kind in simple:
            assert isinstance(value, simple[kind]), f"{at}: {kind}"
        elif kind.startswith("list["):
            assert isinstance(value, list), at
            for place, one in enumerate(value):
                self.judge(one, kind[5:-1], at=f"{at}[{place}]")
        elif kind.startswith("Union[str, "):
            words = self.schemas[kind[11:-1]].get("enum")
            assert isinstance(value, str), at
            bare = value.removeprefix("Collection(").removesuffix(")")
            assert words is None or bare in words, f"{at}: {value}"
        elif kind in self.schemas:
            self._judge_object(value, kind, at=at)
        else:
            assert kind.startswith("Literal["), f"{at}: unknown kind {kind}"

    def _judge_object(self, value: object, kind: str, *, at: str) -> None:
        assert isinstance(value, dict), at
        fields = self._fields(kind, value)
        for name, facts in fields.items():
            if facts.get("required"):
                assert value.get(name) is not None, f"{at}.{name} is missing"
            self.judge(value.get(name), facts["type"], at=f"{at}.{name}")
        if kind not in {"SearchResult", "SearchDocumentsResult", "IndexAction"}:
            assert set(value) - {"@odata.context"} <= set(fields), f"{at}: {set(value)}"

    def _fields(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        fields = dict(self.schemas[kind]["fields"])
        word = value.get("kind")
        for schema in self.schemas.values():
            if schema.get("extends") == kind and schema.get("discriminator") == word:
                fields |= schema["fields"]
        return fields


@pytest.mark.shared
async def test_answers_have_the_shapes_of_the_description(loaded: Service) -> None:
    """Definitions, results of uploads, and answers to queries of every kind."""
    described = Described()
    made = await loaded.call("GET", "/indexes('handbook')")
    described.judge(made.json(), "SearchIndex")
    sent = await upload(loaded, {"@search.action": "merge", "id": "never"}, {"id": "x"})
    described.judge(sent.json(), "IndexDocumentsResult")
    query = {"kind": "vector", "vector": [1, 0], "fields": "vector", "k": 3}
    for body in (
        {},
        {"search": "leave", "vectorQueries": [query], "count": True},
        {
            "search": "leave",
            "queryType": "semantic",
            "captions": "extractive",
            "answers": "extractive",
        },
    ):
        described.judge(await loaded.search(**body), "SearchDocumentsResult")


@pytest.mark.shared
def test_the_judge_sees_what_is_wrong() -> None:
    """A wrong answer does not pass by accident."""
    described = Described()
    for wrong in (
        {},
        {"value": [{"key": 5, "status": True, "statusCode": 200}]},
        {"value": [{"key": "x", "status": True}]},
        {"value": [{"key": "x", "status": True, "statusCode": 200, "more": 1}]},
    ):
        with pytest.raises(AssertionError):
            described.judge(wrong, "IndexDocumentsResult")


@pytest.mark.shared
async def test_every_described_address_of_indexes_and_documents_is_served(
    loaded: Service,
) -> None:
    """What is not offered is known: suggestions, completion, analysis, and search by GET."""
    operations = json.loads(SPEC.read_text(encoding="utf-8"))["operations"]
    missing: set[str] = set()
    for one in operations:
        if not one["path"].startswith("/indexes"):
            continue
        path = one["path"].format(indexName="handbook", key="a")
        answer = await loaded.call(one["method"], path, {} if one["method"] != "GET" else None)
        if loaded.app.seen[-1].operation == "unknown":
            missing.add(one["op"])
            assert answer.status_code in {404, 405}
        if one["method"] == "DELETE":
            await loaded.call("PUT", "/indexes('handbook')", definition())
    assert missing == {
        "search_autocomplete_get",
        "search_autocomplete_post",
        "search_index_analyze_text",
        "search_search_get",
        "search_suggest_get",
        "search_suggest_post",
    }
