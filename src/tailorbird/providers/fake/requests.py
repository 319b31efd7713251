"""What is checked of a chat call before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import InvalidInputError, UnsupportedError
from tailorbird.providers.fake.cloud import NAME
from tailorbird.types.capabilities import Capability
from tailorbird.types.chat import ChatOptions, ImagePart, Message, ToolName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tailorbird.providers.fake.flavors import ModelFacts


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


def check_options(options: ChatOptions, facts: ModelFacts) -> None:
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
    if effort is not None and effort not in facts.efforts:
        taken = ", ".join(facts.efforts) or "none at all: leave it out"
        raise _refused(facts, f"reasoning_effort={effort!r}", f"it takes {taken}")
    if facts.sampling or effort == "none":
        return
    for name in ("temperature", "top_p", "logprobs"):
        if getattr(options, name) is not None:
            raise _refused(facts, name, "a model that reasons does not take it")
    if options.stop:
        raise _refused(facts, "stop", "a model that reasons does not take it")


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


def _refused(facts: ModelFacts, option: str, reason: str) -> UnsupportedError:
    return UnsupportedError(
        provider=NAME,
        capability=f"chat option {option}",
        reason=f"model {facts.id!r}: {reason}",
        instead="leave the option out",
    )
