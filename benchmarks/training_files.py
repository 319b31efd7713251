"""Measure how fast a training file in chat format is checked.

Runs, in turn and each in a fresh process, pydantic's `TypeAdapter(TypedDict).validate_json` on
every line, which finds wrong shapes and nothing else, and `validate_training_file`, which applies
every rule, on the same file, and prints MB a second, their ratio and how much the memory grew.

    python benchmarks/training_files.py [--megabytes 512] [--rounds 3] [--content mixed]

The file is made for the run: Japanese and English rows in turns, short answers and long ones, a
fifth of them with two turns, a tenth with line breaks, some with quotes. `--content japanese` or
`english` takes rows of one language only; `escaped` is Japanese as `json.dumps` writes it when
nobody says otherwise, in escapes of ASCII. It lies in a temporary folder. Reading and hashing count
on our side. Our side scans in threads: its wall-clock ratio needs a second core, so the ratio by
CPU seconds is shown as well. Compare the figures of one run with each other, never with those of
another machine.
"""

from __future__ import annotations

import argparse
import json
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
from typing import Literal, NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from tailorbird.data import validate_training_file

SYSTEMS = ("社内規程の質問に、短く丁寧に答えてください。", "Answer questions of our staff briefly.")
JAPANESE = (
    "有給休暇の申請は三営業日前までに上長の承認を得てください。",
    "交通費は経路と金額を入力し、領収書の写しを添えて提出します。",
    "在宅勤務の日は、始業と終業の時刻を勤怠システムに記録する必要があります。",
    "出張の宿泊費は一泊につき規程の上限まで実費で支給されます。",
    "この手続きは人事部の担当者が確認したうえで、翌月の給与に反映されます。",
    "不明な点があれば、社内ポータルの問い合わせ窓口に連絡してください。",
)
ENGLISH = (
    "Requests for paid leave need the approval of your manager three days ahead.",
    "Travel costs are refunded with the next salary when the receipts are complete.",
    "On days at home, please record the beginning and the end of your work.",
    "Hotel costs are paid up to the limit in the travel policy, breakfast included.",
    'The form is called "Expenses"; you find it in the portal under Finance.',
    "If anything is unclear, the service desk will help you between nine and five.",
)
JAPANESE_WORDS = "会社の就業規則では休暇申請期限は何日前までですか書類を人事部へ提出育児介護"
# Rows have numbers, the even ones are Japanese: the first number, and the step to the next one.
CONTENTS = {"mixed": (0, 1), "japanese": (0, 2), "english": (1, 2), "escaped": (0, 2)}
ENGLISH_WORDS = (
    "how",
    "many",
    "days",
    "of",
    "leave",
    "can",
    "be",
    "carried",
    "over",
    "who",
    "pays",
)


class Function(TypedDict):
    """What a call names."""

    name: str
    arguments: str


class Call(TypedDict):
    """A tool call."""

    id: str
    type: Literal["function"]
    function: Function


class Part(TypedDict):
    """A piece of text."""

    type: Literal["text"]
    text: str


class Message(TypedDict):
    """A turn as training files may hold it."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: NotRequired[str | list[Part] | None]
    name: NotRequired[str]
    weight: NotRequired[Literal[0, 1]]
    tool_calls: NotRequired[list[Call]]
    tool_call_id: NotRequired[str]


class Row(TypedDict):
    """A row as training files may hold it."""

    messages: list[Message]
    tools: NotRequired[list[dict[str, object]]]
    parallel_tool_calls: NotRequired[bool]


class PlainMessage(TypedDict):
    """A turn of the simplest rows."""

    role: Literal["system", "user", "assistant"]
    content: str


class PlainRow(TypedDict):
    """A row of the simplest kind: refuses tools, weights and parts, which training allows."""

    messages: list[PlainMessage]


def make_file(path: Path, size: int, content: str) -> int:
    """Write rows, the same ones in every run, until the file has so many bytes; count them."""
    first, step = CONTENTS[content]
    pick = random.Random(7)  # noqa: S311 - no secret depends on it
    count = written = 0
    with path.open("wb") as file:
        while written < size:
            row = {"messages": _conversation(pick, first + step * count)}
            line = json.dumps(row, ensure_ascii=content == "escaped")
            written += file.write(line.encode() + b"\n")
            count += 1
    return count


def _conversation(pick: random.Random, number: int) -> list[dict[str, str]]:
    language = number % 2
    messages = [{"role": "system", "content": SYSTEMS[language]}]
    for _ in range(pick.choice((1, 1, 1, 1, 2))):
        if language:
            question = f"{' '.join(pick.choices(ENGLISH_WORDS, k=9))} {number}?".capitalize()
            answer = " ".join(pick.choices(ENGLISH, k=pick.choice((1, 1, 2, 5))))
        else:
            question = f"{''.join(pick.choices(JAPANESE_WORDS, k=20))}（{number}）？"
            answer = "".join(pick.choices(JAPANESE, k=pick.choice((1, 1, 2, 5))))
        if pick.random() < 0.1:  # noqa: PLR2004 - a share of the rows
            answer += "\n- " + pick.choice(ENGLISH)
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    return messages


def check_ours(path: Path) -> None:
    """Check with every rule."""
    report = validate_training_file(path)
    if report.problems:
        sys.exit(f"the file was to be clean: {report.problems[0]}")


def check_shape(path: Path) -> None:
    """Check the shape of every line as pydantic does, for all that training allows."""
    _check(path, TypeAdapter(Row))


def check_plain(path: Path) -> None:
    """Check the shape of every line against the simplest rows only."""
    _check(path, TypeAdapter(PlainRow))


def _check(path: Path, adapter: TypeAdapter[Row] | TypeAdapter[PlainRow]) -> None:
    with path.open("rb") as file:
        for line in file:
            adapter.validate_json(line)


CHECKS: dict[str, Callable[[Path], None]] = {
    "pydantic": check_shape,
    "pydantic, simplest rows": check_plain,
    "tailorbird": check_ours,
}


def measure(name: str, path: Path) -> None:
    """Run one check in this process and print its wall and CPU seconds and the growth in MB."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    CHECKS[name](path)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    unit = 1 if platform.system() == "Darwin" else 1024
    print(json.dumps([wall, cpu, (after.ru_maxrss - before.ru_maxrss) * unit / 1e6]))


def main() -> None:
    """Make the file, run the checks in turn, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--content", choices=CONTENTS, default="mixed")
    parser.add_argument("--measure", nargs=2, metavar=("CHECK", "FILE"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.measure:
        measure(wanted.measure[0], Path(wanted.measure[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.jsonl"
        rows = make_file(path, wanted.megabytes * 1_000_000, wanted.content)
        size = path.stat().st_size
        print(f"{size / 1e6:.0f} MB, {rows:,} {wanted.content} rows of {size / rows:.0f} bytes")
        found: dict[str, list[list[float]]] = {name: [] for name in CHECKS}
        for _ in range(wanted.rounds):
            for name, results in found.items():
                command = [sys.executable, __file__, "--measure", name, str(path)]
                run = subprocess.run(command, capture_output=True, check=True, text=True)
                results.append(json.loads(run.stdout))
    medians = {
        name: list(map(statistics.median, zip(*r, strict=True))) for name, r in found.items()
    }
    ours = medians["tailorbird"]
    for name, (wall, cpu, growth) in medians.items():
        print(
            f"{name:24}{size / wall / 1e6:7.0f} MB/s {size / cpu / 1e6:7.0f} MB/CPU s"
            f"   memory +{growth:.0f} MB   tailorbird is {wall / ours[0]:.2f} × as fast"
            f" ({cpu / ours[1]:.2f} × by CPU)"
        )


if __name__ == "__main__":
    main()
