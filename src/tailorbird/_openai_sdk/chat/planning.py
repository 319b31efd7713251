"""Plan a chat call: everything that can be known of it before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from tailorbird._openai_sdk.chat import completions, responses
from tailorbird._openai_sdk.chat.calls import ChatCall, choose_surface
from tailorbird._openai_sdk.chat.structured import make_form
from tailorbird.exceptions import InvalidInputError, UnsupportedError
from tailorbird.protocols.arguments import check_messages, check_options, needed_for
from tailorbird.types.capabilities import Capability
from tailorbird.types.chat import ChatOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tailorbird._openai_sdk.chat.calls import ChatDialect, ChatOperation, SurfaceName
    from tailorbird._openai_sdk.chat.collecting import Collector
    from tailorbird._openai_sdk.chat.structured import OutputForm
    from tailorbird._openai_sdk.connection import Connection
    from tailorbird._openai_sdk.parsing import Said, Source
    from tailorbird.types.capabilities import Capabilities
    from tailorbird.types.chat import Message
    from tailorbird.types.ids import ModelId
    from tailorbird.types.models import ModelTraits

T = TypeVar("T")

_MOST_FORMS = 64  # types of structured answers whose schemas one provider remembers


@dataclass(frozen=True, slots=True)
class Surface:
    """One of the two ways to ask."""

    path: str
    """Where requests go, from the base URL."""
    request_of: Callable[[ChatCall], dict[str, object]]
    """Makes the body of a request."""
    read_answer: Callable[[bytes, Source], Said]
    """Reads a whole answer."""
    collector: Callable[[Source], Collector]
    """Makes what reads an answer in pieces."""


SURFACES: Mapping[SurfaceName, Surface] = {
    "chat-completions": Surface(
        completions.PATH,
        completions.request_of,
        completions.read_answer,
        completions.CompletionCollector,
    ),
    "responses": Surface(
        responses.PATH, responses.request_of, responses.read_answer, responses.ResponseCollector
    ),
}
"""The ways by their names."""


class ChatPlanner:
    """Plans the calls of one account, those of its chat and those of its batches."""

    def __init__(
        self,
        connection: Connection,
        *,
        capabilities: Capabilities,
        traits: Callable[[ModelId], ModelTraits],
        dialect: ChatDialect,
    ) -> None:
        """Plan for an account; see `SdkChat`."""
        self._connection = connection
        self._capabilities = capabilities
        self._traits = traits
        self._dialect = dialect
        self._forms: dict[object, OutputForm[object]] = {}

    def plan(
        self,
        operation: ChatOperation,
        messages: Sequence[Message],
        *,
        model: ModelId,
        options: ChatOptions | None,
        form: object | None,
    ) -> ChatCall:
        """Check a call.

        Args:
            operation: What it is.
            messages: The conversation.
            model: Model or deployment to ask.
            options: How to answer; None leaves all to the provider.
            form: The form of a structured answer, by `form_of`; None for plain text.

        Raises:
            InvalidInputError: Messages, model or options are wrong.
            UnsupportedError: The provider or the model cannot do what is asked.
        """
        if not model.strip():
            message = f"model cannot be {model!r}: name a model or a deployment"
            raise InvalidInputError(message)
        call = ChatCall(
            operation=operation,
            messages=check_messages(messages),
            model=model,
            options=options or ChatOptions(),
            traits=self._traits(model),
            dialect=self._dialect,
            form=cast("OutputForm[object] | None", form),
        )
        provider = self._connection.provider
        check_options(call.options, call.traits, model=model, provider=provider)
        needs = needed_for(call.messages, call.options, structured=form is not None)
        today = self._connection.clock.today()
        for capability in (Capability.CHAT_STREAM, *needs) if call.streamed else needs:
            self._capabilities.require(capability, on=today)
        if form is not None and not self._dialect.structured:
            raise UnsupportedError(
                provider=provider,
                capability=Capability.CHAT_STRUCTURED,
                reason="this server cannot be held to a JSON schema",
                instead="ask for JSON in the prompt and validate the text",
            )
        return call

    def form_of(self, output: type[T]) -> OutputForm[T]:
        """Give the form of a type; making it takes a millisecond, so it is remembered."""
        found = self._forms.get(output)
        if found is None:
            if len(self._forms) >= _MOST_FORMS:
                self._forms.clear()
            found = self._forms[output] = cast("OutputForm[object]", make_form(output))
        return cast("OutputForm[T]", found)

    def surface(self, call: ChatCall) -> Surface:
        """Give the way that a call goes; see `choose_surface`."""
        return SURFACES[choose_surface(call, provider=self._connection.provider)]
