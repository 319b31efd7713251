"""The inverted index scores by BM25, and follows changes exactly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.retrieval.local.lexical import LexicalIndex
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


@given(before=texts_of_words, after=texts_of_words, data=st.data())
def test_changed_index_is_like_a_new_one(
    before: list[str], after: list[str], data: st.DataObject
) -> None:
    """Leaving texts out and adding others gives what indexing the rest anew gives."""
    keep = data.draw(st.lists(st.booleans(), min_size=len(before), max_size=len(before)))
    rest = [text for text, kept in zip(before, keep, strict=True) if kept]
    index = LexicalIndex.of(before)
    changed = index.changed(np.array(keep, dtype=np.bool_), after)
    new = LexicalIndex.of([*rest, *after])
    old = LexicalIndex.of(before)
    for query in [" ".join(WORDS), *WORDS]:
        assert changed.search(query).scores.tolist() == new.search(query).scores.tolist()
        assert changed.search(query).most == pytest.approx(new.search(query).most)
        assert index.search(query).scores.tolist() == old.search(query).scores.tolist()


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
