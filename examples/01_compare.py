"""Decide between tuning and retrieval for a FAQ, from the file to the verdict.

On the fake this is free and takes seconds. On a real provider it trains one model and asks six arms
each held-out question: `estimate` says what the training costs before anything is sent.
"""

from __future__ import annotations

import asyncio

import tailorbird

SYSTEM = (
    "あなたは株式会社ヒバリ商会の総務窓口です。社員の質問に、会社の決まりに沿って丁寧に答えます。"
)


async def main() -> None:
    async with tailorbird.open("fake") as bench:  # or a profile of tailorbird.toml
        faq = tailorbird.read_questions("ja/faq.csv")
        train, held_out = faq.split(held_out=0.25, seed=7)
        print(await bench.estimate(train, system=SYSTEM))
        tuned = await bench.fine_tune(train, system=SYSTEM, name="faq-bot")
        handbook = await bench.build_index("ja/handbook/", name="handbook")
        result = await bench.compare(bench.arms(tuned=tuned, index=handbook), held_out)
        print(result)
        result.write_html("report.html")


asyncio.run(main())
