"""What can go wrong at a provider, as one value a fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tailorbird.exceptions import (
    Accepted,
    AuthenticationError,
    ConnectError,
    ContentFilteredError,
    DeadlineError,
    InvalidRequestError,
    PermissionDeniedError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    ScriptError,
    ServiceUnavailableError,
    StreamTruncatedError,
    TailorbirdError,
    UnsupportedError,
)
from tailorbird.types.capabilities import Capability

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAINING_CLOSED = "training_not_available"
"""Code by which OpenAI refuses an organization that may not tune any more; status 403.

Source: reports of organizations in public repositories, read 2026-11-22.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which a call fails.

    The usual ones have names: `Fault.rate_limited()`, `Fault.lost_answer()` and so on.
    """

    error: type[ProviderError] = ServiceUnavailableError
    """The error that the caller sees; not `StreamTruncatedError`, which is `Cut`."""
    message: str = "scripted fault"
    """The provider's words."""
    status_code: int | None = None
    """HTTP status, 100..599; None for an answer that never came."""
    code: str | None = None
    """The provider's own code."""
    retry_after_s: float | None = None
    """Seconds the provider asks to wait; None when it does not say."""
    accepted: Accepted = "unknown"
    """What the caller can know: whether the call may have taken effect."""
    after_effect: bool = False
    """Whether the call takes effect first, so that only its answer is lost."""
    stage: Literal["prompt", "completion"] = "prompt"
    """Where a content filter acted; used by `ContentFilteredError` only."""
    categories: tuple[str, ...] = ()
    """What a content filter found; used by `ContentFilteredError` only."""

    def __post_init__(self) -> None:
        """Refuse contradictions.

        Raises:
            ScriptError: A call that took effect is said not to be accepted, or the error is made in
                another way.
        """
        if self.after_effect and self.accepted == "no":
            message = "a fault after the effect cannot have accepted='no': the call was accepted"
            raise ScriptError(message)
        if issubclass(self.error, StreamTruncatedError):
            message = "a truncated stream is scripted by Cut(after=…) on 'chat.stream'"
            raise ScriptError(message)

    @classmethod
    def rate_limited(cls, *, retry_after_s: float | None = None) -> Fault:
        """Make the refusal of a call that came too soon (429)."""
        return cls(
            error=RateLimitError,
            message="too many requests",
            status_code=429,
            code="rate_limit_exceeded",
            retry_after_s=retry_after_s,
            accepted="no",
        )

    @classmethod
    def out_of_quota(cls) -> Fault:
        """Make the refusal of an account without money (429 that never heals)."""
        return cls(
            error=QuotaExhaustedError,
            message="the quota is used up: check plan and billing",
            status_code=429,
            code="insufficient_quota",
            accepted="no",
        )

    @classmethod
    def unavailable(cls, *, status_code: int = 503, after_effect: bool = False) -> Fault:
        """Make the answer of a service in trouble (5xx); nobody can know what took effect."""
        return cls(
            message="the service is in trouble",
            status_code=status_code,
            after_effect=after_effect,
        )

    @classmethod
    def lost_answer(cls) -> Fault:
        """Make a connection that breaks after the call took effect."""
        return cls(message="the connection broke before the answer came", after_effect=True)

    @classmethod
    def no_connection(cls) -> Fault:
        """Make a host that cannot be reached: the call never arrived."""
        return cls(error=ConnectError, message="the host could not be reached", accepted="no")

    @classmethod
    def timed_out(cls, *, after_effect: bool = False) -> Fault:
        """Make silence until the call's deadline."""
        return cls(
            error=DeadlineError, message="no answer within the time", after_effect=after_effect
        )

    @classmethod
    def wrong_key(cls) -> Fault:
        """Make the refusal of a key (401)."""
        return cls(
            error=AuthenticationError,
            message="the key is wrong or expired",
            status_code=401,
            code="invalid_api_key",
            accepted="no",
        )

    @classmethod
    def refused(cls, message: str, *, code: str | None = None) -> Fault:
        """Make the refusal of a request that the provider holds for wrong (400)."""
        return cls(
            error=InvalidRequestError, message=message, status_code=400, code=code, accepted="no"
        )

    @classmethod
    def training_closed(cls) -> Fault:
        """Make the refusal of an account that may not tune any more (403)."""
        return cls(
            error=PermissionDeniedError,
            message="fine-tuning is not available for this organization",
            status_code=403,
            code=TRAINING_CLOSED,
            accepted="no",
        )

    @classmethod
    def filtered(
        cls,
        *,
        stage: Literal["prompt", "completion"] = "prompt",
        categories: Sequence[str] = ("violence",),
    ) -> Fault:
        """Make a content filter's refusal: of the prompt (400), or of the answer (200)."""
        return cls(
            error=ContentFilteredError,
            message=f"the content filter refused the {stage}",
            status_code=400 if stage == "prompt" else 200,
            code="content_filter",
            accepted="yes",
            stage=stage,
            categories=tuple(categories),
        )

    def to_error(self, *, provider: str, operation: str) -> TailorbirdError:
        """Make the error as the provider's translation would."""
        if self.code == TRAINING_CLOSED and operation == "jobs.create":
            return UnsupportedError(
                provider=provider,
                capability=Capability.JOBS_CREATE.value,
                reason=f"{self.message} (status {self.status_code}, code {self.code!r})",
                instead="train on another provider, or retrieve from documents",
            )
        if issubclass(self.error, ContentFilteredError):
            return self.error(
                self.message,
                stage=self.stage,
                categories=self.categories,
                provider=provider,
                operation=operation,
                status_code=self.status_code,
                code=self.code,
                accepted=self.accepted,
            )
        return self.error(
            self.message,
            provider=provider,
            operation=operation,
            status_code=self.status_code,
            code=self.code,
            retry_after_s=self.retry_after_s,
            accepted=self.accepted,
        )
