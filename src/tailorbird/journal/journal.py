"""The journal: one SQLite file that remembers intents and outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from tailorbird.exceptions import StorageError
from tailorbird.journal.holds import Holds
from tailorbird.journal.ledger import Ledger
from tailorbird.journal.runs import Runs
from tailorbird.journal.schema import STEPS
from tailorbird.journal.threads import in_thread
from tailorbird.storage import Database
from tailorbird.storage.lane import Lane
from tailorbird.types.answers import Answer
from tailorbird.types.ids import FileId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

# SQLite's limit on values in one statement is 32,766 (SQLITE_MAX_VARIABLE_NUMBER,
# sqlite.org/limits, read 2026-11-22); a smaller page keeps memory flat.
_PAGE = 500


class Journal:
    """Remembers across processes. Every method takes effect as a whole, or not at all."""

    def __init__(self, path: Path | None, *, to_read: bool = False) -> None:
        """Open the file, or keep everything in memory for None; blocks.

        Args:
            path: The file.
            to_read: Whether a file that cannot be written is taken as it is; see `Database`.

        Raises:
            StorageError: The file cannot be used.
        """
        self._database = Database(path, steps=STEPS, to_read=to_read)
        self._reads = Lane()
        # Each transaction waits for the disk, so that what many tasks keep at once goes into one.
        self._writes = Lane(self._database.transaction)
        self.runs = Runs(self._database)
        """Runs of fine-tuning."""
        self.ledger = Ledger(self._database)
        """What was paid for."""
        self.holds = Holds(self._database, self.ledger)
        """What may be paid for and is not yet."""

    async def close(self) -> None:
        """Close the file."""
        await in_thread(self._database.close)

    def alone(self) -> AbstractContextManager[None]:
        """Keep every other process from writing during a block, which must be short; blocks.

        Raises:
            StoreBusyError: Another one has been writing for too long.
            StorageError: The file cannot be used.
        """
        return self._database.transaction()

    async def get_upload(self, identity: str, sha256: str) -> FileId | None:
        """Give the file that was uploaded with this content; None when none was."""
        rows = await in_thread(
            self._database.execute,
            "SELECT file_id FROM uploads WHERE identity = ? AND sha256 = ?",
            (identity, sha256),
        )
        return FileId(str(rows[0][0])) if rows else None

    async def put_upload(self, identity: str, sha256: str, file_id: FileId) -> None:
        """Write down which file holds this content."""
        await in_thread(
            self._database.execute,
            "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?)",
            (identity, sha256, file_id),
        )

    async def forget_upload(self, identity: str, sha256: str) -> None:
        """Forget which file holds this content, because it was deleted."""
        await in_thread(
            self._database.execute,
            "DELETE FROM uploads WHERE identity = ? AND sha256 = ?",
            (identity, sha256),
        )

    async def get_answers(self, arm: str, questions: Sequence[str]) -> Mapping[str, Answer]:
        """Give the known answers of an arm, by question.

        Args:
            arm: Fingerprint of the arm.
            questions: Hashes of the questions.

        Raises:
            StorageError: An answer was written by a version that this one cannot read.
        """
        return await in_thread(self._known_answers, arm, questions)

    def _known_answers(self, arm: str, questions: Sequence[str]) -> Mapping[str, Answer]:
        found = self._lookup("answers", "arm", "question", arm, questions)
        try:
            return {
                key: Answer.model_validate_json(cast("str", text)) for key, text in found.items()
            }
        except ValidationError as exc:
            message = (
                f"the journal holds an answer that this tailorbird cannot read"
                f" ({exc.error_count()} wrong fields): use another workspace"
            )
            raise StorageError(message) from exc

    async def put_answers(self, arm: str, answers: Mapping[str, Answer]) -> None:
        """Keep answers of an arm, by hash of the question."""
        rows = [(arm, key, one.model_dump_json()) for key, one in answers.items()]
        await self._insert("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)

    async def get_vectors(self, space: str, texts: Sequence[str]) -> Mapping[str, bytes]:
        """Give the known vectors of a model, as float32 bytes, by text.

        Args:
            space: Account, model and width.
            texts: Hashes of the texts.
        """
        found = await self._reads.run(
            lambda: self._lookup("vectors", "space", "text", space, texts)
        )
        return {key: cast("bytes", value) for key, value in found.items()}

    async def put_vectors(self, space: str, vectors: Mapping[str, bytes]) -> None:
        """Keep vectors of a model, by hash of the text."""
        rows = [(space, key, value) for key, value in vectors.items()]
        await self._insert("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    async def _insert(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        await self._writes.run(lambda: self._database.execute_many(sql, rows))

    def _lookup(
        self, table: str, group: str, key: str, wanted: str, keys: Sequence[str]
    ) -> dict[str, object]:
        found: dict[str, object] = {}
        value = "answer" if table == "answers" else "vector"
        for start in range(0, len(keys), _PAGE):
            page = keys[start : start + _PAGE]
            marks = ", ".join("?" * len(page))
            rows = self._database.execute(
                f"SELECT {key}, {value} FROM {table}"  # noqa: S608 - names are constants
                f" WHERE {group} = ? AND {key} IN ({marks})",
                (wanted, *page),
            )
            found.update((str(row[0]), row[1]) for row in rows)
        return found
