"""The fake's embeddings."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.exceptions import (
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
)
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.types import ModelId

MODEL = ModelId("fake-embedding")


async def test_vectors_are_in_order_and_of_unit_length() -> None:
    """One finite vector of length 1 comes for each text, in the order of the texts."""
    texts = ["出張の日当", "warranty on boots", "出張の日当はいくら"]
    async with FakeProvider() as provider:
        result = await provider.embeddings.embed(texts, model=MODEL)
        alone = await provider.embeddings.embed(texts[1:2], model=MODEL)
    assert result.vectors.shape == (3, 1536)
    assert result.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(result.vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(result.vectors[1], alone.vectors[0])
    nearness = result.vectors @ result.vectors[0]
    assert nearness[2] > 0.5
    assert nearness[1] < 0.2
    assert result.model == MODEL
    assert result.usage.input_tokens > 0
    assert result.usage.output_tokens == 0


@pytest.mark.parametrize("dimensions", [1, 256, 3072])
async def test_width_can_be_chosen(dimensions: int) -> None:
    """The width of the vectors can be chosen."""
    async with FakeProvider() as provider:
        result = await provider.embeddings.embed(["x"], model=MODEL, dimensions=dimensions)
    assert result.vectors.shape == (1, dimensions)


@pytest.mark.parametrize("dimensions", [0, -1, 3073])
async def test_width_has_a_range(dimensions: int) -> None:
    """A width that the model does not offer is refused."""
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match="must be 1 to 3072"):
            await provider.embeddings.embed(["x"], model=MODEL, dimensions=dimensions)
        assert provider.calls == ()
        with pytest.raises((InvalidInputError, NotFoundError)):
            await provider.embeddings.embed(["x"], model=ModelId("nobody"), dimensions=dimensions)


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u3000"])
async def test_blank_texts_are_refused_by_position(blank: str) -> None:
    """A blank text is refused with its position, and nothing is recorded."""
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match="text 2 "):
            await provider.embeddings.embed(["a", "b", blank], model=MODEL)
        assert provider.calls == ()


async def test_bad_lists_are_refused() -> None:
    """No texts, a single text, and a text that is too long are refused."""
    async with FakeProvider() as provider:
        with pytest.raises(InvalidInputError, match="no text"):
            await provider.embeddings.embed([], model=MODEL)
        with pytest.raises(InvalidInputError, match="single str"):
            await provider.embeddings.embed("text", model=MODEL)
        with pytest.raises(InvalidInputError, match=r"text 1 .*cut it"):
            await provider.embeddings.embed(["a", "あ" * 20_000], model=MODEL)


async def test_models_must_fit() -> None:
    """An unknown model is not found, and a chat model is refused."""
    async with FakeProvider() as provider:
        with pytest.raises(NotFoundError):
            await provider.embeddings.embed(["x"], model=ModelId("nobody"))
        with pytest.raises(InvalidRequestError, match="a model for chat"):
            await provider.embeddings.embed(["x"], model=ModelId("fake-chat"))


async def test_many_texts_are_split_into_requests() -> None:
    """Texts beyond a request's limits are sent in several, which is counted and takes its time."""
    async with FakeProvider(FakeSettings(latency_s=1)) as provider:
        result = await provider.embeddings.embed(["x"] * 4_097, model=MODEL, dimensions=8)
        assert result.vectors.shape == (4_097, 8)
        assert provider.calls[-1].facts["requests"] == 3
        assert provider.usage().requests["embeddings.embed"] == 3
        assert provider.clock.monotonic() == 3
        long = "word " * 8_000
        await provider.embeddings.embed([long] * 60, model=MODEL, dimensions=8)
        assert provider.calls[-1].facts["requests"] == 2


async def test_time_limit_is_for_each_request() -> None:
    """A limit below the time of one request is a deadline; above it, many requests may follow."""
    async with FakeProvider(FakeSettings(latency_s=1)) as provider:
        await provider.embeddings.embed(["x"] * 5_000, model=MODEL, dimensions=8, timeout_s=1.5)
        with pytest.raises(DeadlineError):
            await provider.embeddings.embed(["x"], model=MODEL, timeout_s=0.5)


async def test_argument_is_copied() -> None:
    """Changing the list while the call runs changes nothing."""
    texts = ["a", "b"]
    async with FakeProvider() as provider, asyncio.TaskGroup() as group:
        task = group.create_task(provider.embeddings.embed(texts, model=MODEL))
        await asyncio.sleep(0)
        texts.clear()
    assert task.result().vectors.shape[0] == 2


@settings(max_examples=25)
@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_same_texts_give_the_same_vectors(texts: list[str]) -> None:
    """Vectors depend on nothing but the text: not on the provider, its seed, or the company."""

    async def embed(seed: int) -> np.ndarray:
        async with FakeProvider(FakeSettings(seed=seed)) as provider:
            return (await provider.embeddings.embed(texts, model=MODEL)).vectors

    first, second = asyncio.run(embed(1)), asyncio.run(embed(2))
    assert np.array_equal(first, second)
