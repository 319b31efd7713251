"""What is shown on terminals and in pipes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailorbird.report.widths import display_width

QUESTION = "在宅勤務は週に何日までできますか"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOR = re.compile(r"\x1b\[(?:\d+;)*3\dm")


@pytest.fixture
def handbuch(tailorbird: Callable[..., Any], examples: Path) -> str:
    """The name of an index of the Japanese example."""
    assert tailorbird("index", examples / "ja" / "handbook", "--name", "ja").code == 0
    return "ja"


def test_japanese_columns_are_aligned(tailorbird: Callable[..., Any], handbuch: str) -> None:
    """In a pipe every column begins at the same cell, wide characters counted as two."""
    ended = tailorbird("search", QUESTION, "--index", handbuch)
    head, *lines = ended.out.splitlines()
    section = head.index("section")
    text = head.index("text")
    starts = [_cell_of_column(line, section) for line in lines]
    assert len(lines) == 5
    assert starts == [section] * 5
    assert [_cell_of_column(line, text) for line in lines] == [text] * 5


def _cell_of_column(line: str, cell: int) -> int:
    """Return the cell at which the text begins that stands at or behind a cell."""
    at = next(i for i in range(len(line)) if display_width(line[:i]) >= cell)
    assert line[at - 1] == " "
    rest = line[at:]
    return display_width(line[: at + len(rest) - len(rest.lstrip())])


def test_table_on_a_terminal(terminal: Callable[..., Any], handbuch: str) -> None:
    """On a terminal a table has a rule below its head and fits the width."""
    ended = terminal("search", QUESTION, "--index", handbuch)
    lines = [ESCAPE.sub("", line) for line in ended.out.splitlines()]
    assert any(set(line.strip()) == {"─"} for line in lines)
    assert max(map(display_width, lines)) <= 120


def test_pipe_has_no_frames_even_when_colors_are_forced(
    tailorbird: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that ask for colors, as build servers set them, change nothing in a file."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    ended = tailorbird("models")
    assert "\x1b" not in ended.out + ended.err
    assert "─" not in ended.out


def test_colors(
    terminal: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An error is red on a terminal, unless NO_COLOR says that nothing is."""
    (tmp_path / "faq.csv").write_text("question,answer\nWhy?\n")
    assert COLOR.search(terminal("validate", "faq.csv").out)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOR.search(terminal("validate", "faq.csv").out)


def test_bars_on_a_terminal(terminal: Callable[..., Any], faq: Path, handbook: Path) -> None:
    """Long steps show how far they are, and leave a clean screen with tables and verdict."""
    ended = terminal("compare", faq, "--documents", handbook)
    shown = ESCAPE.sub("", ended.out)
    assert ended.code == 0
    assert re.search(r"asking .*\d+/\d+ ", shown)
    assert "training" in shown
    assert "Verdict: " in shown.rpartition("\x1b")[2]
    assert "right answers" in shown
    assert "tuned + retrieval" in shown


def test_figures_stay_whole_on_a_narrow_terminal(
    terminal: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    examples: Path,
    faq: Path,
) -> None:
    """On 80 columns the heads give way before a figure or an arm's name is broken."""
    monkeypatch.setenv("COLUMNS", "80")
    ended = terminal("compare", faq, "--documents", examples / "en" / "handbook")
    shown = ESCAPE.sub("", ended.out)
    for arm in ("few-shot", "tuned \\+ retrieval"):
        assert re.search(rf"^ {arm} +\d\.\d\d  \d\.\d\d-\d\.\d\d ", shown, re.MULTILINE)
        assert re.search(rf"^ {arm} +\d\.\d\d  \d\.\d\d +\d+,\d\d\d ", shown, re.MULTILINE)


def test_figures_stay_whole_on_a_terminal_without_room(
    terminal: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    faq: Path,
) -> None:
    """Where a table has no room at all, its lines are longer than the terminal's; no digit goes."""
    assert terminal("compare", faq, "--arms", "base,prompted", "--name", "one").code == 0
    shown: dict[str, str] = {}
    for width in ("80", "40"):
        monkeypatch.setenv("COLUMNS", width)
        shown[width] = ESCAPE.sub("", terminal("report", "one").out)
    figures = {
        width: re.findall(r"^ ?prompted +\d\.\d\d +\d\.\d\d +(.*)$", text, re.MULTILINE)[-1].split()
        for width, text in shown.items()
    }
    assert figures["40"] == figures["80"]
    assert ["─" in text for text in shown.values()] == [True, False]


def test_no_bars_in_a_pipe(tailorbird: Callable[..., Any], faq: Path) -> None:
    """Nothing of a bar comes into a file."""
    ended = tailorbird("compare", faq, "--arms", "base")
    assert not re.search(r"\d+/\d+", ended.err)
    assert "\x1b" not in ended.err


def test_json_alone_on_a_terminal(terminal: Callable[..., Any]) -> None:
    """`--json -` shows the JSON and nothing else on stdout, on a terminal too."""
    assert json.loads(ESCAPE.sub("", terminal("models", "--json", "-").out))["models"]


def test_terminal_that_knows_no_japanese(tailorbird: Callable[..., Any], handbuch: str) -> None:
    """A stream that cannot write Japanese shows escapes instead of ending the command."""
    ended = tailorbird("ask", QUESTION, "--index", handbuch, encoding="ascii")
    assert ended.code == 0
    assert "\\u9031" in ended.out  # 週


def test_json_in_another_encoding(tailorbird: Callable[..., Any], handbuch: str) -> None:
    """JSON stays JSON whatever the stream can write."""
    args = ("ask", QUESTION, "--index", handbuch, "--json", "-")
    ascii_only = tailorbird(*args, encoding="ascii")
    assert ascii_only.out.isascii()
    assert ascii_only.data["question"] == QUESTION
    assert tailorbird(*args).data["text"] == ascii_only.data["text"]


def test_control_characters_are_shown(
    tailorbird: Callable[..., Any], scripted: Callable[..., None]
) -> None:
    """An answer cannot move the cursor or clear the screen; line ends stay."""
    scripted("rude", 'Script().on("chat.complete", Says("\\x1b[2Jgone\\nagain"))')
    ended = tailorbird("ask", "Hello?", "--profile", "rude")
    assert ended.out == "\\x1b[2Jgone\nagain\n"


def test_json_file_that_cannot_be_written(tailorbird: Callable[..., Any]) -> None:
    """A JSON file that the system refuses ends with 2 and one message."""
    ended = tailorbird("models", "--json", "x" * 300)
    assert ended.code == 2
    assert ended.err.count("error: cannot write") == 1


def test_failure_whose_json_cannot_be_written(
    tailorbird: Callable[..., Any], tmp_path: Path
) -> None:
    """When the data is bad and the JSON cannot be written either, both are told; exit 2."""
    (tmp_path / "faq.csv").write_text("question,answer\nWhy?\n")
    ended = tailorbird("estimate", "faq.csv", "--json", "x" * 300)
    assert ended.code == 2
    assert "error: 1 error(s) in the data" in ended.err
    assert ended.err.count("error: cannot write") == 1


def test_figures_of_a_judge_on_a_terminal(terminal: Callable[..., Any], faq: Path) -> None:
    """What scorers and judge gave has a table of its own."""
    shown = terminal("compare", faq, "--arms", "base", "--judge").out
    assert "judged_correctness" in ESCAPE.sub("", shown)
