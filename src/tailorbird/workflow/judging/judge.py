"""Grade the answers of a comparison, and say how far the grades can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.judging.families import family_of
from tailorbird.workflow.judging.grading import Grading, Judged
from tailorbird.workflow.judging.labels import check_labels
from tailorbird.workflow.judging.reporting import family_caveats, report
from tailorbird.workflow.judging.rubrics import CORRECTNESS
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tailorbird.exceptions import Problem
    from tailorbird.types.answers import Answer
    from tailorbird.types.ids import ModelId
    from tailorbird.types.questions import Question
    from tailorbird.types.usage import Price
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.judging.desk import Desk
    from tailorbird.workflow.judging.grading import Answered, Place
    from tailorbird.workflow.judging.options import JudgeOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Grades answers by one model."""

    desk: Desk
    """Asks it."""
    model: ModelId
    """What the model is, whatever it is called by."""
    options: JudgeOptions
    """How to judge."""
    price: Price | None = None
    """What it costs; None when that is not known."""

    def check(self, arms: Sequence[Arm], answers: Mapping[Place, Answer]) -> tuple[str, ...]:
        """Give the arms whose models are of the judge's family.

        Raises:
            InvalidInputError: There are such arms, and the options want to know before anything is
                judged; two rubrics have the same name; or what is right shall be decided without
                the rubric for it.
        """
        names = [one.name for one in self.options.rubrics]
        if len(set(names)) < len(names):
            message = f"the rubrics need names of their own, got {', '.join(names)}"
            raise InvalidInputError(message)
        if self.options.decides and CORRECTNESS.name not in names:
            message = (
                f"the judge shall decide what is right, and is not asked about it: add the rubric"
                f" {CORRECTNESS.name!r}, or leave out decides=True"
            )
            raise InvalidInputError(message)
        family = family_of(self.model)
        models: dict[str, set[str]] = {arm.name: {_model_of(arm)} for arm in arms}
        for (name, _), answer in answers.items():
            if answer.model is not None:
                models[name].add(answer.model)
        own = tuple(
            arm.name for arm in arms if family in {family_of(one) for one in models[arm.name]}
        )
        if own and self.options.own_family == "refuse":
            message = (
                f"the judge {self.model!r} would judge its own family ({family}) in the arms"
                f" {', '.join(own)}: name a model of another maker for the role"
                f" {self.options.role!r}, or allow it with own_family='tell'"
            )
            raise InvalidInputError(message)
        return own

    def check_labels(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        answers: Mapping[Place, Answer] | None = None,
    ) -> tuple[Problem, ...]:
        """Say which of people's labels do not count; without `answers` before there are any.

        Raises:
            DataError: There are labels, and none of them counts.
        """
        return check_labels(
            self.options.labels,
            self.options.rubrics,
            arms={arm.name for arm in arms},
            questions={question.id for question in questions},
            answers=answers,
        )

    def caveats(self, own: Sequence[str]) -> tuple[str, ...]:
        """Say what a reader must know where arms are of the judge's family; empty where none is."""
        return family_caveats(self.model, own, role=self.options.role)

    async def judge(self, answered: Answered, *, on_progress: OnProgress = silent) -> Judged:
        """Grade answers by all rubrics that apply, a share of them twice.

        Args:
            answered: What to judge.
            on_progress: Called as it goes on.

        Raises:
            InvalidInputError: The options do not fit, or there are labels and none of them is of
                an answer that is there; nothing was sent.
            ProviderError: All further judgements would fail alike; what was judged is kept.
            BudgetExceededError: The budget does not allow more; what was judged is kept.
        """
        own = self.check(answered.arms, answered.answers)
        problems = self.check_labels(answered.arms, answered.questions, answered.answers)
        grading = Grading(self.desk, self.options, answered, on_progress)
        await grading.run()
        return Judged(
            grades=grading.grades,
            drawn=grading.drawn,
            report=report(
                grading, model=self.model, price=self.price, own_family=own, problems=problems
            ),
        )


def _model_of(arm: Arm) -> str:
    """Give the model behind an arm, as far as the arm tells: its tuned model's base, or its own."""
    return arm.model if arm.tuned is None else arm.tuned.base
