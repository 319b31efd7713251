"""Measure from which score on a passage is near enough to ask a model about it.

    python benchmarks/abstention.py [FOLDER] [--every N]

FOLDER holds sets as `ja_jsquad/{corpus,queries}.jsonl`; without it, `../shared/data` beside this
repository is read. `--every 4` asks each fourth question only. Each document is cut as usual and
searched by the local engine in the mode `hybrid`, with the fake's vectors. For questions that the
documents answer and for others, the share is printed whose best hit reaches a score: the first are
to be kept, the others need no call to a model.
`workflow.searching.selection.NEAR_ENOUGH` rests on it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import defaultdict
from pathlib import Path

import tailorbird
from tailorbird import Workbench
from tailorbird.types import Document, DocumentId

DATA = Path(__file__).parents[2] / "shared" / "data"
LIMITS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
ASKED = {
    "company_contoso": ("company_contoso",),
    "en_xquad": ("en_xquad", "company_contoso", "ja_jsquad"),
    "ja_jsquad": ("ja_jsquad", "en_xquad"),
}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """Read a file of a set."""
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


async def best_scores(bench: Workbench, index: str, texts: list[str]) -> list[float]:
    """Give the score of the best hit for each question."""
    found = [await bench.search(text, index=index, top_k=1) for text in texts]
    return [hits[0].score if hits else 0.0 for hits in found]


async def main(folder: Path, every: int) -> None:
    """Print a table for each set."""
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        for name, asked in ASKED.items():
            documents = [
                Document(id=DocumentId(row["id"]), title=row["title"], text=row["text"])
                for row in rows(folder / name, "corpus")
            ]
            await bench.build_index(documents, name=name)
            print(f"\n{name:<44}{'n':>5}  " + "  ".join(f"{limit:>5}" for limit in LIMITS))
            for other in asked:
                kinds: defaultdict[str, list[str]] = defaultdict(list)
                for row in rows(folder / other, "queries")[::every]:
                    kinds[row.get("kind", "")].append(row["text"])
                for kind, texts in sorted(kinds.items()):
                    scores = await best_scores(bench, name, texts)
                    shares = (sum(one >= limit for one in scores) / len(scores) for limit in LIMITS)
                    label = f"  {other} {kind}".rstrip()
                    print(
                        f"{label:<44}{len(texts):>5}  " + "  ".join(f"{one:5.3f}" for one in shares)
                    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DATA)
    parser.add_argument("--every", type=int, default=1, help="ask each n-th question only")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.folder, arguments.every))
