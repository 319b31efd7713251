"""Compare the speed of `chunk_document` with one regular expression and greedy packing.

    python benchmarks/chunking.py [rounds]

The peer is the least that a chunker can do: it cuts behind full stops and packs pieces by their
length. Ours finds headings, paragraphs and abbreviations, estimates tokens, shares sentences and
keeps exact spans. Both take turns on the handbooks of `examples/`, repeated to two megabytes.
Medians in megabytes of UTF-8 for each second of CPU.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data import chunk_document
from tailorbird.types import Document

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
SIZE_BYTES = 2_000_000
EXAMPLES = Path(__file__).parents[1] / "examples"
SENTENCE = re.compile(r"[^.!?。！？\n]*[.!?。！？\n]*")


def handbook(language: str) -> str:
    """Return the handbook of a language, repeated to the size that is measured."""
    pages = sorted((EXAMPLES / language / "handbook").iterdir())
    text = "\n\n".join(page.read_text(encoding="utf-8") for page in pages)
    return text * (SIZE_BYTES // len(text.encode()) + 1)


def peer(text: str) -> list[str]:
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


def speed(cut: Callable[[str], list[str]], text: str) -> float:
    """Return the megabytes that are cut in a second."""
    start = time.process_time()
    cut(text)
    return len(text.encode()) / 1e6 / (time.process_time() - start)


def main(rounds: int) -> None:
    """Print both medians and their ratio for each language."""
    for language in ("en", "ja"):
        text = handbook(language)
        pairs = [(speed(peer, text), speed(ours, text)) for _ in range(rounds)]
        floor, own = (statistics.median(speeds) for speeds in zip(*pairs, strict=True))
        print(f"{language}  regular expression {floor:6.1f} MB/s", end="")
        print(f"  tailorbird {own:6.1f} MB/s  ratio {own / floor:5.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
