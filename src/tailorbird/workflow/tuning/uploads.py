"""Upload a training file once, and find it again when the answer to the upload was lost."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.exceptions import NotFoundError, ProviderError
from tailorbird.protocols.returned import promised
from tailorbird.types.files import FileStatus, StoredFile
from tailorbird.workflow.once.listing import distinct
from tailorbird.workflow.once.settling import settle

if TYPE_CHECKING:
    from tailorbird.journal import Journal
    from tailorbird.protocols import Clock, Files
    from tailorbird.types.ids import FileId
    from tailorbird.workflow.tuning.tune import TrainingFile

_LOG = logging.getLogger("tailorbird.workflow")

# Such a file cannot be trained on any more.
_GONE = {FileStatus.ERROR, FileStatus.DELETING, FileStatus.DELETED}

_MARK_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """The training files of one account, each known by a mark in its name.

    Where jobs keep metadata, the mark is the hash of the content, and all runs with the same rows
    share one file. Elsewhere the run's key goes into it: each run has files of its own, so that a
    job can be told by the file it trains on.
    """

    files: Files
    """Where files are."""
    journal: Journal
    """Remembers which file holds which content."""
    clock: Clock
    """What waits go by."""
    identity: str
    """Provider and account."""
    shared: bool
    """Whether runs with the same content share a file."""
    settle_s: float
    """Seconds to look for an upload whose answer was lost."""

    def mark(self, file: TrainingFile, *, tag: str) -> str:
        """Give what stands for the file of a run: in the journal, and cut short in its name."""
        if self.shared:
            return file.sha256
        return hashlib.sha256(f"{file.sha256}\0{tag}".encode()).hexdigest()

    async def find(self, file: TrainingFile, *, tag: str) -> tuple[StoredFile, ...]:
        """Give the files that hold the content, the one that the journal knows first.

        Raises:
            ProviderError: The files cannot be listed.
        """
        mark = self.mark(file, tag=tag)
        known = await self.journal.get_upload(self.identity, mark)
        if known is not None:
            try:
                stored = self._checked(await self.files.get(known), "get")
            except NotFoundError:
                # Deleted or expired meanwhile, or not visible yet: the list will tell.
                await self.journal.forget_upload(self.identity, mark)
            else:
                if stored.status not in _GONE:
                    return (stored,)
        return await self._named(file, mark)

    def _checked(self, stored: StoredFile, operation: str) -> StoredFile:
        by = self.identity.partition("/")[0]
        return promised(stored, StoredFile, by=by, operation=f"files.{operation}")

    async def _named(self, file: TrainingFile, mark: str) -> tuple[StoredFile, ...]:
        size = (await asyncio.to_thread(file.path.stat)).st_size
        listed = await distinct(self.files.list(purpose="fine-tune"), lambda one: one.id)
        ours = [
            one
            for one in listed
            if one.name.endswith(_ending(mark))
            and one.status not in _GONE
            and one.size_bytes in {None, size}
        ]
        return tuple(sorted(ours, key=lambda one: (one.created_at, one.id)))

    async def put(self, file: TrainingFile, *, name: str, tag: str) -> FileId:
        """Give a file that holds the content and may be named by a job; upload it if need be.

        Args:
            file: The file on disk.
            name: What its name at the provider begins with.
            tag: The run's key.

        Raises:
            InvalidRequestError: The provider finds the content bad.
            ProviderError: Anything else the provider said. What may have arrived is found by the
                next call.
        """
        mark = self.mark(file, tag=tag)
        found = await self.find(file, tag=tag)
        stored = found[0] if found else await self._create(file, name, mark)
        await self.journal.put_upload(self.identity, mark, stored.id)
        return self._checked(await self.files.wait_ready(stored.id), "wait_ready").id

    async def _create(self, file: TrainingFile, name: str, mark: str) -> StoredFile:
        try:
            made = await self.files.create(file.path, name=f"{name}{_ending(mark)}")
            return self._checked(made, "create")
        except ProviderError as exc:
            if exc.accepted == "no":
                raise
            found = await settle(
                lambda: self._named(file, mark), clock=self.clock, limit_s=self.settle_s
            )
            if not found:
                raise
            return found[0]

    async def delete(self, file: TrainingFile, *, tag: str) -> None:
        """Take back what was uploaded for a job that the provider refuses to make.

        Trouble with that is logged: the refusal is what the caller must hear of.
        """
        mark = self.mark(file, tag=tag)
        try:
            for stored in await self.find(file, tag=tag):
                await self.files.delete(stored.id)
        except NotFoundError:
            _LOG.debug("an upload that was to be deleted is gone already")
        except ProviderError as exc:
            _LOG.warning("an upload that nobody needs could not be deleted: %s", exc)
            return
        await self.journal.forget_upload(self.identity, mark)


def _ending(mark: str) -> str:
    return f"-{mark[:_MARK_DIGITS]}.jsonl"
