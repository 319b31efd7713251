"""The commands `tune` and `jobs`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = "import sys; from tailorbird.cli import main; sys.exit(main())"


def test_tune(tailorbird: Callable[..., Any], faq: Path) -> None:
    """Tuning waits for the model; price and prompt are told on stderr before."""
    ended = tailorbird("tune", faq, "--name", "faq-bot")
    run, model = ended.out.splitlines()
    assert ended.code == 0
    assert run.startswith("run 'faq-bot': job ftjob-")
    assert run.endswith(" is succeeded")
    assert model.startswith("model: ft:")
    prompt, estimate, hint = ended.err.splitlines()
    assert prompt.startswith("system prompt (default): Answer the question")
    assert estimate.startswith("training: ")
    assert "USD" in estimate
    assert hint == "ask it: tailorbird ask QUESTION --tuned faq-bot"


def test_tune_on_columns_of_other_names(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """An export is trained on by the names of its columns, unanswered rows left out."""
    rows = "".join(f"What is thing {n}?,It is number {n}.\n" for n in range(10))
    (tmp_path / "desk.csv").write_text(f"Subject,Reply\n{rows}Why?,\n")
    ended = tailorbird(
        *("tune", "desk.csv", "--name", "bot", "--columns", "Subject,Reply"),
        *("--empty-answers", "skip", "--json", "-"),
    )
    assert (ended.code, ended.data["tuned"]["examples"]) == (0, 10)


def test_tune_as_json(tailorbird: Callable[..., Any], faq: Path) -> None:
    """The JSON has the job, its status and the whole tuned model."""
    found = tailorbird("tune", faq, "--name", "faq-bot", "--system", "Be kind.", "--json", "-").data
    assert list(found) == ["name", "profile", "provider", "job", "status", "system", "tuned"]
    assert (found["name"], found["status"], found["system"]) == ("faq-bot", "succeeded", "Be kind.")
    assert found["tuned"]["system"] == "Be kind."
    assert found["tuned"]["job"] == found["job"]


def test_tune_without_waiting(tailorbird: Callable[..., Any], faq: Path) -> None:
    """A job that was left alone is found again by the same command, which then waits for it."""
    left = tailorbird("tune", faq, "--name", "faq-bot", "--no-wait")
    assert left.code == 0
    assert left.err.endswith("the same command without --no-wait waits for it\n")
    started = tailorbird("tune", faq, "--name", "faq-bot", "--no-wait", "--json", "-").data
    assert started["status"] != "succeeded"
    assert started["tuned"] is None
    ended = tailorbird("tune", faq, "--name", "faq-bot", "--json", "-").data
    assert (ended["job"], ended["status"]) == (started["job"], "succeeded")
    assert [one["name"] for one in tailorbird("jobs", "--json", "-").data["jobs"]] == ["faq-bot"]


def test_other_rows_under_the_same_name(
    tailorbird: Callable[..., Any], faq: Path, examples: Path
) -> None:
    """A name stands for its rows: other ones end with 2 and the difference."""
    tailorbird("tune", faq, "--name", "faq-bot")
    ended = tailorbird("tune", examples / "ja" / "faq.csv", "--name", "faq-bot")
    assert ended.code == 2
    assert "stands for another request" in ended.err


def test_tuned_model_in_another_process(tailorbird: Callable[..., Any], faq: Path) -> None:
    """What one process tuned, another one can ask."""
    assert tailorbird("tune", faq, "--name", "faq-bot").code == 0
    question = "How much does a return label cost?"
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, "ask", question, "--tuned", "faq-bot"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert "Happy trails from Lark & Reed!" in run.stdout


def test_tune_on_conversations(tailorbird: Callable[..., Any], examples: Path) -> None:
    """Training conversations keep their own system prompt."""
    path = examples / "expense" / "train.jsonl"
    ended = tailorbird("tune", path, "--name", "clerk", "--json", "-")
    assert ended.code == 0
    assert ended.data["tuned"]["examples"] == 27
    assert "system prompt (from the data): each row its own" in ended.err
    assert "旅費精算" in ended.data["tuned"]["system"]


@pytest.mark.shared
def test_tune_on_pairs(tailorbird: Callable[..., Any]) -> None:
    """Preference pairs are trained on as such."""
    path = Path(__file__).parents[3] / "shared" / "data" / "finetune" / "orca_dpo_validation.jsonl"
    found = tailorbird("tune", path, "--name", "pairs", "--json", "-").data
    assert found["tuned"]["method"]["type"] == "dpo"


def test_base_model_can_be_named(tailorbird: Callable[..., Any], faq: Path) -> None:
    """A base model that does not exist is the provider's to refuse: exit 2."""
    ended = tailorbird("tune", faq, "--name", "faq-bot", "--model", "no-such-model")
    assert ended.code == 2
    assert "no-such-model" in ended.err


def test_closed_door(tailorbird: Callable[..., Any], faq: Path, tmp_path: Path) -> None:
    """A provider that does not tune any more ends with 2, the reason, and the way round."""
    (tmp_path / "tailorbird.toml").write_text(
        '[profiles.closed]\nprovider = "fake"\ntraining_available = false\n'
    )
    ended = tailorbird("tune", faq, "--name", "faq-bot", "--profile", "closed", "--json", "-")
    assert ended.code == 2
    assert ended.data["error"]["type"] == "UnsupportedError"
    assert "Instead: " in ended.err


def test_too_few_rows(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Rows that the provider would refuse are refused before the upload: exit 1."""
    (tmp_path / "few.csv").write_text("question,answer\nHow?,So.\n")
    ended = tailorbird("tune", "few.csv", "--name", "few")
    assert ended.code == 1
    assert "1 examples found, 10 needed" in ended.err


def test_failed_job(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path, tmp_path: Path
) -> None:
    """A job that failed ends with 1 and the way on; --again starts a new one."""
    scripted("unlucky", 'Script().on("jobs.create", Statuses("queued", "failed"))')
    args = ("tune", faq, "--name", "faq-bot", "--profile", "unlucky")
    failed = tailorbird(*args)
    assert failed.code == 1
    assert failed.err.splitlines()[-1] == (
        "fix: mend what it names; the same command with --again starts a new job"
    )
    (tmp_path / "plain").touch()
    assert tailorbird(*args).code == 1
    ended = tailorbird(*args, "--again", "--json", "-")
    assert (ended.code, ended.data["status"]) == (0, "succeeded")


def test_again_is_for_failures_only(tailorbird: Callable[..., Any], faq: Path) -> None:
    """A job that succeeded is not paid for twice by mistake."""
    tailorbird("tune", faq, "--name", "faq-bot")
    ended = tailorbird("tune", faq, "--name", "faq-bot", "--again")
    assert ended.code == 2
    assert "choose another name" in ended.err


def test_lost_answer(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path, tmp_path: Path
) -> None:
    """When nobody knows whether a job was made, the way on is to run the command again."""
    scripted(
        "lossy",
        'Script().on("jobs.create", Fault.lost_answer()).on("jobs.create", Lag(listings=7))',
    )
    args = ("tune", faq, "--name", "faq-bot", "--profile", "lossy")
    ended = tailorbird(*args)
    assert ended.code == 2
    assert ended.err.endswith("fix: run the same command again later: it looks for the job first\n")
    (tmp_path / "plain").touch()
    jobs = tailorbird("jobs", "--profile", "lossy").out
    assert jobs.splitlines()[1].split()[:3] == ["faq-bot", "-", "unknown"]
    assert tailorbird(*args).code == 0


def test_jobs(tailorbird: Callable[..., Any], faq: Path) -> None:
    """The runs stand in a table, newest first, as they stand now."""
    for name in ("one", "two"):
        tailorbird("tune", faq, "--name", name)
    head, *lines = tailorbird("jobs").out.splitlines()
    assert head.split() == ["name", "job", "status", "base", "model", "deployment", "begun"]
    assert [line.split()[0] for line in lines] == ["two", "one"]
    assert [line.split()[2] for line in lines] == ["succeeded", "succeeded"]
    assert all(re.search(r" \d{4}-\d\d-\d\d \d\d:\d\d$", line) for line in lines)


def test_jobs_as_json(tailorbird: Callable[..., Any], faq: Path) -> None:
    """The JSON has the same in stable keys."""
    tailorbird("tune", faq, "--name", "one", "--no-wait")
    [found] = tailorbird("jobs", "--json", "-").data["jobs"]
    assert list(found) == ["name", "job", "status", "base", "model", "deployment", "begun"]
    assert (found["name"], found["model"]) == ("one", None)


def test_a_job_is_cancelled_by_name(tailorbird: Callable[..., Any], faq: Path) -> None:
    """What trains stops and is told; what has ended, or does not exist, is an error."""
    tailorbird("tune", faq, "--name", "one", "--no-wait")
    ended = tailorbird("jobs", "--cancel", "one", "--json", "-")
    assert ended.code == 0
    assert ended.data["cancelled"] == "one"
    assert [line["status"] for line in ended.data["jobs"]] == ["cancelled"]
    again = tailorbird("jobs", "--cancel", "one")
    assert again.code == 2
    assert "cancelled" in again.err
    assert "knows no run 'two'" in tailorbird("jobs", "--cancel", "two").err


def test_a_deployment_is_taken_away_by_name(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """On a cloud whose models must be deployed, what costs by the hour is listed, and ended."""
    (tmp_path / "tailorbird.toml").write_text(
        '[profiles.cloud]\nprovider = "fake"\nflavor = "azure"\n'
    )
    options = ("--profile", "cloud")
    tuned = tailorbird("tune", faq, "--name", "one", *options)
    assert tuned.code == 0
    assert "until `tailorbird jobs --undeploy one`" in tuned.err
    [line] = tailorbird("jobs", *options, "--json", "-").data["jobs"]
    assert line["deployment"]
    ended = tailorbird("jobs", "--undeploy", "one", *options, "--json", "-")
    assert (ended.code, ended.data["undeployed"]) == (0, "one")
    [line] = ended.data["jobs"]
    assert (line["deployment"], line["status"]) == (None, "succeeded")


def test_no_jobs(tailorbird: Callable[..., Any]) -> None:
    """A workspace without runs says so, and how to start one."""
    ended = tailorbird("jobs", "--workspace", "mine")
    assert (ended.code, ended.out) == (
        0,
        "no run was started in 'mine'; see `tailorbird tune --help`\n",
    )


def test_job_that_cannot_be_asked_about(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path, tmp_path: Path
) -> None:
    """A job that cannot be asked about is shown with a warning, and hides no other one."""
    scripted("moody", 'Script().on("jobs.get", Fault.unavailable())')
    (tmp_path / "plain").touch()
    for name in ("older", "newer"):
        tailorbird("tune", faq, "--name", name, "--profile", "moody")
    (tmp_path / "plain").unlink()
    ended = tailorbird("jobs", "--profile", "moody", "--json", "-")
    assert ended.code == 0
    assert {one["name"]: one["status"] for one in ended.data["jobs"]} == {
        "newer": "unknown",
        "older": "succeeded",
    }
    assert ended.err.startswith("warning: run 'newer': ")


def test_run_that_was_never_sent(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path, tmp_path: Path
) -> None:
    """A run whose upload failed was written down, and is listed as not started."""
    scripted("offline", 'Script().on("files.create", Fault.no_connection())')
    assert tailorbird("tune", faq, "--name", "faq-bot", "--profile", "offline").code == 2
    (tmp_path / "plain").touch()
    [found] = tailorbird("jobs", "--profile", "offline", "--json", "-").data["jobs"]
    assert (found["status"], found["job"]) == ("not started", None)
