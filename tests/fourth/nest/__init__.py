"""A provider as somebody else would write one: a bird that says again what it was told."""

from __future__ import annotations

from .provider import NestProvider, open_provider

__all__ = ["NestProvider", "open_provider"]
