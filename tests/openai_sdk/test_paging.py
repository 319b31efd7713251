"""Listings in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tailorbird._openai_sdk.answers import Page
from tailorbird._openai_sdk.paging import Listed, Listing
from tailorbird.exceptions import UnexpectedResponseError

if TYPE_CHECKING:
    from conftest import Cloud, Taken, Tools


def listing(most_pages: int = 100) -> Listing[Listed]:
    """Make a listing of things."""
    return Listing(
        path="/things", operation="things.list", page=Page[Listed], most_pages=most_pages
    )


async def ids_of(cloud: Cloud, most_pages: int = 100) -> list[str]:
    """Read all things."""
    items = listing(most_pages).items(cloud.connection, timeout_s=60)
    return [item.id async for item in items]


async def test_pages_that_never_end_are_bounded(cloud: Cloud, tools: Tools) -> None:
    """A server that always has more, under ever new names, is given up."""

    def endless(_: Taken) -> object:
        return tools.page({"id": f"thing-{len(cloud.taken)}"}, more=True)

    cloud.on("GET /things", endless)
    with pytest.raises(UnexpectedResponseError, match="more than 3 pages"):
        await ids_of(cloud, most_pages=3)
    assert len(cloud.taken) == 3


async def test_circle_is_told_in_few_words(cloud: Cloud) -> None:
    """Of a cursor that comes twice the message shows the beginning, however long it is."""
    cloud.on("GET /things", {"data": [{"id": "a"}], "has_more": True, "last_id": "c" * 5000})
    with pytest.raises(UnexpectedResponseError, match="run in a circle: 'ccc") as caught:
        await ids_of(cloud)
    assert len(str(caught.value)) < 400


async def test_page_that_is_empty_is_the_last(cloud: Cloud, tools: Tools) -> None:
    """Nothing on a page means the end, whatever the server says."""
    cloud.on("GET /things", tools.page({"id": "a"}, more=True), tools.page(more=True))
    assert await ids_of(cloud) == ["a"]


async def test_page_without_a_word_about_more_is_the_last(cloud: Cloud) -> None:
    """A server that does not page sends a list and nothing else."""
    cloud.on("GET /things", {"data": [{"id": "a"}, {"id": "b"}]})
    assert await ids_of(cloud) == ["a", "b"]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        {"data": {}},
        {"data": None},
        {"data": [{"id": 7}]},
        {"data": [], "has_more": "yes"},
    ],
    ids=repr,
)
async def test_page_of_another_shape_is_refused(cloud: Cloud, answer: object) -> None:
    """What is no page is an error that names the place and not the content."""
    cloud.on("GET /things", answer)
    with pytest.raises(UnexpectedResponseError, match=r"things\.list"):
        await ids_of(cloud)
