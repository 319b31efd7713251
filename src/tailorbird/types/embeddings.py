"""Vectors for texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tailorbird.types.ids import ModelId
    from tailorbird.types.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingResult:
    """The vectors of one call, in the order of the texts.

    A plain dataclass: the array never passes through a validator, it is checked where it is read.
    """

    vectors: NDArray[np.float32]
    """n × d float32, finite, each row of unit length, row i belongs to text i."""
    model: ModelId
    """The model that made them, as the provider names it."""
    usage: Usage
    """Tokens that were embedded; zeros where the provider does not count."""
