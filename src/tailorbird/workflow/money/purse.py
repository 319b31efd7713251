"""What one open workbench may spend and has spent: reserved before each call, settled after it.

A budget is kept in the journal, where the claims of all tasks and processes come one after the
other. Asking it costs a write to the disk, so a purse takes a little more than the call at hand
needs, and hands out of that until it is used up. What it took counts as held until it is written
down as spent or given back; so whatever moment a process dies at, the others see at least as much
as it may have spent.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tailorbird.exceptions import BudgetExceededError, StorageError
from tailorbird.journal.holds import Claim, Grant, Terms, to_nano, to_usd
from tailorbird.journal.ledger import Spending
from tailorbird.types.usage import Usage
from tailorbird.workflow.money.subject import current_subject

if TYPE_CHECKING:
    from tailorbird.journal import HoldKind, Journal
    from tailorbird.protocols import Clock
    from tailorbird.types.budget import Budget

CallKind = Literal["chat", "embeddings"]
"""What a call is."""

_LOG = logging.getLogger("tailorbird.workflow")

# Room for so many calls like the one at hand is asked for together. Calls cost a fraction of their
# worst case, so that it lasts for some hundred of them (benchmarks/budget.py).
_AHEAD = 31
_FLUSH_CALLS = 500
_FLUSH_S = 5.0  # what a killed process may forget where no budget holds it


@dataclass(frozen=True, slots=True)
class Account:
    """What calls are summed up by."""

    what: CallKind
    """What was called."""
    model: str
    """What was asked."""
    subject: str
    """What for; empty for a call of its own."""
    day: str
    """On which day, e.g. `2026-11-22`; UTC."""


_NOTHING = Usage()


@dataclass(slots=True)
class _Sum:
    """The calls of one day, kind, model and subject that are not written down yet."""

    calls: int = 0
    usage: Usage = _NOTHING
    nano: int | None = 0
    assumed: int = 0

    def merge(self, other: _Sum) -> None:
        """Add others of the same key."""
        self.calls += other.calls
        self.usage += other.usage
        known = self.nano is not None and other.nano is not None
        self.nano = (self.nano or 0) + (other.nano or 0) if known else None
        self.assumed += other.assumed

    def entry(self, key: Account, *, identity: str, at: datetime) -> Spending:
        return Spending(
            # A call that ends after midnight counts on the day on which it was allowed.
            at=min(at, datetime.fromisoformat(f"{key.day}T23:59:59+00:00")),
            identity=identity,
            what=key.what,
            subject=key.subject,
            reference=f"{key.day}/{key.model}/{key.subject}",
            model=key.model,
            usage=self.usage,
            usd=None if self.nano is None else to_usd(self.nano),
            calls=self.calls,
            assumed=to_usd(self.assumed),
        )


_REFUSED = Grant(granted=0, left=0, spent=0, held=0)


@dataclass(slots=True, kw_only=True)
class Purse:
    """Belongs to one open workbench and to one event loop. Amounts are billionths of a dollar.

    `free + taken` and what was spent since it was last written down is what the journal holds for
    it; with a budget for one run, it is what is left of that.
    """

    journal: Journal
    """Where is written down what was spent and what is held."""
    identity: str
    """Provider and account."""
    clock: Clock
    """Says what day it is."""
    budget: Budget | None = None
    """How much may be spent; None sets no limit, and calls are only written down."""
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells this purse from all others."""
    free: int = field(init=False, default=0)
    """May be reserved without asking the journal; below 0 where a call cost more than its worst."""
    taken: int = field(init=False, default=0)
    """Reserved by calls that are under way."""
    _unwritten: dict[Account, _Sum] = field(init=False, default_factory=dict[Account, _Sum])
    _calls: int = field(init=False, default=0)
    _flushed_at: float | None = field(init=False, default=None)
    _ends: datetime | None = field(init=False, default=None)
    _dry: bool = field(init=False, default=False)
    _lock: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _change: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Begin the period; a run has its whole budget from the start."""
        if self.budget is not None:
            self._ends = self.budget.end(self.clock.now())
            if self._is_run:
                self.free = to_nano(self.budget.usd)

    @property
    def _is_run(self) -> bool:
        return self.budget is not None and self.budget.period == "run"

    def account(self, what: CallKind, model: str) -> Account:
        """Give what a call that begins now is written down as."""
        return Account(what, model, current_subject(), self.clock.now().date().isoformat())

    async def reserve(self, nano: int, *, about: str, patient: bool = True) -> None:
        """Take what a call may cost at worst, or wait for calls under way that may leave enough.

        Args:
            nano: Billionths of a US dollar, at least 0.
            about: What it is for, as a message names it.
            patient: Whether to wait. A call that is under way itself must not: two of them would
                wait for each other.

        Raises:
            BudgetExceededError: There is not as much left, and no call under way leaves any.
            StorageError: The journal cannot be written.
        """
        budget = self.budget
        if budget is None:
            return
        if self._ends is not None and self.clock.now() >= self._ends:
            await asyncio.shield(self._begin_anew(budget))
        while not self._take(nano):
            change = self._change
            if not (self._dry and self.taken and patient):
                # Shielded: what the journal has granted must arrive here, also when the caller is
                # cancelled meanwhile.
                grant = await asyncio.shield(self._ask(nano))
                self._dry = grant is not None and not grant.granted
                if grant is None or not self._dry or change is not self._change:
                    continue  # something came back while the journal was asked
                if not self.taken or not patient:
                    raise self._refusal(budget, nano, grant, about)
            # What the journal has refused once it refuses again, until something comes back here.
            await change.wait()

    def _take(self, nano: int) -> bool:
        if self.free < nano:
            return False
        self.free -= nano
        self.taken += nano
        return True

    async def _ask(self, nano: int) -> Grant | None:
        """Ask the journal for more; None where that was not needed any more."""
        async with self._lock:
            if self.free >= nano:
                return None
            if self._is_run:
                return _REFUSED
            return await self._exchange(least=nano - self.free, extra=_AHEAD * nano)

    def settle(
        self,
        nano: int,
        *,
        on: Account,
        usage: Usage | None,
        cost: int | None,
        lost: int = 0,
    ) -> None:
        """Give back what a call reserved and write down what it really used.

        Args:
            nano: What was reserved.
            on: What it is written down as.
            usage: What it used; None when nobody said.
            cost: Billionths of a US dollar; None when not known: then all that was reserved counts
                as spent, and no budget counts it for nothing.
            lost: What attempts before it may have cost of which nobody knows.
        """
        spent = None if cost is None else cost + lost
        assumed = lost
        if cost is None and self.budget is not None:
            spent = assumed = nano
        self.taken -= nano
        self.free += nano - (spent or 0)
        self._unwritten.setdefault(on, _Sum()).merge(_Sum(1, usage or _NOTHING, spent, assumed))
        self._calls += 1
        self._wake()

    def release(self, nano: int) -> None:
        """Give back what a call reserved that was never carried out."""
        self.taken -= nano
        self.free += nano
        self._wake()

    def _wake(self) -> None:
        if self.budget is None:
            return
        self._change.set()
        self._change = asyncio.Event()

    async def tidy(self) -> None:
        """Write down what was spent, if it is much or the last time was long ago.

        Trouble with the journal is logged and not raised: it must not cost an answer that was paid
        for. What could not be written is written the next time; `close` raises.
        """
        now = asyncio.get_running_loop().time()
        if self._flushed_at is None:
            self._flushed_at = now
        due = self._calls >= _FLUSH_CALLS or now - self._flushed_at >= _FLUSH_S
        if not due or self._lock.locked():
            return
        try:
            await self.flush()
        except StorageError as exc:
            _LOG.warning("what was spent could not be written down yet: %s", exc)

    async def flush(self) -> None:
        """Write down what was spent; nothing is given back.

        Raises:
            StorageError: The journal cannot be written.
        """
        if self._unwritten:
            await asyncio.shield(self._flush(give_back=False))

    async def close(self) -> None:
        """Write down what was spent, and give back what was not.

        What calls still hold whose end nobody has seen stays held.

        Raises:
            StorageError: The journal cannot be written.
        """
        await asyncio.shield(self._flush(give_back=True))

    async def _flush(self, *, give_back: bool) -> None:
        async with self._lock:
            if self._unwritten or (give_back and self.free):
                await self._exchange(give_back=give_back)

    async def hold(self, what: HoldKind, reference: str, nano: int, *, subject: str) -> None:
        """Hold money for a job, a batch or a deployment: until `Ledger.record` names its cost.

        Holding again for the same thing takes the place of what was held before.

        Raises:
            BudgetExceededError: There is not as much left.
            StorageError: The journal cannot be written.
        """
        budget = self.budget
        if budget is None:
            return
        kind = f"a batch of {what}" if what in {"chat", "embeddings"} else what
        about = f"{kind} {subject or reference!r}"
        if self._is_run:
            await self.reserve(nano, about=about)
            self.taken -= nano  # it stays spent: what comes back of it comes after the run
            return
        # Else what calls might use one day could keep the job from being paid.
        await asyncio.shield(self._flush(give_back=True))
        claim = Claim(
            identity=self.identity,
            what=what,
            reference=reference,
            subject=subject,
            at=self.clock.now(),
            least=nano,
        )
        grant = await self.journal.holds.exchange(claim, terms=self._terms())
        if grant.granted < nano:
            raise self._refusal(budget, nano, grant, about)

    async def let_go(self, what: HoldKind, reference: str, nano: int = 0) -> None:
        """Hold nothing any more for what was never made."""
        if self._is_run:
            self.free += nano
            self._wake()
        elif self.budget is not None:
            await self.journal.holds.drop(self.identity, what, reference)

    async def _begin_anew(self, budget: Budget) -> None:
        """Let a new period begin: what was taken from the old one is given back first."""
        async with self._lock:
            ends = budget.end(self.clock.now())
            if ends == self._ends:
                return  # another task came first
            await self._exchange(give_back=True)
            self._ends, self._dry = ends, False

    async def _exchange(self, *, least: int = 0, extra: int = 0, give_back: bool = False) -> Grant:
        """Bring the journal up to date; who calls it has the lock and is shielded.

        Calls go on meanwhile: what they reserve and give back changes within what is kept.
        """
        now = self.clock.now()
        unwritten, self._unwritten = self._unwritten, {}
        calls, self._calls = self._calls, 0
        given = 0 if self._is_run else self.free if give_back else min(self.free, 0)
        self.free -= given
        claim = Claim(
            identity=self.identity,
            what="calls",
            reference=self.mark,
            at=now,
            keep=0 if self._is_run or self.budget is None else self.taken + self.free,
            least=least,
            extra=extra,
        )
        entries = [one.entry(key, identity=self.identity, at=now) for key, one in unwritten.items()]
        try:
            grant = await self.journal.holds.exchange(claim, terms=self._terms(), spent=entries)
        except BaseException:
            for key, one in self._unwritten.items():
                unwritten.setdefault(key, _Sum()).merge(one)
            self._unwritten = unwritten
            self._calls += calls
            self.free += given
            raise
        self.free += grant.granted
        self._flushed_at = asyncio.get_running_loop().time()
        return grant

    def _terms(self) -> Terms | None:
        if self.budget is None or self._is_run:
            return None
        return Terms(
            limit=to_nano(self.budget.usd),
            since=self.budget.begin(self.clock.now()),
            hosting_hours=self.budget.hosting_hours,
        )

    def _refusal(self, budget: Budget, nano: int, grant: Grant, about: str) -> BudgetExceededError:
        left = max(0, self.free if self._is_run else grant.left + self.free)
        found = f"{_dollars(left)} of it are left"
        if not self._is_run:
            held = f", {_dollars(grant.held)} held by others or for what is under way"
            found += f" ({_dollars(grant.spent)} spent{held if grant.held else ''})"
        message = (
            f"the budget of {budget} does not allow {about}, which may cost"
            f" {_dollars(nano)}: {found}; nothing was sent. Give a larger budget, ask for less"
            " (max_output_tokens), or wait for what is under way"
        )
        return BudgetExceededError(
            message,
            limit=budget.usd,
            needed=to_usd(nano),
            left=to_usd(left),
            spent=None if self._is_run else to_usd(grant.spent),
            held=None if self._is_run else to_usd(grant.held),
        )


def _dollars(nano: int) -> str:
    usd = to_usd(nano)
    return f"{usd.quantize(Decimal('0.000001')).normalize():f} USD"
