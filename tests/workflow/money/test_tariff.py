"""Prices behind names, those of the user first, and which of them are old."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tailorbird.exceptions import ConfigError
from tailorbird.journal import Hosting, Workspace
from tailorbird.types import DeploymentName, ModelId, Price, RoleModel, TunedModel, Usage
from tailorbird.types.jobs import Supervised
from tailorbird.workflow.money.pricing import call_cost
from tailorbird.workflow.money.tariff import Tariff, merge_prices, stale_prices

READ_ON = date(2026, 11, 22)
KNOWN = (
    Price(
        model="base-1",
        input_per_mtok=Decimal(2),
        output_per_mtok=Decimal(8),
        source="page",
        read_on=READ_ON,
    ),
    Price(model="ft:base-1", input_per_mtok=Decimal(3), source="page", read_on=READ_ON),
)


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """A workspace in memory."""
    async with Workspace(None) as opened:
        yield opened


@pytest.fixture
def tariff(workspace: Workspace) -> Tariff:
    """The known prices, and one deployment of a role."""
    return Tariff(
        prices=KNOWN,
        profile="mine",
        roles={
            "chat": RoleModel(model=ModelId("base-1"), deployment=DeploymentName("front")),
            "judge": RoleModel(model=ModelId("base-1")),
        },
        workspace=workspace,
        identity="cloud/me",
    )


def test_own_prices_go_first() -> None:
    """A table that names some prices changes these, and each model stands once."""
    own = {
        "base-1": {"output_per_mtok": "9", "read_on": READ_ON},
        "other": {"input_per_mtok": "1", "read_on": READ_ON},
    }
    merged = merge_prices(KNOWN, own)
    assert [one.model for one in merged] == ["base-1", "other", "ft:base-1"]
    assert (merged[0].input_per_mtok, merged[0].output_per_mtok) == (Decimal(2), Decimal(9))
    assert merged[0].source == merged[1].source == "profile"
    assert merged[1].output_per_mtok is None


async def test_names_are_followed_to_prices(tariff: Tariff, workspace: Workspace) -> None:
    """Deployments of roles and of this workspace, tuned models by their names or by the journal."""
    tuned = TunedModel(
        name="faq",
        provider="cloud",
        identity="cloud/me",
        base=ModelId("base-1"),
        model=ModelId("model-77"),
        deployment=DeploymentName("faq-1"),
        job="job-1",
        method=Supervised(),
        training_hash="0",
        examples=10,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    await workspace.save_tuned(tuned)
    await workspace.journal.ledger.begin_hosting(
        Hosting(
            identity="cloud/me",
            name=DeploymentName("new"),
            model=ModelId("base-1.ft-0a"),
            since=datetime(2026, 11, 22, tzinfo=UTC),
        )
    )
    base, variant = KNOWN
    for name in ("base-1", "front"):
        assert await tariff.find(name) == base
    for name in ("ft:base-1:me::x", "base-1.ft-0a", "faq-1", "model-77", "new"):
        assert await tariff.find(name) == variant
    assert await tariff.find("else") is None


async def test_a_missing_price_is_named(tariff: Tariff) -> None:
    """The message shows the lines to write; what is known by then is found the next time."""
    with pytest.raises(ConfigError) as found:
        await tariff.require("ft:base-1", "input_per_mtok", "output_per_mtok")
    assert '[profiles.mine.prices."ft:base-1"]\n  output_per_mtok = …' in str(found.value)
    assert await tariff.require("base-1", "input_per_mtok") == KNOWN[0]


def test_old_prices_are_told() -> None:
    """What was read more than a quarter ago may have changed."""
    models = ["base-1", "else", "base-1"]
    assert stale_prices(KNOWN, models, today=date(2027, 2, 22)) == ()
    assert stale_prices(KNOWN, models, today=date(2027, 2, 23)) == (KNOWN[0],)


def test_long_calls_and_cache_writes_cost_more() -> None:
    """What a call costs at most knows the rules that a sum over calls cannot know."""
    price = KNOWN[0].model_copy(
        update={
            "cached_input_per_mtok": Decimal(1),
            "cache_write_per_mtok": Decimal("2.5"),
            "long_from_tokens": 1_000,
            "long_input_times": Decimal(2),
            "long_output_times": Decimal("1.5"),
        }
    )
    short = Usage(input_tokens=1_000, cached_input_tokens=400, output_tokens=100)
    assert call_cost(short, price) == Decimal(600 * 2.5 + 400 + 800) / 10**6
    long = short.model_copy(update={"input_tokens": 1_001})
    assert call_cost(long, price) == Decimal(601 * 5 + 400 * 2 + 1_200) / 10**6
    assert call_cost(short, KNOWN[1]) is None
    bare = price.model_copy(update={"input_per_mtok": None, "cached_input_per_mtok": None})
    assert call_cost(long, bare) is None
    assert call_cost(Usage(output_tokens=100), bare) == Decimal(800) / 10**6
    mute = price.model_copy(update={"output_per_mtok": None})
    assert call_cost(long.model_copy(update={"output_tokens": 0}), mute) == Decimal(3805) / 10**6
