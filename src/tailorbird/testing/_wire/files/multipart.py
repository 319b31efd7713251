"""Uploads: forms with one file, which goes to disk piece by piece."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from tailorbird.testing._wire.bodies import invalid, too_large
from tailorbird.testing._wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from starlette.requests import Request

    from tailorbird.testing._wire.world import World

_MOST_FIELDS = 64
_MOST_FIELD_BYTES = 64 << 10  # a field is a word or a number
_WRITE_BYTES = 1 << 20  # as much is gathered before it goes to disk in a thread
_OVERHEAD_BYTES = 1 << 20  # heads of the parts and the other fields


@dataclass(slots=True, kw_only=True)
class Form:
    """A form that was read."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    """Its fields."""
    files: dict[str, str] = field(default_factory=dict[str, str])
    """Base names of the files, by field; at most one has its content kept."""
    path: Path
    """Where the content of the file lies."""
    size_bytes: int = 0
    """Its size."""

    def require(self, name: str) -> str:
        """Give a field.

        Raises:
            WireError: It is missing.
        """
        if name not in self.fields:
            raise invalid(
                name, f"Missing required parameter: {name!r}.", code="missing_required_parameter"
            )
        return self.fields[name]

    def require_file(self, name: str) -> str:
        """Give the base name of the file under a field.

        Raises:
            WireError: There is no file under that field.
        """
        if name not in self.files:
            raise invalid(
                name, f"Missing required parameter: {name!r}.", code="missing_required_parameter"
            )
        return self.files[name]


@asynccontextmanager
async def read_form(request: Request, world: World, *, most_bytes: int) -> AsyncGenerator[Form]:
    """Read a form with at most one file; the file is gone when the block ends.

    Raises:
        WireError: The body is no such form, or it is too large.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise WireError(
            "The body must be sent as 'multipart/form-data' with a boundary.",
            code="invalid_content_type",
        )
    path = await world.in_thread(world.spool.new_path)
    try:
        yield await _read(request, world, _Reader(boundary, Form(path=path)), most_bytes)
    finally:
        await world.in_thread(lambda: path.unlink(missing_ok=True))


async def _read(request: Request, world: World, reader: _Reader, most_bytes: int) -> Form:
    """Feed a reader, and take to disk what it found."""
    total = 0
    form = reader.form
    file = await world.in_thread(lambda: form.path.open("wb"))
    try:
        async for piece in request.stream():
            total += len(piece)
            reader.feed(piece)
            form.size_bytes = reader.size_bytes
            if form.size_bytes > most_bytes or total > most_bytes + _OVERHEAD_BYTES:
                raise too_large(most_bytes)
            if len(reader.content) >= _WRITE_BYTES:
                await world.in_thread(lambda: _drain(reader.content, file))
        reader.end()
        await world.in_thread(lambda: _drain(reader.content, file))
    finally:
        await world.in_thread(file.close)
    return form


def _drain(content: bytearray, file: BinaryIO) -> None:
    file.write(content)
    content.clear()


class _Reader:
    """Takes a form apart; the file's content is left in `content` for the one who feeds it."""

    def __init__(self, boundary: bytes, form: Form) -> None:
        self.form = form
        self.content = bytearray()
        self.size_bytes = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finished,
            },
        )
        self._key, self._value = bytearray(), bytearray()
        self._name: str | None = None
        self._is_file = False
        self._field = bytearray()
        self._complete = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            WireError: They are no part of such a form.
        """
        try:
            self._parser.write(piece)
        except FormParserError as exc:
            raise _broken() from exc

    def end(self) -> None:
        """Say that no more bytes come.

        Raises:
            WireError: The form is not complete.
        """
        if not self._complete:
            raise _broken()

    def _begin(self) -> None:
        self._name, self._is_file = None, False
        self._field.clear()
        if len(self.form.fields) + len(self.form.files) >= _MOST_FIELDS:
            raise WireError(f"The form has more than {_MOST_FIELDS} fields.")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._key += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if bytes(self._key).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            name, file_name = options.get(b"name"), options.get(b"filename")
            if name is None:
                raise _broken()
            self._name = _text(name)
            self._is_file = file_name is not None
            if file_name is not None:
                if self.form.files:
                    raise WireError("The form has more than one file.", param=self._name)
                self.form.files[self._name] = _text(file_name)
        self._key.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        if self._name is None:
            raise _broken()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.size_bytes += end - start
            self.content += data[start:end]
            return
        self._field += data[start:end]
        if len(self._field) > _MOST_FIELD_BYTES:
            raise WireError("A field of the form is too long.", param=self._name)

    def _end(self) -> None:
        if not self._is_file:
            self.form.fields[str(self._name)] = _text(bytes(self._field))

    def _finished(self) -> None:
        self._complete = True


def _text(found: bytes) -> str:
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise WireError("The form's names and fields must be UTF-8.") from exc


def _broken() -> WireError:
    return WireError("The form is broken: it is not what 'multipart/form-data' promises.")
