"""What an index looks like in Azure AI Search: its name, its fields, and what it is bound to.

| field | holds | of which records |
|---|---|---|
| `id` | key, URL-safe | all |
| `kind` | `chunk`, `document` or `state` | all |
| `document` | hash of the document's id | chunks, documents |
| `generation` | which writing it belongs to | all |
| `shard` | a number made of the hash, to page by | documents |
| `title`, `text` | what people and the semantic ranker read | chunks |
| `terms` | the terms of title and text, cut as every engine of ours cuts them | chunks |
| `marks` | the metadata to filter by (`search_filter`) | chunks |
| `vector` | unit length; only in indexes with an embedding model | chunks |
| `payload` | JSON: the rest of a chunk, or the document's id and hash | chunks, documents |

The specification stands in the index's description, so that it is there as soon as the index is.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from tailorbird._openai_sdk.answers import Wire
from tailorbird.providers.azure.doors import LinkedPage
from tailorbird.providers.azure.search_filter import MARKS
from tailorbird.types.base import Frozen
from tailorbird.types.retrieval import IndexSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.types.ids import IndexName

_HEAD = "tailorbird index "
_PLAIN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CODED = re.compile(r".*-x[0-9a-f]{16}")
_LEAST_NAME = 2
_ALGORITHM = "tailorbird-hnsw"
_PROFILE = "tailorbird-cosine"


class Bound(Frozen):
    """What stands in an index's description."""

    spec: IndexSpec
    """What it is bound to."""
    created_at: datetime
    """When it was made; aware, UTC."""


class IndexAnswer(Wire):
    """An index as the service gives it."""

    name: str
    """Its name in the service."""
    description: str | None = None
    """What somebody wrote about it."""

    @property
    def bound(self) -> Bound | None:
        """What it is bound to; None for an index that is not this library's."""
        text = self.description or ""
        if not text.startswith(_HEAD):
            return None
        try:
            return Bound.model_validate_json(text.removeprefix(_HEAD))
        except ValidationError:
            return None


class IndexPage(LinkedPage):
    """A page of a listing of indexes."""

    value: list[IndexAnswer]
    """The indexes."""
    next_link: str | None = Field(default=None, validation_alias="@odata.nextLink")
    """Address of the next page; None on the last one."""


def service_name(name: IndexName) -> str:
    """Give the name in the service: lower case letters, digits and single dashes, at most 128.

    A name that fits is taken as it is. Any other one, and one that looks like what is made here,
    gets a hash at its end, so that two names never become one (Naming rules, Azure AI Search,
    learn.microsoft.com, read 2026-11-22).
    """
    if len(name) >= _LEAST_NAME and _PLAIN.fullmatch(name) and not _CODED.fullmatch(name):
        return name
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{slug}-x{digest[:16]}"


def definition(
    spec: IndexSpec, *, created_at: datetime, semantic_configuration: str | None
) -> Mapping[str, object]:
    """Give what makes the index.

    Args:
        spec: What it is bound to.
        created_at: When it is made.
        semantic_configuration: Name of the semantic configuration it gets; None for none.
    """
    bound = Bound(spec=spec, created_at=created_at.astimezone(UTC))
    made: dict[str, object] = {
        "name": service_name(spec.name),
        "description": _HEAD + bound.model_dump_json(),
        "fields": _fields(spec.dimensions),
    }
    if spec.dimensions is not None:
        made["vectorSearch"] = {
            "algorithms": [
                {"name": _ALGORITHM, "kind": "hnsw", "hnswParameters": {"metric": "cosine"}}
            ],
            "profiles": [{"name": _PROFILE, "algorithm": _ALGORITHM}],
        }
    if semantic_configuration is not None:
        fields = {
            "titleField": {"fieldName": "title"},
            "prioritizedContentFields": [{"fieldName": "text"}],
        }
        made["semantic"] = {
            "configurations": [{"name": semantic_configuration, "prioritizedFields": fields}]
        }
    return made


def _fields(dimensions: int | None) -> list[Mapping[str, object]]:
    fields: list[Mapping[str, object]] = [
        _field("id", key=True, filterable=True),
        _field("kind", filterable=True),
        _field("document", filterable=True),
        _field("generation", filterable=True),
        _field("shard", "Edm.Int32", filterable=True, sortable=True),
        _field("title", searchable=True),
        _field("text", searchable=True),
        {**_field("terms", searchable=True, retrievable=False), "analyzer": "whitespace"},
        _field(MARKS, "Collection(Edm.String)", filterable=True, retrievable=False),
        _field("payload"),
    ]
    if dimensions is not None:
        fields.append(
            {
                "name": "vector",
                "type": "Collection(Edm.Single)",
                "searchable": True,
                "retrievable": False,
                "stored": False,
                "dimensions": dimensions,
                "vectorSearchProfile": _PROFILE,
            }
        )
    return fields


def _field(name: str, kind: str = "Edm.String", **flags: bool) -> Mapping[str, object]:
    # What is not said is on by default, and a text that can be filtered by is one term, which may
    # not be longer than 32,766 bytes: everything is off unless it is needed.
    plain = {
        "key": False,
        "retrievable": True,
        "searchable": False,
        "filterable": False,
        "sortable": False,
        "facetable": False,
    }
    return {"name": name, "type": kind, **plain, **flags}
