"""The commands `index`, `search` and `ask`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def pages(tmp_path: Path, handbook: Path) -> Path:
    """A copy of two of the English pages."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in ("returns.md", "warranty.md"):
        shutil.copy(handbook / name, folder)
    return folder


def test_index(tailorbird: Callable[..., Any], pages: Path) -> None:
    """Building tells what was added; building again finds nothing to do, and a change is found."""
    first = tailorbird("index", pages, "--name", "pages")
    assert first.code == 0
    assert first.out.startswith("index 'pages': 2 documents, ")
    assert "(2 added, 0 changed, 0 unchanged, 0 removed; " in first.out
    second = tailorbird("index", pages, "--name", "pages")
    assert "(0 added, 0 changed, 2 unchanged, 0 removed; 0 chunks embedded)" in second.out
    (pages / "returns.md").write_text("# Returns\n\nNothing can be returned.\n")
    (pages / "warranty.md").unlink()
    third = tailorbird("index", pages, "--name", "pages", "--json", "-").data
    assert (third["changed"], third["removed"], third["info"]["documents"]) == (1, 1, 1)
    assert list(third) == [
        "name",
        "info",
        "added",
        "changed",
        "unchanged",
        "removed",
        "embedded",
        "usage",
        "problems",
    ]


def test_index_of_a_folder_with_other_files(tailorbird: Callable[..., Any], pages: Path) -> None:
    """Files that cannot be read are told on stderr; the others are indexed."""
    (pages / "table.xlsx").write_bytes(b"PK\x03\x04")
    ended = tailorbird("index", pages, "--name", "pages")
    assert ended.code == 0
    assert "table.xlsx" in ended.err


@pytest.mark.parametrize(
    ("name", "code"),
    [("two words", 2), ("pages", 1)],
)
def test_index_of_nothing(
    tailorbird: Callable[..., Any], tmp_path: Path, pages: Path, name: str, code: int
) -> None:
    """A wrong name ends with 2, a folder without documents with 1."""
    (tmp_path / "empty").mkdir()
    ended = tailorbird("index", pages if code == 2 else "empty", "--name", name)
    assert (ended.code, ended.out) == (code, "")
    assert "error: " in ended.err


def test_index_of_a_missing_folder(tailorbird: Callable[..., Any], pages: Path) -> None:
    """A missing folder ends with 2 and the name of a near one."""
    ended = tailorbird("index", pages.with_name("page"), "--name", "pages")
    assert ended.code == 2
    assert f"did you mean '{pages}'?" in ended.err


@pytest.mark.parametrize("mode", ["vector", "lexical", "hybrid", None])
def test_search(tailorbird: Callable[..., Any], pages: Path, mode: str | None) -> None:
    """A search by any mode finds the page, and says what its score means."""
    tailorbird("index", pages, "--name", "pages")
    options = ["--mode", mode] if mode else []
    ended = tailorbird("search", "return label price", "--index", "pages", *options)
    head, first, *_ = ended.out.splitlines()
    assert head.split() == ["rank", "score", "kind", "document", "section", "text"]
    assert first.split()[0] == "1"
    assert first.split()[3] == "returns.md"


def test_search_as_json(tailorbird: Callable[..., Any], pages: Path) -> None:
    """The JSON has the whole chunk of every hit, at most as many as were asked for."""
    tailorbird("index", pages, "--name", "pages")
    found = tailorbird("search", "refund", "--index", "pages", "--top-k", 2, "--json", "-").data
    assert list(found) == ["query", "index", "hits"]
    assert [hit["rank"] for hit in found["hits"]] == [1, 2]
    assert set(found["hits"][0]) == {"rank", "chunk", "score", "score_kind", "legs"}
    assert "refund" in found["hits"][0]["chunk"]["text"].lower()


def test_search_finds_nothing(tailorbird: Callable[..., Any], pages: Path) -> None:
    """Words that stand nowhere find nothing, and that is no error."""
    tailorbird("index", pages, "--name", "pages")
    ended = tailorbird("search", "zzyzx", "--index", "pages", "--mode", "lexical")
    assert (ended.code, ended.out) == (0, "nothing was found\n")


def test_search_in_a_missing_index(tailorbird: Callable[..., Any]) -> None:
    """A missing index ends with 2 and the command that builds one."""
    ended = tailorbird("search", "refund", "--index", "nowhere")
    assert ended.code == 2
    assert "fix: build it first: tailorbird index PATH --name NAME" in ended.err


def test_ask_an_index(tailorbird: Callable[..., Any], pages: Path) -> None:
    """An answer from documents comes with its sources and quotes."""
    tailorbird("index", pages, "--name", "pages")
    question = "How much is a prepaid return label?"
    ended = tailorbird("ask", question, "--index", "pages", "--only-from-data")
    answer, *sources = ended.out.splitlines()
    assert (ended.code, ended.err) == (0, "")
    assert "$6.50" in answer
    assert sources[0].startswith("[1] returns.md: ")


def test_ask_as_json(tailorbird: Callable[..., Any], pages: Path) -> None:
    """The JSON repeats the question and has the whole answer."""
    tailorbird("index", pages, "--name", "pages")
    question = "How much is a prepaid return label?"
    found = tailorbird("ask", question, "--index", "pages", "--json", "-").data
    assert list(found) == [
        "question",
        "text",
        "abstained",
        "reason",
        "citations",
        "retrieved",
        "dropped_citations",
        "usage",
        "latency_s",
        "model",
    ]
    assert (found["question"], found["abstained"]) == (question, False)


def test_ask_what_nobody_knows(tailorbird: Callable[..., Any], pages: Path) -> None:
    """An abstention is an answer, with the reason on stderr."""
    tailorbird("index", pages, "--name", "pages")
    ended = tailorbird("ask", "Who won the chess championship of 1972?", "--index", "pages")
    assert ended.code == 0
    assert ended.out == "The documents do not answer this question.\n"
    assert ended.err == "no answer: the model says that it cannot answer\n"


def test_ask_without_documents(tailorbird: Callable[..., Any]) -> None:
    """A model can be asked by itself, with a system prompt."""
    ended = tailorbird("ask", "Hello?", "--system", "Be brief.")
    assert ended.code == 0
    assert ended.out.strip()


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ((" ",), "the question is blank"),
        (("Hi?", "--only-from-data"), "add --index NAME"),
        (("Hi?", "--tuned", "nobody"), "no tuned model 'nobody'"),
        (("Hi?", "--index", "nothing"), "no index 'nothing'"),
    ],
)
def test_wrong_question(tailorbird: Callable[..., Any], args: tuple[str, ...], reason: str) -> None:
    """A question that cannot be asked ends with 2 and the reason."""
    ended = tailorbird("ask", *args)
    assert (ended.code, ended.out) == (2, "")
    assert reason in ended.err
