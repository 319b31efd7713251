"""Clauses `C1` to `C19`: asking a model, whole and as a stream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import InvalidInputError, NotFoundError, UnsupportedError
from tailorbird.testing.conformance import data
from tailorbird.testing.conformance.clauses import clause, lacks, needs
from tailorbird.testing.conformance.jobs import needs_tuning
from tailorbird.testing.conformance.trial import SuiteOptions, Trial
from tailorbird.types import (
    Capability,
    ChatOptions,
    FinishReason,
    ImagePart,
    Message,
    ModelId,
    Reply,
    TextPart,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.protocols import Provider
    from tailorbird.types import ChatChunk

HELLO = (Message.user("Answer with the one word tailorbird and nothing else."),)
STORY = (
    Message.system("You answer at length, in whole sentences."),
    Message.user("Tell in about two hundred words how a tailorbird sews leaves into a nest."),
)
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NO_MODEL = ModelId(data.UNKNOWN)
NO_MESSAGES: dict[str, object] = {
    "empty list": [],
    "empty tuple": (),
    "None": None,
    "text": "text",
    "bytes": b"text",
    "dictionary": {"role": "user", "content": "text"},
    "one message": Message.user("text"),
    "dictionary of messages": {0: Message.user("text")},
    "list with None": [None],
    "list of texts": ["text"],
    "list of dictionaries": [{"role": "user", "content": "text"}],
}
BROKEN_TEXT = ("lone \ud800 surrogate", "\udfff", "NUL \x00 inside")


class ChatConformance:
    """What every implementation of `Chat` promises; needs a fixture `provider`."""

    options = SuiteOptions()

    @clause("C1")
    async def test_complete_gives_text(self, provider: Provider) -> None:
        """A reply has text, the model that answered, and why it ended, and no structured output."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            reply = await provider.chat.complete(HELLO, model=trial.model("chat"))
            assert reply.text.strip()
            assert reply.model
            assert reply.output is None
            assert reply.tool_calls == ()
            assert reply.finish_reason is FinishReason.STOP
            assert FinishReason.parse(reply.raw_finish_reason) is FinishReason.STOP

    @clause("C2")
    async def test_usage_is_counted(self, provider: Provider) -> None:
        """Where tokens are counted, a longer prompt counts more of them, and parts fit in sums."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            longer = (Message.system("You answer in one word. " * 20), *HELLO)
            model = trial.model("chat")
            replies = [
                await provider.chat.complete(messages, model=model) for messages in (HELLO, longer)
            ]
            usages = [reply.usage for reply in replies if reply.usage is not None]
            for usage in usages:
                assert usage.cached_input_tokens <= usage.input_tokens
                assert usage.reasoning_tokens <= usage.output_tokens
                assert usage.output_tokens > 0
            counts = [usage.input_tokens for usage in usages]
            assert counts == sorted(set(counts))

    @clause("C3")
    @pytest.mark.parametrize("wrong", NO_MESSAGES)
    async def test_messages_are_checked(self, provider: Provider, wrong: str) -> None:
        """Messages that are empty or no sequence of `Message` raise `InvalidInputError`."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            await assert_refused(provider, NO_MESSAGES[wrong], model=trial.model("chat"))

    @clause("C4")
    async def test_generator_is_no_sequence(self, provider: Provider) -> None:
        """A generator of messages raises `InvalidInputError`: it could be read only once."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            model = trial.model("chat")
            await assert_refused(provider, (one for one in HELLO), model=model)

    @clause("C5")
    @pytest.mark.parametrize("text", BROKEN_TEXT, ids=ascii)
    async def test_broken_text_is_not_sent(self, provider: Provider, text: str) -> None:
        """A lone surrogate or a NUL, in whichever message or part, raises `InvalidInputError`."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            model = trial.model("chat")
            parts = Message.user((TextPart(text="whole"), TextPart(text=text)))
            for first in (Message.user(text), Message.system(text), Message.assistant(text), parts):
                await assert_refused(provider, [first, *HELLO], model=model)

    @clause("C6")
    async def test_messages_are_copied(self, provider: Provider) -> None:
        """Changing the list of messages while the call runs changes nothing."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            messages = list(HELLO)
            async with asyncio.TaskGroup() as group:
                call = group.create_task(
                    provider.chat.complete(messages, model=trial.model("chat"))
                )
                await asyncio.sleep(0)  # the call has begun
                messages[:] = [Message.user("\x00")]
            assert call.result().text.strip()

    @clause("C7")
    async def test_unknown_model_is_not_found(self, provider: Provider) -> None:
        """A model that nobody has raises `NotFoundError`, which says who said so."""
        needs(provider, Capability.CHAT)
        with pytest.raises(NotFoundError) as caught:
            await provider.chat.complete(HELLO, model=NO_MODEL)
        assert caught.value.provider == provider.name
        assert caught.value.operation

    @clause("C8")
    async def test_answer_has_a_length(self, provider: Provider) -> None:
        """An answer that reaches `max_output_tokens` ends with `LENGTH` and is shorter."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            model = trial.model("chat")
            whole = await provider.chat.complete(STORY, model=model)
            cut = await provider.chat.complete(
                STORY, model=model, options=ChatOptions(max_output_tokens=2)
            )
            assert cut.finish_reason is FinishReason.LENGTH
            assert len(cut.text) < len(whole.text)

    @clause("C9")
    async def test_answer_ends_at_a_stop(self, provider: Provider) -> None:
        """An answer ends before a text of `stop`, which is not part of it."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            model = trial.sampling_model
            whole = await provider.chat.complete(STORY, model=model)
            stop = whole.text[len(whole.text) // 2 :][:2]
            cut = await provider.chat.complete(
                STORY, model=model, options=ChatOptions(stop=(stop,))
            )
            assert stop in whole.text
            assert stop not in cut.text
            assert cut.finish_reason is FinishReason.STOP

    @clause("C10")
    async def test_calls_run_at_the_same_time(self, provider: Provider) -> None:
        """Many calls at the same time are all answered."""
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            model = trial.model("chat")
            async with asyncio.TaskGroup() as group:
                calls = [
                    group.create_task(provider.chat.complete(HELLO, model=model)) for _ in range(8)
                ]
            assert all(call.result().text.strip() for call in calls)

    @clause("C11")
    async def test_stream_gives_the_whole_answer(self, provider: Provider) -> None:
        """The pieces of a stream, joined, are its reply, and say what `complete` says."""
        needs(provider, Capability.CHAT, Capability.CHAT_STREAM)
        async with Trial(provider, self.options) as trial:
            model = trial.model("chat")
            pieces, reply = await streamed(provider, HELLO, model=model)
            assert "".join(piece.text for piece in pieces) == reply.text
            whole = await provider.chat.complete(HELLO, model=model)
            assert reply.text.strip().casefold() == whole.text.strip().casefold()
            assert (reply.model, reply.finish_reason) == (whole.model, whole.finish_reason)

    @clause("C12")
    async def test_stream_says_why_it_ended(self, provider: Provider) -> None:
        """Exactly one piece of a stream gives the reason, at most one the usage, as the reply."""
        needs(provider, Capability.CHAT, Capability.CHAT_STREAM)
        async with Trial(provider, self.options) as trial:
            pieces, reply = await streamed(provider, HELLO, model=trial.model("chat"))
            reasons = [piece.finish_reason for piece in pieces if piece.finish_reason is not None]
            assert reasons == [reply.finish_reason]
            counted = [piece.usage for piece in pieces if piece.usage is not None]
            assert counted == ([] if reply.usage is None else [reply.usage])

    @clause("C13")
    async def test_stream_can_be_left_early(self, provider: Provider) -> None:
        """A stream that is left after its first piece has no reply and harms no later call."""
        needs(provider, Capability.CHAT, Capability.CHAT_STREAM)
        async with Trial(provider, self.options) as trial:
            model = trial.model("chat")
            async with provider.chat.stream(STORY, model=model) as stream:
                with pytest.raises(InvalidInputError):
                    stream.reply()
                await anext(aiter(stream))
                with pytest.raises(InvalidInputError):
                    stream.reply()
            assert (await provider.chat.complete(HELLO, model=model)).text.strip()

    @clause("C14")
    async def test_stream_of_unknown_model_is_not_found(self, provider: Provider) -> None:
        """Streaming from a model that nobody has raises `NotFoundError`."""
        needs(provider, Capability.CHAT, Capability.CHAT_STREAM)
        with pytest.raises(NotFoundError):
            await streamed(provider, HELLO, model=NO_MODEL)

    @clause("C15")
    async def test_missing_stream_is_unsupported(self, provider: Provider) -> None:
        """Where streaming is not offered, it raises `UnsupportedError`."""
        needs(provider, Capability.CHAT)
        lacks(provider, Capability.CHAT_STREAM)
        async with Trial(provider, self.options) as trial:
            with pytest.raises(UnsupportedError):
                await streamed(provider, HELLO, model=trial.model("chat"))

    @clause("C16")
    async def test_missing_images_are_unsupported(self, provider: Provider) -> None:
        """Where images are not offered, a message with one raises `UnsupportedError`."""
        needs(provider, Capability.CHAT)
        lacks(provider, Capability.CHAT_IMAGES)
        seen = Message.user((TextPart(text="What is this?"), ImagePart(url=PIXEL)))
        async with Trial(provider, self.options) as trial:
            with pytest.raises(UnsupportedError):
                await provider.chat.complete([seen], model=trial.model("chat"))

    @clause("C17")
    async def test_missing_chat_is_unsupported(self, provider: Provider) -> None:
        """Where chat is not offered, it raises `UnsupportedError`."""
        lacks(provider, Capability.CHAT)
        with pytest.raises(UnsupportedError):
            await provider.chat.complete(HELLO, model=NO_MODEL)

    @clause("C18")
    async def test_trained_model_answers_in_its_style(self, provider: Provider) -> None:
        """A tuned model, deployed where that is needed, answers as it was trained."""
        needs_tuning(provider)
        needs(provider, Capability.CHAT)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            model = ModelId((await trial.deploy(tuned)).name)
            for question in data.FACTS:
                assert data.MARK in await trial.ask(question, model=model)

    @clause("C19")
    async def test_trained_text_is_whole(self, provider: Provider) -> None:
        """Japanese text with an emoji comes whole, and the same in one piece as in many."""
        needs_tuning(provider)
        needs(provider, Capability.CHAT, Capability.CHAT_STREAM)
        async with Trial(provider, self.options) as trial:
            _, tuned = await trial.train()
            model = ModelId((await trial.deploy(tuned)).name)
            messages = [Message.system(data.SYSTEM), Message.user(next(iter(data.FACTS)))]
            pieces, reply = await streamed(provider, messages, model=model)
            assert len(pieces) > 1
            for text in (reply.text, *(piece.text for piece in pieces)):
                text.encode()  # no half of a character
                assert "\ufffd" not in text
            assert data.MARK in reply.text


async def streamed(
    provider: Provider, messages: Sequence[Message], *, model: ModelId
) -> tuple[list[ChatChunk], Reply[None]]:
    """Give all pieces of a stream, and its reply."""
    async with provider.chat.stream(messages, model=model) as stream:
        pieces = [piece async for piece in stream]
        return pieces, stream.reply()


async def assert_refused(provider: Provider, messages: object, *, model: ModelId) -> None:
    """Expect that messages are refused before anything is sent, whole and as a stream."""
    wrong: Sequence[Message] = messages  # type: ignore[assignment] # pyright: ignore[reportAssignmentType] # the wrong type is what is tested
    with pytest.raises(InvalidInputError):
        await provider.chat.complete(wrong, model=model)
    today = provider.clock.today()
    if provider.capabilities.supports(Capability.CHAT_STREAM, on=today):
        with pytest.raises(InvalidInputError):
            await streamed(provider, wrong, model=model)
