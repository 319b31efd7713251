"""Addresses are found wherever a reader, or a program, would follow them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text.links import link_key, links


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://a.example/x?d=1).", ["https://a.example/x?d=1"]),
        ("![i](http://evil/p.png?q=a) [t](docs/a.md)", ["http://evil/p.png?q=a", "docs/a.md"]),
        ("<img src='//e.example/x'> <A HREF=x.html>", ["//e.example/x", "x.html"]),
        ("詳しくは https://例.jp/道。また www.x.jp、", ["https://例.jp/道", "www.x.jp"]),
        ("write to mailto:a@b.example.", ["mailto:a@b.example"]),
        ("[r]: https://z.example/\n[n]: page.html", ["https://z.example/", "page.html"]),
        ("(https://w.example/A_(b))", ["https://w.example/A_(b)"]),
        ("[https://w.example/a]", ["https://w.example/a"]),
        ("![x](data:image/png;base64,AA==)", ["data:image/png;base64,AA=="]),
        ("https://a.example and https://a.example", ["https://a.example"]),
        ("[1]: It costs 5. [2][3] x (4) // and/or", []),
        ("...", []),
    ],
)
def test_links(text: str, found: list[str]) -> None:
    """Links, images and bare addresses are found once, without what stands around them."""
    assert list(links(text)) == found


def test_spellings_of_one_address() -> None:
    """Scheme, `www.`, case, entities and the last slash make no other address."""
    same = [
        "https://www.Shop.example/a?x=1&y=2",
        "http://shop.example/A?x=1&amp;y=2",
        "//shop.example/a?x=1&y=2/",
    ]
    assert len({link_key(one) for one in same}) == 1
    assert link_key("https://shop.example/b") != link_key("https://shop.example/a")


@given(st.text(alphabet="htps:/w.a[]()<>!'\" =src", max_size=60))
def test_links_of_anything(text: str) -> None:
    """Whatever the text, addresses are pieces of it."""
    assert all(one and one in text for one in links(text))
