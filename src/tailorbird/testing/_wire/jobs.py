"""`/fine_tuning/jobs`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from tailorbird.testing._wire.bodies import read_body, read_model
from tailorbird.testing._wire.errors import json_response
from tailorbird.testing._wire.files.files import RESULTS
from tailorbird.testing._wire.job_request import TIER_WORDS, AzureJobBody, JobBody, spec_of
from tailorbird.testing._wire.paging import page_of, window_of
from tailorbird.testing._wire.routing import route
from tailorbird.types.ids import JobId

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World
    from tailorbird.types.jobs import Checkpoint, Job, JobEvent

_MOST_JOBS = 100  # in a page; more is not documented, and clients ask for 20 unless told otherwise
_MOST_EVENTS = 1_000
_METADATA = re.compile(r"metadata\[(.*)\]", re.DOTALL)


def routes(world: World) -> list[Route]:
    """Give the routes."""
    jobs, one = _Jobs(world), "/fine_tuning/jobs/{id}"
    return [
        route(world, "POST", "/fine_tuning/jobs", "jobs.create", jobs.create),
        route(world, "GET", "/fine_tuning/jobs", "jobs.list", jobs.list),
        route(world, "GET", one, "jobs.get", jobs.get),
        route(world, "POST", f"{one}/cancel", "jobs.cancel", jobs.cancel),
        route(world, "POST", f"{one}/pause", "jobs.pause", jobs.pause),
        route(world, "POST", f"{one}/resume", "jobs.resume", jobs.resume),
        route(world, "GET", f"{one}/events", "jobs.events", jobs.events),
        route(world, "GET", f"{one}/checkpoints", "jobs.checkpoints", jobs.checkpoints),
    ]


def job_json(job: Job, world: World) -> dict[str, JsonValue]:
    """Give a job as the cloud shows it.

    Azure has no organization, leaves the result files null until there are any, and shows neither
    the method nor the seed.
    """
    for one in job.result_files:
        world.purposes[one] = RESULTS
    method = None if job.method is None else job.method.model_dump(exclude_none=True)
    failure = job.failure
    results: list[JsonValue] = [*job.result_files]
    shown: dict[str, JsonValue] = {
        "id": job.id,
        "object": "fine_tuning.job",
        "created_at": int(job.created_at.timestamp()),
        "finished_at": None if job.finished_at is None else int(job.finished_at.timestamp()),
        "model": job.model,
        "fine_tuned_model": job.fine_tuned_model,
        "organization_id": job.organization_id,
        "status": job.raw_status,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "result_files": results if results or not world.dialect.tiers else None,
        "trained_tokens": job.trained_tokens,
        "error": None if failure is None else failure.model_dump(),
        "seed": job.seed,
        "integrations": [],
        "hyperparameters": _old_hyperparameters(method),
        "estimated_finish": None
        if job.estimated_finish is None
        else int(job.estimated_finish.timestamp()),
        "user_provided_suffix": job.suffix,
        "metadata": dict(job.metadata) or None,
    }
    if method is not None:
        shown["method"] = _method_json(method)
    if world.dialect.tiers:
        shown["trainingType"] = None if job.tier is None else TIER_WORDS[job.tier]
    return shown


class _Jobs:
    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs = world.provider.jobs
        self._body = AzureJobBody if world.dialect.tiers else JobBody

    async def create(self, request: Request) -> Response:
        body = await read_model(request, self._world, self._body)
        return self._shown(await self._jobs.create(spec_of(body)))

    async def list(self, request: Request) -> Response:
        window = window_of(request, default=20, most=_MOST_JOBS)
        wanted, without = _wanted(request)
        jobs = [
            one
            async for one in self._jobs.list(metadata=wanted or None)
            if not (without and one.metadata)
        ]
        world = self._world
        page = page_of(jobs, window, key=lambda one: one.id, show=lambda one: job_json(one, world))
        return json_response(page)

    async def get(self, request: Request) -> Response:
        return self._shown(await self._jobs.get(_id(request)))

    async def cancel(self, request: Request) -> Response:
        await read_body(request, self._world)
        return self._shown(await self._jobs.cancel(_id(request)))

    async def pause(self, request: Request) -> Response:
        await read_body(request, self._world)
        return self._shown(await self._jobs.pause(_id(request)))

    async def resume(self, request: Request) -> Response:
        await read_body(request, self._world)
        return self._shown(await self._jobs.resume(_id(request)))

    async def events(self, request: Request) -> Response:
        window = window_of(request, default=20, most=_MOST_EVENTS)
        events = [one async for one in self._jobs.events(_id(request))]
        return json_response(page_of(events, window, key=lambda one: one.id, show=_event_json))

    async def checkpoints(self, request: Request) -> Response:
        window = window_of(request, default=10, most=_MOST_JOBS)
        found = [one async for one in self._jobs.checkpoints(_id(request))]
        return json_response(page_of(found, window, key=lambda one: one.id, show=_checkpoint_json))

    def _shown(self, job: Job) -> Response:
        return json_response(job_json(job, self._world))


def _wanted(request: Request) -> tuple[dict[str, str], bool]:
    """Read the filter `metadata[k]=v`; `metadata=null` asks for jobs without any."""
    query = request.query_params
    wanted = {
        found[1]: value
        for key, value in query.items()
        if (found := _METADATA.fullmatch(key)) is not None
    }
    return wanted, query.get("metadata") == "null"


def _old_hyperparameters(method: dict[str, JsonValue] | None) -> JsonValue:
    """Give what stood at the top before there were methods; for supervised jobs only."""
    if method is None:
        return None
    if method["type"] != "supervised":
        return {}
    return _numbers(method)


def _method_json(method: dict[str, JsonValue]) -> JsonValue:
    kind = cast("str", method["type"])
    inner: dict[str, JsonValue] = {"hyperparameters": _numbers(method)}
    inner.update({key: method[key] for key in ("grader", "response_format") if key in method})
    return {"type": kind, kind: inner}


def _numbers(method: dict[str, JsonValue]) -> JsonValue:
    others = {"type", "grader", "response_format"}
    return {key: value for key, value in method.items() if key not in others}


def _event_json(event: JobEvent) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {
        "id": event.id,
        "object": "fine_tuning.job.event",
        "created_at": int(event.created_at.timestamp()),
        "level": event.level,
        "message": event.message,
        "type": event.type,
        "data": dict(event.data),
    }
    return shown


def _checkpoint_json(one: Checkpoint) -> dict[str, JsonValue]:
    return {
        "id": one.id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(one.created_at.timestamp()),
        "fine_tuning_job_id": one.job,
        "fine_tuned_model_checkpoint": one.model,
        "step_number": one.step,
        "metrics": one.metrics.model_dump(exclude_none=True),
    }


def _id(request: Request) -> JobId:
    return JobId(request.path_params["id"])
