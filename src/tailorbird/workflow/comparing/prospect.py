"""How many tokens the calls of an arm will take, before any of them is made.

What is the same for all questions (system prompt, worked examples, passages, what stands around
them) is counted once for each script; then each question adds its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from tailorbird.data import estimate_tokens, message_tokens
from tailorbird.retrieval.grounding import grounded_messages
from tailorbird.retrieval.reranking import groups, relevance_messages
from tailorbird.text import script_of
from tailorbird.types.answers import GroundedReply, PassageQuote
from tailorbird.types.chat import ChatOptions, Message
from tailorbird.types.ids import ChunkId, DocumentId
from tailorbird.types.retrieval import (
    Chunk,
    Hit,
    PassageGrade,
    RelevanceReply,
    ScoreKind,
    Span,
)
from tailorbird.types.usage import Usage
from tailorbird.workflow.answering.answer import declined_text
from tailorbird.workflow.money.worst import chat_bound, embedding_bound, hidden_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm, Shot
    from tailorbird.workflow.searching.selection import Rerank

# A lower-case letter weighs 0.08 in `estimate_tokens`; nothing but white space weighs less a byte.
_BYTES_PER_TOKEN = 12.5
_TITLE_BYTES = 400  # what stands above a passage at most: a choice, headings are shorter
_MARKER = "0" * 16  # as long as the random ones
_WORD = "word "  # one token by estimate


@dataclass(frozen=True, slots=True)
class Tally:
    """Tokens of some calls."""

    usage: Usage = field(default_factory=Usage)
    """What is expected of all of them."""
    bounds: Counter[Usage] = field(default_factory=Counter[Usage])
    """What each of them can use at most, and how often that comes."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The passages that an arm shows."""

    tokens: int
    """Tokens of one of them, heading included."""
    most: int
    """Tokens that none exceeds, heading not included."""
    chunks: int | None
    """How many there are; None when nobody says."""

    def hits(self, wanted: int, *, largest: bool = False) -> list[Hit]:
        """Make up so many passages of the expected size, as far as there are so many.

        With `largest` they are as large as can be, and as many as are wanted.
        """
        if largest:
            return [_hit("x" * int(self.most * _BYTES_PER_TOKEN), "x" * _TITLE_BYTES)] * wanted
        count = wanted if self.chunks is None else min(wanted, self.chunks)
        return [_hit(_WORD * max(1, self.tokens - 1), "")] * count


_Maker = Callable[[str], Sequence[Message]]


@dataclass(frozen=True)
class Prospect:
    """The calls that one arm has before it."""

    arm: Arm
    """Who is asked."""
    questions: Sequence[Question]
    """What is asked, at least one question."""
    shown: Shown | None
    """Its passages; None for an arm without an index."""
    form: bool
    """Whether answers from passages are asked for as a form."""
    output_tokens: int | None
    """Tokens of an answer, by answers that are known; None goes by the accepted ones."""
    max_output_tokens: int
    """The longest answer, where the arm's options name none."""

    def answering(self) -> Tally:
        """Count the calls that answer."""
        return Tally(
            usage=Usage(
                input_tokens=self._expected(partial(self._messages, largest=False)),
                output_tokens=sum(map(self._answer_tokens, self.questions)),
            ),
            bounds=self._bounds(
                partial(self._messages, largest=True),
                options=self.arm.options,
                output=GroundedReply if self.form else None,
            ),
        )

    def reranking(self, settings: Rerank, shown: Shown) -> Tally:
        """Count the calls in which a model puts passages into a better order."""
        window = max(settings.window, self.arm.top_k)
        usage = Usage()
        for hits in _groups(shown.hits(window), settings):
            usage += Usage(
                input_tokens=self._expected(partial(_relevance, hits=hits, settings=settings)),
                output_tokens=len(self.questions) * _grade_tokens(len(hits)),
            )
        bounds: Counter[Usage] = Counter()
        for hits in _groups(shown.hits(window, largest=True), settings):
            messages = partial(_relevance, hits=hits, settings=settings)
            bounds += self._bounds(messages, options=ChatOptions(), output=RelevanceReply)
        return Tally(usage=usage, bounds=bounds)

    def _expected(self, messages: _Maker) -> int:
        """Count the tokens of one conversation for each question."""
        total = 0
        for questions in self._scripts:
            first = questions[0].text
            frame = message_tokens(messages(first)) - estimate_tokens(first)
            total += sum(frame + estimate_tokens(one.text) for one in questions)
        return total

    def _bounds(
        self, messages: _Maker, *, options: ChatOptions, output: type[object] | None
    ) -> Counter[Usage]:
        """Give the most that each of these conversations can use."""
        bounds: Counter[Usage] = Counter()
        for questions in self._scripts:
            first = questions[0].text
            most = chat_bound(
                messages(first),
                options=options,
                output=output,
                max_output_tokens=self.max_output_tokens,
            )
            frame = most.input_tokens - embedding_bound([first]).input_tokens
            for size, times in Counter(
                embedding_bound([one.text]).input_tokens for one in questions
            ).items():
                bounds[most.model_copy(update={"input_tokens": frame + size})] += times
        return bounds

    @cached_property
    def _scripts(self) -> Sequence[Sequence[Question]]:
        """The questions by their script, which decides about the language of instructions."""
        found: dict[str, list[Question]] = {}
        for question in self.questions:
            found.setdefault(script_of(question.text), []).append(question)
        return list(found.values())

    @cached_property
    def _shots(self) -> Sequence[Shot]:
        """The worked examples, the smallest first."""
        return sorted(self.arm.shots, key=lambda one: len(one.question) + len(one.answer))

    def _messages(self, question: str, *, largest: bool) -> Sequence[Message]:
        lead = [] if self.arm.system is None else [Message.system(self.arm.system)]
        for shot in self._picked(largest=largest):
            lead += [Message.user(shot.question), Message.assistant(shot.answer)]
        if self.shown is None:
            return [*lead, Message.user(question)]
        hits = self.shown.hits(self.arm.top_k, largest=largest)
        return grounded_messages(question, hits, lead=lead, marker=_MARKER, form=self.form)

    def _picked(self, *, largest: bool) -> Sequence[Shot]:
        """Give the examples of an expected size, those in the middle, or the largest ones."""
        count = self.arm.nearest_shots or len(self._shots)
        left_out = max(0, len(self._shots) - count)
        start = left_out if largest else left_out // 2
        return self._shots[start : start + count]

    def _answer_tokens(self, question: Question) -> int:
        if self.output_tokens is not None:
            return self.output_tokens
        text = question.reference or declined_text(question.text)
        if self.form:
            quotes = (PassageQuote(passage=1, quote=text),)
            reply = GroundedReply(quotes=quotes, answerable=True, answer=f"{text} [1]")
            text = reply.model_dump_json()
        return estimate_tokens(text) + hidden_tokens(self.arm.options)


def _relevance(query: str, *, hits: Sequence[Hit], settings: Rerank) -> Sequence[Message]:
    return relevance_messages(query, hits, marker=_MARKER, most=settings.passage_tokens)


def _groups(hits: Sequence[Hit], settings: Rerank) -> Iterator[list[Hit]]:
    return groups(
        hits,
        passages=settings.group,
        tokens=settings.group_tokens,
        most=settings.passage_tokens,
    )


def _grade_tokens(count: int) -> int:
    grades = tuple(PassageGrade(passage=number, grade=2) for number in range(1, count + 1))
    return estimate_tokens(RelevanceReply(grades=grades).model_dump_json())


def _hit(text: str, title: str) -> Hit:
    """Make up a passage of some size."""
    chunk = Chunk(
        id=ChunkId("0"),
        document=DocumentId("0"),
        text=text,
        span=Span(start=0, end=len(text)),
        title=title,
    )
    return Hit(chunk=chunk, score=0.0, score_kind=ScoreKind.FUSED)
