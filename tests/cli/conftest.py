"""Run the command line as a user does: with its own folder, streams and environment."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailorbird.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    """Exit code."""
    out: str
    """What came on stdout."""
    err: str
    """What came on stderr; on a terminal all of it stands in `out`."""

    @property
    def data(self) -> Any:  # noqa: ANN401 - a test knows what it looks for
        """The JSON on stdout."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def examples() -> Path:
    """The folder with the example data."""
    return EXAMPLES


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("TAILORBIRD_PROFILE", "TAILORBIRD_CONFIG", "TAILORBIRD_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def faq(tmp_path: Path) -> Path:
    """The first 30 rows of the English example, with all kinds of question."""
    with (EXAMPLES / "en" / "faq.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    kinds = {row[2]: row for row in rows}
    path = tmp_path / "faq.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows[:30], *kinds.values()])
    return path


@pytest.fixture
def handbook() -> Path:
    """The English example's documents."""
    return EXAMPLES / "en" / "handbook"


Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package that brings a provider, as other people's packages do."""
    modules: list[str] = []

    def install(name: str, code: str) -> None:
        module = f"{name}_of_{tmp_path.name.replace('-', '_')}"
        site = tmp_path / "site" / name
        facts = site / f"{module}-1.0.dist-info"
        facts.mkdir(parents=True)
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(
            f"[tailorbird.providers]\n{name} = {module}:open_provider\n"
        )
        (site / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(site)
        modules.append(module)

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def scripted(install: Install) -> Callable[..., None]:
    """Install a provider that is the fake with a script, but while a file `plain` exists."""

    def scripted(name: str, script: str, *, before: str = "") -> None:
        install(
            name,
            "from pathlib import Path\n"
            "from tailorbird.providers.fake import *\n"
            f"{before}\n"
            "def open_provider(options, *, context):\n"
            f"    script = Script() if Path('plain').exists() else {script}\n"
            "    return FakeProvider(script=script, state=context.state)\n",
        )

    return scripted


@pytest.fixture
def tailorbird() -> Run:
    """Run a command with its output in pipes."""

    def run(*args: object, encoding: str = "utf-8") -> Ended:
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        err = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        with redirect_stdout(out), redirect_stderr(err):
            code = main([str(arg) for arg in args])
        return Ended(code, _written(out), _written(err))

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on a terminal of 120 columns."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")

    def run(*args: object) -> Ended:
        master, slave = os.openpty()
        pieces: list[bytes] = []
        reader = threading.Thread(target=_drain, args=(master, pieces))
        reader.start()
        with (
            os.fdopen(slave, "w", encoding="utf-8") as screen,
            redirect_stdout(screen),
            redirect_stderr(screen),
        ):
            code = main([str(arg) for arg in args])
        reader.join()
        os.close(master)
        return Ended(code, b"".join(pieces).decode().replace("\r\n", "\n"), "")

    return run


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)


def _drain(master: int, pieces: list[bytes]) -> None:
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:  # Linux: the other end is closed
            return
        if not piece:  # macOS
            return
        pieces.append(piece)
