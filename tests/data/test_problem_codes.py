"""Every code that a problem can carry stands in the reference."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import tailorbird
from tailorbird.data.documents.codes import DOCUMENT_CODES, INDEX_CODES
from tailorbird.data.questions.codes import LABEL_CODES, QUESTION_CODES
from tailorbird.data.training.codes import TRAINING_CODES

SOURCES = Path(tailorbird.__path__[0])
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "problems.md"
TOLD = {**TRAINING_CODES, **QUESTION_CODES, **LABEL_CODES, **DOCUMENT_CODES, **INDEX_CODES}
FAMILIES = {code.partition(".")[0] for code in TOLD}
CODE = re.compile(r"([a-z]+)\.[a-z0-9]+(?:-[a-z0-9]+)*")
# Paths inside a row, which look like codes.
FIELDS = {"input.messages"}
# What `data.tables.objects` reads calls itself so, and puts it before some of its codes.
FORMS = ("json", "data")


def trees() -> Iterator[ast.Module]:
    """Parse every module that reports problems."""
    for path in SOURCES.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        reports = path.is_relative_to(SOURCES / "data") or "Problem(" in text
        if reports and path.name != "codes.py":
            yield ast.parse(text)


def codes_in(tree: ast.Module, misfits: set[str]) -> Iterator[str]:
    """Find the codes in a module: whole texts, and those that are put together of two parts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = CODE.fullmatch(node.value)
            if found and found[1] in FAMILIES:
                yield node.value
        if isinstance(node, ast.JoinedStr):
            text = ast.unparse(node)[2:-1]
            if text == "csv.{layout.code}":
                yield from (f"csv.{one}" for one in misfits)
            elif text == "{self.form}.{known.code}":
                yield from (f"{form}.{one}" for form in FORMS for one in misfits)
            elif re.fullmatch(r"\{self\.form\}\.[a-z-]+", text):
                yield from (text.replace("{self.form}", form) for form in FORMS)


def misfits_in(tree: ast.Module) -> Iterator[str]:
    """Find the codes of columns that cannot be understood, which have no family yet."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Misfit":
            yield ast.literal_eval(node.args[0])


def test_every_code_that_is_reported_is_told() -> None:
    """A script or a reader that looks for a code finds what it means, and no code is made up."""
    parsed = list(trees())
    misfits = {code for tree in parsed for code in misfits_in(tree)}
    assert misfits == {"columns-missing", "columns-ambiguous", "column-twice"}
    used = {code for tree in parsed for code in codes_in(tree, misfits)} - FIELDS
    assert used == set(TOLD)


def test_the_page_has_them_all() -> None:
    """Each code has a row of its own in the reference; what is told twice means the same there."""
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9.-]+)` \| (.+) \|$", page, re.MULTILINE)
    assert {code for code, _ in rows} == set(TOLD)
    assert all(len(meaning) > 10 for _, meaning in rows)


def test_the_families_of_questions_do_not_repeat_those_of_training_files() -> None:
    """Only `row.kind` and `row.too-long` mean something of their own in tables of questions."""
    assert set(QUESTION_CODES) & set(TRAINING_CODES) == {"row.kind", "row.too-long"}
