"""Training examples: read, streamed and written."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.data.training.examples import (
    ExampleSet,
    iter_examples,
    read_examples,
    write_examples,
)
from tailorbird.data.training.row import AnyExample
from tailorbird.data.training.validation import validate_training_file
from tailorbird.data.unusual_text import is_blank
from tailorbird.exceptions import DataError, StorageError
from tailorbird.types.chat import ImagePart, TextPart, Tool, ToolCall
from tailorbird.types.questions import Example, GradedPrompt, PreferencePair, TrainingMessage

SHARED = Path(__file__).parents[4] / "shared" / "data" / "finetune"
USER = TrainingMessage(role="user", content="締め切りは？")
ASSISTANT = TrainingMessage(role="assistant", content="月末です。")
EXAMPLE = Example(messages=(USER, ASSISTANT))

# Texts that pass without an error: not blank, and nothing that speaks of lost data.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffd"),
    min_size=1,
    max_size=20,
).filter(lambda text: not is_blank(text))
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9**20) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TOOLS = st.lists(
    st.builds(
        Tool,
        name=NAMES,
        description=st.just("") | TEXTS,
        parameters=st.dictionaries(TEXTS, JSON_VALUES, max_size=2),
        strict=st.none() | st.booleans(),
    ),
    max_size=2,
    unique_by=lambda tool: tool.name,
).map(tuple)
PARTS = st.lists(
    st.builds(TextPart, text=TEXTS)
    | st.builds(
        ImagePart,
        url=st.just("https://contoso.com/a.png"),
        detail=st.sampled_from(["auto", "low", "high"]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
SPEAKERS = st.none() | TEXTS


def users(*, images: bool) -> st.SearchStrategy[TrainingMessage]:
    """Return messages of the user."""
    contents = TEXTS | PARTS if images else TEXTS
    return st.builds(TrainingMessage, role=st.just("user"), content=contents, name=SPEAKERS)


def answers(*, weighted: bool) -> st.SearchStrategy[TrainingMessage]:
    """Return messages of the assistant: said, or refused."""
    weights = st.sampled_from([None, 1]) if weighted else st.none()
    said = st.builds(
        TrainingMessage,
        role=st.just("assistant"),
        content=TEXTS | st.lists(st.builds(TextPart, text=TEXTS), min_size=1).map(tuple),
        name=SPEAKERS,
        weight=weights,
    )
    refused = st.builds(TrainingMessage, role=st.just("assistant"), refusal=TEXTS, weight=weights)
    return said | refused


SYSTEMS = st.lists(
    st.builds(TrainingMessage, role=st.sampled_from(["system", "developer"]), content=TEXTS),
    max_size=1,
)


@st.composite
def tool_turns(draw: st.DrawFn) -> list[TrainingMessage]:
    """Draw calls with their answers, or nothing."""
    ids = draw(st.lists(TEXTS, max_size=2, unique=True))
    calls = tuple(
        ToolCall(
            id=one, name=draw(TEXTS), arguments=json.dumps(draw(st.dictionaries(TEXTS, TEXTS)))
        )
        for one in ids
    )
    results = [
        TrainingMessage(role="tool", content=draw(TEXTS), tool_call_id=one)
        for one in draw(st.permutations(ids))
    ]
    return [TrainingMessage(role="assistant", tool_calls=calls), *results] if calls else []


@st.composite
def conversations(draw: st.DrawFn, *, images: bool = True) -> tuple[TrainingMessage, ...]:
    """Draw a conversation that waits for an answer."""
    start = [*draw(SYSTEMS), draw(users(images=images))]
    return (*start, *draw(tool_turns()))


@st.composite
def supervised(draw: st.DrawFn) -> Example:
    """Draw a conversation with its answer."""
    return Example(
        messages=(*draw(conversations()), draw(answers(weighted=True))),
        tools=draw(TOOLS),
        parallel_tool_calls=draw(st.none() | st.booleans()),
    )


@st.composite
def pairs(draw: st.DrawFn) -> PreferencePair:
    """Draw a conversation with a better and a worse answer."""
    better, worse = draw(st.lists(answers(weighted=False), min_size=2, max_size=2, unique_by=repr))
    return PreferencePair(
        messages=draw(conversations(images=False)),
        preferred=better,
        rejected=worse,
        tools=draw(TOOLS),
        parallel_tool_calls=draw(st.none() | st.booleans()),
    )


@st.composite
def prompts(draw: st.DrawFn) -> GradedPrompt:
    """Draw a conversation with what a grader compares with."""
    keys = TEXTS.filter(
        lambda key: key not in {"messages", "tools", "functions", "parallel_tool_calls", "input"}
    )
    return GradedPrompt(
        messages=draw(conversations()),
        item=draw(st.dictionaries(keys, JSON_VALUES, max_size=3)),
        tools=draw(TOOLS),
    )


def round_trip(examples: list[AnyExample], kind: str, *, bom: bool) -> None:
    """Write examples, read them twice, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.jsonl"
        written = write_examples(path, examples, bom=bom)
        data = path.read_bytes()
        assert (written.size_bytes, written.examples) == (len(data), len(examples))
        assert written.sha256 == hashlib.sha256(data).hexdigest()
        assert len(data.decode("utf-8-sig").splitlines()) == len(examples)
        assert data.startswith(b"\xef\xbb\xbf") == bom
        found = read_examples(path, kind=kind, use="validation")
        assert list(iter_examples(path, kind=kind, use="validation")) == list(found)
    assert [one.line for one in found] == list(range(1, len(examples) + 1))
    assert [one.model_copy(update={"line": None}) for one in found] == examples
    assert found.kind == kind


@settings(max_examples=50)  # each writes a file, and draws a lot for it
@given(st.lists(supervised(), min_size=1, max_size=3), st.booleans())
def test_conversations_come_back(examples: list[AnyExample], bom: bool) -> None:  # noqa: FBT001 - drawn
    """Reading what was written gives the same conversations."""
    round_trip(examples, "sft", bom=bom)


@settings(max_examples=50)  # each writes a file, and draws a lot for it
@given(st.lists(pairs(), min_size=1, max_size=3), st.booleans())
def test_pairs_come_back(examples: list[AnyExample], bom: bool) -> None:  # noqa: FBT001 - drawn
    """Reading what was written gives the same pairs."""
    round_trip(examples, "dpo", bom=bom)


@settings(max_examples=50)  # each writes a file, and draws a lot for it
@given(st.lists(prompts(), min_size=1, max_size=3), st.booleans())
def test_prompts_come_back(examples: list[AnyExample], bom: bool) -> None:  # noqa: FBT001 - drawn
    """Reading what was written gives the same prompts."""
    round_trip(examples, "rft", bom=bom)


def saved(folder: Path, *rows: object) -> Path:
    """Write one JSON object a line (texts as they are) and return the path."""
    lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in rows]
    path = folder / "train.jsonl"
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    return path


def chat(number: int) -> dict[str, object]:
    """Return a row that differs from every other one."""
    question = {"role": "user", "content": f"規程第{number}条の期限は？"}
    return {"messages": [question, {"role": "assistant", "content": "月末です。"}]}


def test_sets_are_sequences(tmp_path: Path) -> None:
    """A set has a length, items and slices, and shows no content."""
    path = saved(tmp_path, *map(chat, range(11)), chat(0))
    found = read_examples(path)
    assert (len(found), found.kind, found.source) == (12, "sft", str(path))
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.tokens == validate_training_file(path).tokens
    assert found[1] == list(found)[1]
    assert isinstance(found[2:4], ExampleSet)
    assert [one.line for one in found[2:4]] == [3, 4]
    assert found[:12] == found
    assert repr(found) == f"<ExampleSet {str(path)!r}: 12 sft example(s), 1 warning(s)>"
    assert "規程" not in repr(found)
    assert [one.code for one in found.problems] == ["jsonl.repeated-row"]


def test_all_errors_of_a_file_come_at_once(tmp_path: Path) -> None:
    """A file with errors gives nothing but the list of them, streamed or not."""
    path = saved(tmp_path, *map(chat, range(10)), "{", "[]")
    with pytest.raises(DataError) as caught:
        read_examples(path)
    assert [one.line for one in caught.value.problems] == [11, 12]
    with pytest.raises(DataError):
        iter_examples(path)


def test_bytes_are_mended(tmp_path: Path) -> None:
    """A byte-order mark is noted, whatever the provider wants: the rows are written anew."""
    path = saved(tmp_path, *map(chat, range(10)), "")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    found = read_examples(path, rules="openai")
    assert len(found) == 10
    assert {(one.severity, one.code) for one in found.problems} == {
        ("note", "encoding.bom"),
        ("note", "jsonl.crlf"),
        ("note", "jsonl.blank-line"),
    }


def test_old_forms_are_renewed(tmp_path: Path) -> None:
    """Functions become tools, their calls get ids, and their answers too."""
    call = {"name": "weather", "arguments": "{}"}
    row = {
        "messages": [
            {"role": "user", "content": "天気は？"},
            {"role": "assistant", "content": None, "function_call": call},
            {"role": "function", "name": "weather", "content": "晴れ"},
            {"role": "assistant", "content": "晴れです。", "weight": 1.0},
        ],
        "functions": [{"name": "weather", "description": None}],
    }
    [example] = read_examples(saved(tmp_path, row), use="validation")
    assert isinstance(example, Example)
    assert example.tools == (Tool(name="weather"),)
    assert example.messages[1].tool_calls == (
        ToolCall(id="call_1", name="weather", arguments="{}"),
    )
    assert (example.messages[2].role, example.messages[2].tool_call_id) == ("tool", "call_1")
    assert example.messages[3].weight == 1


def test_files_that_change_are_noticed(tmp_path: Path) -> None:
    """A file that is rewritten between checking and reading is an error."""
    path = saved(tmp_path, *map(chat, range(10)))
    stream = iter_examples(path)
    next(stream)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DataError, match="changed while it was being read"):
        list(stream)
    for other in ('{"messages": 7}', "{", '{"messages": [{"role": "bot"}]}'):
        path = saved(tmp_path, *map(chat, range(10)))
        stream = iter_examples(path)
        saved(tmp_path, other)
        with pytest.raises(DataError, match="changed while it was being read"):
            list(stream)


def test_files_that_vanish_are_noticed(tmp_path: Path) -> None:
    """A missing file is an error about the data, before it is checked and after."""
    with pytest.raises(DataError, match="does not exist"):
        iter_examples(tmp_path / "none.jsonl")
    path = saved(tmp_path, *map(chat, range(10)))
    stream = iter_examples(path)
    path.unlink()
    with pytest.raises(DataError, match="does not exist"):
        next(stream)


def bad_examples() -> Iterator[tuple[str, AnyExample]]:
    """Give examples that must not be written, with the code of what is wrong."""
    yield "sft.no-assistant", Example(messages=(USER,))
    yield "chat.messages-empty", Example(messages=())
    call = ToolCall(id="a", name="f", arguments="x")
    asked = TrainingMessage(role="assistant", tool_calls=(call,))
    yield "tools.arguments-not-json", Example(messages=(USER, asked))
    yield (
        "dpo.outputs-equal",
        PreferencePair(messages=(USER,), preferred=ASSISTANT, rejected=ASSISTANT),
    )
    yield "rft.ends-with-assistant", GradedPrompt(messages=(USER, ASSISTANT))
    yield "jsonl.not-finite", GradedPrompt(messages=(USER,), item={"score": float("nan")})
    yield "rft.reserved-key", GradedPrompt(messages=(USER,), item={"messages": []})
    half = TrainingMessage(role="user", content="\ud83d")
    yield "text.surrogate", Example(messages=(half, ASSISTANT))
    yield "text.surrogate", GradedPrompt(messages=(USER,), item={"nested": ["\ud83d"]})


@pytest.mark.parametrize(("code", "example"), list(bad_examples()))
def test_wrong_examples_are_not_written(tmp_path: Path, code: str, example: AnyExample) -> None:
    """An example that is wrong by itself leaves no file, and what was there stays."""
    path = tmp_path / "train.jsonl"
    path.write_text("before")
    with pytest.raises(DataError) as caught:
        write_examples(path, [example])
    assert code in {one.code for one in caught.value.problems}
    assert caught.value.problems[0].record == 1
    str(caught.value).encode()
    assert [one.name for one in tmp_path.iterdir()] == ["train.jsonl"]
    assert path.read_text() == "before"


def test_kinds_are_not_mixed(tmp_path: Path) -> None:
    """The first example decides what the file is for."""
    prompt = GradedPrompt(messages=(USER,), item={"a": 1})
    with pytest.raises(DataError) as caught:
        write_examples(tmp_path / "train.jsonl", [EXAMPLE, prompt, EXAMPLE, prompt])
    assert [(one.code, one.record) for one in caught.value.problems] == [
        ("row.kind", 2),
        ("row.kind", 4),
    ]


def test_nothing_is_no_file(tmp_path: Path) -> None:
    """Without examples nothing is written."""
    with pytest.raises(DataError, match="no examples"):
        write_examples(tmp_path / "train.jsonl", [])
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_folder_are_told(tmp_path: Path) -> None:
    """A folder that is not there is an error of the storage."""
    with pytest.raises(StorageError):
        write_examples(tmp_path / "none" / "train.jsonl", [EXAMPLE])


def test_line_separators_are_escaped(tmp_path: Path) -> None:
    """No character that some readers take for a line end stands in the file unescaped."""
    odd = Example(
        messages=(USER.model_copy(update={"content": "一\u2028二\u2029三\x85四"}), ASSISTANT)
    )
    path = tmp_path / "train.jsonl"
    write_examples(path, [odd])
    assert "一\\u2028二\\u2029三\\u0085四" in path.read_text(encoding="utf-8")


def test_many_examples_are_written_in_pieces(tmp_path: Path) -> None:
    """Examples are taken one by one, and the file is whole."""
    path = tmp_path / "train.jsonl"
    answer = ASSISTANT.model_copy(update={"content": "長い答え" * 2000})
    many = (Example(messages=(USER, answer)) for _ in range(60))
    written = write_examples(path, many)
    assert written.examples == 60
    assert written.path == path
    assert written.size_bytes == path.stat().st_size > 1 << 20


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(one.name for one in SHARED.glob("*.jsonl")))
def test_public_files_come_back(tmp_path: Path, name: str) -> None:
    """Published files that are right keep their meaning when they are read and written."""
    found = read_examples(SHARED / name, use="validation")
    copy = tmp_path / name
    write_examples(copy, found)
    assert read_examples(copy, use="validation") == found
    rows = [json.loads(line) for line in (SHARED / name).read_bytes().splitlines()]
    again = [json.loads(line) for line in copy.read_bytes().split(b"\n")[:-1]]
    assert again == rows
