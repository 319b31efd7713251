"""How long a provider asks to wait."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
# ASCII digits only: `float` would also read those of other scripts, `inf`, `nan` and `1e300`.

_LONGEST_S = 31 * 86400.0
# Quotas are renewed by the month at the latest; more than that is no time to wait but a mistake.


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read how long the provider asks to wait.

    `retry-after-ms` counts before `retry-after`, which may be seconds or a date (RFC 9110,
    10.2.3). A date is compared with the provider's own `date` where it sends one, so that a clock
    that is wrong here does no harm.

    Args:
        headers: The answer's headers, found in any case or written in small letters.
        now: The time of day here, aware.

    Returns:
        Seconds from 0 to 31 days; None when nothing (readable) is said.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is not None:
        return _bounded(seconds)
    moment = _date(text)
    if moment is None:
        return None
    return _bounded((moment - (_date(headers.get("date", "")) or now)).total_seconds())


def _number(text: str) -> float | None:
    bare = text.strip(" \t")  # the white space of headers: RFC 9110, 5.6.3
    return float(bare) if _NUMBER.fullmatch(bare) else None


def _bounded(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds <= _LONGEST_S else None


def _date(text: str) -> datetime | None:
    # OverflowError: an offset that no calendar knows.
    with suppress(ValueError, OverflowError):
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return None
