"""Fakes behind HTTP: other programs, in any language, test against them as against a cloud."""

from __future__ import annotations

from tailorbird.testing._wire.app import WireApp, wire_app
from tailorbird.testing._wire.world import Seen, WireSettings, World

__all__ = ["Seen", "WireApp", "WireSettings", "World", "wire_app"]
