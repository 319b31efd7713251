"""What is taken out of the cells of Excel workbooks, and what is said of those without a value."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pytest

from tailorbird.data.documents.chunks import chunk_document
from tailorbird.data.documents.document_set import DocumentSet, read_documents
from tailorbird.data.documents.loaders.workbook import sheet_facts
from tailorbird.types import Document


class Maker(Protocol):
    """Writes documents; see `conftest.Office`."""

    folder: Path

    def zip(self, name: str, files: dict[str, str | bytes]) -> Path:
        """Write a ZIP file."""
        ...

    def xlsx(
        self, name: str, sheets: dict[str, str], *, hidden: Sequence[str] = (), after: str = ""
    ) -> Path:
        """Write a workbook."""
        ...


def cell(place: str, text: str) -> str:
    """Return a cell with text."""
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def number(place: str, value: str, style: int = 0) -> str:
    """Return a cell with a number."""
    return f'<c r="{place}" s="{style}"><v>{value}</v></c>'


def told(found: DocumentSet) -> list[tuple[str, str, str]]:
    """Return severity, code and reason of what was found."""
    return [(one.severity, one.code, one.reason) for one in found.problems]


FORMULAS = (
    f'<row r="1">{cell("A1", "品名")}<c r="B1"><f>1+1</f></c><c r="C1"><f>2</f><v></v></c>'
    '<c r="D1"><f t="shared" si="0"/><v/></c></row>'
    f'<row r="2"><c r="A2"><f>3*4</f><v>12</v></c><c r="B2" t="str"><f>""</f><v></v></c></row>'
)


def test_formulas_without_a_value_are_counted_by_their_sheet(office: Maker) -> None:
    """A program that writes formulas does not compute them; empty texts are values."""
    plain = f'<row r="1">{cell("A1", "x")}</row>'
    sheets = {"売上": FORMULAS, "plain": plain, "secret": FORMULAS}
    found = read_documents(office.xlsx("a.xlsx", sheets, hidden=["secret"]))
    assert found[0].text == "売上\n品名\n12\n\nplain\nx\n"
    assert told(found)[0] == (
        "warning",
        "document.formulas",
        "formulas that have no computed value are left out: 3 in '売上'",
    )
    assert [code for _, code, _ in told(found)] == ["document.formulas", "document.hidden-part"]


def test_a_workbook_of_formulas_alone_says_why_it_is_empty(office: Maker) -> None:
    """Of many sheets the first five are named."""
    sheets = {f"s{at}": '<row r="1"><x:c r="A1"><x:f>1</x:f></x:c></row>' for at in range(7)}
    path = office.xlsx("b.xlsx", sheets)
    assert {one.uncomputed for one in sheet_facts(path).values()} == {1}
    sheets = {name: data.replace("x:", "") for name, data in sheets.items()}
    path = office.xlsx("b.xlsx", {**sheets, "t": f'<row r="1">{cell("A1", "x")}</row>'})
    [(_, code, reason)] = told(read_documents(path))
    assert code == "document.formulas"
    assert reason.endswith("1 in 's3', 1 in 's4' and in 2 more sheets")


def test_cells_with_errors_are_counted_by_their_sheet(office: Maker) -> None:
    """They are shown as #N/A and mean nothing."""
    rows = f'<row r="1">{cell("A1", "x")}<c r="B1" t="e"><f>NA()</f><v>#N/A</v></c></row>'
    found = read_documents(office.xlsx("a.xlsx", {"売上": rows}))
    assert found[0].text == "売上\nx\n"
    assert told(found) == [
        (
            "note",
            "document.cell-errors",
            "cells that show an error such as #N/A are left out: 1 in '売上'",
        )
    ]


def test_numbers_are_written_as_their_reader_sees_them(office: Maker) -> None:
    """Fifteen digits, percentages by their format, hours beyond a day."""
    cells = [
        number("C3", "0.30000000000000004"),
        number("D3", "0.1", 4),
        number("E3", "0.07", 5),
        number("F3", "5", 6),
        number("G3", "1.2534722222222223", 7),
        number("H3", "1E+21"),
        number("I3", "1234567.5"),
        '<c r="J3" s="4" t="b"><v>1</v></c>',
        number("K3", "-3"),
        number("L3", "-0.5", 7),
    ]
    [document] = read_documents(office.xlsx("a.xlsx", {"s": f'<row r="3">{"".join(cells)}</row>'}))
    assert document.text == (
        "s\n0.3 | 10% | 7% | 5 | 30:05:00 | 1e+21 | 1234567.5 | TRUE | -3 | -12:00:00\n"
    )


def test_cells_merged_over_rows_hold_for_each_of_them(office: Maker) -> None:
    """A row is understood alone, a header over two rows repeats no name, empty rows stay empty."""
    rows = (
        f'<row r="1">{cell("B1", "区分")}{cell("C1", "日当")}{cell("D1", "宿泊")}</row>'
        f'<row r="2">{cell("C2", "国内")}{cell("D2", "国外")}</row>'
        f'<row r="3">{cell("B3", "部長")}{number("C3", "3000")}</row>'
        f'<row r="4">{number("C4", "4000")}</row><row r="6">{number("D6", "5")}</row>'
        f'<row r="7">{number("D7", "6")}</row>'
    )
    merged = "".join(f'<mergeCell ref="{ref}"/>' for ref in ("B1:B2", "B3:B6", "C4:D4"))
    path = office.xlsx("a.xlsx", {"s": rows}, after=f"<mergeCells>{merged}</mergeCells>")
    [document] = read_documents(path)
    assert document.text == (
        "s\n区分 | 日当 | 宿泊\n区分 | 日当: 国内 | 宿泊: 国外\n区分: 部長 | 日当: 3000\n"
        "区分: 部長 | 日当: 4000\n区分: 部長 | 宿泊: 5\n宿泊: 6\n"
    )


def changed(office: Maker, name: str, content: str | None) -> Path:
    """Write a workbook in which one file within is another one, or is missing."""
    path = office.xlsx("a.xlsx", {"s": f'<row r="1">{number("A1", "0.5", 4)}</row>'})
    with zipfile.ZipFile(path) as package:
        files: dict[str, str | bytes] = {one: package.read(one) for one in package.namelist()}
    files.pop(name)
    return office.zip("b.xlsx", files if content is None else {**files, name: content})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("xl/styles.xml", None),
        ("xl/styles.xml", "<no xml"),
        ("xl/workbook.xml", None),
        ("xl/worksheets/sheet1.xml", None),
        ("xl/_rels/workbook.xml.rels", None),
        ("xl/_rels/workbook.xml.rels", "<Relationships/>"),
        ("xl/worksheets/sheet1.xml", f"<worksheet>{' ' * 3_000_000}</worksheet>"),
    ],
)
def test_what_is_not_there_is_not_known(office: Maker, name: str, content: str | None) -> None:
    """A workbook that lacks a part has fewer facts, and no failure."""
    facts = sheet_facts(changed(office, name, content))
    assert all(not one.percents and not one.uncomputed for one in facts.values())


def test_cells_are_found_across_the_blocks_that_are_read(office: Maker) -> None:
    """A large sheet is unpacked piece by piece."""
    rows = "".join(f'<row r="{at}"><c r="A{at}"><f>{at}+1</f></c></row>' for at in range(1, 60_001))
    facts = sheet_facts(office.xlsx("a.xlsx", {"s": rows}))
    assert facts["s"].uncomputed == 60_000


def test_a_sheet_of_blanks_takes_no_longer_than_others(office: Maker) -> None:
    """Blanks within a cell are looked at once."""
    blanks = " " * 20_000
    cells = f"<c><f/>{blanks}<v>{blanks}</c>" * 400
    assert sheet_facts(office.xlsx("a.xlsx", {"s": cells}))["s"].uncomputed == 0


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
SPACES = (
    f'xmlns:xdr="{DRAWING}/spreadsheetDrawing" xmlns:a="{DRAWING}/main" xmlns:c="{DRAWING}/chart"'
    f' xmlns:r="{OFFICE}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)
CHART = (
    f"<c:chartSpace {SPACES}><c:title><a:p><a:r><a:t>月別 売上</a:t></a:r></a:p></c:title><c:ser>"
    '<c:val><c:pt idx="0"><c:v>7</c:v></c:pt></c:val></c:ser></c:chartSpace>'
)


def box(text: str, properties: str = "") -> str:
    """Return a text box of a drawing."""
    return (
        f"<xdr:sp><xdr:nvSpPr><xdr:cNvPr {properties}/></xdr:nvSpPr><xdr:txBody><a:p><a:r>"
        f"<a:t>{text}</a:t></a:r></a:p></xdr:txBody></xdr:sp>"
    )


def frame(link: str) -> str:
    """Return a chart of a drawing."""
    return f'<xdr:graphicFrame><a:graphic><c:chart r:id="{link}"/></a:graphic></xdr:graphicFrame>'


def related(**links: str) -> str:
    """Return relations to drawings and charts."""
    listed = "".join(
        f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for name, link in links.items()
        for kind, target in [link.split()]
    )
    return f"<Relationships>{listed}</Relationships>"


def drawn(office: Maker, content: str, data: str = "", **more: str) -> DocumentSet:
    """Read a workbook of two sheets that have the same drawing."""
    path = office.xlsx("a.xlsx", {"図": data, "t": f'<row r="1">{cell("A1", "x")}</row>'})
    with zipfile.ZipFile(path) as package:
        files: dict[str, str | bytes] = {one: package.read(one) for one in package.namelist()}
    drawing = related(d="drawing ../drawings/drawing1.xml")
    files |= {
        "xl/worksheets/_rels/sheet1.xml.rels": drawing,
        "xl/worksheets/_rels/sheet2.xml.rels": drawing,
        "xl/drawings/drawing1.xml": f"<xdr:wsDr {SPACES}>{content}</xdr:wsDr>",
        "xl/drawings/_rels/drawing1.xml.rels": related(c="chart /xl/c.xml", gone="chart x.xml"),
        "xl/c.xml": CHART,
    }
    return read_documents(office.zip("b.xlsx", {**files, **more}))


def test_text_boxes_and_titles_of_charts_are_read(office: Maker) -> None:
    """They precede the rows; a drawing is read once, and the values of charts are in cells."""
    group = (
        f"<xdr:twoCellAnchor><xdr:grpSp>{box('注意')}{box('期限')}</xdr:grpSp></xdr:twoCellAnchor>"
    )
    ways = f"<mc:Choice>{box('new')}</mc:Choice><mc:Fallback>{box('old')}</mc:Fallback>"
    silent = "<mc:AlternateContent><mc:Choice><xdr:sp/></mc:Choice></mc:AlternateContent>"
    content = (
        f"{group}<mc:AlternateContent>{ways}</mc:AlternateContent>{silent}{frame('c')}{frame('c')}"
    )
    found = drawn(office, content)
    assert found.problems == ()
    assert found[0].text == "図\n注意\n期限\nnew\n月別 売上\n\nt\nx\n"
    assert [(one.kind, one.value) for one in found[0].marks][:2] == [
        ("sheet", "図"),
        ("sheet", "t"),
    ]
    both = drawn(
        office, box("注意"), "".join(f'<row r="{n}">{number(f"A{n}", "7")}</row>' for n in (4, 5))
    )
    assert both[0].text == "図\n注意\n\n7\n7\n\nt\nx\n"
    [chunk] = chunk_document(Document(**{**both[0].model_dump(), "text": both[0].text[:9]}))
    assert (chunk.metadata["row"], chunk.metadata["last_row"]) == (4, 5)


def test_hidden_and_damaged_drawings_are_named(office: Maker) -> None:
    """Each by its sheet, and the rest is read."""
    hidden = (
        f'<xdr:grpSp><xdr:nvGrpSpPr><xdr:cNvPr hidden="1"/></xdr:nvGrpSpPr>{box("no")}</xdr:grpSp>'
    )
    found = drawn(office, hidden + box("no", 'hidden="true"') + box("seen") + frame("gone"))
    assert found[0].text == "図\nseen\n\nt\nx\n"
    assert told(found) == [
        (
            "warning",
            "document.broken-part",
            "drawings and charts that cannot be read are left out: 1 in '図'",
        ),
        ("note", "document.hidden-part", "hidden shapes on sheets are left out: 2 in '図'"),
    ]


@pytest.mark.parametrize(
    "name", ["xl/drawings/drawing1.xml", "xl/worksheets/_rels/sheet1.xml.rels"]
)
def test_a_drawing_that_is_no_xml_costs_itself_only(office: Maker, name: str) -> None:
    """The cells are read."""
    found = drawn(office, box("seen"), **{name: "<no"})
    assert found[0].text.endswith("t\nx\n" if "drawings" in name else "t\nseen\n\nx\n")
    assert [code for _, code, _ in told(found)] == ["document.broken-part"]


def test_a_vast_part_besides_the_sheets_is_not_read(office: Maker) -> None:
    """It would be read as a whole."""
    drawing = f"<xdr:wsDr {SPACES}>{box('no')}{' ' * 33 * 2**20}</xdr:wsDr>"
    found = drawn(office, "", **{"xl/drawings/drawing1.xml": drawing})
    assert [code for _, code, _ in told(found)] == ["document.broken-part"]


def test_cells_without_a_value_are_no_percentages(office: Maker) -> None:
    """A column that is formatted to its end is not remembered cell by cell."""
    rows = f'<row r="1"><c r="A1" s="4"/>{number("B1", "0.5", 4)}<c r="C1" s="4" /></row>'
    assert sheet_facts(office.xlsx("a.xlsx", {"s": rows}))["s"].percents == {(0, 1)}
