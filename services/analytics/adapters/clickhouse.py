"""ClickHouse through clickhouse-connect: the embedded engine (`chdb:///folder`) or a server (`http://...`).

The client is synchronous, so each of the three connections has a thread of its own: one inserts, one answers
questions, one deletes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Unreachable(Exception):
    """The engine cannot take it now; the same insert may succeed later."""


class ClickHouse:
    """Three connections to one engine. Made by `open`."""

    def __init__(self) -> None:
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="clickhouse-insert")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="clickhouse-query")
        self._deleting = ThreadPoolExecutor(1, thread_name_prefix="clickhouse-delete")
        self._writer: Client
        self._reader: Client
        self._deleter: Client

    @classmethod
    async def open(cls, dsn: str, statements: Sequence[str]) -> ClickHouse:
        """Connect and run `statements`. Raises OSError naming the engine where that does not work."""
        database = cls()
        loop = asyncio.get_running_loop()
        # In turn: what is imported (the embedded engine starts a dozen threads) is imported once.
        database._writer = await loop.run_in_executor(database._writing, _connect, dsn)
        database._reader = await loop.run_in_executor(database._reading, _connect, dsn)
        database._deleter = await loop.run_in_executor(database._deleting, _connect, dsn)
        for statement in statements:
            await loop.run_in_executor(database._writing, database._writer.command, statement)
        return database

    async def close(self) -> None:
        """Finish what runs, disconnect."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._deleting, self._deleter.close)
        await loop.run_in_executor(self._reading, self._reader.close)
        await loop.run_in_executor(self._writing, self._writer.close)
        self._deleting.shutdown()
        self._reading.shutdown()
        self._writing.shutdown()

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], token: str) -> None:
        """Insert rows; an insert with a token that the table has seen is none.

        Raises Unreachable, and what the client makes of values that do not fit their columns.
        """

        def work() -> None:
            self._writer.insert(table, rows, column_names=columns, settings={"insert_deduplication_token": token})

        await self._run(self._writing, work)

    async def delete(self, table: str, where: str, parameters: Mapping[str, Any]) -> None:
        """Write the parts of a table anew that have such rows, without them; the old ones go soon after. Raises
        Unreachable."""

        def work() -> None:
            sql = f"ALTER TABLE {table} DELETE WHERE {where} SETTINGS mutations_sync = 1"
            self._deleter.command(sql, parameters=dict(parameters))

        await self._run(self._deleting, work)

    async def index(self, table: str, name: str, of: str, kind: str) -> None:
        """Give a table an index that it may lack. Rows that it has already are taken in, in the background. Raises
        Unreachable."""
        sql = "SELECT 1 FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = {t:String}"
        if await self.query(f"{sql} AND name = {{n:String}}", {"t": table, "n": name}):
            return
        for change in (f"ADD INDEX IF NOT EXISTS {name} {of} TYPE {kind} GRANULARITY 1", f"MATERIALIZE INDEX {name}"):
            await self._run(self._deleting, partial(self._deleter.command, f"ALTER TABLE {table} {change}"))

    async def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of a question. Raises Unreachable."""

        def work() -> Sequence[Sequence[Any]]:
            return self._reader.query(sql, parameters=dict(parameters)).result_rows

        return await self._run(self._reading, work)

    async def _run(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        from clickhouse_connect.driver.exceptions import DatabaseError, DataError

        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        except DataError:
            raise
        except DatabaseError as error:
            raise Unreachable(str(error).split("\n", 1)[0][:500]) from error


def _connect(dsn: str) -> Client:
    # Imported here, in the service's own process: threads of the engine do not survive a fork.
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        return clickhouse_connect.get_client(dsn=dsn, tz_mode="aware")
    except ClickHouseError as error:
        shown = dsn.rpartition("@")[2]
        raise OSError(f"the analytics engine at {shown} does not open: {str(error).splitlines()[0]}") from error
