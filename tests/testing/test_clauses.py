"""The clauses of the suite, and that the contract pages say the same."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from tailorbird import protocols
from tailorbird.testing import conformance
from tailorbird.testing.conformance import Clause, clause, clauses_of
from tailorbird.testing.conformance import shelf as shelf_module
from tailorbird.testing.conformance import trial as trial_module

PAGES = Path(__file__).parents[2] / "docs" / "contract"
SUITES: dict[str, tuple[type, ...]] = {
    "batches": (conformance.BatchesConformance,),
    "chat": (conformance.ChatConformance, conformance.ChatOutputConformance),
    "deployments": (conformance.DeploymentsConformance,),
    "embeddings": (conformance.EmbeddingsConformance,),
    "files": (conformance.FilesConformance,),
    "jobs": (conformance.FineTuningJobsConformance, conformance.JobLifeConformance),
    "models": (conformance.ModelsConformance,),
    "provider": (conformance.ProviderConformance,),
    "retrieval": (conformance.RetrievalConformance, conformance.SearchConformance),
}
PROTOCOLS: dict[str, type] = {
    "batches": protocols.Batches,
    "chat": protocols.Chat,
    "deployments": protocols.Deployments,
    "embeddings": protocols.Embeddings,
    "files": protocols.Files,
    "jobs": protocols.FineTuningJobs,
    "models": protocols.Models,
    "provider": protocols.Provider,
    "retrieval": protocols.Retrieval,
}
ROW = re.compile(r"^- \*\*(?P<number>[A-Z]\d+)\*\* (?P<sentence>.+(?:\n  .+)*)$", re.MULTILINE)
AROUND = (trial_module, shelf_module)
# Words before a method's name that mean the protocol itself.
OWNERS = {"retrieval": "engine", "provider": "provider"}


@pytest.fixture(params=SUITES)
def page(request: pytest.FixtureRequest) -> str:
    """Each page of the contract."""
    return str(request.param)


def test_page_and_suite_say_the_same(page: str) -> None:
    """The page lists exactly the clauses of the suite, in order, in the same words."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    found = [Clause(row["number"], " ".join(row["sentence"].split())) for row in ROW.finditer(text)]
    assert found == [one for suite in SUITES[page] for one in clauses_of(suite)]


def test_numbers_are_counted_through(page: str) -> None:
    """The numbers of a page begin with its letter and run from 1 without a gap."""
    numbers = [one.number for suite in SUITES[page] for one in clauses_of(suite)]
    letter = numbers[0][0]
    assert numbers == [f"{letter}{place}" for place in range(1, len(numbers) + 1)]


def test_every_test_is_a_clause(page: str) -> None:
    """No test of a suite is without a number."""
    for suite in SUITES[page]:
        tests = [name for name in vars(suite) if name.startswith("test")]
        assert len(tests) == len(clauses_of(suite))


def test_every_method_is_called(page: str) -> None:
    """Every member of the protocol is used by at least one clause of its suite."""
    owner = OWNERS.get(page, page)
    sources = [inspect.getsource(inspect.getmodule(suite) or suite) for suite in SUITES[page]]
    sources += [inspect.getsource(module) for module in AROUND]
    used = {chain for source in sources for chain in _chains(source)}
    members = {name for name in vars(PROTOCOLS[page]) if not name.startswith("_")}
    assert {name for name in members if f"{owner}.{name}" not in used} == set()


def test_pages_are_known() -> None:
    """Every page of the folder but its index is checked here."""
    assert {path.stem for path in PAGES.glob("*.md")} == {*SUITES, "index"}


def test_suites_are_not_collected_from_the_library() -> None:
    """No suite class has a name by which pytest would collect it where it is imported."""
    assert [name for name in conformance.__all__ if name.startswith("Test")] == []


def test_clause_without_a_sentence_is_an_error() -> None:
    """A clause needs a docstring, which is its sentence."""
    with pytest.raises(ValueError, match="'X1' has no sentence"):

        class _Suite:
            @clause("X1")
            async def test_nothing(self) -> None:
                pass


async def test_failed_clause_is_named() -> None:
    """A failure carries the number and the sentence of its clause."""

    class Suite:
        """A suite whose only promise is broken."""

        @clause("X1")
        async def test_broken(self) -> None:
            """Nothing is ever broken.

            What follows is not part of the sentence.
            """
            raise AssertionError("broken")

    assert clauses_of(Suite) == (Clause("X1", "Nothing is ever broken."),)
    with pytest.raises(AssertionError, match="broken") as caught:
        await Suite().test_broken()
    assert caught.value.__notes__ == ["clause X1: Nothing is ever broken."]


def _chains(source: str) -> set[str]:
    """Give `owner.member` for every attribute of a source whose owner is a name or attribute."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            found.add(f"{name}.{node.attr}")
    return found
