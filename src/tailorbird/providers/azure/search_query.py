"""Queries: what is sent, and what its scores mean."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.exceptions import ServiceUnavailableError
from tailorbird.protocols.index_arguments import check_least_score
from tailorbird.providers.azure.identity import NAME
from tailorbird.providers.azure.search_filter import odata_filter
from tailorbird.providers.azure.search_rows import numbers_of, terms_of
from tailorbird.types.retrieval import ScoreKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.providers.azure.search_rows import Row, RowPage
    from tailorbird.types.retrieval import SearchMode, SearchQuery

RANKED = 50
"""Candidates that each ranking gives at least: what the semantic ranker takes (Hybrid search,
learn.microsoft.com, 2025-05-08)."""

_SELECT = "id,document,generation,text,payload"
_RRF = 60  # the constant of the service's own fusion: Relevance scoring in hybrid search
_MOST_TERMS = 1_000  # a query may have 1,024 clauses: Service limits in Azure AI Search, 2025-11-20
_RANGES: Mapping[ScoreKind, tuple[float, float]] = {
    ScoreKind.COSINE: (-1.0, 1.0),
    ScoreKind.BM25: (0.0, float("inf")),
    ScoreKind.RRF: (0.0, 1.0),
    ScoreKind.RERANKER: (0.0, 4.0),
}

_log = logging.getLogger("tailorbird.azure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A query in the service's words, with what its answer will mean."""

    query: SearchQuery
    """What is asked."""
    mode: SearchMode
    """How."""
    kind: ScoreKind
    """What the scores mean."""
    body: Mapping[str, object]
    """What is sent, but for the vector and the number of records."""
    vector: Sequence[float] | None
    """The query's vector; None in the mode `lexical`."""

    def sized(self, top: int) -> Mapping[str, object]:
        """Give what is sent when that many records are wanted."""
        if self.vector is None:
            return {**self.body, "top": top}
        ranking = {
            "kind": "vector",
            "vector": self.vector,
            "fields": "vector",
            "k": max(top, RANKED),
        }
        return {
            **self.body,
            "top": top,
            "vectorQueries": [ranking],
            "vectorFilterMode": "preFilter",
        }


def plan(
    query: SearchQuery,
    *,
    mode: SearchMode,
    vector: NDArray[np.float32] | None,
    semantic_configuration: str | None,
) -> Plan | None:
    """Write a query in the service's words; None when it looks for nothing.

    Args:
        query: What to look for, its filter checked.
        mode: How.
        vector: The query's vector, checked; None in the mode `lexical`.
        semantic_configuration: What ranks `hybrid` searches; None leaves them to the fusion.

    Raises:
        InvalidInputError: The least score is outside of the range of the mode's scores, or the
            filter compares with what is not a number.
    """
    kind = {"vector": ScoreKind.COSINE, "lexical": ScoreKind.BM25, "hybrid": ScoreKind.RRF}[mode]
    semantic = mode == "hybrid" and semantic_configuration is not None
    kind = ScoreKind.RERANKER if semantic else kind
    least, most = _RANGES[kind]
    check_least_score(query, least=least, most=most, what=f"the kind {kind.value!r}")
    terms = [] if mode == "vector" else list(dict.fromkeys(terms_of(query.text)))[:_MOST_TERMS]
    if mode == "lexical" and not terms:
        return None
    body: dict[str, object] = {"select": _SELECT}
    if terms:
        body |= {"search": " ".join(terms), "searchFields": "terms", "searchMode": "any"}
    if semantic:
        body |= {
            "queryType": "semantic",
            "semanticConfiguration": semantic_configuration,
            "semanticQuery": query.text,
        }
    if query.filter is not None:
        body["filter"] = odata_filter(query.filter)
    numbers = None if vector is None else numbers_of(vector)
    return Plan(query=query, mode=mode, kind=kind, body=body, vector=numbers)


def scored(page: RowPage, plan: Plan) -> tuple[ScoreKind, list[tuple[Row, float]]]:
    """Give the records with scores of one kind.

    Raises:
        ServiceUnavailableError: The semantic ranker did not do its work, and the scores that are
            left cannot be compared with `min_score`.
    """
    rows = page.value
    if plan.kind is ScoreKind.COSINE:
        return plan.kind, [(row, _cosine(row.score)) for row in rows]
    if plan.kind is ScoreKind.RERANKER:
        ranked = [(row, row.reranker_score) for row in rows if row.reranker_score is not None]
        if page.semantic_reason is None or len(ranked) == len(rows):
            # The ranker looks at 50 records; those behind them come without its score.
            return plan.kind, [(row, score) for row, score in ranked]
        if plan.query.min_score is not None:
            raise ServiceUnavailableError(
                f"the semantic ranker did not rank the answer ({page.semantic_reason}), so"
                " min_score cannot be kept; try later, or search without min_score",
                provider=NAME,
                operation="retrieval.search",
                accepted="yes",
                should_retry=False,
            )
        _log.warning(
            "the semantic ranker did not rank an answer (%s): the scores are those of the fusion",
            page.semantic_reason,
        )
    if plan.mode == "hybrid" and "search" not in plan.body:
        # One ranking is not fused by the service, so its place is scored here by the same rule.
        return ScoreKind.RRF, [(row, 1 / (_RRF + rank)) for rank, row in enumerate(rows, start=1)]
    kind = ScoreKind.BM25 if plan.mode == "lexical" else ScoreKind.RRF
    return kind, [(row, row.score) for row in rows]


def _cosine(score: float) -> float:
    """Undo `score = 1 / (1 + distance)`, where the distance is 1 minus the cosine.

    Source: Relevance in vector search, learn.microsoft.com, read 2026-11-22.
    """
    return max(-1.0, min(1.0, 2.0 - 1.0 / score)) if score > 0 else -1.0
