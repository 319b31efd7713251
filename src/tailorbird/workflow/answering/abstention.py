"""Recognize an answer that says it cannot answer, in Japanese and in English.

How it is decided; the lists in this module are the whole rule:

1. `[n]` marks go, width and case are folded, the text is cut into sentences and these into clauses
   at "but", "however", 「ませんが」, 「ますが」, 「けれども」.
2. A clause *declines* when the speaker does not know or cannot answer ("わかりかねます",
   "お答えできません", "I don't know", "we could not find"), or when the sources are silent
   ("資料に記載がございません", "our handbook says nothing about", "is not mentioned in the
   passages"). A condition does not decline: "記載がない場合は", "if the handbook does not say".
3. A clause *answers* when it does not decline and holds a number, or at least 7 words (15 letters
   in scripts without spaces), unless it is a courtesy: an apology, whom to ask, what the sources
   are about.
4. The text says that it cannot answer when a clause declines and none answers.

So "The handbook does not mention Canada, but standard shipping takes 4 days" is an answer, and "I
wish I could help, but our handbook says nothing about paddles. Happy trails!" is not.
"""

from __future__ import annotations

import re

from tailorbird.text.normalize import normalize
from tailorbird.text.passages import DECLINED
from tailorbird.text.scripts import has_spaced_words

_MIN_WORDS = 7
_MIN_LETTERS = 15

_JA_SOURCE = (
    "(?:資料|文書|文章|本文|ドキュメント|ハンドブック|規程|規則|マニュアル|手引き?|ガイド|文脈|コンテキスト|"
    "抜粋|パッセージ|情報源|データ|faq|手元)"
)
# Plain forms stand before nouns too (記載がない書類), so they count at the end of a clause only.
_JA_PLAIN_ENDS = "(?=$|[。!?」)]|ため|ので|から|よう|と思)"
_JA_NONE = (
    "(?:あり|ござい|見当たり|見つかり|見付かり|見つけられ|持ち合わせており|持ち合わせてい|持っており)ません"
    f"|(?:ない|なかった|見当たらない|見つからない|見つからなかった){_JA_PLAIN_ENDS}"
)
_JA_DECLINES = (
    # 記載がございません、情報は見つかりませんでした、該当する箇所がない
    (
        "(?:記載|記述|言及|明記|掲載|(?<!個人)情報|答え|回答|該当)[^。、]{0,8}?"
        f"(?:が|は|も|を)(?:[^。、]{{0,8}}?には?)?(?:{_JA_NONE})"
    ),
    # 資料にはございません、手元の文書からは見つかりません
    f"{_JA_SOURCE}(?:の中)?(?:に|で|から)[はも]?(?:{_JA_NONE})",
    f"{_JA_SOURCE}[^。]{{0,30}}?見(?:つか|付か|当た)(?:りません|らない{_JA_PLAIN_ENDS})",
    # 資料に書かれていません、ハンドブックには載っておりません、記載されていない
    (
        f"{_JA_SOURCE}[^。]{{0,30}}?(?:書かれて|載って|触れられて|示されて|定められて)"
        f"(?:いません|おりません|いない{_JA_PLAIN_ENDS})"
    ),
    (
        "(?:記載|記述|言及|明記|掲載|説明)(?:されて|して)"
        f"(?:いません|おりません|いない{_JA_PLAIN_ENDS})"
    ),
    (
        "(?<!個人)(?:情報|内容|答え|回答|記述|詳細)[^。、]{0,8}?(?:含まれて|示されて)"
        f"(?:いません|おりません|いない{_JA_PLAIN_ENDS})"
    ),
    # わかりません、分かりかねます、存じません、把握しておりません、不明です
    f"(?:わか|分か|判)(?:り(?:ません|かねます)|らない(?:です)?{_JA_PLAIN_ENDS})",
    "存じ(?:上げ)?(?:て(?:おり|い))?ません|(?:把握|承知)して(?:おり|い)ません",
    f"知りません|知らない(?:です)?{_JA_PLAIN_ENDS}",
    "(?<!ご)不明(?:です|でございます|である)|^不明。?$",
    # お答えできません、ご案内いたしかねます、回答することはできない
    (
        "(?:答え|回答|案内|教え|説明|伝え|判断|特定|確認)(?:を|は|が|に|も)?"
        "(?:する|し|いたし|致し|申し上げ|差し上げ|出し|る|られ)*(?:ことは|ことが)?"
        f"(?:でき|出来|られ)?(?:ません|かねます|ない{_JA_PLAIN_ENDS})"
    ),
)

_EN_SOURCE = (
    r"(?:documents?|documentation|handbook|context|passages?|sources?|knowledge base|faqs?|manual"
    r"|guide|excerpts?|(?:provided|given|available|these|my|our) (?:texts?|information|materials?"
    r"|data|records)|information provided|materials? provided)"
)
_EN_NOT = r"(?:n't| not| never)"
_EN_FACTS = r"(?:information|details?|data|answer|access|knowledge|record|idea|clue|mention)"
_EN_DECLINES = (
    # I don't know, we do not have enough information, I have no idea
    rf"\b(?:i|we) (?:\w+ )?do{_EN_NOT} (?:\w+ )?know\b",
    rf"\b(?:i|we) (?:\w+ )?do{_EN_NOT} (?:\w+ )?have (?:\w+ ){{0,3}}?{_EN_FACTS}",
    rf"\b(?:i|we)(?: have|'ve)(?: got)? no (?:\w+ )?{_EN_FACTS}",
    r"\b(?:i am|i'm|we are|we're) (?:not (?:sure|certain|aware)|unsure|unaware)\b",
    # I can't answer, we could not find, I am unable to say
    (
        r"(?:\b(?:i|we) (?:can(?:not|'t| not)|could(?:n't| not))"
        r"|\b(?:i|we)(?: am|'m| are|'re| was| were)"
        r" (?:not able|unable) to|\bunable to) (?:answer|find|say|tell|help|determine|locate|verify"
        rf"|(?:provide|give|offer|share) (?:\w+ ){{0,4}}?{_EN_FACTS})\b"
    ),
    rf"\b(?:i|we) did{_EN_NOT} find\b",
    # our handbook says nothing about, the documents contain no information
    (
        rf"\b{_EN_SOURCE}\b[^.!?;]{{0,40}}?\b(?:say|mention|contain|ha(?:s|ve)|offer|give|provide"
        r"|include|hold)s? (?:nothing|no)\b"
    ),
    # the documents do not mention
    (
        rf"\b{_EN_SOURCE}\b[^.!?;]{{0,40}}?\bdo(?:es)?{_EN_NOT} (?:\w+ )?(?:say|mention|contain"
        r"|include|provide|specify|state|cover|list|address|answer|tell|discuss|give|describe|explain"
        r"|indicate|appear|seem|have)\b"
    ),
    # is not mentioned in the documents, not found in our handbook, not in the passages
    rf"(?:n't| not) (?:\w+ ){{0,3}}?(?:in|by|within|from|among) (?:[\w']+ ){{0,3}}?{_EN_SOURCE}\b",
    # there is no information about, no information available
    (
        r"\b(?:there is|there's|i see|i found|found) (?:no|not enough|insufficient) (?:\w+ )?"
        rf"{_EN_FACTS}"
    ),
    rf"^(?:sorry,? )?(?:no|not enough|insufficient) (?:\w+ )?{_EN_FACTS}\b",
    r"^(?:the answer is |that is )?unknown\.?$",
    r"\b(?:outside|beyond) (?:of )?(?:my|our) knowledge\b",
)
# Each pattern above needs one of these; looking for them first is a hundred times faster.
_TRIGGERS = (
    *("ません", "ない", "なかった", "かねます", "不明"),
    *("no", "n't", "never", "unsure", "unaware", "unable", "insufficient", "outside", "beyond"),
)
# Texts, not patterns: compiling them here would add a fifth to the time that importing takes. The
# module `re` keeps them compiled from their first use on.
_DECLINES = "|".join((*_JA_DECLINES, *_EN_DECLINES))
_CONDITION = re.compile(r"\b(?:if|when|unless|whenever|in case)\b[^,.!?;]*$")

# Whom to ask: these may hold a number to call and are no answer all the same.
_REFERRAL = (
    "尋ね|問い?合わ?せ|ご?連絡|ご?相談"
    r"|\b(?:contact|reach (?:out|us)|ask|call|e-?mail|write to|speak (?:to|with)|get in touch)\b"
)
_COURTESY = (
    "申し訳|恐れ入り|恐縮|すみません|残念|あいにく|ください|下さい|お願い|幸い|ありがと|ご?確認"
    f"|{_JA_SOURCE}[^。]*(?:のみ|だけ)"
    r"|\b(?:sorry|apolog\w+|unfortunately|afraid|please|let (?:me|us) know|feel free|happy|glad"
    r"|wish|thanks?|recommend|suggest|refer|check)\b"
    rf"|\b(?:{_EN_SOURCE}|they) (?:only |mainly |mostly )?(?:talk|cover|discuss|focus|mention|deal"
    r"|describe|contain|list)"
)
_CITATION = re.compile(r"\[\d+(?:\s*,\s*\d+)*\]")
_SENTENCE = re.compile(r"[^。!?]+?(?:[。!?]+|\.(?=\s)|$)")
_BUT = re.compile(
    r"(?<=ません)(?:でした)?が、?|(?<=ます)が、?|けれども、?|ものの、|ただし、?|しかし、?"
    r"|,? \b(?:but|however|although|though|nevertheless)\b,? |; "
)
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")


def says_unknown(text: str) -> bool:
    """Say whether a text declines to answer and gives no answer either.

    Japanese and English are recognized; the module's docstring has the rule. An empty text does not
    decline: it says nothing.
    """
    if DECLINED in text:
        return True
    clauses = _clauses(text)
    open_ones = [clause for clause in clauses if not _declines(clause)]
    return len(open_ones) < len(clauses) and not any(map(_answers, open_ones))


def _clauses(text: str) -> list[str]:
    lines = (normalize(line).replace("’", "'") for line in _CITATION.sub("", text).splitlines())
    sentences = (sentence for line in lines for sentence in _SENTENCE.findall(line))
    pieces = (piece.strip() for sentence in sentences for piece in _BUT.split(sentence))
    return [piece for piece in pieces if piece]


def _declines(clause: str) -> bool:
    if not any(trigger in clause for trigger in _TRIGGERS):
        return False
    found = re.search(_DECLINES, clause)
    return found is not None and _CONDITION.search(clause[: found.start()]) is None


def _answers(clause: str) -> bool:
    if re.search(_REFERRAL, clause):
        return False
    if _DIGIT.search(clause):
        return True
    if re.search(_COURTESY, clause):
        return False
    if has_spaced_words(clause):
        return len(clause.split()) >= _MIN_WORDS
    return len(_LETTER.findall(clause)) >= _MIN_LETTERS
