"""What a profile may say about the engine `postgres`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from tailorbird.exceptions import ConfigError
from tailorbird.problem import nearest
from tailorbird.protocols.options import read_options
from tailorbird.types.base import Settings
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class PostgresSettings(Settings):
    """Options of the engine `postgres`, as they stand in `[profiles.X.retrieval]`."""

    dsn_env: str = Field(examples=["TAILORBIRD_POSTGRES"])
    """Name of the environment variable with the connection string, a URI or `key=value` pairs."""
    # PostgreSQL cuts names at 63 bytes and keeps the prefix `pg_` for itself (PostgreSQL 18,
    # 4.1.1 Identifiers and Key Words and CREATE SCHEMA, read 2026-11-22).
    db_schema: str = Field(
        default="tailorbird", pattern=r"^([a-oq-z_]|p[a-fh-z0-9])[a-z0-9_]{0,61}$", alias="schema"
    )
    """Schema that holds all tables, in the profile `schema`; made when it is missing."""
    pool_size: int = Field(default=4, ge=1, le=64, strict=True)
    """How many connections at most, 1..64; further calls wait for one."""
    hnsw_above: int = Field(default=20_000, ge=0, strict=True)
    """Above so many chunks an index is searched approximately, by HNSW; up to it, exactly."""
    hnsw_scan: int = Field(default=200_000, ge=1, strict=True)
    """How many chunks HNSW goes through behind a filter before all that pass are compared."""
    timeout_s: float = Field(default=60.0, gt=0, le=86_400, allow_inf_nan=False)
    """Seconds after which the server gives a statement up; above 0, up to a day."""

    @field_validator("dsn_env")
    @classmethod
    def _named(cls, variable: str) -> str:
        if _VARIABLE.fullmatch(variable):
            return variable
        message = "it must name the environment variable that holds the connection string"
        raise ValueError(message)

    @property
    def timeout_ms(self) -> int:
        """`timeout_s` as PostgreSQL takes it, where 0 would mean no limit."""
        return max(1, round(self.timeout_s * 1000))


def read_settings(options: Mapping[str, object]) -> PostgresSettings:
    """Check the options of a profile.

    Raises:
        ConfigError: One is unknown, missing or wrong; its value is not shown.
    """
    return read_options(
        PostgresSettings, options, place="the settings of the retrieval engine 'postgres'"
    )


def read_dsn(environ: Mapping[str, str], variable: str) -> Secret:
    """Read the connection string; unlike a key it may hold blanks and any sign.

    Raises:
        ConfigError: The variable is not set or empty.
    """
    text = environ.get(variable, "").strip()
    if text:
        return Secret(text, source=variable)
    near = nearest(variable, environ, cutoff=0.8)
    hint = "" if near is None else f", but {near} is: is that what you meant?"
    message = (
        f"retrieval engine 'postgres', dsn_env: the environment variable {variable} is not set"
        f"{hint or '; set it to the connection string of the database'}"
    )
    raise ConfigError(message)
