"""What `compare --dry-run` says before anything is paid."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

STEPS = ["training", "indexing", "asking", "judging"]


def test_all_steps_are_told_and_none_is_taken(
    tailorbird: Callable[..., Any], faq: Path, handbook: Path
) -> None:
    """Training, index, six arms and judge have a line each, and nothing was paid for."""
    ended = tailorbird("compare", faq, "--documents", handbook, "--judge", "--dry-run")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["training", "index", "asking"]
    assert [re.split(r"  +", line)[0] for line in lines[3:10]] == [
        *("arm", "base", "prompted", "few-shot", "retrieval", "tuned", "tuned + retrieval")
    ]
    assert lines[-2].startswith("judging: at most ")
    assert re.fullmatch(r"in all: about 0\.\d{4} USD", lines[-1])
    assert ended.err.endswith("nothing was sent; the same command without --dry-run does it\n")
    six = "base, prompted, few-shot, retrieval, tuned, tuned + retrieval, the judge"
    assert f"hidden reasoning is not counted for {six}: of a model that" in ended.err
    paid = tailorbird("spending", "--json", "-").data
    assert paid["spending"] == paid["reserved"] == []
    assert tailorbird("jobs", "--json", "-").data["jobs"] == []


def test_the_comparison_then_costs_about_that(
    tailorbird: Callable[..., Any], faq: Path, handbook: Path
) -> None:
    """What is paid lies within a factor of two; afterwards everything is known."""
    args = ("compare", faq, "--documents", handbook)
    told = tailorbird(*args, "--dry-run", "--json", "-").data
    assert list(told) == ["usd", *STEPS]
    assert told["judging"] is None
    parts = [Decimal(told[step]["usd"]) for step in STEPS[:3]]
    assert Decimal(told["usd"]) == sum(parts)
    assert tailorbird(*args).code == 0
    paid = Decimal(tailorbird("spending", "--json", "-").data["usd"])
    assert Decimal(told["usd"]) / 2 < paid < Decimal(told["usd"]) * 2
    assert paid < Decimal(told["asking"]["worst_usd"])
    again = tailorbird(*args, "--dry-run", "--json", "-")
    assert again.data["training"] is None
    assert (again.data["indexing"]["added"], again.data["asking"]["answers"]) == (0, 0)
    assert again.data["usd"] == "0"
    assert "hidden reasoning" not in again.err
    assert " of an earlier comparison is taken\n" in again.err


def test_changed_documents_are_asked_again(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """With another document the index is another one: kept answers of arms without it count."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "a.txt").write_text("A return label costs 6.50 dollars.", encoding="utf-8")
    args = ("compare", faq, "--documents", folder, "--arms", "base,retrieval", "--json", "-")
    assert tailorbird(*args).code == 0
    (folder / "b.txt").write_text("Refunds take 5 days.", encoding="utf-8")
    told = tailorbird(*args, "--dry-run").data
    assert told["training"] is None
    base, retrieval = told["asking"]["arms"]
    assert (base["answers"], retrieval["known"]) == (0, 0)
    assert base["known"] == retrieval["answers"] > 0
    # A copy of a known text has a known vector: nobody knows how long passages will be.
    (folder / "b.txt").write_text("A return label costs 6.50 dollars.", encoding="utf-8")
    assert tailorbird(*args, "--dry-run").code == 0


def test_checkpoints_are_counted_once_there_are_any(
    tailorbird: Callable[..., Any], faq: Path
) -> None:
    """Before the training that is said; afterwards they are arms."""
    args = ("compare", faq, "--arms", "tuned", "--checkpoints", "--dry-run", "--json", "-")
    before = tailorbird(*args)
    assert "checkpoints are not counted: there are none before the training" in before.err
    assert [one["arm"] for one in before.data["asking"]["arms"]] == ["tuned"]
    assert tailorbird("compare", faq, "--arms", "tuned").code == 0
    after = tailorbird(*args)
    assert len(after.data["asking"]["arms"]) > 1
    assert "checkpoints are not counted" not in after.err


def test_a_run_that_is_not_finished(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path, tmp_path: Path
) -> None:
    """It is not paid for again, and its model is counted like one to come."""
    scripted("unlucky", 'Script().on("jobs.create", Statuses("queued", "failed"))')
    args = ("compare", faq, "--arms", "tuned", "--profile", "unlucky")
    assert tailorbird(*args).code == 1
    (tmp_path / "plain").touch()
    ended = tailorbird(*args, "--dry-run", "--json", "-")
    assert "its model is not finished yet\n" in ended.err
    assert ended.data["training"] is None
    assert ended.data["asking"]["arms"][0]["model"] == "ft:fake-base-2026-01"


def test_a_provider_that_does_not_tune(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """The other arms are counted, and the reason is given."""
    config = '[profiles.closed]\nprovider = "fake"\ntraining_until = 2020-01-01\n'
    (tmp_path / "tailorbird.toml").write_text(config, encoding="utf-8")
    ended = tailorbird("compare", faq, "--profile", "closed", "--dry-run")
    assert ended.code == 0
    assert "warning: the tuned arms are left out: fake: 'jobs.create'" in ended.err
    assert ended.out.startswith("asking: ")


def test_an_unknown_price(tailorbird: Callable[..., Any], faq: Path, tmp_path: Path) -> None:
    """The sum is not known then, and the line says whose price is missing."""
    config = '[profiles.x]\nprovider = "fake"\n[profiles.x.models]\nchat = "nobody"\n'
    (tmp_path / "tailorbird.toml").write_text(config, encoding="utf-8")
    args = ("compare", faq, "--profile", "x", "--arms", "base,tuned", "--dry-run")
    ended = tailorbird(*args)
    assert ended.out.splitlines()[-1] == "in all: ? USD"
    assert "; no price is known for nobody\n" in ended.out
    assert re.search(r"^base .* \? +\?$", ended.out, re.MULTILINE)
    assert tailorbird(*args, "--json", "-").data["usd"] is None


def test_there_is_nothing_to_report(tailorbird: Callable[..., Any], faq: Path) -> None:
    """Files are for answers, and there are none."""
    ended = tailorbird("compare", faq, "--dry-run", "--html", "out.html", "--json", "-")
    assert ended.code == 2
    message = json.loads(ended.out)["error"]["message"]
    assert message == "--dry-run has no answers to write a report of: leave out --html"
