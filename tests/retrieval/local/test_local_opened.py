"""Closing and deleting while something is open."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from pydantic import PrivateAttr
from typing_extensions import override

from tailorbird.exceptions import IndexMissingError
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.types import IndexName, SearchQuery

if TYPE_CHECKING:
    from tests.retrieval.conftest import Library

NAME = IndexName("library")
MAPS = Path("/proc/self/maps")


def mapped() -> str:
    """Say what this process has mapped into memory."""
    return MAPS.read_text()


class HeldQuery(SearchQuery):
    """A query in whose midst a search stops until it may go on."""

    _begun: Event = PrivateAttr(default_factory=Event)
    _may_end: Event = PrivateAttr(default_factory=Event)

    @override
    def __repr__(self) -> str:
        self._begun.set()
        assert self._may_end.wait(20)
        return super().__repr__()

    def wait(self) -> None:
        """Wait until a search is in the midst of it."""
        assert self._begun.wait(20)

    def go_on(self) -> None:
        """Let the search go on."""
        self._may_end.set()


async def test_closing_waits_for_a_search(tmp_path: Path, library: Library) -> None:
    """Closing while a search is at work ends when that does, also when nobody waits for it."""
    engine = LocalRetrieval(tmp_path)
    await engine.create(library.spec)
    await engine.upsert(NAME, [library.document("a", "text")])
    query = HeldQuery(text="text", mode="lexical")
    async with asyncio.TaskGroup() as group:
        searching = group.create_task(engine.search(NAME, query))
        await asyncio.to_thread(query.wait)
        closing = group.create_task(engine.close())
        for _ in range(20):
            await asyncio.to_thread(lambda: None)  # so that closing has begun in its thread
        assert not closing.done()
        query.go_on()
        [hit] = await asyncio.wait_for(searching, 20)
        await asyncio.wait_for(closing, 20)
    assert hit.chunk.id == "a#0"


@pytest.mark.skipif(not MAPS.exists(), reason="what is mapped cannot be seen here")
@pytest.mark.parametrize("mine", [True, False], ids=["this engine", "another one"])
async def test_deleted_index_stays_not_mapped(
    tmp_path: Path, library: Library, *, mine: bool
) -> None:
    """Room of a deleted index comes back while the engine that searched it goes on."""
    other = library.spec.model_copy(update={"name": IndexName("other")})
    async with LocalRetrieval(tmp_path) as engine, LocalRetrieval(tmp_path) as another:
        for spec in (library.spec, other):
            await engine.create(spec)
            await engine.upsert(spec.name, [library.document(spec.name, "some text")])
        query = SearchQuery(text="text", mode="lexical")
        await engine.search(NAME, query)
        [file] = [path.name for path in (tmp_path / "segments").iterdir() if str(path) in mapped()]
        await (engine if mine else another).delete(NAME)
        if not mine:
            with pytest.raises(IndexMissingError):
                await engine.search(NAME, query)
            await engine.search(other.name, query)
        assert file not in mapped()
