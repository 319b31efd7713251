"""A configuration file as it stands on disk: its tables, and on which line each key is."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import ConfigError
from tailorbird.problem import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

# Names under which people put a key itself where its variable's name belongs.
_KEY_NAME = re.compile(r"(?:.*_)?(?:api_?key|key|token|secret|password)", re.IGNORECASE)
_KEY_SHAPE = re.compile(
    # Keys of OpenAI and of Azure, an address with a password, and whatever is as long and as mixed
    # as a key.
    r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^\s@]+@\S*|"
    r"sk-[A-Za-z0-9_-]{16,}|[0-9a-f]{32}|(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])[0-9A-Za-z]{40,}"
)
_POSITION = re.compile(r"\s*\(at line (\d+), column \d+\)|\s*\(at end of document\)")
_HEAD = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]")
# What files are saved in when not in UTF-8: by Windows in Japan, and by old editors there.
_ENCODINGS = ("cp932", "euc_jp")


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration file that could be read."""

    path: Path
    """Where it is."""
    text: str
    """Its content."""
    tables: Mapping[str, object]
    """What it says."""

    def place(self, setting: str) -> str:
        """Give file and line of a setting, by its dotted path."""
        return f"{self.path}:{find_line(self.text, setting)}"

    def refuse_unknown(self, table: Mapping[str, object], known: set[str], place: str) -> None:
        """Do nothing when a table has no other keys than these.

        Raises:
            ConfigError: It has; the message names the line and the nearest key.
        """
        for key in table:
            if key not in known:
                hint = did_you_mean(key, known, otherwise=f"known: {', '.join(sorted(known))}")
                message = f"{self.place(place + key)}: unknown key {key!r}; {hint}"
                raise ConfigError(message)


def read_document(path: Path) -> Document:
    """Read a configuration file; blocks.

    Raises:
        ConfigError: It cannot be read, is not TOML in UTF-8, or holds a key itself in place of the
            name of the variable that holds it. The message names file, line and fix.
    """
    # Only those who have a file pay its 4 ms, not every `import tailorbird`.
    import tomllib  # noqa: PLC0415

    try:
        raw = path.read_bytes()
    except OSError as exc:
        message = f"cannot read the configuration {str(path)!r}: {exc.strerror}"
        raise ConfigError(message) from exc
    text = _decoded(raw, path)
    try:
        tables: Mapping[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        message = _syntax(str(exc), path, text)
        raise ConfigError(message) from exc
    document = Document(path, text, tables)
    _refuse_keys(document)
    return document


def flat(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    """Give the values of nested tables with their dotted paths."""
    for key, value in table.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from flat(cast("Mapping[str, object]", value), name)
        else:
            yield name, value


def find_line(text: str, setting: str) -> int:
    """Give the line of a setting.

    tomllib gives no positions: the line is the first one that opens the table or sets the key.
    """
    *tables, key = setting.split(".")
    inside = not tables
    for number, line in enumerate(text.splitlines(), start=1):
        head = _HEAD.match(line)
        if head:
            name = head[1].replace('"', "").replace(" ", "")
            inside = name == ".".join(tables)
            if name == setting or name.startswith(setting + "."):
                return number
        elif inside and re.match(rf'\s*"?{re.escape(key)}"?\s*[.=]', line):
            return number
    # A key of an inline table stands on the line of the table.
    return find_line(text, ".".join(tables)) if tables else 1


def _decoded(raw: bytes, path: Path) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = f"{path}:1: the file is in UTF-16; save it as UTF-8"
        raise ConfigError(message)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        guess = next((name for name in _ENCODINGS if _decodes(raw, name)), None)
        seems = "" if guess is None else f" (it seems to be {guess})"
        message = f"{path}:{line}: the file is not UTF-8{seems}; save it as UTF-8"
        raise ConfigError(message) from exc


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _syntax(reason: str, path: Path, text: str) -> str:
    found = _POSITION.search(reason)
    line = found[1] if found and found[1] else len(text.splitlines()) or 1
    words = _POSITION.sub("", reason)
    if "overwrite" in words or "already" in words or "twice" in words:
        words += "; a key or table stands there twice"
    return f"{path}:{line}: {words}"


def _refuse_keys(document: Document) -> None:
    for setting, value in flat(document.tables, ""):
        if not isinstance(value, str):
            continue
        name = setting.rpartition(".")[2]
        if _KEY_SHAPE.fullmatch(value.strip()) or (_KEY_NAME.fullmatch(name) and value.strip()):
            message = (
                f"{document.place(setting)}: {name!r} holds what looks like a key"
                f" ({len(value)} characters); keys do not belong into the file: put it into an"
                f' environment variable and name that one, e.g. api_key_env = "OPENAI_API_KEY"'
                f"{_readers(document.path)}"
            )
            raise ConfigError(message)


def _readers(path: Path) -> str:
    """Warn when others than the owner could read the key."""
    mode = path.stat().st_mode
    if not mode & (stat.S_IRGRP | stat.S_IROTH):
        return ""
    return (
        f". Other users of this machine can read the file (mode {stat.S_IMODE(mode):o}): replace"
        " the key by a new one"
    )
