"""Azure's dated API: clients of the class `AzureOpenAI` find what they ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.testing.wire import WireApp, wire_app

DATE = "2024-10-21"
HELLO: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "How long are shelves held?"}
]
KEY = {"api-key": "test-key"}
ROWS = (
    b'{"messages": [{"role": "user", "content": "%d?"}, {"role": "assistant", "content": "a"}]}\n'
)

Http = Callable[[], httpx2.AsyncClient]


@pytest.fixture
async def app() -> AsyncIterator[WireApp]:
    """Serve a fake of Azure."""
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        yield wire_app(provider)


@pytest.fixture
async def http(app: WireApp) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client of that server."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://wire.test") as client:
        yield client


@pytest.fixture
def azure(http: httpx2.AsyncClient) -> openai.AsyncAzureOpenAI:
    """Give the SDK's client of the dated API."""
    return openai.AsyncAzureOpenAI(
        azure_endpoint="http://wire.test",
        api_version=DATE,
        api_key="test-key",
        http_client=http,
        max_retries=0,
    )


async def test_the_sdks_azure_client_finds_everything(
    azure: openai.AsyncAzureOpenAI, app: WireApp
) -> None:
    """Chat, streams and embeddings by deployment; files and jobs beside them."""
    asked = azure.chat.completions
    reply = await asked.create(model="chat", messages=HELLO)
    assert reply.choices[0].message.content
    stream = await asked.create(model="chat", messages=HELLO, stream=True)
    assert [piece async for piece in stream]
    found = await azure.embeddings.create(model="embed", input=["a", "b"])
    assert len(found.data) == 2
    rows = b"".join(ROWS % number for number in range(12))
    stored = await azure.files.create(file=("rows.jsonl", rows), purpose="fine-tune")
    while (await azure.files.retrieve(stored.id)).status != "processed":
        pass
    model = "gpt-4.1-mini-2025-04-14"
    job = await azure.fine_tuning.jobs.create(model=model, training_file=stored.id)
    assert [one.id async for one in azure.fine_tuning.jobs.list()] == [job.id]
    assert (await azure.models.list()).data
    assert [one.path for one in app.seen][:3] == [
        "/openai/deployments/chat/chat/completions",
        "/openai/deployments/chat/chat/completions",
        "/openai/deployments/embed/embeddings",
    ]


async def test_both_routes_of_azure_know_the_same_things(
    azure: openai.AsyncAzureOpenAI, http: httpx2.AsyncClient
) -> None:
    """What was made on one is found on the other: responses, vector stores, batches."""
    newer = openai.AsyncOpenAI(
        base_url="http://wire.test/openai/v1", api_key="test-key", http_client=http, max_retries=0
    )
    response = await azure.responses.create(model="chat", input="x")
    assert (await newer.responses.retrieve(response.id)).output_text == response.output_text
    store = await newer.vector_stores.create(name="handbook")
    assert [one.id async for one in azure.vector_stores.list()] == [store.id]
    line = b'{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {}}'
    file = await azure.files.create(file=("lines.jsonl", line), purpose="batch")
    while (await azure.files.retrieve(file.id)).status != "processed":
        pass
    batch = await azure.batches.create(
        input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
    )
    assert (await newer.batches.retrieve(batch.id)).id == batch.id


async def test_the_path_names_the_model(http: httpx2.AsyncClient) -> None:
    """A model in the body counts for nothing, and none need be there."""
    url = f"/openai/deployments/chat/chat/completions?api-version={DATE}"
    for model in ({}, {"model": "elsewhere"}):
        answer = await http.post(url, headers=KEY, json={"messages": HELLO, **model})
        assert answer.status_code == 200
    missing = url.replace("/chat/chat/", "/nowhere/chat/")
    answer = await http.post(missing, headers=KEY, json={"model": "chat", "messages": HELLO})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "DeploymentNotFound")


@pytest.mark.parametrize("query", ["", "?api-version=v1", "?api-version=2024-10", "?api-version="])
async def test_a_version_must_be_named(http: httpx2.AsyncClient, query: str) -> None:
    """Without a version, or with one that is no date, nothing is found."""
    answer = await http.post(
        f"/openai/deployments/chat/chat/completions{query}", headers=KEY, json={"messages": HELLO}
    )
    assert answer.status_code == 404
    assert answer.json() == {"error": {"code": "404", "message": "Resource not found"}}


async def test_preview_versions_are_dates_too(http: httpx2.AsyncClient) -> None:
    """A preview is named by its date as well; a key is wanted here as everywhere."""
    url = "/openai/models?api-version=2025-04-01-preview"
    assert (await http.get(url, headers=KEY)).status_code == 200
    assert (await http.get(url)).status_code == 401


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
async def test_broken_bodies_are_refused_as_ever(http: httpx2.AsyncClient, body: bytes) -> None:
    """What is no JSON object is told by whoever checks bodies."""
    url = f"/openai/deployments/embed/embeddings?api-version={DATE}"
    answer = await http.post(url, headers=KEY, content=body)
    assert answer.status_code == 400


async def test_large_bodies_find_their_deployment(http: httpx2.AsyncClient) -> None:
    """A body of more than a megabyte is read beside the event loop."""
    url = f"/openai/deployments/embed/embeddings?api-version={DATE}"
    texts = [f"{number:03}" + "abcdefg " * 1_000 for number in range(140)]
    answer = await http.post(url, headers=KEY, json={"input": texts})
    assert (answer.status_code, len(answer.json()["data"])) == (200, 140)
