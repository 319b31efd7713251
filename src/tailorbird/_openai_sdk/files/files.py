"""Files of OpenAI and of those who speak its language."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird._openai_sdk.answers import Deleted, Page, read, require_id
from tailorbird._openai_sdk.connection import checked_path
from tailorbird._openai_sdk.files.contents import unwrapped
from tailorbird._openai_sdk.files.multipart import Form, FormFile
from tailorbird._openai_sdk.files.sources import PIECE_BYTES, open_source
from tailorbird._openai_sdk.files.stored import WireFile
from tailorbird._openai_sdk.files.uploads import PART_BYTES, PartedUpload
from tailorbird._openai_sdk.paging import Listing
from tailorbird._openai_sdk.received import Received
from tailorbird.exceptions import (
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    UnexpectedResponseError,
)
from tailorbird.protocols import Files
from tailorbird.protocols.arguments import check_expiry, time_limit, upload_name
from tailorbird.retry import glance, was_in_doubt
from tailorbird.types.capabilities import Capability
from tailorbird.types.files import FilePurpose, FileStatus, StoredFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.files.sources import Source
    from tailorbird._openai_sdk.received import Incoming
    from tailorbird._openai_sdk.settings import CallSettings
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.ids import FileId

SINGLE_BYTES = 512 << 20
"""Largest file of one request: 512 MB. Source: openai 3.54.0, `resources/files.py`, and Azure
OpenAI, "Quotas and limits", learn.microsoft.com, read 2026-11-22."""

PARTED_BYTES = 8 << 30
"""Largest file in parts: 8 GB. Source: OpenAI, API reference, "Create upload", read 2026-07-15."""

ALL_PURPOSES: tuple[FilePurpose, ...] = (
    "fine-tune",
    "batch",
    "assistants",
    "vision",
    "user_data",
    "evals",
)
"""What uploads may be for. Source: openai 3.54.0, `types/file_purpose.py`."""

SLOWEST_BYTES_A_SECOND = 240
"""Speed below which a download is given up once it was waited for longer than silence may last.
Source: the `MinResponseDataRate` of ASP.NET Core's server, learn.microsoft.com, read 2026-11-22."""

_POLLS_S = (1.0, 2.0, 4.0, 5.0)  # the last is as often as the vendors' own library asks


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesDialect:
    """In what files of one provider differ from those of another."""

    purposes: tuple[FilePurpose, ...] = ALL_PURPOSES
    """What uploads may be for."""
    single_bytes: int = SINGLE_BYTES
    """Largest file that is sent in one request; larger ones go in parts where that is offered."""
    parted_bytes: int = PARTED_BYTES
    """Largest file that is sent in parts."""
    part_bytes: int = PART_BYTES
    """Length of a part, at most 64 MB."""
    too_large: str = "split it, or train on fewer rows"
    """What to do with a file that is too large."""
    waits: bool = False
    """Whether a job may name a file only once it is `processed`."""
    query: Mapping[str, str] = field(
        default_factory=lambda: {"limit": "1000", "order": "desc"},
    )
    """Parameters of a listing."""
    newest_first: bool = True
    """Whether listings come newest first; else they are read whole and sorted."""
    expiry_s: int | None = None
    """Life of a file for which none is asked; None keeps it. For servers that want one."""


class SdkFiles(Files):
    """Files of one account."""

    def __init__(
        self,
        connection: Connection,
        *,
        dialect: FilesDialect,
        capabilities: Capabilities,
        calls: CallSettings,
    ) -> None:
        """Share the connection of a provider.

        Args:
            connection: The account.
            dialect: How its files differ.
            capabilities: What it offers, and between which dates.
            calls: How patiently calls are made.
        """
        self._connection = connection
        self._dialect = dialect
        self._capabilities = capabilities
        self._calls = calls

    @override
    async def create(
        self,
        source: Path | bytes,
        *,
        name: str | None = None,
        purpose: FilePurpose = "fine-tune",
        expires_after_s: int | None = None,
        timeout_s: float | None = None,
    ) -> StoredFile:
        stored_name = upload_name(source, name)
        self._require(Capability.FILES)
        if expires_after_s is not None:
            self._require(Capability.FILES_EXPIRY)
            check_expiry(expires_after_s)
        limit_s = time_limit(timeout_s, default_s=self._calls.upload_timeout_s)
        if purpose not in self._dialect.purposes:
            offered = ", ".join(self._dialect.purposes)
            raise self._refused(f"files are not for {purpose!r} here; offered: {offered}")
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(limit_s),
                open_source(source, most_bytes=self._most_bytes) as content,
            ):
                self._check_size(content)
                expiry = _expiry(expires_after_s or self._dialect.expiry_s)
                upload = PartedUpload(
                    connection=self._connection,
                    source=content,
                    name=stored_name,
                    purpose=purpose,
                    expiry=expiry,
                    timeout_s=limit_s,
                    part_bytes=self._dialect.part_bytes,
                )
                if content.size_bytes > self._dialect.single_bytes:
                    wire = await upload.run()
                else:
                    wire = await self._send(upload)
                return await self._checked(wire.stored(), content)
        # Not chained to the timeout: its frames hold the request's headers, and the key.
        raise self._too_late("files.create", f"not uploaded within {limit_s:g} s")

    @override
    async def get(self, file_id: FileId) -> StoredFile:
        path = checked_path("/files/{file}", file=file_id)
        self._require(Capability.FILES)
        received = await self._connection.get(
            path, operation="files.get", timeout_s=self._calls.timeout_s
        )
        wire = read(WireFile, received, connection=self._connection, operation="files.get")
        require_id(
            wire.id,
            file_id,
            received=received,
            connection=self._connection,
            operation="files.get",
        )
        return wire.stored()

    @override
    async def list(self, *, purpose: str | None = None) -> AsyncIterator[StoredFile]:
        self._require(Capability.FILES)
        query = dict(self._dialect.query)
        if purpose is not None:
            query["purpose"] = purpose
        listing = Listing(path="/files", operation="files.list", page=Page[WireFile], query=query)
        found = (
            wire.stored()
            async for wire in listing.items(self._connection, timeout_s=self._calls.timeout_s)
            if purpose in {None, wire.purpose}  # not every server knows the parameter
        )
        if self._dialect.newest_first:
            async for stored in found:
                yield stored
            return
        everything = [stored async for stored in found]
        for stored in sorted(everything, key=lambda one: one.created_at, reverse=True):
            yield stored

    @override
    async def delete(self, file_id: FileId) -> None:
        path = checked_path("/files/{file}", file=file_id)
        self._require(Capability.FILES)
        try:
            received = await self._connection.delete(
                path, operation="files.delete", timeout_s=self._calls.timeout_s
            )
        except NotFoundError as exc:
            if was_in_doubt(exc):
                return  # an attempt whose answer was lost has deleted it
            raise
        answer = read(Deleted, received, connection=self._connection, operation="files.delete")
        if not answer.deleted:
            reason = f"file {file_id!r} was not deleted"
            raise self._connection.unexpected("files.delete", reason, received)

    @override
    async def content(self, file_id: FileId) -> AsyncIterator[bytes]:
        path = checked_path("/files/{file}/content", file=file_id)
        self._require(Capability.FILES)

        async def is_result() -> bool:
            return (await self.get(file_id)).purpose == "fine-tune-results"

        async with self._connection.stream(
            path, operation="files.content", method="GET", timeout_s=self._calls.timeout_s
        ) as incoming:
            try:
                async for piece in unwrapped(self._arriving(incoming), is_result=is_result):
                    for start in range(0, len(piece), PIECE_BYTES):
                        yield piece[start : start + PIECE_BYTES]
            except binascii.Error as exc:
                raise self._unexpected(incoming, f"the base64 text is broken: {exc}") from exc

    @override
    async def wait_ready(self, file_id: FileId, *, timeout_s: float = 1800.0) -> StoredFile:
        limit_s = time_limit(timeout_s, default_s=timeout_s)
        clock = self._connection.clock
        end = clock.monotonic() + limit_s
        looks = 0
        while True:
            seen, trouble = await glance(self.get(file_id))
            if seen is not None and self._is_ready(seen):
                return seen
            left = end - clock.monotonic()
            if left <= 0:
                word = "not to be seen" if seen is None else repr(seen.raw_status)
                raise self._too_late(
                    "files.get",
                    f"file {file_id!r} is still {word} after {limit_s:g} s; it goes on: wait again",
                ) from trouble
            await clock.sleep(min(left, _POLLS_S[min(looks, len(_POLLS_S) - 1)]))
            looks += 1

    def _is_ready(self, stored: StoredFile) -> bool:
        if stored.status is FileStatus.ERROR:
            raise InvalidRequestError(
                f"file {stored.id!r} ({stored.name}) was found bad:"
                f" {stored.status_details or 'no reason given'}",
                provider=self._connection.provider,
                operation="files.get",
                accepted="yes",
            )
        if stored.status in {FileStatus.DELETING, FileStatus.DELETED}:
            raise NotFoundError(
                f"file {stored.id!r} ({stored.name}) was deleted: upload it again",
                provider=self._connection.provider,
                operation="files.get",
                accepted="yes",
            )
        return not self._dialect.waits or stored.status is FileStatus.PROCESSED

    async def _send(self, upload: PartedUpload) -> WireFile:
        fields = {"purpose": upload.purpose}
        for key, value in (upload.expiry or {}).items():
            fields[f"expires_after[{key}]"] = str(value)
        file = FormFile(field="file", name=upload.name, source=upload.source)
        form = Form(fields=fields, file=file)
        received = await self._connection.post_content(
            "/files",
            operation="files.create",
            content=form.pieces,
            headers=form.headers,
            repeat="if-refused",
            timeout_s=upload.timeout_s,
        )
        return read(WireFile, received, connection=self._connection, operation="files.create")

    async def _checked(self, stored: StoredFile, content: Source) -> StoredFile:
        """Give the file back when as many bytes arrived as were sent; else delete it."""
        if stored.size_bytes in {None, content.size_bytes}:
            return stored
        outcome = "it is deleted again"
        try:
            await self.delete(stored.id)
        except ProviderError as exc:
            outcome = f"deleting it failed ({type(exc).__name__}): delete it"
        raise UnexpectedResponseError(
            f"{content.size_bytes} bytes were sent, and file {stored.id!r} has"
            f" {stored.size_bytes}: it was not stored whole; {outcome}",
            provider=self._connection.provider,
            operation="files.create",
            accepted="yes",
        )

    async def _arriving(self, incoming: Incoming) -> AsyncIterator[bytes]:
        """Give the pieces of a download, which neither stalls, nor trickles, nor has no end."""
        self._require_file(incoming)
        pieces = aiter(incoming)
        idle_s = self._calls.idle_s
        now = asyncio.get_running_loop().time
        waited_s, size = 0.0, 0
        while True:
            begun = now()
            try:
                async with asyncio.timeout(idle_s):
                    piece = await anext(pieces, None)
            except TimeoutError as exc:
                message = f"no byte of the download came for {idle_s:g} s"
                raise self._too_late("files.content", message) from exc
            if piece is None:
                return
            waited_s += now() - begun  # the reader may take its time
            size += len(piece)
            if waited_s > idle_s + size / SLOWEST_BYTES_A_SECOND:
                message = f"only {size} bytes of the download came within {waited_s:.0f} s"
                raise self._too_late("files.content", message)
            if size > self._most_bytes:
                reason = f"it has more than {self._most_bytes} bytes, the most that a file can have"
                raise self._unexpected(incoming, reason)
            yield piece

    def _require_file(self, incoming: Incoming) -> None:
        """Refuse what a proxy or a login page sends in place of a file."""
        status = incoming.response.status_code
        if status != HTTPStatus.OK:
            raise self._unexpected(incoming, f"status {status} is no whole file")
        kind = incoming.headers.get("content-type", "").lower()
        if kind.startswith("text/html") and "content-disposition" not in incoming.headers:
            raise self._unexpected(incoming, "it is a web page, not a file")

    def _unexpected(self, incoming: Incoming, reason: str) -> ProviderError:
        received = Received(b"", incoming.headers, incoming.response.status_code)
        return self._connection.unexpected("files.content", reason, received)

    @property
    def _most_bytes(self) -> int:
        today = self._connection.clock.today()
        parted = self._capabilities.supports(Capability.FILES_RESUMABLE_UPLOAD, on=today)
        return self._dialect.parted_bytes if parted else self._dialect.single_bytes

    def _check_size(self, content: Source) -> None:
        if content.size_bytes > self._most_bytes:
            message = f"the file has more than {self._most_bytes} bytes, which is the limit here"
            raise self._refused(f"{message}: {self._dialect.too_large}")

    def _require(self, capability: Capability) -> None:
        self._capabilities.require(capability, on=self._connection.clock.today())

    def _refused(self, message: str) -> InvalidRequestError:
        return InvalidRequestError(
            message,
            provider=self._connection.provider,
            operation="files.create",
            accepted="no",
        )

    def _too_late(self, operation: str, message: str) -> DeadlineError:
        return DeadlineError(message, provider=self._connection.provider, operation=operation)


def _expiry(seconds: int | None) -> Mapping[str, str | int] | None:
    return None if seconds is None else {"anchor": "created_at", "seconds": seconds}
