"""Row K of the fault matrix: keys in no channel, requests to no other place."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import pickle
import ssl
import subprocess
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import tailorbird
from tailorbird.cli.failures import failure_data
from tailorbird.config import describe, load_profile
from tailorbird.exceptions import ConfigError, ConnectError, InvalidInputError, TailorbirdError
from tailorbird.protocols import Provider
from tailorbird.providers.azure import AzureProvider, AzureSettings
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings
from tailorbird.testing.faults import (
    BadGzip,
    Disconnect,
    FaultServer,
    InvalidUtf8,
    Redirect,
    Stall,
    Status,
    Step,
    Stream,
    TruncatedJson,
    WireFault,
)
from tailorbird.types import BatchId, DeploymentName, FileId, JobId, Message, ModelId

if TYPE_CHECKING:
    from conftest import MakeSite, Site

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

GOOD_KEY = "sk-proj-Aq51Ws62Ed73Rf84Tg95Yh06"
QUESTION = [Message.user("?")]
MODEL = ModelId("gpt-4.1-mini-2025-04-14")


def echoes(key: str) -> list[tuple[str, WireFault]]:
    """Give eight and more kinds of failure, some of which repeat the key."""
    told = {"error": {"message": f"Incorrect API key provided: {key}.", "code": "invalid_api_key"}}
    return [
        ("unauthorized", Status(401, told)),
        ("forbidden", Status(403, {"error": f"Bearer {key} may not"})),
        ("bad request", Status(400, {"error": {"message": f"header Authorization: Bearer {key}"}})),
        ("web page", Status(500, f"<html><title>Error for {key}</title>{key}</html>")),
        ("plain text", Status(503, f"upstream said: api-key: {key}")),
        ("param", Status(400, {"error": {"message": "x", "param": key, "code": key}})),
        ("rate limit", Status(429, told, {"retry-after": "100"})),
        ("reset", Disconnect(reset=True)),
        ("break", Disconnect("mid_body")),
        ("silence", Stall(60)),
        ("slow body", Stall(60, at="mid_body")),
        ("half", TruncatedJson()),
        ("no text", InvalidUtf8()),
        ("no gzip", BadGzip()),
        ("redirect", Redirect("https://elsewhere.test/")),
        ("other shape", Status(200, {"choices": 7, "data": 7})),
    ]


ECHOED = [name for name, _ in echoes("")]


def patience(name: str) -> float:
    """Give the seconds of a call: few only where silence is what fails."""
    return 1.0 if name in {"silence", "slow body"} else 10.0


async def failing(call: Callable[[], Awaitable[object]]) -> TailorbirdError:
    """Give the error of a call, from a frame that holds no key."""
    try:
        await call()
    except TailorbirdError as exc:
        return exc
    raise AssertionError


def channels(error: TailorbirdError, logs: list[logging.LogRecord]) -> Iterator[tuple[str, str]]:
    """Give everything by which an error leaves a program."""
    yield "str", str(error)
    yield "repr", repr(error)
    yield "vars", repr(vars(error))
    yield "args", repr(error.args)
    yield "error JSON", json.dumps(failure_data(error))
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    yield "traceback with locals", "".join(shown.format())
    link: BaseException | None = error
    while link is not None:
        yield "chain", f"{link!r} {link!s} {vars(link)!r}"
        link = link.__cause__ or link.__context__
    for record in logs:
        yield f"log {record.name}", f"{record.getMessage()} {record.args!r} {vars(record)!r}"


def pickled(thing: object) -> bytes:
    """Give what pickling makes of a thing; nothing where it refuses."""
    # From Python 3.14 on pickle refuses counters of itertools, and says so before.
    ignored = warnings.catch_warnings(action="ignore", category=DeprecationWarning)
    with ignored, suppress(pickle.PicklingError, TypeError, AttributeError):
        return pickle.dumps(thing)
    return b""


def found_in(thing: object, key: str) -> list[str]:
    """Walk over attributes, slots and containers, and give the paths at which the key stands."""
    found: list[str] = []
    seen: set[int] = set()
    todo: list[tuple[str, object]] = [("", thing)]
    while todo:
        path, one = todo.pop()
        if id(one) in seen or len(path) > 400:
            continue
        seen.add(id(one))
        if isinstance(one, (str, bytes)):
            text = one if isinstance(one, str) else one.decode("latin-1")
            found += [path] if key in text else []
            continue
        todo += [(f"{path}.{name}", value) for name, value in parts(one)]
    return found


def parts(thing: object) -> Iterator[tuple[str, object]]:
    """Give what can be reached from a thing without calling it."""
    if isinstance(thing, Mapping):
        yield from ((f"[{name!r:.40}]", value) for name, value in list(thing.items()))
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from (("[]", value) for value in list(thing))
    if type(thing).__module__ in {"builtins", "types"}:
        return
    yield from list(getattr(thing, "__dict__", {}).items())
    for kind in type(thing).__mro__:
        for name in getattr(kind, "__slots__", ()):
            with suppress(AttributeError):
                yield name, getattr(thing, name)


def check(error: TailorbirdError, logs: list[logging.LogRecord], *keys: str) -> None:
    """Fail when a key stands in any channel."""
    for key in keys:
        leaks = {name for name, text in channels(error, logs) if key in text}
        assert leaks == set()
        assert key.encode() not in pickled(error)
        assert key.encode() not in pickled(error.args)


@pytest.mark.parametrize("name", ECHOED)
async def test_key_of_openai_is_in_no_channel(
    site: Site, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """K1: after each kind of failure: no text, attribute, pickle, traceback, log has the key."""
    caplog.set_level(logging.DEBUG)
    account = await site.openai(retry={"attempts": 1}, timeout_s=patience(name))
    site.break_next(Step(fault=dict(echoes(site.key))[name]))
    error = await failing(lambda: account.chat.complete(QUESTION, model=MODEL))
    assert site.key in site.server.seen[0].headers["authorization"]
    check(error, caplog.records, site.key)
    assert found_in(account, site.key) == []
    assert site.key not in repr(account) + repr(vars(account))
    assert site.key.encode() not in pickled(account)


@pytest.mark.parametrize("name", ECHOED)
async def test_key_of_azure_is_in_no_channel(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """K1: the same for Azure's keys, which have no prefix to know them by."""
    site = await make_site(flavor="azure")
    caplog.set_level(logging.DEBUG)
    account = await site.azure(retry={"attempts": 1}, timeout_s=patience(name))
    site.break_next(Step(fault=dict(echoes(site.azure_key))[name]))
    error = await failing(lambda: account.chat.complete(QUESTION, model=ModelId("chat")))
    check(error, caplog.records, site.azure_key)
    assert found_in(account, site.azure_key) == []


@pytest.mark.parametrize("name", ECHOED)
async def test_tokens_of_azure_are_in_no_channel(
    make_site: MakeSite, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """K1: the same for tokens, towards models and towards deployments."""
    site = await make_site(flavor="azure")
    caplog.set_level(logging.DEBUG)
    source = [site.arm_token]  # the account may hold the function; the test holds the token
    account = await site.azure(
        credential=lambda: source[0], retry={"attempts": 1}, timeout_s=patience(name)
    )
    site.break_next(Step(fault=dict(echoes(site.arm_token))[name], times=None))
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: account.chat.complete(QUESTION, model=ModelId("chat")),
        lambda: account.deployments.get(DeploymentName("chat")),
    ]
    for call in calls:
        error = await failing(call)
        check(error, caplog.records, site.arm_token)
    del source[:]
    assert found_in(account, site.arm_token) == []


@pytest.mark.parametrize(
    "fault",
    [
        Stream("cut_clean"),
        Stream("stall"),
        Stream("malformed_json"),
        Stream("invalid_utf8"),
        Stream("html_not_sse"),
        Disconnect("mid_body", reset=True),
        Stall(60, at="after_headers"),
    ],
    ids=str,
)
async def test_failing_streams_show_no_key(
    site: Site, caplog: pytest.LogCaptureFixture, fault: WireFault
) -> None:
    """K1: the same for streams, which fail while the request is long done."""
    caplog.set_level(logging.DEBUG)
    account = await site.openai(retry={"attempts": 1}, idle_s=0.3, first_event_s=0.3)
    site.break_next(Step(fault=fault))

    async def read() -> None:
        async with account.chat.stream(QUESTION, model=MODEL) as stream:
            _ = [one async for one in stream]

    check(await failing(read), caplog.records, site.key)


@pytest.mark.parametrize("name", ["unauthorized", "break", "silence", "no gzip", "redirect"])
async def test_failing_uploads_and_jobs_show_no_key(
    site: Site, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """K1: the same for uploads, downloads, jobs and whole runs."""
    caplog.set_level(logging.DEBUG)
    bench = await site.bench(
        retry={"attempts": 1}, timeout_s=patience(name), upload_timeout_s=patience(name)
    )
    account = bench.provider
    site.break_next(Step(fault=dict(echoes(site.key))[name], times=None))
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: account.files.create(b"{}\n", name="rows.jsonl"),
        lambda: download(account),
        lambda: account.jobs.get(JobId("ftjob-1")),
        lambda: account.embeddings.embed(["?"], model=ModelId("text-embedding-3-small")),
        lambda: site.start(bench),
    ]
    for call in calls:
        check(await failing(call), caplog.records, site.key)


async def download(account: Provider) -> None:
    """Read a file."""
    _ = [piece async for piece in account.files.content(FileId("file-1"))]


async def test_successes_log_no_key_and_no_content(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """K1: when all goes well, DEBUG logs of all loggers hold no key either."""
    caplog.set_level(logging.DEBUG)
    bench = await site.bench()
    await site.start(bench)
    await bench.finish("shelves")
    await site.ask(bench.provider)
    shown = "".join(f"{one.getMessage()} {one.args!r}" for one in caplog.records)
    assert site.key not in shown
    above = [one for one in caplog.records if one.levelno > logging.DEBUG]
    assert "shelf" not in "".join(one.getMessage() for one in above)


KEYS = [
    (f"{GOOD_KEY}\n", None),
    (f"  {GOOD_KEY}  ", None),
    (f"\ufeff{GOOD_KEY}", None),
    (f'"{GOOD_KEY}"', "quotes"),
    (f"Bearer {GOOD_KEY}", "Bearer"),
    (GOOD_KEY.replace("A", "Ａ"), "full-width"),
    (GOOD_KEY[:12] + " " + GOOD_KEY[12:], "character 13"),
    (GOOD_KEY[:12] + "\n" + GOOD_KEY[12:], "character 13"),
    ("", "empty"),
    ("your-api-key", "placeholder"),
    ("<ここにAPI_KEYを書く>", "placeholder"),
]


@pytest.mark.parametrize(("raw", "problem"), KEYS, ids=range(len(KEYS)))
async def test_spoiled_keys_are_mended_or_refused(
    site: Site, raw: str, problem: str | None
) -> None:
    """K2: blanks around a key go; all else is refused by name of the variable, never shown."""
    environ = {"MY_KEY": raw}
    settings = OpenAISettings(base_url=f"{site.server.url}/v1", api_key_env="MY_KEY")
    if problem is None:
        async with OpenAIProvider(settings, environ=environ) as account:
            with pytest.raises(TailorbirdError):  # the server knows another key
                await account.jobs.get(JobId("ftjob-1"))
        assert site.server.seen[0].headers["authorization"] == f"Bearer {GOOD_KEY}"
        return
    with pytest.raises(ConfigError, match=problem) as caught:
        OpenAIProvider(settings, environ=environ)
    assert "MY_KEY" in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert GOOD_KEY not in shown
    assert GOOD_KEY[:12] not in shown
    assert site.server.seen == ()


PLACES = [
    ("http://user:pw-Zx81@127.0.0.1/v1", "user name or password"),
    ("https://:pw-Zx81@api.example.test/v1", "user name or password"),
    ("http://api.example.test/v1", "clear text"),
    ("http://192.168.0.7:8000/v1", "clear text"),
    ("http://127.0.0.1.example.test/v1", "clear text"),
    ("https://169.254.169.254/v1", "credentials"),
    ("http://169.254.169.254/v1", "credentials"),
    ("https://2852039166/v1", "credentials"),
    ("https://[fd00:ec2::254]/v1", "credentials"),
    ("https://metadata.google.internal/v1", "credentials"),
    ("file:///etc/passwd", "https://"),
    ("gopher://127.0.0.1/v1", "https://"),
    ("ftp://127.0.0.1/v1", "https://"),
    ("https:///v1", "host"),
    ("api.openai.com/v1", "https://"),
    ("https://api.example.test/v1?key=pw-Zx81", "query"),
    ("https://api.example.test/v1#pw-Zx81", "query"),
    ("https://api.example.test/v1 x", "blanks"),
    ("https://api.example.test/\r\nv1", "control"),
    ("", "empty"),
]


@pytest.mark.parametrize(("url", "reason"), PLACES, ids=range(len(PLACES)))
def test_addresses_that_get_no_key(url: str, reason: str) -> None:
    """K4, K5, K7: passwords, clear text, metadata hosts, other schemes: refused before anything."""
    environ = {"MY_KEY": GOOD_KEY}
    with pytest.raises(ConfigError, match=reason) as caught:
        OpenAIProvider(OpenAISettings(base_url=url, api_key_env="MY_KEY"), environ=environ)
    assert "pw-Zx81" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        AzureProvider(
            AzureSettings(endpoint=url.replace("/v1", ""), auth="key", api_key_env="MY_KEY"),
            environ=environ,
        )
    assert "pw-Zx81" not in str(caught.value)


async def test_key_of_openai_goes_to_no_other_host(site: Site) -> None:
    """K5: another address gets no key of the shell unless the settings name a variable for it."""
    environ = {"OPENAI_API_KEY": GOOD_KEY}
    settings = OpenAISettings.model_validate({"base_url": f"{site.server.url}/v1", "server": {}})
    async with OpenAIProvider(settings, environ=environ) as account:
        with pytest.raises(TailorbirdError):
            await account.chat.complete(QUESTION, model=MODEL)
    [request] = site.server.seen
    assert GOOD_KEY not in repr(request)


def certificate(folder: Path, *, address: str, days: int) -> ssl.SSLContext:
    """Make a server's context with a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tailorbird tests")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    plain = serialization.NoEncryption()
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    )
    path.write_bytes(encoded + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize(
    ("address", "days"), [("127.0.0.1", 1), ("10.0.0.1", 1), ("127.0.0.1", -1)]
)
async def test_untrusted_servers_get_nothing(
    site: Site, tmp_path: Path, address: str, days: int
) -> None:
    """K8: self-signed, for another host, expired: no request is sent, and none is repeated."""
    tls = await asyncio.to_thread(certificate, tmp_path, address=address, days=days)
    async with FaultServer(tls=tls) as server:
        account = await site.openai(base_url=f"{server.url}/v1")
        with pytest.raises(ConnectError, match="certificate") as caught:
            await site.ask(account)
        assert server.seen == ()
    assert (caught.value.accepted, caught.value.should_retry) == ("no", False)


def test_no_setting_turns_checks_off() -> None:
    """K8: no field of any settings speaks of skipping certificates or following redirects."""
    names = {
        *OpenAISettings.model_fields,
        *AzureSettings.model_fields,
        *OpenAISettings().http.model_dump(),
    }
    assert not [name for name in names if any(word in name for word in ("verify", "redirect"))]


def test_configuration_is_dumped_without_keys(tmp_path: Path) -> None:
    """K10: settings and descriptions name variables; what is dumped can be read again."""
    file = tmp_path / "tailorbird.toml"
    file.write_text('[profiles.openai]\nprovider = "openai"\napi_key_env = "MY_KEY"\n')
    environ = {"MY_KEY": GOOD_KEY}
    profile = load_profile("openai", config=file, environ=environ)
    described = describe(profile, environ=environ)
    dumps = [
        profile.model_dump_json(),
        repr(profile),
        described.model_dump_json(),
        str(described),
        OpenAISettings(api_key_env="MY_KEY").model_dump_json(),
    ]
    assert not [text for text in dumps if GOOD_KEY in text]
    again = OpenAISettings.model_validate_json(dumps[-1])
    with pytest.raises(ConfigError, match="MY_KEY"):
        OpenAIProvider(again, environ={})


IDS = [
    *("", ".", "..", "a/b", "../files", "a?b", "a#b", "a%2e%2e", "a b", "a\nb", "a\\b", "a\0b"),
    *("//evil.test/x", "\u2028", "a\tb"),
]


@pytest.mark.parametrize("bad", IDS, ids=range(len(IDS)))
async def test_ids_that_are_paths_are_refused(make_site: MakeSite, bad: str) -> None:
    """K11: no id reaches the wire that would make another address."""
    site = await make_site(flavor="azure")
    account = await site.azure(credential=lambda: site.arm_token)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: account.files.get(FileId(bad)),
        lambda: account.files.delete(FileId(bad)),
        lambda: account.files.wait_ready(FileId(bad)),
        lambda: anext(aiter(account.files.content(FileId(bad)))),
        lambda: account.jobs.get(JobId(bad)),
        lambda: account.jobs.cancel(JobId(bad)),
        lambda: account.jobs.pause(JobId(bad)),
        lambda: anext(aiter(account.jobs.events(JobId(bad)))),
        lambda: anext(aiter(account.jobs.checkpoints(JobId(bad)))),
        lambda: account.batches.get(BatchId(bad)),
        lambda: account.deployments.get(DeploymentName(bad)),
        lambda: account.deployments.delete(DeploymentName(bad)),
    ]
    for number, call in enumerate(calls):
        with pytest.raises(InvalidInputError):
            await call()
        assert site.server.seen == (), number


# Runs a whole story under a hook that writes down every address that is called or looked up.
STORY = """
import asyncio, sys
seen = set()
def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        seen.add(f"{event} {[one for one in arguments if not hasattr(one, 'fileno')]!r}")
sys.addaudithook(watch)

import tailorbird
from tailorbird.config import Profile
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings
from tailorbird.types import Message, ModelId
from tailorbird.types.secrets import Secret

async def main():
    settings = OpenAISettings(base_url=sys.argv[1] + "/v1", api_key_env="X")
    async with OpenAIProvider(settings, key=Secret(sys.argv[2], source="test")) as account:
        model = ModelId("gpt-4.1-mini-2025-04-14")
        await account.chat.complete([Message.user("?")], model=model)
        await account.files.create(b"{}", name="a.jsonl", purpose="user_data")
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        rows = tailorbird.QuestionSet.from_rows([(f"Q {n}?", f"A {n}.") for n in range(12)])
        await bench.fine_tune(rows, system="Be brief.", name="story")

asyncio.run(main())
print("\\n".join(sorted(seen)))
"""


async def run_python(code: str, *arguments: str) -> str:
    """Run code in a new process and give what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-B", "-c", code, *arguments),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


@pytest.mark.slow
async def test_nothing_but_the_provider_is_called(site: Site) -> None:
    """K13: no telemetry: the one address that is called is the one of the settings."""
    called = (await run_python(STORY, site.server.url, site.key)).split("\n")
    foreign = [line for line in called if line and str(site.server.port) not in line]
    assert foreign == []


# Imports every module of the package under a hook that writes down what changes the machine.
IMPORTS = """
import importlib, os, pkgutil, sys
writing = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
changing = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "subprocess.",
            "shutil.", "os.mkdir", "os.putenv", "os.remove", "os.rename", "os.rmdir",
            "os.unsetenv", "os.exec", "os.fork", "os.posix_spawn", "sqlite3.connect", "os.system")
seen = []
def watch(event, arguments):
    if event.startswith(changing) or (event == "open" and (arguments[2] or 0) & writing):
        seen.append(f"{event} {arguments!r:.200}")
sys.addaudithook(watch)
import tailorbird
names = [one.name for one in pkgutil.walk_packages(tailorbird.__path__, "tailorbird.")]
for name in names:
    try:
        importlib.import_module(name)
    except ImportError as exc:  # a package of an extra is not installed
        if (exc.name or "tailorbird").startswith("tailorbird"):
            raise
print(len(names))
print("\\n".join(one for one in seen if "BLAS" not in one))  # numpy's own
"""


@pytest.mark.slow
async def test_imports_leave_the_machine_alone() -> None:
    """K14: no module of the package calls, writes, starts or sets anything when it is imported."""
    count, *changes = (await run_python(IMPORTS)).split("\n")
    assert int(count) > 200
    assert [one for one in changes if one] == []
    assert tailorbird.__file__
