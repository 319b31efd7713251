"""Load tables in CSV and TSV; needs the standard library only."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.data.documents.files import open_document_file
from tailorbird.data.documents.loaders.table_text import TableText
from tailorbird.data.documents.loading import Loader, TextBuilder
from tailorbird.data.files.lines import line_blocks
from tailorbird.data.tables.delimited import DELIMITERS, csv_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems

_SAMPLE_LINES = 20
_STATED = re.compile(r"\ufeff?sep=(.)\s*", re.IGNORECASE)  # as Excel writes it


class DelimitedLoader(Loader):
    """Takes each row as a line that names its columns."""

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the rows; rows are counted by the line they begin in, as an editor shows them."""
        file = open_document_file(
            path, encoding=options.encoding, max_bytes=None, problems=problems
        )
        if file is None:
            return None
        builder = TextBuilder(options)
        table = TableText(builder)
        blocks = line_blocks(file.blocks(problems), problems)
        for first in islice(blocks, 1):
            stated = _STATED.fullmatch(first.lines[0])
            delimiter = stated[1] if stated else _delimiter(first.lines)
            skipped = 1 if stated else 0
            begin = replace(first, lines=first.lines[skipped:], first=first.first + skipped)
            for rows in csv_rows(chain((begin,), blocks), delimiter, problems):
                for line, cells in zip(rows.lines, rows.rows, strict=True):
                    table.row(line, cells)
        return builder.loaded()


def _delimiter(lines: Sequence[str]) -> str:
    """Find the delimiter with which the first rows have the most cells."""
    sample = [line for line in islice(lines, _SAMPLE_LINES) if line.strip()]

    def cells(delimiter: str) -> int:
        try:
            return sum(len(row) for row in csv.reader(sample, delimiter=delimiter))
        except csv.Error:  # a cell beyond the module's limit is reported when the rows are read
            return 0

    return max(DELIMITERS, key=cells)
