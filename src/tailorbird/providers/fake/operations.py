"""The names of what can be called, and the record of what was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias, get_args

from tailorbird.types.usage import Usage

Operation: TypeAlias = Literal[
    "files.create",
    "files.get",
    "files.list",
    "files.delete",
    "files.content",
    "jobs.create",
    "jobs.get",
    "jobs.list",
    "jobs.cancel",
    "jobs.pause",
    "jobs.resume",
    "jobs.events",
    "jobs.checkpoints",
    "chat.complete",
    "chat.stream",
    "embeddings.embed",
    "batches.submit",
    "batches.get",
    "batches.list",
    "batches.cancel",
    "batches.outcomes",
    "retrieval.create",
    "retrieval.get",
    "retrieval.list",
    "retrieval.delete",
    "retrieval.upsert",
    "retrieval.remove",
    "retrieval.contents",
    "retrieval.search",
    "deployments.quote",
    "deployments.create",
    "deployments.get",
    "deployments.list",
    "deployments.delete",
    "models.list",
    "models.get",
    "models.delete",
]
"""A call that a provider takes. Waits have no name: they look again and again by `get`."""

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
"""All operations."""

Facts: TypeAlias = Mapping[str, str | int | float | bool | None]
"""What a call was about, without content: ids, names, counts, sizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that reached the fake; refused arguments and missing capabilities do not."""

    operation: Operation
    """What was called."""
    facts: Facts
    """What it was about; never a prompt, a text, a file's content or a document."""
    at: datetime
    """When it came in; aware, UTC, by the provider's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a provider was asked for since it was opened."""

    usage: Usage = field(default_factory=Usage)
    """Tokens of all chat and embedding calls that were answered."""
    requests: Mapping[str, int] = field(default_factory=dict[str, int])
    """Requests by operation; one embedding call may take several."""
    trained_tokens: int = 0
    """Billed tokens of all jobs that succeeded, also of those in the loaded state."""
