"""Compare vector search in the local engine with what other libraries bring, on the same vectors.

    python benchmarks/local_peers.py [CHUNKS] [--dimensions 1536] [--rounds 15] [--seconds 60]
        [--only NAME ...]

Beside it: LangChain's InMemoryVectorStore, LlamaIndex's SimpleVectorStore, Chroma, LanceDB without
an index, and sqlite-vec. None of them is needed by tailorbird; one that is not installed is skipped
with a line that says what is missing. Into an environment of its own:

    pip install langchain-core llama-index-core chromadb lancedb sqlite-vec pysqlite3-binary

(`pysqlite3-binary` is taken where Python's own `sqlite3` cannot load extensions.) One after the
other is filled, and then takes turns with one product of the matrix with the vector in numpy;
k = 10. `ratio` is the median time of a search divided by that of the product beside it, `cpu` the
same of processor time, `recall` the share of the exact ten. Who is slow is asked less often: as
many times as fit into `--seconds`, 3 at least. Vectors stand in clusters, as in `local_search.py`.
Lists of Python's numbers take 50 kB a chunk.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from local_search import (
    NAME,
    QUIET_S,
    TOP,
    Moment,
    Size,
    Taken,
    fill,
    find,
    make_queries,
    middle,
)

from tailorbird.retrieval.local import LocalRetrieval, LocalSettings

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

Search = Callable[["NDArray[np.float32]"], list[int]]
"""Gives the numbers of the nearest vectors."""

BATCH = 2000
LEAST_ROUNDS = 3
PACKAGES = ("langchain-core", "llama-index-core", "chromadb", "lancedb", "sqlite-vec", "numpy")


def tailorbird_with(above: int | None) -> Callable[[NDArray[np.float32], Path], Search]:
    """Make the engine that compares all vectors, or those that codes let through."""

    def make(vectors: NDArray[np.float32], folder: Path) -> Search:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(fill(folder, vectors))
        engine = LocalRetrieval(folder, settings=LocalSettings(codes_above=above))
        # What is read for the first time is checked; `local_search.py` measures that as opening.
        loop.run_until_complete(engine.verify(NAME))

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


def loadable() -> ModuleType:
    """Give a `sqlite3` that can load extensions, which not every build of Python's own can."""
    for name in ("sqlite3", "pysqlite3"):
        with suppress(ImportError):
            module = import_module(name)
            if hasattr(module.Connection, "enable_load_extension"):
                return module
    raise ImportError("this Python's sqlite3 loads no extensions; install pysqlite3-binary")


def sqlite_vec(vectors: NDArray[np.float32], folder: Path) -> Search:
    """Fill a table of sqlite-vec on disk."""
    import sqlite_vec as extension  # noqa: PLC0415 - may be absent

    tables = loadable().connect(folder / "vectors.sqlite")
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
    "tailorbird, exact": tailorbird_with(None),
    "tailorbird, codes": tailorbird_with(0),
    "LangChain": langchain,
    "LlamaIndex": llama_index,
    "Chroma": chroma,
    "LanceDB": lancedb,
    "sqlite-vec": sqlite_vec,
}


def told_versions() -> str:
    """Name the peers that are installed, with their versions."""
    found: list[str] = []
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def compare(
    name: str, search: Search, vectors: NDArray[np.float32], *, rounds: int, seconds: float
) -> None:
    """Let a search and the product take turns, and print how they compare."""
    queries = make_queries(vectors, rounds + 1)
    start = Moment()
    search(queries[-1])  # opens what is open from then on
    fit = int(seconds / start.taken().seconds)
    floors: list[Taken] = []
    times: list[Taken] = []
    shares: list[float] = []
    for query in queries[: max(LEAST_ROUNDS, min(rounds, fit))]:
        float((vectors @ query).max())  # wakes OpenBLAS's threads
        start = Moment()
        products = vectors @ query
        floors.append(start.taken())
        time.sleep(QUIET_S)
        start = Moment()
        found = search(query)
        times.append(start.taken())
        right = set(np.argsort(-products)[:TOP].tolist())
        shares.append(len(right & set(found)) / TOP)
    floor = middle(floors)
    print(
        f"{name:20} {middle(times).compared(floor)}   recall {statistics.mean(shares):.3f}"
        f"   numpy {floor.seconds * 1000:7.2f} ms, {len(times)} rounds",
        flush=True,
    )


def measure(size: Size, *, rounds: int, seconds: float, only: list[str]) -> None:
    """Print the figures."""
    vectors = size.vectors()
    print(f"{size.chunks:,} × {size.dimensions}, spread {size.spread}, k = {TOP}")
    print(told_versions(), flush=True)
    for name, make in CONTENDERS.items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            start = time.perf_counter()
            try:
                search = make(vectors, Path(folder))
            except (ImportError, sqlite3.Error) as exc:
                print(f"{name:20} skipped: {exc}")
                continue
            print(f"{name:20} filled in {time.perf_counter() - start:9.2f} s", flush=True)
            compare(name, search, vectors, rounds=rounds, seconds=seconds)
            del search


def main() -> None:
    """Measure with the wanted size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("chunks", nargs="?", type=int, default=10_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=60.0, help="for the searches of each")
    parser.add_argument("--spread", type=float, default=0.4)
    parser.add_argument("--only", nargs="*", default=[], choices=CONTENDERS)
    arguments = parser.parse_args()
    size = Size(arguments.chunks, arguments.dimensions, arguments.spread)
    measure(size, rounds=arguments.rounds, seconds=arguments.seconds, only=arguments.only)


if __name__ == "__main__":
    main()
