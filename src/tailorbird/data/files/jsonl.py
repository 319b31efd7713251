"""Read one line of JSON Lines, and say exactly what is wrong with one that cannot be read."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from typing import TYPE_CHECKING, cast

from tailorbird.data.files.encoding_guess import implausible_cp932
from tailorbird.data.files.strict_json import syntax_fault
from tailorbird.data.problems import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.data.row_report import RowReport

MAX_DEPTH = 200
"""How deep objects and lists may be nested: the bound of jiter, the parser that is used."""

_LITERAL_CHARS = 100_000  # longer lines are not worth parsing a second time for a better message
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_HALF_PAIR = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_BAD_RUN = re.compile("[\udc80-\udcff]+")
_PYTHON_SIGN = re.compile("'|(?:None|True|False)\\b")


class _Object(dict[str, object]):
    """An object that remembers which of its keys came more than once."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated: list[str] = []
        if len(self) < len(pairs):
            names = [key for key, _ in pairs]
            self.repeated = [key for key in self if names.count(key) > 1]


class _NotFinite(str):
    """A number that JSON does not have, as it was written."""

    __slots__ = ()


class LineParser:
    """Turns lines into objects; what it cannot read it reports."""

    def __init__(self) -> None:
        """Load the parser."""
        # 5 ms that a program which reads no training file does not pay.
        from jiter import from_json  # noqa: PLC0415

        self._parse = from_json

    def parse(self, raw: bytes, report: RowReport) -> dict[str, object] | None:
        """Give the object of a line, or report why there is none.

        Keys that come twice, NaN, infinite numbers, half characters and nesting deeper than
        `MAX_DEPTH` are refused. Numbers too large for a float become infinite here: `infinite`
        finds them.
        """
        try:
            value: object = self._parse(
                raw, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys"
            )
        except ValueError:
            _explain(raw, report)
            return None
        if not isinstance(value, dict):
            reason = f"the line is JSON, but {shape_of(value)} instead of an object"
            shown = raw[:200].decode("utf-8", "replace")
            report.add("error", "jsonl.not-object", reason, 'write {"messages": […]}', shown=shown)
            return None
        return cast("dict[str, object]", value)


def infinite(value: object, path: str) -> str | None:
    """Give the path of the first number that is not finite; None when there is none."""
    if _is_finite(value):
        return None
    floats = ((place, one) for place, one in _walk(value, path) if isinstance(one, float))
    return next(place for place, one in floats if not math.isfinite(one))


def shape_of(value: object) -> str:
    """Name the type of a JSON value, as it stands in a sentence."""
    if isinstance(value, bool):
        return "true or false"
    names: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (str, "a text"),
        (dict, "an object"),
        (list, "a list"),
        ((int, float), "a number"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, cast("dict[str, object]", value).values()))
    return not isinstance(value, list) or all(map(_is_finite, cast("list[object]", value)))


def _walk(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Give every value within a value, with its path, in the order of the text."""
    waiting: list[tuple[str, object]] = [(path, value)]
    while waiting:
        place, found = waiting.pop()
        yield place, found
        if isinstance(found, dict):
            items = cast("dict[str, object]", found).items()
            inner = [(_below(place, key), item) for key, item in items]
            waiting.extend(reversed(inner))
        elif isinstance(found, list):
            each = enumerate(cast("list[object]", found))
            inner = [(f"{place}[{at}]", item) for at, item in each]
            waiting.extend(reversed(inner))


def _below(place: str, key: str) -> str:
    return f"{place}.{excerpt(key)}" if place else excerpt(key)


def _explain(raw: bytes, report: RowReport) -> None:
    """Report why a line cannot be read, by reading it again with a slower, wordier parser."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        _explain_bytes(raw, exc, report)
        return
    try:
        value = json.loads(
            text, object_pairs_hook=_Object, parse_constant=_NotFinite, parse_float=_number
        )
    except json.JSONDecodeError as exc:
        _explain_syntax(text, exc, report)
    except RecursionError:
        _explain_depth(report)
    except ValueError:
        reason = "a whole number has thousands of digits"
        report.add("error", "jsonl.number-too-long", reason, "write it as a text")
    else:
        if not _explain_values(value, report):
            _explain_depth(report)


def _number(text: str) -> object:
    number = float(text)
    return number if math.isfinite(number) else _NotFinite(text)


def _explain_depth(report: RowReport) -> None:
    reason = f"objects and lists are nested deeper than {MAX_DEPTH} levels"
    report.add("error", "jsonl.too-deep", reason, "give the row a flatter form")


def _explain_bytes(raw: bytes, exc: UnicodeDecodeError, report: RowReport) -> None:
    column = len(raw[: exc.start].decode("utf-8")) + 1
    run = _BAD_RUN.search(raw.decode("utf-8", "surrogateescape"))
    bad = b"" if run is None else run[0].encode("utf-8", "surrogateescape")
    shown = bad[:4].hex(" ").upper()
    if _HALF_PAIR.match(bad):
        reason = f"the bytes {shown} are half of a character (a lone surrogate), not UTF-8"
        fix = "write the character (often an emoji) again and save as UTF-8"
    else:
        reason = f"the bytes {shown} are not UTF-8"
        fix = "save the line, or the whole file, as UTF-8"
        japanese = bad.decode("cp932", "ignore")
        if japanese and implausible_cp932([japanese]) is None:
            reason += f"; in cp932 they read {excerpt(japanese)!r}"
    report.add("error", "encoding.undecodable", reason, fix, column=column)


def _explain_syntax(text: str, exc: json.JSONDecodeError, report: RowReport) -> None:
    if _PYTHON_SIGN.match(text, exc.pos) and _is_python(text):
        report.add(
            "error",
            "jsonl.python-literal",
            "the line is Python's notation of a dictionary, not JSON",
            "write it with json.dumps(row, ensure_ascii=False) instead of str(row)",
            column=exc.pos + 1,
            shown=text,
        )
        return
    fault = syntax_fault(text, exc)
    report.add("error", "jsonl.not-json", fault.reason, fault.fix, column=fault.at + 1, shown=text)


def _is_python(text: str) -> bool:
    """Say whether a line is a dictionary as Python prints it."""
    if not text.lstrip().startswith("{") or len(text) > _LITERAL_CHARS:
        return False
    try:
        with warnings.catch_warnings():
            # A backslash that Python does not know is the user's affair, not the program's.
            warnings.simplefilter("ignore")
            return isinstance(ast.literal_eval(text.strip()), dict)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


def _explain_values(value: object, report: RowReport) -> bool:
    """Report values that JSON's grammar lets through; say whether there were any."""
    found = False
    for place, inner in _walk(value, ""):
        if isinstance(inner, _Object):
            for key in inner.repeated:
                found = True
                reason = f"the key {excerpt(key)!r} is there twice in one object"
                where = _below(place, key)
                report.error("jsonl.duplicate-key", reason, "remove one of them", field=where)
            half = next((key for key in inner if _HALF_CHARACTER.search(key)), None)
        elif isinstance(inner, _NotFinite):
            found = True
            reason = f"{excerpt(inner)} is no number that JSON has"
            report.error("jsonl.not-finite", reason, "write a finite number or null", field=place)
            continue
        else:
            half = inner if isinstance(inner, str) and _HALF_CHARACTER.search(inner) else None
        if half is not None:
            found = True
            reason = "half of a character (a lone surrogate): another program cut it in two"
            fix = "write the character (often an emoji) again"
            report.error("jsonl.lone-surrogate", reason, fix, field=place, shown=half)
    return found
