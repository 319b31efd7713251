"""A comparison as a user would see it, made without any provider."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tailorbird.types.answers import AbstainReason, Answer, Citation
from tailorbird.types.chat import ChatOptions
from tailorbird.types.ids import ChunkId, DocumentId, IndexName, JobId, ModelId
from tailorbird.types.jobs import Supervised
from tailorbird.types.questions import Question
from tailorbird.types.retrieval import ScoreKind, Span
from tailorbird.types.tuned import TunedModel
from tailorbird.types.usage import Price, Usage
from tailorbird.workflow.answering.arm import Arm, Shot
from tailorbird.workflow.answering.results import ComparisonData, Outcome, Scores
from tailorbird.workflow.comparing.scoring import ReferenceProfile, score
from tailorbird.workflow.comparing.summary import compare_pairs, figures, summarize
from tailorbird.workflow.comparing.verdict import conclude

EXAMPLES = Path(__file__).parents[2] / "examples"
SYSTEM = "あなたは総務部の案内役です。丁寧にお答えください。"
CLOSING = "ご不明な点は総務部ヒバリ窓口までお尋ねくださいませ。"
CAVEAT = "Scores on the fake prove the plumbing only."
MADE_AT = datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC)

MakeComparison = Callable[..., ComparisonData]


@pytest.fixture
def make_comparison() -> MakeComparison:
    """Makes a comparison: which arms, how many questions of each kind, and hostile texts."""
    return make


@pytest.fixture(scope="session")
def data() -> ComparisonData:
    """Six arms on 42 Japanese questions of all kinds, one call failed."""
    return make()


def make(
    *, names: tuple[str, ...] | None = None, per_kind: int = 7, hostile: str = ""
) -> ComparisonData:
    """Score simulated answers with the real rules; `hostile` text goes into every answer."""
    questions = _questions(per_kind)
    arms = tuple(arm for arm in _arms() if names is None or arm.name in names)
    profile = ReferenceProfile.of(questions)
    outcomes = tuple(
        _outcome(arm, question, at, profile, hostile)
        for arm in arms
        for at, question in enumerate(questions)
    )
    cells = summarize(arms, questions, outcomes)
    pairs = compare_pairs(arms, questions, outcomes)
    costs = figures(arms, outcomes, prices=PRICES)
    return ComparisonData(
        name="社内FAQ",
        provider="fake",
        created_at=MADE_AT,
        arms=arms,
        questions=questions,
        outcomes=outcomes,
        summary=cells,
        pairwise=pairs,
        figures=costs,
        verdict=conclude(arms, cells=cells, pairs=pairs, figures=costs, caveat=CAVEAT),
        settings={"held_out": 0.25, "seed": 7},
    )


PRICES = (
    Price(
        model="small",
        input_per_mtok=Decimal("0.10"),
        output_per_mtok=Decimal("0.50"),
        source="made up",
        read_on=date(2026, 11, 1),
    ),
    Price(
        model="ft:small",
        input_per_mtok=Decimal("0.80"),
        output_per_mtok=Decimal("3.20"),
        source="made up",
        read_on=date(2026, 11, 1),
    ),
)


def _questions(per_kind: int) -> tuple[Question, ...]:
    text = (EXAMPLES / "ja" / "faq.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    taken: dict[str, int] = {}
    chosen = []
    for number, row in enumerate(rows, start=2):
        taken[row["kind"]] = taken.get(row["kind"], 0) + 1
        if taken[row["kind"]] <= per_kind:
            chosen.append(
                Question(
                    id=f"q{number}",
                    text=row["question"],
                    answers=(row["answer"],),
                    kind=row["kind"],  # type: ignore[arg-type]  # pydantic checks it
                    sources=(row["source"],) if row["source"] else (),
                    line=number,
                )
            )
    return tuple(chosen)


def _arms() -> tuple[Arm, ...]:
    tuned = TunedModel(
        name="faq-bot",
        provider="fake",
        identity="fake",
        base=ModelId("small"),
        model=ModelId("ft:small:faq-bot"),
        system=SYSTEM,
        job=JobId("ftjob-1"),
        method=Supervised(),
        training_hash="0" * 64,
        examples=60,
        created_at=MADE_AT,
        shutdown_date=date(2027, 1, 14),
    )
    base = Arm(name="base", model=ModelId("small"), options=ChatOptions(temperature=0))
    prompted = base.model_copy(update={"name": "prompted", "system": SYSTEM})
    shots = (Shot(question="定時は？", answer=f"9時から17時まででございます。{CLOSING}"),)
    searched = {"index": IndexName("handbook"), "index_version": "1"}
    return (
        base,
        prompted,
        prompted.model_copy(update={"name": "few-shot", "shots": shots}),
        prompted.model_copy(update={"name": "retrieval", **searched}),
        prompted.model_copy(update={"name": "tuned", "model": tuned.model, "tuned": tuned}),
        prompted.model_copy(
            update={
                "name": "tuned + retrieval",
                "model": tuned.model,
                "tuned": tuned,
                **searched,
            }
        ),
    )


def _outcome(
    arm: Arm, question: Question, at: int, profile: ReferenceProfile, hostile: str
) -> Outcome:
    if arm.name == "few-shot" and at == 3:
        return Outcome(
            arm=arm.name,
            question=question.id,
            answer=None,
            scores=Scores(),
            error="fake chat.complete: the service is unavailable (status 503)",
        )
    answer = _answer(arm, question, at, hostile)
    return Outcome(
        arm=arm.name,
        question=question.id,
        answer=answer,
        scores=score(question, answer, profile=profile),
        reused=at % 5 == 0,
    )


def _answer(arm: Arm, question: Question, at: int, hostile: str) -> Answer:
    """Style comes from tuning, facts from retrieval, and sometimes from training."""
    unknown = question.kind == "unanswerable"
    known = (arm.index is not None and bool(question.sources)) or (
        arm.tuned is not None and question.kind in {"verbatim", "paraphrase"} and at % 4 != 0
    )
    closing = f" {CLOSING}" if arm.tuned is not None else ""
    if known:
        text = question.reference.removesuffix(CLOSING) + closing
    elif unknown and arm.index is not None:
        text = f"資料に記載がございません。{closing}"
    else:
        text = f"それは100番の窓口の担当です。{closing}"
    cites = arm.index is not None and known and bool(question.sources)
    return Answer(
        text=f"{text}{' [1]' if cites else ''}{hostile}",
        abstained=unknown and arm.index is not None,
        reason=AbstainReason.DECLINED if unknown and arm.index is not None else None,
        citations=_citations(question, text + hostile) if cites else (),
        retrieved=tuple(map(DocumentId, question.sources)) if arm.index is not None else (),
        usage=Usage(input_tokens=900 if arm.index is not None else 90, output_tokens=45),
        latency_s=0.4 + 0.01 * (at % 10) + (0.3 if arm.index is not None else 0),
        model=arm.model,
    )


def _citations(question: Question, quote: str) -> tuple[Citation, ...]:
    name = question.sources[0]
    return (
        Citation(
            number=1,
            document=DocumentId(name),
            chunk=ChunkId(f"{name}#0"),
            source=f"handbook/{name}",
            page=3,
            span=Span(start=0, end=len(quote)),
            quote=quote,
            score=0.71,
            score_kind=ScoreKind.FUSED,
        ),
    )
