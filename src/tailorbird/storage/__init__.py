"""Writing to disk so that a crash leaves either the old state or the new one."""

from __future__ import annotations

from tailorbird.storage.atomic import AtomicFile, write_atomic
from tailorbird.storage.database import Database
from tailorbird.storage.folders import make_private_folder

__all__ = ["AtomicFile", "Database", "make_private_folder", "write_atomic"]
