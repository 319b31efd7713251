"""The commands `models` and `indexes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_models(tailorbird: Callable[..., Any]) -> None:
    """The models stand in a table whose columns are aligned."""
    ended = tailorbird("models")
    head, *lines = ended.out.splitlines()
    assert (ended.code, ended.err) == (0, "")
    assert head.split() == [
        "id", "base", "for", "tunable", "shutdown", "days", "left", "instead",
    ]  # fmt: skip
    at = head.index("for")
    assert {line[at:].split()[0] for line in lines} == {"chat", "embedding"}


def test_models_as_json(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """The JSON tells of each model when it stops answering, in a date and in days."""
    (tmp_path / "tailorbird.toml").write_text(
        '[profiles.cloud]\nprovider = "fake"\nflavor = "openai"\n'
    )
    ended = tailorbird("models", "--profile", "cloud", "--json", "-")
    models = ended.data["models"]
    assert models
    assert all((one["shutdown_date"] is None) == (one["days_left"] is None) for one in models)
    assert any(one["days_left"] is not None for one in models)
    text = tailorbird("models", "--profile", "cloud").out
    assert next(one["shutdown_date"] for one in models if one["shutdown_date"]) in text


def test_configuration_file(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """The configuration can be named; a profile that is not in it gets a near one."""
    path = tmp_path / "elsewhere.toml"
    path.write_text('[profiles.offline]\nprovider = "fake"\n')
    assert tailorbird("models", "--config", path, "--profile", "offline").code == 0
    ended = tailorbird("models", "--config", path, "--profile", "ofline")
    assert ended.code == 2
    assert ended.err.endswith("has no profile 'ofline'; did you mean 'offline'?\n")


def test_unknown_provider(tailorbird: Callable[..., Any]) -> None:
    """Without a file the profile is a provider's name, and an unknown one gets a near one."""
    ended = tailorbird("models", "--profile", "fakee")
    assert (ended.code, ended.err) == (
        2,
        "error: there is no provider 'fakee'; did you mean 'fake'?\n",
    )


def test_workspace_that_cannot_be_used(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """A workspace that is a file ends with 2."""
    (tmp_path / "file").write_text("")
    ended = tailorbird("models", "--workspace", "file")
    assert ended.code == 2
    assert ended.err.startswith("error: cannot use the workspace 'file'")


def test_indexes(tailorbird: Callable[..., Any], examples: Path) -> None:
    """What was built is listed, and goes when it is deleted; its vectors stay paid for."""
    assert tailorbird("indexes").out.split() == [
        "name", "documents", "chunks", "model", "dimensions", "tenants", "by", "made",
    ]  # fmt: skip
    handbook = examples / "en" / "handbook"
    built = tailorbird("index", handbook, "--name", "handbook", "--json", "-").data
    tailorbird("index", handbook, "--name", "again")
    head, *lines = tailorbird("indexes").out.splitlines()
    assert [line.split()[0] for line in lines] == ["again", "handbook"]
    assert lines[0].split()[3] == "fake-embedding"
    assert head.index("documents") < head.index("model")
    ended = tailorbird("indexes", "--delete", "handbook", "--json", "-")
    assert ended.data["deleted"] == "handbook"
    [left] = ended.data["indexes"]
    assert (left["spec"]["name"], left["documents"]) == ("again", built["info"]["documents"])
    assert tailorbird("indexes", "--delete", "again").err == "deleted the index 'again'\n"
    assert tailorbird("index", handbook, "--name", "handbook", "--json", "-").data["embedded"] == 0


def test_an_index_that_is_not_there_cannot_be_deleted(tailorbird: Callable[..., Any]) -> None:
    """Its name is told, and nothing else happens."""
    ended = tailorbird("indexes", "--delete", "handbook")
    assert ended.code == 2
    assert "'handbook'" in ended.err
