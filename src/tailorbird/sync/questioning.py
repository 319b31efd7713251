"""The plain twin of `workbench.questioning`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.sync.calling import Caller
from tailorbird.workflow.progress import OnProgress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tailorbird.data import QuestionSet
    from tailorbird.types.questions import Question
    from tailorbird.types.retrieval import Document
    from tailorbird.workflow.questioning.plan import QuestionPlan
    from tailorbird.workflow.searching.index import Index


class SyncQuestioner(Caller):
    """Test questions; see `Workbench` for what each method does."""

    def make_questions(
        self,
        *,
        train: Sequence[Question] = (),
        documents: Path | str | Sequence[Document] = (),
        index: Index | str | None = None,
        plan: QuestionPlan | None = None,
        on_progress: OnProgress = silent,
    ) -> QuestionSet:
        """Let the model of the role `chat` write test questions, and keep what holds."""
        return self.call(
            self.bench.make_questions,
            train=train,
            documents=documents,
            index=index,
            plan=plan,
            on_progress=on_progress,
        )
