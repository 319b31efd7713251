"""Turn a retrieval test set (corpus, queries, judgements) into questions and a folder of documents.

    python from_retrieval_set.py FOLDER OUT [--limit 400]
    tailorbird compare OUT/questions.csv --documents OUT/documents

FOLDER holds `corpus.jsonl` (id, title, text), `queries.jsonl` (id, text, answers, and `answerable`
where it is known) and `qrels.jsonl` (query, doc). Without arguments a small set beside this file is
taken. It costs nothing: everything happens on this machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import defaultdict
from pathlib import Path
from urllib.parse import quote


def rows(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def file_name(document_id: str) -> str:
    return re.sub(r"%2F|%23|%3D", "_", quote(document_id, safe="")) + ".md"


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=here / "retrieval_set")
    parser.add_argument("out", type=Path, nargs="?", default=Path("converted"))
    parser.add_argument("--limit", type=int, default=400, help="questions at most, evenly spread")
    args = parser.parse_args()

    documents = args.out / "documents"
    documents.mkdir(parents=True, exist_ok=True)
    for one in rows(args.folder / "corpus.jsonl"):
        text = f"# {one['title']}\n\n{one['text']}\n"
        (documents / file_name(str(one["id"]))).write_text(text, encoding="utf-8")

    sources: dict[str, list[str]] = defaultdict(list)
    for one in rows(args.folder / "qrels.jsonl"):
        sources[str(one["query"])].append(file_name(str(one["doc"])))

    queries = [
        one
        for one in rows(args.folder / "queries.jsonl")
        if one.get("answerable", True) is not None
    ]
    step = max(1, len(queries) // args.limit)
    chosen = queries[::step][: args.limit]
    with (args.out / "questions.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["question", "answers", "kind", "source"])
        for one in chosen:
            unanswerable = one.get("answerable") is False
            answers = [str(answer).replace("|", "/") for answer in one["answers"]]
            table.writerow(
                [
                    one["text"],
                    "The documents do not say." if unanswerable else "|".join(answers),
                    "unanswerable" if unanswerable else "",
                    "|".join(sources[str(one["id"])]),
                ]
            )
    print(f"{len(chosen)} questions, {len(list(documents.iterdir()))} documents in {args.out}")


main()
