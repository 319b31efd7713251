"""A profile explains itself: where values come from, which keys are there, what might surprise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailorbird.config import HOSTED, describe, load_profile
from tailorbird.exceptions import ConfigError

KEY = "sk-proj-Zx81QmarkerW3vT5yB7nJ9"

AZURE = """\
default_profile = "azure"

[profiles.azure]
provider = "azure"
endpoint = "https://contoso.openai.azure.com"
api_key_env = "AZURE_OPENAI_API_KEY"
[profiles.azure.models]
chat = { deployment = "chat", model = "gpt-4.1-mini" }
tune_base = { model = "gpt-4.1-mini-2025-04-14" }
[profiles.azure.deploy]
subscription_id = "11111111-2222-3333-4444-555555555555"
resource_group = "group"
account = "contoso"
sku = "DeveloperTier"
[profiles.azure.search]
endpoint = "https://contoso.search.windows.net"
api_key_env = "SEARCH_KEY"
[profiles.azure.retrieval]
engine = "hosted"
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str | bytes) -> Path:
    """Write the configuration."""
    path = folder / "tailorbird.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_profile_of_the_design_loads(elsewhere: Path) -> None:
    """Roles as tables, and tables of the provider's own, are read and handed on."""
    write(elsewhere, AZURE)
    profile = load_profile(environ={})
    assert profile.roles["tune_base"].deployment is None
    assert profile.options["deploy"] == {
        "subscription_id": "11111111-2222-3333-4444-555555555555",
        "resource_group": "group",
        "account": "contoso",
        "sku": "DeveloperTier",
    }
    assert profile.retrieval.engine == HOSTED


def test_keys_are_told_by_length_and_never_shown(elsewhere: Path) -> None:
    """Each variable that the profile names is looked at."""
    write(elsewhere, AZURE)
    environ = {"AZURE_OPENAI_API_KEY": f"{KEY}\n"}
    described = describe(load_profile(environ=environ), environ=environ)
    there, missing = described.keys
    assert (there.variable, there.length, there.problem) == ("AZURE_OPENAI_API_KEY", 30, None)
    assert there.notes
    assert (missing.setting, missing.length) == ("profiles.azure.search.api_key_env", None)
    assert "SEARCH_KEY is not set" in str(missing.problem)
    text = str(described)
    assert "profiles.azure.deploy.sku = DeveloperTier  (tailorbird.toml:14)" in text
    assert "a key of 30 characters in AZURE_OPENAI_API_KEY (not shown)" in text
    assert "api_key_env: no key: " in text
    assert "Zx81" not in text + described.model_dump_json()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"OPENAI_BASE_URL": "https://user:secret@proxy.example:8443/v1?key=1"},
            "(https://proxy.example:8443/v1), and tailorbird does not read it; if you mean it,",
        ),
        ({"OPENAI_BASE_URL": "http://[bad"}, "(an address that cannot be read)"),
        ({"OPENAI_ORG_ID": "org-1"}, "write organization into the profile"),
        ({"AZURE_OPENAI_AD_TOKEN": KEY}, "AZURE_OPENAI_AD_TOKEN is set in the environment, and"),
    ],
)
def test_variables_of_other_tools_are_a_warning(
    elsewhere: Path, environ: dict[str, str], expected: str
) -> None:
    """What the vendors' tools obey and this one does not is said, without its secrets."""
    write(elsewhere, '[profiles.o]\nprovider = "openai"\n')
    described = describe(load_profile("o", environ={}), environ=environ)
    [warning] = described.warnings
    assert expected in warning
    assert f"warning: {warning}" in str(described)
    assert "secret" not in warning
    assert "Zx81" not in warning


def test_a_value_in_the_profile_needs_no_warning(elsewhere: Path) -> None:
    """Who names the address in the profile knows about it."""
    write(elsewhere, '[profiles.o]\nprovider = "openai"\nbase_url = "http://127.0.0.1/v1"\n')
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1/v1"}
    assert describe(load_profile("o", environ={}), environ=environ).warnings == ()


def test_variables_that_are_obeyed_are_shown(elsewhere: Path) -> None:
    """Proxies and certificates of the environment count, so they are listed, masked."""
    assert elsewhere.is_dir()
    environ = {"https_proxy": "http://me:pw@proxy:3128", "NO_PROXY": "localhost"}
    described = describe(load_profile(environ={}), environ=environ)
    shown = {one.setting: (one.value, one.source) for one in described.origins}
    assert shown["https_proxy"] == ("http://proxy:3128", "environment")
    assert shown["NO_PROXY"] == ("localhost", "environment")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f'api_key = "{KEY}"', "api_key"),
        (f'api_key_env = "{KEY}"', "api_key_env"),
        (f'endpoint = "{"0123456789abcdef" * 2}"', "endpoint"),
        ('token = "short"', "token"),
        ('models = { chat = "sk-0123456789abcdefghij" }', "chat"),
    ],
)
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_key_in_the_file_is_refused(elsewhere: Path, line: str, name: str, mode: int) -> None:
    """The file names variables; a key in a file that others can read must be replaced."""
    path = write(elsewhere, f'[profiles.o]\nprovider = "openai"\n{line}\n')
    path.chmod(mode)
    with pytest.raises(ConfigError) as error:
        load_profile("o", environ={})
    message = str(error.value)
    assert f"tailorbird.toml:3: {name!r} holds what looks like a key" in message
    assert ("Other users of this machine can read the file (mode 644)" in message) is (
        mode == 0o644
    )
    assert "Zx81" not in message
    assert "0123456789" not in message


def test_an_empty_value_under_the_name_of_a_key_is_no_key(elsewhere: Path) -> None:
    """The provider says what is wrong with it."""
    write(elsewhere, '[profiles.o]\nprovider = "openai"\napi_key = ""\nretries = [1]\n')
    assert load_profile("o", environ={}).options == {"api_key": "", "retries": [1]}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('a = "設定"\n'.encode("cp932"), ":1: the file is not UTF-8 (it seems to be cp932); save"),
        ('# x\na = "日本"\n'.encode("euc_jp"), ":2: the file is not UTF-8 (it seems to be "),
        (b"a = 1\nb = \x81 \n", ":2: the file is not UTF-8; save it"),
        ("a = 1\n".encode("utf-16"), ":1: the file is in UTF-16; save it as UTF-8"),
        (
            b"[profiles.a]\nprovider = 'x'\nprovider = 'y'\n",
            ":3: Cannot overwrite a value; a key or table stands there twice",
        ),
        (b"[profiles.a]\n[profiles.a]\n", ":2: Cannot declare ('profiles', 'a') twice; a key or"),
        (b"[profiles.a\n", ":1: "),
        (b"[profiles.o]\nprovider = ' '\n", ":1: [profiles.o] needs provider ="),
        (b"[profiles.o]\nprovider='x'\nmodels.chat = 3\n", "profiles.o.models.chat must be"),
        (b"[profiles.o]\nprovider='x'\nmodels.chat = ' m'\n", "without blanks around"),
        (b"default_profile = 'p'\n[profiles.o]\nprovider='x'", "(named by tailorbird.toml:1)"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(elsewhere: Path, raw: bytes, expected: str) -> None:
    """Encodings are named, and a key that stands twice."""
    write(elsewhere, raw)
    with pytest.raises(ConfigError) as error:
        load_profile(None if b"default" in raw else "o", environ={})
    assert expected in str(error.value)


def test_a_file_without_profiles_leaves_the_name_to_be_a_provider(elsewhere: Path) -> None:
    """An empty file is as good as none."""
    write(elsewhere, "")
    assert load_profile(environ={}).provider == "fake"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("http://eve:hunter2@proxy.corp:3128", "http://proxy.corp:3128"),
        ("eve:hunter2@proxy.corp:3128", "proxy.corp:3128"),
        ("proxy.corp:3128", "proxy.corp:3128"),
        ("http://eve:hunter2@", "an address that cannot be read"),
        ("http://eve:hunter2@proxy:port", "an address that cannot be read"),
    ],
)
@pytest.mark.usefixtures("elsewhere")
def test_password_of_a_proxy_is_never_shown(value: str, kept: str) -> None:
    """However the address is written, user and password are left out."""
    found = describe(load_profile(environ={}), environ={"HTTPS_PROXY": value})
    assert [one.value for one in found.origins if one.setting == "HTTPS_PROXY"] == [kept]
    assert "hunter2" not in str(found)


def test_signature_in_an_address_is_never_shown(elsewhere: Path) -> None:
    """An address in the file that no provider would take is not shown whole either."""
    (elsewhere / "tailorbird.toml").write_text(
        "[profiles.fake]\nprovider = 'openai'\n"
        "base_url = 'https://gateway.example/v1?sig=hunter2'\n"
        "[profiles.fake.models]\nchat = 'llama@2026'\n"
    )
    profile = load_profile(environ={})
    assert {one.setting: one.value for one in profile.origins}["profiles.fake.base_url"] == (
        "https://gateway.example/v1"
    )
    assert "llama@2026" in str(describe(profile, environ={}))
    assert "hunter2" not in repr(profile.origins)
