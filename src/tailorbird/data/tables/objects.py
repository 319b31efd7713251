"""Take question, answer and the rest out of JSON objects and of rows that a program gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from pydantic import ValidationError

from tailorbird.data.tables.columns import Layout, Misfit, role_of, shown, understand
from tailorbird.data.tables.rows import Batch
from tailorbird.data.unusual_text import is_blank
from tailorbird.types.base import Frozen
from tailorbird.types.questions import Origin, Swap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tailorbird.data.problems import Problems
    from tailorbird.data.tables.columns import Role, Wanted

FrozenT = TypeVar("FrozenT", bound=Frozen)

_MESSAGES = Layout(("messages", "messages"), {"question": 0, "answer": 1}, many_answers=False)
_NAMES: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row, with its place."""

    question: str
    answers: tuple[str, ...]
    kind: str
    sources: tuple[str, ...]
    system: str
    id: str
    line: int | None
    record: int
    layout: Layout
    origin: Origin | None = None
    swap: Swap | None = None


def batch_of(rows: Sequence[Row], form: Literal["json", "data"]) -> Batch:
    """Turn rows into columns; there must be at least one row."""
    lines = [row.line for row in rows if row.line is not None]
    return Batch(
        form=form,
        layout=rows[0].layout,
        questions=[row.question for row in rows],
        answers=[row.answers[0] if row.answers else "" for row in rows],
        more_answers=[row.answers[1:] for row in rows],
        kinds=[row.kind for row in rows],
        sources=[row.sources for row in rows],
        systems=[row.system for row in rows],
        ids=[row.id for row in rows],
        origins=[row.origin for row in rows],
        swaps=[row.swap for row in rows],
        lines=lines or None,
        records=[row.record for row in rows],
        unusual=True,  # escapes can bring in any character
        converted=False,  # no spreadsheet has written it
    )


class _WrongValueError(Exception):
    """A value has the wrong type or shape; becomes a problem."""

    def __init__(self, where: str, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.where = where
        self.reason = reason
        self.fix = fix


@dataclass(slots=True)
class ObjectReader:
    """Reads objects of one source; knows the keys it has seen."""

    form: Literal["json", "data"]
    wanted: Wanted | None
    problems: Problems
    _known: dict[tuple[str, ...], Layout | Misfit] = field(
        default_factory=dict[tuple[str, ...], Layout | Misfit]
    )

    def read(self, found: Mapping[str, object], line: int | None, record: int) -> Row | None:
        """Take a row out of an object; None when it cannot be, which has been reported."""
        keys = tuple(found)
        if self.wanted is None and "messages" in found:
            layout: Layout | None = _MESSAGES
        else:
            layout = self._layout(keys, line, record)
        if layout is None:
            return None
        try:
            if layout is _MESSAGES:
                return self._conversation(found, line, record)
            return self._flat(found, layout, line, record)
        except _WrongValueError as exc:
            code = f"{self.form}.value"
            place = exc.where
            self.problems.add(
                "error", code, exc.reason, exc.fix, line=line, record=record, field=place
            )
            return None

    def _layout(self, keys: tuple[str, ...], line: int | None, record: int) -> Layout | None:
        if keys in self._known:
            known = self._known[keys]
            return known if isinstance(known, Layout) else None
        known = self._known[keys] = understand(keys, self.wanted, keyed=True)
        if isinstance(known, Misfit):
            code = f"{self.form}.{known.code}"
            reason = f"{known.reason} (told once for all rows with these keys)"
            self.problems.add("error", code, reason, known.fix, line=line, record=record)
            return None
        for note in known.notes:
            self.problems.add("note", f"{self.form}.columns", note, line=line)
        return known

    def _flat(
        self, found: Mapping[str, object], layout: Layout, line: int | None, record: int
    ) -> Row:
        def value(role: Role) -> tuple[str, object]:
            name = layout.name(role)
            return name, found.get(name) if role in layout.places else None

        return Row(
            question=_text(*value("question")),
            answers=_texts(*value("answer")),
            kind=_text(*value("kind")),
            sources=_texts(*value("sources")),
            system=_text(*value("system")),
            id=_id(*value("id")),
            line=line,
            record=record,
            layout=layout,
            origin=_object("origin", found.get("origin"), Origin),
            swap=_object("swap", found.get("swap"), Swap),
        )

    def _conversation(self, found: Mapping[str, object], line: int | None, record: int) -> Row:
        turns = [_turn(at, one) for at, one in enumerate(_sequence("messages", found["messages"]))]
        systems = [text for role, text in turns if role in {"system", "developer"}]
        if len(systems) > 1:
            raise _WrongValueError("messages", "there are several system messages", "keep one")
        talk = [(role, text) for role, text in turns if role not in {"system", "developer"}]
        users = [at for at, (role, _) in enumerate(talk) if role == "user"]
        if not users:
            reason = "no message of the user, so there is no question"
            raise _WrongValueError("messages", reason, 'add {"role": "user", …}')
        after = talk[users[-1] + 1 :]
        if any(role != "assistant" for role, _ in after) or len(after) > 1:
            reason = "one assistant message, and nothing else, must follow the last user message"
            fix = "such conversations are training data: read them with read_examples"
            raise _WrongValueError("messages", reason, fix)
        if users[-1] > 0:
            reason = f"{users[-1]} earlier message(s) are left out: a question stands alone"
            fix = "to train on whole conversations, read the file with read_examples"
            code = f"{self.form}.earlier-turns"
            self.problems.add("warning", code, reason, fix, line=line, record=record)
        extra = {role: key for key in found if (role := role_of(key)) in {"kind", "sources", "id"}}
        kind, sources, name = (extra.get(role, "") for role in ("kind", "sources", "id"))
        return Row(
            question=talk[users[-1]][1],
            answers=(after[0][1],) if after else (),
            kind=_text(kind, found.get(kind)),
            sources=_texts(sources, found.get(sources)),
            system=systems[0] if systems else "",
            id=_id(name, found.get(name)),
            line=line,
            record=record,
            layout=_MESSAGES,
        )


def read_pairs(
    rows: Iterable[tuple[str, str] | Mapping[str, object]], reader: ObjectReader
) -> list[Row]:
    """Read rows that a program gives: pairs of question and answer, or mappings."""
    found: list[Row] = []
    for record, given in enumerate(rows, start=1):
        named = given if isinstance(given, Mapping) else _named(given)
        if named is None:
            reason = f"a row must be a pair (question, answer) or a mapping, not {_shape(given)}"
            reader.problems.add("error", "data.row", reason, "give pairs", record=record)
        elif (row := reader.read(named, None, record)) is not None:
            found.append(row)
    return found


def _named(given: object) -> Mapping[str, object] | None:
    if not isinstance(given, Sequence) or isinstance(given, str):
        return None
    cells = cast("Sequence[object]", given)
    return {"question": cells[0], "answer": cells[1]} if len(cells) == 2 else None  # noqa: PLR2004 - a pair


def _shape(value: object) -> str:
    return _NAMES.get(type(value), f"a {type(value).__name__}")


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _WrongValueError(name, f"{name!r} is {_shape(value)}, not text", "put it into quotes")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return () if is_blank(value) else (value,)
    if isinstance(value, list | tuple):
        items = enumerate(cast("Sequence[object]", value))
        texts = [_text(f"{name}[{at}]", one) for at, one in items]
        return tuple(text for text in texts if not is_blank(text))
    reason = f"{name!r} is {_shape(value)}, neither text nor a list of texts"
    raise _WrongValueError(name, reason, "put it into quotes")


def _id(name: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(name, value)


def _object(name: str, value: object, kind: type[FrozenT]) -> FrozenT | None:
    if value is None:
        return None
    try:
        return kind.model_validate(value)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join([name, *map(str, first["loc"])])
        fix = f"write it as QuestionSet.write_jsonl does, or leave {name!r} out"
        raise _WrongValueError(where, f"{where}: {first['msg']}", fix) from exc


def _sequence(name: str, value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise _WrongValueError(name, f"{name!r} is {_shape(value)}, not a list", "write [ … ]")
    return cast("Sequence[object]", value)


def _turn(at: int, value: object) -> tuple[str, str]:
    """Give role and text of one message."""
    where = f"messages[{at}]"
    if not isinstance(value, Mapping):
        raise _WrongValueError(where, f"a message is {_shape(value)}, not an object", "write { … }")
    message = cast("Mapping[str, object]", value)
    role = _text(f"{where}.role", message.get("role"))
    if role not in {"system", "developer", "user", "assistant"}:
        reason = f"messages with the role {role!r} cannot become a question or an answer"
        fix = "take one of 'system', 'user', 'assistant'"
        raise _WrongValueError(f"{where}.role", reason, fix)
    content = message.get("content")
    if isinstance(content, list):
        parts = cast("list[object]", content)
        return role, "".join(_part(f"{where}.content[{i}]", part) for i, part in enumerate(parts))
    if content is None:
        reason = f"the message has no text; it has {shown([str(key) for key in message])}"
        raise _WrongValueError(f"{where}.content", reason, "give it a text")
    return role, _text(f"{where}.content", content)


def _part(where: str, value: object) -> str:
    part = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None
    if part is None or part.get("type") != "text":
        reason = "only parts of text can become a question or an answer"
        raise _WrongValueError(where, reason, 'write {"type": "text", "text": …}')
    return _text(f"{where}.text", part.get("text"))
