"""The Azure provider."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from typing_extensions import override

from tailorbird._http import checked_base_url
from tailorbird._openai_sdk.batches.batches import SdkBatches
from tailorbird._openai_sdk.batches.input import BatchesDialect
from tailorbird._openai_sdk.chat.calls import ChatDialect
from tailorbird._openai_sdk.chat.chat import SdkChat
from tailorbird._openai_sdk.chat.streaming import StreamLimits
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.embeddings import SdkEmbeddings
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird._openai_sdk.files.files import FilesDialect, SdkFiles
from tailorbird._openai_sdk.jobs import V1_TIERS, JobsDialect, SdkJobs
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird._openai_sdk.models import ModelsDialect, SdkModels
from tailorbird.exceptions import UnsupportedError
from tailorbird.protocols import Provider, SystemClock
from tailorbird.providers.azure.arm import Account
from tailorbird.providers.azure.capabilities import azure_capabilities, known_models
from tailorbird.providers.azure.chat import AzureChat, check_deployed
from tailorbird.providers.azure.deployments import AzureDeployments, NoAccount
from tailorbird.providers.azure.doors import RestDoor
from tailorbird.providers.azure.identity import NAME, KeyAccess, Login, TokenAccess
from tailorbird.providers.azure.prices import PRICES
from tailorbird.providers.azure.search import AzureSearch
from tailorbird.providers.azure.search_service import SearchService
from tailorbird.providers.azure.settings import check_settings, read_settings
from tailorbird.retry import Retrier, RetryBudget
from tailorbird.types.capabilities import Capability
from tailorbird.types.secrets import OPENAI_KEY, read_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from tailorbird.protocols import (
        Batches,
        Chat,
        Clock,
        Deployments,
        Embeddings,
        Files,
        FineTuningJobs,
        Models,
        ProviderContext,
        Retrieval,
    )
    from tailorbird.providers.azure.identity import Access, Credential
    from tailorbird.providers.azure.settings import AzureSettings
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.ids import ModelId
    from tailorbird.types.models import ModelTraits, RoleModel
    from tailorbird.types.secrets import Secret
    from tailorbird.types.usage import Price

# Uploads may be for these: the API description (`user_data` is refused by the service).
_FILES = FilesDialect(
    purposes=("fine-tune", "batch", "assistants", "evals"),
    waits=True,
    query={},  # a listing takes a purpose and nothing else
    newest_first=False,
)
# Microsoft Learn, "Getting started with Azure OpenAI batch deployments", read 2026-11-22: 100,000
# requests and 200 MB a file; files that expire (14 to 30 days) do not count against the 500 that a
# resource may hold. Every batch shown there has `metadata: null`: they are found by their files.
_BATCHES = BatchesDialect(
    most_requests=100_000,
    endpoint_prefix="",
    input_expiry_s=2_592_000,
    keeps_metadata=False,
    newest_first=False,
    check_model=check_deployed,
)
# What a 2026-09 reading of the pages allows; the API description says 64 characters.
_SUFFIX = r"[A-Za-z0-9_-]{1,18}"


class AzureProvider(Provider):
    """One Azure OpenAI or Foundry resource, its deployments, and an Azure AI Search service."""

    def __init__(
        self,
        settings: AzureSettings,
        *,
        credential: Credential | None = None,
        clock: Clock | None = None,
        roles: Mapping[str, RoleModel] | None = None,
        environ: Mapping[str, str] | None = None,
        transport: object | None = None,
    ) -> None:
        """Make a closed provider; nothing is sent, and no token is asked for.

        Args:
            settings: Which resource, and how it is called.
            credential: Who logs in where Entra ID is used: a credential of azure-identity,
                synchronous or asynchronous, which stays the caller's, or a function without
                arguments that gives a token for every audience. None takes
                `DefaultAzureCredential` when the first token is needed.
            clock: The clock of deadlines and waits; None takes the machine's.
            roles: A profile's roles: they say which model stands behind a deployment.
            environ: Where keys are read from; None takes the process's environment.
            transport: Takes the place of the network: for tests within one process.

        Raises:
            ConfigError: An address cannot be called, a key is missing or no key, or `credential`
                is of no use.
        """
        check_settings(settings)
        self._clock = clock or SystemClock()
        self._settings = settings
        self._transport = transport
        # No attribute holds the variables: keys stand in them.
        variables = os.environ if environ is None else environ
        self._login = Login(credential, authority=settings.authority, clock=self._clock)
        self._models_of = {
            one.callable_id: one.model for one in (roles or {}).values() if one.deployment
        }
        self._capabilities = azure_capabilities(search=settings.search is not None)
        self._connection = self._connected(variables)
        self._doors: list[RestDoor] = []
        chat = self._sdk_chat()
        self._chat = AzureChat(chat)
        self._embeddings = SdkEmbeddings(
            self._connection,
            capabilities=self._capabilities,
            model_of=self._model_of,
            timeout_s=settings.timeout_s,
        )
        self._files = SdkFiles(
            self._connection, dialect=_FILES, capabilities=self._capabilities, calls=settings
        )
        self._batches = self._sdk_batches(chat)
        self._jobs = self._sdk_jobs()
        self._models = self._sdk_models()
        self._deployments = self._deploying()
        self._search = self._searching(variables)

    @property
    @override
    def name(self) -> str:
        return NAME

    @property
    @override
    def identity(self) -> str:
        url = urlsplit(self._settings.base_url)
        return f"{NAME}/{url.netloc}{url.path.removesuffix('/openai/v1')}"

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._capabilities

    @property
    @override
    def clock(self) -> Clock:
        return self._clock

    @property
    @override
    def prices(self) -> Sequence[Price]:
        return PRICES

    @property
    @override
    def roles(self) -> Mapping[str, RoleModel]:
        # Deployments have the names that their owner gave them: none can be guessed.
        return {}

    @property
    @override
    def files(self) -> Files:
        return self._files

    @property
    @override
    def jobs(self) -> FineTuningJobs:
        return self._jobs

    @property
    @override
    def chat(self) -> Chat:
        return self._chat

    @property
    @override
    def embeddings(self) -> Embeddings:
        return self._embeddings

    @property
    @override
    def retrieval(self) -> Retrieval:
        if self._search is None:
            raise self._missing(Capability.RETRIEVAL)
        return self._search

    @property
    @override
    def batches(self) -> Batches:
        return self._batches

    @property
    @override
    def deployments(self) -> Deployments:
        return self._deployments

    @property
    @override
    def models(self) -> Models:
        return self._models

    @property
    @override
    def key_variables(self) -> tuple[str, ...]:
        return self._settings.key_variables

    @override
    async def __aenter__(self) -> Self:
        await self._connection.open()
        for door in self._doors:
            await door.open()
        return self

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # The last ones are closed also when closing a first one fails.
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._login.close)
            stack.push_async_callback(self._connection.close)
            for door in self._doors:
                stack.push_async_callback(door.close)

    def _connected(self, environ: Mapping[str, str]) -> Connection:
        settings = self._settings
        variable = settings.key_variable
        if variable is not None:
            key = _key(environ, variable, place="api_key_env")
            endpoint = Endpoint(provider=NAME, base_url=settings.base_url, key=key)
        else:
            access = TokenAccess(self._login, settings.token_scope)
            endpoint = Endpoint(
                provider=NAME,
                base_url=settings.base_url,
                key=access.token,
                renew=access.renew,
            )
        return Connection(
            endpoint,
            retrier=self._retrier(),
            http=settings.http,
            timeout_s=settings.timeout_s,
            transport=self._transport,
        )

    def _sdk_chat(self) -> SdkChat:
        settings = self._settings
        limits = StreamLimits(
            first_event_s=settings.first_event_s, between_events_s=settings.idle_s
        )
        return SdkChat(
            self._connection,
            capabilities=self._capabilities,
            traits=self._traits,
            model_of=self._model_of,
            dialect=ChatDialect(obfuscation=False),
            limits=limits,
            timeout_s=settings.timeout_s,
        )

    def _sdk_batches(self, chat: SdkChat) -> SdkBatches:
        return SdkBatches(
            self._connection,
            files=self._files,
            chat=chat.planner,
            embeddings=self._embeddings,
            capabilities=self._capabilities,
            calls=self._settings,
            dialect=_BATCHES,
        )

    def _sdk_models(self) -> SdkModels:
        return SdkModels(
            self._connection,
            dialect=ModelsDialect(known=known_models()),
            capabilities=self._capabilities,
            calls=self._settings,
        )

    def _sdk_jobs(self) -> SdkJobs:
        dialect = JobsDialect(
            tier_field="trainingType",
            tiers=V1_TIERS,
            tier=self._settings.training_tier,
            advised_suffix=_SUFFIX,
        )
        return SdkJobs(
            self._connection,
            dialect=dialect,
            capabilities=self._capabilities,
            calls=self._settings,
        )

    def _deploying(self) -> Deployments:
        settings = self._settings
        if settings.deploy is None:
            return NoAccount()
        door = self._door(TokenAccess(self._login, settings.management_scope))
        account = Account(
            door,
            settings.deploy,
            endpoint=self._address(settings.management_endpoint, "management_endpoint"),
            api_version=settings.arm_api_version,
            timeout_s=settings.timeout_s,
        )
        return AzureDeployments(account, settings.deploy, chat=self._chat)

    def _searching(self, environ: Mapping[str, str]) -> Retrieval | None:
        settings, search = self._settings, self._settings.search
        if search is None:
            return None
        access: Access = TokenAccess(self._login, search.scope)
        if search.api_key_env is not None:
            key = _key(environ, search.api_key_env, place="search.api_key_env")
            access = KeyAccess(key)
        service = SearchService(
            self._door(access),
            endpoint=self._address(search.endpoint, "search.endpoint"),
            api_version=search.api_version,
            timeout_s=settings.timeout_s,
            visible_s=search.visible_s,
        )
        return AzureSearch(service, semantic_configuration=search.semantic_configuration)

    def _door(self, access: Access) -> RestDoor:
        door = RestDoor(
            access, retrier=self._retrier(), http=self._settings.http, transport=self._transport
        )
        self._doors.append(door)
        return door

    def _retrier(self) -> Retrier:
        policy = self._settings.retry
        spread = Random()  # noqa: S311 - spreads waits, guards nothing
        return Retrier(policy, self._clock, spread, RetryBudget(policy.budget))

    def _address(self, url: str, place: str) -> str:
        allowed = self._settings.http.insecure_hosts
        return checked_base_url(url, insecure_hosts=allowed, place=place)

    def _missing(self, capability: Capability) -> UnsupportedError:
        entry = self._capabilities.find(capability)
        return UnsupportedError(
            provider=NAME,
            capability=capability.value,
            reason=entry.reason,
            instead=entry.instead,
        )

    def _model_of(self, name: ModelId) -> ModelId | None:
        return self._models_of.get(name)

    def _traits(self, name: ModelId) -> ModelTraits:
        return traits_of(self._models_of.get(name, name))


def _key(environ: Mapping[str, str], variable: str, *, place: str) -> Secret:
    return read_key(environ, variable, place=f"[{NAME}] {place}", foreign=(OPENAI_KEY,))


def open_provider(options: Mapping[str, object], *, context: ProviderContext) -> AzureProvider:
    """Make a provider from a profile: see `ProviderFactory`.

    Raises:
        ConfigError: An option is unknown, missing or wrong, or a key is; the message names it.
    """
    return AzureProvider(
        read_settings(options),
        clock=context.clock,
        roles=context.roles,
        environ=context.environ,
    )
