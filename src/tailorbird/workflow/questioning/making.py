"""Let a model write test questions from training rows and documents, and take what holds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter

from tailorbird.data.documents.chunks import chunk_document
from tailorbird.data.problems import Problems
from tailorbird.data.questions.question_set import QuestionSet
from tailorbird.exceptions import (
    ContentFilteredError,
    InvalidInputError,
    OutputInvalidError,
    RefusedError,
)
from tailorbird.text.passages import Passage
from tailorbird.types.answers import Answer
from tailorbird.types.retrieval import SearchQuery
from tailorbird.types.usage import Usage
from tailorbird.workflow.answering.answer import random_marker
from tailorbird.workflow.progress import OnProgress, Progress, silent
from tailorbird.workflow.questioning.acceptance import Acceptance, Unfit, UnfitError, is_near
from tailorbird.workflow.questioning.forms import (
    DRAW,
    MISS,
    REWORD,
    SWAP,
    Drawn,
    Missing,
    Order,
    Reworded,
    Swapped,
)

if TYPE_CHECKING:
    from tailorbird.journal import Journal
    from tailorbird.protocols import Chat
    from tailorbird.types.base import Frozen
    from tailorbird.types.ids import IndexName, ModelId
    from tailorbird.types.questions import Question, QuestionKind
    from tailorbird.types.retrieval import Chunk, Document
    from tailorbird.workflow.answering.answer import Answerer
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.questioning.plan import QuestionPlan
    from tailorbird.workflow.searching.search import Searcher

FormT = TypeVar("FormT", bound="Frozen")
MadeFrom = TypeVar("MadeFrom")

# What a model declines, or does not manage, of one question says nothing about the next one.
_PASSING = (ContentFilteredError, OutputInvalidError, RefusedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What looks into an index of the documents."""

    index: IndexName
    """The index."""
    searcher: Searcher
    """Finds the passages that conflicts are made from."""
    answerer: Answerer
    """Asks whether the documents answer a question after all."""
    arm: Arm
    """How that is asked: an arm of the index with `only_from_data`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What questions are made from."""

    train: Sequence[Question] = ()
    """Training rows; empty makes no paraphrases and no conflicts."""
    documents: Sequence[Document] = ()
    """Documents; empty makes nothing from documents."""
    probe: Probe | None = None
    """Looks into their index; None makes no conflicts and no unanswerable questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionMaker:
    """Writes questions with one model."""

    chat: Chat
    """Asks the model."""
    model: ModelId
    """The model that writes."""
    journal: Journal
    """Remembers what was written: nothing is asked twice."""
    identity: str
    """Provider and account."""
    plan: QuestionPlan
    """What to make."""
    on_progress: OnProgress = silent
    """Called after each question that was written."""
    marker: Callable[[], str] = field(default=random_marker)
    """Makes the marker of a prompt's fence."""

    async def make(self, material: Material) -> QuestionSet:
        """Write the plan's questions; what was refused is told in the set's `problems`.

        Raises:
            InvalidInputError: The plan wants questions for which the material is missing, or
                nothing can be made at all.
            IndexMissingError: There is no such index, or it is empty.
            ProviderError: What the provider said; what was written is not paid for again.
        """
        wanted = self._wanted(material)
        making = _Making(self, Acceptance(self.model, material.train))
        chunks = await asyncio.to_thread(self._picked, material.documents)
        rows = self._shuffled([one for one in material.train if one.answers])
        questions: list[Question] = []
        questions += await making.kind("paraphrase", wanted["paraphrase"], rows, making.reword)
        questions += await making.kind("unseen", wanted["unseen"], chunks, making.draw)
        if material.probe is not None:
            miss = partial(making.miss, material.probe)
            swap = partial(making.swap, material.probe)
            questions += await making.kind("unanswerable", wanted["unanswerable"], chunks, miss)
            questions += await making.kind("conflict", wanted["conflict"], rows, swap)
        making.tell()
        return QuestionSet(
            questions=tuple(questions),
            source=f"<made by {self.model}>",
            problems=making.problems.found,
            sha256=hashlib.sha256(
                "\n".join(one.model_dump_json() for one in questions).encode()
            ).hexdigest(),
        )

    def _wanted(self, material: Material) -> dict[QuestionKind, int]:
        train, documents = bool(material.train), bool(material.documents)
        index = material.probe is not None
        possible: dict[QuestionKind, tuple[bool, str]] = {
            "paraphrase": (train, "train=…"),
            "unseen": (documents, "documents=…"),
            "unanswerable": (documents and index, "documents=… and index=…"),
            "conflict": (train and index, "train=… and index=…"),
        }
        try:
            wanted: dict[QuestionKind, int] = {
                kind: self.plan.wanted(kind, possible=can, needs=needs)
                for kind, (can, needs) in possible.items()
            }
        except ValueError as exc:
            raise InvalidInputError(str(exc)) from exc
        if not any(wanted.values()):
            message = "no question can be made: give train=…, documents=…, or a plan that wants one"
            raise InvalidInputError(message)
        return wanted

    def _picked(self, documents: Sequence[Document]) -> Sequence[Chunk]:
        """Choose chunks evenly from all documents, in an order of chance; memory stays bounded."""
        most = self.plan.tries * max(self.plan.unseen, self.plan.unanswerable)
        # A reservoir: each chunk has the same chance, however many there are (Vitter 1985,
        # Random Sampling with a Reservoir, https://doi.org/10.1145/3147.3165, algorithm R).
        chance = random.Random(self.plan.seed)  # noqa: S311 - a choice that can be repeated
        picked: list[Chunk] = []
        for number, chunk in enumerate(_chunks(documents)):
            if number < most:
                picked.append(chunk)
            elif (place := chance.randrange(number + 1)) < most:
                picked[place] = chunk
        chance.shuffle(picked)
        return picked

    def _shuffled(self, rows: list[Question]) -> Sequence[Question]:
        chance = random.Random(self.plan.seed)  # noqa: S311 - as above
        return chance.sample(rows, len(rows))

    async def written(
        self, order: Order, form: type[FormT], *, subject: str, passage: Passage | None
    ) -> FormT:
        """Let the model write, or take what it wrote to the same order before."""
        schema = TypeAdapter(form).json_schema()
        arm = _hash("questions", self.identity, self.model, schema, order.english, order.japanese)
        key = _hash(subject, "" if passage is None else passage.text)
        known = (await self.journal.get_answers(arm, [key])).get(key)
        if known is not None:
            return form.model_validate_json(known.text)
        messages = order.messages(subject, passage=passage, marker=self.marker())
        reply = await self.chat.complete(messages, model=self.model, output=form)
        answer = Answer(
            text=reply.output.model_dump_json(), usage=reply.usage or Usage(), model=reply.model
        )
        await self.journal.put_answers(arm, {key: answer})
        return reply.output


@dataclass(slots=True)
class _Making:
    """The state of one making."""

    maker: QuestionMaker
    acceptance: Acceptance
    problems: Problems = field(default_factory=lambda: Problems("made questions"))
    refused: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    done: int = 0

    async def kind(
        self,
        kind: QuestionKind,
        wanted: int,
        candidates: Sequence[MadeFrom],
        make: Callable[[MadeFrom], Awaitable[Question]],
    ) -> list[Question]:
        """Go through the candidates until there are enough questions of a kind."""
        taken: list[Question] = []
        waiting = iter(candidates[: wanted * self.maker.plan.tries])
        while group := _next(waiting, wanted - len(taken)):
            for found in await self._all(kind, group, make):
                if found is not None and not any(is_near(found, one) for one in taken):
                    taken.append(found)
                elif found is not None:
                    self.refused[kind, Unfit.TWICE] += 1
        if len(taken) < wanted:
            reason = f"{len(taken)} of {wanted} questions of kind {kind!r} could be made"
            fix = "give more rows or documents, or raise `tries` of the plan"
            self.problems.add("warning", "made.too-few", reason, fix)
        return taken

    async def _all(
        self,
        kind: QuestionKind,
        group: Sequence[MadeFrom],
        make: Callable[[MadeFrom], Awaitable[Question]],
    ) -> list[Question | None]:
        room = asyncio.Semaphore(self.maker.plan.concurrency)

        async def one(candidate: MadeFrom) -> Question | None:
            async with room:
                found = await self._one(kind, candidate, make)
            self.done += 1
            self.maker.on_progress(Progress(step="making", done=self.done, detail=kind))
            return found

        try:
            async with asyncio.TaskGroup() as tasks:
                made = [tasks.create_task(one(candidate)) for candidate in group]
        except ExceptionGroup as exc:
            # A caller asked for one thing and gets one error.
            raise exc.exceptions[0] from exc.exceptions[0].__cause__
        return [task.result() for task in made]

    async def _one(
        self,
        kind: QuestionKind,
        candidate: MadeFrom,
        make: Callable[[MadeFrom], Awaitable[Question]],
    ) -> Question | None:
        try:
            return await make(candidate)
        except UnfitError as exc:
            self.refused[kind, str(exc)] += 1
        except _PASSING as exc:
            self.refused[kind, f"the model did not write it: {type(exc).__name__}"] += 1
        return None

    async def reword(self, row: Question) -> Question:
        """Ask for a row in other words."""
        written = await self.maker.written(REWORD, Reworded, subject=row.text, passage=None)
        return self.acceptance.reworded(row, written)

    async def draw(self, chunk: Chunk) -> Question:
        """Ask for a question that a chunk answers."""
        written = await self.maker.written(DRAW, Drawn, subject="", passage=_passage(chunk))
        return await asyncio.to_thread(self.acceptance.drawn, chunk, written)

    async def miss(self, probe: Probe, chunk: Chunk) -> Question:
        """Ask for a question that the documents do not answer, and look whether that is so."""
        written = await self.maker.written(MISS, Missing, subject="", passage=_passage(chunk))
        question = await asyncio.to_thread(self.acceptance.missing, chunk, written)
        answer = await probe.answerer.answer(probe.arm, question.text)
        if not answer.abstained:
            raise UnfitError(Unfit.ANSWERED)
        return question

    async def swap(self, probe: Probe, row: Question) -> Question:
        """Ask for another fact in the passage that answers a row."""
        hits = await probe.searcher.search(probe.index, SearchQuery(text=row.text, top_k=1))
        if not hits:
            raise UnfitError(Unfit.NOT_FOUND)
        chunk = hits[0].chunk
        written = await self.maker.written(SWAP, Swapped, subject=row.text, passage=_passage(chunk))
        return self.acceptance.swapped(row, chunk, written)

    def tell(self) -> None:
        """Report what was refused, and how often."""
        for (kind, reason), times in sorted(self.refused.items()):
            text = f"{times} that were to be of kind {kind!r} were left out: {reason}"
            self.problems.add("note", "made.left-out", text)


def _chunks(documents: Sequence[Document]) -> Iterator[Chunk]:
    for document in documents:
        yield from chunk_document(document)


def _passage(chunk: Chunk) -> Passage:
    heads = [chunk.title or chunk.source or chunk.document, chunk.section]
    return Passage(1, " › ".join(dict.fromkeys(head for head in heads if head)), chunk.text)


def _next(waiting: Iterator[MadeFrom], number: int) -> list[MadeFrom]:
    return [one for _, one in zip(range(number), waiting, strict=False)]


def _hash(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
