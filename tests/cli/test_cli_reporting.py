"""The commands `report` and `diff`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_comparison_is_shown_again(
    tailorbird: Callable[..., Any], terminal: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """The latest one, one by name, or a file of its JSON: the same tables, and nothing is asked."""
    arms = ("--arms", "base,tuned")
    first = tailorbird("compare", faq, *arms, "--name", "first", "--json", "first.json")
    assert first.code == 0
    assert tailorbird("compare", faq, "--arms", "base", "--name", "second").code == 0
    latest = tailorbird("report")
    assert latest.out.startswith("second: 1 arms × ")
    assert "asked" not in latest.err
    files = ("--markdown", "r.md", "--csv", "r.csv", "--html", "r.html", "--parquet", "r.parquet")
    named = tailorbird("report", "first", *files)
    assert named.code == 0
    assert named.out == first.out
    assert all((tmp_path / f"r.{form}").stat().st_size for form in ("md", "csv", "html", "parquet"))
    assert tailorbird("report", "first.json").out == first.out
    assert tailorbird("report", "first", "--json", "-").data == json.loads(
        (tmp_path / "first.json").read_text(encoding="utf-8")
    )
    assert "reused" not in terminal("report", "first").out
    missing = tailorbird("report", "third")
    assert missing.code == 2
    assert "no run 'third'; the latest ones are 'second', 'first'" in missing.err
    changes = tailorbird("diff", "first", "second", "--json", "-")
    assert changes.data["only_before"] == ["tuned"]
    assert tailorbird("diff", "first.json", "second").out.startswith("first -> second: ")


def test_without_a_comparison_there_is_nothing_to_show(tailorbird: Callable[..., Any]) -> None:
    """An empty workspace says so."""
    ended = tailorbird("report")
    assert ended.code == 2
    assert "the latest ones are none at all" in ended.err


@pytest.mark.parametrize(
    "command",
    ["report", "diff a b", "spending", "jobs", "export faq-bot --to taken"],
)
def test_looking_makes_no_workspace(
    tailorbird: Callable[..., Any], tmp_path: Path, command: str
) -> None:
    """A command that only reads leaves the folder as it was, whatever it finds."""
    before = sorted(tmp_path.rglob("*"))
    assert tailorbird(*command.split()).code in {0, 2}
    assert sorted(tmp_path.rglob("*")) == before


def test_a_workspace_that_cannot_be_written_can_be_looked_at(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """Reports, spending, runs and a tuned model come out of a shut workspace as it stands."""
    tailorbird("compare", faq, "--arms", "base,tuned", "--name", "monday")
    commands = ("report", "diff monday monday", "spending")
    before = [tailorbird(*command.split()).out for command in commands]
    # In place of the shared memory, without which SQLite opens no journal that others may write.
    memory = tmp_path / ".tailorbird" / "journal.sqlite-shm"
    memory.symlink_to(memory)
    assert [tailorbird(*command.split()).out for command in commands] == before
    runs = tailorbird("jobs", "--json", "-")
    assert [one["name"] for one in runs.data["jobs"]]
    name = runs.data["jobs"][0]["name"]
    assert tailorbird("export", name, "--to", "taken").code == 0
    assert (tmp_path / "taken" / "bundle.json").is_file()
    shut = tailorbird("ask", "Anybody there?")
    assert (shut.code, "cannot be used" in shut.err) == (2, True)
