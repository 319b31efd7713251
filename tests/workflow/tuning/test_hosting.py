"""What a deployed model costs is said before, written down after, and can be ended by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tailorbird import Progress, QuestionSet, Workbench
from tailorbird.exceptions import ConflictError, RateLimitError, ServiceUnavailableError
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Script, Statuses
from tailorbird.types import DeploymentName, DeploymentSpec


def azure(script: Script | None = None) -> FakeProvider:
    """Make a provider whose tuned models must be deployed."""
    return FakeProvider(FakeSettings(flavor="azure"), script=script)


@pytest.fixture
async def cloud() -> AsyncIterator[Workbench]:
    """Open a workbench on it."""
    async with Workbench(azure()) as opened:
        yield opened


async def names(bench: Workbench) -> list[str]:
    """Give the names of the deployments that were made."""
    standing = {role.deployment for role in bench.provider.roles.values()}
    return [one.name async for one in bench.provider.deployments.list() if one.name not in standing]


async def test_the_price_of_hosting_is_said_before_it_is_paid(
    cloud: Workbench, rows: QuestionSet
) -> None:
    """The report of progress carries price and end before the deployment is made."""
    seen: list[Progress] = []
    tuned = await cloud.fine_tune(rows, name="shop", on_progress=seen.append)
    said = next(one.detail for one in seen if one.step == "deploying")
    assert said == (
        "shop: hosting costs 1.70 US dollars an hour, used or not, until it is undeployed"
    )
    assert tuned.deployment == "shop"
    [hosting] = await cloud.workspace.journal.ledger.list_hosting(identity=cloud.provider.identity)
    assert (hosting.name, hosting.hourly) == ("shop", Decimal("1.70"))


async def test_undeploying_ends_the_cost_and_writes_it_down(
    cloud: Workbench, rows: QuestionSet
) -> None:
    """The model stays, can be deployed again, and both times are paid."""
    tuned = await cloud.fine_tune(rows, name="shop")
    await cloud.provider.clock.sleep(36_000)
    bare = await cloud.undeploy("shop")
    assert (bare.deployment, bare.model) == (None, tuned.model)
    assert await names(cloud) == []
    assert await cloud.undeploy("shop") == bare
    hosting, training = await cloud.spending()
    assert (training.what, training.reference, training.subject) == ("training", tuned.job, "shop")
    assert training.usd is not None
    assert training.usage.input_tokens == tuned.trained_tokens
    assert hosting.what == "hosting"
    assert hosting.usd is not None
    assert Decimal(17) <= hosting.usd < Decimal(18)
    assert (await cloud.finish("shop")).deployment == "shop"
    assert await names(cloud) == ["shop"]
    assert len(await cloud.spending()) == 2


async def test_a_deployment_that_went_away_is_made_again(
    cloud: Workbench, rows: QuestionSet
) -> None:
    """Clouds delete deployments that nobody calls; finishing the run brings it back."""
    tuned = await cloud.fine_tune(rows, name="shop")
    assert await cloud.finish("shop") == tuned
    await cloud.provider.deployments.delete(DeploymentName("shop"))
    assert (await cloud.finish("shop")).deployment == "shop"
    assert [one.what for one in await cloud.spending()] == ["hosting", "training"]
    await cloud.provider.deployments.delete(DeploymentName("shop"))
    assert (await cloud.undeploy("shop")).deployment is None


async def test_an_attempt_has_a_deployment_of_its_own(rows: QuestionSet) -> None:
    """A model that was made again does not meet the name of the earlier one."""
    script = Script().on("jobs.create", Statuses("failed"))
    async with Workbench(azure(script)) as bench:
        with pytest.raises(Exception, match="failed"):
            await bench.fine_tune(rows, name="shop")
        await bench.start_fine_tune(rows, name="shop", again=True)
        assert (await bench.finish("shop")).deployment == "shop-1"


async def test_a_lost_answer_to_a_deployment_is_looked_up(rows: QuestionSet) -> None:
    """The name tells the deployment that was made although nobody said so."""
    script = Script().on("deployments.create", Fault.lost_answer())
    async with Workbench(azure(script)) as bench:
        assert (await bench.fine_tune(rows, name="shop")).deployment == "shop"
        assert await names(bench) == ["shop"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault.rate_limited(), RateLimitError), (Fault.unavailable(), ServiceUnavailableError)],
)
async def test_a_deployment_that_was_not_made_is_an_error(
    rows: QuestionSet, fault: Fault, error: type[Exception]
) -> None:
    """The provider's own words come through, and the next call goes on."""
    async with Workbench(azure(Script().on("deployments.create", fault))) as bench:
        with pytest.raises(error):
            await bench.fine_tune(rows, name="shop")
        assert (await bench.finish("shop")).deployment == "shop"


async def test_a_name_that_another_model_has_is_never_taken_over(rows: QuestionSet) -> None:
    """Neither a refusal nor a lost answer makes a stranger's deployment ours."""
    script = Script().on("deployments.create", Fault.unavailable(), occurrence=2)
    async with Workbench(azure(script)) as bench:
        base = bench.role("chat").model
        taken = DeploymentSpec(model=base, name=DeploymentName("shop"))
        await bench.provider.deployments.create(taken)
        with pytest.raises(ServiceUnavailableError):
            await bench.fine_tune(rows, name="shop")
        with pytest.raises(ConflictError):
            await bench.finish("shop")


@pytest.mark.parametrize(
    ("hourly", "auto_delete", "expected"),
    [
        (None, None, "costs an unknown price an hour, used or not, until it is undeployed"),
        (Decimal(0), "24 hours after it was made", "costs nothing and is deleted 24 hours after"),
    ],
)
async def test_every_kind_of_price_has_words(
    rows: QuestionSet, hourly: Decimal | None, auto_delete: str | None, expected: str
) -> None:
    """What is not known is said to be unknown."""
    async with Workbench(azure()) as bench:
        deployments = bench.provider.deployments
        quote = await deployments.quote(
            DeploymentSpec(model=bench.role("chat").model, name=DeploymentName("x"))
        )

        async def quoted(_: DeploymentSpec) -> object:
            return quote.model_copy(update={"hourly": hourly, "auto_delete": auto_delete})

        deployments.quote = quoted
        seen: list[Progress] = []
        await bench.fine_tune(rows, name="shop", on_progress=seen.append)
        assert any(expected in one.detail for one in seen)
