"""OpenAI, and servers that speak its API."""

from __future__ import annotations

from tailorbird.providers.openai.provider import OpenAIProvider, open_provider
from tailorbird.providers.openai.settings import OpenAISettings

__all__ = ["OpenAIProvider", "OpenAISettings", "open_provider"]
