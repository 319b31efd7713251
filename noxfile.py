"""What a change must pass: `python3 -m nox` runs it all, `python3 -m nox -s tests` a part.

Only pip and a package index are needed; uv comes with `pip install 'nox[uv]'`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"

PINS = "constraints.txt"

HALF = (
    "tests/cli",
    "tests/faults",
    "tests/http",
    "tests/retrieval",
    "tests/workflow",
)
"""Folders whose tests take about as long as all others: they run in a process of their own, at the
same time. `pytest --durations=0` tells when the halves have drifted apart."""


def _pip_index() -> str | None:
    """Return the package index that this machine's pip is set to, or None for the usual one."""
    settings = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    found = re.search(r"^[^=]*\.index-url='(.+)'$", settings.stdout, re.MULTILINE)
    return found[1] if found else None


# uv does not read pip's settings, and a company's mirror usually stands only there.
if (_index := _pip_index()) is not None:
    os.environ.setdefault("UV_DEFAULT_INDEX", _index)


def _build(session: nox.Session) -> Path:
    """Build the source distribution and, from it, the wheel; return the wheel."""
    folder = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("uv", "build", "--quiet", "--build-constraint", PINS, "--out-dir", str(folder))
    [wheel] = folder.glob("*.whl")
    return wheel


def _version_pins(text: str) -> dict[str, str]:
    """Return the lines of a constraints file by the name of their package."""
    lines = (line for line in text.splitlines() if "==" in line)
    return {line.partition("==")[0]: line for line in lines}


def _test(session: nox.Session, *pytest: str, env: Mapping[str, str] | None = None) -> None:
    """Run what was asked for in one process, or all tests in two processes at once.

    Two processes with a fixed division, and not pytest-xdist: its workers load our own pytest
    plugin before coverage could start in them.
    """
    if session.posargs:
        session.run(*pytest, *session.posargs, env=env)
        return
    log = Path(session.create_tmp()).resolve() / "half.txt"
    with log.open("w", encoding="utf-8") as output, ThreadPoolExecutor(1) as pool:
        half = pool.submit(session.run, *pytest, *HALF, env=env, stdout=output, stderr=output)
        try:
            session.run(*pytest, "tests", *(f"--ignore={folder}" for folder in HALF), env=env)
        finally:
            wait([half])
            said = log.read_text("utf-8", errors="replace")
            session.log(f"The tests of {', '.join(HALF)} said:\n{_without_dots(said)}")
    half.result()


def _without_dots(said: str) -> str:
    """Return what pytest said from the first failure on, or its summary, or all if it has none."""
    marks = ("= ERRORS =", "= FAILURES =", "= short test summary info =")
    found = [at for at in map(said.find, marks) if at >= 0]
    return said[said.rfind("\n", 0, min(found)) + 1 :] if found else said


@nox.session(name="format")
def format_(session: nox.Session) -> None:
    """Check the layout of the code."""
    session.install("--group", "lint", "-c", PINS)
    session.run("ruff", "format", "--check", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code against ruff's rules."""
    session.install("--group", "lint", "-c", PINS)
    session.run("ruff", "check", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types twice: users of either checker see our public API."""
    session.install("-r", "pyproject.toml", "--extra", "all", "--group", "types", "-c", PINS)
    session.run("mypy")
    session.run("pyright", "--warnings")


@nox.session
def floors(session: nox.Session) -> None:
    """Check that no floor imports one above it."""
    session.install("--group", "floors", "-c", PINS)
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": "src"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a broken link fails."""
    session.install("--group", "docs", "-c", PINS)
    # Never --quiet: it hides the warnings that --strict counts, and so lets broken links pass.
    session.run(
        *("mkdocs", "build", "--strict", "--site-dir", f"{session.create_tmp()}/site"),
        env={"NO_MKDOCS_2_WARNING": "1"},
    )


@nox.session
def examples(session: nox.Session) -> None:
    """Run every example on the fake, each in a fresh copy of the examples folder."""
    session.install(f"{_build(session)}[all]", "-c", PINS)
    source = Path("examples").resolve()
    scripts = sorted(source.glob("*.py"))
    if not scripts:
        session.error("There is no example to run.")
    for script in scripts:
        copy = Path(session.create_tmp()).resolve() / script.stem
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source, copy)
        with session.chdir(copy):
            session.run("python", script.name)


@nox.session
def lowest(session: nox.Session) -> None:
    """Test the built wheel on the lowest versions that we allow; slow tests are left out."""
    floor_file = Path(session.create_tmp()).resolve() / "lowest.txt"
    floor_text = session.run_install(
        *("uv", "pip", "compile", "pyproject.toml", "--extra", "all", "--quiet"),
        *("--resolution", "lowest-direct", "--no-annotate", "--no-header"),
        *("--no-emit-package", "tailorbird"),
        silent=True,
    )
    # The lowest versions win over the pins; the test tools keep theirs.
    merged = _version_pins(Path(PINS).read_text()) | _version_pins(str(floor_text))
    floor_file.write_text("\n".join(merged.values()) + "\n")
    session.install(f"{_build(session)}[all]", "--group", "test", "-c", str(floor_file))
    # Processes that are killed, and the like, do not depend on what stands around them.
    _test(session, "python", "-m", "pytest", "-m", "not live and not slow")


@nox.session(python="3.13", default=False)
def newest(session: nox.Session) -> None:
    """Test the built wheel on the newest Python that we promise; asked for by name only."""
    session.install(f"{_build(session)}[all]", "--group", "test", "-c", PINS)
    _test(session, "python", "-m", "pytest")


@nox.session
def tests(session: nox.Session) -> None:
    """Test the built wheel; every branch must be covered."""
    session.install(f"{_build(session)}[all]", "--group", "test", "-c", PINS)
    measured = {"COVERAGE_FILE": str(Path(session.create_tmp()).resolve() / "coverage")}
    session.run("coverage", "erase", env=measured)
    _test(session, "coverage", "run", "-m", "pytest", env=measured)
    session.run("coverage", "combine", "--quiet", env=measured)
    # A part of the tests covers a part of the code; the gate stands for the whole.
    gate = ["--fail-under=0"] if session.posargs else []
    session.run("coverage", "report", *gate, env=measured)
