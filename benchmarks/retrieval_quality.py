"""Measure how often the local engine finds the right document, by mode, by set and by vectors.

    python benchmarks/retrieval_quality.py [FOLDER] [--every N] [--sets NAME …] [--cache FOLDER]

FOLDER holds sets as `ja_jsquad/{corpus,queries,qrels}.jsonl`; without it, `../shared/data` beside
this repository is read. `--every 4` asks each fourth query only. Documents are measured whole, each
one chunk with its title first, and cut as `build_index` cuts them by default; a document counts by
its best chunk. R@k is the share of queries with a right document among the first k; MRR@10 is the
mean of 1 / rank, 0 beyond rank 10.

Vectors are the fake's hashed character n-grams; those of all-MiniLM-L6-v2, an English model, where
its package is installed (`benchmarks/minilm.py` says how; `--cache` keeps its vectors); and, to see
what a bad leg does, n-grams of the first 200 characters only, and random ones. For contrast: BM25
by the package bm25s over the same terms, where it is installed, and reciprocal rank fusion (k = 60,
first 50 of each). The last column is what the hybrid gains over the better of its legs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from minilm import MiniLm, installed

from tailorbird.data import chunk_document
from tailorbird.retrieval.bm25 import K1, B
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.text import hash_embedding, search_terms
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
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from tailorbird.types import SearchMode

    Vectors = NDArray[np.float32]
    Embed = Callable[[Sequence[str]], Vectors]

DATA = Path(__file__).parents[2] / "shared" / "data"
SETS = ("en_xquad", "ja_jsquad", "company_contoso")
DIMENSIONS = 1536
SEEN = 200  # characters that truncated vectors see
DEPTH = 50
CUTS = (1, 5, 10)


@dataclass(frozen=True)
class RetrievalSet:
    """Documents with their chunks, queries, and which document answers which query."""

    chunks: Sequence[tuple[Document, Sequence[Chunk]]]
    queries: Mapping[str, str]
    right: Mapping[str, set[str]]

    @property
    def texts(self) -> list[str]:
        """What is embedded and searched in, chunk by chunk."""
        return [f"{one.title}\n{one.text}" for _, chunks in self.chunks for one in chunks]


def read_set(folder: Path, *, every: int, cut: bool) -> RetrievalSet:
    """Read a set; queries without a right document are left out."""

    def rows(name: str) -> list[dict[str, str]]:
        lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    right: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows("qrels"):
        right[row["query"]].add(row["doc"])
    # Of the company's questions only those whose citation was checked count (data README).
    scored = [row for row in rows("queries") if row.get("kind", "ground_truth_a")[-2:] == "_a"]
    documents = [
        Document(id=DocumentId(row["id"]), title=row["title"], text=row["text"])
        for row in rows("corpus")
    ]
    return RetrievalSet(
        chunks=[(one, chunk_document(one) if cut else [whole(one)]) for one in documents],
        queries={row["id"]: row["text"] for row in scored[::every] if row["id"] in right},
        right=right,
    )


def whole(document: Document) -> Chunk:
    """Make one chunk of a document."""
    return Chunk(
        id=ChunkId(f"{document.id}#0"),
        document=document.id,
        text=document.text,
        title=document.title,
        span=Span(start=0, end=len(document.text)),
    )


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Scale each row to length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def hashed(texts: Sequence[str]) -> Vectors:
    """Embed as the fake does."""
    return hash_embedding(list(texts), dimensions=DIMENSIONS)


def embeddings(cache: Path | None) -> Iterator[tuple[str, Embed]]:
    """Give the ways of making vectors."""
    yield "n-grams", hashed
    if installed():
        yield "MiniLM", MiniLm(cache=cache).embed
    yield f"first {SEEN}", lambda texts: hashed([one[:SEEN] for one in texts])
    random = np.random.default_rng(1)
    yield "random", lambda texts: unit(random.standard_normal((len(texts), DIMENSIONS)))


async def rank(
    given: RetrievalSet, vectors: Vectors, queries: Vectors, modes: Sequence[SearchMode]
) -> dict[SearchMode, list[list[str]]]:
    """Give the first documents for each query, in each mode."""
    name = IndexName("benchmark")
    found: dict[SearchMode, list[list[str]]] = {mode: [] for mode in modes}
    ends = np.cumsum([0, *(len(chunks) for _, chunks in given.chunks)]).tolist()
    async with LocalRetrieval(None) as engine:
        await engine.create(
            IndexSpec(name=name, embedding_model=ModelId("any"), dimensions=vectors.shape[1])
        )
        await engine.upsert(
            name,
            [
                ChunkedDocument(
                    document=document,
                    chunks=tuple(chunks),
                    content_hash=document.id,
                    vectors=vectors[start:end],
                )
                for (document, chunks), (start, end) in zip(
                    given.chunks, pairwise(ends), strict=True
                )
            ],
        )
        for text, vector in zip(given.queries.values(), queries, strict=True):
            for mode in modes:
                query = SearchQuery(text=text, top_k=DEPTH, mode=mode)
                hits = await engine.search(name, query, vector=vector)
                found[mode].append(list(dict.fromkeys(hit.chunk.document for hit in hits)))
    return found


def rank_by_peer(given: RetrievalSet) -> list[list[str]]:
    """Give the first documents for each query by bm25s, over the same terms and weights."""
    peer = import_module("bm25s")
    index = peer.BM25(k1=K1, b=B, method="lucene")
    index.index([search_terms(one) for one in given.texts], show_progress=False)
    owners = [document.id for document, chunks in given.chunks for _ in chunks]
    found: list[list[str]] = []
    for text in given.queries.values():
        terms = [one for one in search_terms(text) if one in index.vocab_dict]
        scores = index.get_scores(terms) if terms else np.zeros(len(owners))
        # What scores nothing is not found; equal scores are in the order of the documents.
        best = [at for at in np.argsort(-scores, kind="stable")[:DEPTH].tolist() if scores[at] > 0]
        found.append(list(dict.fromkeys(owners[at] for at in best)))
    return found


def fuse_ranks(legs: Sequence[Sequence[str]]) -> list[str]:
    """Fuse by reciprocal ranks, for contrast."""
    scores: defaultdict[str, float] = defaultdict(float)
    for leg in legs:
        for place, document in enumerate(leg, 1):
            scores[document] += 1 / (60 + place)
    return sorted(scores, key=lambda document: (-scores[document], document))


def show(
    label: str, given: RetrievalSet, found: Sequence[Sequence[str]], *, legs: Sequence[float] = ()
) -> float:
    """Print one row of figures and give R@1; `legs` are the ones that this is a mix of."""
    ranks = []
    for query, documents in zip(given.queries, found, strict=True):
        right = given.right[query]
        ranks.append(next((n for n, one in enumerate(documents, 1) if one in right), DEPTH + 1))
    places = np.array(ranks)
    first = float((places == 1).mean())
    recalls = "  ".join(f"{(places <= k).mean():.3f}" for k in CUTS)
    gain = f"  {first - max(legs):+.3f}" if legs else ""
    mean = np.where(places <= CUTS[-1], 1 / places, 0).mean()
    print(f"  {label:28} {recalls}  {mean:.3f}{gain}", flush=True)
    return first


async def measure(name: str, given: RetrievalSet, *, cut: bool, cache: Path | None) -> None:
    """Print the figures of one set."""
    texts, queries = given.texts, list(given.queries.values())
    how = f"cut into {len(texts)} chunks" if cut else "each one chunk"
    print(f"{name}: {len(given.chunks)} documents, {how}, {len(queries)} queries")
    print(f"  {'':28} R@1    R@5    R@10   MRR@10  gain")
    words: list[list[str]] = []
    by_words = 0.0
    for label, embed in embeddings(cache):
        modes: list[SearchMode] = ["vector", "hybrid", *(() if words else ("lexical",))]
        found = await rank(given, embed(texts), embed(queries), modes)
        if not words:
            words = found["lexical"]
            by_words = show("lexical", given, words)
            if find_spec("bm25s") is not None:
                show("bm25s, the same terms", given, rank_by_peer(given))
        by_vector = show(f"vector ({label})", given, found["vector"])
        legs = (by_words, by_vector)
        show(f"hybrid ({label})", given, found["hybrid"], legs=legs)
        ranks = [fuse_ranks(both) for both in zip(words, found["vector"], strict=True)]
        show(f"reciprocal ranks ({label})", given, ranks, legs=legs)


def main() -> None:
    """Measure each set that is there, whole and cut."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DATA)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--cache", type=Path, default=None)
    given = parser.parse_args()
    for name in given.sets:
        for cut in (False, True):
            data = read_set(given.folder / name, every=given.every, cut=cut)
            asyncio.run(measure(name, data, cut=cut, cache=given.cache))


if __name__ == "__main__":
    main()
