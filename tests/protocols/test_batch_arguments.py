"""What every provider refuses of a batch before anything is sent."""

from __future__ import annotations

import pytest

from tailorbird.exceptions import InvalidInputError
from tailorbird.protocols.batch_arguments import check_metadata, check_requests
from tailorbird.types import ChatRequest, EmbeddingRequest, Message

TALK = ChatRequest(key="a", messages=(Message.user("本"),))
TEXT = EmbeddingRequest(key="a", text="本")


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ("本", "must be a list of ChatRequest"),
        (iter([TALK]), "must be a list of ChatRequest"),
        ([], "there is no request"),
        ([TALK, TEXT], r"requests\[1\] must be a ChatRequest, got EmbeddingRequest"),
        ([TALK, TALK], "the key 'a' comes twice"),
    ],
)
def test_wrong_requests_are_refused(requests: object, reason: str) -> None:
    """The message says what is wrong, and where."""
    with pytest.raises(InvalidInputError, match=reason):
        check_requests(requests, kind=ChatRequest)


def test_requests_are_counted() -> None:
    """More than the limit are refused; as many are copied."""
    many = [TEXT.model_copy(update={"key": str(number)}) for number in range(3)]
    assert check_requests(many, kind=EmbeddingRequest, most=3) == tuple(many)
    with pytest.raises(InvalidInputError, match="takes 2 requests, got 3"):
        check_requests(many, kind=EmbeddingRequest, most=2)


def test_metadata_has_limits() -> None:
    """There may be 16 pairs of 64 and 512 characters."""
    assert check_metadata(None) == {}
    most = {f"{number:064}": "v" * 512 for number in range(16)}
    assert check_metadata(most) == most
    for wrong in ({**most, "one": "more"}, {"k" * 65: "v"}, {"k": "v" * 513}):
        with pytest.raises(InvalidInputError, match="metadata"):
            check_metadata(wrong)
