"""Files as a provider keeps them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from tailorbird.types.base import Frozen
from tailorbird.types.ids import FileId

FilePurpose = Literal["fine-tune", "batch", "assistants", "vision", "user_data", "evals"]
"""What an upload is for. Azure refuses `user_data` and `vision`."""


class FileStatus(StrEnum):
    """Where a file stands.

    OpenAI marks its own field as deprecated and reports bad content on the job instead; on Azure
    a job must wait for `processed`.
    """

    PENDING = "pending"
    RUNNING = "running"
    UPLOADED = "uploaded"
    PROCESSED = "processed"
    ERROR = "error"
    DELETING = "deleting"
    DELETED = "deleted"
    OTHER = "other"
    """A word this version does not know; it stands in `StoredFile.raw_status`."""

    @classmethod
    def parse(cls, word: str) -> FileStatus:
        """Read a provider's word; one that is not known becomes `OTHER`."""
        known = {member.value: member for member in cls if member is not cls.OTHER}
        return known.get(word, cls.OTHER)


class StoredFile(Frozen):
    """A file that a provider holds."""

    id: FileId
    """The provider's id."""
    name: str
    """Base name as the provider reports it."""
    purpose: str
    """What it is for: a `FilePurpose`, or a word of the provider such as `fine-tune-results`."""
    size_bytes: int | None = None
    """Size in bytes; None when the provider does not say (Azure, while importing)."""
    status: FileStatus = FileStatus.OTHER
    """Where it stands."""
    raw_status: str = ""
    """The provider's own word."""
    status_details: str | None = None
    """Why processing failed, where the provider says so."""
    created_at: datetime
    """When it was made; aware, UTC."""
    expires_at: datetime | None = None
    """When the provider deletes it; aware, UTC; None when it stays."""
