"""Answers that share what is equal in them."""

from __future__ import annotations

from tailorbird.types.answers import Answer, Citation, RetrievedPassage
from tailorbird.types.ids import ChunkId, DocumentId
from tailorbird.types.retrieval import ScoreKind, Span
from tailorbird.types.usage import Usage
from tailorbird.workflow.comparing.sharing import Pool


def _answer(text: str) -> Answer:
    span = Span(start=0, end=9)
    return Answer(
        text=text,
        citations=(
            Citation(
                number=1,
                document=DocumentId("faq"),
                chunk=ChunkId("faq#0"),
                span=span,
                quote="It is red",
                score=0.5,
                score_kind=ScoreKind.FUSED,
            ),
        ),
        retrieved=(
            RetrievedPassage(document=DocumentId("faq"), span=span, score=0.5),
            RetrievedPassage(document=DocumentId("old")),
        ),
        usage=Usage(input_tokens=7),
    )


def test_a_pooled_answer_equals_the_one_given() -> None:
    """Neither the answer, nor what it is written as, nor its given fields change."""
    pool = Pool()
    for text in ("It is red [1]", "Red [1]", "It is red [1]"):
        given = _answer(text)
        assert pool.answer(_answer(text)) == given
        assert pool.answer(_answer(text)).model_dump_json() == given.model_dump_json()
        assert pool.answer(_answer(text)).model_fields_set == {
            *given.model_fields_set,
            "rerank_usage",
        }


def test_equal_parts_are_kept_once() -> None:
    """Passages and usage that equal earlier ones are the earlier ones, and so are sets of names."""
    pool = Pool()
    first, second = pool.answer(_answer("a")), pool.answer(_answer("b"))
    assert second.retrieved is first.retrieved
    assert second.usage is first.usage
    assert second.rerank_usage is first.rerank_usage
    assert second.model_fields_set is first.model_fields_set
    assert second.citations[0].model_fields_set is first.citations[0].model_fields_set


def test_unequal_parts_stay_apart() -> None:
    """What differs is not mixed up."""
    pool = Pool()
    first = pool.answer(_answer("a"))
    other = pool.answer(_answer("a").model_copy(update={"usage": Usage(input_tokens=8)}))
    bare = pool.answer(Answer(text="a"))
    assert (first.usage.input_tokens, other.usage.input_tokens) == (7, 8)
    assert bare.retrieved == ()
    assert bare.model_fields_set == {"text", "retrieved", "usage", "rerank_usage"}
