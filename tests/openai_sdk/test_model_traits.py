"""How models are called, by their names."""

from __future__ import annotations

import pytest

from tailorbird._openai_sdk.model_traits import base_of, same_model, traits_of, widths_of
from tailorbird.types import ModelId
from tailorbird.types.models import ModelTraits


@pytest.mark.parametrize(
    "name", ["gpt-4o", "gpt-4o-mini-2024-07-18", "gpt-4.1-2025-04-14", "gpt-4.1-mini"]
)
def test_models_of_2024_and_2025_do_not_reason(name: str) -> None:
    """They take sampling parameters, no effort, and are called on Chat Completions."""
    traits = traits_of(ModelId(name))
    assert traits.sampling
    assert traits.efforts == ()
    assert (traits.surface, traits.tools) == ("chat-completions", "always")


@pytest.mark.parametrize("name", ["gpt-6-luna", "gpt-6-sol-2026-09-01", "gpt-6.1-terra"])
def test_models_that_may_rest_take_none(name: str) -> None:
    """They take every effort, sampling with `none` only, and functions there or on Responses."""
    traits = traits_of(ModelId(name))
    assert not traits.sampling
    assert traits.efforts is not None
    assert {"none", "max"} <= set(traits.efforts)
    assert (traits.surface, traits.tools) == ("responses", "without-reasoning")


@pytest.mark.parametrize("name", ["gpt-6-astra", "gpt-6.1-sol", "gpt-6.2-sol", "gpt-6.2-astra"])
def test_models_that_always_think_refuse_none(name: str) -> None:
    """They take neither `none` nor `minimal`, and functions on Responses only."""
    traits = traits_of(ModelId(name))
    assert traits.efforts == ("low", "medium", "high", "xhigh", "max")
    assert (traits.sampling, traits.surface, traits.tools) == (False, "responses", "responses")


def test_first_models_of_a_generation_differ_from_later_ones() -> None:
    """The longest beginning counts: `gpt-5` takes `minimal`, what is known of `gpt-5.4` is less."""
    assert traits_of(ModelId("gpt-5-mini")).efforts == ("minimal", "low", "medium", "high")
    assert traits_of(ModelId("gpt-5.1")).tools == "always"
    assert traits_of(ModelId("gpt-5.4-nano")).tools == "without-reasoning"
    assert traits_of(ModelId("gpt-5.9")).efforts is None
    assert traits_of(ModelId("o3-2025-04-16")).efforts == ("low", "medium", "high")


def test_newer_model_of_a_known_generation_is_called_where_everything_works() -> None:
    """A `gpt-6` that is not known yet is called on Responses with its functions."""
    traits = traits_of(ModelId("gpt-6.9-nova"))
    assert (traits.surface, traits.tools, traits.efforts) == ("responses", "responses", None)


@pytest.mark.parametrize("name", ["llama3:8b", "gpt-oss-120b", "gpt-60", "o30", "my-deployment"])
def test_unknown_model_is_called_leniently(name: str) -> None:
    """A name of which nothing is known has the traits that pass everything on."""
    assert traits_of(ModelId(name)) == ModelTraits()


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("ft:gpt-4.1-mini-2025-04-14:acme:faq:abc123", "gpt-4.1-mini-2025-04-14"),
        ("ft:gpt-4o-2024-08-06:acme::abc:ckpt-step-20", "gpt-4o-2024-08-06"),
        ("gpt-4.1-mini-2025-04-14.ft-0a1b2c", "gpt-4.1-mini-2025-04-14"),
        ("gpt-4.1-mini", None),
    ],
)
def test_tuned_model_has_a_base(name: str, base: str | None) -> None:
    """Both clouds' names of a tuned model tell the base, checkpoints included."""
    assert base_of(ModelId(name)) == base


def test_tuned_model_is_called_as_its_base() -> None:
    """A tuned model has the base's traits, on Chat Completions whatever the base."""
    assert traits_of(ModelId("ft:gpt-4.1-mini-2025-04-14:a:b:c")).sampling
    tuned = traits_of(ModelId("ft:o4-mini-2025-04-16:a:b:c"))
    assert (tuned.sampling, tuned.surface) == (False, "chat-completions")


def test_widths_are_known_for_three_models() -> None:
    """Only the third generation can be made narrower, and of others nothing is known."""
    assert widths_of(ModelId("text-embedding-3-large")) == (3072, True)
    assert widths_of(ModelId("text-embedding-ada-002")) == (1536, False)
    assert widths_of(ModelId("nomic-embed-text")) is None


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4o-2024-11-20", "gpt-4o-2024-08-06"),
        ("GPT-4o", "gpt-4o"),
        ("llama3", "llama3:latest"),
        ("openai/gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4o", "openai/gpt-4o"),
        ("ft:gpt-4o-2024-08-06:a:b:c", "ft:gpt-4o-2024-08-06:a:b:c"),
    ],
)
def test_snapshots_are_the_same_model(asked: str, answered: str) -> None:
    """A snapshot, another case or the name of a house before it are no other model."""
    assert same_model(ModelId(asked), ModelId(answered))


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o", "gpt-4o-mini-2024-07-18"),
        ("gpt-4.1", "gpt-4.1-mini"),
        ("ft:gpt-4o-2024-08-06:a:b:c", "gpt-4o-2024-08-06"),
        ("gpt-4.1-mini-2025-04-14.ft-0a1b", "gpt-4.1-mini-2025-04-14"),
        ("gpt-6-sol", "gpt-6.2-sol"),
    ],
)
def test_other_models_are_told_apart(asked: str, answered: str) -> None:
    """A smaller model, another generation and the base of a tuned model are other models."""
    assert not same_model(ModelId(asked), ModelId(answered))
