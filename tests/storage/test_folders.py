"""Folders that are kept out of version control."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailorbird.exceptions import StorageError
from tailorbird.storage import make_private_folder


def test_folder_ignores_itself(tmp_path: Path) -> None:
    """A new folder, with the ones above it, tells version control to leave it alone."""
    folder = tmp_path / "a" / "b"
    make_private_folder(folder)
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert not (tmp_path / "a" / ".gitignore").exists()


def test_own_rules_stay(tmp_path: Path) -> None:
    """Rules that the user wrote are not touched."""
    (tmp_path / ".gitignore").write_text("*.sqlite\n", encoding="utf-8")
    make_private_folder(tmp_path)
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "*.sqlite\n"


def test_file_in_the_way(tmp_path: Path) -> None:
    """A file that has the folder's name is an error that names it."""
    path = tmp_path / "taken"
    path.touch()
    with pytest.raises(StorageError, match=r"cannot make the folder .*taken"):
        make_private_folder(path)
