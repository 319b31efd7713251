"""The command `questions`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_questions_are_written(
    tailorbird: Callable[..., Any], faq: Path, handbook: Path, tmp_path: Path
) -> None:
    """Rows and documents give questions of each kind, in a file that other commands read."""
    numbers = ("--paraphrase", 2, "--unseen", 2, "--unanswerable", 1, "--conflict", 1)
    ended = tailorbird(
        "questions", faq, "--documents", handbook, "--out", "made.jsonl", *numbers, "--json", "-"
    )
    assert ended.code == 0
    lines = [json.loads(line) for line in (tmp_path / "made.jsonl").read_text().splitlines()]
    kinds = [one["kind"] for one in lines]
    assert kinds == ["paraphrase"] * 2 + ["unseen"] * 2 + ["unanswerable", "conflict"]
    assert all(one["origin"]["model"] for one in lines)
    assert [one["id"] for one in ended.data["questions"]] == [one["id"] for one in lines]
    assert ended.data["ok"]
    assert tailorbird("validate", "made.jsonl").code == 0


def test_without_documents_only_rows_are_reworded(
    tailorbird: Callable[..., Any], faq: Path
) -> None:
    """What was made is told in words; what nothing is given for is told as an error."""
    ended = tailorbird("questions", faq, "--out", "made.jsonl", "--paraphrase", 2)
    assert ended.out == "2 questions (2 paraphrase) in 'made.jsonl'\n"
    failed = tailorbird("questions", faq, "--out", "made.jsonl", "--unseen", 2)
    assert failed.code == 2
    assert "give documents=" in failed.err


def test_rows_with_columns_of_their_own(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """Training rows of an export are read by the names of its columns."""
    text = faq.read_text(encoding="utf-8").partition("\n")[2]
    head = faq.read_text(encoding="utf-8").partition("\n")[0]
    names = head.replace("question", "Subject").replace("answer", "Reply")
    (tmp_path / "desk.csv").write_text(f"{names}\n{text}", encoding="utf-8")
    command = ("questions", "desk.csv", "--out", "made.jsonl", "--paraphrase", 2)
    assert tailorbird(*command).code == 1
    ended = tailorbird(*command, "--columns", "question=Subject,answer=Reply")
    assert ended.out == "2 questions (2 paraphrase) in 'made.jsonl'\n"
