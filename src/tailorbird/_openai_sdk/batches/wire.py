"""A batch as it stands in answers."""

from __future__ import annotations

from collections.abc import Mapping

from tailorbird._openai_sdk.answers import Id, Seconds, Text, Wire, moment, moment_or_none
from tailorbird._openai_sdk.paging import Listed
from tailorbird.types.batches import Batch, BatchCounts, BatchKind, BatchStatus
from tailorbird.types.ids import BatchId

_KINDS: Mapping[str, BatchKind] = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/embeddings": "embeddings",
}


class _Counts(Wire):
    """How far a batch is."""

    total: int | None = None
    completed: int | None = None
    failed: int | None = None


class _Problem(Wire):
    """One thing that is wrong with the input."""

    code: str | None = None
    message: str | None = None
    line: int | None = None

    @property
    def shown(self) -> str:
        place = "" if self.line is None else f" (line {self.line})"
        return f"{self.code or 'error'}: {self.message or 'no reason given'}{place}"


class _Problems(Wire):
    """The list of what is wrong."""

    data: list[_Problem] | None = None


class WireBatch(Listed):
    """A batch; Azure nulls the endpoint and sends ids of files that are empty."""

    id: Id
    """Its id."""
    status: Text
    """Where it stands."""
    created_at: Seconds
    """When it was made."""
    endpoint: str | None = None
    """What it asks."""
    input_file_id: str | None = None
    """The file with its requests."""
    output_file_id: str | None = None
    """The file with answers."""
    error_file_id: str | None = None
    """The file with failures."""
    request_counts: _Counts | None = None
    """How far it is."""
    errors: _Problems | None = None
    """What is wrong with the input."""
    metadata: dict[str, str] | None = None
    """What its maker attached."""
    expires_at: Seconds | None = None
    """When it is given up."""

    @property
    def result_files(self) -> tuple[str, ...]:
        """The files with results, those that there are."""
        return tuple(one for one in (self.output_file_id, self.error_file_id) if one)

    def batch(self) -> Batch:
        """Give it in our own type."""
        counts = self.request_counts or _Counts()
        problems = (self.errors.data if self.errors else None) or []
        return Batch(
            id=BatchId(self.id),
            kind=_KINDS.get((self.endpoint or "").removeprefix("/v1")),
            status=BatchStatus.parse(self.status),
            raw_status=self.status,
            counts=BatchCounts(
                total=max(0, counts.total or 0),
                completed=max(0, counts.completed or 0),
                failed=max(0, counts.failed or 0),
            ),
            problems=tuple(one.shown for one in problems),
            metadata=self.metadata or {},
            created_at=moment(self.created_at),
            expires_at=moment_or_none(self.expires_at),
        )
