"""The table of rows and tests in `conftest.py` is the one that the docstrings of the tests give."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).parent


def named_in_docstrings() -> dict[str, set[str]]:
    """Give the tests that name a row in their docstring, by row."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in FOLDER.glob("test_matrix_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                rows = re.findall(r"\b[A-K]\d+", (ast.get_docstring(node) or "").partition(":")[0])
                for row in rows:
                    found[row].add(node.name.removeprefix("test_"))
    return found


def named_in_table() -> dict[str, set[str]]:
    """Give what the table says, without the rows that are tested elsewhere alone."""
    module = ast.parse((FOLDER / "conftest.py").read_text(encoding="utf-8"))
    lines = re.split(r"\n(?=[A-K]\d+ )", ast.get_docstring(module) or "")[1:]
    rows = {line.split()[0]: line.partition(" ")[2] for line in lines}
    return {
        row: set(re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b(?![./])", text))
        for row, text in rows.items()
        if "tests/" not in text.partition(":")[0]
    }


def test_table_is_complete() -> None:
    """Each row names the tests that name it, and no other."""
    assert named_in_table() == named_in_docstrings()
