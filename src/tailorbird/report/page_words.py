"""What the words of the HTML report mean, for readers who did not run the comparison."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tailorbird.report.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.answering.results import ComparisonData

_KINDS = {
    "verbatim": "asked word for word as in the training rows",
    "paraphrase": "a trained fact, asked in other words",
    "unseen": "a fact that only the documents hold",
    "style": "only the house style counts",
    "unanswerable": "nobody knows the answer, so declining is right",
    "conflict": "the documents contradict the training rows, and the documents are right",
}


def glossary(data: ComparisonData) -> str:
    """Write, folded, how each arm answers and what each kind of question tests."""
    arms = _list((arm.name, ", ".join(_made_of(arm))) for arm in data.arms)
    kinds = _list((kind, _KINDS[kind]) for kind in Overview.of(data).kinds if kind in _KINDS)
    tested = f"<p><b>Kinds of question</b></p>{kinds}" if kinds else ""
    return (
        "<details><summary>What arms and kinds of question mean</summary>"
        f"<p><b>Arms</b>: ways of answering</p>{arms}{tested}</details>"
    )


def _made_of(arm: Arm) -> Iterator[str]:
    """Name what an arm sends beside the question."""
    trained = "" if arm.tuned is None else f"fine-tuned from {arm.tuned.base}, "
    yield f"{trained}model {arm.model}"
    if arm.system:
        yield "a system prompt"
    if arm.shots:
        count = min(arm.nearest_shots or len(arm.shots), len(arm.shots))
        yield f"{count} worked {'example' if count == 1 else 'examples'}"
    if arm.index is not None:
        yield f"up to {arm.top_k} passages from the index {arm.index}"
    if not (arm.system or arm.shots or arm.index):
        yield "the question alone"


def _list(pairs: Iterable[tuple[str, str]]) -> str:
    items = "".join(f"<li><b>{escape(name)}</b>: {escape(text)}</li>" for name, text in pairs)
    return f"<ul>{items}</ul>" if items else ""
