"""Profiles: which provider, which models play which role, which options. TOML, nothing hidden.

A profile is looked up in this order: the file given as `config`; the file that the environment
variable `TAILORBIRD_CONFIG` names; `tailorbird.toml` in the working directory; and where none of
them exists, a bare profile for each provider that needs no settings. The profile's name is the one
given; else the variable `TAILORBIRD_PROFILE`; else the file's `default_profile`; else `fake`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import Field, ValidationError

from tailorbird.exceptions import ConfigError
from tailorbird.types.base import Frozen, Settings
from tailorbird.types.models import RoleModel

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIG_FILE = "tailorbird.toml"
"""Looked for in the working directory when no other file is named."""

CONFIG_VARIABLE = "TAILORBIRD_CONFIG"
"""Environment variable that names another file."""

PROFILE_VARIABLE = "TAILORBIRD_PROFILE"
"""Environment variable that names the profile."""

DEFAULT_PROFILE = "fake"
"""Used when nothing else names a profile: it works without a key and costs nothing."""

_OWN_KEYS = ("models", "provider", "retrieval")


class RetrievalSettings(Settings):
    """Where `build_index` keeps its indexes."""

    engine: str = "local"
    """Name of a retrieval engine."""


class Origin(Frozen):
    """Where a value of the configuration came from."""

    setting: str
    """Dotted path such as `profiles.azure.endpoint`."""
    value: str
    """The value as text; never a secret, because secrets are only named, not held."""
    source: str
    """File and line, environment variable, argument, or `default`."""


class Profile(Frozen):
    """One profile, checked as far as it is common to all providers."""

    name: str
    """Name of the profile."""
    provider: str
    """Name of the provider."""
    roles: Mapping[str, RoleModel] = Field(default_factory=dict)
    """Which model plays which role."""
    retrieval: RetrievalSettings = Field(default_factory=RetrievalSettings)
    """Where indexes are kept."""
    options: Mapping[str, object] = Field(default_factory=dict)
    """Everything else: the provider checks it."""
    origins: tuple[Origin, ...] = ()
    """Where each value came from; what `describe` shows."""


def load_profile(
    profile: str | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str],
) -> Profile:
    """Find and check a profile.

    Args:
        profile: Name of the profile; None takes the variable, the file's default, or `fake`.
        config: The file; None looks where the module's docstring says.
        environ: Environment variables.

    Raises:
        ConfigError: The file is missing or wrong, or has no such profile; the message names file,
            line, key and fix.
    """
    path, path_source = _find_file(config, environ)
    tables: Mapping[str, object] = {} if path is None else _read(path)
    name, name_source = _choose(profile, environ, tables, path)
    where = Origin(setting="profile", value=name, source=name_source)
    file = Origin(setting="config", value=str(path) if path else "none", source=path_source)
    profiles = _table(tables.get("profiles", {}), "profiles", path)
    if name not in profiles:
        if profiles:
            raise ConfigError(_missing(name, profiles, path))
        # Without a file the name is taken for a provider that needs no settings.
        return Profile(name=name, provider=name, origins=(where, file))
    table = _table(profiles[name], f"profiles.{name}", path)
    return _checked(name, table, path, origins=(where, file))


def _find_file(config: Path | None, environ: Mapping[str, str]) -> tuple[Path | None, str]:
    if config is not None:
        return Path(config), "argument"
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named), CONFIG_VARIABLE
    found = Path(CONFIG_FILE)
    return (found, "working directory") if found.is_file() else (None, "default")


def _read(path: Path) -> Mapping[str, object]:
    try:
        raw = path.read_bytes()
    except OSError as exc:
        message = f"cannot read the configuration {str(path)!r}: {exc.strerror}"
        raise ConfigError(message) from exc
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        message = f"{path}:{line}: the file is not UTF-8; save it as UTF-8"
        raise ConfigError(message) from exc
    try:
        tables: Mapping[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        message = f"{path}: {exc}"
        raise ConfigError(message) from exc
    _refuse_unknown(tables, {"default_profile", "profiles"}, "", path, text)
    return tables


def _choose(
    profile: str | None,
    environ: Mapping[str, str],
    tables: Mapping[str, object],
    path: Path | None,
) -> tuple[str, str]:
    if profile is not None:
        return profile, "argument"
    if environ.get(PROFILE_VARIABLE):
        return environ[PROFILE_VARIABLE], PROFILE_VARIABLE
    default = tables.get("default_profile")
    if default is None:
        return DEFAULT_PROFILE, "default"
    if not isinstance(default, str):
        message = f"{path}: default_profile must be a name in quotes, got {default!r}"
        raise ConfigError(message)
    return default, f"{path}"


def _checked(
    name: str, table: Mapping[str, object], path: Path | None, *, origins: tuple[Origin, ...]
) -> Profile:
    text = "" if path is None else path.read_text(encoding="utf-8-sig")
    prefix = f"profiles.{name}"
    provider = table.get("provider")
    if not isinstance(provider, str) or not provider:
        message = f'{path}: [{prefix}] needs provider = "…" with the name of a provider'
        raise ConfigError(message)
    roles = {
        role: _role(value, f"{prefix}.models.{role}", path)
        for role, value in _table(table.get("models", {}), f"{prefix}.models", path).items()
    }
    try:
        retrieval = RetrievalSettings.model_validate(table.get("retrieval", {}))
    except ValidationError as exc:
        raise ConfigError(explain(exc, place=f"{path}: [{prefix}.retrieval]")) from exc
    values = tuple(
        Origin(setting=key, value=str(value), source=f"{path}:{_line(text, key)}")
        for key, value in _flat(table, prefix)
    )
    return Profile(
        name=name,
        provider=provider,
        roles=roles,
        retrieval=retrieval,
        options={key: value for key, value in table.items() if key not in _OWN_KEYS},
        origins=origins + values,
    )


def _role(value: object, place: str, path: Path | None) -> RoleModel:
    names = {"model": value} if isinstance(value, str) else _table(value, place, path)
    named = all(isinstance(one, str) and one.strip() for one in names.values())
    if not named or "model" not in names or not set(names) <= {"model", "deployment"}:
        message = (
            f'{path}: {place} must be "model-id" or'
            ' { deployment = "…", model = "…" } with names that are not empty'
        )
        raise ConfigError(message)
    return RoleModel.model_validate(names)


def explain(error: ValidationError, *, place: str) -> str:
    """Say in one line a key what is wrong with settings, without repeating any value."""
    lines = [
        f"{'.'.join(str(part) for part in one['loc']) or 'settings'}: {one['msg'].lower()}"
        for one in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return f"{place}: " + "; ".join(lines)


def _table(value: object, place: str, path: Path | None) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        message = f"{path}: [{place}] must be a table"
        raise ConfigError(message)
    return cast("Mapping[str, object]", value)  # TOML keys are texts


def _missing(name: str, profiles: Iterable[str], path: Path | None) -> str:
    known = sorted(profiles)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"profiles there: {', '.join(known)}"
    return f"{path} has no profile {name!r}; {hint}"


def _refuse_unknown(
    table: Mapping[str, object], known: set[str], place: str, path: Path, text: str
) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
            message = f"{path}:{_line(text, place + key)}: unknown key {key!r}; {hint}"
            raise ConfigError(message)


def _flat(table: Mapping[str, object], prefix: str) -> Iterable[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(cast("Mapping[str, object]", value), f"{prefix}.{key}")
        else:
            yield f"{prefix}.{key}", value


def _line(text: str, setting: str) -> int:
    # tomllib gives no positions: the line is the first one that opens the table or sets the key.
    *tables, key = setting.split(".")
    inside = not tables
    for number, line in enumerate(text.splitlines(), start=1):
        head = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        if head:
            name = head[1].replace('"', "").replace(" ", "")
            inside = name == ".".join(tables)
            if name == setting or name.startswith(setting + "."):
                return number
        elif inside and re.match(rf'\s*"?{re.escape(key)}"?\s*[.=]', line):
            return number
    # A key of an inline table stands on the line of the table.
    return _line(text, ".".join(tables)) if tables else 1
