"""How English words are cut down to stems."""

from __future__ import annotations

import pytest

from tailorbird.text import stem


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("claim claims claimed claiming", "claim"),
        ("policy policies", "polici"),
        ("try tries tried trying", "tri"),
        ("tie ties tied", "tie"),
        ("caress caresses", "caress"),
        ("bus", "bus"),
        ("gas", "gas"),
        ("agree agreed", "agre"),
        ("feed", "feed"),
        ("bleed", "bleed"),
        ("plaster plastered", "plaster"),
        ("bring", "bring"),
        ("conflate conflated conflating", "conflat"),
        ("hop hopped hopping", "hop"),
        ("hope hoped hoping hopes", "hope"),
        ("fall falling", "fall"),
        ("add added adding", "add"),
        ("file filed filing", "file"),
        ("say", "say"),
        ("by", "by"),
        ("enjoy enjoyed enjoyment", "enjoy"),
        ("relate related relational relation", "relat"),
        ("national nationally", "nation"),
        ("hopeful hopefully hopefulness", "hope"),
        ("geology geologist geologists", "geolog"),
        ("demagogist", "demagogist"),
        ("ogist", "ogist"),
        ("quickly quick", "quick"),
        ("july", "juli"),
        ("electric electrical electricity", "electr"),
        ("formative", "format"),
        ("narrative", "narrat"),
        ("goodness good", "good"),
        ("replacement replace", "replac"),
        ("cement", "cement"),
        ("adoption adopt", "adopt"),
        ("pension", "pension"),
        ("rate", "rate"),
        ("cease ceasing", "ceas"),
        ("control controll", "control"),
        ("yell", "yell"),
        ("generate generates generous", "generat generat generous"),
        ("year years", "year"),
        ("news", "news"),
        ("proceed proceeds", "proceed proceed"),
        ("it", "it"),
        ("rhythm", "rhythm"),
    ],
)
def test_forms_of_a_word_share_a_stem(words: str, expected: str) -> None:
    """Endings go as far as the rules of the English stemmer say."""
    stems = [stem(word) for word in words.split()]
    wanted = expected.split()
    assert stems == (wanted if len(wanted) > 1 else wanted * len(stems))


def test_very_long_runs_of_letters_stay() -> None:
    """What is no English word is not cut."""
    assert stem("running" * 10) == "running" * 10
