"""The part of a workbench that prices, starts, follows and ends runs of fine-tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.workbench.arguments import check_questions
from tailorbird.workflow.progress import OnProgress, silent
from tailorbird.workflow.tuning.training import TuneOptions

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tailorbird.data import ExampleSet, QuestionSet, TokenCounter
    from tailorbird.journal import RunRecord
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.arms import ArmOptions
    from tailorbird.workflow.searching.index import Index
    from tailorbird.workflow.tuning.estimate import Estimate
    from tailorbird.workflow.tuning.handle import JobHandle


class Tuner:
    """What `Workbench` has for fine-tuning; made by nobody else."""

    _parts: Parts

    async def estimate(
        self,
        train: QuestionSet | ExampleSet,
        *,
        system: str | None = None,
        options: TuneOptions | None = None,
        count: TokenCounter | None = None,
    ) -> Estimate:
        """Say what training on these rows would use and cost; nothing is sent.

        Args:
            train: Training rows.
            system: System prompt of each row; None uses the rows' own.
            options: Base model and method; None takes the role `tune_base`, supervised.
            count: Counts the tokens of a text, e.g. `exact_counter()`; None estimates them.
        """
        check_questions(train, name="train")
        return await self._parts.estimate(
            train, system=system, options=options or TuneOptions(), count=count
        )

    async def start_fine_tune(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None = None,
        validation: QuestionSet | ExampleSet | None = None,
        options: TuneOptions | None = None,
        again: bool = False,
    ) -> JobHandle:
        """Start a run, or find the one of this name that was started before.

        The same name with the same rows and options is the same run, from whatever process.

        Args:
            train: Training rows.
            name: Name of the run: 1 to 64 letters, digits, `_`, `.`, `-`.
            system: System prompt of each row, and of every later use of the model; None uses the
                rows' own.
            validation: Rows to validate on; none of them may be in `train`.
            options: Base model, method and so on.
            again: Start anew although the run's earlier job failed or was cancelled.

        Raises:
            DataError: The rows break a rule of the provider; nothing was sent.
            UnsupportedError: The provider does not tune (any more); nothing was left behind.
            InvalidInputError: The name stands for other rows or options.
            JobOutcomeUnknownError: The creation's answer was lost; call the same again later.
        """
        check_questions(train, name="train")
        check_questions(validation, name="validation")
        base = (options and options.base) or self._parts.role("tune_base").model
        options = (options or TuneOptions()).model_copy(update={"base": base})
        return await self._parts.tuning.start(
            train,
            name=name,
            system=system,
            validation=validation,
            options=options,
            again=again,
        )

    async def fine_tune(
        self,
        train: QuestionSet | ExampleSet,
        *,
        name: str,
        system: str | None = None,
        validation: QuestionSet | ExampleSet | None = None,
        options: TuneOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> TunedModel:
        """Start a run (or find it), wait for it, and give its model once it answers.

        The arguments are those of `start_fine_tune`; `on_progress` is called whenever the job's
        status changes. The errors are those of `start_fine_tune` and `finish`.
        """
        await self.start_fine_tune(
            train, name=name, system=system, validation=validation, options=options
        )
        return await self.finish(name, on_progress=on_progress)

    async def resume(self, name: str) -> JobHandle:
        """Find a run that was started before, in this process or another one.

        Raises:
            InvalidInputError: The workspace knows no run of that name.
            JobOutcomeUnknownError: Its creation's answer was lost: start it again by the same call.
        """
        return await self._parts.tuning.resume(name)

    async def jobs(self) -> tuple[RunRecord, ...]:
        """Give the runs that this workspace knows, newest first."""
        return await self._parts.tuning.runs()

    async def finish(
        self, name: str, *, timeout_s: float | None = None, on_progress: OnProgress = silent
    ) -> TunedModel:
        """Wait for a run and give its model, deployed where that is needed, once it answers.

        `timeout_s` limits the wait for the job; None waits as long as jobs can take.

        Raises:
            JobFailedError: The provider ended the job.
            JobCancelledError: The job was cancelled.
            WaitTimeoutError: The time is over; the job goes on.
            InvalidInputError: The workspace knows no run of that name.
        """
        return await self._parts.tuning.finish(name, timeout_s=timeout_s, on_progress=on_progress)

    def deployed(
        self, name: str, *, timeout_s: float | None = None, on_progress: OnProgress = silent
    ) -> AbstractAsyncContextManager[TunedModel]:
        """Give a run's model for a block, and take its deployment away at the end of the block.

        Waits and deploys as `finish` does. However the block ends (also by an error, a
        cancellation, or a deployment that does not get ready), what stands of the run is
        undeployed, also when it stood before: hosting costs by the hour, used or not. The model
        stays. Where models answer without a deployment, nothing is taken away. A cancelled program
        is kept for at most 30 seconds to undeploy.

        ```python
        async with bench.deployed("faq-bot") as tuned:
            result = await bench.compare(bench.arms(tuned=tuned), held_out)
        ```

        Args:
            name: The run's name; another program that uses its deployment loses it, too.
            timeout_s: Limits the wait for the job, as for `finish`.
            on_progress: As for `finish`.

        Raises:
            StillDeployedError: It could not be undeployed: it may still stand and cost money. When
                the block raised an error, that one comes through, with this one's text as a note.
            TailorbirdError: As for `finish`.
        """
        return self._parts.tuning.deployed(name, timeout_s=timeout_s, on_progress=on_progress)

    async def tuned(self, name: str) -> TunedModel:
        """Give a tuned model that was finished before.

        Raises:
            InvalidInputError: The workspace has none of that name; the message lists them.
        """
        return await self._parts.tuning.tuned(name)

    async def undeploy(self, name: str) -> TunedModel:
        """Take a tuned model's deployment away, so that hosting costs nothing any more.

        The model stays; `finish` deploys it again. Nothing happens where nothing is deployed.

        Raises:
            InvalidInputError: The workspace has no tuned model of that name.
            ProviderError: What the provider said; it may still stand and cost money.
        """
        return await self._parts.tuning.undeploy(name)

    async def checkpoint_arms(
        self,
        name: str,
        *,
        index: Index | str | None = None,
        options: ArmOptions | None = None,
    ) -> tuple[Arm, ...]:
        """Make arms of a run's checkpoints and of its model at the end, in the order of training.

        Compare them on `verbatim`, `paraphrase` and `conflict` questions to see what more training
        memorized, what it generalized, and whether the model still follows what it reads.

        Args:
            name: The run's name.
            index: Index for an arm `… + retrieval` of each, or its name; None makes none.
            options: How they are asked.

        Raises:
            InvalidInputError: The workspace has no tuned model of that name.
            UnsupportedError: The provider keeps no checkpoints, or answers deployments only.
        """
        from tailorbird.workflow.answering.arms import (  # noqa: PLC0415 - 2 ms, seldom needed
            ArmOptions,
            ArmPlan,
            single_arm,
        )
        from tailorbird.workflow.searching.index import name_of, read_index  # noqa: PLC0415

        found = await self._parts.tuning.checkpoints(name)
        searched = None
        if index is not None:
            searched = await read_index(await self._parts.retrieval(), name_of(index))
        arms: list[Arm] = []
        for known in (None, searched) if searched is not None else (None,):
            for tuned in found:
                plan = ArmPlan(
                    model=tuned.callable_id,
                    tuned=tuned,
                    index=known,
                    options=options or ArmOptions(),
                )
                arm = single_arm(plan)
                at = "" if tuned.step is None else f" @ {tuned.step}"
                arms.append(arm.model_copy(update={"name": f"{arm.name}{at}"}))
        return tuple(arms)
