"""From a job that succeeded to a model that answers, and back to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError, NotFoundError
from tailorbird.types.capabilities import Capability
from tailorbird.types.deployments import DeploymentSpec
from tailorbird.types.ids import DeploymentName
from tailorbird.types.jobs import StepMetrics, Supervised
from tailorbird.types.tuned import TunedModel

if TYPE_CHECKING:
    from datetime import date

    from tailorbird.protocols import Provider
    from tailorbird.types.ids import ModelId
    from tailorbird.types.jobs import Job
    from tailorbird.workflow.tune import TunePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Finisher:
    """Makes tuned models callable. Takes a whole provider: it needs five of its interfaces."""

    provider: Provider
    """Where the job ran."""

    async def finish(self, plan: TunePlan, job: Job) -> TunedModel:
        """Deploy the model where that is needed, wait until it answers, and write it down.

        Args:
            plan: What was asked for.
            job: The job; it has succeeded.

        Raises:
            InvalidInputError: The job has made no model.
            DeadlineError: The model does not answer in time; it may still become ready.
            ProviderError: Anything else the provider said.
        """
        if job.fine_tuned_model is None:
            message = f"job {job.id} is {job.raw_status!r} and has made no model yet"
            raise InvalidInputError(message)
        request = plan.request
        deployment = await self._deploy(request.name, job.fine_tuned_model)
        return TunedModel(
            name=request.name,
            provider=self.provider.name,
            identity=self.provider.identity,
            base=job.model,
            model=job.fine_tuned_model,
            deployment=deployment,
            system=plan.system,
            job=job.id,
            method=job.method or Supervised(),
            seed=job.seed,
            training_hash=request.training.sha256,
            validation_hash=request.validation.sha256 if request.validation else None,
            examples=request.training.examples,
            trained_tokens=job.trained_tokens,
            metrics=await self._metrics(job),
            split=dict(plan.split),
            created_at=job.finished_at or self.provider.clock.now(),
            shutdown_date=await self._shutdown(job.fine_tuned_model, job.model),
        )

    async def _deploy(self, run: str, model: ModelId) -> DeploymentName | None:
        deployments = self.provider.deployments
        name = DeploymentName(run)
        made = await deployments.create(DeploymentSpec(model=model, name=name))
        await deployments.wait_ready(made.name)
        return made.name if made.required else None

    async def _metrics(self, job: Job) -> StepMetrics:
        """Give the figures of the last step that reported any."""
        async for event in self.provider.jobs.events(job.id):
            # Providers add to these events as they like: only known figures are taken.
            known = {
                key: value
                for key, value in event.data.items()
                if key in StepMetrics.model_fields and type(value) in {int, float}
            }
            if event.type == "metrics" and known:
                return StepMetrics.model_validate(known)
        return StepMetrics()

    async def _shutdown(self, *models: ModelId) -> date | None:
        """Give the day the model dies: its own, or its base's if that comes first."""
        today = self.provider.clock.today()
        if not self.provider.capabilities.supports(Capability.MODELS, on=today):
            return None
        days: list[date | None] = []
        for model in models:
            try:
                days.append((await self.provider.models.get(model)).shutdown_date)
            except NotFoundError:
                continue  # a base can be gone from the list while its tuned models still answer
        return min((day for day in days if day is not None), default=None)
