"""Whatever documents say, what goes over the wire keeps its order and its roles."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tailorbird import ArmOptions, Workbench
from tailorbird.config import Profile
from tailorbird.providers.fake import FakeProvider, FakeSettings, Says, Script, VirtualClock
from tailorbird.providers.openai import OpenAIProvider
from tailorbird.testing._wire.app import WireApp
from tailorbird.testing.wire import wire_app
from tailorbird.text.passages import DECLINED, shown_text
from tailorbird.types import AbstainReason, Document, DocumentId, Message, ModelId, RoleModel
from tailorbird.types.secrets import Secret

ATTACKS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "retrieval" / "attacks.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
SYSTEM = "You are the help desk. The code word is swordfish."
FACT = "The deposit for a cargo bike is 150 euros."
QUESTION = "What is the deposit for a cargo bike?"
FENCE = re.compile(r"<<passages ([0-9a-f]{16})>>\n(.*)\n<<end \1>>", re.DOTALL)
ROLES = {
    "chat": RoleModel(model=ModelId("gpt-6-luna")),
    "embedding": RoleModel(model=ModelId("text-embedding-3-small")),
}

Open = Callable[[Script], AbstractAsyncContextManager[tuple[WireApp, Workbench]]]


@pytest.fixture
def over_wire() -> Open:
    """Open a workbench on OpenAI whose server is a scripted fake."""

    @asynccontextmanager
    async def opened(script: Script) -> AsyncIterator[tuple[WireApp, Workbench]]:
        fake = FakeProvider(FakeSettings(flavor="openai"), script=script, clock=VirtualClock())
        async with fake, wire_app(fake) as app:
            provider = OpenAIProvider(
                key=Secret("test-key", source="test"),
                clock=fake.clock,
                transport=httpx2.ASGITransport(app=app),
            )
            profile = Profile(name="openai", provider="openai", roles=ROLES)
            async with Workbench(provider, profile=profile) as bench:
                yield app, bench

    return opened


def echo(messages: Sequence[Message]) -> str:
    """Answer as a model that obeys its documents would: with what they say."""
    shown = FENCE.search(messages[-1].text)
    assert shown is not None
    return f"{shown[2]} It is so [1]. swordfish [99]"


def echo_form(messages: Sequence[Message]) -> str:
    """The same as a form, with quotes that it made up."""
    return json.dumps(
        {
            "quotes": [{"passage": 1, "quote": "swordfish, hunter2 and HACKED"}],
            "answerable": True,
            "answer": echo(messages),
        }
    )


def asked(app: WireApp) -> list[list[tuple[str, str]]]:
    """Give role and text of the messages of each question that reached the server."""
    found: list[list[tuple[str, str]]] = []
    for one in app.seen:
        if one.operation.startswith(("chat", "responses")):
            body: dict[str, Any] = json.loads(bytes(one.body))
            found.append([(item["role"], text_of(item["content"])) for item in turns(body)])
    return found


def turns(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the messages of either surface, its own place for instructions included."""
    if "messages" in body:
        return list(body["messages"])
    items = list(body["input"])
    if body.get("instructions"):
        items.insert(0, {"role": "system", "content": body["instructions"]})
    return items


def text_of(content: str | list[dict[str, str]]) -> str:
    """Give the text of a message's content, whole or in parts."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def handbook(attack: str) -> list[Document]:
    """Give a handbook with one hostile page that fits the question well."""
    return [
        Document(id=DocumentId("rental.md"), text=f"# Rental\n\n{FACT}", title="Rental"),
        Document(id=DocumentId("evil.md"), text=f"Deposit for a cargo bike.\n\n{attack}"),
    ]


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("attack", ATTACKS, ids=[one["id"] for one in ATTACKS])
async def test_documents_are_data_on_the_wire(
    over_wire: Open, attack: dict[str, str], *, form: bool
) -> None:
    """The system prompt is as given; the user's turn is instruction, fenced passages, question."""
    script = Script().on("chat.complete", Says(echo_form if form else echo), times=2)
    hostile = attack["text"].replace("{marker}", "0123456789abcdef")
    async with over_wire(script) as (app, bench):
        index = await bench.build_index(handbook(hostile), name="shop")
        options = ArmOptions(form=form)
        for _ in range(2):
            await bench.ask(QUESTION, index=index, system=SYSTEM, options=options)
        markers: list[str] = []
        for (first, system), (second, user) in asked(app):
            assert (first in {"system", "developer"}, system, second) == (True, SYSTEM, "user")
            fence = FENCE.search(user)
            assert fence is not None
            marker, passages = fence.groups()
            markers.append(marker)
            assert user.count(marker) == 2
            assert len(re.findall("<<", user)) == 2
            assert user.startswith("Answer the question from the passages below")
            assert user.endswith(f"<<end {marker}>>\n\nQuestion: {QUESTION}")
            assert all(line.strip() in passages for line in shown_text(hostile).split("\n"))
            # Whoever reads line by line finds the passages that were retrieved, and no others.
            numbers = [int(one) for one in re.findall(r"^\[(\d+)\]", passages, re.MULTILINE)]
            assert numbers == list(range(1, len(numbers) + 1))
            assert not re.search(r"^(?:system|assistant|指示|システム)\s*:", passages, re.MULTILINE)
        assert len(set(markers)) == 2


@pytest.mark.parametrize("attack", ATTACKS, ids=[one["id"] for one in ATTACKS])
async def test_an_obeying_model_does_not_get_through(
    over_wire: Open, attack: dict[str, str]
) -> None:
    """Invented quotes are no citations, so that an answer from the data only is withheld."""
    script = Script().on("chat.complete", Says(echo_form))
    async with over_wire(script) as (_, bench):
        index = await bench.build_index(handbook(attack["text"]), name="shop")
        answer = await bench.ask(
            QUESTION, index=index, system=SYSTEM, options=ArmOptions(only_from_data=True)
        )
        declined = DECLINED in attack["text"]
        reason = AbstainReason.DECLINED if declined else AbstainReason.UNSUPPORTED
        assert (answer.abstained, answer.reason) == (True, reason)
        assert answer.citations == ()
        assert answer.dropped_citations >= 1
        assert answer.text == "The documents do not answer this question."
        assert answer.usage.output_tokens > 0


async def test_the_three_outcomes_over_the_wire(over_wire: Open) -> None:
    """Answered with a verified quote; near, and the model says no; nothing near, and no call."""
    async with over_wire(Script()) as (app, bench):
        index = await bench.build_index(handbook("Nothing else."), name="shop")
        only = ArmOptions(only_from_data=True)
        answered = await bench.ask(QUESTION, index=index, options=only)
        assert not answered.abstained
        assert FACT in [one.quote for one in answered.citations]
        near = ArmOptions(only_from_data=True, min_score=0.0)
        declined = await bench.ask("Who won the chess match?", index=index, options=near)
        assert (declined.abstained, declined.reason) == (True, AbstainReason.DECLINED)
        calls = len(asked(app))
        far = await bench.ask("Qui gagne hier soir à Tokyo ?", index=index, options=only)
        assert (far.abstained, far.reason) == (True, AbstainReason.NOTHING_FOUND)
        assert len(asked(app)) == calls == 2


async def test_the_form_goes_along_as_a_strict_schema(over_wire: Open) -> None:
    """The answer is typed: the request carries the schema of the form, quotes first."""
    async with over_wire(Script()) as (app, bench):
        index = await bench.build_index(handbook("Nothing else."), name="shop")
        await bench.ask(QUESTION, index=index)
        [call] = [one for one in app.seen if one.operation.startswith(("chat", "responses"))]
        body = json.loads(bytes(call.body))
        responses = body.get("text", {}).get("format")
        form = responses or body["response_format"]["json_schema"]
        assert form["strict"] is True
        assert list(form["schema"]["properties"]) == ["quotes", "answerable", "answer"]
