"""The workspace: one folder for everything that is kept, or none at all."""

from __future__ import annotations

import hashlib
import re
import secrets
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic import ValidationError

from tailorbird.exceptions import InvalidInputError, StorageError
from tailorbird.journal.journal import Journal
from tailorbird.journal.threads import in_thread
from tailorbird.journal.turns import Turns
from tailorbird.protocols import SystemClock
from tailorbird.storage import AtomicFile, make_private_folder, write_atomic
from tailorbird.types.tuned import TunedModel

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from types import TracebackType
    from typing import Self

    from tailorbird.protocols import Clock


class Workspace:
    """Journal, indexes, tuned models and a provider's local state, in one folder.

    `journal.sqlite` is the journal, `indexes/` the local indexes, `training/` the files that were
    uploaded, `state/<profile>/` what a provider keeps, `models/<name>/` one JSON file for each
    account that has a tuned model of that name, and `reports/` one for each comparison. `turns/`
    holds empty files by which processes wait for each other.

    Nothing is written outside it. Without a folder everything is kept in memory, but for training
    files and turns, which go to the system's temporary folder and are deleted at the end. Reports
    and tuned models can be read before the workspace is entered; that writes nothing.
    """

    def __init__(
        self, folder: Path | None, *, clock: Clock | None = None, to_read: bool = False
    ) -> None:
        """Name the folder; it is made when the workspace is entered.

        Args:
            folder: The folder; None keeps everything in memory.
            to_read: Whether only to look at what is there, also on a medium that cannot be
                written: no folder is made, and without a journal there is an empty one in memory.
            clock: What processes that share the folder go by to see whether another one is still
                at work; None takes the machine's, whatever clock a provider goes by.
        """
        self.folder = folder
        """The folder; None keeps everything in memory."""
        self.clock: Clock = clock or SystemClock()
        """What leases go by."""
        self._to_read = to_read
        self._journal: Journal | None = None
        self._tuned: dict[Path, TunedModel] = {}
        self._reports: dict[str, str] = {}
        self._secret = secrets.token_bytes(32)
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        """Make the folder and open the journal.

        Raises:
            StorageError: The folder cannot be made or used.
        """
        await in_thread(self._open)
        return self

    def _open(self) -> None:
        with ExitStack() as stack:
            if self._to_read and self.folder is not None:
                self._open_to_read(self.folder)
            elif self.folder is None:
                name = stack.enter_context(tempfile.TemporaryDirectory(prefix="tailorbird-"))
                self._training = Path(name)
                self._turns = Turns(self._training / "turns", self.clock)
                self._journal = Journal(None)
            else:
                try:
                    make_private_folder(self.folder)
                    self._training = self.folder / "training"
                    self._training.mkdir(exist_ok=True)
                except (OSError, StorageError) as exc:
                    message = f"cannot use the workspace {str(self.folder)!r}: {exc}"
                    raise StorageError(message) from exc
                self._turns = Turns(self.folder / "turns", self.clock)
                self._journal = Journal(self.folder / _JOURNAL)
            self._stack = stack.pop_all()

    def _open_to_read(self, folder: Path) -> None:
        path = folder / _JOURNAL
        self._training = folder / "training"
        self._turns = Turns(folder / "turns", self.clock)
        self._journal = Journal(path if path.is_file() else None, to_read=True)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the journal."""
        await self.journal.close()
        await in_thread(self._stack.close)

    @property
    def journal(self) -> Journal:
        """The journal.

        Raises:
            InvalidInputError: The workspace is not open.
        """
        if self._journal is None:
            message = "the workspace is not open; use it inside `async with`"
            raise InvalidInputError(message)
        return self._journal

    @property
    def index_folder(self) -> Path | None:
        """Where indexes are kept; None keeps them in memory."""
        return None if self.folder is None else self.folder / "indexes"

    @property
    def turns(self) -> Turns:
        """Who may do what two would pay for."""
        return self._turns

    @property
    def training_folder(self) -> Path:
        """Where training files are written before they are uploaded."""
        return self._training

    def state_folder(self, profile: str) -> Path | None:
        """Give the folder in which a profile's provider may keep state; None keeps it in memory."""
        if self.folder is None:
            return None
        return self.folder / "state" / _safe(profile)

    async def secret(self) -> bytes:
        """Give 32 random bytes that nobody else knows and that stay the same in this workspace.

        Raises:
            StorageError: They cannot be kept.
        """
        return await in_thread(self._read_secret)

    def _read_secret(self) -> bytes:
        if self.folder is None:
            return self._secret
        path = self.folder / _MARKER_FILE
        # Of processes that share a new workspace, one makes the key, and the others take it.
        with self.journal.alone():
            if not path.is_file():
                write_atomic(path, self._secret)
        with _reading(path):
            return path.read_bytes()

    async def save_tuned(self, tuned: TunedModel) -> None:
        """Keep a tuned model, as a file that a person can read.

        It replaces the one of the same name and account.

        Raises:
            StorageError: The file cannot be written.
        """
        await in_thread(self._write, tuned)

    def _write(self, tuned: TunedModel) -> None:
        path = _model_file(tuned)
        if self.folder is None:
            self._tuned[path] = tuned
            return
        path = self.folder / path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            message = f"cannot keep the tuned model {tuned.name!r}: {exc.strerror}"
            raise StorageError(message) from exc
        write_atomic(path, tuned.model_dump_json(indent=2) + "\n")

    async def load_tuned(self, name: str, *, identity: str | None = None) -> TunedModel:
        """Give a tuned model that was kept.

        Args:
            name: The run's name.
            identity: The account that has it; None looks at all accounts.

        Raises:
            InvalidInputError: There is none of that name, and the message lists those there are; or
                several accounts have one, and none was named.
            StorageError: A file is damaged.
        """
        known = await self.list_tuned(identity=identity)
        found = [one for one in known if one.name == name]
        if len(found) > 1:
            accounts = ", ".join(f"{one.provider} ({one.identity})" for one in found)
            message = f"several accounts have a tuned model {name!r}: {accounts}; say which"
            raise InvalidInputError(message)
        if not found:
            names = ", ".join(repr(one) for one in dict.fromkeys(one.name for one in known))
            message = f"this workspace has no tuned model {name!r}; it has {names or 'none at all'}"
            raise InvalidInputError(message)
        return found[0]

    async def list_tuned(self, *, identity: str | None = None) -> tuple[TunedModel, ...]:
        """Give the tuned models that were kept, of one account or of all, sorted by name.

        Raises:
            StorageError: A file is damaged.
        """
        every = await in_thread(self._read_all)
        mine = [one for one in every if identity in {None, one.identity}]
        return tuple(sorted(mine, key=lambda one: (one.name, one.provider, one.identity)))

    async def save_report(self, name: str, content: str | Iterable[str]) -> None:
        """Keep a comparison's JSON under its run's name; the run's earlier one is replaced.

        The text may come in pieces, which are asked for in another thread, one after the other.

        Raises:
            StorageError: It cannot be written.
        """
        await in_thread(self._write_report, name, content)

    def _write_report(self, name: str, content: str | Iterable[str]) -> None:
        pieces = (content,) if isinstance(content, str) else content
        if self.folder is None:
            self._reports.pop(name, None)  # so that the latest stands last
            self._reports[name] = "".join(pieces)
            return
        folder = self.folder / _REPORTS
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            message = f"cannot keep the report of {name!r}: {exc.strerror}"
            raise StorageError(message) from exc
        # As in files that a user asks for: a lone surrogate is escaped, which is right in JSON.
        with AtomicFile(folder / f"{_safe(name)}.json") as file:
            for piece in pieces:
                file.write(piece.encode("utf-8", "backslashreplace"))

    async def load_report(self, name: str) -> str:
        """Give the JSON of a comparison that was kept.

        Raises:
            InvalidInputError: There is none of that name; the message lists the latest ones.
            StorageError: It cannot be read.
        """
        known = await self.list_reports()
        if name not in known:
            names = ", ".join(map(repr, known[:_SHOWN_REPORTS])) or "none at all"
            message = f"this workspace has no run {name!r}; the latest ones are {names}"
            raise InvalidInputError(message)
        return await in_thread(self._read_report, name)

    def _read_report(self, name: str) -> str:
        if self.folder is None:
            return self._reports[name]
        path = self.folder / _REPORTS / f"{_safe(name)}.json"
        with _reading(path):
            return path.read_text(encoding="utf-8")

    async def list_reports(self) -> tuple[str, ...]:
        """Give the names of the comparisons that were kept, the latest first.

        Raises:
            StorageError: The folder cannot be looked into.
        """
        return await in_thread(self._report_names)

    def _report_names(self) -> tuple[str, ...]:
        if self.folder is None:
            return tuple(reversed(self._reports))
        folder = self.folder / _REPORTS
        with _reading(folder):
            found = [
                (path.stat().st_mtime_ns, unquote(path.stem)) for path in folder.glob("*.json")
            ]
        return tuple(name for _, name in sorted(found, reverse=True))

    def _read_all(self) -> list[TunedModel]:
        if self.folder is None:
            return list(self._tuned.values())
        return [_read(path) for path in sorted(self.folder.glob(f"{_MODELS}/*/*.json"))]


_JOURNAL = "journal.sqlite"
_MODELS = "models"
_REPORTS = "reports"
_MARKER_FILE = "marker.key"
_SHOWN_REPORTS = 5
_LONGEST_NAME = 200


def check_report_name(name: str) -> None:
    """Do nothing for a name under which a comparison can be kept.

    Raises:
        InvalidInputError: It is empty, or too long for a file's name.
    """
    # File systems take 255 bytes; beside the name there is an ending, and a temporary one.
    if not name or len(_safe(name)) > _LONGEST_NAME:
        message = f"{name!r} cannot name a comparison: use 1 to {_LONGEST_NAME} characters"
        raise InvalidInputError(message)


def _model_file(tuned: TunedModel) -> Path:
    """Give where a tuned model is kept, within the workspace, whatever its names hold."""
    account = hashlib.sha256(tuned.identity.encode("utf-8")).hexdigest()[:8]
    return Path(_MODELS) / _safe(tuned.name) / f"{_safe(tuned.provider)}-{account}.json"


def _safe(name: str) -> str:
    """Make a file name of a name: run names stay as they are, nothing leads elsewhere."""
    return re.sub(
        r"^\.|[^A-Za-z0-9_.-]",
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8")),
        name,
    )


@contextmanager
def _reading(path: Path) -> Generator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as exc:
        raise StorageError(f"cannot read {str(path)!r}: {exc}") from exc


def _read(path: Path) -> TunedModel:
    try:
        with _reading(path):
            return TunedModel.model_validate_json(path.read_bytes())
    except ValidationError as exc:
        message = f"{str(path)!r} is no tuned model: {exc.error_count()} wrong fields"
        raise StorageError(message) from exc
