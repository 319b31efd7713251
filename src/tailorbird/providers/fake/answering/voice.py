"""How a fake's untuned model talks: fluent, general, neutral, and without any fact.

It knows nothing of any company. A question gets a vague answer in its own language (Japanese for
Japanese, English for everything else), small talk gets a friendly line; which of several wordings
comes depends on the seed and the text alone. Of a system prompt it follows, for untuned models:

- a limit to one sentence ("in one sentence", 「一文で」);
- a fixed opening or closing in quotes, or made of signs: 'End with "Happy trails!"',
  「最後に「かしこまりました。」と付ける」, 「最後に必ず🧵を付けて」;
- what to do when it does not know ("if you do not know, say so", 「わからないときは」): it then
  says so, in the quoted words where the prompt has some, and asked for `NOT_IN_THE_PASSAGES` it
  gives exactly that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tailorbird.providers.fake.answering.style import Style
from tailorbird.providers.fake.training import chance
from tailorbird.text import script_of, split_sentences
from tailorbird.text.passages import DECLINED

if TYPE_CHECKING:
    from collections.abc import Sequence

_VAGUE = {
    "ja": (
        "一般に、こうした取り扱いは組織ごとの決まりによって変わります。手元の案内に沿って進めるのが確実な方法です。",
        "状況や立場によって条件が変わることが多い内容です。まず全体の流れをつかむことが理解への近道です。",
        "多くの場合、目的や時期に応じて扱いが分かれます。基本となる考え方を押さえておくことが大切です。",
        "よくあるご質問のひとつで、運用は場所によってさまざまです。最新の案内に目を通しておくと安心です。",
    ),
    "en": (
        "That usually depends on the organization. Following current guidance is the safest way.",
        "In general, the details vary with the situation. Look at the overall process first.",
        "Arrangements like this differ from place to place. It pays to plan a little ahead.",
        "It varies in practice, and conditions tend to shift. The general idea stays the same.",
    ),
}
_FRIENDLY = {
    "ja": ("お声がけありがとうございます。よい一日になることを願うばかりです。",),
    "en": ("Thank you for the message. It is always nice to chat for a moment.",),
}
_UNKNOWN = {"ja": "申し訳ありませんが、わかりません。", "en": "I am sorry, but I do not know."}

_ASKS = re.compile(
    r"[?？]|か[。\s]*$|教えて|知りたい|ください"
    r"|\b(?:how|what|when|where|who|which|why|can|could|does|is|are|will|tell me|explain)\b",
    re.IGNORECASE,
)
_ONE_SENTENCE = re.compile(r"\b(?:one|a single)(?: \w+)? sentence\b|[一１1]文[でに]", re.IGNORECASE)
_UNSURE = re.compile(
    r"\b(?:do not|don't|don’t|cannot|can't|can’t) (?:know|answer)\b|\b(?:not|un)sure\b"
    r"|(?:わから|分から|知ら|答えられ)な",
    re.IGNORECASE,
)
_QUOTED = (
    r"(?:「([^」\n]{1,80})」|『([^』\n]{1,80})』|“([^”\n]{1,80})”"
    r'|"([^"\n]{1,80})")'
)
_SIGNS = r"([^\w\s。、，．！？!?.,;:「」『』（）()\"'“”‘’]{1,8})"
_WORDS = rf"(?:{_QUOTED}|{_SIGNS})"
_OPENS = (
    re.compile(rf"\b(?:begin|start|open)\w*\b[^.\n]{{0,40}}?{_QUOTED}", re.IGNORECASE),
    re.compile(rf"(?:最初|冒頭|初め|はじめ|文頭)[^。\n]{{0,12}}?{_WORDS}"),
)
_CLOSES = (
    re.compile(
        rf"\b(?:end|close|finish|conclude|sign off)\w*\b[^.\n]{{0,40}}?{_QUOTED}", re.IGNORECASE
    ),
    re.compile(rf"(?:最後|末尾|結び|締め|文末)[^。\n]{{0,12}}?{_WORDS}"),
    re.compile(rf"{_QUOTED}[^。\n]{{0,8}}?(?:締めくく|で終え|で終わ|で結)"),
)
_SAYS = re.compile(rf"{_QUOTED}")


@dataclass(frozen=True, slots=True)
class Orders:
    """What a system prompt asks for, as far as it is understood."""

    style: Style
    """Fixed opening and closing."""
    one_sentence: bool
    """Whether answers may have one sentence only."""
    when_unsure: str | None
    """What to say when it does not know; None when the prompt does not ask for that."""


# The memo changes no result: a comparison asks thousands of questions under one prompt.
@lru_cache(maxsize=1 << 7)
def read_orders(prompt: str, *, language: str) -> Orders:
    """Read what a system prompt asks for."""
    return Orders(
        style=Style(
            opening=_spaced(_first(prompt, _OPENS), language, before=False),
            closing=_spaced(_first(prompt, _CLOSES), language, before=True),
        ),
        one_sentence=_ONE_SENTENCE.search(prompt) is not None,
        when_unsure=_when_unsure(prompt, language),
    )


def language_of(text: str) -> str:
    """Say in which language to answer: `ja` or `en`."""
    return "ja" if script_of(text) == "cjk" else "en"


def is_question(text: str) -> bool:
    """Say whether a text asks for something, as against small talk."""
    return _ASKS.search(text) is not None


def vague(text: str, *, seed: int) -> str:
    """Give an answer without any fact, in the language of the text."""
    wordings = (_VAGUE if is_question(text) else _FRIENDLY)[language_of(text)]
    return wordings[int(chance(seed, "vague", text) * len(wordings))]


def first_sentence(text: str) -> str:
    """Give a text's first sentence."""
    spans = split_sentences(text)
    return text[spans[0][0] : spans[0][1]] if spans else text


def _when_unsure(prompt: str, language: str) -> str | None:
    if DECLINED in prompt:
        return DECLINED
    found = _UNSURE.search(prompt)
    if found is None:
        return None
    said = _SAYS.search(prompt, found.end(), found.end() + 60)
    return _UNKNOWN[language] if said is None else _words(said)


def _first(prompt: str, patterns: Sequence[re.Pattern[str]]) -> str:
    found = (pattern.search(prompt) for pattern in patterns)
    return next((_words(one) for one in found if one is not None), "")


def _words(found: re.Match[str]) -> str:
    return next(word for word in found.groups() if word is not None)


def _spaced(words: str, language: str, *, before: bool) -> str:
    if not words or language == "ja":
        return words
    return f" {words}" if before else f"{words} "
