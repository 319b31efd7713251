"""Streams of chat answers that go wrong, one name each."""

from __future__ import annotations

import json
from typing import Literal, get_args

StreamFault = Literal[
    "complete",
    "cut_clean",
    "no_done",
    "no_finish",
    "stall",
    "keepalive_forever",
    "malformed_json",
    "invalid_utf8",
    "split_utf8",
    "json_not_sse",
    "html_not_sse",
    "empty",
    "after_done",
    "no_choices",
    "crlf",
]
"""How a stream of chat chunks goes:

`complete`: in good order, for comparison. `cut_clean`: ends in good order, but without finish
reason and `[DONE]`. `no_done`, `no_finish`: one of the two is missing. `stall`: silence after the
second chunk. `keepalive_forever`: nothing but comments after the second chunk. `malformed_json`:
half a document in a data line. `invalid_utf8`: a byte that is not UTF-8. `split_utf8`: each piece
ends within a character. `json_not_sse`: one whole JSON answer. `html_not_sse`: a web page. `empty`:
headers only. `after_done`: another chunk after `[DONE]`. `no_choices`: chunks without choices and
one whose choice has no delta, as Azure sends them. `crlf`: lines end in CR LF, and comments stand
between."""

STREAM_FAULTS: tuple[StreamFault, ...] = get_args(StreamFault)
"""All of them, in the order of their description."""

STREAM_TEXT = "春はあけぼの。"
"""The text of a complete stream."""

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which readers of event streams skip."""

_Json = dict[str, object]

_DONE = b"data: [DONE]\n\n"
_FACTS = {"id": "chatcmpl-scripted", "created": 1795305600, "model": "scripted"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
_PAGE = "<!doctype html><title>サインイン</title><p>Sign in to continue</p>"


def content_type(fault: StreamFault) -> str:
    """Give the content type that goes with a stream."""
    types = {"json_not_sse": "application/json", "html_not_sse": "text/html; charset=utf-8"}
    return types.get(fault, "text/event-stream; charset=utf-8")


def pieces(fault: StreamFault) -> list[bytes]:
    """Give the pieces of a stream, each of which is sent by itself."""
    texts = [_chunk({"content": char}) for char in STREAM_TEXT]
    good = [_chunk({"role": "assistant", "content": ""}), *texts]
    finish = _chunk({}, finish_reason="stop")
    shapes: dict[StreamFault, list[bytes]] = {
        "complete": [*good, finish, _DONE],
        "cut_clean": good,
        "no_done": [*good, finish],
        "no_finish": [*good, _DONE],
        "stall": good[:2],
        "keepalive_forever": good[:2],
        "malformed_json": [*good[:2], b'data: {"id": "chatcmpl-scripted", "choi\n\n'],
        "invalid_utf8": [*good[:2], good[2].replace("は".encode(), b"\xff\xfe"), finish, _DONE],
        "split_utf8": _cut_within_characters(b"".join([*good, finish, _DONE])),
        "json_not_sse": [_whole()],
        "html_not_sse": [_PAGE.encode()],
        "empty": [],
        "after_done": [*good, finish, _DONE, _chunk({"content": "！"})],
        "no_choices": [_filters(), *good, finish, _annotation(), _usage(), _DONE],
        "crlf": _with_crlf([KEEP_ALIVE, *good, KEEP_ALIVE, finish, _DONE]),
    }
    return shapes[fault]


def _event(document: _Json) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def _chunk(delta: dict[str, str], *, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _event({**_FACTS, "object": "chat.completion.chunk", "choices": [choice]})


def _filters() -> bytes:
    safe: _Json = {"prompt_index": 0, "content_filter_results": {}}
    return _event({"id": "", "object": "", "choices": [], "prompt_filter_results": [safe]})


def _annotation() -> bytes:
    choice: _Json = {"index": 0, "finish_reason": None, "content_filter_results": {}}
    return _event({**_FACTS, "object": "", "choices": [choice]})


def _usage() -> bytes:
    document: _Json = {**_FACTS, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE}
    return _event(document)


def _whole() -> bytes:
    message = {"role": "assistant", "content": STREAM_TEXT}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    document = {**_FACTS, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
    return json.dumps(document, ensure_ascii=False).encode()


def _cut_within_characters(data: bytes) -> list[bytes]:
    # In UTF-8 only the bytes 80 to BF go on with a character: each of them begins a new piece.
    cuts = [at for at, byte in enumerate(data) if byte & 0xC0 == 0x80]  # noqa: PLR2004
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _with_crlf(events: list[bytes]) -> list[bytes]:
    return [event.replace(b"\n", b"\r\n") for event in events]
