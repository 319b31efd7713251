"""Deployments of one Azure OpenAI or Foundry resource, in Azure Resource Manager's words."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tailorbird._openai_sdk.answers import Id, Wire
from tailorbird.exceptions import ConflictError, DeadlineError, InvalidRequestError, NotFoundError
from tailorbird.providers.azure.doors import LinkedPage, read_pages, read_rest
from tailorbird.providers.azure.identity import NAME
from tailorbird.types.deployments import Deployment, DeploymentStatus
from tailorbird.types.ids import DeploymentName, ModelId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tailorbird._http import RestAnswer
    from tailorbird.protocols import Clock
    from tailorbird.providers.azure.doors import RestDoor
    from tailorbird.providers.azure.settings import DeploySettings

BUSY_CODES = frozenset({"RequestConflict", "AnotherOperationInProgress"})
"""Codes of a 409 that pass: an account takes one write at a time (public templates that use
deployments@2026-03-01 and later, with remarks on serialized writes; read 2026-11-22)."""

BUSY_WAIT_S = 1800.0
"""Seconds to wait for the account to take a write: our choice; a deployment takes minutes."""

POLL_S = 10.0
"""Seconds between two looks: what `retry-after` of these calls usually says."""

_GONE_S = 900.0  # how long a deletion may take; our choice
_DATED = re.compile(r"(?P<name>.+)-(?P<version>\d{4}-\d{2}-\d{2})")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
_TUNED_VERSION = "1"
_NO_SUCH_MODEL = frozenset({"DeploymentModelNotSupported"})


class _Sku(Wire):
    name: str | None = None
    capacity: int | None = None


class _Model(Wire):
    name: str
    version: str | None = None


class _Properties(Wire):
    model: _Model
    state: str = Field(default="", validation_alias="provisioningState")


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:  # Azure Resource Manager's own times are UTC
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        reason = "it has no date in UTC"
    raise PydanticCustomError("moment", reason)


class _SystemData(Wire):
    created_at: Annotated[datetime, AfterValidator(_in_utc)] | None = Field(
        default=None, validation_alias="createdAt"
    )


class _Deployment(Wire):
    name: Id
    sku: _Sku | None = None
    system: _SystemData | None = Field(default=None, validation_alias="systemData")
    properties: _Properties

    @property
    def shown(self) -> Deployment:
        sku = self.sku or _Sku()
        return Deployment(
            name=DeploymentName(self.name),
            model=_model_id(self.properties.model),
            status=DeploymentStatus.parse(self.properties.state),
            raw_status=self.properties.state,
            sku=sku.name,
            capacity=sku.capacity,
            created_at=None if self.system is None else self.system.created_at,
        )


class _Page(LinkedPage):
    value: list[_Deployment]
    next_link: str | None = Field(default=None, validation_alias="nextLink")


class Account:
    """The deployments of one account. Writes go one after the other, as Azure wants them."""

    def __init__(
        self,
        door: RestDoor,
        settings: DeploySettings,
        *,
        endpoint: str,
        api_version: str,
        timeout_s: float,
    ) -> None:
        """Share the way to Azure Resource Manager.

        Args:
            door: The way.
            settings: Which account, and how it deploys.
            endpoint: Address of Azure Resource Manager, without a slash at the end.
            api_version: Version of the deployments' API.
            timeout_s: Seconds for a call, repeats and waits included.
        """
        self._door = door
        self._settings = settings
        subscription, group, account = (quote(one, safe="") for one in settings.resource)
        self._endpoint = endpoint
        self._root = (
            f"{endpoint}/subscriptions/{subscription}/resourceGroups/{group}/providers/"
            f"Microsoft.CognitiveServices/accounts/{account}/deployments"
        )
        self._version = f"?api-version={quote(api_version, safe='')}"
        self._timeout_s = timeout_s
        self._writing = asyncio.Lock()

    @property
    def clock(self) -> Clock:
        """The clock of deadlines and waits."""
        return self._door.clock

    async def find(self, name: DeploymentName) -> Deployment | None:
        """Give a deployment; None when there is none."""
        operation = "deployments.get"
        try:
            answer = await self._door.client.send(
                "GET",
                self._url(name),
                operation=operation,
                repeat="safe",
                timeout_s=self._timeout_s,
            )
        except NotFoundError as exc:
            # A wrong subscription, group or account is no missing deployment.
            if exc.code in {None, "ResourceNotFound", "DeploymentNotFound", "NotFound"}:
                return None
            raise
        client = self._door.client
        found = read_rest(_Deployment, answer, client=client, operation=operation).shown
        if found.name.casefold() != name.casefold():  # names of resources are alike in any case
            reason = f"{name!r} was asked for, and it is about {found.name!r}"
            raise client.unexpected(operation, reason, answer)
        return found

    async def all(self) -> AsyncIterator[Deployment]:
        """Give all deployments, in Azure's order."""
        pages = read_pages(
            _Page,
            f"{self._root}{self._version}",
            door=self._door,
            home=self._endpoint,
            operation="deployments.list",
            timeout_s=self._timeout_s,
        )
        async for page in pages:
            for one in page.value:
                yield one.shown

    async def put(
        self, name: DeploymentName, model: ModelId, *, sku: str, capacity: int
    ) -> Deployment:
        """Make a deployment, unless there is one of that name by then: then that is given.

        Raises:
            NotFoundError: Azure does not know the model, or does not deploy it so.
            DeadlineError: The account takes no write for too long.
        """
        body = {
            "sku": {"name": sku, "capacity": capacity},
            "properties": {
                "model": {"format": self._settings.model_format, **_name_and_version(model)},
                # A tuned model has one version, and a base model's is chosen by its id.
                "versionUpgradeOption": "NoAutoUpgrade",
                **({"raiPolicyName": policy} if (policy := self._settings.rai_policy) else {}),
            },
        }
        operation = "deployments.create"
        async with self._writing:
            end = self.clock.monotonic() + BUSY_WAIT_S
            while True:
                found = await self.find(name)
                if found is not None and found.status is not DeploymentStatus.DELETING:
                    return found
                try:
                    answer = await self._written("PUT", name, body=body, operation=operation)
                except ConflictError as exc:
                    await self._wait_for_turn(exc, end, operation=operation)
                    continue
                except InvalidRequestError as exc:
                    if exc.code in _NO_SUCH_MODEL:
                        raise _unknown_model(exc, model, sku, operation) from exc
                    raise
                client = self._door.client
                return read_rest(_Deployment, answer, client=client, operation=operation).shown

    async def delete(self, name: DeploymentName) -> None:
        """Delete a deployment and wait until it is gone; one that is gone already is fine.

        Raises:
            DeadlineError: The account takes no write, or the deployment does not go, for too long.
        """
        operation = "deployments.delete"
        async with self._writing:
            end = self.clock.monotonic() + BUSY_WAIT_S
            while True:
                try:
                    await self._written("DELETE", name, body=None, operation=operation)
                except NotFoundError:
                    return
                except ConflictError as exc:
                    await self._wait_for_turn(exc, end, operation=operation)
                    continue
                break
            end = self.clock.monotonic() + _GONE_S
            while await self.find(name) is not None:
                if self.clock.monotonic() + POLL_S > end:
                    raise DeadlineError(
                        f"deployment {name!r} is still being deleted after {_GONE_S:g} s; look"
                        " later whether it is gone: it costs until then",
                        provider=NAME,
                        operation=operation,
                        accepted="yes",
                    )
                await self.clock.sleep(POLL_S)

    async def _written(
        self,
        method: str,
        name: DeploymentName,
        *,
        body: Mapping[str, object] | None,
        operation: str,
    ) -> RestAnswer:
        # Both may be repeated: they name what is to be, or not to be.
        return await self._door.client.send(
            "PUT" if method == "PUT" else "DELETE",
            self._url(name),
            operation=operation,
            repeat="safe",
            timeout_s=self._timeout_s,
            body=body,
        )

    async def _wait_for_turn(self, error: ConflictError, end: float, *, operation: str) -> None:
        """Wait a little when another write is under way.

        Raises:
            ConflictError: It is about something else.
            DeadlineError: It goes on for too long.
        """
        if error.code not in BUSY_CODES:
            raise error
        if self.clock.monotonic() + POLL_S > end:
            raise DeadlineError(
                f"the account takes no write for {BUSY_WAIT_S:g} s, because another one is under"
                " way; try later",
                provider=NAME,
                operation=operation,
                accepted="no",
            ) from error
        await self.clock.sleep(max(POLL_S, error.retry_after_s or 0.0))

    def _url(self, name: DeploymentName) -> str:
        return f"{self._root}/{quote(name, safe='')}{self._version}"


def _name_and_version(model: ModelId) -> Mapping[str, str]:
    """Give Azure's two names of a model: a base model's id carries its version at the end."""
    dated = _DATED.fullmatch(model)
    if dated is None:
        return {"name": model, "version": _TUNED_VERSION}
    return dated.groupdict()


def _model_id(model: _Model) -> ModelId:
    dated = _VERSION.fullmatch(model.version or "")
    return ModelId(model.name if dated is None else f"{model.name}-{model.version}")


def _unknown_model(
    error: InvalidRequestError, model: ModelId, sku: str, operation: str
) -> NotFoundError:
    return NotFoundError(
        f"Azure has no model {model!r} that this account can deploy as {sku!r}: take the id that"
        " the job gave, check `model_format` and `sku` in the table deploy, and that the account"
        " is the one that trained it",
        provider=NAME,
        operation=operation,
        status_code=error.status_code,
        code=error.code,
        request_id=error.request_id,
        accepted="no",
    )
