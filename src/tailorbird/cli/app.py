"""Put the commands together and run them.

Exit codes: 0 everything went well; 1 the data has errors, a job failed, or `doctor` found something
wrong; 2 it cannot run (usage, settings, a missing file, or what a provider said); 130 interrupted
by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass
from importlib.metadata import version
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.catalog import models
from tailorbird.cli.checking import estimate, validate
from tailorbird.cli.comparing import compare
from tailorbird.cli.doctor import doctor
from tailorbird.cli.documents import ask, index, search
from tailorbird.cli.failures import CANNOT_RUN, INTERRUPTED
from tailorbird.cli.serving import serve_fake
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
  1    the data has errors, a job failed, or doctor found something wrong
  2    it cannot run: usage, settings, a missing file, or what a provider said
  130  interrupted by Ctrl-C; jobs at the provider go on"""

_ERROR_KEYS = "ok (false), error (type, message, exit_code), problems"


@dataclass(frozen=True, slots=True)
class _Command:
    """A command, and what its help says besides its options."""

    function: Callable[..., None]
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
        "tailorbird compare faq.csv --documents handbook/ --html report.html",
        ", ".join(KEYS),
    ),
    _Command(
        validate,
        "tailorbird validate train.jsonl --for openai",
        "ok, total, problems, source, kind, provider, records",
    ),
    _Command(
        estimate,
        "tailorbird estimate faq.csv --profile openai",
        "base, examples, tokens, counted, epochs, trained_tokens, usd, price, hosting_hourly",
    ),
    _Command(
        tune,
        "tailorbird tune faq.csv --name faq-bot --no-wait",
        "name, profile, provider, job, status, system, tuned",
    ),
    _Command(jobs, "tailorbird jobs", "jobs (name, job, status, base, model, begun)"),
    _Command(
        index,
        "tailorbird index handbook/ --name handbook",
        "name, info, added, changed, unchanged, removed, embedded, usage, problems, evaluation",
    ),
    _Command(
        search,
        'tailorbird search "paid leave" --index handbook --top-k 3',
        "query, index, hits (rank, chunk, score, score_kind, legs)",
    ),
    _Command(
        ask,
        'tailorbird ask "How long does a refund take?" --index handbook --only-from-data',
        "question, text, abstained, reason, citations (number, document, chunk, source, page, span,"
        " quote, score, score_kind), retrieved, dropped_citations, foreign_links, usage, latency_s,"
        " model",
    ),
    _Command(
        models,
        "tailorbird models --json -",
        "models (id, owned_by, created_at, base, shutdown_date, successor, kinds, tunable,"
        " days_left)",
    ),
    _Command(
        doctor,
        "tailorbird doctor --profile openai",
        "ok, profile, provider, identity, origins, keys, warnings, reachable, roles, capabilities,"
        " findings (topic, subject, level, text)",
    ),
    _Command(
        serve_fake,
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
        app.command(epilog=command.epilog)(command.function)
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
    sys.stderr.write(
        f"error: unexpected {type(error).__name__}: {error}; this is a fault of tailorbird:"
        f" please report it with what {DEBUG_VARIABLE}=1 shows\n"
    )
    return CANNOT_RUN
