"""The requests of our own backends, judged by somebody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "judge_requests.py"
UNAVAILABLE = 3


@pytest.mark.shared
@pytest.mark.slow
def test_no_request_is_refused() -> None:
    """Steady finds no fault in what is sent to OpenAI and Azure that is not known as none."""
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--offline"], capture_output=True, text=True, check=False
    )
    if ended.returncode == UNAVAILABLE:
        pytest.skip(ended.stderr.strip())
    assert ended.returncode == 0, ended.stdout[-8_000:] + ended.stderr[-8_000:]
    assert ended.stdout.endswith("\n0 refused\n")
