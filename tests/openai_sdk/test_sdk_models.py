"""The list of models over the wire."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from tailorbird._openai_sdk.models import ModelsDialect
from tailorbird.exceptions import (
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    UnexpectedResponseError,
    UnsupportedError,
)
from tailorbird.types import Capability, ModelCard, ModelId

if TYPE_CHECKING:
    from conftest import Cloud, Tools

BASE = ModelId("gpt-4.1-mini-2025-04-14")
TUNED = ModelId(f"ft:{BASE}:org:faq:abc123")
END = date(2027, 1, 14)


def model(name: str, **changes: object) -> dict[str, object]:
    """Make a model as OpenAI sends it."""
    return {"id": name, "object": "model", "created": 1_744_000_000, "owned_by": "openai"} | changes


async def listed(cloud: Cloud, dialect: ModelsDialect | None = None) -> list[ModelCard]:
    """Give all models."""
    return [card async for card in cloud.models(dialect).list()]


async def test_list_is_sorted_and_names_each_once(cloud: Cloud, tools: Tools) -> None:
    """Models come by id, once each, tuned ones with their base."""
    cloud.on("GET /models", tools.page(model(BASE), model(TUNED), model("ada"), model(BASE)))
    cards = await listed(cloud)
    assert [card.id for card in cards] == ["ada", TUNED, BASE]
    assert [card.base for card in cards] == [None, BASE, None]
    assert cloud.taken[0].query == {}


async def test_get_gives_the_card(cloud: Cloud) -> None:
    """Owner, time and the last day come typed."""
    cloud.on(f"GET /models/{BASE}", model(BASE, shutdown_date="2027-01-14"))
    assert await cloud.models().get(BASE) == ModelCard(
        id=BASE,
        owned_by="openai",
        created_at=datetime.fromtimestamp(1_744_000_000, UTC),
        shutdown_date=END,
    )


@pytest.mark.parametrize("day", [None, "", "soon", 7, "2027-02-30", "2027-01-14T00:00:00Z"])
async def test_day_that_is_none_is_not_guessed(cloud: Cloud, day: object) -> None:
    """A last day that is not written as one counts as not given."""
    cloud.on(f"GET /models/{BASE}", model(BASE, shutdown_date=day))
    assert (await cloud.models().get(BASE)).shutdown_date is None


@pytest.mark.parametrize(
    "created", [-62_135_596_800, "2026-11-22", None, True, 1e300, float("nan")]
)
async def test_time_that_is_none_is_not_guessed(cloud: Cloud, created: object) -> None:
    """A time that cannot be one, such as the zero of Go that Ollama sends, costs no model."""
    cloud.on(f"GET /models/{BASE}", json.dumps(model(BASE, created=created)).encode())
    assert (await cloud.models().get(BASE)).created_at is None


async def test_server_without_models_has_none(cloud: Cloud) -> None:
    """An empty list may come as null (Ollama before the first model is pulled)."""
    cloud.on("GET /models", {"object": "list", "data": None})
    assert await listed(cloud) == []


async def test_bare_model_is_enough(cloud: Cloud) -> None:
    """Compatible servers send little more than the id."""
    cloud.on(f"GET /models/{BASE}", {"id": BASE, "created": 0, "owned_by": None})
    assert await cloud.models().get(BASE) == ModelCard(id=BASE)


async def test_what_is_known_is_added(cloud: Cloud, tools: Tools) -> None:
    """Facts that no answer holds come from data; what the answer says goes first."""
    known = {
        BASE: ModelCard(
            id=BASE, shutdown_date=END, successor=ModelId("gpt-6-luna"), kinds=("chat",)
        ),
        f"ft:{BASE}": ModelCard(id=ModelId(f"ft:{BASE}"), shutdown_date=END, tunable=("dpo",)),
    }
    cloud.on(
        "GET /models",
        tools.page(model(BASE, shutdown_date="2027-02-01"), model(TUNED), model("other")),
    )
    tuned, base, other = await listed(cloud, ModelsDialect(known=known))
    assert (base.shutdown_date, base.successor, base.kinds) == (
        *(date(2027, 2, 1), "gpt-6-luna", ("chat",)),
    )
    assert (tuned.id, tuned.shutdown_date, tuned.tunable) == (TUNED, END, ("dpo",))
    assert (other.shutdown_date, other.kinds) == (None, None)


async def test_name_with_a_slash_is_looked_up(cloud: Cloud, tools: Tools) -> None:
    """Such names are common at compatible servers, and cannot stand in an address."""
    name = ModelId("meta-llama/Llama-3.3-70B-Instruct")
    cloud.on("GET /models", tools.page(model(BASE), model(name)))
    assert (await cloud.models().get(name)).id == name
    with pytest.raises(NotFoundError, match="list the models"):
        await cloud.models().get(ModelId("../files"))
    assert {taken.path for taken in cloud.taken} == {"/models"}


async def test_server_without_single_models_is_asked_for_all(cloud: Cloud, tools: Tools) -> None:
    """Where one model cannot be asked for, it is found in the list."""
    cloud.on("GET /models", tools.page(model(BASE)))
    dialect = ModelsDialect(single=False)
    assert (await cloud.models(dialect).get(BASE)).id == BASE
    with pytest.raises(NotFoundError) as caught:
        await cloud.models(dialect).get(ModelId("absent"))
    assert (caught.value.provider, caught.value.operation) == ("openai", "models.get")


@pytest.mark.parametrize(
    ("status", "code"), [(404, "model_not_found"), (404, None), (410, "ModelRetired")]
)
async def test_missing_and_retired_models_are_not_found(
    cloud: Cloud, tools: Tools, status: int, code: str | None
) -> None:
    """A model that was never there and one that was shut down are both not found."""
    cloud.on(f"GET /models/{BASE}", tools.refusal(status, code))
    with pytest.raises(NotFoundError):
        await cloud.models().get(BASE)


@pytest.mark.parametrize("bad", ["", "..", "a?b", "a b", "%2e"])
async def test_bad_id_is_not_sent(cloud: Cloud, bad: str) -> None:
    """An id that would name another address is refused."""
    with pytest.raises(InvalidInputError):
        await cloud.models().get(ModelId(bad))
    with pytest.raises(InvalidInputError):
        await cloud.models().delete(ModelId(bad))
    assert cloud.taken == []


async def test_delete_is_confirmed(cloud: Cloud, tools: Tools) -> None:
    """A deletion counts when the server says so; a base model is not ours to delete."""
    call = f"DELETE /models/{TUNED}"
    cloud.on(call, {"id": TUNED, "deleted": True}, {"id": TUNED, "deleted": False})
    await cloud.models().delete(TUNED)
    with pytest.raises(UnexpectedResponseError, match="was not deleted"):
        await cloud.models().delete(TUNED)
    cloud.on(f"DELETE /models/{BASE}", tools.refusal(403))
    with pytest.raises(PermissionDeniedError):
        await cloud.models().delete(BASE)


async def test_what_is_not_offered_is_refused(cloud: Cloud) -> None:
    """Without the capabilities nothing is sent (Azure deletes no tuned models)."""
    with pytest.raises(UnsupportedError):
        await cloud.models(without=(Capability.MODELS_DELETE,)).delete(TUNED)
    models = cloud.models(without=(Capability.MODELS,))
    with pytest.raises(UnsupportedError):
        await models.get(BASE)
    with pytest.raises(UnsupportedError):
        await models.get(ModelId("a/b"))
    with pytest.raises(UnsupportedError):
        _ = [card async for card in models.list()]
    assert cloud.taken == []


async def test_answer_of_another_shape_is_refused(cloud: Cloud) -> None:
    """A page of a log-in or another object is no list of models."""
    cloud.on("GET /models", b"<html>sign in</html>")
    with pytest.raises(UnexpectedResponseError):
        await listed(cloud)


@pytest.mark.parametrize(
    ("name", "base"),
    [
        (f"{TUNED}:ckpt-step-90", BASE),
        (f"ft:{BASE}:org::abc", BASE),
        (f"{BASE}.ft-0123456789abcdef0123456789abcdef", BASE),
        (BASE, None),
        ("ftchkpt-0123456789abcdef", None),
    ],
)
async def test_base_is_read_from_the_id(
    cloud: Cloud, tools: Tools, name: str, base: str | None
) -> None:
    """OpenAI and Azure each write the base into a tuned model's id."""
    cloud.on("GET /models", tools.page(model(name)))
    [card] = await listed(cloud)
    assert card.base == base
