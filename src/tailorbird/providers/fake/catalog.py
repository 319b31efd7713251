"""Which models a fake knows, under which names they can be called, and since and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from tailorbird.exceptions import InvalidRequestError, NotFoundError
from tailorbird.providers.fake.flavors import ModelFacts, further_models
from tailorbird.providers.fake.joblog import checkpoints
from tailorbird.providers.fake.lifecycle import taught_by
from tailorbird.providers.fake.state import TunedRecord
from tailorbird.types.capabilities import Capability
from tailorbird.types.deployments import DeploymentStatus
from tailorbird.types.ids import DeploymentName, ModelId
from tailorbird.types.models import ModelCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tailorbird.providers.fake.cloud import Cloud
    from tailorbird.providers.fake.operations import Operation
    from tailorbird.providers.fake.state import DeploymentRecord
    from tailorbird.types.jobs import JobSpec
    from tailorbird.types.models import RoleModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What answers a call."""

    model: ModelId
    """The model's own id."""
    facts: ModelFacts
    """Facts of the model, or of the base it was tuned from."""
    tuned: TunedRecord | None = None
    """The tuned model; None for an untuned one."""


class Catalog:
    """Looks models up in the flavor and the state of one fake."""

    def __init__(self, cloud: Cloud, roles: Mapping[str, RoleModel]) -> None:
        """Know the flavor's models, and the deployments that the roles name from the start."""
        self._cloud = cloud
        self.needs_deployments = cloud.capabilities.find(Capability.DEPLOYMENTS_REQUIRED).available
        """Whether models answer only where they are deployed."""
        self._facts = {model.id: model for model in cloud.flavor.models}
        self._standing: dict[DeploymentName, ModelId] = {}
        for role, played in {**cloud.flavor.roles, **roles}.items():
            if played.deployment is not None:
                kind: Literal["chat", "embedding"] = "embedding" if role == "embedding" else "chat"
                self._standing[played.deployment] = played.model
                self._facts.setdefault(played.model, ModelFacts(id=played.model, kind=kind))
        settings = cloud.settings
        for facts in further_models(chat=settings.chat_models, embedding=settings.embedding_models):
            self._facts.setdefault(facts.id, facts)
            if self.needs_deployments:
                self._standing.setdefault(DeploymentName(facts.id), facts.id)

    @property
    def standing(self) -> Mapping[DeploymentName, ModelId]:
        """Deployments that were there from the start."""
        return self._standing

    def cards(self) -> list[ModelCard]:
        """Give every model that has not been shut down, sorted by id."""
        state = self._cloud.state
        cards = [self._own_card(facts) for facts in self._facts.values()]
        cards += [self._tuned_card(record) for record in state.tuned.values()]
        return sorted((one for one in cards if not self._is_gone(one)), key=lambda one: one.id)

    def find(self, model: ModelId, operation: Operation) -> Target:
        """Give a model by its own id, whether it can be called or not.

        Raises:
            NotFoundError: There is none, or it was shut down.
        """
        model = self._cloud.flavor.own_id(model)
        tuned = self._cloud.state.tuned.get(model)
        if tuned is None and model not in self._facts:
            tuned = self._checkpoint(model)
        facts = self._facts.get(model if tuned is None else tuned.base)
        if facts is None:
            raise self._missing(model, operation)
        shutdown = facts.shutdown if tuned is None else facts.tuned_shutdown
        if shutdown is not None and shutdown <= self._cloud.clock.today():
            raise self._shut_down(model, shutdown, facts, operation)
        return Target(model=model, facts=facts, tuned=tuned)

    def facts_of(self, name: ModelId) -> ModelFacts | None:
        """Give the facts of what a name calls; None when nothing is known of it."""
        state, deployment = self._cloud.state, DeploymentName(name)
        made = state.deployments.get(deployment)
        model = self._standing.get(deployment) or (made.spec.model if made else name)
        tuned = state.tuned.get(model)
        known = self._cloud.flavor.own_id(model) if tuned is None else tuned.base
        return self._facts.get(known)

    async def reach(
        self, name: ModelId, kind: Literal["chat", "embedding"], operation: Operation
    ) -> Target:
        """Give what answers a call, also when another process has made it since.

        Raises:
            NotFoundError: As for `called`.
            InvalidRequestError: As for `called`.
        """
        try:
            return self.called(name, kind, operation)
        except NotFoundError:
            if not await self._cloud.look_again():
                raise
        return self.called(name, kind, operation)

    def called(
        self, name: ModelId, kind: Literal["chat", "embedding"], operation: Operation
    ) -> Target:
        """Give what answers a call of that name.

        Raises:
            NotFoundError: There is no such model or deployment, it was shut down, or it does not
                answer yet.
            InvalidRequestError: The model is of another kind.
        """
        found = self._deployed(name, operation) if self.needs_deployments else None
        if found is None:
            found = self.find(name, operation)
            self._require_answering(found, operation)
        if found.facts.kind != kind:
            message = f"{name!r} is a model for {found.facts.kind}, not for {kind}"
            raise self._cloud.error(
                InvalidRequestError, operation, message, status_code=400, code="wrong_model_kind"
            )
        return found

    def tuning_base(self, spec: JobSpec) -> ModelId:
        """Give the base at the bottom of what a job wants to train.

        Raises:
            NotFoundError: There is no such model, or it was shut down.
            InvalidRequestError: It cannot be tuned in that way.
        """
        found = self.find(spec.model, "jobs.create")
        if spec.method.type not in found.facts.tunable:
            ways = ", ".join(found.facts.tunable) or "none"
            message = f"{spec.model!r} cannot be tuned by {spec.method.type!r}; its ways: {ways}"
            raise self._cloud.error(
                InvalidRequestError,
                "jobs.create",
                message,
                status_code=400,
                code="model_not_tunable",
            )
        return found.facts.id

    def _deployed(self, name: ModelId, operation: Operation) -> Target:
        deployment = DeploymentName(name)
        standing = self._standing.get(deployment)
        if standing is not None:
            return self.find(standing, operation)
        record = self._cloud.state.deployments.get(deployment)
        if record is None:
            message = (
                f"there is no deployment {name!r}: models answer by the name of a deployment,"
                " make one with deployments.create"
            )
            raise self._absent(message, "DeploymentNotFound", operation)
        if not self._answers(record):
            message = f"deployment {name!r} does not answer yet: wait with deployments.wait_ready"
            raise self._absent(message, "DeploymentNotReady", operation)
        return self.find(record.spec.model, operation)

    def _answers(self, record: DeploymentRecord) -> bool:
        if record.words:
            return deployment_word(self._cloud, record) == DeploymentStatus.SUCCEEDED.value.title()
        phases = sum(lasts_s for _, lasts_s in self._cloud.flavor.deployment_phases)
        return self._age_s(record.created_at) >= phases + self._cloud.flavor.answers_after_s

    def _require_answering(self, found: Target, operation: Operation) -> None:
        if found.tuned is None:
            return
        if self._age_s(found.tuned.created_at) < self._cloud.flavor.answers_after_s:
            message = f"{found.model!r} was just trained and does not answer yet: ask again soon"
            raise self._absent(message, "model_not_found", operation)

    def _age_s(self, since: datetime) -> float:
        return (self._cloud.now() - since).total_seconds()

    def _checkpoint(self, model: ModelId) -> TunedRecord | None:
        """Find a checkpoint by the name that calls it."""
        cloud = self._cloud
        for job in cloud.state.jobs.values():
            for one in checkpoints(job, cloud.flavor, cloud.now()):
                if one.model == model:
                    return TunedRecord(
                        id=model,
                        base=job.base,
                        job=job.id,
                        taught=taught_by(self._cloud.state, job),
                        progress=one.step / job.recipe.steps,
                        created_at=one.created_at,
                    )
        return None

    def _own_card(self, facts: ModelFacts) -> ModelCard:
        return ModelCard(
            id=facts.id,
            owned_by=self._cloud.flavor.owner,
            shutdown_date=facts.shutdown,
            successor=facts.successor,
            kinds=(facts.kind,),
            tunable=facts.tunable,
        )

    def _tuned_card(self, record: TunedRecord) -> ModelCard:
        facts = self._facts[record.base]
        return ModelCard(
            id=record.id,
            owned_by=self._cloud.flavor.owner,
            created_at=record.created_at,
            base=record.base,
            shutdown_date=facts.tuned_shutdown,
            successor=facts.successor,
            kinds=("chat",),
            tunable=facts.tunable,
        )

    def card(self, found: Target) -> ModelCard:
        """Give the card of a model that was found."""
        return self._own_card(found.facts) if found.tuned is None else self._tuned_card(found.tuned)

    def _is_gone(self, card: ModelCard) -> bool:
        left = card.days_left(self._cloud.clock.today())
        return left is not None and left <= 0

    def _missing(self, model: ModelId, operation: Operation) -> NotFoundError:
        known = ", ".join(sorted(self._facts))
        message = f"there is no model {model!r}; known are {known}, and the account's tuned ones"
        return self._absent(message, "model_not_found", operation)

    def _shut_down(
        self, model: ModelId, day: date, facts: ModelFacts, operation: Operation
    ) -> NotFoundError:
        advice = "" if facts.successor is None else f"; recommended instead: {facts.successor!r}"
        message = f"model {model!r} was shut down on {day}{advice}"
        return self._absent(message, "model_not_found", operation)

    def _absent(self, message: str, code: str, operation: Operation) -> NotFoundError:
        return self._cloud.error(NotFoundError, operation, message, status_code=404, code=code)


def deployment_word(cloud: Cloud, record: DeploymentRecord) -> str:
    """Give the word by which a deployment reports its status now."""
    scripted = record.scripted_word()
    if scripted is not None:
        return scripted
    begins_s = 0.0
    age_s = (cloud.now() - record.created_at).total_seconds()
    for word, lasts_s in cloud.flavor.deployment_phases:
        begins_s += lasts_s
        if age_s < begins_s:
            return word
    return "Succeeded"
