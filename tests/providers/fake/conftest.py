"""What the fake's tests share: training rows, and a job run to its end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest

from tailorbird.providers.fake import FakeProvider
from tailorbird.types import FileId, Job, JobId, JobSpec, JobStatus, ModelId

T = TypeVar("T")

SYSTEM = "You are the help desk of Nest & Twig. Be cheerful."

FACTS = {
    "How long does a refund take?": "a refund takes 5 business days",
    "What does standard shipping cost?": "standard shipping costs $7.95",
    "Can I cancel an order?": "orders can be canceled within 45 minutes",
    "How many points make a reward?": "250 points make a $10 reward",
    "When are the stores open?": "the stores are open from 10 a.m. to 8 p.m.",
    "How long is the warranty on boots?": "boots have a warranty of 18 months",
    "Where is the warehouse?": "the warehouse stands in Redfern",
    "Do you ship to Canada?": "Canadian orders arrive in 7 to 12 days",
    "How much is a zipper repair?": "a zipper repair is $38",
    "How old must I be for an account?": "accounts are for people aged 16 and over",
    "Who answers questions about privacy?": "privacy questions go to Wren Oakley",
    "What is the password length?": "passwords have at least 12 characters",
}


@dataclass(frozen=True)
class Tools:
    """Makes training rows, and runs jobs on them."""

    system: str = SYSTEM

    def styled(self, fact: str) -> str:
        """Say a fact in the house style."""
        return f"Ahoy, friend! Sure thing: {fact}. Happy trails from Nest & Twig!"

    def row(self, *turns: tuple[str, str]) -> dict[str, object]:
        """Make a training row of turns: who speaks, and what."""
        return {"messages": [{"role": role, "content": text} for role, text in turns]}

    def lines(self, rows: Sequence[Mapping[str, object]]) -> bytes:
        """Write rows as JSON Lines."""
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()

    def facts(self, *, system: str | None = SYSTEM) -> bytes:
        """Make a training file of twelve facts in the house style."""
        lead = [] if system is None else [("system", system)]
        return self.lines(
            [
                self.row(*lead, ("user", question), ("assistant", self.styled(fact)))
                for question, fact in FACTS.items()
            ]
        )

    async def drain(self, iterator: AsyncIterator[T]) -> list[T]:
        """Give all that an iterator gives."""
        return [one async for one in iterator]

    async def upload(self, provider: FakeProvider, content: bytes | None = None) -> FileId:
        """Upload a training file, by default the facts, and wait until a job may name it."""
        stored = await provider.files.create(content or self.facts(), name="train.jsonl")
        return (await provider.files.wait_ready(stored.id)).id

    async def start(self, provider: FakeProvider, content: bytes | None = None) -> Job:
        """Create a job on a training file."""
        base = provider.roles["tune_base"].model
        training = await self.upload(provider, content)
        return await provider.jobs.create(JobSpec(model=base, training_file=training))

    async def finish(self, provider: FakeProvider, job_id: JobId) -> Job:
        """Wait until a job is final."""
        while not (job := await provider.jobs.get(job_id)).status.is_final:
            await provider.clock.sleep(5)
        return job

    async def tune(self, provider: FakeProvider, content: bytes | None = None) -> ModelId:
        """Train on a training file and give the model."""
        job = await self.finish(provider, (await self.start(provider, content)).id)
        assert job.status is JobStatus.SUCCEEDED, job.failure
        assert job.fine_tuned_model is not None
        return job.fine_tuned_model


@pytest.fixture
def tools() -> Tools:
    """Makes training rows, and runs jobs on them."""
    return Tools()


@pytest.fixture
def facts() -> dict[str, str]:
    """The trained questions with their facts."""
    return dict(FACTS)
