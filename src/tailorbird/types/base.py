"""What all data of this package have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: keyword-only, immutable, tolerant of fields that a newer provider sends.

    Schemas are built on first use (`defer_build`), so that importing the package stays cheap.
    Validation errors never repeat the input, because it may be a user's content or a secret. A
    number that JSON does not have is written as `NaN` or `Infinity`, and never as `null`, which
    would say that there is none.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        defer_build=True,
        ser_json_inf_nan="constants",
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


class Settings(BaseModel):
    """A user's settings: like `Frozen`, but an unknown key is an error, not a surprise."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


def without_halves(text: str) -> str:
    """Give a text that can be written: U+FFFD in place of each lone half of a surrogate pair.

    Two halves that belong together become the character that they stand for.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


SaidText = Annotated[str, AfterValidator(without_halves)]
"""What a model or a provider says. Half of a surrogate pair, which a program leaves that cuts a
text in two, is no character: no file and no report could hold it, and what was paid for would be
lost. It is replaced as decoders do (The Unicode Standard, 3.9, "U+FFFD Substitution of Maximal
Subparts", read 2026-11-22)."""
