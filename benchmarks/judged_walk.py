"""The walk of `judge_requests.py`: every kind of request that the backends send."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from random import Random
from typing import TYPE_CHECKING

import httpx2
from pydantic import BaseModel
from typing_extensions import override

from tailorbird import chunk_document
from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird._openai_sdk.files.files import FilesDialect, SdkFiles
from tailorbird._openai_sdk.settings import CallSettings
from tailorbird.exceptions import ConflictError, InvalidRequestError, UnsupportedError
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.testing.conformance import data
from tailorbird.types import (
    Among,
    Capability,
    ChatOptions,
    ChatRequest,
    ChunkedDocument,
    Compare,
    DirectPreference,
    Document,
    DocumentId,
    EmbeddingRequest,
    ImagePart,
    IndexName,
    IndexSpec,
    JobSpec,
    Junction,
    Message,
    ModelId,
    Negation,
    Reinforcement,
    SearchQuery,
    Supervised,
    TextPart,
    Tool,
    ToolCall,
    ToolName,
    WandbIntegration,
)
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tailorbird.protocols import Chat, Embeddings, Files, Provider, Retrieval
    from tailorbird.types import FileId, FilePurpose, Job, JobId, JobStatus, TuningKind

KEY = "test-key"
LOOKS = 200
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChw"
    "GA60e6kgAAAABJRU5ErkJggg=="
)
INDEX = IndexName("handbook")


class Form(BaseModel):
    """A structured answer."""

    place: str
    """A field."""
    days: int | None
    """A field."""


TOOLS = (
    Tool(name="now", description="What time it is."),
    Tool(name="bare"),
    Tool(
        name="weather",
        parameters={
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        strict=True,
    ),
)
CALL = ToolCall(id="call_1", name="now", arguments="{}")
TALK = (
    Message.system("短く答えてください。"),
    Message(role="developer", content="No jokes."),
    Message.user((TextPart(text="何が見えますか"), ImagePart(url=PIXEL, detail="low"))),
    Message(role="assistant", content=None, tool_calls=(CALL,)),
    Message.tool("12:00", tool_call_id="call_1"),
    Message.assistant("正午です。"),
    Message(role="assistant", content=None, refusal="それはできません。"),
    Message.user("ありがとう。では住所は？"),
)
SPOKEN = tuple(message for message in TALK if not isinstance(message.content, tuple))
ASK = (Message.user("交通費の精算の締め切りはいつですか。"),)
NAMED = (Message(role="user", content="Who am I?", name="Robin"),)
SAMPLED = ChatOptions(temperature=0.5, top_p=0.9, max_output_tokens=50, logprobs=2)
ENDED = ChatOptions(stop=("。", "!"), seed=7, max_output_tokens=5)
OPTIONS = (
    ChatOptions(max_output_tokens=100),
    ChatOptions(tools=TOOLS),
    ChatOptions(tools=TOOLS, tool_choice="required", parallel_tool_calls=False),
    ChatOptions(tools=TOOLS, tool_choice="none", parallel_tool_calls=True),
    ChatOptions(tools=TOOLS, tool_choice=ToolName(name="weather")),
)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


async def walk_openai(provider: Provider, transport: httpx2.AsyncBaseTransport) -> None:
    """Send everything that OpenAI may be asked."""
    base, embedding = ModelId("gpt-4.1-mini-2025-04-14"), ModelId("text-embedding-3-small")
    await walk_files(provider.files, ("fine-tune", "assistants", "batch", "user_data", "evals"))
    await walk_parts(provider, transport)
    await walk_jobs(provider, base)
    await walk_sampling(provider.chat, base)
    for model in (base, ModelId("gpt-6-luna")):
        await walk_chat(provider.chat, model)
    await walk_embeddings(provider.embeddings, embedding)
    await walk_index(provider.retrieval)
    await walk_batches(provider, base, embedding)
    await walk_batches(provider, ModelId("gpt-6-luna"), embedding)
    await walk_models(provider)


async def walk_azure(provider: Provider) -> None:
    """Send everything that Azure's v1 route may be asked."""
    base, deployed, embedding = (
        ModelId(name) for name in ("gpt-4.1-mini-2025-04-14", "chat", "embed")
    )
    await walk_files(provider.files, ("fine-tune", "assistants", "batch", "evals"))
    await walk_jobs(provider, base)
    await walk_sampling(provider.chat, deployed)
    await walk_chat(provider.chat, deployed)
    await walk_embeddings(provider.embeddings, embedding)
    await walk_batches(provider, deployed, embedding)
    await walk_models(provider)


async def walk_files(files: Files, purposes: Sequence[FilePurpose]) -> None:
    """Upload for every purpose, find, read and delete."""
    contents = {"batch": data.BATCH, "assistants": "本文".encode()}
    for purpose in purposes:
        content = contents.get(purpose, data.TRAINING)
        name = "説明 1.txt" if purpose == "assistants" else "rows.jsonl"
        kept = await files.create(content, name=name, purpose=purpose)
        gone = await files.create(content, name=name, purpose=purpose, expires_after_s=3_600)
        await files.get(kept.id)
        await files.wait_ready(kept.id)
        _ = [one async for one in files.list(purpose=purpose)]
        if purpose != "assistants":
            _ = [piece async for piece in files.content(kept.id)]
        await files.delete(gone.id)
    _ = [one async for one in files.list()]


class NoParts(httpx2.AsyncBaseTransport):
    """Refuses the parts of uploads, so that they are cancelled; sends on all the rest."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        """Stand before a transport."""
        self._inner = inner

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/parts"):
            return await self._inner.handle_async_request(request)
        await request.aread()
        return httpx2.Response(400, json={"error": {"message": "on purpose"}}, request=request)


@asynccontextmanager
async def connected(
    provider: Provider, transport: httpx2.AsyncBaseTransport
) -> AsyncIterator[SdkFiles]:
    """Give files that go in parts from 100 bytes on, for the length of an `async with` block."""
    connection = Connection(
        Endpoint(
            provider="openai",
            base_url="https://api.openai.com/v1",
            key=Secret(KEY, source="test"),
        ),
        retrier=Retrier(RetryPolicy(), provider.clock, Random(7), RetryBudget(10)),  # noqa: S311 - spreads waits
        http=HttpSettings(),
        transport=transport,
    )
    await connection.open()
    try:
        yield SdkFiles(
            connection,
            dialect=FilesDialect(single_bytes=100, part_bytes=1_000),
            capabilities=provider.capabilities,
            calls=CallSettings(),
        )
    finally:
        await connection.close()


async def walk_parts(provider: Provider, transport: httpx2.AsyncBaseTransport) -> None:
    """Upload in parts, to the end and in vain."""
    async with connected(provider, transport) as files:
        for expiry in (None, 3_600):
            await files.create(data.TRAINING, name="訓練.jsonl", expires_after_s=expiry)
    async with connected(provider, NoParts(transport)) as files:
        with suppress(InvalidRequestError):
            await files.create(data.TRAINING, name="rows.jsonl")


async def walk_jobs(provider: Provider, base: ModelId) -> None:
    """Train in every way with every parameter; look at a job, steer it, and read its results."""
    rows = await ready(provider, data.TRAINING)
    plain = await provider.jobs.create(JobSpec(model=base, training_file=rows))
    await until(provider, plain.id, lambda status: status.is_final)
    job = await provider.jobs.get(plain.id)
    _ = [one async for one in provider.jobs.events(job.id)]
    _ = [one async for one in provider.jobs.checkpoints(job.id)]
    for file in job.result_files:
        _ = [piece async for piece in provider.files.content(file)]
    await walk_methods(provider, base, rows)
    await walk_steering(provider, base, rows)
    _ = [one async for one in provider.jobs.list()]
    _ = [one async for one in provider.jobs.list(metadata={"team": "応援"})]
    if provider.capabilities.supports(Capability.MODELS_DELETE, on=provider.clock.today()):
        assert job.fine_tuned_model  # noqa: S101 - else nothing is judged
        await provider.models.delete(job.fine_tuned_model)


async def walk_methods(provider: Provider, base: ModelId, rows: FileId) -> None:
    """Create jobs by all methods, with all that can be said."""
    graded = {"grader": data.GRADER, "response_format": None}
    both = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 0.5}
    held_out = await ready(provider, data.VALIDATION)
    pairs = await ready(provider, data.PREFERENCES)
    prompts = await ready(provider, data.GRADED)
    checks = await ready(provider, data.GRADED_VALIDATION)
    wandb = WandbIntegration(project="p", name="n", entity="e", tags=("a", "b"))
    more = {"suffix": "faq-bot", "seed": 7, "metadata": {"team": "応援"}, "integrations": (wandb,)}
    full = Reinforcement.model_validate(
        {
            **graded,
            **both,
            "compute_multiplier": 1.5,
            "eval_interval": 2,
            "eval_samples": 3,
            "reasoning_effort": "low",
        }
    )
    await start(provider, base, rows, held_out, Supervised.model_validate(both), more)
    await start(provider, base, pairs, None, DirectPreference(), {})
    await start(provider, base, pairs, None, DirectPreference(beta=0.2, n_epochs=2), more)
    await start(provider, base, prompts, checks, Reinforcement.model_validate(graded), {})
    await start(provider, base, prompts, checks, full, more)


async def start(
    provider: Provider,
    base: ModelId,
    rows: FileId,
    held_out: FileId | None,
    method: Supervised | DirectPreference | Reinforcement,
    more: dict[str, object],
) -> None:
    """Create a job and cancel it; where nothing can be trained so, say it."""
    model = await base_for(provider, base, method.type)
    spec = JobSpec.model_validate(
        {
            "model": model,
            "training_file": rows,
            "validation_file": held_out,
            "method": method,
            **more,
        }
    )
    try:
        job = await provider.jobs.create(spec)
    except (UnsupportedError, InvalidRequestError) as exc:
        print(f"{provider.name}: {method.type} was not made: {exc}")
        return
    with suppress(ConflictError):
        await provider.jobs.cancel(job.id)


async def base_for(provider: Provider, base: ModelId, kind: TuningKind) -> ModelId:
    """Give the base, or the first model that can be tuned that way."""
    ways = {card.id: card.tunable or () async for card in provider.models.list()}
    if kind in ways.get(base, ()):
        return base
    return next((model for model, kinds in ways.items() if kind in kinds), base)


async def walk_steering(provider: Provider, base: ModelId, rows: FileId) -> None:
    """Pause, resume and cancel a job."""
    job = await provider.jobs.create(JobSpec(model=base, training_file=rows, seed=1))
    await until(provider, job.id, lambda status: status == "running")
    await provider.jobs.pause(job.id)
    await until(provider, job.id, lambda status: status.is_held)
    await provider.jobs.resume(job.id)
    await provider.jobs.cancel(job.id)


async def ready(provider: Provider, content: bytes) -> FileId:
    """Upload rows that a job may name."""
    stored = await provider.files.create(content, name="rows.jsonl")
    return (await provider.files.wait_ready(stored.id)).id


async def until(provider: Provider, job_id: JobId, wanted: Callable[[JobStatus], bool]) -> Job:
    """Look at a job until its status is the one that is wanted."""
    for _ in range(LOOKS):
        job = await provider.jobs.get(job_id)
        if wanted(job.status):
            return job
        await provider.clock.sleep(5.0)
    message = f"job {job_id} never came so far"
    raise TimeoutError(message)


async def walk_sampling(chat: Chat, model: ModelId) -> None:
    """Ask with what reasoning models refuse."""
    for options in (SAMPLED, ENDED):
        await chat.complete(ASK, model=model, options=options)
        async with chat.stream(ASK, model=model, options=options) as pieces:
            _ = [piece async for piece in pieces]
    await chat.complete(NAMED, model=model)


async def walk_chat(chat: Chat, model: ModelId) -> None:
    """Ask whole and in pieces, with tools, images and every effort, and for forms."""
    for options in OPTIONS:
        await chat.complete(ASK, model=model, options=options)
        async with chat.stream(ASK, model=model, options=options) as pieces:
            _ = [piece async for piece in pieces]
    await chat.complete(TALK, model=model)
    await chat.complete(SPOKEN, model=model, output=Form)
    await chat.complete(ASK, model=model, output=list[Form])
    for effort in EFFORTS:
        with suppress(UnsupportedError):  # by the model's own data, before anything is sent
            options = ChatOptions(reasoning_effort=effort)
            await chat.complete(ASK, model=model, options=options)


async def walk_embeddings(embeddings: Embeddings, model: ModelId) -> None:
    """Embed one text, several, and more than go into a request."""
    await embeddings.embed(["有給休暇"], model=model)
    await embeddings.embed(["leave", "休暇"], model=model, dimensions=256)
    await embeddings.embed([f"text {number}" for number in range(2_100)], model=model)


def made(name: str, text: str, **metadata: str | float | bool) -> ChunkedDocument:
    """Make a document that can be added."""
    document = Document(
        id=DocumentId(name), text=text, title="規則", source=name, metadata=metadata
    )
    chunks = chunk_document(document)
    return ChunkedDocument(document=document, chunks=chunks, content_hash=f"hash of {text}")


async def walk_index(engine: Retrieval) -> None:
    """Make an index, fill, search, change and delete it."""
    await engine.create(IndexSpec(name=INDEX, chunking="200/40"))
    documents = [
        made("a.md", "駐輪場は北側です。", lang="ja", year=2026, open=True, share=0.5),
        made("b.md", "Leave is asked for five days before.", lang="en", year=2025),
    ]
    await engine.upsert(INDEX, documents)
    await engine.upsert(INDEX, [made("a.md", "駐輪場は南側です。", lang="ja", year=2026)])
    year = Compare(type="gte", key="year", value=2025)
    words = Among(type="in", key="lang", values=("ja", "en"))
    others = Among(type="not_in", key="lang", values=("fr",))
    either = Junction(type="or", filters=(words, Negation(filter=others)))
    for condition in (None, year, words, others, Junction(type="and", filters=(year, either))):
        query = SearchQuery(text="駐輪場", top_k=3, filter=condition)
        await engine.search(INDEX, query)
    await engine.search(INDEX, SearchQuery(text="leave", top_k=50, min_score=0.1, mode="hybrid"))
    _ = [one async for one in engine.contents(INDEX)]
    _ = [one async for one in engine.list()]
    await engine.remove(INDEX, [DocumentId("b.md")])
    await engine.get(INDEX)
    await engine.delete(INDEX)


async def walk_batches(provider: Provider, model: ModelId, embedding: ModelId) -> None:
    """Hand batches in, look at them, read what came of them, and cancel one."""
    if not provider.capabilities.supports(Capability.BATCHES, on=provider.clock.today()):
        print(f"{provider.name}: batches are not offered")
        return
    batches = provider.batches
    requests = [
        ChatRequest(key=f"q{number}", messages=ASK, options=ChatOptions(max_output_tokens=90))
        for number in range(3)
    ]
    texts = [EmbeddingRequest(key="t", text="休暇")]
    batch = await batches.submit_chat(requests, model=model, metadata={"team": "応援"})
    for _ in range(LOOKS):
        batch = await batches.get(batch.id)
        if batch.status.is_final:
            break
    _ = [one async for one in batches.chat_outcomes(batch.id)]
    forms = await batches.submit_chat(requests, model=model, output=Form)
    await batches.submit_embeddings(texts, model=embedding, dimensions=64)
    _ = [one async for one in batches.list()]
    _ = [one async for one in batches.list(metadata={"team": "応援"})]
    with suppress(ConflictError):
        await batches.cancel(forms.id)


async def walk_models(provider: Provider) -> None:
    """Look at the models."""
    cards = [card async for card in provider.models.list()]
    await provider.models.get(cards[0].id)
