"""Which addresses may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird._http import checked_base_url, host_of, is_loopback, is_within
from tailorbird.exceptions import ConfigError


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("  https://api.openai.com/v1/ \n", "https://api.openai.com/v1"),
        ("https://api.openai.com//v1///", "https://api.openai.com/v1"),
        ("HTTPS://API.OpenAI.com", "https://api.openai.com"),
        ("https://h.test:8443/a/b", "https://h.test:8443/a/b"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://api.localhost/v1", "http://api.localhost/v1"),
        ("https://xn--r8jz45g.jp/v1", "https://xn--r8jz45g.jp/v1"),
    ],
)
def test_address_is_tidied(written: str, kept: str) -> None:
    """cfg7: blanks around it and superfluous slashes go, everything else stays."""
    assert checked_base_url(written, place="base_url") == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "api.openai.com/v1",
        "https://",
        "https:///v1",
        "file:///etc/passwd",
        "gopher://h.test/",
        "ftp://h.test/",
        "ws://h.test/",
        "https://h.test/v1?api-version=1",
        "https://h.test/v1#part",
        "https://h.test/v1?",
        "https://h.test\\@evil.test/",
        "https://h.test/a b",
        "https://h.test/\x00",
        "https://h.test:port/",
        "https://h.test:99999/",
        "https://[::1/",
        "https://例え.jp/",
        "https://１６９.254.169.254/",
    ],
)
def test_other_addresses_are_refused(written: str) -> None:
    """K7, cfg7: what is not a plain address of an API is refused, and the place is named."""
    with pytest.raises(ConfigError, match="base_url of 'main'"):
        checked_base_url(written, place="base_url of 'main'")


@pytest.mark.parametrize("written", ["https://me:geheim99@h.test/v1", "https://geheim99@h.test"])
def test_password_in_an_address_is_refused_and_not_shown(written: str) -> None:
    """K4: an address with a user or password is refused by a message without it."""
    with pytest.raises(ConfigError) as caught:
        checked_base_url(written, place="base_url")
    assert "geheim99" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.1.1",
        "169.254.169.254.",
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "168.63.129.16",
        "100.100.100.200",
        "metadata.google.internal",
        "METADATA.google.internal.",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_credentials_of_machines_are_out_of_reach(scheme: str, host: str) -> None:
    """K7: no spelling of a metadata address is taken, not even where http:// is allowed to it."""
    with pytest.raises(ConfigError, match="credentials are handed out"):
        checked_base_url(
            f"{scheme}://{host}/v1", insecure_hosts=[host.strip("[]").lower()], place="base_url"
        )


def test_clear_text_needs_permission() -> None:
    """K5: http:// to another machine is refused until the host is named."""
    with pytest.raises(ConfigError, match="clear text"):
        checked_base_url("http://192.168.0.7:8000/v1", place="base_url")
    with pytest.raises(ConfigError, match="insecure_hosts"):
        checked_base_url("http://gpu.lan/v1", insecure_hosts=["other.lan"], place="base_url")
    allowed = checked_base_url("http://gpu.lan/v1", insecure_hosts=["GPU.lan"], place="base_url")
    assert allowed == "http://gpu.lan/v1"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.8.9.1", True),
        ("2130706433", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
        ("10.0.0.1", False),
        ("::2", False),
    ],
)
def test_loopback_is_known_by_name_and_number(host: str, *, local: bool) -> None:
    """This machine is known without asking anybody."""
    assert is_loopback(host) is local


def test_host_of_an_address_is_given() -> None:
    """The host stands in messages; an address without one has none."""
    assert host_of("https://api.openai.com:443/v1") == "api.openai.com"
    assert host_of("/v1") == ""


@given(st.text(max_size=60), st.sampled_from(["", "https://", "http://", "https://h.test/"]))
def test_any_text_is_tidied_or_refused(text: str, start: str) -> None:
    """No text makes another error, and a tidied address stays as it is when checked again."""
    try:
        kept = checked_base_url(start + text, place="base_url")
    except ConfigError:
        return
    assert checked_base_url(kept, place="base_url") == kept


@pytest.mark.parametrize(
    ("url", "home", "within"),
    [
        ("https://a.example/x?page=2", "https://a.example", True),
        ("https://a.example:443/x", "https://a.example", True),
        ("https://a.example/x", "https://a.example:443", True),
        ("HTTPS://A.Example/x", "https://a.example", True),
        ("http://localhost:80/x", "http://localhost", True),
        ("https://a.example/base/x", "https://a.example/base", True),
        ("https://a.example", "https://a.example", False),
        ("https://a.example/based/x", "https://a.example/base", False),
        ("https://a.example:444/x", "https://a.example", False),
        ("https://a.example:80/x", "https://a.example", False),
        ("http://a.example/x", "https://a.example", False),
        ("http://a.example:443/x", "https://a.example", False),
        ("https://a.example.evil.example/x", "https://a.example", False),
        ("https://a.example@evil.example/x", "https://a.example", False),
        ("https://me@a.example/x", "https://a.example", False),
        ("https://a.example\\@evil.example/x", "https://a.example", False),
        ("https://evil.example\\.a.example/x", "https://a.example", False),
        ("https://a.exam\nple/x", "https://a.example", False),
        ("https://a.example:port/x", "https://a.example", False),
        ("https://[::1/x", "https://a.example", False),
        ("//a.example/x", "https://a.example", False),
        ("/x", "https://a.example", False),
    ],
)
def test_a_key_goes_to_its_own_origin_only(url: str, home: str, *, within: bool) -> None:
    """Scheme, host and effective port must be those of the service, and the path lies below."""
    assert is_within(url, home) is within
