"""What goes out for a call and what comes back, with the SDK in between."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from random import Random

import httpx2
import pytest

from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.connection import Connection, checked_path
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird.exceptions import (
    AuthenticationError,
    ConnectError,
    InvalidInputError,
    NotFoundError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)
from tailorbird.providers.fake import VirtualClock
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.types.secrets import Secret

KEY = "sk-test-0123456789abcdef"
SECRET = Secret(KEY, source="test")


class Server:
    """Answers with what it is told and remembers what it was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []
        self.bodies: list[bytes] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer the next request; the last answer is given again and again."""
        self.requests.append(request)
        self.bodies.append(await request.aread())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


def retrier() -> Retrier:
    """Make a retrier that waits in no time and draws the same waits each time."""
    seeded = Random(7)  # noqa: S311 - spreads waits, guards nothing
    return Retrier(RetryPolicy(), VirtualClock(), seeded, RetryBudget(100))


def connection(
    server: Callable[[httpx2.Request], Awaitable[httpx2.Response]],
    *,
    key: Secret | Callable[[], Awaitable[str]] | None = SECRET,
    renew: Callable[[], Awaitable[bool]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Connection:
    """Make a connection to a server in this process."""
    return Connection(
        Endpoint(
            provider="openai",
            base_url="https://api.openai.com/v1",
            key=key,
            renew=renew,
            headers=headers or {},
        ),
        retrier=retrier(),
        http=HttpSettings(),
        transport=httpx2.MockTransport(server),
    )


def ok(value: object = None, **headers: str) -> httpx2.Response:
    """Make a successful JSON answer."""
    return httpx2.Response(200, json=value, headers=headers)


def refused(status: int, code: str) -> httpx2.Response:
    """Make a refusal in OpenAI's shape."""
    error = {"message": "no", "code": code, "type": "invalid_request_error", "param": None}
    return httpx2.Response(status, json={"error": error}, headers={"x-request-id": "req-1"})


async def test_get_asks_below_the_base_url_with_the_key() -> None:
    """Path, query and key go out; bytes, headers and the request's id come back."""
    server = Server(ok({"data": []}, **{"x-request-id": "req-9"}))
    account = connection(server)
    await account.open()
    query = {"metadata[run]": "ä b", "limit": "2"}
    received = await account.get("/fine_tuning/jobs", operation="jobs.list", query=query)
    await account.close()
    [request] = server.requests
    assert request.method == "GET"
    assert request.url.path == "/v1/fine_tuning/jobs"
    assert dict(request.url.params) == query
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept-encoding"] == "identity"
    assert json.loads(received.content) == {"data": []}
    assert received.request_id == "req-9"
    assert received.headers["X-Request-Id"] == "req-9"


async def test_post_sends_json_once_when_it_creates_something() -> None:
    """A creation whose answer says 500 is not repeated, and the error says that it may exist."""
    server = Server(httpx2.Response(500, text="<title>oops</title>"))
    account = connection(server)
    await account.open()
    with pytest.raises(ServiceUnavailableError) as caught:
        await account.post(
            "/vector_stores", operation="retrieval.create", repeat="if-refused", body={"name": "質"}
        )
    await account.close()
    assert len(server.requests) == 1
    assert json.loads(server.bodies[0]) == {"name": "質"}
    assert server.requests[0].headers["content-type"] == "application/json"
    assert caught.value.accepted == "unknown"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None  # the SDK's error would carry the key


async def test_safe_calls_are_repeated_by_one_loop_only() -> None:
    """The SDK adds no attempts of its own: four in all."""
    server = Server(httpx2.Response(503))
    account = connection(server)
    await account.open()
    with pytest.raises(ServiceUnavailableError):
        await account.post("/embeddings", operation="embed", repeat="safe", body=b"{}")
    await account.close()
    assert len(server.requests) == RetryPolicy().attempts
    assert server.bodies[0] == b"{}"


async def test_connection_failures_are_ours() -> None:
    """What the HTTP library raises becomes an error that says whether the request left."""
    server = Server(httpx2.ConnectError("no route"))
    account = connection(server)
    await account.open()
    with pytest.raises(ConnectError) as caught:
        await account.delete("/files/file-1", operation="files.delete")
    await account.close()
    assert caught.value.accepted == "no"
    assert "api.openai.com" in str(caught.value)
    assert {request.method for request in server.requests} == {"DELETE"}


async def test_errors_of_the_http_library_that_the_sdk_lets_through() -> None:
    """A stream error that the SDK does not know still becomes ours."""
    server = Server(httpx2.StreamError("odd"))
    account = connection(server)
    await account.open()
    with pytest.raises(UnexpectedResponseError):
        await account.post("/x", operation="x", repeat="if-refused")
    await account.close()


async def test_expired_token_is_renewed_once() -> None:
    """After a 401 a new token is tried, once; a second 401 is the caller's."""
    tokens = iter(["old", "new", "newer"])

    async def token() -> str:
        return next(tokens)

    renewals: list[int] = []

    async def renew() -> bool:
        renewals.append(1)
        return True

    server = Server(refused(401, "expired"), ok({"id": "x"}))
    account = connection(server, key=token, renew=renew)
    await account.open()
    await account.get("/models", operation="models.list")
    assert [one.headers["authorization"] for one in server.requests] == ["Bearer old", "Bearer new"]
    server.answers = [refused(401, "expired")]
    with pytest.raises((AuthenticationError, RuntimeError)):
        await account.get("/models", operation="models.list")
    await account.close()
    assert len(renewals) == 2


async def test_wrong_key_is_not_tried_again() -> None:
    """Without a way to renew, or when there is nothing new, a 401 is final at once."""
    server = Server(refused(401, "invalid_api_key"))
    account = connection(server)
    await account.open()
    with pytest.raises(AuthenticationError) as caught:
        await account.get("/models", operation="models.list")
    await account.close()
    assert len(server.requests) == 1
    assert (caught.value.code, caught.value.request_id) == ("invalid_api_key", "req-1")
    assert KEY not in str(caught.value)

    async def nothing() -> bool:
        return False

    account = connection(server, renew=nothing)
    await account.open()
    with pytest.raises(AuthenticationError):
        await account.get("/models", operation="models.list")
    await account.close()


async def test_pieces_are_sent_as_they_come_and_made_anew_for_each_attempt() -> None:
    """A body of pieces keeps its own type and length, also when the SDK would build a form."""
    made: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        made.append(1)
        yield b"--b\r\n"
        yield b"--b--"

    server = Server(httpx2.Response(429, headers={"retry-after-ms": "5"}), ok({"id": "f"}))
    account = connection(server)
    await account.open()
    await account.post_content(
        "/files",
        operation="files.create",
        content=pieces,
        headers={"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "10"},
        repeat="if-refused",
        timeout_s=30,
    )
    await account.close()
    assert server.bodies == [b"--b\r\n--b--", b"--b\r\n--b--"]
    assert len(made) == len(server.requests)
    assert server.requests[0].headers["content-type"] == "multipart/form-data; boundary=b"
    assert server.requests[0].headers["content-length"] == "10"
    assert not [name for name in server.requests[0].headers if name.startswith("x-tailorbird")]


class Body(httpx2.AsyncByteStream):
    """A body in pieces that may break, and remembers that it was closed."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the pieces."""
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def aclose(self) -> None:
        """Remember."""
        self.closed = True


def streaming(body: Body) -> Connection:
    """Make a connection whose answers arrive piece by piece."""

    async def answer(request: httpx2.Request) -> httpx2.Response:
        assert "x-tailorbird-stream" not in request.headers
        return httpx2.Response(200, stream=body, headers={"x-request-id": "req-2"})

    return connection(answer)


async def test_stream_gives_pieces_as_they_arrive() -> None:
    """An answer of any length is given piece by piece and closed at the end."""
    body = Body(b"da", b"ta")
    account = streaming(body)
    await account.open()
    async with account.stream("/chat/completions", operation="chat.stream", body={}) as incoming:
        assert incoming.request_id == "req-2"
        assert incoming.headers["X-Request-Id"] == "req-2"
        assert [piece async for piece in incoming] == [b"da", b"ta"]
    assert body.closed
    await account.close()


async def test_stream_that_breaks_is_a_typed_error() -> None:
    """A connection that breaks within the body is our error, and the stream is closed."""
    body = Body(b"da", httpx2.ReadError("gone"))
    account = streaming(body)
    await account.open()
    async with account.stream("/x", operation="files.content", method="GET") as incoming:
        pieces = aiter(incoming)
        assert await anext(pieces) == b"da"
        with pytest.raises(ServiceUnavailableError):
            await anext(pieces)
    assert body.closed
    await account.close()


async def test_stream_is_closed_when_its_reader_is_cancelled() -> None:
    """Cancellation in the middle leaves no open answer behind, and goes on."""
    body = Body(b"one", b"two")
    account = streaming(body)
    await account.open()
    reading = asyncio.Event()

    async def read() -> None:
        async with account.stream("/x", operation="chat.stream", body={}):
            reading.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
        await reading.wait()
        task.cancel()
    assert task.cancelled()
    assert body.closed
    await account.close()


async def test_answers_that_came_whole_can_be_streamed() -> None:
    """A transport that has the whole body at once is read all the same."""
    account = connection(Server(ok({"a": 1})))
    await account.open()
    async with account.stream("/x", operation="chat.stream", body={}) as incoming:
        assert b"".join([piece async for piece in incoming]) == b'{"a":1}'
    await account.close()


async def test_shell_does_not_decide_who_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Organization, project, admin key and headers of the shell are not sent; ours are."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-shell")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-shell")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-shell")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Shell: yes\nbroken\nX-Mine: shell")
    server = Server(ok({}))
    account = connection(server, headers={"X-Mine": "mine"})
    await account.open()
    await account.get("/models", operation="models.list")
    await account.close()
    [request] = server.requests
    assert request.url.host == account.host == "api.openai.com"
    assert "shell" not in str(dict(request.headers))
    assert request.headers["x-mine"] == "mine"


async def test_organization_and_project_of_the_settings_are_sent() -> None:
    """What the settings name goes out."""
    server = Server(ok({}))
    account = Connection(
        Endpoint(
            provider="openai",
            base_url="https://api.openai.com/v1",
            key=SECRET,
            organization="org-1",
            project="proj-1",
        ),
        retrier=retrier(),
        http=HttpSettings(),
        transport=httpx2.MockTransport(server),
    )
    await account.open()
    await account.get("/models", operation="models.list")
    await account.close()
    assert server.requests[0].headers["openai-organization"] == "org-1"
    assert server.requests[0].headers["openai-project"] == "proj-1"


async def test_servers_without_keys_get_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key sends no authorization, whatever the shell holds."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-shell")
    server = Server(ok({}))
    account = connection(server, key=None)
    await account.open()
    await account.get("/models", operation="models.list")
    await account.close()
    assert "authorization" not in server.requests[0].headers


async def test_closed_and_opened_twice() -> None:
    """A connection is used while it is open, and opened once; closing twice does nothing."""
    account = connection(Server(ok({})))
    with pytest.raises(InvalidInputError, match="not open"):
        await account.get("/models", operation="models.list")
    await account.open()
    with pytest.raises(InvalidInputError, match="open already"):
        await account.open()
    await account.close()
    await account.close()


async def test_unexpected_names_host_and_reason_but_no_content() -> None:
    """The error for a wrong answer carries what support needs and nothing of the answer."""
    server = Server(ok({"secret": "content"}, **{"x-request-id": "req-3"}))
    account = connection(server)
    await account.open()
    received = await account.get("/models", operation="models.list")
    error = account.unexpected("models.list", "`data` is missing", received)
    await account.close()
    assert isinstance(error, UnexpectedResponseError)
    assert (error.request_id, error.status_code) == ("req-3", 200)
    assert "`data` is missing" in str(error)
    assert "content" not in str(error).replace("cannot", "")


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a?b", "a%2e", "a b", "a\nb", "a\\b", "a#"])
def test_ids_that_would_name_another_path_are_refused(bad: str) -> None:
    """Nothing is sent for an id that is no id."""
    with pytest.raises(InvalidInputError):
        checked_path("/files/{file}", file=bad)


def test_ids_stand_in_paths_as_they_are() -> None:
    """Colons and dots of real ids are kept."""
    name = "ft:gpt-4.1-mini-2025-04-14:org:faq:abc:ckpt-step-10"
    assert checked_path("/models/{model}", model=name) == f"/models/{name}"


def test_key_is_in_no_picture_of_the_endpoint() -> None:
    """Neither printing nor pickling an endpoint with a token source gives a key away."""

    async def token() -> str:
        return KEY

    endpoint = Endpoint(provider="openai", base_url="https://api.openai.com/v1", key=token)
    assert KEY not in repr(endpoint)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(endpoint)
    plain = Endpoint(provider="openai", base_url="https://api.openai.com/v1", key=SECRET)
    assert KEY not in repr(plain)


async def test_not_found_is_typed() -> None:
    """A 404 is the provider's, with its code."""
    account = connection(Server(refused(404, "model_not_found")))
    await account.open()
    with pytest.raises(NotFoundError) as caught:
        await account.get("/models/x", operation="models.get")
    await account.close()
    assert caught.value.code == "model_not_found"
