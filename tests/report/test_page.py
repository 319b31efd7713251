"""The HTML report."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from tailorbird.report.page import to_fragment, to_html
from tailorbird.types.answers import Answer
from tailorbird.workflow.answering.results import ComparisonData, Leak, Outcome, Scores

MakeComparison = Callable[..., ComparisonData]
VOID = {"meta", "input", "circle", "path", "line", "rect"}


class Reader(HTMLParser):
    """Reads a page as a browser would, and notes what it holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.mismatches: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its attributes."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that it closes what was opened last."""
        if tag not in VOID and self.open.pop() != tag:
            self.mismatches.append(tag)

    def handle_data(self, data: str) -> None:
        """Note text that a reader sees."""
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def test_page_is_well_formed(data: ComparisonData) -> None:
    """Every element is closed where it should be."""
    page = to_html(data)
    read = Reader(page)
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert (read.open, read.mismatches) == ([], [])


def test_page_needs_no_network_and_no_script(data: ComparisonData) -> None:
    """Nothing is loaded, nothing is linked, nothing runs, and the policy says so."""
    page = to_html(data)
    read = Reader(page)
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & set(read.tags)
    names = {name for name, _ in read.attributes}
    assert not {"src", "href", "srcset", "action"} & names
    styles = {value for name, value in read.attributes if name == "style"}
    assert all(re.fullmatch(r"font-size:[\d.]+px;", str(one)) for one in styles)  # the pictures'
    assert not [name for name in names if name.startswith("on")]
    assert not re.search(r"url\((?!#)", page)  # the pictures name parts of themselves
    assert "@import" not in page
    assert "default-src &#x27;none&#x27;" in page


def test_page_shows_everything(data: ComparisonData) -> None:
    """Verdict, shares, costs, pairs, and each question with answers and citations are there."""
    text = " ".join(Reader(to_html(data)).text)
    verdict = data.verdict
    for expected in (verdict.headline, *verdict.reasons, *verdict.caveats):
        assert expected in text
    for question in data.questions:
        assert question.text in text
        assert question.reference in text
    assert "0.67-0.91" in text
    assert "handbook/shugyo-kisoku.md, p. 3" in text
    assert "the service is unavailable" in text
    assert "held_out = 0.25, seed = 7" in text
    assert "from an earlier run" in text


HOSTILE = '</p></details><script>alert(1)</script><img src=x onerror="alert(2)">&amp;"\''


def test_hostile_texts_stay_text(make_comparison: MakeComparison) -> None:
    """Markup in answers, quotes, names and errors is shown, not run."""
    data = make_comparison(per_kind=1, hostile=HOSTILE)
    failed = Outcome(
        arm="base", question=data.questions[0].id, answer=None, scores=Scores(), error=HOSTILE
    )
    data = data.model_copy(
        update={
            "name": HOSTILE,
            "provider": HOSTILE,
            "outcomes": (failed, *data.outcomes[1:]),
            "settings": {HOSTILE: HOSTILE},
            "verdict": data.verdict.model_copy(update={"headline": HOSTILE}),
        }
    )
    for page in (to_html(data), to_fragment(data)):
        read = Reader(page)
        assert not {"script", "img"} & set(read.tags)
        assert (read.open, read.mismatches) == ([], [])
        assert HOSTILE in "".join(read.text)


def test_recommended_arm_is_marked(make_comparison: MakeComparison) -> None:
    """The arm to take has a star in the table, and the legend says what it means."""
    data = make_comparison(per_kind=12, names=("base", "retrieval", "tuned"))
    page = to_html(data)
    assert data.verdict.recommended == "retrieval"
    assert '<tr class="taken"><th scope="row">retrieval</th>' in page
    assert "★ marks the arm to take." in page
    assert "★ marks the arm to take." not in to_html(make_comparison(per_kind=1))


def test_page_says_what_its_words_mean(data: ComparisonData) -> None:
    """A reader who did not run it learns how each arm answers and what each kind tests."""
    words = to_html(data).split("<summary>What arms and kinds")[1].split("</details>")[0]
    assert "<li><b>base</b>: model small, the question alone</li>" in words
    assert "<b>few-shot</b>: model small, a system prompt, 1 worked example</li>" in words
    assert (
        "<b>tuned + retrieval</b>: fine-tuned from small, model ft:small:faq-bot, a system prompt,"
        " up to 5 passages from the index handbook</li>"
    ) in words
    assert "<li><b>unseen</b>: a fact that only the documents hold</li>" in words
    few = data.arms[2].model_copy(update={"shots": data.arms[2].shots * 3, "nearest_shots": 2})
    plain = tuple(one.model_copy(update={"kind": None}) for one in data.questions)
    page = to_html(data.model_copy(update={"arms": (few,), "questions": plain}))
    assert "a system prompt, 2 worked examples</li>" in page
    assert "Kinds of question" not in page


def test_matrix_is_seen_from_the_row(make_comparison: MakeComparison) -> None:
    """What is better from one side is worse from the other, with turned figures."""
    page = to_html(make_comparison(per_kind=12, names=("base", "retrieval")))
    matrix = page.split("<h2>Arm against arm</h2>")[1].split("<details>")[0]
    assert "▼ worse<small>0:47 of 56, p &lt; 0.001</small>" in matrix.replace("p < ", "p &lt; ")
    assert "▲ better<small>47:0 of 56" in matrix


def test_kinds_can_be_filtered_without_script(data: ComparisonData) -> None:
    """A chosen kind hides the questions of all others, by rules of the style sheet."""
    page = to_html(data)
    assert '<input type="radio" name="kind" id="tb-kind-all" checked>' in page
    assert ".tb:has(#tb-kind-unseen:checked) .q:not(.k-unseen){display:none}" in page
    assert page.count('<details class="q k-unseen ') == 7


def test_outcomes_can_be_filtered_without_script(data: ComparisonData) -> None:
    """Where arms differ, where nobody is right, where a call failed, what training gave away."""
    first = data.questions[0].id
    leaks = (
        Leak(question=first, row="1", reason="same-question", similarity=1, expected=False),
        Leak(question="x", row="2", reason="same-question", similarity=1, expected=True),
    )
    page = to_html(data.model_copy(update={"leaks": leaks}))
    assert '<input type="radio" name="state" id="tb-state-all" checked>' in page
    for state, label in {
        "differ": "arms differ",
        "failed": "a call failed",
        "leaked": "given away by training",
    }.items():
        assert f".tb:has(#tb-state-{state}:checked) .q:not(.s-{state}){{display:none}}" in page
        assert f'<label for="tb-state-{state}">{label}</label>' in page
    assert page.count("s-leaked") == 2  # a rule, and one question
    assert "tb-state-leaked" not in to_html(data)


def test_questions_without_kinds_need_no_filter(data: ComparisonData) -> None:
    """Without kinds there is nothing to filter by, and nothing to fold among the pairs."""
    plain = data.model_copy(
        update={
            "questions": tuple(
                one.model_copy(update={"kind": None, "answers": (), "text": "Why?"})
                for one in data.questions
            ),
            "pairwise": tuple(one for one in data.pairwise if one.kind == "all"),
        }
    )
    page = to_html(plain)
    assert 'name="kind"' not in page
    assert '<details class="q k-none ' in page
    assert "<p>-</p>" in page


@pytest.mark.parametrize(
    ("text", "tag"),
    [("何日ですか", "ja"), ("几天", "zh"), ("며칠인가요", "ko"), ("How many days?", None)],
)
def test_language_is_marked(data: ComparisonData, text: str, tag: str | None) -> None:
    """Ideographs get the shapes of their language; other texts need no mark."""
    questions = tuple(one.model_copy(update={"text": text}) for one in data.questions)
    read = Reader(to_html(data.model_copy(update={"questions": questions})))
    tags = {value for name, value in read.attributes if name == "lang"}
    assert tags == {"en", *([tag] if tag else [])}


def test_marks_tell_right_wrong_failed_and_not_scored(data: ComparisonData) -> None:
    """Signs, not colors alone, tell how an answer counted."""
    first = data.outcomes[0].model_copy(update={"scores": Scores()})
    page = to_html(data.model_copy(update={"outcomes": (first, *data.outcomes[1:])}))
    for sign, title in (("✓", "right"), ("✗", "wrong"), ("⚠", "failed"), ("·", "not scored")):
        assert re.search(f'title="{title}">{sign}<', page)


def test_dropped_citations_are_told(data: ComparisonData) -> None:
    """An answer that cited what was never found says so."""
    at = next(at for at, one in enumerate(data.outcomes) if one.answer and one.answer.citations)
    answer = data.outcomes[at].answer
    assert answer is not None
    citation = answer.citations[0].model_copy(update={"page": None, "source": ""})
    changed = answer.model_copy(update={"dropped_citations": 2, "citations": (citation,)})
    outcome = data.outcomes[at].model_copy(update={"answer": changed})
    page = to_html(data.model_copy(update={"outcomes": (outcome,)}))
    assert "2 false citations dropped" in page
    assert "[1] shugyo-kisoku.md</div>" in page


def test_missing_figures_are_dashes(data: ComparisonData) -> None:
    """Arms without scores or pairs leave their places empty."""
    page = to_html(data.model_copy(update={"summary": (), "pairwise": ()}))
    assert "<td>-</td>" in page
    assert "<td></td>" in page


def test_large_comparisons_stay_small(data: ComparisonData) -> None:
    """A page stays about 1 MB; it says how many questions it leaves out."""
    long = tuple(
        one.model_copy(update={"answer": Answer(text="よ" * 2000)}) for one in data.outcomes
    )
    page = to_html(data.model_copy(update={"outcomes": long}))
    assert len(page.encode()) < 1_000_000
    left = re.search(r"(\d+) more questions are not shown here", page)
    assert left is not None
    assert page.count('<details class="q') == len(data.questions) - int(left[1])


def test_fragment_keeps_its_styles_to_itself(data: ComparisonData) -> None:
    """Each rule of the fragment's style sheet begins with its own class."""
    sheet = to_fragment(data).split("<style>")[1].split("</style>")[0]
    rules = re.findall(r"(?:^|[{}])\s*([^{}@]+)\{", sheet)
    selectors = [one.strip() for rule in rules for one in rule.split(",")]
    assert selectors
    assert [one for one in selectors if not one.startswith(".tb")] == []


def test_one_endless_answer_hides_no_question(data: ComparisonData) -> None:
    """Very long texts are cut with a word about it, and every question stays on the page."""
    first = data.questions[0].id
    endless = tuple(
        one.model_copy(update={"answer": one.answer.model_copy(update={"text": "長い<" * 200_000})})
        if one.question == first and one.answer is not None
        else one
        for one in data.outcomes
    )
    page = to_html(data.model_copy(update={"outcomes": endless}))
    assert len(page.encode()) < 1_000_000
    assert "592,000 more characters stand in the JSON and CSV)" in page
    assert page.count('<details class="q ') == len(data.questions)
    assert Reader(page).mismatches == []


def test_texts_keep_their_direction_to_themselves(make_comparison: MakeComparison) -> None:
    """Text from outside runs as its own first letter says, and turns nothing beside it around."""
    page = to_html(make_comparison(names=("base",), hostile="\u202eevil"))
    around = re.findall(r"<(\w+)([^<>]*)>[^<>]*\u202e", page)
    assert around
    assert all('dir="auto"' in attributes for _, attributes in around)
