"""What OpenAI can do, until when, and at which price: data with source and date."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tailorbird.types.capabilities import Availability, Capabilities, Capability
from tailorbird.types.ids import ModelId
from tailorbird.types.models import ModelCard
from tailorbird.types.usage import Price

if TYPE_CHECKING:
    from tailorbird.providers.openai.settings import ServerSettings
    from tailorbird.types.models import TuningKind

NAME = "openai"
"""Name of the provider."""

_DEPRECATIONS = "OpenAI: Deprecations, developers.openai.com/api/docs/deprecations, read 2026-11-22"
_GUIDES = "OpenAI: guides and OpenAPI description (openai/openai-openapi f85dbe2), read 2026-11-22"

TRAINING_ENDS = date(2027, 1, 6)
"""First day on which no organization can create fine-tuning jobs any more."""

TUNED_MODELS_END = date(2027, 1, 14)
"""First day on which models tuned from gpt-4o and gpt-4.1 no longer answer."""

_SUCCESSOR = ModelId("gpt-6-luna")  # it cannot be tuned

_SPECIAL = (
    Availability(
        capability=Capability.JOBS_CREATE,
        until=TRAINING_ENDS,
        reason=(
            "OpenAI winds its self-serve fine-tuning down: new organizations since 2026-05-07,"
            " unused ones since 2026-07-02, all on 2027-01-06"
        ),
        instead="train on Azure, or retrieve from documents",
        source=_DEPRECATIONS,
    ),
    Availability(
        capability=Capability.TUNE_REINFORCEMENT,
        available=False,
        reason="its last base model, o4-mini, was shut down on 2026-10-23",
        instead="supervised fine-tuning on good answers, or Azure",
        source=_DEPRECATIONS,
    ),
    Availability(
        capability=Capability.DEPLOYMENTS_REQUIRED,
        available=False,
        reason="models answer without being deployed",
        source=_GUIDES,
    ),
)

_GUIDE_PRICES = "OpenAI: Pricing, developers.openai.com/api/docs/pricing, copies of 2025 and 2026"
_MODEL_PRICES = "OpenAI: model pages, developers.openai.com/api/docs/models, read 2026-11-22"
_READ_ON = date(2026, 11, 22)

# US dollars for a million tokens: input, cached input, output, training.
_TUNABLE: tuple[tuple[str, str, str, str, str], ...] = (
    ("gpt-4.1-2025-04-14", "3.00", "0.75", "12.00", "25.00"),
    ("gpt-4.1-mini-2025-04-14", "0.80", "0.20", "3.20", "5.00"),
    ("gpt-4o-2024-08-06", "3.75", "1.875", "15.00", "25.00"),
    ("gpt-4o-mini-2024-07-18", "0.30", "0.15", "1.20", "3.00"),
)
_PLAIN: tuple[tuple[str, str, str | None, str], ...] = (
    ("gpt-6.2-astra", "8", "0.40", "40"),
    ("gpt-6.2-sol", "2", "0.10", "10"),
    ("gpt-6-astra", "10", "1.00", "50"),
    ("gpt-6.1-sol", "2", "0.10", "10"),
    ("gpt-6.1-terra", "1", None, "5"),
    ("gpt-6-sol", "2", None, "10"),
    ("gpt-6-luna", "0.10", "0.01", "0.50"),
)
# The same pages: above 272,000 tokens of input a call costs more; from GPT-5.6 on, tokens that are
# put into the cache cost more than others.
_LONG: dict[str, int | Decimal] = {
    "long_from_tokens": 272_000,
    "long_input_times": Decimal(2),
    "long_output_times": Decimal("1.5"),
}
_CACHE_WRITE = Decimal("1.25")
_EMBEDDING: tuple[tuple[str, str], ...] = (
    ("text-embedding-3-small", "0.02"),
    ("text-embedding-3-large", "0.13"),
    ("text-embedding-ada-002", "0.10"),
)


def openai_capabilities() -> Capabilities:
    """Give what OpenAI itself offers."""
    special = {one.capability: one for one in _SPECIAL}
    return Capabilities(
        provider=NAME,
        entries=tuple(
            special.get(one) or Availability(capability=one, source=_GUIDES) for one in Capability
        ),
        rules="openai",
    )


def server_capabilities(server: ServerSettings) -> Capabilities:
    """Give what another server offers, by its settings; no server needs deployments."""
    offered = dict.fromkeys((*server.capabilities, Capability.DEPLOYMENTS))
    return Capabilities(
        provider=NAME,
        entries=tuple(Availability(capability=one, source="settings") for one in offered),
        rules="openai",
    )


def known_models() -> dict[str, ModelCard]:
    """Give what is known of models beyond what the service lists, by id or `ft:<base>`."""
    cards: dict[str, ModelCard] = {}
    for base, *_ in _TUNABLE:
        kinds: tuple[TuningKind, ...] = ("supervised",)
        cards[base] = ModelCard(
            id=ModelId(base),
            shutdown_date=TUNED_MODELS_END,
            successor=_SUCCESSOR,
            kinds=("chat",),
            tunable=(*kinds, "dpo") if base.startswith("gpt-4.1") else kinds,
        )
        cards[f"ft:{base}"] = cards[base].model_copy(update={"base": ModelId(base)})
    for name, *_ in _PLAIN:
        cards[name] = ModelCard(id=ModelId(name), kinds=("chat",), tunable=())
    for name, _ in _EMBEDDING:
        cards[name] = ModelCard(id=ModelId(name), kinds=("embedding",), tunable=())
    return cards


def openai_prices() -> tuple[Price, ...]:
    """Give the prices that were read; a profile's own prices go before them.

    Models tuned from a base are priced under `ft:<base>`. What OpenAI charges for a base that is
    not tuned is not on the page that was read: the price of its tuned variant stands for both.
    """
    tunable = [
        _price(
            name, source=_GUIDE_PRICES, fresh=fresh, cached=cached, answer=answer, training=train
        )
        for base, fresh, cached, answer, train in _TUNABLE
        for name in (base, f"ft:{base}")
    ]
    plain = [
        _price(name, _MODEL_PRICES, fresh=fresh, cached=cached, answer=answer).model_copy(
            update={**_LONG, "cache_write_per_mtok": Decimal(fresh) * _CACHE_WRITE}
        )
        for name, fresh, cached, answer in _PLAIN
    ]
    embedding = [_price(name, _GUIDE_PRICES, fresh=fresh) for name, fresh in _EMBEDDING]
    return (*tunable, *plain, *embedding)


def _price(
    name: str,
    source: str,
    *,
    fresh: str,
    cached: str | None = None,
    answer: str = "0",
    training: str | None = None,
) -> Price:
    return Price(
        model=name,
        input_per_mtok=Decimal(fresh),
        cached_input_per_mtok=None if cached is None else Decimal(cached),
        output_per_mtok=Decimal(answer),
        training_per_mtok=None if training is None else Decimal(training),
        batch_share=Decimal("0.5"),
        source=source,
        read_on=_READ_ON,
    )
