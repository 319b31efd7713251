"""Keep tens of thousands of answers in little memory: what is equal in them is kept once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tailorbird.types.answers import Answer, RetrievedPassage
    from tailorbird.types.base import Frozen
    from tailorbird.types.usage import Usage

F = TypeVar("F", bound="Frozen")


class Pool:
    """What the values of one run have in common."""

    __slots__ = ("_names", "_retrieved", "_usages")

    def __init__(self) -> None:
        """Begin without any value."""
        self._names: dict[frozenset[str], set[str]] = {}
        self._retrieved: dict[tuple[RetrievedPassage, ...], tuple[RetrievedPassage, ...]] = {}
        self._usages: dict[Usage, Usage] = {}

    def answer(self, answer: Answer) -> Answer:
        """Give an equal answer that shares passages and usage with the earlier ones.

        Arms that search one index see the same passages, and most answers took no reranking.
        """
        for passage in answer.retrieved:
            self.lean(passage)
            if passage.span is not None:
                self.lean(passage.span)
        for citation in answer.citations:
            self.lean(citation)
            self.lean(citation.span)
        usage, rerank_usage = self.lean(answer.usage), self.lean(answer.rerank_usage)
        shared = {
            "retrieved": self._retrieved.setdefault(answer.retrieved, answer.retrieved),
            "usage": self._usages.setdefault(usage, usage),
            "rerank_usage": self._usages.setdefault(rerank_usage, rerank_usage),
        }
        return self.lean(answer.model_copy(update=shared))

    def lean(self, value: F) -> F:
        """Let a value share the set of its given fields' names, and give the value.

        Such a set takes more memory than all else of a value with a dozen fields. It is equal to
        the one that the value had, and of a frozen value nobody changes it.
        """
        names = value.model_fields_set
        shared = self._names.setdefault(frozenset(names), names)
        object.__setattr__(value, "__pydantic_fields_set__", shared)
        return value
