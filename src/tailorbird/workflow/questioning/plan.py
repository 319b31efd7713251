"""How many questions of which kind are wanted."""

from __future__ import annotations

from pydantic import Field

from tailorbird.types.base import Settings
from tailorbird.types.ids import ModelId

MOST = 10_000
"""Most questions of one kind that a plan may ask for: our own bound."""


class QuestionPlan(Settings):
    """How many questions of each kind to make, and how.

    Of a kind for which the material is missing (see `Workbench.make_questions`), none are made when
    its number was left alone; a number that was given is an error then.
    """

    paraphrase: int = Field(default=20, ge=0, le=MOST)
    """Training rows in other words, 0..10,000; at most as many as there are rows."""
    unseen: int = Field(default=20, ge=0, le=MOST)
    """Facts of the documents that no training row asks for, 0..10,000."""
    unanswerable: int = Field(default=10, ge=0, le=MOST)
    """Questions near the documents' subjects that the documents do not answer, 0..10,000."""
    conflict: int = Field(default=10, ge=0, le=MOST)
    """Facts that are swapped in the passages an arm is shown, 0..10,000."""
    seed: int = 7
    """Picks the rows and chunks; the same seed, rows and documents give the same picks."""
    tries: int = Field(default=3, ge=1, le=20)
    """How many rows or chunks to try for each question that is wanted, 1..20: what a model writes
    is checked, and not all of it can be taken."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """How many to write at a time, 1..256."""
    model: ModelId | None = None
    """Model or deployment that writes; None takes that of the role `chat`."""

    def wanted(self, kind: str, *, possible: bool, needs: str) -> int:
        """Give how many of a kind to make.

        Raises:
            ValueError: The plan names a number of a kind for which the material is missing.
        """
        number: int = getattr(self, kind)
        if possible or not number:
            return number
        if kind in self.model_fields_set:
            message = f"{number} questions of kind {kind!r} are wanted: give {needs}"
            raise ValueError(message)
        return 0
