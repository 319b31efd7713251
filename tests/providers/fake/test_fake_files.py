"""The fake's files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
)
from tailorbird.providers.fake import (
    FakeProvider,
    FakeSettings,
    Fault,
    Lag,
    Script,
    Statuses,
)
from tailorbird.types import FileId, FileStatus, StoredFile

if TYPE_CHECKING:
    from conftest import Tools

BAD_IDS = ["", ".", "..", "a/b", "a\\b", "a?b", "a#b", "a%20b", "a b", "a\nb", "a\x00b", "a\u3000b"]


async def listed(provider: FakeProvider, purpose: str | None = None) -> list[StoredFile]:
    """Give all files."""
    return [one async for one in provider.files.list(purpose=purpose)]


async def content_of(provider: FakeProvider, file_id: FileId) -> bytes:
    """Give the whole content of a file."""
    return b"".join([piece async for piece in provider.files.content(file_id)])


async def test_bytes_and_paths_come_back_unchanged(tmp_path: Path) -> None:
    """Content given as bytes or as a path is stored under its name and read back."""
    path = tmp_path / "研修.jsonl"
    path.write_bytes(b"{}\n")
    async with FakeProvider() as provider:
        given = await provider.files.create(b"abc", name="a.jsonl")
        read = await provider.files.create(path)
        renamed = await provider.files.create(path, name="b.jsonl")
        assert (given.name, read.name, renamed.name) == ("a.jsonl", "研修.jsonl", "b.jsonl")
        assert (given.size_bytes, read.size_bytes) == (3, 3)
        assert await content_of(provider, given.id) == b"abc"
        assert await content_of(provider, read.id) == b"{}\n"


@pytest.mark.parametrize("folder", [True, False])
async def test_long_content_comes_in_pieces(tmp_path: Path, *, folder: bool) -> None:
    """Long content comes in pieces of at most 1 MiB, in memory and from a folder."""
    sent = bytes(range(256)) * 10_000
    async with FakeProvider(state=tmp_path if folder else None) as provider:
        stored = await provider.files.create(sent, name="long.bin", purpose="batch")
        pieces = [piece async for piece in provider.files.content(stored.id)]
    assert [len(piece) for piece in pieces] == [2**20, 2**20, len(sent) - 2 * 2**20]
    assert b"".join(pieces) == sent


async def test_plain_files_are_processed_at_once() -> None:
    """Where files need no processing, they are ready at once."""
    async with FakeProvider() as provider:
        stored = await provider.files.create(b"x", name="x.jsonl")
        assert (stored.status, stored.raw_status) == (FileStatus.PROCESSED, "processed")
        assert await provider.files.wait_ready(stored.id) == stored


async def test_azure_files_are_processed_after_a_while(tools: Tools) -> None:
    """On Azure's flavor a file is pending, then running, then processed."""
    async with FakeProvider(FakeSettings(flavor="azure", latency_s=0)) as provider:
        stored = await provider.files.create(tools.facts(), name="x.jsonl")
        words = [stored.raw_status]
        while words[-1] != "processed":
            await provider.clock.sleep(1)
            words.append((await provider.files.get(stored.id)).raw_status)
    assert list(dict.fromkeys(words)) == ["pending", "running", "processed"]


async def test_azure_finds_bad_rows_at_the_upload() -> None:
    """On Azure's flavor a file with bad rows ends in an error that names the line."""
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        stored = await provider.files.create(b'{"messages": []}\nnot json\n', name="x.jsonl")
        with pytest.raises(InvalidRequestError, match="line 2"):
            await provider.files.wait_ready(stored.id)
        found = await provider.files.get(stored.id)
        assert found.status is FileStatus.ERROR
        assert found.status_details is not None


async def test_azure_does_not_look_into_other_files() -> None:
    """Files for other purposes are not checked as training files."""
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        stored = await provider.files.create(b"not json", name="x.jsonl", purpose="batch")
        assert (await provider.files.wait_ready(stored.id)).status is FileStatus.PROCESSED


async def test_purposes_differ_by_flavor() -> None:
    """Azure's flavor refuses purposes that Azure does not have."""
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        with pytest.raises(InvalidRequestError, match="user_data"):
            await provider.files.create(b"x", name="x.txt", purpose="user_data")
        assert await listed(provider) == []


async def test_list_is_newest_first_and_by_purpose() -> None:
    """Files are listed newest first, all of them or those of one purpose."""
    async with FakeProvider() as provider:
        first = await provider.files.create(b"1", name="1.jsonl")
        second = await provider.files.create(b"2", name="2.jsonl", purpose="batch")
        third = await provider.files.create(b"1", name="1.jsonl")
        assert await listed(provider) == [third, second, first]
        assert await listed(provider, "batch") == [second]
        assert await listed(provider, "unheard-of") == []


async def test_deleted_files_are_gone() -> None:
    """A deleted file is not found by any method; one of the same content stays."""
    async with FakeProvider() as provider:
        gone = await provider.files.create(b"same", name="a.jsonl")
        kept = await provider.files.create(b"same", name="b.jsonl")
        await provider.files.delete(gone.id)
        assert await listed(provider) == [kept]
        assert await content_of(provider, kept.id) == b"same"
        for call in (
            provider.files.get(gone.id),
            provider.files.delete(gone.id),
            provider.files.wait_ready(gone.id),
            content_of(provider, gone.id),
        ):
            with pytest.raises(NotFoundError) as caught:
                await call
            assert caught.value.status_code == 404
            assert caught.value.accepted == "no"


@pytest.mark.parametrize("bad", BAD_IDS, ids=repr)
async def test_bad_ids_are_not_sent(bad: str) -> None:
    """An id that would change a request's address is refused before anything is recorded."""
    async with FakeProvider() as provider:
        for call in (
            provider.files.get(FileId(bad)),
            provider.files.delete(FileId(bad)),
            provider.files.wait_ready(FileId(bad)),
            content_of(provider, FileId(bad)),
        ):
            with pytest.raises(InvalidInputError, match="no file id"):
                await call
        assert provider.calls == ()


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b.jsonl", "a\\b", "a\nb", "a\0b"])
async def test_bad_names_are_refused(name: str) -> None:
    """A name that is no base name is refused."""
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match="no file name"):
            await provider.files.create(b"x", name=name)


async def test_bad_sources_are_refused(tmp_path: Path) -> None:
    """Bytes without a name, empty content, missing files and folders are refused."""
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match="need a name"):
            await provider.files.create(b"x")
        with pytest.raises(InvalidInputError, match="is empty"):
            await provider.files.create(b"", name="x.jsonl")
        with pytest.raises(InvalidInputError, match=r"empty\.jsonl.*is empty"):
            await provider.files.create(empty)
        with pytest.raises(InvalidInputError, match=r"missing\.jsonl.*No such file"):
            await provider.files.create(tmp_path / "missing.jsonl")
        with pytest.raises(InvalidInputError, match="cannot read"):
            await provider.files.create(tmp_path)
        assert provider.calls == ()


async def test_too_large_files_are_refused(tmp_path: Path) -> None:
    """A file above 512 MB is refused by its size alone."""
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.truncate(512 * 2**20 + 1)
    async with FakeProvider() as provider:
        with pytest.raises(InvalidRequestError, match="536870913 bytes"):
            await provider.files.create(path)


async def test_expired_files_vanish() -> None:
    """A file with an expiry is there until its time, and gone from then on."""
    async with FakeProvider(FakeSettings(latency_s=0)) as provider:
        stored = await provider.files.create(b"x", name="x.jsonl", expires_after_s=3_600)
        assert stored.expires_at == stored.created_at + timedelta(hours=1)
        await provider.clock.sleep(3_599)
        assert (await provider.files.get(stored.id)).id == stored.id
        await provider.clock.sleep(1)
        with pytest.raises(NotFoundError):
            await provider.files.get(stored.id)


@pytest.mark.parametrize("seconds", [3_599, 0, -1, 2_592_001])
async def test_expiry_has_a_range(seconds: int) -> None:
    """An expiry outside the range is refused."""
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match=r"3600\.\.2592000"):
            await provider.files.create(b"x", name="x.jsonl", expires_after_s=seconds)


async def test_scripted_statuses_are_shown_one_a_look_up() -> None:
    """Scripted words come one a look-up, unknown ones are kept raw, and the last one stays."""
    script = Script().on("files.create", Statuses("pending", "odd", "error"))
    async with FakeProvider(script=script) as provider:
        stored = await provider.files.create(b"x", name="x.jsonl")
        assert stored.raw_status == "pending"
        found = [await provider.files.get(stored.id) for _ in range(4)]
        assert [one.raw_status for one in found] == ["pending", "odd", "error", "error"]
        assert found[1].status is FileStatus.OTHER
        with pytest.raises(InvalidRequestError, match="no reason given"):
            await provider.files.wait_ready(stored.id)


async def test_waiting_has_a_limit() -> None:
    """A file that never gets ready ends the wait at its limit; the error says that it goes on."""
    script = Script().on("files.create", Statuses("running"))
    async with FakeProvider(FakeSettings(latency_s=0), script=script) as provider:
        stored = await provider.files.create(b"x", name="x.jsonl")
        with pytest.raises(DeadlineError, match="wait again"):
            await provider.files.wait_ready(stored.id, timeout_s=42)
        assert provider.clock.monotonic() == 42


async def test_passing_trouble_does_not_end_the_wait() -> None:
    """Looks that fail are made again; where all fail until the limit, the last is the cause."""
    script = (
        Script()
        .on("files.create", Statuses("running", "processed"))
        .on("files.get", Fault.unavailable(), times=4)
        .on("files.get", Fault.rate_limited(), occurrence=7, times=None)
    )
    async with FakeProvider(script=script) as provider:
        stored = await provider.files.create(b"x", name="x.jsonl")
        assert (await provider.files.wait_ready(stored.id)).status is FileStatus.PROCESSED
        with pytest.raises(DeadlineError, match="not to be seen") as caught:
            await provider.files.wait_ready(stored.id, timeout_s=30)
    assert isinstance(caught.value.__cause__, RateLimitError)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
async def test_time_limits_are_positive(timeout_s: float) -> None:
    """A time limit that is not above zero is refused."""
    async with FakeProvider() as provider:
        stored = await provider.files.create(b"x", name="x.jsonl")
        with pytest.raises(InvalidInputError, match="timeout_s"):
            await provider.files.wait_ready(stored.id, timeout_s=timeout_s)
        with pytest.raises(InvalidInputError, match="timeout_s"):
            await provider.files.create(b"x", name="x.jsonl", timeout_s=timeout_s)


async def test_lagging_files_show_up_late() -> None:
    """A file with a lag is invisible for so many look-ups and listings, then it is there."""
    script = Script().on("files.create", Lag(lookups=2, listings=1))
    async with FakeProvider(script=script) as provider:
        stored = await provider.files.create(b"x", name="x.jsonl")
        for _ in range(2):
            with pytest.raises(NotFoundError):
                await provider.files.get(stored.id)
        assert (await provider.files.get(stored.id)).id == stored.id
        assert await listed(provider) == []
        assert [one.id for one in await listed(provider)] == [stored.id]


async def test_ids_depend_on_the_seed_alone() -> None:
    """Equal seeds give equal ids, other seeds give others, and ids within one fake differ."""

    async def ids(seed: int) -> list[FileId]:
        async with FakeProvider(FakeSettings(seed=seed)) as provider:
            return [(await provider.files.create(b"x", name="x.jsonl")).id for _ in range(3)]

    assert await ids(1) == await ids(1)
    assert not set(await ids(1)) & set(await ids(2))
    assert len(set(await ids(1))) == 3
