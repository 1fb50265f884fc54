"""Three NATS servers with three copies of every stream: one of them is killed, and nothing that was taken is lost.

They have the users that `rostrum nats` prints, and the streams that `rostrum streams` makes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import nats.errors
import pytest_asyncio
from nats.js.errors import Error as JetStreamError

from contracts import subjects
from contracts.consumers import ANALYTICS_ENGAGEMENT
from contracts.presence import v1 as presence
from libs.aio import end
from libs.bus import Bus, BusSettings, Received, Unavailable, connect
from libs.ids import new_id
from tests.support.command import rostrum
from tests.support.nats import NatsServer, free_port
from tests.support.waiting import LIMIT, eventually

SPACE = new_id()
EVERY = 200


class Member(NatsServer):
    """One of three."""

    def __init__(self, directory: Path, name: str, port: int, routes: Sequence[int]) -> None:
        super().__init__(directory)
        self.name = name
        every = ",".join(f"nats://127.0.0.1:{route}" for route in routes)
        cluster = ["--cluster_name", "three", "--cluster", f"nats://127.0.0.1:{port}", "--routes", every]
        config = directory / "nats.conf"
        config.write_text("include ../rostrum.conf\n")
        self.command = [*self.command, "--config", str(config), "--name", name, *cluster]


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[list[Member]]:
    printed = await rostrum("nats", env={"ROSTRUM_VAR": str(tmp_path)})
    assert (printed.code, printed.errors) == (0, "")
    (tmp_path / "rostrum.conf").write_text(printed.out)
    ports = [free_port() for _ in range(3)]
    members = []
    for number, port in enumerate(ports):
        directory = tmp_path / f"n{number}"
        directory.mkdir()
        members.append(Member(directory, f"n{number}", port, [other for other in ports if other != port]))
    with ExitStack() as stack:
        yield [stack.enter_context(member) for member in members]


async def environment(member: Member, user: str) -> dict[str, str]:
    """What a user of this server is told, as `rostrum nats` prints it."""
    printed = await rostrum("nats", user, env={"ROSTRUM_VAR": str(member.directory.parent)})
    assert (printed.code, printed.errors) == (0, "")
    told = dict(line.split("=", 1) for line in printed.out.splitlines())
    assert set(told) - {"ROSTRUM_NATS_API"} == {"ROSTRUM_NATS_USER", "ROSTRUM_NATS_PASSWORD"}
    return {"ROSTRUM_NATS_URL": member.url, **told}


async def connected(member: Member, service: str) -> Bus:
    told = await environment(member, service)
    user, password = told["ROSTRUM_NATS_USER"], told["ROSTRUM_NATS_PASSWORD"]
    return await connect(service, BusSettings(member.url, user, password, connect_timeout=LIMIT))


async def leader(bus: Bus) -> str:
    """The server that leads the stream of events."""

    async def found() -> str | None:
        try:
            info = await bus.js.stream_info(subjects.EVENTS_STREAM)
        except (JetStreamError, nats.errors.Error, TimeoutError):
            return None
        return info.cluster.leader if info.cluster is not None else None

    return await eventually(found)


def counted(number: int) -> presence.Counted:
    return presence.Counted(at=datetime.now(UTC), space_id=SPACE, listeners=number, on_stage=0)


async def test_the_leader_of_a_stream_is_killed_and_nothing_that_it_took_is_lost(cluster: list[Member]) -> None:
    followed: list[int] = []
    consumed: list[int] = []

    launcher = await environment(cluster[0], "launcher")

    async def made() -> bool:
        return (await rostrum("streams", "--replicas", "3", env=launcher)).code == 0  # not before there is a leader

    await eventually(made)
    async with await connected(cluster[0], "room") as first:
        leads = await leader(first)
        killed = next(member for member in cluster if member.name == leads)
        others = [member for member in cluster if member is not killed]
        async with (
            await connected(killed, "room") as publisher,
            await connected(others[0], "room") as reader,
            await connected(others[1], "analytics") as consumer,
        ):
            epoch = await reader.stream_epoch()

            async def follow() -> None:
                async for batch in reader.follow(filters=[subjects.EVENTS_SUBJECTS], epoch=epoch):
                    followed.extend(one.event.listeners for one in batch if isinstance(one.event, presence.Counted))

            async def take(batch: Sequence[Received]) -> None:
                consumed.extend(one.event.listeners for one in batch if isinstance(one.event, presence.Counted))

            for harm in ("DELETE", "PURGE"):  # what NATS is made to ask itself
                reply = f"$JS.API.STREAM.{harm}.{subjects.EVENTS_STREAM}"
                await publisher.nc.publish(f"$JS.API.STREAM.INFO.{subjects.EVENTS_STREAM}", b"", reply=reply)

            async def publish(number: int) -> None:
                while True:
                    try:
                        await publisher.publish_event(counted(number), id=f"c{number}")
                        return
                    except Unavailable:
                        continue

            following = asyncio.create_task(follow())
            async with consumer.consume(ANALYTICS_ENGAGEMENT.name, take, filters=ANALYTICS_ENGAGEMENT.filters):
                for number in range(EVERY):
                    if number == EVERY // 2:
                        await eventually(lambda: len(followed) == len(consumed) == EVERY // 2)
                        killed.kill()
                    await publish(number)
                await eventually(lambda: len(followed) >= EVERY and {*consumed} == {*range(EVERY)})
            await end(following)
            assert followed == [*range(EVERY)], "each once, in order"
            assert await leader(reader) != killed.name
