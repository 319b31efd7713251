"""How tables of questions and answers are read: header, delimiter, rows, cells."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.questions.question_set import QuestionSet, read_questions
from tailorbird.data.tables.options import Limit, ReadOptions, TableLimits
from tailorbird.exceptions import DataError, InvalidInputError, Problem

HEADER = "user,assistant\n"


def saved(folder: Path, text: str, name: str = "faq.csv") -> Path:
    """Write a file in UTF-8, its line ends as given, and return its path."""
    path = folder / name
    path.write_bytes(text.encode())
    return path


def rows(questions: QuestionSet) -> list[tuple[str, str]]:
    """Return question and reference answer of each row."""
    return [(one.text, one.reference) for one in questions]


def lines(questions: QuestionSet) -> list[int | None]:
    """Return the line of each row."""
    return [one.line for one in questions]


def refused(path: Path) -> tuple[Problem, ...]:
    """Return the problems for which reading a file fails."""
    with pytest.raises(DataError) as caught:
        read_questions(path)
    return caught.value.problems


def only(path: Path) -> Problem:
    """Return the one problem for which reading a file fails."""
    [problem] = refused(path)
    return problem


def codes(questions: QuestionSet) -> list[tuple[str, str, int | None]]:
    """Return severity, code and line of each problem of a file that was read."""
    return [(one.severity, one.code, one.line) for one in questions.problems]


# --- header and delimiter


@pytest.mark.parametrize(
    "header",
    [
        "user,assistant",
        "question,answer",
        "質問,回答",
        "問い合わせ,応答",
        "prompt\tcompletion",
        "q;a",
        '"質問\n（必須）",回答',
    ],
)
def test_usual_names_are_known(tmp_path: Path, header: str) -> None:
    """Columns are known by their English and Japanese names, whatever the delimiter."""
    delimiter = next(one for one in ("\t", ";", ",") if one in header)
    path = saved(tmp_path, f"{header}\nwhen{delimiter}now\n")
    assert rows(read_questions(path)) == [("when", "now")]


@pytest.mark.parametrize(
    "header", [" user , ASSISTANT ", "ｕｓｅｒ,Assistant", "“user”,\u3000回答"]
)
def test_other_spellings_are_told(tmp_path: Path, header: str) -> None:
    """Blanks, case and width do not matter; a note tells what a name was taken for."""
    found = read_questions(saved(tmp_path, f"{header}\nq,a\n"))
    assert rows(found) == [("q", "a")]
    assert codes(found) == [("note", "csv.columns", 1)] * 2


def test_no_header(tmp_path: Path) -> None:
    """A first line of data is no header; the names found and the fix are told."""
    path = saved(tmp_path, "お金持ちになる方法,働く\n猫は何を食べますか,魚\n")
    problem = only(path)
    assert (problem.code, problem.line) == ("csv.columns-missing", 1)
    assert "user" in problem.reason
    assert "assistant" in problem.reason
    assert "お金持ちになる方法" in problem.reason
    assert "columns=('question', 'answer')" in problem.fix
    found = read_questions(path, columns=("question", "answer"))
    assert rows(found) == [("お金持ちになる方法", "働く"), ("猫は何を食べますか", "魚")]
    assert lines(found) == [1, 2]


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (None, "csv.columns-missing"),
        (("Question", "Answer"), "csv.header"),
        ({"question": "Question", "answer": "Answer"}, "csv.columns-missing"),
    ],
)
def test_title_above_the_header_is_told(
    tmp_path: Path, columns: tuple[str, ...] | dict[str, str] | None, code: str
) -> None:
    """Where a spreadsheet has a title above its header, the header's line is named."""
    path = saved(tmp_path, "FAQ (internal),,\n,,\n#,Question,Answer\n1,q,a\n")
    with pytest.raises(DataError) as caught:
        read_questions(path, columns=columns)
    [problem] = caught.value.problems
    assert (problem.code, problem.line) == (code, 1)
    assert problem.fix.startswith("the header seems to stand in line 3: delete the lines above it")


def test_header_far_below_is_no_title(tmp_path: Path) -> None:
    """Only the lines next to the first one are looked at for the header."""
    path = saved(tmp_path, "Title,\n" + "x,y\n" * 20 + "question,answer\nq,a\n")
    assert "delete the lines above" not in only(path).fix


def test_misspelt_header_suggests_the_name(tmp_path: Path) -> None:
    """A name close to a known one is met with that name."""
    fix = only(saved(tmp_path, "qestion,answer\nq,a\n")).fix
    assert "did you mean 'question' instead of 'qestion'?" in fix


def test_many_unknown_names_are_cut(tmp_path: Path) -> None:
    """A wide header is not repeated in full."""
    header = ",".join(f"column {number} {'x' * 50}" for number in range(5000))
    problem = only(saved(tmp_path, header + "\n"))
    assert "4992 more" in problem.reason
    assert len(problem.reason) < 1000


def test_unknown_delimiter_is_told(tmp_path: Path) -> None:
    """A header in one piece says which delimiters are known."""
    assert "no comma, tab or semicolon" in only(saved(tmp_path, "user|assistant\nq|a\n")).reason


def test_column_twice(tmp_path: Path) -> None:
    """A repeated name is refused with both places."""
    problem = only(saved(tmp_path, "user,user,assistant\na,b,c\n"))
    assert problem.code == "csv.column-twice"
    assert "'user' is there twice (1 and 2)" in problem.reason


def test_two_candidates_for_a_role(tmp_path: Path) -> None:
    """Two columns that could be the question need the user's word."""
    path = saved(tmp_path, "user,text,assistant\na,b,c\n")
    assert only(path).code == "csv.columns-ambiguous"
    chosen = read_questions(path, columns={"question": "text", "answer": "assistant"})
    assert rows(chosen) == [("b", "c")]


def test_columns_that_are_not_used_are_told(tmp_path: Path) -> None:
    """Further columns are left out, which a note tells."""
    found = read_questions(saved(tmp_path, "user,memo,assistant\nq,x,a\n"))
    assert rows(found) == [("q", "a")]
    assert "'memo'" in found.problems[0].reason


@pytest.mark.parametrize(
    "columns",
    [
        ("Frage", "Antwort"),
        {"question": "Frage", "answer": "Antwort"},
        {"question": " frage", "answer": "ANTWORT"},
    ],
)
def test_columns_may_be_named(tmp_path: Path, columns: tuple[str, ...] | dict[str, str]) -> None:
    """Names that nobody can know are given, in order or by role; a header that has them is one."""
    found = read_questions(saved(tmp_path, "Antwort;Frage\na;q\n"), columns=columns)
    assert rows(found) == [("q", "a")]


def test_columns_in_order_without_header(tmp_path: Path) -> None:
    """Names in order describe a file without header; what is not known as something else counts."""
    path = saved(tmp_path, "1,Wie?,x,So.\n2,Wo?,y,Da.\n")
    found = read_questions(path, columns=("id", "Frage", "", "Antwort"))
    assert rows(found) == [("Wie?", "So."), ("Wo?", "Da.")]
    assert [one.id for one in found] == ["1", "2"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("Frage", "Antwrt"), "did you mean 'Antwort'"),
        ({"question": "Frage", "answer": "zzz"}, "no column 'zzz'"),
        (("Q1", "A1"), "expected|no column|none of the names"),
    ],
)
def test_named_columns_that_are_not_there(
    tmp_path: Path, columns: tuple[str, ...] | dict[str, str], message: str
) -> None:
    """A name that the header lacks is refused instead of taking the header for data."""
    path = saved(tmp_path, "Frage,Antwort\nq,a\n")
    if columns == ("Q1", "A1"):
        path = saved(tmp_path, "user,assistant\nq,a\n")
    with pytest.raises(DataError, match=message):
        read_questions(path, columns=columns)


def test_named_column_that_is_there_twice(tmp_path: Path) -> None:
    """A named column must be one column."""
    path = saved(tmp_path, "Frage,frage ,Antwort\nq,r,a\n")
    with pytest.raises(DataError, match="there twice"):
        read_questions(path, columns={"question": "FRAGE", "answer": "Antwort"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("question",), "no name is left for the answer"),
        (("user", "question"), "mean the same column"),
        (("x", "x"), "mean the same column"),
        ({"question": "q"}, "which column is the answer"),
        ({"question": "q", "answer": "a", "anwser": "b"}, "did you mean 'answer'"),
        ({"question": "q", "answer": "a", "zzz": "b"}, "'zzz' is no role"),
        ("question", "columns"),
    ],
)
def test_columns_that_cannot_be_meant(
    tmp_path: Path, columns: tuple[str, ...], message: str
) -> None:
    """A wrong argument is told before the file is read."""
    with pytest.raises(InvalidInputError, match=message):
        read_questions(tmp_path / "nowhere.csv", columns=columns)


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", "\n\nsep=;\n\n"])
def test_separator_line_decides(tmp_path: Path, first: str) -> None:
    """Excel's `sep=` line is no header and names the delimiter."""
    found = read_questions(saved(tmp_path, f"{first}user;assistant\na;b,c\n"))
    assert rows(found) == [("a", "b,c")]


def test_separator_line_alone(tmp_path: Path) -> None:
    """A file with nothing behind its `sep=` line is empty."""
    assert only(saved(tmp_path, "sep=,\n\n")).code == "file.empty"


def test_header_far_behind_blank_lines(tmp_path: Path) -> None:
    """Blank lines before the header do not count, however many there are."""
    found = read_questions(saved(tmp_path, "\n" * 300_000 + HEADER + "q,a\n"))
    assert lines(found) == [300_002]


def test_broken_header(tmp_path: Path) -> None:
    """A header whose quotes do not end is refused as such."""
    problem = only(saved(tmp_path, '"user,assistant\nq,a\n'))
    assert (problem.code, problem.line) == ("csv.header", 1)


def test_json_lines_under_a_wrong_name(tmp_path: Path) -> None:
    """JSON Lines called .csv are recognized."""
    path = saved(tmp_path, '{"question": "q", "answer": "a"}\n')
    assert ".jsonl" in only(path).fix


def test_byte_order_mark_within_the_text(tmp_path: Path) -> None:
    """A second byte-order mark, left by joining files, does not hide the first column."""
    found = read_questions(saved(tmp_path, f"\ufeff\ufeff{HEADER}q,a\n"))
    assert rows(found) == [("q", "a")]


# --- rows


@pytest.mark.parametrize("text", ["user,assistant\n", "user,assistant", "user,assistant\n\n\n"])
def test_header_only(tmp_path: Path, text: str) -> None:
    """A file without rows is refused, with the number that fine-tuning needs."""
    problem = only(saved(tmp_path, text))
    assert problem.code == "row.none"
    assert "10 examples" in problem.reason


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    """Blank lines are passed over; lines and records are counted right."""
    found = read_questions(saved(tmp_path, f"{HEADER}\na,b\n\n  \nc,d,\n"))
    assert rows(found) == [("a", "b"), ("c", "d")]
    assert lines(found) == [3, 6]


def test_too_many_cells(tmp_path: Path) -> None:
    """An answer with an unquoted comma is refused, and the rest is shown."""
    problem = only(saved(tmp_path, f"{HEADER}a,b\n\nc,d\ng,1,000円です\n"))
    assert (problem.code, problem.line, problem.record) == ("csv.row-width", 5, 3)
    assert "3 cell(s)" in problem.reason
    assert "000円です" in problem.reason
    assert "double quotes" in problem.fix


def test_too_few_cells(tmp_path: Path) -> None:
    """A row that ends early is refused."""
    problem = only(saved(tmp_path, f"{HEADER}a\nc,d\n"))
    assert (problem.code, problem.line) == ("csv.row-width", 2)
    assert "missing cell" in problem.fix


@pytest.mark.parametrize(
    ("row", "fix"),
    [
        ("'a, b',c", "not with '"),
        ("“a, b”,c", "not with “"),
        ("『a, b』,c", "not with 『"),
        ('a, "b, c"', "remove the blank"),
    ],
)
def test_cells_in_wrong_quotes(tmp_path: Path, row: str, fix: str) -> None:
    """When other marks than straight double quotes were meant to quote, the fix says so."""
    assert fix in only(saved(tmp_path, f"{HEADER}{row}\n")).fix


def test_empty_cells_behind_the_last_column(tmp_path: Path) -> None:
    """Trailing delimiters are left out, which one note tells for the whole file."""
    found = read_questions(saved(tmp_path, f"{HEADER}a,b,\nc,d, ,\n"))
    assert rows(found) == [("a", "b"), ("c", "d")]
    [note] = found.problems
    assert (note.code, note.line) == ("csv.trailing-cells", 2)
    assert "2 row(s)" in note.reason


def test_column_without_name(tmp_path: Path) -> None:
    """A nameless column is ignored; if it has content, a warning tells, once."""
    found = read_questions(saved(tmp_path, "user,assistant,\na,b,\nc,d,\n"))
    assert codes(found) == []
    found = read_questions(saved(tmp_path, "user,assistant,\na,b,\nc,d,e\nf,g,h\n"))
    assert codes(found) == [("warning", "csv.nameless-column", 3)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",", "question and answer are empty"),
        ("a,", "answer is empty"),
        ("a,\u3000", "answer is empty"),
        (",b", "question is empty"),
    ],
)
def test_empty_cells(tmp_path: Path, row: str, reason: str) -> None:
    """A row without question or answer is an error, or left out with a warning by option."""
    path = saved(tmp_path, f"{HEADER}x,y\n{row}\nz,w\n")
    [problem] = [one for one in refused(path) if one.severity == "error"]
    assert (problem.code, problem.line, problem.record) == ("row.empty", 3, 2)
    assert reason in problem.reason
    found = read_questions(path, empty_answers="skip")
    assert rows(found) == [("x", "y"), ("z", "w")]
    assert ("warning", "row.skipped", 3) in codes(found)


def test_no_row_is_left(tmp_path: Path) -> None:
    """A file whose rows are all left out is refused."""
    path = saved(tmp_path, f"{HEADER}a,\nb,\n")
    with pytest.raises(DataError, match="no row is left"):
        read_questions(path, empty_answers="skip")


def test_unanswerable_question_needs_no_answer(tmp_path: Path) -> None:
    """The kind `unanswerable`, and no other, makes an empty answer right."""
    path = saved(tmp_path, "質問,回答,種類\nq,,回答不能\nr,,unseen\n")
    problem = only(path)
    assert problem.line == 3
    found = read_questions(path, empty_answers="skip")
    assert [(one.text, one.answers, one.kind) for one in found] == [("q", (), "unanswerable")]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_of_rows_with_line_breaks(tmp_path: Path, ends: str) -> None:
    """A row's line is the physical one in which it begins, whatever ends the lines."""
    text = ends.join(["user,assistant", f'"a{ends}b",c', "", f'd,"e{ends}{ends}f"', "g,h", "i,"])
    path = saved(tmp_path, text)
    found = read_questions(path, empty_answers="skip")
    assert rows(found) == [(f"a{ends}b", "c"), ("d", f"e{ends}{ends}f"), ("g", "h")]
    assert lines(found) == [2, 5, 8]
    assert codes(found) == [("warning", "row.skipped", 9)]


def test_quotes_within_an_unquoted_cell(tmp_path: Path) -> None:
    """Inches and the like need no quoting."""
    found = read_questions(saved(tmp_path, f'{HEADER}a 5" disk,3" "b"\n'))
    assert rows(found) == [('a 5" disk', '3" "b"')]


def test_quote_behind_a_blank(tmp_path: Path) -> None:
    """A quote that does not begin the cell is text; a warning says so."""
    found = read_questions(saved(tmp_path, f'{HEADER}a, "b"\n'))
    assert rows(found) == [("a", '"b"')]
    assert ("warning", "csv.blank-quote", 2) in codes(found)


def test_quote_that_is_never_closed(tmp_path: Path) -> None:
    """The line that opens the quote is named, and the rows behind it are still checked."""
    found = refused(saved(tmp_path, f'{HEADER}q,"a\nc,d\ne,\n'))
    assert [(one.line, one.code) for one in found] == [(2, "csv.quote"), (4, "row.empty")]
    assert "opened in line 2, column 3 is never closed" in found[0].reason


def test_quote_that_the_next_quote_closes(tmp_path: Path) -> None:
    """When a later quoted cell seems to close it, the opening line is named all the same."""
    problem = only(saved(tmp_path, f'{HEADER}q,"a\nc,d\n"e","f"\ng,h\n'))
    assert (problem.line, problem.column) == (2, 3)
    assert "in line 4" in problem.reason


def test_second_quoted_cell_is_the_open_one(tmp_path: Path) -> None:
    """The line is the one of the quote, not the one of the record."""
    problem = only(saved(tmp_path, f'{HEADER}"a\nb","c\nd,e\n'))
    assert (problem.line, problem.column) == (3, 4)


def test_text_behind_a_closing_quote(tmp_path: Path) -> None:
    """A quote that is not doubled within a quoted cell is found."""
    found = refused(saved(tmp_path, f'{HEADER}"say "hi" now",b\nc,d\n"x" ,y\n'))
    assert [(one.line, one.column, one.code) for one in found] == [
        (2, 1, "csv.quote"),
        (4, 1, "csv.quote"),
    ]
    assert '""' in found[0].fix


def test_open_quote_in_a_long_file(tmp_path: Path) -> None:
    """An open quote does not swallow a file that is longer than any cell may be."""
    text = HEADER + 'q,"a\n' + "".join(f"c{number},d\n" for number in range(200_000)) + "e,\n"
    found = [one for one in refused(saved(tmp_path, text)) if one.severity == "error"]
    assert [(one.line, one.code) for one in found] == [(2, "csv.quote"), (200_003, "row.empty")]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("before", ["", "a,b\n"])
def test_cell_longer_than_the_csv_module_reads(tmp_path: Path, before: str, quote: str) -> None:
    """A huge cell is an error with line and size; the module's limit is not changed."""
    limit = csv.field_size_limit()
    text = f"{HEADER}{before}{quote}{'x' * 200_000}{quote},b\nc,\n"
    found = refused(saved(tmp_path, text))
    first = 3 if before else 2
    assert [(one.line, one.code) for one in found] == [
        (first, "csv.cell-too-long"),
        (first + 1, "row.empty"),
    ]
    assert "200,000" in found[0].reason
    assert csv.field_size_limit() == limit


def test_huge_cell_with_line_breaks(tmp_path: Path) -> None:
    """A quoted cell over many blocks of the file is measured, and the row behind it found."""
    cell = "line, with comma\n" * 30_000
    found = refused(saved(tmp_path, f'{HEADER}q,"{cell}"\nc,\n'))
    assert [(one.line, one.code) for one in found] == [
        (2, "csv.cell-too-long"),
        (30_003, "row.empty"),
    ]
    assert f"{len(cell):,}" in found[0].reason


def test_quote_over_more_text_than_is_waited_for(tmp_path: Path) -> None:
    """A quote is not said to be open for ever when only so much of the file was looked at."""
    cell = "line, more\n" * 120_000
    found = refused(saved(tmp_path, f'{HEADER}q,"{cell}"\n'))
    assert (found[0].line, found[0].code) == (2, "csv.quote")
    assert "is never closed within the next 1," in found[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "質問,回答\nq,a\n質問,回答\nq2,a2\n",
        "質問,回答\nq,a\n\ufeff質問,回答\nq2,a2\n",
        "id,質問,回答\n1,q,a\nid,質問,回答\n2,q2,a2\n",
    ],
)
def test_header_that_is_repeated_is_no_row(tmp_path: Path, text: str) -> None:
    """Files with a header each that were put together do not teach the names of their columns."""
    [problem] = refused(saved(tmp_path, text))
    assert (problem.line, problem.code) == (3, "row.header")
    assert "remove the line" in problem.fix


@pytest.mark.parametrize("cell", ["\u200b", "\ufeff", " \u2060\u3000", "\u202e\u202c", "\xad"])
def test_cell_of_which_nothing_is_seen_is_empty(tmp_path: Path, cell: str) -> None:
    """Marks that no reader sees are no answer."""
    problem = refused(saved(tmp_path, f"{HEADER}q,{cell}\n"))[0]
    assert (problem.severity, problem.line, problem.code) == ("error", 2, "row.empty")


def test_cell_over_our_own_limit(tmp_path: Path) -> None:
    """A cell that can be read and is too long for a question or answer tells tokens and limit."""
    problem = only(saved(tmp_path, f"{HEADER}q,{'長' * 120_000}\n"))
    assert (problem.code, problem.line, problem.column) == ("cell.too-long", 2, "assistant")
    assert "120,000" in problem.reason
    assert "tokens" in problem.reason
    assert "100,000 (tailorbird's own" in problem.reason


def test_line_longer_than_any_row(tmp_path: Path) -> None:
    """A file without line ends does not fill the memory; the line is reported and passed over."""
    text = f"{HEADER}a,{'x' * 4_500_000}\nc,\n"
    found = refused(saved(tmp_path, text))
    assert [(one.line, one.code) for one in found] == [
        (2, "file.line-too-long"),
        (3, "row.empty"),
    ]


def test_long_last_line(tmp_path: Path) -> None:
    """The same holds when no line end follows at all."""
    found = refused(saved(tmp_path, f"{HEADER}a,{'x' * 4_500_000}"))
    assert [one.code for one in found] == ["file.line-too-long"]


def test_rows_over_block_borders(tmp_path: Path) -> None:
    """Rows, line breaks and CR LF pairs that straddle the blocks of the file come out whole."""
    width = 11
    texts = [
        (f"{number:0{width}d}", f"{number}\r\n{'x' * (number % 7)}") for number in range(30_000)
    ]
    text = "user,assistant\r\n" + "".join(f'{one},"{two}"\r\n' for one, two in texts)
    found = read_questions(saved(tmp_path, text))
    assert [(one.text, one.answers[0]) for one in found] == [
        (one, two.strip()) for one, two in texts
    ]
    assert lines(found) == [2 + 2 * number for number in range(30_000)]


# --- cells


def test_blanks_around_texts_are_left_out(tmp_path: Path) -> None:
    """Blanks around a text go, which one note tells for the whole file."""
    found = read_questions(saved(tmp_path, f"{HEADER} a ,b\nc,\u3000d\n"))
    assert rows(found) == [("a", "b"), ("c", "d")]
    [note] = found.problems
    assert note.reason == "blanks around 2 cell(s) were left out, the first in line 2"


def test_replacement_character(tmp_path: Path) -> None:
    """U+FFFD says that data was lost before us: an error in each row."""
    found = refused(saved(tmp_path, f"{HEADER}壊\ufffdれ,a\nb,\ufffd\n"))
    assert [(one.code, one.line, one.column) for one in found] == [
        ("text.replacement", 2, "user"),
        ("text.replacement", 3, "assistant"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\u200bb", "text.invisible"),
        ("soft\u00adhyphen", "text.invisible"),
        ("a\u200db", "text.invisible"),
        ("tag\U000e0041", "text.invisible"),
        ("a\u200eb", "text.invisible"),
        ("d\u202ee", "text.direction"),
        ("か\u3099", "text.decomposed"),
        ("e\u0301", "text.decomposed"),
        ("bell\x07", "text.control"),
    ],
)
def test_unusual_characters(tmp_path: Path, text: str, code: str) -> None:
    """What no reader sees, or what is stored in pieces, is kept, with a warning."""
    found = read_questions(saved(tmp_path, f"{HEADER}{text},a\n"))
    assert found[0].text == text
    assert codes(found) == [("warning", code, 2)]


@pytest.mark.parametrize("text", ["👨\u200d👩\u200d👧", "नि\u200dक", "שלום\u200f", "x\u0323\u0332"])
def test_characters_with_a_use(tmp_path: Path, text: str) -> None:
    """Joined emoji, Indic joiners, marks of Hebrew and stacked accents without a letter pass."""
    found = read_questions(saved(tmp_path, f"{HEADER}{text},\u0332a\n"))
    assert [one.code for one in found.problems if one.code != "text.decomposed"] == []


def test_composition_by_option(tmp_path: Path) -> None:
    """normalize='nfc' composes characters and tells how many cells it changed."""
    path = saved(tmp_path, "user,answers\nか\u3099,き\u3099|く\u3099\nx,y\n")
    found = read_questions(path, normalize="nfc")
    assert [(one.text, one.answers) for one in found] == [("が", ("ぎ", "ぐ")), ("x", ("y",))]
    assert codes(found) == [("note", "cell.composed", None)]


def test_line_separators_are_accepted(tmp_path: Path) -> None:
    """U+2028, U+2029 and U+0085 do not end a line, and a note tells that they are there."""
    found = read_questions(saved(tmp_path, f"{HEADER}a\u2028b\u2029c\x85d,e\nf,g\n"))
    assert rows(found) == [("a\u2028b\u2029c\x85d", "e"), ("f", "g")]
    assert lines(found) == [2, 3]
    assert codes(found) == [("note", "text.line-separator", None)]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("=cmd|' /C calc'!A0", "cell.formula"),
        ("@SUM(1)", "cell.formula"),
        ("+SUM(A1:A3)", "cell.formula"),
        ("-2+3+cmd|' /C calc'!A0", "cell.formula"),
        ("#REF!", "cell.error-value"),
        ("#NAME?", "cell.error-value"),
        ("#N/A", "cell.error-value"),
        ("#DIV/0!", "cell.error-value"),
        ("####", "cell.error-value"),
        ("1.23E+11", "cell.rounded"),
        ("2月3日", "cell.date"),
        ("3-Feb", "cell.date"),
        ("“質問”", "cell.quotes"),
        ("'a'", "cell.quotes"),
    ],
)
def test_traces_of_spreadsheets(tmp_path: Path, cell: str, code: str) -> None:
    """Formulas, error values, converted numbers and odd quotes are kept, with a warning."""
    found = read_questions(saved(tmp_path, f"{HEADER}q,{cell}\n"))
    assert found[0].reference == cell
    assert [(one.severity, one.code, one.line, one.column) for one in found.problems] == [
        ("warning", code, 2, "assistant")
    ]


@pytest.mark.parametrize(
    "cell",
    [
        "- an item",
        "-5",
        "+81-3-1234-5678",
        "@user",
        "#1 in sales",
        "# Heading",
        "=> so",
        "“a” and “b”",
        "on 2月3日",
        "E+1",
        "'tis",
    ],
)
def test_ordinary_texts_are_left_alone(tmp_path: Path, cell: str) -> None:
    """Texts that only begin like such traces get no warning."""
    assert codes(read_questions(saved(tmp_path, f"{HEADER}q,{cell}\n"))) == []


def test_number_as_question(tmp_path: Path) -> None:
    """A question that is only a number is suspicious."""
    found = read_questions(saved(tmp_path, f"{HEADER}1,a\nq,2\n"))
    assert codes(found) == [("warning", "row.number", 2)]


def test_unknown_kind(tmp_path: Path) -> None:
    """A kind that does not exist is refused with the nearest one, and the way around."""
    path = saved(tmp_path, "user,assistant,kind\nq,a,Paraphrased\nr,b,人事\ns,c,言い換え\nt,d,\n")
    first, second = refused(path)
    assert (first.code, first.line, first.column) == ("row.kind", 2, "kind")
    assert "did you mean 'paraphrase'?" in first.fix
    assert "did you mean" not in second.fix
    found = read_questions(path, columns={"question": "user", "answer": "assistant"})
    assert {one.kind for one in found} == {None}


def test_optional_columns(tmp_path: Path) -> None:
    """Kind, sources, system prompt and id are taken where present; `|` separates sources."""
    path = saved(
        tmp_path,
        "ID,質問,回答,種別,出典,システム\n7,q,a,VERBATIM,規則.pdf | 手引.md,丁寧に\n,r,b,,,\n",
    )
    first, second = read_questions(path)
    assert (first.id, first.kind, first.system) == ("7", "verbatim", "丁寧に")
    assert first.sources == ("規則.pdf", "手引.md")
    assert (second.kind, second.system, second.sources) == (None, None, ())
    assert second.id.startswith("q-")


def test_several_answers(tmp_path: Path) -> None:
    """A column called `answers` holds several, the reference first; `answer` holds one."""
    several = read_questions(
        saved(tmp_path, "question,answers\nq,a | b|c\nr, |\n"), empty_answers="skip"
    )
    assert several[0].answers == ("a", "b", "c")
    assert len(several) == 1
    one = read_questions(saved(tmp_path, "question,answer\nq,a | b\n"))
    assert one[0].answers == ("a | b",)


def test_repeated_rows(tmp_path: Path) -> None:
    """A row that comes again, and a question with another answer, are told with both lines."""
    found = read_questions(saved(tmp_path, f"{HEADER}q,a\nr,b\nq,a\nq,c\n"))
    assert codes(found) == [("warning", "row.repeated", 4), ("warning", "row.contradiction", 5)]
    assert all("line 2" in one.reason for one in found.problems)


def test_repeated_ids(tmp_path: Path) -> None:
    """Two rows must not share a given id."""
    problem = only(saved(tmp_path, "id,user,assistant\nx,q,a\n,r,b\nx,s,c\n"))
    assert (problem.code, problem.line) == ("row.id", 4)
    assert "line 2" in problem.reason


def test_repeats_are_looked_for_up_to_a_limit(tmp_path: Path) -> None:
    """Beyond the number of rows that are compared, a note says that repeats may be there."""
    path = saved(tmp_path, f"{HEADER}q,a\nr,b\nr,b\nq,a\n")
    options = ReadOptions(limits=TableLimits(compared_rows=3))
    found = QuestionSet.from_file(path, options=options)
    assert codes(found) == [
        ("warning", "row.repeated", 4),
        ("note", "row.repeats-unchecked", None),
    ]


@pytest.mark.parametrize("count", [9, 12])
def test_swapped_columns(tmp_path: Path, count: int) -> None:
    """Answers that ask and questions that do not look swapped, if there are enough of them."""
    text = "".join(f"答え{number},問い{number}ですか？\n" for number in range(count))
    found = read_questions(saved(tmp_path, "question,answer\n" + text))
    assert [one.code for one in found.problems] == (["row.swapped"] if count > 9 else [])


def test_more_rows_than_are_sampled(tmp_path: Path) -> None:
    """The guess about swapped columns rests on the first rows only."""
    text = "".join(f"q{number},a{number}?\n" for number in range(10_000))
    found = read_questions(saved(tmp_path, "question,answer\n" + text))
    assert [one.code for one in found.problems] == ["row.swapped"]


def test_warnings_as_errors(tmp_path: Path) -> None:
    """A strict caller gets an error for what is a warning to others; notes stay notes."""
    path = saved(tmp_path, f"{HEADER} q,#REF!\n")
    with pytest.raises(DataError) as caught:
        read_questions(path, warnings_as_errors=True)
    assert [one.severity for one in caught.value.problems] == ["error", "note"]


def test_a_hundred_problems_and_their_number(tmp_path: Path) -> None:
    """At most 100 problems of a severity are kept; the others are counted."""
    with pytest.raises(DataError) as caught:
        read_questions(saved(tmp_path, HEADER + "q,\n" * 250))
    assert (len(caught.value.problems), caught.value.total) == (100, 250)


# --- limits


def limited(path: Path, limits: TableLimits) -> Problem:
    """Return the one problem that limits give."""
    with pytest.raises(DataError) as caught:
        QuestionSet.from_file(path, options=ReadOptions(limits=limits))
    [problem] = caught.value.problems
    return problem


def test_limits_on_rows_and_bytes(tmp_path: Path) -> None:
    """Limits are given with their source, and the error repeats it."""
    path = saved(tmp_path, f"{HEADER}q,a\nr,b\ns,c\n")
    limit = Limit(value=2, source="Some guide, read 2026-11-22")
    cases = [
        (TableLimits(max_rows=limit), "row.too-many", "3 rows"),
        (TableLimits(min_rows=Limit(value=10, source=limit.source)), "row.too-few", "3 rows found"),
        (TableLimits(max_bytes=limit), "file.too-large", "27 bytes"),
    ]
    for limits, code, number in cases:
        problem = limited(path, limits)
        assert problem.code == code
        assert number in problem.reason
        assert limit.source in problem.reason
    enough = TableLimits(min_rows=limit, max_rows=Limit(value=3, source="x"))
    assert len(QuestionSet.from_file(path, options=ReadOptions(limits=enough))) == 3


@pytest.mark.parametrize(
    ("header", "row", "ending"),
    [("user,assistant", "短い,短い", ""), ("user,assistant,system", "短い,短い,丁寧に", ",丁寧に")],
)
def test_limit_on_tokens(tmp_path: Path, header: str, row: str, ending: str) -> None:
    """A row with more tokens than the model's context is refused with number, limit and source."""
    path = saved(tmp_path, f"{header}\n{row}\n{'長' * 600},答え{ending}\n{'a' * 400},b{ending}\n")
    limit = Limit(value=500, source="Some model's page")
    problem = limited(path, TableLimits(max_row_tokens=limit))
    assert (problem.code, problem.line) == ("row.too-long", 3)
    assert "500 (Some model's page)" in problem.reason


def test_tokens_are_counted_by_the_given_counter(tmp_path: Path) -> None:
    """An exact counter takes the place of the estimate."""
    path = saved(tmp_path, f"{HEADER}{'x' * 600},a\n")
    limit = Limit(value=600, source="x")
    assert "601 tokens" in limited(path, TableLimits(max_row_tokens=limit, count_tokens=len)).reason


# --- anything that a writer writes

# What stands in `unusual_text` as a pattern, here as a plain list of characters.
UNSEEN = frozenset(
    chr(code)
    for first, last in [
        *((0xAD, 0xAD), (0x61C, 0x61C), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F)),
        *((0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F)),
    ]
    for code in range(first, last + 1)
)


def is_seen(text: str) -> bool:
    """Return whether a reader sees anything of a text."""
    return any(not char.isspace() and char not in UNSEEN for char in text)


CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffd")
    | st.sampled_from("\n\",;\t'あ質①"),
    max_size=20,
)


@given(
    table=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8),
    delimiter=st.sampled_from(",\t;"),
    ends=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    table: list[tuple[str, str]],
    delimiter: str,
    ends: str,
    quoting: int,
    encoding: str,
) -> None:
    """Any table comes back cell by cell, but for blanks around texts and rows without texts."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=ends, quoting=quoting)
    writer.writerows([("question", "answer"), *table])
    path = tmp_path_factory.mktemp("tables") / "faq.csv"
    path.write_bytes(buffer.getvalue().encode(encoding))
    expected = [(one.strip(), two.strip()) for one, two in table if is_seen(one) and is_seen(two)]
    if not expected:
        with pytest.raises(DataError, match="no row is left"):
            read_questions(path, empty_answers="skip")
        return
    assert rows(read_questions(path, empty_answers="skip")) == expected


@given(text=st.text(st.sampled_from('a",\n\r;'), max_size=40))
def test_broken_tables_are_refused_or_read_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """However quotes and line ends are mixed, reading ends, and lines never run backwards."""
    path = tmp_path_factory.mktemp("broken") / "faq.csv"
    path.write_bytes(f"question,answer\nq,a\n{text}".encode())
    try:
        found = lines(read_questions(path, empty_answers="skip"))
    except DataError as error:
        found = [one.line for one in error.problems if one.severity == "error"]
    numbers = [line for line in found if line is not None]
    assert numbers == sorted(numbers)
    assert max(numbers, default=1) <= 3 + len(text)


def test_what_looks_secret_is_told_and_not_shown(tmp_path: Path) -> None:
    """Keys and cards in cells are warned of with their place, mail addresses counted in a note."""
    key = "sk-proj-Ab3dEf9hIjKlMnOpQrStUvWxYz0123456789abcd"
    path = saved(
        tmp_path,
        "question,answer\n"
        f"Which key?,Take {key}\n"
        "4111 1111 1111 1111?,Ask kim@corp.test.de\n"
        "Who?,kim@corp.test.de or lee@corp.test.de\n"
        "Where?,Here.\n",
    )
    found = read_questions(path)
    assert codes(found) == [
        ("warning", "privacy.secret", 2),
        ("warning", "privacy.card", 3),
        ("note", "privacy.email", None),
    ]
    assert found.problems[-1].reason == (
        "2 cell(s) hold what looks like a mail address, the first in line 3"
    )
    assert "Ab3dEf9" not in repr(found.problems)
    assert [one.excerpt for one in found.problems] == ["sk…", "41…", None]
