"""Stitch your own data into a language model, and measure what it deserves.

```python
async with tailorbird.open("fake") as bench:
    faq = tailorbird.read_questions("faq.csv")
    train, held_out = faq.split(held_out=0.25, seed=7)
    tuned = await bench.fine_tune(train, system="…", name="faq-bot")
    handbook = await bench.build_index("handbook/", name="handbook")
    print(await bench.compare(bench.arms(tuned=tuned, index=handbook), held_out))
```

Contracts live in `tailorbird.protocols`, data in `tailorbird.types`, the fake in
`tailorbird.providers.fake`, suites and fixtures for tests in `tailorbird.testing`.
"""

from __future__ import annotations

from tailorbird.data import (
    ChunkOptions,
    DocumentSet,
    ExampleSet,
    QuestionSet,
    ReadOptions,
    chunk_document,
    convert_questions,
    estimate_tokens,
    exact_counter,
    read_documents,
    read_examples,
    read_labels,
    read_questions,
    training_rules,
    validate_training_file,
    write_examples,
    write_training_file,
)
from tailorbird.exceptions import (
    AnswerError,
    AuthenticationError,
    BudgetExceededError,
    ConfigError,
    ConflictError,
    ConnectError,
    ContentFilteredError,
    DataError,
    DeadlineError,
    EmptyAnswerError,
    IndexMismatchError,
    IndexMissingError,
    IndexShrinkError,
    InvalidInputError,
    InvalidRequestError,
    JobCancelledError,
    JobError,
    JobFailedError,
    JobOutcomeUnknownError,
    MissingExtraError,
    NotFoundError,
    OutputInvalidError,
    PermissionDeniedError,
    Problem,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    RefusedError,
    RetrievalError,
    ScorerError,
    ScriptError,
    ServiceUnavailableError,
    StillDeployedError,
    StorageError,
    StorageFullError,
    StoreBusyError,
    StoreVersionError,
    StreamTruncatedError,
    TailorbirdError,
    UnexpectedResponseError,
    UnsupportedError,
    WaitTimeoutError,
)
from tailorbird.journal import Workspace
from tailorbird.protocols import BatchScorer, Scorer
from tailorbird.sync import SyncWorkbench, open_sync
from tailorbird.types import (
    Answer,
    Budget,
    ChatOptions,
    Citation,
    DirectPreference,
    Document,
    Hit,
    HumanLabel,
    Message,
    Question,
    Reinforcement,
    SearchQuery,
    Supervised,
    Tool,
    TunedModel,
)
from tailorbird.workbench import Workbench, open
from tailorbird.workflow.answering.arm import Arm
from tailorbird.workflow.answering.arms import ArmOptions, pick_arms
from tailorbird.workflow.comparing.options import StopEarly
from tailorbird.workflow.judging.options import JudgeOptions
from tailorbird.workflow.judging.rubrics import Rubric
from tailorbird.workflow.progress import Progress
from tailorbird.workflow.questioning.plan import QuestionPlan
from tailorbird.workflow.searching.index import Index, IndexOptions
from tailorbird.workflow.searching.selection import Rerank, Selection
from tailorbird.workflow.tuning.estimate import Estimate
from tailorbird.workflow.tuning.handle import JobHandle
from tailorbird.workflow.tuning.training import TuneOptions

__all__ = [
    "Answer",
    "AnswerError",
    "Arm",
    "ArmOptions",
    "AuthenticationError",
    "BatchScorer",
    "Budget",
    "BudgetExceededError",
    "ChatOptions",
    "ChunkOptions",
    "Citation",
    "ConfigError",
    "ConflictError",
    "ConnectError",
    "ContentFilteredError",
    "DataError",
    "DeadlineError",
    "DirectPreference",
    "Document",
    "DocumentSet",
    "EmptyAnswerError",
    "Estimate",
    "ExampleSet",
    "Hit",
    "HumanLabel",
    "Index",
    "IndexMismatchError",
    "IndexMissingError",
    "IndexOptions",
    "IndexShrinkError",
    "InvalidInputError",
    "InvalidRequestError",
    "JobCancelledError",
    "JobError",
    "JobFailedError",
    "JobHandle",
    "JobOutcomeUnknownError",
    "JudgeOptions",
    "Message",
    "MissingExtraError",
    "NotFoundError",
    "OutputInvalidError",
    "PermissionDeniedError",
    "Problem",
    "Progress",
    "ProviderError",
    "Question",
    "QuestionPlan",
    "QuestionSet",
    "QuotaExhaustedError",
    "RateLimitError",
    "ReadOptions",
    "RefusedError",
    "Reinforcement",
    "Rerank",
    "RetrievalError",
    "Rubric",
    "Scorer",
    "ScorerError",
    "ScriptError",
    "SearchQuery",
    "Selection",
    "ServiceUnavailableError",
    "StillDeployedError",
    "StopEarly",
    "StorageError",
    "StorageFullError",
    "StoreBusyError",
    "StoreVersionError",
    "StreamTruncatedError",
    "Supervised",
    "SyncWorkbench",
    "TailorbirdError",
    "Tool",
    "TuneOptions",
    "TunedModel",
    "UnexpectedResponseError",
    "UnsupportedError",
    "WaitTimeoutError",
    "Workbench",
    "Workspace",
    "chunk_document",
    "convert_questions",
    "estimate_tokens",
    "exact_counter",
    "open",
    "open_sync",
    "pick_arms",
    "read_documents",
    "read_examples",
    "read_labels",
    "read_questions",
    "training_rules",
    "validate_training_file",
    "write_examples",
    "write_training_file",
]
