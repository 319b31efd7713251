"""How questions are divided into training and held-out parts."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.questions.facts import group_by_fact
from tailorbird.data.questions.split import SplitBy, split_by_fact, split_by_kind, split_questions
from tailorbird.exceptions import InvalidInputError
from tailorbird.types import QUESTION_KINDS, Question, QuestionKind

SUBJECTS = "雨雪風雲霧虹星月山川海森草花鳥魚虫犬猫馬"


def asked(
    text: str, answer: str | None = "答え", kind: QuestionKind | None = None, name: str = ""
) -> Question:
    """Return a question whose id is its text unless another one is given."""
    return Question(
        id=name or text, text=text, answers=() if answer is None else (answer,), kind=kind
    )


def facts(count: int, kind: QuestionKind | None = None) -> list[Question]:
    """Return questions for as many facts, no two of them alike."""
    return [asked(SUBJECTS[at] * 4 + "？", f"第{at}の答え", kind) for at in range(count)]


ROWS = st.lists(
    st.builds(
        asked,
        text=st.sampled_from([char * 3 for char in SUBJECTS[:10]]),
        answer=st.sampled_from(["はい", "いいえ", "とても長い共通の回答文です", None]),
        kind=st.sampled_from([*QUESTION_KINDS, None]),
        name=st.uuids().map(str),
    ),
    min_size=2,
    max_size=30,
)


@given(ROWS, st.floats(min_value=0.05, max_value=0.95), st.integers(0, 5))
def test_a_split_by_fact_keeps_its_promises(rows: list[Question], share: float, seed: int) -> None:
    """Nothing is lost or doubled, no fact straddles, order is kept, only what may be is trained."""
    try:
        split = split_by_fact(rows, held_out=share, seed=seed)
    except InvalidInputError:
        return
    train, held = split
    assert sorted(one.id for one in rows) == sorted(one.id for one in train + held)
    assert train
    assert held
    positions = {one.id: at for at, one in enumerate(rows)}
    for part in (train, held):
        assert [positions[one.id] for one in part] == sorted(positions[one.id] for one in part)
    groups = group_by_fact(rows)
    trained = {groups[positions[one.id]] for one in train}
    for one in held:
        assert one.kind == "conflict" or groups[positions[one.id]] not in trained
    for one in train:
        assert one.answers
        assert one.kind not in {"unseen", "unanswerable", "conflict"}
    assert split.known == {one.id for one in held if groups[positions[one.id]] in trained}


@given(ROWS, st.randoms(use_true_random=False))
def test_a_split_does_not_depend_on_the_order_of_the_rows(
    rows: list[Question], rng: Random
) -> None:
    """The same questions in another order, with other ids, are divided alike."""
    shuffled = list(rows)
    rng.shuffle(shuffled)
    for divide in (split_by_fact, split_by_kind):
        parts = []
        for some in (rows, shuffled):
            try:
                split = divide(some, held_out=0.3, seed=1)
            except InvalidInputError as exc:
                parts.append(str(exc))
                continue
            said = [Counter((one.text, one.answers, one.kind) for one in part) for part in split]
            parts.append(str([sorted(counts.items(), key=str) for counts in said]))
        assert parts[0] == parts[1]


@given(st.integers(2, 20), st.floats(min_value=0.01, max_value=0.99), st.integers(0, 3))
def test_the_held_out_share_is_exact_for_single_questions(
    count: int, share: float, seed: int
) -> None:
    """With one question a fact, the share is rounded; both parts have one question at least."""
    train, held = split_by_fact(facts(count), held_out=share, seed=seed)
    assert len(held) == min(max(1, round(share * count)), count - 1)
    assert len(train) == count - len(held)


@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=12),
    st.floats(min_value=0.1, max_value=0.9),
    st.integers(0, 3),
)
def test_the_held_out_share_is_within_one_group(sizes: list[int], share: float, seed: int) -> None:
    """What is held out differs from the share by less than the largest group of copies."""
    rows = [
        asked(SUBJECTS[at] * 4 + "？" * copy, name=f"{at}.{copy}")
        for at, size in enumerate(sizes)
        for copy in range(size)
    ]
    held = split_by_fact(rows, held_out=share, seed=seed).held_out
    assert abs(len(held) - share * len(rows)) < max(sizes) + 0.5


def test_the_seed_picks_the_division_and_nothing_else_does() -> None:
    """The same seed gives the same parts, another one others."""
    rows = facts(20)
    parts = [split_by_fact(rows, held_out=0.3, seed=seed).held_out for seed in (1, 1, 2, 3)]
    assert parts[0] == parts[1]
    assert len({tuple(one.id for one in part) for part in parts}) > 1


def test_each_kind_is_held_out_in_proportion() -> None:
    """A quarter of the verbatim rows and a quarter of the style rows, not a quarter of either."""
    rows = facts(20)
    mixed = [
        one.model_copy(update={"kind": "style" if at % 5 == 0 else "verbatim"})
        for at, one in enumerate(rows)
    ]
    for seed in range(5):
        held = split_by_fact(mixed, held_out=0.25, seed=seed).held_out
        assert Counter(one.kind for one in held) == {"verbatim": 4, "style": 1}


def test_what_can_never_be_trained_takes_its_copies_along() -> None:
    """An unseen question that a verbatim row gives away would not be unseen."""
    rows = [
        *facts(6),
        asked("本社の住所は", kind="verbatim"),
        asked("本社の住所は？", kind="unseen"),
        asked("社歌は", kind="unanswerable"),
        asked("電話は", answer=None),
    ]
    split = split_by_fact(rows, held_out=0.2, seed=0)
    held = {one.id for one in split.held_out}
    assert {"本社の住所は", "本社の住所は？", "社歌は", "電話は"} < held
    assert len(held) == 5
    assert split.known == frozenset()


def test_a_conflict_is_held_out_and_what_it_contradicts_is_trained() -> None:
    """Without the trained answer there would be no conflict to test."""
    rows = [*facts(3), asked("返品の期限は", "30日"), asked("返品の期限は？", "60日", "conflict")]
    for seed in range(8):
        split = split_by_fact(rows, held_out=0.5, seed=seed)
        assert "返品の期限は" in {one.id for one in split.train}
        assert "返品の期限は？" in {one.id for one in split.held_out}
        assert split.known == {"返品の期限は？"}
        assert len(split.held_out) == 3


def test_a_large_group_stays_together_whatever_the_share() -> None:
    """Copies of one fact cannot be divided: they are held out last, and then as a whole."""
    copies = [asked("同じ質問" + "？" * at) for at in range(8)]
    rows = [*copies, *facts(4)]
    assert {one.id for one in split_by_fact(rows, held_out=0.3, seed=0).train} >= {
        one.id for one in copies
    }
    two = [*copies[:4], *[asked("別の質問です" + "！" * at) for at in range(5)]]
    assert len(split_by_fact(two, held_out=0.1, seed=0).held_out) == 4


def test_rows_that_are_held_out_anyway_let_the_rest_be_trained() -> None:
    """One trainable fact is enough when other questions measure."""
    split = split_by_fact([asked("a"), asked("b", kind="unseen")], held_out=0.5, seed=0)
    assert [[one.id for one in part] for part in split] == [["a"], ["b"]]


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
@pytest.mark.parametrize("by", ["fact", "kind"])
def test_a_share_outside_its_range_is_refused(share: float, by: SplitBy) -> None:
    """All or nothing is no split."""
    with pytest.raises(InvalidInputError, match="above 0 and below 1"):
        split_questions(facts(4, "verbatim"), held_out=share, seed=0, by=by)


@pytest.mark.parametrize("rows", [facts(1), [asked("雨は"), asked("雨は？")]])
def test_a_single_fact_cannot_be_divided(rows: list[Question]) -> None:
    """The error gives the count and what is needed."""
    with pytest.raises(InvalidInputError, match=rf"{len(rows)} question.* two facts are needed"):
        split_by_fact(rows, held_out=0.5, seed=0)


@pytest.mark.parametrize("rows", [[], facts(3, "unseen"), [asked("a", None), asked("b", None)]])
def test_without_trainable_questions_there_is_no_split(rows: list[Question]) -> None:
    """The error says what may be trained on."""
    with pytest.raises(InvalidInputError, match=f"none of {len(rows)} question"):
        split_by_fact(rows, held_out=0.5, seed=0)


def test_a_split_by_kind_follows_the_file() -> None:
    """Verbatim rows are trained, a sample of them is asked as well, and the other kinds measure."""
    rows = [
        *facts(8, "verbatim"),
        asked("種類のない行"),
        asked("回答のない行", None, "verbatim"),
        asked("言い換えの行", kind="paraphrase"),
        asked("雨" * 5, "第0の答えを言い換えた長い文です", "paraphrase"),
        asked("資料だけの行", kind="unseen"),
        asked("答えられない行", kind="unanswerable"),
        asked("食い違いの行", kind="conflict"),
        *[asked(f"{char * 3}！", "ようこそ", "style") for char in "赤青白黒"],
    ]
    split = split_by_kind(rows, held_out=0.25, seed=0)
    trained, held = ({one.id for one in part} for part in split)
    assert {one.id for one in facts(8)} | {"種類のない行"} < trained
    assert trained | held == {one.id for one in rows}
    both = trained & held
    assert len(both) == 2
    assert both < {one.id for one in facts(8)}
    assert both < split.known
    kinds = Counter(one.kind for one in split.held_out)
    assert kinds == {
        "verbatim": 3,
        "paraphrase": 2,
        "unseen": 1,
        "unanswerable": 1,
        "conflict": 1,
        "style": 1,
    }


def test_style_rows_near_a_trained_row_are_not_held_out() -> None:
    """A greeting that was trained would measure memory, not style."""
    rows = [
        asked("こんにちは", kind="verbatim"),
        asked("こんにちは！", kind="style"),
        asked("さようなら", kind="style"),
    ]
    split = split_by_kind(rows, held_out=0.9, seed=0)
    assert [one.id for one in split.train] == ["こんにちは", "こんにちは！"]
    assert {one.id for one in split.held_out} == {"こんにちは", "さようなら"}


def test_style_rows_alone_are_divided_by_group() -> None:
    """A style that has nothing else to train on keeps a part to train on."""
    rows = facts(4, "style")
    split = split_by_kind(rows, held_out=0.5, seed=0)
    assert [len(part) for part in split] == [2, 2]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (facts(3), "none of 3 .* has a kind"),
        (facts(3, "unseen"), "none of 3 .* may be trained on"),
        (facts(1, "style"), "nothing can be held out"),
    ],
)
def test_a_split_by_kind_needs_kinds_on_both_sides(rows: list[Question], reason: str) -> None:
    """The errors say what is missing."""
    with pytest.raises(InvalidInputError, match=reason):
        split_by_kind(rows, held_out=0.5, seed=0)


def test_questions_are_relabeled_by_what_they_test() -> None:
    """A paraphrase of a fact that was not trained tests a fact that only documents can know."""
    rows = [
        asked("返品の期限は", "30日", "verbatim"),
        asked("返品の期限は？", "30日", "paraphrase"),
        asked("送料は", "無料", "paraphrase"),
        asked("こんばんは", "やあ", "style"),
    ]
    split = split_by_kind(rows, held_out=0.5, seed=0)
    tested = {one.id: one.kind for one in split.tested()}
    assert tested["返品の期限は？"] == "paraphrase"
    assert tested["送料は"] == "unseen"
    assert [one.id for one in split.tested()] == [one.id for one in split.held_out]
    by_fact = split_by_fact(facts(4, "verbatim"), held_out=0.5, seed=0)
    assert {one.kind for one in by_fact.tested()} == {"unseen"}
    assert {one.kind for one in by_fact.held_out} == {"verbatim"}


def test_a_split_tells_its_counts() -> None:
    """The words give sizes, facts and kinds; questions on both sides are counted apart."""
    by_fact = split_by_fact(facts(4), held_out=0.5, seed=0)
    assert str(by_fact) == "2 questions to train on, 2 held out, of 4 facts; they test: 2 other"
    by_kind = split_by_kind(facts(4, "verbatim"), held_out=0.5, seed=0)
    assert str(by_kind) == (
        "4 questions to train on, 2 held out (2 of them trained on as well), of 4 facts;"
        " they test: 2 verbatim"
    )


def test_the_way_to_divide_can_be_named() -> None:
    """A setting chooses between the two functions."""
    rows = facts(6, "verbatim")
    assert split_questions(rows, held_out=0.5, seed=1) == split_by_fact(rows, held_out=0.5, seed=1)
    by_kind = split_by_kind(rows, held_out=0.5, seed=1)
    assert split_questions(rows, held_out=0.5, seed=1, by="kind") == by_kind
