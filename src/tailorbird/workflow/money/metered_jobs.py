"""Fine-tuning jobs that are paid for from a purse."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.data import auto_epochs
from tailorbird.data.tokens import token_estimate
from tailorbird.exceptions import UnsupportedError
from tailorbird.journal.holds import to_nano
from tailorbird.journal.threads import in_thread
from tailorbird.protocols import FineTuningJobs
from tailorbird.types.jobs import Job, JobStatus, Reinforcement
from tailorbird.workflow.money.meter import was_never_sent
from tailorbird.workflow.money.pricing import training_cost, training_price

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tailorbird.journal import Holds
    from tailorbird.protocols import Files
    from tailorbird.types.ids import FileId, JobId
    from tailorbird.types.jobs import Checkpoint, JobEvent, JobSpec
    from tailorbird.workflow.money.meter import Meter

# The estimate of tokens is within about 15 % on prose (`data.tokens`); that the JSON around the
# texts is counted as well makes it larger still.
_ERROR = 1.15


class MeteredJobs(FineTuningJobs):
    """Makes jobs within the budget; everything else is passed on."""

    def __init__(self, inner: FineTuningJobs, files: Files, meter: Meter) -> None:
        """Make jobs by `inner` from files of `files`, and let `meter` see to the money."""
        self._inner = inner
        self._files = files
        self._meter = meter

    @override
    async def create(self, spec: JobSpec) -> Job:
        """Hold what the job can cost, and make it; see `FineTuningJobs.create`.

        The tokens of the training file are counted for it, so the file is read once.

        Raises:
            BudgetExceededError: The budget does not allow it; nothing was made.
            ConfigError: There is a budget, and the price of training is not known.
            UnsupportedError: There is a budget, and the job is billed by the hour.
        """
        if self._meter.budget is None:
            return self._checked(await self._inner.create(spec), "create", spec.model)
        nano = await self._worst(spec)
        purse, file = self._meter.purse, spec.training_file
        # By its file until the job has an id: a creation that is tried again holds once.
        await purse.hold("training", file, nano, subject=spec.model)
        self._meter.creating.add(file)
        try:
            job = self._checked(await self._inner.create(spec), "create", spec.model)
        except BaseException as exc:
            if was_never_sent(exc):
                await purse.let_go("training", file, nano)
            raise
        finally:
            self._meter.creating.discard(file)
        await self._holds.rename(self._identity, "training", file, to=job.id)
        return job

    async def _worst(self, spec: JobSpec) -> int:
        if isinstance(spec.method, Reinforcement):
            raise UnsupportedError(
                provider=self._meter.provider.name,
                capability="a budget for reinforcement",
                reason="it is billed by the hour, and nobody knows before how long it takes",
                instead="supervised fine-tuning, or a workbench without a budget",
            )
        tariff = self._meter.tariff
        _, base = await tariff.model_behind(spec.model)
        price = training_price(tariff.prices, base or spec.model)
        if price is None:
            price = await tariff.require(spec.model, "training_per_mtok")
        tokens, rows = await self._count(spec.training_file)
        asked = spec.method.n_epochs
        epochs = auto_epochs(max(1, rows)) if asked == "auto" else asked
        trained = math.ceil(tokens * _ERROR) * epochs
        return to_nano(training_cost(trained, price) or Decimal(0))

    async def _count(self, file: FileId) -> tuple[float, int]:
        """Give the tokens of a file's text and the number of its lines."""
        tokens, rows, rest = 0.0, 0, b""
        async for piece in self._files.content(file):
            *lines, rest = (rest + piece).split(b"\n")
            tokens += await in_thread(_tokens, lines)
            rows += sum(1 for line in lines if line.strip())
        return tokens + _tokens([rest]), rows + bool(rest.strip())

    def _checked(self, job: Job, operation: str, about: str) -> Job:
        return self._meter.promised(job, Job, f"jobs.{operation}", about)

    @property
    def _holds(self) -> Holds:
        return self._meter.workspace.journal.holds

    @property
    def _identity(self) -> str:
        return self._meter.provider.identity

    @override
    async def get(self, job_id: JobId) -> Job:
        job = self._checked(await self._inner.get(job_id), "get", job_id)
        if job.status.is_final:
            await self._settle(job)
        return job

    async def _settle(self, job: Job) -> None:
        """Hold what a job has cost, as far as it says so, until that is written down."""
        if job.training_file not in self._meter.creating:
            # Its creation was not answered, or its maker is gone.
            await self._holds.rename(self._identity, "training", job.training_file, to=job.id)
        if job.status is JobStatus.FAILED:
            # Failed jobs cost nothing, cancelled ones what was done (facts of Azure's page on cost
            # management for fine-tuning, 2026-03-19; OpenAI says nothing else).
            await self._holds.drop(self._identity, "training", job.id)
            return
        price = training_price(self._meter.tariff.prices, job.model)
        if job.trained_tokens is not None:
            usd = training_cost(job.trained_tokens, price)
            if usd is not None:
                await self._holds.resize(self._identity, "training", job.id, usd=usd)

    @override
    def list(self, *, metadata: Mapping[str, str] | None = None) -> AsyncIterator[Job]:
        return self._inner.list(metadata=metadata)

    @override
    async def cancel(self, job_id: JobId) -> Job:
        return self._checked(await self._inner.cancel(job_id), "cancel", job_id)

    @override
    async def pause(self, job_id: JobId) -> Job:
        return self._checked(await self._inner.pause(job_id), "pause", job_id)

    @override
    async def resume(self, job_id: JobId) -> Job:
        return self._checked(await self._inner.resume(job_id), "resume", job_id)

    @override
    def events(self, job_id: JobId) -> AsyncIterator[JobEvent]:
        return self._inner.events(job_id)

    @override
    def checkpoints(self, job_id: JobId) -> AsyncIterator[Checkpoint]:
        return self._inner.checkpoints(job_id)


def _tokens(lines: list[bytes]) -> float:
    return sum(token_estimate(line.decode("utf-8", "replace")) for line in lines)
