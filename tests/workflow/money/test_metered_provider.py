"""Every paid call of a provider passes the meter, whoever makes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, cast

import pytest
from pydantic import BaseModel

import tailorbird
from tailorbird import Budget, QuestionSet, Workbench
from tailorbird.config import OwnPrice, Profile
from tailorbird.exceptions import (
    BudgetExceededError,
    ConfigError,
    InvalidInputError,
    NotFoundError,
    ProviderError,
    RateLimitError,
    ServiceUnavailableError,
    StreamTruncatedError,
    UnsupportedError,
)
from tailorbird.journal import Hold, Workspace
from tailorbird.protocols import Deployments, FineTuningJobs
from tailorbird.providers.fake import (
    Cut,
    Fails,
    FakeProvider,
    FakeSettings,
    Fault,
    Says,
    Script,
    Statuses,
)
from tailorbird.types import (
    BatchStatus,
    ChatOptions,
    ChatRequest,
    DeploymentName,
    DeploymentSpec,
    Document,
    DocumentId,
    EmbeddingRequest,
    FileId,
    ImagePart,
    ItemFailure,
    JobId,
    JobSpec,
    JobStatus,
    Message,
    ModelId,
    Reinforcement,
    Reply,
    Supervised,
    TextPart,
    Tool,
    ToolCall,
)
from tailorbird.types.jobs import RUN_KEY
from tailorbird.workbench.spending import metered
from tailorbird.workflow.money.worst import chat_bound

CHAT = ModelId("fake-chat")
EMBED = ModelId("fake-embedding")
HELLO = [Message.user("How are you?")]
RICH = Budget(usd=Decimal(1_000))


class City(BaseModel):
    """A structured answer."""

    name: str


@asynccontextmanager
async def room(
    budget: Budget | None = RICH,
    *,
    script: Script | None = None,
    settings: FakeSettings | None = None,
    prices: dict[str, OwnPrice] | None = None,
) -> AsyncIterator[Workbench]:
    """Open a workbench on a fake, within a budget."""
    provider = FakeProvider(settings, script=script)
    profile = Profile(name="fake", provider="fake", budget=budget, prices=prices or {})
    async with Workbench(provider, profile=profile) as bench:
        yield bench


async def assumed(bench: Workbench) -> Decimal:
    """Give what was set at its worst."""
    return sum([one.assumed for one in await bench.spending()], Decimal(0))


async def spent(bench: Workbench) -> Decimal:
    """Give what was spent."""
    return sum([one.usd or Decimal(0) for one in await bench.spending()], Decimal(0))


async def held(bench: Workbench, *, what: str) -> list[Hold]:
    """Give what is held for one kind of thing."""
    return [one for one in await bench.reserved() if one.what == what]


async def test_chat_and_vectors_are_written_down() -> None:
    """A workbench without a budget writes down what it spends, by day, model and subject."""
    async with room(None) as bench:
        index = await bench.build_index(
            [
                Document(id=DocumentId("a"), text="The shop opens at nine."),
                Document(id=DocumentId("b"), text="Parking is free."),
            ],
            name="handbook",
        )
        await bench.ask("When does the shop open?", index=index)
        await bench.ask("Is parking free?")
        entries = {(one.what, one.subject): one for one in await bench.spending()}
        assert set(entries) == {("embeddings", "handbook"), ("embeddings", ""), ("chat", "")}
        assert entries["chat", ""].calls == 2
        assert entries["chat", ""].usd
        assert entries["embeddings", "handbook"].usage.input_tokens > 0
        assert await bench.reserved() == ()


async def test_an_answer_has_an_end_within_a_budget() -> None:
    """A call that names no longest answer is given the budget's, others keep theirs."""
    lengths: list[int | None] = []
    script = Script().on("chat.complete", Says("one two three four " * 40), times=None)
    async with room(Budget(usd=Decimal(1), max_output_tokens=16), script=script) as bench:
        for options in (None, ChatOptions(temperature=0), ChatOptions(max_output_tokens=30)):
            reply = await bench.provider.chat.complete(HELLO, model=CHAT, options=options)
            assert reply.usage is not None
            lengths.append(reply.usage.output_tokens)
    assert lengths == [16, 16, 30]


@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        (Fault.rate_limited(), False),
        (Fault.no_connection(), False),
        (Fault.unavailable(), True),
        (Fault.lost_answer(), True),
        (Fault.filtered(stage="prompt"), True),
    ],
)
async def test_only_what_was_surely_refused_is_given_back(fault: Fault, *, lost: bool) -> None:
    """What the provider may have taken counts at its worst, what it refused costs nothing."""
    script = Script().on("chat.complete", fault).on("embeddings.embed", fault)
    async with room(script=script) as bench:
        with pytest.raises(ProviderError) as failure:
            await bench.provider.chat.complete(HELLO, model=CHAT)
        assert (failure.value.accepted != "no") == lost
        chat = await assumed(bench)
        with pytest.raises(ProviderError):
            await bench.provider.embeddings.embed(["a"], model=EMBED)
        assert (chat > 0) == (await assumed(bench) > chat) == lost


async def test_many_texts_go_in_several_requests() -> None:
    """Of a refused call with many texts nobody knows which requests were paid for."""
    script = Script().on("embeddings.embed", Fault.rate_limited())
    async with room(script=script) as bench:
        with pytest.raises(RateLimitError):
            await bench.provider.embeddings.embed(["a", "b"], model=EMBED)
        assert await assumed(bench) > 0


async def test_what_is_wrong_costs_nothing() -> None:
    """Arguments that are refused before sending leave nothing behind."""
    async with room() as bench:
        with pytest.raises(InvalidInputError):
            await bench.provider.chat.complete([], model=CHAT)
        with pytest.raises(InvalidInputError):
            await bench.provider.embeddings.embed("a text", model=EMBED)
        with pytest.raises(InvalidInputError):
            await bench.provider.embeddings.embed(["a", " "], model=EMBED)
        with pytest.raises(NotFoundError):
            await bench.provider.chat.complete(
                HELLO, model=ModelId(f"ft:{bench.role('tune_base').model}:gone")
            )
        assert await spent(bench) == 0


async def test_a_cancelled_call_may_have_been_paid_for() -> None:
    """Nobody knows what became of a call that its caller gave up."""

    class Silent(FakeProvider):
        """A fake that does not answer."""

        @property
        def chat(self) -> Hanging:
            return Hanging()

    class Hanging:
        """A chat that says that it was asked, and no more."""

        async def complete(self, *_: object, **__: object) -> None:
            asked.set()
            await asyncio.Event().wait()

    asked = asyncio.Event()
    profile = Profile(name="mine", provider="fake", budget=RICH)
    async with Workbench(Silent(), profile=profile) as bench:
        task = asyncio.get_running_loop().create_task(
            bench.provider.chat.complete(HELLO, model=CHAT)
        )
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await assumed(bench) > 0


async def read(bench: Workbench, error: Exception | None = None) -> None:
    """Read a stream to its end, and raise an error of one's own there."""
    async with bench.provider.chat.stream(HELLO, model=CHAT) as stream:
        async for _ in stream:
            pass
        if error is not None:
            raise error


async def test_streams_are_settled_when_they_end() -> None:
    """A stream that ended is settled by what it used, one that was left early at its worst."""
    script = (
        Script()
        .on("chat.stream", Cut(after=2), occurrence=3)
        .on("chat.stream", Fault.rate_limited(), occurrence=4)
    )
    async with room(script=script) as bench:
        chat = bench.provider.chat
        async with chat.stream(HELLO, model=CHAT) as stream:
            text = "".join([piece.text async for piece in stream])
        assert text == stream.reply().text
        assert await assumed(bench) == 0 < await spent(bench)
        async with chat.stream(HELLO, model=CHAT) as stream:
            async for _ in stream:
                break
        left = await assumed(bench)
        with pytest.raises(StreamTruncatedError):
            await read(bench)
        assert await assumed(bench) == 2 * left > 0
        with pytest.raises(RateLimitError):
            await read(bench)
        assert await assumed(bench) == 2 * left


async def test_an_error_of_the_callers_own_ends_a_stream() -> None:
    """What the caller raises inside of the block says nothing about the call."""
    async with room() as bench:
        with pytest.raises(InvalidInputError, match="mine"):
            async with bench.provider.chat.stream(HELLO, model=CHAT):
                raise InvalidInputError("mine")
        left = await assumed(bench)
        assert left > 0
        with pytest.raises(InvalidInputError, match="mine"):
            await read(bench, InvalidInputError("mine"))
        assert await assumed(bench) == left < await spent(bench)


async def test_streams_without_a_budget_are_written_down() -> None:
    """Without a budget a stream that was left early is none of anybody's business."""
    async with Workspace(None) as workspace:
        fake = FakeProvider()
        async with metered(fake, workspace, Profile(name="fake", provider="fake")) as provider:
            async with provider.chat.stream(HELLO, model=CHAT) as stream:
                _ = [piece async for piece in stream]
            async with provider.chat.stream(HELLO, model=CHAT):
                pass
            await provider.flush()
            [entry] = await workspace.journal.ledger.list(identity=fake.identity)
        assert (entry.calls, entry.assumed) == (1, 0)


async def test_a_job_is_held_until_it_is_paid(rows: QuestionSet) -> None:
    """What training may cost is held, then what it has cost, and that is written down once."""
    async with room() as bench:
        handle = await bench.start_fine_tune(rows, name="shop")
        [hold] = await held(bench, what="training")
        estimate = await bench.estimate(rows)
        assert hold.reference == handle.job_id
        assert estimate.usd is not None
        assert estimate.usd < hold.usd < 4 * estimate.usd
        await handle.wait()
        [hold] = await held(bench, what="training")
        tuned = await bench.finish("shop")
        assert await held(bench, what="training") == []
        [entry] = [one for one in await bench.spending() if one.what == "training"]
        assert (entry.usd, entry.reference) == (hold.usd, tuned.job)
        await bench.ask("What does a tune-up cost?", tuned=tuned)


async def test_a_job_beyond_the_budget_is_not_made(rows: QuestionSet) -> None:
    """It is refused before it is created, its upload is taken away, and more money helps."""
    async with room(Budget(usd=Decimal("0.001"))) as bench:
        with pytest.raises(BudgetExceededError, match="training"):
            await bench.start_fine_tune(rows, name="shop")
        assert [job async for job in bench.provider.jobs.list()] == []
        assert [one async for one in bench.provider.files.list(purpose="fine-tune")] == []
        assert [run.state for run in await bench.jobs()] == ["new"]
        assert await bench.reserved() == ()


async def test_jobs_that_come_to_nothing_are_held_no_more(rows: QuestionSet) -> None:
    """A failed job costs nothing, a refused one neither; a cancelled one keeps what it may cost."""
    script = (
        Script()
        .on("jobs.create", Statuses("failed"))
        .on("jobs.create", Fault.rate_limited(), occurrence=2)
    )
    async with room(script=script) as bench:
        failed = await bench.start_fine_tune(rows, name="failed")
        with pytest.raises(Exception, match="failed"):
            await failed.wait()
        assert await bench.reserved() == ()
        with pytest.raises(RateLimitError):
            await bench.start_fine_tune(rows, name="refused")
        assert await bench.reserved() == ()
        cancelled = await bench.start_fine_tune(rows, name="cancelled")
        await bench.provider.jobs.cancel(cancelled.job_id)
        job = await bench.provider.jobs.get(cancelled.job_id)
        assert job.status is JobStatus.CANCELLED
        assert [one.reference for one in await bench.reserved()] == [job.id]


async def test_a_lost_creation_is_held_by_its_file(rows: QuestionSet) -> None:
    """A job that was made although nobody said so is held once, and settled when it is found."""
    script = Script().on("jobs.create", Fault.lost_answer())
    async with room(script=script) as bench:
        handle = await bench.start_fine_tune(rows, name="shop")
        [hold] = await held(bench, what="training")
        assert hold.reference != handle.job_id
        await handle.wait()
        [hold] = await held(bench, what="training")
        assert hold.reference == handle.job_id
        await bench.finish("shop")
        assert await held(bench, what="training") == []


async def test_training_without_a_price_is_refused() -> None:
    """Neither an unknown base nor hours of reinforcement can be kept within a budget."""
    async with room() as bench:
        with pytest.raises(ConfigError, match="training_per_mtok"):
            await bench.provider.jobs.create(
                JobSpec(model=ModelId("mystery"), training_file=FileId("file-1"))
            )
        grader = Reinforcement(grader={"type": "string_check"})
        with pytest.raises(UnsupportedError, match="billed by the hour"):
            await bench.provider.jobs.create(
                JobSpec(model=ModelId("fake-base"), training_file=FileId("file-1"), method=grader)
            )


async def test_epochs_that_were_asked_for_count() -> None:
    """Three passes over the data cost three times one of them."""
    content = b"\n".join(
        b'{"messages": [{"role": "user", "content": "Hi %d"},'
        b' {"role": "assistant", "content": "Hello."}]}' % number
        for number in range(12)
    )
    async with room() as bench:
        file = await bench.provider.files.create(content, name="a.jsonl")
        amounts = []
        for epochs in (1, 3):
            spec = JobSpec(
                model=bench.role("tune_base").model,
                training_file=file.id,
                method=Supervised(n_epochs=epochs),
            )
            job = await bench.provider.jobs.create(spec)
            [hold] = [one for one in await bench.reserved() if one.reference == job.id]
            amounts.append(hold.usd)
        assert amounts[1] == 3 * amounts[0]


async def test_a_deployment_is_held_for_its_first_hours(rows: QuestionSet) -> None:
    """Hosting counts for a day at least; where that is too much, nothing is deployed."""
    azure = FakeSettings(flavor="azure")
    async with room(settings=azure) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        assert tuned.deployment == "shop"
        assert await held(bench, what="hosting") == []  # what stands counts by itself
        name, spec = (
            DeploymentName("shop"),
            DeploymentSpec(model=tuned.model, name=tuned.deployment),
        )
        assert (await bench.provider.deployments.create(spec)).name == name
        await bench.provider.clock.sleep(7_200)
        await bench.provider.deployments.delete(name)
        [entry] = [one for one in await bench.spending() if one.what == "hosting"]
        assert entry.usd is not None
        assert entry.usd >= Decimal("3.40")
        with pytest.raises(NotFoundError):
            await bench.provider.deployments.delete(name)
    async with room(Budget(usd=Decimal(40)), settings=azure) as bench:
        with pytest.raises(BudgetExceededError, match=r"hosting 'shop', which may cost 40\.8 USD"):
            await bench.fine_tune(rows, name="shop")


async def test_deployments_that_fail_are_held_no_more(rows: QuestionSet) -> None:
    """A refusal leaves nothing held, a lost answer does."""
    script = (
        Script()
        .on("deployments.create", Fault.rate_limited())
        .on("deployments.create", Fault.unavailable(), occurrence=2)
    )
    async with room(settings=FakeSettings(flavor="azure"), script=script) as bench:
        with pytest.raises(RateLimitError):
            await bench.fine_tune(rows, name="shop")
        assert await held(bench, what="hosting") == []
        with pytest.raises(ServiceUnavailableError):
            await bench.finish("shop")
        assert [one.subject for one in await held(bench, what="hosting")] == ["shop"]
        await bench.finish("shop")
        assert await held(bench, what="hosting") == []


async def test_own_prices_of_hosting_go_first(rows: QuestionSet) -> None:
    """What the profile says about a base counts for what is tuned from it, not for free tiers."""
    prices = {
        "else": OwnPrice(hosting_per_hour=Decimal(9)),
        "ft:gpt-4.1-mini-2025-04-14": OwnPrice(hosting_per_hour=Decimal(2)),
    }
    async with room(settings=FakeSettings(flavor="azure"), prices=prices) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        deployments = bench.provider.deployments
        quote = await deployments.quote(
            DeploymentSpec(model=tuned.model, name=DeploymentName("more"))
        )
        assert (quote.hourly, quote.source) == (Decimal(2), "the prices of the profile")
        free = DeploymentSpec(model=tuned.model, name=DeploymentName("more"), sku="DeveloperTier")
        assert (await deployments.quote(free)).hourly == 0


async def test_hosting_at_an_unknown_price_is_refused(rows: QuestionSet) -> None:
    """Where nobody knows what hosting costs, the key to set is named."""

    class Silent(FakeProvider):
        """A fake that does not say what hosting costs."""

        @property
        def deployments(self) -> Quiet:
            return Quiet(super().deployments)

    class Quiet:
        """Deployments at an unknown price."""

        def __init__(self, inner: Deployments) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        async def quote(self, spec: DeploymentSpec) -> object:
            found = await self.inner.quote(spec)
            return found.model_copy(update={"hourly": None})

    profile = Profile(name="mine", provider="fake", budget=RICH)
    provider = Silent(FakeSettings(flavor="azure"))
    async with Workbench(provider, profile=profile) as bench:
        with pytest.raises(ConfigError, match="hosting_per_hour = …"):
            await bench.fine_tune(rows, name="shop")


TALKS = [ChatRequest(key=f"k{n}", messages=(Message.user(f"Hello {n}"),)) for n in range(3)]
TEXTS = [EmbeddingRequest(key=f"k{n}", text=f"text {n}") for n in range(3)]


async def test_batches_are_held_until_they_are_paid() -> None:
    """What a batch may cost is held, and what it has cost is written down once."""
    async with room() as bench:
        await bench.complete_many(TALKS, name="talks", bulk=True)
        await bench.complete_many(TALKS, name="cities", bulk=True, output=City)
        await bench.embed_many(TEXTS, name="texts", bulk=True)
        assert await held(bench, what="chat") == []
        assert await held(bench, what="embeddings") == []
        paid = {(one.what, one.subject) for one in await bench.spending()}
        assert paid == {("chat", "talks"), ("chat", "cities"), ("embeddings", "texts")}


async def test_batches_without_a_run_are_settled_by_their_results() -> None:
    """Whoever hands batches in by the provider holds what they have cost."""
    async with room() as bench:
        batches = bench.provider.batches
        made = await batches.submit_chat(TALKS, model=CHAT)
        [worst] = await held(bench, what="chat")
        assert worst.reference == made.id
        while not (await batches.get(made.id)).status.is_final:
            await bench.provider.clock.sleep(3_600)
        answers = [one async for one in batches.chat_outcomes(made.id)]
        assert all(one.reply for one in answers)
        [real] = await held(bench, what="chat")
        assert 0 < real.usd < worst.usd / 100
        texts = await batches.submit_embeddings(TEXTS, model=EMBED)
        while not (await batches.get(texts.id)).status.is_final:
            await bench.provider.clock.sleep(3_600)
        assert len([one async for one in batches.embedding_outcomes(texts.id)]) == 3
        assert [one.reference for one in await held(bench, what="embeddings")] == [texts.id]
        assert await batches.cut_chat(TALKS, model=CHAT) == (3,)
        assert await batches.cut_embeddings(TEXTS, model=EMBED) == (3,)
        assert len([one async for one in batches.list()]) == 2


async def test_batches_that_come_to_nothing_are_held_no_more() -> None:
    """Refused, failed and cancelled batches leave nothing held, one that was lost does."""
    script = (
        Script()
        .on("batches.submit", Fault.rate_limited())
        .on("batches.submit", Statuses("failed"), occurrence=2)
        .on("batches.submit", Fault.lost_answer(), occurrence=4)
    )
    async with room(script=script) as bench:
        batches = bench.provider.batches
        with pytest.raises(RateLimitError):
            await batches.submit_chat(TALKS, model=CHAT)
        failed = await batches.submit_chat(TALKS, model=CHAT)
        assert (await batches.get(failed.id)).status is BatchStatus.FAILED
        cancelled = await batches.submit_chat(TALKS, model=CHAT)
        await batches.cancel(cancelled.id)
        while not (await batches.get(cancelled.id)).status.is_final:
            await bench.provider.clock.sleep(3_600)
        _ = [one async for one in batches.chat_outcomes(cancelled.id)]
        assert await held(bench, what="chat") == []
        with pytest.raises(ProviderError):
            await batches.submit_chat(TALKS, model=CHAT, metadata={RUN_KEY: "run-1"})
        assert [one.reference for one in await held(bench, what="chat")] == ["run-1"]
        [found] = [one async for one in batches.list(metadata={RUN_KEY: "run-1"})]
        while not (await batches.get(found.id)).status.is_final:
            await bench.provider.clock.sleep(3_600)
        assert [one.reference for one in await held(bench, what="chat")] == [found.id]


async def test_a_batch_beyond_the_budget_is_not_made() -> None:
    """It is refused whole."""
    async with room(Budget(usd=Decimal("0.01"))) as bench:
        with pytest.raises(BudgetExceededError, match="a batch of chat 'talks'"):
            await bench.complete_many(TALKS, name="talks", bulk=True)
        assert [one async for one in bench.provider.batches.list()] == []


async def test_batches_without_a_budget_are_passed_on() -> None:
    """Nothing is held, and what was paid is written down as before."""
    script = Script().on("batches.submit", Fails("k1", ItemFailure(kind="refused", message="no")))
    async with room(None, script=script) as bench:
        outcomes = await bench.complete_many(TALKS, name="talks", bulk=True)
        assert [one.failure is None for one in outcomes] == [True, False, True]
        assert len(await bench.embed_many(TEXTS, name="texts", bulk=True)) == 3
        assert len(await bench.spending()) == 2


async def test_an_answer_without_figures_counts_at_its_worst() -> None:
    """Where a provider does not say what a call used, all that it could is spent."""

    class Mute(FakeProvider):
        """A fake that does not count."""

        @property
        def chat(self) -> Silent:
            return Silent()

    class Silent:
        """A chat whose answers carry no figures."""

        async def complete(self, *_: object, **__: object) -> Reply[None]:
            return Reply[None](text="Hi", output=None, model=CHAT)

    profile = Profile(name="mine", provider="fake", budget=RICH)
    async with Workbench(Mute(), profile=profile) as bench:
        await bench.provider.chat.complete(HELLO, model=CHAT)
        assert await assumed(bench) == await spent(bench) > 0


async def test_a_job_under_way_is_not_taken_for_an_older_one(rows: QuestionSet) -> None:
    """A look at an older job of the same file leaves what is held for a new one alone."""

    class Slow(FakeProvider):
        """A fake whose second job takes its time."""

        @property
        def jobs(self) -> Slowly:
            return Slowly(super().jobs)

    class Slowly:
        """Jobs that wait for a word."""

        def __init__(self, inner: FineTuningJobs) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        async def create(self, spec: JobSpec) -> object:
            asked.set()
            await go.wait()
            return await self.inner.create(spec)

    asked, go = asyncio.Event(), asyncio.Event()
    go.set()
    profile = Profile(name="mine", provider="fake", budget=RICH)
    async with Workbench(Slow(), profile=profile) as bench:
        tuned = await bench.fine_tune(rows, name="shop")
        job = await bench.provider.jobs.get(JobId(tuned.job))
        go.clear()
        asked.clear()
        spec = JobSpec(model=job.model, training_file=job.training_file)
        async with asyncio.TaskGroup() as group:
            made = group.create_task(bench.provider.jobs.create(spec))
            await asked.wait()
            await bench.provider.jobs.get(job.id)
            [hold] = await held(bench, what="training")
            assert hold.reference == job.training_file
            go.set()
        [hold] = await held(bench, what="training")
        assert hold.reference == made.result().id


@pytest.mark.parametrize("amount", [-1, float("nan"), 2_000_000])
async def test_a_budget_is_an_amount(amount: float) -> None:
    """A number that is none, or far too large, is refused."""
    with pytest.raises(InvalidInputError, match=r"0\.\.1,000,000 US dollars"):
        async with tailorbird.open("fake", workspace=None, environ={}, budget=amount):
            pass


def test_all_that_is_sent_counts() -> None:
    """Images, names, calls of tools, tools and forms are part of what a call may cost."""
    plain = [Message.user("Hi")]
    bound = chat_bound(plain, options=ChatOptions(), output=None, max_output_tokens=16)
    assert bound.output_tokens == 16
    more = [
        Message(role="user", content=(TextPart(text="日本"), ImagePart(url="data:,x")), name="me"),
        Message(
            role="assistant", tool_calls=(ToolCall(id="1", name="look", arguments='{"a": 1}'),)
        ),
        Message.tool("42", tool_call_id="1"),
    ]
    options = ChatOptions(tools=(Tool(name="look"),), max_output_tokens=99)
    larger = chat_bound(more, options=options, output=City, max_output_tokens=16)
    assert larger.input_tokens > 48_000 + bound.input_tokens
    assert larger.output_tokens == 99
    listed = cast("type[list[int]]", Annotated[list[int], ["no hash"]])
    formed = chat_bound(plain, options=ChatOptions(), output=listed, max_output_tokens=16)
    assert formed.input_tokens > bound.input_tokens


async def test_a_closed_provider_is_told() -> None:
    """Outside of its block nothing is measured, and nothing sent."""
    async with room() as bench:
        provider = bench.provider
    with pytest.raises(InvalidInputError, match="not open"):
        await provider.chat.complete(HELLO, model=CHAT)
