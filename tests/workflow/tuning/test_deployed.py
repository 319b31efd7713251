"""A tuned model that is deployed for one block only, on the fake and on Azure over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from typing_extensions import override

import tailorbird
from tailorbird import Progress, QuestionSet, TunedModel, Workbench, Workspace
from tailorbird.config import Profile
from tailorbird.exceptions import (
    AuthenticationError,
    InvalidRequestError,
    StillDeployedError,
    UnsupportedError,
    WaitTimeoutError,
)
from tailorbird.protocols import Deployments
from tailorbird.providers.azure import AzureProvider, AzureSettings, DeploySettings
from tailorbird.providers.fake import (
    FakeProvider,
    FakeSettings,
    Fault,
    Script,
    Statuses,
    VirtualClock,
)
from tailorbird.testing.wire import WireSettings, wire_app
from tailorbird.types import DeploymentName, DeploymentSpec, ModelId, RoleModel
from tailorbird.workbench.tuning import Tuning
from tailorbird.workflow.progress import silent

WIRE = WireSettings()
ROLES = {
    "chat": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14"), deployment=DeploymentName("chat")),
    "tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14")),
    "embedding": RoleModel(
        model=ModelId("text-embedding-3-small"), deployment=DeploymentName("embed")
    ),
}
DEPLOY = DeploySettings(
    subscription_id=WIRE.subscription_id,
    resource_group=WIRE.resource_group,
    account=WIRE.account,
)

Open = Callable[[Script], AbstractAsyncContextManager[tuple[FakeProvider, Workbench]]]


class Credential:
    """Gives a token for each audience."""

    def get_token(self, *scopes: str) -> Credential:
        """Give the token for an audience."""
        self.token = "test-arm-token" if "management" in scopes[0] else "test-key"
        self.expires_on = 4_000_000_000
        return self


def azure(
    transport: httpx2.ASGITransport,
    deploy: DeploySettings | None,
    clock: VirtualClock,
    folder: Path | None = None,
) -> Workbench:
    """Make a workbench on Azure."""
    provider = AzureProvider(
        AzureSettings(endpoint="https://contoso.openai.azure.com", deploy=deploy),
        credential=Credential(),
        clock=clock,
        roles=ROLES,
        environ={},
        transport=transport,
    )
    return Workbench(
        provider,
        profile=Profile(name="azure", provider="azure", roles=ROLES),
        workspace=Workspace(folder),
    )


@asynccontextmanager
async def on_the_fake(script: Script) -> AsyncGenerator[tuple[FakeProvider, Workbench]]:
    """Open a workbench on a fake whose tuned models must be deployed."""
    fake = FakeProvider(FakeSettings(flavor="azure"), script=script)
    async with Workbench(fake) as bench:
        yield fake, bench


@asynccontextmanager
async def on_azure(script: Script) -> AsyncGenerator[tuple[FakeProvider, Workbench]]:
    """Open a workbench on Azure whose server is a scripted fake."""
    clock = VirtualClock()
    fake = FakeProvider(FakeSettings(flavor="azure"), script=script, clock=clock)
    async with (
        fake,
        wire_app(fake, settings=WIRE) as app,
        azure(httpx2.ASGITransport(app=app), DEPLOY, clock) as bench,
    ):
        yield fake, bench


BOTH = pytest.mark.parametrize("opened", [on_the_fake, on_azure], ids=["fake", "azure"])


async def standing(fake: FakeProvider) -> list[str]:
    """Give the names of the tuned deployments at the server, as it says itself."""
    from_the_start = {role.deployment for role in fake.roles.values()}
    return [
        one.name
        for one in [one async for one in fake.deployments.list()]
        if one.name not in from_the_start
    ]


async def paid(bench: Workbench) -> list[str]:
    """Give what was paid for besides answers, the latest first."""
    return [one.what for one in await bench.spending() if one.what in {"hosting", "training"}]


async def start(bench: Workbench, rows: QuestionSet) -> None:
    """Start the run `shop`."""
    await bench.start_fine_tune(rows, name="shop", system="Be brief.")


@BOTH
async def test_it_stands_for_the_block_only(opened: Open, rows: QuestionSet) -> None:
    """It answers in the block; after it nothing stands, and the cost is written down."""
    seen: list[Progress] = []
    async with opened(Script()) as (fake, bench):
        await start(bench, rows)
        async with bench.deployed("shop", on_progress=seen.append) as tuned:
            assert await standing(fake) == ["shop"]
            assert (await bench.ask("Is parking free?", tuned=tuned)).text
        assert await standing(fake) == []
        assert any("US dollars an hour" in one.detail for one in seen)
        assert (await bench.tuned("shop")).deployment is None
        assert await paid(bench) == ["hosting", "training"]
        async with bench.deployed("shop") as again:
            assert (again.model, again.deployment) == (tuned.model, "shop")
        assert await standing(fake) == []


@BOTH
async def test_an_error_in_the_block_comes_through(opened: Open, rows: QuestionSet) -> None:
    """What stands is taken away first, also what stood before the block."""
    async with opened(Script()) as (fake, bench):
        await start(bench, rows)
        assert (await bench.finish("shop")).deployment == "shop"
        with pytest.raises(ZeroDivisionError) as caught:
            async with bench.deployed("shop"):
                raise ZeroDivisionError
        assert await standing(fake) == []
        assert not hasattr(caught.value, "__notes__")


@BOTH
async def test_a_deployment_that_does_not_get_ready_is_taken_away(
    opened: Open, rows: QuestionSet
) -> None:
    """The block does not begin, its error says why, and nothing is left that costs."""
    script = Script().on("deployments.create", Statuses("Creating", "Failed"))
    async with opened(script) as (fake, bench):
        await start(bench, rows)
        with pytest.raises(InvalidRequestError, match="Failed"):
            async with bench.deployed("shop"):
                pytest.fail("the block was entered")
        assert await standing(fake) == []


@BOTH
async def test_what_cannot_be_taken_away_is_told(
    opened: Open, rows: QuestionSet, caplog: pytest.LogCaptureFixture
) -> None:
    """The error says that it may cost, names the deployment, and carries the provider's words."""
    script = Script().on("deployments.delete", Fault.wrong_key())
    async with opened(script) as (fake, bench):
        await start(bench, rows)
        with pytest.raises(StillDeployedError, match="may still stand and cost money") as caught:
            async with bench.deployed("shop"):
                pass
        error = caught.value
        assert isinstance(error.__cause__, AuthenticationError)
        assert (error.status_code, error.accepted) == (401, "no")
        assert "'shop'" in str(error)
        assert "may still stand and cost money" in caplog.text
        assert await standing(fake) == ["shop"]
        assert (await bench.tuned("shop")).deployment == "shop"
        assert (await bench.undeploy("shop")).deployment is None
        assert await standing(fake) == []


@BOTH
async def test_the_error_of_the_block_goes_before(opened: Open, rows: QuestionSet) -> None:
    """Where both go wrong the block's error is raised, with the other one as a note."""
    script = Script().on("deployments.delete", Fault.wrong_key())
    async with opened(script) as (_, bench):
        await start(bench, rows)
        with pytest.raises(ZeroDivisionError) as caught:
            async with bench.deployed("shop"):
                raise ZeroDivisionError
        assert "may still stand and cost money" in caught.value.__notes__[0]


@BOTH
@pytest.mark.parametrize("call", ["deployments.create", "chat.complete"])
async def test_a_cancelled_program_leaves_nothing_that_costs(
    opened: Open, rows: QuestionSet, call: str
) -> None:
    """Cancelled while it is deployed, or while the first answer is waited for: nothing stands."""
    async with opened(Script()) as (fake, bench):
        await start(bench, rows)
        await (await bench.resume("shop")).wait()

        async def use() -> None:
            async with bench.deployed("shop"):
                await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(use())
            # As soon as the call has arrived; the server tells nobody when that is.
            while call not in {one.operation for one in fake.calls}:  # noqa: ASYNC110
                await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        assert await standing(fake) == []
        assert "deployments.delete" in {one.operation for one in fake.calls}


@BOTH
async def test_a_cancelled_block_is_cleaned_up(opened: Open, rows: QuestionSet) -> None:
    """A cancellation goes on after the deployment is gone, however often it is repeated."""
    async with opened(Script()) as (fake, bench):
        await start(bench, rows)
        inside = asyncio.Event()

        async def use() -> None:
            async with bench.deployed("shop"):
                inside.set()
                await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(use())
            await inside.wait()
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        assert await standing(fake) == []


class Stuck(FakeProvider):
    """A provider that never answers to a deletion."""

    @property
    @override
    def deployments(self) -> Deployments:
        """Give deployments that stay."""
        inner = super().deployments

        async def delete(_: DeploymentName) -> None:
            await asyncio.Event().wait()

        setattr(inner, "delete", delete)  # noqa: B010 - of this one object only
        return inner


async def test_a_cloud_that_never_answers_does_not_keep_the_program(
    rows: QuestionSet, caplog: pytest.LogCaptureFixture
) -> None:
    """After its grace a cancelled program ends, and the log says what may still cost."""
    async with Workbench(Stuck(FakeSettings(flavor="azure"))) as bench:
        await start(bench, rows)
        tuning = Tuning(
            provider=bench.provider,
            workspace=bench.workspace,
            profile=bench.profile,
            grace_s=0.01,
        )
        inside = asyncio.Event()

        async def use() -> None:
            async with tuning.deployed("shop", timeout_s=None, on_progress=silent):
                inside.set()
                await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(use())
            await inside.wait()
            task.cancel()
            await asyncio.wait({task})
        assert task.cancelled()
    assert "the deployment of run 'shop' may still stand and cost money" in caplog.text


async def test_a_strangers_deployment_is_left_alone(rows: QuestionSet) -> None:
    """A name that another model has is neither taken nor taken away."""
    async with on_the_fake(Script()) as (fake, bench):
        await start(bench, rows)
        spec = DeploymentSpec(model=bench.role("chat").model, name=DeploymentName("shop"))
        await fake.deployments.create(spec)
        with pytest.raises(tailorbird.ConflictError):
            async with bench.deployed("shop"):
                pytest.fail("the block was entered")
        assert await standing(fake) == ["shop"]


async def test_one_that_went_away_by_itself_is_fine(rows: QuestionSet) -> None:
    """Clouds delete deployments that nobody calls: then there is nothing to do."""
    async with on_the_fake(Script()) as (fake, bench):
        await start(bench, rows)
        async with bench.deployed("shop"):
            await fake.deployments.delete(DeploymentName("shop"))
        assert (await bench.tuned("shop")).deployment is None
        assert await paid(bench) == ["hosting", "training"]


async def test_a_job_that_goes_on_deploys_nothing(rows: QuestionSet) -> None:
    """The wait for the job ends before anything stands."""
    async with on_the_fake(Script()) as (fake, bench):
        await start(bench, rows)
        with pytest.raises(WaitTimeoutError):
            async with bench.deployed("shop", timeout_s=0):
                pytest.fail("the block was entered")
        assert "deployments.create" not in {one.operation for one in fake.calls}
        assert await standing(fake) == []


async def test_where_models_answer_by_themselves_nothing_is_taken_away(
    rows: QuestionSet,
) -> None:
    """The same script runs where nothing is deployed."""
    async with Workbench(FakeProvider()) as bench:
        await start(bench, rows)
        async with bench.deployed("shop") as tuned:
            assert tuned.deployment is None
        assert (await bench.ask("Is parking free?", tuned=tuned)).text
        assert await paid(bench) == ["training"]


async def test_a_profile_without_a_place_to_deploy_says_so(
    rows: QuestionSet, tmp_path: Path
) -> None:
    """What is missing in the profile is told, and not that something could not be taken away."""
    clock = VirtualClock()
    fake = FakeProvider(FakeSettings(flavor="azure"), clock=clock)
    async with fake, wire_app(fake, settings=WIRE) as app:
        transport = httpx2.ASGITransport(app=app)
        async with azure(transport, DEPLOY, clock, tmp_path) as bench:
            await start(bench, rows)
        async with azure(transport, None, clock, tmp_path) as bench:
            with pytest.raises(UnsupportedError, match="where models are deployed") as caught:
                async with bench.deployed("shop"):
                    pytest.fail("the block was entered")
    assert not hasattr(caught.value, "__notes__")


def test_it_has_a_plain_twin(rows: QuestionSet) -> None:
    """`with` does the same on the workbench's own loop."""
    fake = FakeProvider(FakeSettings(flavor="azure"))
    with tailorbird.SyncWorkbench(Workbench(fake)) as bench:
        bench.start_fine_tune(rows, name="shop")
        with bench.deployed("shop") as tuned:
            assert isinstance(tuned, TunedModel)
            assert bench.call(standing, fake) == ["shop"]
        assert bench.call(standing, fake) == []
        with pytest.raises(ZeroDivisionError), bench.deployed("shop"):
            raise ZeroDivisionError
        assert bench.call(standing, fake) == []
