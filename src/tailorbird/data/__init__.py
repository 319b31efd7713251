"""A user's files in; clean questions, examples, documents and chunks out."""

from __future__ import annotations

from tailorbird.data.convert import (
    ConvertReport,
    convert_questions,
    questions_to_examples,
    write_training_file,
)
from tailorbird.data.documents.chunks import ChunkOptions, chunk_document, iter_chunks
from tailorbird.data.documents.document_set import DocumentSet, read_documents
from tailorbird.data.documents.loading import LoadedText, Loader, LoadOptions
from tailorbird.data.questions.labels import read_labels
from tailorbird.data.questions.question_set import QuestionSet, read_questions
from tailorbird.data.tables.options import Limit, ReadOptions, TableLimits
from tailorbird.data.tokens import (
    TokenCounter,
    auto_epochs,
    estimate_tokens,
    exact_counter,
    message_tokens,
)
from tailorbird.data.training.examples import (
    ExampleSet,
    iter_examples,
    read_examples,
    write_examples,
)
from tailorbird.data.training.rules import TrainingRules, training_rules
from tailorbird.data.training.validation import FileReport, TrainingUse, validate_training_file

__all__ = [
    "ChunkOptions",
    "ConvertReport",
    "DocumentSet",
    "ExampleSet",
    "FileReport",
    "Limit",
    "LoadOptions",
    "LoadedText",
    "Loader",
    "QuestionSet",
    "ReadOptions",
    "TableLimits",
    "TokenCounter",
    "TrainingRules",
    "TrainingUse",
    "auto_epochs",
    "chunk_document",
    "convert_questions",
    "estimate_tokens",
    "exact_counter",
    "iter_chunks",
    "iter_examples",
    "message_tokens",
    "questions_to_examples",
    "read_documents",
    "read_examples",
    "read_labels",
    "read_questions",
    "training_rules",
    "validate_training_file",
    "write_examples",
    "write_training_file",
]
