"""Keys stay out of sight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird._http import scrub

KEY = "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34"
PLAIN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect API key provided: {KEY}. You can find your key at …",
        "Incorrect API key provided: sk-proj-********************************Mn34.",
        f"header Authorization: Bearer {KEY}",
        f"authorization bearer {PLAIN}",
        f"api-key: {PLAIN}",
        f"https://user:{PLAIN}@proxy.test:8080/",
        f"https://store.test/x?sv=1&sig={PLAIN}&se=2",
        "token eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2FpIn0.c2ln0",
    ],
)
def test_what_looks_like_a_key_is_masked(text: str) -> None:
    """K1: keys, tokens and passwords of addresses are masked in any text."""
    clean = scrub(text)
    assert "***" in clean
    assert not any(part in clean for part in (KEY, PLAIN, "Mn34", "eyJ0"))


@pytest.mark.parametrize(
    "text",
    [
        "The model 'gpt-6' does not exist or you do not have access to it.",
        "Your api key is missing; the basic tier allows 60 requests",
        "鍵が正しくありません。",
        "ask-me-anything-model-1 is retired",
        "see https://learn.microsoft.com/azure/ai-services for help",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """A message without a secret is left as it is."""
    assert scrub(text) == text


def test_known_secrets_are_masked_wherever_they_stand() -> None:
    """Given secrets go, the longest first; one that is too short to be one does nothing."""
    text = "id=hunter2-long, id=hunter2, abc"
    assert scrub(text, ["hunter2", "hunter2-long", "abc"]) == "id=***, id=***, abc"


@given(st.text(min_size=4).filter(lambda text: not set(text) <= {"*"}), st.text(), st.text())
def test_known_secret_never_stays(secret: str, before: str, after: str) -> None:
    """Whatever stands around it, a known secret is not left in one piece."""
    clean = scrub(f"{before}\0{secret}\0{after}", [secret])
    assert f"\0{secret}\0" not in clean
