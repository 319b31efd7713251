"""Served fakes, and a judge who compares every answer with the clouds' own descriptions."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx2
import openai
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from typing_extensions import override

from tailorbird.providers.fake import FakeProvider, FakeSettings, Script
from tailorbird.testing.wire import WireApp, WireSettings, wire_app

Node: TypeAlias = Any
"""A part of a description."""

SPECS = Path(__file__).parents[3] / "shared" / "specs"


class Judge:
    """Compares answers with one description; remembers which schemas it has used."""

    def __init__(self, document: dict[str, Any], *, error: str) -> None:
        self._registry: Registry[Any] = Registry().with_resource(
            "urn:description", DRAFT202012.create_resource(document)
        )
        self._error = error
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), operations)
            for path, operations in document["paths"].items()
        ]
        self.used: set[str] = set()

    def check(self, request: httpx2.Request, response: httpx2.Response, base: str) -> None:
        """Fail when an answer is not what the description promises."""
        if response.status_code >= 400:
            self._validate(response.json(), {"$ref": f"urn:description{self._error}"})
            return
        operation = self._operation(request.url.path.removeprefix(base), request.method.lower())
        content = operation["responses"]["200"].get("content", {}) if operation else {}
        kind = response.headers["content-type"].partition(";")[0]
        if kind == "application/json" and kind in content:
            self._validate(response.json(), content[kind]["schema"])
        elif kind == "text/event-stream" and kind in content:
            for data in events(response.text):
                self._validate(data, content[kind]["schema"])

    def _operation(self, path: str, method: str) -> dict[str, Any] | None:
        for pattern, operations in self._paths:
            if pattern.fullmatch(path) and method in operations:
                found: dict[str, Any] = operations[method]
                return found
        return None

    def _validate(self, data: object, schema: dict[str, Any]) -> None:
        text = json.dumps(schema)
        self.used.add(text)
        absolute = json.loads(text.replace('"#/', '"urn:description#/'))
        errors = sorted(
            Draft202012Validator(absolute, registry=self._registry).iter_errors(data),
            key=lambda one: len(str(one.message)),
        )
        assert not errors, "\n".join(f"{one.json_path}: {one.message}"[:800] for one in errors[:5])


def events(text: str) -> Iterator[Any]:
    """Give the JSON data of server-sent events."""
    for line in text.splitlines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data: "))


class JudgedTransport(httpx2.AsyncBaseTransport):
    """Sends to the application, and shows every answer to the judge."""

    def __init__(self, app: WireApp, judge: Judge | None, base: str) -> None:
        self._inner = httpx2.ASGITransport(app=app)
        self._judge = judge
        self._base = base

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        await response.aread()
        if self._judge is not None:
            self._judge.check(request, response, self._base)
        return response


@dataclass
class Served:
    """A fake, the application over it, and clients of it."""

    provider: FakeProvider
    app: WireApp
    base: str
    http: httpx2.AsyncClient
    sdk: openai.AsyncOpenAI
    judge: Judge | None

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx2.Response:
        """Send a request below the base."""
        head = {"authorization": "Bearer test-key", **(headers or {})}
        if body is not None:
            content = json.dumps(body).encode()
        return await self.http.request(method, self.base + path, headers=head, content=content)

    async def refused(
        self, method: str, path: str, body: object = None, **more: object
    ) -> tuple[int, str | None, str | None]:
        """Send a request; give status, code and parameter of the refusal."""
        response = await self.call(method, path, body, **more)
        error = response.json()["error"]
        assert error["message"]
        return response.status_code, error["code"], error.get("param")

    @property
    def chat_model(self) -> str:
        """What a chat call names."""
        return self.provider.roles["chat"].callable_id

    @property
    def embedding_model(self) -> str:
        """What an embedding call names."""
        return self.provider.roles["embedding"].callable_id


@dataclass
class Kitchen:
    """Serves fakes, and cleans up behind them."""

    judges: Callable[[str], Judge | None]
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __call__(
        self,
        flavor: str = "openai",
        *,
        script: Script | None = None,
        wire: WireSettings | None = None,
        **settings: object,
    ) -> Served:
        """Serve a fake of a flavor."""
        provider = FakeProvider(FakeSettings(flavor=flavor, **settings), script=script)
        await self.stack.enter_async_context(provider)
        app = await self.stack.enter_async_context(wire_app(provider, settings=wire))
        base, judge = app.worlds[0].dialect.base, self.judges(flavor)
        transport = JudgedTransport(app, judge, base)
        http = httpx2.AsyncClient(transport=transport, base_url="http://wire.test")
        await self.stack.enter_async_context(http)
        sdk = openai.AsyncOpenAI(
            base_url=f"http://wire.test{base}",
            api_key="test-key",
            max_retries=0,
            http_client=openai.DefaultAsyncHttpx2Client(transport=transport),
        )
        await self.stack.enter_async_context(sdk)
        return Served(provider, app, base, http, sdk, judge)


@pytest.fixture
async def serve(judges: Callable[[str], Judge | None]) -> AsyncIterator[Kitchen]:
    """Give a kitchen."""
    kitchen = Kitchen(judges)
    async with kitchen.stack:
        yield kitchen


@pytest.fixture(scope="session")
def judges() -> Callable[[str], Judge | None]:
    """Give the judge of a flavor; None where the descriptions are not on this machine."""
    made: dict[str, Judge] = {}

    def judge_of(flavor: str) -> Judge | None:
        if not SPECS.is_dir():
            return None
        key = "azure" if flavor == "azure" else "openai"
        if key not in made:
            made[key] = _azure_judge() if key == "azure" else _openai_judge()
        return made[key]

    return judge_of


def _openai_judge() -> Judge:
    document = yaml.load((SPECS / "openai.openapi.yaml").read_text("utf-8"), yaml.CSafeLoader)
    document = _nullable(document)  # the description mixes both ways of writing it
    schemas = document["components"]["schemas"]
    _open(schemas, "")
    # Described as answers, whose role is the assistant's; its own example has one of the user.
    del schemas["ChatCompletionMessageList"]["properties"]["data"]["items"]["allOf"][0]
    return Judge(document, error="#/components/schemas/ErrorResponse")


def _azure_judge() -> Judge:
    document = json.loads((SPECS / "azure-openai-v1.subset.json").read_text("utf-8"))
    document = _nullable(document)
    _open(document["components"]["schemas"], "OpenAI.")
    _open_azure(document["components"]["schemas"])
    return Judge(document, error="#/components/schemas/AzureErrorResponse")


def _open(schemas: dict[str, Any], prefix: str) -> None:
    """Let through what both clouds send and their descriptions do not know (facts, 1.4 and 1.5)."""
    job = schemas[f"{prefix}FineTuningJob"]["properties"]
    job["status"]["enum"] += ["pending", "pausing", "paused"]
    schemas[f"{prefix}FineTuningJobEvent"]["properties"]["type"]["enum"].append("moderation_checks")
    embedding = schemas[f"{prefix}Embedding"]["properties"]["embedding"]
    if embedding.get("type") == "array":  # base64 is described for requests only
        embedding["type"] = ["array", "string"]
    for schema in schemas.values():
        for name in ("first_id", "last_id"):  # of an empty list
            properties = schema.get("properties", {})
            if properties.get(name, {}).get("type") == "string":
                properties[name]["type"] = ["string", "null"]


def _open_azure(schemas: dict[str, Any]) -> None:
    """Let through what Azure sends and its description does not know (facts, 2.2, 4.3 and 4.4)."""
    job = schemas["OpenAI.FineTuningJob"]["properties"]
    for name in ("organization_id", "seed", "hyperparameters", "result_files"):
        job[name]["type"] = [job[name]["type"], "null"]
    chunk = schemas["AzureCreateChatCompletionStreamResponse"]["properties"]
    chunk["object"]["enum"].append("")
    chunk["choices"]["items"]["required"].remove("delta")
    error = schemas["AzureErrorResponse"]["properties"]["error"]["properties"]
    error["type"]["enum"].append(None)
    error["type"]["type"] = ["string", "null"]


def _nullable(node: Node) -> Node:
    """Write OpenAPI 3.0's `nullable` and `exclusiveMinimum: true` as JSON Schema does."""
    if isinstance(node, list):
        return [_nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _nullable(one) for key, one in node.items() if key != "nullable"}
    if inner.get("exclusiveMinimum") is True:
        inner["exclusiveMinimum"] = inner.pop("minimum")
    return {"anyOf": [inner, {"type": "null"}]} if node.get("nullable") is True else inner
