"""How a user's file is opened: what it is, and how it is encoded."""

from __future__ import annotations

import codecs
import hashlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.files.encodings import open_text
from tailorbird.data.problems import Problems
from tailorbird.data.questions.question_set import QuestionSet, read_questions
from tailorbird.exceptions import DataError, InvalidInputError, Problem

JAPANESE = (
    "user,assistant\n"
    "有給休暇は何日前までに申請しますか,三日前までに申請してください。\n"
    "交通費の精算はいつですか,毎月二十日です。\n"
)


def saved(folder: Path, data: bytes, name: str = "faq.csv") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(data)
    return path


def texts(questions: QuestionSet) -> list[tuple[str, str]]:
    """Return question and reference answer of each row."""
    return [(one.text, one.reference) for one in questions]


def refused(path: Path, encoding: str = "auto") -> tuple[Problem, ...]:
    """Return the problems for which reading a file fails."""
    with pytest.raises(DataError) as caught:
        read_questions(path, encoding=encoding)
    return caught.value.problems


def only(path: Path, encoding: str = "auto") -> Problem:
    """Return the one problem for which reading a file fails."""
    [problem] = refused(path, encoding)
    return problem


EXPECTED = [
    ("有給休暇は何日前までに申請しますか", "三日前までに申請してください。"),
    ("交通費の精算はいつですか", "毎月二十日です。"),
]


@pytest.mark.parametrize(
    ("data", "encoding", "reported"),
    [
        (JAPANESE.encode(), "auto", "utf-8"),
        (JAPANESE.encode("utf-8-sig"), "auto", "utf-8-sig"),
        (JAPANESE.encode("utf-8-sig"), "utf-8", "utf-8-sig"),
        (JAPANESE.encode("utf-8-sig"), "utf-8-sig", "utf-8-sig"),
        (JAPANESE.encode("utf-16"), "auto", "utf-16"),
        (codecs.BOM_UTF16_BE + JAPANESE.encode("utf-16-be"), "auto", "utf-16"),
        (codecs.BOM_UTF16_BE + JAPANESE.encode("utf-16-be"), "utf-16", "utf-16"),
        (JAPANESE.encode("utf-16-le"), "utf-16-le", "utf-16-le"),
        (JAPANESE.encode("utf-32"), "utf-32", "utf-32"),
        (JAPANESE.encode("cp932"), "auto", "cp932"),
        (JAPANESE.encode("cp932"), "cp932", "cp932"),
        (JAPANESE.encode("euc_jp"), "euc_jp", "euc_jp"),
        (JAPANESE.encode("iso2022_jp"), "iso2022_jp", "iso2022_jp"),
        (JAPANESE.encode("shift_jis"), "Shift-JIS", "shift_jis"),
    ],
)
def test_encoding_is_accepted(tmp_path: Path, data: bytes, encoding: str, reported: str) -> None:
    """Text in an encoding that is certain, or that the caller names, is read right."""
    found = read_questions(saved(tmp_path, data), encoding=encoding)
    assert texts(found) == EXPECTED
    assert found.encoding == reported
    assert found.sha256 == hashlib.sha256(data).hexdigest()


def test_cp932_is_told_in_a_note(tmp_path: Path) -> None:
    """Windows' own characters and trail bytes of 0x5C are read, and a note tells the encoding."""
    rows = "user,assistant\n①髙﨑㈱の表ソ能,予定表と能力\n"
    found = read_questions(saved(tmp_path, rows.encode("cp932")))
    assert texts(found) == [("①髙﨑㈱の表ソ能", "予定表と能力")]
    assert [(one.severity, one.code) for one in found.problems] == [("note", "encoding.cp932")]


def test_cp932_in_strict_mode_names_place_and_fix(tmp_path: Path) -> None:
    """With encoding='utf-8', cp932 bytes are an error with line, column and encoding to give."""
    problem = refused(saved(tmp_path, JAPANESE.encode("cp932")), "utf-8")[0]
    assert (problem.line, problem.column, problem.fix) == (2, 1, "encoding='cp932'")


def test_other_bytes_in_strict_mode_get_another_fix(tmp_path: Path) -> None:
    """With encoding='utf-8', bytes of no Japanese encoding are not called cp932."""
    western = "user,assistant\ncafé,crème\n".encode("cp1252")
    assert refused(saved(tmp_path, western), "utf-8")[0].fix == "encoding='auto'"


@pytest.mark.parametrize("rows", [1, 50])
def test_euc_jp_is_refused_with_the_guess(tmp_path: Path, rows: int) -> None:
    """EUC-JP is not taken for cp932, although short text decodes as half-width katakana."""
    text = "user,assistant\n" + "成功者の特徴,努力をする\n" * rows
    problem = only(saved(tmp_path, text.encode("euc_jp")))
    assert (problem.code, problem.line) == ("encoding.unknown", 2)
    assert problem.fix.startswith("encoding='euc_jp'")


def test_half_width_katakana_needs_the_encoding(tmp_path: Path) -> None:
    """Real half-width katakana in cp932 is refused too, and the fix says how to insist."""
    data = "user,assistant\nｶﾌﾞｼｷｶﾞｲｼｬ,ﾃｽﾄｶ\n".encode("cp932")
    path = saved(tmp_path, data)
    assert "encoding='cp932'" in only(path).fix
    assert texts(read_questions(path, encoding="cp932")) == [("ｶﾌﾞｼｷｶﾞｲｼｬ", "ﾃｽﾄｶ")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("user,assistant\ncafé au lait,crème brûlée\n".encode("cp1252"), "not cp932 either"),
        ("user,assistant\nrésumer,téléphone\n".encode("cp1252"), "inside of Latin words"),
        (b"user,assistant\nse\xf1or,se\xf1ora\n", "private-use"),
        ("Name;Ort\r\nÄpfel;Köln\r\n".encode("cp1252"), "a mixture that no Japanese text holds"),
    ],
)
def test_other_encodings_are_refused(tmp_path: Path, data: bytes, why: str) -> None:
    """Western text is not read as Japanese."""
    problem = only(saved(tmp_path, data))
    assert why in problem.reason
    assert "cp1252" in problem.fix


def test_some_half_width_katakana_in_japanese_is_read(tmp_path: Path) -> None:
    """Names of companies and products between other Japanese text raise no doubt."""
    text = "質問,回答\nA社のｶﾌﾞｼｷは何株ありますか,発行済みのｶﾌﾞｼｷは全部で百株です\n"
    found = read_questions(saved(tmp_path, text.encode("cp932")))
    assert [one.code for one in found.problems] == ["encoding.cp932"]


def test_iso_2022_jp_is_refused_with_line_and_fix(tmp_path: Path) -> None:
    """Seven-bit Japanese is recognized by its escape sequences; the line is the first one."""
    problem = only(saved(tmp_path, JAPANESE.encode("iso2022_jp")))
    assert (problem.line, problem.fix) == (2, "encoding='iso2022_jp'")


def test_iso_2022_jp_far_behind_is_found(tmp_path: Path) -> None:
    """Its line is right although CR LF line ends and many blocks stand before it."""
    text = "user,assistant\r\n" + "question,answer\r\n" * 40_000 + "質問,回答\r\n"
    problem = only(saved(tmp_path, text.encode("iso2022_jp")))
    assert problem.line == 40_002


def test_terminal_colors_are_not_iso_2022_jp(tmp_path: Path) -> None:
    """Another escape sequence is a control character in a cell, and no sign of an encoding."""
    found = read_questions(saved(tmp_path, b"user,assistant\n\x1b[1mq,a\n"))
    assert [one.code for one in found.problems] == ["text.control"]


@pytest.mark.parametrize(("codec", "shown"), [("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")])
@pytest.mark.parametrize(
    "text", [JAPANESE, "q", "q,a", "\u8cea,\u7b54", "user,assistant\r\nq,a\r\n"]
)
def test_utf16_without_mark_is_refused(tmp_path: Path, codec: str, shown: str, text: str) -> None:
    """UTF-16 without a byte-order mark is named with its byte order, and so is the fix."""
    path = saved(tmp_path, text.encode(codec))
    for encoding in ("auto", "utf-16"):
        problem = only(path, encoding)
        assert shown in problem.reason
        assert f"encoding='{codec}'" in problem.fix


def test_marked_file_that_is_cut_is_not_sent_back_to_guessing(tmp_path: Path) -> None:
    """Where a mark names the encoding, the fix is to write the line again."""
    problem = only(saved(tmp_path, codecs.BOM_UTF16_LE + JAPANESE.encode("utf-16-le")[:-1]))
    assert problem.code == "encoding.undecodable"
    assert problem.fix.startswith("write this line again")


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("question,answer\n어떻게 하나요,연락하세요\n", "euc_kr"),
        ("问题,回答\n怎么办理这个业务呢,请联系客服\n", "gb2312"),
    ],
)
def test_other_languages_are_not_taken_for_euc_jp(tmp_path: Path, text: str, codec: str) -> None:
    """Korean and Chinese have the bytes of EUC-JP, and no kana."""
    problem = only(saved(tmp_path, text.encode(codec)))
    assert problem.code == "encoding.unknown"
    assert "EUC-JP" not in problem.reason


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"qa\x00\n1,2\n", "csv.columns-missing"),
        (b"a\x00b,c,de", "csv.columns-missing"),
        (b"user,assistant\na\x00b,c\n", "text.nul"),
        (b"user,assistant\na\x00b\x00,c\n", "text.nul"),
        (b"user,assistant\na\x00\x00b,c\n", "text.nul"),
        (b"user,assistant\nlong question,a\x00", "text.nul"),
        (b"user,assistant,nothing but a header\x00", "row.none"),
    ],
)
def test_stray_nul_is_no_sign_of_utf16(tmp_path: Path, data: bytes, code: str) -> None:
    """A NUL in other text is an error of its cell."""
    assert refused(saved(tmp_path, data))[0].code == code


def test_utf32_is_refused(tmp_path: Path) -> None:
    """UTF-32 is known by its mark, and refused unless it is named."""
    assert only(saved(tmp_path, JAPANESE.encode("utf-32"))).code == "encoding.utf-32"


def test_mark_against_the_encoding_asked_for(tmp_path: Path) -> None:
    """A byte-order mark that contradicts the named encoding is an error."""
    problem = only(saved(tmp_path, JAPANESE.encode("utf-8-sig")), "cp932")
    assert (problem.code, problem.fix) == ("encoding.mark", "encoding='auto'")


def test_one_cp932_line_in_utf8_is_named(tmp_path: Path) -> None:
    """A single foreign line is told by line, column and bytes, and with what it may mean."""
    lines = [f"質問{number},回答{number}" for number in range(1000)]
    data = [b"user,assistant", *(line.encode() for line in lines)]
    data[730] = "q,質問".encode("cp932")
    problem = only(saved(tmp_path, b"\n".join(data)))
    assert (problem.line, problem.column) == (731, 3)
    assert "8E BF" in problem.reason
    assert "質問" in problem.reason


def test_all_problems_come_in_one_pass(tmp_path: Path) -> None:
    """Undecodable bytes do not hide what is wrong in other lines; each bad line is told once."""
    data = b"\r\n".join(
        [
            b"user,assistant",
            "質問,回答".encode(),
            b"\x8e\xbf a \x96\xe2,x",
            "三つの,セル,です".encode(),
            "空の答え,".encode(),
            b"\x93\xfa,y",
        ]
    )
    found = refused(saved(tmp_path, data))
    assert [(one.line, one.code) for one in found] == [
        (3, "encoding.undecodable"),
        (4, "csv.row-width"),
        (5, "row.empty"),
        (6, "encoding.undecodable"),
    ]


def test_line_ends_over_block_borders(tmp_path: Path) -> None:
    """A CR LF pair that straddles two blocks of the file is one line end for bad bytes too."""
    head = b"user,assistant\r\n"
    row = b"q," + b"a" * ((1 << 17) - 1 - len(head) - 2) + b"\r\n"
    assert (head + row)[1 << 17 :] == b"\n"
    data = head + row + "質問,回答\r\n".encode() + b"\xff\xfe,a\r\n"
    assert [one.line for one in refused(saved(tmp_path, data)) if "bytes" in one.reason] == [4]


def test_header_in_another_encoding(tmp_path: Path) -> None:
    """A header that is not UTF-8 is told together with what it lacks."""
    data = "質問,回答\n".encode("cp932") + "日本語の質問です,日本語の回答です\n".encode()
    codes = [one.code for one in refused(saved(tmp_path, data))]
    assert codes == ["encoding.undecodable", "csv.columns-missing"]


def test_lone_surrogate_bytes_are_named(tmp_path: Path) -> None:
    """Half an emoji, written by a program that does not know UTF-16, is told with its place."""
    problem = only(saved(tmp_path, b"user,assistant\na\xed\xa0\xbdb,c\n"))
    assert (problem.line, problem.column) == (2, 2)
    assert "ED A0 BD" in problem.reason


def test_file_cut_in_the_middle_of_a_character(tmp_path: Path) -> None:
    """UTF-8 that ends within a character is not taken for another encoding."""
    problem = only(saved(tmp_path, JAPANESE.encode()[:-2]))
    assert (problem.code, problem.line) == ("encoding.undecodable", 3)


def test_bytes_that_mean_nothing_are_shown_alone(tmp_path: Path) -> None:
    """Bytes that are no Japanese either come without a reading."""
    data = "日本語の質問です,日本語の回答です\n".encode()
    problem = only(saved(tmp_path, b"user,assistant\n" + data + b"\xff,a\n"))
    assert "cp932" not in problem.reason


@pytest.mark.parametrize(
    ("data", "encoding", "line", "column"),
    [
        (
            codecs.BOM_UTF16_LE + "user,assistant\nab".encode("utf-16-le") + b"\x00\xd8",
            "auto",
            2,
            3,
        ),
        (b"user,assistant\n\x1b$B0!\x1b(X", "iso2022_jp", 2, 2),
    ],
)
def test_encodings_that_cannot_go_on(
    tmp_path: Path, data: bytes, encoding: str, line: int, column: int
) -> None:
    """Where nothing can be read behind an error, the first one is told and reading ends."""
    problem = only(saved(tmp_path, data), encoding)
    assert (problem.code, problem.line, problem.column) == ("encoding.undecodable", line, column)


def test_long_line_without_end_is_weighed_too(tmp_path: Path) -> None:
    """A foreign file without line ends is refused like any other, whatever its length."""
    assert only(saved(tmp_path, b"\xa4\xa2" * 1_500_000)).fix.startswith("encoding='euc_jp'")


@pytest.mark.parametrize("encoding", ["utf8-bom", "sjisx", "base64", "\0"])
def test_unknown_encoding(tmp_path: Path, encoding: str) -> None:
    """A name that is no text encoding is refused before the file is read."""
    with pytest.raises(InvalidInputError, match="no text encoding"):
        read_questions(saved(tmp_path, JAPANESE.encode()), encoding=encoding)


def test_unknown_encoding_suggests_the_nearest(tmp_path: Path) -> None:
    """A slip in the name of an encoding is met with the right name."""
    with pytest.raises(InvalidInputError, match="did you mean 'cp932'"):
        read_questions(saved(tmp_path, JAPANESE.encode()), encoding="cp923")


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04" + b"\x00" * 26 + b"[Content_Types].xml...xl/workbook.xml", "Excel workbook"),
        (b"PK\x03\x04" + b"\x00" * 26 + b"word/document.xml", "Word document"),
        (b"PK\x03\x04" + b"\x00" * 26 + b"anything", "ZIP archive"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"BZh91AY&SY", "bzip2"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        (b"PAR1\x15\x00", "Parquet"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "HTML"),
        (b"<html><table>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, head: bytes, what: str) -> None:
    """A file that is no table is refused by its first bytes, with what to do."""
    problem = only(saved(tmp_path, head))
    assert problem.code == "file.kind"
    assert what in problem.reason
    assert problem.fix


@pytest.mark.parametrize("data", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\n \r\n\n"])
def test_empty_file(tmp_path: Path, data: bytes) -> None:
    """A file without text is refused."""
    assert only(saved(tmp_path, data)).code == "file.empty"


def test_missing_file(tmp_path: Path) -> None:
    """A file that does not exist is a data error that names the path."""
    problem = only(tmp_path / "nowhere.csv")
    assert problem.code == "file.missing"
    assert "nowhere.csv" in problem.reason


def test_folder(tmp_path: Path) -> None:
    """A folder is refused."""
    problem = only(tmp_path)
    assert problem.code == "file.not-a-file"
    assert "a folder" in problem.reason


def test_device() -> None:
    """A device or pipe is refused: it could not be read twice."""
    assert "no regular file" in only(Path("/dev/null")).reason


def test_unreadable_file(tmp_path: Path) -> None:
    """What the system does not open is told with the system's reason."""
    problem = only(tmp_path / ("x" * 300))
    assert problem.code == "file.unreadable"
    assert "xxx" in problem.reason


def test_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Bytes that were sound at first and are no longer raise instead of becoming rows."""
    path = saved(tmp_path, JAPANESE.encode())
    problems = Problems("faq.csv")
    opened = open_text(path, encoding="auto", problems=problems)
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(DataError, match="was changed"):
        list(opened.blocks(problems))


def test_file_that_vanishes_while_it_is_read(tmp_path: Path) -> None:
    """A file that goes away between two looks raises the same error as a missing one."""
    path = saved(tmp_path, JAPANESE.encode())
    problems = Problems("faq.csv")
    opened = open_text(path, encoding="auto", problems=problems)
    path.unlink()
    with pytest.raises(DataError, match="does not exist"):
        list(opened.blocks(problems))


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00\x1b"), min_size=1))
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_utf8_is_given_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, mark: bytes, text: str
) -> None:
    """Any text in UTF-8 comes back as it was written, unless NULs or escapes bring in doubt."""
    text = f"x{text}"  # what begins with a letter is no other kind of file
    path = saved(tmp_path_factory.mktemp("utf8"), mark + text.encode())
    problems = Problems("x")
    assert "".join(open_text(path, encoding="auto", problems=problems).blocks(problems)) == text


@given(rows=st.lists(st.text("あいうアイウ漢字日本語表示①髙、。ー0a,", min_size=1), min_size=1))
def test_cp932_is_never_misread(tmp_path_factory: pytest.TempPathFactory, rows: list[str]) -> None:
    """Japanese text in cp932 is read exactly, or refused; it never becomes other text."""
    text = "\n".join(rows)
    path = saved(tmp_path_factory.mktemp("cp932"), text.encode("cp932"))
    problems = Problems("x")
    with suppress(DataError):
        read = "".join(open_text(path, encoding="auto", problems=problems).blocks(problems))
        assert read == text or problems.error_count
    assert {one.code for one in problems.found} <= {
        "encoding.cp932",
        "encoding.unknown",
        "encoding.undecodable",
    }
