"""How OpenAI's models want to be called, as data: by the beginning of the id, longest first."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, get_args

from tailorbird.types.chat import ReasoningEffort
from tailorbird.types.ids import ModelId
from tailorbird.types.models import ModelTraits

if TYPE_CHECKING:
    from collections.abc import Mapping

TRAITS_READ_ON = date(2026, 11, 22)
"""Day on which the sources below were read."""

# Sources: model pages, "Models" and "Deployment checklist", developers.openai.com/api/docs;
# efforts and parameters of GPT-5.1 to GPT-6: github.com/BerriAI/litellm/discussions/52347; function
# tools on Chat Completions from GPT-5.4 on: github.com/BerriAI/litellm/pull/34569 and
# github.com/pipecat-ai/pipecat/issues/4043. Where they do not list the words of a model, `efforts`
# is None and every word is passed on.
_ALL: tuple[ReasoningEffort, ...] = get_args(ReasoningEffort)
_FROM_LOW: tuple[ReasoningEffort, ...] = ("low", "medium", "high", "xhigh", "max")

_PLAIN = ModelTraits(efforts=())
_O_SERIES = ModelTraits(sampling=False, efforts=("low", "medium", "high"), surface="responses")
_FIRST_5 = ModelTraits(
    sampling=False, efforts=("minimal", "low", "medium", "high"), surface="responses"
)
_EARLY_5 = ModelTraits(sampling=False, surface="responses")
_LATER_5 = ModelTraits(sampling=False, surface="responses", tools="without-reasoning")
_MAY_REST = ModelTraits(
    sampling=False, efforts=_ALL, surface="responses", tools="without-reasoning"
)
_ALWAYS_THINKS = ModelTraits(
    sampling=False, efforts=_FROM_LOW, surface="responses", tools="responses"
)
_UNKNOWN_6 = ModelTraits(sampling=False, surface="responses", tools="responses")

_FAMILIES: Mapping[str, ModelTraits] = {
    "gpt-4o": _PLAIN,
    "gpt-4.1": _PLAIN,
    "o1": _O_SERIES,
    "o3": _O_SERIES,
    "o4": _O_SERIES,
    "gpt-5": _FIRST_5,
    "gpt-5.1": _EARLY_5,
    "gpt-5.2": _EARLY_5,
    "gpt-5.3": _EARLY_5,
    "gpt-5.": _LATER_5,
    "gpt-5.6": _MAY_REST,
    "gpt-6": _UNKNOWN_6,
    "gpt-6-astra": _ALWAYS_THINKS,
    "gpt-6-luna": _MAY_REST,
    "gpt-6-sol": _MAY_REST,
    "gpt-6.1-sol": _ALWAYS_THINKS,
    "gpt-6.1-terra": _MAY_REST,
    "gpt-6.2": _ALWAYS_THINKS,
}
_BY_LENGTH = sorted(_FAMILIES, key=len, reverse=True)
_UNKNOWN = ModelTraits()

# `text-embedding-3-…` alone can be made narrower: OpenAPI document 2.3.0, CreateEmbeddingRequest;
# widths: "Embeddings", developers.openai.com/api/docs/guides/embeddings.
_WIDTHS: Mapping[str, tuple[int, bool]] = {
    "text-embedding-3-small": (1536, True),
    "text-embedding-3-large": (3072, True),
    "text-embedding-ada-002": (1536, False),
}

_AZURE_TUNED = re.compile(r"\.ft-[0-9a-f]+", re.IGNORECASE)
# What follows a model's name in the name of one of its snapshots.
_SNAPSHOT = re.compile(r"(?:[-@:](?:\d{4}-\d{2}-\d{2}|\d{4,8}|latest))+$")


def base_of(model: ModelId) -> ModelId | None:
    """Give the model that a tuned one was made from; None for a model that is not tuned.

    OpenAI calls a tuned model `ft:<base>:…`, Azure `<base>.ft-<hexadecimal digits>`.
    """
    if model.startswith("ft:"):
        return ModelId(model.split(":")[1])
    found = _AZURE_TUNED.search(model)
    return None if found is None else ModelId(model[: found.start()])


def traits_of(model: ModelId) -> ModelTraits:
    """Say how a model wants to be called.

    A tuned model is called as its base, on Chat Completions. A model of which nothing is known is
    called on Chat Completions too, and every option is passed on.
    """
    base = base_of(model)
    if base is not None:
        return traits_of(base).model_copy(update={"surface": "chat-completions"})
    found = next((family for family in _BY_LENGTH if _belongs(model, family)), None)
    return _UNKNOWN if found is None else _FAMILIES[found]


def widths_of(model: ModelId) -> tuple[int, bool] | None:
    """Give an embedding model's own width and whether it offers smaller ones; None if unknown."""
    return _WIDTHS.get(model)


def model_itself(model: ModelId) -> ModelId:
    """Give the model behind a name where names are models."""
    return model


def same_model(asked: ModelId, answered: ModelId) -> bool:
    """Say whether an answer may come from the model that was asked.

    True for the same name in any case, for a snapshot (`gpt-4o` and `gpt-4o-2024-08-06`), and with
    the name of a house before it (`openai/gpt-4o`). A tuned model and its base are not the same.
    """
    first, second = (_SNAPSHOT.sub("", name.casefold()) for name in (asked, answered))
    return first == second or first.endswith(f"/{second}") or second.endswith(f"/{first}")


def _belongs(model: ModelId, family: str) -> bool:
    if not model.startswith(family):
        return False
    rest = model[len(family) :]
    return not rest or family.endswith(".") or not rest[0].isalnum()
