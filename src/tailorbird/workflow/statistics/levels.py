"""The error rates that every word of a report rests on."""

from __future__ import annotations

LEVEL = 0.05
"""Chance of seeing a difference where there is none that all words of a report allow."""

CONFIDENCE = 1 - LEVEL
"""Share of 95 % intervals that hold the true value, over many samples."""

POWER = 0.8
"""Chance of seeing a difference that is there, for which sample sizes are given.

The usual choice: J. Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd edition,
1988, section 2.4.
"""
