"""What short texts came to is remembered; long ones are asked again. Recent values are kept."""

from __future__ import annotations

from tailorbird.text.memo import Recent, memo


def test_short_texts_are_asked_once() -> None:
    """Equal texts with equal arguments give the very result of the first time."""
    asked: list[tuple[str, int]] = []

    @memo(longest=5, most=2)
    def repeated(text: str, *, times: int) -> list[str]:
        """Say it again."""
        asked.append((text, times))
        return [text] * times

    first = repeated("abc", times=2)
    assert repeated("abc", times=2) is first
    assert repeated("abc", times=3) == ["abc"] * 3
    assert asked == [("abc", 2), ("abc", 3)]
    assert repeated.__doc__ == "Say it again."


def test_long_texts_are_not_held() -> None:
    """A text of more characters than the longest is looked at each time."""
    asked: list[str] = []

    @memo(longest=5, most=2)
    def size(text: str) -> int:
        asked.append(text)
        return len(text)

    assert [size("12345"), size("12345"), size("123456"), size("123456")] == [5, 5, 6, 6]
    assert asked == ["12345", "123456", "123456"]


def test_what_was_not_used_for_long_goes() -> None:
    """No more results than allowed are held, the latest ones."""
    asked: list[str] = []

    @memo(longest=5, most=2)
    def size(text: str) -> int:
        asked.append(text)
        return len(text)

    for text in ("a", "b", "a", "c", "a", "b"):
        size(text)
    assert asked == ["a", "b", "c", "b"]


def test_only_the_newest_values_are_kept() -> None:
    """The key that came first goes; a value that is put in again replaces the one before."""
    recent: Recent[str, int] = Recent(2)
    assert recent.get("a") is None
    recent.put("a", 1)
    recent.put("b", 2)
    recent.put("b", 3)
    assert (recent.get("a"), recent.get("b")) == (1, 3)
    recent.put("c", 4)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (None, 3, 4)
