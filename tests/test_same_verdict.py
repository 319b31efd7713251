"""The comparison of the README comes to one verdict, whichever provider carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tailorbird
from tailorbird.testing._wire import recipes
from tailorbird.testing._wire.serving import open_listener, serving_fakes
from tailorbird.testing.wire import WireSettings

if TYPE_CHECKING:
    from tailorbird.protocols import Clock
    from tailorbird.report import Comparison

EXAMPLES = Path(__file__).parents[1] / "examples"
SYSTEM = "You are our help desk."
# What a verdict says of money and time differs: OpenAI's prices are not known of another server,
# and its tuned models have a last day.
ABOUT_COST = ("A thousand questions like these cost", "Half of the answers came within")
ABOUT_DAYS = "is set aside: its model stops answering in"

pytestmark = [
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.slow,
]


async def compare(bench: tailorbird.Workbench, folder: Path) -> Comparison:
    """Do what the README does."""
    rows = await asyncio.to_thread(tailorbird.read_questions, folder / "faq.csv")
    train, held_out = await asyncio.to_thread(rows.split, held_out=0.25, seed=7)
    tuned = await bench.fine_tune(train, system=SYSTEM, name="faq-bot")
    handbook = await bench.build_index(folder / "handbook", name="handbook")
    return await bench.compare(bench.arms(tuned=tuned, index=handbook), held_out)


async def compared(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, Comparison]:
    """Compare on the fake in this process and on the two clouds of one `serve-fake`."""
    listener = open_listener("127.0.0.1", 0)
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    found: dict[str, Comparison] = {}
    async with serving_fakes(["openai", "azure"], listener, settings=WireSettings()) as app:
        for name, value in recipes.environment(app, origin).items():
            monkeypatch.setenv(name, value)  # who logs in to Azure reads them from there only
        profiles = recipes.profiles(app, origin)
        config = home / "tailorbird.toml"
        config.write_text(f'{profiles}\n[profiles.fake]\nprovider = "fake"\n', encoding="utf-8")
        # Nobody waits for a job in real time: the server's clock is this process's as well.
        clocks: dict[str, Clock | None] = {"fake": None} | {
            world.flavor.name: world.provider.clock for world in app.worlds
        }
        for profile, clock in clocks.items():
            async with tailorbird.open(
                profile,
                config=config,
                workspace=home / profile,
                clock=clock,
            ) as bench:
                found[profile] = await compare(bench, folder)
    return found


def reasons(result: Comparison) -> list[str]:
    """Give what a verdict rests on, but for money, time and days."""
    return [
        one
        for one in result.verdict.reasons
        if not one.startswith(ABOUT_COST) and ABOUT_DAYS not in one
    ]


def counts(result: Comparison) -> list[tuple[str, int, int, int, int]]:
    """Give what was counted of each arm; prompts with passages carry a mark drawn by lot."""
    return [
        (one.arm, one.answers, one.failed, one.abstained, one.usage.output_tokens)
        for one in result.figures
    ]


def said(result: Comparison) -> list[tuple[str, str, bool, list[str]]]:
    """Give every answer with its citations."""
    return [
        (one.arm, one.answer.text, one.answer.abstained, [at.quote for at in one.answer.citations])
        for one in result.answers
    ]


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_verdict_does_not_depend_on_who_carries_it(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fake itself, and through OpenAI's and Azure's protocols, answer and conclude alike."""
    found = await compared(EXAMPLES / language, tmp_path, monkeypatch)
    fake = found.pop("fake")
    assert list(found) == ["openai", "azure"]
    assert fake.verdict.recommended == "retrieval"
    for profile, result in found.items():
        assert result.data.provider == profile
        assert result.verdict.headline == fake.verdict.headline
        assert result.verdict.recommended == fake.verdict.recommended
        assert result.verdict.decision == fake.verdict.decision == "retrieve"
        assert reasons(result) == reasons(fake)
        assert result.summary == fake.summary
        assert result.pairwise == fake.pairwise
        assert counts(result) == counts(fake)
        assert said(result) == said(fake)
