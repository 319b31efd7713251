"""The other side of `isolation`: a process that takes the text out of one file after the other.

It reads requests from its standard input and writes answers to its standard output, a line of JSON
each, until there are no more. It is JSON so that a file that takes the process over can say nothing
but text.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tailorbird.data.documents.files import report_broken, shown_path
from tailorbird.data.documents.loading import LoadedText, LoadOptions, TextTooLongError
from tailorbird.data.problems import Problems
from tailorbird.exceptions import MissingExtraError, Problem
from tailorbird.types.retrieval import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tailorbird.data.documents.loading import Loader

READY = b"ready\n"
"""What a worker says first."""


def write_request(path: Path, options: LoadOptions) -> bytes:
    """Ask for the text of a file."""
    asked = {"path": os.fsencode(path.absolute()).hex(), "options": asdict(options)}
    return json.dumps(asked).encode("ascii") + b"\n"


def serve(loader: Loader, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    answers.write(READY)
    answers.flush()
    for request in requests:
        asked = json.loads(request)
        path = Path(os.fsdecode(bytes.fromhex(asked["path"])))
        answer = _answered(loader, path, LoadOptions(**asked["options"]))
        answers.write(json.dumps(answer).encode("ascii") + b"\n")
        answers.flush()


def read_reply(line: bytes, problems: Problems) -> LoadedText | None:
    """Read an answer; what was found goes to `problems`.

    Raises:
        MissingExtraError: The package that reads the file is not installed.
        TextTooLongError: The text is longer than allowed.
        OSError: The file cannot be read.
    """
    answer = json.loads(line)
    # The worker knows the file by its whole path, and the user by the name that he gave.
    problems.extend(replace(Problem(**one), source=problems.source) for one in answer["problems"])
    if "missing" in answer:
        raise MissingExtraError(**answer["missing"])
    if "system" in answer:
        raise OSError(*answer["system"])
    if "too_long" in answer:
        raise TextTooLongError
    if "failed" in answer:
        report_broken(f"its text cannot be taken out ({answer['failed']})", problems)
    loaded = answer.get("loaded")
    if loaded is None:
        return None
    marks = tuple(Mark.model_validate(one) for one in loaded.pop("marks"))
    return LoadedText(**loaded, marks=marks)


def _answered(loader: Loader, path: Path, options: LoadOptions) -> Mapping[str, object]:
    problems = Problems(shown_path(path))
    answer: dict[str, object] = {}
    try:
        loaded = loader.load(path, options=options, problems=problems)
    except MissingExtraError as exc:
        answer["missing"] = {"package": exc.package, "extra": exc.extra}
    except TextTooLongError:
        answer["too_long"] = True
    except OSError as exc:
        answer["system"] = [exc.errno, exc.strerror]
    except Exception as exc:  # noqa: BLE001 - a border: parsers fail on damaged files in any way
        answer["failed"] = type(exc).__name__
    else:
        if loaded is not None:
            marks = [one.model_dump(mode="json") for one in loaded.marks]
            answer["loaded"] = {
                "text": loaded.text,
                "title": loaded.title,
                "marks": marks,
                "metadata": dict(loaded.metadata),
            }
    answer["problems"] = [asdict(one) for one in problems.found]
    return answer


def main(target: str, *modules: str) -> None:
    """Serve with the loader that is named as `module:Class`; import some modules before."""
    for one in modules:
        with suppress(ImportError):  # the loader says what is missing
            import_module(one)
    module, _, name = target.partition(":")
    make = cast("Callable[[], Loader]", getattr(import_module(module), name))
    serve(make(), sys.stdin.buffer, sys.stdout.buffer)
