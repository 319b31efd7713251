"""The story of the travel agency: what the brochures say is quoted, the rest is not answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import tailorbird
from tailorbird import ArmOptions, Index, Workbench
from tailorbird.providers.fake import FakeProvider
from tailorbird.types import AbstainReason

BROCHURES = Path(__file__).parents[1] / "examples" / "travel" / "brochures.jsonl"
TEXTS = {one.id: one.text for one in tailorbird.read_documents(BROCHURES)}
ONLY = ArmOptions(only_from_data=True)


@pytest.fixture
async def provider() -> FakeProvider:
    """A fake whose calls can be counted."""
    return FakeProvider()


@pytest.fixture
async def bench(provider: FakeProvider) -> AsyncIterator[Workbench]:
    """A workbench in memory."""
    async with Workbench(provider) as opened:
        yield opened


@pytest.fixture
async def brochures(bench: Workbench) -> Index:
    """Brochures of five cities."""
    return await bench.build_index(BROCHURES, name="brochures")


@pytest.mark.parametrize(
    ("question", "source", "page", "fact"),
    [
        ("How much is the sunset cruise in Lisbon?", "lisbon.pdf", 2, "45 euros"),
        ("When does the concert in the Musikverein begin?", "vienna.pdf", 2, "19:30"),
        ("Do I need a visa for Hanoi?", "hanoi.pdf", 1, "25 US dollars"),
        ("Where does the walk through the bamboo grove start?", "kyoto.pdf", 2, "front desk"),
        ("What does the Blue Lagoon ticket cost?", "reykjavik.pdf", 2, "72 euros"),
    ],
)
async def test_what_stands_in_a_brochure_is_quoted_with_its_page(
    bench: Workbench, brochures: Index, question: str, source: str, page: int, fact: str
) -> None:
    """The answer, its quote, and the page it stands on."""
    answer = await bench.ask(question, index=brochures, options=ONLY)
    assert not answer.abstained
    cited = next(one for one in answer.citations if fact in one.quote)
    assert (cited.source, cited.page) == (source, page)
    assert TEXTS[cited.document][cited.span.start : cited.span.end] == cited.quote


@pytest.mark.parametrize(
    "question",
    [
        "Where can I watch sumo wrestling in Tokyo?",
        "Which hotel do you recommend in Tokyo?",
        "What does a trip to Tokyo cost?",
        "Is Tokyo Skytree open on Sunday?",
        "東京のホテルはいくらですか？",
    ],
)
async def test_a_city_without_a_brochure_costs_no_call(
    bench: Workbench, provider: FakeProvider, brochures: Index, question: str
) -> None:
    """Nothing is near enough, so no model is asked, and the answer says so."""
    answer = await bench.ask(question, index=brochures, options=ONLY)
    assert (answer.abstained, answer.reason) == (True, AbstainReason.NOTHING_FOUND)
    assert (answer.model, answer.citations, answer.usage.output_tokens) == (None, (), 0)
    assert not [call for call in provider.calls if call.operation.startswith("chat")]
