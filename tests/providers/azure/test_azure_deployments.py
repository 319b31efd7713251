"""Deployments through Azure Resource Manager: what reaches the wire, and what goes wrong there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest

from tailorbird.exceptions import (
    AuthenticationError,
    ConflictError,
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnsupportedError,
)
from tailorbird.providers.azure import AzureProvider, AzureSettings, DeploySettings
from tailorbird.providers.fake import VirtualClock
from tailorbird.types import DeploymentName, DeploymentSpec, DeploymentStatus, ModelId

from .conftest import ScriptedCredential

TUNED = ModelId("gpt-4.1-mini-2025-04-14.ft-0123456789abcdef0123456789abcdef")
NAME = DeploymentName("bot")
ACCOUNT = (
    "/subscriptions/sub/resourceGroups/group/providers/Microsoft.CognitiveServices/accounts/contoso"
)
SETTINGS = AzureSettings(
    endpoint="https://contoso.openai.azure.com",
    deploy=DeploySettings(resource_id=ACCOUNT, sku="DeveloperTier", capacity=50, rai_policy="mild"),
)

Answer = tuple[int, object]


def shown(
    name: str = "bot", *, model: str = TUNED, version: str = "1", state: str = "Succeeded"
) -> dict[str, object]:
    """Make a deployment as Azure shows it."""
    return {
        "name": name,
        "sku": {"name": "DeveloperTier", "capacity": 50},
        "systemData": {"createdAt": "2026-11-22T00:00:00.1234567Z"},
        "properties": {
            "model": {"format": "OpenAI", "name": model, "version": version},
            "provisioningState": state,
        },
    }


def refused(status: int, code: str) -> Answer:
    """Make a refusal of Azure Resource Manager."""
    return status, {"error": {"code": code, "message": "no"}}


MISSING = refused(404, "ResourceNotFound")
BUSY = refused(409, "RequestConflict")


@dataclass
class Manager:
    """Answers by method, in order; the last answer of a method stays."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    seen: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Answer."""
        self.seen.append(request)
        kind = request.method
        if "/openai/v1/" in request.url.path:
            kind = "CHAT"
        queue = self.answers[kind]
        status, body = queue.pop(0) if len(queue) > 1 else queue[0]
        content = b"" if body is None else json.dumps(body).encode()
        return httpx2.Response(
            status, content=content, headers={"content-type": "application/json"}
        )

    @property
    def methods(self) -> list[str]:
        """The methods that were used, in order."""
        return [one.method for one in self.seen]

    @asynccontextmanager
    async def opened(self, settings: AzureSettings = SETTINGS) -> AsyncIterator[AzureProvider]:
        """Open a provider that talks to this."""
        provider = AzureProvider(
            settings,
            credential=ScriptedCredential(),
            clock=self.clock,
            environ={},
            transport=httpx2.MockTransport(self),
        )
        async with provider:
            yield provider


@pytest.fixture
def manager() -> Manager:
    """A scripted Azure Resource Manager."""
    return Manager()


SPEC = DeploymentSpec(model=TUNED, name=NAME)


async def test_creation_names_model_kind_and_policy(manager: Manager) -> None:
    """A deployment is put by name, with the table's hosting, capacity and policy."""
    manager.answers = {"GET": [MISSING], "PUT": [(201, shown(state="Accepted"))]}
    async with manager.opened() as provider:
        made = await provider.deployments.create(SPEC)
    assert (made.name, made.model, made.status) == (NAME, TUNED, DeploymentStatus.ACCEPTED)
    put = manager.seen[-1]
    assert put.url.path == f"{ACCOUNT}/deployments/bot"
    assert put.url.params["api-version"] == "2025-09-01"
    assert put.headers["authorization"] == "Bearer test-arm-token"
    assert "api-key" not in put.headers
    assert json.loads(put.content) == {
        "sku": {"name": "DeveloperTier", "capacity": 50},
        "properties": {
            "model": {"format": "OpenAI", "name": TUNED, "version": "1"},
            "versionUpgradeOption": "NoAutoUpgrade",
            "raiPolicyName": "mild",
        },
    }


async def test_specification_goes_before_the_table(manager: Manager) -> None:
    """Hosting and capacity of the specification are taken; a base model's version is split off."""
    shown_base = shown(model="gpt-4.1-mini", version="2025-04-14")
    manager.answers = {"GET": [MISSING], "PUT": [(200, shown_base)]}
    base = ModelId("gpt-4.1-mini-2025-04-14")
    plain = SETTINGS.model_copy(update={"deploy": DeploySettings(resource_id=ACCOUNT)})
    async with manager.opened(plain) as provider:
        spec = DeploymentSpec(model=base, name=NAME, sku="Standard", capacity=7)
        assert (await provider.deployments.create(spec)).model == base
    body = json.loads(manager.seen[-1].content)
    assert body["sku"] == {"name": "Standard", "capacity": 7}
    assert body["properties"]["model"]["version"] == "2025-04-14"
    assert "raiPolicyName" not in body["properties"]


async def test_same_deployment_is_given(manager: Manager) -> None:
    """A deployment of the same model is given as it is, without a write."""
    manager.answers = {"GET": [(200, shown())]}
    async with manager.opened() as provider:
        assert (await provider.deployments.create(SPEC)).name == NAME
    assert manager.methods == ["GET"]


async def test_name_of_another_model_is_refused(manager: Manager) -> None:
    """A name that another model has is a conflict, and nothing is written."""
    manager.answers = {"GET": [(200, shown(model="other.ft-1"))]}
    async with manager.opened() as provider:
        with pytest.raises(ConflictError, match=r"other\.ft-1") as caught:
            await provider.deployments.create(SPEC)
    assert caught.value.accepted == "no"
    assert manager.methods == ["GET"]


async def test_busy_account_is_waited_for(manager: Manager) -> None:
    """While another write is under way, a write waits; a deployment being deleted is waited for."""
    manager.answers = {
        "GET": [(200, shown(state="Deleting")), MISSING],
        "PUT": [BUSY, BUSY, (201, shown())],
    }
    begun = manager.clock.monotonic()
    async with manager.opened() as provider:
        assert (await provider.deployments.create(SPEC)).name == NAME
    assert manager.clock.monotonic() - begun >= 20
    assert manager.methods.count("PUT") == 3


async def test_lost_answer_is_found_again(manager: Manager) -> None:
    """When the answer to a write was lost, the deployment that it made is given."""
    manager.answers = {"GET": [MISSING, MISSING, (200, shown())], "PUT": [BUSY]}
    async with manager.opened() as provider:
        assert (await provider.deployments.create(SPEC)).model == TUNED
    assert manager.methods.count("PUT") == 1


async def test_busy_account_has_a_limit(manager: Manager) -> None:
    """An account that never takes a write ends in an error that says so."""
    manager.answers = {"GET": [MISSING], "PUT": [BUSY]}
    async with manager.opened() as provider:
        with pytest.raises(DeadlineError, match="no write") as caught:
            await provider.deployments.create(SPEC)
    assert caught.value.accepted == "no"


async def test_other_conflicts_are_told(manager: Manager) -> None:
    """A conflict that is not about another write is not waited for."""
    manager.answers = {
        "GET": [MISSING],
        "PUT": [refused(409, "AccountIsNotSucceeded")],
    }
    async with manager.opened() as provider:
        with pytest.raises(ConflictError):
            await provider.deployments.create(SPEC)
    assert manager.methods == ["GET", "GET", "PUT"]


async def test_unknown_model_is_not_found(manager: Manager) -> None:
    """A model that Azure does not deploy is not found; other refusals are passed on."""
    manager.answers = {
        "GET": [MISSING],
        "PUT": [
            refused(400, "DeploymentModelNotSupported"),
            refused(400, "InvalidCapacity"),
        ],
    }
    async with manager.opened() as provider:
        with pytest.raises(NotFoundError, match="model_format") as caught:
            await provider.deployments.create(SPEC)
        assert caught.value.code == "DeploymentModelNotSupported"
        with pytest.raises(InvalidRequestError) as other:
            await provider.deployments.create(SPEC)
        assert other.value.code == "InvalidCapacity"


async def test_wrong_account_is_no_missing_deployment(manager: Manager) -> None:
    """A subscription that is not there is told as such."""
    manager.answers = {"GET": [refused(404, "SubscriptionNotFound")]}
    async with manager.opened() as provider:
        with pytest.raises(NotFoundError) as caught:
            await provider.deployments.create(SPEC)
    assert caught.value.code == "SubscriptionNotFound"


@pytest.mark.parametrize("name", ["", "..", "a/b", "a?b", "a b"])
async def test_names_that_cannot_stand_in_an_address(manager: Manager, name: str) -> None:
    """Such a name is refused before anything is sent."""
    async with manager.opened() as provider:
        deployments = provider.deployments
        for call in (
            lambda: deployments.get(DeploymentName(name)),
            lambda: deployments.delete(DeploymentName(name)),
            lambda: deployments.create(DeploymentSpec(model=TUNED, name=DeploymentName(name))),
        ):
            with pytest.raises(InvalidInputError):
                await call()
    assert manager.seen == []


@pytest.mark.parametrize(
    "host", ["management.azure.com", "management.azure.com:443", "Management.Azure.com"]
)
async def test_pages_are_followed(manager: Manager, host: str) -> None:
    """All pages are read, however their host is spelled, and the deployments are sorted by name."""
    link = f"https://{host}{ACCOUNT}/deployments?api-version=x&page=2"
    bare = {"name": "a", "properties": {"model": {"name": "m"}}}
    manager.answers = {
        "GET": [
            (200, {"value": [shown("c"), shown("b")], "nextLink": link}),
            (200, {"value": [bare]}),
        ]
    }
    async with manager.opened() as provider:
        found = [one async for one in provider.deployments.list()]
    assert [one.name for one in found] == ["a", "b", "c"]
    assert (found[0].sku, found[0].status, found[0].created_at) == (
        None,
        DeploymentStatus.OTHER,
        None,
    )
    followed = manager.seen[1].url
    assert (followed.host, followed.port) == ("management.azure.com", None)
    assert followed.params["page"] == "2"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-22T09:00:00+09:00", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T00:00:00", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
async def test_times_are_in_utc(manager: Manager, written: str, meant: datetime) -> None:
    """Times are aware and in UTC, also those that are written with another zone or with none."""
    manager.answers = {"GET": [(200, shown() | {"systemData": {"createdAt": written}})]}
    async with manager.opened() as provider:
        found = (await provider.deployments.get(NAME)).created_at
    assert found is not None
    assert (found, found.tzinfo) == (meant, UTC)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"systemData": {"createdAt": "9999-12-31T23:59:59-23:59"}}, "no date in UTC"),
        ({"name": "../bot"}, "name: it can be no id"),
        ({"name": "n" * 5000}, "name: it can be no id"),
    ],
    ids=["behind the last year", "another path", "endless"],
)
async def test_odd_deployment_is_refused(
    manager: Manager, odd: dict[str, object], words: str
) -> None:
    """A name that could be another address, or a time beyond all dates, is no answer."""
    manager.answers = {"GET": [(200, shown() | odd)]}
    async with manager.opened() as provider:
        with pytest.raises(UnexpectedResponseError, match=words) as caught:
            await provider.deployments.get(NAME)
    assert len(str(caught.value)) < 300


async def test_pages_elsewhere_are_refused(manager: Manager) -> None:
    """No token goes to a host that an answer names."""
    manager.answers = {"GET": [(200, {"value": [], "nextLink": "https://evil.example/x"})]}
    async with manager.opened() as provider:
        with pytest.raises(UnexpectedResponseError, match="another address"):
            _ = [one async for one in provider.deployments.list()]
    assert {one.url.host for one in manager.seen} == {"management.azure.com"}


async def test_pages_have_an_end(manager: Manager) -> None:
    """A listing that runs in a circle, or never ends, is an error and no shorter listing."""
    link = f"https://management.azure.com{ACCOUNT}/deployments?again"
    manager.answers = {"GET": [(200, {"value": [shown("a")], "nextLink": link})]}
    async with manager.opened() as provider:
        with pytest.raises(UnexpectedResponseError, match="run in a circle"):
            _ = [one async for one in provider.deployments.list()]
        assert len(manager.seen) == 2
        manager.answers = {
            "GET": [(200, {"value": [], "nextLink": f"{link}{page}"}) for page in range(1_001)]
        }
        with pytest.raises(UnexpectedResponseError, match="more than 1,000 pages"):
            _ = [one async for one in provider.deployments.list()]


async def test_another_deployment_is_no_answer(manager: Manager) -> None:
    """What is said about another one is refused; case makes no difference."""
    async with manager.opened() as provider:
        manager.answers = {"GET": [(200, shown("other"))]}
        with pytest.raises(UnexpectedResponseError, match="'a' was asked for"):
            await provider.deployments.get(DeploymentName("a"))
        manager.answers = {"GET": [(200, shown("A"))]}
        assert (await provider.deployments.get(DeploymentName("a"))).name == "A"


@pytest.mark.parametrize("body", [[], {"name": 7}, {"name": "bot", "properties": {}}])
async def test_wrong_shapes_are_unexpected(manager: Manager, body: object) -> None:
    """An answer of another shape is no deployment."""
    manager.answers = {"GET": [(200, body)]}
    async with manager.opened() as provider:
        with pytest.raises(UnexpectedResponseError):
            await provider.deployments.get(NAME)


async def test_waiting_ends_when_a_call_succeeds(manager: Manager) -> None:
    """Ready means that a small chat call through the deployment succeeds."""
    not_ready = refused(404, "DeploymentNotFound")
    reply = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": TUNED,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "OK"},
            }
        ],
    }
    manager.answers = {
        "GET": [(200, shown(state="Creating")), (200, shown())],
        "CHAT": [not_ready, not_ready, (200, reply)],
    }
    async with manager.opened() as provider:
        assert (await provider.deployments.wait_ready(NAME)).name == NAME
    chats = [one for one in manager.seen if one.method == "POST"]
    assert len(chats) == 3
    assert chats[0].headers["authorization"] == "Bearer test-token"
    assert json.loads(chats[0].content)["model"] == "bot"


@pytest.mark.parametrize("state", ["Failed", "Canceled", "Disabled"])
async def test_failed_deployment_ends_the_wait(manager: Manager, state: str) -> None:
    """A deployment that Azure gave up is not waited for."""
    manager.answers = {"GET": [(200, shown(state=state))]}
    async with manager.opened() as provider:
        with pytest.raises(InvalidRequestError, match=state):
            await provider.deployments.wait_ready(NAME)


async def test_wait_has_a_limit(manager: Manager) -> None:
    """A deployment that stays in making ends the wait, and the error says that it goes on."""
    manager.answers = {"GET": [(200, shown(state="Creating"))]}
    async with manager.opened() as provider:
        with pytest.raises(DeadlineError, match="goes on"):
            await provider.deployments.wait_ready(NAME, timeout_s=25)
        with pytest.raises(InvalidInputError, match="timeout_s"):
            await provider.deployments.wait_ready(NAME, timeout_s=0)


async def test_passing_trouble_does_not_end_the_wait(manager: Manager) -> None:
    """Looks that fail are made again: minutes of waiting are not lost by one of them."""
    down = refused(503, "ServerBusy")
    reply = {"choices": [{"message": {"content": "OK"}, "finish_reason": "stop"}]}
    manager.answers = {"GET": [down] * 9 + [(200, shown())], "CHAT": [(200, reply)]}
    async with manager.opened() as provider:
        assert (await provider.deployments.wait_ready(NAME)).name == NAME
        manager.answers["GET"] = [down]
        with pytest.raises(DeadlineError, match="not to be seen") as caught:
            await provider.deployments.wait_ready(NAME, timeout_s=60)
    assert isinstance(caught.value.__cause__, ServiceUnavailableError)


async def test_deletion_waits_until_it_is_gone(manager: Manager) -> None:
    """After a deletion was taken, the deployment is looked for until it is gone."""
    manager.answers = {
        "GET": [(200, shown()), (200, shown(state="Deleting")), MISSING],
        "DELETE": [BUSY, (202, None)],
    }
    async with manager.opened() as provider:
        await provider.deployments.delete(NAME)
    assert manager.methods == ["GET", "DELETE", "DELETE", "GET", "GET"]


@pytest.mark.parametrize("answer", [(204, None), MISSING])
async def test_deletion_of_what_somebody_else_deleted(manager: Manager, answer: Answer) -> None:
    """Azure's words for what is gone already are a success once it was seen."""
    manager.answers = {"GET": [(200, shown()), MISSING], "DELETE": [answer]}
    async with manager.opened() as provider:
        await provider.deployments.delete(NAME)


async def test_deletion_that_does_not_end(manager: Manager) -> None:
    """A deployment that does not go is told, because it costs."""
    manager.answers = {"GET": [(200, shown())], "DELETE": [(202, None)]}
    async with manager.opened() as provider:
        with pytest.raises(DeadlineError, match="costs"):
            await provider.deployments.delete(NAME)


async def test_expired_token_is_renewed_once(manager: Manager) -> None:
    """A refused token is replaced once; a second refusal is an error, and nothing loops."""
    denied = refused(401, "ExpiredAuthenticationToken")
    manager.answers = {"GET": [denied, (200, shown()), denied]}
    tokens = iter(["first", "second", "third"])

    def token() -> str:
        return next(tokens)

    provider = AzureProvider(
        SETTINGS,
        credential=token,
        clock=manager.clock,
        environ={},
        transport=httpx2.MockTransport(manager),
    )
    async with provider:
        await provider.deployments.get(NAME)
    sent = [one.headers["authorization"] for one in manager.seen]
    assert sent == ["Bearer first", "Bearer third"]  # a function is asked for every request


async def test_second_refusal_is_an_error(manager: Manager) -> None:
    """Two refusals in a row end in a typed error after two requests."""
    manager.answers = {"GET": [refused(401, "InvalidAuthenticationToken")]}
    async with manager.opened() as provider:
        with pytest.raises(AuthenticationError):
            await provider.deployments.get(NAME)
    assert len(manager.seen) <= 2


@pytest.mark.parametrize(
    ("model", "sku", "hourly", "ends"),
    [
        (TUNED, None, Decimal(0), "24 hours"),
        (TUNED, "Standard", Decimal("1.70"), "15 days"),
        ("ftchkpt-0123", "GlobalStandard", Decimal("1.70"), "15 days"),
        ("gpt-oss-20b.ft-0123", "GlobalStandard", None, "15 days"),
        (TUNED, "ProvisionedManaged", None, "15 days"),
        ("gpt-4.1-mini-2025-04-14", "Standard", Decimal(0), None),
        ("gpt-4.1-mini-2025-04-14", "ProvisionedManaged", None, None),
    ],
)
async def test_quote_says_price_and_end(
    manager: Manager, model: str, sku: str | None, hourly: Decimal | None, ends: str | None
) -> None:
    """A quote says what hosting costs by the hour and when it ends by itself, with its source."""
    async with manager.opened() as provider:
        quote = await provider.deployments.quote(
            DeploymentSpec(model=ModelId(model), name=NAME, sku=sku)
        )
    assert quote.hourly == hourly
    assert (quote.auto_delete is None) == (ends is None)
    assert ends is None or ends in (quote.auto_delete or "")
    assert "2026-11-22" in (quote.source or "")
    assert manager.seen == []


async def test_without_a_table_the_error_names_it(manager: Manager) -> None:
    """A profile that does not say where to deploy is told which table to add."""
    bare = AzureSettings(endpoint="https://contoso.openai.azure.com")
    async with manager.opened(bare) as provider:
        deployments = provider.deployments
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: deployments.create(SPEC),
            lambda: deployments.get(NAME),
            lambda: anext(deployments.list()),
            lambda: deployments.wait_ready(NAME),
            lambda: deployments.delete(NAME),
            lambda: deployments.quote(SPEC),
        )
        for call in calls:
            with pytest.raises(UnsupportedError, match=r"\[profiles\.<name>\.deploy\]"):
                await call()
    assert manager.seen == []
