"""Settings that every account over the SDK has."""

from __future__ import annotations

from pydantic import Field

from tailorbird._http import HttpSettings
from tailorbird.retry import RetryPolicy
from tailorbird.types.base import Settings


class CallSettings(Settings):
    """How patiently calls are made."""

    timeout_s: float = Field(default=60.0, gt=0, le=3600, allow_inf_nan=False)
    """Seconds for a call that names none, all attempts and waits included; above 0, at most an
    hour."""
    upload_timeout_s: float = Field(default=600.0, gt=0, le=86_400, allow_inf_nan=False)
    """The same for uploads; above 0, at most a day."""
    first_event_s: float = Field(default=60.0, gt=0, le=3600, allow_inf_nan=False)
    """Seconds a streamed answer may take to begin."""
    idle_s: float = Field(default=60.0, gt=0, le=3600, allow_inf_nan=False)
    """Seconds between two events of a streamed answer; comments that only keep the connection
    alive are no events."""
    retry: RetryPolicy = Field(default_factory=RetryPolicy)
    """How often and how patiently calls are repeated."""
    http: HttpSettings = Field(default_factory=HttpSettings)
    """Limits and ways of the requests."""
