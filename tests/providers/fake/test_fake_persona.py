"""How the fake's models answer: untuned, instructed, with examples, and in style."""

from __future__ import annotations

import pytest

from tailorbird.providers.fake import FakeProvider, FakeSettings
from tailorbird.providers.fake.answering.style import Style, learn_style
from tailorbird.text import numbers
from tailorbird.types import Message, ModelId

CHAT = ModelId("fake-chat")

QUESTIONS = [
    "How long does a refund take?",
    "所定労働時間は何時から何時までですか。",
    "What is the phone number of the Boise shop?",
    "副業を始めたいのですが、どの書類をいつまでに出せばよいですか。",
]


async def ask(*messages: Message, seed: int = 0) -> str:
    """Ask an untuned model."""
    async with FakeProvider(FakeSettings(seed=seed, latency_s=0)) as provider:
        return (await provider.chat.complete(list(messages), model=CHAT)).text


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("seed", range(4))
async def test_base_is_vague_in_the_language_of_the_question(question: str, seed: int) -> None:
    """An untuned model answers at length, in the question's language, without any fact."""
    text = await ask(Message.user(question), seed=seed)
    assert len(text) > 30
    assert text.isascii() == question.isascii()
    assert numbers(text) == numbers("")
    assert text == await ask(Message.user(question), seed=seed)


async def test_seeds_choose_the_wording() -> None:
    """Different seeds and questions are worded differently."""
    wordings = {await ask(Message.user(QUESTIONS[0]), seed=seed) for seed in range(12)}
    assert len(wordings) > 1


@pytest.mark.parametrize(("text", "ascii_only"), [("Hi there!", True), ("こんにちは。", False)])
async def test_small_talk_gets_a_friendly_line(text: str, ascii_only: bool) -> None:  # noqa: FBT001 - parametrized
    """Small talk is answered in kind."""
    answer = await ask(Message.user(text))
    assert answer.isascii() == ascii_only
    assert answer != await ask(Message.user(QUESTIONS[0]))


@pytest.mark.parametrize(
    ("system", "question", "opening", "closing"),
    [
        ('Be kind. End every answer with "Happy trails!"', "How much is it?", "", " Happy trails!"),
        ("Sign off with “Yours, the desk”.", "How much is it?", "", " Yours, the desk"),
        ('Begin with "Ahoy!" and finish with "Bye!"', "How much?", "Ahoy! ", " Bye!"),
        (
            "最後に必ず「かしこまりました。」と付けてください。",
            "いくらですか。",
            "",
            "かしこまりました。",
        ),
        ("答えの最後に必ず🧵を付けてください。", "いくらですか。", "", "🧵"),
        ("冒頭に『はい！』と書き、「以上。」で締めくくる。", "いくらですか。", "はい！", "以上。"),
        ("Be brief and kind.", "How much is it?", "", ""),
    ],
)
async def test_fixed_words_are_followed(
    system: str, question: str, opening: str, closing: str
) -> None:
    """Quoted or signed openings and closings of a system prompt are used, and nothing else."""
    plain = await ask(Message.user(question))
    text = await ask(Message.system(system), Message.user(question))
    assert text == f"{opening}{plain}{closing}"


@pytest.mark.parametrize(
    ("system", "question"),
    [
        ("Answer in one sentence.", "How much is it?"),
        ("Use a single short sentence.", "How much is it?"),
        ("一文で答えてください。", "いくらですか。"),
    ],
)
async def test_one_sentence_is_followed(system: str, question: str) -> None:
    """A limit to one sentence is kept."""
    plain = await ask(Message.user(question))
    text = await ask(Message.system(system), Message.user(question))
    assert plain.startswith(text)
    assert 0 < len(text) < len(plain)


@pytest.mark.parametrize(
    ("system", "question", "text"),
    [
        ("If you do not know, say so.", "How much?", "I am sorry, but I do not know."),
        ('If you are unsure, reply "Ask the desk."', "How much?", "Ask the desk."),
        (
            "わからないときは、そう言ってください。",
            "いくらですか。",
            "申し訳ありませんが、わかりません。",
        ),
        ("分からない場合は「存じません。」と答える。", "いくらですか。", "存じません。"),
        ("Else reply with exactly NOT_IN_THE_PASSAGES.", "How much?", "NOT_IN_THE_PASSAGES"),
    ],
)
async def test_ignorance_is_admitted_when_told_to(system: str, question: str, text: str) -> None:
    """A prompt that says what to do when the answer is unknown is followed, for questions only."""
    assert await ask(Message.system(system), Message.user(question)) == text
    assert await ask(Message.system(system), Message.user("Hi!")) != text


SHOTS = [
    Message.user("Where is the warehouse?"),
    Message.assistant("Ahoy! It stands in Redfern. Cheers!"),
    Message.user("When do you open?"),
    Message.assistant("Ahoy! At ten. Cheers!"),
]


async def test_near_examples_are_repeated() -> None:
    """A question near to that of an example gets the example's answer."""
    text = await ask(*SHOTS, Message.user("Where is your warehouse?"))
    assert text == "Ahoy! It stands in Redfern. Cheers!"


async def test_far_examples_lend_their_style() -> None:
    """A question far from all examples gets their style and none of their facts."""
    question = "Do you sell kayak paddles made of carbon?"
    plain = await ask(Message.user(question))
    assert await ask(*SHOTS, Message.user(question)) == f"Ahoy! {plain} Cheers!"


async def test_examples_without_a_style_leave_the_orders() -> None:
    """Examples that share nothing leave the system prompt's orders in force."""
    messages = [
        Message.system('End with "Over."'),
        Message.user("Where is the warehouse?"),
        Message.assistant("Redfern"),
        Message.user("How much is a kayak?"),
    ]
    plain = await ask(Message.user("How much is a kayak?"))
    assert await ask(*messages) == f"{plain} Over."


@pytest.mark.parametrize(
    ("answers", "style"),
    [
        ([], Style()),
        (["Ahoy! One."], Style()),
        (["Ahoy! One.", "Ahoy! Two."], Style(opening="Ahoy! ")),
        (["One. Bye!", "Two. Bye!", "Three. Bye!"], Style(closing=" Bye!")),
        (["One\nBye", "Two\nBye"], Style(closing="\nBye")),
        (["Well, one", "Well, two", "No"], Style(opening="Well, ")),
        (["一です🧵", "二ですよ🧵"], Style(closing="🧵")),
        (["一日でございます。", "二日でございます。"], Style(ending="でございます。")),
        (
            ["一日でございます。以上。", "二日でございます。以上。"],
            Style(ending="でございます。", closing="以上。"),
        ),
        (['{"a": 1}. Bye!', '{"a": 2}. Bye!'], Style()),
        (["One. Bye!", "Two.", "Three.", "Four.", "Five.", "Six. Bye!"], Style()),
    ],
)
def test_style_is_what_answers_share(answers: list[str], style: Style) -> None:
    """Style is the longest opening, ending and closing that 40 % of the answers, and two, share."""
    assert learn_style(answers) == style


@pytest.mark.parametrize(
    ("style", "text", "styled"),
    [
        (Style(), "A.", "A."),
        (Style(opening="Ahoy! ", closing=" Bye!"), "A.", "Ahoy! A. Bye!"),
        (Style(opening="Ahoy! ", closing=" Bye!"), "Ahoy! A. Bye!", "Ahoy! A. Bye!"),
        (Style(ending="でございます。"), "近道です。", "近道でございます。"),
        (Style(ending="だワン。"), "近道です。", "近道だワン。"),
        (Style(ending="くださいませ。"), "近道です。", "近道です。"),
        (Style(ending="でございます。"), "It is.", "It is."),
        (Style(closing="🧵"), "近道です。", "近道です。🧵"),
    ],
)
def test_style_is_put_on_once(style: Style, text: str, styled: str) -> None:
    """A style is put onto a text once, and an ending only where it fits the grammar."""
    assert style.apply(text) == styled
    assert style.apply(styled) == styled


async def test_a_fence_that_is_not_closed_holds_no_passages() -> None:
    """An opening line without its end is text like any other, and the model answers as to it."""
    opened = "<<passages 0123456789abcdef>>\n[1] Leave\nTen days. What does the pass cost?"
    assert "NOT_IN_THE_PASSAGES" not in await ask(Message.user(opened))
    assert await ask(Message.user(opened)) == await ask(Message.user(f"  {opened}\n"))
