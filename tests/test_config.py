"""Profiles are found, checked and explained."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tailorbird.config import load_profile
from tailorbird.exceptions import ConfigError
from tailorbird.types import Budget, RoleModel

AZURE = """\
default_profile = "fake"

[profiles.fake]
provider = "fake"

[profiles.azure]
provider = "azure"
endpoint = "https://contoso.example"
[profiles.azure.models]
chat = { deployment = "chat", model = "gpt-4.1-mini" }
tune_base = "gpt-4.1-mini-2025-04-14"
[profiles.azure.deploy]
account = "contoso"
[profiles.azure.retrieval]
engine = "local"
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str, name: str = "tailorbird.toml") -> Path:
    """Write a configuration file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_file_the_fake_is_the_profile(elsewhere: Path) -> None:
    """A newcomer needs no configuration at all."""
    profile = load_profile(environ={})
    assert (profile.name, profile.provider) == ("fake", "fake")
    assert not list(elsewhere.iterdir())


def test_without_a_file_a_name_is_taken_for_a_provider(elsewhere: Path) -> None:
    """A provider that needs no settings can be named directly."""
    assert load_profile("other", environ={}).provider == "other"
    assert elsewhere.is_dir()


def test_the_fake_needs_no_table_in_a_file_of_clouds(elsewhere: Path) -> None:
    """A script runs offline as before when a profile for a cloud is written beside it."""
    write(elsewhere, "[profiles.azure]\nprovider = 'azure'\n")
    for name in (None, "fake"):
        profile = load_profile(name, environ={})
        assert (profile.name, profile.provider, dict(profile.options)) == ("fake", "fake", {})


def test_a_profile_keeps_both_names_of_a_model_and_the_providers_own_options(
    elsewhere: Path,
) -> None:
    """What is common is read here, everything else is handed on."""
    write(elsewhere, AZURE)
    profile = load_profile("azure", environ={})
    assert profile.roles["chat"] == RoleModel(model="gpt-4.1-mini", deployment="chat")
    assert profile.roles["chat"].callable_id == "chat"
    assert profile.roles["tune_base"].callable_id == "gpt-4.1-mini-2025-04-14"
    assert profile.options == {
        "endpoint": "https://contoso.example",
        "deploy": {"account": "contoso"},
    }
    assert profile.retrieval.engine == "local"
    assert profile.retrieval.options == {}


@pytest.mark.parametrize(
    ("environ", "argument", "expected"),
    [
        ({}, None, "fake"),
        ({"TAILORBIRD_PROFILE": "azure"}, None, "azure"),
        ({"TAILORBIRD_PROFILE": "azure"}, "fake", "fake"),
    ],
)
def test_the_argument_wins_over_the_variable_and_the_variable_over_the_file(
    elsewhere: Path, environ: dict[str, str], argument: str | None, expected: str
) -> None:
    """The nearest statement about the profile counts."""
    write(elsewhere, AZURE)
    assert load_profile(argument, environ=environ).name == expected


def test_a_file_without_a_default_means_the_fake(elsewhere: Path) -> None:
    """The default of the default costs nothing."""
    write(elsewhere, AZURE.replace('default_profile = "fake"', ""))
    assert load_profile(environ={}).name == "fake"


def test_the_named_file_wins_over_the_one_in_the_working_directory(elsewhere: Path) -> None:
    """An argument wins over the variable, the variable over the file that happens to be there."""
    write(elsewhere, "nonsense")
    other = write(elsewhere, AZURE, "other.toml")
    assert load_profile("azure", config=other, environ={}).provider == "azure"
    assert load_profile("azure", environ={"TAILORBIRD_CONFIG": str(other)}).provider == "azure"


def test_every_value_tells_where_it_came_from(elsewhere: Path) -> None:
    """The origin of a value is its file and line."""
    path = write(elsewhere, AZURE)
    origins = {one.setting: one for one in load_profile("azure", environ={}).origins}
    assert origins["profile"].source == "argument"
    assert origins["config"].value == "tailorbird.toml"
    assert origins["profiles.azure.endpoint"].source == "tailorbird.toml:8"
    assert origins["profiles.azure.models.tune_base"].source == "tailorbird.toml:11"
    assert origins["profiles.azure.models.chat.model"].source == "tailorbird.toml:10"
    assert origins["profiles.azure.deploy.account"].source == "tailorbird.toml:13"
    assert path.exists()


@pytest.mark.parametrize(
    ("text", "profile", "expected"),
    [
        ("x = ", None, "tailorbird.toml:1: Invalid value"),
        ("a = 1\na = 2", None, "Cannot overwrite a value"),
        ("default_profil = 'x'", None, "tailorbird.toml:1: unknown key 'default_profil'"),
        ("default_profil = 'x'", None, "did you mean 'default_profile'?"),
        ("zzz = 1", None, "known: default_profile, profiles"),
        ("[profile.x]\nprovider = 'fake'", None, "tailorbird.toml:1: unknown key 'profile'"),
        ("default_profile = 3", None, "must be a name in quotes, got 3"),
        ("profiles = 3", None, "[profiles] must be a table"),
        ("[profiles]\nfake = 3", None, "[profiles.fake] must be a table"),
        (AZURE, "azur", "no profile 'azur'; did you mean 'azure'?"),
        (AZURE, "zzz", "profiles there: azure, fake"),
        ("[profiles.fake]", None, "[profiles.fake] needs provider ="),
        ("[profiles.fake]\nprovider = 7", None, "[profiles.fake] needs provider ="),
        ("[profiles.fake]\nprovider='fake'\nmodels = 1", None, "must be a table"),
        (
            "[profiles.fake]\nprovider='fake'\n[profiles.fake.models]\nchat = ' '",
            None,
            "profiles.fake.models.chat must be",
        ),
        (
            "[profiles.fake]\nprovider='fake'\n[profiles.fake.models]\nchat = {deployment='x'}",
            None,
            "profiles.fake.models.chat must be",
        ),
        (
            "[profiles.fake]\nprovider='fake'\n[profiles.fake.models]\nchat={model='x',name='y'}",
            None,
            "profiles.fake.models.chat must be",
        ),
        (
            "[profiles.fake]\nprovider='fake'\n[profiles.fake.retrieval]\nengin = 'local'",
            None,
            "tailorbird.toml:4: unknown key 'engin'; did you mean 'engine'?",
        ),
        (
            "[profiles.fake]\nprovider='fake'\n[profiles.fake.retrieval]\nengine = 7\nx = 1",
            None,
            "the settings of [profiles.fake.retrieval] are wrong: 'engine': input should be a",
        ),
        (
            "[profiles.fake]\nprovider='fake'\n[profiles.fake.models]\nchat = 7",
            None,
            "profiles.fake.models.chat must be",
        ),
        (
            "[profiles.fake]\nprovider='fake'\nretrieval = 'local'",
            None,
            "[profiles.fake.retrieval] must be a table",
        ),
        (
            (
                "[profiles.fake]\nprovider='fake'\n[profiles.fake.retrieval]\nengine='postgres'\n"
                "dsn = 'postgresql://me:hunter2@db.example/data'"
            ),
            None,
            "'dsn' holds what looks like a key",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_fix(
    elsewhere: Path, text: str, profile: str | None, expected: str
) -> None:
    """A mistake in the file is told by file, line where known, key and fix."""
    write(elsewhere, text)
    with pytest.raises(ConfigError) as error:
        load_profile(profile, environ={})
    assert expected in str(error.value)


def test_an_engine_gets_what_else_stands_in_its_table(elsewhere: Path) -> None:
    """The table of retrieval names the engine, and everything else is for that to check."""
    write(
        elsewhere,
        "[profiles.fake]\nprovider='fake'\n[profiles.fake.retrieval]\n"
        "engine='postgres'\ndsn_env='PG_DSN'\npool_size=2",
    )
    retrieval = load_profile("fake", environ={}).retrieval
    assert retrieval.engine == "postgres"
    assert retrieval.options == {"dsn_env": "PG_DSN", "pool_size": 2}
    assert retrieval.rerank is False


@pytest.mark.parametrize("engine", ["", "engine = 'local'\n"])
def test_reranking_is_no_option_of_an_engine(elsewhere: Path, engine: str) -> None:
    """It may stand alone, and is true or false."""
    head = f"[profiles.fake]\nprovider='fake'\n[profiles.fake.retrieval]\n{engine}"
    write(elsewhere, f"{head}rerank = true\n")
    retrieval = load_profile("fake", environ={}).retrieval
    assert (retrieval.engine, retrieval.rerank, retrieval.options) == ("local", True, {})
    write(elsewhere, f"{head}rerank = 'yes'\n")
    with pytest.raises(ConfigError, match="'rerank'"):
        load_profile("fake", environ={})


def test_a_byte_order_mark_is_accepted(elsewhere: Path) -> None:
    """Editors on Windows write one."""
    (elsewhere / "tailorbird.toml").write_bytes(b"\xef\xbb\xbf" + AZURE.encode())
    assert load_profile("azure", environ={}).provider == "azure"


def test_a_file_in_another_encoding_is_refused_by_line(elsewhere: Path) -> None:
    """The line of the first byte that is not UTF-8 is named."""
    raw = 'default_profile = "fake"\n# 設定\n'.encode("cp932")
    (elsewhere / "tailorbird.toml").write_bytes(raw)
    with pytest.raises(ConfigError, match=r"tailorbird\.toml:2: the file is not UTF-8"):
        load_profile(environ={})


def test_a_missing_file_that_was_named_is_an_error(elsewhere: Path) -> None:
    """A file that was asked for is never passed over silently."""
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_profile(config=elsewhere / "none.toml", environ={})


def test_the_environment_is_only_read_where_it_is_given(elsewhere: Path) -> None:
    """Nothing reads the process's environment behind the caller's back."""
    os.environ["TAILORBIRD_PROFILE"] = "zzz"
    try:
        assert load_profile(environ={}).name == "fake"
    finally:
        del os.environ["TAILORBIRD_PROFILE"]
    assert elsewhere.is_dir()


MONEY = """\
[profiles.mine]
provider = "fake"
[profiles.mine.budget]
usd = 2.5
period = "day"
[profiles.mine.prices."gpt-4.1-mini"]
input_per_mtok = 0.8
output_per_mtok = "3.20"
read_on = 2026-11-01
[profiles.mine.prices.chat]
hosting_per_hour = 1
"""


def test_prices_and_budget_stand_in_a_profile(elsewhere: Path) -> None:
    """Prices by model or deployment, as numbers or texts, and one budget."""
    write(elsewhere, MONEY)
    profile = load_profile("mine", environ={})
    assert profile.budget == Budget(usd=Decimal("2.5"), period="day")
    price = profile.prices["gpt-4.1-mini"]
    assert (price.input_per_mtok, price.output_per_mtok) == (Decimal("0.8"), Decimal("3.20"))
    assert price.read_on == date(2026, 11, 1)
    assert profile.prices["chat"].hosting_per_hour == 1
    assert profile.options == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("usd = 2.5", "dollars = 2.5", r":3: the settings of .* 'usd' is missing.* 'dollars'"),
        ("2.5", "-1", "'usd'"),
        ("input_per_mtok", "input_price", r":6: the prices of 'gpt-4.1-mini' .* 'input_price'"),
        ("= 0.8", "= -2", r"e.g. input_per_mtok = \"0.80\""),
    ],
)
def test_wrong_money_is_told_by_line(elsewhere: Path, old: str, new: str, said: str) -> None:
    """Unknown keys and wrong amounts are named with file, line and an example."""
    write(elsewhere, MONEY.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said):
        load_profile("mine", environ={})
