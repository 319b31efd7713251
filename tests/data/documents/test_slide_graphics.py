"""Charts and diagrams on slides are read; hidden shapes and the numbers of slides are not."""

from __future__ import annotations

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
