"""What people say of answers, read from a table: to hold a judge against."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tailorbird.types.judgements import HumanLabel


def read_labels(path: Path | str, *, encoding: str = "auto") -> tuple[HumanLabel, ...]:
    """Read what people say of answers, from the table that a comparison's `write_csv` wrote.

    Somebody adds a column `right` to it and writes `yes` or `no` (also 1 or 0, true or false, ○ or
    ×) where they looked at the answer; rows without a word there are left out. Of the other
    columns, `arm`, `id` and `answer` are read: a label counts for the answer it was given for.

    Args:
        path: CSV, TSV or semicolon-separated, as spreadsheets save it.
        encoding: `auto`, or the name of a Python codec.

    Raises:
        InvalidInputError: There is no encoding of that name.
        DataError: The file cannot be read, has no such columns, or says something else than yes or
            no; all places are named.
    """
    # The reader of tables costs 40 ms that `import tailorbird` does not pay.
    from tailorbird.data.questions.label_rows import labels_in  # noqa: PLC0415

    return labels_in(path, encoding=encoding)
