"""A part of a table is told by its sheet and rows, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data import ChunkOptions, chunk_document, read_documents
from tailorbird.retrieval.places import joined_metadata, retrieved_passage, rows_of, sheet_of
from tailorbird.types import Chunk, ChunkId, DocumentId, Hit, MetadataValue, ScoreKind, Span


def make_chunk(text: str, start: int = 0, **metadata: MetadataValue) -> Chunk:
    """Make a chunk of a table."""
    return Chunk(
        id=ChunkId("prices#0"),
        document=DocumentId("prices"),
        text=text,
        span=Span(start=start, end=start + len(text)),
        metadata=metadata,
    )


def part(chunk: Chunk, text: str) -> Span:
    """Find a text in a chunk."""
    start = chunk.text.index(text)
    return Span(start=start, end=start + len(text))


SHEET = make_chunk("価格\nA | 1\nB | 2\nC | 3", sheet="価格", row=1, last_row=3)


def test_a_quote_is_told_by_its_rows() -> None:
    """Each line behind the sheet's name is a row."""
    assert sheet_of(SHEET) == "価格"
    assert rows_of(SHEET) == (1, 3)
    assert rows_of(SHEET, part(SHEET, "B | 2")) == (2, 2)
    assert rows_of(SHEET, part(SHEET, "2\nC")) == (2, 3)
    assert rows_of(SHEET, part(SHEET, "B | 2\n")) == (2, 2)
    assert rows_of(SHEET, part(SHEET, "価格")) == (1, 1)


def test_a_table_without_a_sheet() -> None:
    """A file in CSV has rows only."""
    table = make_chunk("a: 1\nb: 2\n", row=7, last_row=8)
    assert sheet_of(table) is None
    assert rows_of(table, part(table, "b: 2")) == (8, 8)


def test_where_rows_were_left_out_the_passage_counts() -> None:
    """Lines do not tell the row once an empty one is missing."""
    gaps = make_chunk("a: 1\nb: 2", row=7, last_row=9)
    assert rows_of(gaps, part(gaps, "b: 2")) == (7, 9)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"row": 1},
        {"sheet": "A", "row": 1},
        {"row": "one", "last_row": 2},
        {"row": True, "last_row": True},
        {"row": 3, "last_row": 2},
        {"row": 0, "last_row": 2},
    ],
)
def test_nothing_is_guessed(metadata: dict[str, MetadataValue]) -> None:
    """A chunk of several sheets, of an older index, or with metadata of its own has no place."""
    chunk = make_chunk("a\nb", **metadata)
    assert (sheet_of(chunk), rows_of(chunk), rows_of(chunk, part(chunk, "b"))) == (None, None, None)


def test_neighbors_have_the_rows_of_both() -> None:
    """The last row is that of the later end; without it, or on two sheets, there is none."""
    first = make_chunk("A\nB", row=1, last_row=2, sheet="S", year=2026)
    second = make_chunk("B\nC", 2, row=2, last_row=3, sheet="S")
    assert joined_metadata(first, second) == {"row": 1, "last_row": 3, "sheet": "S", "year": 2026}
    inner = make_chunk("B", 2, row=2, last_row=2, sheet="S")
    assert joined_metadata(first, inner)["last_row"] == 2
    other = make_chunk("B\nC", 2, row=2, last_row=3, sheet="T")
    older = make_chunk("B\nC", 2, row=2, sheet="S")
    assert "last_row" not in joined_metadata(first, other)
    assert "last_row" not in joined_metadata(first, older)
    assert joined_metadata(make_chunk("A"), make_chunk("B", 1)) == {}


def test_a_passage_is_described_without_its_text() -> None:
    """Place and score stay, the text goes."""
    hit = Hit(chunk=SHEET, score=0.5, score_kind=ScoreKind.FUSED)
    found = retrieved_passage(hit)
    assert (found.document, found.sheet, found.rows) == ("prices", "価格", (1, 3))
    assert (found.span, found.score, found.score_kind) == (SHEET.span, 0.5, ScoreKind.FUSED)
    assert "A | 1" not in found.model_dump_json()


@given(names=st.lists(st.sampled_from(["りんご", "梨", "a b", "柿 1"]), min_size=2, max_size=40))
def test_rows_of_a_file_are_found_again(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever a table is cut into, a quoted line is the row of the file that holds it."""
    path = Path(tmp_path_factory.mktemp("t")) / "prices.csv"
    lines = [f"{name},{number * 7}" for number, name in enumerate(names)]
    path.write_text("\n".join(["name,price", *lines]), encoding="utf-8")
    [document] = read_documents(path)
    for chunk in chunk_document(document, ChunkOptions(target_tokens=30, overlap_tokens=10)):
        for number, name in enumerate(names):
            line = f"name: {name} | price: {number * 7}"
            if line in chunk.text.split("\n"):
                assert rows_of(chunk, part(chunk, line)) == (number + 2, number + 2)
