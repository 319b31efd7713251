"""Pick the worked examples that are shown before a question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.workflow.answering.arm import Arm, Shot
    from tailorbird.workflow.searching.embedder import Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotPicker:
    """Finds the nearest worked examples of an arm; their vectors are made once."""

    embedder: Embedder | None
    """Makes the vectors; None when the profile has no embedding model."""
    _vectors: dict[int, tuple[tuple[Shot, ...], NDArray[np.float32]]] = field(
        default_factory=dict[int, "tuple[tuple[Shot, ...], NDArray[np.float32]]"]
    )
    """By the identity of the examples, which are kept beside: a hash of thousands of them takes
    longer than the search."""

    async def pick(self, arm: Arm, question: str) -> tuple[Shot, ...]:
        """Give the examples to send, the nearest one last, where models heed it most.

        An arm with `nearest_shots` 0, or without more examples than that, sends all of them in
        their own order.
        """
        if self.embedder is None or not 0 < arm.nearest_shots < len(arm.shots):
            return arm.shots
        import numpy as np  # noqa: PLC0415 - keeps 160 ms out of `import tailorbird`

        known = self._vectors.get(id(arm.shots))
        if known is None:
            embedded = await self.embedder.embed([shot.question for shot in arm.shots])
            known = self._vectors[id(arm.shots)] = (arm.shots, embedded.vectors)
        wanted = await self.embedder.embed([question])
        # Row by row: BLAS would wake a second thread for a millisecond's work, and beside busy
        # neighbors wait for it ten times as long.
        order = (-np.vecdot(known[1], wanted.vectors[0])).argsort(kind="stable")
        return tuple(arm.shots[int(one)] for one in order[: arm.nearest_shots][::-1])
