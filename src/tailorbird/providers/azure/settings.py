"""What a user can set about Azure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from tailorbird._http import checked_base_url
from tailorbird._openai_sdk.settings import CallSettings
from tailorbird.exceptions import ConfigError
from tailorbird.protocols.options import read_options
from tailorbird.types.base import Settings

if TYPE_CHECKING:
    from typing import Self

DATA_SCOPE = "https://ai.azure.com/.default"
"""Audience of tokens for models, files and jobs of the public cloud: API version lifecycle,
learn.microsoft.com/azure/foundry/openai, 2026-03-19. Project endpoints take no other one."""

MANAGEMENT_SCOPE = "https://management.azure.com/.default"
"""Audience of tokens for deployments (Azure Resource Manager) of the public cloud: Deploy a
fine-tuned model, learn.microsoft.com/azure/foundry/openai, 2026-02-11."""

SEARCH_SCOPE = "https://search.azure.com/.default"
"""Audience of tokens for Azure AI Search of the public cloud: azure-search-documents 12.0.0."""

ARM_API_VERSION = "2025-09-01"
"""Version of the deployments' API: the default of azure-mgmt-cognitiveservices 14.1.0."""

SEARCH_API_VERSION = "2026-04-01"
"""Version of the search API: the default of azure-search-documents 12.0.0, generally available."""

DEFAULT_KEY_VARIABLE = "AZURE_OPENAI_API_KEY"
"""Environment variable of the key, as Microsoft's pages name it."""

_RESOURCE_ID = re.compile(
    r"/?subscriptions/(?P<subscription_id>[^/]+)/resourceGroups/(?P<resource_group>[^/]+)"
    r"/providers/Microsoft\.CognitiveServices/accounts/(?P<account>[^/]+)(?:/projects/[^/]+)?/?",
    re.IGNORECASE,
)
_SEGMENT = r"^[^/\\?#%\s\x00-\x1f]+$"
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/?]+)")
_ENDPOINT_PATH = re.compile(
    r"(?P<before>|/api/projects/[^/]+|.+(?=/openai/v1))(?:/openai(?:/v1)?)?"
)


class DeploySettings(Settings):
    """Where tuned models are deployed, and how: the table `[profiles.<name>.deploy]`.

    The resource is named by `resource_id`, or by subscription, group and account.
    """

    resource_id: str | None = None
    """The resource's id as the portal's JSON view shows it; in place of the next three."""
    subscription_id: str | None = Field(default=None, pattern=_SEGMENT)
    """Id of the subscription."""
    resource_group: str | None = Field(default=None, pattern=_SEGMENT)
    """Name of the resource group."""
    account: str | None = Field(default=None, pattern=_SEGMENT)
    """Name of the Azure OpenAI or Foundry resource."""
    sku: str = Field(default="GlobalStandard", min_length=1)
    """Kind of hosting, e.g. `Standard`, `GlobalStandard`, `DeveloperTier` (free, gone after 24
    hours, no promise of availability)."""
    capacity: int = Field(default=100, ge=1, strict=True)
    """Thousands of tokens a minute; 1 serves about one call a minute."""
    model_format: str = Field(default="OpenAI", min_length=1)
    """Who made the models, in Azure's words; open-weight ones have another, e.g. `Meta`."""
    rai_policy: str | None = Field(default=None, min_length=1)
    """Name of the content filter's policy; None takes the resource's."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        parts = (self.subscription_id, self.resource_group, self.account)
        if self.resource_id is None and None in parts:
            message = (
                "name the resource by resource_id, or by all of subscription_id, resource_group"
                " and account"
            )
            raise ValueError(message)
        if self.resource_id is not None:
            if any(parts):
                message = (
                    "give resource_id, or subscription_id, resource_group and account; not both"
                )
                raise ValueError(message)
            if _RESOURCE_ID.fullmatch(self.resource_id) is None:
                message = (
                    "resource_id must look like /subscriptions/…/resourceGroups/…/providers/"
                    "Microsoft.CognitiveServices/accounts/…"
                )
                raise ValueError(message)
        return self

    @property
    def resource(self) -> tuple[str, str, str]:
        """Subscription, resource group and account."""
        found = _RESOURCE_ID.fullmatch(self.resource_id or "")
        if found is None:
            return (self.subscription_id or "", self.resource_group or "", self.account or "")
        return (found["subscription_id"], found["resource_group"], found["account"])


class SearchSettings(Settings):
    """Which Azure AI Search keeps indexes, and how: the table `[profiles.<name>.search]`."""

    endpoint: str
    """Address of the service, e.g. `https://contoso.search.windows.net`."""
    api_key_env: str | None = Field(default=None, min_length=1)
    """Environment variable of the service's key; None takes tokens of Entra ID."""
    scope: str = Field(default=SEARCH_SCOPE, min_length=1)
    """Audience of its tokens."""
    api_version: str = Field(default=SEARCH_API_VERSION, min_length=1)
    """Version of its API."""
    semantic_configuration: str | None = Field(
        default=None, pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"
    )
    """Name of the semantic configuration: new indexes get one of that name, and `hybrid` searches
    are ranked by it (0..4, billed per query); None ranks by reciprocal rank fusion alone."""
    visible_s: float = Field(default=60.0, gt=0, le=3600, strict=True, allow_inf_nan=False)
    """Seconds until what was written must be seen by searches, above 0 and at most 3600."""


class AzureSettings(CallSettings):
    """One Azure OpenAI or Foundry resource, with what belongs to it."""

    endpoint: str
    """Address of the resource or of a Foundry project: `https://contoso.openai.azure.com`,
    `https://contoso.services.ai.azure.com/api/projects/support`."""
    auth: Literal["entra", "key"] | None = None
    """How to log in: by Entra ID, or by key; None means by key where `api_key_env` is given."""
    api_key_env: str | None = Field(default=None, min_length=1)
    """Environment variable of the key; with `auth = "key"`, None means AZURE_OPENAI_API_KEY."""
    token_scope: str = Field(default=DATA_SCOPE, min_length=1)
    """Audience of tokens for models, files and jobs."""
    authority: str | None = Field(default=None, min_length=1)
    """Host that gives tokens, e.g. `login.microsoftonline.us`; None takes the public cloud's."""
    management_endpoint: str = "https://management.azure.com"
    """Address of Azure Resource Manager."""
    management_scope: str = Field(default=MANAGEMENT_SCOPE, min_length=1)
    """Audience of its tokens."""
    arm_api_version: str = Field(default=ARM_API_VERSION, min_length=1)
    """Version of the deployments' API."""
    deploy: DeploySettings | None = None
    """Where tuned models are deployed; None deploys none."""
    search: SearchSettings | None = None
    """Where `engine = "hosted"` keeps indexes; None keeps none there."""
    training_tier: str = Field(default="global", pattern=r"^[A-Za-z-]+$")
    """Where jobs train: `standard` (the resource's region), `data-zone`, `global` or `developer`
    (spare machines anywhere); any other word is sent as it is. `global` costs least after
    `developer` and is the one that is documented for the v1 route, but data and weights may leave
    the resource's geography; `standard` keeps them in its region."""

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.auth == "entra" and self.api_key_env is not None:
            message = 'auth = "entra" uses no key: remove api_key_env, or set auth = "key"'
            raise ValueError(message)
        return self

    @property
    def key_variable(self) -> str | None:
        """Environment variable of the key; None when tokens of Entra ID are used."""
        if self.auth == "key":
            return self.api_key_env or DEFAULT_KEY_VARIABLE
        return self.api_key_env

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Environment variables of all keys, sorted."""
        named = (self.key_variable, self.search and self.search.api_key_env)
        return tuple(sorted({one for one in named if one}))

    @property
    def base_url(self) -> str:
        """Address of the v1 route.

        Raises:
            ConfigError: `endpoint` is no address, or holds what belongs somewhere else.
        """
        return v1_url(self.endpoint, insecure_hosts=self.http.insecure_hosts)


def read_settings(options: Mapping[str, object]) -> AzureSettings:
    """Check a profile's options.

    Raises:
        ConfigError: An option is unknown, missing or wrong; the message names each with its fix.
    """
    settings = read_options(AzureSettings, options, place="the azure settings")
    check_settings(settings)
    return settings


def check_settings(settings: AzureSettings) -> None:
    """Do nothing when every address in the settings can be called.

    Raises:
        ConfigError: One cannot; the message names the key.
    """
    allowed = settings.http.insecure_hosts
    v1_url(settings.endpoint, insecure_hosts=allowed)
    checked_base_url(
        settings.management_endpoint, insecure_hosts=allowed, place="management_endpoint"
    )
    if settings.search is not None:
        checked_base_url(settings.search.endpoint, insecure_hosts=allowed, place="search.endpoint")


def v1_url(endpoint: str, *, insecure_hosts: tuple[str, ...] = ()) -> str:
    """Give the address of the v1 route of a resource or project.

    Args:
        endpoint: What the portal shows: the resource, a project, or either with `/openai/v1`.
            A gateway's address is taken when it ends with `/openai/v1`.
        insecure_hosts: Hosts that may be called by `http://`.

    Raises:
        ConfigError: It is no address, or holds what belongs somewhere else.
    """
    text = endpoint.strip()
    deployment = _DEPLOYMENT.search(text)
    if deployment is not None:
        message = (
            f"endpoint names the deployment {deployment[1]!r}: keep only https://<resource host>,"
            f' and give the role both names, e.g. chat = {{ deployment = "{deployment[1]}",'
            ' model = "gpt-4.1-mini" }'
        )
        raise ConfigError(message)
    if "api-version" in text:
        message = (
            "endpoint holds an api-version: keep only https://<resource host>; the v1 route that is"
            " used needs none"
        )
        raise ConfigError(message)
    url = checked_base_url(text, insecure_hosts=insecure_hosts, place="endpoint")
    parts = urlsplit(url)
    if parts.hostname == "api.openai.com":
        message = 'endpoint is OpenAI\'s own address: set provider = "openai" for this profile'
        raise ConfigError(message)
    path = _ENDPOINT_PATH.fullmatch(parts.path)
    if path is None:
        message = (
            f"endpoint ends with {parts.path!r}: keep only https://<resource host>, or"
            " https://<resource host>/api/projects/<project>; a gateway's address must end with"
            " /openai/v1"
        )
        raise ConfigError(message)
    return f"{parts.scheme}://{parts.netloc}{path['before']}/openai/v1"
