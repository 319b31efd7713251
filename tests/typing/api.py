"""Every public call with the type that it gives: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from typing_extensions import TypedDict

from tailorbird.protocols import (
    Chat,
    ChatStream,
    Clock,
    Deployments,
    Embeddings,
    Files,
    FineTuningJobs,
    Models,
    Provider,
    ProviderContext,
    ProviderFactory,
    Retrieval,
    SystemClock,
)
from tailorbird.testing.conformance import Clause, Embedder, SuiteOptions, clauses_of
from tailorbird.types import (
    Capabilities,
    Capability,
    ChatChunk,
    ChatOptions,
    Checkpoint,
    ChunkedDocument,
    Compare,
    Deployment,
    DeploymentName,
    DeploymentSpec,
    DocumentId,
    EmbeddingResult,
    EngineTraits,
    FileId,
    Hit,
    HostingQuote,
    IndexedDocument,
    IndexInfo,
    IndexName,
    IndexSpec,
    Job,
    JobEvent,
    JobId,
    JobSpec,
    Message,
    ModelCard,
    ModelId,
    Price,
    Reply,
    RoleModel,
    SearchQuery,
    StoredFile,
    Usage,
    holds,
)

FILE = FileId("file-1")
JOB = JobId("ftjob-1")
MODEL = ModelId("model-1")
DEPLOYMENT = DeploymentName("deployment-1")
INDEX = IndexName("index-1")


class Form(BaseModel):
    """A structured output as a pydantic model."""

    city: str
    """A field."""


@dataclass
class Line:
    """A structured output as a dataclass."""

    yen: int
    """A field."""


class Row(TypedDict):
    """A structured output as a typed dictionary."""

    yen: int
    """A field."""


async def use_files(files: Files) -> None:
    """Upload, find, read and delete files."""
    assert_type(await files.create(Path("train.jsonl")), StoredFile)
    assert_type(
        await files.create(
            b"{}\n", name="a.jsonl", purpose="batch", expires_after_s=3600, timeout_s=60.0
        ),
        StoredFile,
    )
    assert_type(await files.get(FILE), StoredFile)
    assert_type(files.list(purpose="fine-tune"), AsyncIterator[StoredFile])
    assert_type(files.content(FILE), AsyncIterator[bytes])
    assert_type(await files.wait_ready(FILE, timeout_s=60.0), StoredFile)
    assert_type([stored.id async for stored in files.list()], list[FileId])
    await files.delete(FILE)


async def use_jobs(jobs: FineTuningJobs) -> None:
    """Make and follow fine-tuning jobs."""
    assert_type(await jobs.create(JobSpec(model=MODEL, training_file=FILE)), Job)
    assert_type(await jobs.get(JOB), Job)
    assert_type(jobs.list(metadata={"run": "1"}), AsyncIterator[Job])
    assert_type(await jobs.cancel(JOB), Job)
    assert_type(await jobs.pause(JOB), Job)
    assert_type(await jobs.resume(JOB), Job)
    assert_type(jobs.events(JOB), AsyncIterator[JobEvent])
    assert_type(jobs.checkpoints(JOB), AsyncIterator[Checkpoint])


async def use_chat(chat: Chat) -> None:
    """Ask a model, whole and as a stream."""
    messages = [Message.system("short"), Message.user("hello")]
    plain = await chat.complete(
        messages, model=MODEL, options=ChatOptions(max_output_tokens=10), timeout_s=30.0
    )
    assert_type(plain, Reply[None])
    assert_type(plain.output, None)
    assert_type(plain.usage, Usage | None)
    assert_type((await chat.complete(messages, model=MODEL, output=Form)).output, Form)
    assert_type((await chat.complete(messages, model=MODEL, output=Line)).output, Line)
    assert_type((await chat.complete(messages, model=MODEL, output=Row)).output, Row)
    assert_type((await chat.complete(messages, model=MODEL, output=list[Form])).output, list[Form])
    opened = chat.stream(messages, model=MODEL, options=ChatOptions(), timeout_s=30.0)
    assert_type(opened, AbstractAsyncContextManager[ChatStream])
    async with opened as stream:
        async for chunk in stream:
            assert_type(chunk, ChatChunk)
        assert_type(stream.reply(), Reply[None])


async def use_embeddings(embeddings: Embeddings) -> None:
    """Turn texts into vectors."""
    result = await embeddings.embed(["本"], model=MODEL, dimensions=256, timeout_s=30.0)
    assert_type(result, EmbeddingResult)
    assert_type(result.vectors, NDArray[np.float32])


async def use_retrieval(
    retrieval: Retrieval, cut: ChunkedDocument, vector: NDArray[np.float32]
) -> None:
    """Keep and search indexes."""
    query = SearchQuery(text="本", top_k=3, filter=Compare(type="eq", key="lang", value="ja"))
    assert_type(retrieval.traits, EngineTraits)
    assert_type(await retrieval.create(IndexSpec(name=INDEX)), IndexInfo)
    assert_type(await retrieval.get(INDEX), IndexInfo)
    assert_type(retrieval.list(), AsyncIterator[IndexInfo])
    assert_type(await retrieval.remove(INDEX, [DocumentId("a")]), int)
    assert_type(retrieval.contents(INDEX), AsyncIterator[IndexedDocument])
    assert_type(await retrieval.search(INDEX, query, vector=vector), tuple[Hit, ...])
    assert_type(holds(query.filter, {}) if query.filter else None, bool | None)
    await retrieval.upsert(INDEX, [cut])
    await retrieval.delete(INDEX)


async def use_deployments(deployments: Deployments) -> None:
    """Make models callable."""
    spec = DeploymentSpec(model=MODEL, name=DEPLOYMENT)
    assert_type(await deployments.quote(spec), HostingQuote)
    assert_type(await deployments.create(spec), Deployment)
    assert_type(await deployments.get(DEPLOYMENT), Deployment)
    assert_type(deployments.list(), AsyncIterator[Deployment])
    assert_type(await deployments.wait_ready(DEPLOYMENT, timeout_s=60.0), Deployment)
    await deployments.delete(DEPLOYMENT)


async def use_models(models: Models) -> None:
    """Look up models."""
    assert_type(models.list(), AsyncIterator[ModelCard])
    assert_type(await models.get(MODEL), ModelCard)
    await models.delete(MODEL)


async def use_clock(clock: Clock) -> None:
    """Tell the time and wait."""
    assert_type(clock.now(), datetime)
    assert_type(clock.today(), date)
    assert_type(clock.monotonic(), float)
    await clock.sleep(1.0)


async def use_provider(make: ProviderFactory) -> None:
    """Open a provider and reach its interfaces."""
    context = ProviderContext(roles={"chat": RoleModel(model=MODEL)}, clock=SystemClock())
    provider = make({"flavor": "plain"}, context=context)
    assert_type(provider, Provider)
    async with provider as opened:
        assert_type(opened, Provider)
    assert_type(provider.name, str)
    assert_type(provider.identity, str)
    assert_type(provider.capabilities, Capabilities)
    assert_type(provider.capabilities.supports(Capability.CHAT, on=provider.clock.today()), bool)
    assert_type(provider.clock, Clock)
    assert_type(provider.prices, Sequence[Price])
    assert_type(provider.roles, Mapping[str, RoleModel])
    assert_type(provider.files, Files)
    assert_type(provider.jobs, FineTuningJobs)
    assert_type(provider.chat, Chat)
    assert_type(provider.embeddings, Embeddings)
    assert_type(provider.retrieval, Retrieval)
    assert_type(provider.deployments, Deployments)
    assert_type(provider.models, Models)


async def use_suite(provider: Provider) -> None:
    """Describe a provider to the conformance suite."""
    options = SuiteOptions(
        roles={"chat": RoleModel(model=MODEL)}, wait_s=60.0, poll_s=1.0, secrets=("key",)
    )
    assert_type(options.roles, Mapping[str, RoleModel])
    assert_type(clauses_of(type(provider)), tuple[Clause, ...])
    embed = Embedder(embeddings=provider.embeddings, model=MODEL, clock=provider.clock)
    assert_type(await embed.vectors(["本"]), NDArray[np.float32])
