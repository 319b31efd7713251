"""Compare `chunk_document` with other ways of cutting: how fast, and what is found afterwards.

    python benchmarks/chunking.py [FOLDER] [--rounds N]

Speed: megabytes of UTF-8 for each second of CPU, medians of rounds in which all take turns, on the
handbooks of `examples/`, repeated to two megabytes. The floor is the least that a chunker can do:
it cuts behind full stops and packs pieces by their length. semantic-text-splitter, if it is
installed, cuts by characters and by our estimate of tokens.

Quality: how often BM25 (k1 1.5, b 0.75, our search terms) ranks a chunk of the right document first
(R@1) and among five (R@5), on sets `company_contoso/{corpus,queries,qrels}.jsonl` of FOLDER;
without it, `../shared/data` beside this repository is read, and nothing where that is missing. Each
chunk has its document's title before it. Sizes are 350 tokens, of which
semantic-text-splitter shares 80, too.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import time
from collections import Counter, defaultdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data import chunk_document, estimate_tokens
from tailorbird.text import search_terms
from tailorbird.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Cut = Callable[[str], list[str]]

ROUNDS = 5
SIZE_BYTES = 2_000_000
EXAMPLES = Path(__file__).parents[1] / "examples"
DATA = Path(__file__).parents[2] / "shared" / "data"
SETS = ("company_contoso", "en_xquad", "ja_jsquad")
SENTENCE = re.compile(r"[^.!?。！？\n]*[.!?。！？\n]*")
TARGET = 350
SHARED = 80


def handbook(language: str) -> str:
    """Return the handbook of a language, repeated to the size that is measured."""
    pages = sorted((EXAMPLES / language / "handbook").iterdir())
    text = "\n\n".join(page.read_text(encoding="utf-8") for page in pages)
    return text * (SIZE_BYTES // len(text.encode()) + 1)


def floor(text: str) -> list[str]:
    """Cut behind full stops and pack to 1,000 characters."""
    chunks: list[str] = []
    packed = ""
    for sentence in SENTENCE.findall(text):
        if len(packed) + len(sentence) > 1000:  # noqa: PLR2004 - the usual size
            chunks.append(packed)
            packed = ""
        packed += sentence
    return [*chunks, packed]


def ours(text: str) -> list[str]:
    """Cut by the structure."""
    return [chunk.text for chunk in chunk_document(Document(id="handbook.md", text=text))]


def peers() -> dict[str, Cut]:
    """Return all ways of cutting, by name."""
    found: dict[str, Cut] = {"regular expression, 1,000 characters": floor, "tailorbird": ours}
    try:
        splitter = import_module("semantic_text_splitter")
    except ImportError:
        return found
    by_characters = splitter.MarkdownSplitter(1000)
    by_tokens = splitter.MarkdownSplitter.from_callback(estimate_tokens, TARGET, overlap=SHARED)
    found["semantic-text-splitter, characters"] = by_characters.chunks
    found["semantic-text-splitter, tokens"] = by_tokens.chunks
    return found


def speed(cut: Cut, text: str) -> float:
    """Return the megabytes that are cut in a second."""
    start = time.process_time()
    cut(text)
    return len(text.encode()) / 1e6 / (time.process_time() - start)


def rows(path: Path) -> Iterator[Mapping[str, str]]:
    """Yield the objects of a file."""
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line:
            yield json.loads(line)


def quality(cut: Cut, folder: Path) -> tuple[int, float, float]:
    """Return the number of chunks, R@1 and R@5."""
    right: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows(folder / "qrels.jsonl"):
        right[row["query"]].add(row["doc"])
    owners: list[str] = []
    counts: list[Counter[str]] = []
    for row in rows(folder / "corpus.jsonl"):
        for chunk in cut(row["text"]):
            owners.append(row["id"])
            counts.append(Counter(search_terms(f"{row['title']}\n{chunk}")))
    lengths = [count.total() for count in counts]
    mean = sum(lengths) / len(lengths)
    postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for at, count in enumerate(counts):
        for term, times in count.items():
            worth = times * 2.5 / (times + 1.5 * (0.25 + 0.75 * lengths[at] / mean))
            postings[term].append((at, worth))
    # Of the company's questions only those whose citation was checked count (data README).
    asked = [one for one in rows(folder / "queries.jsonl") if one["id"] in right]
    asked = [one for one in asked if one.get("kind", "ground_truth_a") == "ground_truth_a"]
    firsts = fives = 0
    for query in asked:
        best = ranked(query["text"], postings, owners)
        firsts += best[:1] != [] and best[0] in right[query["id"]]
        fives += any(one in right[query["id"]] for one in best[:5])
    return len(owners), firsts / len(asked), fives / len(asked)


def ranked(
    query: str, postings: Mapping[str, list[tuple[int, float]]], owners: list[str]
) -> list[str]:
    """Return documents by their best chunk."""
    scores: defaultdict[int, float] = defaultdict(float)
    for term in search_terms(query):
        hits = postings.get(term, [])
        idf = math.log(1 + (len(owners) - len(hits) + 0.5) / (len(hits) + 0.5))
        for at, worth in hits:
            scores[at] += idf * worth
    order = sorted(scores, key=lambda at: (-scores[at], at))
    return list(dict.fromkeys(owners[at] for at in order))


def main() -> None:
    """Print speed for each language, then quality for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    ways = peers()
    for language in ("en", "ja"):
        text = handbook(language)
        speeds = [
            {name: speed(cut, text) for name, cut in ways.items()} for _ in range(given.rounds)
        ]
        for name in ways:
            median = statistics.median(one[name] for one in speeds)
            print(f"{language}  {name:38} {median:7.1f} MB/s")
    for name in SETS:
        if (given.folder / name).is_dir():
            for way, cut in ways.items():
                count, first, five = quality(cut, given.folder / name)
                print(f"{name:16} {way:38} {count:6} chunks  R@1 {first:.3f}  R@5 {five:.3f}")


if __name__ == "__main__":
    main()
