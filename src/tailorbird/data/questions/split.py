"""Divide questions into a part to train on and a part that is held out for measuring."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from typing_extensions import override

from tailorbird.data.questions.facts import group_by_fact
from tailorbird.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tailorbird.types.questions import Question

SplitBy = Literal["fact", "kind"]
"""How to divide: `fact` is `split_by_fact`, `kind` is `split_by_kind`."""

_NEVER_TRAINED = frozenset({"unseen", "unanswerable"})
_LEARNED_KINDS = frozenset({"verbatim", "style", None})
_OF_A_FACT = frozenset({"verbatim", "paraphrase"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Two parts of a set of questions; `train, held_out = split` takes them apart."""

    train: tuple[Question, ...]
    """What may be trained on, in the order of the set; at least one."""
    held_out: tuple[Question, ...]
    """What measures, in the order of the set; at least one."""
    facts: int
    """How many groups of questions for one fact each the whole set has, at least 1."""
    known: frozenset[str]
    """Ids of held-out questions whose fact is in the training part under another row, or as itself:
    by fact these are conflicts only, by kind whatever tests what was learned."""

    def __iter__(self) -> Iterator[tuple[Question, ...]]:
        """Give the training part, then the held-out part."""
        return iter((self.train, self.held_out))

    @override
    def __str__(self) -> str:
        """Tell the counts in words."""
        both = len({one.id for one in self.train} & {one.id for one in self.held_out})
        shared = f" ({both} of them trained on as well)" if both else ""
        counts = Counter(one.kind or "other" for one in self.tested())
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
        return (
            f"{len(self.train)} questions to train on, {len(self.held_out)} held out{shared}, of"
            f" {self.facts} facts; they test: {kinds}"
        )

    def tested(self) -> tuple[Question, ...]:
        """Give the held-out questions with the kind that they test after this split.

        A `verbatim` or `paraphrase` question whose fact is not trained tests what an `unseen` one
        does: a fact that only the documents can know. It comes back as such, all else unchanged.
        """
        return tuple(
            one.model_copy(update={"kind": "unseen"})
            if one.kind in _OF_A_FACT and one.id not in self.known
            else one
            for one in self.held_out
        )


def split_questions(
    questions: Sequence[Question], *, held_out: float, seed: int, by: SplitBy = "fact"
) -> Split:
    """Divide by fact or by kind; see the two functions for what each promises.

    Raises:
        InvalidInputError: As in `split_by_fact` and `split_by_kind`.
    """
    return _SPLITTERS[by](questions, held_out=held_out, seed=seed)


def split_by_fact(questions: Sequence[Question], *, held_out: float, seed: int) -> Split:
    """Divide so that no held-out question asks for a fact that was trained on.

    Questions for one fact (near copies unless another word and another answer tell them apart, and
    equal answers: see `group_by_fact`) stay together, so the held-out part shows what a model does
    with facts it has not been trained on: style, and facts from documents. What it remembers of
    trained facts, `split_by_kind` shows.

    `unseen` and `unanswerable` questions, and ones without an answer, are always held out, and so
    is what asks for the same fact. A `conflict` question is always held out, and what it
    contradicts is always trained on: these are the only near copies on two sides. Of the other
    questions the wanted share is held out, each kind in proportion as far as the groups allow.

    The result depends on the questions, the share and the seed, not on the order of the questions.

    Args:
        questions: What to divide.
        held_out: Share of the questions that may be trained on which is held out, above 0 and below
            1. What is held out differs from it by less than the largest group.
        seed: Picks one of the possible divisions.

    Raises:
        InvalidInputError: The share is out of range, no question may be trained on, or all that may
            be ask for one fact, so that nothing can be held out.
    """
    _check_share(held_out)
    groups = _grouped(questions)
    held: set[int] = set()
    free: list[_Group] = []
    trainable = 0
    for members in groups:
        conflicts = {at for at in members if questions[at].kind == "conflict"}
        rest = [at for at in members if at not in conflicts]
        held |= conflicts
        if any(_never_trained(questions[at]) for at in rest):
            held |= set(rest)
        else:
            trainable += len(rest)
            if rest and not conflicts:
                free.append(_Group.of(rest, questions, seed))
    _check_trainable(trainable, len(questions))
    pinned = trainable - sum(group.size for group in free)
    if free and (pinned or len(free) > 1):
        held |= _chosen(free, held_out * trainable, keep=0 if pinned else 1)
    if not held:
        message = (
            f"{len(questions)} question(s) cannot be divided: all ask for one fact; at least two"
            " facts are needed, or questions of a kind that is never trained on"
        )
        raise InvalidInputError(message)
    train = [at for at in range(len(questions)) if at not in held]
    return _split(questions, train, sorted(held), groups)


def split_by_kind(questions: Sequence[Question], *, held_out: float, seed: int) -> Split:
    """Divide by the kinds that the file gives, to show what a model remembers of its training.

    Trained on are `verbatim` questions, ones without a kind, and a part of the `style` ones. Held
    out are `paraphrase`, `unseen`, `unanswerable` and `conflict` questions, ones without an answer,
    the wanted share of the `style` ones (whole groups, none near a trained question), and a sample
    of the wanted share of the `verbatim` ones, which stay in the training part as well: they test
    memory, so this part of the measurement must not be read as knowledge of anything new.

    The result depends on the questions, the share and the seed, not on the order of the questions.

    Args:
        questions: What to divide.
        held_out: Share of the style and of the verbatim questions to hold out, above 0 and below 1.
        seed: Picks one of the possible divisions.

    Raises:
        InvalidInputError: The share is out of range, no question has a kind, or none may be trained
            on.
    """
    _check_share(held_out)
    if not any(question.kind for question in questions):
        message = (
            f"none of {len(questions)} question(s) has a kind, so they cannot be divided by kind:"
            " add a column 'kind', or divide by fact"
        )
        raise InvalidInputError(message)
    groups = _grouped(questions)
    trainable = {at for at, one in enumerate(questions) if _learned(one)}
    style = [
        [at for at in members if at in trainable]
        for members in groups
        if all(questions[at].kind == "style" for at in members if at in trainable)
    ]
    free = [_Group.of(members, questions, seed) for members in style if members]
    size = sum(group.size for group in free)
    kept = len(trainable) - size
    _check_trainable(len(trainable), len(questions))
    apart: set[int] = set()
    if free and (kept or len(free) > 1):
        apart = _chosen(free, held_out * size, keep=0 if kept else 1)
    verbatim = [at for at in trainable if questions[at].kind == "verbatim"]
    sample = _sample(verbatim, questions, held_out, seed)
    held = (set(range(len(questions))) - trainable) | apart | sample
    if not held:
        message = (
            f"{len(questions)} question(s) cannot be divided by kind: nothing can be held out; add"
            " questions of another kind than 'style', or of another style"
        )
        raise InvalidInputError(message)
    return _split(questions, sorted(trainable - apart), sorted(held), groups)


_SPLITTERS = {"fact": split_by_fact, "kind": split_by_kind}


@dataclass(frozen=True, slots=True)
class _Group:
    """Questions that go to the same side."""

    members: tuple[int, ...]
    """Positions in the set."""
    kinds: tuple[str, ...]
    """The kinds in it, sorted: groups of equal kinds are divided in proportion."""
    order: bytes
    """Seeded hash of what the questions say: the order in which groups are picked."""

    @classmethod
    def of(cls, members: Sequence[int], questions: Sequence[Question], seed: int) -> Self:
        """Make a group of the questions at some positions."""
        return cls(
            tuple(members),
            tuple(sorted({questions[at].kind or "" for at in members})),
            b"".join(sorted(_order(questions[at], seed) for at in members)),
        )

    @property
    def size(self) -> int:
        """How many questions it has."""
        return len(self.members)


def _order(question: Question, seed: int) -> bytes:
    """Hash what a question says; neither its place nor an id made from it plays a part."""
    parts = (str(seed), question.kind or "", question.text, *question.answers)
    said = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(said, digest_size=16).digest()


def _grouped(questions: Sequence[Question]) -> list[list[int]]:
    """Give the positions of each group."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for at, group in enumerate(group_by_fact(questions)):
        groups[group].append(at)
    return list(groups.values())


def _chosen(groups: Sequence[_Group], wanted: float, *, keep: int) -> set[int]:
    """Choose groups of about the wanted number of questions, each mix of kinds in proportion.

    `keep` questions at least are not chosen. Groups are taken as long as they fit, so that what is
    missing in the end is less than any group left; if none fits, the smallest is taken.
    """
    total = sum(group.size for group in groups)
    left = target = max(1, min(round(wanted), total - keep))
    rows: Counter[tuple[str, ...]] = Counter()
    for group in groups:
        rows[group.kinds] += group.size
    quotas = {kinds: target * count / total for kinds, count in rows.items()}
    # A group of half the target would leave little room for any other.
    ordered = sorted(groups, key=lambda group: (2 * group.size > target, group.order))
    chosen: list[_Group] = []
    for group in ordered:
        if group.size <= min(left, quotas[group.kinds]):
            chosen.append(group)
            quotas[group.kinds] -= group.size
            left -= group.size
    taken = {group.members for group in chosen}
    others = [group for group in ordered if group.members not in taken]
    for group in sorted(others, key=lambda group: -quotas[group.kinds]):
        if group.size <= left:
            chosen.append(group)
            left -= group.size
    if not chosen:
        chosen.append(min(ordered, key=lambda group: group.size))
    return {at for group in chosen for at in group.members}


def _sample(
    rows: Sequence[int], questions: Sequence[Question], share: float, seed: int
) -> set[int]:
    """Pick a share of some questions, one at least if there is any."""
    ordered = sorted(rows, key=lambda at: (_order(questions[at], seed), at))
    return set(ordered[: max(1, round(share * len(rows)))])


def _never_trained(question: Question) -> bool:
    return question.kind in _NEVER_TRAINED or not question.answers


def _learned(question: Question) -> bool:
    return question.kind in _LEARNED_KINDS and bool(question.answers)


def _check_share(held_out: float) -> None:
    if not 0 < held_out < 1:
        message = f"held_out={held_out!r} is no share: give a number above 0 and below 1, e.g. 0.25"
        raise InvalidInputError(message)


def _check_trainable(trainable: int, total: int) -> None:
    if not trainable:
        message = (
            f"none of {total} question(s) may be trained on: that takes an answer, and a kind that"
            " is not 'unseen', 'unanswerable' or 'conflict'"
        )
        raise InvalidInputError(message)


def _split(
    questions: Sequence[Question],
    train: Sequence[int],
    held: Sequence[int],
    groups: Sequence[Sequence[int]],
) -> Split:
    """Put the parts together, and tell which held-out facts are trained."""
    trained = set(train)
    known = {
        at for members in groups if not trained.isdisjoint(members) for at in members
    }.intersection(held)
    return Split(
        train=tuple(questions[at] for at in train),
        held_out=tuple(questions[at] for at in held),
        facts=len(groups),
        known=frozenset(questions[at].id for at in known),
    )
