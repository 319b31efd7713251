"""Choose among hits what a reader sees: near enough, not twice, not all from one source.

How they are put into a better order before stands here, too; what does it is `reranking`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from tailorbird.retrieval.places import joined_metadata
from tailorbird.text.memo import memo
from tailorbird.text.normalize import normalize
from tailorbird.types.base import Settings
from tailorbird.types.retrieval import ScoreKind, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.retrieval import Hit

MinScore = float | Mapping[ScoreKind, float]
"""A least score: one number in the kind of score that the mode gives, or one for each kind."""

NEAR_ENOUGH: Mapping[ScoreKind, float] = {ScoreKind.FUSED: 0.2}
"""What counts as near enough where answers come from the data only and nobody says otherwise.

Measured with the fake's vectors on 2026-11-22 (`benchmarks/abstention.py`): of the questions that
the documents answer, 99.6 % (company), 99.5 % (XQuAD) and 99.6 % (JSQuAD) have a hit from 0.2
upwards; of questions out of the company's scope 2 of 12, of nonsense 3 of 9, of another
collection's 3 % to 26 %. What is related and not answered is far above it: that is for the model to
say. Cosines depend on the model, BM25 on the collection, and services score by rules of their own:
those have no value that fits all.
"""

MOST_HITS = 50
"""The most hits that one search gives."""

_SPARE = 3  # how many times as many hits are looked at when some may be left out
_RANGES: Mapping[ScoreKind, tuple[float, float]] = {
    ScoreKind.COSINE: (-1.0, 1.0),
    ScoreKind.BM25: (0.0, math.inf),
    ScoreKind.FUSED: (0.0, 1.0),
    ScoreKind.RRF: (0.0, 1.0),
    ScoreKind.RERANKER: (0.0, 4.0),
    ScoreKind.PROVIDER: (0.0, 1.0),
}


class Selection(Settings):
    """What is left out of the hits of a search, and what is put together."""

    min_score: MinScore | None = None
    """Hits below it are left out: a number in the kind of score that the mode gives, or a number
    for each kind (kinds that are not named have no limit); None keeps all. Of hits that are
    reranked the score of the mode counts before, and that of the kind `reranker` after it."""
    per_source: int | None = Field(default=None, ge=1)
    """How many hits may come from one source, the best ones, at least 1; None sets no limit."""
    distinct: bool = True
    """Whether only the best of several hits with the same text is kept; width, case and white space
    make no difference. Texts that differ in a single number are different."""
    join: bool = True
    """Whether hits of one document and page whose spans touch or overlap become one hit."""

    @model_validator(mode="after")
    def _check_scores(self) -> Self:
        given = self.min_score
        limits: Mapping[ScoreKind, float] = given if isinstance(given, Mapping) else {}
        for kind, least in limits.items():
            low, high = _RANGES[kind]
            if not low <= least <= high:
                msg = f"min_score for {kind.value!r} is {least!r}, the scores are {low:g}..{high:g}"
                raise ValueError(msg)
        if isinstance(given, float) and not math.isfinite(given):
            msg = f"min_score is {given!r}: give a finite number"
            raise ValueError(msg)
        return self

    @property
    def query_score(self) -> float | None:
        """The least score that the engine itself can go by; None where it depends on the kind."""
        return None if isinstance(self.min_score, Mapping) else self.min_score

    def wanted(self, top_k: int) -> int:
        """Say how many hits to ask for, so that `top_k` are left; at most 50."""
        if self.per_source is None and not self.distinct and not self.join:
            return top_k
        return min(MOST_HITS, top_k * _SPARE)

    def candidates(self, hits: Sequence[Hit]) -> list[Hit]:
        """Give the hits that are near enough, the same text once; best first."""
        near = [hit for hit in hits if self._near(hit)]
        return _distinct(near) if self.distinct else near

    def choose(self, hits: Sequence[Hit], *, top_k: int) -> tuple[Hit, ...]:
        """Give at most `top_k` of the hits, best first.

        A joined hit has the score, id and place in the order of its best part, and the span, text,
        section and metadata of all of it.
        """
        chosen = self.candidates(hits)
        if self.per_source is not None:
            chosen = _capped(chosen, self.per_source)
        chosen = chosen[:top_k]
        return tuple(_joined(chosen) if self.join else chosen)

    def _near(self, hit: Hit) -> bool:
        if not isinstance(self.min_score, Mapping):
            return True  # the engine has seen to it
        return hit.score >= self.min_score.get(hit.score_kind, -math.inf)


class Rerank(Settings):
    """How the hits of a search are put into a new order."""

    window: int = Field(default=20, ge=1, le=50)
    """How many hits of the search are looked at, the best ones, 1..50; at least `top_k` are. The
    others are left out: scores of two kinds cannot be put into one order."""
    group: int = Field(default=10, ge=1, le=50)
    """How many passages a model is shown in one call, at most."""
    group_tokens: int = Field(default=4_000, ge=64)
    """How many tokens of passages a model is shown in one call, at most, by estimate."""
    passage_tokens: int = Field(default=400, ge=16)
    """Tokens to which a passage is shortened for the model; the usual chunk has 350."""

    @model_validator(mode="after")
    def _check_tokens(self) -> Self:
        if self.passage_tokens > self.group_tokens:
            msg = (
                f"passage_tokens={self.passage_tokens} is more than"
                f" group_tokens={self.group_tokens}: a passage must fit into a call"
            )
            raise ValueError(msg)
        return self


# Many questions find one chunk.
_plain = memo(longest=4_000, most=1 << 10)(normalize)


def _distinct(hits: Sequence[Hit]) -> list[Hit]:
    kept: dict[str, Hit] = {}
    for hit in hits:
        kept.setdefault(_plain(hit.chunk.text), hit)
    return list(kept.values())


def _capped(hits: Sequence[Hit], most: int) -> list[Hit]:
    counts: Counter[str] = Counter()
    kept: list[Hit] = []
    for hit in hits:
        source = hit.chunk.source or hit.chunk.document
        counts[source] += 1
        if counts[source] <= most:
            kept.append(hit)
    return kept


def _joined(hits: Sequence[Hit]) -> list[Hit]:
    """Join neighbors; the order of the best parts stays."""
    rows: list[tuple[int, Hit]] = []
    by_place = sorted(
        enumerate(hits),
        key=lambda one: (
            one[1].chunk.document,
            one[1].chunk.page or 0,
            one[1].chunk.span.start,
            -one[1].chunk.span.end,
        ),
    )
    for rank, hit in by_place:
        union = _union(rows[-1], (rank, hit)) if rows else None
        if union is None:
            rows.append((rank, hit))
        else:
            rows[-1] = union
    return [hit for _, hit in sorted(rows, key=lambda one: one[0])]


def _union(left: tuple[int, Hit], right: tuple[int, Hit]) -> tuple[int, Hit] | None:
    """Put two hits together, the left one beginning first; None when they are no neighbors."""
    first, second = left[1].chunk, right[1].chunk
    shared = first.span.end - second.span.start
    if (first.document, first.page) != (second.document, second.page):
        return None
    if not 0 <= shared <= len(first.text):
        return None
    # Engines that find spans again from the text can be wrong: what they share must be the same.
    if first.text[len(first.text) - shared :][: len(second.text)] != second.text[:shared]:
        return None
    rank, best = min(left, right, key=lambda one: one[0])
    text = first.text + second.text[shared:]
    span = Span(start=first.span.start, end=first.span.start + len(text))
    parts = {"id": best.chunk.id, "text": text, "span": span}
    chunk = first.model_copy(update={**parts, "metadata": joined_metadata(first, second)})
    return rank, best.model_copy(update={"chunk": chunk})
