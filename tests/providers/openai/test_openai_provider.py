"""OpenAI from a profile: addresses, keys, other servers, and what is known without asking."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import date

import httpx2
import pytest

from tailorbird.exceptions import (
    ConfigError,
    DeadlineError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from tailorbird.protocols import ProviderContext
from tailorbird.providers.fake import VirtualClock
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings, open_provider
from tailorbird.providers.openai.settings import ServerSettings
from tailorbird.types import Capability, DeploymentName, DeploymentSpec, Message, ModelId
from tailorbird.types.secrets import Secret

KEY = "sk-proj-0123456789abcdefghij"
ENVIRON = {"OPENAI_API_KEY": KEY}
LOCAL = {"base_url": "http://127.0.0.1:11434/v1", "server": {}}


def opened(
    options: Mapping[str, object], environ: Mapping[str, str] | None = None
) -> OpenAIProvider:
    """Make a provider from a profile's table."""
    context = ProviderContext(environ=ENVIRON if environ is None else environ)
    return open_provider(options, context=context)


def test_nothing_but_the_key_is_needed() -> None:
    """An empty table is OpenAI with the usual variable."""
    provider = opened({})
    assert (provider.name, provider.identity) == ("openai", "openai/api.openai.com")
    assert provider.roles == {}
    assert KEY not in repr(provider)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"api_key": "sk-1"}, ["'api_key'", "'api_key_env'"]),
        ({"nonsense": 1}, ["'nonsense'", "remove it"]),
        ({"timeout_s": -1}, ["'timeout_s'"]),
        ({"timeout_s": float("nan")}, ["'timeout_s'"]),
        ({"retry": {"attempts": True}}, ["'retry.attempts'"]),
        ({"retry": {"attempts": 10**9}}, ["'retry.attempts'"]),
        ({"api_key_env": ""}, ["'api_key_env'"]),
        ({"base_url": "ftp://x/v1"}, ["base_url"]),
        ({"base_url": "https://u:p@api.openai.com/v1"}, ["base_url"]),
        ({"base_url": "http://api.openai.com/v1"}, ["clear text"]),
        ({"base_url": "http://169.254.169.254/v1"}, ["credentials"]),
        ({"base_url": "https://gateway.example/v1"}, ["gateway.example", "`server`"]),
        ({"server": {}}, ["api.openai.com"]),
    ],
)
def test_wrong_settings_are_named(options: Mapping[str, object], words: list[str]) -> None:
    """Each wrong option is named with its fix, and no value is repeated."""
    with pytest.raises(ConfigError) as caught:
        opened(options)
    for word in words:
        assert word in str(caught.value)
    assert "sk-1" not in str(caught.value)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({}, "OPENAI_API_KEY is not set"),
        ({"OPENAI_API_KEY": "your-api-key"}, "placeholder"),
        ({"OPENAI_API_KEY": "0" * 31 + "1"}, "Azure"),
    ],
)
def test_missing_and_wrong_keys_are_refused(environ: Mapping[str, str], word: str) -> None:
    """A key that is none is told before anything is sent."""
    with pytest.raises(ConfigError, match=word):
        opened({}, environ)


async def sent_headers(provider: OpenAIProvider, seen: list[httpx2.Request]) -> Mapping[str, str]:
    """Make one call and give its headers."""
    async with provider:
        assert [one async for one in provider.models.list()] == []
    return seen[-1].headers


async def test_key_goes_to_its_own_host_only() -> None:
    """Another address gets no key, unless the profile names one for it."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"object": "list", "data": []})

    transport = httpx2.MockTransport(answer)
    settings = OpenAISettings.model_validate(LOCAL)
    local = OpenAIProvider(settings, environ=ENVIRON, transport=transport)
    assert "authorization" not in await sent_headers(local, seen)
    named = settings.model_copy(update={"api_key_env": "MINE"})
    mine = OpenAIProvider(named, environ={"MINE": "abcdef-123456", **ENVIRON}, transport=transport)
    assert (await sent_headers(mine, seen))["authorization"] == "Bearer abcdef-123456"
    regional = OpenAISettings(base_url="https://eu.api.openai.com/v1", organization="org-1")
    europe = OpenAIProvider(regional, environ=ENVIRON, transport=transport)
    assert europe.identity == "openai/eu.api.openai.com/org-1"
    assert (await sent_headers(europe, seen))["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("name", ["organization", "project"])
@pytest.mark.parametrize("value", ["総務", "org 1", "org\n", ""])
def test_what_goes_into_a_header_is_checked(name: str, value: str) -> None:
    """An organization or project that no header can carry is refused with the profile."""
    with pytest.raises(ConfigError, match=name):
        opened({name: value})


async def test_limit_of_the_settings_holds_for_stores() -> None:
    """Vector stores keep the time limit of the profile, as everything else does."""

    class Silent(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            """Give no answer."""
            await asyncio.Event().wait()
            raise AssertionError(request)

    settings = OpenAISettings(timeout_s=0.5)
    async with OpenAIProvider(settings, environ=ENVIRON, transport=Silent()) as provider:
        with pytest.raises(DeadlineError, match=r"within 0\.5 s"):
            _ = [index async for index in provider.retrieval.list()]


def test_key_is_read_from_the_process_when_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A provider that is made by hand finds the usual variable."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert OpenAIProvider().identity == "openai/api.openai.com"


def test_training_ends_and_the_data_says_when() -> None:
    """The door that closes is a date, with reason and way round; reading stays."""
    capabilities = opened({}).capabilities
    assert capabilities.supports(Capability.JOBS_CREATE, on=date(2027, 1, 5))
    assert not capabilities.supports(Capability.JOBS_CREATE, on=date(2027, 1, 6))
    assert capabilities.supports(Capability.JOBS_READ, on=date(2027, 6, 1))
    assert not capabilities.supports(Capability.TUNE_REINFORCEMENT, on=date(2026, 11, 22))
    assert "Azure" in (capabilities.find(Capability.JOBS_CREATE).instead or "")


def test_prices_are_dated_and_tuned_models_have_their_own() -> None:
    """Every price has a source and a day; training is priced where models can be tuned."""
    prices = {price.model: price for price in opened({}).prices}
    assert all(price.source and price.read_on for price in prices.values())
    tuned = prices["ft:gpt-4.1-mini-2025-04-14"]
    assert (tuned.training_per_mtok, tuned.output_per_mtok) == (
        5,
        prices["gpt-4.1-mini-2025-04-14"].output_per_mtok,
    )
    assert prices["gpt-6-luna"].training_per_mtok is None


def test_another_server_offers_what_its_settings_say() -> None:
    """Nothing is guessed about a server: no prices, no vector stores, no fine-tuning."""
    provider = opened({**LOCAL, "server": {"capabilities": ["chat", "models"]}}, {})
    today = provider.clock.today()
    assert provider.prices == ()
    assert provider.capabilities.supports(Capability.CHAT, on=today)
    assert not provider.capabilities.supports(Capability.EMBEDDINGS, on=today)
    with pytest.raises(UnsupportedError, match="local"):
        _ = provider.retrieval


async def test_looser_streams_of_a_gateway_are_taken_when_it_is_said() -> None:
    """A gateway that sends neither a finish reason nor an end mark is believed, by its setting."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        chunk = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}],"model":"m"}\n\n'
        return httpx2.Response(200, content=chunk, headers={"content-type": "text/event-stream"})

    settings = OpenAISettings(
        base_url="http://localhost:8000/v1", server=ServerSettings(end_mark=False)
    )
    provider = OpenAIProvider(settings, environ={}, transport=httpx2.MockTransport(answer))
    async with (
        provider,
        provider.chat.stream([Message.user("x")], model=ModelId("m")) as stream,
    ):
        assert "".join([chunk.text async for chunk in stream]) == "hi"


async def test_new_model_is_ready_when_it_answers() -> None:
    """Right after training a model may be unknown for a while: that is waited for."""
    answers = [404, 404, 200]
    body = {
        "id": "c",
        "object": "chat.completion",
        "model": "ft:gpt-4.1-mini-2025-04-14:o:faq:1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "OK"},
                "finish_reason": "stop",
            }
        ],
    }

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == f"/v1/models/{name}":
            return httpx2.Response(200, json={"id": name})
        status = answers.pop(0)
        error = {"error": {"message": "no such model", "code": "model_not_found"}}
        return httpx2.Response(status, json=body if status == 200 else error)

    clock = VirtualClock()
    provider = OpenAIProvider(
        key=Secret(KEY, source="test"), clock=clock, transport=httpx2.MockTransport(answer)
    )
    name = DeploymentName("ft:gpt-4.1-mini-2025-04-14:o:faq:1")
    before = clock.monotonic()
    async with provider:
        ready = await provider.deployments.wait_ready(name, timeout_s=60)
        assert not ready.required
        assert clock.monotonic() - before >= 2 + 3
        spec = DeploymentSpec(model=ModelId(name), name=DeploymentName("x"))
        assert (await provider.deployments.quote(spec)).hourly == 0
        assert (await provider.deployments.create(spec)).name == name
        assert (await provider.deployments.get(name)).model == name
        await provider.deployments.delete(name)
        assert [one async for one in provider.deployments.list()] == []


async def test_model_that_is_not_there_has_no_deployment() -> None:
    """Where models answer by themselves, an unknown model is an unknown deployment."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(404, json={"error": {"message": "no", "code": "model_not_found"}})

    provider = OpenAIProvider(
        key=Secret(KEY, source="test"), transport=httpx2.MockTransport(answer)
    )
    async with provider:
        with pytest.raises(NotFoundError):
            await provider.deployments.get(DeploymentName("gpt-nothing"))


async def test_server_that_lists_no_models_is_believed() -> None:
    """Without a list of models nothing is asked: every name may be a model."""
    settings = OpenAISettings(
        base_url="http://localhost:8000/v1", server=ServerSettings(capabilities=(Capability.CHAT,))
    )
    provider = OpenAIProvider(settings, environ={}, transport=httpx2.MockTransport(_nothing))
    async with provider:
        found = await provider.deployments.get(DeploymentName("llama3"))
    assert (found.model, found.required) == ("llama3", False)


def _nothing(request: httpx2.Request) -> httpx2.Response:
    raise AssertionError(request.url.path)


@pytest.mark.parametrize(
    "silent",
    [
        (409, {"error": {"message": "busy", "code": "Conflict"}}),
        (400, {"error": {"message": "later", "code": "DeploymentNotReady"}}),
        (200, {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}),
    ],
    ids=["conflict", "not ready", "no content"],
)
async def test_what_passes_is_waited_for(silent: tuple[int, dict[str, object]]) -> None:
    """A deployment that is busy, not ready, or says nothing yet is asked again."""
    answers = [silent, (200, {"choices": [{"message": {"content": "OK"}}]})]

    def answer(_: httpx2.Request) -> httpx2.Response:
        status, body = answers.pop(0)
        return httpx2.Response(status, json=body)

    provider = OpenAIProvider(
        key=Secret(KEY, source="test"),
        clock=VirtualClock(),
        transport=httpx2.MockTransport(answer),
    )
    async with provider:
        await provider.deployments.wait_ready(DeploymentName("ft:gpt-4.1:a:b:c"), timeout_s=30)
    assert answers == []


async def test_model_that_thinks_first_is_given_room() -> None:
    """A model whose tokens all went into reasoning answers, once it may use more of them."""
    asked: list[int] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        most = json.loads(request.content)["max_completion_tokens"]
        asked.append(most)
        said = {"content": "OK"} if most >= 200 else {"content": ""}
        choice = {"message": said, "finish_reason": "stop" if most >= 200 else "length"}
        return httpx2.Response(200, json={"choices": [choice]})

    provider = OpenAIProvider(
        key=Secret(KEY, source="test"),
        clock=VirtualClock(),
        transport=httpx2.MockTransport(answer),
    )
    async with provider:
        await provider.deployments.wait_ready(DeploymentName("ft:any:a:b:c"), timeout_s=60)
    assert asked == [16, 128, 1024]


async def test_waiting_for_a_model_ends() -> None:
    """A model that never answers ends the wait at its limit; a closed door ends it at once."""
    status = [404]

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status[0], json={"error": {"message": "no"}})

    provider = OpenAIProvider(
        key=Secret(KEY, source="test"),
        clock=VirtualClock(),
        transport=httpx2.MockTransport(answer),
    )
    async with provider:
        with pytest.raises(DeadlineError, match="may still become ready"):
            await provider.deployments.wait_ready(DeploymentName("ft:a:b:c:d"), timeout_s=30)
        status[0] = 403
        with pytest.raises(PermissionDeniedError):
            await provider.deployments.wait_ready(DeploymentName("ft:a:b:c:d"), timeout_s=30)
