"""What an import of the library loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PRINT_LOADED = "import json, sys; print(json.dumps(list(sys.modules)))"


@pytest.mark.parametrize(
    ("imported", "allowed"),
    [
        ("tailorbird", "pydantic"),
        ("tailorbird.testing.plugin", "pydantic, pytest, _tailorbird_pytest"),
    ],
)
def test_import_loads_only(imported: str, allowed: str) -> None:
    """Importing the library loads the standard library, pydantic, and no SDK or HTTP library."""
    basis = f"import {allowed}\nclass Model(pydantic.BaseModel): number: int"
    extra = (
        loaded_packages(f"{basis}\nimport {imported}")
        - loaded_packages(basis)
        - sys.stdlib_module_names
        - {"tailorbird"}
    )
    assert extra == set(), f"to see who loads them: python -X importtime -c 'import {imported}'"


def test_the_plugin_loads_nothing_of_the_library() -> None:
    """Every run of pytest loads it, for everyone who has the library installed."""
    extra = loaded_packages("import pytest, _tailorbird_pytest") - loaded_packages("import pytest")
    assert extra == {"_tailorbird_pytest"}


def test_import_leaves_out_what_few_need_at_once() -> None:
    """Standard modules that cost more than all of ours in a folder wait until they are needed."""
    basis = "import pydantic\nclass Model(pydantic.BaseModel): number: int"
    extra = loaded_packages(f"{basis}\nimport tailorbird") - loaded_packages(basis)
    assert not extra & {"asyncio", "concurrent", "ssl", "subprocess", "inspect", "email"}


def loaded_packages(statements: str) -> set[str]:
    """Return the top-level names in `sys.modules` after `statements` ran in a new interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", f"{statements}\n{PRINT_LOADED}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in json.loads(run.stdout)}
