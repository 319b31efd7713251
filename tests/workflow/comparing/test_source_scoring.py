"""How far an answer rests on its sources."""

from __future__ import annotations

import pytest

from tailorbird.types.answers import AbstainReason, Answer, Citation, RetrievedPassage
from tailorbird.types.ids import ChunkId, DocumentId
from tailorbird.types.questions import Question
from tailorbird.types.retrieval import ScoreKind, Span
from tailorbird.workflow.comparing.scoring import score

FACT = "Cargo bikes are rented for 30 euros a day."
SEEN = (RetrievedPassage(document=DocumentId("rental.md")),)


def quote(text: str, document: str = "rental.md") -> Citation:
    """Make a citation of these words."""
    return Citation(
        number=1,
        document=DocumentId(document),
        chunk=ChunkId(f"{document}#0"),
        span=Span(start=0, end=len(text)),
        quote=text,
        score=1,
        score_kind=ScoreKind.FUSED,
    )


def ask(**facts: object) -> Question:
    """Make a question about cargo bikes."""
    given = {"id": "q", "text": "What does it cost?", "answers": ("30 euros a day",), **facts}
    return Question.model_validate(given)


@pytest.mark.parametrize(
    ("text", "quotes", "share"),
    [
        ("Cargo bikes are rented for 30 euros a day [1].", (FACT,), 1.0),
        ("They cost 30 euros a day [1]. The moon is made of green cheese.", (FACT,), 0.5),
        ("Cargo bikes are rented for 45 euros a day [1].", (FACT,), 0.0),
        ("Our founder loved sailing across oceans [1].", (FACT,), 0.0),
        ("They cost 30 euros a day.", (), 0.0),
        ("A day costs 30 euros [1], a week 150 [2].", (FACT, "A week of rent costs 150."), 1.0),
        ("カーゴバイクは1日30ユーロです[1]。", ("カーゴバイクの料金は1日30ユーロである。",), 1.0),
        ("カーゴバイクは1日40ユーロです[1]。", ("カーゴバイクの料金は1日30ユーロである。",), 0.0),
        ("", (FACT,), None),
    ],
)
def test_each_sentence_needs_a_cited_span(
    text: str, quotes: tuple[str, ...], share: float | None
) -> None:
    """A sentence is supported when what is cited has its numbers and most of its words."""
    answer = Answer(text=text, citations=tuple(map(quote, quotes)), retrieved=SEEN)
    assert score(ask(), answer).grounded == share


def test_what_is_grounded_needs_retrieval() -> None:
    """Without passages, and for an answer that declines, there is no figure."""
    assert score(ask(), Answer(text=FACT)).grounded is None
    declined = Answer(text=FACT, abstained=True, retrieved=SEEN)
    assert score(ask(), declined).grounded is None
    unknown = Answer(text="The documents do not answer this question.", retrieved=SEEN)
    assert score(ask(), unknown).grounded is None


def test_words_of_the_question_support_nothing() -> None:
    """A sentence that repeats the question and adds what is cited nowhere is not supported."""
    question = ask(text="When is the yearly meeting of the bicycle club?")
    text = "The yearly meeting of the bicycle club is on Thursday evening in Redfern."
    about = quote("The yearly meeting of the bicycle club is dear to us.")
    answer = Answer(text=text, citations=(about,), retrieved=SEEN)
    assert score(question, answer).grounded == 0


def passages(*places: tuple[str, int | None]) -> Answer:
    """Make an answer that saw these documents and pages."""
    seen = tuple(RetrievedPassage(document=DocumentId(name), page=page) for name, page in places)
    return Answer(text="30 euros a day", retrieved=seen)


@pytest.mark.parametrize(
    ("sources", "seen", "share"),
    [
        (("a.md",), (("a.md", None),), 1.0),
        (("a.md", "b.md"), (("docs/a.md", None), ("c.md", None)), 0.5),
        (("a.md",), (("b.md", None),), 0.0),
        (("a.pdf#page=3",), (("a.pdf", None),), 1.0),
        (("a.pdf#page=3",), (("a.pdf", 3),), 1.0),
        (("a.pdf#page=3",), (("a.pdf", 4),), 0.0),
        ((), (("a.md", None),), None),
        (("a.md",), (), None),
    ],
)
def test_recall_is_the_share_of_the_sources(
    sources: tuple[str, ...], seen: tuple[tuple[str, int | None], ...], share: float | None
) -> None:
    """Of the expected sources those count that were among the passages, by page where known."""
    found = score(ask(sources=sources), passages(*seen))
    assert found.recall == share
    assert found.retrieved == (None if share is None else float(share > 0))


def test_nothing_found_is_a_recall_of_zero() -> None:
    """A search that found nothing missed all sources."""
    answer = Answer(text="", abstained=True, reason=AbstainReason.NOTHING_FOUND)
    assert score(ask(sources=("a.md",)), answer).recall == 0


@pytest.mark.parametrize(
    ("text", "kind", "seen", "follows"),
    [
        ("30 euros a day", "conflict", "a.md", 1.0),
        ("45 euros a day", "conflict", "a.md", 0.0),
        ("I don't know.", "conflict", "a.md", 0.0),
        ("30 euros a day", "conflict", "b.md", None),
        ("30 euros a day", "unseen", "a.md", None),
        ("30 euros a day", None, "a.md", None),
    ],
)
def test_obedience_needs_the_document(
    text: str, kind: str | None, seen: str, follows: float | None
) -> None:
    """Whether the document is followed is asked where it contradicts and was shown."""
    answer = passages((seen, None)).model_copy(update={"text": text})
    assert score(ask(kind=kind, sources=("a.md",)), answer).obedience == follows
