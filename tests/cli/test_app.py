"""The command line as a whole: help, version, exit codes, what it loads, how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

COMMANDS = (
    *("compare", "report", "diff", "validate", "estimate", "tune", "jobs", "index", "indexes"),
    *("search", "ask", "questions", "export", "record", "retrain", "successor", "models"),
    *("spending", "doctor"),
)


def test_help_lists_every_command(tailorbird: Callable[..., Any]) -> None:
    """The help names the commands, in the order in which a newcomer needs them."""
    ended = tailorbird("--help")
    listed = re.findall(r"^  ([a-z]+)  ", ended.out.partition("Commands:")[2], re.MULTILINE)
    assert (ended.code, tuple(listed)) == (0, COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(tailorbird: Callable[..., Any], command: str) -> None:
    """Every command shows an example of itself, its JSON keys, the exit codes and four options."""
    ended = tailorbird(command, "--help")
    assert ended.code == 0
    assert f"Example:\n    tailorbird {command}" in ended.out
    assert "JSON keys:" in ended.out
    assert re.findall(r"^ +(0|1|2|130)  +\S", ended.out, re.MULTILINE) == ["0", "1", "2", "130"]
    for option in ("--profile", "--config", "--workspace", "--json"):
        assert option in ended.out


def test_no_command_shows_the_help(tailorbird: Callable[..., Any]) -> None:
    """Without a command there is nothing to run, so the help comes with exit code 2."""
    ended = tailorbird()
    assert ended.code == 2
    assert "Commands:" in ended.out + ended.err


def test_version(
    tailorbird: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is that of the installed package."""
    facts = tmp_path / "tailorbird-9.8.7.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tailorbird\nVersion: 9.8.7\n")
    monkeypatch.syspath_prepend(tmp_path)
    ended = tailorbird("--version")
    assert (ended.code, ended.out) == (0, "tailorbird 9.8.7\n")


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("compar",), "Did you mean 'compare'?"),
        (("models", "--jsn", "x"), "--json"),
        (("search", "word", "--index", "i", "--top-k", "0"), "--top-k"),
        (("search", "word", "--index", "i", "--mode", "magic"), "hybrid"),
        (("tune", "faq.csv"), "--name"),
    ],
)
def test_wrong_usage(tailorbird: Callable[..., Any], args: tuple[str, ...], hint: str) -> None:
    """A wrong call ends with exit code 2 and says on stderr what is wrong."""
    ended = tailorbird(*args)
    assert (ended.code, ended.out) == (2, "")
    assert hint in ended.err


def test_help_loads_neither_numpy_nor_a_provider() -> None:
    """Showing the help must not cost what only real work needs."""
    loaded = _loaded_by("main(['--help'])")
    heavy = {"numpy", "openai", "azure", "jiter", "tiktoken", "httpx", "httpx2"}
    assert "typer" in loaded
    assert {name.partition(".")[0] for name in loaded} & heavy == set()
    assert [name for name in loaded if name.startswith("tailorbird.providers.")] == []


def test_package_needs_no_extra_to_be_imported() -> None:
    """Importing the package of the command line loads neither typer nor rich."""
    loaded = _loaded_by("pass")
    assert not {name.partition(".")[0] for name in loaded} & {"typer", "rich"}


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_missing_extra(
    tailorbird: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """Without its packages the command says which extra to install, and ends with 2."""
    monkeypatch.setitem(sys.modules, package, None)
    ended = tailorbird("--help")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"error: the package '{package}' is not installed: pip install 'tailorbird[cli]'\n"
    )


def test_streams_that_cannot_be_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Streams of another kind, as other programs put them in place, are used as they are."""
    import io  # noqa: PLC0415 - only here
    from contextlib import redirect_stdout  # noqa: PLC0415 - only here

    from tailorbird.cli import main  # noqa: PLC0415 - as an embedding program does

    plain = io.StringIO()
    with redirect_stdout(plain):
        assert main(["--help"]) == 0
    assert "Commands:" in plain.getvalue()
    assert capsys.readouterr().out == ""


def test_interrupt(tailorbird: Callable[..., Any], scripted: Callable[..., None]) -> None:
    """Ctrl-C ends with 130 and says that jobs go on; nothing else is said and no traceback."""
    scripted(
        "interrupted",
        'Script().on("chat.complete", Says(stop))',
        before="import signal\ndef stop(messages):\n"
        "    signal.raise_signal(signal.SIGINT)\n    return 'too late'\n",
    )
    ended = tailorbird("ask", "Anybody there?", "--profile", "interrupted")
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.strip().startswith("interrupted: jobs that were started at the provider go on")
    assert "Traceback" not in ended.err


def test_interrupt_between_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C while the program is still loading ends with 130, too, and without a traceback."""
    import io  # noqa: PLC0415 - only here
    from contextlib import redirect_stdout  # noqa: PLC0415 - only here

    from tailorbird.cli import main  # noqa: PLC0415 - as an embedding program does

    class Interrupting(io.TextIOWrapper):
        def reconfigure(self, *, errors: str | None = None) -> None:
            raise KeyboardInterrupt(errors)

    with redirect_stdout(Interrupting(io.BytesIO())):
        assert main(["--help"]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_interrupt_before_the_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the package itself is still loading ends with 130 and without a traceback."""
    from _tailorbird_command import main  # noqa: PLC0415 - what the installed script does

    monkeypatch.setattr(sys, "argv", ["tailorbird", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("tailorbird ")

    class Interrupting:
        @staticmethod
        def find_spec(name: str, *_where: object) -> None:
            if name == "tailorbird.cli.start":
                signal.raise_signal(signal.SIGINT)

    monkeypatch.delitem(sys.modules, "tailorbird.cli.start")
    monkeypatch.setattr(sys, "meta_path", [Interrupting, *sys.meta_path])
    assert main() == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_the_installed_command_begins_beside_the_package() -> None:
    """The script that pip makes loads nothing of the package where Ctrl-C would be a traceback."""
    project = tomllib.loads(
        (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    assert project["scripts"] == {"tailorbird": "_tailorbird_command:main"}


def test_unexpected_error(
    tailorbird: Callable[..., Any],
    install: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fault of the program is one sentence; the traceback comes when it is asked for."""
    install("faulty", "def open_provider(options, *, context):\n    raise KeyError('oops')\n")
    short = tailorbird("models", "--profile", "faulty")
    assert short.code == 2
    assert short.err.startswith("error: unexpected KeyError: 'oops'; this is a fault of tailorbird")
    assert "Traceback" not in short.err
    monkeypatch.setenv("TAILORBIRD_DEBUG", "1")
    assert "Traceback" in tailorbird("models", "--profile", "faulty").err


def test_full_disk_behind_stdout(faq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A redirected stdout without room is told as such, and not as a fault of the program."""
    import errno  # noqa: PLC0415 - only here
    import io  # noqa: PLC0415 - only here
    from contextlib import redirect_stdout  # noqa: PLC0415 - only here

    from tailorbird.cli import main  # noqa: PLC0415 - as an embedding program does

    class Full(io.StringIO):
        @override
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with redirect_stdout(Full()):
        assert main(["validate", str(faq), "--json", "-"]) == 2
    assert capsys.readouterr().err == (
        "error: cannot write to 'stdout': No space left on device; make room there\n"
    )


def test_provider_error(tailorbird: Callable[..., Any], scripted: Callable[..., None]) -> None:
    """What a provider says ends with 2, as one message on stderr and as JSON."""
    scripted("refusing", 'Script().on("chat.complete", Fault.wrong_key())')
    ended = tailorbird("ask", "Who are you?", "--profile", "refusing", "--json", "-")
    assert ended.code == 2
    assert ended.data["error"]["type"] == "AuthenticationError"
    assert ended.data["error"]["message"] in ended.err
    assert "Traceback" not in ended.err


def test_process_ends_with_the_exit_code() -> None:
    """The process itself, started as a user starts it, ends with the command's exit code."""
    code = "import sys; from tailorbird.cli import main; sys.exit(main())"
    run = subprocess.run(
        [sys.executable, "-c", code, "validate", "missing.csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "error: there is no 'missing.csv'; check the path\n"


def _loaded_by(statement: str) -> set[str]:
    """Return the modules after a statement ran in a new interpreter."""
    code = (
        "import io, json, sys\nfrom contextlib import redirect_stdout\n"
        "from tailorbird.cli import main\n"
        f"with redirect_stdout(io.StringIO()):\n    {statement}\n"
        "print(json.dumps(list(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))
