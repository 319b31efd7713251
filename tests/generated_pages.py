"""Pages of the documentation that are made from the code.

    python tests/generated_pages.py

writes them; `tests/test_generated_pages.py` fails when one is out of date.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from tailorbird.cli.app import run
from tailorbird.data.documents.codes import DOCUMENT_CODES, INDEX_CODES
from tailorbird.data.questions.codes import LABEL_CODES, QUESTION_CODES
from tailorbird.data.training.codes import TRAINING_CODES
from tailorbird.providers.fake.flavors import FLAVORS
from tailorbird.types import Capability

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def problems() -> str:
    """Give the page of problem codes."""
    return f"""# Problem codes

Every problem in a file has a code that stays, so that scripts can tell them apart.
Messages end with it; `validate --json` gives it in `problems[].code`.

## Training files

{_table(TRAINING_CODES)}

## Tables of questions

What is wrong with a file, its encoding or its characters (`file.*`, `encoding.*`, `text.*`) has the
codes above; there are more:

{_table(QUESTION_CODES)}

## Labels

{_table(LABEL_CODES)}

## Documents

{_table(DOCUMENT_CODES)}

## Indexes

{_table(INDEX_CODES)}
"""


def _table(codes: Mapping[str, str]) -> str:
    rows = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in codes.items())
    return f"| code | meaning |\n|---|---|\n{rows}"


def capabilities() -> str:
    """Give the page of capabilities."""
    head = " | ".join(f"`{flavor.name}`" for flavor in FLAVORS)
    rows: list[str] = []
    notes: list[str] = []
    for capability in Capability:
        cells: list[str] = []
        for flavor in FLAVORS:
            entries = {one.capability: one for one in flavor.capabilities}
            entry = entries.get(capability)
            if entry is None or not entry.available:
                cells.append("–")
            else:
                cells.append("yes" if entry.until is None else f"until {entry.until}")
            if entry is not None and entry.reason:
                instead = f" Instead: {entry.instead}" if entry.instead else ""
                notes.append(f"- `{flavor.name}`, `{capability.value}`: {entry.reason}.{instead}")
        rows.append(f"| `{capability.value}` | {' | '.join(cells)} |")
    table = "\n".join(rows)
    return f"""# Capabilities

What a provider can do is data: each entry says since when, until when, why not, and what to do
instead. Asking for something that is missing raises `UnsupportedError` before any request. These
are the flavors of the fake, which follow the clouds of their names.

| capability | {head} |
|---|{"---|" * len(FLAVORS)}
{table}

{chr(10).join(notes)}
"""


def shown(*words: str) -> str:
    """Give what the command line prints, in a terminal of 80 columns."""
    printed = StringIO()
    os.environ["COLUMNS"] = "80"
    with redirect_stdout(printed):
        run(words)
    return printed.getvalue().rstrip()


def command_line() -> str:
    """Give the page of commands: their own help."""
    overview = shown("--help")
    listed = overview.partition("Commands:")[2].partition("Exit codes")[0]
    names = re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE)
    pages = {"tailorbird": overview} | {
        f"tailorbird {name}": shown(name, "--help") for name in names
    }
    parts = [f"## {title}\n\n```text\n{text}\n```\n" for title, text in pages.items()]
    return "# Command line\n\nComes with the extra `cli`.\n\n" + "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "problems.md": problems,
    "capabilities.md": capabilities,
    "cli.md": command_line,
}


def main() -> None:
    """Write all pages."""
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
