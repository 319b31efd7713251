"""Uploads in parts over the wire."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import openai
import pytest

from tailorbird.providers.fake import Fault, Script

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""

Wire: TypeAlias = Any
"""A served fake, or an object of the official client."""


CONTENT = b"0123456789" * 1_000


def made_for(size: int = len(CONTENT), **more: object) -> dict[str, Any]:
    """Give the body of an upload."""
    return {
        "filename": "big.txt",
        "purpose": "assistants",
        "bytes": size,
        "mime_type": "text/plain",
        **more,
    }


async def test_the_official_helper_uploads_in_parts(serve: Serve) -> None:
    """The parts are one file in the end."""
    wire = await serve()
    upload = await wire.sdk.uploads.upload_file_chunked(
        file=CONTENT,
        filename="big.txt",
        bytes=len(CONTENT),
        mime_type="text/plain",
        purpose="assistants",
        part_size=3_000,
        md5=hashlib.md5(CONTENT).hexdigest(),  # noqa: S324 - what the protocol asks for
    )
    assert upload.status == "completed"
    assert (await wire.sdk.files.content(upload.file.id)).content == CONTENT


async def parts_of(wire: Wire, upload: str) -> list[str]:
    """Send two parts in the wrong order, and give their ids in the right one."""
    last, first = [
        (await wire.sdk.uploads.parts.create(upload, data=io.BytesIO(piece))).id
        for piece in (CONTENT[5_000:], CONTENT[:5_000])
    ]
    return [first, last]


async def test_parts_are_joined_in_the_order_that_is_given(serve: Serve) -> None:
    """Sizes and hashes are compared; a wrong try leaves the upload pending."""
    wire = await serve()
    expiry = {"anchor": "created_at", "seconds": 3600}
    made = (await wire.call("POST", "/uploads", made_for(expires_after=expiry))).json()
    ids = await parts_of(wire, made["id"])
    complete = f"/uploads/{made['id']}/complete"
    for body, param in (
        ({"part_ids": ids[:1]}, "part_ids"),
        ({"part_ids": []}, "part_ids"),
        ({"part_ids": ["part_0"]}, "part_ids"),
        ({"part_ids": ids, "md5": "0" * 32}, "md5"),
    ):
        assert (await wire.refused("POST", complete, body))[::2] == (400, param)
    done = (await wire.call("POST", complete, {"part_ids": ids})).json()
    assert done["status"] == "completed"
    assert done["file"]["expires_at"] == done["file"]["created_at"] + 3600
    assert (await wire.sdk.files.content(done["file"]["id"])).content == CONTENT
    assert (await wire.refused("POST", complete, {"part_ids": ids}))[0] == 400


async def test_an_upload_can_be_cancelled_and_expires(serve: Serve) -> None:
    """Neither takes parts any more."""
    wire = await serve()
    made = await wire.sdk.uploads.create(**made_for())
    await parts_of(wire, made.id)
    assert (await wire.sdk.uploads.cancel(made.id)).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="cancelled"):
        await parts_of(wire, made.id)
    other = await wire.sdk.uploads.create(**made_for())
    await wire.provider.clock.sleep(3_600)
    with pytest.raises(openai.BadRequestError, match="expired"):
        await parts_of(wire, other.id)
    with pytest.raises(openai.NotFoundError):
        await parts_of(wire, "upload_0")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"purpose": "fun"}, "purpose"),
        ({"bytes": 0}, "bytes"),
        ({"filename": None}, "filename"),
        ({"expires_after": {"anchor": "now", "seconds": 3600}}, "expires_after.anchor"),
    ],
)
async def test_a_wrong_upload_is_refused(serve: Serve, change: dict[str, Any], param: str) -> None:
    """The refusal names the parameter."""
    wire = await serve()
    assert (await wire.refused("POST", "/uploads", made_for(**change)))[::2] == (400, param)


async def test_a_part_needs_its_field(serve: Serve) -> None:
    """A form without `data` is refused."""
    wire = await serve()
    made = await wire.sdk.uploads.create(**made_for())
    head = {"content-type": "multipart/form-data; boundary=edge"}
    refused = await wire.refused(
        "POST", f"/uploads/{made.id}/parts", headers=head, content=b"--edge--\r\n"
    )
    assert refused[::2] == (400, "data")


async def test_a_refused_file_leaves_the_upload_pending(serve: Serve) -> None:
    """What the provider did not take can be tried again; what it may have taken cannot."""
    script = (
        Script()
        .on("files.create", Fault.rate_limited())
        .on("files.create", Fault.unavailable(), occurrence=2)
    )
    wire = await serve(script=script)
    made = await wire.sdk.uploads.create(**made_for())
    body = {"part_ids": await parts_of(wire, made.id)}
    complete = f"/uploads/{made.id}/complete"
    statuses = [(await wire.refused("POST", complete, body))[0] for _ in range(3)]
    assert statuses == [429, 503, 400]


async def test_forgotten_uploads_make_room(serve: Serve) -> None:
    """The oldest of a thousand goes."""
    wire = await serve()
    wire.judge = None
    first = (await wire.call("POST", "/uploads", made_for())).json()["id"]
    for _ in range(1_000):
        await wire.call("POST", "/uploads", made_for())
    refused = await wire.refused("POST", f"/uploads/{first}/cancel", {})
    assert refused[0] == 404
