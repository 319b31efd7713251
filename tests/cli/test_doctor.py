"""The command `doctor`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_profile_that_works(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Values with their sources come first, then a line for each finding."""
    ended = tailorbird("doctor")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "profile = fake  (default)"
    assert any(line.startswith("ok      role chat: fake-chat") for line in lines)
    assert not (tmp_path / ".tailorbird").exists()


def test_a_key_that_is_missing(
    tailorbird: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing key ends with 1; one that is there is never shown."""
    monkeypatch.delenv("FAKE_KEY", raising=False)
    (tmp_path / "tailorbird.toml").write_text(
        '[profiles.x]\nprovider = "fake"\nlogin = { api_key_env = "FAKE_KEY" }\n'
    )
    ended = tailorbird("doctor", "--profile", "x")
    assert ended.code == 1
    assert "error   key FAKE_KEY: profiles.x.login.api_key_env: the environment" in ended.out
    monkeypatch.setenv("FAKE_KEY", "marker-0123456789")
    ended = tailorbird("doctor", "--profile", "x")
    assert "ok      key FAKE_KEY: there, 17 characters (not shown)" in ended.out
    assert "marker-" not in ended.out + ended.err


def test_as_json(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """The JSON has the same keys whatever was found."""
    (tmp_path / "tailorbird.toml").write_text(
        '[profiles.cloud]\nprovider = "fake"\nflavor = "openai"\n'
    )
    fine = tailorbird("doctor", "--profile", "cloud", "--json", "-")
    assert (fine.code, fine.data["ok"], fine.data["reachable"]) == (0, True, True)
    assert any(one["days_left"] is not None for one in fine.data["capabilities"])
    broken = tailorbird("doctor", "--profile", "clod", "--json", "-")
    assert (broken.code, broken.data["ok"], broken.data["reachable"]) == (1, False, None)
    assert "did you mean 'cloud'?" in broken.data["findings"][0]["text"]
    assert set(fine.data) == set(broken.data)


def test_a_horizon_makes_ends_count(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """What ends within the days that were named ends the command with 1."""
    (tmp_path / "tailorbird.toml").write_text(
        '[profiles.old]\nprovider = "fake"\nflavor = "openai"\n'
    )
    assert tailorbird("doctor", "--profile", "old").code == 0
    ended = tailorbird("doctor", "--profile", "old", "--horizon", 60)
    assert ended.code == 1
    assert "error   capability" in ended.out
