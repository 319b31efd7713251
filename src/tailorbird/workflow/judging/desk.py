"""Ask the judge: many things, a few at a time, each once, however often it is called."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

from tailorbird.exceptions import (
    AnswerError,
    AuthenticationError,
    BudgetExceededError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
)
from tailorbird.types.answers import Answer
from tailorbird.types.chat import ChatOptions, Message
from tailorbird.types.usage import Usage
from tailorbird.workflow.answering.answer import random_marker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tailorbird.journal import Journal
    from tailorbird.protocols import Chat
    from tailorbird.types.ids import ModelId
    from tailorbird.workflow.bulk.collecting import Batches, Collector

Q = TypeVar("Q")
T = TypeVar("T", bound=BaseModel)

# One such failure means that all the others would fail alike, or must not be paid for.
_HOPELESS = (
    *(AuthenticationError, NotFoundError, PermissionDeniedError),
    *(QuotaExhaustedError, BudgetExceededError),
)
_FLUSH = 50  # judgements that a crash may lose at most
_VERSION = "1"  # of the prompts: another wording gives other judgements


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[T]):
    """One judgement that is wanted."""

    subject: tuple[object, ...]
    """Everything that decides it, as JSON values: what is judged, by what, for which time."""
    messages: Callable[[str], list[Message]]
    """Makes the conversation from a marker."""
    output: type[T]
    """Form of the judgement."""
    fits: Callable[[T], bool]
    """Whether a judgement can be used."""

    @property
    def key(self) -> str:
        """A hash of what decides the judgement."""
        text = json.dumps([_VERSION, self.output.__name__, *self.subject])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said(Generic[T]):
    """What came of a request."""

    output: T | None
    """The judgement; None when there is none."""
    error: str | None = None
    """Why there is none, without content."""
    usage: Usage = field(default_factory=Usage)
    """Tokens that it took; none where the same judgement was counted before."""
    reused: bool = False
    """Whether it was known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Asks one model for judgements, and keeps them in the journal as answers of the judge."""

    chat: Chat
    """Asks the model."""
    model: ModelId
    """Model or deployment that judges."""
    journal: Journal
    """Remembers the judgements."""
    identity: str
    """Provider and account."""
    options: ChatOptions
    """How the model is asked."""
    concurrency: int
    """How many judgements are asked for at once, at least 1."""
    marker: Callable[[], str] = field(default=random_marker)
    """Makes the marker of a prompt's fences."""
    counted: set[str] = field(default_factory=set[str])
    """Judgements whose tokens were counted."""
    batches: Batches | None = None
    """How judgements are asked for as batches; None asks call by call."""

    def chunks(self, wanted: Sequence[Q], *, size: int) -> Iterator[Sequence[Q]]:
        """Cut what is wanted into what is asked at a time: all of it where batches answer."""
        step = size if self.batches is None else max(1, len(wanted))
        for start in range(0, len(wanted), step):
            yield wanted[start : start + step]

    async def ask(self, requests: Sequence[Request[T]]) -> list[Said[T]]:
        """Give what comes of each request, in their order; equal ones are asked once.

        Raises:
            ProviderError: All further requests would fail alike; what was judged is kept.
            BudgetExceededError: The budget does not allow the next one; what was judged is kept.
        """
        wanted = {one.key: one for one in requests}
        known = await self.journal.get_answers(self.fingerprint, sorted(wanted))
        run = _Run(self, wanted, {key: _read(wanted[key], one) for key, one in known.items()})
        await run.finish()
        told: list[Said[T]] = []
        for one in requests:
            key = one.key
            said = run.found[key]
            if key in self.counted:
                said = replace(said, usage=Usage(), reused=True)
            self.counted.add(key)
            told.append(said)
        return told

    @property
    def fingerprint(self) -> str:
        """A hash of who judges, and how it is asked."""
        text = json.dumps([self.identity, self.model, self.options.model_dump_json()])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    async def ask_one(self, request: Request[T]) -> Said[T]:
        """Ask for one judgement; the errors are those of `ask`."""
        try:
            reply = await self.chat.complete(
                request.messages(self.marker()),
                model=self.model,
                output=request.output,
                options=self.options,
            )
        except _HOPELESS:
            raise
        except ProviderError as exc:
            return Said(output=None, error=f"{type(exc).__name__} {exc.code or exc.status_code}")
        except AnswerError as exc:
            return Said(output=None, error=type(exc).__name__)
        usage = reply.usage or Usage()
        if not request.fits(reply.output):
            return Said(output=None, error="a level that the rubric does not have", usage=usage)
        return Said(output=reply.output, usage=usage)

    async def keep(self, judged: Mapping[str, Said[T]]) -> None:
        """Write judgements into the journal."""
        kept = {
            key: Answer(text=said.output.model_dump_json(), usage=said.usage, model=self.model)
            for key, said in judged.items()
            if said.output is not None
        }
        await self.journal.put_answers(self.fingerprint, kept)


@dataclass(slots=True)
class _Run(Generic[T]):
    """Some requests while they are asked."""

    desk: Desk
    wanted: Mapping[str, Request[T]]
    found: dict[str, Said[T]]
    unsaved: dict[str, Said[T]] = field(init=False, default_factory=dict[str, "Said[T]"])

    async def finish(self) -> None:
        """Ask for what is not known."""
        waiting = [key for key in self.wanted if key not in self.found]
        try:
            if self.desk.batches is None:
                await self._ask(waiting)
            else:
                await self._ask_together(waiting, self.desk.batches)
        except ExceptionGroup as exc:
            # A caller asked for one thing and gets one error.
            raise exc.exceptions[0] from exc.exceptions[0].__cause__
        finally:
            await self._flush()

    async def _ask(self, waiting: Sequence[str]) -> None:
        left = iter(waiting)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.desk.concurrency):
                group.create_task(self._work(left))

    async def _ask_together(self, waiting: Sequence[str], batches: Batches) -> None:
        collector = batches.collector()
        await collector.run([partial(self._ask_later, one, collector, batches) for one in waiting])

    async def _ask_later(self, key: str, collector: Collector, batches: Batches) -> None:
        desk = replace(
            self.desk,
            chat=collector.chat(key),
            marker=partial(batches.marker, self.desk.fingerprint, key),
        )
        self.found[key] = self.unsaved[key] = await desk.ask_one(self.wanted[key])

    async def _work(self, waiting: Iterator[str]) -> None:
        for key in waiting:
            self.found[key] = self.unsaved[key] = await self.desk.ask_one(self.wanted[key])
            if len(self.unsaved) >= _FLUSH:
                await self._flush()

    async def _flush(self) -> None:
        unsaved, self.unsaved = self.unsaved, {}
        await self.desk.keep(unsaved)


def _read(request: Request[T], answer: Answer) -> Said[T]:
    output = request.output.model_validate_json(answer.text)
    return Said(output=output, usage=answer.usage, reused=True)
