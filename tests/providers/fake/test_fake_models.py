"""The fake's list of models."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from tailorbird.exceptions import (
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from tailorbird.providers.fake import FakeProvider, FakeSettings, VirtualClock
from tailorbird.types import Message, ModelCard, ModelId

if TYPE_CHECKING:
    from conftest import Tools

HELLO = [Message.user("Hello?")]


async def listed(provider: FakeProvider) -> list[ModelCard]:
    """Give all models."""
    return [card async for card in provider.models.list()]


async def test_models_are_listed_by_id(tools: Tools) -> None:
    """Own and tuned models are listed, sorted, and each can be got."""
    async with FakeProvider() as provider:
        model = await tools.tune(provider)
        cards = await listed(provider)
        assert [card.id for card in cards] == [
            *("fake-base-2026-01", "fake-chat", "fake-embedding", model),
        ]
        assert [await provider.models.get(card.id) for card in cards] == cards
        tuned = cards[-1]
        assert (tuned.base, tuned.kinds) == ("fake-base-2026-01", ("chat",))
        assert tuned.created_at is not None
        assert cards[0].tunable == ("supervised", "dpo", "reinforcement")
        assert cards[2].kinds == ("embedding",)


async def test_unknown_model_is_not_found() -> None:
    """A model that nobody has is not found, with the ones there are."""
    async with FakeProvider() as provider:
        with pytest.raises(NotFoundError, match="known are fake-base-2026-01") as caught:
            await provider.models.get(ModelId("nobody"))
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("flavor", ["plain", "openai", "azure"])
async def test_further_models_answer_by_their_names(flavor: str) -> None:
    """Models that settings name are called as the flavor's own are, and cannot be tuned."""
    settings = FakeSettings(
        flavor=flavor, chat_models=(ModelId("our-chat"),), embedding_models=(ModelId("our-embed"),)
    )
    async with FakeProvider(settings) as provider:
        said = await provider.chat.complete(HELLO, model=ModelId("our-chat"))
        assert said.text
        found = await provider.embeddings.embed(["one"], model=ModelId("our-embed"))
        assert found.vectors.shape == (1, 1536)
        cards = {card.id: card for card in await listed(provider)}
        assert cards[ModelId("our-chat")].kinds == ("chat",)
        assert cards[ModelId("our-chat")].tunable == ()
        assert cards[ModelId("our-embed")].kinds == ("embedding",)
        with pytest.raises(InvalidRequestError, match="is a model for embedding, not for chat"):
            await provider.chat.complete(HELLO, model=ModelId("our-embed"))


async def test_a_model_that_the_flavor_has_stays_as_it_is() -> None:
    """A further model of a known name does not lose what is known of it."""
    settings = FakeSettings(flavor="openai", chat_models=(ModelId("gpt-4.1-mini-2025-04-14"),))
    async with FakeProvider(settings) as provider:
        card = await provider.models.get(ModelId("gpt-4.1-mini-2025-04-14"))
    assert card.tunable == ("supervised", "dpo")


def test_a_model_is_named_once() -> None:
    """One name cannot be two kinds of model, and none is empty."""
    both = (ModelId("one"),)
    with pytest.raises(ValueError, match="'one' cannot be a model for chat and for embeddings"):
        FakeSettings(chat_models=both, embedding_models=both)
    with pytest.raises(ValueError, match="at least 1 character"):
        FakeSettings(chat_models=(ModelId(""),))


async def test_openai_models_die_on_their_date(tools: Tools) -> None:
    """From its shutdown on a base and all tuned from it is gone, with what to use instead."""
    async with FakeProvider(FakeSettings(flavor="openai", latency_s=0)) as provider:
        model = await tools.tune(provider)
        base = provider.roles["tune_base"].model
        card = await provider.models.get(model)
        assert card.shutdown_date == date(2027, 1, 14)
        assert card.successor == "gpt-6-luna"
        left = datetime(2027, 1, 14, tzinfo=UTC) - provider.clock.now()
        await provider.clock.sleep(left.total_seconds() - 1)
        assert (await provider.chat.complete(HELLO, model=model)).text
        await provider.clock.sleep(1)
        for name in (model, base):
            with pytest.raises(NotFoundError, match=r"shut down on 2027-01-14.*gpt-6-luna"):
                await provider.chat.complete(HELLO, model=name)
            with pytest.raises(NotFoundError):
                await provider.models.get(name)
        ids = [card.id for card in await listed(provider)]
        embedding = ["text-embedding-3-large", "text-embedding-3-small", "text-embedding-ada-002"]
        assert ids == ["gpt-6-luna", *embedding]


async def test_shutdown_without_successor() -> None:
    """A model that is shut down without a successor is simply gone."""
    clock = VirtualClock(datetime(2028, 2, 9, tzinfo=UTC))
    async with FakeProvider(FakeSettings(flavor="azure"), clock=clock) as provider:
        with pytest.raises(NotFoundError, match=r"2028-02-09 \("):
            await provider.embeddings.embed(["x"], model=ModelId("embed"))


async def test_azure_tuned_models_outlive_their_base(tools: Tools) -> None:
    """On Azure's flavor deployments of tuned models end later than training does."""
    async with FakeProvider(FakeSettings(flavor="azure", latency_s=0)) as provider:
        model = await tools.tune(provider)
        assert (await provider.models.get(model)).shutdown_date == date(2027, 10, 14)
        assert (await provider.models.get(provider.roles["tune_base"].model)).shutdown_date == date(
            2027, 4, 14
        )


async def test_tuned_models_can_be_deleted(tools: Tools) -> None:
    """A deleted tuned model neither answers nor is listed; the provider's own cannot be deleted."""
    async with FakeProvider() as provider:
        model = await tools.tune(provider)
        await provider.models.delete(model)
        assert model not in [card.id for card in await listed(provider)]
        with pytest.raises(NotFoundError):
            await provider.models.delete(model)
        with pytest.raises(NotFoundError):
            await provider.chat.complete(HELLO, model=model)
        with pytest.raises(PermissionDeniedError):
            await provider.models.delete(ModelId("fake-chat"))


async def test_checkpoints_cannot_be_deleted(tools: Tools) -> None:
    """A checkpoint is no model of its own."""
    async with FakeProvider() as provider:
        job = await tools.finish(provider, (await tools.start(provider)).id)
        newest, *_ = await tools.drain(provider.jobs.checkpoints(job.id))
        assert (await provider.models.get(newest.model)).base == "fake-base-2026-01"
        with pytest.raises(PermissionDeniedError):
            await provider.models.delete(newest.model)


async def test_azure_deletes_no_models(tools: Tools) -> None:
    """On Azure's flavor there is no way to delete a model."""
    async with FakeProvider(FakeSettings(flavor="azure")) as provider:
        model = await tools.tune(provider)
        with pytest.raises(UnsupportedError):
            await provider.models.delete(model)


async def test_openai_models_answer_to_their_names_without_a_date() -> None:
    """`gpt-4o-mini` is its dated snapshot in chats, cards and jobs; elsewhere names are ids."""
    name, dated = ModelId("gpt-4o-mini"), "gpt-4o-mini-2024-07-18"
    async with FakeProvider(FakeSettings(flavor="openai")) as provider:
        assert (await provider.chat.complete(HELLO, model=name)).model == dated
        assert (await provider.models.get(name)).id == dated
        with pytest.raises(NotFoundError):
            await provider.models.get(ModelId("gpt-4o-mini-2024"))
    async with FakeProvider() as plain:
        with pytest.raises(NotFoundError):
            await plain.models.get(ModelId("fake-base"))
