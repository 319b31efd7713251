"""Files, parts and results against the wire app: what one side sends, the other understands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import httpx2
import pytest

from tailorbird._http import HttpSettings
from tailorbird._openai_sdk.connection import Connection
from tailorbird._openai_sdk.endpoint import Endpoint
from tailorbird._openai_sdk.files.files import FilesDialect, SdkFiles
from tailorbird._openai_sdk.jobs import JobsDialect, SdkJobs
from tailorbird._openai_sdk.settings import CallSettings
from tailorbird.data.training.figures import read_results
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.retry import Retrier, RetryBudget, RetryPolicy
from tailorbird.testing.conformance import data
from tailorbird.testing.wire import WireApp, wire_app
from tailorbird.types import FileId, FileStatus, JobSpec, ModelId
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

FLAVORS = {"openai": "/v1", "azure": "/openai/v1"}


@dataclass
class Side:
    """The account on our side, and the server on the other."""

    fake: FakeProvider
    app: WireApp
    connection: Connection

    def files(self, dialect: FilesDialect) -> SdkFiles:
        """Give the account's files."""
        return SdkFiles(
            self.connection,
            dialect=dialect,
            capabilities=self.fake.capabilities,
            calls=CallSettings(),
        )

    @property
    def jobs(self) -> SdkJobs:
        """The account's jobs."""
        return SdkJobs(
            self.connection,
            dialect=JobsDialect(),
            capabilities=self.fake.capabilities,
            calls=CallSettings(),
        )

    def operations(self) -> list[str]:
        """Give what the server was asked for."""
        return [one.operation for one in self.app.seen]


@pytest.fixture(params=FLAVORS)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    """Both sides, in this process."""
    clock = VirtualClock()
    async with FakeProvider(FakeSettings(flavor=request.param), clock=clock) as fake:
        app = wire_app(fake)
        connection = Connection(
            Endpoint(
                provider=request.param,
                base_url=f"http://localhost{FLAVORS[request.param]}",
                key=Secret("test-key", source="test"),
            ),
            retrier=Retrier(RetryPolicy(), clock, Random(7), RetryBudget(100)),  # noqa: S311 - spreads waits
            http=HttpSettings(),
            transport=httpx2.ASGITransport(app=app),
        )
        await connection.open()
        yield Side(fake, app, connection)
        await connection.close()


@pytest.mark.parametrize("side", ["openai"], indirect=True)
async def test_file_in_parts_comes_back_whole(side: Side, tmp_path: Path) -> None:
    """A file that went in parts is one file, in order, under its name."""
    sent = data.long_training(3 << 20)
    path = tmp_path / '研修 "1".jsonl'
    path.write_bytes(sent)
    files = side.files(FilesDialect(single_bytes=1 << 20, part_bytes=(1 << 20) - 7))
    stored = await files.create(path)
    assert (stored.name, stored.size_bytes) == ("研修 '1'.jsonl", len(sent))
    assert b"".join([piece async for piece in files.content(stored.id)]) == sent
    assert side.operations().count("uploads.complete") == 1
    assert "files.create" not in side.operations()


async def test_file_in_one_request_comes_back_whole(side: Side) -> None:
    """The form is understood by both clouds, Japanese name included."""
    files = side.files(FilesDialect(waits=True, query={}, newest_first=False))
    stored = await files.create(data.TRAINING, name="研修.jsonl")
    ready = await files.wait_ready(stored.id)
    assert (ready.name, ready.status) == ("研修.jsonl", FileStatus.PROCESSED)
    assert b"".join([piece async for piece in files.content(stored.id)]) == data.TRAINING


async def test_results_of_a_job_are_figures(side: Side) -> None:
    """From the job to its result file to typed figures, in each cloud's columns."""
    files = side.files(FilesDialect(waits=True))
    training = (await files.create(data.TRAINING, name="t.jsonl")).id
    validation = (await files.create(data.VALIDATION, name="v.jsonl")).id
    for file_id in (training, validation):
        await files.wait_ready(file_id)
    job = await side.jobs.create(
        JobSpec(
            model=ModelId("gpt-4.1-mini-2025-04-14"),
            training_file=training,
            validation_file=validation,
        )
    )
    while not job.status.is_final:
        job = await side.jobs.get(job.id)
    [results] = job.result_files
    text = b"".join([piece async for piece in files.content(FileId(results))]).decode()
    steps = read_results(text)
    assert [one.step for one in steps] == list(range(1, len(steps) + 1))
    for one in steps:
        assert one.train_loss is not None
        assert one.train_mean_token_accuracy is not None
        assert one.valid_mean_token_accuracy is not None
