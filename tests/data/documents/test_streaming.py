"""A stream of documents knows what it could not read."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from tailorbird.data.documents.streaming import DocumentStream
from tailorbird.data.problems import Problems


def read(path: Path) -> tuple[list[str], set[str], bool]:
    """Give the ids of the documents, those that may be missing, and whether that is all."""
    stream = DocumentStream(path, problems=Problems(str(path)))
    return [one.id for one in stream], stream.unread, stream.whole


def test_files_that_are_no_documents_are_named(tmp_path: Path) -> None:
    """Of a file that cannot be read one knows its id; what is left out on purpose is no loss."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.md").write_text("Text.", encoding="utf-8")
    (tmp_path / "b.txt").write_bytes(b"\x00\x01\x02\x03")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "c.unknown").write_text("x", encoding="utf-8")
    assert read(tmp_path) == (["deep/a.md"], {"b.txt"}, True)


def test_names_are_those_of_the_documents(tmp_path: Path) -> None:
    """Names that a disk stores decomposed are compared with ids, which are composed."""
    name = unicodedata.normalize("NFD", "ガイド.txt")
    (tmp_path / name).write_bytes(b"\x00\x01\x02\x03")
    assert read(tmp_path) == ([], {unicodedata.normalize("NFC", name)}, True)


def test_one_file_is_a_source(tmp_path: Path) -> None:
    """A single file goes by its name."""
    path = tmp_path / "a.txt"
    path.write_text("Text.", encoding="utf-8")
    assert read(path) == (["a.txt"], set(), True)
    path.write_bytes(b"\x00\x01\x02\x03")
    assert read(path) == ([], {"a.txt"}, True)


def test_a_refused_row_may_be_any_document(tmp_path: Path) -> None:
    """Rows have ids of their own: when one is refused, nobody knows which is missing."""
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "One."}\n{"id":', encoding="utf-8")
    (tmp_path / "b.md").write_text("Text.", encoding="utf-8")
    assert read(tmp_path) == (["1", "b.md"], set(), False)


@pytest.mark.parametrize("name", ["gone", "picture.png"])
def test_what_is_no_source_is_not_whole(tmp_path: Path, name: str) -> None:
    """A path that is not there, or of another format, hides everything."""
    (tmp_path / "picture.png").write_bytes(b"x")
    assert read(tmp_path / name) == ([], set(), False)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_locked_folder_is_not_whole(tmp_path: Path) -> None:
    """What stands in a folder that cannot be seen is not known."""
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0)
    try:
        assert read(tmp_path) == ([], set(), False)
    finally:
        locked.chmod(0o700)
