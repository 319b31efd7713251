"""What becomes of requests without a usable answer."""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpcore2
import httpx2
import pytest

from tailorbird._http import FAILURES, transport_error
from tailorbird.exceptions import (
    Accepted,
    ConnectError,
    DeadlineError,
    InvalidInputError,
    ProviderError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)

KEY = "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34"


def translate(exc: BaseException) -> ProviderError:
    """Translate with the usual names."""
    return transport_error(exc, provider="cloud", operation="things.get", host="h.test")


def caused(exc: Exception, *causes: BaseException) -> Exception:
    """Chain errors as `raise … from …` does."""
    link: BaseException = exc
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return exc


@pytest.mark.parametrize(
    ("exc", "kind", "accepted", "words"),
    [
        (httpx2.ConnectError(""), ConnectError, "no", "no connection"),
        (httpx2.ConnectTimeout(""), ConnectError, "no", "in time"),
        (httpx2.PoolTimeout(""), ConnectError, "no", "fewer calls"),
        (httpx2.ProxyError("407"), ConnectError, "no", "proxy"),
        (httpx2.ReadTimeout(""), DeadlineError, "unknown", "silent"),
        (httpx2.WriteTimeout(""), DeadlineError, "unknown", "silent"),
        (httpx2.ReadError(""), ServiceUnavailableError, "unknown", "broke"),
        (httpx2.WriteError(""), ServiceUnavailableError, "unknown", "broke"),
        (httpx2.RemoteProtocolError(""), ServiceUnavailableError, "unknown", "broke"),
        (ssl.SSLError("bad record"), ServiceUnavailableError, "unknown", "broke"),
        (httpx2.DecodingError(""), UnexpectedResponseError, "unknown", "cannot be read"),
        (httpx2.StreamClosed(), UnexpectedResponseError, "unknown", "cannot be read"),
    ],
)
def test_kind_of_failure_decides(
    exc: Exception, kind: type[ProviderError], accepted: Accepted, words: str
) -> None:
    """What certainly did not arrive is a ConnectError; everything else may have been accepted."""
    made = translate(exc)
    assert type(made) is kind
    assert made.accepted == accepted
    assert words in str(made)
    assert "'h.test'" in str(made)
    assert isinstance(exc, FAILURES)


def test_unknown_name_is_told() -> None:
    """A1: a name that cannot be resolved is said to be one, though the pool hides the cause."""
    inner = httpcore2.ConnectError("[Errno -2]")
    inner.__context__ = socket.gaierror(-2, "Name or service not known")
    made = translate(caused(httpx2.ConnectError("[Errno -2]"), inner))
    assert isinstance(made, ConnectError)
    assert "this name is not known" in str(made)


def test_untrusted_certificate_is_not_tried_again() -> None:
    """K8: a certificate that does not verify will not verify the next time either."""
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    made = translate(caused(httpx2.ConnectError(""), refused))
    assert made.should_retry is False
    assert "SSL_CERT_FILE" in str(made)


def test_failed_handshake_is_told() -> None:
    """TLS with a port that does not speak it is told from a closed port."""
    made = translate(caused(httpx2.ConnectError(""), ssl.SSLError(1, "WRONG_VERSION_NUMBER")))
    assert "speak TLS" in str(made)


def test_words_of_the_cause_are_not_repeated() -> None:
    """K1: what another library says may hold the key, so it is not quoted."""
    assert KEY not in str(translate(httpx2.LocalProtocolError(f"Illegal header value {KEY}")))


def test_own_error_comes_out_of_its_wrapping() -> None:
    """An error of ours that another library wrapped is raised as it was."""
    own = InvalidInputError("another event loop")
    with pytest.raises(InvalidInputError) as caught:
        translate(caused(RuntimeError("wrapped"), own))
    assert caught.value is own


def test_error_that_the_caller_was_handling_is_not_taken_for_the_cause() -> None:
    """What stood around the call is no part of what happened in it."""
    exc = httpx2.ReadError("")
    exc.__context__ = RateLimitError("theirs", provider="other", operation="chat.complete")
    assert type(translate(exc)) is ServiceUnavailableError


def test_chain_that_bites_its_tail_ends() -> None:
    """Causes in a circle are looked at once."""
    first, second = httpx2.ReadError(""), httpx2.ReadError("")
    first.__cause__, second.__cause__ = second, first
    assert type(translate(first)) is ServiceUnavailableError


@pytest.mark.parametrize("exit_", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(3)])
def test_cancellation_is_passed_on(exit_: BaseException) -> None:
    """J1: what ends a task or the process is never turned into an error of a provider."""
    with pytest.raises(type(exit_)) as caught:
        translate(exit_)
    assert caught.value is exit_
