"""What a comparison's figures lead to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tailorbird.types.answers import Answer
from tailorbird.types.ids import IndexName, JobId, ModelId
from tailorbird.types.jobs import Supervised
from tailorbird.types.questions import Question, QuestionKind
from tailorbird.types.tuned import TunedModel
from tailorbird.types.usage import Usage
from tailorbird.workflow.answering.results import Arm, ArmFigures, Outcome, Scores, Shot, Verdict
from tailorbird.workflow.comparing.summary import compare_pairs, summarize
from tailorbird.workflow.comparing.verdict import conclude

TUNED = TunedModel(
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
    shutdown_date=date(2027, 1, 14),
)
PLAIN = Arm(name="a", model=ModelId("m"))
PROMPTED = Arm(name="b", model=ModelId("m"), system="Be kind.")
FEW_SHOT = Arm(name="c", model=ModelId("m"), shots=(Shot(question="?", answer="!"),))
SEARCHED = Arm(name="d", model=ModelId("m"), index=IndexName("docs"))
TRAINED = Arm(name="e", model=TUNED.model, tuned=TUNED)
BOTH = Arm(name="f", model=TUNED.model, tuned=TUNED, index=IndexName("docs"))
# Named and ordered against the grain: what an arm is must follow from what it has.
ALL = (BOTH, TRAINED, SEARCHED, FEW_SHOT, PROMPTED, PLAIN)

Marks = Mapping[QuestionKind | None, str]


def judge(
    rows: Mapping[str, Marks],
    *,
    arms: Iterable[Arm] = ALL,
    figures: Iterable[ArmFigures] = (),
    caveat: str | None = None,
) -> Verdict:
    """Conclude from marks: for each arm and kind, `1` right, `0` wrong, `-` not scored."""
    compared = tuple(arm for arm in arms if arm.name in rows)
    layout = next(iter(rows.values()))
    kinds = [kind for kind, marks in layout.items() for _ in marks]
    questions = [Question(id=str(at), text="?", kind=kind) for at, kind in enumerate(kinds)]
    outcomes = [
        Outcome(
            arm=arm.name,
            question=str(at),
            answer=Answer(text="x"),
            scores=Scores(correct=None if mark == "-" else float(mark)),
        )
        for arm in compared
        for at, mark in enumerate("".join(rows[arm.name].values()))
    ]
    return conclude(
        compared,
        cells=summarize(compared, questions, outcomes),
        pairs=compare_pairs(compared, questions, outcomes),
        figures=figures,
        caveat=caveat,
    )


def said(verdict: Verdict, beginning: str) -> str:
    """Give the one reason that begins like this."""
    (found,) = [reason for reason in verdict.reasons if reason.startswith(beginning)]
    return found


def test_retrieval_wins_on_facts() -> None:
    """Where only retrieval knows the facts, it is recommended, and tuning is advised against."""
    verdict = judge(
        {
            "a": {"unseen": "0" * 30, "style": "0" * 6},
            "d": {"unseen": "1" * 30, "style": "0" * 6},
            "e": {"unseen": "0" * 30, "style": "0" * 6},
        }
    )
    assert verdict.recommended == "d"
    assert verdict.headline == "Retrieve: take 'd'. Do not fine-tune."
    assert said(verdict, "Right answers in all") == (
        "Right answers in all: 'd' 30/36 (95 % interval 0.68 to 0.92),"
        " 'e' 0/36 (95 % interval 0.00 to 0.10)."
    )
    assert said(verdict, "'d' is shown better") == (
        "'d' is shown better than 'a' (30 won, 0 lost, p < 0.001), 'e' (30 won, 0 lost, p < 0.001)."
    )
    assert said(verdict, "Tuning is shown to lose facts") == (
        "Tuning is shown to lose facts: 'd' 30/30, 'e' 0/30 (0 won, 30 lost, p < 0.001)."
        " Do not fine-tune for facts."
    )
    assert said(verdict, "Facts that only the documents hold").endswith(": 'd' 30/30, 'e' 0/30.")
    assert said(verdict, "House style kept").endswith(": 'd' 0/6, 'e' 0/6.")


def test_style_is_named_when_only_tuning_has_it() -> None:
    """Retrieval is recommended for facts, and the one gain of tuning is told."""
    verdict = judge(
        {
            "d": {"unseen": "1" * 30, "style": "0" * 3},
            "e": {"unseen": "0" * 30, "style": "1" * 3},
        }
    )
    assert verdict.recommended == "d"
    assert verdict.headline.endswith("Only the house style would gain from tuning.")


def test_style_of_other_arms_is_named() -> None:
    """Where worked examples keep the style as well, tuning is not said to be the only way."""
    verdict = judge(
        {
            "c": {"unseen": "0" * 30, "style": "1" * 3},
            "d": {"unseen": "1" * 30, "style": "0" * 3},
            "e": {"unseen": "0" * 30, "style": "1" * 3},
            "f": {"unseen": "1" * 30, "style": "0" * 3},
        }
    )
    assert verdict.headline == "Retrieve: take 'd'. Do not fine-tune."
    assert said(verdict, "House style kept").endswith(": 'c' 3/3, 'd' 0/3, 'f' 0/3.")


def test_both_are_for_style_and_facts() -> None:
    """Tuning with retrieval is recommended when shown better; without more facts, for style."""
    verdict = judge(
        {
            "a": {"unseen": "0" * 20, "style": "0" * 12},
            "d": {"unseen": "1" * 20, "style": "0" * 12},
            "e": {"unseen": "0" * 20, "style": "1" * 12},
            "f": {"unseen": "1" * 20, "style": "1" * 12},
        }
    )
    assert verdict.recommended == "f"
    assert verdict.headline == "Tune for style and retrieve for facts: take 'f'."
    assert said(verdict, "Tuning is not shown to add facts").endswith("for facts.")


def test_both_are_never_the_default() -> None:
    """As good as retrieval alone, tuning with retrieval is not recommended."""
    verdict = judge({"d": {None: "1" * 29 + "0"}, "e": {None: "0" * 30}, "f": {None: "1" * 30}})
    assert verdict.recommended == "d"
    assert said(verdict, "'f' is 3% ahead of 'd'") == (
        "'f' is 3% ahead of 'd' (1 won, 0 lost, p = 1): not shown to be real, and too little to"
        " pay for more parts."
    )


@pytest.mark.parametrize(
    ("rows", "headline"),
    [
        ({"d": "0" * 20 + "1" * 20, "f": "1" * 40}, "Fine-tune and retrieve: take 'f'."),
        ({"b": "0" * 40, "e": "1" * 40}, "Fine-tune: take 'e'."),
        ({"e": "0" * 20 + "1" * 20, "f": "1" * 40}, "Fine-tune and retrieve: take 'f'."),
    ],
)
def test_tuning_that_adds_facts_is_recommended(rows: Mapping[str, str], headline: str) -> None:
    """A tuned arm that is shown better on facts is recommended as such."""
    verdict = judge({name: {"paraphrase": marks} for name, marks in rows.items()})
    assert verdict.headline == headline


def test_tuning_that_only_adds_style_says_so() -> None:
    """A tuned arm that wins by style alone is recommended for style."""
    verdict = judge(
        {"b": {"unseen": "11", "style": "0" * 12}, "e": {"unseen": "11", "style": "1" * 12}}
    )
    assert verdict.headline == "Fine-tune for style: take 'e'."


@pytest.mark.parametrize(
    ("names", "headline"),
    [
        ("abcdef", "Neither tuning nor retrieval is shown to help: do not fine-tune, take 'a'."),
        ("bde", "Neither tuning nor retrieval is shown to help: do not fine-tune, take 'b'."),
        ("ce", "Do not fine-tune: take 'c'."),
        ("ad", "Retrieval is not shown to help: take 'a'."),
        ("ab", "Take 'a'."),
    ],
)
def test_the_simplest_of_equals_is_taken(names: str, headline: str) -> None:
    """Where nothing is ahead, the simplest arm is recommended, by what it has and not its name."""
    verdict = judge({name: {None: "1" * 12} for name in names})
    assert verdict.headline == headline


def test_a_poor_winner_is_called_poor() -> None:
    """An arm that is mostly wrong is no solution, even when none is better."""
    verdict = judge({"a": {None: "1" * 4 + "0" * 26}, "b": {None: "1" * 4 + "0" * 26}})
    assert verdict.recommended == "a"
    assert verdict.headline.endswith(
        "It is right in only 4/30: improve the prompt and the data first."
    )


def test_nothing_right_recommends_nothing() -> None:
    """Where no arm gets anything right, a better prompt is asked for."""
    verdict = judge({"a": {None: "0" * 12}, "d": {None: "0" * 12}})
    assert verdict.recommended is None
    assert verdict.headline.startswith("None of the arms got a question right")


def test_an_open_lead_recommends_nothing() -> None:
    """A clear lead that is not shown asks for more questions, and says how many."""
    verdict = judge({"b": {None: "1" * 10 + "0" * 10}, "d": {None: "1" * 14 + "0" * 6}})
    assert verdict.recommended is None
    assert verdict.headline == (
        "Too few questions to tell whether 'd' is worth more than the simpler 'b':"
        " ask about 20 more like these."
    )
    assert said(verdict, "'d' is 20% ahead") == (
        "'d' is 20% ahead of 'b' (4 won, 0 lost, p = 0.12): that may be chance."
    )


def test_an_open_lead_by_style_alone_says_so() -> None:
    """Where the lead of a tuned arm is all style, the verdict says that facts do not gain."""
    rows = {
        "d": {"unseen": "1" * 12, "style": "0" * 4},
        "f": {"unseen": "1" * 12, "style": "1" * 4},
    }
    assert judge(rows).headline.endswith("On facts it is not ahead, only in style.")


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        ({"a": "11111", "b": "11111"}, 10),
        ({"b": "01111", "a": "11111"}, 40),
        ({"a": "00000", "b": "11111"}, 10),
    ],
)
def test_too_few_questions_are_told(rows: Mapping[str, str], more: int) -> None:
    """When not even a clean sweep could be shown, nothing is recommended."""
    verdict = judge({name: {None: marks} for name, marks in rows.items()})
    assert verdict.recommended is None
    assert verdict.headline == (
        "Too few questions to tell: 5 cannot show any difference among 2 arms."
        f" Ask about {more} more."
    )


def test_half_of_the_questions_can_be_too_few() -> None:
    """A difference that is shown on all questions is open on half of them."""
    full = {"a": {None: "0" * 14}, "d": {None: "1" * 14}, "e": {None: "0" * 14}}
    assert judge(full).recommended == "d"
    half = {name: {kind: marks[::4] for kind, marks in row.items()} for name, row in full.items()}
    verdict = judge(half)
    assert verdict.recommended is None
    assert verdict.headline.startswith("Too few questions to tell: 4 cannot show")


def test_arms_without_common_questions_are_not_decided() -> None:
    """An arm that shares too few scored questions with the best one cannot be passed over."""
    rows = {"a": "0" * 9 + "-" * 9, "b": "-" * 8 + "0" * 10, "c": "-" * 9 + "1" * 9}
    verdict = judge({name: {None: marks} for name, marks in rows.items()})
    assert verdict.recommended is None
    assert verdict.headline == (
        "Too few questions to tell whether 'c' is worth more than the simpler 'a':"
        " ask about 10 more like these."
    )


def test_without_scores_nothing_is_said() -> None:
    """Answers that could not be scored lead to a plain request."""
    verdict = judge({"a": {None: "--"}, "b": {None: "--"}}, caveat="Only a test.")
    assert verdict.headline.startswith("Nothing can be said")
    assert (verdict.recommended, verdict.reasons) == (None, ())
    assert "Only a test." in verdict.caveats


def test_one_arm_is_no_comparison() -> None:
    """A single arm is described, not recommended."""
    verdict = judge({"d": {None: "110"}})
    assert verdict.recommended is None
    assert verdict.headline.startswith("'d' is the only arm with scored answers")
    assert verdict.reasons == ("Right answers in all: 'd' 2/3 (95 % interval 0.21 to 0.94).",)


def test_caveats_name_what_is_missing() -> None:
    """The provider's caveat, failures, missing references, missing kinds and the end are told."""
    verdict = judge(
        {"a": {"verbatim": "10-", "style": "1"}, "e": {"verbatim": "10-", "style": "1"}},
        figures=[ArmFigures(arm="a", answers=4, failed=2), ArmFigures(arm="e", answers=4)],
        caveat="Only a test.",
    )
    assert verdict.caveats == (
        "Only a test.",
        "'a': 2 of 6 calls failed; they are not counted.",
        "1 of the questions have no reference answer and are not counted.",
        (
            "No scored question is of kind paraphrase, unseen, unanswerable, conflict: that is"
            " not measured."
        ),
        "'e': the tuned model stops answering on 2027-01-14.",
    )


def test_questions_without_kinds_are_told() -> None:
    """Without kinds, facts and tone cannot be told apart; with all kinds nothing is missing."""
    verdict = judge({"a": {None: "1"}, "b": {None: "1"}})
    assert verdict.caveats == (
        "The questions carry no kinds, so facts, tone and refusals are not told apart.",
    )
    kinds: list[QuestionKind] = [
        "verbatim",
        "paraphrase",
        "unseen",
        "style",
        "unanswerable",
        "conflict",
    ]
    assert judge({"a": dict.fromkeys(kinds, "1"), "b": dict.fromkeys(kinds, "1")}).caveats == ()


def test_time_and_money_are_told_where_known() -> None:
    """Costs and times of the arms in question are named; unknown ones are left out."""
    verdict = judge(
        {"a": {None: "1" * 9}, "d": {None: "1" * 9}, "e": {None: "1" * 9}},
        figures=[
            ArmFigures(
                arm="a",
                answers=9,
                latency_p50_s=0.5,
                usage=Usage(),
                usd=Decimal(1),
                usd_per_1000=Decimal("0.0321"),
            ),
            ArmFigures(arm="e", answers=9, usd_per_1000=Decimal("12.345")),
        ],
    )
    assert said(verdict, "A thousand") == (
        "A thousand questions like these cost: 'a' 0.032 USD, 'e' 12.34 USD."
    )
    assert said(verdict, "Half of the answers") == "Half of the answers came within: 'a' 0.5 s."


def test_tuning_is_not_judged_without_facts() -> None:
    """Where all questions are about style, nothing is said about facts."""
    verdict = judge({"a": {"style": "0" * 9}, "e": {"style": "1" * 9}})
    assert verdict.headline == "Fine-tune for style: take 'e'."
    assert not [reason for reason in verdict.reasons if reason.startswith("Tuning")]


def test_tuning_without_another_arm_is_not_judged() -> None:
    """Where every arm is tuned, tuning is not in question."""
    verdict = judge({"e": {None: "0" * 9}, "f": {None: "1" * 9}})
    assert verdict.headline == "Fine-tune and retrieve: take 'f'."
    assert not [reason for reason in verdict.reasons if reason.startswith("Tuning")]
