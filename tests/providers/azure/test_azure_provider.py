"""The Azure provider as a whole: what it sends, to whom, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import httpx2
import pytest

from tailorbird.exceptions import AuthenticationError, InvalidInputError, NotFoundError
from tailorbird.exceptions import UnsupportedError as Unsupported
from tailorbird.providers.azure import AzureProvider, AzureSettings
from tailorbird.providers.fake import VirtualClock
from tailorbird.types import (
    Capability,
    ChatOptions,
    ChatRequest,
    DeploymentName,
    FileId,
    JobSpec,
    Message,
    ModelId,
    RoleModel,
)

from .conftest import SETTINGS, AzureWorld, ScriptedCredential

HELLO = (Message.user("こんにちは"),)
BARE = AzureSettings(endpoint="https://contoso.openai.azure.com", auth="key")
KEYS = {"AZURE_OPENAI_API_KEY": "marker-of-the-key"}


def over(
    answer: object,
    *,
    seen: list[httpx2.Request],
    settings: AzureSettings = BARE,
    roles: Mapping[str, RoleModel] | None = None,
    status: int = 200,
) -> AzureProvider:
    """Make a provider whose every request gets one answer."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status, json=answer)

    return AzureProvider(
        settings,
        environ=KEYS,
        clock=VirtualClock(),
        roles=roles,
        transport=httpx2.MockTransport(handle),
    )


def reply(model: str) -> dict[str, object]:
    """Make an answer of chat."""
    message = {"role": "assistant", "content": "はい"}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }


@pytest.mark.parametrize("model", ["gpt-4.1-2025-04-14.ft-0123abcd", "ftchkpt-0123abcd"])
async def test_tuned_models_are_deployed_first(world: AzureWorld, model: str) -> None:
    """The id of a tuned model or checkpoint is no name to ask; nothing is sent."""
    async with world.provider() as provider:
        with pytest.raises(NotFoundError, match="deploy it first") as caught:
            await provider.chat.complete(HELLO, model=ModelId(model))
        assert caught.value.accepted == "no"
        with pytest.raises(NotFoundError, match="deploy it first"):
            provider.chat.stream(HELLO, model=ModelId(model))
    assert list(world.app.seen) == []


async def test_key_is_sent_once_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key goes as a Bearer alone; the shell's organization, project and key do not go along."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-shell")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-shell")
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-shell")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    seen: list[httpx2.Request] = []
    async with over(reply("gpt-4.1-mini"), seen=seen) as provider:
        await provider.chat.complete(HELLO, model=ModelId("chat"))
        assert "marker-of-the-key" not in repr(provider) + repr(vars(provider))
    [request] = seen
    assert str(request.url) == "https://contoso.openai.azure.com/openai/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer marker-of-the-key"
    assert "api-key" not in request.headers
    shown = str(request.headers).lower()
    assert "of-the-shell" not in shown
    assert "openai-organization" not in shown


async def test_expired_token_is_renewed_once(world: AzureWorld) -> None:
    """A refused token of the data plane is replaced once, then it is an error; nothing loops."""
    seen: list[str] = []
    tokens = iter(f"token-{number}" for number in range(100))

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["authorization"])
        return httpx2.Response(401, json={"statusCode": 401, "message": "expired"})

    async def token() -> str:
        return next(tokens)

    provider = AzureProvider(
        AzureSettings(endpoint="https://contoso.openai.azure.com"),
        credential=token,
        clock=world.fake.clock,
        environ={},
        transport=httpx2.MockTransport(handle),
    )
    async with provider:
        with pytest.raises(AuthenticationError):
            await provider.chat.complete(HELLO, model=ModelId("chat"))
    assert len(seen) == 2
    assert seen[0] != seen[1]


async def test_roles_say_what_a_deployment_is() -> None:
    """Behind a role's deployment stands its model: it decides how the call is made."""
    seen: list[httpx2.Request] = []
    roles = {
        "chat": RoleModel(model=ModelId("o4-mini"), deployment=DeploymentName("thinker")),
        "tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14")),
    }
    cold = ChatOptions(temperature=0.0)
    async with over(reply("gpt-4.1-mini"), seen=seen, roles=roles) as provider:
        with pytest.raises(Unsupported):
            await provider.chat.complete(HELLO, model=ModelId("thinker"), options=cold)
        await provider.chat.complete(HELLO, model=ModelId("other"), options=cold)
    assert len(seen) == 1


async def test_jobs_name_their_tier() -> None:
    """A job carries `trainingType`, in the words of the profile."""
    job = {
        "id": "ftjob-1",
        "object": "fine_tuning.job",
        "status": "pending",
        "created_at": 1,
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "organization_id": None,
        "result_files": None,
    }
    spec = JobSpec(model=ModelId("gpt-4.1-mini-2025-04-14"), training_file=FileId("file-1"))
    for tier, word in {"standard": "Standard", "global": "GlobalStandard", "mine": "mine"}.items():
        seen: list[httpx2.Request] = []
        settings = BARE.model_copy(update={"training_tier": tier})
        async with over(job, seen=seen, settings=settings) as provider:
            await provider.jobs.create(spec)
        assert json.loads(seen[0].content)["trainingType"] == word


async def test_projects_are_part_of_the_identity() -> None:
    """Resource and project say which account it is."""
    settings = AzureSettings(endpoint="https://c.services.ai.azure.com/api/projects/help")
    provider = AzureProvider(settings, environ={})
    assert provider.identity == "azure/c.services.ai.azure.com/api/projects/help"
    assert provider.name == "azure"


async def test_without_a_service_there_is_no_retrieval() -> None:
    """A profile without `[search]` offers no hosted retrieval, and says what to add."""
    provider = AzureProvider(BARE, environ=KEYS)
    today = date(2026, 11, 22)
    assert not provider.capabilities.supports(Capability.RETRIEVAL, on=today)
    with pytest.raises(Unsupported, match=r"\[profiles\.<name>\.search\]"):
        _ = provider.retrieval


async def test_batches_go_to_deployments(world: AzureWorld) -> None:
    """A batch is asked of a deployment, and never of the id of a tuned model."""
    asked = [ChatRequest(key="one", messages=HELLO)]
    async with world.provider() as provider:
        with pytest.raises(NotFoundError, match="deploy it first"):
            await provider.batches.submit_chat(asked, model=ModelId("gpt-4.1.ft-0123abcd"))
        made = await provider.batches.submit_chat(asked, model=ModelId("chat"))
        assert (await provider.batches.get(made.id)).id == made.id


async def test_capabilities_of_azure() -> None:
    """What Azure lacks is said with the way round; deployments are needed."""
    provider = AzureProvider(SETTINGS, credential=ScriptedCredential(), environ={})
    found = provider.capabilities
    today = date(2026, 11, 22)
    lacking = {one for one in Capability if not found.supports(one, on=today)}
    assert lacking == {
        Capability.FILES_RESUMABLE_UPLOAD,
        Capability.JOBS_METADATA,
        Capability.MODELS_DELETE,
    }
    assert all(found.find(one).instead for one in lacking)
    assert found.supports(Capability.DEPLOYMENTS_REQUIRED, on=today)
    assert found.rules == "azure"
    assert all(entry.source for entry in found.entries)


async def test_models_know_their_end() -> None:
    """The days on which a base and the models tuned from it end stand with the models."""
    listed = [
        {"id": "gpt-4o-2024-08-06", "object": "model", "created": 1, "owned_by": "azure"},
        {"id": "gpt-4o-2024-08-06.ft-0123456789abcdef", "object": "model", "created": 1},
        {"id": "text-embedding-3-small", "object": "model", "created": 1},
    ]
    seen: list[httpx2.Request] = []
    async with over({"object": "list", "data": listed}, seen=seen) as provider:
        cards = {card.id: card async for card in provider.models.list()}
    base = cards[ModelId("gpt-4o-2024-08-06")]
    tuned = cards[ModelId("gpt-4o-2024-08-06.ft-0123456789abcdef")]
    assert (base.shutdown_date, tuned.shutdown_date) == (date(2027, 4, 14), date(2027, 10, 1))
    assert tuned.base == base.id
    assert base.tunable == ("supervised", "dpo")
    assert base.tunable_until == date(2027, 4, 1)
    assert cards[ModelId("text-embedding-3-small")].shutdown_date == date(2028, 2, 9)


def test_prices_are_examples_with_a_source() -> None:
    """Prices of training and hosting are dated data."""
    prices = {price.model: price for price in AzureProvider(BARE, environ=KEYS).prices}
    mini = prices["gpt-4.1-mini-2025-04-14"]
    assert (mini.training_per_mtok, mini.hosting_per_hour) == (Decimal("5.00"), Decimal("1.70"))
    assert prices["Qwen3-32B"].hosting_per_hour is None
    assert "not the price list" in mini.source


async def test_credentials_are_closed_by_their_owner(world: AzureWorld) -> None:
    """Closing the provider leaves the caller's credential open, and closed calls are refused."""
    async with world.provider() as provider:
        with pytest.raises(NotFoundError):
            await provider.deployments.get(DeploymentName("bot"))
    assert world.credential.asked
    assert not world.credential.closed
    with pytest.raises(InvalidInputError, match="not open"):
        await provider.deployments.get(DeploymentName("bot"))


async def test_closing_twice_is_fine(world: AzureWorld) -> None:
    """A provider that was never opened, or was closed, can be closed."""
    provider = world.provider()
    await provider.__aexit__(None, None, None)
    async with provider:
        pass
    await provider.__aexit__(None, None, None)


def test_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `environ` keys are read from the process's environment."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "a-key-of-this-process")
    assert AzureProvider(BARE).name == "azure"
