"""Means, pairs and costs of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tailorbird.types.answers import Answer
from tailorbird.types.ids import JobId, ModelId
from tailorbird.types.jobs import Supervised
from tailorbird.types.questions import Question, QuestionKind
from tailorbird.types.tuned import TunedModel
from tailorbird.types.usage import Price, Usage
from tailorbird.workflow.answering.arm import Arm
from tailorbird.workflow.answering.results import Cell, Outcome, Pair, Scores
from tailorbird.workflow.comparing.summary import compare_pairs, figures, kinds_of, summarize
from tailorbird.workflow.statistics import (
    bootstrap_interval,
    difference_interval,
    questions_missing,
    smallest_difference,
    watched_difference,
    watched_interval,
    wilson_interval,
)

ARMS = (Arm(name="base", model=ModelId("m")), Arm(name="retrieval", model=ModelId("m")))


def questions(*kinds: QuestionKind | None) -> tuple[Question, ...]:
    """Make questions q0, q1, … of these kinds."""
    return tuple(Question(id=f"q{at}", text="?", kind=kind) for at, kind in enumerate(kinds))


def outcome(arm: str, at: int, scores: Scores, answer: Answer | None = None) -> Outcome:
    """Make what an arm said to question `at`."""
    return Outcome(arm=arm, question=f"q{at}", answer=answer or Answer(text="x"), scores=scores)


def rights(marks: Mapping[str, Sequence[int | None]]) -> list[Outcome]:
    """Make outcomes from one list of 1, 0 and None for each arm."""
    return [
        outcome(arm, at, Scores(correct=mark))
        for arm, row in marks.items()
        for at, mark in enumerate(row)
    ]


def cell(cells: Sequence[Cell], arm: str, kind: str, metric: str) -> Cell:
    """Find the one cell."""
    (found,) = [one for one in cells if (one.arm, one.kind, one.metric) == (arm, kind, metric)]
    return found


def test_kinds_come_in_the_usual_order() -> None:
    """`all` is first, then the kinds that occur; questions without a kind add none."""
    assert kinds_of(questions("style", None, "verbatim")) == ("all", "verbatim", "style")


def test_shares_have_wilson_intervals() -> None:
    """A yes-or-no figure is a share with Wilson's interval, by kind and in all."""
    found = summarize(
        ARMS[:1], questions("verbatim", "verbatim", "style"), rights({"base": [1, 0, 1]})
    )
    assert [(one.kind, one.n, one.value) for one in found] == [
        ("all", 3, pytest.approx(2 / 3)),
        ("verbatim", 2, 0.5),
        ("style", 1, 1.0),
    ]
    assert (found[1].low, found[1].high) == wilson_interval(0.5, 2)


def test_graded_figures_have_bootstrap_intervals() -> None:
    """A graded figure is a mean with a bootstrap interval that can be repeated."""
    values = [0.2, 0.9, 0.4]
    scored = [outcome("base", at, Scores(f1=value)) for at, value in enumerate(values)]
    found = cell(summarize(ARMS, questions(None, None, None), scored), "base", "all", "f1")
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == bootstrap_interval(values)


def test_figures_that_do_not_apply_are_left_out() -> None:
    """An arm without scores, and a metric without values, have no cell; gaps lower n."""
    found = summarize(ARMS, questions("verbatim", "style"), rights({"base": [1, None]}))
    assert [(one.arm, one.kind, one.metric, one.n) for one in found] == [
        ("base", "all", "correct", 1),
        ("base", "verbatim", "correct", 1),
    ]


def test_rounding_does_not_leave_the_range() -> None:
    """A mean of many equal shares stays within 0..1."""
    scored = [outcome("base", at, Scores(f1=0.1, chrf=1.0)) for at in range(10)]
    found = summarize(ARMS, questions(*[None] * 10), scored)
    assert all(0 <= one.low <= one.value <= one.high <= 1 for one in found)


def test_pairs_count_questions_one_by_one() -> None:
    """Wins and losses are questions that only one arm got right; gaps are left out."""
    marks = {"base": [1, 0, 0, None, 1], "retrieval": [1, 1, 1, 1, 0]}
    (pair,) = compare_pairs(ARMS, questions(*[None] * 5), rights(marks))
    assert (pair.arm, pair.baseline, pair.kind) == ("retrieval", "base", "all")
    assert (pair.n, pair.wins, pair.losses) == (4, 2, 1)
    assert pair.difference == pytest.approx(0.25)
    assert (pair.p_value, pair.word) == (1.0, "too few questions")


@pytest.mark.parametrize(
    ("base", "other", "word"),
    [
        ([0] * 5, [1] * 5, "too few questions"),
        ([0] * 6, [1] * 6, "better"),
        ([1] * 6, [0] * 6, "worse"),
        ([1] * 6, [1] * 6, "no difference shown"),
        ([0] * 6, [1] * 5 + [0], "no difference shown"),
    ],
)
def test_words_follow_from_the_test(base: list[int], other: list[int], word: str) -> None:
    """Five questions are too few; six that all go one way are enough for a single pair."""
    marks = {"base": base, "retrieval": other}
    (pair,) = compare_pairs(ARMS, questions(*[None] * len(base)), rights(marks))
    assert pair.word == word


def test_more_pairs_need_more_questions() -> None:
    """With three arms, seven questions are too few for what six show between two."""
    arms = (*ARMS, Arm(name="tuned", model=ModelId("t")))

    def words(n: int) -> list[str]:
        marks = {"base": [0] * n, "retrieval": [1] * n, "tuned": [0] * n}
        return [one.word for one in compare_pairs(arms, questions(*[None] * n), rights(marks))]

    assert words(6) == ["too few questions"] * 3
    assert words(7) == ["better", "no difference shown", "worse"]


def test_holm_runs_over_what_is_claimed() -> None:
    """p-values are corrected over the pairs of all questions, each two arms once, later first."""
    arms = (*ARMS, Arm(name="tuned", model=ModelId("t")))
    marks = {"base": [0] * 8, "retrieval": [1] * 8, "tuned": [1] * 7 + [0]}
    found = compare_pairs(arms, questions(*["unseen"] * 8), rights(marks))
    assert [(one.kind, one.arm, one.baseline) for one in found] == [
        (kind, arm, baseline)
        for kind in ("all", "unseen")
        for arm, baseline in (("retrieval", "base"), ("tuned", "base"), ("tuned", "retrieval"))
    ]
    first: Pair = found[0]
    assert first.p_value == pytest.approx(2 / 256)
    assert first.p_adjusted == pytest.approx(3 * 2 / 256)
    assert found[1].p_adjusted == pytest.approx(2 * 2 / 128)


def test_kinds_are_one_family_of_claims() -> None:
    """By kind, p-values are corrected over the pairs of all kinds with enough questions."""
    kinds: list[QuestionKind] = ["verbatim"] * 9 + ["unseen"] * 8 + ["style"] * 6
    marks = {"base": [0] * 23, "retrieval": [1] * 9 + [0] * 8 + [1] * 6}
    found = {one.kind: one for one in compare_pairs(ARMS, questions(*kinds), rights(marks))}
    # Six questions suffice for one pair, and not for three at once: 3 * 2 / 64 is above 5 %.
    assert found["style"].word == "too few questions"
    assert found["style"].p_adjusted == pytest.approx(3 * 2 / 64)
    assert found["verbatim"].p_adjusted == pytest.approx(2 * 2 / 512)
    assert (found["verbatim"].word, found["unseen"].word) == ("better", "no difference shown")
    # All questions together are a family of their own.
    assert found["all"].p_adjusted == pytest.approx(found["all"].p_value)


def test_a_single_arm_has_no_pairs() -> None:
    """Nothing is compared with itself."""
    assert compare_pairs(ARMS[:1], questions("unseen"), rights({"base": [1]})) == ()


def test_pairs_say_what_their_questions_can_show() -> None:
    """A pair has the interval of its difference, what would be seen, and how many more to ask."""
    marks = {"base": [0] * 10 + [1] * 50, "retrieval": [1] * 55 + [0] * 5}
    (pair,) = compare_pairs(ARMS, questions(*[None] * 60), rights(marks))
    assert (pair.wins, pair.losses, pair.word) == (10, 5, "no difference shown")
    assert (pair.low, pair.high) == difference_interval(10, 5, 60)
    assert pair.detectable == smallest_difference(60, 0.25)
    assert pair.more_questions == questions_missing(10, 5, 60)
    marks = {"base": [0] * 60, "retrieval": [1] * 60}
    (shown,) = compare_pairs(ARMS, questions(*[None] * 60), rights(marks))
    assert (shown.word, shown.more_questions) == ("better", None)
    (even,) = compare_pairs(ARMS, questions(None), rights({"base": [1], "retrieval": [1]}))
    assert (even.detectable, even.more_questions) == (None, None)


def test_pairs_that_were_watched_know_of_the_looks() -> None:
    """Interval, smallest difference and missing questions are those of a test that holds early."""
    marks = {"base": [0] * 10 + [1] * 50, "retrieval": [1] * 55 + [0] * 5}
    asked, watched = questions(*[None] * 60), {("retrieval", "base", "all"): 0.5}
    (pair,) = compare_pairs(ARMS, asked, rights(marks), watched=watched)
    (plain,) = compare_pairs(ARMS, asked, rights(marks))
    assert (pair.low, pair.high) == watched_difference(10, 5, 60)
    assert pair.detectable == smallest_difference(60, 0.25, watched=True)
    assert pair.more_questions == questions_missing(10, 5, 60, watched=True)
    assert pair.more_questions is not None
    assert plain.more_questions is not None
    assert plain.more_questions < pair.more_questions


def test_figures_that_were_watched_know_of_the_looks() -> None:
    """Shares and graded figures, also of scorers with another range, have wider intervals."""
    scores = [Scores(correct=1.0, f1=0.5, extra={"stars": 3.0})] * 5
    scores += [Scores(correct=0.0, f1=0.25, extra={"stars": 5.0})] * 4
    outcomes = [outcome("base", at, one) for at, one in enumerate(scores)]
    asked = questions(*[None] * 9)
    found = summarize(ARMS[:1], asked, outcomes, extra={"stars": (1.0, 5.0)}, watched=True)
    right = cell(found, "base", "all", "correct")
    assert (right.low, right.high) == watched_interval([1.0] * 5 + [0.0] * 4)
    graded = cell(found, "base", "all", "f1")
    assert (graded.low, graded.high) == watched_interval([0.5] * 5 + [0.25] * 4)
    stars = cell(found, "base", "all", "stars")
    low, high = watched_interval([0.5] * 5 + [1.0] * 4)
    assert (stars.low, stars.high) == pytest.approx((1 + 4 * low, 1 + 4 * high))


def test_a_lead_that_was_lost_is_none() -> None:
    """A pair that was told apart on the way, and is even at the end, has no better arm."""
    marks = {"base": [0, 1] * 10, "retrieval": [1, 0] * 10}
    asked = questions(*[None] * 20)
    (pair,) = compare_pairs(
        ARMS, asked, rights(marks), watched={("retrieval", "base", "all"): 0.001}
    )
    assert (pair.wins, pair.losses, pair.word) == (10, 10, "no difference shown")


def test_pairs_without_common_questions_say_nothing() -> None:
    """Arms that share no scored question differ by nothing that can be shown."""
    (pair,) = compare_pairs(ARMS, questions(None), rights({"base": [1]}))
    assert (pair.n, pair.difference, pair.word) == (0, 0.0, "too few questions")
    assert (pair.low, pair.high, pair.detectable) == (None, None, None)


def price(model: str, cost: str) -> Price:
    """Make a price for input and output."""
    return Price(
        model=model,
        input_per_mtok=Decimal(cost),
        output_per_mtok=Decimal(cost),
        source="page",
        read_on=date(2026, 11, 1),
    )


def answers(arm: str, *, model: str | None = "m") -> list[Outcome]:
    """Make three answers, one of them declining, and one failed call."""
    texts = ("30日", "わかりません。", "x")
    given = [
        Answer(
            text=text,
            abstained=text == "x",
            latency_s=at + 1,
            usage=Usage(input_tokens=100, output_tokens=10),
            model=model,
        )
        for at, text in enumerate(texts)
    ]
    failed = Outcome(arm=arm, question="q9", answer=None, scores=Scores(), error="status 503")
    return [*(outcome(arm, at, Scores(), one) for at, one in enumerate(given)), failed]


def test_time_tokens_and_money_are_added_up() -> None:
    """Answers, failures, refusals, percentiles, tokens and money come together."""
    (found,) = figures(ARMS[:1], answers("base"), prices=[price("m", "10")])
    assert (found.answers, found.failed, found.abstained) == (3, 1, 2)
    assert (found.latency_p50_s, found.latency_p95_s) == (2.0, pytest.approx(2.9))
    assert found.usage == Usage(input_tokens=300, output_tokens=30)
    assert found.usd == Decimal("0.0033")
    assert found.usd_per_1000 == Decimal("1.1")


def test_unknown_prices_stay_unknown() -> None:
    """Without a price there is no cost, and without answers nothing at all."""
    first, second = figures(ARMS, answers("base"))
    assert (first.usd, first.usd_per_1000) == (None, None)
    assert (second.answers, second.latency_p50_s, second.usd) == (0, None, None)


def test_deployments_are_priced_by_the_model_that_answered() -> None:
    """Where an arm calls a deployment's name, the model named in the answer has the price."""
    arm = Arm(name="base", model=ModelId("my-deployment"))
    known = [price("m", "10")]
    assert figures((arm,), answers("base", model="m-2026-04-14"), prices=known)[0].usd is not None
    assert figures((arm,), answers("base", model=None), prices=known)[0].usd is None


def test_reranking_is_priced_by_the_model_that_did_it() -> None:
    """A dear model does not make cheap grading dear; a grader without a price leaves it open."""
    known = (price("m", "1000"), price("small", "1"))
    arm = Arm(name="base", model="m")
    given = Answer(
        text="x",
        usage=Usage(input_tokens=1100, output_tokens=10),
        rerank_usage=Usage(input_tokens=1000),
        rerank_model=ModelId("small"),
        model="m",
    )
    [found] = figures((arm,), [outcome("base", 0, Scores(), given)], prices=known)
    assert found.usd == Decimal("0.111")
    [found] = figures((arm,), [outcome("base", 0, Scores(), given)], prices=known[:1])
    assert found.usd is None


def test_tuned_arms_have_tuned_prices() -> None:
    """An arm with a tuned model is priced by the tuned variant of its base, never by the base."""
    tuned = TunedModel(
        name="bot",
        provider="fake",
        identity="fake",
        base=ModelId("m"),
        model=ModelId("ft:m:bot"),
        job=JobId("j"),
        method=Supervised(),
        training_hash="0",
        examples=1,
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    arm = Arm(name="tuned", model=tuned.model, tuned=tuned)
    known = [price("m", "10"), price("ft:m", "20")]
    assert figures((arm,), answers("tuned"), prices=known)[0].usd == Decimal("0.0066")
    assert figures((arm,), answers("tuned"), prices=known[:1])[0].usd is None
