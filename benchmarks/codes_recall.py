"""Measure how many of the nearest vectors codes find, on the fake's vectors of real texts.

    python benchmarks/codes_recall.py [FOLDER] [--top 10] [--every N]

FOLDER holds sets as `ja_jsquad/{corpus,queries}.jsonl`; without it, `../shared/data` beside this
repository is read. Each sentence is one chunk, so that there are thousands of them; the vectors are
the fake's hashed character n-grams. For each question the ten nearest by codes are compared with
the ten nearest of all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from pathlib import Path

import numpy as np

from tailorbird.retrieval.local import LocalRetrieval, LocalSettings
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
    SearchMode,
    SearchQuery,
    Span,
)

DATA = Path(__file__).parents[2] / "shared" / "data"
SETS = ("en_xquad", "ja_jsquad", "company_contoso")
NAME = IndexName("benchmark")
DIMENSIONS = 1536
MODES: tuple[SearchMode, ...] = ("vector", "hybrid")
_END = re.compile(r"(?<=[。．!?！？])|(?<=\.)\s|\n")


def read_lines(file: Path) -> list[dict[str, str]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


async def measure(folder: Path, top: int, every: int) -> None:
    """Print the figures of one set."""
    rows = read_lines(folder / "corpus.jsonl")
    texts = [part for row in rows for part in _END.split(row["text"]) if part and part.strip()]
    questions = [row["text"] for row in read_lines(folder / "queries.jsonl")][::every]
    source = Document(id=DocumentId("d"), text="")
    given = ChunkedDocument(
        document=source,
        chunks=tuple(
            Chunk(id=ChunkId(str(n)), document=source.id, text=text, span=Span(start=0, end=1))
            for n, text in enumerate(texts)
        ),
        content_hash="",
        vectors=hash_embedding(texts, dimensions=DIMENSIONS),
    )
    asked = hash_embedding(questions, dimensions=DIMENSIONS)
    engines = [
        LocalRetrieval(None),
        LocalRetrieval(None, settings=LocalSettings(codes_above=0)),
    ]
    spec = IndexSpec(name=NAME, embedding_model=ModelId("any"), dimensions=DIMENSIONS)
    for engine in engines:
        await engine.create(spec)
        await engine.upsert(NAME, [given])
    for mode in MODES:
        shares: list[float] = []
        firsts: list[bool] = []
        for text, vector in zip(questions, asked, strict=True):
            query = SearchQuery(text=text, mode=mode, top_k=top)
            right, found = [
                [hit.chunk.id for hit in await engine.search(NAME, query, vector=vector)]
                for engine in engines
            ]
            shares.append(len(set(right) & set(found)) / len(right))
            firsts.append(right[0] == found[0])
        print(
            f"{folder.name:16} {len(texts):6,} chunks {len(questions):5,} questions {mode:7}"
            f" recall@{top} {np.mean(shares):.4f}   the same first {np.mean(firsts):.4f}"
        )


def main() -> None:
    """Measure each set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DATA)
    parser.add_argument("--top", type=int, default=10)
    parser.add_argument("--every", type=int, default=5)
    arguments = parser.parse_args()
    for name in SETS:
        asyncio.run(measure(arguments.folder / name, arguments.top, arguments.every))


if __name__ == "__main__":
    main()
