"""Questions that a model writes: what is kept, what is left out, what is never asked twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import tailorbird
from tailorbird import Arm, Hit, QuestionSet, SearchQuery, Workbench, Workspace
from tailorbird.exceptions import AuthenticationError, InvalidInputError
from tailorbird.protocols import Retrieval
from tailorbird.providers.fake import FakeProvider, Fault, Says, Script
from tailorbird.types import Document, DocumentId, IndexName, ModelId, Question
from tailorbird.workflow.answering.answer import Answerer
from tailorbird.workflow.answering.shots import ShotPicker
from tailorbird.workflow.questioning.making import Material, Probe, QuestionMaker
from tailorbird.workflow.questioning.plan import QuestionPlan
from tailorbird.workflow.searching.search import Searcher

FEW = QuestionPlan(paraphrase=4, unseen=3, unanswerable=2, conflict=3)


def by_kind(made: QuestionSet, kind: str) -> list[Question]:
    """Give the made questions of a kind."""
    return [one for one in made if one.kind == kind]


async def test_each_kind_is_made_and_says_what_it_was_made_from(
    bench: Workbench, rows: QuestionSet, documents: list[Document]
) -> None:
    """Rows and an indexed handbook give all four kinds, each with its origin."""
    index = await bench.build_index(documents, name="shop")
    made = await bench.make_questions(train=rows, documents=documents, index=index, plan=FEW)
    assert {one.kind for one in made} == {"paraphrase", "unseen", "unanswerable", "conflict"}
    texts = {one.id: one.text for one in documents}
    ids = {one.id: one for one in rows}
    assert len({one.id for one in made}) == len(made)
    for one in made:
        assert one.origin is not None
        assert one.origin.model == bench.role("chat").model
    for one in by_kind(made, "paraphrase"):
        assert one.origin is not None
        assert one.origin.row is not None
        row = ids[one.origin.row]
        assert one.answers == row.answers
        assert one.text != row.text
    for one in [*by_kind(made, "unseen"), *by_kind(made, "conflict")]:
        assert one.origin is not None
        assert one.origin.span is not None
        assert one.origin.document is not None
        span = one.origin.span
        stands = texts[one.origin.document][span.start : span.end]
        assert one.sources == (one.origin.document,)
        if one.kind == "unseen":
            assert one.answers[0] in stands
        else:
            assert one.swap is not None
            assert one.swap.old == stands
            assert one.answers[0] in one.swap.new
            assert one.answers[0] not in stands
    for one in by_kind(made, "unanswerable"):
        assert one.answers == ()


async def test_the_same_call_asks_nothing_again(
    rows: QuestionSet, documents: list[Document]
) -> None:
    """What was written is kept in the journal, so a second call costs nothing."""
    provider = FakeProvider()
    async with Workbench(provider) as bench:
        first = await bench.make_questions(train=rows, documents=documents, plan=QuestionPlan())
        asked = len([one for one in provider.calls if one.operation == "chat.complete"])
        second = await bench.make_questions(train=rows, documents=documents, plan=QuestionPlan())
        assert second == first
        assert len([one for one in provider.calls if one.operation == "chat.complete"]) == asked


async def test_without_material_nothing_is_asked(bench: Workbench, rows: QuestionSet) -> None:
    """A number for a kind whose material is missing names what to give."""
    with pytest.raises(InvalidInputError, match="give documents="):
        await bench.make_questions(train=rows, plan=QuestionPlan(unseen=3))
    with pytest.raises(InvalidInputError, match="no question can be made"):
        await bench.make_questions()


async def test_kinds_without_material_are_left_out(bench: Workbench, rows: QuestionSet) -> None:
    """A plan that was left alone makes what can be made."""
    made = await bench.make_questions(train=rows, plan=QuestionPlan(seed=3))
    assert {one.kind for one in made} == {"paraphrase"}


async def test_too_few_rows_are_told(bench: Workbench, rows: QuestionSet) -> None:
    """Fewer questions than were wanted is a warning, with what was left out and why."""
    made = await bench.make_questions(train=rows, plan=QuestionPlan(paraphrase=50))
    assert 0 < len(made) < 50
    assert [one.code for one in made.problems if one.severity == "warning"] == ["made.too-few"]


WRITTEN: Sequence[tuple[str, str]] = (
    ('{"rewording": ""}', "no question was written"),
    ('{"rewording": "How long is the warranty on the frames?"}', "nearly the words"),
    ('{"rewording": "フレームの保証期間はどれくらいですか"}', "another script"),
    ('{"rewording": "Do frames really carry a 10 years guarantee, or less?"}', "tells its answer"),
)


@pytest.mark.parametrize(("written", "reason"), WRITTEN)
async def test_a_bad_paraphrase_is_left_out(written: str, reason: str) -> None:
    """Nearly the same words, another language and told answers are no paraphrases."""
    rows = QuestionSet.from_rows([("How long is the warranty on frames?", "10 years")])
    script = Script().on("chat.complete", Says(written))
    async with Workbench(FakeProvider(script=script)) as bench:
        made = await bench.make_questions(train=rows, plan=QuestionPlan(paraphrase=1))
    assert len(made) == 0
    assert any(reason in one.reason for one in made.problems)


PASSAGE = "Parking is free for 90 minutes. The shop opens at 9:30 on Saturday."
DRAWN: Sequence[tuple[str, str]] = (
    (
        (
            '{"answering_words": "Parking costs 5 euros.", "question": "What about cars?",'
            ' "short_answer": "5"}'
        ),
        "quotation does not stand",
    ),
    (
        (
            '{"answering_words": "Parking is free for 90 minutes.", "question": "May I park?",'
            ' "short_answer": "two hours"}'
        ),
        "fact does not stand",
    ),
    (
        (
            '{"answering_words": "Parking is free for 90 minutes.",'
            ' "question": "Is it 90 minutes that cars stay free?", "short_answer": "90 minutes"}'
        ),
        "tells its answer",
    ),
    (
        (
            '{"answering_words": "Parking is free for 90 minutes.",'
            ' "question": "When does the shop open on a Saturday?", "short_answer": "90 minutes"}'
        ),
        "a training row asks nearly the same",
    ),
)


@pytest.mark.parametrize(("written", "reason"), DRAWN)
async def test_a_bad_question_on_a_document_is_left_out(
    rows: QuestionSet, written: str, reason: str
) -> None:
    """Quotation and fact must stand in the document, and the question must not be trained."""
    script = Script().on("chat.complete", Says(written))
    plan = QuestionPlan(paraphrase=0, unseen=1)
    shop = [Document(id=DocumentId("shop"), text=PASSAGE, title="Shop")]
    async with Workbench(FakeProvider(script=script)) as bench:
        made = await bench.make_questions(train=rows, documents=shop, plan=plan)
    assert len(made) == 0
    assert any(reason in one.reason for one in made.problems)


async def test_a_fact_in_other_width_is_taken_as_it_stands() -> None:
    """The accepted answer is the document's own words, however the model wrote them."""
    written = (
        '{"answering_words": "parking is free for 90 minutes", "question": "May I park?",'
        ' "short_answer": "９０ MINUTES"}'
    )
    script = Script().on("chat.complete", Says(written))
    shop = [Document(id=DocumentId("shop"), text=PASSAGE, title="Shop")]
    async with Workbench(FakeProvider(script=script)) as bench:
        made = await bench.make_questions(documents=shop, plan=QuestionPlan(unseen=1))
    assert made[0].answers == ("90 minutes", "Parking is free for 90 minutes")


SWAPPED: Sequence[tuple[str, str]] = (
    ('{"answering_words": " ", "fact": "", "other_fact": ""}', "does not answer the training row"),
    (
        (
            '{"answering_words": "The shop opens at 9:30 on Saturday.", "fact": "Saturday",'
            ' "other_fact": "Sunday"}'
        ),
        "not the trained one",
    ),
    (
        (
            '{"answering_words": "Parking is free for 90 minutes.", "fact": "90 minutes",'
            ' "other_fact": "90 Minutes"}'
        ),
        "stands in the passage already",
    ),
    (
        (
            '{"answering_words": "Parking is free for 90 minutes.", "fact": "90 minutes",'
            ' "other_fact": ""}'
        ),
        "stands in the passage already",
    ),
)


@pytest.mark.parametrize(("written", "reason"), SWAPPED)
async def test_a_bad_swap_is_left_out(written: str, reason: str) -> None:
    """What is swapped must be the trained fact, and what comes in must be another one."""
    rows = QuestionSet.from_rows([("Is parking free?", "Yes, for 90 minutes.")])
    shop = [Document(id=DocumentId("shop"), text=PASSAGE, title="Shop")]
    script = Script().on("chat.complete", Says(written))
    plan = QuestionPlan(paraphrase=0, unseen=0, unanswerable=0, conflict=1)
    async with Workbench(FakeProvider(script=script)) as bench:
        index = await bench.build_index(shop, name="shop")
        made = await bench.make_questions(train=rows, index=index, plan=plan)
    assert len(made) == 0
    assert any(reason in one.reason for one in made.problems)


async def test_the_fact_may_stand_in_the_second_sentence() -> None:
    """The fake swaps the fact of what answers, also where the nearest sentence holds none."""
    rows = QuestionSet.from_rows(
        [("Which city is the head office in?", "Lisbon; it has 40 desks.")]
    )
    text = "The head office is in the city of Lisbon. The head office has 40 desks."
    office = [Document(id=DocumentId("office"), text=text)]
    plan = QuestionPlan(paraphrase=0, unseen=0, unanswerable=0, conflict=1)
    async with Workbench(FakeProvider()) as bench:
        index = await bench.build_index(office, name="office")
        [made] = await bench.make_questions(train=rows, index=index, plan=plan)
    assert made.answers[0] == "43"


async def test_what_the_documents_answer_is_not_unanswerable(rows: QuestionSet) -> None:
    """A question that is to have no answer is asked of the documents before it is taken."""
    shop = [Document(id=DocumentId("shop"), text=PASSAGE, title="Shop")]
    plan = QuestionPlan(paraphrase=0, unseen=0, unanswerable=1, conflict=0)
    told = '{"unanswered_question": "How many minutes is parking free?"}'
    trained = '{"unanswered_question": "When does the shop open on Saturday"}'
    for written, reason in ((told, "the documents answer"), (trained, "nearly the same")):
        script = Script().on("chat.complete", Says(written), occurrence=1)
        async with Workbench(FakeProvider(script=script)) as bench:
            index = await bench.build_index(shop, name="shop")
            made = await bench.make_questions(
                train=rows, documents=shop, index=index, plan=plan.model_copy(update={"tries": 1})
            )
        assert len(made) == 0
        assert any(reason in one.reason for one in made.problems)


async def test_what_a_model_declines_costs_one_question_only() -> None:
    """A form that cannot be read is counted, and the next row is asked."""
    rows = QuestionSet.from_rows(
        [("How long is the warranty on frames?", "10 years"), ("Is there a track?", "Yes, 200 m")]
    )
    script = Script().on("chat.complete", Says("no form"), occurrence=1)
    async with Workbench(FakeProvider(script=script)) as bench:
        made = await bench.make_questions(train=rows, plan=QuestionPlan(paraphrase=1))
    assert len(made) == 1
    assert any("OutputInvalidError" in one.reason for one in made.problems)


async def test_trouble_with_the_provider_is_one_plain_error(rows: QuestionSet) -> None:
    """A wrong key ends the making with its own error, not with a group."""
    script = Script().on("chat.complete", Fault.wrong_key(), times=100)
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(AuthenticationError):
            await bench.make_questions(train=rows)


async def test_few_chunks_are_picked_from_many() -> None:
    """Of more chunks than can be tried, each has its chance, and the seed decides."""
    towns = ("Antwerp", "Bruges", "Charleroi", "Dinant", "Eupen", "Florennes", "Ghent", "Hasselt")
    shops = [
        Document(id=DocumentId(town), text=f"In {town} bells ring {n} times.", title=town)
        for n, town in enumerate(towns, start=20)
    ]
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        plans = [QuestionPlan(unseen=1, tries=2, seed=seed) for seed in range(6)]
        made = [await bench.make_questions(documents=shops, plan=plan) for plan in plans]
    assert all(len(one) == 1 for one in made)
    assert len({frozenset(question.sources for question in one) for one in made}) > 1


async def test_japanese_documents_and_rows_give_japanese_questions() -> None:
    """The order is in the language of what the question is made from, and so is the question."""
    rows = QuestionSet.from_rows([("駐輪場は無料ですか。", "はい、90分まで無料でございます。")])
    texts = {
        "shop": "# 駐輪場\n\n駐輪場は90分まで無料です。",
        "club": "サイクリングクラブは毎週木曜日に地下室で集まります。",
    }
    docs = [Document(id=DocumentId(name), text=text, title="店") for name, text in texts.items()]
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        await bench.build_index(docs, name="shop")
        made = await bench.make_questions(train=rows, documents=docs, index="shop", plan=FEW)
    assert {one.kind for one in made} == {"paraphrase", "unseen", "unanswerable", "conflict"}
    assert all(any("\u3041" <= char <= "\u309f" for char in one.text) for one in made)


async def test_a_folder_can_be_named(tmp_path: Path) -> None:
    """Documents are read where a path is given; headings and empty files give no question."""
    (tmp_path / "shop.md").write_text("# Parking\n\nBicycles wait underneath Hawthorn Bridge.\n")
    (tmp_path / "empty.md").write_text("# Parking\n")
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        made = await bench.make_questions(documents=tmp_path, plan=QuestionPlan(unseen=2))
    assert [one.sources for one in made] == [("shop.md",)]
    assert made[0].answers[0] in {"underneath", "Hawthorn", "Bicycles"}


async def test_a_lost_number_makes_another_question() -> None:
    """A paraphrase keeps the numbers that its row asks about."""
    rows = QuestionSet.from_rows([("Is locker 12 free on Sundays?", "Yes, all day long.")])
    script = Script().on("chat.complete", Says('{"rewording": "May I use a locker on Sunday?"}'))
    async with Workbench(FakeProvider(script=script)) as bench:
        made = await bench.make_questions(train=rows, plan=QuestionPlan(paraphrase=1))
    assert len(made) == 0
    assert any("number" in one.reason for one in made.problems)


async def test_rows_without_a_passage_make_no_conflict(rows: QuestionSet) -> None:
    """Where an engine finds nothing for a row, nothing is swapped, and the model is not asked."""

    async def nothing(name: str, query: SearchQuery) -> tuple[Hit, ...]:
        del name, query
        return ()

    plan = QuestionPlan(paraphrase=0, conflict=1, tries=1)
    async with FakeProvider() as provider, Workspace(None) as workspace:
        maker = QuestionMaker(
            chat=provider.chat,
            model=ModelId("fake-chat"),
            journal=workspace.journal,
            identity=provider.identity,
            plan=plan,
        )
        searcher = Searcher(
            retrieval=cast("Retrieval", SimpleNamespace(search=nothing)), embedder=None
        )
        answerer = Answerer(
            chat=provider.chat,
            clock=provider.clock,
            searcher=searcher,
            shots=ShotPicker(embedder=None),
        )
        probe = Probe(
            index=IndexName("shop"),
            searcher=searcher,
            answerer=answerer,
            arm=Arm(name="a", model=ModelId("fake-chat")),
        )
        made = await maker.make(Material(train=rows, probe=probe))
        assert provider.calls == ()
    assert len(made) == 0
    assert any("no passage" in one.reason for one in made.problems)
