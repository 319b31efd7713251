"""What providers accept as a training file: facts with their source, kept as data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from tailorbird.exceptions import InvalidInputError
from tailorbird.problem import did_you_mean
from tailorbird.types.base import Settings

ByteOrderMark = Literal["without", "with", "either"]
"""Whether a training file may begin with the byte-order mark of UTF-8."""

_MB = 1 << 20


class ImageRules(Settings):
    """How many images training examples may hold, and which."""

    max_per_example: int = Field(ge=0)
    """Most images in one example."""
    max_bytes: int = Field(ge=0)
    """Largest image, in bytes; larger ones are skipped by the job."""
    max_examples: int = Field(ge=0)
    """Most examples with images in one file."""
    formats: tuple[str, ...] = ("jpeg", "png", "webp")
    """Formats, as in the media type `image/…`; images in other formats are skipped by the job."""
    source: str
    """Title and address of the page, and the day it was read."""


class TrainingRules(Settings):
    """What one provider accepts. A limit that nobody documents is None and is not checked."""

    provider: str
    """Name of the provider, as it stands in messages."""
    min_examples: int = Field(default=10, ge=1)
    """Fewest examples in a training file; a validation file needs one."""
    max_file_bytes: int = Field(ge=1)
    """Largest file, in bytes."""
    max_tokens_per_example: int | None = Field(default=None, ge=1)
    """Longest example, in tokens."""
    over_limit: Literal["truncated", "rejected"] = "truncated"
    """What happens to a longer example: cut at its end (a warning), or refused (an error)."""
    suffix_max: int = Field(ge=1)
    """Longest suffix of a model's name, in characters."""
    suffix_alphabet: str | None = None
    """Body of the character class of a suffix, such as `A-Za-z0-9_-`; None when unknown."""
    bom: ByteOrderMark = "without"
    """Whether the file begins with a byte-order mark."""
    rft_max_rows: int | None = Field(default=None, ge=1)
    """Most rows of a training file for reinforcement; None when unknown."""
    rft_max_validation_rows: int | None = Field(default=None, ge=1)
    """Most rows of a validation file for reinforcement; None when unknown."""
    system_placement: Literal["error", "warning"] = "warning"
    """How bad a second system message is, or one that is not the first message."""
    images: ImageRules | None = None
    """What holds for images; None when unknown."""
    sources: tuple[str, ...] = ()
    """Pages the facts are from: title, address, what they say."""
    read_on: date
    """The day the sources were read."""


_READ = date(2026, 11, 22)
# Made without validation, which would cost 20 ms at every import; a test validates them.
_OPENAI = TrainingRules.model_construct(
    provider="openai",
    max_file_bytes=512 * _MB,
    max_tokens_per_example=65_536,
    over_limit="truncated",
    suffix_max=64,
    bom="without",
    rft_max_rows=50_000,
    rft_max_validation_rows=1_000,
    images=ImageRules.model_construct(
        max_per_example=10,
        max_bytes=10 * _MB,
        max_examples=50_000,
        source="Vision fine-tuning, https://developers.openai.com/api/docs/guides/"
        "vision-fine-tuning, read 2026-11-22",
    ),
    sources=(
        (
            "Supervised fine-tuning, https://developers.openai.com/api/docs/guides/"
            "supervised-fine-tuning: UTF-8 JSON Lines, at least 10 lines"
        ),
        (
            "Fine-tuning best practices, https://developers.openai.com/api/docs/guides/"
            "fine-tuning-best-practices: 65,536 tokens an example, longer ones are cut at the end"
        ),
        (
            "Reinforcement fine-tuning, https://developers.openai.com/api/docs/guides/"
            "reinforcement-fine-tuning: 50,000 training rows, 1,000 validation rows"
        ),
        (
            "Files, https://developers.openai.com/api/reference/files: 512 MB in one request;"
            " larger ones, up to 8 GB, go through the uploads endpoint"
        ),
        "OpenAPI description 2.3.0 of openai/openai-openapi: a suffix has 1 to 64 characters",
    ),
    read_on=_READ,
)
_AZURE = TrainingRules.model_construct(
    provider="azure",
    max_file_bytes=512 * _MB,
    # Microsoft's pages give no limit of their own for the same models.
    max_tokens_per_example=65_536,
    over_limit="truncated",
    suffix_max=18,
    suffix_alphabet="A-Za-z0-9_-",
    # The page asked for the mark until September 2026; since its revision of 2026-10-05 it does not
    # mention it, and Microsoft's own samples upload without one.
    bom="either",
    images=ImageRules.model_construct(
        max_per_example=64,
        max_bytes=10 * _MB,
        max_examples=50_000,
        source="Fine-tune models using image data, https://learn.microsoft.com/azure/foundry/openai/"
        "how-to/fine-tuning-vision, read 2026-11-22",
    ),
    sources=(
        (
            "Customize a model with fine-tuning, https://learn.microsoft.com/azure/foundry/openai/"
            "how-to/fine-tuning (revision of 2026-10-05): JSON Lines in chat format, at least 10"
            " examples, a suffix of at most 18 letters, digits, '-' and '_'"
        ),
        (
            "Quotas and limits, https://learn.microsoft.com/azure/foundry/openai/quotas-limits"
            " (revision of 2026-02-17): 512 MB a file"
        ),
        "Fine-tuning best practices of OpenAI, for the same models: 65,536 tokens an example",
    ),
    read_on=_READ,
)
_GENERIC = TrainingRules.model_construct(
    provider="generic",
    max_file_bytes=512 * _MB,
    max_tokens_per_example=65_536,
    over_limit="truncated",
    suffix_max=18,
    suffix_alphabet="A-Za-z0-9_-",
    bom="either",
    rft_max_rows=50_000,
    rft_max_validation_rows=1_000,
    images=ImageRules.model_construct(
        max_per_example=10,
        max_bytes=10 * _MB,
        max_examples=50_000,
        source="the stricter of what OpenAI and Azure document, read 2026-11-22",
    ),
    sources=(
        "the stricter of what OpenAI and Azure document, except that the mark is let through",
    ),
    read_on=_READ,
)

TRAINING_RULES: Mapping[str, TrainingRules] = MappingProxyType(
    {rules.provider: rules for rules in (_OPENAI, _AZURE, _GENERIC)}
)
"""The rules by name; `generic` holds when no provider is named, and takes the stricter of both."""


def training_rules(name: str = "generic") -> TrainingRules:
    """Give the rules of a provider.

    Args:
        name: A key of `TRAINING_RULES`: `openai`, `azure`, or `generic` for a file that is to go
            anywhere.

    Raises:
        InvalidInputError: There are no rules of that name.
    """
    rules = TRAINING_RULES.get(name)
    if rules is None:
        hint = did_you_mean(name, TRAINING_RULES)
        known = f"known are {', '.join(map(repr, TRAINING_RULES))}"
        message = f"there are no training rules {name!r}: {' '.join(filter(None, (hint, known)))}"
        raise InvalidInputError(message)
    return rules
