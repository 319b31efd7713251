"""Nothing is built on interfaces of the clouds that are gone, or that are going."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tailorbird

PACKAGE = Path(tailorbird.__file__).parent
ROOMS = ("_openai_sdk", "_http", "providers/openai", "providers/azure")
GONE = {
    "/assistants": "OpenAI, 2026-08-26",
    "/threads": "OpenAI, 2026-08-26",
    "/evals": "OpenAI, 2026-11-30",
    "/prompts": "OpenAI, 2026-11-30",
    "/graders": "OpenAI, with the last base of reinforcement, 2026-10-23",
    "data_sources": "Azure, On Your Data, with gpt-4.1 at the latest",
    "/knowledgebases": "Azure, whose generally available version gives extracts only",
    "/agents": "Azure, renamed in 2025-11",
    "AsyncAzureOpenAI": "openai, which rewrites the chat paths of the v1 route wrongly",
    "AzureOpenAI": "the same, synchronous",
}


@pytest.fixture(scope="module")
def spoken() -> list[tuple[str, str]]:
    """Give all of them, with the file where each stands."""
    return list(words())


def words() -> Iterator[tuple[str, str]]:
    """Give each name and each text of the rooms that talk to clouds, docstrings left out."""
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            said = {
                id(node.value)
                for node in ast.walk(tree)
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Name):
                    yield path.name, node.id
                elif isinstance(node, ast.Attribute):
                    yield path.name, node.attr
                elif isinstance(node, ast.Constant) and id(node) not in said:
                    yield path.name, str(node.value)


@pytest.mark.parametrize("gone", GONE)
def test_what_is_gone_is_not_called(gone: str, spoken: list[tuple[str, str]]) -> None:
    """No request names it: whoever adds one meets this test before the cloud's refusal."""
    found = [(place, text) for place, text in spoken if gone in text]
    assert found == [], GONE[gone]


@pytest.mark.parametrize("called", ["/fine_tuning/jobs", "/chat/completions", "/vector_stores"])
def test_what_is_called_is_found(called: str, spoken: list[tuple[str, str]]) -> None:
    """The search sees the addresses that are called."""
    assert any(called in text for _, text in spoken)
