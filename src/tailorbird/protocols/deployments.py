"""The contract for deployments."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tailorbird.types.deployments import Deployment, DeploymentSpec, HostingQuote
    from tailorbird.types.ids import DeploymentName


class Deployments(Protocol):
    """Make models callable. Clauses `D…` of `docs/contract/deployments.md`.

    Where models answer without being deployed, `create` gives a deployment whose name is the
    model's id and whose `required` is false, without asking whether there is such a model, as a
    new one may not be listed yet; `get` gives the same for a model that there is; and `delete`
    does nothing.
    """

    @abstractmethod
    async def quote(self, spec: DeploymentSpec) -> HostingQuote:
        """Say what the deployment would cost and when it would go away; creates nothing."""
        ...

    @abstractmethod
    async def create(self, spec: DeploymentSpec) -> Deployment:
        """Begin to deploy a model; the same name with the same model is given as it is.

        Raises:
            NotFoundError: There is no such model (where deployments are needed).
            ConflictError: The name is taken by another model.
            ProviderError: Anything else the provider said.
        """
        ...

    @abstractmethod
    async def get(self, name: DeploymentName) -> Deployment:
        """Give one deployment as it stands now.

        Raises:
            NotFoundError: There is none of that name; where models answer by themselves, no such
                model.
        """
        ...

    @abstractmethod
    def list(self) -> AsyncIterator[Deployment]:
        """Give all deployments, sorted by name; empty where nothing is deployed."""
        ...

    @abstractmethod
    async def wait_ready(self, name: DeploymentName, *, timeout_s: float = 3600.0) -> Deployment:
        """Wait until one small chat call through the deployment succeeds.

        Trouble that passes by itself does not end the wait.

        Args:
            name: The deployment.
            timeout_s: Seconds to wait at most.

        Raises:
            DeadlineError: It did not answer within the time; it may still become ready. The last
                trouble is its cause.
            InvalidRequestError: The provider gave up deploying it.
            NotFoundError: There is none of that name.
        """
        ...

    @abstractmethod
    async def delete(self, name: DeploymentName) -> None:
        """Take a deployment away; the model stays.

        Raises:
            NotFoundError: There is none of that name (where deployments are needed).
        """
        ...
