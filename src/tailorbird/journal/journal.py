"""The journal: one SQLite file that remembers intents and outcomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar, cast

from pydantic import Field, ValidationError

from tailorbird.exceptions import InvalidInputError, StorageError
from tailorbird.journal.schema import STEPS
from tailorbird.storage import Database
from tailorbird.types.answers import Answer
from tailorbird.types.base import Frozen
from tailorbird.types.ids import FileId, JobId
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from pathlib import Path

P = ParamSpec("P")
R = TypeVar("R")

RunState = Literal["new", "creating", "created"]
"""`new`: nothing was sent; `creating`: a creation was sent and its answer has not been written down
(it may be lost); `created`: the job is known."""

# SQLite's limit on values in one statement is 32,766 (SQLITE_MAX_VARIABLE_NUMBER,
# sqlite.org/limits, read 2026-11-22); a smaller page keeps memory flat.
_PAGE = 500


class RunRecord(Frozen):
    """A run of fine-tuning as the journal knows it."""

    id: int
    """Number of the run; later runs have larger ones, whatever the clock says."""
    identity: str
    """Provider and account."""
    name: str
    """The run's name."""
    run_key: str
    """Hash of the intent."""
    summary: Mapping[str, str]
    """What the run depends on, for messages."""
    plan: str = Field(repr=False)
    """The whole plan as JSON."""
    state: RunState
    """How far creating the job has come."""
    job_id: JobId | None = None
    """The provider's id of the job; None until it is known."""
    attempt: int = 0
    """How often a job was made anew on the user's word, from 0."""
    begun_at: datetime
    """When the run was begun; aware, UTC."""


class Spending(Frozen):
    """Something that was paid for."""

    id: int = 0
    """Number of the entry, given by the journal; later ones have larger ones."""
    at: datetime
    """When it was paid for; aware, UTC."""
    identity: str
    """Provider and account."""
    what: Literal["chat", "embeddings", "training", "hosting"]
    """What was paid for."""
    subject: str = ""
    """Name of the run, index or comparison it was for; empty for a call of its own."""
    model: str
    """The model that was used or made."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens that were paid for; those of training count as input."""
    usd: Decimal | None = None
    """US dollars by the known price; None where no price is known."""


class Journal:
    """Remembers across processes. Every method is one transaction, in a thread of its own."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, or keep everything in memory for None; blocks.

        Raises:
            StorageError: The file cannot be used.
        """
        self._database = Database(path, steps=STEPS)

    async def close(self) -> None:
        """Close the file."""
        await _in_thread(self._database.close)

    async def begin_run(
        self,
        name: str,
        *,
        identity: str,
        run_key: str,
        summary: Mapping[str, str],
        plan: str,
        at: datetime,
    ) -> RunRecord:
        """Write down an intent, or give the one that was written down before.

        Raises:
            InvalidInputError: The name stands for another intent; the message shows the difference.
        """
        return await _in_thread(
            self._begin_run,
            name,
            identity=identity,
            run_key=run_key,
            summary=summary,
            plan=plan,
            at=at,
        )

    def _begin_run(
        self,
        name: str,
        *,
        identity: str,
        run_key: str,
        summary: Mapping[str, str],
        plan: str,
        at: datetime,
    ) -> RunRecord:
        with self._database.transaction():
            found = self._find(identity, name)
            if found is None:
                self._database.execute(
                    "INSERT INTO runs (identity, name, run_key, summary, plan, state, begun_at)"
                    " VALUES (?, ?, ?, ?, ?, 'new', ?)",
                    (identity, name, run_key, json.dumps(dict(summary)), plan, at.isoformat()),
                )
                found = self._find(identity, name)
        # Written just now or before: the transaction sees its own row.
        record = cast("RunRecord", found)
        if record.run_key != run_key:
            raise InvalidInputError(_difference(record, summary))
        return record

    def _find(self, identity: str, name: str) -> RunRecord | None:
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM runs WHERE identity = ? AND name = ?",  # noqa: S608 - constants
            (identity, name),
        )
        return _record(rows[0]) if rows else None

    async def set_run_state(self, run_id: int, state: RunState) -> None:
        """Write down how far creating the job has come."""
        await _in_thread(
            self._database.execute, "UPDATE runs SET state = ? WHERE id = ?", (state, run_id)
        )

    async def record_job(self, run_id: int, *, job_id: JobId, attempt: int) -> None:
        """Write down the run's job."""
        await _in_thread(
            self._database.execute,
            "UPDATE runs SET state = 'created', job_id = ?, attempt = ? WHERE id = ?",
            (job_id, attempt, run_id),
        )

    async def get_run(self, name: str, *, identity: str) -> RunRecord:
        """Give a run.

        Raises:
            InvalidInputError: There is none of that name; the message lists those there are.
        """
        found = await _in_thread(self._find, identity, name)
        if found is None:
            known = ", ".join(repr(run.name) for run in await self.list_runs(identity=identity))
            message = f"this workspace knows no run {name!r}; it knows {known or 'none at all'}"
            raise InvalidInputError(message)
        return found

    async def list_runs(self, *, identity: str) -> tuple[RunRecord, ...]:
        """Give all runs of an account, newest first."""
        rows = await _in_thread(
            self._database.execute,
            f"SELECT {_COLUMNS} FROM runs WHERE identity = ? ORDER BY id DESC",  # noqa: S608 - constants
            (identity,),
        )
        return tuple(_record(row) for row in rows)

    async def get_upload(self, identity: str, sha256: str) -> FileId | None:
        """Give the file that was uploaded with this content; None when none was."""
        rows = await _in_thread(
            self._database.execute,
            "SELECT file_id FROM uploads WHERE identity = ? AND sha256 = ?",
            (identity, sha256),
        )
        return FileId(str(rows[0][0])) if rows else None

    async def put_upload(self, identity: str, sha256: str, file_id: FileId) -> None:
        """Write down which file holds this content."""
        await _in_thread(
            self._database.execute,
            "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?)",
            (identity, sha256, file_id),
        )

    async def forget_upload(self, identity: str, sha256: str) -> None:
        """Forget which file holds this content, because it was deleted."""
        await _in_thread(
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
        found = await _in_thread(self._lookup, "answers", "arm", "question", arm, questions)
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
        await _in_thread(self._insert, "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)

    async def get_vectors(self, space: str, texts: Sequence[str]) -> Mapping[str, bytes]:
        """Give the known vectors of a model, as float32 bytes, by text.

        Args:
            space: Account, model and width.
            texts: Hashes of the texts.
        """
        found = await _in_thread(self._lookup, "vectors", "space", "text", space, texts)
        return {key: cast("bytes", value) for key, value in found.items()}

    async def put_vectors(self, space: str, vectors: Mapping[str, bytes]) -> None:
        """Keep vectors of a model, by hash of the text."""
        rows = [(space, key, value) for key, value in vectors.items()]
        await _in_thread(self._insert, "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    async def record_spending(self, spending: Spending) -> None:
        """Write down that something was paid for; its `id` is given here."""
        await _in_thread(
            self._database.execute,
            "INSERT INTO spending (at, identity, what, subject, model, usage, usd)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(spending.at.isoformat(), spending.identity, spending.what, spending.subject),
                *(spending.model, spending.usage.model_dump_json()),
                None if spending.usd is None else str(spending.usd),
            ),
        )

    async def list_spending(self, *, identity: str) -> tuple[Spending, ...]:
        """Give what was paid for at an account, newest first."""
        rows = await _in_thread(
            self._database.execute,
            "SELECT id, at, identity, what, subject, model, usage, usd FROM spending"
            " WHERE identity = ? ORDER BY id DESC",
            (identity,),
        )
        return tuple(_spending(row) for row in rows)

    def _insert(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        with self._database.transaction():
            self._database.execute_many(sql, rows)

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


_COLUMNS = "id, identity, name, run_key, summary, plan, state, job_id, attempt, begun_at"


def _record(row: Sequence[object]) -> RunRecord:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["summary"] = json.loads(cast("str", values["summary"]))
    return RunRecord.model_validate(values)


def _spending(row: Sequence[object]) -> Spending:
    names = ("id", "at", "identity", "what", "subject", "model", "usage", "usd")
    values = dict(zip(names, row, strict=True))
    values["usage"] = json.loads(cast("str", values["usage"]))
    return Spending.model_validate(values)


def _difference(record: RunRecord, wanted: Mapping[str, str]) -> str:
    changed = [
        f"{key} was {record.summary.get(key)!r} and is {wanted.get(key)!r}"
        for key in dict.fromkeys([*wanted, *record.summary])
        if record.summary.get(key) != wanted.get(key)
    ]
    return (
        f"the run {record.name!r} stands for another request: {'; '.join(changed)}."
        " Choose another name, or give the same rows and options"
    )


async def _in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    # The only place where the journal blocks: SQLite has no asynchronous interface.
    return await asyncio.to_thread(function, *args, **kwargs)
