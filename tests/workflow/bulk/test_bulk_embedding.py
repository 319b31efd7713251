"""An index whose texts are embedded by batches: handed in once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

import tailorbird
from tailorbird import Workbench
from tailorbird.config import Profile, RetrievalSettings
from tailorbird.exceptions import (
    InvalidInputError,
    JobFailedError,
    JobOutcomeUnknownError,
    NotFoundError,
    ServiceUnavailableError,
    UnsupportedError,
    WaitTimeoutError,
)
from tailorbird.journal import Workspace
from tailorbird.providers.fake import (
    Fails,
    FakeProvider,
    FakeSettings,
    Fault,
    Lag,
    Script,
    Statuses,
)
from tailorbird.types import Document, DocumentId, ItemFailure, ModelId, RoleModel
from tailorbird.workflow.bulk.asking import BulkOptions
from tailorbird.workflow.bulk.orders import EmbeddingOrder
from tailorbird.workflow.bulk.runs import BatchRuns
from tailorbird.workflow.progress import Progress, silent
from tailorbird.workflow.searching.embedder import text_key

NO = ItemFailure(kind="refused", message="no")
NOW = BulkOptions(timeout_s=0)
AGAIN = BulkOptions(again=True)
SMALL = FakeSettings(batch_requests=2)


def pages(count: int) -> list[Document]:
    """Give short documents of one chunk each."""
    return [
        Document(id=DocumentId(f"p{number}"), text=f"Page {number} tells of bird {number * 7}.")
        for number in range(count)
    ]


@asynccontextmanager
async def room(
    script: Script | None = None,
    *,
    settings: FakeSettings | None = None,
    folder: Path | None = None,
    profile: Profile | None = None,
) -> AsyncIterator[Workbench]:
    """Open a workbench on a fake."""
    provider = FakeProvider(
        settings, script=script, state=None if folder is None else folder / "state"
    )
    async with Workbench(provider, workspace=Workspace(folder), profile=profile) as bench:
        yield bench


async def totals(bench: Workbench) -> list[int]:
    """Give how many texts each batch asked for, the oldest first."""
    found = [one.counts.total async for one in bench.provider.batches.list()]
    return found[::-1]


def sent(bench: Workbench) -> int:
    """Give how many texts were sent without batches."""
    assert isinstance(bench.provider, FakeProvider)
    calls = [one for one in bench.provider.calls if one.operation == "embeddings.embed"]
    return sum(int(one.facts["texts"]) for one in calls)


async def test_texts_are_embedded_by_batches_at_half_the_price() -> None:
    """All texts go in batches, each once, and what they cost is written down."""
    seen: list[Progress] = []
    async with room() as bench:
        twins = [*pages(5), pages(1)[0].model_copy(update={"id": DocumentId("twin")})]
        told = await bench.estimate_index(twins, name="birds", bulk=True)
        index = await bench.build_index(twins, name="birds", bulk=True, on_progress=seen.append)
        assert (index.added, index.embedded, index.info.documents) == (6, 5, 6)
        assert (await totals(bench), sent(bench)) == ([5], 0)
        [entry] = await bench.spending()
        assert (entry.what, entry.subject, entry.usage) == ("embeddings", "birds", index.usage)
        assert entry.usd == told.usd
        assert (told.usd or 0) > Decimal(0)
        assert {"reading", "submitting", "bulk", "embedding", "indexing"} <= {
            one.step for one in seen
        }
        again = await bench.build_index(twins, name="birds", bulk=True)
        assert (again.unchanged, again.embedded, await totals(bench)) == (6, 0, [5])


async def test_a_large_corpus_takes_several_batches() -> None:
    """Only as many texts as one batch takes are held and handed in together."""
    async with room(settings=SMALL) as bench:
        index = await bench.build_index(pages(5), name="birds", bulk=True)
        assert (index.embedded, await totals(bench), sent(bench)) == (5, [2, 2, 1], 0)
        assert len(await bench.spending()) == 3


async def test_a_text_that_comes_again_later_is_handed_in_once() -> None:
    """Documents that repeat each other far apart ask for one vector."""
    async with room() as bench:
        copies = [one.model_copy(update={"id": DocumentId(f"{one.id}b")}) for one in pages(300)]
        index = await bench.build_index([*pages(300), *copies], name="birds", bulk=True)
        assert (index.info.documents, index.embedded, await totals(bench)) == (600, 300, [300])


async def test_whoever_stops_waiting_finds_the_batches_again(tmp_path: Path) -> None:
    """Another process takes what was handed in, also when the corpus has changed meanwhile."""
    async with room(settings=SMALL, folder=tmp_path) as bench:
        with pytest.raises(WaitTimeoutError, match=r"birds.*call the same again"):
            await bench.build_index(pages(3), name="birds", bulk=NOW)
        assert await totals(bench) == [2, 1]
    async with room(settings=SMALL, folder=tmp_path) as bench:
        index = await bench.build_index(pages(5)[1:], name="birds", bulk=True)
        assert (index.info.documents, index.embedded) == (4, 5)
        assert (await totals(bench), sent(bench)) == ([2, 1, 2], 0)
        assert len(await bench.spending()) == 3


async def test_another_model_takes_no_vectors_of_these_batches(tmp_path: Path) -> None:
    """Batches that were handed in for one model are never read for another."""
    async with room(folder=tmp_path) as bench:
        with pytest.raises(WaitTimeoutError):
            await bench.build_index(pages(2), name="birds", bulk=NOW)
    role = RoleModel(model=ModelId("fake-embedding-2"))
    profile = Profile(name="other", provider="fake", roles={"embedding": role})
    async with room(folder=tmp_path, profile=profile) as bench:
        with pytest.raises(JobFailedError, match="there is no model 'fake-embedding-2'"):
            await bench.build_index(pages(2), name="birds", bulk=True)
        assert await totals(bench) == [2, 2]
    async with room(folder=tmp_path) as bench:
        assert (await bench.build_index(pages(2), name="birds", bulk=True)).embedded == 2
        assert await totals(bench) == [2, 2]


async def test_texts_without_a_vector_are_told_and_handed_in_again() -> None:
    """What failed is named; the same call hands in only that."""
    failing = text_key(pages(3)[1].text)
    script = Script().on("batches.submit", Fails(failing, NO))
    async with room(script) as bench:
        with pytest.raises(JobFailedError, match=r"1 of 3 texts.*refused: no") as told:
            await bench.build_index(pages(3), name="birds", bulk=True)
        assert told.value.name == "birds"
        index = await bench.build_index(pages(3), name="birds", bulk=True)
        assert (index.info.documents, index.embedded) == (3, 1)
        assert (await totals(bench), sent(bench)) == ([3, 1], 0)


@pytest.mark.parametrize("word", ["failed", "expired", "cancelled"])
async def test_a_batch_that_ends_early_is_handed_in_again(word: str) -> None:
    """The part that was answered counts, the rest goes into a new batch."""
    script = Script().on("batches.submit", Statuses("in_progress", word))
    async with room(script) as bench:
        with pytest.raises(JobFailedError, match=word):
            await bench.build_index(pages(4), name="birds", bulk=True)
        index = await bench.build_index(pages(4), name="birds", bulk=True)
        assert index.info.documents == 4
        assert sum(await totals(bench)) == 4 + index.embedded


async def test_a_failed_batch_of_an_earlier_call_stops_nothing() -> None:
    """A batch without any result is taken as it is, and its texts go into a new one."""
    script = Script().on("batches.submit", Statuses("validating", "failed", "failed", "failed"))
    async with room(script) as bench:
        with pytest.raises(WaitTimeoutError):
            await bench.build_index(pages(2), name="birds", bulk=NOW)
        index = await bench.build_index(pages(2), name="birds", bulk=AGAIN)
        assert (index.embedded, await totals(bench)) == (2, [2, 2])


async def test_trouble_of_an_earlier_call_does_not_stop_the_next() -> None:
    """Texts that got no vector from batches of an earlier call are handed in by this one."""
    script = Script().on("batches.submit", Statuses("in_progress", "expired"))
    async with room(script) as bench:
        with pytest.raises(WaitTimeoutError):
            await bench.build_index(pages(4), name="birds", bulk=NOW)
        index = await bench.build_index(pages(4), name="birds", bulk=True)
        assert (index.info.documents, index.embedded) == (4, 4)


async def test_results_that_cannot_be_read_are_read_again() -> None:
    """A passing failure while reading results costs nothing, a lasting one is told."""
    script = Script().on("batches.outcomes", Fault.unavailable(), times=3)
    async with room(script) as bench:
        assert (await bench.build_index(pages(2), name="birds", bulk=True)).embedded == 2
    script = Script().on("batches.outcomes", Fault.unavailable(), times=4)
    async with room(script) as bench:
        with pytest.raises(ServiceUnavailableError):
            await bench.build_index(pages(2), name="birds", bulk=True)
        index = await bench.build_index(pages(2), name="birds", bulk=True)
        assert (index.embedded, await totals(bench)) == (2, [2])


async def test_a_lost_answer_makes_no_second_batch() -> None:
    """A batch whose creation was not answered is found by the next call, not made again."""
    script = (
        Script().on("batches.submit", Fault.lost_answer()).on("batches.submit", Lag(listings=8))
    )
    async with room(script) as bench:
        with pytest.raises(JobOutcomeUnknownError, match="was lost"):
            await bench.build_index(pages(2), name="birds", bulk=True)
        index = await bench.build_index(pages(2), name="birds", bulk=True)
        assert (index.embedded, await totals(bench), sent(bench)) == (2, [2], 0)


async def test_what_nobody_knows_is_handed_in_again_on_a_word() -> None:
    """A batch that never shows up stops every call, until the user says so."""
    script = Script().on("batches.submit", Fault.unavailable())
    async with room(script) as bench:
        for _ in range(2):
            with pytest.raises(JobOutcomeUnknownError):
                await bench.build_index(pages(2), name="birds", bulk=True)
        index = await bench.build_index(pages(2), name="birds", bulk=AGAIN)
        assert (index.embedded, await totals(bench)) == (2, [2])


async def test_a_batch_that_is_gone_is_handed_in_again_on_a_word() -> None:
    """Results that were removed before they were taken are paid for again only when asked for."""
    script = Script().on("batches.submit", Lag(lookups=1_000))
    async with room(script) as bench:
        with pytest.raises(WaitTimeoutError):
            await bench.build_index(pages(2), name="birds", bulk=NOW)
        with pytest.raises(NotFoundError):
            await bench.build_index(pages(2), name="birds", bulk=True)
        index = await bench.build_index(pages(2), name="birds", bulk=AGAIN)
        assert (index.info.documents, await totals(bench)) == (2, [2, 2])


async def test_batches_that_are_there_are_waited_for_also_on_a_word() -> None:
    """Nothing that can be read is paid for again, whatever the options say."""
    async with room() as bench:
        with pytest.raises(WaitTimeoutError):
            await bench.build_index(pages(2), name="birds", bulk=NOW)
        index = await bench.build_index(pages(2), name="birds", bulk=AGAIN)
        assert (index.embedded, await totals(bench)) == (2, [2])
        with pytest.raises(WaitTimeoutError):
            await bench.build_index(pages(3), name="birds", bulk=NOW)
        await bench.provider.clock.sleep(86_400)
        index = await bench.build_index(pages(3), name="birds", bulk=AGAIN)
        assert (index.embedded, await totals(bench)) == (1, [2, 1])


async def test_a_run_without_a_batch_is_none_to_wait_for() -> None:
    """Where certainly nothing was handed in, there is nothing to find."""
    async with room() as bench:
        runs = BatchRuns(
            provider=bench.provider,
            workspace=bench.workspace,
            order=EmbeddingOrder(
                provider=bench.provider, requests=(), asked=ModelId("any"), dimensions=None
            ),
            name="birds",
            on_progress=silent,
        )
        assert await runs.recover(await runs.begin({}), again=False) is None


async def test_batches_are_refused_where_there_are_none() -> None:
    """A provider without batches is told before anything is read or sent."""
    fake = FakeProvider()
    capability = tailorbird.types.Capability.BATCHES
    kept = tuple(one for one in fake.capabilities.entries if one.capability is not capability)

    class Bare(FakeProvider):
        @property
        @override
        def batches(self) -> Any:
            fake.capabilities.model_copy(update={"entries": kept}).require(
                capability, on=self.clock.today()
            )

    async with Workbench(Bare()) as bench:
        for work in (bench.build_index, bench.estimate_index):
            with pytest.raises(UnsupportedError):
                await work(Path("nowhere"), name="birds", bulk=True)


async def test_a_source_that_can_be_read_once_is_refused() -> None:
    """Batches need two passes: a generator is told at once."""
    async with room() as bench:
        with pytest.raises(InvalidInputError, match="reads the source twice"):
            await bench.build_index(iter(pages(2)), name="birds", bulk=True)
        assert await totals(bench) == []


async def test_an_engine_that_embeds_by_itself_takes_no_batches() -> None:
    """Where nothing is embedded here, nothing can be embedded by batches."""
    profile = Profile(name="h", provider="fake", retrieval=RetrievalSettings(engine="hosted"))
    async with room(profile=profile) as bench:
        with pytest.raises(InvalidInputError, match="embeds by itself"):
            await bench.build_index(pages(2), name="birds", bulk=True)
        told = await bench.estimate_index(pages(2), name="birds")
        assert (told.chunks, told.texts, told.usd) == (2, 0, None)


async def test_batches_need_the_model_of_searches() -> None:
    """Another deployment of the same model may answer batches, another model must not."""
    async with room() as bench:
        usual = bench.role("embedding").model
        for options in (BulkOptions(role="chat"), BulkOptions(model=ModelId("other"))):
            with pytest.raises(InvalidInputError, match="cannot be compared"):
                await bench.build_index(pages(2), name="birds", bulk=options)
        index = await bench.build_index(pages(2), name="birds", bulk=BulkOptions(model=usual))
        assert index.embedded == 2
