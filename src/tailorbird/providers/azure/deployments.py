"""Deployments: where a tuned model becomes callable, and costs by the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird._openai_sdk.probing import wait_answering
from tailorbird.exceptions import (
    ConflictError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    UnsupportedError,
)
from tailorbird.protocols import Deployments
from tailorbird.protocols.arguments import check_id, time_limit
from tailorbird.providers.azure.arm import POLL_S
from tailorbird.providers.azure.identity import NAME
from tailorbird.providers.azure.prices import hosting_quote
from tailorbird.retry import glance
from tailorbird.types.capabilities import Capability
from tailorbird.types.deployments import DeploymentStatus
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird.protocols import Chat
    from tailorbird.providers.azure.arm import Account
    from tailorbird.providers.azure.settings import DeploySettings
    from tailorbird.types.deployments import Deployment, DeploymentSpec, HostingQuote
    from tailorbird.types.ids import DeploymentName

_FAILED = frozenset({DeploymentStatus.FAILED, DeploymentStatus.CANCELED, DeploymentStatus.DISABLED})


class AzureDeployments(Deployments):
    """Deployments of one account, through Azure Resource Manager."""

    def __init__(self, account: Account, settings: DeploySettings, *, chat: Chat) -> None:
        """Share an account.

        Args:
            account: Where models are deployed.
            settings: Kind of hosting and capacity, where a specification names none.
            chat: Is asked whether a deployment answers.
        """
        self._account = account
        self._settings = settings
        self._chat = chat

    @override
    async def quote(self, spec: DeploymentSpec) -> HostingQuote:
        return hosting_quote(spec.model, sku=spec.sku or self._settings.sku)

    @override
    async def create(self, spec: DeploymentSpec) -> Deployment:
        check_id(spec.name, what="deployment")
        found = await self._account.find(spec.name)
        if found is None or found.status is DeploymentStatus.DELETING:
            found = await self._account.put(
                spec.name,
                spec.model,
                sku=spec.sku or self._settings.sku,
                capacity=spec.capacity or self._settings.capacity,
            )
        if found.model == spec.model:
            return found
        raise ConflictError(
            f"the name {spec.name!r} is taken by {found.model!r}: choose another name, or delete"
            " that deployment",
            provider=NAME,
            operation="deployments.create",
            accepted="no",
        )

    @override
    async def get(self, name: DeploymentName) -> Deployment:
        check_id(name, what="deployment")
        found = await self._account.find(name)
        if found is None:
            raise _unknown(name, "deployments.get")
        return found

    @override
    async def list(self) -> AsyncIterator[Deployment]:
        found = [one async for one in self._account.all()]
        for one in sorted(found, key=lambda one: one.name):
            yield one

    @override
    async def wait_ready(self, name: DeploymentName, *, timeout_s: float = 3600.0) -> Deployment:
        limit_s = time_limit(timeout_s, default_s=timeout_s)
        clock = self._account.clock
        end = clock.monotonic() + limit_s
        while True:
            found, trouble = await glance(self.get(name))
            if found is not None and found.status in _FAILED:
                raise InvalidRequestError(
                    f"deployment {name!r} ended as {found.raw_status!r}: delete it and deploy"
                    " again",
                    provider=NAME,
                    operation="deployments.wait_ready",
                    accepted="yes",
                )
            left = end - clock.monotonic()
            if found is not None and found.status is DeploymentStatus.SUCCEEDED and left > 0:
                break
            if left <= 0:
                state = "not to be seen" if found is None else repr(found.raw_status)
                raise DeadlineError(
                    f"deployment {name!r} is {state} after {limit_s:g} s: it goes on and costs"
                    " from its success on; wait again",
                    provider=NAME,
                    operation="deployments.wait_ready",
                    accepted="yes",
                ) from trouble
            await clock.sleep(min(POLL_S, left))
        # Azure calls it done minutes before the first call gets through.
        await wait_answering(self._chat, ModelId(name), clock=clock, timeout_s=left, provider=NAME)
        return found

    @override
    async def delete(self, name: DeploymentName) -> None:
        check_id(name, what="deployment")
        # Azure answers 204 for what was never there: only a look before tells.
        if await self._account.find(name) is None:
            raise _unknown(name, "deployments.delete")
        await self._account.delete(name)


class NoAccount(Deployments):
    """Deployments of a profile that does not say where: every call says what to add to it."""

    @override
    async def quote(self, spec: DeploymentSpec) -> HostingQuote:
        raise no_account()

    @override
    async def create(self, spec: DeploymentSpec) -> Deployment:
        raise no_account()

    @override
    async def get(self, name: DeploymentName) -> Deployment:
        raise no_account()

    @override
    def list(self) -> AsyncIterator[Deployment]:
        raise no_account()

    @override
    async def wait_ready(self, name: DeploymentName, *, timeout_s: float = 3600.0) -> Deployment:
        raise no_account()

    @override
    async def delete(self, name: DeploymentName) -> None:
        raise no_account()


def no_account() -> UnsupportedError:
    """Make the error for a profile without a table `deploy`."""
    return UnsupportedError(
        provider=NAME,
        capability=Capability.DEPLOYMENTS.value,
        reason="the profile does not say where models are deployed",
        instead=(
            "add the table [profiles.<name>.deploy] with subscription_id, resource_group and"
            " account, or with resource_id"
        ),
    )


def _unknown(name: DeploymentName, operation: str) -> NotFoundError:
    return NotFoundError(
        f"there is no deployment {name!r} in this account: list the deployments",
        provider=NAME,
        operation=operation,
        code="DeploymentNotFound",
        accepted="no",
    )
