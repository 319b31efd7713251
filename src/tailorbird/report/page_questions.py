"""Every question of the HTML report, with all answers side by side."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from tailorbird.report.figures import NOTHING, seconds
from tailorbird.report.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tailorbird.types.answers import Answer, Citation
    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.results import ComparisonData, Outcome

PAGE_BYTES = 900_000
"""Where the list of questions stops, so that the page opens quickly on a phone (about 1 MB)."""

TEXT_CHARACTERS = 8_000
"""Where a long text is cut, so that one endless answer does not keep all others from the page: as
much as a judge is shown."""

_KANA = re.compile(r"[\u3041-\u309f\u30a1-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_HAN = re.compile(r"[\u4e00-\u9fff]")


def content_language(data: ComparisonData) -> str:
    """Guess the language tag of questions and answers, so that ideographs get the right shapes.

    `ja` when any question has kana, else `ko` for Hangul, `zh` for other ideographs; empty when
    there is none of them and the page's own language will do.
    """
    text = "".join(question.text for question in data.questions)
    for tag, pattern in (("ja", _KANA), ("ko", _HANGUL), ("zh", _HAN)):
        if pattern.search(text):
            return tag
    return ""


def question_list(data: ComparisonData) -> str:
    """Write the filters and a folded block for each question, as many as fit the page."""
    by_question: dict[str, list[Outcome]] = {question.id: [] for question in data.questions}
    for outcome in data.outcomes:
        by_question[outcome.question].append(outcome)
    language = content_language(data)
    leaked = {one.question for one in data.leaks if not one.expected}
    states = {
        one.id: _states(by_question[one.id], leaked=one.id in leaked) for one in data.questions
    }
    blocks = (
        _question(one, by_question[one.id], language, states[one.id]) for one in data.questions
    )
    shown = list(_within(blocks, PAGE_BYTES))
    left = len(data.questions) - len(shown)
    more = (
        f'<p class="soft">{left} more questions are not shown here; the JSON and CSV have all.</p>'
        if left
        else ""
    )
    filters = _filters(Overview.of(data).kinds, set[str]().union(*states.values()))
    return filters + "".join(shown) + more


def _within(blocks: Iterable[str], limit: int) -> Iterator[str]:
    size = 0
    for block in blocks:
        size += len(block.encode("utf-8", "backslashreplace"))
        if size > limit:
            return
        yield block


_STATES = {
    "differ": "arms differ",
    "lost": "nobody right",
    "won": "all right",
    "failed": "a call failed",
    "leaked": "given away by training",
}
"""What the outcomes of a question come to, and what the filter calls it."""


def _filters(kinds: tuple[str, ...], states: set[str]) -> str:
    """Write buttons for kinds and for outcomes; each hides what is not of it, without a script."""
    shown = {state: label for state, label in _STATES.items() if state in states}
    by_kind = {kind: kind for kind in kinds[1:]}
    return _filter("kind", "all kinds", by_kind) + _filter("state", "any outcome", shown)


def _filter(group: str, first: str, choices: Mapping[str, str]) -> str:
    """Write radio buttons and the rules by which they hide the rest; nothing without a choice."""
    if not choices:
        return ""
    every = {"all": first, **choices}
    buttons = "".join(
        f'<input type="radio" name="{group}" id="tb-{group}-{one}"{" checked" if not at else ""}>'
        f'<label for="tb-{group}-{one}">{escape(label)}</label>'
        for at, (one, label) in enumerate(every.items())
    )
    prefix = group[0]
    rules = "".join(
        f".tb:has(#tb-{group}-{one}:checked) .q:not(.{prefix}-{one}){{display:none}}"
        for one in choices
    )
    return f'<style>{rules}</style><div class="filter">{buttons}</div>'


def _states(outcomes: Sequence[Outcome], *, leaked: bool) -> set[str]:
    """Say what the outcomes of a question come to."""
    right = {one.scores.correct > 0 for one in outcomes if one.scores.correct is not None}
    states = {"leaked"} if leaked else set[str]()
    if any(one.error is not None for one in outcomes):
        states.add("failed")
    if right:
        states.add("differ" if len(right) > 1 else "won" if right == {True} else "lost")
    return states


def _question(question: Question, outcomes: list[Outcome], language: str, states: set[str]) -> str:
    # `auto` lets Arabic and Hebrew run from the right, and keeps marks of direction within a text.
    lang = ' dir="auto"' + (f' lang="{language}"' if language else "")
    classes = " ".join(
        ["q", f"k-{question.kind or 'none'}", *(f"s-{one}" for one in sorted(states))]
    )
    kind = f'<span class="tag">{question.kind}</span>' if question.kind else ""
    marks = "".join(f"<span>{_mark(one)} {escape(one.arm)}</span>" for one in outcomes)
    accepted = "".join(f'<p class="text"{lang}>{_shown(one)}</p>' for one in question.answers)
    sources = (
        f'<p class="soft">stands in {escape(", ".join(question.sources))}</p>'
        if question.sources
        else ""
    )
    answers = "".join(_answer(one, lang) for one in outcomes)
    return (
        f'<details class="{classes}"><summary><span{lang}>'
        f'{_shown(question.text)}</span> {kind}<span class="marks">{marks}</span></summary>'
        f'<div><p class="soft">accepted answers</p>{accepted or f"<p>{NOTHING}</p>"}{sources}'
        f'<div class="answers">{answers}</div></div></details>'
    )


def _shown(text: str) -> str:
    """Give a text for the page, cut where it is very long."""
    left = len(text) - TEXT_CHARACTERS
    if left <= 0:
        return escape(text)
    more = f"{left:,} more characters stand in the JSON and CSV"
    return f'{escape(text[:TEXT_CHARACTERS])}… <i class="soft">({more})</i>'


def _mark(outcome: Outcome) -> str:
    if outcome.error is not None:
        return '<span title="failed">⚠</span>'
    if outcome.scores.correct is None:
        return '<span title="not scored">·</span>'
    right = outcome.scores.correct > 0
    return (
        '<b class="better" title="right">✓</b>' if right else '<b class="worse" title="wrong">✗</b>'
    )


def _answer(outcome: Outcome, lang: str) -> str:
    head = f"<h3>{_mark(outcome)} {escape(outcome.arm)}</h3>"
    if outcome.answer is None:
        return f'<div class="answer">{head}<p class="soft">{escape(outcome.error or "")}</p></div>'
    answer = outcome.answer
    cited = "".join(_citation(one, lang) for one in answer.citations)
    return (
        f'<div class="answer">{head}<p class="text"{lang}>{_shown(answer.text)}</p>{cited}'
        f'<p class="soft">{escape(_facts(outcome, answer))}</p>{_grades(outcome)}</div>'
    )


def _grades(outcome: Outcome) -> str:
    """Write what the judge gave, and why."""
    return "".join(
        f'<div class="soft"><b>judged {escape(one.rubric)}</b> {one.value:.2f}:'
        f' <span dir="auto">{_shown(one.reason)}</span></div>'
        for one in outcome.grades
        if one.value is not None
    )


def _citation(citation: Citation, lang: str) -> str:
    source = citation.source or citation.document
    page = f", p. {citation.page}" if citation.page is not None else ""
    return (
        f'<div class="soft">[{citation.number}] {escape(source)}{page}</div>'
        f"<blockquote{lang}>{_shown(citation.quote)}</blockquote>"
    )


def _facts(outcome: Outcome, answer: Answer) -> str:
    scores = outcome.scores
    parts = [
        "declined" if answer.abstained else "",
        "" if scores.f1 is None else f"F1 {scores.f1:.2f}",
        "" if scores.style is None else ("house style" if scores.style else "no house style"),
        *(f"{name} {value:.2f}" for name, value in scores.extra.items() if value is not None),
        f"passages from {', '.join(answer.retrieved_documents)}" if answer.retrieved else "",
        f"{answer.dropped_citations} false citations dropped" if answer.dropped_citations else "",
        f"{seconds(answer.latency_s)} s",
        f"{answer.usage.total_tokens:,} tokens",
        "from an earlier run" if outcome.reused else "",
    ]
    return " · ".join(part for part in parts if part)
