"""Files over the wire."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import openai
import pytest

from tailorbird.providers.fake import Fault, Script
from tailorbird.testing.wire import WireSettings

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""


ROW = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
ROWS = "\n".join(json.dumps(ROW) for _ in range(12)).encode()
EDGE = "--edge\r\n"


def form(*parts: str, end: str = "--edge--\r\n") -> bytes:
    """Give a form of some parts."""
    return ("".join(EDGE + part + "\r\n" for part in parts) + end).encode()


PURPOSE = 'Content-Disposition: form-data; name="purpose"\r\n\r\nfine-tune'
FILE = 'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}'
HEAD = {"content-type": "multipart/form-data; boundary=edge"}


@pytest.mark.parametrize("flavor", ["openai", "azure", "plain"])
async def test_a_file_is_stored_shown_listed_read_and_deleted(serve: Serve, flavor: str) -> None:
    """A file goes round through the official client."""
    wire = await serve(flavor)
    made = await wire.sdk.files.create(file=("行.jsonl", ROWS), purpose="fine-tune")
    assert (made.filename, made.bytes, made.purpose) == ("行.jsonl", len(ROWS), "fine-tune")
    assert (await wire.sdk.files.retrieve(made.id)).id == made.id
    assert [one.id async for one in wire.sdk.files.list()] == [made.id]
    assert (await wire.sdk.files.content(made.id)).content == ROWS
    assert (await wire.sdk.files.delete(made.id)).deleted is True
    with pytest.raises(openai.NotFoundError):
        await wire.sdk.files.retrieve(made.id)
    assert (await wire.call("GET", "/files")).json()["first_id"] is None


async def test_a_file_on_azure_is_pending_until_it_is_processed(serve: Serve) -> None:
    """Time passes with each look-up, so that the official helper sees the end."""
    wire = await serve("azure", wire=WireSettings(seconds_per_request=6))
    made = await wire.sdk.files.create(file=("a.jsonl", ROWS), purpose="fine-tune")
    words = [(await wire.sdk.files.retrieve(made.id)).status for _ in range(3)]
    assert [made.status, *words] == ["pending", "running", "running", "processed"]


async def test_a_large_file_comes_in_pieces(serve: Serve) -> None:
    """What is longer than a piece comes whole."""
    wire = await serve("plain")
    content = b"0123456789" * 250_000
    made = await wire.sdk.files.create(file=("a.txt", content), purpose="assistants")
    assert (await wire.sdk.files.content(made.id)).content == content


async def test_a_file_found_bad_says_why(serve: Serve) -> None:
    """Azure finds bad rows at the upload."""
    wire = await serve("azure")
    made = await wire.sdk.files.create(file=("a.jsonl", b"not json"), purpose="fine-tune")
    found = await wire.sdk.files.retrieve(made.id)
    assert found.status == "error"
    assert found.status_details


async def test_lists_come_in_pages(serve: Serve) -> None:
    """OpenAI pages by the last id, in either order, and filters; Azure gives all at once."""
    for flavor in ("openai", "azure"):
        wire = await serve(flavor)
        ids = [
            (await wire.sdk.files.create(file=(f"{n}.jsonl", ROWS), purpose=purpose)).id
            for n, purpose in enumerate(["fine-tune", "batch", "fine-tune"])
        ]
        page = (await wire.call("GET", "/files?limit=2&purpose=fine-tune")).json()
        assert [one["id"] for one in page["data"]] == [ids[2], ids[0]]
        first = (await wire.call("GET", "/files?limit=2")).json()
        assert first["has_more"] is (flavor == "openai")
        if flavor == "openai":
            assert [one.id async for one in wire.sdk.files.list(limit=1)] == ids[::-1]
            assert [one.id async for one in wire.sdk.files.list(limit=2, order="asc")] == ids
            path = f"/files?after={ids[2]}&before={ids[0]}"
            between = (await wire.call("GET", path)).json()
            assert [one["id"] for one in between["data"]] == [ids[1]]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=many", "limit"),
        ("order=up", "order"),
        ("after=file-0", "after"),
        ("before=file-0", "before"),
    ],
)
async def test_a_wrong_page_is_refused(serve: Serve, query: str, param: str) -> None:
    """The refusal names the parameter."""
    wire = await serve()
    assert (await wire.refused("GET", f"/files?{query}"))[::2] == (400, param)


async def test_a_file_can_expire(serve: Serve) -> None:
    """`expires_after` is taken from the form."""
    wire = await serve()
    made = await wire.sdk.files.create(
        file=("a.jsonl", ROWS),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert made.expires_at == made.created_at + 3600
    for anchor, seconds in (("now", "3600"), ("created_at", "soon"), ("created_at", "60")):
        response = await wire.http.post(
            f"{wire.base}/files",
            headers={"authorization": "Bearer test-key"},
            data={
                "purpose": "batch",
                "expires_after[anchor]": anchor,
                "expires_after[seconds]": seconds,
            },
            files={"file": ("a.jsonl", ROWS)},
        )
        assert response.status_code == 400
    missing = form(
        PURPOSE,
        'Content-Disposition: form-data; name="expires_after[anchor]"\r\n\r\ncreated_at',
        FILE,
    )
    assert (await wire.call("POST", "/files", headers=HEAD, content=missing)).status_code == 400


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (form(PURPOSE), "file"),
        (form(FILE), "purpose"),
        (form(PURPOSE.replace("fine-tune", "fun"), FILE), "purpose"),
        (form(PURPOSE, FILE, FILE.replace('"file"', '"other"')), "other"),
        (form(PURPOSE, FILE, end=""), None),
        (form(PURPOSE.replace("fine-tune", "x" * 70_000), FILE), "purpose"),
        (form(*[PURPOSE.replace("purpose", f"p{n}") for n in range(70)]), None),
        (form('Content-Disposition: form-data; filename="x"\r\n\r\nx'), None),
        (form("Content-Type: text/plain\r\n\r\nx"), None),
        (form(PURPOSE, FILE.replace("{}", "")), None),
        (form(PURPOSE, FILE.replace("a.jsonl", "../a.jsonl")), None),
        (form(PURPOSE, FILE).replace(b"fine-tune", b"\xff"), None),
        (b"nothing of the kind", None),
    ],
)
async def test_a_broken_form_is_refused(serve: Serve, content: bytes, param: str | None) -> None:
    """A form that is not whole, or not what is wanted, leaves nothing behind."""
    wire = await serve()
    refused = await wire.refused("POST", "/files", headers=HEAD, content=content)
    assert refused[::2] == (400, param)
    assert [one async for one in wire.provider.files.list()] == []


async def test_a_body_that_is_no_form_is_refused(serve: Serve) -> None:
    """Files come as forms only."""
    wire = await serve()
    assert (await wire.refused("POST", "/files", {"purpose": "batch"}))[:2] == (
        400,
        "invalid_content_type",
    )


async def test_a_file_above_the_limit_is_refused_while_it_comes(serve: Serve) -> None:
    """The size is bounded, that of the fields beside the file too."""
    wire = await serve(wire=WireSettings(max_upload_bytes=2 << 20))
    big = FILE.replace("{}", "x" * (3 << 20))
    refused = await wire.refused("POST", "/files", headers=HEAD, content=form(PURPOSE, big))
    assert refused[0] == 413
    small = FILE.replace("{}", "x" * (2 << 20))
    made = await wire.call("POST", "/files", headers=HEAD, content=form(PURPOSE, small))
    assert made.json()["bytes"] == 2 << 20
    fields = [PURPOSE.replace("fine-tune", "x" * 60_000)] * 60
    refused = await wire.refused("POST", "/files", headers=HEAD, content=form(*fields))
    assert refused[0] == 413


async def test_a_scripted_refusal_reaches_the_content(serve: Serve) -> None:
    """What is wrong is known before the answer begins."""
    script = Script().on("files.content", Fault.unavailable())
    wire = await serve(script=script)
    made = await wire.sdk.files.create(file=("a.jsonl", ROWS), purpose="fine-tune")
    assert (await wire.refused("GET", f"/files/{made.id}/content"))[0] == 503
    assert (await wire.refused("GET", "/files/file-0/content"))[0] == 404


async def test_uploads_leave_nothing_on_disk(serve: Serve) -> None:
    """A file lies in the spool for the length of its request."""
    wire = await serve()
    await wire.sdk.files.create(file=("a.jsonl", ROWS), purpose="fine-tune")
    path: Path = wire.app.worlds[0].spool.new_path()
    assert list(path.parent.iterdir()) == []


async def test_an_empty_file_is_refused_without_a_path_of_the_server(serve: Serve) -> None:
    """The refusal says what the cloud says, and nothing of the machine."""
    wire = await serve()
    content = form(PURPOSE, FILE.replace("{}", ""))
    answer = await wire.call("POST", "/files", content=content, headers=HEAD)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "File is empty."


async def test_a_client_that_leaves_in_the_midst_of_its_body_is_no_failure(serve: Serve) -> None:
    """Nobody is answered, and nothing is raised into the server."""
    wire = await serve()
    messages = iter([
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ])  # fmt: skip
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return next(messages)

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/embeddings",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer test-key")],
    }
    await wire.app(scope, receive, send)
    assert sent == []
    assert wire.app.seen[-1].status is None
