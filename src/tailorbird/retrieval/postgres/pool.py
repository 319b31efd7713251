"""A few connections, lent one at a time.

Of our own, because all that is needed is a stack and a semaphore: the driver's pool keeps worker
tasks on the event loop of whoever opened it, reconnects behind the caller's back, and is one more
package.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import ConnStatus, TransactionStatus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from tailorbird.retrieval.postgres.connecting import Connection


class Pool:
    """Opens connections when they are needed, keeps them, and closes all of them together.

    Used from one event loop until it is closed; it can be used again afterwards, from any.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], *, size: int) -> None:
        """Open nothing yet.

        Args:
            connect: Opens a connection.
            size: How many at most.
        """
        self._connect = connect
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Lend a connection; one that is broken or in the midst of something is not lent again."""
        idle = self._idle  # `close` takes another list, so that what is lent now ends up nowhere
        async with self._free:
            connection = await self._take()
            try:
                yield connection
            finally:
                if self._idle is idle and _usable(connection):
                    idle.append(connection)
                else:
                    await connection.close()

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if _usable(connection):
                return connection
            await connection.close()
        return await self._connect()

    async def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        idle, self._idle = self._idle, []
        self._free = asyncio.Semaphore(self._size)
        for connection in idle:
            await connection.close()


def _usable(connection: Connection) -> bool:
    """Say whether a connection is alive and between transactions; asks nobody."""
    try:
        # Reads what has come in already, and never waits. Twice, because a server that goes says
        # so first, and only behind its last words stands the end.
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.Error:
        return False
    status = connection.pgconn.status
    return status == ConnStatus.OK and connection.info.transaction_status == TransactionStatus.IDLE
