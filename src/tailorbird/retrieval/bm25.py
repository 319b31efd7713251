"""The weights of BM25, the same in every engine of ours that scores words itself.

The score of a text is the sum, over the query's terms, of
`idf × tf / (tf + k1 × (1 - b + b × length / mean length))`, where
`idf = ln(1 + (n - df + 0.5) / (df + 0.5))`. This is the form of Lucene's `BM25Similarity`, which
leaves out the constant factor `k1 + 1`, so that no term adds more than its idf (Apache Lucene 10.3,
https://lucene.apache.org/core/10_3_0/core/org/apache/lucene/search/similarities/BM25Similarity.html,
read 2026-11-22). S. Robertson, H. Zaragoza: The Probabilistic Relevance Framework, 2009.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

K1 = 1.5
"""How late repetition of a term saturates; within the 1.2 to 2 of Robertson and Zaragoza."""

B = 0.75
"""How far long texts are held against short ones; their value and Lucene's."""


def rarity(frequencies: NDArray[np.int64], *, texts: int) -> NDArray[np.float64]:
    """Give the idf of terms that stand in so many of the texts."""
    return np.log1p((texts - frequencies + 0.5) / (frequencies + 0.5))


def damping(lengths: NDArray[np.float32], *, mean: float) -> NDArray[np.float32]:
    """Give what is added to `tf` below the line, for texts of so many terms.

    Args:
        lengths: How many terms each text has, counted as often as they occur.
        mean: The mean of that over all texts, at least 1.
    """
    return K1 * (1 - B + B * lengths / mean)
