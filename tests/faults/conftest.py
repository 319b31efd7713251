"""A fake cloud behind a server that breaks HTTP, and accounts there, for the fault matrix.

Which test stands for which row of the matrix, as `module of test_matrix_*: test_*`; the row is
named in the docstring of each test as well.

A1   connection: closed_port_is_told_and_tried_again, closed_port_on_azure_is_told
A2   connection: broken_connection_costs_one_more_attempt,
     broken_connection_never_repeats_a_creation, attempts_on_broken_connections_are_bounded,
     deployments_are_named_so_that_lost_answers_do_no_harm, calls_at_once_get_their_own_answers
A4   connection: broken_connection_costs_one_more_attempt,
     broken_connection_never_repeats_a_creation,
     deployments_are_named_so_that_lost_answers_do_no_harm
A5   connection: deadline_ends_a_slow_answer, deadline_holds_for_all_attempts_together,
     deadline_of_the_settings_holds, control_plane_has_deadlines_too
A7   connection: deadline_ends_a_slow_answer, control_plane_has_deadlines_too
A8   connection: connection_that_idled_out_is_replaced
A10  connection: header_flood_is_dropped, answers_that_are_hardly_http
A11  connection: ghost_of_another_shape_is_no_answer; the limit itself: strict xfail in
     tests/http/test_limits.py
A13  connection: pool_survives_cancellation_under_contention
A14  connection: second_event_loop_is_refused
A16  tests/http/test_limits.py (the child of a fork); nothing to add end to end
A17  connection: proxy_of_the_shell_never_sees_loopback
B1   connection: asked_wait_is_kept
B2   connection: asked_seconds_and_dates_are_a_floor, wait_that_does_not_fit_is_not_begun
B4   connection: useless_wishes_mean_our_own_wait
B5   connection: quota_is_not_asked_for_again
B7   connection: refused_herd_comes_back_spread_out
B8   connection: outage_multiplies_traffic_by_a_bounded_factor
B10  connection: doubtful_creations_are_sent_once, refused_creation_is_repeated
B11  connection: server_says_that_repeating_is_useless
B13  connection: odd_error_bodies_do_not_hide_the_status
B14  connection: expired_token_is_renewed_once
B16  connection: redirects_are_never_followed
B17  connection: redirects_in_circles_and_downwards_are_refused
B19  tests/test_retry.py (a machine that sleeps); needs a clock that jumps, no wire
C1   answers: spoiled_answers_to_questions_are_asked_for_again,
     spoiled_answers_to_reading_are_asked_for_again,
     spoiled_answer_to_a_creation_is_an_unknown_outcome, other_shapes_are_never_answers,
     vectors_are_never_mispaired, shuffled_vectors_are_put_in_order
C3   answers: answer_without_choices_is_empty, empty_answer_on_responses
C4   answers: answer_without_content_is_empty, refusal_is_a_result_of_its_own,
     empty_answer_on_responses, unknown_end_of_an_answer_is_kept_raw,
     cut_by_a_filter_is_an_error
C6   answers: foreign_model_is_told
C7   answers: unusable_usage_is_not_known
C9   answers: json_under_another_name_is_read_and_noted_once
C10  answers: spoiled_answer_to_a_creation_is_an_unknown_outcome, invalid_utf8_is_no_answer
C12  answers: spoiled_answer_to_a_creation_is_an_unknown_outcome,
     large_answers_are_dropped_early, large_error_is_read_in_part
C13  answers: spoiled_answers_to_questions_are_asked_for_again,
     spoiled_answer_to_a_creation_is_an_unknown_outcome
D1   streams: clean_cut_is_not_complete, gateways_without_marks_can_be_named,
     broken_connection_cuts_the_stream, stream_that_never_began_is_asked_for_again,
     azure_streams_keep_the_same_rules
D2   streams: odd_streams_that_are_complete
D4   streams: silence_is_counted_in_events, first_event_has_a_limit_of_its_own,
     whole_stream_has_a_limit
D5   streams: silence_is_counted_in_events
D7   streams: broken_events_are_told, error_within_a_stream_is_told
D8   streams: odd_streams_that_are_complete, broken_events_are_told,
     drop_by_drop_is_the_same_text
D10  streams: odd_streams_that_are_complete, web_page_is_not_the_api,
     refused_stream_is_a_typed_error
D11  streams: empty_stream_is_an_empty_answer
D13  streams: odd_streams_that_are_complete, finished_streams_share_a_connection
D14  streams: odd_streams_that_are_complete, azure_streams_keep_the_same_rules
D16  streams: cancelled_reader_leaks_nothing, left_stream_is_closed,
     many_abandoned_streams_do_not_fill_the_pool
D17  streams: slow_reader_holds_the_server_back, event_without_end_is_dropped
E2   jobs: lost_answer_is_one_job, stall_on_creation_ends_as_an_adopted_job,
     lost_answer_to_a_deployment_is_one_deployment
E3   jobs: lost_answer_is_one_job
E5   jobs: lost_answer_is_one_job
E6   jobs: list_that_lags_too_long_is_told_and_resumed,
     list_that_fails_after_a_lost_answer_makes_no_second_job,
     surplus_job_of_a_late_creation_is_cancelled
E8   jobs: lost_answer_without_metadata_is_one_job,
     metadata_that_is_dropped_unsaid_makes_no_second_job
E9   jobs: killed_process_leaves_one_job
E11  jobs: two_processes_make_one_job, many_tasks_make_one_job
E12  jobs: cancelled_start_keeps_the_id, cancelled_start_whose_answer_is_lost_is_found
E14  jobs: rate_limit_on_creation_is_waited_out, lack_of_quota_on_creation_is_told,
     refused_request_leaves_the_run_open
E15  jobs: closed_door_is_one_clear_error
F1   jobs: trouble_does_not_end_a_wait, stalls_do_not_end_a_wait, wrong_key_ends_a_wait
F2   jobs: new_job_may_be_invisible, vanished_job_ends_a_wait
F4   jobs: unknown_status_is_neither_running_nor_final
F5   jobs: status_may_go_back_and_forth, lost_answers_to_pause_and_resume
F7   jobs: failed_job_says_why
F8   jobs: job_cancelled_elsewhere_is_told, lost_answer_to_a_cancellation_is_no_conflict
F10  jobs: events_come_once_and_in_order, pages_in_a_circle_end, events_survive_trouble
F11  jobs: killed_process_leaves_one_job, name_alone_resumes_in_a_new_process
F13  jobs: unknown_status_is_neither_running_nor_final
G1   files: lost_answer_to_an_upload_is_one_file, lost_answer_and_a_list_that_lags,
     upload_alone_is_never_repeated, lost_answer_to_a_deletion_is_repeated,
     file_that_arrived_short_is_taken_back, slow_upload_ends_at_its_deadline,
     lost_answer_to_an_index_is_one_index, lost_answer_to_deleting_an_index_leaves_no_file
G3   files: file_that_is_found_bad_is_an_error, import_that_never_ends_is_told,
     trouble_does_not_end_the_wait_for_a_file
G4   files: pipe_is_spooled
G6   files: odd_file_names_break_no_header, names_that_are_paths_are_refused
G7   files: names_from_the_server_write_nothing, cut_download_is_an_error,
     stalled_download_ends, left_download_is_closed
G9   jobs: failed_job_says_why
J1   cancel: cancelled_anywhere_nothing_leaks, cancelled_in_a_retry_wait_nothing_more_is_sent,
     cancelled_by_the_callers_own_timeout, cancelled_start_at_any_turn_is_one_job_in_the_end,
     cancelled_with_any_request_under_way, cancelled_wait_leaves_the_job_alone
J2   cancel: deadline_within_a_retry_wait_keeps_the_cause
J4   cancel: other_event_loops_are_refused_in_words
J5   cancel: one_failing_call_of_a_group, several_failing_calls_are_all_told
K1   secrets: key_of_openai_is_in_no_channel, key_of_azure_is_in_no_channel,
     tokens_of_azure_are_in_no_channel, failing_streams_show_no_key,
     failing_uploads_and_jobs_show_no_key, successes_log_no_key_and_no_content
K2   secrets: spoiled_keys_are_mended_or_refused
K4   secrets: addresses_that_get_no_key
K5   secrets: addresses_that_get_no_key, key_of_openai_goes_to_no_other_host
K7   secrets: addresses_that_get_no_key
K8   secrets: untrusted_servers_get_nothing, no_setting_turns_checks_off
K10  secrets: configuration_is_dumped_without_keys
K11  secrets: ids_that_are_paths_are_refused
K13  secrets: nothing_but_the_provider_is_called
K14  secrets: imports_leave_the_machine_alone
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typing_extensions import override

from tailorbird import JobHandle, QuestionSet, Workbench
from tailorbird.config import Profile
from tailorbird.journal import Workspace
from tailorbird.protocols import ChatStream, Clock, Provider
from tailorbird.providers.azure import AzureProvider, AzureSettings, DeploySettings
from tailorbird.providers.azure.identity import Credential
from tailorbird.providers.fake import FakeProvider, FakeSettings, Script, VirtualClock
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings
from tailorbird.testing.faults import Answer, FaultServer, Line, SeenRequest, Step, WireFault
from tailorbird.testing.wire import WireApp, WireSettings, wire_app
from tailorbird.types import DeploymentName, JobSpec, Message, ModelId, Reply, RoleModel
from tailorbird.types.secrets import Secret

KEY = "sk-fault-Zq81Lm52Wk93Yb64Tc75Rn06"
AZURE_KEY = "7c1e5a90d3b84f26917ee04c5fa2b83d"
ARM_TOKEN = "arm-token-Hd47Pz19Vx28"
CHAT = ModelId("gpt-4.1-mini-2025-04-14")  # asked on Chat Completions, as the streams are scripted
HELLO = [Message.user("こんにちは")]
WIRE = WireSettings(api_keys=(KEY, AZURE_KEY), bearer_tokens=("token-2",), arm_tokens=(ARM_TOKEN,))
ROLES = {
    "openai": {
        "chat": RoleModel(model=CHAT),
        "tune_base": RoleModel(model=CHAT),
        "embedding": RoleModel(model=ModelId("text-embedding-3-small")),
    },
    "azure": {
        "chat": RoleModel(model=CHAT, deployment=DeploymentName("chat")),
        "tune_base": RoleModel(model=CHAT),
        "embedding": RoleModel(
            model=ModelId("text-embedding-3-small"), deployment=DeploymentName("embed")
        ),
    },
}
TRAINING = b"".join(
    b'{"messages":[{"role":"user","content":"%d?"},{"role":"assistant","content":"No %d."}]}\n'
    % (number, number)
    for number in range(12)
)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
ROWS = QuestionSet.from_rows(
    [
        (f"What stands on shelf {number}?", f"Shelf {number} holds item {number * 7}. Bye!")
        for number in range(12)
    ]
)


Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edited(WireFault):
    """The app's answer, changed."""

    edit: Callable[[Json], object]

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        """Change it and send it."""
        document = json.loads(answer.content)
        self.edit(document)
        await line.send_answer(replace(answer, content=json.dumps(document).encode()))


@dataclass
class Site:
    """A fake cloud, its wire application, and the server in front of it that breaks things."""

    fake: FakeProvider
    app: WireApp
    server: FaultServer
    stack: AsyncExitStack
    key: str = field(default=KEY, repr=False)
    azure_key: str = field(default=AZURE_KEY, repr=False)
    arm_token: str = field(default=ARM_TOKEN, repr=False)
    roles: Mapping[str, Mapping[str, RoleModel]] = field(default_factory=lambda: ROLES)

    def make_openai(
        self, *, clock: Clock | None = None, key: str = KEY, **settings: object
    ) -> OpenAIProvider:
        """Make a closed account of OpenAI's kind; waits cost no time unless a clock is given."""
        options = {"base_url": f"{self.server.url}/v1", "api_key_env": "NOT_READ"} | settings
        return OpenAIProvider(
            OpenAISettings.model_validate(options),
            key=Secret(key, source="test"),
            clock=clock or VirtualClock(),
        )

    async def openai(
        self, *, clock: Clock | None = None, key: str = KEY, **settings: object
    ) -> OpenAIProvider:
        """Open such an account until the test ends."""
        made = self.make_openai(clock=clock, key=key, **settings)
        return await self.stack.enter_async_context(made)

    def make_azure(
        self, *, credential: Credential | None = None, clock: Clock | None = None, **options: object
    ) -> AzureProvider:
        """Make a closed Azure resource, called by key unless a credential is given.

        Deployments are always reached by a token.
        """
        chosen: dict[str, object] = {
            "endpoint": self.server.url,
            "management_endpoint": self.server.url,
            "deploy": DeploySettings(
                subscription_id=WIRE.subscription_id,
                resource_group=WIRE.resource_group,
                account=WIRE.account,
            ),
        }
        if credential is None:
            chosen |= {"auth": "key", "api_key_env": "AZURE_TEST_KEY"}
        return AzureProvider(
            AzureSettings.model_validate(chosen | options),
            credential=credential or (lambda: ARM_TOKEN),
            clock=clock or VirtualClock(),
            roles=ROLES["azure"],
            environ={"AZURE_TEST_KEY": AZURE_KEY},
        )

    async def azure(
        self, *, credential: Credential | None = None, clock: Clock | None = None, **options: object
    ) -> AzureProvider:
        """Open such a resource until the test ends."""
        made = self.make_azure(credential=credential, clock=clock, **options)
        return await self.stack.enter_async_context(made)

    def make_bench(
        self, folder: Path | None = None, *, room_clock: Clock | None = None, **settings: object
    ) -> Workbench:
        """Make a closed workbench on a new account of this cloud."""
        flavor = self.fake.settings.flavor
        made = self.make_azure if flavor == "azure" else self.make_openai
        profile = Profile(name=flavor, provider=flavor, roles=ROLES[flavor])
        room = Workspace(folder, clock=room_clock)
        return Workbench(made(**settings), profile=profile, workspace=room)

    async def bench(self, folder: Path | None = None, **settings: object) -> Workbench:
        """Open such a workbench until the test ends."""
        return await self.stack.enter_async_context(self.make_bench(folder, **settings))

    async def files_there(self) -> int:
        """Count the training files in the cloud."""
        return len([one async for one in self.fake.files.list(purpose="fine-tune")])

    async def start(self, bench: Workbench, *, again: bool = False) -> JobHandle:
        """Start the run `shelves`."""
        return await bench.start_fine_tune(ROWS, name="shelves", system="Be brief.", again=again)

    async def ask(self, provider: Provider, *, timeout_s: float | None = None) -> Reply[None]:
        """Ask a small question."""
        return await provider.chat.complete(HELLO, model=CHAT, timeout_s=timeout_s)

    async def together(self, *calls: Awaitable[T]) -> list[T | Exception]:
        """Make calls at once, and give what comes of each: its result or its error."""

        async def outcome(call: Awaitable[T]) -> T | Exception:
            try:
                return await call
            except Exception as exc:  # noqa: BLE001 - the test looks at it
                return exc

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(outcome(call)) for call in calls]
        return [task.result() for task in tasks]

    def stream(self, provider: Provider) -> AbstractAsyncContextManager[ChatStream]:
        """Ask it so that the answer comes in pieces."""
        return provider.chat.stream(HELLO, model=CHAT)

    async def make_spec(self) -> JobSpec:
        """Put a training file into the cloud, past the wire, and give what trains on it."""
        stored = await self.fake.files.create(TRAINING, name="rows.jsonl")
        await self.fake.files.wait_ready(stored.id)
        return JobSpec(model=CHAT, training_file=stored.id, metadata={"team": "faults"})

    def seen(self, method: str, path: str) -> list[SeenRequest]:
        """Give the requests of a method to a path (behind `/v1`), as they reached the wire."""
        return [
            one
            for one in self.server.seen
            if one.method == method and one.target.partition("?")[0].partition("/v1")[2] == path
        ]

    def edit_next(
        self, path: str, edit: Callable[[Json], object], *, times: int | None = 1
    ) -> None:
        """Change the app's next answers to requests below a path."""
        self.server.add(Step(fault=Edited(edit), path=path, commit=True, times=times))

    def break_next(self, *steps: Step) -> None:
        """Tell the server what to do with the next requests that fit."""
        self.server.add(*steps)


MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the shell says about proxies and certificates."""
    for name in (*PROXIES, "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def make_site() -> AsyncIterator[MakeSite]:
    """Open sites; at the end of the test accounts are closed first, and scripts must be used up."""
    async with AsyncExitStack() as sites:

        async def make(
            *,
            flavor: str = "openai",
            script: Script | None = None,
            seconds_per_request: float = 20.0,
        ) -> Site:
            wire = WIRE.model_copy(update={"seconds_per_request": seconds_per_request})
            fake = FakeProvider(FakeSettings(flavor=flavor), script=script, clock=VirtualClock())
            await sites.enter_async_context(fake)
            app = await sites.enter_async_context(wire_app(fake, settings=wire))
            server = await sites.enter_async_context(FaultServer(app))
            stack = await sites.enter_async_context(AsyncExitStack())
            return Site(fake, app, server, stack)

        yield make


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """A cloud of OpenAI's kind."""
    return await make_site()


@pytest.fixture
async def other() -> AsyncIterator[FaultServer]:
    """Another server, which nobody means to call."""
    async with FaultServer() as server:
        yield server
