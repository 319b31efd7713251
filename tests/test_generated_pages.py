"""Pages that are made from the code say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "generated_pages", Path(__file__).with_name("generated_pages.py")
)
assert _SPEC
assert _SPEC.loader
pages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pages)


@pytest.mark.parametrize("name", sorted(pages.PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`python tests/generated_pages.py` would change nothing."""
    assert (pages.REFERENCE / name).read_text(encoding="utf-8") == pages.PAGES[name]()
