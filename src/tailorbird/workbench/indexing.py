"""Build indexes with what a workbench has: engine, embedding model, batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.data.documents.chunks import ChunkOptions
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.ids import IndexName, ModelId
from tailorbird.types.models import RoleModel
from tailorbird.workflow.bulk.asking import BulkOptions
from tailorbird.workflow.bulk.embedding import BatchEmbedder
from tailorbird.workflow.money.pricing import find_price
from tailorbird.workflow.progress import OnProgress, silent
from tailorbird.workflow.searching.index import Index, IndexEstimate, IndexOptions
from tailorbird.workflow.searching.indexer import Indexer

if TYPE_CHECKING:
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.searching.intake import Source

_ROLE = "embedding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexing:
    """Builds one index."""

    parts: Parts
    """Engine, embedding model, provider."""
    name: IndexName
    """The index."""
    chunking: ChunkOptions | None = None
    """How documents are cut; None takes the default."""
    tenant_field: str | None = None
    """Key in the metadata that keeps tenants apart; None for an index without tenants."""
    options: IndexOptions | None = None
    """How to build; None takes the default."""
    bulk: BulkOptions | None = None
    """How to embed by batches; None embeds call by call."""
    on_progress: OnProgress = silent
    """Called as it goes on."""

    async def build(self, source: Source) -> Index:
        """Make the index hold these documents; see `Workbench.build_index`."""
        indexer = await self._indexer()
        if self.bulk is None:
            return await self._alone(indexer, source)
        ahead = self._ahead(indexer, source)
        await ahead.check()
        taken = await ahead.embed(indexer.new_texts(source))
        built = await self._alone(indexer, source)
        update = {"embedded": built.embedded + taken.texts, "usage": built.usage + taken.usage}
        return built.model_copy(update=update)

    async def _alone(self, indexer: Indexer, source: Source) -> Index:
        """Build while nobody else builds this index: two would embed the same texts, and pay."""
        async with self.parts.workspace.turns.of(f"index {self.name!r}"):
            return await indexer.build(source)

    async def estimate(self, source: Source) -> IndexEstimate:
        """Say what building would do and cost; see `Workbench.estimate_index`."""
        indexer = await self._indexer()
        price = None
        if self.bulk is not None:
            ahead = self._ahead(indexer, source)
            await ahead.check()
            price = ahead.price
        elif indexer.embedder is not None:
            price = find_price(self.parts.role(_ROLE).model, self.parts.provider.prices)
        return await indexer.estimate(source, price=price, bulk=self.bulk is not None)

    def _ahead(self, indexer: Indexer, source: Source) -> BatchEmbedder:
        """Give what embeds by batches.

        Raises:
            InvalidInputError: The engine embeds by itself, the source can be read once only, or
                batches would be answered by another model than searches.
        """
        if indexer.embedder is None:
            name = indexer.retrieval.traits.name
            message = f"the engine {name!r} embeds by itself, so there is nothing for batches"
            raise InvalidInputError(f"{message}: leave bulk out")
        if isinstance(source, (Iterator, AsyncIterator)):
            message = (
                "bulk=True reads the source twice, and this one gives its documents once: give a"
                " path or a list, or leave bulk out"
            )
            raise InvalidInputError(message)
        options = self.bulk or BulkOptions()
        usual = self.parts.role(_ROLE)
        player = self.parts.role(options.role or _ROLE)
        if options.model not in {None, player.model, player.callable_id}:
            player = RoleModel(model=ModelId(str(options.model)))
        if player.model != usual.model:
            message = (
                f"batches would be answered by {player.model!r}, searches by {usual.model!r}: their"
                f" vectors cannot be compared. Name a deployment of {usual.model!r}"
            )
            raise InvalidInputError(message)
        return BatchEmbedder(
            provider=self.parts.provider,
            workspace=self.parts.workspace,
            embedder=indexer.embedder,
            model=player.callable_id,
            index=self.name,
            price=find_price(player.model, self.parts.provider.prices),
            options=options,
            on_progress=self.on_progress,
        )

    async def _indexer(self) -> Indexer:
        engine = await self.parts.retrieval()
        return Indexer(
            retrieval=engine,
            embedder=self.parts.embedder_for(engine),
            name=self.name,
            chunking=self.chunking or ChunkOptions(),
            tenant_field=self.tenant_field,
            options=self.options or IndexOptions(),
            on_progress=self.on_progress,
        )
