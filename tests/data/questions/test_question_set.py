"""Sets of questions: from JSON Lines, from a program's rows; ids, kinds, parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.questions.question_set import QuestionSet, read_questions
from tailorbird.data.tables.options import ReadOptions
from tailorbird.exceptions import DataError, InvalidInputError, Problem

SHARED = Path(__file__).parents[4] / "shared" / "data"


def saved(folder: Path, *rows: object, name: str = "faq.jsonl") -> Path:
    """Write one JSON object a line (texts as they are) and return the path."""
    lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in rows]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows(questions: QuestionSet) -> list[tuple[str, str]]:
    """Return question and reference answer of each row."""
    return [(one.text, one.reference) for one in questions]


def only(path: Path) -> Problem:
    """Return the one problem for which reading a file fails."""
    with pytest.raises(DataError) as caught:
        read_questions(path)
    [problem] = caught.value.problems
    return problem


FULL = {
    "id": "x1",
    "text": "質問は何ですか",
    "answers": ["一つ目", "二つ目"],
    "kind": "paraphrase",
    "sources": ["a.md", "b|c.md"],
    "system": "丁寧に",
}

# --- JSON Lines


@pytest.mark.parametrize("name", ["faq.jsonl", "faq.NDJSON", "faq.json"])
def test_all_fields(tmp_path: Path, name: str) -> None:
    """Each field of a row is taken; a `|` within a list is text."""
    [found] = read_questions(saved(tmp_path, FULL, name=name))
    assert found.id == "x1"
    assert found.text == "質問は何ですか"
    assert found.answers == ("一つ目", "二つ目")
    assert found.kind == "paraphrase"
    assert found.sources == ("a.md", "b|c.md")
    assert found.system == "丁寧に"
    assert found.line == 1


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q", "answer": "a"},
        {"質問": "q", "回答": "a"},
        {"prompt": " q ", "completion": ["a"]},
        {"Q": "q", "A": "a", "id": 7, "kind": None, "source": "a.md", "memo": {"x": 1.5}},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    ],
)
def test_forms_of_a_row(tmp_path: Path, row: object) -> None:
    """Keys are known like columns; null is the same as absent; other keys do not matter."""
    found = read_questions(saved(tmp_path, row))
    assert rows(found) == [("q", "a")]


def test_keys_may_be_named(tmp_path: Path) -> None:
    """Keys that nobody can know are given; then no others are looked at."""
    path = saved(tmp_path, {"messages": 1, "ask": "q", "say": ["a", "b"], "kind": "whatever"})
    for columns in ({"question": "ask", "answer": "say"}, ("ask", "say")):
        [found] = read_questions(path, columns=columns)
        assert (found.text, found.answers, found.kind) == ("q", ("a", "b"), None)


def test_blank_lines_keep_the_count(tmp_path: Path) -> None:
    """Blank lines are no records; lines stay physical, CR LF or not."""
    path = tmp_path / "faq.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"q":"a","a":"b"}\r\n\r\n \r\n{"q":"c","a":""}\r\n{"q":"d","a":"e"}'
    )
    problem = only(path)
    assert (problem.line, problem.record, problem.field) == (4, 2, "a")
    found = read_questions(path, empty_answers="skip")
    assert [one.line for one in found] == [1, 5]


@pytest.mark.parametrize(
    ("line", "column", "part"),
    [
        ("{'question': 'q'}", 2, "double quotes"),
        ('  {"question": "q",}', 19, "remove the comma"),
        ('// {"question": "q"}', 1, "no comments"),
        ('{"question": "q"', 17, "ends too early"),
        ("question,answer", 1, "complete JSON object"),
    ],
)
def test_lines_that_are_no_json(tmp_path: Path, line: str, column: int, part: str) -> None:
    """A broken line is told with line, record, column and excerpt; reading goes on."""
    path = saved(tmp_path, FULL, "", line, {**FULL, "id": "x2", "text": "r"})
    problem = only(path)
    assert (problem.code, problem.line, problem.record) == ("json.line", 3, 2)
    assert problem.column == column
    assert problem.excerpt
    assert part in problem.fix


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"question": "q", "question": "r", "answer": "a"}', "'question' is there twice"),
        ('{"question": "q", "answer": "a", "x": {"y": 1, "y": 2}}', "'y' is there twice"),
        ('{"question": "q", "answer": NaN}', "NaN is no JSON value"),
        ('"question"', "not an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"question": "q", "answer": "a", "n": ' + "9" * 5000 + "}", "thousands of digits"),
    ],
)
def test_json_that_is_no_row(tmp_path: Path, line: str, reason: str) -> None:
    """What `json` would let through, or stumble over, is refused by line."""
    problem = only(saved(tmp_path, FULL, line))
    assert (problem.code, problem.line) == ("json.line", 2)
    assert reason in problem.reason


def test_json_array(tmp_path: Path) -> None:
    """A whole JSON array is recognized, and what to do is told."""
    problem = only(saved(tmp_path, "[", json.dumps(FULL), "]"))
    assert (problem.code, problem.line) == ("json.array", 1)


def test_missing_key_is_told_once(tmp_path: Path) -> None:
    """Rows with the same wrong keys do not repeat the same message."""
    path = saved(tmp_path, FULL, *[{"text": "q", "anser": "a"}] * 50)
    problem = only(path)
    assert (problem.code, problem.line) == ("json.columns-missing", 2)
    assert "did you mean 'answer' instead of 'anser'?" in problem.fix
    assert "if other keys hold them" in problem.fix
    assert "header line" not in problem.fix


@pytest.mark.parametrize(
    ("change", "field", "what"),
    [
        ({"text": 5}, "text", "a number"),
        ({"text": ["q"]}, "text", "a list"),
        ({"answers": {"text": "a"}}, "answers", "an object"),
        ({"answers": ["a", 5.5]}, "answers[1]", "a number"),
        ({"id": True}, "id", "true or false"),
        ({"sources": [["a"]]}, "sources[0]", "a list"),
        ({"system": 0}, "system", "a number"),
    ],
)
def test_values_of_the_wrong_type(
    tmp_path: Path, change: Mapping[str, object], field: str, what: str
) -> None:
    """A value that is no text is told with its path in the record and its type."""
    problem = only(saved(tmp_path, {**FULL, **change}))
    assert (problem.code, problem.line, problem.record) == ("json.value", 1, 1)
    assert problem.field == field
    assert what in problem.reason


def test_lone_surrogate_escape(tmp_path: Path) -> None:
    """Half an emoji, written as an escape, is an error with its field."""
    problem = only(saved(tmp_path, '{"question": "a\\ud83d", "answer": "b"}'))
    assert (problem.code, problem.field) == ("text.surrogate", "question")


def test_unusual_characters_in_escapes(tmp_path: Path) -> None:
    """Escapes hide nothing from the checks; dates are right where no spreadsheet was at work."""
    found = read_questions(saved(tmp_path, '{"question": "a\\u200bb", "answer": "2月3日"}'))
    assert [one.code for one in found.problems] == ["text.invisible"]


def conversation(*turns: tuple[str, object]) -> dict[str, object]:
    """Return a row in the form of a chat."""
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


def test_conversations(tmp_path: Path) -> None:
    """The last user message is the question; system prompt, parts and further keys are taken."""
    path = saved(
        tmp_path,
        {
            **conversation(
                ("system", "be kind"),
                ("user", [{"type": "text", "text": "q"}, {"type": "text", "text": "r"}]),
                ("assistant", "a"),
            ),
            "id": 3,
            "kind": "style",
            "source": "x.md",
        },
        conversation(("user", "one"), ("assistant", "two"), ("user", "s"), ("assistant", "b")),
        {**conversation(("developer", "briefly"), ("user", "t")), "種類": "回答不能"},
    )
    first, second, third = found = read_questions(path)
    assert (first.text, first.reference, first.system) == ("qr", "a", "be kind")
    assert (first.id, first.kind, first.sources) == ("3", "style", ("x.md",))
    assert (second.text, second.reference, second.system) == ("s", "b", None)
    assert (third.answers, third.system, third.kind) == ((), "briefly", "unanswerable")
    assert [(one.code, one.line) for one in found.problems] == [("json.earlier-turns", 2)]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"messages": "q"}, "messages"),
        ({"messages": ["q"]}, "messages[0]"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": 1, "content": "q"}]}, "messages[0].role"),
        (conversation(("bot", "q")), "messages[0].role"),
        (conversation(("assistant", "a")), "messages"),
        (conversation(("system", "a"), ("system", "b"), ("user", "q")), "messages"),
        (conversation(("user", "q"), ("assistant", "a"), ("assistant", "b")), "messages"),
        (conversation(("user", 5)), "messages[0].content"),
        (conversation(("user", ["q"])), "messages[0].content[0]"),
        (conversation(("user", [{"type": "image_url"}])), "messages[0].content[0]"),
        (conversation(("user", [{"type": "text", "text": 5}])), "messages[0].content[0].text"),
    ],
)
def test_conversations_that_are_no_question(
    tmp_path: Path, row: Mapping[str, object], field: str
) -> None:
    """A conversation of another shape is told with the path of what is wrong."""
    problem = only(saved(tmp_path, row))
    assert (problem.code, problem.line, problem.field) == ("json.value", 1, field)


# --- rows of a program


def test_pairs_and_mappings() -> None:
    """Rows may be pairs or mappings; they are counted from 1 and have no line."""
    found = QuestionSet.from_rows([("q", "a"), {"question": "r", "answers": ["b", "c"]}])
    assert rows(found) == [("q", "a"), ("r", "b")]
    assert found[1].answers == ("b", "c")
    assert [one.line for one in found] == [None, None]
    assert (found.source, found.encoding) == ("<data>", None)


def test_rows_are_checked_like_a_file() -> None:
    """The same rules hold, and problems name the record."""
    given_rows: list[tuple[str, str] | Mapping[str, object]] = [
        (" q ", "a"),
        ("q", "b"),
        ("", "c"),
        {"question": "r", "answer": 5},
        {"id": "i", "question": "s", "answer": "d"},
        {"id": "i", "question": "t", "answer": "e"},
    ]
    with pytest.raises(DataError) as caught:
        QuestionSet.from_rows(given_rows, source="my rows")
    found = {(one.severity, one.code, one.record) for one in caught.value.problems}
    assert found == {
        ("error", "row.empty", 3),
        ("error", "data.value", 4),
        ("error", "row.id", 6),
        ("warning", "row.contradiction", 2),
        ("note", "cell.blanks", None),
    }
    assert {one.source for one in caught.value.problems} == {"my rows"}


@pytest.mark.parametrize("row", ["qa", ("q", "a", "b"), 5, ["q"]])
def test_rows_of_another_shape(row: tuple[str, str]) -> None:
    """What is neither pair nor mapping is an error with its number."""
    with pytest.raises(DataError, match="must be a pair") as caught:
        QuestionSet.from_rows([("q", "a"), row])
    assert [one.record for one in caught.value.problems] == [2]


def test_no_rows() -> None:
    """An empty set is refused."""
    with pytest.raises(DataError, match="no data rows"):
        QuestionSet.from_rows([])


def test_options_for_rows() -> None:
    """Options treat a program's rows like those of a file."""
    options = ReadOptions(columns={"question": "ask", "answer": "say"}, empty_answers="skip")
    found = QuestionSet.from_rows(
        [{"ask": "q", "say": "a"}, {"ask": "r", "say": ""}], options=options
    )
    assert rows(found) == [("q", "a")]
    assert [one.code for one in found.problems] == ["row.skipped"]
    with pytest.raises(InvalidInputError, match="is no role"):
        QuestionSet.from_rows([("q", "a")], options=ReadOptions(columns={"zzz": "q"}))


def test_hash_of_rows() -> None:
    """The hash of rows from no file depends on what they say, and on nothing else."""
    first, again = (QuestionSet.from_rows([("q", "a")]) for _ in range(2))
    other = QuestionSet.from_rows([("q", "b")])
    assert first.sha256 == again.sha256 != other.sha256


# --- the set


def test_ids_are_made_from_the_text() -> None:
    """Ids are the same on each run, and never collide with each other or with given ones."""
    base = QuestionSet.from_rows([("q", "a")])[0].id
    found = QuestionSet.from_rows(
        [
            ("q", "a"),
            ("q", "b"),
            ("r", "c"),
            {"id": base, "question": "s", "answer": "d"},
            ("q", "e"),
        ]
    )
    assert [one.id for one in found] == [
        f"{base}-2",
        f"{base}-3",
        QuestionSet.from_rows([("r", "c")])[0].id,
        base,
        f"{base}-4",
    ]
    assert base == "q-8e35c2cd3b"


def kinds() -> QuestionSet:
    """Return a set with questions of two kinds and one without."""
    return QuestionSet.from_rows(
        [
            {"question": "q", "answer": "a", "kind": "style"},
            {"question": "r", "answer": "b"},
            {"question": "s", "answer": "c", "kind": "verbatim"},
            {"question": "t", "answer": "d #REF!", "kind": "style"},
        ],
        source="faq",
    )


def test_a_set_is_a_sequence() -> None:
    """Length, iteration, membership, index and slice work; a slice keeps its origin."""
    found = kinds()
    assert len(found) == 4
    assert found[0] in found
    assert found[-1].text == "t"
    assert [one.text for one in reversed(found)] == ["t", "s", "r", "q"]
    part = found[1:3]
    assert isinstance(part, QuestionSet)
    assert [one.text for one in part] == ["r", "s"]
    assert (part.source, part.sha256) == ("faq", found.sha256)
    with pytest.raises(IndexError):
        found[4]


def test_sets_are_values() -> None:
    """Equal questions make equal sets, and nothing can be changed."""
    assert kinds() == kinds()
    assert len({kinds(), kinds()}) == 1
    assert kinds() != kinds()[:2]
    with pytest.raises(AttributeError):
        kinds().source = "x"


def test_by_kind() -> None:
    """Kinds come in their usual order, questions without one last; absent kinds do not come."""
    parts = kinds().by_kind()
    assert list(parts) == ["verbatim", "style", None]
    assert [one.text for one in parts["style"]] == ["q", "t"]


def test_repr_tells_numbers_and_no_content(tmp_path: Path) -> None:
    """The repr shows source, numbers, kinds, encoding and problems, and not a word of the rows."""
    assert repr(kinds()) == "<QuestionSet 'faq': 4 question(s) (1 verbatim, 2 style, 1 other)>"
    path = tmp_path / "faq.csv"
    path.write_bytes("質問,回答\n 秘密,#REF!\n".encode("cp932"))
    shown = repr(read_questions(path))
    assert shown.endswith("faq.csv': 1 question(s), cp932, 1 warning(s), 2 note(s)>")
    assert "秘密" not in shown


def test_split_keeps_the_origin() -> None:
    """Both parts are sets with the whole's source; together they are the whole."""
    found = QuestionSet.from_rows(
        [(f"{animal}は何を食べますか", f"{food}です") for animal, food in FOODS.items()]
    )
    train, held_out = found.split(held_out=0.25, seed=7)
    assert isinstance(train, QuestionSet)
    assert (train.sha256, held_out.sha256) == (found.sha256, found.sha256)
    assert sorted(one.id for one in [*train, *held_out]) == sorted(one.id for one in found)
    assert len(held_out) == 3
    assert found.split(held_out=0.25, seed=7) == (train, held_out)


def test_split_tells_what_held_out_questions_test() -> None:
    """A held-out question whose fact is not trained tests an unseen fact; by kind it does not."""
    found = QuestionSet.from_rows(
        [
            {"question": f"{animal}は何を食べますか", "answer": f"{food}です", "kind": "verbatim"}
            for animal, food in FOODS.items()
        ]
    )
    train, held_out = found.split()
    assert set(train.by_kind()) == {"verbatim"}
    assert set(held_out.by_kind()) == {"unseen"}
    assert set(found.split(by="kind")[1].by_kind()) == {"verbatim"}


FOODS = {
    "パンダ": "笹",
    "コアラ": "ユーカリ",
    "ねこ": "魚",
    "リス": "どんぐり",
    "うし": "牧草",
    "かいこ": "桑の葉",
    "アリクイ": "蟻",
    "つばめ": "羽虫",
    "ハチドリ": "花の蜜",
    "ペンギン": "オキアミ",
    "きつつき": "幼虫",
    "ハゲワシ": "死肉",
}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count"), [("ja_jsquad", 4442), ("en_xquad", 1190), ("company_contoso", 251)]
)
def test_real_sets(name: str, count: int) -> None:
    """Real question files are read; where kinds are others than ours, the keys are named."""
    columns = {"question": "text", "answer": "answers", "id": "id"}
    path = SHARED / name / "queries.jsonl"
    found = read_questions(path, columns=columns, empty_answers="skip")
    raw = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    assert len(found) == count == sum(bool(one["answers"]) for one in raw)
    by_id = {one["id"]: one for one in raw}
    assert all(by_id[one.id]["text"].strip() == one.text for one in found)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufffd"), max_size=20)

# What stands in `unusual_text` as a pattern, here as a plain list of characters.
UNSEEN = frozenset(
    chr(code)
    for first, last in [
        *((0xAD, 0xAD), (0x61C, 0x61C), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F)),
        *((0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xE0000, 0xE007F)),
    ]
    for code in range(first, last + 1)
)


def is_seen(text: str) -> bool:
    """Return whether a reader sees anything of a text."""
    return any(not char.isspace() and char not in UNSEEN for char in text)


@given(pairs=st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=3)), min_size=1, max_size=6))
def test_what_json_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, list[str]]]
) -> None:
    """Any texts written as JSON Lines come back, but for blanks around them and empty rows."""
    path = tmp_path_factory.mktemp("json") / "faq.jsonl"
    lines = [json.dumps({"question": text, "answers": answers}) for text, answers in pairs]
    path.write_text("\n".join(lines), encoding="utf-8")
    cleaned = [
        (text.strip(), tuple(one.strip() for one in answers if is_seen(one)))
        for text, answers in pairs
    ]
    expected = [(text, answers) for text, answers in cleaned if is_seen(text) and answers]
    if not expected:
        with pytest.raises(DataError, match="no row is left"):
            read_questions(path, empty_answers="skip")
        return
    found = read_questions(path, empty_answers="skip")
    assert [(one.text, one.answers) for one in found] == expected


def test_made_questions_are_written_and_read_back(tmp_path: Path) -> None:
    """What a question was made from, and the fact it swaps, survive the file."""
    rows = QuestionSet.from_rows(
        [
            {
                "question": "無料ですか。",
                "answers": ["60分", "60分まで無料です。"],
                "kind": "conflict",
                "sources": ["shop"],
                "id": "made-1",
                "origin": {"model": "m", "document": "shop", "span": {"start": 0, "end": 9}},
                "swap": {"old": "90分まで無料です。", "new": "60分まで無料です。"},
            },
            ("Is it free?", "Yes"),
        ]
    )
    file = tmp_path / "made.jsonl"
    rows.write_jsonl(file)
    back = read_questions(file)
    assert [one.model_copy(update={"line": None}) for one in back] == list(rows)
    assert back.problems == ()
    assert back[0].swap is not None
    assert back[1].swap is None


def test_a_broken_origin_is_a_problem_with_its_place() -> None:
    """What nobody could have written is named, with row and key."""
    with pytest.raises(DataError) as caught:
        QuestionSet.from_rows([{"question": "a", "answer": "b", "swap": {"new": "x"}}])
    assert [(one.record, one.field, one.code) for one in caught.value.problems] == [
        (1, "swap.old", "data.value")
    ]


def test_two_sets_make_one() -> None:
    """Questions, problems and hashes are joined; an id that stands in both is refused."""
    one = QuestionSet.from_rows([("a", "1")])
    two = QuestionSet.from_rows([("b", "2")])
    assert [question.text for question in one + two] == ["a", "b"]
    assert (one + two).sha256 not in {one.sha256, two.sha256}
    with pytest.raises(InvalidInputError, match="stands in both"):
        one + one
