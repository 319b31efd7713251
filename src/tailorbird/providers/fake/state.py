"""Everything a fake remembers, typed."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from tailorbird.data.training_row import TrainingKind
from tailorbird.types.deployments import DeploymentSpec
from tailorbird.types.ids import (
    DeploymentName,
    DocumentId,
    FileId,
    IndexName,
    JobId,
    ModelId,
)
from tailorbird.types.jobs import JobFailure, JobSpec
from tailorbird.types.retrieval import Chunk, IndexSpec

STATE_VERSION = 1
"""Version of the state file; another one is refused."""


class Record(BaseModel):
    """A mutable part of the state; it never crosses the provider's border."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), hide_input_in_errors=True)


class Visible(Record):
    """What has a scripted life of its own: statuses by look-up, and moments of invisibility."""

    number: int
    """Running number within its kind; newest is largest."""
    created_at: datetime
    """When it was made."""
    words: tuple[str, ...] = ()
    """Scripted statuses; empty for an ordinary life."""
    shown: int = 0
    """How many look-ups have been answered."""
    hidden_lookups: int = 0
    """How many look-ups will not find it yet."""
    hidden_listings: int = 0
    """How many listings will leave it out yet."""

    def scripted_word(self) -> str | None:
        """Give the scripted status that is shown now; None for an ordinary life."""
        return self.words[min(max(self.shown - 1, 0), len(self.words) - 1)] if self.words else None

    def look_up(self) -> bool:
        """Count a look-up and say whether it finds the object."""
        if self.hidden_lookups:
            self.hidden_lookups -= 1
            return False
        self.shown += 1
        return True

    def list_up(self) -> bool:
        """Count a listing and say whether it shows the object."""
        if self.hidden_listings:
            self.hidden_listings -= 1
            return False
        return True


def newest(one: Visible) -> tuple[datetime, int]:
    """Order what was made by its time, and within the same moment by its number."""
    return one.created_at, one.number


class FileRecord(Visible):
    """A stored file."""

    id: FileId
    name: str
    purpose: str
    size_bytes: int
    sha256: str
    expires_at: datetime | None = None
    problem: str | None = None
    result_of: JobId | None = None


class Stretch(Record):
    """A time during which a job had one status."""

    word: str
    begins_at: datetime
    lasts_s: float | None
    """Seconds until it ends by itself; None for one that does not."""


class Taught(Record):
    """A file that a model was trained on."""

    sha256: str
    kind: TrainingKind


class Recipe(Record):
    """What was found out about a job's data, and what the provider chose."""

    examples: int
    epoch_tokens: int
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    steps: int
    step_s: float
    taught: Taught
    has_validation: bool


class JobRecord(Visible):
    """A fine-tuning job."""

    id: JobId
    spec: JobSpec
    base: ModelId
    """The base at the bottom, also when training goes on from a tuned model."""
    seed: int
    recipe: Recipe
    failure: JobFailure | None = None
    """What its validation will find; shown when the job has failed."""
    history: list[Stretch]
    model: ModelId | None = None
    result_file: FileId | None = None


class TunedRecord(Record):
    """A tuned model, or a checkpoint of one."""

    id: ModelId
    base: ModelId
    job: JobId
    taught: tuple[Taught, ...]
    """All that it was trained on, also by the tuned models it was continued from."""
    created_at: datetime


class DeploymentRecord(Visible):
    """A deployment that was made; those that stand from the start are not here."""

    spec: DeploymentSpec
    sku: str
    capacity: int


class DocumentRecord(Record):
    """A document of an index."""

    content_hash: str
    chunks: tuple[Chunk, ...]


class IndexRecord(Record):
    """A hosted index."""

    spec: IndexSpec
    created_at: datetime
    version: int = 0
    documents: dict[DocumentId, DocumentRecord] = Field(
        default_factory=dict[DocumentId, DocumentRecord]
    )


class State(Record):
    """All of it."""

    version: int = STATE_VERSION
    now: datetime | None = None
    counters: dict[str, int] = Field(default_factory=dict[str, int])
    files: dict[FileId, FileRecord] = Field(default_factory=dict[FileId, FileRecord])
    jobs: dict[JobId, JobRecord] = Field(default_factory=dict[JobId, JobRecord])
    tuned: dict[ModelId, TunedRecord] = Field(default_factory=dict[ModelId, TunedRecord])
    deployments: dict[DeploymentName, DeploymentRecord] = Field(
        default_factory=dict[DeploymentName, DeploymentRecord]
    )
    indexes: dict[IndexName, IndexRecord] = Field(default_factory=dict[IndexName, IndexRecord])

    def next_number(self, kind: str) -> int:
        """Count up and give the running number of a new object."""
        self.counters[kind] = self.counters.get(kind, 0) + 1
        return self.counters[kind]

    def needed_contents(self) -> set[str]:
        """Give the contents that a file, a job or a tuned model needs."""
        files = {one.sha256 for one in self.files.values()}
        jobs = {one.recipe.taught.sha256 for one in self.jobs.values()}
        taught = {one.sha256 for model in self.tuned.values() for one in model.taught}
        return files | jobs | taught
