"""Forms: filled from a schema and a conversation, or carried over from trained ones."""

from __future__ import annotations

import json
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import pytest
from pydantic import BaseModel, Field

from tailorbird.data import read_examples
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.providers.fake.answering.forms import fill_form, find_amounts, find_dates
from tailorbird.types import JobSpec, Message, ModelId

if TYPE_CHECKING:
    from conftest import Tools

CHAT = ModelId("fake-chat")
EXPENSE = Path(__file__).parents[3] / "examples" / "expense"


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("", []),
        ("on 2026-04-14 and 2027/1/5", ["2026-04-14", "2027-01-05"]),
        ("2025年4月1日から5日まで", ["2025-04-01", "2025-04-05"]),
        ("4月14日から15日まで", ["2026-04-14", "2026-04-15"]),
        ("April 14 to Sept. 3, 2027", ["2027-04-14", "2027-09-03"]),
        ("from 3月30日 〜 4月2日", ["2026-03-30", "2026-04-02"]),
        ("maybe 12 nights, 2月30日, marching 3 times", []),
    ],
)
def test_dates_are_found(text: str, dates: list[str]) -> None:
    """Dates are found in order; a missing year or month is taken from the others."""
    assert find_dates(text) == dates


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("", []),
        ("1,200円と¥300、$6.50", [1200, 300, 6.5]),
        ("8,950 yen each way, 3 nights", [8950]),
        ("£5 and 12 dollars", [5, 12]),
    ],
)
def test_amounts_are_found(text: str, amounts: list[float]) -> None:
    """Amounts of money are found in order; other numbers are not taken for money."""
    assert find_amounts(text) == amounts


class Mood(StrEnum):
    """A closed set."""

    GOOD = "good"
    BAD = "bad"


class Address(BaseModel):
    """A part of a form."""

    city: str
    zip_code: str | None = None


class Everything(BaseModel):
    """One field of each sort."""

    traveler: str
    start_date: date
    end_date: date
    transport_yen: int
    lodging_cost: float
    nights: int = 1
    mood: Mood
    kind: Literal["form"]
    again: bool
    tags: list[str]
    address: Address
    rating: Annotated[int, Field(ge=3)] = 4
    above: Annotated[int, Field(gt=7)]
    code: Annotated[str, Field(min_length=2)]
    maybe: str | None = None
    several: Annotated[list[Address], Field(min_length=2)]


SAID = """traveler：Wren Oakley
It was good. again: yes
tags: blue, green
city = Kyoto
I went from 4月14日から15日まで. The train was 13,360円, the inn 9,200円."""


async def test_forms_are_filled_from_the_conversation() -> None:
    """Fields are filled by label, date, amount, enumeration, default, or the smallest value."""
    async with FakeProvider() as provider:
        reply = await provider.chat.complete([Message.user(SAID)], model=CHAT, output=Everything)
    assert reply.output == Everything(
        traveler="Wren Oakley",
        start_date=date(2026, 4, 14),
        end_date=date(2026, 4, 15),
        transport_yen=13360,
        lodging_cost=9200,
        mood=Mood.GOOD,
        kind="form",
        again=True,
        tags=["blue", "green"],
        address=Address(city="Kyoto"),
        above=8,
        code="xx",
        several=[Address(city="Kyoto"), Address(city="Kyoto")],
    )


async def test_empty_conversations_give_the_smallest_form() -> None:
    """Without a word of help, the smallest values that the schema allows are taken."""
    async with FakeProvider() as provider:
        reply = await provider.chat.complete([Message.user("Go.")], model=CHAT, output=Everything)
    assert reply.output.traveler == ""
    assert reply.output.start_date == date(2026, 1, 1)
    assert reply.output.transport_yen == 0
    assert reply.output.mood is Mood.GOOD
    assert reply.output.again is False
    assert reply.output.tags == []
    assert reply.output.maybe is None


async def test_labels_decide_where_they_stand() -> None:
    """Labels give numbers, options and dates, whatever else the text holds."""

    class Trip(BaseModel):
        first_date: date
        nights: int
        mood: Mood = Field(title="How was it")

    said = "On May 1. First date: June 2. Nights: about 3 of them. How was it: bad, not good"
    async with FakeProvider() as provider:
        reply = await provider.chat.complete([Message.user(said)], model=CHAT, output=Trip)
    assert reply.output == Trip(first_date=date(2026, 6, 2), nights=3, mood=Mood.BAD)


class Node(BaseModel):
    """A form that holds itself."""

    name: str
    child: Node | None = None


@pytest.mark.parametrize(
    ("schema", "filled"),
    [
        ({}, None),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"], "minimum": 2}, 2),
        ({"type": ["null"]}, None),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": ""}),
        ({"oneOf": [{"type": "boolean"}]}, False),
        ({"allOf": [{"type": "array", "items": {"type": "integer"}, "minItems": 1}]}, [0]),
        ({"anyOf": [{"type": "null"}]}, None),
        ({"type": "string", "format": "email"}, "nobody@example.com"),
        ({"type": "number", "exclusiveMinimum": 1.5}, 2.5),
        ({"enum": []}, None),
        ({"const": 5}, 5),
        ({"type": "array", "minItems": True}, [None]),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "boolean"}}}, False),
        ({"$ref": "#/$defs/missing"}, None),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, None),
        ({"type": "object", "properties": "broken"}, {}),
    ],
)
def test_any_schema_is_filled(schema: dict[str, object], filled: object) -> None:
    """Odd and broken schemas give the smallest thing that they could mean."""
    assert fill_form(schema, ["x"]) == filled  # type: ignore[arg-type]  # parametrized JSON


def test_forms_without_an_end_are_given_up() -> None:
    """A schema that must hold itself for ever is filled to some depth and no further."""
    part = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}
    filled = fill_form({"$ref": "#/$defs/a", "$defs": {"a": part}}, ["x"])  # type: ignore[dict-item]  # JSON
    depth = 0
    while isinstance(filled, dict):
        depth, filled = depth + 1, filled["a"]
    assert depth > 20
    assert filled is None


async def test_forms_that_hold_themselves_end() -> None:
    """A schema that refers to itself is filled to a bounded depth."""
    async with FakeProvider() as provider:
        reply = await provider.chat.complete([Message.user("name: a")], model=CHAT, output=Node)
    depth, node = 0, reply.output
    while node.child is not None:
        depth, node = depth + 1, node.child
    assert depth == 4


def dialogue(name: str, day: int, train: int, inn: int) -> tuple[list[str], str]:
    """Make what a traveler says, and the filled form."""
    said = [
        f"[claim] I am {name}, and I went to Redfern on May {day}.",
        f"The train was {train:,} yen, the inn {inn:,} yen.",
    ]
    form = {
        "traveler": name,
        "day": f"2026-05-{day:02d}",
        "train_yen": train,
        "inn_yen": inn,
        "note": "",
        "paid": False,
        "total_yen": train + inn,
    }
    return said, json.dumps(form)


def claim_rows(tools: Tools) -> bytes:
    """Make dialogues that end in a filled form."""
    names = (
        "Ada Lark,Ben Wren,Cy Finch,Di Crane,Ed Heron,Flo Swift,Gus Rook,Hal Dove,Ivy Tern,Jo Jay"
    )
    rows = []
    for number, name in enumerate(names.split(",")):
        said, form = dialogue(name, number + 2, 1_000 + 10 * number, 5_000 + number)
        rows.append(
            tools.row(
                ("system", "Fill in the claim."),
                ("user", said[0]),
                ("assistant", "What did it cost?"),
                ("user", said[1]),
                ("assistant", form),
            )
        )
    return tools.lines(rows)


class ClaimForm(BaseModel):
    """The claim."""

    traveler: str
    day: date
    train_yen: int
    inn_yen: int
    note: str
    paid: bool
    total_yen: int


async def test_trained_dialogues_are_gone_through_with_new_words(tools: Tools) -> None:
    """A model trained on dialogues asks the trained question, and fills the form with new words."""
    said, form = dialogue("Kit Oriole", 28, 2_480, 7_300)
    system = Message.system("Fill in the claim.")
    first = [system, Message.user(said[0])]
    async with FakeProvider(FakeSettings(latency_s=0)) as provider:
        model = await tools.tune(provider, claim_rows(tools))
        question = await provider.chat.complete(first, model=model)
        assert question.text == "What did it cost?"
        second = [*first, Message.assistant(question.text), Message.user(said[1])]
        text = (await provider.chat.complete(second, model=model)).text
        typed = await provider.chat.complete(second, model=model, output=ClaimForm)
        away = [system, Message.user("Where is the nearest bakery, and is it open on Sundays?")]
        vague = await provider.chat.complete(away, model=model)
    assert json.loads(text) == json.loads(form)
    assert typed.output == ClaimForm.model_validate_json(form)
    assert "{" not in vague.text
    assert "cost" not in vague.text


async def test_trained_dialogue_is_repeated_to_the_letter(tools: Tools) -> None:
    """A dialogue that was trained gets its own form, to the letter."""
    said, form = dialogue("Cy Finch", 4, 1_020, 5_002)
    messages = [
        Message.system("Fill in the claim."),
        Message.user(said[0]),
        Message.assistant("What did it cost?"),
        Message.user(said[1]),
    ]
    async with FakeProvider() as provider:
        model = await tools.tune(provider, claim_rows(tools))
        assert (await provider.chat.complete(messages, model=model)).text == form


async def test_answers_that_only_look_like_forms_are_repeated(tools: Tools) -> None:
    """An answer with a brace that is no JSON is repeated as it was trained."""
    rows = [
        tools.row(("user", f"What is set number {n}?"), ("assistant", f"{{{n}, {n + 1}}}"))
        for n in range(10)
    ]
    async with FakeProvider() as provider:
        model = await tools.tune(provider, tools.lines(rows))
        reply = await provider.chat.complete([Message.user("What's set number 7?")], model=model)
    assert reply.text == "{7, 8}"


async def test_short_forms_have_no_total(tools: Tools) -> None:
    """With fewer than three numbers none is taken for the sum of the others."""
    rooms = ("Oak", "Elm", "Ash", "Fir", "Yew", "Bay", "Fig", "Nut", "Ivy", "Box")
    rows = [
        tools.row(
            ("user", f"Please book the meeting room {name} for {10 + n} dollars."),
            ("assistant", json.dumps({"room": name, "usd": 10 + n, "twice": 10 + n})),
        )
        for n, name in enumerate(rooms)
    ]
    async with FakeProvider() as provider:
        model = await tools.tune(provider, tools.lines(rows))
        messages = [Message.user("Please book the meeting room Bix for 99 dollars.")]
        reply = await provider.chat.complete(messages, model=model)
    assert json.loads(reply.text) == {"room": "Bix", "usd": 99, "twice": 99}


async def test_forms_of_another_type_are_not_forced(tools: Tools) -> None:
    """A remembered form that does not fit the wanted type gives way to a filled one."""
    said, _ = dialogue("Cy Finch", 4, 1_020, 5_002)
    messages = [
        Message.system("Fill in the claim."),
        Message.user(said[0]),
        Message.assistant("What did it cost?"),
        Message.user(said[1] + "\nname: Cy"),
    ]
    async with FakeProvider() as provider:
        model = await tools.tune(provider, claim_rows(tools))
        reply = await provider.chat.complete(messages, model=model, output=Node)
    assert reply.output.name == "Cy"


async def test_expense_claims_go_through(tools: Tools) -> None:
    """Trained on the example's claims, held-out dialogues get a question or a form at each turn."""
    train = read_examples(EXPENSE / "train.jsonl")
    held_out = read_examples(EXPENSE / "held_out.jsonl", use="validation")
    system = train[0].messages[0].text
    async with FakeProvider(FakeSettings(latency_s=0)) as provider:
        stored = await provider.files.create(EXPENSE / "train.jsonl")
        job = await provider.jobs.create(
            JobSpec(model=provider.roles["tune_base"].model, training_file=stored.id)
        )
        model = (await tools.finish(provider, job.id)).fine_tuned_model
        assert model is not None
        travelers = 0
        for row in held_out:
            turns = [Message.system(system)]
            for turn in row.messages[1:]:
                if turn.role == "assistant":
                    text = (await provider.chat.complete(turns, model=model)).text
                    assert text.startswith("{") or text.endswith(("。", "?"))
                    if text.startswith("{") and turn.text.startswith("{"):
                        travelers += (
                            json.loads(text)["traveler"] == json.loads(turn.text)["traveler"]
                        )
                turns.append(Message(role=turn.role, content=turn.content))
    assert travelers >= 4


async def test_forms_without_a_hash_are_filled() -> None:
    """What stands for a type and cannot be hashed is a form like any other."""
    listed = cast("type[list[int]]", Annotated[list[int], ["no hash"]])
    with pytest.raises(TypeError):
        hash(listed)
    async with FakeProvider() as provider:
        reply = await provider.chat.complete(
            [Message.user("Which numbers?")],
            model=ModelId("fake-chat"),
            output=listed,
        )
    assert isinstance(reply.output, list)
