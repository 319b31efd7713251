"""Turn scores into figures: means with intervals, arms against each other, time and money."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations, islice
from typing import TYPE_CHECKING, get_args

from tailorbird.types.questions import QUESTION_KINDS
from tailorbird.types.usage import Usage
from tailorbird.workflow.answering.abstention import says_unknown
from tailorbird.workflow.answering.results import ALL_KINDS, ArmFigures, Cell, Metric, Pair
from tailorbird.workflow.money.pricing import find_price, usage_cost
from tailorbird.workflow.statistics import (
    LEVEL,
    bootstrap_interval,
    can_show,
    difference_interval,
    holm,
    mcnemar,
    percentile,
    questions_missing,
    smallest_difference,
    watched_difference,
    watched_interval,
    wilson_interval,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question
    from tailorbird.types.usage import Price
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import Outcome, PairWord

METRICS: tuple[Metric, ...] = get_args(Metric)
"""All metrics, in the order in which tables show them."""

_YES_OR_NO = frozenset({0.0, 1.0})
_PER = 1000


def kinds_of(questions: Iterable[Question]) -> tuple[str, ...]:
    """Give the rows of a table: `all`, then each kind that occurs, in the usual order.

    Questions without a kind count in `all` only.
    """
    present = {question.kind for question in questions}
    return (ALL_KINDS, *(kind for kind in QUESTION_KINDS if kind in present))


def summarize(
    arms: Sequence[Arm],
    questions: Sequence[Question],
    outcomes: Iterable[Outcome],
    *,
    extra: Mapping[str, tuple[float, float]] | None = None,
    watched: bool = False,
) -> tuple[Cell, ...]:
    """Compute the mean of each metric for each arm and kind of question.

    Yes-or-no figures get Wilson's interval, graded ones a bootstrap interval with a fixed seed,
    both at 95 %; where one looked on the way, both get `statistics.watched_interval`. Answers that
    a metric does not apply to, and failed calls, are left out; a figure without any answer has no
    cell.

    Args:
        arms: The arms.
        questions: The questions.
        outcomes: What was answered, with its scores.
        extra: Lowest and highest value of each figure in `Scores.extra` that is to have cells.
        watched: Whether one looked while the questions were asked, and might have stopped.

    Returns:
        Arm by arm in the order given, kind by kind (`all` first), metric by metric, then the extra
        figures.
    """
    table = _by_arm(outcomes)
    members = _members(questions)
    cells: list[Cell] = []
    for arm in arms:
        scored = table.get(arm.name, {})
        for kind, ids in members.items():
            found = [scored[one].scores for one in ids if one in scored]
            for metric in METRICS:
                values = [value for one in found if (value := getattr(one, metric)) is not None]
                if values:
                    cells.append(_cell(arm.name, kind, metric, values, watched=watched))
            for name, limits in (extra or {}).items():
                given = [value for one in found if (value := one.extra.get(name)) is not None]
                if given:
                    cells.append(_cell(arm.name, kind, name, given, limits, watched=watched))
    return tuple(cells)


def compare_pairs(
    arms: Sequence[Arm],
    questions: Sequence[Question],
    outcomes: Iterable[Outcome],
    *,
    watched: Mapping[tuple[str, str, str], float] | None = None,
) -> tuple[Pair, ...]:
    """Compare each two arms question by question, for all questions and for each kind.

    Only questions that both arms have a `correct` score for count. p-values are those of the exact
    McNemar test. What is said of all questions together is one family of claims, corrected by
    Holm's method over its pairs; what is said by kind is another one, over the pairs of all kinds
    that have enough questions. How many a kind has does not depend on the answers, so leaving out
    small kinds is no choice after the fact. The word is

    * `too few questions` when not even a clean sweep of these questions could be shown, given how
      many pairs are tested at once (below 6 questions for a single pair, below 10 for 15 pairs);
    * `better` or `worse` when the corrected p-value is below 0.05;
    * `no difference shown` otherwise, which does not mean that there is none.

    Args:
        arms: The arms.
        questions: The questions.
        outcomes: What was answered, with its scores.
        watched: p-values by arm, baseline and kind, of a comparison that was looked at on the way,
            from `stopping.Watch`; intervals are then `statistics.watched_difference`. None takes
            the exact McNemar test, and Tango's interval.

    Returns:
        Kind by kind (`all` first); in each kind every pair of arms once, the later arm in the order
        given as `arm` and the earlier one as `baseline`.
    """
    table = {
        arm: {one: outcome.scores.correct for one, outcome in found.items()}
        for arm, found in _by_arm(outcomes).items()
    }
    raw = {
        kind: [
            _pair(kind, ids, (second.name, first.name), table, watched)
            for first, second in combinations(arms, 2)
        ]
        for kind, ids in _members(questions).items()
    }
    families = [[ALL_KINDS], _large_kinds(raw)]
    judged = {
        kind: found
        for family in families
        for kind, found in _judged({kind: raw[kind] for kind in family}).items()
    }
    everything = sum(len(pairs) for kind, pairs in raw.items() if kind != ALL_KINDS)
    return tuple(
        pair
        for kind, pairs in raw.items()
        for pair in judged.get(kind) or [_unjudged(one, everything) for one in pairs]
    )


def figures(
    arms: Sequence[Arm], outcomes: Iterable[Outcome], *, prices: Sequence[Price] = ()
) -> tuple[ArmFigures, ...]:
    """Add up time, tokens and money for each arm.

    Times are those of the calls, also where an answer was taken from an earlier run. Money is None
    unless the price of the arm's model is known (see `pricing.find_price`); the tokens of an answer
    that asked no model cost nothing.

    Returns:
        One entry for each arm, in the order given.
    """
    table = _by_arm(outcomes)
    return tuple(_figures(arm, list(table.get(arm.name, {}).values()), prices) for arm in arms)


def _by_arm(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Outcome]]:
    table: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        table.setdefault(outcome.arm, {})[outcome.question] = outcome
    return table


def _members(questions: Sequence[Question]) -> dict[str, list[str]]:
    """Give the ids of the questions of each kind, `all` first."""
    return {
        kind: [one.id for one in questions if kind in {ALL_KINDS, one.kind}]
        for kind in kinds_of(questions)
    }


def _cell(
    arm: str,
    kind: str,
    metric: str,
    values: Sequence[float],
    limits: tuple[float, float] = (0.0, 1.0),
    *,
    watched: bool,
) -> Cell:
    least, most = limits
    # Intervals are those of shares.
    shares = [(value - least) / (most - least) for value in values]
    mean = min(1.0, max(0.0, sum(shares) / len(shares)))
    if watched:
        low, high = watched_interval([min(1.0, max(0.0, share)) for share in shares])
    elif _YES_OR_NO.issuperset(shares):
        low, high = wilson_interval(mean, len(shares))
    else:
        low, high = bootstrap_interval(shares)
    value, low, high = (least + (most - least) * share for share in (mean, low, high))
    return Cell(arm=arm, kind=kind, metric=metric, n=len(values), value=value, low=low, high=high)


def _pair(
    kind: str,
    ids: Iterable[str],
    names: tuple[str, str],
    table: Mapping[str, Mapping[str, float | None]],
    watched: Mapping[tuple[str, str, str], float] | None,
) -> Pair:
    arm, baseline = names
    own, other = table.get(arm, {}), table.get(baseline, {})
    wins = losses = n = 0
    for one in ids:
        ours, theirs = own.get(one), other.get(one)
        if ours is None or theirs is None:
            continue
        n += 1
        wins += ours > theirs
        losses += ours < theirs
    p_value = mcnemar(wins, losses) if watched is None else watched[arm, baseline, kind]
    interval = difference_interval if watched is None else watched_difference
    low, high = interval(wins, losses, n) if n else (None, None)
    return Pair(
        arm=arm,
        baseline=baseline,
        kind=kind,
        n=n,
        wins=wins,
        losses=losses,
        difference=(wins - losses) / n if n else 0.0,
        p_value=p_value,
        p_adjusted=p_value,
        word="too few questions",
        low=low,
        high=high,
        watched=watched is not None,
    )


def _large_kinds(raw: Mapping[str, Sequence[Pair]]) -> list[str]:
    """Choose the kinds that can show something although all of them are tested at once."""
    sizes = {
        kind: max(pair.n for pair in pairs)
        for kind, pairs in raw.items()
        if pairs and kind != ALL_KINDS
    }
    chosen = sorted(sizes, key=sizes.__getitem__, reverse=True)
    while chosen:
        comparisons = sum(len(raw[kind]) for kind in chosen)
        watched = any(pair.watched for pair in raw[chosen[-1]])
        if can_show(sizes[chosen[-1]], comparisons=comparisons, watched=watched):
            break
        chosen.pop()
    return chosen


def _judged(family: Mapping[str, Sequence[Pair]]) -> dict[str, list[Pair]]:
    """Correct the p-values of a family of claims, and say what follows."""
    pairs = [pair for of_kind in family.values() for pair in of_kind]
    judged = iter(
        [
            _with_word(pair, value, len(pairs))
            for pair, value in zip(pairs, holm([pair.p_value for pair in pairs]), strict=True)
        ]
    )
    return {kind: list(islice(judged, len(of_kind))) for kind, of_kind in family.items()}


def _unjudged(pair: Pair, comparisons: int) -> Pair:
    """Leave the word as it is: nothing is claimed of so few questions."""
    return _sized(pair, min(1.0, comparisons * pair.p_value), comparisons)


def _with_word(pair: Pair, p_adjusted: float, comparisons: int) -> Pair:
    word = _word(pair, p_adjusted, comparisons)
    return _sized(pair.model_copy(update={"word": word}), p_adjusted, comparisons)


def _sized(pair: Pair, p_adjusted: float, comparisons: int) -> Pair:
    """Add what these questions can show, and how many more it would take."""
    counts = (pair.wins, pair.losses, pair.n)
    is_open = pair.wins != pair.losses and pair.word not in {"better", "worse"}
    apart = (pair.wins + pair.losses) / pair.n if pair.n else 0.0
    return pair.model_copy(
        update={
            "p_adjusted": p_adjusted,
            "detectable": smallest_difference(
                pair.n, apart, comparisons=comparisons, watched=pair.watched
            ),
            "more_questions": questions_missing(
                *counts, comparisons=comparisons, watched=pair.watched
            )
            if is_open
            else None,
        }
    )


def _word(pair: Pair, p_adjusted: float, comparisons: int) -> PairWord:
    if not can_show(pair.n, comparisons=comparisons, watched=pair.watched):
        return "too few questions"
    # Who was watched may have lost a lead that was shown: then nobody is ahead.
    if p_adjusted >= LEVEL or pair.wins == pair.losses:
        return "no difference shown"
    return "better" if pair.wins > pair.losses else "worse"


def _figures(arm: Arm, outcomes: Sequence[Outcome], prices: Sequence[Price]) -> ArmFigures:
    answers = [one.answer for one in outcomes if one.answer is not None]
    # An answer that came with a batch has no time of its own.
    times = [answer.latency_s for answer in answers if answer.latency_s > 0]
    firsts = [one.first_token_s for one in answers if one.first_token_s is not None]
    usage = Usage.total([answer.usage for answer in answers])
    usd = _cost(arm, answers, usage, prices) if answers else None
    return ArmFigures(
        arm=arm.name,
        answers=len(answers),
        failed=len(outcomes) - len(answers),
        abstained=sum(answer.abstained or says_unknown(answer.text) for answer in answers),
        latency_p50_s=percentile(times, 0.5) if times else None,
        latency_p95_s=percentile(times, 0.95) if times else None,
        first_token_p50_s=percentile(firsts, 0.5) if firsts else None,
        usage=usage,
        usd=usd,
        usd_per_1000=None if usd is None else usd * _PER / Decimal(len(answers)),
    )


def _cost(
    arm: Arm, answers: Sequence[Answer], usage: Usage, prices: Sequence[Price]
) -> Decimal | None:
    """Price the tokens by the arm's model, or else by the model that said it answered.

    What reranking took is priced by the model that did it.
    """
    if arm.tuned is not None:
        price = find_price(arm.tuned.model, prices, base=arm.tuned.base)
    else:
        named = (arm.model, *(answer.model for answer in answers if answer.model))
        found = (find_price(model, prices) for model in dict.fromkeys(named))
        price = next((one for one in found if one is not None), None)
    if price is None:
        return None
    costs: list[Decimal | None] = []
    for model in dict.fromkeys(one.rerank_model for one in answers if one.rerank_model):
        took = Usage.total([one.rerank_usage for one in answers if one.rerank_model == model])
        usage -= took
        other = find_price(model, prices)
        costs.append(None if other is None else usage_cost(took, other))
    costs.append(usage_cost(usage, price))
    known = [one for one in costs if one is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
