"""A service as a process: how it starts, what it says when it cannot, how it stops."""

import asyncio
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts import consumers, subjects
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.aio import end
from libs.bus import Bus, BusSettings, Received, connect
from libs.bus.declare import consumer_config
from libs.bus.origin import LATE, mark
from libs.ids import new_id
from libs.service import Service, running
from services.room.settings import Settings as RoomSettings
from tests.support.keys import keys_at
from tests.support.nats import NatsServer, free_port, running_nats
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=LIMIT) as response:
            return int(response.status), response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def run_room(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    code = "import os, sys; from services.room.main import main; sys.exit(main(os.environ))"
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=LIMIT, check=False
    )


async def test_health_readiness_and_metrics_are_on_a_loopback_port(nats: NatsServer) -> None:
    async with ServiceProcess("room", nats.env) as child:
        base = child.info["health"]
        assert base.startswith("http://127.0.0.1:")
        assert await asyncio.to_thread(get, f"{base}/healthz") == (200, b'{"status":"alive"}')
        status, body = await asyncio.to_thread(get, f"{base}/readyz")
        assert (status, json.loads(body)) == (200, {"status": "ready", "missing": {}})
        status, body = await asyncio.to_thread(get, f"{base}/metrics")
        assert b"rostrum_relay_lag" in body
        assert (await asyncio.to_thread(get, f"{base}/else"))[0] == 404


async def test_not_ready_while_nats_is_away_and_ready_again_when_it_is_back(nats: NatsServer) -> None:
    async with ServiceProcess("room", nats.env) as child:
        base = child.info["health"]
        nats.kill()

        async def missing() -> dict[str, str] | None:
            status, body = await asyncio.to_thread(get, f"{base}/readyz")
            return None if status == 200 else json.loads(body)["missing"]

        async def ready() -> bool:
            return await missing() is None

        assert "bus" in await eventually(missing)
        nats.start()
        await eventually(ready)


async def test_readiness_is_told_on_the_bus(nats: NatsServer) -> None:
    async with await connect("gateway", BusSettings(url=nats.url)) as bus:
        told = await bus.nc.subscribe(subjects.service_status("room", "*"))
        async with ServiceProcess("room", {**nats.env, "ROSTRUM_INSTANCE": "room-1"}) as child:
            status: dict[str, Any] = {"ready": False}
            while not status["ready"]:
                message = await told.next_msg(timeout=LIMIT)
                status = json.loads(message.data)
            assert (status["service"], status["instance"]) == ("room", "room-1")
            assert child.info["health"].endswith(str(status["health_port"]))


async def test_who_stands_before_an_event_is_started_and_says_so(nats: NatsServer) -> None:
    followed = people.Followed(at=datetime.now(UTC), person_id=new_id(), version=1, followee_id=new_id())
    body = json.dumps(followed.model_dump(mode="json") | {"followee_id": 7}).encode()
    async with await connect("people", BusSettings(url=nats.url)) as bus:
        await bus.js.publish(followed.subject, body, headers=mark("test", {"Nats-Msg-Id": "people:7"}), stream="EVENTS")
        # Whoever started it would otherwise give up on the whole system, and nobody could pass over the event.
        async with ServiceProcess("room", nats.env) as child:
            status, told = await asyncio.to_thread(get, f"{child.info['health']}/readyz")
            assert status == 503
            assert "people:7" in json.loads(told)["missing"]["events"]
            await bus.publish_event(people.EventPassedOver(at=datetime.now(UTC), event_id="people:7"))

            async def ready() -> bool | None:
                return (await asyncio.to_thread(get, f"{child.info['health']}/readyz"))[0] == 200 or None

            await eventually(ready)


async def test_it_stops_in_order_while_commands_are_in_flight(nats: NatsServer) -> None:
    async with (
        keys_at(nats.url),
        await connect("gateway", BusSettings(url=nats.url)) as bus,
        ServiceProcess("room", nats.env) as child,
    ):
        host = new_id()
        registered = people.Registered(person_id=host, version=1, handle="h", display_name="H", at=datetime.now(UTC))
        await bus.js.publish(registered.subject, registered.model_dump_json().encode(), headers=mark("test"))
        accepted: list[str] = []

        async def create() -> None:
            while True:
                space = new_id()
                command = room.CreateSpace(
                    command_id=space, actor=host, space_id=space, settings=room.Settings(title="x")
                )
                await bus.ask(command, timeout=LIMIT)
                accepted.append(space)

        workers = [asyncio.create_task(create()) for _ in range(20)]
        await eventually(lambda: len(accepted) >= 100)
        assert await child.stop() == 0
        await end(*workers)
        store = sqlite3.connect(Path(nats.env["ROSTRUM_VAR"]) / "stores" / "room.db")
        stored = {r[0] for r in store.execute("SELECT originator_id FROM stored_events WHERE topic='space.created'")}
        store.close()
        assert set(accepted) <= stored
        # And the relay has published all of it before the end.
        assert await _published(bus) == stored


async def _published(bus: Bus) -> set[str]:
    last = (await bus.js.get_last_msg(subjects.EVENTS_STREAM, subjects.events_of("room"))).seq
    spaces: set[str] = set()
    async for batch in bus.follow(filters=[subjects.events_of("room")]):
        spaces |= {received.event.space for received in batch if received.event.space}
        if batch[-1].sequence == last:
            break
    return spaces


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ROSTRUM_ROOM_STAGE_LIMIT": "many"}, "ROSTRUM_ROOM_STAGE_LIMIT"),
        ({"ROSTRUM_ROOM_STAGE_LIMTI": "3"}, "ROSTRUM_ROOM_STAGE_LIMTI"),
        ({"ROSTRUM_PARTITIONS": "0"}, "ROSTRUM_PARTITIONS"),
        ({"ROSTRUM_ROOM_STORE": "mysql://me:secret@db/x"}, "ROSTRUM_ROOM_STORE"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(change: dict[str, str], named: str) -> None:
    result = run_room(change)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert named in result.stderr
    assert "secret" not in result.stderr


def test_a_postgresql_that_is_away_is_one_line_that_names_it(nats: NatsServer) -> None:
    where = f"127.0.0.1:{free_port()}/rostrum"
    result = run_room({**nats.env, "ROSTRUM_STORE": f"postgresql://me:secret@{where}"})
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("rostrum room: the event store postgresql://me@")
    assert where in result.stderr.splitlines()[-1]
    assert "secret" not in result.stderr


def test_a_dead_nats_is_one_line_that_names_it() -> None:
    url = f"nats://127.0.0.1:{free_port()}"
    result = run_room({"ROSTRUM_NATS_URL": url, "ROSTRUM_START_TIMEOUT": "0.5"})
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
    assert url in result.stderr


def test_a_taken_health_port_is_one_line_that_names_it(nats: NatsServer) -> None:
    result = run_room({**nats.env, "ROSTRUM_HEALTH_PORT": str(nats.port)})
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert str(nats.port) in result.stderr


def test_a_broken_event_store_is_one_line_that_names_it(nats: NatsServer) -> None:
    store = Path(nats.env["ROSTRUM_VAR"]) / "stores" / "room.db"
    store.parent.mkdir(parents=True)
    store.write_bytes(b"this is not a database" * 100)
    result = run_room(nats.env)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert str(store) in result.stderr
    assert store.read_bytes() == b"this is not a database" * 100


async def test_sigterm_while_it_still_waits_for_nats_ends_it_too() -> None:
    code = "import os, sys; from services.room.main import main; sys.exit(main(os.environ))"
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env={"ROSTRUM_NATS_URL": f"nats://127.0.0.1:{free_port()}", "ROSTRUM_START_TIMEOUT": "60"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    assert json.loads(await asyncio.wait_for(child.stdout.readline(), LIMIT))["message"] == "starting"
    child.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(child.wait(), LIMIT) == 0


async def test_a_consumer_that_ends_by_an_unforeseen_error_ends_its_service(nats: NatsServer) -> None:
    filters = [subjects.events_of("presence")]

    async def ignore(batch: Sequence[Received]) -> None:
        pass

    async def compose(service: Service[RoomSettings]) -> None:
        await service.enter(service.bus.consume("room-test", ignore, filters=filters))

    async with await connect("room", BusSettings(url=nats.url)) as bus:
        # Nobody but an operator could write such metadata, so nothing foresees it.
        earlier = consumer_config(consumers.before("room-test"), filters, unacknowledged=1000, from_now=False)
        await bus.js.add_consumer(subjects.EVENTS_STREAM, replace(earlier, metadata={"rostrum-until": "soon"}))
        async with running(RoomSettings.read(nats.env), compose) as service, asyncio.timeout(LIMIT):
            await service.until_stopped()
        assert isinstance(service._failure, ValueError)


@pytest.mark.parametrize(
    ("far", "said"),
    [
        (LATE + 30, r"1[23]\d s behind that of NATS, and from 100 s on its messages are refused"),
        (-LATE - 30, r"1[23]\d s ahead of that of NATS, and all its times are"),
    ],
    ids=["late", "ahead"],
)
async def test_a_machine_whose_clock_is_wrong_is_not_ready_and_says_why(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch, far: float, said: str
) -> None:
    """Wrong is what is not as NATS's clock says."""
    late = far
    monkeypatch.setattr("libs.bus.clocks._EVERY", 0.05)
    monkeypatch.setattr("libs.bus.clocks._now", lambda: time.time() - late)

    async def compose(_: Service[RoomSettings]) -> None:
        pass

    async with (
        await connect("gateway", BusSettings(url=nats.url)) as bus,
        running(RoomSettings.read(nats.env), compose) as service,
    ):
        announced = await bus.nc.subscribe(subjects.service_status("room", "*"))

        async def readiness() -> tuple[int, dict[str, str]]:
            status, body = await asyncio.to_thread(get, f"http://127.0.0.1:{service.health_port}/readyz")
            return status, json.loads(body)["missing"]

        async def not_ready() -> bool:
            return (await readiness())[0] == 503

        await eventually(not_ready)
        _, missing = await readiness()
        assert set(missing) == {"clock"}
        assert re.fullmatch(rf"this machine's clock is {said}: set the clock", missing["clock"])
        while "clock" not in json.loads((await announced.next_msg(timeout=LIMIT)).data)["missing"]:
            pass  # this is what `/ops` shows
        for well in (LATE - 40, 0, 40 - LATE):
            late = well
            await eventually(lambda: not service.missing())
            late = far
            await eventually(service.missing)
