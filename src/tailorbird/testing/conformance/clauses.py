"""Numbered clauses: what ties a test of the suite to a sentence of the contract."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tailorbird.protocols import Provider
    from tailorbird.types import Capability

P = ParamSpec("P")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise of the contract, as it stands in `docs/contract/`."""

    number: str
    """Letter of the protocol and running number, such as `F3`; a number is never used again."""
    sentence: str
    """What every implementation promises, in one sentence."""


def clause(
    number: str,
) -> Callable[
    [Callable[Concatenate[S, P], Awaitable[None]]],
    Callable[Concatenate[S, P], Awaitable[None]],
]:
    """Make an asynchronous test method the check of a clause.

    The first paragraph of its docstring is the clause's sentence.

    A failure carries the clause as a note, so that a report names the promise that was broken.

    Args:
        number: The clause's number, such as `F3`.

    Raises:
        ValueError: The method has no docstring.
    """

    def attach(
        check: Callable[Concatenate[S, P], Awaitable[None]],
    ) -> Callable[Concatenate[S, P], Awaitable[None]]:
        sentence = " ".join((inspect.getdoc(check) or "").split("\n\n")[0].split())
        if not sentence:
            message = f"clause {number!r} has no sentence: write it as the method's docstring"
            raise ValueError(message)

        @wraps(check)
        async def checked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
            __tracebackhide__ = True
            try:
                await check(self, *args, **kwargs)
            # A border: whatever ends the check is passed on with the clause's name.
            except (Exception, pytest.fail.Exception) as error:
                error.add_note(f"clause {number}: {sentence}")
                raise

        vars(checked)["clause"] = Clause(number, sentence)
        return checked

    return attach


def clauses_of(suite: type) -> tuple[Clause, ...]:
    """Give the clauses that a suite class checks, in the order of its source."""
    found = (vars(member).get("clause") for member in vars(suite).values() if callable(member))
    return tuple(one for one in found if isinstance(one, Clause))


def needs(provider: Provider, *capabilities: Capability) -> None:
    """Skip the running test when the provider does not offer one of the capabilities today.

    Raises:
        pytest.skip.Exception: A capability is missing; the reason is the provider's own.
    """
    for capability in capabilities:
        entry = provider.capabilities.find(capability)
        if not entry.on(provider.clock.today()):
            pytest.skip(f"{provider.name} does not offer {capability.value!r}: {entry.reason}")


def lacks(provider: Provider, capability: Capability) -> None:
    """Skip the running test when the provider offers the capability today.

    Raises:
        pytest.skip.Exception: The capability is there, so that its refusal cannot be tested.
    """
    if provider.capabilities.supports(capability, on=provider.clock.today()):
        pytest.skip(f"{provider.name} offers {capability.value!r}")
