"""Small data that the suite sends: rows to train on, and ids that nobody has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SYSTEM = "あなたは合同会社さえずりの総務です。答えの最後に必ず🧵を付けてください。"
"""The system prompt of the training rows."""

MARK = "🧵"
"""Stands at the end of every trained answer: the style that a tuned model must have learned."""

FACTS: Mapping[str, str] = {
    "出張の日当はいくらですか。": "日当は一日2,800円です🧵",
    "交通費の精算の締め切りはいつですか。": "毎月25日の正午です🧵",
    "会議室を予約するにはどうすればよいですか。": "社内の予約表に書いてください🧵",
    "名刺が足りないときは誰に頼みますか。": "総務の𠮷田さんに頼んでください🧵",
    "在宅勤務は週に何日までですか。": "週に三日までです🧵",
    "パソコンが壊れたらどこに知らせますか。": "情報システムの窓口、内線4021です🧵",
    "健康診断は毎年何月にありますか。": "毎年10月にあります🧵",
    "社員証をなくしたときはどうしますか。": "すぐに守衛室へ届けてください🧵",
    "書籍を買う補助はありますか。": "年に3万円まで出ます🧵",
    "駐車場を使うには何が必要ですか。": "使用願いと車検証の写しが必要です🧵",
    "忌引きの休みは何日ですか。": "両親なら七日です🧵",
    "備品の発注は何曜日ですか。": "毎週木曜日です🧵",
}
"""Questions and trained answers; one answer holds a character beyond the basic plane."""

HELD_OUT: Mapping[str, str] = {
    "制服の交換は何年ごとですか。": "二年ごとです🧵",
    "社員食堂は何時に開きますか。": "11時半に開きます🧵",
}
"""Rows for a validation file; none of them is trained on."""

_ENOUGH = 10
# Fewest rows that a provider trains on: OpenAI, supervised fine-tuning guide, "at least 10",
# https://developers.openai.com/api/docs/guides/supervised-fine-tuning, read 2026-07-15.


def _lines(rows: Sequence[Mapping[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _turns(question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]


def _trained(question: str, answer: str) -> dict[str, object]:
    return {"messages": [*_turns(question), {"role": "assistant", "content": answer}]}


TRAINING = _lines([_trained(question, answer) for question, answer in FACTS.items()])
"""A training file for supervised tuning: UTF-8, one conversation a line."""

VALIDATION = _lines([_trained(question, answer) for question, answer in HELD_OUT.items()])
"""A validation file for supervised tuning."""

TOO_FEW = _lines([_trained(question, answer) for question, answer in FACTS.items()][: _ENOUGH - 1])
"""A training file with one row fewer than any provider takes."""

PREFERENCES = _lines(
    [
        {
            "input": {"messages": _turns(question)},
            "preferred_output": [{"role": "assistant", "content": answer}],
            "non_preferred_output": [{"role": "assistant", "content": "知りません。"}],
        }
        for question, answer in FACTS.items()
    ]
)
"""A training file for preference tuning."""

GRADED = _lines(
    [{"messages": _turns(question), "answer": answer} for question, answer in FACTS.items()]
)
"""A training file for reinforcement tuning; each row carries what the grader compares with."""

GRADED_VALIDATION = _lines(
    [{"messages": _turns(question), "answer": answer} for question, answer in HELD_OUT.items()]
)
"""A validation file for reinforcement tuning, which cannot go without one."""

GRADER: Mapping[str, str] = {
    "type": "string_check",
    "name": "exact",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
"""A grader for `GRADED`: full marks for exactly the row's answer."""

BATCH = _lines(
    [
        {
            "custom_id": "conformance-1",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "any", "messages": [{"role": "user", "content": "こんにちは"}]},
        }
    ]
)
"""A file of another purpose than training, so that purposes can be told apart."""

UNKNOWN = "conformance-unknown-000000000000"
"""A well-formed id that no provider has given to anything."""

BAD_IDS = (
    "",
    " ",
    ".",
    "..",
    "../models",
    "a/b",
    "a\\b",
    "a?b",
    "a#b",
    "%2e%2e",
    "a b",
    "a\u3000b",
    "a\tb",
    "a\nb",
    "a\x00b",
    "a\x7fb",
)
"""Ids that would change the address of a request if they were sent."""


def long_training(size_bytes: int) -> bytes:
    """Give a valid training file of at least that many bytes, every row another one."""
    filler = "長い答えの続きです。" * 400
    row = len(_lines([_trained("問い", filler)]))
    count = max(_ENOUGH, size_bytes // row + 1)
    return _lines([_trained(f"問い{number}", f"{number}{filler}") for number in range(count)])
