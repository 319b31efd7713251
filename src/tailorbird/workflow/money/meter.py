"""Between a call and its provider: its worst case is reserved, its cost is written down."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from tailorbird.exceptions import (
    BudgetExceededError,
    ConfigError,
    InvalidInputError,
    ProviderError,
    UnsupportedError,
)
from tailorbird.journal.holds import to_nano
from tailorbird.protocols.returned import promised
from tailorbird.retry import PERMISSION, was_in_doubt
from tailorbird.types.chat import ChatOptions
from tailorbird.workflow.money.pricing import call_cost
from tailorbird.workflow.money.purse import Account, Purse
from tailorbird.workflow.money.worst import chat_bound, embedding_bound

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from tailorbird.journal import Workspace
    from tailorbird.protocols import Provider
    from tailorbird.types.budget import Budget
    from tailorbird.types.chat import Message
    from tailorbird.types.ids import FileId, ModelId
    from tailorbird.types.usage import Price, Usage
    from tailorbird.workflow.money.purse import CallKind
    from tailorbird.workflow.money.tariff import Tariff

T = TypeVar("T")

_BEFORE_SENDING = (InvalidInputError, UnsupportedError, ConfigError, BudgetExceededError)


def was_never_sent(error: BaseException) -> bool:
    """Say whether a call that ended with this error certainly cost nothing.

    That is so for what is refused before it is sent, and for what a provider says it has not
    accepted, unless an attempt before that one may have been carried out. What ends in any other
    way, by a cancellation for example, may have been paid for.
    """
    if isinstance(error, ProviderError):
        return error.accepted == "no" and not was_in_doubt(error)
    return isinstance(error, _BEFORE_SENDING)


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One call that is under way."""

    purse: Purse
    """Where it is paid from."""
    account: Account
    """What it is written down as."""
    worst: int
    """What one attempt may cost, in billionths of a US dollar."""
    price: Price | None
    """What it costs; None when not known, or not looked up yet."""
    taken: int = field(init=False)
    """What is reserved for all its attempts."""
    lost: int = field(init=False, default=0)
    """What attempts may have cost whose answers were lost."""

    def __post_init__(self) -> None:
        """Begin with one attempt."""
        self.taken = self.worst

    @contextmanager
    def under_way(self) -> Generator[None]:
        """Pay for every attempt in the block that follows a lost one."""
        token = PERMISSION.set(self._again if self.purse.budget is not None else None)
        try:
            yield
        finally:
            PERMISSION.reset(token)

    async def _again(self) -> None:
        """Reserve another attempt, because the last one may have been paid for.

        Raises:
            BudgetExceededError: The budget does not allow it.
        """
        self.lost += self.worst
        about = f"another attempt at a call of {self.account.model!r}"
        await self.purse.reserve(self.worst, about=about, patient=False)
        self.taken += self.worst

    def done(self, usage: Usage | None) -> None:
        """Settle a call that was answered; None or no tokens when nobody said what it used."""
        cost: Decimal | None = None
        if usage is not None and usage.total_tokens and self.price is not None:
            cost = call_cost(usage, self.price)
        self._settle(usage, None if cost is None else to_nano(cost))

    def gave_up(self) -> None:
        """Settle a call of which nobody knows what it cost: with a budget, all that it could."""
        if self.purse.budget is not None:
            self._settle(None, None)

    def failed(self, error: BaseException) -> None:
        """Settle a call that ended with an error."""
        if not was_never_sent(error):
            self.gave_up()
        elif self.lost:
            self._settle(None, 0)
        else:
            self.purse.release(self.taken)

    def _settle(self, usage: Usage | None, cost: int | None) -> None:
        self.purse.settle(self.taken, on=self.account, usage=usage, cost=cost, lost=self.lost)


@dataclass(slots=True, kw_only=True)
class Meter:
    """Measures the calls of one provider. A call that no budget limits costs it next to nothing."""

    provider: Provider
    """Whose calls are measured."""
    workspace: Workspace
    """Where is written down what was spent."""
    tariff: Tariff
    """What things cost."""
    budget: Budget | None
    """How much may be spent; None sets no limit."""
    creating: set[FileId] = field(init=False, default_factory=set["FileId"])
    """Training files of jobs that are being created at this moment."""
    _purse: Purse | None = field(init=False, default=None)

    def open(self) -> None:
        """Begin; the workspace must be open.

        Raises:
            InvalidInputError: It is not.
        """
        self._purse = Purse(
            journal=self.workspace.journal,
            identity=self.provider.identity,
            clock=self.provider.clock,
            budget=self.budget,
        )

    async def close(self) -> None:
        """Write down what was spent and give back what was not.

        Raises:
            StorageError: The journal cannot be written.
        """
        purse, self._purse = self.purse, None
        await purse.close()

    @property
    def purse(self) -> Purse:
        """What calls are paid from.

        Raises:
            InvalidInputError: The provider is not open.
        """
        if self._purse is None:
            message = f"the provider {self.provider.name!r} is not open; use it in `async with`"
            raise InvalidInputError(message)
        return self._purse

    def limited(self, options: ChatOptions | None) -> ChatOptions | None:
        """Give options under which an answer has an end, where there is a budget."""
        if self.budget is None or (options is not None and options.max_output_tokens):
            return options
        update = {"max_output_tokens": self.budget.max_output_tokens}
        return (options or ChatOptions()).model_copy(update=update)

    async def begin_chat(
        self,
        messages: Sequence[Message],
        *,
        model: ModelId,
        options: ChatOptions | None,
        output: type[object] | None = None,
    ) -> Ticket:
        """Reserve what a conversation can cost.

        Raises:
            BudgetExceededError: The budget does not allow it.
            ConfigError: There is a budget, and the price of the model is not known.
            InvalidInputError: The provider is not open.
        """
        purse = self.purse
        if self.budget is None:
            return _free(purse, "chat", model)
        bound = chat_bound(
            messages,
            options=options or ChatOptions(),
            output=output,
            max_output_tokens=self.budget.max_output_tokens,
        )
        price = await self.tariff.require(model, "input_per_mtok", "output_per_mtok")
        return await _reserve(purse.account("chat", model), purse, bound, price)

    async def begin_embedding(self, texts: Sequence[str], *, model: ModelId) -> Ticket:
        """Reserve what vectors can cost; errors are those of `begin_chat`."""
        purse = self.purse
        if self.budget is None:
            return _free(purse, "embeddings", model)
        price = await self.tariff.require(model, "input_per_mtok")
        account = purse.account("embeddings", model)
        return await _reserve(account, purse, embedding_bound(texts), price)

    def promised(self, value: object, kind: type[T], operation: str, about: str = "") -> T:
        """Give back what the provider gave when it is what it promised; see `promised`.

        Raises:
            UnexpectedResponseError: It is of another class.
        """
        return promised(value, kind, by=self.provider.name, operation=operation, about=about)

    async def finish(self, ticket: Ticket, usage: Usage | None) -> None:
        """Settle a call that was answered, and write down what is due."""
        if ticket.price is None:
            ticket.price = await self.tariff.find(ticket.account.model)
        ticket.done(usage)
        await ticket.purse.tidy()


async def _reserve(account: Account, purse: Purse, bound: Usage, price: Price) -> Ticket:
    nano = to_nano(worst_cost(bound, price))
    await purse.reserve(nano, about=f"a call of {account.model!r}")
    return Ticket(purse=purse, account=account, worst=nano, price=price)


def _free(purse: Purse, what: CallKind, model: ModelId) -> Ticket:
    return Ticket(purse=purse, account=purse.account(what, model), worst=0, price=None)


def worst_cost(bound: Usage, price: Price) -> Decimal:
    """Give what a call costs at most, in US dollars; the price must name what the bound uses.

    Nothing of the input comes from a cache.
    """
    return call_cost(bound, price) or Decimal(0)
