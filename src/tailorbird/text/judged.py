"""Material for a judge, in a prompt: fenced, named, and never taken for instructions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.text.passages import shown_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_PART = re.compile(
    r"^<<(?P<name>[a-z]+) (?P<marker>[0-9a-f]{8,})>>\n(?P<text>.*?)\n<<end (?P=marker)>>$",
    re.DOTALL | re.MULTILINE,
)


def fence_parts(parts: Sequence[tuple[str, str]], *, marker: str) -> str:
    """Write named texts into a prompt, each between two lines that carry the marker.

    What looks like a fence, a tag or another speaker's turn within a text is replaced by signs that
    look alike (see `text.passages.shown_text`), so that no text can end its fence or open one.

    Args:
        parts: Name, of lower-case letters, and text of each part; a name may come twice.
        marker: At least 8 hexadecimal digits that are random for each call.
    """
    return "\n\n".join(
        f"<<{name} {marker}>>\n{shown_text(text)}\n<<end {marker}>>" for name, text in parts
    )


def unfence_parts(prompt: str) -> tuple[tuple[str, str], ...]:
    """Read the parts of a prompt back, in their order; empty for a prompt without any."""
    return tuple((one["name"], one["text"]) for one in _PART.finditer(prompt))
