"""The way out of a provider that ends: take the model along, record it, prove the successor."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.exceptions import (
    AuthenticationError,
    InvalidInputError,
    StorageError,
    StoreVersionError,
    UnsupportedError,
)
from tailorbird.journal.bundles import BundleFolder
from tailorbird.providers.fake import FakeProvider, FakeSettings, Fault, Script
from tailorbird.types import Document, DocumentId
from tailorbird.workflow.tuning.training import TuneOptions

SYSTEM = "You are the help desk of a bicycle shop."


@pytest.fixture
async def old() -> AsyncIterator[Workbench]:
    """A workbench on a provider that will end."""
    async with Workbench(FakeProvider(FakeSettings(flavor="openai"))) as bench:
        yield bench


@pytest.fixture
async def new() -> AsyncIterator[Workbench]:
    """A workbench on the cloud to move to."""
    async with Workbench(FakeProvider(FakeSettings(flavor="azure"))) as bench:
        yield bench


def handbook(rows: QuestionSet) -> list[Document]:
    """Give documents that hold every fact of the rows, in their words."""
    return [
        Document(id=DocumentId(f"page-{n}"), text=one.reference, title=one.text)
        for n, one in enumerate(rows)
    ]


async def test_a_bundle_holds_what_makes_the_model_again(
    old: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """Plain files: rows as uploaded, prompt, method, split, dates, and a page for people."""
    train, held_out = rows.split(held_out=0.1, seed=7)
    tuned = await old.fine_tune(train, system=SYSTEM, name="faq", validation=held_out)
    bundle = await old.export_tuned("faq", to=tmp_path / "faq")
    assert bundle.tuned == tuned
    assert tuned.split == {"part": "train", "held_out": 0.1, "seed": 7, "by": "fact"}
    assert tuned.shutdown_date == date(2027, 1, 14)
    written = json.loads((tmp_path / "faq" / "bundle.json").read_text())
    assert written["tuned"]["system"] == SYSTEM
    names = sorted(one.name for one in (tmp_path / "faq").iterdir())
    assert names == ["README.md", "bundle.json", "training.jsonl", "validation.jsonl"]
    lines = (tmp_path / "faq" / "training.jsonl").read_text().splitlines()
    assert len(lines) == len(train) == tuned.examples
    page = (tmp_path / "faq" / "README.md").read_text()
    assert "2027-01-14" in page
    assert tuned.model in page
    again = await old.export_tuned("faq", to=tmp_path / "faq")
    assert again.files == bundle.files
    moved = await old.retrain(tmp_path / "faq", name="moved")
    assert moved.validation_hash == tuned.validation_hash
    assert moved.split == tuned.split


async def test_a_bundle_that_was_never_finished_is_begun_anew(
    old: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """What a crash left of copying, and of writing, is no other file; what a user put there is."""
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    for name in ("training.jsonl", ".training.jsonl.part", ".README.md.0123456789abcdef.part"):
        (tmp_path / name).write_text("half")
    assert (await old.export_tuned("faq", to=tmp_path)).is_validated is False
    (tmp_path / "bundle.json").unlink()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match=r"other files \('notes.txt'"):
        await old.export_tuned("faq", to=tmp_path)


async def test_the_successor_is_shown_no_worse(
    old: Workbench, new: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """Export, record, train again elsewhere, compare on the recorded questions: one whole move."""
    questions = QuestionSet.from_rows(
        [
            {"question": one.text, "answer": one.reference, "id": f"{n}-{time}"}
            for n, one in enumerate(rows)
            for time in range(8)
        ]
    )
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    await old.export_tuned("faq", to=tmp_path / "faq")
    recording = await old.record("faq", questions, bundle=tmp_path / "faq")
    assert recording.recorded == len(questions)
    assert recording.failed == ()

    tuned = await new.retrain(tmp_path / "faq", base=new.role("tune_base").model)
    assert (tuned.name, tuned.provider, tuned.system) == ("faq", "fake", SYSTEM)
    assert tuned.deployment is not None
    index = await new.build_index(handbook(rows), name="shop")
    arms = [one for one in new.arms(tuned=tuned, index=index) if one.tuned or one.index]
    found = await new.check_successor(tmp_path / "faq", arms)
    assert found.baseline == "recorded tuned"
    assert "tuned" in found.no_worse
    assert found.recorded_from <= found.recorded_to
    tuned_row = next(one for one in found.successors if one.arm == "tuned")
    assert (tuned_row.n, tuned_row.losses) == (len(questions), 0)
    assert tuned_row.more_questions is None
    text = str(found)
    assert text.startswith(f"faq ({recording.bundle.tuned.model}), recorded ")
    assert "tuned: shown to be no worse (+0.0%" in text
    verdict = found.comparison.verdict
    # Of those that lose nothing, the simplest one.
    assert verdict.headline == (
        "Move to 'retrieval': it is shown to be no worse than 'recorded tuned'."
    )
    assert (verdict.recommended, verdict.decision) == ("retrieval", "take the successor")
    assert verdict.reasons[0].startswith("A successor may lose 5% of the answers, recorded ")
    assert any(one.startswith("'tuned', in all: shown to be no worse (") for one in verdict.reasons)
    recorded = [one for one in found.comparison.outcomes if one.arm == found.baseline]
    assert all(one.reused and one.answer is not None for one in recorded)


async def test_a_worse_successor_is_called_so(
    old: Workbench, new: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """The untuned model knows nothing of the shop: every lost question is listed."""
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    await old.export_tuned("faq", to=tmp_path / "faq")
    kinds = QuestionSet.from_rows(
        [
            {"question": one.text, "answer": one.reference, "kind": "verbatim", "id": str(n)}
            for n, one in enumerate(rows)
        ]
    )
    await old.record("faq", kinds, bundle=tmp_path / "faq")
    found = await new.check_successor(tmp_path / "faq", new.arms()[:1])
    assert found.no_worse == ()
    assert [(one.kind, one.word) for one in found.successors] == [
        ("all", "worse"),
        ("verbatim", "worse"),
    ]
    assert found.lost == tuple(("base", str(n)) for n in range(len(rows)))
    assert "  verbatim: shown to be worse (-100.0%" in str(found)
    verdict = found.comparison.verdict
    assert verdict.headline == "No successor is shown to be no worse than 'recorded tuned'."
    assert (verdict.recommended, verdict.decision) == (None, "cannot tell yet")
    assert [one[:12] for one in verdict.next_steps] == ["Look at the "]


async def test_few_questions_cannot_tell(
    old: Workbench, new: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """With a handful of answers nothing is proved, and the report says how many more it takes."""
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    await old.export_tuned("faq", to=tmp_path / "faq")
    await old.record("faq", rows[:4], bundle=tmp_path / "faq")
    tuned = await new.retrain(tmp_path / "faq")
    found = await new.check_successor(tmp_path / "faq", new.arms(tuned=tuned)[-1:])
    row = found.successors[0]
    assert row.word == "too few questions"
    assert row.more_questions is not None
    assert row.more_questions > 4
    assert f"ask about {row.more_questions} more" in str(found)
    assert found.comparison.verdict.next_steps[0] == (
        f"Ask about {row.more_questions} more questions like these."
    )


async def test_recordings_are_added_and_survive_an_export(
    old: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """A second recording adds questions and arms; the same ones are replaced, nothing is lost."""
    folder = tmp_path / "faq"
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    await old.export_tuned("faq", to=folder)
    await old.record("faq", rows[:3], bundle=folder)
    index = await old.build_index(handbook(rows), name="shop")
    await old.record("faq", rows[2:4], bundle=folder, index=index)
    await old.export_tuned("faq", to=folder)
    kept = await asyncio.to_thread(BundleFolder(folder).recorded)
    assert sorted((one.arm, one.question.text) for one in kept) == sorted(
        [("tuned", one.text) for one in rows[:4]]
        + [("tuned + retrieval", one.text) for one in rows[2:4]]
    )
    assert len([one for one in folder.iterdir() if one.name.startswith("recorded-")]) == 1
    with pytest.raises(InvalidInputError, match="several arms were recorded"):
        await old.check_successor(folder, old.arms())
    with pytest.raises(InvalidInputError, match="no arm 'base' was recorded"):
        await old.check_successor(folder, old.arms(), recorded="base")
    found = await old.check_successor(folder, old.arms(), recorded="tuned + retrieval")
    assert found.baseline == "recorded tuned + retrieval"


async def test_a_broken_recording_goes_on(rows: QuestionSet, tmp_path: Path) -> None:
    """Answers that came are kept; the next call asks only the rest, and says what failed."""
    script = Script().on("chat.complete", Fault.unavailable(), occurrence=3)
    async with Workbench(FakeProvider(script=script)) as bench:
        await bench.fine_tune(rows, system=SYSTEM, name="faq")
        await bench.export_tuned("faq", to=tmp_path / "faq")
        first = await bench.record("faq", rows[:5], bundle=tmp_path / "faq")
        assert len(first.failed) == 1
        assert first.recorded == 4
        second = await bench.record("faq", rows[:5], bundle=tmp_path / "faq")
        assert second.failed == ()
        assert second.recorded == 5


async def test_what_is_no_bundle_is_refused_before_anything_is_asked(
    old: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """A missing folder, other files, another model's bundle: each is named."""
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    with pytest.raises(StorageError, match="is no bundle"):
        await old.record("faq", rows, bundle=tmp_path / "nothing")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("…")
    with pytest.raises(InvalidInputError, match=r"other files \('thesis.txt'"):
        await old.export_tuned("faq", to=tmp_path / "mine")
    (tmp_path / "file").write_text("…")
    with pytest.raises(StorageError, match="cannot make the folder"):
        await old.export_tuned("faq", to=tmp_path / "file")
    await old.export_tuned("faq", to=tmp_path / "faq")
    await old.fine_tune(rows[:11], system=SYSTEM, name="other")
    with pytest.raises(InvalidInputError, match="holds the bundle of 'faq'"):
        await old.export_tuned("other", to=tmp_path / "faq")
    with pytest.raises(InvalidInputError, match="no recorded answers"):
        await old.check_successor(tmp_path / "faq", old.arms())


async def test_damage_is_told(old: Workbench, rows: QuestionSet, tmp_path: Path) -> None:
    """A changed row, a changed answer, broken JSON and a newer layout are errors with a place."""
    folder = tmp_path / "faq"
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    await old.export_tuned("faq", to=folder)
    bundle = (await old.record("faq", rows[:2], bundle=folder)).bundle
    recording = folder / str(bundle.recording)
    for file in (folder / "training.jsonl", recording):
        whole = file.read_bytes()
        file.write_bytes(whole.replace(b"e", b"a", 1))
        with pytest.raises(StorageError, match="not the file that the bundle was made with"):
            await old.retrain(folder)
        file.write_bytes(whole)
    card = folder / "bundle.json"
    whole = card.read_bytes()
    card.write_bytes(whole[:40])
    with pytest.raises(StorageError, match="is damaged"):
        await old.retrain(folder)
    card.write_bytes(whole.replace(b'"format": 1', b'"format": 2'))
    with pytest.raises(StoreVersionError, match="install a newer one"):
        await old.retrain(folder)


async def test_without_its_training_file_a_model_is_not_exported(
    rows: QuestionSet, tmp_path: Path
) -> None:
    """A bundle that could not make the model again would be a false comfort."""
    async with tailorbird.open("fake", workspace=tmp_path / "w", environ={}) as bench:
        await bench.fine_tune(rows, system=SYSTEM, name="faq")
        (tmp_path / "w" / "training" / "faq.jsonl").unlink()
        with pytest.raises(StorageError, match="is gone or is not the file"):
            await bench.export_tuned("faq", to=tmp_path / "faq")
        with pytest.raises(InvalidInputError, match="no tuned model 'cat'"):
            await bench.export_tuned("cat", to=tmp_path / "cat")


async def test_a_provider_without_training_says_so(
    old: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """Training again where nothing is trained any more is refused before anything is uploaded."""
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    await old.export_tuned("faq", to=tmp_path / "faq")
    closed = FakeProvider(FakeSettings(flavor="openai", training_available=False))
    async with Workbench(closed) as bench:
        with pytest.raises(UnsupportedError):
            await bench.retrain(tmp_path / "faq", name="again")
        with pytest.raises(UnsupportedError):
            await old.retrain(tmp_path / "faq", on=bench)


async def test_a_wrong_key_ends_a_recording(rows: QuestionSet, tmp_path: Path) -> None:
    """What all further calls would meet, too, is raised and not counted."""
    provider = FakeProvider(
        script=Script().on("chat.complete", Fault.wrong_key(), occurrence=2, times=50)
    )
    async with Workbench(provider) as bench:
        await bench.fine_tune(rows, name="faq", options=TuneOptions())
        await bench.export_tuned("faq", to=tmp_path / "faq")
        with pytest.raises(AuthenticationError):
            await bench.record("faq", rows, bundle=tmp_path / "faq")


async def test_damaged_recordings_and_full_places_are_told(
    old: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """A line that is no answer, and a file that cannot be put in its place, are named."""
    folder = tmp_path / "faq"
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    await old.export_tuned("faq", to=folder)
    bundle = (await old.record("faq", rows[:2], bundle=folder)).bundle
    recording = str(bundle.recording)
    (folder / recording).write_bytes(b"{}\n")
    card = (folder / "bundle.json").read_text()
    digest = hashlib.sha256(b"{}\n").hexdigest()
    (folder / "bundle.json").write_text(card.replace(bundle.files[recording], digest))
    with pytest.raises(StorageError, match="wrong fields"):
        await old.check_successor(folder, old.arms())
    (tmp_path / "other" / "training.jsonl").mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot write"):
        await old.export_tuned("faq", to=tmp_path / "other")


async def test_successors_that_cannot_be_scored_are_refused(
    old: Workbench, rows: QuestionSet, tmp_path: Path
) -> None:
    """Questions without accepted answers prove nothing."""
    unscored = [one.model_copy(update={"answers": ()}) for one in rows[:3]]
    await old.fine_tune(rows, system=SYSTEM, name="faq")
    await old.export_tuned("faq", to=tmp_path / "faq")
    await old.record("faq", unscored, bundle=tmp_path / "faq")
    with pytest.raises(InvalidInputError, match="no question was answered and scored"):
        await old.check_successor(tmp_path / "faq", old.arms()[:1])
