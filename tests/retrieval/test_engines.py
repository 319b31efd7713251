"""Engines by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailorbird.exceptions import ConfigError, MissingExtraError
from tailorbird.retrieval.engines import ENTRY_POINTS, engine_names, open_engine
from tailorbird.types import IndexName, IndexSpec


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Install a package that registers the engines `nest` and `broken`."""
    info = tmp_path / "nest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{ENTRY_POINTS}]\n"
        "nest = nest_engine:NestEngine\n"
        "broken = nest_engine:Nothing\n"
        "tree = nest_engine:TreeEngine\n"
        "bare = nest_engine:BareEngine\n"
        "driverless = nest_without_driver:Engine\n"
        "packageless = nest_without_package:Engine\n"
    )
    (tmp_path / "nest_engine.py").write_text(
        "from tailorbird.retrieval.local import LocalRetrieval\n"
        "class NestEngine(LocalRetrieval):\n    pass\n"
        "class BareEngine:\n"
        "    def __init__(self, folder):\n"
        "        self.folder = folder\n"
        "class TreeEngine(LocalRetrieval):\n"
        "    @classmethod\n"
        "    def from_options(cls, options, *, folder, environ):\n"
        "        engine = cls(folder)\n"
        "        engine.given = (dict(options), dict(environ))\n"
        "        return engine\n"
    )
    (tmp_path / "nest_without_driver.py").write_text("import psycopg.nowhere\n")
    (tmp_path / "nest_without_package.py").write_text("import nowhere_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "nest"
    sys.modules.pop("nest_engine", None)


async def test_local_engine_opens_in_its_folder(tmp_path: Path) -> None:
    """The engine of that name keeps its indexes in the folder that was given."""
    engine = open_engine("local", folder=tmp_path)
    await engine.create(IndexSpec(name=IndexName("a")))
    assert engine.traits.name == "local"
    assert (tmp_path / "indexes.sqlite").exists()


def test_unknown_engine_is_named() -> None:
    """A name that no engine has is an error with the nearest name, or all of them."""
    assert engine_names() == ("local", "postgres")
    with pytest.raises(ConfigError, match=r"no retrieval engine 'locale'; did you mean 'local'\?"):
        open_engine("locale", folder=None)
    with pytest.raises(ConfigError, match=r"no retrieval engine 'x'; known: local, postgres"):
        open_engine("x", folder=None)


def test_another_package_can_register_an_engine(plugin: str, tmp_path: Path) -> None:
    """An engine of one's own needs no change here."""
    assert plugin in engine_names()
    assert type(open_engine(plugin, folder=tmp_path)).__name__ == "NestEngine"


def test_engine_that_cannot_be_imported_says_so(plugin: str) -> None:
    """A broken package is named with the reason."""
    assert plugin
    with pytest.raises(ConfigError, match="'broken' cannot be loaded from 'nest_engine:Nothing'"):
        open_engine("broken", folder=None)


def test_options_reach_the_engine_that_takes_them(plugin: str, tmp_path: Path) -> None:
    """An engine with `from_options` is handed what the profile says and the environment."""
    assert plugin
    engine = open_engine("tree", folder=tmp_path, options={"a": 1}, environ={"KEY": "x"})
    assert vars(engine)["given"] == ({"a": 1}, {"KEY": "x"})
    assert vars(open_engine("tree", folder=None))["given"] == ({}, {})


def test_options_of_an_engine_without_any_are_refused(plugin: str, tmp_path: Path) -> None:
    """An option that nobody reads is an error, not a surprise."""
    assert plugin
    assert vars(open_engine("bare", folder=tmp_path)) == {"folder": tmp_path}
    with pytest.raises(ConfigError, match="'bare' has no options, got 'dsn_env'"):
        open_engine("bare", folder=None, options={"dsn_env": "X"})


def test_options_of_the_local_engine_are_checked() -> None:
    """The local engine takes its own options, and tells which one is wrong."""
    open_engine("local", folder=None, options={"codes_above": 1000})
    with pytest.raises(ConfigError, match="unknown key 'dsn_env'"):
        open_engine("local", folder=None, options={"dsn_env": "X"})
    with pytest.raises(ConfigError, match="'codes_above': input should be"):
        open_engine("local", folder=None, options={"codes_above": -1})


def test_missing_packages_are_named(plugin: str) -> None:
    """A package of an extra is told with the extra, any other one by its name."""
    assert plugin
    with pytest.raises(MissingExtraError, match=r"tailorbird\[postgres\]"):
        open_engine("driverless", folder=None)
    with pytest.raises(ConfigError, match="No module named 'nowhere_at_all'"):
        open_engine("packageless", folder=None)
