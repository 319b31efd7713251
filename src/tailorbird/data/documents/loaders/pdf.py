"""Load PDF files with pypdf, of the extra `documents`, in bounded time."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from typing_extensions import override

from tailorbird.data.documents.loaders.isolation import Isolation
from tailorbird.data.documents.loaders.pdf_pages import PdfPages
from tailorbird.data.documents.loading import Loader
from tailorbird.exceptions import MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    from tailorbird.data.documents.loading import LoadedText, LoadOptions
    from tailorbird.data.problems import Problems

SECONDS = 30.0
"""Seconds that any PDF file may take: our own bound; pypdf reads 20 to 100 pages a second."""

SECONDS_PER_MEGABYTE = 10.0
"""Seconds more for each megabyte of it: a megabyte of text has about 200 pages."""

_PACKAGE = "pypdf"


class PdfLoader(Loader):
    """Takes the text of each page; bookmarks become sections. Pictures of text are not read.

    A PDF file can be made such that reading it takes days, and nothing in Python can stop that from
    within. So files are read in a second process of this Python, one for all files of a source,
    which is killed when a file takes too long; the file is reported, and the rest goes on.

    Where no second process can be started, as within uWSGI or a frozen program, give
    `loaders={".pdf": PdfLoader(isolated=False)}` for files that you trust.
    """

    def __init__(
        self,
        *,
        seconds: float = SECONDS,
        seconds_per_megabyte: float = SECONDS_PER_MEGABYTE,
        isolated: bool = True,
    ) -> None:
        """Say how long a file may take.

        Args:
            seconds: For any file, above 0.
            seconds_per_megabyte: For each megabyte of the file besides, at least 0.
            isolated: False reads in this process, without any limit of time.
        """
        self._seconds = seconds
        self._seconds_per_megabyte = seconds_per_megabyte
        self._isolation = Isolation(PdfPages, _PACKAGE) if isolated else None

    @override
    def load(self, path: Path, *, options: LoadOptions, problems: Problems) -> LoadedText | None:
        """Take the text page by page, one page in memory at a time."""
        if not _is_installed(_PACKAGE):
            raise MissingExtraError(package=_PACKAGE, extra="documents")
        if self._isolation is None:
            return PdfPages().load(path, options=options, problems=problems)
        allowed = self._seconds + self._seconds_per_megabyte * path.stat().st_size / 1e6
        return self._isolation.load(path, options=options, problems=problems, seconds=allowed)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:
        return False
