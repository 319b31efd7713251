"""Names of things, each with a type of its own so that they cannot be mixed up."""

from __future__ import annotations

from typing import NewType

FileId = NewType("FileId", str)
"""A provider's id of an uploaded file, e.g. `file-abc123`."""

JobId = NewType("JobId", str)
"""A provider's id of a fine-tuning job, e.g. `ftjob-abc123`."""

EventId = NewType("EventId", str)
"""A provider's id of a job event."""

CheckpointId = NewType("CheckpointId", str)
"""A provider's id of a checkpoint, e.g. `ftckpt_abc123` or Azure's `ftchkpt-…`."""

ModelId = NewType("ModelId", str)
"""What a chat, embedding or tuning call names as its model: a model id or a deployment's name."""

DeploymentName = NewType("DeploymentName", str)
"""The name under which a model is deployed; equal to the model id where nothing is deployed."""

IndexName = NewType("IndexName", str)
"""The name a user gave an index: 1 to 64 letters, digits, `-`, `_`."""

DocumentId = NewType("DocumentId", str)
"""Id of a document within an index: its relative path, or the id given in the data."""

ChunkId = NewType("ChunkId", str)
"""Id of a chunk within an index: document id, `#`, running number from 0."""

BatchId = NewType("BatchId", str)
"""A provider's id of a batch, e.g. `batch_abc123`."""
