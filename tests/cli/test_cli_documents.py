"""The commands `index`, `search` and `ask`."""

from __future__ import annotations

import json
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
    assert third["ok"] is True
    assert list(third) == [
        "ok",
        "name",
        "info",
        "added",
        "changed",
        "unchanged",
        "removed",
        "kept",
        "embedded",
        "usage",
        "problems",
        "evaluation",
    ]


def test_index_of_a_folder_with_other_files(tailorbird: Callable[..., Any], pages: Path) -> None:
    """Files that cannot be read are told on stderr and by the exit code; the others are indexed."""
    (pages / "picture.png").write_bytes(b"\x89PNG")
    ended = tailorbird("index", pages, "--name", "pages")
    assert (ended.code, "picture.png" in ended.err) == (0, True)  # a warning
    (pages / "table.xlsx").write_bytes(b"PK\x03\x04")
    ended = tailorbird("index", pages, "--name", "pages")
    assert ended.code == 1
    assert "table.xlsx" in ended.err
    assert ended.err.endswith("error: 1 error(s) in the documents; the others are indexed\n")
    ended = tailorbird("index", pages, "--name", "pages", "--json", "-")
    assert (ended.code, ended.data["ok"], ended.data["unchanged"]) == (1, False, 2)
    assert tailorbird("search", "returns", "--index", "pages").code == 0


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
    heads = ["rank", "score", "kind", "legs", "document", "page", "section", "text"]
    assert head.split() == heads
    assert first.split()[0] == "1"
    assert "returns.md" in first.split()
    assert ("bm25" in first.split()[3:]) is (mode not in {"vector", "lexical"})


def test_search_as_json(tailorbird: Callable[..., Any], pages: Path) -> None:
    """The JSON has the whole chunk of every hit, at most as many as were asked for."""
    tailorbird("index", pages, "--name", "pages")
    found = tailorbird("search", "refund", "--index", "pages", "--top-k", 2, "--json", "-").data
    assert list(found) == ["query", "index", "hits", "usage"]
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
    assert "fix: tailorbird index PATH --name NAME" in ended.err


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
        "foreign_links",
        "usage",
        "rerank_usage",
        "rerank_model",
        "latency_s",
        "first_token_s",
        "model",
    ]
    assert (found["question"], found["abstained"], found["reason"]) == (question, False, None)
    cited = {"document", "page", "sheet", "rows", "span", "quote", "score", "score_kind"}
    assert cited < set(found["citations"][0])
    seen = {"document", "source", "page", "sheet", "rows", "span", "score", "score_kind"}
    assert set(found["retrieved"][0]) == seen
    assert found["latency_s"] > 0


def test_reranking(tailorbird: Callable[..., Any], pages: Path) -> None:
    """A model grades the passages where that is asked for, and its tokens are told."""
    tailorbird("index", pages, "--name", "pages")
    question = "How much is a prepaid return label?"
    found = tailorbird("search", question, "--index", "pages", "--rerank", "--json", "-").data
    assert found["hits"][0]["score_kind"] == "reranker"
    assert "fused" in found["hits"][0]["legs"]
    assert found["usage"]["input_tokens"] > 0
    plain = tailorbird("search", question, "--index", "pages", "--no-rerank", "--json", "-").data
    assert (plain["hits"][0]["score_kind"], plain["usage"]["input_tokens"]) == ("fused", 0)
    answer = tailorbird("ask", question, "--index", "pages", "--rerank", "--json", "-").data
    assert answer["retrieved"][0]["score_kind"] == "reranker"
    assert answer["rerank_usage"]["input_tokens"] > 0
    assert answer["rerank_model"] == "fake-chat"


def test_a_citation_of_a_table_has_its_row(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """What stands in a table is told by its row, on the screen and as JSON."""
    rows = ["product,price", "Cargo bike,3200 euros", "Racing bike,1900 euros"]
    (tmp_path / "prices.csv").write_text("\n".join(rows))
    tailorbird("index", tmp_path / "prices.csv", "--name", "prices")
    question = "What is the price of the racing bike?"
    ended = tailorbird("ask", question, "--index", "prices")
    assert "] prices.csv, row 3: product: Racing bike" in ended.out
    found = tailorbird("ask", question, "--index", "prices", "--json", "-").data
    assert found["citations"][0]["rows"] == [3, 3]


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


def test_ask_far_from_the_documents(tailorbird: Callable[..., Any], pages: Path) -> None:
    """From the data only: what no passage is near to is answered without a call to the model."""
    tailorbird("index", pages, "--name", "pages")
    question = "Qui a gagné hier soir à Tokyo ?"
    ended = tailorbird("ask", question, "--index", "pages", "--only-from-data")
    assert ended.err == "no answer: no passage is near enough, so the model was not asked\n"
    found = tailorbird("ask", question, "--index", "pages", "--only-from-data", "--json", "-").data
    assert (found["reason"], found["model"], found["citations"]) == ("nothing-found", None, [])


def test_ask_with_limits(tailorbird: Callable[..., Any], pages: Path) -> None:
    """How many passages, from how many sources and above which score is up to the user."""
    tailorbird("index", pages, "--name", "pages")
    question = "How much is a prepaid return label?"
    limits = ["--top-k", 4, "--per-source", 1, "--min-score", 0.0]
    found = tailorbird("ask", question, "--index", "pages", *limits, "--json", "-").data
    assert len(found["retrieved"]) == 2
    assert found["citations"][0]["document"] == "returns.md"


def test_ask_a_model_that_adds_things(
    tailorbird: Callable[..., Any], tmp_path: Path, pages: Path
) -> None:
    """Citations that lead nowhere and addresses from outside the documents are told."""
    closing = "More at https://elsewhere.example/x [9]!"
    rows = [f"What is on shelf {n}?,Shelf {n} holds item {n * 7}. {closing}" for n in range(12)]
    faq = tmp_path / "faq.csv"
    faq.write_text("\n".join(["question,answer", *rows]))
    assert tailorbird("tune", faq, "--name", "bot").code == 0
    tailorbird("index", pages, "--name", "pages")
    question = "How much is a prepaid return label?"
    ended = tailorbird("ask", question, "--tuned", "bot", "--index", "pages")
    assert "citations that could not be verified: 1" in ended.err
    assert "an address that no passage holds: https://elsewhere.example/x" in ended.err
    assert "[9]" not in ended.out


def test_search_joins_neighbors(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Passages that follow each other are shown as one, a text that repeats is shown once."""
    folder = tmp_path / "long"
    folder.mkdir()
    lines = [f"Rule {number} says that locker {number} stays shut." for number in range(120)]
    (folder / "rules.txt").write_text(" ".join(lines))
    tailorbird("index", folder, "--name", "long")
    plain = tailorbird("search", "locker rule", "--index", "long", "--json", "-").data["hits"]
    joined = tailorbird("search", "locker rule", "--index", "long", "--join", "--json", "-").data
    assert len(joined["hits"]) < len(plain)
    assert joined["hits"][0]["chunk"]["span"]["end"] == len(" ".join(lines))


def test_tenants(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """An index with tenants is searched with a condition, and refuses to be without."""
    rows = [
        {"id": "a", "text": "Door code 1111.", "tenant": "acme", "floor": 2, "old": True},
        {"id": "g", "text": "Door code 2222.", "tenant": "globex", "floor": 3, "old": False},
    ]
    file = tmp_path / "codes.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    tailorbird("index", file, "--name", "codes", "--tenant-field", "tenant")
    refused = tailorbird("search", "door code", "--index", "codes")
    assert refused.code == 2
    assert "keeps tenants apart" in refused.err
    where = ["--where", "tenant=globex", "--where", "floor=3", "--where", "old=false"]
    found = tailorbird("search", "door code", "--index", "codes", *where, "--json", "-").data
    assert [hit["chunk"]["document"] for hit in found["hits"]] == ["g"]
    nothing = ["--where", "tenant=globex", "--where", 'floor="3"']
    ended = tailorbird("search", "door code", "--index", "codes", *nothing)
    assert ended.out == "nothing was found\n"


@pytest.mark.parametrize("condition", ["tenant", "=x"])
def test_wrong_condition(tailorbird: Callable[..., Any], condition: str) -> None:
    """A condition is KEY=VALUE."""
    ended = tailorbird("search", "x", "--index", "codes", "--where", condition)
    assert ended.code == 2
    assert "write KEY=VALUE" in ended.err


QUESTIONS = """question,answer,source
How much is a prepaid return label?,6.50,returns.md
How long is the warranty on boots?,one year,warranty.md
What was the weather on the moon?,none,weather.md
Who are you?,a shop,
"""


def test_evaluate(tailorbird: Callable[..., Any], tmp_path: Path, pages: Path) -> None:
    """Building can end with how often each mode finds the right page, and what it missed."""
    (tmp_path / "test.csv").write_text(QUESTIONS)
    command = ["index", pages, "--name", "pages", "--evaluate", tmp_path / "test.csv"]
    ended = tailorbird(*command)
    assert ended.code == 0
    _, counted, heads, *rest = ended.out.splitlines()
    assert counted == "3 questions, 95 % intervals (1 without a source left out)"
    assert heads.split() == ["mode", "recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"]
    assert [line.split()[0] for line in rest[:3]] == ["vector", "lexical", "hybrid"]
    missed = "missed (hybrid): What was the weather on the moon? – expected weather.md, found "
    assert any(line.startswith(missed) for line in rest)
    assert "no document is called 'weather.md'" in ended.err
    (tmp_path / "all.csv").write_text("\n".join(QUESTIONS.splitlines()[:3]))
    whole = tailorbird(*command[:-1], tmp_path / "all.csv").out.splitlines()
    assert whole[1] == "2 questions, 95 % intervals"
    found = tailorbird(*command, "--json", "-").data["evaluation"]
    assert (found["questions"], found["left_out"]) == (3, 1)
    assert {one["question"] for one in found["misses"]} <= {"3", found["misses"][0]["question"]}


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


@pytest.mark.parametrize("command", ["search", "ask"])
@pytest.mark.parametrize("limit", ["nan", "inf", "-inf"])
def test_limit_must_be_a_number(
    tailorbird: Callable[..., Any], pages: Path, command: str, limit: str
) -> None:
    """A score that nothing can be compared with is a mistake of the user's."""
    tailorbird("index", pages, "--name", "pages")
    ended = tailorbird(command, "boots", "--index", "pages", "--min-score", limit)
    assert (ended.code, ended.out) == (2, "")
    assert f"{limit} is no limit; give a finite number" in ended.err


def test_many_wrong_rows_of_documents(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """The first 20 problems are shown; no command is named that cannot show the others."""
    (tmp_path / "rows.jsonl").write_text('{"body": "x"}\n' * 30)
    ended = tailorbird("index", "rows.jsonl", "--name", "rows")
    assert ended.code == 1
    assert "… and 10 more\n" in ended.err
    assert "validate" not in ended.err


def test_loaders_are_told_as_options_of_python(tailorbird: Callable[..., Any], pages: Path) -> None:
    """A fix that names an argument of `read_documents` says so."""
    (pages / "mail.eml").write_text("Subject: Hi")
    ended = tailorbird("index", pages, "--name", "pages")
    assert "options such as loaders=… are those of tailorbird.read_questions and" in ended.err
