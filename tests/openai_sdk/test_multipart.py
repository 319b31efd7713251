"""Forms with one file, read back by a parser that is not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailorbird._openai_sdk.files.multipart import LONGEST_NAME_BYTES, Form, FormFile, safe_name
from tailorbird._openai_sdk.files.sources import Source, open_source

if TYPE_CHECKING:
    from conftest import Tools

NAMES = {
    "faq.jsonl": "faq.jsonl",
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "a\0b.jsonl": "a_b.jsonl",
    "a\r\nX-Evil: 1.jsonl": "a__X-Evil: 1.jsonl",
    'say "hi".jsonl': "say 'hi'.jsonl",
    "研修 データ.jsonl": "研修 データ.jsonl",
    "㈱髙﨑①.jsonl": "㈱髙﨑①.jsonl",
    "🧵👩‍🔬.jsonl": "🧵👩‍🔬.jsonl",
    "a\u2028b.jsonl": "a_b.jsonl",
    "bad\udcff.jsonl": "bad_.jsonl",
    "folder/": "folder",
    "..": "file",
    "": "file",
    " . ": "file",
    "x" * 300 + ".jsonl": "x" * (LONGEST_NAME_BYTES - 6) + ".jsonl",
    "あ" * 100 + ".jsonl": "あ" * 64 + ".jsonl",
    "." + "y" * 300: "." + "y" * (LONGEST_NAME_BYTES - 1),
    "z" * 300: "z" * LONGEST_NAME_BYTES,
}


async def body_of(form: Form) -> bytes:
    """Give a form's whole body."""
    return b"".join([piece async for piece in form.pieces()])


def source_of(content: bytes) -> Source:
    """Make a source, also of nothing."""
    return Source(lambda start, size: content[start : start + size], len(content))


@pytest.mark.parametrize(("given_name", "sent"), NAMES.items(), ids=repr)
async def test_file_name_never_breaks_the_header(given_name: str, sent: str, tools: Tools) -> None:
    """A name goes out as a readable base name, whatever signs the given one holds."""
    form = Form(
        fields={}, file=FormFile(field="file", name=given_name, source=source_of(b"content"))
    )
    body = await body_of(form)
    head = body.partition(b"\r\n\r\n")[0]
    assert head.count(b"\r\n") == 2
    found = tools.parse_form(form.headers["Content-Type"], body)
    assert (found.file_name, found.content) == (sent, b"content")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(max_size=400),
    content=st.binary(max_size=2000),
    fields=st.dictionaries(
        st.sampled_from(["purpose", "expires_after[anchor]", "expires_after[seconds]"]),
        st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1),
    ),
)
async def test_form_comes_back_as_it_was_sent(
    name: str, content: bytes, fields: dict[str, str], tools: Tools
) -> None:
    """Fields and content are read back unchanged, and the announced length is the real one."""
    form = Form(fields=fields, file=FormFile(field="data", name=name, source=source_of(content)))
    body = await body_of(form)
    assert form.headers["Content-Length"] == str(len(body))
    found = tools.parse_form(form.headers["Content-Type"], body)
    assert found.fields == fields
    assert (found.file_field, found.file_name) == ("data", safe_name(name))
    assert found.content == content


@given(name=st.text(max_size=400))
def test_safe_name_is_stable_and_short(name: str) -> None:
    """A name that is safe stays as it is, and none is long, empty or more than one segment."""
    safe = safe_name(name)
    assert safe_name(safe) == safe
    assert 0 < len(safe.encode()) <= LONGEST_NAME_BYTES
    assert not set(safe) & set('/\\"\r\n\0')


async def test_form_can_be_sent_again() -> None:
    """Two attempts send the same bytes."""
    async with open_source(b"abc", most_bytes=10) as source:
        form = Form(fields={"purpose": "batch"}, file=FormFile(field="f", name="a", source=source))
        assert await body_of(form) == await body_of(form)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", "text/jsonl"),
        ("A.PDF", "application/pdf"),
        ("notes", "application/octet-stream"),
        ("a.xyz", "application/octet-stream"),
    ],
)
async def test_file_says_what_it_is(name: str, kind: str, tools: Tools) -> None:
    """The type goes by the ending, the same on every machine."""
    form = Form(fields={}, file=FormFile(field="f", name=name, source=source_of(b"x")))
    found = tools.parse_form(form.headers["Content-Type"], await body_of(form))
    assert found.file_type == kind
