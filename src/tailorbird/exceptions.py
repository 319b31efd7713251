"""Every error that tailorbird raises, sorted by what the caller can do about it.

```text
TailorbirdError
├── ConfigError                    fix the settings, the environment or the installation
│   └── MissingExtraError          install the named extra (also an ImportError)
├── InvalidInputError              fix the call's argument; nothing was sent (also a ValueError)
│   └── DataError                  fix the file: every problem with line, column and fix
├── UnsupportedError               this provider cannot do it (now): take what `instead` names
├── ProviderError                  a provider refused, failed or did not answer
│   ├── AuthenticationError        the key or token is wrong or expired
│   ├── PermissionDeniedError      the key is right and may not do this
│   ├── NotFoundError              no such file, job, model, deployment or index
│   ├── ConflictError              the object is in a state that forbids it, or exists already
│   ├── InvalidRequestError        the provider refused the request as wrong
│   │   └── ContentFilteredError   the provider's filter refused the content
│   ├── RateLimitError             wait and repeat
│   ├── QuotaExhaustedError        pay or raise the quota; repeating does not help
│   ├── ServiceUnavailableError    the provider is in trouble: repeat later
│   ├── ConnectError               the request never arrived
│   ├── DeadlineError              the call's own deadline ended it
│   ├── StillDeployedError         a deployment may still stand and cost money: delete it
│   └── UnexpectedResponseError    the answer does not have the promised shape
│       ├── EmptyAnswerError       the answer carries no content
│       └── StreamTruncatedError   the stream ended early: `text` holds what came
├── AnswerError                    the model answered, but not with what was asked for
│   ├── RefusedError               the model declined: `refusal` holds its words
│   └── OutputInvalidError         the structured output does not fit the wanted type
├── JobError                       a fine-tuning job did not give a model
│   ├── JobFailedError             the provider ended it: read `failure` and the events
│   ├── JobCancelledError          somebody cancelled it
│   ├── JobOutcomeUnknownError     it may or may not exist: resume it by name
│   └── WaitTimeoutError           the wait is over, the job goes on: resume it by name
├── RetrievalError                 an index cannot serve this call
│   ├── IndexMissingError          build it first
│   ├── IndexMismatchError         it was built with another model, width or engine
│   └── IndexShrinkError           most of its documents are gone from the source: look
├── StorageError                   the workspace cannot hold or give the data
│   ├── StorageFullError           free some room at the named path
│   ├── StoreBusyError             another process writes; try again
│   └── StoreVersionError          the store was written by another version
├── ScorerError                    a scorer of your own failed: mend it, the answers are kept
├── BudgetExceededError            the budget does not allow the call; nothing was sent
└── ScriptError                    a scripted fake was left with unused steps
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tailorbird.problem import Problem as Problem  # noqa: PLC0414 - what a `DataError` holds
from tailorbird.problem import Severity as Severity  # noqa: PLC0414

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

Accepted = Literal["yes", "no", "unknown"]
"""Whether the provider took the request: decides if repeating it can pay for it twice."""


class TailorbirdError(Exception):
    """The root: catch it to catch everything that tailorbird raises on purpose."""


class ConfigError(TailorbirdError):
    """The settings, the environment or the installation are wrong; nothing was sent."""


class MissingExtraError(ConfigError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""

    def __init__(self, *, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        message = f"the package {package!r} is not installed: pip install 'tailorbird[{extra}]'"
        super().__init__(message)


class InvalidInputError(TailorbirdError, ValueError):
    """An argument of the call is wrong; nothing was sent, written or paid for."""


class DataError(InvalidInputError):
    """A user's data has errors; all of them (up to 100) are listed, nothing was written."""

    def __init__(self, problems: Sequence[Problem], *, total: int | None = None) -> None:
        self.problems = tuple(problems)
        """What was found: errors first in the order of the file, then warnings and notes."""
        self.total = len(self.problems) if total is None else total
        """How many problems there were, the ones beyond the first 100 included."""
        errors = sum(problem.severity == "error" for problem in self.problems)
        head = f"{errors} error(s) in the data; nothing was written or sent"
        lines = [head, *(f"  {problem}" for problem in self.problems)]
        if self.total > len(self.problems):
            lines.append(f"  … and {self.total - len(self.problems)} more")
        super().__init__("\n".join(lines))


class UnsupportedError(TailorbirdError):
    """A provider cannot do what was asked, at this time or at all; nothing was created."""

    def __init__(
        self,
        *,
        provider: str,
        capability: str,
        reason: str,
        instead: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> None:
        self.provider, self.capability, self.reason = provider, capability, reason
        self.instead, self.since, self.until = instead, since, until
        advice = f" Instead: {instead}" if instead else ""
        super().__init__(f"{provider}: {capability!r} is not available: {reason}.{advice}")


class ProviderError(TailorbirdError):
    """A provider refused the call, failed, or did not answer in time."""

    def __init__(  # noqa: PLR0913 - an error has that many facts
        self,
        message: str,
        *,
        provider: str,
        operation: str,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        accepted: Accepted = "unknown",
        should_retry: bool | None = None,
    ) -> None:
        self.provider = provider
        """Name of the provider that was called."""
        self.operation = operation
        """What was called, e.g. `jobs.create`."""
        self.status_code = status_code
        """HTTP status, 100..599; None when there was no answer."""
        self.code = code
        """The provider's own error code such as `training_not_available`."""
        self.request_id = request_id
        """The provider's id of the request, for its support."""
        self.retry_after_s = retry_after_s
        """Seconds the provider asks to wait, at least 0; None when it does not say."""
        self.accepted: Accepted = accepted
        """Whether the provider took the request: `no` is safe to repeat, `unknown` is not."""
        self.should_retry = should_retry
        """Whether repeating can help, where more is known than the class says; else None."""
        facts = (
            None if status_code is None else f"status {status_code}",
            None if code is None else f"code {code!r}",
            None if request_id is None else f"request {request_id}",
            None if retry_after_s is None else f"retry after {retry_after_s:g} s",
        )
        told = ", ".join(fact for fact in facts if fact)
        super().__init__(f"{provider} {operation}: {message}" + (f" ({told})" if told else ""))


class AuthenticationError(ProviderError):
    """The key or token is missing, wrong or expired (status 401)."""


class PermissionDeniedError(ProviderError):
    """The key is valid and may not do this (status 403)."""


class NotFoundError(ProviderError):
    """The named object does not exist, or the key may not see it (status 404, 410)."""


class ConflictError(ProviderError):
    """The object's state forbids the call, or its name is taken (status 409)."""


class InvalidRequestError(ProviderError):
    """The provider refused the request as wrong (status 400, 413, 422)."""


class ContentFilteredError(InvalidRequestError):
    """The provider's content filter refused the prompt or cut the answer."""

    def __init__(  # noqa: PLR0913 - as above
        self,
        message: str,
        *,
        stage: Literal["prompt", "completion"],
        categories: Sequence[str] = (),
        provider: str,
        operation: str,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        accepted: Accepted = "yes",
    ) -> None:
        self.stage: Literal["prompt", "completion"] = stage
        """`prompt`: refused before any token; `completion`: the answer was cut."""
        self.categories = tuple(categories)
        """The provider's names of what was found, such as `violence`; may be empty."""
        super().__init__(
            message,
            provider=provider,
            operation=operation,
            status_code=status_code,
            code=code,
            request_id=request_id,
            accepted=accepted,
        )


class RateLimitError(ProviderError):
    """Too many calls or tokens for the moment (status 429): wait and repeat."""


class QuotaExhaustedError(ProviderError):
    """The account's quota or money is used up (status 429): repeating does not help."""


class ServiceUnavailableError(ProviderError):
    """The provider is in trouble (status 5xx): repeat later."""


class ConnectError(ProviderError):
    """The provider could not be reached: the request never arrived (`accepted` is `no`)."""


class DeadlineError(ProviderError):
    """The call's deadline passed, all attempts and waits included."""


class StillDeployedError(ProviderError):
    """A deployment could not be taken away: it may still stand and cost money by the hour."""


class UnexpectedResponseError(ProviderError):
    """The answer does not have the promised shape; nothing of it was used."""


class EmptyAnswerError(UnexpectedResponseError):
    """The answer has no choice, no text and no tool call."""


class StreamTruncatedError(UnexpectedResponseError):
    """The stream ended without a finish reason or an end mark."""

    def __init__(self, message: str, *, text: str, provider: str, operation: str) -> None:
        self.text = text
        """What had been received before the break; may be empty."""
        super().__init__(message, provider=provider, operation=operation, accepted="yes")


class AnswerError(TailorbirdError):
    """The model answered, and the answer is not what was asked for."""


class RefusedError(AnswerError):
    """The model declined to answer in the wanted form."""

    def __init__(self, refusal: str) -> None:
        self.refusal = refusal
        """What the model said; content, so it is not part of the message."""
        super().__init__("the model refused to give the structured output; see `refusal`")


class OutputInvalidError(AnswerError):
    """The text of a structured answer does not fit the wanted type."""

    def __init__(self, message: str, *, text: str) -> None:
        self.text = text
        """The answer as it came; content, so it is not part of the message."""
        super().__init__(message)


class JobError(TailorbirdError):
    """A fine-tuning job did not give a model (yet)."""

    def __init__(self, message: str, *, job_id: str | None = None, name: str | None = None) -> None:
        self.job_id = job_id
        """The provider's id of the job; None when it is not known."""
        self.name = name
        """The name under which the run can be resumed; None for a job made without one."""
        super().__init__(message)


class JobFailedError(JobError):
    """The provider ended the job without a model."""

    def __init__(
        self,
        message: str,
        *,
        job_id: str,
        name: str | None = None,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        self.code = code
        """The provider's code such as `invalid_training_file`; an open set."""
        self.param = param
        """The parameter the provider blames, e.g. `training_file`."""
        super().__init__(message, job_id=job_id, name=name)


class JobCancelledError(JobError):
    """The job was cancelled, here or elsewhere."""


class JobOutcomeUnknownError(JobError):
    """The answer to the creation was lost: the job may or may not exist."""


class WaitTimeoutError(JobError):
    """The wait reached its limit; the job itself goes on."""


class RetrievalError(TailorbirdError):
    """An index cannot serve the call."""


class IndexMissingError(RetrievalError):
    """There is no index of that name, or it is empty: build it first."""


class IndexMismatchError(RetrievalError):
    """The index was built with another embedding model, width or engine."""


class IndexShrinkError(RetrievalError):
    """Most documents of an index are gone from the source; none of them was removed."""


class StorageError(TailorbirdError):
    """The workspace cannot hold or give back the data."""


class StorageFullError(StorageError):
    """There is no room left; what was there before is intact."""

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        super().__init__(f"no room left to write {self.path!r}; nothing was changed")


class StoreBusyError(StorageError):
    """Another process holds the store for longer than the wait allows."""


class StoreVersionError(StorageError):
    """The store was written by a newer version of tailorbird."""


class ScorerError(TailorbirdError):
    """A user's scorer raised, or gave a figure outside of its range; the answers are kept."""

    def __init__(self, message: str, *, scorer: str, question: str) -> None:
        self.scorer, self.question = scorer, question
        super().__init__(f"scorer {scorer!r}, question {question!r}: {message}")


class BudgetExceededError(TailorbirdError):
    """The budget does not allow the call; nothing was sent. Amounts are US dollars."""

    def __init__(
        self,
        message: str,
        *,
        limit: Decimal,
        needed: Decimal,
        left: Decimal,
        spent: Decimal | None = None,
        held: Decimal | None = None,
    ) -> None:
        self.limit, self.needed, self.left = limit, needed, left
        """What may be spent in all, what the call may cost at worst, and what is left of it."""
        self.spent, self.held = spent, held
        """What was spent, and what others or what is under way hold; None for one run's budget."""
        super().__init__(message)


class ScriptError(TailorbirdError):
    """A scripted fake was closed with steps that nothing used, or was given a wrong script."""
