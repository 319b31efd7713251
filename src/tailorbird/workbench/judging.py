"""The part of a workbench that lets a model judge answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.report import Comparison
    from tailorbird.types.judgements import PreferenceReport
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.comparing.appraising import AnyScorer, Appraiser
    from tailorbird.workflow.judging.judge import Judge
    from tailorbird.workflow.judging.options import JudgeOptions
    from tailorbird.workflow.judging.rubrics import Rubric


class Judging:
    """What `Workbench` has for judging; made by nobody else."""

    _parts: Parts

    async def judge_pairs(
        self,
        result: Comparison,
        arm: str,
        baseline: str,
        *,
        rubric: Rubric | None = None,
        options: JudgeOptions | None = None,
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
        return await prefer(
            make_judge(self._parts, options),
            named_pair(result.data, arm, baseline),
            rubric=rubric or options.rubrics[0],
            on_progress=on_progress,
        )


def make_judge(parts: Parts, options: JudgeOptions) -> Judge:
    """Put a judge together.

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
        ),
        model=player.model,
        options=options,
        price=find_price(player.model, parts.provider.prices),
    )


def make_appraiser(
    parts: Parts, scorers: Sequence[AnyScorer], judge: JudgeOptions | None
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
        judge=None if judge is None else make_judge(parts, judge),
    )
