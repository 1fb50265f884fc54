"""Where NATS runs elsewhere, the eraser finds out what became of the messages that it was deleting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts import subjects
from contracts.people import v1 as people
from infra.eraser.eraser import Eraser
from infra.eraser.notes import Note, Notes
from infra.eraser.overwriting import overwrite_noted
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from tests.integration.eraser.test_overwriting import leave_half_a_copy, put_in_the_way
from tests.support.at_rest import contents
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import eventually

NAME = "Needle Grüße"


async def call(bus: Bus, person: str) -> None:
    event = people.ProfileChanged(
        person_id=person, version=2, at=datetime.now(UTC), handle="needle_ann", display_name=NAME
    )
    await bus.publish_event(event)


async def erase(bus: Bus, person: str) -> None:
    await bus.publish_event(people.Erased(person_id=person, version=3, at=datetime.now(UTC)))


@asynccontextmanager
async def erasing(server: NatsServer, notes: Notes) -> AsyncIterator[None]:
    """An eraser that has done everything that there was to do when it started."""
    async with await connect("test", BusSettings(url=server.url)) as bus:
        eraser = Eraser(bus, notes)
        running = asyncio.create_task(eraser.run())
        try:
            await eventually(lambda: eraser.lack() is None)
            yield
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def block(server: NatsServer) -> Path:
    (folder,) = (server.directory / "jetstream").glob(f"jetstream/*/streams/{subjects.EVENTS_STREAM}/msgs")
    return folder


def held(server: NatsServer) -> bool:
    return any(NAME.encode() in data for _, data in contents(block(server)))


async def test_what_nats_failed_to_overwrite_is_told_until_the_stream_is_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "infra.eraser.eraser")
    person, notes = new_id(), Notes(tmp_path)
    with running_nats() as server:
        async with await connect("test", BusSettings(url=server.url)) as bus:
            await call(bus, person)
            await erase(bus, person)
        in_the_way = put_in_the_way(block(server))  # NATS writes down that the message is gone, and stops there
        async with erasing(server, notes):
            assert held(server)
        assert "names of erased people may be left" in caplog.text
        server.kill()
        leave_half_a_copy(in_the_way)
        server.start()
        caplog.clear()
        async with erasing(server, notes):
            assert held(server)
        assert "names of erased people may be left" in caplog.text
        caplog.clear()
        async with await connect("test", BusSettings(url=server.url)) as bus:
            await bus.js.delete_stream(subjects.EVENTS_STREAM)
            await bus.declare()
            await erase(bus, person)
        async with erasing(server, notes):
            assert notes.read() == []
        assert not held(server)
        assert caplog.text == ""


async def test_an_eraser_that_was_killed_deletes_what_is_there_and_warns_of_nothing_that_was_overwritten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "infra.eraser.eraser")
    person, notes = new_id(), Notes(tmp_path)
    with running_nats() as server:
        async with await connect("test", BusSettings(url=server.url)) as bus:
            await call(bus, person)
            await call(bus, person)
            await erase(bus, person)
            epoch, asked = await bus.stream_epoch(), str(bus.nc._server_info["server_id"])
            await bus.js.delete_msg(subjects.EVENTS_STREAM, 1)
        for sequence in (1, 2):
            notes.add(Note(subjects.EVENTS_STREAM, sequence, epoch, asked))
        async with erasing(server, notes):
            assert notes.read() == []
        assert not held(server)
        assert caplog.text == ""


async def test_messages_of_a_stream_that_was_made_anew_stay_whatever_was_noted_of_the_one_before(
    tmp_path: Path,
) -> None:
    notes = Notes(tmp_path)
    with running_nats() as server:
        async with await connect("test", BusSettings(url=server.url)) as bus:
            await call(bus, new_id())
            epoch = await bus.stream_epoch()
        store = server.directory / "jetstream"
        server.kill()
        notes.add(Note(subjects.EVENTS_STREAM, 1, "an earlier one"))
        overwrite_noted(store, notes)
        assert held(server)
        assert notes.read() == []
        notes.add(Note(subjects.EVENTS_STREAM, 1, epoch))
        overwrite_noted(store, notes)
        assert not held(server)
        assert notes.read() == []
