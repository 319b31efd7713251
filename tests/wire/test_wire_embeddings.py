"""Embeddings over the wire."""

from __future__ import annotations

import base64
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
import tiktoken
import tiktoken.registry

Serve: TypeAlias = Callable[..., Awaitable[Any]]
"""Serves a fake: see `conftest.py`."""


async def test_vectors_come_as_numbers_and_as_base64(serve: Serve) -> None:
    """Both forms hold the same float32 numbers, in the order of the texts."""
    for flavor in ("openai", "azure"):
        wire = await serve(flavor)
        body = {"model": wire.embedding_model, "input": ["一つ", "two"]}
        floats = (await wire.call("POST", "/embeddings", body)).json()
        coded = (
            await wire.call("POST", "/embeddings", {**body, "encoding_format": "base64"})
        ).json()
        for number, (one, other) in enumerate(zip(floats["data"], coded["data"], strict=True)):
            assert one["index"] == other["index"] == number
            row = np.frombuffer(base64.b64decode(other["embedding"]), dtype="<f4")
            assert np.array_equal(row, np.array(one["embedding"], dtype=np.float32))
        assert floats["model"] == "text-embedding-3-small"
        assert floats["usage"]["prompt_tokens"] == floats["usage"]["total_tokens"] > 0


async def test_the_official_client_reads_them(serve: Serve) -> None:
    """Width and a single text are taken."""
    wire = await serve()
    found = await wire.sdk.embeddings.create(model=wire.embedding_model, input="一つ", dimensions=8)
    assert len(found.data[0].embedding) == 8


@pytest.fixture
def bytes_are_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a table in which each byte is a token in the place of the one for embeddings."""
    table = {bytes([byte]): byte for byte in range(256)}
    name = "cl100k_base"
    encoding = tiktoken.Encoding(name, pat_str=".", mergeable_ranks=table, special_tokens={})
    monkeypatch.setitem(tiktoken.registry.ENCODINGS, name, encoding)


@pytest.mark.usefixtures("bytes_are_tokens")
async def test_token_numbers_are_texts(serve: Serve) -> None:
    """Clients that tokenize by themselves get the vectors of the texts."""
    wire = await serve()
    texts, numbers = ["一つ", "two"], [list("一つ".encode()), list(b"two")]

    async def vectors(given: object) -> object:
        body = {"model": wire.embedding_model, "input": given}
        answer = await wire.call("POST", "/embeddings", body)
        return [one["embedding"] for one in answer.json()["data"]]

    assert await vectors(numbers) == await vectors(texts)
    assert await vectors(numbers[0]) == await vectors(texts[:1])


async def test_token_numbers_without_a_table_are_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be read is said, and what to do."""
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    wire = await serve()
    body = {"model": wire.embedding_model, "input": [1, 2]}
    answer = await wire.call("POST", "/embeddings", body)
    assert answer.status_code == 400
    assert "tailorbird[tokens]" in answer.json()["error"]["message"]


@pytest.mark.usefixtures("bytes_are_tokens")
@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"input": []}, "invalid_value", "input"),
        ({"input": ""}, "invalid_value", "input"),
        ({"input": [" "]}, "invalid_value", None),
        ({"input": [[1, 2], "a"]}, "invalid_type", "input"),
        ({"input": [True]}, "invalid_type", "input"),
        ({"input": [[]]}, "invalid_value", "input"),
        ({"input": [[1, 2], [-1]]}, "invalid_value", "input"),
        ({"input": ["x"] * 2049}, "array_above_max_length", "input"),
        ({"input": ["word " * 7000] * 50}, "max_tokens_per_request", "input"),
        ({"input": "word " * 9000}, "invalid_value", None),
        ({"dimensions": 0}, "integer_below_min_value", "dimensions"),
        ({"dimensions": 9999}, "invalid_value", None),
        ({"encoding_format": "hex"}, "invalid_value", "encoding_format"),
        ({"model": "gpt-6-luna"}, "wrong_model_kind", None),
        ({"inputs": "x"}, "unknown_parameter", "inputs"),
    ],
)
async def test_a_wrong_request_is_refused(
    serve: Serve, change: dict[str, Any], code: str | None, param: str | None
) -> None:
    """All limits of a request are kept."""
    wire = await serve()
    body = {"model": wire.embedding_model, "input": "x", **change}
    assert await wire.refused("POST", "/embeddings", body) == (400, code, param)
