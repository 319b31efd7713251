"""How a fake behaves, as data: which cloud's models, capabilities, words and oddities it shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from tailorbird.exceptions import ConfigError
from tailorbird.problem import did_you_mean
from tailorbird.types.capabilities import Availability, Capability
from tailorbird.types.chat import ReasoningEffort
from tailorbird.types.ids import DeploymentName, ModelId
from tailorbird.types.models import ModelTraits, RoleModel, TuningKind
from tailorbird.types.usage import Price

PRICES_READ_ON = date(2026, 11, 22)
"""Day on which the fake's prices were made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One model that a flavor offers from the start."""

    id: ModelId
    """Its id."""
    kind: Literal["chat", "embedding"] = "chat"
    """What it can be called for."""
    tunable: tuple[TuningKind, ...] = ()
    """How it can be tuned."""
    shutdown: date | None = None
    """Day on which calls to it begin to fail; None when no day is announced."""
    tuned_shutdown: date | None = None
    """The same for models tuned from it; None when no day is announced."""
    successor: ModelId | None = None
    """What is recommended instead."""
    sampling: bool = True
    """Whether it takes `temperature`, `top_p`, `stop` and `logprobs` while it thinks."""
    efforts: tuple[ReasoningEffort, ...] = ()
    """Words of `reasoning_effort` it takes."""
    dimensions: int = 1536
    """Own width of an embedding model's vectors."""
    most_dimensions: int = 1536
    """Largest width of its vectors."""
    cost: tuple[str, str, str | None] | None = None
    """US dollars for a million tokens: input, output, training (None: not tunable)."""

    @property
    def traits(self) -> ModelTraits:
        """How it wants to be called."""
        return ModelTraits(sampling=self.sampling, efforts=self.efforts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """Everything in which fakes differ from each other."""

    name: str
    """What settings call it."""
    owner: str
    """`owned_by` of its models."""
    capabilities: tuple[Availability, ...]
    """What it can do, and between which dates."""
    models: tuple[ModelFacts, ...]
    """Its own models."""
    roles: Mapping[str, RoleModel]
    """Which of them play which role unless a profile says otherwise."""
    rules: str
    """Name of the data rules that its training files are checked by."""
    job_phases: tuple[tuple[str, float], ...]
    """Words of a new job and seconds in each, before it runs."""
    validating: str = "validating_files"
    """The phase at whose end the files have been checked."""
    pause_needs_step: bool = False
    """Whether a job can be held only after its first step."""
    pausing_s: float = 0.0
    """Seconds between the wish to hold a job and its standing still."""
    file_phases: tuple[tuple[str, float], ...] = ()
    """Words of a new file and seconds in each, before it is `processed`."""
    strict_files: bool = False
    """Whether bad training rows are found at the upload, and jobs wait for processed files."""
    purposes: tuple[str, ...] = ("fine-tune", "batch", "assistants", "vision", "user_data", "evals")
    """What uploads may be for."""
    hidden_job_fields: tuple[str, ...] = ()
    """Fields of a job that it does not report."""
    undated_names: bool = False
    """Whether a model answers to its name without the date as well."""
    tuned_model: str = "ft:{base}:{organization}:{suffix}:{short}"
    """Form of a tuned model's id."""
    checkpoint_model: str = "{model}:ckpt-step-{step}"
    """Form of a checkpoint's model id."""
    checkpoint_id: str = "ftckpt_{short}"
    """Form of a checkpoint's id."""
    valid_accuracy_column: str = "valid_mean_token_accuracy"
    """How the result file calls the validation accuracy."""
    full_validation: bool = False
    """Whether the result file has columns for the whole validation file."""
    train_accuracy_column: str = "train_accuracy"
    """How the result file calls the training accuracy."""
    deployment_phases: tuple[tuple[str, float], ...] = ()
    """Words of a new deployment and seconds in each, before it has `Succeeded`."""
    answers_after_s: float = 0.0
    """Seconds from success until a new model or deployment really answers."""
    hosting_per_hour: Decimal = Decimal(0)
    """US dollars an hour for a deployed tuned model."""
    short_lived: Mapping[str, float] = field(default_factory=dict[str, float])
    """Kinds of hosting that go away by themselves, and after how many seconds; they are free."""

    def own_id(self, name: ModelId) -> ModelId:
        """Give the id of the model that a name means; a name that means none stays as it is."""
        if not self.undated_names:
            return name
        dated = (one.id for one in self.models if _DATE.sub("", one.id) == name)
        return next(dated, name)


_DATE = re.compile(r"-\d{4}-\d\d-\d\d$")

_OPENAI = "OpenAI: deprecations and guides, developers.openai.com, read 2026-11-22"
_AZURE = "Microsoft Learn: Azure OpenAI in Foundry Models, read 2026-11-22"
_WIND_DOWN = date(2027, 1, 6)
_OPENAI_SHUTDOWN = date(2027, 1, 14)
_ALL_TUNING: tuple[TuningKind, ...] = ("supervised", "dpo", "reinforcement")
_GONE: tuple[Capability, ...] = (Capability.DEPLOYMENTS_REQUIRED,)


def _offers(
    source: str, *, without: tuple[Capability, ...] = (), special: tuple[Availability, ...] = ()
) -> tuple[Availability, ...]:
    """Offer every capability but some; special entries replace the plain ones."""
    named = {entry.capability: entry for entry in special}
    plain = (one for one in Capability if one not in without)
    return tuple(named.get(one) or Availability(capability=one, source=source) for one in plain)


_EFFORTS: tuple[ReasoningEffort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_PLAIN = Flavor(
    name="plain",
    owner="tailorbird",
    capabilities=_offers("fake", without=_GONE),
    models=(
        ModelFacts(id=ModelId("fake-chat"), efforts=_EFFORTS, cost=("1", "4", None)),
        ModelFacts(
            id=ModelId("fake-base-2026-01"),
            tunable=_ALL_TUNING,
            efforts=_EFFORTS,
            cost=("2", "8", "10"),
        ),
        ModelFacts(
            id=ModelId("fake-embedding"),
            kind="embedding",
            most_dimensions=3072,
            cost=("0.02", "0", None),
        ),
    ),
    roles={
        "chat": RoleModel(model=ModelId("fake-chat")),
        "judge": RoleModel(model=ModelId("fake-chat")),
        "tune_base": RoleModel(model=ModelId("fake-base-2026-01")),
        "embedding": RoleModel(model=ModelId("fake-embedding")),
    },
    rules="openai",
    job_phases=(("validating_files", 2.0), ("queued", 3.0)),
)


def _openai_base(name: str, *, dpo: bool, cost: tuple[str, str, str]) -> ModelFacts:
    return ModelFacts(
        id=ModelId(name),
        tunable=("supervised", "dpo") if dpo else ("supervised",),
        shutdown=_OPENAI_SHUTDOWN,
        tuned_shutdown=_OPENAI_SHUTDOWN,
        successor=ModelId("gpt-6-luna"),
        cost=cost,
    )


_OPENAI_FLAVOR = Flavor(
    name="openai",
    owner="openai",
    capabilities=_offers(
        _OPENAI,
        without=_GONE,
        special=(
            Availability(
                capability=Capability.JOBS_CREATE,
                until=_WIND_DOWN,
                reason="self-serve fine-tuning ends for all organizations on 2027-01-06",
                instead="train on Azure, or retrieve from documents",
                source=_OPENAI,
            ),
            Availability(
                capability=Capability.TUNE_REINFORCEMENT,
                available=False,
                reason="its last base model was shut down on 2026-10-23",
                instead="supervised fine-tuning on good answers",
                source=_OPENAI,
            ),
        ),
    ),
    models=(
        _openai_base("gpt-4.1-2025-04-14", dpo=True, cost=("3", "12", "25")),
        _openai_base("gpt-4.1-mini-2025-04-14", dpo=True, cost=("0.80", "3.20", "5")),
        _openai_base("gpt-4o-2024-08-06", dpo=False, cost=("3.75", "15", "25")),
        _openai_base("gpt-4o-mini-2024-07-18", dpo=False, cost=("0.30", "1.20", "3")),
        ModelFacts(
            id=ModelId("gpt-6-luna"),
            sampling=False,
            efforts=_EFFORTS,
            cost=("0.10", "0.50", None),
        ),
        ModelFacts(
            id=ModelId("text-embedding-3-small"), kind="embedding", cost=("0.02", "0", None)
        ),
        ModelFacts(
            id=ModelId("text-embedding-3-large"),
            kind="embedding",
            dimensions=3072,
            most_dimensions=3072,
            cost=("0.13", "0", None),
        ),
        ModelFacts(
            id=ModelId("text-embedding-ada-002"), kind="embedding", cost=("0.10", "0", None)
        ),
    ),
    roles={
        "chat": RoleModel(model=ModelId("gpt-6-luna")),
        "judge": RoleModel(model=ModelId("gpt-6-luna")),
        "tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14")),
        "embedding": RoleModel(model=ModelId("text-embedding-3-small")),
    },
    rules="openai",
    job_phases=(("validating_files", 30.0), ("queued", 60.0)),
    answers_after_s=20.0,
    undated_names=True,
)


def _azure_base(
    name: str, *, kinds: tuple[TuningKind, ...], cost: tuple[str, str, str]
) -> ModelFacts:
    return ModelFacts(
        id=ModelId(name),
        tunable=kinds,
        shutdown=date(2027, 4, 14),
        tuned_shutdown=date(2027, 10, 14),
        cost=cost,
    )


_AZURE_FLAVOR = Flavor(
    name="azure",
    owner="azure-openai",
    capabilities=_offers(
        _AZURE,
        without=(
            Capability.FILES_RESUMABLE_UPLOAD,
            Capability.JOBS_METADATA,
            Capability.MODELS_DELETE,
        ),
        special=(
            Availability(
                capability=Capability.JOBS_CREATE,
                until=date(2027, 4, 14),
                reason="training of the gpt-4.1 family ends no earlier than 2027-04-14",
                instead="open-weight models, or retrieval from documents",
                source=_AZURE,
            ),
        ),
    ),
    models=(
        _azure_base("gpt-4.1-2025-04-14", kinds=("supervised", "dpo"), cost=("3", "12", "25")),
        _azure_base(
            "gpt-4.1-mini-2025-04-14", kinds=("supervised", "dpo"), cost=("0.80", "3.20", "5")
        ),
        ModelFacts(
            id=ModelId("gpt-oss-120b"),
            tunable=("supervised", "reinforcement"),
            cost=("0.60", "2", "6"),
        ),
        ModelFacts(
            id=ModelId("text-embedding-3-small"),
            kind="embedding",
            shutdown=date(2028, 2, 9),
            cost=("0.02", "0", None),
        ),
    ),
    roles={
        "chat": RoleModel(
            model=ModelId("gpt-4.1-mini-2025-04-14"), deployment=DeploymentName("chat")
        ),
        "judge": RoleModel(
            model=ModelId("gpt-4.1-mini-2025-04-14"), deployment=DeploymentName("chat")
        ),
        "tune_base": RoleModel(model=ModelId("gpt-4.1-mini-2025-04-14")),
        "embedding": RoleModel(
            model=ModelId("text-embedding-3-small"), deployment=DeploymentName("embed")
        ),
    },
    rules="azure",
    job_phases=(("pending", 20.0), ("validating_files", 30.0), ("queued", 60.0)),
    pause_needs_step=True,
    pausing_s=15.0,
    file_phases=(("pending", 5.0), ("running", 10.0)),
    strict_files=True,
    purposes=("fine-tune", "batch", "assistants", "evals"),
    hidden_job_fields=("organization_id", "estimated_finish", "method", "seed"),
    tuned_model="{base}.ft-{long}",
    checkpoint_model="ftchkpt-{long}",
    checkpoint_id="ftchkpt-{long}",
    valid_accuracy_column="validation_mean_token_accuracy",
    full_validation=True,
    train_accuracy_column="train_mean_token_accuracy",
    deployment_phases=(("Accepted", 10.0), ("Creating", 120.0)),
    answers_after_s=60.0,
    hosting_per_hour=Decimal("1.70"),
    short_lived={"DeveloperTier": 86_400.0},
)

FLAVORS: tuple[Flavor, ...] = (_PLAIN, _OPENAI_FLAVOR, _AZURE_FLAVOR)
"""What a fake can look like; add one here, and `FakeSettings.flavor` takes its name."""


def further_models(*, chat: Iterable[ModelId], embedding: Iterable[ModelId]) -> list[ModelFacts]:
    """Give models of any name, which take every way of being called."""
    chats = [ModelFacts(id=name, efforts=_EFFORTS) for name in chat]
    return chats + [
        ModelFacts(id=name, kind="embedding", most_dimensions=3072) for name in embedding
    ]


def find_flavor(name: str) -> Flavor:
    """Give the flavor of that name.

    Raises:
        ConfigError: There is none; the message names the nearest one.
    """
    by_name = {flavor.name: flavor for flavor in FLAVORS}
    if name in by_name:
        return by_name[name]
    hint = did_you_mean(name, by_name, otherwise=f"there are: {', '.join(by_name)}")
    message = f"the fake has no flavor {name!r}; {hint}"
    raise ConfigError(message)


def prices_of(flavor: Flavor) -> tuple[Price, ...]:
    """Give made-up prices of a flavor's models, and of what is tuned from them (`ft:<base>`)."""
    priced = [(model, model.cost) for model in flavor.models if model.cost is not None]
    return tuple(
        Price(
            model=name,
            input_per_mtok=Decimal(cost[0]),
            output_per_mtok=Decimal(cost[1]),
            batch_share=Decimal("0.5"),
            training_per_mtok=None if cost[2] is None else Decimal(cost[2]),
            hosting_per_hour=flavor.hosting_per_hour if model.tunable else None,
            source="fake",
            read_on=PRICES_READ_ON,
        )
        for model, cost in priced
        for name in ((model.id, f"ft:{model.id}") if model.tunable else (model.id,))
    )
