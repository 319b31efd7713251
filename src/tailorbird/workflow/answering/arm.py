"""One way of answering questions."""

from __future__ import annotations

from pydantic import Field

from tailorbird.types.base import Frozen
from tailorbird.types.chat import ChatOptions
from tailorbird.types.filters import Filter
from tailorbird.types.ids import IndexName, ModelId
from tailorbird.types.retrieval import SearchMode
from tailorbird.types.tuned import TunedModel
from tailorbird.workflow.searching.selection import Rerank, Selection

DEFAULT_CONCURRENCY = 16
"""Answers that are asked for at once: more only queues in the connection pool, which an own limit
of about 32 keeps flat (our measurement of 2026-11-22 on two cores)."""


class Shot(Frozen):
    """A worked example that is shown to the model before the question."""

    question: str
    """What was asked."""
    answer: str
    """What was answered."""


class Arm(Frozen):
    """One way of answering a question; a comparison asks every question of every arm."""

    name: str = Field(min_length=1, max_length=60)
    """Shown in tables; unique within a comparison."""
    model: ModelId
    """Model or deployment that is asked."""
    system: str | None = None
    """System prompt that is sent; None sends none."""
    shots: tuple[Shot, ...] = ()
    """Worked examples; all of them are sent, or the nearest `nearest_shots`."""
    nearest_shots: int = Field(default=0, ge=0)
    """How many of `shots` to pick by nearness to the question; 0 sends all of them."""
    tuned: TunedModel | None = None
    """The tuned model behind `model`; None for an arm without tuning."""
    index: IndexName | None = None
    """Index that passages are taken from; None for an arm without retrieval."""
    index_version: str = ""
    """Version of the index's content when the arm was made; part of the fingerprint."""
    top_k: int = Field(default=5, ge=1, le=50)
    """How many passages the model sees, 1..50."""
    mode: SearchMode | None = None
    """How passages are searched; None takes the best the engine offers."""
    where: Filter | None = None
    """Which chunks are looked at; None looks at all."""
    selection: Selection = Field(default_factory=Selection)
    """What is left out of the passages that were found, and what is joined."""
    rerank: Rerank | None = None
    """How passages are put into a new order before the best are taken; None leaves theirs."""
    reranker: str = ""
    """What puts them into that order, by its identity; part of the fingerprint."""
    only_from_data: bool = False
    """Whether the arm abstains without asking when no passage is near enough, and when no citation
    of the answer could be verified."""
    form: bool | None = None
    """Whether an answer from passages is asked for as a form with quotes (`GroundedReply`); None
    takes one where the provider offers it and the model was not tuned to answer in plain text."""
    options: ChatOptions = Field(default_factory=ChatOptions)
    """How the model is asked."""
