"""How questions for the same fact are grouped."""

from __future__ import annotations

import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.questions.facts import (
    CLAUSE_SPACED,
    CLAUSE_UNSPACED,
    FEW,
    NEAR,
    NEAR_ALIKE,
    group_by_fact,
)
from tailorbird.types import Question, QuestionKind


def asked(text: str, answer: str = "", kind: QuestionKind | None = None) -> Question:
    """Return a question; its id plays no part."""
    return Question(id="q", text=text, answers=(answer,) if answer else (), kind=kind)


def together(*questions: Question) -> bool:
    """Say whether all questions are of one group."""
    return len(set(group_by_fact(questions))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("国連の正式名称は？", "国連の正式名称は"),
        ("ＶＰＮの設定方法は？", "vpnの設定方法は"),
        ("ポルトガルの日本語表記は？", "ポルトガルの日本語表記は何か"),
        ("What year did Tesla die?", "what year did  Tesla die"),
        ("What flows between the Bingen and Bonn?", "What flows between Bingen and Bonn?"),
        ("費用は1,200円ですか", "費用は1200円ですか"),
        ("?!", "?!"),
        ("雨", "雨？"),
    ],
)
def test_near_copies_ask_for_one_fact(one: str, other: str) -> None:
    """Width, case, punctuation and small changes of wording do not make another question."""
    assert together(asked(one), asked(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Question 1?", "Question 2?"),
        ("2025年度の売上はいくらですか", "2026年度の売上はいくらですか"),
        ("Is it 1.5 hours?", "Is it 15 hours?"),
        ("How long does a refund take?", "How long does a repair take?"),
        ("会議室は何日前から予約できますか", "社用車は何日前から予約できますか"),
        ("?!", "!?"),
        ("", "雨"),
    ],
)
def test_other_questions_ask_for_other_facts(one: str, other: str) -> None:
    """Another number or another subject makes another question."""
    assert not together(asked(one), asked(other))


def test_equal_clauses_tell_a_fact_and_short_answers_do_not() -> None:
    """A long answer is of one fact, however it is asked for; a date or a name is of many."""
    clause = "入社日に10日を付与します。"
    assert together(asked("有休は？", clause), asked("休みはもらえますか", f"「{clause}」"))
    assert not together(asked("有休は？", "10日"), asked("締め切りは？", "10日"))
    assert together(asked("how", "x" * CLAUSE_SPACED), asked("why", "x" * CLAUSE_SPACED))
    assert not together(asked("how", "x" * 19), asked("why", "x" * (CLAUSE_SPACED - 1)))
    assert together(asked("何", "あ" * CLAUSE_UNSPACED), asked("誰", "あ" * CLAUSE_UNSPACED))
    assert not together(asked("何", "あ" * 9), asked("誰", "あ" * (CLAUSE_UNSPACED - 1)))


def test_equal_short_answers_lower_the_bar_for_wording() -> None:
    """Questions half alike with the same answer are one; with other answers they are two."""
    one, other = (
        "スヴァンテ・アレニウスが提唱した年は？",
        "スヴァンテ・アレニウスが提唱したのは何年？",
    )
    assert together(asked(one, "1903"), asked(other, "1903"))
    assert not together(asked(one, "1903"), asked(other, "1904"))


def test_a_paraphrase_is_tied_by_a_rare_short_answer() -> None:
    """The file says that a row is a paraphrase; an answer that few rows share tells of what."""
    rows = [
        asked("返品の期限は", "30日", "verbatim"),
        asked("いつまで戻せる", "30日", "paraphrase"),
    ]
    assert together(*rows)
    yes = [asked(f"{char * 3}", "はい", "verbatim") for char in "あいうえおかきくけ"]
    assert together(*yes, asked("らりる", "はい", "paraphrase"))
    assert len(yes) + 1 == FEW
    assert not together(
        *yes, asked("わをん", "はい", "verbatim"), asked("らり", "はい", "paraphrase")
    )


@pytest.mark.parametrize("kind", ["unanswerable", "conflict"])
def test_refusals_and_conflicts_tie_no_questions(kind: QuestionKind) -> None:
    """The same refusal to two questions does not make one fact of them."""
    refusal = "申し訳ございませんが、資料に記載がございません。"
    assert not together(
        asked("社歌の作曲者は", refusal, kind), asked("駐輪場の料金", refusal, kind)
    )
    assert together(asked("社歌の作曲者は", refusal, kind), asked("社歌の作曲者は？", "別の答え"))


def test_the_frame_of_a_template_does_not_make_questions_alike() -> None:
    """What very many questions share tells nothing; what differs decides."""
    rng = random.Random(3)  # noqa: S311 - a test, no secret
    words = {"".join(rng.choices(string.ascii_lowercase, k=8)) for _ in range(400)}
    rows = [asked(f"What is the meaning of the abbreviation {word}?") for word in sorted(words)]
    assert len(set(group_by_fact(rows))) == len(rows)
    twice = [*rows, asked(rows[7].text.upper())]
    assert group_by_fact(twice)[-1] == 7


def test_groups_are_named_by_their_first_question() -> None:
    """The numbers can be used as positions."""
    rows = [asked("雨は？"), asked("雪は何月"), asked("雨は"), asked("雪は何月？"), asked("雨は。")]
    assert group_by_fact(rows) == [0, 1, 0, 1, 0]
    assert group_by_fact([]) == []


@pytest.mark.parametrize("length", [30, 47, 48, 49, 59, 60, 61, 62, 63, 75, 100, 400])
def test_long_questions_are_compared_like_short_ones(length: int) -> None:
    """Two texts are alike from eight tenths of common pairs on, at any length."""
    text = "".join(chr(0x4E00 + at) for at in range(length + 1))  # `length` pairs, all different
    least = -(-length * 8 // 10)
    assert together(asked(text), asked(text[: least + 1]))
    assert not together(asked(text), asked(text[:least]))


def jaccard(one: str, other: str) -> float:
    """Return the similarity of the sets of character pairs, as the rule defines it."""
    sets = [{text[at : at + 2] for at in range(len(text) - 1)} or {text} for text in (one, other)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@given(
    st.lists(
        st.tuples(
            st.text(alphabet="あいうえおかきく", min_size=1, max_size=90), st.sampled_from("xy")
        ),
        max_size=12,
    )
)
def test_no_near_pair_is_overlooked(drawn: list[tuple[str, str]]) -> None:
    """The index finds what comparing all pairs finds, short and long texts mixed.

    Texts of one run of hiragana: another word in them does not make another question.
    """
    # Neighbors of what was drawn, so that near pairs occur at all.
    rows = drawn + [(text[:-1] or "雨", answer) for text, answer in drawn]
    groups = group_by_fact([asked(text, answer) for text, answer in rows])
    parents = list(range(len(rows)))

    def find(at: int) -> int:
        return at if parents[at] == at else find(parents[at])

    for at, (text, answer) in enumerate(rows):
        for before, (other, same) in enumerate(rows[:at]):
            if jaccard(text, other) >= (NEAR_ALIKE if answer == same else NEAR):
                parents[max(find(at), find(before))] = min(find(at), find(before))
    assert groups == [find(at) for at in range(len(rows))]


@pytest.mark.slow
def test_many_questions_take_seconds() -> None:
    """Time does not grow with the square: 8,000 questions of one pattern take seconds."""
    rng = random.Random(4)  # noqa: S311 - a test, no secret
    words = [
        "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9))) for _ in range(8_000)
    ]
    rows = [asked(f"How do I change the {word} setting?", word[::-1]) for word in words]
    start = time.process_time()
    group_by_fact(rows)
    assert time.process_time() - start < 60
