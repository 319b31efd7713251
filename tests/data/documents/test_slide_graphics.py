"""Charts and diagrams on slides are read; hidden shapes and the numbers of slides are not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pptx
import pptx.chart.data
import pytest
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml

from tailorbird.data.documents.document_set import DocumentSet, read_documents

DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
CHARTS: Any = pptx.chart.data  # the package has no types
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DIAGRAM = f"""<dgm:dataModel xmlns:dgm="{DRAWING}/diagram" xmlns:a="{DRAWING}/main"><dgm:ptLst>
<dgm:pt modelId="1"><dgm:t><a:p><a:r><a:t>申請</a:t></a:r></a:p><a:p/></dgm:t></dgm:pt>
<dgm:pt modelId="2" type="pres"><dgm:t><a:p><a:r><a:t>no</a:t></a:r></a:p></dgm:t></dgm:pt>
<dgm:pt modelId="3" type="node"><dgm:t><a:p><a:r><a:t>ap</a:t></a:r><a:r>
<a:t>proval</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>"""


class Deck:
    """A presentation with one slide."""

    def __init__(self, folder: Path) -> None:
        """Write it into a folder."""
        self._path = folder / "a.pptx"
        self._file: Any = pptx.Presentation()
        self.slide: Any = self._file.slides.add_slide(self._file.slide_layouts[6])

    def chart(self, kind: object, data: object, title: str = "") -> None:
        """Put a chart onto the slide."""
        chart = self.slide.shapes.add_chart(kind, 0, 0, 9, 9, data).chart
        chart.has_title = bool(title)
        if title:
            chart.chart_title.text_frame.text = title

    def box(self, text: str) -> Any:  # noqa: ANN401 - the package has no types
        """Put a text onto the slide."""
        box = self.slide.shapes.add_textbox(0, 0, 9, 9)
        box.text_frame.text = text
        return box.element

    def read(self) -> DocumentSet:
        """Read it as a document."""
        self._file.save(self._path)
        return read_documents(self._path)


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    """Make a presentation."""
    return Deck(tmp_path)


def test_a_chart_is_a_table_under_its_title(deck: Deck) -> None:
    """Each category names the series; what has no value is left out."""
    data = CHARTS.CategoryChartData()
    data.categories = ["2024", "2025 年"]
    data.add_series("東日本", (1.5, None))
    data.add_series("西日本", (0.1 + 0.2, 4))
    deck.chart(XL_CHART_TYPE.COLUMN_CLUSTERED, data, "地域別 売上")
    found = deck.read()
    assert found.problems == ()
    assert found[0].text == ("地域別 売上\n2024 | 東日本: 1.5 | 西日本: 0.3\n2025 年 | 西日本: 4\n")


def test_a_chart_of_points_names_their_places(deck: Deck) -> None:
    """A series without a name is told by its values alone."""
    data = CHARTS.XyChartData()
    for name, value in (("", 3), ("b", 4)):
        data.add_series(name).add_data_point(1, value)
    deck.chart(XL_CHART_TYPE.XY_SCATTER, data)
    assert deck.read()[0].text == "1 | 3 | b: 4\n"


def test_points_without_a_place_are_left_out(deck: Deck) -> None:
    """A chart is read as far as it can be."""
    data = CHARTS.CategoryChartData()
    data.categories = ["a"]
    data.add_series("s", (1,))
    deck.chart(XL_CHART_TYPE.PIE, data)
    chart = deck.slide.shapes[0].chart.element
    for category in chart.iter(f"{{{DRAWING}/chart}}cat"):
        for one in category.iter(f"{{{DRAWING}/chart}}pt"):
            one.set("idx", "x")
    assert deck.read()[0].text == "s: 1\n"


def diagram(deck: Deck, content: str) -> None:
    """Put a diagram onto the slide."""
    name = PackURI(f"/ppt/diagrams/data{len(deck.slide.shapes)}.xml")
    kind = "application/vnd.openxmlformats-officedocument.drawingml.diagramData+xml"
    part = Part(name, kind, deck.slide.part.package, content.encode())
    link = deck.slide.part.relate_to(part, f"{OFFICE}/diagramData")
    frame = (
        '<p:graphicFrame xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
        f' xmlns:a="{DRAWING}/main" xmlns:r="{OFFICE}"><p:nvGraphicFramePr>'
        '<p:cNvPr id="9" name="d"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm/>'
        f'<a:graphic><a:graphicData uri="{DRAWING}/diagram"><dgm:relIds r:dm="{link}"'
        f' xmlns:dgm="{DRAWING}/diagram"/></a:graphicData></a:graphic></p:graphicFrame>'
    )
    deck.slide.element.cSld.spTree.append(parse_xml(frame))


def test_a_diagram_gives_the_text_of_its_boxes(deck: Deck) -> None:
    """SmartArt stands in a file of its own; how it is drawn is not text."""
    diagram(deck, DIAGRAM)
    assert deck.read()[0].text == "申請\napproval\n"


def test_a_damaged_diagram_costs_itself_only(deck: Deck) -> None:
    """The rest of the slide is read, and the slide is named once."""
    deck.box("seen")
    diagram(deck, "no xml")
    diagram(deck, "no xml")
    found = deck.read()
    assert found[0].text == "seen\n"
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("warning", "document.broken-part")
    assert problem.reason == "charts or diagrams that cannot be read are left out: 1"


def test_hidden_shapes_are_left_out_with_a_note(deck: Deck) -> None:
    """What the author hid is not put into answers; the number of a slide is no text."""
    deck.box("seen")
    deck.box("no").nvSpPr.cNvPr.set("hidden", "1")
    number = deck.box("1").nvSpPr.nvPr
    number.append(
        number.makeelement(number.tag.replace("nvPr", "ph"), {"type": "sldNum", "idx": "12"})
    )
    found = deck.read()
    assert found[0].text == "seen\n"
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("note", "document.hidden-part")
    assert problem.reason == "hidden shapes on slides are left out: 1"


MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
SHAPE = (
    '<p:sp><p:nvSpPr><p:cNvPr id="{0}" name="b"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/>'
    "<p:txBody><a:bodyPr/><a:p>{1}</a:p></p:txBody></p:sp>"
)
FORMULA = (
    '<a:r><a:t>mass: </a:t></a:r><a14:m xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/'
    f'main"><m:oMath xmlns:m="{MATH}"><m:r><m:t>E=mc²</m:t></m:r></m:oMath></a14:m>'
)


def said(text: str, number: int = 9) -> str:
    """Return a shape with a text."""
    return SHAPE.format(number, f"<a:r><a:t>{text}</a:t></a:r>" if text else "")


def ways(*ones: str) -> str:
    """Return several ways of drawing the same."""
    names = ["Choice"] * (len(ones) - 1) + ["Fallback"]
    content = "".join(
        f"<mc:{name}>{one}</mc:{name}>" for name, one in zip(names, ones, strict=True)
    )
    return (
        f'<mc:AlternateContent xmlns:mc="{MC}" xmlns:a="{DRAWING}/main"'
        f' xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main">{content}'
        "</mc:AlternateContent>"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (ways(said("new"), said("old")), "new"),
        (ways(said(""), said("old")), "old"),
        (ways(said(""), ""), ""),
        (ways(SHAPE.format(9, FORMULA), said("")), "mass: E=mc²"),
        (ways(ways(said("inner"), said("no")), said("old")), "inner"),
        (f'<mc:AlternateContent xmlns:mc="{MC}"/>', ""),
    ],
)
def test_of_several_ways_of_drawing_one_is_read(deck: Deck, content: str, text: str) -> None:
    """The new one, unless only the old one says something; formulas are read."""
    deck.box("first")
    deck.slide.element.cSld.spTree.append(parse_xml(content))
    found = deck.read()
    assert found.problems == ()
    assert found[0].text == "\n".join(filter(None, ["first", text])) + "\n"


def test_ways_outside_of_shapes_stay(deck: Deck) -> None:
    """How a slide passes into the next one is written in several ways, too."""
    deck.box("text")
    deck.slide.element.append(parse_xml(ways("", "")))
    assert deck.read()[0].text == "text\n"


def test_embedded_objects_are_named(deck: Deck) -> None:
    """What stands in a sheet on a slide is not read."""
    deck.box("text")
    frame = deck.box("").getparent()[-1]
    frame.append(
        parse_xml(
            '<p:oleObj xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"/>'
        )
    )
    found = deck.read()
    assert found[0].text == "text\n"
    [problem] = found.problems
    assert (problem.severity, problem.code) == ("warning", "document.unread-part")
    assert problem.reason.endswith(": 1")


NEW_CHART = f"""<cx:chartSpace xmlns:cx="http://schemas.microsoft.com/office/drawing/2014/chartex"
 xmlns:a="{DRAWING}/main"><cx:chartData><cx:data id="0"><cx:strDim type="cat"><cx:lvl>
<cx:pt idx="0">東京</cx:pt></cx:lvl></cx:strDim><cx:numDim type="size"><cx:lvl>
<cx:pt idx="0">3</cx:pt>
<cx:pt idx="12345678901">4</cx:pt></cx:lvl></cx:numDim></cx:data></cx:chartData><cx:chart><cx:title>
<a:p><a:r><a:t>店舗</a:t></a:r></a:p></cx:title></cx:chart></cx:chartSpace>"""


def chart_frame(prefix: str, link: str) -> str:
    """Return a frame for a chart that stands in another file."""
    return (
        f'<p:graphicFrame xmlns:a="{DRAWING}/main" xmlns:r="{OFFICE}"'
        ' xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><p:nvGraphicFramePr>'
        '<p:cNvPr id="9" name="d"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm/>'
        f'<a:graphic><a:graphicData uri="x"><{prefix}:chart xmlns:{prefix}="urn:x" r:id="{link}"/>'
        "</a:graphicData></a:graphic></p:graphicFrame>"
    )


def test_charts_of_newer_kinds_are_read(deck: Deck) -> None:
    """Treemaps, waterfalls and the like keep their values apart."""
    package = deck.slide.part.package
    part = Part(PackURI("/ppt/charts/x.xml"), "application/xml", package, NEW_CHART.encode())
    link = deck.slide.part.relate_to(part, "http://schemas.microsoft.com/x/chartEx")
    frame = chart_frame("cx", link)
    deck.slide.element.cSld.spTree.append(parse_xml(ways(frame, said("no"))))
    assert deck.read()[0].text == "店舗\n東京 | 3\n"


def test_many_series_take_time_by_their_number(deck: Deck) -> None:
    """Each point is looked at once, and not once for each series."""
    series = "".join(
        f'<c:ser><c:val><c:pt idx="{at}"><c:v>{at}</c:v></c:pt></c:val></c:ser>'
        for at in range(20_000)
    )
    part = Part(
        PackURI("/ppt/charts/x.xml"),
        "application/xml",
        deck.slide.part.package,
        f'<c:chart xmlns:c="{DRAWING}/chart">{series}</c:chart>'.encode(),
    )
    link = deck.slide.part.relate_to(part, "x")
    deck.slide.element.cSld.spTree.append(parse_xml(chart_frame("chart", link)))
    begun = time.process_time()
    assert deck.read()[0].text.count("\n") == 20_000
    assert time.process_time() - begun < 10  # series by series it takes minutes
