"""The OpenAI provider."""

from __future__ import annotations

import os
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from typing_extensions import override

from tailorbird._http import checked_base_url, host_of
from tailorbird._openai_sdk.batches.batches import SdkBatches
from tailorbird._openai_sdk.chat.calls import ChatDialect
from tailorbird._openai_sdk.chat.chat import SdkChat
from tailorbird._openai_sdk.chat.streaming import StreamLimits
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.embeddings import SdkEmbeddings
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird._openai_sdk.files.files import FilesDialect, SdkFiles
from tailorbird._openai_sdk.jobs import JobsDialect, SdkJobs
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird._openai_sdk.models import ModelsDialect, SdkModels
from tailorbird.exceptions import ConfigError, UnsupportedError
from tailorbird.protocols import Provider, SystemClock
from tailorbird.providers.openai.capabilities import (
    NAME,
    known_models,
    openai_capabilities,
    openai_prices,
    server_capabilities,
)
from tailorbird.providers.openai.deployments import NoDeployments
from tailorbird.providers.openai.settings import (
    OPENAI_KEY_VARIABLE,
    OpenAISettings,
    read_settings,
)
from tailorbird.providers.openai.vector_stores import VectorStores
from tailorbird.retry import Retrier, RetryBudget
from tailorbird.types.capabilities import Capability
from tailorbird.types.secrets import AZURE_KEY, read_key

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
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.models import RoleModel
    from tailorbird.types.secrets import Secret
    from tailorbird.types.usage import Price

_OWN_HOST = "api.openai.com"


class OpenAIProvider(Provider):
    """OpenAI's API, or a server that speaks it."""

    def __init__(
        self,
        settings: OpenAISettings | None = None,
        *,
        key: Secret | None = None,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
        transport: object | None = None,
    ) -> None:
        """Make a closed provider; nothing is sent.

        Args:
            settings: Where and how; None takes OpenAI's own address and the usual limits.
            key: The key; None reads it from the variable that the settings name, and from
                `OPENAI_API_KEY` for OpenAI's own hosts.
            clock: The clock of deadlines and waits; None takes the machine's.
            environ: Where the key is read from; None takes the process's environment.
            transport: Takes the place of the network: for tests within one process.

        Raises:
            ConfigError: The address cannot be called, the key is missing or is no key, or what
                `server` says does not fit the address.
        """
        chosen = settings or OpenAISettings()
        url = checked_base_url(
            chosen.base_url, insecure_hosts=chosen.http.insecure_hosts, place="base_url"
        )
        _check_server(url, chosen)
        self._settings = chosen
        self._clock = clock or SystemClock()
        named = (NAME, urlsplit(url).netloc, chosen.organization, chosen.project)
        self._identity = "/".join(part for part in named if part)
        server = chosen.server
        known = openai_capabilities() if server is None else server_capabilities(server)
        self._capabilities = known
        # No attribute holds the variables: keys stand in them.
        found = key or _read_key(url, chosen, os.environ if environ is None else environ)
        self._key_variables = () if key or found is None else (found.source,)
        self._connection = self._connected(url, found, transport)
        self._chat = self._sdk_chat()
        self._embeddings = SdkEmbeddings(
            self._connection, capabilities=known, timeout_s=chosen.timeout_s
        )
        self._files = SdkFiles(
            self._connection, dialect=FilesDialect(), capabilities=known, calls=chosen
        )
        self._batches = SdkBatches(
            self._connection,
            files=self._files,
            chat=self._chat.planner,
            embeddings=self._embeddings,
            capabilities=known,
            calls=chosen,
        )
        self._jobs = SdkJobs(
            self._connection, dialect=JobsDialect(), capabilities=known, calls=chosen
        )
        self._models = self._sdk_models()
        self._deployments = self._no_deployments()
        self._retrieval = VectorStores(self._connection, self._files)

    @property
    @override
    def name(self) -> str:
        return NAME

    @property
    @override
    def identity(self) -> str:
        return self._identity

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
        return openai_prices() if self._settings.server is None else ()

    @property
    @override
    def roles(self) -> Mapping[str, RoleModel]:
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
    def batches(self) -> Batches:
        return self._batches

    @property
    @override
    def retrieval(self) -> Retrieval:
        today = self._clock.today()
        if not self._capabilities.supports(Capability.RETRIEVAL, on=today):
            raise UnsupportedError(
                provider=NAME,
                capability=Capability.RETRIEVAL.value,
                reason="this server has no vector stores",
                instead="the engine `local`",
            )
        return self._retrieval

    @property
    @override
    def deployments(self) -> Deployments:
        return self._deployments

    @property
    @override
    def models(self) -> Models:
        return self._models

    def _connected(self, url: str, key: Secret | None, transport: object | None) -> Connection:
        settings = self._settings
        return Connection(
            Endpoint(
                provider=NAME,
                base_url=url,
                key=key,
                organization=settings.organization,
                project=settings.project,
            ),
            retrier=Retrier(
                settings.retry,
                self._clock,
                Random(),  # noqa: S311 - spreads waits, guards nothing
                RetryBudget(settings.retry.budget),
            ),
            http=settings.http,
            timeout_s=settings.timeout_s,
            transport=transport,
        )

    def _sdk_chat(self) -> SdkChat:
        settings, server = self._settings, self._settings.server
        dialect = ChatDialect()
        if server is not None:
            dialect = ChatDialect(
                surface=server.surface,
                store=False,
                stream_usage=server.stream_usage,
                obfuscation=False,
                developer_role=False,
                needs_end_mark=server.end_mark,
            )
        return SdkChat(
            self._connection,
            capabilities=self._capabilities,
            traits=traits_of,
            dialect=dialect,
            limits=StreamLimits(
                first_event_s=settings.first_event_s, between_events_s=settings.idle_s
            ),
            timeout_s=settings.timeout_s,
        )

    def _sdk_models(self) -> SdkModels:
        return SdkModels(
            self._connection,
            dialect=ModelsDialect(known=known_models() if self._settings.server is None else {}),
            capabilities=self._capabilities,
            calls=self._settings,
        )

    def _no_deployments(self) -> NoDeployments:
        listed = self._capabilities.supports(Capability.MODELS, on=self._clock.today())
        models = self._models if listed else None
        return NoDeployments(self._chat, models, clock=self._clock, provider=NAME)

    @property
    @override
    def key_variables(self) -> tuple[str, ...]:
        return self._key_variables

    @override
    async def __aenter__(self) -> Self:
        await self._connection.open()
        return self

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.close()


def open_provider(options: Mapping[str, object], *, context: ProviderContext) -> OpenAIProvider:
    """Make a provider from a profile: see `ProviderFactory`.

    Raises:
        ConfigError: An option is unknown or wrong, or the key is missing; the message names it.
    """
    return OpenAIProvider(read_settings(options), clock=context.clock, environ=context.environ)


def _is_openai(url: str) -> bool:
    """Say whether an address is one of OpenAI's own, regional ones included."""
    host = host_of(url).lower()
    return host == _OWN_HOST or host.endswith(f".{_OWN_HOST}")


def _read_key(url: str, settings: OpenAISettings, environ: Mapping[str, str]) -> Secret | None:
    variable = settings.api_key_env
    if variable is None and _is_openai(url):
        variable = OPENAI_KEY_VARIABLE
    if variable is None:
        return None  # a key is bound to its host: this one was not named for any key
    return read_key(environ, variable, place="api_key_env", foreign=(AZURE_KEY,))


def _check_server(url: str, settings: OpenAISettings) -> None:
    if _is_openai(url) and settings.server is not None:
        message = f"`server` describes another server than OpenAI's, and base_url is {url!r}"
        raise ConfigError(message)
    if not _is_openai(url) and settings.server is None and settings.api_key_env is None:
        message = (
            f"base_url names {host_of(url)!r}, which is not OpenAI's: say by `server` what it"
            " offers (an empty table takes what most servers do), or name the variable of its key"
            " by `api_key_env` if it is a gateway to OpenAI"
        )
        raise ConfigError(message)
