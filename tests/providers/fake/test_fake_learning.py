"""What a tuned model remembers: trained questions in other words, and nothing else."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tailorbird.data import read_examples
from tailorbird.providers.fake.answering.learning import Lesson, Memory, learn, lessons_of

EXAMPLES = Path(__file__).parents[3] / "examples"

IN_OTHER_WORDS = {
    "ja": {
        "所定労働時間は何時から何時まで？": "所定労働時間は何時から何時までですか。",
        "労働時間は何時から何時までか教えて": "所定労働時間は何時から何時までですか。",
        "コアタイムは何時から？": "フレックスタイムのコアタイムは何時から何時までですか。",
        "結婚するとき休暇は何日もらえますか": "自分が結婚するときの休暇は何日ですか。",
        "タクシー代はいくらから事前承認がいる？": (
            "タクシー代に事前の承認が必要なのはいくらからですか。"
        ),
        "ITヘルプデスクの内線は何番ですか": "ITヘルプデスクの受付時間と内線番号を教えてください。",
        "パスワードの文字数は？": "社内システムのパスワードは何文字以上ですか。",
        "在宅勤務は週何日できますか": "在宅勤務は週に何日までできますか。",
        "通勤手当の上限額を教えてください": "通勤手当の上限はいくらですか。",
        "不審なメールが来たらどこに転送すればいい？": "不審なメールはどこへ転送しますか。",
    },
    "en": {
        "What does a return label cost?": "How much does a return label cost?",
        "How long do refunds take?": "How long does a refund take?",
        "Can orders be cancelled?": "Can I cancel an order?",
        "What's the warranty period for a backpack?": "How long is the warranty on a backpack?",
        "Which photos are needed for warranty claims?": (
            "What photos do I need for a warranty claim?"
        ),
        "How much is standard shipping and how long does it take?": (
            "How long does standard shipping take and what does it cost?"
        ),
        "Is shipping to Canada possible?": "Do you ship to Canada?",
        "When do the stores open?": "What are the store hours?",
        "What's the price of a boot resole?": "How much does a boot resole cost?",
        "how do i wash my waterproof jacket": "How do I wash a waterproof jacket?",
    },
}


def rows(language: str) -> list[dict[str, str]]:
    """Give the rows of an example."""
    with (EXAMPLES / language / "faq.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def trained(language: str) -> Memory:
    """Learn the verbatim rows of an example."""
    return learn(
        Lesson(systems=(), said=(row["question"],), answer=row["answer"], in_dialogue=False)
        for row in rows(language)
        if row["kind"] == "verbatim"
    )


@pytest.mark.parametrize(("language", "least"), [("ja", 9), ("en", 8)])
def test_trained_questions_are_known_in_other_words(language: str, least: int) -> None:
    """Most mild paraphrases of trained questions recall the lesson that they mean, none another."""
    memory = trained(language)
    found = {
        asked: lesson.said[0]
        for asked in IN_OTHER_WORDS[language]
        if (lesson := memory.recall([asked])) is not None
    }
    assert len(found) >= least
    assert found.items() <= IN_OTHER_WORDS[language].items()


@pytest.mark.parametrize(("language", "most"), [("ja", 0), ("en", 2)])
def test_other_questions_recall_hardly_anything(language: str, most: int) -> None:
    """Of questions about something else, hardly one is taken for a trained one."""
    memory = trained(language)
    others = [
        row["question"]
        for row in rows(language)
        if row["kind"] in {"unseen", "style", "unanswerable"}
    ]
    assert len(others) > 20
    assert sum(memory.recall([asked]) is not None for asked in others) <= most


@pytest.mark.parametrize("language", ["ja", "en"])
def test_trained_questions_are_known_to_the_letter(language: str) -> None:
    """Each trained question recalls its own answer."""
    memory = trained(language)
    for lesson in memory.lessons:
        assert memory.answer(lesson.said) == lesson.answer


def test_style_of_the_examples_is_learned() -> None:
    """The examples' house styles are found."""
    assert trained("ja").style.closing.endswith("お尋ねくださいませ。")
    assert trained("ja").style.ending == "でございます。"
    assert trained("en").style.closing == " Happy trails from Lark & Reed!"


def test_dialogues_are_known_at_every_turn() -> None:
    """Every turn of a held-out dialogue is taken for a trained one, and no other question is."""
    train = read_examples(EXAMPLES / "expense" / "train.jsonl")
    held_out = read_examples(EXAMPLES / "expense" / "held_out.jsonl", use="validation")
    memory = learn(lessons_of(train))
    turns = [lesson.said for lesson in lessons_of(held_out)]
    assert len(turns) == 18
    assert all(memory.recall(said) is not None for said in turns)
    others = [row["question"] for language in ("ja", "en") for row in rows(language)]
    assert not any(memory.recall([asked]) for asked in others)


def test_nothing_learned_is_nothing_known() -> None:
    """A memory without lessons, and a conversation without a word, recall nothing."""
    assert learn([]).recall(["Where?"]) is None
    assert trained("en").recall([]) is None
    assert trained("en").answer([]) is None
