"""Fine-tuning jobs over the wire: what goes out, and what becomes of the answers."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

import httpx2
import pytest
from pydantic import ValidationError

from tailorbird._openai_sdk.jobs import DATED_TIERS, V1_TIERS, JobsDialect
from tailorbird.exceptions import (
    ConflictError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnsupportedError,
)
from tailorbird.types import (
    Availability,
    Capabilities,
    Capability,
    DirectPreference,
    FileId,
    Job,
    JobFailure,
    JobId,
    JobSpec,
    JobStatus,
    ModelId,
    Reinforcement,
    StepMetrics,
    Supervised,
    TuningMethod,
    WandbIntegration,
)

if TYPE_CHECKING:
    from conftest import Cloud, Tools

ID = JobId("ftjob-1")
CREATE = "POST /fine_tuning/jobs"
GET = f"GET /fine_tuning/jobs/{ID}"
SPEC = JobSpec(model=ModelId("gpt-4.1-mini-2025-04-14"), training_file=FileId("file-1"))
AZURE = JobsDialect(tier_field="trainingType", tiers=V1_TIERS)


async def test_create_sends_one_request(cloud: Cloud, tools: Tools) -> None:
    """A whole specification goes out once, and the job comes back typed."""
    cloud.on(CREATE, tools.job(user_provided_suffix="faq"))
    spec = SPEC.model_copy(
        update={
            "validation_file": FileId("file-2"),
            "method": Supervised(n_epochs=3, batch_size=4),
            "suffix": "faq",
            "seed": 7,
            "metadata": {"tailorbird_run": "k1", "部署": "総務"},
            "integrations": (
                WandbIntegration(project="p"),
                WandbIntegration(project="p", name="n", entity="e", tags=("a", "b")),
            ),
        }
    )
    job = await cloud.jobs().create(spec)
    [taken] = cloud.taken
    assert taken.json == {
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "validation_file": "file-2",
        "method": {
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": 4}},
        },
        "suffix": "faq",
        "seed": 7,
        "metadata": {"tailorbird_run": "k1", "部署": "総務"},
        "integrations": [
            {"type": "wandb", "wandb": {"project": "p"}},
            {
                "type": "wandb",
                "wandb": {"project": "p", "name": "n", "entity": "e", "tags": ["a", "b"]},
            },
        ],
    }
    assert taken.headers["idempotency-key"] == "k1"
    assert job == Job(
        id=ID,
        status=JobStatus.VALIDATING_FILES,
        raw_status="validating_files",
        model=ModelId("gpt-4.1-mini-2025-04-14"),
        training_file=FileId("file-1"),
        method=Supervised(n_epochs=3),
        suffix="faq",
        seed=7,
        metadata={"tailorbird_run": "k1"},
        created_at=tools.at(0),
        organization_id="org-1",
    )


async def test_create_leaves_out_what_is_not_given(cloud: Cloud, tools: Tools) -> None:
    """Nothing is sent as null, and nothing as `auto`, which some models at Azure refuse."""
    cloud.on(CREATE, tools.job())
    await cloud.jobs().create(SPEC)
    assert cloud.taken[0].json == {
        "model": "gpt-4.1-mini-2025-04-14",
        "training_file": "file-1",
        "method": {"type": "supervised"},
    }
    assert "idempotency-key" not in cloud.taken[0].headers


METHODS: list[tuple[TuningMethod, dict[str, object]]] = [
    (DirectPreference(), {"type": "dpo"}),
    (
        DirectPreference(beta=0.1, learning_rate_multiplier=1.8),
        {
            "type": "dpo",
            "dpo": {"hyperparameters": {"beta": 0.1, "learning_rate_multiplier": 1.8}},
        },
    ),
    (
        Reinforcement(grader={"type": "multi", "graders": {"a": {"type": "string_check"}}}),
        {
            "type": "reinforcement",
            "reinforcement": {
                "grader": {"type": "multi", "graders": {"a": {"type": "string_check"}}}
            },
        },
    ),
    (
        Reinforcement(
            grader={"type": "string_check"},
            response_format={"type": "json_schema"},
            reasoning_effort="low",
            eval_samples=2,
        ),
        {
            "type": "reinforcement",
            "reinforcement": {
                "grader": {"type": "string_check"},
                "response_format": {"type": "json_schema"},
                "hyperparameters": {"reasoning_effort": "low", "eval_samples": 2},
            },
        },
    ),
]


@pytest.mark.parametrize(("method", "sent"), METHODS)
async def test_method_goes_out_and_comes_back(
    cloud: Cloud, tools: Tools, method: TuningMethod, sent: dict[str, object]
) -> None:
    """Every method has its values beneath its own name, and is read back the same."""
    cloud.on(CREATE, tools.job(method=sent, hyperparameters={"n_epochs": 9}))
    job = await cloud.jobs().create(SPEC.model_copy(update={"method": method}))
    body = cloud.taken[0].json
    assert isinstance(body, dict)
    assert body["method"] == sent
    assert job.method == method


@pytest.mark.parametrize(
    "key",
    ["", "\r\nX-Evil: 1", "鍵", "a b", "x" * 256],
    ids=["empty", "lines", "kana", "gap", "long"],
)
async def test_run_key_that_is_no_header_is_not_one(cloud: Cloud, tools: Tools, key: str) -> None:
    """A key that a header cannot hold stays in the metadata."""
    cloud.on(CREATE, tools.job())
    await cloud.jobs().create(SPEC.model_copy(update={"metadata": {"tailorbird_run": key}}))
    assert "idempotency-key" not in cloud.taken[0].headers
    assert "x-evil" not in cloud.taken[0].headers


async def test_create_refuses_bad_ids_unsent(cloud: Cloud) -> None:
    """A file id that no provider gives is refused before anything is sent."""
    with pytest.raises(InvalidInputError):
        await cloud.jobs().create(SPEC.model_copy(update={"training_file": FileId("../x")}))
    with pytest.raises(InvalidInputError):
        await cloud.jobs().create(SPEC.model_copy(update={"validation_file": FileId("")}))
    assert cloud.taken == []


@pytest.mark.parametrize(
    ("missing", "method"),
    [
        (Capability.JOBS_CREATE, Supervised()),
        (Capability.TUNE_SUPERVISED, Supervised()),
        (Capability.TUNE_DPO, DirectPreference()),
        (Capability.TUNE_REINFORCEMENT, Reinforcement(grader={})),
    ],
)
async def test_create_refuses_what_is_not_offered(
    cloud: Cloud, missing: Capability, method: TuningMethod
) -> None:
    """A way of tuning that is not offered is refused before anything is sent."""
    with pytest.raises(UnsupportedError) as caught:
        await cloud.jobs(without=(missing,)).create(SPEC.model_copy(update={"method": method}))
    assert caught.value.capability == missing.value
    assert cloud.taken == []


async def test_create_refuses_after_the_last_day(cloud: Cloud) -> None:
    """A capability that has ended by the clock is refused with its dates."""
    entries = tuple(
        Availability(
            capability=one,
            until=date(2026, 11, 22) if one is Capability.JOBS_CREATE else None,
            reason="it has ended",
        )
        for one in Capability
    )
    jobs = cloud.jobs(capabilities=Capabilities(provider="openai", entries=entries))
    with pytest.raises(UnsupportedError) as caught:
        await jobs.create(SPEC)
    assert caught.value.until == date(2026, 11, 22)
    assert cloud.taken == []


async def test_closed_door_is_unsupported_and_not_knocked_at_again(
    cloud: Cloud, tools: Tools
) -> None:
    """A 403 `training_not_available` becomes the missing capability, with date and way round."""
    cloud.on(CREATE, tools.refusal(403, "training_not_available"))
    entries = tuple(
        Availability(
            capability=one, until=date(2027, 1, 6), reason="it is winding down", instead="Azure"
        )
        for one in Capability
    )
    jobs = cloud.jobs(capabilities=Capabilities(provider="openai", entries=entries))
    with pytest.raises(UnsupportedError, match=r"training_not_available.*winding down") as caught:
        await jobs.create(SPEC)
    error = caught.value
    assert (error.capability, error.until, error.instead) == (
        *("jobs.create", date(2027, 1, 6), "Azure"),
    )
    assert isinstance(error.__cause__, PermissionDeniedError)
    assert len(cloud.taken) == 1


async def test_closed_door_has_words_of_its_own(cloud: Cloud, tools: Tools) -> None:
    """Another cloud's code for the same is data, and advice is given where none is known."""
    cloud.on(CREATE, tools.refusal(400, "trainingRetired"))
    dialect = JobsDialect(closed_codes=frozenset({"trainingRetired"}))
    with pytest.raises(UnsupportedError, match="retrieve from documents") as caught:
        await cloud.jobs(dialect).create(SPEC)
    assert caught.value.until is None


async def test_other_refusals_are_not_the_closed_door(cloud: Cloud, tools: Tools) -> None:
    """A missing permission is not a missing capability."""
    cloud.on(CREATE, tools.refusal(403, "missing_scope"))
    with pytest.raises(PermissionDeniedError) as caught:
        await cloud.jobs().create(SPEC)
    assert caught.value.accepted == "no"


@pytest.mark.parametrize(
    ("answer", "error", "accepted"),
    [
        ((500, None), ServiceUnavailableError, "unknown"),
        ((409, None), ConflictError, "unknown"),
        ((408, None), ServiceUnavailableError, "unknown"),
        ((400, "invalidPayload"), InvalidRequestError, "no"),
        ((404, "model_not_found"), NotFoundError, "no"),
        ((429, "insufficient_quota"), QuotaExhaustedError, "no"),
    ],
)
async def test_create_says_whether_a_job_may_exist(
    cloud: Cloud,
    tools: Tools,
    answer: tuple[int, str | None],
    error: type[Exception],
    accepted: str,
) -> None:
    """Each outcome is classified, and nothing whose outcome is unknown is sent again."""
    cloud.on(CREATE, tools.refusal(*answer))
    with pytest.raises(error) as caught:
        await cloud.jobs().create(SPEC)
    assert caught.value.accepted == accepted
    assert len(cloud.taken) == 1


async def test_broken_answer_is_not_sent_again(cloud: Cloud) -> None:
    """A connection that breaks after the request left may have made a job."""
    cloud.on(CREATE, httpx2.ReadError("reset"))
    with pytest.raises(ServiceUnavailableError) as caught:
        await cloud.jobs().create(SPEC)
    assert caught.value.accepted == "unknown"
    assert len(cloud.taken) == 1


async def test_rate_limit_is_waited_for(cloud: Cloud, tools: Tools) -> None:
    """A creation that was certainly refused is sent again, with the same key."""
    cloud.on(CREATE, tools.refusal(429), tools.job())
    job = await cloud.jobs().create(SPEC.model_copy(update={"metadata": {"tailorbird_run": "k"}}))
    assert job.id == ID
    assert [taken.headers["idempotency-key"] for taken in cloud.taken] == ["k", "k"]
    cloud.on(CREATE, tools.refusal(429))
    with pytest.raises(RateLimitError):
        await cloud.jobs().create(SPEC)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>sign in</html>",
        b"null",
        b"{}",
        b'{"id": "ftjob-1", "sta',
        {"object": "chat.completion", "choices": []},
        {"id": "ftjob-1", "status": "queued"},
    ],
    ids=repr,
)
async def test_unreadable_answer_may_have_made_a_job(cloud: Cloud, answer: object) -> None:
    """An answer that is no job is an error whose outcome is unknown."""
    cloud.on(CREATE, answer)
    with pytest.raises(UnexpectedResponseError) as caught:
        await cloud.jobs().create(SPEC)
    assert caught.value.accepted == "unknown"
    assert len(cloud.taken) == 1


@pytest.mark.parametrize(
    ("dialect", "asked", "sent"),
    [
        (AZURE, "global", "GlobalStandard"),
        (AZURE, "developer", "DeveloperTier"),
        (AZURE, None, None),
        (JobsDialect(tier_field="trainingType", tiers=DATED_TIERS), "global", "globalstandard"),
        (
            JobsDialect(tier_field="trainingType", tiers=V1_TIERS, tier="global"),
            None,
            "GlobalStandard",
        ),
        (
            JobsDialect(tier_field="trainingType", tiers=V1_TIERS, tier="global"),
            "standard",
            "Standard",
        ),
        (
            JobsDialect(tier_field="trainingType", tiers=V1_TIERS, tier="globalStd"),
            None,
            "globalStd",
        ),
    ],
)
async def test_tier_is_spelled_as_the_route_wants(
    cloud: Cloud, tools: Tools, dialect: JobsDialect, asked: str | None, sent: str | None
) -> None:
    """Our word is spelled by the route; the profile's stands in, and its own spelling is kept."""
    cloud.on(CREATE, tools.job(trainingType=sent))
    job = await cloud.jobs(dialect).create(SPEC.model_copy(update={"tier": asked}))
    body = cloud.taken[0].json
    assert isinstance(body, dict)
    assert body.get("trainingType") == sent
    assert ("trainingType" in body) == (sent is not None)
    assert job.tier == sent


async def test_tier_without_a_choice_is_refused(cloud: Cloud) -> None:
    """Where there is no choice, wishing for a place is refused and not forgotten."""
    with pytest.raises(UnsupportedError, match="no choice of where to train"):
        await cloud.jobs().create(SPEC.model_copy(update={"tier": "standard"}))
    assert cloud.taken == []


async def test_suffix_that_may_be_refused_is_warned_of(
    cloud: Cloud, tools: Tools, caplog: pytest.LogCaptureFixture
) -> None:
    """Sources disagree about Azure's limit, so it is a warning, and the suffix is sent."""
    cloud.on(CREATE, tools.job())
    jobs = cloud.jobs(JobsDialect(advised_suffix=r"[A-Za-z0-9_-]{1,18}"))
    with caplog.at_level(logging.WARNING, logger="tailorbird.jobs"):
        await jobs.create(SPEC.model_copy(update={"suffix": "fits"}))
        assert caplog.records == []
        await jobs.create(SPEC.model_copy(update={"suffix": "v1.2"}))
    assert "'v1.2' may be refused" in caplog.text
    body = cloud.taken[1].json
    assert isinstance(body, dict)
    assert body["suffix"] == "v1.2"


async def test_finished_job_is_read(cloud: Cloud, tools: Tools) -> None:
    """Times, tokens, model and result files come typed."""
    cloud.on(
        GET,
        tools.job(
            status="succeeded",
            fine_tuned_model="ft:gpt-4.1-mini-2025-04-14:org::abc",
            finished_at=tools.moment + 90,
            estimated_finish=tools.moment + 80.5,
            trained_tokens=1234,
            result_files=["file-9", None],
            validation_file="file-2",
        ),
    )
    job = await cloud.jobs().get(ID)
    assert job.status is JobStatus.SUCCEEDED
    assert job.fine_tuned_model == "ft:gpt-4.1-mini-2025-04-14:org::abc"
    assert (job.finished_at, job.estimated_finish) == (tools.at(90), tools.at(80.5))
    assert (job.trained_tokens, job.result_files) == (1234, ("file-9",))
    assert (job.validation_file, job.failure) == ("file-2", None)


async def test_azure_job_is_read(cloud: Cloud, tools: Tools) -> None:
    """Nulls in place of values, a status of its own and a numeric type make no trouble."""
    nulls = dict.fromkeys(
        [
            *("organization_id", "result_files", "seed", "metadata", "method", "hyperparameters"),
            *("error", "integrations", "user_provided_suffix", "validation_file"),
        ]
    )
    cloud.on(GET, tools.job(**nulls, status="pending", trainingType=1))
    job = await cloud.jobs().get(ID)
    assert (job.status, job.tier) == (JobStatus.PENDING, "1")
    assert (job.organization_id, job.result_files, job.seed, job.method) == (None, (), None, None)
    assert (job.metadata, job.failure, job.suffix) == ({}, None, None)


async def test_job_without_optional_fields_is_read(cloud: Cloud, tools: Tools) -> None:
    """What a server leaves out is unknown, not wrong."""
    kept = ("id", "status", "created_at", "model", "training_file")
    cloud.on(GET, {name: tools.job()[name] for name in kept})
    job = await cloud.jobs().get(ID)
    assert (job.id, job.method, job.tier) == (ID, None, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", JobStatus.PENDING),
        ("pausing", JobStatus.PAUSING),
        ("paused", JobStatus.PAUSED),
        ("canceled", JobStatus.CANCELLED),
        ("cancelled", JobStatus.CANCELLED),
        ("preprocessing", JobStatus.OTHER),
    ],
)
async def test_status_is_kept_as_it_came(
    cloud: Cloud, tools: Tools, word: str, status: JobStatus
) -> None:
    """Known words are told apart, unknown ones are neither guessed nor final."""
    cloud.on(GET, tools.job(status=word))
    job = await cloud.jobs().get(ID)
    assert (job.status, job.raw_status) == (status, word)
    assert job.status.is_final == (status is JobStatus.CANCELLED)


async def test_failed_job_says_why(cloud: Cloud, tools: Tools) -> None:
    """Code, words and parameter of a failure are kept; an empty one is none."""
    error = {"code": "invalid_n_examples", "message": "has 9 examples", "param": "training_file"}
    cloud.on(GET, tools.job(status="failed", error=error))
    assert (await cloud.jobs().get(ID)).failure == JobFailure(**error)
    cloud.on(GET, tools.job(status="failed", error={"message": "broke", "code": ""}))
    assert (await cloud.jobs().get(ID)).failure == JobFailure(message="broke")
    cloud.on(GET, tools.job(error={"code": None, "message": None, "param": None}))
    assert (await cloud.jobs().get(ID)).failure is None


@pytest.mark.parametrize(
    ("method", "hyperparameters", "read"),
    [
        (None, {"n_epochs": 3}, None),
        ("supervised", None, None),
        ({"type": "distillation", "distillation": {}}, None, None),
        ({"type": None}, None, None),
        ({"type": "reinforcement"}, None, None),
        ({"type": "supervised"}, {"n_epochs": 3}, Supervised(n_epochs=3)),
        ({"type": "supervised", "supervised": None}, None, Supervised()),
        ({"type": "dpo"}, {"n_epochs": 3}, DirectPreference()),
        (
            {
                "type": "supervised",
                "supervised": {
                    "hyperparameters": {
                        "n_epochs": 3,
                        "batch_size": None,
                        "warmup": 2,
                        "learning_rate_multiplier": 0,
                    }
                },
            },
            None,
            Supervised(n_epochs=3),
        ),
        (
            {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 4096}}},
            None,
            Supervised(),
        ),
    ],
)
async def test_method_is_read_as_far_as_it_goes(
    cloud: Cloud,
    tools: Tools,
    method: object,
    hyperparameters: object,
    read: TuningMethod | None,
) -> None:
    """What a job does not say about its method stays open; nothing makes it unreadable."""
    cloud.on(GET, tools.job(method=method, hyperparameters=hyperparameters))
    assert (await cloud.jobs().get(ID)).method == read


@pytest.mark.parametrize("bad", ["", "..", "a/b", "a?b", "a#b", "%2e%2e", "a\n"])
async def test_bad_id_is_not_sent(cloud: Cloud, bad: str) -> None:
    """An id that would name another address is refused by every method."""
    jobs = cloud.jobs()
    for call in (jobs.get, jobs.cancel, jobs.pause, jobs.resume):
        with pytest.raises(InvalidInputError):
            await call(JobId(bad))
    for listing in (jobs.events, jobs.checkpoints):
        with pytest.raises(InvalidInputError):
            _ = [one async for one in listing(JobId(bad))]
    assert cloud.taken == []


async def test_missing_job_is_not_found(cloud: Cloud) -> None:
    """An id that nobody has raises from every method."""
    jobs = cloud.jobs()
    for call in (jobs.get, jobs.cancel, jobs.pause, jobs.resume):
        with pytest.raises(NotFoundError):
            await call(ID)
    for listing in (jobs.events, jobs.checkpoints):
        with pytest.raises(NotFoundError):
            _ = [one async for one in listing(ID)]


async def test_list_filters_there_and_here(cloud: Cloud, tools: Tools) -> None:
    """Metadata goes along as a filter, and a server that ignores it does not matter."""
    wanted, other = {"run": "一", "part": "1"}, {"run": "一"}
    cloud.on(
        "GET /fine_tuning/jobs",
        tools.page(tools.job(metadata=wanted), tools.job(id="b", metadata=other), more=True),
        tools.page(tools.job(id="c", metadata=None), tools.job(id="d", metadata=wanted)),
    )
    found = [job.id async for job in cloud.jobs().list(metadata=wanted)]
    assert found == [ID, "d"]
    filters = {"metadata[run]": "一", "metadata[part]": "1"}
    assert [taken.query for taken in cloud.taken] == [
        {"limit": "100", **filters},
        {"limit": "100", "after": "b", **filters},
    ]


async def test_list_without_a_filter_gives_all(cloud: Cloud, tools: Tools) -> None:
    """No filter and an empty one are the same."""
    cloud.on("GET /fine_tuning/jobs", tools.page(tools.job(), tools.job(id="b")))
    assert [job.id async for job in cloud.jobs().list()] == [ID, "b"]
    assert [job.id async for job in cloud.jobs().list(metadata={})] == [ID, "b"]


async def test_metadata_that_is_not_kept_is_neither_sent_nor_asked_for(
    cloud: Cloud, tools: Tools
) -> None:
    """A provider without metadata makes the job, and has none that carries any."""
    jobs = cloud.jobs(without=(Capability.JOBS_METADATA,))
    cloud.on(CREATE, tools.job(metadata=None))
    await jobs.create(SPEC.model_copy(update={"metadata": {"tailorbird_run": "k"}}))
    body = cloud.taken[0].json
    assert isinstance(body, dict)
    assert "metadata" not in body
    assert cloud.taken[0].headers["idempotency-key"] == "k"
    assert [job async for job in jobs.list(metadata={"tailorbird_run": "k"})] == []
    assert len(cloud.taken) == 1


async def test_list_that_runs_in_a_circle_ends(cloud: Cloud, tools: Tools) -> None:
    """A listing whose cursor comes again is an error: the look-up must not page for ever."""
    cloud.on("GET /fine_tuning/jobs", tools.page(tools.job(), more=True))
    with pytest.raises(UnexpectedResponseError, match="circle"):
        _ = [job async for job in cloud.jobs().list()]
    assert len(cloud.taken) == 2


async def test_reading_needs_its_own_capability(cloud: Cloud) -> None:
    """Reading and creating are different things."""
    jobs = cloud.jobs(without=(Capability.JOBS_READ,))
    with pytest.raises(UnsupportedError):
        await jobs.get(ID)
    with pytest.raises(UnsupportedError):
        _ = [job async for job in jobs.list()]
    assert cloud.taken == []


@pytest.mark.parametrize(
    ("verb", "word"), [("cancel", "cancelled"), ("pause", "pausing"), ("resume", "running")]
)
async def test_commands_give_the_job(cloud: Cloud, tools: Tools, verb: str, word: str) -> None:
    """A command is one POST without a body, and gives the job as it stands then."""
    path = f"/fine_tuning/jobs/{ID}/{verb}"
    cloud.on(f"POST {path}", tools.job(status=word))
    job = await getattr(cloud.jobs(), verb)(ID)
    assert job.raw_status == word
    assert [(taken.path, taken.body) for taken in cloud.taken] == [(path, b"")]


@pytest.mark.parametrize(
    ("verb", "word"),
    [
        *(("cancel", "succeeded"), ("cancel", "cancelled"), ("cancel", "failed")),
        *(("pause", "queued"), ("pause", "paused"), ("pause", "succeeded")),
        *(("resume", "running"), ("resume", "cancelled")),
    ],
)
async def test_command_that_the_state_forbids_is_a_conflict(
    cloud: Cloud, tools: Tools, verb: str, word: str
) -> None:
    """A 400 for a job whose state forbids the command is a conflict: the state decides."""
    cloud.on(f"POST /fine_tuning/jobs/{ID}/{verb}", tools.refusal(400, "wrong_state"))
    cloud.on(GET, tools.job(status=word))
    with pytest.raises(ConflictError, match=f"{word!r}, so it cannot {verb}") as caught:
        await getattr(cloud.jobs(), verb)(ID)
    error = caught.value
    assert (error.operation, error.status_code, error.code, error.accepted) == (
        *(f"jobs.{verb}", 400, "wrong_state", "no"),
    )


@pytest.mark.parametrize(
    ("verb", "word"), [("cancel", "running"), ("pause", "running"), ("resume", "paused")]
)
async def test_command_that_the_state_allows_stays_refused(
    cloud: Cloud, tools: Tools, verb: str, word: str
) -> None:
    """A 400 that the state does not explain is what the provider said."""
    cloud.on(f"POST /fine_tuning/jobs/{ID}/{verb}", tools.refusal(400, "no_step_yet"))
    cloud.on(GET, tools.job(status=word))
    with pytest.raises(InvalidRequestError, match="no_step_yet"):
        await getattr(cloud.jobs(), verb)(ID)


async def test_conflict_of_the_provider_is_one(cloud: Cloud, tools: Tools) -> None:
    """A 409 needs no second look."""
    cloud.on(f"POST /fine_tuning/jobs/{ID}/cancel", tools.refusal(409))
    with pytest.raises(ConflictError):
        await cloud.jobs().cancel(ID)
    assert len(cloud.taken) == 1


async def test_cancel_is_repeated(cloud: Cloud, tools: Tools) -> None:
    """Cancelling twice does no harm, so passing trouble is waited for."""
    path = f"POST /fine_tuning/jobs/{ID}/cancel"
    cloud.on(path, tools.refusal(503), tools.job(status="cancelled"))
    assert (await cloud.jobs().cancel(ID)).status is JobStatus.CANCELLED


async def test_holding_that_is_not_offered_is_refused(cloud: Cloud) -> None:
    """Without the capability nothing is sent, and cancelling still works."""
    jobs = cloud.jobs(without=(Capability.JOBS_PAUSE,))
    with pytest.raises(UnsupportedError):
        await jobs.pause(ID)
    with pytest.raises(UnsupportedError):
        await jobs.resume(ID)
    assert cloud.taken == []
    with pytest.raises(NotFoundError):
        await jobs.cancel(ID)


async def test_events_are_read_whatever_their_type(cloud: Cloud, tools: Tools) -> None:
    """Metrics, messages and types that no description names come through, page by page."""
    moderation = {
        "id": "e3",
        "created_at": tools.moment + 2,
        "level": "info",
        "message": "ok",
        "type": "moderation_checks",
        "data": {"blocked": False, "results": [{"a": 1}]},
    }
    metrics = {
        "id": "e2",
        "created_at": tools.moment + 1,
        "level": "info",
        "message": "Step 1",
        "type": "metrics",
        "data": {"step": 1, "train_loss": 2.5, "total_steps": 9},
    }
    bare = {"id": "e1", "created_at": tools.moment}
    odd = {"id": "e0", "created_at": tools.moment, "level": None, "type": None, "data": "text"}
    path = f"GET /fine_tuning/jobs/{ID}/events"
    cloud.on(path, tools.page(moderation, metrics, more=True), tools.page(bare, odd))
    events = [event async for event in cloud.jobs().events(ID)]
    assert [event.id for event in events] == ["e3", "e2", "e1", "e0"]
    assert [event.type for event in events] == [
        *("moderation_checks", "metrics", "message", "message"),
    ]
    assert events[0].data == {"blocked": False, "results": [{"a": 1}]}
    assert events[1].data == {"step": 1, "train_loss": 2.5, "total_steps": 9}
    assert (events[2].data, events[2].message, events[2].level) == ({}, "", "info")
    assert events[3].data == {"data": "text"}
    assert events[0].created_at == tools.at(2)
    assert [taken.query.get("after") for taken in cloud.taken] == [None, "e2"]


async def test_events_that_run_in_a_circle_end(cloud: Cloud, tools: Tools) -> None:
    """Pages that never end are an error, not an endless log."""
    event = {"id": "e1", "created_at": tools.moment}
    cloud.on(f"GET /fine_tuning/jobs/{ID}/events", tools.page(event, more=True))
    with pytest.raises(UnexpectedResponseError, match="circle"):
        _ = [one async for one in cloud.jobs().events(ID)]


async def test_checkpoints_come_newest_first(cloud: Cloud, tools: Tools) -> None:
    """Each has its step, its model and typed metrics, whichever order the server has."""

    def one(step: int, **changes: object) -> dict[str, object]:
        return {
            "id": f"ftckpt_{step}",
            "created_at": tools.moment + step,
            "fine_tuned_model_checkpoint": f"ft:base:org::x:ckpt-step-{step}",
            "step_number": step,
            "metrics": {"step": step, "train_loss": 0.5, "valid_mean_token_accuracy": 0.75},
            "fine_tuning_job_id": ID,
        } | changes

    path = f"GET /fine_tuning/jobs/{ID}/checkpoints"
    cloud.on(path, tools.page(one(4), one(12, metrics=None), more=True), tools.page(one(8)))
    kept = [checkpoint async for checkpoint in cloud.jobs().checkpoints(ID)]
    assert [(checkpoint.step, checkpoint.id) for checkpoint in kept] == [
        *((12, "ftckpt_12"), (8, "ftckpt_8"), (4, "ftckpt_4")),
    ]
    assert {checkpoint.job for checkpoint in kept} == {ID}
    assert kept[0].metrics == StepMetrics()
    assert kept[1].metrics == StepMetrics(step=8, train_loss=0.5, valid_mean_token_accuracy=0.75)
    assert kept[1].model == "ft:base:org::x:ckpt-step-8"


async def test_missing_checkpoints_are_unsupported(cloud: Cloud) -> None:
    """Without the capability nothing is sent."""
    jobs = cloud.jobs(without=(Capability.JOBS_CHECKPOINTS,))
    with pytest.raises(UnsupportedError):
        _ = [one async for one in jobs.checkpoints(ID)]
    assert cloud.taken == []


def test_specification_has_ranges() -> None:
    """What no provider takes cannot be written down, so it is never sent."""
    with pytest.raises(ValidationError):
        JobSpec(model=ModelId("m"), training_file=FileId("f"), suffix="x" * 65)
    with pytest.raises(ValidationError):
        Supervised(n_epochs=51)


@pytest.mark.parametrize("verb", ["get", "cancel", "pause", "resume"])
async def test_another_job_is_no_answer(cloud: Cloud, tools: Tools, verb: str) -> None:
    """What is said about another job is not taken for the one that was asked for."""
    cloud.on(GET, tools.job(id="ftjob-2"))
    cloud.on(f"POST /fine_tuning/jobs/{ID}/{verb}", tools.job(id="ftjob-2"))
    with pytest.raises(UnexpectedResponseError, match="'ftjob-1' was asked for"):
        await getattr(cloud.jobs(), verb)(ID)


@pytest.mark.parametrize("bad", ["../x", "a?b", "", ".", "x" * 1025])
async def test_id_that_names_another_path_is_refused(cloud: Cloud, tools: Tools, bad: str) -> None:
    """A created job whose id cannot be used is an unknown outcome; the id is not handed out."""
    cloud.on(CREATE, tools.job(id=bad))
    with pytest.raises(UnexpectedResponseError, match="id: it can be no id") as caught:
        await cloud.jobs().create(SPEC)
    assert caught.value.accepted == "unknown"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "slow down", "code": "rate_limit_exceeded"}, RateLimitError),
        ({"message": "boom", "code": "x"}, ServiceUnavailableError),
        ("boom", ServiceUnavailableError),
    ],
)
async def test_error_of_a_gateway_within_a_success_is_told(
    cloud: Cloud, error: object, kind: type[Exception]
) -> None:
    """An error that comes with status 200 becomes what it would have been, with its words."""
    cloud.on(GET, {"error": error})
    with pytest.raises(kind, match=r"slow down|boom"):
        await cloud.jobs().get(ID)


async def test_error_of_a_failed_job_is_no_error_of_the_call(cloud: Cloud, tools: Tools) -> None:
    """A job that cannot be read is not mistaken for a refusal because it failed."""
    cloud.on(GET, {"error": {"message": "bad row"}, **tools.job(status=5)})
    with pytest.raises(UnexpectedResponseError, match="status"):
        await cloud.jobs().get(ID)
