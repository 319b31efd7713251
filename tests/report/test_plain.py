"""A comparison as plain text."""

from __future__ import annotations

from collections.abc import Callable

from tailorbird.report.plain import to_text
from tailorbird.report.widths import display_width
from tailorbird.workflow.answering.arm import Arm
from tailorbird.workflow.answering.results import ComparisonData, Verdict

NAMES = {"base": "素のモデル", "tuned + retrieval": "調整＋検索"}


def renamed(data: ComparisonData) -> ComparisonData:
    """Give the arms Japanese names, as far as the tables show them."""
    arms: tuple[Arm, ...] = tuple(
        one.model_copy(update={"name": NAMES.get(one.name, one.name)}) for one in data.arms
    )
    return data.model_copy(
        update={
            "arms": arms,
            "summary": tuple(
                one.model_copy(update={"arm": NAMES.get(one.arm, one.arm)}) for one in data.summary
            ),
            "figures": tuple(
                one.model_copy(update={"arm": NAMES.get(one.arm, one.arm)}) for one in data.figures
            ),
        }
    )


def test_text_has_tables_and_verdict(data: ComparisonData) -> None:
    """Shares with n, the interval in all, costs, headline, reasons and caveats are there."""
    text = to_text(data)
    assert text.startswith("社内FAQ: 6 arms × 39 questions on fake, 2026-11-22 04:05 UTC\n")
    lines = text.splitlines()
    assert any(line.split()[:2] == ["n=39", "n=7"] for line in lines)
    assert "retrieval                 0.82 [0.67-0.91]" in text
    assert "few-shot           0.00 (n=38) [0.00-0.09]" in text
    words = " ".join(text.split())
    assert f"Verdict: {data.verdict.headline}" in words
    assert all(f"- {reason}" in words for reason in data.verdict.reasons)
    assert all(f"! {caveat}" in words for caveat in data.verdict.caveats)


def test_japanese_names_keep_the_columns(data: ComparisonData) -> None:
    """Lines of a table are as wide on a terminal with Japanese names as with others."""
    table = to_text(renamed(data)).split("\n\n")[1].splitlines()[1:]
    assert len(table) == 8
    assert "素のモデル" in table[2]
    assert len({display_width(line) for line in table}) == 1


def test_text_can_be_printed_on_a_japanese_console(data: ComparisonData) -> None:
    """Every character of the report's own exists in code page 932."""
    assert to_text(data).encode("cp932")


def test_lines_of_the_verdict_are_wrapped(data: ComparisonData) -> None:
    """The verdict fits a hundred columns."""
    verdict = to_text(data).split("\n\n")[-1].splitlines()
    assert max(map(len, verdict)) <= 100


def test_control_characters_are_shown(data: ComparisonData) -> None:
    """A name cannot recolor the terminal."""
    text = to_text(data.model_copy(update={"name": "a\x1b[31mb"}))
    assert text.startswith("a\\x1b[31mb: ")


def test_arms_without_scores_have_a_dash(make_comparison: Callable[..., ComparisonData]) -> None:
    """An arm that no question could be scored for has no figure."""
    data = make_comparison(names=("base", "prompted"), per_kind=1)
    bare = data.model_copy(
        update={
            "summary": tuple(one for one in data.summary if one.arm != "base"),
            "verdict": Verdict(headline="None.", recommended=None, reasons=()),
        }
    )
    assert any(line.split() == ["base", *["-"] * 7] for line in to_text(bare).splitlines())


def test_a_p_value_stays_on_one_line(data: ComparisonData) -> None:
    """No line ends between `p` and its figure, wherever the text is cut."""
    reasons = tuple(
        f"{'x' * n} is better (1 won, p < 0.001), or not (p = 1)." for n in range(60, 100)
    )
    verdict = data.verdict.model_copy(update={"reasons": reasons})
    text = to_text(data.model_copy(update={"verdict": verdict}))
    assert text.count("p < 0.001") == text.count("p = 1)") == 40
