"""`/uploads`: large files in parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tailorbird.exceptions import ProviderError, TailorbirdError
from tailorbird.testing._wire.bodies import WireModel, invalid, read_body, read_model
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.files.files import expiry_of, file_json, purpose_of
from tailorbird.testing._wire.files.multipart import read_form
from tailorbird.testing._wire.routing import route

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World
    from tailorbird.types.files import StoredFile

MOST_PART_BYTES = 64 << 20
"""Largest part. Source: OpenAI's description of addUploadPart, read 2026-11-22."""

_MOST_BYTES = 8 << 30  # the same, of createUpload
_LIFE = timedelta(hours=1)  # the same: an upload expires an hour after it was made
_MOST_UPLOADS = 1_000  # our choice, so that forgotten ones do not pile up


class _Expiry(WireModel):
    anchor: str
    seconds: int


class _UploadBody(WireModel):
    filename: str
    purpose: str
    bytes: Annotated[int, Field(ge=1, le=_MOST_BYTES)]
    mime_type: str
    expires_after: _Expiry | None = None


class _CompleteBody(WireModel):
    part_ids: list[str]
    md5: str | None = None


@dataclass(slots=True, kw_only=True)
class _Upload:
    id: str
    body: _UploadBody
    expires_after_s: int | None
    created_at: datetime
    status: str = "pending"
    parts: dict[str, Path] = field(default_factory=dict[str, "Path"])
    file: StoredFile | None = None


def routes(world: World) -> list[Route]:
    """Give the routes; none where the cloud has no uploads in parts."""
    if not world.dialect.uploads:
        return []
    uploads, one = _Uploads(world), "/uploads/{id}"
    return [
        route(world, "POST", "/uploads", "uploads.create", uploads.create),
        route(world, "POST", f"{one}/parts", "uploads.part", uploads.add),
        route(world, "POST", f"{one}/complete", "uploads.complete", uploads.complete),
        route(world, "POST", f"{one}/cancel", "uploads.cancel", uploads.cancel),
    ]


class _Uploads:
    def __init__(self, world: World) -> None:
        self._world = world
        self._uploads: dict[str, _Upload] = {}

    async def create(self, request: Request) -> Response:
        world = self._world
        body = await read_model(request, world, _UploadBody)
        purpose_of(body.purpose)
        expiry = body.expires_after
        upload = _Upload(
            id=world.new_id("upload_"),
            body=body,
            expires_after_s=None
            if expiry is None
            else expiry_of(expiry.anchor, str(expiry.seconds)),
            created_at=world.now(),
        )
        self._uploads[upload.id] = upload
        if len(self._uploads) > _MOST_UPLOADS:
            await self._forget(self._uploads.pop(next(iter(self._uploads))))
        return json_response(self._shown(upload))

    async def add(self, request: Request) -> Response:
        world, upload = self._world, self._pending(request)
        async with read_form(request, world, most_bytes=MOST_PART_BYTES) as form:
            form.require_file("data")
            path = await world.in_thread(lambda: form.path.rename(world.spool.new_path()))
        part = world.new_id("part_")
        upload.parts[part] = path
        return json_response(
            {
                "id": part,
                "object": "upload.part",
                "created_at": world.epoch(),
                "upload_id": upload.id,
            }
        )

    async def complete(self, request: Request) -> Response:
        world = self._world
        body = await read_model(request, world, _CompleteBody)
        upload = self._pending(request)
        missing = [one for one in body.part_ids if one not in upload.parts]
        if missing or not body.part_ids:
            raise invalid("part_ids", f"There is no part {missing[:1]!r} of this upload.")
        path = await world.in_thread(lambda: self._joined(upload, body))
        upload.status = "completed"  # before the wait: it is completed once
        try:
            upload.file = await self._stored(path, upload)
        except TailorbirdError as exc:
            if not isinstance(exc, ProviderError) or exc.accepted == "no":
                upload.status = "pending"
            raise
        finally:
            await world.in_thread(lambda: _remove([path]))
        await self._forget(upload)
        return json_response(self._shown(upload))

    async def cancel(self, request: Request) -> Response:
        await read_body(request, self._world)
        upload = self._pending(request)
        upload.status = "cancelled"
        await self._forget(upload)
        return json_response(self._shown(upload))

    async def _stored(self, path: Path, upload: _Upload) -> StoredFile:
        return await self._world.provider.files.create(
            path,
            name=upload.body.filename,
            purpose=purpose_of(upload.body.purpose),
            expires_after_s=upload.expires_after_s,
        )

    def _pending(self, request: Request) -> _Upload:
        """Give an upload that takes parts.

        Raises:
            WireError: There is none of that id, or it is not pending any more.
        """
        wanted = request.path_params["id"]
        upload = self._uploads.get(wanted)
        if upload is None:
            raise WireError(f"No such Upload object: {wanted}", status=404, param="id")
        if upload.status == "pending" and upload.created_at + _LIFE <= self._world.now():
            upload.status = "expired"
        if upload.status != "pending":
            raise WireError(f"The upload {wanted} is {upload.status}: it must be pending.")
        return upload

    def _joined(self, upload: _Upload, body: _CompleteBody) -> Path:
        """Put the parts together in the wanted order; it blocks.

        Raises:
            WireError: The size or the hash is another than was said.
        """
        path = self._world.spool.new_path()
        digest, size = hashlib.md5(usedforsecurity=False), 0
        with path.open("wb") as file:
            for piece in _pieces([upload.parts[one] for one in body.part_ids]):
                digest.update(piece)
                size += len(piece)
                file.write(piece)
        if size == upload.body.bytes and body.md5 in {None, digest.hexdigest()}:
            return path
        path.unlink()
        if size != upload.body.bytes:
            raise invalid(
                "part_ids",
                f"The parts have {size} bytes, the upload was made for {upload.body.bytes}.",
            )
        raise invalid("md5", "The MD5 of the parts is another than was given.")

    async def _forget(self, upload: _Upload) -> None:
        paths = list(upload.parts.values())
        upload.parts.clear()
        await self._world.in_thread(lambda: _remove(paths))

    def _shown(self, upload: _Upload) -> dict[str, JsonValue]:
        stored = upload.file
        return {
            "id": upload.id,
            "object": "upload",
            "bytes": upload.body.bytes,
            "created_at": int(upload.created_at.timestamp()),
            "expires_at": int((upload.created_at + _LIFE).timestamp()),
            "filename": upload.body.filename,
            "purpose": upload.body.purpose,
            "status": upload.status,
            "file": None if stored is None else file_json(stored, self._world),
        }


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _pieces(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                yield piece
