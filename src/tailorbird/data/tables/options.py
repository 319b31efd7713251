"""How a file of questions and answers is to be read, and what is too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import Field

from tailorbird.types.base import Settings


class Limit(Settings):
    """A number that must not be passed, and who says so."""

    value: int = Field(ge=0)
    """The largest allowed number (the smallest one, for a minimum)."""
    source: str
    """Where the limit comes from, shown in the error: page title, date read."""


_OWN = "tailorbird's own bound; it guards against quotes that are never closed"


class TableLimits(Settings):
    """What is too little or too much; None leaves a limit to the provider that gets the data."""

    min_rows: Limit | None = None
    """Fewest rows."""
    max_rows: Limit | None = None
    """Most rows."""
    max_bytes: Limit | None = None
    """Largest file, in bytes: the one that is read, or the one that is written when converting."""
    max_row_tokens: Limit | None = None
    """Most tokens of question, answer and system prompt of one row together."""
    count_tokens: Callable[[str], int] | None = None
    """Counts the tokens of a text; None takes the estimate of `tokens.estimate_tokens`."""
    max_cell_chars: Limit = Field(default_factory=lambda: Limit(value=100_000, source=_OWN))
    """Longest question or answer, in characters. Cells of a table over `csv.field_size_limit()`
    (131,072 unless the program changed it) cannot be read, whatever stands here."""
    compared_rows: int = Field(default=2_000_000, ge=0)
    """How many rows are compared with each other to find repeats; each takes 24 bytes, and a row
    with an id 24 more."""


class ReadOptions(Settings):
    """How a file of questions and answers is to be read."""

    columns: tuple[str, ...] | Mapping[str, str] | None = None
    """None: know the columns by their usual names. A mapping `{"question": "Frage", "answer":
    "Antwort"}` says which column plays which role, and no other column is used. A tuple such as
    `("question", "answer")` or `("id", "Frage", "Antwort")` names the columns in order; names that
    are not known as something else are the question and the answer. A first line that holds the
    names is the header; otherwise the file has none, and its first line is data."""
    encoding: str = "auto"
    """`auto`: UTF-8, UTF-16 with byte-order mark, cp932 when it is certain. Or a Python codec."""
    empty_answers: Literal["error", "skip"] = "error"
    """What happens to rows without question or without answer: `skip` leaves them out with a
    warning. An `unanswerable` question needs no answer, except when it is converted to train on."""
    normalize: Literal["none", "nfc"] = "none"
    """`nfc` composes characters and their marks (か + ゛ becomes が); `none` changes nothing."""
    limits: TableLimits = Field(default_factory=TableLimits)
    """What is too little or too much."""
    warnings_as_errors: bool = False
    """Whether warnings are errors too."""
