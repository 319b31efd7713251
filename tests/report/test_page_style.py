"""Colors of the HTML report."""

from __future__ import annotations

from itertools import product

import pytest

from tailorbird.report.page_style import (
    COLORS_DARK,
    COLORS_LIGHT,
    HEAT_DARK,
    HEAT_LIGHT,
    style_sheet,
)


def luminance(color: str) -> float:
    """Compute the relative luminance of `#rrggbb`, as WCAG 2.2 defines it."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Compute the contrast of two colors, 1..21."""
    light, dark = sorted(map(luminance, (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("ground", "text"), [*HEAT_LIGHT, *HEAT_DARK])
def test_heat_cells_are_readable(ground: str, text: str) -> None:
    """Text on every step of the heat table has the contrast that readers need."""
    assert contrast(ground, text) >= 4.5


@pytest.mark.parametrize(
    ("colors", "ground", "text"),
    [
        *product(
            (COLORS_LIGHT, COLORS_DARK),
            ("ground", "panel"),
            ("ink", "soft", "good", "bad", "link"),
        )
    ],
)
def test_texts_are_readable(colors: dict[str, str], ground: str, text: str) -> None:
    """Every text color is readable on both grounds, in light and in dark mode."""
    assert contrast(colors[ground], colors[text]) >= 4.5


@pytest.mark.parametrize("steps", [HEAT_LIGHT, tuple(reversed(HEAT_DARK))])
def test_heat_goes_one_way(steps: tuple[tuple[str, str], ...]) -> None:
    """Steps get darker (in dark mode lighter) one by one, so they read without color vision."""
    grounds = [luminance(ground) for ground, _ in steps]
    assert grounds == sorted(grounds, reverse=True)


def test_dark_mode_is_for_screens() -> None:
    """Dark mode follows the reader's setting and does not reach paper."""
    sheet = style_sheet()
    assert "@media screen and (prefers-color-scheme:dark)" in sheet
    assert "@media print" in sheet
    assert "@media (max-width:40rem)" in sheet
