"""The rows of a table of labels: its columns, and what counts as yes and no."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from tailorbird.data.files.encodings import open_text
from tailorbird.data.files.lines import line_blocks
from tailorbird.data.problems import Problems, excerpt
from tailorbird.data.tables.cells import FORMULA_STARTS
from tailorbird.data.tables.delimited import DELIMITERS, csv_rows
from tailorbird.text.normalize import normalize
from tailorbird.types.judgements import HumanLabel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_NAMES: Mapping[str, tuple[str, ...]] = {
    "arm": ("arm", "方式"),
    "id": ("id", "question id", "質問id"),
    "right": ("right", "label", "human", "判定", "正誤", "正解か"),
    "answer": ("answer", "回答"),
}
_NEEDED = ("arm", "id", "right")
_YES = frozenset({"1", "1.0", "yes", "y", "true", "right", "ok", "o", "○", "◯", "〇", "正", "はい"})
_NO = frozenset({"0", "0.0", "no", "n", "false", "wrong", "ng", "x", "×", "✕", "誤", "いいえ"})


def labels_in(path: Path | str, *, encoding: str) -> tuple[HumanLabel, ...]:
    """Read a table of labels; see `read_labels`."""
    problems = Problems(str(path))
    file = open_text(path, encoding=encoding, problems=problems)
    blocks = list(line_blocks(file.blocks(problems), problems))
    delimiter = _delimiter(blocks[0].lines[0] if blocks and blocks[0].lines else "")
    rows = [
        (line, row)
        for block in csv_rows(blocks, delimiter, problems)
        for line, row in zip(block.lines, block.rows, strict=True)
        if row
    ]
    labels = _labels(rows, str(path), problems)
    problems.raise_errors()
    return labels


def _delimiter(head: str) -> str:
    """Choose the delimiter with which the header has the most of the names that are looked for."""
    return max(
        DELIMITERS,
        key=lambda one: len(_places(next(csv.reader([head], delimiter=one), list[str]()))),
    )


def _places(head: Sequence[str]) -> dict[str, int]:
    known = {name: role for role, names in _NAMES.items() for name in names}
    found: dict[str, int] = {}
    for at, name in enumerate(head):
        role = known.get(normalize(name.replace("_", " ")))
        if role is not None:
            found.setdefault(role, at)
    return found


def _labels(
    rows: Sequence[tuple[int, list[str]]], source: str, problems: Problems
) -> tuple[HumanLabel, ...]:
    places = _places(rows[0][1]) if rows else {}
    missing = [name for name in _NEEDED if name not in places]
    if missing:
        reason = f"the header names no column {', '.join(map(repr, missing))}"
        fix = "write the answers with --csv (or write_csv), and add a column 'right' with yes or no"
        problems.add("error", "labels.columns", reason, fix, line=rows[0][0] if rows else None)
        return ()
    found: list[HumanLabel] = []
    for line, row in rows[1:]:
        cells = {
            role: _without_guard(row[at]) if at < len(row) else "" for role, at in places.items()
        }
        word = normalize(cells["right"])
        if not word:
            continue
        if word not in _YES | _NO:
            reason = f"{excerpt(cells['right'])!r} is neither yes nor no"
            fix = "write yes or no, or leave the cell empty"
            problems.add("error", "labels.value", reason, fix, line=line, column="right")
        elif not (cells["arm"] and cells["id"]):
            reason = "the row does not say which answer its label is for"
            fix = "write arm and id as the table had them, or leave the label out"
            problems.add("error", "labels.place", reason, fix, line=line)
        else:
            label = HumanLabel(
                arm=cells["arm"],
                question=cells["id"],
                right=word in _YES,
                answer=cells.get("answer") or None,
                source=source,
                line=line,
            )
            found.append(label)
    return tuple(found)


def _without_guard(cell: str) -> str:
    """Take away the apostrophe that keeps a spreadsheet from running a text as a formula."""
    rest = cell.removeprefix("'")
    return rest if rest.lstrip(" ")[:1] in FORMULA_STARTS and rest != cell else cell
