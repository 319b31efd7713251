"""The options of the command `index` that say what building costs, and what it may remove."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder of many small files."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(24):
        (folder / f"note-{number:02}.md").write_text(f"# Note {number}\n\nShelf {number} is full.")
    return folder


def test_a_dry_run_tells_the_price_and_builds_nothing(
    tailorbird: Callable[..., Any], notes: Path
) -> None:
    """Documents, chunks, texts, tokens and dollars are told in one line, or as JSON."""
    ended = tailorbird("index", notes, "--name", "notes", "--dry-run")
    assert ended.code == 0
    assert ended.out.startswith("24 documents (24 new, 0 changed, 0 unchanged, 0 gone), 24 chunks")
    assert ended.out.rstrip().endswith(" USD")
    whole = tailorbird("index", notes, "--name", "notes", "--dry-run", "--json", "-").data
    half = tailorbird("index", notes, "--name", "notes", "--dry-run", "--bulk", "--json", "-").data
    assert (whole["documents"], whole["texts"]) == (24, 24)
    assert float(half["usd"]) == float(whole["usd"]) / 2
    assert tailorbird("search", "shelf", "--index", "notes").code == 2


def test_batches_build_the_same_index(tailorbird: Callable[..., Any], notes: Path) -> None:
    """With --bulk everything is embedded by batches, and a second run finds nothing to do."""
    built = tailorbird("index", notes, "--name", "notes", "--bulk", "--json", "-").data
    assert (built["added"], built["embedded"]) == (24, 24)
    again = tailorbird("index", notes, "--name", "notes", "--bulk")
    assert "(0 added, 0 changed, 24 unchanged, 0 removed; 0 chunks embedded)" in again.out


def test_most_documents_leave_on_a_word_only(tailorbird: Callable[..., Any], notes: Path) -> None:
    """A folder that lost most of its files ends with 2, until --remove says that this is right."""
    tailorbird("index", notes, "--name", "notes")
    for path in sorted(notes.iterdir())[:20]:
        path.unlink()
    refused = tailorbird("index", notes, "--name", "notes", "--json", "-")
    assert refused.code == 2
    assert refused.data["error"]["type"] == "IndexShrinkError"
    kept = tailorbird("index", notes, "--name", "notes", "--remove", "none")
    assert "(0 added, 0 changed, 4 unchanged, 0 removed, 20 kept; 0 chunks" in kept.out
    gone = tailorbird("index", notes, "--name", "notes", "--remove", "all")
    assert "4 unchanged, 20 removed; 0 chunks" in gone.out


def test_a_dry_run_names_what_is_left_out(tailorbird: Callable[..., Any], notes: Path) -> None:
    """Problems of reading are told before anything is paid for, and by the exit code."""
    (notes / "row.jsonl").write_text(json.dumps({"title": "no text"}))
    shutil.copy(notes / "note-00.md", notes / "picture.png")
    ended = tailorbird("index", notes, "--name", "notes", "--dry-run")
    assert ended.code == 1
    assert "error: " in ended.err
    assert "picture.png" in ended.err
