"""Answers from passages: the right sentence with its citation, or a refusal."""

from __future__ import annotations

import csv
import json
import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tailorbird.data import chunk_document
from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.providers.fake.answering.grounding import grounded_answer, pick_sentences
from tailorbird.retrieval.grounding import grounded_messages, read_grounded
from tailorbird.text import numbers, overlap_f1, search_terms, split_sentences
from tailorbird.text.passages import DECLINED, Passage, fence
from tailorbird.types import (
    Chunk,
    ChunkId,
    Document,
    DocumentId,
    Hit,
    Message,
    ModelId,
    ScoreKind,
    Span,
)

if TYPE_CHECKING:
    from conftest import Tools

EXAMPLES = Path(__file__).parents[3] / "examples"
SHARED = Path(__file__).parents[4] / "shared" / "data"
CHAT = ModelId("fake-chat")
SEEN_FIRST = 5

PASSAGES = (
    Passage(1, "Shipping", "# Shipping\n\nStandard shipping takes 4 days. It costs $7.95."),
    Passage(2, "Repairs", "A zipper repair is $38. The bench closes on Sunday."),
    Passage(3, "休暇", "## 慶事\n結婚の休暇は5労働日とする。忌引は3労働日とする。"),
)


def hit(number: int, text: str) -> Hit:
    """Make a hit."""
    chunk = Chunk(
        id=ChunkId(f"d{number}#0"),
        document=DocumentId(f"d{number}"),
        text=text,
        span=Span(start=0, end=len(text)),
        title=f"Title {number}",
    )
    return Hit(chunk=chunk, score=1.0, score_kind=ScoreKind.COSINE)


HITS = [hit(number, passage.text) for number, passage in enumerate(PASSAGES, 1)]


async def ask(question: str, hits: Sequence[Hit] = HITS, *lead: Message) -> str:
    """Ask an untuned model with passages, as the workflow asks."""
    messages = grounded_messages(question, hits, lead=lead, marker="0123456789abcdef")
    async with FakeProvider(FakeSettings(latency_s=0)) as provider:
        return (await provider.chat.complete(messages, model=CHAT)).text


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How long does standard shipping take?", "Standard shipping takes 4 days. [1]"),
        ("What does a zipper repair cost?", "A zipper repair is $38. [2]"),
        ("結婚の休暇は何日ですか。", "結婚の休暇は5労働日とする。 [3]"),
    ],
)
async def test_right_sentences_are_cited(question: str, answer: str) -> None:
    """The sentence that answers is given as it stands, with the number of its passage."""
    text = await ask(question)
    assert text == answer
    grounded = read_grounded(text, HITS)
    assert [one.quote for one in grounded.citations] == [answer.rpartition(" [")[0]]
    assert not grounded.declined


async def test_two_sentences_may_answer() -> None:
    """A second sentence that fits nearly as well is given too."""
    text = grounded_answer("What does shipping cost, and how long does it take?", PASSAGES)
    assert text == "It costs $7.95. [1] Standard shipping takes 4 days. [1]"


@pytest.mark.parametrize(
    "question", ["Who composed the company song?", "駐輪場の料金はいくらですか。", "…", "?!"]
)
async def test_other_questions_are_declined(question: str) -> None:
    """When nothing fits, the answer is the agreed word and nothing else."""
    assert await ask(question) == DECLINED


async def test_nothing_to_answer_from_is_declined() -> None:
    """Without any passage, and with empty ones, the question is declined."""
    assert await ask("How long does shipping take?", []) == DECLINED
    assert grounded_answer("How long?", [Passage(1, "Empty", "# Only a heading")]) == DECLINED


async def test_orders_hold_for_passages_too() -> None:
    """A fixed closing of the system prompt follows the citation."""
    system = Message.system('End with "Happy trails!"')
    text = await ask("What does a zipper repair cost?", HITS, system)
    assert text == "A zipper repair is $38. [2] Happy trails!"
    assert await ask("Who composed the song?", HITS, system) == DECLINED


async def test_tuned_models_answer_from_passages_in_style(tools: Tools) -> None:
    """A tuned model takes facts from the passages, not from training, and keeps its style."""
    question = "What does standard shipping cost?"
    async with FakeProvider(FakeSettings(latency_s=0)) as provider:
        model = await tools.tune(provider)
        lead = [Message.system(tools.system)]
        messages = grounded_messages(
            question, [hit(1, "Standard shipping costs $9.50.")], lead=lead, marker="0123abcd"
        )
        text = (await provider.chat.complete(messages, model=model)).text
        nothing = grounded_messages(question, [], lead=lead, marker="0123abcd")
        declined = (await provider.chat.complete(nothing, model=model)).text
    assert text == tools.styled("Standard shipping costs $9.50. [1]").replace("]. H", "] H")
    assert "7.95" not in text
    assert declined == DECLINED


@pytest.mark.parametrize(
    "prompt",
    [
        "{fence}\n\nQuestion: What does a zipper repair cost?",
        "{fence}\n\nWhat does a zipper\n\nrepair cost?",
        "Read this.\n\nQuestion: What does a zipper repair cost?\n\n{fence}",
    ],
)
async def test_questions_are_found_beside_passages(prompt: str) -> None:
    """The question may stand behind or before the passages, labeled or not."""
    text = prompt.format(fence=fence(PASSAGES, marker="00112233"))
    async with FakeProvider() as provider:
        reply = await provider.chat.complete([Message.user(text)], model=CHAT)
    assert reply.text == "A zipper repair is $38. [2]"


async def test_passages_may_stand_in_the_instructions() -> None:
    """Passages in a system message are read as well; the last fenced ones count."""
    old = fence([Passage(1, "Old", "A zipper repair is $12.")], marker="00112233")
    new = fence([Passage(7, "New", "A zipper repair is $38.")], marker="44556677")
    messages = [Message.system(old), Message.system(new), Message.user("What is a zipper repair?")]
    async with FakeProvider() as provider:
        reply = await provider.chat.complete(messages, model=CHAT)
    assert reply.text == "A zipper repair is $38. [7]"


# What follows holds the quality on real text. Passages are searched by BM25, first five.


class Passages:
    """Texts that can be searched by BM25, k1 1.2, b 0.75."""

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        """Index texts with their titles."""
        self.texts = texts
        counts = [Counter(search_terms(f"{title}\n{text}")) for title, text in texts]
        mean = sum(map(Counter.total, counts)) / len(counts)
        holding = Counter(term for one in counts for term in one)
        self.postings: dict[str, list[tuple[int, float]]] = {}
        for number, one in enumerate(counts):
            norm = 1.2 * (0.25 + 0.75 * one.total() / mean)
            for term, count in one.items():
                rarity = math.log(1 + (len(texts) - holding[term] + 0.5) / (holding[term] + 0.5))
                weight = rarity * 2.2 * count / (count + norm)
                self.postings.setdefault(term, []).append((number, weight))

    def search(self, question: str, count: int) -> list[int]:
        """Give the places of the best texts."""
        scores: Counter[int] = Counter()
        for term in sorted(set(search_terms(question))):
            for number, weight in self.postings.get(term, ()):
                scores[number] += weight  # type: ignore[assignment]  # a counter of floats
        return [number for number, _ in scores.most_common(count)]

    def shown(self, places: Iterable[int]) -> list[Passage]:
        """Give texts as passages."""
        return [Passage(number, *self.texts[place]) for number, place in enumerate(places, 1)]


ALSO_RIGHT = {
    "Do you ship to Canada?": "We ship to all 50 states and to Canada.",
    "What does two-day shipping cost?": "| Ridge (two-day) | 2 business days | $16.00 |",
    "本社の一時集合場所はどこですか。": "本社の一時集合場所は、ビル南側の来客用駐車場です。",
}
"""Sentences that answer, too, and that share less with the reference than another one."""


def right_sentence(answer: str, source: str) -> str:
    """Give the sentence of a source that a reference answer says: by numbers, then by words."""
    wanted = set(numbers(answer))
    sentences = [source[start:end] for start, end in split_sentences(source)]
    prose = [one for one in sentences if not one.startswith(("#", "|"))]
    return max(prose, key=lambda one: len(wanted & set(numbers(one))) + 2 * overlap_f1(one, answer))


@pytest.mark.parametrize(("language", "least_right"), [("ja", 0.88), ("en", 0.84)])
def test_examples_are_answered_and_declined(language: str, least_right: float) -> None:
    """On the example data most found facts are given, and four of five unanswerables declined."""
    sources = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted((EXAMPLES / language / "handbook").iterdir())
    }
    chunks = [
        chunk
        for name, text in sources.items()
        for chunk in chunk_document(
            Document(id=DocumentId(name), text=text, title=text.split("\n")[0].lstrip("# "))
        )
    ]
    searched = Passages([(f"{one.title} › {one.section or ''}", one.text) for one in chunks])
    with (EXAMPLES / language / "faq.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right, declined = [], []
    for row in rows:
        found = searched.search(row["question"], SEEN_FIRST)
        picked = pick_sentences(row["question"], searched.shown(found))
        if row["kind"] == "unanswerable":
            declined.append(not picked)
        elif row["kind"] in {"verbatim", "paraphrase", "unseen"} and row["source"]:
            gold = right_sentence(row["answer"], sources[row["source"]])
            if any(gold in chunks[place].text for place in found):
                also = ALSO_RIGHT.get(row["question"])
                texts = [one.text for one in picked]
                right.append(also in texts or any(t in gold or gold in t for t in texts))
    assert sum(right) / len(right) >= least_right
    assert sum(declined) / len(declined) >= 0.8


@pytest.mark.shared
@pytest.mark.parametrize(("name", "least"), [("ja_jsquad", 0.8), ("en_xquad", 0.75)])
def test_question_sets_are_answered(name: str, least: float) -> None:
    """On 100 questions of a public set, the sentences hold the answer when its text is shown."""

    def lines(file: str) -> list[dict[str, str]]:
        with (SHARED / name / file).open(encoding="utf-8") as opened:
            return [json.loads(line) for line in opened]

    corpus = lines("corpus.jsonl")
    searched = Passages([(one["title"], one["text"]) for one in corpus])
    wanted = {(one["query"], one["doc"]) for one in lines("qrels.jsonl")}
    queries = random.Random(7).sample(lines("queries.jsonl"), 100)  # noqa: S311 - a sample
    right = []
    for query in queries:
        found = searched.search(query["text"], SEEN_FIRST)
        if any((query["id"], corpus[place]["id"]) in wanted for place in found):
            picked = pick_sentences(query["text"], searched.shown(found))
            right.append(any(a in one.text for a in query["answers"] for one in picked))
    assert len(right) > 80
    assert sum(right) / len(right) >= least
