"""Everything a fake remembers, typed."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from tailorbird.data.training.row import TrainingKind
from tailorbird.types.batches import BatchKind
from tailorbird.types.deployments import DeploymentSpec
from tailorbird.types.ids import (
    BatchId,
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
    """Its id."""
    name: str
    """Its base name."""
    purpose: str
    """What it is for."""
    size_bytes: int
    """Its length."""
    sha256: str
    """Hash under which its content is kept; empty for a result file, which is made when read."""
    expires_at: datetime | None = None
    """When it goes away; None when it stays."""
    problem: str | None = None
    """What the upload found bad; None when nothing."""
    result_of: JobId | None = None
    """The job whose result it is; None for an upload."""


class Stretch(Record):
    """A time during which a job had one status."""

    word: str
    """The status."""
    begins_at: datetime
    """When it began."""
    lasts_s: float | None
    """Seconds until it ends by itself; None for one that does not."""


class Taught(Record):
    """A file that a model was trained on."""

    sha256: str
    """Hash under which its content is kept."""
    kind: TrainingKind
    """Kind of its rows."""


class Recipe(Record):
    """What was found out about a job's data, and what the provider chose."""

    examples: int
    """Rows of the training file."""
    epoch_tokens: int
    """Tokens of one pass over them."""
    n_epochs: int
    """Passes over the data."""
    batch_size: int
    """Examples a step."""
    learning_rate_multiplier: float
    """Factor on the learning rate."""
    steps: int
    """Steps of the whole training."""
    step_s: float
    """Seconds a step takes."""
    taught: Taught
    """The training file."""
    has_validation: bool
    """Whether there is a validation file."""


class JobRecord(Visible):
    """A fine-tuning job."""

    id: JobId
    """Its id."""
    spec: JobSpec
    """What was asked for."""
    base: ModelId
    """The base at the bottom, also when training goes on from a tuned model."""
    seed: int
    """Seed of the training."""
    recipe: Recipe
    """How it trains."""
    failure: JobFailure | None = None
    """What its validation will find; shown when the job has failed."""
    history: list[Stretch]
    """Its statuses, oldest first; the last one is the present one."""
    model: ModelId | None = None
    """The tuned model; None until it has succeeded."""
    result_file: FileId | None = None
    """The result file; None until it has succeeded."""


class TunedRecord(Record):
    """A tuned model, or a checkpoint of one."""

    id: ModelId
    """Its id."""
    base: ModelId
    """The base at the bottom."""
    job: JobId
    """The job that made it."""
    taught: tuple[Taught, ...]
    """All that it was trained on, also by the tuned models it was continued from."""
    progress: float = 1.0
    """Share of its job's steps that were done, above 0 and up to 1."""
    created_at: datetime
    """When it was made."""


class DeploymentRecord(Visible):
    """A deployment that was made; those that stand from the start are not here."""

    spec: DeploymentSpec
    """What was asked for."""
    sku: str
    """Kind of hosting."""
    capacity: int
    """Thousands of tokens a minute."""


class BatchRecord(Visible):
    """A batch; what comes of it is known from the start and shown when its time has come."""

    id: BatchId
    """Its id."""
    kind: BatchKind
    """What it asks for."""
    model: ModelId
    """What is asked."""
    dimensions: int | None = None
    """Width of its vectors; None takes the model's own, or it asks for none."""
    total: int
    """Requests in it."""
    refused: int
    """Requests that get a failure."""
    sha256: str
    """Hash under which its lines are kept: the outcomes of conversations, or the texts."""
    problems: tuple[str, ...] = ()
    """Why it fails as a whole; empty when it does not."""
    metadata: dict[str, str]
    """What its maker attached."""
    cancelled_at: datetime | None = None
    """When it was cancelled; None when it was not."""


class DocumentRecord(Record):
    """A document of an index."""

    content_hash: str
    """What the index reports of it."""
    chunks: tuple[Chunk, ...]
    """Its pieces."""


class IndexRecord(Record):
    """A hosted index."""

    spec: IndexSpec
    """What it is bound to."""
    created_at: datetime
    """When it was made."""
    version: int = 0
    """Counts its changes."""
    documents: dict[DocumentId, DocumentRecord] = Field(
        default_factory=dict[DocumentId, DocumentRecord]
    )
    """What it holds."""


class State(Record):
    """All of it."""

    version: int = STATE_VERSION
    """Version of the form."""
    now: datetime | None = None
    """When it was kept, by the provider's clock; a virtual clock goes on from there."""
    counters: dict[str, int] = Field(default_factory=dict[str, int])
    """Running numbers by kind of object."""
    files: dict[FileId, FileRecord] = Field(default_factory=dict[FileId, FileRecord])
    """Files that have not been deleted."""
    jobs: dict[JobId, JobRecord] = Field(default_factory=dict[JobId, JobRecord])
    """Jobs."""
    tuned: dict[ModelId, TunedRecord] = Field(default_factory=dict[ModelId, TunedRecord])
    """Tuned models that have not been deleted."""
    deployments: dict[DeploymentName, DeploymentRecord] = Field(
        default_factory=dict[DeploymentName, DeploymentRecord]
    )
    """Deployments that were made and not deleted."""
    batches: dict[BatchId, BatchRecord] = Field(default_factory=dict[BatchId, BatchRecord])
    """Batches."""
    indexes: dict[IndexName, IndexRecord] = Field(default_factory=dict[IndexName, IndexRecord])
    """Hosted indexes."""

    def next_number(self, kind: str) -> int:
        """Count up and give the running number of a new object."""
        self.counters[kind] = self.counters.get(kind, 0) + 1
        return self.counters[kind]

    def needed_contents(self) -> set[str]:
        """Give the contents that a file, a job, a tuned model or a batch needs."""
        files = {one.sha256 for one in self.files.values()}
        jobs = {one.recipe.taught.sha256 for one in self.jobs.values()}
        taught = {one.sha256 for model in self.tuned.values() for one in model.taught}
        batches = {one.sha256 for one in self.batches.values()}
        return files | jobs | taught | batches
