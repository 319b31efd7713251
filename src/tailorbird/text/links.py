"""Find the addresses that a text would have a reader open, or a program load."""

from __future__ import annotations

import html
import re

# Behind a scheme or `www.`, up to white space, East Asian text or a sign that ends an address.
_ADDRESS = re.compile(
    r"(?:(?:[a-z][a-z0-9+.-]{1,15}:)?//|www\.)[^\s<>\"'`|{}\\^\u3000-\u303f\uff00-\uffef]+"
    r"|(?:mailto|data|javascript|file|tel|sms):[^\s<>\"'`\u3000-\u303f\uff00-\uffef]+",
    re.IGNORECASE,
)
# What Markdown and HTML lead to, whatever it looks like: [text](target), [name]: target, src=target
_TARGET = re.compile(
    r"\]\(\s*<?([^\s<>)]+)"
    r"|^[ \t]*\[[^\]\n]+\]:[ \t]*<?([^\s<>]*(?:[/:@]|\.\w)[^\s<>]*)"
    r"|<[a-z][^<>]*?\b(?:href|src|srcset|action|poster|data|background)\s*=\s*[\"']?([^\s\"'<>]+)",
    re.IGNORECASE | re.MULTILINE,
)
_SCHEME = re.compile(r"(?:https?:)?//(?:www\.)?|www\.", re.IGNORECASE)
_AT_END = ".,;:!?*_~'\"。、」』"


def links(text: str) -> tuple[str, ...]:
    """Give the addresses in a text, each once, in their order.

    Found are addresses with a scheme (`https://…`, `mailto:…`, `data:…`), `//host/…` and `www.…`
    anywhere, and whatever a link or an image in Markdown or HTML leads to. Punctuation behind an
    address does not belong to it.
    """
    if not _may_have_links(text):
        return ()
    found: list[tuple[int, str]] = []
    for match in _TARGET.finditer(text):
        number = match.lastindex or 0
        found.append((match.start(number), match[number]))
    found += [(match.start(), match[0]) for match in _ADDRESS.finditer(text)]
    return tuple(dict.fromkeys(bare for _, one in sorted(found) if (bare := _bare(one))))


def _may_have_links(text: str) -> bool:
    """Say whether a text has a sign that every address has, which is seen much faster."""
    if any(sign in text for sign in (":", "//", "](")) or "www." in text.lower():
        return True
    return "<" in text and "=" in text


def link_key(link: str) -> str:
    """Give what is equal for two spellings of one address: scheme, `www.`, last slash and case go.

    Case is folded in the path too: where two addresses differ by case only, one reader may as well
    have written the other.
    """
    return _SCHEME.sub("", html.unescape(link), count=1).rstrip("/").casefold()


def _bare(address: str) -> str:
    """Take off what stands behind an address: punctuation, and brackets opened before it."""
    while True:
        bare = address.rstrip(_AT_END)
        for opening, closing in ("()", "[]"):
            if bare.endswith(closing) and bare.count(closing) > bare.count(opening):
                bare = bare[:-1]
        if bare == address:
            return bare
        address = bare
