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
from tailorbird.workflow.answering.arm import Arm, Shot
from tailorbird.workflow.answering.results import ArmFigures, Outcome, Scores, Verdict
from tailorbird.workflow.comparing.summary import compare_pairs, summarize
from tailorbird.workflow.comparing.verdict import conclude
from tailorbird.workflow.money.volume import ArmCosts, Costs, costs_of

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
    costs: Costs | None = None,
    caveat: str | None = None,
    today: date | None = None,
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
        costs=costs,
        caveat=caveat,
        today=today,
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
    poor = {None: "1" * 4 + "0" * 26}
    verdict = judge({"a": poor, "d": poor})
    assert verdict.recommended == "a"
    assert verdict.decision == "neither helps: write a better prompt"
    assert verdict.headline.endswith(
        "It is right in only 4/30: improve the prompt and the data first."
    )


def test_poor_prompts_alone_decide_nothing() -> None:
    """Where neither tuning nor retrieval was tried, poor prompts do not rule them out."""
    poor: Marks = {None: "1" * 4 + "0" * 26}
    none: Marks = {None: "0" * 30}
    less_poor: Marks = {None: "1" * 12 + "0" * 18}
    for rows in ({"a": poor, "b": poor}, {"a": none, "b": none}, {"a": none, "b": less_poor}):
        verdict = judge(rows)
        assert (verdict.decision, verdict.recommended) == ("cannot tell yet", None)
        assert "Compare retrieval and tuning too: add documents, or training rows." in (
            verdict.next_steps
        )
    assert judge({"a": poor, "b": poor}).headline == (
        "'a' is right in only 4/30: improve the prompt and the data, or compare retrieval and"
        " tuning."
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
        " A thousand right answers cost: 'a' 0.032 USD, 'e' 12.34 USD."
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


@pytest.mark.parametrize(
    ("rows", "decision"),
    [
        ({"a": "0" * 30, "d": "1" * 30, "e": "0" * 30}, "retrieve"),
        ({"a": "1" * 30, "d": "1" * 30, "e": "1" * 30}, "do not fine-tune"),
        ({"a": "1" * 30, "d": "1" * 30}, "a prompt is enough"),
        ({"b": "0" * 40, "e": "1" * 40}, "fine-tune"),
        ({"d": "0" * 20 + "1" * 20, "f": "1" * 40}, "fine-tune and retrieve"),
        ({"a": "0" * 30, "d": "0" * 30, "e": "0" * 30}, "neither helps: write a better prompt"),
        ({"a": "0" * 5, "d": "1" * 5, "e": "0" * 5}, "cannot tell yet"),
        ({"d": "1" * 5}, "cannot tell yet"),
        ({"d": "-" * 5, "a": "-" * 5}, "cannot tell yet"),
    ],
)
def test_the_decision_is_one_of_few_values(rows: Mapping[str, str], decision: str) -> None:
    """Programs read what to do from one field; whatever it is, something is to be done next."""
    verdict = judge({name: {"paraphrase": marks} for name, marks in rows.items()})
    assert verdict.decision == decision
    assert verdict.next_steps


def test_style_and_facts_are_a_decision_of_their_own() -> None:
    """Tuning with retrieval that adds style only is no tuning for facts."""
    verdict = judge(
        {
            "a": {"unseen": "0" * 20, "style": "0" * 12},
            "d": {"unseen": "1" * 20, "style": "0" * 12},
            "f": {"unseen": "1" * 20, "style": "1" * 12},
        }
    )
    assert verdict.decision == "tune for style and retrieve for facts"
    assert verdict.next_steps[0].startswith("Put 'f' to use, and change facts in the documents")
    # Two kinds and three pairs are six claims; the third smallest p-value is multiplied by four.
    assert said(verdict, "Shown by kind") == (
        "Shown by kind: style: 'f' better than 'd' (12 won, 0 lost, p = 0.002)."
    )


SOON = date(2026, 11, 22)  # 53 days before the tuned model of these tests ends


def test_a_model_that_ends_soon_is_not_recommended() -> None:
    """What is ahead for 53 days is named with its days, and what lasts is recommended."""
    rows = {"d": {None: "1" * 20 + "0" * 10}, "f": {None: "1" * 30}}
    assert judge(rows).recommended == "f"
    verdict = judge(rows, today=SOON)
    assert (verdict.decision, verdict.recommended) == ("retrieve", "d")
    assert verdict.headline == (
        "Retrieve: take 'd'. Do not fine-tune. 'f' is ahead (30/30; 10 won, 0 lost, p = 0.002), but"
        " its model stops answering in 53 days."
    )
    assert said(verdict, "'f' (30/30) is set aside") == (
        "'f' (30/30) is set aside: its model stops answering in 53 days."
    )
    assert verdict.caveats[-1] == (
        "'f': the tuned model stops answering on 2027-01-14, in 53 days."
    )
    assert (
        "To keep what 'f' learned, train it again on a base model or a provider that goes on,"
        " within 53 days, and compare the two."
    ) in verdict.next_steps


def test_nothing_else_being_good_nothing_is_recommended() -> None:
    """Where only a model that ends soon is right, moving it comes before deciding."""
    rows = {"b": {None: "1" * 5 + "0" * 25}, "e": {None: "1" * 30}}
    verdict = judge(rows, today=SOON)
    assert (verdict.decision, verdict.recommended) == ("cannot tell yet", None)
    assert verdict.headline == (
        "'e' is ahead (30/30; 25 won, 0 lost, p < 0.001), but its model stops answering in 53 days"
        " and nothing else is right in half of the answers: move it, then compare."
    )
    assert [step for step in verdict.next_steps if step.startswith("To keep what 'e' learned")]


def test_when_all_models_end_soon_the_headline_says_so() -> None:
    """Without anything that lasts, the best is named together with its days."""
    verdict = judge({"e": {None: "0" * 30}, "f": {None: "1" * 30}}, today=SOON)
    assert verdict.recommended == "f"
    assert verdict.headline == (
        "Fine-tune and retrieve: take 'f'. Its model stops answering in 53 days: train a successor."
    )


def test_a_model_that_ends_later_is_recommended() -> None:
    """Ninety days are enough to find a successor; the caveat tells the days."""
    rows = {"d": {None: "1" * 20 + "0" * 10}, "f": {None: "1" * 30}}
    verdict = judge(rows, today=date(2026, 10, 16))
    assert verdict.recommended == "f"
    assert verdict.caveats[-1].endswith("2027-01-14, in 90 days.")


@pytest.mark.parametrize("kind", ["unanswerable", "conflict"])
def test_style_that_costs_restraint_is_set_aside(kind: QuestionKind) -> None:
    """A tuned arm that keeps the tone but invents, or defies documents, is not recommended."""
    rows: dict[str, Marks] = {
        "d": {"unseen": "1" * 20, "style": "0" * 40, kind: "1" * 15},
        "f": {"unseen": "1" * 20, "style": "1" * 40, kind: "0" * 15},
    }
    verdict = judge(rows)
    assert verdict.recommended == "d"
    assert said(verdict, "'f' is set aside") == (
        f"'f' is set aside, for it is shown to have lost restraint: {kind} 'd' 15/15, 'f' 0/15"
        " (15 won, 0 lost, p < 0.001)."
    )


def test_restraint_alone_does_not_outweigh_facts() -> None:
    """A tuned arm that is shown to know more facts stays in question."""
    rows: dict[str, Marks] = {
        "d": {"unseen": "0" * 40, "unanswerable": "1" * 12},
        "f": {"unseen": "1" * 40, "unanswerable": "0" * 12},
    }
    verdict = judge(rows)
    assert verdict.recommended == "f"
    assert verdict.next_steps[1] == (
        "'f' declined only 0/12 of what nobody can answer: ask with `only_from_data`."
    )


@pytest.mark.parametrize(
    ("name", "other", "steps"),
    [
        (
            "d",
            "a",
            [
                "'d' declined only 1/8 of what nobody can answer: ask with `only_from_data`.",
                (
                    "'d' followed the documents in only 2/8 of the cases in which they"
                    " contradict the training: look at the passages."
                ),
            ],
        ),
        (
            "c",
            "a",
            [
                (
                    "'c' declined only 1/8 of what nobody can answer: tell it in the prompt when to"
                    " decline."
                ),
                (
                    "'c' followed the documents in only 2/8 of the cases in which they"
                    " contradict the training: it sees no documents, so add retrieval."
                ),
            ],
        ),
        (
            "e",
            "b",
            [
                (
                    "'e' declined only 1/8 of what nobody can answer: tell it in the prompt when to"
                    " decline."
                ),
                (
                    "'e' followed the documents in only 2/8 of the cases in which they"
                    " contradict the training: mend the rows, or retrieve without tuning."
                ),
            ],
        ),
    ],
)
def test_what_the_recommended_arm_does_badly_is_to_be_mended(
    name: str, other: str, steps: list[str]
) -> None:
    """Invented answers and defied documents are named with what to do about them."""
    rows: dict[str, Marks] = {
        other: {"unseen": "0" * 30, "unanswerable": "0" * 8, "conflict": "0" * 8},
        name: {"unseen": "1" * 30, "unanswerable": "1" + "0" * 7, "conflict": "11" + "0" * 6},
    }
    assert list(judge(rows).next_steps[1:3]) == steps


def test_cheaper_arms_that_are_not_worse_are_named() -> None:
    """An arm with more parts that costs half as much for a right answer may pay in the long run."""

    def cost(arm: str, usd: str) -> ArmFigures:
        return ArmFigures(arm=arm, answers=30, usd_per_1000=Decimal(usd))

    rows = {"c": {None: "1" * 27 + "0" * 3}, "e": {None: "1" * 27 + "0" * 3}, "b": {None: "0" * 30}}
    verdict = judge(rows, figures=[cost("c", "9"), cost("e", "3"), cost("b", "1")])
    assert verdict.recommended == "c"
    assert said(verdict, "A thousand questions").endswith(
        "A thousand right answers cost: 'c' 10.00 USD, 'e' 3.33 USD. 'e' (27/30) is not shown"
        " worse, and a thousand of its right answers cost 3.33 USD instead of 10.00 USD, hosting"
        " and training apart: with many questions that may decide."
    )
    alike = judge(rows, figures=[cost("c", "4"), cost("e", "3"), cost("b", "1")])
    assert "not shown worse" not in said(alike, "A thousand questions")
    unknown = judge(rows, figures=[cost("e", "3")])
    assert said(unknown, "A thousand questions") == (
        "A thousand questions like these cost: 'e' 3.00 USD. A thousand right answers cost:"
        " 'e' 3.33 USD."
    )


def test_what_a_month_costs_and_where_it_turns_is_told() -> None:
    """Hosting and training count as well, and the questions a month from which on they pay off."""
    figures = [
        ArmFigures(arm=arm, answers=30, usd_per_1000=Decimal(usd))
        for arm, usd in (("c", "9"), ("e", "3"), ("b", "1"))
    ]
    rows = {"c": {None: "1" * 27 + "0" * 3}, "e": {None: "1" * 27 + "0" * 3}, "b": {None: "0" * 30}}
    each = {"c": Decimal("0.009"), "e": Decimal("0.003"), "b": Decimal("0.001")}
    hosted = costs_of(
        [
            ArmCosts(
                arm=arm,
                usd_per_question=usd,
                hosting_hourly=Decimal("1.70") if arm == "e" else Decimal(0),
                training_usd=Decimal(12) if arm == "e" else Decimal(0),
            )
            for arm, usd in each.items()
        ]
    )
    verdict = judge(rows, figures=figures, costs=hosted)
    assert said(verdict, "A thousand questions").endswith(
        "hosting and training apart: with more than 207,000 a month that may decide."
    )
    assert said(verdict, "A month costs") == (
        "A month costs, hosting and 1/12 of what is paid once included: of 1,000 questions 'c'"
        " 9.00 USD, 'e' 1245.00 USD; of 100,000 questions 'c' 900.00 USD, 'e' 1542.00 USD. 'e' is"
        " cheaper than 'c' from about 207,000 questions a month on."
    )
    plain = costs_of([ArmCosts(arm=arm, usd_per_question=usd) for arm, usd in each.items()])
    assert not [one for one in judge(rows, costs=plain).reasons if one.startswith("A month")]
    unknown = costs_of([ArmCosts(arm=arm, hosting_hourly=None) for arm in each])
    assert not [one for one in judge(rows, costs=unknown).reasons if " month" in one]
    unpriced = costs_of(
        [
            ArmCosts(
                arm=arm, usd_per_question=usd, hosting_hourly=None if arm == "e" else Decimal()
            )
            for arm, usd in each.items()
        ]
    )
    assert said(judge(rows, costs=unpriced), "What 'e' costs a month is not known: ")


def test_what_would_have_been_seen_is_told() -> None:
    """Where two arms differ without one being better, the smallest lead that shows is named."""
    rows = {"a": {None: "1" * 60 + "0" * 20}, "d": {None: "0" * 20 + "1" * 60}}
    assert said(judge(rows), "Between 'a' and 'd'") == (
        "Between 'a' and 'd', 80 questions show a lead of 22% four times out of five, and smaller"
        " ones less often."
    )


def test_missing_kinds_are_to_be_added() -> None:
    """Kinds that nobody asked about are named as something to do."""
    verdict = judge({"a": {"unseen": "1" * 9}, "d": {"unseen": "1" * 9}})
    assert verdict.next_steps[-1] == (
        "Add questions of kind verbatim, paraphrase, style, unanswerable, conflict."
    )
    assert judge({"a": {None: "1" * 9}}).next_steps[0] == (
        "Add an arm to compare with: a system prompt, documents, or training rows."
    )


def test_open_leads_are_to_be_settled() -> None:
    """The next step after an open lead is so many questions, and for which two arms."""
    verdict = judge({"b": {None: "1" * 16 + "0" * 4}, "d": {None: "1" * 20}})
    assert verdict.next_steps[0] == (
        "Ask about 20 more questions like these 20, to tell 'd' from 'b'."
    )
