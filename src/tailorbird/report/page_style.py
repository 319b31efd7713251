"""How the HTML report looks: light and dark, on a phone, on paper."""

from __future__ import annotations

HEAT_LIGHT = (
    ("#f1f3f6", "#1b2430"),
    ("#d9e7f7", "#1b2430"),
    ("#aecff0", "#12202f"),
    ("#2f6db0", "#ffffff"),
    ("#174f8a", "#ffffff"),
)
"""Ground and text for shares of 0 to 0.2, 0.2 to 0.4 … in light mode.

One hue from light to dark, so that it reads without color vision too; each pair has a contrast of
at least 4.5 : 1, as WCAG 2.2 asks for in criterion 1.4.3 (https://www.w3.org/TR/WCAG22/).
"""

HEAT_DARK = (
    ("#1c2229", "#e6ebf1"),
    ("#1a324b", "#e6ebf1"),
    ("#1d4a77", "#eef4fb"),
    ("#7db4ea", "#0b1520"),
    ("#b9daf8", "#0b1520"),
)
"""The same in dark mode, from dark to light."""

COLORS_LIGHT = {
    "ground": "#ffffff",
    "panel": "#f6f8fa",
    "ink": "#1b2430",
    "soft": "#566273",
    "line": "#d5dbe2",
    "good": "#17603a",
    "bad": "#9c2b1f",
    "link": "#174f8a",
    # Arms in pictures: after Okabe and Ito, Color Universal Design (2008, https://jfly.uni-koeln.de/
    # color/), darkened to 4.5 : 1 on the ground.
    "a0": "#0069a6",
    "a1": "#b34a00",
    "a2": "#00735a",
    "a3": "#a03a75",
    "a4": "#7d5a00",
    "a5": "#555f6b",
    "a6": "#5f47a8",
    "a7": "#006c82",
}
"""Colors in light mode; each text color has 4.5 : 1 on `ground` and on `panel`."""

COLORS_DARK = {
    "ground": "#12171d",
    "panel": "#1a2129",
    "ink": "#e6ebf1",
    "soft": "#a4b0be",
    "line": "#343e4a",
    "good": "#7fd6a4",
    "bad": "#f2a397",
    "link": "#8fc1f2",
    "a0": "#6cb8ee",
    "a1": "#f09a5b",
    "a2": "#4fc9a4",
    "a3": "#e39ac6",
    "a4": "#dcb24a",
    "a5": "#b4bec9",
    "a6": "#b7a6f0",
    "a7": "#62c8dd",
}
"""The same in dark mode."""

_RULES = """
.tb{background:var(--ground);color:var(--ink);line-height:1.6;
font-family:system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans JP","Noto Sans CJK JP",
"Yu Gothic UI",Meiryo,sans-serif;font-size:1rem;overflow-wrap:anywhere}
.tb *{box-sizing:border-box}
.tb main{max-width:72rem;margin:0 auto;padding:1.25rem}
.tb h1{font-size:1.5rem;line-height:1.3;margin:0}
.tb h2{font-size:1.15rem;line-height:1.3;margin:2rem 0 .5rem}
.tb h3{font-size:1rem;line-height:1.3;margin:1.25rem 0 .25rem}
.tb p{margin:.25rem 0 .75rem}
.tb .soft{color:var(--soft);font-size:.875rem}
.tb .verdict{background:var(--panel);border:1px solid var(--line);border-left:.35rem solid
var(--link);border-radius:.4rem;padding:1rem 1.25rem;margin:1rem 0}
.tb .headline{font-size:1.2rem;font-weight:600;margin:0 0 .5rem}
.tb .verdict ul{margin:.25rem 0;padding-left:1.2rem}
.tb .caveats{list-style:"⚠ ";border-top:1px solid var(--line);padding-top:.5rem}
.tb .wide{overflow-x:auto;border:1px solid var(--line);border-radius:.4rem}
.tb table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
.tb th,.tb td{padding:.4rem .6rem;text-align:right;white-space:nowrap;
border-bottom:1px solid var(--line);font-size:.9rem}
.tb tr:last-child>*{border-bottom:0}
.tb thead th{font-weight:600;background:var(--panel);vertical-align:bottom}
.tb tbody th,.tb thead th:first-child{text-align:left;position:sticky;left:0;
background:var(--panel);font-weight:600;z-index:1;white-space:normal;min-width:6.5rem}
.tb .pairs td{white-space:normal;min-width:7.5rem;overflow-wrap:normal}
.tb .taken th::after{content:" ★"}
.tb td small,.tb th small{display:block;font-weight:400;font-size:.75rem}
.tb .picture{width:100%;max-width:40rem;height:auto;display:block;margin:.5rem 0}
.tb td svg{display:block;margin:.2rem 0 0 auto}
.tb .better{color:var(--good);font-weight:600}.tb .worse{color:var(--bad);font-weight:600}
.tb details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:0 .9rem}
.tb summary{cursor:pointer;padding:.55rem 0}
.tb summary:focus-visible,.tb input:focus-visible+label{outline:2px solid var(--link);
outline-offset:2px}
.tb .marks{display:flex;flex-wrap:wrap;gap:.15rem .8rem;font-size:.8rem;color:var(--soft)}
.tb .tag{display:inline-block;border:1px solid var(--line);border-radius:1rem;font-size:.75rem;
padding:0 .55rem;color:var(--soft)}
.tb .answers{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.75rem;
margin:.5rem 0 .9rem}
.tb .answer{background:var(--panel);border-radius:.4rem;padding:.6rem .8rem;min-width:0}
.tb .answer h3{font-size:.9rem;margin:0 0 .25rem}
.tb .text{white-space:pre-wrap;margin:0 0 .4rem}
.tb blockquote{margin:.25rem 0 .5rem;padding-left:.6rem;border-left:3px solid var(--line);
font-size:.85rem;white-space:pre-wrap}
.tb .filter{display:flex;flex-wrap:wrap;gap:.4rem;margin:.5rem 0}
.tb .filter input{position:absolute;opacity:0}
.tb .filter label{border:1px solid var(--line);border-radius:1rem;padding:.2rem .8rem;
font-size:.875rem;cursor:pointer}
.tb .filter input:checked+label{background:var(--link);border-color:var(--link);
color:var(--ground)}
.tb .pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));
gap:0 1.5rem;align-items:start;margin:1rem 0}.tb figure{margin:0}
.tb figcaption{font-weight:600;font-size:.95rem}
@media (max-width:40rem){.tb main{padding:.8rem}.tb h1{font-size:1.25rem}
.tb th,.tb td{padding:.35rem .45rem;font-size:.82rem}.tb tbody th{min-width:5rem}
.tb .answers{grid-template-columns:1fr}
.tb figure{overflow-x:auto}.tb .picture{min-width:32rem}}
@media print{.tb{--ground:#fff;font-size:10pt}.tb .wide{overflow:visible;border:0}
.tb .filter{display:none}.tb details::details-content{content-visibility:visible;
display:block;block-size:auto}.tb .answer,.tb tr,.tb summary{break-inside:avoid}
.tb td,.tb .answer{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def style_sheet() -> str:
    """Write the style sheet; everything in it stays within elements of class `tb`."""
    light = _variables(COLORS_LIGHT, HEAT_LIGHT)
    dark = _variables(COLORS_DARK, HEAT_DARK)
    heat = "".join(
        f".tb .h{step}{{background:var(--h{step});color:var(--t{step})}}"
        for step in range(len(HEAT_LIGHT))
    )
    scheme = f"@media screen and (prefers-color-scheme:dark){{.tb{{{dark}color-scheme:dark}}}}"
    return f".tb{{{light}color-scheme:light}}{scheme}{_RULES}{heat}"


def _variables(colors: dict[str, str], heat: tuple[tuple[str, str], ...]) -> str:
    named = "".join(f"--{name}:{color};" for name, color in colors.items())
    steps = "".join(
        f"--h{step}:{ground};--t{step}:{text};" for step, (ground, text) in enumerate(heat)
    )
    return named + steps
