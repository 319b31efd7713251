"""Character n-grams, and the vectors made of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.exceptions import InvalidInputError
from tailorbird.text import char_grams, hash_embedding

SHARED = Path(__file__).parents[3] / "shared" / "data"


def test_grams_are_all_runs_of_the_wanted_lengths() -> None:
    """Runs come shortest first, from the start to the end of the text."""
    assert char_grams("abc", low=1, high=2) == ["a", "b", "c", "ab", "bc"]
    assert char_grams("ab", low=3, high=4) == []


@pytest.mark.parametrize(("low", "high"), [(0, 2), (3, 2), (-1, -1)])
def test_grams_of_impossible_lengths_are_refused(low: int, high: int) -> None:
    """The error repeats what was asked for."""
    with pytest.raises(InvalidInputError, match=f"low={low}, high={high}"):
        char_grams("abc", low=low, high=high)


@given(
    st.lists(st.text(max_size=30), max_size=8),
    st.integers(min_value=1, max_value=64),
)
def test_vectors_are_finite_and_of_unit_length(texts: list[str], dimensions: int) -> None:
    """Any text gives a usable vector, a blank one too."""
    vectors = hash_embedding(texts, dimensions=dimensions)
    assert vectors.shape == (len(texts), dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=6))
def test_a_vector_does_not_depend_on_its_neighbors(texts: list[str]) -> None:
    """Embedding together and one by one gives the same."""
    together = hash_embedding(texts, dimensions=128)
    alone = np.vstack([hash_embedding([text], dimensions=128) for text in texts])
    assert np.array_equal(together, alone)


def test_many_texts_are_embedded_in_batches_without_a_seam() -> None:
    """Batches are bounded in characters and in cells; neither shows in the result."""
    texts = [f"text number {number} " * 40 for number in range(600)]
    whole = hash_embedding(texts, dimensions=8192)
    assert np.array_equal(whole[599], hash_embedding(texts[599:], dimensions=8192)[0])
    assert np.array_equal(whole[0], hash_embedding(texts[:1], dimensions=8192)[0])


def test_vectors_do_not_depend_on_the_process() -> None:
    """Python's own hash, which is salted for each process, plays no part."""
    program = (
        "from tailorbird.text import hash_embedding;"
        "print(hash_embedding(['出張の旅費 travel'], dimensions=16).tobytes().hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {hash_embedding(["出張の旅費 travel"], dimensions=16).tobytes().hex() + "\n"}


def test_vectors_stay_the_same_from_version_to_version() -> None:
    """Indexes keep vectors: a change here makes every index of the fake worthless."""
    [vector] = hash_embedding(["ab"], dimensions=8)
    assert vector.round(4).tolist() == pytest.approx([0, 0.8321, 0, 0, 0, 0.5547, 0, 0])


def test_alike_texts_are_close_and_others_are_not() -> None:
    """Common wording shows in both languages; width and case do not."""
    texts = [
        "返品の手続きを教えて",
        "返品したいときの手続き",
        "会議室の予約",
        "VPN200",
        "ｖｐｎ２００",
    ]
    close = hash_embedding(texts, dimensions=1536) @ hash_embedding(texts, dimensions=1536).T
    assert close[0, 1] > 0.4
    assert close[0, 2] < 0.2
    assert close[3, 4] == pytest.approx(1.0)


@pytest.mark.parametrize("texts", [["", " "], ["\ud800", "\x00"]])
def test_odd_texts_get_a_vector(texts: list[str]) -> None:
    """Blank texts and lone surrogates do not fail."""
    assert np.isfinite(hash_embedding(texts, dimensions=4)).all()


def test_grams_that_cancel_out_leave_an_arbitrary_unit_vector() -> None:
    """With one dimension, six signs can add up to nothing; length 1 is still promised."""
    texts = [chr(first) + "日本" for first in range(0x4E00, 0x4E40)]
    assert np.abs(hash_embedding(texts, dimensions=1)).tolist() == [[1.0]] * len(texts)


def test_one_string_and_no_dimension_are_refused() -> None:
    """Two slips of a caller are told apart from data."""
    with pytest.raises(InvalidInputError, match="put it into a list"):
        hash_embedding("text", dimensions=8)
    with pytest.raises(InvalidInputError, match="at least 1, got 0"):
        hash_embedding(["text"], dimensions=0)


def first_hits(name: str) -> float:
    """Return the share of questions whose right document has the closest vector."""

    def rows(file: str) -> list[dict[str, str]]:
        lines = (SHARED / name / f"{file}.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    right = {(row["query"], row["doc"]) for row in rows("qrels")}
    corpus, queries = rows("corpus"), rows("queries")
    documents = [f"{doc['title']}\n{doc['text']}" for doc in corpus]
    close = (
        hash_embedding([query["text"] for query in queries], dimensions=1536)
        @ hash_embedding(documents, dimensions=1536).T
    )
    best = close.argmax(axis=1)
    found = [
        (query["id"], corpus[int(at)]["id"]) in right
        for query, at in zip(queries, best, strict=True)
    ]
    return sum(found) / len(found)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(("name", "floor"), [("ja_jsquad", 0.82), ("en_xquad", 0.80)])
def test_vectors_find_the_right_paragraph(name: str, floor: float) -> None:
    """Cosine over these vectors, without statistics of the corpus, ranks it first often enough."""
    assert first_hits(name) >= floor
