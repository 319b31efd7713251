"""Structured answers: the schema that is asked for, and reading what came."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from tailorbird._openai_sdk.chat.chat import SdkChat
from tailorbird._openai_sdk.chat.structured import make_form
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird.exceptions import (
    ContentFilteredError,
    EmptyAnswerError,
    InvalidInputError,
    OutputInvalidError,
    RefusedError,
)
from tailorbird.types import Availability, Capabilities, Capability, Message, ModelId

if TYPE_CHECKING:
    from conftest import Cloud

CALL = "POST /chat/completions"
MODEL = ModelId("gpt-4.1-mini")
ASK = [Message.user("大阪へ新幹線で14,720円")]

Make = Callable[[], SdkChat]


class Kind(enum.Enum):
    """What money was spent on."""

    TRAIN = "train"
    HOTEL = "hotel"


class Item(BaseModel):
    """One line of a claim."""

    kind: Kind
    yen: Annotated[int, Field(ge=0, description="Amount in yen.")]
    note: str | None = None


class Claim(BaseModel):
    """A claim."""

    title: Annotated[str, Field(min_length=1, pattern="^.+$")]
    items: list[Item]
    first: Item = Field(description="The first line.", examples=["x"])
    mode: Literal["fast", "slow"] = "fast"


class Node(BaseModel):
    """A tree."""

    name: str
    children: list[Node]


class Cat(BaseModel):
    """A cat."""

    type: Literal["cat"]


class Dog(BaseModel):
    """A dog."""

    type: Literal["dog"]


class Zoo(BaseModel):
    """Animals, told apart by `type`."""

    animal: Annotated[Cat | Dog, Field(discriminator="type")]


@dataclass
class Trip:
    """A journey."""

    city: str
    nights: int


class Stay(TypedDict, total=False):
    """A night."""

    hotel: str
    yen: int


class Empty(BaseModel):
    """Nothing."""


class Open(BaseModel):
    """May hold more than it says."""

    model_config = ConfigDict(extra="allow")
    city: str


@pytest.fixture
def chat(cloud: Cloud) -> SdkChat:
    """Give the chat of an account."""
    offered = tuple(Availability(capability=one) for one in Capability)
    capabilities = Capabilities(provider="openai", entries=offered)
    return SdkChat(cloud.connection, capabilities=capabilities, traits=traits_of)


def answer(text: str | None, reason: str = "stop", **message: object) -> dict[str, object]:
    """Make an answer as OpenAI sends it."""
    choice = {"message": {"content": text} | message, "finish_reason": reason}
    return {"id": "c", "model": MODEL, "choices": [choice]}


def objects(schema: object) -> list[dict[str, object]]:
    """Give all schemas of objects within a schema."""
    if isinstance(schema, list):
        return [one for part in schema for one in objects(part)]
    if not isinstance(schema, dict):
        return []
    inner = [one for part in schema.values() for one in objects(part)]
    return [schema, *inner] if schema.get("type") == "object" else inner


@pytest.mark.parametrize("output", [Claim, Node, Zoo, Trip, Stay, Empty, Open, list[Item], int])
def test_objects_are_closed_and_whole(output: type[object]) -> None:
    """Every object forbids further fields and requires all its own, whatever has a default."""
    schema = make_form(output).schema
    assert schema["type"] == "object"
    found = objects(schema)
    assert found
    for one in found:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])


def test_words_that_servers_refuse_go_into_the_description() -> None:
    """Limits are told in words; titles, defaults and examples are left out."""
    schema = make_form(Claim).schema
    fields = schema["properties"]
    assert fields["title"] == {
        "type": "string",
        "description": '(minLength: 1, pattern: "^.+$")',
    }
    assert schema["$defs"]["Item"]["properties"]["yen"] == {
        "type": "integer",
        "description": "Amount in yen. (minimum: 0)",
    }
    assert "default" not in fields["mode"]


def test_reference_stands_alone() -> None:
    """A reference with a description becomes the one variant of a union."""
    first = make_form(Claim).schema["properties"]["first"]
    assert first == {"description": "The first line.", "anyOf": [{"$ref": "#/$defs/Item"}]}


def test_outermost_reference_is_resolved() -> None:
    """A type that holds itself is an object at the outermost place and a reference within."""
    schema = make_form(Node).schema
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert schema["properties"]["name"] == {"type": "string"}


def test_variants_are_a_plain_union() -> None:
    """What pydantic calls `oneOf` is `anyOf`, without the discriminator."""
    animal = make_form(Zoo).schema["properties"]["animal"]
    assert animal == {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]}


@pytest.mark.parametrize(
    ("output", "place"),
    [
        (dict[str, int], "the whole"),
        (dict, "the whole"),
        (list[dict[str, Item]], r"\[\]"),
        (tuple[int, str], "the whole"),
        (object, "the whole"),
        (list[object], r"\[\]"),
        (int | dict[str, int], r"\[1\]"),
    ],
)
def test_schema_that_cannot_be_kept_to_is_refused(output: type[object], place: str) -> None:
    """Free keys, places of their own and anything at all are refused with their place."""
    with pytest.raises(InvalidInputError, match=f"output: {place} cannot be asked for"):
        make_form(output)


def test_place_within_a_model_is_named() -> None:
    """The message names the field, through models and lists."""

    class Inner(BaseModel):
        rates: dict[str, float]

    class Outer(BaseModel):
        parts: list[Inner]
        pair: Annotated[
            object, Field(json_schema_extra={"allOf": [{"type": "string"}, {"type": "null"}]})
        ]

    class Loose(BaseModel):
        any: Annotated[object, Field(json_schema_extra={"anyOf": [True]})]

    with pytest.raises(InvalidInputError, match=r"pair cannot be asked for"):
        make_form(Outer)
    with pytest.raises(InvalidInputError, match=r"any\[0\] cannot be asked for"):
        make_form(Loose)
    with pytest.raises(InvalidInputError, match=r"rates cannot be asked for"):
        make_form(Inner)


def test_single_schema_of_several_is_taken() -> None:
    """`allOf` with one schema is that schema."""

    class Outer(BaseModel):
        one: Annotated[
            object, Field(json_schema_extra={"allOf": [{"type": "string"}]}, description="x")
        ]

    assert make_form(Outer).schema["properties"]["one"] == {"type": "string", "description": "x"}


def test_type_without_schema_is_refused() -> None:
    """A type that pydantic knows nothing of is refused."""
    with pytest.raises(InvalidInputError, match="no JSON schema"):
        make_form(Callable[[], int])


@pytest.mark.parametrize(
    ("output", "name"),
    [(Claim, "Claim"), (list[Item], "list"), (int | None, "output"), (int, "int")],
)
def test_form_has_a_name(output: type[object], name: str) -> None:
    """The name is the type's own, as far as the API takes it."""
    assert make_form(output).name == name


async def test_output_is_an_instance(cloud: Cloud, chat: SdkChat) -> None:
    """The answer is held to the schema, validated, and kept as text."""
    text = json.dumps({"city": "大阪", "nights": 2}, ensure_ascii=False)
    cloud.on(CALL, answer(text))
    reply = await chat.complete(ASK, model=MODEL, output=Trip)
    assert (reply.output, reply.text) == (Trip("大阪", 2), text)
    assert cloud.sent(CALL)[0].json["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "Trip", "schema": make_form(Trip).schema, "strict": True},
    }


async def test_list_is_wrapped_and_unwrapped(cloud: Cloud, chat: SdkChat) -> None:
    """What is no object is asked for within one; output and text are the list alone."""
    cloud.on(CALL, answer('{"value": [{"kind": "train", "yen": 14720, "note": null}]}'))
    reply = await chat.complete(ASK, model=MODEL, output=list[Item])
    assert reply.output == [Item(kind=Kind.TRAIN, yen=14720)]
    assert json.loads(reply.text) == [{"kind": "train", "yen": 14720, "note": None}]


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (Trip, '{"city": "大阪", "nights": "many"}'),
        (Trip, '{"city": "大阪"'),
        (list[Item], "[]"),
        (list[Item], '{"values": []}'),
        (list[Item], '{"value": [{"kind": "boat", "yen": 1, "note": null}]}'),
        (list[Item], "not JSON"),
    ],
)
async def test_wrong_output_is_told(cloud: Cloud, chat: SdkChat, output: type, text: str) -> None:
    """An answer that does not fit raises with its text, which the message does not repeat."""
    cloud.on(CALL, answer(text))
    with pytest.raises(OutputInvalidError) as caught:
        await chat.complete(ASK, model=MODEL, output=output)
    assert caught.value.text == text
    assert text not in str(caught.value)
    assert caught.value.__context__ is None


async def test_cut_output_is_told(cloud: Cloud, chat: SdkChat) -> None:
    """An answer that ran into its limit says what to raise, even when nothing came."""
    for text in ('{"city"', None):
        cloud.on(CALL, answer(text, "length"))
        with pytest.raises(OutputInvalidError, match="max_output_tokens") as caught:
            await chat.complete(ASK, model=MODEL, output=Trip)
        assert caught.value.text == (text or "")


async def test_refusal_is_told(cloud: Cloud, chat: SdkChat) -> None:
    """A refusal raises with its words."""
    cloud.on(CALL, answer(None, refusal="I will not"))
    with pytest.raises(RefusedError) as caught:
        await chat.complete(ASK, model=MODEL, output=Trip)
    assert caught.value.refusal == "I will not"


@pytest.mark.parametrize(
    ("reason", "kind"), [("content_filter", ContentFilteredError), ("stop", EmptyAnswerError)]
)
async def test_no_output_is_told(
    cloud: Cloud, chat: SdkChat, reason: str, kind: type[Exception]
) -> None:
    """A filtered and an empty answer raise as they do without a form."""
    cloud.on(CALL, answer(None, reason))
    with pytest.raises(kind):
        await chat.complete(ASK, model=MODEL, output=Trip)


async def test_many_types_can_be_asked_for(cloud: Cloud, chat: SdkChat) -> None:
    """More types than are remembered are all asked for by their own form."""
    cloud.on(CALL, answer('{"value": 1}'))
    for number in range(70):
        wanted = Annotated[int, Field(ge=-number)]
        assert (await chat.complete(ASK, model=MODEL, output=wanted)).output == 1
        assert (await chat.complete(ASK, model=MODEL, output=wanted)).output == 1
