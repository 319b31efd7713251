"""What differs between the clouds on the wire, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one cloud speaks OpenAI's protocol."""

    base: str
    """Path before every route, e.g. `/v1`."""
    dated: str | None = None
    """Path before the routes that are called with `?api-version=` and a date; None without them."""
    request_id_header: str
    """Header that carries the id of a request."""
    key_header: str | None = None
    """Header that takes a key besides `Authorization`; None when there is none."""
    uploads: bool = True
    """Whether files can be uploaded in parts."""
    conversations: bool = True
    """Whether conversations and chat completions are kept, and tokens counted beforehand."""
    vector_search: bool = True
    """Whether vector stores can be searched without a model."""
    models_delete: bool = True
    """Whether tuned models can be deleted."""
    paged_files: bool = True
    """Whether the list of files comes in pages."""
    encoded_results: bool = True
    """Whether result files come as base64 text of the CSV."""
    annotated: bool = False
    """Whether answers carry the findings of content filters, and unknown errors Azure's codes."""
    tiers: bool = False
    """Whether jobs name their kind of training in `trainingType`."""
    services: bool = False
    """Whether Azure's management of deployments and Azure AI Search stand beside it."""
    durations: bool = True
    """Whether rate headers tell the reset as a duration (`6ms`) and not as plain seconds."""


OPENAI = Dialect(base="/v1", request_id_header="x-request-id")
"""OpenAI's own words.

Source: OpenAPI description of OpenAI, openai/openai-openapi f85dbe2, and developers.openai.com,
read 2026-11-22.
"""

AZURE = Dialect(
    base="/openai/v1",
    dated="/openai",
    request_id_header="apim-request-id",
    key_header="api-key",
    uploads=False,
    conversations=False,
    vector_search=False,
    models_delete=False,
    paged_files=False,
    encoded_results=False,
    annotated=True,
    tiers=True,
    services=True,
    durations=False,
)
"""The words of Azure OpenAI in Foundry Models, route v1.

Source: Azure/azure-rest-api-specs, `azure-v1-v1-generated.yaml`, 31c65e1, and Microsoft Learn, read
2026-11-22.
"""


def dialect_of(flavor: str) -> Dialect:
    """Give how a fake of that flavor speaks; all but `azure` speak as OpenAI does."""
    return {"azure": AZURE}.get(flavor, OPENAI)
