"""Where a model becomes callable."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from tailorbird.types.base import Frozen
from tailorbird.types.ids import DeploymentName, ModelId


class DeploymentStatus(StrEnum):
    """Where a deployment stands (Azure's `provisioningState`, in lower case)."""

    ACCEPTED = "accepted"
    CREATING = "creating"
    DELETING = "deleting"
    MOVING = "moving"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DISABLED = "disabled"
    CANCELED = "canceled"
    OTHER = "other"
    """A word this version does not know; it stands in `Deployment.raw_status`."""

    @classmethod
    def parse(cls, word: str) -> DeploymentStatus:
        """Read a provider's word in any case; one that is not known becomes `OTHER`."""
        known = {member.value: member for member in cls if member is not cls.OTHER}
        return known.get(word.casefold(), cls.OTHER)


class DeploymentSpec(Frozen):
    """What to deploy, and how."""

    model: ModelId
    """Model or checkpoint to make callable."""
    name: DeploymentName
    """Name to call it by; ignored by providers that need no deployment."""
    sku: str | None = None
    """Kind of hosting in the provider's words (`GlobalStandard`, …); None takes the profile's."""
    capacity: int | None = Field(default=None, ge=1)
    """Thousands of tokens a minute; None takes the profile's."""


class Deployment(Frozen):
    """A model that can be called, or soon can."""

    name: DeploymentName
    """What chat calls name as their model."""
    model: ModelId
    """What answers behind the name."""
    status: DeploymentStatus
    """Where it stands; `succeeded` does not promise yet that the first call works."""
    raw_status: str = ""
    """The provider's own word."""
    sku: str | None = None
    """Kind of hosting; None where nothing is hosted."""
    capacity: int | None = None
    """Thousands of tokens a minute; None where the provider does not say."""
    created_at: datetime | None = None
    """When it was made; aware, UTC; None when not given."""
    required: bool = True
    """False on providers where a model answers without a deployment: deleting is a no-op."""


class HostingQuote(Frozen):
    """What a deployment would cost and when it would go away by itself; said before it is made."""

    hourly: Decimal | None = None
    """US dollars an hour, idle or not; 0 when hosting is free, None when the price is not known."""
    auto_delete: str | None = None
    """When the provider deletes it by itself, in words; None when it stays."""
    source: str | None = None
    """What the statement rests on, with the day it was read."""
