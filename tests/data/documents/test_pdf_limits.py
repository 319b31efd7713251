"""A PDF file that takes too long is left out by name, and the rest goes on."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pytest
from typing_extensions import override

from tailorbird.data import LoadedText, LoadOptions, read_documents
from tailorbird.data.documents.loaders import worker
from tailorbird.data.documents.loaders.isolation import Isolation
from tailorbird.data.documents.loaders.pdf import PdfLoader
from tailorbird.data.documents.loaders.pdf_pages import PdfPages
from tailorbird.data.documents.loading import Loader, TextTooLongError
from tailorbird.data.problems import Problems
from tailorbird.exceptions import ConfigError, DataError, MissingExtraError
from tailorbird.types.retrieval import Mark

OPTIONS = LoadOptions()


class Maker(Protocol):
    """What writes PDF files into a folder."""

    folder: Path

    def slow(self, name: str, *, levels: int = 12) -> Path:
        """Write a PDF that takes very long."""
        ...

    def pdf(self, name: str, pages: Sequence[Sequence[str]]) -> Path:
        """Write a PDF."""
        ...


def test_a_slow_file_is_left_out_by_name(office: Maker) -> None:
    """The file that would take minutes is killed and named; those before and behind it are read."""
    office.pdf("a.pdf", [["first"]])
    slow = office.slow("b.pdf")
    office.pdf("c.pdf", [["第三"]])
    # Minutes are more than these seconds; a page takes far less, also where others are at work.
    quick = PdfLoader(seconds=10.0, seconds_per_megabyte=0.0)
    found = read_documents(office.folder, loaders={".pdf": quick})
    assert [one.text.strip() for one in found] == ["first", "第三"]
    [problem] = found.problems
    assert (problem.code, problem.severity, problem.source) == (
        "document.too-slow",
        "error",
        str(slow),
    )
    assert problem.fix


def test_larger_files_may_take_longer(office: Maker) -> None:
    """Time grows with the size of the file; a small one that is slow is told its limit."""
    slow = office.slow("b.pdf")
    allowed = PdfLoader(seconds=0.3, seconds_per_megabyte=10.0)
    with pytest.raises(DataError, match="longer than 0 seconds"):
        read_documents(slow, loaders={".pdf": allowed})


def test_a_bad_file_is_named_as_its_reader_named_it(
    office: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second process knows the whole path; what is told is the one that was given."""
    (office.folder / "a.pdf").write_bytes(b"%PDF-1.7 broken")
    monkeypatch.chdir(office.folder)
    with pytest.raises(DataError) as caught:
        read_documents(Path("a.pdf"))
    assert {one.source for one in caught.value.problems} == {"a.pdf"}


def test_a_trusted_file_can_be_read_in_this_process(office: Maker) -> None:
    """The same text comes without a second process."""
    path = office.pdf("a.pdf", [["one"], ["二"]])
    here = read_documents(path, loaders={".pdf": PdfLoader(isolated=False)})
    assert tuple(here) == tuple(read_documents(path))


def test_a_file_that_vanished_is_told(tmp_path: Path) -> None:
    """What the second process cannot open is the system's error here, too."""
    isolation = Isolation(PdfPages)
    problems = Problems("gone.pdf")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            isolation.load(tmp_path / "gone.pdf", options=OPTIONS, problems=problems, seconds=20)


class Quitting(Loader):
    """Ends the process in which it runs."""

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        if path.name == "bad.txt":
            os._exit(3)
        return LoadedText(text=path.read_text())


class Unwilling(Loader):
    """Cannot be made."""

    def __init__(self) -> None:
        raise ValueError

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Never get here."""


def test_a_crash_is_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes the second process down does not take this one; the next file gets a new one."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    isolation = Isolation(Quitting)
    for name in ("a.txt", "bad.txt", "c.txt"):
        (tmp_path / name).write_text(name)
    problems = Problems("x")
    loaded = [
        isolation.load(tmp_path / name, options=OPTIONS, problems=problems, seconds=20)
        for name in ("a.txt", "bad.txt", "c.txt")
    ]
    assert [one and one.text for one in loaded] == ["a.txt", None, "c.txt"]
    assert [one.code for one in problems.found] == ["document.broken"]


def test_a_worker_that_ended_between_two_files_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that nobody takes is a broken file, not a hang."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    isolation = Isolation(Quitting)
    (tmp_path / "a.txt").write_text("a")
    problems = Problems("x")
    isolation.load(tmp_path / "a.txt", options=OPTIONS, problems=problems, seconds=20)
    process = isolation._process  # noqa: SLF001 - nobody else can end it
    assert process is not None
    process._popen.kill()  # noqa: SLF001 - the same
    process._popen.wait()  # noqa: SLF001 - the same
    assert not isolation.load(tmp_path / "a.txt", options=OPTIONS, problems=problems, seconds=20)
    assert [one.code for one in problems.found] == ["document.broken"]


def test_a_worker_that_cannot_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a second process there is an error that names the way round."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3]))
    with pytest.raises(ConfigError, match=r"it does not answer.*isolated=False"):
        Isolation(Unwilling).load(tmp_path, options=OPTIONS, problems=Problems("x"), seconds=20)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(ConfigError, match=r"No such file.*isolated=False"):
        Isolation(PdfPages).load(tmp_path, options=OPTIONS, problems=Problems("x"), seconds=20)


class Answering(Loader):
    """Does what the file's name says."""

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        if path.stem == "missing":
            raise MissingExtraError(package="p", extra="documents")
        if path.stem == "long":
            raise TextTooLongError
        if path.stem == "denied":
            raise PermissionError(13, "Permission denied")
        if path.stem == "failing":
            raise ZeroDivisionError
        if path.stem == "nothing":
            problems.add("error", "document.scanned", "pictures", "OCR", line=3)
            return None
        marks = (Mark(start=0, kind="page", value=1), Mark(start=1, kind="section", value="節"))
        return LoadedText(text="\ud83d本", title="題", marks=marks, metadata={"n": 1, "b": True})


def served(*names: str) -> list[bytes]:
    """Give what a worker answers to requests for files."""
    requests = b"".join(worker.write_request(Path(name), OPTIONS) for name in names)
    answers = io.BytesIO()
    worker.serve(Answering(), io.BytesIO(requests), answers)
    first, *others = answers.getvalue().splitlines(keepends=True)
    assert first == worker.READY
    return others


def test_a_text_comes_over_as_it_is() -> None:
    """Text, title, places and metadata, with their types, whatever the characters."""
    problems = Problems("x")
    [line] = served("本 \udcff.pdf")
    assert line.isascii()
    assert worker.read_reply(line, problems) == Answering().load(
        Path("a"), options=OPTIONS, problems=problems
    )


def test_problems_come_over() -> None:
    """What a loader reports is reported here, under the file's name."""
    problems = Problems("x")
    nothing, failing = served("nothing", "failing")
    assert worker.read_reply(nothing, problems) is None
    assert worker.read_reply(failing, problems) is None
    first, second = problems.found
    assert {first.code, second.code} == {"document.scanned", "document.broken"}
    assert "ZeroDivisionError" in first.reason + second.reason
    assert json.loads(nothing)["problems"][0]["line"] == 3


@pytest.mark.parametrize(
    ("name", "error"),
    [("missing", MissingExtraError), ("long", TextTooLongError), ("denied", PermissionError)],
)
def test_errors_come_over(name: str, error: type[Exception]) -> None:
    """An error of a known kind is the same one here."""
    [line] = served(name)
    with pytest.raises(error):
        worker.read_reply(line, Problems("x"))


def test_the_program_serves_what_it_is_told(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m … module:Class` answers on its standard output."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    worker.main(f"{PdfPages.__module__}:{PdfPages.__qualname__}", "pypdf", "no_such_package")
    assert capfdbinary.readouterr().out == worker.READY
