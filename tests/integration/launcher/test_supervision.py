"""What the launcher promises while a system runs: everything comes back, on the same addresses."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import AsyncIterator, Container
from pathlib import Path

import nats
import psutil
import pytest

from contracts import subjects
from infra.launcher import AlreadyRunning, DataGone, GaveUp, PortTaken, StartFailed, System
from infra.launcher.bus import LocalNats
from libs.bus.origin import mark
from tests.support.processes import gone, own_children, running, started_since
from tests.support.waiting import LIMIT, eventually, pace

DUMMY = "tests.support.dummy_service:serve"


def small(var: Path, *services: str, **settings: str) -> System:
    """A system of stand-ins."""
    return System(
        var, gateway_port=0, services=services or ("room", "gateway"), settings=settings, entry=DUMMY, preload=("nats",)
    )


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with small(tmp_path) as running_system:
        yield running_system


async def ask(system: System, service: str) -> int:
    """The pid that a service answers with on the bus; asked until it does."""
    user, password = system.credentials()
    client = await nats.connect(system.nats_url, user=user, password=password)
    try:

        async def whoami() -> int | None:
            try:
                reply = await client.request(subjects.query(service, "whoami"), timeout=1, headers=mark("test"))
            except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
                return None
            return int(json.loads(reply.data)["pid"])

        return await eventually(whoami)
    finally:
        await client.close()


async def test_every_service_answers_once_the_system_is_ready(system: System) -> None:
    assert await ask(system, "room") == system.pid("room")
    assert await ask(system, "gateway") == system.pid("gateway")


async def test_the_system_file_tells_who_runs_where_and_goes_with_the_system(tmp_path: Path) -> None:
    async with small(tmp_path) as system:
        told = json.loads((tmp_path / "run" / "system.json").read_text())
        assert told["url"] == system.url
        assert told["nats_url"] == system.nats_url
        assert told["processes"]["room"] == {"pid": system.pid("room"), "ready": True, "health": "http://127.0.0.1:1/"}
    assert not (tmp_path / "run" / "system.json").exists()


@pytest.mark.parametrize("name", ["room", "gateway", "nats"])
async def test_a_killed_process_is_started_again_and_the_others_stay(system: System, name: str) -> None:
    others = {other: system.pid(other) for other in ("room", "gateway", "nats") if other != name}
    killed = system.kill(name)
    await system.ready(name)
    assert system.pid(name) != killed
    assert {other: system.pid(other) for other in others} == others
    assert await ask(system, "room") == system.pid("room")
    assert system.restarts(name) == 1
    told = json.loads((system.var_dir / "run" / "system.json").read_text())
    assert {each: told["processes"][each]["pid"] for each in (name, *others)} == {**others, name: system.pid(name)}


async def test_nats_that_crashes_is_started_again_and_all_others_stay(system: System) -> None:
    """One that its own code ends has another exit code than one that is killed: the same as a wrong setting."""
    others = {name: system.pid(name) for name in ("room", "gateway")}
    system.kill("nats", signal.SIGQUIT)  # Go ends as after a panic
    await eventually(lambda: system.restarts("nats") == 1)
    await system.ready("nats")
    assert await ask(system, "room") == system.pid("room")
    assert {name: system.pid(name) for name in others} == others


async def test_a_killed_fork_server_brings_everything_back_on_the_same_addresses(system: System) -> None:
    before = system.nats_url, system.url
    old = [psutil.Process(system.pid(name)) for name in ("room", "gateway", "nats")]
    forks = psutil.Process(system.pid("room")).parent()
    assert forks is not None
    forks.kill()
    await gone(old)
    for name in ("nats", "room", "gateway"):
        await system.ready(name)
    assert (system.nats_url, system.url) == before
    assert await ask(system, "room") == system.pid("room")


async def test_nats_that_dies_again_while_its_streams_are_declared_is_started_again(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare = LocalNats.declare
    killed: list[int] = []

    async def dies(local: LocalNats, services: Container[str]) -> None:
        if not killed:
            killed.append(system.kill("nats"))
            await eventually(lambda: system.restarts("nats") == 2)
            raise nats.errors.TimeoutError
        await declare(local, services)

    monkeypatch.setattr(LocalNats, "declare", dies)
    killed_first = system.kill("nats")
    await eventually(lambda: system.restarts("nats") == 2)
    await system.ready("nats")
    assert system.pid("nats") not in (killed_first, *killed)
    assert await ask(system, "room") == system.pid("room")
    await system.ready("room")  # and the system goes on


async def test_streams_that_nats_is_slow_to_declare_are_declared_later(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.launcher.system.DECLARE_AGAIN_SECONDS", 0.05)
    declare, slow = LocalNats.declare, [nats.errors.TimeoutError()] * 2

    async def hesitates(local: LocalNats, services: Container[str]) -> None:
        if slow:
            raise slow.pop()
        await declare(local, services)
        slow.append(nats.errors.TimeoutError())

    monkeypatch.setattr(LocalNats, "declare", hesitates)
    system.kill("nats")
    await eventually(lambda: len(slow) == 1)  # it was declared
    await system.ready("nats")


async def test_a_process_that_the_system_has_no_room_for_is_started_later_and_no_other_is_touched(
    system: System,
) -> None:
    untouched, room = await ask(system, "gateway"), system.pid("room")
    forks = psutil.Process(room).parent()
    assert forks is not None
    before = forks.rlimit(psutil.RLIMIT_NOFILE)
    # Not the number of processes, which does not bind root.
    forks.rlimit(psutil.RLIMIT_NOFILE, (3, before[1]))
    os.kill(room, signal.SIGKILL)
    await eventually(lambda: system.restarts("room") >= 2)
    forks.rlimit(psutil.RLIMIT_NOFILE, before)
    assert await ask(system, "room") != room
    assert await ask(system, "gateway") == untouched
    assert forks.is_running()


async def test_a_service_that_waits_to_be_started_again_when_the_fork_server_is_killed_runs_once(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.launcher.process.FIRST_DELAY_SECONDS", 1.0)
    forks = psutil.Process(system.pid("room")).parent()
    assert forks is not None
    system.kill("room")
    await system.ready("room")
    system.kill("room")  # the second in a row: a second passes before it is started again
    await eventually(lambda: system.restarts("room") == 2)
    forks.kill()
    for name in ("nats", "room", "gateway"):
        await system.ready(name)
    await pace(time.monotonic() + 1.2)
    forks = psutil.Process(system.pid("room")).parent()
    assert forks is not None
    assert [child.pid for child in forks.children() if child.name() == "rostrum:room"] == [system.pid("room")]


async def test_nobody_else_gets_the_gateways_port_while_it_is_down(system: System) -> None:
    port = int(system.url.rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED, "the stand-in does not listen"
    with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
        other.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as gateway:
        assert gateway.getsockname()[1] == port


async def test_the_fork_server_has_one_thread_after_it_imported_everything(tmp_path: Path) -> None:
    async with System(tmp_path, gateway_port=0, services=("room",), entry=DUMMY) as system:
        assert system.preload_info["threads"] == 1


async def test_nothing_is_left_after_the_system_stopped(tmp_path: Path) -> None:
    before = own_children()
    async with small(tmp_path):
        processes = started_since(before)
        assert len(processes) >= 4
    assert running(processes) == []


async def test_a_service_that_does_not_drain_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    system = System(
        tmp_path, gateway_port=0, services=("room",), entry=DUMMY, preload=("nats",), say=said.append,
        settings={"DUMMY_ROOM": "stubborn"}, drain_seconds=0.3,
    )  # fmt: skip
    async with system:
        pid = system.pid("room")
    assert not psutil.pid_exists(pid)
    assert any("room did not drain" in line for line in said)


async def test_a_service_that_cannot_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    before = own_children()
    system = small(tmp_path, DUMMY_ROOM="fail")
    with pytest.raises(StartFailed, match=r"room could not start: the tea is cold \(log: .*room\.log\)"):
        await system.start()
    assert running(started_since(before)) == []


async def test_a_stop_waits_for_nothing_that_was_never_started(tmp_path: Path) -> None:
    said: list[str] = []
    keys = tmp_path / "keys" / "nats.json"
    await asyncio.to_thread(keys.parent.mkdir)
    await asyncio.to_thread(keys.write_text, "{")
    system = System(tmp_path, gateway_port=0, services=("room",), entry=DUMMY, drain_seconds=5, say=said.append)
    with pytest.raises(StartFailed, match="does not hold the passwords"):
        await system.start()
    assert [line for line in said if "did not drain" in line] == []


async def test_a_wrong_setting_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="ROSTRUM_TEA: must be warm"):
        await small(tmp_path, DUMMY_GATEWAY="config").start()


async def test_a_service_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    system = small(tmp_path, DUMMY_ROOM="flap")
    async with system, asyncio.timeout(LIMIT):
        with pytest.raises(GaveUp, match="room keeps dying"):
            await system.wait()


async def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    before = own_children()
    async with await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
            await System(tmp_path, gateway_port=port, entry=DUMMY).start()
    assert running(started_since(before)) == []


async def test_a_second_launcher_on_the_same_folder_is_refused(system: System) -> None:
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        await small(system.var_dir).start()


async def test_the_passwords_are_readable_by_their_owner_only_and_survive_a_restart(tmp_path: Path) -> None:
    async with small(tmp_path) as system:
        passwords = (tmp_path / "keys" / "nats.json").read_text()
        for secret in ("keys/nats.json", "run/nats.json"):
            assert stat.S_IMODE((tmp_path / secret).stat().st_mode) == 0o600
        assert "ROSTRUM_NATS_PASSWORD" not in (tmp_path / "run" / "system.json").read_text()
        assert system.credentials("room")[1] in passwords
    async with small(tmp_path):
        assert (tmp_path / "keys" / "nats.json").read_text() == passwords


@pytest.mark.parametrize("how", ["removed", "replaced"])
async def test_everything_stops_at_once_when_the_folder_is_gone(tmp_path: Path, how: str) -> None:
    before = own_children()
    var = tmp_path / "var"
    async with small(var) as system:
        if how == "removed":
            await asyncio.to_thread(shutil.rmtree, var)
        else:
            await asyncio.to_thread(var.rename, tmp_path / "old")
            await asyncio.to_thread(shutil.copytree, tmp_path / "old", var)
        with pytest.raises(DataGone, match="was removed or replaced while the system ran"):
            async with asyncio.timeout(LIMIT):
                await system.wait()
    assert running(started_since(before)) == []


async def test_a_log_that_grows_too_large_is_put_aside_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.launcher.folder.LOG_BYTES", 1000)
    monkeypatch.setattr("infra.launcher.folder.LOG_LOOKS", 1)
    async with small(tmp_path) as system:
        log = tmp_path / "logs" / "nats.log"
        old = log.with_name("nats.log.1")
        await eventually(lambda: old.exists() and old.stat().st_size > 1000 > log.stat().st_size)
        with pytest.raises(nats.errors.Error):
            await nats.connect(system.nats_url, user="nobody", password="", allow_reconnect=False)
        await eventually(lambda: b"authentication error" in log.read_bytes())
        assert b"\0" not in log.read_bytes(), "it is written from its start, not from where it was"
        assert system.restarts("nats") == 0


async def test_a_service_whose_store_is_removed_ends_the_system_and_begins_no_other(tmp_path: Path) -> None:
    store = tmp_path / "stores" / "room.db"
    async with System(tmp_path, gateway_port=0, services=("room",)) as system:
        store.unlink()
        with pytest.raises(DataGone, match=r"room stopped.*room\.db was removed or replaced while in use"):
            async with asyncio.timeout(LIMIT):
                await system.wait()
    assert not store.exists()


async def test_terminating_a_service_is_a_death_like_another(system: System) -> None:
    old = psutil.Process(system.pid("room"))
    assert system.kill("room", signal.SIGTERM) == old.pid
    await gone([old])
    await system.ready("room")
    assert system.pid("room") != old.pid


async def test_several_media_processes_are_kept_apart_and_run_the_same_service(tmp_path: Path) -> None:
    fixed = {"ROSTRUM_MEDIA_PORT": "4000", "ROSTRUM_MEDIA_NODES": "3"}
    system = System(
        tmp_path, gateway_port=0, services=("room", "media"), settings=fixed, entry=DUMMY, preload=("nats",),
        media_nodes=3,
    )  # fmt: skip
    async with system:
        assert system.services == ("room", "media", "media-2", "media-3")
        assert len({system.pid(name) for name in system.services}) == 4
        environments = [system.environment(name) for name in system.services[1:]]
        assert {environment["ROSTRUM_NATS_USER"] for environment in environments} == {"media"}
        assert len({environment.get("ROSTRUM_MEDIA_INSTANCE") for environment in environments}) == 3
        assert [environment["ROSTRUM_MEDIA_PORT"] for environment in environments] == ["4000", "4001", "4002"]
        assert not any("ROSTRUM_MEDIA_NODES" in environment for environment in environments)
        killed = system.kill("media-2")
        await system.ready("media-2")
        assert system.pid("media-2") != killed
