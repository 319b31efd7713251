"""The inverted index scores by BM25, and follows changes exactly."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.retrieval.local.lexical import CountedTerms, LexicalIndex, LexicalPart
from tailorbird.retrieval.local.merging import Merger
from tailorbird.retrieval.local.postings import Postings
from tailorbird.text import search_terms

WORDS = [
    "sew",
    "nest",
    "leaf",
    "VPN-200",
    "縫う",
    "休暇",
    "休",
    "暇",
    "日",
    "25日",
    "Ångström",
    "🪡",
]
texts_of_words = st.lists(
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), min_size=0, max_size=12
)


def plain_bm25(texts: Sequence[str], query: str) -> list[float]:
    """Score by the formula, one text and one term at a time."""
    counted = [Counter(search_terms(text)) for text in texts]
    lengths = [one.total() for one in counted]
    mean = max(1.0, sum(lengths) / max(1, len(texts)))
    scores = []
    for one, length in zip(counted, lengths, strict=True):
        score = 0.0
        for term in search_terms(query):
            df = sum(term in other for other in counted)
            idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
            tf = one[term]
            score += idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * length / mean))
        scores.append(score)
    return scores


@given(texts=texts_of_words, query=st.lists(st.sampled_from([*WORDS, "unknown", "貯"]), max_size=5))
def test_scores_are_those_of_the_formula(texts: list[str], query: list[str]) -> None:
    """Scores are what the formula gives, and none exceeds what the index says is the most."""
    found = LexicalIndex.of(texts).search(" ".join(query))
    assert found.scores.tolist() == pytest.approx(plain_bm25(texts, " ".join(query)), rel=1e-5)
    assert found.scores.max(initial=0.0) <= found.most * (1 + 1e-6)


def test_terms_that_stand_often_keep_their_counts() -> None:
    """Counts that one byte cannot hold are the same after postings were put together."""
    groups = [Postings.of(["nest " * 256, "nest"]), Postings.of(["nest " * 255])]
    merger = Merger([(one, np.ones(len(one.lengths), dtype=np.bool_)) for one in groups])
    assert [piece.tolist() for piece in merger.texts()] == [[0, 1, 2]]
    assert [piece.tolist() for piece in merger.counts()] == [[256, 1, 255]]


@settings(max_examples=25)
@given(
    groups=st.lists(texts_of_words, min_size=1, max_size=4),
    data=st.data(),
)
def test_merged_postings_are_like_new_ones(groups: list[list[str]], data: st.DataObject) -> None:
    """Groups of texts score alike apart, put together, and counted anew without what is gone."""
    keeps = [
        np.array(
            data.draw(st.lists(st.booleans(), min_size=len(one), max_size=len(one))), dtype=np.bool_
        )
        for one in groups
    ]
    counted = [Postings.of(one) for one in groups]
    kept = np.concatenate(keeps)
    rest = [text for text, keep in zip(chain.from_iterable(groups), kept, strict=True) if keep]
    stretch = data.draw(st.sampled_from([1, 5, 1000]))
    merger = Merger(list(zip(counted, keeps, strict=True)), stretch=stretch)
    texts = np.concatenate([np.zeros(0, dtype=np.int32), *merger.texts()])
    counts = np.concatenate([np.zeros(0, dtype=np.uint16), *merger.counts()])
    merged = dataclasses.replace(merger.rest(), texts=texts, counts=counts)
    new = Postings.of(rest)
    for field in ("texts", "counts", "lengths"):
        assert getattr(merged, field).tolist() == getattr(new, field).tolist()
    assert merged.terms.short.tolist() == new.terms.short.tolist()
    assert merged.terms.starts.tolist() == new.terms.starts.tolist()
    assert list(merged.terms.words) == list(new.terms.words)
    apart = LexicalIndex(
        [
            LexicalPart(source=CountedTerms(one), alive=keep)
            for one, keep in zip(counted, keeps, strict=True)
        ]
    )
    for query in [" ".join(WORDS), *WORDS]:
        alone, wanted = apart.search(query), LexicalIndex.of(rest).search(query)
        assert alone.scores[kept].tolist() == wanted.scores.tolist()
        assert not alone.scores[~kept].any()
        assert alone.most == wanted.most


def test_many_texts_are_counted_in_batches() -> None:
    """Texts beyond one batch have their own numbers."""
    index = LexicalIndex.of(f"common word{number}" for number in range(100))
    for number in (0, 15, 16, 17, 99):
        assert int(index.search(f"word{number}").scores.argmax()) == number
    assert (index.search("common").scores > 0).all()


def test_huge_counts_saturate() -> None:
    """A term may stand in a text more often than the counter counts."""
    scores = LexicalIndex.of(["leaf " * 70_000, "nest"]).search("leaf").scores
    assert scores[0] > 0
    assert scores[1] == 0


def test_rare_characters() -> None:
    """Characters beyond the basic plane and the highest code points are terms like others."""
    texts = ["𠮷野家", "吉野家", "\U0002fa1d\U0003fffd"]
    for number, text in enumerate(texts):
        assert int(LexicalIndex.of(texts).search(text).scores.argmax()) == number
