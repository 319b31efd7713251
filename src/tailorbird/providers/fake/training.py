"""How a fake job trains: what `auto` means, how the curves run, and the result file.

The curves are made up, the same for the same seed: the loss falls towards a floor, the accuracy
rises, and the validation follows for a while and then drifts away, as it does on small data.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from typing import TYPE_CHECKING

from tailorbird.data.tokens import auto_epochs
from tailorbird.types.jobs import DirectPreference, StepMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from tailorbird.providers.fake.flavors import Flavor
    from tailorbird.providers.fake.state import JobRecord
    from tailorbird.types.jobs import TuningMethod

_BATCH_SHARE = 0.002  # our choice: a long file makes longer steps, not more of them
_MOST_BATCH = 256  # the range of `batch_size`: OpenAI's description of CreateFineTuningJobRequest
_AUTO_RATE = 1.8  # our choice, within the range that jobs report

_START_LOSS, _FLOOR_LOSS, _FALL = 2.4, 0.35, 3.5
_OVERFITS_AT = 0.55  # share of the training after which the validation loss rises again


def chosen_epochs(method: TuningMethod, examples: int) -> int:
    """Give the number of passes over the data, `auto` resolved."""
    return auto_epochs(examples) if method.n_epochs == "auto" else method.n_epochs


def chosen_batch(method: TuningMethod, examples: int) -> int:
    """Give the number of examples in a step, `auto` resolved."""
    if method.batch_size != "auto":
        return method.batch_size
    return min(_MOST_BATCH, max(1, round(examples * _BATCH_SHARE)))


def chosen_rate(method: TuningMethod) -> float:
    """Give the factor on the learning rate, `auto` resolved."""
    rate = method.learning_rate_multiplier
    return _AUTO_RATE if rate == "auto" else rate


def resolved_method(job: JobRecord) -> TuningMethod:
    """Give the job's method with the values that were chosen for `auto`."""
    update: dict[str, object] = {
        "n_epochs": job.recipe.n_epochs,
        "batch_size": job.recipe.batch_size,
        "learning_rate_multiplier": job.recipe.learning_rate_multiplier,
    }
    if isinstance(job.spec.method, DirectPreference) and job.spec.method.beta == "auto":
        update["beta"] = 0.1
    return job.spec.method.model_copy(update=update)


def metrics_at(job: JobRecord, step: int) -> StepMetrics:
    """Give how training stands after a step, 1..`steps`."""
    recipe = job.recipe
    done = step / recipe.steps
    train = _loss(job, step, done, "train")
    last_of_epoch = step * recipe.n_epochs % recipe.steps < recipe.n_epochs
    valid = full = None
    if recipe.has_validation:
        drift = 0.08 + 0.9 * max(0.0, done - _OVERFITS_AT) ** 2
        valid = _loss(job, step, done, "valid") + drift
        full = _loss(job, step, done, "full") + drift if last_of_epoch else None
    return StepMetrics(
        step=step,
        train_loss=round(train, 4),
        train_mean_token_accuracy=_accuracy(train),
        valid_loss=None if valid is None else round(valid, 4),
        valid_mean_token_accuracy=None if valid is None else _accuracy(valid),
        full_valid_loss=None if full is None else round(full, 4),
        full_valid_mean_token_accuracy=None if full is None else _accuracy(full),
    )


def event_data(job: JobRecord, step: int) -> Mapping[str, JsonValue]:
    """Give what a metrics event carries; reinforcement jobs report rewards."""
    metrics = metrics_at(job, step)
    if job.spec.method.type == "reinforcement":
        scores: dict[str, JsonValue] = {
            "train_reward_mean": metrics.train_mean_token_accuracy,
            "valid_reward_mean": metrics.valid_mean_token_accuracy,
        }
        return {"step": step, "total_steps": job.recipe.steps, "scores": scores}
    found: dict[str, JsonValue] = metrics.model_dump(exclude_none=True)
    return {**found, "total_steps": job.recipe.steps}


def result_csv(job: JobRecord, flavor: Flavor) -> bytes:
    """Give the result file: one line a step, in the columns of the flavor."""
    columns = {
        "step": "step",
        "train_loss": "train_loss",
        flavor.train_accuracy_column: "train_mean_token_accuracy",
        "valid_loss": "valid_loss",
        flavor.valid_accuracy_column: "valid_mean_token_accuracy",
    }
    if flavor.full_validation:
        columns |= {name: name for name in ("full_valid_loss", "full_valid_mean_token_accuracy")}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for step in range(1, job.recipe.steps + 1):
        values = metrics_at(job, step).model_dump()
        writer.writerow(["" if values[name] is None else values[name] for name in columns.values()])
    return text.getvalue().encode()


def _loss(job: JobRecord, step: int, done: float, curve: str) -> float:
    noise = (chance(job.seed, job.id, curve, step) - 0.5) * 0.06
    return _FLOOR_LOSS + (_START_LOSS - _FLOOR_LOSS) * math.exp(-_FALL * done) + noise


def _accuracy(loss: float) -> float:
    return round(min(1.0, max(0.0, 1.0 - loss / 3.2)), 4)


def chance(*parts: object) -> float:
    """Give a number in [0, 1) that depends on nothing but the parts."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
