"""What tests of the workflow share: rows, documents, and a workbench on the fake."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import tailorbird
from tailorbird import QuestionSet, Workbench
from tailorbird.types import Document, DocumentId

SYSTEM = "You are the help desk of a bicycle shop."

FACTS = {
    "How long is the warranty on frames?": "The warranty on frames is 10 years. Ride on!",
    "What does a tune-up cost?": "A tune-up costs 45 euros. Ride on!",
    "When does the shop open on Saturday?": "On Saturday the shop opens at 9:30. Ride on!",
    "Can I rent a cargo bike?": "Cargo bikes are rented for 30 euros a day. Ride on!",
    "Do you buy used bikes?": "Used bikes are bought on Tuesdays only. Ride on!",
    "How long does a repair take?": "A repair takes 4 working days. Ride on!",
    "Which helmets do you sell?": "The shop sells helmets of 3 brands. Ride on!",
    "Is there a test track?": "The test track is 200 meters long. Ride on!",
    "Do you ship spare parts?": "Spare parts are shipped for 6 euros. Ride on!",
    "What is the deposit for a rental?": "The deposit for a rental is 150 euros. Ride on!",
    "Do you repair electric bikes?": "Electric bikes are repaired by 2 mechanics. Ride on!",
    "Is parking free?": "Parking is free for 90 minutes. Ride on!",
}


def make_rows() -> QuestionSet:
    """Give twelve questions with answers in one style."""
    return QuestionSet.from_rows(FACTS.items())


def make_documents() -> list[Document]:
    """Give a small handbook whose facts stand in plain words."""
    texts = {
        "shop": "The shop opens at 9:30 on Saturday. Parking is free for 90 minutes.",
        "rental": "Cargo bikes are rented for 30 euros a day. The deposit is 150 euros.",
        "club": "The bicycle club meets every Thursday at 19:00 in the basement.",
    }
    return [
        Document(id=DocumentId(name), text=text, title=name.title()) for name, text in texts.items()
    ]


@pytest.fixture
def rows() -> QuestionSet:
    """Give twelve questions with answers in one style."""
    return make_rows()


@pytest.fixture
def documents() -> list[Document]:
    """Give a small handbook."""
    return make_documents()


@pytest.fixture
async def bench() -> AsyncIterator[Workbench]:
    """Open a workbench on the fake, in memory."""
    async with tailorbird.open("fake", workspace=None, environ={}) as opened:
        yield opened
