"""What the tuned models of a fake have learned: read from their training files on first use."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from tailorbird.data.training.examples import iter_examples
from tailorbird.data.training.rules import training_rules
from tailorbird.exceptions import DataError
from tailorbird.providers.fake.answering.learning import Lesson, Memory, learn, lessons_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.state import Taught, TunedRecord
    from tailorbird.types.ids import ModelId

MOST_MEMORIES = 8
"""Tuned models whose memories are kept at a time; one takes up to 50 MB."""


_GOLDEN = (5**0.5 - 1) / 2


class Library:
    """The memories of one fake's tuned models."""

    def __init__(self, cloud: Cloud) -> None:
        """Share the state of a fake."""
        self._cloud = cloud
        self._memories: OrderedDict[ModelId, Memory] = OrderedDict()
        self._reading = asyncio.Lock()

    async def memory(self, tuned: TunedRecord | None) -> Memory | None:
        """Give what a tuned model has learned; None for an untuned one."""
        if tuned is None:
            return None
        known = self._memories.get(tuned.id)
        if known is not None:
            self._memories.move_to_end(tuned.id)
            return known
        async with self._reading:
            # Somebody else may have read it meanwhile.
            return self._memories.get(tuned.id) or await self._read(tuned)

    async def _read(self, tuned: TunedRecord) -> Memory:
        memory = await self._cloud.in_thread(lambda: learn(self._lessons(tuned)))
        self._memories[tuned.id] = memory
        if len(self._memories) > MOST_MEMORIES:
            self._memories.popitem(last=False)
        return memory

    def _lessons(self, tuned: TunedRecord) -> Iterator[Lesson]:
        """Give what was learned: of its own job's rows, a checkpoint knows the share it got to."""
        *earlier, own = tuned.taught
        for one in earlier:
            yield from self._file_lessons(one)
        for number, lesson in enumerate(self._file_lessons(own), start=1):
            # Multiples of the golden ratio fill 0..1 evenly: what a step knows, later steps know.
            if number * _GOLDEN % 1 < tuned.progress:
                yield lesson

    def _file_lessons(self, taught: Taught) -> Iterator[Lesson]:
        rules = training_rules(self._cloud.flavor.rules)
        with self._cloud.store.as_path(taught.sha256) as path:
            try:
                # The smallest number of rows was asked for by the job; here a part will do.
                rows = iter_examples(path, kind=taught.kind, rules=rules, use="validation")
                yield from lessons_of(rows)
            except DataError:
                # A script may let a job succeed on rows that teach nothing.
                return
