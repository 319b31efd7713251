"""Loaders by the ending of the file: one line each, imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from tailorbird.exceptions import ConfigError, InvalidInputError

if TYPE_CHECKING:
    from tailorbird.data.documents.loading import Loader

_PLACE = "tailorbird.data.documents.loaders"
_BUILT_IN = {
    ".csv": f"{_PLACE}.delimited:DelimitedLoader",
    ".docx": f"{_PLACE}.word:WordLoader",
    ".htm": f"{_PLACE}.html:HtmlLoader",
    ".html": f"{_PLACE}.html:HtmlLoader",
    ".pdf": f"{_PLACE}.pdf:PdfLoader",
    ".pptx": f"{_PLACE}.slides:SlidesLoader",
    ".tsv": f"{_PLACE}.delimited:DelimitedLoader",
    ".xls": f"{_PLACE}.excel:ExcelLoader",
    ".xlsm": f"{_PLACE}.excel:ExcelLoader",
    ".xlsx": f"{_PLACE}.excel:ExcelLoader",
}

ENTRY_POINTS = "tailorbird.loaders"
"""Entry-point group under which other packages register loaders. The name is the ending without its
dot, such as `eml`; the value is what gives a `Loader` when it is called without arguments."""


class Loaders:
    """The loaders of one source: those of the call, of this package, of others, in this order."""

    def __init__(self, given: Mapping[str, Loader] | None = None) -> None:
        """Take the caller's loaders, by endings such as `.eml`.

        Raises:
            InvalidInputError: A key is no ending.
        """
        self._ready: dict[str, Loader] = {}
        for ending, loader in (given or {}).items():
            if not ending.startswith(".") or len(ending) == 1:
                message = f"{ending!r} is no ending of a file: give it with its dot, like '.eml'"
                raise InvalidInputError(message)
            self._ready[ending.lower()] = loader
        self._others: dict[str, list[str]] = {}
        for one in entry_points(group=ENTRY_POINTS):
            self._others.setdefault(f".{one.name.lower()}", []).append(one.value)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of the files that can be loaded, in lower case, sorted."""
        return tuple(sorted({*self._ready, *_BUILT_IN, *self._others}))

    def ending_of(self, name: str) -> str | None:
        """Give the longest of `suffixes` with which a file's name ends; None without any."""
        name = name.lower()
        return max(filter(name.endswith, self.suffixes), key=len, default=None)

    def find(self, suffix: str) -> Loader:
        """Give the loader for one of `suffixes`.

        Raises:
            ConfigError: Two packages bring one, or it cannot be imported.
        """
        if suffix not in self._ready:
            self._ready[suffix] = self._made(suffix)
        return self._ready[suffix]

    def _made(self, suffix: str) -> Loader:
        targets = [_BUILT_IN[suffix]] if suffix in _BUILT_IN else self._others[suffix]
        if len(targets) > 1:
            message = (
                f"the loader of {suffix!r} files is registered {len(targets)} times, by"
                f" {', '.join(targets)}: uninstall all packages that bring it but one, or give"
                f" loaders={{{suffix!r}: …}}"
            )
            raise ConfigError(message)
        module, _, attribute = targets[0].partition(":")
        try:
            make = cast("Callable[[], Loader]", getattr(import_module(module), attribute))
        except (ImportError, AttributeError) as exc:
            message = f"the loader of {suffix!r} files cannot be loaded from {targets[0]!r}: {exc}"
            raise ConfigError(message) from exc
        return make()
