"""Measure how fast a table of questions and answers becomes a training file.

Runs, in turn and each in a fresh process, the converter that every tutorial shows (`csv.DictReader`
and `json.dumps`, without any check) and `tailorbird.data.convert.convert_questions` with all of its
checks, on the same file, and prints rows a second, their ratio and how much the memory grew.

    python benchmarks/csv_to_jsonl.py [--rows 1000000] [--rounds 3]

The file is made for the run: Japanese and English rows in turn, every twentieth one with a quoted
line break. It lies in a temporary folder, as do the results, so there must be room for about 500
bytes a row. Compare the figures of one run with each other, never with those of another machine.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SYSTEM = "社内規程の質問に、短く丁寧に答えてください。"
JAPANESE = "会社の就業規則では有給休暇の申請期限は何日前までですか申請書を人事部へ提出"
ENGLISH = ("how", "many", "days", "of", "paid", "leave", "can", "be", "carried", "over", "who")


def make_table(path: Path, rows: int) -> None:
    """Write a table with as many rows as asked for, the same ones in every run."""
    pick = random.Random(7)  # noqa: S311 - no secret depends on it
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "answer"])
        for number in range(rows):
            if number % 2:
                question = f"{''.join(pick.choices(JAPANESE, k=24))}{number}ですか？"
                answer = f"{''.join(pick.choices(JAPANESE, k=40))}です。"
            else:
                question = f"{' '.join(pick.choices(ENGLISH, k=9))} {number}?"
                answer = f"{' '.join(pick.choices(ENGLISH, k=14))}, please."
            if number % 20 == 0:
                answer += "\n(see page 3)"
            writer.writerow([question, answer])


def convert_usual(source: Path, target: Path) -> None:
    """Convert as tutorials do: no check, one dictionary and one `json.dumps` a row."""
    with (
        source.open(encoding="utf-8", newline="") as table,
        target.open("w", encoding="utf-8") as out,
    ):
        for row in csv.DictReader(table):
            messages = [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": row["question"]},
                {"role": "assistant", "content": row["answer"]},
            ]
            out.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")


def convert_ours(source: Path, target: Path) -> None:
    """Convert with every check."""
    from tailorbird.data.convert import convert_questions  # noqa: PLC0415 - only this side pays

    convert_questions(source, target, system=SYSTEM)


CONVERTERS: dict[str, Callable[[Path, Path], None]] = {
    "usual": convert_usual,
    "tailorbird": convert_ours,
}


def peak_mb() -> float:
    """Return the largest resident size of this process so far, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if platform.system() == "Darwin" else peak / (1 << 10)


def run_one(name: str, source: Path, target: Path) -> None:
    """Convert once and print seconds of wall and processor time, and megabytes grown, as JSON."""
    if name == "tailorbird":
        import tailorbird.data.convert  # noqa: F401, PLC0415 - its import is no part of the speed
    before = peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    CONVERTERS[name](source, target)
    figures = {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "grown": peak_mb() - before,
    }
    print(json.dumps(figures))


def measure(name: str, source: Path, target: Path) -> dict[str, float]:
    """Run one converter in a fresh process and return its figures."""
    os.sync()  # or one run would wait for the pages that another one left to be written
    command = [sys.executable, __file__, "--one", name, str(source), str(target)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(run.stdout)
    return figures


def main() -> None:
    """Make the table, run both converters in turn, print the medians."""
    parser = argparse.ArgumentParser(description="CSV to training file: usual way and ours")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, source, target = given.one
        run_one(name, Path(source), Path(target))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), given.rows, given.rounds)


def compare(folder: Path, rows: int, rounds: int) -> None:
    """Interleave the converters, make sure that they write the same bytes, print the table."""
    source = folder / "faq.csv"
    make_table(source, rows)
    print(f"{rows:,} rows, {source.stat().st_size / 1e6:.0f} MB, {rounds} rounds")
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in CONVERTERS}
    hashes: set[str] = set()
    for _ in range(rounds):
        for name, runs in figures.items():
            target = folder / f"{name}.jsonl"
            runs.append(measure(name, source, target))
            with target.open("rb") as file:
                hashes.add(hashlib.file_digest(file, "sha256").hexdigest())
    if len(hashes) != 1:
        sys.exit("the two converters did not write the same bytes")
    print(f"{'':12}{'rows/s':>10}{'rows/CPU s':>12}{'x wall':>8}{'x CPU':>7}{'grown MB':>10}")
    for name, runs in figures.items():
        speed = f"{rows / middle(runs, 'wall'):10,.0f}{rows / middle(runs, 'cpu'):12,.0f}"
        wall, cpu = (ratio(figures["usual"], runs, key) for key in ("wall", "cpu"))
        grown = max(run["grown"] for run in runs)
        print(f"{name:12}{speed}{wall:8.2f}{cpu:7.2f}{grown:10.1f}")


def middle(runs: list[dict[str, float]], key: str) -> float:
    """Return the median of a figure over the rounds."""
    return statistics.median(run[key] for run in runs)


def ratio(usual: list[dict[str, float]], runs: list[dict[str, float]], key: str) -> float:
    """Return how many times as fast as the usual way: the median over the rounds."""
    return statistics.median(
        before[key] / after[key] for before, after in zip(usual, runs, strict=True)
    )


if __name__ == "__main__":
    main()
