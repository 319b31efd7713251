"""The commands `validate` and `estimate`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

KEYS = [
    "code",
    "severity",
    "source",
    "line",
    "record",
    "column",
    "field",
    "excerpt",
    "reason",
    "fix",
]
BROKEN = 'question,answer\nHow?,So.\nWhy?\n"Where,Here.\n'


@pytest.mark.parametrize(
    ("file", "kind", "records"),
    [
        ("ja/faq.csv", "qa", 109),
        ("en/faq.csv", "qa", 79),
        ("expense/train.jsonl", "sft", 27),
    ],
)
def test_examples_are_clean(
    tailorbird: Callable[..., Any], examples: Path, file: str, kind: str, records: int
) -> None:
    """The example files have no errors, and what they are is found out."""
    ended = tailorbird("validate", examples / file, "--json", "-")
    assert ended.code == 0
    assert ended.data["ok"] is True
    assert (ended.data["kind"], ended.data["records"]) == (kind, records)


def test_clean_file_as_text(tailorbird: Callable[..., Any], examples: Path) -> None:
    """A clean file gets one line, and nothing on stderr."""
    ended = tailorbird("validate", examples / "expense" / "train.jsonl", "--for", "openai")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{examples / 'expense' / 'train.jsonl'}: 27 sft rows, no problems\n"


def test_broken_table(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Each problem of a broken table is a line with its place, and one with its fix; exit 1."""
    (tmp_path / "faq.csv").write_text(BROKEN)
    ended = tailorbird("validate", "faq.csv")
    first, fix, *rest = ended.out.splitlines()
    assert (ended.code, ended.err) == (1, "")
    assert first.startswith("error: faq.csv, line 3, record 2: the row has 1 cell(s)")
    assert fix.startswith("    fix: add the missing cell")
    assert rest[0].startswith("error: faq.csv, line 4, column 1: ")
    assert rest[-1] == "faq.csv: 2 error(s)"


def test_broken_table_as_json(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """The JSON has every problem with all ten keys, and stands alone on stdout."""
    (tmp_path / "faq.csv").write_text(BROKEN)
    ended = tailorbird("validate", "faq.csv", "--json", "-")
    assert ended.code == 1
    assert list(ended.data) == [
        "ok",
        "total",
        "problems",
        "source",
        "kind",
        "provider",
        "records",
    ]
    assert (ended.data["ok"], ended.data["total"], ended.data["records"]) == (False, 2, None)
    assert [list(problem) for problem in ended.data["problems"]] == [KEYS, KEYS]


def test_json_file_keeps_the_text(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """With a file for the JSON the text stays on stdout, and stderr says where the file is."""
    (tmp_path / "faq.csv").write_text(BROKEN)
    ended = tailorbird("validate", "faq.csv", "--json", "found.json")
    assert ended.out.endswith("faq.csv: 2 error(s)\n")
    assert ended.err == "written: found.json\n"
    assert json.loads((tmp_path / "found.json").read_bytes())["total"] == 2


def test_many_problems(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Twenty problems are shown, the others are counted; --all and the JSON have them all."""
    (tmp_path / "faq.csv").write_text("question,answer\n" + "Why?\n" * 30)
    short = tailorbird("validate", "faq.csv")
    assert short.out.count("error: faq.csv, line") == 20
    assert "… and 10 more; `tailorbird validate FILE --all` shows them\n" in short.out
    everything = tailorbird("validate", "faq.csv", "--all")
    assert everything.out.count("error: faq.csv, line") == 30
    assert "more" not in everything.out
    assert len(tailorbird("validate", "faq.csv", "--json", "-").data["problems"]) == 30


def test_more_problems_than_are_kept(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Even --all says how many problems it does not show."""
    (tmp_path / "faq.csv").write_text("question,answer\n" + "Why?\n" * 130)
    ended = tailorbird("validate", "faq.csv", "--all")
    assert ended.out.count("error: faq.csv, line") == 100
    assert "… and 30 more\n" in ended.out


def test_warnings_are_no_errors(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """A file with warnings or notes alone is fine; they are shown nevertheless."""
    (tmp_path / "faq.csv").write_text("question,answer,\nHow?,So.,left over\n")
    ended = tailorbird("validate", "faq.csv")
    assert ended.code == 0
    assert ended.out.startswith("warning: faq.csv, line 2")
    assert ended.out.endswith("faq.csv: 1 qa rows, 1 warning(s)\n")


def test_too_few_rows_for_a_provider(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """A table too small for a provider is an error when that provider is named."""
    (tmp_path / "faq.csv").write_text("question,answer\nHow?,So.\n")
    assert tailorbird("validate", "faq.csv").code == 0
    ended = tailorbird("validate", "faq.csv", "--for", "azure")
    assert ended.code == 1
    assert "1 rows found, 10 needed" in ended.out


def test_kind_decides_how_a_file_is_read(tailorbird: Callable[..., Any], examples: Path) -> None:
    """The kind that is given overrides the one that would be found."""
    path = examples / "expense" / "train.jsonl"
    assert tailorbird("validate", path, "--kind", "dpo").code == 1
    assert tailorbird("validate", path, "--kind", "qa", "--json", "-").data["kind"] == "qa"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("rows.jsonl", '{"question": "How?", "answer": "So."}\n', "qa"),
        ("rows.ndjson", 'nonsense\n[1]\n{"question": "How?", "answer": "So."}\n', "qa"),
        ("pairs.jsonl", '{"input": {"messages": []}, "preferred_output": []}\n', "dpo"),
        ("chat.JSONL", '\ufeff{"messages": []}\n', "sft"),
        ("nothing.jsonl", "nonsense\n", "sft"),
        ("table.txt", "question\tanswer\nHow?\tSo.\n", "qa"),
    ],
)
def test_kind_is_found_out(
    tailorbird: Callable[..., Any], tmp_path: Path, name: str, content: str, kind: str
) -> None:
    """The name and the first row tell questions from training conversations."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert tailorbird("validate", name, "--json", "-").data["kind"] == kind


@pytest.mark.parametrize("name", ["folder.csv", "folder.jsonl"])
def test_folder_is_no_file(tailorbird: Callable[..., Any], tmp_path: Path, name: str) -> None:
    """A folder says nothing about data: the command cannot run."""
    (tmp_path / name).mkdir()
    ended = tailorbird("validate", name)
    assert ended.code == 2
    assert "folder" in ended.out + ended.err


def test_missing_file(tailorbird: Callable[..., Any], examples: Path) -> None:
    """A missing file ends with 2 and the name that may have been meant, as JSON too."""
    ended = tailorbird("validate", examples / "ja" / "faq.cvs", "--json", "-")
    assert ended.code == 2
    assert list(ended.data) == ["ok", "error", "problems"]
    assert ended.data["error"]["exit_code"] == 2
    assert f"did you mean '{examples / 'ja' / 'faq.csv'}'?" in ended.err


def test_missing_folder(tailorbird: Callable[..., Any]) -> None:
    """A file in a folder that does not exist has no near name."""
    ended = tailorbird("validate", "nowhere/faq.csv")
    assert (ended.code, ended.err) == (
        2,
        "error: there is no 'nowhere/faq.csv'; check the path\n",
    )


def test_estimate(tailorbird: Callable[..., Any], examples: Path) -> None:
    """An estimate is one line with tokens, epochs and money; nothing is sent or trained."""
    ended = tailorbird("estimate", examples / "ja" / "faq.csv")
    assert ended.code == 0
    assert ended.out.startswith("109 examples, about ")
    assert "USD" in ended.out
    assert tailorbird("jobs", "--json", "-").data["jobs"] == []


def test_estimate_as_json(tailorbird: Callable[..., Any], examples: Path) -> None:
    """The JSON has the figures; a system prompt costs tokens in every row."""
    path = examples / "en" / "faq.csv"
    short = tailorbird("estimate", path, "--system", "Hi.", "--json", "-").data
    long = tailorbird("estimate", path, "--system", "Hello there. " * 9, "--json", "-").data
    assert list(short) == [
        "base",
        "examples",
        "tokens",
        "counted",
        "epochs",
        "trained_tokens",
        "usd",
        "price",
        "hosting_hourly",
    ]
    assert short["examples"] == 79
    assert long["tokens"] >= short["tokens"] + 79


def test_estimate_of_conversations(tailorbird: Callable[..., Any], examples: Path) -> None:
    """Training conversations are estimated as they are; the base model can be named."""
    path = examples / "expense" / "train.jsonl"
    ended = tailorbird("estimate", path, "--model", "some-model", "--json", "-")
    assert ended.data["examples"] == 27
    assert (ended.data["base"], ended.data["usd"]) == ("some-model", None)


def test_estimate_of_bad_data(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Bad data ends with 1; the problems stand on stderr and in the JSON."""
    (tmp_path / "faq.csv").write_text(BROKEN)
    ended = tailorbird("estimate", "faq.csv", "--json", "-")
    assert ended.code == 1
    assert ended.data["error"]["type"] == "DataError"
    assert [list(problem) for problem in ended.data["problems"]] == [KEYS, KEYS]
    assert ended.err.endswith("error: 2 error(s) in the data; nothing was sent\n")


def test_estimate_for_reinforcement(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Rows for reinforcement need a grader, which no command takes: the way round is named."""
    row = {"messages": [{"role": "user", "content": "Make 24 of 4 6 1 1."}], "target": 24}
    lines = [
        json.dumps({**row, "messages": [{"role": "user", "content": f"Make {n} of 4 6 1 1."}]})
        for n in range(12)
    ]
    (tmp_path / "rft.jsonl").write_text("\n".join(lines) + "\n")
    ended = tailorbird("estimate", "rft.jsonl")
    assert ended.code == 2
    assert "needs a grader" in ended.err


@pytest.mark.shared
def test_estimate_for_preference(tailorbird: Callable[..., Any]) -> None:
    """Preference pairs are estimated as such."""
    path = Path(__file__).parents[3] / "shared" / "data" / "finetune" / "orca_dpo_validation.jsonl"
    assert tailorbird("estimate", path, "--json", "-").data["examples"] == 284


def test_problems_beyond_those_that_are_kept_are_counted(
    tailorbird: Callable[..., Any], tmp_path: Path
) -> None:
    """Text and JSON tell how many there are, not how many are listed."""
    lines = "".join(f"Why {number}?,=A{number}\n" for number in range(150))
    (tmp_path / "faq.csv").write_text(f"question,answer\n{lines}")
    ended = tailorbird("validate", "faq.csv", "--json", "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert (ended.code, found["total"], len(found["problems"])) == (0, 150, 100)
    assert "… and 130 more; `tailorbird validate FILE --all` shows 80 of them\n" in ended.out
    assert ended.out.endswith("150 qa rows, 100 warning(s) and 50 more\n")
    everything = tailorbird("validate", "faq.csv", "--all")
    assert "… and 50 more\n" in everything.out


def test_commands_that_train_count_them_too(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Questions and training rows that are used tell how many problems there were."""
    lines = "".join(f"Why {number}?,=A{number}\n" for number in range(150))
    (tmp_path / "faq.csv").write_text(f"question,answer\n{lines}")
    row = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "B"}]}
    rows = "".join(f"{json.dumps({**row, 'id': number})}\n" for number in range(150))
    (tmp_path / "train.jsonl").write_text(rows)
    for name in ("faq.csv", "train.jsonl"):
        ended = tailorbird("estimate", name)
        assert ended.code == 0
        assert re.search(r"… and 1\d\d more; ", ended.err), ended.err


def test_errors_beyond_those_that_are_kept_are_told(
    tailorbird: Callable[..., Any], tmp_path: Path
) -> None:
    """A command that cannot go on does not say that there are a hundred errors only."""
    (tmp_path / "faq.csv").write_text("question,answer\n" + "Why?\n" * 150)
    ended = tailorbird("estimate", "faq.csv")
    assert "error: at least 100 error(s) in the data" in ended.err


def test_options_of_python_are_told_as_they_are_typed(
    tailorbird: Callable[..., Any], tmp_path: Path
) -> None:
    """A fix that names arguments of a function says how each is typed, and once only."""
    (tmp_path / "faq.csv").write_text("title,text\nWhy?,So.\n")
    ended = tailorbird("validate", "faq.csv")
    assert ended.code == 1
    assert "columns=… is typed so on the command line: --columns question=NAME," in ended.out
    (tmp_path / "faq.csv").write_text("question,answer\nWhy?,\nWhen?,\n")
    ended = tailorbird("validate", "faq.csv")
    assert ended.out.count("is typed so on the command line: --empty-answers skip") == 1


def test_options_of_python_only_are_told_as_such(
    tailorbird: Callable[..., Any], tmp_path: Path
) -> None:
    """A fix that names an argument without an option says where that can be typed."""
    (tmp_path / "faq.csv").write_text("question,answer\nか\u3099?,So.\n", encoding="utf-8")
    ended = tailorbird("validate", "faq.csv")
    assert ended.code == 0
    assert "options such as normalize=… are those of tailorbird.read_questions and" in ended.out


HELP_DESK = 'Id,Description,"Reply, public"\n1,Why?,So.\n2,When?,\n3,Who?,We.\n'


@pytest.mark.parametrize(
    "columns", ['Description,"Reply, public"', 'question=Description,"answer=Reply, public"']
)
def test_columns_of_other_names(
    tailorbird: Callable[..., Any], tmp_path: Path, columns: str
) -> None:
    """An export with columns of its own is read as it is, empty answers left out."""
    (tmp_path / "desk.csv").write_text(HELP_DESK)
    options = ("desk.csv", "--columns", columns, "--empty-answers", "skip")
    ended = tailorbird("validate", *options, "--json", "-")
    assert (ended.code, ended.data["kind"], ended.data["records"]) == (0, "qa", 2)
    ended = tailorbird("estimate", *options, "--json", "-")
    assert (ended.code, ended.data["examples"]) == (0, 2)


def test_columns_of_alpaca_rows(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Rows of another format are questions and answers where the columns are named."""
    row = '{"instruction": "Why?", "input": "", "output": "So."}\n'
    (tmp_path / "alpaca.jsonl").write_text(row)
    columns = "question=instruction,answer=output"
    ended = tailorbird("validate", "alpaca.jsonl", "--columns", columns, "--json", "-")
    assert (ended.code, ended.data["kind"], ended.data["records"]) == (0, "qa", 1)


@pytest.mark.parametrize("command", ["validate", "estimate"])
def test_encoding_that_is_named(
    tailorbird: Callable[..., Any], tmp_path: Path, command: str
) -> None:
    """A file in an encoding that nobody can be sure of is read when it is named."""
    (tmp_path / "faq.csv").write_bytes("question,answer\nWo?,In Köln.\n".encode("cp1252"))
    assert tailorbird(command, "faq.csv").code == 1
    assert tailorbird(command, "faq.csv", "--encoding", "cp1252").code == 0


@pytest.mark.parametrize("command", ["validate", "estimate"])
def test_options_for_tables_with_training_data(
    tailorbird: Callable[..., Any], examples: Path, command: str
) -> None:
    """Options for tables are refused with training data, and not passed over."""
    file = examples / "expense" / "train.jsonl"
    ended = tailorbird(command, file, "--empty-answers", "skip")
    assert ended.code == 2
    assert "leave out --columns, --encoding and --empty-answers" in ended.out + ended.err


@pytest.mark.parametrize("columns", ["question=a,answer", "question=a,question=b", "question=a,b"])
def test_columns_that_cannot_be_meant(
    tailorbird: Callable[..., Any], tmp_path: Path, columns: str
) -> None:
    """Names with and without roles are not mixed, and no role is given twice."""
    (tmp_path / "desk.csv").write_text(HELP_DESK)
    ended = tailorbird("validate", "desk.csv", "--columns", columns)
    assert ended.code == 2
    assert "give each column a role of its own" in ended.out + ended.err


def test_rows_of_other_tools_have_a_place(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """The place of a problem with a whole record ends with the record."""
    (tmp_path / "train.jsonl").write_text('{"conversations": []}\n')
    assert ", line 1, record 1: the row" in tailorbird("validate", "train.jsonl").out


@pytest.mark.parametrize(
    "row", ['{"conversations": []}', '{"prompt": "a", "chosen": "b", "rejected": "c"}']
)
def test_rows_of_other_tools_are_told_what_they_are(
    tailorbird: Callable[..., Any], tmp_path: Path, row: str
) -> None:
    """Training rows of another tool are not looked at as questions."""
    (tmp_path / "train.jsonl").write_text(f"{row}\n")
    ended = tailorbird("validate", "train.jsonl", "--json", "-")
    assert "row.foreign-format" in [one["code"] for one in ended.data["problems"]]
