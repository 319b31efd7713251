"""The pictures of the report, and the page in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from decimal import Decimal
from html import escape
from pathlib import Path
from xml.etree import ElementTree as ET

import png
import pytest

import tailorbird
from tailorbird.report import Comparison
from tailorbird.report.page_style import COLORS_LIGHT, style_sheet
from tailorbird.report.pictures import MOST_ARMS, cost_picture, time_picture
from tailorbird.workflow.answering.results import ComparisonData
from tailorbird.workflow.money.volume import ArmCosts, costs_of

EXAMPLES = Path(__file__).parents[2] / "examples" / "en"
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.fixture(scope="module")
def compared() -> ComparisonData:
    """A comparison of the six arms with prices and hosting."""
    with tailorbird.open_sync("fake", workspace=None, environ={}) as bench:
        faq = tailorbird.read_questions(EXAMPLES / "faq.csv")
        train, held_out = faq.split(held_out=0.25, seed=7)
        tuned = bench.fine_tune(train, system="You are our help desk.", name="bot")
        index = bench.build_index(EXAMPLES / "handbook", name="handbook")
        return bench.compare(bench.arms(tuned=tuned, index=index), held_out[:9]).data


def test_pictures_are_drawn_in_the_colors_of_the_page(compared: ComparisonData) -> None:
    """Each arm has its color by a variable of the page, and nothing else is colored in."""
    for picture in (cost_picture(compared), time_picture(compared)):
        ET.fromstring(picture)  # noqa: S314 - our own
        for place, arm in enumerate(compared.arms):
            assert f"var(--a{place})" in picture
            assert arm.name in picture
        assert 'role="img"' in picture
        assert not re.search(r"#0[1-4]0[2-5]0[3-6]|#a0b0|rgb\(160,176", picture)
        assert "<script" not in picture


def test_pictures_are_the_same_each_time(compared: ComparisonData) -> None:
    """Names within the pictures are no chance, and differ between the two."""
    assert cost_picture(compared) == cost_picture(compared)
    ids = [
        set(re.findall(r'id="([^"]+)"', draw(compared))) for draw in (cost_picture, time_picture)
    ]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_pictures_show_what_can_be_told_apart(compared: ComparisonData) -> None:
    """Without prices or times there is no picture, and never more than eight lines."""
    silent = compared.figures[0].model_copy(update={"latency_p50_s": None})
    assert time_picture(compared.model_copy(update={"figures": (silent,)})) == ""
    assert cost_picture(compared.model_copy(update={"costs": None})) == ""
    unknown = costs_of([ArmCosts(arm="base", usd_per_question=None)])
    assert cost_picture(compared.model_copy(update={"costs": unknown})) == ""
    many = [compared.arms[0].model_copy(update={"name": f"arm {n}"}) for n in range(12)]
    costs = costs_of([ArmCosts(arm=one.name, usd_per_question=Decimal("0.01")) for one in many])
    drawn = cost_picture(compared.model_copy(update={"arms": tuple(many), "costs": costs}))
    assert f"arm {MOST_ARMS - 1}" in drawn
    assert f"arm {MOST_ARMS}" not in drawn


def test_without_the_extra_the_page_says_what_to_install(
    compared: ComparisonData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables are all there; only the pictures are missing."""
    monkeypatch.setitem(sys.modules, "lets_plot", None)
    page = Comparison(compared).to_html()
    assert "pip install &#x27;tailorbird[report]&#x27;" in page
    assert "By questions a month" in page
    monkeypatch.undo()
    assert "tailorbird[report]" not in Comparison(compared).to_html()


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="there is no Chromium to look at the page with")
@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_fits_a_screen_and_a_phone(
    compared: ComparisonData, tmp_path: Path, width: int
) -> None:
    """A browser shows the whole page without scrolling sideways, and runs nothing of it."""
    html = Comparison(compared).to_html()
    page = tmp_path / "around.html"
    # Windows have a least width; a frame has none.
    page.write_text(
        f'<title>-</title><iframe width="{width}" height="2000" style="border:0"'
        f' srcdoc="{escape(html)}" onload="document.title ='
        ' this.contentDocument.documentElement.scrollWidth"></iframe>',
        encoding="utf-8",
    )
    seen = _browse(tmp_path, page, "--dump-dom", width=1400).decode()
    found = re.search(r"<title>(\d+)</title>", seen)
    assert found is not None
    assert int(found[1]) <= width
    assert len(html.encode()) < 1_000_000


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="there is no Chromium to look at the page with")
def test_the_pictures_are_seen(compared: ComparisonData, tmp_path: Path) -> None:
    """On the screenshot of the picture of costs, most arms' colors are there."""
    page = tmp_path / "picture.html"
    page.write_text(
        f'<body class="tb"><style>{style_sheet()}</style>{cost_picture(compared)}',
        encoding="utf-8",
    )
    shot = tmp_path / "shot.png"
    _browse(tmp_path, page, f"--screenshot={shot}", "--window-size=700,400", width=700)
    *_, rows, _ = png.Reader(bytes=shot.read_bytes()).asRGB8()
    colors = {bytes(row[at : at + 3]).hex() for row in rows for at in range(0, len(row), 3)}
    wanted = {COLORS_LIGHT[f"a{place}"].lstrip("#") for place in range(len(compared.arms))}
    assert len(wanted & colors) >= len(wanted) - 1  # one line may lie under another


def _browse(folder: Path, page: Path, *options: str, width: int) -> bytes:
    """Open a page in a browser without a window, a network, or a profile of anybody's."""
    command = (
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *(f"--user-data-dir={folder / 'browser'}", f"--window-size={width},2400", *options),
        page.as_uri(),
    )
    return subprocess.run(command, check=True, capture_output=True, timeout=50).stdout
