"""The pytest plugin: a fake provider, a workbench on it, virtual time, and a shut network.

pytest loads this module in every run on a machine where tailorbird is installed. So it stands
beside the package, all of which would be loaded with any module in it, and imports nothing but
pytest: what a fixture needs is imported by the fixture. There is nothing to assert in it
(PYTEST_DONT_REWRITE).
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tailorbird.providers.fake import FakeProvider, VirtualClock
    from tailorbird.workbench import Workbench

_ASYNCIO = ("asyncio", "pytest_asyncio.plugin")
# Names of pytest-asyncio's plugin: found by itself, and asked for by `-p`.
_FIXTURES = "tailorbird.testing.fixtures"


@pytest.fixture
def virtual_clock() -> VirtualClock:
    """Give a clock whose `sleep` costs no real time; `fake_provider` and `fake_bench` go by it."""
    # The library and numpy, which a run that does not use this fixture never loads.
    from tailorbird.providers.fake import VirtualClock  # noqa: PLC0415

    return VirtualClock()


@pytest.fixture
def no_network() -> Iterator[None]:
    """Shut the network: a socket, connection or name look-up in the test raises `ConfigError`.

    A socket is refused while the test runs, in every thread; sockets of the local domain, which
    event loops use, are not.
    """
    # The library and numpy, which a run that does not use this fixture never loads.
    from tailorbird.providers.fake.network import forbid_network  # noqa: PLC0415

    with forbid_network():
        yield


async def _fake_provider(virtual_clock: VirtualClock) -> AsyncIterator[FakeProvider]:
    """Give an open fake provider of the plain flavor, without any state from other tests."""
    # The library and numpy, which a run that does not use this fixture never loads.
    from tailorbird.providers.fake import FakeProvider, FakeSettings  # noqa: PLC0415

    async with FakeProvider(FakeSettings(), clock=virtual_clock) as provider:
        yield provider


async def _fake_bench(virtual_clock: VirtualClock) -> AsyncIterator[Workbench]:
    """Give an open workbench on the fake that keeps everything in memory."""
    import tailorbird  # noqa: PLC0415 - the library, which other runs never load

    async with tailorbird.open("fake", workspace=None, clock=virtual_clock) as bench:
        yield bench


def pytest_configure(config: pytest.Config) -> None:
    """Add the asynchronous fixtures in the way that the test runner at hand understands.

    pytest-asyncio in its strict mode sees only fixtures that are marked with its own decorator;
    without it, anyio takes plain ones.
    """
    if config.pluginmanager.has_plugin(_FIXTURES):
        return  # loaded before by its other name
    runners = [config.pluginmanager.get_plugin(name) for name in _ASYNCIO]
    mark = next((one.fixture for one in runners if one is not None), pytest.fixture)
    fixtures = ModuleType(_FIXTURES)  # pytest looks for fixtures in modules
    vars(fixtures).update(
        fake_provider=mark(name="fake_provider")(_fake_provider),
        fake_bench=mark(name="fake_bench")(_fake_bench),
    )
    config.pluginmanager.register(fixtures)
