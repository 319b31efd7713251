"""What asking a comparison's questions would take and cost, before anything is asked."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import fmean
from typing import TYPE_CHECKING, Self

from pydantic import Field
from typing_extensions import override

from tailorbird.data import ChunkOptions, estimate_tokens
from tailorbird.retrieval.grounding import passage_title
from tailorbird.types.base import Frozen
from tailorbird.types.ids import IndexName, ModelId
from tailorbird.types.retrieval import SearchQuery
from tailorbird.types.usage import Price, Usage
from tailorbird.workflow.answering.answer import arm_fingerprint
from tailorbird.workflow.comparing.prospect import Prospect, Shown, Tally
from tailorbird.workflow.comparing.running import question_key
from tailorbird.workflow.money.pricing import batch_cost, call_cost, find_price, usage_cost
from tailorbird.workflow.money.worst import embedding_bound
from tailorbird.workflow.searching.reranking import ModelReranker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tailorbird.protocols import Retrieval
    from tailorbird.types.answers import Answer
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.comparing.compare import Comparer
    from tailorbird.workflow.searching.embedder import Embedder

_SAMPLED = 16  # questions that are searched for by their words, to see how long passages are
_TARGET = re.compile(r":(\d+)/")  # in the fingerprint of `ChunkOptions`


class ArmEstimate(Frozen):
    """An estimate of what one arm would take."""

    arm: str
    """Name of the arm."""
    model: ModelId
    """What would be asked."""
    answers: int = Field(ge=0)
    """Answers to ask for."""
    known: int = Field(ge=0)
    """Answers that the workspace has; they cost nothing."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens of chat models that are expected, reranking included."""
    embedding_tokens: int = Field(default=0, ge=0)
    """Tokens to embed: questions and worked examples whose vectors neither the workspace nor an
    arm before this one has."""
    usd: Decimal | None = None
    """US dollars that are expected; None when a price is not known."""
    worst_usd: Decimal | None = None
    """US dollars at most; None when a price is not known."""
    unpriced: tuple[ModelId, ...] = ()
    """Models whose price is not known."""
    measured: bool = True
    """Whether known answers, or an effort that the options name, say how many hidden tokens to
    expect; if not, none are expected, and a model that reasons unasked takes more."""


class ComparisonEstimate(Frozen):
    """An estimate of what asking a comparison's questions would take.

    What is expected rests on assumptions. Tokens are estimated by kinds of characters. Worked
    examples that are picked by nearness are of the usual length. A passage is as long as those that
    a search for the words of some of the questions finds; where the engine is a provider's own, as
    long as chunks can be. `top_k` passages are shown, as far as the index has so many, and none is
    left out or joined. An answer is as long as the arm's known answers are on average; where there
    are none, as the accepted one, with a quote of the same length where the answer is a form, and
    with `REASONING_TOKENS` more where the arm's options name an effort other than `none`. A model
    that reasons unasked takes more (`ArmEstimate.measured`): name an effort, or ask it a few
    questions first. Nothing comes from a provider's cache.

    At most counts the bytes of everything that is sent (a tokenizer makes no more tokens than
    that), passages of the largest size that chunks have, headings of 400 bytes, and the longest
    answer: that of the arm's options, else that of the budget, else 16,384 tokens, which only a
    budget sends along. Neither counts what is sent again after a failure, what reranks without
    being a model of the provider, hosted search, scorers or the judge.
    """

    arms: tuple[ArmEstimate, ...]
    """Arm by arm; what two of them need counts for the first one."""
    answers: int = Field(ge=0)
    """Answers to ask for."""
    known: int = Field(ge=0)
    """Answers that the workspace has; they cost nothing."""
    usage: Usage = Field(default_factory=Usage)
    """Tokens of chat models that are expected."""
    embedding_tokens: int = Field(default=0, ge=0)
    """Tokens to embed."""
    usd: Decimal | None = None
    """US dollars that are expected; None when a price is not known."""
    worst_usd: Decimal | None = None
    """US dollars at most; None when a price is not known."""
    unpriced: tuple[ModelId, ...] = ()
    """Models whose price is not known."""

    @classmethod
    def of(cls, arms: Sequence[ArmEstimate]) -> Self:
        """Sum up what arms take."""
        return cls(
            arms=tuple(arms),
            answers=sum(one.answers for one in arms),
            known=sum(one.known for one in arms),
            usage=Usage.total([one.usage for one in arms]),
            embedding_tokens=sum(one.embedding_tokens for one in arms),
            usd=_sum(one.usd for one in arms),
            worst_usd=_sum(one.worst_usd for one in arms),
            unpriced=tuple(dict.fromkeys(name for one in arms for name in one.unpriced)),
        )

    @override
    def __str__(self) -> str:
        """Say it in one line."""
        kept = f" ({self.known:,} more are known)" if self.known else ""
        text = (
            f"{self.answers:,} answers of {len(self.arms)} arms{kept}, about"
            f" {self.usage.input_tokens:,} tokens in and {self.usage.output_tokens:,} out"
        )
        if self.embedding_tokens:
            text += f", {self.embedding_tokens:,} to embed"
        if self.usd is None or self.worst_usd is None:
            return f"{text}; no price is known for {', '.join(self.unpriced)}"
        return f"{text}; about {self.usd:,.4f} USD, at most {self.worst_usd:,.4f} USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """Calls of one model."""

    model: ModelId
    price: Price | None
    tally: Tally
    bulk: bool = False

    def costs(self) -> tuple[Decimal | None, Decimal | None]:
        """Give US dollars that are expected, and at most; None where the price is not known."""
        price = self.price
        if price is None:
            return None, None
        usage, bounds = self.tally.usage, self.tally.bounds
        worst = _sum(_times(call_cost(bound, price), times) for bound, times in bounds.items())
        if not self.bulk:
            return usage_cost(usage, price), worst
        # As the meter has it: where nobody says that batches are cheaper, they are not.
        share = Decimal(1) if price.batch_share is None else price.batch_share
        return batch_cost(usage, price), None if worst is None else worst * share


@dataclass(slots=True, kw_only=True)
class Estimator:
    """Estimates what a comparer would ask."""

    comparer: Comparer
    """Would ask."""
    price_of: Callable[[str], Awaitable[Price | None]]
    """Gives the price of what is called by a name; None when it is not known."""
    max_output_tokens: int
    """The longest answer, where an arm's options name none."""
    bulk: bool
    """Whether batches would answer."""
    passage_tokens: int | None
    """Tokens of a passage; None looks at the index."""
    free_search: bool
    """Whether an index may be searched for it: a provider's own costs something."""
    _embedded: set[str] = field(init=False, default_factory=set[str])
    """Keys of the texts that an arm before has embedded."""

    async def estimate(
        self, arms: Sequence[Arm], questions: Sequence[Question]
    ) -> ComparisonEstimate:
        """Count what would be asked, and price it; nothing is asked.

        Raises:
            InvalidInputError: There is no arm or question, or a name or id stands twice.
            IndexMissingError: An arm's index is not there, and nobody said how long passages are.
        """
        self.comparer.check(arms, questions)
        return ComparisonEstimate.of([await self._arm(arm, questions) for arm in arms])

    async def _arm(self, arm: Arm, questions: Sequence[Question]) -> ArmEstimate:
        keys = {question.id: question_key(question) for question in questions}
        known = await self.comparer.journal.get_answers(
            arm_fingerprint(arm, identity=self.comparer.identity), sorted(set(keys.values()))
        )
        waiting = [question for question in questions if keys[question.id] not in known]
        chats: list[_Calls] = []
        vectors: list[_Calls] = []
        usual = _usual_output(known.values())
        if waiting:
            chats = await self._chats(arm, waiting, usual=usual)
            vectors = await self._vectors(arm, waiting)
        calls = [*chats, *vectors]
        costs = await asyncio.to_thread(lambda: [one.costs() for one in calls])
        priced = zip(calls, costs, strict=True)
        return ArmEstimate(
            arm=arm.name,
            model=arm.model,
            answers=len(waiting),
            known=len(questions) - len(waiting),
            usage=Usage.total([one.tally.usage for one in chats]),
            embedding_tokens=sum(one.tally.usage.input_tokens for one in vectors),
            usd=_sum(cost for cost, _ in costs),
            worst_usd=_sum(worst for _, worst in costs),
            unpriced=tuple(dict.fromkeys(one.model for one, both in priced if None in both)),
            measured=not waiting or usual is not None or arm.options.reasoning_effort is not None,
        )

    async def _chats(
        self, arm: Arm, waiting: Sequence[Question], *, usual: int | None
    ) -> list[_Calls]:
        answerer = self.comparer.answerer
        shown = await self._shown(arm, waiting)
        prospect = Prospect(
            # Without vectors there is no nearness: all examples are sent.
            arm=arm if self._picks(arm) else arm.model_copy(update={"nearest_shots": 0}),
            questions=waiting,
            shown=shown,
            form=answerer.asks_form(arm),
            output_tokens=usual,
            max_output_tokens=self.max_output_tokens,
        )
        tally = await asyncio.to_thread(prospect.answering)
        price = await self._price(arm)
        calls = [_Calls(model=arm.model, price=price, tally=tally, bulk=self.bulk)]
        reranker = None
        if arm.rerank is not None and answerer.searcher is not None and answerer.searcher.reranker:
            reranker = answerer.searcher.reranker(arm.rerank)
        if isinstance(reranker, ModelReranker) and shown is not None:
            tally = await asyncio.to_thread(prospect.reranking, reranker.settings, shown)
            price = await self.price_of(reranker.model)
            calls.append(_Calls(model=reranker.model, price=price, tally=tally))
        return calls

    async def _vectors(self, arm: Arm, waiting: Sequence[Question]) -> list[_Calls]:
        """Count the vectors that an arm needs: of its questions, and of its worked examples."""
        answerer = self.comparer.answerer
        texts: list[str] = []
        embedder: Embedder | None = None
        if arm.index is not None and arm.mode != "lexical" and answerer.searcher is not None:
            embedder = answerer.searcher.embedder
        if self._picks(arm):
            embedder = answerer.shots.embedder
            texts += [shot.question for shot in arm.shots]
        if embedder is None:
            return []
        texts += [question.text for question in waiting]
        missing = await embedder.missing(texts)
        fresh = [text for key, text in missing.items() if key not in self._embedded]
        self._embedded.update(missing)
        tally = Tally(
            usage=Usage(input_tokens=sum(map(estimate_tokens, fresh))),
            # Arms that run into each other may both embed a question.
            bounds=Counter([embedding_bound(missing.values())]),
        )
        price = await self.price_of(embedder.model)
        return [_Calls(model=embedder.model, price=price, tally=tally)]

    def _picks(self, arm: Arm) -> bool:
        """Say whether worked examples are picked by nearness, as `ShotPicker` does."""
        embedder = self.comparer.answerer.shots.embedder
        return embedder is not None and 0 < arm.nearest_shots < len(arm.shots)

    async def _price(self, arm: Arm) -> Price | None:
        if arm.tuned is None:
            return await self.price_of(arm.model)
        return find_price(arm.tuned.model, self.comparer.prices, base=arm.tuned.base)

    async def _shown(self, arm: Arm, waiting: Sequence[Question]) -> Shown | None:
        searcher = self.comparer.answerer.searcher
        if arm.index is None or searcher is None:
            return None
        most = ChunkOptions().target_tokens
        if self.passage_tokens is not None:
            return Shown(self.passage_tokens, max(self.passage_tokens, most), None)
        info = await searcher.retrieval.get(arm.index)
        if cut := _TARGET.search(info.spec.chunking):
            most = int(cut[1])
        found: list[int] = []
        if self.free_search and "lexical" in searcher.retrieval.traits.modes:
            found = await _passages(searcher.retrieval, arm, waiting)
        return Shown(round(fmean(found)) if found else most, most, info.chunks)


async def _passages(retrieval: Retrieval, arm: Arm, waiting: Sequence[Question]) -> list[int]:
    """Search for the words of some questions; give the tokens of each passage, with its heading."""
    found: list[int] = []
    for question in waiting[:: max(1, len(waiting) // _SAMPLED)]:
        query = SearchQuery(text=question.text, top_k=arm.top_k, mode="lexical", filter=arm.where)
        for hit in await retrieval.search(IndexName(arm.index or ""), query):
            title = estimate_tokens(passage_title(hit.chunk))
            found.append(title + estimate_tokens(hit.chunk.text))
    return found


def _usual_output(answers: Collection[Answer]) -> int | None:
    """Give the mean tokens of answers, hidden ones included; None where nobody said."""
    counts = [one.usage.output_tokens - one.rerank_usage.output_tokens for one in answers]
    said = [count for count in counts if count > 0]
    return round(fmean(said)) if said else None


def _times(cost: Decimal | None, times: int) -> Decimal | None:
    return None if cost is None else cost * times


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    """Add up; None when one is not known."""
    total = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total
