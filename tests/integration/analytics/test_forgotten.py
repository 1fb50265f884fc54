"""Of a Space that is forgotten the numbers stay, and nobody is in its rows any more; nor is a person who is erased."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.analytics import v1
from contracts.envelope import Event
from contracts.people import v1 as people
from contracts.tipping import v1 as tipping
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from services.analytics import projection
from services.analytics.adapters.clickhouse import ClickHouse, Unreachable
from services.analytics.app import forgetting
from tests.integration.analytics.asking import figures, publish
from tests.integration.analytics.test_figures import ANN, BOB, EVE, KIM, counted, joined, reacted, speaking, talked
from tests.support.at_rest import entries
from tests.support.events import at, created, ended, stage_joined, started
from tests.support.nats import NatsServer, running_nats
from tests.support.service_process import ServiceProcess
from tests.support.waiting import eventually, pace

EVERYBODY = {one.id for one in (ANN, BOB, EVE, KIM)}
ROWS = """
import sys, json, clickhouse_connect
client = clickhouse_connect.get_client(dsn=f"chdb://{sys.argv[1]}")
sql = "SELECT person_id, other_id, session_id, subject_id, people FROM engagement WHERE space_id = {space:String}"
print(json.dumps(client.query(sql, parameters={"space": sys.argv[2]}).result_rows))
"""


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
def env(server: NatsServer) -> dict[str, str]:
    return {
        **server.env,
        "ROSTRUM_ANALYTICS_INSERT_EVERY": "0",
        "ROSTRUM_ANALYTICS_FORGET_AFTER": "0",
        "ROSTRUM_ANALYTICS_OLD_PARTS_SECONDS": "1",
    }


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("test", BusSettings(url=server.url)) as bus:
        yield bus


@pytest.fixture
async def analytics(env: dict[str, str]) -> AsyncIterator[ServiceProcess]:
    async with ServiceProcess("analytics", env) as process:
        yield process


def evening(space: str) -> list[Event]:
    tip = new_id()
    return [
        created(space, ANN),
        started(space, ANN),
        joined(space, EVE.id, seconds=1),
        joined(space, EVE.id, seconds=2, source="feed"),
        joined(space, KIM.id, seconds=3),
        joined(space, None, seconds=4),
        stage_joined(space, BOB, version=3),
        counted(space, 3, seconds=4),
        reacted(space, clap=2),
        speaking(space, ANN.id, seconds=5),
        talked(space, ANN.id, 10, end=15),
        speaking(space, BOB.id, ANN.id, seconds=20),
        tipping.TipOffered(
            person_id=ANN.id, version=1, at=at(20), tip_id=tip, space_id=space, payer=EVE, provider="paypal"
        ),
        ended(space, seconds=150, version=4),
    ]


def forgotten(space: str) -> people.Forgotten:
    return people.Forgotten(number=1, what=f"space:{space}", at=at(200))


async def nobody_talked(bus: Bus, space: str) -> v1.SpaceFigures:
    """The figures once they name nobody."""

    async def asked() -> bool:
        return not (await figures(bus, space)).talk_seconds_by_speaker

    await eventually(asked)
    return await figures(bus, space)


def folder(env: dict[str, str]) -> Path:
    return Path(env["ROSTRUM_VAR"]) / "analytics"


def files(env: dict[str, str]) -> set[int]:
    """The files of all rows there are or were; one that is written anew is another."""
    table = (folder(env) / "data" / "default" / "engagement").resolve()
    return {status.st_ino for path, status in entries(table) if path.suffix == ".bin"}


def ids_in(env: dict[str, str], space: str) -> set[str]:
    """Whatever stands in the place of ids in the rows of a Space, read when nothing else has the engine's folder."""
    told = subprocess.run(
        [sys.executable, "-c", ROWS, str(folder(env).resolve()), space], capture_output=True, text=True, check=True
    )
    return {one for row in json.loads(told.stdout) for one in (*row[:4], *row[4])}


def without_sequence(told: v1.SpaceFigures) -> v1.SpaceFigures:
    return told.model_copy(update={"through_sequence": 0, "talk_seconds_by_speaker": {}})


async def test_its_numbers_stay_and_nobody_is_in_its_rows_old_parts_included(
    bus: Bus, env: dict[str, str], analytics: ServiceProcess
) -> None:
    space, other = new_id(), new_id()
    await publish(bus, *evening(space))
    before = await figures(bus, space)
    assert before.talk_seconds_by_speaker.keys() == {ANN.id, BOB.id}
    assert (before.total_listeners, before.speakers, before.tips_offered) == (3, 2, 1)
    with_people = files(env)
    assert with_people

    await publish(bus, forgotten(space))
    after = await nobody_talked(bus, space)
    assert without_sequence(after) == without_sequence(before)
    await eventually(lambda: not with_people & files(env))
    await publish(bus, *evening(other))
    assert (await figures(bus, other)).talk_seconds_by_speaker == before.talk_seconds_by_speaker
    # What is told once more, or later, puts nobody back.
    await publish(bus, *evening(space))
    assert without_sequence(await figures(bus, space)) == without_sequence(before)
    await analytics.stop()
    assert not ids_in(env, space) & EVERYBODY
    assert {one[:1] for one in ids_in(env, space)} <= {"", "~"}
    assert ids_in(env, other) >= EVERYBODY


@pytest.mark.parametrize("seconds", [0.0, 0.2])
async def test_killed_at_any_step_it_goes_on_and_the_numbers_stay(
    bus: Bus, env: dict[str, str], analytics: ServiceProcess, seconds: float
) -> None:
    space = new_id()
    await publish(bus, *evening(space))
    before = await figures(bus, space)
    await publish(bus, forgotten(space))
    await pace(time.monotonic() + seconds)
    analytics.kill()
    await analytics.start()
    assert without_sequence(await nobody_talked(bus, space)) == without_sequence(before)

    async def nobody() -> bool:
        await analytics.stop()
        left = ids_in(env, space)
        await analytics.start()
        return not left & EVERYBODY

    await eventually(nobody)


# ---- people ----


def erased(person: str) -> people.Erased:
    return people.Erased(person_id=person, version=9, at=at(200))


def follows(person: str, other: str) -> people.Followed:
    return people.Followed(person_id=person, version=2, at=at(1), followee_id=other)


async def silent(bus: Bus, space: str, person: str) -> None:
    """Until the figures of a Space do not name somebody any more."""

    async def asked() -> bool:
        return person not in (await figures(bus, space)).talk_seconds_by_speaker

    await eventually(asked)


async def test_who_is_erased_is_nobody_in_every_space_old_parts_included_and_the_numbers_stay(
    bus: Bus,
    env: dict[str, str],
    analytics: ServiceProcess,
) -> None:
    one, two = new_id(), new_id()
    await publish(bus, *evening(one), *evening(two), follows(ANN.id, BOB.id), follows(BOB.id, ANN.id))
    before = [await figures(bus, space) for space in (one, two)]
    with_ann = files(env)
    assert with_ann
    for person in (ANN.id, EVE.id):
        await publish(bus, erased(person))
    for space in (one, two):
        await silent(bus, space, ANN.id)
    after = [await figures(bus, space) for space in (one, two)]
    assert [without_sequence(told) for told in after] == [without_sequence(told) for told in before]
    for told, was in zip(after, before, strict=True):
        assert told.talk_seconds_by_speaker == {BOB.id: was.talk_seconds_by_speaker[BOB.id]}
    await eventually(lambda: not with_ann & files(env))
    # What is told once more, or later, brings nobody back.
    late = [joined(one, ANN.id, seconds=6), talked(one, ANN.id, 10, end=15), follows(ANN.id, BOB.id)]
    await publish(bus, *late, speaking(two, ANN.id, seconds=300))
    assert without_sequence(await figures(bus, one)) == without_sequence(before[0])
    await analytics.stop()
    left = [ids_in(env, space) for space in (one, two, "")]
    assert not set.union(*left) & {ANN.id, EVE.id}
    assert left[0] >= EVERYBODY - {ANN.id, EVE.id}
    nobody = [{id for id in ids if id.startswith("~")} for ids in left]
    assert [len(words) for words in nobody] == [2, 2, 0]
    assert not nobody[0] & nobody[1], "nobody is followed from one Space to the next"


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3])
async def test_killed_at_any_step_a_person_is_nobody_all_the_same(
    bus: Bus,
    env: dict[str, str],
    analytics: ServiceProcess,
    seconds: float,
) -> None:
    space = new_id()
    await publish(bus, *evening(space))
    before = await figures(bus, space)
    await publish(bus, erased(ANN.id))
    await pace(time.monotonic() + seconds)
    analytics.kill()
    await analytics.start()
    await silent(bus, space, ANN.id)
    assert without_sequence(await figures(bus, space)) == without_sequence(before)

    async def gone() -> bool:
        await analytics.stop()
        left = ids_in(env, space)
        await analytics.start()
        return ANN.id not in left

    await eventually(gone)


def rows_of_whoever_is_erased_in_two_goes(folder: str) -> list[str]:
    """What stands in the place of somebody, where analytics was killed between two pages of a Space."""
    return asyncio.run(_erased_in_two_goes(folder))


async def _erased_in_two_goes(folder: str) -> list[str]:
    pages = 0

    class Killed(ClickHouse):
        async def insert(self, table: str, *given: Any) -> None:
            nonlocal pages
            pages += table == projection.TABLE
            if pages == 2:
                raise Unreachable("killed")
            await super().insert(table, *given)

    forgetting._PAGE = 3  # type: ignore[misc]
    place = datetime.now(UTC) - timedelta(hours=1)
    row = {"space_id": "space", "context": "presence", "name": "joined", "person_id": ANN.id}
    database = await Killed.open(f"chdb://{folder}", projection.schema(30, 1))
    rows = [tuple({**row, "at": place, "event_id": f"{number}"}.values()) for number in range(9)]
    await ClickHouse.insert(database, projection.TABLE, (*row, "at", "event_id"), rows, "rows")
    await ClickHouse.insert(database, projection.ERASED, ("person_id", "step", "at"), [(ANN.id, 0, place)], "owed")
    with contextlib.suppress(Unreachable):
        await forgetting.Forgetting(database, after=0)._look()
    assert pages == 2
    pages = 3
    await forgetting.Forgetting(database, after=0)._look()
    found = await database.query(f"SELECT person_id FROM {projection.TABLE} FINAL", {})
    secrets = await database.query(f"SELECT id FROM {projection.SECRETS}", {})
    await database.close()
    return [*(one for (one,) in found), *(one for (one,) in secrets)]


def test_killed_between_two_pages_it_takes_the_same_word_for_the_same_person(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own:  # an engine of its own
        found = own.submit(rows_of_whoever_is_erased_in_two_goes, str(tmp_path / "engine")).result()
    assert len(found) == 9, "and what it is made from is gone"
    (word,) = set(found)
    assert word.startswith(projection.NAMELESS)
