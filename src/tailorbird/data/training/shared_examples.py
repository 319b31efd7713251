"""Find examples that stand in the training file and in the validation file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.data.files.blocks import BlockReader
from tailorbird.data.files.jsonl import LineParser
from tailorbird.data.problems import Problems
from tailorbird.data.row_report import RowReport
from tailorbird.data.training.examination import unreadable
from tailorbird.data.training.heads import BOM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.exceptions import Problem


def find_shared_examples(training: Path | str, validation: Path | str) -> tuple[Problem, ...]:
    """Find rows of a validation file that are trained on: they measure memory, not learning.

    Rows are compared as JSON: spaces, escapes and the order of keys make no difference. Lines that
    hold no object are passed over; `validate_training_file` reports them.

    Args:
        training: The file that is trained on; it is read in flat memory.
        validation: The file that is measured with; a hash of each of its rows is kept.

    Returns:
        One warning, `split.shared-example`, for each shared row of the validation file, at most
        100.

    Raises:
        DataError: One of the files does not exist or cannot be read.
    """
    held = {digest: line for line, digest in _digests(Path(validation))}
    shared: dict[int, int] = {}
    for line, digest in _digests(Path(training)):
        if digest in held:
            shared.setdefault(held[digest], line)
    problems = Problems(str(validation))
    for line in sorted(shared):
        reason = f"the example is trained on: it is in line {shared[line]} of {str(training)!r}"
        fix = "take it out of one of the files"
        problems.add("warning", "split.shared-example", reason, fix, line=line)
    return problems.found


def _digests(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give line and hash of each row of a file."""
    unheard = Problems(str(path))
    parser = LineParser()
    line = 0
    try:
        with path.open("rb", buffering=0) as file:
            for block in BlockReader(file):
                for raw in block.lines():
                    line += 1
                    text = raw.removeprefix(BOM) if line == 1 else raw
                    row = parser.parse(text, RowReport(unheard, line, line))
                    if row is not None:
                        yield line, _digest(row)
    except OSError as exc:
        raise unreadable(exc, Problems(str(path))) from exc


def _digest(row: object) -> bytes:
    text = json.dumps(row, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).digest()
