"""The codes of what is found in questions and labels; every one is told in the reference."""

from __future__ import annotations

from types import MappingProxyType

QUESTION_CODES = MappingProxyType(
    {
        "file.line-too-long": "a line is longer than what is read into memory",
        "encoding.utf-32": "the file is UTF-32",
        "encoding.mark": "the byte-order mark is of another encoding than the one asked for",
        "encoding.iso-2022-jp": "the file has the escape sequences of ISO-2022-JP",
        "encoding.unknown": "the file is neither UTF-8 nor surely cp932: name its encoding",
        "encoding.cp932": "the file was read as cp932 (Shift_JIS as Windows writes it)",
        "csv.header": "the first line is no header of a table, or has none of the names given",
        "csv.columns": "which columns were taken for question and answer",
        "csv.columns-missing": "no column can be taken for the question or the answer",
        "csv.columns-ambiguous": "several columns can be taken for the same thing",
        "csv.column-twice": "two columns have the same name",
        "csv.nameless-column": "a column without a name has texts",
        "csv.row-width": "the row has more or fewer cells than the header",
        "csv.trailing-cells": "rows have empty cells behind the last column: left out",
        "csv.quote": "a quote is never closed, or text follows a closing one",
        "csv.blank-quote": "a quote stands behind a blank, so it is part of the text",
        "csv.cell-too-long": "a cell is longer than what is read",
        "json.array": "the file is one JSON array instead of one object a line",
        "json.line": "the line is no JSON object",
        "json.value": "a value is no text",
        "json.columns": "which keys were taken for question and answer",
        "json.columns-missing": "no key can be taken for the question or the answer",
        "json.columns-ambiguous": "several keys can be taken for the same thing",
        "json.column-twice": "two keys mean the same",
        "json.earlier-turns": "of a conversation, the last question and its answer were taken",
        "data.row": "a row given by a program is neither a pair nor a mapping",
        "data.value": "as `json.value`, in rows given by a program",
        "data.columns": "as `json.columns`, in rows given by a program",
        "data.columns-missing": "as `json.columns-missing`, in rows given by a program",
        "data.columns-ambiguous": "as `json.columns-ambiguous`, in rows given by a program",
        "data.column-twice": "as `json.column-twice`, in rows given by a program",
        "data.earlier-turns": "as `json.earlier-turns`, in rows given by a program",
        "row.header": "the row repeats the header: files were put together",
        "row.empty": "the question or the answer is empty",
        "row.skipped": "the same, and the row was left out as `empty_answers` says",
        "row.kind": "the kind of the question does not exist",
        "row.number": "the question is only a number",
        "row.repeated": "the row stands in the file before",
        "row.contradiction": "the question stands in the file before, with another answer",
        "row.id": "the id stands in the file before",
        "row.repeats-unchecked": "repeats were looked for in the first rows only",
        "row.swapped": "questions and answers seem to be swapped",
        "row.none": "there is no row of data",
        "row.too-few": "there are fewer rows than are needed",
        "row.too-many": "there are more rows than are allowed",
        "row.too-long": "the row is longer than the limit, by estimate",
        "row.no-answer": "a question to train on has no answer",
        "cell.blanks": "blanks around texts were left out",
        "cell.composed": "characters and their marks were put together (NFC)",
        "cell.too-long": "the text is longer than the limit, by estimate",
        "cell.error-value": "the cell holds a spreadsheet's error value such as `#N/A`",
        "cell.formula": "the cell is a formula (kept as text)",
        "cell.quotes": "the cell stands in quotes that do not quote",
        "cell.rounded": "a spreadsheet seems to have rounded a long number",
        "cell.date": "a spreadsheet may have made a date of something else",
        "text.line-separator": "cells hold U+2028, U+2029 or U+0085 (kept)",
    }
)
"""What each code means that `QuestionSet.problems` may carry beside those of training files."""

LABEL_CODES = MappingProxyType(
    {
        "labels.columns": "the table of labels has no column for arm, id or label",
        "labels.value": "a label is neither yes nor no",
        "labels.place": "the row does not say which answer its label is for",
        "labels.arm": "labels are of an arm that is not compared",
        "labels.question": "labels are of a question that is not asked",
        "labels.failed": "labels are of an answer that did not come",
        "labels.answer": "labels are of another answer than the one that is there",
        "labels.unjudged": "labels are of an answer that the judge did not grade",
        "labels.rubric": "there are labels, and the judge is not asked what is right",
    }
)
"""What each code means that a table of labels, or holding it against a judge, leads to."""
