"""Read a provider's listing with care: cursors that run in a circle, pages without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")

MOST_ITEMS = 1_000
"""How far back jobs and files are read: what is looked for was made lately, or is filtered."""

MOST_EVENTS = 10_000
"""How many events of one job are read: a step a second for three hours."""

# A page of a listing has at most 100 items (OpenAPI description of OpenAI, ListFineTuningJobs, read
# 2026-11-22): so many known ones in a row are a page that came before.
_PAGE = 100


async def distinct(
    items: AsyncIterator[T], key: Callable[[T], str], *, most: int = MOST_ITEMS
) -> list[T]:
    """Give the items of a listing, each once, in their order.

    It ends with the listing, after `most` different items, or when 100 in a row were there before:
    then a cursor runs in a circle.

    Args:
        items: The listing.
        key: Gives an item's id.
        most: How many different items to read at most.
    """
    found: dict[str, T] = {}
    repeated = 0
    async for item in items:
        name = key(item)
        repeated = repeated + 1 if name in found else 0
        found.setdefault(name, item)
        if len(found) >= most or repeated >= _PAGE:
            break
    return list(found.values())
