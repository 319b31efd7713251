"""What a profile may say about the engine `local`."""

from __future__ import annotations

from pydantic import Field

from tailorbird.types.base import Settings


class LocalSettings(Settings):
    """Options of the engine `local`, as they stand in `[profiles.X.retrieval]`."""

    codes_above: int | None = Field(default=None, ge=0, strict=True)
    """Above so many chunks the vectors to compare are chosen by one bit for each dimension; None
    compares all vectors."""
