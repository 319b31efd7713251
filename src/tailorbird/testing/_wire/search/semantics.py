"""The semantic ranker of the wire's Azure AI Search: reranker scores, captions and answers.

It reads what a real one reads, the fields that the semantic configuration names, and scores 0..4;
what it goes by is words alone, so its scores say nothing about a real one's.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.testing._wire.azure import invalid
from tailorbird.testing._wire.search.query import PAGE, joined
from tailorbird.text import search_terms, split_sentences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.testing._wire.search.index import Index, IndexSpec, PrioritizedFields
    from tailorbird.testing._wire.search.query import Found, SearchRequest

MOST_SCORE = 4.0
"""Largest score of the ranker (Microsoft Learn, Semantic ranking, read 2026-11-22)."""

_CAPTION_CHARS = 1_000  # our choice; the service speaks of about 200 words
_LEAST_MARKED = 2  # characters; single letters would be marked all over


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """The sentence that answers best."""

    text: str
    """The sentence."""
    highlights: str
    """The same with the words of the question between `<em>` and `</em>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A document with what the semantic ranker says of it."""

    found: Found
    """The document and its first score."""
    score: float | None = None
    """`@search.rerankerScore`, 0..4; None for documents that it did not look at."""
    caption: Caption | None = None
    """Its best sentence; None when none was asked for, or none has a word of the question."""


def semantic_fields(spec: IndexSpec, request: SearchRequest) -> PrioritizedFields:
    """Give the fields that the ranker reads.

    Raises:
        WireError: The index has no such configuration, there is no question, or an order besides
            the ranker's is wanted.
    """
    semantic = spec.semantic
    name = request.semantic_configuration or (semantic.default_configuration if semantic else None)
    configurations = semantic.configurations if semantic else []
    found = next((one for one in configurations if one.name == name), None)
    if found is None:
        message = f"Unknown semantic configuration {name!r}; the index must define it."
        raise invalid(message, code="SemanticConfigurationNotFound")
    if (request.semantic_query or request.words) in {None, "*"}:
        message = "searchParameters : semantic ranking needs 'search' or 'semanticQuery'."
        raise invalid(message)
    if request.order_by is not None:
        message = "searchParameters : 'orderby' cannot be used with semantic ranking."
        raise invalid(message)
    return found.prioritized_fields


def ranked(
    index: Index, found: Sequence[Found], request: SearchRequest, fields: PrioritizedFields
) -> list[Ranked]:
    """Order the first 50 documents anew, and leave the others behind them as they were."""
    question = request.semantic_query or request.words or ""
    content = [one.field_name for one in fields.prioritized_content_fields]
    named = [one.field_name for one in fields.prioritized_keywords_fields] + content
    if fields.title_field is not None:
        named.append(fields.title_field.field_name)
    pool = found[:PAGE]
    terms = [frozenset(search_terms(joined(index.documents[one.key], named))) for one in pool]
    rarity = _rarity(frozenset(search_terms(question)), terms)
    wants_captions = chosen(request.captions, "captions") or chosen(request.answers, "answers")
    judged = [
        Ranked(
            found=one,
            score=MOST_SCORE * _coverage(held, rarity),
            caption=_caption(joined(index.documents[one.key], content or named), rarity)
            if wants_captions
            else None,
        )
        for one, held in zip(pool, terms, strict=True)
    ]
    judged.sort(key=lambda one: (-(one.score or 0.0), -one.found.score, one.found.key))
    return judged + [Ranked(found=one) for one in found[PAGE:]]


def chosen(wanted: str | None, what: str) -> bool:
    """Say whether captions or answers are wanted, given the request's word for it.

    Raises:
        WireError: The word is unknown.
    """
    word = (wanted or "none").partition("|")[0]
    if word not in {"none", "extractive"}:
        raise invalid(f"searchParameters : {what} must be 'none' or 'extractive'.")
    return word == "extractive"


def answers(judged: Sequence[Ranked], request: SearchRequest) -> list[dict[str, object]] | None:
    """Give the best captions as answers; None when none are wanted."""
    if not chosen(request.answers, "answers"):
        return None
    options = (request.answers or "").split("|")[1:]
    count = next((one.removeprefix("count-") for one in options if one.startswith("count-")), "1")
    if not (count.isascii() and count.isdigit()):
        message = "searchParameters : the count of answers must be a number."
        raise invalid(message)
    return [
        {
            "key": one.found.key,
            "text": one.caption.text,
            "highlights": one.caption.highlights,
            "score": (one.score or 0.0) / MOST_SCORE,
        }
        for one in judged[: int(count)]
        if one.caption is not None
    ]


def _rarity(question: frozenset[str], texts: Sequence[frozenset[str]]) -> Mapping[str, float]:
    """Give the question's terms with their weights, as BM25 weighs them."""
    counts = Counter(term for one in texts for term in one & question)
    return {
        term: math.log1p((len(texts) - counts[term] + 0.5) / (counts[term] + 0.5))
        for term in question
    }


def _coverage(held: frozenset[str], rarity: Mapping[str, float]) -> float:
    """Give the weight of the terms that are held as a share of all, 0..1."""
    whole = math.fsum(rarity.values())
    return math.fsum(rarity[term] for term in rarity if term in held) / whole if whole else 0.0


def _caption(text: str, rarity: Mapping[str, float]) -> Caption | None:
    best, most = "", 0.0
    for start, end in split_sentences(text):
        sentence = text[start:end]
        covered = _coverage(frozenset(search_terms(sentence)), rarity)
        if covered > most:
            best, most = sentence, covered
    if not best:
        return None
    shown = best[:_CAPTION_CHARS]
    return Caption(text=shown, highlights=_marked(shown, rarity))


def _marked(text: str, terms: Mapping[str, float]) -> str:
    """Put `<em>` around the terms that stand in a text, whatever their case."""
    # Lower case must not change the length, or the places would shift.
    low = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    marked = [False] * len(text)
    for term in terms:
        place = low.find(term) if len(term) >= _LEAST_MARKED else -1
        while place >= 0:
            marked[place : place + len(term)] = [True] * len(term)
            place = low.find(term, place + 1)
    pieces: list[str] = []
    before = False
    for char, now in zip(text, marked, strict=True):
        if now is not before:
            pieces.append("<em>" if now else "</em>")
        pieces.append(char)
        before = now
    return "".join(pieces) + ("</em>" if before else "")
