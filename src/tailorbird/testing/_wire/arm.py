"""Azure's management of deployments (Azure Resource Manager), over the fake's deployments.

`PUT GET DELETE …/accounts/{account}/deployments/{deployment}`, the list of deployments, the models
of an account with the days on which they end, and the state of a long-running write. As on Azure,
one account takes one write at a time, a deployment takes minutes until it has `Succeeded`, and its
first answers may still fail then. A `PUT` onto a deployment of the same model changes nothing: the
fake keeps the capacity and kind of hosting that it was made with.

Sources: Microsoft.CognitiveServices 2025-09-01 (azure-mgmt-cognitiveservices 14.1.0); Microsoft
Learn, Azure Resource Manager asynchronous operations; for the words of errors, reports of users;
read 2026-11-22.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import Field
from starlette.responses import Response

from tailorbird.exceptions import NotFoundError
from tailorbird.testing._wire.auth import bearer, is_among
from tailorbird.testing._wire.azure import AzureModel, checked, read_json, refuse, require_version
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.routing import Surface, route
from tailorbird.types.deployments import DeploymentSpec, DeploymentStatus
from tailorbird.types.ids import DeploymentName, ModelId

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from tailorbird.testing._wire.world import World
    from tailorbird.types.deployments import Deployment
    from tailorbird.types.models import ModelCard

VERSIONS = frozenset(
    {"2024-10-01", "2025-06-01", "2025-09-01", "2026-03-01", "2026-05-01", "2026-07-01"}
)
"""Values of `api-version` that are served: the SDK's, and those that public templates name."""

_PROVIDER = "Microsoft.CognitiveServices"
_ROOT = "/subscriptions/{subscription}"
_LOCATION = "eastus2"
_MOST_BYTES = 1 << 20
_SOON_DAYS = 90  # our choice
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,63}")
_DATED = re.compile(r"(?P<name>.+)-(?P<version>\d{4}-\d\d-\d\d)")
_UNDER_WAY = frozenset(
    {
        DeploymentStatus.ACCEPTED,
        DeploymentStatus.CREATING,
        DeploymentStatus.DELETING,
        DeploymentStatus.MOVING,
    }
)


class _Sku(AzureModel):
    name: str = Field(min_length=1)
    capacity: int | None = Field(default=None, ge=1)
    tier: str | None = None
    size: str | None = None
    family: str | None = None


class _Model(AzureModel):
    name: str = Field(min_length=1)
    format: str
    version: str | None = None
    publisher: str | None = None
    source: str | None = None
    source_account: str | None = None

    @property
    def model(self) -> ModelId:
        """The id that the fake knows it by: a base model's carries its version."""
        dated = re.fullmatch(r"\d{4}-\d\d-\d\d", self.version or "")
        is_whole = dated is None or self.name.endswith(self.version or "")
        return ModelId(self.name if is_whole else f"{self.name}-{self.version}")


class _Properties(AzureModel):
    model: _Model
    version_upgrade_option: str | None = None
    rai_policy_name: str | None = None
    current_capacity: int | None = None


class _Body(AzureModel):
    sku: _Sku
    properties: _Properties
    tags: dict[str, str] | None = None


def routes(world: World) -> list[Route]:
    """Give the routes; they stand at the root of the server."""
    arm = _Arm(world)
    account = f"{_ROOT}/resourceGroups/{{group}}/providers/{_PROVIDER}/accounts/{{account}}"
    one = f"{account}/deployments/{{deployment}}"
    operation = f"{_ROOT}/providers/{_PROVIDER}/locations/{{location}}/operationResults/{{id}}"
    surface = Surface(check=_check, refuse=refuse)
    return [
        route(world, method, path, f"arm.{name}", handler, surface=surface)
        for method, path, name, handler in (
            ("GET", f"{account}/deployments", "deployments.list", arm.list_all),
            ("PUT", one, "deployments.create", arm.put),
            ("GET", one, "deployments.get", arm.get),
            ("DELETE", one, "deployments.delete", arm.delete),
            ("GET", f"{account}/models", "models.list", arm.models),
            ("GET", operation, "operations.get", arm.operation),
        )
    ]


def _check(world: World, request: Request) -> None:
    """Do nothing when the request may manage the account that it names.

    Raises:
        WireError: The token is missing or for another service (401), the version is not served
            (400), or there is no such subscription, group or account (404).
    """
    settings = world.settings
    token = bearer(request)
    if token is None:
        message = "Authentication failed. The 'Authorization' header is missing."
        raise WireError(message, status=401, code="AuthenticationFailed")
    if not is_among(token, settings.arm_tokens):
        others = (*settings.bearer_tokens, *settings.search_tokens, *settings.api_keys)
        if is_among(token, others):
            message = (
                "The access token has been obtained for the wrong audience or resource; it should"
                " exactly match 'https://management.azure.com'."
            )
            raise WireError(message, status=401, code="InvalidAuthenticationTokenAudience")
        message = "The access token is invalid."
        raise WireError(message, status=401, code="InvalidAuthenticationToken")
    require_version(request, VERSIONS)
    _check_place(world, request.path_params)


def _check_place(world: World, named: Mapping[str, str]) -> None:
    """Do nothing when the path names what there is; as on Azure, case does not count."""
    settings = world.settings
    subscription, group = named["subscription"], named.get("group", settings.resource_group)
    account = named.get("account", settings.account)
    if subscription.lower() != settings.subscription_id.lower():
        message = f"The subscription {subscription!r} could not be found."
        raise WireError(message, status=404, code="SubscriptionNotFound")
    if group.lower() != settings.resource_group.lower():
        message = f"Resource group {group!r} could not be found."
        raise WireError(message, status=404, code="ResourceGroupNotFound")
    if account.lower() != settings.account.lower():
        message = (
            f"The Resource '{_PROVIDER}/accounts/{account}' under resource group {group!r} was not"
            " found."
        )
        raise WireError(message, status=404, code="ResourceNotFound")


class _Arm:
    def __init__(self, world: World) -> None:
        self._world = world
        self._deployments = world.provider.deployments
        settings = world.settings
        self._account = (
            f"/subscriptions/{settings.subscription_id}/resourceGroups/{settings.resource_group}"
            f"/providers/{_PROVIDER}/accounts/{settings.account}"
        )
        self._operations: dict[str, DeploymentName | None] = {}
        self._writes = False
        self._last: DeploymentName | None = None
        self._made: set[DeploymentName] = set()

    async def put(self, request: Request) -> Response:
        name = _name(request)
        body = checked(
            _Body, await read_json(request, self._world, most_bytes=_MOST_BYTES), place="deployment"
        )
        async with self._write():
            begun_at = self._world.now()
            # Before the answer, which may be lost: the deployment is made all the same.
            self._last = name
            made = await self._create(name, body)
        made_at = made.created_at  # None for what stands from the start
        is_new = name not in self._made and made_at is not None and made_at >= begun_at
        self._made.add(name)
        return json_response(
            self._shown(made),
            status=201 if is_new else 200,
            headers=self._tracked(request, name),
        )

    async def get(self, request: Request) -> Response:
        found = await self._found_now(_name(request))
        return json_response(self._shown(found))

    async def list_all(self, _: Request) -> Response:
        found = [self._shown(one) async for one in self._deployments.list()]
        return json_response({"value": found, "nextLink": None})

    async def delete(self, request: Request) -> Response:
        name = _name(request)
        async with self._write():
            try:
                await self._deployments.delete(name)
            except NotFoundError:
                return Response(status_code=204)
        self._made.discard(name)
        return Response(status_code=202, headers=self._tracked(request, None))

    async def operation(self, request: Request) -> Response:
        number = request.path_params["id"]
        if number not in self._operations:
            message = f"There is no operation {number!r}."
            raise WireError(message, status=404, code="OperationNotFound")
        status = "Succeeded"
        name = self._operations[number]
        if name is not None:
            found = (await self._found_now(name)).status
            status = "InProgress" if found in _UNDER_WAY else found.value.title()
        return json_response({"id": request.url.path, "name": number, "status": status})

    async def models(self, _: Request) -> Response:
        today = self._world.provider.clock.today()
        cards = [one async for one in self._world.provider.models.list()]
        value = [_model_shown(one, days_left=one.days_left(today)) for one in cards]
        return json_response({"value": value, "nextLink": None})

    @asynccontextmanager
    async def _write(self) -> AsyncGenerator[None]:
        """Let one write at a time through.

        Raises:
            WireError: Another one is under way (409).
        """
        if self._writes:
            raise self._conflict()
        self._writes = True
        try:
            if await self._is_under_way():
                raise self._conflict()
            yield
        finally:
            self._writes = False

    def _conflict(self) -> WireError:
        message = (
            "Another operation is being performed on the parent resource"
            f" {self._account!r}. Please try again later."
        )
        return WireError(message, status=409, code="RequestConflict")

    async def _is_under_way(self) -> bool:
        """Say whether the last deployment that was made is not settled."""
        if self._last is None:
            return False
        # The list, unlike a look-up, does not move scripted statuses on.
        found = [one async for one in self._deployments.list() if one.name == self._last]
        if not any(one.status in _UNDER_WAY for one in found):
            self._last = None
        return self._last is not None

    async def _create(self, name: DeploymentName, body: _Body) -> Deployment:
        model = body.properties.model
        spec = DeploymentSpec(
            model=model.model, name=name, sku=body.sku.name, capacity=body.sku.capacity
        )
        try:
            return await self._deployments.create(spec)
        except NotFoundError as exc:
            if exc.code != "model_not_found":
                raise
            message = (
                f"The model 'Format: {model.format}, Name: {model.name}, Version: {model.version}'"
                " of account deployment is not supported."
            )
            raise WireError(message, code="DeploymentModelNotSupported") from exc

    async def _found_now(self, name: DeploymentName) -> Deployment:
        try:
            return await self._deployments.get(name)
        except NotFoundError as exc:
            message = f"The deployment {name!r} was not found."
            raise WireError(message, status=404, code="ResourceNotFound") from exc

    def _tracked(self, request: Request, name: DeploymentName | None) -> Mapping[str, str]:
        """Give the headers that lead to the state of a write."""
        number = self._world.new_id("", digits=32)
        self._operations[number] = name
        url = request.url
        address = (
            f"{url.scheme}://{url.netloc}/subscriptions/{self._world.settings.subscription_id}"
            f"/providers/{_PROVIDER}/locations/{_LOCATION}/operationResults/{number}"
            f"?api-version={request.query_params['api-version']}"
        )
        return {"azure-asyncoperation": address, "retry-after": "10"}

    def _shown(self, one: Deployment) -> Mapping[str, object]:
        made_at = None if one.created_at is None else one.created_at.isoformat()
        return {
            "id": f"{self._account}/deployments/{one.name}",
            "name": one.name,
            "type": f"{_PROVIDER}/accounts/deployments",
            "etag": f'"{one.model}"',
            "sku": {"name": one.sku, "capacity": one.capacity},
            "systemData": {"createdAt": made_at},
            "properties": {
                "model": {"format": "OpenAI", **_split(one.model)},
                "versionUpgradeOption": "NoAutoUpgrade",
                "provisioningState": one.raw_status,
                "currentCapacity": one.capacity,
            },
        }


def _name(request: Request) -> DeploymentName:
    name = str(request.path_params["deployment"])
    if not _NAME.fullmatch(name):
        message = (
            f"The deployment name {name!r} is invalid: 2 to 64 letters, digits, '_', '.', '-'."
        )
        raise WireError(message, code="InvalidResourceName")
    return DeploymentName(name)


def _split(model: ModelId) -> Mapping[str, str]:
    """Give name and version as Azure tells them apart; a tuned model has version 1."""
    dated = _DATED.fullmatch(model)
    return dated.groupdict() if dated else {"name": model, "version": "1"}


def _model_shown(card: ModelCard, *, days_left: int | None) -> Mapping[str, object]:
    """Give a model of the account."""
    ends = None if card.shutdown_date is None else f"{card.shutdown_date.isoformat()}T00:00:00Z"
    is_tunable = bool(card.tunable)
    is_chat = "chat" in (card.kinds or ())
    is_soon = days_left is not None and days_left < _SOON_DAYS
    return {
        "format": "OpenAI",
        **_split(card.id),
        "baseModel": None if card.base is None else {"format": "OpenAI", **_split(card.base)},
        "capabilities": {
            "fineTune": str(is_tunable).lower(),
            "chatCompletion" if is_chat else "embeddings": "true",
        },
        "lifecycleStatus": "Deprecating" if is_soon else "GenerallyAvailable",
        "deprecation": {"fineTune": ends if is_tunable else None, "inference": ends},
    }
