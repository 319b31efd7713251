"""How texts are cut into the terms of a lexical index."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tailorbird.text import search_terms

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("有給休暇", "有 給 休 暇 有給 給休 休暇"),
        ("ﾃﾚﾜｰｸ", "テ レ ワ ー ク テレ レワ ワー ーク"),
        ("本の山", "本 山 本の の山"),
        ("한국어 검색", "한 국 어 한국 국어 검 색 검색"),
        ("ไทย", "ไ ท ย ไท ทย"),
        ("Claims were claimed", "claim claim"),
        ("IT部門", "it 部 門 部門"),
        ("it is what IT does", "it"),
        ("¥1,200 １，２００", "1200 1200"),
        ("1,200円", "1200 円 1200円"),
        ("3.5 1.2.3", "3.5 1.2.3"),
        ("2026年3月", "2026 年 3 月 2026年 3月"),
        ("VPN-200", "vpn 200 vpn200"),
        ("VPN200", "vpn 200 vpn200"),
        ("Vpn 200", "vpn 200"),
        ("info@example.co.jp", "info exampl co jp infoexamplecojp"),
        ("well-known", "well known"),
        ("C++, C# and .NET", "c c++ c c# net"),
        ("Tony's don't", "toni don"),
        ("café MÜLLER", "cafe muller"),
        ("état l'eau", "etat l eau"),
        ("Привет мир", "привет мир"),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("a,b 1,2", "b 1 2"),
        ("snake_case2", "snake case 2 snakecase2"),
        ("🎉 ok", "🎉 ok"),
        ("①10,000", "1 10000"),
        ("the of and", ""),
        ("??? 。、", ""),
        ("", ""),
    ],
)
def test_terms_of_words_runs_codes_and_numbers(text: str, terms: str) -> None:
    """Each kind of writing gives the terms by which its readers look for it."""
    assert Counter(search_terms(text)) == Counter(terms.split())


@given(st.text())
def test_no_term_is_empty_or_holds_white_space(text: str) -> None:
    """Any text at all gives terms that an index can hold."""
    assert all(term and not any(char.isspace() for char in term) for term in search_terms(text))


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_width_does_not_change_terms(text: str) -> None:
    """Full-width writing is found by half-width writing."""
    wide = "".join("\u3000" if char == " " else chr(ord(char) + 0xFEE0) for char in text)
    assert Counter(search_terms(wide)) == Counter(search_terms(text))


def first_hits(name: str) -> float:
    """Return the share of questions whose right document BM25 ranks first."""

    def rows(file: str) -> list[dict[str, str]]:
        lines = (SHARED / name / f"{file}.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    right: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows("qrels"):
        right[row["query"]].add(row["doc"])
    corpus = rows("corpus")
    counts = [Counter(search_terms(f"{doc['title']}\n{doc['text']}")) for doc in corpus]
    lengths = np.array([count.total() for count in counts])
    norms = 1.5 * (0.25 + 0.75 * lengths / lengths.mean())
    postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, count in enumerate(counts):
        for term, times in count.items():
            postings[term].append((at, times))
    weights: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for term, hits in postings.items():
        places, times = np.array(hits).T
        idf = math.log(1 + (len(corpus) - len(hits) + 0.5) / (len(hits) + 0.5))
        weights[term] = places, idf * times * 2.5 / (times + norms[places])
    found = 0
    queries = [query for query in rows("queries") if query["id"] in right]
    for query in queries:
        scores = np.zeros(len(corpus))
        for term in search_terms(query["text"]):
            if term in weights:
                places, worth = weights[term]
                scores[places] += worth
        found += corpus[int(scores.argmax())]["id"] in right[query["id"]]
    return found / len(queries)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(("name", "floor"), [("ja_jsquad", 0.90), ("en_xquad", 0.935)])
def test_terms_find_the_right_paragraph(name: str, floor: float) -> None:
    """BM25 (k1 1.5, b 0.75) over these terms ranks the right paragraph first often enough."""
    assert first_hits(name) >= floor
