"""The numbers that Word puts before paragraphs: they stand in no text, and everybody cites them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from tailorbird.data.documents.loaders.word_xml import run_of, split_tag, value_of

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

_PLACE = re.compile(r"%([1-9])")
_DEEPEST = 32  # styles on styles: our own bound, which ends loops as well
_LEVELS = 9  # of a list: ECMA-376 part 1, 17.9.6 lvl
_LONGEST_LABEL = 64  # characters before their numbers are put in: our own bound, as the next one
_MOST_DIGITS = 9
_LETTERS = 26
_KANJI = "〇一二三四五六七八九"
_KANJI_UNITS = ((1000, "千"), (100, "百"), (10, "十"), (1, ""))
_LARGEST_KANJI = 9999
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_LARGEST_ROMAN = 3999
_KANA = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
)
_IROHA = (
    "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス"
)
_CIRCLED = 20  # ① to ⑳ follow each other in Unicode


@dataclass(frozen=True, slots=True)
class _Level:
    """How the paragraphs of one level are numbered."""

    start: int
    form: str
    """Name of the way of writing, as in `numFmt`."""
    text: str
    """What stands before the paragraph; `%1` is the number of the first level."""


class Numbering:
    """Counts the numbered paragraphs of a document, and writes their numbers before them."""

    def __init__(self, numbering: ET.Element | None, styles: ET.Element | None) -> None:
        """Read the definitions; a document may have none."""
        self._levels: dict[str, dict[int, _Level]] = {}
        self._by_style: dict[tuple[str, str], int] = {}  # abstract number, style: level
        self._abstract: dict[str, str] = {}  # by number
        self._restarts: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._counted: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._styles = {} if styles is None else _styles(styles)
        if numbering is not None:
            self._read(numbering)

    def _read(self, numbering: ET.Element) -> None:
        for one in numbering.iterfind("./{*}abstractNum"):
            name = _attribute(one, "abstractNumId")
            levels = self._levels[name] = {}
            for level in one.iterfind("./{*}lvl"):
                depth = _whole(_attribute(level, "ilvl"))
                if depth >= _LEVELS:
                    continue
                levels[depth] = _Level(
                    start=_whole(value_of(level.find("./{*}start")), 1),
                    form=value_of(level.find(".//{*}numFmt")) or "decimal",
                    text=value_of(level.find("./{*}lvlText"))[:_LONGEST_LABEL],
                )
                if style := value_of(level.find("./{*}pStyle")):
                    self._by_style[name, style] = depth
        for one in numbering.iterfind("./{*}num"):
            number = _attribute(one, "numId")
            self._abstract[number] = value_of(one.find("./{*}abstractNumId"))
            for override in one.iterfind("./{*}lvlOverride"):
                depth = _whole(_attribute(override, "ilvl"))
                start = value_of(override.find("./{*}startOverride"))
                if start and depth < _LEVELS:
                    self._restarts[number][depth] = _whole(start, 1)

    def write(self, root: ET.Element) -> None:
        """Write the number of each paragraph before its text; lists with bullets stay as they are.

        A paragraph whose number is written is not part of a list any more.
        """
        for paragraph in root.iter():
            space, kind = split_tag(paragraph.tag)
            properties = paragraph.find(f"./{space}pPr")
            if kind != "p" or properties is None:
                continue
            number, depth = self._place(properties, space)
            levels = self._levels.get(self._abstract.get(number, ""), {})
            level = levels.get(depth)
            if level is None or level.form == "bullet":
                continue
            label = self._label(number, depth, levels)
            _end_list(properties, space)
            if label and any(one.text for one in paragraph.iter(f"{space}t")):
                paragraph.insert([*paragraph].index(properties) + 1, run_of(space, f"{label} "))

    def _place(self, properties: ET.Element, space: str) -> tuple[str, int]:
        """Give number and level of a paragraph, its own or those of its style."""
        style = value_of(properties.find(f"./{space}pStyle"))
        numbered = properties.find(f"./{space}numPr")
        given, depth = self._styles.get(style, ("", ""))
        if numbered is not None:
            given = value_of(numbered.find(f"./{space}numId")) or given
            depth = value_of(numbered.find(f"./{space}ilvl")) or depth
        linked = self._by_style.get((self._abstract.get(given, ""), style), 0)
        return given, _whole(depth, linked)

    def _label(self, number: str, depth: int, levels: Mapping[int, _Level]) -> str:
        counted = self._counted[self._abstract[number]]
        for level, start in self._restarts.pop(number, {}).items():
            counted[level] = start - 1
        counted[depth] = counted.get(depth, levels[depth].start - 1) + 1
        for deeper in [one for one in counted if one > depth]:
            del counted[deeper]

        def written(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            level = levels.get(at, levels[depth])
            return number_in(level.form, counted.get(at, level.start))

        return _PLACE.sub(written, levels[depth].text).strip()


def number_in(form: str, number: int) -> str:
    """Write a number in one of the ways of Word; in digits, where it is not known here."""
    if form == "none":
        return ""
    write = _FORMS.get(form)
    return str(number) if number < 1 or write is None else write(number)


def _letters(number: int) -> str:
    return chr(ord("a") + (number - 1) % _LETTERS) * min((number - 1) // _LETTERS + 1, _LETTERS)


def _roman(number: int) -> str:
    if number > _LARGEST_ROMAN:
        return str(number)
    written = ""
    for worth, sign in _ROMAN:
        written += sign * (number // worth)
        number %= worth
    return written


def _kanji(number: int) -> str:
    if number > _LARGEST_KANJI:
        return str(number)
    written = ""
    for worth, sign in _KANJI_UNITS:
        count, number = divmod(number, worth)
        if count:
            written += ("" if count == 1 and sign else _KANJI[count]) + sign
    return written


def _in_turn(signs: str, number: int) -> str:
    return signs[(number - 1) % len(signs)]


# Names by ECMA-376 part 1, 17.18.59 ST_NumberFormat.
_FORMS: Mapping[str, Callable[[int], str]] = MappingProxyType(
    {
        "decimalZero": lambda number: f"{number:02}",
        "lowerLetter": _letters,
        "upperLetter": lambda number: _letters(number).upper(),
        "lowerRoman": _roman,
        "upperRoman": lambda number: _roman(number).upper(),
        **dict.fromkeys(("japaneseCounting", "chineseCounting"), _kanji),
        "ideographDigital": lambda number: "".join(_KANJI[int(one)] for one in str(number)),
        **dict.fromkeys(("aiueo", "aiueoFullWidth"), partial(_in_turn, _KANA)),
        **dict.fromkeys(("iroha", "irohaFullWidth"), partial(_in_turn, _IROHA)),
        "decimalEnclosedCircle": lambda number: (
            chr(ord("①") + number - 1) if number <= _CIRCLED else str(number)
        ),
    }
)


def _styles(styles: ET.Element) -> dict[str, tuple[str, str]]:
    """Give number and level of each style of paragraphs that has them, itself or by another one."""
    own: dict[str, tuple[str, str]] = {}
    below: dict[str, str] = {}
    for one in styles.iterfind("./{*}style"):
        name = _attribute(one, "styleId")
        below[name] = value_of(one.find("./{*}basedOn"))
        numbered = one.find("./{*}pPr/{*}numPr")
        if numbered is not None:
            number = value_of(numbered.find("./{*}numId"))
            own[name] = (number, value_of(numbered.find("./{*}ilvl")))
    found: dict[str, tuple[str, str]] = {}
    for name in below:
        at = name
        for _ in range(_DEEPEST):
            if at in own:
                found[name] = own[at]
            if at in own or at not in below:
                break
            at = below[at]
    return found


def _end_list(properties: ET.Element, space: str) -> None:
    """Take a paragraph out of its list, also where its style makes it a part of one."""
    for numbered in properties.findall(f"./{space}numPr"):
        properties.remove(numbered)
    numbered = properties.makeelement(f"{space}numPr", {})
    for kind, value in (("ilvl", "0"), ("numId", "0")):
        numbered.append(properties.makeelement(f"{space}{kind}", {f"{space}val": value}))
    properties.append(numbered)


def _attribute(element: ET.Element, name: str) -> str:
    return next((value for key, value in element.items() if split_tag(key)[1] == name), "")


def _whole(given: str, default: int = 0) -> int:
    whole = given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS
    return int(given) if whole else default
