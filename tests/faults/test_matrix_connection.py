"""Rows A and B of the fault matrix: connections that break, and answers that say "later"."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from statistics import pstdev
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from tailorbird.exceptions import (
    AuthenticationError,
    ConflictError,
    ConnectError,
    DeadlineError,
    InvalidInputError,
    InvalidRequestError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)
from tailorbird.protocols import SystemClock
from tailorbird.providers.openai import OpenAIProvider, OpenAISettings
from tailorbird.testing.faults import (
    Answer,
    Disconnect,
    FaultServer,
    GhostAnswer,
    HeaderFlood,
    IdleClose,
    Line,
    Place,
    Redirect,
    Stall,
    Status,
    Step,
    Trickle,
    WireFault,
)
from tailorbird.types import DeploymentName, DeploymentSpec, Message, ModelId
from tailorbird.types.secrets import Secret

if TYPE_CHECKING:
    from conftest import MakeSite, Site

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

CHAT = "gpt-4.1-mini-2025-04-14"
ASKS = "/v1/chat/completions"
JOBS = "/v1/fine_tuning/jobs"
PLACES: tuple[Place, ...] = ("before_headers", "after_headers", "mid_body")


@dataclass(frozen=True, slots=True)
class Raw(WireFault):
    """Bytes that are sent as they are, and the end."""

    data: bytes

    @override
    async def play(self, line: Line, answer: Answer) -> None:
        """Send them."""
        await line.send(self.data)
        await line.close()


async def elapsed(call: Callable[[], Awaitable[object]], kind: type[ProviderError]) -> float:
    """Give the real seconds until a call fails in a certain way."""
    start = time.monotonic()
    with pytest.raises(kind):
        await call()
    return time.monotonic() - start


async def test_closed_port_is_told_and_tried_again(site: Site) -> None:
    """A1: nobody listens: `ConnectError`, not accepted, the host named, tried again in time."""
    async with FaultServer() as gone:
        url = gone.url
    account = await site.openai(base_url=f"{url}/v1")
    with pytest.raises(ConnectError, match=r"'127\.0\.0\.1'") as caught:
        await site.ask(account)
    assert (caught.value.accepted, caught.value.status_code) == ("no", None)
    assert (caught.value.provider, caught.value.operation) == ("openai", "chat.complete")
    assert account.clock.monotonic() > 0  # it has waited between attempts
    assert site.server.seen == ()


async def test_closed_port_on_azure_is_told(make_site: MakeSite) -> None:
    """A1: on Azure the same error names the same things, for data and for deployments."""
    site = await make_site(flavor="azure")
    async with FaultServer() as gone:
        url = gone.url
    account = await site.azure(credential=lambda: site.arm_token, management_endpoint=url)
    with pytest.raises(ConnectError) as caught:
        _ = [one async for one in account.deployments.list()]
    assert (caught.value.provider, caught.value.accepted) == ("azure", "no")


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("place", PLACES)
async def test_broken_connection_costs_one_more_attempt(
    site: Site, place: Place, *, reset: bool
) -> None:
    """A2, A4: a question whose answer breaks off is asked again, and answered as a whole."""
    account = await site.openai()
    site.break_next(Step(fault=Disconnect(place, reset=reset), path=ASKS, commit=True))
    reply = await site.ask(account)
    assert reply.text
    assert reply.usage is not None
    first, second = site.seen("POST", "/chat/completions")
    assert first.body == second.body


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("place", PLACES)
async def test_broken_connection_never_repeats_a_creation(
    site: Site, place: Place, *, reset: bool
) -> None:
    """A2, A4: a creation whose answer breaks off is sent once, and nobody knows its outcome."""
    account, spec = await site.openai(), await site.make_spec()
    site.break_next(Step(fault=Disconnect(place, reset=reset), path=JOBS, commit=True))
    with pytest.raises(ServiceUnavailableError) as caught:
        await account.jobs.create(spec)
    assert caught.value.accepted == "unknown"
    assert len(site.seen("POST", "/fine_tuning/jobs")) == 1
    assert site.app.live_jobs() == 1


async def test_attempts_on_broken_connections_are_bounded(site: Site) -> None:
    """A2: a server that always breaks is asked four times, and the error says what happened."""
    account = await site.openai()
    site.break_next(Step(fault=Disconnect(reset=True), path=ASKS, times=4))
    with pytest.raises(ServiceUnavailableError, match="broke"):
        await site.ask(account)
    assert len(site.server.seen) == 4
    assert (await site.ask(account)).text  # and it is usable afterwards


SLOW = [Stall(60), Stall(60, at="after_headers"), Stall(60, at="mid_body"), Trickle(0.05, 1)]


@pytest.mark.parametrize("fault", SLOW)
async def test_deadline_ends_a_slow_answer(site: Site, fault: WireFault) -> None:
    """A5, A7: silence anywhere, or a byte every 50 ms: the call's deadline ends it."""
    account = await site.openai(clock=SystemClock())
    site.break_next(Step(fault=fault, path=ASKS, commit=True))
    taken = await elapsed(lambda: site.ask(account, timeout_s=1.0), DeadlineError)
    assert 0.95 < taken < 30
    await site.server.until_disconnected()
    assert len(site.server.seen) == 1
    assert (await site.ask(account)).text


async def test_deadline_holds_for_all_attempts_together(site: Site) -> None:
    """A5: refused attempts and waits take from the same time; it does not begin anew."""
    account = await site.openai(clock=SystemClock(), retry={"base_s": 0.05})
    site.break_next(Step(fault=Status(503), path=ASKS, times=2), Step(fault=Stall(60), path=ASKS))
    taken = await elapsed(lambda: site.ask(account, timeout_s=1.5), DeadlineError)
    assert taken < 30
    assert len(site.server.seen) == 3


@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_deadline_of_the_settings_holds(make_site: MakeSite, flavor: str) -> None:
    """A5: where a call names no time, the settings' `timeout_s` counts, on every provider."""
    site = await make_site(flavor=flavor)
    open_account = site.azure if flavor == "azure" else site.openai
    account = await open_account(clock=SystemClock(), timeout_s=1.0)
    chat, embedding = (site.roles[flavor][role].callable_id for role in ("chat", "embedding"))
    calls = [
        lambda: account.chat.complete([Message.user("?")], model=chat),
        lambda: account.embeddings.embed(["質問"], model=embedding),
        lambda: account.jobs.create(spec),
    ]
    spec = await site.make_spec()
    site.break_next(Step(fault=Stall(60), times=len(calls)))
    for call in calls:
        assert await elapsed(call, DeadlineError) < 1.5
    assert len(site.server.seen) == len(calls)


@pytest.mark.parametrize("creates", [False, True])
async def test_connection_that_idled_out_is_replaced(site: Site, *, creates: bool) -> None:
    """A8: closed while it idled, a connection is replaced unseen, also before a creation."""
    account, spec = await site.openai(), await site.make_spec()
    site.break_next(Step(fault=IdleClose(), path=ASKS, commit=True))
    await site.ask(account)
    await site.server.until_disconnected()
    await (account.jobs.create(spec) if creates else site.ask(account))
    assert len(site.server.seen) == 2
    assert site.server.connections == 2
    assert account.clock.monotonic() == 0  # no wait: it was no failed attempt


async def test_header_flood_is_dropped(site: Site) -> None:
    """A10: headers without end become a typed error, and the next call works."""
    account = await site.openai()
    site.break_next(Step(fault=HeaderFlood(2 << 20), path=ASKS, times=4))
    with pytest.raises(ProviderError) as caught:
        await site.ask(account)
    assert caught.value.accepted == "unknown"
    assert "x-flood" not in str(caught.value)
    assert (await site.ask(account)).text


NOT_HTTP = [
    b"SSH-2.0-OpenSSH_9.9\r\n",
    b"<html>hello</html>",
    b"\x16\x03\x01\x00\xff",
    b"HTTP/1.1 99999 X\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n{}",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 300 Choose\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
    b"HTTP/1.1 599 X\r\n\r\n",
]


@pytest.mark.parametrize("data", NOT_HTTP, ids=range(len(NOT_HTTP)))
async def test_answers_that_are_hardly_http(site: Site, data: bytes) -> None:
    """A10: gibberish, wrong framing and odd statuses are typed errors; nothing is doubled."""
    account, spec = await site.openai(retry={"attempts": 1}), await site.make_spec()
    site.break_next(Step(fault=Raw(data), path=ASKS), Step(fault=Raw(data), path=JOBS, commit=True))
    for call in (lambda: site.ask(account), lambda: account.jobs.create(spec)):
        with pytest.raises((ServiceUnavailableError, UnexpectedResponseError)) as caught:
            await call()
        assert caught.value.accepted == "unknown"
    assert site.app.live_jobs() == 1
    assert (await site.ask(account)).text


DEPLOYMENT = DeploymentSpec(model=ModelId(CHAT), name=DeploymentName("extra"))


@pytest.mark.parametrize("fault", [Disconnect(), Disconnect("mid_body"), Status(500)], ids=str)
async def test_deployments_are_named_so_that_lost_answers_do_no_harm(
    make_site: MakeSite, fault: WireFault
) -> None:
    """A2, A4: on Azure's control plane a lost answer leaves one deployment, or none after all."""
    site = await make_site(flavor="azure")
    account = await site.azure()
    site.break_next(
        Step(fault=fault, method="PUT", commit=True),
        Step(fault=fault, method="DELETE", commit=True),
    )
    await account.deployments.create(DEPLOYMENT)
    names = [one.name async for one in site.fake.deployments.list()]
    assert names.count(DEPLOYMENT.name) == 1
    await account.deployments.delete(DeploymentName("extra"))
    assert DEPLOYMENT.name not in [one.name async for one in site.fake.deployments.list()]


@pytest.mark.parametrize("fault", [Stall(60), Trickle(0.05, 1)])
async def test_control_plane_has_deadlines_too(make_site: MakeSite, fault: WireFault) -> None:
    """A5, A7: calls of Azure's control plane end at their deadline as well."""
    site = await make_site(flavor="azure")
    account = await site.azure(clock=SystemClock(), timeout_s=1.0)
    site.break_next(Step(fault=fault, commit=True))
    call = elapsed(lambda: account.deployments.get(DeploymentName("chat")), DeadlineError)
    assert await call < 30
    await site.server.until_disconnected()


async def test_ghost_of_another_shape_is_no_answer(site: Site) -> None:
    """A11: bytes behind an answer are never handed out as a reply when they do not fit the call."""
    account = await site.openai()
    site.break_next(Step(fault=GhostAnswer(), path=ASKS, commit=True))
    assert (await site.ask(account)).text
    [outcome] = await site.together(site.ask(account))
    assert isinstance(outcome, UnexpectedResponseError) or getattr(outcome, "text", "")


async def test_pool_survives_cancellation_under_contention(site: Site) -> None:
    """A13: 60 of 60 waiting calls cancelled, then 20 calls succeed and no connection is lost."""
    account = await site.openai(clock=SystemClock(), http={"max_connections": 5})
    site.break_next(Step(fault=Stall(60), path=ASKS, times=5))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(site.ask(account)) for _ in range(60)]
        await site.server.until_seen(5)
        for task in tasks:
            task.cancel()
    assert all(task.cancelled() for task in tasks)
    await site.server.until_disconnected()
    replies = await site.together(*(site.ask(account, timeout_s=60) for _ in range(20)))
    assert not [reply for reply in replies if isinstance(reply, Exception)]
    assert site.server.open_connections <= 5


def test_second_event_loop_is_refused() -> None:
    """A14: an account that is used in another loop says so, and nothing reaches the wire."""
    kept: list[OpenAIProvider] = []

    async def first() -> None:
        # The first call breaks off, so that no connection is left behind in this loop.
        async with FaultServer(script=[Step(fault=Disconnect())]) as server:
            settings = OpenAISettings.model_validate(
                {"base_url": f"{server.url}/v1", "api_key_env": "X", "retry": {"attempts": 1}}
            )
            account = OpenAIProvider(settings, key=Secret("test-key", source="test"))
            await account.__aenter__()
            kept.append(account)
            with pytest.raises(ServiceUnavailableError):
                await ask(account)

    async def ask(account: OpenAIProvider) -> None:
        await account.chat.complete([Message.user("?")], model=ModelId("gpt-4.1-mini"))

    asyncio.run(first())
    with pytest.raises(InvalidInputError, match="another event loop"):
        asyncio.run(ask(kept[0]))


async def test_proxy_of_the_shell_never_sees_loopback(
    site: Site, other: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A17: a server on this machine is called straight, whatever the shell says about proxies."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, other.url)
    account = await site.openai()
    assert (await site.ask(account)).text
    assert other.connections == 0


async def test_asked_wait_is_kept(site: Site) -> None:
    """B1: after a 429 with `retry-after-ms` the next attempt comes no earlier."""
    account = await site.openai(clock=SystemClock(), retry={"base_s": 0.01})
    site.break_next(Step(fault=Status.rate_limited(retry_after_ms=80), path=ASKS))
    assert (await site.ask(account)).text
    [gap] = site.server.gaps()
    assert gap >= 0.08


@pytest.mark.parametrize("in_words", [False, True])
async def test_asked_seconds_and_dates_are_a_floor(site: Site, *, in_words: bool) -> None:
    """B2: seconds and dates are kept in full, and a drawn wait comes on top."""
    account = await site.openai()
    wished = format_datetime(account.clock.now() + timedelta(seconds=7), usegmt=True)
    headers = {"retry-after": wished if in_words else "7"}
    site.break_next(Step(fault=Status(429, headers=headers), path=ASKS))
    assert (await site.ask(account)).text
    assert 7 < account.clock.monotonic() <= 14


@pytest.mark.parametrize(
    "wish",
    ["0", "-5", "nan", "inf", "1e300", "", "３", format_datetime(datetime(2020, 1, 1, tzinfo=UTC))],
)
async def test_useless_wishes_mean_our_own_wait(site: Site, wish: str) -> None:
    """B4: what is no time neither crashes nor leads to an attempt without a wait."""
    account = await site.openai()
    spoiled = wish.encode().decode("latin-1")  # as bytes on the wire
    site.break_next(Step(fault=Status(429, headers={"retry-after": spoiled}), path=ASKS))
    assert (await site.ask(account)).text
    assert 0 < account.clock.monotonic() <= 20
    assert len(site.server.seen) == 2


@pytest.mark.parametrize("flavor", ["openai", "azure"])
async def test_quota_is_not_asked_for_again(make_site: MakeSite, flavor: str) -> None:
    """B5: used up quota is one request, and an error that points to billing."""
    site = await make_site(flavor=flavor)
    account = await (site.azure() if flavor == "azure" else site.openai())
    site.break_next(Step(fault=Status.out_of_quota()))
    with pytest.raises(QuotaExhaustedError, match="billing") as caught:
        await account.chat.complete(
            [Message.user("?")], model=site.roles[flavor]["chat"].callable_id
        )
    error = caught.value
    assert (error.status_code, error.code, error.accepted) == (429, "insufficient_quota", "no")
    assert len(site.server.seen) == 1
    assert account.clock.monotonic() == 0


async def test_refused_herd_comes_back_spread_out(site: Site) -> None:
    """B7: 20 calls with the same asked wait do not come back together."""
    account = await site.openai(clock=SystemClock(), retry={"base_s": 0.4})
    site.break_next(Step(fault=Status.rate_limited(retry_after_ms=100), path=ASKS, times=20))
    replies = await site.together(*(site.ask(account) for _ in range(20)))
    assert not [reply for reply in replies if isinstance(reply, Exception)]
    arrivals = [one.at_s for one in site.server.seen]
    assert len(arrivals) == 40
    assert pstdev(arrivals[20:]) > 0.2 * 0.1
    assert arrivals[20] - arrivals[0] >= 0.1


async def test_outage_multiplies_traffic_by_a_bounded_factor(site: Site) -> None:
    """B8: of 100 calls against nothing but 503, the budget allows ten repetitions."""
    account = await site.openai()
    site.break_next(Step(fault=Status(503), path=ASKS, times=None))
    failures = [await site.together(site.ask(account)) for _ in range(100)]
    assert all(isinstance(failed, ServiceUnavailableError) for [failed] in failures)
    assert len(site.server.seen) <= 110


DOUBTFUL = [
    (Status(500, {"error": {"message": "no"}}), ServiceUnavailableError),
    (Status(502, "<html><title>Bad Gateway</title></html>"), ServiceUnavailableError),
    (Status(503, headers={"x-should-retry": "true"}), ServiceUnavailableError),
    (Status(504), ServiceUnavailableError),
    (Status(408), ServiceUnavailableError),
    (Status(409, {"error": {"message": "no"}}), ConflictError),
]


@pytest.mark.parametrize(("fault", "kind"), DOUBTFUL)
async def test_doubtful_creations_are_sent_once(
    site: Site, fault: Status, kind: type[ProviderError]
) -> None:
    """B10: a creation that was carried out and answered by an error is not repeated."""
    account, spec = await site.openai(), await site.make_spec()
    site.break_next(Step(fault=fault, path=JOBS, commit=True))
    with pytest.raises(kind) as caught:
        await account.jobs.create(spec)
    assert (caught.value.accepted, caught.value.status_code) == ("unknown", fault.status_code)
    assert len(site.seen("POST", "/fine_tuning/jobs")) == 1
    assert site.app.live_jobs() == 1


async def test_refused_creation_is_repeated(site: Site) -> None:
    """B10: what was certainly not taken may be sent again: one job after a 429."""
    account, spec = await site.openai(), await site.make_spec()
    site.break_next(Step(fault=Status.rate_limited(retry_after_ms=10), path=JOBS))
    await account.jobs.create(spec)
    assert len(site.seen("POST", "/fine_tuning/jobs")) == 2
    assert site.app.live_jobs() == 1


async def test_server_says_that_repeating_is_useless(site: Site) -> None:
    """B11: `x-should-retry: false` ends the call after one request."""
    account = await site.openai()
    site.break_next(Step(fault=Status(503, headers={"x-should-retry": "false"}), path=ASKS))
    with pytest.raises(ServiceUnavailableError) as caught:
        await site.ask(account)
    assert caught.value.should_retry is False
    assert len(site.server.seen) == 1


BODIES = [
    b"[1, 2]",
    b"null",
    b"7",
    b'{"error": {"message": {"deep": []}, "code": [1]}}',
    b" " * (5 << 20),
    b'{"error": "\xff\xfe"',
    b"[" * 100_000,
    b"",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize(
    ("status", "kind"), [(400, InvalidRequestError), (500, ServiceUnavailableError)]
)
async def test_odd_error_bodies_do_not_hide_the_status(
    site: Site, status: int, kind: type[ProviderError], body: bytes
) -> None:
    """B13: whatever an error's body holds, its class comes from the status."""
    account = await site.openai(retry={"attempts": 1})
    site.break_next(Step(fault=Status(status, body, {"x-request-id": "req-7"}), path=ASKS))
    with pytest.raises(kind) as caught:
        await site.ask(account)
    assert (caught.value.status_code, caught.value.request_id) == (status, "req-7")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("second", "works"), [("token-2", True), ("token-3", False), ("token-1", False)]
)
async def test_expired_token_is_renewed_once(
    make_site: MakeSite, second: str, *, works: bool
) -> None:
    """B14: after a 401 a new token is tried once; a second 401 is the caller's, without a loop."""
    site = await make_site(flavor="azure")
    tokens = iter(["token-1", second, second, second, second])
    account = await site.azure(credential=lambda: next(tokens))
    model = site.roles["azure"]["chat"].callable_id
    if works:
        assert (await account.chat.complete([Message.user("?")], model=model)).text
    else:
        with pytest.raises(AuthenticationError) as caught:
            await account.chat.complete([Message.user("?")], model=model)
        assert (caught.value.status_code, caught.value.accepted) == (401, "no")
        assert second not in str(caught.value)
    sent = [one.headers["authorization"] for one in site.server.seen]
    assert sent[0] == "Bearer token-1"
    assert len(sent) <= 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_never_followed(site: Site, other: FaultServer, status: int) -> None:
    """B16: neither key nor prompt goes elsewhere, and the error names both hosts."""
    account = await site.openai()
    target = other.url.replace("127.0.0.1", "localhost")
    site.break_next(Step(fault=Redirect(f"{target}/v1/chat/completions", status), path=ASKS))
    with pytest.raises(UnexpectedResponseError, match=r"127\.0\.0\.1.*localhost") as caught:
        await site.ask(account)
    assert caught.value.accepted == ("no" if status in {307, 308} else "unknown")
    assert other.connections == 0
    assert len(site.server.seen) == 1


@pytest.mark.parametrize(
    "where", ["/v1/chat/completions", "http://127.0.0.1:1/", "file:///etc", ""]
)
async def test_redirects_in_circles_and_downwards_are_refused(site: Site, where: str) -> None:
    """B17: a redirect to itself, to a lower scheme or to a file ends at the first step."""
    account = await site.openai()
    site.break_next(Step(fault=Redirect(where), path=ASKS))
    with pytest.raises(UnexpectedResponseError, match="redirect"):
        await site.ask(account)
    assert len(site.server.seen) == 1


async def test_wait_that_does_not_fit_is_not_begun(site: Site) -> None:
    """B2: a wish that reaches beyond the deadline ends the call now, and is told."""
    account = await site.openai()
    fault = Status(429, {"error": {"message": "slow down"}}, {"retry-after": "100"})
    site.break_next(Step(fault=fault, path=ASKS))
    with pytest.raises(RateLimitError) as caught:
        await site.ask(account, timeout_s=5)
    assert caught.value.retry_after_s == 100
    assert len(site.server.seen) == 1


async def test_calls_at_once_get_their_own_answers(site: Site) -> None:
    """A2: breaks among 30 calls at once never mix answers up."""
    account = await site.openai()
    site.break_next(Step(fault=Disconnect("mid_body"), path=ASKS, commit=True, times=5))
    texts = [f"Frage {number}" for number in range(30)]
    replies = await site.together(
        *(account.chat.complete([Message.user(text)], model=ModelId(CHAT)) for text in texts)
    )
    asked = {json.loads(one.body)["messages"][0]["content"] for one in site.server.seen}
    assert asked == set(texts)
    assert len({getattr(reply, "id", None) for reply in replies}) == 30
