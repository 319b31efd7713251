"""From a job that succeeded to a model that answers, and back to nothing that costs money."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.data.training.figures import read_results, step_metrics
from tailorbird.exceptions import (
    InvalidInputError,
    NotFoundError,
    ProviderError,
    StillDeployedError,
    UnsupportedError,
)
from tailorbird.journal import Hosting, Spending
from tailorbird.protocols.returned import promised
from tailorbird.types.capabilities import Capability
from tailorbird.types.deployments import DeploymentSpec
from tailorbird.types.ids import DeploymentName
from tailorbird.types.jobs import StepMetrics, Supervised
from tailorbird.types.models import ModelCard
from tailorbird.types.tuned import TunedModel
from tailorbird.types.usage import Usage
from tailorbird.workflow.money.pricing import training_cost, training_price
from tailorbird.workflow.once.listing import MOST_EVENTS, distinct
from tailorbird.workflow.once.shielding import carry_through
from tailorbird.workflow.progress import OnProgress, Progress, silent

if TYPE_CHECKING:
    from datetime import date

    from tailorbird.journal import Ledger
    from tailorbird.protocols import Provider
    from tailorbird.types.deployments import Deployment, HostingQuote
    from tailorbird.types.ids import FileId, ModelId
    from tailorbird.types.jobs import Job
    from tailorbird.workflow.tuning.tune import TunePlan

# Names of deployments have 2 to 64 characters, names of runs 1 to 64 (Azure's resource naming
# rules, read 2026-11-22): there must be room for the number of the attempt.
_STEM = 60

# A line has some 60 bytes: room for the steps of any job.
_MOST_RESULT_BYTES = 32 << 20

_NONE = StepMetrics()

_LOG = logging.getLogger("tailorbird.workflow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finisher:
    """Makes tuned models callable. Takes a whole provider: it needs five of its interfaces."""

    provider: Provider
    """Where the job ran."""
    ledger: Ledger
    """Where is written down what was paid for, and what stands and costs money."""

    async def finish(
        self, plan: TunePlan, job: Job, *, attempt: int = 0, on_progress: OnProgress = silent
    ) -> TunedModel:
        """Deploy the model where that is needed, wait until it answers, and write it down.

        Args:
            plan: What was asked for.
            job: The job; it has succeeded.
            attempt: How often the run was made anew; each attempt's model has a deployment of its
                own.
            on_progress: Told the price of hosting before anything is deployed.

        Raises:
            InvalidInputError: The job has made no model.
            DeadlineError: The model does not answer in time; it may still become ready.
            ProviderError: Anything else the provider said.
        """
        if job.fine_tuned_model is None:
            message = f"job {job.id} is {job.raw_status!r} and has made no model yet"
            raise InvalidInputError(message)
        request = plan.request
        await self._record_training(request.name, job, job.fine_tuned_model)
        name = deployment_name(request.name, attempt=attempt)
        deployment = await self.deploy(name, job.fine_tuned_model, on_progress=on_progress)
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

    async def deploy(
        self, name: DeploymentName, model: ModelId, *, on_progress: OnProgress = silent
    ) -> DeploymentName | None:
        """Make a model callable and wait until it answers; None where nothing is deployed.

        A deployment of that name and model that stands already is taken as it is.

        Raises:
            ConflictError: The name is taken by another model.
            ProviderError: Anything else the provider said.
        """
        deployments = self.provider.deployments
        spec = DeploymentSpec(model=model, name=name)
        quote = await deployments.quote(spec)
        if self._deploys:
            on_progress(Progress(step="deploying", done=0, detail=_priced(name, quote)))
        # What costs by the hour must be known, also to a program that is being stopped.
        made = await carry_through(self._begin(spec, quote))
        await deployments.wait_ready(made.name)
        return made.name if made.required else None

    async def _begin(self, spec: DeploymentSpec, quote: HostingQuote) -> Deployment:
        made = await self._create(spec)
        if made.required:
            await self.ledger.begin_hosting(
                Hosting(
                    identity=self.provider.identity,
                    name=made.name,
                    model=spec.model,
                    hourly=quote.hourly,
                    since=made.created_at or self.provider.clock.now(),
                )
            )
        return made

    async def _create(self, spec: DeploymentSpec) -> Deployment:
        try:
            return await self.provider.deployments.create(spec)
        except ProviderError as exc:
            if exc.accepted == "no":
                raise
            # The name tells it from all others: what was made although nobody said so is found.
            try:
                found = await self.provider.deployments.get(spec.name)
            except ProviderError:
                raise exc from None
            if found.model != spec.model:
                raise
            return found

    async def stands(self, name: DeploymentName) -> bool:
        """Say whether a deployment is still there: some clouds delete what nobody calls.

        One that is gone costs nothing any more, which is written down.
        """
        try:
            await self.provider.deployments.get(name)
        except NotFoundError:
            await self._record_gone(name)
            return False
        return True

    async def undeploy(self, name: DeploymentName) -> None:
        """Delete a deployment, and write down what it has cost; one that is gone is fine.

        Raises:
            ProviderError: What the provider said; it may still stand and cost money.
        """
        try:
            await self.provider.deployments.delete(name)
        except NotFoundError:
            # Somebody else deleted it, or the cloud did because nobody called it.
            await self._record_gone(name)
        else:
            await self._record_gone(name)

    async def clear(self, run: str, job: Job, *, attempt: int = 0) -> None:
        """Take away what `finish` deployed for a job, or was about to, ready or not.

        Nothing happens where models answer without a deployment, where none stands, and where its
        name is another model's.

        Raises:
            StillDeployedError: The provider did not take it away.
        """
        if not self._deploys:
            return
        name = deployment_name(run, attempt=attempt)
        try:
            found = await self.provider.deployments.get(name)
            if found.model == job.fine_tuned_model:
                await self.undeploy(name)
        except NotFoundError:
            await self._record_gone(name)
        except UnsupportedError:
            return  # where nothing can be deployed, nothing was
        except ProviderError as exc:
            raise StillDeployedError(
                f"the deployment {name!r} of run {run!r} could not be taken away: it may still"
                " stand and cost money by the hour; take it away by `undeploy`, or in the"
                " provider's portal",
                provider=exc.provider,
                operation=exc.operation,
                status_code=exc.status_code,
                code=exc.code,
                request_id=exc.request_id,
                retry_after_s=exc.retry_after_s,
                accepted=exc.accepted,
            ) from exc

    async def _record_gone(self, name: DeploymentName) -> None:
        await self.ledger.end_hosting(
            name, identity=self.provider.identity, at=self.provider.clock.now()
        )

    async def _record_training(self, run: str, job: Job, model: ModelId) -> None:
        tokens = job.trained_tokens
        price = training_price(self.provider.prices, job.model)
        await self.ledger.record(
            Spending(
                at=job.finished_at or self.provider.clock.now(),
                identity=self.provider.identity,
                what="training",
                subject=run,
                reference=job.id,
                model=model,
                usage=Usage(input_tokens=tokens or 0),
                usd=None if tokens is None else training_cost(tokens, price),
            )
        )

    @property
    def _deploys(self) -> bool:
        today = self.provider.clock.today()
        return self.provider.capabilities.supports(Capability.DEPLOYMENTS_REQUIRED, on=today)

    async def _metrics(self, job: Job) -> StepMetrics:
        """Give the figures of the last step that reported any, by events or in a result file."""
        listing = self.provider.jobs.events(job.id)
        for event in await distinct(listing, lambda one: one.id, most=MOST_EVENTS):
            found = step_metrics(event.data) if event.type == "metrics" else _NONE
            if found != _NONE:
                return found
        for file in job.result_files:
            try:
                steps = read_results(await self._text_of(file))
            except (ProviderError, InvalidInputError) as exc:
                # The model is there: figures about its making are not worth failing for.
                _LOG.warning("the result file %s of job %s is left out: %s", file, job.id, exc)
                continue
            found = next((one for one in reversed(steps) if one != _NONE), _NONE)
            if found != _NONE:
                return found
        return _NONE

    async def _text_of(self, file: FileId) -> str:
        content = bytearray()
        async for piece in self.provider.files.content(file):
            content += piece
            if len(content) > _MOST_RESULT_BYTES:
                message = f"it is longer than {_MOST_RESULT_BYTES} bytes"
                raise InvalidInputError(message)
        return content.decode("utf-8", errors="replace")

    async def _shutdown(self, tuned: ModelId, base: ModelId) -> date | None:
        """Give the day the model dies: its own, or where none is announced its base's.

        At OpenAI a tuned model dies with its base, at Azure its deployments outlive it.
        """
        today = self.provider.clock.today()
        if not self.provider.capabilities.supports(Capability.MODELS, on=today):
            return None
        for model in (tuned, base):
            try:
                card = await self.provider.models.get(model)
            except NotFoundError:
                continue  # a base can be gone from the list while its tuned models still answer
            name = self.provider.name
            promised(card, ModelCard, by=name, operation="models.get", about=model)
            if card.shutdown_date is not None:
                return card.shutdown_date
        return None


def deployment_name(run: str, *, attempt: int) -> DeploymentName:
    """Give the name of the deployment of a run's model; each attempt's model has its own."""
    is_enough = attempt == 0 and len(run) > 1  # one letter names a run, but no deployment
    return DeploymentName(run if is_enough else f"{run[:_STEM]}-{attempt}")


def _priced(name: DeploymentName, quote: HostingQuote) -> str:
    """Say what a deployment costs before it is made."""
    if quote.hourly is None:
        cost = "costs an unknown price an hour, used or not,"
    elif quote.hourly:
        cost = f"costs {quote.hourly} US dollars an hour, used or not,"
    else:
        cost = "costs nothing"
    end = f"and is deleted {quote.auto_delete}" if quote.auto_delete else "until it is undeployed"
    return f"{name}: hosting {cost} {end}"
