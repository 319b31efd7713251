"""What stands in public signatures: nothing that an SDK or an HTTP library brings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

import tailorbird

PACKAGE = Path(tailorbird.__file__).parent
FOREIGN = {"azure", "h11", "httpcore2", "httpx", "httpx2", "openai", "requests"} | {
    "python_multipart",
    "starlette",
    "uvicorn",
}


@dataclass(frozen=True)
class Module:
    """A public module, read but not run."""

    name: str
    """Its dotted name."""
    tree: ast.Module
    """Its source."""

    @cached_property
    def imported(self) -> dict[str, tuple[str, str | None]]:
        """Module and name behind each name that is imported, for type checkers only as well."""
        found: dict[str, tuple[str, str | None]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {one.asname or one.name: (node.module, one.name) for one in node.names}
            elif isinstance(node, ast.Import):
                for one in node.names:
                    bound = one.asname or one.name.partition(".")[0]
                    found[bound] = (one.name if one.asname else bound, None)
        return found


def public_modules() -> list[Module]:
    """Read all modules without an underscore in their path."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        words = [part for part in parts if part != "__init__"]
        if not any(word.startswith("_") for word in words):
            name = ".".join(["tailorbird", *words])
            found.append(Module(name, ast.parse(path.read_text(encoding="utf-8"))))
    return found


def signatures(body: list[ast.stmt], place: str) -> Iterator[tuple[str, ast.expr]]:
    """Give each type in the public signatures of a module or class, with what it belongs to."""
    for node in body:
        if isinstance(node, ast.If):  # for type checkers, or for a version of Python
            yield from signatures([*node.body, *node.orelse], place)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if is_public(node.name):
                yield from ((f"{place}.{node.name}", one) for one in types_of(node))
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from ((f"{place}.{node.name}", base) for base in node.bases)
            yield from signatures(node.body, f"{place}.{node.name}")
        elif isinstance(node, ast.AnnAssign) and is_public(ast.unparse(node.target)):
            yield f"{place}.{ast.unparse(node.target)}", node.annotation
            if ast.unparse(node.annotation) == "TypeAlias" and node.value is not None:
                yield f"{place}.{ast.unparse(node.target)}", node.value


def is_public(name: str) -> bool:
    """Say whether a name is for users; what the language itself calls is."""
    return not name.startswith("_") or name.endswith("__")


def types_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    """Give the types of all parameters and of the result."""
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    yield from (one.annotation for one in every if one is not None and one.annotation)
    if node.returns is not None:
        yield node.returns


def libraries(expression: ast.expr, module: Module) -> set[str]:
    """Give the libraries whose types an annotation names, also through a name of our own."""
    found: set[str] = set()
    for node in ast.walk(expression):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                inner = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                continue  # the words of a Literal
            if not isinstance(inner, ast.Constant):
                found |= libraries(inner, module)
        elif isinstance(node, ast.Name):
            found |= origins(node.id, module)
    return found


def origins(name: str, module: Module) -> set[str]:
    """Give the libraries behind a name."""
    source, attribute = module.imported.get(name, (module.name, name))
    root = source.partition(".")[0]
    if root != "tailorbird":
        return {root}
    if attribute is None:
        return set()
    return roots(getattr(import_module(source), attribute, None))


def roots(value: object) -> set[str]:
    """Give the library that defines a type, and those of what is in its brackets."""
    own = {str(getattr(value, "__module__", "")).partition(".")[0]}
    return own.union(*(roots(one) for one in get_args(value)))


def violations(module: Module) -> dict[str, set[str]]:
    """Give what a module shows of others, by place."""
    found: dict[str, set[str]] = {}
    for place, expression in signatures(module.tree.body, module.name):
        if shown := libraries(expression, module) & FOREIGN:
            found.setdefault(place, set()).update(shown)
    return found


def test_no_type_of_an_sdk_is_shown() -> None:
    """No parameter, result, field or base of a public name is of an SDK or an HTTP library."""
    modules = public_modules()
    assert len(modules) > 100
    found = [one for module in modules for one in violations(module).items()]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "def f(client: openai.AsyncOpenAI) -> None: ...",
        "def f(*, client: 'Client | None' = None) -> None: ...",
        "async def f() -> list[Mapping[str, Client]]: ...",
        "class C(Client): ...",
        "class C:\n    def __init__(self, client: Client) -> None: ...",
        "class C:\n    client: Client",
        "def f(client: HttpClient) -> None: ...",
        "Make: TypeAlias = 'Callable[[], Client]'",
    ],
)
def test_what_is_shown_is_found(line: str) -> None:
    """In every place, by its own name, in quotes, in brackets, and by an alias of ours."""
    head = (
        "import openai\nfrom httpx2 import AsyncClient as Client\n"
        "from tailorbird._http.client import HttpClient\n"
    )
    assert violations(Module("tailorbird.types", ast.parse(head + line)))


def test_what_is_private_may_name_them() -> None:
    """Names with an underscore are ours to use."""
    text = "from httpx2 import Client\ndef _f(a: Client): ...\nclass C:\n    _c: Client\n"
    assert violations(Module("tailorbird.types", ast.parse(text))) == {}
