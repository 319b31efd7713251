"""What a provider can do, as data: since when, until when, why not, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from tailorbird.exceptions import UnsupportedError
from tailorbird.types.base import Frozen


class Capability(StrEnum):
    """Things a provider may or may not offer; reading and creating jobs are different things."""

    FILES = "files"
    FILES_RESUMABLE_UPLOAD = "files.resumable-upload"
    FILES_EXPIRY = "files.expiry"
    JOBS_CREATE = "jobs.create"
    JOBS_READ = "jobs.read"
    JOBS_PAUSE = "jobs.pause"
    JOBS_METADATA = "jobs.metadata"
    JOBS_CHECKPOINTS = "jobs.checkpoints"
    TUNE_SUPERVISED = "tune.supervised"
    TUNE_DPO = "tune.dpo"
    TUNE_REINFORCEMENT = "tune.reinforcement"
    CHAT = "chat"
    CHAT_STREAM = "chat.stream"
    CHAT_TOOLS = "chat.tools"
    CHAT_STRUCTURED = "chat.structured"
    CHAT_LOGPROBS = "chat.logprobs"
    CHAT_IMAGES = "chat.images"
    EMBEDDINGS = "embeddings"
    EMBEDDINGS_DIMENSIONS = "embeddings.dimensions"
    BATCHES = "batches"
    RETRIEVAL = "retrieval"
    RETRIEVAL_HYBRID = "retrieval.hybrid"
    RETRIEVAL_FILTERS = "retrieval.filters"
    DEPLOYMENTS = "deployments"
    DEPLOYMENTS_REQUIRED = "deployments.required"
    MODELS = "models"
    MODELS_DELETE = "models.delete"


TUNING: Mapping[str, Capability] = {
    "supervised": Capability.TUNE_SUPERVISED,
    "dpo": Capability.TUNE_DPO,
    "reinforcement": Capability.TUNE_REINFORCEMENT,
}
"""What each way of fine-tuning needs, by the `type` of its `TuningMethod`."""


class Availability(Frozen):
    """One capability of one provider, with the dates between which it is offered."""

    capability: Capability
    """What is meant."""
    available: bool = True
    """False when the provider does not offer it at all, whatever the date."""
    since: date | None = None
    """First day on which it is offered; None when it always was."""
    until: date | None = None
    """First day on which it is no longer offered; None when no end is announced."""
    reason: str = ""
    """Why it is missing or ends, in a few words without a full stop."""
    instead: str | None = None
    """What a user can do instead."""
    source: str | None = None
    """Page or measurement the statement rests on, with the date it was read."""

    def on(self, day: date) -> bool:
        """Say whether the capability is offered on that day."""
        if not self.available:
            return False
        if self.since is not None and day < self.since:
            return False
        return self.until is None or day < self.until


class Capabilities(Frozen):
    """Everything that is known about what a provider can do.

    A capability that is not listed is not offered: a provider lists what it can do.
    """

    provider: str
    """Name of the provider."""
    entries: tuple[Availability, ...]
    """One entry a capability."""
    rules: str = "generic"
    """Name of the rules that training files for it are checked by (`data.training_rules`)."""
    caveat: str | None = None
    """What every report about this provider must say; None when there is nothing to add."""

    def find(self, capability: Capability) -> Availability:
        """Give the entry of a capability; an unlisted one is given as not available."""
        for entry in self.entries:
            if entry.capability is capability:
                return entry
        return Availability(
            capability=capability, available=False, reason="this provider does not offer it"
        )

    def supports(self, capability: Capability, *, on: date) -> bool:
        """Say whether the capability is offered on that day."""
        return self.find(capability).on(on)

    def require(self, capability: Capability, *, on: date) -> None:
        """Do nothing when the capability is offered on that day.

        Raises:
            UnsupportedError: It is not; the error carries reason, dates and the way round.
        """
        entry = self.find(capability)
        if entry.on(on):
            return
        raise UnsupportedError(
            provider=self.provider,
            capability=capability.value,
            reason=entry.reason or "it is not offered on this day",
            instead=entry.instead,
            since=entry.since,
            until=entry.until,
        )
