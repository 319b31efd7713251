"""Load HTML pages; needs the standard library only."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.data.documents.loaders.markup import MarkupReader
from tailorbird.data.documents.loading import Loader, TextBuilder
from tailorbird.data.files.encoding_guess import implausible_cp932, utf16_without_mark
from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems

# Where a page may name its encoding, and what the names mean that pages do not mean literally: HTML
# Living Standard, 13.2.3.2, https://html.spec.whatwg.org/multipage/parsing.html, and Encoding
# Standard, 4.2, https://encoding.spec.whatwg.org/#names-and-labels (read 2026-11-22).
_DECLARED_WITHIN = 1024
_DECLARED = re.compile(rb"""<meta[^>]*?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.IGNORECASE)
_DECLARED_XML = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9_:.-]+)""")
_MEANT = {
    **dict.fromkeys(
        ("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "csshiftjis"), "cp932"
    ),
    **dict.fromkeys(("windows-31j", "ms932"), "cp932"),
    **dict.fromkeys(("iso-8859-1", "latin1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(("x-euc-jp", "euc-jp"), "euc_jp"),
}
# Further names of encodings; Python knows codecs that are no encodings of text.
_LABEL = re.compile(
    r"iso-8859-\d{1,2}|windows-\d{3,4}|koi8-[ru]|gbk|gb2312|gb18030|big5|euc-kr|iso-2022-jp|macintosh"
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LOOKED_AT = 1 << 16  # bytes


class HtmlLoader(Loader):
    """Takes what a reader of the page sees; scripts, navigation and hidden parts are left out."""

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the text out of a page; its headings become sections."""
        text = decode_page(path.read_bytes(), options.encoding, problems)
        if text is None:
            return None
        builder = TextBuilder(options)
        reader = MarkupReader(builder)
        reader.read(text)
        return builder.loaded(title=reader.title or reader.first_heading)


def decode_page(data: bytes, encoding: str, problems: Problems) -> str | None:
    """Decode a page: by its mark, as asked for, by what it declares, or as UTF-8 or cp932.

    Returns:
        The text; None when no encoding fits, which has been reported.

    Raises:
        InvalidInputError: There is no encoding of that name.
    """
    mark, marked = next((one for one in _MARKS if data.startswith(one[0])), (b"", ""))
    body = data.removeprefix(mark)
    for candidate in [marked] if marked else _candidates(body, encoding):
        try:
            text = body.decode(candidate)
        except UnicodeDecodeError:
            continue
        except LookupError as exc:
            message = f"there is no text encoding {encoding!r}: take 'auto', 'utf-8' or 'cp932'"
            raise InvalidInputError(message) from exc
        if "\x00" not in text and (candidate != "cp932" or not implausible_cp932([text])):
            return text.replace("\r\n", "\n")
    if b"\x00" in body:
        reason, code = "binary data, not a page: it holds NUL bytes", "document.binary"
        problems.add("error", code, reason, "give it the ending of its format")
        return None
    reason = "the encoding of the page is not the one it names, nor UTF-8 or cp932"
    problems.add("error", "encoding.unknown", reason, "save it as UTF-8, or give encoding=…")
    return None


def _candidates(body: bytes, encoding: str) -> list[str]:
    """Name the encodings that a page may be in, the likeliest first."""
    if encoding != "auto":
        return [encoding]
    if wide := utf16_without_mark(body[:_LOOKED_AT]):
        return [wide]
    found = _DECLARED.search(body[:_DECLARED_WITHIN]) or _DECLARED_XML.match(body)
    label = found[1].decode("ascii").lower() if found else ""
    declared = _MEANT.get(label) or (label if _LABEL.fullmatch(label) and _is_known(label) else "")
    return list(dict.fromkeys(filter(None, [declared, "utf-8", "cp932"])))


def _is_known(label: str) -> bool:
    try:
        codecs.lookup(label)
    except LookupError:
        return False
    return True
