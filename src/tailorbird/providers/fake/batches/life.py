"""How a fake's batch stands at the present moment: its status, and what of it can be seen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from tailorbird.providers.fake.batches.lines import lines_of
from tailorbird.types.batches import Batch, BatchCounts, BatchStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import BaseModel

    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.state import BatchRecord

LineT = TypeVar("LineT", bound="BaseModel")

WINDOW = timedelta(hours=24)
"""In which a batch is answered: OpenAI, guide "Batch", the only completion window."""

# Our choices, long enough that a program sees the states.
VALIDATING_S = 5.0
"""Seconds that a batch is `validating`."""
FINALIZING_S = 5.0
"""Seconds that it is `finalizing`, after `FakeSettings.batch_s` in progress."""
CANCELLING_S = 5.0
"""Seconds that it is `cancelling`."""


def batch_word(cloud: Cloud, record: BatchRecord) -> str:
    """Give the word by which a batch reports its status now."""
    scripted = record.scripted_word()
    if scripted is not None:
        return scripted
    now = cloud.now()
    if record.cancelled_at is not None:
        gone_s = (now - record.cancelled_at).total_seconds()
        return "cancelled" if gone_s >= CANCELLING_S else "cancelling"
    age_s = (now - record.created_at).total_seconds() - VALIDATING_S
    if age_s < 0:
        return "validating"
    if record.problems:
        return "failed"
    if age_s < cloud.settings.batch_s:
        return "in_progress"
    return "completed" if age_s >= cloud.settings.batch_s + FINALIZING_S else "finalizing"


def shown(cloud: Cloud, record: BatchRecord) -> Batch:
    """Give a batch as it is reported."""
    word = batch_word(cloud, record)
    status = BatchStatus.parse(word)
    done = _done(cloud, record)
    failed = min(record.refused, done)
    return Batch(
        id=record.id,
        kind=record.kind,
        status=status,
        raw_status=word,
        counts=BatchCounts(total=record.total, completed=done - failed, failed=failed),
        problems=record.problems if status is BatchStatus.FAILED else (),
        metadata=record.metadata,
        created_at=record.created_at,
        expires_at=record.created_at + WINDOW,
    )


async def visible_lines(
    cloud: Cloud, record: BatchRecord, model: type[LineT]
) -> AsyncIterator[tuple[list[LineT], list[LineT]]]:
    """Give the lines that can be seen, page by page: those that were run, and those expired.

    Lines are kept in reverse order, so the first requests, which are run first, come last.
    """
    if record.problems:
        return
    expired = batch_word(cloud, record) == BatchStatus.EXPIRED.value
    waiting = record.total - _done(cloud, record)
    place = 0
    async for page in lines_of(cloud, record.sha256, model):
        cut = min(max(waiting - place, 0), len(page))
        place += len(page)
        yield page[cut:], page[:cut] if expired else []


def _done(cloud: Cloud, record: BatchRecord) -> int:
    """Give how many requests have been run: in order, evenly over the time of the batch.

    Of a batch that the script lets expire or be cancelled, half has been run.
    """
    if record.problems:
        return 0
    if record.words:
        halves = {"completed": 2, "expired": 1, "cancelled": 1}
        return record.total * halves.get(batch_word(cloud, record), 0) // 2
    until = record.cancelled_at or cloud.now()
    ran_s = (until - record.created_at).total_seconds() - VALIDATING_S
    return int(record.total * min(max(ran_s / cloud.settings.batch_s, 0.0), 1.0))
