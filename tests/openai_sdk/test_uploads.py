"""Large files: in parts, several at a time, joined at the end or taken back."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import httpx2
import pytest

from tailorbird._openai_sdk.files.files import FilesDialect
from tailorbird.exceptions import (
    DeadlineError,
    InvalidRequestError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Cloud, Taken, Tools

SMALL = FilesDialect(single_bytes=10, part_bytes=4)
"""Files of more than ten bytes go in parts of four."""

SENT = b"0123456789ab\xe3\x81\x82"
PARTS = "POST /uploads/upload_1/parts"
COMPLETE = "POST /uploads/upload_1/complete"
CANCEL = "POST /uploads/upload_1/cancel"


def offer(cloud: Cloud, tools: Tools, **file: object) -> None:
    """Let the server take an upload; each part's id says what is in it."""

    def part(taken: Taken) -> object:
        return {"id": f"part_{taken.form.content.hex()}", "upload_id": "upload_1"}

    upload = {"id": "upload_1", "object": "upload", "status": "pending"}
    cloud.on("POST /uploads", upload)
    cloud.on(PARTS, part)
    stored = tools.file(bytes=len(SENT)) | file
    cloud.on(COMPLETE, upload | {"status": "completed", "file": stored})
    cloud.on(CANCEL, upload | {"status": "cancelled"})


async def test_large_file_goes_in_parts(cloud: Cloud, tools: Tools, tmp_path: Path) -> None:
    """Every byte goes out once, the parts are joined in order, and the hash goes along."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(SENT)
    offer(cloud, tools)
    stored = await cloud.files(SMALL).create(path, purpose="batch", expires_after_s=3600)
    assert stored.size_bytes == len(SENT)
    assert cloud.sent("POST /uploads")[0].json == {
        "filename": "rows.jsonl",
        "purpose": "batch",
        "bytes": len(SENT),
        "mime_type": "text/jsonl",
        "expires_after": {"anchor": "created_at", "seconds": 3600},
    }
    parts = [SENT[start : start + 4] for start in range(0, len(SENT), 4)]
    forms = [taken.form for taken in cloud.sent(PARTS)]
    assert sorted(form.content for form in forms) == sorted(parts)
    assert {(form.file_field, tuple(form.fields)) for form in forms} == {("data", ())}
    [completed] = cloud.sent(COMPLETE)
    assert completed.json == {
        "part_ids": [f"part_{part.hex()}" for part in parts],
        "md5": hashlib.md5(SENT, usedforsecurity=False).hexdigest(),
    }
    assert cloud.sent(CANCEL) == []
    assert cloud.sent("POST /files") == []


async def test_parts_are_sent_side_by_side_and_not_all_at_once(cloud: Cloud, tools: Tools) -> None:
    """Four parts are under way at a time, in whichever order they arrive."""
    offer(cloud, tools, bytes=40)
    under_way: list[int] = []
    most = 0
    full = asyncio.Event()

    async def part(taken: Taken) -> object:
        nonlocal most
        under_way.append(1)
        most = max(most, len(under_way))
        if len(under_way) == 4:
            full.set()
        await full.wait()
        under_way.pop()
        return {"id": f"part_{taken.form.content.decode()}"}

    cloud.on(PARTS, part)
    sent = b"".join(bytes([65 + n]) * 4 for n in range(10))
    await cloud.files(SMALL).create(sent, name="a.jsonl")
    assert most == 4
    [completed] = cloud.sent(COMPLETE)
    expected = [f"part_{chr(65 + n) * 4}" for n in range(10)]
    assert isinstance(completed.json, dict)
    assert completed.json["part_ids"] == expected


async def test_lost_part_is_sent_again(cloud: Cloud, tools: Tools) -> None:
    """A part whose answer was lost is repeated: one that came twice is not named at the end."""
    offer(cloud, tools)
    lost = iter([httpx2.ReadError("reset"), tools.refusal(502)])

    def part(taken: Taken) -> object:
        return next(lost, {"id": f"part_{taken.form.content.hex()}"})

    cloud.on(PARTS, part)
    await cloud.files(SMALL).create(SENT, name="a.jsonl")
    assert len(cloud.sent(PARTS)) == 4 + 2
    [completed] = cloud.sent(COMPLETE)
    assert isinstance(completed.json, dict)
    assert len(set(completed.json["part_ids"])) == 4


async def test_creation_and_completion_are_sent_once(cloud: Cloud, tools: Tools) -> None:
    """What makes something is not repeated when its outcome is unknown."""
    offer(cloud, tools)
    cloud.on("POST /uploads", tools.refusal(500))
    with pytest.raises(ServiceUnavailableError):
        await cloud.files(SMALL).create(SENT, name="a.jsonl")
    assert len(cloud.taken) == 1
    offer(cloud, tools)
    cloud.on(COMPLETE, tools.refusal(500))
    with pytest.raises(ServiceUnavailableError) as caught:
        await cloud.files(SMALL).create(SENT, name="a.jsonl")
    assert caught.value.accepted == "unknown"
    assert len(cloud.sent(COMPLETE)) == 1


@pytest.mark.parametrize("call", [PARTS, COMPLETE])
async def test_failed_upload_is_cancelled(cloud: Cloud, tools: Tools, call: str) -> None:
    """A refusal on the way takes the upload back, and is what the caller is told."""
    offer(cloud, tools)
    cloud.on(call, tools.refusal(400, message="wrong hash"))
    with pytest.raises(InvalidRequestError, match="wrong hash"):
        await cloud.files(SMALL).create(SENT, name="a.jsonl")
    assert len(cloud.sent(CANCEL)) == 1


async def test_failed_cancellation_hides_nothing(cloud: Cloud, tools: Tools) -> None:
    """The caller is told what went wrong first."""
    offer(cloud, tools)
    cloud.on(PARTS, tools.refusal(400, message="wrong part"))
    cloud.on(CANCEL, tools.refusal(500))
    with pytest.raises(InvalidRequestError, match="wrong part"):
        await cloud.files(SMALL).create(SENT, name="a.jsonl")


async def test_cancelled_upload_is_cancelled_there_too(cloud: Cloud, tools: Tools) -> None:
    """A task that is cancelled takes its upload back before it ends."""
    offer(cloud, tools)
    begun = asyncio.Event()

    async def part(_: Taken) -> object:
        begun.set()
        return await asyncio.Event().wait()

    cloud.on(PARTS, part)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(cloud.files(SMALL).create(SENT, name="a.jsonl"))
        await begun.wait()
        task.cancel()
    assert task.cancelled()
    assert len(cloud.sent(CANCEL)) == 1


async def test_cancelled_scope_cancels_there_too(cloud: Cloud, tools: Tools) -> None:
    """The same within a scope of anyio, which cancels every wait and not just one."""
    offer(cloud, tools)
    with anyio.CancelScope() as scope:

        async def part(_: Taken) -> object:
            scope.cancel()
            return await asyncio.Event().wait()

        cloud.on(PARTS, part)
        await cloud.files(SMALL).create(SENT, name="a.jsonl")
    assert len(cloud.sent(CANCEL)) == 1


async def test_upload_that_is_late_is_cancelled(cloud: Cloud, tools: Tools) -> None:
    """The deadline holds all parts together."""
    offer(cloud, tools)

    async def part(_: Taken) -> object:
        return await asyncio.Event().wait()

    cloud.on(PARTS, part)
    with pytest.raises(DeadlineError):
        await cloud.files(SMALL).create(SENT, name="a.jsonl", timeout_s=1.0)
    assert len(cloud.sent(CANCEL)) == 1


@pytest.mark.parametrize("answer", [{"id": "upload_1"}, {"id": "upload_1", "file": None}])
async def test_completion_without_a_file_is_told(
    cloud: Cloud, tools: Tools, answer: object
) -> None:
    """A completion that names no file is an error whose outcome is unknown."""
    offer(cloud, tools)
    cloud.on(COMPLETE, answer)
    with pytest.raises(UnexpectedResponseError, match="without a file") as caught:
        await cloud.files(SMALL).create(SENT, name="a.jsonl")
    assert caught.value.accepted == "unknown"


async def test_upload_id_never_changes_the_address(cloud: Cloud, tools: Tools) -> None:
    """An id that would name another path is not used, wherever it comes from."""
    offer(cloud, tools)
    cloud.on("POST /uploads", {"id": "../files/file-1"})
    with pytest.raises(UnexpectedResponseError, match=r"^openai files\.create.*id: "):
        await cloud.files(SMALL).create(SENT, name="a.jsonl")
    assert [taken.path for taken in cloud.taken] == ["/uploads"]


async def test_joined_file_is_measured(cloud: Cloud, tools: Tools) -> None:
    """A joined file of another length is deleted again."""
    offer(cloud, tools, bytes=len(SENT) - 1)
    cloud.on("DELETE /files/file-1", {"id": "file-1", "deleted": True})
    with pytest.raises(UnexpectedResponseError, match="not stored whole"):
        await cloud.files(SMALL).create(SENT, name="a.jsonl")
    assert len(cloud.sent("DELETE /files/file-1")) == 1


async def test_pipe_goes_in_parts_too(cloud: Cloud, tools: Tools, tmp_path: Path) -> None:
    """A pipe that gives much is spooled and then sent in parts."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    offer(cloud, tools)
    writing = asyncio.get_running_loop().run_in_executor(None, pipe.write_bytes, SENT)
    await cloud.files(SMALL).create(pipe, name="rows.jsonl")
    await writing
    assert b"".join(sorted(one.form.content for one in cloud.sent(PARTS))) == b"".join(
        sorted(SENT[start : start + 4] for start in range(0, len(SENT), 4))
    )


SIZE = 96 << 20


@pytest.mark.parametrize("way", ["one request", "parts"])
async def test_memory_does_not_grow_with_the_file(
    cloud: Cloud, tools: Tools, tmp_path: Path, way: str
) -> None:
    """A file of 96 MiB needs less than 24 MiB of memory, in one request and in parts."""
    path = tmp_path / "large.jsonl"
    await asyncio.to_thread(_sparse, path)
    offer(cloud, tools, bytes=SIZE)
    cloud.keeps_bodies = False
    cloud.on(PARTS, {"id": "part_1"})
    cloud.on("POST /files", tools.file(bytes=SIZE))
    dialect = FilesDialect() if way == "one request" else FilesDialect(single_bytes=1 << 20)
    files = cloud.files(dialect)
    grown = await _grown(lambda: files.create(path))
    assert sum(taken.size_bytes for taken in cloud.taken) > SIZE
    assert grown < 24 << 20


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(SIZE)


async def _grown(call: Callable[[], Awaitable[object]]) -> int:
    """Give the most bytes of Python objects that a call held at a time."""
    tracemalloc.start()
    try:
        await call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
