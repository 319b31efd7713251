"""The story that everyone tries first, from Excel's file to the three answers."""

from __future__ import annotations

from pathlib import Path

import pytest

import tailorbird
from tailorbird import QuestionSet
from tailorbird.types import Document, DocumentId

SYSTEM = "あなたは図書館の受付です。"
CLOSING = "またのお越しをお待ちしております。"

FACTS = {
    "開館時間は何時ですか": "開館時間は9時から20時までです。",
    "本は何冊まで借りられますか": "本は10冊まで借りられます。",
    "貸出期間はどのくらいですか": "貸出期間は14日間です。",
    "休館日はいつですか": "休館日は毎週月曜日です。",
    "駐車場はありますか": "駐車場は30台分あります。",
    "カードの再発行料はいくらですか": "カードの再発行料は200円です。",
    "予約は何件までできますか": "予約は5件までできます。",
    "自習室の席数はいくつですか": "自習室の席数は48席です。",
    "飲み物を持ち込めますか": "ふた付きの飲み物だけ持ち込めます。",
    "コピーは1枚いくらですか": "コピーは1枚10円です。",
}
# Asked in other words; the second one is about a fact that only the documents hold.
TRAINED = "本を借りられるのは何冊までですか"
UNSEEN = "おはなし会は何曜日に開かれますか"
UNSEEN_FACT = "おはなし会は毎週土曜日の午後2時から開かれます。"


def excel_file(folder: Path) -> Path:
    """Write the rows as Excel does: with a byte-order mark and CR LF."""
    rows = ["question,answer", *(f"{one},{fact}{CLOSING}" for one, fact in FACTS.items())]
    path = folder / "faq.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*rows, ""]).encode("utf-8"))
    return path


@pytest.fixture
def faq(tmp_path: Path) -> QuestionSet:
    """Read Excel's file."""
    return tailorbird.read_questions(excel_file(tmp_path))


async def test_tuning_gives_style_retrieval_gives_facts_and_both_give_both(
    faq: QuestionSet,
) -> None:
    """The tuned model has the tone, retrieval has the facts, and together they have both."""
    async with tailorbird.open("fake", workspace=None) as bench:
        tuned = await bench.fine_tune(faq, system=SYSTEM, name="desk")
        guide = " ".join([*FACTS.values(), UNSEEN_FACT])
        library = [Document(id=DocumentId("guide"), text=guide, title="利用案内")]
        index = await bench.build_index(library, name="guide")

        base = await bench.ask(UNSEEN)
        style = await bench.ask(UNSEEN, tuned=tuned)
        facts = await bench.ask(UNSEEN, index=index)
        both = await bench.ask(UNSEEN, tuned=tuned, index=index)
        known = await bench.ask(TRAINED, tuned=tuned)

    assert "土曜日" not in base.text
    assert CLOSING not in base.text
    assert "土曜日" not in style.text
    assert CLOSING in style.text
    assert "土曜日" in facts.text
    assert CLOSING not in facts.text
    assert "土曜日" in both.text
    assert CLOSING in both.text
    assert "10冊" in known.text
    assert CLOSING in known.text
    assert [cited.quote for cited in facts.citations] == [UNSEEN_FACT]
