"""Options of a profile are checked at once, and every mistake is told by its name."""

from __future__ import annotations

import pytest
from pydantic import Field, model_validator

from tailorbird.exceptions import ConfigError
from tailorbird.protocols.options import read_options
from tailorbird.types.base import Settings


class Inner(Settings):
    """A table within a table."""

    depth: int = 0


class Outer(Settings):
    """A table."""

    address: str = Field(examples=["a street"])
    colour_name: str = Field(default="red", alias="colour", pattern="^[a-z]+$")
    width: int = Field(default=1, ge=1)
    inner: Inner | None = None
    plain: Inner = Field(default_factory=Inner)

    @model_validator(mode="after")
    def _not_both(self) -> Outer:
        if self.width > 9 and self.inner is not None:
            message = "A wide one holds nothing"
            raise ValueError(message)
        return self


def test_right_options_become_settings() -> None:
    """What is not given takes its default."""
    found = read_options(Outer, {"address": "x", "inner": {"depth": 2}}, place="it")
    assert found == Outer(address="x", inner=Inner(depth=2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "it are wrong: 'address' is missing: add it, e.g. address = \"a street\""),
        ({"address": "a", "adress": 1}, "unknown key 'adress': did you mean 'address'?"),
        ({"address": "a", "zzz": 1}, "unknown key 'zzz': remove it, known are address, colour, w"),
        ({"address": 7}, "'address': input should be a valid string, e.g. address = \"a street\""),
        ({"address": "a", "colour": "RED"}, "'colour': string should match pattern"),
        ({"address": "a", "colour_name": "x"}, "unknown key 'colour_name': did you mean 'colour'"),
        ({"address": "a", "inner": {"dept": 1}}, "unknown key 'inner.dept': did you mean 'depth'"),
        ({"address": "a", "plain": {"zz": 1}}, "unknown key 'plain.zz': remove it, known are dep"),
        ({"address": "a", "width": 0}, "'width': input should be greater than or equal to 1; ch"),
        ({"address": "a", "width": 10, "inner": {}}, "'settings': a wide one holds nothing; cha"),
        ({"width": 0}, "e.g. address = \"a street\"; 'width': input"),
    ],
)
def test_wrong_options_are_told_by_name(options: dict[str, object], words: str) -> None:
    """Each wrong option stands in the one message, nested ones with their table."""
    with pytest.raises(ConfigError) as caught:
        read_options(Outer, options, place="it")
    assert words in str(caught.value)


def test_values_are_never_shown() -> None:
    """A secret in a wrong place stands in no part of the error."""
    with pytest.raises(ConfigError) as caught:
        read_options(Outer, {"address": "a", "width": "sk-secret", "key": "sk-secret"}, place="it")
    assert "sk-secret" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
