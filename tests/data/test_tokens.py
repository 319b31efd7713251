"""How tokens are estimated and counted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import tiktoken
import tiktoken.registry
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.tokens import (
    auto_epochs,
    estimate_tokens,
    exact_counter,
    exact_reader,
    message_tokens,
    token_estimate,
)
from tailorbird.exceptions import ConfigError, InvalidInputError, MissingExtraError
from tailorbird.types import ImagePart, Message, TextPart, ToolCall

LETTERS = {bytes([code]): code for code in range(256)}


# Counted with rs-bpe 0.1.0, whose o200k_base gives the counts of tiktoken.
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            (
                "The reimbursement request must be filed within thirty days after the trip, along"
                " with all receipts, and is paid out on the twenty-fifth of the following month."
            ),
            32,
        ),
        (
            (
                "年次有給休暇は、入社日に10日を付与します。申請は前日までに、勤怠システムから行ってくだ"
                "さい。やむを得ない事情があるときは、当日の連絡でもかまいません。"
            ),
            59,
        ),
        (
            (
                "def total(rows):\n    result = 0\n    for row in rows:\n"
                "        if row.price is not None:\n            result += row.price * row.count\n"
                "    return result\n"
            ),
            37,
        ),
        (
            (
                '{"messages": [{"role": "user", "content": "How long is the warranty?"}, {"role":'
                ' "assistant", "content": "Two years."}]}'
            ),
            35,
        ),
        ("Возврат товара возможен в течение тридцати дней с момента покупки.", 17),
        ("구매 후 30일 이내에 반품이 가능합니다. 영수증을 보관해 주십시오.", 24),
    ],
)
def test_the_estimate_is_near_the_truth(text: str, tokens: int) -> None:
    """Prose, code and JSON come within a fifth, in several scripts."""
    assert estimate_tokens(text) == pytest.approx(tokens, rel=0.2)


def test_an_empty_text_has_no_token_and_any_other_has_one() -> None:
    """White space counts as well."""
    assert estimate_tokens("") == 0
    assert estimate_tokens(" ") == 1
    assert estimate_tokens("a") == 1
    assert estimate_tokens("\ud800") >= 1


@given(st.text(), st.text())
def test_the_estimate_adds_up_over_lines(first: str, second: str) -> None:
    """A text costs what its lines cost, so that parts can be packed by their estimates."""
    whole = token_estimate(f"{first}\n{second}")
    assert whole == pytest.approx(
        token_estimate(first) + token_estimate("\n") + token_estimate(second)
    )


def register(monkeypatch: pytest.MonkeyPatch, name: str, table: dict[bytes, int] | Path) -> None:
    """Make an encoding known to tiktoken, the way its plugins do."""

    def build() -> dict[str, object]:
        ranks = table if isinstance(table, dict) else tiktoken.load.load_tiktoken_bpe(str(table))
        return {
            "name": name,
            "pat_str": r"\S+|\s+",
            "mergeable_ranks": ranks,
            "special_tokens": {"<|end|>": 256},
        }

    tiktoken.list_encoding_names()
    known = tiktoken.registry.ENCODING_CONSTRUCTORS
    assert known is not None
    monkeypatch.setitem(known, name, build)


def test_the_exact_counter_asks_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a table of single bytes each byte is a token; special tokens are plain text."""
    register(monkeypatch, "bytes_only", LETTERS)
    count = exact_counter("bytes_only")
    assert count("abc") == 3
    assert count("漢") == 3
    assert count("<|end|>") == 7
    assert count("") == 0


def test_token_numbers_are_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers give the text they came from; a number that is no token is refused."""
    register(monkeypatch, "read_back", LETTERS)
    read = exact_reader("read_back")
    numbers = [LETTERS[bytes([byte])] for byte in "漢字 ok".encode()]
    assert read(numbers) == "漢字 ok"
    assert read([]) == ""
    for wrong in (9_999, -1):
        with pytest.raises(InvalidInputError, match="no token of the encoding 'read_back'"):
            read([wrong])


def test_an_unknown_encoding_is_refused_with_the_known_ones() -> None:
    """A slip in the name is told before any text is counted."""
    with pytest.raises(ConfigError, match=r"no encoding 'o200k': take one of .*o200k_base"):
        exact_counter("o200k")


def test_a_table_that_cannot_be_loaded_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No estimate takes the place of the exact count without a word."""
    register(monkeypatch, "table_is_gone", tmp_path / "gone.tiktoken")
    with pytest.raises(ConfigError, match=r"could not be loaded .* TIKTOKEN_CACHE_DIR") as caught:
        exact_counter("table_is_gone")
    assert isinstance(caught.value.__cause__, OSError)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tiktoken the error says what to install."""
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(MissingExtraError, match=r"tailorbird\[tokens\]") as caught:
        exact_counter()
    assert caught.value.extra == "tokens"


def test_a_conversation_counts_frames_roles_and_names() -> None:
    """3 for the conversation, 3 for each message, 1 for a name, and the texts by the counter."""
    system = Message.system("abcd")
    named = Message(role="user", content="xy", name="eve")
    assert message_tokens([], len) == 3
    assert message_tokens([system], len) == 3 + 3 + len("system") + 4
    assert message_tokens([named], len) == 3 + 3 + len("user") + 2 + 1 + 3


def test_tool_calls_count_and_images_do_not() -> None:
    """Names and arguments of calls are text; an image's price is not known from here."""
    call = Message(
        role="assistant", tool_calls=(ToolCall(id="1", name="price", arguments='{"a":1}'),)
    )
    image = Message.user((TextPart(text="see"), ImagePart(url="https://a.example/b.png")))
    assert message_tokens([call], len) == 3 + 3 + len("assistant") + 5 + 7
    assert message_tokens([image], len) == 3 + 3 + len("user") + 3


def test_the_estimate_is_the_default_counter() -> None:
    """Without a counter, no table is needed."""
    assert message_tokens([Message.user("hello")]) == 3 + 3 + estimate_tokens("user") + 1


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(1, 25), (4, 25), (5, 20), (10, 10), (33, 3), (34, 3), (8333, 3), (8334, 2), (30_000, 1)],
)
def test_automatic_epochs_follow_the_published_rule(examples: int, epochs: int) -> None:
    """Few examples are seen more often, many less often."""
    assert auto_epochs(examples) == epochs


def test_automatic_epochs_need_an_example() -> None:
    """Zero examples are an error of the caller."""
    with pytest.raises(InvalidInputError, match="got 0"):
        auto_epochs(0)
