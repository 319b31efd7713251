"""How documents are read from folders, files and rows."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.documents.document_set import DocumentSet, read_documents
from tailorbird.data.documents.reading import collect_documents, iter_documents
from tailorbird.data.problems import Problems
from tailorbird.exceptions import DataError, InvalidInputError, Problem
from tailorbird.types import Document

SHARED = Path(__file__).parents[4] / "shared" / "data"


def fill(folder: Path, **files: str | bytes) -> Path:
    """Write files; `__` in a name stands for `/`, a single `_` for the dot of the ending."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def rows(folder: Path, *objects: object, name: str = "rows.jsonl") -> Path:
    """Write objects as JSON Lines."""
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in objects), encoding="utf-8")
    return path


def codes(found: DocumentSet) -> list[tuple[str, str]]:
    """Return severity and code of what was found."""
    return [(one.severity, one.code) for one in found.problems]


def refused(path: Path) -> tuple[Problem, ...]:
    """Return the problems for which reading fails."""
    with pytest.raises(DataError) as caught:
        read_documents(path)
    return caught.value.problems


# --- folders and files


def test_a_folder_gives_its_documents_in_the_order_of_their_paths(tmp_path: Path) -> None:
    """Ids are relative paths, titles come from Markdown or the file's name."""
    fill(
        tmp_path,
        b_md="# 休暇の規程\n\n10日です。\n",
        a__z_TXT="plain",
        a__c_markdown="---\ntitle: Travel\n---\ntext",
        a__d_md="no heading",
    )
    found = read_documents(tmp_path)
    assert [(one.id, one.title, one.source) for one in found] == [
        ("a/c.markdown", "Travel", "a/c.markdown"),
        ("a/d.md", "d", "a/d.md"),
        ("a/z.TXT", "z", "a/z.TXT"),
        ("b.md", "休暇の規程", "b.md"),
    ]
    assert found[3].text == "# 休暇の規程\n\n10日です。\n"
    assert found.problems == ()


def test_a_set_of_documents_is_a_sequence(tmp_path: Path) -> None:
    """Length, indexing and slicing work as in a tuple; the texts stay out of its repr."""
    found = read_documents(str(fill(tmp_path, a_txt="secret one", b_txt="two")))
    assert len(found) == 2
    assert found[-1].text == "two"
    assert [one.id for one in found[:1]] == ["a.txt"]
    assert found.source == str(tmp_path)
    assert repr(found) == f"<DocumentSet of 2 documents from {str(tmp_path)!r}, 0 problems>"


@pytest.mark.parametrize("name", ["note.txt", "note.MD"])
def test_a_single_file_is_read(tmp_path: Path, name: str) -> None:
    """Its id is its name."""
    (tmp_path / name).write_text("text", encoding="utf-8")
    [document] = read_documents(tmp_path / name)
    assert (document.id, document.title, document.text) == (name, "note", "text")


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    """The error says what does not exist."""
    [problem] = refused(tmp_path / "nothing.md")
    assert problem.code == "document.missing"
    assert problem.source.endswith("nothing.md")


def test_files_in_other_formats_are_reported_by_name(tmp_path: Path) -> None:
    """Nothing is left out silently; the message names the formats that are read."""
    fill(tmp_path, a_txt="text", b_png=b"x", c_doc=b"x", README=b"text")
    found = read_documents(tmp_path)
    assert len(found) == 1
    assert codes(found) == [("warning", "document.no-loader")] * 3
    assert {Path(one.source).name for one in found.problems} == {"b.png", "c.doc", "README"}
    assert ".jsonl" in found.problems[0].reason


def test_many_files_of_one_format_are_counted(tmp_path: Path) -> None:
    """A folder full of pictures does not push out what else is wrong."""
    (tmp_path / "a.txt").write_text("text")
    for number in range(25):
        (tmp_path / f"{number}.png").touch()
        (tmp_path / f"noending{number}").touch()
    found = read_documents(tmp_path)
    assert len(found.problems) == 42
    reasons = " ".join(one.reason for one in found.problems)
    assert "5 further '.png' files are not read" in reasons
    assert "5 further files without an ending are not read" in reasons


def test_a_single_file_in_another_format_is_an_error(tmp_path: Path) -> None:
    """A file that was asked for by name is not left out with a warning."""
    fill(tmp_path, report_doc=b"x")
    [problem] = refused(tmp_path / "report.doc")
    assert (problem.severity, problem.code) == ("error", "document.no-loader")


def test_a_folder_without_documents_is_an_error(tmp_path: Path) -> None:
    """The error lists what was left out as well."""
    fill(tmp_path, empty_txt="", image_png=b"x")
    problems = refused(tmp_path)
    assert [one.code for one in problems] == [
        "document.none",
        "document.no-loader",
        "document.empty",
    ]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \n\xe3\x80\x80\n", "\u200b".encode()])
def test_empty_files_are_left_out_with_a_note(tmp_path: Path, content: bytes) -> None:
    """Nothing, only a mark, only blanks, only invisible characters."""
    found = read_documents(fill(tmp_path, a_txt=content, b_txt="text"))
    assert [one.id for one in found] == ["b.txt"]
    assert codes(found) == [("note", "document.empty")]


@pytest.mark.parametrize(
    ("content", "offset"),
    [(b"text\x00more", 4), (b"x" * 300_000 + b"\x00", 300_000), (b"\x89PNG\r\n\x1a\n\x00", 8)],
)
def test_binary_files_are_refused_with_the_offset_of_the_first_nul(
    tmp_path: Path, content: bytes, offset: int
) -> None:
    """The other documents are read all the same."""
    found = read_documents(fill(tmp_path, a_txt=content, b_txt="text"))
    assert [one.id for one in found] == ["b.txt"]
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("error", "document.binary")
    assert problem.source == str(tmp_path / "a.txt")
    assert f"offset {offset:,}" in problem.reason


def test_a_web_page_under_another_name_is_refused(tmp_path: Path) -> None:
    """Its tags would be searched as text; the fix is one for documents."""
    found = read_documents(fill(tmp_path, a_txt="<html><body>x", b_txt="text"))
    [problem] = found.problems
    assert problem.code == "document.binary"
    assert "HTML" in problem.reason
    assert ".md" in problem.fix


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("\ufeffテスト①".encode(), None),
        ("テスト①".encode("utf-16"), None),
        ("出張旅費の申請①㈱です。".encode("cp932"), "encoding.cp932"),
    ],
)
def test_encodings_are_told_apart(tmp_path: Path, content: bytes, code: str | None) -> None:
    """UTF-8 and UTF-16 by their marks, cp932 where it is certain, which a note tells."""
    found = read_documents(fill(tmp_path, a_txt=content))
    assert "①" in found[0].text
    assert not found[0].text.startswith("\ufeff")
    assert [one.code for one in found.problems] == ([code] if code else [])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("成功者の特徴".encode("euc_jp"), "encoding.unknown"),
        ("text\nテスト".encode("utf-16-le"), "encoding.utf-16"),
        ("これはよい文です。\n".encode() * 3 + b"\x8e\xbf\n", "encoding.undecodable"),
    ],
)
def test_other_encodings_are_refused_with_a_fix(tmp_path: Path, content: bytes, code: str) -> None:
    """The fix speaks of the text, not of a table."""
    [problem] = refused(fill(tmp_path, a_txt=content))
    assert problem.code == code
    assert problem.fix
    assert "CSV" not in problem.fix


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    """A named codec is obeyed for all files."""
    fill(tmp_path, a_txt="成功者の特徴".encode("euc_jp"))
    assert read_documents(tmp_path, encoding="euc_jp")[0].text == "成功者の特徴"
    with pytest.raises(InvalidInputError, match="no text encoding"):
        read_documents(tmp_path, encoding="nonsense")


def test_text_without_end_is_read_with_a_warning(tmp_path: Path) -> None:
    """Five megabytes on one line are a document, and hardly one worth searching."""
    found = read_documents(fill(tmp_path, a_txt="x" * 5_000_000, b_txt="word, " * 10_000))
    assert [len(one.text) for one in found] == [5_000_000, 60_000]
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("warning", "document.long-run")
    assert "5,000,000" in problem.reason


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    """The limit is that of the caller, and rows are not bound by it."""
    fill(tmp_path, a_txt="x" * 50, b_txt="short")
    rows(tmp_path, {"text": "y" * 50})
    found = read_documents(tmp_path, max_file_bytes=20)
    assert [one.id for one in found] == ["b.txt", "rows.jsonl#1"]
    assert codes(found) == [("error", "document.too-large")]


def test_more_files_than_the_limit_are_refused_as_a_whole(tmp_path: Path) -> None:
    """Which of them to take would be chance."""
    fill(tmp_path, a_txt="1", b_txt="2", c__d_txt="3", c__e_png="4")
    for most in (1, 2, 3):
        with pytest.raises(DataError, match=f"more than {most} files"):
            read_documents(tmp_path, max_files=most)
    assert len(read_documents(tmp_path, max_files=4)) == 3


def test_links_and_hidden_files_are_not_followed_but_counted(tmp_path: Path) -> None:
    """Nothing outside the folder is read, and a loop is not entered."""
    outside = fill(tmp_path / "outside", secret_txt="secret")
    inside = fill(tmp_path / "inside", a_txt="text", _git__b_txt="x", _hidden_txt="x")
    for number in range(3):
        (inside / f"out{number}").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "file.txt").symlink_to(outside / "secret.txt")
    found = read_documents(inside)
    assert [one.id for one in found] == ["a.txt"]
    links, hidden = found.problems
    assert (links.severity, links.code) == ("warning", "document.link")
    assert "5 links" in links.reason
    assert "and 2 more" in links.reason
    assert (hidden.severity, hidden.code) == ("note", "document.hidden")
    assert "'.git', '.hidden.txt'" in hidden.reason


def test_files_that_office_keeps_beside_open_ones_are_hidden(tmp_path: Path) -> None:
    """`~$rules.docx` is no damaged document: it says who has opened `rules.docx`."""
    fill(tmp_path, a_txt="text")
    (tmp_path / "~$rules.docx").write_bytes(b"\x05owner")
    found = read_documents(tmp_path)
    assert [one.code for one in found.problems] == ["document.hidden"]
    assert "~$rules.docx" in found.problems[0].reason


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    """A pipe or a socket with the name of a text would block for ever."""
    fill(tmp_path, a_txt="text")
    os.mkfifo(tmp_path / "pipe.txt")
    found = read_documents(tmp_path)
    assert len(found) == 1
    assert codes(found) == [("warning", "document.no-file")]


@pytest.mark.parametrize("name", ["rows.jsonl", "page.txt", "page.pdf", "pipe"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    """A pipe that is named itself is refused, because nobody may ever write into it."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="neither a file nor a folder") as caught:
        read_documents(tmp_path / name)
    assert [one.code for one in caught.value.problems] == ["document.no-file"]


def test_a_file_that_vanishes_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    """The list of files is made first; one is gone when its turn comes."""
    fill(tmp_path, a_txt="1", b_txt="2", c_txt="3")
    problems = Problems("handbook")
    documents = iter_documents(tmp_path, problems=problems)
    assert next(documents).id == "a.txt"
    (tmp_path / "b.txt").unlink()
    assert [one.id for one in documents] == ["c.txt"]
    [problem] = problems.found
    assert (problem.severity, problem.code) == ("error", "document.vanished")
    assert problem.source == str(tmp_path / "b.txt")


def test_rows_that_vanish_in_the_midst_are_reported(tmp_path: Path) -> None:
    """Documents that were read before stay read, and the next file is read."""
    path = rows(tmp_path, *({"text": f"{number} " * 20_000} for number in range(40)))
    fill(tmp_path, s_txt="next")
    problems = Problems("rows")
    documents = iter_documents(tmp_path, problems=problems)
    assert next(documents)
    path.write_bytes(b"\xff" * 10_000_000)
    assert [one.id for one in documents][-1] == "s.txt"
    assert "file.changed" in {one.code for one in problems.found}


def test_unreadable_files_and_folders_are_reported(tmp_path: Path) -> None:
    """Paths that are too long for the system cannot be opened; the rest goes on."""
    fill(tmp_path, a_txt="1")
    length = len(str(tmp_path))
    handle = os.open(tmp_path, os.O_RDONLY)
    # Folders inside folders: the path of the last but one can still be given to the system, which
    # takes 4,095 characters on Linux; that of the file inside it cannot, nor that of the last one.
    while length < 4090 + 101:
        room = 4090 - length - 1
        name = "x" * (min(100, room) if room > 0 else 100)
        if room <= 0:
            os.close(os.open("long.txt", os.O_WRONLY | os.O_CREAT, dir_fd=handle))
        os.mkdir(name, dir_fd=handle)
        inner = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
        length += len(name) + 1
    os.close(handle)
    found = read_documents(tmp_path)
    assert found[0].id == "a.txt"
    assert codes(found) == [("error", "document.unreadable")] * 2
    reasons = sorted(one.reason for one in found.problems)
    assert reasons[0].startswith("the file cannot be read")
    assert reasons[1].startswith("the folder cannot be read")


def test_odd_names_are_escaped_in_messages_and_refused_as_ids(tmp_path: Path) -> None:
    """A line end in a name would break every list it stands in."""
    (tmp_path / "a\nb.txt").write_text("x")
    (tmp_path / "ok.txt").write_text("x")
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text("x")
    found = read_documents(tmp_path)
    assert [one.id for one in found] == ["ok.txt"]
    assert codes(found) == [("error", "document.id")] * 2
    assert all(one.source.isprintable() for one in found.problems)


def test_decomposed_names_become_composed_ids(tmp_path: Path) -> None:
    """A folder has the same ids on a Mac and elsewhere."""
    (tmp_path / "か\u3099.txt").write_text("x")
    assert read_documents(tmp_path)[0].id == "が.txt"


def test_refused_documents_can_be_an_error(tmp_path: Path) -> None:
    """Callers who want all or nothing get nothing and the reasons."""
    fill(tmp_path, a_txt="text", b_txt=b"binary\x00", c_txt="")
    with pytest.raises(DataError) as caught:
        read_documents(tmp_path, on_error="raise")
    assert [one.code for one in caught.value.problems] == ["document.binary", "document.empty"]
    fill(tmp_path, b_txt="text")
    assert len(read_documents(tmp_path, on_error="raise")) == 2


def test_unusual_characters_are_reported_with_their_line(tmp_path: Path) -> None:
    """Invisible and lost characters are worth a warning; a document survives them."""
    text = "one\ntwo \u202e three\nfour\ufffd\nか\u3099\n"
    found = read_documents(fill(tmp_path, a_txt=text))
    assert [(one.severity, one.code, one.line) for one in found.problems] == [
        ("warning", "text.direction", 2),
        ("warning", "text.replacement", 3),
        ("note", "text.decomposed", 4),
    ]


def test_problems_come_by_severity_then_file_then_line(tmp_path: Path) -> None:
    """A long list can be worked through from the top."""
    fill(tmp_path, b_txt="x\n\n\ufffd", a_txt="x\n\n\n\n\n\ufffd", c_txt=b"binary\x00", d_txt="")
    found = read_documents(tmp_path)
    assert [(one.severity, Path(one.source).name) for one in found.problems] == [
        ("error", "c.txt"),
        ("warning", "a.txt"),
        ("warning", "b.txt"),
        ("note", "d.txt"),
    ]


# --- JSON Lines


def test_rows_become_documents(tmp_path: Path) -> None:
    """All keys are understood; further ones join the metadata; null is not given."""
    path = rows(
        tmp_path,
        {"id": "x", "title": "T", "text": "one", "source": "s", "metadata": {"a": 1, "b": None}},
        {"id": 7, "text": "two", "url": "https://a.example", "page": 3, "draft": True, "n": None},
        {"text": "three", "file": "f.pdf", "title": None, "metadata": None, "a": 1.5},
    )
    first, second, third = read_documents(path)
    assert (first.id, first.title, first.source, first.metadata) == ("x", "T", "s", {"a": 1})
    assert (second.id, second.source) == ("7", "https://a.example")
    assert second.metadata == {"url": "https://a.example", "page": 3, "draft": True}
    assert (third.id, third.source) == ("rows.jsonl#3", "f.pdf")
    assert third.metadata == {"file": "f.pdf", "a": 1.5}


def test_rows_without_source_say_where_they_stand(tmp_path: Path) -> None:
    """Blank lines count as lines and not as rows; the last line needs no end."""
    path = tmp_path / "r.ndjson"
    path.write_text('\ufeff{"text": "a"}\r\n\r\n{"text": "b\u2028c"}', encoding="utf-8")
    first, second = read_documents(path)
    assert (first.source, second.source) == ("r.ndjson:1", "r.ndjson:3")
    assert second.text == "b\u2028c"
    assert second.id == "r.ndjson#2"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{'text': 'x'}", "not JSON"),
        ('{"text": "x",}', "not JSON"),
        ('{"text": "x", "text": "y"}', "the key 'text' is there twice"),
        ('{"text": "x", "n": NaN}', "NaN is no JSON value"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "thousands of digits"),
        ('["x"]', "not an object"),
        ('"x"', "not an object"),
        ("{}", "there is no 'text'; the keys are: none"),
        ('{"body": "x", "id": "1"}', "the keys are: 'body', 'id'"),
        ('{"text": 5}', "'text' is of the type 'int'"),
        ('{"text": "x", "id": true}', "'id' is of the type 'bool'"),
        ('{"text": "x", "id": ["a"]}', "'id' is of the type 'list'"),
        ('{"text": "x", "title": 5}', "'title' is of the type 'int'"),
        ('{"text": "x", "source": 5}', "'source' is of the type 'int'"),
        ('{"text": "x", "metadata": []}', "'metadata' is of the type 'list'"),
        ('{"text": "x", "metadata": {"a": {"b": 1}}}', "'a' is of the type 'dict'"),
        ('{"text": "x", "metadata": {"a": 1e999}}', "'a' is inf, not a finite number"),
        ('{"text": "x", "metadata": {"": 1}}', "has a key that is empty"),
        ('{"text": "x\\u0000"}', "NUL"),
        ('{"text": "x\\ud83d"}', "lone surrogate"),
        ('{"text": "x", "title": "\\ud83d"}', "the title cannot be written"),
        ('{"text": "x", "source": "\\ud83d"}', "the source cannot be written"),
        ('{"text": "x", "metadata": {"a": "\\ud83d"}}', "'a' cannot be written in UTF-8"),
    ],
)
def test_rows_that_cannot_be_documents_are_refused_by_line(
    tmp_path: Path, line: str, reason: str
) -> None:
    """The other rows are read; the error says line, reason and fix."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"text": "first"}}\n{line}\n{{"text": "last"}}\n', encoding="utf-8")
    found = read_documents(path)
    assert [one.text for one in found] == ["first", "last"]
    [problem] = found.problems
    assert problem.severity == "error"
    assert reason in problem.reason
    assert (problem.line, problem.record) == (2, 2)
    assert problem.fix


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\u0007b", "holds a control character"),
        ("a\nb", "holds a control character"),
        ("x" * 513, "has 513 characters, more than 512"),
        ("/etc/passwd", "no plain relative path"),
        ("../up", "no plain relative path"),
        ("a//b", "no plain relative path"),
        ("a/", "no plain relative path"),
        ("https://a.example/x", "no plain relative path"),
        (" a", "begins or ends with white space"),
        ("\ud83d", "cannot be written in UTF-8"),
    ],
)
def test_ids_that_cannot_be_keys_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    """A relative path is an id, anything that looks like another path is not."""
    path = rows(tmp_path, {"id": name, "text": "x"}, {"id": "a/b.md#page=1", "text": "y"})
    found = read_documents(path)
    assert [one.id for one in found] == ["a/b.md#page=1"]
    [problem] = found.problems
    assert problem.code == "document.id"
    assert problem.field == "id"
    assert reason in problem.reason


def test_an_id_is_given_once_in_a_whole_folder(tmp_path: Path) -> None:
    """The second document is refused, and the place of the first is named."""
    fill(tmp_path, a_md="text")
    rows(tmp_path, {"id": "a.md", "text": "x"}, {"id": "b", "text": "y"}, {"id": "b", "text": "z"})
    found = read_documents(tmp_path)
    assert [one.id for one in found] == ["a.md", "b"]
    first, second = found.problems
    assert first.code == second.code == "document.id-twice"
    assert f"{tmp_path / 'a.md'}" in first.reason
    assert f"{tmp_path / 'rows.jsonl'}:2" in second.reason


def test_further_keys_that_do_not_fit_are_left_out_with_one_warning(tmp_path: Path) -> None:
    """A list of tags beside the text does not refuse the document."""
    path = rows(tmp_path, *({"text": f"t{at}", "tags": ["a"], "long": "x" * 40_000} for at in "ab"))
    found = read_documents(path)
    assert [dict(one.metadata) for one in found] == [{}, {}]
    assert [(one.code, one.line) for one in found.problems] == [("document.key", 1)] * 2
    assert "32,766" in found.problems[1].reason


def test_undecodable_rows_are_refused_and_the_others_read(tmp_path: Path) -> None:
    """One damaged line is reported once."""
    lines = ['{"text": "とても長い日本語の文章です。"}'.encode()] * 3
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([*lines[:2], b'{"text": "\x8e\xbf"}', lines[2]]))
    found = read_documents(path)
    assert len(found) == 3
    assert [(one.code, one.line) for one in found.problems] == [("encoding.undecodable", 3)]


def test_blank_rows_are_left_out_with_a_note(tmp_path: Path) -> None:
    """As blank files are."""
    found = read_documents(rows(tmp_path, {"text": " "}, {"text": "x"}))
    assert len(found) == 1
    assert codes(found) == [("note", "document.empty")]


# --- rows of a program


def test_documents_of_a_program_are_checked_alike() -> None:
    """Documents and mappings may be mixed."""
    given = [
        Document(id="a", text="one", title="A", metadata={"n": 1}),  # type: ignore[arg-type]  # NewType
        {"id": "b", "text": "two", "metadata": {"when": "2026-03-01"}},
    ]
    found = collect_documents(given)
    assert [(one.id, one.title, dict(one.metadata)) for one in found] == [
        ("a", "A", {"n": 1}),
        ("b", "", {"when": "2026-03-01"}),
    ]
    assert found.source == "<data>"
    assert found[1].source == "<data>:2"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (date(2026, 3, 1), "date"),
        (datetime(2026, 3, 1, tzinfo=UTC), "datetime"),
        ({"a": 1}, "dict"),
        ({"a"}, "set"),
        (["a"], "list"),
        (b"a", "bytes"),
        (float("nan"), "nan"),
        (float("-inf"), "inf"),
        ("x" * 10_000_000, "10,000,000 bytes"),
        (2**63, "64 bits"),
        (object(), "object"),
    ],
)
def test_metadata_of_other_types_is_refused(value: object, kind: str) -> None:
    """The error names document, key and type, and what to write instead."""
    row = {"id": "規程", "text": "x", "metadata": {"valid_from": value}}
    with pytest.raises(DataError) as caught:
        collect_documents([row, {"text": "good"}])
    [problem] = caught.value.problems
    assert problem.code == "document.metadata"
    assert problem.field == "metadata.valid_from"
    assert "規程" in problem.reason
    assert "valid_from" in problem.reason
    assert kind in problem.reason
    assert problem.fix


@pytest.mark.parametrize("key", [5, "k" * 129, "a\x00b"])
def test_metadata_keys_are_short_texts(key: object) -> None:
    """Filters name them."""
    with pytest.raises(DataError, match="metadata"):
        collect_documents([{"text": "x", "metadata": {key: 1}}])  # type: ignore[dict-item]  # the subject


def test_refused_rows_can_be_skipped_as_long_as_one_is_left() -> None:
    """By default a program hears of every wrong row."""
    given = [{"text": "good"}, {"text": 5}]
    found = collect_documents(given, source="crm", on_error="skip")
    assert len(found) == 1
    assert found.problems[0].source == "crm"
    with pytest.raises(DataError, match="crm"):
        collect_documents(given[1:], source="crm", on_error="skip")
    with pytest.raises(DataError, match="no document with text"):
        collect_documents([])


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["id", "text", "title", "source", "metadata", "x", "url"]),
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=8)
            | st.lists(st.integers(), max_size=2)
            | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        ),
        max_size=6,
    )
)
def test_any_rows_give_sound_documents_or_reasons(drawn: list[dict[str, object]]) -> None:
    """Each row is a document, blank, or named in a problem; nothing else is raised."""
    found = collect_documents([*drawn, {"id": "the last", "text": "good"}], on_error="skip")
    reported = {
        one.record
        for one in found.problems
        if one.severity == "error" or one.code == "document.empty"
    }
    assert len(found) + len(reported) == len(drawn) + 1
    assert len({one.id for one in found}) == len(found)
    assert all(one.text.strip() for one in found)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count"), [("ja_jsquad", 1145), ("en_xquad", 240), ("company_contoso", 263)]
)
def test_public_corpora_are_read(name: str, count: int) -> None:
    """Files in the common form of retrieval sets need no conversion."""
    found = read_documents(SHARED / name / "corpus.jsonl", on_error="raise")
    assert len(found) == count
    assert found[0].title
