"""`serve-fake` with OpenAI's official client for Node, used as its documentation shows."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tailorbird.testing._wire.recipes import base_urls, origin_of
from tailorbird.testing._wire.serving import open_listener, serving_fakes
from tailorbird.testing.wire import WireSettings

ROOT = Path(__file__).parents[2]
WALK = ROOT / "tests" / "npm" / "walk.mjs"
FOLDER = Path(os.environ.get("TAILORBIRD_NPM", str(ROOT / "build" / "npm")))
"""Where `npm install openai` was run."""

NODE = shutil.which("node")

pytestmark = [
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.slow,
    pytest.mark.skipif(
        NODE is None or not (FOLDER / "node_modules" / "openai").is_dir(),
        reason="the npm package is not there: npm install --prefix build/npm openai",
    ),
]


async def test_client_for_node() -> None:
    """Files, jobs with events, chat in three ways, embeddings and vector stores work."""
    assert NODE is not None
    listener = open_listener("127.0.0.1", 0)
    origin = origin_of("127.0.0.1", listener.getsockname()[1])
    async with serving_fakes(("openai",), listener, settings=WireSettings()) as app:
        walk = await asyncio.create_subprocess_exec(
            *(NODE, str(WALK), str(FOLDER), base_urls(app, origin)["openai"], "test-key"),
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await walk.communicate()
    assert walk.returncode == 0
    assert json.loads(told) == {
        "file": ["train.jsonl", 12],
        "job": ["succeeded", True],
        "plain": "Shelf 3 holds item 21.",
        "streamed": ["Shelf 3 holds item 21.", True],
        "form": ["shelf"],
        "response": True,
        "vectors": [1536, 1536],
        "hits": ["handbook.txt"],
        "error": [True, 404],
    }
