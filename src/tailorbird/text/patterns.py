"""Regular expressions that are compiled when they are first used."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def lazy_pattern(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> Callable[[], re.Pattern[str]]:
    """Give a function that returns the compiled pattern, always the same one.

    For patterns over whole scripts: compiling one takes milliseconds, which `import tailorbird`
    would pay for each of them.
    """

    @cache
    def compiled() -> re.Pattern[str]:
        return re.compile(pattern, flags)

    return compiled
