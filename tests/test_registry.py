"""Providers are found by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tailorbird.exceptions import ConfigError
from tailorbird.registry import find_provider, provider_names


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a package that registers the providers `nest` and `broken`."""
    info = tmp_path / "nest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[tailorbird.providers]\nnest = nest_provider:make\nbroken = nest_provider:nothing\n"
    )
    (tmp_path / "nest_provider.py").write_text("def make(options, *, context):\n    return 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "nest"
    sys.modules.pop("nest_provider", None)


def test_the_fake_is_registered() -> None:
    """The fake is a provider like the others."""
    assert "fake" in provider_names()
    assert callable(find_provider("fake"))


def test_another_package_can_register_a_provider(plugin: str) -> None:
    """A provider of one's own needs no change here."""
    assert plugin in provider_names()
    assert find_provider(plugin).__name__ == "make"


def test_an_unknown_provider_is_refused_with_the_nearest_name() -> None:
    """A typing mistake is answered with what was meant, or with all there are."""
    with pytest.raises(ConfigError, match="did you mean 'fake'"):
        find_provider("fakee")
    with pytest.raises(ConfigError, match=r"known: .*fake"):
        find_provider("zzzzzz")


def test_a_provider_that_cannot_be_imported_says_so(plugin: str) -> None:
    """A broken package is named with the reason."""
    assert plugin
    with pytest.raises(ConfigError, match="'broken' cannot be loaded from 'nest_provider:nothing'"):
        find_provider("broken")


def test_two_packages_with_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of two providers of one name is meant cannot be guessed."""
    for number in (1, 2):
        info = tmp_path / f"twin{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: twin{number}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[tailorbird.providers]\ntwin = twin{number}:make\n"
            + ("fake = twin1:make\n" if number == 1 else "")
        )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"'twin' is registered 2 times, by twin1 .*twin2 "):
        find_provider("twin")
    with pytest.raises(ConfigError, match=r"'fake' is registered 2 times, by tailorbird, twin1"):
        find_provider("fake")
