"""What people typed into a PDF file: fields of its form, and text that was put onto its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pypdf import PageObject, PdfReader

    _Dictionary = dict[str, object]

# Keys and flags: ISO 32000-2:2020, 12.5.3 "Annotation flags" and 12.7 "Forms", free of charge from
# https://pdfa.org/resource/iso-32000-2/ (read 2026-11-22).
_UNSEEN = 0b100010  # Hidden, NoView
_PASSWORD = 1 << 13
_PUSH_BUTTON = 1 << 16
_OFF = "Off"
_DEEPEST = 32  # fields within fields: our own bound, which ends loops as well
_PAIR = 2  # of an option: what is stored, and what is shown


def typed_lines(page: PageObject) -> list[str]:
    """Give what was typed into a page, in the order of its fields: `name: value`, or a free text.

    The name is what the form shows for the field when it says so, else its own. Fields that are
    empty, hidden or hold a password, and boxes that are not ticked, are left out.
    """
    lines: list[str] = []
    for annotation in _annotations(page):
        if _number(annotation, "/F") & _UNSEEN:
            continue
        kind = annotation.get("/Subtype")
        if kind == "/FreeText":
            lines.append(_text(annotation.get("/Contents")))
        elif kind == "/Widget":
            lines.append(_field(_lineage(annotation)))
    return list(dict.fromkeys(filter(None, lines)))  # a field may stand on a page twice


def has_other_form(reader: PdfReader) -> bool:
    """Say whether the file is a form in XFA alone: its pages only say that they cannot be shown."""
    form = _dictionary(reader.root_object.get("/AcroForm"))
    return "/XFA" in form and not _items(form.get("/Fields"))


def _annotations(page: PageObject) -> Iterator[_Dictionary]:
    yield from map(_dictionary, _items(page.get("/Annots")))


def _lineage(field: _Dictionary) -> Sequence[_Dictionary]:
    """Give a field and those that it lies in, from which it inherits."""
    found = [field]
    while len(found) < _DEEPEST and (parent := _dictionary(found[-1].get("/Parent"))):
        found.append(parent)
    return found


def _field(lineage: Sequence[_Dictionary]) -> str:
    """Write a field; empty when nothing was filled in."""
    kind = _inherited(lineage, "/FT")
    flags = next((_number(one, "/Ff") for one in lineage if "/Ff" in one), 0)
    if kind == "/Btn":
        value = "" if flags & _PUSH_BUTTON else _ticked(lineage)
    elif kind == "/Ch":
        chosen = _inherited(lineage, "/V")
        options = dict(map(_option, _items(_inherited(lineage, "/Opt"))))
        values = [_text(one) for one in _items(chosen)] or [_text(chosen)]
        value = ", ".join(options.get(one, one) for one in values)
    elif kind == "/Tx":
        value = "" if flags & _PASSWORD else _text(_inherited(lineage, "/V"))
    else:
        return ""  # a signature, or no field at all
    name = _name(lineage)
    return f"{name}: {value}" if name and value else value


def _ticked(lineage: Sequence[_Dictionary]) -> str:
    """Give the name of the state that a box or a radio button is in; empty when it is off."""
    state = _text(lineage[0].get("/AS") or _inherited(lineage, "/V")).removeprefix("/")
    if state == _OFF:
        return ""
    options = _items(_inherited(lineage, "/Opt"))
    if state.isdecimal() and int(state) < len(options):
        return _option(options[int(state)])[1]
    return state


def _name(lineage: Sequence[_Dictionary]) -> str:
    shown = _text(_inherited(lineage, "/TU"))
    own = _text(_inherited(lineage, "/T"))
    # Forms that were made from XFA number everything: topmostSubform[0].Page1[0].f1_2[0].
    return " ".join((shown or own.removesuffix("[0]")).split())


def _option(given: object) -> tuple[str, str]:
    """Give what is stored for an option, and what is shown."""
    parts = [_text(one) for one in _items(given)] or [_text(given)]
    return (parts[0], parts[1]) if len(parts) == _PAIR else (parts[0], parts[0])


def _inherited(lineage: Sequence[_Dictionary], key: str) -> object:
    return next((_resolved(one[key]) for one in lineage if key in one), None)


def _resolved(given: object) -> object:
    """Follow a reference into the file."""
    follow = getattr(given, "get_object", None)
    return given if follow is None else follow()


def _dictionary(given: object) -> _Dictionary:
    found = _resolved(given)
    return cast("_Dictionary", found) if isinstance(found, dict) else {}


def _items(given: object) -> list[object]:
    found = _resolved(given)
    return cast("list[object]", found) if isinstance(found, list) else []


def _number(given: _Dictionary, key: str) -> int:
    found = _resolved(given.get(key))
    return int(found) if isinstance(found, (int, float)) else 0


def _text(given: object) -> str:
    """Write a value: a text, a long one that is stored as a stream, a name or a number."""
    found = _resolved(given)
    data = getattr(found, "get_data", None)
    if data is not None:
        from pypdf.generic import create_string_object  # noqa: PLC0415 - an extra; 100 ms

        found = create_string_object(data())
    return "" if found is None or isinstance(found, (dict, list, bytes)) else str(found).strip()
