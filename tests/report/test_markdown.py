"""A comparison as Markdown."""

from __future__ import annotations

import re

from tailorbird.report.markdown import to_markdown
from tailorbird.workflow.answering.results import ComparisonData, Verdict


def test_markdown_has_every_part(data: ComparisonData) -> None:
    """Verdict, reasons, caveats, shares, costs and pairs are there; tables are whole."""
    text = to_markdown(data)
    assert text.startswith("# 社内FAQ\n\n6 arms × 39 questions on fake,")
    assert text.count("\n## ") == 5
    assert "| retrieval | 0.82, 0.67-0.91 | 1.00 |" in text
    assert "| few-shot | 0.00 (38), 0.00-0.09 | 0.00 | 0.00 (6) |" in text
    assert "- Mind: Scores on the fake prove the plumbing only." in text
    assert len(re.findall(r"\| (?:better|worse|no difference shown) \|", text)) == 15
    widths = {line.count(" | ") for line in text.splitlines() if line.startswith("| ")}
    assert widths == {5, 7, 8}


def test_arms_without_scores_have_a_dash(data: ComparisonData) -> None:
    """An arm that no question could be scored for has no figure."""
    summary = tuple(one for one in data.summary if one.arm != "base")
    text = to_markdown(data.model_copy(update={"summary": summary}))
    assert "| base | - | - |" in text


def test_texts_are_not_taken_for_markup(data: ComparisonData) -> None:
    """Names and words with signs of Markdown or HTML come out as they are, on one line."""
    verdict = Verdict(
        headline="a|b <b>x</b>\n# y",
        recommended=None,
        reasons=("- not a list", "1. not a list", "5 * 3 = 15"),
    )
    text = to_markdown(data.model_copy(update={"name": "*x* [y](z)", "verdict": verdict}))
    assert text.startswith("# \\*x\\* \\[y\\](z)\n")
    assert "**a\\|b \\<b\\>x\\</b\\> \\# y**" in text
    assert "- \\- not a list\n- 1\\. not a list\n- 5 \\* 3 = 15\n" in text
