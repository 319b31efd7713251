"""A stored file as it stands in answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tailorbird._openai_sdk.answers import Id, Seconds, moment, moment_or_none
from tailorbird._openai_sdk.paging import Listed
from tailorbird.types.files import FileStatus, StoredFile
from tailorbird.types.ids import FileId


class WireFile(Listed):
    """A stored file.

    `status` is on its way out at OpenAI, and Azure has words for it that OpenAI has not;
    `bytes` is null at Azure while a file is imported.
    """

    id: Id
    """Its id."""
    created_at: Seconds
    """When it was made."""
    filename: str | None = None
    """Name it is stored under."""
    purpose: str
    """What it is for."""
    size_bytes: Annotated[int | None, Field(alias="bytes", ge=0)] = None
    """Its size."""
    status: str | None = None
    """Where it stands."""
    status_details: str | None = None
    """Why processing failed."""
    expires_at: Seconds | None = None
    """When it is deleted."""

    def stored(self) -> StoredFile:
        """Give it in our own type."""
        return StoredFile(
            id=FileId(self.id),
            name=self.filename or "",
            purpose=self.purpose,
            size_bytes=self.size_bytes,
            status=FileStatus.parse(self.status or ""),
            raw_status=self.status or "",
            status_details=self.status_details,
            created_at=moment(self.created_at),
            expires_at=moment_or_none(self.expires_at),
        )
