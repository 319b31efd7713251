"""Compare vector search in the local engine with what other libraries bring, on the same vectors.

    python benchmarks/local_peers.py [CHUNKS] [--dimensions 1536] [--rounds 15] [--only NAME ...]

Beside it: LangChain's InMemoryVectorStore, LlamaIndex's SimpleVectorStore, Chroma, LanceDB without
an index, and sqlite-vec. None of them is needed by tailorbird; one that is not installed is skipped
with a line (`pip install langchain-core llama-index-core chromadb lancedb sqlite-vec` into an
environment of its own). They take turns, k = 10; `ratio` is the median time of a search divided by
that of one product of the matrix with the vector in numpy, `recall` the share of the exact ten.
Vectors stand in clusters, as in `local_search.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from local_search import NAME, TOP, Size, fill, find, make_queries

from tailorbird.retrieval.local import LocalRetrieval, LocalSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

Search = Callable[["NDArray[np.float32]"], list[int]]
"""Gives the numbers of the nearest vectors."""

BATCH = 2000


def numpy_product(vectors: NDArray[np.float32], _: Path) -> Search:
    """Multiply and pick, with nothing around it."""

    def search(query: NDArray[np.float32]) -> list[int]:
        products = vectors @ query
        best = np.argpartition(-products, TOP)[:TOP]
        return best[np.argsort(-products[best])].tolist()

    return search


def tailorbird_with(above: int | None) -> Callable[[NDArray[np.float32], Path], Search]:
    """Make the engine that compares all vectors, or those that codes let through."""

    def make(vectors: NDArray[np.float32], folder: Path) -> Search:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(fill(folder, vectors))
        engine = LocalRetrieval(folder, settings=LocalSettings(codes_above=above))

        def search(query: NDArray[np.float32]) -> list[int]:
            return loop.run_until_complete(find(engine, query, "vector"))[1]

        return search

    return make


def langchain(vectors: NDArray[np.float32], _: Path) -> Search:
    """Fill LangChain's InMemoryVectorStore."""
    from langchain_core.embeddings import Embeddings  # noqa: PLC0415 - may be absent
    from langchain_core.vectorstores import InMemoryVectorStore  # noqa: PLC0415 - the same

    class Given(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [vectors[int(text)].tolist() for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return vectors[int(text)].tolist()

    store = InMemoryVectorStore(Given())
    for start in range(0, len(vectors), BATCH):
        store.add_texts([str(n) for n in range(start, min(start + BATCH, len(vectors)))])

    def search(query: NDArray[np.float32]) -> list[int]:
        found = store.similarity_search_with_score_by_vector(query.tolist(), k=TOP)
        return [int(one.page_content) for one, _ in found]

    return search


def llama_index(vectors: NDArray[np.float32], _: Path) -> Search:
    """Fill LlamaIndex's SimpleVectorStore."""
    from llama_index.core.schema import TextNode  # noqa: PLC0415 - may be absent
    from llama_index.core.vector_stores import (  # noqa: PLC0415 - the same
        SimpleVectorStore,
        VectorStoreQuery,
    )

    store = SimpleVectorStore()
    store.add(
        [
            TextNode(id_=str(n), text=str(n), embedding=vector.tolist())
            for n, vector in enumerate(vectors)
        ]
    )

    def search(query: NDArray[np.float32]) -> list[int]:
        asked = VectorStoreQuery(query_embedding=query.tolist(), similarity_top_k=TOP)
        return [int(one) for one in store.query(asked).ids or []]

    return search


def chroma(vectors: NDArray[np.float32], folder: Path) -> Search:
    """Fill a collection of Chroma on disk, with its defaults but for the cosine."""
    import chromadb  # noqa: PLC0415 - may be absent

    settings = chromadb.Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(path=str(folder), settings=settings)
    collection = client.create_collection(NAME, metadata={"hnsw:space": "cosine"})
    for start in range(0, len(vectors), BATCH):
        part = vectors[start : start + BATCH]
        collection.add(
            ids=[str(n) for n in range(start, start + len(part))], embeddings=part.tolist()
        )

    def search(query: NDArray[np.float32]) -> list[int]:
        found = collection.query(query_embeddings=[query.tolist()], n_results=TOP)
        return [int(one) for one in found["ids"][0]]

    return search


def lancedb(vectors: NDArray[np.float32], folder: Path) -> Search:
    """Fill a table of LanceDB, which compares all vectors as long as nobody makes an index."""
    import lancedb as lance  # noqa: PLC0415 - may be absent
    import pyarrow as pa  # noqa: PLC0415 - the same

    flat = pa.array(vectors.reshape(-1))
    data = pa.table(
        {
            "number": pa.array(range(len(vectors))),
            "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        }
    )
    table = lance.connect(str(folder)).create_table(NAME, data=data)

    def search(query: NDArray[np.float32]) -> list[int]:
        found = table.search(query).distance_type("cosine").limit(TOP).to_list()
        return [row["number"] for row in found]

    return search


def sqlite_vec(vectors: NDArray[np.float32], folder: Path) -> Search:
    """Fill a table of sqlite-vec on disk."""
    import sqlite_vec as extension  # noqa: PLC0415 - may be absent

    tables = sqlite3.connect(folder / "vectors.sqlite")
    tables.enable_load_extension(True)  # noqa: FBT003 - as sqlite3 has it
    extension.load(tables)
    width = vectors.shape[1]
    tables.execute(
        f"CREATE VIRTUAL TABLE held USING vec0(vector float[{width}] distance_metric=cosine)"
    )
    with tables:
        tables.executemany(
            "INSERT INTO held (rowid, vector) VALUES (?, ?)",
            ((n + 1, vector.tobytes()) for n, vector in enumerate(vectors)),
        )

    def search(query: NDArray[np.float32]) -> list[int]:
        found = tables.execute(
            "SELECT rowid FROM held WHERE vector MATCH ? AND k = ? ORDER BY distance",
            (query.tobytes(), TOP),
        )
        return [row - 1 for (row,) in found]

    return search


CONTENDERS: dict[str, Callable[[NDArray[np.float32], Path], Search]] = {
    "numpy product": numpy_product,
    "tailorbird, exact": tailorbird_with(None),
    "tailorbird, codes": tailorbird_with(0),
    "LangChain": langchain,
    "LlamaIndex": llama_index,
    "Chroma": chroma,
    "LanceDB": lancedb,
    "sqlite-vec": sqlite_vec,
}


def measure(size: Size, rounds: int, only: list[str]) -> None:
    """Print the figures."""
    vectors = size.vectors()
    print(f"{size.chunks:,} × {size.dimensions}, spread {size.spread}, k = {TOP}")
    searches: dict[str, Search] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        for name, make in CONTENDERS.items():
            if only and name not in {"numpy product", *only}:
                continue
            folder = Path(made) / name.replace(", ", "-")
            folder.mkdir()
            start = time.perf_counter()
            try:
                searches[name] = make(vectors, folder)
            except (ImportError, AttributeError, sqlite3.Error) as exc:
                print(f"{name:20} skipped: {exc}")
                continue
            print(f"{name:20} filled in {time.perf_counter() - start:9.2f} s")
        timed: dict[str, list[float]] = {name: [] for name in searches}
        shares: dict[str, list[float]] = {name: [] for name in searches}
        for query in make_queries(vectors, rounds):
            right = set(searches["numpy product"](query))
            for name, search in searches.items():
                start = time.perf_counter()
                found = search(query)
                timed[name].append(time.perf_counter() - start)
                shares[name].append(len(right & set(found)) / len(right))
    floor = statistics.median(timed["numpy product"])
    for name, times in timed.items():
        median = statistics.median(times)
        recall = statistics.mean(shares[name])
        print(
            f"{name:20} {median * 1000:9.2f} ms   ratio {median / floor:8.2f}   recall {recall:.3f}"
        )


def main() -> None:
    """Measure with the wanted size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("chunks", nargs="?", type=int, default=10_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--spread", type=float, default=0.4)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    size = Size(arguments.chunks, arguments.dimensions, arguments.spread)
    measure(size, arguments.rounds, arguments.only)


if __name__ == "__main__":
    main()
