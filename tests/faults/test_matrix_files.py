"""Row G of the fault matrix: files on their way there and back."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tailorbird import Workbench
from tailorbird.config import Profile, RetrievalSettings
from tailorbird.exceptions import (
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)
from tailorbird.journal import Workspace
from tailorbird.protocols import SystemClock
from tailorbird.providers.fake import Lag, Script, Statuses
from tailorbird.testing.faults import (
    BadGzip,
    Disconnect,
    Stall,
    Status,
    Step,
    Trickle,
    TruncatedJson,
    WireFault,
)
from tailorbird.types import Document, DocumentId, FileStatus, IndexName

if TYPE_CHECKING:
    from conftest import MakeSite, Site

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FILES = "/v1/files"
ROWS = b'{"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]}\n'
LOST: list[WireFault] = [
    Disconnect(),
    Disconnect("mid_body", reset=True),
    Status(500),
    Status(502, "<html></html>"),
    Status(409),
    TruncatedJson(),
    BadGzip(),
    Status(200, b"null"),
    Status(200, "<html></html>"),
]
NAMES = [f"{number}-{type(fault).__name__}" for number, fault in enumerate(LOST)]


@pytest.mark.parametrize("fault", LOST, ids=NAMES)
@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_lost_answer_to_an_upload_is_one_file(
    make_site: MakeSite, flavor: str, fault: WireFault
) -> None:
    """G1: the upload was stored and nobody said so: it is found by its name, and not repeated."""
    site = await make_site(flavor=flavor)
    bench = await site.bench()
    path = f"/openai{FILES}" if flavor == "azure" else FILES
    site.break_next(Step(fault=fault, method="POST", path=path, commit=True))
    await site.start(bench)
    assert len(site.seen("POST", "/files")) == 1
    assert (await site.files_there(), site.app.live_jobs()) == (1, 1)


async def test_lost_answer_and_a_list_that_lags(make_site: MakeSite) -> None:
    """G1: the same when the listing of files lags behind."""
    site = await make_site(script=Script().on("files.create", Lag(listings=2)))
    bench = await site.bench()
    site.break_next(Step(fault=Disconnect(), method="POST", path=FILES, commit=True))
    await site.start(bench)
    assert (await site.files_there(), site.app.live_jobs()) == (1, 1)


@pytest.mark.parametrize("fault", LOST, ids=NAMES)
async def test_upload_alone_is_never_repeated(site: Site, fault: WireFault) -> None:
    """G1: whoever uses files by themselves is told that nobody knows; one file is there."""
    account = await site.openai()
    site.break_next(Step(fault=fault, method="POST", path=FILES, commit=True))
    with pytest.raises(ProviderError) as caught:
        await account.files.create(ROWS, name="rows.jsonl")
    assert (caught.value.accepted, caught.value.operation) == ("unknown", "files.create")
    assert len(site.seen("POST", "/files")) == 1
    assert await site.files_there() == 1


async def test_lost_answer_to_a_deletion_is_repeated(site: Site) -> None:
    """G1: a 404 after an answer that was lost means that the file is gone, as it was to be."""
    account = await site.openai()
    stored = await account.files.create(ROWS, name="rows.jsonl")
    site.break_next(Step(fault=Disconnect(), method="DELETE", path=FILES, commit=True))
    await account.files.delete(stored.id)
    assert await site.files_there() == 0
    with pytest.raises(NotFoundError):
        await account.files.delete(stored.id)


@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_file_that_is_found_bad_is_an_error(make_site: MakeSite, flavor: str) -> None:
    """G3: a file in status `error` is no success, and no job is made of it."""
    script = Script().on("files.create", Statuses("uploaded", "error"))
    site = await make_site(flavor=flavor, script=script)
    bench = await site.bench()
    provider = bench.provider
    stored = await provider.files.create(ROWS, name="rows.jsonl")
    await provider.files.get(stored.id)
    with pytest.raises(InvalidRequestError, match="bad") as caught:
        await provider.files.wait_ready(stored.id)
    assert caught.value.accepted == "yes"
    assert site.app.live_jobs() == 0


async def test_import_that_never_ends_is_told(make_site: MakeSite) -> None:
    """G3: a file that is never processed ends the wait at its limit, which says that it goes on."""
    script = Script().on("files.create", Statuses("pending"))
    site = await make_site(flavor="azure", script=script)
    account = await site.azure()
    stored = await account.files.create(ROWS, name="rows.jsonl")
    with pytest.raises(DeadlineError, match="wait again"):
        await account.files.wait_ready(stored.id, timeout_s=300)
    assert 30 < len(site.seen("GET", f"/files/{stored.id}")) < 100


async def test_trouble_does_not_end_the_wait_for_a_file(make_site: MakeSite) -> None:
    """G3: 503 and breaks while a file is imported are waited out."""
    site = await make_site(flavor="azure")
    account = await site.azure()
    stored = await account.files.create(ROWS, name="rows.jsonl")
    path = f"/openai{FILES}/{stored.id}"
    site.break_next(
        Step(fault=Status(503), path=path, times=5), Step(fault=Disconnect(), path=path, times=5)
    )
    assert (await account.files.wait_ready(stored.id)).status is FileStatus.PROCESSED


@pytest.mark.parametrize("fault", [Status.rate_limited(retry_after_ms=5), Status(500)])
async def test_pipe_is_spooled(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Status
) -> None:
    """G4: what comes from a pipe can be sent again after a 429, and leaves nothing on disk."""
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    account = await site.openai()
    site.break_next(Step(fault=fault, method="POST", path=FILES))
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(pipe.write_bytes, ROWS * 100))
        upload = group.create_task(site.together(account.files.create(pipe, name="rows.jsonl")))
    sent = [one.size_bytes for one in site.seen("POST", "/files")]
    if fault.status_code == 429:
        assert len(sent) == 2
        assert sent[0] == sent[1]
        [stored] = [one async for one in site.fake.files.list(purpose="fine-tune")]
        assert stored.size_bytes == len(ROWS) * 100
    else:
        assert isinstance(upload.result()[0], ServiceUnavailableError)
        assert len(sent) == 1
    assert list(spool.glob("*.upload")) == []


GOOD_NAMES = [
    'say "hi".jsonl',
    "x" * 300 + ".jsonl",
    "研修データ.jsonl",
    "🧵 thread.jsonl",
    "a;b=c.jsonl",
    "' or 1=1 --.jsonl",
    "%0d%0aX-Evil: 1.jsonl",
    "trailing space .jsonl",
    "..jsonl",
    "\u202egpj.jsonl",
    "ﾊﾝｶｸ.jsonl",
]
BAD_NAMES = [
    "../../etc/passwd",
    "a\\b.jsonl",
    "a\0b.jsonl",
    "a\r\nX-Evil: 1\r\n.jsonl",
    "",
    "..",
    " ",
]


@pytest.mark.parametrize("name", GOOD_NAMES, ids=range(len(GOOD_NAMES)))
async def test_odd_file_names_break_no_header(site: Site, name: str) -> None:
    """G6: whatever a name holds, the form has its one header line, and the file arrives whole."""
    account = await site.openai()
    stored = await account.files.create(ROWS, name=name)
    [request] = site.seen("POST", "/files")
    head = request.body.partition(ROWS)[0].decode()
    [line] = [one for one in head.split("\r\n") if "filename=" in one]
    assert line.count('"') == 4  # two names, each in quotes
    assert len(line.encode()) < 300
    assert "X-Evil: 1" not in head.split("\r\n")
    assert b"".join([piece async for piece in site.fake.files.content(stored.id)]) == ROWS


@pytest.mark.parametrize("name", BAD_NAMES, ids=range(len(BAD_NAMES)))
async def test_names_that_are_paths_are_refused(site: Site, name: str) -> None:
    """G6: folders, line ends and NUL are refused before anything is sent."""
    account = await site.openai()
    with pytest.raises(InvalidInputError):
        await account.files.create(ROWS, name=name)
    assert site.server.seen == ()


@pytest.mark.parametrize("name", ["../../x", "/etc/cron.d/x", "C:\\x", "x\0"])
async def test_names_from_the_server_write_nothing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """G7: a download gives bytes; no name that the server chooses becomes a path."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    account = await site.openai()
    stored = await account.files.create(ROWS, name="rows.jsonl")
    site.edit_next(f"{FILES}/{stored.id}", lambda document: document.update(filename=name))
    assert (await account.files.get(stored.id)).name == name
    assert b"".join([piece async for piece in account.files.content(stored.id)]) == ROWS
    found = await asyncio.to_thread(lambda: sorted(tmp_path.rglob("*")))
    assert found == [tmp_path / "a", inner]


@pytest.mark.parametrize("place", ["after_headers", "mid_body"])
async def test_cut_download_is_an_error(site: Site, place: str) -> None:
    """G7: a download that breaks off is an error, and never a shorter file."""
    account = await site.openai()
    stored = await account.files.create(ROWS * 1000, name="rows.jsonl")
    fault = Disconnect("mid_body" if place == "mid_body" else "after_headers")
    site.break_next(Step(fault=fault, path=f"{FILES}/{stored.id}/content", commit=True))
    with pytest.raises(ServiceUnavailableError):
        _ = [piece async for piece in account.files.content(stored.id)]
    await site.server.until_disconnected()


async def test_stalled_download_ends(site: Site) -> None:
    """G7: a download in which nothing comes any more ends after `idle_s`."""
    account = await site.openai(clock=SystemClock(), idle_s=1.0)
    stored = await account.files.create(ROWS * 1000, name="rows.jsonl")
    path = f"{FILES}/{stored.id}/content"
    site.break_next(Step(fault=Stall(60, at="mid_body"), path=path, commit=True))
    with pytest.raises(DeadlineError, match="for 1 s"):
        _ = [piece async for piece in account.files.content(stored.id)]
    await site.server.until_disconnected()


async def test_left_download_is_closed(site: Site) -> None:
    """G7: who stops reading a download leaves no connection behind."""
    account = await site.openai()
    stored = await account.files.create(ROWS * 1000, name="rows.jsonl")
    path = f"{FILES}/{stored.id}/content"
    site.break_next(Step(fault=Trickle(0.001, 10_000), path=path, commit=True))
    pieces = account.files.content(stored.id)
    assert await anext(aiter(pieces))
    await pieces.aclose()  # type: ignore[attr-defined] - it is a generator
    await site.server.until_disconnected()


async def test_file_that_arrived_short_is_taken_back(site: Site) -> None:
    """G1: a stored size that is not what was sent is an error, and the file is deleted again."""
    account = await site.openai()
    site.edit_next(FILES, lambda document: document.update(bytes=len(ROWS) - 1))
    with pytest.raises(UnexpectedResponseError, match="not stored whole"):
        await account.files.create(ROWS, name="rows.jsonl")
    assert await site.files_there() == 0


async def test_slow_upload_ends_at_its_deadline(site: Site, tmp_path: Path) -> None:
    """G1: an upload that is never answered ends in time and leaves no connection."""
    account = await site.openai(clock=SystemClock(), upload_timeout_s=1.5)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROWS * 10_000)
    site.break_next(Step(fault=Stall(60), method="POST", path=FILES))
    with pytest.raises(DeadlineError) as caught:
        await account.files.create(path)
    assert caught.value.accepted == "unknown"
    await site.server.until_disconnected()


DOCUMENTS = [
    Document(id=DocumentId(f"d{number}"), text=f"Shelf {number} holds item {number}.")
    for number in range(5)
]


def hosted(site: Site, folder: Path) -> Workbench:
    """Make a closed workbench whose indexes are the provider's."""
    profile = Profile(
        name="openai",
        provider="openai",
        roles=site.roles["openai"],
        retrieval=RetrievalSettings(engine="hosted"),
    )
    return Workbench(site.make_openai(), profile=profile, workspace=Workspace(folder))


@pytest.mark.parametrize("fault", LOST, ids=NAMES)
async def test_lost_answer_to_an_index_is_one_index(
    site: Site, tmp_path: Path, fault: WireFault
) -> None:
    """G1: a vector store whose creation was not answered is found by its name, and filled once."""
    async with hosted(site, tmp_path) as bench:
        site.break_next(Step(fault=fault, method="POST", path="/v1/vector_stores", commit=True))
        with suppress(ProviderError):
            await bench.build_index(DOCUMENTS, name="handbook")
        index = await bench.build_index(DOCUMENTS, name="handbook")
        assert index.info.documents == len(DOCUMENTS)
        assert len([one async for one in bench.provider.retrieval.list()]) == 1
    assert len(site.seen("POST", "/vector_stores")) == 1
    assert len(site.seen("POST", "/files")) == len(DOCUMENTS)


async def test_lost_answer_to_deleting_an_index_leaves_no_file(site: Site, tmp_path: Path) -> None:
    """G1: the index is gone with the answer; its documents, which cost money, go all the same."""
    async with hosted(site, tmp_path) as bench:
        await bench.build_index(DOCUMENTS, name="handbook")
        retrieval = bench.provider.retrieval
        path = "/v1/vector_stores/vs"
        site.break_next(Step(fault=Disconnect(), method="DELETE", path=path, commit=True))
        await retrieval.delete(IndexName("handbook"))
        assert [one async for one in retrieval.list()] == []
    assert [one async for one in site.fake.files.list()] == []
