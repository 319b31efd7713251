"""The contract for files."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tailorbird.types.files import FilePurpose, StoredFile
    from tailorbird.types.ids import FileId


class Files(Protocol):
    """Upload, find, read and delete files. Clauses `F…` of `docs/contract/files.md`.

    Every method raises `ProviderError` (the subclass by what the caller can do), and
    `InvalidInputError` before anything is sent for an id that is empty, `.` or `..`, or holds a
    slash, a backslash, `?`, `#`, `%`, blanks or control characters.
    """

    @abstractmethod
    async def create(
        self,
        source: Path | bytes,
        *,
        name: str | None = None,
        purpose: FilePurpose = "fine-tune",
        expires_after_s: int | None = None,
        timeout_s: float | None = None,
    ) -> StoredFile:
        """Upload a file and give what the provider holds.

        The content is sent unchanged and never read into memory whole when it is a path. Sending
        the same content twice makes two files: finding an earlier one is the caller's business.

        Args:
            source: A file on disk, or the content itself.
            name: Base name to store it under; None takes the path's. Needed for bytes.
            purpose: What it is for.
            expires_after_s: Seconds until the provider deletes it, 3,600..2,592,000; None keeps
                it.
            timeout_s: Seconds for the whole call; None takes the provider's default (10 minutes).

        Raises:
            InvalidInputError: Bytes without a name, a path that is no readable file, an empty
                file, or a number out of its range; nothing was sent.
            InvalidRequestError: The provider refuses size, type or purpose.
            UnsupportedError: The provider cannot do this (now).
        """
        ...

    @abstractmethod
    async def get(self, file_id: FileId) -> StoredFile:
        """Give one file as it stands now.

        Raises:
            NotFoundError: There is none of that id, or it was deleted.
        """
        ...

    @abstractmethod
    def list(self, *, purpose: str | None = None) -> AsyncIterator[StoredFile]:
        """Give all files, newest first, fetching pages as they are needed.

        Args:
            purpose: Only files that are for this; None gives all.
        """
        ...

    @abstractmethod
    async def delete(self, file_id: FileId) -> None:
        """Delete a file.

        Raises:
            NotFoundError: There is none of that id, or it was deleted before.
        """
        ...

    @abstractmethod
    def content(self, file_id: FileId) -> AsyncIterator[bytes]:
        """Give the bytes of a file in pieces of at most 1 MiB.

        Result files come as the CSV text that they hold, also where the provider sends base64.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    @abstractmethod
    async def wait_ready(self, file_id: FileId, *, timeout_s: float = 1800.0) -> StoredFile:
        """Wait until a job may name the file; returns at once where that needs no waiting.

        Trouble that passes by itself does not end the wait.

        Args:
            file_id: The file.
            timeout_s: Seconds to wait at most.

        Raises:
            DeadlineError: It was still being processed at the limit, or could not be looked at;
                the last trouble is its cause.
            InvalidRequestError: The provider found the content bad; the message says why.
            NotFoundError: There is none of that id.
        """
        ...
