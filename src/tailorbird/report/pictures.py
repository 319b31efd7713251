"""The pictures of the HTML report, as SVG within the page: cost by volume, and time.

They are drawn by lets-plot (extra `report`). Its colors are stand-ins that become the page's own
variables, so that one picture serves light, dark and paper; arms differ by dash, too.
"""

from __future__ import annotations

import re
import warnings
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from tailorbird.workflow.answering.results import ComparisonData

MOST_ARMS = 8
"""Arms that a picture shows; more lines than that cannot be told apart."""

_WIDTH, _HEIGHT = 640, 330
_ROW = 34  # pixels for each arm of the picture of times
_FRAME = 90

# Stand-ins that occur nowhere else, and what the page has for them.
_INK, _SOFT, _LINE, _GROUND = "#010203", "#020304", "#030405", "#040506"
_VARIABLES: Mapping[str, str] = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    _GROUND: "none",
}
_IDS = re.compile(r'\bid="([A-Za-z0-9]+)"')
_SIZE = re.compile(r'^<svg([^>]*?) width="([\d.]+)" height="([\d.]+)"')


class _Layer(Protocol):
    """A part of a picture, and a picture: what lets-plot's `+` takes and gives."""

    def __add__(self, other: _Layer) -> _Layer:
        """Add a part."""
        ...

    def to_svg(self) -> str:
        """Draw it."""
        ...


class _Make(Protocol):
    """A function of lets-plot that makes a part of a picture."""

    def __call__(self, *args: object, **kwargs: object) -> _Layer:
        """Make the part."""
        ...


class _Plot:
    """The functions of lets-plot that are used; the package has no types."""

    def __init__(self) -> None:
        self._module = _lets_plot()

    def __getattr__(self, name: str) -> _Make:
        return cast("_Make", getattr(self._module, name))


def has_pictures() -> bool:
    """Say whether the package that draws is installed."""
    try:
        _lets_plot()
    except ImportError:
        return False
    return True


def _lets_plot() -> ModuleType:
    """Import lets-plot, whose docstrings make Python warn where it was installed without caches."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("lets_plot")


def cost_picture(data: ComparisonData) -> str:
    """Draw what each arm costs in a month, by questions a month, both in powers of ten.

    Empty when prices are not known, or nothing can be drawn here.
    """
    if data.costs is None or not has_pictures():
        return ""
    names = [arm.name for arm in data.arms][:MOST_ARMS]
    rows = [
        (one.arm, one.questions, float(one.usd))
        for one in data.costs.volumes
        if one.usd and one.arm in names
    ]
    if not rows:
        return ""
    table = {
        "arm": [arm for arm, _, _ in rows],
        "questions": [questions for _, questions, _ in rows],
        "usd": [usd for _, _, usd in rows],
    }
    plot = _Plot()
    drawn = (
        plot.ggplot(table, plot.aes("questions", "usd", color="arm", linetype="arm"))
        + plot.geom_line(size=1.2, tooltips="none")
        + plot.geom_point(size=3, tooltips="none")
        # A point on the frame would be cut in half; in powers of ten `expand` gives no room.
        + plot.expand_limits(**_with_room(rows))
        + plot.scale_x_log10(format=",d", breaks=sorted({questions for _, questions, _ in rows}))
        + plot.scale_y_log10(format=",~g")
        + plot.labs(x="questions a month", y="US dollars a month", color="", linetype="")
        + plot.ggsize(_WIDTH, _HEIGHT)
    )
    return _finished(drawn, plot, names, label="Cost of each arm by questions a month")


def _with_room(rows: Sequence[tuple[str, int, float]]) -> Mapping[str, Sequence[float]]:
    """Widen both axes of a picture in powers of ten a little beyond its points."""
    _, x, y = zip(*rows, strict=True)
    return {"x": [min(x) / 1.3, max(x) * 1.3], "y": [min(y) / 1.5, max(y) * 1.5]}


def time_picture(data: ComparisonData) -> str:
    """Draw within how many seconds half of the answers came (dot), and 95 % (end of the line).

    Empty when no time was measured, or nothing can be drawn here.
    """
    rows = [
        (one.arm, one.latency_p50_s, one.latency_p95_s)
        for one in data.figures[:MOST_ARMS]
        if one.latency_p50_s is not None and one.latency_p95_s is not None
    ]
    if not rows or not has_pictures():
        return ""
    names = [arm for arm, _, _ in rows]
    table: dict[str, list[object]] = {
        "arm": list(names),
        "p50": [half for _, half, _ in rows],
        "p95": [most for _, _, most in rows],
    }
    plot = _Plot()
    drawn = (
        plot.ggplot(table, plot.aes(y=plot.as_discrete("arm", levels=names[::-1]), color="arm"))
        + plot.geom_segment(
            plot.aes(x="p50", xend="p95", yend="arm"), size=3, alpha=0.55, tooltips="none"
        )
        + plot.geom_point(plot.aes(x="p50"), size=5, tooltips="none")
        + plot.expand_limits(x=0)
        + plot.labs(x="seconds", y="", color="")
        + plot.ggsize(_WIDTH, _FRAME + _ROW * len(rows))
    )
    return _finished(drawn, plot, names, label="Seconds to an answer", legend=False)


def _finished(
    drawn: _Layer, plot: _Plot, names: Sequence[str], *, label: str, legend: bool = True
) -> str:
    """Give the SVG with the page's colors, names that collide with nothing, and its width free."""
    stands = [f"#a0b0{place:02x}" for place in range(len(names))]
    text = plot.element_text(color=_INK, size=13)
    whole = (
        drawn
        + plot.scale_color_manual(values=stands, breaks=list(names))
        + plot.theme_minimal()
        + plot.theme(
            text=text,
            axis_text=plot.element_text(color=_SOFT, size=12),
            line=plot.element_line(color=_LINE),
            panel_grid=plot.element_line(color=_LINE, size=0.6),
            panel_grid_minor=plot.element_blank(),
            plot_background=plot.element_rect(fill=_GROUND, color=_GROUND),
            panel_background=plot.element_rect(fill=_GROUND, color=_GROUND),
            legend_background=plot.element_rect(fill=_GROUND, color=_GROUND),
            plot_margin=[8, 36, 4, 4],
            legend_position="bottom" if legend else "none",
        )
    )
    svg = whole.to_svg()
    arms = {stand: f"var(--a{place})" for place, stand in enumerate(stands)}
    for stand, variable in {**_VARIABLES, **arms}.items():
        parts = [int(stand[at : at + 2], 16) for at in (1, 3, 5)]
        # Texts have their color as hexadecimal digits, shapes as numbers.
        for spelled in (stand, f"rgb({parts[0]},{parts[1]},{parts[2]})"):
            svg = svg.replace(spelled, variable)
    prefix = "tb-" + re.sub(r"\W+", "-", label.lower())
    for number, found in enumerate(dict.fromkeys(_IDS.findall(svg))):
        svg = svg.replace(found, f"{prefix}-{number}")
    described = f'role="img" aria-label="{escape(label)}" viewBox="0 0 \\2 \\3"'
    named = svg.replace('class="plt-container"', 'class="plt-container picture"', 1)
    return _SIZE.sub(rf"<svg\1 {described}", named, count=1)
