"""The part of a workbench that lets a model judge answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.report import Comparison
    from tailorbird.types.judgements import PreferenceReport
    from tailorbird.types.questions import Question
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.bulk.asking import BulkOptions
    from tailorbird.workflow.bulk.collecting import Batches
    from tailorbird.workflow.comparing.appraising import AnyScorer, Appraiser
    from tailorbird.workflow.judging.estimate import JudgeEstimate
    from tailorbird.workflow.judging.judge import Judge
    from tailorbird.workflow.judging.options import JudgeOptions
    from tailorbird.workflow.judging.rubrics import Rubric


class Judging:
    """What `Workbench` has for judging; made by nobody else."""

    _parts: Parts

    async def estimate_judging(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        judge: JudgeOptions | None = None,
        bulk: bool = False,
    ) -> JudgeEstimate:
        """Say what `compare(arms, questions, judge=…)` would ask of the judge, and what that costs.

        Nothing is asked. Judgements that the workspace has are left out. No answer has to be there
        yet: those that are missing are taken for as long as the accepted ones. What may really be
        spent is limited by a budget.

        Args:
            arms: Who would answer.
            questions: What would be asked.
            judge: How to judge; None judges as `JudgeOptions()` says.
            bulk: Whether batches would answer, at a part of the price.

        Raises:
            ConfigError: The profile names no model for the judge.
        """
        # As in `judge_pairs`.
        from tailorbird.workflow.judging.estimate import estimate_judging  # noqa: PLC0415
        from tailorbird.workflow.judging.options import JudgeOptions  # noqa: PLC0415

        options = judge or JudgeOptions()
        maker = make_judge(self._parts, options)
        comparer = await self._parts.comparer(arms, concurrency=1)
        return await estimate_judging(
            maker.desk,
            await comparer.known(arms, questions),
            options=options,
            model=maker.model,
            price=maker.price,
            bulk=bulk,
        )

    async def judge_pairs(  # noqa: PLR0913 - what is judged, by what, and how
        self,
        result: Comparison,
        arm: str,
        baseline: str,
        *,
        rubric: Rubric | None = None,
        options: JudgeOptions | None = None,
        bulk: BulkOptions | bool = False,
        on_progress: OnProgress = silent,
    ) -> PreferenceReport:
        """Let the judge say which of two arms answers better, question by question.

        Each pair of answers is shown in both orders, and one of them counts as better only when
        the judge says so both times; else it is a tie. What was judged is kept: the same answers
        are never judged twice in this workspace.

        Args:
            result: A comparison, of this process or read from a file.
            arm: Name of one of its arms.
            baseline: Name of the one it is compared with.
            rubric: What makes an answer better; None takes the first of the options' rubrics.
            options: How to judge; None takes the model of the role `judge` and 200 questions.
            bulk: Ask as batches, at a part of the price and within a day; called again, also from
                another process, it finds them.
            on_progress: Called as it goes on.

        Raises:
            InvalidInputError: There is no such arm, both are the same, or the rubric shows
                passages.
            ConfigError: The profile names no model for the judge.
            ProviderError: All further judgements would fail alike; what was judged is kept.
        """
        # Judging costs 5 ms that `import tailorbird` does not pay.
        from tailorbird.workflow.judging.options import JudgeOptions  # noqa: PLC0415
        from tailorbird.workflow.judging.preferring import named_pair, prefer  # noqa: PLC0415

        options = options or JudgeOptions()
        batches = await self._parts.batches(bulk, on_progress=on_progress) if bulk else None
        return await prefer(
            make_judge(self._parts, options, batches=batches),
            named_pair(result.data, arm, baseline),
            rubric=rubric or options.rubrics[0],
            on_progress=on_progress,
        )


def make_judge(parts: Parts, options: JudgeOptions, *, batches: Batches | None = None) -> Judge:
    """Put a judge together; with `batches` it is asked by these.

    Raises:
        ConfigError: The profile names no model for its role.
    """
    # As in `judge_pairs`.
    from tailorbird.workflow.judging.desk import Desk  # noqa: PLC0415
    from tailorbird.workflow.judging.judge import Judge  # noqa: PLC0415
    from tailorbird.workflow.money.pricing import find_price  # noqa: PLC0415

    player = parts.role(options.role)
    return Judge(
        desk=Desk(
            chat=parts.provider.chat,
            model=player.callable_id,
            journal=parts.workspace.journal,
            identity=parts.provider.identity,
            options=options.chat,
            concurrency=options.concurrency,
            batches=batches,
        ),
        model=player.model,
        options=options,
        price=find_price(player.model, parts.provider.prices),
    )


def make_appraiser(
    parts: Parts,
    scorers: Sequence[AnyScorer],
    judge: JudgeOptions | None,
    *,
    batches: Batches | None = None,
) -> Appraiser:
    """Put together who is asked what answers are worth.

    Raises:
        ConfigError: The profile names no model for the judge's role.
    """
    # Scoring costs 20 ms that `import tailorbird` does not pay.
    from tailorbird.workflow.comparing.appraising import Appraiser  # noqa: PLC0415

    return Appraiser(
        scorers=tuple(scorers),
        embedder=parts.embedder if parts.find_role("embedding") else None,
        judge=None if judge is None else make_judge(parts, judge, batches=batches),
    )
