"""The fake's deployments."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.exceptions import (
    ConflictError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
)
from tailorbird.protocols import Deployments
from tailorbird.protocols.arguments import check_id, time_limit
from tailorbird.providers.fake.catalog import deployment_word
from tailorbird.providers.fake.cloud import NAME, Request
from tailorbird.providers.fake.script import Statuses
from tailorbird.providers.fake.state import DeploymentRecord
from tailorbird.retry import PASSING, glance
from tailorbird.types.capabilities import Capability
from tailorbird.types.chat import ChatOptions, Message
from tailorbird.types.deployments import Deployment, DeploymentStatus, HostingQuote
from tailorbird.types.ids import DeploymentName, ModelId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird.protocols import Chat
    from tailorbird.providers.fake.catalog import Catalog
    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.operations import Operation
    from tailorbird.providers.fake.script import Turn
    from tailorbird.types.deployments import DeploymentSpec

DEFAULT_SKU = "GlobalStandard"
"""Kind of hosting unless the specification names one."""

DEFAULT_CAPACITY = 100
"""Thousands of tokens a minute unless the specification says otherwise; 1 would serve about one
call a minute. Source: reports of users of Azure, gathered on 2026-11-22."""

_POLL_S = 10.0  # our choice: deployments take minutes
_SILENT: tuple[type[ProviderError], ...] = (*PASSING, NotFoundError)
_FAILED = frozenset({DeploymentStatus.FAILED, DeploymentStatus.CANCELED, DeploymentStatus.DISABLED})


class FakeDeployments(Deployments):
    """Deployments of one fake."""

    def __init__(self, cloud: Cloud, catalog: Catalog, chat: Chat) -> None:
        """Share the state of a fake; `chat` is asked whether a deployment answers."""
        self._cloud = cloud
        self._catalog = catalog
        self._chat = chat

    @override
    async def quote(self, spec: DeploymentSpec) -> HostingQuote:
        async def effect(_: Turn) -> HostingQuote:
            found = self._catalog.find(spec.model, "deployments.quote")
            life_s = self._cloud.flavor.short_lived.get(spec.sku or DEFAULT_SKU)
            if not self._catalog.needs_deployments or found.tuned is None:
                return HostingQuote(hourly=Decimal(0), source="fake")
            if life_s is not None:
                return HostingQuote(
                    hourly=Decimal(0),
                    auto_delete=f"{life_s / 3600:g} hours after it was made",
                    source="fake",
                )
            return HostingQuote(hourly=self._cloud.flavor.hosting_per_hour, source="fake")

        return await self._cloud.call(_request("deployments.quote", model=spec.model), effect)

    @override
    async def create(self, spec: DeploymentSpec) -> Deployment:
        check_id(spec.name, what="deployment")

        async def effect(turn: Turn) -> Deployment:
            if not self._catalog.needs_deployments:
                return _not_needed(spec.model)
            self._catalog.find(spec.model, "deployments.create")
            standing = self._standing(spec.name)
            record = self._cloud.state.deployments.get(spec.name)
            taken_by = standing.model if standing else record.spec.model if record else None
            if taken_by not in {None, spec.model}:
                message = (
                    f"the name {spec.name!r} is taken by {taken_by!r}: choose another name, or"
                    " delete that deployment"
                )
                raise self._cloud.error(
                    ConflictError, "deployments.create", message, status_code=409
                )
            return standing or self._shown(record or self._made(spec, turn))

        request = _request("deployments.create", model=spec.model, name=spec.name, sku=spec.sku)
        return await self._cloud.call(request, effect)

    @override
    async def get(self, name: DeploymentName) -> Deployment:
        async def effect(_: Turn) -> Deployment:
            if not self._catalog.needs_deployments:
                return _not_needed(self._catalog.find(ModelId(name), "deployments.get").model)
            standing = self._standing(name)
            if standing is not None:
                return standing
            record = self._find(name, "deployments.get")
            if record.words:
                self._cloud.changed()
            record.look_up()
            return self._shown(record)

        return await self._cloud.call(_request("deployments.get", name=name), effect)

    @override
    async def list(self) -> AsyncIterator[Deployment]:
        async def effect(_: Turn) -> list[Deployment]:
            if not self._catalog.needs_deployments:
                return []
            standing = [_standing(name, model) for name, model in self._catalog.standing.items()]
            made = [self._shown(record) for record in self._cloud.state.deployments.values()]
            return sorted([*standing, *made], key=lambda one: one.name)

        for deployment in await self._cloud.call(_request("deployments.list"), effect):
            yield deployment

    @override
    async def wait_ready(self, name: DeploymentName, *, timeout_s: float = 3600.0) -> Deployment:
        limit = time_limit(timeout_s, default_s=timeout_s)
        clock = self._cloud.clock
        end = clock.monotonic() + limit
        while True:
            deployment, trouble = await glance(self.get(name))
            if deployment is not None and deployment.status in _FAILED:
                raise InvalidRequestError(
                    f"deployment {name!r} ended as {deployment.raw_status!r}: delete it and deploy"
                    " again",
                    provider=NAME,
                    operation="deployments.get",
                    accepted="yes",
                )
            if deployment is not None and deployment.status is DeploymentStatus.SUCCEEDED:
                trouble = await self._silence(name)
                if trouble is None:
                    return deployment
            left = end - clock.monotonic()
            if left <= 0:
                raise DeadlineError(
                    f"deployment {name!r} does not answer after {limit:g} s: it goes on,"
                    " wait again",
                    provider=NAME,
                    operation="deployments.get",
                    accepted="yes",
                ) from trouble
            await clock.sleep(min(_POLL_S, left))

    @override
    async def delete(self, name: DeploymentName) -> None:
        async def effect(_: Turn) -> None:
            if not self._catalog.needs_deployments:
                return
            if self._standing(name) is not None:
                message = f"deployment {name!r} stands from the start and stays"
                raise self._cloud.error(
                    ConflictError, "deployments.delete", message, status_code=409
                )
            self._find(name, "deployments.delete")
            del self._cloud.state.deployments[name]
            self._cloud.changed()

        await self._cloud.call(_request("deployments.delete", name=name), effect)

    async def _silence(self, name: DeploymentName) -> ProviderError | None:
        """Ask the smallest question there is; give why it is not answered yet, None when it is."""
        try:
            await self._chat.complete(
                [Message.user("ping")],
                model=ModelId(name),
                options=ChatOptions(max_output_tokens=1),
            )
        except _SILENT as exc:
            return exc
        return None

    def _made(self, spec: DeploymentSpec, turn: Turn) -> DeploymentRecord:
        statuses = turn.find(Statuses)
        record = DeploymentRecord(
            number=self._cloud.state.next_number("deployment"),
            created_at=self._cloud.now(),
            words=statuses.words if statuses else (),
            spec=spec,
            sku=spec.sku or DEFAULT_SKU,
            capacity=spec.capacity or DEFAULT_CAPACITY,
        )
        self._cloud.state.deployments[spec.name] = record
        self._cloud.changed()
        return record

    def _shown(self, record: DeploymentRecord) -> Deployment:
        word = deployment_word(self._cloud, record)
        return Deployment(
            name=record.spec.name,
            model=record.spec.model,
            status=DeploymentStatus.parse(word),
            raw_status=word,
            sku=record.sku,
            capacity=record.capacity,
            created_at=record.created_at,
        )

    def _standing(self, name: DeploymentName) -> Deployment | None:
        model = self._catalog.standing.get(name)
        return None if model is None else _standing(name, model)

    def _find(self, name: DeploymentName, operation: Operation) -> DeploymentRecord:
        record = self._cloud.state.deployments.get(name)
        if record is None:
            message = f"there is no deployment {name!r}: list the deployments"
            raise self._cloud.error(
                NotFoundError, operation, message, status_code=404, code="DeploymentNotFound"
            )
        return record


def _request(operation: Operation, **facts: str | None) -> Request:
    return Request(operation=operation, facts=facts, needs=(Capability.DEPLOYMENTS,))


def _not_needed(model: ModelId) -> Deployment:
    """Give the deployment of a model that answers without one."""
    return Deployment(
        name=DeploymentName(model),
        model=model,
        status=DeploymentStatus.SUCCEEDED,
        raw_status="Succeeded",
        required=False,
    )


def _standing(name: DeploymentName, model: ModelId) -> Deployment:
    return Deployment(
        name=name,
        model=model,
        status=DeploymentStatus.SUCCEEDED,
        raw_status="Succeeded",
        sku=DEFAULT_SKU,
        capacity=DEFAULT_CAPACITY,
    )
