"""The journal remembers intents and outcomes, across processes and crashes."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tailorbird.exceptions import InvalidInputError, StorageError, StoreVersionError
from tailorbird.journal import Hosting, Journal, RunRecord, Spending
from tailorbird.journal.schema import STEPS
from tailorbird.storage import Database
from tailorbird.types import Answer, DeploymentName, EventId, FileId, JobId, ModelId, Usage

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ACCOUNT = "fake/test"


async def open_journal(path: Path | None) -> Journal:
    """Open a journal, as a workspace does it: in a thread."""
    return await asyncio.to_thread(Journal, path)


@pytest.fixture(params=["memory", "file"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    """A journal in memory and one in a file."""
    opened = await open_journal(tmp_path / "journal.sqlite" if request.param == "file" else None)
    yield opened
    await opened.close()


async def begin(
    journal: Journal,
    name: str = "faq-bot",
    *,
    identity: str = ACCOUNT,
    run_key: str = "k1",
    at: datetime = NOW,
    **summary: str,
) -> RunRecord:
    """Begin a run."""
    return await journal.runs.begin(
        name, identity=identity, run_key=run_key, summary=summary, plan='{"a": 1}', at=at
    )


async def test_run_is_begun_once(journal: Journal) -> None:
    """The same intent under the same name is one run, which keeps what happened to it."""
    first = await begin(journal, base="gpt")
    assert (first.state, first.job_id, first.attempt) == ("new", None, 0)
    assert (first.summary, first.plan, first.begun_at) == ({"base": "gpt"}, '{"a": 1}', NOW)
    await journal.runs.record_job(first.id, JobId("ftjob-1"))
    again = await begin(journal, base="gpt", at=NOW + timedelta(days=1))
    assert again == first.model_copy(update={"state": "created", "job_id": JobId("ftjob-1")})


async def test_other_intent_under_the_name_is_refused(journal: Journal) -> None:
    """Another intent under a used name is an error that shows what is different."""
    await begin(journal, base="gpt-a", seed="7", old="x")
    with pytest.raises(
        InvalidInputError,
        match=r"'faq-bot' .*: base was 'gpt-a' and is 'gpt-b'; old was 'x' and is None\. Choose",
    ):
        await begin(journal, run_key="k2", base="gpt-b", seed="7")
    assert (await journal.runs.get("faq-bot", identity=ACCOUNT)).run_key == "k1"


async def test_accounts_have_their_own_runs(journal: Journal) -> None:
    """The same name at another account is another run."""
    mine = await begin(journal)
    theirs = await begin(journal, identity="azure/contoso", run_key="k2")
    assert mine.id != theirs.id
    assert await journal.runs.list(identity=ACCOUNT) == (mine,)


async def test_unknown_run_is_told(journal: Journal) -> None:
    """Asking for a run that is not there names those that are."""
    with pytest.raises(InvalidInputError, match="no run 'x'; it knows none at all"):
        await journal.runs.get("x", identity=ACCOUNT)
    await begin(journal, "a")
    await begin(journal, "b")
    with pytest.raises(InvalidInputError, match="it knows 'b', 'a'"):
        await journal.runs.get("x", identity=ACCOUNT)


async def test_runs_are_ordered_by_when_they_were_written(journal: Journal) -> None:
    """The newest run comes first, also when the clock was set back meanwhile."""
    for number in range(3):
        await begin(journal, f"run-{number}", at=NOW - timedelta(days=400 * number))
    runs = await journal.runs.list(identity=ACCOUNT)
    assert [run.name for run in runs] == ["run-2", "run-1", "run-0"]


async def test_uploads_are_known_by_their_content(journal: Journal) -> None:
    """A file is found by account and content, replaced, and forgotten."""
    assert await journal.get_upload(ACCOUNT, "aa") is None
    await journal.put_upload(ACCOUNT, "aa", FileId("file-1"))
    await journal.put_upload(ACCOUNT, "aa", FileId("file-2"))
    assert await journal.get_upload(ACCOUNT, "aa") == "file-2"
    assert await journal.get_upload("other", "aa") is None
    await journal.forget_upload(ACCOUNT, "aa")
    assert await journal.get_upload(ACCOUNT, "aa") is None


async def test_answers_come_back_whole(journal: Journal) -> None:
    """Answers are given by arm and question, exactly as they were kept."""
    answer = Answer(text="十日です[1]。", usage=Usage(input_tokens=3), latency_s=0.25, model="m")
    await journal.put_answers("arm", {"q1": answer, "q2": Answer(text="", abstained=True)})
    await journal.put_answers("arm", {"q1": answer.model_copy(update={"text": "newer"})})
    found = await journal.get_answers("arm", ["q1", "q2", "q3"])
    assert found == {
        "q1": answer.model_copy(update={"text": "newer"}),
        "q2": Answer(text="", abstained=True),
    }
    assert await journal.get_answers("other", ["q1"]) == {}
    assert await journal.get_answers("arm", []) == {}


async def test_many_answers_at_once(journal: Journal) -> None:
    """More answers than one statement takes are kept and found."""
    answers = {f"q{number}": Answer(text=str(number)) for number in range(1203)}
    await journal.put_answers("arm", answers)
    assert await journal.get_answers("arm", [*answers, "none"]) == answers


async def test_answer_of_another_version_is_told(tmp_path: Path) -> None:
    """An answer that this version cannot read is a typed error without its content."""
    path = tmp_path / "journal.sqlite"
    await (await open_journal(path)).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("""INSERT INTO answers VALUES ('arm', 'q', '{"words": "secret"}')""")
    journal = await open_journal(path)
    with pytest.raises(StorageError, match=r"cannot read \(1 wrong fields\)") as caught:
        await journal.get_answers("arm", ["q"])
    assert "secret" not in str(caught.value)
    await journal.close()


async def test_vectors_are_known_by_space_and_text(journal: Journal) -> None:
    """Vectors are given by model space and text, byte for byte."""
    await journal.put_vectors("fake/model/", {"t1": b"\x00\x01\xff", "t2": b""})
    assert await journal.get_vectors("fake/model/", ["t2", "t1", "t3"]) == {
        "t1": b"\x00\x01\xff",
        "t2": b"",
    }
    assert await journal.get_vectors("fake/other/", ["t1"]) == {}


async def test_spending_is_listed_newest_first(journal: Journal) -> None:
    """What was paid for is kept with its exact price, or without one, by account."""
    chat = Spending(at=NOW, identity=ACCOUNT, what="chat", model="m", usd=Decimal("0.0001"))
    training = Spending(
        at=NOW - timedelta(days=1),
        identity=ACCOUNT,
        what="training",
        subject="faq-bot",
        model="m:tuned",
        usage=Usage(input_tokens=1_000_000),
    )
    for spending in (chat, training, chat.model_copy(update={"identity": "other"})):
        await journal.ledger.record(spending)
    found = await journal.ledger.list(identity=ACCOUNT)
    assert [one.model_copy(update={"id": 0}) for one in found] == [training, chat]
    assert found[0].id > found[1].id > 0


async def test_what_can_be_paid_once_is_written_down_once(journal: Journal) -> None:
    """A second entry of one job changes nothing; entries without a reference all count."""
    training = Spending(at=NOW, identity=ACCOUNT, what="training", reference="ftjob-1", model="m")
    chat = Spending(at=NOW, identity=ACCOUNT, what="chat", model="m")
    for spending in (training, training.model_copy(update={"model": "other"}), chat, chat):
        await journal.ledger.record(spending)
    found = await journal.ledger.list(identity=ACCOUNT)
    assert [(one.what, one.model) for one in found] == [
        ("chat", "m"),
        ("chat", "m"),
        ("training", "m"),
    ]


async def test_hosting_is_paid_when_it_ends(journal: Journal) -> None:
    """What stands is listed; what ended is an entry with its price, or without one."""
    priced = Hosting(
        identity=ACCOUNT,
        name=DeploymentName("a"),
        model=ModelId("m"),
        hourly=Decimal("1.70"),
        since=NOW,
    )
    unpriced = priced.model_copy(update={"name": "b", "hourly": None})
    for hosting in (priced, unpriced, priced.model_copy(update={"since": NOW + timedelta(days=1)})):
        await journal.ledger.begin_hosting(hosting)
    assert await journal.ledger.list_hosting(identity=ACCOUNT) == (priced, unpriced)
    end = NOW + timedelta(hours=10)
    for name in ("a", "b", "a", "c"):
        await journal.ledger.end_hosting(DeploymentName(name), identity=ACCOUNT, at=end)
    assert await journal.ledger.list_hosting(identity=ACCOUNT) == ()
    paid = await journal.ledger.list(identity=ACCOUNT)
    assert [(one.subject, one.usd) for one in paid] == [("b", None), ("a", Decimal(17))]
    assert priced.cost(NOW - timedelta(days=1)) == 0


async def test_an_event_is_taken_once(journal: Journal) -> None:
    """Of all that ask for an event, one gets it."""
    taken = [
        await journal.runs.claim_event(ACCOUNT, JobId(job), EventId("e"))
        for job in ("j1", "j1", "j2")
    ]
    assert taken == [True, False, True]


async def test_a_lease_has_one_holder(journal: Journal) -> None:
    """A lease is held until it is given back or ends; only its holder may send."""
    run = await begin(journal)

    async def holder(owner: str, *, after_s: float) -> str | None:
        now = NOW + timedelta(seconds=after_s)
        return (await journal.runs.hold(run, owner=owner, now=now, ttl_s=10)).lease_owner

    assert await holder("a", after_s=0) == "a"
    assert await holder("b", after_s=9.5) == "a"
    assert await holder("a", after_s=9.5) == "a"
    assert await holder("b", after_s=19) == "a"
    assert await holder("b", after_s=19.5) == "b"
    await journal.runs.release(run.id, owner="a")
    assert not await journal.runs.record_sent(run.id, owner="a", at=NOW)
    assert await journal.runs.record_sent(run.id, owner="b", at=NOW)
    sent = await journal.runs.get(run.name, identity=ACCOUNT)
    assert (sent.state, sent.sent_at, sent.lease_owner) == ("creating", NOW, "b")
    await journal.runs.release(run.id, owner="b")
    assert await holder("a", after_s=20) == "a"
    assert await holder("b", after_s=-365 * 86_400) == "b"


async def test_everything_is_there_after_closing(tmp_path: Path) -> None:
    """Another process on the file finds what was written."""
    path = tmp_path / "journal.sqlite"
    journal = await open_journal(path)
    run = await begin(journal)
    await journal.put_vectors("s", {"t": b"v"})
    await journal.close()
    again = await open_journal(path)
    assert await again.runs.get("faq-bot", identity=ACCOUNT) == run
    assert await again.get_vectors("s", ["t"]) == {"t": b"v"}
    await again.close()


async def test_many_calls_at_once(journal: Journal) -> None:
    """Runs that are begun at the same moment are one run, and answers do not get lost."""

    async def work(number: int) -> int:
        run = await begin(journal)
        await journal.put_answers("arm", {f"q{number}": Answer(text=str(number))})
        return run.id

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(number)) for number in range(40)]
    assert len({task.result() for task in tasks}) == 1
    assert len(await journal.get_answers("arm", [f"q{number}" for number in range(40)])) == 40


@pytest.mark.parametrize("version", [1, 2])
async def test_journal_of_an_older_version_is_migrated(tmp_path: Path, version: int) -> None:
    """A journal of every released schema gets what it lacks, and keeps its runs."""
    path = tmp_path / "journal.sqlite"
    older = await asyncio.to_thread(Database, path, steps=STEPS[:version])
    await asyncio.to_thread(
        older.execute,
        "INSERT INTO runs (identity, name, run_key, summary, plan, state, begun_at, job_id)"
        " VALUES (?, 'faq-bot', 'k1', '{}', '{}', 'created', ?, 'ftjob-1')",
        (ACCOUNT, NOW.isoformat()),
    )
    await asyncio.to_thread(older.close)
    again = await open_journal(path)
    run = await again.runs.get("faq-bot", identity=ACCOUNT)
    assert (run.job_id, run.sent_at, run.lease_owner) == ("ftjob-1", None, None)
    assert await again.ledger.list(identity=ACCOUNT) == ()
    await again.close()
    assert (tmp_path / f"journal.sqlite.v{version}.bak").exists()


async def test_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """A journal that a newer tailorbird wrote is not touched."""
    path = tmp_path / "journal.sqlite"
    await (await open_journal(path)).close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreVersionError, match="version 99"):
        await open_journal(path)


WRITER = """
import asyncio, sys
from pathlib import Path
from tailorbird.journal import Journal
from tailorbird.types import Answer

async def main():
    journal = Journal(Path(sys.argv[1]))
    for number in range(100_000):
        answers = {f"{number}-{n}": Answer(text="x" * 200) for n in range(5)}
        await journal.put_answers("arm", answers)
        print(number, flush=True)

asyncio.run(main())
"""


def kill_writer(path: Path, *, after: int) -> None:
    """Let another process keep answers, and kill it when so many batches are in."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in range(after):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)


@pytest.mark.slow
async def test_kill_loses_no_answer_that_was_kept(tmp_path: Path) -> None:
    """However often a process is killed, the answers it was told are kept are there, in wholes."""
    path = tmp_path / "journal.sqlite"
    for count in (1, 25):
        await asyncio.to_thread(kill_writer, path, after=count)
        journal = await open_journal(path)
        keys = [f"{number}-{n}" for number in range(count + 200) for n in range(5)]
        found = await journal.get_answers("arm", keys)
        await journal.close()
        assert len(found) >= 5 * count
        assert len(found) % 5 == 0


async def test_what_is_kept_at_once_is_kept_each(journal: Journal) -> None:
    """Vectors and answers of many tasks are all there, and a text that cannot be is its own."""

    async def refused() -> None:
        with pytest.raises(InvalidInputError, match="surrogate"):
            await journal.put_vectors("space", {"\ud800": b"no"})

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(journal.put_vectors("space", {f"t{number}": bytes([number])}))
            group.create_task(journal.put_answers("arm", {f"q{number}": Answer(text="a")}))
        group.create_task(refused())
    keys = [f"t{number}" for number in range(20)]
    found = await journal.get_vectors("space", keys)
    assert [found[key] for key in keys] == [bytes([number]) for number in range(20)]
    assert len(await journal.get_answers("arm", [f"q{number}" for number in range(20)])) == 20
