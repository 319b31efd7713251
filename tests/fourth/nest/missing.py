"""What the nest does not offer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NoReturn

from tailorbird.exceptions import UnsupportedError
from tailorbird.types import Capability

ITERATED = {"checkpoints", "content", "events", "list"}


class Missing:
    """Stands where an interface would: every call of it is refused."""

    def __init__(self, capability: Capability) -> None:
        """Name what is missing."""
        self._capability = capability

    def __getattr__(self, name: str) -> Callable[..., object]:
        def refuse() -> NoReturn:
            raise UnsupportedError(
                provider="nest",
                capability=self._capability.value,
                reason="a nest has none",
                instead="another provider",
            )

        async def call(*_: object, **__: object) -> None:
            refuse()

        async def iterate(*_: object, **__: object) -> AsyncIterator[object]:
            refuse()
            yield  # makes it a generator

        return iterate if name in ITERATED else call
