"""The READMEs' one-line try-out prints what they show."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TRIAL = re.compile(
    r"\.venv/bin/(tailorbird compare [^\n]+)\n```.*?^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
CUT = "…"


def test_trial_prints_what_the_readmes_show(
    tailorbird: Callable[..., Any], examples: Path, tmp_path: Path
) -> None:
    """Every line that is shown is printed, and nothing between them is left out unmarked."""
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md")]
    english, japanese = [TRIAL.findall(page) for page in pages]
    assert english == japanese
    [(command, block)] = english
    shutil.copytree(examples, tmp_path / "examples")
    printed = tailorbird(*command.split()[1:]).out
    for part in block.split(f"{CUT}\n"):
        assert part in printed
