"""What the packages export."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
PACKAGES = [
    ".".join(path.parent.relative_to(SOURCE).parts) for path in sorted(SOURCE.rglob("__init__.py"))
]


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> str:
    """The dotted name of each package under src."""
    return str(request.param)


def test_package_exports_and_does_nothing_else(package: str) -> None:
    """An `__init__.py` holds a docstring, imports from modules and `__all__`, nothing else."""
    docstring, *statements = _statements(package)
    assert ast.get_docstring(ast.Module([docstring], []))
    assert [ast.unparse(node) for node in statements if not _is_allowed(node)] == []


def test_package_exports_what_it_imports(package: str) -> None:
    """`__all__` names exactly what the package imports, so nothing is public by accident."""
    assert sorted(_exported(package)) == sorted(_imported(package))


def test_exports_are_sorted(package: str) -> None:
    """`__all__` is sorted as ruff sorts it: constants, classes, the rest; numbers by value."""
    assert _exported(package) == sorted(_exported(package), key=_sort_key)


def test_exports_exist(package: str) -> None:
    """Every name in `__all__` can be had from the installed package."""
    module = importlib.import_module(package)
    assert [name for name in _exported(package) if not hasattr(module, name)] == []


def _statements(package: str) -> list[ast.stmt]:
    path = SOURCE.joinpath(*package.split("."), "__init__.py")
    return ast.parse(path.read_text(encoding="utf-8")).body


def _is_allowed(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) or _is_all(node)


def _is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _exported(package: str) -> list[str]:
    lists = [
        node.value
        for node in _statements(package)
        if isinstance(node, ast.Assign) and _is_all(node)
    ]
    return [name for value in lists for name in ast.literal_eval(value)]


def _imported(package: str) -> list[str]:
    return [
        alias.asname or alias.name
        for node in _statements(package)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    ]


def _sort_key(name: str) -> tuple[int, list[tuple[int, str]]]:
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    parts = re.findall(r"(\d+)|(\D+)", name)
    return kind, [(int(digits or 0), text) for digits, text in parts]
