"""Ask one arm one question."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.exceptions import ConfigError, RefusedError
from tailorbird.retrieval.grounding import grounded_messages, read_grounded
from tailorbird.text import script_of
from tailorbird.types.answers import AbstainReason, Answer, GroundedReply
from tailorbird.types.chat import Message
from tailorbird.types.retrieval import SearchQuery
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tailorbird.protocols import Chat, Clock
    from tailorbird.types.answers import PassageQuote
    from tailorbird.types.retrieval import Hit
    from tailorbird.workflow.answering.results import Arm
    from tailorbird.workflow.answering.shots import ShotPicker
    from tailorbird.workflow.searching.search import Searcher


def arm_fingerprint(arm: Arm, *, identity: str) -> str:
    """Give a hash of everything that decides an arm's answers; its name does not."""
    text = identity + arm.model_copy(update={"name": "-"}).model_dump_json()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def random_marker() -> str:
    """Give 16 hexadecimal digits that no document can foresee."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """Answers questions by any arm of one provider."""

    chat: Chat
    """Asks the model."""
    clock: Clock
    """Measures the time."""
    searcher: Searcher | None
    """Finds passages; None when no arm has an index."""
    shots: ShotPicker
    """Picks worked examples."""
    forms: bool = False
    """Whether the provider fills forms, so that answers from passages are asked for as one."""
    marker: Callable[[], str] = field(default=random_marker)
    """Makes the marker of a prompt's fence."""

    async def answer(self, arm: Arm, question: str) -> Answer:
        """Ask; measure the time; check the citations.

        Raises:
            ConfigError: The arm has an index and there is no engine to search it.
            RetrievalError: The arm's index cannot serve the question.
            ProviderError: What the provider said.
        """
        started = self.clock.monotonic()
        lead = await self._lead(arm, question)
        if arm.index is None:
            answer = await self._plain(arm, [*lead, Message.user(question)])
        else:
            answer = await self._grounded(arm, lead, question)
        elapsed = max(0.0, self.clock.monotonic() - started)
        return answer.model_copy(update={"latency_s": elapsed})

    async def _lead(self, arm: Arm, question: str) -> list[Message]:
        lead = [] if arm.system is None else [Message.system(arm.system)]
        for shot in await self.shots.pick(arm, question):
            lead += [Message.user(shot.question), Message.assistant(shot.answer)]
        return lead

    async def _plain(self, arm: Arm, messages: Sequence[Message]) -> Answer:
        reply = await self.chat.complete(messages, model=arm.model, options=arm.options)
        text = reply.text or reply.refusal or ""
        return Answer(
            text=text,
            abstained=reply.refusal is not None,
            reason=None if reply.refusal is None else AbstainReason.DECLINED,
            usage=reply.usage or Usage(),
            model=reply.model,
        )

    async def _grounded(self, arm: Arm, lead: Sequence[Message], question: str) -> Answer:
        hits = await self._passages(arm, question)
        if not hits and arm.only_from_data:
            return _abstained(question, AbstainReason.NOTHING_FOUND)
        form = arm.form
        if form is None:
            form = self.forms and arm.tuned is None
        messages = grounded_messages(question, hits, lead=lead, marker=self.marker(), form=form)
        said = await (self._filled(arm, messages) if form else self._said(arm, messages))
        grounded = read_grounded(said.text, hits, question=question, quotes=said.quotes)
        answer = Answer(
            text=grounded.text,
            citations=grounded.citations,
            retrieved=tuple(dict.fromkeys(hit.chunk.document for hit in hits)),
            dropped_citations=grounded.dropped,
            foreign_links=grounded.foreign_links,
            usage=said.usage,
            model=said.model,
        )
        if said.declined or grounded.declined:
            return _withheld(answer, question, AbstainReason.DECLINED)
        if arm.only_from_data and not answer.citations:
            return _withheld(answer, question, AbstainReason.UNSUPPORTED)
        return answer

    async def _said(self, arm: Arm, messages: Sequence[Message]) -> _Said:
        reply = await self.chat.complete(messages, model=arm.model, options=arm.options)
        return _Said(
            text=reply.text,
            declined=reply.refusal is not None,
            usage=reply.usage or Usage(),
            model=reply.model,
        )

    async def _filled(self, arm: Arm, messages: Sequence[Message]) -> _Said:
        try:
            reply = await self.chat.complete(
                messages, model=arm.model, output=GroundedReply, options=arm.options
            )
        except RefusedError:
            return _Said(text="", declined=True, model=arm.model)
        return _Said(
            text=reply.output.answer,
            quotes=reply.output.quotes,
            declined=not reply.output.answerable,
            usage=reply.usage or Usage(),
            model=reply.model,
        )

    async def _passages(self, arm: Arm, question: str) -> Sequence[Hit]:
        if self.searcher is None or arm.index is None:
            message = f"arm {arm.name!r} has the index {arm.index!r} and no engine to search it"
            raise ConfigError(message)
        query = SearchQuery(text=question, top_k=arm.top_k, mode=arm.mode, filter=arm.where)
        return await self.searcher.select(arm.index, query, arm.selection)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a model said to a question with passages, unchecked."""

    text: str
    quotes: Sequence[PassageQuote] | None = None
    declined: bool
    usage: Usage = field(default_factory=Usage)
    model: str


def _abstained(question: str, reason: AbstainReason) -> Answer:
    return Answer(text=declined_text(question), abstained=True, reason=reason)


def _withheld(answer: Answer, question: str, reason: AbstainReason) -> Answer:
    """Give an abstention that knows what it took; nothing of what the model wrote stays."""
    kept = ("retrieved", "dropped_citations", "usage", "model")
    known = {name: getattr(answer, name) for name in kept}
    return _abstained(question, reason).model_copy(update=known)


def declined_text(question: str) -> str:
    """Say in the question's language that the documents do not answer it."""
    if script_of(question) == "cjk":
        return "資料の中に、この質問の答えは見つかりませんでした。"
    return "The documents do not answer this question."
