"""The fake's files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import (
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
)
from tailorbird.protocols import Files
from tailorbird.protocols.arguments import check_expiry, check_id, time_limit, upload_name
from tailorbird.providers.fake.cloud import NAME, Request
from tailorbird.providers.fake.lifecycle import make_id
from tailorbird.providers.fake.script import Lag, Statuses
from tailorbird.providers.fake.state import FileRecord, newest
from tailorbird.providers.fake.store import PIECE_BYTES
from tailorbird.providers.fake.training import result_csv
from tailorbird.retry import glance
from tailorbird.types.capabilities import Capability
from tailorbird.types.files import FileStatus, StoredFile
from tailorbird.types.ids import FileId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.examination import Examiner
    from tailorbird.providers.fake.operations import Operation
    from tailorbird.providers.fake.script import Turn
    from tailorbird.types.files import FilePurpose

UPLOAD_TIMEOUT_S = 600.0
"""Seconds an upload may take unless it says otherwise; the contract of `Files.create` says so."""

LARGEST_BYTES = 512 * 2**20
"""Largest file. Source: openai 3.54.0, `resources/files.py`, and Azure OpenAI quotas and limits,
learn.microsoft.com, read 2026-11-22."""

_POLL_S = 5.0  # as often as the vendors' own library asks (openai 3.54.0, `lib/_files.py`)
_UNFINISHED = frozenset({FileStatus.PENDING, FileStatus.RUNNING, FileStatus.OTHER})


class FakeFiles(Files):
    """Files of one fake."""

    def __init__(self, cloud: Cloud, examiner: Examiner) -> None:
        """Share the state of a fake."""
        self._cloud = cloud
        self._examiner = examiner

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
        self._cloud.require_open("files.create")
        stored_name = upload_name(source, name)
        needs = [Capability.FILES]
        if expires_after_s is not None:
            needs.append(Capability.FILES_EXPIRY)
            check_expiry(expires_after_s)
        size = await self._cloud.in_thread(lambda: _size(source))

        async def effect(turn: Turn) -> StoredFile:
            if purpose not in self._cloud.flavor.purposes:
                offered = ", ".join(self._cloud.flavor.purposes)
                raise self._refused(f"files are not for {purpose!r} here; offered: {offered}")
            if size > LARGEST_BYTES:
                raise self._refused(f"the file has {size} bytes, allowed are {LARGEST_BYTES}")
            record = await self._stored(source, stored_name, purpose, turn)
            if expires_after_s is not None:
                record.expires_at = record.created_at + timedelta(seconds=expires_after_s)
            return self._shown(record)

        request = Request(
            operation="files.create",
            facts={"name": stored_name, "purpose": purpose, "size_bytes": size},
            needs=tuple(needs),
            timeout_s=time_limit(timeout_s, default_s=UPLOAD_TIMEOUT_S),
        )
        return await self._cloud.call(request, effect)

    @override
    async def get(self, file_id: FileId) -> StoredFile:
        check_id(file_id, what="file")

        async def effect(_: Turn) -> StoredFile:
            record = self._find(file_id, "files.get")
            if record.words or record.hidden_lookups:
                self._cloud.changed()
            if not record.look_up():
                raise self._missing(file_id, "files.get")
            return self._shown(record)

        return await self._cloud.call(_request("files.get", file=file_id), effect)

    @override
    async def list(self, *, purpose: str | None = None) -> AsyncIterator[StoredFile]:
        async def effect(_: Turn) -> list[StoredFile]:
            records = sorted(self._cloud.state.files.values(), key=newest, reverse=True)
            if any(one.hidden_listings for one in records):
                self._cloud.changed()
            visible = [one for one in records if one.list_up()]
            return [self._shown(one) for one in visible if purpose in {None, one.purpose}]

        for stored in await self._cloud.call(_request("files.list", purpose=purpose), effect):
            yield stored

    @override
    async def delete(self, file_id: FileId) -> None:
        check_id(file_id, what="file")

        async def effect(_: Turn) -> None:
            record = self._find(file_id, "files.delete")
            del self._cloud.state.files[file_id]
            self._cloud.changed()
            await self._cloud.drop_contents({record.sha256})

        await self._cloud.call(_request("files.delete", file=file_id), effect)

    @override
    async def content(self, file_id: FileId) -> AsyncIterator[bytes]:
        check_id(file_id, what="file")

        async def effect(_: Turn) -> FileRecord:
            return self._find(file_id, "files.content")

        record = await self._cloud.call(_request("files.content", file=file_id), effect)
        made = self._result_content(record)
        offset = 0
        while piece := await self._piece(record, made, offset):
            yield piece
            offset += len(piece)

    @override
    async def wait_ready(self, file_id: FileId, *, timeout_s: float = 1800.0) -> StoredFile:
        limit = time_limit(timeout_s, default_s=timeout_s)
        clock = self._cloud.clock
        end = clock.monotonic() + limit
        while True:
            stored, trouble = await glance(self.get(file_id))
            if stored is not None and stored.status is FileStatus.ERROR:
                raise InvalidRequestError(
                    f"file {file_id!r} ({stored.name}) was found bad:"
                    f" {stored.status_details or 'no reason given'}",
                    provider=NAME,
                    operation="files.get",
                    accepted="yes",
                )
            if stored is not None and stored.status not in _UNFINISHED:
                return stored
            left = end - clock.monotonic()
            if left <= 0:
                word = "not to be seen" if stored is None else repr(stored.raw_status)
                raise DeadlineError(
                    f"file {file_id!r} is still {word} after {limit:g} s; it goes on: wait again",
                    provider=NAME,
                    operation="files.get",
                    accepted="yes",
                ) from trouble
            await clock.sleep(min(_POLL_S, left))

    async def _stored(
        self, source: Path | bytes, name: str, purpose: FilePurpose, turn: Turn
    ) -> FileRecord:
        cloud = self._cloud
        sha256, size = await cloud.in_thread(lambda: cloud.store.put(source))
        problem = None
        if cloud.flavor.strict_files and purpose == "fine-tune":
            problem = await self._examiner.unreadable(sha256)
        statuses, lag = turn.find(Statuses), turn.find(Lag)
        number = cloud.state.next_number("file")
        record = FileRecord(
            number=number,
            created_at=cloud.now(),
            words=statuses.words if statuses else (),
            hidden_lookups=lag.lookups if lag else 0,
            hidden_listings=lag.listings if lag else 0,
            id=FileId(make_id("file-", cloud.settings.seed, number)),
            name=name,
            purpose=purpose,
            size_bytes=size,
            sha256=sha256,
            problem=problem,
        )
        cloud.state.files[record.id] = record
        cloud.changed()
        return record

    def _shown(self, record: FileRecord) -> StoredFile:
        word = file_word(self._cloud, record)
        status = FileStatus.parse(word)
        return StoredFile(
            id=record.id,
            name=record.name,
            purpose=record.purpose,
            size_bytes=record.size_bytes,
            status=status,
            raw_status=word,
            status_details=record.problem if status is FileStatus.ERROR else None,
            created_at=record.created_at,
            expires_at=record.expires_at,
        )

    def _find(self, file_id: FileId, operation: Operation) -> FileRecord:
        record = self._cloud.state.files.get(file_id)
        if record is None:
            raise self._missing(file_id, operation)
        return record

    def _missing(self, file_id: FileId, operation: Operation) -> NotFoundError:
        message = f"there is no file {file_id!r}: list the files, it may have been deleted"
        return self._cloud.error(NotFoundError, operation, message, status_code=404)

    def _refused(self, message: str) -> InvalidRequestError:
        return self._cloud.error(
            InvalidRequestError, "files.create", message, status_code=400, code="invalid_request"
        )

    def _result_content(self, record: FileRecord) -> bytes | None:
        job = None if record.result_of is None else self._cloud.state.jobs[record.result_of]
        return None if job is None else result_csv(job, self._cloud.flavor)

    async def _piece(self, record: FileRecord, made: bytes | None, offset: int) -> bytes:
        if made is not None:
            return made[offset : offset + PIECE_BYTES]
        store = self._cloud.store
        return await self._cloud.in_thread(lambda: store.piece(record.sha256, offset))


def file_word(cloud: Cloud, record: FileRecord) -> str:
    """Give the word by which a file reports its status now."""
    scripted = record.scripted_word()
    if scripted is not None:
        return scripted
    begins_s = 0.0
    age_s = (cloud.now() - record.created_at).total_seconds()
    for word, lasts_s in cloud.flavor.file_phases:
        begins_s += lasts_s
        if age_s < begins_s and record.result_of is None:
            return word
    return "processed" if record.problem is None else "error"


def _request(operation: Operation, **facts: str | None) -> Request:
    return Request(operation=operation, facts=facts, needs=(Capability.FILES,))


def _size(source: Path | bytes) -> int:
    """Give the size of a source in bytes; it blocks.

    Raises:
        InvalidInputError: It is no readable file, or it is empty.
    """
    if isinstance(source, bytes):
        size = len(source)
    else:
        try:
            with source.open("rb") as file:
                size = file.seek(0, 2)
        except OSError as exc:
            message = f"cannot read the file {str(source)!r}: {exc.strerror}"
            raise InvalidInputError(message) from exc
    if not size:
        named = "the content" if isinstance(source, bytes) else f"the file {str(source)!r}"
        message = f"{named} is empty; there is nothing to upload"
        raise InvalidInputError(message)
    return size
