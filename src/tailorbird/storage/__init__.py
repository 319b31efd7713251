"""Writing to disk so that a crash leaves either the old state or the new one."""

from __future__ import annotations

from tailorbird.storage.atomic import AtomicFile, write_atomic
from tailorbird.storage.database import Database

__all__ = ["AtomicFile", "Database", "write_atomic"]
