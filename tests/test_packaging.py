"""What an installation brings, and what an import does to the machine."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGE_BUDGET = 30  # DESIGN 3.1

# Writes what the import does to the machine as JSON. Bytecode caching is off (-B): it is Python's.
WATCH_IMPORT = """
import json, os, sys

seen = []
writing = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
changing = ("socket.", "subprocess.", "shutil.", "os.mkdir", "os.putenv", "os.remove", "os.rename",
            "os.rmdir", "os.unsetenv", "os.exec", "os.fork", "os.posix_spawn", "sqlite3.")

def watch(event, arguments):
    if event.startswith(changing) or (event == "open" and (arguments[2] or 0) & writing):
        seen.append(f"{event} {arguments!r}")

sys.addaudithook(watch)
ACTION
print(json.dumps(seen))
"""


def test_tree_is_small() -> None:
    """An installation without extras brings no more packages than the budget allows."""
    packages = set(_required("tailorbird", frozenset(), set()))
    assert len(packages) <= PACKAGE_BUDGET, sorted(packages)


def test_wheel_is_typed_and_runs_nothing_at_startup(wheel_names: list[str]) -> None:
    """The wheel carries the typing marker and no file that Python would execute unasked."""
    assert "tailorbird/py.typed" in wheel_names
    assert [name for name in wheel_names if name.endswith(".pth")] == []


def test_wheel_holds_the_package_alone(wheel_names: list[str]) -> None:
    """Nothing but the package, what stands beside it, and its metadata is installed."""
    installed = {name.partition("/")[0].partition("-")[0] for name in wheel_names}
    assert installed == {"tailorbird", "_tailorbird_command.py", "_tailorbird_pytest.py"}
    assert any(name.endswith("/licenses/LICENSE") for name in wheel_names)


def test_import_leaves_the_machine_alone() -> None:
    """The import opens no socket, writes no file, starts no program and sets no variable."""
    assert _watch("import tailorbird") == []


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("import socket; socket.socket(socket.AF_UNIX).close()", "socket.__new__"),
        ("open('written.txt', 'w').close()", "open"),
        ("os.environ['TAILORBIRD_WATCHED'] = '1'", "os.putenv"),
    ],
)
def test_watch_sees(
    action: str, event: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The watch used above notices what it is there for."""
    monkeypatch.chdir(tmp_path)
    assert [line.split()[0] for line in _watch(action)] == [event]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Build the wheel without a network and return the names of its files."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


def _watch(action: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-I", "-B", "-c", WATCH_IMPORT.replace("ACTION", action)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [str(line) for line in json.loads(run.stdout)]


def _required(
    name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]
) -> Iterator[str]:
    """Yield `name` and everything it requires here, following requirements and their extras."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    yield name
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        if _applies(requirement, extras):
            yield from _required(
                canonicalize_name(requirement.name), frozenset(requirement.extras), seen
            )


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))
