"""What asking a comparison will take is known before it is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from typing_extensions import override

import tailorbird
from tailorbird import Arm, ArmOptions, QuestionSet, Workbench
from tailorbird.config import Profile, RetrievalSettings
from tailorbird.exceptions import IndexMissingError, InvalidInputError
from tailorbird.protocols import Reranker
from tailorbird.providers.fake import FakeProvider
from tailorbird.types import Document, ModelId, Question
from tailorbird.types.budget import Budget
from tailorbird.types.chat import ChatOptions
from tailorbird.types.ids import IndexName
from tailorbird.types.retrieval import Hit, IndexSpec, Reranked
from tailorbird.workflow.comparing.estimate import ComparisonEstimate
from tailorbird.workflow.money.worst import REASONING_TOKENS

EXAMPLES = Path(__file__).parents[3] / "examples"


def paid_calls(bench: Workbench) -> int:
    """Count the calls that cost something."""
    assert isinstance(bench.provider, FakeProvider)
    paid = ("chat.", "embeddings.", "batches.", "jobs.create")
    return sum(call.operation.startswith(paid) for call in bench.provider.calls)


async def spent(bench: Workbench) -> Decimal:
    """Add up what was paid so far."""
    return sum((one.usd or Decimal(0) for one in await bench.spending()), Decimal(0))


def one_arm(told: ComparisonEstimate, name: str) -> tuple[int, int]:
    """Give the tokens in and out of an arm."""
    [found] = [one for one in told.arms if one.arm == name]
    return found.usage.input_tokens, found.usage.output_tokens


@pytest.mark.parametrize(("language", "rerank"), [("en", True), ("ja", False)])
async def test_what_is_paid_lies_near_what_was_expected_and_below_the_worst(
    bench: Workbench, *, language: str, rerank: bool
) -> None:
    """For the example questions, arm by arm and in sum; nothing is asked or paid for it."""
    folder = EXAMPLES / language
    faq = await asyncio.to_thread(QuestionSet.from_file, folder / "faq.csv")
    train, test = faq[:24:2], faq[1:24:2]
    tuned = await bench.fine_tune(train, name="faq", system="Answer like a friend.")
    index = await bench.build_index(folder / "handbook", name="handbook")
    arms = bench.arms(tuned=tuned, index=index, options=ArmOptions(rerank=rerank))
    before, calls = await spent(bench), paid_calls(bench)
    told = await bench.estimate_comparison(arms, test)
    assert (paid_calls(bench), await spent(bench)) == (calls, before)
    assert (told.answers, told.known) == (len(arms) * len(test), 0)
    result = await bench.compare(arms, test)
    paid = await spent(bench) - before
    assert told.usd is not None
    assert told.worst_usd is not None
    assert told.usd / 2 < paid < told.usd * 2
    assert paid < told.worst_usd
    assert told.usd < told.worst_usd
    for one, figures in zip(told.arms, result.figures, strict=True):
        assert 0.5 < figures.usage.input_tokens / one.usage.input_tokens < 2
        assert 0.4 < figures.usage.output_tokens / one.usage.output_tokens < 2
    embedded = [
        one.usage.total_tokens for one in await bench.spending() if one.what == "embeddings"
    ]
    assert 0.5 < min(embedded) / told.embedding_tokens < 2


async def test_what_is_known_costs_nothing(bench: Workbench, rows: QuestionSet) -> None:
    """Kept answers and vectors are left out, and say how long the other answers will be."""
    arms = bench.arms(examples=rows)
    fresh = await bench.estimate_comparison(arms, rows)
    assert f", {fresh.embedding_tokens} to embed; about 0.00" in str(fresh)
    await bench.compare(arms, rows[:9])
    told = await bench.estimate_comparison(arms, rows)
    assert (told.answers, told.known) == (2 * 3, 2 * 9)
    # Of the examples and of nine questions there are vectors; the others are examples themselves.
    assert fresh.embedding_tokens > told.embedding_tokens == 0
    result = await bench.compare(arms, rows)
    known = [one.answer for one in result.outcomes if one.arm == "base" and one.reused]
    usual = sum(one.usage.output_tokens for one in known if one is not None) / 9
    assert one_arm(told, "base")[1] == 3 * round(usual)
    nothing = await bench.estimate_comparison(arms, rows)
    assert nothing.answers == 0
    assert nothing.usd == nothing.worst_usd == Decimal(0)
    assert str(nothing) == (
        "0 answers of 2 arms (24 more are known), about 0 tokens in and 0 out; about 0.0000 USD,"
        " at most 0.0000 USD"
    )


async def test_batches_cost_their_share(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """Answers cost half as much in batches; vectors and reranking are asked for directly."""
    index = await bench.build_index(documents, name="shop")
    plain = bench.arms()
    direct = await bench.estimate_comparison(plain, rows)
    batched = await bench.estimate_comparison(plain, rows, bulk=True)
    assert direct.usd is not None
    assert direct.worst_usd is not None
    assert (batched.usd, batched.worst_usd) == (direct.usd / 2, direct.worst_usd / 2)
    searching = bench.arms(index=index, options=ArmOptions(rerank=True))[-1:]
    direct = await bench.estimate_comparison(searching, rows)
    batched = await bench.estimate_comparison(searching, rows, bulk=True)
    assert direct.usd is not None
    assert batched.usd is not None
    assert direct.usd / 2 < batched.usd < direct.usd


async def test_an_unknown_price_is_named(rows: QuestionSet) -> None:
    """The tokens stand, the money is None, and the line says for which model."""
    profile = Profile.model_validate(
        {
            "name": "fake",
            "provider": "fake",
            "prices": {"own": {"input_per_mtok": "1", "output_per_mtok": "2"}},
        }
    )
    async with Workbench(FakeProvider(), profile=profile) as bench:
        arms = [Arm(name=name, model=ModelId(name)) for name in ("own", "nobody", "fake-chat")]
        told = await bench.estimate_comparison(arms, rows)
        assert told.unpriced == ("nobody",)
        assert (told.usd, told.worst_usd) == (None, None)
        assert [one.usd is None for one in told.arms] == [False, True, False]
        assert str(told).endswith(" out; no price is known for nobody")
        # Nobody says what batches of it cost: what is expected is not known, the most is.
        batched = (await bench.estimate_comparison(arms[:1], rows, bulk=True)).arms[0]
        assert batched.usd is None
        assert batched.worst_usd == told.arms[0].worst_usd
        assert batched.unpriced == ("own",)


async def test_a_price_without_output_is_none(rows: QuestionSet) -> None:
    """A price that does not say what answers cost is no price for answers."""
    profile = Profile.model_validate(
        {"name": "x", "provider": "fake", "prices": {"own": {"input_per_mtok": "1"}}}
    )
    async with Workbench(FakeProvider(), profile=profile) as bench:
        told = await bench.estimate_comparison([Arm(name="a", model=ModelId("own"))], rows)
        assert (told.usd, told.worst_usd, told.unpriced) == (None, None, ("own",))


async def test_an_index_can_be_estimated_before_it_is_built(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """Who says how long passages are needs no index; who does not is told that there is none."""
    index = await bench.build_index(documents, name="shop")
    arm = bench.arms(index=index)[-1].model_copy(update={"index": IndexName("planned")})
    with pytest.raises(IndexMissingError):
        await bench.estimate_comparison([arm], rows)
    short = await bench.estimate_comparison([arm], rows, passage_tokens=1)
    long = await bench.estimate_comparison([arm], rows, passage_tokens=201)
    assert one_arm(long, "retrieval")[0] - one_arm(short, "retrieval")[0] == pytest.approx(
        12 * 5 * 200, rel=0.02
    )
    assert long.worst_usd == short.worst_usd
    with pytest.raises(InvalidInputError, match="passage_tokens must be at least 1, got 0"):
        await bench.estimate_comparison([arm], rows, passage_tokens=0)


async def test_passages_are_as_long_as_a_search_finds_them(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """Where a search by words finds none, they are as long as chunks can be."""
    index = await bench.build_index(documents, name="shop")
    arms = bench.arms(index=index)[-1:]
    found, _ = one_arm(await bench.estimate_comparison(arms, rows), "retrieval")
    strange = [Question(id=row.id, text="Xyzzy?", answers=row.answers) for row in rows]
    lost, _ = one_arm(await bench.estimate_comparison(arms, strange), "retrieval")
    assert found < 12 * 400
    # Three chunks are in the index, each taken for 350 tokens.
    assert 12 * 3 * 350 < lost < 12 * (3 * 350 + 200)


async def test_a_search_that_costs_something_is_not_made(rows: QuestionSet) -> None:
    """A provider's own engine is only asked for the index; questions need no vectors of ours."""
    profile = Profile(name="x", provider="fake", retrieval=RetrievalSettings(engine="hosted"))
    async with Workbench(FakeProvider(), profile=profile) as bench:
        await bench.provider.retrieval.create(IndexSpec(name=IndexName("plain")))
        arm = Arm(name="a", model=ModelId("fake-chat"), index=IndexName("plain"), form=False)
        told = await bench.estimate_comparison([arm], rows)
        assert told.embedding_tokens == 0
        assert isinstance(bench.provider, FakeProvider)
        assert not any(one.operation == "retrieval.search" for one in bench.provider.calls)


async def test_forms_reasoning_and_longest_answers_count(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """A form takes a quote more, an effort hidden tokens; the options limit the worst."""
    index = await bench.build_index(documents, name="shop")
    arm = bench.arms(index=index)[-1].model_copy(update={"mode": "lexical"})
    plain = arm.model_copy(update={"name": "plain", "form": False})
    thinking = Arm(name="thinking", model=arm.model, options=ChatOptions(reasoning_effort="low"))
    short = Arm(name="short", model=arm.model, options=ChatOptions(max_output_tokens=10))
    told = await bench.estimate_comparison([arm, plain, thinking, short], rows)
    outputs = [one.usage.output_tokens for one in told.arms]
    assert outputs[0] > outputs[1] * 2
    assert outputs[2] == outputs[3] + len(rows) * REASONING_TOKENS
    assert [one.measured for one in told.arms] == [False, False, True, False]
    assert told.arms[0].embedding_tokens == 0
    worst = [one.worst_usd or Decimal(0) for one in told.arms]
    assert worst[3] < worst[2] / 100


async def test_a_budget_says_how_long_answers_are_at_worst(rows: QuestionSet) -> None:
    """The budget's longest answer is what will be sent along."""
    async with tailorbird.open("fake", workspace=None, environ={}, budget=5) as bench:
        usual = await bench.estimate_comparison(bench.arms(), rows)
    limited = Budget(usd=Decimal(5), max_output_tokens=16)
    async with tailorbird.open("fake", workspace=None, environ={}, budget=limited) as bench:
        told = await bench.estimate_comparison(bench.arms(), rows)
        assert told.usd == usual.usd
        assert told.worst_usd is not None
        assert usual.worst_usd is not None
        assert told.worst_usd < usual.worst_usd / 50


async def test_what_two_arms_need_counts_once(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """Vectors of questions are made for the first arm; at worst each makes them anew."""
    index = await bench.build_index(documents, name="shop")
    arm = bench.arms(index=index)[-1]
    twin = arm.model_copy(update={"name": "twin"})
    told = await bench.estimate_comparison([arm, twin], rows)
    first, second = told.arms
    assert first.embedding_tokens > second.embedding_tokens == 0
    assert first.worst_usd == second.worst_usd


class Backwards(Reranker):
    """Gives hits their places as scores."""

    @property
    @override
    def identity(self) -> str:
        return "backwards"

    @override
    async def rerank(self, query: str, hits: Sequence[Hit]) -> Reranked:
        return Reranked(hits=tuple(hits))


async def test_a_reranker_of_ones_own_is_not_counted(
    rows: QuestionSet, documents: list[Document]
) -> None:
    """Nobody knows what it costs; a model of the provider is counted."""
    totals: list[int] = []
    for own in (None, Backwards()):
        async with Workbench(FakeProvider(), reranker=own) as bench:
            index = await bench.build_index(documents, name="shop")
            arms = bench.arms(index=index, options=ArmOptions(rerank=True))[-1:]
            told = await bench.estimate_comparison(arms, rows)
            totals.append(told.usage.total_tokens)
    assert totals[0] > totals[1] * 1.5


async def test_japanese_and_english_questions_go_together(bench: Workbench) -> None:
    """Each script has its own instructions, and questions without an answer are declined."""
    index = await bench.build_index(
        [Document.model_validate({"id": "a", "text": "返金は5日。"})], name="n"
    )
    asked = [
        Question(id="1", text="返金は何日?", answers=("5日です。",)),
        Question(id="2", text="How long is it?", answers=("Five days.",)),
        Question(id="3", text="いつ開きますか?", kind="unanswerable"),
    ]
    arms = bench.arms(index=index)
    together = await bench.estimate_comparison(arms, asked, passage_tokens=20)
    parts = [await bench.estimate_comparison(arms, [one], passage_tokens=20) for one in asked]
    assert together.usage.input_tokens == pytest.approx(
        sum(one.usage.input_tokens for one in parts), rel=0.1
    )
    assert together.usage.output_tokens == sum(one.usage.output_tokens for one in parts)


async def test_what_cannot_be_compared_cannot_be_estimated(
    bench: Workbench, rows: QuestionSet
) -> None:
    """The errors are those of the comparison."""
    with pytest.raises(InvalidInputError, match="there is no arm to compare"):
        await bench.estimate_comparison([], rows)
    with pytest.raises(InvalidInputError, match="there is no question to compare"):
        await bench.estimate_comparison(bench.arms(), [])
