"""Check what messages say: texts, parts, images, and what should not be in any of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tailorbird.data.files.jsonl import shape_of
from tailorbird.data.files.lines import UNUSUAL
from tailorbird.data.secrets import REMARKS, find_sensitive
from tailorbird.data.training.row import list_in, object_in
from tailorbird.data.unusual_text import findings, is_blank

if TYPE_CHECKING:
    from tailorbird.data.training.row import JsonObject, TrainingRow

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,", re.ASCII)
_DETAILS = {"auto", "low", "high"}
_NO_IMAGE_FIX = "take the image out"


def check_texts(row: TrainingRow) -> None:
    """Report unusual characters in the texts of a row, and what looks secret or personal.

    Values that look secret are never shown.
    """
    texts = row.texts + row.unlearned
    together = "\n".join([text for _, text in texts])
    if UNUSUAL.search(together) is None and not any(find_sensitive(together)):
        return
    for where, text in texts:
        _check_text(text, where, row)


def _check_text(text: str, where: str, row: TrainingRow) -> None:
    for found in findings(text):
        fix = "write it as one character (NFC)" if found.code == "text.decomposed" else found.fix
        row.report.add(found.severity, found.code, found.reason, fix, field=where)
    for place in find_sensitive(text):
        code, reason, fix = REMARKS[place.kind]
        row.report.warning(code, reason, fix, field=where, shown=place.hint(text))


def check_content(message: JsonObject, where: str, row: TrainingRow) -> None:
    """Check the content of one message: there, of a known form, and not blank."""
    content = message.get("content")
    place = f"{where}.content"
    if isinstance(content, str):
        row.texts.append((place, content))
        if is_blank(content):
            _check_blank(message, place, row)
    elif content is None:
        _check_missing(message, place, row)
    elif isinstance(content, list):
        _check_parts(list_in(message["content"]), message, place, row)
    else:
        reason = f"the content is {shape_of(content)}, neither a text nor a list of parts"
        row.report.error("chat.content-type", reason, "write a text", field=place)


def _check_missing(message: JsonObject, place: str, row: TrainingRow) -> None:
    if _says_otherwise(message):
        return
    what = "is null" if "content" in message else "is missing"
    reason = f"the content {what}, and the message neither calls a tool nor refuses"
    row.report.error("chat.content-missing", reason, "write what is said", field=place)


def _check_blank(message: JsonObject, place: str, row: TrainingRow) -> None:
    if _says_otherwise(message):
        return
    what = "blank" if message["content"] else "empty"
    if message.get("role") in {"tool", "function"}:
        reason = f"the tool's answer is {what}"
        fix = "write what the tool said, if it said something"
        row.report.warning("chat.content-empty", reason, fix, field=place)
        return
    fix = "write what is said, or remove the row"
    row.report.error("chat.content-empty", f"the content is {what}", fix, field=place)


def _says_otherwise(message: JsonObject) -> bool:
    """Say whether an assistant's message needs no content: it calls a tool, or refuses."""
    spoken = message.get("tool_calls") or message.get("function_call") or message.get("refusal")
    return message.get("role") == "assistant" and bool(spoken)


def _check_parts(parts: list[object], message: JsonObject, place: str, row: TrainingRow) -> None:
    if not parts:
        reason = "the list of parts is empty"
        row.report.error("chat.content-empty", reason, "write a text", field=place)
    texts: list[str] = []
    images = 0
    for at, part in enumerate(parts):
        where = f"{place}[{at}]"
        found = object_in(part)
        kind = found.get("type")
        text = found.get("text")
        if kind == "text" and isinstance(text, str):
            texts.append(text)
            row.texts.append((f"{where}.text", text))
        elif kind == "image_url":
            images += 1
            _check_image(found.get("image_url"), message, where, row)
        else:
            reason = "the part is neither a text nor an image"
            fix = 'write {"type": "text", "text": "…"}'
            row.report.error("chat.part-invalid", reason, fix, field=where)
    if texts and not images and is_blank("".join(texts)):
        fix = "write what is said, or remove the row"
        row.report.error("chat.content-empty", "all parts are blank", fix, field=place)


def _check_image(image: object, message: JsonObject, where: str, row: TrainingRow) -> None:
    row.images += 1
    report = row.report
    if row.kind == "dpo":
        reason = "preference training takes text only"
        report.error("image.kind", reason, _NO_IMAGE_FIX, field=where)
        return
    if message.get("role") != "user":
        reason = "only the user's messages may hold images"
        report.error("image.role", reason, _NO_IMAGE_FIX, field=where)
    found = object_in(image)
    url, detail = found.get("url"), found.get("detail", "auto")
    if not isinstance(url, str) or not url.startswith(("https://", "http://", "data:")):
        reason = "the image has no address"
        fix = 'write {"type": "image_url", "image_url": {"url": "https://…"}}'
        report.error("image.invalid", reason, fix, field=where)
        return
    if detail not in _DETAILS:
        reason = "the detail of an image is 'auto', 'low' or 'high'"
        report.error("image.invalid", reason, "take one of the three", field=where)
    if url.startswith("data:"):
        _check_inline(url, where, row)


def _check_inline(url: str, where: str, row: TrainingRow) -> None:
    report, images = row.report, row.rules.images
    found = _DATA_URL.match(url)
    if found is None:
        reason = "the data URL holds no base64"
        fix = "write data:image/png;base64,… with the encoded image"
        report.error("image.invalid", reason, fix, field=where)
        return
    if images is None:
        return
    kind, _, subtype = (found[1] or "").partition("/")
    if kind != "image" or subtype not in images.formats:
        known = ", ".join(images.formats)
        reason = f"the job skips images that are not {known} ({images.source})"
        report.warning("image.format", reason, "convert the image", field=where)
    size = (len(url) - found.end()) * 3 // 4
    if size > images.max_bytes:
        reason = f"the job skips images over {images.max_bytes:,} bytes; this one has {size:,}"
        report.warning("image.too-large", f"{reason} ({images.source})", "shrink it", field=where)
