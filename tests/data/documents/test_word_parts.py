"""A Word document is read as it is shown: numbers, readings, boxes, headers, and nothing hidden."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Protocol

import pytest

from tailorbird.data.documents.document_set import DocumentSet, read_documents
from tailorbird.data.documents.loaders.word_numbers import number_in
from tailorbird.exceptions import DataError

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINKS = "word/_rels/document.xml.rels"
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'


class Maker(Protocol):
    """Writes documents; see `conftest.Office`."""

    def zip(self, name: str, files: dict[str, str | bytes]) -> Path:
        """Write a ZIP file."""
        ...

    def docx(self, name: str, body: str, **files: str) -> Path:
        """Write a Word document."""
        ...


def run(text: str, properties: str = "") -> str:
    """Return a run of text."""
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def paragraph(*runs: str, properties: str = "") -> str:
    """Return a paragraph."""
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def numbered(text: str, number: int, level: int = 0) -> str:
    """Return a paragraph of a list."""
    place = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
    return paragraph(run(text), properties=place)


def styled(text: str, style: str) -> str:
    """Return a paragraph with a style."""
    return paragraph(run(text), properties=f'<w:pStyle w:val="{style}"/>')


def part(kind: str, content: str) -> str:
    """Return a part of a document."""
    return f'<w:{kind} xmlns:w="{WORD}">{content}</w:{kind}>'


def level(number: int, text: str, form: str = "decimal", more: str = "") -> str:
    """Return how a level of a list is numbered."""
    return (
        f'<w:lvl w:ilvl="{number}"><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/>{more}'
        "</w:lvl>"
    )


def read(office: Maker, body: str, **files: str) -> DocumentSet:
    """Read a document."""
    return read_documents(office.docx("a.docx", body, **files))


def lines(office: Maker, body: str, **files: str) -> list[str]:
    """Return the lines of a document that has no problems."""
    found = read(office, body, **files)
    assert found.problems == ()
    return [line for line in found[0].text.split("\n") if line]


def test_hidden_text_is_left_out_with_a_note(office: Maker) -> None:
    """By itself, by its style, by the style below; a run may show what its style hides."""
    styles = part(
        "styles",
        '<w:style w:type="paragraph" w:styleId="H"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="H2"><w:basedOn w:val="H"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="S"><w:basedOn w:val="H"/><w:rPr>'
        '<w:vanish w:val="0"/></w:rPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="L"><w:basedOn w:val="L"/></w:style>',
    )
    body = (
        paragraph(
            run("seen "), run("no", "<w:vanish/>"), run("no", '<w:rStyle w:val="H2"/>'), run("end")
        )
        + styled("no", "H")
        + styled("shown", "S")
        + styled("looped", "L")
        + paragraph(
            run("again", '<w:vanish w:val="false"/>'), "<w:r><w:rPr><w:vanish/></w:rPr></w:r>"
        )
    )
    found = read(office, body, word__styles=styles)
    assert [one for one in found[0].text.split("\n") if one] == [
        "seen end",
        "shown",
        "looped",
        "again",
    ]
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("note", "document.hidden-part")
    assert problem.reason.endswith(": 3")


RUBY = (
    "<w:r><w:ruby><w:rubyPr/><w:rt><w:r><w:t>とうきょう</w:t></w:r></w:rt><w:rubyBase><w:r>"
    "<w:t>東京</w:t></w:r></w:rubyBase></w:ruby></w:r>"
)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (RUBY, "東京"),
        (f'<w:fldSimple w:instr="SEQ x">{run("7")}</w:fldSimple>', "7"),
        (f'<w:bdo w:val="rtl">{run("שלום")}</w:bdo>', "שלום"),
        (f'<w:ins w:id="1">{run("new")}</w:ins><w:moveFrom>{run("old")}</w:moveFrom>', "new"),
        ('<m:oMath xmlns:m="urn:math"><m:r><m:t>E=mc²</m:t></m:r></m:oMath>', "E=mc²"),
        ("<w:r><w:t>a</w:t><w:ptab/><w:t>b</w:t></w:r>", "a b"),
    ],
)
def test_words_in_wrappings_are_read(office: Maker, content: str, text: str) -> None:
    """Readings above words, fields, other directions, changes, formulas."""
    assert lines(office, paragraph(content)) == [text]


def box(text: str) -> str:
    """Return the text of a text box."""
    return f"<w:txbxContent>{paragraph(run(text))}</w:txbxContent>"


DRAWN = f"<w:drawing><any>{box('box')}</any></w:drawing>"
CHOICE = f"<mc:Choice>{DRAWN}</mc:Choice>"
FALLBACK = f"<mc:Fallback><w:pict>{box('box')}</w:pict></mc:Fallback>"


def ways(*content: str) -> str:
    """Return several ways of saying the same."""
    return f"<mc:AlternateContent {MC}>{''.join(content)}</mc:AlternateContent>"


@pytest.mark.parametrize(
    "content",
    [
        DRAWN,
        ways(CHOICE),
        ways(CHOICE, "<mc:Fallback/>"),
        ways(CHOICE, FALLBACK),
        ways(FALLBACK),
        ways() + f"<w:pict>{box('box')}</w:pict>",
        ways("<mc:Fallback/>") + DRAWN,
    ],
)
def test_text_boxes_are_read_once(office: Maker, content: str) -> None:
    """Word writes them twice, for older programs, and other programs once."""
    assert lines(office, paragraph(run("before"), f"<w:r>{content}</w:r>")) == ["before", "box"]


def test_headers_come_first_and_footers_last_each_once(office: Maker) -> None:
    """They name the document; the number of a page says nothing."""
    relations = "".join(
        f'<Relationship Id="{name}" Type="x" Target="{name}.xml"/>' for name in ("h1", "h2", "f1")
    )
    section = "".join(
        f'<w:{kind}Reference r:id="{name}" xmlns:r="{OFFICE}"/>'
        for kind, name in (("header", "h1"), ("header", "h2"), ("header", "h1"), ("footer", "f1"))
    )
    path = office.docx(
        "a.docx",
        f"{paragraph(run('text'))}<w:sectPr>{section}</w:sectPr>",
        word__h1=part("hdr", paragraph(run("社外秘 "), run("第3版"))),
        word__h2=part("hdr", paragraph(run("社外秘 第3版")) + paragraph(run("ページ 3"))),
        word__f1=part("ftr", paragraph(run("Page 1 of 9")) + paragraph(run("HR-26"))),
    )
    with zipfile.ZipFile(path) as package:
        files: dict[str, str | bytes] = {one: package.read(one) for one in package.namelist()}
    content = f'<Relationships xmlns="{LINKS}">{relations}</Relationships>'
    path = office.zip("b.docx", {**files, _LINKS: content})
    found = read_documents(path)
    assert [line for line in found[0].text.split("\n") if line] == ["社外秘 第3版", "text", "HR-26"]
    assert found.problems == ()
    damaged = read_documents(office.zip("c.docx", {**files, _LINKS: content, "word/f1.xml": "<no"}))
    assert [line for line in damaged[0].text.split("\n") if line] == ["社外秘 第3版", "text"]
    [problem] = damaged.problems
    assert (problem.severity, problem.code) == ("warning", "document.broken-part")
    torn = read_documents(office.zip("d.docx", {**files, _LINKS: content.replace('"f1"', '"f2"')}))
    assert [one.code for one in torn.problems] == ["document.broken-part"]


def bomb() -> str:
    """Return a drawing of forty text boxes, each within the one before."""
    content = run("innermost")
    for _ in range(40):
        content = (
            f"<w:r><w:drawing><w:txbxContent><w:p>{content}</w:p></w:txbxContent></w:drawing></w:r>"
        )
    return paragraph(content)


def test_text_boxes_in_text_boxes_are_read_once(office: Maker) -> None:
    """And not twice for each box around them, which takes for ever."""
    assert lines(office, bomb()) == ["innermost"]


def test_what_is_nested_too_deeply_is_broken(office: Maker) -> None:
    """Nothing goes down ten thousand levels."""
    with pytest.raises(DataError) as told:
        read(office, "<w:sdt>" * 10_000 + "</w:sdt>" * 10_000)
    assert [one.code for one in told.value.problems] == ["document.broken"]


DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
CHART = f"""<c:chartSpace xmlns:c="{DRAWING}/chart" xmlns:a="{DRAWING}/main"><c:chart><c:title><a:p>
<a:r><a:t>売上</a:t></a:r></a:p></c:title><c:ser><c:tx><c:v>東</c:v></c:tx><c:cat><c:pt idx="0">
<c:v>2025</c:v></c:pt></c:cat><c:val><c:pt idx="0"><c:v>1.50</c:v></c:pt></c:val></c:ser></c:chart>
</c:chartSpace>"""
MAP = f"""<dgm:dataModel xmlns:dgm="{DRAWING}/diagram" xmlns:a="{DRAWING}/main"><dgm:pt><dgm:t><a:p>
<a:r><a:t>申請</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:dataModel>"""


def drawn(kind: str, attribute: str, space: str = OFFICE) -> str:
    """Return a run with a drawing that stands in another file."""
    return (
        f'<w:r><w:drawing><x:{kind} xmlns:x="{DRAWING}/x" xmlns:r="{space}"'
        f' r:{attribute}="{kind}"/></w:drawing></w:r>'
    )


def rewritten(office: Maker, path: Path, changes: dict[str, str]) -> Path:
    """Return a copy of a package with other files."""
    with zipfile.ZipFile(path) as package:
        files: dict[str, str | bytes] = {one: package.read(one) for one in package.namelist()}
    return office.zip("changed.docx", {**files, **changes})


def relations(*ones: tuple[str, str, str]) -> str:
    """Return relations: number, kind, target."""
    listed = "".join(
        f'<Relationship Id="{one}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for one, kind, target in ones
    )
    return f'<Relationships xmlns="{LINKS}">{listed}</Relationships>'


GRAPHICS = relations(("chart", "chart", "../word/c.xml"), ("relIds", "diagramData", "/word/d.xml"))


@pytest.mark.parametrize("space", [OFFICE, STRICT])
def test_charts_and_diagrams_are_read_once(office: Maker, space: str) -> None:
    """Each stands in a file of its own; a chart is a table."""
    body = "".join(
        paragraph(drawn(kind, name, space))
        for kind, name in (("chart", "id"), ("relIds", "dm"), ("chart", "id"))
    )
    path = office.docx("a.docx", paragraph(run("before")) + body, word__c=CHART, word__d=MAP)
    found = read_documents(rewritten(office, path, {_LINKS: GRAPHICS}))
    assert found.problems == ()
    assert found[0].text.split() == ["before", "売上", "2025", "|", "東:", "1.5", "申請"]


@pytest.mark.parametrize("content", ["", "<no"])
def test_a_damaged_chart_costs_itself_only(office: Maker, content: str) -> None:
    """Whether it is gone or broken."""
    path = office.docx("a.docx", paragraph(run("seen"), drawn("chart", "id")))
    changes = {_LINKS: GRAPHICS, **({"word/c.xml": content} if content else {})}
    found = read_documents(rewritten(office, path, changes))
    assert found[0].text.strip() == "seen"
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("warning", "document.broken-part")


def test_what_is_inserted_or_embedded_is_named(office: Maker) -> None:
    """Word takes an inserted document into the text when it saves."""
    thing = '<w:r><w:object><o:OLEObject xmlns:o="urn:o"/></w:object></w:r>'
    found = read(office, paragraph(run("text"), thing) + "<w:altChunk/><w:altChunk/>")
    assert found[0].text.strip() == "text"
    assert [one.code for one in found.problems] == ["document.unread-part"] * 2
    assert [one.reason.rpartition(": ")[2] for one in found.problems] == ["2", "1"]


def test_the_main_part_may_have_any_name(office: Maker) -> None:
    """The package says which it is, and the main part what its notes and styles are."""
    hidden = paragraph(
        run("seen"), run("no", "<w:vanish/>"), '<w:r><w:footnoteReference w:id="1"/></w:r>'
    )
    note = f'<w:footnote w:id="1">{paragraph(run("note"), run("no", "<w:vanish/>"))}</w:footnote>'
    path = office.docx("a.docx", hidden)
    with zipfile.ZipFile(path) as package:
        text = package.read("word/document.xml").decode()
    changes = {
        "_rels/.rels": relations(
            ("r1", "officeDocument", "gone.xml"), ("r2", "officeDocument", "/in/main.xml")
        ),
        "in/main.xml": text,
        "in/_rels/main.xml.rels": relations(("r1", "footnotes", "notes.xml")),
        "in/notes.xml": part("footnotes", note),
    }
    found = read_documents(rewritten(office, path, changes))
    assert [one for one in found[0].text.split("\n") if one] == ["seen[1]", "1. note"]
    assert [one.reason.rpartition(": ")[2] for one in found.problems] == ["2"]


def test_a_package_without_a_main_part_is_broken(office: Maker) -> None:
    """It is told, and not taken for empty."""
    path = office.zip("a.docx", {"[Content_Types].xml": "<Types/>"})
    with pytest.raises(DataError) as told:
        read_documents(path)
    assert [one.code for one in told.value.problems] == ["document.broken"]


def test_labels_are_of_bounded_length(office: Maker) -> None:
    """A number that is written over a page, or in a tenth level, is no number of Word."""
    definitions = part(
        "numbering",
        f'<w:abstractNum w:abstractNumId="0">{level(0, "x" * 999)}{level(9, "%1")}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="9">'
        '<w:startOverride w:val="9"/></w:lvlOverride></w:num>',
    )
    body = numbered("a", 1) + numbered("b", 1, 9)
    assert lines(office, body, word__numbering=definitions) == [f"{'x' * 64} a", "b"]


NUMBERING = part(
    "numbering",
    '<w:abstractNum w:abstractNumId="0">'
    + level(0, "第%1条", more='<w:pStyle w:val="Article"/>')
    + level(1, "%1.%2", more='<w:start w:val="3"/>')
    + level(2, "(%3)", "japaneseCounting", '<w:pStyle w:val="Clause"/>')
    + level(3, "%9", "decimal")
    + "</w:abstractNum>"
    + f'<w:abstractNum w:abstractNumId="1">{level(0, "•", "bullet")}</w:abstractNum>'
    + f'<w:abstractNum w:abstractNumId="2">{level(0, "", "none")}</w:abstractNum>'
    + "".join(
        f'<w:num w:numId="{number}"><w:abstractNumId w:val="{abstract}"/>{more}</w:num>'
        for number, abstract, more in (
            (1, 0, ""),
            (2, 0, '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="9"/></w:lvlOverride>'),
            (3, 1, '<w:lvlOverride w:ilvl="0"/>'),
            (4, 2, ""),
        )
    ),
)
STYLES = part(
    "styles",
    '<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Article"><w:basedOn w:val="1"/><w:pPr><w:numPr>'
    '<w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Own"><w:basedOn w:val="Article"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Clause"><w:basedOn w:val="Article"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Loop"><w:basedOn w:val="Loop"/></w:style>',
)


def test_paragraphs_have_the_numbers_that_word_shows(office: Maker) -> None:
    """Counted by level, begun again below a higher one, by lists and by styles."""
    body = "".join(
        (
            numbered("目的", 1),
            numbered("", 1),
            styled("定義", "Article"),
            numbered("first", 1, 1),
            numbered("second", 1, 1),
            styled("clause", "Clause"),
            styled("own", "Own"),
            numbered("again", 1, 1),
            numbered("restarted", 2),
            numbered("far", 2, 3),
            numbered("bullet", 3),
            numbered("no sign", 4),
            numbered("no list", 9),
            styled("looped", "Loop"),
        )
    )
    assert lines(office, body, word__numbering=NUMBERING, word__styles=STYLES) == [
        *("第1条 目的", "第3条 定義", "3.3 first", "3.4 second", "(一) clause", "第4条 own"),
        *("4.3 again", "第9条 restarted", "1 far", "- bullet", "no sign", "no list", "looped"),
    ]


@pytest.mark.parametrize(
    ("form", "number", "written"),
    [
        ("decimal", 7, "7"),
        ("unknown", 7, "7"),
        ("none", 7, ""),
        ("decimalZero", 7, "07"),
        ("lowerLetter", 28, "bb"),
        ("upperLetter", 3, "C"),
        ("upperRoman", 1994, "MCMXCIV"),
        ("lowerRoman", 4000, "4000"),
        ("japaneseCounting", 1210, "千二百十"),
        ("japaneseCounting", 30, "三十"),
        ("japaneseCounting", 10_000, "10000"),
        ("ideographDigital", 20, "二〇"),
        ("aiueo", 1, "ア"),
        ("irohaFullWidth", 2, "ロ"),
        ("decimalEnclosedCircle", 20, "⑳"),
        ("decimalEnclosedCircle", 21, "21"),
        ("upperRoman", 0, "0"),
    ],
)
def test_numbers_are_written_in_the_ways_of_word(form: str, number: int, written: str) -> None:
    """Also in those of Japanese rules."""
    assert number_in(form, number) == written


def test_notes_are_numbered_as_the_text_names_them(office: Maker) -> None:
    """What leads back from a note is not text."""
    note = f'<w:footnote w:id="1">{paragraph(run("the note"))}</w:footnote>'
    body = paragraph(run("text"), '<w:r><w:footnoteReference w:id="1"/></w:r>')
    assert lines(office, body, word__footnotes=part("footnotes", note)) == [
        "text[1]",
        "1. the note",
    ]


def test_cells_merged_over_rows_count_for_each(office: Maker) -> None:
    """A row of a table is understood alone."""
    cells = [
        [f'<w:tcPr><w:vMerge w:val="restart"/></w:tcPr>{paragraph(run("部長"))}', "3,000"],
        [f"<w:tcPr><w:vMerge/></w:tcPr>{paragraph()}", "4,000"],
    ]
    rows = (
        f"<w:tr><w:tc>{first}</w:tc><w:tc>{paragraph(run(second))}</w:tc></w:tr>"
        for first, second in cells
    )
    table = f"<w:tbl><w:tblPr/><w:tblGrid/>{''.join(rows)}</w:tbl>"
    assert lines(office, table) == ["部長 | 3,000", "部長 | 4,000"]
