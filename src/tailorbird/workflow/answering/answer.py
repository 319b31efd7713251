"""Ask one arm one question."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.exceptions import ConfigError, RefusedError
from tailorbird.retrieval.grounding import grounded_messages, read_grounded
from tailorbird.retrieval.places import retrieved_passage
from tailorbird.text import script_of
from tailorbird.types.answers import AbstainReason, Answer, GroundedReply
from tailorbird.types.chat import Message
from tailorbird.types.retrieval import SearchQuery
from tailorbird.types.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tailorbird.protocols import Chat, Clock
    from tailorbird.types.answers import PassageQuote
    from tailorbird.types.chat import Reply
    from tailorbird.types.questions import Swap
    from tailorbird.types.retrieval import Hit
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.shots import ShotPicker
    from tailorbird.workflow.searching.search import Searcher, SearchResult


def arm_fingerprint(arm: Arm, *, identity: str) -> str:
    """Give a hash of everything that decides an arm's answers; its name does not."""
    # What an arm without it does not use is left out, so that its earlier answers are found.
    unused = {"rerank", "reranker"} if arm.rerank is None else None
    text = identity + arm.model_copy(update={"name": "-"}).model_dump_json(exclude=unused)
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
    streamed: bool = False
    """Whether plain answers are streamed, which measures the time to the first token."""
    marker: Callable[[], str] = field(default=random_marker)
    """Makes the marker of a prompt's fence."""

    async def answer(self, arm: Arm, question: str, *, swap: Swap | None = None) -> Answer:
        """Ask; measure the time; check the citations.

        `swap` changes a fact in the passages that the model is shown; None shows them as they are.

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
            answer = await self._grounded(arm, lead, question, swap)
        times = {"latency_s": max(0.0, self.clock.monotonic() - started)}
        if answer.first_token_s is not None:
            # So far it is a moment of the clock.
            times["first_token_s"] = max(0.0, answer.first_token_s - started)
        return answer.model_copy(update=times)

    def asks_form(self, arm: Arm) -> bool:
        """Say whether an arm's answers from passages are asked for as a form."""
        if arm.index is None or arm.form is not None:
            return bool(arm.form) and arm.index is not None
        return self.forms and arm.tuned is None

    async def _lead(self, arm: Arm, question: str) -> list[Message]:
        lead = [] if arm.system is None else [Message.system(arm.system)]
        for shot in await self.shots.pick(arm, question):
            lead += [Message.user(shot.question), Message.assistant(shot.answer)]
        return lead

    async def _plain(self, arm: Arm, messages: Sequence[Message]) -> Answer:
        reply, first = await self._reply(arm, messages)
        text = reply.text or reply.refusal or ""
        return Answer(
            text=text,
            abstained=reply.refusal is not None,
            reason=None if reply.refusal is None else AbstainReason.DECLINED,
            usage=reply.usage or Usage(),
            first_token_s=first,
            model=reply.model,
        )

    async def _reply(
        self, arm: Arm, messages: Sequence[Message]
    ) -> tuple[Reply[None], float | None]:
        """Ask for plain text; give the moment of its first token, where it is streamed."""
        if not self.streamed:
            asked = self.chat.complete(messages, model=arm.model, options=arm.options)
            return await asked, None
        first: float | None = None
        stream = self.chat.stream(messages, model=arm.model, options=arm.options)
        async with stream as pieces:
            async for piece in pieces:
                if first is None and piece.text:
                    first = self.clock.monotonic()
            return pieces.reply(), first

    async def _grounded(
        self, arm: Arm, lead: Sequence[Message], question: str, swap: Swap | None
    ) -> Answer:
        hits = await self._passages(arm, question)
        if not hits and arm.only_from_data:
            found = _abstained(question, AbstainReason.NOTHING_FOUND)
            took = {"rerank_usage": hits.usage, "rerank_model": hits.rerank_model}
            return found.model_copy(update={"usage": hits.usage, **took})
        form = self.asks_form(arm)
        shown = hits if swap is None else _swapped(hits, swap)
        messages = grounded_messages(question, shown, lead=lead, marker=self.marker(), form=form)
        said = await (self._filled(arm, messages) if form else self._said(arm, messages))
        grounded = read_grounded(said.text, shown, question=question, quotes=said.quotes)
        answer = Answer(
            text=grounded.text,
            citations=grounded.citations,
            retrieved=tuple(map(retrieved_passage, hits)),
            dropped_citations=grounded.dropped,
            foreign_links=grounded.foreign_links,
            usage=said.usage + hits.usage,
            rerank_usage=hits.usage,
            rerank_model=hits.rerank_model,
            first_token_s=said.first_token_s,
            model=said.model,
        )
        if said.declined or grounded.declined:
            return _withheld(answer, question, AbstainReason.DECLINED)
        if arm.only_from_data and not answer.citations:
            return _withheld(answer, question, AbstainReason.UNSUPPORTED)
        return answer

    async def _said(self, arm: Arm, messages: Sequence[Message]) -> _Said:
        reply, first = await self._reply(arm, messages)
        return _Said(
            text=reply.text,
            declined=reply.refusal is not None,
            usage=reply.usage or Usage(),
            model=reply.model,
            first_token_s=first,
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

    async def _passages(self, arm: Arm, question: str) -> SearchResult:
        if self.searcher is None or arm.index is None:
            message = f"arm {arm.name!r} has the index {arm.index!r} and no engine to search it"
            raise ConfigError(message)
        query = SearchQuery(text=question, top_k=arm.top_k, mode=arm.mode, filter=arm.where)
        return await self.searcher.select(arm.index, query, arm.selection, rerank=arm.rerank)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a model said to a question with passages, unchecked."""

    text: str
    quotes: Sequence[PassageQuote] | None = None
    declined: bool
    usage: Usage = field(default_factory=Usage)
    model: str
    first_token_s: float | None = None


def _swapped(hits: Sequence[Hit], swap: Swap) -> Sequence[Hit]:
    """Change a fact in every passage that holds it."""
    return [
        hit.model_copy(
            update={
                "chunk": hit.chunk.model_copy(
                    update={"text": hit.chunk.text.replace(swap.old, swap.new)}
                )
            }
        )
        for hit in hits
    ]


def _abstained(question: str, reason: AbstainReason) -> Answer:
    return Answer(text=declined_text(question), abstained=True, reason=reason)


def _withheld(answer: Answer, question: str, reason: AbstainReason) -> Answer:
    """Give an abstention that knows what it took; nothing of what the model wrote stays."""
    kept = ("retrieved", "dropped_citations", "first_token_s", "model")
    paid = ("usage", "rerank_usage", "rerank_model")
    known = {name: getattr(answer, name) for name in (*kept, *paid)}
    return _abstained(question, reason).model_copy(update=known)


def declined_text(question: str) -> str:
    """Say in the question's language that the documents do not answer it."""
    if script_of(question) == "cjk":
        return "資料の中に、この質問の答えは見つかりませんでした。"
    return "The documents do not answer this question."
