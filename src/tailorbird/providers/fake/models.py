"""The fake's list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import PermissionDeniedError
from tailorbird.protocols import Models
from tailorbird.providers.fake.cloud import Request
from tailorbird.types.capabilities import Capability
from tailorbird.types.models import ModelCard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird.providers.fake.catalog import Catalog
    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.script import Turn
    from tailorbird.types.ids import ModelId


class FakeModels(Models):
    """Models of one fake."""

    def __init__(self, cloud: Cloud, catalog: Catalog) -> None:
        """Share the state of a fake."""
        self._cloud = cloud
        self._catalog = catalog

    @override
    async def list(self) -> AsyncIterator[ModelCard]:
        async def effect(_: Turn) -> list[ModelCard]:
            return self._catalog.cards()

        request = Request(operation="models.list", needs=(Capability.MODELS,))
        for card in await self._cloud.call(request, effect):
            yield card

    @override
    async def get(self, model: ModelId) -> ModelCard:
        async def effect(_: Turn) -> ModelCard:
            return self._catalog.card(self._catalog.find(model, "models.get"))

        request = Request(
            operation="models.get", facts={"model": model}, needs=(Capability.MODELS,)
        )
        return await self._cloud.call(request, effect)

    @override
    async def delete(self, model: ModelId) -> None:
        async def effect(_: Turn) -> None:
            found = self._catalog.find(model, "models.delete")
            state = self._cloud.state
            if found.tuned is None or model not in state.tuned:
                message = f"{model!r} is not one of this account's tuned models"
                raise self._cloud.error(
                    PermissionDeniedError, "models.delete", message, status_code=403
                )
            del state.tuned[model]
            self._cloud.changed()
            await self._cloud.drop_contents({one.sha256 for one in found.tuned.taught})

        request = Request(
            operation="models.delete", facts={"model": model}, needs=(Capability.MODELS_DELETE,)
        )
        await self._cloud.call(request, effect)
