"""Compare six arms on very many questions on the fake: seconds, memory, and a second run.

    python benchmarks/long_comparison.py --questions 10000

Pages of a made-up parts catalog hold one fact for each question; a tenth of the questions is
trained. Printed are the seconds for asking, scoring and concluding, the growth of memory at its
peak, the size of the kept report, and the seconds of the same comparison made again, which asks
nothing. Target (two cores, 10,000 questions): at most 120 seconds and 500 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from pathlib import Path

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.types import Document, DocumentId

_FACTS_A_PAGE = 20
_COLORS = ("red", "blue", "green", "gray", "white", "black", "yellow")
_TRAINED = 10  # every so many questions one is trained


def _fact(number: int) -> tuple[str, str]:
    color = _COLORS[number % len(_COLORS)]
    question = f"What does the {color} bracket B-{number:05} cost?"
    return question, f"The {color} bracket B-{number:05} costs {number % 997 + 3} euros."


def _pages(count: int) -> list[Document]:
    return [
        Document(
            id=DocumentId(f"page-{start}"),
            title=f"Catalog, page {start // _FACTS_A_PAGE + 1}",
            text=" ".join(_fact(one)[1] for one in range(start, min(start + _FACTS_A_PAGE, count))),
        )
        for start in range(0, count, _FACTS_A_PAGE)
    ]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _measure(bench: Workbench, count: int) -> None:
    questions = QuestionSet.from_rows(
        {"question": asked, "answer": answer, "kind": "unseen", "id": str(number)}
        for number, (asked, answer) in enumerate(map(_fact, range(count)))
    )
    tuned = await bench.fine_tune(questions[::_TRAINED], system="Answer briefly.", name="catalog")
    index = await bench.build_index(_pages(count), name="catalog")
    arms = bench.arms(tuned=tuned, index=index)
    before = _peak_mb()
    result = None
    for run in ("first", "again"):
        del result  # what is measured is one comparison
        start, used = time.perf_counter(), time.process_time()
        result = await bench.compare(arms, questions, name="catalog")
        seconds, cpu = time.perf_counter() - start, time.process_time() - used
        reused = sum(one.reused for one in result.outcomes)
        print(
            f"{run:>6}: {len(arms)} arms x {count:,} questions, {seconds:.1f} s"
            f" ({cpu:.1f} s of processor time),"
            f" {seconds / len(result.outcomes) * 1e3:.2f} ms an answer, {reused:,} reused,"
            f" memory + {_peak_mb() - before:.0f} MB (peak {_peak_mb():.0f} MB)"
        )
    print(f"verdict: {result.verdict.decision}: {result.verdict.headline}")


async def _main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with tailorbird.open("fake", workspace=Path(folder) / "w", environ={}) as bench:
            await _measure(bench, count)
        kept = next((Path(folder) / "w" / "reports").iterdir())
        print(f"report: {kept.stat().st_size / 2**20:.0f} MB of JSON")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000)
    asyncio.run(_main(parser.parse_args().questions))
