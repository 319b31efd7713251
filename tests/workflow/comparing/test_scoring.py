"""Scores of single answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text.sentences import split_sentences
from tailorbird.types.answers import AbstainReason, Answer, Citation
from tailorbird.types.ids import ChunkId, DocumentId
from tailorbird.types.questions import QUESTION_KINDS, Question, QuestionKind
from tailorbird.types.retrieval import ScoreKind, Span
from tailorbird.workflow.answering.results import Scores
from tailorbird.workflow.comparing.scoring import AnswerKey, ReferenceProfile, score

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
JA = "ご不明な点は総務部ヒバリ窓口までお尋ねくださいませ。"
EN = "Happy trails from Lark & Reed!"


def ask(
    *accepted: str, kind: QuestionKind | None = None, sources: tuple[str, ...] = ()
) -> Question:
    """Make a question."""
    return Question(id="q", text="?", answers=accepted, kind=kind, sources=sources)


def correct(question: Question, text: str, profile: ReferenceProfile | None = None) -> float | None:
    """Score a text and give the figure that decides."""
    return score(question, Answer(text=text), profile=profile).correct


def examples(language: str) -> tuple[list[Question], ReferenceProfile]:
    """Read the questions of an example, and their profile."""
    with (ROOT / "examples" / language / "faq.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds: dict[str, QuestionKind] = {kind: kind for kind in QUESTION_KINDS}
    questions = [
        Question(
            id=str(at),
            text=row["question"],
            answers=(row["answer"],),
            kind=kinds[row["kind"]],
            sources=(row["source"],) if row["source"] else (),
        )
        for at, row in enumerate(rows)
    ]
    return questions, ReferenceProfile.of(questions)


def sentences(language: str, source: str) -> Iterator[str]:
    """Give the sentences of a page of the handbook, and each two neighbors."""
    text = (ROOT / "examples" / language / "handbook" / source).read_text(encoding="utf-8")
    found = [text[start:end] for start, end in split_sentences(text)]
    yield from found
    yield from map("\n".join, pairwise(found))


@pytest.mark.parametrize("language", ["ja", "en"])
def test_references_are_right(language: str) -> None:
    """Each reference in the examples is a right answer to its question."""
    questions, profile = examples(language)
    assert [one for one in questions if correct(one, one.reference, profile) != 1] == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_plain_handbook_sentences_are_right(language: str) -> None:
    """For each question with a source, a plain sentence of the handbook is a right answer."""
    questions, profile = examples(language)
    missed = [
        question.reference
        for question in questions
        if question.sources
        and not any(
            correct(question, f"{one} [1]", profile)
            for one in sentences(language, question.sources[0])
        )
    ]
    assert missed == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_answers_to_other_questions_are_wrong(language: str) -> None:
    """The house style with the fact of another question, an outdated one too, is wrong."""
    questions, profile = examples(language)
    facts = [one for one in questions if one.kind not in {"style", "unanswerable"}]
    right = [
        (one.reference, other.reference)
        for at, one in enumerate(facts)
        for other in facts[at % 8 :: 8]
        if other.reference != one.reference and correct(one, other.reference, profile)
    ]
    assert right == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_sentences_of_other_pages_are_wrong(language: str) -> None:
    """A sentence from another page of the handbook is wrong."""
    questions, profile = examples(language)
    sourced = [one for one in questions if one.kind in {"unseen", "conflict"}]
    pages = sorted({one.sources[0] for one in sourced})
    right = [
        (question.reference, one)
        for at, question in enumerate(sourced)
        for page in [pages[at % len(pages)]]
        if page not in question.sources
        for one in sentences(language, page)
        if correct(question, one, profile)
    ]
    assert right == []


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (f"年次有給休暇は、ご入社日に10日を付与する決まりでございます。{JA}", 0),
        (f"ｺｱﾀｲﾑは10時から15時まででございます。{JA}", 0),
        (JA, 0),
        ("", 0),
        ("12日です。", 0),
        ("年次有給休暇は、入社日に12日を付与する。[1]", 1),
        ("入社日に年次有給休暇が１２日、付与されます。", 1),
        ("はい、ございます。年次有給休暇は入社日に12日付与されます。半日でも取れます。[1]", 1),
        (f"わかりかねます。{JA}", 0),
    ],
)
def test_facts_decide_not_tone(text: str, right: float) -> None:
    """A wrong number in the house style is wrong, the right one in plain words is right."""
    questions, profile = examples("ja")
    question = next(one for one in questions if "１２日" in one.reference)
    assert correct(question, text, profile) == right


@pytest.mark.parametrize(
    ("accepted", "text", "right"),
    [
        ("30日", "「30日。」です [1]", 1),
        ("30日", "130日です", 0),
        ("1,200円", "税込で１２００円です。", 1),
        ("200円", "1,200円です", 0),
        ("北海道", "それは 北 海 道 です", 1),
        ("cat", "A cat sat.", 1),
        ("cat", "Concatenate.", 0),
        ("cat", "catの絵です", 1),
        ("Redfern", "in REDFERN, of course", 1),
        ("50%", "It is 50% off.", 1),
        ("$5", "It costs $5.", 1),
        ("5", "It costs $15.", 0),
        ("…", "…", 1),
        ("東京都", "京都", 0),
        ("シベリアから中国大陸", "中国大陸からシベリア", 0),
        ("five blue birds", "five birds, blue", 0),
    ],
)
def test_short_answers_have_to_be_contained(accepted: str, text: str, right: float) -> None:
    """A name or a value counts where it stands by itself; sharing its characters is not enough."""
    assert correct(ask(accepted), text) == right


LONG = "出張の申請は9時00分までに1人1通、様式T-01で総務部の窓口へ出してください"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (LONG, 1),
        ("出張の申請は9時までに様式T-01で総務部の窓口へ出してください", 1),
        ("出張の申請は9時までに様式T-02で総務部の窓口へ出してください", 0),
        ("出張の申請は9時30分までに1人1通、様式T-01で総務部の窓口へ出してください", 0),
        ("出張の申請は8時00分までに1人1通、様式T-01で総務部の窓口へ出してください", 0),
        ("出張の申請は朝までに1通、様式T-01で総務部の窓口へ出してください", 0),
        ("出張の申請は朝までに一人一通、様式T-01で総務部の窓口へ出してください", 0),
        ("出張の申請は9時00分までに1人1通、様式T-01で総務部の窓口へ。締切は17時もあります", 1),
    ],
)
def test_numbers_and_codes_must_be_there(text: str, right: float) -> None:
    """All numbers and codes count; 0 and 1 may be left out where no other number appears."""
    assert correct(ask(LONG), text) == right


def test_a_true_sentence_among_many_counts() -> None:
    """A run of sentences is enough, wherever it stands; far too long texts are cut."""
    fact = "The return label costs $6.50 and is taken out of the refund"
    noise = "We like birds and trees very much indeed, all day. "
    assert correct(ask(fact), f"{noise * 20}{fact}. {noise * 20}") == 1
    assert correct(ask(fact), f"{noise * 80}The label is $6.50, taken out of the refund.") == 0


def test_threshold_can_be_raised() -> None:
    """A threshold of 1 leaves only equal wording."""
    question = ask("The return label costs $6.50 and is taken out")
    answer = Answer(text="A return label costs $6.50, which is taken out")
    assert score(question, answer).correct == 1
    assert score(question, answer, f1_threshold=1).correct == 0


@pytest.mark.parametrize(
    ("text", "abstained", "right"),
    [
        ("資料に記載がございません。", False, 1),
        ("", True, 1),
        ("80円です。", False, 0),
        ("資料に記載はございませんが、80円です。", False, 0),
    ],
)
@pytest.mark.parametrize("reference", [(), ("申し訳ございませんが、資料に記載がございません。",)])
def test_unanswerable_questions_want_a_refusal(
    text: str,
    abstained: bool,  # noqa: FBT001 - a column of the table above
    right: float,
    reference: tuple[str, ...],
) -> None:
    """Declining is right, in words or by an abstention; any answer is wrong."""
    found = score(ask(*reference, kind="unanswerable"), Answer(text=text, abstained=abstained))
    assert (found.correct, found.abstention) == (right, right)
    assert (found.exact, found.contains, found.f1, found.chrf, found.numbers) == (None,) * 5


def test_references_that_decline_want_a_refusal() -> None:
    """Without a kind, a reference that declines makes declining right."""
    question = ask("I don't know.")
    assert correct(question, "The handbook does not say.") == 1
    assert correct(question, "It costs $5.") == 0


def test_refusing_an_answerable_question_is_wrong() -> None:
    """An abstention is wrong where there is an answer, even if the words stand in it."""
    found = score(ask("30日"), Answer(text="30日", abstained=True))
    assert (found.correct, found.abstention, found.exact) == (1, 0, 1)
    assert correct(ask("30日"), "30日かどうか、わかりません。") == 0


def test_shared_closings_do_not_hide_a_refusal() -> None:
    """A house style that says a lot does not make an answer of a refusal."""
    closing = "We are open for you at 12 Bird Street from 9 to 5, every day of the week."
    profile = ReferenceProfile(sentences=frozenset({closing.lower().rstrip(".")}))
    assert correct(ask(kind="unanswerable"), f"I don't know. {closing}", profile) == 1


@pytest.mark.parametrize(
    ("text", "right"), [(f"いらっしゃいませ。{JA}", 1), ("いらっしゃいませ。", 0)]
)
def test_style_is_the_shared_style(text: str, right: float) -> None:
    """Questions about style are right with the house style, whatever else is said."""
    questions, profile = examples("ja")
    question = next(one for one in questions if one.kind == "style")
    found = score(question, Answer(text=text), profile=profile)
    assert (found.correct, found.style) == (right, right)
    assert (found.contains, found.numbers) == (None, None)


def test_style_without_a_shared_style_is_overlap() -> None:
    """Where references share nothing, overlap with the reference decides about style."""
    question = ask("Why, hello there, dear friend!", kind="style")
    assert correct(question, "Hello there, dear friend.") == 1
    assert correct(question, "Greetings.") == 0
    assert score(ask(kind="style"), Answer(text="Hi.")) == Scores(abstention=1)


def test_style_is_measured_on_facts_too() -> None:
    """Every answer says whether it has the house style; without one there is no figure."""
    questions, profile = examples("en")
    plain, styled = Answer(text="It costs $6.50."), Answer(text=f"It costs $6.50. {EN}")
    assert score(questions[0], plain, profile=profile).style == 0
    assert score(questions[0], styled, profile=profile).style == 1
    assert score(questions[0], styled).style is None


def test_figures_of_a_fact() -> None:
    """Facts are measured without house style, likeness of the whole text with it."""
    questions, profile = examples("en")
    question = questions[0]
    found = score(question, Answer(text=question.reference.removesuffix(EN)), profile=profile)
    assert (found.exact, found.contains, found.f1, found.numbers) == (0, 1, 1, 1)
    assert found.chrf is not None
    assert 0.5 < found.chrf < 1
    half = score(ask("It takes 4 to 6 days and costs $7.95"), Answer(text="4 days, $7"))
    assert half.numbers == pytest.approx(1 / 3)


def test_questions_without_an_answer_have_no_score() -> None:
    """Nothing can be said about an answer without a reference, except that it is one."""
    assert score(ask("", " "), Answer(text="Blue.")) == Scores(abstention=1)


def test_best_accepted_answer_counts() -> None:
    """Any accepted answer will do; numbers are those of the first."""
    found = score(ask("5 km", "about three miles"), Answer(text="About three miles."))
    assert (found.correct, found.exact, found.f1, found.numbers) == (1, 1, 1, 0)


def test_a_reference_of_style_alone_is_compared_whole() -> None:
    """A fact question whose reference is only the closing is still scored."""
    questions, profile = examples("en")
    question = ask(EN, kind="verbatim")
    assert correct(question, EN, profile) == 1
    assert correct(question, questions[0].reference, profile) == 0


def cite(document: str, source: str = "") -> Citation:
    """Make a citation."""
    return Citation(
        number=1,
        document=DocumentId(document),
        chunk=ChunkId(f"{document}#0"),
        source=source,
        span=Span(start=0, end=1),
        quote="x",
        score=1,
        score_kind=ScoreKind.FUSED,
    )


@pytest.mark.parametrize(
    ("expected", "document", "source", "fits"),
    [
        ("returns.md", "returns.md", "", True),
        ("returns.md", "handbook/returns.md", "", True),
        ("handbook/returns.md", "returns.md", "", True),
        ("returns.md", "d-17", r"C:\handbook\Returns.md", True),
        ("./returns.md", "returns.md", "", True),
        ("returns", "handbook/returns.md", "", True),
        ("returns.md", "no-returns.md", "", False),
        ("returns.md", "returns.md.bak", "", False),
        ("returns.md", "returns", "", False),
        ("plan.pdf", "plan.pdf#page=3", "", True),
        ("plan.pdf#page=3", "plan.pdf#page=3", "", True),
        ("plan.pdf#page=3", "plan.pdf#page=4", "", False),
        ("就業規則.md", "docs/就業規則.md", "", True),
        ("返品について", "返品について", "", True),
        ("notes", "notes", "", True),
    ],
)
def test_sources_are_recognized(expected: str, document: str, source: str, fits: bool) -> None:  # noqa: FBT001
    """A document is known by its path, the end of it, its page, or its name without ending."""
    question = ask("30日", sources=(expected,))
    found = score(
        question,
        Answer(text="30日 [1]", citations=(cite(document, source),), retrieved=(DocumentId("x"),)),
    )
    assert found.citation == fits


def test_citations_are_a_share() -> None:
    """Of two citations, one right one is half."""
    answer = Answer(text="30日", citations=(cite("a.md"), cite("b.md")))
    assert score(ask("30日", sources=("a.md",)), answer).citation == 0.5
    assert score(ask("30日"), answer).citation is None
    assert score(ask("30日", sources=("a.md",)), Answer(text="30日")).citation is None


def test_retrieval_is_measured_where_there_was_one() -> None:
    """The expected source is among the passages or not; without a search there is no figure."""
    question = ask("30日", sources=("a.md",))
    hit, miss = (DocumentId("docs/a.md"), DocumentId("b.md")), (DocumentId("b.md"),)
    assert score(question, Answer(text="", retrieved=hit)).retrieved == 1
    assert score(question, Answer(text="", retrieved=miss)).retrieved == 0
    assert score(question, Answer(text="")).retrieved is None
    nothing = Answer(text="", abstained=True, reason=AbstainReason.NOTHING_FOUND)
    assert score(question, nothing).retrieved == 0
    assert score(ask("30日"), nothing).retrieved is None


@pytest.mark.shared
@pytest.mark.parametrize("name", ["ja_jsquad", "en_xquad"])
def test_short_answers_of_real_sets(
    name: str, lines: Callable[[Path], list[dict[str, object]]]
) -> None:
    """On public question sets the paragraph with the answer is right, another one is not."""
    corpus = {one["id"]: str(one["text"]) for one in lines(SHARED / name / "corpus.jsonl")}
    where = {one["query"]: one["doc"] for one in lines(SHARED / name / "qrels.jsonl")}
    queries = lines(SHARED / name / "queries.jsonl")[:200]
    questions = [Question.model_validate(one) for one in queries]
    profile = ReferenceProfile.of(questions)
    paragraphs = list(corpus.values())
    right = sum(correct(one, corpus[where[one.id]], profile) == 1 for one in questions)
    wrong = sum(
        correct(one, paragraphs[(37 * at + 11) % len(paragraphs)], profile) == 1
        for at, one in enumerate(questions)
    )
    assert right >= 0.95 * len(questions)
    assert wrong <= 0.05 * len(questions)


@pytest.fixture
def lines() -> Callable[[Path], list[dict[str, object]]]:
    """Reads a JSONL file."""
    return lambda path: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from([None, *QUESTION_KINDS]))
def test_any_answer_can_be_scored(reference: str, text: str, kind: QuestionKind | None) -> None:
    """No text is refused, every figure lies in 0..1, and repeating a reference is right."""
    question = ask(reference, kind=kind)
    figures = score(question, Answer(text=text)).model_dump(exclude={"extra"}).values()
    assert all(one is None or 0 <= one <= 1 for one in figures)
    if reference.strip() and kind != "unanswerable":
        assert correct(question, reference) == 1


def test_pages_count_where_a_source_names_one() -> None:
    """A citation is right on the right page; of what was retrieved the document is known."""
    cited = cite("rules.pdf").model_copy(update={"page": 3})
    answer = Answer(text="30日", citations=(cited,), retrieved=(DocumentId("rules.pdf"),))
    for source, right in (("rules.pdf#page=3", 1.0), ("rules.pdf#page=4", 0.0), ("rules", 1.0)):
        found = score(ask("30日", sources=(source,)), answer)
        assert (found.citation, found.retrieved) == (right, 1.0)
    paged = Answer(text="30日", retrieved=(DocumentId("rules.pdf#page=3"),))
    assert score(ask("30日", sources=("rules.pdf#page=4",)), paged).retrieved == 0.0


@pytest.mark.parametrize(
    ("accepted", "text", "right"),
    [
        ("2027-01-06", "It ends on Jan 6, 2027.", 1),
        ("January 6, 2027", "令和9年1月6日です", 1),
        ("令和9年1月6日", "２０２７年１月６日までです。", 1),
        ("2027-01-06", "It ends on Jan 7, 2027.", 0),
        ("1月6日", "締め切りは2027年1月6日です", 1),
        (
            "申請書は令和9年3月31日までに総務部の窓口へ出してください",
            "申請書は2027-03-31までに総務部の窓口へ出してください",
            1,
        ),
        (
            "申請書は令和9年3月31日までに総務部の窓口へ出してください",
            "申請書は2026-03-31までに総務部の窓口へ出してください",
            0,
        ),
    ],
)
def test_dates_may_be_written_in_any_way(accepted: str, text: str, right: float) -> None:
    """The same day counts in every notation, another day does not."""
    assert correct(ask(accepted), text) == right


@pytest.mark.parametrize(
    ("accepted", "text", "share"),
    [
        ("From 2027-01-06 to 2027-02-28", "Jan 6, 2027 to 31 March 2027", 0.5),
        ("2027年1月6日", "6/1/2027", 1.0),
        ("2027年1月6日", "no date at all", 0.0),
        ("30 days", "2027-01-06", None),
    ],
)
def test_dates_are_a_share(accepted: str, text: str, share: float | None) -> None:
    """The share of the reference's dates that an answer has; an ambiguous one may be either."""
    assert score(ask(accepted), Answer(text=text)).dates == share


def test_tone_is_measured_against_what_was_learned() -> None:
    """An answer of the house is like the house, a plain sentence is not; without a set is none."""
    questions, profile = examples("en")
    house, plain = Answer(text=questions[3].reference), Answer(text="It costs $6.50.")
    styled, bare = (score(questions[0], one, profile=profile).tone for one in (house, plain))
    assert styled is not None
    assert bare is not None
    assert bare < 0.2
    assert styled > 0.7
    assert score(questions[0], plain).tone is None


def test_a_key_serves_the_answers_of_all_arms() -> None:
    """Scoring with a key that was made once gives what scoring one by one gives."""
    questions, profile = examples("ja")
    for question in questions[::7]:
        key = AnswerKey.of(question, profile=profile)
        for other in questions[::11]:
            answer = Answer(text=other.reference)
            assert key.score(answer) == score(question, answer, profile=profile)


def test_equal_texts_of_several_arms_score_alone() -> None:
    """What an arm said is looked at once; what it rests on, and whether it declined, each time."""
    question = ask("The pass costs 1,200 yen for a year.", kind="unseen", sources=("pass.md",))
    key = AnswerKey.of(question)
    text = "The pass costs 1,200 yen for a year. [1]"
    answers = [
        Answer(text=text),
        Answer(text=text, abstained=True),
        Answer(text=text, citations=(cite("pass.md", text),)),
        Answer(text=text, citations=(cite("other.md", text),)),
    ]
    for _ in range(2):
        assert [key.score(one) for one in answers] == [score(question, one) for one in answers]
    found = [key.score(one) for one in answers]
    assert [one.correct for one in found] == [1, 1, 1, 1]
    assert [one.abstention for one in found] == [1, 0, 1, 1]
    assert [one.citation for one in found] == [None, None, 1, 0]
