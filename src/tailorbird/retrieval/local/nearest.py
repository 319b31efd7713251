"""Find the chunks whose vectors may be nearest: by all vectors, or by their codes first.

With codes, the vectors whose codes differ least are compared first. The worst of the best `top_k`
among them is a cosine that any other vector has to beat to matter; from it follows in how many bits
the code of such a vector may differ, with three deviations to spare, and all vectors within that
are compared as well. So what codes may miss is known, whatever the vectors are: about one in a
thousand of the chunks that belong to the best. Where the vectors do not tell near from far, most of
them are within, and all are compared without codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tailorbird.retrieval.local.codes import farthest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tailorbird.retrieval.local.content import Content

_Scalar = TypeVar("_Scalar", bound=np.generic)
_DOUBT = 3.0
_FIRST = 8  # vectors compared first, for each that is wanted
_LEAST_FIRST = 64
# Comparing vectors that stand here and there takes about this many times as long as comparing
# those that stand behind each other (1,024 of 100,000 × 1,536, 2026-11-22).
_SCATTERED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Chunks, and how near they are."""

    places: NDArray[np.intp]
    """Their places in the content."""
    products: NDArray[np.float32]
    """The products of their vectors with that of the query, in single precision."""
    estimates: NDArray[np.float32] | None = None
    """What codes tell of the product at each of all places; None where all were compared."""


def all_near(content: Content, vector: NDArray[np.float32], within: NDArray[np.intp]) -> Near:
    """Compare all vectors at some places."""
    if len(within) * _SCATTERED < content.places:
        return Near(places=within, products=content.products(within, vector))
    return Near(places=within, products=values_at(content.all_products(vector), within))


def values_at(values: NDArray[_Scalar], within: NDArray[np.intp]) -> NDArray[_Scalar]:
    """Give the values at some of all places, which increase; for all of them, nothing is copied."""
    return values if len(within) == len(values) else values[within]


def coded_near(
    content: Content, vector: NDArray[np.float32], within: NDArray[np.intp], top_k: int
) -> Near:
    """Compare the vectors at some places that may be among the `top_k` nearest by their codes.

    The content has codes. What is found is among the places in their order.
    """
    apart = values_at(content.distances(vector), within)
    first = max(_LEAST_FIRST, _FIRST * top_k)
    if len(within) <= first * _SCATTERED:
        return all_near(content, vector, within)
    tried = _least(apart, first)
    products = content.products(within[tried], vector)
    worst = float(np.partition(products, -top_k)[-top_k])
    limit = farthest(worst, bits=content.codes_bits, doubt=_DOUBT)
    rest = apart <= limit
    rest[tried] = True
    close = np.flatnonzero(rest)
    if len(close) * _SCATTERED > len(within):
        return all_near(content, vector, within)
    return Near(
        places=within[close],
        products=content.products(within[close], vector),
        estimates=_table(content.codes_bits)[apart],
    )


def _least(values: NDArray[np.uint16], count: int) -> NDArray[np.intp]:
    """Give where the `count` smallest values stand, and some that are equal to the last of them.

    Values are counted, in a third of the time that putting them in order takes. Where very many are
    equal, a part of them is given: twice `count` at most.
    """
    limit = int(np.searchsorted(np.bincount(values).cumsum(), count))
    return np.flatnonzero(values <= limit)[: 2 * count]


def _table(bits: int) -> NDArray[np.float32]:
    """Give the cosine that each number of different bits stands for."""
    cosines: NDArray[np.float64] = np.cos(np.arange(bits + 1) * (np.pi / bits))
    return cosines.astype(np.float32)
