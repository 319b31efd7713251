"""Money that may be spent and is not yet: what makes a budget hold across tasks and processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Literal

from tailorbird.journal.threads import in_thread
from tailorbird.types.base import Frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.journal.ledger import Ledger, Spending
    from tailorbird.storage import Database

HoldKind = Literal["calls", "chat", "embeddings", "training", "hosting"]
"""What money is held for: `calls` is what one open workbench may use without asking again, the
others are a batch, a job and a deployment of their own."""

_NANO = 10**9
_HOUR_S = 3600


def to_nano(usd: Decimal) -> int:
    """Give billionths of a US dollar, rounded up: what is counted is never less than the price."""
    return int((usd * _NANO).to_integral_value(ROUND_CEILING))


def to_usd(nano: int) -> Decimal:
    """Give the US dollars of so many billionths."""
    return Decimal(nano) / _NANO


class Hold(Frozen):
    """Money that is held for something whose cost is not known yet."""

    identity: str
    """Provider and account."""
    what: HoldKind
    """What it is held for."""
    reference: str
    """Which one: a job, a batch, a deployment, or a mark of the workbench that holds it."""
    subject: str = ""
    """Name of what it is for; empty where it has none."""
    usd: Decimal
    """How much, in US dollars."""
    at: datetime
    """When it was held, or held anew; aware, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How much may be spent at an account, and what counts."""

    limit: int
    """Billionths of a US dollar, at least 0."""
    since: datetime
    """Only what was spent or held from then on counts; aware, UTC."""
    hosting_hours: float
    """Hours for which a deployment that stands counts at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one holder has to hold from now on; amounts are billionths of a US dollar."""

    identity: str
    """Provider and account."""
    what: HoldKind
    """What it is for."""
    reference: str
    """Which one."""
    subject: str = ""
    """Its name."""
    at: datetime
    """Now; aware, UTC."""
    keep: int = 0
    """What it goes on to hold in any case."""
    least: int = 0
    """What it needs on top, or else gets nothing."""
    extra: int = 0
    """What it would like beyond that, so that it need not ask again soon; an eighth of what would
    be left is the most that it gets, so that others find something as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What came of a claim; amounts are billionths of a US dollar."""

    granted: int
    """What the holder may use on top of what it kept; 0 where the least was not to be had."""
    left: int
    """What nobody has spent or holds after that; below 0 where more was spent than allowed."""
    spent: int
    """What was spent, standing deployments included."""
    held: int
    """What others hold."""


class Holds:
    """The money that is held. Every method is one transaction, in a thread of its own."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        """Share the journal's database and its ledger."""
        self._database = database
        self._ledger = ledger

    async def exchange(
        self, claim: Claim, *, terms: Terms | None, spent: Sequence[Spending] = ()
    ) -> Grant:
        """Write down what was spent, and change what a holder holds, all at once.

        The sum of what is spent and what is held never grows above the limit by this: whatever
        other tasks and processes ask at the same time, their claims come one after the other.

        Args:
            claim: What to hold from now on.
            terms: What may be spent; None sets no limit, and then `extra` is granted in full.
            spent: What was paid since the last time; see `Ledger.add`.
        """
        return await in_thread(self._exchange, claim, terms, spent)

    def _exchange(self, claim: Claim, terms: Terms | None, spent: Sequence[Spending]) -> Grant:
        with self._database.transaction():
            self._ledger.add(spent)
            grant = Grant(granted=claim.least + claim.extra, left=0, spent=0, held=0)
            if terms is not None:
                grant = self._grant(claim, terms)
            self._write(claim, claim.keep + grant.granted)
        return grant

    def _grant(self, claim: Claim, terms: Terms) -> Grant:
        since = terms.since.isoformat()
        [(held,)] = self._database.execute(
            "SELECT COALESCE(SUM(nano), 0) FROM holds WHERE identity = ? AND at >= ?"
            " AND NOT (what = ? AND reference = ?)",
            (claim.identity, since, claim.what, claim.reference),
        )
        [(paid,)] = self._database.execute(
            # Rounded up by the smallest unit, so that what a float cannot hold is not lost.
            "SELECT CAST(COALESCE(SUM(CAST(usd AS REAL)), 0) * 1e9 + 0.999 AS INTEGER)"
            " FROM spending WHERE identity = ? AND at >= ?",
            (claim.identity, since),
        )
        spent = int(str(paid)) + self._standing(claim, terms)
        others = int(str(held))
        left = terms.limit - spent - others - claim.keep
        granted = 0
        if left >= claim.least:
            granted = claim.least + min(claim.extra, (left - claim.least) // 8)
        return Grant(granted=granted, left=left - granted, spent=spent, held=others)

    def _standing(self, claim: Claim, terms: Terms) -> int:
        """Give what the deployments that stand have cost, each for some hours at least."""
        rows = self._database.execute(
            "SELECT hourly, since FROM hosting WHERE identity = ? AND hourly IS NOT NULL",
            (claim.identity,),
        )
        total = 0
        for hourly, since in rows:
            begun = max(datetime.fromisoformat(str(since)), terms.since)
            stood = (claim.at - begun).total_seconds() / _HOUR_S
            hours = Decimal(str(max(0.0, stood, terms.hosting_hours)))
            total += to_nano(Decimal(str(hourly)) * hours)
        return total

    def _write(self, claim: Claim, nano: int) -> None:
        if nano <= 0:
            self._drop(claim.identity, claim.what, claim.reference)
            return
        self._database.execute(
            "INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(claim.identity, claim.what, claim.reference, claim.subject),
                *(nano, claim.at.isoformat()),
            ),
        )

    async def rename(self, identity: str, what: HoldKind, reference: str, *, to: str) -> None:
        """Hold for something whose own name is known only now."""
        await in_thread(
            self._database.execute,
            "UPDATE OR REPLACE holds SET reference = ?"
            " WHERE identity = ? AND what = ? AND reference = ?",
            (to, identity, what, reference),
        )

    async def resize(self, identity: str, what: HoldKind, reference: str, *, usd: Decimal) -> None:
        """Hold another amount for something that is held for already; else nothing happens."""
        await in_thread(
            self._database.execute,
            "UPDATE holds SET nano = ? WHERE identity = ? AND what = ? AND reference = ?",
            (to_nano(usd), identity, what, reference),
        )

    async def drop(self, identity: str, what: HoldKind, reference: str) -> None:
        """Hold nothing for it any more."""
        await in_thread(self._drop, identity, what, reference)

    def _drop(self, identity: str, what: HoldKind, reference: str) -> None:
        self._database.execute(
            "DELETE FROM holds WHERE identity = ? AND what = ? AND reference = ?",
            (identity, what, reference),
        )

    async def list(self, *, identity: str) -> tuple[Hold, ...]:
        """Give what is held at an account, the oldest first."""
        rows = await in_thread(
            self._database.execute,
            "SELECT what, reference, subject, nano, at FROM holds WHERE identity = ?"
            " ORDER BY at, reference",
            (identity,),
        )
        return tuple(
            Hold.model_validate(
                {
                    "identity": identity,
                    "what": what,
                    "reference": reference,
                    "subject": subject,
                    "usd": to_usd(int(str(nano))),
                    "at": at,
                }
            )
            for what, reference, subject, nano, at in rows
        )
