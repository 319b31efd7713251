"""What Azure can do, and until when: data with source and date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal

from tailorbird.providers.azure.identity import NAME
from tailorbird.types.capabilities import Availability, Capabilities, Capability
from tailorbird.types.ids import ModelId
from tailorbird.types.models import ModelCard

if TYPE_CHECKING:
    from tailorbird.types.models import TuningKind

_V1 = (
    "Azure/azure-rest-api-specs, specification/ai/data-plane/OpenAI.v1, commit 31c65e1, read"
    " 2026-11-22"
)
_TRAINING = (
    "Microsoft Learn: fine-tuning overview and supported models, 2026-10-06; model retirement"
    " schedule, 2026-09-02"
)
_SEARCH = "azure-search-documents 12.0.0 (API of 2026-04-01), read 2026-11-22"
_BATCH = (
    "Microsoft Learn: Getting started with Azure OpenAI batch deployments, v1 route, read"
    " 2026-11-22"
)
_ARM = "Microsoft Learn: deploy a fine-tuned model, 2026-02-11 and 2026-10-07"

_SPECIAL: Mapping[Capability, Availability] = {
    entry.capability: entry
    for entry in (
        Availability(
            capability=Capability.FILES_RESUMABLE_UPLOAD,
            available=False,
            reason="the v1 route has no uploads in parts",
            instead="one upload of at most 512 MB",
            source=_V1,
        ),
        Availability(
            capability=Capability.JOBS_CREATE,
            # No `until`: open-weight models have no announced end. `known_models` has the days.
            reason=(
                "training of gpt-4.1 ends no earlier than 2027-04-14, of gpt-4o no earlier than"
                " 2027-04-01, for new customers with the base model; of open-weight models no end"
                " is announced"
            ),
            source=_TRAINING,
        ),
        Availability(
            capability=Capability.JOBS_METADATA,
            available=False,
            reason="jobs keep no metadata",
            instead="the journal of the workspace, which finds a job by its training file",
            source=_V1,
        ),
        Availability(
            capability=Capability.MODELS_DELETE,
            available=False,
            reason="the v1 route has no deletion of models",
            instead="the Foundry portal; delete the deployments, which cost, by `deployments`",
            source=_V1,
        ),
        Availability(capability=Capability.BATCHES, source=_BATCH),
        Availability(capability=Capability.DEPLOYMENTS, source=_ARM),
        Availability(capability=Capability.DEPLOYMENTS_REQUIRED, source=_ARM),
    )
}
_RETRIEVAL = (
    Capability.RETRIEVAL,
    Capability.RETRIEVAL_HYBRID,
    Capability.RETRIEVAL_FILTERS,
)

_SFT_DPO: tuple[TuningKind, ...] = ("supervised", "dpo")
_SFT: tuple[TuningKind, ...] = ("supervised",)
_SFT_RFT: tuple[TuningKind, ...] = ("supervised", "reinforcement")
_RFT: tuple[TuningKind, ...] = ("reinforcement",)

# Model, how it can be tuned, day on which the base ends, day before which training of existing
# customers does not end, day on which deployments of models tuned from it end. Microsoft Learn:
# model retirement schedule, 2026-09-02; supported models, 2026-10-06. The days moved twice in 2026:
# what the service says itself goes before them.
_CHAT: tuple[tuple[str, tuple[TuningKind, ...], date | None, date | None, date | None], ...] = (
    ("gpt-4.1-2025-04-14", _SFT_DPO, date(2027, 4, 14), date(2027, 4, 14), date(2027, 10, 14)),
    ("gpt-4.1-mini-2025-04-14", _SFT_DPO, date(2027, 4, 14), date(2027, 4, 14), date(2027, 10, 14)),
    ("gpt-4.1-nano-2025-04-14", _SFT_DPO, date(2027, 4, 14), date(2027, 4, 14), date(2027, 10, 14)),
    ("gpt-4o-2024-08-06", _SFT_DPO, date(2027, 4, 14), date(2027, 4, 1), date(2027, 10, 1)),
    ("gpt-4o-mini-2024-07-18", _SFT, date(2027, 4, 14), date(2027, 4, 1), date(2027, 10, 1)),
    ("o4-mini-2025-04-16", _RFT, date(2026, 10, 16), date(2027, 4, 16), date(2027, 10, 16)),
    ("gpt-oss-20b", _SFT, None, None, None),
    ("gpt-oss-120b", _SFT_RFT, None, None, None),
    ("Qwen3-32B", _SFT, None, None, None),
    ("Llama-3.3-70B-Instruct", _SFT, None, None, None),
    ("Ministral-3B", _SFT, None, None, None),
)
_EMBEDDING = ("text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002")
_EMBEDDING_END = date(2028, 2, 9)


def azure_capabilities(*, search: bool) -> Capabilities:
    """Give what a profile can do.

    Args:
        search: Whether it names an Azure AI Search service.
    """
    entries = [
        _SPECIAL.get(one) or Availability(capability=one, source=_V1)
        for one in Capability
        if one not in _RETRIEVAL
    ]
    entries += [_retrieval(one, search=search) for one in _RETRIEVAL]
    return Capabilities(provider=NAME, entries=tuple(entries), rules="azure")


def known_models() -> Mapping[str, ModelCard]:
    """Give what is known of models beyond what the service lists, by id or `ft:<base>`."""
    cards: dict[str, ModelCard] = {}
    for name, tunable, base_end, training_end, tuned_end in _CHAT:
        base = _card(name, "chat", tunable, base_end)
        cards[name] = base.model_copy(update={"tunable_until": training_end})
        tuned = _card(name, "chat", tunable, tuned_end)
        cards[f"ft:{name}"] = tuned.model_copy(update={"base": ModelId(name)})
    for name in _EMBEDDING:
        cards[name] = _card(name, "embedding", (), _EMBEDDING_END)
    return cards


def _card(
    name: str,
    kind: Literal["chat", "embedding"],
    tunable: tuple[TuningKind, ...],
    end: date | None,
) -> ModelCard:
    return ModelCard(id=ModelId(name), kinds=(kind,), tunable=tunable, shutdown_date=end)


def _retrieval(capability: Capability, *, search: bool) -> Availability:
    if search:
        return Availability(capability=capability, source=_SEARCH)
    return Availability(
        capability=capability,
        available=False,
        reason="the profile names no Azure AI Search service",
        instead='the engine "local", or the table [profiles.<name>.search] with its endpoint',
        source=_SEARCH,
    )
