"""Runs of fine-tuning: what was intended, who is at work on it, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, cast

from pydantic import Field

from tailorbird.exceptions import InvalidInputError
from tailorbird.journal.threads import in_thread
from tailorbird.types.base import Frozen
from tailorbird.types.ids import EventId, JobId

if TYPE_CHECKING:
    from tailorbird.storage import Database

RunState = Literal["new", "creating", "created"]
"""`new`: nothing was sent; `creating`: a creation was sent and its answer has not been written down
(it may be lost); `created`: the job is known."""


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
    sent_at: datetime | None = None
    """When the latest creation was sent; aware, UTC, by the provider's clock; None before."""
    lease_owner: str | None = None
    """Who is at work on it, or was when its lease ended; None when nobody is."""


class Runs:
    """The runs of a journal. Every method is one transaction, in a thread of its own."""

    def __init__(self, database: Database) -> None:
        """Share the journal's database."""
        self._database = database

    async def begin(
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
        values = (identity, name, run_key, json.dumps(dict(summary)), plan, at.isoformat())
        record = await in_thread(self._begin, identity, name, values)
        if record.run_key != run_key:
            raise InvalidInputError(_difference(record, summary))
        return record

    def _begin(self, identity: str, name: str, values: Sequence[str]) -> RunRecord:
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO runs (identity, name, run_key, summary, plan, state, begun_at)"
                " VALUES (?, ?, ?, ?, ?, 'new', ?) ON CONFLICT (identity, name) DO NOTHING",
                values,
            )
            # Written just now or before: the transaction sees its own row.
            return cast("RunRecord", self._find(identity, name))

    async def find(self, name: str, *, identity: str) -> RunRecord | None:
        """Give a run; None when there is none of that name."""
        return await in_thread(self._find, identity, name)

    def _find(self, identity: str, name: str) -> RunRecord | None:
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM runs WHERE identity = ? AND name = ?",  # noqa: S608 - constants
            (identity, name),
        )
        return _record(rows[0]) if rows else None

    async def get(self, name: str, *, identity: str) -> RunRecord:
        """Give a run.

        Raises:
            InvalidInputError: There is none of that name; the message lists those there are.
        """
        found = await self.find(name, identity=identity)
        if found is None:
            known = ", ".join(repr(run.name) for run in await self.list(identity=identity))
            message = f"this workspace knows no run {name!r}; it knows {known or 'none at all'}"
            raise InvalidInputError(message)
        return found

    async def list(self, *, identity: str) -> tuple[RunRecord, ...]:
        """Give all runs of an account, newest first."""
        rows = await in_thread(
            self._database.execute,
            f"SELECT {_COLUMNS} FROM runs WHERE identity = ? ORDER BY id DESC",  # noqa: S608 - constants
            (identity,),
        )
        return tuple(_record(row) for row in rows)

    async def record_sent(self, run_id: int, *, owner: str, at: datetime) -> bool:
        """Write down that a creation is about to be sent, by whoever holds the lease.

        Returns:
            False when somebody else holds the lease: then nothing may be sent.
        """
        rows = await in_thread(
            self._database.execute,
            "UPDATE runs SET state = 'creating', sent_at = ? WHERE id = ? AND lease_owner = ?"
            " RETURNING id",
            (at.isoformat(), run_id, owner),
        )
        return bool(rows)

    async def record_refused(self, run_id: int) -> None:
        """Write down that the creation certainly made no job."""
        await in_thread(
            self._database.execute, "UPDATE runs SET state = 'new' WHERE id = ?", (run_id,)
        )

    async def record_job(self, run_id: int, job_id: JobId) -> None:
        """Write down the run's job."""
        await in_thread(
            self._database.execute,
            "UPDATE runs SET state = 'created', job_id = ? WHERE id = ?",
            (job_id, run_id),
        )

    async def begin_attempt(self, run: RunRecord) -> RunRecord:
        """Leave the run's job behind and begin to make another one, on the user's word."""
        await in_thread(
            self._database.execute,
            "UPDATE runs SET state = 'new', job_id = NULL, sent_at = NULL, attempt = ?"
            " WHERE id = ?",
            (run.attempt + 1, run.id),
        )
        return await self.get(run.name, identity=run.identity)

    async def hold(self, run: RunRecord, *, owner: str, now: datetime, ttl_s: float) -> RunRecord:
        """Take or renew the lease of a run, unless somebody else holds it.

        Args:
            run: The run.
            owner: Who wants it: unique, and telling for people.
            now: The present moment by the machine's clock, which processes share.
            ttl_s: Seconds until the lease ends, if it is not renewed.

        Returns:
            The run as it stands now; its `lease_owner` says who holds it.
        """
        # A lease that ends later than any that could be given was written before the machine's
        # clock was set back: it would otherwise bind until that moment comes again.
        ends, never = _moment(now, ttl_s), _moment(now, 2 * ttl_s)
        await in_thread(
            self._database.execute,
            "UPDATE runs SET lease_owner = ?, lease_until = ? WHERE id = ? AND (lease_owner IS NULL"
            " OR lease_owner = ? OR lease_until <= ? OR lease_until > ?)",
            (owner, ends, run.id, owner, _moment(now), never),
        )
        return await self.get(run.name, identity=run.identity)

    async def release(self, run_id: int, *, owner: str) -> None:
        """Give the lease back; does nothing when somebody else has taken it over."""
        await in_thread(
            self._database.execute,
            "UPDATE runs SET lease_owner = NULL, lease_until = NULL"
            " WHERE id = ? AND lease_owner = ?",
            (run_id, owner),
        )

    async def claim_event(self, identity: str, job_id: JobId, event: EventId) -> bool:
        """Take an event for oneself; False when some process has taken it before."""
        rows = await in_thread(
            self._database.execute,
            "INSERT INTO events VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING event",
            (identity, job_id, event),
        )
        return bool(rows)


_COLUMNS = ", ".join(RunRecord.model_fields)
_SHOWN = 40  # characters of a value that a message shows


def _record(row: Sequence[object]) -> RunRecord:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["summary"] = json.loads(cast("str", values["summary"]))
    return RunRecord.model_validate(values)


def _moment(now: datetime, later_s: float = 0.0) -> str:
    # One form for all, because SQLite compares them as texts.
    return (now.astimezone(UTC) + timedelta(seconds=later_s)).isoformat(timespec="microseconds")


def _difference(record: RunRecord, wanted: Mapping[str, str]) -> str:
    known = record.summary
    keys = [key for key in dict.fromkeys([*wanted, *known]) if known.get(key) != wanted.get(key)]
    # Hashes of rows and whole methods say nothing to a reader, and fill a screen.
    long = [key for key in keys if any(len(one.get(key, "")) > _SHOWN for one in (known, wanted))]
    changed = [
        f"{key} was {known.get(key)!r} and is {wanted.get(key)!r}"
        for key in keys
        if key not in long
    ]
    changed += [f"another {' and another '.join(long)}"] if long else []
    return (
        f"the run {record.name!r} stands for another request: {'; '.join(changed)}."
        " Choose another name, or give the same rows and options"
    )
