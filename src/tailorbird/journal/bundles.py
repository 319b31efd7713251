"""A tuned model as a folder of plain files: enough to make it again, and to prove what it said."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from tailorbird.exceptions import InvalidInputError, StorageError, StoreVersionError
from tailorbird.storage import write_atomic
from tailorbird.types.answers import Answer
from tailorbird.types.base import Frozen
from tailorbird.types.questions import Question
from tailorbird.types.tuned import TunedModel

BUNDLE_FILE = "bundle.json"
"""What makes a folder a bundle: the model, and the hash of every other file."""

TRAINING_FILE = "training.jsonl"
"""The training rows, byte for byte as they were uploaded."""

VALIDATION_FILE = "validation.jsonl"
"""The validation rows, byte for byte as they were uploaded."""

README_FILE = "README.md"
"""What the folder is, for a person who finds it."""

_FORMAT = 1
_BLOCK = 1 << 20
_DIGITS = 12

# What `_copy` and `storage.AtomicFile` write before a file has its name.
_UNFINISHED = re.compile(r"\..+\.part")


class Recorded(Frozen):
    """What a model said to a question, and when."""

    arm: str
    """How it was asked: name of the arm, such as `tuned` or `tuned + retrieval`."""
    question: Question
    """What was asked, with its accepted answers."""
    answer: Answer
    """What it said; the answer names the model."""
    asked_at: datetime
    """When the recording was made; aware, UTC."""


class Bundle(Frozen):
    """What stands in `bundle.json`."""

    format: Literal[1] = 1
    """Version of the folder's layout."""
    tuned: TunedModel
    """The model: base, method, exact system prompt, split, metrics, dates."""
    exported_at: datetime
    """When the bundle was made; aware, UTC."""
    files: Mapping[str, str] = Field(default_factory=dict)
    """SHA-256 of the folder's other files, by name, in hexadecimal; the README's is not kept."""

    @property
    def is_validated(self) -> bool:
        """Whether the model was trained with validation rows."""
        return VALIDATION_FILE in self.files

    @property
    def recording(self) -> str | None:
        """Name of the file of recorded answers; None when none were recorded."""
        return next((name for name in self.files if name.startswith("recorded-")), None)


class BundleFolder:
    """A bundle on disk. `bundle.json` is written last, so that a crash leaves the older state."""

    def __init__(self, path: Path | str) -> None:
        """Name the folder."""
        self.path = Path(path)
        """The folder."""

    def create(
        self, tuned: TunedModel, *, training: Path, validation: Path | None, at: datetime
    ) -> Bundle:
        """Copy the files of a model into the folder, which is made when it is missing; blocks.

        Recorded answers that the folder has of the same model are kept.

        Raises:
            InvalidInputError: The folder holds the bundle of another model, or other files.
            StorageError: A file is missing or is not the one that was uploaded, or the folder
                cannot be written.
        """
        kept: dict[str, str] = {}
        if self._is_bundle:
            known = self.read()
            if (known.tuned.identity, known.tuned.model) != (tuned.identity, tuned.model):
                message = (
                    f"{str(self.path)!r} holds the bundle of {known.tuned.name!r}"
                    f" ({known.tuned.model}): name another folder"
                )
                raise InvalidInputError(message)
            kept = {name: known.files[name] for name in (known.recording,) if name is not None}
        else:
            self._make()
        files = {TRAINING_FILE: self._copy(training, TRAINING_FILE, tuned.training_hash)}
        if validation is not None:
            wanted = tuned.validation_hash or ""
            files[VALIDATION_FILE] = self._copy(validation, VALIDATION_FILE, wanted)
        bundle = Bundle(tuned=tuned, exported_at=at, files={**files, **kept})
        self._write(bundle)
        return bundle

    def read(self) -> Bundle:
        """Read `bundle.json`, and look that each file is there; blocks.

        Raises:
            StorageError: The folder is no bundle, or a file is missing or damaged.
            StoreVersionError: A newer tailorbird made it.
        """
        try:
            content = (self.path / BUNDLE_FILE).read_bytes()
        except OSError as exc:
            message = f"{str(self.path)!r} is no bundle: cannot read {BUNDLE_FILE}: {exc.strerror}"
            raise StorageError(message) from exc
        try:
            version = _Version.model_validate_json(content).format
            if version > _FORMAT:
                message = (
                    f"{str(self.path)!r} has layout {version}, this tailorbird knows {_FORMAT}:"
                    " install a newer one"
                )
                raise StoreVersionError(message)
            bundle = Bundle.model_validate_json(content)
        except ValidationError as exc:
            message = (
                f"{str(self.path / BUNDLE_FILE)!r} is damaged: {exc.error_count()} wrong fields"
            )
            raise StorageError(message) from exc
        for name, wanted in bundle.files.items():
            if _hash(self.path / name) != wanted:
                message = (
                    f"{str(self.path / name)!r} is not the file that the bundle was made with; take"
                    " it from a copy, or make the bundle again"
                )
                raise StorageError(message)
        return bundle

    def recorded(self) -> tuple[Recorded, ...]:
        """Read the recorded answers; blocks.

        Raises:
            StorageError: As for `read`, or a line is damaged.
        """
        name = self.read().recording
        if name is None:
            return ()
        lines = (self.path / name).read_bytes().splitlines()
        try:
            return tuple(Recorded.model_validate_json(line) for line in lines)
        except ValidationError as exc:
            message = f"{str(self.path / name)!r} is damaged: {exc.error_count()} wrong fields"
            raise StorageError(message) from exc

    def record(self, answers: Sequence[Recorded]) -> Bundle:
        """Add recorded answers; those to the same arm and question are replaced; blocks.

        Raises:
            StorageError: As for `read`, or the folder cannot be written.
        """
        bundle = self.read()
        older = self.recorded()
        merged = {(one.arm, one.question.id): one for one in (*older, *answers)}
        content = "".join(f"{one.model_dump_json()}\n" for one in merged.values()).encode()
        digest = hashlib.sha256(content).hexdigest()
        name = f"recorded-{digest[:_DIGITS]}.jsonl"
        write_atomic(self.path / name, content)
        files = {one: wanted for one, wanted in bundle.files.items() if one != bundle.recording}
        newer = bundle.model_copy(update={"files": {**files, name: digest}})
        self._write(newer)
        if bundle.recording not in {None, name}:
            (self.path / str(bundle.recording)).unlink(missing_ok=True)
        return newer

    @property
    def training(self) -> Path:
        """The training rows."""
        return self.path / TRAINING_FILE

    @property
    def validation(self) -> Path:
        """The validation rows, where `Bundle.is_validated`."""
        return self.path / VALIDATION_FILE

    @property
    def _is_bundle(self) -> bool:
        return (self.path / BUNDLE_FILE).is_file()

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            strange = sorted(one.name for one in self.path.iterdir())
        except OSError as exc:
            message = f"cannot make the folder {str(self.path)!r}: {exc.strerror}"
            raise StorageError(message) from exc
        # What a crash left of a bundle that was never finished is no strange file.
        ours = {TRAINING_FILE, VALIDATION_FILE, README_FILE}
        others = [one for one in strange if one not in ours and not _UNFINISHED.fullmatch(one)]
        if others:
            message = (
                f"{str(self.path)!r} holds other files ({others[0]!r} …): name a new folder for"
                " the bundle"
            )
            raise InvalidInputError(message)

    def _copy(self, source: Path, name: str, wanted: str) -> str:
        if _hash(source) != wanted:
            message = (
                f"{str(source)!r} is gone or is not the file that was uploaded, so the model could"
                " not be made again; put it back"
            )
            raise StorageError(message)
        target = self.path / name
        part = target.with_name(f".{name}.part")
        try:
            shutil.copyfile(source, part)
            part.replace(target)
        except OSError as exc:
            message = f"cannot write {str(target)!r}: {exc.strerror}"
            raise StorageError(message) from exc
        return wanted

    def _write(self, bundle: Bundle) -> None:
        write_atomic(self.path / README_FILE, _readme(bundle))
        write_atomic(self.path / BUNDLE_FILE, bundle.model_dump_json(indent=2) + "\n")


class _Version(Frozen):
    """What every version of `bundle.json` has."""

    format: int


def _hash(path: Path) -> str:
    """Give a file's SHA-256; empty when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def _readme(bundle: Bundle) -> str:
    tuned = bundle.tuned
    ends = "no day is announced" if tuned.shutdown_date is None else f"{tuned.shutdown_date}"
    rows = [
        (
            BUNDLE_FILE,
            "base, method, exact system prompt, split, metrics, dates, hashes",
        ),
        (TRAINING_FILE, "the training rows as they were uploaded"),
        (VALIDATION_FILE, "the validation rows as they were uploaded"),
        (bundle.recording or "", "what the model said to test questions, with dates"),
    ]
    table = "\n".join(
        f"| `{name}` | {what} |" for name, what in rows if name in {BUNDLE_FILE, *bundle.files}
    )
    return _README.format(
        tuned=tuned, made=f"{bundle.exported_at:%Y-%m-%d}", ends=ends, table=table
    )


_README = """\
# {tuned.name}

A tuned model, exported by tailorbird on {made}.

- Model: `{tuned.model}`, tuned from `{tuned.base}` by {tuned.provider} ({tuned.identity}).
- It stops answering: {ends}.
- Trained on {tuned.examples} rows, SHA-256 `{tuned.training_hash}`.

| file | what it holds |
|---|---|
{table}

To record what it says while it still answers, and to make it again somewhere else:

    tailorbird record {tuned.name} questions.csv --bundle .
    tailorbird retrain . --profile OTHER --name {tuned.name}

The rows may be confidential: treat this folder as you treat your data.
"""
