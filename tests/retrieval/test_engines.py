"""Retrieval engines are found by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailorbird.exceptions import ConfigError
from tailorbird.retrieval.engines import engine_names, open_engine


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Install a package that registers the engines `shelf` and `broken`."""
    info = tmp_path / "shelf-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[tailorbird.engines]\nshelf = shelf_engine:make\nbroken = shelf_engine:nothing\n"
    )
    (tmp_path / "shelf_engine.py").write_text("def make(folder):\n    return ('shelf', folder)\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "shelf"
    sys.modules.pop("shelf_engine", None)


def test_the_local_engine_is_registered() -> None:
    """The engine of this package works in memory."""
    assert "local" in engine_names()
    assert open_engine("local", folder=None).traits.name == "local"


def test_another_package_can_register_an_engine(plugin: str, tmp_path: Path) -> None:
    """An engine of one's own needs no change here."""
    assert plugin in engine_names()
    assert open_engine(plugin, folder=tmp_path) == ("shelf", tmp_path)


def test_an_unknown_engine_is_refused_with_the_nearest_name() -> None:
    """A typing mistake is answered with what was meant, or with all there are."""
    with pytest.raises(ConfigError, match="did you mean 'local'"):
        open_engine("locale", folder=None)
    with pytest.raises(ConfigError, match=r"known: .*local"):
        open_engine("zzzzzz", folder=None)


def test_an_engine_that_cannot_be_imported_says_so(plugin: str) -> None:
    """A broken package is named with the reason."""
    assert plugin
    with pytest.raises(ConfigError, match="'broken' cannot be loaded from 'shelf_engine:nothing'"):
        open_engine("broken", folder=None)
