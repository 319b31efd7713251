"""Prices of Azure as data: examples from Microsoft's texts, not its price list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from tailorbird.types.deployments import HostingQuote
from tailorbird.types.ids import ModelId
from tailorbird.types.usage import Price

READ_ON = date(2026, 11, 22)
"""Day on which the sources were read."""

SOURCE = (
    "Microsoft Learn: cost management for fine-tuning, 2026-03-19, with its worked examples; not"
    " the price list, which differs by region and contract: azure.microsoft.com/pricing"
)
"""What all figures here rest on."""

HOSTING_PER_HOUR = Decimal("1.70")
"""US dollars an hour for one deployed tuned model of OpenAI's on Standard or Global Standard, idle
or not: about 1,224 a month."""

_IDLE = "when it has not been called for 15 days (older page; the new ones do not say)"
_DEVELOPER = "24 hours after it was made, whatever it is doing"
_TUNED = re.compile(r"(?P<base>.+)\.ft-.+")
_CHECKPOINT = "ftchkpt-"
_SERVERLESS = frozenset({"Standard", "GlobalStandard", "DataZoneStandard"})

# US dollars for a million trained tokens on the global tier. Developer costs half of it; regional
# tiers cost 10 to 30 % more.
_TRAINING: Mapping[str, str] = {
    "gpt-4.1-2025-04-14": "25.00",
    "gpt-4.1-mini-2025-04-14": "5.00",
    "gpt-4.1-nano-2025-04-14": "1.50",
    "gpt-4o-2024-08-06": "25.00",
    "gpt-4o-mini-2024-07-18": "3.00",
    "gpt-oss-20b": "3.60",
    "Qwen3-32B": "3.20",
    "Ministral-3B": "1.00",
    "Llama-3.3-70B-Instruct": "4.50",
}
_OPENAI_BASE = "gpt-4"  # the hosting price is stated for these

PRICES: tuple[Price, ...] = tuple(
    Price(
        model=model,
        training_per_mtok=Decimal(cost),
        hosting_per_hour=HOSTING_PER_HOUR if model.startswith(_OPENAI_BASE) else None,
        source=SOURCE,
        read_on=READ_ON,
    )
    for model, cost in _TRAINING.items()
)
"""What is known about training and hosting; what answers cost is not stated in these texts."""


def is_tuned(model: ModelId) -> bool:
    """Say whether an id is that of a tuned model or a checkpoint, which must be deployed."""
    return _TUNED.fullmatch(model) is not None or model.startswith(_CHECKPOINT)


def hosting_quote(model: ModelId, *, sku: str) -> HostingQuote:
    """Say what hosting costs by the hour, and when it ends by itself.

    Args:
        model: What would be deployed.
        sku: Kind of hosting.
    """
    source = f"{SOURCE} (read {READ_ON.isoformat()})"
    if sku == "DeveloperTier":
        return HostingQuote(hourly=Decimal(0), auto_delete=_DEVELOPER, source=source)
    tuned = is_tuned(model)
    base = _TUNED.fullmatch(model)
    priced = model.startswith(_CHECKPOINT) or (
        base is not None and base["base"].startswith(_OPENAI_BASE)
    )
    hourly = None
    if sku in _SERVERLESS:
        known = HOSTING_PER_HOUR if priced else None
        hourly = known if tuned else Decimal(0)
    return HostingQuote(hourly=hourly, auto_delete=_IDLE if tuned else None, source=source)
