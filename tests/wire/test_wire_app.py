"""The application: where it serves, who may call, what it remembers, how it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import httpx2
import pytest
from typing_extensions import override

from tailorbird.exceptions import InvalidInputError, InvalidRequestError
from tailorbird.protocols import Clock
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Says, Script
from tailorbird.testing.wire import WireSettings, wire_app
from tailorbird.types.ids import ModelId

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""


async def test_two_clouds_are_served_side_by_side() -> None:
    """One application serves OpenAI's and Azure's routes, and counts for both."""
    async with (
        FakeProvider(FakeSettings(flavor="openai")) as one,
        FakeProvider(FakeSettings(flavor="azure")) as other,
    ):
        app = wire_app(one, other)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://wire.test") as http:
            head = {"authorization": "Bearer test-key"}
            plain = (await http.get("/v1/models", headers=head)).json()
            azure = (await http.get("/openai/v1/models", headers=head)).json()
            away = await http.get("/elsewhere", headers=head)
            index = await http.get("/indexes/a/b/c", headers=head)
        assert plain["data"][0]["owned_by"] == "openai"
        assert azure["data"][0]["owned_by"] == "azure-openai"
        assert away.json()["error"]["message"] == "Invalid URL (GET /elsewhere)"
        assert index.json() == {"error": {"code": "404", "message": "Resource not found"}}
        assert app.live_jobs() == 0


@pytest.mark.parametrize("flavors", [(), ("openai", "plain"), ("azure", "azure")])
def test_one_fake_is_served_below_each_path(flavors: tuple[str, ...]) -> None:
    """None at all, or two below one path, are refused."""
    providers = [FakeProvider(FakeSettings(flavor=one)) for one in flavors]
    with pytest.raises(InvalidInputError, match="one fake below each path"):
        wire_app(*providers)


@pytest.mark.parametrize(
    ("flavor", "headers", "status"),
    [
        ("openai", {"authorization": "Bearer test-key"}, 200),
        ("openai", {"authorization": "bearer token"}, 200),
        ("openai", {"authorization": "Bearer wrong"}, 401),
        ("openai", {"authorization": "Bearer \u00e9"}, 401),
        ("openai", {"authorization": "Basic test-key"}, 401),
        ("openai", {"api-key": "test-key"}, 401),
        ("azure", {"api-key": "test-key"}, 200),
        ("azure", {"api-key": "wrong"}, 401),
        ("azure", {"authorization": "Bearer test-key"}, 200),
        ("azure", {"authorization": "Bearer token"}, 200),
        ("azure", {"authorization": "Bearer "}, 401),
        ("azure", {}, 401),
    ],
)
async def test_a_key_or_token_is_needed(
    serve: Serve, flavor: str, headers: dict[str, str], status: int
) -> None:
    """Azure takes a key in either header and refuses in two shapes."""
    wire = await serve(flavor, wire=WireSettings(bearer_tokens=("token",)))
    response = await wire.http.get(
        f"{wire.base}/models", headers={key: value.encode() for key, value in headers.items()}
    )
    assert response.status_code == status
    body = response.json()
    if status == 200:
        return
    if flavor == "azure" and "api-key" not in headers:
        assert body["statusCode"] == 401
        assert "audience is incorrect" in body["message"]
    elif flavor == "azure":
        assert body["error"]["code"] == "401"
    else:
        wanted = (
            None
            if "api-key" in headers or "Basic test-key" in headers.values()
            else ("invalid_api_key")
        )
        assert body["error"]["code"] == wanted
    assert wire.provider.calls == ()
    assert wire.app.seen[-1].status == 401


async def test_what_reached_the_server_is_remembered_without_secrets(serve: Serve) -> None:
    """Method, path, operation, the first bytes of the body; no key."""
    wire = await serve(wire=WireSettings(seen_requests=2, seen_body_bytes=4))
    for _ in range(2):
        await wire.call("GET", "/models?x=1", headers={"x-client-request-id": "mine"})
    await wire.call("POST", "/embeddings", {"model": "gone", "input": "x"})
    first, last = wire.app.seen
    assert (first.method, first.path, first.query) == ("GET", "/v1/models", "x=1")
    assert (first.operation, first.status, first.size_bytes) == ("models.list", 200, 0)
    assert first.headers["x-client-request-id"] == "mine"
    assert "authorization" not in first.headers
    assert (bytes(last.body), last.size_bytes, last.status) == (b'{"mo', 31, 404)
    assert last.at > first.at


@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_unknown_paths_and_methods_are_refused_in_the_clouds_words(
    serve: Serve, flavor: str
) -> None:
    """A path or a method that is not served is remembered as unknown."""
    wire = await serve(flavor)
    missing = await wire.call("GET", "/nothing")
    assert missing.status_code == 404
    assert wire.app.seen[-1].operation == "unknown"
    slash = await wire.call("GET", "/models/")
    assert slash.status_code == 404
    method = await wire.call("PATCH", "/models")
    assert method.status_code == (404 if flavor == "azure" else 405)
    for response in (missing, slash, method):
        assert response.json()["error"]["message"]
        assert response.headers[wire.app.worlds[0].dialect.request_id_header]


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded"])
async def test_a_body_that_is_said_to_be_no_json_is_refused(serve: Serve, kind: str) -> None:
    """What `fetch` and `curl -d` send when nobody tells them; case and charset do not matter."""
    wire = await serve()
    body = {"model": wire.embedding_model, "input": "x"}
    refused = await wire.refused("POST", "/embeddings", body, headers={"content-type": kind})
    assert refused == (400, "unsupported_content_type", None)
    for said in ("application/json; charset=utf-8", "Application/JSON"):
        answer = await wire.call("POST", "/embeddings", body, headers={"content-type": said})
        assert answer.status_code == 200


async def test_azure_leaves_out_what_it_does_not_have(serve: Serve) -> None:
    """No uploads in parts, no search of vector stores, no deletion of models."""
    wire = await serve("azure")
    for method, path in (
        ("POST", "/uploads"),
        ("POST", "/vector_stores/vs_1/search"),
        ("DELETE", "/models/m"),
    ):
        response = await wire.call(method, path, {})
        assert response.json()["error"] == {"code": "404", "message": "Resource not found"}


@pytest.mark.parametrize(
    ("fault", "status", "kind", "code"),
    [
        (Fault.rate_limited(), 429, "requests", "rate_limit_exceeded"),
        (Fault.out_of_quota(), 429, "insufficient_quota", "insufficient_quota"),
        (Fault.unavailable(status_code=500), 500, "server_error", None),
        (Fault.wrong_key(), 401, "invalid_request_error", "invalid_api_key"),
        (Fault.refused("no such thing", code="odd"), 400, "invalid_request_error", "odd"),
    ],
)
async def test_scripted_faults_are_statuses(
    serve: Serve, fault: Fault, status: int, kind: str, code: str | None
) -> None:
    """The words are the fault's own, without what stands in other fields."""
    wire = await serve(script=Script().on("models.list", fault))
    response = await wire.call("GET", "/models")
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["type"], error["code"], error["message"]) == (kind, code, fault.message)
    assert "retry-after" not in response.headers


async def test_failures_of_the_fake_itself_are_told(serve: Serve) -> None:
    """A refusal without a status is 400, a wrong script a failure of the server."""
    script = (
        Script()
        .on("models.list", Fault(error=InvalidRequestError, message="no", accepted="no"))
        .on("models.list", Fault(message="strange", status_code=418), occurrence=2)
        .on("chat.complete", Says(lambda _: 3))
    )
    wire = await serve(script=script)
    assert (await wire.refused("GET", "/models"))[0] == 400
    assert (await wire.refused("GET", "/models"))[0] == 418
    body = {"model": wire.chat_model, "messages": [{"role": "user", "content": "x"}]}
    assert (await wire.refused("POST", "/chat/completions", body))[0] == 500


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.lost_answer(), httpx2.RemoteProtocolError),
        (Fault.no_connection(), httpx2.ConnectError),
        (Fault.timed_out(), httpx2.ReadTimeout),
    ],
)
async def test_an_answer_that_never_comes_is_an_error_of_the_transport(
    serve: Serve, fault: Fault, error: type[Exception]
) -> None:
    """In this process a client sees what a client behind a network would."""
    wire = await serve(script=Script().on("models.list", fault))
    with pytest.raises(error):
        await wire.call("GET", "/models")
    assert wire.app.seen[-1].status is None


async def test_a_server_breaks_a_lost_answer_in_its_midst() -> None:
    """What is sent before the failure is a beginning that promises more."""
    script = Script().on("models.list", Fault.lost_answer())
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async with FakeProvider(FakeSettings(), script=script) as provider:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/v1/models",
            "query_string": b"",
            "headers": [(b"authorization", b"Bearer test-key")],
        }
        with pytest.raises(httpx2.TransportError):
            await wire_app(provider)(scope, receive, send)
    assert [one["type"] for one in sent] == ["http.response.start"]
    assert (b"content-length", b"1000") in sent[0]["headers"]


async def test_a_closed_fake_is_a_refusal() -> None:
    """An application over a fake that is not open refuses, and says so."""
    app = wire_app(FakeProvider(FakeSettings()))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://wire.test") as http:
        response = await http.get("/v1/models", headers={"authorization": "Bearer test-key"})
    assert response.status_code == 400
    assert "closed" in response.json()["error"]["message"]


class StillClock(Clock):
    """A clock that is not virtual, and stands still."""

    @override
    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    @override
    def monotonic(self) -> float:
        return 0.0

    @override
    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0


async def test_a_real_clock_is_left_alone() -> None:
    """Look-ups move virtual time only."""
    clock = StillClock()
    async with FakeProvider(FakeSettings(), clock=clock) as provider:
        transport = httpx2.ASGITransport(app=wire_app(provider))
        async with httpx2.AsyncClient(transport=transport, base_url="http://wire.test") as http:
            head = {"authorization": "Bearer test-key"}
            files = {"file": ("a.txt", b"text")}
            made = await http.post(
                "/v1/files", headers=head, files=files, data={"purpose": "assistants"}
            )
            assert made.status_code == 200
            assert (await http.get("/v1/models", headers=head)).status_code == 200


async def test_time_passes_with_what_is_not_ready(serve: Serve) -> None:
    """A tuned model that does not answer yet does so after a few tries."""
    wire = await serve(wire=WireSettings(seconds_per_request=7))
    before = wire.provider.clock.now()
    await wire.refused("POST", "/embeddings", {"model": "gone", "input": "x"})
    await wire.call("POST", "/embeddings", {"model": wire.embedding_model, "input": "x"})
    assert 7 <= (wire.provider.clock.now() - before).total_seconds() < 8


async def test_a_body_is_bounded_and_must_be_json(serve: Serve) -> None:
    """Too large, no JSON, no object: each has its refusal."""
    wire = await serve(wire=WireSettings(max_body_bytes=100))
    for content, status, code in (
        (b"x" * 101, 413, "content_too_large"),
        (b"{", 400, None),
        (b"", 400, "missing_required_parameter"),
        (b"[]", 400, "invalid_type"),
        (b'{"model": "m", "input": "\\ud800"}', 400, None),
    ):
        refused = await wire.refused("POST", "/embeddings", content=content)
        assert refused[:2] == (status, code)


async def test_a_large_body_is_read_beside_the_loop(serve: Serve) -> None:
    """A megabyte and more of JSON is taken."""
    wire = await serve("plain")
    words = "long " * 300_000
    body = {"model": wire.chat_model, "messages": [{"role": "user", "content": words}]}
    assert (await wire.call("POST", "/chat/completions", body)).status_code == 200


async def test_what_is_left_over_goes_with_the_application() -> None:
    """The folder of an application is removed when it is closed, which may happen twice."""
    async with FakeProvider(FakeSettings()) as provider:
        app = wire_app(provider)
        async with app:
            folder = (await asyncio.to_thread(app.worlds[0].spool.new_path)).parent
            (folder / "left").write_bytes(b"over")
        assert not folder.exists()
        async with app:
            pass


@pytest.mark.shared
@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_answers_are_judged_by_the_descriptions(serve: Serve, flavor: str) -> None:
    """The judge has an opinion on answers and on errors, and refuses a wrong one."""
    wire = await serve(flavor)
    before = len(wire.judge.used)
    await wire.call("GET", "/models")
    await wire.call("GET", "/files/file-0")
    assert before <= len(wire.judge.used) >= 2
    request = httpx2.Request("GET", f"http://wire.test{wire.base}/models")
    wrong = httpx2.Response(200, json={"object": "list", "data": [{"id": 3}]})
    with pytest.raises(AssertionError, match="not of type 'string'"):
        wire.judge.check(request, wrong, wire.base)


async def test_models_are_listed_and_deleted(serve: Serve) -> None:
    """Cards carry their shutdown date; only tuned models can be deleted."""
    wire = await serve()
    listed = [one async for one in wire.sdk.models.list()]
    assert [one.id for one in listed] == sorted(one.id for one in listed)
    card = await wire.sdk.models.retrieve("gpt-4.1-mini-2025-04-14")
    assert card.to_dict()["shutdown_date"] == "2027-01-14"
    assert (await wire.sdk.models.retrieve("gpt-6-luna")).to_dict()["shutdown_date"] is None
    assert (await wire.refused("DELETE", "/models/gpt-6-luna"))[0] == 403
    assert (await wire.refused("GET", f"/models/{ModelId('gone')}"))[:2] == (404, "model_not_found")
