"""A provider that nobody here has heard of: by an entry point, and as a folder with one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import tailorbird
from tailorbird.exceptions import ConfigError
from tailorbird.protocols import Provider, ProviderContext
from tailorbird.providers.fake import VirtualClock
from tailorbird.registry import find_provider, provider_names
from tailorbird.testing.conformance import (
    ChatConformance,
    ModelsConformance,
    ProviderConformance,
)

SOURCE = Path(__file__).parent / "fourth"
PACKAGE = Path(tailorbird.__file__).parent
ROOT = Path(__file__).parents[1]
CONFIG = """
[profiles.garden]
provider = "nest"
tree = "maple"
[profiles.garden.models]
chat = "starling"
"""
ASKED = """
import asyncio, tailorbird
async def main():
    async with tailorbird.open("nest", workspace=None) as bench:
        print((await bench.ask("tweet")).text, bench.provider.identity)
asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package that registers the provider by its entry point."""
    info = tmp_path / "nest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tailorbird.providers]\nnest = nest:open_provider\n")
    shutil.copytree(SOURCE / "nest", tmp_path / "nest")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [one for one in sys.modules if one.partition(".")[0] == "nest"]:
        del sys.modules[name]


@pytest.fixture
def make_provider() -> Callable[[], Provider]:
    """A maker of providers, as the registry finds it."""
    make = find_provider("nest")
    return lambda: make({}, context=ProviderContext(clock=VirtualClock()))


@pytest.fixture
async def provider(make_provider: Callable[[], Provider]) -> AsyncIterator[Provider]:
    """An open one."""
    async with make_provider() as opened:
        yield opened


async def test_a_profile_opens_it(tmp_path: Path) -> None:
    """By name, with its own options checked by itself and the roles of the profile."""
    config = tmp_path / "tailorbird.toml"
    config.write_text(CONFIG)
    async with tailorbird.open("garden", config=config, workspace=None, environ={}) as bench:
        assert bench.provider.identity == "nest/maple"
        assert bench.role("chat").model == "starling"
        assert (await bench.ask("tweet")).text == "tweet"
        assert [card.id for card in await bench.models()] == ["parrot", "starling"]


def test_its_name_is_known() -> None:
    """It stands beside the providers of this package."""
    assert {"azure", "fake", "nest", "openai"} <= set(provider_names())


async def test_its_own_check_of_options_is_heard(tmp_path: Path) -> None:
    """A profile with a key that the provider does not know is refused in its words."""
    config = tmp_path / "tailorbird.toml"
    config.write_text(CONFIG.replace("tree =", "shrub ="))
    with pytest.raises(ConfigError, match="unknown key 'shrub': known is tree"):
        async with tailorbird.open("garden", config=config, workspace=None, environ={}):
            pass


class TestProvider(ProviderConformance):
    """Clauses P."""


class TestChat(ChatConformance):
    """Clauses C, asking."""


class TestModels(ModelsConformance):
    """Clauses M."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with a fourth folder, and one line more in the registry."""
    home = tmp_path / "copy"
    package = home / "tailorbird"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SOURCE / "nest", package / "providers" / "nest")
    registry = package / "registry.py"
    text = registry.read_text(encoding="utf-8")
    line = '    "fake": "tailorbird.providers.fake:open_provider",\n'
    assert line in text
    registry.write_text(text.replace(line, line + line.replace("fake", "nest")), encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", home)
    return home


def run(command: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command on the copy."""
    environ = {**os.environ, "PYTHONPATH": str(home)}
    return subprocess.run(
        command, cwd=home, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_folder_needs_no_other_edit_than_its_line(copy: Path) -> None:
    """With the folder and the line it is opened by name, and every floor still holds."""
    asked = run([sys.executable, "-c", ASKED], copy)
    assert asked.stdout == "tweet nest/oak\n", asked.stderr
    checked = run([str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], copy)
    assert checked.returncode == 0, checked.stdout + checked.stderr
