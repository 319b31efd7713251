"""Who puts hits into a better order: the caller's own, the workbench's own, or a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailorbird.workflow.searching.selection import Rerank

if TYPE_CHECKING:
    from collections.abc import Callable

    from tailorbird.protocols import Chat, Reranker
    from tailorbird.types.models import RoleModel

Wanted = bool | Rerank | None
"""What a call says about reranking: yes, no, how, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranking:
    """What a workbench knows about reranking."""

    chat: Chat
    """Asks a model."""
    role: Callable[[str], RoleModel | None]
    """Gives the model that plays a role; None where none is named."""
    require: Callable[[str], RoleModel]
    """The same, an error where none is named."""
    own: Reranker | None
    """What reranks in place of a model."""
    always: bool
    """What holds where a call says nothing."""

    def make(self, settings: Rerank) -> Reranker:
        """Give what reranks.

        Raises:
            ConfigError: No model plays the role `reranker`, nor `chat`.
        """
        if self.own is not None:
            return self.own
        # asyncio costs 20 ms that `import tailorbird` does not pay.
        from tailorbird.workflow.searching.reranking import ModelReranker  # noqa: PLC0415

        role = self.role("reranker") or self.require("chat")
        return ModelReranker(chat=self.chat, model=role.callable_id, settings=settings)

    def settings(self, wanted: Wanted) -> Rerank | None:
        """Give how to rerank; None for not at all."""
        if wanted is None:
            wanted = self.always
        return Rerank() if wanted is True else wanted or None

    def chosen(
        self, wanted: Wanted | Reranker
    ) -> tuple[Rerank | None, Callable[[Rerank], Reranker]]:
        """Give how to rerank, and what makes the one that does it."""
        if wanted is None or isinstance(wanted, (bool, Rerank)):
            return self.settings(wanted), self.make
        return Rerank(), lambda _: wanted

    def identity(self, settings: Rerank | None) -> str:
        """Give the identity of what reranks; empty where nothing does."""
        return "" if settings is None else self.make(settings).identity
