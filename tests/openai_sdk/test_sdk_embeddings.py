"""Embeddings: requests within all limits, and vectors that belong to their texts."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

import httpx2
import numpy as np
import pytest

from tailorbird._openai_sdk.embeddings import EmbeddingLimits, SdkEmbeddings
from tailorbird.exceptions import (
    AuthenticationError,
    InvalidInputError,
    NotFoundError,
    UnexpectedResponseError,
    UnsupportedError,
)
from tailorbird.types import Availability, Capabilities, Capability, EmbeddingResult, ModelId

if TYPE_CHECKING:
    from conftest import Cloud, Taken

CALL = "POST /embeddings"
SMALL = ModelId("text-embedding-3-small")
OTHER = ModelId("nomic-embed-text")

Make = Callable[..., SdkEmbeddings]


@pytest.fixture
def make(cloud: Cloud) -> Make:
    """Give a function that makes the embeddings of an account."""

    def made(*, without: tuple[Capability, ...] = (), **changes: object) -> SdkEmbeddings:
        offered = tuple(Availability(capability=one) for one in Capability if one not in without)
        capabilities = Capabilities(provider="openai", entries=offered)
        return SdkEmbeddings(cloud.connection, capabilities=capabilities, **changes)

    return made


def number_of(text: str) -> float:
    """Give the number that a test's text begins with, above 0."""
    return float(text.partition(" ")[0]) + 1


def vector(text: str, width: int) -> list[float]:
    """Make a vector of length 1 that tells its text."""
    angle = number_of(text) / 10_000
    return [np.cos(angle), np.sin(angle), *[0.0] * (width - 2)]


def packed(numbers: Sequence[float]) -> str:
    """Pack numbers as OpenAI does."""
    return base64.b64encode(np.asarray(numbers, dtype="<f4").tobytes()).decode()


def embedded(width: int = 1536, *, pack: Callable[[Sequence[float]], object] = packed) -> Callable:
    """Make a server that embeds what it is sent, last text first."""

    def answer(taken: Taken) -> dict[str, object]:
        texts = taken.json["input"]
        asked = taken.json.get("dimensions", width)
        data = [
            {"object": "embedding", "index": place, "embedding": pack(vector(text, asked))}
            for place, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        return {"object": "list", "data": data[::-1], "model": taken.json["model"], "usage": usage}

    return answer


def answered(*embeddings: object, indexes: Sequence[object] | None = None) -> dict[str, object]:
    """Make an answer with these vectors."""
    places = range(len(embeddings)) if indexes is None else indexes
    items = [
        {"index": place, "embedding": one} for place, one in zip(places, embeddings, strict=True)
    ]
    return {"data": items, "model": "m"}


def numbers_of(result: EmbeddingResult) -> list[int]:
    """Give the numbers of the texts that the vectors tell."""
    angles = np.arctan2(result.vectors[:, 1], result.vectors[:, 0])
    return [round(float(angle) * 10_000) - 1 for angle in angles]


async def test_request_asks_for_base64(cloud: Cloud, make: Make) -> None:
    """Model, texts and the shortest encoding are sent; vectors come back in order."""
    cloud.on(CALL, embedded())
    result = await make().embed(["0 a", "1 b", "2 c"], model=SMALL)
    assert cloud.sent(CALL)[0].json == {
        "model": "text-embedding-3-small",
        "input": ["0 a", "1 b", "2 c"],
        "encoding_format": "base64",
    }
    assert result.vectors.shape == (3, 1536)
    assert result.vectors.dtype == np.float32
    assert numbers_of(result) == [0, 1, 2]
    assert (result.model, result.usage.input_tokens) == (SMALL, 3)
    result.vectors[0] = 0  # belongs to the caller


@pytest.mark.parametrize("width", [2, 3, 256, 768, 1000])
async def test_any_width_is_read(cloud: Cloud, make: Make, width: int) -> None:
    """Base64 with and without padding, in both alphabets and as numbers gives the same vectors."""
    ways: list[Callable[[Sequence[float]], object]] = [
        packed,
        list,
        lambda numbers: packed(numbers).rstrip("="),
        lambda numbers: packed(numbers).replace("+", "-").replace("/", "_"),
    ]
    results = []
    for way in ways:
        cloud.on(CALL, embedded(width, pack=way))
        results.append((await make().embed([f"{n} x" for n in range(7)], model=OTHER)).vectors)
    for vectors in results:
        np.testing.assert_array_equal(vectors, results[0])


async def test_whole_range_of_floats_is_decoded(cloud: Cloud, make: Make) -> None:
    """Drawn vectors come back bit by bit, whatever letters their base64 has."""
    drawn = np.random.default_rng(7).standard_normal((50, 96)).astype("<f4")
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    cloud.on(CALL, answered(*(packed(row) for row in drawn)))
    result = await make().embed([f"{n} x" for n in range(50)], model=OTHER)
    np.testing.assert_array_equal(result.vectors, drawn)


async def test_server_without_base64_is_not_asked_for_it(cloud: Cloud, make: Make) -> None:
    """Limits say what a server knows."""
    cloud.on(CALL, embedded(8, pack=list))
    limits = EmbeddingLimits(base64=False)
    await make(limits=limits).embed(["0 a"], model=OTHER)
    assert "encoding_format" not in cloud.sent(CALL)[0].json


async def test_texts_are_split_by_number(cloud: Cloud, make: Make) -> None:
    """2,049 texts are two requests, and every vector is in its place."""
    cloud.on(CALL, embedded(4))
    texts = [f"{n} x" for n in range(2049)]
    result = await make().embed(texts, model=OTHER, dimensions=4)
    assert sorted(len(one.json["input"]) for one in cloud.sent(CALL)) == [1, 2048]
    assert numbers_of(result) == list(range(2049))
    assert result.usage.input_tokens == 2049


async def test_texts_are_split_by_tokens(cloud: Cloud, make: Make) -> None:
    """No request can have more than 300,000 tokens: bytes bound them when nothing counts them."""
    cloud.on(CALL, embedded(4))
    texts = [f"{n} " + "語" * 2000 for n in range(70)]
    result = await make().embed(texts, model=OTHER)
    for taken in cloud.sent(CALL):
        assert sum(len(text.encode()) for text in taken.json["input"]) <= 300_000
    assert numbers_of(result) == list(range(70))


async def test_counted_tokens_fill_requests(cloud: Cloud, make: Make) -> None:
    """With exact counts, requests are filled to the last token."""
    cloud.on(CALL, embedded(4))
    limits = EmbeddingLimits(tokens=10, tokens_a_text=5)
    backend = make(limits=limits, count_tokens=lambda _: 5)
    await backend.embed(["0 " + "x" * 99, "1", "2"], model=OTHER)
    assert sorted(len(one.json["input"]) for one in cloud.sent(CALL)) == [1, 2]


async def test_answers_are_kept_within_the_limit_of_bodies(cloud: Cloud, make: Make) -> None:
    """Wide vectors come in more requests, so that no answer is too large to be taken."""
    cloud.on(CALL, embedded(3072))
    model = ModelId("text-embedding-3-large")
    limits = EmbeddingLimits(answer_bytes=100_000)
    await make(limits=limits).embed([f"{n} x" for n in range(14)], model=model)
    assert max(len(one.json["input"]) for one in cloud.sent(CALL)) == 6


async def test_one_large_text_is_sent_alone(cloud: Cloud, make: Make) -> None:
    """A text with more than the limit of a request in bytes is sent, not dropped."""
    cloud.on(CALL, embedded(4))
    limits = EmbeddingLimits(tokens=100, answer_bytes=1)
    result = await make(limits=limits).embed(["0 " + "x" * 300, "1 y"], model=OTHER)
    assert numbers_of(result) == [0, 1]
    assert len(cloud.sent(CALL)) == 2


async def test_large_answers_are_read_beside_the_loop(cloud: Cloud, make: Make) -> None:
    """An answer of megabytes is read in a thread, with the same result."""
    cloud.on(CALL, embedded(1536))
    result = await make().embed([f"{n} x" for n in range(600)], model=SMALL)
    assert numbers_of(result) == list(range(600))


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        ([], "no text"),
        ("text", "single str"),
        (b"text", "single bytes"),
        (["a", ""], "text 1"),
        (["a", "\u3000\n"], "text 1"),
        (["a", 5], "text 1"),
        (["a", "x\ud800"], "text 1"),
        (["a", "鸚鵡" * 9000], "text 1"),
    ],
)
async def test_wrong_texts_are_refused_before_sending(
    cloud: Cloud, make: Make, texts: Sequence[str], place: str
) -> None:
    """What cannot be embedded is refused with its place, and nothing is sent."""
    with pytest.raises(InvalidInputError, match=place):
        await make().embed(texts, model=SMALL)
    assert cloud.taken == []


async def test_text_at_the_limit_is_sent(cloud: Cloud, make: Make) -> None:
    """8,192 tokens are taken and 8,193 are not, when they are counted."""
    cloud.on(CALL, embedded(4))
    backend = make(count_tokens=len)
    await backend.embed(["0 " + "x" * 8190], model=OTHER)
    with pytest.raises(InvalidInputError, match="has 8193 tokens"):
        await backend.embed(["0 " + "x" * 8191], model=OTHER)


async def test_long_text_of_few_tokens_is_sent(cloud: Cloud, make: Make) -> None:
    """A text with more bytes than tokens allowed is judged by an estimate."""
    cloud.on(CALL, embedded(4))
    await make().embed(["0 " + "the nest of leaves " * 600], model=OTHER)
    assert len(cloud.sent(CALL)) == 1


@pytest.mark.parametrize("model", ["", " "])
async def test_model_must_be_named(cloud: Cloud, make: Make, model: str) -> None:
    """A blank model is refused before anything is sent."""
    with pytest.raises(InvalidInputError, match="model"):
        await make().embed(["a"], model=ModelId(model))
    assert cloud.taken == []


async def test_width_reaches_the_wire(cloud: Cloud, make: Make) -> None:
    """A width is asked for, and vectors that were cut are made of length 1 again."""
    cloud.on(CALL, embedded(pack=lambda numbers: packed(np.asarray(numbers) * 0.5)))
    result = await make().embed(["0 a"], model=SMALL, dimensions=256)
    assert cloud.sent(CALL)[0].json["dimensions"] == 256
    assert result.vectors.shape == (1, 256)
    np.testing.assert_allclose(np.linalg.norm(result.vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "dimensions"),
    [
        (SMALL, 0),
        (SMALL, -1),
        (SMALL, 1537),
        (ModelId("text-embedding-3-large"), 3073),
        (ModelId("text-embedding-ada-002"), 256),
        (OTHER, 0),
    ],
)
async def test_wrong_width_is_refused_before_sending(
    cloud: Cloud, make: Make, model: ModelId, dimensions: int
) -> None:
    """A width that the model does not offer is refused."""
    with pytest.raises(InvalidInputError, match="dimensions"):
        await make().embed(["a"], model=model, dimensions=dimensions)
    assert cloud.taken == []


async def test_own_width_of_an_old_model_is_not_sent(cloud: Cloud, make: Make) -> None:
    """A model that takes no width gives its own when that is asked for."""
    cloud.on(CALL, embedded(1536))
    await make().embed(["0"], model=ModelId("text-embedding-ada-002"), dimensions=1536)
    assert "dimensions" not in cloud.sent(CALL)[0].json


async def test_width_of_a_deployment_is_its_models(cloud: Cloud, make: Make) -> None:
    """Where names are deployments, the model behind decides."""
    backend = make(model_of={ModelId("embed"): SMALL}.get)
    with pytest.raises(InvalidInputError, match="1 to 1536"):
        await backend.embed(["a"], model=ModelId("embed"), dimensions=2000)
    cloud.on(CALL, answered(packed([1.0, 0.0])) | {"model": None})
    result = await backend.embed(["a"], model=ModelId("unknown"), dimensions=2)
    assert result.model == "unknown"


@pytest.mark.parametrize(
    ("missing", "dimensions"),
    [(Capability.EMBEDDINGS, None), (Capability.EMBEDDINGS_DIMENSIONS, 256)],
)
async def test_missing_capability_is_refused_before_sending(
    cloud: Cloud, make: Make, missing: Capability, dimensions: int | None
) -> None:
    """What the provider does not offer raises `UnsupportedError`."""
    with pytest.raises(UnsupportedError):
        await make(without=(missing,)).embed(["a"], model=SMALL, dimensions=dimensions)
    assert cloud.taken == []


A, B, TWO = packed([1.0, 0.0]), packed([0.0, 1.0]), ["a", "b"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (answered(A), "2 vectors"),
        (answered(A, B, A), "2 vectors"),
        (answered(A, B, indexes=[0, 0]), "do not belong"),
        (answered(A, B, indexes=[1, 2]), "do not belong"),
        (answered(A, B, indexes=[0, None]), "index"),
        (answered(A, B, indexes=[0, True]), "index"),
        ({"data": [], "model": "m"}, "2 vectors"),
        ({"model": "m"}, "data"),
        (answered(A, packed([1.0, 0.0, 0.0])), "one width"),
        (answered(A, [1.0, 0.0]), "one width"),
        (answered(A, [0.5] * 8), "one width"),
        (answered("", ""), "no whole number"),
        (answered([], []), "no whole number"),
        (answered("AAAA", "AAAA"), "no whole number"),
        (answered(A, packed([0.0, 0.0])), "zero or not finite"),
        (answered(A, packed([np.nan, 0.0])), "zero or not finite"),
        (answered(A, packed([np.inf, 0.0])), "zero or not finite"),
        (answered([1.0, 0.0], [1e300, 0.0]), "zero or not finite"),
        (answered(A, "!!!!" + A[4:]), "base64"),
        (answered(A, None), "embedding"),
        (b"<html>", "not JSON"),
        (json.dumps(answered(A, B)).encode()[:-9], "middle|EOF"),
    ],
)
async def test_wrong_vectors_are_never_paired(
    cloud: Cloud, make: Make, body: object, words: str
) -> None:
    """Missing, doubled, shifted, uneven, broken, zero and infinite vectors are refused."""
    cloud.on(CALL, body)
    with pytest.raises(UnexpectedResponseError, match=words):
        await make().embed(TWO, model=OTHER)


async def test_failure_within_a_success_is_a_failure(cloud: Cloud, make: Make) -> None:
    """Gateways that report a failure under status 200 are understood."""
    cloud.on(CALL, {"error": {"message": "no such model", "code": 404}})
    with pytest.raises(NotFoundError):
        await make().embed(["a"], model=SMALL)
    cloud.on(CALL, {"object": "list"})
    with pytest.raises(UnexpectedResponseError, match="data: Field required"):
        await make().embed(["a"], model=SMALL)


async def test_other_width_than_asked_is_refused(cloud: Cloud, make: Make) -> None:
    """A server that ignores the width is found out, and so is a model of another width."""
    cloud.on(CALL, answered(A, B))
    with pytest.raises(UnexpectedResponseError, match="3 was asked for"):
        await make().embed(TWO, model=OTHER, dimensions=3)
    with pytest.raises(UnexpectedResponseError, match="1536 was asked for"):
        await make().embed(TWO, model=SMALL)


async def test_requests_of_one_call_have_one_width(cloud: Cloud, make: Make) -> None:
    """Two requests with vectors of two widths are no answer."""
    cloud.on(CALL, answered(A), answered(packed([1.0, 0.0, 0.0])))
    limits = EmbeddingLimits(texts=1)
    with pytest.raises(UnexpectedResponseError, match="different widths"):
        await make(limits=limits).embed(TWO, model=OTHER)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -5}, {"prompt_tokens": "9"}])
async def test_missing_usage_is_zero(cloud: Cloud, make: Make, usage: object) -> None:
    """A server that does not count, or cannot, uses no tokens."""
    cloud.on(CALL, answered(A, B) | {"usage": usage})
    assert (await make().embed(TWO, model=OTHER)).usage.input_tokens == 0


async def test_one_refused_batch_is_repeated_alone(cloud: Cloud, make: Make) -> None:
    """A rate limit in one request repeats that request and no other."""
    again = httpx2.Response(429, headers={"retry-after-ms": "1"})
    cloud.on(CALL, embedded(4), again, embedded(4))
    texts = [f"{n} x" for n in range(6)]
    result = await make(limits=EmbeddingLimits(texts=2)).embed(texts, model=OTHER)
    assert numbers_of(result) == list(range(6))
    assert len(cloud.sent(CALL)) == 4


async def test_first_failure_ends_the_call(cloud: Cloud, make: Make) -> None:
    """A failed request raises its own error, not a group."""
    cloud.on(CALL, embedded(4), httpx2.Response(401))
    with pytest.raises(AuthenticationError):
        await make(limits=EmbeddingLimits(texts=1)).embed(["0", "1", "2"], model=OTHER)


async def test_few_requests_are_in_flight(cloud: Cloud, make: Make) -> None:
    """Of many requests, only so many wait for answers at a time."""
    active: list[int] = []
    most = 0
    answer = embedded(4)

    class Slow(httpx2.AsyncByteStream):
        def __init__(self, content: bytes) -> None:
            self.content = content

        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal most
            active.append(1)
            most = max(most, len(active))
            for _ in range(20):
                await asyncio.sleep(0)
            active.pop()
            yield self.content

    cloud.on(CALL, lambda taken: Slow(json.dumps(answer(taken)).encode()))
    limits = EmbeddingLimits(texts=1, in_flight=3)
    await make(limits=limits).embed([f"{n}" for n in range(12)], model=OTHER)
    assert most == 3
