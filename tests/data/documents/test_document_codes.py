"""Every code of a document stands in the reference."""

from __future__ import annotations

import re
from pathlib import Path

import tailorbird.data.documents
from tailorbird.data.documents.codes import DOCUMENT_CODES


def test_every_code_that_is_reported_is_told() -> None:
    """A script that looks for a code finds what it means."""
    sources = Path(tailorbird.data.documents.__path__[0]).rglob("*.py")
    texts = [path.read_text(encoding="utf-8") for path in sources if path.name != "codes.py"]
    used = {code for text in texts for code in re.findall(r'"(document\.[a-z-]+)"', text)}
    assert used == set(DOCUMENT_CODES)
