"""A user's files in; clean questions, examples, documents and chunks out."""

from __future__ import annotations

from tailorbird.data.chunks import ChunkOptions, chunk_document
from tailorbird.data.convert import (
    ConvertReport,
    convert_questions,
    questions_to_examples,
    write_training_file,
)
from tailorbird.data.documents import DocumentSet, read_documents
from tailorbird.data.examples import ExampleSet, iter_examples, read_examples, write_examples
from tailorbird.data.questions import QuestionSet, read_questions
from tailorbird.data.rules import TrainingRules, training_rules
from tailorbird.data.table_options import Limit, ReadOptions, TableLimits
from tailorbird.data.tokens import (
    TokenCounter,
    auto_epochs,
    estimate_tokens,
    exact_counter,
    message_tokens,
)
from tailorbird.data.validation import FileReport, TrainingUse, validate_training_file

__all__ = [
    "ChunkOptions",
    "ConvertReport",
    "DocumentSet",
    "ExampleSet",
    "FileReport",
    "Limit",
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
    "iter_examples",
    "message_tokens",
    "questions_to_examples",
    "read_documents",
    "read_examples",
    "read_questions",
    "training_rules",
    "validate_training_file",
    "write_examples",
    "write_training_file",
]
