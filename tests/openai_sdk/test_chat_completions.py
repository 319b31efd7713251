"""Chat over Chat Completions: what reaches the wire, and what becomes of answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest

from tailorbird._openai_sdk.chat.calls import ChatDialect
from tailorbird._openai_sdk.chat.chat import SdkChat
from tailorbird._openai_sdk.model_traits import traits_of
from tailorbird.exceptions import (
    ContentFilteredError,
    EmptyAnswerError,
    InvalidInputError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnsupportedError,
)
from tailorbird.types import (
    Availability,
    Capabilities,
    Capability,
    ChatOptions,
    FinishReason,
    ImagePart,
    Message,
    ModelId,
    TextPart,
    Tool,
    ToolCall,
    ToolName,
    Usage,
)

if TYPE_CHECKING:
    from conftest import Cloud

CALL = "POST /chat/completions"
PLAIN = ModelId("gpt-4.1-mini")
HELLO = [Message.user("こんにちは")]
WEATHER = Tool(name="weather", parameters={"type": "object", "properties": {}})

Make = Callable[..., SdkChat]


@pytest.fixture
def make(cloud: Cloud) -> Make:
    """Give a function that makes the chat of an account."""

    def made(*, without: tuple[Capability, ...] = (), **changes: object) -> SdkChat:
        offered = tuple(Availability(capability=one) for one in Capability if one not in without)
        capabilities = Capabilities(provider="openai", entries=offered)
        arguments = {"traits": traits_of} | changes
        return SdkChat(cloud.connection, capabilities=capabilities, **arguments)

    return made


def answer(message: dict[str, object] | None = None, **changes: object) -> dict[str, object]:
    """Make an answer as OpenAI sends it."""
    said = {"role": "assistant", "content": "はい", "refusal": None, "annotations": []}
    choice = {"index": 0, "message": said | (message or {}), "finish_reason": "stop"}
    choice |= {key: changes.pop(key) for key in list(changes) if key in CHOICE}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_795_305_600,
        "model": "gpt-4.1-mini-2025-04-14",
        "choices": [choice],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
    } | changes


CHOICE = ("finish_reason", "logprobs", "content_filter_results")


async def test_request_holds_what_was_given_and_nothing_else(cloud: Cloud, make: Make) -> None:
    """Without options only the model, the messages and the wish not to be stored are sent."""
    cloud.on(CALL, answer())
    await make().complete(HELLO, model=PLAIN)
    [taken] = cloud.sent(CALL)
    assert taken.json == {
        "model": "gpt-4.1-mini",
        "messages": [{"role": "user", "content": "こんにちは"}],
        "store": False,
    }


async def test_options_reach_the_wire(cloud: Cloud, make: Make) -> None:
    """Every option stands under the API's own name."""
    cloud.on(CALL, answer())
    options = ChatOptions(
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=7,
        stop=("。", "\n"),
        seed=3,
        logprobs=2,
        tools=(
            Tool(name="a", description="does a", strict=True),
            Tool(name="b", parameters={"type": "object", "properties": {"x": {}}}),
        ),
        tool_choice="required",
        parallel_tool_calls=False,
    )
    await make().complete(HELLO, model=PLAIN, options=options)
    body = cloud.sent(CALL)[0].json
    empty = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert {key: body[key] for key in body if key not in {"model", "messages"}} == {
        "store": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_completion_tokens": 7,
        "stop": ["。", "\n"],
        "seed": 3,
        "logprobs": True,
        "top_logprobs": 2,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "a",
                    "parameters": empty,
                    "description": "does a",
                    "strict": True,
                },
            },
            {
                "type": "function",
                "function": {
                    "name": "b",
                    "parameters": {"type": "object", "properties": {"x": {}}},
                },
            },
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    }


async def test_messages_of_all_kinds_reach_the_wire(cloud: Cloud, make: Make) -> None:
    """Parts, names, calls, their answers and refusals stand where the API wants them."""
    cloud.on(CALL, answer())
    call = ToolCall(id="call_1", name="weather", arguments="{}")
    messages = [
        Message(role="developer", content="be short"),
        Message(
            role="user",
            content=(TextPart(text="see"), ImagePart(url="https://x/y.png", detail="low")),
            name="eve",
        ),
        Message(role="assistant", tool_calls=(call,)),
        Message.tool("雨", tool_call_id="call_1"),
        Message(role="assistant", refusal="no"),
    ]
    await make().complete(messages, model=PLAIN)
    image = {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}
    assert cloud.sent(CALL)[0].json["messages"] == [
        {"role": "developer", "content": "be short"},
        {"role": "user", "content": [{"type": "text", "text": "see"}, image], "name": "eve"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "content": "雨", "tool_call_id": "call_1"},
        {"role": "assistant", "content": None, "refusal": "no"},
    ]


async def test_looser_server_gets_what_it_knows(cloud: Cloud, make: Make) -> None:
    """A dialect decides about `store`, the developer's role and a limit that is always set."""
    cloud.on(CALL, answer())
    dialect = ChatDialect(store=False, developer_role=False, default_max_output_tokens=800)
    await make(dialect=dialect).complete([Message(role="developer", content="x")], model=PLAIN)
    assert cloud.sent(CALL)[0].json == {
        "model": "gpt-4.1-mini",
        "messages": [{"role": "system", "content": "x"}],
        "max_completion_tokens": 800,
    }


async def test_one_function_can_be_demanded(cloud: Cloud, make: Make) -> None:
    """The function that must be called is named; `auto` is the default and is not sent."""
    cloud.on(CALL, answer())
    chat = make()
    for choice in (ToolName(name="weather"), "auto"):
        options = ChatOptions(tools=(WEATHER,), tool_choice=choice)
        await chat.complete(HELLO, model=PLAIN, options=options)
    first, second = (one.json for one in cloud.sent(CALL))
    assert first["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert "tool_choice" not in second


async def test_reply_holds_what_came(cloud: Cloud, make: Make) -> None:
    """Text, model, ids and all token counts come over."""
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    headers = {"x-request-id": "req_1", "content-type": "application/json"}
    content = json.dumps(answer(usage=usage)).encode()
    cloud.on(CALL, httpx2.Response(200, content=content, headers=headers))
    reply = await make().complete(HELLO, model=PLAIN)
    assert (reply.text, reply.output, reply.refusal) == ("はい", None, None)
    assert (reply.finish_reason, reply.raw_finish_reason) == (FinishReason.STOP, "stop")
    assert (reply.model, reply.id, reply.request_id) == (
        "gpt-4.1-mini-2025-04-14",
        "chatcmpl-1",
        "req_1",
    )
    assert reply.usage == Usage(
        input_tokens=9, output_tokens=4, cached_input_tokens=8, reasoning_tokens=3
    )
    assert reply.warnings == ()


async def test_unknown_fields_and_words_are_kept_out_of_the_way(cloud: Cloud, make: Make) -> None:
    """A new field does no harm, and a new reason is kept as it came."""
    cloud.on(CALL, answer(finish_reason="steered", novelty={"a": [1]}, service_tier=None))
    reply = await make().complete(HELLO, model=PLAIN)
    assert (reply.finish_reason, reply.raw_finish_reason) == (FinishReason.OTHER, "steered")


async def test_missing_reason_is_not_invented(cloud: Cloud, make: Make) -> None:
    """An answer without a reason has `OTHER`, not a made-up `stop`."""
    cloud.on(CALL, answer(finish_reason=None, id=None, model=None, usage=None))
    reply = await make().complete(HELLO, model=PLAIN)
    assert (reply.finish_reason, reply.raw_finish_reason) == (FinishReason.OTHER, "")
    assert (reply.model, reply.id, reply.usage) == (PLAIN, "", None)


async def test_answer_without_any_model_has_none(cloud: Cloud, make: Make) -> None:
    """Where neither the answer nor the profile names the model, it stays empty."""
    cloud.on(CALL, answer(model=None))
    chat = make(model_of=lambda _: None)
    assert (await chat.complete(HELLO, model=ModelId("my-deployment"))).model == ""


async def test_tool_calls_come_over(cloud: Cloud, make: Make) -> None:
    """Calls are given as the model wrote them; `stop` of a demanded call counts as a call."""
    calls = [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{x"}}]
    cloud.on(CALL, answer({"content": None, "tool_calls": calls}))
    reply = await make().complete(HELLO, model=PLAIN, options=ChatOptions(tools=(WEATHER,)))
    assert reply.tool_calls == (ToolCall(id="c1", name="weather", arguments="{x"),)
    assert (reply.text, reply.finish_reason) == ("", FinishReason.TOOL_CALLS)
    assert reply.raw_finish_reason == "stop"


async def test_content_in_parts_is_joined(cloud: Cloud, make: Make) -> None:
    """Gateways that give a list of parts are understood; thoughts and other kinds are left out."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "は"},
        {"type": "text", "text": "い"},
        {"type": "text", "text": None},
    ]
    cloud.on(CALL, answer({"content": parts}))
    assert (await make().complete(HELLO, model=PLAIN)).text == "はい"


async def test_answers_of_compatible_servers_are_read(cloud: Cloud, make: Make) -> None:
    """Times as fractions, thoughts beside the text, null usage and a path as model do no harm."""
    loose = answer(
        {"reasoning_content": "hm", "tool_calls": [], "function_call": None},
        created=1_795_305_600.25,
        model="/models/qwen.gguf",
        usage=None,
        finish_reason="eos",
        timings={"predicted_ms": 1.5},
    )
    cloud.on(CALL, loose)
    reply = await make().complete(HELLO, model=ModelId("qwen.gguf"))
    assert (reply.text, reply.usage, reply.warnings) == ("はい", None, ())
    assert (reply.finish_reason, reply.raw_finish_reason) == (FinishReason.OTHER, "eos")


@pytest.mark.parametrize(
    ("given", "arguments"),
    [({"city": "京都"}, '{"city":"京都"}'), ({}, "{}"), (None, ""), ("", "")],
)
async def test_arguments_of_any_kind_become_text(
    cloud: Cloud, make: Make, given: object, arguments: str
) -> None:
    """Arguments as an object are written as JSON, and missing ones are empty."""
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": given}}
    cloud.on(CALL, answer({"content": None, "tool_calls": [call]}))
    reply = await make().complete(HELLO, model=PLAIN, options=ChatOptions(tools=(WEATHER,)))
    assert reply.tool_calls == (ToolCall(id="c1", name="weather", arguments=arguments),)


@pytest.mark.parametrize(
    "call",
    [{"function": {"name": "a", "arguments": ""}}, {"id": "c", "function": None}, {"id": "c"}],
)
async def test_half_a_tool_call_is_no_answer(
    cloud: Cloud, make: Make, call: dict[str, object]
) -> None:
    """A call without its id, its name or its arguments is an answer of the wrong shape."""
    cloud.on(CALL, answer({"tool_calls": [call]}))
    with pytest.raises(UnexpectedResponseError, match="tool call lacks"):
        await make().complete(HELLO, model=PLAIN, options=ChatOptions(tools=(WEATHER,)))


async def test_refusal_is_a_reply(cloud: Cloud, make: Make) -> None:
    """Words of refusal stand apart from the text."""
    cloud.on(CALL, answer({"content": None, "refusal": "I cannot"}))
    reply = await make().complete(HELLO, model=PLAIN)
    assert (reply.text, reply.refusal) == ("", "I cannot")


async def test_probabilities_come_over(cloud: Cloud, make: Make) -> None:
    """Logarithms are given with their alternatives; one above 0 by rounding counts as 0."""
    tokens = [
        {
            "token": "は",
            "logprob": 1e-9,
            "bytes": None,
            "top_logprobs": [{"token": "は", "logprob": -1}, {"token": None, "logprob": -2.0}],
        },
        {"token": "い", "logprob": -0.5},
    ]
    cloud.on(CALL, answer(logprobs={"content": tokens, "refusal": None}))
    reply = await make().complete(HELLO, model=PLAIN, options=ChatOptions(logprobs=2))
    assert reply.logprobs is not None
    assert [(one.token, one.logprob) for one in reply.logprobs] == [("は", 0.0), ("い", -0.5)]
    assert reply.logprobs[0].alternatives == {"は": -1.0}


async def test_broken_probabilities_are_no_answer(cloud: Cloud, make: Make) -> None:
    """A logarithm that is no number is an answer of the wrong shape."""
    cloud.on(CALL, answer(logprobs={"content": [{"token": "a", "logprob": "low"}]}))
    with pytest.raises(UnexpectedResponseError, match="logprob"):
        await make().complete(HELLO, model=PLAIN, options=ChatOptions(logprobs=0))


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -1, "completion_tokens": 4},
        {"prompt_tokens": 9.5, "completion_tokens": 4},
        {"prompt_tokens": True, "completion_tokens": 4},
        {"prompt_tokens": 9},
        {"prompt_tokens": 1 << 60, "completion_tokens": 4},
        {
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 10},
        },
        {
            "prompt_tokens": 9,
            "completion_tokens": 4,
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
        "none",
    ],
)
async def test_impossible_counts_are_left_out(cloud: Cloud, make: Make, usage: object) -> None:
    """Counts that cannot be true do not lose the answer: they are unknown, with a warning."""
    cloud.on(CALL, answer(usage=usage))
    reply = await make().complete(HELLO, model=PLAIN)
    assert reply.usage is None
    assert ["token counts" in line for line in reply.warnings] == [True]


@pytest.mark.parametrize(
    ("expected", "answered", "warnings"),
    [
        ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 0),
        ("gpt-4.1-mini", "gpt-4.1-2025-04-14", 1),
        ("ft:gpt-4.1-mini-2025-04-14:a:b:c", "gpt-4.1-mini-2025-04-14", 1),
        (None, "anything", 0),
    ],
)
async def test_foreign_model_is_told(
    cloud: Cloud, make: Make, expected: str | None, answered: str, warnings: int
) -> None:
    """Another family than the one behind the name is a warning, a snapshot is none."""
    cloud.on(CALL, answer(model=answered))
    model_of = {PLAIN: None if expected is None else ModelId(expected)}.get
    reply = await make(model_of=model_of).complete(HELLO, model=PLAIN)
    assert len(reply.warnings) == warnings
    assert all(answered in line for line in reply.warnings)


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": [{"message": {"content": "x"',
        b"null",
        b"[]",
        b'"text"',
        b'{"hello": "world"}',
        b'{"choices": null}',
        b'{"choices": [{"message": {"content": "\xff\xfe"}}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{}]}',
        b"",
    ],
)
async def test_other_shapes_are_no_answer(cloud: Cloud, make: Make, body: bytes) -> None:
    """Cut, foreign or wrongly encoded JSON raises `UnexpectedResponseError`."""
    cloud.on(CALL, body)
    with pytest.raises(UnexpectedResponseError) as caught:
        await make().complete(HELLO, model=PLAIN)
    assert caught.value.operation == "chat.complete"
    assert caught.value.__context__ is None  # which would hold the answer


async def test_web_page_is_no_answer(cloud: Cloud, make: Make) -> None:
    """A login page with status 200 is called what it is."""
    cloud.on(CALL, b"\n<html><body>please log in, eve</body></html>")
    with pytest.raises(UnexpectedResponseError, match="not JSON") as caught:
        await make().complete(HELLO, model=PLAIN)
    assert "eve" not in str(caught.value)


async def test_plain_text_that_is_json_is_read(
    cloud: Cloud, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """JSON under another content type is read, and noted once."""
    content = json.dumps(answer()).encode()
    cloud.on(CALL, httpx2.Response(200, content=content, headers={"content-type": "text/plain"}))
    chat = make()
    with caplog.at_level(logging.WARNING, logger="tailorbird.openai_sdk"):
        for _ in range(2):
            assert (await chat.complete(HELLO, model=PLAIN)).text == "はい"
    assert ["text/plain" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize(
    ("escaped", "said"),
    [
        (rb"\ud83d\ude00", "😀"),
        (rb"\ud83d", "\ufffd"),
        (rb"\ude00 \uD83D\uDE00 \\ud83d", "\ufffd 😀 \\ud83d"),
        (rb"\ud83d\ud83d\ude00 \ud83d", "\ufffd😀 \ufffd"),
    ],
)
async def test_half_a_character_loses_no_answer(
    cloud: Cloud, make: Make, escaped: bytes, said: str
) -> None:
    """What a server escaped in halves is read; U+FFFD stands for a half that is left alone."""
    body = json.dumps(answer({"content": "HERE"})).encode().replace(b"HERE", escaped)
    cloud.on(CALL, httpx2.Response(200, content=body, headers={"content-type": "application/json"}))
    reply = await make().complete(HELLO, model=PLAIN)
    assert reply.text == said


@pytest.mark.parametrize("content", [None, ""])
async def test_nothing_said_is_an_error(cloud: Cloud, make: Make, content: str | None) -> None:
    """No text, no call and no refusal is `EmptyAnswerError`."""
    cloud.on(CALL, answer({"content": content}))
    with pytest.raises(EmptyAnswerError) as caught:
        await make().complete(HELLO, model=PLAIN)
    assert caught.value.accepted == "yes"


async def test_no_choice_is_an_error(cloud: Cloud, make: Make) -> None:
    """An answer without a choice is `EmptyAnswerError`."""
    cloud.on(CALL, answer(choices=[]))
    with pytest.raises(EmptyAnswerError):
        await make().complete(HELLO, model=PLAIN)


async def test_tokens_spent_on_reasoning_are_told(cloud: Cloud, make: Make) -> None:
    """An empty answer that ran into its limit says what to raise."""
    cloud.on(CALL, answer({"content": ""}, finish_reason="length"))
    with pytest.raises(EmptyAnswerError, match="max_output_tokens"):
        await make().complete(HELLO, model=PLAIN)


async def test_filtered_answer_is_an_error(cloud: Cloud, make: Make) -> None:
    """Azure's cut answer raises with the names of what was found."""
    results = {
        "hate": {"filtered": True, "severity": "high"},
        "violence": {"filtered": False, "severity": "safe"},
        "error": {"code": "content_filter_error"},
    }
    cloud.on(CALL, answer(finish_reason="content_filter", content_filter_results=results))
    with pytest.raises(ContentFilteredError, match="hate") as caught:
        await make().complete(HELLO, model=PLAIN)
    assert (caught.value.stage, caught.value.categories) == ("completion", ("hate",))


async def test_filtered_answer_without_results_is_an_error(cloud: Cloud, make: Make) -> None:
    """OpenAI's cut answer raises without names."""
    cloud.on(CALL, answer({"content": None}, finish_reason="content_filter"))
    with pytest.raises(ContentFilteredError) as caught:
        await make().complete(HELLO, model=PLAIN)
    assert caught.value.categories == ()


async def test_filtered_prompt_is_an_error(cloud: Cloud, make: Make) -> None:
    """Azure's refusal of a prompt raises with the names of what was found."""
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"jailbreak": {"filtered": True, "detected": True}},
    }
    error = {"message": "no", "param": "prompt", "code": "content_filter", "innererror": inner}
    cloud.on(CALL, httpx2.Response(400, json={"error": error}))
    with pytest.raises(ContentFilteredError) as caught:
        await make().complete(HELLO, model=PLAIN)
    assert (caught.value.stage, caught.value.categories) == ("prompt", ("jailbreak",))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "slow down", "code": "rate_limit_exceeded"}, RateLimitError),
        ({"message": "pay", "type": "insufficient_quota", "code": None}, QuotaExhaustedError),
        ({"message": "oops"}, ServiceUnavailableError),
        ("text", ServiceUnavailableError),
    ],
)
async def test_failure_within_a_success_is_a_failure(
    cloud: Cloud, make: Make, error: object, kind: type[Exception]
) -> None:
    """A gateway's error with status 200 becomes what it would have been."""
    cloud.on(CALL, {"error": error})
    with pytest.raises(kind):
        await make().complete(HELLO, model=PLAIN)


@pytest.mark.parametrize("model", ["", " "])
async def test_model_must_be_named(cloud: Cloud, make: Make, model: str) -> None:
    """A blank model is refused before anything is sent."""
    with pytest.raises(InvalidInputError, match="model"):
        await make().complete(HELLO, model=ModelId(model))
    assert cloud.taken == []


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("gpt-6-luna", ChatOptions(temperature=0.1)),
        ("gpt-6-luna", ChatOptions(stop=("x",))),
        ("gpt-6.2-sol", ChatOptions(reasoning_effort="none")),
        ("gpt-4.1", ChatOptions(reasoning_effort="low")),
        ("gpt-5", ChatOptions(reasoning_effort="xhigh")),
    ],
)
async def test_wrong_option_is_refused_before_sending(
    cloud: Cloud, make: Make, model: str, options: ChatOptions
) -> None:
    """What a model does not take raises `UnsupportedError`, and nothing is sent."""
    with pytest.raises(UnsupportedError):
        await make().complete(HELLO, model=ModelId(model), options=options)
    assert cloud.taken == []


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        (Capability.CHAT, {}),
        (Capability.CHAT_TOOLS, {"options": ChatOptions(tools=(WEATHER,))}),
        (Capability.CHAT_STRUCTURED, {"output": list[int]}),
        (Capability.CHAT_LOGPROBS, {"options": ChatOptions(logprobs=1)}),
    ],
)
async def test_missing_capability_is_refused_before_sending(
    cloud: Cloud, make: Make, missing: Capability, arguments: dict[str, object]
) -> None:
    """What the provider does not offer raises `UnsupportedError`, and nothing is sent."""
    with pytest.raises(UnsupportedError):
        await make(without=(missing,)).complete(HELLO, model=PLAIN, **arguments)
    assert cloud.taken == []


async def test_server_that_keeps_to_no_schema_is_not_asked_to(cloud: Cloud, make: Make) -> None:
    """A dialect without structured output refuses it before anything is sent."""
    chat = make(dialect=ChatDialect(structured=False))
    with pytest.raises(UnsupportedError, match="schema"):
        await chat.complete(HELLO, model=PLAIN, output=list[int])
    assert cloud.taken == []


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (ChatOptions(reasoning_effort="none", tools=(WEATHER,), stop=("x",)), HELLO),
        (ChatOptions(reasoning_effort="none", stop=("x",)), HELLO),
        (ChatOptions(seed=1), HELLO),
        (ChatOptions(), [Message(role="user", content="x", name="eve")]),
    ],
)
async def test_what_responses_lacks_goes_to_chat_completions(
    cloud: Cloud, make: Make, options: ChatOptions, messages: list[Message]
) -> None:
    """A reasoning model is asked here for what the other surface does not take."""
    cloud.on(CALL, answer(model="gpt-6-luna"))
    await make().complete(messages, model=ModelId("gpt-6-luna"), options=options)
    body = cloud.sent(CALL)[0].json
    assert body.get("reasoning_effort") == options.reasoning_effort


async def test_unknown_model_gets_everything(cloud: Cloud, make: Make) -> None:
    """A model of which nothing is known is sent every option, and so is its name for the limit."""
    cloud.on(CALL, answer(model="llama3"))
    options = ChatOptions(temperature=0, reasoning_effort="low", max_output_tokens=5)
    traits = traits_of(ModelId("llama3")).model_copy(update={"limit_name": "max_tokens"})
    await make(traits=lambda _: traits).complete(HELLO, model=ModelId("llama3"), options=options)
    body = cloud.sent(CALL)[0].json
    assert (body["temperature"], body["reasoning_effort"], body["max_tokens"]) == (0, "low", 5)


async def test_passing_trouble_is_repeated(cloud: Cloud, make: Make) -> None:
    """A call is repeated after an outage: asking again costs nothing but the answer."""
    cloud.on(CALL, httpx2.Response(503), answer())
    assert (await make().complete(HELLO, model=PLAIN)).text == "はい"
    assert len(cloud.sent(CALL)) == 2
