"""Pure functions over text: comparing, cutting, counting. Japanese and English are equals here."""

from __future__ import annotations

from tailorbird.text.grams import char_grams, hash_embedding
from tailorbird.text.graphemes import grapheme_boundary
from tailorbird.text.headings import Heading, markdown_headings, markdown_title, plain_headings
from tailorbird.text.normalize import fold_width, normalize, normalize_for_match
from tailorbird.text.numbers import numbers
from tailorbird.text.scripts import Script, has_spaced_words, is_cjk_char, script_of
from tailorbird.text.sentences import split_sentences
from tailorbird.text.similarity import chrf, overlap_f1
from tailorbird.text.stemming import stem
from tailorbird.text.terms import search_terms

__all__ = [
    "Heading",
    "Script",
    "char_grams",
    "chrf",
    "fold_width",
    "grapheme_boundary",
    "has_spaced_words",
    "hash_embedding",
    "is_cjk_char",
    "markdown_headings",
    "markdown_title",
    "normalize",
    "normalize_for_match",
    "numbers",
    "overlap_f1",
    "plain_headings",
    "script_of",
    "search_terms",
    "split_sentences",
    "stem",
]
