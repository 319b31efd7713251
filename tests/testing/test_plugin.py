"""The pytest plugin, in runs of pytest within the test."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Loaded here so that the runs within the tests do not load, and then unload, compiled modules.
from tailorbird.providers.fake import FakeProvider

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "_tailorbird_pytest")
STRICT = (
    *(*PLUGIN, "-p", "pytest_asyncio.plugin"),
    *("-o", "asyncio_default_fixture_loop_scope=function"),
)
ANYIO = (*PLUGIN, "-p", "anyio.pytest_plugin")
CLOUD = """
import pytest
from tailorbird.types import Message

@pytest.mark.MARK
async def test_answer(fake_provider, virtual_clock):
    model = fake_provider.roles["chat"].callable_id
    reply = await fake_provider.chat.complete([Message.user("hello")], model=model)
    assert reply.text
    assert fake_provider.clock is virtual_clock
    await virtual_clock.sleep(3600.0)
    assert virtual_clock.monotonic() >= 3600.0

@pytest.mark.MARK
async def test_forgets(fake_provider):
    assert [stored async for stored in fake_provider.files.list()] == []
    await fake_provider.files.create(b"{}", name="a.jsonl", purpose="batch")

@pytest.mark.MARK
async def test_forgets_again(fake_provider):
    assert [stored async for stored in fake_provider.files.list()] == []
    await fake_provider.files.create(b"{}", name="a.jsonl", purpose="batch")
"""


@pytest.fixture(autouse=True)
def only_named_plugins(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs load the plugins that they name, and no settings of a folder around them."""
    pytester.makeini("[pytest]\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_PLUGINS", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


def test_fake_provider_with_pytest_asyncio(pytester: pytest.Pytester) -> None:
    """The fake is open, goes by the virtual clock and is new in each test, in strict mode too."""
    pytester.makepyfile(CLOUD.replace("MARK", "asyncio"))
    pytester.runpytest_inprocess(*STRICT, "-W", "error").assert_outcomes(passed=3)


def test_fake_provider_with_anyio(pytester: pytest.Pytester) -> None:
    """The same without pytest-asyncio, by the plugin that anyio brings along."""
    backend = "\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    pytester.makepyfile(CLOUD.replace("MARK", "anyio") + backend)
    pytester.runpytest_inprocess(*ANYIO, "-W", "error").assert_outcomes(passed=3)


def test_both_names_are_one_plugin(pytester: pytest.Pytester) -> None:
    """It may be asked for by the package's name as well; asked for twice it is there once."""
    pytester.makepyfile(CLOUD.replace("MARK", "asyncio"))
    named = ("-p", "tailorbird.testing.plugin", *STRICT, "-W", "error")
    pytester.runpytest_inprocess(*named).assert_outcomes(passed=3)


def test_fake_bench(pytester: pytest.Pytester) -> None:
    """The workbench is open on the fake and goes by the virtual clock."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_bench(fake_bench, virtual_clock):
            assert fake_bench.provider.name == "fake"
            assert fake_bench.provider.clock is virtual_clock
        """
    )
    pytester.runpytest_inprocess(*STRICT, "-W", "error").assert_outcomes(passed=1)


@pytest.mark.enable_socket
def test_no_network(pytester: pytest.Pytester) -> None:
    """Within the test no socket reaches the network, and afterwards they do again."""
    pytester.makepyfile(
        """
        import socket
        import pytest
        from tailorbird.exceptions import ConfigError

        def test_shut(no_network):
            with pytest.raises(ConfigError):
                socket.socket(socket.AF_INET)

        def test_open():
            socket.socket(socket.AF_INET).close()
        """
    )
    pytester.runpytest_inprocess(*PLUGIN, "-W", "error").assert_outcomes(passed=2)


def test_fixtures_are_listed(pytester: pytest.Pytester) -> None:
    """`pytest --fixtures` shows what each fixture is."""
    lines = pytester.runpytest_inprocess(*STRICT, "--fixtures").stdout
    for name in ("fake_provider", "fake_bench", "virtual_clock", "no_network"):
        lines.fnmatch_lines([f"{name}*"])


def test_plugin_is_light() -> None:
    """Loading the plugin loads nothing heavy: it happens in every run of pytest on the machine."""
    code = "import json, sys, tailorbird.testing.plugin; print(json.dumps(list(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(run.stdout)}
    assert loaded.isdisjoint({"anyio", "azure", "httpx2", "jiter", "numpy", "openai", "tiktoken"})


def test_fake_is_the_public_one() -> None:
    """The fixture's provider is the class that anybody can import."""
    assert FakeProvider.__module__.startswith("tailorbird.providers.fake")
