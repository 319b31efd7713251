"""The server that breaks HTTP: what a client sees of it, and what it records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from typing_extensions import override

from tailorbird.exceptions import InvalidInputError, ScriptError
from tailorbird.testing.faults import (
    STREAM_FAULTS,
    STREAM_TEXT,
    Answer,
    BadGzip,
    Disconnect,
    FaultServer,
    GhostAnswer,
    IdleClose,
    Line,
    Message,
    Place,
    Receive,
    Redirect,
    Send,
    Stall,
    Status,
    Step,
    Stream,
    StreamFault,
    Trickle,
    TruncatedJson,
    WireFault,
)

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """A client that changes nothing."""
    async with httpx2.AsyncClient(trust_env=False) as opened:
        yield opened


class Echo:
    """An app that gives back what it was sent, and remembers it."""

    def __init__(self) -> None:
        self.scopes: list[Message] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]  # type: ignore[operator]
            more = bool(message["more_body"])
        self.scopes.append(scope)
        self.bodies.append(body)
        headers = [(b"Content-Type", b"application/json"), (b"X-Request-Id", b"r1")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"got": "%b"}' % body})


async def test_request_goes_to_the_app(client: httpx2.AsyncClient) -> None:
    """What the script does not name is answered by the app, which sees the request as it is."""
    app = Echo()
    async with FaultServer(app) as server:
        response = await client.post(
            f"{server.url}/v1/%E6%98%A5?a=1&b=2", content="夏".encode(), headers={"X-A": "b"}
        )
    assert (response.status_code, response.text) == (201, '{"got": "夏"}')
    assert response.headers["x-request-id"] == "r1"
    (scope,) = app.scopes
    assert (scope["type"], scope["method"], scope["path"]) == ("http", "POST", "/v1/春")
    assert (scope["raw_path"], scope["query_string"]) == (b"/v1/%E6%98%A5", b"a=1&b=2")
    assert (b"x-a", b"b") in scope["headers"]  # type: ignore[operator]


async def test_record_says_what_reached_the_wire(client: httpx2.AsyncClient) -> None:
    """Method, target, headers, body, time and connection of each request are recorded."""
    async with FaultServer() as server:
        await client.put(
            f"{server.url}/a?b=c", content=b"body", headers=[("X-A", "1"), ("X-A", "2")]
        )
        await client.get(f"{server.url}/d")
        assert server.open_connections == 1
    first, second = server.seen
    assert (first.method, first.target, first.body, first.size_bytes) == (
        "PUT",
        "/a?b=c",
        b"body",
        4,
    )
    assert first.headers["x-a"] == "1, 2"
    assert (first.connection, second.connection, server.connections) == (1, 1, 1)
    assert server.gaps() == [second.at_s - first.at_s]
    assert server.gaps()[0] >= 0
    assert server.open_connections == 0


async def test_long_body_is_counted_and_cut(client: httpx2.AsyncClient) -> None:
    """Of a long body sent in chunks the first MiB is kept, and the app gets all of it."""
    app = Echo()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (1 << 20)

    async with FaultServer(app) as server:
        await client.post(server.url, content=body())
    assert (len(server.seen[0].body), server.seen[0].size_bytes) == (1 << 20, 3 << 20)
    assert len(app.bodies[0]) == 3 << 20


async def test_steps_are_used_in_their_order(client: httpx2.AsyncClient) -> None:
    """The first step that fits and has uses left counts; method and path choose."""
    script = [
        Step(fault=Status(500), method="POST", path="/v1/jobs"),
        Step(fault=None, path="/v1/files"),
        Step(fault=Status(501), path="/v1/files", times=2),
        Step(fault=Status(502), path="/v1/models", times=None),
    ]
    async with FaultServer(None, script) as server:

        async def status(method: str, path: str) -> int:
            return (await client.request(method, server.url + path)).status_code

        assert await status("GET", "/v1/jobs") == 200
        assert await status("POST", "/v1/jobs/1") == 500
        assert await status("POST", "/v1/jobs/1") == 200
        assert [await status("GET", "/v1/files") for _ in range(4)] == [200, 501, 501, 200]
        assert [await status("GET", "/v1/models?x") for _ in range(3)] == [502, 502, 502]
        server.add(Step(fault=Status(503)))
        assert await status("GET", "/") == 503


async def test_committed_answer_is_lost_after_the_effect(client: httpx2.AsyncClient) -> None:
    """With `commit` the app handles the request, and only its answer is lost or spoilt."""
    app = Echo()
    script = [
        Step(fault=Disconnect(), commit=True),
        Step(fault=TruncatedJson(), commit=True),
        Step(fault=Disconnect()),
    ]
    async with FaultServer(app, script) as server:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.post(server.url, content=b"1")
        response = await client.post(server.url, content=b"2")
        assert (response.status_code, response.text) == (201, '{"got"')
        assert response.headers["x-request-id"] == "r1"
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.post(server.url, content=b"3")
    assert app.bodies == [b"1", b"2"]
    assert [seen.body for seen in server.seen] == [b"1", b"2", b"3"]


async def test_app_may_leave_a_body_unread(client: httpx2.AsyncClient) -> None:
    """A body that the app does not read is read all the same, so that the connection goes on."""

    async def app(_scope: Message, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with FaultServer(app) as server:
        await client.post(server.url, content=b"x" * 100_000)
        assert (await client.post(server.url, content=b"y")).status_code == 204
    assert [seen.size_bytes for seen in server.seen] == [100_000, 1]
    assert server.connections == 1


async def test_stream_of_an_app_comes_piece_by_piece(client: httpx2.AsyncClient) -> None:
    """Pieces of an answer are passed on at once; an app with a length of its own keeps it."""
    go_on = asyncio.Event()

    async def app(scope: Message, _receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"6")] if scope["path"] == "/sized" else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"two"})

    async with FaultServer(app) as server:
        for path, framing in [("/", "transfer-encoding"), ("/sized", "content-length")]:
            go_on.clear()
            async with client.stream("GET", server.url + path) as response:
                pieces = response.aiter_raw()
                assert await anext(pieces) == b"one"
                go_on.set()
                assert [piece async for piece in pieces] == [b"two"]
                assert framing in response.headers
        assert (await client.head(f"{server.url}/sized")).content == b""


async def test_app_learns_that_the_client_left(client: httpx2.AsyncClient) -> None:
    """An app that waits for the end of the client gets it as ASGI says; that is no error."""
    heard: list[object] = []

    async def app(_scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        heard.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200})
        for _ in range(9):
            await send({"type": "http.response.body", "body": b"late", "more_body": True})
        raise RuntimeError("nobody listens")

    async with FaultServer(app) as server:
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(server.url, timeout=0.05)
        await server.until_disconnected()
    assert heard == ["http.disconnect"]


@pytest.mark.parametrize("commit", [True, False])
async def test_error_of_the_app_is_raised_at_the_end(
    client: httpx2.AsyncClient, *, commit: bool
) -> None:
    """What the app raises ends the connection, and the block."""

    async def app(_scope: Message, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("app is broken")

    script = [Step(fault=TruncatedJson(), commit=True)] if commit else []

    async def test_of_somebody() -> None:
        async with FaultServer(app, script) as server:
            with pytest.raises(httpx2.RemoteProtocolError):
                await client.get(server.url)

    with pytest.raises(ExceptionGroup) as caught:
        await test_of_somebody()
    assert [str(each) for each in caught.value.exceptions] == ["app is broken"]


async def test_unused_steps_are_an_error() -> None:
    """A script that nobody plays to its end fails the test, unless it failed already."""
    step = Step(fault=Status(500), times=2)
    with pytest.raises(ScriptError, match="status_code=500"):
        async with FaultServer(None, [step]):
            pass
    with pytest.raises(KeyError):
        async with FaultServer(None, [step]):
            raise KeyError


@pytest.mark.parametrize(
    "step", [Step(fault=Status(500), times=0), Step(fault=Status(500), commit=True)]
)
def test_impossible_steps_are_refused(step: Step) -> None:
    """A step for no request, and one that commits without an app, are refused at once."""
    with pytest.raises(ScriptError):
        FaultServer(None, [step])


async def test_server_is_opened_once() -> None:
    """A server that is open cannot be opened again."""
    async with FaultServer() as server:
        with pytest.raises(InvalidInputError, match="open already"):
            await server.__aenter__()
    await server.__aexit__(None, None, None)


async def test_waiting_for_the_end_has_a_limit(client: httpx2.AsyncClient) -> None:
    """Connections that stay open are told by a TimeoutError."""
    async with FaultServer() as server:
        await client.get(server.url)
        with pytest.raises(TimeoutError):
            await server.until_disconnected(timeout_s=0.02)


@pytest.mark.parametrize("at", ["before_headers", "after_headers", "mid_body"])
async def test_stall_goes_on_when_somebody_waits(client: httpx2.AsyncClient, at: Place) -> None:
    """After the silence the rest of the answer comes."""
    async with FaultServer(None, [Step(fault=Stall(0.02, at))]) as server:
        assert (await client.get(server.url)).json()["id"] == "scripted"


async def test_trickle_is_complete_in_the_end(client: httpx2.AsyncClient) -> None:
    """Drop by drop the whole body comes."""
    async with FaultServer(None, [Step(fault=Trickle(0.001, 10))]) as server:
        assert (await client.get(server.url)).json()["text"] == "春"


async def test_request_that_comes_too_early_is_not_lost() -> None:
    """What a client sends during pauses is the beginning of its next request."""
    request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    async with FaultServer(None, [Step(fault=Trickle(0.005, 9))]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request)
        await server.until_seen(1)
        writer.write(request)
        first = await reader.readuntil(b'"}')
        second = await reader.readuntil(b'"}')
        writer.close()
    assert first == second
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab",
        b"GET / HTT",
    ],
)
async def test_client_that_breaks_off_is_no_request(request_: bytes) -> None:
    """A request that does not arrive in full is neither answered nor recorded."""
    async with FaultServer() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert server.seen == ()


async def test_end_of_the_block_ends_what_is_under_way() -> None:
    """Leaving the block cuts connections in the middle of a fault, and waits for nobody."""
    async with FaultServer(None, [Step(fault=Stall(60.0))]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await server.until_seen(1)
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("fault", "status_code", "text"),
    [
        (Status(418, "short and stout"), 418, "short and stout"),
        (Status(299, [1]), 299, "[1]"),
        (Status(500), 500, ""),
        (Status(304, "no body"), 304, ""),
        (Redirect("https://other.test/", 301), 301, ""),
        (IdleClose(), 200, '{"id":"scripted","object":"scripted","text":"春"}'),
        (GhostAnswer(), 200, '{"id":"scripted","object":"scripted","text":"春"}'),
    ],
)
async def test_simple_faults(
    client: httpx2.AsyncClient, fault: WireFault, status_code: int, text: str
) -> None:
    """Statuses, redirects and good answers with a sequel are seen as scripted."""
    async with FaultServer(None, [Step(fault=fault)]) as server:
        response = await client.get(server.url)
    assert (response.status_code, response.text) == (status_code, text)


async def test_bad_gzip_cannot_be_decoded(client: httpx2.AsyncClient) -> None:
    """The compressed body is none."""
    async with FaultServer(None, [Step(fault=BadGzip())]) as server:
        with pytest.raises(httpx2.DecodingError):
            await client.get(server.url)


async def test_own_faults_can_be_written(client: httpx2.AsyncClient) -> None:
    """Anything with a method `play` is a fault."""

    class Teapot(WireFault):
        @override
        async def play(self, line: Line, answer: Answer) -> None:
            await line.send_answer(replace(answer, status_code=418, content=b"tea"))

    async with FaultServer(None, [Step(fault=Teapot())]) as server:
        assert (await client.get(server.url)).content == b"tea"


def texts(content: bytes) -> list[object]:
    """Give what stands in the data lines of a stream."""
    lines = content.decode().replace("\r\n", "\n").split("\n\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in data]


def joined(events: list[object]) -> str:
    """Join the text of chunks as a careful client does."""
    return "".join(
        choice.get("delta", {}).get("content", "")
        for event in events
        if isinstance(event, dict)
        for choice in event["choices"]
    )


@pytest.mark.parametrize(
    ("fault", "finished", "done"),
    [
        ("complete", True, True),
        ("cut_clean", False, False),
        ("no_done", True, False),
        ("no_finish", False, True),
        ("split_utf8", True, True),
        ("no_choices", True, True),
        ("crlf", True, True),
    ],
)
async def test_streams_that_can_be_read(
    client: httpx2.AsyncClient, fault: StreamFault, *, finished: bool, done: bool
) -> None:
    """These streams carry the whole text, with or without its end marks."""
    async with FaultServer(None, [Step(fault=Stream(fault, pause_s=0.0001))]) as server:
        response = await client.get(server.url)
    events = texts(response.content)
    assert joined(events) == STREAM_TEXT
    assert ("[DONE]" in events) is done
    assert ('"finish_reason": "stop"' in response.text) is finished
    assert response.headers["content-type"].startswith("text/event-stream")


async def test_chunks_without_choices_are_as_azure_sends_them(client: httpx2.AsyncClient) -> None:
    """The first chunk and the usage chunk have no choices, one choice has no delta."""
    async with FaultServer(None, [Step(fault=Stream("no_choices"))]) as server:
        events = texts((await client.get(server.url)).content)
    chunks = [event for event in events if isinstance(event, dict)]
    assert chunks[0]["choices"] == chunks[-1]["choices"] == []
    assert any("delta" not in choice for chunk in chunks for choice in chunk["choices"])


async def test_streams_that_cannot_be_read(client: httpx2.AsyncClient) -> None:
    """These streams are broken in the way that their name says."""
    script = [
        Step(fault=Stream("malformed_json")),
        Step(fault=Stream("invalid_utf8")),
        Step(fault=Stream("json_not_sse")),
        Step(fault=Stream("html_not_sse")),
        Step(fault=Stream("empty")),
        Step(fault=Stream("after_done")),
    ]
    async with FaultServer(None, script) as server:
        answers = [await client.get(server.url) for _ in script]
    malformed, invalid, whole, page, empty, after = (answer.content for answer in answers)
    with pytest.raises(json.JSONDecodeError):
        texts(malformed)
    with pytest.raises(UnicodeDecodeError):
        texts(invalid)
    assert json.loads(whole)["choices"][0]["message"]["content"] == STREAM_TEXT
    assert page.startswith(b"<!doctype html>")
    assert empty == b""
    assert texts(after)[-2] == "[DONE]"
    types = [answer.headers["content-type"] for answer in answers]
    assert types[2:4] == ["application/json", "text/html; charset=utf-8"]


@pytest.mark.parametrize(
    ("fault", "comments"),
    [(Stream("stall"), False), (Stream("keepalive_forever", silence_s=0.1), True)],
)
async def test_streams_that_do_not_end(
    client: httpx2.AsyncClient, fault: Stream, *, comments: bool
) -> None:
    """Silence and comments go on until the client leaves."""
    received = b""
    async with FaultServer(None, [Step(fault=fault)]) as server:
        async with asyncio.timeout(60.0), client.stream("GET", server.url) as response:
            async for piece in response.aiter_raw():
                received += piece
                if received.count(b"\n\n") == (5 if comments else 2):
                    break
        await server.until_disconnected()
    assert joined(texts(received)) == STREAM_TEXT[:1]
    assert (b": keep-alive" in received) is comments


async def test_stall_of_a_stream_ends_in_good_order(client: httpx2.AsyncClient) -> None:
    """A stream that was only silent for a while ends as it should."""
    async with FaultServer(None, [Step(fault=Stream("stall", silence_s=0.02))]) as server:
        response = await client.get(server.url)
    assert joined(texts(response.content)) == STREAM_TEXT[:1]


def test_all_streams_are_named() -> None:
    """The list of stream faults has each once."""
    assert len(set(STREAM_FAULTS)) == len(STREAM_FAULTS) == 15
