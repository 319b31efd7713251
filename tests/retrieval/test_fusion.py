"""The fused score takes the best of both legs, and lets no bad leg spoil a good one."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tailorbird.retrieval.fusion import Evidence, Fusion, largest
from tailorbird.retrieval.local.lexical import LexicalIndex, LexicalScores
from tailorbird.text import has_spaced_words, hash_embedding

SHARED = Path(__file__).parents[3] / "shared" / "data"
SETS = {"en_xquad": 2, "ja_jsquad": 8, "company_contoso": 1}
TOLERANCE = 0.01


def fusion(
    cosines: NDArray[np.float32], bm25: NDArray[np.float32], *, most: float, spaced: bool = True
) -> Fusion:
    """Take the evidence of all chunks of a query."""
    return Fusion(
        Evidence(
            count=len(cosines),
            top=largest(cosines),
            best=float(bm25.max()),
            most=most,
            spaced=spaced,
        )
    )


def fuse(
    cosines: list[float] | NDArray[np.float32],
    bm25: list[float],
    most: float = 10.0,
    *,
    spaced: bool = True,
) -> list[float]:
    """Fuse all chunks of a query."""
    legs = np.array(cosines, dtype=np.float32), np.array(bm25, dtype=np.float32)
    return fusion(*legs, most=most, spaced=spaced).scores(*legs).tolist()


def noise(count: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Make cosines of random vectors."""
    return np.random.default_rng(seed).normal(0, 0.025, count).astype(np.float32)


def test_words_win_over_noise() -> None:
    """A chunk with the query's words comes first whatever random cosines say."""
    for seed in range(200):
        bm25 = [0.0] * 100
        bm25[7] = 5.0
        scores = fuse(noise(100, seed=seed), bm25)
        assert max(scores) == scores[7]


def test_vectors_win_where_words_are_silent() -> None:
    """A chunk whose cosine stands out comes first when no word matches."""
    cosines = noise(100)
    cosines[42] = 0.6
    assert np.argmax(fuse(cosines, [0.0] * 100)) == 42
    assert np.argmax(fuse(cosines, [0.0] * 100, most=0.0)) == 42


def test_few_words_of_many_fade() -> None:
    """One shared word of a long query does not hold against a cosine that stands out."""
    cosines = noise(100)
    cosines[42] = 0.6
    bm25 = [0.0] * 100
    bm25[7] = 4.5
    assert np.argmax(fuse(cosines, bm25, most=60.0)) == 42
    assert np.argmax(fuse(noise(100), bm25, most=60.0)) == 7


def test_a_rare_word_counts_the_same_in_a_long_query() -> None:
    """What a chunk has more of counts as it is, not as a share of all that the query asks for."""
    cosines = noise(100)
    cosines[42] = 0.12
    for said in (5.0, 20.0, 80.0):
        bm25 = [0.0] * 100
        bm25[42], bm25[7] = said, said + 0.5
        assert np.argmax(fuse(cosines, bm25, most=1.5 * said)) == 42
        bm25[7] = said + 5.0
        assert np.argmax(fuse(cosines, bm25, most=1.5 * said)) == 7


def test_pairs_of_characters_count_half() -> None:
    """Words count half where the terms are characters and pairs of them, which overlap."""
    cosines = noise(100)
    cosines[42] = 0.12
    bm25 = [0.0] * 100
    bm25[42], bm25[7] = 20.0, 23.0
    told = fuse(cosines, bm25, most=40.0)
    assert np.argmax(told) == 7
    assert np.argmax(fuse(cosines, bm25, most=40.0, spaced=False)) == 42


def test_the_score_tells_near_from_far() -> None:
    """Of queries whose best chunk is the best of both legs, the better covered one scores more."""
    cosines = noise(100)
    bm25 = [0.0] * 100
    bm25[int(np.argmax(cosines))] = 6.0
    told = [max(fuse(cosines, bm25, most=most)) for most in (6.0, 20.0, 50.0, 100.0, 400.0)]
    assert told == sorted(told, reverse=True)
    assert told[0] > 0.7
    assert told[-1] < 0.2


def test_one_chunk_and_no_word_of_it() -> None:
    """A single chunk stands out from nothing, so its cosine alone says nothing."""
    assert fuse([0.9], [0.0], most=4.0) == [0.0]
    assert fuse([0.9], [0.0], most=0.0) == [0.0]
    assert fuse([0.9], [2.0], most=4.0) == [1.0]


def test_equal_cosines_say_nothing() -> None:
    """Cosines that are all alike leave the order to the words."""
    bm25 = [float(number) for number in range(20)]
    scores = fuse([0.8] * 20, bm25, most=20.0)
    assert scores == sorted(scores)
    assert len(set(scores)) == 20


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 11])
def test_small_indexes(count: int) -> None:
    """In an index of few chunks the one that both legs prefer comes first."""
    cosines = [0.1 + 0.01 * number for number in range(count)]
    cosines[0] = 0.9
    bm25 = [0.0] * count
    bm25[0] = 4.0
    assert np.argmax(fuse(cosines, bm25)) == 0


@given(
    cosines=arrays(np.float32, st.integers(1, 40), elements=st.floats(-1, 1, width=32)),
    data=st.data(),
)
def test_scores_are_within_bounds_and_monotone(
    cosines: NDArray[np.float32], data: st.DataObject
) -> None:
    """Scores lie in 0..1, and a chunk that is at least as good in both legs scores no less."""
    bm25 = data.draw(arrays(np.float32, len(cosines), elements=st.floats(0, 8, width=32)))
    scores = fusion(cosines, bm25, most=8.0).scores(cosines, bm25)
    assert ((scores >= 0) & (scores <= 1)).all()
    for one in range(len(cosines)):
        better = (cosines >= cosines[one]) & (bm25 >= bm25[one])
        assert (scores[better] >= scores[one] - 1e-12).all()


def test_bad_words_do_not_spoil_good_vectors() -> None:
    """Where words match by chance only, as across languages, the vectors decide nearly alone."""
    random = np.random.default_rng(5)
    right = 0
    for _ in range(200):
        cosines = random.normal(0, 0.03, 300).astype(np.float32)
        answer = int(random.integers(300))
        cosines[answer] += 0.3
        by_chance = np.where(random.random(300) < 0.05, random.random(300) * 0.6, 0)
        right += int(np.argmax(fuse(cosines, by_chance.tolist(), most=12.0))) == answer
    assert right >= 196


@dataclass(frozen=True)
class Trial:
    """A set of documents and queries, scored by words."""

    documents: list[str]
    queries: list[str]
    right: NDArray[np.bool_]
    words: list[LexicalScores]

    def hit_rate(self, scores: list[NDArray[np.float32]] | list[NDArray[np.float64]]) -> float:
        """Give the share of queries whose best document is right."""
        best = [int(one.argmax()) for one in scores]
        return float(self.right[np.arange(len(best)), best].mean())

    def compare(
        self, vectors: NDArray[np.float32], queries: NDArray[np.float32]
    ) -> tuple[float, float, float]:
        """Give the hit rates by words, by vectors, and by both."""
        cosines = list(queries @ vectors.T)
        fused = [
            fusion(one, words.scores, most=words.most, spaced=has_spaced_words(query)).scores(
                one, words.scores
            )
            for query, one, words in zip(self.queries, cosines, self.words, strict=True)
        ]
        return (
            self.hit_rate([words.scores for words in self.words]),
            self.hit_rate(cosines),
            self.hit_rate(fused),
        )


@lru_cache(maxsize=1)
def read_trial(name: str, *, every: int = 0) -> Trial:
    """Read a shared set, of the larger ones a part of the queries unless told otherwise."""

    def rows(kind: str) -> list[dict[str, str]]:
        lines = (SHARED / name / f"{kind}.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    right: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows("qrels"):
        right[row["query"]].add(row["doc"])
    corpus = rows("corpus")
    asked = [row for row in rows("queries") if row.get("kind", "ground_truth_a")[-2:] == "_a"]
    asked = [row for row in asked if row["id"] in right][:: every or SETS[name]]
    documents = [f"{row['title']}\n{row['text']}" for row in corpus]
    index = LexicalIndex.of(documents)
    return Trial(
        documents=documents,
        queries=[row["text"] for row in asked],
        right=np.array([[doc["id"] in right[row["id"]] for doc in corpus] for row in asked]),
        words=[index.search(row["text"]) for row in asked],
    )


@pytest.mark.shared
@pytest.mark.parametrize(("name", "floor"), [("en_xquad", 0.92), ("ja_jsquad", 0.9)])
def test_words_find_the_right_document(name: str, floor: float) -> None:
    """Words alone find the right document first in at least this share of real questions."""
    trial = read_trial(name, every=1)
    assert trial.hit_rate([words.scores for words in trial.words]) >= floor


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_hybrid_keeps_up_with_the_better_leg(name: str) -> None:
    """With the fake's embedding, both legs together are as good as the better one."""
    trial = read_trial(name)
    vectors = hash_embedding(trial.documents, dimensions=512)
    queries = hash_embedding(trial.queries, dimensions=512)
    words, alone, both = trial.compare(vectors, queries)
    assert both >= max(words, alone) - TOLERANCE


@pytest.mark.shared
@pytest.mark.parametrize("dimensions", [64, 512])
@pytest.mark.parametrize("name", SETS)
def test_random_vectors_spoil_nothing(name: str, dimensions: int) -> None:
    """With vectors that mean nothing, both legs together are as good as words alone."""
    trial = read_trial(name)
    random = np.random.default_rng(dimensions)
    vectors = unit(random.standard_normal((len(trial.documents), dimensions)))
    words, alone, both = trial.compare(
        vectors, unit(random.standard_normal((len(trial.queries), dimensions)))
    )
    assert alone < 0.05
    assert both >= words - TOLERANCE


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_half_blind_vectors_spoil_nothing(name: str) -> None:
    """With vectors that see part of the text only, as of a foreign model, nothing is spoiled."""
    trial = read_trial(name)
    blind = dict.fromkeys(range(13312, 40960), "※")
    vectors, queries = (
        hash_embedding([text.translate(blind)[:60] for text in texts], dimensions=512)
        for texts in (trial.documents, trial.queries)
    )
    words, alone, both = trial.compare(vectors, queries)
    assert both >= max(words, alone) - TOLERANCE


@pytest.mark.shared
@pytest.mark.parametrize("name", ["en_xquad", "ja_jsquad"])
def test_two_good_legs_are_better_than_each(name: str) -> None:
    """With vectors that err elsewhere than words do, both together beat each alone."""
    trial = read_trial(name)
    random = np.random.default_rng(9)
    vectors = hash_embedding(trial.documents, dimensions=1536)
    noisy = random.standard_normal((len(trial.queries), 1536)) / np.sqrt(1536)
    queries = unit(vectors[trial.right.argmax(axis=1)] + 8 * noisy)
    words, alone, both = trial.compare(vectors, queries)
    assert both > max(words, alone)


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scale each row to length 1."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
