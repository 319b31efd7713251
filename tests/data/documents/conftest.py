"""Make documents of every format, as small as they can be."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from pypdf import PdfReader, PdfWriter

_RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAW = "http://schemas.openxmlformats.org/drawingml/2006/main"
_MIME = "application/vnd.openxmlformats-officedocument"


class Office:
    """Writes documents into a folder."""

    def __init__(self, folder: Path) -> None:
        """Write into `folder`."""
        self.folder = folder

    def zip(self, name: str, files: dict[str, str | bytes]) -> Path:
        """Write a ZIP file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
            for inner, content in files.items():
                package.writestr(inner, content)
        return path

    def docx(self, name: str, body: str, **files: str) -> Path:
        """Write a Word document; `body` is the XML within `w:body`."""
        return self.zip(
            name,
            {
                "[Content_Types].xml": _types({"/word/document.xml": f"{_MIME}.wordprocessingml"}),
                "_rels/.rels": _rels(("officeDocument", "word/document.xml")),
                "word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body>'
                "</w:document>",
                "word/styles.xml": f'<w:styles xmlns:w="{_WORD}">'
                '<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/></w:style>'
                '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>'
                "</w:styles>",
                "word/_rels/document.xml.rels": _rels(("styles", "styles.xml")),
                **{one.replace("__", "/") + ".xml": text for one, text in files.items()},
            },
        )

    def xlsx(
        self, name: str, sheets: dict[str, str], *, hidden: Sequence[str] = (), after: str = ""
    ) -> Path:
        """Write a workbook; values are the XML within `sheetData`, `after` stands behind it."""
        states = ("visible", "hidden")
        listed = "".join(
            f'<sheet name="{escape(one)}" sheetId="{number}" r:id="r{number}"'
            f' state="{states[one in hidden]}"/>'
            for number, one in enumerate(sheets, start=1)
        )
        files: dict[str, str | bytes] = {
            "[Content_Types].xml": _types({"/xl/workbook.xml": f"{_MIME}.spreadsheetml.sheet"}),
            "_rels/.rels": _rels(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>{listed}'
            "</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": _rels(
                *(("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)),
                ("styles", "styles.xml"),
            ),
            "xl/styles.xml": f'<styleSheet xmlns="{_SHEET}"><numFmts>'
            '<numFmt numFmtId="164" formatCode="0.0%"/>'
            """<numFmt numFmtId="165" formatCode='0"%"'/>"""
            '</numFmts><cellXfs><xf numFmtId="0"/>'
            '<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/>'
            '<xf numFmtId="21" applyNumberFormat="1"/><xf numFmtId="9"/><xf numFmtId="164"/>'
            '<xf numFmtId="165"/><xf numFmtId="46" applyNumberFormat="1"/></cellXfs></styleSheet>',
        }
        for number, data in enumerate(sheets.values(), start=1):
            files[f"xl/worksheets/sheet{number}.xml"] = (
                f'<worksheet xmlns="{_SHEET}"><sheetData>{data}</sheetData>{after}</worksheet>'
            )
        return self.zip(name, files)

    def pptx(self, name: str, slides: Sequence[str], *, title: str = "") -> Path:
        """Write a presentation; each slide is the XML behind `p:sld`: attributes, then shapes."""
        master = "/ppt/slideMasters/m.xml"
        layout = "/ppt/slideLayouts/l.xml"
        kinds = {
            "/ppt/presentation.xml": f"{_MIME}.presentationml.presentation.main+xml",
            master: f"{_MIME}.presentationml.slideMaster+xml",
            layout: f"{_MIME}.presentationml.slideLayout+xml",
            "/docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
        }
        kinds |= {
            f"/ppt/slides/s{number}.xml": f"{_MIME}.presentationml.slide+xml"
            for number in range(1, len(slides) + 1)
        }
        spaces = f'xmlns:p="{_SLIDE}" xmlns:a="{_DRAW}" xmlns:r="{_OFFICE}"'
        ids = "".join(f'<p:sldId id="{255 + n}" r:id="r{n}"/>' for n in range(1, len(slides) + 1))
        empty = "<p:cSld><p:spTree><p:nvGrpSpPr/><p:grpSpPr/></p:spTree></p:cSld>"
        core = _RELATIONSHIPS.replace("relationships", "metadata/core-properties")
        files: dict[str, str | bytes] = {
            "[Content_Types].xml": _types(kinds),
            "_rels/.rels": _rels(("officeDocument", "ppt/presentation.xml")).replace(
                "</Relationships>",
                f'<Relationship Id="core" Type="{_RELATIONSHIPS}/metadata/core-properties"'
                ' Target="docProps/core.xml"/></Relationships>',
            ),
            "docProps/core.xml": f'<c:coreProperties xmlns:c="{core}"'
            f' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title>'
            "</c:coreProperties>",
            "ppt/presentation.xml": f"<p:presentation {spaces}><p:sldIdLst>{ids}</p:sldIdLst>"
            "</p:presentation>",
            "ppt/_rels/presentation.xml.rels": _rels(
                *(("slide", f"slides/s{number}.xml") for number in range(1, len(slides) + 1))
            ),
            master[1:]: f"<p:sldMaster {spaces}>{empty}</p:sldMaster>",
            layout[1:]: f"<p:sldLayout {spaces}>{empty}</p:sldLayout>",
            "ppt/slideLayouts/_rels/l.xml.rels": _rels(("slideMaster", "../slideMasters/m.xml")),
        }
        for number, slide in enumerate(slides, start=1):
            attributes, _, shapes = slide.partition(">")
            files[f"ppt/slides/s{number}.xml"] = (
                f"<p:sld {spaces} {attributes}><p:cSld><p:spTree><p:nvGrpSpPr/><p:grpSpPr/>"
                f"{shapes}</p:spTree></p:cSld></p:sld>"
            )
            files[f"ppt/slides/_rels/s{number}.xml.rels"] = _rels(
                ("slideLayout", "../slideLayouts/l.xml")
            )
        return self.zip(name, files)

    def xls(self, name: str, cells: Sequence[str], *, password: bool = False) -> Path:
        """Write a workbook of Excel 97 with one column; a password is only claimed."""
        path = self.folder / name
        path.write_bytes(_compound(_workbook(cells, password=password)))
        return path

    def bomb(self, name: str) -> Path:
        """Write a PDF that unpacks to 80 MB."""
        path = self.folder / name
        path.write_bytes(bomb_pdf(80_000_000))
        return path

    def pages(self, name: str, count: int) -> Path:
        """Write a PDF that has one page that many times."""
        path = self.folder / name
        kids = b"3 0 R " * count
        catalog = b"<< /Type /Catalog /Pages 2 0 R >>"
        tree = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, kids)
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"
        path.write_bytes(joined_pdf([catalog, tree, page]))
        return path

    def form(self, name: str, *annotations: str, form: str = "", drawn: str = "") -> Path:
        """Write a PDF of one page with annotations, objects 6 and on; `form` is that of object 5.

        What is drawn on the page is a picture.
        """
        refs = " ".join(f"{6 + at} 0 R" for at in range(len(annotations)))
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R"
        objects = [
            "<< /Type /Catalog /Pages 2 0 R /AcroForm 5 0 R >>",
            "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            f"{page} /Annots [{refs} null] >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
            f"<< {form} >>",
            *annotations,
        ]
        path = self.folder / name
        path.write_bytes(joined_pdf([one.encode("latin-1") for one in objects]))
        return path

    def slow(self, name: str, *, levels: int = 12) -> Path:
        """Write a small PDF whose forms draw each other ten times: 10 ** levels drawings.

        pypdf stops at 5,000 of them; the steps of each make that many take minutes, too.
        """
        resources = b"/Resources << /XObject << /F %d 0 R >> >>"
        drawn = b"<< /Length %d >>\nstream\n/F Do\nendstream" % len(b"/F Do\n")
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R %s >>"
            % (resources % 5),
            drawn,
        ]
        body = zlib.compress(b"/F Do\n" * 10 + b"0 0 Td\n" * 30_000)
        for level in range(levels):
            inner = resources % (6 + level if level < levels - 1 else 4)
            objects.append(
                b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] %s /Filter /FlateDecode"
                b" /Length %d >>\nstream\n%s\nendstream" % (inner, len(body), body)
            )
        path = self.folder / name
        path.write_bytes(joined_pdf(objects))
        return path

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
        """Write a PDF of lines; a page without lines is blank. Bookmarks name a page from 1."""
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(raw_pdf(pages))))
        if title:
            writer.add_metadata({"/Title": title})
        parent = None
        for heading, number in bookmarks:
            parent = writer.add_outline_item(title=heading, page_number=number - 1, parent=parent)
        if password is not None:
            writer.encrypt(password, owner_password="owner", algorithm=algorithm)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        writer.write(path)
        return path


def bomb_pdf(size_bytes: int) -> bytes:
    """Write a PDF whose page unpacks to that many bytes."""
    packed = zlib.compress(b" " * size_bytes, 9)
    return joined_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
        ]
    )


def raw_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Write a PDF with a font for each Japanese way of encoding: its own codes, and Shift_JIS.

    Lines that begin with `sjis:` are written in Shift_JIS with a font that is not embedded; a line
    `picture` draws a picture.
    """
    letters = sorted({char for page in pages for line in page for char in line})
    table = "\n".join(f"<{ord(char):04X}> <{ord(char):04X}>" for char in letters if ord(char) > 31)
    cmap = f"begincmap\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n{len(letters)}"
    cmap += f" beginbfchar\n{table}\nendbfchar\nendcmap"
    info = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >>"
    descendant = f"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /X {info} /DW 1000 >>"
    kids = " ".join(f"{8 + 2 * at} 0 R" for at in range(len(pages)))
    font = f"<< /Type /Font /Subtype /Type0 /DescendantFonts [{descendant}] /BaseFont"
    picture = "/Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray /Length 1"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>",
        f"{font} /X /Encoding /Identity-H /ToUnicode 4 0 R >>",
        f"<< /Length {len(cmap)} >>\nstream\n{cmap}\nendstream",
        f"{font} /Ryumin-Light /Encoding /90ms-RKSJ-H >>",
        f"<< /Type /XObject /Subtype /Image {picture} >>\nstream\nx\nendstream",
        "<< /Font << /F 3 0 R /S 5 0 R >> /XObject << /P 6 0 R >> >>",
    ]
    for at, page in enumerate(pages):
        content = "".join(f"{_drawn(line)} 0 -20 Td\n" for line in page)
        content = content and f"BT 50 800 Td\n{content}ET"
        show = f"/Contents {9 + 2 * at} 0 R" if content else ""
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 840] /Resources 7 0 R {show} >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        ]
    return joined_pdf([one.encode("ascii") for one in objects])


def joined_pdf(objects: Sequence[bytes]) -> bytes:
    """Number objects from 1, and write the table that finds them; the first one is the catalog."""
    data = b"%PDF-1.7\n"
    places: list[int] = []
    for number, one in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    listed = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return data + (
        f"xref\n0 {size}\n0000000000 65535 f \n{listed}trailer\n<< /Size {size} /Root 1 0 R >>\n"
        f"startxref\n{len(data)}\n%%EOF"
    ).encode("ascii")


def _record(kind: int, data: bytes) -> bytes:
    """Write a record of Excel 97."""
    return struct.pack("<HH", kind, len(data)) + data


def _workbook(cells: Sequence[str], *, password: bool) -> bytes:
    """Write the records of a workbook with one sheet, by [MS-XLS]."""
    begin = struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)
    locked = _record(0x2F, struct.pack("<HHH", 1, 1, 1)) if password else b""
    name = "表".encode("utf-16-le")
    head = _record(0x809, begin) + locked
    place = len(head) + 4 + 8 + len(name) + 4
    head += _record(0x85, struct.pack("<IBBBB", place, 0, 0, 1, 1) + name) + _record(0x0A, b"")
    sheet = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    for row, cell in enumerate(cells):
        text = cell.encode("utf-16-le")
        sheet += _record(0x204, struct.pack("<HHHHB", row, 0, 0, len(cell), 1) + text)
    return head + sheet + _record(0x0A, b"")


def _compound(stream: bytes) -> bytes:
    """Wrap a stream named Workbook into a compound file, by [MS-CFB]: table, folder, stream."""
    end, free, none = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF
    count = 8 + len(stream) // 512
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, end, 0, end, 0
    )
    head += struct.pack("<109I", 0, *[free] * 108)
    chain = [0xFFFFFFFD, end, *range(3, 2 + count), end]
    table = struct.pack("<128I", *chain, *[free] * (128 - len(chain)))

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        letters = name.encode("utf-16-le") + b"\x00\x00"
        return letters.ljust(64, b"\x00") + struct.pack(
            "<HBBIII16xI16xIQ", len(letters), kind, 1, none, none, child, 0, start, size
        )

    folder = entry("Root Entry", 5, 1, end, 0) + entry("Workbook", 2, none, 2, count * 512)
    return head + table + folder.ljust(512, b"\x00") + stream.ljust(count * 512, b"\x00")


def _drawn(line: str) -> str:
    if line == "picture":
        return "/P Do"
    if line.startswith("sjis:"):
        return f"/S 12 Tf <{line.removeprefix('sjis:').encode('cp932').hex()}> Tj"
    return f"/F 12 Tf <{line.encode('utf-16-be').hex()}> Tj"


def _types(kinds: dict[str, str]) -> str:
    listed = "".join(
        f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in kinds.items()
    )
    return (
        f'<Types xmlns="{_TYPES}"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels"'
        f' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{listed}</Types>'
    )


def _rels(*targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_RELATIONSHIPS}">{listed}</Relationships>'


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Write documents into the test's folder."""
    return Office(tmp_path)
