"""An index whose texts are embedded by OpenAI's batches, over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tailorbird import Workbench
from tailorbird.config import Profile
from tailorbird.exceptions import WaitTimeoutError
from tailorbird.journal import Workspace
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.providers.openai import OpenAIProvider
from tailorbird.testing.wire import WireApp, wire_app
from tailorbird.types import Document, DocumentId, ModelId, RoleModel
from tailorbird.types.secrets import Secret
from tailorbird.workflow.bulk.asking import BulkOptions

PAGES = [
    Document(id=DocumentId(f"p{number}"), text=f"Page {number}: 縫う鳥 {number * 7}.")
    for number in range(5)
]
PROFILE = Profile(
    name="openai",
    provider="openai",
    roles={"embedding": RoleModel(model=ModelId("text-embedding-3-small"))},
)


@asynccontextmanager
async def room(app: WireApp, clock: VirtualClock, folder: Path) -> AsyncIterator[Workbench]:
    """Open a workbench on OpenAI, as the app plays it."""
    provider = OpenAIProvider(
        key=Secret("test-key", source="test"),
        clock=clock,
        transport=httpx2.ASGITransport(app=app),
    )
    async with Workbench(provider, profile=PROFILE, workspace=Workspace(folder)) as bench:
        yield bench


async def test_batches_of_openai_fill_an_index(tmp_path: Path) -> None:
    """Handed in by one process, taken by the next; nothing is sent to the embeddings endpoint."""
    clock = VirtualClock()
    async with (
        FakeProvider(FakeSettings(flavor="openai"), clock=clock) as fake,
        wire_app(fake) as app,
    ):
        async with room(app, clock, tmp_path) as bench:
            with pytest.raises(WaitTimeoutError):
                await bench.build_index(PAGES, name="birds", bulk=BulkOptions(timeout_s=0))
        async with room(app, clock, tmp_path) as bench:
            told = await bench.estimate_index(PAGES, name="birds", bulk=True)
            index = await bench.build_index(PAGES, name="birds", bulk=True)
            assert (index.info.documents, index.embedded, told.texts) == (5, 5, 5)
            [entry] = [one for one in await bench.spending() if one.what == "embeddings"]
            assert (entry.subject, entry.usage) == ("birds", index.usage)
            assert len([one async for one in bench.provider.batches.list()]) == 1
        assert "embeddings.embed" not in {one.operation for one in app.seen}
