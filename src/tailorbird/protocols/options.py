"""A profile's options as a provider reads them: checked at once, and every mistake told by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from tailorbird.exceptions import ConfigError
from tailorbird.problem import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic.fields import FieldInfo

    from tailorbird.types.base import Settings

SettingsT = TypeVar("SettingsT", bound="Settings")


def read_options(
    settings: type[SettingsT], options: Mapping[str, object], *, place: str
) -> SettingsT:
    """Check a profile's options.

    Args:
        settings: What they become; the `examples` of its fields are shown where a line is wrong.
        options: The profile's table.
        place: Where they stand, for the beginning of the message, e.g. `the azure settings`.

    Raises:
        ConfigError: An option is unknown, missing or wrong; the message names each with what to do,
            and never a value, because a secret may stand under a mistyped key.
    """
    try:
        return settings.model_validate(dict(options))
    except ValidationError as exc:
        details = exc.errors(include_input=False, include_url=False, include_context=False)
        lines = [_explained(settings, one["loc"], one["type"], one["msg"]) for one in details]
    # Outside of the handler, so that what was refused hangs on no raised error.
    raise ConfigError(f"{place} are wrong: {'; '.join(lines)}")


def _explained(
    settings: type[BaseModel], place: Sequence[int | str], kind: str, reason: str
) -> str:
    key = ".".join(map(str, place)) or "settings"
    *tables, last = map(str, place or ("",))
    fields = {one.alias or name: one for name, one in _table(settings, tables).model_fields.items()}
    example = _example(last, fields.get(last))
    if kind == "missing":
        return f"{key!r} is missing: add it{example}"
    if kind != "extra_forbidden":
        plain = reason.removeprefix("Value error, ")
        fix = example or "; change the value or remove the line"
        return f"{key!r}: {plain[:1].lower()}{plain[1:]}{fix}"
    known = list(fields)
    hint = did_you_mean(last, known, otherwise=f"remove it, known are {', '.join(known)}")
    return f"unknown key {key!r}: {hint}"


def _example(key: str, field: FieldInfo | None) -> str:
    """Show a line as it may stand in the table, where the settings give an example of it."""
    if field is None or not field.examples:
        return ""
    return f", e.g. {key} = {json.dumps(field.examples[0])}"


def _table(settings: type[BaseModel], tables: Sequence[str]) -> type[BaseModel]:
    """Give the model of a table within the settings."""
    for table in tables:
        annotation: object = settings.model_fields[table].annotation
        for one in (annotation, *get_args(annotation)):
            if isinstance(one, type) and issubclass(one, BaseModel):
                settings = one
    return settings
