"""The workbench joins provider, workspace and profile, and outlives a process."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import cast

import pytest

import tailorbird
from tailorbird import Arm, QuestionSet, Workbench
from tailorbird.exceptions import (
    ConfigError,
    InvalidInputError,
    JobOutcomeUnknownError,
    StorageError,
)
from tailorbird.protocols import Provider
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Script
from tailorbird.types import Document, DocumentId

ROWS = QuestionSet.from_rows(
    [
        (f"What stands on shelf {number}?", f"Shelf {number} holds item {number * 7}. Bye!")
        for number in range(12)
    ]
)


def opened(workspace: Path) -> AbstractAsyncContextManager[Workbench]:
    """Open a workbench in a workspace."""
    return tailorbird.open("fake", workspace=workspace, environ={})


async def test_everything_outlives_the_process(tmp_path: Path) -> None:
    """A run, its model, an index and the fake's own state are found by a second workbench."""
    room = tmp_path / "room"
    async with opened(room) as bench:
        await bench.start_fine_tune(ROWS, name="shelves", system="Be brief.")
        library = [Document(id=DocumentId("a"), text="Item 99 is in the cellar.")]
        await bench.build_index(library, name="library")
    async with opened(room) as bench:
        assert [run.name for run in await bench.jobs()] == ["shelves"]
        tuned = await bench.finish("shelves")
        assert (await bench.finish("shelves")) == tuned
    async with opened(room) as bench:
        assert await bench.tuned("shelves") == tuned
        answer = await bench.ask("What stands on shelf 3?", tuned="shelves")
        assert "item 21" in answer.text
        answer = await bench.ask("Where is item 99?", index="library")
        assert "cellar" in answer.text
        arms = bench.arms(tuned=await bench.tuned("shelves"), index=await bench.index("library"))
        assert len(arms) == 6
    names = {path.name for path in room.iterdir()}
    assert {".gitignore", "journal.sqlite", "indexes", "models", "state", "training"} <= names
    assert (room / ".gitignore").read_text() == "*\n"


async def test_without_a_workspace_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An in-memory workbench leaves the disk as it was."""
    monkeypatch.chdir(tmp_path)
    async with tailorbird.open(workspace=None, environ={}) as bench:
        tuned = await bench.fine_tune(ROWS, name="shelves", system="Be brief.")
        assert await bench.tuned("shelves") == tuned
        training = bench.workspace.training_folder
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240 - nothing else runs
    assert not training.exists()


@pytest.mark.parametrize("flavor", ["plain", "openai", "azure"])
async def test_the_same_lines_run_on_every_flavor(flavor: str, tmp_path: Path) -> None:
    """Deployments, pending jobs and nulls of a cloud change no line of the script."""
    config = tmp_path / "t.toml"
    config.write_text(f'[profiles.x]\nprovider = "fake"\nflavor = "{flavor}"\n')
    async with tailorbird.open("x", config=config, workspace=None, environ={}) as bench:
        tuned = await bench.fine_tune(ROWS, name="shelves", system="Be brief.")
        answer = await bench.ask("What stands on shelf 3?", tuned=tuned)
        assert "item 21" in answer.text
        assert (tuned.deployment is not None) is (flavor == "azure")
        assert (tuned.shutdown_date is not None) is (flavor != "plain")
        result = await bench.compare(bench.arms(tuned=tuned), ROWS[:3])
        assert len(result.outcomes) == 12


async def test_models_are_listed(tmp_path: Path) -> None:
    """The account's models are given, sorted."""
    async with opened(tmp_path / "r") as bench:
        ids = [card.id for card in await bench.models()]
        assert ids == sorted(ids)
        assert bench.role("chat").model in ids


async def test_an_unknown_role_is_named_with_the_line_to_add(tmp_path: Path) -> None:
    """A missing role says which line the profile lacks."""
    async with opened(tmp_path / "r") as bench:
        with pytest.raises(ConfigError, match=r'add painter = "…" to \[profiles.fake.models\]'):
            bench.role("painter")


async def test_unknown_names_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    """A run or model that the workspace does not know lists those it does."""
    async with opened(tmp_path / "r") as bench:
        with pytest.raises(InvalidInputError, match="no run 'x'; it knows none at all"):
            await bench.resume("x")
        with pytest.raises(InvalidInputError, match="no tuned model 'x'; it has none at all"):
            await bench.tuned("x")
        await bench.fine_tune(ROWS, name="shelves")
        with pytest.raises(InvalidInputError, match="it knows 'shelves'"):
            await bench.resume("x")
        with pytest.raises(InvalidInputError, match="it has 'shelves'"):
            await bench.ask("?", tuned="x")


async def test_a_run_without_a_job_is_not_resumed() -> None:
    """A run whose creation never came through says how to go on."""
    script = Script().on("jobs.create", Fault.rate_limited())
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(tailorbird.RateLimitError):
            await bench.start_fine_tune(ROWS, name="shelves")
        with pytest.raises(JobOutcomeUnknownError, match="start it again with the same rows"):
            await bench.resume("shelves")


async def test_a_workspace_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    """A file in the place of the folder is told by name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot use the workspace"):
        async with opened(tmp_path / "file"):
            pass


async def test_a_damaged_model_file_is_named(tmp_path: Path) -> None:
    """A bundle that somebody edited wrongly is told by path."""
    room = tmp_path / "room"
    async with opened(room) as bench:
        await bench.fine_tune(ROWS, name="shelves")
        (room / "models" / "shelves" / "model.json").write_text("{}")
        with pytest.raises(StorageError, match=r"model\.json.* is no tuned model"):
            await bench.tuned("shelves")


def test_a_closed_workbench_says_so() -> None:
    """The journal of a workbench that is not open cannot be used."""
    with pytest.raises(InvalidInputError, match="not open"):
        _ = Workbench(FakeProvider()).workspace.journal


async def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    """The name of a retrieval engine is checked when it is needed."""
    config = tmp_path / "t.toml"
    config.write_text('[profiles.x]\nprovider="fake"\n[profiles.x.retrieval]\nengine="locall"\n')
    async with tailorbird.open("x", config=config, workspace=None, environ={}) as bench:
        with pytest.raises(ConfigError, match="did you mean 'local'"):
            await bench.build_index([Document(id=DocumentId("a"), text="b")], name="i")


async def test_a_provider_of_ones_own_needs_no_profile() -> None:
    """Typed constructors work without any file."""
    provider: Provider = FakeProvider(FakeSettings(flavor="openai"))
    async with Workbench(provider) as bench:
        assert bench.profile.provider == provider.name
        assert (await bench.ask("Hello?")).text


async def test_the_examples_of_a_model_come_back_with_it(tmp_path: Path) -> None:
    """The few-shot arm finds the training rows again in another process."""
    room = tmp_path / "room"
    async with opened(room) as bench:
        tuned = await bench.fine_tune(ROWS, name="shelves")
        here = bench.arms(tuned=tuned)
    async with opened(room) as bench:
        assert bench.arms(tuned=await bench.tuned("shelves")) == here


async def test_a_workbench_closes_the_engine_that_it_opened(tmp_path: Path) -> None:
    """Two searches at once share one engine, and nothing of it is open afterwards."""
    async with opened(tmp_path / "room") as bench:
        library = [Document(id=DocumentId("a"), text="Item 99 is in the cellar.")]
        index = await bench.build_index(library, name="library")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(bench.search("item 99", index=index)) for _ in range(3)]
        assert all(task.result() for task in tasks)
        log = tmp_path / "room" / "indexes"
        assert [path.name for path in log.iterdir() if path.name.endswith("-wal")]
    # SQLite removes its log when the last connection is closed.
    assert not [path.name for path in log.iterdir() if path.name.endswith("-wal")]


async def test_hosted_retrieval_has_no_options(tmp_path: Path) -> None:
    """An option beside `hosted` is an error, because nobody would read it."""
    config = tmp_path / "tailorbird.toml"
    config.write_text(
        '[profiles.x]\nprovider="fake"\n[profiles.x.retrieval]\nengine="hosted"\ndsn_env="A"\n'
    )
    async with tailorbird.open("x", config=config, workspace=None, environ={}) as bench:
        with pytest.raises(ConfigError, match="the engine 'hosted' has no options, got 'dsn_env'"):
            await bench.search("x", index="y")


async def test_the_providers_own_retrieval_can_be_chosen(tmp_path: Path) -> None:
    """`hosted` keeps indexes at the provider, and the workbench leaves it open."""
    config = tmp_path / "t.toml"
    config.write_text('[profiles.x]\nprovider="fake"\n[profiles.x.retrieval]\nengine="hosted"\n')
    async with tailorbird.open("x", config=config, workspace=None, environ={}) as bench:
        library = [Document(id=DocumentId("a"), text="Item 99 is in the cellar.")]
        await bench.build_index(library, name="library")
        assert [one.spec.name async for one in bench.provider.retrieval.list()] == ["library"]
        assert "cellar" in (await bench.ask("Where is item 99?", index="library")).text
        await bench.provider.retrieval.close()


async def test_a_comparison_remembers_what_it_was_made_with(tmp_path: Path) -> None:
    """Settings of the caller stand in the report."""
    async with opened(tmp_path / "room") as bench:
        result = await bench.compare(bench.arms(), ROWS[:2], settings={"seed": 7})
        assert result.data.settings == {"seed": 7}


@pytest.mark.parametrize("value", [None, object(), [1], float("nan"), float("-inf")])
async def test_settings_are_looked_at_before_anything_is_asked(value: object) -> None:
    """What cannot stand in a report is refused while nothing has been paid."""
    provider = FakeProvider()
    async with Workbench(provider) as bench:
        settings = cast("dict[str, str]", {"seed": 7, "extra": value})
        with pytest.raises(InvalidInputError, match=r"settings\['extra'\] is .*: give a text"):
            await bench.compare(bench.arms(), ROWS[:2], settings=settings)
        assert not provider.calls


ROW = ("What stands on shelf 1?", "A kettle.")


@pytest.mark.parametrize("wrong", ["faq.csv", Path("faq.csv"), [ROW], [{"question": "Why?"}]])
async def test_what_is_no_question_is_told_at_once(wrong: object, tmp_path: Path) -> None:
    """Who passes a path or plain rows is told what reads them, before anything is asked."""
    given = cast("QuestionSet", wrong)
    provider = FakeProvider()
    way = r"read_questions\(path\) and QuestionSet.from_rows\(rows\) give questions"
    async with Workbench(provider) as bench:
        for asked in (
            bench.estimate(given),
            bench.start_fine_tune(given, name="x"),
            bench.start_fine_tune(ROWS, name="x", validation=given),
            bench.compare(bench.arms(), given),
            bench.evaluate_retrieval("x", given),
            bench.record("x", given, bundle=tmp_path),
            bench.make_questions(train=given),
        ):
            with pytest.raises(InvalidInputError, match=way):
                await asked
        with pytest.raises(InvalidInputError, match="examples"):
            bench.arms(examples=given)
        assert not provider.calls


@pytest.mark.parametrize("wrong", [5, None, ["text"], [{"id": "a", "text": "b"}], "one"])
async def test_what_is_no_document_is_told_at_once(wrong: object) -> None:
    """Texts and mappings are no documents, and neither is a single one without a list."""
    one = Document(id=DocumentId("a"), text="Item 99 is in the cellar.")
    given = cast("list[Document]", one if wrong == "one" else wrong)
    async with Workbench(FakeProvider()) as bench:
        for asked in (
            bench.build_index(given, name="x"),
            bench.estimate_index(given, name="x"),
            bench.make_questions(documents=given),
        ):
            with pytest.raises(InvalidInputError, match=r"give a path, or a list of Document\("):
                await asked


async def test_what_is_no_arm_is_told_at_once() -> None:
    """The name of an arm is none, and a single arm needs a list around it."""
    async with Workbench(FakeProvider()) as bench:
        for wrong in (["base"], "base", bench.arms()[0]):
            with pytest.raises(InvalidInputError, match=r"`bench.arms\(…\)` gives arms"):
                await bench.compare(cast("tuple[Arm, ...]", wrong), ROWS)
