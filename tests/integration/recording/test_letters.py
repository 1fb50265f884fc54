"""Captured audio that could not be used is kept, and `rostrum dlq retry` has it recorded once it can be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts import capture, subjects
from libs.bus.dead_letters import Letter, bury, read_letters
from libs.ids import new_id
from libs.service import Service
from services.recording.main import CAPTURE_CONSUMER
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, payloads
from tests.support.command import CommandOutput, rostrum
from tests.support.nats import NatsServer
from tests.support.waiting import eventually
from tests.unit.recording.sounds import bundles, encode, noise, stream


async def letters(stage: Stage) -> list[Letter]:
    return [letter async for letter in read_letters(stage.bus.js, CAPTURE_CONSUMER)]


async def retry(nats: NatsServer) -> CommandOutput:
    return await rostrum("dlq", "retry", "--all", "--consumer", CAPTURE_CONSUMER, env={"ROSTRUM_NATS_URL": nats.url})


@pytest.mark.usefixtures("service")
async def test_a_bundle_of_tomorrow_is_buried_and_the_retry_says_why_it_still_is(
    stage: Stage, nats: NatsServer
) -> None:
    await stage.start()
    body = bytearray(next(iter(bundles(stream(encode(noise(0.1)), at=5), base_ns=stage.base_ns))))
    body[0] = capture.VERSION + 1
    sequence = await stage.publish(stage.host, new_id(), bytes(body))

    async def buried() -> list[Letter] | None:
        return await letters(stage) or None

    (letter,) = await eventually(buried)
    stored = await stage.bus.js.get_msg(subjects.CAPTURE_STREAM, sequence)
    assert (letter.service, letter.sequence, letter.data) == ("recording", sequence, stored.data)
    assert bytes(body) not in letter.data, "it is sealed there too"
    said = await retry(nats)
    assert said.code == 1
    assert "unknown bundle version 2" in said.errors
    assert [one.number for one in await letters(stage)] == [letter.number]


async def test_what_an_older_version_buried_is_in_the_replay(
    stage: Stage, service: Service[Settings], nats: NatsServer
) -> None:
    sent = encode(noise(3))
    await stage.start()
    session = new_id()

    async def buried(part: slice) -> None:
        for number, body in list(enumerate(bundles(stream(sent, at=5), base_ns=stage.base_ns), 10_000))[part]:
            headers = {subjects.HEADER_PERSON: stage.host.id, subjects.HEADER_SESSION: session}
            await bury(
                service.bus, CAPTURE_CONSUMER, subjects.CAPTURE_STREAM, number, datetime.now(UTC),
                subjects.capture(stage.space_id, session), headers, body, "unknown bundle version 1",
            )  # fmt: skip

    await buried(slice(None, -2))
    done = await retry(nats)
    assert (done.code, done.errors) == (0, "")
    assert await letters(stage) == []
    await stage.end()
    (track,) = (await stage.ready()).tracks
    heard = await payloads(stage, track, service.settings.var)
    assert heard == sent[: len(heard)]
    assert len(heard) > 100

    await buried(slice(-2, None))
    late = await retry(nats)
    assert late.code == 1
    assert "the replay of its Space is finished" in late.errors
    assert len(await letters(stage)) == 2, "nothing that cannot be used is said to be handled"
