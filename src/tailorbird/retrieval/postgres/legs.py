"""The two legs of a search as statements: candidates of each, and both scores of candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

import numpy as np
from psycopg import sql

from tailorbird.retrieval.bm25 import K1, damping
from tailorbird.retrieval.postgres.terms import QueryTerms, count_terms
from tailorbird.types.ids import ChunkId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from psycopg.rows import TupleRow

    from tailorbird.retrieval.postgres.connecting import Connection
    from tailorbird.retrieval.postgres.filters import Where
    from tailorbird.retrieval.postgres.settings import PostgresSettings
    from tailorbird.retrieval.postgres.store import IndexRow

# HNSW looks at so many neighbors, `hnsw.ef_search`: 40 by default, at most 1,000 (pgvector 0.8
# README, HNSW, read 2026-11-22).
_EF_SEARCH = 200
_BUDGET = 1000  # chunks that the rarest terms are looked up in first; mostly that is enough

_BY_WORDS: LiteralString = """
SELECT id, -(weights <#> %(terms)s) * %(shape)s / (1 + %(short)s + %(long)s * length) AS score
FROM {terms} WHERE terms && %(numbers)s::int4[]{within}
ORDER BY score DESC FETCH FIRST %(count)s ROWS WITH TIES"""

# Materialized, so that only numbers and cosines are kept for the count: with a window function the
# server put whole vectors aside and took eight times as long (20,000 × 1,536, PostgreSQL 18.4).
_BY_VECTOR: LiteralString = """
WITH compared AS MATERIALIZED (
    SELECT id, -(vector <#> %(vector)s) AS cosine FROM {vectors} WHERE true{within})
SELECT id, known.* FROM compared, (SELECT count(*) FROM compared) AS known
ORDER BY cosine DESC FETCH FIRST %(count)s ROWS WITH TIES"""

_BY_HNSW: LiteralString = """
SELECT id FROM {vectors} WHERE true{within}
ORDER BY vector::halfvec({dimensions}) <=> %(vector)s::vector::halfvec({dimensions})
LIMIT %(count)s"""

_COUNT: LiteralString = """
SELECT count(*) FROM (SELECT FROM {vectors} WHERE true{within} LIMIT %(count)s) AS drawn"""

_SCORES: LiteralString = """
SELECT length, sparsevec_send(weights) FROM {terms} WHERE id = ANY (%(ids)s) ORDER BY id"""

_NAMES: LiteralString = """
SELECT id, name FROM {chunks} WHERE id = ANY (%(ids)s) ORDER BY id"""

_COSINES: LiteralString = """
SELECT -(vector <#> %(vector)s) FROM {vectors} WHERE id = ANY (%(ids)s) ORDER BY id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """The nearest chunks, and what is known of all that may be found."""

    numbers: list[int]
    """The nearest ones, in no order."""
    count: int
    """How many may be found; where they were not counted to the end, a number above `numbers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Both scores of n chunks."""

    numbers: list[int]
    """n numbers of chunks."""
    names: list[ChunkId]
    """n chunk ids."""
    cosines: NDArray[np.float64]
    """n cosines; zeros where no vector was given."""
    bm25: NDArray[np.float64]
    """n BM25 scores."""


class Legs:
    """Asks the database, within one snapshot of it."""

    def __init__(
        self,
        connection: Connection,
        index: IndexRow,
        *,
        where: Where | None,
        settings: PostgresSettings,
        count: int,
    ) -> None:
        """Ask nothing yet.

        Args:
            connection: Within a transaction that sees one state.
            index: The index, as it is in that state.
            where: Which chunks are looked at; None for all.
            settings: When HNSW is used, and how.
            count: How many candidates a leg gives, at least 1; fewer where there are no more.
        """
        self._connection = connection
        self._index = index
        self._where = where
        self._settings = settings
        self._count = count

    async def terms(self, text: str) -> QueryTerms:
        """Weigh the terms of a query by how rare they are in the index."""
        counts = count_terms(text)
        rows = await self._rows(
            "SELECT term, chunks FROM {lexicon} WHERE term = ANY (%(numbers)s)",
            {"numbers": list(counts)},
        )
        return QueryTerms.of(counts, dict(rows), texts=self._index.chunks)

    async def by_words(self, terms: QueryTerms, *, top_k: int) -> list[int]:
        """Give the chunks that may be the `top_k` best by words.

        Chunks are looked up by the rarest terms. That is enough if what is found scores more than
        all other terms together could; otherwise they are looked up by as many as it takes.
        """
        if not len(terms.numbers):
            return []
        first = terms.within(_BUDGET)
        rows = await self._look_up(terms, first)
        needed = terms.needed(score=rows[top_k - 1][1] if len(rows) >= top_k else 0.0)
        if needed > first:
            rows = await self._look_up(terms, needed)
        return [number for number, _ in rows]

    async def _look_up(self, terms: QueryTerms, rarest: int) -> list[TupleRow]:
        ends = damping(np.array([0, 1], dtype=np.float32), mean=self._index.mean_length)
        short, one = ends.tolist()
        return await self._rows(
            _BY_WORDS,
            {
                "terms": terms.vector,
                "shape": 1 + K1,
                "short": short,
                "long": one - short,
                "numbers": terms.numbers[:rarest].tolist(),
                "count": self._count,
            },
        )

    async def by_vector(self, vector: NDArray[np.float32]) -> Near:
        """Give the chunks nearest to a vector of unit length."""
        if self._index.has_hnsw:
            matching = await self._matching()
            if matching > self._settings.hnsw_above:
                rows = await self._by_hnsw(vector)
                if len(rows) >= min(self._count, matching):
                    numbers = [number for (number,) in rows]
                    return Near(numbers=numbers, count=matching)
        rows = await self._rows(_BY_VECTOR, {"vector": vector, "count": self._count})
        return Near(numbers=[number for number, _ in rows], count=rows[0][1] if rows else 0)

    async def _matching(self) -> int:
        """Count the chunks that may be found; beyond what makes a difference one more is enough."""
        if self._where is None:
            return self._index.chunks
        limit = max(self._settings.hnsw_above, self._count) + 1
        [(count,)] = await self._rows(_COUNT, {"count": limit})
        return int(count)

    async def _by_hnsw(self, vector: NDArray[np.float32]) -> list[TupleRow]:
        await self._connection.execute(
            "SELECT set_config('hnsw.ef_search', %s, true),"
            " set_config('hnsw.iterative_scan', 'strict_order', true),"
            " set_config('hnsw.max_scan_tuples', %s, true)",
            (str(max(_EF_SEARCH, self._count)), str(self._settings.hnsw_scan)),
        )
        return await self._rows(_BY_HNSW, {"vector": vector, "count": self._count})

    async def scores(
        self, numbers: list[int], terms: QueryTerms | None, vector: NDArray[np.float32] | None
    ) -> Scored:
        """Compute both scores of candidates; without terms or vector that leg's are zeros."""
        named = await self._rows(_NAMES, {"ids": numbers})
        cosines, bm25 = np.zeros(len(named)), np.zeros(len(named))
        if terms is not None:
            rows = await self._rows(_SCORES, {"ids": numbers})
            bm25 = terms.score(
                [weights for _, weights in rows],
                np.array([length for length, _ in rows], dtype=np.float32),
                mean=self._index.mean_length,
            )
        if vector is not None:
            found = await self._rows(_COSINES, {"ids": numbers, "vector": vector})
            cosines = np.clip(np.array([cosine for (cosine,) in found]), -1.0, 1.0)
        return Scored(
            numbers=[number for number, _ in named],
            names=[ChunkId(name) for _, name in named],
            cosines=cosines,
            bm25=bm25,
        )

    async def _rows(self, text: LiteralString, values: Mapping[str, object]) -> list[TupleRow]:
        within: sql.Composable = sql.SQL("")
        given: Mapping[str, object] = {}
        if self._where is not None:
            within = self._index.tables.sql(
                " AND id IN (SELECT id FROM {chunks} WHERE {condition})",
                condition=self._where.sql,
            )
            given = self._where.values
        statement = self._index.tables.sql(
            text, within=within, dimensions=sql.Literal(self._index.spec.dimensions)
        )
        cursor = await self._connection.execute(statement, {**given, **values})
        return await cursor.fetchall()
