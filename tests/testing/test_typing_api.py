"""The page of typed calls, `tests/typing/api.py`, leaves no public call out."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import tailorbird
from tailorbird import protocols

PAGE = Path(__file__).parents[1] / "typing" / "api.py"
CLASSES = (
    protocols.Batches,
    *(protocols.Chat, protocols.ChatStream, protocols.Clock, protocols.Deployments),
    *(protocols.Embeddings, protocols.Files, protocols.FineTuningJobs, protocols.Models),
    *(protocols.Provider, protocols.Retrieval),
    *(tailorbird.JobHandle, tailorbird.SyncWorkbench, tailorbird.Workbench),
)


@pytest.fixture(scope="module")
def used() -> set[str]:
    """All names and attributes of the page."""
    nodes = list(ast.walk(ast.parse(PAGE.read_text(encoding="utf-8"))))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("owner", CLASSES, ids=lambda owner: owner.__name__)
def test_every_method_is_shown(owner: type, used: set[str]) -> None:
    """Each public method and property of a contract, workbench or handle is on the page."""
    members = {
        name
        for name, member in inspect.getmembers(owner)
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, property))
    }
    assert members - used == set()


def test_every_function_is_shown(used: set[str]) -> None:
    """Each function that the package exports is called on the page."""
    functions = {
        name for name in tailorbird.__all__ if inspect.isroutine(getattr(tailorbird, name))
    }
    assert functions
    assert functions - used == set()
