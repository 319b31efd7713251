"""Plain REST calls: authorization, waits, secrets."""

from __future__ import annotations

import asyncio
import logging
import pickle
import statistics
import traceback
from typing import Any

import pytest

from tailorbird.exceptions import (
    AuthenticationError,
    ConflictError,
    ContentFilteredError,
    InvalidInputError,
    InvalidRequestError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceUnavailableError,
)
from tailorbird.testing.faults import (
    Disconnect,
    FaultServer,
    Redirect,
    Stall,
    Status,
    Step,
    WireFault,
)

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

MakeRest = Any
KEY = "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34"


class Tokens:
    """Tokens that can be renewed so many times."""

    def __init__(self, renewals: int) -> None:
        self.renewals = renewals
        self.number = 1

    async def authorize(self) -> dict[str, str]:
        """Give the header of the token at hand."""
        return {"authorization": f"Bearer token-{self.number}"}

    async def renew(self) -> bool:
        """Take a new token, if there is one."""
        if not self.renewals:
            return False
        self.renewals -= 1
        self.number += 1
        return True


async def test_body_may_be_json_already(make_rest: MakeRest) -> None:
    """Bytes are sent as they are, nothing is sent without a body or header."""
    async with FaultServer() as server:
        rest = await make_rest()
        await rest.send(server.url, method="POST", body=b"[1]")
        await rest.client.send("GET", server.url, operation="o", repeat="safe", timeout_s=1.0)
    assert [seen.body for seen in server.seen] == [b"[1]", b""]
    assert "content-type" not in server.seen[1].headers


async def test_empty_answer_is_taken(make_rest: MakeRest) -> None:
    """An answer without a body, as to a deletion, is a good one."""
    async with FaultServer(None, [Step(fault=Status(204))]) as server:
        rest = await make_rest()
        answer = await rest.client.send(
            "DELETE", server.url, operation="o", repeat="safe", timeout_s=1.0
        )
    assert (answer.status_code, answer.content, answer.request_id) == (204, b"", None)


async def test_refused_token_is_renewed_once(make_rest: MakeRest) -> None:
    """B14: after a 401 the call goes out once more with a new token."""
    tokens = Tokens(renewals=1)
    async with FaultServer(None, [Step(fault=Status(401))]) as server:
        rest = await make_rest(attempts=4, authorize=tokens.authorize, renew=tokens.renew)
        assert (await rest.send(server.url)).status_code == 200
    sent = [seen.headers["authorization"] for seen in server.seen]
    assert sent == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(("renewals", "calls"), [(9, 2), (0, 1), (None, 1)])
async def test_refused_token_ends_the_call(
    make_rest: MakeRest, renewals: int | None, calls: int
) -> None:
    """B14: a token that is refused again, or cannot be renewed, is an error and no loop."""
    tokens = Tokens(renewals or 0)
    body = {"statusCode": 401, "message": "audience is incorrect"}
    async with FaultServer(None, [Step(fault=Status(401, body), times=None)]) as server:
        rest = await make_rest(
            attempts=4,
            authorize=tokens.authorize,
            renew=None if renewals is None else tokens.renew,
        )
        with pytest.raises(AuthenticationError, match="audience is incorrect"):
            await rest.send(server.url)
    assert len(server.seen) == calls


async def test_asked_wait_is_kept(make_rest: MakeRest) -> None:
    """B1, B2: the next attempt comes no earlier than the provider asks."""
    asked = Status.rate_limited(retry_after_ms=50)
    date = {"date": "Sun, 22 Nov 2026 09:00:00 GMT", "retry-after": "Sun, 22 Nov 2026 09:00:01 GMT"}
    async with FaultServer(
        None, [Step(fault=asked), Step(fault=Status(429, None, date))]
    ) as server:
        rest = await make_rest(attempts=3)
        await rest.send(server.url)
    assert 1.05 <= rest.clock.monotonic() <= 4.0


@pytest.mark.parametrize(
    "asked", ["0", "-1", "nan", "inf", "1e300", "", "\uff15", "Sun, 22 Nov 2020 09:00:00 GMT"]
)
async def test_nonsense_leads_to_our_own_wait(make_rest: MakeRest, asked: str) -> None:
    """B4: a useless wish is no crash and no loop without a wait."""
    headers = {"retry-after": asked.encode().decode("latin-1")}
    async with FaultServer(None, [Step(fault=Status(429, None, headers))]) as server:
        rest = await make_rest(attempts=2)
        await rest.send(server.url)
    assert 0.01 <= rest.clock.monotonic() <= 0.5


async def test_lack_of_quota_is_asked_once(make_rest: MakeRest) -> None:
    """B5: used up quota is not asked for again."""
    async with FaultServer(None, [Step(fault=Status.out_of_quota())]) as server:
        rest = await make_rest(attempts=4)
        with pytest.raises(QuotaExhaustedError, match="billing"):
            await rest.send(server.url)
    assert len(server.seen) == 1


async def test_refused_herd_is_spread(make_rest: MakeRest) -> None:
    """B7: 20 calls that were refused together do not come back together."""
    asked = Status.rate_limited(retry_after_ms=1000)
    async with FaultServer(None, [Step(fault=asked, times=20)]) as server:
        rest = await make_rest(attempts=4)
        ended: list[float] = []

        async def call() -> None:
            await rest.send(server.url, timeout_s=30.0)
            ended.append(rest.clock.monotonic())

        # Time stands still until all have been refused.
        with rest.clock.hold():
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(call())
                await server.until_seen(20)
                for _ in range(200):
                    await asyncio.sleep(0)
                rest.clock.advance(0.999)
                assert len(server.seen) == 20
                for _ in range(150):
                    rest.clock.advance(0.01)
                    for _ in range(3):
                        await asyncio.sleep(0)
                    await asyncio.sleep(0.0005)
    assert len(ended) == 20
    assert statistics.stdev(ended) > 0.2


async def test_outage_is_not_made_worse(make_rest: MakeRest) -> None:
    """B8: 50 calls in an outage send at most the budget's 10 repetitions more."""
    async with FaultServer(None, [Step(fault=Status(503), times=None)]) as server:
        rest = await make_rest(attempts=4)
        for _ in range(50):
            with pytest.raises(ServiceUnavailableError):
                await rest.send(server.url)
    assert len(server.seen) == 60


@pytest.mark.parametrize("status_code", [408, 409, 500, 502, 503])
async def test_creation_is_not_sent_again(make_rest: MakeRest, status_code: int) -> None:
    """B10: whatever may have been carried out is sent once, and says that nobody knows."""
    async with FaultServer(None, [Step(fault=Status(status_code, "<html>oops"))]) as server:
        rest = await make_rest(attempts=4)
        with pytest.raises((ConflictError, ServiceUnavailableError)) as caught:
            await rest.send(server.url, method="POST", body={}, repeat="if-refused")
    assert caught.value.accepted == "unknown"
    assert len(server.seen) == 1


async def test_refused_creation_is_sent_again(make_rest: MakeRest) -> None:
    """B10: a creation that was certainly not taken may be repeated."""
    async with FaultServer(None, [Step(fault=Status.rate_limited(retry_after_ms=5))]) as server:
        rest = await make_rest(attempts=4)
        await rest.send(server.url, method="POST", body={}, repeat="if-refused")
    assert len(server.seen) == 2


async def test_server_forbids_a_repetition(make_rest: MakeRest) -> None:
    """B11: `x-should-retry: false` ends the call."""
    async with FaultServer(
        None, [Step(fault=Status(503, None, {"x-should-retry": "false"}))]
    ) as server:
        rest = await make_rest(attempts=4)
        with pytest.raises(ServiceUnavailableError):
            await rest.send(server.url)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "body",
    [{"other": 1}, [], None, b"17", b"null", "x" * (5 << 20), b"\xff\xfe", b'{"error":'],
)
async def test_error_body_of_any_shape(make_rest: MakeRest, body: object) -> None:
    """B13: the class comes from the status, whatever the body holds."""
    async with FaultServer(None, [Step(fault=Status(500, body))]) as server:
        rest = await make_rest()
        with pytest.raises(ServiceUnavailableError):
            await rest.send(server.url)


async def test_filtered_prompt_is_told(make_rest: MakeRest) -> None:
    """The content filter of Azure gives stage and categories through the wire."""
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": {"filtered": True}},
    }
    body = {"error": {"code": "content_filter", "param": "prompt", "innererror": inner}}
    fault = Status(400, body, {"apim-request-id": "apim-1"})
    async with FaultServer(None, [Step(fault=fault)]) as server:
        rest = await make_rest()
        with pytest.raises(ContentFilteredError) as caught:
            await rest.send(server.url)
    assert (caught.value.stage, caught.value.categories) == ("prompt", ("violence",))
    assert caught.value.request_id == "apim-1"


async def test_deadline_within_a_wait(make_rest: MakeRest) -> None:
    """J2: a wait that does not fit is not begun; the last error says what was asked."""
    async with FaultServer(
        None, [Step(fault=Status.rate_limited(retry_after_ms=100_000))]
    ) as server:
        rest = await make_rest(attempts=4)
        with pytest.raises(RateLimitError) as caught:
            await rest.send(server.url, timeout_s=2.0)
    assert caught.value.retry_after_s == 100.0
    assert rest.clock.monotonic() == 0.0


async def test_failing_call_leaves_the_others_clean(make_rest: MakeRest) -> None:
    """J5: when one of 20 calls is refused, the group ends with its error and nothing open."""
    script = [Step(fault=Status(400), path="/bad"), Step(fault=Stall(60.0), times=None)]
    async with FaultServer(None, script) as server:
        rest = await make_rest()

        async def together() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(rest.send(f"{server.url}/{'good' if number else 'bad'}"))

        with pytest.raises(ExceptionGroup) as caught:
            await together()
        await rest.http.aclose()
        await server.until_disconnected()
    assert [type(each) for each in caught.value.exceptions] == [InvalidRequestError]


@pytest.mark.parametrize("value", ["", "line\nend", "\uff41", "tab\t", "nul\x00"])
async def test_header_that_cannot_be_sent_is_refused(make_rest: MakeRest, value: str) -> None:
    """K2: a wrong header is refused by name, before anything is sent, without its value."""

    async def authorize() -> dict[str, str]:
        return {"api-key": f"geheim99{value}" if value else ""}

    async with FaultServer() as server:
        rest = await make_rest(authorize=authorize)
        with pytest.raises(InvalidInputError, match="'api-key'") as caught:
            await rest.send(server.url)
    assert "geheim99" not in str(caught.value)
    assert server.seen == ()


@pytest.mark.parametrize(
    "fault",
    [
        Status(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}),
        Status(403, f"Forbidden for Bearer {KEY}"),
        Status(429, {"error": {"message": KEY, "code": KEY, "param": KEY}}),
        Status(500, f"<title>{KEY}</title>"),
        Status(200, f"not JSON {KEY}"),
        Redirect("https://evil.test/"),
        Disconnect(),
        Disconnect("mid_body"),
    ],
)
async def test_key_is_shown_nowhere(
    make_rest: MakeRest, fault: WireFault, caplog: pytest.LogCaptureFixture
) -> None:
    """K1: after any failure the key stands in no message, repr, attribute, trace or log."""
    caplog.set_level(logging.DEBUG)

    async def authorize() -> dict[str, str]:
        return {"authorization": f"Bearer {KEY}"}

    async with FaultServer(None, [Step(fault=fault)]) as server:
        rest = await make_rest(authorize=authorize)
        with pytest.raises(ProviderError) as caught:
            await rest.send(server.url)
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    error = caught.value
    channels = [
        str(error),
        repr(error),
        repr(vars(error)),
        repr(error.args),
        "".join(traceback.format_exception(error)),
        repr(rest.client),
        caplog.text,
    ]
    assert not [text for text in channels if KEY in text]
    assert KEY.encode() not in pickle.dumps(error.args)
