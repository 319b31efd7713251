"""Measure how often searches find the documents that hold the answers.

A question counts when it names its sources. The hits of a search are taken by document (by page,
where a source names one), each once and best first. Of the first ten:

* recall@k: the share of questions with a right one among the first k;
* mrr@10: the mean of 1 / rank of the first right one, 0 where there is none;
* ndcg@10: the mean of the gain, discounted by log2(rank + 1), of all right ones over the gain of a
  perfect order (K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques",
  ACM Transactions on Information Systems 20, 2002, with gains of 0 and 1). Each source counts once.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import Field
from typing_extensions import override

from tailorbird.exceptions import InvalidInputError
from tailorbird.types.base import Frozen
from tailorbird.types.ids import IndexName
from tailorbird.types.retrieval import SearchMode, SearchQuery
from tailorbird.workflow.progress import OnProgress, Progress, silent
from tailorbird.workflow.searching.sources import (
    found_among,
    is_among,
    place_names,
    without_page,
)
from tailorbird.workflow.statistics import bootstrap_interval, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tailorbird.types.filters import Filter
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import Hit
    from tailorbird.workflow.searching.search import Searcher

RetrievalMetric = Literal["recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10"]
"""What is measured; the module says how."""

METRICS: tuple[RetrievalMetric, ...] = get_args(RetrievalMetric)
"""All metrics, in the order of the tables."""

MODES: tuple[SearchMode, ...] = get_args(SearchMode)
"""All ways of searching, in the order of the tables."""

_DEPTH = 10
_CUTS: Mapping[RetrievalMetric, int] = {"recall@1": 1, "recall@5": 5, "recall@10": 10}
_HITS = 50  # chunks that are looked at for the first ten documents: the most one search gives
_FOUND_SHOWN = 3
_AT_ONCE = 8  # searches that are under way at once: hosted engines answer in tenths of a second


class RetrievalFigure(Frozen):
    """One figure of a way of searching."""

    mode: SearchMode
    """The way of searching."""
    metric: RetrievalMetric
    """What is measured."""
    n: int = Field(ge=1)
    """How many questions it rests on."""
    value: float
    """Mean over these questions, 0..1."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""

    @override
    def __str__(self) -> str:
        """Write the value with its interval."""
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


class RetrievalMiss(Frozen):
    """A question for which no right document was among the first ten."""

    mode: SearchMode
    """The way of searching."""
    question: str
    """Id of the question."""
    text: str
    """What was asked."""
    sources: tuple[str, ...]
    """What should have been found."""
    found: tuple[str, ...]
    """The best three that were found, best first."""


class RetrievalQuality(Frozen):
    """How well an index is searched, by mode."""

    index: IndexName
    """The index."""
    version: str
    """Version of the index's content."""
    engine: str
    """The engine that keeps it."""
    questions: int = Field(ge=1)
    """How many questions were asked."""
    left_out: int = Field(default=0, ge=0)
    """How many questions name no source, and were not asked."""
    figures: tuple[RetrievalFigure, ...]
    """One for each mode and metric."""
    misses: tuple[RetrievalMiss, ...] = ()
    """What was not found, mode by mode, in the order of the questions."""
    absent_sources: tuple[str, ...] = ()
    """Sources that were never found and that no document of the index has as its id: a document is
    missing, or the name is wrong. They count as not found."""

    @property
    def modes(self) -> tuple[SearchMode, ...]:
        """The modes that were measured, in the order of the tables."""
        return tuple(dict.fromkeys(one.mode for one in self.figures))

    def figure(self, mode: SearchMode, metric: RetrievalMetric) -> RetrievalFigure:
        """Give one figure.

        Raises:
            InvalidInputError: The mode was not measured.
        """
        for one in self.figures:
            if (one.mode, one.metric) == (mode, metric):
                return one
        message = f"{metric!r} of {mode!r} was not measured; there are: {', '.join(self.modes)}"
        raise InvalidInputError(message)

    @override
    def __str__(self) -> str:
        """Write a table of the figures, and how many questions were missed."""
        rows = [("mode", *METRICS)]
        rows += [
            (mode, *(str(self.figure(mode, metric)) for metric in METRICS)) for mode in self.modes
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"index {self.index!r}, {self.questions} questions, 95 % intervals"]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        for mode in self.modes:
            missed = sum(one.mode == mode for one in self.misses)
            lines.append(f"{mode}: {missed} of {self.questions} not among the first {_DEPTH}")
        return "\n".join(lines)


async def measure_retrieval(
    searcher: Searcher,
    name: IndexName,
    questions: Sequence[Question],
    *,
    modes: Sequence[SearchMode] | None = None,
    where: Filter | None = None,
    on_progress: OnProgress = silent,
) -> RetrievalQuality:
    """Ask an index all questions that name their sources, in each mode; see the module.

    Args:
        searcher: Searches the index.
        name: The index.
        questions: What to ask.
        modes: How to search; None takes every mode that the engine offers.
        where: Which chunks to look at; None looks at all.
        on_progress: Called after each search.

    Raises:
        InvalidInputError: No question names a source, or the engine does not offer a mode.
        RetrievalError: The index cannot be searched.
        ProviderError: What the embedding model said.
    """
    asked = [one for one in questions if one.sources]
    if not asked:
        message = (
            "no question names a source, so nothing can be right or wrong: give the documents that"
            " hold the answer in a column 'source', or as Question(sources=…)"
        )
        raise InvalidInputError(message)
    wanted = _wanted(searcher, modes)
    if wanted != ("lexical",):
        await searcher.prepare(name, [one.text for one in asked])
    run = _Run(searcher=searcher, name=name, where=where, on_progress=on_progress)
    places = await run.finish([(mode, one) for mode in wanted for one in asked])
    by_mode = {mode: places[at * len(asked) :][: len(asked)] for at, mode in enumerate(wanted)}
    info = await searcher.retrieval.get(name)
    held = [one.id async for one in searcher.retrieval.contents(name)]
    return RetrievalQuality(
        index=name,
        version=info.version,
        engine=searcher.retrieval.traits.name,
        questions=len(asked),
        left_out=len(questions) - len(asked),
        figures=tuple(one for mode in wanted for one in _figures(mode, by_mode[mode])),
        misses=tuple(one for mode in wanted for one in _misses(mode, asked, by_mode[mode])),
        absent_sources=_absent(asked, held, places),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """The first ten places that one search found."""

    right: tuple[bool, ...]
    """Whether each of them is a source that none before it is."""
    matched: tuple[str, ...]
    """The sources that were found among them."""
    sources: int
    """How many sources there are to be found."""
    best: tuple[str, ...]
    """Names of the first three."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """One measurement while it is under way."""

    searcher: Searcher
    name: IndexName
    where: Filter | None
    on_progress: OnProgress
    places: dict[int, _Places] = field(default_factory=dict[int, _Places])
    total: int = 0

    async def finish(self, searches: Sequence[tuple[SearchMode, Question]]) -> list[_Places]:
        """Search them all, a few at a time; the order of the searches stays."""
        self.total = len(searches)
        waiting = iter(enumerate(searches))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(self._work(waiting))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return [self.places[number] for number in range(self.total)]

    async def _work(self, waiting: Iterator[tuple[int, tuple[SearchMode, Question]]]) -> None:
        for number, (mode, question) in waiting:
            query = SearchQuery(text=question.text, top_k=_HITS, mode=mode, filter=self.where)
            hits = await self.searcher.search(self.name, query)
            self.places[number] = _judged(question, hits)
            self.on_progress(
                Progress(step="searching", done=len(self.places), total=self.total, detail=mode)
            )


def _wanted(searcher: Searcher, modes: Sequence[SearchMode] | None) -> tuple[SearchMode, ...]:
    offered = searcher.retrieval.traits.modes
    wanted = offered if modes is None else tuple(modes)
    unknown = [mode for mode in wanted if mode not in offered]
    if unknown or not wanted:
        message = f"modes are {list(wanted)!r}; this engine offers: {', '.join(offered)}"
        raise InvalidInputError(message)
    return tuple(mode for mode in MODES if mode in wanted)


def _judged(question: Question, hits: Sequence[Hit]) -> _Places:
    paged = any("#" in source for source in question.sources)
    places: dict[tuple[str, int | None], Hit] = {}
    for hit in hits:
        places.setdefault((hit.chunk.document, hit.chunk.page if paged else None), hit)
    waiting = list(dict.fromkeys(question.sources))
    matched: list[str] = []
    right: list[bool] = []
    first = list(places.items())[:_DEPTH]
    for (document, _), hit in first:
        names = place_names(document, hit.chunk.source, page=hit.chunk.page)
        found = next((one for one in waiting if is_among([one], *names)), None)
        right.append(found is not None)
        if found is not None:
            waiting.remove(found)
            matched.append(found)
    return _Places(
        right=tuple(right),
        matched=tuple(matched),
        sources=len(matched) + len(waiting),
        best=tuple(
            document if page is None else f"{document}#page={page}"
            for (document, page), _ in first[:_FOUND_SHOWN]
        ),
    )


def _misses(
    mode: SearchMode, questions: Sequence[Question], places: Sequence[_Places]
) -> Iterator[RetrievalMiss]:
    for question, found in zip(questions, places, strict=True):
        if not any(found.right):
            yield RetrievalMiss(
                mode=mode,
                question=question.id,
                text=question.text,
                sources=question.sources,
                found=found.best,
            )


def _figures(mode: SearchMode, places: Sequence[_Places]) -> Iterator[RetrievalFigure]:
    n = len(places)
    for metric in METRICS:
        cut = _CUTS.get(metric)
        if cut is not None:
            values = [float(any(one.right[:cut])) for one in places]
            mean = math.fsum(values) / n
            low, high = wilson_interval(mean, n)
        else:
            of = _reciprocal_rank if metric == "mrr@10" else _ndcg
            values = [of(one) for one in places]
            mean = math.fsum(values) / n
            low, high = bootstrap_interval(values)
        yield RetrievalFigure(mode=mode, metric=metric, n=n, value=mean, low=low, high=high)


def _reciprocal_rank(places: _Places) -> float:
    return 1 / (places.right.index(True) + 1) if any(places.right) else 0.0


def _ndcg(places: _Places) -> float:
    found = math.fsum(
        1 / math.log2(rank + 1) for rank, right in enumerate(places.right, 1) if right
    )
    most = min(_DEPTH, places.sources)
    return min(1.0, found / math.fsum(1 / math.log2(rank + 1) for rank in range(1, most + 1)))


def _absent(
    questions: Sequence[Question], held: Sequence[str], places: Sequence[_Places]
) -> tuple[str, ...]:
    """Give the sources that were never found and that no document's id is, whatever the page."""
    found = {source for one in places for source in one.matched}
    wanted = dict.fromkeys(source for one in questions for source in one.sources)
    bare = {source: without_page(source) for source in wanted if source not in found}
    present = found_among(bare.values(), held)
    return tuple(source for source, name in bare.items() if name not in present)
