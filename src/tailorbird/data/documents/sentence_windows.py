"""Find the sentences of a long text without holding all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.text.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW_CHARACTERS = 1 << 16
"""How much text is looked at in one go; a few times the longest sentence that makes sense."""

MARGIN_CHARACTERS = 256
"""How far in front of and behind a place `split_sentences` may look to know whether a sentence ends
there, with room to spare: an abbreviation needs 40 characters before it, a time zone as many behind
it, white space what is written of it."""


def iter_sentences(
    text: str, start: int, end: int, *, window: int = WINDOW_CHARACTERS
) -> Iterator[tuple[int, int]]:
    """Give the spans of the sentences of `text[start:end]`, as `split_sentences` finds them.

    Args:
        text: The whole text.
        start: Where to begin; spans count from the text's beginning.
        end: Where to end.
        window: How much is looked at in one go, more than three times the margin.
    """
    begin = done = start
    size = window
    while True:
        stop = min(begin + size, end)
        spans = [(begin + one, begin + two) for one, two in split_sentences(text[begin:stop])]
        if stop == end:
            yield from (one for one in spans if one[0] >= done)
            return
        # The last one may go on behind the window, however much white space it ends with.
        closed = [one for one in spans[:-1] if one[1] <= stop - MARGIN_CHARACTERS]
        yield from (one for one in closed if one[0] >= done)
        if not closed or closed[-1][1] <= done:
            size *= 2  # one sentence fills the window
            continue
        done = closed[-1][1]
        # The next window begins with a sentence that is known, so far ahead that whatever ended a
        # sentence behind it is seen again.
        ahead = [one[0] for one in closed if one[0] <= done - MARGIN_CHARACTERS]
        begin = max([begin, *ahead])
        size = window
