"""Rehearse a bad day: the answer to a paid request is lost, and no second job is made.

Only the fake can be scripted. The same code meets a real provider prepared.
"""

from __future__ import annotations

import asyncio

import tailorbird
from tailorbird.providers.fake import FakeProvider, Fault, Script


async def main() -> None:
    # The first creation succeeds at the provider, but its answer never arrives here.
    script = Script().on("jobs.create", Fault.lost_answer())
    async with tailorbird.Workbench(FakeProvider(script=script)) as bench:
        faq = tailorbird.read_questions("en/faq.csv")
        train, _ = faq.split(held_out=0.25, seed=7)
        tuned = await bench.fine_tune(train, system="You are the shop's help desk.", name="help")

        jobs = [job async for job in bench.provider.jobs.list()]
        print(
            f"{len(jobs)} job at the provider, {jobs[0].status}; the model answers: {tuned.model}"
        )
        for event in [event async for event in (await bench.resume("help")).events()][:3]:
            print(f"  {event.created_at:%H:%M:%S} {event.message}")


asyncio.run(main())
