"""The command `compare`."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailorbird.report.document import KEYS

SIX = ["base", "prompted", "few-shot", "retrieval", "tuned", "tuned + retrieval"]


def names(ended: Any) -> list[str]:  # noqa: ANN401 - what the fixture gives
    """Return the arms of a comparison that was written to stdout."""
    return [arm["name"] for arm in ended.data["arms"]]


def test_six_arms(tailorbird: Callable[..., Any], faq: Path, handbook: Path) -> None:
    """A table with six arms and a verdict in words; what was decided before stands on stderr."""
    ended = tailorbird("compare", faq, "--documents", handbook)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert "6 arms × " in lines[0]
    for arm in SIX:
        assert any(re.match(rf"{re.escape(arm)}  +\d\.\d\d \[", line) for line in lines)
    assert any(line.startswith("Verdict: ") for line in lines)
    prompt, parts, training, asking, answers = ended.err.splitlines()
    assert prompt.startswith("system prompt (default): Answer the question")
    assert parts.startswith("split by kind: ")
    assert training.startswith("training: run 'faq-")
    assert re.fullmatch(
        r"asking: \d+ answers of 6 arms, about [\d,]+ tokens in and [\d,]+ out, \d+ to embed;"
        r" about 0\.\d+ USD, at most [\d.]+ USD",
        asking,
    )
    assert answers.endswith(" asked, 0 reused, 0 failed")


def test_json(tailorbird: Callable[..., Any], faq: Path, handbook: Path) -> None:
    """The JSON stands alone on stdout and has everything that was promised."""
    ended = tailorbird("compare", faq, "--documents", handbook, "--json", "-")
    found = ended.data
    assert list(found) == list(KEYS)
    assert names(ended) == SIX
    assert len(found["answers"]) == 6 * len(found["questions"])
    assert found["settings"] == {"split": "kind", "held_out": 0.25, "seed": 7}
    assert set(found["summary"][0]) == {"arm", "kind", "metric", "n", "value", "low", "high"}
    assert found["verdict"]["headline"]


def test_second_run_asks_nothing(tailorbird: Callable[..., Any], faq: Path, handbook: Path) -> None:
    """The same comparison again trains nothing, asks nothing, and says so."""
    first = tailorbird("compare", faq, "--documents", handbook)
    second = tailorbird("compare", faq, "--documents", handbook)
    asked = int(first.err.rpartition("answers: ")[2].split()[0])
    assert asked > 0
    assert second.err.endswith(f"answers: 0 asked, {asked} reused, 0 failed\n")
    assert " of an earlier comparison is taken\n" in second.err
    assert len(tailorbird("jobs", "--json", "-").data["jobs"]) == 1


def test_reports(tailorbird: Callable[..., Any], faq: Path, handbook: Path, tmp_path: Path) -> None:
    """All four reports are written where they were asked for, and stderr says where."""
    files = [f"out.{ending}" for ending in ("md", "html", "csv", "json")]
    options = [text for file in files for text in (_flag(file), file)]
    ended = tailorbird("compare", faq, "--documents", handbook, *options)
    assert ended.err.splitlines()[-4:] == [f"written: {file}" for file in files]
    assert ended.out.count("Verdict: ") == 1
    assert (tmp_path / "out.md").read_text(encoding="utf-8").startswith("# ")
    assert "<html" in (tmp_path / "out.html").read_text(encoding="utf-8")
    answers = json.loads((tmp_path / "out.json").read_bytes())["answers"]
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(answers)


def _flag(file: str) -> str:
    return {"md": "--markdown"}.get(file.partition(".")[2], f"--{file.partition('.')[2]}")


@pytest.mark.parametrize("flag", ["--json", "--markdown", "--html", "--csv"])
def test_place_of_a_report_is_checked_first(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path, flag: str
) -> None:
    """A report that could not be written is refused before anything is done."""
    missing = tailorbird("compare", faq, flag, "nowhere/out")
    assert missing.code == 2
    assert "there is no folder 'nowhere'" in missing.err
    folder = tailorbird("compare", faq, flag, tmp_path)
    assert folder.code == 2
    assert "is a folder" in folder.err
    device = tailorbird("compare", faq, flag, "/dev/stdout")
    assert device.code == 2
    assert "'/dev/stdout': it is a device or a pipe; name a file" in device.err.replace("\n", " ")
    assert not (tmp_path / ".tailorbird").exists()


def test_named_arms(tailorbird: Callable[..., Any], faq: Path) -> None:
    """Only the named arms are asked, in the order of their names; nothing is tuned for them."""
    ended = tailorbird("compare", faq, "--arms", "few-shot, Base,base", "--json", "-")
    assert names(ended) == ["few-shot", "base"]
    assert tailorbird("jobs", "--json", "-").data["jobs"] == []


def test_named_arms_with_documents(
    tailorbird: Callable[..., Any], faq: Path, handbook: Path
) -> None:
    """Blanks in an arm's name do not matter, and documents that no arm needs are not indexed."""
    args = ("compare", faq, "--documents", handbook, "--json", "-", "--arms")
    assert names(tailorbird(*args, "tuned+retrieval,retrieval")) == [
        "tuned + retrieval",
        "retrieval",
    ]
    assert names(tailorbird(*args, "base", "--workspace", "other")) == ["base"]
    assert not list(Path("other").rglob("indexes/*"))


def test_without_documents(tailorbird: Callable[..., Any], faq: Path) -> None:
    """Without documents the arms with retrieval are missing, and that is said."""
    ended = tailorbird("compare", faq, "--json", "-")
    assert names(ended) == ["base", "prompted", "few-shot", "tuned"]
    assert ended.err.startswith("without --documents there are no arms with retrieval\n")


@pytest.mark.parametrize(
    ("arms", "hint"),
    [
        ("bse", "there is no arm 'bse'; did you mean 'base'?"),
        ("everything", "there is no arm 'everything'; there are: base, prompted, "),
        (" , ", "--arms names no arm"),
        ("base,retrieval", "the arm 'retrieval' needs documents: add --documents DIR"),
    ],
)
def test_wrong_arms(tailorbird: Callable[..., Any], faq: Path, arms: str, hint: str) -> None:
    """An arm that cannot be asked ends with 2 before anything is done."""
    ended = tailorbird("compare", faq, "--arms", arms)
    assert (ended.code, ended.out) == (2, "")
    assert hint in ended.err


@pytest.mark.parametrize("setting", ["training_available = false", "training_until = 2020-01-01"])
def test_provider_that_does_not_tune(
    tailorbird: Callable[..., Any], faq: Path, handbook: Path, tmp_path: Path, setting: str
) -> None:
    """Where nothing can be tuned the other arms are compared, and the reason is given."""
    (tmp_path / "tailorbird.toml").write_text(f'[profiles.closed]\nprovider = "fake"\n{setting}\n')
    args = ("compare", faq, "--documents", handbook, "--profile", "closed", "--json", "-")
    ended = tailorbird(*args)
    assert ended.code == 0
    assert names(ended) == ["base", "prompted", "few-shot", "retrieval"]
    assert "warning: the tuned arms are left out: fake: 'jobs.create' is not available" in ended.err
    alone = tailorbird(*args, "--arms", "tuned")
    assert alone.code == 2
    assert alone.data["error"]["message"].startswith("none of the arms can be asked: tuned")


def test_job_that_failed(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path, tmp_path: Path
) -> None:
    """A failed job ends with 1; the same command with --again trains anew and goes on."""
    scripted("unlucky", 'Script().on("jobs.create", Statuses("queued", "failed"))')
    args = ("compare", faq, "--arms", "tuned", "--profile", "unlucky")
    assert tailorbird(*args).code == 1
    (tmp_path / "plain").touch()
    assert tailorbird(*args, "--again").code == 0


def test_failed_answers_are_counted(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path
) -> None:
    """A call that failed by itself is told at the end, and is asked again next time."""
    scripted("moody", 'Script().on("chat.complete", Fault.unavailable())')
    args = ("compare", faq, "--arms", "base", "--profile", "moody")
    assert tailorbird(*args).err.endswith(" asked, 0 reused, 1 failed\n")


def test_broken_questions(tailorbird: Callable[..., Any], tmp_path: Path) -> None:
    """Broken questions end with 1 before anything is sent; at most 20 problems are shown."""
    (tmp_path / "faq.csv").write_text("question,answer\n" + "Why?\n" * 30)
    ended = tailorbird("compare", "faq.csv")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("error: faq.csv, line") == 20
    assert "… and 10 more; `tailorbird validate FILE --all` shows them" in ended.err


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("faq.cvs",), "did you mean 'faq.csv'?"),
        (("faq.csv", "--documents", "nowhere"), "there is no 'nowhere'"),
        (("faq.csv", "--held-out", "2"), "number above 0 and below 1"),
    ],
)
def test_wrong_arguments(
    tailorbird: Callable[..., Any], faq: Path, args: tuple[str, ...], hint: str
) -> None:
    """A missing file or a wrong share ends with 2 and the fix."""
    ended = tailorbird("compare", *args)
    assert faq.name == "faq.csv"
    assert (ended.code, ended.out) == (2, "")
    assert hint in ended.err


def test_documents_that_cannot_be_read(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """A document that cannot be read is told, and the others are used."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "one.md").write_text("# Labels\n\nA label costs 6 dollars.\n")
    (tmp_path / "pages" / "two.xlsx").write_bytes(b"PK\x03\x04")
    ended = tailorbird("compare", faq, "--documents", "pages", "--arms", "retrieval")
    assert ended.code == 0
    assert "two.xlsx" in ended.err


def test_split_without_kinds(tailorbird: Callable[..., Any], faq: Path, tmp_path: Path) -> None:
    """A file without kinds is split by fact, with the share and the seed that were given."""
    with faq.open(encoding="utf-8", newline="") as file:
        rows = [row[:2] for row in csv.reader(file)]
    with (tmp_path / "plain.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    args = ("compare", "plain.csv", "--arms", "base", "--seed", "3", "--held-out", "0.5")
    ended = tailorbird(*args, "--json", "-")
    assert ended.data["settings"] == {"split": "fact", "held_out": 0.5, "seed": 3}
    assert "split by fact: " in ended.err


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_too_few_rows_are_found_before_anything_is_paid(
    tailorbird: Callable[..., Any], handbook: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """Too few rows to train on are told before the documents are indexed, with what is possible."""
    rows = "".join(f"What is thing {n}?,It is number {n}.\n" for n in range(11))
    (tmp_path / "few.csv").write_text(f"Subject,Reply\n{rows}")
    command = ("compare", "few.csv", "--columns", "Subject,Reply", "--documents", handbook)
    ended = tailorbird(*command, *more)
    assert ended.code == 1
    assert "few.csv: 8 rows are left to train on, 10 needed (openai)" in ended.err
    plain = "base,prompted,few-shot,retrieval"
    assert f"or compare without training: --arms {plain}" in ended.err.replace("\n", " ")
    assert tailorbird("spending", "--json", "-").data["spending"] == []
    tuned = tailorbird(*command, "--arms", "tuned", *more)
    assert tuned.code == 1
    assert "compare without training" not in tuned.err
    assert tailorbird(*command, "--arms", plain, *more).code == 0


def test_warnings_are_shown(tailorbird: Callable[..., Any], faq: Path) -> None:
    """What looks odd about the questions is told, and stops nothing."""
    faq.write_bytes(faq.read_text(encoding="utf-8").replace("$6.50", "6\u200b.50").encode())
    ended = tailorbird("compare", faq, "--arms", "base")
    assert ended.code == 0
    assert f"warning: {faq}, line " in ended.err


def test_file_name_that_no_run_can_have(
    tailorbird: Callable[..., Any], examples: Path, tmp_path: Path
) -> None:
    """A Japanese file name is no obstacle: its run gets a name that can be typed."""
    target = tmp_path / "よくある質問.csv"
    target.write_bytes((examples / "ja" / "faq.csv").read_bytes())
    ended = tailorbird("compare", target, "--arms", "tuned")
    assert ended.code == 0
    assert "training: run 'compare-" in ended.err
    assert "system prompt (default): 質問に正確かつ簡潔に答えてください。" in ended.err


def test_other_rows_are_another_run(tailorbird: Callable[..., Any], faq: Path) -> None:
    """Changed rows, another prompt or another base never meet the name of an earlier run."""
    args = ("compare", faq, "--arms", "tuned")
    assert tailorbird(*args).code == 0
    assert tailorbird(*args, "--system", "Be kind.").code == 0
    faq.write_text(faq.read_text(encoding="utf-8").replace("$6.50", "$7.50"), encoding="utf-8")
    assert tailorbird(*args).code == 0
    assert len(tailorbird("jobs", "--json", "-").data["jobs"]) == 3


def test_moved_embedding_model(
    tailorbird: Callable[..., Any], faq: Path, handbook: Path, tmp_path: Path
) -> None:
    """Another embedding model gets an index of its own instead of an error."""
    (tmp_path / "tailorbird.toml").write_text(
        '[profiles.one]\nprovider = "fake"\n[profiles.two]\nprovider = "fake"\nflavor = "azure"\n'
    )
    args = ("compare", faq, "--documents", handbook, "--arms", "retrieval", "--profile")
    assert tailorbird(*args, "one").code == 0
    assert tailorbird(*args, "two").code == 0


@pytest.mark.parametrize(
    ("systems", "origin"),
    [(("Be kind.", "Be kind."), "from the data): Be kind."), (("", "Be kind."), "differs by row")],
)
def test_prompts_of_the_rows(
    tailorbird: Callable[..., Any],
    faq: Path,
    tmp_path: Path,
    systems: tuple[str, str],
    origin: str,
) -> None:
    """A file with system prompts keeps them: one for all arms, or each row its own."""
    with faq.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    with (tmp_path / "own.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow([*head, "system"])
        table.writerows([*row, systems[at % 2]] for at, row in enumerate(rows))
    ended = tailorbird("compare", "own.csv")
    assert ended.code == 0
    assert origin in ended.err


def test_judge(tailorbird: Callable[..., Any], faq: Path) -> None:
    """With `--judge` the answers have grades, and the reader is told who judged."""
    ended = tailorbird("compare", faq, "--arms", "base", "--judge", "--json", "-")
    assert ended.code == 0
    assert ended.data["judge"]["model"] == "fake-chat"
    assert list(ended.data["scorers"]) == [
        "judged_correctness",
        "judged_style",
        "judged_groundedness",
    ]
    assert any("same family" in one for one in ended.data["verdict"]["caveats"])
    shown = tailorbird("compare", faq, "--arms", "base", "--judge")
    assert "judged_correctness" in shown.out


def test_an_estimate_stands_before_judging(tailorbird: Callable[..., Any], faq: Path) -> None:
    """What judging may take is told before anything is asked, and what it took afterwards."""
    args = ("compare", faq, "--arms", "base,few-shot", "--judge", "--judge-questions", "4")
    ended = tailorbird(*args)
    assert re.search(
        r"judging: at most \d+ judgements of fake-chat on the answers to 4 questions, about .* USD",
        ended.err,
    )
    assert re.search(r"; [\d.]+ USD, once, and a part of", ended.out.replace("\n", " "))
    data = tailorbird(*args, "--json", "-").data
    assert data["judge"]["questions"] == 4
    assert data["costs"]["judge_usd"] == data["judge"]["usd"]
    refused = tailorbird(*args, "--budget", "0.0001/run", "--workspace", "new")
    assert refused.code == 2
    assert "judging: at most" in refused.err
    everything = tailorbird("compare", faq, "--arms", "base", "--judge", "--judge-questions", "0")
    assert "The judge saw the answers to" not in everything.out


def test_the_judge_is_held_against_people(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """A column `right` in the table of answers is what people say; the judge may also decide."""
    args = ("compare", faq, "--arms", "base,few-shot", "--csv", "answers.csv")
    assert tailorbird(*args, "--name", "first").code == 0
    with (tmp_path / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "labels.csv").open("w", encoding="cp932", newline="") as file:
        table = csv.DictWriter(file, [*rows[0], "right"])
        table.writeheader()
        table.writerows({**row, "right": "○" if row["correct"] == "1.0" else "×"} for row in rows)
    judged = tailorbird(*args[:4], "--judge", "--judge-decides", "--labels", "labels.csv")
    flat = " ".join(judged.out.split())
    assert re.search(r"it and people said the same of \d+% of \d+ answers, kappa ", flat)
    assert "What is right was decided by the judge 'fake-chat'" in flat
    alone = tailorbird(*args[:4], "--labels", "labels.csv")
    assert alone.code == 2
    assert "add --judge" in alone.err
    pairs = tailorbird("judge-pairs", "first", "few-shot", "base", "--json", "-")
    assert pairs.data["wins"] + pairs.data["losses"] + pairs.data["ties"] == pairs.data["n"]
    shown = tailorbird("judge-pairs", "first", "few-shot", "base", "--rubric", "style")
    assert "'few-shot' against 'base', judged by fake-chat: " in shown.out
    assert "! The judge 'fake-chat' is of the same family" in shown.out
    wrong = tailorbird("judge-pairs", "first", "few-shot", "base", "--rubric", "beauty")
    assert "there is no rubric 'beauty'; there are: correctness, style, groundedness" in wrong.err


def test_pairs_say_what_is_missing(
    tailorbird: Callable[..., Any], scripted: Callable[..., None], faq: Path
) -> None:
    """Verdicts that change with the order, and judgements that did not come, are counted."""
    tailorbird("compare", faq, "--arms", "base,few-shot", "--name", "first")
    tailorbird("report", "first", "--json", "first.json")
    scripted(
        "fickle",
        'Script().on("chat.complete", Says(\'{"reason": "so", "better": "A"}\'), times=None)'
        '.on("chat.complete", Fault.unavailable(), times=2)',
    )
    ended = tailorbird("judge-pairs", "first.json", "few-shot", "base", "--profile", "fickle")
    assert re.search(r"0 won, 0 lost, \d+ ties, \d+ of them with the order, of", ended.out)
    assert re.search(r", [12] without a judgement$", ended.out.splitlines()[0])


def test_stop_early(tailorbird: Callable[..., Any], faq: Path, handbook: Path) -> None:
    """Fewer questions may be asked, and the reader is told when that was and by which rule."""
    args = ("compare", faq, "--documents", handbook, "--arms", "base,retrieval", "--stop-early")
    ended = tailorbird(*args, "--json", "-")
    early = ended.data["early_stop"]
    assert early["asked"] == len(ended.data["questions"])
    assert early["leader"] == "retrieval"
    assert "test martingale" in early["method"]
    assert any("In front is 'retrieval': shown" in one for one in ended.data["verdict"]["reasons"])
    again = tailorbird(*args)
    assert "answers: 0 asked, " in again.err
    assert tailorbird("compare", faq, "--arms", "base", "--stop-early").code == 2


@pytest.mark.parametrize(
    "together",
    [
        ("--stop-early", "--bulk"),
        ("--stop-early", "--judge", "--judge-decides"),
        ("--bulk", "--stream"),
        ("--stop-early", "--arms", "tuned"),
        ("--stop-early", "--arms", "tuned", "--checkpoints"),
        ("--arms", "base", "--checkpoints"),
    ],
)
def test_what_does_not_go_together_is_refused_before_training(
    tailorbird: Callable[..., Any], faq: Path, together: tuple[str, ...]
) -> None:
    """Nothing is tuned or asked for options that exclude each other."""
    for way in ((), ("--dry-run",)):
        ended = tailorbird("compare", faq, "--arms", "tuned,base", *together, *way)
        assert ended.code == 2
        assert "leave out" in ended.err
        assert "training:" not in ended.err
    assert tailorbird("jobs", "--json", "-").data["jobs"] == []


def test_one_arm_that_is_left_does_not_stop_early(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """Where nothing can be tuned, the arm that is left is named, and nothing is asked."""
    closed = '[profiles.closed]\nprovider = "fake"\ntraining_until = 2020-01-01\n'
    (tmp_path / "tailorbird.toml").write_text(closed)
    args = ("compare", faq, "--arms", "tuned,base", "--stop-early", "--profile", "closed")
    ended = tailorbird(*args)
    assert ended.code == 2
    assert "and 'base' is the only one: name another one by --arms" in ended.err
    assert tailorbird("spending", "--profile", "closed", "--json", "-").data["spending"] == []


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--judge",), "no model for the role 'judge'"),
        (("--similarity",), "no model for the role 'embedding'"),
        (("--bulk",), "'batches' is not available"),
        (("--name", ""), "cannot name a comparison"),
    ],
)
def test_what_is_missing_is_said_before_training(
    tailorbird: Callable[..., Any],
    install: Callable[[str, str], None],
    faq: Path,
    options: tuple[str, ...],
    hint: str,
) -> None:
    """What the provider or the profile lacks is found before a training is paid for."""
    install(
        "bare",
        "from tailorbird.providers.fake import FakeProvider\n"
        "class Bare(FakeProvider):\n"
        "    @property\n"
        "    def capabilities(self):\n"
        "        known = super().capabilities\n"
        "        kept = tuple(one for one in known.entries if one.capability != 'batches')\n"
        "        return known.model_copy(update={'entries': kept})\n"
        "    @property\n"
        "    def roles(self):\n"
        "        known = super().roles\n"
        "        return {one: known[one] for one in ('chat', 'tune_base')}\n"
        "def open_provider(options, *, context):\n"
        "    return Bare(state=context.state)\n",
    )
    for way in ((), ("--dry-run",)):
        ended = tailorbird("compare", faq, "--arms", "tuned", *options, *way, "--profile", "bare")
        assert ended.code == 2
        assert hint in ended.err
    assert tailorbird("jobs", "--profile", "bare", "--json", "-").data["jobs"] == []


def test_parquet_needs_its_package_before_training(
    tailorbird: Callable[..., Any], faq: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that cannot be written in the end is no reason to pay for a training."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ended = tailorbird("compare", faq, "--parquet", "answers.parquet")
    assert ended.code == 2
    assert "pip install pyarrow" in ended.err
    assert tailorbird("jobs", "--json", "-").data["jobs"] == []


def test_documents_without_text_are_found_before_training(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """The index is built before the training, so that its trouble costs nothing."""
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "empty.md").write_text(" ")
    ended = tailorbird("compare", faq, "--documents", "shelf")
    assert ended.code != 0
    assert tailorbird("jobs", "--json", "-").data["jobs"] == []


def test_labels_that_do_not_count_are_named(
    tailorbird: Callable[..., Any], faq: Path, tmp_path: Path
) -> None:
    """How many labels are of nothing that is compared is said with their lines; not all may be."""
    args = ("compare", faq, "--arms", "base,few-shot")
    assert tailorbird(*args, "--csv", "answers.csv").code == 0
    with (tmp_path / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] != "unanswerable"]
    wanted = [rows[0], {**rows[1], "arm": "old"}, {**rows[2], "id": "gone"}]
    lines = [f"{row['arm']},{row['id']},yes" for row in wanted]
    (tmp_path / "labels.csv").write_text("\n".join(["arm,id,right", *lines]))
    judged = (*args, "--judge", "--labels", "labels.csv")
    ended = tailorbird(*judged)
    assert ended.code == 0
    flat = " ".join(ended.err.split())
    assert "labels.csv, line 3: 1 of 3 labels are of an arm that is not compared" in flat
    assert "labels.csv, line 4: 1 of 3 labels are of a question that is not asked" in flat
    told = tailorbird(*judged, "--json", "-").data["judge"]
    assert [(one["code"], one["line"]) for one in told["problems"]] == [
        ("labels.arm", 3),
        ("labels.question", 4),
    ]
    assert "'old' (line 3)" in told["caveats"][-3]
    (tmp_path / "labels.csv").write_text("\n".join(["arm,id,right", *lines[1:]]))
    for way in ((), ("--dry-run",)):
        refused = tailorbird("compare", faq, *judged[2:], "--arms", "tuned,base", *way)
        assert refused.code == 1
        assert "2 error(s) in the data; nothing was sent" in refused.err
    assert tailorbird("jobs", "--json", "-").data["jobs"] == []


def test_more_figures_and_arms(tailorbird: Callable[..., Any], faq: Path) -> None:
    """Embeddings are compared on demand, and checkpoints are arms of their own."""
    ended = tailorbird(
        "compare", faq, "--arms", "tuned", "--checkpoints", "--similarity", "--concurrency", "2"
    )
    assert ended.code == 0
    assert re.search(r"^arm +similarity \(n=", ended.out, re.MULTILINE)
    assert re.search(r"^tuned @ \d+ ", ended.out, re.MULTILINE)
    assert "! No arm without tuning was compared" in ended.out.replace("\n  ", " ")


def test_a_terminal_shows_what_training_memorized(terminal: Callable[..., Any], faq: Path) -> None:
    """Steps of training and what the judge said have their place among the tables."""
    ended = terminal("compare", faq, "--arms", "tuned", "--checkpoints", "--judge")
    assert ended.code == 0
    assert "memorized" in ended.out
    assert "generalized" in ended.out
    assert re.search(r"Judged: \d+ judgements by fake-chat; asked again about", ended.out)
