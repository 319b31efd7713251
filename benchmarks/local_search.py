"""Compare exact search in the local engine with one bare product of a matrix and a vector.

    python benchmarks/local_search.py [CHUNKS] [--dimensions 1536] [--rounds 15]

That product is the least an exact search can do. The two take turns on the same vectors, so a busy
machine slows both; the ratio of the medians is what counts. Words and both together are timed along
with it, and so are filling the index and the first search, which loads it. Needs about 18 kB of
memory a chunk at 1,536 dimensions.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.types import (
    Chunk,
    ChunkedDocument,
    ChunkId,
    Document,
    DocumentId,
    IndexName,
    IndexSpec,
    ModelId,
    SearchQuery,
    Span,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tailorbird.types import SearchMode

NAME = IndexName("benchmark")
CHUNKS_A_DOCUMENT = 500
WORDS = [
    f"{left}{right}" for left in "abcdefghijklmnop" for right in ("leaf", "nest", "seam", "縫")
]
MODES: tuple[SearchMode, ...] = ("vector", "lexical", "hybrid")


def make_documents(vectors: NDArray[np.float32]) -> Iterator[ChunkedDocument]:
    """Cut the vectors into documents, with short texts of random words."""
    random = np.random.default_rng(2)
    for start in range(0, len(vectors), CHUNKS_A_DOCUMENT):
        part = vectors[start : start + CHUNKS_A_DOCUMENT]
        document = Document(id=DocumentId(str(start)), text="")
        texts = [" ".join(random.choice(WORDS, 20)) for _ in part]
        yield ChunkedDocument(
            document=document,
            chunks=tuple(
                Chunk(
                    id=ChunkId(f"{start}#{number}"),
                    document=document.id,
                    text=text,
                    span=Span(start=0, end=len(text)),
                )
                for number, text in enumerate(texts)
            ),
            content_hash=str(start),
            vectors=part,
        )


async def measure(chunks: int, dimensions: int, rounds: int) -> None:
    """Print the figures."""
    random = np.random.default_rng(1)
    vectors = random.standard_normal((chunks, dimensions), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[chunks // 2]
    timed: dict[str, list[float]] = {name: [] for name in ("bare product", *MODES)}
    async with LocalRetrieval(None) as engine:
        await engine.create(
            IndexSpec(name=NAME, embedding_model=ModelId("any"), dimensions=dimensions)
        )
        start = time.perf_counter()
        for document in make_documents(vectors):
            await engine.upsert(NAME, [document])
        print(f"fill the index   {time.perf_counter() - start:8.2f} s")
        start = time.perf_counter()
        first = SearchQuery(text="aleaf", top_k=1, mode="vector")
        [best] = await engine.search(NAME, first, vector=query)
        print(f"first search     {time.perf_counter() - start:8.2f} s")
        for _ in range(rounds):
            start = time.perf_counter()
            found = int((vectors @ query).argmax())
            timed["bare product"].append(time.perf_counter() - start)
            for mode in MODES:
                asked = SearchQuery(text="aleaf bnest 縫う", top_k=10, mode=mode)
                start = time.perf_counter()
                hits = await engine.search(NAME, asked, vector=query)
                timed[mode].append(time.perf_counter() - start)
                if mode == "vector" and hits[0].chunk.id != best.chunk.id:
                    raise SystemExit(f"the engine found {hits[0].chunk.id}, not {best.chunk.id}")
    place = int(best.chunk.document) + int(best.chunk.id.partition("#")[2])
    if place != found:
        raise SystemExit(f"the engine found {place}, the product {found}")
    floor = statistics.median(timed["bare product"])
    for name, times in timed.items():
        median = statistics.median(times)
        print(f"{name:16} {median * 1000:8.2f} ms   ratio {median / floor:6.2f}")


def main() -> None:
    """Measure with the wanted size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("chunks", nargs="?", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.chunks, arguments.dimensions, arguments.rounds))


if __name__ == "__main__":
    main()
