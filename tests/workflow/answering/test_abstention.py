"""Answers that say that they cannot answer."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.text.passages import DECLINED
from tailorbird.workflow.answering.abstention import says_unknown

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"

DECLINING = [
    DECLINED,
    # the sources are silent
    "申し訳ございませんが、次の冬の賞与につきましては、資料に記載がございません。",
    "資料に記載がございません。ご不明な点は総務部ヒバリ窓口までお尋ねくださいませ。",
    "資料には記載がありません。",
    "その件は資料に載っておりません。",
    "ハンドブックには書かれていません。",
    "駐輪場の利用料は規程に定められていません。",
    "提供された文書には、該当する情報が見つかりませんでした。",
    "該当する箇所は見当たりません。",
    "この質問に関する情報は含まれていません。",
    "その点については言及されていません。",
    "提供された資料には駐輪場に関する情報が含まれていないため、お答えできません。",
    "資料の中にはございません",
    "手元の資料からは見つかりません。",
    "文脈に答えがない。",
    "その情報は持ち合わせておりません。",
    "資料には載っていないようです。",
    # the speaker does not know
    "わかりません。",
    "分かりません",
    "あいにくわかりかねます。",
    "申し訳ありませんが、存じません。",
    "私では分かりかねますが、総務部へお問い合わせください。",
    "その点は把握しておりません。",
    "退職金の計算式は知りません。",
    "わからない。",
    "不明です。",
    # the speaker cannot answer
    "お答えできません。",
    "申し訳ございません。そのご質問にはお答えいたしかねます。",
    "そのご質問には回答できません。",
    "恐れ入りますが、ご案内することができません。",
    "この資料だけでは判断できません。",
    "お答えすることはできません。詳しくは内線5011へご連絡ください。",
    "申し訳ありません。\n資料に記載がありません。\n総務部へお尋ねください。",
    # English
    "I don't know.",
    "I don’t know.",
    "I do not know the answer to that.",
    "I'm not sure.",
    "Sorry, I really don't know!",
    "I wish I could help, friend, but our handbook says nothing about paddles. Happy trails!",
    "I'm afraid I can't answer that.",
    "I cannot answer this question based on the provided information.",
    "Unfortunately, we could not find anything about it.",
    "I did not find that.",
    "I am unable to determine the price.",
    "I have no information about that.",
    "We do not have any information about kayaks.",
    "The documents do not mention kayaks.",
    "The handbook doesn't say.",
    "The provided context does not contain the answer.",
    "The passages contain no information on parking.",
    "That is not mentioned in the documents.",
    "It isn't covered by our handbook.",
    "This is not in the passages.",
    "There is no information about chargers.",
    "No information found.",
    "Unknown.",
    "That is outside my knowledge.",
    "I don't know, but you can ask our team at 555-0142.",
    "The documents do not say. They only talk about return labels and the cost of sending things.",
    "資料に記載がございません。資料にありますのは返品の送料と交換の手続きについてのみでございます。",
    "I don't know [1].",
    # what the library itself says when it found nothing
    "The documents do not answer this question.",
    "資料の中に、この質問の答えは見つかりませんでした。",
]

ANSWERING = [
    "",
    "  ",
    "30日です。",
    "ご不明な点は総務部ヒバリ窓口までお尋ねくださいませ。",
    "申し訳ございませんが、日当は2,500円でございます。",
    # a part is declined, the rest is answered
    "資料に日帰りの記載はございませんが、宿泊を伴う場合は1日2,500円でございます。",
    "海外の規程については分かりませんが、国内出張の申請は出発の5営業日前までです。",
    "年次有給休暇は入社日に12日です。半日休暇については資料に記載がありません。",
    "料金は分かりません。ただし、店頭で直接お渡しいただければ無料で返品を承ることができます。",
    "The handbook does not mention Canada, but standard shipping takes 4 to 6 business days.",
    "Standard shipping takes 4 days. The handbook does not say how long Sunday deliveries take.",
    "I don't know the fee. Items handed over in one of our stores are returned free of charge.",
    # conditions and descriptions
    "記載がない場合は、人事課が判断する。",
    "領収書に記載がないものは、申請の対象にならない。",
    "区分が書かれていない文書は「社内」として扱う。",
    "If the handbook does not say otherwise, the fee is taken out of the refund.",
    "When we could not find the parcel, we send a replacement.",
    # negations that are answers
    "白黒印刷に枚数の制限はありません。",
    "個人情報は含まれていません。",
    "同業他社での勤務は認めません。",
    "会社の設備や名刺を副業に使うことはできない。",
    "書類に不備はありません。",
    "税は含まれていません。",
    "The warranty does not cover fading.",
    "We cannot send stove fuel by air.",
    "We can't give refunds on clearance items.",
    "We do not have stores in Canada.",
    "This item is not available in Boise.",
    "Swimwear cannot be returned.",
    "No.",
    "No, duties are not included.",
]


@pytest.mark.parametrize("text", DECLINING)
def test_declining_is_recognized(text: str) -> None:
    """A text that only declines, with or without courtesies, says that it does not know."""
    assert says_unknown(text)


@pytest.mark.parametrize("text", ANSWERING)
def test_answering_is_not_declining(text: str) -> None:
    """A text that answers, if only a part, or that says nothing, does not decline."""
    assert not says_unknown(text)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_examples_decline_where_they_should(language: str) -> None:
    """Of the references in the examples, exactly those of unanswerable questions decline."""
    path = ROOT / "examples" / language / "faq.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = [
        row["answer"]
        for row in rows
        if says_unknown(row["answer"]) != (row["kind"] == "unanswerable")
    ]
    assert rows
    assert wrong == []


@pytest.mark.shared
def test_real_sentences_hardly_ever_decline() -> None:
    """In real documents, fewer than one sentence in a thousand is taken for a refusal."""
    texts = [
        json.loads(line)["text"]
        for path in sorted(SHARED.glob("*/corpus.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    sentences = [one for text in texts for one in re.split(r"(?<=[。.!?])\s*|\n", text) if one]
    assert len(sentences) > 10_000
    assert sum(map(says_unknown, sentences)) < len(sentences) / 1000


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    """No text is refused, and courtesies around a text that declines do not change the verdict."""
    assert isinstance(says_unknown(text), bool)
    assert says_unknown("申し訳ございません。お答えできません。")
