"""Train a model to fill a travel-expense form in a dialogue, and read the form as a typed object.

On the fake this is free. On a real provider it trains one small model.
"""

from __future__ import annotations

import asyncio
import datetime as dt

from pydantic import BaseModel

import tailorbird
from tailorbird import Message


class Claim(BaseModel):
    """The filled form."""

    traveler: str
    destination: str
    start_date: dt.date
    end_date: dt.date
    purpose: str
    transport_yen: int
    lodging_yen: int
    per_diem_yen: int
    total_yen: int


async def main() -> None:
    async with tailorbird.open("fake") as bench:
        train = tailorbird.read_examples("expense/train.jsonl")
        clerk = await bench.fine_tune(train, name="expense-clerk")

        held_out = tailorbird.read_examples("expense/held_out.jsonl", use="validation")
        dialogue = held_out[1].messages[:-1]
        messages = [Message(role=turn.role, content=turn.content) for turn in dialogue]
        reply = await bench.provider.chat.complete(messages, model=clerk.callable_id, output=Claim)
        print(reply.output.model_dump_json(indent=2))


asyncio.run(main())
