"""OpenAI, and servers that speak its API."""

from __future__ import annotations

from tailorbird._http import HttpSettings
from tailorbird.providers.openai.provider import OpenAIProvider, open_provider
from tailorbird.providers.openai.settings import OpenAISettings, ServerSettings

__all__ = ["HttpSettings", "OpenAIProvider", "OpenAISettings", "ServerSettings", "open_provider"]
