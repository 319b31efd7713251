"""Questions with their answers: read from a file, checked, split, counted by kind."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, overload

from pydantic import ValidationError
from typing_extensions import override

from tailorbird.data.tables.options import ReadOptions
from tailorbird.exceptions import InvalidInputError, Problem
from tailorbird.storage import write_atomic
from tailorbird.types.questions import QUESTION_KINDS, Question, QuestionKind

if TYPE_CHECKING:
    from pydantic import JsonValue

    from tailorbird.data.questions.split import SplitBy
    from tailorbird.data.tables.rows import Batch

_ID_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class QuestionSet(Sequence[Question]):
    """An immutable sequence of questions that knows where it comes from.

    Two sets are equal when their questions are, wherever they come from. Slicing gives a set.
    """

    questions: tuple[Question, ...]
    """The questions, in the order of the file."""
    source: str = field(default="<data>", compare=False)
    """Name of the file, as it was given."""
    problems: tuple[Problem, ...] = field(default=(), compare=False)
    """Warnings and notes about the whole file, warnings first; a hundred of each are kept."""
    total: int = field(default=0, compare=False)
    """How many problems there were, the ones that were not kept included."""
    encoding: str | None = field(default=None, compare=False)
    """Encoding of the file (`utf-8-sig`: with byte-order mark); None for rows from no file."""
    sha256: str = field(default="", compare=False)
    """Hash of the file's bytes, in hexadecimal; of the rows as JSON for rows from no file. Parts of
    a set keep the hash of the whole, as they keep its source."""
    division: Mapping[str, str | int | float] = field(
        default_factory=dict[str, str | int | float], compare=False
    )
    """How `split` made this part: `part`, `held_out`, `seed`, `by`; empty for a whole set."""

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[tuple[str, str] | Mapping[str, object]],
        *,
        source: str = "<data>",
        options: ReadOptions | None = None,
    ) -> QuestionSet:
        """Check rows that a program gives, as strictly as those of a file.

        Args:
            rows: Pairs (question, answer), or mappings with the keys that a JSON Lines file may
                have: `question`, `answer` or `answers` (a list), `kind`, `sources`, `system`, `id`,
                or `messages`.
            source: What problems call the rows.
            options: How to treat them; the encoding plays no part.

        Raises:
            InvalidInputError: `options.columns` cannot be meant.
            DataError: Some rows are wrong; it lists them, counted from 1.
        """
        # The reader of tables costs 40 ms that `import tailorbird` does not pay.
        from tailorbird.data.questions.rows import checked_pairs  # noqa: PLC0415

        batch, problems = checked_pairs(rows, options or ReadOptions(), source)
        questions = _questions([] if batch is None else [batch])
        text = "\n".join(question.model_dump_json() for question in questions)
        return cls(
            questions=questions,
            source=source,
            problems=problems.found,
            total=problems.total,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )

    @classmethod
    def from_file(cls, path: Path | str, *, options: ReadOptions | None = None) -> QuestionSet:
        """Read a file with all options at hand; `read_questions` is the short form.

        Raises:
            InvalidInputError: `options.columns` cannot be meant, or there is no such encoding.
            DataError: The file cannot be read or has errors; it lists all of them.
        """
        # As in `from_rows`.
        from tailorbird.data.questions.rows import FileRows  # noqa: PLC0415

        rows = FileRows(path, options or ReadOptions(), to_train=False)
        questions = _questions(list(rows))
        return cls(
            questions=questions,
            source=str(path),
            problems=rows.problems.found,
            total=rows.problems.total,
            encoding=rows.file.encoding,
            sha256=rows.file.sha256,
        )

    @override
    def __len__(self) -> int:
        return len(self.questions)

    @override
    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)

    @overload
    def __getitem__(self, index: int) -> Question: ...
    @overload
    def __getitem__(self, index: slice) -> QuestionSet: ...
    @override
    def __getitem__(self, index: int | slice) -> Question | QuestionSet:
        if isinstance(index, slice):
            return self._part(self.questions[index])
        return self.questions[index]

    @override
    def __repr__(self) -> str:
        """Tell numbers and origin; the texts stay out, because they are a user's content."""
        parts = self.by_kind()
        kinds = ", ".join(f"{len(some)} {kind or 'other'}" for kind, some in parts.items())
        counts = Counter(problem.severity for problem in self.problems)
        facts = [f"{len(self)} question(s)" + (f" ({kinds})" if set(parts) - {None} else "")]
        if self.encoding is not None:
            facts.append(self.encoding)
        facts += [f"{counts[one]} {one}(s)" for one in ("warning", "note") if counts[one]]
        return f"<QuestionSet {self.source!r}: {', '.join(facts)}>"

    def split(
        self, *, held_out: float = 0.25, seed: int = 7, by: SplitBy = "fact"
    ) -> tuple[QuestionSet, QuestionSet]:
        """Divide into a part to train on and a part that is held out for measuring.

        By fact, rows that ask for the same fact stay together, so that no held-out question is a
        near copy of a trained one. By kind, the kinds in the file decide, to show what a model
        remembers of its training. `data.split` has the rules in full. The same set, share and seed
        give the same parts on every machine.

        A held-out `verbatim` or `paraphrase` question whose fact is not trained on comes back as
        `unseen`, because that is what it then tests.

        Args:
            held_out: Share of the questions to hold out, above 0 and below 1.
            seed: Picks one of the possible divisions.
            by: `fact` or `kind`.

        Returns:
            Training part and held-out part; both keep the order and the origin of the set.

        Raises:
            InvalidInputError: The share is out of range, or the set cannot be divided.
        """
        # Late: comparing all texts needs parts of `text` that reading a file does not pay for.
        from tailorbird.data.questions.split import split_questions  # noqa: PLC0415

        found = split_questions(self, held_out=held_out, seed=seed, by=by)
        how = {"held_out": held_out, "seed": seed, "by": by}
        return (
            replace(self._part(found.train), division={"part": "train", **how}),
            replace(self._part(found.tested()), division={"part": "held out", **how}),
        )

    def by_kind(self) -> dict[QuestionKind | None, QuestionSet]:
        """Give the questions of each kind that occurs, in the order of `QUESTION_KINDS`.

        Questions without a kind come last, under None.
        """
        kinds: tuple[QuestionKind | None, ...] = (*QUESTION_KINDS, None)
        parts: dict[QuestionKind | None, list[Question]] = {
            kind: [one for one in self if one.kind == kind] for kind in kinds
        }
        return {kind: self._part(some) for kind, some in parts.items() if some}

    def __add__(self, other: QuestionSet) -> QuestionSet:
        """Give the questions of both, with the problems of both.

        Raises:
            InvalidInputError: An id stands in both.
        """
        known = {one.id for one in self}
        twice = next((one.id for one in other if one.id in known), None)
        if twice is not None:
            message = f"the id {twice!r} stands in both sets; give each question an id of its own"
            raise InvalidInputError(message)
        joined = replace(
            self,
            questions=(*self.questions, *other.questions),
            problems=(*self.problems, *other.problems),
            total=self.total + other.total,
        )
        text = f"{self.sha256} {other.sha256}"
        return replace(joined, sha256=hashlib.sha256(text.encode()).hexdigest())

    def write_jsonl(self, path: Path | str) -> None:
        """Write the questions as JSON Lines, whole or not at all; `read_questions` takes them back.

        Raises:
            StorageError: The file cannot be written.
        """
        lines = [
            json.dumps(_as_object(one), ensure_ascii=False, separators=(",", ":")) for one in self
        ]
        # A lone surrogate has no UTF-8; its escape is right within JSON.
        content = "".join(f"{line}\n" for line in lines)
        write_atomic(path, content.encode("utf-8", "backslashreplace"))

    def _part(self, questions: Iterable[Question]) -> QuestionSet:
        return replace(self, questions=tuple(questions))


def read_questions(
    path: Path | str,
    *,
    columns: tuple[str, ...] | Mapping[str, str] | None = None,
    encoding: str = "auto",
    empty_answers: Literal["error", "skip"] = "error",
    normalize: Literal["none", "nfc"] = "none",
    warnings_as_errors: bool = False,
) -> QuestionSet:
    """Read questions and answers from CSV, TSV, semicolon-separated text or JSON Lines.

    A file whose name ends in .jsonl, .ndjson or .json is JSON Lines, any other one is a table whose
    first line names the columns and shows the delimiter (comma, tab or semicolon; a line `sep=;`
    before it decides). Columns and keys are known by their usual English and Japanese names:
    `question`, `user`, `質問`, …; `answer`, `assistant`, `回答`, …; where present also `kind`,
    `種類`, …, `sources`, `出典`, …, `system` and `id`. In a table, `|` separates several sources,
    and several answers if the column is called `answers`; in JSON they are lists. A JSON line may
    also be a conversation (`{"messages": […]}`): its last user message is the question.

    Blanks around texts are left out, which a note tells; texts are otherwise not changed unless
    `normalize` asks for it. An id that the file does not give is made from the question's text.

    Args:
        path: The file.
        columns: See `ReadOptions.columns`.
        encoding: `auto` (UTF-8, UTF-16 by its mark, cp932 when it is certain) or a Python codec.
        empty_answers: Whether rows without question or answer are errors or left out.
        normalize: `nfc` composes characters with their marks (か + ゛ becomes が).
        warnings_as_errors: Whether to refuse a file that has warnings.

    Returns:
        The questions, with warnings and notes in `problems`.

    Raises:
        InvalidInputError: An argument cannot be meant.
        DataError: The file cannot be read or has errors; it lists up to 100 of each severity, with
            line, column and fix.
    """
    try:
        options = ReadOptions(
            columns=columns,
            encoding=encoding,
            empty_answers=empty_answers,
            normalize=normalize,
            warnings_as_errors=warnings_as_errors,
        )
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        message = f"read_questions: {first['loc'][0]}: {first['msg']}"
        raise InvalidInputError(message) from exc
    return QuestionSet.from_file(path, options=options)


def _as_object(question: Question) -> dict[str, JsonValue]:
    """Give a question by the keys that `read_questions` knows."""
    found = cast("dict[str, JsonValue]", question.model_dump(mode="json", exclude_defaults=True))
    found.pop("line", None)
    return {
        "id": found.pop("id"),
        "question": found.pop("text"),
        "answers": found.pop("answers", []),
        **found,
    }


def _questions(batches: Sequence[Batch]) -> tuple[Question, ...]:
    taken = {name for batch in batches for name in batch.ids or ()}
    return tuple(question for batch in batches for question in _of_batch(batch, taken))


def _of_batch(batch: Batch, taken: set[str]) -> Iterator[Question]:
    for at, text in enumerate(batch.questions):
        answers = (batch.answers[at], *(batch.more_answers[at] if batch.more_answers else ()))
        kind = batch.kinds[at] if batch.kinds else ""
        system = batch.systems[at] if batch.systems else ""
        given = batch.ids[at] if batch.ids else ""
        yield Question(
            id=given or _made_id(text, taken),
            text=text,
            answers=tuple(answer for answer in answers if answer),
            # The checker has let only kinds through.
            kind=cast("QuestionKind", kind) if kind else None,
            sources=batch.sources[at] if batch.sources else (),
            system=system or None,
            line=batch.lines[at] if batch.lines else None,
            origin=batch.origins[at] if batch.origins else None,
            swap=batch.swaps[at] if batch.swaps else None,
        )


def _made_id(text: str, taken: set[str]) -> str:
    """Make an id of the text; a number tells repeats apart."""
    base = f"q-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:_ID_DIGITS]}"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name
