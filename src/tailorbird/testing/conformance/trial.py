"""One clause's stay at a provider: it makes things, waits by the clock, and takes them away."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import ConflictError, NotFoundError, UnsupportedError
from tailorbird.testing.conformance import data
from tailorbird.types import (
    Capability,
    DeploymentName,
    DeploymentSpec,
    JobSpec,
    JobStatus,
    Message,
    ModelId,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from tailorbird.protocols import Provider
    from tailorbird.types import (
        Batch,
        ChatRequest,
        Deployment,
        FileId,
        FilePurpose,
        Job,
        JobId,
        RoleModel,
        StoredFile,
        TuningKind,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteOptions:
    """What the suite cannot know of a provider: which models to use, and how long to wait."""

    roles: Mapping[str, RoleModel] = field(default_factory=dict[str, "RoleModel"])
    """Models for `chat`, `tune_base`, `embedding`; one left out is taken from `Provider.roles`.

    A model for `sampling` takes `stop` and `logprobs`, which reasoning models refuse; left out, it
    is the base that is tuned, or `chat` where a base does not answer without a deployment.
    """
    wait_s: float = 86_400.0
    """Seconds by the provider's clock until a job that is not final fails the test."""
    poll_s: float = 5.0
    """Seconds by the provider's clock between two looks at a job."""
    secrets: tuple[str, ...] = ()
    """Texts that must stand in no name, representation or message, such as the key in use."""


class Trial:
    """Makes what a clause needs of a provider; leaving the block takes away all that it made."""

    def __init__(self, provider: Provider, options: SuiteOptions) -> None:
        """Make nothing yet."""
        self.provider = provider
        self.options = options
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    def model(self, role: str) -> ModelId:
        """Give what calls name as the model of a role."""
        return self._role(role).callable_id

    @property
    def sampling_model(self) -> ModelId:
        """What calls name as a model that takes `stop` and `logprobs`."""
        if "sampling" in self.options.roles:
            return self.model("sampling")
        needed = self.provider.capabilities.supports(
            Capability.DEPLOYMENTS_REQUIRED, on=self.provider.clock.today()
        )
        tuned_here = {"tune_base"} & {*self.options.roles, *self.provider.roles}
        return self.tune_base if tuned_here and not needed else self.model("chat")

    @property
    def tune_base(self) -> ModelId:
        """The model that is tuned, by its own name."""
        return self._role("tune_base").model

    async def base_for(self, kind: TuningKind) -> ModelId:
        """Give a base that can be tuned that way: `tune_base`, or the first model that says so."""
        cards = [card async for card in self.provider.models.list()]
        ways = {card.id: card.tunable for card in cards}
        tunable = ways.get(self.tune_base)
        if tunable is None or kind in tunable:
            return self.tune_base
        return next((model for model in ways if kind in (ways[model] or ())), self.tune_base)

    async def upload(
        self,
        content: bytes = data.TRAINING,
        *,
        name: str = "conformance.jsonl",
        purpose: FilePurpose = "fine-tune",
    ) -> StoredFile:
        """Upload a file that is deleted at the end."""
        stored = await self.provider.files.create(content, name=name, purpose=purpose)
        self.forget_file(stored.id)
        return stored

    async def training_file(self, content: bytes = data.TRAINING) -> FileId:
        """Upload a file and wait until a job may name it."""
        stored = await self.upload(content)
        return (await self.provider.files.wait_ready(stored.id)).id

    async def start(self, spec: JobSpec | None = None) -> Job:
        """Create a job that is cancelled at the end, by default one that trains on the facts."""
        if spec is None:
            spec = JobSpec(model=self.tune_base, training_file=await self.training_file())
        job = await self.provider.jobs.create(spec)
        self.forget_job(job.id)
        return job

    async def until(self, job_id: JobId, condition: Callable[[Job], bool], *, what: str) -> Job:
        """Look at a job until a condition holds; `what` names it when it never does."""
        clock = self.provider.clock
        end = clock.monotonic() + self.options.wait_s
        while clock.monotonic() < end:
            # A new job may be invisible for a moment (contract of `FineTuningJobs.get`).
            with suppress(NotFoundError):
                job = await self.provider.jobs.get(job_id)
                if condition(job):
                    return job
            await clock.sleep(self.options.poll_s)
        pytest.fail(f"job {job_id!r} was not {what} within {self.options.wait_s:g} s")

    async def finish(self, job_id: JobId) -> Job:
        """Wait until a job is final; a model that it made is deleted at the end."""
        job = await self.until(job_id, lambda job: job.status.is_final, what="final")
        if job.fine_tuned_model is not None:
            self._forget_model(job.fine_tuned_model)
        return job

    async def train(self, spec: JobSpec | None = None) -> tuple[Job, ModelId]:
        """Run a job to its end and give it with the model that it made."""
        job = await self.finish((await self.start(spec)).id)
        assert job.status is JobStatus.SUCCEEDED, job
        assert job.fine_tuned_model is not None, job
        return job, job.fine_tuned_model

    async def deploy(self, model: ModelId, *, name: str = "conformance") -> Deployment:
        """Deploy a model and wait until it answers; it is taken away at the end."""
        deployments = self.provider.deployments
        made = await deployments.create(DeploymentSpec(model=model, name=DeploymentName(name)))
        self._later(lambda: deployments.delete(made.name))
        return await deployments.wait_ready(made.name)

    async def ask(self, question: str, *, model: ModelId) -> str:
        """Ask a tuned model as it was trained."""
        messages = [Message.system(data.SYSTEM), Message.user(question)]
        return (await self.provider.chat.complete(messages, model=model)).text

    async def batch(
        self, requests: Sequence[ChatRequest], *, metadata: Mapping[str, str] | None = None
    ) -> Batch:
        """Hand conversations in as a batch that is cancelled at the end, unless it is final."""
        made = await self.provider.batches.submit_chat(
            requests, model=self.model("chat"), metadata=metadata
        )

        async def cancel() -> None:
            await self.provider.batches.cancel(made.id)

        self._later(cancel)
        return made

    def forget_file(self, file_id: FileId) -> None:
        """Delete a file at the end."""
        self._later(lambda: self.provider.files.delete(file_id))

    def forget_job(self, job_id: JobId) -> None:
        """Cancel a job at the end, unless it is final then."""

        async def cancel() -> None:
            await self.provider.jobs.cancel(job_id)

        self._later(cancel)

    def _forget_model(self, model: ModelId) -> None:
        today = self.provider.clock.today()
        if self.provider.capabilities.supports(Capability.MODELS_DELETE, on=today):
            self._later(lambda: self.provider.models.delete(model))

    def _later(self, take_away: Callable[[], Coroutine[None, None, None]]) -> None:
        async def forgiving() -> None:
            # The clause itself may have taken it away, or the provider has no way to do it.
            with suppress(NotFoundError, ConflictError, UnsupportedError):
                await take_away()

        self._stack.push_async_callback(forgiving)

    def _role(self, role: str) -> RoleModel:
        found = self.options.roles.get(role) or self.provider.roles.get(role)
        if found is None:
            pytest.fail(
                f"no model plays {role!r}: set `options = SuiteOptions(roles={{{role!r}: …}})`"
                " in the suite's subclass"
            )
        return found
