"""The workspace keeps everything in one folder, or nothing anywhere."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.exceptions import InvalidInputError, StorageError
from tailorbird.journal import Workspace
from tailorbird.types import FileId, JobId, ModelId, Supervised, TunedModel


def make_tuned(
    name: str = "faq-bot", *, identity: str = "fake/test", provider: str = "fake", job: str = "j-1"
) -> TunedModel:
    """Make a tuned model."""
    return TunedModel(
        name=name,
        provider=provider,
        identity=identity,
        base=ModelId("gpt"),
        model=ModelId(f"ft:gpt:{job}"),
        system="敬語で答えます。",
        job=JobId(job),
        method=Supervised(),
        training_hash="ab" * 32,
        examples=12,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def inside(folder: Path) -> list[Path]:
    """Give what lies in a folder."""
    return sorted(folder.iterdir())


@pytest.fixture(params=["memory", "folder"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """A workspace in memory and one in a folder."""
    return Workspace(tmp_path / "a" / "room" if request.param == "folder" else None)


async def test_folder_is_made_when_it_is_entered(tmp_path: Path) -> None:
    """Naming a workspace writes nothing; entering it makes the folder, out of version control."""
    folder = tmp_path / "room"
    room = Workspace(folder)
    assert inside(tmp_path) == []
    async with room:
        assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"
        assert room.journal is room.journal
        assert room.training_folder == folder / "training"
        assert room.index_folder == folder / "indexes"
        assert room.state_folder("azure east") == folder / "state" / "azure%20east"
        assert room.state_folder("..") == folder / "state" / "%2E."
    assert inside(tmp_path) == [folder]


async def test_memory_keeps_training_files_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder nothing is kept but training files, which are gone at the end."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with Workspace(None) as room:
        (room.training_folder / "train.jsonl").write_text("{}")
        assert room.training_folder.parent == tmp_path
        assert (room.index_folder, room.state_folder("fake")) == (None, None)
    assert inside(tmp_path) == []


async def test_journal_is_shut_outside() -> None:
    """The journal of a workspace that was not entered cannot be used."""
    with pytest.raises(InvalidInputError, match="not open"):
        _ = Workspace(None).journal


async def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the place of the folder, or of one inside, is told by name."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot use the workspace .*file"):
        await Workspace(tmp_path / "file").__aenter__()
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "training").touch()
    with pytest.raises(StorageError, match=r"cannot use the workspace .*room"):
        await Workspace(tmp_path / "room").__aenter__()


async def test_damaged_journal_is_told(tmp_path: Path) -> None:
    """A journal that is no database is told by name, and nothing is left open."""
    (tmp_path / "journal.sqlite").write_bytes(b"damaged" * 1000)
    with pytest.raises(StorageError, match=r"journal\.sqlite"):
        await Workspace(tmp_path).__aenter__()


async def test_tuned_models_come_back(room: Workspace) -> None:
    """Tuned models are kept under their names, the newest of a name, sorted."""
    async with room:
        assert await room.list_tuned() == ()
        for tuned in (make_tuned("b"), make_tuned("a"), make_tuned("b", job="j-2")):
            await room.save_tuned(tuned)
        assert await room.load_tuned("b") == make_tuned("b", job="j-2")
        assert await room.list_tuned() == (make_tuned("a"), make_tuned("b", job="j-2"))
        with pytest.raises(InvalidInputError, match="no tuned model 'x'; it has 'a', 'b'"):
            await room.load_tuned("x")


async def test_accounts_have_their_own_models(room: Workspace) -> None:
    """The same name at two accounts is two models, and the account says which."""
    mine = make_tuned()
    theirs = make_tuned(identity="azure/contoso", provider="azure")
    async with room:
        await room.save_tuned(mine)
        await room.save_tuned(theirs)
        assert await room.load_tuned("faq-bot", identity="azure/contoso") == theirs
        assert await room.list_tuned(identity="fake/test") == (mine,)
        with pytest.raises(
            InvalidInputError, match=r"several .*: azure \(azure/contoso\), fake \(fake/test\)"
        ):
            await room.load_tuned("faq-bot")
        with pytest.raises(InvalidInputError, match="it has none at all"):
            await room.load_tuned("faq-bot", identity="openai")


async def test_model_file_can_be_read(tmp_path: Path) -> None:
    """A tuned model is a JSON file that a person finds and reads."""
    async with Workspace(tmp_path) as room:
        await room.save_tuned(make_tuned())
    [path] = inside(tmp_path / "models" / "faq-bot")
    assert path.name.startswith("fake-")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["model"] == "ft:gpt:j-1"
    assert '"system": "敬語で答えます。"' in text


async def test_damaged_model_file_is_told(tmp_path: Path) -> None:
    """A file that is no tuned model is told by its path."""
    async with Workspace(tmp_path) as room:
        await room.save_tuned(make_tuned())
        (tmp_path / "models" / "faq-bot" / "model.json").write_text("{}")
        with pytest.raises(StorageError, match=r"model\.json' is no tuned model: \d+ wrong fields"):
            await room.list_tuned()


async def test_model_that_cannot_be_kept(tmp_path: Path) -> None:
    """A name that the file system does not take is told."""
    async with Workspace(tmp_path) as room:
        with pytest.raises(StorageError, match="cannot keep the tuned model 'nnn"):
            await room.save_tuned(make_tuned("n" * 300))


@settings(max_examples=40)  # each makes a workspace on disk
@given(name=st.text(min_size=1, max_size=20))
async def test_no_name_leads_outside(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Whatever a model is called, its file lies in the workspace, and it comes back."""
    outer = tmp_path_factory.mktemp("outer")
    tuned = make_tuned(name, provider=name)
    async with Workspace(outer / "room") as room:
        await room.save_tuned(tuned)
        assert await room.load_tuned(name) == tuned
    [path] = (outer / "room" / "models").glob("*/*")
    assert path.suffix == ".json"
    assert inside(outer) == [outer / "room"]


async def test_reports_come_in_pieces_or_whole(room: Workspace) -> None:
    """A report given in pieces is the one given whole."""
    async with room:
        await room.save_report("whole", '{"text": "日本"}')
        await room.save_report("pieces", iter(['{"text": ', '"日', '本"}']))
        assert await room.load_report("pieces") == await room.load_report("whole")
        assert set(await room.list_reports()) == {"whole", "pieces"}


async def test_workspaces_of_one_folder_agree_on_its_secret(tmp_path: Path) -> None:
    """Several that find a new folder at the same moment have one secret, also later."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(Workspace(tmp_path)) for _ in range(6)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one.secret()) for one in opened]
        [secret] = {task.result() for task in tasks}
    async with Workspace(tmp_path) as later:
        assert await later.secret() == secret
    assert len(secret) == 32


async def test_reading_makes_no_workspace(tmp_path: Path) -> None:
    """Who only looks finds nothing where there is nothing, and leaves nothing behind."""
    room = Workspace(tmp_path / "room", to_read=True)
    async with room:
        assert await room.list_reports() == ()
        assert await room.journal.ledger.list(identity="a") == ()
    assert inside(tmp_path) == []


async def test_a_shut_workspace_can_be_looked_at(tmp_path: Path) -> None:
    """What a workspace keeps is read where SQLite can write nothing beside the journal."""
    async with Workspace(tmp_path) as room:
        await room.save_report("monday", "{}")
    memory = tmp_path / "journal.sqlite-shm"
    memory.symlink_to(memory)
    async with Workspace(tmp_path, to_read=True) as room:
        assert await room.load_report("monday") == "{}"
        with pytest.raises(StorageError, match="readonly"):
            await room.journal.put_upload("a", "b", FileId("c"))
