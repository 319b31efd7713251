"""The command `spending`, and budgets on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tailorbird.journal import Claim, Workspace

PROFILE = """\
[profiles.mine]
provider = "fake"
[profiles.mine.budget]
usd = 20
period = "month"
"""


def test_spending(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """What calls cost stands in a table, summed up, and the JSON says the same."""
    (tmp_path / "tailorbird.toml").write_text(PROFILE)
    assert tailorbird("ask", "Is parking free?", "--profile", "mine").code == 0
    ended = tailorbird("spending", "--profile", "mine")
    head, line, last = ended.out.splitlines()
    assert head.split()[:4] == ["day", "what", "for", "model"]
    assert line.split()[1:4] == ["chat", "fake-chat", "1"]
    assert last.endswith("the profile's budget is 20 USD a month")
    data = tailorbird("spending", "--profile", "mine", "--json", "-").data
    assert data["usd"] == data["spending"][0]["usd"] != "0"
    assert (data["budget"]["period"], data["reserved"]) == ("month", [])


def test_what_a_killed_process_left_can_be_dropped(
    tailorbird: Callable[..., Any], tmp_path: Path
) -> None:
    """It is shown with its reference, and gone after it was dropped."""

    async def leave() -> None:
        async with Workspace(tmp_path / ".tailorbird") as workspace:
            for subject in ("", "shop"):
                claim = Claim(
                    identity="fake/plain/seed-0",
                    what="training" if subject else "calls",
                    reference=f"gone{subject}",
                    subject=subject,
                    at=datetime(2026, 11, 22, tzinfo=UTC),
                    least=2_000_000_000,
                )
                await workspace.journal.holds.exchange(claim, terms=None)

    asyncio.run(leave())
    shown = tailorbird("spending").out
    assert "2.0000 USD (calls, reference gone)" in shown
    assert "2.0000 USD (training for 'shop', reference goneshop)" in shown
    assert tailorbird("spending", "--drop", "nothing").code == 2
    assert tailorbird("spending", "--drop", "gone").code == 0
    [kept] = tailorbird("spending", "--json", "-").data["reserved"]
    assert kept["reference"] == "goneshop"


def test_a_budget_can_be_given(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """A command spends no more than it may; other words are refused."""
    (tmp_path / "tailorbird.toml").write_text(PROFILE)
    refused = tailorbird("ask", "Is parking free?", "--profile", "mine", "--budget", "0.000001")
    assert refused.code == 2
    assert "budget of 0.000001 USD a month" in refused.err
    told = tailorbird("ask", "Hi?", "--profile", "mine", "--budget", "0.000001", "--json", "-")
    amounts = told.data["error"]
    assert (amounts["type"], amounts["limit_usd"]) == ("BudgetExceededError", "0.000001")
    assert float(amounts["needed_usd"]) > float(amounts["left_usd"]) == 0.000001
    assert (amounts["spent_usd"], amounts["held_usd"]) == ("0", "0")
    run = tailorbird("ask", "Hi?", "--budget", "0.000001/run", "--json", "-").data["error"]
    assert run["spent_usd"] is run["held_usd"] is None
    assert "0.000001 USD for this run" in tailorbird("ask", "Hi?", "--budget", "0.000001/run").err
    assert tailorbird("ask", "Is parking free?", "--budget", "1/day").code == 0
    assert "is no budget" in tailorbird("ask", "Is parking free?", "--budget", "much").err
