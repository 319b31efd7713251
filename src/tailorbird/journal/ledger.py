"""What was paid for, and what costs money as long as it stands."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, cast

from pydantic import Field

from tailorbird.journal.threads import in_thread
from tailorbird.types.base import Frozen
from tailorbird.types.ids import DeploymentName, ModelId
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.storage import Database

_HOUR_S = 3600


class Spending(Frozen):
    """Something that was paid for."""

    id: int = 0
    """Number of the entry, given by the journal; later ones have larger ones."""
    at: datetime
    """When it was paid for, of several calls the last one; aware, UTC."""
    identity: str
    """Provider and account."""
    what: Literal["chat", "embeddings", "training", "hosting"]
    """What was paid for."""
    subject: str = ""
    """Name of the run, index or comparison it was for; empty for a call of its own."""
    reference: str | None = None
    """What can be paid for once only, e.g. a job's id: a second entry for it is not kept. The calls
    of one day, model and subject have one entry, to which `Ledger.add` adds."""
    model: str
    """The model that was used or made."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens that were paid for; those of training count as input."""
    usd: Decimal | None = None
    """US dollars by the known price; None where no price is known."""
    calls: int = Field(default=1, ge=1)
    """How many calls the entry sums up, at least 1."""
    assumed: Decimal = Decimal(0)
    """The part of `usd` that was set at its worst, because the provider did not say what a call
    used, or the call's answer was lost."""


class Hosting(Frozen):
    """A deployment that this workspace made and has not deleted."""

    identity: str
    """Provider and account."""
    name: DeploymentName
    """Name of the deployment."""
    model: ModelId
    """What is deployed."""
    hourly: Decimal | None = None
    """US dollars an hour, used or not; None where the price is not known."""
    since: datetime
    """When it was made; aware, UTC."""

    def cost(self, until: datetime) -> Decimal | None:
        """Give what it costs up to a moment, in US dollars; None where no price is known."""
        if self.hourly is None:
            return None
        seconds = max(0, int((until - self.since).total_seconds()))
        return self.hourly * seconds / _HOUR_S


class Ledger:
    """The spending of a journal. Every method is one transaction, in a thread of its own."""

    def __init__(self, database: Database) -> None:
        """Share the journal's database."""
        self._database = database

    async def record(self, spending: Spending) -> None:
        """Write down that something was paid for; its `id` is given here.

        An entry whose `reference` was written down before is left as it was. Money that was held
        for that reference is held no more.
        """
        await in_thread(self._record_and_let_go, spending)

    def _record_and_let_go(self, spending: Spending) -> None:
        with self._database.transaction():
            self._record(spending)
            self._let_go(spending.identity, spending.what, spending.reference)

    def _record(self, spending: Spending) -> None:
        self._database.execute(
            "INSERT INTO spending"
            " (at, identity, what, subject, reference, model, usage, usd, calls, assumed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                *(spending.at.isoformat(), spending.identity, spending.what, spending.subject),
                *(spending.reference, spending.model, spending.usage.model_dump_json()),
                None if spending.usd is None else str(spending.usd),
                *(spending.calls, str(spending.assumed)),
            ),
        )

    def _let_go(self, identity: str, what: str, reference: str | None) -> None:
        self._database.execute(
            "DELETE FROM holds WHERE identity = ? AND what = ? AND reference = ?",
            (identity, what, reference),
        )

    def add(self, entries: Sequence[Spending]) -> None:
        """Add calls to the entries of their day: those of the same `what` and `reference`.

        There is one entry for each day, model and subject, however many calls there were. Blocks;
        the transaction is the caller's.
        """
        for entry in entries:
            rows = self._database.execute(
                f"SELECT {_COLUMNS} FROM spending"  # noqa: S608 - constants
                " WHERE identity = ? AND what = ? AND reference = ?",
                (entry.identity, entry.what, entry.reference),
            )
            if not rows:
                self._record(entry)
                continue
            known = _spending(rows[0])
            self._database.execute(
                "UPDATE spending SET at = ?, usage = ?, usd = ?, calls = ?, assumed = ?"
                " WHERE id = ?",
                (
                    max(known.at, entry.at).isoformat(),
                    (known.usage + entry.usage).model_dump_json(),
                    _sum(known.usd, entry.usd),
                    *(known.calls + entry.calls, str(known.assumed + entry.assumed), known.id),
                ),
            )

    async def list(self, *, identity: str) -> tuple[Spending, ...]:
        """Give what was paid for at an account, newest first."""
        rows = await in_thread(
            self._database.execute,
            f"SELECT {_COLUMNS} FROM spending WHERE identity = ? ORDER BY id DESC",  # noqa: S608 - constants
            (identity,),
        )
        return tuple(_spending(row) for row in rows)

    async def begin_hosting(self, hosting: Hosting) -> None:
        """Write down that a deployment stands; one that was written down before is kept.

        Money that was held for its creation is held no more: what stands counts by itself.
        """
        await in_thread(self._begin_hosting, hosting)

    def _begin_hosting(self, hosting: Hosting) -> None:
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO hosting VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    *(hosting.identity, hosting.name, hosting.model),
                    None if hosting.hourly is None else str(hosting.hourly),
                    hosting.since.isoformat(),
                ),
            )
            self._let_go(hosting.identity, "hosting", hosting.name)

    async def end_hosting(self, name: DeploymentName, *, identity: str, at: datetime) -> None:
        """Write down that a deployment is gone, and what it has cost as far as that is known."""
        await in_thread(self._end_hosting, name, identity, at)

    def _end_hosting(self, name: DeploymentName, identity: str, at: datetime) -> None:
        with self._database.transaction():
            rows = self._database.execute(
                "DELETE FROM hosting WHERE identity = ? AND name = ? RETURNING *", (identity, name)
            )
            for row in rows:
                ended = _hosting(row)
                self._record(
                    Spending(
                        at=at,
                        identity=identity,
                        what="hosting",
                        subject=name,
                        model=ended.model,
                        usd=ended.cost(at),
                    )
                )

    async def list_hosting(self, *, identity: str) -> tuple[Hosting, ...]:
        """Give the deployments of an account that this workspace made, the oldest first."""
        rows = await in_thread(
            self._database.execute,
            "SELECT * FROM hosting WHERE identity = ? ORDER BY since, name",
            (identity,),
        )
        return tuple(_hosting(row) for row in rows)


_COLUMNS = ", ".join(Spending.model_fields)


def _spending(row: Sequence[object]) -> Spending:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["usage"] = json.loads(cast("str", values["usage"]))
    return Spending.model_validate(values)


def _sum(known: Decimal | None, added: Decimal | None) -> str | None:
    """Add up; what is not known in part is not known."""
    return None if known is None or added is None else str(known + added)


def _hosting(row: Sequence[object]) -> Hosting:
    return Hosting.model_validate(dict(zip(Hosting.model_fields, row, strict=True)))
