"""What all data of this package have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


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
