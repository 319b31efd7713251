"""`/files`."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, cast, get_args

from tailorbird.testing._wire.bodies import invalid
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.files.multipart import read_form
from tailorbird.testing._wire.paging import Window, page_of, window_of
from tailorbird.testing._wire.routing import route
from tailorbird.testing._wire.streams import PiecesResponse
from tailorbird.types.files import FilePurpose
from tailorbird.types.ids import FileId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.files.multipart import Form
    from tailorbird.testing._wire.world import World
    from tailorbird.types.files import StoredFile

RESULTS = "fine-tune-results"
"""What the metrics of a job are said to be for."""

_MOST = 10_000  # files in one page, and as many without a limit: OpenAI's description of listFiles
_WHOLE = re.compile(r"\d{1,12}")


def routes(world: World) -> list[Route]:
    """Give the routes."""
    files = _Files(world)
    return [
        route(world, "POST", "/files", "files.create", files.create),
        route(world, "GET", "/files", "files.list", files.list),
        route(world, "GET", "/files/{id}", "files.get", files.get),
        route(world, "DELETE", "/files/{id}", "files.delete", files.delete),
        route(world, "GET", "/files/{id}/content", "files.content", files.content),
    ]


def file_json(stored: StoredFile, world: World) -> dict[str, JsonValue]:
    """Give a file as the cloud shows it."""
    purpose = world.purposes.setdefault(stored.id, stored.purpose)
    shown: dict[str, JsonValue] = {
        "id": stored.id,
        "object": "file",
        "bytes": stored.size_bytes,
        "created_at": int(stored.created_at.timestamp()),
        "filename": stored.name,
        "purpose": purpose,
        "status": stored.raw_status,
    }
    if stored.expires_at is not None:
        shown["expires_at"] = int(stored.expires_at.timestamp())
    if stored.status_details is not None:
        shown["status_details"] = stored.status_details
    return shown


def expiry_of(anchor: str | None, seconds: str | None) -> int | None:
    """Read `expires_after`.

    Raises:
        WireError: The anchor is another than `created_at`, or the seconds are no number.
    """
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise invalid("expires_after.anchor", "Supported anchors: 'created_at'.")
    if seconds is None or not _WHOLE.fullmatch(seconds):
        raise invalid("expires_after.seconds", "'expires_after.seconds' must be an integer.")
    return int(seconds)


def purpose_of(word: str) -> FilePurpose:
    """Read what a file is for.

    Raises:
        WireError: There is no such purpose.
    """
    if word not in get_args(FilePurpose):
        raise invalid("purpose", f"{word[:40]!r} is not one of {', '.join(get_args(FilePurpose))}.")
    return cast("FilePurpose", word)


class _Files:
    def __init__(self, world: World) -> None:
        self._world = world
        self._files = world.provider.files

    async def create(self, request: Request) -> Response:
        most = self._world.settings.max_upload_bytes
        async with read_form(request, self._world, most_bytes=most) as form:
            return json_response(file_json(await self._stored(form), self._world))

    async def _stored(self, form: Form) -> StoredFile:
        fields = form.fields
        name = form.require_file("file")
        if not (await self._world.in_thread(form.path.stat)).st_size:
            raise WireError("File is empty.")
        return await self._files.create(
            form.path,
            name=name,
            purpose=purpose_of(form.require("purpose")),
            expires_after_s=expiry_of(
                fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]")
            ),
        )

    async def list(self, request: Request) -> Response:
        world = self._world
        window = Window(limit=_MOST)
        if world.dialect.paged_files:
            window = window_of(request, default=_MOST, most=_MOST)
        shown = [file_json(one, world) async for one in self._files.list()]
        wanted = request.query_params.get("purpose")
        kept = [one for one in shown if wanted is None or wanted == one["purpose"]]
        return json_response(page_of(kept, window, key=lambda one: str(one["id"]), show=dict))

    async def get(self, request: Request) -> Response:
        stored = await self._files.get(_id(request))
        return json_response(file_json(stored, self._world))

    async def delete(self, request: Request) -> Response:
        file_id = _id(request)
        await self._files.delete(file_id)
        for tell in self._world.file_gone:
            await tell(file_id)
        return json_response({"id": file_id, "object": "file", "deleted": True})

    async def content(self, request: Request) -> Response:
        file_id = _id(request)
        encoded = self._world.dialect.encoded_results and await self._is_result(file_id)
        pieces = self._files.content(file_id)
        # What is wrong is known with the first piece, before the answer begins.
        first = await anext(pieces, b"")
        whole = _joined(first, pieces)
        return PiecesResponse(
            _base64(whole) if encoded else whole, media_type="application/octet-stream"
        )

    async def _is_result(self, file_id: FileId) -> bool:
        purpose = self._world.purposes.get(file_id)
        if purpose is None:
            purpose = (await self._files.get(file_id)).purpose
        return purpose == RESULTS


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _base64(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Encode pieces as one text."""
    left = b""
    async for piece in pieces:
        whole = left + piece
        cut = len(whole) - len(whole) % 3
        left = whole[cut:]
        yield base64.b64encode(whole[:cut])
    yield base64.b64encode(left)


def _id(request: Request) -> FileId:
    return FileId(request.path_params["id"])
