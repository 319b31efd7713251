"""Conditions on metadata, as a command line writes them: `KEY=VALUE`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.types.filters import Compare, Junction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.types.filters import Filter, FilterValue

_WORDS: dict[str, bool] = {"true": True, "false": False}
_QUOTED = 2  # a text within quotation marks has two of them

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        help="Look only at documents whose metadata say so; more than once: all must hold. true,"
        ' false and numbers are read as such, "12" as a text.',
        show_default=False,
    ),
]


def read_conditions(given: Sequence[str] | None) -> Filter | None:
    """Read conditions that must all hold; None without any.

    Raises:
        typer.BadParameter: One has no `=`, or nothing before it.
    """
    conditions: list[Filter] = []
    for one in given or ():
        key, equals, value = one.partition("=")
        if not key.strip() or not equals:
            message = f"{one!r} is no condition; write KEY=VALUE, such as customer=acme"
            raise typer.BadParameter(message)
        conditions.append(Compare(type="eq", key=key.strip(), value=_value(value.strip())))
    if len(conditions) > 1:
        return Junction(type="and", filters=tuple(conditions))
    return conditions[0] if conditions else None


def _value(text: str) -> FilterValue:
    if len(text) >= _QUOTED and text[0] == text[-1] == '"':
        return text[1:-1]
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text
