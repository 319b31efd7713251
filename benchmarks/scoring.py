"""Measure what scoring one answer costs, beside other libraries where they are installed.

    python benchmarks/scoring.py

Six answers to each question of `examples/`, as six arms would give them: two right ones, half a
one, two to other questions, a refusal. Printed are microseconds of CPU an answer, the best of
several rounds, and ratios within the same run. sacrebleu (chrF) and rapidfuzz (indel similarity, in
C++) are peers for parts of the work only: nobody scores dates, citations or house style.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from tailorbird.text import chrf, overlap_f1
from tailorbird.text.similarity import ChrfReference
from tailorbird.types.answers import Answer
from tailorbird.types.questions import Question
from tailorbird.workflow.comparing.scoring import AnswerKey, ReferenceProfile, score

EXAMPLES = Path(__file__).parents[1] / "examples"
ROUNDS = 5
ARMS = 6
COMPARISON = 60_000  # answers of 10,000 questions and six arms


def questions(language: str) -> list[Question]:
    """Read the questions of an example that have an answer."""
    with (EXAMPLES / language / "faq.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["answer"]]
    return [
        Question.model_validate(
            {
                "id": str(at),
                "text": row["question"],
                "answers": (row["answer"],),
                "kind": row["kind"],
                "sources": (row["source"],) if row["source"] else (),
            }
        )
        for at, row in enumerate(rows)
    ]


def answers(asked: list[Question], at: int) -> list[str]:
    """Give what six arms would say to a question."""
    right = asked[at].reference
    others = [asked[(at * 7 + step) % len(asked)].reference for step in (3, 11)]
    return [right, right, right[: len(right) // 2], *others, "I do not know."]


def best(work: Callable[[], object], count: int) -> float:
    """Give microseconds for each of `count` pieces of work, the best of some rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) / count * 1e6


def peers(pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Measure what is installed of the others."""
    found = {}
    try:
        sacrebleu = import_module("sacrebleu")
        metric = sacrebleu.CHRF()
        found["sacrebleu chrF"] = best(
            lambda: [metric.sentence_score(text, [other]) for text, other in pairs], len(pairs)
        )
    except ImportError:
        print("  sacrebleu is not installed")
    try:
        ratio = import_module("rapidfuzz.fuzz").ratio
        found["rapidfuzz ratio"] = best(
            lambda: [ratio(text, other) for text, other in pairs], len(pairs)
        )
    except ImportError:
        print("  rapidfuzz is not installed")
    return found


def by_key(asked: list[Question], told: list[list[Answer]]) -> None:
    """Score as a comparison does: a question is taken apart once for all arms."""
    profile = ReferenceProfile.of(asked)
    for question, given in zip(asked, told, strict=True):
        key = AnswerKey.of(question, profile=profile)
        for answer in given:
            key.score(answer)


def one_by_one(asked: list[Question], told: list[list[Answer]]) -> None:
    """Score each answer by itself."""
    profile = ReferenceProfile.of(asked)
    for question, given in zip(asked, told, strict=True):
        for answer in given:
            score(question, answer, profile=profile)


def prepared(asked: list[Question], told: list[list[Answer]]) -> None:
    """Compute chrF alone, each reference taken apart once."""
    for question, given in zip(asked, told, strict=True):
        reference = ChrfReference(question.reference)
        for answer in given:
            reference.score(answer.text)


def measure(language: str) -> None:
    """Print the figures for one language."""
    asked = questions(language)
    told = [[Answer(text=text) for text in answers(asked, at)] for at in range(len(asked))]
    pairs = [
        (answer.text, question.reference)
        for question, given in zip(asked, told, strict=True)
        for answer in given
    ]
    count = len(pairs)
    print(f"{language}: {count} answers, {sum(len(text) for text, _ in pairs) // count} characters")
    base = best(lambda: by_key(asked, told), count)
    figures = {
        "all figures, a key for six answers": base,
        "all figures, one by one": best(lambda: one_by_one(asked, told), count),
        "chrF, prepared": best(lambda: prepared(asked, told), count),
        "chrF": best(lambda: [chrf(*pair) for pair in pairs], count),
        "F1": best(lambda: [overlap_f1(*pair) for pair in pairs], count),
        **peers(pairs),
    }
    for name, value in figures.items():
        print(f"  {name:36} {value:8.1f} µs  {value / base:6.2f} of all figures")
    print(f"  10,000 questions × {ARMS} arms: {base * COMPARISON / 1e6:.0f} s of scoring")


def main() -> None:
    """Print the figures for both languages."""
    for language in ("ja", "en"):
        measure(language)


if __name__ == "__main__":
    main()
