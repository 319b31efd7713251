"""Data built so that the right decision is known lead to it, through a whole comparison.

Everything is real but the model: rows are trained on, documents indexed, six arms asked, answers
scored. What the fake can do decides what is right: its tuned model keeps trained answers and style,
its grounded answers come from the passages, its base model knows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

import tailorbird
from tailorbird import QuestionSet
from tailorbird.types import Document, DocumentId, Question
from tailorbird.types.questions import QuestionKind
from tailorbird.workflow.answering.results import Decision, Verdict

SYSTEM = "You are the front desk of a museum."
CLOSING = "Enjoy the collection!"
ROOMS = (
    "amber",
    "bronze",
    "cedar",
    "dragon",
    "eagle",
    "falcon",
    "garnet",
    "harbor",
    "ivory",
    "jasmine",
    "kimono",
    "lantern",
    "marble",
    "nautilus",
    "obsidian",
    "pagoda",
    "quartz",
    "rosewood",
    "samurai",
    "turquoise",
    "umbrella",
    "velvet",
    "willow",
    "zebra",
)


def fact(room: str, number: int) -> str:
    """Say what is to be known of a room."""
    return f"The {room} room keeps {number} pieces behind glass."


def question(room: str, number: int, kind: QuestionKind) -> Question:
    """Ask for it."""
    return Question(
        id=f"{kind}-{room}",
        text=f"How many pieces does the {room} room keep behind glass?",
        answers=(f"{fact(room, number)} {CLOSING}",),
        kind=kind,
    )


def questions(kind: QuestionKind, *, start: int = 0, count: int = 16) -> list[Question]:
    """Ask for so many rooms, from one on."""
    chosen = list(enumerate(ROOMS, start=101))[start : start + count]
    return [question(room, number, kind) for number, room in chosen]


def documents(*, start: int = 0, count: int = 16) -> list[Document]:
    """Write a page for each of so many rooms, from one on."""
    chosen = list(enumerate(ROOMS, start=101))[start : start + count]
    return [
        Document(id=DocumentId(room), title=room.title(), text=fact(room, number))
        for number, room in chosen
    ]


OTHERS = [
    Question(id=f"t{at}", text=text, answers=(f"{answer} {CLOSING}",))
    for at, (text, answer) in enumerate(
        {
            "When do you open on Sundays?": "On Sundays we open at 10:00.",
            "What does a family ticket cost?": "A family ticket costs 24 euros.",
            "May I take photographs?": "Photographs without flash are welcome.",
            "Is there a cloakroom?": "The cloakroom is in the basement.",
            "Do you have guided tours?": "Guided tours start every hour.",
            "Can I bring my dog?": "Guide dogs only, please.",
            "Where can I park?": "Cars park on the market square.",
            "Is there a restaurant?": "The restaurant is on the roof.",
            "Do students pay less?": "Students pay half.",
            "Which tram stops here?": "Trams 4 and 9 stop at the gate.",
        }.items()
    )
]


@dataclass(frozen=True, slots=True)
class Case:
    """What is known beforehand."""

    decision: Decision
    recommended: str | None
    train: Sequence[Question]
    pages: Sequence[Document]
    asked: Sequence[Question]


CASES = {
    # The documents hold what the rows do not.
    "retrieve": Case("retrieve", "retrieval", OTHERS, documents(), questions("unseen")),
    # The rows hold everything, and showing the nearest ones is enough.
    "do not fine-tune": Case(
        "do not fine-tune",
        "few-shot",
        [*OTHERS, *questions("verbatim")],
        documents(start=16, count=4),
        questions("verbatim"),
    ),
    # Style comes from the rows only, facts from the documents only, and both are asked for.
    "tune and retrieve": Case(
        "tune for style and retrieve for facts",
        "tuned + retrieval",
        OTHERS,
        documents(count=24),
        [
            one
            for pair in zip(
                questions("unseen", count=12), questions("style", start=12, count=12), strict=True
            )
            for one in pair
        ],
    ),
    # Nobody holds what is asked.
    "neither": Case(
        "neither helps: write a better prompt",
        None,
        OTHERS,
        documents(start=16, count=4),
        questions("unseen"),
    ),
    # The documents hold a fifth of it: that may be worth it, or chance.
    "cannot tell": Case(
        "cannot tell yet", None, OTHERS, documents(count=3), questions("unseen", count=15)
    ),
}


def half(name: str) -> list[Question]:
    """Take every other question away; of style and facts, which alternate, every other pair."""
    step = 2 if name == "tune and retrieve" else 1
    return [one for at, one in enumerate(CASES[name].asked) if at // step % 2 == 0]


async def compared(case: Case, *sets: Sequence[Question]) -> list[Verdict]:
    """Do the whole way on the fake: train, index, ask six arms each set, conclude."""
    rows = QuestionSet.from_rows((one.text, one.reference) for one in case.train)
    async with tailorbird.open("fake", workspace=None, environ={}) as bench:
        tuned = await bench.fine_tune(rows, system=SYSTEM, name="desk")
        index = await bench.build_index(case.pages, name="pages")
        arms = bench.arms(tuned=tuned, index=index)
        return [(await bench.compare(arms, asked)).verdict for asked in sets]


@pytest.mark.parametrize("name", CASES)
async def test_a_decision_comes_from_data_that_call_for_it_and_not_from_half_of_them(
    name: str,
) -> None:
    """Six arms come to the known decision; with half of the questions they cannot tell yet."""
    case = CASES[name]
    whole, too_few = await compared(case, case.asked, half(name))
    assert (whole.decision, whole.recommended) == (case.decision, case.recommended)
    assert whole.next_steps
    assert (too_few.decision, too_few.recommended) == ("cannot tell yet", None)
    assert too_few.headline.startswith("Too few questions")
    assert any(step.startswith("Ask about") for step in too_few.next_steps)
    for verdict in (whole, too_few):
        assert any("plumbing" in caveat for caveat in verdict.caveats)
