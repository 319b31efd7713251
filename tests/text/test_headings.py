"""How headings are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text import markdown_headings, markdown_title, plain_headings

PAGE = """---
title: "My Title"
---
# **Hello** `x` [link](http://a.example) ##

text
```python
# not a heading
```

Underlined
===

Lesser
------

Two lines
of a paragraph
---

| a | b |
|---|---|

##
####### seven
   ### Indented
    # code
~~~
# x
```
# y
~~~
#no space
"""


def test_markdown_headings_are_found_outside_code_and_front_matter() -> None:
    """Both kinds of headings come with level, place and bare title."""
    found = markdown_headings(PAGE)
    assert [(one.level, one.title) for one in found] == [
        (1, "Hello x link"),
        (1, "Underlined"),
        (2, "Lesser"),
        (2, ""),
        (3, "Indented"),
    ]
    assert [PAGE[one.start :].split("\n", 1)[0].strip("# \t") for one in found][1:3] == [
        "Underlined",
        "Lesser",
    ]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("Title\n===", ["Title"]),
        ("Title\r\n===\r\n\r\n## B\r\n", ["Title", "B"]),
        ("===", []),
        ("\n===", []),
        ("a\n\n---\n", []),
        ("# a\n---\n", ["a"]),
        ("```\n# a", []),
        ("# C#", ["C#"]),
        ("# " + "x" * 400, ["x" * 300]),
        ("## snake_case *and* _stress_", ["snake_case and stress"]),
        ("#\u3000全角の空白\n＃ 全角の印\n＃印", ["全角の空白", "全角の印"]),
        ("```code``` in a line\n# a\n~~~ `b`\n# c\n~~~\n", ["a"]),
        ("<!-- one -->\n# a\n<!--\n# no\n```\n-->\n# b", ["a", "b"]),
        ("# a\n<!-- no end\n# b\n", ["a"]),
        ("<!-- x -->\n===", []),
    ],
)
def test_markdown_headings_at_the_edges(text: str, titles: list[str]) -> None:
    """Rules, lone underlines and unclosed code make no heading."""
    assert [one.title for one in markdown_headings(text)] == titles


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (PAGE, "My Title"),
        ("---\ntitle: 'x'\n...\n", "x"),
        ("---\nTitle: 休暇\n---\n# B", "休暇"),
        ("---\ntitle:\n---\n# B", "B"),
        ('---\ntitle: "\n---\n# B', '"'),
        ("---\nother: 1\n---\n\n##\n\n## B", "B"),
        ("---\nno end\n# B", "B"),
        ("plain", ""),
        ("", ""),
    ],
)
def test_the_title_is_that_of_the_front_matter_else_the_first_heading(
    text: str, title: str
) -> None:
    """Empty titles are passed over."""
    assert markdown_title(text) == title


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("■1 地震が起きたら\n本文。\n■ りんごは赤い。\n", ["1 地震が起きたら"]),
        ("【対象者】\n【対象】は社員とする。\n", ["対象者"]),
        ("第3条（休暇）社員は休む。\n第3条の規定による。\n", ["第3条（休暇）"]),
        ("第十二章　総則\n　第２節 雑則\n第4条\n", ["第十二章　総則", "第２節 雑則", "第4条"]),
        ("◆ 申請 \r\n", ["申請"]),
        ("本文■1\n", []),
        ("", []),
    ],
)
def test_headings_of_office_documents_are_found(text: str, titles: list[str]) -> None:
    """Marks, brackets and the numbers of rules begin a section, at the start of a line only."""
    found = plain_headings(text)
    assert [one.title for one in found] == titles
    assert all(text[one.start - 1 : one.start] in {"", "\n"} for one in found)


@given(st.text(alphabet=st.sampled_from("#=-`~ \n\rab■【】第1条（）|*_[]()")))
def test_headings_come_in_order_at_line_starts(text: str) -> None:
    """Any text gives places that divide it."""
    for found in (markdown_headings(text), plain_headings(text)):
        starts = [one.start for one in found]
        assert starts == sorted(set(starts))
        assert all(start == 0 or text[start - 1] == "\n" for start in starts)


@pytest.mark.parametrize(
    "piece", ["#", "=\n", "---\n", "`", "[", "■", "*", " ", "a\n", "# a\n", "<!--\n"]
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    """A monotonous text of fifty thousand pieces is searched at once."""
    text = "# " + piece * 50_000
    assert markdown_headings(text)
    assert len(plain_headings(text)) <= 50_000
