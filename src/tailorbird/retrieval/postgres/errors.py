"""What the server and its driver raise, said as errors of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg

from tailorbird.exceptions import (
    DeadlineError,
    IndexMissingError,
    PermissionDeniedError,
    ProviderError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from tailorbird.exceptions import Accepted

ENGINE: Final = "postgres"
"""Name of the engine, in traits and errors."""

# PostgreSQL 18, Appendix A, PostgreSQL Error Codes, read 2026-11-22.
_DROPPED = {"42P01", "23503"}  # the index's tables are gone, the row they hang on is gone
_CANCELED = "57014"  # by statement_timeout: nobody else cancels our statements
_DENIED = "42501"
_TROUBLE = {"08", "40", "53", "55", "57", "58"}  # connection, conflict, resources, operator, system


@contextmanager
def translated(operation: str, *, subject: str) -> Generator[None]:
    """Raise errors of ours for those of the driver.

    Args:
        operation: What is done, e.g. `search`.
        subject: On what, for messages.

    Raises:
        IndexMissingError: The index was deleted meanwhile.
        PermissionDeniedError: The role lacks a privilege.
        DeadlineError: The server gave the statement up after `timeout_s`.
        ServiceUnavailableError: The server went away, is full, or is being shut down.
        UnexpectedResponseError: It refused a statement for another reason.
    """
    try:
        yield
    except psycopg.Error as exc:
        raise _error(exc, operation, subject) from exc


def _error(exc: psycopg.Error, operation: str, subject: str) -> Exception:
    code = exc.sqlstate
    if code in _DROPPED:
        return IndexMissingError(f"{subject} was deleted while {operation!r} went on")
    kind, message = _kind(exc, code, subject)
    accepted: Accepted = (
        "no" if operation == "search" or kind is PermissionDeniedError else "unknown"
    )
    return kind(message, provider=ENGINE, operation=operation, code=code, accepted=accepted)


def _kind(exc: psycopg.Error, code: str | None, subject: str) -> tuple[type[ProviderError], str]:
    # The server's own text may quote content; class and code say what happened.
    name = type(exc).__name__
    if code == _DENIED:
        return PermissionDeniedError, (
            f"{subject}: the role may not do this; grant it USAGE and CREATE on the schema (on the"
            " database, CREATE, where there is no schema yet), or let it own the tables"
        )
    if code == _CANCELED:
        return DeadlineError, (
            f"{subject}: the server gave the statement up after `timeout_s`; raise it, or ask why"
            " the server is slow"
        )
    if isinstance(exc, psycopg.OperationalError) or (code or "")[:2] in _TROUBLE:
        return ServiceUnavailableError, (
            f"{subject}: the server could not finish ({name}); what was committed is intact,"
            " repeat the call"
        )
    return UnexpectedResponseError, f"{subject}: the server refused a statement ({name})"
