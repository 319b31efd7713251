"""What the tests of Azure AI Search share: documents, and something between engine and service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import numpy as np
from numpy.typing import NDArray

from tailorbird.protocols import Retrieval
from tailorbird.providers.azure import AzureProvider, AzureSettings, SearchSettings
from tailorbird.testing.wire import WireApp
from tailorbird.types import (
    Chunk,
    ChunkedDocument,
    ChunkId,
    Document,
    DocumentId,
    IndexName,
    IndexSpec,
    MetadataValue,
    ModelId,
    Span,
)

from .conftest import AzureWorld

NAME = IndexName("handbook")
SPEC = IndexSpec(name=NAME, embedding_model=ModelId("embed"), dimensions=3)
WORDS_ONLY = IndexSpec(name=NAME)
SEARCH = "https://contoso.search.windows.net"
EAST = np.array([1, 0, 0], dtype=np.float32)
NORTH = np.array([0, 1, 0], dtype=np.float32)

Change = Callable[[httpx2.Request, httpx2.Response], httpx2.Response | None]


def document(
    name: str,
    *texts: str,
    vectors: NDArray[np.float32] | None = None,
    metadata: dict[str, MetadataValue] | None = None,
) -> ChunkedDocument:
    """Make a document of chunks that point to the east."""
    source = Document(id=DocumentId(name), text="\n".join(texts), metadata=metadata or {})
    chunks = tuple(
        Chunk(
            id=ChunkId(f"{name}#{place}"),
            document=source.id,
            text=text,
            span=Span(start=0, end=len(text)),
            metadata=source.metadata,
        )
        for place, text in enumerate(texts)
    )
    made = np.stack([EAST] * len(texts)) if texts else np.zeros((0, 3), dtype=np.float32)
    return ChunkedDocument(
        document=source,
        chunks=chunks,
        content_hash=f"hash of {texts}",
        vectors=made if vectors is None else vectors,
    )


@dataclass
class Between(httpx2.AsyncBaseTransport):
    """Stands before the wire app: sees every request, and may change answers."""

    app: WireApp
    change: Change | None = None
    seen: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on."""
        await request.aread()
        self.seen.append(request)
        inner = httpx2.ASGITransport(app=self.app)
        answer = await inner.handle_async_request(request)
        content = await answer.aread()
        plain = httpx2.Response(answer.status_code, headers=answer.headers, content=content)
        changed = None if self.change is None else self.change(request, plain)
        return changed or plain

    def bodies(self, ending: str) -> list[Any]:
        """Give the bodies of the requests to a path."""
        return [json.loads(one.content) for one in self.seen if one.url.path.endswith(ending)]


@dataclass
class Bench:
    """An engine over the wire app, with what stands between."""

    world: AzureWorld
    between: Between

    @asynccontextmanager
    async def opened(self, **settings: object) -> AsyncIterator[Retrieval]:
        """Open a provider and give its engine."""
        search = SearchSettings.model_validate({"endpoint": SEARCH, **settings})
        provider = AzureProvider(
            AzureSettings(endpoint="https://contoso.openai.azure.com", search=search),
            credential=self.world.credential,
            clock=self.world.fake.clock,
            environ={"SEARCH_KEY": "test-search-key"},
            transport=self.between,
        )
        async with provider:
            yield provider.retrieval


def reply(body: object, status: int = 200) -> httpx2.Response:
    """Make an answer."""
    return httpx2.Response(status, json=body)
