"""Which questions in nearly the same words ask for different facts."""

from __future__ import annotations

import random
import string
from itertools import pairwise

import pytest

from tailorbird.data.questions.facts import NEAR, group_by_fact
from tailorbird.data.questions.split import split_by_fact
from tailorbird.types import Question, QuestionKind

AAA = "What is the price of the big item AAA?"
BBB = "What is the price of the big item BBB?"
JAPANESE_START = "就業規則と社内規程の定めるところによりますと、"


def asked(text: str, *answers: str, kind: QuestionKind | None = None) -> Question:
    """Return a question with a long beginning; its id plays no part."""
    start = "According to the handbook that we gave to you: " if text.isascii() else JAPANESE_START
    return Question(id="q", text=start + text, answers=answers, kind=kind)


def likeness(*texts: str) -> float:
    """Return the Jaccard similarity of the sets of character pairs."""
    one, other = ("".join(filter(str.isalnum, text.casefold())) for text in texts)
    pairs = ({a + b for a, b in pairwise(text)} for text in (one, other))
    first, second = pairs
    return len(first & second) / len(first | second)


def together(one: Question, other: Question) -> bool:
    """Say whether two questions are of one fact, whichever comes first."""
    assert likeness(one.text, other.text) >= NEAR
    found = {len(set(group_by_fact(pair))) == 1 for pair in ((one, other), (other, one))}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asked(AAA, "1,200 yen"), asked(BBB, "1,300 yen")),
        (asked(AAA, "It is cheap"), asked(BBB, "Nobody sells that")),
        (
            asked("How do I change the email setting in the app?", "Open Mail and pick a name."),
            asked("How do I change the language setting in the app?", "Ask your office."),
        ),
        (
            asked("Who decides about travel in the Osaka office of ours?", "Tanaka decides it."),
            asked("Who decides about travel in the Kyoto office of ours?", "Suzuki decides it."),
        ),
        (
            asked("What is the price of this phone in the shop?", "500"),
            asked("What is the price of this phone Max in the shop?", "700"),
        ),
        (
            asked("福利厚生で利用できる東京の保養所の電話番号を教えてください", "03-1234"),
            asked("福利厚生で利用できる大阪の保養所の電話番号を教えてください", "06-9876"),
        ),
        (
            asked("本日の売り場で買うことができるりんごの値段はいくらになりますか", "100円"),
            asked("本日の売り場で買うことができるみかんの値段はいくらになりますか", "80円"),
        ),
        (asked("Is the item AAA in the list?", "Yes"), asked("IS THE ITEM ABA IN THE LIST?", "No")),
        (asked("何の目的で必要ですか", "保険"), asked("政治目的で必要ですか", "いいえ")),
    ],
)
def test_another_word_and_another_answer_make_another_fact(one: Question, other: Question) -> None:
    """Questions made from one template, each with its own answer, are different facts."""
    assert not together(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # The same answer, or nearly.
        (asked(AAA, "Nobody knows"), asked(BBB, "nobody knows.")),
        (asked(AAA, "12", "1,200 yen"), asked(BBB, "9", "1,200 yen")),
        (asked(AAA, "14 days"), asked(BBB, "14 working days")),
        (asked(AAA, "yes"), asked(BBB, "Yes, within 14 days")),
        (
            asked(AAA, "Ask the front desk in the hall."),
            asked(BBB, "Ask the front desk at the gate."),
        ),
        (asked(AAA, "Item AAA is made by Contoso."), asked(BBB, "Item BBB is made by Contoso.")),
        # The same words, or other forms of them.
        (asked(AAA, "5"), asked("what is the price of the big item aaa", "7")),
        (
            asked("How long does the refund of a ticket take?", "5"),
            asked("How long do refunds of a ticket take?", "7"),
        ),
        (
            asked("Where is the price of the big item AAA?", "5"),
            asked("Where is price of a big item AAA?", "7"),
        ),
        (
            asked("社内のメールサーバの管理者は誰になりますか", "田中"),
            asked("社内のメールサーバーの管理者は誰になりますか", "情報課"),
        ),
        (
            asked("引越しをするときに必要な届け出の書類は何ですか", "住所届"),
            asked("引っ越しをするときに必要な届け出の書類は何ですか", "所定の用紙"),
        ),
        (
            asked("この施設で使うことができる設備はどこにありますか", "一階"),
            asked("この施設で使うことができる設備はどこにあるの", "奥"),
        ),
        (
            asked("あのときのこれはいつからつかえますか、おしえて", "春"),
            asked("あのときのこれはいつからつかえますか。おしえて", "秋"),
        ),
        (
            asked("あれはここで、これはそこで、それはどこで、いつかえますか", "春"),
            asked("これはここで、あれはそこで、それはどこで、いつかえますか", "秋"),
        ),
        # One tells what the other asks for.
        (
            asked("1つの焦点を固定しもう1つを一方向に引き伸ばすと何が得られるか", "放物線"),
            asked("1つの焦点を固定しもう1つを一方向に引き伸ばすと放物線が得られるか", "その通り"),
        ),
    ],
)
def test_in_doubt_near_questions_are_one_fact(one: Question, other: Question) -> None:
    """Near answers, forms of a word, grammar, and questions that tell it are no evidence."""
    assert together(one, other)


@pytest.mark.parametrize("kind", ["unanswerable", "conflict"])
def test_without_a_true_answer_names_decide(kind: QuestionKind) -> None:
    """A refusal or a contradiction belongs to one question of a template, not to all of them."""
    assert not together(asked(AAA, "5 yen"), asked(BBB, "7 yen", kind=kind))
    assert not together(asked(AAA, "5 yen"), asked(BBB))
    assert together(asked(AAA, "5 yen"), asked(AAA, "7 yen", kind=kind))
    assert together(asked(AAA, "5 yen"), asked(AAA.replace("big", "large"), "7 yen", kind=kind))
    tokyo, osaka = (
        f"福利厚生で利用できる{city}の保養所の電話番号を教えてください" for city in ("東京", "大阪")
    )
    term, span = (
        f"お買い上げの商品の返品ができる{word}はどれくらいになりますか" for word in ("期限", "期間")
    )
    assert not together(asked(tokyo, "03"), asked(osaka, "06", kind=kind))
    assert together(asked(term, "30日"), asked(span, "60日", kind=kind))


def test_rows_that_ask_the_same_bring_all_their_answers() -> None:
    """A near question is compared with every answer that is known to the other one."""
    rows = [asked(AAA, "5 yen"), asked(AAA, "7 yen"), asked(BBB, "7 yen")]
    assert len(set(group_by_fact(rows))) == 1


def test_a_templated_file_can_be_divided() -> None:
    """500 rows that differ in one code each, with own answers, give as many facts and two parts."""
    rng = random.Random(5)  # noqa: S311 - a test, no secret
    codes = sorted({"".join(rng.choices(string.ascii_uppercase, k=6)) for _ in range(500)})
    for rows in (
        [
            asked(f"What is the price of item {code}?", f"{len(code) * at} yen")
            for at, code in enumerate(codes)
        ],
        [
            asked(f"What is the price of item {code}?", f"{at} yen")
            for at, code in enumerate(codes[:12])
        ],
    ):
        split = split_by_fact(rows, held_out=0.25, seed=7)
        assert split.facts == len(rows)
        assert abs(len(split.held_out) - len(rows) / 4) <= 1
