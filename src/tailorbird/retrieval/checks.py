"""What every engine of ours refuses before anything is written or searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.exceptions import IndexMissingError
from tailorbird.problem import did_you_mean
from tailorbird.protocols.index_arguments import check_least_score, check_spec, chosen_mode
from tailorbird.protocols.index_documents import checked_documents, query_vector
from tailorbird.types.retrieval import ScoreKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tailorbird.types.ids import IndexName
    from tailorbird.types.retrieval import IndexSpec, SearchMode, SearchQuery

__all__ = [
    "SCORE_KINDS",
    "can_be_name",
    "check_spec",
    "checked_documents",
    "checked_mode",
    "empty_index",
    "missing_index",
    "query_vector",
]

SCORE_KINDS: Mapping[SearchMode, ScoreKind] = {
    "vector": ScoreKind.COSINE,
    "lexical": ScoreKind.BM25,
    "hybrid": ScoreKind.FUSED,
}
"""What the scores of each mode mean."""

_RANGES: Mapping[SearchMode, tuple[float, float]] = {
    "vector": (-1.0, 1.0),
    "lexical": (0.0, float("inf")),
    "hybrid": (0.0, 1.0),
}


def checked_mode(query: SearchQuery, *, spec: IndexSpec) -> SearchMode:
    """Give the mode to search in.

    Raises:
        IndexMismatchError: The mode needs vectors and the index has none.
        InvalidInputError: The least score is outside of the range of the mode's scores.
    """
    mode = chosen_mode(query, spec=spec)
    least, most = _RANGES[mode]
    check_least_score(query, least=least, most=most, what=f"the mode {mode!r}")
    return mode


def can_be_name(name: IndexName) -> bool:
    """Say whether an index may have this name; what no engine can store need not be looked for."""
    return name.isascii() and name.isprintable()


def missing_index(name: IndexName, known: Iterable[IndexName]) -> IndexMissingError:
    """Make the error for a name that no index has."""
    hint = did_you_mean(name, known, otherwise="build it first")
    return IndexMissingError(f"there is no index {name!r}: {hint}")


def empty_index(name: IndexName) -> IndexMissingError:
    """Make the error for a search in an index that holds nothing."""
    return IndexMissingError(f"the index {name!r} is empty: add documents to it first")
