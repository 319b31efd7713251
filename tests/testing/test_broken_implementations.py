"""The suite finds what it is there to find: each provider and engine here breaks one promise."""

from __future__ import annotations

import asyncio
import base64
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from tailorbird.exceptions import (
    ConflictError,
    IndexMismatchError,
    IndexMissingError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
)
from tailorbird.protocols import SystemClock
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.retrieval.local import LocalRetrieval
from tailorbird.testing import conformance as suites
from tailorbird.types import (
    Availability,
    Capabilities,
    Capability,
    EngineTraits,
    EventId,
    JobStatus,
    ModelId,
    Price,
    Reply,
    RoleModel,
    Span,
    StepMetrics,
    Usage,
    holds,
)

Method = Callable[..., object]
Breaker = Callable[[Method], Method]
Items = list[object]

REFUSED = InvalidRequestError("no", provider="fake", operation="any")
NUMBERS = itertools.count()


class Changed:
    """Another object with some attributes replaced."""

    def __init__(self, inner: object, **changes: object) -> None:
        self.inner = inner
        self.changes = changes

    def __getattr__(self, name: str) -> object:
        return self.changes[name] if name in self.changes else getattr(self.inner, name)

    async def __aenter__(self) -> Self:
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> object:
        return await self.inner.__aexit__(*error)


def broken_method(interface: str, name: str, breaker: Breaker) -> Callable[[object], Changed]:
    """Break one method of one interface."""

    def broken(provider: object) -> Changed:
        right = getattr(provider, interface)
        wrong = Changed(right, **{name: breaker(getattr(right, name))})
        return Changed(provider, **{interface: wrong})

    return broken


def after(change: Callable[[object], object]) -> Breaker:
    """Change what a method returns."""

    def breaker(right: Method) -> Method:
        async def call(*args: object, **options: object) -> object:
            return change(await right(*args, **options))

        return call

    return breaker


def listing(change: Callable[[Items], Sequence[object]]) -> Breaker:
    """Change the list of what an iterating method gives."""

    def breaker(right: Method) -> Method:
        async def call(*args: object, **options: object) -> AsyncIterator[object]:
            for item in change([item async for item in right(*args, **options)]):
                yield item

        return call

    return breaker


def streaming(change: Callable[[Items], Sequence[object]]) -> Breaker:
    """Change the pieces of a stream."""

    class Wrong:
        def __init__(self, right: object) -> None:
            self.reply = right.reply
            self.right = right

        async def __aiter__(self) -> AsyncIterator[object]:
            for piece in change([piece async for piece in self.right]):
                yield piece

    def breaker(right: Method) -> Method:
        @asynccontextmanager
        async def call(*args: object, **options: object) -> AsyncIterator[Wrong]:
            async with right(*args, **options) as stream:
                yield Wrong(stream)

        return call

    return breaker


def fields(**changes: object) -> Callable[[object], object]:
    """Change fields of a frozen model."""
    return lambda value: value.model_copy(update=changes)


def each(change: Callable[[object], object]) -> Callable[[Items], Items]:
    """Change every item of a list."""
    return lambda items: [change(item) for item in items]


def instead(caught: type[Exception], error: Exception | None) -> Breaker:
    """Raise another error in place of one, or none at all."""

    def breaker(right: Method) -> Method:
        async def call(*args: object, **options: object) -> object:
            try:
                return await right(*args, **options)
            except caught:
                if error is not None:
                    raise error from None

        return call

    return breaker


def nothing(_right: Method) -> Method:
    """Do nothing."""

    async def call(*_args: object, **_options: object) -> None:
        await asyncio.sleep(0)

    return call


def once(right: Method) -> Method:
    """Give the first call's result to every other."""
    results: list[object] = []

    async def call(*args: object, **options: object) -> object:
        results.append(results[0] if results else await right(*args, **options))
        return results[0]

    return call


def without(name: str) -> Breaker:
    """Leave out an argument."""

    def breaker(right: Method) -> Method:
        def call(*args: object, **options: object) -> object:
            return right(*args, **{key: value for key, value in options.items() if key != name})

        return call

    return breaker


def late(right: Method) -> Method:
    """Read the arguments only after waiting."""

    async def call(*args: object, **options: object) -> object:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await right(*args, **options)

    return call


def reverse(items: Items) -> Items:
    """Give items the other way round."""
    return items[::-1]


def first_page(items: Items) -> Items:
    """Give only what fits on a page."""
    return items[:20]


def vectors(change: Callable[[np.ndarray], np.ndarray]) -> Breaker:
    """Change the vectors."""
    return after(lambda result: replace(result, vectors=change(result.vectors.copy())))


def forgetful(rows: np.ndarray) -> np.ndarray:
    """Give the rows of the first request and repeat one for the others."""
    rows[2048:] = rows[0]
    return rows


def unlike(rows: np.ndarray) -> np.ndarray:
    """Give vectors that have nothing to do with the texts."""
    return np.roll(rows, 1, axis=1) if next(NUMBERS) % 2 else rows


def renamed(event: object) -> object:
    """Give an event an id that it never had."""
    return fields(id=EventId(f"new-{next(NUMBERS)}"))(event)


def guessed(job: object) -> object:
    """Take every status that is not final for a running one."""
    return job if job.status.is_final else fields(status=JobStatus.RUNNING)(job)


def any_pair(right: Method) -> Method:
    """Find jobs that carry any of the pairs."""

    async def call(*, metadata: dict[str, str] | None = None) -> AsyncIterator[object]:
        async for job in right():
            if not metadata or set(metadata.items()) & set(job.metadata.items()):
                yield job

    return call


def replaced(right: Method) -> Method:
    """Deploy another model under a taken name."""

    async def call(spec: object) -> object:
        try:
            return await right(spec)
        except ConflictError:
            await right.__self__.delete(spec.name)
            return await right(spec)

    return call


def halved(pieces: Items) -> Items:
    """Cut a character into its two surrogates."""
    return [*map(fields(text="\ud83e"), pieces[:1]), *pieces[1:]]


def early_reply(right: Method) -> Method:
    """Give the reply of a stream before it has ended."""

    class Wrong:
        def __init__(self, stream: object) -> None:
            self.stream = stream

        def __aiter__(self) -> AsyncIterator[object]:
            return aiter(self.stream)

        def reply(self) -> Reply[None]:
            return Reply(text="", output=None, model="m")

    @asynccontextmanager
    async def call(*args: object, **options: object) -> AsyncIterator[Wrong]:
        async with right(*args, **options) as stream:
            yield Wrong(stream)

    return call


class Foreign(Changed):
    """A provider whose block gives something else."""

    async def __aenter__(self) -> object:
        return Changed(await self.inner.__aenter__())


class Swallowing(Changed):
    """A provider whose block swallows errors."""

    async def __aexit__(self, *error: object) -> bool:
        await self.inner.__aexit__(*error)
        return True


class Reopening(Changed):
    """A provider that can be opened as often as one likes."""

    opened = False

    async def __aenter__(self) -> object:
        if not self.opened:
            self.opened = True
            await self.inner.__aenter__()
        return self


class Stopped(SystemClock):
    """A clock whose time stands still."""

    def monotonic(self) -> float:
        """Say the same at any time."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Do not wait."""


def changing(**changes: object) -> Callable[[object], object]:
    """Change attributes of a provider."""
    return lambda provider: Changed(provider, **changes)


def saying(*entries: Availability) -> Callable[[object], object]:
    """Change what a provider's capabilities say."""
    said = Capabilities(provider="fake", entries=entries)
    return lambda provider: Changed(provider, capabilities=said)


def always_there(provider: object) -> Changed:
    """Answer a call for a file at any time."""
    return Changed(provider, files=Changed(provider.files, get=nothing(print)))


def only_new(right: Method) -> Method:
    """Add documents that are not there and leave the others as they are."""

    async def call(name: str, documents: Sequence[object]) -> None:
        held = {one.id async for one in right.__self__.contents(name)}
        await right(name, [one for one in documents if one.document.id not in held])

    return call


def shifted(hits: Sequence[object]) -> tuple[object, ...]:
    """Give hits with a place that is one character off."""
    return tuple(
        fields(
            chunk=fields(span=Span(start=hit.chunk.span.start + 1, end=hit.chunk.span.end))(
                hit.chunk
            )
        )(hit)
        for hit in hits
    )


def unlabelled(hits: Sequence[object]) -> tuple[object, ...]:
    """Give hits without metadata."""
    return tuple(fields(chunk=fields(metadata={})(hit.chunk))(hit) for hit in hits)


def querying(**changes: object) -> Breaker:
    """Change the query before it is searched."""

    def breaker(right: Method) -> Method:
        async def call(name: str, query: object, **options: object) -> object:
            return await right(name, fields(**changes)(query), **options)

        return call

    return breaker


def filtering_late(right: Method) -> Method:
    """Take the best first and filter them afterwards."""

    async def call(name: str, query: object, **options: object) -> object:
        hits = await right(name, fields(filter=None)(query), **options)
        return tuple(hit for hit in hits if holds(query.filter, hit.chunk.metadata))

    return call


def remembering(right: Method) -> Method:
    """Give the hits of the search before along with the ones of this search."""
    before: list[object] = []

    async def call(*args: object, **options: object) -> object:
        hits = await right(*args, **options)
        both = (*hits, *before)
        before[:] = hits
        return both

    return call


def soon(_right: Method) -> Method:
    """Give something where there is nothing yet."""

    async def call(*_args: object, **_options: object) -> AsyncIterator[object]:
        yield object()

    return call


def keeps_on(right: Method) -> Method:
    """Say that a batch was cancelled, and do nothing."""

    async def call(batch_id: object) -> object:
        return await right.__self__.get(batch_id)

    return call


SECRET = "sk-hidden"
NO_MODES = EngineTraits(
    name="none", modes=(), needs_vectors=False, keeps_spans=False, filters=False
)
WRONG_STEP = each(fields(metrics=StepMetrics(train_mean_token_accuracy=1.5)))
FILES = suites.FilesConformance
JOBS = suites.FineTuningJobsConformance
LIFE = suites.JobLifeConformance
CHAT = suites.ChatConformance
OUTPUT = suites.ChatOutputConformance
EMBEDDINGS = suites.EmbeddingsConformance
BATCHES = suites.BatchesConformance
DEPLOYMENTS = suites.DeploymentsConformance
MODELS = suites.ModelsConformance

# What is broken: the test that must notice, and what breaks one method of one interface.
METHODS: dict[str, tuple[Method, str, str, Breaker]] = {
    "another name": (
        *(FILES.test_create_gives_what_is_held, "files", "create"),
        after(fields(name="other.jsonl")),
    ),
    "guessed file status": (
        *(FILES.test_status_is_not_guessed, "files", "create"),
        after(fields(raw_status="resting")),
    ),
    "changed content": (
        *(FILES.test_bytes_are_sent_unchanged, "files", "content"),
        listing(lambda pieces: [*pieces, b"\n"]),
    ),
    "long pieces": (
        *(FILES.test_content_comes_in_pieces, "files", "content"),
        listing(lambda pieces: [b"".join(pieces)]),
    ),
    "one file for two": (FILES.test_same_content_makes_two_files, "files", "create", once),
    "another file": (
        *(FILES.test_get_gives_the_created_file, "files", "get"),
        after(fields(purpose="batch")),
    ),
    "oldest file first": (FILES.test_list_is_newest_first, "files", "list", listing(reverse)),
    "one page of files": (FILES.test_list_goes_over_pages, "files", "list", listing(first_page)),
    "files of any purpose": (FILES.test_list_by_purpose, "files", "list", without("purpose")),
    "file stays": (FILES.test_delete_takes_the_file_away, "files", "delete", nothing),
    "another error for a file": (
        *(FILES.test_unknown_file_is_not_found, "files", "get"),
        instead(NotFoundError, REFUSED),
    ),
    "sent the id of a file": (
        *(FILES.test_bad_id_is_not_sent, "files", "get"),
        instead(InvalidInputError, REFUSED),
    ),
    "took an empty file": (
        *(FILES.test_bad_source_is_not_sent, "files", "create"),
        instead(InvalidInputError, None),
    ),
    "forgot the expiry": (
        *(FILES.test_file_expires_as_asked, "files", "create"),
        without("expires_after_s"),
    ),
    "any expiry": (FILES.test_expiry_has_limits, "files", "create", without("expires_after_s")),
    "one job for two": (JOBS.test_create_makes_one_job_a_call, "jobs", "create", once),
    "oldest job first": (JOBS.test_list_is_newest_first, "jobs", "list", listing(reverse)),
    "one page of jobs": (JOBS.test_list_goes_over_pages, "jobs", "list", listing(first_page)),
    "any pair": (JOBS.test_metadata_is_kept_and_found, "jobs", "list", any_pair),
    "forgot the validation file": (
        *(JOBS.test_validation_file_is_used, "jobs", "create"),
        after(fields(validation_file=None)),
    ),
    "another error for a job": (
        *(JOBS.test_unknown_job_is_not_found, "jobs", "cancel"),
        instead(NotFoundError, REFUSED),
    ),
    "no failure": (
        *(JOBS.test_too_few_rows_never_give_a_model, "jobs", "get"),
        after(fields(failure=None)),
    ),
    "no end": (LIFE.test_trained_job_succeeds, "jobs", "get", after(fields(finished_at=None))),
    "guessed job status": (
        *(LIFE.test_status_of_trained_job_is_not_guessed, "jobs", "get"),
        after(guessed),
    ),
    "cancelled when final": (
        *(LIFE.test_trained_job_stays_as_it_is, "jobs", "cancel"),
        instead(ConflictError, None),
    ),
    "not cancelled": (LIFE.test_cancelled_job_gives_no_model, "jobs", "cancel", nothing),
    "not held": (LIFE.test_held_job_waits_until_it_is_trained, "jobs", "pause", nothing),
    "resumed when running": (
        *(LIFE.test_only_a_running_job_is_held, "jobs", "resume"),
        instead(ConflictError, None),
    ),
    "oldest event first": (LIFE.test_events_of_trained_job, "jobs", "events", listing(reverse)),
    "new ids of events": (
        *(LIFE.test_events_of_trained_job_stay, "jobs", "events"),
        listing(each(renamed)),
    ),
    "oldest checkpoint first": (
        *(LIFE.test_checkpoints_of_trained_job, "jobs", "checkpoints"),
        listing(reverse),
    ),
    "impossible accuracy": (
        *(LIFE.test_metrics_of_trained_job, "jobs", "checkpoints"),
        listing(WRONG_STEP),
    ),
    "encoded results": (
        *(LIFE.test_results_of_trained_job_are_a_table, "files", "content"),
        listing(lambda pieces: [base64.b64encode(b"".join(pieces))]),
    ),
    "output without a type": (
        *(CHAT.test_complete_gives_text, "chat", "complete"),
        after(fields(output="text")),
    ),
    "too many tokens": (
        *(CHAT.test_usage_is_counted, "chat", "complete"),
        after(fields(usage=Usage(input_tokens=1, output_tokens=1, cached_input_tokens=2))),
    ),
    "any messages": (
        *(CHAT.test_generator_is_no_sequence, "chat", "complete"),
        instead(InvalidInputError, None),
    ),
    "broken text": (
        *(CHAT.test_broken_text_is_not_sent, "chat", "complete"),
        instead(InvalidInputError, REFUSED),
    ),
    "late copy": (CHAT.test_messages_are_copied, "chat", "complete", late),
    "endless": (CHAT.test_answer_has_a_length, "chat", "complete", without("options")),
    "over the stop": (CHAT.test_answer_ends_at_a_stop, "chat", "complete", without("options")),
    "lost piece": (
        *(CHAT.test_stream_gives_the_whole_answer, "chat", "stream"),
        streaming(lambda pieces: [piece for piece in pieces if not piece.text]),
    ),
    "no reason": (
        *(CHAT.test_stream_says_why_it_ended, "chat", "stream"),
        streaming(each(fields(finish_reason=None))),
    ),
    "early reply": (CHAT.test_stream_can_be_left_early, "chat", "stream", early_reply),
    "half a character": (CHAT.test_trained_text_is_whole, "chat", "stream", streaming(halved)),
    "other text than output": (
        *(OUTPUT.test_output_is_a_model, "chat", "complete"),
        after(fields(text="{}")),
    ),
    "cut output": (
        *(OUTPUT.test_cut_output_is_invalid, "chat", "complete"),
        without("options"),
    ),
    "no tool": (OUTPUT.test_tool_is_called, "chat", "complete", without("options")),
    "long vectors": (
        *(EMBEDDINGS.test_vectors_have_unit_length, "embeddings", "embed"),
        vectors(lambda rows: rows * 2),
    ),
    "vectors out of order": (
        *(EMBEDDINGS.test_vectors_keep_the_order, "embeddings", "embed"),
        vectors(lambda rows: rows[np.lexsort(rows.T)]),
    ),
    "random vectors": (
        *(EMBEDDINGS.test_same_text_has_same_vector, "embeddings", "embed"),
        vectors(unlike),
    ),
    "one request": (EMBEDDINGS.test_many_texts, "embeddings", "embed", vectors(forgetful)),
    "blank without a place": (
        *(EMBEDDINGS.test_blank_text_is_refused, "embeddings", "embed"),
        instead(InvalidInputError, InvalidInputError("a text is blank")),
    ),
    "own width": (
        *(EMBEDDINGS.test_width_can_be_chosen, "embeddings", "embed"),
        without("dimensions"),
    ),
    "guessed batch status": (
        *(BATCHES.test_submit_gives_what_is_held, "batches", "submit_chat"),
        after(fields(raw_status="resting")),
    ),
    "another batch": (
        *(BATCHES.test_get_gives_the_batch, "batches", "get"),
        after(fields(id="batch_other")),
    ),
    "lost conversation": (
        *(BATCHES.test_each_conversation_is_answered, "batches", "chat_outcomes"),
        listing(lambda items: items[1:]),
    ),
    "vectors mixed up": (
        *(BATCHES.test_each_text_is_answered_with_its_vector, "batches", "embedding_outcomes"),
        listing(
            lambda items: [
                replace(item, key=other.key) for item, other in zip(items, items[::-1], strict=True)
            ]
        ),
    ),
    "plain forms": (
        *(BATCHES.test_forms_are_answered, "batches", "chat_outcomes"),
        without("output"),
    ),
    "oldest batch first": (BATCHES.test_list_is_newest_first, "batches", "list", listing(reverse)),
    "everybody's batches": (
        *(BATCHES.test_list_by_metadata, "batches", "list"),
        without("metadata"),
    ),
    "unknown batch": (
        *(BATCHES.test_unknown_batch_is_not_found, "batches", "cancel"),
        instead(NotFoundError, None),
    ),
    "bad batch id": (
        *(BATCHES.test_bad_id_is_not_sent, "batches", "get"),
        instead(InvalidInputError, None),
    ),
    "wrong requests": (
        *(BATCHES.test_wrong_requests_are_not_sent, "batches", "cut_chat"),
        instead(InvalidInputError, None),
    ),
    "not cut": (
        *(BATCHES.test_too_many_are_cut, "batches", "cut_embeddings"),
        after(lambda parts: (sum(parts),)),
    ),
    "outcomes too soon": (
        *(BATCHES.test_outcomes_come_at_the_end, "batches", "chat_outcomes"),
        soon,
    ),
    "vectors of a chat": (
        *(BATCHES.test_other_outcomes_of_an_answered_batch, "batches", "embedding_outcomes"),
        soon,
    ),
    "goes on": (BATCHES.test_cancelled_is_answered_in_part, "batches", "cancel", keeps_on),
    "unsorted models": (MODELS.test_list_is_sorted, "models", "list", listing(reverse)),
    "model stays": (MODELS.test_trained_model_is_deleted, "models", "delete", nothing),
    "base deleted": (MODELS.test_base_model_is_not_deleted, "models", "delete", nothing),
}

# The same on a fake that needs deployments.
DEPLOYED: dict[str, tuple[Method, str, str, Breaker]] = {
    "replaced deployment": (
        *(DEPLOYMENTS.test_trained_model_is_deployed_once, "deployments", "create"),
        replaced,
    ),
    "unsorted deployments": (
        *(DEPLOYMENTS.test_trained_models_are_listed, "deployments", "list"),
        listing(reverse),
    ),
    "deployment stays": (
        *(DEPLOYMENTS.test_trained_model_stays_when_taken_away, "deployments", "delete"),
        nothing,
    ),
    "not ready": (
        *(DEPLOYMENTS.test_trained_model_is_deployed, "deployments", "wait_ready"),
        lambda right: right.__self__.get,
    ),
    "quote that creates": (
        *(DEPLOYMENTS.test_quote_creates_nothing, "deployments", "quote"),
        lambda right: right.__self__.create,
    ),
}

PROVIDER = suites.ProviderConformance
# The same for providers as a whole.
PROVIDERS: dict[str, tuple[Method, Callable[[object], object]]] = {
    "answers before it is opened": (PROVIDER.test_calls_before_opening, always_there),
    "answers after it was closed": (PROVIDER.test_calls_after_closing, always_there),
    "gives another provider": (PROVIDER.test_opening_gives_the_provider, Foreign),
    "is opened twice": (PROVIDER.test_open_provider_is_not_opened_again, Reopening),
    "swallows errors": (PROVIDER.test_errors_pass_through, Swallowing),
    "has no identity": (PROVIDER.test_names_are_plain, changing(identity="")),
    "tells the secret": (PROVIDER.test_secrets_stay_secret, changing(identity=f"fake {SECRET}")),
    "does not say why": (
        PROVIDER.test_capabilities_say_why,
        saying(Availability(capability=Capability.FILES, until=date(2100, 1, 1))),
    ),
    "says two things": (
        PROVIDER.test_capabilities_say_why,
        saying(*[Availability(capability=Capability.FILES)] * 2),
    ),
    "streams without chat": (
        PROVIDER.test_capabilities_agree,
        saying(Availability(capability=Capability.CHAT_STREAM)),
    ),
    "fills an unknown role": (
        PROVIDER.test_roles_can_be_played,
        changing(roles={"critic": RoleModel(model=ModelId("fake-chat"))}),
    ),
    "fills a role with a model that is not there": (
        PROVIDER.test_roles_can_be_played,
        changing(roles={"embedding": RoleModel(model=ModelId("gone"))}),
    ),
    "knows tomorrow's price": (
        PROVIDER.test_prices_are_dated,
        changing(prices=[Price(model="m", source="page", read_on=date(2100, 1, 1))]),
    ),
    "has a clock that stands still": (PROVIDER.test_clock_goes_on, changing(clock=Stopped())),
    "has no retrieval": (
        PROVIDER.test_retrieval_has_traits,
        changing(retrieval=Changed(None, traits=NO_MODES)),
    ),
}


KEEPING = suites.RetrievalConformance
SEARCHING = suites.SearchConformance
# The same for methods of a retrieval engine.
ENGINES: dict[str, tuple[Method, str, Breaker]] = {
    "index that is full": (
        *(KEEPING.test_create_gives_an_empty_index, "create"),
        after(fields(documents=1)),
    ),
    "emptied when created again": (
        *(KEEPING.test_create_again_keeps_the_content, "create"),
        after(fields(documents=0)),
    ),
    "bound to nothing": (
        *(KEEPING.test_create_with_another_specification, "create"),
        instead(IndexMismatchError, IndexMismatchError("it exists already")),
    ),
    "silent about a missing index": (
        *(KEEPING.test_missing_index, "remove"),
        instead(IndexMissingError, None),
    ),
    "index that stays": (KEEPING.test_delete_takes_the_index_away, "delete", nothing),
    "unsorted indexes": (KEEPING.test_list_is_sorted, "list", listing(reverse)),
    "nothing added": (KEEPING.test_upsert_adds, "upsert", nothing),
    "kept the earlier text": (KEEPING.test_upsert_replaces_whole, "upsert", only_new),
    "changed by nothing": (KEEPING.test_upsert_of_nothing, "remove", after(lambda _: 1)),
    "wrong count": (
        *(KEEPING.test_remove_counts, "remove"),
        after(lambda _: 3),
    ),
    "unsorted contents": (KEEPING.test_contents_are_sorted, "contents", listing(reverse)),
    "one page of contents": (
        *(KEEPING.test_contents_go_over_pages, "contents"),
        listing(first_page),
    ),
    "empty but there": (
        *(KEEPING.test_empty_index_is_missing, "search"),
        instead(IndexMissingError, None),
    ),
    "other hits each time": (
        *(KEEPING.test_search_changes_nothing, "search"),
        after(lambda hits: hits[next(NUMBERS) % 2 :]),
    ),
    "any width": (
        *(KEEPING.test_vectors_of_another_width, "upsert"),
        instead(IndexMismatchError, None),
    ),
    "any number": (
        *(KEEPING.test_vectors_that_are_not_finite, "upsert"),
        instead(InvalidInputError, None),
    ),
    "any count": (
        *(KEEPING.test_vectors_for_each_chunk, "upsert"),
        instead(InvalidInputError, None),
    ),
    "no vectors": (
        *(KEEPING.test_vectors_that_are_missing, "upsert"),
        instead(InvalidInputError, None),
    ),
    "query of any width": (
        *(KEEPING.test_query_vector_of_another_width, "search"),
        instead(IndexMismatchError, None),
    ),
    "query of any number": (
        *(KEEPING.test_query_vector_that_is_not_finite, "search"),
        instead(InvalidInputError, None),
    ),
    "query without vector": (
        *(KEEPING.test_query_vector_that_is_missing, "search"),
        instead(InvalidInputError, None),
    ),
    "worst first": (
        *(SEARCHING.test_right_document_comes_first, "search"),
        after(lambda hits: hits[::-1]),
    ),
    "best last": (SEARCHING.test_hits_are_in_order, "search", after(lambda hits: hits[::-1])),
    "hit twice": (
        *(SEARCHING.test_hits_are_in_order, "search"),
        after(lambda hits: (hits[0], *hits)),
    ),
    "shifted span": (SEARCHING.test_hits_have_their_place, "search", after(shifted)),
    "lost metadata": (SEARCHING.test_hits_are_whole_chunks, "search", after(unlabelled)),
    "too many hits": (
        *(SEARCHING.test_number_of_hits, "search"),
        after(lambda hits: (*hits, *hits)),
    ),
    "any score": (SEARCHING.test_low_scores_are_left_out, "search", querying(min_score=None)),
    "no filter": (SEARCHING.test_filter, "search", querying(filter=None)),
    "filter after the best": (
        *(SEARCHING.test_filter_comes_before_the_number, "search"),
        filtering_late,
    ),
    "truth as a number": (SEARCHING.test_truth_is_no_number, "search", querying(filter=None)),
    "any order": (
        *(SEARCHING.test_order_needs_numbers, "search"),
        instead(InvalidInputError, None),
    ),
    "old and new": (SEARCHING.test_document_is_replaced_at_once, "search", remembering),
}


@pytest.mark.parametrize("name", METHODS)
async def test_broken_method_is_found(name: str, tmp_path: Path) -> None:
    """A broken method fails the test of the clause that it breaks."""
    test, interface, method, breaker = METHODS[name]
    await assert_found(test, FakeSettings(), broken_method(interface, method, breaker), tmp_path)


@pytest.mark.parametrize("name", DEPLOYED)
async def test_broken_deployment_is_found(name: str, tmp_path: Path) -> None:
    """The same for deployments, on a fake that needs them."""
    test, interface, method, breaker = DEPLOYED[name]
    settings = FakeSettings(flavor="azure")
    await assert_found(test, settings, broken_method(interface, method, breaker), tmp_path)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_broken_provider_is_found(name: str) -> None:
    """The same for what a provider says of itself and how it opens and closes."""
    test, breaker = PROVIDERS[name]
    suite = suite_of(test)
    suite.options = suites.SuiteOptions(secrets=(SECRET,))
    arguments = first_arguments(test)
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - which error differs by clause
        await test(suite, lambda: breaker(fake(FakeSettings())), **arguments)
    assert_named(caught.value, test)


async def assert_found(
    test: Method, settings: FakeSettings, breaker: Callable[[object], object], tmp_path: Path
) -> None:
    """Expect that a test passes on the fake and fails on the broken one, by its clause's name."""
    arguments = first_arguments(test)
    if "tmp_path" in inspect.signature(test).parameters:
        arguments["tmp_path"] = tmp_path
    async with fake(settings) as provider:
        await test(suite_of(test), provider, **arguments)
    async with fake(settings) as provider:
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - which error differs by clause
            await test(suite_of(test), breaker(provider), **arguments)
    assert_named(caught.value, test)


def assert_named(error: BaseException, test: Method) -> None:
    """Expect that an error carries the number of a test's clause."""
    number = vars(test)["clause"].number
    assert not isinstance(error, pytest.skip.Exception)
    assert any(note.startswith(f"clause {number}: ") for note in error.__notes__)


def fake(settings: FakeSettings) -> FakeProvider:
    """Make a fake with a clock of its own."""
    return FakeProvider(settings, clock=VirtualClock())


def suite_of(test: Method) -> object:
    """Make an instance of the suite that a test belongs to."""
    return getattr(suites, test.__qualname__.split(".")[0])()


def first_arguments(test: Method) -> dict[str, object]:
    """Give the first value of each parameter of a test."""
    marks = getattr(test, "pytestmark", [])
    return {mark.args[0]: next(iter(mark.args[1])) for mark in marks}


@pytest.mark.parametrize("name", ENGINES)
async def test_broken_engine_is_found(name: str) -> None:
    """The same for a retrieval engine."""
    test, method, breaker = ENGINES[name]
    arguments = first_arguments(test)
    async with fake(FakeSettings()) as provider:
        model = provider.roles["embedding"].callable_id
        embed = suites.Embedder(embeddings=provider.embeddings, model=model, clock=provider.clock)
        await test(suite_of(test), LocalRetrieval(None), embed, **arguments)
        right = LocalRetrieval(None)
        wrong = Changed(right, **{method: breaker(getattr(right, method))})
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - which error differs by clause
            await test(suite_of(test), wrong, embed, **arguments)
    assert_named(caught.value, test)
