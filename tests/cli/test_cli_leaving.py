"""The commands `export`, `record`, `retrain` and `successor`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TWO_CLOUDS = """
[profiles.old]
provider = "fake"
flavor = "openai"
[profiles.new]
provider = "fake"
flavor = "azure"
"""


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path) -> None:
    """Two clouds: one to leave and one to go to."""
    (tmp_path / "tailorbird.toml").write_text(TWO_CLOUDS)


def test_the_whole_move(tailorbird: Callable[..., Any], faq: Path, tmp_path: Path) -> None:
    """Tune, record, retrain elsewhere, and hold the successor against the recording."""
    old, new = ("--profile", "old"), ("--profile", "new")
    assert tailorbird("tune", faq, "--name", "bot", *old).code == 0
    recorded = tailorbird("record", "bot", faq, "--bundle", "bundle", *old)
    assert recorded.code == 0
    assert " answers of 'bot' recorded in 'bundle'" in recorded.out
    exported = tailorbird("export", "bot", "--to", "bundle", *old)
    assert "it stops answering on 2027-01-14" in exported.out
    clash = tailorbird("retrain", "bundle", *old)
    assert clash.code == 2
    assert clash.err.splitlines()[-1] == (
        "error: this workspace holds the model of the bundle as 'bot': give the new run a name of"
        " its own (name=…, --name)"
    )
    assert tailorbird("retrain", "bundle", *new).code == 0
    again = tailorbird("retrain", "bundle", "--name", "moved", *new, "--json", "-")
    assert again.code == 0
    assert again.data["name"] == "moved"
    found = tailorbird(
        "successor", "bundle", "--tuned", "moved", *new, "--html", "move.html", "--margin", 0.2
    )
    assert found.code == 0, found.err
    assert "tuned: shown to be no worse" in found.out
    assert "recorded tuned" in (tmp_path / "move.html").read_text()


def test_a_successor_must_be_named_and_be_good(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """Nothing named is an error of usage; nothing shown is told by the exit code."""
    old = ("--profile", "old")
    tailorbird("tune", faq, "--name", "bot", *old)
    tailorbird("record", "bot", faq, "--bundle", "bundle", *old)
    unnamed = tailorbird("successor", "bundle", *old)
    assert unnamed.code == 2
    assert "name a successor" in unnamed.err
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "cat.txt").write_text("A cat sleeps.")
    tailorbird("index", "empty", "--name", "cats", *old)
    worse = tailorbird("successor", "bundle", "--index", "cats", *old, "--json", "-")
    assert worse.code == 1
    assert {one["word"] for one in worse.data["successors"] if one["kind"] == "all"} == {"worse"}
    assert list(worse.data) == [
        *("name", "model", "recorded_from", "recorded_to", "baseline", "margin"),
        *("successors", "lost"),
    ]


def test_a_model_without_an_end_is_exported(tailorbird: Callable[..., Any], faq: Path) -> None:
    """Where no day is announced, none is told."""
    tailorbird("tune", faq, "--name", "bot")
    ended = tailorbird("export", "bot", "--to", "bundle")
    assert ended.code == 0
    assert "stops answering" not in ended.out


def test_questions_without_an_answer_are_named(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path, tmp_path: Path
) -> None:
    """What failed ends the command with 1 and is named; the same command asks only that again."""
    # The first call looks whether the new model answers.
    scripted("moody", 'Script().on("chat.complete", Fault.unavailable(), occurrence=2)')
    (tmp_path / "tailorbird.toml").unlink()
    (tmp_path / "plain").touch()
    moody = ("--profile", "moody")
    assert tailorbird("tune", faq, "--name", "bot", *moody).code == 0
    (tmp_path / "plain").unlink()
    record = ("record", "bot", faq, "--bundle", "bundle", *moody)
    failed = tailorbird(*record)
    assert failed.code == 1
    assert "no answer to question " in failed.err
    (tmp_path / "plain").touch()
    assert tailorbird(*record).code == 0


def test_the_move_keeps_to_a_budget(tailorbird: Callable[..., Any], faq: Path) -> None:
    """What recording, training again and asking successors may cost can be limited."""
    old, new = ("--profile", "old"), ("--profile", "new")
    assert tailorbird("tune", faq, "--name", "bot", *old).code == 0
    small = ("--budget", "0.000001/run")
    commands = [
        (("record", "bot", faq, "--bundle", "bundle"), old),
        (("retrain", "bundle"), new),
        (("successor", "bundle", "--tuned", "bot"), new),
    ]
    for command, profile in commands:
        refused = tailorbird(*command, *profile, *small, "--json", "-")
        assert (refused.code, refused.data["error"]["type"]) == (2, "BudgetExceededError")
        assert tailorbird(*command, *profile, "--budget", "500/run", "--json", "-").code in {0, 1}


def test_recorded_questions_are_read_as_they_are(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """A table with columns of its own can be recorded."""
    assert tailorbird("tune", faq, "--name", "bot", "--profile", "old").code == 0
    (tmp_path / "desk.csv").write_text("Subject,Reply\nWhy?,So.\nWhen?,\n")
    recorded = tailorbird(
        *("record", "bot", "desk.csv", "--bundle", "bundle", "--profile", "old"),
        *("--columns", "Subject,Reply", "--empty-answers", "skip", "--json", "-"),
    )
    assert (recorded.code, recorded.data["recorded"]) == (0, 1)
