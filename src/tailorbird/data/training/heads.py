"""Look at the beginning of a training file: is it JSON Lines in UTF-8, and what is it for?"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from tailorbird.data.files.encoding_guess import (
    implausible_cp932,
    looks_like_utf8,
    utf16_without_mark,
)
from tailorbird.data.files.kinds import HEAD_BYTES, file_kind
from tailorbird.data.secrets import safe_excerpt
from tailorbird.data.training.checks.rows import file_kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.data.problems import Problems
    from tailorbird.data.training.row import JsonObject, TrainingKind

BOM = b"\xef\xbb\xbf"
"""The byte-order mark of UTF-8."""

_ROWS_LOOKED_AT = 50
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_SAVE_FIX = "save it as UTF-8 (in an editor: 'save with encoding')"
_TABLE = re.compile(r"[^{}\[\]]*[,\t;][^{}\[\]]*")


def is_training_text(head: bytes, problems: Problems) -> bool:
    """Say whether a file with this beginning can be read line by line; report why not.

    Args:
        head: The first `HEAD_BYTES` bytes, or the whole file if it is shorter.
        problems: Where the reason goes.
    """
    report = _foreign(head) or _encoded(head) or _misshapen(_text(head))
    if report is None:
        return True
    code, reason, fix = report
    text = head[:200].decode("utf-8", "replace")
    shown = safe_excerpt(text) if code.startswith("jsonl.") else None
    problems.add("error", code, reason, fix, line=1, excerpt=shown)
    return False


def kind_of(head: bytes) -> TrainingKind:
    """Guess what a file is for from the rows at its beginning."""
    rows = _objects(_text(head))
    return file_kind_of(row for row, _ in zip(rows, range(_ROWS_LOOKED_AT), strict=False))


def _foreign(head: bytes) -> tuple[str, str, str] | None:
    if not head.removeprefix(BOM).strip():
        if len(head) < HEAD_BYTES:
            return "file.empty", "the file has no rows", "give the file with the rows"
        return None
    kind = file_kind(head)
    if kind is None:
        return None
    return "file.kind", f"this is {kind.name}, not JSON Lines", kind.fix


def _encoded(head: bytes) -> tuple[str, str, str] | None:
    """Tell UTF-16 and the old Japanese encodings."""
    if head.startswith(_WIDE_MARKS) or utf16_without_mark(head):
        return "encoding.utf-16", "the file is UTF-16 (or UTF-32), not UTF-8", _SAVE_FIX
    # The end may cut a line and a character in two.
    whole = head[: head.rfind(b"\n") + 1] if len(head) == HEAD_BYTES else head
    if _decodes(whole, "utf-8") or looks_like_utf8([whole]):
        return None
    for codec, name in (("cp932", "cp932 (Shift_JIS)"), ("euc_jp", "EUC-JP")):
        if _decodes(whole, codec) and implausible_cp932([whole.decode(codec)]) is None:
            fix = f"{_SAVE_FIX}, or in Python: open(path, encoding={codec!r})"
            return "encoding.not-utf8", f"the file is in {name}, not in UTF-8", fix
    return None


def _misshapen(text: str) -> tuple[str, str, str] | None:
    """Tell JSON that is not in lines, and tables."""
    lines = [line for line in text.split("\n") if line.strip()][:2]
    first = lines[0].strip() if lines else ""
    if first.startswith("["):
        reason = "the file is one JSON array, not JSON Lines"
        fix = "write one object in each line, without [ ] and without commas between them"
        return "jsonl.array", reason, fix
    if first.startswith("{"):
        if not _is_spread(text, first):
            return None
        reason = "an object is spread over several lines"
        fix = "write each object in one line: json.dumps without indent"
        return "jsonl.pretty-printed", reason, fix
    if len(lines) > 1 and all(_TABLE.fullmatch(line.strip()) for line in lines):
        reason = "the file is a table, not JSON Lines"
        fix = "name it .csv and turn it into chat rows with convert_questions"
        return "jsonl.csv", reason, fix
    return None


def _is_spread(text: str, first: str) -> bool:
    """Say whether the first object does not end in its line."""
    start = text.index("{")
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        # The end of a long object may lie behind what was read.
        return re.fullmatch(r'\{(?: *"\w+" *: *[\[{]?)?', first) is not None
    return "\n" in text[start:end]


def _text(head: bytes) -> str:
    return head.removeprefix(BOM).decode("utf-8", "replace")


def _objects(text: str) -> Iterator[JsonObject]:
    for line in text.split("\n"):
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            yield cast("JsonObject", row)


def _decodes(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
