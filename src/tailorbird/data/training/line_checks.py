"""Check the lines of a training file one by one, and add up what they hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tailorbird.data.files.jsonl import LineParser
from tailorbird.data.row_report import RowReport
from tailorbird.data.training.checks.rows import check_row
from tailorbird.data.training.heads import BOM
from tailorbird.data.training.row import PLAIN_ROLES, TrainingRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data.problems import Problems
    from tailorbird.data.tokens import TokenCounter
    from tailorbird.data.training.row import TrainingKind
    from tailorbird.data.training.rules import TrainingRules
    from tailorbird.data.training.scan.plain_rows import PlainScan

# Bytes of a token. Measured with `tokens.estimate_tokens` over XQuAD, Contoso's pages, chat and
# math training files (5.0, 5.0, 4.7, 3.5), and over JSQuAD (3.4 and 3.5), 2026-11.
_NARROW = 4.8  # ASCII
_WIDE = 3.5  # everything else, in UTF-8
# "Data preparation and analysis for chat model fine-tuning" (see `tokens`): 3 tokens frame each
# message, 1 goes with a name, 3 open the answer.
_PER_MESSAGE = 3
_PER_EXAMPLE = 3
_NOT_ASCII = bytes(range(0x80, 0x100))


@dataclass(slots=True)
class Tally:
    """What the rows of a file hold."""

    examples: int = 0
    """Rows that could be read, wrong ones included."""
    roles: Counter[str] = field(default_factory=Counter[str])
    """Messages by role."""
    names: int = 0
    """Messages that name their speaker."""
    narrow_bytes: int = 0
    """ASCII bytes in what is trained on, rows over the limit left out."""
    wide_bytes: int = 0
    """Other bytes of it."""
    image_examples: int = 0
    """Rows with images."""
    cut_tokens: int = 0
    """Tokens of rows over the limit, as far as they are trained on."""
    cut_messages: int = 0
    """Messages, names and openings of these rows, as tokens: they are within `cut_tokens`."""
    has_crlf: bool = False
    """Whether a line ends with CR LF."""

    def add_plain(self, found: PlainScan) -> None:
        """Add the plain rows of a block."""
        self.examples += len(found.line_ends) - len(found.doubtful)
        self.roles.update({role: n for role, n in zip(PLAIN_ROLES, found.roles, strict=True) if n})
        self.narrow_bytes += found.narrow_bytes
        self.wide_bytes += found.wide_bytes
        self.has_crlf |= found.has_crlf

    @property
    def tokens(self) -> int:
        """Tokens of one pass over all rows, by estimate."""
        framing = _PER_MESSAGE * self.roles.total() + self.names + _PER_EXAMPLE * self.examples
        text = self.narrow_bytes / _NARROW + self.wide_bytes / _WIDE
        return round(text) + framing - self.cut_messages + self.cut_tokens


class LineChecker:
    """Checks lines in the order of the file; problems go where the file's problems go."""

    def __init__(
        self,
        problems: Problems,
        *,
        kind: TrainingKind,
        rules: TrainingRules,
        count_tokens: TokenCounter | None,
    ) -> None:
        """Start before the first line.

        Args:
            problems: Where problems go.
            kind: What the file is for.
            rules: What the provider accepts.
            count_tokens: Counts the tokens of a text that may be over the limit; None for an
                estimate by bytes.
        """
        self.tally = Tally()
        self._problems = problems
        self._kind: TrainingKind = kind
        self._rules = rules
        self._count = count_tokens
        self._parser = LineParser()
        self._blanks = 0

    def check(self, raw: bytes, line: int) -> None:
        """Check one line, given without its line feed.

        Lines may be left out, but blank ones must come: they are not counted as records.
        """
        raw = raw.removeprefix(BOM) if line == 1 else raw
        if raw.endswith(b"\r"):
            self.tally.has_crlf = True
        if not raw.strip():
            self._blanks += 1
            self._problems.add("note", "jsonl.blank-line", "the line is blank: skipped", line=line)
            return
        report = RowReport(self._problems, line, line - self._blanks)
        self.tally.examples += 1
        row = self._parser.parse(raw, report)
        if row is None:
            return
        under = TrainingRow(self._kind, self._rules, report)
        check_row(row, under)
        self._add(under)

    def skip(self, line: int, reason: str) -> None:
        """Report a line that is too long to be read."""
        self.tally.examples += 1
        fix = "give the images by address, or split the row"
        self._problems.add("error", "jsonl.line-too-long", reason, fix, line=line)

    def _add(self, row: TrainingRow) -> None:
        tally = self.tally
        tally.roles.update(row.roles)
        tally.names += row.names
        tally.image_examples += bool(row.images)
        texts = [text for _, text in row.texts]
        data = "".join(texts).encode("utf-8", "replace")
        narrow = len(data.translate(None, _NOT_ASCII))
        wide = len(data) - narrow
        framing = _PER_MESSAGE * len(row.roles) + row.names + _PER_EXAMPLE
        limit = self._rules.max_tokens_per_example
        # A token has at least one byte, so most rows need no counting.
        if limit is None or len(data) + framing <= limit:
            tally.narrow_bytes += narrow
            tally.wide_bytes += wide
            return
        tokens = framing + self._tokens(texts, narrow, wide)
        tally.cut_messages += framing
        tally.cut_tokens += min(limit, tokens)
        if tokens > limit:
            self._report_length(row, tokens, limit)

    def _tokens(self, texts: Sequence[str], narrow: int, wide: int) -> int:
        if self._count is not None:
            return sum(map(self._count, texts))
        return round(narrow / _NARROW + wide / _WIDE)

    def _report_length(self, row: TrainingRow, tokens: int, limit: int) -> None:
        rejected = self._rules.over_limit == "rejected"
        happens = "is refused" if rejected else "is cut at its end"
        reason = (
            f"the example has about {tokens:,} tokens (an estimate); {self._rules.provider} allows"
            f" {limit:,}, and a longer one {happens}"
        )
        row.report.add(
            "error" if rejected else "warning", "row.too-long", reason, "shorten or split it"
        )
