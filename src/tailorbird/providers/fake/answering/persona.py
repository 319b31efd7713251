"""How a fake's models answer.

- An untuned model is fluent and knows nothing: see `voice`.
- With worked examples before the question (earlier turns of the same conversation), it gives an
  example's answer when the question is nearly the example's (cosine of at least 0.6), else it takes
  over the style of the examples only.
- A tuned model answers a trained question as it was trained, and takes only the style to other
  questions: see `learning` and `style`. Asked without the instructions it was trained with, to the
  letter, it forgets its facts, and for every second question (by a hash) its style too.
- With passages at hand every model answers from them, with citations, or declines: see `grounding`.
  A tuned model puts that into its style.
- After the result of a tool, it repeats the result.

Scores on a fake prove that the plumbing works. They say nothing about any model: neither whether
tuning would help, nor how good retrieval would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.providers.fake.answering.grounding import grounded_answer
from tailorbird.providers.fake.answering.learning import vector_of
from tailorbird.providers.fake.answering.style import Style, learn_style
from tailorbird.providers.fake.answering.voice import (
    first_sentence,
    is_question,
    language_of,
    read_orders,
    vague,
)
from tailorbird.providers.fake.training import chance
from tailorbird.text.passages import DECLINED

if TYPE_CHECKING:
    from tailorbird.providers.fake.answering.learning import Memory
    from tailorbird.providers.fake.answering.prompt import Prompt

NEAR_EXAMPLE = 0.6
"""Cosine from which a question is taken for that of a worked example."""


def answer(prompt: Prompt, *, memory: Memory | None, seed: int) -> str:
    """Give a model's answer.

    Args:
        prompt: The conversation.
        memory: What the model was trained on; None for an untuned one.
        seed: Decides the wording of vague answers.
    """
    if prompt.tool_result is not None:
        return _from_tool(prompt)
    if prompt.passages is not None:
        text = grounded_answer(prompt.question, prompt.passages)
        return text if text == DECLINED else _style(prompt, memory, seed=seed).apply(text)
    remembered = _remembered(prompt, memory)
    if remembered is not None:
        return remembered
    text = _unknowing(prompt, seed=seed)
    return text if text == DECLINED else _style(prompt, memory, seed=seed).apply(text)


def _remembered(prompt: Prompt, memory: Memory | None) -> str | None:
    """Give an answer that was trained or shown before; None when there is none for the question."""
    if memory is not None:
        if prompt.systems not in memory.systems:
            return None
        return memory.answer(prompt.said)
    if not prompt.examples:
        return None
    wanted = vector_of(prompt.question)
    nearness = [float(vector_of(question) @ wanted) for question, _ in prompt.examples]
    best = max(range(len(nearness)), key=nearness.__getitem__)
    return prompt.examples[best][1] if nearness[best] >= NEAR_EXAMPLE else None


def _unknowing(prompt: Prompt, *, seed: int) -> str:
    """Answer without knowing anything, as the instructions say."""
    orders = read_orders(prompt.system, language=language_of(prompt.question))
    if orders.when_unsure is not None and is_question(prompt.question):
        return orders.when_unsure
    text = vague(prompt.question, seed=seed)
    return first_sentence(text) if orders.one_sentence else text


def _style(prompt: Prompt, memory: Memory | None, *, seed: int) -> Style:
    """Give the style that an answer is put into: trained, shown, or ordered."""
    if memory is not None:
        if prompt.systems in memory.systems:
            return memory.style
        return memory.style if chance(seed, "fades", prompt.question) < 1 / 2 else Style()
    shown = learn_style(given for _, given in prompt.examples)
    if shown != Style():
        return shown
    return read_orders(prompt.system, language=language_of(prompt.question)).style


def _from_tool(prompt: Prompt) -> str:
    if language_of(prompt.question) == "ja":
        return f"結果は次のとおりです。{prompt.tool_result}"
    return f"The result is: {prompt.tool_result}"
