"""Queries of Azure AI Search: what they ask for, and how the documents are ordered.

Words are scored by BM25; a vector scores `1 / (1 + distance)`, which for cosines is 0.333..1; two
or more rankings, also of words and a vector, are fused by the sum of `weight / (60 + rank)`; the
semantic ranker scores 0..4 by the share of the question's terms that a document holds, rare terms
counting more. Words are read as they stand: the signs of the simple query syntax mean nothing, and
the full one is refused, like every other part of a request that is not offered. Sources: Microsoft
Learn, Documents - Search Post, Vector relevance and ranking, Relevance scoring in hybrid search,
and Semantic ranking of Azure AI Search, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, cast

import numpy as np
from pydantic import Field

from tailorbird.exceptions import InvalidInputError
from tailorbird.retrieval.local.lexical import LexicalIndex
from tailorbird.testing._wire.azure import AzureModel, checked, invalid
from tailorbird.testing._wire.search.filters import SearchFilter
from tailorbird.text import search_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tailorbird.testing._wire.search.index import FieldSpec, Index, IndexSpec

MOST_AT_ONCE = 1_000
"""Documents in one answer (Microsoft Learn, Documents - Search Post, read 2026-11-22)."""

PAGE = 50
"""Documents in one answer unless the request says how many; also how many are ranked anew."""

MOST_SKIPPED = 100_000
"""How many documents a request may skip; from the service's own error."""

_RRF = 60  # Microsoft Learn, Relevance scoring in hybrid search, read 2026-11-22
_MOST_WORDS = 1_000  # documents that the words bring into a fusion: default of `maxTextRecallSize`
_ORDER = re.compile(r"(?P<name>search\.score\(\)|\w+)(?:\s+(?P<way>asc|desc))?")


class VectorQuery(AzureModel):
    """A ranking by vectors."""

    kind: Literal["vector"]
    vector: list[float] = Field(min_length=1)
    fields: str
    k: int | None = Field(default=None, ge=1)
    exhaustive: bool | None = None
    weight: float | None = Field(default=None, gt=0)


class TextQuery(AzureModel):
    """A ranking by vectors, by a text that the index's vectorizer embeds."""

    kind: Literal["text"]
    text: str = Field(min_length=1)
    fields: str
    k: int | None = Field(default=None, ge=1)
    exhaustive: bool | None = None
    weight: float | None = Field(default=None, gt=0)


class SearchRequest(AzureModel):
    """What is asked for."""

    search: str | None = None
    search_mode: Literal["any", "all"] = "any"
    search_fields: str | None = None
    query_type: Literal["simple", "semantic"] = "simple"
    filter: str | None = None
    vector_queries: list[Annotated[VectorQuery | TextQuery, Field(discriminator="kind")]] = Field(
        default=[], max_length=10
    )
    vector_filter_mode: Literal["preFilter", "postFilter", "strictPostFilter"] = "preFilter"
    select: str | None = None
    order_by: str | None = Field(default=None, alias="orderby")
    top: int | None = Field(default=None, ge=0)
    skip: int = Field(default=0, ge=0, le=MOST_SKIPPED)
    count: bool = False
    semantic_configuration: str | None = None
    semantic_query: str | None = None
    semantic_error_handling: Literal["partial", "fail"] | None = None
    semantic_max_wait_in_milliseconds: int | None = Field(default=None, ge=700)
    captions: str | None = None
    answers: str | None = None

    @property
    def words(self) -> str | None:
        """What is looked for by words; None for nothing, `*` for everything."""
        return self.search.strip() or "*" if self.search is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A ranking by the vectors of one field."""

    field: FieldSpec
    """The field."""
    vector: NDArray[np.float64]
    """What its vectors are compared with."""
    k: int
    """How many documents it brings."""
    weight: float
    """How much its ranks count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document that was found."""

    key: str
    """Its key."""
    score: float
    """`@search.score`."""


def read_request(raw: object) -> SearchRequest:
    """Check a request as far as it is the same for every index.

    Raises:
        WireError: It is wrong, or asks for what this server does not offer.
    """
    request = checked(SearchRequest, raw, place="searchParameters")
    if request.query_type != "semantic" and (request.captions or request.answers):
        message = "searchParameters : captions and answers need the query type 'semantic'."
        raise invalid(message)
    return request


def vector_fields(spec: IndexSpec, names: str) -> list[FieldSpec]:
    """Give the vector fields that a vector query names.

    Raises:
        WireError: One is none.
    """
    found: list[FieldSpec] = []
    for name in listed(names):
        one = spec.field(name)
        if one is None or not one.is_vector:
            message = f"The field {name!r} in the vector field list is not a vector field."
            raise invalid(message, code="InvalidVectorQuery")
        found.append(one)
    return found


def find(index: Index, request: SearchRequest, legs: Sequence[Leg]) -> list[Found]:
    """Give all that a request finds, in order; ties are ordered by key.

    Raises:
        WireError: The request does not fit the index.
    """
    spec = index.spec
    allowed = _allowed(index, request)
    pre = request.vector_filter_mode == "preFilter"
    rankings: list[tuple[float, list[Found]]] = [
        (leg.weight, _by_vector(index, leg, allowed if pre else frozenset(index.documents)))
        for leg in legs
    ]
    words = "*" if request.words is None and not legs else request.words
    if words is not None:
        fields = _searched_fields(spec, request.search_fields)
        rankings.append((1.0, _by_words(index, request, words, fields, allowed)))
    found = _fused(rankings) if len(rankings) > 1 else rankings[0][1]
    return _ordered(index, request, [one for one in found if one.key in allowed])


def listed(names: str) -> list[str]:
    """Give the names of a list that is parted by commas."""
    return [name for name in (one.strip() for one in names.split(",")) if name]


def _allowed(index: Index, request: SearchRequest) -> frozenset[str]:
    """Give the keys of the documents that the filter lets through."""
    if not request.filter:
        return frozenset(index.documents)
    fields = {one.name: one.type for one in index.spec.fields if one.is_filtered}
    try:
        condition = SearchFilter(request.filter, fields)
    except InvalidInputError as exc:
        raise invalid(f"$filter : {exc}", code="InvalidFilter") from exc
    return frozenset(key for key, one in index.documents.items() if condition.holds(one))


def _searched_fields(spec: IndexSpec, names: str | None) -> list[str]:
    """Give the names of the fields in which words are looked for.

    Raises:
        WireError: One of them is not searched.
    """
    known = [one.name for one in spec.fields if one.is_searched]
    if names is None:
        return known
    wanted = listed(names)
    wrong = next((name for name in wanted if name not in known), None)
    if wrong is not None:
        raise invalid(f"searchFields : {wrong!r} is not a searchable field.")
    return wanted


def _by_vector(index: Index, leg: Leg, keys: frozenset[str]) -> list[Found]:
    name = leg.field.name
    holding = [key for key in sorted(keys) if index.documents[key].get(name) is not None]
    if not holding:
        return []
    matrix = np.array([index.documents[key][name] for key in holding], dtype=np.float64)
    distances = _distances(matrix, leg.vector, index.spec.metric(leg.field))
    best: list[int] = np.argsort(distances, kind="stable")[: leg.k].tolist()
    return [Found(key=holding[one], score=1 / (1 + float(distances[one]))) for one in best]


def _distances(
    matrix: NDArray[np.float64], vector: NDArray[np.float64], metric: str
) -> NDArray[np.float64]:
    if metric == "euclidean":
        apart: NDArray[np.float64] = np.linalg.norm(matrix - vector, axis=1)
        return apart
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(vector)
    # A vector of zeros has no direction: it is as near to everything as to its opposite.
    cosines = (matrix @ vector) / np.where(lengths > 0, lengths, 1.0)
    # Beyond this, sums in another order would tell equal vectors apart.
    return np.round(1 - cosines, 12)


def _by_words(
    index: Index, request: SearchRequest, words: str, fields: Sequence[str], keys: frozenset[str]
) -> list[Found]:
    every = sorted(index.documents)
    if words == "*":
        return [Found(key=key, score=1.0) for key in every if key in keys]
    # Rarity is a matter of the whole index, whatever the filter leaves of it.
    texts = [joined(index.documents[key], fields) for key in every]
    scores = LexicalIndex.of(texts).search(words).scores.tolist()
    wanted = set(search_terms(words)) if request.search_mode == "all" else set[str]()
    found = [
        Found(key=key, score=score)
        for key, score, text in zip(every, scores, texts, strict=True)
        if score > 0 and key in keys and wanted <= set(search_terms(text) if wanted else ())
    ]
    return sorted(found, key=lambda one: (-one.score, one.key))


def joined(document: Mapping[str, object], fields: Sequence[str]) -> str:
    """Give the texts of some fields as one text."""
    texts: list[str] = []
    for name in fields:
        value = document.get(name)
        if isinstance(value, str):
            texts.append(value)
        else:
            texts += cast("list[str]", value or [])
    return "\n".join(texts)


def _fused(rankings: Sequence[tuple[float, Sequence[Found]]]) -> list[Found]:
    scores: dict[str, float] = {}
    for weight, ranking in rankings:
        for rank, one in enumerate(ranking[:_MOST_WORDS], start=1):
            scores[one.key] = scores.get(one.key, 0.0) + weight / (_RRF + rank)
    found = [Found(key=key, score=score) for key, score in scores.items()]
    return sorted(found, key=lambda one: (-one.score, one.key))


def _ordered(index: Index, request: SearchRequest, found: list[Found]) -> list[Found]:
    """Put documents in the order that `orderby` wants, those without a value first."""
    for clause in reversed(listed(request.order_by or "")):
        match = _ORDER.fullmatch(clause)
        name = match["name"] if match else clause
        one = index.spec.field(name)
        is_score = name == "search.score()"
        if match is None or not (is_score or (one is not None and one.is_sorted)):
            raise invalid(f"$orderby : {clause!r} names no field that can be sorted by.")
        found = sorted(
            found,
            key=lambda hit: _sort_key(
                hit.score if is_score else index.documents[hit.key].get(name)
            ),
            reverse=match["way"] == "desc",
        )
    return found


def _sort_key(value: object) -> tuple[int, float, str]:
    """Order values of one field; those that are missing come first."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, str):
        return 1, 0.0, value
    return 1, cast("float", value), ""
