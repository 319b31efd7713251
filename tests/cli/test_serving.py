"""`serve-fake`: a real server for other programs, used with the official client of OpenAI."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from pydantic import BaseModel

from tailorbird.cli import main
from tailorbird.exceptions import ConfigError
from tailorbird.testing._wire import recipes
from tailorbird.testing._wire.serving import open_listener, serving_fakes
from tailorbird.testing.wire import WireSettings

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

COMMAND = [sys.executable, "-c", "import sys; from tailorbird.cli import main; sys.exit(main())"]


def lines_of(stream: Iterable[str]) -> list[str]:
    """Give what a server says until it serves."""
    lines: list[str] = []
    for line in stream:
        lines.append(line.rstrip("\n"))
        if lines[-1] == "}" or lines[-1].startswith("export IDENTITY_HEADER"):
            break
    return lines


class Process:
    """`serve-fake` in a process of its own."""

    def __init__(self, *, folder: Path | None = None) -> None:
        """Start it on a free port, and wait until it serves; `folder` is for temporary files."""
        environ = {} if folder is None else {"TMPDIR": str(folder)}
        self._process = subprocess.Popen(
            [*COMMAND, "serve-fake", "--port", "0", "--json", "-"],
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdout
        self.data: dict[str, Any] = json.loads("\n".join(lines_of(self._process.stdout)))

    def interrupt(self, by: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Press Ctrl-C, or send another signal; give exit code and what came on stderr."""
        self._process.send_signal(by)
        _, err = self._process.communicate(timeout=90)
        return self._process.returncode, err

    def end(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[Process]:
    """A server that the tests of this module share."""
    started = Process()
    yield started
    started.end()


def serve_here(
    *args: str, then: Callable[[list[str]], None], by: signal.Signals = signal.SIGINT
) -> tuple[int, str]:
    """Run the command in this process, call `then` while it serves, and end it by a signal.

    Returns:
        Exit code, and what came on stderr.
    """
    read, write = os.pipe()
    failures: list[BaseException] = []

    def meanwhile() -> None:
        with os.fdopen(read, encoding="utf-8") as stream:
            lines = lines_of(stream)
            if not lines:  # the command has ended by itself
                return
            try:
                then(lines)
            except BaseException as exc:  # noqa: BLE001 - raised again below
                failures.append(exc)
            os.kill(os.getpid(), by)
            stream.read()

    thread = threading.Thread(target=meanwhile)
    thread.start()
    err = io.StringIO()
    with os.fdopen(write, "w", encoding="utf-8") as out, redirect_stdout(out), redirect_stderr(err):
        code = main(["serve-fake", "--port", "0", *args])
    thread.join()
    if failures:
        raise failures[0]
    return code, err.getvalue()


class Event(BaseModel):
    """What a structured answer is."""

    name: str
    days: int


ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Question {number}?"},
            {"role": "assistant", "content": f"Answer {number}."},
        ]
    }
    for number in range(12)
]


@pytest.mark.parametrize(
    ("flavor", "chat", "embedding"),
    [("openai", "gpt-6-luna", "text-embedding-3-small"), ("azure", "chat", "embed")],
)
def test_the_official_client_works_as_its_documentation_shows(
    server: Process, tmp_path: Path, flavor: str, chat: str, embedding: str
) -> None:
    """Files, a job with its events, chat in three forms, embeddings, and a vector store."""
    train = tmp_path / "train.jsonl"
    train.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    url = server.data["base_urls"][flavor]
    with openai.OpenAI(base_url=url, api_key="test-key", max_retries=0) as client:
        file = client.files.create(file=train, purpose="fine-tune")
        client.files.wait_for_processing(file.id, poll_interval=0.01)
        job = client.fine_tuning.jobs.create(model="gpt-4.1-mini-2025-04-14", training_file=file.id)
        while job.status not in {"succeeded", "failed", "cancelled"}:
            job = client.fine_tuning.jobs.retrieve(job.id)
        assert job.status == "succeeded"
        assert job.fine_tuned_model is not None
        events = [one.message for one in client.fine_tuning.jobs.list_events(job.id, limit=50)]
        assert "Fine-tuning job started" in events
        assert job.result_files
        assert client.files.content(job.result_files[0]).content

        talk: Any = [{"role": "user", "content": "Hello"}]
        plain = client.chat.completions.create(model=chat, messages=talk)
        said = plain.choices[0].message.content
        assert said
        stream = client.chat.completions.create(model=chat, messages=talk, stream=True)
        # Azure sends chunks without a choice, and choices without a delta.
        deltas = [one.choices[0].delta for one in stream if one.choices]
        assert "".join(delta.content or "" for delta in deltas if delta) == said
        parsed = client.chat.completions.parse(model=chat, messages=talk, response_format=Event)
        assert isinstance(parsed.choices[0].message.parsed, Event)

        vectors = client.embeddings.create(model=embedding, input=["tea", "time"])
        assert [len(one.embedding) for one in vectors.data] == [1536, 1536]

        store = client.vector_stores.create(name="handbook")
        leave = tmp_path / "leave.txt"
        leave.write_text("Paid leave is 20 days.", encoding="utf-8")
        kept = client.vector_stores.files.upload_and_poll(
            vector_store_id=store.id, file=leave, poll_interval_ms=10
        )
        assert kept.status == "completed"
        if flavor == "openai":  # Azure has no such search
            found = list(client.vector_stores.search(vector_store_id=store.id, query="paid leave"))
            assert found[0].filename == "leave.txt"


def test_ctrl_c_ends_it_cleanly() -> None:
    """The port is free again, the exit code 0, and no traceback is shown."""
    server = Process()
    try:
        url = server.data["url"]
        with httpx2.Client() as client:
            assert client.get(f"{url}/v1/models").status_code == 401
            code, err = server.interrupt()
        assert (code, err) == (0, "serving until Ctrl-C\nstopped\n")
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{url}/v1/models")
    finally:
        server.end()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks no program to end")
def test_a_request_to_end_is_kept() -> None:
    """SIGTERM ends it as Ctrl-C does, and nothing else of this process."""
    ended = serve_here(then=lambda _: None, by=signal.SIGTERM)
    assert ended == (0, "serving until Ctrl-C\nstopped\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks no program to end")
def test_a_container_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    """Asked to end by SIGTERM, it ends as by Ctrl-C, and what was uploaded is gone."""
    server = Process(folder=tmp_path)
    try:
        with httpx2.Client(headers={"Authorization": "Bearer test-key"}) as client:
            answer = client.post(
                f"{server.data['url']}/v1/files",
                files={"file": ("train.jsonl", b'{"text": "kept on disk"}\n')},
                data={"purpose": "user_data"},
            )
        assert answer.status_code == 200
        assert list(tmp_path.iterdir())
        code, err = server.interrupt(signal.SIGTERM)
        assert (code, err) == (0, "serving until Ctrl-C\nstopped\n")
        assert list(tmp_path.iterdir()) == []
    finally:
        server.end()


def test_it_prints_what_other_programs_need() -> None:
    """Base URLs, a configuration file that can be pasted, and variables of the environment."""

    def then(lines: list[str]) -> None:
        assert lines[0].startswith("openai: http://127.0.0.1:")
        assert lines[1].startswith("azure: http://127.0.0.1:")
        text = "\n".join(lines).partition("# tailorbird.toml")[2].partition("# the environ")[0]
        profiles = tomllib.loads(text)
        assert set(profiles["profiles"]) == {"openai", "azure"}
        variables = dict(line[7:].split("=", 1) for line in lines if line.startswith("export "))
        assert variables["OPENAI_API_KEY"] == "my-own-key"
        assert variables["OPENAI_BASE_URL"] == lines[0].partition(": ")[2]

    assert serve_here("--api-key", "my-own-key", then=then) == (
        0,
        "serving until Ctrl-C\nstopped\n",
    )


@pytest.mark.parametrize(("flavor", "other"), [("openai", "azure"), ("azure", "openai")])
def test_one_flavor_can_be_served_alone(flavor: str, other: str) -> None:
    """The other one's addresses are not found then."""

    def then(lines: list[str]) -> None:
        data = json.loads("\n".join(lines))
        assert list(data["base_urls"]) == [flavor]
        paths = {"openai": "/v1/models", "azure": "/openai/v1/models"}
        head = {"authorization": "Bearer test-key"}
        assert httpx2.get(data["url"] + paths[flavor], headers=head).status_code == 200
        assert httpx2.get(data["url"] + paths[other], headers=head).status_code == 404

    code, err = serve_here("--flavor", flavor, "--json", "-", then=then)
    assert (code, err) == (0, "serving until Ctrl-C\nstopped\n")


@pytest.mark.parametrize("path", ["/v1", "/openai/v1"])
def test_models_of_any_name_are_served(path: str) -> None:
    """A program that calls models of its own finds those that were named."""

    def then(lines: list[str]) -> None:
        url = json.loads("\n".join(lines))["url"]
        with openai.OpenAI(base_url=url + path, api_key="test-key", max_retries=0) as client:
            talk = client.chat.completions.create(
                model="our-chat",
                messages=[{"role": "user", "content": "Hello?"}],
                reasoning_effort="low",
            )
            assert talk.model == "our-chat"
            found = client.embeddings.create(model="our-embed", input="one", dimensions=3072)
            assert len(found.data[0].embedding) == 3072
            with pytest.raises(openai.NotFoundError):
                client.embeddings.create(model="their-embed", input="one")

    models = ("--model", "other", "--model", "our-chat", "--embedding-model", "our-embed")
    assert serve_here(*models, "--json", "-", then=then)[0] == 0


@pytest.mark.parametrize("profile", ["openai", "azure"])
def test_our_own_profiles_reach_it(
    server: Process,
    tailorbird: Callable[..., Any],
    own_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    profile: str,
) -> None:
    """The printed file and variables are all that our own command line needs."""
    (own_folder / "tailorbird.toml").write_text(server.data["profiles"], encoding="utf-8")
    for name, value in server.data["environment"].items():
        monkeypatch.setenv(name, value)
    ended = tailorbird("models", "--profile", profile)
    assert ended.code == 0, ended.err
    assert "gpt-4.1-mini-2025-04-14" in ended.out


def test_a_managed_identity_gets_tokens_that_open_the_services(
    server: Process,
) -> None:
    """A program that logs in by Entra ID reaches models, deployments and search."""
    data = server.data
    code = (
        "import json\n"
        "from azure.identity import DefaultAzureCredential\n"
        "with DefaultAzureCredential() as one:\n"
        "    scopes = ['https://ai.azure.com', 'https://management.azure.com',"
        " 'https://search.azure.com']\n"
        "    print(json.dumps([one.get_token(f'{scope}/.default').token for scope in scopes]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **data["environment"]},
        check=True,
    )
    models, management, search = json.loads(ended.stdout)
    account = (
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/test-group/providers"
        "/Microsoft.CognitiveServices/accounts/test-account/deployments?api-version=2025-09-01"
    )
    for token, path in (
        (models, "/openai/v1/models"),
        (management, account),
        (search, "/indexes?api-version=2026-04-01"),
    ):
        head = {"authorization": f"Bearer {token}"}
        assert httpx2.get(data["url"] + path, headers=head).status_code == 200


@pytest.mark.parametrize(
    ("query", "head", "status"),
    [
        ("api-version=2019-08-01&resource=https://search.azure.com/", "test-key", 200),
        ("api-version=2019-08-01&resource=https://search.azure.com", "wrong", 401),
        ("api-version=2018-02-01&resource=https://search.azure.com", "test-key", 400),
        ("api-version=2019-08-01&resource=https://graph.microsoft.com", "test-key", 400),
        ("api-version=2019-08-01", "test-key", 400),
    ],
)
async def test_tokens_are_given_for_known_audiences_only(
    query: str, head: str, status: int
) -> None:
    """With the secret, in the version that is served."""
    listener = open_listener("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/identity/token?{query}"
    async with (
        serving_fakes(["azure"], listener, settings=WireSettings()),
        httpx2.AsyncClient() as client,
    ):
        answer = await client.get(url, headers={"x-identity-header": head})
    assert answer.status_code == status
    assert ("access_token" in answer.json()) is (status == 200)


async def test_a_server_in_the_same_process_ends_with_its_block() -> None:
    """It answers within the block, and the port is free behind it, also at once."""
    for calls in (1, 0):
        listener = open_listener("127.0.0.1", 0)
        port = listener.getsockname()[1]
        async with (
            httpx2.AsyncClient() as client,
            serving_fakes(["openai"], listener, settings=WireSettings()) as app,
        ):
            for _ in range(calls):
                answer = await client.get(f"http://127.0.0.1:{port}/v1/models")
                assert answer.status_code == 401
            assert len(app.seen) == calls
        open_listener("127.0.0.1", port).close()


async def test_a_cancelled_server_closes_its_port() -> None:
    """As Ctrl-C cancels it."""
    listener = open_listener("127.0.0.1", 0)
    port = listener.getsockname()[1]
    begun = asyncio.Event()

    async def serve() -> None:
        async with serving_fakes(["openai"], listener, settings=WireSettings()):
            begun.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(serve())
        await begun.wait()
        task.cancel()
    assert task.cancelled()
    open_listener("127.0.0.1", port).close()


async def test_what_goes_wrong_in_the_block_comes_out_as_itself() -> None:
    """Not in a group, so that whoever expects it catches it; the port is free all the same."""
    listener = open_listener("127.0.0.1", 0)
    port = listener.getsockname()[1]

    async def fail() -> None:
        async with serving_fakes(["openai"], listener, settings=WireSettings()):
            message = "on purpose"
            raise ConfigError(message)

    with pytest.raises(ConfigError, match="on purpose"):
        await fail()
    open_listener("127.0.0.1", port).close()


def test_a_file_that_cannot_be_written_is_an_error(
    tailorbird: Callable[..., Any], tmp_path: Path
) -> None:
    """The server ends, with the reason."""
    ended = tailorbird("serve-fake", "--port", "0", "--json", tmp_path / ("x" * 300))
    assert ended.code == 2
    assert "error: " in ended.err
    assert "fault of tailorbird" not in ended.err


def test_a_port_that_is_taken_is_an_error(tailorbird: Callable[..., Any]) -> None:
    """The command says so, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = tailorbird("serve-fake", "--port", taken.getsockname()[1])
    assert ended.code == 2
    assert "cannot be opened" in ended.err
    assert "another port" in ended.err


@pytest.mark.parametrize("host", ["127.0.0.256", "fe80::bad::host"])
def test_a_host_that_is_not_here_is_an_error(host: str) -> None:
    """Names and numbers alike."""
    with pytest.raises(ConfigError, match="cannot be opened"):
        open_listener(host, 0)


@pytest.mark.parametrize("key", ["", "a b", "キー", "a\tb"])
def test_a_key_that_no_header_carries_is_refused(tailorbird: Callable[..., Any], key: str) -> None:
    """Before anything is served."""
    ended = tailorbird("serve-fake", "--api-key", key)
    assert ended.code == 2
    assert "printable ASCII" in ended.err


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "python_multipart"])
def test_a_missing_package_names_its_extra(
    tailorbird: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Without the extra `server` nothing is served."""
    # What importlib itself does for a name that is barred.
    monkeypatch.setitem(sys.modules, missing, None)  # type: ignore[arg-type]
    ended = tailorbird("serve-fake", "--port", "0")
    assert ended.code == 2
    assert (
        f"the package {missing!r} is not installed: pip install 'tailorbird[server]'" in ended.err
    )


@pytest.mark.parametrize(
    ("host", "origin", "insecure"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080", None),
        ("localhost", "http://localhost:8080", None),
        ("::1", "http://[::1]:8080", None),
        ("0.0.0.0", "http://127.0.0.1:8080", None),  # noqa: S104 - what a user may type
        ("::", "http://[::1]:8080", None),
        ("fake.test", "http://fake.test:8080", "fake.test"),
        ("192.0.2.7", "http://192.0.2.7:8080", "192.0.2.7"),
    ],
)
async def test_profiles_fit_the_address(host: str, origin: str, insecure: str | None) -> None:
    """Plain HTTP is allowed by name where the host is another machine."""
    assert recipes.origin_of(host, 8080) == origin
    listener = open_listener("127.0.0.1", 0)
    async with serving_fakes(["openai", "azure"], listener, settings=WireSettings()) as app:
        found = tomllib.loads(recipes.profiles(app, origin))["profiles"]
    wanted = None if insecure is None else {"insecure_hosts": [insecure]}
    assert found["openai"].get("http") == wanted
    assert found["azure"].get("http") == wanted
    assert found["azure"]["endpoint"] == origin
    assert "deployments.required" not in found["openai"]["server"]["capabilities"]


async def test_lines_for_a_shell_need_no_quotes() -> None:
    """A line is pasted as it is."""
    listener = open_listener("127.0.0.1", 0)
    async with serving_fakes(["openai", "azure"], listener, settings=WireSettings()) as app:
        found = recipes.environment(app, "http://127.0.0.1:8080")
    assert all(shlex.quote(value) == value for value in found.values())
