"""`/models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.testing._wire.errors import json_response
from tailorbird.testing._wire.routing import route
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World
    from tailorbird.types.models import ModelCard

_MADE_AT = 1_735_689_600  # 2025-01-01: when a fake's own models are said to have appeared


def routes(world: World) -> list[Route]:
    """Give the routes."""
    models = _Models(world)
    found = [
        route(world, "GET", "/models", "models.list", models.list),
        route(world, "GET", "/models/{id}", "models.get", models.get),
    ]
    if world.dialect.models_delete:
        found.append(route(world, "DELETE", "/models/{id}", "models.delete", models.delete))
    return found


class _Models:
    def __init__(self, world: World) -> None:
        self._world = world
        self._models = world.provider.models

    async def list(self, _: Request) -> Response:
        cards = [self._shown(one) async for one in self._models.list()]
        return json_response({"object": "list", "data": cards})

    async def get(self, request: Request) -> Response:
        card = await self._models.get(ModelId(request.path_params["id"]))
        return json_response(self._shown(card))

    async def delete(self, request: Request) -> Response:
        model = ModelId(request.path_params["id"])
        await self._models.delete(model)
        return json_response({"id": model, "object": "model", "deleted": True})

    def _shown(self, card: ModelCard) -> dict[str, JsonValue]:
        made = card.created_at
        shown: dict[str, JsonValue] = {
            "id": card.id,
            "object": "model",
            "created": _MADE_AT if made is None else int(made.timestamp()),
            "owned_by": card.owned_by,
            "shutdown_date": None if card.shutdown_date is None else f"{card.shutdown_date}",
        }
        return shown
