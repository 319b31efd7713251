"""The workspace: one folder for everything that is kept, or none at all."""

from __future__ import annotations

import asyncio
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tailorbird.exceptions import InvalidInputError, StorageError
from tailorbird.journal.journal import Journal
from tailorbird.storage import write_atomic
from tailorbird.types.tuned import TunedModel

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Workspace:
    """Journal, indexes, tuned models and a provider's local state, in one folder.

    Nothing is written outside it. Without a folder everything is kept in memory, but for training
    files, which go to the system's temporary folder and are deleted at the end.
    """

    def __init__(self, folder: Path | None) -> None:
        """Name the folder; it is made when the workspace is entered."""
        self.folder = folder
        """The folder; None keeps everything in memory."""
        self._journal: Journal | None = None
        self._tuned: dict[str, TunedModel] = {}
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        """Make the folder and open the journal.

        Raises:
            StorageError: The folder cannot be made or used.
        """
        await asyncio.to_thread(self._open)
        return self

    def _open(self) -> None:
        with ExitStack() as stack:
            if self.folder is None:
                name = stack.enter_context(tempfile.TemporaryDirectory(prefix="tailorbird-"))
                self._training = Path(name)
                self._journal = Journal(None)
            else:
                try:
                    self._training = self.folder / "training"
                    self._training.mkdir(parents=True, exist_ok=True)
                    # A workspace holds a user's data: it must not slip into version control.
                    (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
                except OSError as exc:
                    message = f"cannot use the workspace {str(self.folder)!r}: {exc.strerror}"
                    raise StorageError(message) from exc
                self._journal = Journal(self.folder / "journal.sqlite")
            self._stack = stack.pop_all()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the journal."""
        await self.journal.close()
        await asyncio.to_thread(self._stack.close)

    @property
    def journal(self) -> Journal:
        """The journal.

        Raises:
            InvalidInputError: The workspace is not open.
        """
        if self._journal is None:
            message = "the workspace is not open; use it inside `async with`"
            raise InvalidInputError(message)
        return self._journal

    @property
    def index_folder(self) -> Path | None:
        """Where indexes are kept; None keeps them in memory."""
        return None if self.folder is None else self.folder / "indexes"

    @property
    def training_folder(self) -> Path:
        """Where training files are written before they are uploaded."""
        return self._training

    def state_folder(self, profile: str) -> Path | None:
        """Give the folder in which a profile's provider may keep state; None keeps it in memory."""
        if self.folder is None:
            return None
        return self.folder / "state" / re.sub(r"[^A-Za-z0-9_.-]", "_", profile)

    async def save_tuned(self, tuned: TunedModel) -> None:
        """Keep a tuned model, as a file that a person can read.

        Raises:
            StorageError: The file cannot be written.
        """
        self._tuned[tuned.name] = tuned
        if self.folder is not None:
            await asyncio.to_thread(self._write, tuned)

    def _write(self, tuned: TunedModel) -> None:
        path = self._model_file(tuned.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, tuned.model_dump_json(indent=2) + "\n")

    async def load_tuned(self, name: str) -> TunedModel:
        """Give a tuned model that was kept.

        Raises:
            InvalidInputError: There is none of that name; the message lists those there are.
            StorageError: Its file is damaged.
        """
        known = {one.name: one for one in await self.list_tuned()}
        if name not in known:
            names = ", ".join(repr(one) for one in known)
            message = f"this workspace has no tuned model {name!r}; it has {names or 'none at all'}"
            raise InvalidInputError(message)
        return known[name]

    async def list_tuned(self) -> tuple[TunedModel, ...]:
        """Give all tuned models that were kept, sorted by name.

        Raises:
            StorageError: A file is damaged.
        """
        if self.folder is None:
            return tuple(self._tuned[name] for name in sorted(self._tuned))
        return await asyncio.to_thread(self._read_all)

    def _read_all(self) -> tuple[TunedModel, ...]:
        found: list[TunedModel] = []
        for path in self._model_file("*").parent.parent.glob("*/model.json"):
            try:
                found.append(TunedModel.model_validate_json(path.read_bytes()))
            except ValidationError as exc:
                message = f"{str(path)!r} is no tuned model: {exc.error_count()} wrong fields"
                raise StorageError(message) from exc
        return tuple(sorted(found, key=lambda one: one.name))

    def _model_file(self, name: str) -> Path:
        return Path(self.folder or "") / "models" / name / "model.json"
