"""Clauses `E…`: embeddings."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tailorbird.exceptions import InvalidInputError, NotFoundError, UnsupportedError
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import Capability, ModelId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tailorbird.protocols import Provider
    from tailorbird.types import EmbeddingResult

TEXTS: tuple[str, ...] = (
    "交通費の精算",
    "How to return a bicycle",
    "𠮷野家で🍚を食べる",
    "a",
    "出張の日当はいくらですか。",
)
MANY = 5000  # more than two requests: OpenAI and Azure take 2,048 texts each
WIDTH = 256
NO_MODEL = ModelId(data.UNKNOWN)
# Services compute in half precision here and there, so that two calls differ a little.
SAME = 0.999
UNIT = 1e-3


class EmbeddingsConformance:
    """What every implementation of `Embeddings` promises; needs a fixture `provider`."""

    options = SuiteOptions()

    @clause("E1")
    async def test_one_vector_a_text(self, provider: Provider) -> None:
        """There is one row of 32-bit floats for each text, and the model that made them."""
        result = await self.embed(provider, TEXTS)
        assert result.vectors.ndim == 2  # noqa: PLR2004 - texts and dimensions
        assert result.vectors.shape[0] == len(TEXTS)
        assert result.vectors.dtype == np.float32
        assert result.model
        assert result.usage.output_tokens == 0

    @clause("E2")
    async def test_vectors_have_unit_length(self, provider: Provider) -> None:
        """All numbers are finite, and every vector has length 1."""
        vectors = (await self.embed(provider, TEXTS)).vectors
        assert np.isfinite(vectors).all()
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=UNIT)

    @clause("E3")
    async def test_vectors_keep_the_order(self, provider: Provider) -> None:
        """Row i belongs to text i, whatever the order of the texts."""
        forward = (await self.embed(provider, TEXTS)).vectors
        backward = (await self.embed(provider, TEXTS[::-1])).vectors
        assert_same(forward, backward[::-1])
        assert_different(forward)

    @clause("E4")
    async def test_same_text_has_same_vector(self, provider: Provider) -> None:
        """The same text has the same vector, alone and in company, in one call and in two."""
        together = (await self.embed(provider, (*TEXTS, TEXTS[0]))).vectors
        alone = (await self.embed(provider, TEXTS[:1])).vectors
        assert_same(together[[0]], together[[-1]])
        assert_same(together[[0]], alone)

    @clause("E5")
    async def test_many_texts(self, provider: Provider) -> None:
        """More texts than a request takes come back whole and in order."""
        texts = [f"{number}番の本" for number in range(MANY)]
        places = [0, 2047, 2048, 4095, 4096, MANY - 1]
        vectors = (await self.embed(provider, texts)).vectors
        assert vectors.shape[0] == MANY
        few = (await self.embed(provider, [texts[place] for place in places])).vectors
        assert_same(vectors[places], few)

    @clause("E6")
    async def test_near_texts_have_near_vectors(self, provider: Provider) -> None:
        """Texts that say nearly the same are closer than texts that do not, in both languages."""
        for near, like, far in (
            ("交通費を精算する方法", "交通費の精算の方法", "明日の天気は晴れです"),
            ("how to return a rented bicycle", "returning a rented bicycle", "opening hours today"),
        ):
            first, second, third = (await self.embed(provider, (near, like, far))).vectors
            assert float(first @ second) > float(first @ third)

    @clause("E7")
    async def test_no_text_is_refused(self, provider: Provider) -> None:
        """No text at all raises `InvalidInputError`."""
        with pytest.raises(InvalidInputError):
            await self.embed(provider, ())

    @clause("E8")
    @pytest.mark.parametrize("blank", ["", " ", "\n\t", "\u3000"], ids=ascii)
    async def test_blank_text_is_refused(self, provider: Provider, blank: str) -> None:
        """A text without a visible character raises `InvalidInputError` that names its place."""
        texts = [*(f"本{number}" for number in range(41)), blank, "終"]
        with pytest.raises(InvalidInputError) as caught:
            await self.embed(provider, texts)
        assert re.search(r"\b4[12]\b", str(caught.value))  # counted from 0 or from 1

    @clause("E9")
    async def test_long_text_is_refused(self, provider: Provider) -> None:
        """A text too long for the model raises `InvalidInputError` that names its place."""
        texts = [*(f"本{number}" for number in range(41)), "鸚鵡と鷦鷯。" * 20_000, "終"]
        with pytest.raises(InvalidInputError) as caught:
            await self.embed(provider, texts)
        assert re.search(r"\b4[12]\b", str(caught.value))  # counted from 0 or from 1

    @clause("E10")
    async def test_width_can_be_chosen(self, provider: Provider) -> None:
        """Vectors of an asked width have that width and unit length."""
        needs(provider, Capability.EMBEDDINGS, Capability.EMBEDDINGS_DIMENSIONS)
        vectors = (await self.embed(provider, TEXTS, dimensions=WIDTH)).vectors
        assert vectors.shape == (len(TEXTS), WIDTH)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=UNIT)

    @clause("E11")
    @pytest.mark.parametrize("width", [-1, 0, 1_000_000])
    async def test_wrong_width_is_refused(self, provider: Provider, width: int) -> None:
        """A width that the model does not offer raises `InvalidInputError`."""
        needs(provider, Capability.EMBEDDINGS, Capability.EMBEDDINGS_DIMENSIONS)
        with pytest.raises(InvalidInputError):
            await self.embed(provider, TEXTS, dimensions=width)

    @clause("E12")
    async def test_missing_width_is_unsupported(self, provider: Provider) -> None:
        """Where the width cannot be chosen, asking for one raises `UnsupportedError`."""
        lacks(provider, Capability.EMBEDDINGS_DIMENSIONS)
        with pytest.raises(UnsupportedError):
            await self.embed(provider, TEXTS, dimensions=WIDTH)

    @clause("E13")
    async def test_unknown_model_is_not_found(self, provider: Provider) -> None:
        """A model that nobody has raises `NotFoundError`."""
        needs(provider, Capability.EMBEDDINGS)
        with pytest.raises(NotFoundError):
            await provider.embeddings.embed(TEXTS, model=NO_MODEL)

    @clause("E14")
    async def test_texts_are_copied(self, provider: Provider) -> None:
        """Changing the list of texts while the call runs changes nothing."""
        needs(provider, Capability.EMBEDDINGS)
        texts = list(TEXTS)
        async with asyncio.TaskGroup() as group:
            call = group.create_task(self.embed(provider, texts))
            await asyncio.sleep(0)  # the call has begun
            texts[:] = [""]
        assert_same(call.result().vectors, (await self.embed(provider, TEXTS)).vectors)

    @clause("E15")
    async def test_missing_embeddings_are_unsupported(self, provider: Provider) -> None:
        """Where embeddings are not offered, asking for them raises `UnsupportedError`."""
        lacks(provider, Capability.EMBEDDINGS)
        with pytest.raises(UnsupportedError):
            await provider.embeddings.embed(TEXTS, model=NO_MODEL)

    async def embed(
        self, provider: Provider, texts: Sequence[str], *, dimensions: int | None = None
    ) -> EmbeddingResult:
        """Embed with the model that plays the role, where embeddings are offered at all."""
        needs(provider, Capability.EMBEDDINGS)
        model = Trial(provider, self.options).model("embedding")
        return await provider.embeddings.embed(texts, model=model, dimensions=dimensions)


def assert_same(left: NDArray[np.float32], right: NDArray[np.float32]) -> None:
    """Expect that the rows of both have the same directions, pair by pair."""
    assert left.shape == right.shape
    assert float((left * right).sum(axis=1).min()) > SAME


def assert_different(vectors: NDArray[np.float32]) -> None:
    """Expect that no two rows have the same direction."""
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1.0)
    assert float(likeness.max()) < SAME
