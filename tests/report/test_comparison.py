"""What users hold in their hands after comparing."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from pyarrow import parquet  # pyright: ignore[reportMissingTypeStubs]

from tailorbird.exceptions import ConfigError, InvalidInputError, StorageError
from tailorbird.report import Comparison
from tailorbird.workflow.answering.results import ComparisonData


@pytest.fixture
def comparison(data: ComparisonData) -> Comparison:
    """The usual comparison."""
    return Comparison(data)


def test_parts_are_at_hand(comparison: Comparison, data: ComparisonData) -> None:
    """Each part of the data is an attribute; answers are the outcomes without failed calls."""
    assert comparison.arms == data.arms
    assert comparison.questions == data.questions
    assert comparison.outcomes == data.outcomes
    assert comparison.summary == data.summary
    assert comparison.pairwise == data.pairwise
    assert comparison.figures == data.figures
    assert comparison.verdict == data.verdict
    assert len(comparison.answers) == len(data.outcomes) - 1


def test_figures_can_be_looked_up(comparison: Comparison) -> None:
    """A figure is found by arm, kind and metric; one that does not exist is None."""
    found = comparison.cell("tuned", kind="style")
    assert found is not None
    assert (found.n, found.value) == (7, 1.0)
    assert comparison.cell("base", metric="retrieved") is None


def test_printing_shows_tables_and_naming_does_not(comparison: Comparison) -> None:
    """`print` shows the report, `repr` only what it is."""
    assert "Verdict: " in str(comparison)
    assert repr(comparison) == "Comparison(name='社内FAQ', arms=6, questions=39)"


def test_notebooks_show_a_fragment(comparison: Comparison) -> None:
    """A notebook shows verdict and shares, and nothing that styles the rest of the page."""
    fragment = comparison._repr_html_()
    assert fragment.startswith('<div class="tb">')
    assert "<body" not in fragment
    assert "tuned + retrieval" in fragment


def test_files_are_written_and_read(comparison: Comparison, tmp_path: Path) -> None:
    """Each format goes to a file; the JSON comes back as it was."""
    comparison.write_json(tmp_path / "r.json")
    comparison.write_csv(tmp_path / "r.csv")
    comparison.write_html(tmp_path / "r.html")
    comparison.write_markdown(str(tmp_path / "r.md"))
    assert Comparison.read(tmp_path / "r.json") == comparison
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == comparison.to_html()
    assert (tmp_path / "r.md").read_text(encoding="utf-8") == comparison.to_markdown()
    assert comparison.to_object()["name"] == "社内FAQ"


def test_csv_files_open_in_excel(comparison: Comparison, tmp_path: Path) -> None:
    """The CSV file begins with a byte-order mark, the text does not."""
    comparison.write_csv(tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_bytes().startswith(b"\xef\xbb\xbfarm,id,")
    assert comparison.to_csv().startswith("arm,id,")
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(comparison.to_rows())


def test_texts_without_utf8_are_escaped(comparison: Comparison, tmp_path: Path) -> None:
    """A lone surrogate in an answer does not lose the whole report."""
    broken = Comparison(comparison.data.model_copy(update={"name": "a\ud800b"}))
    broken.write_json(tmp_path / "r.json")
    assert '"name": "a\\ud800b"' in (tmp_path / "r.json").read_text(encoding="utf-8")
    assert Comparison.read(tmp_path / "r.json") == broken


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """A missing file and one with other content are errors of different kinds."""
    with pytest.raises(StorageError, match=r"cannot read .*none\.json"):
        Comparison.read(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"other\.json"):
        Comparison.read(tmp_path / "other.json")


def test_unwritable_places_are_named(comparison: Comparison, tmp_path: Path) -> None:
    """A folder that does not exist is named in the error."""
    with pytest.raises(StorageError, match=r"nowhere.r\.html"):
        comparison.write_html(tmp_path / "nowhere" / "r.html")


def test_parquet_holds_the_rows(data: ComparisonData, tmp_path: Path) -> None:
    """One row for each answer, types and all; texts without UTF-8 are escaped as elsewhere."""
    first = data.questions[0].model_copy(update={"text": "a\udc80b"})
    odd = data.model_copy(update={"questions": (first, *data.questions[1:])})
    Comparison(odd).write_parquet(tmp_path / "answers.parquet")
    rows = parquet.read_table(tmp_path / "answers.parquet").to_pylist()
    assert len(rows) == len(data.outcomes)
    assert rows[0]["question"] == "a\\udc80b"
    assert rows[1:3] == Comparison(data).to_rows()[1:3]


def test_parquet_needs_pyarrow(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pyarrow, the error says what to install, and nothing is written."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="pip install pyarrow"):
        comparison.write_parquet(tmp_path / "answers.parquet")
    assert not list(tmp_path.iterdir())


def test_frames_need_pandas(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pandas, the error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        comparison.to_pandas()


def test_frames_are_made_of_the_rows(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pandas, its frame is given the rows; a stand-in shows which."""
    (tmp_path / "pandas.py").write_text("def DataFrame(rows): return ('frame', rows)\n")
    monkeypatch.delitem(__import__("sys").modules, "pandas", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert comparison.to_pandas() == ("frame", comparison.to_rows())
    __import__("sys").modules.pop("pandas")
