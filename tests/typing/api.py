"""Every public call with the type that it gives: read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from typing_extensions import TypedDict

import tailorbird
from tailorbird import (
    ArmOptions,
    ChunkOptions,
    IndexOptions,
    TuneOptions,
    chunk_document,
    estimate_tokens,
)
from tailorbird.journal import Hold, Spending
from tailorbird.journal.bundles import Bundle
from tailorbird.protocols import (
    Batches,
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
from tailorbird.providers.fake import FakeProvider
from tailorbird.report import Comparison
from tailorbird.testing.conformance import Clause, Embedder, SuiteOptions, clauses_of
from tailorbird.types import (
    Batch,
    BatchId,
    Capabilities,
    Capability,
    ChatChunk,
    ChatOptions,
    ChatOutcome,
    ChatRequest,
    Checkpoint,
    Chunk,
    ChunkedDocument,
    Compare,
    Deployment,
    DeploymentName,
    DeploymentSpec,
    DocumentId,
    EmbeddingOutcome,
    EmbeddingRequest,
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
    ScoreKind,
    SearchQuery,
    StoredFile,
    Usage,
    holds,
)
from tailorbird.types.judgements import PreferenceReport
from tailorbird.workbench.diagnosis import Diagnosis, diagnose_profile
from tailorbird.workflow.bulk.asking import BulkOptions
from tailorbird.workflow.comparing.changes import Changes
from tailorbird.workflow.comparing.estimate import ComparisonEstimate
from tailorbird.workflow.judging.estimate import JudgeEstimate
from tailorbird.workflow.leaving.recording import Recording
from tailorbird.workflow.leaving.succession import Succession
from tailorbird.workflow.searching.retrieval_quality import (
    RetrievalFigure,
    RetrievalMiss,
    RetrievalQuality,
)
from tailorbird.workflow.searching.search import SearchResult

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


async def use_batches(batches: Batches) -> None:
    """Ask for much at once."""
    talks = [ChatRequest(key="a", messages=(Message.user("本"),))]
    texts = [EmbeddingRequest(key="a", text="本")]
    assert_type(batches.most_requests, int)
    assert_type(await batches.cut_chat(talks, model=MODEL, output=Form), tuple[int, ...])
    assert_type(await batches.cut_embeddings(texts, model=MODEL, dimensions=256), tuple[int, ...])
    assert_type(await batches.submit_chat(talks, model=MODEL, metadata={"run": "a"}), Batch)
    assert_type(await batches.submit_embeddings(texts, model=MODEL, dimensions=256), Batch)
    batch = await batches.get(BatchId("batch_1"))
    assert_type(await batches.cancel(batch.id), Batch)
    assert_type(batches.list(metadata={"run": "a"}), AsyncIterator[Batch])
    assert_type(batches.chat_outcomes(batch.id), AsyncIterator[ChatOutcome[None]])
    assert_type(batches.chat_outcomes(batch.id, output=Form), AsyncIterator[ChatOutcome[Form]])
    assert_type(batches.embedding_outcomes(batch.id), AsyncIterator[EmbeddingOutcome])


async def use_bulk(bench: tailorbird.Workbench) -> None:
    """Ask many things."""
    talks = [ChatRequest(key="a", messages=(Message.user("本"),))]
    texts = [EmbeddingRequest(key="a", text="本")]
    options = BulkOptions(role="chat", concurrency=4, again=True, timeout_s=60.0)
    assert_type(await bench.complete_many(talks), tuple[ChatOutcome[None], ...])
    found = await bench.complete_many(
        talks, output=Form, name="a", bulk=True, options=options, on_progress=show
    )
    assert_type(found, tuple[ChatOutcome[Form], ...])
    assert_type(await bench.embed_many(texts, dimensions=256), tuple[EmbeddingOutcome, ...])


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
    await retrieval.close()


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
    assert_type(provider.batches, Batches)
    assert_type(provider.retrieval, Retrieval)
    assert_type(provider.deployments, Deployments)
    assert_type(provider.models, Models)
    assert_type(provider.key_variables, tuple[str, ...])


async def use_workbench(bench: tailorbird.Workbench) -> None:
    """Tune, index, ask and compare."""
    faq = tailorbird.read_questions("faq.csv")
    train, held_out = faq.split(held_out=0.25, seed=7)
    assert_type(bench.provider, Provider)
    assert_type(bench.role("chat"), RoleModel)
    assert_type(await bench.models(), tuple[ModelCard, ...])
    assert_type(
        await bench.estimate(train, system="…", options=TuneOptions(), count=estimate_tokens),
        tailorbird.Estimate,
    )
    handle = await bench.start_fine_tune(train, name="faq", validation=held_out, again=True)
    assert_type(handle, tailorbird.JobHandle)
    assert_type(await bench.resume("faq"), tailorbird.JobHandle)
    tuned = await bench.fine_tune(train, name="faq", system="…", on_progress=show)
    assert_type(tuned, tailorbird.TunedModel)
    assert_type(await bench.finish("faq", timeout_s=60.0), tailorbird.TunedModel)
    assert_type(await bench.tuned("faq"), tailorbird.TunedModel)
    assert_type([run.name for run in await bench.jobs()], list[str])
    assert_type(await bench.undeploy("faq"), tailorbird.TunedModel)
    async with bench.deployed("faq", timeout_s=60.0) as deployed:
        assert_type(deployed, tailorbird.TunedModel)
    assert_type(await bench.spending(), tuple[Spending, ...])
    assert_type(await bench.diagnose(), Diagnosis)
    assert_type(await diagnose_profile("openai", config="t.toml"), Diagnosis)
    told = await bench.estimate_index("handbook/", name="handbook", bulk=True)
    assert_type(told.usd, Decimal | None)
    options = IndexOptions(removal="all", concurrency=8)
    await bench.build_index(iter(()), name="handbook", options=options)
    await bench.build_index("handbook/", name="handbook", bulk=BulkOptions(timeout_s=60))
    index = await bench.build_index("handbook/", name="handbook", chunking=ChunkOptions())
    assert_type(index, tailorbird.Index)
    assert_type(await bench.index("handbook"), tailorbird.Index)
    assert_type(await bench.indexes(), tuple[tailorbird.Index, ...])
    await bench.delete_index("handbook")
    assert_type(await bench.search("本", index=index, top_k=3, mode="lexical"), SearchResult)
    some = tailorbird.Selection(min_score={ScoreKind.FUSED: 0.2}, per_source=2, join=False)
    assert_type(await bench.search("本", index=index, selection=some), SearchResult)
    reranked = await bench.search("本", index=index, rerank=tailorbird.Rerank(window=10))
    assert_type(reranked.usage, Usage)
    assert_type(reranked[0], Hit)
    quality = await bench.evaluate_retrieval(index, train, modes=["hybrid"], on_progress=show)
    assert_type(quality, RetrievalQuality)
    assert_type(quality.figure("hybrid", "recall@5"), RetrievalFigure)
    assert_type(quality.misses, tuple[RetrievalMiss, ...])
    answer = await bench.ask("本?", tuned=tuned, index="handbook", options=ArmOptions())
    assert_type(answer, tailorbird.Answer)
    arms = bench.arms(tuned=tuned, index=index, system="…", examples=train)
    assert_type(arms, tuple[tailorbird.Arm, ...])
    assert_type(tailorbird.pick_arms(arms, ["base"]), tuple[tailorbird.Arm, ...])
    result = await bench.compare(
        arms, held_out, name="first", settings={"seed": 7}, concurrency=4, on_progress=show
    )
    assert_type(result, Comparison)
    assert_type(await bench.reserved(), tuple[Hold, ...])
    await bench.drop_reserved("a")


async def use_questions(bench: tailorbird.Workbench) -> None:
    """Make questions, judge pairs, keep comparisons, and look at checkpoints."""
    faq = tailorbird.read_questions("faq.csv")
    plan = tailorbird.QuestionPlan(paraphrase=3)
    made = await bench.make_questions(train=faq, documents="handbook/", index="handbook", plan=plan)
    assert_type(made + faq, tailorbird.QuestionSet)
    made.write_jsonl("made.jsonl")
    arms = await bench.checkpoint_arms("faq", index="handbook")
    assert_type(arms, tuple[tailorbird.Arm, ...])
    result = await bench.compare(
        arms, faq, judge=tailorbird.JudgeOptions(), bulk=True, stream=False
    )
    await bench.compare(arms, faq, stop_early=True)
    await bench.compare(arms, faq, stop_early=tailorbird.StopEarly(block=10, seed=1))
    assert_type(await bench.estimate_judging(arms, faq, bulk=True), JudgeEstimate)
    told = await bench.estimate_comparison(arms, faq, bulk=True, passage_tokens=300)
    assert_type(told, ComparisonEstimate)
    assert_type((told.worst_usd, told.arms[0].answers), tuple[Decimal | None, int])
    assert_type(await bench.judge_pairs(result, "tuned", "base", bulk=True), PreferenceReport)
    assert_type(tailorbird.read_labels("labels.csv"), tuple[tailorbird.HumanLabel, ...])
    assert_type(await bench.reports(), tuple[str, ...])
    assert_type(await bench.report("first"), Comparison)
    assert_type(await bench.diff("first", result), Changes)


async def use_leaving(bench: tailorbird.Workbench) -> None:
    """Take a model along, and prove its successor."""
    faq = tailorbird.read_questions("faq.csv")
    assert_type(await bench.export_tuned("faq", to="faq"), Bundle)
    assert_type(await bench.record("faq", faq, bundle="faq", index="handbook"), Recording)
    assert_type(await bench.retrain("faq", name="moved"), tailorbird.TunedModel)
    found = await bench.check_successor("faq", bench.arms(), margin=0.1)
    assert_type(found, Succession)
    assert_type(found.no_worse, tuple[str, ...])


async def use_opening() -> None:
    """Open a workbench, with and without async."""
    async with tailorbird.open("fake", config=Path("t.toml"), workspace=None) as bench:
        assert_type(bench, tailorbird.Workbench)
    async with tailorbird.Workbench(FakeProvider()) as bench:
        assert_type(bench, tailorbird.Workbench)
    with tailorbird.open_sync("fake", workspace=None, environ={}) as plain:
        assert_type(plain, tailorbird.SyncWorkbench)
        assert_type(plain.bench, tailorbird.Workbench)
        assert_type(plain.call(plain.bench.ask, "本?"), tailorbird.Answer)


def use_sync(bench: tailorbird.SyncWorkbench) -> None:
    """Do the same without async."""
    train = tailorbird.read_questions("faq.csv")
    assert_type(bench.role("chat"), RoleModel)
    assert_type(bench.models(), tuple[ModelCard, ...])
    assert_type(bench.estimate(train), tailorbird.Estimate)
    assert_type(bench.start_fine_tune(train, name="faq"), tailorbird.JobHandle)
    assert_type(bench.resume("faq"), tailorbird.JobHandle)
    tuned = bench.fine_tune(train, name="faq")
    assert_type(tuned, tailorbird.TunedModel)
    assert_type(bench.finish("faq"), tailorbird.TunedModel)
    assert_type(bench.tuned("faq"), tailorbird.TunedModel)
    assert_type([run.name for run in bench.jobs()], list[str])
    assert_type(bench.undeploy("faq"), tailorbird.TunedModel)
    with bench.deployed("faq") as deployed:
        assert_type(deployed, tailorbird.TunedModel)
    assert_type(bench.spending(), tuple[Spending, ...])
    assert_type(bench.diagnose().ok, bool)
    index = bench.build_index(Path("handbook"), name="handbook")
    assert_type(index, tailorbird.Index)
    assert_type(bench.index("handbook"), tailorbird.Index)
    assert_type(bench.indexes(), tuple[tailorbird.Index, ...])
    bench.delete_index("handbook")
    assert_type(bench.search("本", index=index, rerank=False), SearchResult)
    assert_type(bench.evaluate_retrieval("handbook", train), RetrievalQuality)
    assert_type(bench.ask("本?", tuned="faq"), tailorbird.Answer)
    arms = bench.arms(tuned=tuned)
    assert_type(arms, tuple[tailorbird.Arm, ...])
    assert_type(bench.compare(arms, train), Comparison)
    talks = [ChatRequest(key="a", messages=(Message.user("本"),))]
    assert_type(bench.complete_many(talks), tuple[ChatOutcome[None], ...])
    found = bench.complete_many(talks, output=Form, name="a", bulk=True)
    assert_type(found, tuple[ChatOutcome[Form], ...])
    texts = [EmbeddingRequest(key="a", text="本")]
    assert_type(bench.embed_many(texts), tuple[EmbeddingOutcome, ...])


def use_sync_comparisons(bench: tailorbird.SyncWorkbench) -> None:
    """Make questions, compare, and leave, without async."""
    faq = tailorbird.read_questions("faq.csv")
    assert_type(bench.make_questions(train=faq), tailorbird.QuestionSet)
    arms = bench.checkpoint_arms("faq")
    assert_type(arms, tuple[tailorbird.Arm, ...])
    result = bench.compare(arms, faq)
    assert_type(bench.estimate_judging(arms, faq), JudgeEstimate)
    assert_type(bench.estimate_comparison(arms, faq), ComparisonEstimate)
    assert_type(bench.judge_pairs(result, "tuned", "base", bulk=True), PreferenceReport)
    assert_type(bench.reports(), tuple[str, ...])
    assert_type(bench.report("first"), Comparison)
    assert_type(bench.diff("first", result), Changes)
    assert_type(bench.reserved(), tuple[Hold, ...])
    bench.drop_reserved("a")
    assert_type(bench.estimate_index("handbook/", name="handbook").usd, Decimal | None)
    assert_type(bench.export_tuned("faq", to="faq"), Bundle)
    assert_type(bench.record("faq", faq, bundle="faq"), Recording)
    assert_type(bench.retrain("faq"), tailorbird.TunedModel)
    assert_type(bench.check_successor("faq", arms), Succession)


async def use_handle(handle: tailorbird.JobHandle) -> None:
    """Follow a job from any process."""
    assert_type(handle.name, str)
    assert_type(handle.job_id, JobId)
    assert_type(await handle.status(), Job)
    assert_type(await handle.cancel(), Job)
    assert_type(await handle.pause(), Job)
    assert_type(await handle.resume(), Job)
    assert_type(await handle.wait(timeout_s=60.0, on_progress=show), Job)
    events = handle.events(since="start", timeout_s=60.0)
    assert_type([event async for event in events], list[JobEvent])


def use_comparison(result: Comparison) -> None:
    """Read a comparison and write it."""
    assert_type(result.arms, tuple[tailorbird.Arm, ...])
    assert_type(result.questions, tuple[tailorbird.Question, ...])
    assert_type([outcome.answer for outcome in result.outcomes][:0], list[tailorbird.Answer | None])
    assert_type(result.to_markdown(), str)
    assert_type(result.to_json(), str)
    assert_type(result.to_csv(), str)
    assert_type(result.to_html(), str)
    assert_type(Comparison.read("out.json"), Comparison)
    result.write_markdown("out.md")
    result.write_json("out.json")
    result.write_csv("out.csv")
    result.write_html(Path("out.html"))


def use_data(document: tailorbird.Document) -> None:
    """Read a user's files."""
    faq = tailorbird.read_questions(Path("faq.csv"), encoding="cp932", empty_answers="skip")
    assert_type(faq, tailorbird.QuestionSet)
    assert_type(faq[0], tailorbird.Question)
    assert_type([question.text for question in faq], list[str])
    assert_type(tailorbird.QuestionSet.from_rows([("問い", "答え")]), tailorbird.QuestionSet)
    assert_type(tailorbird.read_examples("train.jsonl"), tailorbird.ExampleSet)
    assert_type(tailorbird.read_documents("handbook/"), tailorbird.DocumentSet)
    assert_type(chunk_document(document, ChunkOptions(target_tokens=200)), tuple[Chunk, ...])
    assert_type(estimate_tokens("本"), int)
    assert_type(tailorbird.exact_counter()("本"), int)
    assert_type(tailorbird.validate_training_file("train.jsonl", rules="openai").ok, bool)
    tailorbird.convert_questions("faq.csv", "train.jsonl", system="…")
    tailorbird.write_training_file(faq, "train.jsonl")
    tailorbird.write_examples("train.jsonl", [])
    tailorbird.training_rules("azure")


def show(progress: tailorbird.Progress) -> None:
    """Take what a long call reports."""
    assert_type(progress.done, int)


async def use_suite(provider: Provider) -> None:
    """Describe a provider to the conformance suite."""
    options = SuiteOptions(
        roles={"chat": RoleModel(model=MODEL)}, wait_s=60.0, poll_s=1.0, secrets=("key",)
    )
    assert_type(options.roles, Mapping[str, RoleModel])
    assert_type(clauses_of(type(provider)), tuple[Clause, ...])
    embed = Embedder(embeddings=provider.embeddings, model=MODEL, clock=provider.clock)
    assert_type(await embed.vectors(["本"]), NDArray[np.float32])
