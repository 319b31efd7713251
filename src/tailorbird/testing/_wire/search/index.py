"""Indexes of Azure AI Search: which definitions are taken, and which documents fit them.

Fields are texts, numbers, truth values, moments, collections of these, and vectors. Complex fields,
places, scoring profiles and analyzers of one's own are refused, not ignored. Sources: the data
plane of 2026-04-01 (azure-search-documents 12.0.0); Microsoft Learn, Naming rules, Supported data
types, Create Index, Service limits in Azure AI Search; for the words of errors, reports of users;
read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, field_serializer

from tailorbird.testing._wire.azure import AzureModel, checked, invalid
from tailorbird.testing._wire.errors import WireError

VECTOR = "Collection(Edm.Single)"
"""Type of a vector field."""

_SIMPLE = frozenset(
    {
        "Edm.String",
        "Edm.Int32",
        "Edm.Int64",
        "Edm.Double",
        "Edm.Boolean",
        "Edm.DateTimeOffset",
    }
)
_KINDS = _SIMPLE | {f"Collection({kind})" for kind in _SIMPLE} | {VECTOR}
_INDEX_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,126}[a-z0-9])?")
_FIELD_NAME = re.compile(r"(?!azureSearch)[A-Za-z][A-Za-z0-9_]{0,127}")


class FieldSpec(AzureModel):
    """A field of an index."""

    name: str
    type: str
    key: bool = False
    retrievable: bool | None = None
    stored: bool | None = None
    searchable: bool | None = None
    filterable: bool | None = None
    sortable: bool | None = None
    facetable: bool | None = None
    analyzer: str | None = None
    search_analyzer: str | None = None
    index_analyzer: str | None = None
    normalizer: str | None = None
    dimensions: int | None = Field(default=None, ge=2, le=4096)
    vector_search_profile: str | None = None
    vector_encoding: None = None
    synonym_maps: list[str] = Field(default=[], max_length=0)
    fields: list[object] | None = Field(default=None, max_length=0)

    @property
    def is_vector(self) -> bool:
        """Whether it holds a vector."""
        return self.type == VECTOR

    @property
    def is_searched(self) -> bool:
        """Whether words are looked for in it: texts are, unless the definition says otherwise."""
        return self.type.endswith(("Edm.String", "Edm.String)")) and self.searchable is not False

    @property
    def is_filtered(self) -> bool:
        """Whether it can be filtered by: the default for all but vectors."""
        return not self.is_vector and self.filterable is not False

    @property
    def is_sorted(self) -> bool:
        """Whether it can be ordered by: the default for single values."""
        return self.type in _SIMPLE and self.sortable is not False

    @property
    def is_shown(self) -> bool:
        """Whether answers may carry it."""
        return self.retrievable is not False and self.stored is not False

    @property
    def is_one_term(self) -> bool:
        """Whether the whole text is kept as one term."""
        flags = (self.filterable, self.sortable, self.facetable)
        return self.type.endswith(("Edm.String", "Edm.String)")) and flags != (False,) * 3


class HnswParameters(AzureModel):
    """How the graph of an approximate search is built; only the metric matters here."""

    m: int | None = Field(default=None, ge=4, le=10)
    ef_construction: int | None = Field(default=None, ge=100, le=1000)
    ef_search: int | None = Field(default=None, ge=100, le=1000)
    metric: Literal["cosine", "euclidean"] | None = None


class ExhaustiveParameters(AzureModel):
    """How an exact search measures."""

    metric: Literal["cosine", "euclidean"] | None = None


class Hnsw(AzureModel):
    """An approximate search; here it is exact."""

    name: str
    kind: Literal["hnsw"]
    hnsw_parameters: HnswParameters | None = None

    @property
    def metric(self) -> str:
        """What it measures by."""
        return (self.hnsw_parameters and self.hnsw_parameters.metric) or "cosine"


class Exhaustive(AzureModel):
    """An exact search."""

    name: str
    kind: Literal["exhaustiveKnn"]
    exhaustive_knn_parameters: ExhaustiveParameters | None = None

    @property
    def metric(self) -> str:
        """What it measures by."""
        return (
            self.exhaustive_knn_parameters and self.exhaustive_knn_parameters.metric
        ) or "cosine"


Algorithm = Annotated[Hnsw | Exhaustive, Field(discriminator="kind")]
"""How vectors are searched."""


class VectorProfile(AzureModel):
    """What vector fields name."""

    name: str
    algorithm: str
    vectorizer: str | None = None
    compression: None = None


class VectorizerParameters(AzureModel):
    """Which deployment of an Azure OpenAI resource embeds queries."""

    resource_uri: str | None = None
    deployment_id: str
    api_key: str | None = Field(default=None, repr=False)
    model_name: str | None = None
    auth_identity: object = None

    @field_serializer("api_key")
    def _hide(self, value: str | None) -> str | None:
        return None if value is None else "<redacted>"


class Vectorizer(AzureModel):
    """What embeds the text of a query."""

    name: str
    kind: Literal["azureOpenAI"]
    azure_open_ai_parameters: VectorizerParameters = Field(alias="azureOpenAIParameters")


class VectorSearch(AzureModel):
    """All about vectors."""

    algorithms: list[Algorithm] = Field(default=[])
    profiles: list[VectorProfile] = Field(default=[])
    vectorizers: list[Vectorizer] | None = None
    compressions: list[object] | None = Field(default=None, max_length=0)


class SemanticField(AzureModel):
    """A field that the semantic ranker reads."""

    field_name: str


class PrioritizedFields(AzureModel):
    """What the semantic ranker reads, in order."""

    title_field: SemanticField | None = None
    prioritized_content_fields: list[SemanticField] = Field(default=[])
    prioritized_keywords_fields: list[SemanticField] = Field(default=[])


class SemanticConfiguration(AzureModel):
    """A named way of semantic ranking."""

    name: str
    prioritized_fields: PrioritizedFields
    ranking_order: Literal["BoostedRerankerScore", "RerankerScore"] | None = None


class SemanticSearch(AzureModel):
    """All about semantic ranking."""

    default_configuration: str | None = None
    configurations: list[SemanticConfiguration] = Field(default=[])


class IndexSpec(AzureModel):
    """The definition of an index."""

    name: str
    description: str | None = None
    fields: list[FieldSpec] = Field(min_length=1, max_length=1000)
    vector_search: VectorSearch | None = None
    semantic: SemanticSearch | None = None
    similarity: Mapping[str, object] | None = None
    etag: str | None = Field(default=None, alias="@odata.etag")
    context: str | None = Field(default=None, alias="@odata.context")
    cors_options: object = None
    default_scoring_profile: None = None
    encryption_key: None = None
    scoring_profiles: list[object] | None = Field(default=None, max_length=0)
    suggesters: list[object] | None = Field(default=None, max_length=0)
    analyzers: list[object] | None = Field(default=None, max_length=0)
    tokenizers: list[object] | None = Field(default=None, max_length=0)
    token_filters: list[object] | None = Field(default=None, max_length=0)
    char_filters: list[object] | None = Field(default=None, max_length=0)
    normalizers: list[object] | None = Field(default=None, max_length=0)

    @property
    def vectors(self) -> VectorSearch:
        """All about vectors; empty where the definition says nothing."""
        return self.vector_search or VectorSearch()

    @property
    def key(self) -> str:
        """Name of the key field."""
        return next(one.name for one in self.fields if one.key)

    def field(self, name: str) -> FieldSpec | None:
        """Give the field of that name; None when there is none."""
        return next((one for one in self.fields if one.name == name), None)

    def profile(self, of: FieldSpec) -> VectorProfile:
        """Give the vector profile of a checked field."""
        return next(one for one in self.vectors.profiles if one.name == of.vector_search_profile)

    def vectorizer(self, of: FieldSpec) -> Vectorizer | None:
        """Give what embeds texts for a checked vector field; None when nothing does."""
        wanted = self.profile(of).vectorizer
        return next((one for one in self.vectors.vectorizers or [] if one.name == wanted), None)

    def shown(self, *, etag: str) -> Mapping[str, object]:
        """Give the definition as the service gives it back, without keys."""
        shown = self.model_dump(mode="json", by_alias=True, exclude={"context"})
        return shown | {"@odata.etag": etag}

    def metric(self, of: FieldSpec) -> str:
        """Give what the vectors of a checked field are measured by."""
        wanted = self.profile(of).algorithm
        return next(one.metric for one in self.vectors.algorithms if one.name == wanted)


@dataclass(slots=True, eq=False)
class Index:
    """An index with its documents."""

    spec: IndexSpec
    """What it was defined as."""
    definition: Mapping[str, object]
    """The definition as it is given back."""
    documents: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict[str, Mapping[str, object]]
    )
    """Documents by key; replaced as a whole, never changed."""


def read_definition(raw: object) -> IndexSpec:
    """Check a definition.

    Raises:
        WireError: It is wrong, or asks for what this server does not offer.
    """
    spec = checked(IndexSpec, raw, place="definition")
    if not _INDEX_NAME.fullmatch(spec.name):
        message = (
            f"definition : Invalid index name: {spec.name!r}. Index name must only contain"
            " lowercase letters, digits or dashes, cannot start or end with dashes and is limited"
            " to 128 characters."
        )
        raise invalid(message, code="InvalidName")
    names = [one.name for one in spec.fields]
    if len({name.casefold() for name in names}) < len(names):
        message = "definition : field names must be unique; case does not tell them apart."
        raise invalid(message)
    for one in spec.fields:
        _check_field(spec, one)
    if sum(one.key for one in spec.fields) != 1:
        message = "definition : an index must have exactly one key field."
        raise invalid(message)
    _check_references(spec)
    return spec


def check_change(before: IndexSpec, after: IndexSpec) -> None:
    """Do nothing when an index may be changed so: fields may be added, and nothing else of them.

    Raises:
        WireError: A field, or a way of searching vectors, would be another one, or gone.
    """
    for one in before.fields:
        if after.field(one.name) != one:
            message = (
                f"Existing field(s) {one.name!r} cannot be changed or deleted. Create a new index"
                " and load it again."
            )
            raise WireError(message, status=400, code="CannotChangeExistingField")
    kept = {one.name: one for one in after.vectors.algorithms}
    for algorithm in before.vectors.algorithms:
        if kept.get(algorithm.name) != algorithm:
            message = f"Algorithm {algorithm.name!r} cannot be changed or deleted."
            raise WireError(message, status=400, code="OperationNotAllowed")


def _check_field(spec: IndexSpec, one: FieldSpec) -> None:
    what = f"definition : field {one.name!r}"
    if not _FIELD_NAME.fullmatch(one.name):
        message = (
            f"definition : Invalid field name: {one.name!r}. Field names must begin with a letter,"
            " must not begin with 'azureSearch', and contain letters, digits and underscores."
        )
        raise invalid(message, code="InvalidName")
    if one.type not in _KINDS:
        message = f"{what}: the type {one.type!r} is not offered; {', '.join(sorted(_KINDS))} are."
        raise invalid(message)
    if one.key and (one.type != "Edm.String" or one.retrievable is False):
        raise invalid(f"{what}: a key must be a retrievable 'Edm.String'.")
    if one.is_vector:
        _check_vector_field(spec, one, what)
    elif one.dimensions is not None or one.vector_search_profile is not None:
        message = f"{what}: only vector fields have 'dimensions' and 'vectorSearchProfile'."
        raise invalid(message)
    elif one.stored is False:
        raise invalid(f"{what}: only vector fields can have 'stored' set to false.")
    elif one.searchable and not one.is_searched:
        raise invalid(f"{what}: fields of type {one.type!r} cannot be searchable.")


def _check_vector_field(spec: IndexSpec, one: FieldSpec, what: str) -> None:
    if one.dimensions is None or one.vector_search_profile is None:
        message = f"{what}: a vector field must have 'dimensions' and 'vectorSearchProfile' set."
        raise invalid(message)
    if not one.searchable or one.filterable or one.sortable or one.facetable:
        message = f"{what}: a vector field must be searchable, and nothing but retrievable besides."
        raise invalid(message)
    if one.vector_search_profile not in {profile.name for profile in spec.vectors.profiles}:
        message = f"{what}: there is no vector profile {one.vector_search_profile!r}."
        raise invalid(message)


def _check_references(spec: IndexSpec) -> None:
    """Do nothing when profiles and semantic configurations name what there is."""
    algorithms = {one.name for one in spec.vectors.algorithms}
    vectorizers = {one.name for one in spec.vectors.vectorizers or []}
    for profile in spec.vectors.profiles:
        if profile.algorithm not in algorithms:
            message = f"definition : there is no algorithm {profile.algorithm!r}."
            raise invalid(message)
        if profile.vectorizer not in {None, *vectorizers}:
            message = f"definition : there is no vectorizer {profile.vectorizer!r}."
            raise invalid(message)
    semantic = spec.semantic or SemanticSearch()
    if semantic.default_configuration not in {None, *(one.name for one in semantic.configurations)}:
        message = f"definition : no semantic configuration {semantic.default_configuration!r}."
        raise invalid(message)
    for configuration in semantic.configurations:
        given = configuration.prioritized_fields
        named = [given.title_field] if given.title_field else []
        for one in (*named, *given.prioritized_content_fields, *given.prioritized_keywords_fields):
            found = spec.field(one.field_name)
            if found is None or not found.is_searched:
                message = f"definition : {one.field_name!r} is not a field that is searched."
                raise invalid(message)
