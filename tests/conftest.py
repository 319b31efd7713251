"""What holds for every test: closed sockets, no blocking call in an event loop, no missing data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import settings

SHARED = Path(__file__).parents[2] / "shared"

# Time limits belong to pytest-timeout: a busy machine must not make a property false.
settings.register_profile("tailorbird", deadline=None)
settings.load_profile("tailorbird")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open the sockets for live tests, and skip the tests whose data is not on this machine."""
    for item in items:
        if item.get_closest_marker("live"):
            item.add_marker(pytest.mark.enable_socket)
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason="no folder `shared` beside this repository"))


@pytest.fixture(autouse=True, scope="session")
def blocking_detector() -> Iterator[BlockBuster]:
    """Raise on a blocking call that the library makes in a thread that runs an event loop.

    Calls that a test makes itself are let through, so `tailorbird.testing`, whose suites and
    fixtures are test code, is left out: library code that it calls is still watched.
    """
    with blockbuster_ctx("tailorbird", excluded_modules=["tailorbird.testing"]) as detector:
        # While coverage is measured, its tracer waits for worker threads in the midst of our code.
        waiting = detector.functions["threading.Lock.acquire"]
        waiting.can_block_in("coverage/collector.py", {"lock_data"})
        yield detector
