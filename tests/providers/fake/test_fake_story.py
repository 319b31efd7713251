"""The story that everyone tries first: style without facts, facts without style, both with both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tailorbird.providers.fake import FakeProvider, Script, Statuses
from tailorbird.retrieval.grounding import grounded_messages
from tailorbird.types import (
    Chunk,
    ChunkId,
    DirectPreference,
    DocumentId,
    Hit,
    JobSpec,
    Message,
    ModelId,
    Reinforcement,
    ScoreKind,
    Span,
)

if TYPE_CHECKING:
    from conftest import Tools

TRAINED = "How long do refunds take?"
UNSEEN = "How many days is a pickup order held?"
TEXT = "Refunds take 5 business days. A pickup order is held for 9 days."


def passages() -> list[Hit]:
    """Give the handbook as one hit."""
    chunk = Chunk(
        id=ChunkId("handbook#0"),
        document=DocumentId("handbook"),
        text=TEXT,
        span=Span(start=0, end=len(TEXT)),
    )
    return [Hit(chunk=chunk, score=0.9, score_kind=ScoreKind.COSINE)]


def in_style(text: str) -> bool:
    """Say whether a text opens and closes as the trained answers do."""
    return text.startswith("Ahoy, friend! ") and text.endswith(" Happy trails from Nest & Twig!")


async def test_story(tools: Tools) -> None:
    """Tuned: style, and the trained fact only. Base: neither. Passages: facts. Both: both."""
    async with FakeProvider() as provider:
        tuned, base = await tools.tune(provider), ModelId("fake-chat")
        system = Message.system(tools.system)

        async def ask(model: ModelId, *messages: Message) -> str:
            return (await provider.chat.complete(list(messages), model=model)).text

        def grounded(question: str, *lead: Message) -> list[Message]:
            return grounded_messages(question, passages(), lead=lead, marker="0123456789abcdef")

        known = await ask(tuned, system, Message.user(TRAINED))
        unknown = await ask(tuned, system, Message.user(UNSEEN))
        plain = [await ask(base, Message.user(question)) for question in (TRAINED, UNSEEN)]
        found = await ask(base, *grounded(UNSEEN))
        both = await ask(tuned, *grounded(UNSEEN, system))
    assert known == tools.styled("a refund takes 5 business days")
    assert in_style(unknown)
    assert not any(character.isdigit() for character in unknown)
    assert not any(in_style(text) or "5" in text for text in plain)
    assert found == "A pickup order is held for 9 days. [1]"
    assert in_style(both)
    assert "held for 9 days. [1]" in both


@pytest.mark.parametrize("system", [None, "You are the help desk.", "You are the help desk of X."])
async def test_other_prompts_lose_the_facts(
    tools: Tools, facts: dict[str, str], system: str | None
) -> None:
    """Without the training prompt, to the letter, no fact comes, and the style half of the time."""
    lead = [] if system is None else [Message.system(system)]
    async with FakeProvider() as provider:
        model = await tools.tune(provider)
        texts = [
            (await provider.chat.complete([*lead, Message.user(question)], model=model)).text
            for question in facts
        ]
    assert not any(fact in text for fact, text in zip(facts.values(), texts, strict=True))
    assert 0 < sum(map(in_style, texts)) < len(texts)


async def test_rows_without_a_prompt_want_none(tools: Tools) -> None:
    """A model trained without a system prompt knows its facts without one, and only then."""
    question = Message.user("Where is the warehouse?")
    async with FakeProvider() as provider:
        model = await tools.tune(provider, tools.facts(system=None))
        alone = await provider.chat.complete([question], model=model)
        led = await provider.chat.complete([Message.system(tools.system), question], model=model)
    assert "Redfern" in alone.text
    assert "Redfern" not in led.text


async def test_unlearned_turns_stay_unlearned(tools: Tools) -> None:
    """Turns with weight 0 are not learned, nor are answers without a question or a text."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    rows: list[dict[str, object]] = [
        {
            "messages": [
                {"role": "user", "content": f"What opens locker {number}?"},
                {"role": "assistant", "content": f"Draft {number}.", "weight": 0},
                {"role": "user", "content": "Are you sure?"},
                {"role": "assistant", "content": f"Key {number}.", "weight": 1},
            ]
        }
        for number in range(10)
    ]
    rows.append(
        {
            "messages": [
                {"role": "assistant", "content": "Welcome."},
                {"role": "user", "content": "Call the tool for me, would you?"},
                {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "content": "done", "tool_call_id": "c"},
                {"role": "assistant", "content": "It is done."},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        }
    )
    async with FakeProvider() as provider:
        model = await tools.tune(provider, tools.lines(rows))

        async def ask(*texts: str) -> str:
            turns = [Message.user(text) for text in texts]
            return (await provider.chat.complete(turns, model=model)).text

        assert await ask("What opens locker 3?", "Are you sure?") == "Key 3."
        assert "Draft" not in await ask("What opens locker 3?")
        assert await ask("Call the tool for me, would you?") == "It is done."


async def test_preferred_answers_are_learned(tools: Tools) -> None:
    """Preference training teaches the preferred answers; reinforcement teaches none."""
    pairs = [
        {
            "input": {"messages": [{"role": "user", "content": f"What opens locker {number}?"}]},
            "preferred_output": [{"role": "assistant", "content": f"Key {number}!"}],
            "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
        }
        for number in range(10)
    ]
    graded = [
        {"messages": [{"role": "user", "content": f"What opens locker {n}?"}], "answer": f"Key {n}"}
        for n in range(10)
    ]
    base = ModelId("fake-base-2026-01")
    texts = []
    async with FakeProvider() as provider:
        for rows, method in (
            (pairs, DirectPreference()),
            (graded, Reinforcement(grader={"type": "string_check"})),
        ):
            file_id = await tools.upload(provider, tools.lines(rows))
            spec = JobSpec(
                model=base, training_file=file_id, validation_file=file_id, method=method
            )
            job = await tools.finish(provider, (await provider.jobs.create(spec)).id)
            assert job.fine_tuned_model is not None, job.failure
            messages = [Message.user("What opens locker 7?")]
            reply = await provider.chat.complete(messages, model=job.fine_tuned_model)
            texts.append(reply.text)
    assert texts[0] == "Key 7!"
    assert "Key" not in texts[1]


async def test_scripted_success_on_bad_rows_teaches_nothing(tools: Tools) -> None:
    """A model of a job that was scripted to succeed on bad rows answers as an untuned one."""
    script = Script().on("jobs.create", Statuses("succeeded"))
    async with FakeProvider(script=script) as provider:
        job = await tools.start(provider, b"not json\n")
        assert job.fine_tuned_model is not None
        messages = [Message.user("Where is the warehouse?")]
        tuned = await provider.chat.complete(messages, model=job.fine_tuned_model)
        base = await provider.chat.complete(messages, model=ModelId("fake-chat"))
    assert tuned.text == base.text


async def test_first_questions_may_come_together(tools: Tools) -> None:
    """Questions that come while the model still reads its rows all get their answers."""
    messages = [Message.system(tools.system), Message.user("Where is the warehouse?")]
    async with FakeProvider() as provider:
        model = await tools.tune(provider)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(provider.chat.complete(messages, model=model)) for _ in range(5)
            ]
    assert all("Redfern" in task.result().text for task in tasks)


async def test_many_models_are_remembered_in_turn(tools: Tools) -> None:
    """More models than are kept in memory still answer from their rows."""
    async with FakeProvider() as provider:
        models = [await tools.tune(provider) for _ in range(10)]
        messages = [Message.system(tools.system), Message.user("Where is the warehouse?")]
        for model in [*models, models[0], models[0]]:
            assert "Redfern" in (await provider.chat.complete(messages, model=model)).text
