"""What providers say when they refuse, and the errors that it becomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird._http import Refusal, read_refusal, refusal_error, request_id_of
from tailorbird.exceptions import (
    Accepted,
    AuthenticationError,
    ConflictError,
    ContentFilteredError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34"


def read(body: object, *, status_code: int = 400) -> Refusal:
    """Read a JSON body, or bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_refusal(status_code, {}, content)


def error(
    status_code: int, body: object = None, headers: dict[str, str] | None = None
) -> ProviderError:
    """Make the error of a status with a JSON body."""
    refusal = read_refusal(status_code, headers or {}, json.dumps(body).encode())
    return refusal_error(
        refusal, provider="openai", operation="jobs.create", host="api.openai.com", now=NOW
    )


def test_openai_shape_is_read() -> None:
    """The shape of OpenAI gives message, type, parameter and code."""
    body = {"error": {"message": "no such model", "type": "t", "param": "model", "code": "c"}}
    refusal = read(body)
    assert (refusal.message, refusal.type, refusal.param, refusal.code) == (
        "no such model",
        "t",
        "model",
        "c",
    )


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ({"error": "a text"}, "a text", None),
        ({"statusCode": 401, "message": "audience is incorrect"}, "audience is incorrect", None),
        ({"code": "Gone", "message": "retired"}, "retired", "Gone"),
        ({"detail": "Not Found"}, "Not Found", None),
        ({"title": "Bad", "status": 400}, "Bad", None),
        ({"error": {"message": "m", "code": 429}}, "m", "429"),
        ({"error": {"message": "m", "code": True}}, "m", None),
        ({"error": {"message": ["m"], "code": {}}}, "", None),
        ({"error": None, "message": "flat"}, "flat", None),
        ({"error": {"message": ""}}, "", None),
        ([], "", None),
        (None, "", None),
        (17, "", None),
        ([{"error": {"message": "in a list"}}], "", None),
        (b"", "", None),
        (b"plain words\r\nin two lines", "plain words in two lines", None),
        (b"<html><head><title>502 Bad Gateway</title>", "a web page, not an API (502 Bad", None),
        (b"  <!doctype html><p>hello", "a web page, not an API", None),
        (b'{"error": {"message": "cut', '{"error": {"message": "cut', None),
        (b"\xff\xfe\x00\x01", "�", None),
        (b"[" * 100_000, "[[[[", None),
        (b"\x1b[31mred\x07", "�[31mred�", None),
    ],
)
def test_any_shape_is_read(body: object, message: str, code: str | None) -> None:
    """B13: whatever a body holds, what can be read of it is read and nothing else is raised."""
    refusal = read(body)
    assert refusal.message.startswith(message)
    assert bool(refusal.message) is bool(message)
    assert refusal.code == code


def test_content_filter_of_azure_is_read() -> None:
    """The inner error gives its code and what the filter acted on."""
    results = {
        "hate": {"filtered": True, "severity": "high"},
        "violence": {"filtered": False, "severity": "safe"},
        "jailbreak": {"filtered": True, "detected": True},
        "odd": "text",
    }
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results}
    body = {"error": {"message": "m", "code": "content_filter", "innererror": inner}}
    refusal = read(body)
    assert refusal.is_filtered
    assert refusal.inner_code == "ResponsibleAIPolicyViolation"
    assert refusal.categories == ("hate", "jailbreak")


@pytest.mark.parametrize("name", ["innererror", "inner_error"])
@pytest.mark.parametrize("results", ["content_filter_result", "content_filter_results"])
def test_content_filter_is_known_by_the_inner_code_alone(name: str, results: str) -> None:
    """Gateways that rename the outer code leave the inner one, under either name."""
    inner = {"code": "ResponsibleAIPolicyViolation", results: {"sexual": {"filtered": True}}}
    made = error(400, {"error": {"code": "invalid_request_error", "message": "m", name: inner}})
    assert isinstance(made, ContentFilteredError)
    assert (made.stage, made.categories, made.accepted) == ("prompt", ("sexual",), "yes")
    assert made.code == "invalid_request_error"


def test_words_are_masked_and_cut() -> None:
    """K1: keys in the provider's words are masked before they are cut to 500 characters."""
    message = read({"error": {"message": f"bad key {KEY} " + "x" * 600}}).message
    assert len(message) == 500
    assert "Ab12" not in message
    edge = read({"error": {"message": "y" * 490 + " " + KEY}}).message
    assert "sk-proj" not in edge


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_any_json_makes_an_error(value: object) -> None:
    """B13: any JSON value in any place of an error's body gives a typed error."""
    for body in (value, {"error": value}, {"error": {"message": value, "innererror": value}}):
        assert isinstance(error(500, body), ServiceUnavailableError)


@given(st.binary(max_size=200))
def test_any_bytes_make_an_error(content: bytes) -> None:
    """B13: any bytes give a typed error."""
    refusal = read_refusal(502, {}, content)
    made = refusal_error(refusal, provider="p", operation="o", host="h", now=NOW)
    assert isinstance(made, ServiceUnavailableError)


@pytest.mark.parametrize(
    ("status_code", "kind", "accepted"),
    [
        (304, UnexpectedResponseError, "unknown"),
        (400, InvalidRequestError, "no"),
        (401, AuthenticationError, "no"),
        (402, InvalidRequestError, "no"),
        (403, PermissionDeniedError, "no"),
        (404, NotFoundError, "no"),
        (407, PermissionDeniedError, "no"),
        (408, ServiceUnavailableError, "unknown"),
        (409, ConflictError, "unknown"),
        (410, NotFoundError, "no"),
        (413, InvalidRequestError, "no"),
        (422, InvalidRequestError, "no"),
        (425, ServiceUnavailableError, "no"),
        (429, RateLimitError, "no"),
        (431, InvalidRequestError, "no"),
        (500, ServiceUnavailableError, "unknown"),
        (503, ServiceUnavailableError, "unknown"),
        (529, ServiceUnavailableError, "unknown"),
    ],
)
def test_status_decides(status_code: int, kind: type[ProviderError], accepted: Accepted) -> None:
    """The class and whether it was accepted come from the status."""
    made = error(status_code)
    assert type(made) is kind
    assert (made.status_code, made.accepted) == (status_code, accepted)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "insufficient_quota", "message": "m"}},
        {"error": {"code": None, "type": "insufficient_quota", "message": "m"}},
        {"error": {"code": "billing_hard_limit_reached"}},
    ],
)
def test_lack_of_money_is_no_rate_limit(body: object) -> None:
    """B5: used up quota is known by code or type, points to billing and is never repeated."""
    made = error(429, body)
    assert type(made) is QuotaExhaustedError
    assert made.should_retry is False
    assert "billing" in str(made)


def test_lack_of_quota_of_azure_comes_with_another_status() -> None:
    """Azure's control plane says by 400 and a code that the region has nothing left."""
    assert type(error(400, {"error": {"code": "InsufficientQuota"}})) is QuotaExhaustedError


def test_message_says_what_where_and_what_next() -> None:
    """The message has host, status, words, parameter and advice; the facts are attributes."""
    body = {"error": {"message": "Unknown model.", "param": "model", "code": "model_not_found"}}
    made = error(404, body, {"x-request-id": "req_1"})
    assert str(made) == (
        "openai jobs.create: 'api.openai.com' answered 404: Unknown model (parameter 'model');"
        " check the name, and the path of the base URL"
        " (status 404, code 'model_not_found', request req_1)"
    )
    assert (made.code, made.request_id) == ("model_not_found", "req_1")


def test_refused_training_keeps_its_code() -> None:
    """The code by which training is refused stays readable for those who translate it."""
    made = error(403, {"error": {"code": "training_not_available", "message": "closed"}})
    assert (type(made), made.code) == (PermissionDeniedError, "training_not_available")


@pytest.mark.parametrize(
    ("value", "expected"), [("false", False), ("TRUE", True), ("maybe", None), (None, None)]
)
def test_server_may_forbid_a_repetition(value: str | None, *, expected: bool | None) -> None:
    """B11: `x-should-retry` is carried along."""
    headers = {} if value is None else {"x-should-retry": value}
    assert error(503, headers=headers).should_retry is expected


def test_wait_is_carried_along() -> None:
    """B1: the wait that the provider asks for is an attribute of the error."""
    assert error(429, headers={"retry-after-ms": "50"}).retry_after_s == 0.05


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"x-request-id": "a", "apim-request-id": "b"}, "a"),
        ({"apim-request-id": "b"}, "b"),
        ({"x-ms-request-id": "c"}, "c"),
        ({"request-id": "d"}, "d"),
        ({"x-request-id": "", "request-id": "d"}, "d"),
        ({"x-request-id": "with blanks"}, None),
        ({}, None),
    ],
)
def test_request_id_is_found(headers: dict[str, str], request_id: str | None) -> None:
    """Each cloud's header is known; what could break a log line is not taken."""
    assert request_id_of(headers) == request_id
