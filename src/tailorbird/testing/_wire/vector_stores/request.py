"""What vector stores are asked with: chunking, attributes, filters, searches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, JsonValue, ValidationError

from tailorbird.data.documents.chunks import ChunkOptions
from tailorbird.testing._wire.bodies import WireModel, invalid
from tailorbird.types.filters import Among, Compare, Junction

if TYPE_CHECKING:
    from tailorbird.types.filters import Filter
    from tailorbird.types.retrieval import MetadataValue

# Lengths and numbers: OpenAI's description of vector stores, read 2026-11-22.
_KEY_LENGTH, _VALUE_LENGTH, _MOST_KEYS = 64, 512, 16
MOST_FILES = 2_000
"""Files in one batch."""

_Attributes: TypeAlias = dict[str, str | bool | int | float]


class Expiry(WireModel):
    """`expires_after` of a vector store."""

    anchor: Literal["last_active_at"]
    """From when it counts."""
    days: Annotated[int, Field(ge=1, le=365)]
    """Days until it expires."""


class _Static(WireModel):
    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0)]


class Strategy(WireModel):
    """How files are cut."""

    type: Literal["auto", "static"]
    """Whose choice the sizes are."""
    static: _Static | None = None
    """The sizes."""


class StoreBody(WireModel):
    """Body of `POST /vector_stores`."""

    name: str | None = None
    """What it is called."""
    description: str | None = None
    """What it is for."""
    file_ids: Annotated[list[str], Field(max_length=500)] | None = None
    """Files to begin with."""
    chunking_strategy: Strategy | None = None
    """How they are cut."""
    expires_after: Expiry | None = None
    """When it goes away by itself."""
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Pairs that are kept with it."""


class StoreChange(WireModel):
    """Body of `POST /vector_stores/{id}`; what is left out stays."""

    name: str | None = None
    """What it is called."""
    expires_after: Expiry | None = None
    """When it goes away by itself."""
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Pairs that are kept with it."""


class FileBody(WireModel):
    """Body of `POST /vector_stores/{id}/files`."""

    file_id: str
    """The file."""
    attributes: _Attributes | None = None
    """Values to filter by."""
    chunking_strategy: Strategy | None = None
    """How it is cut."""


class AttributesBody(WireModel):
    """Body of `POST /vector_stores/{id}/files/{file_id}`."""

    attributes: _Attributes | None
    """Values that replace all there were."""


class FilesBody(WireModel):
    """Body of `POST /vector_stores/{id}/file_batches`."""

    file_ids: Annotated[list[str], Field(min_length=1, max_length=MOST_FILES)] | None = None
    """The files, all with the same attributes."""
    files: Annotated[list[FileBody], Field(min_length=1, max_length=MOST_FILES)] | None = None
    """The files, each with its own."""
    attributes: _Attributes | None = None
    """Values to filter by; for `file_ids` only."""
    chunking_strategy: Strategy | None = None
    """How they are cut; for `file_ids` only."""

    def each(self) -> list[FileBody]:
        """Give the files one by one.

        Raises:
            WireError: Neither of the two lists is given, or both.
        """
        if (self.file_ids is None) == (self.files is None):
            raise invalid("file_ids", "Give either 'file_ids' or 'files'.")
        if self.files is not None:
            return list(self.files)
        return [
            FileBody(
                file_id=one, attributes=self.attributes, chunking_strategy=self.chunking_strategy
            )
            for one in self.file_ids or ()
        ]


class Ranking(WireModel):
    """How what is found is ordered."""

    ranker: Literal["none", "auto", "default-2024-11-15"] = "auto"
    """Which ranker."""
    score_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The least score."""


class SearchBody(WireModel):
    """Body of `POST /vector_stores/{id}/search`."""

    query: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    """What to look for, in one or several wordings."""
    filters: dict[str, JsonValue] | None = None
    """Which files to look at."""
    max_num_results: Annotated[int, Field(ge=1, le=50)] = 10
    """How many hits at most."""
    ranking_options: Ranking = Field(default_factory=Ranking)
    """How they are ordered."""

    ignored: ClassVar[frozenset[str]] = frozenset({"rewrite_query"})


class _Comparison(WireModel):
    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    key: Annotated[str, Field(min_length=1)]
    value: str | bool | int | float | Annotated[list[str | bool | int | float], Field(min_length=1)]


class _Compound(WireModel):
    type: Literal["and", "or"]
    filters: Annotated[list[dict[str, JsonValue]], Field(min_length=1, max_length=100)]


_DEEPEST = 20  # levels of a filter; the cloud's own limit is not documented


def filter_of(given: dict[str, JsonValue], *, param: str = "filters", depth: int = 0) -> Filter:
    """Read a filter.

    Raises:
        WireError: It is none; the error names the part.
    """
    if depth > _DEEPEST:
        raise invalid(param, "The filter is nested too deeply.")
    try:
        if given.get("type") in ("and", "or"):  # no set: what came may have no hash
            compound = _Compound.model_validate(given)
            parts = tuple(
                filter_of(one, param=f"{param}.filters[{number}]", depth=depth + 1)
                for number, one in enumerate(compound.filters)
            )
            return Junction(type=compound.type, filters=parts)
        found = _Comparison.model_validate(given)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        raise invalid(param, f"Invalid filter: {first['loc'][0]!r}: {first['msg']}.") from exc
    return _comparison(found, param)


def _comparison(found: _Comparison, param: str) -> Filter:
    kind, value = found.type, found.value
    if kind == "in" or kind == "nin":  # noqa: PLR1714 - this form is understood by the checkers
        if not isinstance(value, list):
            raise invalid(f"{param}.value", f"{kind!r} needs a list of values.")
        word: Literal["in", "not_in"] = "in" if kind == "in" else "not_in"
        return Among(type=word, key=found.key, values=tuple(value))
    if isinstance(value, list):
        raise invalid(f"{param}.value", f"{kind!r} needs one value.")
    return Compare(type=kind, key=found.key, value=value)


def attributes_of(given: _Attributes | None) -> dict[str, MetadataValue]:
    """Read attributes.

    Raises:
        WireError: There are too many, or one is too long.
    """
    found = given or {}
    if len(found) > _MOST_KEYS:
        raise invalid("attributes", f"At most {_MOST_KEYS} attributes are allowed.")
    for key, value in found.items():
        if len(key) > _KEY_LENGTH or (isinstance(value, str) and len(value) > _VALUE_LENGTH):
            raise invalid(
                f"attributes.{key[:_KEY_LENGTH]}",
                f"Keys have at most {_KEY_LENGTH} characters, texts {_VALUE_LENGTH}.",
            )
    return dict(found)


def cut_of(strategy: Strategy | None) -> ChunkOptions:
    """Read how a file is cut; 800 tokens of which 400 are shared unless said otherwise.

    Raises:
        WireError: `static` has no sizes, or more than half is shared.
    """
    if strategy is None or strategy.type == "auto":
        return ChunkOptions(target_tokens=800, overlap_tokens=400)
    sizes = strategy.static
    if sizes is None:
        raise invalid(
            "chunking_strategy.static",
            "Missing required parameter: 'chunking_strategy.static'.",
            code="missing_required_parameter",
        )
    if sizes.chunk_overlap_tokens * 2 > sizes.max_chunk_size_tokens:
        raise invalid(
            "chunking_strategy.static.chunk_overlap_tokens",
            "The overlap must not exceed half of 'max_chunk_size_tokens'.",
        )
    return ChunkOptions(
        target_tokens=sizes.max_chunk_size_tokens, overlap_tokens=sizes.chunk_overlap_tokens
    )
