"""Scan the blocks of a file for plain chat rows, in threads of their own."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tailorbird.data.files.blocks import BLOCKS_ALIVE
from tailorbird.data.training.scan.plain_rows import CAPACITY, PlainRows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from tailorbird.data.files.blocks import Block, BlockReader
    from tailorbird.data.training.scan.plain_rows import PlainScan

SCANNERS = max(1, min(BLOCKS_ALIVE - 1, os.cpu_count() or 1))
"""How many blocks are scanned at a time."""

_UNCLEAR_BLOCKS = 3


class BlockScans:
    """Gives the blocks of a file in order, each with what a scan found out about it.

    A scan works where Python's lock is not held, so two of them and the reader share the cores. A
    file whose blocks are hardly plain is no longer scanned after a few of them.
    """

    def __init__(self, reader: BlockReader, *, longest_bytes: int) -> None:
        """Take a reader; rows of more than `longest_bytes` bytes are never plain."""
        self._reader = reader
        self._free = deque(PlainRows(longest_bytes=longest_bytes) for _ in range(SCANNERS))
        self._unclear = 0

    def __iter__(self) -> Iterator[tuple[Block, PlainScan | None]]:
        """Read the file; None stands for a block that was not scanned.

        Raises:
            OSError: The file cannot be read.
        """
        waiting: deque[tuple[Block, PlainRows, Future[PlainScan]] | tuple[Block]] = deque()
        with ThreadPoolExecutor(SCANNERS) as pool:
            for block in self._reader:
                if len(waiting) == SCANNERS:
                    yield self._settled(waiting.popleft())
                if block.cut or block.end > CAPACITY or self._unclear == _UNCLEAR_BLOCKS:
                    waiting.append((block,))
                else:
                    scanner = self._free.popleft()
                    waiting.append((block, scanner, pool.submit(scanner.scan, block)))
            while waiting:
                yield self._settled(waiting.popleft())

    def _settled(
        self, one: tuple[Block, PlainRows, Future[PlainScan]] | tuple[Block]
    ) -> tuple[Block, PlainScan | None]:
        if len(one) == 1:
            return one[0], None
        block, scanner, future = one
        found = future.result()
        self._free.append(scanner)
        is_clear = 2 * len(found.doubtful) <= len(found.line_ends)
        self._unclear = 0 if is_clear else self._unclear + 1
        return block, found
