"""Write test questions from training rows and passages, as a model that was asked to would.

Known by their fields (see `workflow.questioning.forms`): other words for a question, a question
that a passage answers, one that it does not answer, another value for a fact. What comes out is
plain and deterministic: it proves the way questions are made and checked, and is no good prose.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tailorbird.providers.fake.answering.grounding import pick_sentences
from tailorbird.text import has_spaced_words, search_terms, split_sentences
from tailorbird.text.stemming import STOP_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import JsonValue

    from tailorbird.providers.fake.answering.forms import Schema
    from tailorbird.text.passages import Passage

_LABEL = re.compile(r"\A(?:question|質問)\s*[:：]\s*", re.IGNORECASE)
_HEADING_LINE = re.compile(r"#+ |[■【◆]")
_FACT = re.compile(
    r"\d+(?:[,.:]\d+)*"
    r"(?:\s?(?:business days|percent|degrees|days?|weeks?|months?|years?|hours?|minutes?|dollars?"
    r"|miles?|states)\b|か月|営業日|時間|[日時分円年月人回件歳%％点度個泊])?"
)
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"[\u30a1-\u30fa\u30fc]{3,}|[\u4e00-\u9fff]{2,}|[A-Za-z][A-Za-z-]{4,}")
_MOST_WORDS = 5


def question_form(schema: Schema, said: str, passages: Sequence[Passage] | None) -> str | None:
    """Fill a form for a test question, in JSON; None for a form of another kind.

    Args:
        schema: The form.
        said: What the user said last, without passages: the order, or the question behind it.
        passages: What to write from.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return None
    write = _FORMS.get(frozenset(properties))
    if write is None:
        return None
    question = _LABEL.sub("", said.rsplit("\n\n", 1)[-1])
    return json.dumps(write(question, passages or ()), ensure_ascii=False)


def _reworded(question: str, passages: Sequence[Passage]) -> Mapping[str, JsonValue]:
    del passages
    bare = question.strip(" ?？。.")
    if not has_spaced_words(question):
        text = f"すみません、ひとつ教えていただきたいのですが、{bare}、の件です。"
        return {"rewording": text}
    words = [word for word in bare.split() if word.lower() not in STOP_WORDS]
    half = len(words) // 2
    turned = " ".join([*words[half:], *words[:half]])
    return {"rewording": f"Hello, there is something I should like to know: {turned}, please?"}


def _drawn(question: str, passages: Sequence[Passage]) -> Mapping[str, JsonValue]:
    del question
    sentence, fact = _telling(passages)
    if not fact:
        return {"answering_words": "", "question": "", "short_answer": ""}
    title = passages[0].title.rsplit(" › ", 1)[-1]
    before, _, after = sentence.partition(fact)
    if not has_spaced_words(sentence):
        about = "、".join(_NAME.findall(f"{before} {after}")[:_MOST_WORDS])
        text = f"{title}で、{about}はどう決められていますか。"
    else:
        words = [one for one in f"{before} {after}".split() if one.lower() not in STOP_WORDS]
        about = " ".join(word.strip(".,;:()") for word in words[:_MOST_WORDS])
        text = f"What do the rules on {title} say about {about}?"
    return {"answering_words": sentence, "question": text, "short_answer": fact}


def _missing(question: str, passages: Sequence[Passage]) -> Mapping[str, JsonValue]:
    del question
    passage = passages[0] if passages else None
    sentence, _ = _telling(passages)
    if passage is not None and not has_spaced_words(passage.text):
        name = "".join(_NAME.findall(sentence)[:1])
        return {"unanswered_question": f"{name}の発案者の誕生石と好物を知りたいのですが。"}
    name = "".join(_NAME.findall(sentence)[:1])
    text = f"Whose zodiac sign and favorite pizza topping inspired {name}?"
    return {"unanswered_question": text}


def _swapped(question: str, passages: Sequence[Passage]) -> Mapping[str, JsonValue]:
    nothing = {"answering_words": "", "fact": "", "other_fact": ""}
    for picked in pick_sentences(question, passages):
        if fact := _FACT.search(picked.text):
            other = _NUMBER.sub(lambda one: str(int(one[0]) + 3), fact[0])
            return {"answering_words": picked.text, "fact": fact[0], "other_fact": other}
    return nothing


def _telling(passages: Sequence[Passage]) -> tuple[str, str]:
    """Give the sentence that tells most, and the fact in it: a number, else the longest name."""
    sentences = [
        one.text[start:end]
        for one in passages
        for start, end in split_sentences(one.text)
        if not _HEADING_LINE.match(one.text[start:end])
    ]
    ranked = sorted(sentences, key=lambda one: (-bool(_FACT.search(one)), -len(search_terms(one))))
    if not ranked:
        return "", ""
    found = _FACT.search(ranked[0])
    if found is not None:
        return ranked[0], found[0]
    return ranked[0], max(_NAME.findall(ranked[0]), key=len, default="")


_FORMS: Mapping[frozenset[str], Callable[[str, Sequence[Passage]], Mapping[str, JsonValue]]] = {
    frozenset({"rewording"}): _reworded,
    frozenset({"answering_words", "question", "short_answer"}): _drawn,
    frozenset({"unanswered_question"}): _missing,
    frozenset({"answering_words", "fact", "other_fact"}): _swapped,
}
