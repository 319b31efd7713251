"""Clauses `B…`: batches."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydantic import BaseModel

from tailorbird.exceptions import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnsupportedError,
)
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import (
    BatchId,
    BatchStatus,
    Capability,
    ChatRequest,
    EmbeddingRequest,
    Message,
    ModelId,
)

if TYPE_CHECKING:
    from tailorbird.protocols import Provider
    from tailorbird.types import Batch

QUESTIONS = tuple(
    ChatRequest(key=f"問{number}", messages=(Message.user(question),))
    for number, question in enumerate(data.FACTS)
)
TEXTS = tuple(
    EmbeddingRequest(key=f"文{number}", text=text) for number, text in enumerate(data.FACTS)
)
UNKNOWN = BatchId(data.UNKNOWN)
# Services compute in half precision here and there, so that two calls differ a little.
SAME = 0.999


class Trip(BaseModel):
    """What a structured answer is asked for."""

    days: int
    city: str


class BatchesConformance:
    """What every implementation of `Batches` promises; needs a fixture `provider`.

    Clauses with `answered` in their names wait until batches have ended.
    """

    options = SuiteOptions()

    @clause("B1")
    async def test_submit_gives_what_is_held(self, provider: Provider) -> None:
        """A new batch has an id, an aware time, and the status that its word means."""
        needs(provider, Capability.BATCHES)
        async with Trial(provider, self.options) as trial:
            batch = await trial.batch(QUESTIONS)
            assert batch.id
            assert batch.kind in {"chat", None}
            assert batch.raw_status
            assert batch.status is BatchStatus.parse(batch.raw_status)
            assert batch.created_at.utcoffset() == timedelta(0)

    @clause("B2")
    async def test_get_gives_the_batch(self, provider: Provider) -> None:
        """`get` gives the batch that was handed in."""
        needs(provider, Capability.BATCHES)
        async with Trial(provider, self.options) as trial:
            batch = await trial.batch(QUESTIONS)
            found = await provider.batches.get(batch.id)
            assert (found.id, found.created_at) == (batch.id, batch.created_at)

    @clause("B3")
    async def test_each_conversation_is_answered(self, provider: Provider) -> None:
        """Every conversation has its own outcome, found by its key, with an answer or a failure."""
        needs(provider, Capability.BATCHES)
        async with Trial(provider, self.options) as trial:
            batch = await self.finish(provider, await trial.batch(QUESTIONS))
            assert batch.status is BatchStatus.COMPLETED
            assert batch.counts.total == len(QUESTIONS)
            outcomes = [one async for one in provider.batches.chat_outcomes(batch.id)]
            assert sorted(one.key for one in outcomes) == sorted(one.key for one in QUESTIONS)
            for one in outcomes:
                assert (one.reply is None) != (one.failure is None)
                assert one.reply is not None, one.failure
                assert one.reply.text
                assert one.reply.model

    @clause("B4")
    async def test_each_text_is_answered_with_its_vector(self, provider: Provider) -> None:
        """Every text has the vector that `Embeddings.embed` gives, of length 1."""
        needs(provider, Capability.BATCHES, Capability.EMBEDDINGS)
        model = Trial(provider, self.options).model("embedding")
        batch = await provider.batches.submit_embeddings(TEXTS, model=model)
        await self.finish(provider, batch)
        outcomes = provider.batches.embedding_outcomes(batch.id)
        vectors = {one.key: one.vector async for one in outcomes}
        known = await provider.embeddings.embed([one.text for one in TEXTS], model=model)
        for request, expected in zip(TEXTS, known.vectors, strict=True):
            vector = vectors.pop(request.key)
            assert vector is not None
            assert vector.dtype == np.float32
            assert float(vector @ expected) > SAME
        assert not vectors

    @clause("B5")
    async def test_forms_are_answered(self, provider: Provider) -> None:
        """Structured answers come as values of the type, or as failures of their items."""
        needs(provider, Capability.BATCHES, Capability.CHAT_STRUCTURED)
        model = Trial(provider, self.options).model("chat")
        batch = await provider.batches.submit_chat(QUESTIONS[:2], model=model, output=Trip)
        await self.finish(provider, batch)
        outcomes = [one async for one in provider.batches.chat_outcomes(batch.id, output=Trip)]
        assert len(outcomes) == len(QUESTIONS[:2])
        for one in outcomes:
            assert one.failure is not None or isinstance(one.reply and one.reply.output, Trip)

    @clause("B6")
    async def test_list_is_newest_first(self, provider: Provider) -> None:
        """`list` gives all batches, newest first; two submissions make two."""
        needs(provider, Capability.BATCHES)
        async with Trial(provider, self.options) as trial:
            made: list[BatchId] = []
            for _ in range(3):
                made.append((await trial.batch(QUESTIONS)).id)
                await provider.clock.sleep(1.0)  # times at a provider have whole seconds
            found = [batch.id async for batch in provider.batches.list()]
            assert [one for one in found if one in made] == made[::-1]

    @clause("B7")
    async def test_list_by_metadata(self, provider: Provider) -> None:
        """A batch is found by what was attached to it; others are not."""
        needs(provider, Capability.BATCHES)
        async with Trial(provider, self.options) as trial:
            mark = {"run": f"conformance-{provider.clock.now().timestamp()}"}
            await trial.batch(QUESTIONS)
            batch = await trial.batch(QUESTIONS, metadata=mark)
            found = [one async for one in provider.batches.list(metadata=mark)]
            assert [one.id for one in found] == [batch.id]
            assert found[0].metadata == mark

    @clause("B8")
    async def test_unknown_batch_is_not_found(self, provider: Provider) -> None:
        """An id that nobody has raises `NotFoundError` from every method that takes one."""
        needs(provider, Capability.BATCHES)
        with pytest.raises(NotFoundError):
            await provider.batches.get(UNKNOWN)
        with pytest.raises(NotFoundError):
            await provider.batches.cancel(UNKNOWN)
        with pytest.raises(NotFoundError):
            await anext(provider.batches.chat_outcomes(UNKNOWN))
        with pytest.raises(NotFoundError):
            await anext(provider.batches.embedding_outcomes(UNKNOWN))

    @clause("B9")
    @pytest.mark.parametrize("bad", data.BAD_IDS, ids=repr)
    async def test_bad_id_is_not_sent(self, provider: Provider, bad: str) -> None:
        """An id that would change the address of a request raises `InvalidInputError`."""
        needs(provider, Capability.BATCHES)
        with pytest.raises(InvalidInputError):
            await provider.batches.get(BatchId(bad))
        with pytest.raises(InvalidInputError):
            await provider.batches.cancel(BatchId(bad))
        with pytest.raises(InvalidInputError):
            await anext(provider.batches.chat_outcomes(BatchId(bad)))

    @clause("B10")
    async def test_wrong_requests_are_not_sent(self, provider: Provider) -> None:
        """No request, a key that comes twice, and what cannot be sent raise `InvalidInputError`."""
        needs(provider, Capability.BATCHES)
        model = Trial(provider, self.options).model("chat")
        before = [batch.id async for batch in provider.batches.list()]
        broken = ChatRequest(key="broken", messages=(Message.user("\0"),))
        for requests in ([], [QUESTIONS[0], QUESTIONS[0]], [broken]):
            with pytest.raises(InvalidInputError):
                await provider.batches.submit_chat(requests, model=model)
            with pytest.raises(InvalidInputError):
                await provider.batches.cut_chat(requests, model=model)
        blank = EmbeddingRequest(key="blank", text="\u3000")
        with pytest.raises(InvalidInputError):
            await provider.batches.submit_embeddings([blank], model=model)
        assert [batch.id async for batch in provider.batches.list()] == before

    @clause("B11")
    async def test_too_many_are_cut(self, provider: Provider) -> None:
        """More than `most_requests` raise `InvalidInputError`; cutting gives parts that fit."""
        needs(provider, Capability.BATCHES, Capability.EMBEDDINGS)
        most = provider.batches.most_requests
        model = Trial(provider, self.options).model("embedding")
        texts = [EmbeddingRequest(key=str(number), text="本") for number in range(most + 1)]
        with pytest.raises(InvalidInputError):
            await provider.batches.submit_embeddings(texts, model=model)
        parts = await provider.batches.cut_embeddings(texts, model=model)
        assert sum(parts) == len(texts)
        assert max(parts) <= most
        assert await provider.batches.cut_embeddings(texts[:3], model=model) == (3,)

    @clause("B12")
    async def test_outcomes_come_at_the_end(self, provider: Provider) -> None:
        """Reading the outcomes of a batch that goes on raises `ConflictError`."""
        needs(provider, Capability.BATCHES)
        async with Trial(provider, self.options) as trial:
            batch = await trial.batch(QUESTIONS)
            with pytest.raises(ConflictError):
                await anext(provider.batches.chat_outcomes(batch.id))

    @clause("B13")
    async def test_other_outcomes_of_an_answered_batch(self, provider: Provider) -> None:
        """Reading vectors of a batch that is known to ask for chat raises `ConflictError`."""
        needs(provider, Capability.BATCHES)
        async with Trial(provider, self.options) as trial:
            batch = await self.finish(provider, await trial.batch(QUESTIONS))
            known = batch.kind is not None
            with pytest.raises(ConflictError) if known else nullcontext():
                await anext(provider.batches.embedding_outcomes(batch.id))

    @clause("B14")
    async def test_cancelled_is_answered_in_part(self, provider: Provider) -> None:
        """A cancelled batch ends; what was answered by then can be read, and it stays ended."""
        needs(provider, Capability.BATCHES)
        async with Trial(provider, self.options) as trial:
            batch = await trial.batch(QUESTIONS)
            assert (await provider.batches.cancel(batch.id)).id == batch.id
            ended = await self.finish(provider, batch)
            assert ended.status is BatchStatus.CANCELLED
            keys = {one.key async for one in provider.batches.chat_outcomes(batch.id)}
            assert keys <= {one.key for one in QUESTIONS}
            with pytest.raises(ConflictError):
                await provider.batches.cancel(batch.id)

    @clause("B15")
    async def test_missing_batches_are_unsupported(self, provider: Provider) -> None:
        """Where batches are not offered, handing one in raises `UnsupportedError`."""
        lacks(provider, Capability.BATCHES)
        with pytest.raises(UnsupportedError):
            await provider.batches.submit_chat(QUESTIONS, model=ModelId(data.UNKNOWN))

    async def finish(self, provider: Provider, batch: Batch) -> Batch:
        """Wait until a batch has ended."""
        clock = provider.clock
        end = clock.monotonic() + self.options.wait_s
        found = await provider.batches.get(batch.id)
        while not found.status.is_final:
            assert clock.monotonic() < end, f"batch {batch.id!r} did not end in time"
            await clock.sleep(self.options.poll_s)
            found = await provider.batches.get(batch.id)
        return found
