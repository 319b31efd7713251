"""Listings that repeat themselves, or never end, are read once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import cycle

import pytest

from tailorbird.workflow.once.listing import distinct


async def listing(items: list[str], *, circle: bool = False) -> AsyncIterator[str]:
    """Give items, once or for ever."""
    for item in cycle(items) if circle else items:
        yield item


@pytest.mark.parametrize(
    ("items", "expected"),
    [([], []), (["a", "b"], ["a", "b"]), (["a", "a", "b", "a"], ["a", "b"])],
)
async def test_items_come_once_in_their_order(items: list[str], expected: list[str]) -> None:
    """What is listed twice comes where it stood first."""
    assert await distinct(listing(items), str) == expected


async def test_a_cursor_in_a_circle_ends() -> None:
    """Pages that come again and again are noticed."""
    names = [str(number) for number in range(250)]
    assert await distinct(listing(names, circle=True), str) == names


async def test_a_listing_without_end_is_cut() -> None:
    """So many items are read, and no more."""
    names = [str(number) for number in range(50)]
    assert await distinct(listing(names), str, most=20) == names[:20]
