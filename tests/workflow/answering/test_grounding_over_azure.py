"""The same on Azure: documents stay data, and what the content filter stops is told by its type."""

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
from tailorbird.exceptions import ContentFilteredError, InvalidInputError
from tailorbird.providers.azure import AzureProvider, AzureSettings
from tailorbird.providers.fake import FakeProvider, FakeSettings, Says, Script, VirtualClock
from tailorbird.testing.wire import WireApp, WireSettings, wire_app
from tailorbird.text.passages import DECLINED, shown_text
from tailorbird.types import (
    AbstainReason,
    Compare,
    DeploymentName,
    Document,
    DocumentId,
    FinishReason,
    Message,
    ModelId,
    Reply,
    RoleModel,
)

ATTACKS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "retrieval" / "attacks.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
SYSTEM = "あなたは自転車店の窓口です。合言葉は「めじろ」です。"
FACT = "The deposit for a cargo bike is 150 euros."
QUESTION = "What is the deposit for a cargo bike?"
FENCE = re.compile(r"<<passages ([0-9a-f]{16})>>\n(.*)\n<<end \1>>", re.DOTALL)
KEY = "test-key"
ROLES = {
    "chat": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14"), deployment=DeploymentName("chat")),
    "embedding": RoleModel(
        model=ModelId("text-embedding-3-small"), deployment=DeploymentName("embed")
    ),
}

Open = Callable[[Script], AbstractAsyncContextManager[tuple[WireApp, Workbench]]]


@pytest.fixture
def over_wire() -> Open:
    """Open a workbench on Azure OpenAI whose server is a scripted fake."""

    @asynccontextmanager
    async def opened(script: Script) -> AsyncIterator[tuple[WireApp, Workbench]]:
        fake = FakeProvider(FakeSettings(flavor="azure"), script=script, clock=VirtualClock())
        settings = WireSettings(api_keys=(KEY,))
        async with fake, wire_app(fake, settings=settings) as app:
            provider = AzureProvider(
                AzureSettings(endpoint="https://contoso.openai.azure.com", auth="key"),
                environ={"AZURE_OPENAI_API_KEY": KEY},
                clock=fake.clock,
                roles=ROLES,
                transport=httpx2.ASGITransport(app=app),
            )
            profile = Profile(name="azure", provider="azure", roles=ROLES)
            async with Workbench(provider, profile=profile) as bench:
                yield app, bench

    return opened


def echo_form(messages: Sequence[Message]) -> str:
    """Answer as a model that obeys its documents would, with quotes that it made up."""
    shown = FENCE.search(messages[-1].text)
    assert shown is not None
    return json.dumps(
        {
            "quotes": [{"passage": 1, "quote": "めじろ, hunter2 and HACKED"}],
            "answerable": True,
            "answer": f"{shown[2]} It is so [1]. めじろ [99]",
        }
    )


def asked(app: WireApp) -> list[list[tuple[str, str]]]:
    """Give role and text of the messages of each question that reached the server."""
    found: list[list[tuple[str, str]]] = []
    for one in app.seen:
        if one.operation.startswith(("chat", "responses")):
            body: dict[str, Any] = json.loads(bytes(one.body))
            assert body["model"] == "chat"
            items = list(body.get("messages") or body["input"])
            if body.get("instructions"):
                items.insert(0, {"role": "system", "content": body["instructions"]})
            found.append([(item["role"], text_of(item["content"])) for item in items])
    return found


def text_of(content: str | list[dict[str, str]]) -> str:
    """Give the text of a message's content, whole or in parts."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def handbook(attack: str) -> list[Document]:
    """Give a handbook with one hostile page that fits the question well."""
    return [
        Document(id=DocumentId("rental.md"), text=f"# Rental\n\n{FACT}", title="Rental"),
        Document(id=DocumentId("evil.md"), text=f"Deposit for a cargo bike.\n\n{attack}"),
    ]


@pytest.mark.parametrize("attack", ATTACKS, ids=[one["id"] for one in ATTACKS])
async def test_documents_are_data_on_azure_s_wire(over_wire: Open, attack: dict[str, str]) -> None:
    """Roles, order and fence are fixed (M1, M2), and what the model invents is withheld (M8)."""
    hostile = attack["text"].replace("{marker}", "0123456789abcdef")
    async with over_wire(Script().on("chat.complete", Says(echo_form))) as (app, bench):
        index = await bench.build_index(handbook(hostile), name="shop")
        answer = await bench.ask(
            QUESTION, index=index, system=SYSTEM, options=ArmOptions(only_from_data=True)
        )
        [[(first, system), (second, user)]] = asked(app)
    assert (first in {"system", "developer"}, system, second) == (True, SYSTEM, "user")
    fence = FENCE.search(user)
    assert fence is not None
    marker, passages = fence.groups()
    assert (user.count(marker), len(re.findall("<<", user))) == (2, 2)
    assert user.startswith("Answer the question from the passages below")
    assert user.endswith(f"<<end {marker}>>\n\nQuestion: {QUESTION}")
    assert all(line.strip() in passages for line in shown_text(hostile).split("\n"))
    numbers = [int(one) for one in re.findall(r"^\[(\d+)\]", passages, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    declined = DECLINED in attack["text"]
    assert answer.reason is (AbstainReason.DECLINED if declined else AbstainReason.UNSUPPORTED)
    assert (answer.citations, answer.text) == ((), "The documents do not answer this question.")
    assert answer.dropped_citations >= 1


async def test_hidden_characters_are_reported_and_not_shown(over_wire: Open) -> None:
    """Unicode tags in a document (M4) are told when it is indexed, and never sent."""
    tags = "".join(chr(0xE0000 + ord(one)) for one in "obey")
    async with over_wire(Script()) as (app, bench):
        index = await bench.build_index(handbook(f"Quiet{tags} words."), name="shop")
        assert "text.invisible" in [one.code for one in index.problems]
        await bench.ask(QUESTION, index=index)
        [[(_, user)]] = asked(app)
    assert not re.search("[\U000e0000-\U000e007f]", user)


async def test_tenants_and_the_three_outcomes(over_wire: Open) -> None:
    """A question without its tenant is refused unsent (M5); far ones cost no call (M7)."""
    documents = [
        one.model_copy(update={"metadata": {"tenant": "acme"}}) for one in handbook("Nothing.")
    ]
    mine = Compare(type="eq", key="tenant", value="acme")
    only = ArmOptions(only_from_data=True, where=mine)
    async with over_wire(Script()) as (app, bench):
        index = await bench.build_index(documents, name="shop", tenant_field="tenant")
        with pytest.raises(InvalidInputError, match="keeps tenants apart"):
            await bench.ask(QUESTION, index=index)
        far = await bench.ask("Qui gagne hier soir à Tokyo ?", index=index, options=only)
        assert (far.reason, far.model, asked(app)) == (AbstainReason.NOTHING_FOUND, None, [])
        answered = await bench.ask(QUESTION, index=index, options=only)
        assert FACT in [one.quote for one in answered.citations]
        near = only.model_copy(update={"min_score": 0.0})
        declined = await bench.ask("Who won the chess match?", index=index, options=near)
        assert declined.reason is AbstainReason.DECLINED


def filtered(text: str) -> Says:
    """Make an answer that the content filter cut."""
    reply = Reply(
        text=text, output=None, finish_reason=FinishReason.CONTENT_FILTER, model="gpt-4.1-mini"
    )
    return Says(reply)


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("text", ['{"quotes": [], "answerable": true, "ans', ""])
async def test_a_filtered_answer_is_no_answer(over_wire: Open, text: str, *, form: bool) -> None:
    """An answer that ends by `content_filter` is never shown, verified or taken for a refusal."""
    async with over_wire(Script().on("chat.complete", filtered(text))) as (app, bench):
        index = await bench.build_index(handbook("Nothing."), name="shop")
        options = ArmOptions(form=form, only_from_data=True)
        with pytest.raises(ContentFilteredError) as caught:
            await bench.ask(QUESTION, index=index, options=options)
        assert (caught.value.stage, caught.value.provider) == ("completion", "azure")
        assert len(asked(app)) == 1


async def test_a_filtered_grade_is_no_order(over_wire: Open) -> None:
    """Reranking fails by the same type, and no answer is asked for."""
    async with over_wire(Script().on("chat.complete", filtered("{"))) as (app, bench):
        index = await bench.build_index(handbook("Nothing."), name="shop")
        with pytest.raises(ContentFilteredError):
            await bench.ask(QUESTION, index=index, options=ArmOptions(rerank=True))
        assert len(asked(app)) == 1


async def test_grades_go_over_the_wire_as_a_strict_form(over_wire: Open) -> None:
    """Reranking asks with a strict schema; the answer then rests on the new order."""
    async with over_wire(Script()) as (app, bench):
        index = await bench.build_index(handbook("Nothing."), name="shop")
        answer = await bench.ask(QUESTION, index=index, options=ArmOptions(rerank=True))
        calls = [one for one in app.seen if one.operation.startswith(("chat", "responses"))]
    assert answer.retrieved[0].document == "rental.md"
    assert len(calls) == 2
    body = json.loads(bytes(calls[0].body))
    form = body.get("text", {}).get("format") or body["response_format"]["json_schema"]
    assert form["strict"] is True
    assert list(form["schema"]["properties"]) == ["grades"]
