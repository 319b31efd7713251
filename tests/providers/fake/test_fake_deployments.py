"""The fake's deployments."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    AuthenticationError,
    ConflictError,
    ConnectError,
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
)
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Script, Statuses
from tailorbird.types import (
    Deployment,
    DeploymentName,
    DeploymentSpec,
    DeploymentStatus,
    Message,
    ModelId,
    RoleModel,
)

if TYPE_CHECKING:
    from conftest import Tools

AZURE = FakeSettings(flavor="azure", latency_s=0)
FAQ = DeploymentName("faq")
BASE = ModelId("gpt-4.1-mini-2025-04-14")
HELLO = [Message.user("Hello?")]


async def listed(provider: FakeProvider) -> list[Deployment]:
    """Give all deployments."""
    return [one async for one in provider.deployments.list()]


async def test_plain_models_need_no_deployment(tools: Tools) -> None:
    """Where models answer by themselves, a deployment is the model, and deleting does nothing."""
    async with FakeProvider(FakeSettings(latency_s=0)) as provider:
        model = await tools.tune(provider)
        spec = DeploymentSpec(model=model, name=FAQ)
        made = await provider.deployments.create(spec)
        assert (made.name, made.model, made.required) == (model, model, False)
        assert made.status is DeploymentStatus.SUCCEEDED
        assert await provider.deployments.get(made.name) == made
        assert await provider.deployments.wait_ready(made.name) == made
        assert await listed(provider) == []
        assert (await provider.deployments.quote(spec)).hourly == 0
        await provider.deployments.delete(made.name)
        assert (await provider.chat.complete(HELLO, model=model)).text


async def test_openai_models_answer_after_a_moment(tools: Tools) -> None:
    """On OpenAI's flavor a fresh model is not found for a while; waiting makes it usable."""
    async with FakeProvider(FakeSettings(flavor="openai", latency_s=0)) as provider:
        job = await tools.start(provider)
        while not (job := await provider.jobs.get(job.id)).status.is_final:
            await provider.clock.sleep(1)
        assert job.fine_tuned_model is not None
        with pytest.raises(NotFoundError, match="does not answer yet"):
            await provider.chat.complete(HELLO, model=job.fine_tuned_model)
        await provider.deployments.wait_ready(DeploymentName(job.fine_tuned_model))
        assert (await provider.chat.complete(HELLO, model=job.fine_tuned_model)).text


async def test_azure_models_answer_only_when_deployed(tools: Tools) -> None:
    """On Azure's flavor a tuned model answers by its deployment's name only, after a while."""
    async with FakeProvider(AZURE) as provider:
        model = await tools.tune(provider)
        with pytest.raises(NotFoundError) as caught:
            await provider.chat.complete(HELLO, model=model)
        assert caught.value.code == "DeploymentNotFound"
        made = await provider.deployments.create(DeploymentSpec(model=model, name=FAQ))
        assert (made.status, made.raw_status) == (DeploymentStatus.ACCEPTED, "Accepted")
        assert (made.sku, made.capacity, made.required) == ("GlobalStandard", 100, True)
        words = [made.raw_status]
        while words[-1] != "Succeeded":
            await provider.clock.sleep(5)
            words.append((await provider.deployments.get(FAQ)).raw_status)
        assert list(dict.fromkeys(words)) == ["Accepted", "Creating", "Succeeded"]
        with pytest.raises(NotFoundError) as caught:
            await provider.chat.complete(HELLO, model=ModelId(FAQ))
        assert caught.value.code == "DeploymentNotReady"
        ready = await provider.deployments.wait_ready(FAQ)
        assert ready.status is DeploymentStatus.SUCCEEDED
        reply = await provider.chat.complete(HELLO, model=ModelId(FAQ))
        assert reply.model == model


async def test_same_deployment_is_given_again(tools: Tools) -> None:
    """The same name with the same model is given as it is; another model gets a conflict."""
    async with FakeProvider(AZURE) as provider:
        model = await tools.tune(provider)
        spec = DeploymentSpec(model=model, name=FAQ, sku="Standard", capacity=5)
        made = await provider.deployments.create(spec)
        assert (made.sku, made.capacity) == ("Standard", 5)
        assert await provider.deployments.create(spec) == made
        for name in (FAQ, DeploymentName("chat")):
            other = DeploymentSpec(model=ModelId("gpt-4.1-2025-04-14"), name=name)
            with pytest.raises(ConflictError, match="is taken by"):
                await provider.deployments.create(other)


async def test_standing_deployments(tools: Tools) -> None:
    """The roles' deployments stand from the start, are listed with the made ones, and stay."""
    async with FakeProvider(AZURE) as provider:
        model = await tools.tune(provider)
        await provider.deployments.create(DeploymentSpec(model=model, name=FAQ))
        assert [one.name for one in await listed(provider)] == ["chat", "embed", "faq"]
        chat = await provider.deployments.get(DeploymentName("chat"))
        assert (chat.model, chat.status) == (BASE, DeploymentStatus.SUCCEEDED)
        again = DeploymentSpec(model=BASE, name=DeploymentName("chat"))
        assert await provider.deployments.create(again) == chat
        assert await provider.deployments.wait_ready(DeploymentName("chat")) == chat
        with pytest.raises(ConflictError, match="stays"):
            await provider.deployments.delete(DeploymentName("chat"))


async def test_profile_roles_are_deployed() -> None:
    """Deployments that a profile's roles name stand from the start, whatever model they hold."""
    roles = {
        "chat": RoleModel(model=ModelId("gpt-4.1-mini"), deployment=DeploymentName("mine")),
        "embedding": RoleModel(
            model=ModelId("text-embedding-3-large"), deployment=DeploymentName("vectors")
        ),
    }
    async with FakeProvider(AZURE, roles=roles) as provider:
        assert (await provider.chat.complete(HELLO, model=ModelId("mine"))).model == "gpt-4.1-mini"
        result = await provider.embeddings.embed(["x"], model=ModelId("vectors"))
        assert result.model == "text-embedding-3-large"


async def test_deleted_deployment_answers_no_more(tools: Tools) -> None:
    """A deleted deployment is gone; the model stays and can be deployed again."""
    async with FakeProvider(AZURE) as provider:
        model = await tools.tune(provider)
        spec = DeploymentSpec(model=model, name=FAQ)
        await provider.deployments.create(spec)
        await provider.deployments.wait_ready(FAQ)
        await provider.deployments.delete(FAQ)
        for call in (
            provider.deployments.get(FAQ),
            provider.deployments.delete(FAQ),
            provider.deployments.wait_ready(FAQ),
            provider.chat.complete(HELLO, model=ModelId(FAQ)),
        ):
            with pytest.raises(NotFoundError):
                await call
        assert (await provider.deployments.create(spec)).status is DeploymentStatus.ACCEPTED


async def test_unknown_models_cannot_be_deployed() -> None:
    """A model that does not exist can be neither deployed nor quoted."""
    async with FakeProvider(AZURE) as provider:
        spec = DeploymentSpec(model=ModelId("nobody"), name=FAQ)
        with pytest.raises(NotFoundError):
            await provider.deployments.create(spec)
        with pytest.raises(NotFoundError):
            await provider.deployments.quote(spec)


async def test_bad_names_are_refused() -> None:
    """A deployment's name must fit into an address."""
    async with FakeProvider(AZURE) as provider:
        with pytest.raises(InvalidInputError, match="no deployment id"):
            await provider.deployments.create(
                DeploymentSpec(model=BASE, name=DeploymentName("a/b"))
            )


async def test_hosting_is_quoted(tools: Tools) -> None:
    """A tuned model's hosting costs by the hour; a base's does not, nor a short-lived one's."""
    async with FakeProvider(AZURE) as provider:
        model = await tools.tune(provider)
        standard = await provider.deployments.quote(DeploymentSpec(model=model, name=FAQ))
        assert (standard.hourly, standard.auto_delete) == (Decimal("1.70"), None)
        base = await provider.deployments.quote(DeploymentSpec(model=BASE, name=FAQ))
        assert base.hourly == 0
        developer = await provider.deployments.quote(
            DeploymentSpec(model=model, name=FAQ, sku="DeveloperTier")
        )
        assert developer.hourly == 0
        assert developer.auto_delete == "24 hours after it was made"


async def test_developer_hosting_ends_after_a_day(tools: Tools) -> None:
    """A deployment of the developer tier is gone after 24 hours; others stay."""
    async with FakeProvider(AZURE) as provider:
        model = await tools.tune(provider)
        short = DeploymentSpec(model=model, name=FAQ, sku="DeveloperTier")
        await provider.deployments.create(short)
        await provider.deployments.create(
            DeploymentSpec(model=model, name=DeploymentName("lasting"))
        )
        await provider.deployments.wait_ready(FAQ)
        await provider.clock.sleep(86_400)
        assert [one.name for one in await listed(provider)] == ["chat", "embed", "lasting"]


async def test_failed_deployment_ends_the_wait(tools: Tools) -> None:
    """A deployment that fails ends the wait with an error that says what to do."""
    script = Script().on("deployments.create", Statuses("Creating", "odd", "Failed"))
    async with FakeProvider(AZURE, script=script) as provider:
        model = await tools.tune(provider)
        await provider.deployments.create(DeploymentSpec(model=model, name=FAQ))
        with pytest.raises(NotFoundError):
            await provider.chat.complete(HELLO, model=ModelId(FAQ))
        with pytest.raises(InvalidRequestError, match="delete it and deploy again"):
            await provider.deployments.wait_ready(FAQ)
        assert (await provider.deployments.get(FAQ)).status is DeploymentStatus.FAILED


async def test_scripted_success_answers(tools: Tools) -> None:
    """A deployment that is scripted to succeed answers from that look-up on."""
    script = Script().on("deployments.create", Statuses("Creating", "Succeeded"))
    async with FakeProvider(AZURE, script=script) as provider:
        model = await tools.tune(provider)
        await provider.deployments.create(DeploymentSpec(model=model, name=FAQ))
        await provider.deployments.wait_ready(FAQ)
        assert (await provider.chat.complete(HELLO, model=ModelId(FAQ))).model == model


async def test_waiting_has_a_limit(tools: Tools) -> None:
    """A deployment that takes too long ends the wait at its limit."""
    async with FakeProvider(AZURE) as provider:
        model = await tools.tune(provider)
        await provider.deployments.create(DeploymentSpec(model=model, name=FAQ))
        since = provider.clock.monotonic()
        with pytest.raises(DeadlineError, match="wait again"):
            await provider.deployments.wait_ready(FAQ, timeout_s=150)
        assert provider.clock.monotonic() - since == 150


async def test_passing_trouble_does_not_end_the_wait(tools: Tools) -> None:
    """Looks and first questions that fail are made again; at the limit the last is the cause."""
    script = (
        Script()
        .on("deployments.get", Fault.unavailable(), times=5)
        .on("chat.complete", Fault.timed_out(), times=3)
        .on("deployments.get", Fault.no_connection(), occurrence=40, times=None)
    )
    async with FakeProvider(AZURE, script=script) as provider:
        model = await tools.tune(provider)
        await provider.deployments.create(DeploymentSpec(model=model, name=FAQ))
        assert (await provider.deployments.wait_ready(FAQ)).model == model
        while len([one for one in provider.calls if one.operation == "deployments.get"]) < 39:
            await provider.deployments.get(FAQ)
        with pytest.raises(DeadlineError, match="wait again") as caught:
            await provider.deployments.wait_ready(FAQ, timeout_s=30)
    assert isinstance(caught.value.__cause__, ConnectError)


async def test_a_refusal_ends_the_wait(tools: Tools) -> None:
    """A key that is refused does not become right by waiting."""
    script = Script().on("chat.complete", Fault.wrong_key())
    async with FakeProvider(AZURE, script=script) as provider:
        model = await tools.tune(provider)
        await provider.deployments.create(DeploymentSpec(model=model, name=FAQ))
        with pytest.raises(AuthenticationError):
            await provider.deployments.wait_ready(FAQ)


async def test_checkpoints_can_be_used(tools: Tools) -> None:
    """A checkpoint answers: by its model id, or deployed where that is needed."""
    for flavor in ("plain", "azure"):
        async with FakeProvider(FakeSettings(flavor=flavor, latency_s=0)) as provider:
            job = await tools.finish(provider, (await tools.start(provider)).id)
            newest = await anext(aiter(provider.jobs.checkpoints(job.id)))
            made = await provider.deployments.create(DeploymentSpec(model=newest.model, name=FAQ))
            await provider.deployments.wait_ready(made.name)
            reply = await provider.chat.complete(
                [Message.system(tools.system), Message.user("Do you ship to Canada?")],
                model=ModelId(made.name),
            )
        assert "7 to 12 days" in reply.text
        assert reply.model == newest.model
