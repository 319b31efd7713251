"""The codes of what is found in documents; every one is told in the reference."""

from __future__ import annotations

from types import MappingProxyType

DOCUMENT_CODES = MappingProxyType(
    {
        "document.missing": "there is no such file or folder",
        "document.none": "there is no document with text",
        "document.empty": "nothing in it, or nothing that can be seen: left out",
        "document.too-many": "the folder holds more files than are allowed",
        "document.too-large": "more bytes, characters or pages than are read of one file",
        "document.too-slow": "taking its text out takes longer than is allowed",
        "document.no-loader": "a format that nothing reads: left out",
        "document.missing-extra": "the package that reads it is not installed",
        "document.encrypted": "opens only with a password",
        "document.scanned": "all pages are pictures without text",
        "document.scanned-pages": "some pages are pictures without text: left out",
        "document.broken": "damaged, or not what its name says",
        "document.binary": "binary data under the name of a text",
        "document.bomb": "could expand without bound: ZIP or PDF bomb, XML entities, vast sheet",
        "document.vanished": "gone before it could be read",
        "document.unreadable": "the system does not let it be read",
        "document.link": "a link: not followed",
        "document.no-file": "neither a file nor a folder: left out",
        "document.hidden": "a hidden file or folder: left out",
        "document.hidden-part": "a hidden sheet, slide or shape, or hidden text of Word: left out",
        "document.broken-part": "a damaged chart, diagram, drawing, header or footer: left out",
        "document.unread-part": "an inserted document or embedded object: not read",
        "document.form": "a PDF form in XFA: its text is not read",
        "document.formulas": "formulas of a workbook that no program has computed: left out",
        "document.cell-errors": "cells of a workbook that show an error such as #N/A: left out",
        "document.long-run": "text of great length without white space or punctuation",
        "document.id": "the id cannot be one",
        "document.id-twice": "the id is taken by another document",
        "document.metadata": "a value or key in the metadata cannot be kept",
        "document.key": "a further key of a row cannot be kept in the metadata: left out",
        "document.row": "a line of JSON Lines is no object with a text",
    }
)
"""Meaning of each code that begins with `document.`."""

INDEX_CODES = MappingProxyType(
    {"index.kept": "documents stay in the index although their files cannot be read now"}
)
"""What each code means that keeping an index adds to those of documents."""
