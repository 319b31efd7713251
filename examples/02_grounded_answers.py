"""Answer from a folder of documents, with quotations, and say so when they hold no answer.

On the fake this is free. On a real provider it embeds the folder once (well under a cent) and asks
the chat model twice.
"""

from __future__ import annotations

import asyncio

import tailorbird


async def main() -> None:
    async with tailorbird.open("fake") as bench:
        handbook = await bench.build_index("en/handbook/", name="handbook-en")
        print(f"{handbook.added} documents added, {handbook.embedded} chunks embedded")

        for hit in await bench.search(
            "How long is the warranty on boots?", index=handbook, top_k=3
        ):
            print(f"{hit.score:.2f} {hit.score_kind} {hit.chunk.source}")

        only = tailorbird.ArmOptions(only_from_data=True)
        for question in (
            "How many days do I have to return an item?",
            "Who won the football match yesterday?",
        ):
            answer = await bench.ask(question, index=handbook, options=only)
            print(f"\n{question}\n{answer.text}")
            for cited in answer.citations:
                print(f"  [{cited.number}] {cited.source}: “{cited.quote}”")


asyncio.run(main())
