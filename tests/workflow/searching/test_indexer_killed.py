"""A killed process has paid for nothing that the next one pays for again, but what was on its way.

The cloud is a fake behind HTTP on this machine's loopback, which counts the texts it is sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path

import pytest

from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.testing.faults import FaultServer, Message, Receive, Send
from tailorbird.testing.wire import wire_app

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.slow]

CALLS = 2
TEXTS = 4_000
TEXTS_A_CALL = 256

BUILDER = f"""
import asyncio, sys
from pathlib import Path
from tailorbird import IndexOptions, Workbench
from tailorbird.config import Profile
from tailorbird.journal import Workspace
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings
from tailorbird.types import Document, DocumentId, ModelId, RoleModel
from tailorbird.types.secrets import Secret

url, folder = sys.argv[1:3]
ROLES = {{"embedding": RoleModel(model=ModelId("text-embedding-3-small"))}}

async def main():
    settings = OpenAISettings(base_url=url + "/v1", api_key_env="X")
    provider = OpenAIProvider(settings, key=Secret("test-key", source="test"))
    profile = Profile(name="openai", provider="openai", roles=ROLES)
    documents = (
        Document(id=DocumentId(f"d{{number}}"), text=f"Shelf {{number}} holds item {{number * 7}}.")
        for number in range({TEXTS})
    )
    async with Workbench(provider, profile=profile, workspace=Workspace(Path(folder))) as bench:
        index = await bench.build_index(
            documents, name="shelves", options=IndexOptions(concurrency={CALLS})
        )
        print(index.info.documents, index.embedded, flush=True)

asyncio.run(main())
"""


class Till:
    """Hands requests to the cloud; counts the texts, and tells when a number of calls came."""

    def __init__(self) -> None:
        self.provider = FakeProvider(FakeSettings(flavor="openai"))
        self.cloud = wire_app(self.provider)
        self.paid: Counter[str] = Counter()
        self.left = 0
        self.answers = True
        self.reached = asyncio.Event()
        self.dead = asyncio.Event()

    def arm(self, calls: int, *, answers: bool) -> None:
        """Tell when so many calls have come, answer that one before or not, and no later one."""
        self.left, self.answers = calls, answers
        self.reached, self.dead = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Count a call, and let it be answered."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.paid.update(json.loads(body)["input"])
        self.left -= 1
        last, dead = not self.left, self.dead
        if (last and not self.answers) or (self.left < 0 and not dead.is_set()):
            self.reached.set()
            await dead.wait()

        async def given() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.cloud(scope, given, send)
        if last:
            self.reached.set()


async def builder(server: FaultServer, folder: Path) -> Process:
    """Start a process that builds the index."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", BUILDER, server.url, str(folder)),
        stdout=PIPE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


async def test_killed_builds_go_on_where_they_stopped(tmp_path: Path) -> None:
    """After each `kill -9` at most the calls under way are paid for again; then all are known."""
    chance = random.Random()  # noqa: S311 - any moment will do
    till = Till()
    async with till.provider, till.cloud, FaultServer(till) as server:
        for kill in range(1, 4):
            till.arm(chance.randint(1, 3), answers=chance.random() < 0.5)
            process = await builder(server, tmp_path)
            await till.reached.wait()
            process.kill()
            await process.communicate()
            till.dead.set()
            surplus = till.paid.total() - len(till.paid)
            assert surplus <= (kill - 1) * CALLS * TEXTS_A_CALL
        before = len(till.paid)
        process = await builder(server, tmp_path)
        output, _ = await process.communicate()
        documents, embedded = map(int, output.split())
        assert documents == len(till.paid) == TEXTS
        assert TEXTS - before <= embedded <= TEXTS - before + 3 * CALLS * TEXTS_A_CALL
        assert till.paid.total() - TEXTS <= 3 * CALLS * TEXTS_A_CALL
        known = till.paid.total()
        output, _ = await (await builder(server, tmp_path)).communicate()
        assert (output.split(), till.paid.total()) == ([b"4000", b"0"], known)


async def test_processes_build_an_index_once(tmp_path: Path) -> None:
    """Two that build one index at once pay for each text once: one waits for the other."""
    till = Till()
    till.arm(10**6, answers=True)
    async with till.provider, till.cloud, FaultServer(till) as server:
        processes = [await builder(server, tmp_path) for _ in range(2)]
        outputs = [(await process.communicate())[0].split() for process in processes]
    assert sorted(outputs) == [[b"4000", b"0"], [b"4000", b"4000"]]
    assert till.paid.total() == len(till.paid) == TEXTS
