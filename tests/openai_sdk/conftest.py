"""A server in this process, and accounts at it, for the tests of the translation."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from inspect import isawaitable
from random import Random

import httpx2
import pytest
from python_multipart.multipart import FormParser, parse_options_header

from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird._openai_sdk.files.files import FilesDialect, SdkFiles
from tailorbird._openai_sdk.jobs import JobsDialect, SdkJobs
from tailorbird._openai_sdk.models import ModelsDialect, SdkModels
from tailorbird._openai_sdk.settings import CallSettings
from tailorbird.providers.fake import VirtualClock
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.types import Availability, Capabilities, Capability
from tailorbird.types.secrets import Secret

MOMENT = 1_795_305_600  # 2026-11-22 00:00 UTC


@dataclass(frozen=True)
class Taken:
    """A request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    size_bytes: int
    md5: str

    @property
    def json(self) -> object:
        """The body, which must be JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> Form:
        """The body, which must be a form with one file."""
        return parse_form(self.headers["content-type"], self.body)


@dataclass
class Form:
    """What a form held."""

    fields: dict[str, str] = field(default_factory=dict)
    file_field: str = ""
    file_name: str = ""
    file_type: str = ""
    content: bytes = b""


def parse_form(content_type: str, body: bytes) -> Form:
    """Read a form with a parser that is not ours."""
    form = Form()
    _, options = parse_options_header(content_type)

    def on_field(one: object) -> None:
        form.fields[one.field_name.decode()] = (one.value or b"").decode()

    def on_file(one: object) -> None:
        form.file_field = one.field_name.decode()
        form.file_name = one.file_name.decode()
        form.file_type = one.content_type or ""
        one.file_object.seek(0)
        form.content = one.file_object.read()

    parser = FormParser(
        "multipart/form-data",
        on_field,
        on_file,
        boundary=options[b"boundary"],
        config={"MAX_MEMORY_FILE_SIZE": 1 << 30},
    )
    parser.write(body)
    parser.finalize()
    return form


Answer = object  # a JSON value, bytes, a response, an error, or what is called with the request


class Trickle(httpx2.AsyncByteStream):
    """A body that comes in given pieces, with an error at its end or without."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.pieces = pieces
        self.error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the pieces."""
        for piece in self.pieces:
            yield piece
        if self.error is not None:
            raise self.error


class Cloud(httpx2.AsyncBaseTransport):
    """Answers what it is told for a method and a path, and remembers what it was asked."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.keeps_bodies = True
        self.clock = VirtualClock()
        self._answers: dict[str, list[Answer]] = {}
        self.connection = Connection(
            Endpoint(
                provider="openai",
                base_url="https://api.openai.com/v1",
                key=Secret("sk-test-0123", source="test"),
            ),
            retrier=Retrier(RetryPolicy(), self.clock, Random(7), RetryBudget(1000)),  # noqa: S311 - spreads waits
            http=HttpSettings(),
            transport=self,
        )

    def on(self, call: str, *answers: Answer) -> None:
        """Answer a call such as `GET /files` with these, the last one again and again."""
        self._answers[call] = list(answers)

    def sent(self, call: str) -> list[Taken]:
        """Give the requests of a call that arrived."""
        return [one for one in self.taken if f"{one.method} {one.path}" == call]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Take a request as a server does: the body piece by piece, then answer."""
        digest, kept, size = hashlib.md5(usedforsecurity=False), io.BytesIO(), 0
        async for piece in request.stream:
            digest.update(piece)
            size += len(piece)
            if self.keeps_bodies:
                kept.write(piece)
        taken = Taken(
            method=request.method,
            path=request.url.path.removeprefix("/v1"),
            query=dict(request.url.params),
            headers=dict(request.headers),
            body=kept.getvalue(),
            size_bytes=size,
            md5=digest.hexdigest(),
        )
        self.taken.append(taken)
        answers = self._answers.get(f"{taken.method} {taken.path}", [refusal(404, "not_found")])
        return await self._response(answers.pop(0) if len(answers) > 1 else answers[0], taken)

    def files(
        self,
        dialect: FilesDialect | None = None,
        *,
        without: tuple[Capability, ...] = (),
        calls: CallSettings | None = None,
    ) -> SdkFiles:
        """Give the files of an account here."""
        return SdkFiles(
            self.connection,
            dialect=dialect or FilesDialect(),
            capabilities=offering(*without),
            calls=calls or CallSettings(),
        )

    def jobs(
        self,
        dialect: JobsDialect | None = None,
        *,
        without: tuple[Capability, ...] = (),
        capabilities: Capabilities | None = None,
    ) -> SdkJobs:
        """Give the jobs of an account here."""
        return SdkJobs(
            self.connection,
            dialect=dialect or JobsDialect(),
            capabilities=capabilities or offering(*without),
            calls=CallSettings(),
        )

    def models(
        self, dialect: ModelsDialect | None = None, *, without: tuple[Capability, ...] = ()
    ) -> SdkModels:
        """Give the models of an account here."""
        return SdkModels(
            self.connection,
            dialect=dialect or ModelsDialect(),
            capabilities=offering(*without),
            calls=CallSettings(),
        )

    async def _response(self, answer: Answer, taken: Taken) -> httpx2.Response:
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            made = answer(taken)
            return await self._response(await made if isawaitable(made) else made, taken)
        if isinstance(answer, httpx2.AsyncByteStream):
            return httpx2.Response(200, stream=answer)
        if isinstance(answer, httpx2.Response):
            headers = answer.headers
            return httpx2.Response(answer.status_code, headers=headers, content=answer.content)
        if isinstance(answer, bytes):
            return httpx2.Response(200, content=answer)
        return httpx2.Response(200, json=answer)


def refusal(status: int, code: str | None = None, message: str = "no") -> httpx2.Response:
    """Make a refusal in OpenAI's shape."""
    error = {"message": message, "code": code, "type": "invalid_request_error", "param": None}
    return httpx2.Response(status, json={"error": error})


def offering(*without: Capability) -> Capabilities:
    """Offer everything but these."""
    offered = tuple(Availability(capability=one) for one in Capability if one not in without)
    return Capabilities(provider="openai", entries=offered)


@dataclass(frozen=True)
class Tools:
    """What tests of this folder share."""

    moment = MOMENT
    refusal: Callable[..., httpx2.Response] = refusal
    trickle: type[Trickle] = Trickle
    parse_form: Callable[[str, bytes], Form] = parse_form

    @staticmethod
    def file(**changes: object) -> dict[str, object]:
        """Make a file as OpenAI sends it."""
        return {
            "id": "file-1",
            "object": "file",
            "bytes": 3,
            "created_at": MOMENT,
            "filename": "a.jsonl",
            "purpose": "fine-tune",
            "status": "processed",
        } | changes

    @staticmethod
    def job(**changes: object) -> dict[str, object]:
        """Make a job as OpenAI sends it when it is new."""
        return {
            "id": "ftjob-1",
            "object": "fine_tuning.job",
            "created_at": MOMENT,
            "error": {},
            "estimated_finish": None,
            "fine_tuned_model": None,
            "finished_at": None,
            "hyperparameters": {"n_epochs": "auto"},
            "integrations": [],
            "metadata": {"tailorbird_run": "k1"},
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
            "model": "gpt-4.1-mini-2025-04-14",
            "organization_id": "org-1",
            "result_files": [],
            "seed": 7,
            "status": "validating_files",
            "trained_tokens": None,
            "training_file": "file-1",
            "user_provided_suffix": None,
            "validation_file": None,
        } | changes

    @staticmethod
    def page(*items: object, more: bool = False, **changes: object) -> dict[str, object]:
        """Make a page of a listing."""
        return {"object": "list", "data": list(items), "has_more": more} | changes

    @staticmethod
    def at(seconds: float) -> datetime:
        """Give a moment some seconds after the usual one."""
        return datetime.fromtimestamp(MOMENT + seconds, UTC)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    """A server in this process, with an open connection to it."""
    one = Cloud()
    await one.connection.open()
    yield one
    await one.connection.close()


@pytest.fixture
def tools() -> Tools:
    """What tests of this folder share."""
    return Tools()
