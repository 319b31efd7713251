"""Settings of the Azure provider: what is taken, and what is said about what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.config import load_profile
from tailorbird.exceptions import ConfigError
from tailorbird.protocols import ProviderContext
from tailorbird.providers.azure import AzureProvider, open_provider
from tailorbird.providers.azure.settings import DeploySettings, read_settings, v1_url

HOST = "https://contoso.openai.azure.com"
RESOURCE = (
    "/subscriptions/s-1/resourceGroups/group/providers/Microsoft.CognitiveServices/accounts/contoso"
)
DESIGN = """
[profiles.azure]
provider = "azure"
endpoint = "https://contoso.openai.azure.com"
auth = "entra"
[profiles.azure.models]
chat = { deployment = "chat", model = "gpt-4.1-mini" }
tune_base = { model = "gpt-4.1-mini-2025-04-14" }
embedding = { deployment = "embed", model = "text-embedding-3-small" }
[profiles.azure.deploy]
subscription_id = "…"
resource_group = "…"
account = "contoso"
sku = "DeveloperTier"
[profiles.azure.search]
endpoint = "https://contoso.search.windows.net"
"""


@pytest.mark.parametrize(
    ("endpoint", "url"),
    {
        HOST: f"{HOST}/openai/v1",
        f" {HOST}/ ": f"{HOST}/openai/v1",
        f"{HOST}/openai": f"{HOST}/openai/v1",
        f"{HOST}//openai/v1/": f"{HOST}/openai/v1",
        "https://c.services.ai.azure.com": "https://c.services.ai.azure.com/openai/v1",
        "https://c.services.ai.azure.com/api/projects/help": (
            "https://c.services.ai.azure.com/api/projects/help/openai/v1"
        ),
        "https://gateway.contoso.com/ai/openai/v1": "https://gateway.contoso.com/ai/openai/v1",
        "http://localhost:8080": "http://localhost:8080/openai/v1",
        "https://contoso.openai.azure.us": "https://contoso.openai.azure.us/openai/v1",
    }.items(),
)
def test_endpoints_become_the_v1_route(endpoint: str, url: str) -> None:
    """A resource, a project, a gateway and either with its path give the v1 route."""
    assert v1_url(endpoint) == url
    assert v1_url(url) == url


@pytest.mark.parametrize(
    ("endpoint", "words"),
    {
        f"{HOST}/openai/deployments/chat/chat/completions?api-version=2024-10-21": "deployment",
        f"{HOST}/?api-version=2024-10-21": "api-version",
        "https://api.openai.com/v1": 'provider = "openai"',
        f"{HOST}/openai/v1/chat/completions": "keep only",
        f"{HOST}/models": "keep only",
        "http://contoso.openai.azure.com": "clear text",
        "contoso.openai.azure.com": "https://",
        "https://user:secret@contoso.openai.azure.com": "password",
        f"{HOST}/?x=1": "query",
        "": "empty",
    }.items(),
)
def test_wrong_endpoints_say_what_belongs_where(endpoint: str, words: str) -> None:
    """What belongs somewhere else is named, and nothing secret is repeated."""
    with pytest.raises(ConfigError, match=words) as caught:
        read_settings({"endpoint": endpoint})
    assert "secret" not in str(caught.value)


def test_deployment_in_the_endpoint_is_named() -> None:
    """The deployment's name is shown in the line that it belongs into."""
    with pytest.raises(ConfigError, match='deployment = "bot"'):
        v1_url(f"{HOST}/openai/deployments/bot")


@given(st.text(max_size=60))
def test_endpoints_are_taken_or_refused(endpoint: str) -> None:
    """Any text is a known form of an address or a `ConfigError`."""
    try:
        url = v1_url(endpoint)
    except ConfigError:
        return
    assert url.endswith("/openai/v1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "'endpoint' is missing"),
        ({"endpoint": HOST, "endpont": "x"}, "did you mean 'endpoint'"),
        ({"endpoint": HOST, "zzz": "x"}, "known are"),
        ({"endpoint": HOST, "search": {"endpoint": HOST, "aip_version": "1"}}, "'api_version'"),
        ({"endpoint": HOST, "search": {}}, "'search.endpoint' is missing"),
        ({"endpoint": HOST, "search": {"endpoint": "http://x.example"}}, "search.endpoint"),
        ({"endpoint": HOST, "management_endpoint": "file:///etc"}, "management_endpoint"),
        ({"endpoint": HOST, "auth": "entra", "api_key_env": "K"}, 'set auth = "key"'),
        ({"endpoint": HOST, "auth": "magic"}, "'auth'"),
        ({"endpoint": HOST, "training_tier": "a b"}, "'training_tier'"),
        ({"endpoint": HOST, "timeout_s": 0}, "'timeout_s'"),
        ({"endpoint": HOST, "retry": {"attempts": -1}}, "'retry.attempts'"),
        ({"endpoint": HOST, "retry": {"attemps": 1}}, "'attempts'"),
        ({"endpoint": HOST, "deploy": {"account": "contoso"}}, "subscription_id"),
        ({"endpoint": HOST, "deploy": {"resource_id": "contoso"}}, "must look like"),
        ({"endpoint": HOST, "deploy": {"resource_id": RESOURCE, "account": "a"}}, "not both"),
        ({"endpoint": HOST, "deploy": {"resource_id": RESOURCE, "capacity": 0}}, "capacity"),
        ({"endpoint": HOST, "deploy": "contoso"}, "'deploy'"),
    ],
)
def test_wrong_settings_name_key_and_fix(options: dict[str, Any], words: str) -> None:
    """Unknown, missing and wrong keys are told with what to do."""
    with pytest.raises(ConfigError, match=words):
        read_settings(options)


def test_wrong_values_are_not_repeated() -> None:
    """A secret under a mistyped key is not shown."""
    with pytest.raises(ConfigError) as caught:
        read_settings({"endpoint": HOST, "api_key": "sk-secret", "timeout_s": "sk-secret"})
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("extra", ["", "/", "/projects/support"])
def test_resource_id_is_parsed(extra: str) -> None:
    """One resource id stands for subscription, group and account."""
    deploy = DeploySettings(resource_id=RESOURCE + extra)
    assert deploy.resource == ("s-1", "group", "contoso")


@pytest.mark.parametrize(
    ("options", "variable"),
    [
        ({}, None),
        ({"auth": "entra"}, None),
        ({"auth": "key"}, "AZURE_OPENAI_API_KEY"),
        ({"api_key_env": "MINE"}, "MINE"),
        ({"auth": "key", "api_key_env": "MINE"}, "MINE"),
    ],
)
def test_login_is_chosen(options: dict[str, Any], variable: str | None) -> None:
    """A key is used where it is asked for or named; else tokens are."""
    assert read_settings({"endpoint": HOST, **options}).key_variable == variable


def test_profile_of_the_design_loads(tmp_path: Path) -> None:
    """The example of the design makes a provider."""
    path = tmp_path / "tailorbird.toml"
    path.write_text(DESIGN, encoding="utf-8")
    profile = load_profile("azure", config=path, environ={})
    provider = open_provider(profile.options, context=ProviderContext(roles=profile.roles))
    assert isinstance(provider, AzureProvider)
    assert provider.identity == "azure/contoso.openai.azure.com"
    assert provider.roles == {}


def test_missing_key_is_named() -> None:
    """A profile with a key whose variable is not set names the variable."""
    with pytest.raises(ConfigError, match="AZURE_OPENAI_API_KEY"):
        open_provider({"endpoint": HOST, "auth": "key"}, context=ProviderContext())
    options = {"endpoint": HOST, "search": {"endpoint": HOST, "api_key_env": "SEARCH_KEY"}}
    with pytest.raises(ConfigError, match="SEARCH_KEY"):
        open_provider(options, context=ProviderContext())


def test_key_of_openai_is_refused() -> None:
    """A key of OpenAI's does not belong to Azure."""
    context = ProviderContext(environ={"AZURE_OPENAI_API_KEY": "sk-abcdefghijklmnop1234"})
    with pytest.raises(ConfigError, match="key of OpenAI"):
        open_provider({"endpoint": HOST, "auth": "key"}, context=context)
