"""The part of a workbench that knows what was spent and what may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailorbird.config import HOSTED
from tailorbird.exceptions import InvalidInputError
from tailorbird.types.budget import MAX_OUTPUT_TOKENS, Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tailorbird.config import Profile
    from tailorbird.journal import Hold, Spending, Workspace
    from tailorbird.protocols import Provider
    from tailorbird.types.questions import Question
    from tailorbird.types.usage import Price
    from tailorbird.workbench.parts import Parts
    from tailorbird.workflow.answering.arm import Arm
    from tailorbird.workflow.comparing.estimate import ComparisonEstimate
    from tailorbird.workflow.money.metered import MeteredProvider


class Payer:
    """What `Workbench` has for money; made by nobody else."""

    _parts: Parts
    _metered: MeteredProvider

    async def estimate_comparison(
        self,
        arms: Sequence[Arm],
        questions: Sequence[Question],
        *,
        bulk: bool = False,
        passage_tokens: int | None = None,
    ) -> ComparisonEstimate:
        """Say what `compare(arms, questions)` would ask, and what that costs.

        Nothing is asked, embedded or paid. Answers and vectors that the workspace has are left out.
        What the figures rest on stands with `ComparisonEstimate`; what may really be spent is
        limited by a budget. Judging has an estimate of its own (`estimate_judging`).

        Args:
            arms: Who would answer.
            questions: What would be asked.
            bulk: Whether batches would answer, at a part of the price.
            passage_tokens: Tokens of a passage, at least 1, for an index that is not built yet;
                None looks at the index.

        Raises:
            InvalidInputError: There is no arm or question, a name or id stands twice, or
                `passage_tokens` is below 1.
            IndexMissingError: An arm's index is not there, and `passage_tokens` is None.
        """
        # As in `compare`: statistics and scoring cost 20 ms.
        from tailorbird.workflow.comparing.estimate import Estimator  # noqa: PLC0415

        if passage_tokens is not None and passage_tokens < 1:
            message = f"passage_tokens must be at least 1, got {passage_tokens}"
            raise InvalidInputError(message)
        parts = self._parts
        budget = parts.profile.budget
        estimator = Estimator(
            comparer=await parts.comparer(arms, concurrency=1),
            price_of=self._metered.find_price,
            max_output_tokens=MAX_OUTPUT_TOKENS if budget is None else budget.max_output_tokens,
            bulk=bulk,
            passage_tokens=passage_tokens,
            free_search=parts.profile.retrieval.engine != HOSTED,
        )
        return await estimator.estimate(arms, questions)

    async def spending(self) -> tuple[Spending, ...]:
        """Give what this workspace paid at the account, newest first.

        Trainings, batches and hosting have an entry each; hosting is written down when its
        deployment ends. Calls are summed up: there is one entry for each day, model and subject,
        which is the index, the comparison or the run that asked, or empty.
        """
        await self._metered.flush()
        ledger = self._parts.workspace.journal.ledger
        return await ledger.list(identity=self._metered.identity)

    async def reserved(self) -> tuple[Hold, ...]:
        """Give what is held for calls, jobs, batches and deployments under way, the oldest first.

        What a process held when it was killed stays until the budget's period is over, or until
        `drop_reserved`.
        """
        holds = self._parts.workspace.journal.holds
        return await holds.list(identity=self._metered.identity)

    async def drop_reserved(self, reference: str) -> None:
        """Hold nothing any more under a reference, because nothing is under way behind it.

        Use it for what a killed process left behind, after a look at the provider's own figures.

        Raises:
            InvalidInputError: Nothing is held under that reference; the message lists what is.
        """
        known = await self.reserved()
        found = [one for one in known if one.reference == reference]
        if not found:
            there = ", ".join(repr(one.reference) for one in known) or "nothing at all"
            message = f"nothing is held under {reference!r}; there is {there}"
            raise InvalidInputError(message)
        for one in found:
            await self._parts.workspace.journal.holds.drop(one.identity, one.what, one.reference)


def chosen_budget(profile: Profile, given: Budget | float | None) -> Budget | None:
    """Give the budget that holds: the one that was given goes before the profile's.

    A number is an amount in US dollars; for the rest the profile's budget says, or the defaults.

    Raises:
        InvalidInputError: The number is below 0 or above 1,000,000, or is none.
    """
    if given is None or isinstance(given, Budget):
        return given or profile.budget
    if not 0 <= given <= _MOST_USD:
        message = f"budget must be 0..{_MOST_USD:,} US dollars, got {given!r}"
        raise InvalidInputError(message)
    usual = {} if profile.budget is None else profile.budget.model_dump()
    return Budget.model_validate({**usual, "usd": str(given)})


def known_prices(provider: Provider, profile: Profile) -> tuple[Price, ...]:
    """Give what is known about prices, those of the profile before those of the provider."""
    from tailorbird.workflow.money.tariff import merge_prices  # noqa: PLC0415 - as in `metered`

    today = provider.clock.today()
    own = {
        model: {"read_on": today, **price.model_dump(exclude_none=True)}
        for model, price in profile.prices.items()
    }
    return merge_prices(provider.prices, own)


def metered(provider: Provider, workspace: Workspace, profile: Profile) -> MeteredProvider:
    """Put the meter before a provider, with the prices and the budget of a profile."""
    # asyncio and the meter cost 20 ms that `import tailorbird` does not pay.
    from tailorbird.workflow.money.meter import Meter  # noqa: PLC0415
    from tailorbird.workflow.money.metered import MeteredProvider  # noqa: PLC0415
    from tailorbird.workflow.money.tariff import Tariff  # noqa: PLC0415

    return MeteredProvider(
        Meter(
            provider=provider,
            workspace=workspace,
            tariff=Tariff(
                prices=known_prices(provider, profile),
                profile=profile.name,
                roles={**provider.roles, **profile.roles},
                workspace=workspace,
                identity=provider.identity,
            ),
            budget=profile.budget,
        )
    )


_MOST_USD = 1_000_000
