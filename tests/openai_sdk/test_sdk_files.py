"""Files over the wire: what goes out, and what becomes of the answers."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailorbird._openai_sdk.files.files import FilesDialect
from tailorbird._openai_sdk.settings import CallSettings
from tailorbird.exceptions import (
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnsupportedError,
)
from tailorbird.types import Capability, FileId, FileStatus, StoredFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import Cloud, Taken, Tools

ID = FileId("file-1")
CONTENT = f"GET /files/{ID}/content"
TABLE = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.4,,\n" * 50


async def content_of(cloud: Cloud, file_id: FileId = ID) -> bytes:
    """Give the whole content of a file."""
    return b"".join([piece async for piece in cloud.files().content(file_id)])


def stored_as_sent(tools: Tools) -> object:
    """Answer an upload with a file as long as what came."""

    def answer(taken: Taken) -> dict[str, object]:
        return tools.file(bytes=len(taken.form.content))

    return answer


async def test_create_sends_one_form(cloud: Cloud, tools: Tools) -> None:
    """Content, name and purpose go out in one request; what is held comes back."""
    cloud.on("POST /files", tools.file(filename="faq.jsonl", expires_at=tools.moment + 60))
    stored = await cloud.files().create(b"{}\n", name="研修.jsonl", purpose="batch")
    assert stored == StoredFile(
        id=ID,
        name="faq.jsonl",
        purpose="fine-tune",
        size_bytes=3,
        status=FileStatus.PROCESSED,
        raw_status="processed",
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
        expires_at=tools.at(60),
    )
    [taken] = cloud.taken
    assert taken.headers["content-length"] == str(taken.size_bytes)
    assert taken.form.fields == {"purpose": "batch"}
    assert (taken.form.file_field, taken.form.file_name) == ("file", "研修.jsonl")
    assert (taken.form.file_type, taken.form.content) == ("text/jsonl", b"{}\n")


async def test_create_streams_a_path_under_its_name(
    cloud: Cloud, tools: Tools, tmp_path: Path
) -> None:
    """A file on disk goes out unchanged, byte-order mark included, and longer than one piece."""
    path = tmp_path / "training.jsonl"
    sent = b"\xef\xbb\xbf" + os.urandom(3 * 2**20 + 5)
    await asyncio.to_thread(path.write_bytes, sent)
    cloud.on("POST /files", stored_as_sent(tools))
    await cloud.files().create(path)
    form = cloud.taken[0].form
    assert (form.file_name, form.content) == ("training.jsonl", sent)


async def test_create_sends_the_expiry(cloud: Cloud, tools: Tools) -> None:
    """An expiry goes as two fields whose names hold brackets."""
    cloud.on("POST /files", tools.file())
    await cloud.files().create(b"abc", name="a.jsonl", expires_after_s=3600)
    assert cloud.taken[0].form.fields == {
        "purpose": "fine-tune",
        "expires_after[anchor]": "created_at",
        "expires_after[seconds]": "3600",
    }


async def test_create_sends_the_expiry_that_a_server_wants(cloud: Cloud, tools: Tools) -> None:
    """Where every file must expire, the dialect's life is sent unless another is asked for."""
    cloud.on("POST /files", tools.file())
    files = cloud.files(FilesDialect(expiry_s=7200))
    await files.create(b"abc", name="a.jsonl")
    await files.create(b"abc", name="a.jsonl", expires_after_s=3600)
    lives = [one.form.fields["expires_after[seconds]"] for one in cloud.taken]
    assert lives == ["7200", "3600"]


@pytest.mark.parametrize("seconds", [0, 3599, 2_592_001])
async def test_create_refuses_an_expiry_out_of_range(cloud: Cloud, seconds: int) -> None:
    """A life that no provider takes is refused, and nothing is sent."""
    with pytest.raises(InvalidInputError, match="expires_after_s"):
        await cloud.files().create(b"abc", name="a.jsonl", expires_after_s=seconds)
    assert cloud.taken == []


async def test_create_refuses_what_is_not_offered(cloud: Cloud) -> None:
    """Without the capability nothing is sent."""
    with pytest.raises(UnsupportedError):
        await cloud.files(without=(Capability.FILES,)).create(b"abc", name="a.jsonl")
    with pytest.raises(UnsupportedError):
        await cloud.files(without=(Capability.FILES_EXPIRY,)).create(
            b"abc", name="a.jsonl", expires_after_s=3600
        )
    assert cloud.taken == []


async def test_create_refuses_a_purpose_that_is_not_taken(cloud: Cloud) -> None:
    """A purpose that the provider refuses is refused before the upload (Azure: `user_data`)."""
    files = cloud.files(FilesDialect(purposes=("fine-tune", "assistants")))
    with pytest.raises(InvalidRequestError, match="offered: fine-tune, assistants") as caught:
        await files.create(b"abc", name="a.jsonl", purpose="user_data")
    assert caught.value.accepted == "no"
    assert cloud.taken == []


@pytest.mark.parametrize("name", ["", " ", "..", "a/b.jsonl", "a\\b", "a\r\nb", "a\0b"])
async def test_create_refuses_what_is_no_file_name(cloud: Cloud, name: str) -> None:
    """A name with folders or control characters is refused, and nothing is sent."""
    with pytest.raises(InvalidInputError, match="no file name"):
        await cloud.files().create(b"abc", name=name)
    assert cloud.taken == []


async def test_create_keeps_the_header_whole(cloud: Cloud, tools: Tools) -> None:
    """Names that are allowed and unusual arrive as one readable base name."""
    cloud.on("POST /files", tools.file())
    names = ['say "hi".jsonl', "x" * 300 + ".jsonl", "研修 データ.jsonl", "🧵.jsonl", "a;b=c.jsonl"]
    for name in names:
        await cloud.files().create(b"abc", name=name)
    arrived = [taken.form.file_name for taken in cloud.taken]
    assert arrived[0] == "say 'hi'.jsonl"
    assert arrived[1].endswith("x.jsonl")
    assert len(arrived[1]) == 200
    assert arrived[2:] == names[2:]


async def test_create_refuses_bad_sources(cloud: Cloud, tmp_path: Path) -> None:
    """Bytes without a name, nothing at all, and a path that is no file are refused unsent."""
    (tmp_path / "empty.jsonl").touch()
    closed = tmp_path / "closed.jsonl"
    closed.write_bytes(b"abc")
    files = cloud.files()
    with pytest.raises(InvalidInputError, match="need a name"):
        await files.create(b"abc")
    with pytest.raises(InvalidInputError, match="content is empty"):
        await files.create(b"", name="a.jsonl")
    with pytest.raises(InvalidInputError, match="is empty"):
        await files.create(tmp_path / "empty.jsonl")
    with pytest.raises(InvalidInputError, match="is a folder"):
        await files.create(tmp_path)
    with pytest.raises(InvalidInputError, match="No such file"):
        await files.create(tmp_path / "absent.jsonl")
    with pytest.raises(InvalidInputError, match="null"):
        await files.create(tmp_path / "a\0b", name="a.jsonl")
    assert cloud.taken == []


@pytest.mark.parametrize("timeout_s", [0, -1.0, float("nan"), float("inf")])
async def test_create_refuses_a_senseless_limit(cloud: Cloud, timeout_s: float) -> None:
    """A time limit is a finite number of seconds above 0."""
    with pytest.raises(InvalidInputError, match="timeout_s"):
        await cloud.files().create(b"abc", name="a.jsonl", timeout_s=timeout_s)
    assert cloud.taken == []


async def test_create_refuses_what_is_too_large(cloud: Cloud) -> None:
    """A file beyond the limit is refused before the upload, with what to do about it."""
    dialect = FilesDialect(single_bytes=4, parted_bytes=8, too_large="split it in the portal")
    with pytest.raises(InvalidRequestError, match=r"more than 8 bytes.*split it in the portal"):
        await cloud.files(dialect).create(b"123456789", name="a.jsonl")
    files = cloud.files(dialect, without=(Capability.FILES_RESUMABLE_UPLOAD,))
    with pytest.raises(InvalidRequestError, match="more than 4 bytes"):
        await files.create(b"12345", name="a.jsonl")
    assert cloud.taken == []


async def test_create_is_not_repeated_when_it_may_have_been_stored(
    cloud: Cloud, tools: Tools
) -> None:
    """A lost answer is told and not sent again: two uploads make two files."""
    cloud.on("POST /files", tools.refusal(500))
    with pytest.raises(ServiceUnavailableError) as caught:
        await cloud.files().create(b"abc", name="a.jsonl")
    assert caught.value.accepted == "unknown"
    assert len(cloud.taken) == 1


async def test_create_is_repeated_when_it_was_refused(cloud: Cloud, tools: Tools) -> None:
    """An upload that was certainly not taken is sent again, whole."""
    cloud.on("POST /files", tools.refusal(429), tools.file())
    await cloud.files().create(b"abc", name="a.jsonl")
    assert [taken.form.content for taken in cloud.taken] == [b"abc", b"abc"]


async def test_create_deletes_a_file_that_was_cut_off(cloud: Cloud, tools: Tools) -> None:
    """A file that is shorter at the provider than here is deleted again, with a typed error."""
    cloud.on("POST /files", tools.file(bytes=2))
    cloud.on("DELETE /files/file-1", {"id": ID, "object": "file", "deleted": True})
    with pytest.raises(UnexpectedResponseError, match=r"3 bytes were sent.*has 2.*deleted again"):
        await cloud.files().create(b"abc", name="a.jsonl")
    assert len(cloud.sent("DELETE /files/file-1")) == 1


async def test_create_says_when_a_cut_file_stays(cloud: Cloud, tools: Tools) -> None:
    """The error names a file that could not be deleted."""
    cloud.on("POST /files", tools.file(bytes=2))
    cloud.on("DELETE /files/file-1", tools.refusal(403))
    with pytest.raises(UnexpectedResponseError, match=r"'file-1'.*failed \(PermissionDeniedError"):
        await cloud.files().create(b"abc", name="a.jsonl")


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>sign in</html>",
        b"null",
        b'{"id": "file-1"',
        {"id": "", "created_at": 1, "purpose": "fine-tune"},
        {"id": "file-1", "created_at": "2026", "purpose": "fine-tune"},
        {"id": "file-1", "created_at": 1e300, "purpose": "fine-tune"},
        {"object": "chat.completion", "choices": []},
    ],
)
async def test_create_refuses_an_answer_of_another_shape(cloud: Cloud, answer: object) -> None:
    """An answer that is no file is an error whose outcome is unknown; content is not repeated."""
    cloud.on("POST /files", answer)
    with pytest.raises(UnexpectedResponseError) as caught:
        await cloud.files().create(b"abc", name="a.jsonl")
    assert caught.value.accepted == "unknown"
    assert "sign in" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_create_says_when_the_file_changed(
    cloud: Cloud, tools: Tools, tmp_path: Path
) -> None:
    """A file that is written to while it is uploaded is not stored half and half."""
    path = tmp_path / "training.jsonl"
    path.write_bytes(b"a" * 2**21)

    async def meddle(_: Taken) -> object:
        await asyncio.to_thread(path.write_bytes, b"b" * 2**21)
        return tools.refusal(429)

    cloud.on("POST /files", meddle)
    with pytest.raises(InvalidInputError, match="changed while it was uploaded"):
        await cloud.files().create(path)


async def test_create_says_when_the_file_vanished(
    cloud: Cloud, tools: Tools, tmp_path: Path
) -> None:
    """A file that is taken away between two attempts is told as what it is."""
    path = tmp_path / "training.jsonl"
    path.write_bytes(b"abc")

    async def take_away(_: Taken) -> object:
        await asyncio.to_thread(path.unlink)
        return tools.refusal(429)

    cloud.on("POST /files", take_away)
    with pytest.raises(InvalidInputError, match="cannot read the file"):
        await cloud.files().create(path)


def feed(pipe: Path, content: bytes) -> threading.Thread:
    """Write to a pipe from another thread, as another program does."""

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            for start in range(0, len(content), 1 << 16):
                file.write(content[start : start + (1 << 16)])

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


async def test_pipe_is_spooled_and_can_be_sent_again(
    cloud: Cloud, tools: Tools, tmp_path: Path
) -> None:
    """What a pipe gives can be sent twice, and nothing of it stays on the disk."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sent = os.urandom(300_000)
    writer = feed(pipe, sent)
    cloud.on("POST /files", tools.refusal(429), stored_as_sent(tools))
    await cloud.files().create(pipe, name="rows.jsonl")
    await asyncio.to_thread(writer.join)
    assert [taken.form.content for taken in cloud.taken] == [sent, sent]
    assert spools() == []


async def test_pipe_that_is_empty_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    """A pipe that gives nothing is told like an empty file, under its own name."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feed(pipe, b"")
    with pytest.raises(InvalidInputError, match=r"pipe.*is empty"):
        await cloud.files().create(pipe)


async def test_pipe_that_never_ends_is_refused(cloud: Cloud) -> None:
    """A device without an end is read up to the limit."""
    dialect = FilesDialect(single_bytes=100_000, parted_bytes=100_000)
    with pytest.raises(InvalidRequestError, match="more than 100000 bytes"):
        await cloud.files(dialect).create(Path("/dev/zero"), name="zero.jsonl")
    assert spools() == []


async def test_pipe_that_nobody_writes_ends_with_the_limit(cloud: Cloud, tmp_path: Path) -> None:
    """A pipe without a writer is given up at the deadline, and its thread ends."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DeadlineError, match=r"not uploaded within 0\.3 s"):
        await cloud.files().create(pipe, timeout_s=0.3)
    assert spools() == []


async def test_pipe_that_cannot_be_opened_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    """A socket on the disk is no file."""
    import socket  # noqa: PLC0415 - the only test that makes one

    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with pytest.raises(InvalidInputError, match="cannot read the file"):
            await cloud.files().create(path)


def spools() -> list[str]:
    """Give the temporary files of uploads that are still there."""
    import tempfile  # noqa: PLC0415 - used here only

    folder = Path(tempfile.gettempdir())
    return [path.name for path in folder.glob("tailorbird-*.upload")]


async def test_get_reads_azure(cloud: Cloud, tools: Tools) -> None:
    """Null sizes, words of Azure and words that nobody knows are kept as they are."""
    cloud.on("GET /files/file-1", tools.file(bytes=None, status="pending"))
    stored = await cloud.files().get(ID)
    assert (stored.size_bytes, stored.status) == (None, FileStatus.PENDING)
    cloud.on("GET /files/file-1", tools.file(status="thawing", status_details="soon"))
    stored = await cloud.files().get(ID)
    assert (stored.status, stored.raw_status) == (FileStatus.OTHER, "thawing")
    assert stored.status_details == "soon"


async def test_get_lives_without_deprecated_fields(cloud: Cloud, tools: Tools) -> None:
    """A file without status and name is still a file: the status is on its way out."""
    cloud.on(
        "GET /files/file-1",
        {"id": ID, "created_at": tools.moment, "purpose": "fine-tune", "bytes": 5},
    )
    stored = await cloud.files().get(ID)
    assert (stored.name, stored.status, stored.raw_status) == ("", FileStatus.OTHER, "")


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a?b", "a#b", "%2e%2e", "a b", "a\n"])
async def test_bad_id_is_not_sent(cloud: Cloud, bad: str) -> None:
    """An id that would name another address is refused by every method."""
    files = cloud.files()
    with pytest.raises(InvalidInputError):
        await files.get(FileId(bad))
    with pytest.raises(InvalidInputError):
        await files.delete(FileId(bad))
    with pytest.raises(InvalidInputError):
        await content_of(cloud, FileId(bad))
    with pytest.raises(InvalidInputError):
        await files.wait_ready(FileId(bad))
    assert cloud.taken == []


async def test_list_follows_the_pages(cloud: Cloud, tools: Tools) -> None:
    """Pages follow the last item, or what the server names, until there are no more."""
    ids = [f"file-{number}" for number in range(5)]
    first = tools.page(*(tools.file(id=one) for one in ids[:2]), more=True, last_id="file-1")
    second = tools.page(*(tools.file(id=one) for one in ids[2:4]), more=True)
    third = tools.page(tools.file(id=ids[4]))
    cloud.on("GET /files", first, second, third)
    assert [one.id async for one in cloud.files().list()] == ids
    asked = [taken.query for taken in cloud.taken]
    assert asked == [
        {"limit": "1000", "order": "desc"},
        {"limit": "1000", "order": "desc", "after": "file-1"},
        {"limit": "1000", "order": "desc", "after": "file-3"},
    ]


async def test_list_asks_for_pages_when_they_are_needed(cloud: Cloud, tools: Tools) -> None:
    """Leaving after the first file asks for one page."""
    cloud.on("GET /files", tools.page(tools.file(), more=True))
    async for _ in cloud.files().list():
        break
    assert len(cloud.taken) == 1


async def test_list_that_runs_in_a_circle_ends(cloud: Cloud, tools: Tools) -> None:
    """A listing whose cursor comes again is an error, and each page is given once."""
    pages = [tools.page(tools.file(id=f"file-{n}"), more=True) for n in (1, 2, 1)]
    cloud.on("GET /files", *pages)
    seen: list[str] = []
    with pytest.raises(UnexpectedResponseError, match="circle"):
        seen += [one.id async for one in cloud.files().list()]
    assert len(cloud.taken) == 3


async def test_list_by_purpose_is_compared_here_too(cloud: Cloud, tools: Tools) -> None:
    """A server that does not know the parameter gives everything: only the asked ones are given."""
    page = tools.page(tools.file(), tools.file(id="file-2", purpose="batch"))
    cloud.on("GET /files", page)
    assert [one.id async for one in cloud.files().list(purpose="batch")] == ["file-2"]
    assert cloud.taken[0].query["purpose"] == "batch"


async def test_list_is_sorted_where_the_server_does_not(cloud: Cloud, tools: Tools) -> None:
    """Where the order is not promised, files are sorted, those of one moment as they came."""
    times = {"a": 1, "b": 3, "c": 2, "d": 3}
    files = [tools.file(id=name, created_at=second) for name, second in times.items()]
    cloud.on("GET /files", tools.page(*files))
    dialect = FilesDialect(query={}, newest_first=False)
    assert [one.id async for one in cloud.files(dialect).list()] == ["b", "d", "c", "a"]
    assert cloud.taken[0].query == {}


async def test_list_of_another_shape_is_refused(cloud: Cloud) -> None:
    """An answer without a list is an error and not an empty list."""
    cloud.on("GET /files", {"object": "list"})
    with pytest.raises(UnexpectedResponseError, match="data: Field required"):
        _ = [one async for one in cloud.files().list()]


async def test_delete_is_confirmed(cloud: Cloud, tools: Tools) -> None:
    """A deletion counts when the server says so."""
    cloud.on("DELETE /files/file-1", {"id": ID, "deleted": True}, {"id": ID, "deleted": False})
    await cloud.files().delete(ID)
    with pytest.raises(UnexpectedResponseError, match="was not deleted"):
        await cloud.files().delete(ID)
    cloud.on("DELETE /files/file-1", tools.refusal(404))
    with pytest.raises(NotFoundError):
        await cloud.files().delete(ID)


async def test_content_comes_in_pieces_unchanged(cloud: Cloud, tools: Tools) -> None:
    """Large pieces are cut, small ones are passed on, and no second request is needed."""
    sent = b'{"messages": []}\n' * 150_000
    cloud.on(CONTENT, tools.trickle(sent[:3], sent[3:2_000_000], b"", sent[2_000_000:]))
    pieces = [piece async for piece in cloud.files().content(ID)]
    assert b"".join(pieces) == sent
    assert max(map(len, pieces)) <= 2**20
    assert [f"{one.method} {one.path}" for one in cloud.taken] == [CONTENT]


async def test_content_of_an_empty_file_is_empty(cloud: Cloud) -> None:
    """No byte is no error."""
    cloud.on(CONTENT, b"")
    assert await content_of(cloud) == b""


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
@pytest.mark.parametrize("wrapped", [True, False], ids=["base64", "plain"])
async def test_results_come_as_the_table(
    cloud: Cloud, tools: Tools, *, mark: bytes, wrapped: bool
) -> None:
    """A result file is the CSV text, whether it comes plain or as base64, with a mark or not."""
    inner = mark + TABLE.encode()
    cloud.on(CONTENT, base64.encodebytes(inner) if wrapped else inner)
    cloud.on("GET /files/file-1", tools.file(purpose="fine-tune-results"))
    assert (await content_of(cloud)).decode() == TABLE


async def test_plain_results_come_in_pieces(cloud: Cloud, tools: Tools) -> None:
    """A plain table behind a mark is passed on, however it is cut."""
    sent = b"\xef\xbb\xbf" + TABLE.encode()
    cloud.on(CONTENT, tools.trickle(sent[:2], sent[2:500], sent[500:]))
    cloud.on("GET /files/file-1", tools.file(purpose="fine-tune-results"))
    assert (await content_of(cloud)).decode() == TABLE


async def test_results_with_a_mark_before_the_base64(cloud: Cloud, tools: Tools) -> None:
    """A byte-order mark in front of the base64 text is no part of it."""
    cloud.on(CONTENT, b"\xef\xbb\xbf" + base64.b64encode(TABLE.encode()))
    cloud.on("GET /files/file-1", tools.file(purpose="fine-tune-results"))
    assert (await content_of(cloud)).decode() == TABLE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(0, 800), max_size=12), padded=st.booleans(), rows=st.integers(1, 9)
)
async def test_results_come_in_any_pieces(
    cloud: Cloud, tools: Tools, *, cuts: list[int], padded: bool, rows: int
) -> None:
    """Wherever the base64 text is cut, and with or without its padding, the table is whole."""
    table = ("step,train_loss\n" + "1,2.5\n" * rows).encode()
    text = base64.encodebytes(table) if padded else base64.b64encode(table).rstrip(b"=")
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(places)]
    cloud.on(CONTENT, tools.trickle(*pieces))
    cloud.on("GET /files/file-1", tools.file(purpose="fine-tune-results"))
    assert await content_of(cloud) == table


async def test_results_that_break_off_are_told(cloud: Cloud, tools: Tools) -> None:
    """A fault in the base64 text is an error, not a shorter table."""
    text = base64.b64encode(TABLE.encode())
    cloud.on(CONTENT, text[:400] + b"!" + text[400:])
    cloud.on("GET /files/file-1", tools.file(purpose="fine-tune-results"))
    with pytest.raises(UnexpectedResponseError, match="base64 text is broken"):
        await content_of(cloud)


async def test_other_base64_stays_as_it_is(cloud: Cloud, tools: Tools) -> None:
    """A user's own file that happens to be base64 is given back unchanged."""
    sent = base64.b64encode(TABLE.encode())
    cloud.on(CONTENT, sent)
    cloud.on("GET /files/file-1", tools.file(purpose="assistants"))
    assert await content_of(cloud) == sent


@pytest.mark.parametrize("text", ["step", "step\n", "loss", "step;loss\n1;2\n", "abcd" * 100])
async def test_a_word_is_not_taken_for_base64(cloud: Cloud, tools: Tools, text: str) -> None:
    """A table of one word stays a table although its letters are letters of base64."""
    cloud.on(CONTENT, text.encode())
    cloud.on("GET /files/file-1", tools.file(purpose="fine-tune-results"))
    assert (await content_of(cloud)).decode() == text


async def test_content_that_breaks_off_is_told(cloud: Cloud, tools: Tools) -> None:
    """A connection that breaks in the body is an error and not the end."""
    cloud.on(CONTENT, tools.trickle(b'{"a": 1}\n', error=httpx2.ReadError("reset")))
    with pytest.raises(ServiceUnavailableError):
        await content_of(cloud)


async def test_content_that_falls_silent_is_given_up(cloud: Cloud) -> None:
    """A body that stops coming is an error after the time that silence may last."""

    class Silent(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b'{"a": 1}\n' * 100
            await asyncio.Event().wait()

    cloud.on(CONTENT, Silent())
    files = cloud.files(calls=CallSettings(idle_s=1.0))
    with pytest.raises(DeadlineError, match=r"no byte of the download came for 1 s"):
        _ = [piece async for piece in files.content(ID)]


async def test_content_that_trickles_is_given_up(cloud: Cloud) -> None:
    """A body of which next to nothing comes ends, although it is never silent for long."""

    class Drops(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.1)  # far below the silence that is allowed
                yield b"x"

    cloud.on(CONTENT, Drops())
    files = cloud.files(calls=CallSettings(idle_s=1.5))
    with pytest.raises(DeadlineError, match=r"only \d+ bytes of the download came within"):
        _ = [piece async for piece in files.content(ID)]


async def test_content_without_end_is_given_up(cloud: Cloud) -> None:
    """A body that is longer than any file can be is not read on."""
    cloud.on(CONTENT, b"x" * 300)
    files = cloud.files(FilesDialect(single_bytes=100, parted_bytes=200))
    with pytest.raises(UnexpectedResponseError, match="more than 200 bytes"):
        _ = [piece async for piece in files.content(ID)]


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (200, {"content-type": "text/html; charset=utf-8"}, "it is a web page, not a file"),
        (204, {}, "status 204 is no whole file"),
        (206, {}, "status 206 is no whole file"),
    ],
)
async def test_content_is_a_whole_file(
    cloud: Cloud, status: int, headers: dict[str, str], said: str
) -> None:
    """A login page or a part of a file is not handed out as the file."""
    cloud.on(CONTENT, httpx2.Response(status, headers=headers, content=b""))
    with pytest.raises(UnexpectedResponseError, match=said) as caught:
        await content_of(cloud)
    assert caught.value.status_code == status


async def test_content_may_be_a_web_page_that_was_stored(cloud: Cloud) -> None:
    """A page that comes as an attachment is a file."""
    headers = {"content-type": "text/html", "content-disposition": 'attachment; filename="a.html"'}
    cloud.on(CONTENT, httpx2.Response(200, headers=headers, content=b"<p>rules</p>"))
    assert await content_of(cloud) == b"<p>rules</p>"


@pytest.mark.parametrize("bad", ["a/b", "..", "a b", "a?b", "file-2"])
async def test_another_file_is_no_answer(cloud: Cloud, tools: Tools, bad: str) -> None:
    """An answer about another file, or with an id that names another path, is refused."""
    cloud.on("GET /files/file-1", tools.file(id=bad))
    with pytest.raises(UnexpectedResponseError, match=r"can be no id|was asked for"):
        await cloud.files().get(ID)


async def test_content_of_no_file_is_not_found(cloud: Cloud) -> None:
    """An id that nobody has raises when reading begins."""
    with pytest.raises(NotFoundError):
        await content_of(cloud)


async def test_wait_returns_at_once_where_nothing_is_to_wait_for(
    cloud: Cloud, tools: Tools
) -> None:
    """OpenAI's status means nothing for a job: the first look is enough, whatever it says."""
    cloud.on("GET /files/file-1", tools.file(status="uploaded"))
    assert (await cloud.files().wait_ready(ID)).id == ID
    assert len(cloud.taken) == 1
    assert cloud.clock.monotonic() == 0


async def test_wait_goes_on_until_processed(cloud: Cloud, tools: Tools) -> None:
    """At Azure a job may name a file only once it is processed; all other words are waited for."""
    words = ["uploaded", "pending", "running", "unheard", "pending", "running", "processed"]
    cloud.on("GET /files/file-1", *(tools.file(status=word) for word in words))
    ready = await cloud.files(FilesDialect(waits=True)).wait_ready(ID)
    assert ready.status is FileStatus.PROCESSED
    assert cloud.clock.monotonic() == 1 + 2 + 4 + 5 + 5 + 5


@pytest.mark.parametrize("waits", [True, False])
async def test_wait_ends_with_a_bad_file(cloud: Cloud, tools: Tools, *, waits: bool) -> None:
    """A file that the provider found bad is never ready; the error says why."""
    words = [tools.file(status="pending")] if waits else []
    cloud.on("GET /files/file-1", *words, tools.file(status="error", status_details="line 7"))
    with pytest.raises(InvalidRequestError, match="line 7"):
        await cloud.files(FilesDialect(waits=waits)).wait_ready(ID)
    cloud.on("GET /files/file-1", tools.file(status="error"))
    with pytest.raises(InvalidRequestError, match="no reason given"):
        await cloud.files(FilesDialect(waits=waits)).wait_ready(ID)


@pytest.mark.parametrize("word", ["deleting", "deleted"])
async def test_wait_ends_with_a_deleted_file(cloud: Cloud, tools: Tools, word: str) -> None:
    """A file that Azure still shows as deleted is not there."""
    cloud.on("GET /files/file-1", tools.file(status=word))
    with pytest.raises(NotFoundError, match="was deleted"):
        await cloud.files(FilesDialect(waits=True)).wait_ready(ID)


async def test_wait_ends_at_its_limit(cloud: Cloud, tools: Tools) -> None:
    """A file that stays as it is ends the wait at the limit, by the clock."""
    cloud.on("GET /files/file-1", tools.file(status="running"))
    with pytest.raises(DeadlineError, match="still 'running' after 60 s"):
        await cloud.files(FilesDialect(waits=True)).wait_ready(ID, timeout_s=60)
    assert cloud.clock.monotonic() == 60


async def test_wait_survives_passing_trouble(cloud: Cloud, tools: Tools) -> None:
    """Outages, resets and web pages in between do not end a wait."""
    trouble = [tools.refusal(503)] * 9 + [httpx2.ReadError("reset")] * 5 + [b"<html>"]
    cloud.on("GET /files/file-1", *trouble, tools.file())
    assert (await cloud.files(FilesDialect(waits=True)).wait_ready(ID)).id == ID


async def test_wait_tells_the_trouble_that_did_not_pass(cloud: Cloud, tools: Tools) -> None:
    """When all looks failed until the limit, the last failure is the cause."""
    cloud.on("GET /files/file-1", tools.refusal(503))
    with pytest.raises(DeadlineError, match="not to be seen") as caught:
        await cloud.files(FilesDialect(waits=True)).wait_ready(ID, timeout_s=30)
    assert isinstance(caught.value.__cause__, ServiceUnavailableError)


async def test_wait_ends_with_a_file_that_is_not_there(cloud: Cloud) -> None:
    """An id that nobody has ends the wait at the first look."""
    with pytest.raises(NotFoundError):
        await cloud.files(FilesDialect(waits=True)).wait_ready(ID)
    assert len(cloud.taken) == 1


def test_file_answers_are_json(tools: Tools) -> None:
    """The answers that these tests give can stand on a wire."""
    assert json.loads(json.dumps(tools.file())) == tools.file()
