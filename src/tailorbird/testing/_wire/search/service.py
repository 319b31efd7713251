"""Azure AI Search, data plane of 2026-04-01: indexes, documents and queries, kept in memory.

`/indexes('{name}')/docs/search.index` and the documentation's form `/indexes/{name}/docs/index` are
both served, and so are their siblings. Each application has indexes of its own; the fake has no
part in them, except that it embeds the text of a query where the index names a deployment for that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from starlette.responses import Response

from tailorbird.testing._wire.auth import bearer, is_among
from tailorbird.testing._wire.azure import invalid, read_json, refuse, require_version
from tailorbird.testing._wire.errors import WireError, json_response
from tailorbird.testing._wire.routing import Surface, route
from tailorbird.testing._wire.search.documents import apply, read_actions
from tailorbird.testing._wire.search.index import Index, check_change, read_definition
from tailorbird.testing._wire.search.query import (
    MOST_AT_ONCE,
    PAGE,
    Leg,
    TextQuery,
    find,
    listed,
    read_request,
    vector_fields,
)
from tailorbird.testing._wire.search.semantics import Ranked, answers, ranked, semantic_fields
from tailorbird.types.ids import ModelId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from starlette.requests import Request
    from starlette.routing import Route

    from tailorbird.testing._wire.search.index import FieldSpec, IndexSpec
    from tailorbird.testing._wire.search.query import SearchRequest, VectorQuery
    from tailorbird.testing._wire.world import World

VERSIONS = frozenset({"2026-04-01"})
"""Values of `api-version` that are served."""

MOST_BYTES = 16 << 20
"""Largest body (Microsoft Learn, Service limits in Azure AI Search, 2025-11-20)."""

_IN_THREAD = 200  # documents from which ordering would hold up the event loop for milliseconds


def routes(world: World) -> list[Route]:
    """Give the routes; they stand at the root of the server."""
    search = _Search(world)
    surface = Surface(check=_check, refuse=refuse)
    found: list[Route] = []

    def add(
        method: str,
        paths: Sequence[str],
        operation: str,
        handler: Callable[[Request], Awaitable[Response]],
    ) -> None:
        found.extend(
            route(world, method, path, operation, handler, surface=surface) for path in paths
        )

    indexes = ("/indexes('{index}')", "/indexes/{index}")
    add("GET", ("/indexes",), "search.indexes.list", search.list_all)
    add("POST", ("/indexes",), "search.indexes.create", search.create)
    add("PUT", indexes, "search.indexes.put", search.put)
    add("GET", indexes, "search.indexes.get", search.get)
    add("DELETE", indexes, "search.indexes.delete", search.delete)
    for base, key, statistics, upload, query in (
        (indexes[0], "('{key}')", "search.stats", "search.index", "search.post.search"),
        (indexes[1], "/{key}", "stats", "index", "search"),
    ):
        add("GET", (f"{base}/{statistics}",), "search.indexes.statistics", search.statistics)
        add("POST", (f"{base}/docs/{upload}",), "search.documents.index", search.upload)
        add("POST", (f"{base}/docs/{query}",), "search.documents.search", search.search)
        add("GET", (f"{base}/docs/$count",), "search.documents.count", search.count)
        add("GET", (f"{base}/docs{key}",), "search.documents.get", search.document)
    return found


def _check(world: World, request: Request) -> None:
    """Do nothing when the request carries a key or token for search, and names the version.

    Raises:
        WireError: It does not.
    """
    settings = world.settings
    key, token = request.headers.get("api-key"), bearer(request)
    if key is not None:
        if not is_among(key, settings.search_keys):
            raise WireError("The api-key is invalid.", status=403, code="Forbidden")
    elif token is None:
        message = "Send an 'api-key', or a token for https://search.azure.com."
        raise WireError(message, status=401, code="Unauthorized")
    elif not is_among(token, settings.search_tokens):
        message = "The token is invalid, or its audience is not https://search.azure.com."
        raise WireError(message, status=401, code="Unauthorized")
    require_version(request, VERSIONS)


class _Search:
    def __init__(self, world: World) -> None:
        self._world = world
        self._indexes: dict[str, Index] = {}

    async def list_all(self, request: Request) -> Response:
        names = listed(request.query_params.get("$select", "*"))
        value = [_picked(index.definition, names) for _, index in sorted(self._indexes.items())]
        return json_response({"@odata.context": _context(request, "$metadata#indexes"),
                              "value": value})  # fmt: skip

    async def create(self, request: Request) -> Response:
        spec = read_definition(await self._body(request))
        if spec.name in self._indexes:
            message = f"Cannot create index {spec.name!r} because it already exists."
            raise WireError(message, code="ResourceNameAlreadyInUse")
        return json_response(self._kept(spec), status=201)

    async def put(self, request: Request) -> Response:
        name = request.path_params["index"]
        spec = read_definition(await self._body(request))
        if spec.name != name:
            message = f"definition : the name {spec.name!r} is not that of the address, {name!r}."
            raise invalid(message)
        before = self._indexes.get(name)
        self._require_unchanged(request, before)
        if before is None:
            return json_response(self._kept(spec), status=201)
        check_change(before.spec, spec)
        definition = self._kept(spec)
        if request.headers.get("prefer") == "return=representation":
            return json_response(definition)
        return Response(status_code=204)

    async def get(self, request: Request) -> Response:
        return json_response(self._index(request).definition)

    async def delete(self, request: Request) -> Response:
        index = self._index(request)
        self._require_unchanged(request, index)
        del self._indexes[index.spec.name]
        return Response(status_code=204)

    async def statistics(self, request: Request) -> Response:
        index = self._index(request)
        widths = [one.dimensions or 0 for one in index.spec.fields if one.is_vector]
        return json_response(
            {
                "@odata.context": _context(request, "$metadata#statistics"),
                "documentCount": len(index.documents),
                "storageSize": sum(len(str(one)) for one in index.documents.values()),
                "vectorIndexSize": 4 * sum(widths) * len(index.documents),
            }
        )

    async def upload(self, request: Request) -> Response:
        index = self._index(request)
        actions = read_actions(index.spec, await self._body(request))
        # Another request may have replaced the index while the body was on its way.
        results = apply(self._index(request), actions)
        is_fine = all(one["status"] for one in results)
        return json_response({"value": results}, status=200 if is_fine else 207)

    async def count(self, request: Request) -> Response:
        return Response(str(len(self._index(request).documents)), media_type="text/plain")

    async def document(self, request: Request) -> Response:
        index, key = self._index(request), request.path_params["key"]
        found = index.documents.get(key)
        if found is None:
            raise WireError(f"There is no document {key!r}.", status=404, code="ResourceNotFound")
        fields = _shown(index.spec, request.query_params.get("$select"))
        return json_response({one.name: _value(one, found) for one in fields})

    async def search(self, request: Request) -> Response:
        index = self._index(request)
        wanted = read_request(await self._body(request))
        index = replace(self._index(request))  # documents may come while the order is made
        fields = _shown(index.spec, wanted.select)
        legs = [leg for one in wanted.vector_queries for leg in await self._legs(index.spec, one)]

        def order() -> list[Ranked]:
            if wanted.query_type != "semantic":
                return [Ranked(found=one) for one in find(index, wanted, legs)]
            semantic = semantic_fields(index.spec, wanted)
            return ranked(index, find(index, wanted, legs), wanted, semantic)

        is_large = len(index.documents) > _IN_THREAD
        found = await self._world.in_thread(order) if is_large else order()
        return json_response(_answer(request, wanted, found, index=index, fields=fields))

    async def _legs(self, spec: IndexSpec, query: VectorQuery | TextQuery) -> list[Leg]:
        legs: list[Leg] = []
        for field in vector_fields(spec, query.fields):
            vector = await self._vector(spec, field, query)
            if len(vector) != field.dimensions:
                message = (
                    f"The 'vector' of {len(vector)} numbers does not match the dimensions of the"
                    f" field {field.name!r}: {field.dimensions}."
                )
                raise invalid(message, code="InvalidVectorQuery")
            weight = query.weight or 1.0
            legs.append(Leg(field=field, vector=vector, k=query.k or PAGE, weight=weight))
        return legs

    async def _vector(
        self, spec: IndexSpec, field: FieldSpec, query: VectorQuery | TextQuery
    ) -> NDArray[np.float64]:
        if not isinstance(query, TextQuery):
            return np.array(query.vector, dtype=np.float64)
        vectorizer = spec.vectorizer(field)
        if vectorizer is None:
            message = f"The field {field.name!r} has no vectorizer: send a vector."
            raise invalid(message, code="InvalidVectorQuery")
        embedded = await self._world.provider.embeddings.embed(
            [query.text],
            model=ModelId(vectorizer.azure_open_ai_parameters.deployment_id),
            dimensions=field.dimensions,
        )
        vector: NDArray[np.float64] = embedded.vectors[0].astype(np.float64)
        return vector

    async def _body(self, request: Request) -> object:
        return await read_json(request, self._world, most_bytes=MOST_BYTES)

    def _index(self, request: Request) -> Index:
        name = request.path_params["index"]
        found = self._indexes.get(name)
        if found is None:
            message = f"No index with the name {name!r} was found in this service."
            raise WireError(message, status=404, code="ResourceNotFound")
        return found

    def _kept(self, spec: IndexSpec) -> Mapping[str, object]:
        """Keep a definition, and give it as it is shown."""
        definition = spec.shown(etag=f'"{self._world.new_id("0x", digits=16)}"')
        index = Index(spec=spec, definition=definition)
        before = self._indexes.get(spec.name)
        if before is not None:
            index.documents = before.documents
        self._indexes[spec.name] = index
        return definition

    def _require_unchanged(self, request: Request, index: Index | None) -> None:
        """Do nothing when the conditions of the headers hold.

        Raises:
            WireError: They do not (412).
        """
        etag = None if index is None else index.definition["@odata.etag"]
        match, none_match = request.headers.get("if-match"), request.headers.get("if-none-match")
        fits = match is None or (etag is not None and match in {"*", etag})
        if not fits or (none_match == "*" and etag is not None):
            message = "The condition of If-Match or If-None-Match does not hold."
            raise WireError(message, status=412, code="PreconditionFailed")


def _answer(
    request: Request,
    wanted: SearchRequest,
    found: Sequence[Ranked],
    *,
    index: Index,
    fields: Sequence[FieldSpec],
) -> Mapping[str, object]:
    end = wanted.skip + min(PAGE if wanted.top is None else wanted.top, MOST_AT_ONCE)
    left = None if wanted.top is None else wanted.top - MOST_AT_ONCE
    goes_on = end < len(found) and (left is None or left > 0)
    body: dict[str, object] = {"@odata.context": _context(request, "$metadata#docs(*)")}
    if wanted.count:
        body["@odata.count"] = len(found)
    best = answers(found, wanted)
    if best is not None:
        body["@search.answers"] = best
    if goes_on:
        rest = {**wanted.model_dump(by_alias=True, exclude_unset=True), "skip": end}
        body["@search.nextPageParameters"] = rest | ({} if left is None else {"top": left})
    body["value"] = [_hit(one, index, fields, wanted) for one in found[wanted.skip : end]]
    if goes_on:
        body["@odata.nextLink"] = str(request.url)
    return body


def _hit(
    one: Ranked, index: Index, fields: Sequence[FieldSpec], wanted: SearchRequest
) -> Mapping[str, object]:
    body: dict[str, object] = {"@search.score": one.found.score}
    if wanted.query_type == "semantic":
        body["@search.rerankerScore"] = one.score
    if wanted.captions is not None:
        caption = one.caption
        shown = [{"text": caption.text, "highlights": caption.highlights}] if caption else []
        body["@search.captions"] = shown
    document = index.documents[one.found.key]
    return body | {field.name: _value(field, document) for field in fields}


def _shown(spec: IndexSpec, select: str | None) -> list[FieldSpec]:
    """Give the fields that an answer shows.

    Raises:
        WireError: One that is asked for does not exist, or may not be shown.
    """
    known = {one.name: one for one in spec.fields if one.is_shown}
    names = listed(select or "*")
    wrong = next((name for name in names if name not in {"*", *known}), None)
    if wrong is not None:
        message = f"$select : Could not find a retrievable property named {wrong!r}."
        raise invalid(message)
    return [one for name, one in known.items() if "*" in names or name in names]


def _value(field: FieldSpec, document: Mapping[str, object]) -> object:
    value = document.get(field.name)
    is_empty = value is None and field.type.startswith("Collection(") and not field.is_vector
    return [] if is_empty else value


def _picked(definition: Mapping[str, object], names: Sequence[str]) -> Mapping[str, object]:
    if "*" in names:
        return definition
    return {name: value for name, value in definition.items() if name in names}


def _context(request: Request, what: str) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/{what}"
