"""Put the commands together and run them.

Exit codes: 0 everything went well; 1 the data has errors, a job failed, `doctor` found something
wrong, or no successor is shown to be no worse; 2 it cannot run (usage, settings, a missing file, or
what a provider said); 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from dataclasses import dataclass
from importlib.metadata import version
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.catalog import indexes, models
from tailorbird.cli.checking import estimate, validate
from tailorbird.cli.comparing import compare
from tailorbird.cli.doctor import doctor
from tailorbird.cli.documents import ask, search
from tailorbird.cli.failures import CANNOT_RUN, INTERRUPTED
from tailorbird.cli.indexing import index
from tailorbird.cli.judging import judge_pairs
from tailorbird.cli.leaving import export, record, retrain, successor
from tailorbird.cli.questioning import questions
from tailorbird.cli.reporting import diff, report
from tailorbird.cli.serving import serve_fake
from tailorbird.cli.spending import spending
from tailorbird.cli.training import jobs, tune
from tailorbird.report.document import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEBUG_VARIABLE = "TAILORBIRD_DEBUG"
"""Environment variable that brings the traceback of an unexpected error."""

_EXIT_CODES = """\
\b
Exit codes:
  0    everything went well
  1    the data has errors, a job failed, doctor found something wrong, or no
       successor is shown to be no worse
  2    it cannot run: usage, settings, a missing file, or what a provider said
  130  interrupted by Ctrl-C; jobs at the provider go on"""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a full disk says; what we write ourselves tells it before, a redirected stdout does not."""

_ERROR_KEYS = "ok (false), error (type, message, exit_code), problems"


@dataclass(frozen=True, slots=True)
class _Command:
    """A command, and what its help says besides its options."""

    function: Callable[..., None]
    short: str
    """What it does, whole on a line of 80 columns in the list of commands."""
    example: str
    json_keys: str

    @property
    def epilog(self) -> str:
        return (
            f"\b\nExample:\n  {self.example}\n\n"
            f"JSON keys: {self.json_keys}. When it fails: {_ERROR_KEYS}.\n\n{_EXIT_CODES}"
        )


# In the order in which a newcomer needs them. The keys are a promise: programs read them.
_COMMANDS = (
    _Command(
        compare,
        "Tune, index, ask every arm, and say what the data deserves.",
        "tailorbird compare faq.csv --documents handbook/ --html report.html",
        ", ".join(KEYS),
    ),
    _Command(
        report,
        "Show an earlier comparison, or write it as HTML and the like.",
        "tailorbird report --html report.html",
        ", ".join(KEYS),
    ),
    _Command(
        diff,
        "Say what changed between two comparisons.",
        "tailorbird diff monday tuesday",
        "before, after, shared, arms (arm, kind, n, before, after, wins, losses, low, high,"
        " p_adjusted, word), flips, only_before, only_after",
    ),
    _Command(
        judge_pairs,
        "Let a model say which of two arms answers better, pair by pair.",
        "tailorbird judge-pairs monday tuned base",
        "arm, baseline, model, n, wins, losses, ties, flipped, failed, p_value, usage,"
        " preferences (question, better, flipped, reasons), caveats",
    ),
    _Command(
        validate,
        "Find every mistake in questions or training data.",
        "tailorbird validate train.jsonl --for openai",
        "ok, total, problems, source, kind, provider, records",
    ),
    _Command(
        estimate,
        "Say what training would use and cost; nothing is sent.",
        "tailorbird estimate faq.csv --profile openai",
        "base, examples, tokens, counted, epochs, trained_tokens, usd, price, hosting_hourly",
    ),
    _Command(
        tune,
        "Tune a model on questions and answers, once for each name.",
        "tailorbird tune faq.csv --name faq-bot --no-wait",
        "name, profile, provider, job, status, system, tuned",
    ),
    _Command(
        jobs,
        "List the tuning runs of this workspace.",
        "tailorbird jobs",
        "cancelled, undeployed, jobs (name, job, status, base, model, deployment, begun)",
    ),
    _Command(
        index,
        "Build an index of documents, or bring it up to date.",
        "tailorbird index handbook/ --name handbook",
        "ok, name, info, added, changed, unchanged, removed, kept, embedded, usage, problems,"
        " evaluation",
    ),
    _Command(
        indexes,
        "List the indexes that there are, or delete one.",
        "tailorbird indexes",
        "deleted, indexes (spec, documents, chunks, version, ready, created_at)",
    ),
    _Command(
        search,
        "Find the passages of an index that fit a question best.",
        'tailorbird search "paid leave" --index handbook --top-k 3',
        "query, index, hits (rank, chunk, score, score_kind, legs), usage",
    ),
    _Command(
        ask,
        "Ask a model, a tuned model, an index, or both.",
        'tailorbird ask "How long does a refund take?" --index handbook --only-from-data',
        "question, text, abstained, reason, citations (number, document, chunk, source, page, span,"
        " quote, score, score_kind), retrieved, dropped_citations, foreign_links, usage, latency_s,"
        " first_token_s, model",
    ),
    _Command(
        questions,
        "Let the model write test questions.",
        "tailorbird questions faq.csv --documents handbook/ --out made.jsonl",
        "out, questions (id, text, answers, kind, sources, origin, swap), problems",
    ),
    _Command(
        export,
        "Write a tuned model as a folder of plain files.",
        "tailorbird export faq-bot --to faq-bot/",
        "tuned, exported_at, files",
    ),
    _Command(
        record,
        "Keep what a tuned model answers, before it is shut down.",
        "tailorbird record faq-bot questions.csv --bundle faq-bot/",
        "bundle (tuned, exported_at, files), recorded, failed",
    ),
    _Command(
        retrain,
        "Train an exported model again, somewhere else.",
        "tailorbird retrain faq-bot/ --profile azure",
        "name, provider, identity, base, model, deployment, system, …",
    ),
    _Command(
        successor,
        "Say whether a successor is no worse than what was recorded.",
        "tailorbird successor faq-bot/ --tuned faq-bot --profile azure",
        "name, model, recorded_from, recorded_to, baseline, margin, successors (arm, kind, n, wins,"
        " losses, difference, low, high, word, more_questions), lost",
    ),
    _Command(
        models,
        "List the account's models, and when each is shut down.",
        "tailorbird models --json -",
        "models (id, owned_by, created_at, base, shutdown_date, successor, kinds, tunable,"
        " days_left)",
    ),
    _Command(
        spending,
        "List what was paid, and what is held by a budget.",
        "tailorbird spending --profile openai",
        "usd, budget (usd, period, max_output_tokens, hosting_hours), spending (id, at, identity,"
        " what, subject, reference, model, usage, usd, calls, assumed), reserved (identity, what,"
        " reference, subject, usd, at)",
    ),
    _Command(
        doctor,
        "Check whether a profile works, and until when.",
        "tailorbird doctor --profile openai",
        "ok, profile, provider, identity, origins, keys, warnings, reachable, roles, capabilities,"
        " findings (topic, subject, level, text)",
    ),
    _Command(
        serve_fake,
        "Serve the fake over HTTP to programs in any language.",
        "tailorbird serve-fake --port 8080",
        "url, base_urls, environment, profiles",
    ),
)


def run(args: Sequence[str] | None) -> int:
    """Run the command line and give its exit code.

    Args:
        args: The words after `tailorbird`; None takes the process's own.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that knows no Japanese shows escapes instead of ending the command.
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(_app()(args=args, prog_name="tailorbird"))
    except SystemExit as exc:
        return _ended(exc)
    except Exception as exc:  # noqa: BLE001 - the border: a user gets a sentence, not a traceback
        return _unexpected(exc)


def _app() -> typer.Typer:
    app = typer.Typer(
        rich_markup_mode=None,  # plain help that reads the same in a terminal and in a file
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback(epilog=_EXIT_CODES)(_tailorbird)
    for command in _COMMANDS:
        app.command(epilog=command.epilog, short_help=command.short)(command.function)
    return app


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        sys.stdout.write(f"tailorbird {version('tailorbird')}\n")
        raise typer.Exit


def _tailorbird(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Stitch your own data into a language model, and measure what it deserves.

    Everything runs offline on a fake provider until a profile in tailorbird.toml names another.
    """


def _ended(end: SystemExit) -> int:
    """Give the code that a command ended with, and say what Ctrl-C did not stop."""
    code = end.code if isinstance(end.code, int) else 0
    if code == INTERRUPTED:
        sys.stderr.write(
            "\ninterrupted: jobs that were started at the provider go on (see `tailorbird jobs`);"
            " the same command goes on where this one stopped\n"
        )
    return code


def _unexpected(error: Exception) -> int:
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        place = error.filename or "stdout"
        sys.stderr.write(f"error: cannot write to {place!r}: {error.strerror}; make room there\n")
        return CANNOT_RUN
    sys.stderr.write(
        f"error: unexpected {type(error).__name__}: {error}; this is a fault of tailorbird:"
        f" please report it with what {DEBUG_VARIABLE}=1 shows\n"
    )
    return CANNOT_RUN
