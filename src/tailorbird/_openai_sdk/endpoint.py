"""Where an account is reached, and as whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import openai

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tailorbird.types.secrets import Secret

_SHELL_HEADERS = "OPENAI_CUSTOM_HEADERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an account is reached, and as whom."""

    provider: str
    """Name of the provider, for messages."""
    base_url: str
    """Address that paths are appended to, checked by `http.checked_base_url`."""
    key: Secret | Callable[[], Awaitable[str]] | None
    """The key, or a function that gives a token and is asked before every attempt; None for a
    server that wants none."""
    organization: str | None = None
    """OpenAI's organization; None sends none, whatever the shell says."""
    project: str | None = None
    """OpenAI's project; None sends none, whatever the shell says."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Headers of every request, for gateways that want their own."""
    renew: Callable[[], Awaitable[bool]] | None = field(default=None, repr=False)
    """Called once when a request is refused as unauthorized; true says: the next token is new."""


def default_headers(where: Endpoint, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the headers of every request; the SDK would add some that stand in the shell."""
    headers: dict[str, object] = {
        line.partition(":")[0].strip(): openai.omit
        for line in environ.get(_SHELL_HEADERS, "").split("\n")
        if ":" in line
    }
    headers["OpenAI-Organization"] = where.organization or openai.omit
    headers["OpenAI-Project"] = where.project or openai.omit
    headers.update(where.headers)
    return cast("dict[str, str]", headers)  # the SDK takes its mark for "send none" as a value
