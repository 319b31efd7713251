"""A loopback server that breaks HTTP on demand, alone or in front of an ASGI application."""

from __future__ import annotations

from tailorbird.testing.faults.events import (
    KEEP_ALIVE,
    STREAM_FAULTS,
    STREAM_TEXT,
    StreamFault,
)
from tailorbird.testing.faults.faults import (
    BadGzip,
    Disconnect,
    EndlessBody,
    GhostAnswer,
    HeaderFlood,
    IdleClose,
    InvalidUtf8,
    Oversize,
    Place,
    Redirect,
    Stall,
    Status,
    Stream,
    Trickle,
    TruncatedJson,
    WireFault,
    WrongContentType,
)
from tailorbird.testing.faults.forwarding import App, Message, Receive, Send
from tailorbird.testing.faults.line import Answer, Line
from tailorbird.testing.faults.server import FaultServer, SeenRequest, Step

__all__ = [
    "KEEP_ALIVE",
    "STREAM_FAULTS",
    "STREAM_TEXT",
    "Answer",
    "App",
    "BadGzip",
    "Disconnect",
    "EndlessBody",
    "FaultServer",
    "GhostAnswer",
    "HeaderFlood",
    "IdleClose",
    "InvalidUtf8",
    "Line",
    "Message",
    "Oversize",
    "Place",
    "Receive",
    "Redirect",
    "SeenRequest",
    "Send",
    "Stall",
    "Status",
    "Step",
    "Stream",
    "StreamFault",
    "Trickle",
    "TruncatedJson",
    "WireFault",
    "WrongContentType",
]
