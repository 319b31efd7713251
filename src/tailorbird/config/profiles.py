"""Find a profile and check what is common to all providers; see `tailorbird.config`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from pydantic import Field, StrictBool

from tailorbird.config.documents import Document, flat, read_document
from tailorbird.config.showing import shown
from tailorbird.exceptions import ConfigError
from tailorbird.problem import did_you_mean
from tailorbird.protocols.options import read_options
from tailorbird.types.base import Frozen, Settings
from tailorbird.types.budget import Budget
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

HOSTED = "hosted"
"""Name of the engine that stands for the provider's own hosted retrieval."""

_OWN_KEYS = ("budget", "models", "prices", "provider", "retrieval")
_RETRIEVAL_KEYS = ("engine", "rerank")  # the others are the engine's


_Dollars = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class RetrievalSettings(Settings):
    """Where `build_index` keeps its indexes."""

    engine: str = "local"
    """Name of a retrieval engine; `hosted` takes the provider's own."""
    rerank: StrictBool = False
    """Whether hits are put into a better order where a call does not say so itself."""
    options: Mapping[str, object] = Field(default_factory=dict)
    """Everything else in the table: the engine checks it."""


class OwnPrice(Settings):
    """What a model costs by the profile; what is left out, the provider's own price says."""

    input_per_mtok: _Dollars | None = Field(default=None, examples=["0.80"])
    """US dollars for a million input tokens."""
    cached_input_per_mtok: _Dollars | None = Field(default=None, examples=["0.20"])
    """US dollars for a million cached input tokens."""
    cache_write_per_mtok: _Dollars | None = Field(default=None, examples=["1.00"])
    """US dollars for a million input tokens that go into the cache."""
    output_per_mtok: _Dollars | None = Field(default=None, examples=["3.20"])
    """US dollars for a million output tokens."""
    training_per_mtok: _Dollars | None = Field(default=None, examples=["5.00"])
    """US dollars for a million trained tokens (tokens times epochs)."""
    batch_share: _Dollars | None = Field(default=None, examples=["0.5"])
    """What a batch costs, as a share of the price."""
    hosting_per_hour: _Dollars | None = Field(default=None, examples=["1.70"])
    """US dollars for each hour a tuned model is deployed, used or not."""
    read_on: date | None = None
    """Day on which it was looked up; None takes the day on which the file is read."""


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
    prices: Mapping[str, OwnPrice] = Field(default_factory=dict)
    """What models cost, by id or deployment; they go before the provider's prices."""
    budget: Budget | None = None
    """How much may be spent; None sets no limit."""
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
    document = None if path is None else read_document(path)
    if document is not None:
        document.refuse_unknown(document.tables, {"default_profile", "profiles"}, "")
    name, name_source = _choose(profile, environ, document)
    where = Origin(setting="profile", value=name, source=name_source)
    file = Origin(setting="config", value=str(path) if path else "none", source=path_source)
    profiles: Mapping[str, object] = {} if document is None else _table(document, "profiles")
    bare = name == DEFAULT_PROFILE and name not in profiles
    if document is None or not profiles or bare:
        # Without a file the name is taken for a provider that needs no settings. The fake is one
        # with a file, too: a profile for a cloud takes nothing away.
        return Profile(name=name, provider=name, origins=(where, file))
    if name not in profiles:
        raise ConfigError(_missing(name, name_source, profiles, document.path))
    return _checked(name, document, origins=(where, file))


def _find_file(config: Path | None, environ: Mapping[str, str]) -> tuple[Path | None, str]:
    if config is not None:
        return Path(config), "argument"
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named), CONFIG_VARIABLE
    found = Path(CONFIG_FILE)
    return (found, "working directory") if found.is_file() else (None, "default")


def _choose(
    profile: str | None, environ: Mapping[str, str], document: Document | None
) -> tuple[str, str]:
    if profile is not None:
        return profile, "argument"
    if environ.get(PROFILE_VARIABLE):
        return environ[PROFILE_VARIABLE], PROFILE_VARIABLE
    if document is None or "default_profile" not in document.tables:
        return DEFAULT_PROFILE, "default"
    default = document.tables["default_profile"]
    place = document.place("default_profile")
    if not isinstance(default, str):
        message = f"{place}: default_profile must be a name in quotes, got {default!r}"
        raise ConfigError(message)
    return default, place


def _checked(name: str, document: Document, *, origins: tuple[Origin, ...]) -> Profile:
    prefix = f"profiles.{name}"
    table = _table(document, "profiles", name)
    provider = table.get("provider")
    if not isinstance(provider, str) or not provider.strip():
        place = document.place(prefix)
        message = f'{place}: [{prefix}] needs provider = "…" with the name of a provider'
        raise ConfigError(message)
    models = _table(document, "profiles", name, "models")
    retrieval = _retrieval(document, name)
    values = tuple(
        Origin(setting=setting, value=shown(str(value)), source=document.place(setting))
        for setting, value in flat(table, prefix)
    )
    return Profile(
        name=name,
        provider=provider,
        roles={
            role: _role(document, value, f"{prefix}.models.{role}")
            for role, value in models.items()
        },
        retrieval=retrieval,
        prices=_prices(document, name),
        budget=_budget(document, name),
        options={key: value for key, value in table.items() if key not in _OWN_KEYS},
        origins=origins + values,
    )


def _retrieval(document: Document, name: str) -> RetrievalSettings:
    where = f"profiles.{name}.retrieval"
    table = _table(document, "profiles", name, "retrieval")
    if "engine" not in table:
        # Options belong to an engine that is named, so what stands here alone is a slip.
        document.refuse_unknown(table, {*_RETRIEVAL_KEYS}, f"{where}.")
    own = {key: value for key, value in table.items() if key in _RETRIEVAL_KEYS}
    options = {key: value for key, value in table.items() if key not in _RETRIEVAL_KEYS}
    return read_options(
        RetrievalSettings,
        {**own, "options": options},
        place=f"{document.place(where)}: the settings of [{where}]",
    )


def _prices(document: Document, name: str) -> Mapping[str, OwnPrice]:
    prices: dict[str, OwnPrice] = {}
    for model in _table(document, "profiles", name, "prices"):
        where = f"profiles.{name}.prices.{model}"
        table = _table(document, "profiles", name, "prices", model)
        price = read_options(
            OwnPrice, table, place=f"{document.place(where)}: the prices of {model!r}"
        )
        prices[model] = price
    return prices


def _budget(document: Document, name: str) -> Budget | None:
    where = f"profiles.{name}.budget"
    table = _table(document, "profiles", name, "budget")
    if not table:
        return None
    return read_options(Budget, table, place=f"{document.place(where)}: the settings of [{where}]")


def _role(document: Document, value: object, setting: str) -> RoleModel:
    names = {"model": value} if isinstance(value, str) else value
    if isinstance(names, Mapping):
        parts = cast("Mapping[str, object]", names)  # TOML keys are texts
        named = all(isinstance(one, str) and one.strip() == one and one for one in parts.values())
        if named and "model" in parts and set(parts) <= {"model", "deployment"}:
            return RoleModel.model_validate(parts)
    message = (
        f'{document.place(setting)}: {setting} must be "model-id" or'
        ' { deployment = "…", model = "…" } with names that are not empty, without blanks around'
    )
    raise ConfigError(message)


def _table(document: Document, *path: str) -> Mapping[str, object]:
    """Give a table by its path; every step of the path but the last one is known to be there."""
    table = document.tables
    for step in path:
        found = table.get(step, {})
        if not isinstance(found, Mapping):
            setting = ".".join(path)
            message = f"{document.place(setting)}: [{setting}] must be a table"
            raise ConfigError(message)
        table = cast("Mapping[str, object]", found)  # TOML keys are texts
    return table


def _missing(name: str, source: str, profiles: Iterable[str], path: Path) -> str:
    known = sorted(profiles)
    hint = did_you_mean(name, known, otherwise=f"profiles there: {', '.join(known)}")
    asked = "" if source == "argument" else f" (named by {source})"
    return f"{path} has no profile {name!r}{asked}; {hint}"
