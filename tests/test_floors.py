"""The floors of the house: who may import whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]


def test_every_import_goes_down(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every import contract of pyproject.toml is kept."""
    monkeypatch.syspath_prepend(ROOT)  # import-linter adds the working directory to sys.path
    exit_status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert exit_status == 0, capsys.readouterr().out
