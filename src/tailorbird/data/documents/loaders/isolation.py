"""Run a loader in a second process, which is killed when a file takes too long."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from threading import Lock, Timer
from typing import TYPE_CHECKING, cast
from weakref import finalize

from tailorbird.data.documents.files import report_broken
from tailorbird.data.documents.loaders import worker
from tailorbird.data.documents.loaders.worker import read_reply
from tailorbird.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import IO

    from tailorbird.data.documents.loading import LoadedText, Loader, LoadOptions
    from tailorbird.data.problems import Problems

_START_S = 60.0  # starting Python and importing takes 0.3 s; a busy machine may need some more
_PROGRAM = f"import sys; from {worker.__name__} import main; main(*sys.argv[1:])"
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # only Windows has it


class Isolation:
    """A second process with a loader; started for the first file, ended with this object."""

    def __init__(self, loader: type[Loader], *modules: str) -> None:
        """Name the loader: a class of a module, made without arguments.

        `modules` are imported before the first file, so that they do not count as its time.
        """
        self._arguments = (f"{loader.__module__}:{loader.__qualname__}", *modules)
        self._lock = Lock()
        self._process: _Process | None = None

    def load(
        self, path: Path, *, options: LoadOptions, problems: Problems, seconds: float
    ) -> LoadedText | None:
        """Take the text out of a file, one file at a time; see `Loader.load`.

        Args:
            path: The file.
            options: What holds for all files.
            problems: Where everything is reported, that it took too long included.
            seconds: How long it may take, above 0.

        Raises:
            ConfigError: The second process cannot be started.
            OSError: The file cannot be read.
            TextTooLongError: The text is longer than allowed.
        """
        request = worker.write_request(path, options)
        with self._lock:
            process = self._process or _Process(self._arguments)
            self._process = process
            line = process.ask(request, seconds)
            if line is None:
                self._process = None
        if line is None and process.late:
            reason = f"taking its text out took longer than {seconds:,.0f} seconds: left out"
            fix = "if that is not meant to be a trap, print it into a new PDF file, or split it"
            problems.add("error", "document.too-slow", reason, fix)
            return None
        if line is None:
            report_broken("the program that reads it ended without an answer", problems)
            return None
        return read_reply(line, problems)


class _Process:
    """A running worker."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.late = False
        """Whether it was killed because it took too long."""
        command = [sys.executable, "-P", "-c", _PROGRAM, *arguments]
        # What this process can import, that one can: also what a program or a test added itself.
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - this Python, and a module of ours
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environ,
                creationflags=_NO_WINDOW,
            )
        except OSError as exc:
            raise ConfigError(_not_started(str(exc))) from exc
        self._input = cast("IO[bytes]", self._popen.stdin)
        self._output = cast("IO[bytes]", self._popen.stdout)
        # Runs when nobody needs it any more, or when the program ends.
        self._end = finalize(self, _end, self._popen)
        if self._line(_START_S) != worker.READY:
            self._end()
            raise ConfigError(_not_started("it does not answer"))

    def ask(self, request: bytes, seconds: float) -> bytes | None:
        """Send a request and give the answer; None when there is none, and the worker has ended."""
        try:
            self._input.write(request)
            self._input.flush()
        except OSError:
            answer = None
        else:
            answer = self._line(seconds)
        if answer is None:
            self._end()
        return answer

    def _line(self, seconds: float) -> bytes | None:
        timer = Timer(seconds, self._kill)
        timer.start()
        try:
            line = self._output.readline()
        finally:
            timer.cancel()
            timer.join()  # so that it kills now or never
        return line if line.endswith(b"\n") and not self.late else None

    def _kill(self) -> None:
        self.late = True
        self._popen.kill()


def _end(popen: subprocess.Popen[bytes]) -> None:
    """Let a worker end, and wait for it, so that nothing is left of it."""
    popen.kill()
    for pipe in (popen.stdin, popen.stdout):
        with suppress(OSError):  # what was not sent yet cannot be sent any more
            cast("IO[bytes]", pipe).close()
    popen.wait()


def _not_started(reason: str) -> str:
    return (
        f"the process that reads PDF files cannot be started with {sys.executable!r}: {reason};"
        " where that is not possible, read files that you trust in this one:"
        ' loaders={".pdf": PdfLoader(isolated=False)}'
    )
