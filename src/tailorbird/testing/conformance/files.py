"""Clauses `F…`: files."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import InvalidInputError, NotFoundError, UnsupportedError
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import Capability, FileId, FileStatus

if TYPE_CHECKING:
    from pathlib import Path

    from tailorbird.protocols import Provider
    from tailorbird.types import StoredFile

PIECE_BYTES = 2**20
SOON_S = 60.0
PAGE = 25  # more than the default page of every listing known (OpenAI's jobs: 20)
UNKNOWN = FileId(data.UNKNOWN)
EXPIRY_S = 3600


class FilesConformance:
    """What every implementation of `Files` promises; needs a fixture `provider`."""

    options = SuiteOptions()

    @clause("F1")
    async def test_create_gives_what_is_held(self, provider: Provider) -> None:
        """A created file has an id, its name, its purpose, its size and an aware time."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            stored = await trial.upload(name="faq.jsonl")
            assert stored.id
            assert (stored.name, stored.purpose) == ("faq.jsonl", "fine-tune")
            assert stored.size_bytes in {None, len(data.TRAINING)}
            assert stored.created_at.utcoffset() == timedelta(0)
            assert stored.expires_at is None

    @clause("F2")
    async def test_status_is_not_guessed(self, provider: Provider) -> None:
        """The status is the provider's word as it is known, or `OTHER` for one that is not."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            stored = await trial.upload()
            assert stored.raw_status
            assert stored.status is FileStatus.parse(stored.raw_status)

    @clause("F3")
    async def test_path_is_sent_unchanged(self, provider: Provider, tmp_path: Path) -> None:
        """A file on disk is stored under its base name and comes back byte for byte."""
        needs(provider, Capability.FILES)
        path = tmp_path / "training.jsonl"
        path.write_bytes(data.TRAINING)
        async with Trial(provider, self.options) as trial:
            stored = await provider.files.create(path)
            trial.forget_file(stored.id)
            assert stored.name == "training.jsonl"
            assert await content_of(provider, stored.id) == data.TRAINING

    @clause("F4")
    async def test_bytes_are_sent_unchanged(self, provider: Provider) -> None:
        """Bytes come back byte for byte, also under a Japanese name with a blank in it."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            stored = await trial.upload(name="研修 データ.jsonl")
            assert await content_of(provider, stored.id) == data.TRAINING

    @clause("F5")
    async def test_content_comes_in_pieces(self, provider: Provider) -> None:
        """Content longer than 1 MiB comes in order, in pieces of at most 1 MiB."""
        needs(provider, Capability.FILES)
        sent = data.long_training(2 * PIECE_BYTES + 1)
        async with Trial(provider, self.options) as trial:
            stored = await trial.upload(sent)
            pieces = [piece async for piece in provider.files.content(stored.id)]
            assert max(map(len, pieces)) <= PIECE_BYTES
            assert b"".join(pieces) == sent

    @clause("F6")
    async def test_same_content_makes_two_files(self, provider: Provider) -> None:
        """Sending the same content twice makes two files."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            first, second = await trial.upload(), await trial.upload()
            assert first.id != second.id
            assert {first.id, second.id} <= {stored.id for stored in await listed(provider)}

    @clause("F7")
    async def test_get_gives_the_created_file(self, provider: Provider) -> None:
        """`get` gives the file that `create` made."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            stored = await trial.upload()
            found = await provider.files.get(stored.id)
            assert (found.id, found.name, found.purpose, found.created_at) == (
                *(stored.id, stored.name, stored.purpose, stored.created_at),
            )

    @clause("F8")
    async def test_list_is_newest_first(self, provider: Provider) -> None:
        """`list` gives all files, newest first."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            made: list[FileId] = []
            for _ in range(3):
                made.append((await trial.upload()).id)
                await provider.clock.sleep(1.0)  # times at a provider have whole seconds
            files = await listed(provider)
            assert [stored.id for stored in files if stored.id in made] == made[::-1]
            times = [stored.created_at for stored in files]
            assert times == sorted(times, reverse=True)

    @clause("F9")
    async def test_list_goes_over_pages(self, provider: Provider) -> None:
        """`list` gives each of many files once, however many fit on a page."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            made = {(await trial.upload()).id for _ in range(PAGE)}
            found = [stored.id for stored in await listed(provider)]
            assert len(found) == len(set(found))
            assert made <= set(found)

    @clause("F10")
    async def test_list_can_be_left_early(self, provider: Provider) -> None:
        """Leaving `list` after the first file does no harm to the calls that follow."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            made = {(await trial.upload()).id, (await trial.upload()).id}
            assert (await anext(provider.files.list())).id
            assert made <= {stored.id for stored in await listed(provider)}

    @clause("F11")
    async def test_list_by_purpose(self, provider: Provider) -> None:
        """`list` with a purpose gives all files of that purpose and no others."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            training = await trial.upload()
            batch = await trial.upload(data.BATCH, purpose="batch")
            found = [stored async for stored in provider.files.list(purpose="batch")]
            assert {stored.purpose for stored in found} == {"batch"}
            ids = {stored.id for stored in found}
            assert batch.id in ids
            assert training.id not in ids

    @clause("F12")
    async def test_delete_takes_the_file_away(self, provider: Provider) -> None:
        """A deleted file is neither listed nor given nor deleted again; others stay."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            gone, kept = await trial.upload(), await trial.upload()
            await provider.files.delete(gone.id)
            ids = {stored.id for stored in await listed(provider)}
            assert kept.id in ids
            assert gone.id not in ids
            await assert_unknown(provider, gone.id)

    @clause("F13")
    async def test_unknown_file_is_not_found(self, provider: Provider) -> None:
        """An id that nobody has raises `NotFoundError` from every method that takes one."""
        needs(provider, Capability.FILES)
        await assert_unknown(provider, UNKNOWN)

    @clause("F14")
    @pytest.mark.parametrize("bad", data.BAD_IDS, ids=repr)
    async def test_bad_id_is_not_sent(self, provider: Provider, bad: str) -> None:
        """An id that would change the address of a request raises `InvalidInputError`."""
        needs(provider, Capability.FILES)
        with pytest.raises(InvalidInputError):
            await provider.files.get(FileId(bad))
        with pytest.raises(InvalidInputError):
            await provider.files.delete(FileId(bad))
        with pytest.raises(InvalidInputError):
            await provider.files.wait_ready(FileId(bad))
        with pytest.raises(InvalidInputError):
            await content_of(provider, FileId(bad))

    @clause("F15")
    async def test_bad_source_is_not_sent(self, provider: Provider, tmp_path: Path) -> None:
        """Bytes without a name, nothing at all, and a path that is no file are refused unsent."""
        needs(provider, Capability.FILES)
        (tmp_path / "empty.jsonl").touch()
        before = [stored.id for stored in await listed(provider)]
        with pytest.raises(InvalidInputError):
            await provider.files.create(data.TRAINING)
        with pytest.raises(InvalidInputError):
            await provider.files.create(b"", name="empty.jsonl")
        for path in (tmp_path, tmp_path / "empty.jsonl", tmp_path / "absent.jsonl"):
            with pytest.raises(InvalidInputError):
                await provider.files.create(path)
        assert [stored.id for stored in await listed(provider)] == before

    @clause("F16")
    async def test_file_expires_as_asked(self, provider: Provider) -> None:
        """A file with an expiry says when it goes, counted from its creation."""
        needs(provider, Capability.FILES, Capability.FILES_EXPIRY)
        async with Trial(provider, self.options) as trial:
            stored = await provider.files.create(
                data.TRAINING, name="short.jsonl", expires_after_s=EXPIRY_S
            )
            trial.forget_file(stored.id)
            assert stored.expires_at == stored.created_at + timedelta(seconds=EXPIRY_S)

    @clause("F17")
    @pytest.mark.parametrize("seconds", [-1, 0, EXPIRY_S - 1, 2_592_001])
    async def test_expiry_has_limits(self, provider: Provider, seconds: int) -> None:
        """An expiry outside 3,600..2,592,000 seconds is refused and nothing is stored."""
        needs(provider, Capability.FILES, Capability.FILES_EXPIRY)
        before = [stored.id for stored in await listed(provider)]
        with pytest.raises(InvalidInputError):
            await provider.files.create(data.TRAINING, name="never.jsonl", expires_after_s=seconds)
        assert [stored.id for stored in await listed(provider)] == before

    @clause("F18")
    async def test_expiry_that_is_not_offered(self, provider: Provider) -> None:
        """Where files cannot expire, asking for it is refused and nothing is stored."""
        needs(provider, Capability.FILES)
        lacks(provider, Capability.FILES_EXPIRY)
        before = [stored.id for stored in await listed(provider)]
        with pytest.raises(UnsupportedError):
            await provider.files.create(data.TRAINING, name="never.jsonl", expires_after_s=EXPIRY_S)
        assert [stored.id for stored in await listed(provider)] == before

    @clause("F19")
    async def test_wait_ready_gives_a_usable_file(self, provider: Provider) -> None:
        """`wait_ready` gives the file once a job may name it, and at once when asked again."""
        needs(provider, Capability.FILES)
        async with Trial(provider, self.options) as trial:
            stored = await trial.upload()
            ready = await provider.files.wait_ready(stored.id)
            assert ready.id == stored.id
            assert ready.status not in {FileStatus.PENDING, FileStatus.RUNNING, FileStatus.ERROR}
            since = provider.clock.monotonic()
            await provider.files.wait_ready(stored.id, timeout_s=SOON_S)
            assert provider.clock.monotonic() - since < SOON_S

    @clause("F20")
    async def test_calls_run_at_the_same_time(self, provider: Provider) -> None:
        """Uploads that run at the same time do not mix up their contents."""
        needs(provider, Capability.FILES)
        sent = [data.long_training(1) + data.TRAINING * count for count in range(1, 5)]
        async with Trial(provider, self.options) as trial:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(trial.upload(content)) for content in sent]
            for task, content in zip(tasks, sent, strict=True):
                assert await content_of(provider, task.result().id) == content

    @clause("F21")
    async def test_missing_files_are_unsupported(self, provider: Provider) -> None:
        """Where files are not offered, creating one raises `UnsupportedError`."""
        lacks(provider, Capability.FILES)
        with pytest.raises(UnsupportedError):
            await provider.files.create(data.TRAINING, name="never.jsonl")


async def listed(provider: Provider) -> list[StoredFile]:
    """Give all files."""
    return [stored async for stored in provider.files.list()]


async def content_of(provider: Provider, file_id: FileId) -> bytes:
    """Give the whole content of a file."""
    return b"".join([piece async for piece in provider.files.content(file_id)])


async def assert_unknown(provider: Provider, file_id: FileId) -> None:
    """Expect that no method of `Files` knows the id, and that the error says who said so."""
    with pytest.raises(NotFoundError) as caught:
        await provider.files.get(file_id)
    assert caught.value.provider == provider.name
    assert caught.value.operation
    with pytest.raises(NotFoundError):
        await provider.files.delete(file_id)
    with pytest.raises(NotFoundError):
        await provider.files.wait_ready(file_id)
    with pytest.raises(NotFoundError):
        await content_of(provider, file_id)
