"""How far an answer rests on its sources: retrieved, cited, grounded, obeyed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.retrieval.quoting import bears_out
from tailorbird.text.terms import search_terms
from tailorbird.types.answers import AbstainReason
from tailorbird.workflow.searching.sources import is_among, place_names, without_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.answers import Answer, RetrievedPassage
    from tailorbird.types.questions import Question

GROUNDED_FROM = 0.5
"""Share of a sentence's terms that have to stand in what is cited, for it to be supported.

Measured on `examples/` (2026-11) with the facts of the reference answers, without house style: 94 %
(Japanese) and 78 % (English) are supported by a single sentence of the page that holds them, and
4 % of either by some sentence of another page.
"""

_ONLY_HIRAGANA = re.compile("[\u3041-\u309fー]+")


def cited(question: Question, answer: Answer) -> float | None:
    """Give the share of the citations that name an expected source; None without any of either."""
    if not question.sources or not answer.citations:
        return None
    hits = sum(
        is_among(question.sources, *place_names(one.document, one.source, page=one.page))
        for one in answer.citations
    )
    return hits / len(answer.citations)


def recalled(question: Question, answer: Answer) -> float | None:
    """Give the share of the expected sources that were among the passages, 0..1.

    None for a question without sources, and for an answer without retrieval.
    """
    searched = bool(answer.retrieved) or answer.reason is AbstainReason.NOTHING_FOUND
    if not question.sources or not searched:
        return None
    found = sum(_was_retrieved(source, answer) for source in question.sources)
    return found / len(question.sources)


def _was_retrieved(source: str, answer: Answer) -> bool:
    return any(_is_from(one, source) for one in answer.retrieved)


def _is_from(passage: RetrievedPassage, source: str) -> bool:
    names = place_names(passage.document, passage.source, page=passage.page)
    if not any("#" in name for name in names):
        # Its page is not known, so that of the source cannot be asked for.
        source = without_page(source)
    return is_among((source,), *names)


def grounded(answer: Answer, sentences: Sequence[str], *, question: str) -> float | None:
    """Give the share of an answer's sentences that a cited span supports, 0..1.

    A sentence is supported when what is cited has all its numbers, and at least half of its terms
    that the question does not have. None for an answer without retrieval, for an abstention, and
    for one that says nothing.

    Args:
        answer: The answer; what is cited are the quotes of its citations.
        sentences: Its sentences without house style and citation marks.
        question: What was asked.
    """
    if answer.abstained or not answer.retrieved or not sentences:
        return None
    quotes = [one.quote for one in answer.citations]
    known = {term for quote in quotes for term in search_terms(quote)}
    supported = sum(_is_supported(one, quotes, known, question) for one in sentences)
    return supported / len(sentences)


def _is_supported(sentence: str, quotes: Sequence[str], known: set[str], question: str) -> bool:
    if not quotes or not bears_out(sentence, quotes, question=question):
        return False
    terms = {one for one in search_terms(sentence) if not _ONLY_HIRAGANA.fullmatch(one)}
    said = terms.difference(search_terms(question)) or terms
    return not said or len(said & known) >= GROUNDED_FROM * len(said)


def obeyed(question: Question, *, recall: float | None, right: float | None) -> float | None:
    """Say whether an answer follows the document that contradicts what was learned: 1 or 0.

    None for questions of another kind than `conflict`, and where the document was not shown.
    """
    if question.kind != "conflict" or not recall:
        return None
    return right
