"""A provider that lives in this process, for tests, examples and first steps."""

from __future__ import annotations

from tailorbird.providers.fake.clock import VirtualClock
from tailorbird.providers.fake.faults import Fault
from tailorbird.providers.fake.network import forbid_network
from tailorbird.providers.fake.operations import Call, Operation, Totals
from tailorbird.providers.fake.provider import FakeProvider, open_provider
from tailorbird.providers.fake.script import (
    Cut,
    Delay,
    Effect,
    Events,
    Fails,
    Lag,
    Says,
    Script,
    Statuses,
)
from tailorbird.providers.fake.settings import FakeSettings

__all__ = [
    "Call",
    "Cut",
    "Delay",
    "Effect",
    "Events",
    "Fails",
    "FakeProvider",
    "FakeSettings",
    "Fault",
    "Lag",
    "Operation",
    "Says",
    "Script",
    "Statuses",
    "Totals",
    "VirtualClock",
    "forbid_network",
    "open_provider",
]
