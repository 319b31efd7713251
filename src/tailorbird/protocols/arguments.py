"""Arguments that every provider refuses alike, before anything is sent."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import InvalidInputError, UnsupportedError
from tailorbird.types.capabilities import Capability
from tailorbird.types.chat import ChatOptions, ImagePart, Message, ToolName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.types.ids import ModelId
    from tailorbird.types.models import ModelTraits

_BAD_IN_ID = re.compile(r"[/\\?#%\s\x00-\x1f\x7f]")
_EXPIRY_S = range(3_600, 2_592_001)
_BAD_IN_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")


def check_id(value: str, *, what: str) -> None:
    """Do nothing when an id can stand in an address.

    Raises:
        InvalidInputError: It is empty, is `.` or `..`, or holds `/`, `?`, `#`, `%`, blanks or
            control characters.
    """
    if value in {"", ".", ".."} or _BAD_IN_ID.search(value):
        message = (
            f"{value!r} is no {what} id: give it as the provider gave it, without blanks and"
            " without / \\ ? # %"
        )
        raise InvalidInputError(message)


def check_file_name(name: str) -> None:
    """Do nothing when a name can be the base name of a file.

    Raises:
        InvalidInputError: It is blank, or holds a separator or a control character.
    """
    if not name.strip() or name in {".", ".."} or _BAD_IN_NAME.search(name):
        message = f"{name!r} is no file name: give a base name such as 'training.jsonl'"
        raise InvalidInputError(message)


def upload_name(source: Path | bytes, name: str | None) -> str:
    """Give the name that an upload is stored under; None takes a file's own.

    Raises:
        InvalidInputError: Bytes have no name, or it is no file name.
    """
    if name is None and isinstance(source, bytes):
        message = "bytes need a name to be stored under: give name='training.jsonl'"
        raise InvalidInputError(message)
    stored = source.name if name is None and isinstance(source, Path) else str(name)
    check_file_name(stored)
    return stored


def check_expiry(expires_after_s: int) -> None:
    """Do nothing when a file can live that long.

    Raises:
        InvalidInputError: It is outside of 3,600..2,592,000 seconds, the range of OpenAI's
            `expires_after` (openai 3.54.0, `resources/files.py`).
    """
    if expires_after_s not in _EXPIRY_S:
        message = (
            f"expires_after_s must be {_EXPIRY_S.start}..{_EXPIRY_S.stop - 1} seconds, got"
            f" {expires_after_s!r}"
        )
        raise InvalidInputError(message)


def time_limit(timeout_s: float | None, *, default_s: float) -> float:
    """Give the seconds a call may take; None takes the default.

    Raises:
        InvalidInputError: It is not a finite number above 0.
    """
    limit_s = default_s if timeout_s is None else timeout_s
    if not 0 < limit_s < math.inf:
        message = f"timeout_s must be a finite number of seconds above 0, got {timeout_s!r}"
        raise InvalidInputError(message)
    return limit_s


def check_messages(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Copy a conversation.

    Raises:
        InvalidInputError: It is empty, is no sequence of messages, or a text in it holds a lone
            surrogate or NUL; the message names the place.
    """
    given = cast("object", messages)
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        message = f"messages must be a list of Message, got {type(given).__name__}"
        raise InvalidInputError(message)
    copied = tuple(cast("Sequence[object]", given))
    if not copied:
        message = "messages is empty: give at least one, such as Message.user('…')"
        raise InvalidInputError(message)
    return tuple(_checked(one, place) for place, one in enumerate(copied))


def check_options(
    options: ChatOptions, traits: ModelTraits, *, model: ModelId, provider: str
) -> None:
    """Do nothing when a model takes the options.

    Raises:
        UnsupportedError: It does not take one of them.
        InvalidInputError: The tool that must be called is not among the tools.
    """
    choice = options.tool_choice
    names = [tool.name for tool in options.tools]
    if isinstance(choice, ToolName) and choice.name not in names:
        message = f"tool_choice names {choice.name!r}, the tools are {names!r}"
        raise InvalidInputError(message)
    if choice == "required" and not names:
        message = "tool_choice is 'required' and there are no tools: give tools=(…)"
        raise InvalidInputError(message)
    effort = options.reasoning_effort
    if effort is not None and traits.efforts is not None and effort not in traits.efforts:
        taken = ", ".join(traits.efforts) or "none at all: leave it out"
        reason = f"model {model!r}: it takes {taken}"
        raise _refused(provider, f"reasoning_effort={effort!r}", reason)
    if traits.sampling or effort == "none":
        return
    for name in ("temperature", "top_p", "logprobs", "stop"):
        if getattr(options, name) not in {None, ()}:
            reason = f"model {model!r}: a model that reasons does not take it"
            raise _refused(provider, name, reason)


def needed_for(
    messages: Sequence[Message], options: ChatOptions, *, structured: bool = False
) -> tuple[Capability, ...]:
    """Give the capabilities that a call needs."""
    wanted = {
        Capability.CHAT: True,
        Capability.CHAT_TOOLS: bool(options.tools),
        Capability.CHAT_STRUCTURED: structured,
        Capability.CHAT_LOGPROBS: options.logprobs is not None,
        Capability.CHAT_IMAGES: any(_has_image(one) for one in messages),
    }
    return tuple(capability for capability, needed in wanted.items() if needed)


def _checked(given: object, place: int) -> Message:
    if not isinstance(given, Message):
        message = f"messages[{place}] must be a Message, got {type(given).__name__}"
        raise InvalidInputError(message)
    if given.content is None and not given.tool_calls and given.refusal is None:
        message = f"messages[{place}] has no content: give a text"
        raise InvalidInputError(message)
    for text in _texts(given):
        at = _unsendable(text)
        if at is not None:
            message = (
                f"messages[{place}] holds {text[at]!r} at character {at}, which cannot be sent:"
                " remove it"
            )
            raise InvalidInputError(message)
    return given


def _texts(message: Message) -> Iterator[str]:
    yield message.text
    yield message.refusal or ""
    for call in message.tool_calls:
        yield call.arguments


def _unsendable(text: str) -> int | None:
    """Give the place of the first NUL or lone surrogate; None when there is none."""
    at = text.find("\0")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        return exc.start if at < 0 else min(at, exc.start)
    return at if at >= 0 else None


def _has_image(message: Message) -> bool:
    parts = message.content
    return isinstance(parts, tuple) and any(isinstance(part, ImagePart) for part in parts)


def _refused(provider: str, option: str, reason: str) -> UnsupportedError:
    return UnsupportedError(
        provider=provider,
        capability=f"chat option {option}",
        reason=reason,
        instead="leave the option out",
    )
