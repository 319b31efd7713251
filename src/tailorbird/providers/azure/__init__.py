"""Azure OpenAI in Microsoft Foundry, its deployments, and Azure AI Search."""

from __future__ import annotations

from tailorbird._http import HttpSettings
from tailorbird.providers.azure.provider import AzureProvider, open_provider
from tailorbird.providers.azure.settings import AzureSettings, DeploySettings, SearchSettings

__all__ = [
    "AzureProvider",
    "AzureSettings",
    "DeploySettings",
    "HttpSettings",
    "SearchSettings",
    "open_provider",
]
