"""Large files: OpenAI's Uploads API, several parts at a time, each streamed from its place on disk.

Limits and life of an upload: OpenAI, API reference, "Uploads", and openai 3.54.0,
`resources/uploads/uploads.py`, read 2026-11-22.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import anyio
from pydantic import Field

from tailorbird._openai_sdk.answers import Id, Wire, WireT, read
from tailorbird._openai_sdk.connection import checked_path
from tailorbird._openai_sdk.files.multipart import Form, FormFile, media_type, safe_name
from tailorbird._openai_sdk.files.stored import WireFile
from tailorbird.exceptions import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.files.sources import Source
    from tailorbird._openai_sdk.received import Received

PART_BYTES = 32 << 20
"""Length of a part: half of the 64 MB that are allowed, so that one that breaks costs less."""

PARTS_AT_ONCE = 4
"""Parts that are sent at the same time; each needs a few mebibytes of memory."""

OPERATION = "files.create"
"""What errors name: the parts are the caller's one call."""

_CANCEL_S = 5.0

_PathId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.:-]*$")]


class WireUpload(Wire):
    """An upload."""

    id: _PathId
    """Its id; it becomes part of the addresses that follow."""
    file: WireFile | None = None
    """The file that it became; None until it is complete."""


class WirePart(Wire):
    """One part that has arrived."""

    id: Id
    """Its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartedUpload:
    """One file on its way in parts."""

    connection: Connection
    """Where it goes."""
    source: Source
    """Its content."""
    name: str
    """Name it is stored under."""
    purpose: str
    """What it is for."""
    expiry: Mapping[str, str | int] | None
    """`expires_after` as it is sent; None keeps the file."""
    timeout_s: float
    """Seconds for each request with its repetitions."""
    part_bytes: int = PART_BYTES
    """Length of a part."""

    async def run(self) -> WireFile:
        """Send all parts and join them; whatever goes wrong, the upload is cancelled.

        Raises:
            InvalidInputError: The file was changed meanwhile.
            UnexpectedResponseError: It was completed, and the answer names no file.
            ProviderError: Anything else the provider said.
        """
        upload_id = await self._begin()
        try:
            part_ids, md5 = await self._send(upload_id)
            return await self._complete(upload_id, part_ids, md5)
        except BaseException:
            # Cancellations too. The bound keeps a caller who is leaving from waiting; an upload
            # that is not cancelled expires by itself after an hour.
            with anyio.move_on_after(_CANCEL_S, shield=True):
                await self._cancel(upload_id)
            raise

    async def _begin(self) -> str:
        body: dict[str, object] = {
            "filename": safe_name(self.name),
            "purpose": self.purpose,
            "bytes": self.source.size_bytes,
            "mime_type": media_type(self.name),
        }
        if self.expiry is not None:
            body["expires_after"] = self.expiry
        received = await self._post("/uploads", body)
        return self._read(WireUpload, received).id

    async def _send(self, upload_id: str) -> tuple[list[str], str]:
        starts = range(0, self.source.size_bytes, self.part_bytes)
        todo = iter(starts)
        ids: dict[int, str] = {}

        async def work() -> None:
            for start in todo:  # shared by all: each takes what is next
                ids[start] = await self._send_part(upload_id, start)

        try:
            async with asyncio.TaskGroup() as group:
                hashing = group.create_task(self.source.md5())
                for _ in starts[:PARTS_AT_ONCE]:
                    group.create_task(work())
        except ExceptionGroup as several:
            first = several.exceptions[0]
        else:
            return [ids[start] for start in starts], hashing.result()
        raise first

    async def _send_part(self, upload_id: str, start: int) -> str:
        size = min(self.part_bytes, self.source.size_bytes - start)
        part = FormFile(field="data", name="part", source=self.source.part(start, size))
        form = Form(fields={}, file=part)
        received = await self.connection.post_content(
            checked_path("/uploads/{upload}/parts", upload=upload_id),
            operation=OPERATION,
            content=form.pieces,
            headers=form.headers,
            repeat="safe",  # a part that came twice is left out of the list, and with it dropped
            timeout_s=self.timeout_s,
        )
        return self._read(WirePart, received).id

    async def _complete(self, upload_id: str, part_ids: list[str], md5: str) -> WireFile:
        path = checked_path("/uploads/{upload}/complete", upload=upload_id)
        received = await self._post(path, {"part_ids": part_ids, "md5": md5})
        file = self._read(WireUpload, received).file
        if file is None:
            reason = f"upload {upload_id!r} was completed without a file"
            raise self.connection.unexpected(OPERATION, reason, received)
        return file

    async def _cancel(self, upload_id: str) -> None:
        path = checked_path("/uploads/{upload}/cancel", upload=upload_id)
        # What went wrong before is what the caller must know.
        with suppress(ProviderError):
            await self.connection.post(
                path, operation=OPERATION, repeat="safe", timeout_s=_CANCEL_S
            )

    async def _post(self, path: str, body: Mapping[str, object]) -> Received:
        return await self.connection.post(
            path, operation=OPERATION, body=body, repeat="if-refused", timeout_s=self.timeout_s
        )

    def _read(self, model: type[WireT], received: Received) -> WireT:
        return read(model, received, connection=self.connection, operation=OPERATION)
