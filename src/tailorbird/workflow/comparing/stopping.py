"""Ask in blocks, look after each, and stop when the rest of the questions would decide nothing.

Looking does not make more differences out of chance: every pair of arms is watched by the test of
`statistics.EarlyStop`, which holds however often one looks, and Holm's correction over all pairs is
put on top of it. Such p-values hold whatever makes one stop, so the rule may look at the figures:

* the arm in front is held against every other one (and so is the best of those whose model goes on,
  because that is the one that a verdict recommends);
* a pair is settled when the difference is shown; when the 95 % interval of the difference, which
  holds at all looks together, lies within `verdict.CLEAR_LEAD` to both sides, a lead that no
  verdict pays for; or when not even winning all questions that are left would show anything;
* asking stops after the first block with which all of these pairs are settled.

Questions come in an order that is drawn by lot and has nothing to do with the arms; kinds come in
proportion, so that each look rests on the same mixture.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import combinations
from math import ceil
from typing import TYPE_CHECKING

from tailorbird.exceptions import InvalidInputError
from tailorbird.workflow.answering.results import ALL_KINDS, EarlyStopping
from tailorbird.workflow.comparing.evidence import days_left, simplicity
from tailorbird.workflow.comparing.verdict import CLEAR_LEAD, lasting_arms
from tailorbird.workflow.statistics import LEVEL, EarlyStop, holm, watched_within

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from tailorbird.types.questions import Question
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.comparing.options import StopEarly

LEAST_BLOCK = 20
"""Questions of a block, where nothing is said, at least: fewer seldom show anything."""

MOST_LOOKS = 20
"""How often one looks, where nothing is said, at most."""

_Key = tuple[str, str, str]  # arm, baseline, kind
_LOT = 2**64


def in_blocks(questions: Sequence[Question], options: StopEarly) -> list[list[Question]]:
    """Draw the order of the questions, and cut it into blocks.

    The same questions with the same seed are the same blocks, in whatever order they are given.
    """
    size = options.block or max(LEAST_BLOCK, ceil(len(questions) / MOST_LOOKS))
    by_kind: dict[str | None, list[tuple[int, Question]]] = {}
    for question in questions:
        by_kind.setdefault(question.kind, []).append((_lot(options.seed, question), question))
    places: list[tuple[float, str, Question]] = []
    for drawn in by_kind.values():
        drawn.sort(key=lambda one: (one[0], one[1].id))
        # The i-th of m has its place in the i-th of m equal parts of the whole.
        places += [
            ((at + lot / _LOT) / len(drawn), question.id, question)
            for at, (lot, question) in enumerate(drawn)
        ]
    places.sort(key=lambda one: one[:2])
    ordered = [question for _, _, question in places]
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _lot(seed: int, question: Question) -> int:
    text = f"{seed}\0{question.id}\0{question.text}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


@dataclass(slots=True)
class _Pair:
    """What was seen of two arms."""

    watch: EarlyStop
    wins: int = 0
    losses: int = 0
    n: int = 0

    def add(self, ours: float, theirs: float) -> None:
        self.n += 1
        self.wins += ours > theirs
        self.losses += ours < theirs

    @property
    def is_close(self) -> bool:
        """Whether neither can be ahead by as much as a verdict pays for."""
        return self.n > 0 and watched_within(self.wins, self.losses, self.n, margin=CLEAR_LEAD)


@dataclass(slots=True)
class Watch:
    """Looks at the answers as they come, and says when to stop."""

    arms: Sequence[Arm]
    """What is compared; at least two."""
    questions: Sequence[Question]
    """All that might be asked."""
    options: StopEarly
    """Block and seed."""
    today: date | None = None
    """Day from which the days of tuned models are counted; None counts none."""
    looks: int = field(init=False, default=0)
    """How often was looked."""
    asked: int = field(init=False, default=0)
    """How many questions were asked."""
    settled: bool = field(init=False, default=False)
    """Whether asking may stop; after the last block it always may."""
    blocks: list[list[Question]] = field(init=False)
    """The questions in the order in which they are asked."""
    _lasting: Sequence[Arm] = field(init=False)
    _pairs: dict[_Key, _Pair] = field(init=False, default_factory=dict["_Key", _Pair])
    _marks: dict[str, list[float]] = field(init=False, default_factory=dict[str, "list[float]"])

    def __post_init__(self) -> None:
        """Draw the order.

        Raises:
            InvalidInputError: There is only one arm.
        """
        if len(self.arms) < 2:  # noqa: PLR2004 - a pair
            message = (
                "stopping early needs two arms at least to decide between, got"
                f" {', '.join(repr(arm.name) for arm in self.arms) or 'none'}: add an arm, or leave"
                " out stop_early"
            )
            raise InvalidInputError(message)
        self.blocks = in_blocks(self.questions, self.options)
        self._lasting = lasting_arms(self.arms, days_left(self.arms, self.today))

    def look(
        self, block: Iterable[Question], right: Mapping[tuple[str, str], float | None]
    ) -> bool:
        """Take in what came of a block; True when asking may stop.

        Args:
            block: What was asked since the last look.
            right: 1 or 0 for each arm and id of a question, None where nothing could be scored.
        """
        for question in block:
            self.asked += 1
            for arm in self.arms:
                mark = right.get((arm.name, question.id))
                self._marks.setdefault(arm.name, []).extend([] if mark is None else [mark])
            kinds = (ALL_KINDS,) if question.kind is None else (ALL_KINDS, question.kind)
            for first, second in combinations(self.arms, 2):
                ours = right.get((second.name, question.id))
                theirs = right.get((first.name, question.id))
                for kind in kinds:
                    pair = self._pair((second.name, first.name, kind))
                    if ours is not None and theirs is not None:
                        pair.add(ours, theirs)
        self.looks += 1
        left = len(self.questions) - self.asked
        for (_, _, kind), pair in self._pairs.items():
            remaining = left if kind == ALL_KINDS else None
            pair.watch.update(pair.wins, pair.losses, remaining=remaining)
        self.settled = not self._open()
        return self.settled

    def _pair(self, key: _Key) -> _Pair:
        if key not in self._pairs:
            comparisons = len(self.arms) * (len(self.arms) - 1) // 2
            self._pairs[key] = _Pair(EarlyStop(comparisons=comparisons))
        return self._pairs[key]

    @property
    def p_values(self) -> Mapping[_Key, float]:
        """The p-value of each two arms by kind, the later arm in their order first."""
        return {key: pair.watch.p_value for key, pair in self._pairs.items()}

    @property
    def found(self) -> EarlyStopping:
        """Say how it went."""
        leader = self._best(self.arms)
        others = [arm for arm in self.arms if arm is not leader]
        words = {arm.name: self._claim(leader, arm) for arm in others}
        return EarlyStopping(
            given=len(self.questions),
            asked=self.asked,
            block=len(self.blocks[0]),
            looks=self.looks,
            planned=len(self.blocks),
            seed=self.options.seed,
            leader=leader.name,
            shown=tuple(name for name, word in words.items() if word == "shown"),
            close=tuple(name for name, word in words.items() if word == "close"),
            undecided=tuple(name for name, word in words.items() if word == "open"),
        )

    def _open(self) -> bool:
        """Say whether a pair that matters may still be decided by the questions that are left."""
        fronts = [self._best(self.arms), self._best(self._lasting)]
        return any(
            self._word(front, arm) == "open" and self._between(front, arm).watch.word == "go on"
            for front in fronts
            for arm in self.arms
            if arm is not front
        )

    def _best(self, among: Sequence[Arm]) -> Arm:
        ranked = sorted(among, key=simplicity)
        return max(ranked, key=lambda arm: _mean(self._marks[arm.name]))

    def _key(self, arm: Arm, other: Arm) -> _Key:
        key = (arm.name, other.name, ALL_KINDS)
        return key if key in self._pairs else (other.name, arm.name, ALL_KINDS)

    def _between(self, arm: Arm, other: Arm) -> _Pair:
        return self._pairs[self._key(arm, other)]

    def _claim(self, arm: Arm, other: Arm) -> str:
        """Say what is known at the end, by Holm's correction as in the tables."""
        overall = {key: one for key, one in self.p_values.items() if key[2] == ALL_KINDS}
        adjusted = dict(zip(overall, holm(list(overall.values())), strict=True))
        word = self._word(arm, other)
        return "shown" if adjusted[self._key(arm, other)] < LEVEL else word

    def _word(self, arm: Arm, other: Arm) -> str:
        pair = self._between(arm, other)
        if pair.watch.word in {"better", "worse"}:
            return "shown"
        return "close" if pair.is_close else "open"


def _mean(marks: Sequence[float]) -> float:
    return sum(marks) / len(marks) if marks else 0.0
