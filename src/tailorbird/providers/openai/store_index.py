"""An index as a vector store: its name and specification, kept in the store's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from tailorbird._openai_sdk.answers import moment
from tailorbird.exceptions import IndexMismatchError, InvalidInputError
from tailorbird.types.retrieval import IndexInfo, IndexSpec

if TYPE_CHECKING:
    from tailorbird.providers.openai.store_answers import StoreAnswer

_SPEC = "tailorbird_spec_"
_NAME = "tailorbird_index"
# A store's metadata: 16 pairs, value at most 512 characters (OpenAPI description of OpenAI,
# Metadata; openai/openai-openapi f85dbe2).
_VALUE_LENGTH = 512
_SPEC_PARTS = 8


def metadata_of(spec: IndexSpec) -> dict[str, str]:
    """Give what a store carries of its index.

    Raises:
        InvalidInputError: The specification does not fit into a store's metadata.
    """
    text = spec.model_dump_json(exclude_none=True)
    if len(text) > _VALUE_LENGTH * _SPEC_PARTS:
        message = f"the specification of index {spec.name!r} is too long: shorten `chunking`"
        raise InvalidInputError(message)
    parts = [text[at : at + _VALUE_LENGTH] for at in range(0, len(text), _VALUE_LENGTH)]
    return {_NAME: str(spec.name)} | {f"{_SPEC}{i}": part for i, part in enumerate(parts)}


def is_index(store: StoreAnswer) -> bool:
    """Say whether a store is an index of this library."""
    return _NAME in (store.metadata or {})


def name_of(store: StoreAnswer) -> str:
    """Give the name of a store's index."""
    return (store.metadata or {}).get(_NAME, "")


def info_of(store: StoreAnswer) -> IndexInfo:
    """Give what a store says of its index.

    Raises:
        IndexMismatchError: Its metadata was changed by others, so that it cannot be told how the
            index is to be used, and whose documents may be seen.
    """
    metadata = store.metadata or {}
    parts = [metadata.get(f"{_SPEC}{number}", "") for number in range(_SPEC_PARTS)]
    counts = store.file_counts
    spec = _spec("".join(parts))
    if spec is None or spec.name != name_of(store):
        message = (
            f"the metadata of vector store {store.id!r} no longer says how index {name_of(store)!r}"
            " was made: it was changed there; delete the index and build it again"
        )
        raise IndexMismatchError(message)
    return IndexInfo(
        spec=spec,
        documents=counts.completed + counts.in_progress,
        ready=counts.in_progress == 0,
        created_at=moment(store.created_at),
    )


def _spec(text: str) -> IndexSpec | None:
    try:
        return IndexSpec.model_validate_json(text)
    except ValidationError:
        return None
