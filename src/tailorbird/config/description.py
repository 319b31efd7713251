"""What a profile comes to: every value with its source, the keys it names, and what surprises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field
from typing_extensions import override

from tailorbird.config.documents import flat
from tailorbird.config.profiles import Origin, Profile
from tailorbird.config.showing import shown, shown_proxy
from tailorbird.exceptions import ConfigError
from tailorbird.types.base import Frozen
from tailorbird.types.secrets import read_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_KEY_SETTING = "api_key_env"
_USUAL = "default"  # where no setting names a key

# Variables that the vendors' own tools obey and tailorbird does not: what they say must stand in
# the profile. Facts about OpenAI's and Azure's clients, read 2026-11-22.
_NOT_READ: Mapping[str, str] = {
    "OPENAI_BASE_URL": "base_url",
    "OPENAI_API_BASE": "base_url",
    "OPENAI_ORG_ID": "organization",
    "OPENAI_PROJECT_ID": "project",
    "OPENAI_API_VERSION": "",
    "AZURE_OPENAI_ENDPOINT": "endpoint",
    "AZURE_OPENAI_AD_TOKEN": "",
}
_ADDRESSES = {"OPENAI_BASE_URL", "OPENAI_API_BASE", "AZURE_OPENAI_ENDPOINT"}

# Variables that decide where requests go although no profile names them.
_OBEYED = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


class KeyState(Frozen):
    """A key that a profile names, and whether it is there; never the key."""

    setting: str
    """What names it, e.g. `profiles.openai.api_key_env`; `default` where no setting does."""
    variable: str
    """The environment variable."""
    length: int | None = Field(default=None, ge=0)
    """How many characters it has; None when there is no key that can be used."""
    problem: str | None = None
    """Why it cannot be used; None when it can."""
    notes: tuple[str, ...] = ()
    """What was mended while reading."""


class Description(Frozen):
    """A profile, explained."""

    profile: str
    """Name of the profile."""
    provider: str
    """Name of the provider."""
    origins: tuple[Origin, ...]
    """Every value and its source."""
    keys: tuple[KeyState, ...] = ()
    """The keys that the profile names."""
    warnings: tuple[str, ...] = ()
    """What in the environment might surprise, one sentence each."""

    @override
    def __str__(self) -> str:
        """Show a line for each value, key and warning."""
        lines = [f"{one.setting} = {one.value}  ({one.source})" for one in self.origins]
        lines += [f"{key.setting}: {_key_line(key)}" for key in self.keys]
        lines += [f"warning: {one}" for one in self.warnings]
        return "\n".join(lines)


def describe(
    profile: Profile, *, environ: Mapping[str, str], key_variables: Sequence[str] = ()
) -> Description:
    """Explain a profile: where each value came from, which keys are there, what might surprise.

    Args:
        profile: The profile, as `load_profile` gives it.
        environ: Environment variables.
        key_variables: Variables that the provider reads keys from although the profile names none,
            as `Provider.key_variables` tells.
    """
    named = [
        (setting, str(value))
        for setting, value in flat(profile.options, f"profiles.{profile.name}")
        if setting.rpartition(".")[2] == _KEY_SETTING and isinstance(value, str)
    ]
    known = {variable for _, variable in named}
    usual = [(_USUAL, one) for one in key_variables if one not in known]
    return Description(
        profile=profile.name,
        provider=profile.provider,
        origins=(*profile.origins, *_obeyed(environ)),
        keys=tuple(_key_state(setting, name, environ) for setting, name in (*named, *usual)),
        warnings=tuple(_warnings(profile, environ)),
    )


def _key_state(setting: str, variable: str, environ: Mapping[str, str]) -> KeyState:
    try:
        key = read_key(environ, variable, place=setting)
    except ConfigError as exc:
        return KeyState(setting=setting, variable=variable, problem=str(exc))
    return KeyState(setting=setting, variable=variable, length=len(key), notes=key.notes)


def _key_line(key: KeyState) -> str:
    if key.problem is not None:
        return f"no key: {key.problem}"
    return f"a key of {key.length} characters in {key.variable} (not shown)"


def _obeyed(environ: Mapping[str, str]) -> Iterator[Origin]:
    for name in _OBEYED:
        for spelling in (name, name.lower()):
            value = environ.get(spelling)
            if value:
                show = shown_proxy if name.endswith("_PROXY") else shown
                yield Origin(setting=spelling, value=show(value), source="environment")


def _warnings(profile: Profile, environ: Mapping[str, str]) -> Iterator[str]:
    set_here = {setting.rpartition(".")[2] for setting, _ in flat(profile.options, "")}
    for name, setting in _NOT_READ.items():
        value = environ.get(name)
        if not value or setting in set_here:
            continue
        address = f" ({shown(value)})" if name in _ADDRESSES else ""
        advice = f"; if you mean it, write {setting} into the profile" if setting else ""
        yield f"{name} is set in the environment{address}, and tailorbird does not read it{advice}"
