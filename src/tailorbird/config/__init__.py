"""Profiles: which provider, which models play which role, which options. TOML, nothing hidden.

A profile is looked up in this order: the file given as `config`; the file that the environment
variable `TAILORBIRD_CONFIG` names; `tailorbird.toml` in the working directory; and where none of
them exists, a bare profile for each provider that needs no settings. The profile's name is the one
given; else the variable `TAILORBIRD_PROFILE`; else the file's `default_profile`; else `fake`.
"""

from __future__ import annotations

from tailorbird.config.description import Description, KeyState, describe
from tailorbird.config.profiles import (
    CONFIG_FILE,
    CONFIG_VARIABLE,
    DEFAULT_PROFILE,
    HOSTED,
    PROFILE_VARIABLE,
    Origin,
    OwnPrice,
    Profile,
    RetrievalSettings,
    load_profile,
)

__all__ = [
    "CONFIG_FILE",
    "CONFIG_VARIABLE",
    "DEFAULT_PROFILE",
    "HOSTED",
    "PROFILE_VARIABLE",
    "Description",
    "KeyState",
    "Origin",
    "OwnPrice",
    "Profile",
    "RetrievalSettings",
    "describe",
    "load_profile",
]
