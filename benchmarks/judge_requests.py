"""Have the requests that our OpenAI and Azure backends send judged by somebody else.

    python benchmarks/judge_requests.py [--offline] [folder of the API descriptions]

Steady (npm `@stdy/cli`, run by `npx`) compares requests with an API description. Every request of a
walk through our backends goes to it with the bytes that would go to the cloud; what the backends
get back comes from the wire application of `tailorbird.testing`. Whatever Steady complains of is
printed with its own words, and ends the script with 1, unless it stands in `KNOWN` with the reason
why it is no fault. The descriptions are read from `../shared/specs`. With `--offline` npm fetches
nothing. When there is no Steady or no description the script ends with 3.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from judged_walk import KEY, walk_azure, walk_openai
from typing_extensions import override

from tailorbird.providers.azure import AzureProvider, AzureSettings
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.providers.openai import OpenAIProvider
from tailorbird.testing.wire import WireSettings, wire_app
from tailorbird.types import DeploymentName, ModelId, RoleModel
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

PACKAGE = "@stdy/cli@0.22.2"
SPECS = Path(__file__).parents[2] / "shared" / "specs"
OPENAI_SPEC = "openai.openapi.yaml"
AZURE_SPEC = "azure-openai-v1.subset.json"
FORMATS = [
    f"--validator-{place}-{kind}-format=brackets"
    for place in ("query", "form")
    for kind in ("array", "object")
]
START_S = 60  # npx may have to fetch it first
CONNECTION = {"host", "connection", "content-length", "transfer-encoding"}
UNAVAILABLE = 3


@dataclass(frozen=True)
class Known:
    """A complaint that is no fault of a request."""

    cloud: str
    """`openai` or `azure`."""
    request: str
    """Pattern for method and path."""
    code: str
    """Steady's code for the kind of complaint."""
    place: str
    """Pattern for the place that it names."""
    reason: str
    """Why the request is right all the same."""
    holding: str = ""
    """What the body holds where it is so."""


KNOWN = (
    Known(
        cloud="openai",
        request="POST /responses",
        code="E3012",
        place="body.input",
        holding='"type":"input_text"',
        reason=(
            "a message with a list of parts fits two alternatives of the description alike,"
            " EasyInputMessage and InputMessage (jsonschema says so), which Steady calls none"
        ),
    ),
    Known(
        cloud="openai",
        request="POST /vector_stores/*/search",
        code="E3011",
        place="body.filters.filters.*.type",
        reason=(
            "the description names `type` as what tells a comparison from a compound filter, but"
            " maps none of its words to either; Steady then takes the schemas' names for them"
        ),
    ),
    Known(
        cloud="azure",
        request="POST /files",
        code="E3007",
        place="body",
        reason=(
            "the description requires `expires_after`, and every example of Microsoft's own leaves"
            " it out: files that are to be kept have none"
        ),
    ),
    Known(
        cloud="azure",
        request="POST /chat/completions",
        code="E3012",
        place="body.messages.*.content",
        holding='"content":null',
        reason=(
            "an assistant's content may be null by the description (OpenAPI 3.0, `nullable`), which"
            " Steady overlooks beside `anyOf`"
        ),
    ),
    Known(
        cloud="azure",
        request="POST /batches",
        code="E3016",
        place="body.endpoint",
        reason=(
            "batches are judged by OpenAI's description, because Azure's subset has none; Azure's"
            " endpoints have no `/v1` before them"
        ),
    ),
)


@dataclass(frozen=True)
class Complaint:
    """What Steady has to say against a request."""

    cloud: str
    request: str
    code: str
    place: str
    message: str
    status: int
    body: str

    @property
    def excuse(self) -> str | None:
        """Why it is no fault; None when it is one."""
        for one in KNOWN:
            if (
                one.cloud == self.cloud
                and one.code == self.code
                and fnmatch(self.request, one.request)
                and fnmatch(self.place, one.place)
                and one.holding in self.body
            ):
                return one.reason
        return None


@dataclass
class Judging(httpx2.AsyncBaseTransport):
    """Sends every request to the judges first, and then where the answers come from."""

    cloud: str
    base: str
    inner: httpx2.AsyncBaseTransport
    judges: Sequence[str]
    """Addresses: the first that knows the path decides."""
    client: httpx2.AsyncClient
    complaints: list[Complaint] = field(default_factory=list)
    judged: Counter[str] = field(default_factory=Counter)

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        path = request.url.raw_path.decode()
        if not path.startswith(f"{self.base}/"):
            return await self._answer(request, body)  # another service of the cloud
        headers = [
            (name, value)
            for name, value in request.headers.multi_items()
            if name.lower() not in CONNECTION
        ]
        for judge in self.judges:
            found = await self._judge(
                request.method, judge + path.removeprefix(self.base), headers, body
            )
            if found is not None:
                break
        else:
            found = [("E2001", path, "no description knows this path", 404)]
        name = f"{request.method} {path.removeprefix(self.base).partition('?')[0]}"
        self.judged[name] += 1
        text = body.decode(errors="replace")
        self.complaints += [Complaint(self.cloud, name, *one, text) for one in found]
        return await self._answer(request, body)

    async def _judge(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> list[tuple[str, str, str, int]] | None:
        """Give the complaints; None when the judge does not know the path."""
        async with self.client.stream(method, url, headers=headers, content=body) as said:
            count = int(said.headers.get("x-steady-error-count", "0"))
            told = [
                tuple(said.headers[f"x-steady-error-{at}-{part}"] for part in PARTS)
                for at in range(1, count + 1)
            ]
            if any(code == "E2001" for code, _, _ in told):
                return None
            if said.status_code >= 400 and not told:  # noqa: PLR2004 - a refusal
                content = (await said.aread()).decode(errors="replace")[:500]
                told = [("none", "", content)]
            return [(code, place, text, said.status_code) for code, place, text in told]

    async def _answer(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        copy = httpx2.Request(request.method, request.url, headers=request.headers, content=body)
        return await self.inner.handle_async_request(copy)


PARTS = ("code", "path", "message")


@asynccontextmanager
async def steady(spec: Path, *, offline: bool) -> AsyncIterator[str]:
    """Serve a description for the length of an `async with` block; give the address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = shutil.which("steady")
    npx = ["npx", "--yes", *(["--offline"] if offline else []), PACKAGE]
    process = await asyncio.create_subprocess_exec(
        *([program] if program else npx),
        *("--host", "127.0.0.1", "-p", str(port), "-q", *FORMATS, str(spec)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # npx starts a process of its own, which must end with it
    )
    try:
        await until_ready(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 15)
            await process.wait()


async def until_ready(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until the server takes connections."""
    async with asyncio.timeout(START_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
    sys.exit(unavailable("Steady does not start: is Node installed, and may npm fetch it?"))


def unavailable(reason: str) -> int:
    """Say why nothing is judged."""
    print(reason, file=sys.stderr)
    return UNAVAILABLE


AZURE = AzureSettings(endpoint="https://contoso.openai.azure.com", api_key_env="TEST_KEY")
AZURE_BASE = ModelId("gpt-4.1-mini-2025-04-14")
AZURE_ROLES = {
    "chat": RoleModel(model=AZURE_BASE, deployment=DeploymentName("chat")),
    "embedding": RoleModel(
        model=ModelId("text-embedding-3-small"), deployment=DeploymentName("embed")
    ),
}


async def judge(specs: Path, *, offline: bool) -> Sequence[Judging]:
    """Walk through both backends."""
    async with AsyncExitStack() as stack:
        openai_judge = await stack.enter_async_context(steady(specs / OPENAI_SPEC, offline=offline))
        azure_judge = await stack.enter_async_context(steady(specs / AZURE_SPEC, offline=offline))
        client = await stack.enter_async_context(httpx2.AsyncClient(timeout=60, trust_env=False))
        for address in (openai_judge, azure_judge):
            wrong = await client.post(f"{address}/embeddings", json={"input": 5})
            if wrong.status_code != 400:  # noqa: PLR2004 - refused
                sys.exit(unavailable("a judge that refuses nothing proves nothing"))

        async def served(cloud: str, judges: Sequence[str]) -> tuple[FakeProvider, Judging]:
            fake = await stack.enter_async_context(FakeProvider(FakeSettings(flavor=cloud)))
            app = await stack.enter_async_context(
                wire_app(fake, settings=WireSettings(api_keys=(KEY,)))
            )
            inner = httpx2.ASGITransport(app=app)
            return fake, Judging(cloud, app.worlds[0].dialect.base, inner, judges, client)

        fake, first = await served("openai", [openai_judge])
        async with OpenAIProvider(
            key=Secret(KEY, source="test"), clock=fake.clock, transport=first
        ) as provider:
            await walk_openai(provider, first)
        # Azure's description is a subset: responses and batches stand in OpenAI's only.
        fake, second = await served("azure", [azure_judge, openai_judge])
        async with AzureProvider(
            AZURE,
            clock=fake.clock,
            roles=AZURE_ROLES,
            environ={"TEST_KEY": KEY},
            transport=second,
        ) as azure:
            await walk_azure(azure)
        return first, second


def report(found: Sequence[Judging]) -> int:
    """Print what was judged and what was said; give the number of faults."""
    faults = 0
    for one in found:
        kinds = Counter(kind_of(name) for name in one.judged.elements())
        print(f"{one.cloud}: {one.judged.total()} requests of {len(kinds)} kinds judged")
        for name, count in sorted(kinds.items()):
            print(f"  {count:4} {name}")
        faults += sum(complaint.excuse is None for complaint in one.complaints)
        for line, count in Counter(map(told, one.complaints)).items():
            print(f"  {count:4} {line}")
    print(f"{faults} refused")
    return faults


def told(one: Complaint) -> str:
    """Give a complaint as it is printed."""
    said = f"{kind_of(one.request)}: {one.status} {one.code} {one.place}: {one.message}"
    if one.excuse is None:
        return f"REFUSED {said}\n       {one.body[:2_000]}"
    return f"known {said}\n       {one.excuse}"


def kind_of(name: str) -> str:
    """Give a request without the ids in its path."""
    method, _, path = name.partition(" ")
    parts = path.split("/")
    words = [part if part.replace("_", "").isalpha() else "{id}" for part in parts[1:]]
    return f"{method} /{'/'.join(words)}"


def main() -> int:
    """Judge, and give the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("specs", nargs="?", type=Path, default=SPECS)
    parser.add_argument("--offline", action="store_true")
    given = parser.parse_args()
    if not (given.specs / OPENAI_SPEC).is_file():
        return unavailable(f"no API descriptions in {given.specs}")
    if shutil.which("npx") is None and shutil.which("steady") is None:
        return unavailable("neither npx nor steady is installed")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the judges end with us
    return 1 if report(asyncio.run(judge(given.specs, offline=given.offline))) else 0


if __name__ == "__main__":
    sys.exit(main())
