"""What goes wrong, as a reader, a shell script and a program see it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from tailorbird.exceptions import (
    BudgetExceededError,
    DataError,
    IndexMissingError,
    JobCancelledError,
    JobFailedError,
    JobOutcomeUnknownError,
)
from tailorbird.report import problem_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.cli.screen import Screen
    from tailorbird.exceptions import Problem, TailorbirdError

FINE = 0
"""Everything went well."""

BAD = 1
"""The data has errors, a job failed, `doctor` found something wrong, or no successor holds up."""

CANNOT_RUN = 2
"""Usage, settings, a missing file, or what a provider said."""

INTERRUPTED = 130
"""Ctrl-C: 128 and the number of the signal, as shells count."""

_OPTION = re.compile(r".*\b(columns|encoding|empty_answers|normalize|loaders|max_\w+)=", re.DOTALL)
_TYPED = {
    "columns": "--columns question=NAME,answer=NAME",
    "encoding": "--encoding NAME for questions; save documents as UTF-8",
    "empty_answers": "--empty-answers skip",
}
_TYPED_AS = "    {}=… is typed so on the command line: {}"
_ELSEWHERE = (
    "    options such as {}=… are those of tailorbird.read_questions and read_documents in Python;"
    " on the command line, mend the file instead"
)
_DOCUMENT = "document."  # how the codes of problems begin that only documents have

SHOWN = 20
"""How many problems are shown unless all are asked for: about a screen."""

# Such a file says nothing about its data.
_UNREAD = frozenset({"file.missing", "file.not-a-file", "file.unreadable"})
_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


class Say(Protocol):
    """Shows a line of text."""

    def __call__(self, text: str, *, style: str = "") -> None:
        """Show it in a style of rich's."""
        ...


def exit_code(error: TailorbirdError) -> int:
    """Give the exit code that stands for an error."""
    if isinstance(error, DataError):
        unread = any(one.code in _UNREAD for one in error.problems)
        return CANNOT_RUN if unread else BAD
    return BAD if isinstance(error, JobFailedError | JobCancelledError) else CANNOT_RUN


def show_failure(screen: Screen, error: TailorbirdError) -> None:
    """Show an error with what to do about it."""
    if isinstance(error, DataError):
        show_problems(screen.note, error.problems, total=error.total)
        errors = sum(one.severity == "error" for one in error.problems)
        least = "at least " if error.total > len(error.problems) else ""
        screen.note(
            f"error: {least}{errors} error(s) in the data; nothing was sent", style="bold red"
        )
    else:
        screen.note(f"error: {error}", style="bold red")
    advice = _advice(error)
    if advice:
        screen.note(f"fix: {advice}")


def failure_data(error: TailorbirdError) -> Mapping[str, object]:
    """Give an error as data: `ok`, `error` with `type`, `message`, `exit_code`; `problems`.

    Where a budget said no, `error` holds its amounts too: `limit_usd`, `needed_usd`, `left_usd`,
    and `spent_usd` and `held_usd`, which are null for a budget of one run.
    """
    problems = error.problems if isinstance(error, DataError) else ()
    return {
        "ok": False,
        "error": {
            "type": type(error).__name__,
            "message": str(error).partition("\n")[0],
            "exit_code": exit_code(error),
            **_amounts(error),
        },
        "problems": [problem_row(problem) for problem in problems],
    }


def _amounts(error: TailorbirdError) -> Mapping[str, object]:
    """Give the US dollars behind a refusal, as decimal numbers in text; empty for other errors."""
    if not isinstance(error, BudgetExceededError):
        return {}
    found = {name: getattr(error, name) for name in ("limit", "needed", "left", "spent", "held")}
    return {f"{name}_usd": None if one is None else f"{one:f}" for name, one in found.items()}


def show_problems(
    say: Say, problems: Sequence[Problem], *, total: int, everything: bool = False
) -> None:
    """List problems with place, reason, code and fix, the first 20 unless all are wanted.

    What the codes mean stands in the reference, "Problem codes".

    Args:
        say: Shows a line: `Screen.show` where problems are the result, else `Screen.note`.
        problems: What was kept, the worst first.
        total: How many there were, the ones that were not kept included.
        everything: Whether to show all that were kept.
    """
    shown = problems if everything else problems[:SHOWN]
    for problem in shown:
        line = f"{problem.severity}: {_place(problem)}: {problem.reason}{_excerpt(problem)}"
        say(f"{line} ({problem.code})", style=_STYLES[problem.severity])
        if problem.fix:
            say(f"    fix: {problem.fix}")
    if total > len(shown):
        left, kept = total - len(shown), len(problems) - len(shown)
        them = "them" if kept == left else f"{kept} of them"
        # `validate` reads questions and training data only.
        is_seen = kept and not any(problem.code.startswith(_DOCUMENT) for problem in problems)
        way = f"; `tailorbird validate FILE --all` shows {them}" if is_seen else ""
        say(f"… and {left} more{way}")
    for option in dict.fromkeys(
        found[1] for problem in shown if (found := _OPTION.match(problem.fix))
    ):
        typed = _TYPED.get(option)
        say(_ELSEWHERE.format(option) if typed is None else _TYPED_AS.format(option, typed))


def _place(problem: Problem) -> str:
    parts = [problem.source]
    if problem.line is not None:
        parts.append(f"line {problem.line}")
    if problem.record is not None:
        parts.append(f"record {problem.record}")
    if problem.column is not None:
        parts.append(f"column {problem.column}")
    if problem.field:  # empty: the whole record
        parts.append(problem.field)
    return ", ".join(parts)


def _excerpt(problem: Problem) -> str:
    return "" if problem.excerpt is None else f" [{problem.excerpt}]"


def _advice(error: TailorbirdError) -> str:
    """Say in the command line's words what the message says in the library's."""
    if isinstance(error, JobFailedError | JobCancelledError):
        return "mend what it names; the same command with --again starts a new job"
    if isinstance(error, JobOutcomeUnknownError):
        return "run the same command again later: it looks for the job first"
    if isinstance(error, IndexMissingError):
        return "tailorbird index PATH --name NAME"
    return ""
