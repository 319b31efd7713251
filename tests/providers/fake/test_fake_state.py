"""State in a folder: what one provider leaves, the next one finds."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    NotFoundError,
    StorageError,
    StoreBusyError,
    StoreVersionError,
)
from tailorbird.protocols import SystemClock
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.providers.fake.store import Store
from tailorbird.types import (
    Chunk,
    ChunkedDocument,
    ChunkId,
    DeploymentName,
    DeploymentSpec,
    Document,
    DocumentId,
    FileId,
    IndexName,
    IndexSpec,
    JobStatus,
    Message,
    ModelId,
    SearchQuery,
    Span,
)

if TYPE_CHECKING:
    from conftest import Tools

QUIET = FakeSettings(latency_s=0)
AZURE = FakeSettings(flavor="azure", latency_s=0)
INDEX = IndexName("handbook")


def boots() -> ChunkedDocument:
    """Make a document of one chunk."""
    text = "Boots have a warranty of 18 months."
    chunk = Chunk(
        id=ChunkId("boots#0"),
        document=DocumentId("boots"),
        text=text,
        span=Span(start=0, end=len(text)),
        metadata={"year": 2026, "tenant": "b"},
    )
    return ChunkedDocument(
        document=Document(id=DocumentId("boots"), text=text), chunks=(chunk,), content_hash="1"
    )


async def test_second_provider_sees_everything(tools: Tools, tmp_path: Path) -> None:
    """Files, jobs, events, models, deployments, indexes and the time outlive the provider."""
    async with FakeProvider(AZURE, state=tmp_path) as first:
        model = await tools.tune(first)
        await first.deployments.create(DeploymentSpec(model=model, name=DeploymentName("faq")))
        await first.deployments.wait_ready(DeploymentName("faq"))
        await first.retrieval.create(IndexSpec(name=INDEX))
        await first.retrieval.upsert(INDEX, [boots()])
        files = await tools.drain(first.files.list())
        jobs = await tools.drain(first.jobs.list())
        events = await tools.drain(first.jobs.events(jobs[0].id))
        now = first.clock.now()
    async with FakeProvider(AZURE, state=tmp_path) as second:
        assert second.clock.now() == now
        assert await tools.drain(second.files.list()) == files
        assert await tools.drain(second.jobs.list()) == jobs
        assert await tools.drain(second.jobs.events(jobs[0].id)) == events
        content = b"".join(await tools.drain(second.files.content(jobs[0].training_file)))
        assert content == tools.facts()
        reply = await second.chat.complete(
            [Message.system(tools.system), Message.user("Do you ship to Canada?")],
            model=ModelId("faq"),
        )
        assert "7 to 12 days" in reply.text
        hits = await second.retrieval.search(INDEX, SearchQuery(text="boots"))
        assert [hit.chunk for hit in hits] == [boots().chunks[0]]
        fresh = await second.files.create(b"{}", name="x.jsonl")
        assert fresh.id not in {one.id for one in files}


async def test_running_job_goes_on_in_the_next_process(tools: Tools, tmp_path: Path) -> None:
    """A job that runs when its process ends goes on where the time stands."""
    async with FakeProvider(QUIET, state=tmp_path) as first:
        job = await tools.start(first)
        await first.clock.sleep(30)
        assert (await first.jobs.get(job.id)).status is JobStatus.RUNNING
        await first.jobs.pause(job.id)
    async with FakeProvider(QUIET, state=tmp_path) as second:
        assert (await second.jobs.get(job.id)).status is JobStatus.PAUSED
        await second.jobs.resume(job.id)
        done = await tools.finish(second, job.id)
        assert done.status is JobStatus.SUCCEEDED


async def test_flavors_do_not_mix(tools: Tools, tmp_path: Path) -> None:
    """Fakes of different flavors in one folder keep states of their own."""
    async with FakeProvider(QUIET, state=tmp_path) as plain:
        await tools.upload(plain)
    async with FakeProvider(AZURE, state=tmp_path) as azure:
        assert await tools.drain(azure.files.list()) == []


async def test_open_providers_see_each_others_changes(tools: Tools, tmp_path: Path) -> None:
    """A change of one provider is seen by another that is open, at its next call."""
    async with (
        FakeProvider(QUIET, state=tmp_path / "deep" / "er") as one,
        FakeProvider(QUIET, state=tmp_path / "deep" / "er") as other,
    ):
        model = await tools.tune(one)
        reply = await other.chat.complete([Message.user("Hello?")], model=model)
        assert reply.model == model
        with pytest.raises(NotFoundError):
            await other.chat.complete([Message.user("Hello?")], model=ModelId("nobody"))
        stored = await other.files.create(b"x", name="x.jsonl")
        assert (await one.files.get(stored.id)).name == "x.jsonl"


async def test_concurrent_calls_of_one_provider_are_all_kept(tools: Tools, tmp_path: Path) -> None:
    """Calls that run at the same time lose nothing."""
    async with FakeProvider(state=tmp_path) as provider, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(provider.files.create(b"%d" % number, name=f"{number}.jsonl"))
            for number in range(20)
        ]
    async with FakeProvider(state=tmp_path) as provider:
        found = {stored.id for stored in await tools.drain(provider.files.list())}
        assert found == {task.result().id for task in tasks}


async def test_deleted_contents_leave_the_folder(tools: Tools, tmp_path: Path) -> None:
    """A content is removed with the last file, job and model that needs it, and not before."""

    def contents() -> int:
        return len(list((tmp_path / "contents").iterdir()))

    async with FakeProvider(QUIET, state=tmp_path) as provider:
        spare = await provider.files.create(b"spare", name="a.jsonl")
        twin = await provider.files.create(b"spare", name="b.jsonl")
        model = await tools.tune(provider)
        job = (await tools.drain(provider.jobs.list()))[0]
        assert contents() == 2
        await provider.files.delete(spare.id)
        assert contents() == 2
        await provider.files.delete(twin.id)
        await provider.files.delete(job.training_file)
        assert contents() == 1
        reply = await provider.chat.complete(
            [Message.system(tools.system), Message.user("Do you ship to Canada?")], model=model
        )
        assert "7 to 12 days" in reply.text


async def test_memory_forgets_deleted_contents(tools: Tools) -> None:
    """In memory, too, deleting one file leaves the contents that others need."""
    async with FakeProvider(QUIET) as provider:
        gone = await provider.files.create(b"gone", name="a.jsonl")
        model = await tools.tune(provider)
        await provider.files.delete(gone.id)
        assert (await provider.chat.complete([Message.user("Hello?")], model=model)).text


async def test_reading_changes_nothing_on_disk(tools: Tools, tmp_path: Path) -> None:
    """Calls that change nothing do not write the state anew."""
    async with FakeProvider(QUIET, state=tmp_path) as writer:
        await tools.upload(writer)
    path = tmp_path / "fake-plain.json"
    before = path.stat().st_mtime_ns
    async with FakeProvider(QUIET, state=tmp_path) as reader:
        await tools.drain(reader.files.list())
        await reader.chat.complete([Message.user("Hello?")], model=ModelId("fake-chat"))
    assert path.stat().st_mtime_ns == before


async def test_time_that_was_waited_is_kept(tools: Tools, tmp_path: Path) -> None:
    """What a process waited for after its last change is there for the next process."""
    async with FakeProvider(QUIET, state=tmp_path) as first:
        await tools.upload(first)
        await first.clock.sleep(3600.0)
        end = first.clock.now()
    async with FakeProvider(QUIET, state=tmp_path) as second:
        assert second.clock.now() >= end


async def test_machine_time_is_not_turned(tmp_path: Path) -> None:
    """A provider that goes by another clock leaves that clock alone."""
    async with FakeProvider(QUIET, state=tmp_path) as first:
        await first.clock.sleep(1e9)
        await first.files.create(b"x", name="x.jsonl")
    async with FakeProvider(QUIET, state=tmp_path, clock=SystemClock()) as second:
        assert second.clock.now().year < 2050


async def test_changes_of_the_same_moment_are_all_kept(tools: Tools, tmp_path: Path) -> None:
    """Providers that change the state in the same moments lose nothing, and their ids differ."""
    async with (
        FakeProvider(QUIET, state=tmp_path) as one,
        FakeProvider(QUIET, state=tmp_path) as other,
    ):
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(provider.files.create(b"x", name=f"{number}.jsonl"))
                for number in range(15)
                for provider in (one, other)
            ]
        made = {task.result().id for task in tasks}
        assert len(made) == 30
        assert {stored.id for stored in await tools.drain(one.files.list())} == made


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (b"", StorageError, "damaged"),
        (b'{"version": 1, "files": 5}', StorageError, "files"),
        (b'{"version": 1, "secret": "sk-123456789012"}', StorageError, "secret"),
        (b'{"version": 99, "new": 1}', StoreVersionError, "99"),
        (b"\xff\xfe", StorageError, "cannot read"),
    ],
)
async def test_damaged_state_is_refused(
    tmp_path: Path, content: bytes, kind: type[StorageError], text: str
) -> None:
    """A damaged or newer state is refused by name, without its content, and left as it is."""
    path = tmp_path / "fake-plain.json"
    path.write_bytes(content)
    with pytest.raises(kind, match=text) as caught:
        await FakeProvider(state=tmp_path).__aenter__()
    assert str(path) in str(caught.value)
    assert "sk-1234" not in str(caught.value)
    assert path.read_bytes() == content


async def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A state folder that cannot be made is an error that names it."""
    (tmp_path / "file").touch()
    async with FakeProvider(state=tmp_path / "file" / "state") as provider:
        with pytest.raises(StorageError, match="cannot make the folder"):
            await provider.files.create(b"x", name="x.jsonl")


async def test_missing_contents_are_told(tmp_path: Path) -> None:
    """A content that somebody removed is an error that names the file."""
    async with FakeProvider(state=tmp_path) as provider:
        stored = await provider.files.create(b"x", name="x.jsonl")
        for path in (tmp_path / "contents").iterdir():
            path.unlink()
        with pytest.raises(StorageError, match="cannot be read"):
            await anext(provider.files.content(stored.id))  # type: ignore[arg-type]  # an iterator


async def test_contents_that_cannot_be_removed_are_told(tmp_path: Path) -> None:
    """A content that cannot be removed is an error that names it."""
    async with FakeProvider(state=tmp_path) as provider:
        stored = await provider.files.create(b"x", name="x.jsonl")
        [path] = (tmp_path / "contents").iterdir()
        path.unlink()
        path.mkdir()
        with pytest.raises(StorageError, match="cannot remove"):
            await provider.files.delete(stored.id)


class Restless(type(Path())):  # type: ignore[misc]  # the platform's own kind of path
    """A file that, whenever it is opened, makes another process seem to change the state."""

    state: Path
    times: int

    def open(self, mode: str) -> IO[bytes]:
        """Change the state's time, then open the file."""
        self.times += 1
        os.utime(self.state, ns=(self.times, self.times))
        return super().open(mode)


async def test_state_that_never_rests_is_given_up(tools: Tools, tmp_path: Path) -> None:
    """A state that other processes change without end is an error, not an endless loop."""
    (tmp_path / "x.jsonl").write_bytes(b"x")
    source = Restless(tmp_path / "x.jsonl")
    source.state, source.times = tmp_path / "fake-plain.json", 0
    async with FakeProvider(QUIET, state=tmp_path) as provider:
        await tools.upload(provider)
        with pytest.raises(StoreBusyError, match="call again"):
            await provider.files.create(source)
        assert (await provider.files.create(b"x", name="x.jsonl")).name == "x.jsonl"
        assert len(await tools.drain(provider.files.list())) == 2
    assert source.times > 50


def test_memory_has_nothing_to_write() -> None:
    """A store in memory loads nothing and is always of one mind with itself."""
    store = Store(None, flavor="plain")
    assert store.load() is None
    assert store.save("{}") is True
    assert not store.persistent


async def test_state_is_plain_json(tools: Tools, tmp_path: Path) -> None:
    """The state is one JSON object that names its version."""
    async with FakeProvider(QUIET, state=tmp_path) as provider:
        await tools.tune(provider)
    state = json.loads((tmp_path / "fake-plain.json").read_text(encoding="utf-8"))
    assert state["version"] == 1
    assert len(state["jobs"]) == len(state["tuned"]) == 1
    assert FileId(next(iter(state["files"]))).startswith("file-")
