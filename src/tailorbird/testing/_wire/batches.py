"""`/batches`.

A batch stands still between look-ups: each one runs up to 1,000 of its lines through the fake, and
lets it take the steps for which its time has come. How long they take is the fake's to say; what
becomes of a line is what the route of its address says. Batches are not handed to the fake's own
`batches`: a line has a form, a format of vectors and mistakes of its own, which the typed call,
with one form and checked requests, does not know.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tailorbird.providers.fake.batches.life import (
    CANCELLING_S,
    FINALIZING_S,
    VALIDATING_S,
    WINDOW,
)
from tailorbird.testing._wire.batch_lines import (
    Line,
    checked,
    endpoint_of,
    expired_line,
    read_lines,
    result_of,
)
from tailorbird.testing._wire.bodies import WireModel, invalid, parsed, read_body, read_model
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.files.files import expiry_of
from tailorbird.testing._wire.paging import page_of, window_of
from tailorbird.testing._wire.routing import route
from tailorbird.types.ids import FileId

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World

_LINES_A_LOOKUP = 1_000
_OPEN = frozenset({"validating", "in_progress", "finalizing", "cancelling"})


class _Expiry(WireModel):
    anchor: str
    seconds: int


class _BatchBody(WireModel):
    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"]
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    output_expires_after: _Expiry | None = None


@dataclass(slots=True, kw_only=True)
class _Batch:
    id: str
    body: _BatchBody
    endpoint: str
    expires_after_s: int | None
    created_at: datetime
    input: Path
    output: Path
    failures: Path
    status: str = "validating"
    since: dict[str, datetime] = field(default_factory=dict[str, datetime])
    errors: list[JsonValue] = field(default_factory=list["JsonValue"])
    model: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    files: dict[str, FileId] = field(default_factory=dict[str, FileId])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def done(self) -> int:
        return self.completed + self.failed

    def enter(self, status: str, at: datetime) -> None:
        self.status = status
        self.since[status] = at


def routes(world: World) -> list[Route]:
    """Give the routes."""
    batches = world.kept(_Batches)
    return [
        route(world, "POST", "/batches", "batches.create", batches.create),
        route(world, "GET", "/batches", "batches.list", batches.list),
        route(world, "GET", "/batches/{id}", "batches.get", batches.get),
        route(world, "POST", "/batches/{id}/cancel", "batches.cancel", batches.cancel),
    ]


class _Batches:
    def __init__(self, world: World) -> None:
        self._world = world
        self._batches: dict[str, _Batch] = {}

    async def create(self, request: Request) -> Response:
        world = self._world
        body = await read_model(request, world, _BatchBody)
        endpoint = endpoint_of(body.endpoint)
        if endpoint is None:
            raise invalid("endpoint", f"Batches do not take the endpoint {body.endpoint[:40]!r}.")
        expiry = body.output_expires_after
        expires_after_s = None if expiry is None else expiry_of(expiry.anchor, str(expiry.seconds))
        file_id = FileId(body.input_file_id)
        stored = await world.provider.files.get(file_id)
        if stored.purpose != "batch":
            raise invalid("input_file_id", f"The file {file_id!r} is not for 'batch'.")
        paths = await world.in_thread(lambda: [world.spool.new_path() for _ in range(3)])
        await self._fetch(file_id, paths[0])
        batch = _Batch(
            id=world.new_id("batch_"),
            body=body,
            endpoint=endpoint,
            expires_after_s=expires_after_s,
            created_at=world.now(),
            input=paths[0],
            output=paths[1],
            failures=paths[2],
        )
        self._batches[batch.id] = batch
        return json_response(_shown(batch))

    async def list(self, request: Request) -> Response:
        window = window_of(request, default=20, most=100)
        for one in self._batches.values():
            await self._settle(one)
        newest = list(reversed(self._batches.values()))
        return json_response(page_of(newest, window, key=lambda one: one.id, show=_shown))

    async def get(self, request: Request) -> Response:
        batch = self._find(request)
        await self._settle(batch)
        return json_response(_shown(batch))

    async def cancel(self, request: Request) -> Response:
        await read_body(request, self._world)
        batch = self._find(request)
        await self._settle(batch)
        async with batch.turn:
            if batch.status not in _OPEN:
                raise WireError(f"Cannot cancel a batch with status {batch.status!r}.", status=409)
            batch.enter("cancelling", self._world.now())
        return json_response(_shown(batch))

    def _find(self, request: Request) -> _Batch:
        wanted = request.path_params["id"]
        batch = self._batches.get(wanted)
        if batch is None:
            raise WireError(f"No batch found with id {wanted[:80]!r}.", status=404)
        return batch

    async def _fetch(self, file_id: FileId, path: Path) -> None:
        """Take a copy of the input to disk: it may be deleted while the batch runs."""
        world = self._world
        file = await world.in_thread(lambda: path.open("wb"))
        try:
            async for piece in world.provider.files.content(file_id):
                await world.in_thread(partial(file.write, piece))
        finally:
            await world.in_thread(file.close)

    async def _settle(self, batch: _Batch) -> None:
        """Let a batch take the steps for which its time has come."""
        async with batch.turn:
            if batch.status == "validating":
                await self._validate(batch)
            if batch.status == "in_progress":
                await self._run(batch)
            elif batch.status == "finalizing" and self._lasted(batch, FINALIZING_S):
                await self._end(batch, "completed")
            elif batch.status == "cancelling" and self._lasted(batch, CANCELLING_S):
                await self._end(batch, "cancelled")

    def _lasted(self, batch: _Batch, seconds: float) -> bool:
        """Say whether a batch has been in its state for so long."""
        since = batch.since.get(batch.status, batch.created_at)
        return since + timedelta(seconds=seconds) <= self._world.now()

    async def _validate(self, batch: _Batch) -> None:
        world = self._world
        if not self._lasted(batch, VALIDATING_S):
            return
        most = world.provider.settings.batch_requests
        found = await world.in_thread(lambda: checked(batch.input, batch.endpoint, most=most))
        batch.total, batch.model, batch.errors = found.total, found.model, found.errors
        if found.errors:
            await self._end(batch, "failed")
        else:
            batch.enter("in_progress", world.now())

    async def _run(self, batch: _Batch) -> None:
        """Run the next lines; the results of each stand on disk when the next one begins."""
        world = self._world
        first = batch.done
        texts = await world.in_thread(
            lambda: list(islice(read_lines(batch.input), first, first + _LINES_A_LOOKUP))
        )
        lines = [parsed(text, Line) for text in texts]
        late = batch.created_at + WINDOW <= world.now()
        for line in lines:
            succeeded, result = (
                (False, expired_line(world, line)) if late else await result_of(world, line)
            )
            await self._write(batch.output if succeeded else batch.failures, result)
            batch.completed += succeeded
            batch.failed += not succeeded
        if batch.done < batch.total:
            return
        if late and lines:
            await self._end(batch, "expired")
        elif self._lasted(batch, world.provider.settings.batch_s):
            batch.enter("finalizing", world.now())

    async def _write(self, path: Path, line: bytes) -> None:
        await self._world.in_thread(lambda: _append(path, line))

    async def _end(self, batch: _Batch, status: str) -> None:
        """Store what came out, in another order than it was asked in, and end the batch."""
        world = self._world
        for name, path, count in (
            ("output", batch.output, batch.completed),
            ("error", batch.failures, batch.failed),
        ):
            if count and name not in batch.files:
                await world.in_thread(partial(_turn_round, path))
                stored = await world.provider.files.create(
                    path,
                    name=f"{batch.id}_{name}.jsonl",
                    purpose="batch",
                    expires_after_s=batch.expires_after_s,
                )
                batch.files[name] = stored.id
                world.purposes[stored.id] = "batch_output"
        await world.in_thread(lambda: _remove(batch))
        batch.enter(status, world.now())


def _append(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line + b"\n")


def _turn_round(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines)))


def _remove(batch: _Batch) -> None:
    for path in (batch.input, batch.output, batch.failures):
        path.unlink(missing_ok=True)


def _shown(batch: _Batch) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.body.endpoint,
        "input_file_id": batch.body.input_file_id,
        "completion_window": batch.body.completion_window,
        "status": batch.status,
        "created_at": int(batch.created_at.timestamp()),
        "expires_at": int((batch.created_at + WINDOW).timestamp()),
        "request_counts": {
            "total": batch.total,
            "completed": batch.completed,
            "failed": batch.failed,
        },
        "metadata": None if batch.body.metadata is None else dict(batch.body.metadata),
    }
    shown.update({f"{name}_file_id": file_id for name, file_id in batch.files.items()})
    shown.update({f"{name}_at": int(at.timestamp()) for name, at in batch.since.items()})
    if batch.model is not None:
        shown["model"] = batch.model
    if batch.errors:
        shown["errors"] = {"object": "list", "data": batch.errors}
    return shown
