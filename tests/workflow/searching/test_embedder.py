"""Texts become vectors, and no text is paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import override

from tailorbird.exceptions import ServiceUnavailableError, StorageError, UnexpectedResponseError
from tailorbird.journal import Workspace
from tailorbird.protocols import Embeddings
from tailorbird.providers.fake import Delay, FakeProvider, Fault, Script
from tailorbird.types import EmbeddingResult, ModelId, Usage
from tailorbird.workflow.searching.embedder import Embedder, LimitedEmbedder, batches

MODEL = ModelId("fake-embedding")


def embedder(provider: FakeProvider, workspace: Workspace) -> Embedder:
    """Give what embeds by a fake."""
    return Embedder(
        embeddings=provider.embeddings,
        model=MODEL,
        journal=workspace.journal,
        identity=provider.identity,
    )


def sent(provider: FakeProvider) -> list[int]:
    """Give how many texts each call had."""
    calls = [one for one in provider.calls if one.operation == "embeddings.embed"]
    return [int(one.facts["texts"]) for one in calls]


def words(first: int, last: int) -> Sequence[str]:
    """Give short texts."""
    return [f"text {number}" for number in range(first, last)]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1] * 600, [256, 256, 88]),
        ([200_000, 100_000, 1], [2, 1]),
        ([400_000, 1, 299_999], [1, 2]),
        ([], []),
    ],
)
def test_calls_are_bounded_in_texts_and_bytes(sizes: list[int], expected: list[int]) -> None:
    """A call has at most 256 texts and as many bytes as one request surely takes."""
    cut = list(batches((str(place), "x" * size) for place, size in enumerate(sizes)))
    assert [len(one) for one in cut] == expected
    assert [key for one in cut for key, _ in one] == [str(place) for place in range(len(sizes))]


def test_bytes_count_and_not_characters() -> None:
    """A Japanese character has three bytes."""
    assert [len(one) for one in batches([("a", "縫" * 60_000), ("b", "縫" * 60_000)])] == [1, 1]


async def test_calls_share_what_they_have_in_common() -> None:
    """Of two calls at the same time, the second waits for the texts that the first has sent."""
    script = Script().on("embeddings.embed", Delay(5.0), times=None)
    async with FakeProvider(script=script) as provider, Workspace(None) as workspace:
        plain = embedder(provider, workspace)
        limited = LimitedEmbedder(plain, asyncio.Semaphore(4))
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(limited.embed(words(0, 10))),
                group.create_task(plain.embed(words(5, 12))),
                group.create_task(limited.embed(words(0, 12))),
            ]
        found = [task.result() for task in tasks]
        assert [one.fresh for one in found] == [10, 2, 0]
        assert sorted(sent(provider)) == [2, 10]
        known = await plain.embed(words(0, 12))
        assert np.array_equal(found[2].vectors, known.vectors)
        assert np.array_equal(found[1].vectors, known.vectors[5:])
        assert sum(one.usage.input_tokens for one in found) > 0
        assert not plain._asked  # noqa: SLF001 - nothing is held when nothing is under way


async def test_what_another_call_could_not_embed_is_tried_again() -> None:
    """A call that waited for another one that failed asks by itself."""
    script = Script().on("embeddings.embed", Delay(5.0)).on("embeddings.embed", Fault.unavailable())
    async with FakeProvider(script=script) as provider, Workspace(None) as workspace:
        limited = LimitedEmbedder(embedder(provider, workspace), asyncio.Semaphore(1))

        async def failing() -> None:
            with pytest.raises(ServiceUnavailableError):
                await limited.embed(words(0, 3))

        async with asyncio.TaskGroup() as group:
            group.create_task(failing())
            second = group.create_task(limited.embed(words(0, 3)))
        assert second.result().fresh == 3
        assert sent(provider) == [3, 3]


@pytest.mark.parametrize(
    "vectors",
    [
        np.ones((2, 4), dtype=np.float32),
        np.ones((3, 4)),
        np.ones(3, dtype=np.float32),
        np.ones((3, 4, 1), dtype=np.float32),
        [[1.0], [1.0], [1.0]],
    ],
    ids=["too few", "doubles", "flat", "deep", "lists"],
)
async def test_vectors_that_break_the_contract_are_not_kept(vectors: NDArray[np.float32]) -> None:
    """A provider of one's own that gives something else is told so; nothing of it is remembered."""

    class Own(Embeddings):
        @override
        async def embed(
            self,
            texts: Sequence[str],
            *,
            model: ModelId,
            dimensions: int | None = None,
            timeout_s: float | None = None,
        ) -> EmbeddingResult:
            return EmbeddingResult(vectors=vectors, model=model, usage=Usage())

    async with Workspace(None) as workspace:
        own = Embedder(
            embeddings=Own(), model=MODEL, journal=workspace.journal, identity="own/here"
        )
        with pytest.raises(UnexpectedResponseError, match=r"own embeddings\.embed: 3 texts"):
            await own.embed(words(0, 3))
        assert len(await own.missing(words(0, 3))) == 3


async def test_another_model_under_the_same_name_is_told() -> None:
    """Vectors of two widths are never put together, whatever the number of numbers."""

    class Changing(Embeddings):
        width = 4

        @override
        async def embed(
            self,
            texts: Sequence[str],
            *,
            model: ModelId,
            dimensions: int | None = None,
            timeout_s: float | None = None,
        ) -> EmbeddingResult:
            vectors = np.ones((len(texts), self.width), dtype=np.float32)
            return EmbeddingResult(vectors=vectors, model=model, usage=Usage())

    async with Workspace(None) as workspace:
        own = Changing()
        changed = Embedder(
            embeddings=own, model=MODEL, journal=workspace.journal, identity="own/here"
        )
        await changed.embed(words(0, 2))
        own.width = 8
        with pytest.raises(UnexpectedResponseError, match="have 4 and 8 dimensions: another model"):
            await changed.embed(words(0, 4))
        assert (await changed.embed(words(2, 4))).vectors.shape == (2, 8)


async def test_missing_texts_are_those_without_a_vector() -> None:
    """What is known is not missing; what stands twice is missing once."""
    async with FakeProvider() as provider, Workspace(None) as workspace:
        plain = embedder(provider, workspace)
        await plain.embed(["a", "b"])
        found = await plain.missing(["a", "c", "c"])
        assert list(found.values()) == ["c"]


async def test_what_was_given_a_moment_ago_needs_no_journal() -> None:
    """Arms ask for the vector of one question one after the other; older ones are read again."""
    async with FakeProvider() as provider, Workspace(None) as workspace:
        plain = embedder(provider, workspace)
        first = await plain.embed(words(0, 200))
        again = await plain.embed(words(0, 200))
        assert np.array_equal(first.vectors, again.vectors)
        assert (first.fresh, again.fresh, again.usage.total_tokens) == (200, 0, 0)
        await workspace.journal.close()
        known = await plain.embed(["text 7", "text 3", "text 7"])
        assert np.array_equal(known.vectors, first.vectors[[7, 3, 7]])
        assert known.fresh == 0
        with pytest.raises(StorageError):
            await plain.embed(["text 199"])
