"""Say what is wrong with settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def explain(error: ValidationError, *, place: str) -> str:
    """Say in one line a key what is wrong with settings, without repeating any value."""
    lines = [
        f"{'.'.join(str(part) for part in one['loc']) or 'settings'}: {one['msg'].lower()}"
        for one in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return f"{place}: " + "; ".join(lines)
