"""Find out which column, or which key of a JSON object, holds the question and which the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from tailorbird.exceptions import InvalidInputError
from tailorbird.problem import did_you_mean, nearest
from tailorbird.text.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Sequence

Role = Literal["question", "answer", "kind", "sources", "system", "id"]
"""What a column can hold."""

ROLES: tuple[Role, ...] = get_args(Role)
"""All roles, question and answer first."""

Columns = tuple[str, ...] | Mapping[str, str]
"""Names of the columns of a file without header, or which column plays which role."""

PLURAL_ANSWERS = frozenset({"answers", "accepted answers"})
"""Names of an answer column whose cells hold several answers, the reference first."""

COLUMN_NAMES: dict[Role, tuple[str, ...]] = {
    "question": (
        *("user", "question", "questions", "prompt", "query", "input", "q", "text"),
        *("user message", "user question", "質問", "質問文", "質問内容", "問", "問い", "設問"),
        *("問い合わせ", "お問い合わせ", "問合せ", "入力", "ユーザー", "ユーザ"),
    ),
    "answer": (
        *("assistant", "answer", "completion", "response", "output", "a", "reply"),
        *("assistant message", "reference", "reference answer", "expected answer", "ground truth"),
        *("回答", "回答文", "回答内容", "解答", "答え", "答", "応答", "返答", "返信", "出力"),
        *("アシスタント", "模範解答", "正解"),
        *sorted(PLURAL_ANSWERS),
    ),
    "kind": ("kind", "question kind", "種類", "種別", "質問の種類"),
    "sources": ("source", "sources", "citation", "citations", "出典", "資料", "参照", "根拠"),
    "system": ("system", "system prompt", "system message", "システム", "システムプロンプト"),
    "id": ("id", "question id", "質問id"),
}
"""Names by which a column is known, after `normalize`, with `_` and `-` as blanks."""

JSON_KEYS = frozenset({"origin", "swap"})
"""Keys of JSON objects beside the roles: what questions that a model wrote carry along."""

_REMARK = re.compile(r"\s*[(\[【].*$")
_QUOTES = "\"'“”„‘’「」『』"
_SHOWN_NAMES = 8
_SHOWN_LENGTH = 40
_COMPARED_NAMES = (
    50  # comparing is slow, and a header of thousands of columns is no slip of the pen
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column plays which role."""

    names: tuple[str, ...]
    """The columns' names, as they stand in the file."""
    places: Mapping[Role, int]
    """Column of each role, from 0; `question` and `answer` are always there."""
    many_answers: bool
    """Whether the answer column holds several answers in one cell."""
    notes: tuple[str, ...] = field(default=())
    """What a reader may want to know about how the names were understood."""

    def name(self, role: Role) -> str:
        """Give the name of the role's column; the role itself when there is no such column."""
        return self.names[self.places[role]] if role in self.places else role

    @property
    def nameless(self) -> tuple[int, ...]:
        """Columns without a name, from 0."""
        return tuple(at for at, name in enumerate(self.names) if not name.strip())


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why names cannot be understood."""

    code: str
    """Last part of the problem's code, such as `columns-missing`."""
    reason: str
    """What is wrong."""
    fix: str
    """What to type."""


def role_of(name: str) -> Role | None:
    """Give the role that a column of this name plays; None for an unknown name.

    Full and half width, upper and lower case, blanks around the name, quotation marks and remarks
    in parentheses behind it (`質問（必須）`) do not matter.
    """
    plain = _plain(name)
    for role, names in COLUMN_NAMES.items():
        if plain in names:
            return role
    return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns that a user named."""

    names: Mapping[Role, str]
    """Name of each role's column; `question` and `answer` are always there."""
    order: tuple[str, ...] | None
    """Names of all columns in a file without header; None when they were not given in order."""

    def found_in(self, cells: Sequence[str]) -> int:
        """Count the names that are among `cells`."""
        plain = {_plain(cell) for cell in cells}
        return sum(_plain(name) in plain for name in self.names.values())


def wanted_columns(columns: Columns | None) -> Wanted | None:
    """Understand a user's `columns`; None when there are none.

    Raises:
        InvalidInputError: A mapping has a key that is no role, or lacks `question` or `answer`; or
            a tuple has a name twice, or too few names for a question and an answer.
    """
    if columns is None:
        return None
    if isinstance(columns, Mapping):
        return Wanted(_checked_mapping(columns), None)
    places = _places(columns)
    twice = next((role for role, found in places.items() if len(found) > 1), None)
    named = [name for name in columns if name.strip()]
    if twice or len(set(named)) < len(named):
        message = f"columns={columns!r}: two of the names mean the same column"
        raise InvalidInputError(message)
    names: dict[Role, str] = {role: columns[found[0]] for role, found in places.items()}
    unknown = [name for name in named if role_of(name) is None]
    for role in ("question", "answer"):
        if role not in names and unknown:
            names[role] = unknown.pop(0)
        if role not in names:
            message = f"columns={columns!r}: no name is left for the {role}; name both columns"
            raise InvalidInputError(message)
    return Wanted(names, columns)


def understand(
    names: Sequence[str], wanted: Wanted | None, *, keyed: bool = False
) -> Layout | Misfit:
    """Find the role of each column by its name.

    Args:
        names: The columns' names, or the keys of an object.
        wanted: The user's word; None to know columns by their usual names.
        keyed: Whether the names are keys of objects, so that there is no header line.
    """
    if wanted is not None:
        return _named(tuple(names), wanted.names)
    return _layout(tuple(names), keyed=keyed)


def in_order(wanted: Wanted, order: tuple[str, ...]) -> Layout:
    """Give the layout of a file without header, whose columns stand in the given order."""
    places: dict[Role, int] = {role: order.index(name) for role, name in wanted.names.items()}
    return Layout(order, places, _is_plural(wanted.names["answer"]))


def looks_like_header(cells: Sequence[str]) -> bool:
    """Say whether cells name at least a question and an answer column."""
    roles = {role_of(cell) for cell in cells}
    return {"question", "answer"} <= roles


def shown(names: Sequence[str]) -> str:
    """List names for a message, at most eight of them, long ones cut."""
    cut = [name if len(name) <= _SHOWN_LENGTH else f"{name[:_SHOWN_LENGTH]}…" for name in names]
    text = ", ".join(map(repr, cut[:_SHOWN_NAMES]))
    return text + (f" and {len(cut) - _SHOWN_NAMES} more" if len(cut) > _SHOWN_NAMES else "")


def _plain(name: str) -> str:
    text = normalize(name).strip(_QUOTES).replace("_", " ").replace("-", " ").strip()
    return _REMARK.sub("", text) or text


def _places(names: Sequence[str]) -> dict[Role, list[int]]:
    places: dict[Role, list[int]] = {}
    for at, name in enumerate(names):
        if (role := role_of(name)) is not None:
            places.setdefault(role, []).append(at)
    return places


def _notes(names: Sequence[str]) -> tuple[str, ...]:
    known = [name for name in names if role_of(name)]
    other = [name for name in names if name.strip() and not role_of(name) and name not in JSON_KEYS]
    notes = [
        f"the column {name!r} is taken for {_plain(name)!r}"
        for name in known
        if name != _plain(name) and name.replace("_", " ").replace("-", " ") != _plain(name)
    ]
    if other:
        notes.append(f"not used: {shown(other)}")
    return tuple(notes)


def _layout(names: Sequence[str], *, keyed: bool) -> Layout | Misfit:
    places = _places(names)
    for role, found in places.items():
        if len(found) > 1:
            return _ambiguous(names, role, found)
    missing = [role for role in ("question", "answer") if role not in places]
    if missing:
        return _missing(names, missing, keyed=keyed)
    single: dict[Role, int] = {role: found[0] for role, found in places.items()}
    return Layout(tuple(names), single, _is_plural(names[single["answer"]]), _notes(names))


def _ambiguous(names: Sequence[str], role: Role, found: list[int]) -> Misfit:
    first, second = found[:2]
    places = f"({first + 1} and {second + 1})"
    if _plain(names[first]) == _plain(names[second]):
        reason = f"the column {names[first]!r} is there twice {places}"
        return Misfit("column-twice", reason, "rename or remove one of the two")
    reason = f"both {names[first]!r} and {names[second]!r} {places} could be the {role}"
    fix = f"say which: columns={{{role!r}: {names[first]!r}, …}}"
    return Misfit("columns-ambiguous", reason, fix)


def _missing(names: Sequence[str], missing: Sequence[str], *, keyed: bool) -> Misfit:
    wanted = " and ".join(
        f"a column for the {role} ({', '.join(COLUMN_NAMES[role][:3])}, {_JAPANESE[role]}, …)"
        for role in ROLES
        if role in missing
    )
    fixes = [
        f"did you mean {near[0]!r} instead of {name!r}?"
        for name in names[:_COMPARED_NAMES]
        if role_of(name) is None and (near := _near(name, missing))
    ]
    if not keyed:
        fixes.append(
            "if the file has no header line, give the columns' names:"
            " columns=('question', 'answer');"
        )
    where = "other keys hold them" if keyed else "they have other names"
    fixes.append(f"if {where}, say which: columns={{'question': …, 'answer': …}}")
    return Misfit("columns-missing", f"expected {wanted}; found {shown(names)}", " ".join(fixes))


_JAPANESE = {"question": "質問", "answer": "回答"}


def _near(name: str, missing: Sequence[str]) -> list[str]:
    known = [one for role in ROLES if role in missing for one in COLUMN_NAMES[role] if len(one) > 1]
    near = nearest(_plain(name), known, cutoff=0.75)
    return [] if near is None else [near]


def _checked_mapping(columns: Mapping[str, str]) -> dict[Role, str]:
    names: dict[Role, str] = {role: columns[role] for role in ROLES if role in columns}
    for key in columns:
        if key not in ROLES:
            hint = did_you_mean(key, ROLES, otherwise=f"take {', '.join(map(repr, ROLES))}")
            message = f"columns: {key!r} is no role: {hint}"
            raise InvalidInputError(message)
    for role in ("question", "answer"):
        if role not in columns:
            message = f"columns: say which column is the {role}: {{{role!r}: …}}"
            raise InvalidInputError(message)
    return names


def _named(names: tuple[str, ...], wanted: Mapping[Role, str]) -> Layout | Misfit:
    places: dict[Role, int] = {}
    plain = [_plain(name) for name in names]
    for role, name in wanted.items():
        exact = [at for at, one in enumerate(names) if one == name]
        found = exact or [at for at, one in enumerate(plain) if one == _plain(name)]
        if not found:
            fix = did_you_mean(name, names, otherwise=f"take one of {shown(names)}")
            reason = f"there is no column {name!r} for the {role}; found {shown(names)}"
            return Misfit("columns-missing", reason, fix)
        if len(found) > 1:
            return _ambiguous(names, role, found)
        places[role] = found[0]
    return Layout(names, places, _is_plural(names[places["answer"]]))


def _is_plural(name: str) -> bool:
    return _plain(name) in PLURAL_ANSWERS
