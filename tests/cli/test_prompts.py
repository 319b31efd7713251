"""The system prompt of a command that was given none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("question", "prompt"),
    [
        ("送料はいくらですか。", "質問に正確かつ簡潔に答えてください。"),
        ("ﾊﾟｽﾜｰﾄﾞ?", "質問に正確かつ簡潔に答えてください。"),
        ("배송비는 얼마인가요?", "질문에 정확하고 간결하게 답하세요."),
        ("运费是多少？", "请准确、简洁地回答问题。"),
        ("Wie viel kostet der Versand?", "Answer the question correctly and briefly, in the"),
        ("Сколько стоит доставка?", "Answer the question correctly and briefly, in the"),
    ],
)
def test_prompt_is_in_the_language_of_the_questions(
    tailorbird: Callable[..., Any], tmp_path: Path, question: str, prompt: str
) -> None:
    """The default asks for an answer and nothing else, in the language of the questions."""
    (tmp_path / "faq.csv").write_text(f"question,answer\n{question},1\n", encoding="utf-8")
    ended = tailorbird("tune", "faq.csv", "--name", "x")
    assert f"system prompt (default): {prompt}" in ended.err
