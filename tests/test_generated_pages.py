"""Pages that are made from the code say what the code says."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "generated_pages", Path(__file__).with_name("generated_pages.py")
)
assert _SPEC
assert _SPEC.loader
pages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pages)


PINS = (Path(__file__).parents[1] / "constraints.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(pages.PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`python tests/generated_pages.py` would change nothing."""
    if name == "cli.md" and f"typer=={version('typer')}" not in PINS.split():
        pytest.skip("the page shows the help of the pinned typer; other versions word it otherwise")
    assert (pages.REFERENCE / name).read_text(encoding="utf-8") == pages.PAGES[name]()
