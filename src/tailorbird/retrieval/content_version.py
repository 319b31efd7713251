"""A version of an index's content that depends on the content alone, not on how it came about."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailorbird.types.ids import DocumentId
    from tailorbird.types.retrieval import IndexSpec

MODULUS = 1 << 128
"""Sums of digests are taken modulo this."""


def document_digest(name: DocumentId, content_hash: str) -> int:
    """Give what a document adds to the digest of its index, 0 up to, not with, `MODULUS`."""
    told = json.dumps([name, content_hash]).encode("utf-8")
    return int.from_bytes(hashlib.sha256(told).digest()[:16], "big")


def content_version(spec: IndexSpec, digest: int) -> str:
    """Give the version of an index whose documents' digests have this sum."""
    content = f"{spec.model_dump_json()}{digest:032x}"
    return hashlib.sha256(content.encode("utf-8")).hexdigest()[:16]
