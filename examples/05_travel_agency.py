"""Answer from five brochures, by quote and page, and from nothing else.

The first question is answered. The second one is about a city without a brochure: no page is near
enough, so no model is asked at all. On the fake this is free. On a real provider it embeds ten
pages and asks the chat model once: far below a cent, a few seconds.
"""

from __future__ import annotations

import asyncio

import tailorbird


async def main() -> None:
    async with tailorbird.open("fake") as bench:
        brochures = await bench.build_index("travel/brochures.jsonl", name="brochures")
        only = tailorbird.ArmOptions(only_from_data=True)
        for question in (
            "How much is the sunset cruise in Lisbon?",
            "Where can I watch sumo wrestling in Tokyo?",
        ):
            answer = await bench.ask(question, index=brochures, options=only)
            print(f"\n{question}\n{answer.text}")
            for cited in answer.citations:
                print(f"  [{cited.number}] {cited.source}, p. {cited.page}: “{cited.quote}”")
            if answer.abstained:
                print(f"  {answer.reason}, model asked: {answer.model is not None}")


asyncio.run(main())
