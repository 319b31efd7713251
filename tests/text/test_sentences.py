"""How sentences are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text import grapheme_boundary, split_sentences

LONG = "This line of prose has been wrapped by its writer"


def sentences(text: str) -> list[str]:
    """Return the texts of the spans."""
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "marked",
    [
        "梅雨は雨季です。|五月に始まる！|本当ですか？？|はい",
        "「はい。」と答えた。|次です。",
        "「はい。」|そして彼は出た。",
        "（本当だ。）。|次。",
        "ｱｲｳ｡|ｴｵ｡",
        "これは…そうです。|えっ！？|本当",
        "Dr. Smith met Mr. J. K. Lee at 5 p.m. on Jan. 5. |He paid $3.50 (e.g. for tea).",
        "Is it No. 5? |No. |He left.",
        "The U.S. Army came. |Then it left etc. |So be it.",
        "See fig. 3. |It is clear.",
        "From 8:00 a.m. to 1:00 p.m. Central Time. |Call us.",
        "Open 9 a.m. - 5 p.m. (CET), then 7 P.M. EST only. |Closed on Sunday.",
        "At 5 p.m. Friday, or 6 a.m. Jan. 5, or 7 p.m. Japan Standard Time. |So it is.",
        "At 1 p.m. Eastern and 10 a.m. Pacific, or so",
        "She starts at 8:00 a.m. |She stops at 11 a.m. |Central offices differ.",
        "By 5 p.m. |(Nobody came.) |At 6 p.m. |Then they left at 7 p.m.",
        "It stood in the U.S. |The U.S. Senate met at the U.S. Capitol, i.e. Washington.",
        "Mr. Lee asked Dr. K. He about invoice No. INV-7 and No. (3), e.g. Tea. |No. |Not so.",
        "Jones et al. 1998 wrote it (c. 1455), with Smith et al. |Others did not.",
        "Google Inc. は会社です。|Contoso Ltd. |Next.",
        "Wait... what? |Yes!! |“Quoted end.” |Next.",
        "It was fine… |Next.",
        "Version 2.0. |次に進む。",
        "だった．|次は",
        "Yes!No",
        "a.b.c",
        "*Stressed.* |Plain.",
        "1. First item.|\n2. Second item.",
        "iv. Fourth. |Done.",
        "One|\nTwo",
        f"{LONG}\nand goes on here. |Next.",
        f"{LONG},\n   and goes on here.",
        f"{LONG}.|\nand a small letter.",
        f"{LONG}|\n日本語",
        "項目|\n・一つ目|\n・二つ目",
        "x" * 60 + "日|\nand so on",
    ],
)
def test_sentences_end_where_a_reader_ends_them(marked: str) -> None:
    """Stops, brackets, abbreviations, list numbers and wrapped lines are told apart."""
    text = marked.replace("|", "")
    assert sentences(text) == [piece.strip() for piece in marked.split("|")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \u3000\n\n", []),
        ("  one  \r\n\r\n two \u2028three", ["one", "two", "three"]),
        (f"{LONG}\n\nand a new paragraph", [LONG, "and a new paragraph"]),
        (f"x\n{LONG[:30]}\nand", ["x", LONG[:30], "and"]),
        ("They paid.  Then. . .", ["They paid.", "Then.", ".", "."]),
        ("Start no. 5 of it.\nNo. Next.", ["Start no. 5 of it.", "No.", "Next."]),
        ("Point 3. Then", ["Point 3.", "Then"]),
        ("one\n  7. Then", ["one", "7. Then"]),
        ("In approx. five days", ["In approx. five days"]),
        ("Really? yes. Really! no.", ["Really? yes.", "Really! no."]),
        ("はい！\ufe0f次", ["はい！\ufe0f次"]),
        ("a \u0301b", ["a \u0301b"]),
        ("a\n \u0301b", ["a", " \u0301b"]),
    ],
)
def test_spans_are_trimmed_and_break_no_character(text: str, expected: list[str]) -> None:
    """White space belongs to no sentence, a mark belongs to the character that it sits on."""
    assert sentences(text) == expected


@given(st.text(alphabet=st.sampled_from("aB1 .。！?「」\n\r\u0301\u3099…-日の")))
def test_spans_cover_the_text_in_order(text: str) -> None:
    """Each visible character lies in exactly one span, and no span breaks one."""
    covered: list[int] = []
    for start, end in split_sentences(text):
        assert text[start:end].strip()
        assert grapheme_boundary(text, start) == start
        covered.extend(range(start, end))
    assert covered == sorted(set(covered))
    assert all(text[at].isspace() for at in set(range(len(text))).difference(covered))


@pytest.mark.parametrize("piece", ["x", " ", "\n", ".", "…", "‥", "!?", ". ", "「", "。」", "\r\n"])
def test_time_grows_with_the_length_only(piece: str) -> None:
    """A monotonous text of thirty thousand pieces takes no more than its length does."""
    text = piece * 30_000
    covered = sum(end - start for start, end in split_sentences(text))
    assert covered >= len(text) - text.count(" ") - text.count("\n") - text.count("\r")
