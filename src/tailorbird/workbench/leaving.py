"""The part of a workbench that takes a tuned model along when its provider ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.workbench.arguments import check_questions
from tailorbird.workbench.tuner import Tuner
from tailorbird.workflow.answering.arm import DEFAULT_CONCURRENCY
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.journal import Workspace
    from tailorbird.journal.bundles import Bundle
    from tailorbird.protocols import Provider
    from tailorbird.types.ids import ModelId
    from tailorbird.types.questions import Question
    from tailorbird.types.tuned import TunedModel
    from tailorbird.workbench.bench import Workbench
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.arms import ArmOptions
    from tailorbird.workflow.leaving.recording import Recording
    from tailorbird.workflow.leaving.succession import Succession
    from tailorbird.workflow.searching.index import Index


class Leaver(Tuner):
    """What `Workbench` has for moving on; made by nobody else."""

    workspace: Workspace
    provider: Provider

    async def export_tuned(self, name: str, *, to: Path | str) -> Bundle:
        """Write a tuned model into a folder of plain files: rows, prompt, method, metrics, dates.

        The folder is enough to make the model again elsewhere, and to record what it says. A folder
        that holds this model's bundle already is brought up to date; its recordings stay.

        Args:
            name: The run's name.
            to: The folder; made when it is missing.

        Raises:
            InvalidInputError: The workspace has no such model, or the folder holds something else.
            StorageError: The training file is gone, or the folder cannot be written.
        """
        # Bundles are made once in a model's life: `import tailorbird` does not pay for them.
        from tailorbird.journal.bundles import BundleFolder  # noqa: PLC0415
        from tailorbird.journal.threads import in_thread  # noqa: PLC0415

        tuned = await self._parts.tuning.tuned(name)
        training, validation = await self._parts.tuning.training_files(name)
        return await in_thread(
            BundleFolder(to).create,
            tuned,
            training=training,
            validation=validation,
            at=self._parts.provider.clock.now(),
        )

    async def record(
        self,
        name: str,
        questions: Sequence[Question],
        *,
        bundle: Path | str,
        index: Index | str | None = None,
        options: ArmOptions | None = None,
        on_progress: OnProgress = silent,
    ) -> Recording:
        """Ask a tuned model questions and keep its answers, with dates, in its bundle.

        Do it while the model still answers: without a recording nobody can show later that a
        successor is no worse. Answers are kept as they come; a run that was broken off goes on.

        Args:
            name: The run's name.
            questions: What to ask, with accepted answers.
            bundle: Folder that `export_tuned` wrote.
            index: Index to record the model with passages, too; None records it alone.
            options: How it is asked.
            on_progress: Called after each answer.

        Raises:
            InvalidInputError: There is no such model, or no question.
            StorageError: The folder is no bundle, or cannot be written.
            ProviderError: All further calls would fail too; what came is kept.
        """
        from tailorbird.journal.bundles import BundleFolder  # noqa: PLC0415
        from tailorbird.workflow.answering.arms import (  # noqa: PLC0415
            ArmOptions,
            ArmPlan,
            single_arm,
        )
        from tailorbird.workflow.leaving.recording import Recorder  # noqa: PLC0415
        from tailorbird.workflow.searching.index import name_of, read_index  # noqa: PLC0415

        check_questions(questions, name="questions")
        tuned = await self._parts.tuning.tuned(name)
        plan = ArmPlan(model=tuned.callable_id, tuned=tuned, options=options or ArmOptions())
        arms = [single_arm(plan)]
        if index is not None:
            known = await read_index(await self._parts.retrieval(), name_of(index))
            arms.append(single_arm(replace(plan, index=known)))
        recorder = Recorder(
            comparer=await self._parts.comparer(arms, concurrency=DEFAULT_CONCURRENCY),
            folder=BundleFolder(bundle),
            clock=self._parts.provider.clock,
        )
        return await recorder.record(arms, questions, on_progress=on_progress)

    async def retrain(
        self,
        bundle: Path | str,
        *,
        on: Workbench | None = None,
        name: str | None = None,
        base: ModelId | None = None,
        on_progress: OnProgress = silent,
    ) -> TunedModel:
        """Train on a bundle's rows again, with the same prompts and method, as another run.

        Args:
            bundle: Folder that `export_tuned` wrote.
            on: Workbench of the provider to train on; None takes this one.
            name: Name of the run; None takes the bundle's, where the workspace does not hold that
                model itself.
            base: Base model; None takes the role `tune_base`. Method and seed are the bundle's.
            on_progress: Called whenever the job's status changes.

        Raises:
            InvalidInputError: The name stands for another run.
            StorageError: The folder is no bundle, or is damaged.
            UnsupportedError: The provider does not tune.
            DataError: The rows break a rule of the provider.
            JobFailedError: The provider ended the job.
        """
        from tailorbird.data import read_examples  # noqa: PLC0415
        from tailorbird.journal.bundles import BundleFolder  # noqa: PLC0415
        from tailorbird.journal.threads import in_thread  # noqa: PLC0415
        from tailorbird.workflow.tuning.training import TuneOptions  # noqa: PLC0415

        folder = BundleFolder(bundle)
        kept = await in_thread(folder.read)
        old = kept.tuned
        train = await in_thread(read_examples, folder.training)
        checked = None
        if kept.is_validated:
            checked = await in_thread(read_examples, folder.validation, use="validation")
        target = self if on is None else on
        if name is None and target.provider.identity == old.identity:
            await _check_name(target.workspace, old)
        tuned = await target.fine_tune(
            train,
            name=name or old.name,
            validation=checked,
            options=TuneOptions(base=base, method=old.method, seed=old.seed),
            on_progress=on_progress,
        )
        moved = tuned.model_copy(update={"split": old.split})
        await target.workspace.save_tuned(moved)
        return moved

    async def check_successor(
        self,
        bundle: Path | str,
        arms: Sequence[Arm],
        *,
        recorded: str | None = None,
        margin: float | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        on_progress: OnProgress = silent,
    ) -> Succession:
        """Ask successors the recorded questions, and say whether they are no worse.

        Args:
            bundle: Folder with recorded answers.
            arms: Successors: a model that was trained again, retrieval on a current model, …
            recorded: Name of the recorded arm; None takes the only one.
            margin: Share of right answers that may be lost, above 0 and below 1; choose it before
                looking. None takes 0.05.
            concurrency: How many answers to ask for at once.
            on_progress: Called after each answer.

        Raises:
            InvalidInputError: Nothing was recorded, or nothing could be scored on both sides.
            StorageError: The folder is no bundle, or is damaged.
            ProviderError: All further calls would fail too; what came is kept.
        """
        from tailorbird.journal.bundles import BundleFolder  # noqa: PLC0415
        from tailorbird.journal.threads import in_thread  # noqa: PLC0415
        from tailorbird.workflow.leaving.succession import (  # noqa: PLC0415
            judge_successors,
            recorded_answers,
        )
        from tailorbird.workflow.statistics import MARGIN  # noqa: PLC0415

        folder = BundleFolder(bundle)
        kept = await in_thread(folder.read)
        answers = await in_thread(folder.recorded)
        old, given, questions, days = recorded_answers(kept, answers, arm=recorded)
        comparer = await self._parts.comparer(arms, concurrency=concurrency)
        data = await comparer.compare(
            [old, *arms], questions, given={old.name: given}, on_progress=on_progress
        )
        return await in_thread(
            judge_successors,
            kept,
            data,
            baseline=old.name,
            days=days,
            margin=MARGIN if margin is None else margin,
        )


async def _check_name(workspace: Workspace, old: TunedModel) -> None:
    """Do nothing where a bundle's name can be the new run's too.

    Raises:
        InvalidInputError: The workspace holds the bundle's model itself under that name.
    """
    known = await workspace.list_tuned(identity=old.identity)
    mark = (old.name, old.job, old.training_hash)
    if mark in [(one.name, one.job, one.training_hash) for one in known]:
        message = (
            f"this workspace holds the model of the bundle as {old.name!r}: give the new run a name"
            " of its own (name=…, --name)"
        )
        raise InvalidInputError(message)
