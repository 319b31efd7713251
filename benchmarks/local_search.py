"""Compare the local engine with numpy: searching, opening a stored index again, and memory.

    python benchmarks/local_search.py [CHUNKS ...] [--dimensions 1536] [--rounds 15] [--spread 0.4]

Searching: one bare product of the matrix with a vector is the least an exact search by numpy can
do. It and the engine take turns on the same vectors, so a busy machine slows both; the ratio of the
medians counts. `numpy, mapped` is the same product with a file of vectors, which is what the engine
has. With `OPENBLAS_NUM_THREADS=1` in the environment both products take one thread; the engine does
as always. `exact` compares all vectors, `codes` those that their codes (one bit for each dimension)
let through; its recall@10 is the share of the exact ten that it finds.

Opening: a fresh process maps the bare matrix and multiplies it once; another one opens the engine
and searches once. Both files were read before. `again` is the same for the second time in each of
these processes: the first time it also makes what a process makes once, such as the validators of
the library's types. Memory is what the process takes more after the first opening and a search in
each way.

The vectors stand in clusters of about 100, `--spread` is how far from their center, as a share of
its length; 0 makes them random, where nothing is near anything and codes cannot help. Several
sizes give the curve of the cost. `cpu` is the ratio of processor time, of all threads, which a busy
neighbor changes less than the clock. Needs 7 kB of memory and 14 kB of disk a chunk at 1,536
dimensions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.local import LocalRetrieval, LocalSettings
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
CHUNKS_A_DOCUMENT = 256
CLUSTER = 100
TOP = 10
MODES: tuple[SearchMode, ...] = ("vector", "lexical", "hybrid")
WORDS = [
    f"{left}{right}" for left in "abcdefghijklmnop" for right in ("leaf", "nest", "seam", "縫")
]
QUESTION = "bnest 縫う"
# After a product, OpenBLAS's threads look for more work before they sleep; whoever came next would
# share the processor with them (50 ms after 100,000 × 1,536, OpenBLAS 0.3.31, 2026-11-22).
QUIET_S = 0.1


@dataclass(frozen=True)
class Size:
    """What is measured."""

    chunks: int
    """How many vectors there are."""
    dimensions: int
    """How long they are."""
    spread: float
    """How far they stand from the centers of their clusters; 0 for none."""

    def vectors(self) -> NDArray[np.float32]:
        """Make the vectors."""
        random = np.random.default_rng(1)
        found = random.standard_normal((self.chunks, self.dimensions), dtype=np.float32)
        if self.spread:
            centers = random.standard_normal(
                (max(1, self.chunks // CLUSTER), self.dimensions), dtype=np.float32
            )
            for start in range(0, self.chunks, 1 << 14):
                part = found[start : start + (1 << 14)]
                part *= self.spread
                part += centers[random.integers(0, len(centers), len(part))]
        for start in range(0, self.chunks, 1 << 14):
            part = found[start : start + (1 << 14)]
            part /= np.linalg.norm(part, axis=1, keepdims=True)
        return found


@dataclass(frozen=True)
class Taken:
    """What something took."""

    seconds: float
    """By the clock."""
    processor: float
    """Of all threads of this process."""

    def compared(self, floor: Taken) -> str:
        """Tell it, and how it compares with another."""
        ratio, processor = self.seconds / floor.seconds, self.processor / floor.processor
        return f"{self.seconds * 1000:9.2f} ms   ratio {ratio:6.2f}   cpu {processor:6.2f}"


class Moment:
    """Now."""

    def __init__(self) -> None:
        """Look at the clocks."""
        self._then = time.perf_counter(), time.process_time()

    def taken(self) -> Taken:
        """Tell what passed since."""
        return Taken(time.perf_counter() - self._then[0], time.process_time() - self._then[1])


def middle(found: list[Taken]) -> Taken:
    """Give the medians."""
    return Taken(
        statistics.median(one.seconds for one in found),
        statistics.median(one.processor for one in found),
    )


def make_documents(vectors: NDArray[np.float32]) -> Iterator[ChunkedDocument]:
    """Cut the vectors into documents, with short texts of random words."""
    random = np.random.default_rng(2)
    for start in range(0, len(vectors), CHUNKS_A_DOCUMENT):
        part = vectors[start : start + CHUNKS_A_DOCUMENT]
        document = Document(id=DocumentId(str(start)), text="")
        yield ChunkedDocument(
            document=document,
            chunks=tuple(
                Chunk(
                    id=ChunkId(str(start + number)),
                    document=document.id,
                    text=" ".join(random.choice(WORDS, 20)),
                    span=Span(start=0, end=1),
                )
                for number in range(len(part))
            ),
            content_hash=str(start),
            vectors=part,
        )


def make_queries(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Make vectors that are near some of those that are there, and equal to none."""
    random = np.random.default_rng(3)
    chosen = vectors[random.integers(0, len(vectors), count)]
    moved = chosen + random.standard_normal(chosen.shape, dtype=np.float32) * 0.01
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


async def fill(folder: Path, vectors: NDArray[np.float32]) -> None:
    """Fill an index."""
    async with LocalRetrieval(folder) as engine:
        await engine.create(
            IndexSpec(name=NAME, embedding_model=ModelId("any"), dimensions=vectors.shape[1])
        )
        start = time.perf_counter()
        for document in make_documents(vectors):
            await engine.upsert(NAME, [document])
        print(f"fill the index       {time.perf_counter() - start:9.2f} s")


async def find(
    engine: LocalRetrieval, query: NDArray[np.float32], mode: SearchMode, *, number: int = 0
) -> tuple[Taken, list[int]]:
    """Search once; give what it took, and the places of the vectors found.

    The engine keeps what it found last, so each search to be measured has a number of its own.
    """
    word = WORDS[number % 4]  # after a few rounds nothing is read for the first time
    asked = SearchQuery(text=f"{word} {QUESTION} {number}", top_k=TOP, mode=mode)
    start = Moment()
    hits = await engine.search(NAME, asked, vector=query)
    return start.taken(), [int(hit.chunk.id) for hit in hits]


async def search(folder: Path, vectors: NDArray[np.float32], rounds: int) -> None:
    """Print what searching costs."""
    timed: dict[str, list[Taken]] = {}
    shares: list[float] = []
    async with (
        LocalRetrieval(folder) as exact,
        LocalRetrieval(folder, settings=LocalSettings(codes_above=0)) as coded,
    ):
        ways: dict[str, tuple[LocalRetrieval, SearchMode]] = {
            "exact": (exact, "vector"),
            "codes": (coded, "vector"),
            "words": (exact, "lexical"),
            "hybrid": (exact, "hybrid"),
            "hybrid, codes": (coded, "hybrid"),
        }
        # A block is checked when it is first read. A search that compares all vectors reads them
        # all; codes let few through, so that many searches would have a part of that to pay.
        await coded.verify(NAME)
        for engine, mode in ways.values():
            await find(engine, vectors[0], mode)
        mapped = np.memmap(folder / "bare", dtype=np.float32, mode="r", shape=vectors.shape)
        floors = {"numpy product": vectors, "numpy, mapped": mapped}
        products = np.empty(0, dtype=np.float32)
        for number, query in enumerate(make_queries(vectors, rounds), 1):
            for name, matrix in floors.items():
                float((matrix @ query).max())  # wakes OpenBLAS's threads, and reads what is mapped
                start = Moment()
                products = matrix @ query
                timed.setdefault(name, []).append(start.taken())
                await asyncio.sleep(QUIET_S)
            right = np.argsort(-products)[:TOP].tolist()
            for name, (engine, mode) in ways.items():
                taken, found = await find(engine, query, mode, number=number)
                timed.setdefault(name, []).append(taken)
                if name == "exact" and set(found) != set(right):
                    raise SystemExit(f"the engine found {found}, the product {right}")
                if name == "codes":
                    shares.append(len(set(found) & set(right)) / len(right))
    floor = middle(timed["numpy product"])
    for name, times in timed.items():
        found = middle(times)
        told = f"   recall@10 {statistics.mean(shares):.4f}" if name == "codes" else ""
        print(f"{name:20} {found.compared(floor)}{told}")


def own_memory() -> int:
    """Give the bytes that this process has in memory, mapped files included."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


async def open_engine(folder: Path, query: NDArray[np.float32]) -> tuple[Taken, int]:
    """Open the engine and search in each way.

    Returns:
        What it took until the first answer, and the memory of the process in the end.
    """
    start = Moment()
    async with LocalRetrieval(folder) as engine:
        await find(engine, query, "vector")
        taken = start.taken()
        for mode in MODES:
            await find(engine, query, mode)
        return taken, own_memory()


def open_bare(folder: Path, query: NDArray[np.float32], chunks: int) -> tuple[Taken, int]:
    """Map the bare matrix and multiply it once; what it gives is as for the engine."""
    start = Moment()
    shape = (chunks, len(query))
    mapped = np.memmap(folder / "bare", dtype=np.float32, mode="r", shape=shape)
    float((mapped @ query).max())
    return start.taken(), own_memory()


def open_here(way: str, folder: Path, size: Size) -> None:
    """Open twice in one of two ways in this process, which is fresh, and print what it took."""
    query = np.ones(size.dimensions, dtype=np.float32) / np.float32(size.dimensions**0.5)
    before = own_memory()
    both = [
        open_bare(folder, query, size.chunks)
        if way == "numpy"
        else asyncio.run(open_engine(folder, query))
        for _ in range(2)
    ]
    times = [(one.seconds, one.processor) for one, _ in both]
    print(json.dumps([*times, both[0][1] - before]))


def opening(folder: Path, size: Size, rounds: int) -> None:
    """Print what opening costs, in fresh processes that take turns."""
    taken: dict[str, list[list[Taken]]] = {"numpy": [], "engine": []}
    memory: dict[str, float] = {}
    for _ in range(rounds):
        for way, times in taken.items():
            options = ["--dimensions", str(size.dimensions), "--open", way, str(folder)]
            found = subprocess.run(
                [sys.executable, __file__, str(size.chunks), *options],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            *both, memory[way] = json.loads(found)
            times.append([Taken(*one) for one in both])
    held = size.chunks * size.dimensions * 4
    for place, label in enumerate(("first", "again")):
        floor = middle([one[place] for one in taken["numpy"]])
        for way, times in taken.items():
            print(f"open, {label}: {way:7} {middle([one[place] for one in times]).compared(floor)}")
    for way, most in memory.items():
        print(f"memory: {way:12} {most / 1e6:7.0f} MB, {most / held:5.2f} × the vectors")


def measure(size: Size, rounds: int) -> None:
    """Print the figures of one size."""
    print(f"{size.chunks:,} × {size.dimensions}, spread {size.spread}, k = {TOP}")
    vectors = size.vectors()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        asyncio.run(fill(folder, vectors))
        vectors.tofile(folder / "bare")
        asyncio.run(search(folder, vectors, rounds))
        del vectors
        opening(folder, size, max(3, rounds // 3))
        stored = sum(path.stat().st_size for path in folder.rglob("*") if path.name != "bare")
        files = len(list((folder / "segments").iterdir()))
        print(f"on disk {stored / 1e6:.0f} MB, {files} segments\n")


def main() -> None:
    """Measure with the wanted sizes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("chunks", nargs="*", type=int, default=[100_000])
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--spread", type=float, default=0.4)
    parser.add_argument("--open", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sizes = [Size(one, arguments.dimensions, arguments.spread) for one in arguments.chunks]
    for size in sizes:
        if arguments.open:
            open_here(arguments.open[0], Path(arguments.open[1]), size)
        else:
            measure(size, arguments.rounds)


if __name__ == "__main__":
    main()
