"""Examples in the training file and in the validation file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tailorbird.data.training.shared_examples import find_shared_examples
from tailorbird.exceptions import DataError


def row(number: int) -> dict[str, object]:
    """Return a row that differs from every other one."""
    return {"messages": [{"role": "user", "content": f"第{number}条"}], "target": number}


def saved(folder: Path, name: str, *rows: object, **style: bool) -> Path:
    """Write rows (texts as they are) and return the path."""
    path = folder / name
    lines = [one if isinstance(one, str) else json.dumps(one, **style) for one in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_shared_rows_are_named(tmp_path: Path) -> None:
    """Each shared row of the validation file gets a warning with the line of the other."""
    training = saved(tmp_path, "train.jsonl", *map(row, range(10)), row(3))
    validation = saved(tmp_path, "valid.jsonl", row(20), row(3), row(21), row(0))
    found = find_shared_examples(training, validation)
    assert [(one.severity, one.code, one.line) for one in found] == [
        ("warning", "split.shared-example", 2),
        ("warning", "split.shared-example", 4),
    ]
    assert found[0].source == str(validation)
    assert f"line 4 of {str(training)!r}" in found[0].reason


def test_style_makes_no_difference(tmp_path: Path) -> None:
    """Escapes, the order of keys and a byte-order mark hide no shared row."""
    training = saved(tmp_path, "train.jsonl", row(1), ensure_ascii=True)
    validation = saved(tmp_path, "valid.jsonl", row(1), ensure_ascii=False, sort_keys=True)
    validation.write_bytes(b"\xef\xbb\xbf" + validation.read_bytes())
    assert len(find_shared_examples(training, validation)) == 1


def test_unreadable_lines_are_passed_over(tmp_path: Path) -> None:
    """Broken and blank lines are neither shared nor fatal."""
    training = saved(tmp_path, "train.jsonl", "{", "", row(1))
    validation = saved(tmp_path, "valid.jsonl", "{", "", row(2))
    assert find_shared_examples(training, validation) == ()


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    training = saved(tmp_path, "train.jsonl", row(1))
    with pytest.raises(DataError, match=r"none\.jsonl' does not exist"):
        find_shared_examples(training, tmp_path / "none.jsonl")
