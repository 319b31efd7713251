"""Pick the worked examples that are shown before a question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.workflow.answering.results import Arm, Shot
    from tailorbird.workflow.searching.search import Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotPicker:
    """Finds the nearest worked examples of an arm; their vectors are made once."""

    embedder: Embedder | None
    """Makes the vectors; None when the profile has no embedding model."""
    _vectors: dict[tuple[Shot, ...], NDArray[np.float32]] = field(
        default_factory=dict["tuple[Shot, ...]", "NDArray[np.float32]"]
    )

    async def pick(self, arm: Arm, question: str) -> tuple[Shot, ...]:
        """Give the examples to send, the nearest one last, where models heed it most.

        An arm with `nearest_shots` 0, or without more examples than that, sends all of them in
        their own order.
        """
        if self.embedder is None or not 0 < arm.nearest_shots < len(arm.shots):
            return arm.shots
        vectors = self._vectors.get(arm.shots)
        if vectors is None:
            embedded = await self.embedder.embed([shot.question for shot in arm.shots])
            vectors = self._vectors[arm.shots] = embedded.vectors
        wanted = await self.embedder.embed([question])
        nearness = vectors @ wanted.vectors[0]
        best = sorted(range(len(arm.shots)), key=lambda one: (-nearness[one], one))
        return tuple(arm.shots[one] for one in reversed(best[: arm.nearest_shots]))
