"""What is taken out of files that are no plain text, and what is said of those that are broken."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Protocol, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailorbird.data.documents.chunks import ChunkOptions, chunk_document
from tailorbird.data.documents.document_set import read_documents
from tailorbird.data.documents.loaders.packages import PackageLimits, check_package
from tailorbird.data.documents.loaders.pdf import PdfLoader
from tailorbird.data.documents.loading import LoadedText, LoadOptions, TextBuilder
from tailorbird.data.documents.reading import stream_documents
from tailorbird.data.problems import Problems
from tailorbird.exceptions import ConfigError, DataError, InvalidInputError, MissingExtraError
from tailorbird.types import Document
from tailorbird.types.retrieval import Mark

# Without the second process, which test_pdf_limits looks at.
HERE = {".pdf": PdfLoader(isolated=False)}
FORMATS = ("a.pdf", "a.docx", "a.xlsx", "a.pptx", "a.html", "a.csv")


class Maker(Protocol):
    """Writes documents; see `conftest.Office`."""

    folder: Path

    def zip(self, name: str, files: dict[str, str | bytes]) -> Path:
        """Write a ZIP file."""
        ...

    def docx(self, name: str, body: str, **files: str) -> Path:
        """Write a Word document."""
        ...

    def xlsx(
        self, name: str, sheets: dict[str, str], *, hidden: Sequence[str] = (), after: str = ""
    ) -> Path:
        """Write a workbook."""
        ...

    def pptx(self, name: str, slides: Sequence[str], *, title: str = "") -> Path:
        """Write a presentation."""
        ...

    def xls(self, name: str, cells: Sequence[str], *, password: bool = False) -> Path:
        """Write a workbook of Excel 97."""
        ...

    def bomb(self, name: str) -> Path:
        """Write a PDF that unpacks to 80 MB."""
        ...

    def form(self, name: str, *annotations: str, form: str = "", drawn: str = "") -> Path:
        """Write a PDF that draws something."""
        ...

    def pages(self, name: str, count: int) -> Path:
        """Write a PDF that has one page that many times."""
        ...

    def pdf(
        self,
        name: str,
        pages: Sequence[Sequence[str]],
        *,
        title: str = "",
        bookmarks: Sequence[tuple[str, int]] = (),
        password: str | None = None,
        algorithm: str = "RC4-128",
    ) -> Path:
        """Write a PDF."""
        ...


def only(path: Path) -> Document:
    """Return the one document of a path, which has no problems."""
    found = read_documents(path, loaders=HERE)
    assert found.problems == ()
    [document] = found
    return document


def marks(document: Document) -> list[tuple[str, str | int, str]]:
    """Return kind, value and the text up to the line's end of each mark."""
    return [
        (one.kind, one.value, document.text[one.start :].partition("\n")[0])
        for one in document.marks
    ]


def error(path: Path) -> str:
    """Return the code of the one error for which a file is refused."""
    with pytest.raises(DataError) as caught:
        read_documents(path, loaders=HERE)
    [problem] = [one for one in caught.value.problems if one.severity == "error"]
    assert problem.source == str(path)
    assert problem.fix
    return problem.code


def paragraph(text: str, style: str = "") -> str:
    """Return a paragraph of Word."""
    kind = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{kind}<w:r><w:t>{text}</w:t></w:r></w:p>"


def cell(place: str, text: str) -> str:
    """Return a cell of Excel with text."""
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def shape(number: int, text: str, kind: str = "") -> str:
    """Return a shape of PowerPoint; paragraphs are divided by `|`."""
    lines = "".join(f"<a:p><a:r><a:t>{one}</a:t></a:r></a:p>" for one in text.split("|"))
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="n"/><p:cNvSpPr/><p:nvPr>{kind}</p:nvPr>'
        f"</p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/>{lines}</p:txBody></p:sp>"
    )


TITLE = '<p:ph type="title"/>'


def fill(office: Maker) -> None:
    """Write a document of each format."""
    text = "Tokyo 東京"
    office.pdf("a.pdf", [[text]])
    office.docx("a.docx", paragraph(text))
    office.xlsx("a.xlsx", {"s": f'<row r="1">{cell("A1", text)}</row>'})
    office.pptx("a.pptx", [f">{shape(2, text)}"])
    (office.folder / "a.html").write_text(f"<p>{text}", encoding="utf-8")
    (office.folder / "a.csv").write_text(f"{text}\n", encoding="utf-8")


# --- all formats


def test_a_folder_of_all_formats_is_read(office: Maker) -> None:
    """English and Japanese come out of every format; nothing is reported."""
    fill(office)
    found = read_documents(office.folder)
    assert found.problems == ()
    assert {one.id for one in found} == set(FORMATS)
    assert all("Tokyo 東京" in one.text for one in found)
    assert all(one.title == "a" for one in found)


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_file_of_any_format_is_left_out_with_a_note(tmp_path: Path, name: str) -> None:
    """A file without a byte is no broken file."""
    (tmp_path / name).touch()
    (tmp_path / "b.txt").write_text("text")
    found = read_documents(tmp_path)
    assert [one.id for one in found] == ["b.txt"]
    assert [(one.severity, one.code) for one in found.problems] == [("note", "document.empty")]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_text_is_left_out_with_a_note(office: Maker, name: str) -> None:
    """A file that opens and holds nothing is told as such."""
    office.pdf("a.pdf", [[]])
    office.docx("a.docx", "")
    office.xlsx("a.xlsx", {"s": ""})
    office.pptx("a.pptx", [">"])
    (office.folder / "a.html").write_text("<title>t</title><script>x</script>")
    (office.folder / "a.csv").write_text(" \n,,\n")
    (office.folder / "b.txt").write_text("text")
    [problem] = [
        one for one in read_documents(office.folder, loaders=HERE).problems if name in one.source
    ]
    assert (problem.severity, problem.code) == ("note", "document.empty")


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.xlsx", "a.pptx", "a.xls"])
@pytest.mark.parametrize("content", [b"no such thing", b"PK\x03\x04broken", b"%PDF-1.7 broken"])
def test_a_broken_file_is_reported_and_the_rest_goes_on(
    tmp_path: Path, name: str, content: bytes
) -> None:
    """A damaged file, or one under a wrong name, is named as an error."""
    (tmp_path / name).write_bytes(content)
    (tmp_path / "b.txt").write_text("text")
    found = read_documents(tmp_path, loaders=HERE)
    assert [one.id for one in found] == ["b.txt"]
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("error", "document.broken")
    assert problem.source == str(tmp_path / name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_above_the_limit_is_refused_before_it_is_opened(office: Maker, name: str) -> None:
    """The limit of the caller holds for every format."""
    fill(office)
    (office.folder / "b.txt").write_text("x")
    found = read_documents(office.folder, max_file_bytes=5, loaders=HERE)
    assert [one.id for one in found] == ["b.txt"]
    assert {(Path(one.source).name, one.code) for one in found.problems} >= {
        (name, "document.too-large")
    }


@pytest.mark.parametrize("name", [*FORMATS, "a.jsonl", "b.md"])
def test_a_file_that_vanishes_is_reported(office: Maker, name: str) -> None:
    """The list of files is made first; one is gone when its turn comes."""
    fill(office)
    (office.folder / "a.jsonl").write_text('{"id": "a.jsonl", "text": "x"}')
    (office.folder / "b.md").write_text("x")
    (office.folder / "0.txt").write_text("text")
    problems = Problems("folder")

    async def read() -> list[str]:
        names: list[str] = []
        async for document in stream_documents(office.folder, problems=problems):
            names.append(document.id)
            (office.folder / name).unlink(missing_ok=True)
        return names

    names = asyncio.run(read())
    assert set(names) == {"0.txt", *FORMATS, "a.jsonl", "b.md"} - {name}
    [problem] = problems.found
    assert problem.code == "document.vanished"
    assert problem.source.endswith(name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(data=st.data())
def test_damage_at_any_place_gives_a_document_or_a_problem(
    office: Maker, data: st.DataObject
) -> None:
    """A parser that fails in a way of its own never ends the reading."""
    fill(office)
    name = data.draw(st.sampled_from(FORMATS))
    content = bytearray((office.folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        content = content or bytearray(b"x")
    folder = office.folder / "damaged"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    (folder / name).write_bytes(content)
    (folder / "z.txt").write_text("text")
    found = read_documents(folder, loaders=HERE)
    assert found[-1].id == "z.txt"
    assert len(found) == 2 or found.problems


async def test_documents_are_parsed_in_a_thread_one_at_a_time(office: Maker) -> None:
    """The next file is not opened before it is asked for, and never in the loop's thread."""
    threads: list[int] = []

    class Watching:
        def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText:
            del options, problems
            threads.append(threading.get_ident())
            return LoadedText(text=path.name)

    for number in range(3):
        (office.folder / f"{number}.mine").write_text("x")
    seen: list[str] = []
    problems = Problems("x")
    async for one in stream_documents(
        office.folder, problems=problems, loaders={".mine": Watching()}
    ):
        seen.append(one.text)
        assert len(threads) == len(seen)
    assert seen == ["0.mine", "1.mine", "2.mine"]
    assert threading.get_ident() not in threads


# --- PDF


def test_a_pdf_gives_its_pages_title_and_bookmarks(office: Maker) -> None:
    """Pages are numbered from 1, a bookmark stands where its words stand, else atop its page."""
    path = office.pdf(
        "手引.pdf",
        [
            ["Travel guide", "Ask first."],
            ["前のページの続き。", "宿 泊費", "上限は一万円です。"],
            ["End"],
        ],
        title="旅費の 手引き",
        bookmarks=[("Travel guide", 1), ("宿泊 費", 2), ("Not to be found", 3), (" ", 3)],
    )
    document = only(path)
    assert document.title == "旅費の 手引き"
    assert marks(document) == [
        ("page", 1, "Travel guide"),
        ("section", "Travel guide", "Travel guide"),
        ("page", 2, "前のページの続き。"),
        ("section", "宿泊 費", "宿 泊費"),
        ("page", 3, "End"),
        ("section", "Not to be found", "End"),
    ]


def test_japanese_of_a_font_that_is_not_embedded_is_read(office: Maker) -> None:
    """Older Japanese files write Shift_JIS and leave the font to the reader."""
    path = office.pdf("a.pdf", [["sjis:出張旅費の申請①"]])
    assert only(path).text.strip() == "出張旅費の申請①"


def test_japanese_lines_are_put_together(office: Maker) -> None:
    """A word that a line end divides can be searched; headings, short and Latin lines stay."""
    path = office.pdf(
        "a.pdf",
        [
            [
                "出張するときは、上長の承認を得たうえで申",
                "請を行います。日当は三千円で、宿泊費は、",
                "別に払います。",
                "短い行",
                "ここはかなり長い行で見出しの前に立ちます",
                "第3条（休暇）",
                "The line of Latin words is as long as it gets",
                "and goes on here.",
            ]
        ],
    )
    lines = only(path).text.strip().split("\n")
    assert "出張するときは、上長の承認を得たうえで申" in lines  # the Latin line is longer
    short = office.pdf(
        "b.pdf", [["一二三四五六七八九十", "一二三、", "■ 見出", "四五六七八九十一二、", "三四"]]
    )
    assert only(short).text.strip().split("\n") == [
        "一二三四五六七八九十一二三、",
        "■ 見出",
        "四五六七八九十一二、三四",
    ]


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_an_encrypted_pdf_is_reported(office: Maker, algorithm: str) -> None:
    """Without the password nothing can be read."""
    path = office.pdf("a.pdf", [["secret"]], password="x", algorithm=algorithm)
    assert error(path) == "document.encrypted"


def test_a_pdf_that_only_forbids_changes_is_read(office: Maker) -> None:
    """It is encrypted, and opens without a password."""
    assert only(office.pdf("a.pdf", [["open"]], password="")).text.strip() == "open"


def test_a_scanned_pdf_is_reported(office: Maker) -> None:
    """Pages that are pictures hold no text, which is an error when all do."""
    assert error(office.pdf("a.pdf", [["picture"], []])) == "document.scanned"


def test_a_blank_page_is_not_a_picture(office: Maker) -> None:
    """A page may choose a font and write nothing; a stroke may be a letter."""
    path = office.form("a.pdf", drawn="1 0 0 1 0 0 cm BT /F1 12 Tf 14.4 TL ET")
    with pytest.raises(DataError) as caught:
        read_documents(path, loaders=HERE)
    assert {one.code for one in caught.value.problems} == {"document.empty", "document.none"}
    assert error(office.form("b.pdf", drawn="0 0 m 9 9 l S")) == "document.scanned"


def test_scanned_pages_among_others_are_named(office: Maker) -> None:
    """What can be read is read; the first ten pages that cannot are named."""
    found = read_documents(office.pdf("a.pdf", [["text"], *[["picture"]] * 12]), loaders=HERE)
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("warning", "document.scanned-pages")
    assert problem.reason.endswith("2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more")
    few = read_documents(office.pdf("a.pdf", [["text"], ["picture"]]), loaders=HERE)
    assert few.problems[0].reason.endswith(": 2")


def test_a_title_that_a_program_made_is_not_taken(office: Maker) -> None:
    """The name of another file says nothing about this one."""
    for made in ("Microsoft Word - 文書1.docx", "(anonymous)", "PowerPoint プレゼンテーション"):
        assert only(office.pdf("a.pdf", [["x"]], title=made)).title == "a"


def test_a_pdf_bomb_is_refused(office: Maker) -> None:
    """A page that unpacks to more than pypdf allows is not unpacked."""
    assert error(office.bomb("bomb.pdf")) == "document.bomb"


def test_a_pdf_of_too_many_pages_is_refused(office: Maker) -> None:
    """20,000 are the most."""
    assert error(office.pages("a.pdf", 20_001)) == "document.too-large"


def test_a_pdf_with_bookmarks_in_bookmarks_is_read(office: Maker) -> None:
    """They are taken in the order in which they are shown."""
    path = office.pdf("a.pdf", [["x"]], bookmarks=[("one", 1), ("two", 1), ("three", 1)])
    assert [value for kind, value, _ in marks(only(path)) if kind == "section"] == [
        "one",
        "two",
        "three",
    ]


# --- Word


def test_a_word_document_gives_headings_lists_and_tables(office: Maker) -> None:
    """Headings become sections, the first one the title; each row of a table is a line."""
    table = (
        f"<w:tbl><w:tr><w:tc>{paragraph('区分')}</w:tc><w:tc>{paragraph('日当')}</w:tc></w:tr>"
        f"<w:tr><w:tc>{paragraph('課長')}{paragraph('部長')}</w:tc><w:tc>{paragraph('3,000')}</w:tc>"
        "</w:tr></w:tbl>"
    )
    body = (
        f"{paragraph('旅費規程', 'T')}{paragraph('第1章 Rules', '1')}"
        f"{paragraph('出張は申請が必要です。')}{table}"
        "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
    )
    document = only(office.docx("a.docx", body))
    assert document.title == "旅費規程"
    assert marks(document) == [
        ("section", "旅費規程", "旅費規程"),
        ("section", "第1章 Rules", "第1章 Rules"),
    ]
    assert "区分 | 日当\n課長 部長 | 3,000\n" in document.text
    assert "deleted" not in document.text
    [chunk] = [one for one in chunk_document(document) if "出張" in one.text]
    assert chunk.section in {"旅費規程", "第1章 Rules"}


def test_pictures_of_a_word_document_are_not_opened(office: Maker) -> None:
    """A picture that is linked from elsewhere is not fetched."""
    drawing = (
        '<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/'
        'wordprocessingDrawing"><a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/2006'
        '/main"><a:graphicData><pic:pic xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/'
        'picture"><pic:blipFill><a:blip r:link="r9" xmlns:r="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships"/></pic:blipFill></pic:pic></a:graphicData></a:graphic>'
        "</wp:inline></w:drawing></w:r></w:p>"
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r9" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/image" Target="http://127.0.0.1:9/x.png" TargetMode="External"/>'
        "</Relationships>"
    )
    path = office.docx("a.docx", drawing + paragraph("text"))
    with zipfile.ZipFile(path) as package:
        files: dict[str, str | bytes] = {one: package.read(one) for one in package.namelist()}
    files["word/_rels/document.xml.rels"] = relations
    assert only(office.zip("b.docx", files)).text.strip() == "text"


# --- Excel


def test_a_workbook_gives_rows_that_name_their_columns(office: Maker) -> None:
    """A row is understood alone; lines above the header stay; sheets and rows are known."""
    rows = (
        f'<row r="1">{cell("A1", "価格表 2026")}</row>'
        f'<row r="3">{cell("A3", "品名")}{cell("B3", "価格")}{cell("C3", "発売日")}</row>'
        f'<row r="4">{cell("A4", "りんご&#10;（赤）")}<c r="B4"><v>120</v></c>'
        '<c r="C4" s="1"><v>46000</v></c><c r="D4" t="b"><v>1</v></c></row>'
        f'<row r="7">{cell("A7", "みかん")}<c r="B7"><v>0.5</v></c>'
        '<c r="C7" s="2"><v>46000.5</v></c>'
        '<c r="D7" s="3"><v>0.5</v></c></row>'
    )
    numbers = '<row r="2"><c r="B2"><v>1</v></c><c r="C2"><v>2</v></c></row>'
    document = only(office.xlsx("a.xlsx", {"価格": rows, "Numbers": numbers, "Empty": ""}))
    assert document.text == (
        "価格\n価格表 2026\n品名 | 価格 | 発売日\n"
        "品名: りんご （赤） | 価格: 120 | 発売日: 2025-12-09 | TRUE\n"
        "品名: みかん | 価格: 0.5 | 発売日: 2025-12-09 12:00:00 | 12:00:00\n\nNumbers\n1 | 2\n"
    )
    assert marks(document) == [
        ("sheet", "価格", "価格"),
        ("row", 1, "価格表 2026"),
        ("row", 3, "品名 | 価格 | 発売日"),
        ("row", 7, "品名: みかん | 価格: 0.5 | 発売日: 2025-12-09 12:00:00 | 12:00:00"),
        ("sheet", "Numbers", "Numbers"),
        ("row", 2, "1 | 2"),
    ]


def test_hidden_sheets_are_left_out_with_a_note(office: Maker) -> None:
    """What the author hid is not put into answers."""
    rows = f'<row r="1">{cell("A1", "text")}</row>'
    found = read_documents(office.xlsx("a.xlsx", {"a": rows, "b": rows}, hidden=["b"]))
    assert found[0].text == "a\ntext\n"
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("note", "document.hidden-part")
    assert problem.reason == "hidden sheets are left out: 'b'"
    many = {f"s{at}": rows for at in range(8)}
    found = read_documents(office.xlsx("b.xlsx", many, hidden=[*many][1:]))
    assert found.problems[0].reason.endswith(": 's1', 's2', 's3', 's4', 's5' and 2 more")


def test_charts_are_no_sheets(office: Maker) -> None:
    """A sheet that is a chart has no rows."""
    path = office.xlsx("a.xlsx", {"a": f'<row r="1">{cell("A1", "text")}</row>', "chart": ""})
    with zipfile.ZipFile(path) as package:
        files: dict[str, str | bytes] = {one: package.read(one) for one in package.namelist()}
    links = files["xl/_rels/workbook.xml.rels"]
    assert isinstance(links, bytes)
    files["xl/_rels/workbook.xml.rels"] = links.replace(
        b'worksheet" Target="worksheets/sheet2', b'chartsheet" Target="chartsheets/sheet2'
    )
    files["xl/chartsheets/sheet2.xml"] = files.pop("xl/worksheets/sheet2.xml")
    assert only(office.zip("b.xlsx", files)).text == "a\ntext\n"


def test_rows_of_a_table_know_their_sheet_and_row(office: Maker) -> None:
    """Each chunk of a long sheet names the sheet and its first row, to be filtered and cited."""
    rows = "".join(
        f'<row r="{n}">{cell(f"A{n}", f"品名{n}")}{cell(f"B{n}", "高い")}</row>'
        for n in range(1, 60)
    )
    document = only(office.xlsx("a.xlsx", {"価格": rows, "他": rows}))
    chunks = chunk_document(document, ChunkOptions(target_tokens=100, overlap_tokens=0))
    assert {chunk.section for chunk in chunks} == {"価格", "他"}
    for chunk in chunks:
        assert chunk.metadata["sheet"] == chunk.section
        row = chunk.metadata["row"]
        lines = chunk.text.split("\n")
        first = next(line for line in lines if line not in {"価格", "他"})
        assert f"品名{row}" in first


def test_a_workbook_of_excel_97_is_read(office: Maker) -> None:
    """Many companies keep them; one with a password is told as such."""
    assert only(office.xls("a.xls", ["りんご", "みかん"])).text == "表\nりんご\nみかん\n"
    assert error(office.xls("b.xls", ["secret"], password=True)) == "document.encrypted"


# --- PowerPoint


def test_slides_are_pages_and_their_titles_sections(office: Maker) -> None:
    """Text, groups, tables and a title over two lines are read; hidden slides are not."""
    table = (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="7" name="t"/><p:cNvGraphicFramePr/>'
        '<p:nvPr/></p:nvGraphicFramePr><p:xfrm/><a:graphic><a:graphicData uri="'
        'http://schemas.openxmlformats.org/drawingml/2006/table"><a:tbl><a:tblGrid/><a:tr h="1">'
        "<a:tc><a:txBody><a:bodyPr/><a:p><a:r><a:t>四半期</a:t></a:r></a:p></a:txBody></a:tc>"
        "<a:tc><a:txBody><a:bodyPr/><a:p><a:r><a:t>売上</a:t></a:r></a:p></a:txBody></a:tc></a:tr>"
        '<a:tr h="1"><a:tc><a:txBody><a:bodyPr/><a:p/></a:txBody></a:tc></a:tr>'
        "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )
    group = f"<p:grpSp><p:nvGrpSpPr/><p:grpSpPr/>{shape(5, 'in a group')}</p:grpSp>"
    picture = (
        '<p:pic><p:nvPicPr><p:cNvPr id="9" name="p"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr>'
        "<p:blipFill/><p:spPr/></p:pic>"
    )
    slides = [
        f">{shape(2, '年度|計画', TITLE)}{shape(3, '売上を伸ばす| ')}{group}{table}{picture}",
        f' show="0">{shape(2, "hidden")}',
        f">{shape(2, 'No title here')}{shape(3, '図' * 40)}",
    ]
    found = read_documents(office.pptx("a.pptx", slides, title="計画書"))
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("note", "document.hidden-part")
    assert problem.reason.endswith(": 2")
    [document] = found
    assert document.title == "計画書"
    assert (
        document.text
        == "年度 計画\n売上を伸ばす\nin a group\n四半期 | 売上\n\nNo title here\n"
        + "図" * 40
        + "\n"
    )
    assert marks(document) == [
        ("page", 1, "年度 計画"),
        ("section", "年度 計画", "年度 計画"),
        ("page", 3, "No title here"),
        ("section", "", "No title here"),
    ]
    last = chunk_document(document, ChunkOptions(target_tokens=16, overlap_tokens=0))[-1]
    assert (last.text[-1], last.page, last.section) == ("図", 3, None)


def test_notes_of_a_slide_are_read(office: Maker) -> None:
    """What a speaker says is often the only full sentence of a slide."""
    pptx = pytest.importorskip("pptx")
    presentation = pptx.Presentation()
    for words in ("話すこと", None):
        slide = presentation.slides.add_slide(presentation.slide_layouts[6])
        if words:
            slide.notes_slide.notes_text_frame.text = words
        else:
            notes = slide.notes_slide
            frame = notes.notes_placeholder
            frame.element.getparent().remove(frame.element)
    presentation.save(office.folder / "a.pptx")
    document = only(office.folder / "a.pptx")
    assert document.text.strip() == "話すこと"
    assert document.title == "a"


# --- Office files that must not be opened


def test_an_encrypted_office_file_is_reported(office: Maker) -> None:
    """Office wraps what has a password into the format of 1997."""
    for name in ("a.docx", "b.xlsx", "c.pptx"):
        path = office.folder / name
        wrapped = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
        path.write_bytes(wrapped)
        assert error(path) == "document.encrypted"


def test_an_encrypted_file_within_is_reported(office: Maker) -> None:
    """ZIP has a password of its own."""
    path = office.docx("a.docx", paragraph("x"))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    assert error(path) == "document.encrypted"


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
def test_a_package_of_something_else_is_broken(office: Maker, name: str) -> None:
    """Any ZIP file can have the name of an Office file."""
    assert error(office.zip(name, {"readme.txt": "x"})) == "document.broken"


def test_an_old_file_under_a_new_name_is_broken(office: Maker) -> None:
    """The format of 1997 without a password."""
    path = office.folder / "a.docx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600)
    assert error(path) == "document.broken"


ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document'
    ' xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    "<w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>"
)


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-be"])
def test_entities_are_never_expanded(office: Maker, name: str, codec: str) -> None:
    """A document type in any file within is refused, whatever it is encoded in."""
    files: dict[str, str | bytes] = {
        "[Content_Types].xml": "x",
        "any/one.xml": ENTITIES.encode(codec),
    }
    assert error(office.zip(name, files)) == "document.bomb"


def test_a_document_type_across_two_blocks_is_found(office: Maker) -> None:
    """It is looked for across the borders of what is unpacked at a time."""
    padded = b" " * ((1 << 20) - 4) + ENTITIES.partition("?>")[2].encode()
    assert error(office.zip("a.docx", {"one.xml": padded})) == "document.bomb"


@pytest.mark.parametrize("name", ["a.docx", "a.pptx"])
def test_a_zip_bomb_is_refused(office: Maker, name: str) -> None:
    """A file within that unpacks to more than 32 MiB is not given to a parser."""
    assert error(office.zip(name, {"one.xml": b" " * (33 * 2**20)})) == "document.bomb"


def test_a_bomb_that_lies_about_its_size_is_refused(office: Maker) -> None:
    """What a file says about its size is not what it unpacks to."""
    path = office.zip("a.docx", {"one.xml": b" " * 1_000_000})
    data = path.read_bytes()
    path.write_bytes(data.replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assert error(path) == "document.broken"


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (PackageLimits(xml_bytes=100, members=2), "3 files"),
        (PackageLimits(xml_bytes=100, unpacked_bytes=500), "more than 500 bytes"),
        (PackageLimits(xml_bytes=10), "10 bytes and more"),
        (PackageLimits(xml_bytes=100), None),
    ],
)
def test_limits_of_an_office_file(
    office: Maker, limits: PackageLimits, expected: str | None
) -> None:
    """Files within are counted, and measured together and each."""
    path = office.zip("a.docx", {"a.xml": b"<a>" + b" " * 20, "b.bin": b" " * 600, "c": b""})
    problems = Problems("a.docx")
    assert check_package(path, limits, problems) is (expected is None)
    assert [one.code for one in problems.found] == ([] if expected is None else ["document.bomb"])
    assert expected is None or expected in problems.found[0].reason


@pytest.mark.parametrize(
    "cells",
    [
        f"{cell('A1', 'x')}{cell('XFD1048576', 'y')}",
        f"{cell('A1', 'x')}{cell('$XFD$1048576', 'y')}",
    ],
)
def test_a_sheet_that_spans_everything_is_refused(office: Maker, cells: str) -> None:
    """Two cells far apart would make the reader of workbooks hold all cells between them."""
    path = office.xlsx("a.xlsx", {"s": f"<row>{cells}</row>"})
    assert error(path) == "document.bomb"
    with pytest.raises(DataError, match=r"the sheet in 'xl/worksheets/sheet\d\.xml' spans"):
        read_documents(path)


def test_a_method_that_cannot_be_unpacked_is_broken(office: Maker) -> None:
    """Compression that is not known is reported like any other damage."""
    path = office.docx("a.docx", paragraph("x"))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 10 : at + 12] = (99).to_bytes(2, "little")
    path.write_bytes(data)
    assert error(path) == "document.broken"


def test_a_wrong_table_of_contents_is_broken(office: Maker) -> None:
    """An offset that leads to before the file's start is no failure of the disk."""
    path = office.docx("a.docx", paragraph("x"))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x05\x06")
    size = int.from_bytes(data[at + 12 : at + 16], "little")
    data[at + 12 : at + 16] = (size + 1).to_bytes(4, "little")
    path.write_bytes(data)
    assert error(path) == "document.broken"


# --- HTML


PAGE = """<!doctype html><html><head><title> Company
 handbook</title><style>p {}</style></head><body>
<nav><a>Menu</a></nav><h1>休暇の <b>規程</b></h1><p>有給は
10日&nbsp;です。<br>Second line</p>
<h2>List</h2><ul><li>one<li>two</ul><li></li>
<table><caption>Fees</caption><tr><th>区分<th>額<tr><td><p>A<br>B</p><div>C</div></td><td></td><td>5
<table><tr><td>in<td>side</tr></table></td></table>
<pre>  kept
   as is<br>x</pre></pre>
<p hidden>no</p><p style="Display : None">no<img src=x></p><script>no</script><div>last</div>
<noscript>no</noscript></nav></td><p>&lt;end&gt;</p>"""


def test_a_page_gives_what_a_reader_sees(tmp_path: Path) -> None:
    """Headings, lists, tables and preformatted lines; no scripts, menus or hidden parts."""
    (tmp_path / "a.html").write_text(PAGE, encoding="utf-8")
    document = only(tmp_path / "a.html")
    assert document.title == "Company handbook"
    assert document.text == (
        "休暇の 規程\n\n有給は 10日\xa0です。\nSecond line\n\nList\n\n- one\n- two\n\nFees\n\n"
        "区分 | 額\nA B C | 5 in | side\n\n  kept\n   as is\nx\n\nlast\n\n<end>\n\n"
    )
    assert marks(document) == [
        ("section", "休暇の 規程", "休暇の 規程"),
        ("section", "List", "List"),
    ]


def test_rows_without_a_table_and_open_elements_are_read(tmp_path: Path) -> None:
    """Broken markup gives what can be had."""
    broken = "<div style='visibility:hidden'>no<br></div><tr><td>a<td>b<h3>c<h3>d"
    (tmp_path / "a.htm").write_text(f"{broken}<br>e</table></table></tr></div><td>f</h3>")
    assert only(tmp_path / "a.htm").text == "a | b c d e\n\nf\n\n"
    (tmp_path / "a.htm").write_text("<table><tr><td>a<td>b")
    assert only(tmp_path / "a.htm").text == "a | b\n\n"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p hidden>no<p>yes", "yes"),
        ("<ul><li hidden>no <b>no</b><li>yes</ul>", "- yes"),
        ("<ul><li hidden>no</ul>yes", "yes"),
        ("<div hidden><p>no</div>yes", "yes"),
        ("<nav>no</p></table></b>no</nav>yes", "yes"),
        ("<table><tr><td> </td></tr></table>yes", "yes"),
    ],
)
def test_what_is_hidden_ends_where_a_browser_ends_it(
    tmp_path: Path, markup: str, text: str
) -> None:
    """An element whose end tag is left out does not hide the rest of the page."""
    (tmp_path / "a.html").write_text(markup)
    assert only(tmp_path / "a.html").text.strip() == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<p aria-hidden=" TRUE">no</p><b aria-hidden=false>yes</b>', "yes"),
        ('<b style="font-size:0">no</b><b style="font-size:0.8em">yes</b>', "yes"),
        ('<b style="font-size: large">yes</b><b style="opacity:inherit">, too</b>', "yes, too"),
        ('<b style="--bg-opacity: 0">yes</b><b style="font-size:.0em">no</b>', "yes"),
        (f'<b style="font-size:{"0" * 100_000}1">yes</b>', "yes"),
        ('<b style="opacity : 0.0; x:y">no</b><b style="opacity:0.5">yes</b>', "yes"),
        ("<dialog>no</dialog><dialog open>yes</dialog>", "yes"),
        ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rt>じ</ruby>です", "漢字です"),
        ("<div hidden><b><i></b>no</i></div>yes", "yes"),
        ("a<![if !x]>b<![endif]>c<![other[d]>e<!-- no -- >f", "abcef"),
        ("a<!-- never closed <b>b</b> <!-- again", "a<!-- never closed b <!-- again"),
        ("a < b<i", "a < b<i"),
    ],
)
def test_what_nobody_sees_is_not_taken(tmp_path: Path, markup: str, text: str) -> None:
    """Words for machines, readings above words, and all kinds of remarks."""
    (tmp_path / "a.html").write_text(markup, encoding="utf-8")
    assert only(tmp_path / "a.html").text.strip() == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<ol start='3'><li>a<li value=' 7 '>b<li value=x>c</ol>", "3. a\n7. b\n8. c"),
        ("<ol type=A><li>a</ol><ol type=a start=27><li>b</ol>", "A. a\n\n- b"),
        ("<ol type=i><li>a</ol>", "- a"),
        ("x<ul><li>a<ol><li>b<li>c</ol><li>d</ul>y", "x\n\n- a\n  1. b\n  2. c\n- d\n\ny"),
        ("<ol><li><p>a</p><p>b</p><li></li><li><p>c</ol>", "1. a\n\nb\n\n3. c"),
        ("<li>a</ul>b", "- a\nb"),
        ("<table><tr><td><ul><li>a<li>b</ul><td>c</table>", "a b | c"),
    ],
)
def test_lists_are_numbered_and_indented(tmp_path: Path, markup: str, text: str) -> None:
    """Somebody asks for the third step; what lies within an item stays near to it."""
    (tmp_path / "a.html").write_text(markup)
    assert only(tmp_path / "a.html").text.strip() == text


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ("<tr><td rowspan=2>A<td>b<tr><td>c", ["A | b", "A | c"]),
        ("<tr><td>a<td rowspan='3'>B<tr><td>c<tr><td>d<tr><td>e", ["a | B", "c | B", "d | B", "e"]),
        ("<tr><td colspan=2 rowspan=2>A<td>b<tr><td>c<tr><td>d", ["A | b", "A | c", "d"]),
        ("<tr><td rowspan=2>A<td>b<tr></tr><tr><td>c", ["A | b", "c"]),
        ("<tr><td rowspan=x colspan=0>A<td><td>b<tr>loose<td>c", ["A | b", "loose | c"]),
        (
            "<tr>" + "<td colspan=99999999>a" * 3 + "<td rowspan=2>b<tr><td>c",
            ["a | a | a | b", "c"],
        ),
    ],
)
def test_cells_merged_over_rows_count_for_each(tmp_path: Path, rows: str, lines: list[str]) -> None:
    """A row of a table is understood alone."""
    (tmp_path / "a.html").write_text(f"<table>{rows}</table>")
    assert only(tmp_path / "a.html").text.strip().split("\n") == lines


def test_tables_within_tables_within_tables(tmp_path: Path) -> None:
    """Deep ones are not told apart, and what is behind them is read."""
    deep = "<table><tr><td>a" * 20 + "</table>" * 20 + "<p>behind"
    (tmp_path / "a.html").write_text(deep)
    assert only(tmp_path / "a.html").text.split()[-1] == "behind"
    (tmp_path / "a.html").write_text("<table><tr><td>a" * 20)
    assert only(tmp_path / "a.html").text.split() == ["a"] * 20


@pytest.mark.parametrize(
    ("piece", "count"),
    [
        ("<a ", 20_000),
        ("<!-- >", 20_000),
        ("<![x[>", 20_000),
        ("</", 20_000),
        ("<div hidden><b>", 5_000),
        ("<table><tr><td>", 2_000),
        ("<ul><li>", 2_000),
    ],
)
def test_no_markup_takes_longer_than_its_length(tmp_path: Path, piece: str, count: int) -> None:
    """Markup that never ends is not looked for its end again and again."""
    (tmp_path / "a.html").write_text(f"x{piece * count}")
    (tmp_path / "b.html").write_text(f"x{piece * count}>y")
    assert len(read_documents(tmp_path)) == 2


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("", "cp932"),
        ("", "utf-16"),
        ("", "utf-16-le"),
        ('<meta charset="Shift_JIS">', "cp932"),
        ("<meta http-equiv=Content-Type content='text/html; charset=EUC-JP'>", "euc_jp"),
        ("<meta charset=iso-2022-jp>", "iso2022_jp"),
        ("<meta charset=hex>", "utf-8"),
        ("<meta charset=windows-9999>", "utf-8"),
        ('<?xml version="1.0" encoding="euc-jp"?>', "euc_jp"),
    ],
)
def test_the_encoding_of_a_page_is_found(tmp_path: Path, head: str, codec: str) -> None:
    """By its mark, by what it declares, or by trying; a name that is no encoding is ignored."""
    (tmp_path / "a.html").write_bytes(f"{head}<p>出張旅費の申請です。\n".encode(codec))
    assert only(tmp_path / "a.html").text.strip() == "出張旅費の申請です。"


def test_a_page_in_an_encoding_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Nothing is guessed; an encoding can be named, and a wrong name is the caller's mistake."""
    page = tmp_path / "a.html"
    page.write_bytes("<p>成功者の特徴です。".encode("euc_jp"))
    assert error(page) == "encoding.unknown"
    assert "成功者" in read_documents(page, encoding="euc_jp")[0].text
    with pytest.raises(InvalidInputError, match="'nonsense'"):
        read_documents(page, encoding="nonsense")
    page.write_bytes(b"<p>\xff\x00\x01" + b"abc" * 50)
    assert error(page) == "document.binary"


@given(st.text(alphabet=st.sampled_from("<>/ab \n\"'=!-&;tdrhp1あ"), max_size=200))
def test_any_markup_is_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """No page ends the reading, and marks stay within the text, in order."""
    path = tmp_path_factory.mktemp("page") / "a.html"
    path.write_text(f"x{text}<h1>x", encoding="utf-8")
    [document] = read_documents(path)
    starts = [mark.start for mark in document.marks]
    assert starts == sorted(starts)
    assert not starts or starts[-1] <= len(document.text)


# --- CSV


def test_a_table_gives_rows_that_name_their_columns(tmp_path: Path) -> None:
    """cp932, a cell of two lines, an empty cell and a blank line; rows count lines."""
    path = tmp_path / "a.csv"
    path.write_bytes(
        '品名,価格,備考\r\nりんご,120,"赤い\r\n果物"\r\n\r\nみかん,,甘い\r\n'.encode("cp932")
    )
    found = read_documents(path)
    assert [one.code for one in found.problems] == ["encoding.cp932"]
    assert found[0].text == (
        "品名 | 価格 | 備考\n品名: りんご | 価格: 120 | 備考: 赤い 果物\n"
        "品名: みかん | 備考: 甘い\n"
    )
    assert [value for _, value, _ in marks(found[0])] == [1, 5]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.tsv", "a\tb\n1\t2\n"), ("a.csv", "a;b\n1;2\n"), ("a.csv", "sep=;\na;b\n1;2\n")],
)
def test_the_delimiter_is_found(tmp_path: Path, name: str, content: str) -> None:
    """By what divides the first rows most, unless a first line says it."""
    (tmp_path / name).write_text(content)
    assert only(tmp_path / name).text == "a | b\na: 1 | b: 2\n"


def test_names_that_are_no_names_are_not_used(tmp_path: Path) -> None:
    """Numbers and repeats name no columns; a row may have more cells than there are names."""
    path = tmp_path / "a.csv"
    path.write_text("2024,2025\n1,2\n")
    assert only(path).text == "2024 | 2025\n1 | 2\n"
    path.write_text("a,,c\n1,2,3,4\n")
    assert only(path).text == "a | c\na: 1 | 2 | c: 3 | 4\n"


def test_a_broken_row_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    """One quote too few does not cost the table."""
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n"x"y,3\n4,5\n')
    found = read_documents(path)
    assert "a: 4 | b: 5" in found[0].text
    assert [one.line for one in found.problems] == [3]


def test_a_cell_of_immense_length_is_reported(tmp_path: Path) -> None:
    """The module for tables gives up at 131,072 characters."""
    (tmp_path / "a.csv").write_text(f"{'x' * 140_000},b\n1,2\n")
    (tmp_path / "b.csv").write_bytes(b"a,b\n1\x002\n")
    with pytest.raises(DataError) as caught:
        read_documents(tmp_path, on_error="raise")
    assert {Path(one.source).name for one in caught.value.problems} == {"a.csv", "b.csv"}


# --- loaders of others


class Mail:
    """A loader of another program."""

    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Do what the file says."""
        assert options.encoding == "auto"
        text = path.read_text()
        match text:
            case "nothing":
                return None
            case "fail":
                raise ZeroDivisionError
            case "data":
                problems.add("error", "mail.bad", "bad")
                problems.raise_errors()
            case "other":
                other = Problems(str(path))
                other.add("error", "mail.other", "bad")
                other.raise_errors()
            case "extra":
                raise MissingExtraError(package="mailer", extra="mail")
            case "config":
                raise ConfigError(text)
            case "disk":
                raise PermissionError(13, "Permission denied")
            case _:
                return LoadedText(text=text, title="Subject", metadata={"from": "a"})
        return None


def test_a_loader_can_be_given(tmp_path: Path) -> None:
    """It adds an ending, or takes the place of a loader of this package."""
    (tmp_path / "a.eml").write_text("hello")
    (tmp_path / "b.PDF").write_text("world")
    (tmp_path / "c.tar.eml").write_text("nested")
    mail = Mail()
    found = read_documents(tmp_path, loaders={".eml": mail, ".pdf": mail, ".tar.eml": mail})
    assert [(one.id, one.text, one.title) for one in found] == [
        ("a.eml", "hello", "Subject"),
        ("b.PDF", "world", "Subject"),
        ("c.tar.eml", "nested", "Subject"),
    ]
    assert found[0].metadata == {"from": "a"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("nothing", "document.broken"),
        ("fail", "document.broken"),
        ("data", "mail.bad"),
        ("other", "mail.other"),
        ("extra", "document.missing-extra"),
        ("disk", "document.unreadable"),
        ("x" * 5, None),
    ],
)
def test_what_a_loader_cannot_do_is_reported(
    tmp_path: Path, content: str, code: str | None
) -> None:
    """Whatever it raises, the file is named and the rest goes on."""
    (tmp_path / "a.eml").write_text(content)
    (tmp_path / "b.txt").write_text("text")
    found = read_documents(tmp_path, loaders={".eml": Mail()})
    assert found[-1].id == "b.txt"
    assert [one.code for one in found.problems] == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("text", "gives a 'str' instead of a 'LoadedText'"),
        (LoadedText(text=cast("str", b"text")), "gives text of the type 'bytes'"),
        (LoadedText(text="x", title=cast("str", None)), "gives title of the type 'NoneType'"),
        (LoadedText(text="x", metadata=cast("dict[str, str]", [])), "gives metadata of the type"),
        (
            LoadedText(text="x", marks=cast("tuple[Mark, ...]", ["a"])),
            "gives marks of the type 'str'",
        ),
        (LoadedText(text="x", marks=cast("tuple[Mark, ...]", 5)), "gives marks of the type 'int'"),
    ],
)
def test_what_a_loader_should_not_give_is_reported(
    tmp_path: Path, given: object, words: str
) -> None:
    """Something else than text is a fault of the loader, which costs its own file only."""

    class Careless:
        def load(
            self, path: Path, *, options: LoadOptions, problems: Problems
        ) -> LoadedText | None:
            del path, options, problems
            return cast("LoadedText", given)

    (tmp_path / "a.eml").write_text("mail")
    (tmp_path / "b.txt").write_text("text")
    found = read_documents(tmp_path, loaders={".eml": Careless()})
    assert [one.id for one in found] == ["b.txt"]
    [problem] = found.problems
    assert problem.code == "document.broken"
    assert words in problem.reason


def test_settings_that_are_wrong_end_the_reading(tmp_path: Path) -> None:
    """They are the caller's mistake, not the file's."""
    (tmp_path / "a.eml").write_text("config")
    with pytest.raises(ConfigError):
        read_documents(tmp_path, loaders={".eml": Mail()})
    for ending in ("eml", ".", ""):
        with pytest.raises(InvalidInputError, match="with its dot"):
            read_documents(tmp_path, loaders={ending: Mail()})


def test_a_text_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """A small file may hold a large text."""

    class Large:
        def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText:
            del path, problems
            builder = TextBuilder(LoadOptions(max_characters=3))
            builder.add("abc")
            assert options.max_characters == 64 * 2**20
            builder.add("d")
            return builder.loaded()

    (tmp_path / "a.large").write_text("x")
    with pytest.raises(DataError) as caught:
        read_documents(tmp_path, loaders={".large": Large()})
    assert caught.value.problems[0].code == "document.too-large"


MODULE = """
class Loader:
    def load(self, path, *, options, problems):
        from tailorbird.data.documents.loading import LoadedText
        return LoadedText(text=path.read_text())
"""


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Path]:
    """Make a folder from which packages with entry points are found."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "mail_for_tests.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("mail_for_tests", None)
    importlib.invalidate_caches()


def register(folder: Path, package: str, *lines: str) -> None:
    """Write the metadata of an installed package."""
    info = folder / f"{package}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (info / "entry_points.txt").write_text("\n".join(["[tailorbird.loaders]", *lines]))


def test_packages_register_loaders(packages: Path, tmp_path: Path) -> None:
    """An installed package adds an ending; those of this package stay as they are."""
    register(packages, "one", "eml = mail_for_tests:Loader", "csv = mail_for_tests:Gone")
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.eml").write_text("hello")
    (folder / "b.csv").write_text("x")
    assert [one.text for one in read_documents(folder)] == ["hello", "x\n"]


def test_two_packages_for_one_ending_are_refused(packages: Path, tmp_path: Path) -> None:
    """Which one to take would be chance; what the caller gives decides."""
    register(packages, "one", "eml = mail_for_tests:Loader")
    register(packages, "two", "EML = mail_for_tests:Other")
    (tmp_path / "a.eml").write_text("hello")
    with pytest.raises(ConfigError, match="2 times"):
        read_documents(tmp_path / "a.eml")
    assert len(read_documents(tmp_path / "a.eml", loaders={".EML": Mail()})) == 1


@pytest.mark.parametrize("target", ["mail_for_tests:Gone", "gone_for_tests:Loader"])
def test_a_loader_that_cannot_be_imported_is_named(
    packages: Path, tmp_path: Path, target: str
) -> None:
    """The package that registers it is broken, not the file."""
    register(packages, "one", f"eml = {target}")
    (tmp_path / "a.eml").write_text("hello")
    with pytest.raises(ConfigError, match=target):
        read_documents(tmp_path / "a.eml")


class Without:
    """Makes a package look as if it were not installed."""

    def __init__(self, package: str) -> None:
        """Hide `package`."""
        self._package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Refuse the package, and leave others to the next finder."""
        del path, target
        if name.partition(".")[0] == self._package:
            raise ModuleNotFoundError(name)
        return None


@pytest.mark.parametrize(
    ("name", "package", "shown"),
    [
        ("a.pdf", "pypdf", "pypdf"),
        ("a.docx", "mammoth", "mammoth"),
        ("a.xlsx", "python_calamine", "python-calamine"),
        ("a.pptx", "pptx", "python-pptx"),
    ],
)
def test_a_missing_package_names_the_extra(
    office: Maker, name: str, package: str, shown: str
) -> None:
    """Files that cannot be read without it are errors; the others are read."""
    fill(office)
    kept = {
        one: sys.modules.pop(one) for one in list(sys.modules) if one.partition(".")[0] == package
    }
    finder = Without(package)
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]  # a finder without the old methods
    try:
        found = read_documents(office.folder)
    finally:
        sys.meta_path.remove(finder)  # type: ignore[arg-type]  # the same
        sys.modules.update(kept)
    assert {one.id for one in found} == set(FORMATS) - {name}
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("error", "document.missing-extra")
    assert shown in problem.reason
    assert problem.fix == "pip install 'tailorbird[documents]'"


def test_a_builder_puts_lines_on_lines_of_their_own() -> None:
    """A line begins behind a line end, a gap is one blank line, wherever they come."""
    builder = TextBuilder(LoadOptions())
    builder.gap()
    builder.add("a")
    builder.line("b")
    builder.gap()
    builder.gap()
    builder.mark("section", " c\nd ")
    builder.add("e\udc80\ud83d\ude00")
    loaded = builder.loaded(title="t", metadata={"k": 1})
    assert loaded.text == "a\nb\n\ne\ufffd😀"
    assert [(one.start, one.value) for one in loaded.marks] == [(5, "c d")]
    assert (loaded.title, loaded.metadata) == ("t", {"k": 1})


def test_what_a_reader_does_not_see_is_left_out(tmp_path: Path) -> None:
    """Control characters, soft hyphens and halves of characters of a file that is no text."""
    (tmp_path / "a.html").write_text("<h1>a&shy;b\x07</h1><pre>c\rd</pre>", encoding="utf-8")
    document = only(tmp_path / "a.html")
    assert document.text == "ab\n\nc\nd\n\n"
    assert document.marks[0].value == "ab"
