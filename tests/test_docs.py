"""Every Python block of the documentation runs, and every output it shows is the real one.

The blocks of a page run in their order in one namespace, as in a notebook, with `await` at the top
level. A block whose language is `text` and that follows a Python block at once, with nothing but
blank lines between them, is what that block prints.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from blockbuster import BlockBuster

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```$(?:\n+^```text\n(?P<output>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


def blocks(page: Path) -> list[tuple[int, str, str | None]]:
    """List line, code and shown output of each Python block of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start()) + 1, found["code"], found["output"])
        for found in BLOCK.finditer(text)
    ]


def run(page: Path, runner: asyncio.Runner) -> None:
    """Run a page and compare what it shows with what it prints."""
    space: dict[str, object] = {"__name__": "__docs__"}
    for line, code, output in blocks(page):
        source = "\n" * line + code
        compiled = compile(
            source, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
        printed = StringIO()
        with redirect_stdout(printed):
            result = eval(compiled, space)  # noqa: S307 - our own documentation
            if inspect.iscoroutine(result):
                runner.run(result)
        if output is not None:
            assert printed.getvalue().rstrip() == output.rstrip(), f"{page.name}:{line}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_block_of_a_page_runs_and_prints_what_is_shown(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    blocking_detector: BlockBuster,
) -> None:
    """A reader who copies the page gets what the page promises."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    # A page reads files between its awaits, as a script of one task may.
    blocking_detector.deactivate()
    try:
        with asyncio.Runner() as runner:
            run(page, runner)
    finally:
        blocking_detector.activate()
