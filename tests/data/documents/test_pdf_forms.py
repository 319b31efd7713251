"""What people typed into the pages of a PDF file is text of these pages."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from tailorbird.data.documents.document_set import DocumentSet, read_documents
from tailorbird.data.documents.loaders.pdf import PdfLoader
from tailorbird.exceptions import DataError

HERE = {".pdf": PdfLoader(isolated=False)}


class Maker(Protocol):
    """Writes documents; see `conftest.Office`."""

    def form(self, name: str, *annotations: str, form: str = "", drawn: str = "") -> Path:
        """Write a PDF with annotations."""
        ...


def read(path: Path) -> DocumentSet:
    """Read a file in this process."""
    return read_documents(path, loaders=HERE)


def widget(rest: str) -> str:
    """Return a field of a form."""
    return f"<< /Type /Annot /Subtype /Widget {rest} >>"


def test_fields_are_written_with_their_names(office: Maker) -> None:
    """Each kind of field says what was filled in, under the name that the form shows."""
    path = office.form(
        "a.pdf",
        widget("/FT /Tx /T (topmost[0]) /TU (Name  of applicant) /V <FEFF5C717530>"),
        widget("/FT /Tx /T (city[0]) /V (Kyoto)"),
        widget("/FT /Tx /V (no name)"),
        widget("/FT /Tx /T (count) /V 5"),
        widget("/FT /Btn /T (agree) /V /Yes /AS /Yes"),
        widget("/FT /Btn /T (pay) /AS /1 /Opt [(cash) (card)]"),
        widget("/FT /Btn /T (way) /V /7 /Opt [(by air)]"),
        widget("/FT /Ch /T (size) /V (b) /Opt [[(a) (Small)] [(b) (Large)]]"),
        widget("/FT /Ch /T (colors) /V [(red) (blue)] /Opt [(red) (green)]"),
        "<< /Type /Annot /Subtype /FreeText /Contents (typed on the page) >>",
    )
    [document] = read(path)
    assert document.text == (
        "Name of applicant: 山田\ncity: Kyoto\nno name\ncount: 5\nagree: Yes\npay: card\nway: 7\n"
        "size: Large\ncolors: red, blue\ntyped on the page\n"
    )
    assert [(mark.kind, mark.value, mark.start) for mark in document.marks] == [("page", 1, 0)]


def test_fields_that_nobody_sees_or_filled_are_left_out(office: Maker) -> None:
    """Empty, hidden, unticked, buttons, passwords, signatures and comments are not text."""
    path = office.form(
        "a.pdf",
        widget("/FT /Tx /T (empty)"),
        widget("/FT /Tx /T (hidden) /V (secret) /F 2"),
        widget("/FT /Tx /T (not in view) /V (secret) /F 32"),
        widget("/FT /Tx /T (password) /V (secret) /Ff 8192"),
        widget("/FT /Btn /T (off) /V /Off /AS /Off"),
        widget("/FT /Btn /T (push) /V (secret) /Ff 65536"),
        widget("/FT /Sig /T (signature) /V << >>"),
        widget("/T (no kind) /V (secret)"),
        "<< /Type /Annot /Subtype /Text /Contents (a comment) >>",
        widget("/FT /Tx /T (seen) /V (yes) /F 4"),
    )
    assert read(path)[0].text == "seen: yes\n"


def test_fields_inherit_from_those_they_lie_in(office: Maker) -> None:
    """A field that stands on a page twice is told once; fields within each other in a loop end."""
    path = office.form(
        "a.pdf",
        widget("/Parent 8 0 R"),
        widget("/Parent 8 0 R /AS /x"),
        "<< /FT /Tx /T (shared) /V 9 0 R /Ff 0 >>",
        "<< /Length 9 >>\nstream\nlong text\nendstream",
        widget("/T (loop) /Parent 10 0 R"),
    )
    assert read(path)[0].text == "shared: long text\n"


def test_pictures_with_fields_are_told(office: Maker) -> None:
    """A scanned form that was filled in: what was typed is read, and what was scanned is named."""
    found = read(office.form("a.pdf", widget("/FT /Tx /T (a) /V (b)"), drawn="0 0 9 9 re f"))
    assert found[0].text == "a: b\n"
    assert [one.code for one in found.problems] == ["document.scanned-pages"]


def test_a_form_in_xfa_is_told(office: Maker) -> None:
    """Its page says nothing but that another program is needed."""
    note = "<< /Type /Annot /Subtype /FreeText /Contents (Please wait) >>"
    [problem] = read(office.form("a.pdf", note, form="/XFA []")).problems
    assert (problem.severity, problem.code) == ("warning", "document.form")
    assert read(office.form("b.pdf", note, form="/XFA [] /Fields [6 0 R]")).problems == ()


def test_a_form_that_is_none_is_no_failure(office: Maker) -> None:
    """Whatever stands where a field should be."""
    path = office.form("a.pdf", "(text)", "[1 2]", widget("/F (x) /FT /Tx /V [ (x) ]"))
    with pytest.raises(DataError) as caught:
        read(path)
    assert {one.code for one in caught.value.problems} == {"document.empty", "document.none"}
