"""What a fake is told to do: faults, replies, statuses and delays, by operation and occurrence.

```python
script = (
    Script()
    .on("jobs.create", Fault.rate_limited(retry_after_s=2.0))  # first call: refused, nothing made
    .on("jobs.create", Fault.lost_answer(), occurrence=2)  # second: made, and the answer is lost
    .on("jobs.create", Statuses("queued", "running", "failed"), occurrence=2)
    .on("chat.complete", Says("42"))
)
provider = FakeProvider(script=script)
```

A step waits for its occurrence: the number of the call of that operation, counted from 1 for each
provider. Steps that nothing used are a `ScriptError` when the provider is closed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from tailorbird.exceptions import ScriptError
from tailorbird.problem import did_you_mean
from tailorbird.providers.fake.faults import Fault
from tailorbird.providers.fake.operations import OPERATIONS, Operation
from tailorbird.types.batches import ItemFailure
from tailorbird.types.chat import Message, Reply
from tailorbird.types.jobs import JobEvent, JobFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Spoken: TypeAlias = "str | Reply[None]"
"""An answer: its text, or all of it."""


@dataclass(frozen=True, slots=True)
class Says:
    """What a chat call answers, or each conversation of a batch."""

    reply: Spoken | Callable[[Sequence[Message]], Spoken]
    """The answer, or a function that makes it from the messages of the call.

    A whole `Reply` is given as it is (the model's name and missing tokens are filled in). An empty
    text is an answer without content: `EmptyAnswerError`.
    """


@dataclass(frozen=True, slots=True, init=False)
class Statuses:
    """The words by which a created file, job, batch or deployment reports its status."""

    words: tuple[str, ...]
    """One for each look-up by `get`; the last one stays. Words may be unknown ones."""
    failure: JobFailure
    """Why a job failed, when one of the words is `failed`."""

    def __init__(self, *words: str, failure: JobFailure | None = None) -> None:
        """Take the words in their order, at least one; `failure` None takes a made-up one."""
        if not words:
            message = "Statuses() needs at least one word, such as Statuses('queued', 'running')"
            raise ScriptError(message)
        told = failure or JobFailure(code="scripted", message="the script lets the job fail")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "failure", told)


@dataclass(frozen=True, slots=True, init=False)
class Events:
    """What a listing of a job's events gives instead of the job's own log."""

    events: tuple[JobEvent, ...]
    """In the order in which they are given; they may repeat, and be out of order."""

    def __init__(self, *events: JobEvent) -> None:
        """Take the events in the order in which they are to come."""
        object.__setattr__(self, "events", events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How long a created file, job or batch stays invisible."""

    lookups: int = 0
    """How many calls of `get` for it raise `NotFoundError` first."""
    listings: int = 0
    """How many listings leave it out first."""


@dataclass(frozen=True, slots=True)
class Delay:
    """How much longer the call takes."""

    seconds: float
    """Seconds by the provider's clock, on top of `FakeSettings.latency_s`."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A stream that breaks off: `StreamTruncatedError`."""

    after: int
    """How many pieces come first, at least 0."""


@dataclass(frozen=True, slots=True)
class Fails:
    """A request of a batch that gets no answer, whatever becomes of the others."""

    key: str
    """The request's key."""
    failure: ItemFailure
    """Why."""


Effect: TypeAlias = "Fault | Says | Statuses | Events | Lag | Delay | Cut | Fails"
"""What a step does."""

E = TypeVar("E", Fault, Says, Statuses, Events, Lag, Delay, Cut, Fails)

_CREATES: tuple[Operation, ...] = ("files.create", "jobs.create", "batches.submit")
_FITS: dict[type[Effect], tuple[Operation, ...]] = {
    Says: ("chat.complete", "chat.stream", "batches.submit"),
    Statuses: (*_CREATES, "deployments.create"),
    Events: ("jobs.events",),
    Lag: _CREATES,
    Cut: ("chat.stream",),
    Fails: ("batches.submit",),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a script."""

    operation: Operation
    """The call it waits for."""
    effect: Effect
    """What it does."""
    occurrence: int
    """The first call it applies to, counted from 1."""
    times: int | None
    """To how many calls in a row it applies; None applies it to all that follow."""

    def meets(self, occurrence: int) -> bool:
        """Say whether it applies to that call."""
        if occurrence < self.occurrence:
            return False
        return self.times is None or occurrence < self.occurrence + self.times


@dataclass(frozen=True, slots=True)
class Script:
    """A fake's instructions; `on` gives a longer script and leaves this one as it is."""

    steps: tuple[Step, ...] = ()
    """The steps, in the order in which they were added."""

    def on(
        self,
        operation: Operation,
        effect: Effect,
        *,
        occurrence: int = 1,
        times: int | None = 1,
    ) -> Script:
        """Add a step; steps of the same call all apply.

        Args:
            operation: The call it waits for, e.g. `jobs.create`.
            effect: What it does.
            occurrence: The first call of that operation it applies to, counted from 1.
            times: To how many calls in a row it applies, at least 1; None applies it to all that
                follow.

        Raises:
            ScriptError: There is no such operation, the effect does not fit it, or a number is
                below 1.
        """
        if operation not in OPERATIONS:
            known = f"there are: {', '.join(OPERATIONS)}"
            hint = did_you_mean(operation, OPERATIONS, otherwise=known)
            message = f"no operation is called {operation!r}; {hint}"
            raise ScriptError(message)
        fits = _FITS.get(type(effect), OPERATIONS)
        if operation not in fits:
            message = (
                f"{type(effect).__name__} has no meaning for {operation!r}; it fits"
                f" {', '.join(fits)}"
            )
            raise ScriptError(message)
        if occurrence < 1 or (times is not None and times < 1):
            message = (
                f"occurrence and times of a step on {operation!r} count from 1, got"
                f" {occurrence!r} and {times!r}"
            )
            raise ScriptError(message)
        return Script((*self.steps, Step(operation, effect, occurrence, times)))


@dataclass(frozen=True, slots=True)
class Turn:
    """The effects that apply to one call."""

    effects: tuple[Effect, ...]
    """In the order of the script."""

    def find(self, kind: type[E]) -> E | None:
        """Give the effect of that kind; the last one wins where there are several."""
        return next((one for one in reversed(self.effects) if isinstance(one, kind)), None)

    def item_failures(self) -> dict[str, ItemFailure]:
        """Give the failures of single requests, by their keys."""
        return {one.key: one.failure for one in self.effects if isinstance(one, Fails)}

    def fault(self, *, after_effect: bool) -> Fault | None:
        """Give the fault that strikes before, or after, the call took effect."""
        faults = (one for one in self.effects if isinstance(one, Fault))
        return next((one for one in faults if one.after_effect is after_effect), None)

    @property
    def delay_s(self) -> float:
        """Seconds that the call takes longer."""
        return sum(one.seconds for one in self.effects if isinstance(one, Delay))


class Player:
    """Plays a script for one provider: counts calls, and knows which steps were used."""

    def __init__(self, script: Script) -> None:
        """Begin before the first call."""
        self._steps = script.steps
        self._used: set[int] = set()
        self._counts: Counter[Operation] = Counter()

    def next_turn(self, operation: Operation) -> Turn:
        """Count a call and give what applies to it."""
        self._counts[operation] += 1
        occurrence = self._counts[operation]
        met = [
            number
            for number, step in enumerate(self._steps)
            if step.operation == operation and step.meets(occurrence)
        ]
        self._used.update(met)
        return Turn(tuple(self._steps[number].effect for number in met))

    def require_all_used(self) -> None:
        """Do nothing when every step was used.

        Raises:
            ScriptError: Some were not; the message lists them, and how often each was called.
        """
        unused = [step for number, step in enumerate(self._steps) if number not in self._used]
        if not unused:
            return
        lines = [
            f"  {step.operation} #{step.occurrence}: {type(step.effect).__name__}"
            f" (called {self._counts[step.operation]} times)"
            for step in unused
        ]
        message = "\n".join([f"{len(unused)} step(s) of the script were not used:", *lines])
        raise ScriptError(message)


def spoken(said: Says, messages: Sequence[Message]) -> Spoken:
    """Give the scripted answer for these messages.

    Raises:
        ScriptError: The script's function gave neither a text nor a `Reply`.
    """
    answer = said.reply(messages) if callable(said.reply) else said.reply
    # A function without types may give anything.
    if isinstance(cast("object", answer), (str, Reply)):
        return answer
    message = f"a scripted answer must be a text or a Reply, got {type(answer).__name__}"
    raise ScriptError(message)
