"""HTTP as this package wants it: bounded, never redirected, with typed errors; nothing else.

Only this floor knows the HTTP library.
"""

from __future__ import annotations

from tailorbird._http.addresses import checked_base_url, host_of, is_loopback, is_within
from tailorbird._http.client import HttpClient, HttpResponse, HttpSettings, open_client
from tailorbird._http.failures import FAILURES, failure_of, transport_error
from tailorbird._http.limits import BODY_TYPE_HEADER, STREAM_HEADER
from tailorbird._http.refusals import (
    Refusal,
    keys_sent,
    read_refusal,
    refusal_error,
    request_id_of,
)
from tailorbird._http.rest import RestAnswer, RestClient
from tailorbird._http.scrubbing import scrub
from tailorbird._http.waiting import retry_after_s

__all__ = [
    "BODY_TYPE_HEADER",
    "FAILURES",
    "STREAM_HEADER",
    "HttpClient",
    "HttpResponse",
    "HttpSettings",
    "Refusal",
    "RestAnswer",
    "RestClient",
    "checked_base_url",
    "failure_of",
    "host_of",
    "is_loopback",
    "is_within",
    "keys_sent",
    "open_client",
    "read_refusal",
    "refusal_error",
    "request_id_of",
    "retry_after_s",
    "scrub",
    "transport_error",
]
