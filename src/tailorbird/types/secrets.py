"""Keys: read from the environment, checked before use, shown nowhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from typing_extensions import override

from tailorbird.exceptions import ConfigError
from tailorbird.problem import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARK = "\ufeff"  # the byte order mark that some editors write before the first character
_QUOTES = "\"'`“”‘’「」"
_BEARER = re.compile(r"bearer\s", re.IGNORECASE)
# What tutorials and templates write where a key belongs. Words that servers without keys take by
# convention ("EMPTY", "dummy", "ollama") are no placeholders.
_PLACEHOLDER = re.compile(
    r"<.*>|\{.*\}|\$\w+|.*(?:\.\.\.|…|ここ|キーを).*"
    r"|(?:(?:sk|key)-)?(.)\1{3,}"
    r"|.*(?<![a-z])(?:your|my|insert|enter|paste|replace)[-_ ]?(?:\w+[-_ ])?"
    r"(?:api|key|token|secret).*"
    r"|change[-_ ]?me|placeholder|todo|api[-_ ]?key|none|null",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class KeyShape:
    """What the keys of one cloud look like, to tell a key in the wrong place."""

    owner: str
    """Whose keys these are, in words."""
    pattern: re.Pattern[str]
    """Matches them whole."""


# OpenAI's quickstart and Azure's portal show keys of these forms; all keys of OpenAI begin with
# `sk-`, Azure's are 32 hexadecimal digits or 84 letters and digits (read 2026-11-22).
OPENAI_KEY = KeyShape("OpenAI", re.compile(r"sk-[A-Za-z0-9_-]{16,}"))
"""Keys of api.openai.com."""

AZURE_KEY = KeyShape("Azure", re.compile(r"[0-9a-f]{32}|[0-9A-Za-z]{84}"))
"""Keys of an Azure OpenAI or Foundry resource."""


class Secret:
    """A key or token. No way of showing, copying or storing the object shows the text.

    `reveal()` gives the text, for the one place that puts it into a header: call it there, and
    keep what it gives in no variable that lives longer than the call.
    """

    __slots__ = ("_reveal", "notes", "source")

    source: str
    """Where it was read, e.g. the name of an environment variable."""
    notes: tuple[str, ...]
    """What was mended while reading; never a part of the text."""

    def __init__(self, text: str, *, source: str, notes: tuple[str, ...] = ()) -> None:
        """Take a text that was checked, or that somebody vouches for."""

        def reveal() -> str:
            return text

        # In a closure: whatever walks over attributes finds a function, and no text.
        self._reveal = reveal
        self.source = source
        self.notes = notes

    def reveal(self) -> str:
        """Give the text."""
        return self._reveal()

    def __len__(self) -> int:
        """Count the characters of the text."""
        return len(self._reveal())

    @override
    def __repr__(self) -> str:
        """Show where it came from."""
        return f"Secret(from {self.source}, {len(self)} characters)"

    @override
    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            TypeError: Always.
        """
        message = "a Secret cannot be pickled or copied: read it again where it is needed"
        raise TypeError(message)


class Environment(Mapping[str, str]):
    """Environment variables whose values are not shown when the whole is."""

    __slots__ = ("_read",)

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Look into these variables, also later."""

        def read() -> Mapping[str, str]:
            return variables

        self._read = read

    @override
    def __getitem__(self, name: str) -> str:
        """Give a variable's value."""
        found = self._read().get(name)
        if found is None:
            raise KeyError(name)
        return found

    @override
    def __iter__(self) -> Iterator[str]:
        """Give the names."""
        return iter(self._read())

    @override
    def __len__(self) -> int:
        """Count the variables."""
        return len(self._read())

    @override
    def __repr__(self) -> str:
        """Show how many there are."""
        return f"Environment({len(self)} variables)"


def read_key(
    environ: Mapping[str, str],
    variable: str,
    *,
    place: str,
    foreign: Sequence[KeyShape] = (),
) -> Secret:
    """Read a key from an environment variable.

    Blanks, line ends and a byte order mark around the key are left out, and `notes` say so.
    Everything else that no key has is an error that names the variable, the length and the
    position, and never shows the key.

    Args:
        environ: Environment variables.
        variable: Name of the variable.
        place: What names the variable, for messages: `[profiles.openai] api_key_env`.
        foreign: Shapes of keys that belong somewhere else.

    Raises:
        ConfigError: The variable is not set, empty, or holds something that is no key.
    """
    # No frame of a raised error holds the key: what is wrong is found out first, in a call that
    # has ended by then, and the variables that led to the key are gone.
    names = sorted(environ)
    read = _Read(environ.get(variable))
    del environ
    problem = read.problem(foreign)
    if problem is None:
        return read.secret(variable)
    del read
    if problem == _MISSING:
        problem = f"is not set{_nearest(variable, names)}"
    message = (
        f"{place}: the environment variable {variable} {problem}; set it to the key itself, e.g."
        f" `export {variable}=…` in the shell that starts the program"
    )
    raise ConfigError(message)


_MISSING = "missing"


class _Read:
    """What stood in a variable."""

    __slots__ = ("_raw",)

    def __init__(self, raw: str | None) -> None:
        self._raw = raw

    def problem(self, foreign: Sequence[KeyShape]) -> str | None:
        """Say what is wrong, without repeating any of it; None for a key."""
        if self._raw is None:
            return _MISSING
        text = _trimmed(self._raw)
        if not text:
            return "is empty"
        wrong = _wrong(text, foreign)
        return None if wrong is None else f"{wrong} (its value has {len(text)} characters)"

    def secret(self, variable: str) -> Secret:
        """Give the key."""
        raw = self._raw or ""
        text = _trimmed(raw)
        left_out = len(raw) - len(text)
        notes = (f"{variable}: {left_out} blank character(s) around the key were left out",)
        return Secret(text, source=variable, notes=notes if left_out else ())


def _trimmed(raw: str) -> str:
    return raw.strip().strip(_MARK).strip()


def _wrong(text: str, foreign: Sequence[KeyShape]) -> str | None:
    odd = next((at for at, char in enumerate(text) if not "!" <= char <= "~"), None)
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        return "holds a key in quotes, which the shell should have taken away"
    if _BEARER.match(text):
        return "begins with 'Bearer ': leave that word out"
    if _PLACEHOLDER.fullmatch(text):
        return "holds a placeholder, not a key"
    if odd is not None:
        return f"holds no key: character {odd + 1} is {_kind(text[odd])}"
    owners = [one.owner for one in foreign if one.pattern.fullmatch(text)]
    return f"holds what looks like a key of {owners[0]}, used elsewhere" if owners else None


def _kind(char: str) -> str:
    if char.isspace():
        return "a blank"
    if unicodedata.east_asian_width(char) == "F":
        return "a full-width letter or sign"
    return "not one of the plain ASCII signs that keys are made of"


def _nearest(variable: str, names: Sequence[str]) -> str:
    # 4 ms of `import tailorbird` that only this error needs.
    near = nearest(variable, names, cutoff=0.8)
    return "" if near is None else f", but {near} is: is that what you meant?"
