"""Indexing is a stream: of bounded size, in order, and careful with what it removes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from tailorbird import ChunkOptions, IndexOptions, Workbench
from tailorbird.exceptions import (
    DataError,
    IndexMismatchError,
    IndexMissingError,
    IndexShrinkError,
    InvalidInputError,
    ServiceUnavailableError,
)
from tailorbird.journal import Workspace
from tailorbird.protocols import Embeddings
from tailorbird.providers.fake import FakeProvider, Fault, Script
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.types import Document, DocumentId, EmbeddingResult, IndexName, ModelId
from tailorbird.workflow.progress import Progress

LARGE = ChunkOptions(target_tokens=16, overlap_tokens=0)


def shelf(number: int, *, tenant: str | None = None) -> Document:
    """Give a short document."""
    metadata = {} if tenant is None else {"tenant": tenant}
    text = f"Shelf {number} holds item {number * 7}."
    return Document(id=DocumentId(f"d{number:05}"), text=text, metadata=metadata)


def shelves(count: int) -> Iterator[Document]:
    """Give many short documents, one after the other."""
    return map(shelf, range(count))


async def slowly(count: int) -> AsyncIterator[Document]:
    """Give many short documents, with a turn for the others in between."""
    for document in shelves(count):
        await asyncio.sleep(0)
        yield document


async def ids(bench: Workbench, name: str) -> list[str]:
    """Give what an index holds, as another program sees it."""
    async with LocalRetrieval(bench.workspace.index_folder) as engine:
        return [one.id async for one in engine.contents(IndexName(name))]


@pytest.fixture
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workbench]:
    """Open a workbench on the fake, in a folder."""
    folder = tmp_path_factory.mktemp("workspace")
    async with Workbench(FakeProvider(), workspace=Workspace(folder)) as opened:
        yield opened


async def test_an_iterator_is_taken_as_it_comes(bench: Workbench) -> None:
    """Documents may come from a generator, and are read no further ahead than a few steps."""
    taken = 0
    written = 0
    most = 0

    def counted() -> Iterator[Document]:
        nonlocal taken, most
        for document in shelves(3_000):
            taken += 1
            most = max(most, taken - written)
            yield document

    def seen(progress: Progress) -> None:
        nonlocal written
        if progress.step == "indexing":
            written = progress.done

    index = await bench.build_index(
        counted(), name="many", options=IndexOptions(concurrency=2), on_progress=seen
    )
    assert (index.info.documents, index.embedded, written) == (3_000, 3_000, 3_000)
    # Three steps wait, one is being written, one is being put in line, one is being read.
    assert most <= 6 * 256


async def test_an_async_iterator_is_taken_as_it_comes(bench: Workbench) -> None:
    """Documents may come from an async generator, also fewer than one step."""
    assert (await bench.build_index(slowly(700), name="many")).info.documents == 700
    again = await bench.build_index(slowly(700), name="many")
    assert (again.unchanged, again.embedded) == (700, 0)
    assert (await bench.build_index(slowly(1), name="one")).info.documents == 1


async def test_progress_tells_what_each_stage_has_done(bench: Workbench) -> None:
    """Reading, embedding and indexing count by themselves; totals are told where they are known."""
    seen: list[Progress] = []
    await bench.build_index(list(shelves(300)), name="many", on_progress=seen.append)
    last = {one.step: one for one in seen}
    assert {step: (one.done, one.total, one.detail) for step, one in last.items()} == {
        "reading": (300, 300, ""),
        "embedding": (300, None, "300 chunks"),
        "indexing": (300, 300, ""),
    }
    seen.clear()
    await bench.build_index(shelves(300), name="many", on_progress=seen.append)
    assert {one.step for one in seen} == {"reading", "indexing"}
    assert seen[-1].detail == "300 documents"


async def test_the_same_text_is_sent_once() -> None:
    """Texts that come twice in a run, even in calls at the same time, are paid for once."""
    async with Workbench(FakeProvider()) as bench:
        twins = [
            Document(id=DocumentId(f"{copy}-{number}"), text=f"Page {number} of the rules.")
            for copy in "abcd"
            for number in range(200)
        ]
        index = await bench.build_index(twins, name="twins")
        assert (index.info.documents, index.embedded) == (800, 200)


async def test_a_long_document_is_embedded_by_several_calls(bench: Workbench) -> None:
    """All chunks of a document come into the index together, however many there are."""
    text = "\n\n".join(f"Rule {number}: keep shelf {number} tidy." for number in range(1_500))
    book = Document(id=DocumentId("book"), text=text)
    index = await bench.build_index([book], name="book", chunking=LARGE)
    assert (index.info.documents, index.info.chunks) == (1, 1_500)
    hits = await bench.search("Rule 1234: keep shelf 1234 tidy.", index="book", mode="vector")
    assert "1234" in hits[0].chunk.text


async def test_a_long_document_fails_as_a_whole() -> None:
    """When one call for a document fails, the others are kept and nothing of it is written."""
    script = Script().on("embeddings.embed", Fault.unavailable(), occurrence=2)
    text = "\n\n".join(f"Rule {number}: keep shelf {number} tidy." for number in range(1_000))
    book = Document(id=DocumentId("book"), text=text)
    async with Workbench(FakeProvider(script=script)) as bench:
        with pytest.raises(ServiceUnavailableError):
            await bench.build_index([book], name="book", chunking=LARGE)
        index = await bench.build_index([book], name="book", chunking=LARGE)
        assert (index.info.chunks, index.embedded) == (1_000, 256)


class Picky(Embeddings):
    """Embeds everything but one text."""

    def __init__(self, inner: Embeddings, refused: str) -> None:
        self._inner = inner
        self._refused = refused

    @override
    async def embed(
        self,
        texts: Sequence[str],
        *,
        model: ModelId,
        dimensions: int | None = None,
        timeout_s: float | None = None,
    ) -> EmbeddingResult:
        """Embed, or fail."""
        if self._refused in texts:
            message = "not this one"
            raise ServiceUnavailableError(message, provider="fake", operation="embeddings.embed")
        return await self._inner.embed(
            texts, model=model, dimensions=dimensions, timeout_s=timeout_s
        )


class PickyProvider(FakeProvider):
    """A provider that fails on shelf 600."""

    @property
    @override
    def embeddings(self) -> Embeddings:
        """Embed what is not refused."""
        return Picky(super().embeddings, shelf(600).text)


async def test_the_first_error_ends_it_and_keeps_what_was_written(tmp_path: Path) -> None:
    """What was written stays, calls under way are brought to their end, nothing more is read."""
    async with Workbench(PickyProvider(), workspace=Workspace(tmp_path)) as bench:
        source = shelves(8_000)
        with pytest.raises(ServiceUnavailableError, match="not this one"):
            await bench.build_index(source, name="many")
        assert await ids(bench, "many") == [shelf(number).id for number in range(512)]
        assert sum(1 for _ in source) > 4_000
    async with Workbench(FakeProvider(), workspace=Workspace(tmp_path)) as bench:
        index = await bench.build_index(shelves(2_560), name="many")
        # At the error some steps beyond it were under way, and have their vectors.
        assert 256 <= index.embedded <= 2_560 - 512
        assert (index.unchanged, index.info.documents) == (512, 2_560)


async def test_a_broken_source_keeps_what_came_before(bench: Workbench) -> None:
    """What a source raises comes through, when everything before it is written."""

    def torn() -> Iterator[Document]:
        yield from shelves(300)
        raise OSError("the cable was pulled")

    await bench.build_index([shelf(9_999)], name="many")
    with pytest.raises(OSError, match="cable"):
        await bench.build_index(torn(), name="many")
    # Nothing is removed after a source that did not end well: the old document is still there.
    assert len(await ids(bench, "many")) == 257


async def test_a_cancelled_call_can_be_called_again(bench: Workbench) -> None:
    """A cancellation ends everything at once and leaves an index that the next call completes."""
    started = asyncio.Event()

    def seen(progress: Progress) -> None:
        if progress.step == "indexing":
            started.set()

    loop = asyncio.get_running_loop()
    task = loop.create_task(bench.build_index(shelves(20_000), name="many", on_progress=seen))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    held = len(await ids(bench, "many"))
    assert 0 < held < 20_000
    index = await bench.build_index(
        shelves(2_000), name="many", options=IndexOptions(removal="all")
    )
    assert index.info.documents == 2_000


@pytest.mark.parametrize("step", ["reading", "embedding", "indexing"])
async def test_what_a_listener_raises_ends_it(bench: Workbench, step: str) -> None:
    """Whoever is told of progress may stop it, and gets back what was raised."""

    def stop(progress: Progress) -> None:
        if progress.step == step:
            raise LookupError(step)

    with pytest.raises(LookupError, match=step):
        await bench.build_index(shelves(2_000), name="stopped", on_progress=stop)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"id": " \u3000"}, "its id is blank"),
        ({"id": "a\nb"}, "its id holds a control character"),
        ({"id": "x" * 600}, "its id has 600 characters, more than 512"),
        ({"text": "boots \ud83d"}, "character 6 of its text is half of a surrogate pair"),
        ({"title": "\ud83d"}, "character 0 of its title is half"),
        ({"source": "\ud83d"}, "character 0 of its source is half"),
        ({"metadata": {"": 1}}, "its metadata '' has a key that is empty"),
        ({"metadata": {"size": float("nan")}}, "its metadata 'size' is nan, not a finite number"),
        ({"metadata": {"size": 2**63}}, "its metadata 'size' is a number of more than 64 bits"),
        ({"metadata": {"note": "x" * 40_000}}, "its metadata 'note' has 40,000 bytes"),
    ],
)
async def test_documents_that_no_engine_could_keep(
    bench: Workbench, wrong: dict[str, Any], fault: str
) -> None:
    """They are refused by name; of a sequence, before anything else is written."""
    odd = shelf(1).model_copy(update=wrong)
    for source in ([shelf(0), odd], iter([odd])):
        with pytest.raises(InvalidInputError, match=f"cannot be indexed: {fault}"):
            await bench.build_index(source, name="odd")
    with pytest.raises(IndexMissingError):
        await bench.search("boots", index="odd")


async def test_addresses_may_be_ids(bench: Workbench) -> None:
    """Ids of documents that a program makes need not be paths."""
    page = shelf(1).model_copy(update={"id": DocumentId("https://example.com//boots")})
    index = await bench.build_index([page], name="pages")
    assert index.added == 1


async def test_what_stands_twice_in_a_stream_is_refused(bench: Workbench) -> None:
    """Ids are unique, tenants are named; in a stream that is found when the document comes."""
    with pytest.raises(InvalidInputError, match="two documents have the id 'd00001'"):
        await bench.build_index(iter([shelf(1), shelf(1)]), name="twice")
    with pytest.raises(InvalidInputError, match=r"1 document names no tenant.*'d00001'"):
        await bench.build_index(
            iter([shelf(0, tenant="a"), shelf(1)]), name="tenants", tenant_field="tenant"
        )
    with pytest.raises(InvalidInputError, match=r"8 documents name no tenant.*, …;"):
        await bench.build_index(list(shelves(8)), name="tenants", tenant_field="tenant")
    with pytest.raises(InvalidInputError, match="no document"):
        await bench.build_index(iter([]), name="none")


async def test_documents_without_text_are_left_out(bench: Workbench) -> None:
    """A blank document is told and not indexed; one that became blank is gone."""
    await bench.build_index([shelf(0), shelf(1)], name="few")
    blank = shelf(1).model_copy(update={"text": " \n"})
    index = await bench.build_index([shelf(0), blank], name="few")
    assert (index.unchanged, index.removed, index.info.documents) == (1, 1, 1)
    assert [one.code for one in index.problems] == ["document.empty"]


async def test_an_unreadable_file_keeps_what_the_index_has(
    bench: Workbench, tmp_path: Path
) -> None:
    """What cannot be read now was not deleted: the index keeps its last state, and says so."""
    for name in ("a.md", "b.md", "c.md"):
        (tmp_path / name).write_text(f"# {name}\n\nText of {name}.", encoding="utf-8")
    await bench.build_index(tmp_path, name="notes")
    (tmp_path / "a.md").write_bytes(b"\x00\x01\x02 broken")
    (tmp_path / "b.md").unlink()
    index = await bench.build_index(tmp_path, name="notes")
    assert (index.removed, index.kept, index.unchanged) == (1, 1, 1)
    assert await ids(bench, "notes") == ["a.md", "c.md"]
    kept = next(one for one in index.problems if one.code == "index.kept")
    assert "'a.md'" in kept.reason
    index = await bench.build_index(tmp_path, name="notes", options=IndexOptions(removal="all"))
    assert (index.removed, index.kept) == (1, 0)
    assert await ids(bench, "notes") == ["c.md"]


async def test_a_refused_row_keeps_everything(bench: Workbench, tmp_path: Path) -> None:
    """Nobody knows which document a broken row was, so none is removed."""
    path = tmp_path / "rows.jsonl"
    rows = [f'{{"id": "r{number}", "text": "Row {number}."}}\n' for number in range(9)]
    path.write_text("".join(rows), encoding="utf-8")
    await bench.build_index(path, name="rows")
    path.write_text("".join(rows[:2]) + '{"id": "r8", "te', encoding="utf-8")
    index = await bench.build_index(path, name="rows")
    assert (index.removed, index.kept, index.info.documents) == (0, 7, 9)
    assert "and 2 more" in index.problems[0].reason


async def test_a_source_that_is_gone_empties_nothing(bench: Workbench, tmp_path: Path) -> None:
    """A folder that is not there, or is empty, is an error and leaves the index alone."""
    (tmp_path / "a.md").write_text("Text.", encoding="utf-8")
    await bench.build_index(tmp_path, name="notes")
    (tmp_path / "a.md").unlink()
    with pytest.raises(DataError, match="no document with text"):
        await bench.build_index(tmp_path, name="notes", options=IndexOptions(removal="all"))
    with pytest.raises(DataError, match="no such file or folder"):
        await bench.build_index(tmp_path / "drive", name="notes")
    assert await ids(bench, "notes") == ["a.md"]


async def test_an_index_does_not_lose_most_of_its_documents_unasked(bench: Workbench) -> None:
    """Half a drive that is away looks like a deletion: more than half needs a word."""
    await bench.build_index(shelves(40), name="many")
    half = await bench.build_index(shelves(20), name="many")
    assert half.removed == 20
    with pytest.raises(IndexShrinkError, match=r"11 of the 20 documents.*removal='all'"):
        await bench.build_index([*shelves(9), shelf(100)], name="many")
    assert len(await ids(bench, "many")) == 21
    every = IndexOptions(removal="all")
    index = await bench.build_index([*shelves(9), shelf(100)], name="many", options=every)
    assert (index.removed, index.info.documents) == (11, 10)
    # Small indexes are not guarded.
    assert (await bench.build_index([shelf(0)], name="many")).removed == 9


async def test_several_sources_can_fill_one_index(bench: Workbench) -> None:
    """Without removal nothing goes, and nothing is complained about."""
    keep = IndexOptions(removal="none")
    await bench.build_index(shelves(3), name="both", options=keep)
    index = await bench.build_index([shelf(7)], name="both", options=keep)
    assert (index.added, index.removed, index.kept, index.problems) == (1, 0, 3, ())
    assert index.info.documents == 4


async def test_an_estimate_sends_nothing(bench: Workbench) -> None:
    """What building would do is known before: documents, chunks, texts, tokens, price."""
    await bench.build_index(shelves(30), name="many")
    spent = (await bench.build_index(shelves(30), name="many")).usage
    assert spent.input_tokens == 0
    changed = shelf(1).model_copy(update={"text": "Shelf 1 is empty."})
    source = [
        shelf(0),
        changed,
        shelf(100),
        shelf(101).model_copy(update={"text": shelf(100).text}),
    ]
    told = await bench.estimate_index(source, name="many")
    assert (told.documents, told.added, told.changed, told.unchanged) == (4, 2, 1, 1)
    assert (told.gone, told.chunks, told.texts) == (28, 3, 2)
    assert told.input_tokens > 0
    assert (await bench.index("many")).info.documents == 30
    built = await bench.build_index(source, name="new")
    assert (built.embedded, built.usage.input_tokens) == (2, told.input_tokens)


async def test_an_estimate_is_priced_and_told_in_one_line(bench: Workbench) -> None:
    """The price is that of the embedding model, half of it for batches."""
    direct = await bench.estimate_index(shelves(1_000), name="many")
    half = await bench.estimate_index(list(shelves(1_000)), name="many", bulk=True)
    assert direct.usd is not None
    assert half.usd == direct.usd / 2
    assert str(direct) == (
        "1,000 documents (1,000 new, 0 changed, 0 unchanged, 0 gone), 1,000 chunks to write,"
        f" 1,000 texts of about {direct.input_tokens:,} tokens to embed, {direct.usd:,.4f} USD"
    )
    assert str(direct.model_copy(update={"usd": None})).endswith("; no price is known")
    assert half.usd > Decimal(0)


async def test_an_estimate_tells_what_building_would_refuse(bench: Workbench) -> None:
    """An index of another cut is named before anything is paid for."""
    await bench.build_index(shelves(3), name="many")
    with pytest.raises(IndexMismatchError):
        await bench.estimate_index(shelves(3), name="many", chunking=LARGE)
