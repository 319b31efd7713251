"""What a profile says about OpenAI, or about a server that speaks its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from tailorbird._openai_sdk.settings import CallSettings
from tailorbird.protocols.options import read_options
from tailorbird.types.base import Settings
from tailorbird.types.capabilities import Capability

OPENAI_URL = "https://api.openai.com/v1"
"""OpenAI's own address."""

OPENAI_KEY_VARIABLE = "OPENAI_API_KEY"
"""Variable that holds the key when a profile names none; for OpenAI's own hosts only."""

_HEADER_VALUE = r"^[!-~]{1,255}$"
# What goes into a header as it is: RFC 9110, 5.5, without the blanks that no id holds.

_COMPATIBLE = (
    Capability.CHAT,
    Capability.CHAT_STREAM,
    Capability.CHAT_TOOLS,
    Capability.CHAT_STRUCTURED,
    Capability.CHAT_LOGPROBS,
    Capability.CHAT_IMAGES,
    Capability.EMBEDDINGS,
    Capability.MODELS,
)


class ServerSettings(Settings):
    """What another server than OpenAI's offers, and where its answers are looser.

    The defaults fit vLLM, Ollama and llama.cpp's server.
    """

    capabilities: tuple[Capability, ...] = _COMPATIBLE
    """What it offers, by the names of `docs/reference/capabilities.md`."""
    surface: Literal["chat-completions", "responses"] = "chat-completions"
    """Which surface of OpenAI's API it has."""
    end_mark: bool = True
    """False for gateways that end a stream neither with a finish reason nor with `[DONE]`; then a
    stream that is cut off cannot be told from one that is complete."""
    stream_usage: bool = True
    """Whether it takes the wish to have the usage reported at the end of a stream."""


class OpenAISettings(CallSettings):
    """Where and how OpenAI is called."""

    base_url: str = OPENAI_URL
    """Address of the API; another one than OpenAI's needs `server` and gets no key unless
    `api_key_env` names one."""
    api_key_env: str | None = Field(default=None, min_length=1)
    """Name of the environment variable that holds the key. None takes `OPENAI_API_KEY` for OpenAI's
    own hosts, and no key for any other."""
    organization: str | None = Field(default=None, pattern=_HEADER_VALUE)
    """Organization to work in; None takes the key's own. The shell's OPENAI_ORG_ID is not read."""
    project: str | None = Field(default=None, pattern=_HEADER_VALUE)
    """Project to work in; None takes the key's own. The shell's OPENAI_PROJECT_ID is not read."""
    server: ServerSettings | None = None
    """What another server than OpenAI's offers; None for OpenAI itself."""


def read_settings(options: Mapping[str, object]) -> OpenAISettings:
    """Check a profile's options.

    Raises:
        ConfigError: An option is unknown or has a wrong value; the message names each, never a
            value, because a secret may stand under a mistyped key.
    """
    return read_options(OpenAISettings, options, place="the openai provider's settings")
