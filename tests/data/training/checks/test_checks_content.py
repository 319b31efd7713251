"""What messages say: texts, parts, images."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tailorbird.data.training.row import TrainingKind
from tailorbird.data.training.rules import training_rules
from tailorbird.data.training.validation import validate_training_file
from tailorbird.exceptions import Problem

USER = {"role": "user", "content": "締め切りは？"}
ASSISTANT = {"role": "assistant", "content": "月末です。"}
KEY = "sk-proj-" + "Ab3dEf6hIj9lMn2pQr5t"  # made up: it opens nothing


def image(url: object = "https://contoso.com/a.png", **more: object) -> dict[str, object]:
    """Return a part with an image."""
    return {"type": "image_url", "image_url": {"url": url, **more}}


def inline(size: int, kind: str = "image/png") -> str:
    """Return a data URL that holds so many bytes."""
    return f"data:{kind};base64,{base64.b64encode(bytes(size)).decode()}"


def found_in(folder: Path, content: object, role: str = "user") -> list[Problem]:
    """Return what is wrong with the content of a message."""
    messages = [{"role": role, "content": content}, USER, ASSISTANT]
    path = folder / "train.jsonl"
    path.write_text(json.dumps({"messages": messages}) + "\n", encoding="utf-8")
    return list(validate_training_file(path, kind="sft", use="validation").problems)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "chat.content-missing"),
        (7, "chat.content-type"),
        ({"text": "x"}, "chat.content-type"),
        ("", "chat.content-empty"),
        ("  \n\u3000\u00a0", "chat.content-empty"),
        ([], "chat.content-empty"),
        ([{"type": "text", "text": " "}], "chat.content-empty"),
    ],
)
def test_contents_that_say_nothing(tmp_path: Path, content: object, code: str) -> None:
    """Null, numbers, empty and blank contents are refused with their path."""
    [problem] = found_in(tmp_path, content)
    assert (problem.severity, problem.code) == ("error", code)
    assert problem.field == "messages[0].content"


@pytest.mark.parametrize(
    "content", ["\u200b\ufeff", " \u2060", [{"type": "text", "text": "\u200b"}]]
)
def test_content_of_which_nothing_is_seen_is_blank(tmp_path: Path, content: object) -> None:
    """Marks that no reader sees say nothing."""
    problem = found_in(tmp_path, content, role="assistant")[0]
    assert (problem.severity, problem.code) == ("error", "chat.content-empty")


def test_content_that_is_not_there(tmp_path: Path) -> None:
    """A message without the key is told apart from one with null."""
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"messages": [{"role": "user"}, ASSISTANT]}) + "\n")
    [problem] = validate_training_file(path, use="validation").problems
    assert problem.code == "chat.content-missing"
    assert "is missing" in problem.reason


def test_silent_tools_get_a_warning(tmp_path: Path) -> None:
    """A tool may answer with nothing, which is odd but accepted."""
    messages = [
        USER,
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": ""},
        ASSISTANT,
    ]
    tools = [{"type": "function", "function": {"name": "f"}}]
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"messages": messages, "tools": tools}) + "\n")
    [problem] = validate_training_file(path, use="validation").problems
    assert (problem.severity, problem.code) == ("warning", "chat.content-empty")
    assert problem.field == "messages[2].content"


def test_parts_may_be_mixed(tmp_path: Path) -> None:
    """Texts and images stand side by side in the user's message."""
    parts = [{"type": "text", "text": "これは？"}, image(detail="low"), image(inline(9))]
    assert found_in(tmp_path, parts) == []


@pytest.mark.parametrize(
    "part", ["text", {"type": "text"}, {"type": "input_audio"}, {"text": "x"}, None]
)
def test_unknown_parts(tmp_path: Path, part: object) -> None:
    """A part that is neither text nor image is refused at its place."""
    [problem] = found_in(tmp_path, [{"type": "text", "text": "x"}, part])
    assert (problem.code, problem.field) == ("chat.part-invalid", "messages[0].content[1]")


def test_images_belong_to_the_user(tmp_path: Path) -> None:
    """An image in another message is refused."""
    [problem] = found_in(tmp_path, [image()], role="system")
    assert (problem.code, problem.field) == ("image.role", "messages[0].content[0]")


@pytest.mark.parametrize(
    "part",
    [
        image("ftp://contoso.com/a.png"),
        image(None),
        {"type": "image_url", "image_url": "https://contoso.com/a.png"},
        image(detail="highest"),
        image("data:image/png,abc"),
    ],
)
def test_images_without_usable_address(tmp_path: Path, part: object) -> None:
    """An image needs a web address or base64, and a known detail."""
    [problem] = found_in(tmp_path, [part])
    assert (problem.severity, problem.code) == ("error", "image.invalid")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (inline(9, "image/gif"), "image.format"),
        (inline(9, ""), "image.format"),
        (inline(9, "text/png"), "image.format"),
        (inline((10 << 20) + 9), "image.too-large"),
    ],
)
def test_images_that_a_job_skips(tmp_path: Path, url: str, code: str) -> None:
    """Images in other formats, or too large ones, get a warning with the source of the rule."""
    [problem] = found_in(tmp_path, [image(url)])
    assert (problem.severity, problem.code) == ("warning", code)
    assert "read 2026" in problem.reason


def test_unknown_image_rules_check_nothing(tmp_path: Path) -> None:
    """Where nothing is documented about images, inline ones of any format pass."""
    assert found_in(tmp_path, [image(inline(9, "image/gif"))])
    rules = training_rules().model_copy(update={"images": None})
    path = tmp_path / "train.jsonl"
    assert validate_training_file(path, rules=rules, use="validation").problems == ()


def test_preference_training_takes_text_only(tmp_path: Path) -> None:
    """An image in a pair is refused."""
    row = {
        "input": {"messages": [{"role": "user", "content": [image()]}]},
        "preferred_output": [ASSISTANT],
        "non_preferred_output": [{**ASSISTANT, "content": "いいえ"}],
    }
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    [problem] = validate_training_file(path, use="validation").problems
    assert (problem.code, problem.field) == ("image.kind", "input.messages[0].content[0]")


@pytest.mark.parametrize(
    ("text", "severity", "code"),
    [
        ("文字\ufffd化け", "error", "text.replacement"),
        ("a\x00b", "error", "text.nul"),
        ("a\x08b", "warning", "text.control"),
        ("a\u200bb", "warning", "text.invisible"),
        ("a\u202eb", "warning", "text.direction"),
        ("か\u3099", "warning", "text.decomposed"),
    ],
)
def test_unusual_characters(tmp_path: Path, text: str, severity: str, code: str) -> None:
    """Signs of lost data are errors, unseen characters are warnings, each with its path."""
    [problem] = found_in(tmp_path, text)
    assert (problem.severity, problem.code) == (severity, code)
    assert problem.field == "messages[0].content"
    assert "normalize=" not in problem.fix


@pytest.mark.parametrize(
    ("text", "code", "value"),
    [
        (f"鍵は {KEY} です", "privacy.secret", KEY),
        ("hanako@contoso.co.jp まで", "privacy.email", "hanako@contoso.co.jp"),
        ("番号 123456789018", "privacy.my-number", "123456789018"),
        ("4111 1111 1111 1111", "privacy.card", "4111 1111 1111 1111"),
    ],
)
def test_sensitive_values_are_never_shown(tmp_path: Path, text: str, code: str, value: str) -> None:
    """What looks secret gets a warning with its line, and its value stands nowhere in full."""
    [problem] = found_in(tmp_path, [{"type": "text", "text": text}])
    assert (problem.severity, problem.code, problem.line) == ("warning", code, 1)
    assert problem.field == "messages[0].content[0].text"
    assert problem.excerpt == f"{value[:2]}…"
    assert value not in str(problem)


def test_sensitive_values_do_not_leak_through_other_problems(tmp_path: Path) -> None:
    """The excerpt of a broken line hides what is secret in it."""
    path = tmp_path / "train.jsonl"
    path.write_text(f'{{"key": "{KEY}", }}\n', encoding="utf-8")
    [problem] = validate_training_file(path, kind="sft", use="validation").problems
    assert problem.code == "jsonl.not-json"
    assert KEY[8:] not in str(problem)


def test_kinds_of_training_share_the_checks(tmp_path: Path) -> None:
    """A blank text is refused in any kind of training."""
    blank = {"role": "user", "content": " "}
    rows: dict[TrainingKind, object] = {
        "sft": {"messages": [blank, ASSISTANT]},
        "rft": {"messages": [blank], "target": 1},
        "dpo": {
            "input": {"messages": [blank]},
            "preferred_output": [ASSISTANT],
            "non_preferred_output": [{**ASSISTANT, "content": "いいえ"}],
        },
    }
    for kind, row in rows.items():
        path = tmp_path / f"{kind}.jsonl"
        path.write_text(json.dumps(row) + "\n", encoding="utf-8")
        [problem] = validate_training_file(path, use="validation").problems
        assert problem.code == "chat.content-empty"
