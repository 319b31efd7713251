"""The list of models of OpenAI and of those who speak its language."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator
from typing_extensions import override

from tailorbird._openai_sdk.answers import (
    LAST_SECOND,
    Deleted,
    Page,
    Seconds,
    Text,
    moment_or_none,
    read,
)
from tailorbird._openai_sdk.connection import checked_path
from tailorbird._openai_sdk.model_traits import base_of
from tailorbird._openai_sdk.paging import Listed, Listing
from tailorbird.exceptions import NotFoundError
from tailorbird.protocols import Models
from tailorbird.types.capabilities import Capability
from tailorbird.types.ids import ModelId
from tailorbird.types.models import ModelCard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.settings import CallSettings
    from tailorbird.types.capabilities import Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsDialect:
    """In what the list of one provider differs from that of another."""

    known: Mapping[str, ModelCard] = field(default_factory=dict[str, ModelCard])
    """What is known beyond the answers, by a model's id, or by `ft:` and the base's id for models
    that are tuned. Only fields that an answer leaves open are taken."""
    single: bool = True
    """Whether one model can be asked for; else it is looked up in the list."""


def _day(value: object) -> object:
    """Take a day as it should be written; anything else counts as not given."""
    with suppress(ValueError):
        return date.fromisoformat(value) if isinstance(value, str) else None
    return None


def _time(value: object) -> object:
    """Take a time after 1970; anything else, such as the zero of some servers, is not given."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 < value <= LAST_SECOND else None


class WireModel(Listed):
    """A model."""

    id: Text
    """Its id."""
    created: Annotated[Seconds | None, BeforeValidator(_time)] = None
    """When it appeared."""
    owned_by: str | None = None
    """Whose it is."""
    shutdown_date: Annotated[date | None, BeforeValidator(_day)] = None
    """Day on which it is switched off."""


def _listed(value: object) -> object:
    """Take null for an empty list."""
    return [] if value is None else value


class ModelPage(Page[WireModel]):
    """A list of models; Ollama writes null before the first one is there."""

    data: Annotated[list[WireModel], BeforeValidator(_listed)]
    """The models."""


class SdkModels(Models):
    """Models of one account."""

    def __init__(
        self,
        connection: Connection,
        *,
        dialect: ModelsDialect,
        capabilities: Capabilities,
        calls: CallSettings,
    ) -> None:
        """Share the connection of a provider.

        Args:
            connection: The account.
            dialect: How its list differs.
            capabilities: What it offers, and between which dates.
            calls: How patiently calls are made.
        """
        self._connection = connection
        self._dialect = dialect
        self._capabilities = capabilities
        self._timeout_s = calls.timeout_s

    @override
    async def list(self) -> AsyncIterator[ModelCard]:
        self._require(Capability.MODELS)
        # By id: gateways that join several servers name a model twice.
        cards = {card.id: card async for card in self._cards()}
        for model in sorted(cards):
            yield cards[model]

    @override
    async def get(self, model: ModelId) -> ModelCard:
        if not self._dialect.single or "/" in model:  # such a name cannot stand in an address
            return await self._look_up(model)
        path = checked_path("/models/{model}", model=model)
        self._require(Capability.MODELS)
        received = await self._connection.get(
            path, operation="models.get", timeout_s=self._timeout_s
        )
        wire = read(WireModel, received, connection=self._connection, operation="models.get")
        return self._card(wire)

    @override
    async def delete(self, model: ModelId) -> None:
        path = checked_path("/models/{model}", model=model)
        self._require(Capability.MODELS_DELETE)
        received = await self._connection.delete(
            path, operation="models.delete", timeout_s=self._timeout_s
        )
        answer = read(Deleted, received, connection=self._connection, operation="models.delete")
        if not answer.deleted:
            reason = f"model {model!r} was not deleted"
            raise self._connection.unexpected("models.delete", reason, received)

    async def _look_up(self, model: ModelId) -> ModelCard:
        self._require(Capability.MODELS)
        async for card in self._cards():
            if card.id == model:
                return card
        raise NotFoundError(
            f"there is no model {model!r}: list the models",
            provider=self._connection.provider,
            operation="models.get",
            accepted="yes",
        )

    async def _cards(self) -> AsyncIterator[ModelCard]:
        listing = Listing(path="/models", operation="models.list", page=ModelPage)
        async for wire in listing.items(self._connection, timeout_s=self._timeout_s):
            yield self._card(wire)

    def _card(self, wire: WireModel) -> ModelCard:
        base = base_of(ModelId(wire.id))
        known = self._dialect.known.get(wire.id if base is None else f"ft:{base}")
        card = ModelCard(
            id=ModelId(wire.id),
            owned_by=wire.owned_by or "",
            created_at=moment_or_none(wire.created),
            base=base,
            shutdown_date=wire.shutdown_date,
        )
        if known is None:
            return card
        return card.model_copy(
            update={
                "shutdown_date": card.shutdown_date or known.shutdown_date,
                "successor": known.successor,
                "kinds": known.kinds,
                "tunable": known.tunable,
                "tunable_until": known.tunable_until,
            }
        )

    def _require(self, capability: Capability) -> None:
        self._capabilities.require(capability, on=self._connection.clock.today())
