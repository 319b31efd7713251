"""The floors of the house: who may import whom."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]


@pytest.fixture
def loggers() -> Iterator[None]:
    """Switch the loggers on again that import-linter's own configuration switches off."""
    yield
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.mark.usefixtures("loggers")
def test_every_import_goes_down(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every import contract of pyproject.toml is kept."""
    monkeypatch.syspath_prepend(ROOT)  # import-linter adds the working directory to sys.path
    exit_status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert exit_status == 0, capsys.readouterr().out
