"""What providers accept, as data."""

from __future__ import annotations

import re

import pytest

from tailorbird.data.training.rules import TRAINING_RULES, training_rules
from tailorbird.exceptions import InvalidInputError


@pytest.mark.parametrize("name", ["openai", "azure", "generic"])
def test_rules_are_found_by_name(name: str) -> None:
    """Each name has rules that carry it."""
    assert training_rules(name).provider == name


def test_generic_rules_hold_when_nobody_is_named() -> None:
    """Without a name the rules for any provider are given."""
    assert training_rules() is TRAINING_RULES["generic"]


def test_unknown_name_tells_the_known_ones() -> None:
    """The error repeats the name, guesses, and lists what there is."""
    with pytest.raises(InvalidInputError, match=r"'Azur'.*did you mean 'azure'.*'openai'"):
        training_rules("Azur")


def test_unlike_name_gets_no_guess() -> None:
    """A name that resembles nothing is not guessed at."""
    with pytest.raises(InvalidInputError, match=r"'xyz': known are 'openai', 'azure', 'generic'"):
        training_rules("xyz")


def test_openai_rules() -> None:
    """OpenAI's documented limits, as of the day they were read."""
    rules = training_rules("openai")
    assert (rules.min_examples, rules.max_file_bytes, rules.suffix_max) == (10, 512 << 20, 64)
    assert (rules.max_tokens_per_example, rules.over_limit) == (65_536, "truncated")
    assert (rules.rft_max_rows, rules.rft_max_validation_rows) == (50_000, 1_000)
    assert rules.bom == "without"
    assert rules.images is not None
    assert (rules.images.max_per_example, rules.images.max_examples) == (10, 50_000)


def test_azure_suffix_is_short_and_plain() -> None:
    """Azure's suffix has 18 letters, digits, hyphens and underlines at most."""
    rules = training_rules("azure")
    assert rules.suffix_max == 18
    assert rules.suffix_alphabet is not None
    assert re.fullmatch(f"[{rules.suffix_alphabet}]+", "faq-bot_2")
    assert not re.fullmatch(f"[{rules.suffix_alphabet}]+", "faq.bot")


def test_generic_rules_are_the_stricter_of_both() -> None:
    """What passes the generic rules passes both providers, the byte-order mark aside."""
    generic = training_rules()
    for name in ("openai", "azure"):
        rules = training_rules(name)
        assert generic.min_examples >= rules.min_examples
        assert generic.max_file_bytes <= rules.max_file_bytes
        assert generic.suffix_max <= rules.suffix_max
        assert generic.images is not None
        assert rules.images is not None
        assert generic.images.max_per_example <= rules.images.max_per_example


@pytest.mark.parametrize("name", TRAINING_RULES)
def test_rules_name_their_sources(name: str) -> None:
    """Every set of rules says where its facts are from and when they were read."""
    rules = training_rules(name)
    assert rules.sources
    assert rules.read_on.year == 2026


@pytest.mark.parametrize("name", TRAINING_RULES)
def test_rules_are_valid(name: str) -> None:
    """The rules that come with the package pass their own validation."""
    rules = training_rules(name)
    assert type(rules).model_validate(rules.model_dump()) == rules
