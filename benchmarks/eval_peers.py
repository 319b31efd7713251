"""Compare what an answer costs beside other evaluation libraries: mlflow, deepeval, inspect-ai.

    python benchmarks/eval_peers.py --questions 500 --rounds 3 --peers /tmp/peers

Each library asks the same function, which looks an answer up in a dictionary, the same questions,
and scores every answer three ways: equal, contained, F1 of the words. A half of the answers is
right, a quarter holds the right one among other words, a quarter is wrong; a library whose means
come out otherwise has not done the work, and the script fails. Each keeps its results in a fresh
folder, as it does by itself. Settings that wait (rate limits), draw or send anything are off.

The libraries take turns, each measurement in a process of its own after a smaller run that loads
what is loaded once. The table shows the median processor time and wall time of an answer, in
microseconds, and the median of each library's processor time divided by tailorbird's in the same
round. Not measured is the memory of anything, nor how any of them behaves on a slow network.

Each library lives in an environment of its own; one that is absent is skipped with a line:

    for name in mlflow deepeval inspect-ai; do
        python3 -m venv /tmp/peers/$name && /tmp/peers/$name/bin/pip install $name; done
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Means = Mapping[str, float]
    Run = Callable[[Sequence["Row"]], Means]

Row = tuple[str, str, str]
"""A question, the accepted answer, and what the function answers."""

WARM_UP = 40
ROUNDING = 0.005  # inspect-ai rounds each F1 to two digits
AT_ONCE = 10  # what mlflow does by itself; the same for all
OFF = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
    "MLFLOW_GENAI_EVAL_PREDICT_RATE_LIMIT": "0",
    "MLFLOW_GENAI_EVAL_SCORER_RATE_LIMIT": "0",
    "MLFLOW_GENAI_EVAL_MAX_WORKERS": str(AT_ONCE),
    "MLFLOW_GENAI_EVAL_SKIP_TRACE_VALIDATION": "true",
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_NO_INSPECT_PROMPT": "1",
    "ERROR_REPORTING": "0",
    "INSPECT_DISPLAY": "none",
    "DO_NOT_TRACK": "1",
}


def rows(count: int) -> list[Row]:
    """Make the questions: of every four answers two are right and one holds the right one."""
    made: list[Row] = []
    for number in range(count):
        answer = f"bracket {number} costs {number % 97} euros"
        said = (answer, answer, f"I believe that {answer} today", "nobody knows")[number % 4]
        made.append((f"What does bracket {number} cost?", answer, said))
    return made


def f1(said: str, accepted: str) -> float:
    """Give the F1 of the words, for libraries that bring none."""
    ours, theirs = Counter(said.lower().split()), Counter(accepted.lower().split())
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


def ask_tailorbird(asked: Sequence[Row]) -> Means:
    """Ask and score by tailorbird, which computes its other figures, too."""
    tailorbird: Any = import_module("tailorbird")
    fake: Any = import_module("tailorbird.providers.fake")
    journal: Any = import_module("tailorbird.journal")
    answers = {question: said for question, _, said in asked}
    says = fake.Says(lambda messages: answers[messages[-1].text])
    script = fake.Script().on("chat.complete", says, times=None)

    async def run() -> Means:
        provider = fake.FakeProvider(script=script)
        workspace = journal.Workspace(Path("tailorbird"))
        async with tailorbird.Workbench(provider, workspace=workspace) as bench:
            questions = tailorbird.QuestionSet.from_rows(
                {"question": question, "answer": accepted, "id": str(number)}
                for number, (question, accepted, _) in enumerate(asked)
            )
            arm = tailorbird.Arm(name="one", model=bench.role("chat").model)
            found = await bench.compare([arm], questions, concurrency=AT_ONCE)
            return {
                "exact": found.cell("one", metric="exact").value,
                "contains": found.cell("one", metric="contains").value,
                "f1": found.cell("one", metric="f1").value,
            }

    return asyncio.run(run())


def ask_mlflow(asked: Sequence[Row]) -> Means:
    """Ask and score by `mlflow.genai.evaluate`."""
    genai: Any = import_module("mlflow.genai")
    scorer: Any = import_module("mlflow.genai.scorers").scorer
    answers = {question: said for question, _, said in asked}

    def predict(question: str) -> str:
        return answers[question]

    def exact(outputs: str, expectations: dict[str, str]) -> float:
        return float(outputs == expectations["expected_response"])

    def contains(outputs: str, expectations: dict[str, str]) -> float:
        return float(expectations["expected_response"] in outputs)

    def words(outputs: str, expectations: dict[str, str]) -> float:
        return f1(outputs, expectations["expected_response"])

    result = genai.evaluate(
        data=[
            {
                "inputs": {"question": question},
                "expectations": {"expected_response": accepted},
            }
            for question, accepted, _ in asked
        ],
        predict_fn=predict,
        scorers=[scorer(exact), scorer(contains), scorer(words)],
    )
    found = result.metrics
    return {
        "exact": found["exact/mean"],
        "contains": found["contains/mean"],
        "f1": found["words/mean"],
    }


def ask_deepeval(asked: Sequence[Row]) -> Means:
    """Ask, and score by `deepeval.evaluate`, which takes answers that are there already."""
    deepeval: Any = import_module("deepeval")
    base: Any = import_module("deepeval.metrics").BaseMetric
    exact_match: Any = import_module("deepeval.metrics").ExactMatchMetric
    case: Any = import_module("deepeval.test_case").LLMTestCase
    configs: Any = import_module("deepeval.evaluate")
    answers = {question: said for question, _, said in asked}

    def made(name: str, rule: Callable[[str, str], float]) -> Any:  # noqa: ANN401 - their class
        def measure(self: Any, test_case: Any, *_: object, **__: object) -> float:  # noqa: ANN401
            self.score = rule(test_case.actual_output, test_case.expected_output)
            self.success = self.score >= self.threshold
            return self.score

        async def a_measure(self: Any, test_case: Any, *_: object, **__: object) -> float:  # noqa: ANN401
            return measure(self, test_case)

        parts = {
            "measure": measure,
            "a_measure": a_measure,
            "is_successful": lambda self: self.success,
            "threshold": 0.5,
            "__name__": name,
        }
        return type(name, (base,), parts)()

    result = deepeval.evaluate(
        test_cases=[
            case(input=question, actual_output=answers[question], expected_output=accepted)
            for question, accepted, _ in asked
        ],
        metrics=[
            exact_match(),
            made("Contains", lambda said, accepted: float(accepted in said)),
            made("Words", f1),
        ],
        async_config=configs.AsyncConfig(max_concurrent=AT_ONCE),
        display_config=configs.DisplayConfig(
            show_indicator=False, print_results=False, inspect_after_run=False
        ),
    )
    sums: Counter[str] = Counter()
    for one in result.test_results:
        for metric in one.metrics_data:
            sums[metric.name] += metric.score
    names = {"Exact Match": "exact", "Contains": "contains", "Words": "f1"}
    return {names[name]: total / len(asked) for name, total in sums.items()}


def ask_inspect(asked: Sequence[Row]) -> Means:
    """Ask and score by inspect-ai, whose own mock model calls the function."""
    inspect: Any = import_module("inspect_ai")
    dataset: Any = import_module("inspect_ai.dataset")
    model: Any = import_module("inspect_ai.model")
    scorer: Any = import_module("inspect_ai.scorer")
    solver: Any = import_module("inspect_ai.solver")
    answers = {question: said for question, _, said in asked}

    def reply(messages: Any, *_: object) -> Any:  # noqa: ANN401 - their types
        made = model.ModelOutput.from_content("mockllm/model", answers[messages[-1].text])
        # Without tokens given it fetches a table from the network to count them.
        made.usage = model.ModelUsage(input_tokens=8, output_tokens=5, total_tokens=13)
        return made

    task = inspect.Task(
        dataset=dataset.MemoryDataset(
            [dataset.Sample(input=question, target=accepted) for question, accepted, _ in asked]
        ),
        solver=solver.generate(),
        scorer=[scorer.exact(), scorer.includes(), scorer.f1()],
    )
    (log,) = inspect.eval(
        task,
        model=model.get_model("mockllm/model", custom_outputs=reply),
        display="none",
        log_dir="logs",
        max_samples=AT_ONCE,
        max_connections=AT_ONCE,
    )
    if log.status != "success":
        message = f"inspect-ai ended with {log.status!r}: {log.error}"
        raise RuntimeError(message)
    means = {
        one.name: one.metrics["accuracy" if "accuracy" in one.metrics else "mean"].value
        for one in log.results.scores
    }
    return {"exact": means["exact"], "contains": means["includes"], "f1": means["f1"]}


RUNS: dict[str, Run] = {
    "tailorbird": ask_tailorbird,
    "mlflow": ask_mlflow,
    "deepeval": ask_deepeval,
    "inspect-ai": ask_inspect,
}


def measure(name: str, count: int) -> dict[str, Any]:
    """Warm up, then measure one library, in the working directory."""
    run = RUNS[name]
    run(rows(WARM_UP))
    asked = rows(count)
    started, used = time.perf_counter(), time.process_time()
    means = run(asked)
    cpu, wall = time.process_time() - used, time.perf_counter() - started
    # Of four answers two are equal, three hold it, and words are shared by the same three.
    wanted = {
        "exact": 0.5,
        "contains": 0.75,
        "f1": sum(f1(one[2], one[1]) for one in asked) / count,
    }
    for metric, value in wanted.items():
        if abs(means[metric] - value) > ROUNDING:
            message = f"{name} found {metric} {means[metric]}, not {value}"
            raise RuntimeError(message)
    return {
        "version": version(name),
        "cpu_us": cpu / count * 1e6,
        "wall_us": wall / count * 1e6,
    }


def measured_in(python: Path, name: str, count: int) -> dict[str, Any]:
    """Measure one library in a process of its own, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, Path(__file__).resolve(), "--one", name, "--questions", str(count)],
            cwd=folder,
            env={**os.environ, **OFF, "HOME": folder},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        message = f"{name} failed:\n{done.stderr[-2000:]}"
        raise RuntimeError(message)
    return json.loads(done.stdout.splitlines()[-1])


def main(count: int, rounds: int, peers: Path) -> None:
    """Let the libraries take turns, and print the table."""
    pythons = {"tailorbird": Path(sys.executable)}
    for name in list(RUNS)[1:]:
        python = peers / name / "bin" / "python"
        if python.exists():
            pythons[name] = python
        else:
            print(f"{name}: skipped, there is no {python}")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in pythons}
    for turn in range(rounds):
        order = list(pythons)[turn % len(pythons) :] + list(pythons)[: turn % len(pythons)]
        for name in order:
            found[name].append(measured_in(pythons[name], name, count))
    print(f"{count:,} questions, {rounds} rounds, {AT_ONCE} at once; medians for an answer")
    print(f"{'library':<24}{'CPU us':>10}{'wall us':>10}{'CPU / ours':>14}")
    for name, measured in found.items():
        ratios = [
            one["cpu_us"] / ours["cpu_us"]
            for one, ours in zip(measured, found["tailorbird"], strict=True)
        ]
        print(
            f"{name + ' ' + measured[0]['version']:<24}"
            f"{statistics.median(one['cpu_us'] for one in measured):>10,.0f}"
            f"{statistics.median(one['wall_us'] for one in measured):>10,.0f}"
            f"{statistics.median(ratios):>13.2f}x"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=Path("peers"), help="folder of environments")
    parser.add_argument("--one", choices=list(RUNS), help="measure one, here (used by the script)")
    given = parser.parse_args()
    if given.one is None:
        main(given.questions, given.rounds, given.peers)
    else:
        with contextlib.redirect_stdout(sys.stderr):
            result = measure(given.one, given.questions)
        print(json.dumps(result))
