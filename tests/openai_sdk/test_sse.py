"""Events from bytes, however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird._openai_sdk.chat.sse import EventReader

TEXTS = ("{}", '{"text": "こんにちは🍣"}', "[DONE]", "a\nb", "", "x" * 40)
ENDS = ("\n", "\r\n", "\r")


def read(*pieces: bytes, most: int = 1 << 20) -> list[bytes]:
    """Give all events of a stream."""
    reader = EventReader(max_event_bytes=most)
    found = [data for piece in pieces for data in reader.feed(piece)]
    return found + reader.flush()


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    """Cut bytes at some places."""
    bounds = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(bounds)]


@given(
    texts=st.lists(st.sampled_from(TEXTS), max_size=6),
    end=st.sampled_from(ENDS),
    noise=st.sampled_from(("", ": keep-alive", "event: message", "id: 7", "retry")),
    start=st.sampled_from((b"", b"\xef\xbb\xbf")),
    places=st.lists(st.integers(min_value=0), max_size=8),
)
def test_any_cut_gives_the_same_events(
    texts: list[str], end: str, noise: str, start: bytes, places: list[int]
) -> None:
    """Where bytes are cut, how lines end and what else is sent does not change the data."""
    blocks = [
        [*([noise] if noise else []), *(f"data: {line}" for line in text.split("\n"))]
        for text in texts
    ]
    whole = "".join(end.join([*lines, "", ""]) for lines in blocks).encode()
    assert read(*cut(start + whole, places)) == [text.encode() for text in texts]


@given(st.binary(max_size=200), st.lists(st.integers(min_value=0), max_size=8))
def test_any_bytes_are_read_alike(whole: bytes, places: list[int]) -> None:
    """Noise gives the same events in one piece as in many."""
    assert read(*cut(whole, places)) == read(whole)


def test_comments_are_no_events() -> None:
    """Comments and empty lines give nothing."""
    assert read(b": ping\n\n\n\n\n: pong\n\n") == []


def test_blank_after_the_colon_is_optional() -> None:
    """One blank behind `data:` goes, a second one stays, and a field without a colon is empty."""
    assert read(b"data:a\n\ndata:  b\n\ndata\n\n") == [b"a", b" b", b""]


def test_carriage_return_ends_a_line_at_once() -> None:
    r"""An event that ends with `\r\r` is given before the next piece, which may never come."""
    reader = EventReader(max_event_bytes=100)
    assert reader.feed(b"data: a\r\r") == [b"a"]
    assert reader.feed(b"") == []
    assert reader.feed(b"\ndata: b\r\n\r") == [b"b"]
    assert reader.feed(b"\ndata: c\r\n\r\n") == [b"c"]


def test_event_at_the_end_needs_no_empty_line() -> None:
    """What the end of a stream cuts off is given all the same."""
    assert read(b"data: a\n\ndata: b") == [b"a", b"b"]
    assert read(b"data: a\r") == [b"a"]


@pytest.mark.parametrize(
    "pieces",
    [[b"data: " + b"x" * 60 + b"\n\n"], [b"data: " + b"x" * 30, b"x" * 30], [b":" * 60]],
    ids=["at once", "in pieces", "comment"],
)
def test_event_has_a_limit(pieces: list[bytes]) -> None:
    """An event that grows beyond the limit is refused, whether it ends or not."""
    with pytest.raises(ValueError, match="longer than 50 bytes"):
        read(*pieces, most=50)


def test_limit_is_for_an_event_not_for_a_piece() -> None:
    """Many small events in one piece are within the limit."""
    assert read(b"data: x\n\n" * 100, most=50) == [b"x"] * 100
    assert read(b"data: x\n\n" * 100 + b": x", most=50) == [b"x"] * 100


def test_endless_small_pieces_are_read_in_linear_time() -> None:
    """A large event that comes byte by byte takes no quadratic time."""
    whole = b"data: " + b"x" * 300_000 + b"\n\n"
    reader = EventReader(max_event_bytes=1 << 20)
    found = [data for place in range(len(whole)) for data in reader.feed(whole[place : place + 1])]
    assert [len(data) for data in found] == [300_000]
