"""A provider whose paid calls are written down, and kept within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.protocols import Provider
from tailorbird.workflow.money.metered_batches import MeteredBatches
from tailorbird.workflow.money.metered_calls import MeteredChat, MeteredEmbeddings
from tailorbird.workflow.money.metered_hosting import MeteredDeployments
from tailorbird.workflow.money.metered_jobs import MeteredJobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from tailorbird.protocols import (
        Batches,
        Chat,
        Clock,
        Deployments,
        Embeddings,
        Files,
        FineTuningJobs,
        Models,
        Retrieval,
    )
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.models import RoleModel
    from tailorbird.types.usage import Price
    from tailorbird.workflow.money.meter import Meter


class MeteredProvider(Provider):
    """Stands before another provider, so that no caller can forget about the money.

    It keeps the contracts of the provider behind it. Chat, embeddings, batches, jobs and
    deployments are measured; files, models and hosted retrieval are passed on: what a provider
    takes for keeping files, or by the search, is not counted. What is measured must be what was
    promised: anything else that a provider of somebody's own gives is an `UnexpectedResponseError`.
    """

    def __init__(self, meter: Meter) -> None:
        """Stand before the meter's provider; opening and closing it opens and closes that one."""
        self._inner = meter.provider
        self._meter = meter

    async def flush(self) -> None:
        """Write down what was spent so far.

        Raises:
            StorageError: The journal cannot be written.
        """
        await self._meter.purse.flush()

    async def find_price(self, model: str) -> Price | None:
        """Give the price of whatever is called by this name; None when none is known."""
        return await self._meter.tariff.find(model)

    @property
    @override
    def name(self) -> str:
        return self._inner.name

    @property
    @override
    def identity(self) -> str:
        return self._inner.identity

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    @property
    @override
    def clock(self) -> Clock:
        return self._inner.clock

    @property
    @override
    def prices(self) -> Sequence[Price]:
        """Prices of the profile, then those of the provider."""
        return self._meter.tariff.prices

    @property
    @override
    def roles(self) -> Mapping[str, RoleModel]:
        return self._inner.roles

    @property
    @override
    def key_variables(self) -> tuple[str, ...]:
        return self._inner.key_variables

    @property
    @override
    def files(self) -> Files:
        return self._inner.files

    @property
    @override
    def jobs(self) -> FineTuningJobs:
        return MeteredJobs(self._inner.jobs, self._inner.files, self._meter)

    @property
    @override
    def chat(self) -> Chat:
        return MeteredChat(self._inner.chat, self._meter)

    @property
    @override
    def embeddings(self) -> Embeddings:
        return MeteredEmbeddings(self._inner.embeddings, self._meter)

    @property
    @override
    def batches(self) -> Batches:
        return MeteredBatches(self._inner.batches, self._meter)

    @property
    @override
    def retrieval(self) -> Retrieval:
        return self._inner.retrieval

    @property
    @override
    def deployments(self) -> Deployments:
        return MeteredDeployments(self._inner.deployments, self._meter)

    @property
    @override
    def models(self) -> Models:
        return self._inner.models

    @override
    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        self._meter.open()
        return self

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._inner.__aexit__(kind, error, traceback)
        finally:
            await self._meter.close()
