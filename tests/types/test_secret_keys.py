"""Keys are read from the environment, checked, and shown nowhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tailorbird
from tailorbird.exceptions import ConfigError
from tailorbird.protocols import ProviderContext
from tailorbird.types.secrets import AZURE_KEY, OPENAI_KEY, Environment, Secret, read_key

KEY = "sk-proj-Zx81QmarkerW3vT5yB7nJ9"
PLACE = "[profiles.openai] api_key_env"


def read(value: str | None, **options: tuple[object, ...]) -> Secret:
    """Read a key whose variable has this value."""
    environ = {} if value is None else {"OPENAI_API_KEY": value}
    return read_key(environ, "OPENAI_API_KEY", place=PLACE, **options)


def test_a_key_is_given_to_who_asks_for_it() -> None:
    """The text comes out in one way."""
    key = read(KEY)
    assert (key.reveal(), len(key), key.source, key.notes) == (
        KEY,
        len(KEY),
        "OPENAI_API_KEY",
        (),
    )


@pytest.mark.parametrize("value", [f"{KEY}\n", f" {KEY}\r\n", f"\ufeff{KEY}", f"\u3000{KEY} "])
def test_what_stands_around_a_key_is_left_out_with_a_note(value: str) -> None:
    """Line ends, blanks and a byte order mark are mended, and somebody is told."""
    key = read(value)
    assert key.reveal() == KEY
    assert key.notes == (
        f"OPENAI_API_KEY: {len(value) - len(KEY)} blank character(s) around the key were left out",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "OPENAI_API_KEY is not set; set it"),
        ("", "OPENAI_API_KEY is empty; set it"),
        (" \n\u3000", "OPENAI_API_KEY is empty"),
        (f'"{KEY}"', "a key in quotes, which the shell should have taken away (its value has 32"),
        (f"「{KEY}」", "holds a key in quotes"),
        (f"Bearer {KEY}", "begins with 'Bearer ': leave that word out (its value has 37"),
        (f"bearer\t{KEY}", "begins with 'Bearer '"),
        ("your-api-key", "holds a placeholder, not a key (its value has 12 characters)"),
        ("YOUR_OPENAI_API_KEY", "holds a placeholder"),
        ("<ここにAPI_KEYを書く>", "holds a placeholder"),
        ("sk-...", "holds a placeholder"),
        ("sk-xxxxxxxxxxxx", "holds a placeholder"),
        ("xxxx", "holds a placeholder"),
        ("changeme", "holds a placeholder"),
        ("$OPENAI_API_KEY", "holds a placeholder"),
        ("{{ openai_key }}", "holds a placeholder"),
        (f"{KEY[:6]}ｓ{KEY[6:]}", "character 7 is a full-width letter or sign (its value has 31"),
        (f"{KEY[:6]} {KEY[6:]}", "character 7 is a blank"),
        (f"{KEY[:6]}\u3000{KEY[6:]}", "character 7 is a blank"),
        (f"{KEY[:6]}–{KEY[6:]}", "character 7 is not one of the plain ASCII signs"),
        (f"{KEY[:6]}\x00{KEY[6:]}", "character 7 is not one of the plain ASCII signs"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(value: str | None, expected: str) -> None:
    """The message names place, variable, length and position, and never any part of the key."""
    with pytest.raises(ConfigError) as error:
        read(value)
    message = str(error.value)
    assert message.startswith(f"{PLACE}: the environment variable OPENAI_API_KEY ")
    assert expected in message
    rendered = "".join(
        traceback.TracebackException.from_exception(error.value, capture_locals=True).format()
    )
    inside = rendered.partition("secrets.py")[2]
    assert KEY[6:] not in message + inside
    assert KEY[:6] not in message + inside


@pytest.mark.parametrize("value", ["test-key", "EMPTY", "dummy", "dummy-key", "ollama", "0" * 3])
def test_keys_of_servers_that_need_none_are_taken(value: str) -> None:
    """Local servers take words by convention; those are no placeholders."""
    assert read(value).reveal() == value


def test_a_missing_variable_gets_a_near_one() -> None:
    """A slip in the variable's name is answered with the one that is set."""
    with pytest.raises(ConfigError, match=r"is not set, but OPENAI_API_KEY is: is that what"):
        read_key({"OPENAI_API_KEY": KEY, "HOME": "/"}, "OPENAI_APIKEY", place=PLACE)


@pytest.mark.parametrize(
    ("value", "foreign", "owner"),
    [(KEY, OPENAI_KEY, "OpenAI"), ("0123456789abcdef" * 2, AZURE_KEY, "Azure")],
)
def test_a_key_of_another_cloud_is_recognized(value: str, foreign: object, owner: str) -> None:
    """A key in the wrong place is told by its form, before it is sent anywhere."""
    with pytest.raises(ConfigError, match=f"looks like a key of {owner}, used elsewhere"):
        read(value, foreign=(foreign,))
    assert read("test-key-1", foreign=(foreign,)).reveal() == "test-key-1"


def test_a_secret_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """No way of printing, logging, dumping or walking over it gives the text."""
    key = read(KEY)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("tailorbird.test").debug("%r %s", key, key)
    slots = [getattr(key, name) for name in key.__slots__]
    shown = [repr(key), str(key), f"{key}", format(key), repr(slots), caplog.text]
    assert key.__repr__() == "Secret(from OPENAI_API_KEY, 30 characters)"
    for text in shown:
        assert "Zx81" not in text
    with pytest.raises(TypeError):
        vars(key)
    for take in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            take(key)


def test_an_environment_is_read_and_not_shown() -> None:
    """Variables are found by name; the whole shows how many there are."""
    variables = {"OPENAI_API_KEY": KEY}
    environment = Environment(variables)
    assert environment["OPENAI_API_KEY"] == KEY
    assert environment.get("X") is None
    assert "X" not in environment
    variables["X"] = "1"
    assert dict(environment) == variables
    assert repr(environment) == "Environment(2 variables)"
    assert KEY not in repr(ProviderContext(environ=variables))


@given(st.text(max_size=60))
def test_any_text_is_a_key_or_a_typed_error(text: str) -> None:
    """Whatever a variable holds: plain ASCII comes out, or an error that does not repeat it."""
    environ: Mapping[str, str] = {"K": text}
    if (found := _read_or_error(environ)) is not None:
        assert all("!" <= char <= "~" for char in found.reveal())


def _read_or_error(environ: Mapping[str, str]) -> Secret | None:
    try:
        return read_key(environ, "K", place="p")
    except ConfigError:
        return None


async def test_opening_a_profile_keeps_the_variables_out_of_tracebacks() -> None:
    """An error on the way to a provider shows no value of the environment in its frames."""
    with pytest.raises(ConfigError) as error:
        async with tailorbird.open("fakee", workspace=None, environ={"OPENAI_API_KEY": KEY}):
            pass
    rendered = "".join(
        traceback.TracebackException.from_exception(error.value, capture_locals=True).format()
    )
    assert "Zx81" not in rendered.partition("opening.py")[2]
