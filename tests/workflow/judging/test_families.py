"""Which models are relatives."""

from __future__ import annotations

import pytest

from tailorbird.workflow.judging.families import family_of


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4.1-mini-2025-04-14", "gpt"),
        ("openai/gpt-6-luna", "gpt"),
        ("o3-mini", "gpt"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "gpt"),
        ("gpt-4.1-mini-2025-04-14.ft-0a1b", "gpt"),
        ("Meta-Llama-3.1-8B", "llama"),
        ("mistralai/Mixtral-8x7B", "mistral"),
        ("gemma2:9b", "gemini"),
        ("claude-sonnet-5", "claude"),
        ("fake-chat", "fake"),
        ("4-7", ""),
    ],
)
def test_the_name_tells_the_family(model: str, family: str) -> None:
    """Snapshots, tuned models and sizes of one maker are one family."""
    assert family_of(model) == family
