"""Measure how often the local engine finds the right document, by mode and by set.

    python benchmarks/retrieval_quality.py [FOLDER] [--every N]

FOLDER holds sets as `ja_jsquad/{corpus,queries,qrels}.jsonl`; without it, `../shared/data` beside
this repository is read. `--every 4` asks each fourth query only. Each document is one chunk, its
title first. Vectors are the fake's hashed character n-grams, and, to see what a bad leg does,
random ones. R@k is the share of queries with a right document among the first k; MRR@10 is the mean
of 1 / rank, 0 beyond rank 10. Reciprocal rank fusion (k = 60, first 50 of each) is for contrast.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.text import hash_embedding
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
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tailorbird.types import SearchMode

DATA = Path(__file__).parents[2] / "shared" / "data"
SETS = ("en_xquad", "ja_jsquad", "company_contoso")
DIMENSIONS = 1536
DEPTH = 50
CUTS = (1, 5, 10)


@dataclass(frozen=True)
class RetrievalSet:
    """Documents, queries, and which document answers which query."""

    documents: Sequence[Document]
    queries: Mapping[str, str]
    right: Mapping[str, set[str]]


def read_set(folder: Path, *, every: int) -> RetrievalSet:
    """Read a set; queries without a right document are left out."""

    def rows(name: str) -> list[dict[str, str]]:
        lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    right: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows("qrels"):
        right[row["query"]].add(row["doc"])
    # Of the company's questions only those whose citation was checked count (data README).
    scored = [row for row in rows("queries") if row.get("kind", "ground_truth_a")[-2:] == "_a"]
    return RetrievalSet(
        documents=[
            Document(id=DocumentId(row["id"]), title=row["title"], text=row["text"])
            for row in rows("corpus")
        ],
        queries={row["id"]: row["text"] for row in scored[::every] if row["id"] in right},
        right=right,
    )


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scale each row to length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


async def rank(
    given: RetrievalSet,
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]],
    modes: Sequence[SearchMode],
) -> dict[SearchMode, list[list[str]]]:
    """Give the first documents for each query, in each mode."""
    name = IndexName("benchmark")
    found: dict[SearchMode, list[list[str]]] = {mode: [] for mode in modes}
    async with LocalRetrieval(None) as engine:
        await engine.create(
            IndexSpec(name=name, embedding_model=ModelId("any"), dimensions=DIMENSIONS)
        )
        await engine.upsert(
            name,
            [
                ChunkedDocument(
                    document=one,
                    chunks=(
                        Chunk(
                            id=ChunkId(f"{one.id}#0"),
                            document=one.id,
                            text=one.text,
                            title=one.title,
                            span=Span(start=0, end=len(one.text)),
                        ),
                    ),
                    content_hash=one.id,
                    vectors=vectors[0][place : place + 1],
                )
                for place, one in enumerate(given.documents)
            ],
        )
        for text, vector in zip(given.queries.values(), vectors[1], strict=True):
            for mode in modes:
                query = SearchQuery(text=text, top_k=DEPTH, mode=mode)
                hits = await engine.search(name, query, vector=vector)
                found[mode].append([hit.chunk.document for hit in hits])
    return found


def fuse_ranks(legs: Sequence[Sequence[str]]) -> list[str]:
    """Fuse by reciprocal ranks, for contrast."""
    scores: defaultdict[str, float] = defaultdict(float)
    for leg in legs:
        for place, document in enumerate(leg, 1):
            scores[document] += 1 / (60 + place)
    return sorted(scores, key=lambda document: (-scores[document], document))


def show(label: str, given: RetrievalSet, found: Sequence[Sequence[str]]) -> None:
    """Print one row of figures."""
    ranks = []
    for query, documents in zip(given.queries, found, strict=True):
        right = given.right[query]
        ranks.append(next((n for n, one in enumerate(documents, 1) if one in right), DEPTH + 1))
    places = np.array(ranks)
    recalls = "  ".join(f"{(places <= k).mean():.3f}" for k in CUTS)
    print(f"  {label:28} {recalls}  {np.where(places <= CUTS[-1], 1 / places, 0).mean():.3f}")


async def measure(name: str, given: RetrievalSet) -> None:
    """Print the figures of one set."""
    print(f"{name}: {len(given.documents)} documents, {len(given.queries)} queries")
    print(f"  {'':28} R@1    R@5    R@10   MRR@10")
    texts = [f"{one.title}\n{one.text}" for one in given.documents]
    random = np.random.default_rng(1)
    shapes = [(len(texts), DIMENSIONS), (len(given.queries), DIMENSIONS)]
    hashed = tuple(
        hash_embedding(list(t), dimensions=DIMENSIONS) for t in (texts, given.queries.values())
    )
    noise = tuple(unit(random.standard_normal(shape)) for shape in shapes)
    words = None
    for label, vectors in (("hash", hashed), ("random", noise)):
        modes: list[SearchMode] = (
            ["vector", "lexical", "hybrid"] if words is None else ["vector", "hybrid"]
        )
        found = await rank(given, (vectors[0], vectors[1]), modes)
        if words is None:
            words = found["lexical"]
            show("lexical", given, words)
        show(f"vector ({label})", given, found["vector"])
        show(f"hybrid ({label})", given, found["hybrid"])
        show(
            f"reciprocal ranks ({label})",
            given,
            [fuse_ranks(legs) for legs in zip(words, found["vector"], strict=True)],
        )


def main() -> None:
    """Measure each set that is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DATA)
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    for name in SETS:
        asyncio.run(measure(name, read_set(arguments.folder / name, every=arguments.every)))


if __name__ == "__main__":
    main()
