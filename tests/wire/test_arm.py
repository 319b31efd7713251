"""The wire's management of Azure deployments; answers judged by the service's description."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tailorbird.exceptions import NotFoundError
from tailorbird.providers.fake import (
    FakeProvider,
    FakeSettings,
    Fault,
    Script,
    Statuses,
    VirtualClock,
)
from tailorbird.testing._wire.app import WireApp, wire_app
from tailorbird.testing._wire.world import WireSettings
from tailorbird.types import ChatOptions, DeploymentName, JobSpec, Message, ModelId

SPEC = (
    Path(__file__).parents[3] / "shared" / "specs" / "azure-cognitiveservices-deployments-arm.json"
)
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
SERVICES = "providers/Microsoft.CognitiveServices"
ACCOUNT = f"{SUBSCRIPTION}/resourceGroups/test-group/{SERVICES}/accounts/test-account"
VERSION = {"api-version": "2025-09-01"}
TOKEN = {"authorization": "Bearer test-arm-token"}


def body(name: str = "gpt-4.1-mini", version: str = "2025-04-14", **sku: object) -> dict[str, Any]:
    """Give the body of a PUT."""
    return {
        "sku": {"name": "GlobalStandard", "capacity": 50, **sku},
        "properties": {"model": {"format": "OpenAI", "name": name, "version": version}},
    }


class Arm:
    """Manages deployments as a program does."""

    def __init__(self, app: WireApp, provider: FakeProvider) -> None:
        """Call an application in this process."""
        self.app = app
        self.provider = provider
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://management.test", headers=TOKEN
        )

    async def call(self, method: str, path: str, data: object = None) -> httpx2.Response:
        """Make a call with token and version."""
        content = None if data is None else json.dumps(data)
        return await self.client.request(method, path, params=VERSION, content=content)

    async def put(self, name: str, data: object | None = None) -> httpx2.Response:
        """Make a deployment."""
        return await self.call("PUT", f"{ACCOUNT}/deployments/{name}", data or body())

    async def state(self, name: str) -> str:
        """Give where a deployment stands."""
        answer = await self.call("GET", f"{ACCOUNT}/deployments/{name}")
        return str(answer.json()["properties"]["provisioningState"])


SLOW = WireSettings(seconds_per_request=0.0)


@pytest.fixture
async def arm() -> AsyncIterator[Arm]:
    """An account of a fake whose time stands still between the calls."""
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        arm = Arm(wire_app(provider, settings=SLOW), provider)
        async with arm.client:
            yield arm


@pytest.fixture
async def quick() -> AsyncIterator[Arm]:
    """An account in which time moves on with each look-up."""
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        arm = Arm(wire_app(provider), provider)
        async with arm.client:
            yield arm


async def scripted(script: Script) -> AsyncIterator[Arm]:
    """An account with a script."""
    async with FakeProvider(FakeSettings(flavor="azure"), script=script) as provider:
        arm = Arm(wire_app(provider, settings=SLOW), provider)
        async with arm.client:
            yield arm


def clock(arm: Arm) -> VirtualClock:
    """Give the account's clock."""
    found = arm.provider.clock
    assert isinstance(found, VirtualClock)
    return found


async def test_a_deployment_is_made_waited_for_used_and_deleted(quick: Arm) -> None:
    """As a program does it, with time passing by its own look-ups."""
    made = await quick.put("bot")
    assert made.status_code == 201
    assert made.json()["properties"]["provisioningState"] == "Accepted"
    assert made.json()["sku"] == {"name": "GlobalStandard", "capacity": 50}
    assert made.json()["properties"]["model"] == {
        "format": "OpenAI",
        "name": "gpt-4.1-mini",
        "version": "2025-04-14",
    }
    states = [await quick.state("bot") for _ in range(10)]
    assert states[0] == "Creating"
    assert states[-1] == "Succeeded"
    answer = await quick.provider.chat.complete(
        [Message.user("Hello")], model=ModelId("bot"), options=ChatOptions(max_output_tokens=5)
    )
    assert answer.model == "gpt-4.1-mini-2025-04-14"
    gone = await quick.call("DELETE", f"{ACCOUNT}/deployments/bot")
    assert gone.status_code == 202
    missing = await quick.call("GET", f"{ACCOUNT}/deployments/bot")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "ResourceNotFound"


async def test_the_state_of_a_write_can_be_followed(quick: Arm) -> None:
    """By the address that `Azure-AsyncOperation` gives."""
    made = await quick.put("bot")
    address = made.headers["azure-asyncoperation"]
    states = [(await quick.client.get(address)).json()["status"] for _ in range(10)]
    assert states[0] == "InProgress"
    assert states[-1] == "Succeeded"
    gone = await quick.call("DELETE", f"{ACCOUNT}/deployments/bot")
    ended = await quick.client.get(gone.headers["azure-asyncoperation"])
    assert ended.json()["status"] == "Succeeded"
    path = f"{SUBSCRIPTION}/{SERVICES}/locations/eastus2/operationResults/none"
    assert (await quick.call("GET", path)).status_code == 404


async def test_making_it_again_changes_nothing(arm: Arm) -> None:
    """The same name with the same model answers 200."""
    assert (await arm.put("bot")).status_code == 201
    clock(arm).advance(300)
    again = await arm.put("bot", body(capacity=9))
    assert again.status_code == 200
    assert again.json()["sku"]["capacity"] == 50
    await arm.call("DELETE", f"{ACCOUNT}/deployments/bot")
    assert (await arm.put("bot")).status_code == 201


async def test_what_was_made_elsewhere_is_not_new(arm: Arm) -> None:
    """A deployment that the fake has already answers 200."""
    assert (await arm.put("chat")).status_code == 200


async def test_a_name_that_another_model_has_is_taken(arm: Arm) -> None:
    """The conflict is told in Azure's shape."""
    answer = await arm.put("chat", body("gpt-4.1"))
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "409"
    assert "taken" in answer.json()["error"]["message"]


async def test_an_account_takes_one_write_at_a_time(arm: Arm) -> None:
    """While a deployment is being made, every other write is refused; afterwards it is not."""
    await arm.put("bot")
    for method, name in (("PUT", "other"), ("PUT", "bot"), ("DELETE", "bot")):
        refused = await arm.call(method, f"{ACCOUNT}/deployments/{name}", body())
        assert refused.status_code == 409
        assert refused.json()["error"]["code"] == "RequestConflict"
        assert ACCOUNT in refused.json()["error"]["message"]
    clock(arm).advance(300)
    assert (await arm.put("other")).status_code == 201


async def test_two_writes_at_the_same_moment_do_not_both_go_through(arm: Arm) -> None:
    """One of them is refused, whichever comes second."""
    async with asyncio.TaskGroup() as group:
        writes = [group.create_task(arm.put(name)) for name in ("one", "two")]
    assert sorted(write.result().status_code for write in writes) == [201, 409]


async def test_deployments_are_listed_by_name(arm: Arm) -> None:
    """With those that stand from the start."""
    await arm.put("bot")
    listed = (await arm.call("GET", f"{ACCOUNT}/deployments")).json()
    assert [one["name"] for one in listed["value"]] == ["bot", "chat", "embed"]
    assert listed["nextLink"] is None
    assert listed["value"][0]["id"] == f"{ACCOUNT}/deployments/bot"


async def test_deleting_what_is_not_there_is_no_error(arm: Arm) -> None:
    """It answers 204, and a deployment that stands from the start stays."""
    none = await arm.call("DELETE", f"{ACCOUNT}/deployments/none")
    assert (none.status_code, none.content) == (204, b"")
    stays = await arm.call("DELETE", f"{ACCOUNT}/deployments/chat")
    assert stays.status_code == 409


@pytest.mark.parametrize(
    ("name", "version", "model"),
    [
        ("gpt-4.1", "2025-04-14", "gpt-4.1-2025-04-14"),
        ("gpt-4.1-2025-04-14", "2025-04-14", "gpt-4.1-2025-04-14"),
        ("gpt-oss-120b", "1", "gpt-oss-120b"),
    ],
)
async def test_a_model_is_named_with_its_version(
    arm: Arm, name: str, version: str, model: str
) -> None:
    """Azure names a base model in two parts, anything else as it is with version 1."""
    assert (await arm.put("bot", body(name, version))).status_code == 201
    assert (await arm.provider.deployments.get(DeploymentName("bot"))).model == model


async def test_an_unknown_model_is_refused(arm: Arm) -> None:
    """Nothing is made, and the account takes the next write."""
    refused = await arm.put("bot", body("gpt-9"))
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "DeploymentModelNotSupported"
    assert (await arm.put("bot")).status_code == 201


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "sku"),
        ({"sku": {"name": "GlobalStandard"}}, "properties"),
        (body(name=""), "properties.model.name"),
        (body(capacity=0), "sku.capacity"),
        (body(capacity="50"), "sku.capacity"),
        ({**body(), "extra": 1}, "extra"),
        ([], "body"),
    ],
)
async def test_a_wrong_body_is_refused(arm: Arm, data: object, words: str) -> None:
    """The message names the field."""
    answer = await arm.call("PUT", f"{ACCOUNT}/deployments/bot", data)
    assert answer.status_code == 400
    assert f"deployment : {words}:" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["x", "-bot", "b" * 65, "b t"])
async def test_a_wrong_name_is_refused(arm: Arm, name: str) -> None:
    """Names have 2 to 64 letters, digits and few signs."""
    assert (await arm.put(name)).status_code == 400


@pytest.mark.parametrize("content", [b"{", b"x" * (1 << 20) + b"y"])
async def test_a_body_that_cannot_be_read_is_refused(arm: Arm, content: bytes) -> None:
    """No JSON, or too much of it."""
    answer = await arm.client.put(f"{ACCOUNT}/deployments/bot", params=VERSION, content=content)
    assert answer.status_code == (400 if len(content) < 10 else 413)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, "AuthenticationFailed"),
        ({"authorization": "Basic test-arm-token"}, "AuthenticationFailed"),
        ({"api-key": "test-key"}, "AuthenticationFailed"),
        ({"authorization": "Bearer wrong"}, "InvalidAuthenticationToken"),
        ({"authorization": "Bearer test-key"}, "InvalidAuthenticationTokenAudience"),
        ({"authorization": "Bearer test-search-token"}, "InvalidAuthenticationTokenAudience"),
    ],
)
async def test_only_a_token_for_management_is_taken(
    arm: Arm, header: dict[str, str], code: str
) -> None:
    """There are no keys, and tokens for other services open nothing."""
    del arm.client.headers["authorization"]
    answer = await arm.client.get(f"{ACCOUNT}/deployments", params=VERSION, headers=header)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "MissingApiVersionParameter"),
        ({"api-version": "2024-10-21"}, "InvalidApiVersionParameter"),
    ],
)
async def test_the_version_must_be_named(arm: Arm, query: dict[str, str], code: str) -> None:
    """A version of the data plane is not one of the management."""
    answer = await arm.client.get(f"{ACCOUNT}/deployments", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("00000000-0000", "11111111-0000", "SubscriptionNotFound"),
        ("test-group", "other-group", "ResourceGroupNotFound"),
        ("test-account", "other-account", "ResourceNotFound"),
    ],
)
async def test_another_place_is_not_found(arm: Arm, old: str, new: str, code: str) -> None:
    """The server knows one subscription, one group, one account."""
    path = f"{ACCOUNT}/deployments".replace(old, new, 1)
    answer = await arm.call("GET", path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == code


async def test_the_case_of_a_place_does_not_count() -> None:
    """As on Azure; the settings name the place."""
    settings = WireSettings(subscription_id="SUB", resource_group="Group", account="Contoso")
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        arm = Arm(wire_app(provider, settings=settings), provider)
        async with arm.client:
            path = f"/subscriptions/sub/resourceGroups/GROUP/{SERVICES}/accounts/contoso"
            answer = await arm.call("GET", f"{path}/deployments/chat")
    assert answer.json()["id"].startswith("/subscriptions/SUB/resourceGroups/Group/")


async def test_scripted_states_are_shown() -> None:
    """A deployment that fails says so, and its operation too."""
    script = Script().on("deployments.create", Statuses("Creating", "Odd", "Failed"))
    async for arm in scripted(script):
        made = await arm.put("bot")
        states = [await arm.state("bot") for _ in range(3)]
        assert states == ["Creating", "Odd", "Failed"]
        address = made.headers["azure-asyncoperation"]
        assert (await arm.client.get(address)).json()["status"] == "Failed"
        assert (await arm.put("other")).status_code == 201


async def test_a_lost_answer_leaves_a_deployment() -> None:
    """The program sees a broken connection; the deployment is there, and is being made."""
    script = Script().on("deployments.create", Fault.lost_answer())
    async for arm in scripted(script):
        with pytest.raises(httpx2.TransportError):
            await arm.put("bot")
        assert await arm.state("bot") == "Accepted"
        assert (await arm.put("other")).status_code == 409


async def test_faults_come_in_azures_shape() -> None:
    """What the fake is told to raise is told to the program."""
    script = (
        Script()
        .on("deployments.create", Fault.rate_limited(retry_after_s=3.0))
        .on(
            "deployments.create",
            Fault(error=NotFoundError, status_code=404, code="Gone", accepted="no"),
            occurrence=2,
        )
    )
    async for arm in scripted(script):
        limited = await arm.put("bot")
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
        missing = await arm.put("bot")
        assert missing.status_code == 404
        assert set(missing.json()["error"]) == {"code", "message"}


async def test_models_tell_when_they_end(arm: Arm) -> None:
    """Base models with both dates, embedding models with one, open ones with none."""
    listed = (await arm.call("GET", f"{ACCOUNT}/models")).json()["value"]
    by_name = {one["name"]: one for one in listed}
    mini = by_name["gpt-4.1-mini"]
    assert mini["version"] == "2025-04-14"
    assert mini["deprecation"] == {
        "fineTune": "2027-04-14T00:00:00Z",
        "inference": "2027-04-14T00:00:00Z",
    }
    assert mini["capabilities"] == {"fineTune": "true", "chatCompletion": "true"}
    assert mini["lifecycleStatus"] == "GenerallyAvailable"
    embedding = by_name["text-embedding-3-small"]
    assert embedding["capabilities"] == {"fineTune": "false", "embeddings": "true"}
    assert embedding["deprecation"] == {"fineTune": None, "inference": "2028-02-09T00:00:00Z"}
    assert by_name["gpt-oss-120b"]["deprecation"] == {"fineTune": None, "inference": None}


async def test_a_model_near_its_end_is_deprecating() -> None:
    """Within 90 days."""
    late = VirtualClock(datetime(2027, 4, 1, tzinfo=UTC))
    async with FakeProvider(FakeSettings(flavor="azure"), clock=late) as provider:
        arm = Arm(wire_app(provider, settings=SLOW), provider)
        async with arm.client:
            listed = (await arm.call("GET", f"{ACCOUNT}/models")).json()["value"]
    states = {one["name"]: one["lifecycleStatus"] for one in listed}
    assert states["gpt-4.1-mini"] == "Deprecating"
    assert states["gpt-oss-120b"] == "GenerallyAvailable"


async def test_a_tuned_model_is_listed_with_its_base(quick: Arm, tmp_path: Path) -> None:
    """Its name is the whole id, its version 1, and so it is deployed."""
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Question {number}?"},
                {"role": "assistant", "content": f"Answer {number}."},
            ]
        }
        for number in range(12)
    ]
    train = tmp_path / "train.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    provider = quick.provider
    made = await provider.files.create(train, purpose="fine-tune")
    await provider.files.wait_ready(made.id)
    base = ModelId("gpt-4.1-mini-2025-04-14")
    job = await provider.jobs.create(JobSpec(model=base, training_file=made.id))
    clock(quick).advance(3600)
    tuned = (await provider.jobs.get(job.id)).fine_tuned_model
    assert tuned is not None
    listed = (await quick.call("GET", f"{ACCOUNT}/models")).json()["value"]
    (shown,) = [one for one in listed if one["name"] == tuned]
    assert shown["version"] == "1"
    assert shown["baseModel"] == {
        "format": "OpenAI",
        "name": "gpt-4.1-mini",
        "version": "2025-04-14",
    }
    deployed = await quick.put("bot", body(tuned, "1"))
    assert deployed.json()["properties"]["model"]["name"] == tuned


class Described:
    """Judges answers by the reduced description of the service."""

    def __init__(self) -> None:
        """Read it."""
        text = json.loads(SPEC.read_text(encoding="utf-8"))
        self.schemas = text["schemas"]
        self.enums = text["enums"]

    def judge(self, value: object, kind: str, *, at: str = "") -> None:
        """Fail unless a value has a kind of the description."""
        simple = {"str": str, "bool": bool, "int": int, "float": (int, float), "object": dict}
        if value is None:
            return
        if kind in simple:
            assert isinstance(value, simple[kind]), f"{at}: {value!r}"
        elif kind == "iso-8601":
            assert datetime.fromisoformat(str(value)).tzinfo, at
        elif kind.startswith("["):
            assert isinstance(value, list), at
            for place, one in enumerate(value):
                self.judge(one, kind[1:-1], at=f"{at}[{place}]")
        elif kind.startswith("{"):
            assert isinstance(value, dict), at
            for key, one in value.items():
                self.judge(one, kind[1:-1], at=f"{at}.{key}")
        else:
            assert isinstance(value, dict), at
            assert set(value) <= set(self.schemas[kind]), f"{at}: {set(value)}"
            for name, facts in self.schemas[kind].items():
                self.judge(value.get(name), facts["type"], at=f"{at}.{name}")


@pytest.mark.shared
async def test_answers_have_the_shapes_of_the_description(arm: Arm) -> None:
    """Deployments, their list, models, errors; states and statuses are known words."""
    described = Described()
    made = (await arm.put("bot")).json()
    described.judge(made, "Deployment")
    states = described.enums["DeploymentProvisioningState"]
    assert made["properties"]["provisioningState"] in states
    listed = (await arm.call("GET", f"{ACCOUNT}/deployments")).json()
    described.judge(listed, "DeploymentListResult")
    models = (await arm.call("GET", f"{ACCOUNT}/models")).json()
    described.judge(models, "AccountModelListResult")
    words = {one["lifecycleStatus"] for one in models["value"]}
    assert words <= set(described.enums["ModelLifecycleStatus"])
    described.judge((await arm.put("other")).json(), "ErrorResponse")


@pytest.mark.shared
def test_the_judge_sees_what_is_wrong() -> None:
    """A wrong answer does not pass by accident."""
    described = Described()
    for wrong in ([], {"more": 1}, {"sku": {"capacity": "50"}}, {"tags": []}):
        with pytest.raises(AssertionError):
            described.judge(wrong, "Deployment")
