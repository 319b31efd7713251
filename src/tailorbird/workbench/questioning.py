"""The part of a workbench that lets a model write test questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.workbench.arguments import check_documents, check_questions
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.data import QuestionSet
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import Document
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.questioning.making import Probe
    from tailorbird.workflow.questioning.plan import QuestionPlan
    from tailorbird.workflow.searching.index import Index


class Questioner:
    """What `Workbench` has for making questions; made by nobody else."""

    _parts: Parts

    async def make_questions(
        self,
        *,
        train: Sequence[Question] = (),
        documents: Path | str | Sequence[Document] = (),
        index: Index | str | None = None,
        plan: QuestionPlan | None = None,
        on_progress: OnProgress = silent,
    ) -> QuestionSet:
        """Let the model of the role `chat` write test questions, and keep what holds.

        Each question says in `origin` what it was made from. What the model writes is checked: a
        quotation must stand in the document, a paraphrase must keep the numbers and must not tell
        the answer, what the documents should not answer is asked of them. What was left out, and
        why, stands in the set's `problems`. What was written is kept: the same call pays nothing.

        Args:
            train: Training rows, for `paraphrase` and, with `index`, for `conflict`.
            documents: Folder, file or documents, for `unseen` and, with `index`, `unanswerable`.
            index: Index of the documents, or its name.
            plan: How many of each kind; None takes 20, 20, 10 and 10 of what can be made.
            on_progress: Called after each question that was written.

        Raises:
            InvalidInputError: The plan wants questions for which something is not given, or nothing
                is given at all.
            DataError: The documents cannot be read.
            IndexMissingError: There is no such index, or it is empty.
            ProviderError: What the provider said; what was written before is kept.
        """
        # Writing questions costs 10 ms that `import tailorbird` does not pay.
        from tailorbird.data import read_documents  # noqa: PLC0415
        from tailorbird.journal.threads import in_thread  # noqa: PLC0415
        from tailorbird.workflow.questioning.making import Material, QuestionMaker  # noqa: PLC0415
        from tailorbird.workflow.questioning.plan import QuestionPlan  # noqa: PLC0415

        check_questions(train, name="train")
        check_documents(documents)
        plan = plan or QuestionPlan()
        if isinstance(documents, (str, Path)):
            documents = await in_thread(read_documents, Path(documents))
        maker = QuestionMaker(
            chat=self._parts.provider.chat,
            model=plan.model or self._parts.role("chat").callable_id,
            journal=self._parts.workspace.journal,
            identity=self._parts.provider.identity,
            plan=plan,
            on_progress=on_progress,
        )
        probe = None if index is None else await self._probe(index)
        return await maker.make(Material(train=train, documents=documents, probe=probe))

    async def _probe(self, index: Index | str) -> Probe:
        from tailorbird.types.ids import IndexName  # noqa: PLC0415 - as in `make_questions`
        from tailorbird.workflow.answering.arms import (  # noqa: PLC0415
            ArmOptions,
            ArmPlan,
            single_arm,
        )
        from tailorbird.workflow.questioning.making import Probe  # noqa: PLC0415
        from tailorbird.workflow.searching.index import name_of, read_index  # noqa: PLC0415

        name = IndexName(name_of(index))
        plan = ArmPlan(
            model=self._parts.role("chat").callable_id,
            index=await read_index(await self._parts.retrieval(), name),
            options=ArmOptions(only_from_data=True),
        )
        arm = single_arm(plan)
        return Probe(
            index=name,
            searcher=await self._parts.searcher(),
            answerer=await self._parts.answerer([arm]),
            arm=arm,
        )
